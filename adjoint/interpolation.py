"""Model equivalents of observations: the sparse matrix H that interpolates a field to positions.

H is bilinear between the four columns around a position, and in each column linear in height between the centres of the
resting cells; the centre of a partial cell lies half-way between its top and the sea floor. Above the first centre and
below the last one of a column, the nearest cell is taken. Columns without water at the depth of the position are left
out, and the weights of the others are divided by their sum. H does not depend on the state; its adjoint is H^T.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ogcm.backend import HALO
from ogcm.model import Model
from ogcm.regions import extent, heights_with_halo, shift_coordinates

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


class Interpolation(NamedTuple):
    """The interpolation of a field to some positions, as far as it concerns a tile of the ocean.

    A tile knows the positions for which H reads a column of its interior. Each position belongs to one of the tiles
    that know it.

    Attributes
    ----------
    H : csr_matrix, shape (m, points of the field with halo)
        Its rows are empty for positions outside the water; the weights of all others sum to one.
    known : ndarray of int, shape (m,)
        Numbers of the positions that the tile knows, in ascending order.
    own : ndarray of bool, shape (m,)
        Which of them belong to the tile.
    inside, wet : ndarray of bool, shape (n,)
        Which of all positions are inside the grid, and which are in the water.
    """

    H: sparse.csr_matrix
    known: Array
    own: Array
    inside: Array
    wet: Array


def in_tile(number: Array, part: slice, count: int, periodic: bool) -> tuple[Array, Array]:
    """Return where rows or columns of the whole ocean lie in an array of a tile with halo.

    Parameters
    ----------
    number : ndarray of int
        Rows or columns of the whole ocean.
    part : slice
        Those of the tile.
    count : int
        Their number in the whole ocean.
    periodic : bool
        Whether the ocean is periodic along the axis.

    Returns
    -------
    index : ndarray of int
        Indices in the array; meaningless for those that are neither in the tile nor in its halo.
    inside : ndarray of bool
        Which are in the interior. One that is in the halo as well counts as in the interior.
    """
    index = number - part.start
    inside = (index >= 0) & (index < part.stop - part.start)
    return np.where(inside | (not periodic), index + HALO, (index + HALO) % count), inside


def interpolation(model: Model, field: str, x: Array, y: Array, z: Array) -> Interpolation:
    """Return the matrix that interpolates a field to positions.

    Parameters
    ----------
    model : Model
        The model. All processes of a divided ocean must call this, with the same positions.
    field : str
        Name of the field.
    x, y : ndarray, shape (n,)
        Positions in the coordinates of the grid; longitudes may differ by 360 degrees.
    z : ndarray, shape (n,)
        Heights [m], negative below the surface; ignored for eta.

    Returns
    -------
    Interpolation
        The matrix and what it applies to.
    """
    h, grid, tile, point = model.horizontal.undivided, model.grid, model.grid.tile, model.fields[field].point.lower()
    flat = model.fields[field].vertical == ""
    around, near, own, inside = [], np.ones(len(x), bool), np.ones(len(x), bool), np.ones(len(x), bool)
    for axis, at, points, part, count, periodic in (
        ("y", y, h.y_f if point == "v" else h.y_t, tile.rows, tile.shape[0], h.periodic_y),
        ("x", x, h.x_f if point == "u" else h.x_t, tile.columns, tile.shape[1], h.periodic_x),
    ):
        low, high = extent(h, axis)
        place = np.asarray(shift_coordinates(h, axis, at, 0.5 * (low + high)))
        inside &= periodic | ((place >= low) & (place <= high))
        number, weight = neighbours(points, place, periodic * (high - low))
        index, within = in_tile(number, part, count, periodic)
        around.append((index, weight))
        near &= within.any(axis=0)
        own &= within[0]
    if not flat:
        inside &= (z <= 0) & (z >= -np.sum(model.dz))

    known = np.flatnonzero(near)
    layers = getattr(grid, f"mask_{point}").sum(axis=0, dtype=int)
    depth = getattr(grid, f"depth_{point}").astype(float) * (1 + ROUNDING)
    centres, cells, weights, wet_weight = heights_with_halo(model, point), [], [], np.zeros(len(known))
    for j, b in zip(*(a[:, known] for a in around[0]), strict=True):
        for i, a in zip(*(a[:, known] for a in around[1]), strict=True):
            weight = a * b * inside[known] * (layers[j, i] > 0)
            in_depth = np.zeros((1, len(known)), int), np.ones((1, len(known)))
            if not flat:
                weight = weight * (-z[known] <= depth[j, i])
                in_depth = neighbours_in_depth(z[known], centres[:, j, i], layers[j, i])
            wet_weight += weight
            for k, c in zip(*in_depth, strict=True):
                cells.append(np.ravel_multi_index((k, j, i), (1 if flat else len(model.dz), *depth.shape)))
                weights.append(weight * c)
    wet = wet_weight > SMALLEST_WEIGHT
    # The entries of a row have the order of these loops, so that H field is the same sum in each tile.
    cell, entry = np.stack(cells, axis=1), np.stack(weights, axis=1) * (wet / np.where(wet, wet_weight, 1))[:, None]
    used = entry > 0
    ends = np.concatenate([[0], np.cumsum(used.sum(axis=1))])
    H = sparse.csr_matrix((entry[used], cell[used], ends), (len(known), (1 if flat else len(model.dz)) * depth.size))
    in_water = np.zeros(len(x), bool)
    for numbers in tile.every(known[own[known] & wet]):
        in_water[numbers] = True
    return Interpolation(H, known, own[known], inside, in_water)
