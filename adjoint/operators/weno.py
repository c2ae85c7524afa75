"""Adjoint of `ogcm/operators/weno.py`.

Forward, with the flux of a face F = U x + |U| Q(d1, d2, d3, d4), of the cell x and the differences d upwind of it:

    out_i = -[ F_i - F_{i-1} + ... ] / area_i

Adjoint of the flux through the eastern face of i (likewise the northern one; upward for the top):

    G_i = dJ/dF_i = out_ad_{i+1} / area_{i+1} - out_ad_i / area_i

The mean Q = sum a_r q_r / A, A = sum a_r, with a_0 = (c_0 + tau) c_1 c_2, a_1 = 6 (c_1 + tau) c_0 c_2,
a_2 = 3 (c_2 + tau) c_0 c_1, c_r = B_r^2 and tau = (B_0 - B_2)^2, has the derivatives

    Q_{a_r} = (q_r - Q)/A                        Q_tau = Q_{a_0} c_1 c_2 + 6 Q_{a_1} c_0 c_2 + 3 Q_{a_2} c_0 c_1
    Q_{c_0} = Q_{a_0} c_1 c_2 + 6 Q_{a_1} (c_1 + tau) c_2 + 3 Q_{a_2} (c_2 + tau) c_1       likewise for c_1, c_2
    Q_{B_0} = 2 B_0 Q_{c_0} + 2 (B_0 - B_2) Q_tau,   Q_{B_1} = 2 B_1 Q_{c_1},   Q_{B_2} = 2 B_2 Q_{c_2} - 2 (...) Q_tau
    Q_{beta_r} = n [ Q_{B_r} + EPSILON sum_s Q_{B_s} ]

(The factor n, which makes B_r relative, has no derivative: Q does not change if all B_r have a common factor.) With
those of beta_r and q_r by d1 ... d4 this gives Q_1 ... Q_4, and E_1 ... E_5 = |U| G times the derivatives of Q by the
differences of the face, (Q_1, Q_2, Q_3, Q_4, 0) for U >= 0, else (0, Q_4, Q_3, Q_2, Q_1). A difference
e_i = T_{i+1} - T_i is one of those of five faces, and a tracer is in two differences and upwind of its faces:

    e_ad_i = E_1 | face i+2 + E_2 | face i+1 + E_3 | face i + E_4 | face i-1 + E_5 | face i-2
    T_ad_i += e_ad_{i-1} - e_ad_i + (U G) | face i if U_i >= 0 + (U G) | face i-1 if U_{i-1} < 0
    U_ad_i += (x + sgn(U) Q) G | face i

A tracer thus gathers from faces i-3 ... i+2, whose stencils reach five cells to either side. So E of the interior is
kept at the faces and exchanged, along i and then along j; along k a column has all of its faces. It needs T, U, V and
W of the forward run. |U| at U = 0 has the derivative of U > 0.
"""

import numpy as np
from numba import prange

from adjoint.operators.stencils import difference_x, difference_y, difference_z
from ogcm.backend import HALO, ONE, TWO, absolute, kernel, point, typed
from ogcm.halo import exchange
from ogcm.operators.stencils import masked, upwind
from ogcm.operators.weno import EPSILON, relative_smoothness, stencil_x, stencil_y, stencil_z


@point
def smoothness_ad(d1, d2, d3, d4, beta_0_ad, beta_1_ad, beta_2_ad):
    """Return the adjoints of d1 ... d4 by those of the three beta."""
    eight, eleven, twenty, five = typed(8.0, d1), typed(11.0, d1), typed(20.0, d1), typed(5.0, d1)
    return (
        (eight * d1 - eleven * d2) * beta_0_ad,
        (twenty * d2 - eleven * d1) * beta_0_ad + (eight * d2 - five * d3) * beta_1_ad,
        (twenty * d3 - eleven * d4) * beta_2_ad + (eight * d3 - five * d2) * beta_1_ad,
        (eight * d4 - eleven * d3) * beta_2_ad,
    )


@point
def reconstruct_ad(d1, d2, d3, d4):
    """Return Q and its partial derivatives Q_1 ... Q_4 by d1 ... d4, of `reconstruct`."""
    one, two, three, four, six = typed(1.0, d1), typed(2.0, d1), typed(3.0, d1), typed(4.0, d1), typed(6.0, d1)
    sixth, five, epsilon = typed(1 / 6, d1), typed(5.0, d1), typed(EPSILON, d1)
    n, B_0, B_1, B_2 = relative_smoothness(d1, d2, d3, d4)
    difference, c_0, c_1, c_2 = B_0 - B_2, B_0 * B_0, B_1 * B_1, B_2 * B_2
    tau = difference * difference
    t_0, t_1, t_2 = c_0 + tau, six * (c_1 + tau), three * (c_2 + tau)
    c_12, c_02, c_01 = c_1 * c_2, c_0 * c_2, c_0 * c_1
    r = one / (t_0 * c_12 + t_1 * c_02 + t_2 * c_01)
    w_0, w_1, w_2 = sixth * r * t_0 * c_12, sixth * r * t_1 * c_02, sixth * r * t_2 * c_01
    q_0, q_1, q_2 = five * d2 - (d1 + d1), d2 + (d3 + d3), four * d3 - d4
    Q = w_0 * q_0 + w_1 * q_1 + w_2 * q_2
    a_0, a_1, a_2 = (sixth * q_0 - Q) * r, (sixth * q_1 - Q) * r, (sixth * q_2 - Q) * r
    by_tau = difference * (a_0 * c_12 + six * a_1 * c_02 + three * a_2 * c_01)
    by_B_0 = two * (B_0 * (a_0 * c_12 + a_1 * t_1 * c_2 + a_2 * t_2 * c_1) + by_tau)
    by_B_1 = two * B_1 * (six * a_1 * c_02 + a_0 * t_0 * c_2 + a_2 * t_2 * c_0)
    by_B_2 = two * (B_2 * (three * a_2 * c_01 + a_0 * t_0 * c_1 + a_1 * t_1 * c_0) - by_tau)
    common = epsilon * (by_B_0 + by_B_1 + by_B_2)
    by_B_0, by_B_1, by_B_2 = n * (by_B_0 + common), n * (by_B_1 + common), n * (by_B_2 + common)
    Q_1, Q_2, Q_3, Q_4 = smoothness_ad(d1, d2, d3, d4, by_B_0, by_B_1, by_B_2)
    return Q, Q_1 - two * w_0, Q_2 + five * w_0 + w_1, Q_3 + two * w_1 + four * w_2, Q_4 - w_2


@point
def by_differences(c, Q_1, Q_2, Q_3, Q_4):
    """Return the derivatives of Q by e1 ... e5, for a flow c across the face."""
    zero = typed(0.0, c)
    return upwind(c, Q_1, zero), upwind(c, Q_2, Q_4), Q_3, upwind(c, Q_4, Q_2), upwind(c, zero, Q_1)


@point
def flux_ad(U, G, a, b, e1, e2, e3, e4, e5):
    """Return the adjoint of the transport through a face, and E_1 ... E_5 of its differences."""
    Q, Q_1, Q_2, Q_3, Q_4 = reconstruct_ad(upwind(U, e1, e5), upwind(U, e2, e4), e3, upwind(U, e4, e2))
    one, size = typed(1.0, U), absolute(U) * G
    F_U = (upwind(U, a, b) + upwind(U, one, -one) * Q) * G
    E1, E2, E3, E4, E5 = by_differences(U, size * Q_1, size * Q_2, size * Q_3, size * Q_4)
    return F_U, E1, E2, E3, E4, E5


@kernel
def flux_x_ad(T, U, grid, out_ad, U_ad, E_1, E_2, E_3, E_4, E_5):
    """Compute the adjoint of the fluxes along x: of the transport and of the differences of each face.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    U : ndarray, shape (nk, nj, ni)
        Volume transport through U points [m3 s-1].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency, halo filled.
    U_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the transport, added to.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each face, written on the interior.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                a, b, e1, e2, e3, e4, e5 = stencil_x(T, grid, k, j, i)
                m, G = grid.mask_u[k, j, i], difference_x(out_ad, grid, k, j, i)
                F_U, E1, E2, E3, E4, E5 = flux_ad(U[k, j, i], G, a, b, e1, e2, e3, e4, e5)
                U_ad[k, j, i] += masked(m, F_U)
                E_1[k, j, i], E_2[k, j, i], E_3[k, j, i] = masked(m, E1), masked(m, E2), masked(m, E3)
                E_4[k, j, i], E_5[k, j, i] = masked(m, E4), masked(m, E5)


@kernel
def flux_y_ad(T, V, grid, out_ad, V_ad, E_1, E_2, E_3, E_4, E_5):
    """Compute the adjoint of the fluxes along y: of the transport and of the differences of each face.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    V : ndarray, shape (nk, nj, ni)
        Volume transport through V points [m3 s-1].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency, halo filled.
    V_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the transport, added to.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each face, written on the interior.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                a, b, e1, e2, e3, e4, e5 = stencil_y(T, grid, k, j, i)
                m, G = grid.mask_v[k, j, i], difference_y(out_ad, grid, k, j, i)
                F_V, E1, E2, E3, E4, E5 = flux_ad(V[k, j, i], G, a, b, e1, e2, e3, e4, e5)
                V_ad[k, j, i] += masked(m, F_V)
                E_1[k, j, i], E_2[k, j, i], E_3[k, j, i] = masked(m, E1), masked(m, E2), masked(m, E3)
                E_4[k, j, i], E_5[k, j, i] = masked(m, E4), masked(m, E5)


@point
def carried(U, G, face):
    """Return U G of an open face, the adjoint of its upwind cell; 0 of a closed one."""
    return masked(face, U * G)


@point
def gather_along_x(m, E_1, E_2, E_3, E_4, E_5, k, j, i):
    """Return e_ad, the adjoint of the difference across a face with the mask m, from five faces along x."""
    east, further_east = masked(m[k, j, i + ONE], E_2[k, j, i + ONE]), masked(m[k, j, i + TWO], E_1[k, j, i + TWO])
    west, further_west = masked(m[k, j, i - ONE], E_4[k, j, i - ONE]), masked(m[k, j, i - TWO], E_5[k, j, i - TWO])
    return masked(m[k, j, i], E_3[k, j, i] + ((east + further_east) + (west + further_west)))


@point
def gather_along_y(m, E_1, E_2, E_3, E_4, E_5, k, j, i):
    """Return e_ad, the adjoint of the difference across a face with the mask m, from five faces along y."""
    north, further_north = masked(m[k, j + 1, i], E_2[k, j + 1, i]), masked(m[k, j + 2, i], E_1[k, j + 2, i])
    south, further_south = masked(m[k, j - 1, i], E_4[k, j - 1, i]), masked(m[k, j - 2, i], E_5[k, j - 2, i])
    return masked(m[k, j, i], E_3[k, j, i] + ((north + further_north) + (south + further_south)))


@point
def gather_along_z(m, E_1, E_2, E_3, E_4, E_5, k, j, i):
    """Return e_ad of the top of cell k > 0 with the mask m; 0 at the bottom, where there is no difference.

    E of the top of cell k in the columns of a row lies at k + 1, between zeros.
    """
    nk = m.shape[0]
    others = (E_2[k, i] + E_1[k - 1, i]) + (E_4[k + 2, i] + E_5[k + 3, i])
    total = E_3[k + 1, i] + masked(m[min(k, nk - 1), j, i], others)
    return total if k < nk else typed(0.0, total)


@kernel
def gather_x(U, grid, out_ad, E_1, E_2, E_3, E_4, E_5, T_ad):
    """Add the adjoint of the tracer by the fluxes along x.

    Parameters
    ----------
    U : ndarray, shape (nk, nj, ni)
        Volume transport through U points [m3 s-1].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency, halo filled.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each face, halo filled.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to.
    """
    nk, nj, ni = T_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here, west, zero = U[k, j, i], U[k, j, i - ONE], typed(0.0, U[k, j, i])
                east_face = carried(here, difference_x(out_ad, grid, k, j, i), grid.mask_u[k, j, i])
                west_face = carried(west, difference_x(out_ad, grid, k, j, i - ONE), grid.mask_u[k, j, i - ONE])
                e_west = gather_along_x(grid.mask_u, E_1, E_2, E_3, E_4, E_5, k, j, i - ONE)
                e_east = gather_along_x(grid.mask_u, E_1, E_2, E_3, E_4, E_5, k, j, i)
                T_ad[k, j, i] += e_west - e_east + (upwind(here, east_face, zero) + upwind(west, zero, west_face))


@kernel
def gather_y(V, grid, out_ad, E_1, E_2, E_3, E_4, E_5, T_ad):
    """Add the adjoint of the tracer by the fluxes along y.

    Parameters
    ----------
    V : ndarray, shape (nk, nj, ni)
        Volume transport through V points [m3 s-1].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency, halo filled.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each face, halo filled.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to.
    """
    nk, nj, ni = T_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here, south, zero = V[k, j, i], V[k, j - 1, i], typed(0.0, V[k, j, i])
                north_face = carried(here, difference_y(out_ad, grid, k, j, i), grid.mask_v[k, j, i])
                south_face = carried(south, difference_y(out_ad, grid, k, j - 1, i), grid.mask_v[k, j - 1, i])
                e_south = gather_along_y(grid.mask_v, E_1, E_2, E_3, E_4, E_5, k, j - 1, i)
                e_north = gather_along_y(grid.mask_v, E_1, E_2, E_3, E_4, E_5, k, j, i)
                T_ad[k, j, i] += e_south - e_north + (upwind(here, north_face, zero) + upwind(south, zero, south_face))


@kernel
def flux_z_ad(T, W, grid, out_ad, W_ad, T_ad):
    """Add the adjoint of the fluxes along z: of the transports and of the tracer.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency.
    W_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the upward transports, added to.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        # E of the top of cell k lies at k + 1; it is 0 at the surface and beyond the last cell
        E_1, E_2 = np.zeros((nk + 4, ni), T.dtype), np.zeros((nk + 4, ni), T.dtype)
        E_3, E_4 = np.zeros((nk + 4, ni), T.dtype), np.zeros((nk + 4, ni), T.dtype)
        E_5 = np.zeros((nk + 4, ni), T.dtype)
        top_ad = np.zeros(ni, T.dtype)  # adjoint of the difference across the top of a cell
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                a, b, e1, e2, e3, e4, e5 = stencil_z(T, grid.mask_t, k, j, i)
                m, G = grid.mask_t[k, j, i], difference_z(out_ad, grid, k, j, i)
                F_W, E1, E2, E3, E4, E5 = flux_ad(W[k, j, i], G, a, b, e1, e2, e3, e4, e5)
                W_ad[k, j, i] += masked(m, F_W)
                m = m if k > 0 else np.int8(0)
                E_1[k + 1, i], E_2[k + 1, i], E_3[k + 1, i] = masked(m, E1), masked(m, E2), masked(m, E3)
                E_4[k + 1, i], E_5[k + 1, i] = masked(m, E4), masked(m, E5)
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                m, above, below, zero = grid.mask_t[k, j, i], W[k, j, i], W[k + 1, j, i], typed(0.0, W[k, j, i])
                top = carried(above, difference_z(out_ad, grid, k, j, i), m)
                base = carried(below, difference_z(out_ad, grid, k + 1, j, i), m)
                both = (upwind(above, top, zero) if k > 0 else top) + upwind(below, zero, base)
                base_ad = gather_along_z(grid.mask_t, E_1, E_2, E_3, E_4, E_5, k + 1, j, i)
                T_ad[k, j, i] += base_ad - top_ad[i] + both
                top_ad[i] = base_ad


def advect_tracer_weno5_ad(T, U, V, W, dt, grid, out_ad, T_ad, U_ad, V_ad, W_ad, E_1, E_2, E_3, E_4, E_5):
    """Add the adjoint of the advection with WENO fluxes of fifth order.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    dt : float
        Time step [s], not used.
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
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Work arrays, overwritten.
    """
    E = E_1, E_2, E_3, E_4, E_5
    flux_x_ad(T, U, grid, out_ad, U_ad, *E)
    exchange(grid, *E)
    gather_x(U, grid, out_ad, *E, T_ad)
    flux_y_ad(T, V, grid, out_ad, V_ad, *E)
    exchange(grid, *E)
    gather_y(V, grid, out_ad, *E, T_ad)
    flux_z_ad(T, W, grid, out_ad, W_ad, T_ad)
