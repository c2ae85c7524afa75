"""The command `ogcm assimilate`: from a configuration, or from options, to an estimate, its file, table and picture."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from adjoint import assimilation_output, estimate_file, observations
from adjoint.assimilation import Assimilated, assimilate
from adjoint.assimilation_case import Case, together
from adjoint.commands import output_of
from adjoint.cost import Cost
from adjoint.cycle_command import assimilate_in_cycles
from adjoint.estimates import Estimate
from adjoint.impact_table import impact_table, write_impact
from adjoint.losses import BoxMean
from adjoint.observation_impact import impact
from adjoint.observations import Points, misfit, quality_control
from adjoint.observations.equivalents import model_equivalents
from adjoint.observations.quality import admitted, that_occur
from adjoint.scores import scores_of
from adjoint.sensitivity import Quantity, parse_place, quantity
from adjoint.verification import check_of, verify
from ogcm.cli import DEVICE, setup_command
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.names import beside
from ogcm.restart import save_restart
from ogcm.simulation import Simulation

OPTIONS = {
    "observations": (str, "file of observations, besides those of a configuration (the page Observations has formats)"),
    "twin": (bool, "observe a run whose truth is drawn from the errors around the setup, and print the truth as well"),
    "controls": (str, "comma-separated controls, NAME or NAME=ERROR, such as nu_h,T=0.5; default error: 1 of the "
                      "logarithm of a positive parameter, common values for state and wind"),
    "length": (float, "length of the correlation of --controls along layers [km] (default: three cells)"),
    "method": (str, "full (default) | incremental | 3dvar"),
    "outer": (int, "largest number of outer loops of incremental and 3dvar (default 2)"),
    "iterations": (int, "largest number of iterations (default 30; incremental 15, 3dvar 50 in each outer loop)"),
    "cycles": (int, "number of windows, each of which begins where the analysis of the one before ends (default 1)"),
    "history": (str, "file of all evaluations; the same command continues from it"),
    "days": (float, "length of the window [days] (default: the setup's)"),
    "restart": (str, "restart file with the state to begin from"),
    "folder": (str, "folder of the files that the configuration names (default: that of the configuration)"),
    "score": (str, "comma-separated files of observations, in and after the window(s): the runs with and without the "
                   "estimate are compared with them; an estimate that exists, or all those of the cycles, is scored "
                   "as it is"),
    "score_days": (float, "length of these runs from the beginning of the (first) window [days] (default: to the last "
                          "observation)"),
    "impact": (str, "transport | overturning | heat_content | mean | enstrophy: how much each observation changed it "
                    "at the end of the run (methods incremental and 3dvar)"),
    "impact_days": (float, "length of this run from the beginning of the window [days] (default: the window)"),
    "field": (str, "field of the mean (default T)"),
    "x": (str, "NUMBER or FROM:TO, position of the quantity of --impact [degrees or m] (default: the setup's, or all)"),
    "y": (str, "NUMBER or FROM:TO [degrees or m]"),
    "z": (str, "NUMBER or FROM:TO [m], negative below the surface"),
    "output": (str, "NetCDF file to write, with a picture, a restart of the analysis and the scores beside it "
                    "(default SETUP.estimate.nc)"),
    "overwrite": (bool, "replace an existing output"),
    "quiet": (bool, "no progress bar"),
} | DEVICE  # fmt: skip
NOISE = {"u": 0.01, "v": 0.01, "eta": 0.01, "T": 0.05, "S": 0.01}  # errors of the observations of a twin experiment


def assimilate_command(target: str, rest: list[str]) -> int:
    """Run `ogcm assimilate SETUP|FILE.nc|FILE.toml [--option value ...]`."""
    made = setup_command("assimilate", target, rest, OPTIONS)
    if made is None:
        return 0
    model, settings = made
    case = with_options(Case.of(target), settings, model)
    if "folder" in settings:
        case = case._replace(folder=Path(settings["folder"]))
    chosen = {"progress": not settings.get("quiet", False), "device": settings.get("device", "cpu")}
    simulation = Simulation(model, days=settings["days"], restart=settings.get("restart"), **chosen)
    if "cycles" in settings:
        assimilate_in_cycles(settings, case, simulation)
        return 0
    existing = Path(settings.get("output", f"{model.name}.estimate.nc"))
    if "score" in settings and existing.exists() and not settings.get("overwrite", False):
        print_scores(existing, case, simulation, settings)
        return 0
    output = output_of(settings, f"{model.name}.estimate.nc")
    scalar = None
    if "impact" in settings:
        if case.choices["method"] == "full":
            raise InputError("impact: the full method keeps no Lanczos vectors; choose --method incremental or 3dvar")
        places = {axis: parse_place(axis, settings[axis]) for axis in "xyz" if axis in settings}
        scalar = quantity(model, settings["impact"], field=settings.get("field", "T"), **places)
    found, used, withheld = estimate_controls(output, case, simulation, twin=settings.get("twin", False))
    if scalar is not None:
        longer = Simulation(model, days=settings.get("impact_days", simulation.days), **chosen)
        print_impact(output, found, used, scalar, longer)
    if withheld or "score" in settings:
        print_scores(output, case, simulation, settings, withheld)
    return 0


def with_options(case: Case, settings: dict[str, Any], model: Model) -> Case:
    """Return a case with the options of the command line, which go before the entries of the configuration."""
    names = ("method", "outer", "iterations")
    choices = case.choices | {name: settings[name] for name in names if name in settings}
    choices.setdefault("method", "full")
    if choices["method"] == "full":
        choices.setdefault("iterations", 30)
    if "history" in settings:
        choices["history"] = Path(settings["history"]).resolve()
    controls, files = case.controls, list(case.observations)
    if "controls" in settings:
        length = 1e3 * settings["length"] if "length" in settings else 3 * float(np.median(interior(model.grid.dx_t)))
        controls = dict(control_of(word, length) for word in settings["controls"].split(","))
    if "observations" in settings:
        files.append({"file": str(Path(settings["observations"]).resolve())})
    return case._replace(choices=choices, controls=controls, observations=files)


def control_of(word: str, length: float) -> tuple[str, dict[str, Any]]:
    """Return the name and the entries of a control NAME or NAME=ERROR of the command line."""
    name, _, given = word.strip().partition("=")
    try:
        return name, {"length": length} | ({"error": float(given)} if given else {})
    except ValueError:
        raise InputError(f"controls: {word!r} is not NAME=ERROR; give a number") from None


def estimate_controls(
    output: Path, case: Case, simulation: Simulation, *, twin: bool
) -> tuple[Assimilated, list[Points], list[Points]]:
    """Assimilate, write the files of the result, and return it with the observations used and those withheld."""
    estimates, truth = case.estimates(simulation.model), None
    if twin == bool(case.observations):
        raise InputError("observations, twin: give --observations FILE (or a configuration that names some) or --twin")
    if twin:
        (truth, used), withheld = twin_of(simulation, estimates), list[Points]()
    else:
        used, withheld = case.read(simulation.model)
    used, report = quality_control(used, simulation, **case.quality)
    if simulation.tile.is_first:
        print(report)
    found = assimilate(misfit(used, simulation.model), simulation, estimates, **case.options())
    estimate_file.save(output, found, truth, used)
    assimilation_output.draw(beside(output, ".png"), found, truth)
    if simulation.tile.is_first:
        assimilation_output.draw_misfits(beside(output, ".misfits.png"), found, used)
    analysis = simulation.model.copy()
    found.apply_to(analysis)
    analysis.state.previous = None
    save_restart(beside(output, ".restart.h5"), analysis)
    print_result(output, found, assimilation_output.table(found, truth))
    return found, used, withheld


def print_impact(
    output: Path, found: Assimilated, used: list[Points], scalar: Quantity, simulation: Simulation
) -> None:
    """Print and write the impact of the observations on a scalar at the end of a run."""
    got, path = impact(found, scalar.loss, simulation), beside(output, ".impact.csv")
    if simulation.tile.is_first:
        write_impact(path, found, got, used)
        print(
            f"\n{path}: impact on the {scalar.text} on day {simulation.days:g}, which is {got.value:.6g} {scalar.units}"
        )
        print(impact_table(found, got, used, scalar.units))


def print_result(output: Path, found: Assimilated, table: str) -> None:
    """Print what was found, in the first process."""
    if not found.controls.model.grid.tile.is_first:
        return
    first, last = found.iterations[0], found.iterations[-1]
    number = sum(len(misfit.before) for misfit in found.misfits)
    print(f"{table}\n\n{assimilation_output.misfit_table(found)}\n")
    print(f"J from {first.cost:.6g} to {last.cost:.6g} in {found.runs} runs, of {number} observations")
    print(f"chi-squared {found.chi_squared:.3g}, about 1 if all errors are as assumed")
    if found.analysis is not None:
        print(f"degrees of freedom for signal: at least {found.analysis.degrees_of_freedom:.3g}")
    files = ", ".join(str(beside(output, end)) for end in (".png", ".misfits.png", ".restart.h5"))
    print(f"{output}, {files} written", file=sys.stderr)


def print_scores(
    output: Path, case: Case, simulation: Simulation, settings: dict[str, Any], withheld: list[Points] | None = None
) -> None:
    """Print and write the scores of the runs without and with the estimate, against observations in and after its
    window. Those that contradict the run without it are left out."""
    model, analysis = simulation.model, simulation.model.copy()
    files = settings["score"].split(",") if "score" in settings else []
    points = together([p for file in files for p in case.read_likewise(file, model)])
    estimate_file.load(output, analysis)
    if withheld is None:
        withheld = case.read(model)[1]
    longer = max([simulation.days, *(float((p.days + 0.5 * p.span).max()) for p in points)])
    steps = int(np.ceil(min(longer, settings.get("score_days", longer)) * DAY / model.numerics.dt))
    chosen: dict[str, Any] = {"days": steps * model.numerics.dt / DAY, "progress": False, "device": simulation.device}
    runs = {name: Simulation(m, **chosen) for name, m in (("without", model), ("with", analysis))}
    for name, given in (("withheld", withheld), ("scores", points)):
        if not given:
            continue
        inside, report = admitted(given, runs["without"], that_occur(case.quality.get("errors") or {}, given))
        seen = {run: model_equivalents(inside, simulation) for run, simulation in runs.items()}
        found = verify(inside, seen, model, report, **check_of(case.quality))
        if not found.points:
            raise InputError(f"{name}: no observation is left:\n{report}")
        table, path = scores_of(found.points, found.residuals), beside(output, f".{name}.csv")
        if simulation.tile.is_first:
            table.write(path)
            print(f"\n{path}: runs without and with the estimate\n{report}\n{table}")


def twin_of(simulation: Simulation, estimates: list[Estimate]) -> tuple[dict[str, np.ndarray], list[Points]]:
    """Return a truth drawn from the errors around the model's values, and its observations at four times of the run."""
    model = simulation.model
    noise = {name: error for name, error in NOISE.items() if name in model.stepped}
    noise |= {e.name: 0.1 * float(np.mean(e.error)) for e in estimates if e.name in model.further_tracers}
    cost = Cost(BoxMean(simulation.model, "eta"), simulation, estimates)
    truth = cost.values(np.random.default_rng(4).normal(size=cost.counts.size) if cost.tile.is_first else None)
    cost.controls.set_values(truth)
    days = [simulation.days * part for part in (0.25, 0.5, 0.75, 1.0)]
    return truth, observations.synthetic(cost.simulation, noise, days=days, every=2)
