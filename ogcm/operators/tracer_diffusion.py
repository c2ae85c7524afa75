"""Horizontal diffusion of a tracer, in flux form.

    d(hT)/dt += div_h(h kappa grad T)

    out_i += [ X_i - X_{i-1} + Y_j - Y_{j-1} ] / area_t
    X_i = m dy_u h_u (kappa_i + kappa_{i+1})/2 (T_{i+1} - T_i)/dx_u

in the resting layers. kappa [m2 s-1] has one layer or all of them. Biharmonic diffusion is this operator
applied twice: to T with kappa = 1, divided by the thickness (`tracer_laplacian`), and to the result with -kappa4.

Adjoint. The operator is symmetric in the product weighted with area: T_ad += area_t out(out_ad/area_t),
kappa_ad_i -= half of dy_u h_u/dx_u (T_{i+1} - T_i)(g_{i+1} - g_i) of its four faces, g = out_ad/area_t, summed over k
where kappa has one layer. tracer_laplacian: T_ad += area_t times the Laplacian of L_ad/(area_t h_t).
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, typed
from ogcm.operators.stencils import layer_index, masked


@point
def flux_x(T, kappa, grid, k, j, i):
    """Return dy_u h_u kappa (T_{i+1} - T_i)/dx_u [K m3 s-1] for the coefficient kappa of the face; 0 through land."""
    flux = kappa * grid.dy_u[j, i] * grid.h_u[k, j, i] * (T[k, j, i + ONE] - T[k, j, i]) * grid.r_dx_u[j, i]
    return masked(grid.mask_u[k, j, i], flux)


@point
def flux_y(T, kappa, grid, k, j, i):
    """Return dx_v h_v kappa (T_{j+1} - T_j)/dy_v [K m3 s-1] for the coefficient kappa of the face; 0 through land."""
    flux = kappa * grid.dx_v[j, i] * grid.h_v[k, j, i] * (T[k, j + 1, i] - T[k, j, i]) * grid.r_dy_v[j, i]
    return masked(grid.mask_v[k, j, i], flux)


@point
def diffusion(T, kappa, grid, out, k, j, i):
    """Add the diffusion of a cell to `out` [K m s-1]."""
    n = layer_index(kappa, k)
    here = kappa[n, j, i]
    east = flux_x(T, here + kappa[n, j, i + ONE], grid, k, j, i)
    west = flux_x(T, kappa[n, j, i - ONE] + here, grid, k, j, i - ONE)
    north = flux_y(T, here + kappa[n, j + 1, i], grid, k, j, i)
    south = flux_y(T, kappa[n, j - 1, i] + here, grid, k, j - 1, i)
    out[k, j, i] += HALF * ((east - west) + (north - south)) * grid.r_area_t[j, i]


@kernel
def diffuse_tracer(T, kappa, grid, out):
    """Add the horizontal diffusion of a tracer to its tendency.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    kappa : ndarray, shape (1 or nk, nj, ni)
        Diffusivity at T points [m2 s-1].
    grid : Grid
        Metric terms and masks.
    out : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendency [K m s-1]; the result is added on the interior.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                diffusion(T, kappa, grid, out, k, j, np.uintp(ii))


@kernel
def tracer_laplacian(T, grid, L):
    """Compute the Laplacian L = div(h grad T)/h of a tracer.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    grid : Grid
        Metric terms and masks.
    L : ndarray, shape (nk, nj, ni)
        The Laplacian [K m-2], written on the interior; 0 on land.
    """
    nk, nj, ni = T.shape
    one = L.dtype.type(1)
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                along_x = flux_x(T, one, grid, k, j, i) - flux_x(T, one, grid, k, j, i - ONE)
                along_y = flux_y(T, one, grid, k, j, i) - flux_y(T, one, grid, k, j - 1, i)
                volume = grid.area_t[j, i] * grid.h_t[k, j, i]
                dry = typed(1.0, volume) - grid.mask_t[k, j, i]
                L[k, j, i] = (along_x + along_y) / (volume + dry)
