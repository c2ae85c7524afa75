"""Interpolation from columns of water in files to the points of a rim: sparse matrices, applied to each record.

A point takes the values of the columns around it, each at the height of the point and linear between its levels. A
column that ends above this height has no part in it, unless all do, and then their lowest values count; where all are
land, the nearest column of water takes their place.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse, spatial

from ogcm.errors import InputError

Array = np.ndarray
LEAST = 1e-9  # a smaller sum of shares is none


class Columns(NamedTuple):
    """Columns of water of which values are known.

    Attributes
    ----------
    x, y : ndarray, shape (M,)
        Places [m or degrees].
    heights : ndarray, shape (nz, M)
        Heights of the levels [m] from the surface down.
    wet : ndarray of int, shape (M,)
        Numbers of levels with values, 0 on land.
    bottom : ndarray, shape (M,)
        Height of the sea floor [m].
    """

    x: Array
    y: Array
    heights: Array
    wet: Array
    bottom: Array


class Shares(NamedTuple):
    """The columns around points, and their shares in each.

    Attributes
    ----------
    columns : ndarray of int, shape (m, N)
        Numbers of the columns around each of N points.
    weights : ndarray, shape (m, N)
        Their shares, with the sum 1.
    """

    columns: Array
    weights: Array


def plane(x: Array, y: Array, middle: float | None) -> Array:
    """Return places (N, 2) whose distances can be compared; those in degrees have the latitude `middle`."""
    return np.stack([x if middle is None else x * np.cos(np.radians(middle)), y], axis=-1)


def along_line(line: Array, points: Array) -> tuple[Shares, Array]:
    """Find the nearest place of each point on a line, and its share of the columns at both ends of the segment.

    Parameters
    ----------
    line : ndarray, shape (M, 2)
        Columns in the order along the line, at least two.
    points : ndarray, shape (N, 2)
        The points.

    Returns
    -------
    Shares
        The shares of two columns.
    ndarray, shape (N,)
        Distance from the line.
    """
    start, step = line[:-1, None], np.diff(line, axis=0)[:, None]
    along = np.clip(((points[None] - start) * step).sum(-1) / (step**2).sum(-1), 0, 1)
    distance = np.hypot(*np.moveaxis(points[None] - start - along[..., None] * step, -1, 0))
    nearest, n = distance.argmin(axis=0), np.arange(len(points))
    share = along[nearest, n]
    return Shares(np.stack([nearest, nearest + 1]), np.stack([1 - share, share])), distance[nearest, n]


def on_grid(name: str, x: Array, y: Array, points: tuple[Array, Array]) -> Shares:
    """Find the four columns of a grid around each point, and their bilinear shares.

    Parameters
    ----------
    name : str
        Name of the field, for messages.
    x, y : ndarray, shape (nx,) and (ny,)
        Places of the columns, increasing; columns are numbered by rows.
    points : tuple of ndarray, shape (N,)
        x and y of the points.

    Returns
    -------
    Shares
        The shares; beyond the first and last column by as much as one cell, the nearest one has all.

    Raises
    ------
    InputError
        For points farther away.
    """
    found = []
    for letter, axis, at in (("x", x, points[0]), ("y", y, points[1])):
        cell = np.diff(axis).max() if len(axis) > 1 else np.inf
        outside = (at < axis[0] - cell) | (at > axis[-1] + cell)
        if outside.any():
            raise InputError(f"{name}: is given for {letter} from {axis[0]:g} to {axis[-1]:g}, but needed at "
                             f"{at[outside][0]:g}; choose data that reach beyond the open sides")  # fmt: skip
        after = np.clip(np.searchsorted(axis, at, side="right"), min(1, len(axis) - 1), len(axis) - 1)
        before = np.maximum(after - 1, 0)
        width = np.where(after > before, axis[after] - axis[before], 1.0)
        found.append((before, after, np.clip((at - axis[before]) / width, 0, 1)))
    (i0, i1, s), (j0, j1, t) = found
    columns = np.stack([j0 * len(x) + i0, j0 * len(x) + i1, j1 * len(x) + i0, j1 * len(x) + i1])
    return Shares(columns, np.stack([(1 - t) * (1 - s), (1 - t) * s, t * (1 - s), t * s]))


def mean_of_transport(shares: Shares, record: Array, h: Array, depth: Array) -> Array:
    """Return the depth mean [m s-1] at points (N,) with which the transport per width there is that of the columns.

    `record` and `h` (nz, M) are the velocity [m s-1] and the thickness [m] of the layers of the columns, and `depth`
    (N,) the depth of the points [m]; without water the thickness is 0.
    """
    transport = (np.where(h > 0, record, 0.0) * h).sum(axis=0)
    return (shares.weights * transport[shares.columns]).sum(axis=0) / np.where(depth > 0, depth, 1.0)


def without_land(name: str, shares: Shares, columns: Columns, points: Array, places: Array) -> Shares:
    """Take land out of shares; where nothing is left, the nearest column of water has all.

    `points` (N, 2) and `places` (M, 2) are those of the points and of the columns. Raises InputError for land alone.
    """
    weights = shares.weights * (columns.wet > 0)[shares.columns]
    total, numbers = weights.sum(axis=0), shares.columns.copy()
    weights = weights / np.where(total > LEAST, total, 1.0)
    alone = np.flatnonzero(total <= LEAST)
    if len(alone):
        water = np.flatnonzero(columns.wet)
        if not len(water):
            raise InputError(f"{name}: has no value in the water beside the open sides")
        numbers[:, alone] = water[spatial.cKDTree(places[water]).query(points[alone])[1]]
        weights[:, alone] = (np.arange(len(weights)) == 0)[:, None]
    return Shares(numbers, weights)


def interpolation(shares: Shares, columns: Columns, z: Array) -> sparse.csr_matrix:
    """Return the weights of the values (nz, M) of columns in the values (nk, N) at points.

    Parameters
    ----------
    shares : Shares
        Columns around the points, all of them water.
    columns : Columns
        The columns.
    z : ndarray, shape (nk, N)
        Heights of the points [m].

    Returns
    -------
    csr_matrix, shape (nk N, nz M)
        The weights, whose rows have the sum 1.
    """
    nz, m = columns.heights.shape
    numbers, last = shares.columns, np.maximum(columns.wet[shares.columns] - 1, 0)[:, None]
    above = np.zeros((len(numbers), *z.shape), int)
    for level in range(nz):
        above += (columns.heights[level, numbers][:, None] >= z) & (level <= last)
    upper, lower = np.clip(above - 1, 0, last), np.clip(above, 0, last)
    high, low = (columns.heights[level, numbers[:, None]] for level in (upper, lower))
    down = np.where(lower > upper, (high - z) / np.where(lower > upper, high - low, 1.0), 0.0)
    weight = shares.weights[:, None] * (columns.bottom[numbers][:, None] <= z + LEAST)
    total = weight.sum(axis=0)
    weight = np.where(total > LEAST, weight / np.where(total > LEAST, total, 1.0), shares.weights[:, None])
    rows = np.broadcast_to(np.arange(z.size).reshape(z.shape), weight.shape)
    values = np.stack([weight * (1 - down), weight * down]).ravel()
    where = np.stack([upper * m + numbers[:, None], lower * m + numbers[:, None]]).ravel()
    used = values != 0
    places = np.stack([rows, rows]).ravel()[used], where[used]
    return sparse.csr_matrix((values[used], places), (z.size, nz * m))
