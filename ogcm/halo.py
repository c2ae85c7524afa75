"""The halo of a periodic side: a copy of the opposite interior.

Closed sides are land in the halo and stay as they are. The adjoint of a field is exchanged in the
same way, since adjoint kernels gather (see docs/design.md, section 5).
"""

from functools import partial

import numpy as np

from ogcm.backend import HALO, kernel, scalar


@partial(kernel, parallel=False)
def fill_halo(periodic, field):
    """Fill the halo of `field` (nk, nj, ni) where `periodic` (along j, along i) says so."""
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


@scalar
def fill_point(periodic, field, p, k):
    """The same for one point of layer k; of the halo 2 HALO nj points lie in columns, 2 HALO (ni - 2 HALO) in rows."""
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


def exchange(grid, *fields):
    """Fill the halos of 2-D (nj, ni) and 3-D (nk, nj, ni) fields."""
    if any(grid.periodic):
        for field in fields:
            layers = field if field.ndim == 3 else field[None]
            if isinstance(field, np.ndarray):
                fill_halo(grid.periodic, layers)
            else:
                fill_halo_on_gpu(grid.periodic, layers)


def fill_halo_on_gpu(periodic, field):
    """`fill_halo` on a GPU: a thread for each point of the halo."""
    from ogcm.cuda import launch, point_kernel

    nk, nj, ni = field.shape
    points = 2 * HALO * (nj + ni - 2 * HALO)
    launch(point_kernel(fill_point), (points, nk, 1), points, nk, periodic, field)
