"""Equation of state: buoyancy and stratification from temperature and salinity.

    b = -g (rho(T, S, z) - rho0)/rho0,       N2 = -(g/rho0) drho/dz at constant pressure

T: conservative temperature [degC], S: absolute salinity [g kg-1], z: height of the resting cell
centre, negative below the surface [m]; in a Boussinesq fluid the density depends on depth instead of pressure.

    b_k  = -(g/rho0) a(T_k, S_k, z_k)                                  a = rho - rho0 - r0(z)    [m s-2]
    N2_k =  (g/rho0) [a(T_k, S_k, zi) - a(T_{k-1}, S_{k-1}, zi)]/(z_{k-1} - z_k)                  [s-2]

          .--------.
          |  k-1   |  z_{k-1}
          |-- N2_k-|  zi = (z_{k-1} + z_k)/2      N2_k lies on the top of cell k: both parcels are
          |   k    |  z_k                         brought to one depth. It is 0 at the surface,
          '--------'                              at the bottom and in land.

    seos     a = -a0 (1 + lambda1 Ta/2 + mu1 d) Ta + b0 (1 - lambda2 Sa/2 - mu2 d) Sa - nu Ta Sa,
             Ta = T - 10, Sa = S - 35, d = -z: the second-order equation of Roquet et al. (2015a,
             doi 10.1175/JPO-D-15-0080.1) about 10 degC and 35 g/kg, in the form and with the numbers of
             NEMO's S-EOS. `linear` and `quadratic` are this equation with other coefficients c = (a0, ...).
    teos10   a = r(s, t, d) - rho0 = sum_ijk R_ijk s^i t^j d^k - rho0,
             s = sqrt((S + 32)/(40 * 35.16504/35)), t = T/40, d = -z/10^4: the Boussinesq polynomial of
             Roquet et al. (2015b, doi 10.1016/j.ocemod.2015.04.002, eq. 13 and appendix A), fitted to
             TEOS-10 with 1 m of depth standing for 1 dbar. Its terms of 10^3 kg m-3 cancel to 1: here the
             same polynomial is written in powers of s - s0, s0 = s(35 g/kg), less rho0, which lowers the
             round-off of float32 from 2e-4 to 3e-7 kg m-3 (`teos10.py`). c = (the 52 centred R by k, j, i).

r0(z), the density that depth alone gives (0 for seos), moves nothing in the continuous equations and is left out
of b: over partial cells its curvature would move water (docs/numerics.md), and in float32 its size would leave few
digits for the rest. `density` contains it.

Adjoint, with a_T = da/dT, a_S = da/dS, a_n = da/dc_n and w = mask g/rho0:

    seos     a_T = -a0 (1 + lambda1 Ta + mu1 d) - nu Sa,    a_S = b0 (1 - lambda2 Sa - mu2 d) - nu Ta,
             a_n = (-(1 + lambda1 Ta/2 + mu1 d) Ta, (1 - lambda2 Sa/2 - mu2 d) Sa, -a0 Ta^2/2, -b0 Sa^2/2,
                    -a0 d Ta, -b0 d Sa, -Ta Sa)
    teos10   a_T = sum_ijk j R_ijk x^i t^(j-1) d^k/40,      x = s - s0,
             a_S = sum_ijk i R_ijk x^(i-1) t^j d^k 0.875/(2 * 35.16504 s),  a_n = x^i t^j d^k

    b     T_ad_k += -w_k a_T(T_k, S_k, z_k) b_ad_k           S_ad with a_S; c_ad_n += sum_kji -w a_n b_ad
    N2    G_k = w_k N2_ad_k/(z_{k-1} - z_k), G_0 = G_nk = 0
          T_ad_k += G_k a_T(T_k, S_k, zi_k) - G_{k+1} a_T(T_k, S_k, zi_{k+1})          S_ad with a_S
          c_ad_n += sum_kji G_k [a_n(T_k, S_k, zi_k) - a_n(T_{k-1}, S_{k-1}, zi_k)]

Both are smooth wherever S > -32 g/kg.
"""

from collections import namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import prange
from numpy.polynomial import Polynomial

from ogcm.backend import HALF, KernelGrid, kernel, point, typed
from ogcm.constants import GRAVITY, RHO0
from ogcm.errors import InputError
from ogcm.operators.stencils import masked
from ogcm.operators.teos10 import PROFILE, anomaly_teos10, centred_coefficients


class SimplifiedCoefficients(NamedTuple):
    """Coefficients c of `seos`, in the order in which its kernels read them.

    Attributes
    ----------
    a0 : float
        Thermal expansion at 10 degC, 35 g/kg and the surface [kg m-3 K-1].
    b0 : float
        Haline contraction there [kg m-3 (g/kg)-1].
    lambda1 : float
        Cabbeling in T [K-1].
    lambda2 : float
        Cabbeling in S [(g/kg)-1].
    mu1 : float
        Thermobaricity in T [m-1].
    mu2 : float
        Thermobaricity in S [m-1].
    nu : float
        Cabbeling in T S [kg m-3 K-1 (g/kg)-1].
    """

    a0: float = 1.655e-1
    b0: float = 7.6554e-1
    lambda1: float = 0.0
    lambda2: float = 0.0
    mu1: float = 0.0
    mu2: float = 0.0
    nu: float = 0.0


LINEAR = SimplifiedCoefficients()
QUADRATIC = SimplifiedCoefficients(lambda1=5.952e-2, lambda2=7.4914e-4, mu1=1.497e-4, mu2=1.109e-5, nu=2.4341e-3)


@point
def anomaly_seos(T, S, z, c):
    """Return rho - rho0 [kg m-3] of T [degC], S [g kg-1] at the height z [m] by the simplified equation."""
    Ta, Sa = T - typed(10.0, z), S - typed(35.0, z)
    warm = typed(1.0, z) + HALF * c[2] * Ta - c[4] * z
    salty = typed(1.0, z) - HALF * c[3] * Sa + c[5] * z
    return c[1] * salty * Sa - c[0] * warm * Ta - c[6] * Ta * Sa


@point
def buoyancy(anomaly, T, S, coefficients, grid, k, j, i):
    """Return the buoyancy of a cell [m s-2] with the function `anomaly` of the density; 0 on land."""
    z = grid.z_t[k, j, i]
    b = -grid.gravity / grid.rho0 * anomaly(T[k, j, i], S[k, j, i], z, coefficients)
    return masked(grid.mask_t[k, j, i], b)


@point
def stratification(anomaly, T, S, coefficients, grid, k, j, i):
    """Return N2 at the top of a cell [s-2] with the function `anomaly` of the density; 0 on land."""
    above, below = grid.z_t[k - 1, j, i], grid.z_t[k, j, i]
    z = HALF * (above + below)
    lighter = anomaly(T[k - 1, j, i], S[k - 1, j, i], z, coefficients)
    heavier = anomaly(T[k, j, i], S[k, j, i], z, coefficients)
    return masked(grid.mask_t[k, j, i], grid.gravity / grid.rho0 * (heavier - lighter) / (above - below))


@kernel
def buoyancy_seos(T, S, coefficients, grid, b):
    """Compute the buoyancy by the simplified equation, halo included.

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
    b : ndarray, shape (nk, nj, ni)
        Buoyancy [m s-2], written everywhere; 0 on land.
    """
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                b[k, j, i] = buoyancy(anomaly_seos, T, S, coefficients, grid, k, j, i)


@kernel
def buoyancy_teos10(T, S, coefficients, grid, b):
    """Compute the buoyancy by the polynomial of TEOS-10, halo included.

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
    b : ndarray, shape (nk, nj, ni)
        Buoyancy [m s-2], written everywhere; 0 on land.
    """
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                b[k, j, i] = buoyancy(anomaly_teos10, T, S, coefficients, grid, k, j, i)


@kernel
def stratification_seos(T, S, coefficients, grid, N2):
    """Compute the stratification by the simplified equation, halo included.

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
    N2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency at the tops of the cells [s-2], written everywhere; 0 at the surface, at the bottom
        and on land.
    """
    nk, nj, ni = T.shape
    for j in prange(nj):
        for ii in range(ni):
            i = np.uintp(ii)
            N2[0, j, i] = N2[nk, j, i] = 0
        for k in range(1, nk):
            for ii in range(ni):
                i = np.uintp(ii)
                N2[k, j, i] = stratification(anomaly_seos, T, S, coefficients, grid, k, j, i)


@kernel
def stratification_teos10(T, S, coefficients, grid, N2):
    """Compute the stratification by the polynomial of TEOS-10, halo included.

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
    N2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency at the tops of the cells [s-2], written everywhere; 0 at the surface, at the bottom
        and on land.
    """
    nk, nj, ni = T.shape
    for j in prange(nj):
        for ii in range(ni):
            i = np.uintp(ii)
            N2[0, j, i] = N2[nk, j, i] = 0
        for k in range(1, nk):
            for ii in range(ni):
                i = np.uintp(ii)
                N2[k, j, i] = stratification(anomaly_teos10, T, S, coefficients, grid, k, j, i)


class EquationOfState(NamedTuple):
    """An equation of state: its kernels, its coefficients and the density that depth alone gives.

    Attributes
    ----------
    buoyancy : Kernel
        The kernel `(T, S, coefficients, grid, b)`.
    stratification : Kernel
        The kernel `(T, S, coefficients, grid, N2)`.
    coefficients : ndarray, shape (n,)
        Default coefficients for rho0 = RHO0; kernels take them in the precision of T and S.
    profile : Polynomial
        r0 [kg m-3] as a function of the depth in units of 10 km.
    """

    buoyancy: Callable
    stratification: Callable
    coefficients: np.ndarray
    profile: Polynomial = Polynomial([0.0])


EQUATIONS_OF_STATE = {
    "linear": EquationOfState(buoyancy_seos, stratification_seos, np.array(LINEAR)),
    "quadratic": EquationOfState(buoyancy_seos, stratification_seos, np.array(QUADRATIC)),
    "teos10": EquationOfState(
        buoyancy_teos10, stratification_teos10, centred_coefficients(), Polynomial((0.0, *PROFILE))
    ),
}


def default_coefficients(equation: str, rho0: float = RHO0) -> np.ndarray:
    """Return the default coefficients of an equation of state.

    Parameters
    ----------
    equation : str
        "linear", "quadratic", "teos10" or "none".
    rho0 : float
        Reference density [kg m-3].

    Returns
    -------
    ndarray, shape (n,)
        The coefficients; empty for "none".
    """
    if equation == "none":
        return np.zeros(0)
    coefficients = EQUATIONS_OF_STATE[equation].coefficients.copy()
    if equation == "teos10":
        coefficients[0] += RHO0 - rho0  # its kernels give the density of sea water, less rho0
    return coefficients


class Points(KernelGrid, namedtuple("Points", "z_t mask_t gravity rho0")):
    """The arrays and constants of a grid that the kernels read, for points outside of any grid.

    Attributes
    ----------
    z_t : ndarray, shape (1, 1, n)
        Heights [m].
    mask_t : ndarray, shape (1, 1, n)
        Ones.
    gravity : float
        Acceleration by gravity [m s-2].
    rho0 : float
        Reference density [kg m-3].
    """


def density(T: Any, S: Any, z: Any, equation: str = "teos10") -> np.ndarray:
    """Return the in-situ density of sea water, with the default coefficients.

    Parameters
    ----------
    T : array_like
        Conservative temperature [degC].
    S : array_like
        Absolute salinity [g kg-1].
    z : array_like
        Height [m], negative below the surface. T, S and z are broadcast against each other.
    equation : str
        "linear", "quadratic" or "teos10".

    Returns
    -------
    ndarray
        Density [kg m-3], in the common shape of T, S and z.

    Raises
    ------
    InputError
        For another name of an equation.
    """
    if equation not in EQUATIONS_OF_STATE:
        raise InputError(f"equation of state: {equation!r} is not one of {', '.join(EQUATIONS_OF_STATE)}")
    eos = EQUATIONS_OF_STATE[equation]
    T, S, z = np.broadcast_arrays(T, S, z)
    dtype = np.result_type(T, S, z, float)
    points = (1, 1, T.size)
    heights = z.reshape(points).astype(np.result_type(z, float))
    grid = Points(heights, np.ones(points, np.int8), np.float64(GRAVITY), np.float64(RHO0))
    b = np.empty(points, dtype)
    eos.buoyancy(T.reshape(points).astype(dtype), S.reshape(points).astype(dtype), eos.coefficients, grid, b)
    return (RHO0 * (1 - b / GRAVITY)).reshape(T.shape) + eos.profile(-1e-4 * z)
