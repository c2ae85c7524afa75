"""Adjoint of `ogcm/operators/bottom_drag.py`.

    drag_u = [ r_i + r_{i+1} + (C_i + C_{i+1}) q_u ]/2,   q_u = sqrt(u_b^2 + v_b^2 + u_t^2)

at the level b of the last wet cell of U, v_b the mean of the four V points around. With
w_u = drag_u_ad (C_i + C_{i+1})/(2 q_u), and w_v of the V points alike:

    u_ad_k  += w_u u_k (k = b of U)  + sum over the four V points around whose bottom is at k of  w_v u_b/4
    r_ad_i  += [ drag_u_ad_i + drag_u_ad_{i-1} + drag_v_ad_j + drag_v_ad_{j-1} ]/2,   C_ad_i alike with q drag_ad

No kinks: u_t keeps the root smooth at rest.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, QUARTER, kernel, point
from ogcm.operators.bottom_drag import speed
from ogcm.operators.stencils import masked, u_at_v, v_at_u


@point
def last_layer(bottom, j, i):
    """Return the index of the last wet cell, 0 on land."""
    return max(bottom[j, i] - 1, 0)


@point
def speed_u(u, v, grid, j, i):
    """Return q_u at a U point [m s-1], in its last wet cell."""
    k = last_layer(grid.bottom_u, j, i)
    return speed(u[k, j, i], v_at_u(v, k, j, i))


@point
def speed_v(u, v, grid, j, i):
    """Return q_v at a V point [m s-1], in its last wet cell."""
    k = last_layer(grid.bottom_v, j, i)
    return speed(v[k, j, i], u_at_v(u, k, j, i))


@point
def weight_u(u, v, C_d, grid, drag_u_ad, j, i):
    """Return w_u at a U point; 0 on a closed face."""
    weight = HALF * (C_d[0, j, i] + C_d[0, j, i + ONE]) * drag_u_ad[j, i] / speed_u(u, v, grid, j, i)
    return masked(grid.bottom_u[j, i], weight)


@point
def weight_v(u, v, C_d, grid, drag_v_ad, j, i):
    """Return w_v at a V point; 0 on a closed face."""
    weight = HALF * (C_d[0, j, i] + C_d[0, j + 1, i]) * drag_v_ad[j, i] / speed_v(u, v, grid, j, i)
    return masked(grid.bottom_v[j, i], weight)


@point
def v_ad_from_u(u, v, C_d, grid, drag_u_ad, j, i):
    """Return what the drag at a U point adds to the adjoint of each of the four v around it."""
    k = last_layer(grid.bottom_u, j, i)
    return QUARTER * weight_u(u, v, C_d, grid, drag_u_ad, j, i) * v_at_u(v, k, j, i)


@point
def u_ad_from_v(u, v, C_d, grid, drag_v_ad, j, i):
    """Return what the drag at a V point adds to the adjoint of each of the four u around it."""
    k = last_layer(grid.bottom_v, j, i)
    return QUARTER * weight_v(u, v, C_d, grid, drag_v_ad, j, i) * u_at_v(u, k, j, i)


@kernel
def bottom_drag_ad(u, v, r, C_d, grid, drag_u_ad, drag_v_ad, u_ad, v_ad, r_ad, C_d_ad):
    """Add the adjoint of the bottom drag.

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
    drag_u_ad, drag_v_ad : ndarray, shape (nj, ni)
        Adjoint of the drag velocity, halo filled.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    r_ad : ndarray, shape (1, nj, ni)
        Adjoint of the linear coefficient, added to.
    C_d_ad : ndarray, shape (1, nj, ni)
        Adjoint of the quadratic coefficient, added to.
    """
    _, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            k = last_layer(grid.bottom_u, j, i)
            u_ad[k, j, i] += weight_u(u, v, C_d, grid, drag_u_ad, j, i) * u[k, j, i]
            u_ad[last_layer(grid.bottom_v, j, i), j, i] += u_ad_from_v(u, v, C_d, grid, drag_v_ad, j, i)
            u_ad[last_layer(grid.bottom_v, j, i + ONE), j, i] += u_ad_from_v(u, v, C_d, grid, drag_v_ad, j, i + ONE)
            u_ad[last_layer(grid.bottom_v, j - 1, i), j, i] += u_ad_from_v(u, v, C_d, grid, drag_v_ad, j - 1, i)
            u_ad[last_layer(grid.bottom_v, j - 1, i + ONE), j, i] += u_ad_from_v(
                u, v, C_d, grid, drag_v_ad, j - 1, i + ONE
            )
            k = last_layer(grid.bottom_v, j, i)
            v_ad[k, j, i] += weight_v(u, v, C_d, grid, drag_v_ad, j, i) * v[k, j, i]
            v_ad[last_layer(grid.bottom_u, j, i), j, i] += v_ad_from_u(u, v, C_d, grid, drag_u_ad, j, i)
            v_ad[last_layer(grid.bottom_u, j + 1, i), j, i] += v_ad_from_u(u, v, C_d, grid, drag_u_ad, j + 1, i)
            v_ad[last_layer(grid.bottom_u, j, i - ONE), j, i] += v_ad_from_u(u, v, C_d, grid, drag_u_ad, j, i - ONE)
            v_ad[last_layer(grid.bottom_u, j + 1, i - ONE), j, i] += v_ad_from_u(
                u, v, C_d, grid, drag_u_ad, j + 1, i - ONE
            )
            east = masked(grid.bottom_u[j, i], drag_u_ad[j, i])
            west = masked(grid.bottom_u[j, i - ONE], drag_u_ad[j, i - ONE])
            north = masked(grid.bottom_v[j, i], drag_v_ad[j, i])
            south = masked(grid.bottom_v[j - 1, i], drag_v_ad[j - 1, i])
            r_ad[0, j, i] += HALF * ((east + west) + (north + south))
            along_x = speed_u(u, v, grid, j, i) * east + speed_u(u, v, grid, j, i - ONE) * west
            along_y = speed_v(u, v, grid, j, i) * north + speed_v(u, v, grid, j - 1, i) * south
            C_d_ad[0, j, i] += HALF * (along_x + along_y)
