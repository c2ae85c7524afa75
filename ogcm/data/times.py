"""The time axis of gridded data: dates of any calendar of CF, or the months or days of a climatological year."""

import re
from typing import TYPE_CHECKING

import numpy as np

from ogcm.data.decoding import text, unpack
from ogcm.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
REAL = ("standard", "gregorian", "proleptic_gregorian")
FIRST_YEAR = 1678  # from which on dates of real calendars are those of NumPy
MONTHS_SINCE = re.compile(r"months?\s+since\s+(\d+)-(\d+)(?:-(\d+))?.*", re.IGNORECASE)


def time_axis(label: str, c: "xr.DataArray | None", count: int) -> tuple[str, Array]:
    """Read the times of the records of a variable.

    Parameters
    ----------
    label : str
        Names of the file and the coordinate (or, without one, the variable), for messages.
    c : DataArray or None
        The coordinate; None for records without one, which are those of a climatological year.
    count : int
        Number of records.

    Returns
    -------
    str
        "time" for dates; "month" (1 to 12) or "day" (1 to 366) for those of a climatological year.
    ndarray, shape (count,)
        Dates as datetime64 in the real calendar, else of cftime; or the numbers of months or days.

    Raises
    ------
    InputError
        For times that cannot be understood.
    """
    if c is None:
        if count == 12:
            return "month", np.arange(1, 13)
        if count in (365, 366):
            return "day", np.arange(1, count + 1)
        raise InputError(f"{label} has {count} records without times; give them a coordinate with units such as 'days "
                         "since 2000-01-01', or 12 or 365 records of a climatological year")  # fmt: skip
    values = np.atleast_1d(c.values)
    if values.dtype.kind == "M":
        return "time", values.astype("datetime64[us]")
    if values.dtype.kind == "O" and values.size and hasattr(values[0], "calendar"):
        return climatological(c, values) or ("time", values)
    units, values = text(c.attrs, "units"), unpack(label, values, c.attrs)
    if not np.isfinite(values).all():
        raise InputError(f"{label} has missing values; each record needs a time")
    if " since " in units:
        found = dates(label, values, units, text(c.attrs, "calendar") or "standard")
        return climatological(c, found) or ("time", as_datetime64(found))
    return numbered(label, values, units)


def numbered(label: str, values: Array, units: str) -> tuple[str, Array]:
    """Return the months or days of a climatological year from numbers. Raises InputError where they are neither."""
    whole = np.floor(values) if np.ptp(values % 1) == 0 else values  # the middles of months may be 0.5, 1.5 ...
    first = 1 if (values % 1 == 0).all() else 0
    if units in ("", "1", "month", "months") and (whole == np.round(whole)).all():
        months = (whole + 1 - first).astype(int)
        if months.min() >= 1 and months.max() <= 12:
            return "month", months
    if units in ("", "1", "day", "days") and len(values) in (365, 366) and (np.diff(values) == 1).all():
        return "day", np.arange(1, len(values) + 1)
    raise InputError(
        f"{label} with the units {units!r} holds {values[0]:g} to {values[-1]:g}, which are no times; give it units "
        "such as 'days since 2000-01-01', or the months 1 to 12 and the units '1'"
    )


def dates(label: str, values: Array, units: str, calendar: str) -> Array:
    """Return dates of cftime. Raises InputError for units or a calendar that are unknown."""
    import cftime  # imported where it is needed, since it takes time

    months = MONTHS_SINCE.fullmatch(units.strip())
    try:
        if months:
            year, month, _ = (int(n or 1) for n in months.groups())
            whole = np.floor(values).astype(int)
            units, start = f"days since {year:04d}-01-01", 12 * year + month - 1 + whole
            first = [cftime.datetime(n // 12, n % 12 + 1, 1, calendar=calendar, has_year_zero=True) for n in start]
            after = [cftime.datetime(n // 12, n % 12 + 1, 1, calendar=calendar, has_year_zero=True) for n in start + 1]
            return np.array([a + (b - a) * f for a, b, f in zip(first, after, values - whole, strict=True)])
        return np.atleast_1d(cftime.num2date(values, units, calendar, has_year_zero=True))
    except (ValueError, OverflowError, TypeError) as error:
        raise InputError(
            f"{label} with the units {units!r} and the calendar {calendar!r} gives no dates ({error}); give it units "
            "such as 'days since 2000-01-01' and a calendar of CF"
        ) from None


def climatological(c: "xr.DataArray", found: Array) -> tuple[str, Array] | None:
    """Return the months or days of dates that stand for a climatological year, None for real ones.

    The attributes `climatology` (CF) and `modulo` mark them, and so do the years 0 and 1.
    """
    marked = "climatology" in c.attrs or "modulo" in c.attrs or all(date.year <= 1 for date in found)
    months = np.array([date.month for date in found])
    if marked and len(found) > 1 and len(set(months)) == len(found):
        return "month", months
    if marked and len(found) in (365, 366):
        return "day", np.arange(1, len(found) + 1)
    return None


def as_datetime64(found: Array) -> Array:
    """Return dates as datetime64 where their calendar is the real one, else as they are."""
    if all(date.calendar in REAL and FIRST_YEAR <= date.year <= 9999 for date in found):
        return np.array([date.isoformat() for date in found], "datetime64[us]")
    return found


def months_of(label: str, field: "xr.DataArray") -> Array:
    """Return the months, 1 to 12, of the records of a field. Raises InputError for a climatology of days."""
    if "month" in field.coords:
        return field["month"].values
    if "time" not in field.coords:
        raise InputError(f"{label} has the days of a climatological year, but months are needed")
    values = field["time"].values
    if values.dtype.kind == "M":
        return values.astype("datetime64[M]").astype(int) % 12 + 1
    return np.array([date.month for date in values])
