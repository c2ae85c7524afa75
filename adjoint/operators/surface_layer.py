"""The adjoint of what the bulk algorithms share: `ogcm.operators.surface_layer`.

    push = rho u^2/S, ...         u_ad += 2 push/u push_ad + (sensible sensible_ad + evaporated g)/u,  g = evaporated_ad
    latent = L evaporated             + L latent_ad;  S_ad -= push/S push_ad,  L_ad += evaporated latent_ad, ...
    rho = p/(R t (1 + 0.608 q))   t_ad -= rho/t rho_ad,  q_ad -= 0.608 rho/(1 + 0.608 q) rho_ad,  p_ad += rho/p rho_ad
    q = 0.622 e/s,  s = p - 0.378 e   e_ad += 0.622 p/s^2 q_ad,  p_ad -= q/s q_ad
    e = 611.21 exp(17.502 d/(240.97 + d))   de/dd = e 17.502 240.97/(240.97 + d)^2
    psi_m' = -gamma/(X (1 + X)(1 + X^2)),   psi_h' = -gamma/(X^2 (1 + X^2))
    zeta = b z within its limit   dzeta/db = z; 0 where zeta stays at the limit

The five passes are computed again in each thread, and their adjoints follow in the opposite order.
"""

from ogcm.backend import point, root, typed
from ogcm.operators.surface_layer import (
    CENTRE,
    DRY,
    GROWTH,
    VAPOUR,
    VAPOUR_PART,
    saturation_pressure,
    unstable_root,
)


@point
def density_of_air_ad(t, q, p, rho, rho_ad):
    """Return (t_ad, q_ad, p_ad)."""
    vapour = typed(VAPOUR, t)
    return -rho / t * rho_ad, -rho * vapour / (typed(1.0, t) + vapour * q) * rho_ad, rho / p * rho_ad


@point
def saturation_slope(d):
    """Return de/dd of the saturated vapour pressure [Pa K-1]."""
    sum_of_both = typed(CENTRE, d) + d
    return saturation_pressure(d) * typed(GROWTH * CENTRE, d) / (sum_of_both * sum_of_both)


@point
def specific_humidity_ad(e, p, q_ad):
    """Return (e_ad, p_ad)."""
    s = p - typed(VAPOUR_PART, e) * e
    g = typed(DRY, e) / (s * s) * q_ad
    return p * g, -e * g


@point
def fluxes_of_scales_ad(scales, fluxes_ad):
    """Return (rho_ad, u_ad, t_ad, q_ad, S_ad, latent_heat_ad)."""
    rho, u, t, q, S, heat_capacity, latent_heat = scales
    push_ad, sensible_ad, latent_ad, evaporated_ad = fluxes_ad
    r, flow = u / S, rho * u
    warm_ad, moist_ad = heat_capacity * sensible_ad, evaporated_ad + latent_heat * latent_ad
    flow_ad = r * push_ad + t * warm_ad - q * moist_ad
    S_ad = -(r * r) * rho * push_ad
    u_ad = rho * flow_ad + flow / S * push_ad
    return u * flow_ad, u_ad, flow * warm_ad, -flow * moist_ad, S_ad, -flow * q * latent_ad


@point
def kansas_momentum_slope(zeta, steepness):
    """Return dpsi_m/dzeta of unstable air."""
    X2, one = unstable_root(zeta, steepness), typed(1.0, zeta)
    X = root(X2)
    return -typed(steepness, zeta) / (X * (one + X) * (one + X2))


@point
def kansas_heat_slope(zeta, steepness):
    """Return dpsi_h/dzeta of unstable air."""
    X2 = unstable_root(zeta, steepness)
    return -typed(steepness, zeta) / (X2 * (typed(1.0, zeta) + X2))


@point
def height_within(b, z, limit):
    """Return dzeta/db = z; 0 where zeta = b z stays at its limit."""
    zeta = b * typed(z, b)
    return typed(z, b) if zeta >= -limit and zeta <= limit else typed(0.0, b)


@point
def five_passes_ad(iterate_ad, states, around, air_ad, around_ad):
    """Return (air_ad, around_ad) before the first of the five passes from those after the last one.

    `iterate_ad(air, around, air_ad, around_ad)` is the adjoint of a pass from the state `air`.
    """
    first, second, third, fourth, fifth, _ = states
    air_ad, around_ad = iterate_ad(fifth, around, air_ad, around_ad)
    air_ad, around_ad = iterate_ad(fourth, around, air_ad, around_ad)
    air_ad, around_ad = iterate_ad(third, around, air_ad, around_ad)
    air_ad, around_ad = iterate_ad(second, around, air_ad, around_ad)
    return iterate_ad(first, around, air_ad, around_ad)
