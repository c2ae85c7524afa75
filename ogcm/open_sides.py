"""Temporary: replaced by the module of the helper."""

from collections.abc import Mapping

import numpy as np

Array = np.ndarray
SIDES = {"west": (0, 1), "east": (0, -1), "south": (1, 0), "north": (-1, 0)}


def row_of(side: str):
    return {"west": np.s_[:, 0], "east": np.s_[:, -1], "south": np.s_[0, :], "north": np.s_[-1, :]}[side]


def land_beside(floor: Array, open_sides: Mapping[str, Array]) -> Array:
    """Return the depth with land in the cells of open sides that are not open."""
    if not open_sides:
        return floor
    rim = np.zeros(floor.shape, bool)
    for side, stretch in open_sides.items():
        rim[row_of(side)] |= stretch
    closed = np.zeros(floor.shape, bool)
    for side in open_sides:
        closed[row_of(side)] = True
    return np.where(closed & ~rim, 0.0, floor)


def inward_maps(wet: Array, open_sides: Mapping[str, Array], periodic) -> dict[str, Array]:
    ny, nx = wet.shape
    t = np.zeros((2, ny, nx), np.int8)
    for side, stretch in open_sides.items():
        for axis in (0, 1):
            view = t[axis][row_of(side)]
            if SIDES[side][axis]:
                view[...] = np.where(np.asarray(stretch) & wet[row_of(side)], SIDES[side][axis], view)
    rim = t.any(axis=0)
    maps = {"t": t}
    for point, axis in (("u", 1), ("v", 0)):
        m = np.zeros((2, ny, nx), np.int8)
        nj, ni = (ny, nx - 1) if point == "u" else (ny - 1, nx)
        for j in range(nj):
            for i in range(ni):
                j2, i2 = (j, i + 1) if point == "u" else (j + 1, i)
                if not (wet[j, i] and wet[j2, i2]):
                    continue
                a, b = rim[j, i], rim[j2, i2]
                if a and not b:
                    m[axis, j, i] = 1
                elif b and not a:
                    m[axis, j, i] = -1
                elif a and b:
                    other = 1 - axis
                    step = t[other, j, i] or t[other, j2, i2]
                    m[other, j, i] = step
        inner = m.any(axis=0)
        for j, i in np.argwhere(inner):  # next to corners, diagonally
            dj, di = m[:, j, i]
            if inner[j + dj, i + di]:
                m[axis, j, i] = 1 if (i if axis else j) < 2 else -1
        maps[point] = m
    return maps
