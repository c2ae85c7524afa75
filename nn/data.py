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

import numpy as np

from nn.coarse_graining import CoarseGraining
from nn.data_set import FORMAT
from nn.records import set_fields
from ogcm.constants import DAY
from ogcm.disk import check_room
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.output import OutputFile, record_bytes
from ogcm.restart import restart_bytes
from ogcm.simulation import Simulation
from ogcm.state import PROGNOSTIC
from ogcm.variables import check_variables

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


class CoarseOutput(DataOutput):
    """The output of a fine run: its states from the time `initialize` [s] on, on the coarse grid."""

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
            set_fields(self.model.state, self.model, self.graining(state))
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
    """A run of `model` whose states from the time `initialize` [s] on go to a data set on the grid of `coarse`."""

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
