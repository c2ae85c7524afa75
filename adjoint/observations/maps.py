"""Gridded maps as observations: surface temperature, sea level, currents or climatologies on any grid.

Each value of the map is an observation at its place, layer and time. The file is read by `ogcm.data.read_field`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from adjoint.observations.columns import FIELD, begin_of_run, complete, errors_of
from adjoint.observations.points import Points
from adjoint.observations.water import in_kinds_of_model
from ogcm.constants import DAY
from ogcm.data.reader import read_field
from ogcm.data.sea_water import SALINITIES, TEMPERATURES
from ogcm.dates import seconds_after
from ogcm.errors import FileError, InputError
from ogcm.model import Model

Array = np.ndarray


def read_map(
    path: str,
    model: Model,
    *,
    variable: str,
    field: str,
    errors: float | Mapping[str, float],
    span: float = 0.0,
    day: float | None = None,
    platform: str | None = None,
    kind: str | None = None,
    **options: Any,
) -> list[Points]:
    """Return the values of a gridded map as observations.

    Parameters
    ----------
    path : str
        The file.
    model : Model
        The model.
    variable : str
        Variable of the file.
    field : {"u", "v", "eta", "T", "S"}
        Field of the model that it observes.
    errors : float or mapping of str to float
        Standard error in the units of the model, or that of each field.
    span : float
        Time over which each map is a mean, centred on its time [days].
    day : float, optional
        Day of a map without time, from the beginning of the run.
    platform : str, optional
        Name of what made the map; by default the variable.
    kind : str, optional
        Kind of temperature or salinity ("in situ", "practical", ...); by default what the standard_name tells, or that
        of the model.
    **options
        Further options of `ogcm.data.read_field`, such as units or missing.

    Returns
    -------
    list of Points
        One data set, at the surface where the map has no depth.

    Raises
    ------
    FileError
        Where the file is missing, damaged, lacks the variable, or all values are missing.
    InputError
        For a field that is none, a map without time or a model without a start, and what cannot be understood.
    """
    if field not in FIELD or field not in model.stepped:
        raise InputError(f"field: {field!r} is none of {', '.join(name for name in FIELD if name in model.stepped)}")
    found = read_field(path, variable, FIELD[field], **options)
    label = f"{path}: {variable}"
    days = days_of(label, found, model, day)
    dims = {name: (name,) for name in ("time", "z") if name in found.dims}
    if not {"lat", "lon"} <= set(found.coords):
        raise InputError(f"{label} has no latitudes and longitudes, which a map needs")
    columns = {"x": found["lon"].values, "y": found["lat"].values, "z": np.zeros(1), "days": days}
    along = {"x": found["lon"].dims, "y": found["lat"].dims, "z": dims.get("z", ()), "days": dims.get("time", ())}
    if "z" in found.coords:
        columns["z"] = np.atleast_1d(found["z"].values)
    spread = {}
    for name, a in columns.items():
        shape = [found.sizes[d] if d in along[name] else 1 for d in found.dims]
        spread[name] = np.broadcast_to(a.reshape(shape), found.shape).ravel()
    values = found.values.ravel()
    sigma = errors_of(label, errors, field, values)
    there = np.isfinite(values)  # most of a map may be land
    who = variable if platform is None else platform
    points = Points(field, **spread, values=values, errors=sigma, span=span, platform=who).whole().select(there)
    kept = complete(path, points) if there.any() else None
    if kept is None:
        raise FileError(f"{label}: holds no observation, all values are missing")
    standard = found.attrs.get("standard_name", "")
    known = {"T": TEMPERATURES, "S": SALINITIES}.get(field, {})
    own = {"T": "temperature", "S": "salinity"}.get(field)
    return in_kinds_of_model([kept], model, **({own: kind or known.get(standard)} if own else {}))


def days_of(label: str, found: Any, model: Model, day: float | None) -> Array:
    """Return the times (n,) of the records of a map in days from the beginning of the run.

    Raises InputError for a map without dates, or a model without a start.
    """
    if "time" not in found.coords:
        if day is None or "time" in found.dims:
            raise InputError(f"{label} has no dates; give the day of one map from the beginning of the run, day=...")
        return np.array([float(day)])
    begin = begin_of_run(f"{label} has dates", model)
    try:
        return np.atleast_1d(seconds_after(begin, np.atleast_1d(found["time"].values))) / DAY
    except (ValueError, TypeError) as error:
        raise InputError(f"{label}: its dates cannot be counted from {begin} ({error})") from None
