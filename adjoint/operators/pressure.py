"""Adjoint of `ogcm/operators/pressure.py`.

hydrostatic_pressure   p_0 = g eta - b_0 s h_0/2,   p_k = p_{k-1} - (b_{k-1} + b_k) s (h_{k-1} + h_k)/4.
                       With A_k = sum_{k' >= k} p_ad_k' and c_k = (h_{k-1} + h_k)/4 A_k:

    eta_ad += g A_0,   b_ad_0 -= s h_0/2 A_0,   b_ad_k -= s (c_k + c_{k+1}),
    s_ad   -= b_0 h_0/2 A_0 + sum_{k > 0} (b_{k-1} + b_k) c_k

pressure_gradient      G_u_i -= mask/dx_u [ p_{i+1} - p_i - (b_i + b_{i+1})/2 (z_{i+1} - z_i) ].
                       With P_i = mask/dx_u G_u_ad (likewise along j):

    p_ad_i += P_i - P_{i-1},    b_ad_i += [ P_i (z_{i+1} - z_i) + P_{i-1} (z_i - z_{i-1}) ]/2
    z_ad_i  = -(b_i + b_{i+1})/2 P_i + (b_{i-1} + b_i)/2 P_{i-1},    s_t_ad += sum_k z_t z_ad,   eta_ad += sum_k z_ad

They need b, eta and s_t of the forward run. No kinks.
"""

import numpy as np
from numba import prange

from adjoint.operators.stencils import per_dx_u, per_dy_v
from ogcm.backend import HALF, HALO, ONE, QUARTER, kernel
from ogcm.operators.pressure import height


@kernel
def hydrostatic_pressure_ad(b, eta, s_t, grid, p_ad, b_ad, eta_ad, s_t_ad):
    """Add the adjoint of the hydrostatic pressure.

    Parameters
    ----------
    b : ndarray, shape (nk, nj, ni)
        Buoyancy at T points [m s-2].
    eta : ndarray, shape (nj, ni)
        Sea surface height [m].
    s_t : ndarray, shape (nj, ni)
        Stretching of the layers at T points [1].
    grid : Grid
        Metric terms and masks.
    p_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the pressure.
    b_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the buoyancy, added to.
    eta_ad : ndarray, shape (nj, ni)
        Adjoint of the sea surface height, added to.
    s_t_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    """
    nk, nj, ni = b.shape
    for j in prange(HALO, nj - HALO):
        A, c_below = np.zeros(ni, p_ad.dtype), np.zeros(ni, p_ad.dtype)
        for k in range(nk - 1, 0, -1):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                A[i] += p_ad[k, j, i]
                c = QUARTER * (grid.h_t[k - 1, j, i] + grid.h_t[k, j, i]) * A[i]
                b_ad[k, j, i] -= s_t[j, i] * (c + c_below[i])
                s_t_ad[j, i] -= (b[k - 1, j, i] + b[k, j, i]) * c
                c_below[i] = c
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            A[i] += p_ad[0, j, i]
            c = HALF * grid.h_t[0, j, i] * A[i]
            b_ad[0, j, i] -= s_t[j, i] * (c + c_below[i])
            s_t_ad[j, i] -= b[0, j, i] * c
            eta_ad[j, i] += grid.gravity * A[i]


@kernel
def pressure_gradient_ad(p, b, eta, s_t, grid, G_u_ad, G_v_ad, p_ad, b_ad, eta_ad, s_t_ad):
    """Add the adjoint of the pressure gradient.

    Parameters
    ----------
    p : ndarray, shape (nk, nj, ni)
        Pressure over rho0 at T points [m2 s-2].
    b : ndarray, shape (nk, nj, ni)
        Buoyancy at T points [m s-2].
    eta : ndarray, shape (nj, ni)
        Sea surface height [m].
    s_t : ndarray, shape (nj, ni)
        Stretching of the layers at T points [1].
    grid : Grid
        Metric terms and masks.
    G_u_ad, G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration, halo filled.
    p_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the pressure, overwritten.
    b_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the buoyancy, overwritten.
    eta_ad : ndarray, shape (nj, ni)
        Adjoint of the sea surface height, added to.
    s_t_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    """
    nk, nj, ni = p.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here, middle = height(eta, s_t, grid, k, j, i), b[k, j, i]
                east, west = per_dx_u(G_u_ad, grid, k, j, i), per_dx_u(G_u_ad, grid, k, j, i - ONE)
                north, south = per_dy_v(G_v_ad, grid, k, j, i), per_dy_v(G_v_ad, grid, k, j - 1, i)
                p_ad[k, j, i] = (east - west) + (north - south)
                lifted_x = east * (height(eta, s_t, grid, k, j, i + ONE) - here)
                lifted_x += west * (here - height(eta, s_t, grid, k, j, i - ONE))
                lifted_y = north * (height(eta, s_t, grid, k, j + 1, i) - here)
                lifted_y += south * (here - height(eta, s_t, grid, k, j - 1, i))
                b_ad[k, j, i] = HALF * (lifted_x + lifted_y)
                heavy_x = west * (b[k, j, i - ONE] + middle) - east * (middle + b[k, j, i + ONE])
                heavy_y = south * (b[k, j - 1, i] + middle) - north * (middle + b[k, j + 1, i])
                z_ad = HALF * (heavy_x + heavy_y)
                s_t_ad[j, i] += grid.z_t[k, j, i] * z_ad
                eta_ad[j, i] += grid.nonlinear * z_ad
