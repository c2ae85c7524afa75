"""The registry of fields: names, units and places on the grid, for allocation, file attributes and documentation.

`Fields` is the structure that holds several of them: a state, tendencies, the forcing at one time.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

Array = np.ndarray


class Field(NamedTuple):
    """Description of one field.

    Parameters
    ----------
    units : str
        Units, as CF writes them.
    long_name : str
        Description.
    standard_name : str, optional
        Standard name of the CF conventions, if there is one.
    point : str, optional
        Horizontal place: "T" (the default), "U", "V" or "F".
    vertical : str, optional
        "layer" for nk layers (the default), "interface" for the nk + 1 tops of the layers and the bottom, "" for a map.
    """

    units: str
    long_name: str
    standard_name: str = ""  # of the CF conventions, where one exists
    point: str = "T"
    vertical: str = "layer"


class Fields:
    """Several arrays by name, each of which is an attribute of that name; iteration goes over the arrays.

    Parameters
    ----------
    **arrays : ndarray
        The arrays.

    Attributes
    ----------
    names : tuple of str
        Names of the arrays, in the order in which they were given.
    """

    names: tuple[str, ...]

    def __init__(self, **arrays: Array) -> None:
        self.names = tuple(arrays)
        vars(self).update(arrays)

    def __iter__(self) -> Iterator[Array]:
        return iter(self.arrays().values())

    def arrays(self) -> dict[str, Array]:
        """Return the arrays.

        Returns
        -------
        dict of ndarray
            The arrays themselves by name.
        """
        return {name: getattr(self, name) for name in self.names}


FIELDS = {
    "u": Field("m s-1", "velocity along x", "sea_water_x_velocity", "U"),
    "v": Field("m s-1", "velocity along y", "sea_water_y_velocity", "V"),
    "w": Field("m s-1", "upward velocity through the moving layers", "upward_sea_water_velocity", "T", "interface"),
    "eta": Field("m", "sea surface height", "sea_surface_height_above_geoid", "T", ""),
    "T": Field("degC", "conservative temperature", "sea_water_conservative_temperature"),
    "S": Field("g kg-1", "absolute salinity", "sea_water_absolute_salinity"),
    "tke": Field(
        "m2 s-2", "turbulent kinetic energy", "specific_turbulent_kinetic_energy_of_sea_water", "T", "interface"
    ),
    "b": Field("m s-2", "buoyancy relative to the reference density"),
    "rho": Field("kg m-3", "density", "sea_water_density"),
    "sigma0": Field("kg m-3", "potential density relative to the surface, less 1000 kg m-3", "sea_water_sigma_theta"),
    "zeta": Field("s-1", "relative vorticity", "ocean_relative_vorticity", "F"),
    "h": Field("m", "layer thickness", "cell_thickness"),
    "N2": Field(
        "s-2", "squared buoyancy frequency", "square_of_brunt_vaisala_frequency_in_sea_water", "T", "interface"
    ),
    "nu_v": Field("m2 s-1", "vertical viscosity", "ocean_vertical_momentum_diffusivity", "T", "interface"),
    "kappa_v": Field("m2 s-1", "vertical diffusivity", "ocean_vertical_heat_diffusivity", "T", "interface"),
    "transport_x": Field(
        "m3 s-1", "volume transport along x through the moving layer", "ocean_volume_x_transport", "U"
    ),
    "transport_y": Field(
        "m3 s-1", "volume transport along y through the moving layer", "ocean_volume_y_transport", "V"
    ),
    "transport_z": Field("m3 s-1", "upward volume transport between the moving layers", "", "T", "interface"),
    "speed": Field("m s-1", "speed of the horizontal current", "sea_water_speed"),
    "tau_x": Field("N m-2", "wind stress along x", "surface_downward_x_stress", "U", ""),
    "tau_y": Field("N m-2", "wind stress along y", "surface_downward_y_stress", "V", ""),
    "heat_flux": Field("W m-2", "heat flux into the sea", "surface_downward_heat_flux_in_sea_water", "T", ""),
    "shortwave": Field(
        "W m-2", "shortwave radiation into the sea", "net_downward_shortwave_flux_at_sea_water_surface", "T", ""
    ),
    "surface_pressure": Field("Pa", "air pressure at the sea surface", "surface_air_pressure", "T", ""),
    "equilibrium_tide": Field("m", "elevation of the equilibrium tide", "", "T", ""),
    "fresh_water": Field("m s-1", "precipitation minus evaporation", "", "T", ""),
    "u10": Field("m s-1", "wind along x", "x_wind", "T", ""),
    "v10": Field("m s-1", "wind along y", "y_wind", "T", ""),
    "t2": Field("degC", "temperature of the air", "air_temperature", "T", ""),
    "q2": Field("1", "specific humidity of the air", "specific_humidity", "T", ""),
    "d2": Field("degC", "dew point of the air", "dew_point_temperature", "T", ""),
    "slp": Field("Pa", "air pressure at the surface", "air_pressure_at_mean_sea_level", "T", ""),
    "shortwave_down": Field(
        "W m-2", "shortwave radiation from the sky", "surface_downwelling_shortwave_flux_in_air", "T", ""
    ),
    "longwave_down": Field(
        "W m-2", "longwave radiation from the sky", "surface_downwelling_longwave_flux_in_air", "T", ""
    ),
    "cloud": Field("1", "cloud cover", "cloud_area_fraction", "T", ""),
    "precipitation": Field("m s-1", "rain and snow", "lwe_precipitation_rate", "T", ""),
    "runoff": Field("m s-1", "water of rivers", "", "T", ""),
    "T_star": Field("degC", "temperature to which the surface is restored", "", "T", ""),
    "S_star": Field("g kg-1", "salinity to which the surface is restored", "", "T", ""),
    "rate_T": Field("m s-1", "piston velocity of the restoring of temperature", "", "T", ""),
    "rate_S": Field("m s-1", "piston velocity of the restoring of salinity", "", "T", ""),
    "u_outside": Field("m s-1", "velocity along x outside open sides", "", "U"),
    "v_outside": Field("m s-1", "velocity along y outside open sides", "", "V"),
    "eta_outside": Field("m", "sea surface height outside open sides", "", "T", ""),
    "T_outside": Field("degC", "temperature outside open sides"),
    "S_outside": Field("g kg-1", "salinity outside open sides"),
    "psi": Field("m3 s-1", "barotropic streamfunction", "ocean_barotropic_streamfunction", "F", ""),
}
