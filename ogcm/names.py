"""Names of files: the files that belong to an output, checks before a file is written or read, and locks.

An output `gyre.nc` has `gyre.toml`, `gyre.restart.h5`, `gyre.png` beside it. A run that writes them holds a lock on
`gyre.restart.lock`, which the operating system releases when the process ends, however it ends. Files are replaced only
with `overwrite`, and then only files that ogcm wrote.
"""

import fcntl
import json
import os
import socket
import stat
import warnings
from pathlib import Path

import h5py

from ogcm.errors import FileError
from ogcm.files import BROKEN

NETCDF = (".nc", ".nc4", ".h5")
ZARR = ".zarr"
HOLDER = "ogcm, process"  # beginning of a lock file


def output_path(output: str | Path) -> Path:
    """Return the path of a NetCDF4 file that is to be written.

    Raises FileError for a name that cannot be one: an empty name, a folder, or the ending of another format
    (`gyre.zarr`). A dot before a number is part of the name, as in `nu0.5`.
    """
    if not isinstance(output, str | os.PathLike) or "\0" in str(output):
        raise FileError(f"output: needs the name of a file, got {output!r}")
    path = Path(output)
    if path.name in ("", ".."):
        raise FileError(f"output: {str(output)!r} does not name a file; give a name such as gyre.nc")
    if path.is_dir():
        raise FileError(f"{path}: is a folder; give the name of a file")
    if path.suffix.lower() not in NETCDF and path.suffix[1:2].isalpha():
        raise FileError(
            f"{path}: output is NetCDF4, and {path.suffix} is the ending of another format; "
            f"give a name that ends in .nc, such as {path.stem}.nc"
        )
    return path


def is_zarr(path: str | Path) -> bool:
    """Return True for the name of a Zarr store, or of one that is being written."""
    return str(path).endswith((ZARR, f"{ZARR}.part"))


def beside(output: str | Path, ending: str) -> Path:
    """Return the file that belongs to an output: its name with `ending` in place of .nc or .zarr."""
    path = Path(output)
    stem = path.stem if path.suffix.lower() in (*NETCDF, ZARR) else path.name
    return path.with_name(f"{stem}{ending}")


def check_folder(path: str | Path) -> None:
    """Raise FileError for a file to be written whose folder does not exist or cannot be written to."""
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        raise FileError(f"{path}: its folder does not exist; make it, or choose another")
    if not os.access(folder, os.W_OK):
        raise FileError(f"{path}: its folder cannot be written to; choose another")


def is_taken(path: Path) -> bool:
    """Return True if the name exists, even as a link to nothing."""
    return os.path.lexists(path)


def check_exists(path: str | Path) -> None:
    """Raise FileError for a file to be read that does not exist."""
    part = Path(f"{path}.part")
    if not Path(path).exists():
        raise FileError(f"{path}: does not exist{f'; a run is writing {part}, or was killed' if part.exists() else ''}")


def same_file(a: str | Path, b: str | Path) -> bool:
    """Return True if two names are those of one existing file."""
    return os.path.exists(a) and os.path.exists(b) and os.path.samefile(a, b)


def check_replaceable(path: Path, overwrite: bool, what: str = "exists") -> None:
    """Raise FileError for a name that exists; with `overwrite`, only for a file that ogcm did not write.

    `what` says in the message what the file is.
    """
    if not is_taken(path):
        return
    check_regular(path)
    if not overwrite:
        raise FileError(f"{path}: {what}; choose another name or pass overwrite (--overwrite)")
    if not is_written_by_ogcm(path):
        raise FileError(f"{path}: ogcm did not write it and does not replace it; choose another name, or delete it")


def check_regular(path: Path) -> None:
    """Raise FileError for an existing name that is not a plain file, or not a folder for a Zarr store."""
    if not is_taken(path):
        return
    mode = os.lstat(path).st_mode
    if is_zarr(path) and not stat.S_ISDIR(mode):
        raise FileError(f"{path}: is a link or a file, and a Zarr store is a folder; give another name")
    if not is_zarr(path) and not stat.S_ISREG(mode):
        raise FileError(f"{path}: is a link, a folder or a device; give the name of a plain file")


def is_written_by_ogcm(path: Path) -> bool:
    """Return True for a file or a Zarr store that ogcm wrote: an output, a restart, a data set, an estimate."""
    try:
        if is_zarr(path):
            attributes = json.loads((path / ".zattrs").read_text())
            return str(attributes.get("source", "")).startswith("ogcm ")
        with h5py.File(path, "r", locking=False) as f:
            return any(str(f.attrs.get(name, "")).startswith("ogcm ") for name in ("source", "format"))
    except BROKEN:
        return False


class TakenError(FileError):
    """A name is used by another run."""


class Claim:
    """A lock on a name for this process, until `release` or the end of the process; a context manager.

    Parameters
    ----------
    path : str or Path
        The lock file, which is made here and removed at the end.

    Raises
    ------
    TakenError
        If another run holds the lock.
    FileError
        If the lock file cannot be written, or is another file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        check_regular(self.path)
        while True:
            try:
                self.file = open(self.path, "a+", errors="replace")  # noqa: SIM115, it is open until `release`
            except OSError as error:
                raise FileError(f"{self.path}: the lock of a run cannot be written ({error.strerror})") from None
            try:
                self.lock()
                if self.path.exists() and os.path.samestat(os.fstat(self.file.fileno()), os.stat(self.path)):
                    break  # otherwise the run that held it has just ended, and removed the file
            except BaseException:
                self.file.close()
                raise
            self.file.close()
        self.file.truncate(0)
        self.file.write(f"{HOLDER} {os.getpid()} on {socket.gethostname()}\n")
        self.file.flush()

    def lock(self) -> None:
        """Take the lock. Raises TakenError if it is held, FileError if the file is not a lock of ogcm."""
        self.file.seek(0)
        holder = self.file.read(200).strip()
        if holder and not holder.startswith(HOLDER):
            raise FileError(f"{self.path}: is not a lock of ogcm, which needs this name; choose another output")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TakenError(
                f"{self.path}: another run ({holder or 'just started'}) writes files of this name; "
                "choose another output, or wait for its end"
            ) from None
        except OSError as error:  # a file system without locks
            warnings.warn(
                f"{self.path}: this file system has no locks ({error.strerror}); make sure that no other run writes "
                "files of this name",
                stacklevel=4,
            )

    def release(self) -> None:
        """Release the lock and remove its file."""
        self.path.unlink(missing_ok=True)
        self.file.close()

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
