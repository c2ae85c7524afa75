"""The errors of ogcm, which have one base class."""

from collections.abc import Iterable
from difflib import get_close_matches


class OceanError(Exception):
    """Base class of all errors; the message names what is wrong, the value and a remedy."""


class InputError(OceanError, ValueError):
    """A field, parameter or option cannot be used. It is raised before any computation."""


class KernelError(OceanError, TypeError):
    """A kernel cannot run on a GPU as it is written; the message names file and line."""


class BlowUpError(OceanError, RuntimeError):
    """A run is no longer finite, or too fast for its time step. The last good state was saved."""


class CallbackError(OceanError, RuntimeError):
    """A callback of a run raised an exception, which is the cause of this one. The state was saved."""


class FileError(OceanError, OSError):
    """A file is missing, damaged, of another kind, or in the way."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint for a name that does not exist: the closest of the `known` ones, or all of them."""
    known = list(known)
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(known)}"
