"""Local quantities of the ocean at T points, the features of `nn.features`: kernels, each with its adjoint below it."""

import numpy as np
from numba import prange

from adjoint.operators.stencils import strain_squared_ad
from ogcm.backend import HALF, HALO, ONE, QUARTER, kernel, point
from ogcm.operators.stencils import masked, shear, strain_squared, tension, vorticity

__all__ = [
    "at_centres",
    "at_centres_ad",
    "centred_gradient",
    "centred_gradient_ad",
    "mean_vorticity",
    "mean_vorticity_ad",
    "normalise",
    "rates_of_strain",
    "rates_of_strain_ad",
    "squared_strain",
    "squared_strain_ad",
]


# Means of the faces


@point
def in_water(a, grid, k, j, i):
    """Return a of a wet cell, and 0 on land, even if the value there is NaN."""
    return masked(grid.mask_t[k, j, i], a[k, j, i])


@point
def through_u(u, grid, k, j, i):
    """Return u of an open face, and 0 of a closed one."""
    return masked(grid.mask_u[k, j, i], u[k, j, i])


@point
def through_v(v, grid, k, j, i):
    """Return v of an open face, and 0 of a closed one."""
    return masked(grid.mask_v[k, j, i], v[k, j, i])


@kernel
def at_centres(u, v, grid, u_t, v_t):
    """Average the velocity of the open faces to T points; 0 on land.

        u_t = (u_{i-1} + u_i)/2,    v_t = (v_{j-1} + v_j)/2

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms, thicknesses and masks.
    u_t, v_t : ndarray, shape (nk, nj, ni)
        Receive the velocity at T points [m s-1].
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                u_t[k, j, i] = HALF * (through_u(u, grid, k, j, i - ONE) + through_u(u, grid, k, j, i))
                v_t[k, j, i] = HALF * (through_v(v, grid, k, j - 1, i) + through_v(v, grid, k, j, i))


@kernel
def at_centres_ad(u, v, grid, u_t_ad, v_t_ad, u_ad, v_ad):
    """Add the adjoint of `at_centres`, which is linear.

        u_ad_i += (u_t_ad_i + u_t_ad_{i+1})/2 at an open face, v_ad likewise

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1]; it has no influence.
    grid : Grid
        Metric terms, thicknesses and masks.
    u_t_ad, v_t_ad : ndarray, shape (nk, nj, ni)
        Adjoint of u_t and v_t.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Receive the adjoint of u and v.
    """
    nk, nj, ni = u_t_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                both_u, both_v = u_t_ad[k, j, i] + u_t_ad[k, j, i + ONE], v_t_ad[k, j, i] + v_t_ad[k, j + 1, i]
                u_ad[k, j, i] += masked(grid.mask_u[k, j, i], HALF * both_u)
                v_ad[k, j, i] += masked(grid.mask_v[k, j, i], HALF * both_v)


# Gradients


@point
def slope_x(T, grid, k, j, i):
    """Return dT/dx at a U point, and 0 at the coast."""
    return masked(grid.mask_u[k, j, i], (T[k, j, i + ONE] - T[k, j, i]) * grid.r_dx_u[j, i])


@point
def slope_y(T, grid, k, j, i):
    """Return dT/dy at a V point, and 0 at the coast."""
    return masked(grid.mask_v[k, j, i], (T[k, j + 1, i] - T[k, j, i]) * grid.r_dy_v[j, i])


@kernel
def centred_gradient(T, grid, T_x, T_y):
    """Compute the horizontal gradient at T points, the mean of the slopes at the two faces.

        T_x = (dT/dx_{i-1/2} + dT/dx_{i+1/2})/2,    T_y likewise

    Parameters
    ----------
    T : ndarray, shape (levels, nj, ni)
        Field at T points.
    grid : Grid
        Metric terms, thicknesses and masks.
    T_x, T_y : ndarray, shape (levels, nj, ni)
        Receive the gradient along x and y [units of T m-1].
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                T_x[k, j, i] = HALF * (slope_x(T, grid, k, j, i - ONE) + slope_x(T, grid, k, j, i))
                T_y[k, j, i] = HALF * (slope_y(T, grid, k, j - 1, i) + slope_y(T, grid, k, j, i))


@point
def slope_x_ad(T_x_ad, grid, k, j, i):
    """Return the adjoint of the slope at a U point, over dx."""
    both = HALF * (T_x_ad[k, j, i] + T_x_ad[k, j, i + ONE])
    return masked(grid.mask_u[k, j, i], both * grid.r_dx_u[j, i])


@point
def slope_y_ad(T_y_ad, grid, k, j, i):
    """Return the adjoint of the slope at a V point, over dy."""
    both = HALF * (T_y_ad[k, j, i] + T_y_ad[k, j + 1, i])
    return masked(grid.mask_v[k, j, i], both * grid.r_dy_v[j, i])


@kernel
def centred_gradient_ad(T, grid, T_x_ad, T_y_ad, T_ad):
    """Add the adjoint of `centred_gradient`, which is linear.

        T_ad_i += P_{i-1} - P_i,    P = (T_x_ad_i + T_x_ad_{i+1})/(2 dx) of the open faces; along y likewise

    Parameters
    ----------
    T : ndarray, shape (levels, nj, ni)
        Field at T points; it has no influence.
    grid : Grid
        Metric terms, thicknesses and masks.
    T_x_ad, T_y_ad : ndarray, shape (levels, nj, ni)
        Adjoint of T_x and T_y.
    T_ad : ndarray, shape (levels, nj, ni)
        Receives the adjoint of T.
    """
    nk, nj, ni = T_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                along_x = slope_x_ad(T_x_ad, grid, k, j, i - ONE) - slope_x_ad(T_x_ad, grid, k, j, i)
                along_y = slope_y_ad(T_y_ad, grid, k, j - 1, i) - slope_y_ad(T_y_ad, grid, k, j, i)
                T_ad[k, j, i] += along_x + along_y


@kernel
def rates_of_strain(u, v, grid, D_T, D_S):
    """Compute the tension, and the mean of the shear at the four corners, at T points; 0 on land.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms, thicknesses and masks.
    D_T, D_S : ndarray, shape (nk, nj, ni)
        Receive tension and shear [s-1].
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                wet, w, s = grid.mask_t[k, j, i], i - ONE, j - 1
                D_T[k, j, i] = masked(wet, tension(u, v, grid, k, j, i))
                west = shear(u, v, grid, k, j, w) + shear(u, v, grid, k, s, w)
                east = shear(u, v, grid, k, j, i) + shear(u, v, grid, k, s, i)
                D_S[k, j, i] = masked(wet, QUARTER * (west + east))


@point
def at_corner(a, grid, k, j, i):
    """Return mask_f times the mean of the four wet cells around an F point, with 0 on land: the adjoint of a corner."""
    along = in_water(a, grid, k, j, i) + in_water(a, grid, k, j + 1, i + ONE)
    across = in_water(a, grid, k, j, i + ONE) + in_water(a, grid, k, j + 1, i)
    return grid.mask_f[k, j, i] * QUARTER * (along + across)


@kernel
def rates_of_strain_ad(u, v, grid, D_T_ad, D_S_ad, u_ad, v_ad):
    """Add the adjoint of `rates_of_strain`, which is linear.

    With A = D_T_ad at T points and B the masked mean of D_S_ad at F points:

        u_ad_i += (A_i dy/dx_i - A_{i+1} dy/dx_{i+1})/dy_u + (B_{j-1} dx/dy - B_j dx/dy)/dx_u
        v_ad_j -= (A_j dx/dy_j - A_{j+1} dx/dy_{j+1})/dx_v - (B_{i-1} dy/dx - B_i dy/dx)/dy_v

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1]; it has no influence.
    grid : Grid
        Metric terms, thicknesses and masks.
    D_T_ad, D_S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of D_T and D_S.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Receive the adjoint of u and v.
    """
    nk, nj, ni = D_T_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                w, e, s, n = i - ONE, i + ONE, j - 1, j + 1  # towards the four winds
                here = in_water(D_T_ad, grid, k, j, i)
                east = in_water(D_T_ad, grid, k, j, e) * grid.dy_t[j, e] * grid.r_dx_t[j, e]
                north = in_water(D_T_ad, grid, k, n, i) * grid.dx_t[n, i] * grid.r_dy_t[n, i]
                B, B_south, B_west = (
                    at_corner(D_S_ad, grid, k, j, i),
                    at_corner(D_S_ad, grid, k, s, i),
                    at_corner(D_S_ad, grid, k, j, w),
                )
                across = here * grid.dy_t[j, i] * grid.r_dx_t[j, i] - east
                along = B_south * grid.dx_f[s, i] * grid.r_dy_f[s, i] - B * grid.dx_f[j, i] * grid.r_dy_f[j, i]
                u_ad[k, j, i] += across * grid.r_dy_u[j, i] + along * grid.r_dx_u[j, i]
                across = here * grid.dx_t[j, i] * grid.r_dy_t[j, i] - north
                along = B_west * grid.dy_f[j, w] * grid.r_dx_f[j, w] - B * grid.dy_f[j, i] * grid.r_dx_f[j, i]
                v_ad[k, j, i] += along * grid.r_dy_v[j, i] - across * grid.r_dx_v[j, i]


@kernel
def mean_vorticity(u, v, grid, zeta):
    """Compute the mean of the vorticity at the four corners, at T points; 0 on land.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms, thicknesses and masks.
    zeta : ndarray, shape (nk, nj, ni)
        Receives the vorticity [s-1].
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                west = vorticity(u, v, grid, k, j, i - ONE) + vorticity(u, v, grid, k, j - 1, i - ONE)
                east = vorticity(u, v, grid, k, j, i) + vorticity(u, v, grid, k, j - 1, i)
                zeta[k, j, i] = masked(grid.mask_t[k, j, i], QUARTER * (west + east))


@kernel
def mean_vorticity_ad(u, v, grid, zeta_ad, u_ad, v_ad):
    """Add the adjoint of `mean_vorticity`, which is linear.

    With Z the masked mean of zeta_ad/area_f at F points:

        u_ad_j += dx_u (Z_j - Z_{j-1}),    v_ad_i += dy_v (Z_{i-1} - Z_i)

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1]; it has no influence.
    grid : Grid
        Metric terms, thicknesses and masks.
    zeta_ad : ndarray, shape (nk, nj, ni)
        Adjoint of zeta.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Receive the adjoint of u and v.
    """
    nk, nj, ni = zeta_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here = at_corner(zeta_ad, grid, k, j, i) * grid.r_area_f[j, i]
                south = at_corner(zeta_ad, grid, k, j - 1, i) * grid.r_area_f[j - 1, i]
                west = at_corner(zeta_ad, grid, k, j, i - ONE) * grid.r_area_f[j, i - ONE]
                u_ad[k, j, i] += grid.dx_u[j, i] * (here - south)
                v_ad[k, j, i] += grid.dy_v[j, i] * (west - here)


@kernel
def squared_strain(u, v, grid, square):
    """Compute |D|^2 = D_T^2 + mean of D_S^2 at the four corners, at T points; 0 on land.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms, thicknesses and masks.
    square : ndarray, shape (nk, nj, ni)
        Receives the squared rate of strain [s-2].
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                square[k, j, i] = masked(grid.mask_t[k, j, i], strain_squared(u, v, grid, k, j, i))


@kernel
def twice(square_ad, grid, w):
    """Compute w = 2 square_ad of the wet cells, halo included.

    Parameters
    ----------
    square_ad : ndarray, shape (nk, nj, ni)
        Adjoint of square.
    grid : Grid
        Metric terms, thicknesses and masks.
    w : ndarray, shape (nk, nj, ni)
        Receives the result.
    """
    nk, nj, ni = square_ad.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                w[k, j, i] = in_water(square_ad, grid, k, j, i) + in_water(square_ad, grid, k, j, i)


def squared_strain_ad(u, v, grid, square_ad, u_ad, v_ad):
    """Add the adjoint of `squared_strain`.

        D_T_ad = 2 square_ad D_T,    D_S_ad = 2 square_ad D_S/4 of each corner

    and from there to the velocity as in `adjoint.operators.viscosity`.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms, thicknesses and masks.
    square_ad : ndarray, shape (nk, nj, ni)
        Adjoint of square.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Receive the adjoint of u and v.
    """
    w = np.empty_like(square_ad)
    twice(square_ad, grid, w)
    strain_squared_ad(w, u, v, grid, u_ad, v_ad)


# Normalisation


@kernel
def normalise(mean, r_deviation, layers, grid, F):
    """Replace F by (F - mean) r_deviation on the interior; each row has the mask of its layer, and is 0 on land.

    Parameters
    ----------
    mean : ndarray, shape (rows,)
        Mean of each row.
    r_deviation : ndarray, shape (rows,)
        One over the standard deviation of each row.
    layers : ndarray, shape (rows,)
        Layer of each row.
    grid : Grid
        Metric terms, thicknesses and masks.
    F : ndarray, shape (rows, nj, ni)
        The features, changed in place.
    """
    rows, nj, ni = F.shape
    for j in prange(HALO, nj - HALO):
        for n in range(rows):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                F[n, j, i] = masked(grid.mask_t[layers[n], j, i], (F[n, j, i] - mean[n]) * r_deviation[n])
