"""The moving layers: their stretching, the volume that they transport, and the flow between them.

Stretching (z*; Adcroft and Campin 2004, doi 10.1016/j.ocemod.2003.09.003), at T, U, V and F points:

    s = 1 + eta/H,  eta_U = (area_i eta_i + area_{i+1} eta_{i+1}) / (2 area_u),  eta_F the mean of the wet cells

Transport through the faces of a cell, and continuity, integrated from the bottom up:

    U_i = dy_u h_u s_u u_i,   V_j = dx_v h_v s_v v_j                               [m3 s-1]
    W_k = W_{k+1} - div_k - area_t (h_k/H) deta/dt,   div_k = U_i - U_{i-1} + V_j - V_{j-1}
    deta/dt = fresh - sum_k div_k / area_t

W_k is the flow up through the (moving) top of cell k; W_0 = 0. With the linear free surface the
layers do not move, the h_k/H term is absent and W_0 is the flow through the resting surface.

Adjoint. stretch: eta_ad_i += sum over the points p around T of (d s_p/d eta_i) s_ad_p, the weights above.
transports: u_ad += dy_u h_u s_u U_ad,  s_u_ad += sum_k dy_u h_u u U_ad. continuity: with
D_k = sum_{k' <= k} W_ad_k' (top down) and R = sum_k (h_k/H) D_k, the adjoint of div_k is
g_k = -D_k + R, fresh_ad -= area_t R, and U_ad_i += g_k(i) - g_k(i+1), V_ad_j += g_k(j) - g_k(j+1).
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, typed
from ogcm.operators.stencils import over_wet_cells_f


@point
def eta_u(eta, grid, j, i):
    """Return eta at a U point [m], the mean weighted by the areas of the cells; 0 on closed faces."""
    weighted = grid.area_t[j, i] * eta[j, i] + grid.area_t[j, i + ONE] * eta[j, i + ONE]
    return grid.mask_u[0, j, i] * (HALF * weighted * grid.r_area_u[j, i])


@point
def eta_v(eta, grid, j, i):
    """Return eta at a V point [m], the mean weighted by the areas of the cells; 0 on closed faces."""
    weighted = grid.area_t[j, i] * eta[j, i] + grid.area_t[j + 1, i] * eta[j + 1, i]
    return grid.mask_v[0, j, i] * (HALF * weighted * grid.r_area_v[j, i])


@point
def eta_f(eta, grid, j, i):
    """Return the mean eta of the wet cells around an F point [m]."""
    total = eta[j, i] + eta[j, i + ONE] + eta[j + 1, i] + eta[j + 1, i + ONE]
    return over_wet_cells_f(total, grid, 0, j, i)


@kernel
def stretch(eta, grid, s_t, s_u, s_v, s_f):
    """Compute the stretching of the layers, s = 1 + eta/H.

    Parameters
    ----------
    eta : ndarray, shape (nj, ni)
        Sea surface height [m], 0 on land.
    grid : Grid
        Metric terms and masks.
    s_t, s_u, s_v, s_f : ndarray, shape (nj, ni)
        Stretching at T, U, V and F points [1], written everywhere but in the last row and column.
    """
    nj, ni = eta.shape
    for j in prange(nj - 1):
        for ii in range(ni - 1):
            i = np.uintp(ii)
            s_t[j, i] = 1 + grid.nonlinear * eta[j, i] * grid.r_depth_t[j, i]
            s_u[j, i] = 1 + grid.nonlinear * eta_u(eta, grid, j, i) * grid.r_depth_u[j, i]
            s_v[j, i] = 1 + grid.nonlinear * eta_v(eta, grid, j, i) * grid.r_depth_v[j, i]
        for ii in range(ni - 1):  # LLVM gives up on all four in one loop
            i = np.uintp(ii)
            s_f[j, i] = 1 + grid.nonlinear * eta_f(eta, grid, j, i) * grid.r_depth_f[j, i]


@kernel
def transports(u, v, s_u, s_v, grid, U, V):
    """Compute the volume transports of a velocity, halo included.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    s_u, s_v : ndarray, shape (nj, ni)
        Stretching of the layers at U and V points [1].
    grid : Grid
        Metric terms and masks.
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1], written everywhere.
    """
    nk, nj, ni = u.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                U[k, j, i] = u[k, j, i] * grid.dy_u[j, i] * grid.h_u[k, j, i] * s_u[j, i]
            for ii in range(ni):  # two loops were measured to be faster than one
                i = np.uintp(ii)
                V[k, j, i] = v[k, j, i] * grid.dx_v[j, i] * grid.h_v[k, j, i] * s_v[j, i]


@point
def horizontal_divergence(U, V, k, j, i):
    """Return div_k = U_i - U_{i-1} + V_j - V_{j-1} of a cell [m3 s-1]."""
    return U[k, j, i] - U[k, j, i - ONE] + V[k, j, i] - V[k, j - 1, i]


@kernel
def continuity(U, V, fresh, grid, W):
    """Compute the upward transports between the layers, on the interior and one cell around it.

    Parameters
    ----------
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    fresh : ndarray, shape (nj, ni)
        Volume gained through the surface [m s-1].
    grid : Grid
        Metric terms and masks.
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1]; 0 at the bottom.
    """
    nk, nj, ni = U.shape
    for j in prange(HALO - 1, nj - HALO + 1):
        for ii in range(HALO - 1, ni - HALO + 1):
            i = np.uintp(ii)
            W[0, j, i] = grid.area_t[j, i] * fresh[j, i]
            W[nk, j, i] = 0
        for k in range(nk):
            for ii in range(HALO - 1, ni - HALO + 1):
                i = np.uintp(ii)
                W[0, j, i] -= horizontal_divergence(U, V, k, j, i)
        for ii in range(HALO - 1, ni - HALO + 1):  # W_0 is now the rate of change of the volume of the column
            i = np.uintp(ii)
            W[0, j, i] *= grid.nonlinear * grid.r_depth_t[j, i]
        for k in range(nk - 1, 0, -1):
            for ii in range(HALO - 1, ni - HALO + 1):
                i = np.uintp(ii)
                swelling = grid.h_t[k, j, i] * W[0, j, i]
                W[k, j, i] = W[k + 1, j, i] - horizontal_divergence(U, V, k, j, i) - swelling
        for ii in range(HALO - 1, ni - HALO + 1):
            i = np.uintp(ii)
            still = typed(1.0, grid.nonlinear) - grid.nonlinear
            W[0, j, i] = still * (W[1, j, i] - horizontal_divergence(U, V, 0, j, i))
