"""Advection of momentum and the Coriolis force, in vector-invariant form.

    du/dt = +(f + zeta) v - dK/dx - w du/dz,   dv/dt = -(f + zeta) u - dK/dy - w dv/dz

With the potential vorticity q = (f + zeta)/h at F points and the transports U, V, W [m3 s-1]:

    zeta = [ (v dy_v)_{i+1} - (v dy_v)_i - (u dx_u)_{j+1} + (u dx_u)_j ] / area_f        (times mask_f)
    K    = [ (u^2)_i + (u^2)_{i-1} + (v^2)_j + (v^2)_{j-1} ] / 4
    du/dt = <q V>/dx_u - (K_{i+1} - K_i)/dx_u - [ W_k (u_{k-1} - u_k) + W_{k+1} (u_k - u_{k+1}) ]/(2 area_u h_u s_u)

where W is the mean of the two T columns. The bracket <q V> (and its mirror, -<q U>/dy_v) is one of

    energy     mean over j of q mean over i of V: conserves energy (Sadourny 1975, eq. 4)
    enstrophy  mean q times mean V: conserves potential enstrophy of non-divergent flow (Sadourny 1975, eq. 9)
    al81       triads of q: energy always, enstrophy in non-divergent flow (Arakawa and Lamb 1981, sec. 3)

Sadourny: doi 10.1175/1520-0469(1975)032<0680:TDOFDM>2.0.CO;2; Arakawa and Lamb: doi
10.1175/1520-0493(1981)109<0018:APEAEC>2.0.CO;2. K is the plain mean because W and the
thickness of a face are those of volumes: then K and w du/dz exchange energy exactly, and the work
of the advection terms is that of the change of layer thickness, to round-off (flat bottom).

Adjoint, for energy (G = G_u_ad, H = G_v_ad, both masked):
    q_ad_F  += [ (V_i + V_{i+1}) (G/dx_u)_j+.. - (U_j + U_{j+1}) (H/dy_v)_i+.. ]/4 over the two U, two V points at F,
    V_ad_j  += sum over the four U points around V of q_F (G/dx_u)/4, U_ad_i -= the same with H/dy_v,
    K_ad_i  += (G/dx_u)_i - (G/dx_u)_{i-1} + ..., u_ad_i += u_i (K_ad_i + K_ad_{i+1})/2,
    u_ad_k  += of the two interfaces, W_ad += the mean of -(u_{k-1} - u_k)(g_{k-1} + g_k)/2, g = G/(area_u h_u s_u),
    s_u_ad  += sum_k of -G (vertical term)/s_u; zeta_ad = q_ad/(h_f s_f), u_ad, v_ad by its four terms,
    s_f_ad  -= sum_k q q_ad / s_f.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, QUARTER, kernel, point, typed
from ogcm.operators.stencils import vorticity


@kernel
def potential_vorticity(u, v, s_f, grid, q):
    """Compute the potential vorticity q = (f + zeta)/(h_f s_f) at all F points but the outermost.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    s_f : ndarray, shape (nj, ni)
        Stretching of the layers at F points [1].
    grid : Grid
        Metric terms and masks.
    q : ndarray, shape (nk, nj, ni)
        Potential vorticity [m-1 s-1]; the last row and column stay as they are.
    """
    nk, nj, ni = u.shape
    for j in prange(nj - 1):
        for k in range(nk):
            for ii in range(ni - 1):
                i = np.uintp(ii)
                q[k, j, i] = (grid.f[j, i] + vorticity(u, v, grid, k, j, i)) / (grid.h_f[k, j, i] * s_f[j, i])


@point
def energy_u(q, V, k, j, i):
    """Return <q V> at a U point [m2 s-2], conserving energy."""
    north = q[k, j, i] * (V[k, j, i] + V[k, j, i + ONE])
    south = q[k, j - 1, i] * (V[k, j - 1, i] + V[k, j - 1, i + ONE])
    return QUARTER * (north + south)


@point
def energy_v(q, U, k, j, i):
    """Return <q U> at a V point [m2 s-2], conserving energy."""
    east = q[k, j, i] * (U[k, j, i] + U[k, j + 1, i])
    west = q[k, j, i - ONE] * (U[k, j, i - ONE] + U[k, j + 1, i - ONE])
    return QUARTER * (east + west)


@point
def enstrophy_u(q, V, k, j, i):
    """Return <q V> at a U point [m2 s-2], conserving potential enstrophy."""
    flow = (V[k, j, i] + V[k, j, i + ONE]) + (V[k, j - 1, i] + V[k, j - 1, i + ONE])
    return HALF * QUARTER * (q[k, j, i] + q[k, j - 1, i]) * flow


@point
def enstrophy_v(q, U, k, j, i):
    """Return <q U> at a V point [m2 s-2], conserving potential enstrophy."""
    flow = (U[k, j, i] + U[k, j + 1, i]) + (U[k, j, i - ONE] + U[k, j + 1, i - ONE])
    return HALF * QUARTER * (q[k, j, i] + q[k, j, i - ONE]) * flow


@point
def al81_u(q, V, k, j, i):
    """Return <q V> at a U point [m2 s-2]: each V has the weight of the three q around the corner between it and u."""
    pair = q[k, j, i] + q[k, j - 1, i]
    north_west = (pair + q[k, j, i - ONE]) * V[k, j, i]
    north_east = (pair + q[k, j, i + ONE]) * V[k, j, i + ONE]
    south_west = (pair + q[k, j - 1, i - ONE]) * V[k, j - 1, i]
    south_east = (pair + q[k, j - 1, i + ONE]) * V[k, j - 1, i + ONE]
    return typed(1 / 12, V[k, j, i]) * ((north_west + north_east) + (south_west + south_east))


@point
def al81_v(q, U, k, j, i):
    """Return <q U> at a V point [m2 s-2]: each U has the weight of the three q around the corner between it and v."""
    pair = q[k, j, i] + q[k, j, i - ONE]
    south_east = (pair + q[k, j - 1, i]) * U[k, j, i]
    north_east = (pair + q[k, j + 1, i]) * U[k, j + 1, i]
    south_west = (pair + q[k, j - 1, i - ONE]) * U[k, j, i - ONE]
    north_west = (pair + q[k, j + 1, i - ONE]) * U[k, j + 1, i - ONE]
    return typed(1 / 12, U[k, j, i]) * ((south_east + north_east) + (south_west + north_west))


@point
def kinetic_energy(u, v, k, j, i):
    """Return K at a T point [m2 s-2]."""
    west, east = u[k, j, i - ONE], u[k, j, i]
    south, north = v[k, j - 1, i], v[k, j, i]
    return QUARTER * ((west * west + east * east) + (south * south + north * north))


@point
def vertical_u(u, W, k, j, i):
    """Return W_k (u_{k-1} - u_k) + W_{k+1} (u_k - u_{k+1}) [m4 s-2], with W twice its value at the U point."""
    above, below = max(k - 1, 0), min(k + 1, u.shape[0] - 1)
    top = W[k, j, i] + W[k, j, i + ONE]
    base = W[k + 1, j, i] + W[k + 1, j, i + ONE]
    return top * (u[above, j, i] - u[k, j, i]) + base * (u[k, j, i] - u[below, j, i])


@point
def vertical_v(v, W, k, j, i):
    """Return W_k (v_{k-1} - v_k) + W_{k+1} (v_k - v_{k+1}) [m4 s-2], with W twice its value at the V point."""
    above, below = max(k - 1, 0), min(k + 1, v.shape[0] - 1)
    top = W[k, j, i] + W[k, j + 1, i]
    base = W[k + 1, j, i] + W[k + 1, j + 1, i]
    return top * (v[above, j, i] - v[k, j, i]) + base * (v[k, j, i] - v[below, j, i])


@point
def advect_momentum(rotate_u, rotate_v, u, v, U, V, W, q, s_u, s_v, grid, G_u, G_v, k, j, i):
    """Write the acceleration at a U and a V point [m s-2], with the brackets `rotate_u` and `rotate_v`."""
    K = kinetic_energy(u, v, k, j, i)
    along_x = rotate_u(q, V, k, j, i) - (kinetic_energy(u, v, k, j, i + ONE) - K)
    along_y = -rotate_v(q, U, k, j, i) - (kinetic_energy(u, v, k, j + 1, i) - K)
    lifted_u = QUARTER * vertical_u(u, W, k, j, i) / (grid.area_u[j, i] * grid.h_u[k, j, i] * s_u[j, i])
    lifted_v = QUARTER * vertical_v(v, W, k, j, i) / (grid.area_v[j, i] * grid.h_v[k, j, i] * s_v[j, i])
    G_u[k, j, i] = grid.mask_u[k, j, i] * (along_x * grid.r_dx_u[j, i] - lifted_u)
    G_v[k, j, i] = grid.mask_v[k, j, i] * (along_y * grid.r_dy_v[j, i] - lifted_v)


@kernel
def advect_momentum_energy(u, v, U, V, W, q, s_u, s_v, grid, G_u, G_v):
    """Compute advection and Coriolis force in the form that conserves energy (Sadourny 1975).

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
    G_u, G_v : ndarray, shape (nk, nj, ni)
        Acceleration at U and V points [m s-2], written on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                advect_momentum(energy_u, energy_v, u, v, U, V, W, q, s_u, s_v, grid, G_u, G_v, k, j, i)


@kernel
def advect_momentum_enstrophy(u, v, U, V, W, q, s_u, s_v, grid, G_u, G_v):
    """Compute advection and Coriolis force in the form that conserves enstrophy (Sadourny 1975).

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
    G_u, G_v : ndarray, shape (nk, nj, ni)
        Acceleration at U and V points [m s-2], written on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                advect_momentum(enstrophy_u, enstrophy_v, u, v, U, V, W, q, s_u, s_v, grid, G_u, G_v, k, j, i)


@kernel
def advect_momentum_al81(u, v, U, V, W, q, s_u, s_v, grid, G_u, G_v):
    """Compute advection and Coriolis force in the form of Arakawa and Lamb (1981).

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
    G_u, G_v : ndarray, shape (nk, nj, ni)
        Acceleration at U and V points [m s-2], written on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                advect_momentum(al81_u, al81_v, u, v, U, V, W, q, s_u, s_v, grid, G_u, G_v, k, j, i)


VORTICITY = {"energy": advect_momentum_energy, "enstrophy": advect_momentum_enstrophy, "al81": advect_momentum_al81}
