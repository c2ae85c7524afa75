"""Adjoint of `ogcm/operators/flather.py`.

outer_waves   outer = sum_k h u/H +- sqrt(g/H) eta         u_ad_k += h_k/H outer_ad,   eta_ad +-= sqrt(g/H) outer_ad

chapman       eta = inside in the sea, old + a (inside_next - old) in the cells outside, a = C/(1 + C)
              inside_ad += eta_ad + sum of a eta_ad of the cells outside next to it,   old_ad += (1 - a) eta_ad outside

No kinks.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, kernel, point, typed
from ogcm.operators.flather import crosses_u, crosses_v, impedance_u, impedance_v, is_outside, radiated_share


@point
def eta_ad_from_waves(grid, outer_u_ad, outer_v_ad, j, i):
    """Return the adjoint of the sea level of a cell outside by the velocities of its faces."""
    total = typed(0.0, outer_u_ad[j, i])
    if crosses_u(grid, j, i) and grid.inward_u[1, j, i] > 0:
        total += impedance_u(grid, j, i) * outer_u_ad[j, i]
    if crosses_u(grid, j, i - ONE) and grid.inward_u[1, j, i - ONE] < 0:
        total += impedance_u(grid, j, i - ONE) * outer_u_ad[j, i - ONE]
    if crosses_v(grid, j, i) and grid.inward_v[0, j, i] > 0:
        total += impedance_v(grid, j, i) * outer_v_ad[j, i]
    if crosses_v(grid, j - 1, i) and grid.inward_v[0, j - 1, i] < 0:
        total += impedance_v(grid, j - 1, i) * outer_v_ad[j - 1, i]
    return total


@point
def eta_ad_from_flather(grid, flather_u_ad, flather_v_ad, j, i):
    """Return the adjoint of the sea level of a cell inside by Flather's velocities at its faces."""
    total = typed(0.0, flather_u_ad[j, i])
    if crosses_u(grid, j, i) and grid.inward_u[1, j, i] < 0:
        total -= impedance_u(grid, j, i) * flather_u_ad[j, i]
    if crosses_u(grid, j, i - ONE) and grid.inward_u[1, j, i - ONE] > 0:
        total -= impedance_u(grid, j, i - ONE) * flather_u_ad[j, i - ONE]
    if crosses_v(grid, j, i) and grid.inward_v[0, j, i] < 0:
        total -= impedance_v(grid, j, i) * flather_v_ad[j, i]
    if crosses_v(grid, j - 1, i) and grid.inward_v[0, j - 1, i] > 0:
        total -= impedance_v(grid, j - 1, i) * flather_v_ad[j - 1, i]
    return total


@kernel
def outer_waves_ad(grid, outer_u_ad, outer_v_ad, u_ad, v_ad, eta_ad):
    """Add the adjoint of what the outer world sends.

    Parameters
    ----------
    grid : Grid
        Metric terms, masks and open sides.
    outer_u_ad, outer_v_ad : ndarray, shape (nj, ni)
        Adjoint of what is sent, halo filled; read at U and V points of open sides.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity outside, added to.
    eta_ad : ndarray, shape (nj, ni)
        Adjoint of the sea surface height outside, added to.
    """
    nk, nj, ni = u_ad.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            eta_ad[j, i] += eta_ad_from_waves(grid, outer_u_ad, outer_v_ad, j, i)
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                if crosses_u(grid, j, i):
                    weight = grid.mask_u[k, j, i] * (grid.h_u[k, j, i] * grid.r_depth_u[j, i])
                    u_ad[k, j, i] += weight * outer_u_ad[j, i]
                if crosses_v(grid, j, i):
                    weight = grid.mask_v[k, j, i] * (grid.h_v[k, j, i] * grid.r_depth_v[j, i])
                    v_ad[k, j, i] += weight * outer_v_ad[j, i]


@point
def from_outside(dt, grid, eta_ad, j, i):
    """Return the adjoint of the sea level of a cell by that of the cells outside of which it lies inwards."""
    total = typed(0.0, eta_ad[j, i])
    for along_j in range(-1, 2):
        for along_i in range(-1, 2):
            to_j, to_i = j - along_j, i - along_i
            looks_here = grid.inward_t[0, to_j, to_i] == along_j and grid.inward_t[1, to_j, to_i] == along_i
            if looks_here and is_outside(grid, to_j, to_i):
                total += radiated_share(dt, grid, to_j, to_i) * eta_ad[to_j, to_i]
    return total


@kernel
def chapman_ad(dt, grid, eta_ad, old_ad, inside_ad):
    """Add the adjoint of the sea level of the cells outside.

    Parameters
    ----------
    dt : float
        Length of the stage [s].
    grid : Grid
        Metric terms, masks and open sides.
    eta_ad : ndarray, shape (nj, ni)
        Adjoint of the sea surface height, halo filled.
    old_ad : ndarray, shape (nj, ni)
        Adjoint of the sea surface height at the beginning of the stage, added to.
    inside_ad : ndarray, shape (nj, ni)
        Adjoint of the sea surface height inside at its end, added to.
    """
    nj, ni = eta_ad.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            inside_ad[j, i] += from_outside(dt, grid, eta_ad, np.intp(j), np.intp(i))
            if is_outside(grid, j, i):
                left = typed(1.0, eta_ad[j, i]) - radiated_share(dt, grid, np.intp(j), np.intp(i))
                old_ad[j, i] += left * eta_ad[j, i]
            else:
                inside_ad[j, i] += eta_ad[j, i]
