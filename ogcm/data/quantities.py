"""The quantities that files hold: their units in the model, their range in nature and how files name them.

`QUANTITIES` is the one table of them. Units are converted by name (`ogcm.data.units`), directions by attributes
(`ogcm.data.directions`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ogcm.constants import FRESH_WATER_DENSITY

MASS_FLUX = {"kg m-2 s-1": 1.0 / FRESH_WATER_DENSITY}


class Quantity(NamedTuple):
    """A physical quantity as the model uses it.

    Attributes
    ----------
    units : str
        Units in the model.
    lower, upper : float
        Range of the values that occur in nature, in the units of the model.
    standard_names : tuple of str
        CF standard names of variables of this quantity, by which they are found.
    direction : str
        "" for a quantity without direction; "needed" for a flux whose attributes must tell its direction; "down" for
        one that points into the sea where its attributes do not tell; "depth" for a depth or elevation of the sea
        floor.
    names : mapping of str to str
        Units that pint does not know, or knows in another meaning, each with what it means here.
    other : mapping of str to float
        Units of another dimension that are accepted, each with the factor to the units of the model.
    """

    units: str
    lower: float = -np.inf
    upper: float = np.inf
    standard_names: tuple[str, ...] = ()
    direction: str = ""
    names: Mapping[str, str] = {}
    other: Mapping[str, float] = {}


PRACTICAL = dict.fromkeys(
    ("", "1", "psu", "PSU", "pss", "PSS-78", "pss-78", "ppt", "‰", "permil", "per mille", "practical salinity unit",
     "practical salinity units"), "g kg-1"
)  # fmt: skip
FRACTION = dict.fromkeys(("", "fraction", "(0 - 1)", "0-1", "proportion"), "1")
QUANTITIES = {
    "temperature": Quantity(
        "degC", -10.0, 50.0,
        ("sea_water_temperature", "sea_water_potential_temperature", "sea_water_conservative_temperature",
         "sea_surface_temperature", "sea_surface_subskin_temperature", "sea_surface_foundation_temperature"),
    ),
    "salinity": Quantity(
        "g kg-1", 0.0, 60.0,
        ("sea_water_salinity", "sea_water_practical_salinity", "sea_water_absolute_salinity", "sea_surface_salinity"),
        names=PRACTICAL,
    ),
    "velocity": Quantity(
        "m s-1", -20.0, 20.0,
        ("eastward_sea_water_velocity", "northward_sea_water_velocity", "sea_water_x_velocity", "sea_water_y_velocity",
         "surface_eastward_sea_water_velocity", "surface_northward_sea_water_velocity"),
    ),
    "sea level": Quantity(
        "m", -100.0, 100.0,
        ("sea_surface_height_above_geoid", "sea_surface_height_above_sea_level", "sea_surface_height",
         "sea_surface_height_above_mean_sea_level", "sea_surface_elevation"),
    ),
    "depth": Quantity(
        "m", -12e3, 12e3,
        ("sea_floor_depth_below_geoid", "sea_floor_depth_below_sea_level", "sea_floor_depth_below_mean_sea_level",
         "sea_floor_depth", "height_above_geopotential_datum", "height_above_mean_sea_level", "surface_altitude",
         "height_above_reference_ellipsoid", "bedrock_altitude"),
        direction="depth",
    ),
    "stress": Quantity(
        "N m-2", -10.0, 10.0,
        ("surface_downward_eastward_stress", "surface_downward_northward_stress", "surface_downward_x_stress",
         "surface_downward_y_stress"),
        direction="down",
    ),
    "heat flux": Quantity(
        "W m-2", -3e3, 3e3,
        ("surface_downward_heat_flux_in_sea_water", "surface_downward_heat_flux_in_air",
         "surface_upward_heat_flux_in_air", "surface_net_downward_shortwave_flux",
         "surface_downwelling_shortwave_flux_in_air", "surface_net_downward_longwave_flux",
         "surface_downwelling_longwave_flux_in_air", "surface_upward_latent_heat_flux",
         "surface_upward_sensible_heat_flux"),
        direction="needed",
    ),
    "fresh water": Quantity(
        "m s-1", -1e-5, 1e-5, ("water_flux_into_sea_water", "surface_downward_water_flux", "surface_upward_water_flux"),
        direction="needed", other=MASS_FLUX,
    ),
    "precipitation": Quantity(
        "m s-1", -1e-6, 1e-4, ("precipitation_flux", "rainfall_flux", "rainfall_rate", "lwe_precipitation_rate"),
        direction="down", other=MASS_FLUX,
    ),
    "runoff": Quantity(
        "m s-1", -1e-6, 1e-2, ("water_flux_into_sea_water_from_rivers", "runoff_flux"), direction="down",
        other=MASS_FLUX,
    ),
    "wind": Quantity("m s-1", -150.0, 150.0, ("eastward_wind", "northward_wind", "x_wind", "y_wind", "wind_speed")),
    "air temperature": Quantity("degC", -100.0, 70.0, ("air_temperature", "dew_point_temperature")),
    "specific humidity": Quantity("kg kg-1", 0.0, 0.1, ("specific_humidity", "humidity_mixing_ratio")),
    "relative humidity": Quantity("1", 0.0, 1.5, ("relative_humidity",), names={"percentage": "%"} | FRACTION),
    "air pressure": Quantity(
        "Pa", 5e4, 1.2e5, ("air_pressure_at_mean_sea_level", "air_pressure_at_sea_level", "surface_air_pressure")
    ),
    "cloud cover": Quantity(
        "1", -0.01, 1.01, ("cloud_area_fraction",),
        names=FRACTION | {"percentage": "%", "tenths": "0.1", "okta": "0.125", "oktas": "0.125", "octas": "0.125"},
    ),
    "fraction": Quantity(
        "1", -0.01, 1.01, ("land_area_fraction", "sea_area_fraction", "land_binary_mask", "sea_binary_mask",
                           "sea_ice_area_fraction"),
        names=FRACTION | {"percentage": "%"},
    ),
    "latitude": Quantity("degrees", -90.0, 90.0, ("latitude",), names={"": "degrees"}),
    "longitude": Quantity("degrees", -720.0, 1080.0, ("longitude",), names={"": "degrees"}),
    "angle": Quantity("degrees", names={"radians": "radian"}),
    "distance": Quantity("m"),
    "index": Quantity("1", names={"": "1"}),
    "time": Quantity("days"),
}  # fmt: skip
