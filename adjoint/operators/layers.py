"""Adjoint of `ogcm/operators/layers.py`.

stretch       s_p = 1 + eta_p/H_p, eta_p a weighted mean around the points p = T, U, V, F:

    eta_ad_i += s_t_ad/H_t + area_i/2 [ (s_u_ad r)_i + (s_u_ad r)_{i-1} + (s_v_ad r)_j + (s_v_ad r)_{j-1} ]
              + sum over the four F points around of s_f_ad/(wet H_f),          r = mask/(area_u H_u)

transports    U = dy_u h_u s_u u          u_ad += dy_u h_u s_u U_ad,   s_u_ad += sum_k dy_u h_u u U_ad

continuity    W_k = -sum_{k' >= k} (div_k' + h_k' R),  R = (area fresh - sum_k div_k)/H (z*; 0 with the linear
              surface, whose W_0 = -sum_k div_k). With D_k = sum_{0 < k' <= k} W_ad_k' (+ W_ad_0, linear surface) and
              R_ad = -sum_{k > 0} h_k D_k / H (z*), what div_k passed on is

    g_k = -D_k - R_ad,   fresh_ad += area R_ad,   U_ad_i += g_k(i) - g_k(i+1),   V_ad_j += g_k(j) - g_k(j+1)

All linear but the product u s_u; no kinks.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, row_barrier, scalar, typed
from ogcm.operators.stencils import wet_cells_f


@point
def eta_u_ad(s_u_ad, grid, j, i):
    """What eta_u passed on through its stretching, over the area of U."""
    return grid.mask_u[0, j, i] * HALF * s_u_ad[j, i] * grid.r_area_u[j, i] / grid.depth_u[j, i]


@point
def eta_v_ad(s_v_ad, grid, j, i):
    return grid.mask_v[0, j, i] * HALF * s_v_ad[j, i] * grid.r_area_v[j, i] / grid.depth_v[j, i]


@point
def eta_f_ad(s_f_ad, grid, j, i):
    """What each of the four surfaces around F passed on."""
    return s_f_ad[j, i] / (wet_cells_f(grid, 0, j, i) * grid.depth_f[j, i])


@kernel
def stretch_ad(eta, grid, s_t_ad, s_u_ad, s_v_ad, s_f_ad, eta_ad):
    nj, ni = eta.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            along_x = eta_u_ad(s_u_ad, grid, j, i) + eta_u_ad(s_u_ad, grid, j, i - ONE)
            along_y = eta_v_ad(s_v_ad, grid, j, i) + eta_v_ad(s_v_ad, grid, j - 1, i)
            north = eta_f_ad(s_f_ad, grid, j, i) + eta_f_ad(s_f_ad, grid, j, i - ONE)
            south = eta_f_ad(s_f_ad, grid, j - 1, i) + eta_f_ad(s_f_ad, grid, j - 1, i - ONE)
            centre = s_t_ad[j, i] / grid.depth_t[j, i]
            total = centre + grid.area_t[j, i] * (along_x + along_y) + (north + south)
            eta_ad[j, i] += grid.nonlinear * total


@kernel
def transports_ad(u, v, s_u, s_v, grid, U_ad, V_ad, u_ad, v_ad, s_u_ad, s_v_ad):
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


@scalar
def horizontal_divergence_ad(W_ad, grid, j, g):
    """g (nk + 1, ni): what the divergences of row j passed on; its last row is R_ad."""
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
        g[nk, i] *= grid.nonlinear / grid.depth_t[j, i]
    for k in range(nk):
        for ii in range(HALO, ni - HALO + 1):
            i = np.uintp(ii)
            g[k, i] -= g[nk, i]


@kernel
def continuity_ad(U, V, fresh, grid, W_ad, U_ad, V_ad, fresh_ad):
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
