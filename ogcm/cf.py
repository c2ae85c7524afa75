"""Decoding of the variables of CF NetCDF4 files: missing values, packing, units, axes and months.

These functions read gridded data (`ogcm.ocean_data`) and observations at points (`adjoint.observations`):

    missing     _FillValue, missing_value (compared exactly with the stored values) and the fill values of NetCDF
                become NaN
    packing     scale_factor and add_offset are applied
    units       are converted by name to those of a quantity; values that do not occur in the sea are an error
    axes        latitude and longitude are found by `units` or `standard_name`, else by `axis`; the vertical axis by
                `axis`, `positive` or `standard_name`

Attributes are taken as true. Where they are absent and the values have two possible meanings, an error asks for them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from ogcm.constants import DAY
from ogcm.errors import FileError, InputError, OceanError
from ogcm.files import BROKEN, verify

Array = np.ndarray
LARGEST = 9e36  # NetCDF's default fill value of floats is 9.96921e36
DEFAULT_FILL = {"i2": -32767, "i4": -2147483647, "i8": -9223372036854775806, "u2": 65535, "u4": 4294967295}
ONLY_A_DIMENSION = "This is a netCDF dimension but not a netCDF variable"  # NAME of a dimension without coordinate
NORTH = {f"degree{s}{n}" for s in ("", "s") for n in ("_north", "_N", "N")}
EAST = {f"degree{s}{n}" for s in ("", "s") for n in ("_east", "_E", "E")}
DEGREES = {"degree", "degrees", "deg"}
SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": DAY}
SHORT = {"s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "d": "day"}


class Quantity(NamedTuple):
    """The units of a quantity.

    Attributes
    ----------
    units : str
        Units in the model.
    names : mapping of str to tuple of float
        Names of the units that a file may use, each with the factor and the offset to the units of the model.
    lower, upper : float
        Range of the values that occur in the sea, in the units of the model.
    """

    units: str
    names: Mapping[str, tuple[float, float]]
    lower: float = -np.inf
    upper: float = np.inf


def same(*names: str) -> dict[str, tuple[float, float]]:
    """Return names of the units of the model themselves, with the factor 1 and the offset 0."""
    return dict.fromkeys(names, (1.0, 0.0))


LENGTHS = same("m", "meter", "meters", "metre", "metres") | {"km": (1e3, 0), "cm": (1e-2, 0), "mm": (1e-3, 0)}
CELSIUS = same(*(f"{d}{gap}{c}" for d in ("deg", "degree", "degrees") for gap in ("", "_", " ")
                 for c in ("C", "c", "Celsius", "celsius")), "Celsius", "celsius", "C", "°C")  # fmt: skip
KELVIN = dict.fromkeys(("K", "kelvin", "Kelvin", "degK", "deg_K", "degree_K", "degrees_K"), (1.0, -273.15))
SPEEDS = same("m s-1", "m/s", "m s**-1", "m s^-1", "meter second-1", "meter/second")
QUANTITIES = {
    "temperature": Quantity("degC", CELSIUS | KELVIN, -10.0, 50.0),
    "salinity": Quantity(
        "g kg-1", same("g kg-1", "g/kg", "1e-3", "0.001", "1", "psu", "PSU") | {"kg kg-1": (1e3, 0)}, 0.0, 60.0
    ),
    "velocity": Quantity("m s-1", SPEEDS | {"cm s-1": (1e-2, 0), "cm/s": (1e-2, 0)}, -20.0, 20.0),
    "sea level": Quantity("m", LENGTHS, -100.0, 100.0),
    "depth": Quantity("m", LENGTHS, -12e3, 12e3),
    "stress": Quantity("N m-2", same("N m-2", "N/m2", "N m**-2", "Pa") | {"dyn cm-2": (0.1, 0)}, -10.0, 10.0),
    "heat flux": Quantity("W m-2", same("W m-2", "W/m2", "W m**-2"), -3e3, 3e3),
    "fresh water": Quantity("m s-1", SPEEDS | {"kg m-2 s-1": (1e-3, 0), "mm day-1": (1e-3 / DAY, 0)}, -1e-5, 1e-5),
    "latitude": Quantity("degrees", same(*NORTH, *DEGREES), -90.0, 90.0),
    "longitude": Quantity("degrees", same(*EAST, *DEGREES), -360.0, 720.0),
    "distance": Quantity("m", LENGTHS),
    "index": Quantity("1", same("1", "")),
    "time": Quantity(
        "days",
        {name: (seconds / DAY, 0) for unit, seconds in SECONDS.items() for name in (unit, f"{unit}s")}
        | {name: (SECONDS[unit] / DAY, 0) for name, unit in SHORT.items()},
    ),
}


# The file


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Convert the errors that HDF5 raises in a damaged file to a FileError that names the file."""
    try:
        yield
    except OceanError:
        raise
    except (*BROKEN, MemoryError) as error:
        raise FileError(f"{path}: damaged, or not as NetCDF4 files are ({error}); fetch or write it again") from None


def open_file(path: str | Path, needed: tuple[str, ...] = ()) -> h5py.File:
    """Open the NetCDF4 file at `path`, which must hold the variables `needed`.

    Raises FileError for a file that is missing, damaged or of another format, and for missing variables, with all of
    them in one message.
    """
    if not Path(path).is_file():
        raise FileError(f"{path}: missing; it must be a CF NetCDF4 file" + f" with {', '.join(needed)}" * bool(needed))
    try:
        verify(path, required=False)
        with Path(path).open("rb") as start:
            classic = start.read(3) == b"CDF"
        if classic:
            raise FileError(f"{path}: is a NetCDF3 file; convert it with `nccopy -k nc4 {path} FILE`")
        file = h5py.File(path, "r")
    except FileError:
        raise
    except BROKEN as error:
        raise FileError(f"{path}: damaged, not a NetCDF4 file, or not to be read ({error})") from None
    with reading(path):
        absent = [name for name in needed if not has(file, name)]
        groups = [name for name in file if file.get(name, getclass=True) is h5py.Group]
    if absent:
        where = f"; the groups {', '.join(groups)} are not read; move the variables out of them" * bool(groups)
        raise FileError(f"{path}: lacks {', '.join(absent)}; it must hold {', '.join(needed)}{where}")
    return file


def has(file: h5py.File, name: str) -> bool:
    """Return True where `name` is a variable of the file, not a group or a dimension without coordinate."""
    v = file.get(name)
    return isinstance(v, h5py.Dataset) and not attribute(v, "NAME").startswith(ONLY_A_DIMENSION)


def label(v: h5py.Dataset) -> str:
    """Return the names of the file and the variable, for messages."""
    return f"{v.file.filename}: {v.name.removeprefix('/')}"


def attribute(v: h5py.Dataset, key: str) -> str:
    """Return an attribute as text, empty where it is absent."""
    with reading(v.file.filename):
        values = np.ravel(v.attrs.get(key, ""))
    if not values.size or isinstance(values[0], h5py.Empty):
        return ""
    return values[0].decode(errors="replace").strip() if isinstance(values[0], bytes) else str(values[0]).strip()


# Values


def numbers(v: h5py.Dataset, key: str) -> list[float]:
    """Return the numbers in an attribute, none where it is absent. Raises InputError for anything but numbers."""
    with reading(v.file.filename):
        values = np.ravel(v.attrs.get(key, []))
    if values.size and values.dtype.kind not in "iuf":
        raise InputError(f"{label(v)} has {key} = {attribute(v, key)!r}, which is text; make it a number of its type")
    return values.tolist()


def decode(v: h5py.Dataset) -> Array:
    """Return the values of a variable as float64 in its own units and order, unpacked, NaN where they are missing.

    Raises InputError for a variable that does not hold numbers, FileError for one that cannot be read.
    """
    if v.dtype.kind not in "iuf" or v.shape is None:
        what = "nothing" if v.shape is None else f"the type {v.dtype}"
        raise InputError(f"{label(v)} holds {what}, but numbers are needed; text and structures cannot be used")
    with reading(v.file.filename):
        raw = np.asarray(v[()])
    fills = numbers(v, "_FillValue") or [DEFAULT_FILL[t] for t in [raw.dtype.str[1:]] if t in DEFAULT_FILL]
    with np.errstate(over="ignore", invalid="ignore"):
        missing = np.abs(raw.astype(float)) > LARGEST
        for fill in [*fills, *numbers(v, "missing_value")]:
            missing |= raw == (raw.dtype.type(fill) if raw.dtype.kind == "f" else fill)
    scale, offset = numbers(v, "scale_factor") or [1.0], numbers(v, "add_offset") or [0.0]
    if len(scale) != 1 or len(offset) != 1 or not np.isfinite([*scale, *offset]).all() or scale == [0.0]:
        raise InputError(
            f"{label(v)} has scale_factor, add_offset = {scale}, {offset}; each must be one finite number, and the "
            "first not 0"
        )
    return np.where(missing, np.nan, raw.astype(float)) * scale[0] + offset[0]


def in_units(v: h5py.Dataset, values: Array, quantity: str | Quantity, *, difference: bool = False) -> Array:
    """Convert decoded values of a variable from its units to those of a quantity.

    Parameters
    ----------
    v : Dataset
        The variable.
    values : ndarray
        Its decoded values.
    quantity : str or Quantity
        Name in `QUANTITIES`, or a quantity that is not among them.
    difference : bool
        True for errors or changes, which have no offset and no range.

    Returns
    -------
    ndarray
        The values in the units of the quantity.

    Raises
    ------
    InputError
        For units that are unknown or absent, and for values beyond the range of the quantity.
    """
    units, unit = attribute(v, "units"), QUANTITIES[quantity] if isinstance(quantity, str) else quantity
    if units not in unit.names:
        known = ", ".join(unit.names)
        raise InputError(f"{label(v)} has the units {units!r}; give it the attribute units, one of {known}")
    factor, offset = unit.names[units]
    if difference:
        return values * factor
    values = values * factor + offset
    wrong = values[(values < unit.lower) | (values > unit.upper)]
    if wrong.size:
        raise InputError(
            f"{label(v)} holds {wrong[0]:g} {unit.units}, beyond {unit.lower:g} to {unit.upper:g}; "
            f"are its units really {units!r}, and its missing values marked by _FillValue?"
        )
    return values


# Axes


def coordinate(v: h5py.Dataset, n: int) -> h5py.Dataset | None:
    """Return the coordinate variable of the n-th dimension of a variable, None where it has none."""
    with reading(v.file.filename):
        if v.is_scale:
            c = v
        else:  # v.dims of HDF5 crashes where the attribute is malformed
            scales = v.attrs.get("DIMENSION_LIST")
            if np.shape(scales) != (v.ndim,) or scales.dtype.kind != "O" or not len(scales[n]):
                return None
            c = v.file[scales[n][0]]
        return c if has(v.file, c.name) else None


def axis(v: h5py.Dataset, n: int) -> str:
    """Return the axis of the n-th dimension of a variable: "X", "Y", "Z", or a blank for any other."""
    c = coordinate(v, n)
    if c is None:
        return " "
    units, standard, letter = (attribute(c, key) for key in ("units", "standard_name", "axis"))
    if units in NORTH or standard == "latitude":
        return "Y"
    if units in EAST or standard == "longitude":
        return "X"
    if letter in ("X", "Y", "Z"):
        return letter
    vertical = any(word in standard for word in ("depth", "height", "altitude")) or attribute(c, "positive")
    return "Z" if vertical and letter != "T" else " "


def arranged(v: h5py.Dataset) -> tuple[Array, str]:
    """Return decoded values and their axes, from south to north, from west to east and from the surface down.

    Where there are both X and Y, the order of dimensions is [other, Z, Y, X]. Raises InputError for a coordinate that
    neither increases nor decreases throughout.
    """
    values, letters = decode(v), "".join(axis(v, n) for n in range(v.ndim))
    for n, letter in enumerate(letters):
        if letter == " " or v.shape[n] < 2:
            continue
        c = coordinate(v, n)
        along = decode(c)
        steps = np.diff(along) if along.shape == (v.shape[n],) else np.zeros(1)
        if not ((steps > 0).all() or (steps < 0).all()):
            raise InputError(
                f"{label(c)} must increase or decrease from each value to the next"
                + "; beyond the seam add or subtract 360" * (letter == "X")
            )
        if (abs(along[0]) > abs(along[-1])) if letter == "Z" else steps[0] < 0:
            values = np.flip(values, n)
    if "Y" in letters and "X" in letters:
        order = sorted(range(values.ndim), key=lambda n: " ZYX".find(letters[n]))
        values, letters = values.transpose(order), "".join(letters[n] for n in order)
    return np.ascontiguousarray(values), letters


# Times


def months(v: h5py.Dataset, n: int) -> Array:
    """Return the months, 1 to 12, of the records along the n-th dimension of a variable.

    They follow from its coordinate: times ("days since 2000-01-01", in its calendar) or the numbers of the months.
    Without a coordinate they begin in January. Raises InputError for a coordinate without months.
    """
    c = coordinate(v, n)
    if c is None:
        return np.arange(1, v.shape[n] + 1)
    units, calendar, values = attribute(c, "units"), attribute(c, "calendar") or "standard", decode(c)
    if " since " in units and np.isfinite(values).all():
        import cftime  # imported where it is needed, since it takes time

        try:
            return np.array([date.month for date in cftime.num2date(values, units, calendar, has_year_zero=True)])
        except (ValueError, OverflowError) as error:
            reason = f" ({error})"
    elif units in ("", "1", "month", "months") and (values == np.round(values)).all():
        return values.astype(int)
    else:
        reason = ""
    raise InputError(
        f"{label(c)} with the units {units!r} gives no months{reason}; give it the values 1 to 12 and the units '1'"
    )
