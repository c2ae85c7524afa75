"""The disk below an HDF5 file: free space, writes that fail, and other programs that read the file."""

import fcntl
import io as streams
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ogcm.errors import FileError

MARGIN = 1 << 18  # [bytes] kept free for the indices and attributes that HDF5 writes


def check_room(path: Path, need: int, remedy: str) -> None:
    """Raise FileError if the disk of `path` has less than `need` bytes free. The message ends with `remedy`."""
    free = shutil.disk_usage(path.resolve().parent).free
    if need + MARGIN > free:
        raise FileError(f"{path}: needs about {(need + MARGIN) / 1e6:.3g} MB, {free / 1e6:.3g} MB are free; {remedy}")


class Disk(streams.FileIO):
    """The file object through which HDF5 writes to the disk.

    The first write that fails is stored as `error`, and nothing is written after it: the file stays as the last flush
    left it, and HDF5, which would crash the process, does not notice. HDF5 takes no lock on such a file, so that other
    programs can read it at any time except within `exclusive`.
    """

    error: OSError | None = None
    PATIENCE = 1.0  # longest wait [s] for readers that have the file open

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Exclude readers while a record is written, so that none opens the file with half a record in it.

        HDF5 holds a shared lock on a file that it reads. A program that holds it for longer than PATIENCE (xarray keeps
        a file open) has already read the number of records, so that writing does no harm.
        """
        end = time.monotonic() + self.PATIENCE
        while not self.lock() and time.monotonic() < end:
            time.sleep(0.01)
        try:
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(self, fcntl.LOCK_UN)

    def lock(self) -> bool:
        """Exclude readers. Return False if one has the file open; True also on a file system without locks."""
        try:
            fcntl.flock(self, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def write(self, data: Any, /) -> int:
        """Write all of `data`, or nothing after an error."""
        rest = memoryview(data).cast("B")
        try:
            while rest and self.error is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return len(data)

    def truncate(self, size: int | None = None, /) -> int:
        """Set the size of the file, or do nothing after an error."""
        try:
            return size or 0 if self.error is not None else super().truncate(size)
        except OSError as error:
            self.error = error
            return size or 0
