"""Arrays with named dimensions (xarray) as plain arrays, matched by their coordinates and names, never by position.

in_axes_order(name, values, axes)    in the order and direction of the axes of the model
by_months(values)                    records from January to December
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ogcm.data.axes import by_attributes, guess
from ogcm.data.longitudes import ordered
from ogcm.device import to_host
from ogcm.errors import InputError
from ogcm.tiles import Tile

Array = np.ndarray
Axes = Mapping[str, Array | None]  # the letter of each axis in order, with the coordinates that labels must match

LETTERS = {  # the axis of each name that a coordinate may have as a parameter of a function
    "x": "x", "lon": "x", "longitude": "x", "y": "y", "lat": "y", "latitude": "y", "z": "z", "t": "t", "time": "t",
}  # fmt: skip
DIMENSIONS = LETTERS | {  # the axis of each name that a dimension of a labelled array may have
    "x_f": "x", "lon_f": "x", "i": "x", "nx": "x", "y_f": "y", "lat_f": "y", "j": "y", "ny": "y",
    "xi_rho": "x", "eta_rho": "y", "month": "t", "z_t": "z", "depth": "z", "lev": "z", "level": "z", "layer": "z",
    "k": "z", "nk": "z", "nz": "z",
}  # fmt: skip
COUNTED = ("i", "j", "k", "nx", "ny", "nz", "nk", "level", "layer")  # dimensions whose coordinates are numbers of cells
ROLES = {"longitude": "x", "latitude": "y", "depth": "z", "time": "t"}  # of the coordinates of `ogcm.data`
TURN = 360.0  # of longitudes [degrees]


def is_labelled(values: object) -> bool:
    """Return True for an array with named dimensions, such as one of xarray."""
    return hasattr(values, "dims") and hasattr(values, "shape")


def variable_of(name: str, values: Any) -> Any:
    """Return the variable of a Dataset of xarray that an input is made of; anything else is returned as it is.

    Raises InputError for a Dataset of several variables, none of which has the name of the input.
    """
    if not hasattr(values, "data_vars"):
        return values
    known = [str(v) for v in values.data_vars]
    if name not in known and len(known) != 1:
        raise InputError(f"{name}: a Dataset with the variables {', '.join(known)}; give one of them, as dataset[...]")
    return values[name if name in known else known[0]]


def in_axes_order(name: str, values: Any, axes: Axes, tile: Tile | None = None) -> Array:
    """Return a labelled array in the order and direction of `axes`, of length 1 along dimensions that it lacks.

    Of an array that covers the whole ocean, only the part in the `tile` is read.
    """
    values = values.squeeze([d for d, n in zip(values.dims, values.shape, strict=True) if n == 1])
    letters = {dimension: axis_of(values, dimension) for dimension in values.dims}
    for dimension, letter in letters.items():
        if letter is None:
            raise InputError(f"{name}: is its dimension {dimension!r} one of {', '.join(axes)}? Rename it to that")
        if letter not in axes:
            raise InputError(f"{name}: has the dimension {dimension!r}; choose one of its values, isel({dimension}=0)")
    if len(set(letters.values())) < len(letters):
        raise InputError(f"{name}: two of its dimensions {', '.join(letters)} are the same axis; rename one of them")
    found = {letter: dimension for dimension, letter in letters.items() if letter}
    for letter, dimension in found.items():
        c = coordinate_of(values, dimension)
        if c is not None and c.dtype.kind in "fiu" and values.size:
            own, theirs = axes[letter], np.asarray(c).astype(float)
            theirs = 0.0 - np.abs(theirs) if letter == "z" else theirs
            order = order_of(name, c, theirs, letter, own)
            values, theirs = values.isel({dimension: order}), theirs[order]
            if c.name not in COUNTED:
                check_coordinate(name, str(c.name), theirs, own, TURN if letter == "x" else np.inf)
    if tile is not None:
        cells = {"y": (tile.rows, tile.shape[0]), "x": (tile.columns, tile.shape[1])}
        parts = {found[letter]: cells[letter] for letter in cells if letter in found}
        if all(values.sizes[dimension] == count for dimension, (_, count) in parts.items()):
            values = values.isel({dimension: part for dimension, (part, _) in parts.items()})
    a = to_host(values.transpose(*(found[letter] for letter in axes if letter in found)).data)
    if not found:
        return a
    return a.reshape([values.sizes[found[letter]] if letter in found else 1 for letter in axes])


def axis_of(values: Any, dimension: str) -> str | None:
    """Return the letter of a dimension of a labelled array, from its coordinate or its name."""
    c = coordinate_of(values, dimension)
    return (letter_of(c) if c is not None else None) or DIMENSIONS.get(dimension) or ROLES.get(guess(dimension) or "")


def coordinate_of(values: Any, dimension: str) -> Any:
    """Return the coordinate along a dimension of a labelled array: that of its name, or the only one along it that is
    a known one, such as lat(y). Return None where there is none."""
    if dimension in values.coords:
        return values.coords[dimension]
    along = [c for c in values.coords.values() if c.dims == (dimension,) and letter_of(c)]
    return along[0] if len(along) == 1 else None


def letter_of(c: Any) -> str | None:
    """Return the axis of a coordinate of a labelled array, from its attributes or its name."""
    axis = str(c.attrs.get("axis", "")).lower()
    role = by_attributes(c)
    return (axis if axis in ("x", "y", "z", "t") else None) or (ROLES[role] if role else DIMENSIONS.get(str(c.name)))


def order_of(name: str, c: Any, theirs: Array, letter: str, own: Array | None) -> Any:
    """Return the order in which the values along an axis are those of the model: downwards along z, else increasing.

    Longitudes begin where those of the grid do.
    """
    longitude = by_attributes(c) == "longitude" or str(c.name) in ("lon", "longitude")
    if longitude and own is not None and len(own) > 1:
        order = ordered(f"{name}: its {c.name}", theirs, own[0] - 0.5 * (own[1] - own[0]))[0]
        return order if (np.diff(order) != 1).any() else slice(None)  # a slice reads a file in one piece
    return slice(None, None, -1 if (theirs[0] < theirs[-1]) == (letter == "z") else 1)


def check_coordinate(name: str, dimension: str, theirs: Array, own: Array | None, turn: float) -> None:
    """Raise InputError where the coordinate of a labelled array differs from that of the grid by more than a cell.

    A difference of `turn` (360 for longitudes in degrees, else infinite) does not count.
    """
    if own is None or len(own) < 2 or theirs.shape != own.shape:  # a wrong shape is reported later
        return
    apart = np.abs(theirs - own)
    if not (np.minimum(apart, np.abs(apart - turn)) <= np.abs(np.gradient(own))).all():
        raise InputError(
            f"{name}: its {dimension} runs from {theirs[0]:g} to {theirs[-1]:g}, that of the grid from {own[0]:g} to "
            f"{own[-1]:g}; interpolate it to the grid, or give its .values if they belong there"
        )


def by_months(values: Any) -> Any:
    """Return a labelled array from January to December, anything else as it is.

    Its months are those of a coordinate of dates, or one with the name "month" or values 1 to 12. Raises InputError
    where they are not twelve.
    """
    values = variable_of("a monthly series", values)
    if not is_labelled(values):
        return values
    for dimension in values.dims:
        c = coordinate_of(values, dimension) if axis_of(values, dimension) == "t" else None
        if c is None:
            continue
        dates = c.dtype.kind == "M" or (c.dtype.kind == "O" and hasattr(c, "dt"))
        if dates or c.name == "month" or set(c.values.tolist()) == set(range(1, 13)):
            months = (c.dt.month if dates else c).values
            if sorted(months) != list(range(1, 13)):
                found = ", ".join(map(str, months[:13]))
                raise InputError(f"a monthly series needs 12 maps of January to December; its {c.name} has {found}")
            return values.isel({dimension: np.argsort(months)})
    return values
