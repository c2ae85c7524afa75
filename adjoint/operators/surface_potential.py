"""Adjoint of `ogcm/operators/surface_potential.py`.

surface_potential   D_u_i -= m_i c (phi_{i+1} - phi_i)/dx_i in all layers, likewise v along j. With the flux
                    F_i = c/dx_i sum over layers of (m D_u_ad)_i, and G_j along j,

                        phi_ad_i += F_i - F_{i-1} + G_j - G_{j-1}

inverse_barometer   eta_b -= m_a (p_a - P_REFERENCE)/(rho0 g) at each rim point b with its neighbour a inside:

                        p_ad_a -= m_a sum of eta_ad_b/(rho0 g) over the rim points b that have this neighbour
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, kernel, point
from ogcm.operators.flather import is_outside
from ogcm.operators.stencils import masked


@point
def flux_u(D_u_ad, coefficient, grid, k, j, i):
    """Return c m D_u_ad/dx at a U point; 0 on land."""
    return masked(grid.mask_u[k, j, i], coefficient * D_u_ad[k, j, i] * grid.r_dx_u[j, i])


@point
def flux_v(D_v_ad, coefficient, grid, k, j, i):
    """Return c m D_v_ad/dy at a V point; 0 on land."""
    return masked(grid.mask_v[k, j, i], coefficient * D_v_ad[k, j, i] * grid.r_dy_v[j, i])


@kernel
def surface_potential_ad(coefficient, grid, D_u_ad, D_v_ad, phi_ad):
    """Add the adjoint of the acceleration by a potential that is equal at all depths.

    Parameters
    ----------
    coefficient : float
        The potential of one unit of phi [m2 s-2 per unit].
    grid : Grid
        Metric terms and masks.
    D_u_ad, D_v_ad : ndarray, shape (nk, nj, ni)
        Adjoints of the tendencies, with filled halos.
    phi_ad : ndarray, shape (nj, ni)
        Adjoint of the pressure or the elevation, added to.
    """
    nk, nj, ni = D_u_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                along_x = flux_u(D_u_ad, coefficient, grid, k, j, i) - flux_u(D_u_ad, coefficient, grid, k, j, i - ONE)
                along_y = flux_v(D_v_ad, coefficient, grid, k, j, i) - flux_v(D_v_ad, coefficient, grid, k, j - 1, i)
                phi_ad[j, i] += along_x + along_y


@point
def from_rim(grid, eta_ad, j, i):
    """Return the sum of eta_ad over the points of the rim from which (j, i) lies one step inwards."""
    total = eta_ad[j, i] - eta_ad[j, i]  # zero of the right type
    for row in range(3):  # indices of a GPU are unsigned, so that nothing negative is added to them
        for column in range(3):
            at_j, at_i = j + row - 1, i + column - 1
            along = grid.inward_t[0, at_j, at_i] == 1 - row and grid.inward_t[1, at_j, at_i] == 1 - column
            if along and is_outside(grid, at_j, at_i):
                total += eta_ad[at_j, at_i]
    return total


@kernel
def inverse_barometer_ad(grid, eta_ad, pressure_ad):
    """Add the adjoint of the inverse barometer at the rim.

    Parameters
    ----------
    grid : Grid
        Masks, constants and open sides.
    eta_ad : ndarray, shape (nj, ni)
        Adjoint of the sea surface height outside, with its halo filled.
    pressure_ad : ndarray, shape (nj, ni)
        Adjoint of the pressure of the air, added to.
    """
    nj, ni = eta_ad.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            total = from_rim(grid, eta_ad, j, ii)
            pressure_ad[j, i] -= masked(grid.mask_t[0, j, i], total / (grid.rho0 * grid.gravity))
