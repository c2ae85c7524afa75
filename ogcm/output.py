"""Outputs: NetCDF4 files or Zarr stores with CF-1.11 names.

An output is written under a temporary name (`.part`) and renamed when it is complete, so that one under its own name is
never half-written. Every record is flushed to the disk, so that other programs can read the `.part` file during the
run, and the records of a killed run stay readable. What is written is here, how it is stored in `NetCDFStore` and
`ZarrStore`. The free space is checked before each record.
"""

import copy
import math
import os
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ogcm import diagnostics
from ogcm.constants import DAY
from ogcm.dates import time_attributes
from ogcm.device import to_host
from ogcm.diagnostics import Diagnostic
from ogcm.diagnostics.series import MAP
from ogcm.disk import check_room
from ogcm.errors import FileError
from ogcm.files import BROKEN
from ogcm.memory import cut
from ogcm.metadata import (
    FILL,
    describe_ocean,
    geometry,
    history_line,
    horizontal_dimensions,
    place_attributes,
    put,
)
from ogcm.model import Model
from ogcm.state import State
from ogcm.step_variables import Step
from ogcm.stores import OpenFile, store_of
from ogcm.variables import as_field, check_diagnostics, checked_values, output_variables, sizes, written_points

PRECISIONS = ("float32", "float64")


def record_bytes(
    model: Model, variables: tuple[str, ...], precision: str = "float32", own: Mapping[str, Diagnostic] | None = None
) -> int:
    """Return the size of one record of an output file, of all tiles together [bytes]."""
    (ny, nx), nk, known = model.grid.tile.shape, len(model.dz), output_variables(model)
    layers = {"": 1, "layer": nk, "interface": nk + 1}
    cells = ny * nx * sum(layers[known[name].field.vertical] for name in variables)
    others = [*diagnostics.available_diagnostics(model).values(), *(own or {}).values()]
    series = sum(math.prod(sizes(model)[dim] for dim in d.dims) for d in others)
    return np.dtype(precision).itemsize * cells + 8 * series


def static_bytes(model: Model) -> int:
    """Return the size of the fields of an output that are the same at all times, of all tiles together [bytes]."""
    (ny, nx), cell = model.grid.tile.shape, copy.copy(model)
    cell.grid = model.grid.with_members(map(cut, model.grid))
    return ny * nx * sum(field.values.nbytes for field in geometry(cell).values())


class OutputFile:
    """An output that grows by one record at a time; `close` gives it its final name.

    Parameters
    ----------
    path : str or Path
        The NetCDF4 file, or the Zarr store if it ends in `.zarr`; until it is closed it is called `<path>.part`.
    model : Model
        The model; its grid and options are written.
    variables : tuple of str
        Fields to write, by the names that `output_variables` returns.
    config : str, optional
        Configuration of the run, for the attribute of that name.
    means : bool, optional
        If true, each record is the mean over the steps for which `add` was called since the last record.
    precision : str, optional
        "float32" or "float64".
    own : mapping of str to Diagnostic, optional
        Further variables by name.
    extend : bool, optional
        Extend the file of that name, or the `.part` file of a killed run, without the records later than the time of
        the model.

    Raises
    ------
    InputError
        For variables of one's own that cannot be written.
    FileError
        If the file cannot be written, or is to be extended and has other fields or another grid.
    """

    def __init__(
        self,
        path: str | Path,
        model: Model,
        variables: tuple[str, ...],
        config: str = "",
        means: bool = False,
        *,
        precision: str = "float32",
        own: Mapping[str, Diagnostic] | None = None,
        extend: bool = False,
    ) -> None:
        self.path, self.part = Path(path), Path(f"{path}.part")
        self.model, self.means, self.precision, self.own = model, means, precision, dict(own or {})
        check_diagnostics(model, self.own)
        known, own_fields = output_variables(model), {name: as_field(d) for name, d in self.own.items()}
        self.variables = {name: known[name] for name in variables} | {n: v for n, v in own_fields.items() if v}
        self.own_series = [name for name, variable in own_fields.items() if variable is None]
        for name, d in self.own.items():
            checked_values(model, name, d)
        self.has_steps = any(variable.of_step for variable in self.variables.values())
        self.step: Step | None = None  # there is one after the first step
        self.before = model.state.copy() if self.has_steps and means else None  # the state before the next step
        self.records, self.broken, self.extends = 0, False, extend
        self.tile = model.grid.tile
        self.masks = {name: written_points(model, variable) for name, variable in self.variables.items()}
        self.size = record_bytes(model, variables, precision, self.own)
        self.store: Any = None  # these are open in the first process
        self.file: Any = None
        self.tile.on_first(self.open)
        try:
            if extend:
                self.records = self.tile.on_first(lambda: self.cut(config))
            else:
                self.describe(config)
            self.series = self.tile.on_first(self.written_diagnostics)
            self.tile.on_first(lambda: self.store.flush())
        except BROKEN as error:
            self.abandon()
            raise FileError(f"{self.path}: cannot be written ({self.cause(error)})") from None
        self.start()

    def open(self) -> None:
        """Open the file, or the one that is to be extended. Raises FileError if that is impossible."""
        try:
            if self.extends:
                self.check_fields()
                self.copy()
            self.store = store_of(self.path)(self.part, self.extends)
            self.file = self.store.file
        except FileError:
            raise
        except BROKEN as error:
            raise FileError(f"{self.path}: cannot be written: {error}") from None

    def check_fields(self) -> None:
        """Raise FileError if the file that is to be extended has other fields, or is of another grid."""
        source = existing_output(self.path)
        with open_output(source) as f:
            names = [n for n, v in f.variables.items() if "cell_methods" in v.attrs]
            same = set(names) == {*self.variables, *self.own} and ("time_bounds" in f.variables) == self.means
            if not same or any(f[n].shape[1:] != self.whole_shape(n) for n in self.masks):
                raise FileError(
                    f"{source}: holds {', '.join(names) or 'no fields'} of another run or grid; "
                    "choose another output, or pass overwrite (--overwrite)"
                )
            wanted, times = time_attributes(self.model.start), f["time"].attrs
            if any(times[key] != value for key, value in wanted.items()):
                raise FileError(
                    f"{source}: counts {times['units']} ({times['calendar']}), the model {wanted['units']} "
                    f"({wanted['calendar']}); choose another output, or pass overwrite (--overwrite)"
                )

    def whole_shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a field of the whole ocean."""
        return (*self.masks[name].shape[:-2], *self.tile.shape)

    def copy(self) -> None:
        """Copy the file that is to be extended to `.part`, unless a killed run left one."""
        if not self.part.exists():
            store, copied = store_of(self.path), Path(f"{self.part}.copy")
            try:
                store.copy(self.path, copied)
                os.replace(copied, self.part)
            finally:
                store.remove(copied)

    def start(self) -> None:
        """Begin an interval of means."""
        self.since, self.steps, self.sums = self.model.state.time, 0, dict[str, np.ndarray]()

    def describe(self, config: str) -> None:
        """Write dimensions, coordinates, static fields, and the variables without records."""
        model = self.model
        self.tile.on_first(lambda: self.file.dimensions.__setitem__("time", None))
        describe_ocean(self.file, model, f"{model.name}, simulated by ogcm", config, "run")
        self.tile.on_first(self.describe_records)

    def describe_records(self) -> None:
        """Write the variables without records."""
        f, model = self.file, self.model
        self.describe_time()
        places = horizontal_dimensions(model)
        levels = {"": (), "layer": ("z",), "interface": ("z_w",)}
        fill = FILL.astype(self.precision)
        for name, (field, *_) in self.variables.items():
            dims = ("time", *levels[field.vertical], *places[field.point])
            chunks = (1, *self.whole_shape(name))
            v = f.create_variable(name, dims, self.precision, fillvalue=fill, chunks=chunks)
            v.attrs.update(units=field.units, long_name=field.long_name)
            if field.standard_name:
                v.attrs["standard_name"] = field.standard_name
            if field.units == "degC":
                v.attrs["units_metadata"] = "temperature: on_scale"
            v.attrs["cell_methods"] = self.cell_methods
            v.attrs.update(place_attributes(field.point))
        for name, d in diagnostics.available_diagnostics(model).items():
            self.describe_series(name, d)
            if self.means:
                f[name].attrs["comment"] = "of the state at the end of the interval (time_bounds)"
        for name in self.own_series:
            self.describe_series(name, self.own[name])
            f[name].attrs["cell_methods"] = self.cell_methods

    @property
    def cell_methods(self) -> str:
        """The attribute that tells whether records are means."""
        return "time: mean" if self.means else "time: point"

    def describe_series(self, name: str, d: Diagnostic) -> None:
        """Make the variable of a diagnostic."""
        f, (y, x) = self.file, self.model.horizontal.names
        rename = {"y": y, "x": x, "y_f": f"{y}_f", "x_f": f"{x}_f"}
        dims = ("time", *(rename.get(n, n) for n in d.dims))
        chunks = (1, *(f.dimensions[n].size for n in dims[1:])) if d.dims else (512,)
        f.create_variable(name, dims, "f8", chunks=chunks).attrs.update(units=d.units, long_name=d.long_name)

    def describe_time(self) -> None:
        """Write the variables `time` and, for means, `time_bounds`."""
        f = self.file
        time = f.create_variable("time", ("time",), "f8")
        time.attrs.update(axis="T", standard_name="time", **time_attributes(self.model.start))
        if self.means:
            time.attrs["bounds"] = "time_bounds"
            f.create_variable("time_bounds", ("time", "bounds"), "f8")

    def cut(self, config: str) -> int:
        """Remove the records later than the time of the model from a file that is extended; return how many stay."""
        f, day = self.file, self.model.state.time / DAY
        records = int((record_ends(f) <= day + 1e-9).sum())
        f.resize_dimension("time", records)
        f.attrs["history"] = f"{f.attrs['history']}\n{history_line(f'continued on day {day:g}')}"
        f.attrs["configuration"] = config
        return records

    @property
    def last(self) -> float:
        """Time of the last record [s], -inf in an empty file."""
        if not self.records:
            return -np.inf
        return self.tile.on_first(lambda: float(self.file["time"][self.records - 1])) * DAY

    def add(self, model: Model) -> None:
        """Add the state of `model` after a step, which may be on a GPU, to the mean; snapshots need nothing."""
        self.steps += 1
        if not self.means:
            return
        if self.before is not None:
            self.before = self.before.to(model.device)
        for name, value in self.values(model, self.before).items():
            if name not in self.sums:
                self.sums[name] = np.zeros_like(value, float)
            self.sums[name] += value
        if self.before is not None:
            self.before.assign(model.state)

    def values(self, model: Model, begin: State | None) -> dict[str, np.ndarray]:
        """Return all variables of the state of `model`; those of a step belong to the step that begins with `begin`."""
        if self.has_steps and begin is not None:
            self.step = self.step or Step(model)
            self.step.take(begin)
        known = {name: v for name, v in self.variables.items() if name not in self.own}
        found = {name: v.function(self.step if v.of_step else model) for name, v in known.items()}
        if self.own and model.device != "cpu":
            state, model = model.state.to("cpu"), copy.copy(self.model)
            model.state = state
        return found | {name: checked_values(model, name, d) for name, d in self.own.items()}

    def record(self, model: Model) -> None:
        """Append the state of `model`, or the mean since the last record. Raises FileError if the disk is full.

        Variables of a step belong to the one that begins with this state.
        """
        self.model = model
        if self.means:
            fields = {name: to_host(total) / max(self.steps, 1) for name, total in self.sums.items()}
        else:
            fields = self.values(model, model.state)
        self.write(fields, self.since, model.state.time)
        self.start()

    def write(self, fields: dict[str, np.ndarray], start: float, end: float) -> None:
        """Append `fields` (interiors by name) valid at the time `end` [s], or their means from `start` to `end`."""
        n = self.records
        room = f"make room and continue; {n} records are safe"
        self.tile.on_first(lambda: check_room(self.path, self.size, room))
        try:
            with self.store.exclusive() if self.store is not None else nullcontext():
                self.append(n, fields, start, end)
        except BROKEN as error:
            self.broken = True
            raise FileError(
                f"{self.path}: writing failed ({self.cause(error)}); {n} records are safe in {self.part}, which a run "
                "that continues extends"
            ) from None
        self.records += 1

    def append(self, n: int, fields: dict[str, np.ndarray], start: float, end: float) -> None:
        """Write record `n` and flush it to the disk."""
        self.tile.on_first(lambda: self.append_time(n, start, end))
        for name, mask in self.masks.items():
            values = np.where(mask, fields[name], FILL).astype(self.precision)
            self.tile.write(values, partial(put, self.file, name, (n,)))
        for name in self.own_series:
            self.tile.on_first(partial(put, self.file, name, (n,), (), fields[name]))
        known = diagnostics.available_diagnostics(self.model)
        for name in self.series:
            d = known[name]
            result: Any = d.function(self.model)
            if d.dims == MAP:
                self.tile.write(result, partial(put, self.file, name, (n,)))
            else:
                self.tile.on_first(partial(put, self.file, name, (n,), (), result))
        self.tile.on_first(lambda: self.store.flush())

    def written_diagnostics(self) -> list[str]:
        """Return the names of the diagnostics that are written: those that the model and the file have."""
        known = diagnostics.available_diagnostics(self.model)
        return [name for name in known if name in self.file.variables]

    def append_time(self, n: int, start: float, end: float) -> None:
        """Make room for record `n` and write its time."""
        self.file.resize_dimension("time", n + 1)
        self.file["time"][n] = (0.5 * (start + end) if self.means else end) / DAY
        if self.means:
            self.file["time_bounds"][n] = np.array([start, end]) / DAY

    def cause(self, error: BaseException) -> BaseException:
        """Return the failed write that HDF5 did not notice, or the exception itself."""
        return getattr(self.store, "error", None) or error

    def close(self, complete: bool = True) -> None:
        """Close the file and give it its final name; a file whose writing failed keeps the name `.part`.

        `complete` is false after a run that failed; its records are kept.
        """
        self.tile.on_first(self.finish)

    def finish(self) -> None:
        """Close the file in the first process, where it is open."""
        if self.store is None or not self.store.is_open:
            return
        try:
            self.store.close()
            if not self.broken:
                self.store.complete(self.part, self.path)
        except BROKEN as error:
            if not self.broken:
                raise FileError(
                    f"{self.path}: cannot be finished ({error}); what was written is in {self.part}"
                ) from None

    def abandon(self) -> None:
        """Close the file before its first record; a new file is removed."""
        self.broken = True
        self.close()
        if not self.extends:
            self.tile.on_first(lambda: store_of(self.path).remove(self.part))


def existing_output(path: Path) -> Path:
    """Return the file to be extended: the `.part` file of a run that was killed, or the file itself."""
    part = Path(f"{path}.part")
    return part if part.exists() else path


def stored_bytes(path: Path) -> int:
    """Return the size of an output [bytes]."""
    return store_of(path).size(path)


def open_output(path: Path) -> OpenFile:
    """Open an output that is to be continued for reading. Raises FileError if it is damaged."""
    try:
        return store_of(path).read(path)
    except FileError as error:
        remedy = "; delete it to continue the file without .part" if path.suffix == ".part" else ""
        raise FileError(f"{error}; it cannot be continued{remedy}") from None


def record_ends(f: OpenFile) -> np.ndarray:
    """Return the days at which the records of an output end."""
    return f["time_bounds"][:, 1] if "time_bounds" in f.variables else f["time"][:]
