"""Coordinates of a field in the form of the model: from the surface down, from south to north, from west to east.

A latitude and a longitude of two dimensions that depend on one each are returned with one each.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ogcm.data import directions, longitudes
from ogcm.data.axes import Axes, wrapped
from ogcm.data.decoding import decoded, text
from ogcm.data.times import time_axis
from ogcm.data.units import convert
from ogcm.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
SIGMA = ("ocean_s_", "ocean_sigma", "ocean_double_sigma", "atmosphere_", "model_level_number")
ABOVE = 0.5  # height above the surface [m] that a coordinate of depth may have at most
ATTRIBUTES = {  # of the coordinates of a field
    "lat": {"units": "degrees_north", "standard_name": "latitude"},
    "lon": {"units": "degrees_east", "standard_name": "longitude"},
    "z": {"units": "m", "positive": "up", "standard_name": "height", "axis": "Z"},
}


def with_coordinates(label: str, field: "xr.DataArray", axes: Axes, west: float) -> "xr.DataArray":
    """Return a field with its coordinates, in the order that they have in the model.

    Parameters
    ----------
    label : str
        Names of the file and the variable, for messages.
    field : DataArray
        Values with those of the dimensions "time", "z", "y" and "x" that they have.
    axes : Axes
        Coordinates in the file, with the names of its dimensions.
    west : float
        The first longitude is between `west` and `west` + 360 [degrees].

    Returns
    -------
    DataArray
        The field as `read_field` returns it.

    Raises
    ------
    InputError
        For coordinates that cannot be understood.
    """
    found, where = axes.coordinates, label.rpartition(": ")[0]
    letters = {dimension: letter for letter, dimension in axes.dimensions.items()}
    if "time" in field.dims:
        field = with_times(label, field, axes)
    if "depth" in found:
        field = downward(f"{where}: {found['depth'].name}", field, found["depth"])
    for short, role in (("lat", "latitude"), ("lon", "longitude")):
        if role in found:
            c = found[role].rename({d: letters[str(d)] for d in found[role].dims})
            values = convert(
                f"{where}: {c.name}", decoded(f"{where}: {c.name}", c, c.attrs), text(c.attrs, "units"), role
            )
            field = field.assign_coords({short: (c.dims, values, ATTRIBUTES[short])})
    if "lat" not in field.coords or "lon" not in field.coords:
        return field
    names = {short: f"{where}: {found[role].name}" for short, role in (("lat", "latitude"), ("lon", "longitude"))}
    field = separated(field)
    return curvilinear(field, west) if field["lat"].ndim == 2 else rectilinear(names, field, west)


def with_times(label: str, field: "xr.DataArray", axes: Axes) -> "xr.DataArray":
    """Return a field with the times of its records. Raises InputError for times that cannot be understood."""
    c, where = axes.coordinates.get("time"), label.rpartition(": ")[0]
    name, times = time_axis(label if c is None else f"{where}: {c.name}", c, field.sizes["time"])
    return field.assign_coords({name: ("time", times)})


def downward(label: str, field: "xr.DataArray", c: "xr.DataArray") -> "xr.DataArray":
    """Return a field with its heights, from the surface down; a single layer is no dimension.

    Raises InputError for depths that neither increase nor decrease.
    """
    z = heights(label, c)
    if "z" not in field.dims:
        return field.assign_coords(z=((), z[0], ATTRIBUTES["z"]))
    field = field.assign_coords(z=("z", z, ATTRIBUTES["z"]))
    if len(z) == 1:
        return field.squeeze("z")
    return field.isel(z=slice(None, None, -1 if rising(label, z) else 1))


def rising(label: str, values: Array) -> bool:
    """Return True for values that increase, False for those that decrease. Raises InputError for others."""
    steps = np.diff(values)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise InputError(f"{label} must increase or decrease from each value to the next")
    return bool((steps > 0).all())


def heights(label: str, c: "xr.DataArray") -> Array:
    """Return the heights [m] of a coordinate of depth, negative below the surface.

    Raises InputError for units that are no length, and where its direction and its values contradict each other.
    """
    standard = text(c.attrs, "standard_name")
    if standard.startswith(SIGMA):
        raise InputError(f"{label} counts levels that follow the sea floor ({standard}); interpolate to depths in m")
    values = np.atleast_1d(convert(label, decoded(label, c, c.attrs), text(c.attrs, "units"), "depth"))
    if not np.isfinite(values).all():
        raise InputError(f"{label} has missing values; give each layer a depth")
    told = directions.direction(label, c.attrs, directions.DEPTH_ATTRIBUTES, directions.HEIGHT, directions.DEPTH)
    down = told == "down" if told else values.mean() >= 0
    z = 0.0 - values if down else values
    if (z > ABOVE).any():
        means = f"is positive {'down' if down else 'up'}" if told else "has values of both signs"
        raise InputError(
            f"{label} {means}, so that {values[np.argmax(z)]:g} m is above the surface; correct its values, or its "
            f'attribute positive: attributes={{"{c.name}": {{"positive": "{"up" if down else "down"}"}}}}'
        )
    return z


def rectilinear(names: Mapping[str, str], field: "xr.DataArray", west: float) -> "xr.DataArray":
    """Order the rows and columns of a field whose latitude and longitude have one dimension at most.

    `names` has the labels of "lat" and "lon" for messages. Raises InputError for those in no order.
    """
    if "y" in field.dims:
        field = field.isel(y=slice(None, None, 1 if rising(names["lat"], field["lat"].values) else -1))
    if "x" in field.dims:
        order, lon, closes = longitudes.ordered(names["lon"], field["lon"].values, west)
        field = field.isel(x=order).assign_coords(lon=("x", lon, ATTRIBUTES["lon"]))
        field.attrs["periodic_x"] = int(closes)
    return field


def curvilinear(field: "xr.DataArray", west: float) -> "xr.DataArray":
    """Order the rows and columns of a field whose latitude and longitude have two dimensions."""
    lat, lon = (field[name].transpose("y", "x").values for name in ("lat", "lon"))
    south = slice(None, None, 1 if np.nanmean(np.diff(lat, axis=0)) > 0 else -1)
    east = slice(None, None, 1 if np.nanmean(wrapped(np.diff(lon, axis=1))) > 0 else -1)
    lon, closes = longitudes.unwrapped(lon[south, east], west)
    field = field.isel(y=south, x=east).assign_coords(
        lat=(("y", "x"), lat[south, east], ATTRIBUTES["lat"]), lon=(("y", "x"), lon, ATTRIBUTES["lon"])
    )
    field.attrs["periodic_x"] = int(closes)
    return field


def separated(field: "xr.DataArray") -> "xr.DataArray":
    """Return a field with latitudes and longitudes of one dimension each where those of two depend on one each."""
    if field["lat"].ndim < 2:
        return field
    lat, lon = (field[name].transpose("y", "x").values for name in ("lat", "lon"))
    away = (np.abs(lat - lat[:, :1]), np.diff(lat[:, 0])), (np.abs(wrapped(lon - lon[:1])), wrapped(np.diff(lon[0])))
    if all(a.max() <= longitudes.SAME * np.median(np.abs(steps)) if steps.size else True for a, steps in away):
        return field.assign_coords(lat=("y", lat[:, 0], ATTRIBUTES["lat"]), lon=("x", lon[0], ATTRIBUTES["lon"]))
    return field
