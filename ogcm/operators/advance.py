"""Explicit updates: from a tendency to a velocity, to a content, to an extrapolated state.

    u = u_n + dt G_u            hT = h s_n T_n + dt G           y = x_n + e (x_n - x_{n-1})

Adjoint: u_n_ad += u_ad, G_ad += dt u_ad; T_n_ad += h s_n hT_ad, s_n_ad += sum_k h T_n hT_ad, G_ad += dt hT_ad;
x_n_ad += (1 + e) y_ad, x_{n-1}_ad -= e y_ad.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel


@kernel
def advance_velocity(u, v, dt, G_u, G_v):
    """G becomes u + dt G [m s-1], in place."""
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                G_u[k, j, i] = u[k, j, i] + dt * G_u[k, j, i]
                G_v[k, j, i] = v[k, j, i] + dt * G_v[k, j, i]


@kernel
def advance_content(T, s_t, dt, grid, G):
    """G becomes h s T + dt G, the content of the cell per area [K m], in place."""
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                G[k, j, i] = grid.h_t[k, j, i] * s_t[j, i] * T[k, j, i] + dt * G[k, j, i]


@kernel
def extrapolate(x, x_before, e, y):
    """y = x + e (x - x_before) of (nk, nj, ni) fields, halo included."""
    nk, nj, ni = x.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                y[k, j, i] = x[k, j, i] + e * (x[k, j, i] - x_before[k, j, i])
