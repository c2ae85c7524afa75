"""The surface layer of the air: what the bulk algorithms `ogcm.operators.ncar` and `ogcm.operators.coare` share.

Fluxes from the friction velocity u_* [m s-1] and the scales t_* [K] and q_* [1] of temperature and humidity, at a wind
of speed S, with the density rho, the heat capacity c_p and the latent heat L:

    push = rho u_*^2/S,   sensible = c_p rho u_* t_*,   evaporated = -rho u_* q_*,   latent = L evaporated
    rho = p/(R t (1 + 0.608 q)),   q = 0.622 e/(p - 0.378 e) at the vapour pressure e

Saturated vapour over fresh water at d [degC] has e = 611.21 exp(17.502 d/(240.97 + d)) [Pa] (Buck 1981, doi
10.1175/1520-0450(1981)020<1527:NEFCVP>2.0.CO;2).

Stability functions of unstable air, zeta = z/L_O <= 0 with the length of Obukhov L_O, in the form of the experiment in
Kansas (Paulson 1970, doi 10.1175/1520-0450(1970)009<0857:TMROWS>2.0.CO;2), with a steepness gamma:

    psi_m = ln((1 + 2X + X^2)(1 + X^2)/8) - 2 arctan(X) + pi/2,   psi_h = 2 ln((1 + X^2)/2),
    X = (1 - gamma zeta)^(1/4)

An algorithm iterates its state of the air exactly five times. The fluxes are those after these five passes, and the
adjoint (`adjoint.operators.surface_layer`) is the derivative of them.
"""

import numpy as np

from ogcm.backend import HALF, arctangent, exponential, larger, logarithm, point, root, smaller, typed

KARMAN = 0.4  # constant k of von Karman [1]
GRAVITY = 9.80  # [m s-2]
GAS_CONSTANT = 287.04  # R of dry air [J kg-1 K-1]
VAPOUR = 0.608  # ratio of the gas constants of vapour and dry air, less 1 [1]
KELVIN = 273.15  # 0 degC [K]
ADIABATIC = 0.0098  # lapse rate of dry air [K m-1]
BUCK, GROWTH, CENTRE = 611.21, 17.502, 240.97  # of the saturated vapour pressure [Pa], [1], [K]
DRY, VAPOUR_PART = 0.622, 0.378  # ratio of the gas constants of dry air and vapour, and 1 less this ratio [1]


@point
def density_of_air(t, q, p):
    """Return the density of air [kg m-3] from temperature [K], specific humidity and pressure [Pa]."""
    return p / (typed(GAS_CONSTANT, t) * t * (typed(1.0, t) + typed(VAPOUR, t) * q))


@point
def saturation_pressure(d):
    """Return the vapour pressure e [Pa] of air that is saturated at d [degC]."""
    return typed(BUCK, d) * exponential(typed(GROWTH, d) * d / (typed(CENTRE, d) + d))


@point
def specific_humidity(e, p):
    """Return the specific humidity of air from the vapour pressure e and the pressure p [Pa]."""
    return typed(DRY, e) * e / (p - typed(VAPOUR_PART, e) * e)


@point
def fluxes_of_scales(scales):
    """Return (push, sensible, latent, evaporated) from (rho, u_*, t_*, q_*, S, c_p, L)."""
    rho, u, t, q, S, heat_capacity, latent_heat = scales
    flow = rho * u
    evaporated = -flow * q
    return flow * (u / S), heat_capacity * flow * t, latent_heat * evaporated, evaporated


@point
def bounded(zeta, limit):
    """Return zeta between -limit and limit."""
    limit = typed(limit, zeta) + typed(0.0, zeta) * zeta
    return larger(smaller(zeta, limit), -limit)


@point
def unstable_root(zeta, steepness):
    """Return X^2 = sqrt(1 - gamma zeta), 1 in stable air."""
    one = typed(1.0, zeta) + typed(0.0, zeta) * zeta
    return root(larger(one - typed(steepness, zeta) * zeta, one))


@point
def kansas_momentum(zeta, steepness):
    """Return psi_m of unstable air."""
    X2, one = unstable_root(zeta, steepness), typed(1.0, zeta)
    X = root(X2)
    unstable = logarithm((one + X + X + X2) * (one + X2) / typed(8.0, zeta))
    return unstable - typed(2.0, zeta) * arctangent(X) + typed(np.pi / 2, zeta)


@point
def kansas_heat(zeta, steepness):
    """Return psi_h of unstable air."""
    return typed(2.0, zeta) * logarithm(HALF * (typed(1.0, zeta) + unstable_root(zeta, steepness)))


@point
def five_passes(iterate, first, around):
    """Return the states of the air before each of the five passes and after the last one.

    `iterate(air, around)` returns the next state; `around` holds what does not change.
    """
    second = iterate(first, around)
    third = iterate(second, around)
    fourth = iterate(third, around)
    fifth = iterate(fourth, around)
    return first, second, third, fourth, fifth, iterate(fifth, around)
