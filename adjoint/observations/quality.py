"""Which observations are used: checks, thinning and errors, each as a small function of a data set.

A check returns which observations of each `Points` are good, for `select` or for `Report.keep`:

    points = report.keep(points, in_run(points, simulation), "outside the run")

`quality_control` does all of it in the usual order.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from adjoint.interpolation import interpolation
from adjoint.observations.equivalents import first_guess
from adjoint.observations.points import Points
from adjoint.observations.report import Report
from adjoint.observations.super_observations import super_observations
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.regions import shift_coordinates
from ogcm.simulation import Simulation

Array = np.ndarray
Good = list[Array]  # for each `Points`, which observations are good
LIMIT = 4.0  # largest residual in standard deviations, by default


def select(points: Sequence[Points], good: Sequence[Array]) -> list[Points]:
    """Return the good observations.

    Parameters
    ----------
    points : sequence of Points
        The data set.
    good : sequence of ndarray of bool
        Which observations of each are good.

    Returns
    -------
    list of Points
        These; fields without any are left out.
    """
    return [p.select(g) for p, g in zip(points, good, strict=True) if np.any(g)]


def of_platforms(points: Sequence[Points], platforms: Sequence[str]) -> Good:
    """Find the observations of some platforms, such as those that are withheld.

    Parameters
    ----------
    points : sequence of Points
        The data set.
    platforms : sequence of str
        Names of the platforms.

    Returns
    -------
    list of ndarray of bool
        True for the observations of these platforms.

    Raises
    ------
    InputError
        For a platform without observations.
    """
    there = {str(name) for p in points for name in np.unique(p.whole().platform)}
    absent = [name for name in platforms if name not in there]
    if absent:
        raise InputError(f"platforms: {', '.join(absent)} made no observation; there are {', '.join(sorted(there))}")
    return [np.isin(p.whole().platform, list(platforms)) for p in points]


def in_run(points: Sequence[Points], simulation: Simulation) -> Good:
    """Find the observations whose time, or whole span, lies in a run.

    Parameters
    ----------
    points : sequence of Points
        The data set.
    simulation : Simulation
        The run.

    Returns
    -------
    list of ndarray of bool
        True in the run, or within half a step of it.
    """
    dt = simulation.model.numerics.dt / DAY
    first, last = -0.5 * dt, (simulation.steps + 0.5) * dt
    whole = [p.whole() for p in points]
    return [(p.days - 0.5 * p.span >= first) & (p.days + 0.5 * p.span <= last) for p in whole]


def in_water(points: Sequence[Points], model: Model) -> tuple[Good, Good]:
    """Find the observations inside the grid, and those in its water.

    Parameters
    ----------
    points : sequence of Points
        The data set.
    model : Model
        The model. All processes of a divided ocean must call this.

    Returns
    -------
    inside : list of ndarray of bool
        True inside the grid and above its lowest layer.
    wet : list of ndarray of bool
        True in the water, where a model equivalent exists.
    """
    found = [interpolation(model, p.field, p.x, p.y, p.whole().z) for p in points]
    return [f.inside for f in found], [f.wet for f in found]


def in_box(
    points: Sequence[Points], model: Model, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None
) -> Good:
    """Find the observations between two coordinates along one or both axes.

    Parameters
    ----------
    points : sequence of Points
        The data set.
    model : Model
        The model, which tells whether x is a longitude, of which multiples of 360 degrees are the same.
    x, y : tuple of float, optional
        The coordinates, in ascending order [degrees or m]; by default all.

    Returns
    -------
    list of ndarray of bool
        True between them.

    Raises
    ------
    InputError
        For what is not two numbers in ascending order.
    """
    good = [np.ones(len(p.x), bool) for p in points]
    for axis, ends in (("x", x), ("y", y)):
        if ends is None:
            continue
        if np.shape(ends) != (2,) or not ends[0] < ends[1]:
            raise InputError(f"{axis}: needs two numbers in ascending order, got {ends}")
        for p, inside in zip(points, good, strict=True):
            at = shift_coordinates(model.horizontal, axis, getattr(p, axis), 0.5 * (ends[0] + ends[1]))
            inside &= (at >= ends[0]) & (at <= ends[1])
    return good


def over_deep_water(points: Sequence[Points], model: Model, depth: float) -> Good:
    """Find the observations where the sea floor is deep, such as those of altimeters away from shelves.

    Parameters
    ----------
    points : sequence of Points
        The data set.
    model : Model
        The model. All processes of a divided ocean must call this.
    depth : float
        Least depth of the sea floor [m].

    Returns
    -------
    list of ndarray of bool
        True over deep water; False on land and outside the grid.

    Raises
    ------
    InputError
        For a depth that is not positive.
    """
    if not depth > 0:
        raise InputError(f"sea_floor: needs a positive depth [m], got {depth:g}")
    good = [np.zeros(len(p.x), bool) for p in points]
    for p, deep in zip(points, good, strict=True):
        found = interpolation(model, "eta", p.x, p.y, np.zeros(len(p.x)))
        below = found.H @ model.grid.depth_t.ravel()
        for numbers, depths in model.grid.tile.every((found.known[found.own], below[found.own])):
            deep[numbers] = depths >= depth
    return good


def background_check(
    points: Sequence[Points], residuals: Sequence[Array], background: Mapping[str, float], limit: float
) -> Good:
    """Find the observations that a background with its errors does not contradict: |r| <= limit sqrt(so^2 + sb^2).

    Parameters
    ----------
    points : sequence of Points
        The data set, with the errors so.
    residuals : sequence of ndarray
        Residuals r of a run without assimilation (`first_guess`).
    background : mapping of str to float
        Standard error sb of the run by field [units of the field].
    limit : float
        Largest residual in standard deviations, such as 4.

    Returns
    -------
    list of ndarray of bool
        True for the good ones; a field without a background error is not checked.

    Raises
    ------
    InputError
        For a limit that is not positive, or a negative error.
    """
    if not limit > 0:
        raise InputError(f"limit: needs a positive number of standard deviations, got {limit:g}")
    for field, sigma in background.items():
        if not sigma >= 0:
            raise InputError(f"background: the error of {field} is {sigma:g}; it must not be negative")
    return [
        np.abs(r) <= limit * np.hypot(p.errors, background.get(p.field, np.inf))
        for p, r in zip(points, residuals, strict=True)
    ]


def thinned(points: Sequence[Points], n: int) -> Good:
    """Find every n-th observation in time of each platform and field.

    Parameters
    ----------
    points : sequence of Points
        The data set.
    n : int
        The distance.

    Returns
    -------
    list of ndarray of bool
        True for the first observation of each platform, the one n after it, and so on.

    Raises
    ------
    InputError
        For a distance below 1.
    """
    if n < 1:
        raise InputError(f"n: at least 1, got {n}")
    good = [np.zeros(len(p.x), bool) for p in points]
    for p, kept in zip(points, good, strict=True):
        platform = p.whole().platform
        for name in np.unique(platform):
            own = np.flatnonzero(platform == name)
            kept[own[np.argsort(p.days[own], kind="stable")][::n]] = True
    return good


def with_errors(points: Sequence[Points], errors: Mapping[str, float | Sequence[float]]) -> list[Points]:
    """Give observations the errors of their field and platform.

    Parameters
    ----------
    points : sequence of Points
        The data set.
    errors : mapping of str to float or sequence of float
        Standard errors by "FIELD" or "FIELD/PLATFORM", of which the second counts more, such as
        {"T": (0.05, 0.4), "eta/Jason-3": 0.03}. Several numbers, such as those of the instrument and of the
        representativeness, are added in quadrature.

    Returns
    -------
    list of Points
        The data set with these errors; others stay as they are.

    Raises
    ------
    InputError
        For an error that is not positive, and for a field or platform without observations.
    """
    found = [p.whole()._replace(errors=np.array(p.whole().errors)) for p in points]
    for name in sorted(errors, key=lambda name: "/" in name):
        field, _, platform = name.partition("/")
        sigma, count = float(np.sqrt(np.sum(np.square(errors[name])))), 0
        if not sigma > 0 or np.min(errors[name]) < 0:
            raise InputError(f"errors: {name} has {errors[name]}; a standard error must be positive")
        for p in (p for p in found if p.field == field):
            own = np.asarray(p.platform) == platform if platform else np.ones(len(p.x), bool)
            p.errors[own] = sigma
            count += int(own.sum())
        if not count:
            raise InputError(f"errors: there is no observation of {name}")
    return found


def that_occur(
    errors: Mapping[str, float | Sequence[float]], points: Sequence[Points]
) -> dict[str, float | Sequence[float]]:
    """Return the errors for `with_errors` whose field and platform occur in a data set.

    Parameters
    ----------
    errors : mapping of str to float or sequence of float
        Standard errors by "FIELD" or "FIELD/PLATFORM".
    points : sequence of Points
        The data set.

    Returns
    -------
    dict of str to float or sequence of float
        Those that occur.
    """
    there = {p.field for p in points} | {f"{p.field}/{name}" for p in points for name in np.unique(p.whole().platform)}
    return {name: error for name, error in errors.items() if name in there}


def with_offsets(points: Sequence[Points], field: str = "eta", *, gap: float = np.inf) -> list[Points]:
    """Give each platform, or each of its passes, an unknown mean offset of one field, which is removed from the misfit.

    Parameters
    ----------
    points : sequence of Points
        The data set.
    field : str
        The field.
    gap : float, default inf
        A longer time without observation ends a pass [days].

    Returns
    -------
    list of Points
        The data set, in which each platform or pass is a group of its own in the column `offset`.
    """
    whole = [p.whole() for p in points]
    return [p._replace(offset=passes(p, gap)) if p.field == field else p for p in whole]


def passes(p: Points, gap: float) -> Array:
    """Return the number of the pass of each observation (n,); a gap in time longer than `gap` [days] ends a pass."""
    platform = np.unique(p.platform, return_inverse=True)[1]
    order = np.lexsort((p.days, platform))
    ends = (np.diff(platform[order]) > 0) | (np.diff(p.days[order]) > gap)
    numbers = np.zeros(len(order), int)
    numbers[order[1:]] = np.cumsum(ends)
    return numbers


def quality_control(
    points: Sequence[Points],
    simulation: Simulation,
    *,
    errors: Mapping[str, float | Sequence[float]] | None = None,
    thin: int = 1,
    average: float | None = None,
    correlation: float = 0.0,
    background: Mapping[str, float] | None = None,
    limit: float = LIMIT,
) -> tuple[list[Points], Report]:
    """Select the observations that an assimilation uses.

    In this order: those outside the run and outside the water are set aside; errors are set (`with_errors`); those that
    contradict the run without assimilation are rejected (`background_check`), before a false value is hidden in a mean;
    every n-th is kept (`thinned`); and means in cells are taken (`super_observations`).

    Parameters
    ----------
    points : sequence of Points
        The observations.
    simulation : Simulation
        The run of the first guess, which stays as it is.
    errors : mapping of str to float or sequence of float, optional
        As for `with_errors`.
    thin : int
        The distance n of `thinned`; 1 keeps all.
    average : float, optional
        Length of the intervals of super-observations [days]; by default there are none.
    correlation : float
        As for `super_observations`.
    background : mapping of str to float, optional
        Standard errors of the run by field, for the check against it; by default there is none.
    limit : float
        As for `background_check`.

    Returns
    -------
    points : list of Points
        The observations to be used.
    report : Report
        How many were given, used and rejected, and why.

    Raises
    ------
    InputError
        For options that cannot be used, and where no observation is left.
    """
    found, report = admitted(points, simulation, errors)
    if background and found:
        found = report.keep(
            found, background_check(found, first_guess(found, simulation), background, limit), "background"
        )
    return reduced(found, simulation.model, report, thin=thin, average=average, correlation=correlation), report


def admitted(
    points: Sequence[Points],
    simulation: Simulation,
    errors: Mapping[str, float | Sequence[float]] | None = None,
) -> tuple[list[Points], Report]:
    """Select the observations in the time and in the water of a run, and set their errors.

    Parameters
    ----------
    points : sequence of Points
        The observations.
    simulation : Simulation
        The run.
    errors : mapping of str to float or sequence of float, optional
        As for `with_errors`.

    Returns
    -------
    points : list of Points
        These observations.
    report : Report
        How many were given and rejected, and why.

    Raises
    ------
    InputError
        For errors that cannot be used.
    """
    report, found = Report(points), [p.whole() for p in points]
    found = report.keep(found, in_run(found, simulation), "outside run")
    inside, wet = in_water(found, simulation.model)
    kept = report.keep(found, inside, "outside grid")
    found = report.keep(kept, [w[i] for w, i in zip(wet, inside, strict=True) if i.any()], "not in water")
    return with_errors(found, errors) if errors else found, report


def reduced(
    points: list[Points],
    model: Model,
    report: Report,
    *,
    thin: int = 1,
    average: float | None = None,
    correlation: float = 0.0,
) -> list[Points]:
    """Thin observations and take means in cells, the last steps of `quality_control`.

    Parameters
    ----------
    points : list of Points
        The observations that passed the checks.
    model : Model
        The model.
    report : Report
        Receives how many fewer there are.
    thin, average, correlation
        As for `quality_control`.

    Returns
    -------
    list of Points
        The observations to be used.

    Raises
    ------
    InputError
        For options that cannot be used, and where no observation is left.
    """
    if thin != 1:
        points = report.keep(points, thinned(points, thin), "thinned")
    if average is not None:
        means = super_observations(points, model, days=average, correlation=correlation)
        good = in_water(means, model)[1]  # a mean beside the coast may lie on land
        points = report.replace(points, select(means, good), "averaged")
    if not points:
        raise InputError(f"observations: none is left:\n{report}")
    return points
