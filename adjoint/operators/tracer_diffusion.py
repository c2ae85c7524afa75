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

from adjoint.operators.tracer_advection import passed_x, passed_y
from ogcm.backend import HALF, HALO, ONE, kernel, point, typed
from ogcm.operators.friction import layer
from ogcm.operators.tracer_advection import through


@point
def eastward(P, grid, k, j, i):
    """c P of the east face; 0 through land."""
    return through(grid.mask_u[k, j, i], grid.dy_u[j, i] * grid.h_u[k, j, i] * grid.r_dx_u[j, i] * P)


@point
def northward(P, grid, k, j, i):
    return through(grid.mask_v[k, j, i], grid.dx_v[j, i] * grid.h_v[k, j, i] * grid.r_dy_v[j, i] * P)


@kernel
def diffuse_tracer_ad(T, kappa, grid, out_ad, T_ad, kappa_ad):
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            n = layer(kappa, k)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here, t = kappa[n, j, i], T[k, j, i]
                east = eastward(passed_x(out_ad, grid, k, j, i), grid, k, j, i)
                west = eastward(passed_x(out_ad, grid, k, j, i - ONE), grid, k, j, i - ONE)
                north = northward(passed_y(out_ad, grid, k, j, i), grid, k, j, i)
                south = northward(passed_y(out_ad, grid, k, j - 1, i), grid, k, j - 1, i)
                along_x = (here + kappa[n, j, i + ONE]) * east - (kappa[n, j, i - ONE] + here) * west
                along_y = (here + kappa[n, j + 1, i]) * north - (kappa[n, j - 1, i] + here) * south
                T_ad[k, j, i] += HALF * (along_x + along_y)
                steep_x = (T[k, j, i + ONE] - t) * east + (t - T[k, j, i - ONE]) * west
                steep_y = (T[k, j + 1, i] - t) * north + (t - T[k, j - 1, i]) * south
                kappa_ad[n, j, i] -= HALF * (steep_x + steep_y)


@point
def per_volume(L_ad, grid, k, j, i):
    volume = grid.area_t[j, i] * grid.h_t[k, j, i]
    return L_ad[k, j, i] / (volume + (typed(1.0, volume) - grid.mask_t[k, j, i]))


@kernel
def tracer_laplacian_ad(T, grid, L_ad, T_ad):
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here = per_volume(L_ad, grid, k, j, i)
                east = eastward(per_volume(L_ad, grid, k, j, i + ONE) - here, grid, k, j, i)
                west = eastward(here - per_volume(L_ad, grid, k, j, i - ONE), grid, k, j, i - ONE)
                north = northward(per_volume(L_ad, grid, k, j + 1, i) - here, grid, k, j, i)
                south = northward(here - per_volume(L_ad, grid, k, j - 1, i), grid, k, j - 1, i)
                T_ad[k, j, i] += (east - west) + (north - south)
