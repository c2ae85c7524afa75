"""The misfit to observations at points, the observation term of 4D-Var."""

import warnings
from collections.abc import Mapping

import numpy as np

from adjoint.interpolation import interpolation
from adjoint.loss import Loss
from ogcm.errors import InputError, suggestion
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.regions import field_point
from ogcm.state import State

Array = np.ndarray


class Observations(Loss):
    """Half the sum of ((H field - values)/errors)^2 over observations at points: the observation term of 4D-Var.

    H interpolates between wet points (`adjoint.interpolation`). Observations with a masked element are missing. Those
    on land, below the sea floor or outside the grid are dropped with a warning that gives their number and the first
    position.

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
    out_of_water : {"drop", "refuse"}, default "drop"
        Whether observations outside the water are dropped or raise an error.

    Attributes
    ----------
    kept : ndarray, shape (m,)
        Numbers of the observations that count, among those given; `values` and `observe` have this order.
    H : csr_matrix, shape (p, points of the field with halo)
        Interpolation to the observations near the tile, all of them for an ocean that is not divided.
    known : ndarray, shape (p,)
        Numbers of these observations, among those that count.
    own : ndarray of bool, shape (p,)
        Which of them belong to the tile: each belongs to one.

    Raises
    ------
    InputError
        For columns of different lengths, values that are not finite, errors that are not positive, and where no
        observation is left. `records_by_step` raises it for a day outside the run.
    """

    def __init__(
        self, model: Model, field: str, *, x: Array, y: Array, days: Array, values: Array, errors: float | Array,
        z: float | Array = 0.0, out_of_water: str = "drop",
    ) -> None:  # fmt: skip
        super().__init__(model)
        field_point(model, field)
        if out_of_water not in ("drop", "refuse"):
            raise InputError(f"out_of_water: unknown {out_of_water!r}: {suggestion(out_of_water, ('drop', 'refuse'))}")
        number, columns = unmasked_columns({"x": x, "y": y, "z": z, "days": days, "values": values, "errors": errors})
        check_positive(number, columns["errors"])
        x, y, z = (columns[name] for name in "xyz")
        found = interpolation(model, field, x, y, z)
        wet = found.wet
        if not wet.all():
            n = int(np.argmin(wet))
            place = f"observation {number[n]} at x = {x[n]:g}, y = {y[n]:g}, z = {z[n]:g}"
            where = "lies on land or below the sea floor" if found.inside[n] else "lies outside the grid"
            text = (
                f"{field}: {(~wet).sum()} of {len(wet)} observations are not in the water of the model: {place} {where}"
            )
            if out_of_water == "refuse" or not wet.any():
                raise InputError(f"{text}; leave them out, or correct their places")
            warnings.warn(f"{text}; they are dropped", stacklevel=2)
        here = wet[found.known]
        self.field, self.kept, self.H, self.own = field, number[wet], found.H[np.flatnonzero(here)], found.own[here]
        self.known = (np.cumsum(wet) - 1)[found.known[here]]
        self.values, self.errors = columns["values"][wet], columns["errors"][wet]
        when, self.which = np.unique(columns["days"][wet], return_inverse=True)
        self.days = tuple(when)

    def misfit(self, state: State, record: int) -> tuple[Array, Array]:
        """Return the normalised misfit of a record, near the tile.

        Parameters
        ----------
        state : State
            The state, with its halo filled.
        record : int
            Number of the day.

        Returns
        -------
        misfit : ndarray, shape (q,)
            (H field - value)/error of the observations of the day.
        rows : ndarray, shape (q,)
            Their rows of H.
        """
        rows = np.flatnonzero(self.which[self.known] == record)
        seen = self.known[rows]
        equivalents = self.H[rows] @ getattr(state, self.field).ravel()
        return (equivalents - self.values[seen]) / self.errors[seen], rows

    def value(self, state: State, record: int) -> float:
        misfit, rows = self.misfit(state, record)
        return 0.5 * self.total(misfit[self.own[rows]] ** 2)

    def adjoint(self, state: State, record: int, value_ad: float, state_ad: State) -> None:
        misfit, rows = self.misfit(state, record)
        field_ad = getattr(state_ad, self.field)
        change = self.H[rows].T @ (value_ad * misfit / self.errors[self.known[rows]])
        interior(field_ad)[...] += interior(change.reshape(field_ad.shape))

    def observe(self, state: State) -> Array:
        """Return H field, the model equivalents of all observations.

        Parameters
        ----------
        state : State
            The state, with its halo filled.

        Returns
        -------
        ndarray, shape (n,)
            The field at the positions of the observations.
        """
        near = self.H @ getattr(state, self.field).ravel()
        found = np.zeros(len(self.kept), near.dtype)
        for numbers, values in self.model.grid.tile.every((self.known[self.own], near[self.own])):
            found[numbers] = values
        return found


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


def check_positive(number: Array, errors: Array) -> None:
    """Raise InputError for a standard error that is not positive; `number` (n,) counts the observations given."""
    wrong = np.flatnonzero(~(errors > 0))
    if len(wrong):
        n = wrong[0]
        raise InputError(f"errors: the error of observation {number[n]} is {errors[n]:g}; it must be positive")
