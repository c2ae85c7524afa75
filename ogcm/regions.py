"""Positions and regions: longitudes, ranges and boxes, the nearest face, heights and volumes of cells.

Losses, sections, observations and pictures all use these functions, so that a position has the same meaning everywhere.
"""

import numpy as np

from ogcm.errors import InputError, suggestion
from ogcm.grid import interior
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.model import Model

Array = np.ndarray
Range = tuple[float, float]


def shift_longitude(longitude: float | Array, middle: float) -> float | Array:
    """Shift longitudes by multiples of 360 degrees so that they lie within 180 degrees of `middle`.

    Parameters
    ----------
    longitude : float or ndarray
        Longitudes [degrees].
    middle : float
        The longitude to which they are to be near [degrees].

    Returns
    -------
    float or ndarray
        The shifted longitudes [degrees].
    """
    return longitude + 360.0 * np.round((middle - np.asarray(longitude)) / 360.0)


def shift_coordinates(h: HorizontalGrid, axis: str, values: float | Array, middle: float) -> float | Array:
    """Shift longitudes by multiples of 360 degrees to be near `middle`; other coordinates stay as they are.

    Parameters
    ----------
    h : HorizontalGrid
        The grid.
    axis : {"x", "y"}
        The axis.
    values : float or ndarray
        Coordinates along the axis.
    middle : float
        The coordinate to which they are to be near.

    Returns
    -------
    float or ndarray
        The coordinates.
    """
    return shift_longitude(values, middle) if axis == "x" and h.units == "degrees" else values


def extent(h: HorizontalGrid, axis: str) -> tuple[float, float]:
    """Return the two outer edges of the grid along an axis.

    Parameters
    ----------
    h : HorizontalGrid
        The grid.
    axis : {"x", "y"}
        The axis.

    Returns
    -------
    tuple of float
        The edges, in the coordinates of the grid.
    """
    centres, faces = (h.x_t, h.x_f) if axis == "x" else (h.y_t, h.y_f)
    return float(2 * centres[0] - faces[0]), float(faces[-1])


def within(h: HorizontalGrid, axis: str, coordinates: Array, wanted: tuple[float, float] | None) -> Array:
    """Return which coordinates lie in a range, ends included.

    Parameters
    ----------
    h : HorizontalGrid
        The grid.
    axis : {"x", "y"}
        The axis.
    coordinates : ndarray, shape (n,)
        Coordinates along the axis.
    wanted : tuple of float or None
        The range; None for all.

    Returns
    -------
    ndarray of bool, shape (n,)
        True in the range.

    Raises
    ------
    InputError
        For a range of longitudes that does not go eastward, since its meaning would be ambiguous.
    """
    if wanted is None:
        return np.ones(len(coordinates), bool)
    start, end = wanted
    if axis == "x" and h.units == "degrees" and start > end:
        raise InputError(
            f"x: the range {start:g} to {end:g} goes westward; give it from west to east, "
            f"{end:g} to {start:g}, or across the seam, {start - 360:g} to {end:g}"
        )
    middle, half = 0.5 * (start + end), 0.5 * abs(end - start)
    return np.abs(shift_coordinates(h, axis, coordinates, middle) - middle) <= half


def nearest_face(h: HorizontalGrid, axis: str, at: float) -> int:
    """Return the column (axis "x") or row ("y") whose far face is nearest to a coordinate.

    Parameters
    ----------
    h : HorizontalGrid
        The grid.
    axis : {"x", "y"}
        The axis.
    at : float
        The coordinate.

    Returns
    -------
    int
        Index of the column or row.

    Raises
    ------
    InputError
        Where the coordinate lies outside the grid.
    """
    low, high = extent(h, axis)
    inside = shift_coordinates(h, axis, at, 0.5 * (low + high))
    if not low <= inside <= high:
        raise InputError(f"{axis}: {at:g} lies outside the grid, which reaches from {low:g} to {high:g}")
    faces = h.x_f if axis == "x" else h.y_f
    return int(np.abs(shift_coordinates(h, axis, faces, at) - at).argmin())


def heights(model: Model, point: str) -> Array:
    """Return the height of the centres of the resting cells.

    The centre of a partial cell lies half-way between its top and the sea floor; on land the height is that of the full
    layer.

    Parameters
    ----------
    model : Model
        The model.
    point : {"t", "u", "v", "f"}
        The kind of points.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        Heights [m], negative.
    """
    return interior(heights_with_halo(model, point))


def heights_with_halo(model: Model, point: str) -> Array:
    """Return heights as `heights` does, (nk, nj, ni) with halo."""
    dz = np.asarray(model.dz, float)[:, None, None]
    thickness = np.where(getattr(model.grid, f"mask_{point}") > 0, getattr(model.grid, f"h_{point}"), dz)
    return (dz - 0.5 * thickness) - np.cumsum(dz, axis=0)


def box_mask(model: Model, point: str, x: Range | None, y: Range | None, z: Range | None) -> Array:
    """Return 1.0 at the wet points inside ranges, and 0 elsewhere.

    A cell is in the range `z` if the centre of its water at rest is.

    Parameters
    ----------
    model : Model
        The model.
    point : {"t", "u", "v", "f"}
        The kind of points.
    x, y : tuple of float or None
        Ranges in the coordinates of the grid; None for all.
    z : tuple of float or None
        Range of heights [m]; None for all.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        The mask.

    Raises
    ------
    InputError
        Where there is no water in the ranges, and for a range of longitudes that does not go eastward.
    """
    h = model.horizontal
    columns = within(h, "x", h.x_f if point in "uf" else h.x_t, x)
    rows = within(h, "y", h.y_f if point in "vf" else h.y_t, y)
    chosen = rows[:, None] & columns & (interior(getattr(model.grid, f"mask_{point}")) > 0)
    if z is not None:
        centres = heights(model, point)
        chosen &= (centres >= min(z)) & (centres <= max(z))
    if not model.grid.tile.any(bool(chosen.any())):
        raise InputError(f"x, y, z: no water at x = {x}, y = {y}, z = {z}; give ranges that hold a wet cell")
    return chosen.astype(float)


def field_point(model: Model, field: str) -> str:
    """Return the kind of points of a prognostic field.

    Parameters
    ----------
    model : Model
        The model.
    field : str
        The field.

    Returns
    -------
    {"t", "u", "v"}
        The kind of points.

    Raises
    ------
    InputError
        For another field, a tracer in a model without tracers, and a field at the tops of the cells.
    """
    known = [name for name in model.stepped if model.fields[name].vertical != "interface"]
    if field not in known:
        raise InputError(f"field: unknown {field!r}: {suggestion(field, known)}")
    return model.fields[field].point.lower()


def resting_volume(model: Model, field: str, where: Array) -> Array:
    """Return the volume of the resting cells around chosen points of a field.

    Parameters
    ----------
    model : Model
        The model.
    field : str
        The field.
    where : ndarray, shape (nk, ny, nx)
        1 at the chosen points, 0 elsewhere.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        The volume [m3]; for eta the area [m2] (ny, nx).
    """
    grid, point = model.grid, field_point(model, field)
    area = interior(getattr(grid, f"area_{point}"))
    return where[0] * area if field == "eta" else where * area * interior(getattr(grid, f"h_{point}"))


def field_volume(model: Model, field: str) -> Array:
    """Return the volume of the resting cells around all wet points of a field.

    Parameters
    ----------
    model : Model
        The model.
    field : str
        The field.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        The volume [m3], 0 on land; for eta the area [m2] (1, ny, nx).

    Raises
    ------
    InputError
        For a field that the model does not step.
    """
    where = box_mask(model, field_point(model, field), None, None, None)
    return resting_volume(model, field, where).reshape(-1, *model.horizontal.shape)


def zero_outside(weight: Array, a: Array) -> Array:
    """Return an array with 0 where a weight is 0; on land its values are arbitrary, also NaN.

    Parameters
    ----------
    weight : ndarray
        The weight.
    a : ndarray
        The array.

    Returns
    -------
    ndarray
        The values of `a` where the weight is positive.
    """
    return np.where(weight > 0, a, 0)
