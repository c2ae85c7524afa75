"""Advection of a tracer, in flux form.

    d(hT)/dt = -div_h(h u T) - delta_k(w T)

    out_kji = -[ X_i - X_{i-1} + Y_j - Y_{j-1} + Z_k - Z_{k+1} ] / area_t          [K m s-1]

The flux through a face is a function of the volume transport U [m3 s-1] through it, of the two
cells a and b that it joins (U > 0 from a to b), of the differences beyond them, 0 next to land (even
if it is NaN there), d_a = m (a - a'), d_b = m (b' - b), and of the Courant number c of the upwind cell:

    .--------.--------|--------.--------.
    |   a'   |   a   -U->  b   |   b'   |
    '--------'--------|--------'--------'

    centred2   U (a + b)/2
    upwind3    U x + |U| (2 (b - a) + e)/6
               Leonard (1979, doi 10.1016/0045-7825(79)90034-3), the kappa = 1/3 scheme
    monotone   U x + |U| L(b - a, e, c)
               L(d, e, c) = s max(0, min(s d, s (d0 d + d1 e), s e min(1, (1 - c)/c))), s = sgn(d),
               d0 = (2 - c)(1 - c)/6, d1 = (1 - c^2)/6: third-order direct space-time (Hundsdorfer and
               Trompert 1994, doi 10.1016/0168-9274(94)90009-4; MITgcm's scheme 33) with the limit
               s e in place of s e (1 - c)/c where c < 1/2, so that no new extremum appears while
               the Courant numbers of a cell sum to at most 1/2. To be evaluated at the old time level.

where x is the tracer of the upwind cell and e the difference beyond it: a and d_a for U >= 0, else b and d_b.

The adjoint is in `adjoint/operators/tracer_advection.py`. Kinks take the derivative of the branch taken: at U = 0
that of U > 0; the limiter 0 where it is 0 (uniform tracers among them), else at a tie the first of the three.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, TWO, kernel, larger, point, smaller, typed
from ogcm.operators.stencils import masked, upwind
from ogcm.operators.weno import advect_tracer_weno5


@point
def centred2(U, a, b, d_a, d_b, v_a, v_b, dt):
    """Return the flux of the scheme `centred2` [K m3 s-1] through a face with the transport U [m3 s-1]."""
    return U * HALF * (a + b)


@point
def upwind3(U, a, b, d_a, d_b, v_a, v_b, dt):
    """Return the flux of the scheme `upwind3` [K m3 s-1] through a face with the transport U [m3 s-1]."""
    x, e = upwind(U, a, b), upwind(U, d_a, d_b)
    # max(U, -U), since LLVM makes no vectors of the branches of |U| in a large loop
    return U * x + larger(U, -U) * (typed(1 / 6, U) * ((b - a) + (b - a) + e))


@point
def monotone(U, a, b, d_a, d_b, v_a, v_b, dt):
    """Return the flux of the scheme `monotone` [K m3 s-1] through a face with the transport U [m3 s-1].

    Written for vectors: no branch has code of its own, and all three arguments of the limiter are multiplied by
    max(1, 2 c), which leaves c as the only division.
    """
    one, sixth = typed(1.0, U), typed(1 / 6, U)
    speed, d, e = larger(U, -U), b - a, upwind(U, d_a, d_b)
    capacity = upwind(U, v_a, v_b) * (one / dt)  # the transport that empties the upwind cell in a step
    c = speed / capacity
    scale = larger(one, c + c)
    third_order = sixth * (one - c) * ((one + one - c) * d + (one + c) * e)
    steepest = e * smaller(one, one + one - scale)
    s = one if d.real >= 0 else -one
    least = smaller(smaller(s * (scale * d), s * (scale * third_order)), s * steepest)
    least = larger(typed(0.0, U) * least, least)
    return U * upwind(U, a, b) + smaller(speed, HALF * capacity) * (s * least)


@point
def volume(grid, k, j, i):
    """Return the volume of a cell at rest [m3], and a tiny positive number on land."""
    return grid.area_t[j, i] * grid.h_t[k, j, i] + typed(1e-30, grid.area_t[j, i])


@point
def flux_x(scheme, T, U, dt, grid, k, j, i):
    """Return the eastward flux through a U point [K m3 s-1]; 0 through land."""
    a, b = T[k, j, i], T[k, j, i + ONE]
    d_a = masked(grid.mask_u[k, j, i - ONE], a - T[k, j, i - ONE])
    d_b = masked(grid.mask_u[k, j, i + ONE], T[k, j, i + TWO] - b)
    flux = scheme(U[k, j, i], a, b, d_a, d_b, volume(grid, k, j, i), volume(grid, k, j, i + ONE), dt)
    return masked(grid.mask_u[k, j, i], flux)


@point
def flux_y(scheme, T, V, dt, grid, k, j, i):
    """Return the northward flux through a V point [K m3 s-1]; 0 through land."""
    a, b = T[k, j, i], T[k, j + 1, i]
    d_a = masked(grid.mask_v[k, j - 1, i], a - T[k, j - 1, i])
    d_b = masked(grid.mask_v[k, j + 1, i], T[k, j + 2, i] - b)
    flux = scheme(V[k, j, i], a, b, d_a, d_b, volume(grid, k, j, i), volume(grid, k, j + 1, i), dt)
    return masked(grid.mask_v[k, j, i], flux)


@point
def flux_z(scheme, T, W, dt, grid, k, j, i):
    """Return the upward flux through the top of cell k [K m3 s-1]: W T_0 at a resting surface; W is 0 at the bottom."""
    nk = T.shape[0]
    below, above = min(k, nk - 1), max(k - 1, 0)
    a, b = T[below, j, i], T[above, j, i]
    further_below, further_above = min(k + 1, nk - 1) if k > 0 else 0, max(k - 2, 0)  # no difference at the surface
    d_a = masked(grid.mask_t[further_below, j, i], a - T[further_below, j, i])
    d_b = T[further_above, j, i] - b
    flux = scheme(W[k, j, i], a, b, d_a, d_b, volume(grid, below, j, i), volume(grid, above, j, i), dt)
    return masked(grid.mask_t[below, j, i], flux)


@point
def divergence(scheme, T, U, V, W, dt, grid, k, j, i):
    """Return the divergence of the fluxes of a cell over its area [K m s-1]."""
    return (
        flux_x(scheme, T, U, dt, grid, k, j, i)
        - flux_x(scheme, T, U, dt, grid, k, j, i - ONE)
        + flux_y(scheme, T, V, dt, grid, k, j, i)
        - flux_y(scheme, T, V, dt, grid, k, j - 1, i)
        + flux_z(scheme, T, W, dt, grid, k, j, i)
        - flux_z(scheme, T, W, dt, grid, k + 1, j, i)
    ) * grid.r_area_t[j, i]


@kernel
def advect_tracer_centred2(T, U, V, W, dt, grid, out):
    """Compute the advection of a tracer with centred fluxes of second order.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    dt : float
        Time step [s], for the Courant numbers of `monotone`.
    grid : Grid
        Metric terms and masks.
    out : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendency [K m s-1], written on the interior.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                out[k, j, np.uintp(ii)] = -divergence(centred2, T, U, V, W, dt, grid, k, j, np.uintp(ii))


@kernel
def advect_tracer_upwind3(T, U, V, W, dt, grid, out):
    """Compute the advection of a tracer with upwind-biased fluxes of third order.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    dt : float
        Time step [s], for the Courant numbers of `monotone`.
    grid : Grid
        Metric terms and masks.
    out : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendency [K m s-1], written on the interior.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                out[k, j, np.uintp(ii)] = -divergence(upwind3, T, U, V, W, dt, grid, k, j, np.uintp(ii))


@kernel
def advect_tracer_monotone(T, U, V, W, dt, grid, out):
    """Compute the advection of a tracer with limited fluxes that make no new extremum.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    dt : float
        Time step [s], for the Courant numbers of `monotone`.
    grid : Grid
        Metric terms and masks.
    out : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendency [K m s-1], written on the interior.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                out[k, j, np.uintp(ii)] = -divergence(monotone, T, U, V, W, dt, grid, k, j, np.uintp(ii))


ADVECTION = {
    "centred2": advect_tracer_centred2,
    "upwind3": advect_tracer_upwind3,
    "monotone": advect_tracer_monotone,
    "weno5": advect_tracer_weno5,
}
