"""Adjoint of `ogcm/operators/layers.py`.

stretch       s_p = 1 + eta_p/H_p, eta_p a weighted mean around the points p = T, U, V, F:

    eta_ad_i += s_t_ad/H_t + area_i/2 [ (s_u_ad r)_i + (s_u_ad r)_{i-1} + (s_v_ad r)_j + (s_v_ad r)_{j-1} ]
              + sum over the four F points around of s_f_ad/(wet H_f),          r = mask/(area_u H_u)

transports    U = dy_u h_u s_u u          u_ad += dy_u h_u s_u U_ad,   s_u_ad += sum_k dy_u h_u u U_ad

continuity    W_k = -sum_{k' >= k} (div_k' + h_k' R),  R = (area fresh - sum_k div_k)/H (z*; 0 with the linear
              surface, whose W_0 = -sum_k div_k). With D_k = sum_{0 < k' <= k} W_ad_k' (+ W_ad_0, linear surface) and
              R_ad = -sum_{k > 0} h_k D_k / H (z*), the adjoint of div_k is

    g_k = -D_k - R_ad,   fresh_ad += area R_ad,   U_ad_i += g_k(i) - g_k(i+1),   V_ad_j += g_k(j) - g_k(j+1)

All linear but the product u s_u; no kinks.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, row_barrier, typed
from ogcm.operators.stencils import over_wet_cells_f


@point
def eta_u_ad(s_u_ad, grid, j, i):
    """Return the adjoint of eta_u at a U point by its stretching, over the area."""
    return grid.mask_u[0, j, i] * (HALF * s_u_ad[j, i] * grid.r_area_u[j, i] * grid.r_depth_u[j, i])


@point
def eta_v_ad(s_v_ad, grid, j, i):
    """Return the adjoint of eta_v at a V point by its stretching, over the area."""
    return grid.mask_v[0, j, i] * (HALF * s_v_ad[j, i] * grid.r_area_v[j, i] * grid.r_depth_v[j, i])


@point
def eta_f_ad(s_f_ad, grid, j, i):
    """Return what the stretching at an F point adds to the adjoint of each of the four eta around it."""
    return over_wet_cells_f(s_f_ad[j, i] * grid.r_depth_f[j, i], grid, 0, j, i)


@kernel
def stretch_ad(eta, grid, s_t_ad, s_u_ad, s_v_ad, s_f_ad, eta_ad):
    """Add the adjoint of the stretching.

    Parameters
    ----------
    eta : ndarray, shape (nj, ni)
        Sea surface height [m].
    grid : Grid
        Metric terms and masks.
    s_t_ad, s_u_ad, s_v_ad, s_f_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching at T, U, V and F points, halo filled.
    eta_ad : ndarray, shape (nj, ni)
        Adjoint of the sea surface height, added to.
    """
    nj, ni = eta.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            along_x = eta_u_ad(s_u_ad, grid, j, i) + eta_u_ad(s_u_ad, grid, j, i - ONE)
            along_y = eta_v_ad(s_v_ad, grid, j, i) + eta_v_ad(s_v_ad, grid, j - 1, i)
            north = eta_f_ad(s_f_ad, grid, j, i) + eta_f_ad(s_f_ad, grid, j, i - ONE)
            south = eta_f_ad(s_f_ad, grid, j - 1, i) + eta_f_ad(s_f_ad, grid, j - 1, i - ONE)
            centre = s_t_ad[j, i] * grid.r_depth_t[j, i]
            total = centre + grid.area_t[j, i] * (along_x + along_y) + (north + south)
            eta_ad[j, i] += grid.nonlinear * total


@kernel
def transports_ad(u, v, s_u, s_v, grid, U_ad, V_ad, u_ad, v_ad, s_u_ad, s_v_ad):
    """Add the adjoint of the volume transports.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    s_u, s_v : ndarray, shape (nj, ni)
        Stretching of the layers at U and V points [1].
    grid : Grid
        Metric terms and masks.
    U_ad, V_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the transports.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    s_u_ad, s_v_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                w_u = grid.dy_u[j, i] * grid.h_u[k, j, i] * U_ad[k, j, i]
                w_v = grid.dx_v[j, i] * grid.h_v[k, j, i] * V_ad[k, j, i]
                u_ad[k, j, i] += s_u[j, i] * w_u
                v_ad[k, j, i] += s_v[j, i] * w_v
                s_u_ad[j, i] += u[k, j, i] * w_u
                s_v_ad[j, i] += v[k, j, i] * w_v


@point
def horizontal_divergence_ad(W_ad, grid, j, g):
    """Write the adjoint g_k of the divergences of row j into g (nk + 1, ni), and R_ad into its last row."""
    nk, ni = g.shape[0] - 1, g.shape[1]
    for ii in range(HALO, ni - HALO + 1):
        i = np.uintp(ii)
        g[nk, i] = 0
        g[0, i] = -(typed(1.0, grid.nonlinear) - grid.nonlinear) * W_ad[0, j, i]
    for k in range(1, nk):
        for ii in range(HALO, ni - HALO + 1):
            i = np.uintp(ii)
            g[k, i] = g[k - 1, i] - W_ad[k, j, i]
            g[nk, i] += grid.h_t[k, j, i] * g[k, i]
    for ii in range(HALO, ni - HALO + 1):
        i = np.uintp(ii)
        g[nk, i] *= grid.nonlinear * grid.r_depth_t[j, i]
    for k in range(nk):
        for ii in range(HALO, ni - HALO + 1):
            i = np.uintp(ii)
            g[k, i] -= g[nk, i]


@kernel
def continuity_ad(U, V, fresh, grid, W_ad, U_ad, V_ad, fresh_ad):
    """Add the adjoint of the continuity.

    Parameters
    ----------
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    fresh : ndarray, shape (nj, ni)
        Volume gained through the surface [m s-1].
    grid : Grid
        Metric terms and masks.
    W_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the upward transports, halo filled.
    U_ad, V_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the transports, added to.
    fresh_ad : ndarray, shape (nj, ni)
        Adjoint of the fresh water, added to.
    """
    nk, nj, ni = U.shape
    for j in prange(HALO, nj - HALO):
        g, north = np.empty((nk + 1, ni), W_ad.dtype), np.empty((nk + 1, ni), W_ad.dtype)
        horizontal_divergence_ad(W_ad, grid, j, g)
        horizontal_divergence_ad(W_ad, grid, j + 1, north)
        row_barrier()
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                U_ad[k, j, i] += g[k, i] - g[k, i + ONE]
                V_ad[k, j, i] += g[k, i] - north[k, i]
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            fresh_ad[j, i] += grid.area_t[j, i] * g[nk, i]
