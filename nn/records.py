"""Series of states for training and for the evaluation of forecasts, and their parts."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nn.statistics import ROUND_OFF, Moments, Statistics, floored
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.regions import field_point, resting_volume
from ogcm.state import State

Array = np.ndarray


def set_fields(state: State, model: Model, fields: Mapping[str, Array]) -> None:
    """Set interiors of the fields of a state of `model`, and fill their halos."""
    for name, values in fields.items():
        interior(getattr(state, name))[...] = values
        exchange(model.grid, getattr(state, name))


class Splits(NamedTuple):
    """Records for training, for validation and for the final test, in order of time.

    Attributes
    ----------
    train, validation, test : range
        The numbers of the records.
    """

    train: range
    validation: range
    test: range


class Records:
    """A series of records as states of a model: what training and forecasts need from data.

    A subclass defines `read`. It may override `initialize`, `truth`, `targets` and `complete_forecast` where a forecast
    begins with more than the state of a record (`nn.PapaData`, `nn.AgulhasData`).

    Attributes
    ----------
    path : Path
        The file of the data.
    model : Model
        The model whose states the records are.
    fields : tuple of str
        The fields of the records.
    times : ndarray, shape (nt,)
        Times of the records [s].
    interval : float
        Interval between two records [s].
    """

    path: Path
    model: Model
    fields: tuple[str, ...]
    times: Array
    interval: float

    def read(self, records: range) -> dict[str, Array]:
        """Return the fields of some records, in the precision of the model, 0 on land.

        Parameters
        ----------
        records : range
            The numbers of the records.

        Returns
        -------
        dict of str to ndarray, shape (records, nk, ny, nx)
            The fields; eta (records, ny, nx).
        """
        raise NotImplementedError

    def initialize(self, model: Model, start: Any) -> None:
        """Set a model to a record, from which a forecast begins.

        Parameters
        ----------
        model : Model
            A model like that of the data.
        start : int
            Number of the record.
        """
        model.state.assign(self.state(start))

    def truth(self, start: Any, lead: int) -> State:
        """Return the record that a forecast should be.

        Parameters
        ----------
        start : int
            The record from which the forecast begins.
        lead : int
            Number of records after the start.

        Returns
        -------
        State
            The record.
        """
        return self.state(start + lead)

    def complete_forecast(self, forecast: State, start: int, lead: int) -> State:
        """Add to a forecast what its model does not carry; by default nothing.

        Parameters
        ----------
        forecast : State
            The state of the model, which may be changed.
        start : int
            The record from which the forecast began.
        lead : int
            Number of records after the start.

        Returns
        -------
        State
            The state that is compared with `truth`.
        """
        return forecast

    def check_part(self, part: range) -> None:
        """Check that a range of records exists.

        Parameters
        ----------
        part : range
            The numbers of the records.

        Raises
        ------
        InputError
            Where it does not.
        """
        if not isinstance(part, range) or part.step != 1 or not 0 <= part.start < part.stop <= len(self.times):
            raise InputError(f"records: {part} is not a range within the {len(self.times)} records of {self.path}")

    def make_state(self, fields: Mapping[str, Array], time: float) -> State:
        """Return a state with some fields; the other fields are those of the model.

        Parameters
        ----------
        fields : mapping of str to ndarray
            Interiors of the fields.
        time : float
            Time of the state [s].

        Returns
        -------
        State
            The state.
        """
        state = self.model.state.copy()
        set_fields(state, self.model, fields)
        state.time, state.step, state.previous = time, round(time / self.model.numerics.dt), None
        return state

    def state(self, n: int) -> State:
        """Return a record as a state; fields that are not in the data are those of the model.

        Parameters
        ----------
        n : int
            Number of the record.

        Returns
        -------
        State
            The state.
        """
        fields = {name: values[0] for name, values in self.read(range(n, n + 1)).items()}
        return self.make_state(fields, float(self.times[n]))

    def targets(self, n: Any, count: int) -> dict[str, Array]:
        """Return the records after a start.

        Parameters
        ----------
        n : int
            Number of the record at the start.
        count : int
            Number of records.

        Returns
        -------
        dict of str to ndarray, shape (count, nk, ny, nx)
            The fields of the records n + 1 to n + count; eta (count, ny, nx).
        """
        return self.read(range(n + 1, n + 1 + count))

    def split(self, train: float = 0.7, validation: float = 0.15, test: float = 0.15) -> Splits:
        """Divide the records into three parts that follow each other.

        Parameters
        ----------
        train, validation, test : float, default 0.7, 0.15, 0.15
            Fractions of all records; 0 for no part.

        Returns
        -------
        Splits
            The parts.

        Raises
        ------
        InputError
            For fractions that are negative or more than 1 together, and for a part without a record.
        """
        fractions = dict(train=train, validation=validation, test=test)
        if min(fractions.values()) < 0 or not sum(fractions.values()) <= 1 + 1e-9:
            raise InputError(f"split: needs fractions of at most 1 together, got {fractions}")
        ends = [round(f * len(self.times)) for f in np.cumsum([0.0, *fractions.values()])]
        parts = Splits(*map(range, ends[:-1], ends[1:]))
        for (name, fraction), part in zip(fractions.items(), parts, strict=True):
            if fraction > 0 and not part:
                raise InputError(f"split: {name}={fraction:g} holds no record of {len(self.times)}; use a longer run")
        return parts

    def windows(self, part: range, length: int, stride: int = 1) -> list[Any]:
        """Return the first records of windows that lie inside a part.

        Parameters
        ----------
        part : range
            The records of the part.
        length : int
            Records that a window spans: from n to n + length.
        stride : int, default 1
            Records between the starts of two windows.

        Returns
        -------
        list of int
            The first records.

        Raises
        ------
        InputError
            Where there is no window.
        """
        self.check_part(part)
        if length < 1 or stride < 1 or length >= len(part):
            raise InputError(
                f"windows: {part} has {len(part)} records, a window of length {length} needs {length + 1}; "
                f"length and stride ({stride}) must be at least 1"
            )
        return list(range(part.start, part.stop - length, stride))

    def statistics(self, part: range) -> Statistics:
        """Return means and standard deviations over a part; records are read one at a time.

        Parameters
        ----------
        part : range
            At least two records.

        Returns
        -------
        Statistics
            The statistics of fields and tendencies.
        """
        self.check_part(part)
        if len(part) < 2:
            raise InputError(f"statistics: need at least two records for a tendency, got {part}")
        values = {name: Moments(self.volumes(name), self.model.grid.tile) for name in self.fields}
        rates = {name: Moments(self.volumes(name), self.model.grid.tile) for name in self.fields}
        before = None
        for n in part:
            now = {name: a.astype(float) for name, a in self.read(range(n, n + 1)).items()}
            for name in self.fields:
                values[name].add(now[name])
                if before is not None:
                    rates[name].add((now[name] - before[name]) / self.interval)
            before = now
        pairs = [(m, of) for m in (values, rates) for of in ("mean", "deviation")]
        return Statistics(*({name: getattr(m[name], of) for name in self.fields} for m, of in pairs))

    def volumes(self, name: str) -> Array:
        """Return the weights of a field in means.

        Parameters
        ----------
        name : str
            The field.

        Returns
        -------
        ndarray, shape (nk, ny, nx)
            Volume of the resting cells [m3], 0 on land; for eta the area (1, ny, nx) [m2].
        """
        wet = interior(getattr(self.model.grid, f"mask_{field_point(self.model, name)}")) > 0
        return resting_volume(self.model, name, wet).reshape(-1, *wet.shape[1:])

    def climatology(self, part: range) -> State:
        """Return the mean state of a part.

        Parameters
        ----------
        part : range
            The records of the part.

        Returns
        -------
        State
            The mean, at the mean time.
        """
        self.check_part(part)
        total: dict[str, Any] = dict.fromkeys(self.fields, 0.0)
        for n in part:
            for name, values in self.read(range(n, n + 1)).items():
                total[name] = total[name] + values[0].astype(float)
        mean = {name: a / len(part) for name, a in total.items()}
        return self.make_state(mean, float(self.times[part.start : part.stop].mean()))

    def scales(self, part: range) -> dict[str, Array]:
        """Return the scales by which errors are divided.

        Parameters
        ----------
        part : range
            The records of the part.

        Returns
        -------
        dict of str to ndarray, shape (nk,)
            The floored standard deviation of each field that varies by more than round-off.
        """
        mean, deviation, *_ = self.statistics(part)
        varies = [name for name, d in deviation.items() if d.max() > ROUND_OFF * np.abs(mean[name]).max()]
        return {name: floored(deviation[name]) for name in varies}


def evenly_spaced(records: Sequence[int], count: int) -> list[int]:
    """Return at most `count` of the records, evenly spaced, among them the first and the last.

    Parameters
    ----------
    records : sequence of int
        The records.
    count : int
        Largest number.

    Returns
    -------
    list of int
        The chosen records.
    """
    places = np.linspace(0, len(records) - 1, min(count, len(records))).astype(int)
    return [records[n] for n in np.unique(places)]


def check_disjoint(train: Iterable[int], validation: Iterable[int], test: Iterable[int]) -> None:
    """Raise InputError where two of the three parts (records) have a record in common."""
    parts = {"train": set(train), "validation": set(validation), "test": set(test)}
    for one, other in combinations(parts, 2):
        if common := sorted(parts[one] & parts[other]):
            raise InputError(
                f"{one}, {other}: both hold {len(common)} records, {common[0]} to {common[-1]}; "
                "records of the training do not measure skill, so separate the parts"
            )
