"""The shortwave radiation of a clear sky, from latitude and date.

    Q_0 = J/a^2 cos z,   Q_direct = Q_0 0.7^(1/cos z),   Q_diffuse = ((1 - 0.09) Q_0 - Q_direct)/2     [W m-2]

with the solar constant J = 1350 W m-2, a transmission of 0.7 and an absorption of 0.09 by water vapour and ozone
(Rosati and Miyakoda 1988, doi 10.1175/1520-0485(1988)018<1601:AGCMFU>2.0.CO;2). Declination and distance a of the sun
follow from the day of the year (Spencer 1971). The zenith angle z of the sun is that of the hour, or the radiation is
the mean over the day, by a Gauss quadrature from noon to sunset.
"""

import functools
from dataclasses import dataclass

import numpy as np

from ogcm.constants import DAY

Array = np.ndarray
SOLAR_CONSTANT = 1350.0  # [W m-2]
TRANSMISSION, ABSORPTION = 0.7, 0.09  # [1]
DAYS_OF_YEAR = 365.2422
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
LOWEST = 1e-3  # cos z below which the sun has no direct radiation [1]


def position_of_sun(day: float) -> tuple[float, float]:
    """Compute declination and distance of the sun.

    Parameters
    ----------
    day : float
        Days since the beginning of 1 January.

    Returns
    -------
    declination : float
        Declination [radian].
    nearness : float
        1/a^2, with the distance relative to its mean [1].
    """
    g = 2 * np.pi * day / DAYS_OF_YEAR
    declination = 0.006918 - 0.399912 * np.cos(g) + 0.070257 * np.sin(g) - 0.006758 * np.cos(2 * g)
    declination += 0.000907 * np.sin(2 * g) - 0.002697 * np.cos(3 * g) + 0.00148 * np.sin(3 * g)
    nearness = 1.00011 + 0.034221 * np.cos(g) + 0.00128 * np.sin(g) + 0.000719 * np.cos(2 * g) + 7.7e-5 * np.sin(2 * g)
    return float(declination), float(nearness)


def radiation(cosine: Array, nearness: float) -> Array:
    """Compute the radiation of a clear sky.

    Parameters
    ----------
    cosine : ndarray
        Cosine of the zenith angle [1]; at night it is not positive.
    nearness : float
        1/a^2 [1].

    Returns
    -------
    ndarray
        Radiation [W m-2].
    """
    above = np.maximum(cosine, 0.0)
    top = SOLAR_CONSTANT * nearness * above
    direct = top * TRANSMISSION ** (1 / np.maximum(above, LOWEST))
    return 0.5 * ((1 - ABSORPTION) * top + direct)


@dataclass(frozen=True, eq=False)
class Sunshine:
    """The radiation of a clear sky at some places.

    Parameters
    ----------
    latitude, longitude : ndarray, shape (ny, nx)
        Places [degrees].
    day_of_year : float
        Days from the beginning of 1 January, in UTC, to the time 0.
    diurnal_cycle : bool
        True for the radiation of the hour, False for the mean of the day.
    """

    latitude: Array
    longitude: Array
    day_of_year: float
    diurnal_cycle: bool

    def clear_sky(self, time: float) -> Array:
        """Compute the radiation of a clear sky.

        Parameters
        ----------
        time : float
            Time [s].

        Returns
        -------
        ndarray, shape (ny, nx)
            Radiation [W m-2].
        """
        day = self.day_of_year + time / DAY
        if not self.diurnal_cycle:
            return self.daily_mean(float(np.floor(day)))
        phi, (declination, nearness) = np.radians(self.latitude), position_of_sun(day)
        hour_angle = 2 * np.pi * (day + self.longitude / 360 - 0.5)
        cosine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
        return radiation(cosine, nearness)

    @functools.lru_cache(maxsize=2)  # noqa: B019 (the places live as long as their forcing)
    def daily_mean(self, day: float) -> Array:
        """Compute the mean over a day of the radiation of a clear sky.

        Parameters
        ----------
        day : float
            Days since the beginning of 1 January.

        Returns
        -------
        ndarray, shape (ny, nx)
            Radiation [W m-2].
        """
        phi, (declination, nearness) = np.radians(self.latitude), position_of_sun(day + 0.5)
        constant, varying = np.sin(phi) * np.sin(declination), np.cos(phi) * np.cos(declination)
        sunset = np.arccos(np.clip(-constant / np.maximum(varying, 1e-12), -1.0, 1.0))
        total = np.zeros(self.latitude.shape)
        for node, weight in zip(NODES, WEIGHTS, strict=True):
            hour_angle = 0.5 * sunset * (1 + node)
            total += weight * radiation(constant + varying * np.cos(hour_angle), nearness)
        return 0.5 * total * sunset / np.pi

    def noon_altitude(self, time: float) -> Array:
        """Compute the altitude of the sun at noon.

        Parameters
        ----------
        time : float
            Time [s].

        Returns
        -------
        ndarray, shape (ny, nx)
            Altitude [degrees], not negative.
        """
        declination, _ = position_of_sun(float(np.floor(self.day_of_year + time / DAY)) + 0.5)
        return np.maximum(90.0 - np.abs(self.latitude - np.degrees(declination)), 0.0)
