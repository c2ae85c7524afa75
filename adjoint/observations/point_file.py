"""Files of points: one dimension, and along it these variables, each with its `units`.

time            days (or hours, minutes, seconds) from the beginning of the run, or since a date
lat, lon        [degrees_north, degrees_east], or y, x [m]
z or depth      [m]: z is negative below the surface, depth positive, unless its attribute `positive` ("up" or
                "down") says otherwise; without either all are at the surface
T, S, u, v, eta the values of each observed field; a standard_name tells the kind of temperature or salinity
T_error, ...    their standard errors
span            optional: time over which a value is a mean, centred on `time`
platform        optional: text, or numbers with flag_values and flag_meanings
offset          optional: number of the group whose unknown mean offset is removed, -1 for none
"""

from typing import TYPE_CHECKING

import numpy as np

from adjoint.observations.columns import File, complete
from adjoint.observations.points import Points
from adjoint.observations.water import in_kinds_of_model
from ogcm.data.decoding import text
from ogcm.data.sea_water import SALINITIES, TEMPERATURES
from ogcm.errors import FileError, InputError

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray


def read_points(file: File) -> list[Points]:
    """Return the observations in a file of points.

    Parameters
    ----------
    file : File
        The file.

    Returns
    -------
    list of Points
        The observations of each field.

    Raises
    ------
    FileError
        Where the file lacks a variable or holds no observation.
    InputError
        For units or values that cannot be used.
    """
    path, ds, model = file
    fields = [name for name in model.stepped if name in ds.variables]
    if not fields:
        raise FileError(
            f"{path}: holds none of the fields {', '.join(model.stepped)}; `pydoc {__name__}` describes the format"
        )
    y_name, x_name = model.horizontal.names
    vertical = [name for name in ("z", "depth") if name in ds.variables]
    if len(vertical) > 1:
        raise FileError(f"{path}: holds both z and depth; leave one of them out")
    options = [name for name in ("span", "platform", "offset") if name in ds.variables]
    needed = [x_name, y_name, "time", *fields, *(f"{field}_error" for field in fields)]
    shape = file.variable("time").shape
    for name in [*needed, *vertical, *options]:
        own = file.variable(name).shape
        if name != "platform" and (own != shape or len(shape) != 1):
            raise FileError(f"{path}: {name} has the shape {own}, time {shape}; all must have one dimension")
    x, y = file.places(x_name, y_name)
    places = {"x": x, "y": y, "z": np.zeros(shape), "days": file.days("time")}
    if vertical:
        places["z"] = height(f"{path}: {vertical[0]}", ds[vertical[0]], file.column(vertical[0], "depth"))
    places["span"] = file.column("span", "time") if "span" in options else np.zeros(shape)
    places["platform"] = file.names("platform") if "platform" in options else np.full(shape, "")
    places["offset"] = ds["offset"].values.astype(int) if "offset" in options else np.full(shape, -1)
    points = []
    for field in fields:
        values, errors = file.field(field, field), file.field(f"{field}_error", field, difference=True)
        found = complete(path, Points(field, **places, values=values, errors=errors))
        points += [found] if found else []
    if not points:
        raise FileError(f"{path}: holds no observation, all values of {', '.join(fields)} are missing")
    kinds = {name: text(ds[name].attrs, "standard_name") for name in fields}
    return in_kinds_of_model(
        points, model, temperature=TEMPERATURES.get(kinds.get("T", "")), salinity=SALINITIES.get(kinds.get("S", ""))
    )


def height(label: str, v: "xr.DataArray", values: Array) -> Array:
    """Return heights, negative below the surface, from a variable z or depth. Raises InputError for an unknown
    direction."""
    positive = text(v.attrs, "positive").lower() or ("up" if v.name == "z" else "down")
    if positive not in ("up", "down"):
        raise InputError(f'{label} has the attribute positive = {positive!r}; it must be "up" or "down"')
    return 0.0 - values if positive == "down" else values
