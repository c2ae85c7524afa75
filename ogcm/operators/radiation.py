"""Radiation from the sky, and the humidity of the air, from what weather data hold.

Shortwave radiation from the cloud cover c [1] (Reed 1977, doi 10.1175/1520-0485(1977)007<0482:OEIOTO>2.0.CO;2, eq. 1),
with that of a clear sky and the altitude of the sun at noon beta [degrees] (`ogcm.sunshine`):

    shortwave_down = clear_sky min(1 - 0.62 c + 0.0019 beta, 1)                     [W m-2]

Longwave radiation from the temperature t [K] and the vapour pressure e [hPa] of the air (Bignami et al. 1995, doi
10.1029/94JC02496, for the Mediterranean): the sea loses 0.98 sigma T_s^4 - L, with

    L = sigma t^4 (0.653 + 0.00535 e)(1 + 0.1762 c^2),      longwave_down = L/0.98,

of which the sea absorbs the fraction 0.98, its emissivity. The specific humidity at the dew point d [degC] under the
pressure p (Buck 1981, doi 10.1175/1520-0450(1981)020<1527:NEFCVP>2.0.CO;2, as ECMWF uses it for saturation over water):

    q = 0.622 e/(p - 0.378 e),   e = 611.21 exp(17.502 d/(240.97 + d))              [Pa]

Adjoint: the derivative of each formula times the adjoint of its result. min takes the derivative of its first argument
where both are equal.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, exponential, kernel, point, smaller, typed
from ogcm.operators.bulk_fluxes import KELVIN, STEFAN_BOLTZMANN

EMISSIVITY = 0.98  # of the sea surface (Bignami et al. 1995)
BUCK, STEEPNESS, CENTRE = 611.21, 17.502, 240.97  # [Pa], [1], [K]
DRY, VAPOUR_PART = 0.622, 0.378  # ratio of the gas constants of dry air and vapour, and 1 less this ratio [1]


@point
def transmission_of_reed(noon_altitude, cloud):
    """Return 1 - 0.62 c + 0.0019 beta."""
    return typed(1.0, cloud) - typed(0.62, cloud) * cloud + typed(0.0019, cloud) * noon_altitude


@point
def cloud_transmission(noon_altitude, cloud):
    """Return the fraction of the radiation of a clear sky that clouds let through, at most 1."""
    fraction = transmission_of_reed(noon_altitude, cloud)
    return smaller(fraction, typed(1.0, cloud) + typed(0.0, cloud) * fraction)


@point
def vapour_pressure(q, p):
    """Return the vapour pressure [hPa] from specific humidity and pressure [Pa]."""
    return typed(0.01, q) * q * p / (typed(DRY, q) + typed(VAPOUR_PART, q) * q)


@point
def pressure_at_dew_point(d):
    """Return the vapour pressure e at the dew point d [Pa]."""
    return typed(BUCK, d) * exponential(typed(STEEPNESS, d) * d / (typed(CENTRE, d) + d))


@kernel
def reed_shortwave(clear_sky, noon_altitude, cloud, grid, shortwave_down):
    """Compute the shortwave radiation under clouds.

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
    shortwave_down : ndarray, shape (nj, ni)
        Shortwave radiation [W m-2], written on the interior; 0 on land.
    """
    nj, ni = cloud.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            shortwave_down[j, i] = 0
            if grid.mask_t[0, j, i] == 1:
                shortwave_down[j, i] = clear_sky[j, i] * cloud_transmission(noon_altitude[j, i], cloud[j, i])


@kernel
def bignami_longwave(t2, q2, slp, cloud, grid, longwave_down):
    """Compute the longwave radiation of the sky.

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
    longwave_down : ndarray, shape (nj, ni)
        Longwave radiation [W m-2], written on the interior; 0 on land.
    """
    nj, ni = t2.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            longwave_down[j, i] = 0
            if grid.mask_t[0, j, i] == 1:
                t = t2[j, i] + typed(KELVIN, t2[j, i])
                black = typed(STEFAN_BOLTZMANN / EMISSIVITY, t) * ((t * t) * (t * t))
                clear = typed(0.653, t) + typed(0.00535, t) * vapour_pressure(q2[j, i], slp[j, i])
                longwave_down[j, i] = black * clear * (typed(1.0, t) + typed(0.1762, t) * (cloud[j, i] * cloud[j, i]))


@kernel
def dew_point_humidity(d2, slp, grid, q2):
    """Compute the specific humidity of the air from its dew point.

    Parameters
    ----------
    d2 : ndarray, shape (nj, ni)
        Dew point [degC].
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    grid : Grid
        Masks.
    q2 : ndarray, shape (nj, ni)
        Specific humidity [1], written on the interior; 0 on land.
    """
    nj, ni = d2.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            q2[j, i] = 0
            if grid.mask_t[0, j, i] == 1:
                e = pressure_at_dew_point(d2[j, i])
                q2[j, i] = typed(DRY, e) * e / (slp[j, i] - typed(VAPOUR_PART, e) * e)
