"""The records of a field in files, each read when it is asked for, in the form of `read_field`.

Coordinates and times of all files are read and checked at the beginning. `stream_field` makes a forcing of them.
"""

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.constants import YEAR
from ogcm.data.decoding import text
from ogcm.data.orientation import with_coordinates, with_times
from ogcm.data.reader import Request, Variable, check_grids, in_order, lettered, request_of, understood
from ogcm.data.source import datasets, open_dataset, paths
from ogcm.data.times import time_axis
from ogcm.errors import FileError, InputError
from ogcm.inputs import Points
from ogcm.series import middles
from ogcm.stream import RecordsAtPoints, Stream

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray


def stream_field(
    source: Any,
    variable: str | None = None,
    quantity: str | None = None,
    *,
    period: Any = None,
    interpolation: str = "linear",
    **options: Any,
) -> Stream:
    """Make a forcing of a field in files, whose records are read while a model runs.

    It is an entry of `ogcm.Forcing`, `ogcm.Atmosphere` or the forcing of a tracer. Each record is interpolated to the
    points of the model, bilinearly in space, with missing values (the land of the file) filled by the nearest ones.

    Parameters
    ----------
    source : str, Path, sequence of str or Path, Dataset or DataArray
        Files, as for `read_field`.
    variable, quantity : str, optional
        The variable and what it is, as for `read_field`.
    period : float or timedelta64, optional
        Time [s] after which dated records repeat. Records of a climatological year repeat each year.
    interpolation : {"linear", "conservative"}
        Interpolation in time, see `ogcm.Series`. The intervals of conservative interpolation are the bounds of the
        times in the file, where it has them.
    **options : object
        `units`, `positive`, `missing`, `coordinates`, `attributes` and `west` of `read_field`.

    Returns
    -------
    Stream
        The forcing. Dates need a model with a `start`.

    Raises
    ------
    FileError, InputError
        As `read_field`, for what the coordinates and times tell; values are checked when they are read.
    """
    try:
        request = request_of(variable, quantity, **options)
    except TypeError as error:
        raise InputError(f"{source}: {error}; docs/data.md lists the options of a field") from None
    records = FileRecords(source, request)
    if records.axis == "time":
        edges = records.edges() if interpolation == "conservative" else None
        return Stream(records, records.times, period, interpolation, edges)
    if period is not None:
        raise InputError(f"{records.label}: is a climatological year, which repeats each year; leave out the period")
    whole = {"month": (12,), "day": (365, 366)}[records.axis]
    if records.count not in whole or not np.array_equal(records.times, np.arange(1, records.count + 1)):
        raise InputError(
            f"{records.label}: a climatological year needs {' or '.join(map(str, whole))} records, one of each "
            f"{records.axis}; found {records.count}"
        )
    return Stream(records, middles(records.count), YEAR, interpolation)


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
        if any(a[1] != b[0] for a, b in zip(known, known[1:], strict=False)):
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
                raise FileError(f"{found.label} has maps of {whole.shape}, those at the beginning had {self.shape}; the "
                                "file was changed during the run")  # fmt: skip
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

    def at(self, name: str, points: Points) -> RecordsAtPoints:
        """Return the records at the points of a model; `name` is that of the forcing, for messages."""
        return RecordsAtPoints(name, self, points)


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
