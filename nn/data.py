"""Data sets: series of states on the grid of one (coarse) model, on which a corrector is trained.

A data set is an output file of ogcm (NetCDF4, CF names; `ogcm info` and `ogcm plot` read it) with snapshots at uniform
times in the precision of the model, and the attribute `format`. Those that `make_data` writes also have the attributes

    configuration, fine_configuration   the TOML of the coarse and of the fine model
    factor                              fine cells in a coarse one, (along y, along x)
    wall_seconds_per_day                wall time of a simulated day of the fine run, without coarse-graining and output

A data set may lack fields (observed currents alone); `DataSet.state` takes those from its model.
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
from ogcm.variables import check_variables
from ogcm.writers import Writer

Array = np.ndarray


def carried(model: Model) -> tuple[str, ...]:
    """Return the fields that are coarse-grained: velocity, surface and tracers."""
    return ("u", "v", "eta", *model.tracers)


class DataOutput(OutputFile):
    """A data set that is being written from states of a model; the file gets its name when it is closed.

    Parameters
    ----------
    path : str or Path
        The file.
    model : Model
        The model whose states are written.
    fields : sequence of str, optional
        The fields; by default velocity, surface and tracers.
    configuration : str, default ""
        The TOML of the model.
    attributes : mapping of str to object, optional
        Attributes of the file.

    Raises
    ------
    InputError
        For an unknown field.
    FileError
        Where the file cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        model: Model,
        fields: Sequence[str] | None = None,
        *,
        configuration: str = "",
        attributes: Mapping[str, object] | None = None,
    ) -> None:
        variables = check_variables(model, carried(model) if fields is None else tuple(fields))
        super().__init__(path, model, variables, configuration, precision=model.numerics.precision)
        self.tile.on_first(lambda: self.file.attrs.update({"format": FORMAT, **(attributes or {})}))


class CoarseWriter(Writer):
    """A writer that coarse-grains the states of a run of `fine` from the time `begin` [s] on, every `every` days.

    Raises InputError where the grids do not fit, and FileError for a path that cannot be used.
    """

    path: Path
    file: DataOutput  # from `open` to `close`

    def __init__(self, path: str | Path, fine: Model, coarse: Model, *, begin: float, every: float) -> None:
        self.path, self.every, self.fine, self.coarse, self.begin = names.output_path(path), every, fine, coarse, begin
        self.graining = fine.grid.tile.together(lambda: CoarseGraining(fine, coarse))

    def needed_bytes(self, simulation: Simulation) -> int:
        """Return the size of the records [bytes]."""
        variables = check_variables(self.coarse, carried(self.coarse))
        size = record_bytes(self.coarse, variables, self.coarse.numerics.precision)
        return (2 + simulation.steps // self.interval(simulation)) * size

    def settings(self, simulation: Simulation) -> dict[str, object]:
        """Return the interval, for the configuration of the run."""
        return {"every": self.every}

    def open(self, simulation: Simulation) -> None:
        """Open the data set."""
        begin = self.coarse.state.time / DAY
        run = {"days": float(simulation.days), "every": self.every, "start": begin}
        attributes = {"fine_configuration": simulation.toml(self), "factor": self.graining.factor}
        configuration = provenance.toml(self.coarse, run, folder=self.path.parent)
        self.file = DataOutput(self.path, self.coarse, configuration=configuration, attributes=attributes)
        self.seconds: list[float] = []  # of each step
        self.since_step = clock.perf_counter()

    def abandon(self) -> None:
        """Close the data set before its first record, which removes it."""
        self.file.abandon()

    def start(self, model: Model) -> None:
        """Record the first state of the fine model, unless it is before `begin`."""
        self.record(model)

    def add(self, model: Model) -> None:
        """Measure the time of a step."""
        now = clock.perf_counter()
        self.seconds.append(now - self.since_step)
        self.since_step = now

    def record(self, model: Model) -> None:
        """Append the coarse-grained state of the fine model, unless it is before `begin`."""
        state = model.state
        if state.time > self.begin - 0.5 * self.fine.numerics.dt:
            set_fields(self.coarse.state, self.coarse, self.graining(state))
            self.coarse.state.time = state.time
            self.file.record(self.coarse)
        self.since_step = clock.perf_counter()

    def close(self, complete: bool) -> None:
        """Write the cost of the fine run and close; the records of a run that ended early stay in the `.part` file.

        The cost is that of the median step, which excludes compilation and output.
        """
        if self.seconds:
            seconds = np.median(self.seconds) * DAY / self.fine.numerics.dt
            self.fine.grid.tile.on_first(lambda: self.file.file.attrs.update(wall_seconds_per_day=seconds))
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
    """Run a fine model and write its coarse-grained states to a data set.

    The last state of the fine run is written beside it as `<name>.restart.h5` (`ogcm.load_restart` reads it); the state
    of `coarse` is the last record. The records of a run that is interrupted are in `<path>.part`.

    Parameters
    ----------
    fine : Model
        The fine model; the run begins from its state.
    coarse : Model
        The coarse model, whose cells are blocks of fine cells.
    path : str or Path
        The data set.
    days : float
        Length of the data set [days].
    every : float
        Interval between two records [days].
    spin_up : float, default 0
        Time before the first record [days], which is the first multiple of `every` after it.
    overwrite : bool, default False
        Whether an existing data set is replaced.
    progress : bool, default True
        Whether a progress bar is shown.
    device : {"cpu", "cuda", "auto"}, default "cpu"
        Where the fine model runs.

    Raises
    ------
    InputError, FileError
        Before the first step for what cannot be used.
    BlowUpError
        Where the run does not stay finite.
    """
    if not 0 <= spin_up < math.inf:
        raise InputError(f"spin_up: must be 0 or a number of days, got {spin_up}")
    if not 0 < every <= days:
        raise InputError(f"every: must be a positive number of days, at most the {days:g} of the data, got {every:g}")
    first, begin = every * math.ceil(spin_up / every - 1e-9), fine.state.time + spin_up * DAY
    writers = {"data": CoarseWriter(path, fine, coarse, begin=begin, every=every)}
    options: dict[str, Any] = {"overwrite": overwrite, "progress": progress, "device": device}
    Simulation(fine, days=first + days, writers=writers, **options).run()
