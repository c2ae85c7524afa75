"""Adjoint of `ogcm/operators/friction.py`.

    G_u += mask_u t_u(u, v)/x_u,   x_u = area_u h_u,   t_u the divergence of the stresses h nu D_T and h nu D_S

The divergence t is minus the transpose of the rates of strain, so that for y = mask G_ad/x

    sum y . t(u, v) = -sum_T dx dy h nu D_T(u) D_T(y) - sum_F dx dy h nu mask D_S'(u) D_S'(y)        (D_S = mask D_S')

is symmetric in u and y:

    u_ad += t_u(y),   v_ad += t_v(y)
    nu_ad_i -= (dx dy h D_T(u) D_T(y))_T + sum over the four F around a wet T of (dx dy h D_S(u) D_S(y)/mask)_F / n

with n the number of wet cells around F, summed over k where nu has one layer. Bilinear; no kinks.
"""

import numpy as np
from numba import prange

from adjoint.operators.stencils import divide_by_volume
from ogcm.backend import HALF, HALO, ONE, kernel, point, row_barrier, typed
from ogcm.operators.friction import divergence_u, divergence_v
from ogcm.operators.stencils import layer_index, masked, over_wet_cells_f, shear, tension


@point
def work_t(u, v, y_u, y_v, grid, k, j, i):
    """Return dx dy h D_T(u) D_T(y) at a T point, the work of the tension."""
    volume = grid.dx_t[j, i] * grid.dy_t[j, i] * grid.h_t[k, j, i]
    return volume * tension(u, v, grid, k, j, i) * tension(y_u, y_v, grid, k, j, i)


@point
def work_f(u, v, y_u, y_v, grid, k, j, i):
    """Return dx dy h D_S(u) D_S(y)/mask at an F point, the work of the shear, for each wet cell around."""
    volume = grid.area_f[j, i] * grid.h_f[k, j, i]
    work = volume * shear(u, v, grid, k, j, i) * shear(y_u, y_v, grid, k, j, i)
    return over_wet_cells_f(HALF * work if grid.mask_f[k, j, i] == 2 else work, grid, k, j, i)


@point
def work_of_row(u, v, y_u, y_v, grid, j, work):
    """Write the work of the shear at the F points of row j, in all layers, into work (nk, ni)."""
    nk, _, ni = u.shape
    for k in range(nk):
        for ii in range(HALO - 1, ni - HALO):
            i = np.uintp(ii)
            work[k, i] = work_f(u, v, y_u, y_v, grid, k, j, i)


@kernel
def stress_divergence_weighted_ad(u, v, nu, grid, y_u, y_v, u_ad, v_ad, nu_ad):
    """Add the adjoint of the friction, given y in place of G_ad.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    nu : ndarray, shape (1 or nk, nj, ni)
        Viscosity at T points [m2 s-1].
    grid : Grid
        Metric terms and masks.
    y_u, y_v : ndarray, shape (nk, nj, ni)
        mask G_ad/(area h) at U and V points, halo filled.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    nu_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the viscosity, added to.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        north, south = np.empty((nk, ni), u.dtype), np.empty((nk, ni), u.dtype)  # work of the shear
        work_of_row(u, v, y_u, y_v, grid, j, north)
        work_of_row(u, v, y_u, y_v, grid, j - 1, south)
        row_barrier()
        for k in range(nk):
            n = layer_index(nu, k)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                u_ad[k, j, i] += masked(grid.mask_u[k, j, i], divergence_u(y_u, y_v, nu, grid, k, j, i))
                v_ad[k, j, i] += masked(grid.mask_v[k, j, i], divergence_v(y_u, y_v, nu, grid, k, j, i))
                around = (north[k, i] + north[k, i - ONE]) + (south[k, i] + south[k, i - ONE])
                total = work_t(u, v, y_u, y_v, grid, k, j, i) + around
                nu_ad[n, j, i] -= total if grid.mask_t[k, j, i] else typed(0.0, total)


def stress_divergence_ad(u, v, nu, grid, G_u_ad, G_v_ad, u_ad, v_ad, nu_ad, y_u, y_v):
    """Add the adjoint of the friction.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    nu : ndarray, shape (1 or nk, nj, ni)
        Viscosity at T points [m2 s-1].
    grid : Grid
        Metric terms and masks.
    G_u_ad, G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration, halo filled.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    nu_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the viscosity, added to.
    y_u, y_v : ndarray, shape (nk, nj, ni)
        Work arrays; overwritten.
    """
    divide_by_volume(G_u_ad, G_v_ad, grid, y_u, y_v)
    stress_divergence_weighted_ad(u, v, nu, grid, y_u, y_v, u_ad, v_ad, nu_ad)
