"""Horizontal friction: the divergence of a symmetric stress tensor.

    D_T = dy/dx d(u/dy)/dx - dx/dy d(v/dx)/dy  at T points     (tension)
    D_S = dx/dy d(u/dx)/dy + dy/dx d(v/dy)/dx  at F points     (shear, times mask_f)

    G_u += [ delta_i(dy_t^2 h_t nu D_T) / (dy_u^2 dx_u) + delta_j(dx_f^2 h_f nu D_S) / (dx_u^2 dy_u) ] / h_u
    G_v += [ delta_i(dy_f^2 h_f nu D_S) / (dy_v^2 dx_v) - delta_j(dx_t^2 h_t nu D_T) / (dx_v^2 dy_v) ] / h_v

(Smith and McWilliams 2003, doi 10.1016/S1463-5003(03)00010-4). The tensor form exerts no torque on solid
rotation and takes energy out for any nu >= 0: the work is -sum nu h (area_t D_T^2 + area_f D_S^2). A
coefficient has one layer or all of them; at F it is the mean of the wet cells around, so that the
friction on a no-slip wall has the viscosity of the water beside it. Biharmonic friction is this operator applied twice,
first with nu = 1, then with -nu4 to the result.

Adjoint. The operator is symmetric in the product weighted with volume: for x = area_u h_u and y = G_u_ad/x,
u_ad += x G_u(y, .), v_ad likewise. nu_ad at a wet T: -h_t area_t D_T(u, v) D_T(y) plus, from the four F points
around, -h_f area_f D_S(u, v) D_S(y) over the number of wet cells around F, summed over k where nu has one layer.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, kernel, point
from ogcm.operators.stencils import layer_index, masked, over_wet_cells_f, shear, tension


@point
def masked_coefficient(coefficient, mask_t, k, j, i):
    """Return the coefficient of a wet cell, and 0 on land, where it may be NaN."""
    return masked(mask_t[k, j, i], coefficient[layer_index(coefficient, k), j, i])


@point
def stress_t(u, v, nu, grid, k, j, i):
    """Return h nu D_T at a T point [m3 s-2]."""
    return grid.h_t[k, j, i] * nu[layer_index(nu, k), j, i] * tension(u, v, grid, k, j, i)


@point
def stress_f(u, v, nu, grid, k, j, i):
    """Return h nu D_S at an F point [m3 s-2], with the mean nu of the wet cells around."""
    t = grid.mask_t
    along = masked_coefficient(nu, t, k, j, i) + masked_coefficient(nu, t, k, j + 1, i + ONE)
    across = masked_coefficient(nu, t, k, j, i + ONE) + masked_coefficient(nu, t, k, j + 1, i)
    mean = over_wet_cells_f(along + across, grid, k, j, i)
    return grid.h_f[k, j, i] * mean * shear(u, v, grid, k, j, i)


@point
def divergence_u(u, v, nu, grid, k, j, i):
    """Return the divergence of the stresses at a U point times its volume [m4 s-2]."""
    east, west = stress_t(u, v, nu, grid, k, j, i + ONE), stress_t(u, v, nu, grid, k, j, i)
    north, south = stress_f(u, v, nu, grid, k, j, i), stress_f(u, v, nu, grid, k, j - 1, i)
    across = grid.dy_t[j, i + ONE] ** 2 * east - grid.dy_t[j, i] ** 2 * west
    along = grid.dx_f[j, i] ** 2 * north - grid.dx_f[j - 1, i] ** 2 * south
    return across * grid.r_dy_u[j, i] + along * grid.r_dx_u[j, i]


@point
def divergence_v(u, v, nu, grid, k, j, i):
    """Return the divergence of the stresses at a V point times its volume [m4 s-2]."""
    north, south = stress_t(u, v, nu, grid, k, j + 1, i), stress_t(u, v, nu, grid, k, j, i)
    east, west = stress_f(u, v, nu, grid, k, j, i), stress_f(u, v, nu, grid, k, j, i - ONE)
    across = grid.dx_t[j + 1, i] ** 2 * north - grid.dx_t[j, i] ** 2 * south
    along = grid.dy_f[j, i] ** 2 * east - grid.dy_f[j, i - ONE] ** 2 * west
    return along * grid.r_dy_v[j, i] - across * grid.r_dx_v[j, i]


@kernel
def stress_divergence(u, v, nu, grid, G_u, G_v):
    """Add the acceleration by horizontal friction.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    nu : ndarray, shape (1 or nk, nj, ni)
        Viscosity at T points [m2 s-1].
    grid : Grid
        Metric terms and masks.
    G_u, G_v : ndarray, shape (nk, nj, ni)
        Acceleration at U and V points [m s-2]; the result is added on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                total_u, total_v = divergence_u(u, v, nu, grid, k, j, i), divergence_v(u, v, nu, grid, k, j, i)
                G_u[k, j, i] += grid.mask_u[k, j, i] * total_u / (grid.area_u[j, i] * grid.h_u[k, j, i])
                G_v[k, j, i] += grid.mask_v[k, j, i] * total_v / (grid.area_v[j, i] * grid.h_v[k, j, i])
