"""One-way nesting: what is outside of open sides from the output of another run.

    sides = ogcm.OpenSides(west=True, **ogcm.outside_of("parent.nc"))

Fields are interpolated linearly between the four columns around a point, and between two layers of each. The depth mean
of u and v is shifted so that the transport per width is that of the parent.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.columns import Columns, interpolation, mean_of_transport, on_grid, plane, without_land
from ogcm.constants import DAY
from ogcm.data.source import open_with
from ogcm.data.times import time_axis
from ogcm.errors import FileError, InputError
from ogcm.outer import Entries, Outer, RimPoints, over_layers, with_depth_mean
from ogcm.series import Series

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
FIELDS = ("eta", "u", "v", "T", "S")
LAYERS = {"u": "cell_thickness_u", "v": "cell_thickness_v"}  # all others lie at the centres of cells
NEEDED = ("time", "cell_thickness", "cell_thickness_u", "cell_thickness_v", "mask", "mask_u", "mask_v")


@dataclass(frozen=True)
class Parent(Outer):
    """One field of the output of a run, see `outside_of`."""

    path: Path
    field: str

    def series(self, points: RimPoints) -> Series:
        with open_with(self.path, (*NEEDED, self.field)) as ds:
            y, x = (np.asarray(ds[d].values, float) for d in ds[self.field].dims[-2:])
            label = f"{self.path}: {self.field}"
            at = points.near(0.5 * (x[0] + x[-1]))
            shares = on_grid(label, x, y, at)
            middle = float(y.mean()) if points.units == "degrees" else None
            places = np.stack([a.ravel() for a in np.meshgrid(x, y)], axis=1)
            thickness = LAYERS.get(self.field, "cell_thickness")
            h = np.where(ds[thickness.replace("cell_thickness", "mask")].values == 1, ds[thickness].values, 0.0)
            h = h.reshape(len(h), -1)
            columns = Columns(
                places[:, 0], places[:, 1], 0.5 * h - np.cumsum(h, axis=0), (h > 0).sum(axis=0), -h.sum(axis=0)
            )
            if self.field == "eta":
                columns = columns._replace(heights=0 * h[:1], wet=columns.wet.clip(0, 1))
            wet = without_land(label, shares, columns, plane(*at, middle), plane(places[:, 0], places[:, 1], middle))
            weights = interpolation(wet, columns, points.z)
            depth, values = over_layers(points.h), []
            for n in range(ds.sizes["time"]):
                record = ds[self.field][n].values.astype(float).reshape(len(columns.heights), -1)
                values.append((weights @ record.ravel()).reshape(points.z.shape))
                if self.field in LAYERS:
                    mean = mean_of_transport(shares, record, h, depth)
                    values[-1] = with_depth_mean(values[-1], points.h, mean)
            times = parent_times(label, ds["time"], points.start)
        return Series(values, times)


def parent_times(label: str, time: "xr.DataArray", start: Any) -> Array:
    """Return the times of records: dates, or seconds where neither run has a start."""
    from_start = str(time.attrs.get("units", "")).startswith("days since 0001-01-01")
    if from_start != (start is None):
        raise InputError(f"{label}: only one of both runs has a start; give both the option start, or none")
    if from_start:
        return np.asarray(time.values, float) * DAY
    return time_axis(label, time, time.size)[1]


def outside_of(path: str | Path) -> Entries:
    """Make what is outside of open sides from the output file of another run.

    Parameters
    ----------
    path : str or Path
        Output of `ogcm.Simulation` with u, v, eta, T and S, of the same kind of coordinates as the nested ocean, which
        it surrounds. Both runs have a `start`, or none; without one, both count their times from the same instant.

    Returns
    -------
    Entries
        The entries eta, u, v, T and S of `ogcm.OpenSides`.

    Raises
    ------
    FileError
        For a file that does not exist. Other mistakes are reported when the model is made.
    """
    if not Path(path).is_file():
        raise FileError(f"{path}: missing; nesting needs the output file of a run")
    eta, u, v, T, S = (Parent(Path(path), field) for field in FIELDS)
    return Entries(eta=eta, u=u, v=v, T=T, S=S)
