"""Forcing as a stream: the records of a series are read from files while a model runs, ahead of their use.

A `Stream` is a `Series` whose records are in files (`ogcm.stream_field` makes one). In a model its values are a
`ReadAhead`, from which the run takes records by their number, as from an array. At most `KEPT` of them are in memory,
and the next one is read and interpolated in a thread of its own, which ends with this record: forwards in time in a
run, backwards in an adjoint. Errors in the thread are raised where the record is taken.
"""

import copy
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.constants import YEAR
from ogcm.device import to_device
from ogcm.errors import InputError
from ogcm.inputs import Points
from ogcm.series import Series, middles

if TYPE_CHECKING:
    import cftime

Array = np.ndarray
KEPT = 5  # records in memory; interpolation needs three at most


class Stream(Series):
    """Maps in files at given times, which are read while a model runs; see `Series` and `stream_field`.

    Parameters
    ----------
    values : object
        The records (class FileRecords in ogcm/data/records.py): their number `count`, a `label` for messages, a text
        `mark` that changes with the files, and the method `at`, which returns them at the points of a model.
    times : array_like, shape (nt,)
        Times of the records, as those of a series.
    period : float or timedelta64, optional
        Time [s] after which the series repeats; none by default.
    interpolation : {"linear", "conservative"}
        Interpolation in time.
    edges : array_like, shape (nt + 1,), optional
        Edges of the intervals of the records.
    held : bool, default False
        Whether the first and the last record are held for any time before and after them.
    """

    def bound(self, name: str, points: Points, start: "cftime.datetime | None" = None) -> Series:
        """Find the weights with which records are interpolated to points, and times and period in seconds.

        Parameters
        ----------
        name : str
            Name of the forcing, for messages.
        points : Points
            Points of the maps.
        start : date, optional
            Start of the model, from which dates are counted.

        Returns
        -------
        Series
            The same series; its values are the records at the points.

        Raises
        ------
        InputError
            As for `Series.bound`.
        """
        return replace(self.timed(name, self.values.count, start), values=self.values.at(name, points))


def stream_field(
    source: Any,
    variable: str | None = None,
    quantity: str | None = None,
    *,
    period: Any = None,
    interpolation: str = "linear",
    held: bool = False,
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
    held : bool, default False
        Whether the first and the last record are held for any time before and after them.
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
    from ogcm.data.reader import request_of  # imported where they are needed, since xarray takes time
    from ogcm.data.records import FileRecords

    try:
        request = request_of(variable, quantity, **options)
    except TypeError as error:
        raise InputError(f"{source}: {error}; docs/data.md lists the options of a field") from None
    records = FileRecords(source, request)
    if records.axis == "time":
        edges = records.edges() if interpolation == "conservative" else None
        return Stream(records, records.times, period, interpolation, edges, held)
    if period is not None:
        raise InputError(f"{records.label}: is a climatological year, which repeats each year; leave out the period")
    whole = {"month": (12,), "day": (365, 366)}[records.axis]
    if records.count not in whole or not np.array_equal(records.times, np.arange(1, records.count + 1)):
        raise InputError(
            f"{records.label}: a climatological year needs {' or '.join(map(str, whole))} records, one of each "
            f"{records.axis}; found {records.count}"
        )
    return Stream(records, middles(records.count), YEAR, interpolation)


class ReadAhead:
    """Records at the points of a model, a few of which are in memory.

    It is used in place of an array (nt, nj, ni): `records[n]` is a map, `records[...]` reads all of them, and
    `records[...] = maps` replaces them by maps in memory, as a control does that changes the forcing.

    Parameters
    ----------
    name : str
        Name of the forcing.
    source : RecordsAtPoints
        The records at the points of the model, whose method `read` returns a map.
    finish : callable
        Function of a map (ny, nx) that checks it and adds the halo, called where the record is taken, since processes
        exchange halos.
    like : ndarray, shape (..., nj, ni)
        An array of the grid.
    """

    def __init__(self, name: str, source: Any, finish: Callable[[Array], Array], like: Array) -> None:
        self.name, self.source, self.finish = name, source, finish
        self.shape, self.dtype, self.device = (source.records.count, *like.shape[-2:]), like.dtype, "cpu"
        self.given: Array | None = None  # maps in place of those in the files
        self.forget()

    def forget(self) -> None:
        """Begin without records in memory."""
        self.kept: dict[int, Array] = {}  # the record that was used last is the last one
        self.ahead: dict[int, Future] = {}

    def __getstate__(self) -> dict:
        return vars(self) | {"kept": {}, "ahead": {}}

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Array:
        if self.given is not None:
            return self.given[key]
        if isinstance(key, int | np.integer):
            return self.record(int(key))
        maps = [self.finish(self.source.read(n)).astype(self.dtype) for n in range(len(self))]
        return to_device(np.stack(maps), self.device)[key]

    def __setitem__(self, key: Any, values: Array) -> None:
        given = self[...].copy() if key is not Ellipsis else to_device(np.empty(self.shape, self.dtype), self.device)
        given[key] = values
        self.given = given
        self.forget()

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Memory that the records take at most [bytes]."""
        records = min(len(self), KEPT + 1) if self.given is None else len(self)
        return records * self.shape[1] * self.shape[2] * self.dtype.itemsize

    @property
    def mark(self) -> Any:
        """Identity of the records: a text that changes with the files, or the maps in memory."""
        return self.source.records.mark if self.given is None else self.given

    def record(self, n: int) -> Array:
        """Return a record, and begin to read the next one where this one is used for the first time.

        Parameters
        ----------
        n : int
            Index of the record.

        Returns
        -------
        ndarray, shape (nj, ni)
            The map, with halo, in the memory of the device.

        Raises
        ------
        FileError, InputError
            For a record that cannot be read, and for impossible values, with the name of the file.
        """
        if n in self.kept:
            self.kept[n] = self.kept.pop(n)
            return self.kept[n]
        waiting = self.ahead.pop(n, None)
        found = self.source.read(n) if waiting is None else waiting.result()
        try:
            a = self.finish(found)
        except InputError as error:
            raise InputError(f"{error} (record {n} of {self.source.records.label})") from None
        self.kept[n] = to_device(a.astype(self.dtype, copy=False), self.device)
        while len(self.kept) > KEPT:
            del self.kept[next(iter(self.kept))]
        before, after = (n - 1) % len(self), (n + 1) % len(self)
        self.read_ahead(before if after in self.kept and before not in self.kept else after)
        return self.kept[n]

    def read_ahead(self, n: int) -> None:
        """Begin to read a record in a thread, unless it is there."""
        if n in self.kept or n in self.ahead:
            return
        future: Future = Future()

        def work() -> None:
            try:
                future.set_result(self.source.read(n))
            except BaseException as error:  # raised where the record is taken
                future.set_exception(error)

        self.ahead = {n: future}
        threading.Thread(target=work, name=f"record {n} of {self.name}").start()

    def copy(self) -> "ReadAhead":
        """Return the same records, with memory of their own."""
        other = copy.copy(self)
        other.given = None if self.given is None else self.given.copy()
        other.forget()
        return other

    def to(self, device: str) -> "ReadAhead":
        """Return the same records, each sent to a device when it is taken."""
        other = self.copy()
        other.device, other.given = device, None if self.given is None else to_device(self.given, device)
        return other

    def astype(self, dtype: np.dtype) -> "ReadAhead":
        """Return the same records in another type."""
        other = self.copy()
        other.dtype = np.dtype(dtype)
        other.given = None if self.given is None else self.given.astype(dtype)
        return other
