"""Variables of CF NetCDF4 files that hold observations at points: opened with HDF5, decoded and converted to units.

Gridded fields are read by `ogcm.data`, whose rules for missing values, packing and units these functions share.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from ogcm.data import decoding, units
from ogcm.data.quantities import Quantity
from ogcm.errors import FileError, InputError, OceanError
from ogcm.files import BROKEN, verify

Array = np.ndarray
ONLY_A_DIMENSION = "This is a netCDF dimension but not a netCDF variable"  # NAME of a dimension without coordinate


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


def decode(v: h5py.Dataset) -> Array:
    """Return the values of a variable as float64 in its own units and order, unpacked, NaN where they are missing.

    Raises InputError for a variable that does not hold numbers, FileError for one that cannot be read.
    """
    if v.dtype.kind not in "iuf" or v.shape is None:
        what = "nothing" if v.shape is None else f"the type {v.dtype}"
        raise InputError(f"{label(v)} holds {what}, but numbers are needed; text and structures cannot be used")
    with reading(v.file.filename):
        return decoding.unpack(label(v), np.asarray(v[()]), dict(v.attrs))


def in_units(v: h5py.Dataset, values: Array, quantity: str | Quantity, *, difference: bool = False) -> Array:
    """Convert decoded values of a variable from its units to those of a quantity.

    Parameters
    ----------
    v : Dataset
        The variable.
    values : ndarray
        Its decoded values.
    quantity : str or Quantity
        Name in `QUANTITIES` of `ogcm.data`, or a quantity that is not among them.
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
    return units.convert(label(v), values, attribute(v, "units"), quantity, difference=difference)
