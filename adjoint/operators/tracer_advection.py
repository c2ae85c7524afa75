"""Adjoint of `ogcm/operators/tracer_advection.py`.

Forward, with the flux F(U, a, b, d_a, d_b) of a face (monotone: also of the Courant number c of the upwind cell):

    out_i = -[ F_i - F_{i-1} + ... ] / area_i

Adjoint of the flux through the eastern face of i (likewise the northern one; upward for the top):

    G_i = dJ/dF_i = out_ad_{i+1} / area_{i+1} - out_ad_i / area_i

Cell i takes part in four fluxes of each direction: as a' in face i + 1, a in i, b in i - 1, b' in i - 2,

    T_ad_i += - m_i     F_da G | face i+1   + (F_a + m_{i-1} F_da) G | face i
              + (F_b - m_i F_db) G | face i-1        + m_{i-1} F_db G | face i-2
    U_ad_i += F_U G | face i                                    (F_U of monotone: that through c included)

(m_i is the mask of face i; d_a of face i is masked by face i - 1, d_b by face i + 1). It needs
T, U, V and W of the forward run. Kinks take the derivative of the branch taken: |U| at U = 0 that of +U (upwind3 and
monotone), the limiter at a tie that of the first branch in the order written; where it is 0, 0 is the first.
"""

from collections.abc import Callable

import numpy as np
from numba import prange

from adjoint.operators.stencils import difference_x, difference_y, difference_z
from adjoint.operators.weno import advect_tracer_weno5_ad
from ogcm.backend import HALF, HALO, ONE, TWO, absolute, kernel, point, typed
from ogcm.operators.stencils import upwind
from ogcm.operators.tracer_advection import volume


@point
def masked_flux(face, value):
    """Return the value at an open face; 0 at a closed one, even if the value is NaN.

    The same as `masked` of the forward model, compiled as a function for LLVM to inline: Numba's own inliner would take
    a minute for all calls in this file.
    """
    return value if face else typed(0.0, value)


@point
def centred2_ad(U, a, b, d_a, d_b, v_a, v_b, dt):
    """Return the partial derivatives (F_U, F_a, F_b, F_da, F_db) of the scheme `centred2`."""
    zero = typed(0.0, U)
    return HALF * (a + b), HALF * U, HALF * U, zero, zero


@point
def upwind_ad(U, a, b, increment, through_d, through_e):
    """Return the partial derivatives (F_U, F_a, F_b, F_da, F_db) of a flux U x + |U| L(b - a, e).

    `increment` is d(|U| L)/d|U|, `through_d` and `through_e` are |U| L_d and |U| L_e.
    """
    one, zero = typed(1.0, U), typed(0.0, U)
    F_U = upwind(U, a, b) + upwind(U, one, -one) * increment
    F_a, F_b = upwind(U, U, zero) - through_d, upwind(U, zero, U) + through_d
    return F_U, F_a, F_b, upwind(U, through_e, zero), upwind(U, zero, through_e)


@point
def upwind3_ad(U, a, b, d_a, d_b, v_a, v_b, dt):
    """Return the partial derivatives (F_U, F_a, F_b, F_da, F_db) of the scheme `upwind3`."""
    sixth = typed(1 / 6, U)
    increment, through_e = sixth * ((b - a) + (b - a) + upwind(U, d_a, d_b)), sixth * absolute(U)
    return upwind_ad(U, a, b, increment, through_e + through_e, through_e)


@point
def monotone_ad(U, a, b, d_a, d_b, v_a, v_b, dt):
    """Return the partial derivatives (F_U, F_a, F_b, F_da, F_db) of the scheme `monotone`."""
    one, zero, sixth = typed(1.0, U), typed(0.0, U), typed(1 / 6, U)
    speed, d, e = max(U, -U), b - a, upwind(U, d_a, d_b)
    capacity = upwind(U, v_a, v_b) * (one / dt)
    c = speed / capacity
    scale = max(one, c + c)
    third_order = sixth * (one - c) * ((one + one - c) * d + (one + c) * e)
    s = one if d >= 0 else -one
    x, y, z = s * (scale * d), s * (scale * third_order), s * (e * min(one, one + one - scale))
    # Of the argument that the limiter takes: d(|U| L)/d|U|, |U| L_d, |U| L_e; 0 if it takes none.
    taken, first, second, gentle = min(min(x, y), z) > 0, (x <= y) & (x <= z), y <= z, scale <= one
    share = sixth * speed * (one - c)
    of_third_order = third_order + sixth * c * ((c + c - one - one - one) * d - (c + c) * e)
    third_by_d, third_by_e = share * (one + one - c), share * (one + c)
    of_steepest, steepest_by_e = (one if gentle else -one) * e, min(speed, capacity - speed)
    increment = of_third_order if second else of_steepest
    through_d, through_e = third_by_d if second else zero, third_by_e if second else steepest_by_e
    increment, through_d, through_e = (
        d if first else increment,
        speed if first else through_d,
        zero if first else through_e,
    )
    increment, through_d = increment if taken else zero, through_d if taken else zero
    return upwind_ad(U, a, b, increment, through_d, through_e if taken else zero)


@point
def flux_x_derivatives(scheme_ad, T, U, dt, grid, k, j, i):
    """Return the partial derivatives of `flux_x`, through an open face."""
    a, b = T[k, j, i], T[k, j, i + ONE]
    d_a = masked_flux(grid.mask_u[k, j, i - ONE], a - T[k, j, i - ONE])
    d_b = masked_flux(grid.mask_u[k, j, i + ONE], T[k, j, i + TWO] - b)
    return scheme_ad(U[k, j, i], a, b, d_a, d_b, volume(grid, k, j, i), volume(grid, k, j, i + ONE), dt)


@point
def flux_y_derivatives(scheme_ad, T, V, dt, grid, k, j, i):
    """Return the partial derivatives of `flux_y`, through an open face."""
    a, b = T[k, j, i], T[k, j + 1, i]
    d_a = masked_flux(grid.mask_v[k, j - 1, i], a - T[k, j - 1, i])
    d_b = masked_flux(grid.mask_v[k, j + 1, i], T[k, j + 2, i] - b)
    return scheme_ad(V[k, j, i], a, b, d_a, d_b, volume(grid, k, j, i), volume(grid, k, j + 1, i), dt)


@point
def flux_z_derivatives(scheme_ad, T, W, dt, grid, k, j, i):
    """Return the partial derivatives of `flux_z`, through the top of cell k."""
    nk = T.shape[0]
    below, above = min(k, nk - 1), max(k - 1, 0)
    a, b = T[below, j, i], T[above, j, i]
    further_below, further_above = min(k + 1, nk - 1) if k > 0 else 0, max(k - 2, 0)
    d_a = masked_flux(grid.mask_t[further_below, j, i], a - T[further_below, j, i])
    d_b = T[further_above, j, i] - b
    return scheme_ad(W[k, j, i], a, b, d_a, d_b, volume(grid, below, j, i), volume(grid, above, j, i), dt)


@point
def flux_x_ad(out_ad, grid, k, j, i):
    """Return G, the adjoint of the flux, at the eastern face of a cell; 0 at land."""
    return masked_flux(grid.mask_u[k, j, i], difference_x(out_ad, grid, k, j, i))


@point
def flux_y_ad(out_ad, grid, k, j, i):
    """Return G, the adjoint of the flux, at the northern face of a cell; 0 at land."""
    return masked_flux(grid.mask_v[k, j, i], difference_y(out_ad, grid, k, j, i))


@point
def flux_z_ad(out_ad, grid, k, j, i):
    """Return G at the top of cell k: there is no cell above the surface, and no flow below the last layer."""
    return masked_flux(grid.mask_t[min(k, out_ad.shape[0] - 1), j, i], difference_z(out_ad, grid, k, j, i))


@point
def tracer_ad(scheme_ad, T, U, V, W, dt, grid, out_ad, k, j, i):
    """Return the adjoint of T[k, j, i] by its twelve fluxes, in the order of the formula above."""
    nk = T.shape[0]
    m, m_west = grid.mask_u[k, j, i], grid.mask_u[k, j, i - ONE]
    p3 = flux_x_derivatives(scheme_ad, T, U, dt, grid, k, j, i + ONE)
    p2 = flux_x_derivatives(scheme_ad, T, U, dt, grid, k, j, i)
    p1 = flux_x_derivatives(scheme_ad, T, U, dt, grid, k, j, i - ONE)
    p0 = flux_x_derivatives(scheme_ad, T, U, dt, grid, k, j, i - TWO)
    along_x = (
        (p2[1] + m_west * p2[3]) * flux_x_ad(out_ad, grid, k, j, i)
        - m * p3[3] * flux_x_ad(out_ad, grid, k, j, i + ONE)
        + (p1[2] - m * p1[4]) * flux_x_ad(out_ad, grid, k, j, i - ONE)
        + m_west * p0[4] * flux_x_ad(out_ad, grid, k, j, i - TWO)
    )
    m, m_south = grid.mask_v[k, j, i], grid.mask_v[k, j - 1, i]
    q3 = flux_y_derivatives(scheme_ad, T, V, dt, grid, k, j + 1, i)
    q2 = flux_y_derivatives(scheme_ad, T, V, dt, grid, k, j, i)
    q1 = flux_y_derivatives(scheme_ad, T, V, dt, grid, k, j - 1, i)
    q0 = flux_y_derivatives(scheme_ad, T, V, dt, grid, k, j - 2, i)
    along_y = (
        (q2[1] + m_south * q2[3]) * flux_y_ad(out_ad, grid, k, j, i)
        - m * q3[3] * flux_y_ad(out_ad, grid, k, j + 1, i)
        + (q1[2] - m * q1[4]) * flux_y_ad(out_ad, grid, k, j - 1, i)
        + m_south * q0[4] * flux_y_ad(out_ad, grid, k, j - 2, i)
    )
    # Upward faces; the top of the column has no difference beyond it, land below is masked. Through a resting
    # surface the flow carries T_0 alone, which is both a and b there.
    m_below = grid.mask_t[min(k + 1, nk - 1), j, i]
    m_below = m_below if k + 1 < nk else np.int8(0)
    m_above = np.int8(1) if k > 0 else np.int8(0)
    r3 = flux_z_derivatives(scheme_ad, T, W, dt, grid, max(k - 1, 0), j, i)
    r2 = flux_z_derivatives(scheme_ad, T, W, dt, grid, k, j, i)
    r1 = flux_z_derivatives(scheme_ad, T, W, dt, grid, k + 1, j, i)
    r0 = flux_z_derivatives(scheme_ad, T, W, dt, grid, min(k + 2, nk), j, i)
    top = r2[1] + m_below * r2[3] if k > 0 else r2[1] + r2[2]
    m_further = grid.mask_t[k, j, i]
    m_further = m_further if k > 1 else np.int8(0)
    upward = (
        top * flux_z_ad(out_ad, grid, k, j, i)
        - m_further * r3[3] * flux_z_ad(out_ad, grid, max(k - 1, 0), j, i)
        + (r1[2] - m_above * r1[4]) * flux_z_ad(out_ad, grid, k + 1, j, i)
        + r0[4] * flux_z_ad(out_ad, grid, min(k + 2, nk), j, i)
    )
    return along_x + along_y + upward


@point
def advect_tracer_ad(scheme_ad, T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad, k, j, i):
    """Add the adjoint at the point (k, j, i) to that of the tracer and of the transports."""
    F_U = flux_x_derivatives(scheme_ad, T, U, dt, grid, k, j, i)[0]
    F_V = flux_y_derivatives(scheme_ad, T, V, dt, grid, k, j, i)[0]
    F_W = flux_z_derivatives(scheme_ad, T, W, dt, grid, k, j, i)[0]
    T_ad[k, j, i] += tracer_ad(scheme_ad, T, U, V, W, dt, grid, out_ad, k, j, i)
    U_ad[k, j, i] += masked_flux(grid.mask_u[k, j, i], F_U * flux_x_ad(out_ad, grid, k, j, i))
    V_ad[k, j, i] += masked_flux(grid.mask_v[k, j, i], F_V * flux_y_ad(out_ad, grid, k, j, i))
    W_ad[k, j, i] += masked_flux(grid.mask_t[k, j, i], F_W * flux_z_ad(out_ad, grid, k, j, i))


@kernel
def advect_tracer_centred2_ad(T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad):
    """Add the adjoint of the advection with centred fluxes of second order.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency, halo filled.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to.
    U_ad, V_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the transports, added to.
    W_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the upward transports, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                advect_tracer_ad(centred2_ad, T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad, k, j, i)


@kernel
def advect_tracer_upwind3_ad(T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad):
    """Add the adjoint of the advection with upwind-biased fluxes of third order.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency, halo filled.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to.
    U_ad, V_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the transports, added to.
    W_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the upward transports, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                advect_tracer_ad(upwind3_ad, T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad, k, j, i)


@kernel
def advect_tracer_monotone_ad(T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad):
    """Add the adjoint of the advection with limited fluxes.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency, halo filled.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to.
    U_ad, V_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the transports, added to.
    W_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the upward transports, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                advect_tracer_ad(monotone_ad, T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad, k, j, i)


ADVECTION_AD: dict[str, Callable[..., None]] = {
    "centred2": advect_tracer_centred2_ad,
    "upwind3": advect_tracer_upwind3_ad,
    "monotone": advect_tracer_monotone_ad,
    "weno5": advect_tracer_weno5_ad,
}
