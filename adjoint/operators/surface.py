"""Adjoint of `ogcm/operators/surface.py`.

wind_stress          G_0 += mask tau_x/(rho0 h_u s_u)       tau_x_ad += w,  s_u_ad -= w tau_x/s_u,
                                                            w = mask G_ad_0/(rho0 h_u s_u)

hold_above_freezing  held = r(T_0 - T_freezing) flux        where flux < 0, else flux;  x = (T_0 - T_freezing)/FADING,
                     r = x^2 (3 - 2 x) for 0 < x < 1:       flux_ad += r held_ad,  t = 6 x (1 - x)/FADING flux held_ad,
                                                            T_ad_0 += t,  T_freezing_ad -= t

surface_flux         out_0 += mask [ flux + rate (T_star - T_0) + fresh_factor P T_0 ];   with g = mask out_ad_0:
                     flux_ad += g,  T_star_ad += rate g,  rate_ad += (T_star - T_0) g,
                     T_ad_0 += (fresh_factor P - rate) g,  P_ad += fresh_factor T_0 g

Kink: flux = 0 takes the derivative of the warming side. r has a continuous derivative (0 at x = 0 and 1).
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, point, typed
from ogcm.operators.stencils import masked
from ogcm.operators.surface import FADING, cooling_fraction


@kernel
def wind_stress_ad(tau_x, tau_y, s_u, s_v, grid, G_u_ad, G_v_ad, tau_x_ad, tau_y_ad, s_u_ad, s_v_ad):
    """Add the adjoint of the wind stress.

    Parameters
    ----------
    tau_x, tau_y : ndarray, shape (nj, ni)
        Wind stress at U and V points [N m-2].
    s_u, s_v : ndarray, shape (nj, ni)
        Stretching of the layers at U and V points [1].
    grid : Grid
        Metric terms and masks.
    G_u_ad, G_v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the acceleration.
    tau_x_ad, tau_y_ad : ndarray, shape (nj, ni)
        Adjoint of the wind stress, added to.
    s_u_ad, s_v_ad : ndarray, shape (nj, ni)
        Adjoint of the stretching, added to.
    """
    nj, ni = tau_x.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            open_u, open_v = grid.mask_u[0, j, i], grid.mask_v[0, j, i]
            w_u = G_u_ad[0, j, i] / (grid.rho0 * grid.h_u[0, j, i] * s_u[j, i])
            w_v = G_v_ad[0, j, i] / (grid.rho0 * grid.h_v[0, j, i] * s_v[j, i])
            tau_x_ad[j, i] += masked(open_u, w_u)
            tau_y_ad[j, i] += masked(open_v, w_v)
            s_u_ad[j, i] -= masked(open_u, w_u * tau_x[j, i] / s_u[j, i])
            s_v_ad[j, i] -= masked(open_v, w_v * tau_y[j, i] / s_v[j, i])


@point
def cooling_fraction_ad(T, T_freezing):
    """Return dr/dT [K-1]."""
    fading, one, zero = typed(FADING, T), typed(1.0, T), typed(0.0, T)
    x = min(max((T - T_freezing) / fading, zero), one)
    return typed(6.0, T) * x * (one - x) / fading


@kernel
def hold_above_freezing_ad(T, flux, T_freezing, grid, held_ad, T_ad, flux_ad, T_freezing_ad):
    """Add the adjoint of the heat flux that is held above the freezing point.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Conservative temperature [degC].
    flux : ndarray, shape (nj, ni)
        Flux into the ocean [K m s-1].
    T_freezing : ndarray, shape (1, nj, ni)
        Freezing point [degC].
    grid : Grid
        Metric terms and masks.
    held_ad : ndarray, shape (nj, ni)
        Adjoint of the flux that acts.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the temperature, added to in the first layer.
    flux_ad : ndarray, shape (nj, ni)
        Adjoint of the flux, added to.
    T_freezing_ad : ndarray, shape (1, nj, ni)
        Adjoint of the freezing point, added to.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            water = grid.mask_t[0, j, i] == 1
            cools = water and flux[j, i] < 0
            faded = cooling_fraction(T[0, j, i], T_freezing[0, j, i]) * held_ad[j, i]
            slope = cooling_fraction_ad(T[0, j, i], T_freezing[0, j, i]) * flux[j, i] * held_ad[j, i]
            flux_ad[j, i] += masked(water, faded if cools else held_ad[j, i])
            T_ad[0, j, i] += masked(cools, slope)
            T_freezing_ad[0, j, i] -= masked(cools, slope)


@kernel
def surface_flux_ad(
    T, flux, T_star, rate, fresh, fresh_factor, grid, out_ad, T_ad, flux_ad, T_star_ad, rate_ad, fresh_ad
):  # fmt: skip
    """Add the adjoint of the surface flux.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Tracer [degC or g kg-1].
    flux : ndarray, shape (nj, ni)
        Flux into the ocean [K m s-1].
    T_star : ndarray, shape (nj, ni)
        Value to which the surface is restored [degC or g kg-1].
    rate : ndarray, shape (nj, ni)
        Piston velocity of the restoring [m s-1].
    fresh : ndarray, shape (nj, ni)
        Fresh water [m s-1].
    fresh_factor : float
        Content of the fresh water relative to T_0 [1].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to in the first layer.
    flux_ad, T_star_ad, rate_ad, fresh_ad : ndarray, shape (nj, ni)
        Adjoints of the inputs, added to.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            water, g = grid.mask_t[0, j, i], out_ad[0, j, i]
            flux_ad[j, i] += masked(water, g)
            T_star_ad[j, i] += masked(water, rate[j, i] * g)
            rate_ad[j, i] += masked(water, (T_star[j, i] - T[0, j, i]) * g)
            T_ad[0, j, i] += masked(water, (fresh_factor * fresh[j, i] - rate[j, i]) * g)
            fresh_ad[j, i] += masked(water, fresh_factor * T[0, j, i] * g)
