"""Writers: the output of a run. A run may have several, each with its own variables and interval.

    daily = ogcm.NetCDFWriter("daily.nc", every=1, variables=("eta",), means=True)
    monthly = ogcm.ZarrWriter("monthly.zarr", every=30, variables=("T", "S"))
    ogcm.Simulation(model, days=360, writers={"daily": daily, "monthly": monthly}).run()

A writer of one's own is a subclass of `Writer`.
"""

from collections.abc import Mapping
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm import config, names, run_files
from ogcm.constants import DAY
from ogcm.diagnostics import Diagnostic
from ogcm.errors import FileError, InputError
from ogcm.memory import bytes_of, work_bytes
from ogcm.model import Model
from ogcm.output import (
    PRECISIONS,
    OutputFile,
    existing_output,
    open_output,
    record_bytes,
    record_ends,
    static_bytes,
    stored_bytes,
)
from ogcm.stepper import Stepper
from ogcm.variables import check_diagnostics, check_variables, output_variables
from ogcm.zarr_store import import_zarr

if TYPE_CHECKING:
    from ogcm.simulation import Simulation


class Writer:
    """Base class of writers. A subclass must define `record`; all other methods may stay as they are.

    A run calls `check` and `needed_bytes` when it is made and when it begins, `open` and `start` before its first step,
    `add` after each step, `record` every `every` days, and `close` when it ends or fails.

    Attributes
    ----------
    path : Path or None
        The file that is written, if there is one. No other run may write it at the same time, and the restart of a run
        is beside the file of its first writer.
    every : float or None
        Time between two records [days]; None for a tenth of the run.
    record_last : bool
        If true, the last step is also recorded within an interval, as is needed for means, and a run on a GPU waits for
        each record before it takes the next step.
    """

    path: Path | None = None
    every: float | None = None
    record_last: bool = False

    def interval(self, simulation: "Simulation") -> int:
        """Return the number of steps between two records.

        Parameters
        ----------
        simulation : Simulation
            The run.

        Returns
        -------
        int
            Number of steps.

        Raises
        ------
        InputError
            If `every` is not positive.
        """
        return simulation.steps_in("every", self.every) if self.every is not None else max(1, simulation.steps // 10)

    def extends(self, simulation: "Simulation") -> bool:
        """Return True if the run extends a file that exists.

        Parameters
        ----------
        simulation : Simulation
            The run.

        Returns
        -------
        bool
            By default False.
        """
        return False

    def check(self, simulation: "Simulation") -> None:
        """Raise InputError or FileError for anything that would make writing fail later, such as a file in the way.

        Parameters
        ----------
        simulation : Simulation
            The run, before its first step.
        """
        self.interval(simulation)
        if self.path is not None:
            run_files.check_new_file(self.path, simulation)

    def needed_bytes(self, simulation: "Simulation") -> int:
        """Return the size that the file will have at the end of the run.

        Parameters
        ----------
        simulation : Simulation
            The run, before its first step.

        Returns
        -------
        int
            Size [bytes]; by default 0.
        """
        return 0

    def memory_bytes(self, simulation: "Simulation") -> int:
        """Return the memory that the writer needs on the device of the run.

        Parameters
        ----------
        simulation : Simulation
            The run, before its first step.

        Returns
        -------
        int
            Size [bytes]; by default 0.
        """
        return 0

    def settings(self, simulation: "Simulation") -> dict[str, Any]:
        """Return the options of `Simulation` that correspond to this writer, for the configuration of the run.

        Parameters
        ----------
        simulation : Simulation
            The run.

        Returns
        -------
        dict of str to object
            Entries of the table [run]; by default none.
        """
        return {}

    def open(self, simulation: "Simulation") -> None:
        """Prepare the first record. If this fails, no file may be left.

        Parameters
        ----------
        simulation : Simulation
            The run, before its first step.
        """

    def abandon(self) -> None:
        """Close after `open`, if the run fails before its first step."""
        self.close(False)

    def start(self, model: Model) -> None:
        """Record the state from which the run starts, if it belongs to the output.

        Parameters
        ----------
        model : Model
            The model with its first state.
        """

    def add(self, model: Model) -> None:
        """Process the state after each step.

        Parameters
        ----------
        model : Model
            The model with the present state; in a run on a GPU its arrays are on the GPU.
        """

    def record(self, model: Model) -> None:
        """Write a record.

        Parameters
        ----------
        model : Model
            The model with the present state, in the memory of the host.
        """
        raise NotImplementedError

    def close(self, complete: bool) -> None:
        """Finish the file.

        Parameters
        ----------
        complete : bool
            False after a run that failed or was stopped by a signal.
        """


class NetCDFWriter(Writer):
    """Writes fields and diagnostics to a NetCDF4 file with CF-1.11 names, and the configuration of the run beside it.

    A run from a restart extends the file that an earlier run wrote, and so does a second call of `Simulation.run`.

    Parameters
    ----------
    path : str or Path
        The file. During the run it is called `<path>.part`.
    every : float, optional
        Time between two records [days]; default a tenth of the run.
    variables : sequence of str, optional
        Fields to write: "u", "v", "eta", "T", "S" and further tracers (the default), "w", "zeta", "h", and those that
        the page Output files lists.
    diagnostics : mapping of str to Diagnostic, optional
        Further variables by name.
    means : bool, optional
        Write means over each interval instead of snapshots.
    precision : str, optional
        "float32" (the default) or "float64".

    Raises
    ------
    InputError
        For an unknown precision.
    FileError
        For a path that does not name a NetCDF file.
    """

    path: Path
    file: OutputFile  # from `open` to `close`

    def __init__(
        self,
        path: str | Path,
        *,
        every: float | None = None,
        variables: str | tuple[str, ...] | None = None,
        diagnostics: Mapping[str, Diagnostic] | None = None,
        means: bool = False,
        precision: str = "float32",
    ) -> None:
        if precision not in PRECISIONS:
            raise InputError(f"output_precision: {precision!r}; choose from {', '.join(PRECISIONS)}")
        self.path, self.every = self._checked(path), every
        self.variables = (variables,) if isinstance(variables, str) else None if variables is None else tuple(variables)
        self.means, self.precision, self.record_last = means, precision, means
        self.diagnostics = dict(diagnostics or {})
        self.toml_file = names.beside(self.path, ".toml")
        self.repeatable = False  # whether the TOML can repeat the run

    def _checked(self, path: str | Path) -> Path:
        """Return the path. Raises FileError unless it can name the file."""
        return names.output_path(path)

    def extends(self, simulation: "Simulation") -> bool:
        continues = simulation.has_run or (simulation.restart is not None and not simulation.overwrite)
        return continues and existing_output(self.path).exists()

    def check(self, simulation: "Simulation") -> None:
        check_variables(simulation.model, self.variables)
        check_diagnostics(simulation.model, self.diagnostics)
        config.check_toml_replaceable(self.toml_file)
        if not self.extends(simulation):
            super().check(simulation)
            return
        for path in (self.path, Path(f"{self.path}.part")):
            names.check_regular(path)
        self._check_gap(simulation)

    def _check_gap(self, simulation: "Simulation") -> None:
        """Raise FileError if extending the file would leave a gap in it, or drop records of another run."""
        file, dt, now = existing_output(self.path), simulation.model.numerics.dt, simulation.model.state.time
        with open_output(file) as f:
            ends = record_ends(f) * DAY
            settings: dict[str, Any] = config.run_settings(f.attrs.get("configuration", ""))
            every = settings.get("every", 0.0) * DAY
        kept = ends[ends <= now + 0.5 * dt]
        own = simulation.restart is not None and names.same_file(simulation.restart, simulation.restart_file)
        if len(kept) < len(ends) and not own:
            raise FileError(
                f"{file}: holds records up to day {ends[-1] / DAY:g}, and the run begins on day {now / DAY:g}; "
                f"it would drop those in between. Continue from {simulation.restart_file}, choose another output, "
                "or pass overwrite (--overwrite)"
            )
        last, interval = kept[-1] if len(kept) else -np.inf, self.interval(simulation) * dt
        if now - last > 0.5 * dt + (0.0 if self.means else max(every, interval)):
            raise FileError(
                f"{file}: has no records between day {max(last, 0.0) / DAY:g} and day {now / DAY:g}, on which the run "
                "begins; continue from an earlier restart, choose another output, or pass overwrite (--overwrite)"
            )

    def needed_bytes(self, simulation: "Simulation") -> int:
        records = 1 + -(-simulation.steps // self.interval(simulation))
        fields = self._fields(simulation.model)
        model = simulation.model
        need = records * record_bytes(model, fields, self.precision, self.diagnostics)
        return need + (stored_bytes(existing_output(self.path)) if self.extends(simulation) else static_bytes(model))

    def memory_bytes(self, simulation: "Simulation") -> int:
        model = simulation.model
        known, wanted = output_variables(model), self._fields(model)
        of_steps = any(known[name].of_step for name in wanted)
        need = work_bytes(model, partial(Stepper, kept=True, graphs=False)) if of_steps else 0
        if self.means:
            state = bytes_of(model.state) if of_steps else 0  # the state before a step
            need += state + record_bytes(model, wanted, "float64") // prod(model.grid.tile.layout)  # the sums
        return need

    def _fields(self, model: Model) -> tuple[str, ...]:
        """Return the variables that exist in the model."""
        return check_variables(model, self.variables)

    def settings(self, simulation: "Simulation") -> dict[str, Any]:
        return {
            "every": self.interval(simulation) * simulation.model.numerics.dt / DAY,
            "variables": list(self._fields(simulation.model)),
            "means": self.means,
            "output_precision": self.precision,
        }

    def _configuration(self, simulation: "Simulation") -> str:
        """Return the configuration of the run, or of all runs that made the file if it is extended."""
        now, before = simulation.toml(self), simulation.tile.on_first(lambda: self._earlier_configuration(simulation))
        if before is None:
            return now
        whole: dict[str, Any] | None = config.joined_settings(before, now)
        if whole is not None:
            return simulation.toml(self, **whole)
        return config.toml_with_history(before, now, simulation.model.state.time / DAY)

    def _earlier_configuration(self, simulation: "Simulation") -> str | None:
        """Return the configuration in the file that is extended, None for a new file."""
        if not self.extends(simulation):
            return None
        with open_output(existing_output(self.path)) as f:
            return f.attrs.get("configuration", "")

    def open(self, simulation: "Simulation") -> None:
        model, tile, text = simulation.model, simulation.tile, self._configuration(simulation)
        options: dict[str, Any] = {"means": self.means, "precision": self.precision, "own": self.diagnostics}
        extend = tile.on_first(lambda: self.extends(simulation))
        self.file = OutputFile(self.path, model, self._fields(model), text, extend=extend, **options)
        try:
            tile.on_first(lambda: config.write(self.toml_file, text))
        except FileError:
            self.abandon()
            raise
        self.repeatable = text.startswith(config.HEADER)

    def abandon(self) -> None:
        self.file.abandon()

    def start(self, model: Model) -> None:
        if not self.means and self.file.last < model.state.time - 0.5 * model.numerics.dt:
            self.file.record(model)

    def add(self, model: Model) -> None:
        self.file.add(model)

    def record(self, model: Model) -> None:
        self.file.record(model)

    def close(self, complete: bool) -> None:
        self.file.close(complete)


class ZarrWriter(NetCDFWriter):
    """Writes to a Zarr store what a `NetCDFWriter` writes to a file. It needs the package zarr.

    Parameters
    ----------
    path : str or Path
        The store, a folder whose name ends in `.zarr`. During the run it is called `<path>.part`.
    **options : object
        The options of `NetCDFWriter`.

    Raises
    ------
    InputError
        As `NetCDFWriter`, and where zarr is not installed.
    FileError
        For a path that does not name a Zarr store.
    """

    def __init__(self, path: str | Path, **options: Any) -> None:
        import_zarr()
        super().__init__(path, **options)

    def _checked(self, path: str | Path) -> Path:
        if not names.is_zarr(path):
            raise FileError(f"{path}: does not name a Zarr store; give a name that ends in {names.ZARR}")
        return Path(path)


def file_writer(path: str | Path, **options: Any) -> NetCDFWriter:
    """Return a `ZarrWriter` for a path that ends in .zarr, otherwise a `NetCDFWriter`; they have the same options."""
    return (ZarrWriter if names.is_zarr(path) else NetCDFWriter)(path, **options)
