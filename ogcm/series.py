"""Maps at given times, interpolated linearly between them: the entries of a forcing that vary in time."""

import datetime
import reprlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.constants import DAY, YEAR
from ogcm.dates import seconds_after, since_new_year, year_of
from ogcm.errors import InputError
from ogcm.inputs import ArrayLike, Points, as_array, fit_shape_of_tile, number
from ogcm.labelled import by_months, is_labelled

if TYPE_CHECKING:
    import cftime

Array = np.ndarray
MONTHS = (np.arange(12) + 0.5) * YEAR / 12  # the middle of each month [s] of a year of 360 days


@dataclass(frozen=True)
class Series:
    """Maps at given times, interpolated linearly between them.

    Outside the times of a series without period, the nearest record is used; a run that goes beyond them warns of it.

    Parameters
    ----------
    values : array_like, shape (nt,) or (nt, ny, nx)
        Records, each a number or a map.
    times : array_like, shape (nt,)
        Times of the records from the start of the model, in seconds or as durations (timedelta64); or dates, for a
        model with a `start`.
    period : float or timedelta64, optional
        Time [s] after which the series repeats; none by default.
    """

    values: Any
    times: Any
    period: Any = None

    @classmethod
    def monthly(cls, values: ArrayLike | Sequence[Any]) -> "Series":
        """Make a series of twelve maps at mid-month, repeated each year.

        The year is that of the calendar of the model, of 360 days for a model without a start.

        Parameters
        ----------
        values : array_like, shape (12,) or (12, ny, nx)
            Maps from January to December. Those of a labelled array with dates or numbers of months are sorted.

        Returns
        -------
        Series
            The periodic series.

        Raises
        ------
        InputError
            For another number of maps.
        """
        values = by_months(values)
        records: Any = values
        if is_labelled(values):
            records = as_array("a monthly series", values, {"t": None, "y": None, "x": None})
        if np.ndim(records) == 0 or len(records) != 12:
            raise InputError(f"a monthly series needs 12 maps, got {len(np.atleast_1d(records))}")
        return cls(values, MONTHS, YEAR)

    def bound(self, name: str, points: Points, start: "cftime.datetime | None" = None) -> "Series":
        """Convert the series to a list of records at points, with times and period in seconds.

        Parameters
        ----------
        name : str
            Name of the forcing, for messages.
        points : Points
            Points of the maps.
        start : date, optional
            Start of the model, from which dates are counted; months are those of its calendar.

        Returns
        -------
        Series
            The same series; its values are a list of numbers or maps (ny, nx).

        Raises
        ------
        InputError
            For values that do not fit the points, times that do not increase, and a period that is too short.
        """
        records = as_array(name, self.values, {"t": None, **(points.whole or points).axes}, tile=points.tile)
        times, period = seconds(name, "times", self.times, start), self.period
        if start is not None and period == YEAR and np.array_equal(times, MONTHS):
            period = year_of(start)
            times = times * (period / YEAR) - since_new_year(start)
        if times.ndim != 1 or records.ndim == 0 or not 0 < len(times) == len(records):
            maps = len(records) if records.ndim else 0
            raise InputError(f"{name}: {maps} maps need as many times [s], got shape {times.shape}")
        wrong = np.flatnonzero(~(np.diff(times, prepend=-np.inf) > 0))
        if len(wrong) or not np.isfinite(times).all():
            n = wrong[0] if len(wrong) else len(times) - 1
            raise InputError(f"{name}: times must increase, but record {n} is at {times[n]:g} s; sort the records")
        if period is not None:
            period, span = number(f"{name}: period", seconds(name, "period", period)[()]), times[-1] - times[0]
            if not period > span:
                raise InputError(f"{name}: its period, {period:g} s, must exceed the {span:g} s that its records span")
        return Series([fit_shape_of_tile(name, record, points) for record in records], times, period)

    def weights(self, time: float) -> tuple[int, int, float]:
        """Find the records on both sides of a time.

        Parameters
        ----------
        time : float
            Time [s].

        Returns
        -------
        before, after : int
            Indices of the two records.
        weight : float
            Weight of the second.
        """
        times, n = np.asarray(self.times, float), len(self.times)
        if self.period is None:
            time = float(np.clip(time, times[0], times[-1]))
        else:
            time = (time - times[0]) % self.period + times[0]
        after = int(np.searchsorted(times, time, side="right"))
        before, gap = after - 1, (times[after] if after < n else times[0] + (self.period or 0.0)) - times[after - 1]
        return before, after % n, (time - times[before]) / gap if gap > 0 else 0.0

    def terms(self, time: float) -> list[tuple[int, float]]:
        """Return the records that take part at a time, and their weights.

        Parameters
        ----------
        time : float
            Time [s].

        Returns
        -------
        list of tuple of int and float
            Index and weight of each record.
        """
        before, after, weight = self.weights(time)
        return [(before, 1 - weight), (after, weight)]

    def at(self, time: float) -> Array:
        """Interpolate the series to a time.

        Parameters
        ----------
        time : float
            Time [s].

        Returns
        -------
        ndarray
            The map, or the number.
        """
        (first, weight), *others = self.terms(time)
        values = weight * self.values[first]
        for record, weight in others:
            values = values + weight * self.values[record]
        return values

    def check_cover(self, name: str, start: float, end: float) -> None:
        """Check that the times of a series without period cover a run, to within the interval of its records.

        Warns where they do not.

        Parameters
        ----------
        name : str
            Name of the forcing, for messages.
        start, end : float
            Times of the run [s].

        Raises
        ------
        InputError
            Where the run lies entirely outside the times of the series.
        """
        if self.period is not None or len(self.times) < 2:
            return
        first, last, step = self.times[0], self.times[-1], np.diff(self.times).max()
        days = f"days {first / DAY:g} to {last / DAY:g}, the run from day {start / DAY:g} to {end / DAY:g}"
        if end < first - step or start > last + step:
            raise InputError(f"{name}: its records are of {days}; count their times in seconds from the model's start")
        if start < first - step or end > last + step:
            warnings.warn(f"{name}: its records are of {days}; outside, the nearest record is used", stacklevel=5)


def seconds(name: str, what: str, times: Any, start: "cftime.datetime | None" = None) -> Array:
    """Return times, durations or dates after a start as numbers [s].

    Raises InputError for dates without a start or in another calendar, and for anything but numbers.
    """
    a = np.asarray(times)
    if a.dtype.kind == "O" and all(isinstance(t, datetime.timedelta) for t in a.flat):
        a = a.astype("timedelta64[us]")
    if a.dtype.kind == "m":
        return a / np.timedelta64(1, "s")
    if a.dtype.kind == "M" or (a.dtype.kind == "O" and all(hasattr(t, "year") for t in a.flat)):
        if start is None:
            raise InputError(
                f"{name}: its {what} are dates ({reprlib.repr(a.flat[0])}), but the model has no start; give it one, "
                "such as start='2000-01-01', or durations from its start, such as `times - times[0]`"
            )
        try:
            return seconds_after(start, a)
        except (ValueError, TypeError) as error:
            raise InputError(f"{name}: its {what} cannot be counted from {start} ({error})") from None
    return as_array(f"{name}: {what}", times)
