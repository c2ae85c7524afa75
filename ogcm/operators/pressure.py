"""Hydrostatic pressure and its gradient in layers that are not level.

    dp/dz = b,   p(eta) = g eta        (kinematic: p/rho0 [m2 s-2], b = -g rho'/rho0)

    p_0 = g eta - b_0 s h_0/2,    p_k = p_{k-1} - (b_{k-1} + b_k)/2 s (h_{k-1} + h_k)/2
    du/dt += -[ p_{i+1} - p_i - (b_i + b_{i+1})/2 (z_{i+1} - z_i) ] / dx_u

with z = s z_t + eta, the height of the moving cell centre. Both integrals are trapezoidal, so a
resting fluid whose b is linear in z stays at rest over any partial cells; for other profiles the
error is that of the trapezoid over the step between the two centres (Shchepetkin and McWilliams
2003, doi 10.1029/2001JC001047, their standard Jacobian). The result contains the surface part g deta/dx.

Adjoint. With P_i = -mask G_u_ad / dx_u: p_ad_i += P_{i-1} - P_i, b_ad_i -= (P_i (z_{i+1} - z_i) +
P_{i-1} (z_i - z_{i-1}))/2, z_ad_i += (b_i + b_{i+1})/2 P_i - (b_{i-1} + b_i)/2 P_{i-1}, the same along j;
s_t_ad += sum_k z_t z_ad, eta_ad += sum_k z_ad. Integral: with A_k = sum_{k' >= k} p_ad_k' (bottom up),
eta_ad += g A_0, b_ad_k -= s [ (h_{k-1} + h_k)/4 A_k + (h_k + h_{k+1})/4 A_{k+1} ] (k = 0: s h_0/2 A_0 in the
first term), s_ad -= the same sum weighted with b.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, QUARTER, kernel, point


@kernel
def hydrostatic_pressure(b, eta, s_t, grid, p):
    """Compute the kinematic pressure by integration of the buoyancy from the surface down, halo included.

    Parameters
    ----------
    b : ndarray, shape (nk, nj, ni)
        Buoyancy at T points [m s-2], halo filled.
    eta : ndarray, shape (nj, ni)
        Sea surface height [m], halo filled.
    s_t : ndarray, shape (nj, ni)
        Stretching of the layers at T points [1].
    grid : Grid
        Metric terms and masks.
    p : ndarray, shape (nk, nj, ni)
        Pressure over rho0 at T points [m2 s-2], written everywhere.
    """
    nk, nj, ni = b.shape
    for j in prange(nj):
        for ii in range(ni):
            i = np.uintp(ii)
            top = s_t[j, i] * HALF * grid.h_t[0, j, i]
            p[0, j, i] = grid.gravity * eta[j, i] - b[0, j, i] * top
        for k in range(1, nk):
            for ii in range(ni):
                i = np.uintp(ii)
                distance = s_t[j, i] * QUARTER * (grid.h_t[k - 1, j, i] + grid.h_t[k, j, i])
                p[k, j, i] = p[k - 1, j, i] - (b[k - 1, j, i] + b[k, j, i]) * distance


@point
def height(eta, s_t, grid, k, j, i):
    """Return the height of the centre of a moving cell [m]."""
    return s_t[j, i] * grid.z_t[k, j, i] + grid.nonlinear * eta[j, i]


@kernel
def pressure_gradient(p, b, eta, s_t, grid, G_u, G_v):
    """Add the acceleration by the pressure gradient.

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
    G_u, G_v : ndarray, shape (nk, nj, ni)
        Acceleration at U and V points [m s-2]; the result is added on the interior.
    """
    nk, nj, ni = p.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here = height(eta, s_t, grid, k, j, i)
                rise_x = height(eta, s_t, grid, k, j, i + ONE) - here
                rise_y = height(eta, s_t, grid, k, j + 1, i) - here
                along_x = p[k, j, i + ONE] - p[k, j, i] - HALF * (b[k, j, i] + b[k, j, i + ONE]) * rise_x
                along_y = p[k, j + 1, i] - p[k, j, i] - HALF * (b[k, j, i] + b[k, j + 1, i]) * rise_y
                G_u[k, j, i] -= grid.mask_u[k, j, i] * along_x * grid.r_dx_u[j, i]
                G_v[k, j, i] -= grid.mask_v[k, j, i] * along_y * grid.r_dy_v[j, i]
