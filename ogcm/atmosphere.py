"""The atmosphere over the ocean, from which the surface fluxes of each step are computed.

Its entries have the forms of those of `ogcm.Forcing`: a number, a map (ny, nx), a function f(x, y) or f(x, y, t), or a
`Series`. They lie at T points. The fluxes follow from them and from the state at the beginning of the step
(`ogcm.air_sea`), with the bulk formulae of an algorithm (`ogcm.operators.bulk_fluxes`).
"""

import warnings
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.constants import DAY
from ogcm.dates import since_new_year
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.inputs import Values, flag, number, sample
from ogcm.operators.bulk_fluxes import TURBULENT_FLUXES
from ogcm.operators.longwave import LONGWAVE, WITH_SEA, cloud_weight
from ogcm.stream import ReadAhead
from ogcm.sunshine import Sunshine

if TYPE_CHECKING:
    from ogcm.forcing import BoundForcing, Entry, Forcing

Array = np.ndarray
COMPUTED = ("tau_x", "tau_y", "heat_flux", "fresh_water", "shortwave")  # what an atmosphere takes the place of
OF_THE_SUN = ("clear_sky", "noon_altitude")  # computed from latitude and date
OF_THE_LATITUDE = ("cloud_weight",)  # computed from latitude
LIMITS = {  # of an entry: smallest and largest value, units
    "u10": (-150.0, 150.0, "m s-1"),
    "v10": (-150.0, 150.0, "m s-1"),
    "t2": (-100.0, 70.0, "degC, not K"),
    "q2": (0.0, 0.1, "kg of vapour in a kg of air, not g"),
    "d2": (-100.0, 50.0, "degC, not K"),
    "slp": (8e4, 1.1e5, "Pa, not hPa"),
    "shortwave_down": (-1.0, 2000.0, "W m-2, positive downwards"),
    "longwave_down": (-1.0, 1000.0, "W m-2, positive downwards"),
    "cloud": (0.0, 1.0, "a fraction, not %"),
    "precipitation": (-1e-6, 5e-5, "m s-1; divide kg m-2 s-1 by 1000"),
    "runoff": (-1e-6, 0.1, "m s-1; divide kg m-2 s-1 by 1000"),
}
FACTORS = ("drag_factor", "stanton_factor", "dalton_factor", "current_feedback")  # parameters of the turbulent fluxes
SURFACE = ("emissivity", "albedo")  # parameters of the net fluxes
TOLERANCE = 1e-3  # of the range of an entry, for values that packing has rounded


@dataclass(frozen=True, kw_only=True)
class Atmosphere:
    """The state of the atmosphere, for `ogcm.Forcing(atmosphere=...)`.

    Humidity is given as `q2` or `d2`, shortwave radiation as `shortwave_down` or by `cloud`, longwave radiation as
    `longwave_down` or by `cloud`.

    Parameters
    ----------
    u10, v10 : float, array_like, callable or Series
        Wind at `height_wind` [m s-1], at T points.
    t2 : float, array_like, callable or Series
        Temperature of the air at `height_air` [degC].
    q2 : float, array_like, callable or Series, optional
        Specific humidity of the air at `height_humidity` [kg kg-1].
    d2 : float, array_like, callable or Series, optional
        Dew point of the air at `height_humidity` [degC].
    slp : float, array_like, callable or Series
        Air pressure at the surface [Pa].
    shortwave_down : float, array_like, callable or Series, optional
        Shortwave radiation that arrives at the surface [W m-2].
    longwave_down : float, array_like, callable or Series, optional
        Longwave radiation that arrives at the surface [W m-2].
    cloud : float, array_like, callable or Series, optional
        Cloud cover between 0 and 1, from which radiation that is not given is computed: shortwave radiation after Reed
        (1977), longwave radiation by the formula `longwave`.
    precipitation : float, array_like, callable or Series
        Rain and snow [m s-1].
    runoff : float, array_like, callable or Series
        Water of rivers [m s-1].
    algorithm : {"ncar", "coare"}
        Bulk formulae of the turbulent fluxes: those of NCAR (Large and Yeager 2009) or COARE 3.5 (Edson et al. 2013).
    longwave : {"bignami", "josey", "clark", "berliand"}
        Formula of the longwave radiation that follows from `cloud` (`ogcm.operators.longwave`); the last two need the
        latitude.
    height_wind, height_air : float
        Heights of the wind, and of the temperature of the air [m].
    height_humidity : float, optional
        Height of the humidity of the air [m]; by default `height_air`.
    day_of_year : float, optional
        Days from the beginning of 1 January, in UTC, to the time 0 of the model, for shortwave radiation by `cloud`; by
        default those to the `start` of the model, or 0.
    diurnal_cycle : bool
        True for the altitude of the sun at the time of the step, False for the mean of its day; likewise.
    latitude, longitude : float, array_like or callable, optional
        Latitude and longitude [degrees]; by default those of a longitude-latitude grid; likewise.
    """

    u10: "Entry"
    v10: "Entry"
    t2: "Entry"
    q2: "Entry | None" = None
    d2: "Entry | None" = None
    slp: "Entry" = 101325.0
    shortwave_down: "Entry | None" = None
    longwave_down: "Entry | None" = None
    cloud: "Entry | None" = None
    precipitation: "Entry" = 0.0
    runoff: "Entry" = 0.0
    algorithm: str = "ncar"
    longwave: str = "bignami"
    height_wind: float = 10.0
    height_air: float = 2.0
    height_humidity: float | None = None
    day_of_year: float | None = None
    diurnal_cycle: bool = False
    latitude: Values | None = None
    longitude: Values | None = None

    def __post_init__(self) -> None:
        if (self.q2 is None) == (self.d2 is None):
            raise InputError("atmosphere: give the humidity of the air as q2 [kg kg-1] or as dew point d2 [degC]")
        missing = [name for name in ("shortwave_down", "longwave_down") if getattr(self, name) is None]
        if missing and self.cloud is None:
            raise InputError(f"atmosphere: give {' and '.join(missing)} [W m-2], or cloud, from which it follows")
        if not missing and self.cloud is not None:
            raise InputError("cloud: has no effect beside shortwave_down and longwave_down; leave it out")
        check_choices({"algorithm": self.algorithm, "longwave": self.longwave})
        if self.longwave_down is not None and self.longwave != "bignami":
            raise InputError("longwave: has no effect beside longwave_down; leave out either of them")
        for name in ("height_wind", "height_air", "height_humidity"):
            height = getattr(self, name)
            if height is not None and not 1 <= number(name, height) <= 100:
                raise InputError(f"{name}: a height between 1 and 100 m, got {height}")
        if self.day_of_year is not None:
            number("day_of_year", self.day_of_year)
        flag("diurnal_cycle", self.diurnal_cycle)

    def heights(self) -> tuple[float, float, float]:
        """Collect the heights of the measurements.

        Returns
        -------
        tuple of float
            Heights of the wind, of the temperature and of the humidity of the air [m].
        """
        humidity = self.height_air if self.height_humidity is None else self.height_humidity
        return float(self.height_wind), float(self.height_air), float(humidity)

    def choices(self) -> tuple[str, ...]:
        """Collect what distinguishes two atmospheres of the same entries.

        Returns
        -------
        tuple of str
            Algorithm, formula of longwave radiation and heights, for the mark of a forcing.
        """
        return self.algorithm, self.longwave, repr(self.heights())


AIR = tuple(LIMITS)  # names of the entries


def check_choices(given: Mapping[str, Any]) -> None:
    """Raise InputError for an algorithm or a formula of longwave radiation of an unknown name."""
    for name, known in (("algorithm", TURBULENT_FLUXES), ("longwave", LONGWAVE)):
        if name in given and given[name] not in tuple(known):
            raise InputError(f"{name}: one of {', '.join(known)}, got {given[name]!r}")


def bind_atmosphere(bound: "BoundForcing", forcing: "Forcing", atmosphere: Atmosphere) -> None:
    """Add the entries of an atmosphere to a forcing on its grid.

    Parameters
    ----------
    bound : BoundForcing
        The forcing, to which is added.
    forcing : Forcing
        What the user gave.
    atmosphere : Atmosphere
        The atmosphere in it.

    Raises
    ------
    InputError
        For fluxes beside the atmosphere from which they are computed, and for entries that do not fit.
    """
    if not isinstance(atmosphere, Atmosphere):
        raise InputError(f"atmosphere: needs an ogcm.Atmosphere(u10=...), got {type(atmosphere).__name__}")
    given = [name for name in COMPUTED if is_given(getattr(forcing, name))]
    if given:
        raise InputError(f"{', '.join(given)}: computed from the atmosphere; leave out either of them")
    for name in AIR:
        if getattr(atmosphere, name) is not None:
            bound.bind(name, getattr(atmosphere, name))
            check_entry(bound, name)
    bound.computed = COMPUTED
    if atmosphere.longwave_down is None and atmosphere.longwave in WITH_SEA:
        bound.computed += OF_THE_LATITUDE
        latitude = place_on_earth(bound.horizontal, "latitude", atmosphere.latitude, "atmosphere")
        weight = bound.with_halo("cloud_weight", cloud_weight(latitude))
        bound.functions["cloud_weight"] = lambda time: weight
    if atmosphere.shortwave_down is None:
        bound.computed += OF_THE_SUN
        sun = sunshine(bound, atmosphere)
        bound.functions["clear_sky"] = lambda time: bound.with_halo("clear_sky", sun.clear_sky(time))
        bound.functions["noon_altitude"] = lambda time: bound.with_halo("noon_altitude", sun.noon_altitude(time))


def warn_of_no_atmosphere(parameters: Container[str], bound: "BoundForcing") -> None:
    """Warn of given parameters that belong to an atmosphere, in a forcing that has none."""
    for name in (*FACTORS, *SURFACE):
        if name in parameters and not bound.computed:
            warnings.warn(f"{name}: has no effect without an atmosphere", stacklevel=3)


def is_given(entry: "Entry | None") -> bool:
    """Return True for an entry of a forcing that is neither None nor the number 0."""
    return entry is not None and not (isinstance(entry, int | float) and entry == 0)


def check_entry(bound: "BoundForcing", name: str) -> None:
    """Check the values of an entry over water; those of a stream are checked when they are read."""
    if name in bound.series and isinstance(bound.series[name].values, ReadAhead):
        return
    values: Any = bound.functions[name](0.0) if name in bound.functions else None
    if values is None:
        values = bound.series[name].values if name in bound.series else bound.steady[name]
    check_limits(name, interior(values)[..., interior(bound.grid.mask_t)[0] == 1])


def check_limits(name: str, found: Array) -> None:
    """Raise InputError for values that are no values of the entry `name` of an atmosphere in its units."""
    name_in_air = {"surface_pressure": "slp"}.get(name, name)
    if name_in_air not in LIMITS:
        return
    low, high, units = LIMITS[name_in_air]
    slack = TOLERANCE * (high - low)
    wrong = found[(found < low - slack) | (found > high + slack)]
    if len(wrong):
        raise InputError(f"{name}: {wrong[0]:g} lies outside {low:g} to {high:g}; its units are {units}")


def sunshine(bound: "BoundForcing", atmosphere: Atmosphere) -> Sunshine:
    """Make the radiation of a clear sky at the points of a grid.

    Parameters
    ----------
    bound : BoundForcing
        Forcing on its grid.
    atmosphere : Atmosphere
        The atmosphere, with latitude, longitude and date.

    Returns
    -------
    Sunshine
        The radiation.

    Raises
    ------
    InputError
        Where latitude or longitude are needed and not known.
    """
    latitude = place_on_earth(bound.horizontal, "latitude", atmosphere.latitude, "atmosphere")
    longitude = np.zeros(latitude.shape)
    if atmosphere.diurnal_cycle or atmosphere.longitude is not None:
        longitude = place_on_earth(bound.horizontal, "longitude", atmosphere.longitude, "atmosphere")
    day = since_new_year(bound.start) / DAY if atmosphere.day_of_year is None else atmosphere.day_of_year
    return Sunshine(latitude, longitude, day, atmosphere.diurnal_cycle)


def place_on_earth(horizontal: HorizontalGrid, axis: str, given: Values | None, what: str) -> Array:
    """Return latitude or longitude at T points.

    Parameters
    ----------
    horizontal : HorizontalGrid
        The grid.
    axis : {"latitude", "longitude"}
        Which of them.
    given : float, array_like or callable, optional
        Their values, in place of those of a longitude-latitude grid [degrees].
    what : str
        What needs them, for messages.

    Returns
    -------
    ndarray, shape (ny, nx)
        The values [degrees].

    Raises
    ------
    InputError
        Where they are not given and the grid has none.
    """
    if given is None and horizontal.units != "degrees":
        raise InputError(f"{axis}: give that of the {what} [degrees], since the grid has none")
    own = np.meshgrid(horizontal.y_t, horizontal.x_t, indexing="ij")[axis == "longitude"]
    return np.broadcast_to(own if given is None else sample(axis, given, horizontal.points()), horizontal.shape)
