"""Observations of a run whose truth is known (a twin experiment)."""

from collections.abc import Mapping, Sequence

import numpy as np

from adjoint.complex_step import working_copy
from adjoint.observations.equivalents import model_equivalents
from adjoint.observations.points import Points
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.regions import field_point, heights
from ogcm.simulation import Simulation
from ogcm.stepper import Stepper

Array = np.ndarray


def synthetic(
    truth: Simulation, errors: Mapping[str, float], *, days: Sequence[float], every: int = 1, seed: int = 0
) -> list[Points]:
    """Return observations of a run with normally distributed noise, at the wet points of every few rows and columns.

    Parameters
    ----------
    truth : Simulation
        The run, which stays as it is.
    errors : mapping of str to float
        Standard error of each observed field.
    days : sequence of float
        Times, in days from the beginning of the run; the observations are those of the nearest steps.
    every : int, default 1
        Distance of the points, in rows and columns.
    seed : int, default 0
        Seed of the noise.

    Returns
    -------
    list of Points
        The observations of each field.

    Raises
    ------
    InputError
        For an unknown field, or a day outside the run.
    """
    model, rng = working_copy(truth.model), np.random.default_rng(seed)
    stepper = Stepper(model)
    observed: dict[str, list] = {name: [] for name in errors}
    for name in errors:
        field_point(model, name)  # raises InputError for an unknown field before the run
    for day in sorted(days):
        n = round(day * DAY / model.numerics.dt)
        if not 0 <= n <= truth.steps:
            raise InputError(f"days: {day:g} lies outside the run of {truth.days:g} days")
        while model.state.step - truth.model.state.step < n:
            stepper.step()
        for name, error in errors.items():
            x, y, z, exact = sampled(model, name, every)
            noise = error * rng.normal(size=len(x))
            observed[name].append(
                [x, y, z, np.full(len(x), n * model.numerics.dt / DAY), exact + noise, np.full(len(x), error)]
            )
    columns = {name: map(np.concatenate, zip(*records, strict=True)) for name, records in observed.items()}
    return [Points(name, *found).whole() for name, found in columns.items()]


def resampled(points: Sequence[Points], truth: Simulation, *, seed: int = 0) -> list[Points]:
    """Return observations with the places, times and errors of given ones, and the values of a run with noise.

    Parameters
    ----------
    points : sequence of Points
        The observations, in the run and in the water.
    truth : Simulation
        The run, which stays as it is.
    seed : int, default 0
        Seed of the noise, which is normally distributed.

    Returns
    -------
    list of Points
        The observations of the run.

    Raises
    ------
    InputError
        For observations outside the water or the run.
    """
    rng, found = np.random.default_rng(seed), model_equivalents(points, truth)
    return [p._replace(values=y + p.errors * rng.normal(size=len(y))) for p, y in zip(points, found, strict=True)]


def sampled(model: Model, name: str, every: int) -> Array:
    """Return positions x, y, z and values (4, n) of a field at the wet points of every few rows and columns.

    They are those of the whole ocean, by layers, rows and columns, in all processes.
    """
    h, tile, point = model.horizontal, model.grid.tile, field_point(model, name)
    wet = interior(getattr(model.grid, f"mask_{point}"))[: 1 if name == "eta" else None] > 0
    row, column = tile.start
    k, j, i = np.nonzero(wet)
    k, j, i = (a[((j + row) % every == 0) & ((i + column) % every == 0)] for a in (k, j, i))
    x = (h.x_f if name == "u" else h.x_t)[i]
    y = (h.y_f if name == "v" else h.y_t)[j]
    z = 0.0 * x if name == "eta" else heights(model, point)[k, j, i]
    number = np.ravel_multi_index((k, j + row, i + column), (len(wet), *tile.shape))
    found = number, x, y, z, interior(getattr(model.state, name)).reshape(wet.shape)[k, j, i]
    number, *columns = (np.concatenate(parts) for parts in zip(*tile.every(found), strict=True))
    return np.array(columns)[:, np.argsort(number)]
