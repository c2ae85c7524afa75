"""Interpolation of maps from the grid of a file to another one: sparse matrices, made once and applied to each record.

    conservative    the mean over each target cell of the cells of the file, by area (Jones 1999,
                    doi 10.1175/1520-0493(1999)127<2204:FASOCR>2.0.CO;2, first order)
    linear          bilinear between the four points around a target point; on a curvilinear grid linear on triangles

Missing values have no weight: a target value is the weighted mean of the values that exist, and missing where there is
none. On a grid of longitude and latitude both are products of a matrix along latitude and one along longitude.
"""

import copy
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.spatial import Delaunay

from ogcm.errors import InputError

Array = np.ndarray
METHODS = ("conservative", "linear")
LEAST = 1e-9  # a smaller sum of weights is none


class Places(NamedTuple):
    """Points of a grid of longitude and latitude, and the edges of the cells around them.

    Attributes
    ----------
    lat, lon : ndarray, shape (ny,) and (nx,)
        Points [degrees].
    lat_edges, lon_edges : ndarray, shape (ny + 1,) and (nx + 1,)
        Edges [degrees], from south to north and from west to east.
    """

    lat: Array
    lon: Array
    lat_edges: Array
    lon_edges: Array

    @property
    def closes(self) -> bool:
        """True where the cells close around the globe."""
        return bool(abs(self.lon_edges[-1] - self.lon_edges[0] - 360.0) < 1e-6)


def edges_between(centres: Array) -> Array:
    """Return the edges (n + 1,) half-way between centres (n,), and as far beyond the first and the last one."""
    if len(centres) == 1:
        raise InputError(
            f"the coordinate {centres[0]:g} stands alone; a grid needs two points along each axis at least"
        )
    middle = 0.5 * (centres[1:] + centres[:-1])
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def places(lat_edges: Array, lon_edges: Array) -> Places:
    """Return the centres of cells together with their edges."""
    return Places(0.5 * (lat_edges[1:] + lat_edges[:-1]), 0.5 * (lon_edges[1:] + lon_edges[:-1]), lat_edges, lon_edges)


def faces(cells: Places, axis: str) -> Places:
    """Return the places of the east faces ("x") or north faces ("y") of cells, which lie on their edges.

    The last faces lie on a wall unless the cells close around the globe. What is there has no effect; they are put at
    the centres of the last cells, so that a file without values on walls reaches them.
    """
    lat, lon, lat_edges, lon_edges = cells
    if axis == "x":
        points = lon_edges[1:] if cells.closes else np.append(lon_edges[1:-1], lon[-1])
        return Places(lat, points, lat_edges, np.append(lon, 2 * lon_edges[-1] - lon[-1]))
    points = np.append(lat_edges[1:-1], lat[-1])
    return Places(points, lon, np.append(lat, 2 * lat_edges[-1] - lat[-1]), lon_edges)


def overlaps(source: Array, target: Array, period: float | None = None) -> sparse.csr_matrix:
    """Return how much of each source interval (columns) lies in each target interval (rows), both given by edges."""
    shifts = [0.0] if period is None else period * np.arange(-2, 3)
    total = 0
    for shift in shifts:
        low = np.maximum(target[:-1, None], source[None, :-1] + shift)
        high = np.minimum(target[1:, None], source[None, 1:] + shift)
        total = total + np.maximum(high - low, 0.0)
    return sparse.csr_matrix(total)


def between(source: Array, target: Array, period: float | None = None) -> sparse.csr_matrix:
    """Return the weights of linear interpolation from points (columns) to points (rows).

    Beyond the first and the last point the nearest one is used as far as half an interval, and none farther away.
    """
    n = len(source)
    points, columns = source, np.arange(n)
    if period is not None:
        points = np.concatenate([source + shift for shift in period * np.arange(-2, 3)])
        columns = np.tile(columns, 5)
    edges = edges_between(points)
    inside = (target >= edges[0]) & (target <= edges[-1])
    after = np.clip(np.searchsorted(points, target, side="right"), 1, len(points) - 1)
    weight = np.clip((target - points[after - 1]) / (points[after] - points[after - 1]), 0.0, 1.0)
    rows = np.flatnonzero(inside)
    values = np.concatenate([1 - weight[rows], weight[rows]])
    where = np.concatenate([rows, rows]), np.concatenate([columns[after[rows] - 1], columns[after[rows]]])
    return sparse.csr_matrix((values, where), (len(target), n))


def near(lon: Array, middle: float) -> Array:
    """Return longitudes shifted by one number of turns, so that their middle is within 180 degrees of another one."""
    return lon + 360.0 * np.round((middle - 0.5 * (lon[0] + lon[-1])) / 360.0)


class Regridding:
    """Interpolation of maps from one grid to another.

    Parameters
    ----------
    lat, lon : ndarray, shape (ny,) and (nx,), or both (ny, nx)
        Points of the source [degrees], from south to north and from west to east where they are vectors.
    target : Places
        Points and cells of the target.
    method : {"conservative", "linear"}
        The method; curvilinear sources can be interpolated linearly only.

    Raises
    ------
    InputError
        For an unknown method, and for a curvilinear source that is to be averaged conservatively.
    """

    def __init__(self, lat: Array, lon: Array, target: Places, method: str = "linear") -> None:
        if method not in METHODS:
            raise InputError(f"method: {method!r} does not exist; choose from {', '.join(METHODS)}")
        self.shape = len(target.lat), len(target.lon)
        self.along_lat = self.along_lon = self.together = None
        if np.ndim(lat) == 2:
            if method == "conservative":
                raise InputError("method: a curvilinear grid cannot be averaged conservatively; choose 'linear'")
            self.together = on_triangles(lat, lon, target)
            return
        edges = edges_between(lon)
        closes = abs(edges[-1] - edges[0] - 360.0) < 0.5 * np.diff(edges).max()
        period = 360.0 if closes else None
        middle = 0.5 * (lon[0] + lon[-1])
        if method == "linear":
            self.along_lat = between(lat, target.lat)
            self.along_lon = between(lon, near(target.lon, middle), period)
        else:
            height = np.sin(np.radians(np.clip(edges_between(lat), -90.0, 90.0)))  # of zones on the sphere, by area
            self.along_lat = overlaps(height, np.sin(np.radians(target.lat_edges)))
            self.along_lon = overlaps(edges, near(target.lon_edges, middle), period)

    def __call__(self, values: Array) -> Array:
        """Interpolate maps.

        Parameters
        ----------
        values : ndarray, shape (..., ny, nx)
            Maps on the source, NaN where they are missing.

        Returns
        -------
        ndarray, shape (..., ny, nx)
            Maps on the target, NaN where no value contributes.
        """
        maps = values.reshape(-1, *values.shape[-2:])
        result = np.empty((len(maps), *self.shape))
        for one, found in zip(maps, result, strict=True):
            there = np.isfinite(one)
            total, weight = self.apply(np.where(there, one, 0.0)), self.apply(there.astype(float))
            found[...] = np.where(weight > LEAST, total / np.maximum(weight, LEAST), np.nan)
        return result.reshape(*values.shape[:-2], *self.shape)

    def apply(self, values: Array) -> Array:
        """Return the weighted sums (ny, nx) of one map without missing values."""
        if self.together is not None:
            return (self.together @ values.ravel()).reshape(self.shape)
        return (self.along_lon @ (self.along_lat @ values).T).T

    def part(self, rows: slice, columns: slice) -> "Regridding":
        """Return the interpolation to some rows and columns of the target, with the same weights."""
        other = copy.copy(self)
        other.shape = len(range(self.shape[0])[rows]), len(range(self.shape[1])[columns])
        if self.along_lat is not None and self.along_lon is not None:
            other.along_lat, other.along_lon = self.along_lat[rows], self.along_lon[columns]
        if self.together is not None:
            numbers = np.arange(self.shape[0] * self.shape[1]).reshape(self.shape)
            other.together = self.together[numbers[rows, columns].ravel()]
        return other

    def share(self, there: Array) -> Array:
        """Return the share (ny, nx) of each target cell that lies where a map (ny, nx) of 0 and 1 is 1, of all that
        the source covers."""
        covered = self.apply(np.ones(there.shape))
        return self.apply(there.astype(float)) / np.maximum(covered, LEAST)


def on_triangles(lat: Array, lon: Array, target: Places) -> sparse.csr_matrix:
    """Return the weights of linear interpolation on the triangles between the points (ny, nx) of a curvilinear grid."""
    shrink = np.cos(np.radians(np.mean(lat)))
    middle = float(np.mean(lon))
    points = np.stack([lon.ravel() * shrink, lat.ravel()], axis=1)
    there = np.stack(np.broadcast_arrays(near(target.lon, middle)[None, :] * shrink, target.lat[:, None]), axis=-1)
    there = there.reshape(-1, 2)
    triangles = Delaunay(points)
    found = triangles.find_simplex(there)
    rows = np.flatnonzero(found >= 0)
    corner, origin = triangles.transform[found[rows], :2], triangles.transform[found[rows], 2]
    first = np.einsum("nij,nj->ni", corner, there[rows] - origin)
    weights = np.concatenate([first, 1 - first.sum(axis=1, keepdims=True)], axis=1)
    columns = triangles.simplices[found[rows]]
    return sparse.csr_matrix((weights.ravel(), (np.repeat(rows, 3), columns.ravel())), (len(there), lat.size))
