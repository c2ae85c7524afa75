"""The adjoint of the bulk algorithm COARE: `ogcm.operators.coare`.

Of a pass (u, t_*, q_*, S, alpha) -> (u', t_*', q_*', S', alpha'), with the adjoints x'_ad of its results, in the
opposite order:

    alpha' = 0.0017 min(N, 19) - 0.005   N_ad = 0.0017 alpha'_ad; 0 where N > 19
    N = (W/S') u'/k ln(10/z_0)           u'_ad += N/u' N_ad,  S'_ad -= N/S' N_ad,  W_ad = N/W N_ad,
                                         z_0_ad -= (W/S') u'/(k z_0) N_ad
    S' = sqrt(W^2 + w^2)                 W2_ad += S'_ad/(2 S'),  w_ad = w/S' S'_ad
    w = 1.2 (600 B)^(1/3)                B_ad = w/(3 B) w_ad; 0 where w is smallest
    B = -g u' (t_*'/t + 0.608 q_*')      the product rule
    u' = S r,  t_*' = h dt,  q_*' = e dq S_ad = r u'_ad,  r_ad = S u'_ad,  and likewise
    r = k/(ln(z_u/z_0) - psi_m(b z_u))   z_0_ad += r^2/(k z_0) r_ad,  b_ad += r^2/k z_u psi_m' r_ad,  h and e likewise
    z_s = 5.8e-5 R^-0.72, R = z_0 u/nu   R_ad = -0.72 z_s/R z_s_ad; 0 where z_s is largest
    z_0 = alpha u^2/g + 0.11 nu/u        alpha_ad = u^2/g z_0_ad,  u_ad += (2 alpha u/g - 0.11 nu/u^2) z_0_ad
    b = k g (t_*/t + 0.608 q_*)/u^2      the quotient rule

and, for zeta <= 0 with the psi_k' of Kansas, psi_c' = -gamma/(Y (1 + Y + Y^2)),

    psi' = (psi_k' + zeta^2 psi_c')/(1 + zeta^2) + 2 zeta (psi_c - psi_k)/(1 + zeta^2)^2
"""

from adjoint.operators.surface_layer import (
    density_of_air_ad,
    five_passes_ad,
    fluxes_of_scales_ad,
    height_within,
    kansas_heat_slope,
    kansas_momentum_slope,
    saturation_slope,
    specific_humidity_ad,
)
from ogcm.backend import HALF, exponential, larger, logarithm, point, root, typed
from ogcm.operators.coare import (
    CHARNOCK_SLOPE,
    DECAY,
    DEPTH_OF_AIR,
    FIRST_DRAG,
    FIRST_SCALAR,
    FUGACITY,
    GUSTINESS,
    HEAT_CAPACITY,
    HUMP,
    LARGEST_SCALAR,
    LIMIT,
    LINEAR,
    OF_CHARNOCK,
    OF_HEAT,
    OF_MOMENTUM,
    OF_PRESSURE,
    POWER,
    SALTY,
    SCALAR,
    SMALLEST_GUST,
    SMOOTH,
    STEEPNESS,
    STORM,
    at_10_m,
    buoyancy_scale,
    charnock,
    coefficients,
    convection,
    gusts,
    heat_of_vaporisation,
    inverse_length,
    iterate,
    passes,
    roughness,
    steady_wind,
    vapour_over_sea,
)
from ogcm.operators.surface_layer import (
    GRAVITY,
    KARMAN,
    KELVIN,
    VAPOUR,
    bounded,
    density_of_air,
    fluxes_of_scales,
    kansas_heat,
    kansas_momentum,
    saturation_pressure,
)


@point
def convection_slope(zeta, steepness):
    """Return dpsi_c/dzeta of unstable air."""
    one = typed(1.0, zeta)
    Y = exponential(logarithm(larger(one - typed(steepness, zeta) * zeta, one)) / typed(3.0, zeta))
    return -typed(steepness, zeta) / (Y * (one + Y + Y * Y))


@point
def hump_slope(zeta):
    """Return the derivative of (zeta - 5/0.35) E, E (1 + 5 - 0.35 zeta)."""
    decay = typed(DECAY, zeta) * larger(zeta, typed(0.0, zeta))
    return exponential(-decay) * (typed(6.0, zeta) - decay)


@point
def blended_slope(zeta, kansas, free, kansas_slope, free_slope):
    """Return dpsi/dzeta of unstable air."""
    square, one = zeta * zeta, typed(1.0, zeta)
    sum_of_both = one + square
    return (kansas_slope + square * free_slope + (zeta + zeta) * (free - kansas) / sum_of_both) / sum_of_both


@point
def psi_momentum_slope(zeta):
    """Return dpsi_m/dzeta."""
    kansas, free = kansas_momentum(zeta, STEEPNESS), convection(zeta, OF_MOMENTUM)
    kansas_slope, free_slope = kansas_momentum_slope(zeta, STEEPNESS), convection_slope(zeta, OF_MOMENTUM)
    stable = -(typed(LINEAR, zeta) + typed(HUMP, zeta) * hump_slope(zeta))
    unstable = blended_slope(zeta, kansas, free, kansas_slope, free_slope)
    return stable if zeta > 0 else unstable


@point
def psi_heat_slope(zeta):
    """Return dpsi_h/dzeta."""
    kansas, free, two_thirds = kansas_heat(zeta, STEEPNESS), convection(zeta, OF_HEAT), typed(2.0 / 3.0, zeta)
    kansas_slope, free_slope = kansas_heat_slope(zeta, STEEPNESS), convection_slope(zeta, OF_HEAT)
    stable = -(root(typed(1.0, zeta) + two_thirds * larger(zeta, typed(0.0, zeta))) + two_thirds * hump_slope(zeta))
    unstable = blended_slope(zeta, kansas, free, kansas_slope, free_slope)
    return stable if zeta > 0 else unstable


@point
def viscosity_of_air_slope(t):
    """Return dnu/dt [m2 s-1 K-1]."""
    series = typed(6.542e-3, t) + t * (typed(2 * 8.301e-6, t) - typed(3 * 4.84e-9, t) * t)
    return typed(1.326e-5, t) * series


@point
def charnock_slope(N):
    """Return dalpha/dN [s m-1]; 0 beyond STORM."""
    return typed(CHARNOCK_SLOPE, N) if N <= STORM else typed(0.0, N)


@point
def roughness_ad(u, alpha, nu, z_0_ad, z_s_ad):
    """Return (u_ad, alpha_ad, nu_ad)."""
    g, smooth, (z_0, _) = typed(GRAVITY, u), typed(SMOOTH, u), roughness(u, alpha, nu)
    z_s = typed(SCALAR, u) * exponential(typed(POWER, u) * logarithm(z_0 * u / nu))
    fraction = typed(POWER, u) * z_s * z_s_ad if z_s <= typed(LARGEST_SCALAR, u) else typed(0.0, u)
    z_0_ad = z_0_ad + fraction / z_0
    of_u = (alpha + alpha) * u / g - smooth * nu / (u * u)
    return of_u * z_0_ad + fraction / u, (u * u) / g * z_0_ad, smooth / u * z_0_ad - fraction / nu


@point
def coefficients_ad(coefficients_of_air, b, z_0, z_s, z_u, z_t, z_q, r_ad, h_ad, e_ad):
    """Return (b_ad, z_0_ad, z_s_ad)."""
    r, h, e = coefficients_of_air
    k = typed(KARMAN, b)
    of_r, of_h, of_e = r * r / k * r_ad, h * h / k * h_ad, e * e / k * e_ad
    b_ad = height_within(b, z_u, LIMIT) * psi_momentum_slope(bounded(b * typed(z_u, b), LIMIT)) * of_r
    b_ad = b_ad + height_within(b, z_t, LIMIT) * psi_heat_slope(bounded(b * typed(z_t, b), LIMIT)) * of_h
    b_ad = b_ad + height_within(b, z_q, LIMIT) * psi_heat_slope(bounded(b * typed(z_q, b), LIMIT)) * of_e
    return b_ad, of_r / z_0, (of_h + of_e) / z_s


@point
def gusts_slope(B):
    """Return dw/dB; 0 where the gusts are smallest."""
    enough = typed(DEPTH_OF_AIR, B) * B >= typed((SMALLEST_GUST / GUSTINESS) ** 3, B)
    slope = gusts(B) / (typed(3.0, B) * B)
    return slope if enough else typed(0.0, B)


@point
def iterate_ad(air, around, air_ad, around_ad):
    """Return (air_ad, around_ad) before a pass; `around_ad` sums (W2_ad, t_ad, nu_ad, warmer_ad, moister_ad)."""
    u, t_star, q_star, S, alpha = air
    W2, t, nu, warmer, moister, z_u, z_t, z_q = around
    u_ad, t_star_ad, q_star_ad, S_ad, alpha_ad = air_ad
    W2_ad, t_ad, nu_ad, warmer_ad, moister_ad = around_ad
    k, g, vapour = typed(KARMAN, u), typed(GRAVITY, u), typed(VAPOUR, u)
    z_0, z_s = roughness(u, alpha, nu)
    b = inverse_length(u, t_star, q_star, t)
    r, h, e = coefficients(u, b, z_0, z_s, z_u, z_t, z_q)
    new_u, new_t, new_q, new_S, _ = iterate(air, around)
    scale, W = buoyancy_scale(new_t, new_q, t), steady_wind(W2)
    B = -g * new_u * scale
    shape = W / new_S * new_u / k
    N = shape * logarithm(typed(10.0, u) / z_0)
    N_ad = charnock_slope(N) * alpha_ad
    S_ad = S_ad - N / new_S * N_ad
    W2_ad = W2_ad + HALF * (N / (W * W) * N_ad + S_ad / new_S)
    B_ad = gusts(B) / new_S * gusts_slope(B) * S_ad
    u_ad = u_ad + N / new_u * N_ad - g * scale * B_ad
    scale_ad = -g * new_u * B_ad
    t_star_ad, q_star_ad = t_star_ad + scale_ad / t, q_star_ad + vapour * scale_ad
    t_ad = t_ad - new_t / (t * t) * scale_ad
    warmer_ad, moister_ad = warmer_ad + h * t_star_ad, moister_ad + e * q_star_ad
    b_ad, z_0_ad, z_s_ad = coefficients_ad(
        (r, h, e), b, z_0, z_s, z_u, z_t, z_q, S * u_ad, warmer * t_star_ad, moister * q_star_ad
    )
    of_u, of_alpha, of_nu = roughness_ad(u, alpha, nu, z_0_ad - shape / z_0 * N_ad, z_s_ad)
    f = k * g / (u * u) * b_ad
    t_ad = t_ad - t_star / (t * t) * f
    around_ad = (W2_ad, t_ad, nu_ad + of_nu, warmer_ad, moister_ad)
    return (of_u - (b + b) / u * b_ad, f / t, vapour * f, r * u_ad, of_alpha), around_ad


@point
def neutral_air_ad(S, z_u, air_ad, around_ad):
    """Return `around_ad` with the adjoint of the state of wind S with which the iteration begins."""
    u_ad, t_star_ad, q_star_ad, S_ad, alpha_ad = air_ad
    W2_ad, t_ad, nu_ad, warmer_ad, moister_ad = around_ad
    ratio, scalar, of_charnock = typed(at_10_m(z_u), S), typed(FIRST_SCALAR, S), typed(OF_CHARNOCK, S)
    U = ratio * S
    U_ad = (typed(FIRST_DRAG, S) + of_charnock * charnock(U)) * u_ad
    U_ad = U_ad + charnock_slope(U) * (alpha_ad + of_charnock * U * u_ad)
    W2_ad = W2_ad + HALF * (S_ad + ratio * U_ad) / S
    return W2_ad, t_ad, nu_ad, warmer_ad + scalar * t_star_ad, moister_ad + scalar * q_star_ad


@point
def vapour_over_sea_ad(T, p, e_ad):
    """Return (T_ad, p_ad)."""
    salty, raised = typed(SALTY, T), typed(FUGACITY, T) + typed(OF_PRESSURE, T) * p
    return salty * saturation_slope(T) * raised * e_ad, salty * saturation_pressure(T) * typed(OF_PRESSURE, T) * e_ad


@point
def coare_ad(W2, T, t2, q2, p, z_u, z_t, z_q, fluxes_ad):
    """Return the fluxes (push, sensible, latent, evaporated) and (W2_ad, T_ad, t2_ad, q2_ad, p_ad)."""
    states, around = passes(W2, T, t2, q2, p, z_u, z_t, z_q)
    (_, _, _, first_S, _), _, _, _, _, (u, t_star, q_star, S, _) = states
    t, zero = t2 + typed(KELVIN, T), typed(0.0, T)
    rho = density_of_air(t, q2, p)
    scales = (rho, u, t_star, q_star, S, typed(HEAT_CAPACITY, S), heat_of_vaporisation(T))
    rho_ad, u_ad, t_star_ad, q_star_ad, S_ad, latent_heat_ad = fluxes_of_scales_ad(scales, fluxes_ad)
    air_ad, around_ad = (u_ad, t_star_ad, q_star_ad, S_ad, zero), (zero, zero, zero, zero, zero)
    air_ad, around_ad = five_passes_ad(iterate_ad, states, around, air_ad, around_ad)
    W2_ad, t_ad, nu_ad, warmer_ad, moister_ad = neutral_air_ad(first_S, z_u, air_ad, around_ad)
    e_ad, p_of_humidity = specific_humidity_ad(vapour_over_sea(T, p), p, -moister_ad)
    T_of_vapour, p_of_vapour = vapour_over_sea_ad(T, p, e_ad)
    t_of_density, q_ad, p_ad = density_of_air_ad(t, q2, p, rho, rho_ad)
    t_ad = t_ad + viscosity_of_air_slope(t2) * nu_ad + warmer_ad + t_of_density
    T_ad = T_of_vapour - warmer_ad - typed(2370.0, T) * latent_heat_ad
    inputs_ad = (W2_ad, T_ad, t_ad, q_ad + moister_ad, p_ad + p_of_humidity + p_of_vapour)
    return fluxes_of_scales(scales), inputs_ad
