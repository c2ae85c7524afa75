"""The date at which a model begins, and the calendar of its days.

The time of a model is a number of seconds from its start. With a start, output has dates, records of a forcing may be
given by dates, and a monthly climatology follows the year of the calendar. Without one, a year has twelve months of 30
days, and the run begins on 1 January.
"""

import datetime
import reprlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.constants import DAY, YEAR
from ogcm.errors import InputError

if TYPE_CHECKING:
    import cftime

Array = np.ndarray
YEARS = {  # mean length [days] of the years of each calendar of CF
    "standard": 365.2425, "gregorian": 365.2425, "proleptic_gregorian": 365.2425, "julian": 365.25,
    "noleap": 365.0, "365_day": 365.0, "all_leap": 366.0, "366_day": 366.0, "360_day": 360.0,
}  # fmt: skip


def start_date(given: Any) -> "cftime.datetime | None":
    """Return the start of a model as a date of its calendar, None where none is given.

    Parameters
    ----------
    given : str, date, datetime, datetime64, cftime.datetime or None
        Such as "2021-01-01" or "2021-01-01T06:00"; a date of cftime tells the calendar, others are of the real one.

    Returns
    -------
    cftime.datetime or None
        The date.

    Raises
    ------
    InputError
        For anything else.
    """
    if given is None:
        return None
    import cftime  # imported where it is needed, since it takes time

    if isinstance(given, cftime.datetime):
        return given
    try:
        if not isinstance(given, str | datetime.date | np.datetime64):
            raise TypeError
        text = given if isinstance(given, str) else str(np.asarray(given, "M8[s]"))
        found = datetime.datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise InputError(f"start: needs a date such as '2021-01-01', got {reprlib.repr(given)}") from None
    return date_of(found, "standard")


def time_attributes(start: "cftime.datetime | None") -> dict[str, str]:
    """Return the attributes `units` and `calendar` of times in files."""
    if start is None:
        return {"units": "days since 0001-01-01 00:00:00", "calendar": "360_day"}
    return {"units": f"days since {start.strftime('%Y-%m-%d %H:%M:%S')}", "calendar": start.calendar}


def year_of(start: "cftime.datetime | None") -> float:
    """Return the mean length of a year [s]."""
    return YEAR if start is None else YEARS[start.calendar] * DAY


def since_new_year(start: "cftime.datetime | None") -> float:
    """Return the time [s] from the beginning of the year of a start to it."""
    if start is None:
        return 0.0
    return (start - start.replace(month=1, day=1, hour=0, minute=0, second=0)).total_seconds()


def seconds_after(start: "cftime.datetime", dates: Array) -> Array:
    """Return dates (n,) as times [s] after the start.

    Raises ValueError or TypeError for dates of another calendar.
    """
    if dates.dtype.kind == "M":
        first = np.datetime64(start.isoformat(), "s")
        if start.calendar not in ("standard", "gregorian", "proleptic_gregorian"):
            raise ValueError(f"dates of the real calendar, but the model has {start.calendar}")
        return (dates - first) / np.timedelta64(1, "s")
    return np.array([(date_of(d, start.calendar) - start).total_seconds() for d in dates.ravel()]).reshape(dates.shape)


def date_of(date: Any, calendar: str) -> "cftime.datetime":
    """Return a date of Python or cftime as one of cftime, in the calendar of a model unless it has its own."""
    import cftime

    if isinstance(date, cftime.datetime):
        return date
    time = [getattr(date, name, 0) for name in ("hour", "minute", "second")]
    return cftime.datetime(date.year, date.month, date.day, *time, calendar=calendar)
