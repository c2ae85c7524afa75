"""One reader for the gridded files that people have.

`read_field` reads a variable of NetCDF files, or of an object of xarray, and returns it in one form: dimensions, order,
units, signs and missing values are those of the model, whatever those of the file are.

    from ogcm.data import read_field
    temperature = read_field("levitus.nc", "temp", "temperature")

The attributes of the file are taken as true. Where they are absent and there are several possible meanings, an error
asks for them; options of `read_field` replace them. `docs/data.md` lists what is understood.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ogcm.data import directions, longitudes
from ogcm.data.axes import Axes, find_axes
from ogcm.data.decoding import text, unpack
from ogcm.data.quantities import QUANTITIES
from ogcm.data.source import datasets, with_attributes
from ogcm.data.times import time_axis
from ogcm.data.units import convert, quantity_of
from ogcm.errors import FileError, InputError, suggestion

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
ORDER = ("time", "z", "y", "x")
SIGMA = ("ocean_s_", "ocean_sigma", "ocean_double_sigma", "atmosphere_", "model_level_number")
LEVEL = 0.5  # height above the surface [m] that a coordinate of depth may have at most


class Request(NamedTuple):
    """What `read_field` is asked for, see there."""

    variable: str | None
    quantity: str | None
    coordinates: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, Any]]
    own: Mapping[str, Any]
    west: float


def read_field(
    source: "str | Path | xr.Dataset | xr.DataArray | Sequence[str | Path]",
    variable: str | None = None,
    quantity: str | None = None,
    *,
    units: str | None = None,
    positive: str | None = None,
    missing: float | None = None,
    coordinates: Mapping[str, str] | None = None,
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
    west: float = -180.0,
) -> "xr.DataArray":
    """Read a field in the form, the units and the signs of the model.

    Parameters
    ----------
    source : str, Path, Dataset, DataArray or sequence of str or Path
        A NetCDF file, a pattern of files ("wind_*.nc") or a list of files that follow each other in time, or an object
        of xarray, whether it has been decoded or not.
    variable : str, optional
        Name of the variable, or its standard_name. Default: the only one whose standard_name is of the quantity.
    quantity : str, optional
        Name of the quantity in `QUANTITIES`, such as "temperature". Default: the one that the standard_name tells.
    units : str, optional
        Units of the variable, in place of its attribute: a name that pint knows, or an expression such as
        "J m-2 / (6 hours)" for sums over an interval.
    positive : str, optional
        Positive direction of a flux, or of the depth of the sea floor, in place of its attributes: "up" or "down".
    missing : float, optional
        Stored number that marks missing values, in place of the attribute missing_value.
    coordinates : mapping of str to str, optional
        Names of the coordinates (or of dimensions without one) for "latitude", "longitude", "depth" and "time" that
        attributes do not tell.
    attributes : mapping of str to mapping of str to object, optional
        Attributes of any variables in place of those in the file: {"lev": {"units": "m", "positive": "down"}}.
    west : float
        The first longitude is between `west` and `west` + 360 [degrees].

    Returns
    -------
    DataArray of float64
        The field, NaN where it is missing, with those of the dimensions ("time", "z", "y", "x") that it has, in this
        order. Coordinates: `lat` from south to north and `lon` increasing eastwards [degrees], along y and x or (y, x);
        `z` [m], negative below the surface, from the surface down; `time` as dates, or `month` (1 to 12) or `day` along
        time for a climatological year. Attributes: `units`, `quantity`, `standard_name` and `long_name` of the file,
        `source`, and `periodic_x`, which is 1 where longitudes close around the globe.

    Raises
    ------
    FileError
        For files that are missing, damaged or of another format, and for missing variables.
    InputError
        For whatever cannot be understood: the message names the variable, the attribute and the remedy.
    """
    if positive not in (None, "up", "down"):
        raise InputError(f'positive: is "up" or "down", got {positive!r}')
    own = {"units": units, "positive": positive, "missing_value": missing}
    request = Request(variable, quantity, coordinates or {}, attributes or {},
                      {key: value for key, value in own.items() if value is not None}, west)  # fmt: skip
    return joined([read_one(where, ds, request) for where, ds in datasets(source)])


def read_one(where: str, ds: "xr.Dataset", request: Request) -> "xr.DataArray":
    """Return the field in one file, see `read_field`; `where` is the name of the file."""
    ds = with_attributes(where, ds, request.attributes)
    name = find_variable(where, ds, request.variable, request.quantity)
    v, label = ds[name].copy(deep=False), f"{where}: {name}"
    v.attrs = {**v.attrs, **request.own}
    if "positive" in request.own:
        v.attrs = {key: a for key, a in v.attrs.items() if key == "positive" or key not in directions.FLUX_ATTRIBUTES}
    quantity = request.quantity or quantity_from(label, text(ds[name].attrs, "standard_name"))
    axes = find_axes(label, ds, v, request.coordinates)
    values = decoded(label, v)
    values = signed(label, convert(label, values, text(v.attrs, "units"), quantity), v.attrs, quantity)
    field = v.copy(data=values).drop_vars(list(v.coords)).squeeze(axes.single)
    field = field.rename({dimension: letter for letter, dimension in axes.dimensions.items()})
    field = field.transpose(*(letter for letter in ORDER if letter in field.dims))
    field = with_coordinates(where, label, field, axes, request.west)
    kept = {key: text(ds[name].attrs, key) for key in ("standard_name", "long_name") if key in ds[name].attrs}
    field.attrs = {"units": quantity_of(quantity).units, "quantity": quantity, "source": where,
                   "periodic_x": field.attrs.get("periodic_x", 0)} | kept  # fmt: skip
    field.encoding = {}
    return field.rename(name)


def find_variable(where: str, ds: "xr.Dataset", variable: str | None, quantity: str | None) -> str:
    """Return the name of the variable that is asked for. Raises FileError or InputError where it is not one."""
    import cf_xarray  # noqa: F401  the accessor `cf`, imported where it is needed, since it takes time

    if variable in ds.variables:
        return variable
    known = ds.cf.standard_names
    if variable is None and quantity is None:
        raise InputError(f"{where}: give the variable or the quantity; it holds {', '.join(map(str, ds.data_vars))}")
    wanted = (variable,) if variable is not None else quantity_of(quantity or "").standard_names
    found = [str(n) for standard in wanted for n in known.get(standard, ())]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{where}: {', '.join(found)} may be meant; give the name of the variable")
    if variable is not None:
        raise FileError(f"{where}: lacks {variable}; {suggestion(variable, map(str, ds.data_vars))}")
    raise InputError(
        f"{where}: no variable has a standard_name of the quantity {quantity!r} ({', '.join(wanted)}); give the name of "
        f"the variable, one of {', '.join(map(str, ds.data_vars))}"
    )


def quantity_from(label: str, standard_name: str) -> str:
    """Return the quantity that a standard_name tells. Raises InputError where it tells none."""
    for quantity, q in QUANTITIES.items():
        if standard_name in q.standard_names:
            return quantity
    raise InputError(
        f"{label} has the standard_name {standard_name!r}, which tells no quantity; give the quantity, one of "
        f"{', '.join(QUANTITIES)}"
    )


def decoded(label: str, v: "xr.DataArray") -> Array:
    """Return the values of a variable as float64, unpacked, NaN where they are missing.

    Raises InputError for what does not hold numbers, FileError for what cannot be read.
    """
    if v.dtype.kind not in "iuf":
        raise InputError(f"{label} holds the type {v.dtype}, but numbers are needed; text and dates cannot be used")
    try:
        raw = v.values
    except Exception as error:  # HDF5 and its filters raise errors of many kinds
        raise FileError(f"{label}: damaged, or not to be read ({error}); fetch or write it again") from None
    return unpack(label, raw, v.attrs)


def signed(label: str, values: Array, attributes: Mapping[str, Any], quantity: str) -> Array:
    """Return a flux as positive into the sea, and the depth of the sea floor as positive down."""
    kind = QUANTITIES[quantity].direction
    if not kind:
        return values
    if kind == "depth":
        up = directions.depth_direction(label, attributes, bool((values < 0).any())) == "up"
    else:
        up = directions.flux_direction(label, attributes, None if kind == "needed" else kind) == "up"
    return 0.0 - values if up else values


def with_coordinates(where: str, label: str, field: "xr.DataArray", axes: Axes, west: float) -> "xr.DataArray":
    """Return a field with its coordinates, ordered from south to north, west to east and the surface down."""
    found, letters = axes.coordinates, {dimension: letter for letter, dimension in axes.dimensions.items()}
    if "time" in field.dims:
        c = found.get("time")
        name, times = time_axis(f"{where}: {c.name}" if c is not None else label, c, field.sizes["time"])
        field = field.assign_coords({name: ("time", times)})
    if "depth" in found and found["depth"].ndim <= 1:
        c = found["depth"]
        z = heights(f"{where}: {c.name}", c)
        field = field.assign_coords(z=("z", z) if "z" in field.dims else z[0])
        if "z" in field.dims:
            field = descending(f"{where}: {c.name}", field)
    if "latitude" not in found or "longitude" not in found:
        return field
    lat, lon = (in_degrees(where, found[role], role) for role in ("latitude", "longitude"))
    for short, c in (("lat", lat), ("lon", lon)):
        dims = tuple(letters[str(d)] for d in c.dims if str(d) in letters)
        field = field.assign_coords({short: (dims, c.values.reshape([field.sizes[d] for d in dims]))})
    return oriented(where, field, found, west)


def in_degrees(where: str, c: "xr.DataArray", role: str) -> "xr.DataArray":
    """Return a latitude or longitude in degrees."""
    label = f"{where}: {c.name}"
    values = decoded(label, c)
    return c.copy(data=convert(label, values, text(c.attrs, "units") or "degrees", role))


def heights(label: str, c: "xr.DataArray") -> Array:
    """Return the heights [m] of a coordinate of depth, negative below the surface.

    Raises InputError for units that are no length, and where its direction and its values contradict each other.
    """
    if text(c.attrs, "standard_name").startswith(SIGMA):
        raise InputError(f"{label} counts levels that follow the sea floor ({text(c.attrs, 'standard_name')}); "
                         "interpolate the variable to depths in m")  # fmt: skip
    values = np.atleast_1d(convert(label, decoded(label, c), text(c.attrs, "units"), "depth"))
    if not np.isfinite(values).all():
        raise InputError(f"{label} has missing values; give each layer a depth")
    told = directions.direction(label, c.attrs, directions.DEPTH_ATTRIBUTES, directions.HEIGHT, directions.DEPTH)
    down = told == "down" if told else values.mean() >= 0
    z = 0.0 - values if down else values
    if (z > LEVEL).any():
        means = f"is positive {'down' if down else 'up'}" if told else "has values of both signs"
        raise InputError(
            f"{label} {means}, so that {values[np.argmax(z)]:g} m is above the surface; correct its attribute positive "
            f'or give attributes={{"{c.name}": {{"positive": "{"up" if down else "down"}"}}}}'
        )
    return z


def descending(label: str, field: "xr.DataArray") -> "xr.DataArray":
    """Return a field from the surface down. Raises InputError for depths that neither increase nor decrease."""
    steps = np.diff(field["z"].values)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise InputError(f"{label} must increase or decrease from each value to the next")
    return field.isel(z=slice(None, None, -1)) if steps.size and steps[0] > 0 else field


def oriented(where: str, field: "xr.DataArray", found: "Mapping[str, xr.DataArray]", west: float) -> "xr.DataArray":
    """Return a field with rows from south to north, and columns from west to east without a seam."""
    names = {short: f"{where}: {found[role].name}" for short, role in (("lat", "latitude"), ("lon", "longitude"))}
    if field["lat"].ndim == 2:
        field = separated(field)
    if field["lat"].ndim == 2:
        lat, lon = field["lat"].values, field["lon"].values
        rows = slice(None, None, -1) if np.nanmean(np.diff(lat, axis=field["lat"].dims.index("y"))) < 0 else slice(None)
        steps = (np.diff(lon, axis=field["lon"].dims.index("x")) + 180) % 360 - 180
        field = field.isel(y=rows, x=slice(None, None, -1) if np.nanmean(steps) < 0 else slice(None))
        field = field.assign_coords({n: (("y", "x"), field[n].transpose("y", "x").values) for n in ("lat", "lon")})
        lon, closes = longitudes.unwrapped(field["lon"].values, west)
        field = field.assign_coords(lon=(("y", "x"), lon))
    else:
        closes = False
        if "y" in field["lat"].dims:
            steps = np.diff(field["lat"].values)
            if not ((steps > 0).all() or (steps < 0).all()):
                raise InputError(f"{names['lat']} must increase or decrease from each value to the next")
            field = field.isel(y=slice(None, None, -1)) if steps.size and steps[0] < 0 else field
        if "x" in field["lon"].dims:
            order, lon, closes = longitudes.ordered(names["lon"], field["lon"].values, west)
            field = field.isel(x=order).assign_coords(lon=("x", lon))
    field.attrs["periodic_x"] = int(closes)
    return field


def separated(field: "xr.DataArray") -> "xr.DataArray":
    """Return a field with latitudes and longitudes of one dimension each where those of two are no more than these."""
    lat, lon = (field[name].transpose("y", "x").values for name in ("lat", "lon"))
    away = np.abs((lon - lon[:1] + 180) % 360 - 180), np.abs(lat - lat[:, :1])
    steps = np.abs((np.diff(lon[0]) + 180) % 360 - 180), np.abs(np.diff(lat[:, 0]))
    if all(a.max() <= longitudes.SAME * np.median(s) if s.size else True for a, s in zip(away, steps, strict=True)):
        return field.assign_coords(lat=("y", lat[:, 0]), lon=("x", lon[0]))
    return field


def joined(fields: "list[xr.DataArray]") -> "xr.DataArray":
    """Join fields along time, and sort them by it. Raises InputError for grids or times that do not fit."""
    import xarray as xr

    first = fields[0]
    for field in fields[1:]:
        for name in ("lat", "lon", "z"):
            if (name in first.coords) != (name in field.coords) or (
                name in first.coords and not np.array_equal(first[name].values, field[name].values)
            ):
                raise InputError(f"{field.attrs['source']}: its {name} is not that of {first.attrs['source']}; files "
                                 "that follow each other in time must have one grid")  # fmt: skip
        if "time" not in field.dims:
            raise InputError(f"{field.attrs['source']}: {field.name} has no time, by which it follows other files")
    if len(fields) > 1:
        first = xr.concat(fields, "time", combine_attrs="override", coords="minimal", compat="override")
    if "time" not in first.dims:
        return first
    axis = next(name for name in ("time", "month", "day") if name in first.coords)
    times = first[axis].values
    if len(set(times.tolist())) < len(times):
        raise InputError(f"{first.attrs['source']}: {first.name} has two records of the same {axis}")
    return first.isel(time=np.argsort(times, kind="stable"))
