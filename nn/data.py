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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nn.coarse_graining import CoarseGraining
from nn.data_set import FORMAT
from nn.records import set_fields
from ogcm import names, provenance
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.output import OutputFile, record_bytes
from ogcm.simulation import Simulation
from ogcm.state import PROGNOSTIC
from ogcm.variables import check_variables
from ogcm.writers import Writer

Array = np.ndarray


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


class CoarseWriter(Writer):
    """Writes the states of a run of `fine` from the time `begin` [s] on, on the grid of `coarse`, to a data set."""

    path: Path
    file: DataOutput  # from `open` to `close`

    def __init__(self, path: str | Path, fine: Model, coarse: Model, *, begin: float, every: float) -> None:
        """`every` [days] is the time between two records. Raises as CoarseGraining does, FileError for a bad path."""
        self.path, self.every = names.output_path(path), every
        self.fine, self.coarse, self.begin, self.graining = fine, coarse, begin, CoarseGraining(fine, coarse)

    def needed_bytes(self, simulation: Simulation) -> int:
        """The bytes of the records, and of what the coarse model is."""
        variables = check_variables(self.coarse, PROGNOSTIC)
        size = record_bytes(self.coarse, variables, self.coarse.numerics.precision)
        return (2 + simulation.steps // self.interval(simulation)) * size

    def settings(self, simulation: Simulation) -> dict[str, object]:
        """The interval, for the configuration of the run."""
        return {"every": self.every}

    def open(self, simulation: Simulation) -> None:
        """Make the data set ready for its first record."""
        begin = self.coarse.state.time / DAY
        run = {"days": float(simulation.days), "every": self.every, "start": begin}
        attributes = {"fine_configuration": simulation.toml(self), "factor": self.graining.factor}
        configuration = provenance.toml(self.coarse, run)
        self.file = DataOutput(self.path, self.coarse, configuration=configuration, attributes=attributes)
        self.seconds: list[float] = []  # of each step
        self.since_step = clock.perf_counter()

    def abandon(self) -> None:
        """Close the data set before its first record, which removes it."""
        self.file.abandon()

    def start(self, model: Model) -> None:
        """Record the first state of the fine model, where `begin` lets it."""
        self.record(model)

    def add(self, model: Model) -> None:
        """Take the time of a step."""
        now = clock.perf_counter()
        self.seconds.append(now - self.since_step)
        self.since_step = now

    def record(self, model: Model) -> None:
        """Append the state of the fine model."""
        state = model.state
        if state.time > self.begin - 0.5 * self.fine.numerics.dt:
            set_fields(self.coarse.state, self.coarse, self.graining(state))
            self.coarse.state.time = state.time
            self.file.record(self.coarse)
        self.since_step = clock.perf_counter()

    def close(self, complete: bool) -> None:
        """Say what the fine run cost, and finish; a run that ended early leaves its records in the `.part`.

        The median step tells nothing of compiling and writing.
        """
        if self.seconds:
            self.file.file.attrs["wall_seconds_per_day"] = np.median(self.seconds) * DAY / self.fine.numerics.dt
        self.file.broken = self.file.broken or not complete
        self.file.close(complete)


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
    writers = {"data": CoarseWriter(path, fine, coarse, begin=begin, every=every)}
    options: dict[str, Any] = {"overwrite": overwrite, "progress": progress, "device": device}
    Simulation(fine, days=first + days, writers=writers, **options).run()
