"""Files: output as NetCDF4 with CF-1.11 names, restarts as HDF5.

A file is written under a temporary name (`.part`) and renamed when it is whole, so that nothing
is ever half-written under its own name.
"""

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import h5netcdf
import h5py
import numpy as np

import ogcm
from ogcm import diagnostics
from ogcm.errors import FileError, InputError
from ogcm.fields import FIELDS
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.parameters import nearest
from ogcm.state import PROGNOSTIC, State

FILL = np.float32(9.969209968386869e36)
DAY = 86400.0
RESTART = "ogcm restart 1"
DERIVED = {
    "w": lambda m: diagnostics.vertical_velocity(m),
    "zeta": lambda m: diagnostics.vorticity(m),
    "h": lambda m: diagnostics.thickness(m),
}
VARIABLES = (*PROGNOSTIC, *DERIVED)


def sample(model: Model, name: str) -> np.ndarray:
    """The interior of a prognostic or derived field."""
    return interior(getattr(model.state, name)) if name in PROGNOSTIC else DERIVED[name](model)


def check_variables(model: Model, variables: tuple[str, ...]) -> tuple[str, ...]:
    """The names that this model can write; raises InputError for one that does not exist."""
    for name in variables:
        if name not in VARIABLES:
            raise InputError(f"variables: unknown field {name!r}: {nearest(name, VARIABLES)}")
    return tuple(n for n in variables if model.numerics.has_tracers or n not in ("T", "S"))


class Output:
    """A NetCDF4 file that grows by one record at a time; `close` gives it its name."""

    def __init__(self, path: str | Path, model: Model, variables: tuple[str, ...], config: str, means: bool) -> None:
        self.path, self.part = Path(path), Path(f"{path}.part")
        self.model, self.variables, self.means = model, variables, means
        self.records = 0
        try:
            self.file = h5netcdf.File(self.part, "w")
        except OSError as error:
            raise FileError(f"{self.path}: cannot be written: {error}") from None
        self.describe(config)

    def describe(self, config: str) -> None:
        """Dimensions, coordinates, what stays the same, and empty variables."""
        f, model, horizontal = self.file, self.model, self.model.horizontal
        y, x = horizontal.names
        ny, nx = horizontal.shape
        nk = len(model.dz)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        f.attrs["Conventions"] = "CF-1.11"
        f.attrs["title"] = f"{model.name}, simulated by ogcm"
        f.attrs["source"] = f"ogcm {ogcm.__version__}"
        f.attrs["history"] = f"{now} ogcm {ogcm.__version__} run"
        f.attrs["configuration"] = config
        f.dimensions = {"time": None, "z": nk, "z_w": nk + 1, y: ny, x: nx, f"{y}_f": ny, f"{x}_f": nx, "bounds": 2}
        degrees = horizontal.units == "degrees"
        for axis, name, values in (
            ("Y", y, horizontal.y_t),
            ("X", x, horizontal.x_t),
            ("Y", f"{y}_f", horizontal.y_f),
            ("X", f"{x}_f", horizontal.x_f),
        ):
            v = f.create_variable(name, (name,), data=values.astype(float))
            v.attrs["axis"] = axis
            if degrees:
                v.attrs["units"] = "degrees_north" if axis == "Y" else "degrees_east"
                v.attrs["standard_name"] = "latitude" if axis == "Y" else "longitude"
            else:
                v.attrs["units"] = horizontal.units
                v.attrs["standard_name"] = f"projection_{axis.lower()}_coordinate"
        depth = np.concatenate([[0.0], np.cumsum(model.dz)])
        z = f.create_variable("z", ("z",), data=-0.5 * (depth[1:] + depth[:-1]))
        upward = {"units": "m", "positive": "up", "axis": "Z", "standard_name": "height_above_mean_sea_level"}
        z.attrs.update(upward, bounds="z_bounds")
        f.create_variable("z_bounds", ("z", "bounds"), data=-np.stack([depth[:-1], depth[1:]], axis=1))
        z_w = f.create_variable("z_w", ("z_w",), data=-depth)
        z_w.attrs.update(upward)
        time = f.create_variable("time", ("time",), "f8")
        time.attrs.update(
            units="days since 0001-01-01 00:00:00",
            calendar="360_day",
            axis="T",
            standard_name="time",
            bounds="time_bounds",
        )
        f.create_variable("time_bounds", ("time", "bounds"), "f8")
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
        self.masks = {}
        for name in self.variables:
            field = FIELDS[name]
            along = {"T": (y, x), "U": (y, f"{x}_f"), "V": (f"{y}_f", x), "F": (f"{y}_f", f"{x}_f")}[field.point]
            dims = along if field.vertical == "" else ("z", *along)
            mask = interior(getattr(model.grid, f"mask_{field.point.lower()}"))
            self.masks[name] = (mask[0] if field.vertical == "" else mask) > 0
            v = f.create_variable(name, ("time", *dims), "f4", fillvalue=FILL, chunks=(1, *self.masks[name].shape))
            v.attrs.update(units=field.units, long_name=field.long_name)
            if field.standard_name:
                v.attrs["standard_name"] = field.standard_name
            v.attrs["cell_methods"] = "time: mean" if self.means else "time: point"
        rename = {"y": y, "x": x, "y_f": f"{y}_f", "x_f": f"{x}_f"}
        for name, d in diagnostics.chosen(model).items():
            dims = tuple(rename.get(n, n) for n in d.dims)
            v = f.create_variable(name, ("time", *dims), "f8")
            v.attrs.update(units=d.units, long_name=d.long_name)

    def write(self, fields: dict[str, np.ndarray], start: float, end: float) -> None:
        """Append a record: `fields` (interiors) valid at `end`, or their means from `start` to `end` [s]."""
        n = self.records
        try:
            self.file.resize_dimension("time", n + 1)
            middle = 0.5 * (start + end) if self.means else end
            self.file["time"][n] = middle / DAY
            self.file["time_bounds"][n] = np.array([start, end]) / DAY
            for name, mask in self.masks.items():
                self.file[name][n] = np.where(mask, fields[name], FILL).astype(np.float32)
            for name, d in diagnostics.chosen(self.model).items():
                self.file[name][n] = d.function(self.model)
            self.file.flush()
        except OSError as error:
            raise FileError(f"{self.path}: writing failed ({error}); is the disk full? See {self.part}") from None
        self.records += 1

    def close(self) -> None:
        """Finish the file and give it its name."""
        self.file.close()
        os.replace(self.part, self.path)


def checksum(file: h5py.Group) -> str:
    """Hash of the arrays of a restart, in order of their names."""
    whole = hashlib.sha256()
    file.visititems(lambda name, a: whole.update(a[()].tobytes()) if isinstance(a, h5py.Dataset) else None)
    return whole.hexdigest()


def save_restart(path: str | Path, model: Model, state: State | None = None) -> None:
    """Write the whole state, to the bit. Raises FileError where the disk does not take it."""
    state = state or model.state
    part = Path(f"{path}.part")
    try:
        with h5py.File(part, "w") as f:
            for group, s in (("state", state), ("previous", state.previous)):
                if s is None:
                    continue
                g = f.create_group(group)
                for name, a in s.arrays().items():
                    g[name] = a
                g.attrs.update(time=s.time, step=s.step)
            f.attrs.update(format=RESTART, name=model.name, shape=model.grid.h_t.shape, checksum=checksum(f))
            f.attrs["config"] = json.dumps(model.config, default=str)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise FileError(f"{path}: the restart could not be written ({error}); make room and try again") from None


def load_restart(path: str | Path, model: Model) -> None:
    """Take the state of a restart file into the model, to the bit.

    Raises FileError for a file that is missing, truncated, foreign, damaged or of another grid.
    """
    try:
        with h5py.File(path, "r") as f:
            if f.attrs.get("format") != RESTART:
                raise FileError(f"{path}: not a restart of ogcm; restarts end in .restart.h5")
            if tuple(f.attrs["shape"]) != model.grid.h_t.shape:
                raise FileError(
                    f"{path}: holds a grid of (layers, rows, columns with halo) {tuple(f.attrs['shape'])}, "
                    f"this model has {model.grid.h_t.shape}; use the options of the first run"
                )
            if checksum(f) != f.attrs["checksum"]:
                raise FileError(f"{path}: damaged, its checksum does not fit; use an earlier restart")
            if f["state"]["u"].dtype != model.state.u.dtype:
                raise FileError(f"{path}: holds {f['state']['u'].dtype}, this model runs in {model.state.u.dtype}")
            states = {}
            for group in ("state", "previous"):
                if group in f:
                    fields = {name: f[group][name][()] for name in PROGNOSTIC}
                    time, step = float(f[group].attrs["time"]), int(f[group].attrs["step"])
                    states[group] = State(**fields, time=time, step=step)
    except (OSError, KeyError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: missing, truncated or not a restart of ogcm ({error})") from None
    states["state"].previous = states.get("previous")
    model.state.assign(states["state"])


def info(path: str | Path) -> str:
    """What a file written by ogcm holds, in words."""
    try:
        with h5py.File(path, "r") as f:
            if f.attrs.get("format") == RESTART:
                s = f["state"].attrs
                return f"{path}: restart of {f.attrs['name']}, step {s['step']}, day {s['time'] / DAY:g}"
    except OSError as error:
        raise FileError(f"{path}: missing or not an HDF5 file ({error})") from None
    with h5netcdf.File(path, "r") as f:
        lines = [f"{path}: {f.attrs.get('title', 'no title')}"]
        if "time" in f.variables and len(f["time"]):
            days = f["time"][:]
            lines.append(f"  {len(days)} records, day {days[0]:g} to {days[-1]:g}")
        lines.append("  " + ", ".join(f"{n}: {d.size}" for n, d in f.dimensions.items()))
        for name, v in f.variables.items():
            units, text = v.attrs.get("units", ""), v.attrs.get("long_name", v.attrs.get("standard_name", ""))
            lines.append(f"  {name:18} {units:12} {text} {tuple(v.dimensions)}")
    return "\n".join(lines)
