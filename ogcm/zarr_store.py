"""The Zarr store, a folder, in which an output is stored.

The store has version 2 of the format, which all libraries read. Each chunk is a file of at most CHUNK bytes, compressed
without loss, with a checksum; it is written under another name and then renamed. The file `.zmetadata`, from which
readers take the shapes of all variables, is replaced in the same way, after everything else of a record. Therefore the
store has whole records at any time.
"""

import os
import shutil
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ogcm.errors import FileError, InputError
from ogcm.files import BROKEN

CHUNK = 1 << 23  # [bytes] largest chunk, unless a single layer is larger
SERIES = 512  # records in a chunk of a variable that has one number for each
DIMENSIONS = "_ARRAY_DIMENSIONS"  # the attribute in which xarray expects the names of the dimensions


def import_zarr() -> Any:
    """Return the package zarr. Raises InputError if it is not installed."""
    try:
        import zarr
    except ImportError:
        raise InputError(
            'zarr: is needed by Zarr stores and is not installed: pip install "ogcm[zarr]"; or give a name that ends '
            "in .nc"
        ) from None
    return zarr


class Dimension(NamedTuple):
    """A dimension of a store and its size, 0 for records before the first one."""

    size: int


class Dimensions(dict[str, Dimension]):
    """The dimensions of a store by name; they are set by their sizes, None for that of the records."""

    def __setitem__(self, name: str, size: Any) -> None:
        super().__setitem__(name, Dimension(size or 0))


class ZarrVariable:
    """A variable of a store, with the interface of h5netcdf.Variable.

    Parameters
    ----------
    array : zarr.Array
        The values.
    """

    def __init__(self, array: Any) -> None:
        self.array, stored = array, dict(array.attrs)
        self.dimensions: tuple[str, ...] = tuple(stored.pop(DIMENSIONS))
        self.attrs: dict[str, Any] = stored
        self.stored = dict(stored)
        self.fill_value = array.fill_value
        if self.fill_value is not None:
            self.attrs["_FillValue"] = self.fill_value

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each dimension."""
        return self.array.shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        return self.array[index]

    def __setitem__(self, index: Any, values: Any) -> None:
        self.array[index] = values

    def save(self) -> None:
        """Write attributes that were changed."""
        attrs = {name: value for name, value in self.attrs.items() if name != "_FillValue"}
        if attrs != self.stored:
            self.array.attrs.put({DIMENSIONS: list(self.dimensions)} | attrs)
            self.stored = dict(attrs)


class ZarrFile:
    """A store that is open, with the interface of h5netcdf.File, as far as output needs it.

    Parameters
    ----------
    path : Path
        The folder.
    mode : str
        "r" to read, "r+" to extend, "w" to write a new store.
    """

    def __init__(self, path: Path, mode: str) -> None:
        zarr = import_zarr()
        self.group = zarr.open_group(path, mode=mode, zarr_format=2)
        self.dimensions = Dimensions()
        self.attrs: dict[str, Any] = dict(self.group.attrs)
        self.variables = {name: ZarrVariable(array) for name, array in sorted(self.group.arrays())}
        for variable in self.variables.values():
            for name, size in zip(variable.dimensions, variable.shape, strict=True):
                self.dimensions[name] = size

    def __enter__(self) -> "ZarrFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getitem__(self, name: str) -> ZarrVariable:
        return self.variables[name]

    def create_variable(
        self,
        name: str,
        dimensions: tuple[str, ...],
        dtype: Any = None,
        data: Any = None,
        fillvalue: Any = None,
        chunks: tuple[int, ...] | None = None,
    ) -> ZarrVariable:
        """Make a variable, as h5netcdf does; `chunks` are made smaller where they are larger than CHUNK."""
        from numcodecs import Zstd

        dtype = np.dtype(np.asarray(data).dtype if dtype is None else dtype)
        shape = tuple(self.dimensions[dimension].size for dimension in dimensions)
        whole = tuple(SERIES if d == "time" else self.dimensions[d].size for d in dimensions)
        array = self.group.create_array(
            name,
            shape=shape,
            dtype=dtype,
            chunks=limited(chunks or whole, dtype.itemsize),
            fill_value=fillvalue,
            compressors=Zstd(level=1, checksum=True),
            attributes={DIMENSIONS: list(dimensions)},
        )
        self.variables[name] = variable = ZarrVariable(array)
        if data is not None:
            variable[...] = np.asarray(data, dtype)
        return variable

    def resize_dimension(self, name: str, size: int) -> None:
        """Change the number of records; `name` is "time"."""
        self.dimensions[name] = size
        for variable in self.variables.values():
            if name in variable.dimensions:
                variable.array.resize((size, *variable.shape[1:]))

    def save(self) -> None:
        """Write attributes, and the metadata that readers use."""
        for variable in self.variables.values():
            variable.save()
        self.group.attrs.put(self.attrs)
        import_zarr().consolidate_metadata(self.group.store, zarr_format=2)

    def close(self) -> None:
        """Close the store."""
        self.group.store.close()


def limited(chunks: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return the chunks of a field with fewer layers where one would have more than CHUNK bytes."""
    if len(chunks) < 3:
        return chunks
    layer = chunks[-2] * chunks[-1] * itemsize
    return (*chunks[:-3], min(chunks[-3], max(1, CHUNK // layer)), *chunks[-2:])


class ZarrStore:
    """A Zarr store that is being written, with the interface of `NetCDFStore`.

    Parameters
    ----------
    path : Path
        The folder.
    extend : bool
        Extend the store that exists; otherwise it is replaced.

    Attributes
    ----------
    file : ZarrFile
        Dimensions, variables and attributes.
    """

    error: OSError | None = None  # a failed write is raised at once

    def __init__(self, path: Path, extend: bool) -> None:
        self.file = ZarrFile(path, "r+" if extend else "w")
        self.is_open = True

    def exclusive(self) -> AbstractContextManager:
        """Return a context manager that does nothing: readers see a record when it is complete."""
        return nullcontext()

    def flush(self) -> None:
        """Complete a record: readers see it from now on."""
        self.file.save()

    def close(self) -> None:
        """Close the store."""
        self.is_open = False
        self.file.close()

    @staticmethod
    def complete(part: Path, path: Path) -> None:
        """Give a store that is complete its final name; one that has this name is replaced."""
        ZarrStore.remove(path)
        os.replace(part, path)

    @staticmethod
    def copy(path: Path, copied: Path) -> None:
        """Copy a store that is to be extended."""
        ZarrStore.remove(copied)
        shutil.copytree(path, copied)

    @staticmethod
    def remove(path: Path) -> None:
        """Remove a store, if it exists."""
        if path.exists():
            shutil.rmtree(path)

    @staticmethod
    def size(path: Path) -> int:
        """Return the size of a store [bytes]."""
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())

    @staticmethod
    def read(path: Path) -> ZarrFile:
        """Open a store for reading. Raises FileError if it is damaged or no Zarr store of the form of ogcm."""
        try:
            return ZarrFile(path, "r")
        except BROKEN as error:
            raise FileError(f"{path}: missing, damaged or not a Zarr store of ogcm ({error})") from None
