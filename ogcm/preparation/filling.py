"""Values where a file has none: beside its points, below its deepest value, and on the layers of the model."""

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from ogcm.data.fill import nearest
from ogcm.errors import InputError

Array = np.ndarray
METHODS = ("harmonic", "nearest")


def fill_water(name: str, maps: Array, wet: Array, method: str = "harmonic", closes: bool = False) -> Array:
    """Fill the missing values of a field with levels, level by level through the water.

    A point takes the values of its own level as far as water connects it with them at that depth: beside a slope lies
    the water of the open sea. A basin behind a sill, without any value at its depth, takes what is above it.

    Parameters
    ----------
    name : str
        Name of the field, for messages.
    maps : ndarray, shape (nz, ny, nx)
        The field from the surface down, NaN where it is missing.
    wet : ndarray of bool, shape (nz, ny, nx)
        Where the sea reaches to each level.
    method : {"harmonic", "nearest"}
        Whether a filled value is the mean of its neighbours in the water (the solution of Laplace's equation, without a
        gradient at the sides), or that of the nearest point of the same basin.
    closes : bool
        Whether the maps close around the globe.

    Returns
    -------
    ndarray, shape (nz, ny, nx)
        The field without missing values, on land and below the sea floor as well.

    Raises
    ------
    InputError
        For an unknown method, and for a field whose first level has no value at all.
    """
    if method not in METHODS:
        raise InputError(f"fill: {method!r} does not exist; choose from {', '.join(METHODS)}")
    if not np.isfinite(maps[0]).any():
        raise InputError(f"{name}: has no value at all in the region at the surface; is the region in the file?")
    fill, filled = harmonic if method == "harmonic" else nearest_in_basin, maps.copy()
    for k, (layer, sea) in enumerate(zip(filled, wet, strict=True)):
        basin = basins(sea, closes)
        known = np.isin(basin, basin[sea & np.isfinite(layer)]) & sea
        layer[...] = fill(layer, known & ~np.isfinite(layer), closes, basin)
        missing = ~np.isfinite(layer)
        if k:
            layer[missing] = filled[k - 1][missing]
        elif missing.any():
            layer[...] = fill(layer, missing, closes, np.zeros(layer.shape, int))
    return filled


def basins(sea: Array, closes: bool) -> Array:
    """Return the number of the basin of each point (ny, nx), connected through the faces of cells; 0 on land."""
    number, count = ndimage.label(sea)
    if closes:
        across = (number[:, 0] > 0) & (number[:, -1] > 0)
        links = sparse.coo_matrix((np.ones(across.sum()), (number[across, 0], number[across, -1])), (count + 1,) * 2)
        number = sparse.csgraph.connected_components(links, directed=False)[1][number]
    return number


def nearest_in_basin(layer: Array, missing: Array, closes: bool, basin: Array) -> Array:
    """Return a map (ny, nx) whose missing values are those of the nearest points of the same basin (ny, nx)."""
    result = layer.copy()
    for number in np.unique(basin[missing]):
        inside = basin == number
        found = nearest(layer, ~np.isfinite(layer) | ~inside, closes)
        result[missing & inside] = found[missing & inside]
    return result


def harmonic(layer: Array, missing: Array, closes: bool, basin: Array | None = None) -> Array:
    """Return a map (ny, nx) whose missing values are the means of their neighbours: 4 a = sum of the neighbours.

    With numbers of basins (ny, nx), the neighbours are those in the same basin; each must have a value.
    """
    ny, nx = layer.shape
    number = np.full(layer.shape, -1)
    number[missing] = np.arange(missing.sum())
    j, i = np.nonzero(missing)
    rows, columns, weights = [], [], []
    neighbours, right = np.zeros(len(j)), np.zeros(len(j))
    for dj, di in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        jj, ii = j + dj, (i + di) % nx if closes else i + di
        inside = (jj >= 0) & (jj < ny) & (ii >= 0) & (ii < nx)
        jj, ii = np.clip(jj, 0, ny - 1), np.clip(ii, 0, nx - 1)
        if basin is not None:
            inside &= basin[jj, ii] == basin[j, i]
        unknown = inside & missing[jj, ii]
        neighbours += inside
        right += np.where(inside & ~unknown, layer[jj, ii], 0.0)
        rows.append(np.flatnonzero(unknown))
        columns.append(number[jj, ii][unknown])
        weights.append(np.full(unknown.sum(), -1.0))
    own = np.arange(len(j))
    places = np.concatenate([*rows, own]), np.concatenate([*columns, own])
    matrix = sparse.csc_matrix((np.concatenate([*weights, neighbours]), places), (len(j), len(j)))
    result = layer.copy()
    result[missing] = spsolve(matrix, right)
    return result


def at_heights(values: Array, z: Array, heights: Array) -> Array:
    """Interpolate profiles linearly to heights; beyond the first and the last one they are constant.

    Parameters
    ----------
    values : ndarray, shape (nz, ny, nx)
        Profiles from the surface down.
    z : ndarray, shape (nz,)
        Their heights [m], decreasing.
    heights : ndarray, shape (nk, ny, nx)
        Heights that are wanted [m].

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        The values there.
    """
    below = np.clip(np.searchsorted(-z, -heights), 1, len(z) - 1)
    weight = np.clip((z[below - 1] - heights) / (z[below - 1] - z[below]), 0.0, 1.0)
    upper, lower = (np.take_along_axis(values, n, axis=0) for n in (below - 1, below))
    return (1 - weight) * upper + weight * lower


def layer_means(values: Array, z: Array, interfaces: Array) -> Array:
    """Return the means over layers of profiles that are linear between their values.

    The content of a column is that of its profile, whatever the layers are.

    Parameters
    ----------
    values : ndarray, shape (nz, ny, nx)
        Profiles from the surface down.
    z : ndarray, shape (nz,)
        Their heights [m], decreasing; beyond the first and the last one profiles are constant.
    interfaces : ndarray, shape (nk + 1, ny, nx)
        Heights of the interfaces of the layers [m], not increasing.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        The means; the value at the interface for a layer without thickness.
    """
    step = z[:-1] - z[1:]
    whole = np.cumsum(0.5 * (values[:-1] + values[1:]) * step[:, None, None], axis=0)
    whole = np.concatenate([np.zeros((1, *values.shape[1:])), whole])  # from the first height down to each
    at = at_heights(values, z, interfaces)
    within = np.clip(interfaces, z[-1], z[0])
    above = np.clip(np.searchsorted(-z, -within, side="right") - 1, 0, len(z) - 2)
    start, first = (np.take_along_axis(a, above, axis=0) for a in (values, whole))
    total = first + 0.5 * (start + at) * (z[above] - within)
    total += (interfaces < z[-1]) * values[-1] * (z[-1] - interfaces)
    total -= (interfaces > z[0]) * values[0] * (interfaces - z[0])
    thickness = interfaces[:-1] - interfaces[1:]
    return np.where(thickness > 0, (total[1:] - total[:-1]) / np.where(thickness > 0, thickness, 1.0), at[:-1])
