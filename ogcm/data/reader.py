"""One reader for the gridded files that people have.

`read_field` reads a variable of NetCDF files, or of an object of xarray, and returns it in one form: dimensions, order,
units, signs and missing values are those of the model, whatever those of the file are.

    from ogcm.data import read_field
    temperature = read_field("levitus.nc", "temp", "temperature")

The attributes of the file are taken as true. Where they are absent and there are several possible meanings, an error
asks for them; options of `read_field` replace them. `docs/data.md` lists what is understood.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ogcm.data import directions
from ogcm.data.axes import Axes, find_axes
from ogcm.data.decoding import decoded, text
from ogcm.data.orientation import with_coordinates
from ogcm.data.quantities import QUANTITIES
from ogcm.data.source import datasets, with_attributes
from ogcm.data.times import months_of
from ogcm.data.units import convert, quantity_of
from ogcm.errors import FileError, InputError, suggestion

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
ORDER = ("time", "z", "y", "x")


class Request(NamedTuple):
    """The arguments of `read_field`, see there."""

    variable: str | None
    quantity: str | None
    coordinates: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, Any]]
    own: Mapping[str, Any]
    west: float


class Variable(NamedTuple):
    """A variable of a file that is understood, but not read: its label for messages, itself, what it is, its axes."""

    label: str
    v: "xr.DataArray"
    quantity: str
    attributes: Mapping[str, Any]
    axes: Axes

    def read(self, part: "xr.DataArray") -> Array:
        """Return the values of a part of the variable, in the units and with the signs of the model."""
        return in_quantity(self.label, decoded(self.label, part, self.attributes), self.attributes, self.quantity)


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
        Name of the variable, or its standard_name. Default: the only one whose standard_name is of the quantity, or
        the only one at all.
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
    request = request_of(variable, quantity, units, positive, missing, coordinates, attributes, west)
    return joined([read_one(where, ds, request) for where, ds in datasets(source)])


def request_of(
    variable: str | None = None,
    quantity: str | None = None,
    units: str | None = None,
    positive: str | None = None,
    missing: float | None = None,
    coordinates: Mapping[str, str] | None = None,
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
    west: float = -180.0,
) -> Request:
    """Return the arguments of `read_field` in one. Raises InputError for a direction that is none."""
    if positive not in (None, "up", "down"):
        raise InputError(f'positive: is "up" or "down", got {positive!r}')
    options = {"units": units, "positive": positive, "missing_value": missing}
    own = {key: value for key, value in options.items() if value is not None}
    return Request(variable, quantity, coordinates or {}, attributes or {}, own, west)


def read_values(
    source: "str | Path | xr.Dataset", name: str, quantity: str | None = None, default_direction: str | None = None
) -> Array:
    """Read a variable without its coordinates, in the order of the file.

    Parameters
    ----------
    source : str, Path or Dataset
        NetCDF file.
    name : str
        The variable.
    quantity : str, optional
        Name of the quantity in `QUANTITIES`. Default: the units are those of the file.
    default_direction : {"up", "down"}, optional
        Positive direction of a flux whose attributes give none.

    Returns
    -------
    ndarray of float64
        The values, NaN where they are missing; fluxes are positive into the sea.

    Raises
    ------
    FileError
        For a file that is missing, damaged or of another format, and for a missing variable.
    InputError
        For units, values or directions that cannot be understood.
    """
    with closing(datasets(source)) as opened:
        where, ds = next(opened)
        if name not in ds.variables:
            raise FileError(f"{where}: lacks {name}; {suggestion(name, map(str, ds.variables))}")
        label, v = f"{where}: {name}", ds[name]
        values = decoded(label, v, v.attrs)
        return in_quantity(label, values, v.attrs, quantity, default_direction) if quantity else values


def read_one(where: str, ds: "xr.Dataset", request: Request) -> "xr.DataArray":
    """Return the field in one file, see `read_field`; `where` is the name of the file."""
    found = understood(where, ds, request)
    field = lettered(found, found.v.copy(data=found.read(found.v)))
    return with_coordinates(found.label, field, found.axes, request.west)


def understood(where: str, ds: "xr.Dataset", request: Request) -> Variable:
    """Return the variable that is asked for, with what its attributes tell; none of its values is read."""
    ds = with_attributes(where, ds, request.attributes)
    name = find_variable(where, ds, request.variable, request.quantity)
    label, v = f"{where}: {name}", ds[name]
    quantity = request.quantity or quantity_from(label, text(v.attrs, "standard_name"))
    axes = find_axes(label, ds, v, request.coordinates)
    attributes = {**v.attrs, **request.own}
    if "positive" in request.own:  # in place of all attributes that may tell a direction
        attributes = {key: a for key, a in attributes.items() if key == "positive" or key not in directions.ATTRIBUTES}
    return Variable(label, v, quantity, attributes, axes)


def lettered(found: Variable, field: "xr.DataArray") -> "xr.DataArray":
    """Return values of a variable along those of the dimensions "time", "z", "y" and "x" that they have, in order."""
    v, dimensions = found.v, found.axes.dimensions.items()
    field = field.drop_vars(list(field.coords)).squeeze([d for d in found.axes.single if d in field.dims])
    field = field.rename({dimension: letter for letter, dimension in dimensions if dimension in field.dims})
    field = field.rename(v.name).transpose(*(letter for letter in ORDER if letter in field.dims))
    field.attrs = {key: text(v.attrs, key) for key in ("standard_name", "long_name") if key in v.attrs}
    field.attrs |= {"units": quantity_of(found.quantity).units, "units_of_file": text(found.attributes, "units")}
    field.attrs |= {"quantity": found.quantity, "source": found.label.rpartition(": ")[0], "periodic_x": 0}
    field.encoding = {}
    return field


def in_quantity(
    label: str, values: Array, attributes: Mapping[str, Any], quantity: str, default_direction: str | None = None
) -> Array:
    """Return values in the units of a quantity, fluxes positive into the sea, depths of the sea floor positive down."""
    values = convert(label, values, text(attributes, "units"), quantity, option='or the option units="...", ')
    kind = QUANTITIES[quantity].direction
    if not kind:
        return values
    if kind == "depth":
        up = directions.depth_direction(label, attributes, bool((values < 0).any())) == "up"
    else:
        default = default_direction or (None if kind == "needed" else kind)
        up = directions.flux_direction(label, attributes, default) == "up"
    return 0.0 - values if up else values


def find_variable(where: str, ds: "xr.Dataset", variable: str | None, quantity: str | None) -> str:
    """Return the name of the variable that is asked for. Raises FileError or InputError where it is not one."""
    import cf_xarray  # noqa: F401  the accessor `cf`, imported where it is needed, since it takes time

    if variable is not None and variable in ds.variables:
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
    if len(ds.data_vars) == 1:
        return str(next(iter(ds.data_vars)))
    raise InputError(
        f"{where}: no variable has a standard_name of the quantity {quantity!r} ({', '.join(wanted)}); give the name "
        f"of the variable, one of {', '.join(map(str, ds.data_vars))}"
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


def joined(fields: "list[xr.DataArray]") -> "xr.DataArray":
    """Join fields along time, and sort them by it. Raises InputError for grids or times that do not fit."""
    import xarray as xr

    first = fields[0]
    check_grids(fields)
    if len(fields) > 1:
        first = xr.concat(fields, "time", combine_attrs="override", coords="minimal", compat="override")
    return in_order(first) if "time" in first.dims else first


def check_grids(fields: "list[xr.DataArray]") -> None:
    """Raise InputError for fields of several files that have other points than the first, or no time."""
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


def in_order(field: "xr.DataArray") -> "xr.DataArray":
    """Return a field with its records in the order of time. Raises InputError for two of the same time."""
    axis = next(name for name in ("time", "month", "day") if name in field.coords)
    times = field[axis].values
    if len(set(times.tolist())) < len(times):
        raise InputError(f"{field.attrs['source']}: {field.name} has two records of the same {axis}")
    return field.isel(time=np.argsort(times, kind="stable"))


def monthly(field: "xr.DataArray") -> "xr.DataArray":
    """Sort the records of a field from January to December.

    Parameters
    ----------
    field : DataArray
        A field as `read_field` returns it, of twelve months with dates or numbers, or without time.

    Returns
    -------
    DataArray, shape (12, ...)
        The field with the coordinate `month`; one without time is the same in all months.

    Raises
    ------
    InputError
        For records that are not the twelve months.
    """
    if "time" not in field.dims:
        return field.expand_dims(time=12).assign_coords(month=("time", np.arange(1, 13)))
    label = f"{field.attrs['source']}: {field.name}"
    months = months_of(label, field)
    if sorted(months) != list(range(1, 13)):
        found = ", ".join(map(str, months[:13])) + ", ..." * (len(months) > 13)
        raise InputError(f"{label} has records of the months {found}; it must have one of each, 1 to 12")
    dates = [name for name in ("time", "month") if name in field.coords]
    return field.drop_vars(dates).assign_coords(month=("time", months)).isel(time=np.argsort(months))
