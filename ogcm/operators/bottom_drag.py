"""Bottom drag: the velocity [m s-1] with which the sea floor takes momentum out of the last wet cell.

    du/dt_b = -(drag/h_b) u_b,    drag = r + C_d sqrt(u_b^2 + v_b^2 + u_t^2)

r and C_d are means of the two T neighbours, v_b the mean of the four V points around at the level of u_b (0 in land).
u_t = 0.01 m s-1 stands for the tides and waves that are not resolved, and keeps the root smooth at rest. The
drag acts implicitly, in `vertical_diffusion.py`.

Adjoint: with w = C_d drag_ad / sqrt(.), u_ad_b += w u_b at the U point and w v_b/4 for each of the four V points
(gathered: each velocity of a level sums the faces whose bottom lies at that level); r_ad, C_d_ad halves of
drag_ad and drag_ad sqrt(.).
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, root, typed
from ogcm.operators.stencils import masked, u_at_v, v_at_u

TIDAL_SPEED = 0.01  # [m s-1]


@point
def speed(u, v):
    tide = typed(TIDAL_SPEED * TIDAL_SPEED, u)
    return root(u * u + v * v + tide)


@kernel
def bottom_drag(u, v, r, C_d, grid, drag_u, drag_v):
    """drag_u, drag_v (nj, ni) [m s-1] from r [m s-1] and C_d [1], both (1, nj, ni); 0 on closed faces."""
    _, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            k = max(grid.bottom_u[j, i] - 1, 0)
            linear, quadratic = r[0, j, i] + r[0, j, i + ONE], C_d[0, j, i] + C_d[0, j, i + ONE]
            total = HALF * (linear + quadratic * speed(u[k, j, i], v_at_u(v, k, j, i)))
            drag_u[j, i] = masked(grid.bottom_u[j, i], total)
            k = max(grid.bottom_v[j, i] - 1, 0)
            linear, quadratic = r[0, j, i] + r[0, j + 1, i], C_d[0, j, i] + C_d[0, j + 1, i]
            total = HALF * (linear + quadratic * speed(v[k, j, i], u_at_v(u, k, j, i)))
            drag_v[j, i] = masked(grid.bottom_v[j, i], total)
