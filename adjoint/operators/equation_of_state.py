"""Adjoint of `ogcm/operators/equation_of_state.py`.

    b_k = -w a(T_k, S_k, z_k),   N2_k = w [a(T_k, S_k, zi) - a(T_{k-1}, S_{k-1}, zi)]/(z_{k-1} - z_k),   w = mask g/rho0

With a_T = da/dT, a_S = da/dS, a_n = da/dc_n, linear in the coefficients c:

    b     T_ad_k += -w a_T(T_k, S_k, z_k) b_ad_k           S_ad with a_S;   c_ad_n += sum_kji -w a_n b_ad
    N2    G_k = w_k N2_ad_k/(z_{k-1} - z_k), G_0 = G_nk = 0
          T_ad_k += G_k a_T(T_k, S_k, zi_k) - G_{k+1} a_T(T_k, S_k, zi_{k+1})              S_ad with a_S
          c_ad_n += sum_kji G_k [a_n(T_k, S_k, zi_k) - a_n(T_{k-1}, S_{k-1}, zi_k)]

    seos     a_T = -a0 (1 + lambda1 Ta + mu1 d) - nu Sa,    a_S = b0 (1 - lambda2 Sa - mu2 d) - nu Ta,
             a_n = (-(1 + lambda1 Ta/2 + mu1 d) Ta, (1 - lambda2 Sa/2 - mu2 d) Sa, -a0 Ta^2/2, -b0 Sa^2/2,
                    -a0 d Ta, -b0 d Sa, -Ta Sa)               (products of two coefficients: a_n holds the other)
    teos10   a_T = sum_ijk j R_ijk x^i t^(j-1) d^k/40,      x = s - s0,
             a_S = sum_ijk i R_ijk x^(i-1) t^j d^k/(2 s SALINITY_UNIT),   a_n = x^i t^j d^k

The coefficients' sums are taken row by row, then over the rows, so that they do not depend on the threads. Smooth
wherever S > -32 g/kg.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import prange

from adjoint.operators.teos10 import teos10_c
from adjoint.state import sum_columns
from ogcm.backend import HALF, HALO, kernel, point, typed
from ogcm.operators.expansion import seos_S, seos_T
from ogcm.operators.stencils import masked
from ogcm.operators.teos10 import teos10_S, teos10_T


@point
def seos_c(t, s, g, c, _x, _tau, _power, c_ad, j):
    """Add a_n G of row j to the adjoint of the seven coefficients, c_ad (7, nj, ni)."""
    ni = t.size
    a0_ad, b0_ad, lambda1_ad, lambda2_ad = c_ad[0, j], c_ad[1, j], c_ad[2, j], c_ad[3, j]
    mu1_ad, mu2_ad, nu_ad = c_ad[4, j], c_ad[5, j], c_ad[6, j]
    for ii in range(HALO, ni - HALO):
        i = np.uintp(ii)
        G, Gz = g[0, i], g[1, i]
        Ta, Sa = t[i] - typed(10.0, G), s[i] - typed(35.0, G)
        a0_ad[i] -= (G + HALF * c[2] * G * Ta - c[4] * Gz) * Ta
        b0_ad[i] += (G - HALF * c[3] * G * Sa + c[5] * Gz) * Sa
        lambda1_ad[i] -= HALF * c[0] * G * Ta * Ta
        lambda2_ad[i] -= HALF * c[1] * G * Sa * Sa
        mu1_ad[i] += c[0] * Gz * Ta
        mu2_ad[i] += c[1] * Gz * Sa
        nu_ad[i] -= G * Ta * Sa


@point
def buoyancy_weight(b_ad, grid, k, j, i):
    """Return G = -w b_ad of a cell; 0 on land."""
    return masked(grid.mask_t[k, j, i], -grid.gravity / grid.rho0 * b_ad[k, j, i])


@point
def add_buoyancy_ad(a_T, a_S, T, S, c, grid, b_ad, T_ad, S_ad, k, j, i):
    """Add the adjoint of the buoyancy of a cell to T_ad and S_ad."""
    z, G = grid.z_t[k, j, i], buoyancy_weight(b_ad, grid, k, j, i)
    t, s = masked(grid.mask_t[k, j, i], T[k, j, i]), masked(grid.mask_t[k, j, i], S[k, j, i])
    T_ad[k, j, i] += G * a_T(t, s, z, c)
    S_ad[k, j, i] += G * a_S(t, s, z, c)


@point
def buoyancy_powers(b_ad, grid, g, k, j, i):
    """Write G, G z, G z^2, G z^3 of a cell into g (4, ni)."""
    z, G = grid.z_t[k, j, i], buoyancy_weight(b_ad, grid, k, j, i)
    g[0, i] = G
    g[1, i] = G * z
    g[2, i] = G * z * z
    g[3, i] = G * z * z * z


@point
def interface_ad(N2_ad, grid, k, j, i):
    """Return (G, zi) of the top of cell k, with G = 0 at the surface and below the last layer."""
    nk = N2_ad.shape[0] - 1
    above, below = max(k - 1, 0), min(k, nk - 1)
    z_above, z_below = grid.z_t[above, j, i], grid.z_t[below, j, i]
    inside = grid.mask_t[below, j, i] == 1 and above < below
    g = grid.gravity / grid.rho0 * N2_ad[k, j, i] / (z_above - z_below) if inside else typed(0.0, z_above)
    return g, HALF * (z_above + z_below)


@point
def add_stratification_ad(a_T, a_S, T, S, c, grid, N2_ad, T_ad, S_ad, k, j, i):
    """Add the adjoint of N2 at the top and the base of a cell to T_ad and S_ad."""
    G, z = interface_ad(N2_ad, grid, k, j, i)
    G_base, z_base = interface_ad(N2_ad, grid, k + 1, j, i)
    t, s = masked(grid.mask_t[k, j, i], T[k, j, i]), masked(grid.mask_t[k, j, i], S[k, j, i])
    T_ad[k, j, i] += G * a_T(t, s, z, c) - G_base * a_T(t, s, z_base, c)
    S_ad[k, j, i] += G * a_S(t, s, z, c) - G_base * a_S(t, s, z_base, c)


@point
def stratification_powers(N2_ad, grid, g, k, j, i):
    """Write G z^n of the top of a cell less that of its base into g (4, ni), n = 0 to 3."""
    G, z = interface_ad(N2_ad, grid, k, j, i)
    G_base, z_base = interface_ad(N2_ad, grid, k + 1, j, i)
    g[0, i] = G - G_base
    g[1, i] = G * z - G_base * z_base
    g[2, i] = G * z * z - G_base * z_base * z_base
    g[3, i] = G * z * z * z - G_base * z_base * z_base * z_base


@point
def row_sums(powers, a_n, T, S, coefficients, grid, out_ad, t, s, g, x, tau, power, sums_ad, j):
    """Add the adjoint of the coefficients by row j to sums_ad (n, nj, ni), with G z^n by `powers`, a_n G by `a_n`.

    t, s, x, tau, power (ni,) and g (4, ni) are work arrays.
    """
    nk, _, ni = T.shape
    for k in range(nk):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            t[i], s[i] = masked(grid.mask_t[k, j, i], T[k, j, i]), masked(grid.mask_t[k, j, i], S[k, j, i])
            powers(out_ad, grid, g, k, j, i)
        a_n(t, s, g, coefficients, x, tau, power, sums_ad, j)


@kernel
def buoyancy_seos_tracers_ad(T, S, coefficients, grid, b_ad, T_ad, S_ad):
    """Add the adjoint of the buoyancy by the simplified equation to that of the tracers.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the buoyancy.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                add_buoyancy_ad(seos_T, seos_S, T, S, coefficients, grid, b_ad, T_ad, S_ad, k, j, i)


@kernel
def buoyancy_seos_columns_ad(T, S, coefficients, grid, b_ad, sums_ad):
    """Add the adjoint of the buoyancy by the simplified equation to that of the coefficients, column by column.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the buoyancy.
    sums_ad : ndarray, shape (n, nj, ni)
        Adjoint of the coefficients of each column, added to.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        t, s, g = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype), np.zeros((4, ni), T.dtype)
        x, tau, power = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype), np.zeros(ni, T.dtype)
        row_sums(buoyancy_powers, seos_c, T, S, coefficients, grid, b_ad, t, s, g, x, tau, power, sums_ad, j)


def buoyancy_seos_ad(T, S, coefficients, grid, b_ad, T_ad, S_ad, coefficients_ad):
    """Add the adjoint of the buoyancy by the simplified equation.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the buoyancy.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    coefficients_ad : ndarray, shape (n,)
        Adjoint of the coefficients, added to.
    """
    buoyancy_seos_tracers_ad(T, S, coefficients, grid, b_ad, T_ad, S_ad)
    add_column_sums(buoyancy_seos_columns_ad, T, S, coefficients, grid, (b_ad,), coefficients_ad)


@kernel
def buoyancy_teos10_tracers_ad(T, S, coefficients, grid, b_ad, T_ad, S_ad):
    """Add the adjoint of the buoyancy by the polynomial of TEOS-10 to that of the tracers.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the buoyancy.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                add_buoyancy_ad(teos10_T, teos10_S, T, S, coefficients, grid, b_ad, T_ad, S_ad, k, j, i)


@kernel
def buoyancy_teos10_columns_ad(T, S, coefficients, grid, b_ad, sums_ad):
    """Add the adjoint of the buoyancy by the polynomial of TEOS-10 to that of the coefficients, column by column.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the buoyancy.
    sums_ad : ndarray, shape (n, nj, ni)
        Adjoint of the coefficients of each column, added to.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        t, s, g = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype), np.zeros((4, ni), T.dtype)
        x, tau, power = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype), np.zeros(ni, T.dtype)
        row_sums(buoyancy_powers, teos10_c, T, S, coefficients, grid, b_ad, t, s, g, x, tau, power, sums_ad, j)


def buoyancy_teos10_ad(T, S, coefficients, grid, b_ad, T_ad, S_ad, coefficients_ad):
    """Add the adjoint of the buoyancy by the polynomial of TEOS-10.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the buoyancy.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    coefficients_ad : ndarray, shape (n,)
        Adjoint of the coefficients, added to.
    """
    buoyancy_teos10_tracers_ad(T, S, coefficients, grid, b_ad, T_ad, S_ad)
    add_column_sums(buoyancy_teos10_columns_ad, T, S, coefficients, grid, (b_ad,), coefficients_ad)


@kernel
def stratification_seos_tracers_ad(T, S, coefficients, grid, N2_ad, T_ad, S_ad):
    """Add the adjoint of the stratification by the simplified equation to that of the tracers.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    N2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of N2.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                add_stratification_ad(seos_T, seos_S, T, S, coefficients, grid, N2_ad, T_ad, S_ad, k, j, i)


@kernel
def stratification_seos_columns_ad(T, S, coefficients, grid, N2_ad, sums_ad):
    """Add the adjoint of the stratification by the simplified equation to that of the coefficients, column by column.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    N2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of N2.
    sums_ad : ndarray, shape (n, nj, ni)
        Adjoint of the coefficients of each column, added to.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        t, s, g = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype), np.zeros((4, ni), T.dtype)
        x, tau, power = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype), np.zeros(ni, T.dtype)
        row_sums(stratification_powers, seos_c, T, S, coefficients, grid, N2_ad, t, s, g, x, tau, power, sums_ad, j)


def stratification_seos_ad(T, S, coefficients, grid, N2_ad, T_ad, S_ad, coefficients_ad):
    """Add the adjoint of the stratification by the simplified equation.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    N2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of N2.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    coefficients_ad : ndarray, shape (n,)
        Adjoint of the coefficients, added to.
    """
    stratification_seos_tracers_ad(T, S, coefficients, grid, N2_ad, T_ad, S_ad)
    add_column_sums(stratification_seos_columns_ad, T, S, coefficients, grid, (N2_ad,), coefficients_ad)


@kernel
def stratification_teos10_tracers_ad(T, S, coefficients, grid, N2_ad, T_ad, S_ad):
    """Add the adjoint of the stratification by the polynomial of TEOS-10 to that of the tracers.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    N2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of N2.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                add_stratification_ad(teos10_T, teos10_S, T, S, coefficients, grid, N2_ad, T_ad, S_ad, k, j, i)


@kernel
def stratification_teos10_columns_ad(T, S, coefficients, grid, N2_ad, sums_ad):
    """Add the adjoint of the stratification by the polynomial of TEOS-10 to that of the coefficients, column by column.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    N2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of N2.
    sums_ad : ndarray, shape (n, nj, ni)
        Adjoint of the coefficients of each column, added to.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        t, s, g = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype), np.zeros((4, ni), T.dtype)
        x, tau, power = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype), np.zeros(ni, T.dtype)
        row_sums(stratification_powers, teos10_c, T, S, coefficients, grid, N2_ad, t, s, g, x, tau, power, sums_ad, j)


def stratification_teos10_ad(T, S, coefficients, grid, N2_ad, T_ad, S_ad, coefficients_ad):
    """Add the adjoint of the stratification by the polynomial of TEOS-10.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    N2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of N2.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    coefficients_ad : ndarray, shape (n,)
        Adjoint of the coefficients, added to.
    """
    stratification_teos10_tracers_ad(T, S, coefficients, grid, N2_ad, T_ad, S_ad)
    add_column_sums(stratification_teos10_columns_ad, T, S, coefficients, grid, (N2_ad,), coefficients_ad)


def add_column_sums(kernel, T, S, coefficients, grid, outputs_ad, coefficients_ad):
    """Add the adjoint of the coefficients: that of each column by a kernel, then the sum over all columns.

    Parameters
    ----------
    kernel : Kernel
        One of the kernels `..._columns_ad`.
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    outputs_ad : tuple of ndarray
        Adjoints of the results: of b, of N2, or of b_T and b_S.
    coefficients_ad : ndarray, shape (n,)
        Adjoint of the coefficients, added to.
    """
    sums_ad = np.zeros_like(T, shape=(coefficients.size, *T.shape[1:]))
    kernel(T, S, coefficients, grid, *outputs_ad, sums_ad)
    sum_columns(sums_ad, grid, coefficients_ad)


class EquationOfStateAdjoint(NamedTuple):
    """The adjoint of an equation of state.

    Attributes
    ----------
    buoyancy, stratification : callable
        The adjoints `(T, S, coefficients, grid, out_ad, T_ad, S_ad, coefficients_ad)`.
    buoyancy_tracers, stratification_tracers : Kernel
        Their kernels `(T, S, coefficients, grid, out_ad, T_ad, S_ad)`, without the coefficients.
    buoyancy_columns, stratification_columns : Kernel
        Their kernels `(T, S, coefficients, grid, out_ad, sums_ad)`, for the coefficients as sums of single columns
        (n, nj, ni), which cost more than all the rest.
    """

    buoyancy: Callable
    stratification: Callable
    buoyancy_tracers: Callable
    stratification_tracers: Callable
    buoyancy_columns: Callable
    stratification_columns: Callable


SEOS = EquationOfStateAdjoint(
    buoyancy_seos_ad,
    stratification_seos_ad,
    buoyancy_seos_tracers_ad,
    stratification_seos_tracers_ad,
    buoyancy_seos_columns_ad,
    stratification_seos_columns_ad,
)
TEOS10 = EquationOfStateAdjoint(
    buoyancy_teos10_ad,
    stratification_teos10_ad,
    buoyancy_teos10_tracers_ad,
    stratification_teos10_tracers_ad,
    buoyancy_teos10_columns_ad,
    stratification_teos10_columns_ad,
)
EQUATIONS_OF_STATE_AD = {"linear": SEOS, "quadratic": SEOS, "teos10": TEOS10}
