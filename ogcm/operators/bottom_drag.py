"""Bottom drag: the velocity [m s-1] with which the sea floor removes momentum from the last wet cell.

    du/dt_b = -(drag/h_b) u_b,    drag = r + C_d sqrt(u_b^2 + v_b^2 + u_t^2)

r and C_d are means of the two T neighbours, v_b the mean of the four V points around at the level of u_b (0 in land).
u_t = 0.01 m s-1 represents tides and waves that are not resolved, and keeps the root smooth at rest. The
drag acts implicitly, in `vertical_diffusion.py`.

Adjoint: with w = C_d drag_ad / sqrt(.), u_ad_b += w u_b at the U point and w v_b/4 for each of the four V points
(gathered: each velocity of a level sums over the faces whose bottom lies at that level); r_ad, C_d_ad halves of
drag_ad and drag_ad sqrt(.).
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, root, typed
from ogcm.operators.stencils import masked, u_at_v, v_at_u

TIDAL_SPEED = 0.01  # [m s-1]


@point
def speed(u, v):
    """Return sqrt(u^2 + v^2 + u_t^2) [m s-1] of a velocity (u, v) [m s-1]."""
    tide = typed(TIDAL_SPEED * TIDAL_SPEED, u)
    return root(u * u + v * v + tide)


@kernel
def bottom_drag(u, v, r, C_d, grid, drag_u, drag_v):
    """Compute the drag velocity of the sea floor at U and V points; 0 on closed faces.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    r : ndarray, shape (1, nj, ni)
        Linear drag coefficient at T points [m s-1].
    C_d : ndarray, shape (1, nj, ni)
        Quadratic drag coefficient at T points [1].
    grid : Grid
        Metric terms and masks.
    drag_u, drag_v : ndarray, shape (nj, ni)
        Drag velocity [m s-1], written on the interior.
    """
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
