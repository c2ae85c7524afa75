"""Decoding of the numbers that a file stores: missing values and packing, by the rules of NetCDF and CF."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.errors import FileError, InputError

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
LARGEST = 1e19  # beyond any quantity in any unit; fill values are 1e20, 1e30, 1e36, and 9.96921e36 of NetCDF itself
DEFAULT_FILL = {"i2": -32767, "i4": -2147483647, "i8": -9223372036854775806, "u2": 65535, "u4": 4294967295}


def text(attributes: Mapping[str, Any], key: str) -> str:
    """Return an attribute as text, empty where it is absent."""
    values = np.ravel(np.asarray(attributes.get(key, ""), dtype=object))
    if not values.size or values[0] is None:
        return ""
    return (values[0].decode(errors="replace") if isinstance(values[0], bytes) else str(values[0])).strip()


def numbers(label: str, attributes: Mapping[str, Any], key: str) -> list[float]:
    """Return the numbers in an attribute, none where it is absent. Raises InputError for anything but numbers."""
    values = np.ravel(attributes.get(key, []))
    if values.size and values.dtype.kind not in "iuf":
        raise InputError(f"{label} has {key} = {text(attributes, key)!r}, which is text; make it a number of its type")
    return values.tolist()


def unpack(label: str, raw: Array, attributes: Mapping[str, Any]) -> Array:
    """Unpack the numbers that a file stores.

    Parameters
    ----------
    label : str
        Names of the file and the variable, for messages.
    raw : ndarray
        Numbers as they are stored.
    attributes : mapping of str to object
        Attributes of the variable: _FillValue and missing_value (compared exactly with the stored numbers),
        scale_factor and add_offset.

    Returns
    -------
    ndarray of float64
        The values in the units of the file, NaN where they are missing.

    Raises
    ------
    InputError
        For attributes that are no numbers.
    """
    if text(attributes, "_Unsigned").lower() == "true" and raw.dtype.kind == "i":
        raw = raw.astype(raw.dtype.newbyteorder("=")).view(f"u{raw.dtype.itemsize}")
    fills = numbers(label, attributes, "_FillValue") or [
        DEFAULT_FILL[t] for t in [raw.dtype.str[1:]] if t in DEFAULT_FILL
    ]
    with np.errstate(over="ignore", invalid="ignore"):
        missing = np.abs(raw.astype(float)) > LARGEST
        for fill in [*fills, *numbers(label, attributes, "missing_value")]:
            missing |= raw == (raw.dtype.type(fill) if raw.dtype.kind == "f" else fill)
    scale = numbers(label, attributes, "scale_factor") or [1.0]
    offset = numbers(label, attributes, "add_offset") or [0.0]
    if len(scale) != 1 or len(offset) != 1 or not np.isfinite([*scale, *offset]).all() or scale == [0.0]:
        raise InputError(
            f"{label} has scale_factor, add_offset = {scale}, {offset}; each must be one finite number, and the "
            "first not 0"
        )
    return np.where(missing, np.nan, raw.astype(float)) * scale[0] + offset[0]


def decoded(label: str, v: "xr.DataArray", attributes: Mapping[str, Any]) -> Array:
    """Return the values of a variable as float64, unpacked, NaN where they are missing.

    Raises InputError for what does not hold numbers, FileError for what cannot be read.
    """
    if v.dtype.kind not in "iuf":
        raise InputError(f"{label} holds the type {v.dtype}, but numbers are needed; text and dates cannot be used")
    try:
        raw = v.values
    except Exception as error:  # HDF5 and its filters raise errors of many kinds
        raise FileError(f"{label}: damaged, or not to be read ({error}); fetch or write it again") from None
    return unpack(label, raw, attributes)
