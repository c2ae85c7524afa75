"""Advance of the state by the explicit tendencies, with vertical diffusion and friction implicit in time.

The implicit part is backward Euler, one tridiagonal solve for each column:

    d(hT)/dt = G + D + delta_k( kappa dT/dz ),    du/dt = G + D + d/dz( nu du/dz ) - (drag/h) u at the bottom

With the new thickness h_k = s h0_k, the conductance of an interface a_k = dt kappa_k / (s (h0_{k-1} + h0_k)/2),
a_0 = 0 and a = 0 below the last wet cell (kappa at U and V points is the mean of the two columns beside):

    h_k x_k + a_k (x_k - x_{k-1}) + a_{k+1} (x_k - x_{k+1}) [+ dt drag x_k at the bottom] = r_k

r holds the explicit terms: h0_k s_n T_n + dt (G + D) for a tracer, h_k (u_n + dt (G + D)) for velocity;
G changes with the stage of the step, D does not. Thomas' algorithm without pivoting, safe because the matrix A is an
M-matrix; h T is conserved and a constant kept to round-off. Cells on land are rows x_k = 0 of their own, and none
of their inputs is used, NaN included.

Tracers in float32 (`advance_tracer_single`). A step may change T by less than the last digit of a float32; rounded to
nearest, a slow tendency is lost, or doubled, in every step. So the system is solved for the increment y = x - T_n,

    h_k y_k + a_k (y_k - y_{k-1}) + a_{k+1} (y_k - y_{k+1})
        = dt (G + D) + h0_k (s_n - s) T_n + [ a_k (T_{k-1} - T_k) + a_{k+1} (T_{k+1} - T_k) ]_n

which is added from the bottom up; what the rounding of a cell leaves of its content goes to the cell above:

    T_k = T_n + round( y_k + left_{k+1}/h_k + (d_k - 1/2) ulp ),    left_k = h_k (y_k - (T_k - T_n)) + left_{k+1}

A column thus loses at most the last digit of its first cell, and that at random: the dither d, between 0 and 1, takes
all values equally often in the course of the steps (stochastic rounding, Paxton et al. 2022, doi
10.1175/JCLI-D-21-0343.1, with an even sequence in place of random numbers, the same for all columns, so that water at
rest stays at rest). What does not change keeps its bits.

Adjoint. A x = r is differentiated to A dx = dr - dA x, so that with A y = x_ad (A is symmetric: the same
solve), x_ad . dx = y . dr - y . dA x. Term by term:

    r_ad_k    = y_k,   T_n_ad_k += h0_k s_n y_k,   s_n_ad += sum_k h0_k T_n y_k,   G_ad_k = D_ad_k = dt y_k
    u_n_ad_k += h_k y_k,                           G_ad_k = D_ad_k = dt h_k y_k
    h_ad_k    = -x_k y_k                               (+ (u_n + dt (G + D)) y_k for velocity)
    a_ad_k    = -(x_k - x_{k-1}) (y_k - y_{k-1})       0 < k < bottom
    drag_ad   = -dt x_b y_b                            b the last wet cell
    kappa_ad  = a_ad dt / (s (h0_{k-1} + h0_k)/2)      (half of it to each column beside a velocity point)
    s_ad      = sum_k h0_k h_ad_k - sum_k a_k a_ad_k / s

The adjoint needs x, the result of the forward solve. No kinks: land and bottom are part of the grid, and rounding
counts as the identity.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, absolute, kernel, point, typed

NEXT_FLOAT = np.float32(0.75 * 2.0**-23)  # T + NEXT_FLOAT T is rounded to the float32 beside T
GOLDEN_RATIO = 0.5 + np.sqrt(1.25)


@point
def conductance_t(kappa_v, s, dt, grid, k, j, i):
    """Return a_k of a T column [m]; 0 below its last cell."""
    distance = s[j, i] * HALF * (grid.h_t[k - 1, j, i] + grid.h_t[k, j, i])
    return dt * kappa_v[k, j, i] / distance if k < grid.bottom_t[j, i] else typed(0.0, dt)


@point
def conductance_u(nu_v, s, dt, grid, k, j, i):
    """Return a_k of a U column [m]; 0 below its last cell."""
    distance = s[j, i] * (grid.h_u[k - 1, j, i] + grid.h_u[k, j, i])
    return dt * (nu_v[k, j, i] + nu_v[k, j, i + ONE]) / distance if k < grid.bottom_u[j, i] else typed(0.0, dt)


@point
def conductance_v(nu_v, s, dt, grid, k, j, i):
    """Return a_k of a V column [m]; 0 below its last cell."""
    distance = s[j, i] * (grid.h_v[k - 1, j, i] + grid.h_v[k, j, i])
    return dt * (nu_v[k, j, i] + nu_v[k, j + 1, i]) / distance if k < grid.bottom_v[j, i] else typed(0.0, dt)


@point
def eliminate(diagonal, above, below, r, ratio, higher):
    """Eliminate x_{k-1} from the row of cell k: return its superdiagonal and right-hand side, both over the pivot."""
    one = typed(1.0, r)
    inverse = one / (diagonal + below + above * (one - ratio))
    return below * inverse, (r + above * higher) * inverse


@point
def substitute_back(ratio, x, j):
    """Substitute back in the columns of row j, from the bottom up: x_k += ratio_k x_{k+1}."""
    nk, _, ni = x.shape
    for k in range(nk - 2, -1, -1):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            x[k, j, i] += ratio[k, i] * x[k + 1, j, i]


@kernel
def advance_tracer(T_n, s_n, G, D, kappa_v, s_t, dt, grid, T):
    """Advance a tracer by dt with explicit tendencies and implicit vertical diffusion.

    Parameters
    ----------
    T_n : ndarray, shape (nk, nj, ni)
        Tracer before the step [degC or g kg-1].
    s_n : ndarray, shape (nj, ni)
        Stretching of the layers before [1].
    G, D : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendencies of the stage and of the slow physics [K m s-1].
    kappa_v : ndarray, shape (nk + 1, nj, ni)
        Vertical diffusivity at the tops of the cells [m2 s-1].
    s_t : ndarray, shape (nj, ni)
        Stretching of the layers after [1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    T : ndarray, shape (nk, nj, ni)
        Tracer after the step, written on the interior; 0 on land.
    """
    nk, nj, ni = T.shape
    zero, one = T.dtype.type(0), T.dtype.type(1)
    for j in prange(HALO, nj - HALO):
        ratio, a = np.empty((nk, ni), T.dtype), np.zeros(ni, T.dtype)  # a at the top of a cell
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water = grid.mask_t[k, j, i] == 1
                a_base = conductance_t(kappa_v, s_t, dt, grid, k + 1, j, i) if k + 1 < nk else zero
                h = grid.h_t[k, j, i] * s_t[j, i] if water else one
                content = grid.h_t[k, j, i] * s_n[j, i] * T_n[k, j, i] + dt * (G[k, j, i] + D[k, j, i])
                r = content if water else zero
                higher = T[max(k - 1, 0), j, i] if k > 0 else zero
                ratio_above = ratio[max(k - 1, 0), i] if k > 0 else zero
                ratio[k, i], T[k, j, i] = eliminate(h, a[i], a_base, r, ratio_above, higher)
                a[i] = a_base
        substitute_back(ratio, T, j)


def dither_increments(layers: int) -> np.ndarray:
    """Return by how much the dither of each layer grows in a step; the dither is the fraction of the steps times this.

    No integer combination of these numbers is an integer, so that over the steps the layers take all combinations of
    values equally often; the first layer, whose rounding is not corrected, has the most even sequence.

    Parameters
    ----------
    layers : int
        Number of layers.

    Returns
    -------
    ndarray, shape (layers,)
        The increments [1].
    """
    return GOLDEN_RATIO * 2.0 ** (np.arange(layers) / (layers + 1))


@kernel
def advance_tracer_single(T_n, s_n, G, D, kappa_v, s_t, dt, dither, grid, T):
    """Advance a tracer as `advance_tracer` does, in float32.

    Parameters
    ----------
    T_n : ndarray, shape (nk, nj, ni)
        Tracer before the step [degC or g kg-1].
    s_n : ndarray, shape (nj, ni)
        Stretching of the layers before [1].
    G, D : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendencies of the stage and of the slow physics [K m s-1].
    kappa_v : ndarray, shape (nk + 1, nj, ni)
        Vertical diffusivity at the tops of the cells [m2 s-1].
    s_t : ndarray, shape (nj, ni)
        Stretching of the layers after [1].
    dt : float
        Time step [s].
    dither : ndarray, shape (nk,)
        Dither of the step, between 0 and 1.
    grid : Grid
        Metric terms and masks.
    T : ndarray, shape (nk, nj, ni)
        Tracer after the step, written on the interior; 0 on land.
    """
    nk, nj, ni = T.shape
    zero, one = T.dtype.type(0), T.dtype.type(1)
    for j in prange(HALO, nj - HALO):
        ratio, a = np.empty((nk, ni), T.dtype), np.zeros(ni, T.dtype)  # a at the top of a cell
        y, left = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype)
        for k in range(nk):
            above, below = max(k - 1, 0), max(min(k + 1, nk - 1), 0)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water = grid.mask_t[k, j, i] == 1
                a_base = conductance_t(kappa_v, s_t, dt, grid, k + 1, j, i) if k + 1 < nk else zero
                from_above = a[i] * (T_n[above, j, i] - T_n[k, j, i])
                from_below = a_base * (T_n[below, j, i] - T_n[k, j, i])
                mixed = from_above + from_below if k + 1 < grid.bottom_t[j, i] else from_above
                h = grid.h_t[k, j, i] * s_t[j, i] if water else one
                swelling = grid.h_t[k, j, i] * (s_n[j, i] - s_t[j, i]) * T_n[k, j, i]
                gain = swelling + dt * (G[k, j, i] + D[k, j, i]) + mixed
                r = gain if water else zero
                higher = T[above, j, i] if k > 0 else zero
                ratio_above = ratio[max(k - 1, 0), i] if k > 0 else zero
                ratio[k, i], T[k, j, i] = eliminate(h, a[i], a_base, r, ratio_above, higher)
                a[i] = a_base
        for k in range(nk - 1, -1, -1):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water = grid.mask_t[k, j, i] == 1
                old, h = T_n[k, j, i] if water else zero, grid.h_t[k, j, i] * s_t[j, i] if water else one
                y[i] = T[k, j, i] + ratio[k, i] * y[i]
                wanted = y[i] + left[i] / h
                digit = absolute((old + NEXT_FLOAT * old) - old)
                T[k, j, i] = old + (wanted + (dither[k] - HALF) * digit)
                left[i] = h * (wanted - (T[k, j, i] - old))


@kernel
def advance_u(u_n, G, D, nu_v, drag, s_u, dt, grid, u):
    """Advance u by dt with explicit accelerations and implicit vertical friction and bottom drag.

    Parameters
    ----------
    u_n : ndarray, shape (nk, nj, ni)
        Velocity before the step at U points [m s-1].
    G, D : ndarray, shape (nk, nj, ni)
        Accelerations of the stage and of the slow physics [m s-2].
    nu_v : ndarray, shape (nk + 1, nj, ni)
        Vertical viscosity at the tops of the T columns [m2 s-1].
    drag : ndarray, shape (nj, ni)
        Drag velocity of the bottom at U points [m s-1].
    s_u : ndarray, shape (nj, ni)
        Stretching of the layers after the step [1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    u : ndarray, shape (nk, nj, ni)
        Velocity after the step [m s-1], written on the interior; 0 on land.
    """
    nk, nj, ni = u.shape
    zero, one = u.dtype.type(0), u.dtype.type(1)
    for j in prange(HALO, nj - HALO):
        ratio, a = np.empty((nk, ni), u.dtype), np.zeros(ni, u.dtype)  # a at the top of a cell
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water = grid.mask_u[k, j, i] == 1
                a_base = conductance_u(nu_v, s_u, dt, grid, k + 1, j, i) if k + 1 < nk else zero
                h = grid.h_u[k, j, i] * s_u[j, i] if water else one
                r = h * (u_n[k, j, i] + dt * (G[k, j, i] + D[k, j, i])) if water else zero
                drag_dt = dt * drag[j, i] if k + 1 == grid.bottom_u[j, i] else zero
                higher = u[max(k - 1, 0), j, i] if k > 0 else zero
                ratio_above = ratio[max(k - 1, 0), i] if k > 0 else zero
                ratio[k, i], u[k, j, i] = eliminate(h + drag_dt, a[i], a_base, r, ratio_above, higher)
                a[i] = a_base
        substitute_back(ratio, u, j)


@kernel
def advance_v(v_n, G, D, nu_v, drag, s_v, dt, grid, v):
    """Advance v by dt with explicit accelerations and implicit vertical friction and bottom drag.

    Parameters
    ----------
    v_n : ndarray, shape (nk, nj, ni)
        Velocity before the step at V points [m s-1].
    G, D : ndarray, shape (nk, nj, ni)
        Accelerations of the stage and of the slow physics [m s-2].
    nu_v : ndarray, shape (nk + 1, nj, ni)
        Vertical viscosity at the tops of the T columns [m2 s-1].
    drag : ndarray, shape (nj, ni)
        Drag velocity of the bottom at V points [m s-1].
    s_v : ndarray, shape (nj, ni)
        Stretching of the layers after the step [1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    v : ndarray, shape (nk, nj, ni)
        Velocity after the step [m s-1], written on the interior; 0 on land.
    """
    nk, nj, ni = v.shape
    zero, one = v.dtype.type(0), v.dtype.type(1)
    for j in prange(HALO, nj - HALO):
        ratio, a = np.empty((nk, ni), v.dtype), np.zeros(ni, v.dtype)  # a at the top of a cell
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water = grid.mask_v[k, j, i] == 1
                a_base = conductance_v(nu_v, s_v, dt, grid, k + 1, j, i) if k + 1 < nk else zero
                h = grid.h_v[k, j, i] * s_v[j, i] if water else one
                r = h * (v_n[k, j, i] + dt * (G[k, j, i] + D[k, j, i])) if water else zero
                drag_dt = dt * drag[j, i] if k + 1 == grid.bottom_v[j, i] else zero
                higher = v[max(k - 1, 0), j, i] if k > 0 else zero
                ratio_above = ratio[max(k - 1, 0), i] if k > 0 else zero
                ratio[k, i], v[k, j, i] = eliminate(h + drag_dt, a[i], a_base, r, ratio_above, higher)
                a[i] = a_base
        substitute_back(ratio, v, j)
