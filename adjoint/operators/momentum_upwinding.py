"""Adjoint of `ogcm/operators/momentum_upwinding.py`.

Forward, with D = Q(d1, d2, d3, d4) - e3/2 of the five differences e1 ... e5 around a point and the flow c through it,

    du/dt += |v| D(zeta along y) - (X_{i+1} - X_i)/(2 dx_u),   X_i = |u_i + u_{i-1}| D(u along x);   dv/dt likewise

A term |c| D with the adjoint G adds

    c_ad = sgn(c) G D,    E_1 ... E_5 = |c| G times the derivatives of D by e1 ... e5

to the flow and to the differences, of which each gathers from five points (`adjoint/operators/weno.py`). So c_ad and E
are kept at the points and exchanged; then, with e_ad what a difference gathers,

    zeta_ad_F = e_ad of the U point south - e_ad of the U point north + e_ad of the V point west - e_ad of the one east
    u_ad_j += dx_u (R_j - R_{j-1}),   v_ad_i += dy_v (R_{i-1} - R_i),   R = mask_f zeta_ad/area_f
    v_ad_j += (c_ad of the four U points around)/4,   u_ad_i likewise
    u_ad_i += (c_ad + e_ad) of the T point west + (c_ad - e_ad) of the T point east     by u along x, v_ad likewise

with X_ad_i = g_i - g_{i-1}, g = mask_u G_u_ad/(2 dx_u). A flow |c| has the derivative of c > 0 at c = 0.
"""

import numpy as np
from numba import prange

from adjoint.operators.stencils import per_dx_u, per_dy_v
from adjoint.operators.weno import by_differences, gather_along_x, gather_along_y, reconstruct_ad
from ogcm.backend import HALF, HALO, ONE, QUARTER, absolute, kernel, point, typed
from ogcm.halo import exchange
from ogcm.operators.momentum_upwinding import steps_u, steps_v, vorticity_steps_x, vorticity_steps_y
from ogcm.operators.stencils import masked, u_at_v, upwind, v_at_u


@point
def excess_ad(c, G, e1, e2, e3, e4, e5):
    """Return the adjoint of the flow c and E_1 ... E_5 of the differences, by the adjoint G of `excess`."""
    Q, Q_1, Q_2, Q_3, Q_4 = reconstruct_ad(upwind(c, e1, e5), upwind(c, e2, e4), e3, upwind(c, e4, e2))
    one, size = typed(1.0, c), absolute(c) * G
    c_ad = upwind(c, one, -one) * (Q - HALF * e3) * G
    E1, E2, E3, E4, E5 = by_differences(c, size * Q_1, size * Q_2, size * (Q_3 - HALF), size * Q_4)
    return c_ad, E1, E2, E3, E4, E5


@kernel
def vorticity_flux_u_ad(u, v, grid, G_u_ad, c_ad, E_1, E_2, E_3, E_4, E_5):
    """Compute the adjoints of v and of the differences of zeta along y at U points.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms and masks.
    G_u_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration.
    c_ad : ndarray, shape (nk, nj, ni)
        Adjoint of v at U points, written on the interior.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each U point, written on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i, m = np.uintp(ii), grid.mask_u
                e1, e2, e3, e4, e5 = vorticity_steps_y(u, v, grid, k, j, i)
                c, E1, E2, E3, E4, E5 = excess_ad(v_at_u(v, k, j, i), G_u_ad[k, j, i], e1, e2, e3, e4, e5)
                c_ad[k, j, i], E_1[k, j, i] = masked(m[k, j, i], c), masked(m[k, j, i], E1)
                E_2[k, j, i], E_3[k, j, i] = masked(m[k, j, i], E2), masked(m[k, j, i], E3)
                E_4[k, j, i], E_5[k, j, i] = masked(m[k, j, i], E4), masked(m[k, j, i], E5)


@kernel
def vorticity_flux_v_ad(u, v, grid, G_v_ad, c_ad, E_1, E_2, E_3, E_4, E_5):
    """Compute the adjoints of u and of the differences of zeta along x at V points.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms and masks.
    G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration.
    c_ad : ndarray, shape (nk, nj, ni)
        Adjoint of u at V points, written on the interior.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each V point, written on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i, m = np.uintp(ii), grid.mask_v
                e1, e2, e3, e4, e5 = vorticity_steps_x(u, v, grid, k, j, i)
                c, E1, E2, E3, E4, E5 = excess_ad(u_at_v(u, k, j, i), -G_v_ad[k, j, i], e1, e2, e3, e4, e5)
                c_ad[k, j, i], E_1[k, j, i] = masked(m[k, j, i], c), masked(m[k, j, i], E1)
                E_2[k, j, i], E_3[k, j, i] = masked(m[k, j, i], E2), masked(m[k, j, i], E3)
                E_4[k, j, i], E_5[k, j, i] = masked(m[k, j, i], E4), masked(m[k, j, i], E5)


@kernel
def gather_vorticity_y(grid, c_ad, E_1, E_2, E_3, E_4, E_5, v_ad, zeta_ad):
    """Compute the adjoint of the vorticity by its differences along y, and add that of v by its means at U points.

    Parameters
    ----------
    grid : Grid
        Metric terms and masks.
    c_ad : ndarray, shape (nk, nj, ni)
        Adjoint of v at U points, halo filled.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each U point, halo filled.
    v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    zeta_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the vorticity at F points, written on the interior and one row and column before it.
    """
    nk, nj, ni = v_ad.shape
    for j in prange(HALO - 1, nj - HALO):
        for k in range(nk):
            for ii in range(HALO - 1, ni - HALO):
                i, m = np.uintp(ii), grid.mask_u
                south = gather_along_y(m, E_1, E_2, E_3, E_4, E_5, k, j, i)
                north = gather_along_y(m, E_1, E_2, E_3, E_4, E_5, k, j + 1, i)
                zeta_ad[k, j, i] = south - north
                east = masked(m[k, j, i], c_ad[k, j, i]) + masked(m[k, j + 1, i], c_ad[k, j + 1, i])
                west = masked(m[k, j, i - ONE], c_ad[k, j, i - ONE])
                west += masked(m[k, j + 1, i - ONE], c_ad[k, j + 1, i - ONE])
                v_ad[k, j, i] += QUARTER * (east + west)


@kernel
def gather_vorticity_x(grid, c_ad, E_1, E_2, E_3, E_4, E_5, u_ad, zeta_ad):
    """Add the adjoint of the vorticity by its differences along x, and that of u by its means at V points.

    Parameters
    ----------
    grid : Grid
        Metric terms and masks.
    c_ad : ndarray, shape (nk, nj, ni)
        Adjoint of u at V points, halo filled.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each V point, halo filled.
    u_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    zeta_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the vorticity at F points, added to on the interior and one row and column before it.
    """
    nk, nj, ni = u_ad.shape
    for j in prange(HALO - 1, nj - HALO):
        for k in range(nk):
            for ii in range(HALO - 1, ni - HALO):
                i, m = np.uintp(ii), grid.mask_v
                west = gather_along_x(m, E_1, E_2, E_3, E_4, E_5, k, j, i)
                east = gather_along_x(m, E_1, E_2, E_3, E_4, E_5, k, j, i + ONE)
                zeta_ad[k, j, i] += west - east
                north = masked(m[k, j, i], c_ad[k, j, i]) + masked(m[k, j, i + ONE], c_ad[k, j, i + ONE])
                south = masked(m[k, j - 1, i], c_ad[k, j - 1, i])
                south += masked(m[k, j - 1, i + ONE], c_ad[k, j - 1, i + ONE])
                u_ad[k, j, i] += QUARTER * (north + south)


@point
def circulation_ad(zeta_ad, grid, k, j, i):
    """Return Z, the adjoint of the circulation around an F point."""
    return grid.mask_f[k, j, i] * zeta_ad[k, j, i] * grid.r_area_f[j, i]


@kernel
def vorticity_ad(zeta_ad, grid, u_ad, v_ad):
    """Add the adjoint of the vorticity to that of the velocity.

    Parameters
    ----------
    zeta_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the vorticity at F points, halo filled.
    grid : Grid
        Metric terms and masks.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    """
    nk, nj, ni = u_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here = circulation_ad(zeta_ad, grid, k, j, i)
                u_ad[k, j, i] += grid.dx_u[j, i] * (here - circulation_ad(zeta_ad, grid, k, j - 1, i))
                v_ad[k, j, i] += grid.dy_v[j, i] * (circulation_ad(zeta_ad, grid, k, j, i - ONE) - here)


@kernel
def flux_u_ad(u, grid, G_u_ad, c_ad, E_1, E_2, E_3, E_4, E_5):
    """Compute the adjoints of the flow and of the differences of u along x at T points.

    Parameters
    ----------
    u : ndarray, shape (nk, nj, ni)
        Velocity at U points [m s-1].
    grid : Grid
        Metric terms and masks.
    G_u_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration, halo filled.
    c_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the sum of the two u beside each T point, written on the interior.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each T point, written on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i, m = np.uintp(ii), grid.mask_t
                e1, e2, e3, e4, e5 = steps_u(u, grid, k, j, i)
                across = per_dx_u(G_u_ad, grid, k, j, i) - per_dx_u(G_u_ad, grid, k, j, i - ONE)
                c, E1, E2, E3, E4, E5 = excess_ad(u[k, j, i] + u[k, j, i - ONE], HALF * across, e1, e2, e3, e4, e5)
                c_ad[k, j, i], E_1[k, j, i] = masked(m[k, j, i], c), masked(m[k, j, i], E1)
                E_2[k, j, i], E_3[k, j, i] = masked(m[k, j, i], E2), masked(m[k, j, i], E3)
                E_4[k, j, i], E_5[k, j, i] = masked(m[k, j, i], E4), masked(m[k, j, i], E5)


@kernel
def flux_v_ad(v, grid, G_v_ad, c_ad, E_1, E_2, E_3, E_4, E_5):
    """Compute the adjoints of the flow and of the differences of v along y at T points.

    Parameters
    ----------
    v : ndarray, shape (nk, nj, ni)
        Velocity at V points [m s-1].
    grid : Grid
        Metric terms and masks.
    G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration, halo filled.
    c_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the sum of the two v beside each T point, written on the interior.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each T point, written on the interior.
    """
    nk, nj, ni = v.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i, m = np.uintp(ii), grid.mask_t
                e1, e2, e3, e4, e5 = steps_v(v, grid, k, j, i)
                across = per_dy_v(G_v_ad, grid, k, j, i) - per_dy_v(G_v_ad, grid, k, j - 1, i)
                c, E1, E2, E3, E4, E5 = excess_ad(v[k, j, i] + v[k, j - 1, i], HALF * across, e1, e2, e3, e4, e5)
                c_ad[k, j, i], E_1[k, j, i] = masked(m[k, j, i], c), masked(m[k, j, i], E1)
                E_2[k, j, i], E_3[k, j, i] = masked(m[k, j, i], E2), masked(m[k, j, i], E3)
                E_4[k, j, i], E_5[k, j, i] = masked(m[k, j, i], E4), masked(m[k, j, i], E5)


@kernel
def gather_flux_u(grid, c_ad, E_1, E_2, E_3, E_4, E_5, u_ad):
    """Add the adjoint of u by its fluxes along x.

    Parameters
    ----------
    grid : Grid
        Metric terms and masks.
    c_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the sum of the two u beside each T point, halo filled.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each T point, halo filled.
    u_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    """
    nk, nj, ni = u_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i, m = np.uintp(ii), grid.mask_t
                west = gather_along_x(m, E_1, E_2, E_3, E_4, E_5, k, j, i)
                east = gather_along_x(m, E_1, E_2, E_3, E_4, E_5, k, j, i + ONE)
                flow = masked(m[k, j, i], c_ad[k, j, i]) + masked(m[k, j, i + ONE], c_ad[k, j, i + ONE])
                u_ad[k, j, i] += west - east + flow


@kernel
def gather_flux_v(grid, c_ad, E_1, E_2, E_3, E_4, E_5, v_ad):
    """Add the adjoint of v by its fluxes along y.

    Parameters
    ----------
    grid : Grid
        Metric terms and masks.
    c_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the sum of the two v beside each T point, halo filled.
    E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Adjoints of the differences of each T point, halo filled.
    v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    """
    nk, nj, ni = v_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i, m = np.uintp(ii), grid.mask_t
                south = gather_along_y(m, E_1, E_2, E_3, E_4, E_5, k, j, i)
                north = gather_along_y(m, E_1, E_2, E_3, E_4, E_5, k, j + 1, i)
                flow = masked(m[k, j, i], c_ad[k, j, i]) + masked(m[k, j + 1, i], c_ad[k, j + 1, i])
                v_ad[k, j, i] += south - north + flow


def upwind_horizontal_ad(
    u, v, grid, G_u_ad, G_v_ad, u_ad, v_ad, zeta_ad, c_ad, E_1, E_2, E_3, E_4, E_5
):  # fmt: skip
    """Add the adjoint of the upwinding of the vorticity flux and of the flux of u along x and of v along y.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms and masks.
    G_u_ad, G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration, halo filled.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    zeta_ad, c_ad, E_1, E_2, E_3, E_4, E_5 : ndarray, shape (nk, nj, ni)
        Work arrays, overwritten.
    """
    E = E_1, E_2, E_3, E_4, E_5
    vorticity_flux_u_ad(u, v, grid, G_u_ad, c_ad, *E)
    exchange(grid, c_ad, *E)
    gather_vorticity_y(grid, c_ad, *E, v_ad, zeta_ad)
    vorticity_flux_v_ad(u, v, grid, G_v_ad, c_ad, *E)
    exchange(grid, c_ad, *E)
    gather_vorticity_x(grid, c_ad, *E, u_ad, zeta_ad)
    exchange(grid, zeta_ad)
    vorticity_ad(zeta_ad, grid, u_ad, v_ad)
    flux_u_ad(u, grid, G_u_ad, c_ad, *E)
    exchange(grid, c_ad, *E)
    gather_flux_u(grid, c_ad, *E, u_ad)
    flux_v_ad(v, grid, G_v_ad, c_ad, *E)
    exchange(grid, c_ad, *E)
    gather_flux_v(grid, c_ad, *E, v_ad)
