"""The adjoint of the bulk algorithm of NCAR: `ogcm.operators.ncar`.

Of a pass (n, r, h, e, t, q) -> (n', r', h', e', t', q'), with the adjoints x'_ad of its results, in the opposite order:

    t' = theta - t_* c_t, q' likewise  theta_ad += t'_ad,  t_*_ad -= c_t t'_ad,  c_t_ad -= t_* t'_ad
    e' = d/(1 + d a_h), h' likewise    a_h_ad -= e'^2 e'_ad + h'^2 h'_ad,      c_H_ad += (h'/c_H)^2 h'_ad, of all passes
    r' = n'/(1 + n' a_m)               a_m_ad -= r'^2 r'_ad,                   n'_ad += (r'/n')^2 r'_ad
    n' = sqrt(C_DN(U))                 U_ad += C_DN'(U)/(2 n') n'_ad
    U = S/(1 + n a_m)                  S_ad += U/S U_ad,  n_ad -= U^2 a_m/S U_ad,  a_m_ad -= U^2 n/S U_ad
    a_m, a_h, c of zeta                zeta_ad += psi_m'(zeta) psi_m_ad + psi_h'(zeta) psi_h_ad
    zeta = b z                         b_ad += z_u zeta_u_ad + z_t zeta_t_ad + z_q zeta_q_ad
    b = k g (t_*/t + 0.608 q_*)/(...)  the quotient rule
    t_* = h (t - T_s), q_* likewise    h_ad += (t - T_s) t_*_ad,  t_ad += h t_*_ad,  T_s_ad -= h t_*_ad

At the beginning d_ad = c_H'(d) c_H_ad. Both psi' are -5 where zeta > 0, and elsewhere those of Kansas. Where zeta, U or
C_DN stay at a bound, their derivative is 0.
"""

from adjoint.operators.surface_layer import (
    density_of_air_ad,
    five_passes_ad,
    fluxes_of_scales_ad,
    height_within,
    kansas_heat_slope,
    kansas_momentum_slope,
)
from ogcm.backend import HALF, point, root, typed
from ogcm.operators.ncar import (
    CALM,
    HEAT_CAPACITY,
    LIMIT,
    MOISTURE,
    PASSAGE,
    STABLE,
    STEEPNESS,
    STORM,
    UNSTABLE,
    VAPORISATION,
    air_and_sea,
    buoyant_difference,
    iterate,
    neutral_drag,
    neutral_wind,
    obukhov,
    passage,
    passes,
    stability,
)
from ogcm.operators.surface_layer import GRAVITY, KARMAN, KELVIN, VAPOUR, fluxes_of_scales


@point
def neutral_drag_slope(U):
    """Return dC_DN/dU [s m-1]; 0 beyond STORM."""
    x5 = (U * U) * (U * U) * U
    slope = typed(1 / 13.09, U) - typed(2.70, U) / (U * U) - typed(6 * 3.14807e-10, U) * x5
    return typed(1e-3, U) * slope if U <= STORM else typed(0.0, U)


@point
def stanton_slope(d):
    """Return dc_H/dd [K-1]."""
    x = passage(d)
    return typed((STABLE - UNSTABLE) * 3 / PASSAGE, d) * (x * (typed(1.0, d) - x))


@point
def psi_momentum_slope(zeta):
    """Return dpsi_m/dzeta."""
    unstable = kansas_momentum_slope(zeta, STEEPNESS)
    return typed(-5.0, zeta) if zeta > 0 else unstable


@point
def psi_heat_slope(zeta):
    """Return dpsi_h/dzeta."""
    unstable = kansas_heat_slope(zeta, STEEPNESS)
    return typed(-5.0, zeta) if zeta > 0 else unstable


@point
def stability_ad(b, z_u, z_t, z_q, a_m_ad, a_h_ad, c_t_ad, c_q_ad):
    """Return b_ad."""
    zeta_u, _, _, _, _ = stability(b, z_u, z_t, z_q)
    k, within_t, within_q = typed(KARMAN, b), height_within(b, z_t, LIMIT), height_within(b, z_q, LIMIT)
    of_u = psi_heat_slope(zeta_u) * (c_t_ad + c_q_ad - a_h_ad) - psi_momentum_slope(zeta_u) * a_m_ad
    of_t, of_q = psi_heat_slope(b * typed(z_t, b)) * c_t_ad, psi_heat_slope(b * typed(z_q, b)) * c_q_ad
    return (height_within(b, z_u, LIMIT) * of_u - within_t * of_t - within_q * of_q) / k


@point
def obukhov_ad(r, h, e, t, q, S, T_s, q_s, star_t_ad, star_q_ad, b_ad):
    """Return (r_ad, h_ad, e_ad, t_ad, q_ad, S_ad, T_s_ad, q_s_ad)."""
    vapour, w = typed(VAPOUR, S), r * S
    star_t, _, b = obukhov(r, h, e, t, q, S, T_s, q_s)
    moist = typed(1.0, S) + vapour * q
    f = typed(KARMAN * GRAVITY, S) * b_ad / (moist * (w * w))
    of_t, of_q, w_ad = star_t_ad + f / t, star_q_ad + f * vapour, -(b + b) * b_ad / w
    t_ad = h * of_t - f * star_t / (t * t)
    q_ad = e * of_q - vapour * b * b_ad / moist
    return S * w_ad, (t - T_s) * of_t, (q - q_s) * of_q, t_ad, q_ad, r * w_ad, -h * of_t, -e * of_q


@point
def neutral_wind_ad(n, a_m, S, U_ad):
    """Return (n_ad, a_m_ad, S_ad); 0 where U is CALM."""
    U = S / (typed(1.0, S) + n * a_m)
    g = U_ad if U >= CALM else typed(0.0, S)
    return -(U * U) * a_m / S * g, -(U * U) * n / S * g, U / S * g


@point
def iterate_ad(air, around, air_ad, around_ad):
    """Return (air_ad, around_ad) before a pass; `around_ad` sums (c_h_ad, S_ad, theta_ad, q2_ad, T_s_ad, q_s_ad)."""
    n, r, h, e, t, q = air
    c_h, S, _, _, T_s, q_s, z_u, z_t, z_q = around
    new_n_ad, new_r_ad, new_h_ad, new_e_ad, new_t_ad, new_q_ad = air_ad
    c_h_ad, S_ad, theta_ad, humidity_ad, T_s_ad, q_s_ad = around_ad
    star_t, star_q, b = obukhov(r, h, e, t, q, S, T_s, q_s)
    _, a_m, _, c_t, c_q = stability(b, z_u, z_t, z_q)
    U = neutral_wind(n, a_m, S)
    new_n, new_r, new_h, new_e, _, _ = iterate(air, around)
    a_h_ad = -(new_e * new_e) * new_e_ad - (new_h * new_h) * new_h_ad
    ratio_h, ratio_r = new_h / c_h, new_r / new_n
    U_ad = neutral_drag_slope(U) / (new_n + new_n) * (new_n_ad + (ratio_r * ratio_r) * new_r_ad)
    n_ad, a_m_ad, of_S = neutral_wind_ad(n, a_m, S, U_ad)
    a_m_ad = a_m_ad - (new_r * new_r) * new_r_ad
    b_ad = stability_ad(b, z_u, z_t, z_q, a_m_ad, a_h_ad, -star_t * new_t_ad, -star_q * new_q_ad)
    r_ad, h_ad, e_ad, t_ad, q_ad, S_of_b, T_s_of_b, q_s_of_b = obukhov_ad(
        r, h, e, t, q, S, T_s, q_s, -c_t * new_t_ad, -c_q * new_q_ad, b_ad
    )
    c_h_ad, S_ad = c_h_ad + (ratio_h * ratio_h) * new_h_ad, S_ad + of_S + S_of_b
    around_ad = (c_h_ad, S_ad, theta_ad + new_t_ad, humidity_ad + new_q_ad, T_s_ad + T_s_of_b, q_s_ad + q_s_of_b)
    return (n_ad, r_ad, h_ad, e_ad, t_ad, q_ad), around_ad


@point
def neutral_air_ad(S, theta, humidity, T_s, q_s, air_ad, around_ad):
    """Return (S_ad, theta_ad, humidity_ad, T_s_ad, q_s_ad), with those of the state with which the iteration begins."""
    n_ad, r_ad, h_ad, _, t_ad, q_ad = air_ad
    c_h_ad, S_ad, theta_ad, humidity_ad, T_s_ad, q_s_ad = around_ad
    n, weight = root(neutral_drag(S)), typed(MOISTURE, S)
    d_ad = stanton_slope(buoyant_difference(theta, humidity, T_s, q_s)) * (h_ad + c_h_ad)
    of_q = weight * theta * d_ad
    S_ad = S_ad + neutral_drag_slope(S) / (n + n) * (n_ad + r_ad)
    theta_ad = theta_ad + t_ad + (typed(1.0, S) + weight * (humidity - q_s)) * d_ad
    return S_ad, theta_ad, humidity_ad + q_ad + of_q, T_s_ad - d_ad, q_s_ad - of_q


@point
def air_and_sea_ad(S, t, q, T_s, rho, q_s, p, S_ad, T_s_ad, rho_ad, q_s_ad):
    """Return (W2_ad, T_ad, t_ad, q_ad, p_ad), with t the temperature of the air [K]."""
    t_ad, q_ad, p_ad = density_of_air_ad(t, q, p, rho, rho_ad - q_s / rho * q_s_ad)
    T_ad = T_s_ad + q_s * typed(5107.4, S) / (T_s * T_s) * q_s_ad
    return HALF * S_ad / S, T_ad, t_ad, q_ad, p_ad


@point
def ncar_ad(W2, T, t2, q2, p, z_u, z_t, z_q, fluxes_ad):
    """Return the fluxes (push, sensible, latent, evaporated) and (W2_ad, T_ad, t2_ad, q2_ad, p_ad)."""
    S, theta, T_s, rho, q_s = air_and_sea(W2, T, t2, q2, p, z_t)
    states, around = passes(S, theta, q2, T_s, q_s, z_u, z_t, z_q)
    _, _, _, _, _, (_, r, h, e, t, q) = states
    zero, warmer, moister = typed(0.0, S), t - T_s, q - q_s
    scales = (rho, r * S, h * warmer, e * moister, S, typed(HEAT_CAPACITY, S), typed(VAPORISATION, S))
    rho_ad, u_ad, star_t_ad, star_q_ad, S_ad, _ = fluxes_of_scales_ad(scales, fluxes_ad)
    air_ad = (zero, S * u_ad, warmer * star_t_ad, moister * star_q_ad, h * star_t_ad, e * star_q_ad)
    around_ad = (zero, S_ad + r * u_ad, zero, zero, -h * star_t_ad, -e * star_q_ad)
    air_ad, around_ad = five_passes_ad(iterate_ad, states, around, air_ad, around_ad)
    S_ad, theta_ad, humidity_ad, T_s_ad, q_s_ad = neutral_air_ad(S, theta, q2, T_s, q_s, air_ad, around_ad)
    W2_ad, T_ad, t_ad, q_ad, p_ad = air_and_sea_ad(
        S, t2 + typed(KELVIN, S), q2, T_s, rho, q_s, p, S_ad, T_s_ad, rho_ad, q_s_ad
    )
    return fluxes_of_scales(scales), (W2_ad, T_ad, theta_ad + t_ad, humidity_ad + q_ad, p_ad)
