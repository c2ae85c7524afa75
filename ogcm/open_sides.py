"""Where an ocean is open: its rim, and the steps from the rim inwards.

On an open side the outermost row or column of cells lies outside the ocean. Its wet cells are the *rim*, and so are the
faces between two of these cells and those between one of them and a cell inside, through which water passes:

    |     |     |     |           T, U, V of a southern side: the cells of the lowest row, the U points between them,
    +--o--+--o--+--o--+           and the V points (o) between this row and the next one
    |  *  x  *  x  *  x           The step inwards is (1, 0) at all of these.
    +-----+-----+-----+

A rim point has values of its own, which are given or follow from those of its neighbours inwards (`ogcm.outside`). At a
corner, where the neighbour inwards would be a rim point as well, the step is diagonal. Every rim point therefore has a
neighbour that is no rim point.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ogcm.errors import InputError

Array = np.ndarray
SIDES = {"west": (0, 1), "east": (0, -1), "south": (1, 0), "north": (-1, 0)}  # steps inwards along j and i
ROWS: dict[str, Any] = {"west": np.s_[:, 0], "east": np.s_[:, -1], "south": np.s_[0, :], "north": np.s_[-1, :]}
CELLS = 3  # number of cells that the stencils of a side read across it: one outside, two inside


def land_beside(depth: Array, open_sides: Mapping[str, Array]) -> Array:
    """Return the depth with land in those cells of the outermost row of an open side that are not open.

    Parameters
    ----------
    depth : ndarray, shape (ny, nx)
        Depth of the sea floor of the whole ocean [m].
    open_sides : mapping of str to ndarray of bool
        Where each open side is open, along it.

    Returns
    -------
    ndarray, shape (ny, nx)
        The depth [m], 0 in these cells.
    """
    beside, opened = np.zeros(depth.shape, bool), np.zeros(depth.shape, bool)
    for side, stretch in open_sides.items():
        beside[ROWS[side]] = True
        opened[ROWS[side]] |= stretch
    return np.where(beside & ~opened, 0.0, depth)


def check_open_sides(wet: Array, open_sides: Mapping[str, Array], periodic: tuple[bool, bool]) -> None:
    """Check that these sides can be open.

    Parameters
    ----------
    wet : ndarray of bool, shape (ny, nx)
        Cells of the whole ocean that hold water.
    open_sides : mapping of str to ndarray of bool
        Where each open side is open, along it.
    periodic : tuple of bool
        True where the ocean is periodic along j, along i.

    Raises
    ------
    InputError
        For an open side of a periodic direction, an ocean that is too narrow, and a side without water.
    """
    for axis, name in enumerate(("periodic_y", "periodic_x")):
        sides = [side for side in open_sides if SIDES[side][axis]]
        if sides and periodic[axis]:
            raise InputError(f"{sides[0]}: a side of a periodic direction cannot be open; make the grid without {name}")
        if wet.shape[axis] < CELLS * len(sides):
            raise InputError(
                f"{' and '.join(sides)}: the ocean has {wet.shape[axis]} cells across, and {CELLS * len(sides)} are "
                "needed: one outside and two inside for each open side"
            )
    for side, stretch in open_sides.items():
        if not (stretch & wet[ROWS[side]]).any():
            raise InputError(f"{side}: no water where this side is open; check the depth there, or close it")


def inward_maps(wet: Array, open_sides: Mapping[str, Array]) -> dict[str, Array]:
    """Return the steps from the points of the rim inwards.

    Parameters
    ----------
    wet : ndarray of bool, shape (ny, nx)
        Cells of the whole ocean that hold water.
    open_sides : mapping of str to ndarray of bool
        Where each open side is open, along it.

    Returns
    -------
    dict of str to ndarray of int8, shape (2, ny, nx)
        Steps along j and i, 0 inside and on land, at T, U and V points by the names "t", "u" and "v".
    """
    t = np.zeros((2, *wet.shape), np.int8)
    for side, stretch in open_sides.items():
        for axis in range(2):
            if SIDES[side][axis]:
                t[axis][ROWS[side]][stretch & wet[ROWS[side]]] = SIDES[side][axis]
    maps = {"t": t, "u": inward_of_faces(t, wet, 1), "v": inward_of_faces(t, wet, 0)}
    return {point: diagonal_at_corners(steps) for point, steps in maps.items()}


def inward_of_faces(steps: Array, wet: Array, axis: int) -> Array:
    """Return the steps inwards of the faces between cells that are neighbours along an axis.

    Parameters
    ----------
    steps : ndarray of int8, shape (2, ny, nx)
        Steps inwards of the cells.
    wet : ndarray of bool, shape (ny, nx)
        Cells that hold water.
    axis : int
        0 for V points, 1 for U points.

    Returns
    -------
    ndarray of int8, shape (2, ny, nx)
        Across a face between a cell of the rim and one inside; along it, as for the cells, between two of the rim.
    """
    after = ahead(steps, axis)
    face, rim, rim_after = wet & ahead(wet, axis), steps.any(axis=0), after.any(axis=0)
    found = np.zeros_like(steps)
    found[axis] = face * (rim.astype(np.int8) - rim_after)
    found[1 - axis] = (face & rim & rim_after) * np.where(steps[1 - axis], steps[1 - axis], after[1 - axis])
    return found


def ahead(a: Array, axis: int) -> Array:
    """Return the values (..., ny, nx) of the next cells along j (axis 0) or i (axis 1), 0 beyond the last one."""
    found = np.roll(a, -1, axis - 2)
    found[(..., -1, slice(None)) if axis == 0 else (..., -1)] = 0
    return found


def diagonal_at_corners(steps: Array) -> Array:
    """Return steps (2, ny, nx) to which those of the neighbour inwards are added, where this is a rim point as well."""
    j, i = np.nonzero(steps.any(axis=0))
    found = steps.copy()
    found[:, j, i] += steps[:, j + steps[0, j, i], i + steps[1, j, i]]
    return found
