"""Adjoint of `ogcm/operators/barotropic.py`.

depth_mean      u_bar = sum_k h_u u / H_u                      u_ad_k += h_u/H_u u_bar_ad

slow_forcing    F_i = (u_new - u_old)/dt + g_i (eta_{i+1} - eta_i),    g_i = g/dx_u on open faces
                u_new_ad += F_ad/dt,  u_old_ad -= F_ad/dt,  eta_ad_i += (g F_ad)_{i-1} - (g F_ad)_i      (and along j)

barotropic_substeps, with D(eta) u = [rest + swell (area_i eta_i + area_{i+1} eta_{i+1})] u:

    u^{1/2}     = u_bar + delta/2 [ F - g (eta_{i+1} - eta_i) ]
    U^{m+1/2}   = D(eta^m) u^{m+1/2}
    eta^{m+1}   = eta^m - delta [ div U^{m+1/2}/area - fresh ],      U_mean += b_m U^{m+1/2}
    kick^{m+1}  = delta/2 [ F - g (eta^{m+1}_{i+1} - eta^{m+1}_i) ]
    u_new      += a_m (u^{m+1/2} + kick^{m+1}),      u^{m+3/2} = u^{m+1/2} + 2 kick^{m+1}
    eta_new     = eta - dt [ div U_mean/area - fresh ]

backwards, carrying u_ad of u^{m+1/2}, U_ad of U^{m+1/2} and eta_ad of eta^{m+1} (all 0 after the last substep):

    U_mean_ad_i += dt [ (eta_new_ad/area)_{i+1} - (eta_new_ad/area)_i ]
    eta_ad      += sum of the four faces' swell u U_ad, times area           (of U^{m+3/2})
    u_ad        += D(eta^{m+1}) U_ad
    kick_ad      = 2 u_ad + a_m u_new_ad,   u_ad += a_m u_new_ad,   F_ad += delta/2 kick_ad
    eta_ad_i    += delta/2 [ (g kick_ad)_i - (g kick_ad)_{i-1} ]
    U_ad_i       = b_m U_mean_ad_i + delta [ (eta_ad/area)_{i+1} - (eta_ad/area)_i ],   fresh_ad += delta eta_ad
    finally      u_bar_ad += u_ad + D U_ad, and likewise the other terms of u^{1/2}

Through an open side u^{m+1/2} = outer -+ sqrt(g/H) eta^m replaces u~ = u^{m-1/2} + 2 kick^m, and u_new takes the mean
of u^{m-1/2} and u^{m+1/2}, a_m (u - u~)/2 more than that of u~. So with u_ad of u^{m+1/2}

    flather_ad   = u_ad + a_m u_new_ad/2,   outer_ad += flather_ad,   eta_ad -+= sqrt(g/H) flather_ad     (inside)
    u_ad         = a_m u_new_ad/2 of u^{m-1/2},   kick_ad = F_ad = 0

It needs all eta^m, u^{m+1/2} and v^{m+1/2}, which the forward kernel has kept in its history.

take_depth_mean u += mask (target - u_bar): u_ad is unchanged,  target_ad += sum_k mask u_ad,  u_bar_ad -= the same

tracer_transports, with w = mask h_u U_ad,  x = dy_u s_u:
                u_old_ad += (1 - new_weight) x w,  u_new_ad += new_weight x w,  u_bar_ad -= their sums over k,
                U_mean_ad += sum_k w/H_u,  s_u_ad += sum_k w dy_u [ (1 - new_weight) old + new_weight new ]

No kinks.
"""

from functools import partial

import numpy as np
from numba import prange

from adjoint.operators.flather import eta_ad_from_flather
from ogcm.backend import HALF, HALO, ONE, kernel, point
from ogcm.operators.barotropic import (
    SMALL_PLANE,
    gravity_per_dx,
    gravity_per_dy,
    transport_u,
    transport_v,
    wrap_columns,
    wrap_row,
)
from ogcm.operators.flather import crosses_u, crosses_v


@partial(kernel, apart=False)  # of u and v, of which the shape alone is read, a step gives the adjoints
def depth_mean_ad(u, v, grid, u_bar_ad, v_bar_ad, u_ad, v_ad):
    """Add the adjoint of the depth mean: u_ad += h_u/H_u u_bar_ad.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms and masks.
    u_bar_ad, v_bar_ad : ndarray, shape (nj, ni)
        Adjoint of the depth-mean velocity.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                u_ad[k, j, i] += grid.h_u[k, j, i] * grid.r_depth_u[j, i] * u_bar_ad[j, i]
                v_ad[k, j, i] += grid.h_v[k, j, i] * grid.r_depth_v[j, i] * v_bar_ad[j, i]


@kernel
def slow_forcing_ad(
    u_new, v_new, u_old, v_old, eta, dt, grid, F_u_ad, F_v_ad, u_new_ad, v_new_ad, u_old_ad, v_old_ad, eta_ad
):
    """Add the adjoint of the slow forcing.

    Parameters
    ----------
    u_new, v_new : ndarray, shape (nj, ni)
        Depth-mean velocity after the slow terms [m s-1].
    u_old, v_old : ndarray, shape (nj, ni)
        Depth-mean velocity before [m s-1].
    eta : ndarray, shape (nj, ni)
        Sea surface height [m].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    F_u_ad, F_v_ad : ndarray, shape (nj, ni)
        Adjoint of the forcing, halo filled.
    u_new_ad, v_new_ad : ndarray, shape (nj, ni)
        Adjoint of the velocity after, added to.
    u_old_ad, v_old_ad : ndarray, shape (nj, ni)
        Adjoint of the velocity before, added to.
    eta_ad : ndarray, shape (nj, ni)
        Adjoint of the sea surface height, added to.
    """
    nj, ni = eta.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            u_new_ad[j, i] += F_u_ad[j, i] / dt
            v_new_ad[j, i] += F_v_ad[j, i] / dt
            u_old_ad[j, i] -= F_u_ad[j, i] / dt
            v_old_ad[j, i] -= F_v_ad[j, i] / dt
            along_x = gravity_per_dx(grid, j, i - ONE) * F_u_ad[j, i - ONE] - gravity_per_dx(grid, j, i) * F_u_ad[j, i]
            along_y = gravity_per_dy(grid, j - 1, i) * F_v_ad[j - 1, i] - gravity_per_dy(grid, j, i) * F_v_ad[j, i]
            eta_ad[j, i] += along_x + along_y


@point
def eta_ad_from_depths(area, swell_u_ad, swell_v_ad, j, i):
    """Return the adjoint of eta at a T point by the depths of its four faces."""
    along_x, along_y = swell_u_ad[j, i] + swell_u_ad[j, i - ONE], swell_v_ad[j, i] + swell_v_ad[j - 1, i]
    return area[j, i] * (along_x + along_y)


@point
def eta_ad_from_kicks(gradient_x_ad, gradient_y_ad, j, i):
    """Return the adjoint of eta at a T point by the kicks of its four faces."""
    along_x = gradient_x_ad[j, i] - gradient_x_ad[j, i - ONE]
    along_y = gradient_y_ad[j, i] - gradient_y_ad[j - 1, i]
    return along_x + along_y


@point
def eta_difference_x(eta_ad, grid, j, i):
    """Return the difference of eta_ad/area over a U point."""
    return eta_ad[j, i + ONE] * grid.r_area_eta[j, i + ONE] - eta_ad[j, i] * grid.r_area_eta[j, i]


@point
def eta_difference_y(eta_ad, grid, j, i):
    """Return the difference of eta_ad/area over a V point."""
    return eta_ad[j + 1, i] * grid.r_area_eta[j + 1, i] - eta_ad[j, i] * grid.r_area_eta[j, i]


CARRIED_FIELDS = 11  # number of (nj, ni) fields of the backward substeps
GATHERED = (slice(5, 11), slice(0, 1))  # those that the first and the second half of an instant compute for neighbours


@partial(kernel, serial_below=SMALL_PLANE)
def barotropic_substeps_ad(
    a, b, dt, first, last, work, history, grid, eta_new_ad, u_new_ad, v_new_ad, U_mean_ad, V_mean_ad,
    eta_ad, u_bar_ad, v_bar_ad, F_u_ad, F_v_ad, fresh_ad, outer_u_ad, outer_v_ad, carried,
):  # fmt: skip
    """Add the adjoint of the substeps, from the last instant to the first, or of some of them.

    Each instant has two halves: from the velocities of an instant to the fields of which its surface gathers, and this
    gathering. Between tiles, what a half has computed must be exchanged, so that each is a call (`call_ranges`).

    Parameters
    ----------
    a, b : ndarray, shape (M,)
        Averaging weights.
    dt : float
        Time step [s].
    first, last : int
        The halves first <= n < last are computed; -1 <= n < 2 M + 2 are all, of which -1 begins.
    work : ndarray, shape (WORK_FIELDS, nj, ni)
        Coefficients of the forward kernel.
    history : ndarray, shape (3, M + 1, nj, ni)
        All instants of the forward kernel.
    grid : Grid
        Metric terms and masks.
    eta_new_ad : ndarray, shape (nj, ni)
        Adjoint of the averaged sea surface height, halo filled.
    u_new_ad, v_new_ad : ndarray, shape (nj, ni)
        Adjoint of the averaged velocity.
    U_mean_ad, V_mean_ad : ndarray, shape (nj, ni)
        Adjoint of the mean transports.
    eta_ad : ndarray, shape (nj, ni)
        Adjoint of the sea surface height at the start, added to.
    u_bar_ad, v_bar_ad : ndarray, shape (nj, ni)
        Adjoint of the velocity at the start, added to.
    F_u_ad, F_v_ad : ndarray, shape (nj, ni)
        Adjoint of the forcing, overwritten.
    fresh_ad : ndarray, shape (nj, ni)
        Adjoint of the fresh water, added to.
    outer_u_ad, outer_v_ad : ndarray, shape (nj, ni)
        Adjoint of what the outer world sends through open sides, added to.
    carried : ndarray, shape (CARRIED_FIELDS, nj, ni)
        Work array for what is carried from instant to instant; overwritten.
    """
    nj, ni = eta_ad.shape
    area, substeps, zero, one = grid.area_t, a.shape[0], a.dtype.type(0), a.dtype.type(1)
    delta = b[0] * dt
    half = HALF * delta
    g_x, g_y, rest_u, rest_v, swell_u, swell_v = work[0], work[1], work[2], work[3], work[4], work[5]
    surface_ad, u_ad, v_ad, mean_u_ad, mean_v_ad = carried[0], carried[1], carried[2], carried[3], carried[4]
    swell_u_ad, swell_v_ad, gradient_x_ad, gradient_y_ad = carried[5], carried[6], carried[7], carried[8]
    flather_u_ad, flather_v_ad = carried[9], carried[10]
    if first < 0:
        for j in prange(nj):
            for ii in range(ni):
                i = np.uintp(ii)
                surface_ad[j, i], u_ad[j, i], v_ad[j, i] = 0, 0, 0
                swell_u_ad[j, i], swell_v_ad[j, i], gradient_x_ad[j, i], gradient_y_ad[j, i] = 0, 0, 0, 0
                flather_u_ad[j, i], flather_v_ad[j, i] = 0, 0
        for j in prange(HALO, nj - HALO):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                mean_u_ad[j, i] = U_mean_ad[j, i] + dt * eta_difference_x(eta_new_ad, grid, j, i)
                mean_v_ad[j, i] = V_mean_ad[j, i] + dt * eta_difference_y(eta_new_ad, grid, j, i)
                F_u_ad[j, i], F_v_ad[j, i] = 0, 0
                fresh_ad[j, i] += dt * eta_new_ad[j, i]
    for n in range(max(first, 0), last):
        m = substeps - n // 2
        # There is no transport after the last instant, and before the first there is no kick, only half a one after it.
        b_m, a_m = b[m] if m < substeps else zero, a[m - 1] if m > 0 else zero
        kicks, interval = one + one if m > 0 else one, delta if m > 0 else zero
        surface, u, v = history[0, m], history[1, m], history[2, m]
        if n % 2 == 0:
            for j in prange(HALO, nj - HALO):
                for ii in range(HALO, ni - HALO):
                    i = np.uintp(ii)
                    U_ad = b_m * mean_u_ad[j, i] + delta * eta_difference_x(surface_ad, grid, j, i)
                    V_ad = b_m * mean_v_ad[j, i] + delta * eta_difference_y(surface_ad, grid, j, i)
                    mean_u, mean_v = a_m * u_new_ad[j, i], a_m * v_new_ad[j, i]
                    carried_u = u_ad[j, i] + transport_u(surface, U_ad, area, rest_u, swell_u, j, i)
                    carried_v = v_ad[j, i] + transport_v(surface, V_ad, area, rest_v, swell_v, j, i)
                    kick_u_ad, kick_v_ad = half * (kicks * carried_u + mean_u), half * (kicks * carried_v + mean_v)
                    u_ad[j, i] = carried_u + mean_u
                    v_ad[j, i] = carried_v + mean_v
                    F_u_ad[j, i] += kick_u_ad
                    F_v_ad[j, i] += kick_v_ad
                    gradient_x_ad[j, i] = g_x[j, i] * kick_u_ad
                    gradient_y_ad[j, i] = g_y[j, i] * kick_v_ad
                    swell_u_ad[j, i] = swell_u[j, i] * u[j, i] * U_ad
                    swell_v_ad[j, i] = swell_v[j, i] * v[j, i] * V_ad
                wrap_row(gradient_x_ad, grid, j, ni)
                wrap_row(gradient_y_ad, grid, j, ni)
                wrap_row(swell_u_ad, grid, j, ni)
                wrap_row(swell_v_ad, grid, j, ni)
            wrap_columns(gradient_x_ad, grid, nj, ni)
            wrap_columns(gradient_y_ad, grid, nj, ni)
            wrap_columns(swell_u_ad, grid, nj, ni)
            wrap_columns(swell_v_ad, grid, nj, ni)
            if grid.open_sides:
                for j in prange(HALO, nj - HALO):
                    for ii in range(HALO, ni - HALO):
                        i = np.uintp(ii)
                        if crosses_u(grid, j, i):
                            mean_u = HALF * (a_m * u_new_ad[j, i])
                            flather_u_ad[j, i] = u_ad[j, i] - mean_u
                            outer_u_ad[j, i] += flather_u_ad[j, i]
                            u_ad[j, i], F_u_ad[j, i] = mean_u, 0
                        if crosses_v(grid, j, i):
                            mean_v = HALF * (a_m * v_new_ad[j, i])
                            flather_v_ad[j, i] = v_ad[j, i] - mean_v
                            outer_v_ad[j, i] += flather_v_ad[j, i]
                            v_ad[j, i], F_v_ad[j, i] = mean_v, 0
                    wrap_row(flather_u_ad, grid, j, ni)
                    wrap_row(flather_v_ad, grid, j, ni)
                wrap_columns(flather_u_ad, grid, nj, ni)
                wrap_columns(flather_v_ad, grid, nj, ni)
        else:
            if grid.open_sides:
                for j in prange(HALO, nj - HALO):
                    for ii in range(HALO, ni - HALO):
                        i = np.uintp(ii)
                        surface_ad[j, i] += eta_ad_from_flather(grid, flather_u_ad, flather_v_ad, j, i)
            for j in prange(HALO, nj - HALO):
                for ii in range(HALO, ni - HALO):
                    i = np.uintp(ii)
                    from_depths = eta_ad_from_depths(area, swell_u_ad, swell_v_ad, j, i)
                    surface_ad[j, i] += from_depths + eta_ad_from_kicks(gradient_x_ad, gradient_y_ad, j, i)
                    fresh_ad[j, i] += interval * surface_ad[j, i]
                wrap_row(surface_ad, grid, j, ni)
            wrap_columns(surface_ad, grid, nj, ni)
    if last == 2 * (substeps + 1):
        for j in prange(HALO, nj - HALO):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                u_bar_ad[j, i] += u_ad[j, i]
                v_bar_ad[j, i] += v_ad[j, i]
                eta_ad[j, i] += eta_new_ad[j, i] + surface_ad[j, i]


@kernel
def take_depth_mean_ad(grid, u_ad, v_ad, u_bar_ad, v_bar_ad, target_u_ad, target_v_ad):
    """Add the adjoint of the replacement of the depth mean.

    Parameters
    ----------
    grid : Grid
        Metric terms and masks.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity after the replacement, which is also that before; not changed.
    u_bar_ad, v_bar_ad : ndarray, shape (nj, ni)
        Adjoint of the depth mean that is taken away, subtracted from.
    target_u_ad, target_v_ad : ndarray, shape (nj, ni)
        Adjoint of the new depth mean, added to.
    """
    nk, nj, ni = u_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                masked_u_ad, masked_v_ad = grid.mask_u[k, j, i] * u_ad[k, j, i], grid.mask_v[k, j, i] * v_ad[k, j, i]
                u_bar_ad[j, i] -= masked_u_ad
                v_bar_ad[j, i] -= masked_v_ad
                target_u_ad[j, i] += masked_u_ad
                target_v_ad[j, i] += masked_v_ad


@kernel
def tracer_transports_ad(
    u_old, v_old, u_new, v_new, u_bar_old, v_bar_old, u_bar_new, v_bar_new, U_mean, V_mean, s_u, s_v, new_weight, grid,
    U_ad, V_ad, u_old_ad, v_old_ad, u_new_ad, v_new_ad, u_bar_old_ad, v_bar_old_ad, u_bar_new_ad, v_bar_new_ad,
    U_mean_ad, V_mean_ad, s_u_ad, s_v_ad,
):  # fmt: skip
    """Add the adjoint of the transports of the tracers.

    Parameters
    ----------
    u_old, v_old : ndarray, shape (nk, nj, ni)
        Velocity before the step [m s-1].
    u_new, v_new : ndarray, shape (nk, nj, ni)
        Velocity after the step [m s-1].
    u_bar_old, v_bar_old : ndarray, shape (nj, ni)
        Depth mean of u_old and v_old [m s-1].
    u_bar_new, v_bar_new : ndarray, shape (nj, ni)
        Depth mean of u_new and v_new [m s-1].
    U_mean, V_mean : ndarray, shape (nj, ni)
        Depth-integrated transports [m3 s-1].
    s_u, s_v : ndarray, shape (nj, ni)
        Stretching of the layers at U and V points [1].
    new_weight : float
        Weight of the new shear [1].
    grid : Grid
        Metric terms and masks.
    U_ad, V_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the transports.
    u_old_ad, v_old_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity before, added to.
    u_new_ad, v_new_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity after, added to.
    u_bar_old_ad, v_bar_old_ad : ndarray, shape (nj, ni)
        Adjoint of its depth mean before, added to.
    u_bar_new_ad, v_bar_new_ad : ndarray, shape (nj, ni)
        Adjoint of its depth mean after, added to.
    U_mean_ad, V_mean_ad : ndarray, shape (nj, ni)
        Adjoint of the depth-integrated transports, added to.
    s_u_ad, s_v_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    """
    nk, nj, ni = u_old.shape
    for j in prange(HALO, nj - HALO):
        sum_u, sum_v = np.zeros(ni, U_ad.dtype), np.zeros(ni, U_ad.dtype)  # of w
        work_u, work_v = np.zeros(ni, U_ad.dtype), np.zeros(ni, U_ad.dtype)  # of w times the velocity
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                w_u = grid.mask_u[k, j, i] * grid.h_u[k, j, i] * U_ad[k, j, i]
                w_v = grid.mask_v[k, j, i] * grid.h_v[k, j, i] * V_ad[k, j, i]
                old_u, new_u = u_old[k, j, i] - u_bar_old[j, i], u_new[k, j, i] - u_bar_new[j, i]
                old_v, new_v = v_old[k, j, i] - v_bar_old[j, i], v_new[k, j, i] - v_bar_new[j, i]
                shear_u_ad, shear_v_ad = w_u * grid.dy_u[j, i] * s_u[j, i], w_v * grid.dx_v[j, i] * s_v[j, i]
                u_old_ad[k, j, i] += shear_u_ad - new_weight * shear_u_ad
                v_old_ad[k, j, i] += shear_v_ad - new_weight * shear_v_ad
                u_new_ad[k, j, i] += new_weight * shear_u_ad
                v_new_ad[k, j, i] += new_weight * shear_v_ad
                sum_u[i] += w_u
                sum_v[i] += w_v
                work_u[i] += w_u * (old_u + new_weight * (new_u - old_u))
                work_v[i] += w_v * (old_v + new_weight * (new_v - old_v))
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            shear_u_ad, shear_v_ad = sum_u[i] * grid.dy_u[j, i] * s_u[j, i], sum_v[i] * grid.dx_v[j, i] * s_v[j, i]
            u_bar_old_ad[j, i] -= shear_u_ad - new_weight * shear_u_ad
            v_bar_old_ad[j, i] -= shear_v_ad - new_weight * shear_v_ad
            u_bar_new_ad[j, i] -= new_weight * shear_u_ad
            v_bar_new_ad[j, i] -= new_weight * shear_v_ad
            U_mean_ad[j, i] += sum_u[i] * grid.r_depth_u[j, i]
            V_mean_ad[j, i] += sum_v[i] * grid.r_depth_v[j, i]
            s_u_ad[j, i] += work_u[i] * grid.dy_u[j, i]
            s_v_ad[j, i] += work_v[i] * grid.dx_v[j, i]
