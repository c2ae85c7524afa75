"""Adjoint of `ogcm/operators/tracer_advection.py`.

Forward, with the flux F(U, a, b, d_a, d_b, c_a, c_b) of a face and c = |U| dt / volume:

    out_i = -[ F_i - F_{i-1} + ... ] / area_i

Adjoint. What the flux through the east face of i passed on (likewise north; upward for the top):

    G_i = dJ/dF_i = out_ad_{i+1} / area_{i+1} - out_ad_i / area_i

Cell i takes part in four fluxes of each direction: as a' in face i + 1, a in i, b in i - 1, b' in i - 2,

    T_ad_i += - m_i     F_da G | face i+1   + (F_a + m_{i-1} F_da) G | face i
              + (F_b - m_i F_db) G | face i-1        + m_{i-1} F_db G | face i-2
    U_ad_i += (F_U + sgn(U) dt (F_ca/volume_a + F_cb/volume_b)) G | face i

(m_i is the mask of face i; d_a of face i is masked by face i - 1, d_b by face i + 1). Of the forward
run it needs T, U, V, W. Kinks take the derivative of the branch taken: |U| at U = 0 that of +U (upwind3 and
monotone), the limiter at a tie that of the first branch in the order written; where it is 0, 0 is the first.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, TWO, absolute, kernel, point, scalar, typed
from ogcm.operators.tracer_advection import limited, volume


@scalar
def sign(x):
    """sgn(x) with sgn(0) = 1, the branch that `absolute` takes."""
    return typed(1.0, x) if x >= 0 else typed(-1.0, x)


@scalar
def centred2_ad(U, a, b, d_a, d_b, c_a, c_b):
    """(F_U, F_a, F_b, F_da, F_db, F_ca, F_cb)."""
    zero = typed(0.0, U)
    return HALF * (a + b), HALF * U, HALF * U, zero, zero, zero, zero


@scalar
def upwind3_ad(U, a, b, d_a, d_b, c_a, c_b):
    twelfth, zero = typed(1 / 12, U), typed(0.0, U)
    speed = absolute(U)
    F_U = HALF * (a + b) - twelfth * (d_b - d_a) + sign(U) * twelfth * (d_b - (b - a) - (b - a) + d_a)
    F_a = HALF * U + (speed + speed) * twelfth
    F_b = HALF * U - (speed + speed) * twelfth
    return F_U, F_a, F_b, twelfth * (speed + U), twelfth * (speed - U), zero, zero


@scalar
def limited_ad(d, e, c):
    """(L_d, L_e, L_c) of the branch that `limited` takes."""
    one, zero, sixth = typed(1.0, c), typed(0.0, c), typed(1 / 6, c)
    s = one if d >= 0 else -one
    d0, d1 = sixth * (one + one - c) * (one - c), sixth * (one - c) * (one + c)
    third_order = d0 * d + d1 * e
    gentle = one <= (one - c) / max(c, typed(1e-30, c))
    steepest = e if gentle else e * (one - c) / c
    least = min(s * d, s * third_order, s * steepest)
    if least <= 0:
        return zero, zero, zero
    if s * d <= s * third_order and s * d <= s * steepest:
        return one, zero, zero
    if s * third_order <= s * steepest:
        return d0, d1, sixth * ((c + c - one - one - one) * d - (c + c) * e)
    return zero, (one if gentle else (one - c) / c), (zero if gentle else -e / (c * c))


@scalar
def monotone_ad(U, a, b, d_a, d_b, c_a, c_b):
    up, down = HALF * (U + absolute(U)), HALF * (U - absolute(U))
    A_d, A_e, A_c = limited_ad(b - a, d_a, c_a)
    B_d, B_e, B_c = limited_ad(b - a, d_b, c_b)
    from_a, from_b = a + limited(b - a, d_a, c_a), b - limited(b - a, d_b, c_b)
    F_U = HALF * (from_a + from_b) + HALF * sign(U) * (from_a - from_b)
    F_a = up * (typed(1.0, U) - A_d) + down * B_d
    F_b = up * A_d + down * (typed(1.0, U) - B_d)
    return F_U, F_a, F_b, up * A_e, -down * B_e, up * A_c, -down * B_c


@point
def courant(U, dt, grid, k, j, i):
    """|U| dt / volume."""
    return absolute(U) * dt / volume(grid, k, j, i)


@point
def flux_x_ad(scheme_ad, T, U, dt, grid, k, j, i):
    """Partial derivatives of `flux_x`."""
    a, b = T[k, j, i], T[k, j, i + ONE]
    d_a = grid.mask_u[k, j, i - ONE] * (a - T[k, j, i - ONE])
    d_b = grid.mask_u[k, j, i + ONE] * (T[k, j, i + TWO] - b)
    u = U[k, j, i]
    return scheme_ad(u, a, b, d_a, d_b, courant(u, dt, grid, k, j, i), courant(u, dt, grid, k, j, i + ONE))


@point
def flux_y_ad(scheme_ad, T, V, dt, grid, k, j, i):
    a, b = T[k, j, i], T[k, j + 1, i]
    d_a = grid.mask_v[k, j - 1, i] * (a - T[k, j - 1, i])
    d_b = grid.mask_v[k, j + 1, i] * (T[k, j + 2, i] - b)
    v = V[k, j, i]
    return scheme_ad(v, a, b, d_a, d_b, courant(v, dt, grid, k, j, i), courant(v, dt, grid, k, j + 1, i))


@point
def flux_z_ad(scheme_ad, T, W, dt, grid, k, j, i):
    nk = T.shape[0]
    below, above = min(k, nk - 1), max(k - 1, 0)
    a, b = T[below, j, i], T[above, j, i]
    further_below, further_above = min(k + 1, nk - 1), max(k - 2, 0)
    inside = grid.mask_t[further_below, j, i] if k > 0 else np.int8(0)
    d_a = inside * (a - T[further_below, j, i])
    d_b = T[further_above, j, i] - b
    w = W[k, j, i]
    return scheme_ad(w, a, b, d_a, d_b, courant(w, dt, grid, below, j, i), courant(w, dt, grid, above, j, i))


@point
def passed_x(out_ad, grid, k, j, i):
    """G of the east face."""
    return out_ad[k, j, i + ONE] * grid.r_area_t[j, i + ONE] - out_ad[k, j, i] * grid.r_area_t[j, i]


@point
def passed_y(out_ad, grid, k, j, i):
    return out_ad[k, j + 1, i] * grid.r_area_t[j + 1, i] - out_ad[k, j, i] * grid.r_area_t[j, i]


@point
def passed_z(out_ad, grid, k, j, i):
    """G of the top of cell k: there is no cell above the surface, and no flow below the last layer."""
    nk = out_ad.shape[0]
    above = out_ad[max(k - 1, 0), j, i] if k > 0 else typed(0.0, grid.area_t[j, i])
    return (above - out_ad[min(k, nk - 1), j, i]) * grid.r_area_t[j, i]


@point
def tracer_ad(scheme_ad, T, U, V, W, dt, grid, out_ad, k, j, i):
    """What T[k, j, i] passed on through its twelve faces, in the order of the docstring's formula."""
    nk = T.shape[0]
    m, m_west = grid.mask_u[k, j, i], grid.mask_u[k, j, i - ONE]
    p3 = flux_x_ad(scheme_ad, T, U, dt, grid, k, j, i + ONE)
    p2 = flux_x_ad(scheme_ad, T, U, dt, grid, k, j, i)
    p1 = flux_x_ad(scheme_ad, T, U, dt, grid, k, j, i - ONE)
    p0 = flux_x_ad(scheme_ad, T, U, dt, grid, k, j, i - TWO)
    along_x = (
        (p2[1] + m_west * p2[3]) * passed_x(out_ad, grid, k, j, i)
        - m * p3[3] * passed_x(out_ad, grid, k, j, i + ONE)
        + (p1[2] - m * p1[4]) * passed_x(out_ad, grid, k, j, i - ONE)
        + m_west * p0[4] * passed_x(out_ad, grid, k, j, i - TWO)
    )
    m, m_south = grid.mask_v[k, j, i], grid.mask_v[k, j - 1, i]
    q3 = flux_y_ad(scheme_ad, T, V, dt, grid, k, j + 1, i)
    q2 = flux_y_ad(scheme_ad, T, V, dt, grid, k, j, i)
    q1 = flux_y_ad(scheme_ad, T, V, dt, grid, k, j - 1, i)
    q0 = flux_y_ad(scheme_ad, T, V, dt, grid, k, j - 2, i)
    along_y = (
        (q2[1] + m_south * q2[3]) * passed_y(out_ad, grid, k, j, i)
        - m * q3[3] * passed_y(out_ad, grid, k, j + 1, i)
        + (q1[2] - m * q1[4]) * passed_y(out_ad, grid, k, j - 1, i)
        + m_south * q0[4] * passed_y(out_ad, grid, k, j - 2, i)
    )
    # Upward faces; the top of the column has no difference beyond it, land below is masked. Through a resting
    # surface the flow carries T_0 alone, which is both a and b there.
    m_below = grid.mask_t[k + 1, j, i] if k + 1 < nk else np.int8(0)
    m_above = np.int8(1) if k > 0 else np.int8(0)
    r3 = flux_z_ad(scheme_ad, T, W, dt, grid, max(k - 1, 0), j, i)
    r2 = flux_z_ad(scheme_ad, T, W, dt, grid, k, j, i)
    r1 = flux_z_ad(scheme_ad, T, W, dt, grid, k + 1, j, i)
    r0 = flux_z_ad(scheme_ad, T, W, dt, grid, min(k + 2, nk), j, i)
    top = r2[1] + m_below * r2[3] if k > 0 else r2[1] + r2[2]
    m_further = grid.mask_t[k, j, i] if k > 1 else np.int8(0)
    upward = (
        top * passed_z(out_ad, grid, k, j, i)
        - m_further * r3[3] * passed_z(out_ad, grid, max(k - 1, 0), j, i)
        + (r1[2] - m_above * r1[4]) * passed_z(out_ad, grid, k + 1, j, i)
        + r0[4] * passed_z(out_ad, grid, min(k + 2, nk), j, i)
    )
    return along_x + along_y + upward


@point
def transport_ad(p, U, dt, grid, k_a, j_a, i_a, k_b, j_b, i_b):
    """dF/dU of a face from its partial derivatives p, through the Courant numbers as well."""
    c_a, c_b = dt / volume(grid, k_a, j_a, i_a), dt / volume(grid, k_b, j_b, i_b)
    return p[0] + sign(U) * (p[5] * c_a + p[6] * c_b)


@point
def advect_tracer_ad(scheme_ad, T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad, k, j, i):
    p = flux_x_ad(scheme_ad, T, U, dt, grid, k, j, i)
    q = flux_y_ad(scheme_ad, T, V, dt, grid, k, j, i)
    r = flux_z_ad(scheme_ad, T, W, dt, grid, k, j, i)
    above = max(k - 1, 0)
    F_U = transport_ad(p, U[k, j, i], dt, grid, k, j, i, k, j, i + ONE)
    F_V = transport_ad(q, V[k, j, i], dt, grid, k, j, i, k, j + 1, i)
    F_W = transport_ad(r, W[k, j, i], dt, grid, k, j, i, above, j, i)
    T_ad[k, j, i] += tracer_ad(scheme_ad, T, U, V, W, dt, grid, out_ad, k, j, i)
    U_ad[k, j, i] += F_U * passed_x(out_ad, grid, k, j, i)
    V_ad[k, j, i] += F_V * passed_y(out_ad, grid, k, j, i)
    W_ad[k, j, i] += F_W * passed_z(out_ad, grid, k, j, i)


@kernel
def advect_tracer_centred2_ad(T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad):
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                advect_tracer_ad(centred2_ad, T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad, k, j, i)


@kernel
def advect_tracer_upwind3_ad(T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad):
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                advect_tracer_ad(upwind3_ad, T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad, k, j, i)


@kernel
def advect_tracer_monotone_ad(T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad):
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                advect_tracer_ad(monotone_ad, T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad, k, j, i)


ADVECTION_AD = {
    "centred2": advect_tracer_centred2_ad,
    "upwind3": advect_tracer_upwind3_ad,
    "monotone": advect_tracer_monotone_ad,
}
