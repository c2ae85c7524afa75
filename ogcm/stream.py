"""Forcing as a stream: the records of a series are read from files while a model runs, ahead of their use.

A `Stream` is a `Series` whose records are in files (`ogcm.data.stream_field` makes one). In a model its values are a
`ReadAhead`, from which the run takes records by their number, as from an array. At most `KEPT` of them are in memory,
and the next one is read and interpolated in a thread of its own, which ends with this record: forwards in time in a run,
backwards in an adjoint. Errors in the thread are raised where the record is taken.
"""

import copy
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.device import to_device
from ogcm.errors import InputError
from ogcm.inputs import Points
from ogcm.series import Series

if TYPE_CHECKING:
    import cftime

    from ogcm.data.records import FileRecords

Array = np.ndarray
KEPT = 5  # records in memory; interpolation needs three at most


class Stream(Series):
    """Maps in files at given times, which are read while a model runs; see `Series` and `ogcm.data.stream_field`.

    Parameters
    ----------
    values : object
        The records (`ogcm.data.records.FileRecords`): their number `count`, a `label` for messages, a text `mark` that
        changes with the files, and the method `at`, which returns them at the points of a model.
    times : array_like, shape (nt,)
        Times of the records, as those of a series.
    period : float or timedelta64, optional
        Time [s] after which the series repeats; none by default.
    interpolation : {"linear", "conservative"}
        Interpolation in time.
    edges : array_like, shape (nt + 1,), optional
        Edges of the intervals of the records.
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
        """What identifies the records: a text, or maps in memory."""
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

    def __init__(self, name: str, records: "FileRecords", points: Points) -> None:
        from ogcm.preparation.regridding import Places, Regridding
        from ogcm.preparation.sources import cropped

        self.name, self.records, whole = name, records, points.whole or points
        target = Places(whole.y, whole.x, whole.y, whole.x)
        self.grid = records.grid if records.grid["lon"].ndim == 2 else cropped(records.grid, target)
        if min(self.grid.shape) < 2:
            raise InputError(f"{name}: {records.label} does not reach the region of the model")
        self.regridding = Regridding(self.grid["lat"].values, self.grid["lon"].values, target)
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
        from ogcm.data.fill import nearest_places

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
