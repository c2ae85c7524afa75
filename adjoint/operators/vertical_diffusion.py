"""Adjoint of `ogcm/operators/vertical_diffusion.py`.

The new state x solves A x = r in each column, A = diag(h) + conductances a, drag in the last cell; A is symmetric. With
y from A y = x_ad, by the same elimination, the derivatives of the rows give:

    both       a_k = c_k kappa_k,   c_k = dt/(s (h0_{k-1} + h0_k)/2):
               a_ad_k = -(x_k - x_{k-1}) (y_k - y_{k-1}),   kappa_ad_k += c_k a_ad_k,   s_ad += -sum_k a_k a_ad_k/s
    tracer     r_k = h0_k s_n T_n + dt (G + D),   h_k = h0_k s_t:
               T_n_ad += h0 s_n y,   s_n_ad += sum_k h0 T_n y,   G_ad += dt y,   D_ad += dt y
               s_t_ad += -sum_k h0 x y
    velocity   r_k = h_k (u_n + dt (G + D)),      h_k = h0_k s_u:
               u_n_ad += h y,   G_ad += dt h y,   D_ad += dt h y,   drag_ad += -dt x_b y_b
               s_u_ad += sum_k h0 (u_n + dt (G + D) - x) y

The rows of the system give h (u_n + dt (G + D) - x): the fluxes a_k (x_k - x_{k-1}) - a_{k+1} (x_{k+1} - x_k) and
the drag. Summed by parts, the last line is once more that of the conductances, and

    s_u_ad += -[ 2 sum_k a_k a_ad_k + drag (-dt x_b y_b) ]/s

so that the adjoint needs the result x of the forward run, and not G, D or u_n. The viscosity at a U point is the mean
of the two columns beside it: the contributions of the faces are kept at the faces (`face`, nk + 1), exchanged, and
gathered by the columns. No kinks.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, kernel, point
from ogcm.halo import exchange
from ogcm.operators.stencils import masked
from ogcm.operators.vertical_diffusion import eliminate


@point
def half_conductance(h, bottom, s, dt, k, j, i):
    """Return c_k/2 [s m-1]; 0 at the surface and below the last cell."""
    zero = h.dtype.type(0)
    return dt / (s[j, i] * (h[k - 1, j, i] + h[k, j, i])) if k < bottom[j, i] else zero


@kernel
def advance_tracer_ad(T, T_n, s_n, kappa_v, s_t, dt, grid, T_ad, T_n_ad, s_n_ad, G_ad, D_ad, kappa_v_ad, s_t_ad):
    """Add the adjoint of the advance of a tracer.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer after the step, the result of the forward kernel [degC or g kg-1].
    T_n : ndarray, shape (nk, nj, ni)
        Tracer before [degC or g kg-1].
    s_n : ndarray, shape (nj, ni)
        Stretching of the layers before [1].
    kappa_v : ndarray, shape (nk + 1, nj, ni)
        Vertical diffusivity at the tops of the cells [m2 s-1].
    s_t : ndarray, shape (nj, ni)
        Stretching of the layers after [1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer after the step.
    T_n_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer before, added to.
    s_n_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching before, added to.
    G_ad, D_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendencies, that of G overwritten and that of D added to.
    kappa_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the diffusivity, added to.
    s_t_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching after, added to.
    """
    nk, nj, ni = T.shape
    zero, one = T.dtype.type(0), T.dtype.type(1)
    for j in prange(HALO, nj - HALO):
        c, a, ratio = np.empty((nk, ni), T.dtype), np.empty((nk, ni), T.dtype), np.empty((nk, ni), T.dtype)
        y_below, total = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype)
        for k in range(nk):
            above = max(k - 1, 0)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                half = half_conductance(grid.h_t, grid.bottom_t, s_t, dt, k + 1, j, i) if k + 1 < nk else zero
                c[k, i] = half + half
                a[k, i] = masked(half > 0, c[k, i] * kappa_v[k + 1, j, i])
                water = grid.mask_t[k, j, i] == 1
                h, r = grid.h_t[k, j, i] * s_t[j, i] if water else one, T_ad[k, j, i] if water else zero
                higher = G_ad[above, j, i] if k > 0 else zero
                a_above, ratio_above = a[above, i] if k > 0 else zero, ratio[above, i] if k > 0 else zero
                ratio[k, i], G_ad[k, j, i] = eliminate(h, a_above, a[k, i], r, ratio_above, higher)
        for k in range(nk - 1, -1, -1):
            below = min(k + 1, nk - 1)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                y = G_ad[k, j, i] + ratio[k, i] * y_below[i]
                volume = grid.h_t[k, j, i] * y
                T_n_ad[k, j, i] += volume * s_n[j, i]
                s_n_ad[j, i] += masked(grid.mask_t[k, j, i], volume * T_n[k, j, i])
                G_ad[k, j, i] = dt * y
                D_ad[k, j, i] += dt * y
                a_ad = (T[k, j, i] - T[below, j, i]) * (y_below[i] - y)
                kappa_v_ad[k + 1, j, i] += c[k, i] * a_ad
                total[i] += a[k, i] * a_ad
                s_t_ad[j, i] -= volume * T[k, j, i]
                y_below[i] = y
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            s_t_ad[j, i] -= total[i] / s_t[j, i]


advance_tracer_single_ad = advance_tracer_ad  # the derivative of rounding is taken as 1


@point
def velocity_ad(
    u, c, a, ratio, y_below, total, h, mask, bottom, drag, s, dt, u_ad, u_n_ad, G_ad, D_ad, drag_ad, s_ad, face, j
):  # fmt: skip
    """Add the adjoint of row j of U or V points, from c and a (nk, ni) at the bases of their cells.

    face is what each point contributes to the viscosity of the two columns beside it. ratio (nk, ni), y_below and
    total (ni,) are work arrays, of which the last two begin as zeros. G_ad holds y between the two sweeps.
    """
    nk, _, ni = u.shape
    zero, one = u.dtype.type(0), u.dtype.type(1)
    for k in range(nk):
        above = max(k - 1, 0)
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            water = mask[k, j, i] == 1
            drag_dt = dt * drag[j, i] if k + 1 == bottom[j, i] else zero
            diagonal, r = h[k, j, i] * s[j, i] + drag_dt if water else one, u_ad[k, j, i] if water else zero
            higher = G_ad[above, j, i] if k > 0 else zero
            a_above, ratio_above = a[above, i] if k > 0 else zero, ratio[above, i] if k > 0 else zero
            ratio[k, i], G_ad[k, j, i] = eliminate(diagonal, a_above, a[k, i], r, ratio_above, higher)
    for k in range(nk - 1, -1, -1):
        below = min(k + 1, nk - 1)
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            y = G_ad[k, j, i] + ratio[k, i] * y_below[i]
            momentum = h[k, j, i] * s[j, i] * y
            u_n_ad[k, j, i] += momentum
            G_ad[k, j, i] = dt * momentum
            D_ad[k, j, i] += dt * momentum
            a_ad = (u[k, j, i] - u[below, j, i]) * (y_below[i] - y)
            face[k + 1, j, i] = c[k, i] * a_ad
            drag_term, last = dt * u[k, j, i] * y, k + 1 == bottom[j, i]
            drag_ad[j, i] -= masked(last, drag_term)
            total[i] += a[k, i] * (a_ad + a_ad) - masked(last, drag[j, i] * drag_term)
            y_below[i] = y
    for ii in range(HALO, ni - HALO):
        i = np.uintp(ii)
        s_ad[j, i] -= total[i] / s[j, i]


@kernel
def advance_u_columns_ad(u, nu_v, drag, s_u, dt, grid, u_ad, u_n_ad, G_ad, D_ad, drag_ad, s_u_ad, face):
    """Add the adjoint of the advance of u, apart from that of the viscosity.

    Parameters
    ----------
    u : ndarray, shape (nk, nj, ni)
        Velocity after the step, the result of the forward kernel [m s-1].
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
    u_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity after the step.
    u_n_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity before, added to.
    G_ad, D_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the accelerations, that of G overwritten and that of D added to.
    drag_ad : ndarray, shape (nj, ni)
        Adjoint of the drag velocity, added to.
    s_u_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    face : ndarray, shape (nk + 1, nj, ni)
        Contributions to the viscosity of the columns beside the U points, written on the interior.
    """
    nk, nj, ni = u.shape
    zero = u.dtype.type(0)
    for j in prange(HALO, nj - HALO):
        c, a, ratio = np.empty((nk, ni), u.dtype), np.empty((nk, ni), u.dtype), np.empty((nk, ni), u.dtype)
        y_below, total = np.zeros(ni, u.dtype), np.zeros(ni, u.dtype)
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                c[k, i] = half_conductance(grid.h_u, grid.bottom_u, s_u, dt, k + 1, j, i) if k + 1 < nk else zero
                a[k, i] = masked(c[k, i] > 0, c[k, i] * (nu_v[k + 1, j, i] + nu_v[k + 1, j, i + ONE]))
        velocity_ad(
            u, c, a, ratio, y_below, total, grid.h_u, grid.mask_u, grid.bottom_u, drag, s_u, dt,
            u_ad, u_n_ad, G_ad, D_ad, drag_ad, s_u_ad, face, j,
        )  # fmt: skip


@kernel
def gather_from_u(face, grid, nu_v_ad):
    """Add the adjoint of the viscosity at the U points to the columns beside them.

    Parameters
    ----------
    face : ndarray, shape (nk + 1, nj, ni)
        Contributions to the viscosity of the columns beside the U points, halo filled.
    grid : Grid
        Metric terms and masks.
    nu_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the viscosity, added to.
    """
    nk, nj, ni = grid.h_u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                nu_v_ad[k, j, i] += face[k, j, i] + face[k, j, i - ONE]


def advance_u_ad(u, nu_v, drag, s_u, dt, grid, u_ad, u_n_ad, G_ad, D_ad, nu_v_ad, drag_ad, s_u_ad, face):
    """Add the adjoint of the advance of u.

    Parameters
    ----------
    u : ndarray, shape (nk, nj, ni)
        Velocity after the step, the result of the forward kernel [m s-1].
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
    u_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity after the step.
    u_n_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity before, added to.
    G_ad, D_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the accelerations, that of G overwritten and that of D added to.
    nu_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the viscosity, added to.
    drag_ad : ndarray, shape (nj, ni)
        Adjoint of the drag velocity, added to.
    s_u_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    face : ndarray, shape (nk + 1, nj, ni)
        Work array, overwritten; 0 on the land of closed sides.
    """
    advance_u_columns_ad(u, nu_v, drag, s_u, dt, grid, u_ad, u_n_ad, G_ad, D_ad, drag_ad, s_u_ad, face)
    exchange(grid, face)
    gather_from_u(face, grid, nu_v_ad)


@kernel
def advance_v_columns_ad(v, nu_v, drag, s_v, dt, grid, v_ad, v_n_ad, G_ad, D_ad, drag_ad, s_v_ad, face):
    """Add the adjoint of the advance of v, apart from that of the viscosity.

    Parameters
    ----------
    v : ndarray, shape (nk, nj, ni)
        Velocity after the step, the result of the forward kernel [m s-1].
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
    v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity after the step.
    v_n_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity before, added to.
    G_ad, D_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the accelerations, that of G overwritten and that of D added to.
    drag_ad : ndarray, shape (nj, ni)
        Adjoint of the drag velocity, added to.
    s_v_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    face : ndarray, shape (nk + 1, nj, ni)
        Contributions to the viscosity of the columns beside the V points, written on the interior.
    """
    nk, nj, ni = v.shape
    zero = v.dtype.type(0)
    for j in prange(HALO, nj - HALO):
        c, a, ratio = np.empty((nk, ni), v.dtype), np.empty((nk, ni), v.dtype), np.empty((nk, ni), v.dtype)
        y_below, total = np.zeros(ni, v.dtype), np.zeros(ni, v.dtype)
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                c[k, i] = half_conductance(grid.h_v, grid.bottom_v, s_v, dt, k + 1, j, i) if k + 1 < nk else zero
                a[k, i] = masked(c[k, i] > 0, c[k, i] * (nu_v[k + 1, j, i] + nu_v[k + 1, j + 1, i]))
        velocity_ad(
            v, c, a, ratio, y_below, total, grid.h_v, grid.mask_v, grid.bottom_v, drag, s_v, dt,
            v_ad, v_n_ad, G_ad, D_ad, drag_ad, s_v_ad, face, j,
        )  # fmt: skip


@kernel
def gather_from_v(face, grid, nu_v_ad):
    """Add the adjoint of the viscosity at the V points to the columns beside them.

    Parameters
    ----------
    face : ndarray, shape (nk + 1, nj, ni)
        Contributions to the viscosity of the columns beside the V points, halo filled.
    grid : Grid
        Metric terms and masks.
    nu_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the viscosity, added to.
    """
    nk, nj, ni = grid.h_v.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                nu_v_ad[k, j, i] += face[k, j, i] + face[k, j - 1, i]


def advance_v_ad(v, nu_v, drag, s_v, dt, grid, v_ad, v_n_ad, G_ad, D_ad, nu_v_ad, drag_ad, s_v_ad, face):
    """Add the adjoint of the advance of v.

    Parameters
    ----------
    v : ndarray, shape (nk, nj, ni)
        Velocity after the step, the result of the forward kernel [m s-1].
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
    v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity after the step.
    v_n_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity before, added to.
    G_ad, D_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the accelerations, that of G overwritten and that of D added to.
    nu_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the viscosity, added to.
    drag_ad : ndarray, shape (nj, ni)
        Adjoint of the drag velocity, added to.
    s_v_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    face : ndarray, shape (nk + 1, nj, ni)
        Work array, overwritten; 0 on the land of closed sides.
    """
    advance_v_columns_ad(v, nu_v, drag, s_v, dt, grid, v_ad, v_n_ad, G_ad, D_ad, drag_ad, s_v_ad, face)
    exchange(grid, face)
    gather_from_v(face, grid, nu_v_ad)
