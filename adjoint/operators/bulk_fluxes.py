"""The adjoint of the bulk formulae: `ogcm.operators.bulk_fluxes`.

    stress_x = d push dx, ...       push_ad = d (dx stress_x_ad + dy stress_y_ad),  dx_ad = d push stress_x_ad
    heat = s sensible - D latent    sensible_ad = s heat_ad,  latent_ad = -D heat_ad
    evaporation = D evaporated      evaporated_ad = D evaporation_ad

of which the adjoint of the algorithm (`adjoint.operators.ncar`, `adjoint.operators.coare`) makes W2_ad, that of the
squared wind dx^2 + dy^2, and the adjoints of water and air: dx_ad += 2 dx W2_ad.
"""

from collections.abc import Callable

import numpy as np
from numba import prange

from adjoint.operators.coare import coare_ad
from adjoint.operators.ncar import ncar_ad
from ogcm.backend import HALF, HALO, ONE, kernel, point, typed
from ogcm.operators.bulk_fluxes import FRESH_DENSITY, STEFAN_BOLTZMANN
from ogcm.operators.stencils import masked
from ogcm.operators.surface_layer import KELVIN


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


@point
def turbulent_fluxes_ad(
    T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, z_q, grid,
    stress_x_ad, stress_y_ad, heat_ad, evaporation_ad,
    T_ad, x_ad, y_ad, u10_ad, v10_ad, t2_ad, q2_ad, slp_ad, drag_ad, stanton_factor_ad, dalton_factor_ad, feedback_ad,
    algorithm_ad, j, i,
):  # fmt: skip
    """Add the adjoint of the turbulent fluxes at a T point; arguments as in `turbulent_fluxes_ncar_ad`."""
    # The algorithm is not the first argument: Numba passes more than 30 as a tuple, and takes its type from the first.
    if grid.mask_t[0, j, i] == 1:
        share = feedback[0, j, i]
        dx, dy = u10[j, i] - share * x[j, i], v10[j, i] - share * y[j, i]
        along = dx * stress_x_ad[j, i] + dy * stress_y_ad[j, i]
        warm_ad, vapour_ad = heat_ad[j, i], evaporation_ad[j, i]
        fluxes_ad = (
            drag[0, j, i] * along, stanton_factor[0, j, i] * warm_ad,
            -dalton_factor[0, j, i] * warm_ad, dalton_factor[0, j, i] * vapour_ad,
        )  # fmt: skip
        fluxes, inputs_ad = algorithm_ad(
            dx * dx + dy * dy, T[0, j, i], t2[j, i], q2[j, i], slp[j, i], z_u, z_t, z_q, fluxes_ad
        )
        push, sensible, latent, evaporated = fluxes
        W2_ad, of_T, of_t, of_q, of_p = inputs_ad
        drag_ad[0, j, i] += push * along
        stanton_factor_ad[0, j, i] += sensible * warm_ad
        dalton_factor_ad[0, j, i] += evaporated * vapour_ad - latent * warm_ad
        dx_ad = drag[0, j, i] * push * stress_x_ad[j, i] + (dx + dx) * W2_ad
        dy_ad = drag[0, j, i] * push * stress_y_ad[j, i] + (dy + dy) * W2_ad
        T_ad[0, j, i] += of_T
        u10_ad[j, i] += dx_ad
        v10_ad[j, i] += dy_ad
        x_ad[j, i] -= share * dx_ad
        y_ad[j, i] -= share * dy_ad
        feedback_ad[0, j, i] -= x[j, i] * dx_ad + y[j, i] * dy_ad
        t2_ad[j, i] += of_t
        q2_ad[j, i] += of_q
        slp_ad[j, i] += of_p


@kernel
def turbulent_fluxes_ncar_ad(
    T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, z_q, grid,
    stress_x_ad, stress_y_ad, heat_ad, evaporation_ad,
    T_ad, x_ad, y_ad, u10_ad, v10_ad, t2_ad, q2_ad, slp_ad, drag_ad, stanton_factor_ad, dalton_factor_ad, feedback_ad,
):  # fmt: skip
    """Add the adjoint of the turbulent fluxes by the algorithm of NCAR.

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
            turbulent_fluxes_ad(
                T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, z_q,
                grid, stress_x_ad, stress_y_ad, heat_ad, evaporation_ad,
                T_ad, x_ad, y_ad, u10_ad, v10_ad, t2_ad, q2_ad, slp_ad,
                drag_ad, stanton_factor_ad, dalton_factor_ad, feedback_ad, ncar_ad, j, np.uintp(ii),
            )  # fmt: skip


@kernel
def turbulent_fluxes_coare_ad(
    T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, z_q, grid,
    stress_x_ad, stress_y_ad, heat_ad, evaporation_ad,
    T_ad, x_ad, y_ad, u10_ad, v10_ad, t2_ad, q2_ad, slp_ad, drag_ad, stanton_factor_ad, dalton_factor_ad, feedback_ad,
):  # fmt: skip
    """Add the adjoint of the turbulent fluxes by COARE.

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
            turbulent_fluxes_ad(
                T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, z_q,
                grid, stress_x_ad, stress_y_ad, heat_ad, evaporation_ad,
                T_ad, x_ad, y_ad, u10_ad, v10_ad, t2_ad, q2_ad, slp_ad,
                drag_ad, stanton_factor_ad, dalton_factor_ad, feedback_ad, coare_ad, j, np.uintp(ii),
            )  # fmt: skip


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


TURBULENT_FLUXES_AD: dict[str, Callable[..., None]] = {
    "ncar": turbulent_fluxes_ncar_ad,
    "coare": turbulent_fluxes_coare_ad,
}
