"""Equation of state: buoyancy and stratification from temperature and salinity.

    b = -g (rho(T, S, z) - rho0)/rho0,       N2 = -(g/rho0) drho/dz at constant pressure

T: conservative temperature [degC], S: absolute salinity [g kg-1], z: height of the resting cell
centre, negative below the surface [m]; in a Boussinesq fluid density knows the depth, not the pressure.

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
             same polynomial is held in powers of s - s0, s0 = s(35 g/kg), and less rho0, which lowers the
             round-off of float32 from 2e-4 to 3e-7 kg m-3. c = (the 52 centred R by k, j, i).

r0(z), the density that depth alone gives (0 for seos), moves nothing in the continuous equations and is left out
of b: over partial cells its curvature would (docs/numerics.md), and in float32 its size would hide what does.
`density` holds it.

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
from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.polynomial import Polynomial

from ogcm.backend import HALF, KernelGrid, kernel, point, root, typed
from ogcm.constants import GRAVITY, RHO0
from ogcm.errors import InputError
from ogcm.operators.stencils import masked


class SimplifiedCoefficients(NamedTuple):
    """Coefficients c of `seos`, in the order in which its kernels read them."""

    a0: float = 1.655e-1  # thermal expansion at 10 degC, 35 g/kg and the surface [kg m-3 K-1]
    b0: float = 7.6554e-1  # haline contraction there [kg m-3 (g/kg)-1]
    lambda1: float = 0.0  # cabbeling in T [K-1]
    lambda2: float = 0.0  # cabbeling in S [(g/kg)-1]
    mu1: float = 0.0  # thermobaricity in T [m-1]
    mu2: float = 0.0  # thermobaricity in S [m-1]
    nu: float = 0.0  # cabbeling in T S [kg m-3 K-1 (g/kg)-1]


LINEAR = SimplifiedCoefficients()
QUADRATIC = SimplifiedCoefficients(lambda1=5.952e-2, lambda2=7.4914e-4, mu1=1.497e-4, mu2=1.109e-5, nu=2.4341e-3)

SALINITY_UNIT = 35.16504 / 0.875  # [g kg-1]
SALINITY_SHIFT = 32.0  # [g kg-1]
SALINITY_CENTRE = 35.0  # [g kg-1]
S0 = ((SALINITY_CENTRE + SALINITY_SHIFT) / SALINITY_UNIT) ** 0.5

# Roquet et al. (2015b), appendix A: R0_m, and R_ijk as rows over i for each j, a block for each k [kg m-3]
PROFILE = (4.6494977072e01, -5.2099962525e00, 2.2601900708e-01, 6.4326772569e-02, 1.5616995503e-02, -1.7243708991e-03)
# fmt: off
ANOMALY = (
    (8.0189615746e02, 8.6672408165e02, -1.7864682637e03, 2.0375295546e03, -1.2849161071e03, 4.3227585684e02,
     -6.0579916612e01),
    (2.6010145068e01, -6.5281885265e01, 8.1770425108e01, -5.6888046321e01, 1.7681814114e01, -1.9193502195e00),
    (-3.7074170417e01, 6.1548258127e01, -6.0362551501e01, 2.9130021253e01, -5.4723692739e00),
    (2.1661789529e01, -3.3449108469e01, 1.9717078466e01, -3.1742946532e00),
    (-8.3627885467e00, 1.1311538584e01, -5.3563304045e00),
    (5.4048723791e-01, 4.8169980163e-01),
    (-1.9083568888e-01,),

    (1.9681925209e01, -4.2549998214e01, 5.0774768218e01, -3.0938076334e01, 6.6051753097e00),
    (-1.3336301113e01, -4.4870114575e00, 5.0042598061e00, -6.5399043664e-01),
    (6.7080479603e00, 3.5063081279e00, -1.8795372996e00),
    (-2.4649669534e00, -5.5077101279e-01),
    (5.5927935970e-01,),

    (2.0660924175e00, -4.9527603989e00, 2.5019633244e00),
    (2.0564311499e00, -2.1311365518e-01),
    (-1.2419983026e00,),

    (-2.3342758797e-02, -1.8507636718e-02),
    (3.7969820455e-01,),
)
# fmt: on


def centred_coefficients() -> np.ndarray:
    """The published polynomial in powers of s - S0, less RHO0: (52,) [kg m-3]."""
    centred = [Polynomial(row)(Polynomial((S0, 1.0))).coef[: len(row)] for row in ANOMALY]
    centred[0][0] -= RHO0
    return np.concatenate(centred)


@point
def anomaly_seos(T, S, z, c):
    """rho - rho0 [kg m-3]."""
    Ta, Sa = T - typed(10.0, z), S - typed(35.0, z)
    warm = typed(1.0, z) + HALF * c[2] * Ta - c[4] * z
    salty = typed(1.0, z) - HALF * c[3] * Sa + c[5] * z
    return c[1] * salty * Sa - c[0] * warm * Ta - c[6] * Ta * Sa


# c[n] + c[n + 1] x + ... up to the named degree


@point
def degree1(c, n, x):
    return c[n] + x * c[n + 1]


@point
def degree2(c, n, x):
    return c[n] + x * degree1(c, n + 1, x)


@point
def degree3(c, n, x):
    return c[n] + x * degree2(c, n + 1, x)


@point
def degree4(c, n, x):
    return c[n] + x * degree3(c, n + 1, x)


@point
def degree5(c, n, x):
    return c[n] + x * degree4(c, n + 1, x)


@point
def degree6(c, n, x):
    return c[n] + x * degree5(c, n + 1, x)


# All terms x^i t^j of total degree i + j up to the named one, by rows of x


@point
def triangle1(c, n, x, t):
    return degree1(c, n, x) + t * c[n + 2]


@point
def triangle2(c, n, x, t):
    return degree2(c, n, x) + t * triangle1(c, n + 3, x, t)


@point
def triangle4(c, n, x, t):
    return degree4(c, n, x) + t * (degree3(c, n + 5, x) + t * triangle2(c, n + 9, x, t))


@point
def triangle6(c, n, x, t):
    return degree6(c, n, x) + t * (degree5(c, n + 7, x) + t * triangle4(c, n + 13, x, t))


@point
def anomaly_teos10(T, S, z, c):
    """rho - rho0 - r0 [kg m-3]."""
    centre, unit, shift = typed(S0, z), typed(1 / SALINITY_UNIT, z), typed(SALINITY_SHIFT, z)
    s = root((S + shift) * unit)
    x = (S - typed(SALINITY_CENTRE, z)) * unit / (s + centre)  # s - s0 without cancellation
    t, d = T * typed(1 / 40, z), typed(-1e-4, z) * z
    higher = d * (triangle4(c, 28, x, t) + d * (triangle2(c, 43, x, t) + d * triangle1(c, 49, x, t)))
    return triangle6(c, 0, x, t) + higher


@point
def buoyancy(anomaly, T, S, coefficients, grid, k, j, i):
    z = grid.z_t[k, j, i]
    b = -grid.gravity / grid.rho0 * anomaly(T[k, j, i], S[k, j, i], z, coefficients)
    return masked(grid.mask_t[k, j, i], b)


@point
def stratification(anomaly, T, S, coefficients, grid, k, j, i):
    above, below = grid.z_t[k - 1, j, i], grid.z_t[k, j, i]
    z = HALF * (above + below)
    lighter = anomaly(T[k - 1, j, i], S[k - 1, j, i], z, coefficients)
    heavier = anomaly(T[k, j, i], S[k, j, i], z, coefficients)
    return masked(grid.mask_t[k, j, i], grid.gravity / grid.rho0 * (heavier - lighter) / (above - below))


@kernel
def buoyancy_seos(T, S, coefficients, grid, b):
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                b[k, j, i] = buoyancy(anomaly_seos, T, S, coefficients, grid, k, j, i)


@kernel
def buoyancy_teos10(T, S, coefficients, grid, b):
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                b[k, j, i] = buoyancy(anomaly_teos10, T, S, coefficients, grid, k, j, i)


@kernel
def stratification_seos(T, S, coefficients, grid, N2):
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
    buoyancy: Callable  # (T, S, coefficients, grid, b)
    stratification: Callable  # (T, S, coefficients, grid, N2)
    coefficients: np.ndarray  # defaults with rho0 = RHO0; give the kernels them in the precision of T and S
    profile: Polynomial = Polynomial(0.0)  # r0 of the depth in 10 km [kg m-3]


EQUATIONS_OF_STATE = {
    "linear": EquationOfState(buoyancy_seos, stratification_seos, np.array(LINEAR)),
    "quadratic": EquationOfState(buoyancy_seos, stratification_seos, np.array(QUADRATIC)),
    "teos10": EquationOfState(
        buoyancy_teos10, stratification_teos10, centred_coefficients(), Polynomial((0.0, *PROFILE))
    ),
}


def default_coefficients(equation: str, rho0: float = RHO0) -> np.ndarray:
    """Coefficients (n,) of an equation of state about the reference density rho0 [kg m-3]; none of "none"."""
    if equation == "none":
        return np.zeros(0)
    coefficients = EQUATIONS_OF_STATE[equation].coefficients.copy()
    if equation == "teos10":
        coefficients[0] += RHO0 - rho0  # its kernels give the density of sea water, less rho0
    return coefficients


CONSTANTS = (np.float64(GRAVITY), np.float64(RHO0))


class Points(KernelGrid, namedtuple("Points", "z_t mask_t gravity rho0", defaults=CONSTANTS)):
    """What the kernels read of a grid, for points that belong to none: their heights [m], 1 for each, the constants."""


def density(T, S, z, equation: str = "teos10") -> np.ndarray:
    """In-situ density [kg m-3] of T [degC], S [g kg-1] at z [m, negative below the surface].

    Arrays of any shape, broadcast against each other. `equation`: "linear", "quadratic" or "teos10",
    with its default coefficients. Raises InputError for another name.
    """
    if equation not in EQUATIONS_OF_STATE:
        raise InputError(f"equation of state: {equation!r} is not one of {', '.join(EQUATIONS_OF_STATE)}")
    eos = EQUATIONS_OF_STATE[equation]
    T, S, z = np.broadcast_arrays(T, S, z)
    dtype = np.result_type(T, S, z, float)
    points = (1, 1, T.size)
    grid = Points(z.reshape(points).astype(np.result_type(z, float)), np.ones(points, np.int8))
    b = np.empty(points, dtype)
    eos.buoyancy(T.reshape(points).astype(dtype), S.reshape(points).astype(dtype), eos.coefficients, grid, b)
    return (RHO0 * (1 - b / GRAVITY)).reshape(T.shape) + eos.profile(-1e-4 * z)
