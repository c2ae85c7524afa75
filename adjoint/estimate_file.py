"""The file of an estimate (NetCDF, CF-1.11): written from the result of an assimilation, and loaded into a model.

It holds the estimates by the names of the controls, their first guesses (and the truth of a twin experiment), and the
cost by iteration. `ogcm run --estimate FILE` and `load` give the estimates to a model of the same ocean.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5netcdf
import h5py
import numpy as np

import ogcm
from adjoint.assimilation import Assimilated
from adjoint.assimilation_history import Iteration
from adjoint.assimilation_output import COLUMNS, Change, with_changes
from adjoint.controls import Control, Controls, units
from adjoint.observations import Points
from ogcm import files, provenance
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError
from ogcm.metadata import history_line, horizontal_dimensions
from ogcm.model import Model
from ogcm.provenance import note_file
from ogcm.restart import geometry

__all__ = ["load", "save"]
Array = np.ndarray
FORMAT = "ogcm estimate 1"
REMEDY = "`ogcm assimilate` leaves such files"
MISFITS = {
    "days": "days from the beginning of the window",
    "value": "observed value, in the units of the field",
    "error": "standard error of the observation",
    "before": "first guess minus observation, without offset",
    "after": "estimate minus observation, without offset",
}
VERSIONS = {"after": "", "before": "_first_guess", "deviation": "_deviation", "true": "_truth"}  # endings of names


def dimensions(control: Control, model: Model) -> tuple[str, ...]:
    """Return the names of the dimensions of a control in a file."""
    if control.rim is not None:
        layers = "z" if control.shape[-3] == len(model.dz) else "one"
        return (f"record_{control.shape[0]}", layers, "row", f"{control.entry}_point")[-len(control.shape) :]
    horizontal = horizontal_dimensions(model)[control.point.upper()]
    if len(control.shape) < 2:
        return ("z" if control.kind == "parameter" else "coefficient",)[: len(control.shape)]
    records = f"record_{control.shape[0]}"
    layers = records if control.kind == "forcing" else "z" if control.shape[0] == len(model.dz) else "one"
    return (layers, *horizontal)[-len(control.shape) :]


def save(
    path: str | Path,
    found: Assimilated,
    truth: Mapping[str, Array] | None = None,
    points: Sequence[Points] = (),
    *,
    deviations: bool = True,
) -> None:
    """Write what an assimilation found.

    Parameters
    ----------
    path : str or Path
        The file.
    found : Assimilated
        The result.
    truth : mapping of str to ndarray, optional
        The true controls of a twin experiment.
    points : sequence of Points, optional
        The observations of the loss, in their order: they are written with their misfits, as the group `misfits`.
    deviations : bool, default True
        Whether standard deviations of the estimate are written as well where the method has some.

    Raises
    ------
    FileError
        Where the file cannot be written.
    """
    model = found.controls.model
    attributes = provenance.model_attributes(model) | {"start": model.state.time / DAY, "ocean": ocean_mark(model)}

    def write(changes: list[Change]) -> None:
        with files.write_hdf5(path, opener=h5netcdf.File) as f:
            f.attrs.update(Conventions="CF-1.11", title=f"controls of {model.name}, estimated by ogcm")
            f.attrs.update(source=f"ogcm {ogcm.__version__}", history=history_line("assimilate"), comment=found.message)
            f.attrs.update(attributes, format=FORMAT, controls=[change.control.name for change in changes])
            f.dimensions = {"iteration": len(found.iterations)}
            for name, column in zip(Iteration._fields, zip(*found.iterations, strict=True), strict=True):
                f.create_variable(name, ("iteration",), data=np.array(column)).attrs["long_name"] = COLUMNS[name]
            for change in changes:
                write_change(f, change, model)
            if points:
                write_misfits(f.create_group("misfits"), found, points)

    with_changes(found, truth, write, found.analysis.deviations() if deviations and found.analysis else None)


def write_change(f: h5netcdf.File, change: Change, model: Model) -> None:
    """Write estimate, first guess and truth of a control, and its coordinates where the file lacks them."""
    h, name = model.horizontal.undivided, change.control.name
    (y, x), dims = h.names, dimensions(change.control, model)
    axes = {x: h.x_t, f"{x}_f": h.x_f, y: h.y_t, f"{y}_f": h.y_f, "z": 0.5 * model.dz - np.cumsum(model.dz)}
    for dim, size in zip(dims, change.after.shape, strict=True):
        if dim not in f.dimensions:
            f.dimensions[dim] = size
            if dim in axes:
                v = f.create_variable(dim, (dim,), data=np.asarray(axes[dim], float))
                v.attrs["units"] = "m" if dim == "z" or h.units == "m" else h.units
    for version, ending in VERSIONS.items():
        if (values := getattr(change, version)) is not None:
            v = f.create_variable(f"{name}{ending}", dims, "f8", fillvalue=np.nan)
            v[...] = np.where(change.wet, values, np.nan)
            v.attrs.update(units=units(name, model), long_name=f"{name}{ending}".replace("_", " "))


def write_misfits(group: h5netcdf.Group, found: Assimilated, points: Sequence[Points]) -> None:
    """Write observations and what the runs of first guess and estimate have in their place."""
    seen = [p.whole().select(m.loss.kept) for p, m in zip(points, found.misfits, strict=True)]
    columns = {name: np.concatenate([getattr(p, name) for p in seen]) for name in ("x", "y", "z", "days")}
    columns |= {"value": np.concatenate([p.values for p in seen]), "error": np.concatenate([p.errors for p in seen])}
    columns["before"] = np.concatenate([m.before for m in found.misfits])
    columns["after"] = np.concatenate([m.after for m in found.misfits])
    texts = {"field": np.concatenate([np.full(len(p.x), p.field) for p in seen])}
    texts["platform"] = np.concatenate([p.platform for p in seen])
    group.dimensions = {"observation": len(columns["x"])}
    for name, values in (columns | texts).items():
        data = values.astype(object) if name in texts else values
        v = group.create_variable(name, ("observation",), h5py.string_dtype() if name in texts else "f8", data=data)
        v.attrs["long_name"] = MISFITS.get(name, name)


def ocean_mark(model: Model) -> str:
    """Return a digest of the shape of the whole ocean: its grid and its relief."""
    maps = [a for a in geometry(model).values() if a.ndim == 2]
    return provenance.digest(model.grid.tile.digest(maps), model.dz)


def load(path: str | Path, model: Model, *, restarts: bool = False) -> list[str]:
    """Give a model the estimate of a file, and return the names of the controls.

    Parameters
    ----------
    path : str or Path
        The file, written by `ogcm assimilate` or `save`.
    model : Model
        A model of the same ocean. For an estimate of the initial state, it must be at the beginning of the window of
        the assimilation.
    restarts : bool, default False
        Whether the state comes from a restart, so that only parameters and forcing are taken.

    Returns
    -------
    list of str
        Names of the controls that the model was given.

    Raises
    ------
    FileError
        Where the file is missing, damaged, of another kind or of another ocean.
    InputError
        Where the model lacks a control, or is at another time than an estimate of the initial state.
    """
    with files.read_together(path, FORMAT, "a file of an estimate of ogcm", REMEDY, model.grid.tile) as f:
        if f.attrs["ocean"] != ocean_mark(model):
            raise FileError(f"{path}: is of another ocean; use the setup and the options of the assimilation")
        names = [str(name) for name in np.atleast_1d(f.attrs["controls"])]
        if restarts:
            names = [name for name in names if name not in model.state.names]
        controls = Controls(model, names) if names else None
        values = {name: part_in_tile(f[name], model) for name in names}
        start = float(np.ravel(f.attrs["start"])[0])
    here = model.state.time / DAY
    if abs(here - start) > 1e-6 and any(name in model.state.names for name in names):
        raise InputError(
            f"{path}: holds the state of day {start:g}, the model is at day {here:g}; begin with the restart of the "
            "analysis, which `ogcm assimilate` leaves beside it"
        )
    if controls:
        controls.set_values(values)
        model.state.previous = None
        kinds = {name: control.kind for name, control in controls.controls.items()}
        note_file(model, "estimate", str(path), [k if k in ("state", "forcing") else n for n, k in kinds.items()])
    return names


def part_in_tile(stored: h5py.Dataset, model: Model) -> Array:
    """Return the part of a control in the tile of a model, 0 on land."""
    tile, values = model.grid.tile, np.nan_to_num(stored[()], nan=0.0)
    return values[(..., tile.rows, tile.columns)] if values.shape[-2:] == tile.shape else values
