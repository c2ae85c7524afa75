"""Maps at given times, interpolated between them: the entries of a forcing that vary in time.

    linear          between the times of the records
    conservative    so that the mean over the interval of each record is the record: parabolas with given means and
                    with values at the edges that two neighbours share (Colella and Woodward 1984,
                    doi 10.1016/0021-9991(84)90143-8, eqs. 1.5 to 1.7, without their limiter), for means of months

A parabola depends on its record and the two beside it, so that no more are needed at once; the pseudo-values of
Killworth (1996, doi 10.1175/1520-0485(1996)026<1767:TIOFFO>2.0.CO;2), which have the same means, depend on all records.
As those, parabolas can go beyond the records: non-negative records may have slightly negative values between them.
"""

import datetime
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
ROUNDING = 1e-9  # of times, relative to the span of all records
INTERPOLATIONS = ("linear", "conservative")


def middles(count: int) -> Array:
    """Return the middles [s] of equal parts of a year of 360 days."""
    return (np.arange(count) + 0.5) * YEAR / count


MONTHS = middles(12)  # the middle of each month [s] of a year of 360 days
CLIMATOLOGICAL = (12, 365, 366)  # numbers of records of a climatological year


@dataclass(frozen=True)
class Series:
    """Maps at given times, interpolated between them.

    A run must lie within the intervals of the records of a series without period, unless it is `held`. These end
    half-way between the times, and as far before the first and after the last one; there, beyond these two times,
    linear interpolation uses the nearest record.

    Parameters
    ----------
    values : array_like, shape (nt,) or (nt, ny, nx)
        Records, each a number or a map.
    times : array_like, shape (nt,)
        Times of the records from the start of the model, in seconds or as durations (timedelta64); or dates, for a
        model with a `start`.
    period : float or timedelta64, optional
        Time [s] after which the series repeats; none by default.
    interpolation : {"linear", "conservative"}
        Between the times of the records, or so that the mean over the interval of each record is the record.
    edges : array_like, shape (nt + 1,), optional
        Beginnings of the intervals of the records, and the end of the last one, in the form of `times`. Default:
        half-way between the times.
    held : bool, default False
        Whether the first and the last record are held for any time before and after them.
    """

    values: Any
    times: Any
    period: Any = None
    interpolation: str = "linear"
    edges: Any = None
    held: bool = False

    @classmethod
    def monthly(cls, values: ArrayLike | Sequence[Any], interpolation: str = "linear") -> "Series":
        """Make a series of twelve maps at mid-month, repeated each year.

        The year is that of the calendar of the model, of 360 days for a model without a start.

        Parameters
        ----------
        values : array_like, shape (12,) or (12, ny, nx)
            Maps from January to December. Those of a labelled array with dates or numbers of months are sorted.
        interpolation : {"linear", "conservative"}
            "conservative" for means of months, which the means of the interpolated values then are.

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
        return cls(values, MONTHS, YEAR, interpolation)

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
        series = self.timed(name, len(records) if records.ndim else 0, start)
        return replace(series, values=[fit_shape_of_tile(name, record, points) for record in records])

    def timed(self, name: str, count: int, start: "cftime.datetime | None" = None) -> "Series":
        """Convert times, period and edges to seconds.

        Parameters
        ----------
        name : str
            Name of the forcing, for messages.
        count : int
            Number of its records.
        start : date, optional
            Start of the model, from which dates are counted.

        Returns
        -------
        Series
            The same series, with these.

        Raises
        ------
        InputError
            For an unknown interpolation, for times and edges that do not increase, and for a period that is too short.
        """
        if self.interpolation not in INTERPOLATIONS:
            raise InputError(
                f"{name}: interpolation {self.interpolation!r} does not exist; choose from {', '.join(INTERPOLATIONS)}"
            )
        times, period = seconds(name, "times", self.times, start), self.period
        if start is not None and period == YEAR and count in CLIMATOLOGICAL and np.array_equal(times, middles(count)):
            period = year_of(start)
            times = times * (period / YEAR) - since_new_year(start)
        if times.ndim != 1 or not 0 < len(times) == count:
            raise InputError(f"{name}: {count} maps need as many times [s], got shape {times.shape}")
        wrong = np.flatnonzero(~(np.diff(times, prepend=-np.inf) > 0))
        if len(wrong) or not np.isfinite(times).all():
            n = wrong[0] if len(wrong) else len(times) - 1
            raise InputError(f"{name}: times must increase, but record {n} is at {times[n]:g} s; sort the records")
        if period is not None:
            period, span = number(f"{name}: period", seconds(name, "period", period)[()]), times[-1] - times[0]
            if not period > span:
                raise InputError(f"{name}: its period, {period:g} s, must exceed the {span:g} s that its records span")
        edges = edges_of(name, times, period, None if self.edges is None else seconds(name, "edges", self.edges, start))
        return replace(self, times=times, period=period, edges=edges)

    def weights(self, time: float) -> tuple[tuple[int, float], ...]:
        """Find the records of which the value at a time is made.

        Parameters
        ----------
        time : float
            Time [s].

        Returns
        -------
        tuple of tuple of int and float
            Index and weight of each record, in the order of their times: two for linear interpolation, three for
            conservative interpolation.
        """
        if self.interpolation == "conservative" and len(self.times) > 1:
            return self.conservative_weights(time)
        times, n = np.asarray(self.times, float), len(self.times)
        if self.period is None:
            time = float(np.clip(time, times[0], times[-1]))
        else:
            time = (time - times[0]) % self.period + times[0]
        after = int(np.searchsorted(times, time, side="right"))
        before, gap = after - 1, (times[after] if after < n else times[0] + (self.period or 0.0)) - times[after - 1]
        weight = (time - times[before]) / gap if gap > 0 else 0.0
        return (before, 1 - weight), (after % n, weight)

    def conservative_weights(self, time: float) -> tuple[tuple[int, float], ...]:
        """Find the weights of a parabola over the interval of a record, whose mean is the record.

        Parameters
        ----------
        time : float
            Time [s].

        Returns
        -------
        tuple of tuple of int and float
            Index and weight of the record before, of that in whose interval the time lies, and of the one after.
        """
        count, edges = len(self.times), np.asarray(self.edges, float)
        if self.period is None:
            time = float(np.clip(time, edges[0], edges[-1]))
        else:
            time = (time - edges[0]) % self.period + edges[0]
        n = min(max(int(np.searchsorted(edges, time, side="right")) - 1, 0), count - 1)
        before, after = (
            (max(n - 1, 0), min(n + 1, count - 1)) if self.period is None else ((n - 1) % count, (n + 1) % count)
        )
        widths, place = np.diff(edges), (time - edges[n]) / (edges[n + 1] - edges[n])
        left, right = (widths[n] / (widths[n] + widths[m]) for m in (before, after))  # of neighbours, at the edges
        at_left, at_right = (1 - place) * (1 - 3 * place), place * (3 * place - 2)  # with the mean 0 each
        own = at_left * (1 - left) + at_right * (1 - right) + 6 * place * (1 - place)
        return (before, at_left * left), (n, own), (after, at_right * right)

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
        first, *others = [weight * self.values[n] for n, weight in self.weights(time)]
        return sum(others, start=first)

    def check_cover(self, name: str, start: float, end: float) -> None:
        """Check that the intervals of the records of a series without period cover a run.

        Parameters
        ----------
        name : str
            Name of the forcing, for messages.
        start, end : float
            Times of the run [s].

        Raises
        ------
        InputError
            Where the run begins before them or ends after them.
        """
        if self.period is not None or self.held or len(self.times) < 2:
            return
        first, last = self.edges[0], self.edges[-1]
        slack = ROUNDING * (last - first)
        if start < first - slack or end > last + slack:
            raise InputError(
                f"{name}: its records cover days {first / DAY:g} to {last / DAY:g}, but the run goes from day "
                f"{start / DAY:g} to {end / DAY:g}; run within these days, add the missing records or files, hold the "
                "first and the last one with held=True, or give a period after which they repeat. Times are seconds "
                "from the model's start, or dates"
            )


def edges_of(name: str, times: Array, period: float | None, given: Array | None) -> Array:
    """Return the edges (nt + 1,) of the intervals of records [s]: those that are given, or half-way between the times.

    Raises InputError for given ones that do not fit.
    """
    if given is None:
        if period is not None:
            last = 0.5 * (times[-1] + times[0] + period)
            return np.concatenate([[last - period], 0.5 * (times[1:] + times[:-1]), [last]])
        half = 0.5 * np.diff(times) if len(times) > 1 else np.zeros(1)
        return np.concatenate([[times[0] - half[0]], 0.5 * (times[1:] + times[:-1]), [times[-1] + half[-1]]])
    inside = given.shape == (len(times) + 1,) and (given[:-1] <= times).all() and (times <= given[1:]).all()
    if not inside or not (np.diff(given) > 0).all():
        raise InputError(
            f"{name}: {len(times)} records need {len(times) + 1} edges that increase, with the time of each record "
            "between its two; leave them out for edges half-way between the times"
        )
    if period is not None and abs(given[-1] - given[0] - period) > ROUNDING * period:
        span = given[-1] - given[0]
        raise InputError(f"{name}: its edges span {span:g} s, but its period is {period:g} s; they must be the same")
    return given


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
