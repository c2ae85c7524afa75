"""Adjoint of `ogcm/operators/tracer_diffusion.py`.

diffuse_tracer     out_i += (X_i - X_{i-1})/area_i,   X_i = c_i (kappa_i + kappa_{i+1})/2 (T_{i+1} - T_i),
                   c_i = mask dy_u h_u/dx_u.   With P_i = (out_ad/area)_{i+1} - (out_ad/area)_i, and along j:

    T_ad_i     += (kappa_i + kappa_{i+1})/2 c_i P_i - (kappa_{i-1} + kappa_i)/2 c_{i-1} P_{i-1}
    kappa_ad_i -= [ c_i (T_{i+1} - T_i) P_i + c_{i-1} (T_i - T_{i-1}) P_{i-1} ]/2        (summed over k for one layer)

tracer_laplacian   the same with kappa = 1 and the volume area h_t for the area.

Linear in T and in kappa; no kinks.
"""

import numpy as np
from numba import prange

from adjoint.operators.stencils import difference_x, difference_y
from ogcm.backend import HALF, HALO, ONE, kernel, point, typed
from ogcm.operators.stencils import layer_index, masked


@point
def eastward(weight, P, grid, k, j, i):
    """Return weight c P at the eastern face of a cell; 0 through land."""
    return masked(grid.mask_u[k, j, i], weight * (grid.dy_u[j, i] * grid.h_u[k, j, i] * grid.r_dx_u[j, i] * P))


@point
def northward(weight, P, grid, k, j, i):
    """Return weight c P at the northern face of a cell; 0 through land."""
    return masked(grid.mask_v[k, j, i], weight * (grid.dx_v[j, i] * grid.h_v[k, j, i] * grid.r_dy_v[j, i] * P))


@kernel
def diffuse_tracer_ad(T, kappa, grid, out_ad, T_ad, kappa_ad):
    """Add the adjoint of the horizontal diffusion.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    kappa : ndarray, shape (1 or nk, nj, ni)
        Diffusivity at T points [m2 s-1].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency, halo filled.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to.
    kappa_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the diffusivity, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            n = layer_index(kappa, k)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here, t = kappa[n, j, i], T[k, j, i]
                P_east, P_west = difference_x(out_ad, grid, k, j, i), difference_x(out_ad, grid, k, j, i - ONE)
                P_north, P_south = difference_y(out_ad, grid, k, j, i), difference_y(out_ad, grid, k, j - 1, i)
                east = eastward(here + kappa[n, j, i + ONE], P_east, grid, k, j, i)
                west = eastward(kappa[n, j, i - ONE] + here, P_west, grid, k, j, i - ONE)
                north = northward(here + kappa[n, j + 1, i], P_north, grid, k, j, i)
                south = northward(kappa[n, j - 1, i] + here, P_south, grid, k, j - 1, i)
                T_ad[k, j, i] += HALF * ((east - west) + (north - south))
                east = eastward(T[k, j, i + ONE] - t, P_east, grid, k, j, i)
                west = eastward(t - T[k, j, i - ONE], P_west, grid, k, j, i - ONE)
                north = northward(T[k, j + 1, i] - t, P_north, grid, k, j, i)
                south = northward(t - T[k, j - 1, i], P_south, grid, k, j - 1, i)
                kappa_ad[n, j, i] -= HALF * ((east + west) + (north + south))


@point
def per_cell_volume(L_ad, grid, k, j, i):
    """Return L_ad over the volume of a cell, and over 1 more on land, where the volume may be 0."""
    volume = grid.area_t[j, i] * grid.h_t[k, j, i]
    return L_ad[k, j, i] / (volume + (typed(1.0, volume) - grid.mask_t[k, j, i]))


@kernel
def tracer_laplacian_ad(T, grid, L_ad, T_ad):
    """Add the adjoint of the Laplacian of a tracer.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    grid : Grid
        Metric terms and masks.
    L_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the Laplacian, halo filled; 0 on land.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here, one = per_cell_volume(L_ad, grid, k, j, i), typed(1.0, grid.area_t[j, i])
                east = eastward(one, per_cell_volume(L_ad, grid, k, j, i + ONE) - here, grid, k, j, i)
                west = eastward(one, here - per_cell_volume(L_ad, grid, k, j, i - ONE), grid, k, j, i - ONE)
                north = northward(one, per_cell_volume(L_ad, grid, k, j + 1, i) - here, grid, k, j, i)
                south = northward(one, here - per_cell_volume(L_ad, grid, k, j - 1, i), grid, k, j - 1, i)
                T_ad[k, j, i] += (east - west) + (north - south)
