"""Data sets: series of states on the grid of one (coarse) model, to train a corrector on.

A data set is an output file of ogcm (NetCDF4, CF names; `ogcm info` and `ogcm plot` read it) with snapshots at
uniform times in the precision of the model, the attribute `format`, and of those that `make_data` writes

    configuration, fine_configuration   the TOML of the coarse and of the fine model
    factor                              fine cells in a coarse one, (along y, along x)
    wall_seconds_per_day                what a simulated day of the fine run took, without what is done to its states

It may lack fields (observed currents alone), which `DataSet.state` takes from its model; `DataOutput` writes one.
"""

import math
import time as clock
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from nn.coarse_graining import CoarseGraining
from ogcm import files
from ogcm.constants import DAY
from ogcm.disk import check_room
from ogcm.errors import FileError, InputError, suggestion
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.output import OutputFile, record_bytes
from ogcm.regions import field_point, resting_volume
from ogcm.restart import restart_bytes
from ogcm.simulation import Simulation
from ogcm.state import PROGNOSTIC, State
from ogcm.variables import check_variables, water

Array = np.ndarray
FORMAT = "ogcm data set 1"
ROUND_OFF = 1e-10  # of its mean: a field that varies by less is constant
SMALLEST = 1e-3  # a layer that varies less than this part of the most variable one has that scale


def put_fields(state: State, model: Model, fields: Mapping[str, Array]) -> None:
    """Give a state of `model` the interiors `fields`, halo included."""
    for name, values in fields.items():
        interior(getattr(state, name))[...] = values
        exchange(model.grid, getattr(state, name))


# Writing


class DataOutput(OutputFile):
    """Writes states of `model` as a data set; `attributes` go to the file. Its name it gets when it is closed."""

    def __init__(
        self,
        path: str | Path,
        model: Model,
        fields: Sequence[str] = PROGNOSTIC,
        *,
        configuration: str = "",
        attributes: Mapping[str, object] | None = None,
    ) -> None:
        """Raises InputError for an unknown field, FileError where the file cannot be written."""
        variables = check_variables(model, tuple(fields))
        super().__init__(path, model, variables, configuration, precision=model.numerics.precision)
        self.file.attrs.update({"format": FORMAT, **(attributes or {})})


class CoarseOutput(DataOutput):
    """The output of a fine run: its states from the time `begin` [s] on, on the coarse grid."""

    def __init__(self, path: Path, graining: CoarseGraining, fine: Model, coarse: Model, begin: float, **more) -> None:
        super().__init__(path, coarse, **more)
        self.graining, self.fine, self.begin = graining, fine, begin
        self.seconds: list[float] = []  # of each step
        self.since_step = clock.perf_counter()

    def add(self, _: Model) -> None:
        """Called after each step: takes its time."""
        now = clock.perf_counter()
        self.seconds.append(now - self.since_step)
        self.since_step = now

    def record(self, model: Model) -> None:
        """Append the state of the fine model."""
        state = model.state
        if state.time > self.begin - 0.5 * self.fine.numerics.dt:
            put_fields(self.model.state, self.model, self.graining(state))
            self.model.state.time = state.time
            super().record(self.model)
        self.since_step = clock.perf_counter()

    def close(self, complete: bool = True) -> None:
        """Say what the fine run cost, and finish; a run that ended early leaves its records in the `.part`.

        The median step tells nothing of compiling and writing.
        """
        if self.seconds:
            self.file.attrs["wall_seconds_per_day"] = np.median(self.seconds) * DAY / self.fine.numerics.dt
        self.broken = self.broken or not complete
        super().close(complete)


class FineRun(Simulation):
    """A run of `model` whose states from the time `begin` [s] on go to a data set on the grid of `coarse`."""

    toml_file = None  # it is in the data set

    def __init__(self, model: Model, coarse: Model, path: str | Path, *, begin: float, **options) -> None:
        """`options` are those of Simulation. Raises as Simulation does."""
        self.coarse, self.begin, self.graining = coarse, begin, CoarseGraining(model, coarse)
        super().__init__(model, output=path, **options)

    def check_room(self) -> None:
        """Raise FileError for a disk that would be full before the end."""
        size = record_bytes(self.coarse, check_variables(self.coarse, PROGNOSTIC), self.coarse.numerics.precision)
        need = (2 + self.steps // self.interval) * size + restart_bytes(self.model)
        check_room(self.output, need, "write less often")

    def open_output(self) -> CoarseOutput:
        """The data set, ready for its first record."""
        days, every = self.settings["days"], self.settings["every"]
        configuration = Simulation(self.coarse, days=days, every=every, progress=False).toml()
        attributes = {"fine_configuration": self.toml(), "factor": self.graining.factor}
        more = {"configuration": configuration, "attributes": attributes}
        return CoarseOutput(self.output, self.graining, self.model, self.coarse, self.begin, **more)


def make_data(
    fine: Model,
    coarse: Model,
    path: str | Path,
    *,
    days: float,
    every: float,
    spin_up: float = 0.0,
    overwrite: bool = False,
    progress: bool = True,
    device: str = "cpu",
) -> None:
    """Run `fine` from its state and write what `coarse` should hold, each `every` days, to the data set `path`.

    The records cover `days` after the first multiple of `every` that is not within `spin_up` days. The last state of
    the fine run is left beside it as `<name>.restart.h5` (`ogcm.load_restart` takes it), that of `coarse` is
    the last record. Of a run that dies the records are in `<path>.part`, and a restart as of any simulation. Raises
    InputError or FileError before the first step for what would fail later, BlowUpError as `Simulation.run` does.
    """
    if not 0 <= spin_up < math.inf:
        raise InputError(f"spin_up: must be 0 or a number of days, got {spin_up}")
    if not 0 < every <= days:
        raise InputError(f"every: must be a positive number of days, at most the {days:g} of the data, got {every:g}")
    first, begin = every * math.ceil(spin_up / every - 1e-9), fine.state.time + spin_up * DAY
    options = {"overwrite": overwrite, "progress": progress, "device": device}
    FineRun(fine, coarse, path, begin=begin, days=first + days, every=every, **options).run()


# Reading


class Splits(NamedTuple):
    """Records for training, for deciding when to stop, and for the final test, in order of time."""

    train: range
    validation: range
    test: range


class Statistics(NamedTuple):
    """Of each field: mean and standard deviation of its layers (nk,), of eta (1,), over water, weighted with volume.

    In the units of the field; those of the tendency, the difference of two records over the interval, in units s-1.
    A layer without water has 0.
    """

    mean: dict[str, Array]
    deviation: dict[str, Array]
    tendency_mean: dict[str, Array]
    tendency_deviation: dict[str, Array]


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

    def begin(self, model: Model, start: int) -> None:
        """Set a model like that of the data to the record `start`. Raises as `read` does."""
        model.state.assign(self.state(start))

    def truth(self, start: int, lead: int) -> State:
        """The record `lead` after `start`."""
        return self.state(start + lead)

    def said(self, forecast: State, start: int, lead: int) -> State:
        """What the state of a model, `lead` records after it began, says of that record."""
        return forecast

    def check_part(self, part: range) -> None:
        """Raise InputError unless `part` is a range of records that exist."""
        if not isinstance(part, range) or part.step != 1 or not 0 <= part.start < part.stop <= len(self.times):
            raise InputError(f"records: {part} is no range of the {len(self.times)} records of {self.path}")

    def made_state(self, fields: Mapping[str, Array], time: float) -> State:
        """A state of these interiors; the other fields are the model's."""
        state = self.model.state.copy()
        put_fields(state, self.model, fields)
        state.time, state.step, state.previous = time, round(time / self.model.numerics.dt), None
        return state

    def state(self, n: int) -> State:
        """Record `n`; fields that the data set lacks come from the model's state. Raises as `read` does."""
        fields = {name: values[0] for name, values in self.read(range(n, n + 1)).items()}
        return self.made_state(fields, float(self.times[n]))

    def targets(self, n: int, count: int) -> dict[str, Array]:
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

    def windows(self, part: range, length: int, stride: int = 1) -> list[int]:
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
        values = {name: Moments(self.volume(name)) for name in self.fields}
        rates = {name: Moments(self.volume(name)) for name in self.fields}
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

    def volume(self, name: str) -> Array:
        """Weights (nk, ny, nx), of eta (1, ny, nx): the volume of the resting cells, or the area of the surface."""
        wet = interior(getattr(self.model.grid, f"mask_{field_point(self.model, name)}")) > 0
        return resting_volume(self.model, name, wet).reshape(-1, *wet.shape[1:])

    def climatology(self, part: range) -> State:
        """The mean state of a part of the records, at their mean time."""
        self.check_part(part)
        total = dict.fromkeys(self.fields, 0.0)
        for n in part:
            for name, values in self.read(range(n, n + 1)).items():
                total[name] = total[name] + values[0].astype(float)
        mean = {name: a / len(part) for name, a in total.items()}
        return self.made_state(mean, float(self.times[part.start : part.stop].mean()))

    def scales(self, part: range) -> dict[str, Array]:
        """What errors are divided by: the floored standard deviation of each field that varies (beyond round-off)."""
        mean, deviation, *_ = self.statistics(part)
        varies = [name for name, d in deviation.items() if d.max() > ROUND_OFF * np.abs(mean[name]).max()]
        return {name: floored(deviation[name]) for name in varies}


class DataSet(Records):
    """The records of the file `path`; only those asked for are read. `attributes` are those of the file.

    The whole file is hashed once, when it is opened (`ogcm.files`), and must stay as it is as long as it is in use.
    """

    def __init__(self, path: str | Path, model: Model, *, fields: Sequence[str] | None = None) -> None:
        """`fields`: the names to read (default: all that the file has of the model's).

        Raises FileError for a file that is missing, foreign, damaged or of another grid, InputError for a field that
        it lacks and for times that are not uniform.
        """
        self.path, self.model = Path(path), model
        self.stamp = files.stamp(self.path)
        with files.reading(path, FORMAT, "a data set of ogcm", "`ogcm make-data` makes one") as f:
            self.attributes = {name: np.asarray(value).squeeze()[()] for name, value in f.attrs.items()}
            names = [name for name in PROGNOSTIC if name in f]
            self.check_grid(f, names)
            self.times = f["time"][()] * DAY
            self.fill = {name: f[name].attrs.get("_FillValue", np.nan) for name in names}
        known = check_variables(model, tuple(names))
        if not known:
            raise FileError(f"{path}: holds none of the fields {', '.join(PROGNOSTIC)} of this model")
        self.fields = tuple(known if fields is None else fields)
        for name in self.fields:
            if name not in known:
                raise InputError(f"fields: {path} has no {name!r} for this model: {suggestion(name, known)}")
        self.interval = self.check_times()
        self.water = {name: water(model, name) for name in self.fields}

    def check_grid(self, f: h5py.File, names: Sequence[str]) -> None:
        """Raise FileError for a file of another grid."""
        (ny, nx), nk, h = self.model.horizontal.shape, len(self.model.dz), self.model.horizontal
        for name in names:
            shape, wanted = f[name].shape[1:], (ny, nx) if name == "eta" else (nk, ny, nx)
            if shape != wanted:
                raise FileError(f"{self.path}: {name} has the shape {shape}, this model's is {wanted}; use its options")
        y, x = h.names
        places = {y: h.y_t, x: h.x_t, "cell_thickness": interior(self.model.grid.h_t)}
        for name, values in places.items():
            if not np.allclose(f[name][()], values, rtol=1e-6, atol=1e-6 * np.abs(values).max()):
                raise FileError(f"{self.path}: its grid differs from this model's in {name}; use its options")

    def check_times(self) -> float:
        """The interval between two records [s]. Raises InputError where it varies."""
        if len(self.times) < 2:
            raise InputError(f"{self.path}: holds {len(self.times)} records; a data set needs at least 2")
        steps = np.diff(self.times)
        interval = float(np.median(steps))
        wrong = np.flatnonzero(~((steps > 0) & (np.abs(steps - interval) <= 1e-6 * interval)))
        if len(wrong):
            n = int(wrong[0])
            days = self.times / DAY
            raise InputError(
                f"{self.path}: times must increase by the same interval, {interval / DAY:g} days, but record {n + 1} "
                f"is at day {days[n + 1]:g} and the one before at day {days[n]:g}; cut the file there"
            )
        return interval

    def read(self, records: range) -> dict[str, Array]:
        """The fields (records, nk, ny, nx), of eta (records, ny, nx), in the model's precision, 0 on land.

        Raises InputError for records that do not exist, FileError for a value over water that is missing.
        """
        self.check_part(records)
        if files.stamp(self.path) != self.stamp:
            raise FileError(f"{self.path}: was replaced or changed after it was checked; make the DataSet again")
        try:
            with h5py.File(self.path, "r") as f:
                found = {name: f[name][records.start : records.stop] for name in self.fields}
        except files.BROKEN as error:
            raise FileError(f"{self.path}: records {records} cannot be read ({error})") from None
        for name, values in found.items():
            missing = self.water[name] & (~np.isfinite(values) | (values == self.fill[name]))
            if missing.any():
                n, *place = map(int, np.argwhere(missing)[0])
                axes = "k, j, i" if len(place) == 3 else "j, i"
                raise FileError(
                    f"{self.path}: {name} is {values[n, *place]:g} in record {records[n]} "
                    f"(day {self.times[records[n]] / DAY:g}) over water at ({axes}) = {tuple(place)}; mend it there"
                )
        dtype = self.model.grid.h_t.dtype
        return {name: np.where(self.water[name], values, 0).astype(dtype) for name, values in found.items()}


def floored(scale: Array) -> Array:
    """A scale by layer, at least SMALLEST of that of the liveliest layer."""
    return np.maximum(scale, SMALLEST * scale.max())


def spread(records: Sequence[int], count: int) -> list[int]:
    """At most `count` of the records, evenly spread, the first and the last among them."""
    places = np.linspace(0, len(records) - 1, min(count, len(records))).astype(int)
    return [records[n] for n in np.unique(places)]


class Moments:
    """Mean and standard deviation of each layer over weighted cells and all the records added, in one pass.

    Records are merged as in Chan, Golub and LeVeque (1983, doi 10.1080/00031305.1983.10483115), section 2.
    """

    def __init__(self, weights: Array) -> None:
        """`weights` (nk, ny, nx): 0 on land."""
        total = weights.sum(axis=(1, 2), keepdims=True)
        self.weights = weights / np.where(total > 0, total, 1)
        self.count, self.mean, self.squares = 0, np.zeros(len(weights)), np.zeros(len(weights))

    def add(self, values: Array) -> None:
        """Count in one record, of as many values as there are weights."""
        values = values.reshape(self.weights.shape)
        mean = (self.weights * values).sum(axis=(1, 2))
        variance = (self.weights * (values - mean[:, None, None]) ** 2).sum(axis=(1, 2))
        self.count += 1
        step = mean - self.mean
        self.mean = self.mean + step / self.count
        self.squares = self.squares + variance + step**2 * (self.count - 1) / self.count

    @property
    def deviation(self) -> Array:
        return np.sqrt(self.squares / self.count)


def check_disjoint(train: Iterable[int], validation: Iterable[int], test: Iterable[int]) -> None:
    """Raise InputError where two of the three parts (records) have a record in common."""
    parts = {"train": set(train), "validation": set(validation), "test": set(test)}
    for one, other in combinations(parts, 2):
        if common := sorted(parts[one] & parts[other]):
            raise InputError(
                f"{one}, {other}: both hold {len(common)} records, {common[0]} to {common[-1]}; "
                "what a network has seen says nothing of its skill, so separate them"
            )
