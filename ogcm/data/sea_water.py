"""Temperature and salinity of sea water in the kinds that the model uses, with TEOS-10 (gsw).

The model's T and S are Conservative Temperature and Absolute Salinity with the equation of state "teos10", potential
temperature and practical salinity with any other. Files hold these or the temperature in situ; their standard_name
tells which.

    T, S = sea_water(read_field("levitus.nc", "temp"), read_field("levitus.nc", "salt"), "teos10")

Source: McDougall and Barker (2011), Getting started with TEOS-10 and the Gibbs Seawater (GSW) Oceanographic Toolbox.
"""

from typing import TYPE_CHECKING

import numpy as np

from ogcm.data.decoding import text
from ogcm.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
TEMPERATURES = {  # the kind that a standard_name tells; at the surface the one in situ is the potential one
    "sea_water_temperature": "in situ",
    "sea_surface_temperature": "in situ",
    "sea_surface_subskin_temperature": "in situ",
    "sea_surface_foundation_temperature": "in situ",
    "sea_water_potential_temperature": "potential",
    "sea_water_conservative_temperature": "conservative",
}
SALINITIES = {"sea_water_practical_salinity": "practical", "sea_water_absolute_salinity": "absolute"}
PRACTICAL_UNITS = ("1", "psu", "PSU", "pss", "PSS-78", "pss-78")  # of a salinity whose standard_name does not tell
NAMES = {kind: name for name, kind in {**TEMPERATURES, **SALINITIES}.items()}


def sea_water(
    temperature: "xr.DataArray",
    salinity: "xr.DataArray",
    equation_of_state: str,
    *,
    temperature_kind: str | None = None,
    salinity_kind: str | None = None,
) -> "tuple[xr.DataArray, xr.DataArray]":
    """Convert temperature and salinity to those that the model uses.

    Parameters
    ----------
    temperature, salinity : DataArray
        Temperature [degC] and salinity [g kg-1, or practical] on the same points, as `read_field` returns them.
    equation_of_state : str
        That of the model: "teos10" needs Conservative Temperature and Absolute Salinity, any other one potential
        temperature and practical salinity.
    temperature_kind : {"in situ", "potential", "conservative"}, optional
        Kind of the temperature, in place of what its standard_name tells.
    salinity_kind : {"practical", "absolute"}, optional
        Kind of the salinity, in place of what its standard_name or its units in the file tell.

    Returns
    -------
    temperature, salinity : DataArray
        The converted fields, with their standard_name.

    Raises
    ------
    InputError
        Where the kind is unknown, and for fields on different points.
    """
    import gsw  # imported where it is needed, since it takes time

    check_points(temperature, salinity)
    t_kind = kind_of(temperature, temperature_kind, TEMPERATURES, "temperature_kind")
    s_kind = kind_of(salinity, salinity_kind, SALINITIES, "salinity_kind")
    t, s = temperature.values, salinity.values
    p, lon, lat = places(temperature)
    SA = gsw.SA_from_SP(s, p, lon, lat) if s_kind == "practical" else s
    if equation_of_state == "teos10":
        convert = {"in situ": lambda: gsw.CT_from_t(SA, t, p), "potential": lambda: gsw.CT_from_pt(SA, t)}
        T, S = (convert[t_kind]() if t_kind in convert else t), SA
        kinds = "conservative", "absolute"
    else:
        convert = {"in situ": lambda: gsw.pt0_from_t(SA, t, p), "conservative": lambda: gsw.pt_from_CT(SA, t)}
        T = convert[t_kind]() if t_kind in convert else t
        S = gsw.SP_from_SA(s, p, lon, lat) if s_kind == "absolute" else s
        kinds = "potential", "practical"
    return labelled(temperature, T, kinds[0]), labelled(salinity, S, kinds[1])


def kind_of(field: "xr.DataArray", given: str | None, known: dict[str, str], option: str) -> str:
    """Return the kind of temperature or salinity of a field. Raises InputError where nothing tells it."""
    kinds = tuple(dict.fromkeys(known.values()))
    if given is not None:
        if given not in kinds:
            raise InputError(f"{option}: {given!r} is none of {', '.join(kinds)}")
        return given
    standard, units = text(field.attrs, "standard_name"), text(field.attrs, "units_of_file")
    if standard not in known and "salinity" in option and units in PRACTICAL_UNITS:
        return "practical"
    if standard not in known:
        raise InputError(
            f"{text(field.attrs, 'source')}: {field.name} has the standard_name {standard!r}; is it "
            f"{' or '.join(kinds)}? "
            f'Give {option}="{kinds[0]}", or it the standard_name {" or ".join(known)}'
        )
    return known[standard]


def check_points(temperature: "xr.DataArray", salinity: "xr.DataArray") -> None:
    """Raise InputError unless temperature and salinity are given at the same points."""
    if temperature.dims != salinity.dims or temperature.shape != salinity.shape:
        raise InputError(
            f"temperature has {dict(temperature.sizes)}, salinity {dict(salinity.sizes)}; both are needed on the same "
            "points to convert them: interpolate one to the other"
        )
    for name in ("lat", "lon", "z"):
        if name in temperature.coords and not np.array_equal(temperature[name].values, salinity[name].values):
            raise InputError(f"{name} of the temperature is not that of the salinity; interpolate one to the other")


def places(field: "xr.DataArray") -> tuple[Array, Array, Array]:
    """Return pressure [dbar], longitude and latitude [degrees] of the points of a field, in shapes that fit its own.

    A field without depth is at the surface. Raises InputError for one without latitude or longitude.
    """
    import gsw

    for name in ("lat", "lon"):
        if name not in field.coords:
            raise InputError(f"{field.name} has no {name}; the conversion to Absolute Salinity depends on the place")
    lat, lon = (expanded(field, field[name]) for name in ("lat", "lon"))
    z = expanded(field, field["z"]) if "z" in field.coords else np.zeros(1)
    return gsw.p_from_z(z, lat), lon % 360.0, lat


def expanded(field: "xr.DataArray", c: "xr.DataArray") -> Array:
    """Return a coordinate with a dimension of length 1 for each dimension of the field that it does not have."""
    return c.values.reshape([field.sizes[d] if d in c.dims else 1 for d in field.dims])


def labelled(field: "xr.DataArray", values: Array, kind: str) -> "xr.DataArray":
    """Return a field with other values, of which its standard_name tells the kind."""
    return field.copy(data=np.broadcast_to(values, field.shape)).assign_attrs(standard_name=NAMES[kind])
