"""Filling of missing values of maps."""

import numpy as np
from scipy.ndimage import distance_transform_edt

from ogcm.errors import InputError

Array = np.ndarray


def fill_missing(name: str, values: Array, wet: Array, periodic_x: bool = False) -> Array:
    """Fill missing values over water with those of the nearest point of the same map.

    Parameters
    ----------
    name : str
        Name of the variable, for messages.
    values : ndarray, shape (..., ny, nx)
        Values, NaN where they are missing.
    wet : ndarray of bool
        Water, of the same last dimensions.
    periodic_x : bool
        True where the maps are periodic along x.

    Returns
    -------
    ndarray, shape (..., ny, nx)
        The filled values, 0 on land.

    Raises
    ------
    InputError
        For a map without any value, and for shapes that do not fit.
    """
    try:
        masks = np.broadcast_to(wet, values.shape).reshape(-1, *values.shape[-2:])
    except ValueError:
        raise InputError(f"{name}: shape {values.shape} does not fit the grid's {wet.shape}") from None
    filled = values.copy()
    for layer, mask in zip(filled.reshape(masks.shape), masks, strict=True):
        missing = ~np.isfinite(layer)
        if (missing & mask).any():
            if missing.all():
                raise InputError(f"{name}: a map of it has no value at all, but there is water")
            layer[...] = nearest(layer, missing, periodic_x)
        layer[~mask] = 0
    return filled


def nearest(values: Array, missing: Array, periodic_x: bool) -> Array:
    """Return a map (ny, nx) whose missing values are those of the nearest points, by numbers of cells."""
    return values[nearest_places(missing, periodic_x)]


def nearest_places(missing: Array, periodic_x: bool) -> tuple[Array, Array]:
    """Return row and column of the nearest point that is not missing, for each point of a map (ny, nx)."""
    nx = missing.shape[1]
    turn = nx // 2 if periodic_x else 0
    absent = np.pad(missing, ((0, 0), (turn, turn)), mode="wrap")
    j, i = distance_transform_edt(absent, return_distances=False, return_indices=True)
    inside = slice(turn, turn + nx)
    return j[:, inside], (i[:, inside] - turn) % nx
