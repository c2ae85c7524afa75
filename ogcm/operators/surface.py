"""Forcing at the surface: the stress of the wind, and fluxes of heat, salt and fresh water.

    du/dt_0     += tau_x / (rho0 h_u s_u)                                           [m s-2]
    d(hT)/dt_0  += flux + rate (T_star - T_0) + fresh_factor P T_0                         [K m s-1]

flux is heat_flux/(rho0 c_p) for temperature, 0 for salinity; P the fresh water [m s-1]. Rain falls
at the temperature of the sea and carries no salt: fresh_factor is 1 for temperature and 0 for salinity
where the layers follow the surface. With the linear free surface the volume stays, so that fresh_factor
is 0 for temperature and -1 for salinity (the virtual salt flux).

Sea ice and brine are not modelled. Where a run asks for it (`freezing`), the water is held above its freezing
point instead. Where MITgcm's `allowFreezing` cuts the temperature off, here a flux that cools fades out:

    held = r flux,   r = x^2 (3 - 2x),   x = (T_0 - T_freezing)/FADING between 0 and 1   where flux < 0; r = 1 elsewhere

so that heat is taken out only where the water is above its freezing point; warmer water keeps its bits.

Adjoint: tau_x_ad += G_ad/(rho0 h_u s_u), s_u_ad -= G_ad tau_x/(rho0 h_u s_u^2); flux_ad += g, T_star_ad += rate g,
rate_ad += (T_star - T_0) g, T_ad_0 += (fresh_factor P - rate) g, P_ad += fresh_factor T_0 g, with g = out_ad_0.
For held: flux_ad += r held_ad; where flux < 0, with t = 6 x (1 - x)/FADING flux held_ad: T_ad_0 += t and
T_freezing_ad -= t. r has a continuous derivative in T_0; the kink at flux = 0 takes the derivative of the warming side.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, larger, point, smaller, typed

FADING = 0.2  # above the freezing point, where cooling fades [K]


@kernel
def wind_stress(tau_x, tau_y, s_u, s_v, grid, G_u, G_v):
    """Add the acceleration of the first layer by the wind.

    Parameters
    ----------
    tau_x, tau_y : ndarray, shape (nj, ni)
        Wind stress at U and V points [N m-2].
    s_u, s_v : ndarray, shape (nj, ni)
        Stretching of the layers at U and V points [1].
    grid : Grid
        Metric terms and masks.
    G_u, G_v : ndarray, shape (nk, nj, ni)
        Acceleration at U and V points [m s-2]; the result is added in the first layer of the interior.
    """
    nj, ni = tau_x.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            G_u[0, j, i] += grid.mask_u[0, j, i] * tau_x[j, i] / (grid.rho0 * grid.h_u[0, j, i] * s_u[j, i])
            G_v[0, j, i] += grid.mask_v[0, j, i] * tau_y[j, i] / (grid.rho0 * grid.h_v[0, j, i] * s_v[j, i])


@kernel
def surface_flux(T, flux, T_star, rate, fresh, fresh_factor, grid, out):
    """Add the surface flux, the restoring and the content of the fresh water to the tendency of the first layer.

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
        Content of the fresh water relative to T_0 [1]: 1, 0 or -1 as above.
    grid : Grid
        Metric terms and masks.
    out : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendency [K m s-1]; the result is added in the first layer of the interior.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            restoring = rate[j, i] * (T_star[j, i] - T[0, j, i])
            gain = flux[j, i] + restoring + fresh_factor * fresh[j, i] * T[0, j, i]
            out[0, j, i] += grid.mask_t[0, j, i] * gain


@point
def cooling_fraction(T, T_freezing):
    """Return the fraction r of the cooling that the water can give [1]: 1 in warm water, 0 at the freezing point."""
    zero = typed(0.0, T_freezing) * T
    x = smaller(larger((T - T_freezing) / typed(FADING, T_freezing), zero), zero + typed(1.0, T_freezing))
    return x * x * (typed(3.0, T_freezing) - x - x)


@kernel
def hold_above_freezing(T, flux, T_freezing, grid, held):
    """Compute the heat flux without the part that would cool the water below its freezing point.

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
    held : ndarray, shape (nj, ni)
        The flux that acts [K m s-1], written on the interior.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            cools = flux[j, i].real < 0
            held[j, i] = flux[j, i] * cooling_fraction(T[0, j, i], T_freezing[0, j, i]) if cools else flux[j, i]
