"""Output as NetCDF4 with CF-1.11 names, and what a file of ogcm holds.

A file is written under a temporary name (`.part`) and renamed when it is whole, so that nothing is ever
half-written under its own name. Every record is flushed to the disk, and HDF5's locks are not used, so that other
programs can read the `.part` while the run goes on, and what a killed run has written stays readable. HDF5 does not
survive a full disk (it fails late, then crashes the process), so room is asked for before each record, and a write
that fails all the same is kept from it (`Disk`).
"""

import os
import shutil
import weakref
from datetime import UTC, datetime
from pathlib import Path

import h5netcdf
import h5py
import numpy as np

import ogcm
from ogcm import diagnostics, files, provenance
from ogcm.constants import DAY
from ogcm.device import host
from ogcm.disk import Disk
from ogcm.errors import FileError, InputError, suggestion
from ogcm.fields import FIELDS
from ogcm.files import BROKEN
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.names import check_there
from ogcm.restart import RESTART
from ogcm.state import PROGNOSTIC

FILL = np.float32(9.969209968386869e36)
PRECISIONS = ("float32", "float64")
MARGIN = 1 << 18  # [bytes] kept free for what HDF5 writes of its own: indices, attributes


def vertical_velocity(model: Model) -> np.ndarray:
    """w at the interfaces (nk + 1, ny, nx) [m s-1]; 0 at the bottom."""
    return np.pad(diagnostics.vertical_velocity(model), ((0, 1), (0, 0), (0, 0)))


DERIVED = {
    "w": vertical_velocity,
    "zeta": diagnostics.vorticity,
    "h": diagnostics.thickness,
}
VARIABLES = (*PROGNOSTIC, *DERIVED)


def sample(model: Model, name: str) -> np.ndarray:
    """The interior of a prognostic or derived field."""
    return interior(getattr(model.state, name)) if name in PROGNOSTIC else DERIVED[name](model)


def water(model: Model, name: str) -> np.ndarray:
    """Where the field `name` has values: its shape, True over water."""
    field = FIELDS[name]
    mask = interior(getattr(model.grid, f"mask_{field.point.lower()}")) > 0
    if field.vertical == "":
        return mask[0]
    if field.vertical == "interface":
        ends = ((0, 1), (0, 0), (0, 0)), ((1, 0), (0, 0), (0, 0))
        return np.pad(mask, ends[0]) | np.pad(mask, ends[1])
    return mask


def check_variables(model: Model, variables: tuple[str, ...]) -> tuple[str, ...]:
    """The names that this model can write. Raises InputError for one that does not exist, or is named twice."""
    for n, name in enumerate(variables):
        if name not in VARIABLES:
            raise InputError(f"variables: unknown field {name!r}: {suggestion(str(name), VARIABLES)}")
        if name in variables[:n]:
            raise InputError(f"variables: {name!r} is named twice; name each field once")
    return tuple(n for n in variables if model.numerics.has_tracers or n not in ("T", "S"))


def record_bytes(model: Model, variables: tuple[str, ...], precision: str = "float32") -> int:
    """Bytes of one record of an output file."""
    cells = sum(water(model, name).size for name in variables)
    series = sum(np.size(value) for value in diagnostics.diagnose(model).values())
    return np.dtype(precision).itemsize * cells + 8 * series


def check_room(path: Path, need: int, remedy: str) -> None:
    """Raise FileError where the disk of `path` has less than `need` bytes free."""
    free = shutil.disk_usage(path.resolve().parent).free
    if need + MARGIN > free:
        raise FileError(f"{path}: needs about {(need + MARGIN) / 1e6:.3g} MB, {free / 1e6:.3g} MB are free; {remedy}")


def shut(file: h5netcdf.File, hdf: h5py.File, disk: Disk) -> None:
    """Close a file from the top down."""
    try:
        with disk.alone():
            file.close()
            hdf.close()
    finally:
        disk.close()


class Output:
    """A NetCDF4 file that grows by one record at a time; `close` gives it its name.

    `means`: each record is the mean over the steps for which `add` was called since the record before.
    `extend`: go on from the file of that name, or from the `.part` that a killed run left of it, without the records
    later than the model's time.
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
        extend: bool = False,
    ) -> None:
        """Raises FileError where the file cannot be written, or holds other fields than it is to be extended by."""
        self.path, self.part = Path(path), Path(f"{path}.part")
        self.model, self.variables, self.means, self.precision = model, variables, means, precision
        self.records, self.broken, self.extends = 0, False, extend
        self.masks = {name: water(model, name) for name in variables}
        self.size = record_bytes(model, variables, precision)
        try:
            if extend:
                self.check_fields()
                self.copy()
            self.disk = Disk(self.part, "r+" if extend else "w+")
            self.hdf = h5py.File(self.disk, "r+" if extend else "w")
            self.file = h5netcdf.File(self.hdf, "r+" if extend else "w")
        except FileError:
            raise
        except BROKEN as error:
            raise FileError(f"{self.path}: cannot be written: {error}") from None
        self.shut = weakref.finalize(self, shut, self.file, self.hdf, self.disk)  # at the latest when Python ends
        try:
            if extend:
                self.cut(config)
            else:
                self.describe(config)
            self.flush()
        except BROKEN as error:
            self.abandon()
            raise FileError(f"{self.path}: cannot be written ({self.disk.error or error})") from None
        self.start()

    def check_fields(self) -> None:
        """Raise FileError where the file to be extended has other fields, or is of another grid."""
        source = begun(self.path)
        with opened(source) as f:
            names = [n for n, v in f.variables.items() if "cell_methods" in v.attrs]
            same = set(names) == set(self.variables) and ("time_bounds" in f.variables) == self.means
            if not same or any(f[n].shape[1:] != m.shape for n, m in self.masks.items()):
                raise FileError(
                    f"{source}: holds {', '.join(names) or 'no fields'} of another run or grid; "
                    "choose another output, or pass overwrite (--overwrite)"
                )

    def copy(self) -> None:
        """The file to be extended as `.part`, unless a killed run left one."""
        if not self.part.exists():
            copied = Path(f"{self.part}.copy")
            try:
                shutil.copyfile(self.path, copied)
                files.unseal(copied)
                os.replace(copied, self.part)
            finally:
                copied.unlink(missing_ok=True)

    def start(self) -> None:
        """Begin an interval of means."""
        self.since, self.steps, self.sums = self.model.state.time, 0, {}

    def describe(self, config: str) -> None:
        """Dimensions, coordinates, what stays the same, and empty variables."""
        f, model = self.file, self.model
        y, x = model.horizontal.names
        f.dimensions["time"] = None
        describe_ocean(f, model, f"{model.name}, simulated by ogcm", config, "run")
        self.describe_time()
        places = places_of(model)
        levels = {"": (), "layer": ("z",), "interface": ("z_w",)}
        fill = FILL.astype(self.precision)
        for name in self.variables:
            field = FIELDS[name]
            dims = ("time", *levels[field.vertical], *places[field.point])
            chunks = (1, *self.masks[name].shape)
            v = f.create_variable(name, dims, self.precision, fillvalue=fill, chunks=chunks)
            v.attrs.update(units=field.units, long_name=field.long_name)
            if field.standard_name:
                v.attrs["standard_name"] = field.standard_name
            v.attrs["cell_methods"] = "time: mean" if self.means else "time: point"
            if field.point == "T":
                v.attrs["cell_measures"] = "area: cell_area"
        rename = {"y": y, "x": x, "y_f": f"{y}_f", "x_f": f"{x}_f"}
        for name, d in diagnostics.chosen(model).items():
            dims = ("time", *(rename.get(n, n) for n in d.dims))
            chunks = (1, *(f.dimensions[n].size for n in dims[1:])) if d.dims else (512,)
            v = f.create_variable(name, dims, "f8", chunks=chunks)
            v.attrs.update(units=d.units, long_name=d.long_name)
            if self.means:
                v.attrs["comment"] = "of the state at the end of the interval (time_bounds)"

    def describe_time(self) -> None:
        """When: time, and the bounds of means."""
        f = self.file
        time = f.create_variable("time", ("time",), "f8")
        time.attrs.update(units="days since 0001-01-01 00:00:00", calendar="360_day", axis="T", standard_name="time")
        if self.means:
            time.attrs["bounds"] = "time_bounds"
            f.create_variable("time_bounds", ("time", "bounds"), "f8")

    def cut(self, config: str) -> None:
        """Drop the records later than the model's time from a file that is to be extended."""
        f, day = self.file, self.model.state.time / DAY
        self.records = int((record_ends(f) <= day + 1e-9).sum())
        f.resize_dimension("time", self.records)
        f.attrs["history"] = f"{f.attrs['history']}\n{stamp(f'continued on day {day:g}')}"
        f.attrs["configuration"] = config

    @property
    def last(self) -> float:
        """Time of the last record [s], -inf in an empty file."""
        return float(self.file["time"][self.records - 1]) * DAY if self.records else -np.inf

    def add(self, model: Model) -> None:
        """Count the state of `model`, which may run on a GPU, into the mean (nothing to do for snapshots)."""
        self.steps += 1
        for name in self.variables if self.means else ():
            value = sample(model, name)
            if name not in self.sums:
                self.sums[name] = np.zeros_like(value, float)
            self.sums[name] += value

    def record(self, model: Model) -> None:
        """Append the state of `model`, or the mean since the last record. Raises FileError where the disk is full."""
        self.model = model
        if self.means:
            fields = {name: host(total) / max(self.steps, 1) for name, total in self.sums.items()}
        else:
            fields = {name: sample(model, name) for name in self.variables}
        self.write(fields, self.since, model.state.time)
        self.start()

    def write(self, fields: dict[str, np.ndarray], start: float, end: float) -> None:
        """Append `fields` (interiors) valid at `end` [s], or their means from `start` to `end`."""
        n = self.records
        check_room(self.path, self.size, f"make room and continue; {n} records are safe")
        try:
            with self.disk.alone():
                self.append(n, fields, start, end)
        except BROKEN as error:
            self.broken = True
            raise FileError(
                f"{self.path}: writing failed ({self.disk.error or error}); {n} records are safe in {self.part}, "
                "from which a run that continues goes on"
            ) from None
        self.records += 1

    def append(self, n: int, fields: dict[str, np.ndarray], start: float, end: float) -> None:
        """Write record `n` and let the disk have it."""
        self.file.resize_dimension("time", n + 1)
        self.file["time"][n] = (0.5 * (start + end) if self.means else end) / DAY
        if self.means:
            self.file["time_bounds"][n] = np.array([start, end]) / DAY
        for name, mask in self.masks.items():
            self.file[name][n] = np.where(mask, fields[name], FILL).astype(self.precision)
        for name, d in diagnostics.chosen(self.model).items():
            self.file[name][n] = d.function(self.model)
        self.flush()

    def flush(self) -> None:
        """Let the disk have everything. Raises OSError where it does not take it."""
        self.hdf.flush()
        if self.disk.error is not None:
            raise self.disk.error

    def close(self, complete: bool = True) -> None:
        """Finish the file and give it its name; a file whose writing failed keeps its temporary one.

        `complete` is false after a run that failed, whose records so far are as good.
        """
        if not self.shut.alive:
            return
        try:
            self.shut()
            if self.disk.error is not None:
                raise self.disk.error
            if not self.broken:
                files.seal(self.part)
                os.replace(self.part, self.path)
        except BROKEN as error:
            if not self.broken:
                raise FileError(
                    f"{self.path}: cannot be finished ({error}); what was written is in {self.part}"
                ) from None

    def abandon(self) -> None:
        """Close the file before its first record; a new one is removed."""
        self.broken = True
        self.close()
        if not self.extends:
            self.part.unlink(missing_ok=True)


def begun(path: Path) -> Path:
    """What there is of an output that is to be extended: the `.part` of a run that was killed, or the file."""
    part = Path(f"{path}.part")
    return part if part.exists() else path


def opened(path: Path) -> h5netcdf.File:
    """A file of ours to read. Raises FileError where it is damaged."""
    files.verify(path, required=False)
    try:
        return h5netcdf.File(path, "r")
    except BROKEN as error:
        remedy = "; delete it to go on with the file without .part" if path.suffix == ".part" else ""
        raise FileError(
            f"{path}: cannot be continued, it is damaged or not an output of ogcm ({error}){remedy}"
        ) from None


def record_ends(f: h5netcdf.File) -> np.ndarray:
    """Days at which the records of an output end."""
    return f["time_bounds"][:, 1] if "time_bounds" in f.variables else f["time"][:]


def places_of(model: Model) -> dict[str, tuple[str, str]]:
    """The horizontal dimensions of the fields at T, U, V and F points, as a file calls them."""
    y, x = model.horizontal.names
    return {"T": (y, x), "U": (y, f"{x}_f"), "V": (f"{y}_f", x), "F": (f"{y}_f", f"{x}_f")}


def describe_ocean(f: h5netcdf.File, model: Model, title: str, config: str, what: str) -> None:
    """What every file says of its ocean: attributes, dimensions, coordinates, and what stays the same."""
    y, x = model.horizontal.names
    (ny, nx), nk = model.horizontal.shape, len(model.dz)
    f.attrs["Conventions"] = "CF-1.11"
    f.attrs["title"] = title
    f.attrs["source"] = f"ogcm {ogcm.__version__}"
    f.attrs["history"] = stamp(what)
    f.attrs["configuration"] = config
    f.attrs.update(provenance.record(model))
    sizes = {"z": nk, "z_w": nk + 1, y: ny, x: nx, f"{y}_f": ny, f"{x}_f": nx, "bounds": 2}
    for name, size in sizes.items():
        f.dimensions[name] = size
    describe_coordinates(f, model)
    wet = interior(model.grid.mask_t)
    static = {
        "depth": (np.where(wet[0], interior(model.grid.depth_t), 0), "m", "sea_floor_depth_below_geoid", (y, x)),
        "cell_area": (interior(model.grid.area_t), "m2", "cell_area", (y, x)),
        "mask": (wet, "1", "sea_binary_mask", ("z", y, x)),
        "cell_thickness": (interior(model.grid.h_t), "m", "cell_thickness", ("z", y, x)),
    }
    for name, (values, units, standard_name, dims) in static.items():
        v = f.create_variable(name, dims, data=values)
        v.attrs.update(units=units, standard_name=standard_name, long_name=name.replace("_", " "))


def describe_coordinates(f: h5netcdf.File, model: Model) -> None:
    """Where: the horizontal coordinates of T points and of east and north faces, and z."""
    horizontal = model.horizontal
    y, x = horizontal.names
    degrees = horizontal.units == "degrees"
    units = {"Y": "degrees_north", "X": "degrees_east"} if degrees else {}
    standard = {"Y": "latitude", "X": "longitude"} if degrees else {}
    if horizontal.units == "m":
        standard = {"Y": "projection_y_coordinate", "X": "projection_x_coordinate"}
    for axis, name, place in (("Y", y, "y_t"), ("X", x, "x_t"), ("Y", f"{y}_f", "y_f"), ("X", f"{x}_f", "x_f")):
        v = f.create_variable(name, (name,), data=getattr(horizontal, place).astype(float))
        side = "" if place.endswith("t") else " of north faces" if axis == "Y" else " of east faces"
        v.attrs.update(units=units.get(axis, horizontal.units), long_name=f"{name.removesuffix('_f')}{side}")
        if not side:
            v.attrs["axis"] = axis
        if standard:
            v.attrs["standard_name"] = standard[axis]
    depth = np.concatenate([[0.0], np.cumsum(model.dz)])
    for name, height in (("z", -0.5 * (depth[1:] + depth[:-1])), ("z_w", -depth)):
        v = f.create_variable(name, (name,), data=height)
        v.attrs.update(units="m", positive="up", standard_name="height_above_mean_sea_level")
        v.attrs["long_name"] = "height of resting layer centres" if name == "z" else "height of resting interfaces"
    f["z"].attrs.update(axis="Z", bounds="z_bounds")
    f.create_variable("z_bounds", ("z", "bounds"), data=-np.stack([depth[:-1], depth[1:]], axis=1))


def stamp(what: str) -> str:
    """A line of a file's history."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} ogcm {ogcm.__version__} {what}"


def info(path: str | Path) -> str:
    """What a file written by ogcm holds, in words. Raises FileError where it cannot be read."""
    check_there(path)
    try:
        files.verify(path, required=False)
        with h5py.File(path, "r") as f:
            if f.attrs.get("format") == RESTART:
                s, (nk, ny, nx) = f["state"].attrs, (f["state/u"].shape[0], len(f["ocean/y"]), len(f["ocean/x"]))
                lines = [
                    f"{path}: restart of {f.attrs['name']}, step {s['step']}, day {s['time'] / DAY:g}",
                    f"  {nk} layers of {ny} x {nx} cells, {f['state/u'].dtype}",
                ]
                return "\n".join(lines)
        with h5netcdf.File(path, "r", phony_dims="sort") as f:
            return "\n".join([f"{path}: {f.attrs.get('title', 'no output of ogcm')}", *contents(f)])
    except FileError:
        raise
    except BROKEN as error:
        raise FileError(f"{path}: truncated or not a NetCDF4 file ({error})") from None


def contents(f: h5netcdf.File) -> list[str]:
    """Records, dimensions and variables of an output file, a line each."""
    lines = []
    if "time" in f.variables and len(f["time"]):
        days = f["time"][:]
        lines.append(f"  {len(days)} records, day {days[0]:g} to {days[-1]:g}")
    lines.append("  " + ", ".join(f"{n}: {d.size}" for n, d in f.dimensions.items()))
    for name, v in f.variables.items():
        units, text = v.attrs.get("units", ""), v.attrs.get("long_name", v.attrs.get("standard_name", ""))
        lines.append(f"  {name:18} {units:12} {text} {tuple(v.dimensions)}")
    return lines
