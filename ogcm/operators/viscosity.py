"""Viscosities that follow the flow: Smagorinsky (1963) and Leith (1996).

    smagorinsky  nu = nu_h + C^2 dx dy |D|,             |D|^2 = D_T^2 + mean of D_S^2 at the four corners
    leith        nu = nu_h + C^3 (dx dy)^(3/2) |grad zeta|

at T points [m2 s-1] (Griffies and Hallberg 2000, doi 10.1175/1520-0493(2000)128<2935:BFWASL>2.0.CO;2;
Fox-Kemper and Menemenlis 2008, doi 10.1029/177GM19). grad zeta is the mean of the differences along the two
edges of each direction. The square roots are singular at rest: |.| is sqrt(.^2 + EPS^2) - EPS with
EPS_SHEAR = 1e-10 s-1 and EPS_ZETA = 1e-16 m-1 s-1, far below any shear that matters, so that the value at
rest is nu_h and the derivative 0.

Adjoint, smagorinsky, with w = C^2 dx dy nu_ad / sqrt(.): D_T_ad = w D_T, D_S_ad = w D_S/4 for each corner (F
points gather from four T), then u_ad, v_ad by the four terms of each (see friction). C_ad += sum_k 2 C dx dy |D| nu_ad,
nu_h_ad += nu_ad. leith: the same with zeta for D_S.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, root, typed
from ogcm.operators.stencils import layer_index, strain_squared, vorticity

EPS_SHEAR = 1e-10  # [s-1]
EPS_ZETA = 1e-16  # [m-1 s-1]


@point
def magnitude(square, eps):
    """Return sqrt(square + eps^2) - eps, a square root that is smooth at 0, in the units of eps."""
    return root(square + eps * eps) - eps


@point
def vorticity_gradient(u, v, grid, k, j, i):
    """Return (dzeta/dx, dzeta/dy) at a T point [m-1 s-1]."""
    ne, nw = vorticity(u, v, grid, k, j, i), vorticity(u, v, grid, k, j, i - ONE)
    se, sw = vorticity(u, v, grid, k, j - 1, i), vorticity(u, v, grid, k, j - 1, i - ONE)
    along_x = HALF * ((ne - nw) + (se - sw)) * grid.r_dx_t[j, i]
    along_y = HALF * ((ne - se) + (nw - sw)) * grid.r_dy_t[j, i]
    return along_x, along_y


@kernel
def smagorinsky(u, v, nu_h, coefficient, grid, nu):
    """Compute the viscosity of Smagorinsky from the rate of strain.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    nu_h : ndarray, shape (1 or nk, nj, ni)
        Background viscosity at T points [m2 s-1].
    coefficient : ndarray, shape (1, nj, ni)
        The coefficient C at T points [1].
    grid : Grid
        Metric terms and masks.
    nu : ndarray, shape (nk, nj, ni)
        Viscosity at T points [m2 s-1], written on the interior; 0 on land.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                square = strain_squared(u, v, grid, k, j, i)
                C = coefficient[0, j, i]
                strain = magnitude(square, typed(EPS_SHEAR, grid.area_t[j, i]))
                total = nu_h[layer_index(nu_h, k), j, i] + C * C * grid.area_t[j, i] * strain
                nu[k, j, i] = grid.mask_t[k, j, i] * total


@kernel
def leith(u, v, nu_h, coefficient, grid, nu):
    """Compute the viscosity of Leith from the gradient of the vorticity.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    nu_h : ndarray, shape (1 or nk, nj, ni)
        Background viscosity at T points [m2 s-1].
    coefficient : ndarray, shape (1, nj, ni)
        The coefficient C at T points [1].
    grid : Grid
        Metric terms and masks.
    nu : ndarray, shape (nk, nj, ni)
        Viscosity at T points [m2 s-1], written on the interior; 0 on land.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                along_x, along_y = vorticity_gradient(u, v, grid, k, j, i)
                size = coefficient[0, j, i] * root(grid.area_t[j, i])
                steepness = magnitude(along_x * along_x + along_y * along_y, typed(EPS_ZETA, grid.area_t[j, i]))
                total = nu_h[layer_index(nu_h, k), j, i] + size * size * size * steepness
                nu[k, j, i] = grid.mask_t[k, j, i] * total
