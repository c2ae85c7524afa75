"""Vertical diffusion and friction, implicit in time (backward Euler), one tridiagonal solve a column.

    d(hT)/dt = delta_k( kappa dT/dz ),    du/dt = d/dz( nu du/dz ) - (drag/h) u at the bottom

With the new thickness h_k = s h0_k, the conductance of an interface a_k = dt kappa_k / (s (h0_{k-1} + h0_k)/2),
a_0 = 0 and a = 0 below the last wet cell:

    h_k x_k + a_k (x_k - x_{k-1}) + a_{k+1} (x_k - x_{k+1}) [+ dt drag x_k at the bottom] = r_k

r is the content (h T) that the explicit terms left, or h u* for velocity. Thomas' algorithm without
pivoting, safe because the matrix A is an M-matrix; h T is conserved and a constant kept to round-off.

Adjoint. A is symmetric, so with A y = x_ad: r_ad = y; what the coefficients passed on is
a_k_ad = -(x_k - x_{k-1}) (y_k - y_{k-1}), h_k_ad = -x_k y_k (+ u*_k y_k for velocity), drag_ad = -dt x_b y_b;
kappa_ad and s_ad follow by the chain rule through a and h. It needs x, the result of the forward solve.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, typed


@point
def wet(bottom, k, j, i):
    return k < bottom[j, i]


@point
def conductance_t(kappa_v, s, dt, grid, k, j, i):
    """a_k of a T column; 0 below its last cell."""
    distance = s[j, i] * HALF * (grid.h_t[k - 1, j, i] + grid.h_t[k, j, i])
    return dt * kappa_v[k, j, i] / distance if k < grid.bottom_t[j, i] else typed(0.0, dt) * s[j, i]


@point
def conductance_u(nu_v, s, dt, grid, k, j, i):
    distance = s[j, i] * (grid.h_u[k - 1, j, i] + grid.h_u[k, j, i])
    pair = nu_v[k, j, i] + nu_v[k, j, i + ONE]
    return dt * pair / distance if k < grid.bottom_u[j, i] else typed(0.0, dt) * s[j, i]


@point
def conductance_v(nu_v, s, dt, grid, k, j, i):
    distance = s[j, i] * (grid.h_v[k - 1, j, i] + grid.h_v[k, j, i])
    pair = nu_v[k, j, i] + nu_v[k, j + 1, i]
    return dt * pair / distance if k < grid.bottom_v[j, i] else typed(0.0, dt) * s[j, i]


@kernel
def diffuse_tracer_vertically(content, kappa_v, s_t, dt, grid, T):
    """T (nk, nj, ni) from the content h T [K m]; kappa_v (nk + 1, nj, ni) [m2 s-1]; 0 on land."""
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        ratio = np.zeros((nk + 1, ni), T.dtype)  # of the eliminated superdiagonal
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                above = conductance_t(kappa_v, s_t, dt, grid, k, j, i) if k > 0 else typed(0.0, dt) * s_t[j, i]
                below = conductance_t(kappa_v, s_t, dt, grid, k + 1, j, i) if k + 1 < nk else typed(0.0, dt) * s_t[j, i]
                water = grid.mask_t[k, j, i] == 1
                h = grid.h_t[k, j, i] * s_t[j, i] if water else typed(1.0, dt) + typed(0.0, dt) * s_t[j, i]
                r = content[k, j, i] if water else typed(0.0, dt) * s_t[j, i]
                higher = T[max(k - 1, 0), j, i] if k > 0 else typed(0.0, dt) * s_t[j, i]
                pivot = h + below + above * (typed(1.0, dt) - ratio[k, i])
                ratio[k + 1, i] = below / pivot
                T[k, j, i] = (r + above * higher) / pivot
        for k in range(nk - 2, -1, -1):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                T[k, j, i] += ratio[k + 1, i] * T[k + 1, j, i]


@kernel
def diffuse_u_vertically(u_star, nu_v, drag, s_u, dt, grid, u):
    """u (nk, nj, ni) [m s-1] after vertical friction nu_v [m2 s-1] and bottom drag (nj, ni) [m s-1]."""
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        ratio = np.zeros((nk + 1, ni), u.dtype)
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                above = conductance_u(nu_v, s_u, dt, grid, k, j, i) if k > 0 else typed(0.0, dt) * s_u[j, i]
                below = conductance_u(nu_v, s_u, dt, grid, k + 1, j, i) if k + 1 < nk else typed(0.0, dt) * s_u[j, i]
                h = grid.h_u[k, j, i] * s_u[j, i]
                rub = dt * drag[j, i] if k + 1 == grid.bottom_u[j, i] else typed(0.0, dt) * drag[j, i]
                r = h * u_star[k, j, i] if grid.mask_u[k, j, i] == 1 else typed(0.0, dt) * h
                higher = u[max(k - 1, 0), j, i] if k > 0 else typed(0.0, dt) * h
                pivot = h + rub + below + above * (typed(1.0, dt) - ratio[k, i])
                ratio[k + 1, i] = below / pivot
                u[k, j, i] = (r + above * higher) / pivot
        for k in range(nk - 2, -1, -1):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                u[k, j, i] += ratio[k + 1, i] * u[k + 1, j, i]


@kernel
def diffuse_v_vertically(v_star, nu_v, drag, s_v, dt, grid, v):
    """As `diffuse_u_vertically`, at V points."""
    nk, nj, ni = v.shape
    for j in prange(HALO, nj - HALO):
        ratio = np.zeros((nk + 1, ni), v.dtype)
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                above = conductance_v(nu_v, s_v, dt, grid, k, j, i) if k > 0 else typed(0.0, dt) * s_v[j, i]
                below = conductance_v(nu_v, s_v, dt, grid, k + 1, j, i) if k + 1 < nk else typed(0.0, dt) * s_v[j, i]
                h = grid.h_v[k, j, i] * s_v[j, i]
                rub = dt * drag[j, i] if k + 1 == grid.bottom_v[j, i] else typed(0.0, dt) * drag[j, i]
                r = h * v_star[k, j, i] if grid.mask_v[k, j, i] == 1 else typed(0.0, dt) * h
                higher = v[max(k - 1, 0), j, i] if k > 0 else typed(0.0, dt) * h
                pivot = h + rub + below + above * (typed(1.0, dt) - ratio[k, i])
                ratio[k + 1, i] = below / pivot
                v[k, j, i] = (r + above * higher) / pivot
        for k in range(nk - 2, -1, -1):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                v[k, j, i] += ratio[k + 1, i] * v[k + 1, j, i]
