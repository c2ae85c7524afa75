"""Data sets of ogcm as records: their files are read and checked here, and written by `nn.DataOutput`."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from nn.records import Records
from ogcm import files
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError, suggestion
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.variables import check_variables, wet_points

Array = np.ndarray
FORMAT = "ogcm data set 1"


class DataSet(Records):
    """The records of a data set; only those that are asked for are read.

    The hash of the whole file is checked once, when it is opened; the file must not change while it is in use.

    Parameters
    ----------
    path : str or Path
        The file.
    model : Model
        The model whose grid the data set has.
    fields : sequence of str, optional
        Fields to be read; by default all that the file and the model have.

    Attributes
    ----------
    attributes : dict of str to object
        Attributes of the file.

    Raises
    ------
    FileError
        For a file that is missing, damaged, of another kind or of another grid.
    InputError
        For a field that the file lacks, and for times that are not uniform.
    """

    def __init__(self, path: str | Path, model: Model, *, fields: Sequence[str] | None = None) -> None:
        self.path, self.model = Path(path), model
        self.stamp, tile = files.file_identity(self.path), model.grid.tile
        self.cells = (..., tile.rows, tile.columns)  # of the tile, in a field of the file
        names = tile.together(self.read_description)
        known = check_variables(model, tuple(names))
        if not known:
            raise FileError(f"{path}: holds none of the fields {', '.join(model.stepped)} of this model")
        self.fields = tuple(known if fields is None else fields)
        for name in self.fields:
            if name not in known:
                raise InputError(f"fields: {path} has no {name!r} for this model: {suggestion(name, known)}")
        self.interval = self.check_times()
        self.water = {name: wet_points(model, name) for name in self.fields}

    def read_description(self) -> list[str]:
        """Read everything but the fields; the first process checks the hash of the file.

        Returns
        -------
        list of str
            Names of the fields.
        """
        first = self.model.grid.tile.is_first
        with files.read_hdf5(self.path, FORMAT, "a data set of ogcm", "`ogcm make-data` makes one", sealed=first) as f:
            self.attributes = {name: np.asarray(value).squeeze()[()] for name, value in f.attrs.items()}
            names = [name for name in self.model.state.names if name in f]
            self.check_grid(f, names)
            self.times = f["time"][()] * DAY
            self.fill = {name: f[name].attrs.get("_FillValue", np.nan) for name in names}
        return names

    def check_grid(self, f: h5py.File, names: Sequence[str]) -> None:
        """Check that a file has the grid of the model.

        Parameters
        ----------
        f : h5py.File
            The open file.
        names : sequence of str
            The fields in it.

        Raises
        ------
        FileError
            Where shapes or coordinates differ.
        """
        (ny, nx), nk, h = self.model.grid.tile.shape, len(self.model.dz), self.model.horizontal.undivided
        for name in names:
            shape, wanted = f[name].shape[1:], (ny, nx) if name == "eta" else (nk, ny, nx)
            if shape != wanted:
                raise FileError(f"{self.path}: {name} has the shape {shape}, this model's is {wanted}; use its options")
        y, x = h.names
        thickness = interior(self.model.grid.h_t)
        places = {y: (..., h.y_t), x: (..., h.x_t), "cell_thickness": (self.cells, thickness)}
        for name, (part, values) in places.items():
            if not np.allclose(f[name][part], values, rtol=1e-6, atol=1e-6 * np.abs(values).max()):
                raise FileError(f"{self.path}: its grid differs from this model's in {name}; use its options")

    def check_times(self) -> float:
        """Return the interval between two records.

        Returns
        -------
        float
            The interval [s].

        Raises
        ------
        InputError
            Where it varies.
        """
        if len(self.times) < 2:
            raise InputError(f"{self.path}: holds {len(self.times)} records; a data set needs at least 2")
        steps = np.diff(self.times)
        interval = float(np.median(steps))
        wrong = np.flatnonzero(~((steps > 0) & (np.abs(steps - interval) <= 1e-6 * interval)))
        if len(wrong):
            n = int(wrong[0])
            days = self.times / DAY
            raise InputError(
                f"{self.path}: times must increase by the same interval, {interval / DAY:g} days, but record {n + 1} "
                f"is at day {days[n + 1]:g} and the one before at day {days[n]:g}; cut the file there"
            )
        return interval

    def read(self, records: range) -> dict[str, Array]:
        """Return the fields of some records, in the precision of the model, 0 on land.

        Parameters
        ----------
        records : range
            The numbers of the records.

        Returns
        -------
        dict of str to ndarray, shape (records, nk, ny, nx)
            The fields; eta (records, ny, nx). They are those of the tile.

        Raises
        ------
        InputError
            For records that do not exist.
        FileError
            For a missing value over water, and for a file that has changed.
        """
        self.check_part(records)
        return self.model.grid.tile.together(lambda: self.read_part(records))

    def read_part(self, records: range) -> dict[str, Array]:
        """Return the fields of some records as `read` does, in this process alone.

        Parameters
        ----------
        records : range
            The numbers of the records.

        Returns
        -------
        dict of str to ndarray
            The fields.
        """
        if files.file_identity(self.path) != self.stamp:
            raise FileError(f"{self.path}: was replaced or changed after it was checked; make the DataSet again")
        try:
            with h5py.File(self.path, "r") as f:
                found = {name: f[name][slice(records.start, records.stop), *self.cells] for name in self.fields}
        except files.BROKEN as error:
            raise FileError(f"{self.path}: records {records} cannot be read ({error})") from None
        for name, values in found.items():
            missing = self.water[name] & (~np.isfinite(values) | (values == self.fill[name]))
            if missing.any():
                n, *here = map(int, np.argwhere(missing)[0])
                place = self.model.grid.tile.in_whole(tuple(here))
                axes = "k, j, i" if len(place) == 3 else "j, i"
                raise FileError(
                    f"{self.path}: {name} is {values[n, *here]:g} in record {records[n]} "
                    f"(day {self.times[records[n]] / DAY:g}) over water at ({axes}) = {place}; mend it there"
                )
        dtype = self.model.grid.h_t.dtype
        return {name: np.where(self.water[name], values, 0).astype(dtype) for name, values in found.items()}
