"""Assimilation in cycles: window after window, each of which begins where the analysis of the one before ends.

    for window in cycles(points, simulation, estimates, count=8, withheld=withheld):
        print(window.report, window.found.iterations[-1])

The first guess of a window is the state at the end of the analysis run of the window before; parameters and forcing
that were estimated remain. Observations that are withheld are compared with three runs through each window: the free
run that has never seen an observation, the first guess, and the analysis. A run through the window from its first guess
observes all that were given, used and withheld ones alike; the free run is only made for withheld ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from adjoint.assimilation import Assimilated, assimilate
from adjoint.complex_step import loss_of_run
from adjoint.estimates import Estimate
from adjoint.loss import Sum
from adjoint.observations import Points, Report, background_check, misfit, with_errors
from adjoint.observations.equivalents import model_equivalents, residuals_of
from adjoint.observations.quality import LIMIT, admitted, reduced
from adjoint.verification import Verification, check_of, verify
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.simulation import Simulation
from ogcm.stepper import Stepper

Array = np.ndarray


class Window(NamedTuple):
    """The assimilation of one window.

    Attributes
    ----------
    number : int
        Number of the window, from 1.
    day : float
        Day of the first run on which the window begins.
    found : Assimilated
        What was found.
    report : Report
        The observations that were used, and those that were not, and why.
    analysis : Model
        The model at the beginning of the window, with what was found.
    withheld : Verification
        The withheld observations of the window, whose days count from its beginning, beside the runs "free",
        "first guess" and "analysis".
    """

    number: int
    day: float
    found: Assimilated
    report: Report
    analysis: Model
    withheld: Verification


def cycles(
    points: Sequence[Points],
    simulation: Simulation,
    estimates: Sequence[Estimate],
    *,
    count: int,
    withheld: Sequence[Points] = (),
    quality: Mapping[str, Any] | None = None,
    histories: str | Path | None = None,
    **choices: Any,
) -> Iterator[Window]:
    """Assimilate observations window after window.

    Parameters
    ----------
    points : sequence of Points
        The observations; days count from the beginning of the first window.
    simulation : Simulation
        The run through the first window; all have its length. Its model stays as it is.
    estimates : sequence of Estimate
        The controls of each window.
    count : int
        Number of the windows.
    withheld : sequence of Points, optional
        Observations that are kept for comparison. Their time and place are checked, and with the background error of
        `quality` those that contradict the free run are rejected (`adjoint.verification`).
    quality : mapping of str to object, optional
        Options of `adjoint.observations.quality_control`.
    histories : str or Path, optional
        Path of the histories of the minimisations, with {number} in place of the number of the window. The same call
        continues interrupted cycles.
    **choices
        Choices of `adjoint.assimilate`.

    Yields
    ------
    Window
        Each window, when it is finished.

    Raises
    ------
    InputError
        For fewer than one window, and for what `adjoint.assimilate` and `quality_control` refuse.
    """
    if count < 1:
        raise InputError(f"cycles: at least one window, got {count}")
    quality, given = dict(quality or {}), len(points)
    everything = with_errors([*points, *withheld], quality.pop("errors", None) or {})  # some windows may lack some
    points, withheld = everything[:given], everything[given:]
    model, free = simulation.model.copy(), simulation.model.copy()
    length = simulation.steps * model.numerics.dt
    options: dict[str, Any] = {"days": length / DAY, "device": simulation.device}
    choices["diffusions"] = {}  # of the correlations, which take long to make and are those of all windows
    for number in range(1, count + 1):
        day = (number - 1) * length / DAY
        window = Simulation(model, progress=simulation.progress, **options)
        aside, aside_report = admitted(later(withheld, day), window)
        used, report, first = selected(later(points, day), aside, window, quality)
        path = None if histories is None else str(histories).format(number=number)
        found = assimilate(misfit(used, model), window, estimates, history=path, **choices)
        found.apply_to(model)
        model.state.previous = None
        analysis = model.copy()
        seen = {"free": advanced(free, aside, window)} if withheld else {"free": []}
        seen["first guess"] = first
        seen["analysis"] = advanced(model, aside, window) if aside or number < count else []
        compared = verify(aside, seen, model, aside_report, **check_of(quality))
        yield Window(number, day, found, report, analysis, compared)


def later(points: Sequence[Points], day: float) -> list[Points]:
    """Return observations whose days count from another day on."""
    return [p._replace(days=p.days - day) for p in points]


def selected(
    points: Sequence[Points], aside: list[Points], window: Simulation, quality: Mapping[str, Any]
) -> tuple[list[Points], Report, list[Array]]:
    """Select the observations of a window as `quality_control` does, with one run that observes withheld ones as well.

    Parameters
    ----------
    points : sequence of Points
        The observations that may be used, with their errors.
    aside : list of Points
        Those that are withheld, in the water and in the window.
    window : Simulation
        The run of the first guess, which stays as it is.
    quality : mapping of str to object
        Options of `adjoint.observations.quality_control` but for `errors`.

    Returns
    -------
    used : list of Points
        The observations that are used.
    report : Report
        How many were given, used and rejected, and why.
    equivalents : list of ndarray
        What the run has in the place of those that are withheld.

    Raises
    ------
    InputError
        For options that cannot be used, and where no observation is left.
    """
    rest = {name: value for name, value in quality.items() if name not in ("background", "limit")}
    background, limit = quality.get("background"), quality.get("limit", LIMIT)
    used, report = admitted(points, window)
    checked = used if background else []
    equivalents = model_equivalents([*checked, *aside], window)
    if checked and background:
        residuals = residuals_of(used, equivalents[: len(used)], window.model)
        used = report.keep(used, background_check(used, residuals, background, limit), "background")
    return reduced(used, window.model, report, **rest), report, equivalents[len(checked) :]


def advanced(model: Model, points: Sequence[Points], window: Simulation) -> list[Array]:
    """Bring a model to the end of a window, and return what its run has in the place of observations."""
    losses, running = [p.loss(model, out_of_water="refuse") for p in points], model.to(window.device)
    if losses:
        run = Simulation(model, days=window.days, progress=False)
        loss_of_run(Sum([(1.0, loss) for loss in losses]), run, running)
    else:
        stepper = Stepper(running)
        for _ in range(window.steps):
            stepper.step()
    if running is not model:
        model.state.assign(running.state.to("cpu"))
    return [loss.equivalents() for loss in losses]
