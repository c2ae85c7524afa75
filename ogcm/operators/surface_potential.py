"""Forces that are equal at all depths: the pressure of the air on the sea surface, and the tide-generating force.

    du/dt = ... - d(phi)/dx,     phi = p_a/rho0 - g eta_eq          (likewise v along y)

    D_u_i -= c (phi_{i+1} - phi_i)/dx_i     in all layers, for phi = p_a with c = 1/rho0, and eta_eq with c = -g

with the pressure p_a of the air [Pa] and the elevation eta_eq of the equilibrium tide [m]. Where both vary slowly, the
sea surface follows them: eta = eta_eq - p_a/(rho0 g) up to a constant, the inverse barometer. Outside open sides this
response is part of what is given at the rim, which is the sea level of the first cells inside (`ogcm.outside`):

    eta_outside -= (p_a - P_REFERENCE)/(rho0 g)     in the cells of the rim, with p_a of the first cells inside

Adjoint: in `adjoint/operators/surface_potential.py`. Linear in phi. There are no kinks.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, kernel, point, typed
from ogcm.operators.flather import is_outside
from ogcm.operators.stencils import masked

P_REFERENCE = 101325.0  # pressure at which the inverse barometer is 0 [Pa]


@point
def force_u(phi, coefficient, grid, j, i):
    """Return the acceleration at a U point without its mask [m s-2]."""
    return -coefficient * (phi[j, i + ONE] - phi[j, i]) * grid.r_dx_u[j, i]


@point
def force_v(phi, coefficient, grid, j, i):
    """Return the acceleration at a V point without its mask [m s-2]."""
    return -coefficient * (phi[j + 1, i] - phi[j, i]) * grid.r_dy_v[j, i]


@kernel
def surface_potential(phi, coefficient, grid, D_u, D_v):
    """Add the acceleration by a potential that is equal at all depths.

    Parameters
    ----------
    phi : ndarray, shape (nj, ni)
        Pressure [Pa] or elevation [m], with its halo filled.
    coefficient : float
        The potential of one unit of it: 1/rho0 or -g [m2 s-2 per unit].
    grid : Grid
        Metric terms and masks.
    D_u, D_v : ndarray, shape (nk, nj, ni)
        Tendencies [m s-2], to which is added.
    """
    nk, nj, ni = D_u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                D_u[k, j, i] += masked(grid.mask_u[k, j, i], force_u(phi, coefficient, grid, j, i))
                D_v[k, j, i] += masked(grid.mask_v[k, j, i], force_v(phi, coefficient, grid, j, i))


@point
def depression(pressure, grid, j, i):
    """Return by how much the pressure of the air lowers the first cell inside a cell of the rim [m]; 0 on land."""
    to_j, to_i = np.intp(j) + grid.inward_t[0, j, i], np.intp(i) + grid.inward_t[1, j, i]
    excess = pressure[to_j, to_i] - typed(P_REFERENCE, pressure[to_j, to_i])
    return masked(grid.mask_t[0, to_j, to_i], excess / (grid.rho0 * grid.gravity))


@kernel
def inverse_barometer(pressure, grid, eta):
    """Add the inverse barometer to the sea level of the rim of open sides.

    Parameters
    ----------
    pressure : ndarray, shape (nj, ni)
        Pressure of the air at the sea surface [Pa], with its halo filled.
    grid : Grid
        Masks, constants and open sides.
    eta : ndarray, shape (nj, ni)
        Sea surface height outside [m], changed at the rim.
    """
    nj, ni = eta.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            if is_outside(grid, j, i):
                eta[j, i] -= depression(pressure, grid, j, ii)
