"""Records of the real ocean for training and forecasts: the observations of the setups `papa` and `agulhas`.

    model = ogcm.setups.agulhas(data="currents.nc")
    data = AgulhasData("currents.nc", model)
    train(Trainable(model), data, settings, folder)

A forecast begins with more than a state: with the surface fluxes of its hours, or with a forcing that balances its
initial state. `initialize` sets both.
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
UNOBSERVED = 1e6  # scale of layers without observations, which therefore do not count
EKMAN = 5 * DAY  # [s] e-folding time of the currents that the layer of `agulhas` does not carry


class PapaData(Records):
    """T and S of `papa`, one record every few hours. A start is a tuple of records, one for each column of the model.

    Windows must fit into the forcing of the model (`hours` of `ogcm.setups.papa`); their columns begin evenly spaced in
    the part of the records. The currents of a state are at rest.

    Parameters
    ----------
    path : str or Path
        The file of observations.
    model : Model
        A model of the setup `papa`.
    every : int, default 6
        Hours between two records.

    Raises
    ------
    FileError, InputError
        As `papa`, and for `every` below 1.
    """

    fields = ("T", "S")

    def __init__(self, path: str | Path, model: Model, *, every: int = 6) -> None:
        model.grid.tile.check_whole("papa with its observations")
        if every < 1:
            raise InputError(f"every: must be at least 1 hour, got {every}")
        self.path, self.model, self.every = Path(path), model, every
        self.record = read_record(str(path))
        self.columns = model.horizontal.shape[1] // 2
        self.times = HOUR * np.arange(0, self.record.hours, every)
        self.interval = HOUR * every

    def profiles(self, records: Array) -> dict[str, Array]:
        """Return T and S of records that differ between the columns.

        Parameters
        ----------
        records : ndarray, shape (nt, columns)
            The records.

        Returns
        -------
        dict of str to ndarray, shape (nt, nk, 1, 2 columns)
            T and S.
        """
        hours = self.every * np.asarray(records)
        return {name: in_cells(np.swapaxes(getattr(self.record, name)[hours], 1, 2)) for name in self.fields}

    def read(self, records: range) -> dict[str, Array]:
        """Return T and S of some records, the same in all columns.

        Parameters
        ----------
        records : range
            The numbers of the records.

        Returns
        -------
        dict of str to ndarray, shape (records, nk, 1, 2 columns)
            T and S.
        """
        self.check_part(records)
        return self.profiles(np.repeat(np.array(records)[:, None], self.columns, axis=1))

    def targets(self, n: Sequence[int], count: int) -> dict[str, Array]:
        """Return the records after the starts of the columns.

        Parameters
        ----------
        n : sequence of int
            The start of each column.
        count : int
            Number of records.

        Returns
        -------
        dict of str to ndarray, shape (count, nk, 1, 2 columns)
            T and S.
        """
        return self.profiles(np.arange(1, count + 1)[:, None] + n)

    def truth(self, start: Sequence[int], lead: int) -> State:
        """Return the record after the start of each column.

        Parameters
        ----------
        start : sequence of int
            The start of each column.
        lead : int
            Number of records after the start.

        Returns
        -------
        State
            The records.
        """
        fields = {name: a[0] for name, a in self.profiles(np.array([start]) + lead).items()}
        return self.make_state(fields, 0.0)

    def initialize(self, model: Model, start: Sequence[int]) -> None:
        """Set profiles and surface fluxes of each column to those of its start.

        Parameters
        ----------
        model : Model
            A model like that of the data.
        start : sequence of int
            The start of each column.
        """
        set_windows(model, self.record, (self.every * np.asarray(start)).tolist())

    def windows(self, part: range, length: int, stride: int = 1) -> list[tuple[int, ...]]:
        """Return the starts of all columns together; they are evenly spaced, and no two windows begin with the same
        record.

        Parameters
        ----------
        part : range
            The records of the part.
        length : int
            Records that a window spans.
        stride : int, default 1
            Records between two starts.

        Returns
        -------
        list of tuple of int
            The starts of the columns of each window.

        Raises
        ------
        InputError
            Where the part has too few records, and for windows longer than the forcing of the model.
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
        """Return one scale for all observed layers, the root of their mean variance; layers without observations do not
        count.

        Layers below the seasonal cycle vary by internal waves alone, which a column model cannot forecast: scaled by
        their own standard deviation, they would count most.

        Parameters
        ----------
        part : range
            The records of the part.

        Returns
        -------
        dict of str to ndarray, shape (nk,)
            The scales of T and S.
        """
        observed = {"T": self.record.T_seen > 0, "S": self.record.S_seen > 0}
        usual = {name: np.sqrt(np.mean(a[observed[name]] ** 2)) for name, a in super().scales(part).items()}
        return {name: np.where(observed[name], a, UNOBSERVED) for name, a in usual.items()}


class AgulhasData(Records):
    """The observed currents of `agulhas` at the faces, one record a day.

    The layer of the model carries the part of the currents that is free of divergence. The rest of the initial currents
    (Ekman flow, noise) is added to the forecast, with an e-folding time of EKMAN.

    Parameters
    ----------
    path : str or Path
        The file of observations.
    model : Model
        A model of the setup `agulhas`.

    Raises
    ------
    FileError, InputError
        As `agulhas`.
    """

    fields = ("u", "v")

    def __init__(self, path: str | Path, model: Model) -> None:
        model.grid.tile.check_whole("agulhas with its observations")
        self.path, self.model = Path(path), model
        currents = read_currents(str(path))
        self.starts = Starts(model, currents)
        self.times, self.interval = DAY * np.arange(len(currents.u)), DAY
        pairs = list(zip(currents.u, currents.v, strict=True))
        self.currents = self.on_grid([self.starts.faces(u, v) for u, v in pairs])
        self.rest = self.currents - self.on_grid([self.starts.flow(u, v) for u, v in pairs])

    def on_grid(self, vectors: Sequence[Array]) -> Array:
        """Return maps of vectors of `Starts`.

        Parameters
        ----------
        vectors : sequence of ndarray
            The vectors.

        Returns
        -------
        ndarray, shape (2, records, 1, ny, nx)
            u and v in the precision of the model.
        """
        maps = np.array([self.starts.maps(vector) for vector in vectors])
        return np.swapaxes(maps, 0, 1)[:, :, None].astype(self.model.state.u.dtype)

    def read(self, records: range) -> dict[str, Array]:
        """Return the currents of some records.

        Parameters
        ----------
        records : range
            The numbers of the records.

        Returns
        -------
        dict of str to ndarray, shape (records, 1, ny, nx)
            u and v.
        """
        self.check_part(records)
        return dict(zip(self.fields, self.currents[:, records.start : records.stop], strict=True))

    def targets(self, n: int, count: int) -> dict[str, Array]:
        """Return the currents after a start, without the part that `complete_forecast` adds.

        Parameters
        ----------
        n : int
            Number of the record at the start.
        count : int
            Number of records.

        Returns
        -------
        dict of str to ndarray, shape (count, 1, ny, nx)
            u and v.
        """
        left = np.exp(-np.arange(1, count + 1) * self.interval / EKMAN)[:, None, None, None] * self.rest[:, n, None]
        return {name: a - b for (name, a), b in zip(super().targets(n, count).items(), left, strict=True)}

    def initialize(self, model: Model, start: int) -> None:
        """Set state and forcing of a model to those of a record.

        Parameters
        ----------
        model : Model
            A model like that of the data.
        start : int
            Number of the record.

        Raises
        ------
        InputError
            Where the record does not exist.
        """
        self.starts.set(start)
        if model is not self.model:
            model.state.assign(self.model.state)
            for name, series in self.model.forcing.series.items():
                model.forcing.series[name].values[...] = series.values

    def complete_forecast(self, forecast: State, start: int, lead: int) -> State:
        """Add the part of the initial currents that the layer does not carry.

        Parameters
        ----------
        forecast : State
            The state of the model, which is changed.
        start : int
            The record from which the forecast began.
        lead : int
            Number of records after the start.

        Returns
        -------
        State
            The forecast.
        """
        left = np.exp(-lead * self.interval / EKMAN) * self.rest[:, start]
        for name, a in zip(self.fields, left, strict=True):
            getattr(forecast, name)[...] += add_halo(a, CLOSED)
        return forecast
