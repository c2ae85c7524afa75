"""The file of observations of ogcm: a CF file of points (featureType "point") that `read` accepts without options."""

from collections.abc import Sequence
from pathlib import Path

import h5netcdf
import h5py
import numpy as np

from adjoint.observations.columns import begin_of_run
from adjoint.observations.points import Points
from ogcm import files
from ogcm.dates import time_attributes
from ogcm.model import Model

Array = np.ndarray
UNITS = {"degrees": ("degrees_north", "degrees_east"), "m": ("m", "m"), "1": ("1", "1")}  # y, x


def filled(values: Array) -> Array:
    """Return values in float64, NaN where they are masked."""
    return np.ma.filled(np.ma.asarray(values, float), np.nan)


def write(path: str | Path, points: Sequence[Points], model: Model) -> None:
    """Write observations to a file that `read` accepts, without a change of their bits.

    Parameters
    ----------
    path : str or Path
        The file.
    points : sequence of Points
        The observations.
    model : Model
        The model. Times are written since the date of its state, if it has dates.

    Raises
    ------
    FileError
        Where it cannot be written.
    """
    model.grid.tile.on_first(lambda: write_points(path, [p.whole() for p in points], model))


def groups_apart(points: Sequence[Points]) -> list[Array]:
    """Return the numbers of groups of offsets, so that those of two data sets of one field stay apart in a file."""
    found, first = list[Array](), dict[str, int]()
    for p in points:
        number, used = np.asarray(p.offset, np.int32), first.get(p.field, 0)
        found.append(np.where(number >= 0, number + used, number).astype(np.int32))
        first[p.field] = max(used, int(found[-1].max(initial=-1)) + 1)
    return found


def write_points(path: str | Path, points: Sequence[Points], model: Model) -> None:
    """Write observations as `write` does, in this process."""
    starts = np.concatenate([[0], np.cumsum([len(p.x) for p in points])])
    (y_name, x_name), (y_units, x_units) = model.horizontal.names, UNITS[model.horizontal.units]
    time = {"units": "days"} if model.start is None else time_attributes(begin_of_run("", model))
    columns = {  # variable: column, attributes
        "time": ("days", time | {"long_name": "time, the middle of the span of a mean"}),
        x_name: ("x", {"units": x_units}),
        y_name: ("y", {"units": y_units}),
        "z": ("z", {"units": "m", "positive": "up"}),
        "span": ("span", {"units": "days", "long_name": "time over which a value is a mean"}),
    }
    with files.write_hdf5(path, opener=h5netcdf.File) as f:
        f.attrs.update(Conventions="CF-1.11", featureType="point", title=f"observations of {model.name}")
        f.dimensions = {"obs": int(starts[-1])}
        for name, (column, attributes) in columns.items():
            v = f.create_variable(name, ("obs",), data=np.concatenate([filled(getattr(p, column)) for p in points]))
            v.attrs.update(attributes)
        offset = np.concatenate(groups_apart(points))
        v = f.create_variable("offset", ("obs",), data=offset)
        v.attrs.update(units="1", long_name="group with an unknown mean offset, -1 for none")
        platform = np.concatenate([np.asarray(p.platform, object) for p in points])
        v = f.create_variable("platform", ("obs",), dtype=h5py.string_dtype(), data=platform)
        v.attrs["long_name"] = "what made the observation"
        for p, start, end in zip(points, starts[:-1], starts[1:], strict=True):
            field, about = p.field, {"coordinates": f"time {y_name} {x_name} z", "units": model.fields[p.field].units}
            for name, values in ((field, p.values), (f"{field}_error", p.errors)):
                v = f.variables.get(name)
                if v is None:
                    v = f.create_variable(name, ("obs",), "f8", fillvalue=np.nan)
                    v[...] = np.nan
                    v.attrs.update(about | {"long_name": model.fields[field].long_name})
                v[start:end] = filled(values)
