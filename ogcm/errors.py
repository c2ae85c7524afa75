"""The errors a user can meet, all of them one `except` away."""


class OceanError(Exception):
    """Base class: what is wrong, which value, and what to do about it."""


class InputError(OceanError, ValueError):
    """A field, parameter or option that cannot be used; raised before any computation."""


class KernelError(OceanError, TypeError):
    """A kernel that a GPU cannot run as it is written; names file and line."""


class BlowUpError(OceanError, RuntimeError):
    """A run that left the range of the finite; the last good state was saved."""


class FileError(OceanError, OSError):
    """A file that is missing, foreign, truncated or in the way."""
