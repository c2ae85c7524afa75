"""The variables of a file of observations, in the units of the model.

They are decoded by the rules for gridded files (`ogcm.data`): packed values are unpacked, fill values and NaN are
missing, units are converted.
"""

import datetime
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from adjoint.observations.points import Points
from ogcm.constants import DAY
from ogcm.data.decoding import decoded, numbers, text
from ogcm.data.quantities import Quantity
from ogcm.data.times import REAL
from ogcm.data.units import convert
from ogcm.errors import FileError, InputError
from ogcm.model import Model

if TYPE_CHECKING:
    import cftime
    import xarray as xr

Array = np.ndarray
FIELD = {"u": "velocity", "v": "velocity", "eta": "sea level", "T": "temperature", "S": "salinity"}
COORDINATES = {"degrees": ("latitude", "longitude"), "m": ("distance", "distance"), "1": ("index", "index")}  # y, x


class File(NamedTuple):
    """A file of observations, open, and the model that they are for.

    Attributes
    ----------
    path : str
        Name of the file, for messages.
    ds : Dataset
        Its variables, not decoded.
    model : Model
        The model.
    """

    path: str
    ds: "xr.Dataset"
    model: Model

    def variable(self, name: str) -> "xr.DataArray":
        """Return a variable. Raises FileError where the file lacks it."""
        if name not in self.ds.variables:
            raise FileError(
                f"{self.path}: lacks the variable {name}; `pydoc adjoint.observations.reading` names the formats"
            )
        return self.ds[name]

    def numbers(self, name: str) -> Array:
        """Return a variable as a column of float64 in its own units, NaN where it is missing."""
        v = self.variable(name)
        return decoded(f"{self.path}: {name}", v, v.attrs).ravel()

    def column(self, name: str, quantity: str | Quantity, *, difference: bool = False, units: str = "") -> Array:
        """Return a variable in the units of a quantity, NaN where it is missing; `units` replaces absent ones.

        Raises FileError where the file lacks it, InputError for values or units that cannot be used.
        """
        label, v = f"{self.path}: {name}", self.variable(name)
        return convert(
            label, decoded(label, v, v.attrs), text(v.attrs, "units") or units, quantity, difference=difference
        )

    def field(self, name: str, field: str, *, difference: bool = False) -> Array:
        """Return a variable in the units of a field of the model; `difference` for an error."""
        own = self.model.fields[field].units  # of a further tracer, which has one unit and any range
        return self.column(name, FIELD.get(field, Quantity(own)), difference=difference)

    def places(self, x: str, y: str) -> tuple[Array, Array]:
        """Return the positions x, y in the coordinates of the grid."""
        along_y, along_x = COORDINATES[self.model.horizontal.units]
        return self.column(x, along_x), self.column(y, along_y)

    def days(self, name: str) -> Array:
        """Return times in days from the beginning of the run; those since a date need a model with dates."""
        label, v = f"{self.path}: {name}", self.variable(name)
        units, since, date = text(v.attrs, "units").partition(" since ")
        days = convert(label, decoded(label, v, v.attrs), units, "time")
        return days + self.first_day(label, f"{units}{since}{date}", text(v.attrs, "calendar")) if since else days

    def first_day(self, label: str, units: str, calendar: str) -> float:
        """Return the date of units such as "days since 2004-01-01" in days from the beginning of the run."""
        import cftime  # imported where it is needed, since it takes time

        begin = begin_of_run(f"{label} is in {units!r}", self.model)
        try:
            first = cftime.num2date(0, units, calendar or "standard")
            if first.calendar in REAL and begin.calendar in REAL:
                first = cftime.datetime(*first.timetuple()[:6], calendar=begin.calendar)
            return (first - begin).total_seconds() / DAY
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{label} with the units {units!r} and the calendar {calendar!r} cannot be counted from {begin} of the "
                f"calendar {begin.calendar!r} ({error}); give it the calendar of the model"
            ) from None

    def names(self, name: str, given: Any = None) -> Array:
        """Return the names of platforms: those in a variable of text, or of the numbers in one.

        Numbers are named by `given` (a mapping, or a sequence from 0 on), or by the attributes flag_values and
        flag_meanings; others are their own names.
        """
        v = self.variable(name)
        if v.dtype.kind not in "iuf":
            return texts(v.values)
        label = f"{self.path}: {name}"
        values, inverse = np.unique(v.values, return_inverse=True)
        flags = numbers(label, v.attrs, "flag_values")
        known = dict(zip(flags, text(v.attrs, "flag_meanings").split(), strict=False))
        known |= dict(given.items() if hasattr(given, "items") else enumerate(given or ()))
        return np.array([str(known.get(value, value)) for value in values.tolist()])[inverse]


def begin_of_run(what: str, model: Model) -> "cftime.datetime":
    """Return the date of the present state of a model, with which a run begins.

    Raises InputError, which begins with `what`, for a model without dates.
    """
    if model.start is None:
        raise InputError(
            f'{what}, but the model has no date; give it one (start = "2021-01-01"), or give times in days from the '
            "beginning of the run"
        )
    return model.start + datetime.timedelta(seconds=float(np.real(model.state.time)))


def texts(values: Array) -> Array:
    """Return text of any kind that a file holds, arrays of characters as well, as an array of str."""
    if values.dtype.kind == "S" and values.dtype.itemsize == 1 and values.ndim == 2:
        values = np.array([b"".join(row) for row in values])
    found = [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in values.tolist()]
    return np.array([value.strip("\0 ") for value in found], dtype=str)


def complete(path: str, points: Points) -> Points | None:
    """Return the observations that have a value, and everything else; None where there are none.

    A warning gives the number of those that have a value, but lack a position, time or error.
    """
    points = points.whole()
    there = np.isfinite(points.values)
    columns = [points.x, points.y, points.z, points.days, points.errors, np.asarray(points.span)]
    good = there & np.isfinite(np.stack(columns)).all(axis=0)
    if not good[there].all():
        lacking, first = (there & ~good).sum(), int(np.argmax(there & ~good))
        message = f"{path}: {lacking} of {there.sum()} observations of {points.field} lack a place, time or error"
        warnings.warn(f"{message}, the first is number {first}; they are left out", stacklevel=2)
    return points.select(good) if good.any() else None


def errors_of(label: str, errors: Any, field: str, like: Array) -> Array:
    """Return the standard errors of a field from a number, or from a mapping of fields to numbers.

    Raises InputError where there is none for the field.
    """
    found = errors.get(field) if hasattr(errors, "get") else errors
    if found is None:
        example = {"eta": 0.03, "T": 0.3, "S": 0.05}.get(field, 0.1)
        raise InputError(f'{label}: has no errors of {field}; give them, for example errors={{"{field}": {example}}}')
    try:
        return np.full(like.shape, float(found))
    except (TypeError, ValueError):
        raise InputError(f"errors: needs a number for {field}, got {found!r}") from None
