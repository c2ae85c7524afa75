"""The option --cycles of `ogcm assimilate`: windows one after another, each with its own files, and their scores."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adjoint import estimate_file
from adjoint.assimilation_case import Case, together
from adjoint.commands import output_of
from adjoint.cycle_scores import forecast_scores, score_cycles, score_lines, window_scores
from adjoint.cycle_table import CycleLine, cycle_table, draw_cycles, lines_of, write_cycles
from adjoint.cycles import cycles
from adjoint.observations import Points
from ogcm.model import Model
from ogcm.names import beside, check_replaceable
from ogcm.restart import load_restart, save_restart
from ogcm.simulation import Simulation


def assimilate_in_cycles(settings: dict[str, Any], case: Case, simulation: Simulation) -> None:
    """Assimilate in windows, and score them; windows that exist are scored as they are.

    Parameters
    ----------
    settings : dict of str to object
        Options of the command line, `cycles` among them.
    case : Case
        The case.
    simulation : Simulation
        The run through the first window.
    """
    output = Path(settings.get("output", f"{simulation.model.name}.estimate.nc"))
    number, overwrite = len(str(settings["cycles"])), settings.get("overwrite", False)
    paths = [beside(output, f".{n:0{number}d}.nc") for n in range(1, settings["cycles"] + 1)]
    files = settings["score"].split(",") if "score" in settings else []
    points = together([p for file in files for p in case.read_likewise(file, simulation.model)])
    complete = paths and all(path.exists() and beside(path, ".restart.h5").exists() for path in paths)
    if not (files and complete) or overwrite:
        run_cycles(output_of(settings, str(output)), paths, case, simulation, overwrite=overwrite)
    if files:
        print_cycle_scores(output, paths, case, simulation, points, settings.get("score_days"))


def run_cycles(output: Path, paths: Sequence[Path], case: Case, simulation: Simulation, *, overwrite: bool) -> None:
    """Assimilate in windows, each with its own files, and write the misfits of withheld observations by window.

    With a history, the files of windows that were finished are written again with the same content.
    """
    points, withheld = case.read(simulation.model)
    choices, number = case.options(), len(str(len(paths)))
    history = choices.pop("history", None)
    made = cycles(
        points, simulation, case.estimates(simulation.model), count=len(paths), withheld=withheld, quality=case.quality,
        histories=history and history.with_name(f"{history.stem}.{{number:0{number}d}}{history.suffix}"), **choices,
    )  # fmt: skip
    for path in paths:
        check_replaceable(path, overwrite or history is not None)
    lines = list[CycleLine]()
    for window, path in zip(made, paths, strict=True):
        estimate_file.save(path, window.found, deviations=False)
        save_restart(beside(path, ".restart.h5"), window.analysis)
        lines += lines_of(window)
        if simulation.tile.is_first:
            first, last = window.found.iterations[0], window.found.iterations[-1]
            print(f"\nwindow {window.number}, from day {window.day:g}: J from {first.cost:.6g} to {last.cost:.6g}")
            print(window.report)
            if window.withheld.report.given:
                print(f"withheld:\n{window.withheld.report}")
            print(cycle_table(lines))
            write_cycles(beside(output, ".cycles.csv"), lines)
            draw_cycles(beside(output, ".cycles.png"), lines)


def analyses_in(paths: Sequence[Path], model: Model) -> Iterator[Model]:
    """Yield the model at the beginning of each window, from the restart of its analysis and its estimate."""
    for path in paths:
        analysis = model.copy()
        load_restart(beside(path, ".restart.h5"), analysis)
        estimate_file.load(path, analysis, restarts=True)
        yield analysis


def print_cycle_scores(
    output: Path, paths: Sequence[Path], case: Case, simulation: Simulation, points: list[Points], days: float | None
) -> None:
    """Print and write the scores of cycles against observations in and after their windows."""
    analyses = analyses_in(paths, simulation.model)
    parts = list(score_cycles(points, simulation, analyses, count=len(paths), days=days, quality=case.quality))
    if not simulation.tile.is_first:
        return
    lines, table, series, picture = (
        score_lines(parts),
        *(beside(output, f".scores{ending}") for ending in (".csv", ".windows.csv", ".png")),
    )
    print(f"\n{parts[-1].found.report}\n{cycle_table(lines)}")
    write_cycles(series, lines)
    draw_cycles(picture, lines)
    print(f"{series}, {picture} written", file=sys.stderr)
    for path, text, scores in (
        (table, "free run, first guess and analysis of all windows", window_scores(parts)),
        (beside(output, ".forecast.csv"), "free run and forecast after the last window", forecast_scores(parts)),
    ):
        if scores is not None:
            scores.write(path)
            print(f"\n{path}: {text}\n{scores}")
