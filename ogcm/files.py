"""Files in one piece: a file appears under its own name only when it is whole. Files that outlive a full disk."""

import csv
import io as streams
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ogcm.errors import FileError

BROKEN = (OSError, KeyError, RuntimeError, TypeError, ValueError)  # what HDF5 raises in a damaged file


def put(path: str | Path, whole: streams.BytesIO, what: str = "the file") -> None:
    """A file in one piece, under its own name when it is whole. Raises FileError where the disk does not take it."""
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


def put_table(path: str | Path, lines: Iterable[Sequence], what: str = "the table") -> None:
    """A CSV file of lines, the first of them the heads. Raises FileError where the disk does not take it."""
    text = streams.StringIO(newline="")
    csv.writer(text).writerows(lines)
    put(path, streams.BytesIO(text.getvalue().encode()), what)


class Disk(streams.FileIO):
    """The bytes of an HDF5 file on the disk.

    The first write that fails is kept as `error`, and nothing is written from then on: the file stays as the last
    flush left it, and HDF5, which would crash the process, never learns of it.
    """

    error: OSError | None = None

    def write(self, data: memoryview) -> int:
        """Write all of `data`, or nothing after an error."""
        rest = memoryview(data).cast("B")
        try:
            while rest and self.error is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Cut or lengthen the file, or nothing after an error."""
        try:
            return size if self.error is not None else super().truncate(size)
        except OSError as error:
            self.error = error
            return size
