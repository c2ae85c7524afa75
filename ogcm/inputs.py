"""What users hand over becomes plain numbers and arrays here, or is refused by name.

    number(name, value)             one real number
    plain(name, values, axes)       numbers, lists, arrays of NumPy, CuPy or xarray, masked or not, as one array
    sample(name, values, points)    the same, or a function of the coordinates, as a field at these points

Masked values are missing: land in a bathymetry, elsewhere NaN, which is refused over water.
"""

import inspect
import numbers
import reprlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ogcm.backend import HALO
from ogcm.device import to_host
from ogcm.errors import InputError

Array = np.ndarray
Axes = Mapping[str, Array | None]  # the letters of the axes in their order; coordinates that labelled arrays must match

LETTERS = {  # of the names that a coordinate has in functions
    "x": "x", "lon": "x", "longitude": "x", "y": "y", "lat": "y", "latitude": "y", "z": "z", "t": "t", "time": "t",
}  # fmt: skip
DIMENSIONS = LETTERS | {  # and in labelled arrays
    "x_f": "x", "lon_f": "x", "i": "x", "nx": "x", "y_f": "y", "lat_f": "y", "j": "y", "ny": "y",
    "z_t": "z", "depth": "z", "lev": "z", "level": "z", "layer": "z", "k": "z", "nk": "z", "nz": "z",
}  # fmt: skip
COUNTED = ("i", "j", "k", "nx", "ny", "nz", "nk", "level", "layer")  # whose coordinates are numbers of cells
STANDARD_NAMES = {"longitude": "x", "latitude": "y", "depth": "z", "height": "z", "time": "t"}
MOST_CELLS = 10**9  # along a side
KINDS = {"c": "complex numbers", "b": "true or false", "U": "text", "S": "text", "M": "dates", "m": "durations"}


# Numbers


def number(name: str, value: object, *, whole: bool = False) -> float:
    """`value` as a float, or as an int where it must be `whole`. Raises InputError for what is no finite number."""
    kind = numbers.Integral if whole else numbers.Real
    fits = isinstance(value, kind) and not isinstance(value, bool)
    if not (fits and abs(value) <= sys.float_info.max):  # so that neither NaN nor infinity nor a huge integer is
        raise InputError(f"{name}: needs a {'whole ' * whole}number, got {reprlib.repr(value)}")
    return int(value) if whole else float(value)


def count(name: str, value: object) -> int:
    """A number of cells. Raises InputError where it is not whole, not positive, or beyond any machine."""
    if not 1 <= number(name, value, whole=True) <= MOST_CELLS:
        raise InputError(f"{name}: needs a number of cells from 1 to {MOST_CELLS:g}, got {value}")
    return int(value)


def flag(name: str, value: object) -> bool:
    """A choice between true and false. Raises InputError for anything else."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name}: is either True or False, got {reprlib.repr(value)}")
    return bool(value)


# Arrays


def plain(name: str, values: object, axes: Axes | None = None, masked: float = np.nan) -> Array:
    """`values` as an array of float64 on the host, with `masked` where they are masked; it may be the user's own.

    A labelled array (xarray) is brought into the order and direction of `axes`, by the names of its dimensions.
    Raises InputError for what is no array of real numbers, and for labels that do not fit.
    """
    if is_labelled(values):
        values = ordered(name, values, axes) if axes else values.values
    elif isinstance(values, list | tuple) and any(is_labelled(v) or np.ma.isMaskedArray(v) for v in values):
        rest = dict(list((axes or {}).items())[1:])
        values = [plain(name, v, rest, masked) for v in values]
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


def is_labelled(values: object) -> bool:
    """Whether an array knows the names of its dimensions, as those of xarray do."""
    return hasattr(values, "dims") and hasattr(values, "shape")


def ordered(name: str, values: object, axes: Axes) -> Array:
    """The values of a labelled array in the order and direction of `axes`; of a dimension that it lacks, one."""
    values = values.squeeze([d for d, n in zip(values.dims, values.shape, strict=True) if n == 1])
    letters = {dimension: letter_of(values, dimension) for dimension in values.dims}
    for dimension, letter in letters.items():
        if letter is None:
            raise InputError(f"{name}: is its dimension {dimension!r} one of {', '.join(axes)}? Rename it to that")
        if letter not in axes:
            raise InputError(f"{name}: has the dimension {dimension!r}; choose one of its values, isel({dimension}=0)")
    if len(set(letters.values())) < len(letters):
        raise InputError(f"{name}: two of its dimensions {', '.join(letters)} are the same axis; rename one of them")
    found = {letter: dimension for dimension, letter in letters.items()}
    for letter, dimension in found.items():
        if dimension in values.coords and values.coords[dimension].dtype.kind in "fiu" and values.size:
            own, theirs = axes[letter], np.asarray(values.coords[dimension], float)
            theirs = 0.0 - np.abs(theirs) if letter == "z" else theirs
            if (theirs[0] < theirs[-1]) == (letter == "z"):
                theirs, values = theirs[::-1], values.isel({dimension: slice(None, None, -1)})
            if dimension not in COUNTED:
                compare(name, dimension, theirs, own, 360.0 if letter == "x" else np.inf)
    a = to_host(values.transpose(*(found[letter] for letter in axes if letter in found)).data)
    if not found:
        return a
    return a.reshape([values.sizes[found[letter]] if letter in found else 1 for letter in axes])


def letter_of(values: object, dimension: str) -> str | None:
    """Which axis a dimension of a labelled array is, by the attributes of its coordinate or its name."""
    attributes = values.coords[dimension].attrs if dimension in values.coords else {}
    axis, units = str(attributes.get("axis", "")).lower(), str(attributes.get("units", ""))
    standard = STANDARD_NAMES.get(attributes.get("standard_name"))
    by_units = "y" if units.startswith("degrees_north") else "x" if units.startswith("degrees_east") else None
    return (axis if axis in ("x", "y", "z", "t") else None) or standard or by_units or DIMENSIONS.get(dimension)


def compare(name: str, dimension: str, theirs: Array, own: Array | None, turn: float) -> None:
    """Raise InputError where the coordinate of a labelled array is not that of the grid, within a cell.

    A `turn` of the globe between the two is none.
    """
    if own is None or len(own) < 2 or theirs.shape != own.shape:  # a wrong shape is said later
        return
    apart = np.abs(theirs - own)
    if not (np.minimum(apart, np.abs(apart - turn)) <= np.abs(np.gradient(own))).all():
        raise InputError(
            f"{name}: its {dimension} runs from {theirs[0]:g} to {theirs[-1]:g}, that of the grid from {own[0]:g} to "
            f"{own[-1]:g}; interpolate it to the grid, or give its .values if they belong there"
        )


# Fields


@dataclass(frozen=True)
class Points:
    """Where a field lies: its coordinates x (nx,) and y (ny,), and its heights z (nk, ny, nx) [m], None of a map."""

    x: Array
    y: Array
    z: Array | None = None
    named: bool = True  # whether x and y are places that others know too, not numbers of cells

    @property
    def shape(self) -> tuple[int, ...]:
        """(nk, ny, nx), or (ny, nx)."""
        return self.z.shape if self.z is not None else (len(self.y), len(self.x))

    @property
    def axes(self) -> Axes:
        """What the axes of a labelled array must be."""
        plane = {"y": self.y, "x": self.x} if self.named else {"y": None, "x": None}
        return plane if self.z is None else {"z": self.z.min(axis=(1, 2)), **plane}  # of full cells


def sample(name: str, values: object, points: Points, masked: float = np.nan) -> Array:
    """A number (), a profile (nk,), a map (ny, nx) or a field (1 or nk, ny, nx), as `values` are one of them.

    A function is called with arrays of the coordinates. Raises InputError for what does not fit the points.
    """
    if callable(values):
        values = Function(name, values, "xyz" if points.z is not None else "xy")(points)
    return fit(name, plain(name, values, points.axes, masked), points)


def fit(name: str, a: Array, points: Points) -> Array:
    """`a` in one of the shapes of `sample`. Raises InputError where it has another."""
    shape = points.shape
    if a.ndim == 0 or (points.z is not None and a.shape == shape[:1]):
        return a
    if 2 <= a.ndim <= len(shape) and all(n in (1, m) for n, m in zip(a.shape[::-1], shape[::-1], strict=False)):
        return np.broadcast_to(a, (*a.shape[:-2], *shape[-2:]))
    layers = f"a profile {shape[:1]}, a map {shape[1:]} or a field" if points.z is not None else "or a map"
    halo = "; give it without its halo" if a.shape[-2:] == tuple(n + 2 * HALO for n in shape[-2:]) else ""
    raise InputError(f"{name}: shape {a.shape} does not fit; give a number, {layers} {shape}{halo}")


class Function:
    """A user's function of coordinates: parameters without a default are coordinates, by name or in their order."""

    def __init__(self, name: str, function: Callable, letters: str) -> None:
        """`letters` are the coordinates that there are, in the order of parameters with other names."""
        self.name, self.function = name, function
        remedy = f"write it as `lambda {', '.join(letters)}: ...`"
        try:
            parameters = inspect.signature(getattr(function, "pyfunc", function)).parameters.values()  # of np.vectorize
        except (ValueError, TypeError):
            raise InputError(f"{name}: {function!r} does not say what it takes; {remedy}") from None
        wanted = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        names = [p.name for p in wanted]
        if "depth" in names:
            raise InputError(f"{name}: its function takes `depth`; it is given z, the height [m], negative below 0")
        known = [LETTERS.get(p) for p in names]
        if not all(known):  # in their order, in which no name may stand in another's place
            in_order = list(letters[: len(names)]) if len(names) in (2, len(letters)) else []
            known = in_order if all(k in (None, i) for k, i in zip(known, in_order, strict=False)) else []
        if not known or len(set(known)) < len(known) or not set(known) <= set(letters):
            raise InputError(
                f"{name}: its function takes ({', '.join(names)}), but the coordinates are {', '.join(letters)}; "
                f"{remedy}, and give all other parameters a default"
            )
        self.takes = [(p.name if p.kind is p.KEYWORD_ONLY else None, k) for p, k in zip(wanted, known, strict=True)]

    @property
    def of_time(self) -> bool:
        """Whether it takes the time."""
        return "t" in [letter for _, letter in self.takes]

    def __call__(self, points: Points, time: float = 0.0) -> object:
        """Its values at these points and this time [s]."""
        shape = points.shape if "z" in [letter for _, letter in self.takes] else points.shape[-2:]
        given = {"x": points.x, "y": points.y[:, None], "z": points.z}
        arrays = [(key, time if k == "t" else np.broadcast_to(given[k], shape).copy()) for key, k in self.takes]
        try:
            return self.function(*(a for key, a in arrays if key is None), **{key: a for key, a in arrays if key})
        except Exception as error:
            raise InputError(
                f"{self.name}: its function fails with {type(error).__name__} ({error}); it is called with arrays "
                f"of the coordinates, of shape {shape}"
            ) from error


# Sea water

LIMITS = {  # of T [degC] and S [g kg-1]; a linear equation of state may be in other units of temperature
    "linear": {"T": (-1e4, 1e4), "S": (-1.0, 100.0)},
    "quadratic": {"T": (-10.0, 60.0), "S": (-1.0, 100.0)},
    "teos10": {"T": (-10.0, 60.0), "S": (-1.0, 100.0)},
}
OTHER_UNITS = {  # where all water lies, if it was given in them
    "T": (200.0, 373.15, "looks like kelvin; it is needed in degC, 273.15 less"),
    "S": (0.02, 0.045, "looks like kg of salt per kg; it is needed in g kg-1, 1000 times as much"),
}


def check_sea_water(name: str, water: Array, equation_of_state: str) -> None:
    """Raise InputError where a temperature or salinity (of these points of water) is none, or is in other units.

    `name` begins with T or S.
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
