"""The records of a field in files, each read when it is asked for, in the form of `read_field`.

Coordinates and times of all files are read and checked at the beginning. `ogcm.stream_field` makes a forcing
of them.
"""

import os
import threading
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.data.decoding import text
from ogcm.data.fill import nearest_places
from ogcm.data.orientation import with_coordinates, with_times
from ogcm.data.reader import Request, Variable, check_grids, in_order, lettered, understood
from ogcm.data.source import datasets, open_dataset, paths
from ogcm.data.times import time_axis
from ogcm.errors import FileError, InputError

if TYPE_CHECKING:
    import xarray as xr

    from ogcm.inputs import Points

Array = np.ndarray


class FileRecords:
    """The records of a field in files, in the order of their times.

    Parameters
    ----------
    source : str, Path, sequence of str or Path, Dataset or DataArray
        Files, as for `read_field`.
    request : Request
        What is read of them.

    Attributes
    ----------
    label : str
        Names of the first file and of the variable, for messages.
    grid : DataArray, shape (ny, nx)
        Places of the values in a record of a file, with the coordinates `lat` and `lon`, in the form of `read_field`.
    axis : str
        "time", or "month" or "day" of a climatological year.
    times : ndarray, shape (nt,)
        Dates, or numbers of months or days.
    """

    def __init__(self, source: Any, request: Request) -> None:
        import xarray as xr

        self.request = request
        self.files: list[Any] = [source] if hasattr(source, "dims") else paths(source)
        grids, times, self.bounds = [], list["xr.DataArray"](), list[Array | None]()
        for where, ds in datasets(source):
            found = understood(where, ds, request)
            check_axes(found)
            count = found.v.sizes[found.axes.dimensions["time"]]
            numbers = xr.DataArray(np.arange(count), dims="time", attrs={"source": where}, name=found.v.name)
            times.append(with_times(found.label, numbers, found.axes))
            self.bounds += bounds_of(found, ds, count)
            grids.append(places_of(found, request.west))
            self.shape = record_of(found, 0).shape
        check_grids([grid.expand_dims("time") for grid in grids])
        order = xr.concat(times, "time", combine_attrs="override") if len(times) > 1 else times[0]
        file_of = np.repeat(np.arange(len(times)), [len(t) for t in times])
        position = in_order(order.copy(data=np.arange(len(order)))).values
        self.where = [(int(file_of[p]), int(order.values[p])) for p in position]
        self.bounds = [self.bounds[p] for p in position]
        self.axis = next(name for name in ("time", "month", "day") if name in order.coords)
        self.times, self.grid = order[self.axis].values[position], grids[0]
        self.label = f"{times[0].attrs['source']}: {order.name}"
        self.renew()

    def renew(self) -> None:
        """Begin without an open file."""
        self.lock = threading.Lock()  # the file is open for one thread at a time
        self.opened: tuple[int, xr.Dataset, Variable] | None = None

    def __getstate__(self) -> dict:
        return {key: value for key, value in vars(self).items() if key not in ("lock", "opened")}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self.renew()

    @property
    def count(self) -> int:
        """Number of records."""
        return len(self.where)

    @property
    def mark(self) -> str:
        """A text that changes with the files."""
        sizes = [f"{f} {os.path.getsize(f)}" if isinstance(f, Path) else "Dataset" for f in self.files]
        return f"{self.label} {sizes} {self.request}"

    def edges(self) -> Array | None:
        """Return the edges (nt + 1,) of the intervals of the records, None where files have no bounds of times.

        Raises InputError for intervals that do not follow each other.
        """
        known = [b for b in self.bounds if b is not None]
        if len(known) < len(self.bounds):
            return None
        if any(a[1] != b[0] for a, b in pairwise(known)):
            raise InputError(
                f"{self.label}: the bounds of its times leave gaps or overlap, but conservative interpolation needs "
                "intervals that follow each other; choose interpolation='linear'"
            )
        return np.array([b[0] for b in known] + [known[-1][1]])

    def read(self, n: int, grid: "xr.DataArray") -> Array:
        """Read a record.

        Parameters
        ----------
        n : int
            Its index.
        grid : DataArray of int, shape (ny, nx)
            The attribute `grid`, or a part of it.

        Returns
        -------
        ndarray, shape (ny, nx)
            Its values there, NaN where they are missing.

        Raises
        ------
        FileError, InputError
            For a file that cannot be read, and for values that cannot be understood.
        """
        file, record = self.where[n]
        with self.lock:
            found = self.variable(file)
            whole = record_of(found, record)
            if whole.shape != self.shape:
                raise FileError(f"{found.label} has maps of {whole.shape}, before it had {self.shape}; the file "
                                "was changed during the run")  # fmt: skip
            rows, columns = np.divmod(grid.values, whole.shape[1])
            first, left = rows.min(), columns.min()
            part = whole[first : rows.max() + 1, left : columns.max() + 1]
            return found.read(part)[rows - first, columns - left]

    def variable(self, file: int) -> Variable:
        """Return the variable of a file, which stays open until another one is needed."""
        if self.opened is None or self.opened[0] != file:
            known = self.files[file]
            if isinstance(known, Path):
                if self.opened is not None:
                    self.opened[1].close()
                where, ds = str(known), open_dataset(known, verified=True)
            else:
                where, ds = next(datasets(known))
            self.opened = file, ds, understood(where, ds, self.request)
        return self.opened[2]

    def at(self, name: str, points: "Points") -> "RecordsAtPoints":
        """Return the records at the points of a model; `name` is that of the forcing, for messages."""
        return RecordsAtPoints(name, self, points)


class RecordsAtPoints:
    """Records of files at the points of a model: read, filled where they are missing, and interpolated.

    Parameters
    ----------
    name : str
        Name of the forcing, for messages.
    records : FileRecords
        The records.
    points : Points
        Points of the model, or of a tile of it. The weights and the part of a map that is read are those of the whole
        ocean, so that the values do not depend on the division; a tile computes those at its own points.
    """

    def __init__(self, name: str, records: FileRecords, points: "Points") -> None:
        from ogcm.preparation.regridding import Places, Regridding  # a part of ogcm that needs this package
        from ogcm.preparation.sources import cropped

        self.name, self.records, whole = name, records, points.whole or points
        target = Places(whole.y, whole.x, whole.y, whole.x)
        self.grid = records.grid if records.grid["lon"].ndim == 2 else cropped(records.grid, target)
        reached = min(self.grid.shape) > 1
        if reached:
            self.regridding = Regridding(self.grid["lat"].values, self.grid["lon"].values, target)
            reached = bool(np.isfinite(self.regridding(np.zeros(self.grid.shape))).any())
        if not reached:
            raise InputError(f"{name}: {records.label} does not reach the region of the model; check its coordinates")
        if points.whole is not None and points.tile is not None:
            self.regridding = self.regridding.part(points.tile.rows, points.tile.columns)
        self.filling: tuple[Array, tuple[Array, Array]] | None = None  # missing points, and those that fill them

    def read(self, n: int) -> Array:
        """Return a record at the points.

        Parameters
        ----------
        n : int
            Its index.

        Returns
        -------
        ndarray, shape (ny, nx)
            The map, NaN where the files do not reach.

        Raises
        ------
        FileError, InputError
            For a record that cannot be read or has no value in the region.
        """
        record = self.records.read(n, self.grid)
        missing = ~np.isfinite(record)
        if missing.all():
            raise InputError(f"{self.name}: record {n} of {self.records.label} has no value in the region")
        if missing.any():
            filling = self.filling
            if filling is None or not np.array_equal(filling[0], missing):
                filling = missing, nearest_places(missing, bool(self.grid.attrs["periodic_x"]))
                self.filling = filling
            record = record[filling[1]]
        return self.regridding(record)


def check_axes(found: Variable) -> None:
    """Raise InputError for a variable that is not maps at several times."""
    missing = [role for role in ("latitude", "longitude") if role not in found.axes.coordinates]
    axes = set(found.axes.dimensions)
    if missing or axes - {"z"} != {"time", "y", "x"} or ("z" in axes and found.v.sizes[found.axes.dimensions["z"]] > 1):
        raise InputError(
            f"{found.label} has the dimensions {', '.join(map(str, found.v.dims))}; a stream needs time, latitude and "
            "longitude, and one layer at most; for other fields use read_field"
        )


def record_of(found: Variable, record: int) -> "xr.DataArray":
    """Return one record of a variable, in the order of the file, without reading it."""
    plane = {found.axes.dimensions["y"], found.axes.dimensions["x"]}
    chosen = {found.axes.dimensions["time"]: record}
    return found.v.isel({d: chosen.get(str(d), 0) for d in found.v.dims if d not in plane})


def places_of(found: Variable, west: float) -> "xr.DataArray":
    """Return where the values of the field lie in a record of the file, with their coordinates."""
    one = record_of(found, 0)
    numbers = lettered(found, one.copy(data=np.arange(one.size).reshape(one.shape)))
    return with_coordinates(found.label, numbers, found.axes, west)


def bounds_of(found: Variable, ds: "xr.Dataset", count: int) -> list[Array | None]:
    """Return the two dates between which the interval of each record lies, None where the file does not tell them."""
    c = found.axes.coordinates.get("time")
    name = "" if c is None else text(c.attrs, "bounds") or text(c.encoding, "bounds")
    if c is None or name not in ds.variables or ds[name].shape != (count, 2):
        return [None] * count
    label = f"{found.label.rpartition(': ')[0]}: {name}"
    columns = [ds[name][:, side].assign_attrs({**c.attrs, **ds[name].attrs}) for side in (0, 1)]
    first, last = (time_axis(label, column, count) for column in columns)
    return list(np.stack([first[1], last[1]], axis=1)) if first[0] == last[0] == "time" else [None] * count
