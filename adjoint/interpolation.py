"""Model equivalents of observations: the sparse matrix H that interpolates a field to positions.

H is bilinear between the four columns around a position, and in each column linear in height between the centres of the
resting cells; the centre of a partial cell lies half-way between its top and the sea floor. Above the first centre and
below the last one of a column, the nearest cell is taken. Columns without water at the depth of the position are left
out, and the weights of the others are divided by their sum. H does not depend on the state; its adjoint is H^T.
"""

import numpy as np
from scipy import sparse

from ogcm.fields import FIELDS
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.regions import extent, heights, shift_coordinates

Array = np.ndarray
SMALLEST_WEIGHT = 0.25  # sum of the bilinear weights of wet cells; within a cell its own weight is at least this
ROUNDING = 1e-6  # relative, of the depth of the sea floor in float32


def neighbours(coordinates: Array, at: Array, period: float) -> tuple[Array, Array]:
    """Return indices (2, n) and weights (2, n) of the two points around each position `at` (n,).

    Beyond the end of a closed side both are the last point. `period` is that of the coordinates, 0 between closed
    sides.
    """
    count = len(coordinates)
    if period:
        coordinates = np.append(coordinates, coordinates[0] + period)
        at = coordinates[0] + (at - coordinates[0]) % period
    before = np.clip(np.searchsorted(coordinates, at, side="right") - 1, 0, max(len(coordinates) - 2, 0))
    after = np.minimum(before + 1, len(coordinates) - 1)
    gap = np.where(after > before, coordinates[after] - coordinates[before], 1)
    weight = np.clip((at - coordinates[before]) / gap, 0, after > before)
    return np.stack([before, after % count]), np.stack([1 - weight, weight])


def neighbours_in_depth(z: Array, centres: Array, layers: Array) -> tuple[Array, Array]:
    """Return layers (2, n) and weights (2, n) of the cells above and below each height `z` (n,), each in its own
    column.

    `centres` (nk, n) are the heights of the cells, `layers` (n,) the numbers of wet cells of the columns.
    """
    last = np.maximum(layers - 1, 0)
    above = (centres > z).sum(axis=0)
    upper, lower = np.clip(above - 1, 0, last), np.clip(above, 0, last)
    top, bottom = (np.take_along_axis(centres, k[None], axis=0)[0] for k in (upper, lower))
    weight = np.where(lower > upper, (top - z) / np.where(lower > upper, top - bottom, 1), 0)
    return np.stack([upper, lower]), np.stack([1 - weight, weight])


def interpolation(model: Model, field: str, x: Array, y: Array, z: Array) -> tuple[sparse.csr_matrix, Array, Array]:
    """Return H (n, points of the interior), which positions are inside the grid (n,), and which are in the water (n,).

    x, y, z (n,) are finite; longitudes may differ by 360 degrees, z [m] is negative below the surface and ignored for
    eta. Rows of H for positions outside the water are empty; the weights of all others sum to one.
    """
    h, grid, point = model.horizontal, model.grid, FIELDS[field].point.lower()
    flat = FIELDS[field].vertical == ""
    layers = interior(getattr(grid, f"mask_{point}")).sum(axis=0, dtype=int)
    depth = interior(getattr(grid, f"depth_{point}")).astype(float) * (1 + ROUNDING)
    centres = heights(model, point)
    at, around, inside = {"x": x, "y": y}, {}, np.ones(len(x), bool)
    for axis, points, periodic in (
        ("x", h.x_f if point == "u" else h.x_t, h.periodic_x),
        ("y", h.y_f if point == "v" else h.y_t, h.periodic_y),
    ):
        low, high = extent(h, axis)
        place = np.asarray(shift_coordinates(h, axis, at[axis], 0.5 * (low + high)))
        inside &= periodic | ((place >= low) & (place <= high))
        around[axis] = neighbours(points, place, periodic * (high - low))
    if not flat:
        inside &= (z <= 0) & (z >= -np.sum(model.dz))

    number, entries, wet_weight = np.arange(len(x)), [], np.zeros(len(x))
    for j, b in zip(*around["y"], strict=True):
        for i, a in zip(*around["x"], strict=True):
            weight = a * b * inside * (layers[j, i] > 0)
            in_depth = np.zeros((1, len(x)), int), np.ones((1, len(x)))
            if not flat:
                weight = weight * (-z <= depth[j, i])
                in_depth = neighbours_in_depth(z, centres[:, j, i], layers[j, i])
            wet_weight += weight
            for k, c in zip(*in_depth, strict=True):
                cell = np.ravel_multi_index((k, j, i), (1 if flat else len(model.dz), *h.shape))
                entries.append((number, cell, weight * c))
    wet = wet_weight > SMALLEST_WEIGHT
    row, column, weight = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    weight = weight * np.where(wet, 1 / np.where(wet, wet_weight, 1), 0)[row]
    used = weight > 0
    shape = (len(x), (1 if flat else len(model.dz)) * h.dx_t.size)
    return sparse.csr_matrix((weight[used], (row[used], column[used])), shape=shape), inside, wet
