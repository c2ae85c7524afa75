"""Conversion of user input to numbers and arrays, with an error that names the input where that is impossible.

    number(name, value)             one real number
    as_array(name, values, axes)    numbers, lists, arrays of NumPy, CuPy or xarray, masked or not, as one array
    sample(name, values, points)    the same, or a function of the coordinates, as a field at these points

Masked values count as missing: land in a bathymetry, elsewhere NaN, which is refused over water.
"""

import inspect
import numbers
import reprlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ogcm.backend import HALO
from ogcm.device import to_host
from ogcm.errors import InputError
from ogcm.labelled import LETTERS, Axes, in_axes_order, is_labelled, variable_of
from ogcm.tiles import Tile

Array = np.ndarray


class ArrayLike(Protocol):
    """An object that NumPy can make an array of, such as an array of NumPy or xarray."""

    def __array__(self) -> Array:
        """Return its values."""


Numbers = Sequence[float] | ArrayLike  # a list of numbers, such as the layers of a grid
Values = float | Numbers | Sequence[Sequence[float]] | Callable[..., Any]  # a field; a function of the coordinates

MOST_CELLS = 10**9  # along a side
KINDS = {"c": "complex numbers", "b": "true or false", "U": "text", "S": "text", "M": "dates", "m": "durations"}


# Numbers


def number(name: str, value: Any, *, whole: bool = False) -> float:
    """Return `value` as a float, or as an int with `whole`. Raises InputError for anything but a finite number."""
    kind = numbers.Integral if whole else numbers.Real
    fits = isinstance(value, kind) and not isinstance(value, bool)
    if not (fits and abs(value) <= sys.float_info.max):  # refuses NaN, infinity and huge integers
        raise InputError(f"{name}: needs a {'whole ' * whole}number, got {reprlib.repr(value)}")
    return int(value) if whole else float(value)


def count(name: str, value: Any) -> int:
    """Return `value` as a number of cells. Raises InputError unless it is whole and between 1 and `MOST_CELLS`."""
    if not 1 <= number(name, value, whole=True) <= MOST_CELLS:
        raise InputError(f"{name}: needs a number of cells from 1 to {MOST_CELLS:g}, got {value}")
    return int(value)


def flag(name: str, value: object) -> bool:
    """Return `value` as a bool. Raises InputError for anything but true and false."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name}: is either True or False, got {reprlib.repr(value)}")
    return bool(value)


# Arrays


def as_array(
    name: str, values: Any, axes: Axes | None = None, masked: float = np.nan, tile: Tile | None = None
) -> Array:
    """Convert `values` to an array of float64 on the host.

    Parameters
    ----------
    name : str
        Name of the input, for messages.
    values : array_like
        Numbers, lists, or an array of NumPy, CuPy or xarray. A labelled array (xarray) is brought into the order and
        direction of `axes` by the names of its dimensions and coordinates. Of a Dataset, the variable with the name of
        the input is taken, or the only one that it has.
    axes : mapping of str to ndarray or None, optional
        Letter of each axis in order, with the coordinates that those of a labelled array must match.
    masked : float
        Value in place of masked ones.
    tile : Tile, optional
        Of a labelled array that covers the whole ocean, only the part in this tile is returned, and read where it has
        not been read from its file.

    Returns
    -------
    ndarray of float64
        The values. It may be the user's own array, which must not be written to.

    Raises
    ------
    InputError
        For anything but real numbers, and for labels that do not fit.
    """
    values = variable_of(name, values)
    if is_labelled(values):
        values = in_axes_order(name, values, axes, tile) if axes else values.values
    elif isinstance(values, list | tuple) and any(is_labelled(v) or np.ma.isMaskedArray(v) for v in values):
        rest = dict(list((axes or {}).items())[1:])
        values = [as_array(name, v, rest, masked, tile) for v in values]
    mask = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else None
    try:
        a = to_host(np.ma.getdata(values) if mask is not None else values)
    except (ValueError, TypeError, RuntimeError) as error:  # lists of different lengths, arrays without values
        raise InputError(f"{name}: cannot be made an array of numbers ({error})") from None
    if a.dtype.kind not in "fiu":
        kind = KINDS.get(a.dtype.kind, type(values).__name__)
        raise InputError(f"{name}: needs real numbers, got {kind}: {reprlib.repr(values)}")
    a = a.astype(float, copy=mask is not None)
    if mask is not None:
        a[mask] = masked
    return a


# Fields


@dataclass(frozen=True)
class Points:
    """The points of a field.

    Attributes
    ----------
    x : ndarray, shape (nx,)
        First coordinate [m or degrees].
    y : ndarray, shape (ny,)
        Second coordinate [m or degrees].
    z : ndarray, shape (nk, ny, nx), optional
        Heights [m], negative below the surface; None for a map.
    named : bool
        True where x and y are coordinates that other data may share, False where they count cells.
    tile : Tile, optional
        The part of an ocean whose points these are.
    whole : Points, optional
        Points of the whole ocean, to which arrays of a user belong, if these are those of a tile.
    """

    x: Array
    y: Array
    z: Array | None = None
    named: bool = True
    tile: Tile | None = None
    whole: "Points | None" = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a field at these points, (nk, ny, nx) or (ny, nx)."""
        return self.z.shape if self.z is not None else (len(self.y), len(self.x))

    @property
    def axes(self) -> Axes:
        """Axes of a labelled array at these points, with the coordinates that it must have."""
        plane: dict[str, Array | None] = {"y": self.y, "x": self.x} if self.named else {"y": None, "x": None}
        return plane if self.z is None else {"z": self.z.min(axis=(1, 2)), **plane}  # of full cells


def sample(name: str, values: Values, points: Points, masked: float = np.nan) -> Array:
    """Sample user input at points.

    Parameters
    ----------
    name : str
        Name of the input, for messages.
    values : array_like or callable
        A number, a profile (nk,), a map (ny, nx) or a field (nk, ny, nx); a function is called with arrays of the
        coordinates.
    points : Points
        Where the values belong.
    masked : float
        Value in place of masked ones.

    Returns
    -------
    ndarray of float64, shape (), (nk,), (ny, nx), (1, ny, nx) or (nk, ny, nx)
        The values in the form in which they came.

    Raises
    ------
    InputError
        For values that do not fit the points.
    """
    if callable(values):
        values = Function(name, values, "xyz" if points.z is not None else "xy")(points)
        return fit_shape(name, as_array(name, values, points.axes, masked), points)
    return fit_shape_of_tile(name, as_array(name, values, (points.whole or points).axes, masked, points.tile), points)


def fit_shape_of_tile(name: str, a: Array, points: Points) -> Array:
    """Return the part of an array that lies at `points`, in one of the shapes of `sample`.

    The array is that of the whole ocean, or that of the tile. Raises InputError where it has another shape.
    """
    if points.tile is None or points.whole is None or (fits(a, points) and not fits(a, points.whole)):
        return fit_shape(name, a, points)
    return points.tile.cut(fit_shape(name, a, points.whole))


def fits(a: Array, points: Points) -> bool:
    """Return True for a map or field whose axes are those of the points, or of length 1."""
    shape = points.shape
    return 2 <= a.ndim <= len(shape) and all(n in (1, m) for n, m in zip(a.shape[::-1], shape[::-1], strict=False))


def fit_shape(name: str, a: Array, points: Points) -> Array:
    """Return `a` in one of the shapes that `sample` returns. Raises InputError where it has another."""
    shape = points.shape
    if a.ndim == 0 or (points.z is not None and a.shape == shape[:1]):
        return a
    if fits(a, points):
        return np.broadcast_to(a, (*a.shape[:-2], *shape[-2:]))
    layers = f"a profile {shape[:1]}, a map {shape[1:]} or a field" if points.z is not None else "or a map"
    halo = "; give it without its halo" if a.shape[-2:] == tuple(n + 2 * HALO for n in shape[-2:]) else ""
    raise InputError(f"{name}: shape {a.shape} does not fit; give a number, {layers} {shape}{halo}")


class Function:
    """A user's function of coordinates. Its parameters without a default are coordinates, by name or by position.

    Parameters
    ----------
    name : str
        Name of the input, for messages.
    function : callable
        The user's function.
    letters : str
        Coordinates that there are, such as "xyz", in the order of parameters with other names.

    Raises
    ------
    InputError
        For a function whose parameters cannot be matched with the coordinates.
    """

    def __init__(self, name: str, function: Callable, letters: str) -> None:
        self.name, self.function = name, function
        remedy = f"write it as `lambda {', '.join(letters)}: ...`"
        try:
            parameters = inspect.signature(getattr(function, "pyfunc", function)).parameters.values()  # of np.vectorize
        except (ValueError, TypeError):
            raise InputError(f"{name}: the parameters of {function!r} cannot be read; {remedy}") from None
        wanted = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        names = [p.name for p in wanted]
        if "depth" in names:
            raise InputError(f"{name}: its function takes `depth`; it is given z, the height [m], negative below 0")
        by_name = [LETTERS.get(p) for p in names]
        known = [letter for letter in by_name if letter]
        if len(known) < len(names):  # by position, unless a known name has the position of another
            in_order = list(letters[: len(names)]) if len(names) in (2, len(letters)) else []
            known = in_order if all(k in (None, i) for k, i in zip(by_name, in_order, strict=False)) else []
        if not known or len(set(known)) < len(known) or not set(known) <= set(letters):
            raise InputError(
                f"{name}: its function takes ({', '.join(names)}), but the coordinates are {', '.join(letters)}; "
                f"{remedy}, and give all other parameters a default"
            )
        self.takes = [(p.name if p.kind is p.KEYWORD_ONLY else None, k) for p, k in zip(wanted, known, strict=True)]

    @property
    def of_time(self) -> bool:
        """True where one of its parameters is the time."""
        return "t" in [letter for _, letter in self.takes]

    def __call__(self, points: Points, time: float = 0.0) -> Any:
        """Return the values at these points and this time [s]."""
        shape = points.shape if "z" in [letter for _, letter in self.takes] else points.shape[-2:]
        given = {"x": points.x, "y": points.y[:, None]} | ({} if points.z is None else {"z": points.z})
        arrays = [(key, time if k == "t" else np.broadcast_to(given[k], shape).copy()) for key, k in self.takes]
        try:
            return self.function(*(a for key, a in arrays if key is None), **{key: a for key, a in arrays if key})
        except Exception as error:
            raise InputError(
                f"{self.name}: its function fails with {type(error).__name__} ({error}); it is called with arrays "
                f"of the coordinates, of shape {shape}"
            ) from error


# Sea water

LIMITS = {  # of T [degC] and S [g kg-1]; temperatures of a linear equation of state may have other units
    "linear": {"T": (-1e4, 1e4), "S": (-1.0, 100.0)},
    "quadratic": {"T": (-10.0, 60.0), "S": (-1.0, 100.0)},
    "teos10": {"T": (-10.0, 60.0), "S": (-1.0, 100.0)},
}
OTHER_UNITS = {  # the range of all sea water in other units, and the remedy
    "T": (200.0, 373.15, "looks like kelvin; it is needed in degC, 273.15 less"),
    "S": (0.02, 0.045, "looks like kg of salt per kg; it is needed in g kg-1, 1000 times as much"),
}


def check_sea_water(name: str, water: Array, equation_of_state: str) -> None:
    """Raise InputError where temperatures [degC] or salinities [g kg-1] of sea water are impossible or in other units.

    The first letter of `name`, T or S, tells which of the two the values of `water` are.
    """
    if equation_of_state == "none" or not water.size:
        return
    least, most = float(water.min()), float(water.max())
    low, high, remedy = OTHER_UNITS[name[0]]
    if low <= least and most <= high:
        raise InputError(f"{name}: {most:g} {remedy}")
    low, high = LIMITS[equation_of_state][name[0]]
    if not (low <= least and most <= high):
        value, units = most if most > high else least, {"T": "degC", "S": "g kg-1"}[name[0]]
        raise InputError(
            f"{name}: {value:g} {units} is no sea water, which is between {low:g} and {high:g}; correct it, or "
            "mark it as missing on land"
        )
