"""Files that are complete: written in one piece, and sealed by a hash of their content.

The last line of a sealed file is `ogcm sha256` and the hash of all bytes before it. It follows the end of the HDF5
data, where HDF5, NetCDF and xarray do not read. It is checked before HDF5 opens the file, since a damaged file may
hold other numbers, crash HDF5 or keep it busy for ever. A program that edits the file drops the line; `seal` adds it
again. Hashing reads the whole file once: 1 GB takes about a second of one core with SHA instructions, two or three
without.
"""

import csv
import hashlib
import io as streams
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import h5py

from ogcm.disk import Disk
from ogcm.errors import FileError, OceanError
from ogcm.tiles import Tile

# Exceptions of HDF5, and of code that reads it, for a file that is damaged or of another kind
BROKEN = (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError, MemoryError)
SEAL = b"\nogcm sha256 "
LENGTH = (
    len(SEAL) + 64 + 1
)  # length of the seal [bytes]: its beginning, the hash in hexadecimal digits, the end of the line
CHANGED = " (where you changed it on purpose, seal it again with ogcm.files.seal)"
BLOCK = 1 << 18  # [bytes] hashed at a time


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Convert the errors that HDF5 raises in a damaged file to a FileError that names the file."""
    try:
        yield
    except OceanError:
        raise
    except (*BROKEN, MemoryError) as error:
        raise FileError(f"{path}: damaged, or not as NetCDF4 files are ({error}); fetch or write it again") from None


def write_file(path: str | Path, whole: streams.BytesIO, what: str = "the file") -> None:
    """Write a file in one piece: it gets its name when it is complete. Raises FileError if the disk fails.

    `what` names the file in the message.
    """
    part = Path(f"{path}.part")
    try:
        with open(part, "wb") as f:
            f.write(whole.getbuffer())
            f.flush()
            os.fsync(f.fileno())
        os.replace(part, path)
    except OSError as error:
        raise FileError(f"{path}: {what} could not be written ({error}); make room, or choose another place") from None
    finally:
        part.unlink(missing_ok=True)


def write_table(path: str | Path, lines: Iterable[Sequence], what: str = "the table") -> None:
    """Write a CSV file of `lines`, the first of them the heads. Raises FileError if the disk fails."""
    text = streams.StringIO(newline="")
    csv.writer(text).writerows(lines)
    write_file(path, streams.BytesIO(text.getvalue().encode()), what)


def write_sealed(path: str | Path, whole: streams.BytesIO, what: str = "the file") -> None:
    """Write a sealed file in one piece. Raises FileError if the disk fails."""
    line = seal_line(hashlib.sha256(whole.getbuffer()).hexdigest())
    whole.seek(0, os.SEEK_END)
    whole.write(line)
    write_file(path, whole, what)


def seal_line(digest: str) -> bytes:
    """Return the last line of a sealed file."""
    return SEAL + digest.encode() + b"\n"


def hash_of(f: BinaryIO, length: int) -> str:
    """Return the hash of the next `length` bytes of an open file."""
    whole = hashlib.sha256()
    while length > 0 and (block := f.read(min(BLOCK, length))):
        whole.update(block)
        length -= len(block)
    return whole.hexdigest()


def read_seal(f: BinaryIO) -> tuple[bytes, int]:
    """Return the bytes of an open file that would be its seal, and the number of bytes before them; rewind the file."""
    before = max(0, f.seek(0, os.SEEK_END) - LENGTH)
    f.seek(before)
    line = f.read()
    f.seek(0)
    return line, before


def unseal(path: str | Path) -> None:
    """Remove the seal of a file that is to be changed. Raises FileError if it cannot be written."""
    try:
        with open(path, "r+b") as f:
            line, length = read_seal(f)
            if line.startswith(SEAL):
                f.truncate(length)
    except OSError as error:
        raise FileError(f"{path}: cannot be changed ({error})") from None


def seal(path: str | Path) -> None:
    """Seal a file as it is, after it was changed on purpose; a seal that it has is replaced.

    Parameters
    ----------
    path : str or Path
        A file that ogcm wrote.

    Raises
    ------
    FileError
        If the file cannot be read or written.
    """
    unseal(path)
    try:
        with open(path, "r+b") as f:
            line = seal_line(hash_of(f, os.stat(path).st_size))
            f.write(line)
    except OSError as error:
        raise FileError(f"{path}: cannot be sealed ({error})") from None


def verify(path: str | Path, what: str = "a file of ogcm", *, required: bool = True) -> None:
    """Raise FileError unless the content of a file matches its seal.

    `what` describes the file in the message. With `required=False`, a file without a seal is accepted.
    """
    try:
        with open(path, "rb") as f:
            line, length = read_seal(f)
            if line.startswith(SEAL):
                fits = line == seal_line(hash_of(f, length))
            elif required:
                raise FileError(f"{path}: truncated, or not {what}: its last line is no hash of ogcm{CHANGED}")
            else:
                fits = hdf5_bytes(f.read(48)) != length  # else the seal itself is damaged
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error})") from None
    if not fits:
        raise FileError(
            f"{path}: damaged, or changed since ogcm wrote it: its last line is not the hash of its content{CHANGED}"
        )


def file_identity(path: str | Path) -> tuple[int, int, int]:
    """Return inode, size and time of change of a file, which change with its content; zeros if there is no file."""
    try:
        about = os.stat(path)
    except OSError:
        return 0, 0, 0
    return about.st_ino, about.st_size, about.st_mtime_ns


def hdf5_bytes(head: bytes) -> int:
    """Return the size of an HDF5 file according to its first 48 bytes, or -1 if they do not tell."""
    return int.from_bytes(head[40:48], "little") if head.startswith(b"\x89HDF\r\n\x1a\n\0") else -1


@contextmanager
def write_hdf5(path: str | Path, what: str = "the file", *, opener: Callable = h5py.File) -> Iterator[h5py.File]:
    """Open a new HDF5 file of ogcm in memory; when it is closed it is sealed and written in one piece.

    HDF5 does not survive a full disk, hence the memory.

    Parameters
    ----------
    path : str or Path
        The file.
    what : str, optional
        Description of the file for messages.
    opener : callable, optional
        h5py.File (the default), or h5netcdf.File for a NetCDF4 file.

    Yields
    ------
    h5py.File
        The open file.

    Raises
    ------
    FileError
        If the disk fails.
    """
    whole = streams.BytesIO()
    with opener(whole, "w") as f:
        yield f
    write_sealed(path, whole, what)


@contextmanager
def write_together(
    path: str | Path, what: str, tile: Tile, *, opener: Callable = h5py.File
) -> Iterator[h5py.File | None]:
    """Open a new HDF5 file of ogcm on the disk, in the first process; when it is closed it is sealed and gets its name.

    HDF5 does not survive a full disk, which is therefore hidden from it (`Disk`).

    Parameters
    ----------
    path : str or Path
        The file.
    what : str
        Description of the file for messages.
    tile : Tile
        The tile of this process.
    opener : callable, optional
        h5py.File (the default), or h5netcdf.File for a NetCDF4 file.

    Yields
    ------
    h5py.File or None
        The open file in the first process, None in the others.

    Raises
    ------
    FileError
        If the disk fails; in all processes.
    """
    part, opened = Path(f"{path}.part"), list[Any]()

    def open_file() -> None:
        opened.append(Disk(part, "w+"))
        opened.append(opener(opened[0], "w"))

    def finish() -> None:
        opened[1].flush()
        if opened[0].error is not None:
            raise opened[0].error
        while opened:
            opened.pop().close()
        seal(part)
        with open(part, "rb") as f:
            os.fsync(f.fileno())
        os.replace(part, path)

    try:
        tile.on_first(open_file)
        yield opened[1] if opened else None
        tile.on_first(finish)
    except (OSError, FileError) as error:
        raise FileError(f"{path}: {what} could not be written ({error}); make room, or choose another place") from None
    finally:
        while opened:
            opened.pop().close()
        if tile.is_first:
            part.unlink(missing_ok=True)


@contextmanager
def read_hdf5(path: str | Path, form: str, what: str, remedy: str, *, sealed: bool = True) -> Iterator[h5py.File]:
    """Open an HDF5 file of ogcm for reading, after a check of its seal and its attribute `format`.

    Parameters
    ----------
    path : str or Path
        The file.
    form : str
        Value that the attribute `format` must have.
    what : str
        Description of the file for messages.
    remedy : str
        End of the message: what the user can do.
    sealed : bool, optional
        Check the seal (the default); False where another process checks it.

    Yields
    ------
    h5py.File
        The open file.

    Raises
    ------
    FileError
        If the file is missing, damaged or of another kind, or if something in it cannot be read.
    """
    if not Path(path).is_file():
        raise FileError(f"{path}: does not exist, or is no file; {remedy}")
    try:
        if sealed:
            verify(path, what)
    except FileError as error:
        raise FileError(f"{error}; {remedy}") from None
    try:
        with h5py.File(path, "r") as f:
            if (found := f.attrs.get("format")) != form:
                reason = f" (its format is {str(found)!r}; this version of ogcm reads {form!r})" if found else ""
                raise FileError(f"{path}: not {what}{reason}; {remedy}")
            yield f
    except OceanError:
        raise
    except BROKEN as error:
        raise FileError(f"{path}: not {what}, or of another version of ogcm ({error}); {remedy}") from None


@contextmanager
def read_together(path: str | Path, form: str, what: str, remedy: str, tile: Tile) -> Iterator[h5py.File]:
    """Open an HDF5 file of ogcm in each process, after the first one has checked it as `read_hdf5` does.

    Parameters
    ----------
    path : str or Path
        The file.
    form, what, remedy : str
        As for `read_hdf5`.
    tile : Tile
        The tile of this process.

    Yields
    ------
    h5py.File
        The open file.

    Raises
    ------
    FileError
        As `read_hdf5`, in all processes.
    """

    def check() -> None:
        with read_hdf5(path, form, what, remedy):
            pass

    tile.on_first(check)
    with read_hdf5(path, form, what, remedy, sealed=False) as f:
        yield f
