"""The NetCDF4 file in which an output is stored.

HDF5's locks are not used, so that other programs can read the file during the run. HDF5 does not survive a full disk
(it fails late, then crashes the process). Therefore a write that fails is hidden from it (`Disk`).
"""

import os
import shutil
import weakref
from contextlib import AbstractContextManager
from pathlib import Path

import h5netcdf
import h5py

from ogcm import files
from ogcm.disk import Disk
from ogcm.errors import FileError
from ogcm.files import BROKEN


def close_file(file: h5netcdf.File, hdf: h5py.File, disk: Disk) -> None:
    """Close a file and the objects below it."""
    try:
        with disk.exclusive():
            file.close()
            hdf.close()
    finally:
        disk.close()


class NetCDFStore:
    """A NetCDF4 file that is being written.

    Parameters
    ----------
    path : Path
        The file.
    extend : bool
        Extend the file that exists; otherwise it is replaced.

    Attributes
    ----------
    file : h5netcdf.File
        Dimensions, variables and attributes.
    """

    def __init__(self, path: Path, extend: bool) -> None:
        mode = "r+" if extend else "w"
        self.disk = Disk(path, "r+" if extend else "w+")
        self.hdf = h5py.File(self.disk, mode)
        self.file = h5netcdf.File(self.hdf, mode)
        self.finalizer = weakref.finalize(self, close_file, self.file, self.hdf, self.disk)  # when Python ends

    @property
    def is_open(self) -> bool:
        """True until `close`."""
        return self.finalizer.alive

    @property
    def error(self) -> OSError | None:
        """The failed write that HDF5 did not notice, or None."""
        return self.disk.error

    def exclusive(self) -> AbstractContextManager:
        """Exclude readers while a record is written."""
        return self.disk.exclusive()

    def flush(self) -> None:
        """Write everything to the disk. Raises OSError if that fails."""
        self.hdf.flush()
        self._check()

    def close(self) -> None:
        """Close the file. Raises OSError if something could not be written."""
        self.finalizer()
        self._check()

    def _check(self) -> None:
        """Raise the failed write that HDF5 did not notice."""
        if self.disk.error is not None:
            raise self.disk.error

    @staticmethod
    def complete(part: Path, path: Path) -> None:
        """Seal a file that is complete and give it its final name."""
        files.seal(part)
        os.replace(part, path)

    @staticmethod
    def copy(path: Path, copied: Path) -> None:
        """Copy a file that is to be extended."""
        shutil.copyfile(path, copied)
        files.unseal(copied)

    @staticmethod
    def remove(path: Path) -> None:
        """Remove a file, if it exists."""
        path.unlink(missing_ok=True)

    @staticmethod
    def size(path: Path) -> int:
        """Return the size of a file [bytes]."""
        return path.stat().st_size

    @staticmethod
    def read(path: Path) -> h5netcdf.File:
        """Open a file for reading. Raises FileError if it is damaged or no NetCDF4 file."""
        files.verify(path, required=False)
        try:
            return h5netcdf.File(path, "r", phony_dims="sort")
        except BROKEN as error:
            raise FileError(f"{path}: missing, truncated or not a NetCDF4 file ({error})") from None
