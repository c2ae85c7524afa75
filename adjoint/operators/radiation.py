"""The adjoint of radiation and humidity: `ogcm.operators.radiation`.

    shortwave_down = clear f,  f = min(1 - 0.62 c + 0.0019 beta, 1)
        clear_ad += f g;  where the first argument is the smaller, c_ad -= 0.62 clear g and beta_ad += 0.0019 clear g
    longwave_down = B C K,  B = sigma t^4/0.98,  C = 0.653 + 0.00535 e,  K = 1 + 0.1762 c^2
        t_ad += 4/t B C K g,  c_ad += 0.3524 c B C g,  e_ad = 0.00535 B K g
        e = 0.01 q p/w,  w = 0.622 + 0.378 q:  p_ad += e/p e_ad,  q_ad += 0.01 0.622 p/w^2 e_ad
    q = 0.622 e/s,  s = p - 0.378 e,  e = 611.21 exp(17.502 d/(240.97 + d))
        p_ad -= q/s g,  d_ad += 0.622 p/s^2 e 17.502 240.97/(240.97 + d)^2 g

with g the adjoint of the result. Kink: both arguments of min equal, where the first one is taken.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, typed
from ogcm.operators.bulk_fluxes import KELVIN, STEFAN_BOLTZMANN
from ogcm.operators.radiation import (
    CENTRE,
    DRY,
    EMISSIVITY,
    STEEPNESS,
    VAPOUR_PART,
    cloud_transmission,
    pressure_at_dew_point,
    transmission_of_reed,
    vapour_pressure,
)


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
def bignami_longwave_ad(t2, q2, slp, cloud, grid, longwave_down_ad, t2_ad, q2_ad, slp_ad, cloud_ad):
    """Add the adjoint of the longwave radiation of the sky.

    Parameters
    ----------
    t2, q2 : ndarray, shape (nj, ni)
        Temperature [degC] and specific humidity [1] of the air.
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    cloud : ndarray, shape (nj, ni)
        Cloud cover [1].
    grid : Grid
        Masks.
    longwave_down_ad : ndarray, shape (nj, ni)
        Adjoint of the longwave radiation.
    t2_ad, q2_ad, slp_ad, cloud_ad : ndarray, shape (nj, ni)
        Adjoints of the inputs, added to.
    """
    nj, ni = t2.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            if grid.mask_t[0, j, i] == 1:
                g, q, p, c = longwave_down_ad[j, i], q2[j, i], slp[j, i], cloud[j, i]
                t, e, dry = t2[j, i] + typed(KELVIN, g), vapour_pressure(q, p), typed(DRY, g)
                black = typed(STEFAN_BOLTZMANN / EMISSIVITY, g) * ((t * t) * (t * t))
                clear = typed(0.653, g) + typed(0.00535, g) * e
                covered = typed(1.0, g) + typed(0.1762, g) * (c * c)
                e_ad = typed(0.00535, g) * black * covered * g
                moist = dry + typed(VAPOUR_PART, g) * q
                t2_ad[j, i] += typed(4.0, g) / t * black * clear * covered * g
                cloud_ad[j, i] += typed(2 * 0.1762, g) * c * black * clear * g
                slp_ad[j, i] += e / p * e_ad
                q2_ad[j, i] += typed(0.01, g) * p * dry / (moist * moist) * e_ad


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
                e, d = pressure_at_dew_point(d2[j, i]), d2[j, i] + typed(CENTRE, q2_ad[j, i])
                s = slp[j, i] - typed(VAPOUR_PART, e) * e
                g = typed(DRY, e) / (s * s) * q2_ad[j, i]
                slp_ad[j, i] -= e * g
                d2_ad[j, i] += slp[j, i] * e * typed(STEEPNESS * CENTRE, e) / (d * d) * g
