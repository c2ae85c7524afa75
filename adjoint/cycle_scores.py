"""Scores of cycles of assimilation against observations that were not assimilated, from the analysis of each window.

    parts = list(score_cycles(points, simulation, [window.analysis for window in windows], count=len(windows)))
    print(window_scores(parts), forecast_scores(parts))

Three runs are compared within the windows: the free run, which never saw an observation; the first guess, which is the
run from the analysis of the window before, continued; and the analysis, the run through each window from its beginning.
After the last window the run from the last analysis continues as a forecast beside the free run. This takes the free
run, and from each analysis a run through two windows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from adjoint.assimilation_case import together
from adjoint.cycle_table import RUNS, CycleLine, verified_lines
from adjoint.cycles import advanced, later
from adjoint.observations import Points, Report, in_run, select
from adjoint.observations.quality import admitted, that_occur
from adjoint.scores import Scores, scores_of
from adjoint.verification import Verification, check_of, verify
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.simulation import Simulation

Array = np.ndarray
WORD = "scored"  # of the observations, in the lines of the windows


class Part(NamedTuple):
    """The observations of a window beside the runs.

    Attributes
    ----------
    number : int
        Number of the window, from 1; higher ones than that of the last window are times of its length after it.
    day : float
        Day of the first run on which it begins.
    found : Verification
        The observations, whose days count from its beginning, beside the runs "free", "first guess" and, in a window,
        "analysis".
    """

    number: int
    day: float
    found: Verification


def score_cycles(
    points: Sequence[Points],
    simulation: Simulation,
    analyses: Iterable[Model],
    *,
    count: int,
    days: float | None = None,
    quality: Mapping[str, Any] | None = None,
) -> Iterator[Part]:
    """Compare the runs of cycles with observations.

    An observation at the end of a window belongs to this window, not to the next one.

    Parameters
    ----------
    points : sequence of Points
        The observations; days count from the beginning of the first window.
    simulation : Simulation
        The run through the first window without assimilation, which stays as it is.
    analyses : iterable of Model
        For each window the model at its beginning, with what was found; they are stepped. A generator may load them one
        after another.
    count : int
        Number of the windows.
    days : float, optional
        Length of the time in which observations count, from the beginning of the first window [days]; by default that
        of the last observation.
    quality : mapping of str to object, optional
        Options of `adjoint.observations.quality_control`, of which `errors`, `background` and `limit` count.

    Yields
    ------
    Part
        Each window and each time of its length after the last one, up to the last observation. They share one report.

    Raises
    ------
    InputError
        Where no observation is left, and for an analysis of another day than its window.
    """
    quality, model, dt = dict(quality or {}), simulation.model, simulation.model.numerics.dt
    steps = steps_to_last(points, dt, days)
    left, report = admitted(points, run_of(model, steps, simulation), that_occur(quality.get("errors") or {}, points))
    if not left:
        raise InputError(f"observations: none lies in the windows or after them, and in the water:\n{report}")
    free, following, forecast = model.copy(), iter(analyses), model  # in the first window the first guess is free
    for number, first in enumerate(range(0, steps, simulation.steps), start=1):
        day = first * dt / DAY
        window = run_of(free, min(simulation.steps, steps - first), simulation)
        chosen, left = taken(left, day, window, report)
        analysis = next(following) if number <= count else None
        if analysis is not None and abs(analysis.state.time - free.state.time) > 0.5 * dt:
            raise InputError(
                f"window {number}: begins on day {free.state.time / DAY:g}, its analysis on day "
                f"{analysis.state.time / DAY:g}; choose the days and the number of the cycles that made it"
            )
        seen = {"free": advanced(free, chosen, window)}
        seen["first guess"] = seen["free"] if number == 1 else advanced(forecast, chosen, window)
        if analysis is not None:
            forecast = analysis
            seen["analysis"] = advanced(forecast, chosen, window)
        yield Part(number, day, verify(chosen, seen, model, report, **check_of(quality)))


def steps_to_last(points: Sequence[Points], dt: float, days: float | None) -> int:
    """Return the number of steps to the last observation, at most to some day."""
    last = max((float((p.days + 0.5 * np.asarray(p.span)).max()) for p in points), default=0.0)
    steps = np.ceil(last * DAY / dt - 0.5)  # a run observes half a step beyond its end
    return max(1, int(steps if days is None else min(steps, np.rint(days * DAY / dt))))


def run_of(model: Model, steps: int, like: Simulation) -> Simulation:
    """Return a run of some steps, on the device of another one."""
    return Simulation(model, days=steps * model.numerics.dt / DAY, progress=False, device=like.device)


def taken(
    points: Sequence[Points], day: float, window: Simulation, report: Report
) -> tuple[list[Points], list[Points]]:
    """Return the observations of a window, whose days count from its beginning, and those of later ones.

    What belongs to neither, since it is a mean over parts of two windows, is rejected.
    """
    own = in_run(later(points, day), window)
    begun = [p.days - 0.5 * p.span < day + window.days for p in points]
    left = report.keep(points, [g | ~b for g, b in zip(own, begun, strict=True)], "in two windows")
    own = in_run(later(left, day), window)
    return later(select(left, own), day), select(left, [~g for g in own])


def window_scores(parts: Sequence[Part]) -> Scores | None:
    """Return the scores of free run, first guess and analysis in the windows; None without observations.

    Parameters
    ----------
    parts : sequence of Part
        The windows, and what follows them.

    Returns
    -------
    Scores or None
        The scores by field, platform, band of depth and day of the first run.
    """
    return scores_of_parts([part for part in parts if "analysis" in part.found.residuals], {run: run for run in RUNS})


def forecast_scores(parts: Sequence[Part]) -> Scores | None:
    """Return the scores of the free run and the forecast after the last window; None without observations.

    Parameters
    ----------
    parts : sequence of Part
        The windows, and what follows them.

    Returns
    -------
    Scores or None
        The scores by field, platform, band of depth and day of the first run.
    """
    after = [part for part in parts if "analysis" not in part.found.residuals]
    return scores_of_parts(after, {"free": "free", "first guess": "forecast"})


def scores_of_parts(parts: Sequence[Part], runs: Mapping[str, str]) -> Scores | None:
    """Return the scores of some runs, with names for them, in several windows together."""
    points, residuals = list[Points](), dict[str, list[list[Array]]]()
    for part in parts:
        for n, p in enumerate(part.found.points):
            points.append(p._replace(days=p.days + part.day))
            residuals.setdefault(p.field, []).append([part.found.residuals[run][n] for run in runs])
    if not points:
        return None
    columns = [[np.concatenate(found) for found in zip(*own, strict=True)] for own in residuals.values()]
    by_run = dict(zip(runs.values(), zip(*columns, strict=True), strict=True))
    return scores_of(together(points), by_run)


def score_lines(parts: Sequence[Part]) -> list[CycleLine]:
    """Return the misfits by window.

    Parameters
    ----------
    parts : sequence of Part
        The windows, and what follows them.

    Returns
    -------
    list of CycleLine
        The lines, for `adjoint.cycle_table`; the misfit of the analysis is nan after the last window.
    """
    return [line for part in parts for line in verified_lines(part.number, part.day, part.found, WORD)]
