"""Bulk formulae: the turbulent fluxes between atmosphere and ocean, from the air and the sea surface.

With the wind relative to the current, (dx, dy) = (u10 - f u, v10 - f v), an algorithm (`ogcm.operators.ncar`,
`ogcm.operators.coare`) gives a push, and sensible heat, latent heat and evaporation, of which

    stress = d push (dx, dy)                                                      [N m-2]
    evaporation = D evaporated                                                    [kg m-2 s-1]
    heat = s sensible - D latent                                                  [W m-2], into the sea

with the factors d of the drag, s of the Stanton number and D of the Dalton number. The net fluxes into the sea add
radiation and fresh water:

    heat_flux = heat + emissivity (longwave - sigma T_s^4),   fresh_water = precipitation + runoff - evaporation/1000,
    shortwave = (1 - albedo) shortwave_down

Adjoint: `adjoint.operators.bulk_fluxes`.
"""

from collections.abc import Callable

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, typed
from ogcm.operators.coare import coare
from ogcm.operators.ncar import ncar
from ogcm.operators.surface_layer import KELVIN

FRESH_DENSITY = 1000.0  # of fresh water [kg m-3]
STEFAN_BOLTZMANN = 5.67e-8  # sigma [W m-2 K-4]


@kernel
def current_at_cells(u, v, grid, x, y):
    """Compute the surface current at T points.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Masks.
    x, y : ndarray, shape (nj, ni)
        Mean of the two faces [m s-1], written on the interior; 0 on land.
    """
    _, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            x[j, i] = grid.mask_t[0, j, i] * (HALF * (u[0, j, i] + u[0, j, i - ONE]))
            y[j, i] = grid.mask_t[0, j, i] * (HALF * (v[0, j, i] + v[0, j - 1, i]))


@point
def turbulent_fluxes(
    T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, z_q, grid,
    stress_x, stress_y, heat, evaporation, algorithm, j, i,
):  # fmt: skip
    """Write the turbulent fluxes of an algorithm at a T point; arguments as in `turbulent_fluxes_ncar`."""
    stress_x[j, i] = stress_y[j, i] = heat[j, i] = evaporation[j, i] = 0
    if grid.mask_t[0, j, i] == 1:
        dx, dy = u10[j, i] - feedback[0, j, i] * x[j, i], v10[j, i] - feedback[0, j, i] * y[j, i]
        push, sensible, latent, evaporated = algorithm(
            dx * dx + dy * dy, T[0, j, i], t2[j, i], q2[j, i], slp[j, i], z_u, z_t, z_q
        )
        stress_x[j, i] = drag[0, j, i] * push * dx
        stress_y[j, i] = drag[0, j, i] * push * dy
        heat[j, i] = stanton_factor[0, j, i] * sensible - dalton_factor[0, j, i] * latent
        evaporation[j, i] = dalton_factor[0, j, i] * evaporated


@kernel
def turbulent_fluxes_ncar(
    T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, z_q, grid,
    stress_x, stress_y, heat, evaporation,
):  # fmt: skip
    """Compute the turbulent fluxes at T points by the algorithm of NCAR.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Temperature of the water [degC].
    x, y : ndarray, shape (nj, ni)
        Surface current at T points [m s-1].
    u10, v10 : ndarray, shape (nj, ni)
        Wind at the height z_u [m s-1].
    t2, q2 : ndarray, shape (nj, ni)
        Temperature [degC] and specific humidity [1] of the air at the heights z_t and z_q.
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    drag, stanton_factor, dalton_factor : ndarray, shape (1, nj, ni)
        Factors of C_D, C_H and C_E [1].
    feedback : ndarray, shape (1, nj, ni)
        Fraction f of the current that is taken from the wind [1].
    z_u, z_t, z_q : float
        Heights of the wind, and of the air's temperature and humidity [m].
    grid : Grid
        Masks.
    stress_x, stress_y : ndarray, shape (nj, ni)
        Stress of the wind on the water at T points [N m-2], written on the interior; 0 on land.
    heat : ndarray, shape (nj, ni)
        Sensible and latent heat into the sea [W m-2], likewise.
    evaporation : ndarray, shape (nj, ni)
        Evaporation [kg m-2 s-1], likewise.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            turbulent_fluxes(
                T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, z_q, grid,
                stress_x, stress_y, heat, evaporation, ncar, j, np.uintp(ii),
            )  # fmt: skip


@kernel
def turbulent_fluxes_coare(
    T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, z_q, grid,
    stress_x, stress_y, heat, evaporation,
):  # fmt: skip
    """Compute the turbulent fluxes at T points by COARE.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Temperature of the water [degC].
    x, y : ndarray, shape (nj, ni)
        Surface current at T points [m s-1].
    u10, v10 : ndarray, shape (nj, ni)
        Wind at the height z_u [m s-1].
    t2, q2 : ndarray, shape (nj, ni)
        Temperature [degC] and specific humidity [1] of the air at the heights z_t and z_q.
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    drag, stanton_factor, dalton_factor : ndarray, shape (1, nj, ni)
        Factors of C_D, C_H and C_E [1].
    feedback : ndarray, shape (1, nj, ni)
        Fraction f of the current that is taken from the wind [1].
    z_u, z_t, z_q : float
        Heights of the wind, and of the air's temperature and humidity [m].
    grid : Grid
        Masks.
    stress_x, stress_y : ndarray, shape (nj, ni)
        Stress of the wind on the water at T points [N m-2], written on the interior; 0 on land.
    heat : ndarray, shape (nj, ni)
        Sensible and latent heat into the sea [W m-2], likewise.
    evaporation : ndarray, shape (nj, ni)
        Evaporation [kg m-2 s-1], likewise.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            turbulent_fluxes(
                T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, z_q, grid,
                stress_x, stress_y, heat, evaporation, coare, j, np.uintp(ii),
            )  # fmt: skip


@kernel
def stress_at_faces(stress_x, stress_y, grid, tau_x, tau_y):
    """Compute the wind stress at U and V points.

    Parameters
    ----------
    stress_x, stress_y : ndarray, shape (nj, ni)
        Stress at T points [N m-2].
    grid : Grid
        Masks.
    tau_x, tau_y : ndarray, shape (nj, ni)
        Mean of the two cells [N m-2], written on the interior; 0 on closed faces.
    """
    nj, ni = stress_x.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            tau_x[j, i] = grid.mask_u[0, j, i] * (HALF * (stress_x[j, i] + stress_x[j, i + ONE]))
            tau_y[j, i] = grid.mask_v[0, j, i] * (HALF * (stress_y[j, i] + stress_y[j + 1, i]))


@kernel
def net_fluxes(
    T, heat, evaporation, longwave_down, shortwave_down, precipitation, runoff, emissivity, albedo, grid,
    heat_flux, fresh_water, shortwave,
):  # fmt: skip
    """Compute the net fluxes into the sea from turbulent fluxes, radiation and fresh water.

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
    heat_flux : ndarray, shape (nj, ni)
        Heat flux into the sea without shortwave radiation [W m-2], written on the interior; 0 on land.
    fresh_water : ndarray, shape (nj, ni)
        Precipitation and runoff minus evaporation [m s-1], likewise.
    shortwave : ndarray, shape (nj, ni)
        Shortwave radiation that enters the sea [W m-2], likewise.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            heat_flux[j, i] = fresh_water[j, i] = shortwave[j, i] = 0
            if grid.mask_t[0, j, i] == 1:
                T_s = T[0, j, i] + typed(KELVIN, T[0, j, i])
                radiated = typed(STEFAN_BOLTZMANN, T_s) * ((T_s * T_s) * (T_s * T_s))
                heat_flux[j, i] = heat[j, i] + emissivity[0, j, i] * (longwave_down[j, i] - radiated)
                supply = precipitation[j, i] + runoff[j, i]
                fresh_water[j, i] = supply - evaporation[j, i] / typed(FRESH_DENSITY, T_s)
                shortwave[j, i] = (typed(1.0, T_s) - albedo[0, j, i]) * shortwave_down[j, i]


TURBULENT_FLUXES: dict[str, Callable[..., None]] = {
    "ncar": turbulent_fluxes_ncar,
    "coare": turbulent_fluxes_coare,
}
