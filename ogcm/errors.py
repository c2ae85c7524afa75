"""The errors that a user can meet, all of one base class, and what their messages share."""

from collections.abc import Iterable
from difflib import get_close_matches


class OceanError(Exception):
    """Base class: what is wrong, which value, and what to do about it."""


class InputError(OceanError, ValueError):
    """A field, parameter or option that cannot be used; raised before any computation."""


class KernelError(OceanError, TypeError):
    """A kernel that a GPU cannot run as it is written; names file and line."""


class BlowUpError(OceanError, RuntimeError):
    """A run that left the range of the finite; the last good state was saved."""


class CallbackError(OceanError, RuntimeError):
    """A callback of a run that raised an exception, which is the cause of this one; the state was saved."""


class FileError(OceanError, OSError):
    """A file that is missing, foreign, truncated or in the way."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint for a name that does not exist: the closest of the `known` ones, or all of them."""
    known = list(known)
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(known)}"
