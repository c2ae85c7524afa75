"""Series of states to train on and to compare forecasts with, and their parts for training, validation and test."""

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
    """Give a state of `model` the interiors `fields`, halo included."""
    for name, values in fields.items():
        interior(getattr(state, name))[...] = values
        exchange(model.grid, getattr(state, name))


class Splits(NamedTuple):
    """Records for training, for deciding when to stop, and for the final test, in order of time."""

    train: range
    validation: range
    test: range


class Records:
    """A series of records as states of `model`: what training and forecasts ask of data.

    Attributes: `path` (whence they come), `fields` (their names), `times` (nt,) [s], `interval` [s]. A subclass says
    how they are read, and may say that a model begins a forecast with more than the state of a record
    (`nn.PapaData`, `nn.AgulhasData`).
    """

    path: Path
    model: Model
    fields: tuple[str, ...]
    times: Array
    interval: float

    def read(self, records: range) -> dict[str, Array]:
        """The fields (records, nk, ny, nx), of eta (records, ny, nx), in the model's precision, 0 on land."""
        raise NotImplementedError

    def initialize(self, model: Model, start: Any) -> None:
        """Set a model like that of the data to the record `start`. Raises as `read` does."""
        model.state.assign(self.state(start))

    def truth(self, start: Any, lead: int) -> State:
        """The record `lead` after `start`."""
        return self.state(start + lead)

    def complete_forecast(self, forecast: State, start: int, lead: int) -> State:
        """What the state of a model, `lead` records after it began, says of that record."""
        return forecast

    def check_part(self, part: range) -> None:
        """Raise InputError unless `part` is a range of records that exist."""
        if not isinstance(part, range) or part.step != 1 or not 0 <= part.start < part.stop <= len(self.times):
            raise InputError(f"records: {part} is no range of the {len(self.times)} records of {self.path}")

    def make_state(self, fields: Mapping[str, Array], time: float) -> State:
        """A state of these interiors; the other fields are the model's."""
        state = self.model.state.copy()
        set_fields(state, self.model, fields)
        state.time, state.step, state.previous = time, round(time / self.model.numerics.dt), None
        return state

    def state(self, n: int) -> State:
        """Record `n`; fields that the data set lacks come from the model's state. Raises as `read` does."""
        fields = {name: values[0] for name, values in self.read(range(n, n + 1)).items()}
        return self.make_state(fields, float(self.times[n]))

    def targets(self, n: Any, count: int) -> dict[str, Array]:
        """The interiors (count, nk, ny, nx), of eta (count, ny, nx), of the records n + 1 to n + count."""
        return self.read(range(n + 1, n + 1 + count))

    def split(self, train: float = 0.7, validation: float = 0.15, test: float = 0.15) -> Splits:
        """The records in three parts that follow each other, in these fractions of all (0 for none of a part).

        Raises InputError for fractions that cannot be, or that leave a part without a record.
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
        """First records n of the windows n to n + length that lie inside `part`, each `stride` records.

        Raises InputError where there is none.
        """
        self.check_part(part)
        if length < 1 or stride < 1 or length >= len(part):
            raise InputError(
                f"windows: {part} has {len(part)} records, a window of length {length} needs {length + 1}; "
                f"length and stride ({stride}) must be at least 1"
            )
        return list(range(part.start, part.stop - length, stride))

    def statistics(self, part: range) -> Statistics:
        """Means and standard deviations over a part of at least two records, read one at a time."""
        self.check_part(part)
        if len(part) < 2:
            raise InputError(f"statistics: need at least two records for a tendency, got {part}")
        values = {name: Moments(self.volumes(name)) for name in self.fields}
        rates = {name: Moments(self.volumes(name)) for name in self.fields}
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
        """Weights (nk, ny, nx), of eta (1, ny, nx): the volume of the resting cells, or the area of the surface."""
        wet = interior(getattr(self.model.grid, f"mask_{field_point(self.model, name)}")) > 0
        return resting_volume(self.model, name, wet).reshape(-1, *wet.shape[1:])

    def climatology(self, part: range) -> State:
        """The mean state of a part of the records, at their mean time."""
        self.check_part(part)
        total: dict[str, Any] = dict.fromkeys(self.fields, 0.0)
        for n in part:
            for name, values in self.read(range(n, n + 1)).items():
                total[name] = total[name] + values[0].astype(float)
        mean = {name: a / len(part) for name, a in total.items()}
        return self.make_state(mean, float(self.times[part.start : part.stop].mean()))

    def scales(self, part: range) -> dict[str, Array]:
        """What errors are divided by: the floored standard deviation of each field that varies (beyond round-off)."""
        mean, deviation, *_ = self.statistics(part)
        varies = [name for name, d in deviation.items() if d.max() > ROUND_OFF * np.abs(mean[name]).max()]
        return {name: floored(deviation[name]) for name in varies}


def evenly_spaced(records: Sequence[int], count: int) -> list[int]:
    """At most `count` of the records, evenly spread, the first and the last among them."""
    places = np.linspace(0, len(records) - 1, min(count, len(records))).astype(int)
    return [records[n] for n in np.unique(places)]


def check_disjoint(train: Iterable[int], validation: Iterable[int], test: Iterable[int]) -> None:
    """Raise InputError where two of the three parts (records) have a record in common."""
    parts = {"train": set(train), "validation": set(validation), "test": set(test)}
    for one, other in combinations(parts, 2):
        if common := sorted(parts[one] & parts[other]):
            raise InputError(
                f"{one}, {other}: both hold {len(common)} records, {common[0]} to {common[-1]}; "
                "what a network has seen says nothing of its skill, so separate them"
            )
