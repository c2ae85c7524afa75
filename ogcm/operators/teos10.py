"""Density of sea water by TEOS-10: a polynomial of salinity, temperature and depth.

    a = r(s, t, d) - rho0 = sum_ijk R_ijk s^i t^j d^k - rho0,
    s = sqrt((S + 32)/(40 * 35.16504/35)),   t = T/40,   d = -z/10^4

(Roquet et al. 2015b, doi 10.1016/j.ocemod.2015.04.002, eq. 13 and appendix A), held in powers of x = s - s0, s0 =
s(35 g/kg), for reasons given in `equation_of_state.py`. Its derivatives are

    a_T = sum_ijk j R_ijk x^i t^(j-1) d^k/40,    a_S = sum_ijk i R_ijk x^(i-1) t^j d^k/(2 s SALINITY_UNIT)
"""

import numpy as np
from numpy.polynomial import Polynomial

from ogcm.backend import point, root, typed
from ogcm.constants import RHO0

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
    """Return the published coefficients in powers of s - S0, less RHO0.

    Returns
    -------
    ndarray, shape (52,)
        The coefficients [kg m-3], by k, j, i.
    """
    centred = [Polynomial(row)(Polynomial((S0, 1.0))).coef[: len(row)] for row in ANOMALY]
    centred[0][0] -= RHO0
    return np.concatenate(centred)


# c[n] + c[n + 1] x + ... up to the named degree


@point
def degree1(c, n, x):
    """Return the polynomial c[n] + c[n + 1] x + ... of degree 1 in x."""
    return c[n] + x * c[n + 1]


@point
def degree2(c, n, x):
    """Return the polynomial c[n] + c[n + 1] x + ... of degree 2 in x."""
    return c[n] + x * degree1(c, n + 1, x)


@point
def degree3(c, n, x):
    """Return the polynomial c[n] + c[n + 1] x + ... of degree 3 in x."""
    return c[n] + x * degree2(c, n + 1, x)


@point
def degree4(c, n, x):
    """Return the polynomial c[n] + c[n + 1] x + ... of degree 4 in x."""
    return c[n] + x * degree3(c, n + 1, x)


@point
def degree5(c, n, x):
    """Return the polynomial c[n] + c[n + 1] x + ... of degree 5 in x."""
    return c[n] + x * degree4(c, n + 1, x)


@point
def degree6(c, n, x):
    """Return the polynomial c[n] + c[n + 1] x + ... of degree 6 in x."""
    return c[n] + x * degree5(c, n + 1, x)


# All terms x^i t^j of total degree i + j up to the named one, by rows of x


@point
def triangle1(c, n, x, t):
    """Return all terms x^i t^j of total degree i + j up to 1, with the coefficients from c[n] on by rows of x."""
    return degree1(c, n, x) + t * c[n + 2]


@point
def triangle2(c, n, x, t):
    """Return all terms x^i t^j of total degree i + j up to 2, with the coefficients from c[n] on by rows of x."""
    return degree2(c, n, x) + t * triangle1(c, n + 3, x, t)


@point
def triangle4(c, n, x, t):
    """Return all terms x^i t^j of total degree i + j up to 4, with the coefficients from c[n] on by rows of x."""
    return degree4(c, n, x) + t * (degree3(c, n + 5, x) + t * triangle2(c, n + 9, x, t))


@point
def triangle6(c, n, x, t):
    """Return all terms x^i t^j of total degree i + j up to 6, with the coefficients from c[n] on by rows of x."""
    return degree6(c, n, x) + t * (degree5(c, n + 7, x) + t * triangle4(c, n + 13, x, t))


@point
def anomaly_teos10(T, S, z, c):
    """Return rho - rho0 - r0 [kg m-3] of T [degC], S [g kg-1] at the height z [m]."""
    centre, unit, shift = typed(S0, z), typed(1 / SALINITY_UNIT, z), typed(SALINITY_SHIFT, z)
    s = root((S + shift) * unit)
    x = (S - typed(SALINITY_CENTRE, z)) * unit / (s + centre)  # s - s0 without cancellation
    t, d = T * typed(1 / 40, z), typed(-1e-4, z) * z
    higher = d * (triangle4(c, 28, x, t) + d * (triangle2(c, 43, x, t) + d * triangle1(c, 49, x, t)))
    return triangle6(c, 0, x, t) + higher


# Their derivatives by x: c[n + 1] + 2 c[n + 2] x + ...


@point
def degree2_x(c, n, x):
    """Return the derivative of `degree2` with respect to x."""
    return c[n + 1] + x * np.float32(2) * c[n + 2]


@point
def degree3_x(c, n, x):
    """Return the derivative of `degree3` with respect to x."""
    return c[n + 1] + x * (np.float32(2) * c[n + 2] + x * np.float32(3) * c[n + 3])


@point
def degree4_x(c, n, x):
    """Return the derivative of `degree4` with respect to x."""
    return c[n + 1] + x * (np.float32(2) * c[n + 2] + x * (np.float32(3) * c[n + 3] + x * np.float32(4) * c[n + 4]))


@point
def degree5_x(c, n, x):
    """Return the derivative of `degree5` with respect to x."""
    higher = np.float32(3) * c[n + 3] + x * (np.float32(4) * c[n + 4] + x * np.float32(5) * c[n + 5])
    return c[n + 1] + x * (np.float32(2) * c[n + 2] + x * higher)


@point
def degree6_x(c, n, x):
    """Return the derivative of `degree6` with respect to x."""
    highest = np.float32(4) * c[n + 4] + x * (np.float32(5) * c[n + 5] + x * np.float32(6) * c[n + 6])
    return c[n + 1] + x * (np.float32(2) * c[n + 2] + x * (np.float32(3) * c[n + 3] + x * highest))


@point
def triangle1_x(c, n, x, t):
    """Return the derivative of `triangle1` with respect to x."""
    return c[n + 1]


@point
def triangle2_x(c, n, x, t):
    """Return the derivative of `triangle2` with respect to x."""
    return degree2_x(c, n, x) + t * c[n + 4]


@point
def triangle4_x(c, n, x, t):
    """Return the derivative of `triangle4` with respect to x."""
    return degree4_x(c, n, x) + t * (degree3_x(c, n + 5, x) + t * triangle2_x(c, n + 9, x, t))


@point
def triangle6_x(c, n, x, t):
    """Return the derivative of `triangle6` with respect to x."""
    return degree6_x(c, n, x) + t * (degree5_x(c, n + 7, x) + t * triangle4_x(c, n + 13, x, t))


# and by t: the row of t^1, twice that of t^2, ...


@point
def triangle1_t(c, n, x, t):
    """Return the derivative of `triangle1` with respect to t."""
    return c[n + 2]


@point
def triangle2_t(c, n, x, t):
    """Return the derivative of `triangle2` with respect to t."""
    return degree1(c, n + 3, x) + t * np.float32(2) * c[n + 5]


@point
def triangle4_t(c, n, x, t):
    """Return the derivative of `triangle4` with respect to t."""
    higher = np.float32(3) * degree1(c, n + 12, x) + t * np.float32(4) * c[n + 14]
    return degree3(c, n + 5, x) + t * (np.float32(2) * degree2(c, n + 9, x) + t * higher)


@point
def triangle6_t(c, n, x, t):
    """Return the derivative of `triangle6` with respect to t."""
    highest = np.float32(5) * degree1(c, n + 25, x) + t * np.float32(6) * c[n + 27]
    higher = np.float32(3) * degree3(c, n + 18, x) + t * (np.float32(4) * degree2(c, n + 22, x) + t * highest)
    return degree5(c, n + 7, x) + t * (np.float32(2) * degree4(c, n + 13, x) + t * higher)


@point
def teos10_variables(T, S, z):
    """Return (s, x, t, d) of T [degC], S [g kg-1] and the height z [m]."""
    s = root((S + typed(SALINITY_SHIFT, z)) * typed(1 / SALINITY_UNIT, z))
    x = (S - typed(SALINITY_CENTRE, z)) * typed(1 / SALINITY_UNIT, z) / (s + typed(S0, z))
    return s, x, T * typed(1 / 40, z), typed(-1e-4, z) * z


@point
def teos10_T(T, S, z, c):
    """Return a_T [kg m-3 K-1]."""
    _, x, t, d = teos10_variables(T, S, z)
    deep = d * (triangle4_t(c, 28, x, t) + d * (triangle2_t(c, 43, x, t) + d * triangle1_t(c, 49, x, t)))
    return (triangle6_t(c, 0, x, t) + deep) * typed(1 / 40, z)


@point
def teos10_S(T, S, z, c):
    """Return a_S [kg m-3 (g/kg)-1]."""
    s, x, t, d = teos10_variables(T, S, z)
    deep = d * (triangle4_x(c, 28, x, t) + d * (triangle2_x(c, 43, x, t) + d * triangle1_x(c, 49, x, t)))
    return (triangle6_x(c, 0, x, t) + deep) * typed(0.5 / SALINITY_UNIT, z) / s
