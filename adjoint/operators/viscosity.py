"""Adjoint of `ogcm/operators/viscosity.py`.

smagorinsky   nu = mask [ nu_h + C^2 area m(s) ],  m(s) = sqrt(s + EPS^2) - EPS,  s = D_T^2 + mean of D_S^2.
              With g = mask nu_ad and w = C^2 area g/sqrt(s + EPS^2) at T:

    nu_h_ad += g,   C_ad += 2 C area m g,   D_T_ad = w D_T,   D_S_ad = D_S (sum of the four w around F)/4

leith         nu = mask [ nu_h + (C^2 area)^(3/2) m(a^2 + b^2) ],  a, b the differences of zeta along x and y at T.
              With w = (C^2 area)^(3/2) g/sqrt(.), p = w a/(2 dx), q = w b/(2 dy):

    C_ad += 3 C^2 area^(3/2) m g,   zeta_ad = (p + q)_SW + (q - p)_SE + (p - q)_NW - (p + q)_NE of the cells around F

and for the velocities, each U and V point gathers from the rates of strain (`stencils.py`) and the vorticity:

    u_ad_i += (A_i - A_{i+1})/dy_u + (B_{j-1} - B_j)/dx_u,   A = D_T_ad dy_t/dx_t,   B = mask D_S_ad dx_f/dy_f
    v_ad_j -= (C_j - C_{j+1})/dx_v - (E_{i-1} - E_i)/dy_v,   C = D_T_ad dx_t/dy_t,   E = mask D_S_ad dy_f/dx_f
    u_ad_j += dx_u (Z_j - Z_{j-1}),   v_ad_i += dy_v (Z_{i-1} - Z_i),                Z = mask zeta_ad/area_f

EPS keeps the derivative at rest finite: 0. No kinks.
"""

import numpy as np
from numba import prange

from adjoint.operators.stencils import strain_squared_ad
from ogcm.backend import HALF, HALO, ONE, kernel, point, root, typed
from ogcm.halo import exchange
from ogcm.operators.stencils import layer_index, masked, strain_squared
from ogcm.operators.viscosity import EPS_SHEAR, EPS_ZETA, magnitude, vorticity_gradient


@kernel
def smagorinsky_coefficients_ad(u, v, nu_h, coefficient, grid, nu_ad, nu_h_ad, coefficient_ad, w):
    """Add the adjoint of Smagorinsky's viscosity to that of its coefficients.

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
    nu_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the viscosity.
    nu_h_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the background viscosity, added to.
    coefficient_ad : ndarray, shape (1, nj, ni)
        Adjoint of the coefficient, added to.
    w : ndarray, shape (nk, nj, ni)
        Twice the adjoint of the strain squared at T points, written on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            n = layer_index(nu_h, k)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                square = strain_squared(u, v, grid, k, j, i)
                eps = typed(EPS_SHEAR, grid.area_t[j, i])
                strain, water = magnitude(square, eps), grid.mask_t[k, j, i]
                C, g = masked(water, coefficient[0, j, i]), masked(water, nu_ad[k, j, i])
                nu_h_ad[n, j, i] += g
                coefficient_ad[0, j, i] += (C + C) * grid.area_t[j, i] * strain * g
                w[k, j, i] = C * C * grid.area_t[j, i] * g / (strain + eps)


def smagorinsky_ad(u, v, nu_h, coefficient, grid, nu_ad, u_ad, v_ad, nu_h_ad, coefficient_ad, w):
    """Add the adjoint of Smagorinsky's viscosity.

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
    nu_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the viscosity.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    nu_h_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the background viscosity, added to.
    coefficient_ad : ndarray, shape (1, nj, ni)
        Adjoint of the coefficient, added to.
    w : ndarray, shape (nk, nj, ni)
        Work array, overwritten; 0 on the land of closed sides.
    """
    smagorinsky_coefficients_ad(u, v, nu_h, coefficient, grid, nu_ad, nu_h_ad, coefficient_ad, w)
    exchange(grid, w)
    strain_squared_ad(w, u, v, grid, u_ad, v_ad)


@kernel
def leith_coefficients_ad(u, v, nu_h, coefficient, grid, nu_ad, nu_h_ad, coefficient_ad, p, q):
    """Add the adjoint of Leith's viscosity to that of its coefficients.

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
    nu_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the viscosity.
    nu_h_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the background viscosity, added to.
    coefficient_ad : ndarray, shape (1, nj, ni)
        Adjoint of the coefficient, added to.
    p, q : ndarray, shape (nk, nj, ni)
        Adjoint of the gradient of the vorticity along x and y, over twice dx and dy, written on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            n = layer_index(nu_h, k)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                along_x, along_y = vorticity_gradient(u, v, grid, k, j, i)
                eps = typed(EPS_ZETA, grid.area_t[j, i])
                steepness = magnitude(along_x * along_x + along_y * along_y, eps)
                water = grid.mask_t[k, j, i]
                size = masked(water, coefficient[0, j, i]) * root(grid.area_t[j, i])
                g = masked(water, nu_ad[k, j, i])
                nu_h_ad[n, j, i] += g
                coefficient_ad[0, j, i] += (size + size + size) * size * root(grid.area_t[j, i]) * steepness * g
                w = HALF * size * size * size * g / (steepness + eps)
                p[k, j, i] = w * along_x * grid.r_dx_t[j, i]
                q[k, j, i] = w * along_y * grid.r_dy_t[j, i]


@point
def circulation_ad(p, q, grid, k, j, i):
    """Return Z, the adjoint of the circulation around an F point."""
    southern = (p[k, j, i] + q[k, j, i]) + (q[k, j, i + ONE] - p[k, j, i + ONE])
    northern = (p[k, j + 1, i] - q[k, j + 1, i]) - (p[k, j + 1, i + ONE] + q[k, j + 1, i + ONE])
    return grid.mask_f[k, j, i] * (southern + northern) * grid.r_area_f[j, i]


@kernel
def vorticity_gradient_ad(p, q, grid, u_ad, v_ad):
    """Add the adjoint of the gradient of the vorticity to that of the velocity.

    Parameters
    ----------
    p, q : ndarray, shape (nk, nj, ni)
        Adjoint of the gradient along x and y, over twice dx and dy, halo filled.
    grid : Grid
        Metric terms and masks.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    """
    nk, nj, ni = p.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here = circulation_ad(p, q, grid, k, j, i)
                u_ad[k, j, i] += grid.dx_u[j, i] * (here - circulation_ad(p, q, grid, k, j - 1, i))
                v_ad[k, j, i] += grid.dy_v[j, i] * (circulation_ad(p, q, grid, k, j, i - ONE) - here)


def leith_ad(u, v, nu_h, coefficient, grid, nu_ad, u_ad, v_ad, nu_h_ad, coefficient_ad, p, q):
    """Add the adjoint of Leith's viscosity.

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
    nu_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the viscosity.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    nu_h_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the background viscosity, added to.
    coefficient_ad : ndarray, shape (1, nj, ni)
        Adjoint of the coefficient, added to.
    p, q : ndarray, shape (nk, nj, ni)
        Work arrays, overwritten; 0 on the land of closed sides.
    """
    leith_coefficients_ad(u, v, nu_h, coefficient, grid, nu_ad, nu_h_ad, coefficient_ad, p, q)
    exchange(grid, p, q)
    vorticity_gradient_ad(p, q, grid, u_ad, v_ad)
