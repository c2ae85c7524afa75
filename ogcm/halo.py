"""The halo of a periodic side: a copy of the opposite interior.

Closed sides are land in the halo and stay as they are. The adjoint of a field is exchanged in the
same way, since adjoint kernels gather (see docs/design.md, section 5).
"""

from functools import partial

from ogcm.backend import HALO, kernel


@partial(kernel, parallel=False)
def fill_halo(field, periodic):
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


def exchange(grid, *fields):
    """Fill the halos of 2-D (nj, ni) and 3-D (nk, nj, ni) fields."""
    if grid.periodic.any():
        for field in fields:
            fill_halo(field if field.ndim == 3 else field[None], grid.periodic)
