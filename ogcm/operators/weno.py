"""Advection of a tracer by weighted essentially non-oscillatory (WENO) fluxes of fifth order.

    d(hT)/dt = -div_h(h u T) - delta_k(w T)

    out_kji = -[ X_i - X_{i-1} + Y_j - Y_{j-1} + Z_k - Z_{k+1} ] / area_t          [K m s-1]

The flux through a face is a function of the volume transport U [m3 s-1] through it (U > 0 from a to b) and of the
three cells on either side, of which it uses five, those of the upwind side and two beyond the face:

    .--------.--------.--------|--------.--------.--------.
    |   a''  |   a'   |   a   -U->  b   |   b'   |   b''  |
    '--------'--------'--------|--------'--------'--------'

    e1 = a' - a'',  e2 = a - a',  e3 = b - a,  e4 = b' - b,  e5 = b'' - b'     0 next to land, even if it is NaN there

    F = U x + |U| Q(d1, d2, d3, d4)       x = a, d = (e1, e2, e3, e4)  for U >= 0
                                          x = b, d = (e5, e4, e3, e2)  for U < 0

Q is the weighted mean of the values that three parabolas, each through the means of three cells, have at the face,
relative to x. In smooth water the weights tend to 1/10, 6/10 and 3/10, with which it is the value of the polynomial
through the means of all five cells (fifth order); a parabola that crosses a step gets almost no weight (Jiang and Shu
1996, doi 10.1006/jcph.1996.0130):

    q_0 = (5 d2 - 2 d1)/6              beta_0 = 4 d1^2 - 11 d1 d2 + 10 d2^2
    q_1 = (d2 + 2 d3)/6                beta_1 = 4 d2^2 -  5 d2 d3 +  4 d3^2
    q_2 = (4 d3 - d4)/6                beta_2 = 4 d4^2 - 11 d4 d3 + 10 d3^2       3 times those of Jiang and Shu

    Q = sum w_r q_r,     w_r proportional to g_r (1 + (tau/B_r)^2),     g = (1, 6, 3)/10,    tau = |beta_0 - beta_2|
    B_r = beta_r + EPSILON (beta_0 + beta_1 + beta_2 + UNIFORM)

with the weights of Borges et al. (2008, doi 10.1016/j.jcp.2007.11.038, with the power 2), as in
Oceananigans (Silvestri et al. 2024, doi 10.1029/2023MS004130). Multiplied by the product of all B_r^2, they need one
division; all B_r are first divided by the sum of beta, so that float32 holds the products.

What keeps B_r from 0 is relative to the sum of all beta_r, so that the flux is proportional to the tracer: temperature
in degrees and a dye of 1e-12 are carried alike. A parabola across a step that ends in uniform water has a weight of
about EPSILON^2. UNIFORM gives differences below 1e-21, which count as none, the weights g; it is finite in float32.

Next to land the differences are 0, as if its tracer were that of the water beside it, and beta of a parabola over equal
cells is 0. Flow that comes from land thus carries x (first order), flow from two cells of water has three cells to
choose from (third order), and neither makes an extremum. The same holds above the surface and below the sea floor.

In time, rk3 is stable up to a Courant number of 1.4 along one direction, and no step of a tracer makes a new extremum
larger than 1e-7 of its range up to 0.6 (docs/numerics.md). Along non-uniform cells the order is second, as that of
upwind3.

The adjoint is in `adjoint/operators/weno.py`. The flux is smooth but for |U| at U = 0, whose derivative is that of
U > 0. In uniform water the derivative is that of the weights g; since the flux is proportional to the tracer and not
linear, the derivatives differ by the direction in which the water ceases to be uniform (beyond differences of 1e-21).
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, TWO, kernel, larger, point, row_barrier, typed
from ogcm.operators.stencils import masked, upwind

EPSILON = 1e-6  # smallest B_r relative to the sum of beta
UNIFORM = 1e-36  # [K2]; a sum of beta below EPSILON times this counts as none
THREE = np.uintp(3)


@point
def smoothness(d1, d2, d3, d4):
    """Return beta_0, beta_1, beta_2 [K2] of the three parabolas, large where they are steep or curved."""
    four, five, ten, eleven = typed(4.0, d1), typed(5.0, d1), typed(10.0, d1), typed(11.0, d1)
    near, face = d2 * d2, d3 * d3
    behind = d1 * (four * d1 - eleven * d2) + ten * near
    beyond = d4 * (four * d4 - eleven * d3) + ten * face
    return behind, four * (near + face) - five * d2 * d3, beyond


@point
def relative_smoothness(d1, d2, d3, d4):
    """Return n = 1/(sum of beta + UNIFORM) [K-2], and n B_r of the three parabolas [1]."""
    beta_0, beta_1, beta_2 = smoothness(d1, d2, d3, d4)
    n, epsilon = typed(1.0, d1) / (beta_0 + beta_1 + beta_2 + typed(UNIFORM, d1)), typed(EPSILON, d1)
    return n, beta_0 * n + epsilon, beta_1 * n + epsilon, beta_2 * n + epsilon


@point
def reconstruct(d1, d2, d3, d4):
    """Return Q, the value at the face relative to that of the upwind cell [K]."""
    three, four, five, six = typed(3.0, d1), typed(4.0, d1), typed(5.0, d1), typed(6.0, d1)
    _, B_0, B_1, B_2 = relative_smoothness(d1, d2, d3, d4)
    tau = (B_0 - B_2) * (B_0 - B_2)
    B_0, B_1, B_2 = B_0 * B_0, B_1 * B_1, B_2 * B_2
    a_0, a_1, a_2 = (B_0 + tau) * (B_1 * B_2), six * (B_1 + tau) * (B_0 * B_2), three * (B_2 + tau) * (B_0 * B_1)
    total = six * (a_0 + a_1 + a_2)
    return (a_0 * (five * d2 - (d1 + d1)) + a_1 * (d2 + (d3 + d3)) + a_2 * (four * d3 - d4)) / total


@point
def flux(U, a, b, e1, e2, e3, e4, e5):
    """Return the flux [K m3 s-1] through a face with the transport U [m3 s-1]."""
    d1, d2, d4 = upwind(U, e1, e5), upwind(U, e2, e4), upwind(U, e4, e2)
    # max(U, -U), since LLVM makes no vectors of the branches of |U| in a large loop
    return U * upwind(U, a, b) + larger(U, -U) * reconstruct(d1, d2, e3, d4)


@point
def stencil_x(T, grid, k, j, i):
    """Return the cells a and b and the differences e1 ... e5 of a U point."""
    m, west, a, b, east = grid.mask_u, T[k, j, i - ONE], T[k, j, i], T[k, j, i + ONE], T[k, j, i + TWO]
    e1, e2 = masked(m[k, j, i - TWO], west - T[k, j, i - TWO]), masked(m[k, j, i - ONE], a - west)
    e4, e5 = masked(m[k, j, i + ONE], east - b), masked(m[k, j, i + TWO], T[k, j, i + THREE] - east)
    return a, b, e1, e2, b - a, e4, e5


@point
def stencil_y(T, grid, k, j, i):
    """Return the cells a and b and the differences e1 ... e5 of a V point."""
    m, south, a, b, north = grid.mask_v, T[k, j - 1, i], T[k, j, i], T[k, j + 1, i], T[k, j + 2, i]
    e1, e2 = masked(m[k, j - 2, i], south - T[k, j - 2, i]), masked(m[k, j - 1, i], a - south)
    e4, e5 = masked(m[k, j + 1, i], north - b), masked(m[k, j + 2, i], T[k, j + 3, i] - north)
    return a, b, e1, e2, b - a, e4, e5


@point
def stencil_z(T, m, k, j, i):
    """Return the cells a (below) and b (above) and the differences e1 ... e5 of the top of cell k, with the mask m.

    At the resting surface both cells are the first one and all differences 0; W is 0 at the bottom.
    """
    last = T.shape[0] - 1
    below, above = min(k, last), max(k - 1, 0)
    below_2, above_2 = min(k + 1, last) if k > 0 else 0, max(k - 2, 0)
    below_3, above_3 = min(k + 2, last) if k > 0 else 0, max(k - 3, 0)
    lower, a, b, upper = T[below_2, j, i], T[below, j, i], T[above, j, i], T[above_2, j, i]
    e1, e2 = masked(m[below_3, j, i], lower - T[below_3, j, i]), masked(m[below_2, j, i], a - lower)
    return a, b, e1, e2, b - a, upper - b, T[above_3, j, i] - upper


@point
def flux_x(T, U, grid, k, j, i):
    """Return the eastward flux through a U point [K m3 s-1]; 0 through land."""
    a, b, e1, e2, e3, e4, e5 = stencil_x(T, grid, k, j, i)
    return masked(grid.mask_u[k, j, i], flux(U[k, j, i], a, b, e1, e2, e3, e4, e5))


@point
def flux_y(T, V, grid, k, j, i):
    """Return the northward flux through a V point [K m3 s-1]; 0 through land."""
    a, b, e1, e2, e3, e4, e5 = stencil_y(T, grid, k, j, i)
    return masked(grid.mask_v[k, j, i], flux(V[k, j, i], a, b, e1, e2, e3, e4, e5))


@point
def flux_z(T, W, grid, k, j, i):
    """Return the upward flux through the top of cell k [K m3 s-1]: W T_0 at a resting surface; W is 0 at the bottom."""
    a, b, e1, e2, e3, e4, e5 = stencil_z(T, grid.mask_t, k, j, i)
    return masked(grid.mask_t[min(k, T.shape[0] - 1), j, i], flux(W[k, j, i], a, b, e1, e2, e3, e4, e5))


@kernel
def advect_tracer_weno5(T, U, V, W, dt, grid, out):
    """Compute the advection of a tracer with WENO fluxes of fifth order.

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
    out : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendency [K m s-1], written on the interior.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        X, top = np.empty((nk, ni), T.dtype), np.empty(ni, T.dtype)  # each flux along i and k is computed once
        for k in range(nk):
            for ii in range(HALO - 1, ni - HALO):
                X[k, np.uintp(ii)] = flux_x(T, U, grid, k, j, np.uintp(ii))
        row_barrier()
        for ii in range(HALO, ni - HALO):
            top[np.uintp(ii)] = flux_z(T, W, grid, 0, j, np.uintp(ii))
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                base = flux_z(T, W, grid, k + 1, j, i)
                along_y = flux_y(T, V, grid, k, j, i) - flux_y(T, V, grid, k, j - 1, i)
                out[k, j, i] = -(X[k, i] - X[k, i - ONE] + along_y + top[i] - base) * grid.r_area_t[j, i]
                top[i] = base
