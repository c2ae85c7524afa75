"""The bulk algorithm COARE 3.5, without cool skin, warm layer and waves.

Fairall et al. (2003, doi 10.1175/1520-0442(2003)016<0571:BPOASF>2.0.CO;2) with the roughness of Edson et al. (2013, doi
10.1175/JPO-D-12-0173.1); COARE 3.6 without waves has the same turbulent fluxes. With the wind W relative to the current
and the gusts w of convection, S = sqrt(W^2 + w^2), the inverse length of Obukhov b, and nu the viscosity of the air,

    u_* = k S/(ln(z_u/z_0) - psi_m(b z_u)),   z_0 = alpha u_*^2/g + 0.11 nu/u_*
    t_* = k (theta - T)/(ln(z_t/z_s) - psi_h(b z_t)),   q_* likewise with q - q_s and z_q
    z_s = min(1.6e-4, 5.8e-5 (z_0 u_*/nu)^-0.72),   b = k g (t_*/t + 0.608 q_*)/u_*^2
    w = 1.2 (600 B)^(1/3), at least 0.2 m/s,   B = -g u_* (t_*/t + 0.608 q_*)
    alpha = 0.0017 min(N, 19) - 0.005,   N = (W/S) u_*/k ln(10/z_0),   W = sqrt(W^2 + 0.1^2)

where 600 m is the height of the boundary layer, B the flux of buoyancy and N the wind in neutral air at 10 m. From
these scales follow the fluxes (`ogcm.operators.surface_layer`), with L = (2.501 - 0.00237 T) 1e6. q_s is the humidity
of air with 0.98 of the vapour pressure over fresh water (Buck 1981). The state (u_*, t_*, q_*, S, alpha) is iterated
exactly five times from neutral air with an assumed drag. psi is

    zeta > 0:   psi_m = -(0.7 zeta + 0.75 (zeta - 5/0.35) E + 0.75 5/0.35),            E = exp(-0.35 zeta)
                psi_h = -((1 + 2/3 zeta)^(3/2) + 2/3 (zeta - 5/0.35) E + 2/3 5/0.35 - 1)
    zeta <= 0:  (psi of Kansas + zeta^2 psi_c)/(1 + zeta^2),     Y = (1 - gamma zeta)^(1/3)
                psi_c = 3/2 ln((1 + Y + Y^2)/3) - sqrt(3) arctan((1 + 2Y)/sqrt(3)) + pi/sqrt(3)

(Beljaars and Holtslag 1991; Grachev et al. 2000), with a steepness of 15 in Kansas, and gamma = 10.15 for momentum and
34.15 for heat in free convection.

Where this differs from the published code: |zeta| is at most 50. The gusts are at least 0.2 m/s everywhere, instead of
only where the air is stable, so that B = 0 has a derivative; W in N is smooth. psi_h is continuous at 0, where rounded
constants leave a jump of 0.005. g does not depend on latitude.

Adjoint: `adjoint.operators.coare`. Kinks: zeta = 0 (psi is continuous; the unstable branch takes it), |zeta| = 50,
w = 0.2 m/s, z_s = 1.6e-4, N = 19 m/s; the derivative is that of the branch that the forward run takes.
"""

import math

from ogcm.backend import arctangent, exponential, larger, logarithm, point, root, smaller, typed
from ogcm.operators.surface_layer import (
    ADIABATIC,
    GRAVITY,
    KARMAN,
    KELVIN,
    VAPOUR,
    bounded,
    density_of_air,
    five_passes,
    fluxes_of_scales,
    kansas_heat,
    kansas_momentum,
    saturation_pressure,
    specific_humidity,
)

HEAT_CAPACITY = 1004.67  # c_p of air [J kg-1 K-1]
DEPTH_OF_AIR = 600.0  # height of the boundary layer [m]
GUSTINESS, SMALLEST_GUST = 1.2, 0.2  # [1], [m s-1]
CALM = 0.1  # smallest W in N [m s-1]
CHARNOCK_SLOPE, CHARNOCK_OFFSET, STORM = 0.0017, -0.005, 19.0  # of alpha [s m-1], [1], and the largest N [m s-1]
SMOOTH = 0.11  # of z_0 over a smooth surface [1]
LARGEST_SCALAR, SCALAR, POWER = 1.6e-4, 5.8e-5, -0.72  # of z_s [m], [m], [1]
LIMIT = 50.0  # largest |zeta| [1]
STEEPNESS, OF_MOMENTUM, OF_HEAT = 15.0, 10.15, 34.15  # of psi in unstable air and in free convection [1]
LINEAR, HUMP, DECAY = 0.7, 0.75, 0.35  # of psi_m in stable air [1]
SALTY, FUGACITY, OF_PRESSURE = 0.98, 1.0007, 3.46e-8  # of the vapour pressure over the sea [1], [1], [Pa-1]
FIRST_GUST, FIRST_DRAG, OF_CHARNOCK, FIRST_SCALAR = 0.5, 0.033, 0.4, 0.033  # of the state before the first pass
FIRST_ROUGHNESS = 1e-4  # [m]
FIRST_LOGARITHM = math.log(10.0 / FIRST_ROUGHNESS)  # at 10 m
ROOT_OF_THREE = math.sqrt(3.0)


@point
def convection(zeta, steepness):
    """Return psi_c of unstable air."""
    one, three = typed(1.0, zeta) + typed(0.0, zeta) * zeta, typed(ROOT_OF_THREE, zeta)
    Y = exponential(logarithm(larger(one - typed(steepness, zeta) * zeta, one)) / typed(3.0, zeta))
    logarithmic = typed(1.5, zeta) * logarithm((one + Y + Y * Y) / typed(3.0, zeta))
    return logarithmic - three * arctangent((one + Y + Y) / three) + typed(math.pi / ROOT_OF_THREE, zeta)


@point
def hump(zeta):
    """Return (zeta - 5/0.35) E + 5/0.35 of stable air."""
    centre, zero = typed(5.0 / DECAY, zeta), typed(0.0, zeta) * zeta
    return (zeta - centre) * exponential(typed(-DECAY, zeta) * larger(zeta, zero)) + centre


@point
def psi_momentum(zeta):
    """Return psi_m."""
    stable = -(typed(LINEAR, zeta) * zeta + typed(HUMP, zeta) * hump(zeta))
    square, one = zeta * zeta, typed(1.0, zeta)
    unstable = (kansas_momentum(zeta, STEEPNESS) + square * convection(zeta, OF_MOMENTUM)) / (one + square)
    return stable if zeta.real > 0 else unstable


@point
def psi_heat(zeta):
    """Return psi_h."""
    square, one, two_thirds = zeta * zeta, typed(1.0, zeta), typed(2.0 / 3.0, zeta)
    z = one + two_thirds * larger(zeta, typed(0.0, zeta) * zeta)
    stable = one - z * root(z) - two_thirds * hump(zeta)
    unstable = (kansas_heat(zeta, STEEPNESS) + square * convection(zeta, OF_HEAT)) / (one + square)
    return stable if zeta.real > 0 else unstable


@point
def buoyancy_scale(t_star, q_star, t):
    """Return t_*/t + 0.608 q_*."""
    return t_star / t + typed(VAPOUR, t) * q_star


@point
def viscosity_of_air(t):
    """Return the kinematic viscosity [m2 s-1] of air of the temperature t [degC]."""
    series = typed(1.0, t) + t * (typed(6.542e-3, t) + t * (typed(8.301e-6, t) - typed(4.84e-9, t) * t))
    return typed(1.326e-5, t) * series


@point
def charnock(N):
    """Return alpha."""
    return typed(CHARNOCK_SLOPE, N) * smaller(N, typed(STORM, N) + typed(0.0, N) * N) + typed(CHARNOCK_OFFSET, N)


@point
def roughness(u, alpha, nu):
    """Return (z_0, z_s), the roughness lengths of momentum and of heat and humidity [m]."""
    z_0 = alpha * (u * u) / typed(GRAVITY, u) + typed(SMOOTH, u) * nu / u
    z_s = typed(SCALAR, u) * exponential(typed(POWER, u) * logarithm(z_0 * u / nu))
    return z_0, smaller(z_s, typed(LARGEST_SCALAR, u) + typed(0.0, u) * z_s)


@point
def transfer(z, roughness_length, psi):
    """Return k/(ln(z/z_0) - psi)."""
    k = typed(KARMAN, psi)
    return k / (logarithm(typed(z, psi) / roughness_length) - psi)


@point
def gusts(B):
    """Return w, the gusts that a flux of buoyancy B [m2 s-3] makes [m s-1]."""
    least = typed((SMALLEST_GUST / GUSTINESS) ** 3, B) + typed(0.0, B) * B
    return typed(GUSTINESS, B) * exponential(logarithm(larger(typed(DEPTH_OF_AIR, B) * B, least)) / typed(3.0, B))


@point
def steady_wind(W2):
    """Return W of N [m s-1]."""
    calm = typed(CALM, W2)
    return root(W2 + calm * calm)


@point
def coefficients(u, b, z_0, z_s, z_u, z_t, z_q):
    """Return (r, h, e), the coefficients of wind, temperature and humidity."""
    zeta_u, zeta_t, zeta_q = (
        bounded(b * typed(z_u, b), LIMIT), bounded(b * typed(z_t, b), LIMIT), bounded(b * typed(z_q, b), LIMIT)
    )  # fmt: skip
    r = transfer(z_u, z_0, psi_momentum(zeta_u))
    return r, transfer(z_t, z_s, psi_heat(zeta_t)), transfer(z_q, z_s, psi_heat(zeta_q))


@point
def inverse_length(u, t_star, q_star, t):
    """Return b, the inverse length of Obukhov [m-1]."""
    return typed(KARMAN * GRAVITY, u) * buoyancy_scale(t_star, q_star, t) / (u * u)


@point
def iterate(air, around):
    """Return the next state (u_*, t_*, q_*, S, alpha) of the air."""
    u, t_star, q_star, S, alpha = air
    W2, t, nu, warmer, moister, z_u, z_t, z_q = around
    z_0, z_s = roughness(u, alpha, nu)
    r, h, e = coefficients(u, inverse_length(u, t_star, q_star, t), z_0, z_s, z_u, z_t, z_q)
    u, t_star, q_star = S * r, h * warmer, e * moister
    w = gusts(-typed(GRAVITY, u) * u * buoyancy_scale(t_star, q_star, t))
    S = root(W2 + w * w)
    N = steady_wind(W2) / S * u / typed(KARMAN, u) * logarithm(typed(10.0, u) / z_0)
    return u, t_star, q_star, S, charnock(N)


@point
def at_10_m(z_u):
    """Return the ratio of the winds at 10 m and at z_u before the first pass."""
    return typed(FIRST_LOGARITHM, z_u) / logarithm(z_u / typed(FIRST_ROUGHNESS, z_u))


@point
def neutral_air(W2, warmer, moister, z_u):
    """Return the state (u_*, t_*, q_*, S, alpha) with which the iteration begins."""
    gust, scalar = typed(FIRST_GUST, W2), typed(FIRST_SCALAR, W2)
    S = root(W2 + gust * gust)
    U = typed(at_10_m(z_u), S) * S
    alpha = charnock(U)
    return (typed(FIRST_DRAG, S) + typed(OF_CHARNOCK, S) * alpha) * U, scalar * warmer, scalar * moister, S, alpha


@point
def vapour_over_sea(T, p):
    """Return the vapour pressure [Pa] over sea water of T [degC] under the pressure p [Pa]."""
    return typed(SALTY, T) * saturation_pressure(T) * (typed(FUGACITY, T) + typed(OF_PRESSURE, T) * p)


@point
def heat_of_vaporisation(T):
    """Return L, the latent heat of vaporisation [J kg-1] at T [degC]."""
    return typed(2.501e6, T) - typed(2370.0, T) * T


@point
def passes(W2, T, t2, q2, p, z_u, z_t, z_q):
    """Return the states of the air of the five passes, and what surrounds them."""
    warmer = t2 + typed(ADIABATIC, T) * typed(z_t, T) - T
    moister = q2 - specific_humidity(vapour_over_sea(T, p), p)
    around = (W2, t2 + typed(KELVIN, T), viscosity_of_air(t2), warmer, moister, z_u, z_t, z_q)
    return five_passes(iterate, neutral_air(W2, warmer, moister, z_u), around), around


@point
def coare(W2, T, t2, q2, p, z_u, z_t, z_q):
    """Return (push, sensible, latent, evaporated), from the square W2 of the wind relative to the current."""
    states, _ = passes(W2, T, t2, q2, p, z_u, z_t, z_q)
    _, _, _, _, _, (u, t_star, q_star, S, _) = states
    rho = density_of_air(t2 + typed(KELVIN, T), q2, p)
    return fluxes_of_scales((rho, u, t_star, q_star, S, typed(HEAT_CAPACITY, S), heat_of_vaporisation(T)))
