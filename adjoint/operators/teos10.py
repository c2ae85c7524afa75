"""Adjoint of `ogcm/operators/teos10.py`: derivatives by the coefficients, and second derivatives.

    a_n  = x^i t^j d^k,     x = s - s0
    a_TT = P_tt/1600,   a_TS = P_xt q/(40 s),   a_SS = P_xx q^2/s^2 - P_x q^2/s^3,   q = 1/(2 SALINITY_UNIT)

with the polynomial P of x, t and d.
"""

import numpy as np

from ogcm.backend import HALO, point, typed
from ogcm.operators.teos10 import (
    SALINITY_UNIT,
    degree1,
    degree2,
    degree2_x,
    degree3,
    degree3_x,
    degree4,
    degree4_x,
    degree5_x,
    teos10_variables,
    triangle1_x,
    triangle2_x,
    triangle4_x,
    triangle6_x,
)

# The largest i + j of the terms with d^k, and their first coefficient. The triangles are taken in a loop over k, since
# LLVM would write out the loops of four separate calls for the numbers of each, and compile them for half a minute.
DEGREES = (6, 4, 2, 1)
FIRST = (0, 28, 43, 49)


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
    for k in range(4):
        triangle_c(DEGREES[k], FIRST[k], x, tau, g[k], power, c_ad, j)


# Second derivatives by x: 2 c[n + 2] + 6 c[n + 3] x + ...


@point
def degree3_xx(c, n, x):
    """Return the second derivative of `degree3` with respect to x."""
    return np.float32(2) * c[n + 2] + x * np.float32(6) * c[n + 3]


@point
def degree4_xx(c, n, x):
    """Return the second derivative of `degree4` with respect to x."""
    return np.float32(2) * c[n + 2] + x * (np.float32(6) * c[n + 3] + x * np.float32(12) * c[n + 4])


@point
def degree5_xx(c, n, x):
    """Return the second derivative of `degree5` with respect to x."""
    higher = np.float32(12) * c[n + 4] + x * np.float32(20) * c[n + 5]
    return np.float32(2) * c[n + 2] + x * (np.float32(6) * c[n + 3] + x * higher)


@point
def degree6_xx(c, n, x):
    """Return the second derivative of `degree6` with respect to x."""
    higher = np.float32(12) * c[n + 4] + x * (np.float32(20) * c[n + 5] + x * np.float32(30) * c[n + 6])
    return np.float32(2) * c[n + 2] + x * (np.float32(6) * c[n + 3] + x * higher)


@point
def triangle4_xx(c, n, x, t):
    """Return the second derivative of `triangle4` with respect to x."""
    return degree4_xx(c, n, x) + t * (degree3_xx(c, n + 5, x) + t * np.float32(2) * c[n + 11])


@point
def triangle6_xx(c, n, x, t):
    """Return the second derivative of `triangle6` with respect to x."""
    higher = degree4_xx(c, n + 13, x) + t * (degree3_xx(c, n + 18, x) + t * np.float32(2) * c[n + 24])
    return degree6_xx(c, n, x) + t * (degree5_xx(c, n + 7, x) + t * higher)


# by x and t


@point
def triangle4_xt(c, n, x, t):
    """Return the derivative of `triangle4` with respect to x and t."""
    return degree3_x(c, n + 5, x) + t * (np.float32(2) * degree2_x(c, n + 9, x) + t * np.float32(3) * c[n + 13])


@point
def triangle6_xt(c, n, x, t):
    """Return the derivative of `triangle6` with respect to x and t."""
    highest = np.float32(4) * degree2_x(c, n + 22, x) + t * np.float32(5) * c[n + 26]
    higher = np.float32(3) * degree3_x(c, n + 18, x) + t * highest
    return degree5_x(c, n + 7, x) + t * (np.float32(2) * degree4_x(c, n + 13, x) + t * higher)


# and by t


@point
def triangle4_tt(c, n, x, t):
    """Return the second derivative of `triangle4` with respect to t."""
    higher = np.float32(6) * degree1(c, n + 12, x) + t * np.float32(12) * c[n + 14]
    return np.float32(2) * degree2(c, n + 9, x) + t * higher


@point
def triangle6_tt(c, n, x, t):
    """Return the second derivative of `triangle6` with respect to t."""
    highest = np.float32(20) * degree1(c, n + 25, x) + t * np.float32(30) * c[n + 27]
    higher = np.float32(6) * degree3(c, n + 18, x) + t * (np.float32(12) * degree2(c, n + 22, x) + t * highest)
    return np.float32(2) * degree4(c, n + 13, x) + t * higher


@point
def teos10_second(T, S, z, c):
    """Return (a_TT, a_TS, a_SS)."""
    s, x, t, d = teos10_variables(T, S, z)
    two, fortieth, q = np.float32(2), typed(1 / 40, z), typed(0.5 / SALINITY_UNIT, z) / s
    P_x = triangle6_x(c, 0, x, t) + d * (
        triangle4_x(c, 28, x, t) + d * (triangle2_x(c, 43, x, t) + d * triangle1_x(c, 49, x, t))
    )
    P_xx = triangle6_xx(c, 0, x, t) + d * (triangle4_xx(c, 28, x, t) + d * two * c[45])
    P_xt = triangle6_xt(c, 0, x, t) + d * (triangle4_xt(c, 28, x, t) + d * c[47])
    P_tt = triangle6_tt(c, 0, x, t) + d * (triangle4_tt(c, 28, x, t) + d * two * c[48])
    return fortieth * fortieth * P_tt, fortieth * q * P_xt, q * q * (P_xx - P_x / s)


@point
def directional_c(degree, n, power, t, s, z, G, w, c_ad, j):
    """Add the part of `teos10_expansion_c` with d^power: the derivatives of d^power x^i t^j for i + j <= degree."""
    ni = t.size
    for ii in range(HALO, ni - HALO):
        i = np.uintp(ii)
        root_S, w[0, i], w[1, i], d = teos10_variables(t[i], s[i], z[i])
        w[2, i] = G[1, i] * typed(0.5 / SALINITY_UNIT, d) / root_S
        w[3, i] = G[0, i] * typed(1 / 40, d)
        w[4, i], w[5, i] = typed(1.0, d), typed(0.0, d)
        for _ in range(power):
            w[4, i] *= d
    for rows in range(degree + 1):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            w[6, i], w[7, i] = w[4, i], w[5, i]
            w[5, i] = w[5, i] * w[1, i] + w[4, i] * w[3, i]
            w[4, i] *= w[1, i]
        for _ in range(degree + 1 - rows):
            total = c_ad[n, j]
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                total[i] += w[7, i]
                w[7, i] = w[7, i] * w[0, i] + w[6, i] * w[2, i]
                w[6, i] *= w[0, i]
            n += 1


@point
def teos10_expansion_c(t, s, z, G, c, w, c_ad, j):
    """Add the adjoint of a_T and a_S of row j, G (2, ni), to that of the coefficients, c_ad (52, nj, ni).

    t, s, z (ni,) are temperature, salinity and height. w (8, ni) is a work array: x, t, their increments dx and dt by
    G, a power of x and t and its increment in this direction, at the beginning of a row and within it.
    """
    for k in range(4):
        directional_c(DEGREES[k], FIRST[k], k, t, s, z, G, w, c_ad, j)
