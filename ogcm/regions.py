"""Where things are: longitudes that differ by 360 degrees, ranges of coordinates, the nearest face, heights of cells.

Whatever takes a place from a person (losses, sections, observations, pictures) uses these functions, so that the same
place is understood everywhere in the same way.
"""

import numpy as np

from ogcm.errors import InputError, suggestion
from ogcm.fields import FIELDS
from ogcm.grid import interior
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.model import Model

Array = np.ndarray
Range = tuple[float, float]


def shift_longitude(longitude: float | Array, middle: float) -> float | Array:
    """Longitudes [degrees], each moved by a multiple of 360 so that it lies within 180 degrees of `middle`."""
    return longitude + 360.0 * np.round((middle - np.asarray(longitude)) / 360.0)


def shift_coordinates(h: HorizontalGrid, axis: str, values: float | Array, middle: float) -> float | Array:
    """Coordinates along `axis` ("x" or "y"); longitudes are moved by multiples of 360 degrees to be near `middle`."""
    return shift_longitude(values, middle) if axis == "x" and h.units == "degrees" else values


def extent(h: HorizontalGrid, axis: str) -> tuple[float, float]:
    """The two outer edges of the grid along `axis`, in its coordinates."""
    centres, faces = (h.x_t, h.x_f) if axis == "x" else (h.y_t, h.y_f)
    return float(2 * centres[0] - faces[0]), float(faces[-1])


def within(h: HorizontalGrid, axis: str, coordinates: Array, wanted: tuple[float, float] | None) -> Array:
    """Which coordinates along `axis` lie in the range `wanted`, ends included; all of them for None.

    Raises InputError for a range of longitudes that does not go eastward, since it could mean either way round.
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
    """The column (axis "x") or row ("y") whose far face is nearest to the coordinate `at`.

    Raises InputError where `at` lies outside the grid.
    """
    low, high = extent(h, axis)
    inside = shift_coordinates(h, axis, at, 0.5 * (low + high))
    if not low <= inside <= high:
        raise InputError(f"{axis}: {at:g} lies outside the grid, which reaches from {low:g} to {high:g}")
    faces = h.x_f if axis == "x" else h.y_f
    return int(np.abs(shift_coordinates(h, axis, faces, at) - at).argmin())


def heights(model: Model, point: str) -> Array:
    """Height of the centres of the resting cells at points of the kind `point` ("t", "u", "v", "f") (nk, ny, nx) [m].

    It is negative. A partial cell has its centre half-way between its top and the sea floor; on land it is that of the
    full layer.
    """
    dz = np.asarray(model.dz, float)[:, None, None]
    wet = interior(getattr(model.grid, f"mask_{point}")) > 0
    thickness = np.where(wet, interior(getattr(model.grid, f"h_{point}")), dz)
    return (dz - 0.5 * thickness) - np.cumsum(dz, axis=0)


def box_mask(model: Model, point: str, x: Range | None, y: Range | None, z: Range | None) -> Array:
    """1.0 at the wet points (nk, ny, nx) of the kind `point` ("t", "u", "v", "f") in the ranges, else 0.

    A cell is in the range `z` if the centre of its water at rest is. Raises InputError where there is none, and for a
    range of longitudes that does not go eastward.
    """
    h = model.horizontal
    columns = within(h, "x", h.x_f if point in "uf" else h.x_t, x)
    rows = within(h, "y", h.y_f if point in "vf" else h.y_t, y)
    chosen = rows[:, None] & columns & (interior(getattr(model.grid, f"mask_{point}")) > 0)
    if z is not None:
        centres = heights(model, point)
        chosen &= (centres >= min(z)) & (centres <= max(z))
    if not chosen.any():
        raise InputError(f"x, y, z: no water at x = {x}, y = {y}, z = {z}; give ranges that hold a wet cell")
    return chosen.astype(float)


def field_point(model: Model, field: str) -> str:
    """The kind of point of a prognostic field. Raises InputError for any other, or for a tracer where there is none."""
    known = model.numerics.stepped
    if field not in known:
        raise InputError(f"field: unknown {field!r}: {suggestion(field, known)}")
    return FIELDS[field].point.lower()


def resting_volume(model: Model, field: str, where: Array) -> Array:
    """Volume of the resting cells [m3] (of the surface: area [m2]) around the chosen points of `field`."""
    grid, point = model.grid, field_point(model, field)
    area = interior(getattr(grid, f"area_{point}"))
    return where[0] * area if field == "eta" else where * area * interior(getattr(grid, f"h_{point}"))


def field_volume(model: Model, field: str) -> Array:
    """Volume of the resting cells around the points of `field` (nk, ny, nx) [m3], 0 on land; of eta area (1, ny, nx).

    Raises InputError for a field that the model does not step.
    """
    where = box_mask(model, field_point(model, field), None, None, None)
    return resting_volume(model, field, where).reshape(-1, *model.horizontal.shape)


def zero_outside(weight: Array, a: Array) -> Array:
    """`a` where it has a weight, else 0: on land may stand anything, NaN included."""
    return np.where(weight > 0, a, 0)
