"""The coordinates of a gridded variable: which variable is its latitude, longitude, depth and time.

They are found by their attributes (CF, with the criteria of cf_xarray); where these do not tell, by well-known names.
The order of dimensions is never used. Among several candidates, those that the attribute `coordinates` of the variable
names come first, then those that have the name of a dimension, then other variables of the file along its dimensions.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ogcm.data.decoding import text
from ogcm.errors import InputError, suggestion

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
ROLES = {"latitude": ("latitude",), "longitude": ("longitude",), "depth": ("vertical", "Z"), "time": ("time",)}


class Axes(NamedTuple):
    """The coordinates of a variable and the dimensions along which they run.

    Attributes
    ----------
    coordinates : mapping of str to DataArray
        Those that exist of "latitude", "longitude", "depth" and "time".
    dimensions : mapping of str to str
        Dimensions of the variable, by "time", "z", "y" and "x".
    single : tuple of str
        Dimensions of one value that are none of these.
    """

    coordinates: "Mapping[str, xr.DataArray]"
    dimensions: Mapping[str, str]
    single: tuple[str, ...]


def find_axes(label: str, ds: "xr.Dataset", v: "xr.DataArray", given: Mapping[str, str]) -> Axes:
    """Find the coordinates of a variable.

    Parameters
    ----------
    label : str
        Names of the file and the variable, for messages.
    ds : Dataset
        The data of the file.
    v : DataArray
        The variable.
    given : mapping of str to str
        Names of coordinates, or of dimensions without one, that a user gives for "latitude", "longitude", "depth" or
        "time".

    Returns
    -------
    Axes
        The coordinates and dimensions.

    Raises
    ------
    InputError
        For coordinates that are unknown or ambiguous, and for a dimension that has none.
    """
    found = find_coordinates(label, ds, v, given)
    dimensions = {}
    for role, letter in (("time", "time"), ("depth", "z")):
        if role in given and given[role] in v.dims:
            dimensions[letter] = given[role]
        elif role in found and found[role].ndim:
            if found[role].ndim > 1:
                raise InputError(f"{label}: its {role} {found[role].name!r} has the dimensions {found[role].dims}; "
                                 f"it must have one: interpolate the variable to fixed depths")  # fmt: skip
            dimensions[letter] = str(found[role].dims[0])
    dimensions |= horizontal(label, v, found)
    rest = [str(d) for d in v.dims if d not in dimensions.values()]
    single = tuple(d for d in rest if v.sizes[d] == 1)
    rest = [d for d in rest if d not in single]
    if "time" not in dimensions and len(rest) == 1 and guess(rest[0]) == "time":
        dimensions["time"] = rest.pop()
    if rest:
        raise InputError(
            f"{label} has the dimensions {', '.join(map(str, v.dims))}; what is {rest[0]!r}, of length "
            f"{v.sizes[rest[0]]}? It may have latitude, longitude, depth and time: give these coordinates the units "
            'degrees_north and degrees_east, the attribute positive = "up" or "down", and units such as "days since '
            '2000-01-01"; or name them, coordinates={"latitude": ..., "depth": ...}; or select a value of '
            f"{rest[0]!r} with isel"
        )
    return Axes(found, dimensions, single)


def find_coordinates(
    label: str, ds: "xr.Dataset", v: "xr.DataArray", given: Mapping[str, str]
) -> "dict[str, xr.DataArray]":
    """Return the coordinates of a variable by their roles. Raises InputError for ambiguous or unknown ones."""
    for role, name in given.items():
        if role not in ROLES:
            raise InputError(f"coordinates: {role!r} is none of {', '.join(ROLES)}")
        if name not in ds.variables and name not in v.dims:
            raise InputError(f"{label}: has no coordinate {name!r} for its {role}; "
                             f"{suggestion(name, map(str, [*ds.variables, *v.dims]))}")  # fmt: skip
    found = {role: ds[name] for role, name in given.items() if name in ds.variables}
    named = f"{text(v.attrs, 'coordinates')} {text(v.encoding, 'coordinates')}".split()
    along = [name for name, c in ds.variables.items() if set(c.dims) <= set(v.dims) and name != v.name]
    tiers: tuple[list, ...] = (
        [name for name in [*named, *v.coords] if name in along and name not in v.dims],
        [d for d in v.dims if d in along],
        [name for name in along if ds[name].ndim],
    )
    for criterion in (by_attributes, lambda c: guess(str(c.name))):
        for n, tier in enumerate(tiers):
            missing = [role for role in ROLES if role not in found and role not in given]
            candidates: dict[str, list] = {role: [] for role in missing}
            for c in (ds[name] for name in dict.fromkeys(tier)):
                told = criterion(c) or ""
                if n == 2 and told in ("depth", "time") and (c.ndim > 1 or c.dims[0] in ds.variables):
                    continue  # a variable along a dimension that has a coordinate of its own
                if told in candidates and c.ndim <= 2:
                    candidates[told].append(c)
            found |= chosen(label, candidates)
    return found


def chosen(label: str, candidates: "Mapping[str, list[xr.DataArray]]") -> "dict[str, xr.DataArray]":
    """Return the coordinates that have one candidate. Raises InputError where there are several."""
    for role, several in candidates.items():
        if len(several) > 1:
            names = ", ".join(str(c.name) for c in several)
            raise InputError(
                f'{label} may have {names} as its {role}; choose one, coordinates={{"{role}": "{several[0].name}"}}'
            )
    return {role: several[0] for role, several in candidates.items() if several}


def by_attributes(c: "xr.DataArray") -> str | None:
    """Return the role of a coordinate that its attributes tell, by the criteria of CF."""
    from cf_xarray.criteria import coordinate_criteria  # imported where it is needed, since it takes time

    if " since " in text(c.attrs, "units") or is_dates(c):
        return "time"
    for role, names in ROLES.items():
        for name in names:
            for key, words in coordinate_criteria[name].items():
                if key != "long_name" and text(c.attrs, key) in words:
                    return role
    return None


def is_dates(c: "xr.DataArray") -> bool:
    """Return True for decoded dates, of NumPy or of cftime."""
    return c.dtype.kind == "M" or (c.dtype.kind == "O" and c.size > 0 and hasattr(c.values.flat[0], "calendar"))


def guess(name: str) -> str | None:
    """Return the role of a coordinate that has a well-known name."""
    from cf_xarray.criteria import regex

    for role, names in ROLES.items():
        if any(regex[key].match(name.lower()) for key in names if key in regex):
            return role
    return None


def horizontal(label: str, v: "xr.DataArray", found: "Mapping[str, xr.DataArray]") -> dict[str, str]:
    """Return the dimensions "y" and "x" of a variable, from its latitude and longitude.

    Where these have two dimensions, x is the one along which the longitude changes more.
    """
    lat, lon = found.get("latitude"), found.get("longitude")
    if lat is None or lon is None:
        one = [(letter, c) for letter, c in (("y", lat), ("x", lon)) if c is not None and c.ndim]
        return {letter: str(c.dims[0]) for letter, c in one}
    if lat.ndim <= 1 and lon.ndim <= 1:
        dimensions = {letter: str(c.dims[0]) for letter, c in (("y", lat), ("x", lon)) if c.ndim}
        if len(set(dimensions.values())) < len(dimensions):
            raise InputError(
                f"{label}: its latitude {lat.name!r} and longitude {lon.name!r} share the dimension {lat.dims[0]!r}; "
                "points without a grid cannot be read as a field"
            )
        return dimensions
    if set(lat.dims) != set(lon.dims) or lat.ndim != 2:
        raise InputError(
            f"{label}: its latitude {lat.name!r} has the dimensions {lat.dims}, its longitude {lon.name!r} {lon.dims}; "
            "they must have one each, or the same two"
        )
    values = lon.values.astype(float)
    changes = [np.nanmean(np.abs(wrapped(np.diff(values, axis=n)))) if values.shape[n] > 1 else 0.0 for n in (0, 1)]
    x = int(np.argmax(changes))
    return {"y": str(lon.dims[1 - x]), "x": str(lon.dims[x])}


def wrapped(angles: Array) -> Array:
    """Return differences of longitudes [degrees] between -180 and 180."""
    return (angles + 180.0) % 360.0 - 180.0
