"""Adjoint of `ogcm/operators/vertical_upwinding.py`.

Forward:  du/dt -= (Z_k - Z_{k+1})/(2 area_u h_u s_u),  Z_k = |W_i + W_{i+1}| D(u along z).  With the flow
c = W_i + W_{i+1}, g_k = mask_u G_u_ad/(2 area_u h_u s_u) and c_ad, E_1 ... E_5 of the adjoint of Z as in
`adjoint/operators/momentum_upwinding.py`:

    Z_ad_k  = g_{k-1} - g_k
    u_ad_k += e_ad_{k+1} - e_ad_k         e_ad gathered from E of five interfaces (`adjoint/operators/weno.py`)
    W_ad   += c_ad of the two U and of the two V points of the column
    s_u_ad -= sum over k of  Z_ad_k Z_k/s_u

and likewise for v. A flow |c| has the derivative of c > 0 at c = 0.
"""

import numpy as np
from numba import prange

from adjoint.operators.momentum_upwinding import excess_ad
from adjoint.operators.weno import gather_along_z
from ogcm.backend import HALF, HALO, ONE, kernel, point
from ogcm.halo import exchange
from ogcm.operators.stencils import masked
from ogcm.operators.vertical_upwinding import lifted_u, lifted_v
from ogcm.operators.weno import stencil_z


@point
def lifted_ad(flow, Z_ad, open_face, e1, e2, e3, e4, e5):
    """Return the adjoint of the flow through the top of a cell and E_1 ... E_5, by that of `lifted_u` or `lifted_v`."""
    c, E1, E2, E3, E4, E5 = excess_ad(flow, Z_ad, e1, e2, e3, e4, e5)
    c_floor, E3_floor = HALF * e3 * Z_ad, HALF * flow * Z_ad
    floor = not open_face
    return (
        c_floor if floor else c,
        masked(open_face, E1),
        masked(open_face, E2),
        E3_floor if floor else E3,
        masked(open_face, E4),
        masked(open_face, E5),
    )


@point
def weight_u(G_u_ad, s_u, grid, k, j, i):
    """Return g, the adjoint of the acceleration over twice the volume of a U cell; 0 at a closed one."""
    volume = grid.area_u[j, i] * grid.h_u[k, j, i] * s_u[j, i]
    return masked(grid.mask_u[k, j, i], HALF * G_u_ad[k, j, i] / volume)


@point
def weight_v(G_v_ad, s_v, grid, k, j, i):
    """Return g, the adjoint of the acceleration over twice the volume of a V cell; 0 at a closed one."""
    volume = grid.area_v[j, i] * grid.h_v[k, j, i] * s_v[j, i]
    return masked(grid.mask_v[k, j, i], HALF * G_v_ad[k, j, i] / volume)


@kernel
def lifting_u_ad(u, W, s_u, grid, G_u_ad, s_u_ad, flow_ad, u_ad):
    """Add the adjoint of the upwinding of the vertical advection of u to that of u and of the stretching.

    Parameters
    ----------
    u : ndarray, shape (nk, nj, ni)
        Velocity at U points [m s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    s_u : ndarray, shape (nj, ni)
        Stretching of the layers at U points [1].
    grid : Grid
        Metric terms and masks.
    G_u_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration.
    s_u_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    flow_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the sum of the two transports through the top of each U cell, written on the interior.
    u_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        # E of the top of cell k lies at k + 1; it is 0 at the surface and beyond the last cell
        E_1, E_2 = np.zeros((nk + 4, ni), u.dtype), np.zeros((nk + 4, ni), u.dtype)
        E_3, E_4 = np.zeros((nk + 4, ni), u.dtype), np.zeros((nk + 4, ni), u.dtype)
        E_5, top_ad = np.zeros((nk + 4, ni), u.dtype), np.zeros(ni, u.dtype)
        for ii in range(HALO, ni - HALO):
            flow_ad[0, j, np.uintp(ii)] = 0
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                _, _, e1, e2, e3, e4, e5 = stencil_z(u, grid.mask_u, k, j, i)
                Z_ad = weight_u(G_u_ad, s_u, grid, k - 1, j, i) - weight_u(G_u_ad, s_u, grid, k, j, i)
                flow = W[k, j, i] + W[k, j, i + ONE]
                c, E1, E2, E3, E4, E5 = lifted_ad(flow, Z_ad, grid.mask_u[k, j, i], e1, e2, e3, e4, e5)
                flow_ad[k, j, i], E_1[k + 1, i], E_2[k + 1, i] = c, E1, E2
                E_3[k + 1, i], E_4[k + 1, i], E_5[k + 1, i] = E3, E4, E5
                s_u_ad[j, i] -= Z_ad * lifted_u(u, W, grid, k, j, i) / s_u[j, i]
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                base_ad = gather_along_z(grid.mask_u, E_1, E_2, E_3, E_4, E_5, k + 1, j, i)
                u_ad[k, j, i] += base_ad - top_ad[i]
                top_ad[i] = base_ad


@kernel
def lifting_v_ad(v, W, s_v, grid, G_v_ad, s_v_ad, flow_ad, v_ad):
    """Add the adjoint of the upwinding of the vertical advection of v to that of v and of the stretching.

    Parameters
    ----------
    v : ndarray, shape (nk, nj, ni)
        Velocity at V points [m s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    s_v : ndarray, shape (nj, ni)
        Stretching of the layers at V points [1].
    grid : Grid
        Metric terms and masks.
    G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration.
    s_v_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    flow_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the sum of the two transports through the top of each V cell, written on the interior.
    v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    """
    nk, nj, ni = v.shape
    for j in prange(HALO, nj - HALO):
        # E of the top of cell k lies at k + 1; it is 0 at the surface and beyond the last cell
        E_1, E_2 = np.zeros((nk + 4, ni), v.dtype), np.zeros((nk + 4, ni), v.dtype)
        E_3, E_4 = np.zeros((nk + 4, ni), v.dtype), np.zeros((nk + 4, ni), v.dtype)
        E_5, top_ad = np.zeros((nk + 4, ni), v.dtype), np.zeros(ni, v.dtype)
        for ii in range(HALO, ni - HALO):
            flow_ad[0, j, np.uintp(ii)] = 0
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                _, _, e1, e2, e3, e4, e5 = stencil_z(v, grid.mask_v, k, j, i)
                Z_ad = weight_v(G_v_ad, s_v, grid, k - 1, j, i) - weight_v(G_v_ad, s_v, grid, k, j, i)
                flow = W[k, j, i] + W[k, j + 1, i]
                c, E1, E2, E3, E4, E5 = lifted_ad(flow, Z_ad, grid.mask_v[k, j, i], e1, e2, e3, e4, e5)
                flow_ad[k, j, i], E_1[k + 1, i], E_2[k + 1, i] = c, E1, E2
                E_3[k + 1, i], E_4[k + 1, i], E_5[k + 1, i] = E3, E4, E5
                s_v_ad[j, i] -= Z_ad * lifted_v(v, W, grid, k, j, i) / s_v[j, i]
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                base_ad = gather_along_z(grid.mask_v, E_1, E_2, E_3, E_4, E_5, k + 1, j, i)
                v_ad[k, j, i] += base_ad - top_ad[i]
                top_ad[i] = base_ad


@kernel
def gather_flow(grid, flow_u_ad, flow_v_ad, W_ad):
    """Add the adjoint of the upward transports, of which each is part of two U and of two V points.

    Parameters
    ----------
    grid : Grid
        Masks.
    flow_u_ad, flow_v_ad : ndarray, shape (nk, nj, ni)
        Adjoints of the sums of two transports through the tops of U and V cells, halo filled.
    W_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the upward transports, added to.
    """
    nk, nj, ni = flow_u_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i, m_u, m_v = np.uintp(ii), grid.mask_u, grid.mask_v
                east = masked(m_u[k - 1, j, i], flow_u_ad[k, j, i])
                west = masked(m_u[k - 1, j, i - ONE], flow_u_ad[k, j, i - ONE])
                north = masked(m_v[k - 1, j, i], flow_v_ad[k, j, i])
                south = masked(m_v[k - 1, j - 1, i], flow_v_ad[k, j - 1, i])
                W_ad[k, j, i] += (east + west) + (north + south)


def upwind_vertical_ad(
    u, v, W, s_u, s_v, grid, G_u_ad, G_v_ad, u_ad, v_ad, W_ad, s_u_ad, s_v_ad, flow_u_ad, flow_v_ad
):  # fmt: skip
    """Add the adjoint of the upwinding of the vertical advection of momentum.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    s_u, s_v : ndarray, shape (nj, ni)
        Stretching of the layers at U and V points [1].
    grid : Grid
        Metric terms and masks.
    G_u_ad, G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    W_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the upward transports, added to.
    s_u_ad, s_v_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    flow_u_ad, flow_v_ad : ndarray, shape (nk, nj, ni)
        Work arrays, overwritten.
    """
    lifting_u_ad(u, W, s_u, grid, G_u_ad, s_u_ad, flow_u_ad, u_ad)
    lifting_v_ad(v, W, s_v, grid, G_v_ad, s_v_ad, flow_v_ad, v_ad)
    exchange(grid, flow_u_ad, flow_v_ad)
    gather_flow(grid, flow_u_ad, flow_v_ad, W_ad)
