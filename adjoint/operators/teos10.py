"""Adjoint of `ogcm/operators/teos10.py`: the derivatives of the density.

a_T = sum_ijk j R_ijk x^i t^(j-1) d^k/40,      x = s - s0,
a_S = sum_ijk i R_ijk x^(i-1) t^j d^k/(2 s SALINITY_UNIT),   a_n = x^i t^j d^k
"""

import numpy as np

from ogcm.backend import HALO, point, root, typed
from ogcm.operators.teos10 import (
    S0,
    SALINITY_CENTRE,
    SALINITY_SHIFT,
    SALINITY_UNIT,
    degree1,
    degree2,
    degree3,
    degree4,
    degree5,
)

# The derivatives of the polynomials of `equation_of_state` by x: c[n + 1] + 2 c[n + 2] x + ...


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


@point
def triangle_c(degree, n, x, t, g, power, c_ad, j):
    """Add g x^i t^j of row j to c_ad[n..] for i + j <= degree, by rows of x; overwrite g and power."""
    ni = x.size
    for rows in range(degree + 1):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            power[i] = g[i]
            g[i] *= t[i]
        for _ in range(degree + 1 - rows):
            total = c_ad[n, j]
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                total[i] += power[i]
                power[i] *= x[i]
            n += 1


@point
def teos10_c(t, s, g, c, x, tau, power, c_ad, j):
    """Add a_n G of row j to the adjoint of the coefficients, c_ad (52, nj, ni)."""
    ni = t.size
    for ii in range(HALO, ni - HALO):
        i = np.uintp(ii)
        deep = typed(-1e-4, t[i])
        _, x[i], tau[i], _ = teos10_variables(t[i], s[i], deep)
        g[1, i] *= deep
        g[2, i] *= deep * deep
        g[3, i] *= deep * deep * deep
    triangle_c(6, 0, x, tau, g[0], power, c_ad, j)
    triangle_c(4, 28, x, tau, g[1], power, c_ad, j)
    triangle_c(2, 43, x, tau, g[2], power, c_ad, j)
    triangle_c(1, 49, x, tau, g[3], power, c_ad, j)
