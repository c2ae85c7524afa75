"""Adjoint of `ogcm/operators/vertical_diffusion.py`.

The new state solves A x = r in each column, A = diag(h) + conductances a, drag in the last cell; A is symmetric. With
A y = x_ad, solved beside A x = r with the same elimination, and the derivatives of the rows:

    tracer     r_k = h0_k s_n T_n + dt (G + D),   h_k = h0_k s_t:
               T_n_ad += h0 s_n y,   s_n_ad += sum_k h0 T_n y,   G_ad += dt y,   D_ad += dt y
               h_ad_k = -x_k y_k
    velocity   r_k = h_k (u_n + dt (G + D)),      h_k = h0_k s_u:
               u_n_ad += h y,   G_ad += dt h y,   D_ad += dt h y,   drag_ad -= dt x_b y_b
               h_ad_k = (u_n + dt (G + D) - x_k) y_k
    both       a_ad_k = -(x_k - x_{k-1}) (y_k - y_{k-1}),   a_k = dt kappa_k / (s (h0_{k-1} + h0_k)/2)
               kappa_ad_k += a_ad_k a_k/kappa_k,   s_ad += sum_k h0_k h_ad_k - sum_k a_k a_ad_k/s

The viscosity at a U point is the mean of the two columns beside it: what the faces passed on is kept at the faces
(`face`, nk + 1), exchanged, and gathered by the columns. No kinks.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, scalar, typed
from ogcm.halo import exchange
from ogcm.operators.vertical_diffusion import conductance_t, conductance_u, conductance_v, eliminate


@scalar
def solve_both(diagonal, a, ratio, x, y):
    """x and y (nk, ni), at first the right-hand sides of a row of columns, become the solutions."""
    nk, ni = x.shape
    for ii in range(HALO, ni - HALO):
        i = np.uintp(ii)
        ratio[0, i] = 0
    for k in range(nk):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            x_above = x[max(k - 1, 0), i] if k > 0 else typed(0.0, a[k, i])
            y_above = y[max(k - 1, 0), i] if k > 0 else typed(0.0, a[k, i])
            _, y[k, i] = eliminate(diagonal[k, i], a[k, i], a[k + 1, i], y[k, i], ratio[k, i], y_above)
            ratio[k + 1, i], x[k, i] = eliminate(diagonal[k, i], a[k, i], a[k + 1, i], x[k, i], ratio[k, i], x_above)
    for k in range(nk - 2, -1, -1):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            x[k, i] += ratio[k + 1, i] * x[k + 1, i]
            y[k, i] += ratio[k + 1, i] * y[k + 1, i]


@kernel
def advance_tracer_ad(T_n, s_n, G, D, kappa_v, s_t, dt, grid, T_ad, T_n_ad, s_n_ad, G_ad, D_ad, kappa_v_ad, s_t_ad):
    nk, nj, ni = T_n.shape
    zero, one = T_n.dtype.type(0), T_n.dtype.type(1)
    for j in prange(HALO, nj - HALO):
        a, ratio = np.zeros((nk + 1, ni), T_n.dtype), np.empty((nk + 1, ni), T_n.dtype)
        h, x, y = (np.empty((nk, ni), T_n.dtype), np.empty((nk, ni), T_n.dtype), np.empty((nk, ni), T_n.dtype))
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water = grid.mask_t[k, j, i] == 1
                a[k + 1, i] = conductance_t(kappa_v, s_t, dt, grid, k + 1, j, i) if k + 1 < nk else zero
                h[k, i] = grid.h_t[k, j, i] * s_t[j, i] if water else one
                content = grid.h_t[k, j, i] * s_n[j, i] * T_n[k, j, i] + dt * (G[k, j, i] + D[k, j, i])
                x[k, i] = content if water else zero
                y[k, i] = T_ad[k, j, i] if water else zero
        solve_both(h, a, ratio, x, y)
        for k in range(nk):
            above = max(k - 1, 0)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                h0 = grid.h_t[k, j, i]
                T_n_ad[k, j, i] += h0 * s_n[j, i] * y[k, i]
                s_n_ad[j, i] += h0 * T_n[k, j, i] * y[k, i]
                G_ad[k, j, i] += dt * y[k, i]
                D_ad[k, j, i] += dt * y[k, i]
                a_ad = -(x[k, i] - x[above, i]) * (y[k, i] - y[above, i])
                distance = s_t[j, i] * HALF * (grid.h_t[above, j, i] + h0)
                kappa_v_ad[k, j, i] += a_ad * dt / distance if k < grid.bottom_t[j, i] and k > 0 else zero
                s_t_ad[j, i] -= h0 * x[k, i] * y[k, i] + a[k, i] * a_ad / s_t[j, i]


@kernel
def advance_u_columns_ad(u_n, G, D, nu_v, drag, s_u, dt, grid, u_ad, u_n_ad, G_ad, D_ad, drag_ad, s_u_ad, face):
    """All but the viscosity's; face is what each U point passed on to the two columns beside it."""
    nk, nj, ni = u_n.shape
    zero, one = u_n.dtype.type(0), u_n.dtype.type(1)
    for j in prange(HALO, nj - HALO):
        a, ratio = np.zeros((nk + 1, ni), u_n.dtype), np.empty((nk + 1, ni), u_n.dtype)
        diagonal, x, y = (np.empty((nk, ni), u_n.dtype), np.empty((nk, ni), u_n.dtype), np.empty((nk, ni), u_n.dtype))
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water = grid.mask_u[k, j, i] == 1
                a[k + 1, i] = conductance_u(nu_v, s_u, dt, grid, k + 1, j, i) if k + 1 < nk else zero
                h = grid.h_u[k, j, i] * s_u[j, i] if water else one
                rub = dt * drag[j, i] if k + 1 == grid.bottom_u[j, i] else zero
                diagonal[k, i] = h + rub
                x[k, i] = h * (u_n[k, j, i] + dt * (G[k, j, i] + D[k, j, i])) if water else zero
                y[k, i] = u_ad[k, j, i] if water else zero
        solve_both(diagonal, a, ratio, x, y)
        for k in range(nk):
            above = max(k - 1, 0)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                h0 = grid.h_u[k, j, i]
                passed = h0 * s_u[j, i] * y[k, i]
                u_n_ad[k, j, i] += passed
                G_ad[k, j, i] += dt * passed
                D_ad[k, j, i] += dt * passed
                drag_ad[j, i] -= dt * x[k, i] * y[k, i] if k + 1 == grid.bottom_u[j, i] else zero
                a_ad = -(x[k, i] - x[above, i]) * (y[k, i] - y[above, i])
                distance = s_u[j, i] * (grid.h_u[above, j, i] + h0)
                face[k, j, i] = a_ad * dt / distance if k < grid.bottom_u[j, i] and k > 0 else zero
                h_ad = (u_n[k, j, i] + dt * (G[k, j, i] + D[k, j, i]) - x[k, i]) * y[k, i]
                s_u_ad[j, i] += h0 * h_ad - a[k, i] * a_ad / s_u[j, i]


@kernel
def columns_beside_u(face, grid, nu_v_ad):
    """The columns gather from the U points beside them."""
    nk, nj, ni = grid.h_u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                nu_v_ad[k, j, i] += face[k, j, i] + face[k, j, i - ONE]


def advance_u_ad(u_n, G, D, nu_v, drag, s_u, dt, grid, u_ad, u_n_ad, G_ad, D_ad, nu_v_ad, drag_ad, s_u_ad):
    face = np.zeros_like(nu_v)
    advance_u_columns_ad(u_n, G, D, nu_v, drag, s_u, dt, grid, u_ad, u_n_ad, G_ad, D_ad, drag_ad, s_u_ad, face)
    exchange(grid, face)
    columns_beside_u(face, grid, nu_v_ad)


@kernel
def advance_v_columns_ad(v_n, G, D, nu_v, drag, s_v, dt, grid, v_ad, v_n_ad, G_ad, D_ad, drag_ad, s_v_ad, face):
    """All but the viscosity's; face is what each V point passed on to the two columns beside it."""
    nk, nj, ni = v_n.shape
    zero, one = v_n.dtype.type(0), v_n.dtype.type(1)
    for j in prange(HALO, nj - HALO):
        a, ratio = np.zeros((nk + 1, ni), v_n.dtype), np.empty((nk + 1, ni), v_n.dtype)
        diagonal, x, y = (np.empty((nk, ni), v_n.dtype), np.empty((nk, ni), v_n.dtype), np.empty((nk, ni), v_n.dtype))
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water = grid.mask_v[k, j, i] == 1
                a[k + 1, i] = conductance_v(nu_v, s_v, dt, grid, k + 1, j, i) if k + 1 < nk else zero
                h = grid.h_v[k, j, i] * s_v[j, i] if water else one
                rub = dt * drag[j, i] if k + 1 == grid.bottom_v[j, i] else zero
                diagonal[k, i] = h + rub
                x[k, i] = h * (v_n[k, j, i] + dt * (G[k, j, i] + D[k, j, i])) if water else zero
                y[k, i] = v_ad[k, j, i] if water else zero
        solve_both(diagonal, a, ratio, x, y)
        for k in range(nk):
            above = max(k - 1, 0)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                h0 = grid.h_v[k, j, i]
                passed = h0 * s_v[j, i] * y[k, i]
                v_n_ad[k, j, i] += passed
                G_ad[k, j, i] += dt * passed
                D_ad[k, j, i] += dt * passed
                drag_ad[j, i] -= dt * x[k, i] * y[k, i] if k + 1 == grid.bottom_v[j, i] else zero
                a_ad = -(x[k, i] - x[above, i]) * (y[k, i] - y[above, i])
                distance = s_v[j, i] * (grid.h_v[above, j, i] + h0)
                face[k, j, i] = a_ad * dt / distance if k < grid.bottom_v[j, i] and k > 0 else zero
                h_ad = (v_n[k, j, i] + dt * (G[k, j, i] + D[k, j, i]) - x[k, i]) * y[k, i]
                s_v_ad[j, i] += h0 * h_ad - a[k, i] * a_ad / s_v[j, i]


@kernel
def columns_beside_v(face, grid, nu_v_ad):
    """The columns gather from the V points beside them."""
    nk, nj, ni = grid.h_v.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                nu_v_ad[k, j, i] += face[k, j, i] + face[k, j - 1, i]


def advance_v_ad(v_n, G, D, nu_v, drag, s_v, dt, grid, v_ad, v_n_ad, G_ad, D_ad, nu_v_ad, drag_ad, s_v_ad):
    face = np.zeros_like(nu_v)
    advance_v_columns_ad(v_n, G, D, nu_v, drag, s_v, dt, grid, v_ad, v_n_ad, G_ad, D_ad, drag_ad, s_v_ad, face)
    exchange(grid, face)
    columns_beside_v(face, grid, nu_v_ad)
