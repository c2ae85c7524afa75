"""Kernels of the outputs of a network, as `nn.outputs` lists them: each with its adjoint below it."""

import numpy as np
from numba import prange

from adjoint.operators.stencils import divide_by_volume
from ogcm.backend import HALF, HALO, ONE, QUARTER, kernel, point
from ogcm.grid import Grid
from ogcm.operators.stencils import masked, tension

Array = np.ndarray


# From T points to faces


@kernel
def at_faces(F_x, F_y, grid, f_x, f_y):
    """Average a vector from T points to the faces.

        f_x = (F_x_i + F_x_{i+1})/2 at the eastern faces,    f_y = (F_y_j + F_y_{j+1})/2 at the northern faces

    Parameters
    ----------
    F_x, F_y : ndarray, shape (nk, nj, ni)
        Vector at T points.
    grid : Grid
        Metric terms, thicknesses and masks.
    f_x, f_y : ndarray, shape (nk, nj, ni)
        Receive the vector at U and V points.
    """
    nk, nj, ni = F_x.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                f_x[k, j, i] = HALF * (F_x[k, j, i] + F_x[k, j, i + ONE])
                f_y[k, j, i] = HALF * (F_y[k, j, i] + F_y[k, j + 1, i])


@kernel
def at_faces_ad(F_x, F_y, grid, f_x_ad, f_y_ad, F_x_ad, F_y_ad):
    """Add the adjoint of `at_faces`, which is linear.

        F_x_ad_i += (f_x_ad_{i-1} + f_x_ad_i)/2,    F_y_ad likewise

    Parameters
    ----------
    F_x, F_y : ndarray, shape (nk, nj, ni)
        Vector at T points.
    grid : Grid
        Metric terms, thicknesses and masks.
    f_x_ad, f_y_ad : ndarray, shape (nk, nj, ni)
        Adjoint of f_x and f_y.
    F_x_ad, F_y_ad : ndarray, shape (nk, nj, ni)
        Receive the adjoint of F_x and F_y.
    """
    nk, nj, ni = F_x_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                F_x_ad[k, j, i] += HALF * (f_x_ad[k, j, i - ONE] + f_x_ad[k, j, i])
                F_y_ad[k, j, i] += HALF * (f_y_ad[k, j - 1, i] + f_y_ad[k, j, i])


# Tracer fluxes


@point
def flux_x(F_x, grid, k, j, i):
    """Return dy h F_x through a U face [m2 times the unit of the flux]."""
    return masked(grid.mask_u[k, j, i], F_x[k, j, i] * grid.dy_u[j, i] * grid.h_u[k, j, i])


@point
def flux_y(F_y, grid, k, j, i):
    """Return dx h F_y through a V face [m2 times the unit of the flux]."""
    return masked(grid.mask_v[k, j, i], F_y[k, j, i] * grid.dx_v[j, i] * grid.h_v[k, j, i])


@kernel
def flux_divergence(F_x, F_y, grid, D):
    """Add the tendency by a horizontal tracer flux.

        D -= div_h(h F)

    Parameters
    ----------
    F_x, F_y : ndarray, shape (nk, nj, ni)
        Tracer flux through the eastern and northern faces [K m s-1].
    grid : Grid
        Metric terms, thicknesses and masks.
    D : ndarray, shape (nk, nj, ni)
        Receives the thickness-weighted tendency [K m s-1].
    """
    nk, nj, ni = F_x.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                along_x = flux_x(F_x, grid, k, j, i) - flux_x(F_x, grid, k, j, i - ONE)
                along_y = flux_y(F_y, grid, k, j, i) - flux_y(F_y, grid, k, j - 1, i)
                D[k, j, i] -= (along_x + along_y) * grid.r_area_t[j, i]


@kernel
def flux_divergence_ad(F_x, F_y, grid, D_ad, F_x_ad, F_y_ad):
    """Add the adjoint of `flux_divergence`, which is linear.

        F_x_ad_i += dy h [(D_ad/area)_{i+1} - (D_ad/area)_i] at an open face, F_y_ad likewise

    Parameters
    ----------
    F_x, F_y : ndarray, shape (nk, nj, ni)
        Tracer flux through the eastern and northern faces [K m s-1].
    grid : Grid
        Metric terms, thicknesses and masks.
    D_ad : ndarray, shape (nk, nj, ni)
        Adjoint of D.
    F_x_ad, F_y_ad : ndarray, shape (nk, nj, ni)
        Receive the adjoint of F_x and F_y.
    """
    nk, nj, ni = F_x_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here = D_ad[k, j, i] * grid.r_area_t[j, i]
                east = grid.h_u[k, j, i] * (D_ad[k, j, i + ONE] * grid.r_area_t[j, i + ONE] - here)
                north = grid.h_v[k, j, i] * (D_ad[k, j + 1, i] * grid.r_area_t[j + 1, i] - here)
                F_x_ad[k, j, i] += masked(grid.mask_u[k, j, i], grid.dy_u[j, i] * east)
                F_y_ad[k, j, i] += masked(grid.mask_v[k, j, i], grid.dx_v[j, i] * north)


@point
def upward(F_z, mask, k, j, i):
    """Return the flux through the top of cell k, and 0 through the surface and the bottom."""
    inside = 0 < k < mask.shape[0]
    n = k if inside else 0
    return masked(inside * mask[n, j, i], F_z[n, j, i])


@kernel
def vertical_flux(F_z, grid, D):
    """Add the tendency by a vertical tracer flux.

        D_k += F_{k+1} - F_k

    Parameters
    ----------
    F_z : ndarray, shape (nk, nj, ni)
        Upward flux through the tops of the cells [K m s-1].
    grid : Grid
        Metric terms, thicknesses and masks.
    D : ndarray, shape (nk, nj, ni)
        Receives the thickness-weighted tendency [K m s-1].
    """
    nk, nj, ni = F_z.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                D[k, j, i] += upward(F_z, grid.mask_t, k + 1, j, i) - upward(F_z, grid.mask_t, k, j, i)


@kernel
def vertical_flux_ad(F_z, grid, D_ad, F_z_ad):
    """Add the adjoint of `vertical_flux`, which is linear.

        F_ad_k += D_ad_{k-1} - D_ad_k inside the water

    Parameters
    ----------
    F_z : ndarray, shape (nk, nj, ni)
        Upward flux through the tops of the cells [K m s-1].
    grid : Grid
        Metric terms, thicknesses and masks.
    D_ad : ndarray, shape (nk, nj, ni)
        Adjoint of D.
    F_z_ad : ndarray, shape (nk, nj, ni)
        Receives the adjoint of F_z.
    """
    nk, nj, ni = F_z_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                F_z_ad[k, j, i] += masked(grid.mask_t[k, j, i], D_ad[k - 1, j, i] - D_ad[k, j, i])


# Stresses


@point
def shear_stress(s_S, grid, k, j, i):
    """Return h s_S at an F point [m3 s-2]: the mean of four cells, and 0 at a coast."""
    mean = QUARTER * ((s_S[k, j, i] + s_S[k, j + 1, i + ONE]) + (s_S[k, j, i + ONE] + s_S[k, j + 1, i]))
    return masked(grid.mask_f[k, j, i] == 1, grid.h_f[k, j, i] * mean)


@point
def tension_stress(s_T, grid, k, j, i):
    """Return h s_T at a T point [m3 s-2]."""
    return masked(grid.mask_t[k, j, i], grid.h_t[k, j, i] * s_T[k, j, i])


@kernel
def divergence_of_stress(s_T, s_S, grid, D_u, D_v):
    """Add the acceleration by a horizontal stress.

        D_u += [ delta_i(dy_t^2 h s_T)/(dy_u^2 dx_u) + delta_j(dx_f^2 h s_S)/(dx_u^2 dy_u) ]/h_u
        D_v += [ delta_i(dy_f^2 h s_S)/(dy_v^2 dx_v) - delta_j(dx_t^2 h s_T)/(dx_v^2 dy_v) ]/h_v

    Parameters
    ----------
    s_T, s_S : ndarray, shape (nk, nj, ni)
        Tension and shear of the stress at T points [m2 s-2].
    grid : Grid
        Metric terms, thicknesses and masks.
    D_u, D_v : ndarray, shape (nk, nj, ni)
        Receive the acceleration at U and V points [m s-2].
    """
    nk, nj, ni = s_T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                here, corner = tension_stress(s_T, grid, k, j, i), shear_stress(s_S, grid, k, j, i)
                east, south = tension_stress(s_T, grid, k, j, i + ONE), shear_stress(s_S, grid, k, j - 1, i)
                across = grid.dy_t[j, i + ONE] ** 2 * east - grid.dy_t[j, i] ** 2 * here
                along = grid.dx_f[j, i] ** 2 * corner - grid.dx_f[j - 1, i] ** 2 * south
                total = across * grid.r_dy_u[j, i] + along * grid.r_dx_u[j, i]
                D_u[k, j, i] += grid.mask_u[k, j, i] * total / (grid.area_u[j, i] * grid.h_u[k, j, i])
                north, west = tension_stress(s_T, grid, k, j + 1, i), shear_stress(s_S, grid, k, j, i - ONE)
                across = grid.dx_t[j + 1, i] ** 2 * north - grid.dx_t[j, i] ** 2 * here
                along = grid.dy_f[j, i] ** 2 * corner - grid.dy_f[j, i - ONE] ** 2 * west
                total = along * grid.r_dy_v[j, i] - across * grid.r_dx_v[j, i]
                D_v[k, j, i] += grid.mask_v[k, j, i] * total / (grid.area_v[j, i] * grid.h_v[k, j, i])


@point
def corner_work(y_u, y_v, grid, k, j, i):
    """Return h dx dy D_S(y) at an F point away from coasts."""
    along_y = y_u[k, j + 1, i] * grid.r_dx_u[j + 1, i] - y_u[k, j, i] * grid.r_dx_u[j, i]
    along_x = y_v[k, j, i + ONE] * grid.r_dy_v[j, i + ONE] - y_v[k, j, i] * grid.r_dy_v[j, i]
    both = along_y * grid.dx_f[j, i] ** 2 + along_x * grid.dy_f[j, i] ** 2
    return masked(grid.mask_f[k, j, i] == 1, grid.h_f[k, j, i] * both)


@kernel
def stress_from_rates(y_u, y_v, grid, s_T_ad, s_S_ad):
    """Subtract the rates of strain of y from the adjoint of the stress.

        s_T_ad -= h dx dy D_T(y) at T points,    s_S_ad -= h dx dy D_S(y) of the four corners over 4

    Parameters
    ----------
    y_u, y_v : ndarray, shape (nk, nj, ni)
        mask D_ad/(area h) at U and V points.
    grid : Grid
        Metric terms, thicknesses and masks.
    s_T_ad, s_S_ad : ndarray, shape (nk, nj, ni)
        Receive the adjoint of s_T and s_S.
    """
    nk, nj, ni = y_u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                work = grid.dx_t[j, i] * grid.dy_t[j, i] * grid.h_t[k, j, i] * tension(y_u, y_v, grid, k, j, i)
                s_T_ad[k, j, i] -= masked(grid.mask_t[k, j, i], work)
                north = corner_work(y_u, y_v, grid, k, j, i) + corner_work(y_u, y_v, grid, k, j, i - ONE)
                south = corner_work(y_u, y_v, grid, k, j - 1, i) + corner_work(y_u, y_v, grid, k, j - 1, i - ONE)
                s_S_ad[k, j, i] -= QUARTER * (north + south)


def divergence_of_stress_ad(s_T, s_S, grid, D_u_ad, D_v_ad, s_T_ad, s_S_ad):
    """Add the adjoint of `divergence_of_stress`, which is linear.

    The divergence is minus the transpose of the rates of strain, taken at y = mask D_ad/(area h).

    Parameters
    ----------
    s_T, s_S : ndarray, shape (nk, nj, ni)
        Tension and shear of the stress at T points [m2 s-2].
    grid : Grid
        Metric terms, thicknesses and masks.
    D_u_ad, D_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of D_u and D_v.
    s_T_ad, s_S_ad : ndarray, shape (nk, nj, ni)
        Receive the adjoint of s_T and s_S.
    """
    y_u, y_v = np.empty_like(s_T_ad), np.empty_like(s_S_ad)
    divide_by_volume(D_u_ad, D_v_ad, grid, y_u, y_v)
    stress_from_rates(y_u, y_v, grid, s_T_ad, s_S_ad)


@point
def rising_x(M, grid, k, j, i):
    """Return the upward flux of momentum through the top of layer k at a U point, 0 through surface and bottom."""
    inside = 0 < k < M.shape[0]
    n = k if inside else 0
    return masked(inside * grid.mask_u[n, j, i], M[n, j, i])


@point
def rising_y(M, grid, k, j, i):
    """Return the upward flux of momentum through the top of layer k at a V point, 0 through surface and bottom."""
    inside = 0 < k < M.shape[0]
    n = k if inside else 0
    return masked(inside * grid.mask_v[n, j, i], M[n, j, i])


@kernel
def vertical_stress(M_x, M_y, grid, D_u, D_v):
    """Add the acceleration by a vertical flux of momentum.

        D_u_k += (M_{k+1} - M_k)/h_u,    D_v likewise

    Parameters
    ----------
    M_x, M_y : ndarray, shape (nk, nj, ni)
        Upward flux of momentum along x and y, through the tops at U and V points [m2 s-2].
    grid : Grid
        Metric terms, thicknesses and masks.
    D_u, D_v : ndarray, shape (nk, nj, ni)
        Receive the acceleration at U and V points [m s-2].
    """
    nk, nj, ni = M_x.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                D_u[k, j, i] += (rising_x(M_x, grid, k + 1, j, i) - rising_x(M_x, grid, k, j, i)) / grid.h_u[k, j, i]
                D_v[k, j, i] += (rising_y(M_y, grid, k + 1, j, i) - rising_y(M_y, grid, k, j, i)) / grid.h_v[k, j, i]


@kernel
def vertical_stress_ad(M_x, M_y, grid, D_u_ad, D_v_ad, M_x_ad, M_y_ad):
    """Add the adjoint of `vertical_stress`, which is linear.

        M_ad_k += (D_ad/h)_{k-1} - (D_ad/h)_k inside the water

    Parameters
    ----------
    M_x, M_y : ndarray, shape (nk, nj, ni)
        Upward flux of momentum along x and y, through the tops at U and V points [m2 s-2].
    grid : Grid
        Metric terms, thicknesses and masks.
    D_u_ad, D_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of D_u and D_v.
    M_x_ad, M_y_ad : ndarray, shape (nk, nj, ni)
        Receive the adjoint of M_x and M_y.
    """
    nk, nj, ni = M_x_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                u = D_u_ad[k - 1, j, i] / grid.h_u[k - 1, j, i] - D_u_ad[k, j, i] / grid.h_u[k, j, i]
                v = D_v_ad[k - 1, j, i] / grid.h_v[k - 1, j, i] - D_v_ad[k, j, i] / grid.h_v[k, j, i]
                M_x_ad[k, j, i] += masked(grid.mask_u[k, j, i], u)
                M_y_ad[k, j, i] += masked(grid.mask_v[k, j, i], v)


# Tendencies as they are


@kernel
def acceleration(a_x, a_y, grid, D_u, D_v):
    """Add accelerations at the open faces.

    Parameters
    ----------
    a_x, a_y : ndarray, shape (nk, nj, ni)
        Acceleration at U and V points [m s-2].
    grid : Grid
        Metric terms, thicknesses and masks.
    D_u, D_v : ndarray, shape (nk, nj, ni)
        Receive the acceleration at U and V points [m s-2].
    """
    nk, nj, ni = a_x.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                D_u[k, j, i] += masked(grid.mask_u[k, j, i], a_x[k, j, i])
                D_v[k, j, i] += masked(grid.mask_v[k, j, i], a_y[k, j, i])


def acceleration_ad(a_x, a_y, grid, D_u_ad, D_v_ad, a_x_ad, a_y_ad):
    """Add the adjoint of `acceleration`, which is linear and its own transpose.

    Parameters
    ----------
    a_x, a_y : ndarray, shape (nk, nj, ni)
        Acceleration at U and V points [m s-2].
    grid : Grid
        Metric terms, thicknesses and masks.
    D_u_ad, D_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of D_u and D_v.
    a_x_ad, a_y_ad : ndarray, shape (nk, nj, ni)
        Receive the adjoint of a_x and a_y.
    """
    acceleration(D_u_ad, D_v_ad, grid, a_x_ad, a_y_ad)


def rate(a: Array, grid: Grid, D: Array) -> None:
    """Add a rate of change times the resting thickness.

    Parameters
    ----------
    a : ndarray, shape (nk, nj, ni)
        Rate of change [K s-1].
    grid : Grid
        Metric terms, thicknesses and masks.
    D : ndarray, shape (nk, nj, ni)
        Receives the thickness-weighted tendency [K m s-1].
    """
    D += grid.h_t * a


def rate_ad(a: Array, grid: Grid, D_ad: Array, a_ad: Array) -> None:
    """Add the adjoint of `rate`, which is linear.

    Parameters
    ----------
    a : ndarray, shape (nk, nj, ni)
        Rate of change [K s-1].
    grid : Grid
        Metric terms, thicknesses and masks.
    D_ad : ndarray, shape (nk, nj, ni)
        Adjoint of D.
    a_ad : ndarray, shape (nk, nj, ni)
        Receives the adjoint of a.
    """
    a_ad += grid.h_t * D_ad


def rise(a: Array, grid: Grid, D: Array) -> None:
    """Add the uppermost layer of a field to the tendency of the surface.

    Parameters
    ----------
    a : ndarray, shape (nk, nj, ni)
        Rate of change of the surface [m s-1], in the uppermost layer.
    grid : Grid
        Metric terms, thicknesses and masks.
    D : ndarray, shape (nj, ni)
        Receives the tendency [m s-1].
    """
    D += grid.mask_t[0] * a[0]


def rise_ad(a: Array, grid: Grid, D_ad: Array, a_ad: Array) -> None:
    """Add the adjoint of `rise`, which is linear.

    Parameters
    ----------
    a : ndarray, shape (nk, nj, ni)
        Rate of change of the surface [m s-1], in the uppermost layer.
    grid : Grid
        Metric terms, thicknesses and masks.
    D_ad : ndarray, shape (nj, ni)
        Adjoint of D.
    a_ad : ndarray, shape (nk, nj, ni)
        Receives the adjoint of a.
    """
    a_ad[0] += grid.mask_t[0] * D_ad
