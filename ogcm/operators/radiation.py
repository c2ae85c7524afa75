"""Shortwave radiation from the sky, and the humidity of the air, from what weather data hold.

Shortwave radiation from the cloud cover c [1] (Reed 1977, doi 10.1175/1520-0485(1977)007<0482:OEIOTO>2.0.CO;2, eq. 1),
with that of a clear sky and the altitude of the sun at noon beta [degrees] (`ogcm.sunshine`):

    shortwave_down = clear_sky min(1 - 0.62 c + 0.0019 beta, 1)                     [W m-2]

Longwave radiation: `ogcm.operators.longwave`. The specific humidity of the air follows from its dew point
(`saturation_pressure` and `specific_humidity` in `ogcm.operators.surface_layer`, as ECMWF uses them).

Adjoint: the derivative of each formula times the adjoint of its result. min takes the derivative of its first argument
where both are equal.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, point, smaller, typed
from ogcm.operators.surface_layer import saturation_pressure, specific_humidity


@point
def transmission_of_reed(noon_altitude, cloud):
    """Return 1 - 0.62 c + 0.0019 beta."""
    return typed(1.0, cloud) - typed(0.62, cloud) * cloud + typed(0.0019, cloud) * noon_altitude


@point
def cloud_transmission(noon_altitude, cloud):
    """Return the fraction of the radiation of a clear sky that clouds let through, at most 1."""
    fraction = transmission_of_reed(noon_altitude, cloud)
    return smaller(fraction, typed(1.0, cloud) + typed(0.0, cloud) * fraction)


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
                q2[j, i] = specific_humidity(saturation_pressure(d2[j, i]), slp[j, i])
