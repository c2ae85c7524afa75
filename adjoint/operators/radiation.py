"""The adjoint of shortwave radiation and humidity: `ogcm.operators.radiation`.

    shortwave_down = clear f,  f = min(1 - 0.62 c + 0.0019 beta, 1)
        clear_ad += f g;  where the first argument is the smaller, c_ad -= 0.62 clear g and beta_ad += 0.0019 clear g
    q of e, e of d in `adjoint.operators.surface_layer`:  d_ad += de/dd e_ad

with g the adjoint of the result. Kink: both arguments of min equal, where the first one is taken.
"""

import numpy as np
from numba import prange

from adjoint.operators.surface_layer import saturation_slope, specific_humidity_ad
from ogcm.backend import HALO, kernel, typed
from ogcm.operators.radiation import cloud_transmission, transmission_of_reed
from ogcm.operators.surface_layer import saturation_pressure


@kernel
def reed_shortwave_ad(
    clear_sky, noon_altitude, cloud, grid, shortwave_down_ad, clear_sky_ad, noon_altitude_ad, cloud_ad
):
    """Add the adjoint of the shortwave radiation under clouds.

    Parameters
    ----------
    clear_sky : ndarray, shape (nj, ni)
        Shortwave radiation of a clear sky [W m-2].
    noon_altitude : ndarray, shape (nj, ni)
        Altitude of the sun at noon [degrees].
    cloud : ndarray, shape (nj, ni)
        Cloud cover [1].
    grid : Grid
        Masks.
    shortwave_down_ad : ndarray, shape (nj, ni)
        Adjoint of the shortwave radiation.
    clear_sky_ad, noon_altitude_ad, cloud_ad : ndarray, shape (nj, ni)
        Adjoints of the inputs, added to.
    """
    nj, ni = cloud.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            if grid.mask_t[0, j, i] == 1:
                g, c, beta = shortwave_down_ad[j, i], cloud[j, i], noon_altitude[j, i]
                clear_sky_ad[j, i] += cloud_transmission(beta, c) * g
                of_cloud = clear_sky[j, i] * g if transmission_of_reed(beta, c) <= 1 else typed(0.0, c)
                cloud_ad[j, i] -= typed(0.62, c) * of_cloud
                noon_altitude_ad[j, i] += typed(0.0019, c) * of_cloud


@kernel
def dew_point_humidity_ad(d2, slp, grid, q2_ad, d2_ad, slp_ad):
    """Add the adjoint of the specific humidity of the air.

    Parameters
    ----------
    d2 : ndarray, shape (nj, ni)
        Dew point [degC].
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    grid : Grid
        Masks.
    q2_ad : ndarray, shape (nj, ni)
        Adjoint of the specific humidity.
    d2_ad, slp_ad : ndarray, shape (nj, ni)
        Adjoints of the inputs, added to.
    """
    nj, ni = d2.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            if grid.mask_t[0, j, i] == 1:
                e_ad, p_ad = specific_humidity_ad(saturation_pressure(d2[j, i]), slp[j, i], q2_ad[j, i])
                slp_ad[j, i] += p_ad
                d2_ad[j, i] += saturation_slope(d2[j, i]) * e_ad
