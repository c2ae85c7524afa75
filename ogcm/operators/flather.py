"""Long waves through open sides: Flather's velocity and Chapman's sea level.

The depth-mean velocity between a cell outside and one inside is that of Flather (1976, Mem. Soc. R. Sci. Liege 6(10),
141-164), with g/H of the resting depth and the sea level of the cell inside:

    u = u_outside -+ sqrt(g/H) (eta_inside - eta_outside)          (- at a western or southern side, + at the others)
      = outer -+ sqrt(g/H) eta_inside,     outer = u_outside +- sqrt(g/H) eta_outside

A long wave from inside has u = -+ sqrt(g/H) eta and leaves; `outer` is what the outer world sends. The barotropic
substeps (`ogcm.operators.barotropic`) take it in each substep. The sea level of a cell outside follows at the end of a
stage of length dt by the radiation of Chapman (1985, doi 10.1175/1520-0485(1985)015<1060:NTOTCS>2.0.CO;2), implicitly:

    eta = (eta_old + C eta_inside)/(1 + C),     C = dt sqrt(g H)/dx

where dx is the width of the cell outside, towards the inside. It decides how deep the water at the face is.

Adjoint: in `adjoint/operators/flather.py`. All is linear in eta, u and `outer`. No kinks.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, kernel, point, root, typed
from ogcm.operators.stencils import masked


@point
def crosses_u(grid, j, i):
    """Return True for a U point between a cell outside and one inside."""
    return grid.inward_u[1, j, i] != 0 and grid.inward_u[0, j, i] == 0


@point
def crosses_v(grid, j, i):
    """Return True for a V point between a cell outside and one inside."""
    return grid.inward_v[0, j, i] != 0 and grid.inward_v[1, j, i] == 0


@point
def impedance_u(grid, j, i):
    """Return +- sqrt(g/H) at a U point of an open side [s-1], positive where the inside lies in the east."""
    return grid.inward_u[1, j, i] * root(grid.gravity * grid.r_depth_u[j, i])


@point
def impedance_v(grid, j, i):
    """Return +- sqrt(g/H) at a V point of an open side [s-1], positive where the inside lies in the north."""
    return grid.inward_v[0, j, i] * root(grid.gravity * grid.r_depth_v[j, i])


@point
def flather_u(eta, outer, grid, j, i):
    """Return Flather's velocity at a U point of an open side [m s-1]."""
    west, east = eta[j, i], eta[j, i + ONE]
    return outer[j, i] - impedance_u(grid, j, i) * (east if grid.inward_u[1, j, i] > 0 else west)


@point
def flather_v(eta, outer, grid, j, i):
    """Return Flather's velocity at a V point of an open side [m s-1]."""
    south, north = eta[j, i], eta[j + 1, i]
    return outer[j, i] - impedance_v(grid, j, i) * (north if grid.inward_v[0, j, i] > 0 else south)


@kernel
def outer_waves(u, v, eta, grid, outer_u, outer_v):
    """Compute what the outer world sends through open sides, u_bar +- sqrt(g/H) eta.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity outside [m s-1], read at U and V points of open sides, of which the depth mean is taken.
    eta : ndarray, shape (nj, ni)
        Sea surface height outside [m], read in the cells outside.
    grid : Grid
        Metric terms, masks and open sides.
    outer_u, outer_v : ndarray, shape (nj, ni)
        What is sent [m s-1], written at U and V points of open sides.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            if crosses_u(grid, j, i):
                west, east = eta[j, i], eta[j, i + ONE]
                outer_u[j, i] = impedance_u(grid, j, i) * (west if grid.inward_u[1, j, i] > 0 else east)
            if crosses_v(grid, j, i):
                south, north = eta[j, i], eta[j + 1, i]
                outer_v[j, i] = impedance_v(grid, j, i) * (south if grid.inward_v[0, j, i] > 0 else north)
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                if crosses_u(grid, j, i):
                    outer_u[j, i] += grid.mask_u[k, j, i] * (grid.h_u[k, j, i] * grid.r_depth_u[j, i]) * u[k, j, i]
                if crosses_v(grid, j, i):
                    outer_v[j, i] += grid.mask_v[k, j, i] * (grid.h_v[k, j, i] * grid.r_depth_v[j, i]) * v[k, j, i]


@point
def is_outside(grid, j, i):
    """Return True for a cell outside an open side."""
    return grid.inward_t[0, j, i] != 0 or grid.inward_t[1, j, i] != 0


@point
def radiated_share(dt, grid, j, i):
    """Return C/(1 + C), the share of the sea level inside in that of a cell outside [1]; 0 where no water is inside."""
    along_j, along_i = grid.inward_t[0, j, i], grid.inward_t[1, j, i]
    length = typed(0.0, grid.dx_t[j, i])
    if along_i != 0:
        length += grid.dx_t[j, i]
    if along_j != 0:
        length += grid.dy_t[j, i]
    courant = dt * root(grid.gravity * grid.depth_t[j, i]) / length
    return grid.mask_t[0, j + along_j, i + along_i] * courant / (typed(1.0, courant) + courant)


@kernel
def chapman(old, inside, dt, grid, eta):
    """Compute the sea level of the cells outside.

    Parameters
    ----------
    old : ndarray, shape (nj, ni)
        Sea surface height at the beginning of the stage [m].
    inside : ndarray, shape (nj, ni)
        Sea surface height at its end [m], read in the cells inside, with its halo filled.
    dt : float
        Length of the stage [s].
    grid : Grid
        Metric terms, masks and open sides.
    eta : ndarray, shape (nj, ni)
        Sea surface height [m], written on the interior: that of `inside`, and in the cells outside that which follows.
    """
    nj, ni = old.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            eta[j, i] = inside[j, i]
            if is_outside(grid, j, i):
                to_j, to_i = np.intp(j) + grid.inward_t[0, j, i], np.intp(i) + grid.inward_t[1, j, i]
                change = masked(grid.mask_t[0, to_j, to_i], inside[to_j, to_i] - old[j, i])
                eta[j, i] = old[j, i] + radiated_share(dt, grid, np.intp(j), np.intp(i)) * change
