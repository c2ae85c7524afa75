"""Assimilation in cycles: window after window, each of which begins where the analysis of the one before ends.

    for window in cycles(points, simulation, estimates, count=8, withheld=withheld):
        print(window.report, window.found.iterations[-1])

The first guess of a window is the state at the end of the analysis run of the window before; parameters and forcing
that were estimated remain. Observations that are withheld are compared with three runs through each window: the free
run that has never seen an observation, the first guess, and the analysis.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from adjoint.assimilation import Assimilated, assimilate
from adjoint.complex_step import loss_of_run
from adjoint.estimates import Estimate
from adjoint.observations import Points, Report, in_run, in_water, misfit, quality_control, select
from adjoint.run import evaluate
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
    withheld : list of Points
        The withheld observations of the window; days count from its beginning.
    residuals : dict of str to list of ndarray
        Model minus observation for each of these, of the runs "free", "first guess" and "analysis".
    """

    number: int
    day: float
    found: Assimilated
    report: Report
    analysis: Model
    withheld: list[Points]
    residuals: dict[str, list[Array]]


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
        Observations that are kept for comparison. Only their time and place are checked.
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
    model, free = simulation.model.copy(), simulation.model.copy()
    length = simulation.steps * model.numerics.dt
    options: dict[str, Any] = {"days": length / DAY, "device": simulation.device}
    for number in range(1, count + 1):
        day = (number - 1) * length / DAY
        window = Simulation(model, progress=simulation.progress, **options)
        used, report = quality_control(later(points, day), window, **(quality or {}))
        aside = within(later(withheld, day), window)
        path = None if histories is None else str(histories).format(number=number)
        first = residuals_of(aside, window)
        found = assimilate(misfit(used, model), window, estimates, history=path, **choices)
        found.apply_to(model)
        model.state.previous = None
        analysis = model.copy()
        residuals = {"free": advanced(free, aside, window), "first guess": first}
        residuals["analysis"] = advanced(model, aside, window)
        yield Window(number, day, found, report, analysis, aside, residuals)


def later(points: Sequence[Points], day: float) -> list[Points]:
    """Return observations whose days count from another day on."""
    return [p._replace(days=p.days - day) for p in points]


def within(points: Sequence[Points], window: Simulation) -> list[Points]:
    """Return the observations in the water and in the time of a run."""
    found = [p for p in select(points, in_run(points, window)) if len(p.x)]
    return [p for p in select(found, in_water(found, window.model)[1]) if len(p.x)]


def residuals_of(points: Sequence[Points], window: Simulation) -> list[Array]:
    """Run forward, and return model minus observation; the model stays as it is."""
    losses = [p.loss(window.model) for p in points]
    if losses:
        evaluate(reduce(add, losses), window)
    return [loss.residuals() for loss in losses]


def advanced(model: Model, points: Sequence[Points], window: Simulation) -> list[Array]:
    """Bring a model to the end of a window, and return model minus observation."""
    losses, running = [p.loss(model) for p in points], model.to(window.device)
    if losses:
        loss_of_run(reduce(add, losses), Simulation(model, days=window.days, progress=False), running)
    else:
        stepper = Stepper(running)
        for _ in range(window.steps):
            stepper.step()
    if running is not model:
        model.state.assign(running.state.to("cpu"))
    return [loss.residuals() for loss in losses]
