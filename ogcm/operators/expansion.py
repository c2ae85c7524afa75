"""Thermal expansion and haline contraction of sea water, as derivatives of the buoyancy.

    b_T = db/dT = -w a_T(T, S, z),     b_S = db/dS = -w a_S(T, S, z),     w = g/rho0

at the depth z of the cell, for the equations of state of `ogcm.operators.equation_of_state`, with the density a and
its derivatives

    seos     a_T = -a0 (1 + lambda1 Ta + mu1 d) - nu Sa,    a_S = b0 (1 - lambda2 Sa - mu2 d) - nu Ta
    teos10   a_T = sum_ijk j R_ijk x^i t^(j-1) d^k/40,      a_S = sum_ijk i R_ijk x^(i-1) t^j d^k/(2 s SALINITY_UNIT)

A difference b_T dT + b_S dS of water at two points is that of the density at the pressure of one of them: it has no
part by compression, and vanishes along neutral directions (McDougall 1987, doi
10.1175/1520-0485(1987)017<1950:NS>2.0.CO;2).

Adjoint. With the second derivatives of a, G_T = -w b_T_ad and G_S = -w b_S_ad:

    T_ad += a_TT G_T + a_TS G_S,     S_ad += a_TS G_T + a_SS G_S,     c_ad_n += sum_kji (a_Tn G_T + a_Sn G_S)

Smooth wherever S > -32 g/kg.
"""

import numpy as np
from numba import prange

from ogcm.backend import kernel, point, typed
from ogcm.operators.stencils import masked
from ogcm.operators.teos10 import teos10_S, teos10_T


@point
def seos_T(T, S, z, c):
    """Return a_T [kg m-3 K-1]."""
    Ta, Sa = T - typed(10.0, z), S - typed(35.0, z)
    return -c[0] * (typed(1.0, z) + c[2] * Ta - c[4] * z) - c[6] * Sa


@point
def seos_S(T, S, z, c):
    """Return a_S [kg m-3 (g/kg)-1]."""
    Ta, Sa = T - typed(10.0, z), S - typed(35.0, z)
    return c[1] * (typed(1.0, z) - c[3] * Sa + c[5] * z) - c[6] * Ta


@point
def expansion(a_T, a_S, T, S, c, grid, k, j, i):
    """Return (b_T, b_S) of a cell, with the derivatives `a_T` and `a_S` of the density; 0 on land."""
    water, z, minus_w = grid.mask_t[k, j, i], grid.z_t[k, j, i], -grid.gravity / grid.rho0
    t, s = T[k, j, i], S[k, j, i]
    return masked(water, minus_w * a_T(t, s, z, c)), masked(water, minus_w * a_S(t, s, z, c))


@kernel
def expansion_seos(T, S, coefficients, grid, b_T, b_S):
    """Compute the derivatives of the buoyancy by the simplified equation, halo included.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC].
    S : ndarray, shape (nk, nj, ni)
        Absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_T : ndarray, shape (nk, nj, ni)
        Derivative by T [m s-2 K-1], written everywhere; 0 on land.
    b_S : ndarray, shape (nk, nj, ni)
        Derivative by S [m s-2 (g/kg)-1], written everywhere; 0 on land.
    """
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                b_T[k, j, i], b_S[k, j, i] = expansion(seos_T, seos_S, T, S, coefficients, grid, k, j, i)


@kernel
def expansion_teos10(T, S, coefficients, grid, b_T, b_S):
    """Compute the derivatives of the buoyancy by the polynomial of TEOS-10, halo included.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC].
    S : ndarray, shape (nk, nj, ni)
        Absolute salinity [g kg-1].
    coefficients : ndarray, shape (n,)
        Coefficients c of the equation of state.
    grid : Grid
        Metric terms and masks.
    b_T : ndarray, shape (nk, nj, ni)
        Derivative by T [m s-2 K-1], written everywhere; 0 on land.
    b_S : ndarray, shape (nk, nj, ni)
        Derivative by S [m s-2 (g/kg)-1], written everywhere; 0 on land.
    """
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                b_T[k, j, i], b_S[k, j, i] = expansion(teos10_T, teos10_S, T, S, coefficients, grid, k, j, i)


EXPANSION = {"linear": expansion_seos, "quadratic": expansion_seos, "teos10": expansion_teos10}
