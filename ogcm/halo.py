"""The halo of a periodic side: a copy of the opposite interior.

The halo of a closed side is land and stays as it is. The adjoint of a field is exchanged in the same way, since adjoint
kernels gather (see docs/design.md, section 5).
"""

from functools import partial

import numpy as np

from ogcm.backend import HALO, kernel, point
from ogcm.grid import Grid


@partial(kernel, parallel=False)
def fill_halo(periodic, field):
    """Fill the halo of a field on the periodic sides of its grid.

    Parameters
    ----------
    periodic : tuple of bool
        True where the grid is periodic along j, along i.
    field : ndarray, shape (nk, nj, ni)
        Field whose halo is written.
    """
    nk, nj, ni = field.shape
    width_j, width_i = nj - 2 * HALO, ni - 2 * HALO
    for k in range(nk):
        if periodic[1]:
            for j in range(HALO, nj - HALO):
                for n in range(HALO):
                    field[k, j, n] = field[k, j, HALO + (n - HALO) % width_i]
                    field[k, j, ni - HALO + n] = field[k, j, HALO + n % width_i]
        if periodic[0]:
            for n in range(HALO):
                for i in range(ni):
                    field[k, n, i] = field[k, HALO + (n - HALO) % width_j, i]
                    field[k, nj - HALO + n, i] = field[k, HALO + n % width_j, i]


@point
def fill_point(periodic, field, p, k):
    """Fill one point of the halo of layer k, on a GPU.

    Parameters
    ----------
    periodic : tuple of bool
        True where the grid is periodic along j, along i.
    field : ndarray, shape (nk, nj, ni)
        Field whose halo is written.
    p : int
        Number of the point: the first 2 HALO nj lie in columns, the other 2 HALO (ni - 2 HALO) in rows.
    k : int
        Layer.
    """
    _, nj, ni = field.shape
    width_j, width_i = nj - 2 * HALO, ni - 2 * HALO
    if p < 2 * HALO * nj:
        j, n = p // (2 * HALO), p % (2 * HALO)
        i = n if n < HALO else width_i + n
    else:
        n, i = (p - 2 * HALO * nj) // width_i, HALO + (p - 2 * HALO * nj) % width_i
        j = n if n < HALO else width_j + n
    beside, beyond = i < HALO or i >= ni - HALO, j < HALO or j >= nj - HALO
    from_j = HALO + (j - HALO) % width_j if periodic[0] and beyond else j
    from_i = HALO + (i - HALO) % width_i if periodic[1] and beside else i
    if (periodic[0] or not beyond) and (from_j != j or from_i != i):
        field[k, j, i] = field[k, from_j, from_i]


def exchange(grid: Grid, *fields: np.ndarray) -> None:
    """Fill the halos of fields on the periodic sides of their grid.

    Parameters
    ----------
    grid : Grid
        Grid of the fields.
    *fields : ndarray, shape (nj, ni) or (nk, nj, ni)
        Maps and fields in layers whose halos are written.
    """
    if any(grid.periodic):
        for field in fields:
            layers = field if field.ndim == 3 else field[None]
            if isinstance(field, np.ndarray):
                fill_halo(grid.periodic, layers)
            else:
                fill_halo_on_gpu(grid.periodic, layers)


def fill_halo_on_gpu(periodic, field):
    """Fill the halo of a field on a GPU, by one thread for each point of the halo.

    Parameters
    ----------
    periodic : tuple of bool
        True where the grid is periodic along j, along i.
    field : ndarray, shape (nk, nj, ni)
        Field whose halo is written.
    """
    from ogcm.cuda import launch, point_kernel

    nk, nj, ni = field.shape
    points = 2 * HALO * (nj + ni - 2 * HALO)
    launch(point_kernel(fill_point), (points, nk, 1), points, nk, periodic, field)
