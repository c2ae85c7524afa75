"""Observations at points: from a NetCDF file, or from a run whose truth is known (a twin experiment).

A file has one dimension and along it these variables, each with its `units`:

    time            days (or hours, minutes, seconds) from the beginning of the run
    lat, lon        [degrees_north, degrees_east], or y, x [m]
    z or depth      [m]: z is negative below the surface, depth positive, unless its attribute `positive` ("up" or
                    "down") says otherwise; without either all are at the surface
    T, S, u, v, eta the values of each observed field
    T_error, ...    their standard errors

It is read by the rules for gridded files (`ogcm.data`): packed values are unpacked, fill values and NaN are missing,
units are converted.
"""

import warnings
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import h5netcdf
import numpy as np

from adjoint.complex_step import working_copy
from adjoint.loss import Loss
from adjoint.observation_loss import Observations
from ogcm import files
from ogcm.constants import DAY
from ogcm.data.decoding import decoded, text
from ogcm.data.quantities import Quantity
from ogcm.data.source import open_dataset
from ogcm.data.units import convert
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.regions import field_point, heights
from ogcm.simulation import Simulation
from ogcm.stepper import Stepper

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Points", "misfit", "read", "synthetic", "write"]
Array = np.ndarray
COORDINATES = {"degrees": ("latitude", "longitude"), "m": ("distance", "distance"), "1": ("index", "index")}  # y, x
UNITS = {"degrees": ("degrees_north", "degrees_east"), "m": ("m", "m"), "1": ("1", "1")}  # y, x
FIELD = {"u": "velocity", "v": "velocity", "eta": "sea level", "T": "temperature", "S": "salinity"}


class Points(NamedTuple):
    """Observations of one field in the units of the model; masked elements are missing.

    Attributes
    ----------
    field : str
        The field.
    x, y : ndarray, shape (n,)
        Positions in the coordinates of the grid.
    z : ndarray, shape (n,)
        Heights [m], negative below the surface.
    days : ndarray, shape (n,)
        Times in days from the beginning of the run.
    values, errors : ndarray, shape (n,)
        Values and standard errors.
    span : float or ndarray, shape (n,)
        Time over which a value is a mean, centred on `days` [days]; 0 for a value at one time.
    platform : str or ndarray of str, shape (n,)
        What made the observation, such as a satellite or a float.
    offset : int or ndarray of int, shape (n,)
        Number of the group whose unknown mean offset is removed, -1 for none.
    """

    field: str
    x: Array
    y: Array
    z: Array
    days: Array
    values: Array
    errors: Array
    span: float | Array = 0.0
    platform: str | Array = ""
    offset: int | Array = -1

    def whole(self) -> "Points":
        """Return these observations with a number for each in all columns.

        Returns
        -------
        Points
            Columns of shape (n,).
        """
        columns = (np.broadcast_to(column, np.shape(self.x), subok=True) for column in self[1:])
        return Points(self.field, *columns)

    def loss(self, model: Model, *, out_of_water: str = "drop") -> Observations:
        """Return the misfit to these observations.

        Parameters
        ----------
        model : Model
            The model.
        out_of_water : {"drop", "refuse"}, default "drop"
            Whether observations outside the water are dropped or raise an error.

        Returns
        -------
        Observations
            Half the sum of ((y - values - offset)/errors)^2.
        """
        columns = {name: a for name, a in self._asdict().items() if name != "platform"}
        return Observations(model, **columns, out_of_water=out_of_water)


def misfit(points: Sequence[Points], model: Model, *, out_of_water: str = "drop") -> Loss:
    """Return the misfit to observations of several fields.

    Parameters
    ----------
    points : sequence of Points
        The observations.
    model : Model
        The model.
    out_of_water : {"drop", "refuse"}, default "drop"
        Whether observations outside the water are dropped or raise an error.

    Returns
    -------
    Loss
        The sum of the misfits of the fields.
    """
    return reduce(add, [p.loss(model, out_of_water=out_of_water) for p in points])


def synthetic(
    truth: Simulation, errors: Mapping[str, float], *, days: Sequence[float], every: int = 1, seed: int = 0
) -> list[Points]:
    """Return observations of a run with normally distributed noise, at the wet points of every few rows and columns.

    Parameters
    ----------
    truth : Simulation
        The run, which stays as it is.
    errors : mapping of str to float
        Standard error of each observed field.
    days : sequence of float
        Times, in days from the beginning of the run.
    every : int, default 1
        Distance of the points, in rows and columns.
    seed : int, default 0
        Seed of the noise.

    Returns
    -------
    list of Points
        The observations of each field.

    Raises
    ------
    InputError
        For an unknown field, or a day outside the run.
    """
    model, rng = working_copy(truth.model), np.random.default_rng(seed)
    stepper = Stepper(model)
    observed: dict[str, list] = {name: [] for name in errors}
    for name in errors:
        field_point(model, name)  # raises InputError for an unknown field before the run
    for day in sorted(days):
        n = round(day * DAY / model.numerics.dt)
        if not 0 <= n <= truth.steps:
            raise InputError(f"days: {day:g} lies outside the run of {truth.days:g} days")
        while model.state.step - truth.model.state.step < n:
            stepper.step()
        for name, error in errors.items():
            x, y, z, exact = sampled(model, name, every)
            noise = error * rng.normal(size=len(x))
            observed[name].append([x, y, z, np.full(len(x), day), exact + noise, np.full(len(x), error)])
    columns = {name: map(np.concatenate, zip(*records, strict=True)) for name, records in observed.items()}
    return [Points(name, *found).whole() for name, found in columns.items()]


def sampled(model: Model, name: str, every: int) -> Array:
    """Return positions x, y, z and values (4, n) of a field at the wet points of every few rows and columns.

    They are those of the whole ocean, by layers, rows and columns, in all processes.
    """
    h, tile, point = model.horizontal, model.grid.tile, field_point(model, name)
    wet = interior(getattr(model.grid, f"mask_{point}"))[: 1 if name == "eta" else None] > 0
    row, column = tile.start
    k, j, i = np.nonzero(wet)
    k, j, i = (a[((j + row) % every == 0) & ((i + column) % every == 0)] for a in (k, j, i))
    x = (h.x_f if name == "u" else h.x_t)[i]
    y = (h.y_f if name == "v" else h.y_t)[j]
    z = 0.0 * x if name == "eta" else heights(model, point)[k, j, i]
    number = np.ravel_multi_index((k, j + row, i + column), (len(wet), *tile.shape))
    found = number, x, y, z, interior(getattr(model.state, name)).reshape(wet.shape)[k, j, i]
    number, *columns = (np.concatenate(parts) for parts in zip(*tile.every(found), strict=True))
    return np.array(columns)[:, np.argsort(number)]


def read(path: str | Path, model: Model) -> list[Points]:
    """Read observations from a file, in the units of the model; missing ones are left out.

    A warning gives the number of those that have a value but no position, time or error.

    Parameters
    ----------
    path : str or Path
        The file.
    model : Model
        The model.

    Returns
    -------
    list of Points
        The observations of each field.

    Raises
    ------
    FileError
        Where the file is missing, damaged, lacks a variable or holds no observation.
    InputError
        For units or values that cannot be used.
    """

    def points() -> list[Points]:
        with open_dataset(Path(path)) as file:
            return points_in(str(path), file, model)

    return model.grid.tile.on_first(points)


def points_in(path: str, file: "xr.Dataset", model: Model) -> list[Points]:
    """Return the observations in an open file, see `read`."""
    fields = [name for name in model.stepped if name in file.variables]
    if not fields:
        raise FileError(
            f"{path}: holds none of the fields {', '.join(model.stepped)}; `pydoc {__name__}` describes the format"
        )
    y_name, x_name = model.horizontal.names
    needed = [x_name, y_name, "time", *fields, *(f"{field}_error" for field in fields)]
    vertical = [name for name in ("z", "depth") if name in file.variables]
    for name in needed:
        if name not in file.variables:
            raise FileError(f"{path}: lacks the variable {name}; `pydoc {__name__}` describes the format")
    if len(vertical) > 1:
        raise FileError(f"{path}: holds both z and depth; leave one of them out")
    shape = file["time"].shape
    for name in [*needed, *vertical]:
        if file[name].shape != shape or len(shape) != 1:
            raise FileError(
                f"{path}: {name} has the shape {file[name].shape}, time {shape}; all must have one dimension"
            )
    since = text(file["time"].attrs, "units").partition(" since ")
    if since[1]:
        raise FileError(
            f"{path}: time is in {''.join(since)!r}, but a run has no date; subtract from it the time at which the run "
            f"begins, and give it the units {since[0]!r}"
        )

    def column(name: str, quantity: str | Quantity, difference: bool = False) -> Array:
        label, v = f"{path}: {name}", file[name]
        return convert(label, decoded(label, v, v.attrs), text(v.attrs, "units"), quantity, difference=difference)

    along_y, along_x = COORDINATES[model.horizontal.units]
    x, y, days = column(x_name, along_x), column(y_name, along_y), column("time", "time")
    z = (
        height(f"{path}: {vertical[0]}", file[vertical[0]], column(vertical[0], "depth"))
        if vertical
        else np.zeros(shape)
    )
    points = []
    for field in fields:
        own = model.fields[field].units  # of a further tracer, which has one unit and any range
        quantity = FIELD.get(field, Quantity(own))
        values, errors = column(field, quantity), column(f"{field}_error", quantity, difference=True)
        there = np.isfinite(values)
        whole = there & np.isfinite([x, y, z, days, errors]).all(axis=0)
        if not whole[there].all():
            n = int(np.argmax(there & ~whole))
            message = (
                f"{path}: {(there & ~whole).sum()} of {there.sum()} observations of {field} lack a place, time or error"
            )
            warnings.warn(f"{message}, the first is number {n}; they are left out", stacklevel=3)
        if whole.any():
            points.append(Points(field, *(a[whole] for a in (x, y, z, days, values, errors))).whole())
    if not points:
        raise FileError(f"{path}: holds no observation, all values of {', '.join(fields)} are missing")
    return points


def height(label: str, v: "xr.DataArray", values: Array) -> Array:
    """Return heights, negative below the surface, from a variable z or depth. Raises InputError for an unknown
    direction."""
    positive = text(v.attrs, "positive").lower() or ("down" if v.name == "depth" else "up")
    if positive not in ("up", "down"):
        raise InputError(f'{label} has the attribute positive = {positive!r}; it must be "up" or "down"')
    return -values if positive == "down" else values


def filled(values: Array) -> Array:
    """Return values in float64, NaN where they are masked."""
    return np.ma.filled(np.ma.asarray(values, float), np.nan)


def write(path: str | Path, points: Sequence[Points], model: Model) -> None:
    """Write observations to a file that `read` accepts.

    Parameters
    ----------
    path : str or Path
        The file.
    points : sequence of Points
        The observations.
    model : Model
        The model.

    Raises
    ------
    FileError
        Where it cannot be written.
    """
    model.grid.tile.on_first(lambda: write_points(path, points, model))


def write_points(path: str | Path, points: Sequence[Points], model: Model) -> None:
    """Write observations as `write` does, in this process."""
    counts = [len(p.x) for p in points]
    starts = np.concatenate([[0], np.cumsum(counts)])
    with files.write_hdf5(path, opener=h5netcdf.File) as f:
        f.attrs.update(Conventions="CF-1.11", featureType="point", title=f"observations of {model.name}")
        f.dimensions = {"obs": int(starts[-1])}
        (y_name, x_name), (y_units, x_units) = model.horizontal.names, UNITS[model.horizontal.units]
        places = {x_name: ("x", x_units), y_name: ("y", y_units), "z": ("z", "m")}
        for name, (column, units) in (places | {"time": ("days", "days")}).items():
            v = f.create_variable(name, ("obs",), data=np.concatenate([filled(getattr(p, column)) for p in points]))
            v.attrs["units"] = units
        f["z"].attrs["positive"] = "up"
        for p, start, end in zip(points, starts[:-1], starts[1:], strict=True):
            for name, values in ((p.field, p.values), (f"{p.field}_error", p.errors)):
                v = f.create_variable(name, ("obs",), "f8", fillvalue=np.nan)
                v[...] = np.nan
                v[start:end] = filled(values)
                v.attrs.update(units=model.fields[p.field].units, long_name=model.fields[p.field].long_name)
