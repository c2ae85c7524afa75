"""The adjoint of the bulk formulae: `ogcm.operators.bulk_fluxes`, whose five passes are computed again in each thread.

Of a pass (n, r, h, e, t, q) -> (n', r', h', e', t', q'), with the adjoints x'_ad of its results, in the opposite order:

    t' = theta - t_* c, q' likewise    theta_ad += t'_ad,  t_*_ad -= c t'_ad,  c_ad -= t_* t'_ad + q_* q'_ad
    e' = d/(1 + d a_h), h' likewise    a_h_ad -= e'^2 e'_ad + h'^2 h'_ad,      c_H_ad += (h'/c_H)^2 h'_ad, of all passes
    r' = n'/(1 + n' a_m)               a_m_ad -= r'^2 r'_ad,                   n'_ad += (r'/n')^2 r'_ad
    n' = sqrt(C_DN(U))                 U_ad += C_DN'(U)/(2 n') n'_ad
    U = S/(1 + n a_m)                  S_ad += U/S U_ad,  n_ad -= U^2 a_m/S U_ad,  a_m_ad -= U^2 n/S U_ad
    a_m, a_h, c of zeta_u, zeta_t      zeta_ad += psi_m'(zeta) psi_m_ad + psi_h'(zeta) psi_h_ad
    zeta = b z                         b_ad += z_u zeta_u_ad + z_t zeta_t_ad
    b = k g (t_*/t + 0.608 q_*)/(...)  the quotient rule
    t_* = h (t - T_s), q_* likewise    h_ad += (t - T_s) t_*_ad,  t_ad += h t_*_ad,  T_s_ad -= h t_*_ad

At the beginning d_ad = c_H'(d) c_H_ad, and

    psi_m' = -16/(X (1 + X)(1 + X^2)),   psi_h' = -16/(X^2 (1 + X^2))   where zeta <= 0;   both -5 where zeta > 0

Where zeta, U or C_DN stay at a bound, their derivative is 0.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, root, typed
from ogcm.operators.bulk_fluxes import (
    CALM,
    FRESH_DENSITY,
    GRAVITY,
    HEAT_CAPACITY,
    KARMAN,
    KELVIN,
    LIMIT,
    MOISTURE,
    PASSAGE,
    STABLE,
    STEFAN_BOLTZMANN,
    STORM,
    UNSTABLE,
    VAPORISATION,
    VAPOUR,
    air_and_sea,
    buoyant_difference,
    iterate,
    neutral_drag,
    neutral_wind,
    obukhov,
    passage,
    stability,
    states_of_air,
    unstable_root,
)
from ogcm.operators.stencils import masked


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
    X2, one = unstable_root(zeta), typed(1.0, zeta)
    X = root(X2)
    return typed(-5.0, zeta) if zeta > 0 else typed(-16.0, zeta) / (X * (one + X) * (one + X2))


@point
def psi_heat_slope(zeta):
    """Return dpsi_h/dzeta."""
    X2, one = unstable_root(zeta), typed(1.0, zeta)
    return typed(-5.0, zeta) if zeta > 0 else typed(-16.0, zeta) / (X2 * (one + X2))


@point
def height_within(b, z):
    """Return dzeta/db = z; 0 where zeta = b z stays at its limit."""
    zeta = b * typed(z, b)
    return typed(z, b) if zeta >= -LIMIT and zeta <= LIMIT else typed(0.0, b)


@point
def stability_ad(b, z_u, z_t, a_m_ad, a_h_ad, c_ad):
    """Return b_ad."""
    zeta_u, _, _, _ = stability(b, z_u, z_t)
    k, within_u, within_t = typed(KARMAN, b), height_within(b, z_u), height_within(b, z_t)
    zeta_t = b * typed(z_t, b)
    of_u = psi_heat_slope(zeta_u) * (c_ad - a_h_ad) - psi_momentum_slope(zeta_u) * a_m_ad
    return (within_u * of_u - within_t * psi_heat_slope(zeta_t) * c_ad) / k


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
def iterate_ad(air, c_h, S, theta, humidity, T_s, q_s, z_u, z_t, air_ad, sea_ad):
    """Return (air_ad, sea_ad) before a pass; `sea_ad` sums (c_h_ad, S_ad, theta_ad, humidity_ad, T_s_ad, q_s_ad)."""
    n, r, h, e, t, q = air
    new_n_ad, new_r_ad, new_h_ad, new_e_ad, new_t_ad, new_q_ad = air_ad
    c_h_ad, S_ad, theta_ad, humidity_ad, T_s_ad, q_s_ad = sea_ad
    star_t, star_q, b = obukhov(r, h, e, t, q, S, T_s, q_s)
    _, a_m, _, c = stability(b, z_u, z_t)
    U = neutral_wind(n, a_m, S)
    new_n, new_r, new_h, new_e, _, _ = iterate(air, c_h, S, theta, humidity, T_s, q_s, z_u, z_t)
    c_ad = -(star_t * new_t_ad + star_q * new_q_ad)
    a_h_ad = -(new_e * new_e) * new_e_ad - (new_h * new_h) * new_h_ad
    ratio_h, ratio_r = new_h / c_h, new_r / new_n
    U_ad = neutral_drag_slope(U) / (new_n + new_n) * (new_n_ad + (ratio_r * ratio_r) * new_r_ad)
    n_ad, a_m_ad, of_S = neutral_wind_ad(n, a_m, S, U_ad)
    a_m_ad = a_m_ad - (new_r * new_r) * new_r_ad
    b_ad = stability_ad(b, z_u, z_t, a_m_ad, a_h_ad, c_ad)
    r_ad, h_ad, e_ad, t_ad, q_ad, S_of_b, T_s_of_b, q_s_of_b = obukhov_ad(
        r, h, e, t, q, S, T_s, q_s, -c * new_t_ad, -c * new_q_ad, b_ad
    )
    c_h_ad, S_ad = c_h_ad + (ratio_h * ratio_h) * new_h_ad, S_ad + of_S + S_of_b
    sea_ad = (c_h_ad, S_ad, theta_ad + new_t_ad, humidity_ad + new_q_ad, T_s_ad + T_s_of_b, q_s_ad + q_s_of_b)
    return (n_ad, r_ad, h_ad, e_ad, t_ad, q_ad), sea_ad


@point
def neutral_air_ad(S, theta, humidity, T_s, q_s, air_ad, sea_ad):
    """Return (S_ad, theta_ad, humidity_ad, T_s_ad, q_s_ad), with those of the state with which the iteration begins."""
    n_ad, r_ad, h_ad, _, t_ad, q_ad = air_ad
    c_h_ad, S_ad, theta_ad, humidity_ad, T_s_ad, q_s_ad = sea_ad
    n, weight = root(neutral_drag(S)), typed(MOISTURE, S)
    d_ad = stanton_slope(buoyant_difference(theta, humidity, T_s, q_s)) * (h_ad + c_h_ad)
    of_q = weight * theta * d_ad
    S_ad = S_ad + neutral_drag_slope(S) / (n + n) * (n_ad + r_ad)
    theta_ad = theta_ad + t_ad + (typed(1.0, S) + weight * (humidity - q_s)) * d_ad
    return S_ad, theta_ad, humidity_ad + q_ad + of_q, T_s_ad - d_ad, q_s_ad - of_q


@point
def air_and_sea_ad(dx, dy, S, t, q, T_s, rho, q_s, S_ad, T_s_ad, rho_ad, q_s_ad, p):
    """Return (T_ad, dx_ad, dy_ad, t_ad, q_ad, p_ad), with t the temperature of the air [K]."""
    vapour = typed(VAPOUR, S)
    rho_ad = rho_ad - q_s / rho * q_s_ad
    T_ad = T_s_ad + q_s * typed(5107.4, S) / (T_s * T_s) * q_s_ad
    q_ad = -rho * vapour / (typed(1.0, S) + vapour * q) * rho_ad
    return T_ad, dx / S * S_ad, dy / S * S_ad, -rho / t * rho_ad, q_ad, rho / p * rho_ad


@kernel
def current_at_cells_ad(u, v, grid, x_ad, y_ad, u_ad, v_ad):
    """Add the adjoint of the surface current at T points.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Masks.
    x_ad, y_ad : ndarray, shape (nj, ni)
        Adjoint of the current at T points, halo filled.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to in the first layer.
    """
    _, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            u_ad[0, j, i] += masked(grid.mask_u[0, j, i], HALF * (x_ad[j, i] + x_ad[j, i + ONE]))
            v_ad[0, j, i] += masked(grid.mask_v[0, j, i], HALF * (y_ad[j, i] + y_ad[j + 1, i]))


@kernel
def turbulent_fluxes_ad(
    T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, grid,
    stress_x_ad, stress_y_ad, heat_ad, evaporation_ad,
    T_ad, x_ad, y_ad, u10_ad, v10_ad, t2_ad, q2_ad, slp_ad, drag_ad, stanton_factor_ad, dalton_factor_ad, feedback_ad,
):  # fmt: skip
    """Add the adjoint of the turbulent fluxes.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Temperature of the water [degC].
    x, y : ndarray, shape (nj, ni)
        Surface current at T points [m s-1].
    u10, v10 : ndarray, shape (nj, ni)
        Wind at the height z_u [m s-1].
    t2, q2 : ndarray, shape (nj, ni)
        Temperature [degC] and specific humidity [1] of the air at the height z_t.
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    drag, stanton_factor, dalton_factor : ndarray, shape (1, nj, ni)
        Factors of C_D, C_H and C_E [1].
    feedback : ndarray, shape (1, nj, ni)
        Fraction f of the current that is taken from the wind [1].
    z_u, z_t : float
        Heights of the wind and of the air's temperature and humidity [m].
    grid : Grid
        Masks.
    stress_x_ad, stress_y_ad, heat_ad, evaporation_ad : ndarray, shape (nj, ni)
        Adjoints of the fluxes.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the temperature, added to in the first layer.
    x_ad, y_ad, u10_ad, v10_ad, t2_ad, q2_ad, slp_ad : ndarray, shape (nj, ni)
        Adjoints of current and air, added to.
    drag_ad, stanton_factor_ad, dalton_factor_ad, feedback_ad : ndarray, shape (1, nj, ni)
        Adjoints of the parameters, added to.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            if grid.mask_t[0, j, i] == 1:
                q_t, share = q2[j, i], feedback[0, j, i]
                dx, dy = u10[j, i] - share * x[j, i], v10[j, i] - share * y[j, i]
                S, theta, T_s, rho, q_s = air_and_sea(T[0, j, i], dx, dy, t2[j, i], q_t, slp[j, i], z_t)
                first, second, third, fourth, fifth = states_of_air(S, theta, q_t, T_s, q_s, z_u, z_t)
                _, _, c_h, _, _, _ = first
                _, r, h, e, t, q = iterate(fifth, c_h, S, theta, q_t, T_s, q_s, z_u, z_t)
                zero, flow, push, warmer, moister = typed(0.0, S), rho * r * S, rho * r * r * S, t - T_s, q_s - q
                along = dx * stress_x_ad[j, i] + dy * stress_y_ad[j, i]
                moist_ad = evaporation_ad[j, i] - typed(VAPORISATION, S) * heat_ad[j, i]
                warm_ad = typed(HEAT_CAPACITY, S) * heat_ad[j, i]
                drag_ad[0, j, i] += push * along
                stanton_factor_ad[0, j, i] += h * flow * warmer * warm_ad
                dalton_factor_ad[0, j, i] += e * flow * moister * moist_ad
                along = drag[0, j, i] * along
                moist_ad = dalton_factor[0, j, i] * moist_ad
                warm_ad = stanton_factor[0, j, i] * warm_ad
                flow_ad = e * moister * moist_ad + h * warmer * warm_ad + r * along
                air_ad = (
                    zero, flow * along + rho * S * flow_ad, flow * warmer * warm_ad, flow * moister * moist_ad,
                    h * flow * warm_ad, -e * flow * moist_ad,
                )  # fmt: skip
                sea_ad = (zero, rho * r * flow_ad, zero, zero, -h * flow * warm_ad, e * flow * moist_ad)
                rho_ad = r * S * flow_ad
                air_ad, sea_ad = iterate_ad(fifth, c_h, S, theta, q_t, T_s, q_s, z_u, z_t, air_ad, sea_ad)
                air_ad, sea_ad = iterate_ad(fourth, c_h, S, theta, q_t, T_s, q_s, z_u, z_t, air_ad, sea_ad)
                air_ad, sea_ad = iterate_ad(third, c_h, S, theta, q_t, T_s, q_s, z_u, z_t, air_ad, sea_ad)
                air_ad, sea_ad = iterate_ad(second, c_h, S, theta, q_t, T_s, q_s, z_u, z_t, air_ad, sea_ad)
                air_ad, sea_ad = iterate_ad(first, c_h, S, theta, q_t, T_s, q_s, z_u, z_t, air_ad, sea_ad)
                S_ad, theta_ad, humidity_ad, T_s_ad, q_s_ad = neutral_air_ad(S, theta, q_t, T_s, q_s, air_ad, sea_ad)
                of_T, dx_ad, dy_ad, of_t, of_q, of_p = air_and_sea_ad(
                    dx, dy, S, t2[j, i] + typed(KELVIN, S), q_t, T_s, rho, q_s, S_ad, T_s_ad, rho_ad, q_s_ad, slp[j, i]
                )
                dx_ad = dx_ad + drag[0, j, i] * push * stress_x_ad[j, i]
                dy_ad = dy_ad + drag[0, j, i] * push * stress_y_ad[j, i]
                T_ad[0, j, i] += of_T
                u10_ad[j, i] += dx_ad
                v10_ad[j, i] += dy_ad
                x_ad[j, i] -= share * dx_ad
                y_ad[j, i] -= share * dy_ad
                feedback_ad[0, j, i] -= x[j, i] * dx_ad + y[j, i] * dy_ad
                t2_ad[j, i] += theta_ad + of_t
                q2_ad[j, i] += humidity_ad + of_q
                slp_ad[j, i] += of_p


@kernel
def stress_at_faces_ad(stress_x, stress_y, grid, tau_x_ad, tau_y_ad, stress_x_ad, stress_y_ad):
    """Add the adjoint of the wind stress at U and V points.

    Parameters
    ----------
    stress_x, stress_y : ndarray, shape (nj, ni)
        Stress at T points [N m-2].
    grid : Grid
        Masks.
    tau_x_ad, tau_y_ad : ndarray, shape (nj, ni)
        Adjoint of the stress at U and V points, halo filled.
    stress_x_ad, stress_y_ad : ndarray, shape (nj, ni)
        Adjoint of the stress at T points, added to.
    """
    nj, ni = stress_x.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            east = masked(grid.mask_u[0, j, i], tau_x_ad[j, i])
            west = masked(grid.mask_u[0, j, i - ONE], tau_x_ad[j, i - ONE])
            north = masked(grid.mask_v[0, j, i], tau_y_ad[j, i])
            south = masked(grid.mask_v[0, j - 1, i], tau_y_ad[j - 1, i])
            stress_x_ad[j, i] += HALF * (east + west)
            stress_y_ad[j, i] += HALF * (north + south)


@kernel
def net_fluxes_ad(
    T, heat, evaporation, longwave_down, shortwave_down, precipitation, runoff, emissivity, albedo, grid,
    heat_flux_ad, fresh_water_ad, shortwave_ad,
    T_ad, heat_ad, evaporation_ad, longwave_down_ad, shortwave_down_ad, precipitation_ad, runoff_ad,
    emissivity_ad, albedo_ad,
):  # fmt: skip
    """Add the adjoint of the net fluxes into the sea.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Temperature of the water [degC].
    heat : ndarray, shape (nj, ni)
        Sensible and latent heat into the sea [W m-2].
    evaporation : ndarray, shape (nj, ni)
        Evaporation [kg m-2 s-1].
    longwave_down, shortwave_down : ndarray, shape (nj, ni)
        Radiation from the sky [W m-2].
    precipitation, runoff : ndarray, shape (nj, ni)
        Rain and the water of rivers [m s-1].
    emissivity, albedo : ndarray, shape (1, nj, ni)
        Emissivity of the sea surface for longwave radiation, and its albedo for shortwave radiation [1].
    grid : Grid
        Masks.
    heat_flux_ad, fresh_water_ad, shortwave_ad : ndarray, shape (nj, ni)
        Adjoints of the net fluxes.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the temperature, added to in the first layer.
    heat_ad, evaporation_ad, longwave_down_ad, shortwave_down_ad : ndarray, shape (nj, ni)
        Adjoints of turbulent fluxes and radiation, added to.
    precipitation_ad, runoff_ad : ndarray, shape (nj, ni)
        Adjoints of the fresh water, added to.
    emissivity_ad, albedo_ad : ndarray, shape (1, nj, ni)
        Adjoints of the parameters, added to.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            if grid.mask_t[0, j, i] == 1:
                g, fresh_ad, sun_ad = heat_flux_ad[j, i], fresh_water_ad[j, i], shortwave_ad[j, i]
                T_s = T[0, j, i] + typed(KELVIN, g)
                radiated = typed(STEFAN_BOLTZMANN, g) * ((T_s * T_s) * (T_s * T_s))
                T_ad[0, j, i] -= typed(4.0, g) * emissivity[0, j, i] * (radiated / T_s) * g
                heat_ad[j, i] += g
                evaporation_ad[j, i] -= fresh_ad / typed(FRESH_DENSITY, g)
                longwave_down_ad[j, i] += emissivity[0, j, i] * g
                shortwave_down_ad[j, i] += (typed(1.0, g) - albedo[0, j, i]) * sun_ad
                precipitation_ad[j, i] += fresh_ad
                runoff_ad[j, i] += fresh_ad
                emissivity_ad[0, j, i] += (longwave_down[j, i] - radiated) * g
                albedo_ad[0, j, i] -= shortwave_down[j, i] * sun_ad
