"""Adjoint of `ogcm/operators/stencils.py`, and differences of adjoint fields that several operators share.

strain_squared   s = D_T^2 + mean of D_S^2 at the four corners.  With w = 2 s_ad at T:

    D_T_ad = w D_T,   D_S_ad = D_S (sum of the four w around F)/4

and for the velocities, each U and V point gathers from the rates of strain that it is part of:

    u_ad_i += (A_i - A_{i+1})/dy_u + (B_{j-1} - B_j)/dx_u,   A = D_T_ad dy_t/dx_t,   B = mask D_S_ad dx_f/dy_f
    v_ad_j -= (C_j - C_{j+1})/dx_v - (E_{i-1} - E_i)/dy_v,   C = D_T_ad dx_t/dy_t,   E = mask D_S_ad dy_f/dx_f

No kinks.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, QUARTER, kernel, point, typed
from ogcm.operators.stencils import masked, shear, tension


@point
def per_dx_u(G_u_ad, grid, k, j, i):
    """Return mask_u G_u_ad/dx_u at a U point; 0 on closed faces."""
    return masked(grid.mask_u[k, j, i], G_u_ad[k, j, i] * grid.r_dx_u[j, i])


@point
def per_dy_v(G_v_ad, grid, k, j, i):
    """Return mask_v G_v_ad/dy_v at a V point; 0 on closed faces."""
    return masked(grid.mask_v[k, j, i], G_v_ad[k, j, i] * grid.r_dy_v[j, i])


@point
def difference_x(out_ad, grid, k, j, i):
    """Return (out_ad/area_t)_{i+1} - (out_ad/area_t)_i over the eastern face of a cell, land included."""
    return out_ad[k, j, i + ONE] * grid.r_area_t[j, i + ONE] - out_ad[k, j, i] * grid.r_area_t[j, i]


@point
def difference_y(out_ad, grid, k, j, i):
    """Return (out_ad/area_t)_{j+1} - (out_ad/area_t)_j over the northern face of a cell, land included."""
    return out_ad[k, j + 1, i] * grid.r_area_t[j + 1, i] - out_ad[k, j, i] * grid.r_area_t[j, i]


@point
def difference_z(out_ad, grid, k, j, i):
    """Return (out_ad/area_t)_{k-1} - (out_ad/area_t)_k over the top of cell k, land included; 0 above the surface."""
    upper = out_ad[max(k - 1, 0), j, i]  # read first and chosen afterwards, which leaves no branch in the loop over i
    upper = upper if k > 0 else typed(0.0, upper)
    return (upper - out_ad[min(k, out_ad.shape[0] - 1), j, i]) * grid.r_area_t[j, i]


@kernel
def divide_by_volume(G_u_ad, G_v_ad, grid, y_u, y_v):
    """Compute y = mask G_ad/(area h) at all U and V points, halo included.

    Parameters
    ----------
    G_u_ad, G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration, halo filled.
    grid : Grid
        Metric terms and masks.
    y_u, y_v : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration over the volume, written everywhere; 0 on closed faces.
    """
    nk, nj, ni = y_u.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                of_u, of_v = grid.area_u[j, i] * grid.h_u[k, j, i], grid.area_v[j, i] * grid.h_v[k, j, i]
                y_u[k, j, i] = masked(grid.mask_u[k, j, i], G_u_ad[k, j, i] / of_u)
                y_v[k, j, i] = masked(grid.mask_v[k, j, i], G_v_ad[k, j, i] / of_v)


@point
def tension_ad(w, u, v, grid, k, j, i):
    """Return D_T_ad = w D_T at a T point."""
    return w[k, j, i] * tension(u, v, grid, k, j, i)


@point
def shear_ad(w, u, v, grid, k, j, i):
    """Return mask D_S_ad at an F point."""
    around = (w[k, j, i] + w[k, j + 1, i + ONE]) + (w[k, j, i + ONE] + w[k, j + 1, i])
    return grid.mask_f[k, j, i] * (QUARTER * around * shear(u, v, grid, k, j, i))


@kernel
def strain_squared_ad(w, u, v, grid, u_ad, v_ad):
    """Add the adjoint of the strain squared to that of the velocity.

    Parameters
    ----------
    w : ndarray, shape (nk, nj, ni)
        Twice the adjoint of the strain squared at T points, halo filled.
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms and masks.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                T, F = tension_ad(w, u, v, grid, k, j, i), shear_ad(w, u, v, grid, k, j, i)
                east, north = tension_ad(w, u, v, grid, k, j, i + ONE), tension_ad(w, u, v, grid, k, j + 1, i)
                west, south = shear_ad(w, u, v, grid, k, j, i - ONE), shear_ad(w, u, v, grid, k, j - 1, i)
                A = T * grid.dy_t[j, i] * grid.r_dx_t[j, i]
                A_east = east * grid.dy_t[j, i + ONE] * grid.r_dx_t[j, i + ONE]
                B = F * grid.dx_f[j, i] * grid.r_dy_f[j, i]
                B_south = south * grid.dx_f[j - 1, i] * grid.r_dy_f[j - 1, i]
                C = T * grid.dx_t[j, i] * grid.r_dy_t[j, i]
                C_north = north * grid.dx_t[j + 1, i] * grid.r_dy_t[j + 1, i]
                E = F * grid.dy_f[j, i] * grid.r_dx_f[j, i]
                E_west = west * grid.dy_f[j, i - ONE] * grid.r_dx_f[j, i - ONE]
                u_ad[k, j, i] += (A - A_east) * grid.r_dy_u[j, i] + (B_south - B) * grid.r_dx_u[j, i]
                v_ad[k, j, i] += (C_north - C) * grid.r_dx_v[j, i] + (E_west - E) * grid.r_dy_v[j, i]
