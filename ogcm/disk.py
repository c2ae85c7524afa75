"""The disk under an HDF5 file: it may be full, and others may read the file meanwhile."""

import fcntl
import io as streams
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ogcm.errors import FileError

MARGIN = 1 << 18  # [bytes] kept free for what HDF5 writes of its own: indices, attributes


def check_room(path: Path, need: int, remedy: str) -> None:
    """Raise FileError where the disk of `path` has less than `need` bytes free."""
    free = shutil.disk_usage(path.resolve().parent).free
    if need + MARGIN > free:
        raise FileError(f"{path}: needs about {(need + MARGIN) / 1e6:.3g} MB, {free / 1e6:.3g} MB are free; {remedy}")


class Disk(streams.FileIO):
    """The bytes of an HDF5 file on the disk.

    The first write that fails is kept as `error`, and nothing is written from then on: the file stays as the last
    flush left it, and HDF5, which would crash the process, never learns of it. HDF5 takes no lock on such a file, so
    that others can read it at any time but within `alone`.
    """

    error: OSError | None = None
    PATIENCE = 1.0  # [s] with readers who have the file open

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lock readers out while a record is written, since one who opened the file meanwhile would find a part of it.

        HDF5 holds a shared lock where it reads. Who holds it for longer than PATIENCE (xarray keeps a file open) has
        long seen how many records there are, so that it does no harm to go on.
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
        """Lock readers out; false where one has the file open, true also on a file system without locks."""
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
        """Cut or lengthen the file, or nothing after an error."""
        try:
            return size or 0 if self.error is not None else super().truncate(size)
        except OSError as error:
            self.error = error
            return size or 0
