"""Adjoint of `ogcm/operators/momentum_advection.py`.

potential_vorticity   q = (f + zeta)/(h_f s_f),  zeta = mask [ delta_i(v dy_v) - delta_j(u dx_u) ]/area_f.
                      With Z = mask q_ad/(h_f s_f area_f):

    u_ad_j += dx_u (Z_j - Z_{j-1}),   v_ad_i += dy_v (Z_{i-1} - Z_i),   s_f_ad -= sum_k q q_ad/s_f

                      It needs the result q of the forward run.

advect_momentum       G_u = mask_u [ (<q V> - K_{i+1} + K_i)/dx_u - (top (u_{k-1} - u_k) + base (u_k - u_{k+1}))/(4 x) ]
                      G_v = mask_v [ (-<q U> - K_{j+1} + K_j)/dy_v - ... ],   x = area_u h_u s_u, top and base twice
                      the mean W. With g = mask_u G_u_ad/dx_u, h = mask_v G_v_ad/dy_v, l = -mask_u G_u_ad/(4 x) and
                      m likewise at V:

    K_ad     = g_i - g_{i-1} + h_j - h_{j-1},   u_ad_i += u_i (K_ad_i + K_ad_{i+1})/2,   v_ad_j alike
    u_ad_k  += -top_k (l_k + l_{k-1}) + base_k (l_k + l_{k+1}),    v_ad_k alike with m
    W_ad_k  += (u_{k-1} - u_k)(l_k + l_{k-1}) at the two U points, and of v at the two V points, of the column
    s_u_ad  -= sum_k l (top (u_{k-1} - u_k) + base (u_k - u_{k+1}))/s_u

    and for the brackets, each q and each flow gathers from the points that used it:
    energy     q_ad += [ (V_i + V_{i+1})(g_j + g_{j+1}) - (U_j + U_{j+1})(h_i + h_{i+1}) ]/4
               V_ad += [ q_i (g_j + g_{j+1})_i + q_{i-1} (g_j + g_{j+1})_{i-1} ]/4,   U_ad -= alike with h
    enstrophy  with the sum F of the four flows and the pair p of q at a velocity point:
               q_ad += [ F_j g_j + F_{j+1} g_{j+1} - F_i h_i - F_{i+1} h_{i+1} ]/8,
               V_ad += sum of p g over its four U points/8,   U_ad -= sum of p h over its four V points/8
    al81       q_ad gathers the six U and the six V points whose triads hold it, V_ad the four U points, U_ad the
               four V points that it flows around, each with its triad, /12

The loops begin one point early: the F points of closed southern and western walls lie in the halo, and their q is used
(enstrophy, al81; no-slip walls) and depends on the surface and the velocity beside them. l and m, which each
point reads at several places, are computed once for each row, in all layers. No kinks.
"""

import numpy as np
from numba import prange

from adjoint.operators.stencils import per_dx_u, per_dy_v
from ogcm.backend import HALF, HALO, ONE, QUARTER, kernel, point, row_barrier, typed
from ogcm.operators.momentum_advection import vertical_u, vertical_v
from ogcm.operators.stencils import masked


@point
def circulation_ad(q_ad, s_f, grid, k, j, i):
    """Return Z, the adjoint of the circulation around an F point."""
    return grid.mask_f[k, j, i] * q_ad[k, j, i] / (grid.h_f[k, j, i] * s_f[j, i]) * grid.r_area_f[j, i]


@kernel
def potential_vorticity_ad(q, s_f, grid, q_ad, u_ad, v_ad, s_f_ad):
    """Add the adjoint of the potential vorticity.

    Parameters
    ----------
    q : ndarray, shape (nk, nj, ni)
        Potential vorticity, the result of the forward kernel [m-1 s-1].
    s_f : ndarray, shape (nj, ni)
        Stretching of the layers at F points [1].
    grid : Grid
        Metric terms and masks.
    q_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the potential vorticity, halo filled.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    s_f_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    """
    nk, nj, ni = q.shape
    for j in prange(HALO - 1, nj - HALO):
        total = np.zeros(ni, q.dtype)
        for k in range(nk):
            for ii in range(HALO - 1, ni - HALO):
                i = np.uintp(ii)
                here = circulation_ad(q_ad, s_f, grid, k, j, i)
                u_ad[k, j, i] += grid.dx_u[j, i] * (here - circulation_ad(q_ad, s_f, grid, k, j - 1, i))
                v_ad[k, j, i] += grid.dy_v[j, i] * (circulation_ad(q_ad, s_f, grid, k, j, i - ONE) - here)
                total[i] += q[k, j, i] * q_ad[k, j, i]
        for ii in range(HALO - 1, ni - HALO):
            i = np.uintp(ii)
            s_f_ad[j, i] -= total[i] / s_f[j, i]


@point
def vertical_weights(G_ad, mask, area, h, s, j, weight):
    """Write l (or m) of row j into weight (nk + 2, ni): one row for each layer, between two rows of zeros."""
    nk, _, ni = G_ad.shape
    for k in range(nk):
        for ii in range(ni):
            i = np.uintp(ii)
            value = -QUARTER * G_ad[k, j, i] / (area[j, i] * h[k, j, i] * s[j, i])
            weight[k + 1, i] = masked(mask[k, j, i], value)


@point
def energy_q_ad(q, U, V, G_u_ad, G_v_ad, grid, k, j, i):
    """Return the adjoint of q at an F point by the brackets of `energy`."""
    flow_u = U[k, j, i] + U[k, j + 1, i]
    flow_v = V[k, j, i] + V[k, j, i + ONE]
    g = per_dx_u(G_u_ad, grid, k, j, i) + per_dx_u(G_u_ad, grid, k, j + 1, i)
    h = per_dy_v(G_v_ad, grid, k, j, i) + per_dy_v(G_v_ad, grid, k, j, i + ONE)
    return QUARTER * (flow_v * g - flow_u * h)


@point
def energy_V_ad(q, G_u_ad, grid, k, j, i):
    """Return the adjoint of V at a V point by the bracket <q V> of `energy`."""
    east = per_dx_u(G_u_ad, grid, k, j, i) + per_dx_u(G_u_ad, grid, k, j + 1, i)
    west = per_dx_u(G_u_ad, grid, k, j, i - ONE) + per_dx_u(G_u_ad, grid, k, j + 1, i - ONE)
    return QUARTER * (q[k, j, i] * east + q[k, j, i - ONE] * west)


@point
def energy_U_ad(q, G_v_ad, grid, k, j, i):
    """Return the adjoint of U at a U point by the bracket -<q U> of `energy`."""
    north = per_dy_v(G_v_ad, grid, k, j, i) + per_dy_v(G_v_ad, grid, k, j, i + ONE)
    south = per_dy_v(G_v_ad, grid, k, j - 1, i) + per_dy_v(G_v_ad, grid, k, j - 1, i + ONE)
    return -QUARTER * (q[k, j, i] * north + q[k, j - 1, i] * south)


@point
def around_u(V, k, j, i):
    """Return the sum of the four V around a U point."""
    return (V[k, j, i] + V[k, j, i + ONE]) + (V[k, j - 1, i] + V[k, j - 1, i + ONE])


@point
def around_v(U, k, j, i):
    """Return the sum of the four U around a V point."""
    return (U[k, j, i] + U[k, j + 1, i]) + (U[k, j, i - ONE] + U[k, j + 1, i - ONE])


@point
def pair_u(q, k, j, i):
    """Return the sum of the two q beside a U point."""
    return q[k, j, i] + q[k, j - 1, i]


@point
def pair_v(q, k, j, i):
    """Return the sum of the two q beside a V point."""
    return q[k, j, i] + q[k, j, i - ONE]


@point
def both_flows_q_ad(U, V, G_u_ad, G_v_ad, grid, k, j, i):
    """Return the adjoint of q as one of the pairs at its two U and its two V points, times 8 or 12."""
    north = around_u(V, k, j + 1, i) * per_dx_u(G_u_ad, grid, k, j + 1, i)
    south = around_u(V, k, j, i) * per_dx_u(G_u_ad, grid, k, j, i)
    east = around_v(U, k, j, i + ONE) * per_dy_v(G_v_ad, grid, k, j, i + ONE)
    west = around_v(U, k, j, i) * per_dy_v(G_v_ad, grid, k, j, i)
    return (north + south) - (east + west)


@point
def enstrophy_q_ad(q, U, V, G_u_ad, G_v_ad, grid, k, j, i):
    """Return the adjoint of q at an F point by the brackets of `enstrophy`."""
    return HALF * QUARTER * both_flows_q_ad(U, V, G_u_ad, G_v_ad, grid, k, j, i)


@point
def enstrophy_V_ad(q, G_u_ad, grid, k, j, i):
    """Return the adjoint of V at a V point by the bracket <q V> of `enstrophy`."""
    south_east = pair_u(q, k, j, i) * per_dx_u(G_u_ad, grid, k, j, i)
    south_west = pair_u(q, k, j, i - ONE) * per_dx_u(G_u_ad, grid, k, j, i - ONE)
    north_east = pair_u(q, k, j + 1, i) * per_dx_u(G_u_ad, grid, k, j + 1, i)
    north_west = pair_u(q, k, j + 1, i - ONE) * per_dx_u(G_u_ad, grid, k, j + 1, i - ONE)
    return HALF * QUARTER * ((south_east + north_east) + (south_west + north_west))


@point
def enstrophy_U_ad(q, G_v_ad, grid, k, j, i):
    """Return the adjoint of U at a U point by the bracket -<q U> of `enstrophy`."""
    north_west = pair_v(q, k, j, i) * per_dy_v(G_v_ad, grid, k, j, i)
    south_west = pair_v(q, k, j - 1, i) * per_dy_v(G_v_ad, grid, k, j - 1, i)
    north_east = pair_v(q, k, j, i + ONE) * per_dy_v(G_v_ad, grid, k, j, i + ONE)
    south_east = pair_v(q, k, j - 1, i + ONE) * per_dy_v(G_v_ad, grid, k, j - 1, i + ONE)
    return -HALF * QUARTER * ((north_west + south_west) + (north_east + south_east))


@point
def al81_q_ad(q, U, V, G_u_ad, G_v_ad, grid, k, j, i):
    """Return the adjoint of q at an F point by the brackets of `al81`."""
    east = per_dx_u(G_u_ad, grid, k, j, i + ONE) + per_dx_u(G_u_ad, grid, k, j + 1, i + ONE)
    west = per_dx_u(G_u_ad, grid, k, j, i - ONE) + per_dx_u(G_u_ad, grid, k, j + 1, i - ONE)
    north = per_dy_v(G_v_ad, grid, k, j + 1, i) + per_dy_v(G_v_ad, grid, k, j + 1, i + ONE)
    south = per_dy_v(G_v_ad, grid, k, j - 1, i) + per_dy_v(G_v_ad, grid, k, j - 1, i + ONE)
    triads_u = V[k, j, i + ONE] * east + V[k, j, i] * west
    triads_v = U[k, j + 1, i] * north + U[k, j, i] * south
    pairs = both_flows_q_ad(U, V, G_u_ad, G_v_ad, grid, k, j, i)
    return typed(1 / 12, U[k, j, i]) * (pairs + (triads_u - triads_v))


@point
def al81_V_ad(q, G_u_ad, grid, k, j, i):
    """Return the adjoint of V at a V point by the bracket <q V> of `al81`."""
    here, west = q[k, j, i], q[k, j, i - ONE]
    south_east = (pair_u(q, k, j, i) + west) * per_dx_u(G_u_ad, grid, k, j, i)
    south_west = (pair_u(q, k, j, i - ONE) + here) * per_dx_u(G_u_ad, grid, k, j, i - ONE)
    north_east = (pair_u(q, k, j + 1, i) + west) * per_dx_u(G_u_ad, grid, k, j + 1, i)
    north_west = (pair_u(q, k, j + 1, i - ONE) + here) * per_dx_u(G_u_ad, grid, k, j + 1, i - ONE)
    return typed(1 / 12, here) * ((south_east + north_east) + (south_west + north_west))


@point
def al81_U_ad(q, G_v_ad, grid, k, j, i):
    """Return the adjoint of U at a U point by the bracket -<q U> of `al81`."""
    here, south = q[k, j, i], q[k, j - 1, i]
    north_west = (pair_v(q, k, j, i) + south) * per_dy_v(G_v_ad, grid, k, j, i)
    south_west = (pair_v(q, k, j - 1, i) + here) * per_dy_v(G_v_ad, grid, k, j - 1, i)
    north_east = (pair_v(q, k, j, i + ONE) + south) * per_dy_v(G_v_ad, grid, k, j, i + ONE)
    south_east = (pair_v(q, k, j - 1, i + ONE) + here) * per_dy_v(G_v_ad, grid, k, j - 1, i + ONE)
    return typed(-1 / 12, here) * ((north_west + south_west) + (north_east + south_east))


@point
def kinetic_energy_ad(G_u_ad, G_v_ad, grid, k, j, i):
    """Return K_ad at a T point."""
    along_x = per_dx_u(G_u_ad, grid, k, j, i) - per_dx_u(G_u_ad, grid, k, j, i - ONE)
    along_y = per_dy_v(G_v_ad, grid, k, j, i) - per_dy_v(G_v_ad, grid, k, j - 1, i)
    return along_x + along_y


@point
def vertical_u_ad(W, weight_u, k, j, i):
    """Return the adjoint of u by its vertical advection; weight_u holds l of row j."""
    top, base = W[k, j, i] + W[k, j, i + ONE], W[k + 1, j, i] + W[k + 1, j, i + ONE]
    above = top * (weight_u[k + 1, i] + weight_u[k, i]) if k > 0 else typed(0.0, top)
    below = base * (weight_u[k + 1, i] + weight_u[k + 2, i]) if k + 2 < weight_u.shape[0] - 1 else typed(0.0, base)
    return below - above


@point
def vertical_v_ad(W, weight_v, k, j, i):
    """Return the adjoint of v by its vertical advection; weight_v holds m of row j."""
    top, base = W[k, j, i] + W[k, j + 1, i], W[k + 1, j, i] + W[k + 1, j + 1, i]
    above = top * (weight_v[k + 1, i] + weight_v[k, i]) if k > 0 else typed(0.0, top)
    below = base * (weight_v[k + 1, i] + weight_v[k + 2, i]) if k + 2 < weight_v.shape[0] - 1 else typed(0.0, base)
    return below - above


@point
def W_ad_of_difference(u, weight, k, j, i):
    """Return what a velocity point adds to the adjoint of the two W above it, k > 0; weight is that of row j."""
    return (u[k - 1, j, i] - u[k, j, i]) * (weight[k + 1, i] + weight[k, i])


@point
def advect_momentum_ad(
    q_ad_of, V_ad_of, U_ad_of, u, v, U, V, W, q, grid, G_u_ad, G_v_ad,
    u_ad, v_ad, U_ad, V_ad, W_ad, q_ad, total_u, total_v, weight_u, weight_v, weight_v_south, k, j, i,
):  # fmt: skip
    """Add the adjoint at the point (k, j, i); weight_u, weight_v hold l, m of row j, weight_v_south m of row j - 1.

    total_u, total_v are the sums over k in -s_u s_u_ad, -s_v s_v_ad.
    """
    K_ad = kinetic_energy_ad(G_u_ad, G_v_ad, grid, k, j, i)
    K_ad_east = kinetic_energy_ad(G_u_ad, G_v_ad, grid, k, j, i + ONE)
    K_ad_north = kinetic_energy_ad(G_u_ad, G_v_ad, grid, k, j + 1, i)
    u_ad[k, j, i] += HALF * u[k, j, i] * (K_ad + K_ad_east) + vertical_u_ad(W, weight_u, k, j, i)
    v_ad[k, j, i] += HALF * v[k, j, i] * (K_ad + K_ad_north) + vertical_v_ad(W, weight_v, k, j, i)
    q_ad[k, j, i] = q_ad_of(q, U, V, G_u_ad, G_v_ad, grid, k, j, i)
    V_ad[k, j, i] = V_ad_of(q, G_u_ad, grid, k, j, i)
    U_ad[k, j, i] = U_ad_of(q, G_v_ad, grid, k, j, i)
    if k > 0:
        east, west = W_ad_of_difference(u, weight_u, k, j, i), W_ad_of_difference(u, weight_u, k, j, i - ONE)
        north, south = W_ad_of_difference(v, weight_v, k, j, i), W_ad_of_difference(v, weight_v_south, k, j - 1, i)
        W_ad[k, j, i] = (east + west) + (north + south)
    total_u[i] += weight_u[k + 1, i] * vertical_u(u, W, k, j, i)
    total_v[i] += weight_v[k + 1, i] * vertical_v(v, W, k, j, i)


@point
def clear_ends(W_ad, j):
    """Set the adjoint of W through the surface and through the sea floor to 0 in row j."""
    interfaces, _, ni = W_ad.shape
    for ii in range(HALO - 1, ni - HALO):
        i = np.uintp(ii)
        W_ad[0, j, i], W_ad[interfaces - 1, j, i] = 0, 0


@kernel
def advect_momentum_energy_ad(
    u, v, U, V, W, q, s_u, s_v, grid, G_u_ad, G_v_ad, u_ad, v_ad, U_ad, V_ad, W_ad, q_ad, s_u_ad, s_v_ad
):
    """Add the adjoint of advection and Coriolis force in the form that conserves energy.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    q : ndarray, shape (nk, nj, ni)
        Potential vorticity at F points [m-1 s-1].
    s_u, s_v : ndarray, shape (nj, ni)
        Stretching of the layers at U and V points [1].
    grid : Grid
        Metric terms and masks.
    G_u_ad, G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration, halo filled.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    U_ad, V_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the transports, overwritten.
    W_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the upward transports, overwritten.
    q_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the potential vorticity, overwritten.
    s_u_ad, s_v_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO - 1, nj - HALO):
        weight_u, weight_v = np.zeros((nk + 2, ni), u.dtype), np.zeros((nk + 2, ni), u.dtype)
        weight_v_south = np.zeros((nk + 2, ni), u.dtype)
        total_u, total_v = np.zeros(ni, u.dtype), np.zeros(ni, u.dtype)
        vertical_weights(G_u_ad, grid.mask_u, grid.area_u, grid.h_u, s_u, j, weight_u)
        vertical_weights(G_v_ad, grid.mask_v, grid.area_v, grid.h_v, s_v, j, weight_v)
        vertical_weights(G_v_ad, grid.mask_v, grid.area_v, grid.h_v, s_v, j - 1, weight_v_south)
        clear_ends(W_ad, j)
        row_barrier()
        for k in range(nk):
            for ii in range(HALO - 1, ni - HALO):
                advect_momentum_ad(
                    energy_q_ad, energy_V_ad, energy_U_ad, u, v, U, V, W, q, grid, G_u_ad, G_v_ad,
                    u_ad, v_ad, U_ad, V_ad, W_ad, q_ad, total_u, total_v, weight_u, weight_v, weight_v_south,
                    k, j, np.uintp(ii),
                )  # fmt: skip
        for ii in range(HALO - 1, ni - HALO):
            i = np.uintp(ii)
            s_u_ad[j, i] -= total_u[i] / s_u[j, i]
            s_v_ad[j, i] -= total_v[i] / s_v[j, i]


@kernel
def advect_momentum_enstrophy_ad(
    u, v, U, V, W, q, s_u, s_v, grid, G_u_ad, G_v_ad, u_ad, v_ad, U_ad, V_ad, W_ad, q_ad, s_u_ad, s_v_ad
):
    """Add the adjoint of advection and Coriolis force in the form that conserves enstrophy.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    q : ndarray, shape (nk, nj, ni)
        Potential vorticity at F points [m-1 s-1].
    s_u, s_v : ndarray, shape (nj, ni)
        Stretching of the layers at U and V points [1].
    grid : Grid
        Metric terms and masks.
    G_u_ad, G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration, halo filled.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    U_ad, V_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the transports, overwritten.
    W_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the upward transports, overwritten.
    q_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the potential vorticity, overwritten.
    s_u_ad, s_v_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO - 1, nj - HALO):
        weight_u, weight_v = np.zeros((nk + 2, ni), u.dtype), np.zeros((nk + 2, ni), u.dtype)
        weight_v_south = np.zeros((nk + 2, ni), u.dtype)
        total_u, total_v = np.zeros(ni, u.dtype), np.zeros(ni, u.dtype)
        vertical_weights(G_u_ad, grid.mask_u, grid.area_u, grid.h_u, s_u, j, weight_u)
        vertical_weights(G_v_ad, grid.mask_v, grid.area_v, grid.h_v, s_v, j, weight_v)
        vertical_weights(G_v_ad, grid.mask_v, grid.area_v, grid.h_v, s_v, j - 1, weight_v_south)
        clear_ends(W_ad, j)
        row_barrier()
        for k in range(nk):
            for ii in range(HALO - 1, ni - HALO):
                advect_momentum_ad(
                    enstrophy_q_ad, enstrophy_V_ad, enstrophy_U_ad, u, v, U, V, W, q, grid, G_u_ad, G_v_ad,
                    u_ad, v_ad, U_ad, V_ad, W_ad, q_ad, total_u, total_v, weight_u, weight_v, weight_v_south,
                    k, j, np.uintp(ii),
                )  # fmt: skip
        for ii in range(HALO - 1, ni - HALO):
            i = np.uintp(ii)
            s_u_ad[j, i] -= total_u[i] / s_u[j, i]
            s_v_ad[j, i] -= total_v[i] / s_v[j, i]


@kernel
def advect_momentum_al81_ad(
    u, v, U, V, W, q, s_u, s_v, grid, G_u_ad, G_v_ad, u_ad, v_ad, U_ad, V_ad, W_ad, q_ad, s_u_ad, s_v_ad
):
    """Add the adjoint of advection and Coriolis force in the form of Arakawa and Lamb (1981).

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    U, V : ndarray, shape (nk, nj, ni)
        Volume transports through U and V points [m3 s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    q : ndarray, shape (nk, nj, ni)
        Potential vorticity at F points [m-1 s-1].
    s_u, s_v : ndarray, shape (nj, ni)
        Stretching of the layers at U and V points [1].
    grid : Grid
        Metric terms and masks.
    G_u_ad, G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration, halo filled.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    U_ad, V_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the transports, overwritten.
    W_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the upward transports, overwritten.
    q_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the potential vorticity, overwritten.
    s_u_ad, s_v_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO - 1, nj - HALO):
        weight_u, weight_v = np.zeros((nk + 2, ni), u.dtype), np.zeros((nk + 2, ni), u.dtype)
        weight_v_south = np.zeros((nk + 2, ni), u.dtype)
        total_u, total_v = np.zeros(ni, u.dtype), np.zeros(ni, u.dtype)
        vertical_weights(G_u_ad, grid.mask_u, grid.area_u, grid.h_u, s_u, j, weight_u)
        vertical_weights(G_v_ad, grid.mask_v, grid.area_v, grid.h_v, s_v, j, weight_v)
        vertical_weights(G_v_ad, grid.mask_v, grid.area_v, grid.h_v, s_v, j - 1, weight_v_south)
        clear_ends(W_ad, j)
        row_barrier()
        for k in range(nk):
            for ii in range(HALO - 1, ni - HALO):
                advect_momentum_ad(
                    al81_q_ad, al81_V_ad, al81_U_ad, u, v, U, V, W, q, grid, G_u_ad, G_v_ad,
                    u_ad, v_ad, U_ad, V_ad, W_ad, q_ad, total_u, total_v, weight_u, weight_v, weight_v_south,
                    k, j, np.uintp(ii),
                )  # fmt: skip
        for ii in range(HALO - 1, ni - HALO):
            i = np.uintp(ii)
            s_u_ad[j, i] -= total_u[i] / s_u[j, i]
            s_v_ad[j, i] -= total_v[i] / s_v[j, i]


VORTICITY_AD = {
    "energy": advect_momentum_energy_ad,
    "enstrophy": advect_momentum_enstrophy_ad,
    "al81": advect_momentum_al81_ad,
}
