"""Checks of the bathymetry: basins that are cut off."""

import warnings

import numpy as np
from scipy.ndimage import label

from ogcm.grid import Grid, interior
from ogcm.horizontal_grid import HorizontalGrid


def bodies_of_water(wet: np.ndarray, periodic_x: bool, periodic_y: bool) -> np.ndarray:
    """Number the bodies of water, which are connected through the faces of cells.

    Parameters
    ----------
    wet : ndarray of bool, shape (ny, nx)
        Water.
    periodic_x, periodic_y : bool
        True where the grid is periodic along i, along j.

    Returns
    -------
    ndarray of int, shape (ny, nx)
        The number of the body of each cell, positive; 0 on land.
    """
    numbers, count = label(wet)
    parent = list(range(count + 1))

    def root(n: int) -> int:
        while parent[n] != n:
            n = parent[n]
        return n

    seams = [(numbers[:, 0], numbers[:, -1])] * periodic_x + [(numbers[0], numbers[-1])] * periodic_y
    for one, other in seams:
        for a, b in zip(one, other, strict=True):
            if a and b:
                parent[root(int(a))] = root(int(b))
    return np.array([root(n) for n in range(count + 1)])[numbers]


def isolated_basins(wet: np.ndarray, periodic_x: bool, periodic_y: bool) -> list[tuple[int, int, int]]:
    """Find every body of water but the largest.

    Parameters
    ----------
    wet : ndarray of bool, shape (ny, nx)
        Water.
    periodic_x, periodic_y : bool
        True where the grid is periodic along i, along j.

    Returns
    -------
    list of tuple of int
        (cells, j, i) of each body: its number of cells and the indices of one of them.
    """
    bodies = bodies_of_water(wet, periodic_x, periodic_y)
    names, first, sizes = np.unique(bodies[bodies > 0], return_index=True, return_counts=True)
    points = np.argwhere(bodies > 0)
    basins = sorted(zip(sizes, first, strict=True), reverse=True)[1:] if len(names) else []
    return [(int(size), int(points[n][0]), int(points[n][1])) for size, n in basins]


def warn_of_lakes(grid: Grid, horizontal: HorizontalGrid) -> None:
    """Warn of every basin that is cut off from the largest one, with its position."""
    wet = grid.tile.whole_map(interior(grid.mask_t)[0]) == 1
    if not grid.tile.is_first:
        return
    for cells, j, i in isolated_basins(wet, horizontal.periodic_x, horizontal.periodic_y):
        y, x = horizontal.names
        warnings.warn(
            f"bathymetry: a basin of {cells} cell{'s' * (cells > 1)} at (j, i) = {(j, i)} "
            f"({y} {horizontal.y_t[j]:g}, {x} {horizontal.x_t[i]:g}) is cut off; fill it or open a strait",
            stacklevel=3,
        )
