"""Records of the real ocean for training and forecasts: what the setups `papa` and `agulhas` are held against.

    model = ogcm.setups.agulhas(data="currents.nc")
    data = AgulhasData("currents.nc", model)
    train(learner, data, settings, folder)

A forecast begins with more than a state here: with the fluxes of its hours, or with a forcing that holds its start.
`initialize` sets both.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nn.records import Records
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import add_halo
from ogcm.model import Model
from ogcm.setups.agulhas import CLOSED, Starts, read_currents
from ogcm.setups.papa import FLUXES, HOUR, in_cells, read_record, set_windows
from ogcm.state import State

Array = np.ndarray
UNSEEN = 1e6  # by which errors are divided in layers without observations: they count nothing
EKMAN = 5 * DAY  # [s] in which the part of the currents is forgotten that the layer of `agulhas` does not carry


class PapaData(Records):
    """T and S of `papa` each `every` hours. A start is a tuple of records, one for each column of the model.

    Its windows must fit into the model's (`hours` of `ogcm.setups.papa`); their columns begin evenly spread over the
    part of the records. A state has the currents of rest.
    """

    fields = ("T", "S")

    def __init__(self, path: str | Path, model: Model, *, every: int = 6) -> None:
        """Raises FileError and InputError as `papa` does, InputError for `every` below 1."""
        if every < 1:
            raise InputError(f"every: must be at least 1 hour, got {every}")
        self.path, self.model, self.every = Path(path), model, every
        self.record = read_record(str(path))
        self.columns = model.horizontal.shape[1] // 2
        self.times = HOUR * np.arange(0, self.record.hours, every)
        self.interval = HOUR * every

    def at(self, records: Array) -> dict[str, Array]:
        """T and S (nt, nk, 1, 2 columns) of the records (nt, columns)."""
        hours = self.every * np.asarray(records)
        return {name: in_cells(np.swapaxes(getattr(self.record, name)[hours], 1, 2)) for name in self.fields}

    def read(self, records: range) -> dict[str, Array]:
        """T and S (records, nk, 1, 2 columns): those of a record in all columns."""
        self.check_part(records)
        return self.at(np.repeat(np.array(records)[:, None], self.columns, axis=1))

    def targets(self, n: Sequence[int], count: int) -> dict[str, Array]:
        """The records after the starts `n` of the columns: T and S (count, nk, 1, 2 columns)."""
        return self.at(np.arange(1, count + 1)[:, None] + n)

    def truth(self, start: Sequence[int], lead: int) -> State:
        """The record `lead` after that of each column."""
        fields = {name: a[0] for name, a in self.at(np.array([start]) + lead).items()}
        return self.make_state(fields, 0.0)

    def initialize(self, model: Model, start: Sequence[int]) -> None:
        """Profiles and hours of weather of each column's start. Raises InputError as `set_windows` does."""
        set_windows(model, self.record, (self.every * np.asarray(start)).tolist())

    def windows(self, part: range, length: int, stride: int = 1) -> list[tuple[int, ...]]:
        """Starts of all columns together: they are spread evenly, and no two windows begin with the same record.

        Raises InputError where the part has too few records, and for windows longer than the model's forcing.
        """
        possible = super().windows(part, length, stride)
        apart = len(possible) // self.columns
        if not apart:
            raise InputError(
                f"windows: {part} holds {len(possible)} windows of {length} records, the model has {self.columns} "
                "columns; use fewer, or a longer part"
            )
        hours = len(self.model.forcing.series[FLUXES[0]].times) - 1
        if length * self.every > hours:
            raise InputError(
                f"windows: {length} records are {length * self.every} hours, but the model is forced for {hours}; "
                "give papa more hours"
            )
        last = self.record.hours - 1 - hours  # the hour after which the weather ends before the model's forcing does
        found = [tuple(possible[n::apart][: self.columns]) for n in range(apart)]
        found = [starts for starts in found if max(starts) * self.every <= last]
        if not found:
            raise InputError(f"windows: {part} ends too late for {hours} hours of weather; give papa fewer hours")
        return found

    def scales(self, part: range) -> dict[str, Array]:
        """Of all observed layers the same, the root of their mean variance; without measure in the others.

        Layers below the seasons vary by internal waves alone, which no column knows: by their own standard deviation
        they would count most.
        """
        seen = {"T": self.record.T_seen > 0, "S": self.record.S_seen > 0}
        usual = {name: np.sqrt(np.mean(a[seen[name]] ** 2)) for name, a in super().scales(part).items()}
        return {name: np.where(seen[name], a, UNSEEN) for name, a in usual.items()}


class AgulhasData(Records):
    """The currents of `agulhas` at faces day by day, as they are observed.

    The layer carries the part that fills no cell; what is left out of the start (Ekman flow, noise) is added to what
    the model forecasts, and forgotten within EKMAN.
    """

    fields = ("u", "v")

    def __init__(self, path: str | Path, model: Model) -> None:
        """Raises FileError and InputError as `agulhas` does."""
        self.path, self.model = Path(path), model
        currents = read_currents(str(path))
        self.starts = Starts(model, currents)
        self.times, self.interval = DAY * np.arange(len(currents.u)), DAY
        pairs = list(zip(currents.u, currents.v, strict=True))
        self.currents = self.on_grid([self.starts.faces(u, v) for u, v in pairs])
        self.rest = self.currents - self.on_grid([self.starts.flow(u, v) for u, v in pairs])

    def on_grid(self, vectors: Sequence[Array]) -> Array:
        """u and v (2, records, 1, ny, nx) of vectors of `Starts`, in the model's precision."""
        maps = np.array([self.starts.maps(vector) for vector in vectors])
        return np.swapaxes(maps, 0, 1)[:, :, None].astype(self.model.state.u.dtype)

    def read(self, records: range) -> dict[str, Array]:
        """u and v (records, 1, ny, nx)."""
        self.check_part(records)
        return dict(zip(self.fields, self.currents[:, records.start : records.stop], strict=True))

    def targets(self, n: int, count: int) -> dict[str, Array]:
        """The currents in the records after `n`, without the part that `complete_forecast` adds."""
        left = np.exp(-np.arange(1, count + 1) * self.interval / EKMAN)[:, None, None, None] * self.rest[:, n, None]
        return {name: a - b for (name, a), b in zip(super().targets(n, count).items(), left, strict=True)}

    def initialize(self, model: Model, start: int) -> None:
        """State and forcing of the record. Raises InputError where it does not exist."""
        self.starts.set(start)
        if model is not self.model:
            model.state.assign(self.model.state)
            for name, series in self.model.forcing.series.items():
                model.forcing.series[name].values[...] = series.values

    def complete_forecast(self, forecast: State, start: int, lead: int) -> State:
        """With what the layer does not carry."""
        left = np.exp(-lead * self.interval / EKMAN) * self.rest[:, start]
        for name, a in zip(self.fields, left, strict=True):
            getattr(forecast, name)[...] += add_halo(a, CLOSED)
        return forecast
