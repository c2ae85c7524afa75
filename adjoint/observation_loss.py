"""The misfit to observations at points, the observation term of 4D-Var.

    J = 1/2 sum over m ((y_m - d_m - o_g(m))/sigma_m)^2,    y_m = sum over steps n of W_mn (H x_n)_m

H interpolates in space and W in time (`adjoint.interpolation`). The offset o_g of a group g of observations, such as
the unknown mean of a satellite, is that which makes J smallest: the mean of y - d over the group with the weights
1/sigma^2. Since J is smallest there, a change of o_g does not enter its derivative:

    dJ/dx_n = H^T W_n^T R^-1 (y - d - o),    R = diag(sigma^2)

Since y_m depends on the states of several steps, the losses of this file are evaluated during a run, in the order of
its steps, and complete after the last of them.
"""

import warnings
from collections.abc import Mapping

import numpy as np
from scipy import sparse

from adjoint.interpolation import interpolation, time_weights
from adjoint.loss import Loss
from ogcm.constants import DAY
from ogcm.errors import InputError, suggestion
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.regions import field_point
from ogcm.simulation import Simulation
from ogcm.state import State

Array = np.ndarray


class Observations(Loss):
    """Half the sum of ((y - values - offset)/errors)^2 over observations at points: the observation term of 4D-Var.

    The model equivalent y of an observation is interpolated between wet points and between the two steps around its
    time, or is the mean over a span of time (`adjoint.interpolation`). Observations with a masked element are missing.
    Those on land, below the sea floor or outside the grid are dropped with a warning that gives their number and the
    first position.

    Parameters
    ----------
    model : Model
        The model of the run.
    field : {"u", "v", "eta", "T", "S"} or a further tracer
        The observed field.
    x, y : array_like, shape (n,)
        Positions in the coordinates of the grid [degrees or m].
    days : array_like, shape (n,)
        Times, in days from the beginning of the run.
    values : array_like, shape (n,)
        Observed values [units of the field].
    errors : float or array_like, shape (n,)
        Standard errors [units of the field].
    z : float or array_like, shape (n,), default 0
        Heights [m], negative below the surface; ignored for eta.
    span : float or array_like, shape (n,), default 0
        Time over which a value is a mean, centred on `days` [days]; 0 for a value at one time.
    offset : int or array_like, shape (n,), default -1
        Number of the group of observations whose unknown mean offset is removed, -1 for none.
    out_of_water : {"drop", "refuse"}, default "drop"
        Whether observations outside the water are dropped or raise an error.

    Attributes
    ----------
    kept : ndarray, shape (m,)
        Numbers of the observations that count, among those given; `values`, `equivalents` and all others of m elements
        have this order.
    values, errors, weights : ndarray, shape (m,)
        Values, standard errors and 1/errors^2.
    H : csr_matrix, shape (p, points of the field with halo)
        Interpolation to the observations near the tile, all of them for an ocean that is not divided.
    known : ndarray, shape (p,)
        Numbers of these observations, among those that count.
    own : ndarray of bool, shape (p,)
        Which of them belong to the tile: each belongs to one.
    W : csc_matrix, shape (p, r)
        Weights in the model equivalents of these observations, of the r states of the run that count.
    steps : ndarray of int, shape (r,)
        The steps after which these states exist, in ascending order. The records of the loss are their indices.

    Raises
    ------
    InputError
        For columns of different lengths, values that are not finite, errors that are not positive, negative spans, and
        where no observation is left. `records_by_step` raises it for a time outside the run.
    """

    def __init__(
        self, model: Model, field: str, *, x: Array, y: Array, days: Array, values: Array, errors: float | Array,
        z: float | Array = 0.0, span: float | Array = 0.0, offset: int | Array = -1, out_of_water: str = "drop",
    ) -> None:  # fmt: skip
        super().__init__(model)
        field_point(model, field)
        if out_of_water not in ("drop", "refuse"):
            raise InputError(f"out_of_water: unknown {out_of_water!r}: {suggestion(out_of_water, ('drop', 'refuse'))}")
        given = {"x": x, "y": y, "z": z, "days": days, "values": values, "errors": errors}
        number, columns = unmasked_columns(given | {"span": span, "offset": offset})
        check_columns(number, columns)
        places = tuple(columns[name] for name in "xyz")
        found = interpolation(model, field, *places)
        wet = found.wet
        if not wet.all():
            text = f"{field}: {out_of_water_text(number, places, wet, found.inside)}"
            if out_of_water == "refuse" or not wet.any():
                raise InputError(f"{text}; leave them out, or correct their places")
            warnings.warn(f"{text}; they are dropped", stacklevel=2)
        here = wet[found.known]
        self.field, self.kept, self.H, self.own = field, number[wet], found.H[np.flatnonzero(here)], found.own[here]
        self.known = (np.cumsum(wet) - 1)[found.known[here]]
        self.values, self.errors = columns["values"][wet], columns["errors"][wet]
        self.weights = 1 / self.errors**2
        self.times, self.span = columns["days"][wet], columns["span"][wet]
        self.groups = groups_of(columns["offset"][wet])
        self.near = np.zeros(len(self.known))  # the model equivalents so far, near the tile
        self.prepared: tuple | None = None  # time step and number of steps of W
        self.begin(model.numerics.dt, None)

    def begin(self, dt: float, last: int | None) -> None:
        """Prepare for a run: the weights of its states, and no model equivalents yet.

        Parameters
        ----------
        dt : float
            Time step [s].
        last : int or None
            Number of the last step; None for a run that is long enough.
        """
        self.complete: Array | None = None
        if self.prepared == (dt, last):
            return
        when, index = np.unique(np.stack([self.times, self.span], axis=1), axis=0, return_inverse=True)
        weights, self.steps = time_weights(when[:, 0], when[:, 1], dt, last)
        self.W, self.prepared = weights[index.ravel()[self.known]].tocsc(), (dt, last)

    def column(self, record: int) -> tuple[Array, Array]:
        """Return the rows of H that count in a record, and their weights.

        Parameters
        ----------
        record : int
            Number of the record.

        Returns
        -------
        rows : ndarray of int, shape (q,)
            The rows.
        weight : ndarray, shape (q,)
            Their weights in W.
        """
        part = slice(*self.W.indptr[record : record + 2])
        return self.W.indices[part], self.W.data[part]

    def terms(self, state: State, record: int) -> Array:
        """Return W_n H x_n, the terms of the model equivalents in a record.

        Parameters
        ----------
        state : State
            The state, with its halo filled.
        record : int
            Number of the record.

        Returns
        -------
        ndarray, shape (q,)
            The terms, in the order of `column`.
        """
        rows, weight = self.column(record)
        return weight * (self.H[rows] @ getattr(state, self.field).ravel())

    def spread(self, slopes: Array, record: int, state_ad: State) -> None:
        """Add H^T W_n^T slopes, the transpose of the terms in a record, to the adjoint of its state.

        Parameters
        ----------
        slopes : ndarray, shape (m,)
            Derivative of a scalar with respect to the model equivalents.
        record : int
            Number of the record.
        state_ad : State
            Receives the derivative with respect to the state, on its interior.
        """
        rows, weight = self.column(record)
        field_ad = getattr(state_ad, self.field)
        change = self.H[rows].T @ (weight * slopes[self.known[rows]])
        interior(field_ad)[...] += interior(change.reshape(field_ad.shape))

    def value(self, state: State, record: int) -> float:
        if record == 0:
            self.near, self.complete = np.zeros(len(self.known)), None
        terms = self.terms(state, record)
        self.near = self.near.astype(np.result_type(self.near, terms), copy=False)
        self.near[self.column(record)[0]] += terms
        if record != len(self.steps) - 1:
            return 0.0  # the last record returns the whole misfit
        self.complete = self.gathered(self.near)
        misfit = 0.5 * self.weights * self.residuals() ** 2
        return self.total(misfit[self.known[self.own]])

    def adjoint(self, state: State, record: int, value_ad: float, state_ad: State) -> None:
        if self.complete is not None:  # the run has come to the last record
            self.spread(value_ad * self.weights * self.residuals(), record, state_ad)

    def gathered(self, near: Array) -> Array:
        """Return values of all observations, from those near each tile.

        Parameters
        ----------
        near : ndarray, shape (p,)
            Values of the observations near the tile.

        Returns
        -------
        ndarray, shape (m,)
            The same in all processes.
        """
        found = np.zeros(len(self.kept), near.dtype)
        for numbers, values in self.model.grid.tile.every((self.known[self.own], near[self.own])):
            found[numbers] = values
        return found

    def equivalents(self) -> Array:
        """Return the model equivalents y of the last run.

        Returns
        -------
        ndarray, shape (m,)
            y [units of the field], complex after a run of complex states.

        Raises
        ------
        InputError
            Before a run.
        """
        if self.complete is None:
            raise InputError("equivalents: no run has been observed; use adjoint.evaluate(loss, simulation) first")
        return self.complete

    def without_offsets(self, a: Array) -> Array:
        """Return values less the mean of their group, with the weights 1/errors^2.

        Parameters
        ----------
        a : ndarray, shape (m,)
            Values; they stay as they are outside all groups.

        Returns
        -------
        ndarray, shape (m,)
            P a. It is a projection with P^T R^-1 = R^-1 P.
        """
        return a - self.groups.T @ self.offsets(a)

    def offsets(self, a: Array) -> Array:
        """Return the means over the groups, with the weights 1/errors^2.

        Parameters
        ----------
        a : ndarray, shape (m,)
            Values.

        Returns
        -------
        ndarray, shape (groups,)
            The means, in ascending order of the numbers of the groups.
        """
        return (self.groups @ (self.weights * a)) / (self.groups @ self.weights)

    def residuals(self) -> Array:
        """Return y - values of the last run, without the offsets of the groups.

        Returns
        -------
        ndarray, shape (m,)
            The residuals [units of the field], complex after a run of complex states.

        Raises
        ------
        InputError
            Before a run.
        """
        return self.without_offsets(self.equivalents() - self.values)

    def observe(self, state: State) -> Array:
        """Return H x, one state interpolated to the positions of all observations.

        Parameters
        ----------
        state : State
            The state, with its halo filled.

        Returns
        -------
        ndarray, shape (m,)
            The field at the positions of the observations.
        """
        return self.gathered(self.H @ getattr(state, self.field).ravel())

    def observe_ad(self, slopes: Array, state_ad: State) -> None:
        """Add H^T slopes, the transpose of `observe`, to the adjoint of its state.

        Parameters
        ----------
        slopes : ndarray, shape (m,)
            Derivative of a scalar with respect to H x.
        state_ad : State
            Receives the derivative with respect to the state, on its interior.
        """
        field_ad = getattr(state_ad, self.field)
        interior(field_ad)[...] += interior((self.H.T @ slopes[self.known]).reshape(field_ad.shape))

    def records_by_step(self, simulation: Simulation) -> dict[int, list]:
        """Return the steps whose states count, and prepare for a run.

        Parameters
        ----------
        simulation : Simulation
            The run.

        Returns
        -------
        dict of int to list
            The record of each step.

        Raises
        ------
        InputError
            For an observation before or after the run, or a run of another model.
        """
        if simulation.model.grid is not self.model.grid:
            raise InputError(f"{type(self).__name__}: was made for another model than the simulation's")
        dt, half = simulation.model.numerics.dt, 0.5 * self.span
        early, late = (self.times + sign * half for sign in (-1, 1))
        allowed, last = 0.5 * dt / DAY, simulation.steps * dt / DAY
        for day in (early.min(), late.max()):
            if not -allowed <= day <= last + allowed:
                raise InputError(f"days: day {day:g} of {type(self).__name__} is outside the run from 0 to {last:g}")
        self.begin(dt, simulation.steps)
        return {int(n): [record] for record, n in enumerate(self.steps)}

    def all_records(self) -> list:
        return list(range(len(self.steps)))


class Equivalents(Loss):
    """Sum of weights * model equivalents of observations, without their offsets: linear in the states of a run.

    Its gradient is the transpose of the observation operator and the model, applied to the weights.

    Parameters
    ----------
    loss : Observations
        The observations.
    weights : ndarray, shape (m,)
        A weight for each of its model equivalents.
    """

    def __init__(self, loss: Observations, weights: Array) -> None:
        super().__init__(loss.model)
        # The transpose of the projection is R^-1 P R.
        self.loss, self.slopes = loss, loss.weights * loss.without_offsets(weights / loss.weights)

    def value(self, state: State, record: int) -> float:
        loss, (rows, _) = self.loss, self.loss.column(record)
        terms = self.slopes[loss.known[rows]] * loss.terms(state, record)
        return self.total(terms[loss.own[rows]])

    def adjoint(self, state: State, record: int, value_ad: float, state_ad: State) -> None:
        self.loss.spread(value_ad * self.slopes, record, state_ad)

    def records_by_step(self, simulation: Simulation) -> dict[int, list]:
        return self.loss.records_by_step(simulation)

    def all_records(self) -> list:
        return self.loss.all_records()


def groups_of(offset: Array) -> sparse.csr_matrix:
    """Return the matrix (groups, m) that is 1 where an observation belongs to a group; negative numbers are in none."""
    within = np.flatnonzero(offset >= 0)
    numbers, group = np.unique(offset[within], return_inverse=True)
    return sparse.csr_matrix((np.ones(len(within)), (group, within)), (len(numbers), len(offset)))


def out_of_water_text(number: Array, places: tuple[Array, ...], wet: Array, inside: Array) -> str:
    """Return how many observations are not in the water, and where the first one is."""
    n = int(np.argmin(wet))
    x, y, z = (a[n] for a in places)
    where = "lies on land or below the sea floor" if inside[n] else "lies outside the grid"
    return (
        f"{(~wet).sum()} of {len(wet)} observations are not in the water of the model: observation {number[n]} at "
        f"x = {x:g}, y = {y:g}, z = {z:g} {where}"
    )


def unmasked_columns(given: Mapping[str, float | Array]) -> tuple[Array, dict[str, Array]]:
    """Return the numbers and columns (n,) of the observations without masked elements, from columns or numbers.

    Raises InputError for columns of different lengths, values that are not finite, and where no observation is left.
    """
    try:
        missing = np.any(np.broadcast_arrays(*(np.ma.getmaskarray(np.ma.asarray(a)) for a in given.values())), axis=0)
        columns = {name: np.broadcast_to(np.ma.getdata(a), missing.shape).astype(float) for name, a in given.items()}
    except (TypeError, ValueError):
        shapes = ", ".join(f"{name} {np.shape(a)}" for name, a in given.items())
        raise InputError(
            f"{', '.join(given)}: need numbers, one for each observation or one for all; got {shapes}"
        ) from None
    if missing.ndim > 1:
        raise InputError(
            f"{', '.join(given)}: need columns, one number for each observation; got shape {missing.shape}"
        )
    number = np.flatnonzero(~np.atleast_1d(missing))
    if not len(number):
        raise InputError("values: there is no observation, or something is masked in each")
    columns = {name: np.atleast_1d(a)[number] for name, a in columns.items()}
    for name, a in columns.items():
        if not np.isfinite(a).all():
            n = int(np.argmin(np.isfinite(a)))
            raise InputError(f"{name}: observation {number[n]} has {a[n]:g}; leave it out, mask it or correct it")
    return number, columns


def check_columns(number: Array, columns: Mapping[str, Array]) -> None:
    """Raise InputError for an error that is not positive or a negative span; `number` (n,) counts those given."""
    for name, rule, wrong in (
        ("errors", "it must be positive", ~(columns["errors"] > 0)),
        ("span", "it must not be negative", columns["span"] < 0),
    ):
        if wrong.any():
            n = int(np.argmax(wrong))
            what = "error" if name == "errors" else name
            raise InputError(f"{name}: the {what} of observation {number[n]} is {columns[name][n]:g}; {rule}")
