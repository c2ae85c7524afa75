"""Observations at points: from a NetCDF file, or made from a run whose truth is known (a twin experiment).

A file has one dimension and along it the variables time [days from the beginning of the run], lat and lon [degrees]
or y and x [m], z [m, negative below the surface; 0 without it], for each field observed (T, S, u, v, eta) its values
under that name, and their standard errors as T_error, ...; a missing value is NaN or the fill value.
"""

import io as streams
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import NamedTuple

import h5netcdf
import numpy as np

from adjoint.complex_step import working_copy
from adjoint.losses import Loss, Observations, field_point
from ogcm import files
from ogcm.errors import FileError, InputError
from ogcm.fields import FIELDS
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.simulation import DAY, Simulation
from ogcm.state import PROGNOSTIC
from ogcm.stepper import Stepper

Array = np.ndarray


class Points(NamedTuple):
    """Observations of one field: x, y, z, days, values, errors (n,)."""

    field: str
    x: Array
    y: Array
    z: Array
    days: Array
    values: Array
    errors: Array

    def loss(self, model: Model) -> Observations:
        """Half the sum of ((H field - values)/errors)^2. Raises InputError for what is on land or cannot be."""
        return Observations(model, **self._asdict())


def misfit(points: Sequence[Points], model: Model) -> Loss:
    """The observation term of all of them together."""
    return reduce(add, [p.loss(model) for p in points])


def synthetic(
    truth: Simulation, errors: Mapping[str, float], *, days: Sequence[float], every: int = 1, seed: int = 0
) -> list[Points]:
    """What would be seen of the run `truth` at the wet points of every so many rows and columns, with normal noise.

    `errors`: the standard error of each field observed. The simulation stays as it is. Raises InputError for an
    unknown field or a day outside the run.
    """
    model, rng = working_copy(truth.model), np.random.default_rng(seed)
    stepper, h, heights = Stepper(model), model.horizontal, 0.5 * model.dz - np.cumsum(model.dz)
    wet = {name: interior(getattr(model.grid, f"mask_{field_point(model, name)}")) > 0 for name in errors}
    seen: dict[str, list] = {name: [] for name in errors}
    for day in sorted(days):
        n = round(day * DAY / model.numerics.dt)
        if not 0 <= n <= truth.steps:
            raise InputError(f"days: {day:g} lies outside the run of {truth.days:g} days")
        while model.state.step - truth.model.state.step < n:
            stepper.step()
        for name, error in errors.items():
            layers = wet[name][:1] if name == "eta" else wet[name]
            k, j, i = (a[0] for a in np.split(np.argwhere(layers).T, 3))
            k, j, i = (a[(j % every == 0) & (i % every == 0)] for a in (k, j, i))
            x = (h.x_f if name == "u" else h.x_t)[i]
            y = (h.y_f if name == "v" else h.y_t)[j]
            z = 0.0 * x if name == "eta" else heights[k]
            exact = interior(getattr(model.state, name)).reshape(layers.shape)[k, j, i]
            noise = error * rng.normal(size=len(x))
            seen[name].append([x, y, z, np.full(len(x), day), exact + noise, np.full(len(x), error)])
    return [Points(name, *map(np.concatenate, zip(*records, strict=True))) for name, records in seen.items()]


def read(path: str | Path, model: Model) -> list[Points]:
    """The observations in a file. Raises FileError where it is missing, damaged or lacks a variable."""
    y_name, x_name = model.horizontal.names
    try:
        with h5netcdf.File(path, "r") as f:
            columns = {name: filled(f.variables[name]) for name in f.variables}
            units, down = f["time"].attrs.get("units", "days"), "z" in f and f["z"].attrs.get("positive") == "down"
    except files.BROKEN as error:
        raise FileError(f"{path}: missing, damaged or without a variable time ({error})") from None
    if not str(units).startswith("days"):
        raise FileError(f"{path}: time is in {units!r}; give it in days from the beginning of the run")
    fields = [name for name in PROGNOSTIC if name in columns]
    if not fields:
        raise FileError(f"{path}: holds none of the fields {', '.join(PROGNOSTIC)}")
    columns.setdefault("z", np.zeros(columns["time"].shape))
    needed = [x_name, y_name, "z", "time"]
    for name in [*needed, *(f"{field}_error" for field in fields)]:
        if name not in columns:
            raise FileError(f"{path}: lacks the variable {name}; `pydoc adjoint.observations` describes the format")
        if columns[name].shape != columns["time"].shape or columns[name].ndim != 1:
            raise FileError(f"{path}: {name} has the shape {columns[name].shape}, time {columns['time'].shape}")
    points = []
    for field in fields:
        there = np.isfinite(columns[field])
        x, y, z, days, values, errors = (columns[name][there] for name in (*needed, field, f"{field}_error"))
        points.append(Points(field, x, y, -z if down else z, days, values, errors))
    return points


def filled(variable: h5netcdf.Variable) -> Array:
    """The values of a variable, NaN for its fill value."""
    values = np.asarray(variable[...], float)
    fill = variable.attrs.get("_FillValue")
    return values if fill is None else np.where(values == np.asarray(fill).ravel()[0], np.nan, values)


def write(path: str | Path, points: Sequence[Points], model: Model) -> None:
    """A file that `read` takes. Raises FileError where the disk does not take it."""
    y_name, x_name = model.horizontal.names
    whole, counts = streams.BytesIO(), [len(p.x) for p in points]
    starts = np.concatenate([[0], np.cumsum(counts)])
    with h5netcdf.File(whole, "w") as f:
        f.attrs.update(Conventions="CF-1.11", featureType="point", title=f"observations of {model.name}")
        f.dimensions = {"obs": int(starts[-1])}
        places = {x_name: ("x", model.horizontal.units), y_name: ("y", model.horizontal.units), "z": ("z", "m")}
        for name, (column, units) in (places | {"time": ("days", "days")}).items():
            v = f.create_variable(name, ("obs",), data=np.concatenate([getattr(p, column) for p in points]))
            v.attrs["units"] = units
        f["z"].attrs["positive"] = "up"
        for p, start, end in zip(points, starts[:-1], starts[1:], strict=True):
            for name, values in ((p.field, p.values), (f"{p.field}_error", p.errors)):
                v = f.create_variable(name, ("obs",), "f8", fillvalue=np.nan)
                v[...] = np.nan
                v[start:end] = values
                v.attrs.update(units=FIELDS[p.field].units, long_name=FIELDS[p.field].long_name)
    files.put(path, whole)
