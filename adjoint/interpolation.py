"""Model equivalents of observations: the sparse matrices H and W that interpolate a field to positions and times.

H is bilinear between the four columns around a position, and in each column linear in height between the centres of the
resting cells; the centre of a partial cell lies half-way between its top and the sea floor. Above the first centre and
below the last one of a column, the nearest cell is taken. Columns without water at the depth of the position are left
out, and the weights of the others are divided by their sum.

W has the weights of the states of a run. It is linear between the two steps around a time; a mean over a span of time
is that of the piecewise linear function of time, which the trapezoidal rule integrates exactly:

    W_n = 1/(b - a) integral from a to b of max(1 - |s - n|, 0) ds,    a, b: ends of the span in steps

H and W do not depend on the state; their adjoints are H^T and W^T.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ogcm.backend import HALO
from ogcm.constants import DAY
from ogcm.model import Model
from ogcm.regions import extent, heights_with_halo, shift_coordinates

Array = np.ndarray
SMALLEST_WEIGHT = 0.25  # sum of the bilinear weights of wet cells; within a cell its own weight is at least this
ROUNDING = 1e-6  # relative, of the depth of the sea floor in float32
SHORTEST = 1e-6  # steps; times that differ by less are the same


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


def under_hat(s: Array) -> Array:
    """Return the integral of max(1 - |s|, 0) from minus infinity to s."""
    s = np.clip(s, -1, 1)
    return 0.5 + s - 0.5 * s * np.abs(s)


def time_weights(days: Array, span: Array, dt: float, last: int | None) -> tuple[sparse.csr_matrix, Array]:
    """Return the matrix that interpolates the states of a run to times, and the steps of these states.

    Parameters
    ----------
    days : ndarray, shape (m,)
        Times in days from the beginning of the run.
    span : ndarray, shape (m,)
        Length of the mean that is centred on them [days]; 0 for the value at one time.
    dt : float
        Time step [s].
    last : int or None
        Number of the last step; what lies before the first or after the last state has its value. None for a run that
        is long enough.

    Returns
    -------
    W : csr_matrix, shape (m, r)
        The weights of the states. Each row sums to one.
    steps : ndarray of int, shape (r,)
        The steps after which these states exist, in ascending order; 0 is the initial state.
    """
    ends = (days + 0.5 * span * np.array([[-1.0], [1.0]])) * DAY / dt
    ends = np.where(np.abs(ends - np.rint(ends)) < SHORTEST, np.rint(ends), ends)
    ends = np.clip(ends, 0, last)
    first, count = np.floor(ends[0]).astype(int), (np.ceil(ends[1]) - np.floor(ends[0])).astype(int) + 1
    row = np.repeat(np.arange(len(days)), count)
    step = first[row] + np.arange(len(row)) - (np.cumsum(count) - count)[row]
    a, b = ends[:, row] - step
    mean = b - a > SHORTEST
    weight = np.where(
        mean, (under_hat(b) - under_hat(a)) / np.where(mean, b - a, 1), np.maximum(1 - np.abs(0.5 * (a + b)), 0)
    )
    used = weight > 0
    steps, column = np.unique(step[used], return_inverse=True)
    W = sparse.csr_matrix((weight[used], (row[used], column)), (len(days), len(steps)))
    return sparse.diags(1 / np.asarray(W.sum(axis=1)).ravel()) @ W, steps
