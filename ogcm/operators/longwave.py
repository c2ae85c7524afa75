"""Longwave radiation of the sky from weather data, by the formula of a name.

Each formula is published for the net loss Q of the sea with an emissivity eps of 0.98. longwave_down is what makes
Q = eps (sigma T_s^4 - longwave_down). With the temperatures t of the air and T_s of the sea [K], the vapour pressure e
[hPa], at least 0.1, and the cloud cover c,

    bignami    eps longwave_down = sigma t^4 (0.653 + 0.00535 e)(1 + 0.1762 c^2)
    josey      eps longwave_down = 0.955 sigma (t + 10.77 c^2 + 2.34 c - 18.44 + 0.84 (t_d - t + 4.01))^4,
               t_d = 34.07 + 4157/ln(2.1718e8/e)
    clark      Q = eps sigma T_s^4 D F + 4 eps sigma T_s^3 (T_s - t),   D = 0.39 - 0.05 sqrt(e),   F = 1 - lambda c^2
    berliand   Q = eps sigma t^4 D F + 4 eps sigma t^3 (T_s - t)

Sources: Bignami et al. (1995, doi 10.1029/94JC02496), for the Mediterranean; Josey et al. (2003, doi
10.1029/2002JC001418, eqs. 10, 13 and 14), for the Atlantic; Clark et al. (1974, NOAA Tech. Rep. NMFS SSRF-682), for the
North Pacific; Berliand and Berliand (1952, Izv. Akad. Nauk SSSR, Ser. Geofiz. 1). The last two as reviewed by Fung et
al. (1984, doi 10.1029/RG022i002p00177). lambda grows with latitude (`cloud_weight`).

Adjoint: `adjoint.operators.longwave`. Kink: e = 0.1 hPa.
"""

from collections.abc import Callable

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, larger, logarithm, point, root, typed
from ogcm.operators.bulk_fluxes import STEFAN_BOLTZMANN
from ogcm.operators.surface_layer import DRY, KELVIN, VAPOUR_PART

EMISSIVITY = 0.98  # of the sea surface, in the formulae
DRIEST = 0.1  # smallest vapour pressure [hPa]
AT_EQUATOR, PER_DEGREE = 0.4972, 0.004683  # of lambda [1], [degree-1] (Johnson et al. 1965)


def cloud_weight(latitude: np.ndarray) -> np.ndarray:
    """Return lambda, the weight of clouds in the formulae of Clark and Berliand.

        lambda = 0.4972 + 0.004683 |latitude|

    the line through the table of Johnson et al. (1965, US Fish and Wildlife Service, Spec. Sci. Rep. Fish. 503) that
    Clark et al. (1974) use: 0.50 at the equator, 0.68 at 40 degrees.

    Parameters
    ----------
    latitude : ndarray
        Latitude [degrees].

    Returns
    -------
    ndarray
        lambda [1].
    """
    return AT_EQUATOR + PER_DEGREE * np.abs(latitude)


@point
def vapour_pressure(q, p):
    """Return the vapour pressure [hPa], at least DRIEST, from specific humidity and pressure [Pa]."""
    e = typed(0.01, q) * q * p / (typed(DRY, q) + typed(VAPOUR_PART, q) * q)
    return larger(e, typed(DRIEST, q) + typed(0.0, q) * e)


@point
def black(T):
    """Return sigma T^4 [W m-2]."""
    return typed(STEFAN_BOLTZMANN, T) * ((T * T) * (T * T))


@point
def bignami(t, e, c):
    """Return longwave_down of Bignami et al. [W m-2]."""
    clear = typed(0.653, t) + typed(0.00535, t) * e
    return black(t) / typed(EMISSIVITY, t) * clear * (typed(1.0, t) + typed(0.1762, t) * (c * c))


@point
def temperature_of_sky(t, e, c):
    """Return the temperature at which the sky of Josey et al. radiates [K]."""
    of_clouds = typed(10.77, t) * (c * c) + typed(2.34, t) * c - typed(18.44, t)
    dew_point = typed(34.07, t) + typed(4157.0, t) / logarithm(typed(2.1718e8, t) / e)
    return t + of_clouds + typed(0.84, t) * (dew_point - t + typed(4.01, t))


@point
def josey(t, e, c):
    """Return longwave_down of Josey et al. [W m-2]."""
    return typed(0.955 / EMISSIVITY, t) * black(temperature_of_sky(t, e, c))


@point
def deficit(e, c, weight):
    """Return D F, the fraction of black radiation that is lost through air and clouds."""
    return (typed(0.39, e) - typed(0.05, e) * root(e)) * (typed(1.0, e) - weight * (c * c))


@point
def clark(T_s, t, e, c, weight):
    """Return longwave_down of Clark et al. [W m-2]."""
    of_difference = typed(4.0, t) * (black(T_s) / T_s) * (T_s - t)
    return black(T_s) * (typed(1.0, t) - deficit(e, c, weight)) - of_difference


@point
def berliand(T_s, t, e, c, weight):
    """Return longwave_down of Berliand and Berliand [W m-2]."""
    return black(T_s) - black(t) * deficit(e, c, weight) - typed(4.0, t) * (black(t) / t) * (T_s - t)


@point
def longwave_of_sky(formula, t2, q2, slp, cloud, grid, longwave_down, j, i):
    """Write the longwave radiation at a T point by a formula that knows the air alone."""
    longwave_down[j, i] = 0
    if grid.mask_t[0, j, i] == 1:
        t = t2[j, i] + typed(KELVIN, t2[j, i])
        longwave_down[j, i] = formula(t, vapour_pressure(q2[j, i], slp[j, i]), cloud[j, i])


@point
def longwave_of_net(formula, T, t2, q2, slp, cloud, cloud_weight, grid, longwave_down, j, i):
    """Write the longwave radiation at a T point by a formula that knows the sea too."""
    longwave_down[j, i] = 0
    if grid.mask_t[0, j, i] == 1:
        T_s, t = T[0, j, i] + typed(KELVIN, T[0, j, i]), t2[j, i] + typed(KELVIN, t2[j, i])
        e = vapour_pressure(q2[j, i], slp[j, i])
        longwave_down[j, i] = formula(T_s, t, e, cloud[j, i], cloud_weight[j, i])


@kernel
def bignami_longwave(t2, q2, slp, cloud, grid, longwave_down):
    """Compute the longwave radiation of the sky by the formula of Bignami et al.

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
            longwave_of_sky(bignami, t2, q2, slp, cloud, grid, longwave_down, j, np.uintp(ii))


@kernel
def josey_longwave(t2, q2, slp, cloud, grid, longwave_down):
    """Compute the radiation by the formula of Josey et al.

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
            longwave_of_sky(josey, t2, q2, slp, cloud, grid, longwave_down, j, np.uintp(ii))


@kernel
def clark_longwave(T, t2, q2, slp, cloud, cloud_weight, grid, longwave_down):
    """Compute the longwave radiation of the sky by the formula of Clark et al.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Temperature of the water [degC].
    t2, q2 : ndarray, shape (nj, ni)
        Temperature [degC] and specific humidity [1] of the air.
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    cloud : ndarray, shape (nj, ni)
        Cloud cover [1].
    cloud_weight : ndarray, shape (nj, ni)
        lambda [1].
    grid : Grid
        Masks.
    longwave_down : ndarray, shape (nj, ni)
        Longwave radiation [W m-2], written on the interior; 0 on land.
    """
    nj, ni = t2.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            longwave_of_net(clark, T, t2, q2, slp, cloud, cloud_weight, grid, longwave_down, j, np.uintp(ii))


@kernel
def berliand_longwave(T, t2, q2, slp, cloud, cloud_weight, grid, longwave_down):
    """Compute the radiation by the formula of Berliand and Berliand.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Temperature of the water [degC].
    t2, q2 : ndarray, shape (nj, ni)
        Temperature [degC] and specific humidity [1] of the air.
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    cloud : ndarray, shape (nj, ni)
        Cloud cover [1].
    cloud_weight : ndarray, shape (nj, ni)
        lambda [1].
    grid : Grid
        Masks.
    longwave_down : ndarray, shape (nj, ni)
        Longwave radiation [W m-2], written on the interior; 0 on land.
    """
    nj, ni = t2.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            longwave_of_net(berliand, T, t2, q2, slp, cloud, cloud_weight, grid, longwave_down, j, np.uintp(ii))


LONGWAVE: dict[str, Callable[..., None]] = {
    "bignami": bignami_longwave,
    "josey": josey_longwave,
    "clark": clark_longwave,
    "berliand": berliand_longwave,
}
WITH_SEA = ("clark", "berliand")  # formulae that need the temperature of the sea and the latitude
