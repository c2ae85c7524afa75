"""Adjoint of `ogcm/operators/expansion.py`.

    b_T = -w a_T(T, S, z),   b_S = -w a_S(T, S, z),   w = g/rho0.   With G_T = -w b_T_ad, G_S = -w b_S_ad:

    T_ad += a_TT G_T + a_TS G_S,     S_ad += a_TS G_T + a_SS G_S,     c_ad_n += sum_kji (a_Tn G_T + a_Sn G_S)

    seos     a_TT = -a0 lambda1,   a_TS = -nu,   a_SS = -b0 lambda2
             c_ad = ( -(1 + lambda1 Ta + mu1 d) G_T,   (1 - lambda2 Sa - mu2 d) G_S,   -a0 Ta G_T,   -b0 Sa G_S,
                      -a0 d G_T,   -b0 d G_S,   -Sa G_T - Ta G_S )
    teos10   those of the polynomial (`adjoint.operators.teos10`)

Smooth wherever S > -32 g/kg.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import prange

from adjoint.operators.equation_of_state import add_column_sums
from adjoint.operators.teos10 import teos10_expansion_c, teos10_second
from ogcm.backend import HALO, kernel, point, typed
from ogcm.operators.stencils import masked


@point
def seos_second(T, S, z, c):
    """Return (a_TT, a_TS, a_SS)."""
    return -c[0] * c[2], -c[6], -c[1] * c[3]


@point
def seos_expansion_c(t, s, z, G, c, w, c_ad, j):
    """Add the adjoint of a_T and a_S of row j, G (2, ni), to that of the seven coefficients, c_ad (7, nj, ni)."""
    ni = t.size
    a0_ad, b0_ad, lambda1_ad, lambda2_ad = c_ad[0, j], c_ad[1, j], c_ad[2, j], c_ad[3, j]
    mu1_ad, mu2_ad, nu_ad = c_ad[4, j], c_ad[5, j], c_ad[6, j]
    for ii in range(HALO, ni - HALO):
        i = np.uintp(ii)
        G_T, G_S, height = G[0, i], G[1, i], z[i]
        Ta, Sa, one = t[i] - typed(10.0, height), s[i] - typed(35.0, height), typed(1.0, height)
        a0_ad[i] -= (one + c[2] * Ta - c[4] * height) * G_T
        b0_ad[i] += (one - c[3] * Sa + c[5] * height) * G_S
        lambda1_ad[i] -= c[0] * Ta * G_T
        lambda2_ad[i] -= c[1] * Sa * G_S
        mu1_ad[i] += c[0] * height * G_T
        mu2_ad[i] += c[1] * height * G_S
        nu_ad[i] -= Sa * G_T + Ta * G_S


@point
def weights(b_T_ad, b_S_ad, grid, k, j, i):
    """Return (G_T, G_S) of a cell; 0 on land."""
    water, minus_w = grid.mask_t[k, j, i], -grid.gravity / grid.rho0
    return masked(water, minus_w * b_T_ad[k, j, i]), masked(water, minus_w * b_S_ad[k, j, i])


@point
def add_expansion_ad(second, T, S, c, grid, b_T_ad, b_S_ad, T_ad, S_ad, k, j, i):
    """Add the adjoint of b_T and b_S of a cell to T_ad and S_ad, with the `second` derivatives of the density."""
    water, z = grid.mask_t[k, j, i], grid.z_t[k, j, i]
    G_T, G_S = weights(b_T_ad, b_S_ad, grid, k, j, i)
    a_TT, a_TS, a_SS = second(masked(water, T[k, j, i]), masked(water, S[k, j, i]), z, c)
    T_ad[k, j, i] += a_TT * G_T + a_TS * G_S
    S_ad[k, j, i] += a_TS * G_T + a_SS * G_S


@kernel
def expansion_seos_tracers_ad(T, S, coefficients, grid, b_T_ad, b_S_ad, T_ad, S_ad):
    """Add the adjoint of the derivatives of the buoyancy by the simplified equation to that of the tracers.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_T_ad, b_S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the derivatives.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                add_expansion_ad(seos_second, T, S, coefficients, grid, b_T_ad, b_S_ad, T_ad, S_ad, k, j, i)


@kernel
def expansion_seos_columns_ad(T, S, coefficients, grid, b_T_ad, b_S_ad, sums_ad):
    """Add the adjoint of the derivatives by the simplified equation to that of the coefficients, column by column.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_T_ad, b_S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the derivatives.
    sums_ad : ndarray, shape (n, nj, ni)
        Adjoint of the coefficients of each column, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        t, s, z = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype), np.zeros(ni, T.dtype)
        G, w = np.zeros((2, ni), T.dtype), np.zeros((8, ni), T.dtype)
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water, z[i] = grid.mask_t[k, j, i], grid.z_t[k, j, i]
                t[i], s[i] = masked(water, T[k, j, i]), masked(water, S[k, j, i])
                G[0, i], G[1, i] = weights(b_T_ad, b_S_ad, grid, k, j, i)
            seos_expansion_c(t, s, z, G, coefficients, w, sums_ad, j)


def expansion_seos_ad(T, S, coefficients, grid, b_T_ad, b_S_ad, T_ad, S_ad, coefficients_ad):
    """Add the adjoint of the derivatives of the buoyancy by the simplified equation.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_T_ad, b_S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the derivatives.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    coefficients_ad : ndarray, shape (n,)
        Adjoint of the coefficients, added to.
    """
    expansion_seos_tracers_ad(T, S, coefficients, grid, b_T_ad, b_S_ad, T_ad, S_ad)
    add_column_sums(expansion_seos_columns_ad, T, S, coefficients, grid, (b_T_ad, b_S_ad), coefficients_ad)


@kernel
def expansion_teos10_tracers_ad(T, S, coefficients, grid, b_T_ad, b_S_ad, T_ad, S_ad):
    """Add the adjoint of the derivatives of the buoyancy by the polynomial of TEOS-10 to that of the tracers.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_T_ad, b_S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the derivatives.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                add_expansion_ad(teos10_second, T, S, coefficients, grid, b_T_ad, b_S_ad, T_ad, S_ad, k, j, i)


@kernel
def expansion_teos10_columns_ad(T, S, coefficients, grid, b_T_ad, b_S_ad, sums_ad):
    """Add the adjoint of the derivatives by the polynomial of TEOS-10 to that of the coefficients, column by column.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_T_ad, b_S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the derivatives.
    sums_ad : ndarray, shape (n, nj, ni)
        Adjoint of the coefficients of each column, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        t, s, z = np.zeros(ni, T.dtype), np.zeros(ni, T.dtype), np.zeros(ni, T.dtype)
        G, w = np.zeros((2, ni), T.dtype), np.zeros((8, ni), T.dtype)
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water, z[i] = grid.mask_t[k, j, i], grid.z_t[k, j, i]
                t[i], s[i] = masked(water, T[k, j, i]), masked(water, S[k, j, i])
                G[0, i], G[1, i] = weights(b_T_ad, b_S_ad, grid, k, j, i)
            teos10_expansion_c(t, s, z, G, coefficients, w, sums_ad, j)


def expansion_teos10_ad(T, S, coefficients, grid, b_T_ad, b_S_ad, T_ad, S_ad, coefficients_ad):
    """Add the adjoint of the derivatives of the buoyancy by the polynomial of TEOS-10.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_T_ad, b_S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the derivatives.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    coefficients_ad : ndarray, shape (n,)
        Adjoint of the coefficients, added to.
    """
    expansion_teos10_tracers_ad(T, S, coefficients, grid, b_T_ad, b_S_ad, T_ad, S_ad)
    add_column_sums(expansion_teos10_columns_ad, T, S, coefficients, grid, (b_T_ad, b_S_ad), coefficients_ad)


class ExpansionAdjoint(NamedTuple):
    """The adjoint of the derivatives of the buoyancy by one equation of state.

    Attributes
    ----------
    tracers : Kernel
        The kernel `(T, S, coefficients, grid, b_T_ad, b_S_ad, T_ad, S_ad)`.
    columns : Kernel
        The kernel `(T, S, coefficients, grid, b_T_ad, b_S_ad, sums_ad)`, for the coefficients as sums of columns.
    """

    tracers: Callable
    columns: Callable


SEOS = ExpansionAdjoint(expansion_seos_tracers_ad, expansion_seos_columns_ad)
TEOS10 = ExpansionAdjoint(expansion_teos10_tracers_ad, expansion_teos10_columns_ad)
EXPANSION_AD = {"linear": SEOS, "quadratic": SEOS, "teos10": TEOS10}
