"""What enters through the surface: the stress of the wind; heat, salt and fresh water.

    du/dt_0     += tau_x / (rho0 h_u s_u)                                           [m s-2]
    d(hT)/dt_0  += flux + rate (T_star - T_0) + share P T_0                         [K m s-1]

flux is heat_flux/(rho0 c_p) for temperature, 0 for salinity; P the fresh water [m s-1]. Rain falls
at the temperature of the sea and carries no salt: share is 1 for temperature and 0 for salinity
where the layers follow the surface. With the linear free surface the volume stays, so that share
is 0 for temperature and -1 for salinity (the virtual salt flux).

Adjoint: tau_x_ad += G_ad/(rho0 h_u s_u), s_u_ad -= G_ad tau_x/(rho0 h_u s_u^2); flux_ad += g, T_star_ad += rate g,
rate_ad += (T_star - T_0) g, T_ad_0 += (share P - rate) g, P_ad += share T_0 g, with g = out_ad_0.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, typed
from ogcm.constants import RHO0


@kernel
def wind_stress(tau_x, tau_y, s_u, s_v, grid, G_u, G_v):
    """Adds the stress tau_x, tau_y (nj, ni) [N m-2] to the acceleration of the first layer."""
    nj, ni = tau_x.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            rho0 = typed(RHO0, grid.dx_u[j, i])
            G_u[0, j, i] += grid.mask_u[0, j, i] * tau_x[j, i] / (rho0 * grid.h_u[0, j, i] * s_u[j, i])
            G_v[0, j, i] += grid.mask_v[0, j, i] * tau_y[j, i] / (rho0 * grid.h_v[0, j, i] * s_v[j, i])


@kernel
def surface_flux(T, flux, T_star, rate, fresh, share, grid, out):
    """Adds flux, restoring and the content of the fresh water to the first layer's tendency [K m s-1]."""
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            restoring = rate[j, i] * (T_star[j, i] - T[0, j, i])
            gain = flux[j, i] + restoring + share * fresh[j, i] * T[0, j, i]
            out[0, j, i] += grid.mask_t[0, j, i] * gain
