"""The run of a model: its time steps, with writers, callbacks and restarts.

The parts of a run have a file each: its files (`run_files`), the checks before the first step (`run_checks`) and during
the run (`watch`), its writers (`writers`) and callbacks (`callbacks`), runs on a GPU (`mirror`) and signals
(`signals`).
"""

import functools
import numbers
import shlex
import sys
import time as clock
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ogcm import provenance, run_checks, run_files, watch
from ogcm.callbacks import Callback, name_callbacks, stopping
from ogcm.constants import DAY, YEAR
from ogcm.device import check_device
from ogcm.diagnostics import Diagnostic
from ogcm.errors import BlowUpError, CallbackError, FileError, InputError
from ogcm.mirror import Host, Mirror
from ogcm.model import Model
from ogcm.perturbation import perturb_state
from ogcm.processes import ending_together, failed_together
from ogcm.restart import load_restart, save_restart
from ogcm.signals import CaughtSignal, catch_signals
from ogcm.stepper import Stepper
from ogcm.watch import Watch
from ogcm.writers import Writer, file_writer


class Simulation:
    """A run of a model over a number of days, with output, restarts and the configuration that repeats it.

    A restart is written at the end, every `restart_every` days, and when the run is stopped or fails. It lies beside
    the file of the first writer; a run without writers calls it `<name>.restart.h5`, or `<name>-2.restart.h5` if that
    exists. Files are replaced only with `overwrite`, and then only files that ogcm wrote. A second call of `run`
    continues the first and extends its files.

    Parameters
    ----------
    model : Model
        The model, in the memory of the host. At the end of the run it has the new state, also after a run on a GPU.
    days : float
        Length of the run [days].
    output : str or Path, optional
        NetCDF file to write, or Zarr store if it ends in .zarr; the arguments `every` to `output_precision` are those
        of its `NetCDFWriter` or `ZarrWriter`.
    every : float, optional
        Time between two records [days]; default a tenth of the run.
    variables : sequence of str, optional
        Fields to write: "u", "v", "eta", "T", "S" and further tracers (the default), "w", "zeta", "h", and those that
        the page Output files lists.
    diagnostics : mapping of str to Diagnostic, optional
        Further variables by name: any function of the model.
    means : bool, optional
        Write means over each interval instead of snapshots.
    output_precision : str, optional
        "float32" (the default) or "float64".
    writers : mapping of str to Writer, optional
        Further writers by name, such as a `NetCDFWriter` with other variables and another interval.
    callbacks : sequence of Callback, or mapping of str to Callback, optional
        Functions that are called during the run, such as [ogcm.every(hours=6, do=report)].
    stop_when : callable or Callback, optional
        Condition ``stop_when(simulation)`` that ends the run when it is true, as its last step would; a text that it
        returns is the reason. It is evaluated after each step, or as often as `ogcm.every(hours=6, do=condition)` says.
    restart : str or Path, optional
        Restart file from which the run continues. Output that exists is extended, including the `.part` file of a run
        that was killed.
    restart_every : float, optional
        Time between two restarts [days]; by default there is one at the end.
    start : float, optional
        Day on which the run must begin; a state of another day is refused.
    perturb : mapping of str to float, optional
        Standard deviations of noise that is added to fields of the initial state, such as {"T": 0.01} [degC]; see
        `ogcm.run_ensemble`.
    member : int, optional
        Number of the member of the ensemble, from 1, which determines the noise.
    overwrite : bool, optional
        Replace files of ogcm that have the names of this run.
    progress : bool, optional
        Show a progress bar and a summary (the default).
    device : str, optional
        "cpu" (the default), "cuda", or "auto" for a GPU if there is one.

    Raises
    ------
    InputError, FileError
        Before the first step, for anything that would make the run fail later: a name that is taken by a file or by
        another run, a disk that is too small, a time step beyond the CFL limit, a device that is missing or has too
        little memory.
    """

    def __init__(
        self,
        model: Model,
        *,
        days: float,
        output: str | Path | None = None,
        every: float | None = None,
        variables: str | tuple[str, ...] | None = None,
        diagnostics: Mapping[str, Diagnostic] | None = None,
        means: bool = False,
        output_precision: str = "float32",
        writers: Mapping[str, Writer] | None = None,
        callbacks: Mapping[str, Callback] | Sequence[Callback] | None = None,
        stop_when: Callable[["Simulation"], Any] | Callback | None = None,
        restart: str | Path | None = None,
        restart_every: float | None = None,
        start: float | None = None,
        perturb: Mapping[str, float] | None = None,
        member: int = 1,
        overwrite: bool = False,
        progress: bool = True,
        device: str = "cpu",
    ) -> None:
        if model.device != "cpu":
            raise InputError("model: is a copy on a GPU; give the model on the host, and device='cuda'")
        self.model, self.tile, self.days, self.device = model, model.grid.tile, days, check_device(device)
        self.progress = progress and self.tile.is_first  # of all processes one shows it
        self.steps = self.steps_in("days", days)
        self.restart_interval = self.steps_in("restart_every", restart_every) if restart_every is not None else None
        self.restart, self.restart_every, self.overwrite = restart, restart_every, overwrite
        own: dict[str, Writer] = {}
        if output is not None:
            if "output" in (writers or {}):
                raise InputError("writers: 'output' is the name of the writer of `output`; choose another name")
            own["output"] = file_writer(
                output,
                every=every,
                variables=variables,
                diagnostics=diagnostics,
                means=means,
                precision=output_precision,
            )
        self.writers: dict[str, Writer] = own | dict(writers or {})
        self.callbacks = name_callbacks(callbacks)
        if stop_when is not None:
            if "stop_when" in self.callbacks:
                raise InputError("callbacks: 'stop_when' is the name of the argument `stop_when`; choose another name")
            self.callbacks["stop_when"] = stopping(stop_when)
        self.has_run, self.restart_file = False, run_files.restart_path(self)
        same: dict[str, object] = {"days": days, "restart": restart, "restart_every": restart_every, "perturb": perturb}
        same |= {"callbacks": list(self.callbacks), "member": member}
        paths = run_files.written_paths(self)
        self.tile.check_same(same | {"writers": [*self.writers, *paths], "output": paths, "overwrite": overwrite})
        if restart is not None:
            load_restart(restart, model)
        model.state.prepare(model.grid)
        self.start_mark = None if restart is None else provenance.state_mark(model)
        self.perturb, self.member = perturb, member
        if perturb is not None:
            self._perturb(perturb)
        run_checks.check_start_day(self, start)
        self.tile.on_first(lambda: run_files.check_names(self))
        self.check()
        self.running = Host(model)  # the model that is stepped, on the host or on a GPU
        self.watch: Any = None  # there is one during a run
        self.caught, self.started = CaughtSignal(), 0.0
        self.stop_reason: str | None = None

    def _perturb(self, perturb: Mapping[str, float]) -> None:
        """Perturb the initial state; the configuration repeats this for a state of a restart or of a setup."""
        known = self.start_mark is not None or self.model.marks.get("state") == provenance.state_mark(self.model)
        perturb_state(self.model, perturb, self.member)
        self.start_mark = provenance.state_mark(self.model) if known else None

    @functools.cached_property
    def stepper(self) -> Stepper:
        """The stepper of the run, made when the run begins; on a GPU there is one during a run."""
        return Stepper(self.running.model)

    def check(self) -> None:
        """Raise InputError or FileError for anything that would make the run fail later."""
        self.tile.on_first(lambda: run_files.check_files(self))
        for callback in self.callbacks.values():
            callback.interval(self)
        self.tile.on_first(lambda: run_files.check_disks(self))
        run_checks.check_step(self)

    def steps_in(self, name: str, days: float) -> int:
        """Return the number of time steps nearest to a number of days, at least one.

        Parameters
        ----------
        name : str
            Name of the argument, for the error message.
        days : float
            Length [days].

        Returns
        -------
        int
            Number of steps.

        Raises
        ------
        InputError
            If `days` is not a positive number.
        """
        if isinstance(days, bool) or not isinstance(days, numbers.Real) or not (np.isfinite(days) and days > 0):
            raise InputError(f"{name}: must be a positive number of days, got {days!r}")
        return max(1, round(days * DAY / self.model.numerics.dt))

    @property
    def output(self) -> Path | None:
        """Path of the file of the first writer, or None."""
        return next(iter(run_files.written_paths(self)), None)

    def toml(self, writer: Writer | None = None, folder: str | Path | None = None, **run: object) -> str:
        """Return the configuration of the run as TOML, from which `ogcm run` repeats it.

        For a model that no setup made, or that was changed since, it is a record of the run, which states why it cannot
        be repeated.

        Parameters
        ----------
        writer : Writer, optional
            The writer whose options are in the table [run]; default the first.
        folder : str or Path, optional
            Folder of the file that will hold the text, to which the path of a setup of your own is relative; default
            that of the file of the writer, or the working directory.
        **run : object
            Values that replace those of the table [run].

        Returns
        -------
        str
            The text of the file.
        """
        writer = writer or next(iter(self.writers.values()), None)
        settings = {
            "days": float(self.days),
            **({} if writer is None else writer.settings(self)),
            "restart": self.restart,
            "restart_every": self.restart_every,
            "device": None if self.device == "cpu" else self.device,
            "perturb": self.perturb,
            "member": None if self.perturb is None else self.member,
            "start": self.model.state.time / DAY,
        }
        if folder is None:
            folder = "." if writer is None or writer.path is None else writer.path.parent
        return provenance.toml(self.model, settings | run, self.start_mark, folder)

    def stop(self, reason: str = "") -> None:
        """Stop the run after the present step; callbacks use it.

        Records and the restart are written as at the end of a run.

        Parameters
        ----------
        reason : str, optional
            Reason, for the summary.
        """
        self.stop_reason = reason

    def run(self) -> None:
        """Take all time steps.

        Raises
        ------
        BlowUpError
            If the state is no longer finite, or too fast for the time step; the last good state is saved.
        FileError
            If the disk fails or a file is in the way.
        CallbackError
            If a callback raises an exception; the state is saved.
        KeyboardInterrupt, SystemExit
            After Ctrl-C; or after SIGTERM, SIGHUP or SIGXCPU, with the exit code 128 + the number of the signal. The
            present step is finished and the state saved.
        """
        self.stop_reason = None
        with catch_signals() as self.caught, run_files.claim(self):
            self.model.state.prepare(self.model.grid)
            self._check_again()
            if self.device == "cuda":
                self.running = Mirror(self.model, sum(w.memory_bytes(self) for w in self.writers.values()))
            stepper = self.stepper  # made before files are opened, since it may refuse the model
            self._open_writers()
            self.has_run, complete = True, False
            self.watch = Watch(stepper, self.model, self.restart_file)
            self.started, first = clock.perf_counter(), self.model.state.step
            try:
                with nullcontext() if self.tile.is_whole else ending_together():
                    self._loop()
                complete = self.caught.number is None
            except FileError as error:
                raise FileError(f"{error}{self.watch.rescue()}") from None
            except (BlowUpError, CallbackError):  # the state has been saved
                raise
            except Exception as error:
                error.add_note(f"the run failed{self.watch.rescue()}")
                raise
            finally:
                self._finish(complete)
            self.start_mark = provenance.state_mark(self.model)
            if self.caught.number is not None:
                self._print_how_to_continue(self.steps - (self.model.state.step - first))
                self.caught.exit()
        self._print_summary(self.model.state.step - first)

    def _check_again(self) -> None:
        """Check what may have changed since the simulation was made or ran before."""
        if self.has_run:  # the state has changed since the simulation was made
            self.check()
        else:
            self.tile.on_first(lambda: run_files.check_files(self))

    def _open_writers(self) -> None:
        """Open all writers; if one fails, those that are open are closed and their new files removed."""
        with ExitStack() as opened:
            for writer in self.writers.values():
                writer.open(self)
                opened.callback(writer.abandon)
            opened.pop_all()

    def _finish(self, complete: bool) -> None:
        """Copy the state back from a GPU and close all writers."""
        with ExitStack() as closing:
            for writer in reversed(self.writers.values()):
                closing.callback(writer.close, complete)
            try:
                self.running.copy_back()
            finally:
                self.watch = None
                if self.device == "cuda":
                    self.running = Host(self.model)
                    del self.stepper

    def _loop(self) -> None:
        """Take all steps, with callbacks, records, restarts, checks and the progress bar."""
        for writer in self.writers.values():
            writer.start(self.model)
        intervals = {name: writer.interval(self) for name, writer in self.writers.items()}
        calls = {name: callback.interval(self) for name, callback in self.callbacks.items()}
        quiet = None if self.progress else True
        with tqdm(total=self.steps, unit="step", disable=quiet, file=sys.stderr, dynamic_ncols=True) as bar:
            for n in range(1, self.steps + 1):
                self.stepper.step()
                for writer in self.writers.values():
                    writer.add(self.running.model)
                called = [name for name, interval in calls.items() if n % interval == 0]
                if called:
                    self._check_state(n, bar)
                    self._run_callbacks(called)
                last = self._agree_to_stop() or n == self.steps
                due = [w for name, w in self.writers.items() if n % intervals[name] == 0 or (last and w.record_last)]
                save = last or (self.restart_interval is not None and n % self.restart_interval == 0)
                if not called and (due or save or n % watch.CHECK == 0):
                    self._check_state(n, bar)
                bar.update()
                if due:
                    self.running.record(due)
                if save:
                    save_restart(self.restart_file, self.model, self.running.model.state)
                if last:
                    break
        self.running.deliver()

    def _agree_to_stop(self) -> bool:
        """Return True after a signal or a call of `stop` in any process, and let all processes know which."""
        if not self.tile.is_whole:
            stops = self.tile.every((self.caught.number, self.stop_reason))
            self.caught.number = next((number for number, _ in stops if number is not None), None)
            self.stop_reason = next((reason for _, reason in stops if reason is not None), None)
        return self.caught.number is not None or self.stop_reason is not None

    def _check_state(self, n: int, bar: tqdm) -> None:
        """Check the state after step `n`, and show day, speed and Courant number. Raises BlowUpError as `run` does."""
        cfl, day = self.watch.check(), self.running.model.state.time / DAY
        bar.set_postfix_str(f"day {day:.4g}, {self._speed(n):.3g} years/day, CFL {cfl:.2g}", refresh=False)

    def _run_callbacks(self, called: Sequence[str]) -> None:
        """Call the callbacks of these names. Raises CallbackError, with the state saved, if one fails."""
        self.running.show()
        for name in called:
            try:
                self.callbacks[name].function(self)
            except Exception as error:
                if not (self.tile.is_whole or failed_together()):
                    raise
                save_restart(self.restart_file, self.model, self.running.model.state)
                raise CallbackError(
                    f"the callback {name!r} raised {type(error).__name__} on day {self.model.state.time / DAY:g}: "
                    f"{error}; the state of that day is in {self.restart_file}"
                ) from error

    def _speed(self, steps: int) -> float:
        """Return the simulated years per day of computing, over the `steps` taken so far."""
        return steps * self.model.numerics.dt / YEAR / (clock.perf_counter() - self.started) * DAY

    def _print_summary(self, steps: int) -> None:
        """Print the day that was reached, the speed, the digest of the state and the path of the restart."""
        state, wall = self.model.state, clock.perf_counter() - self.started
        digest = state.digest(self.tile)
        stopped = f", stopped: {self.stop_reason}" if self.stop_reason else ", stopped by a callback"
        self._report(
            f"{self.model.name}: day {state.time / DAY:g} after {wall:.1f} s, {self._speed(steps):.3g} simulated years "
            f"per day{'' if self.stop_reason is None else stopped}; state {digest} in {self.restart_file}"
        )

    def _print_how_to_continue(self, left: int) -> None:
        """Print, after a signal, the path of the restart and the command for the `left` steps."""
        day = self.model.state.time / DAY
        text = f"stopped by {self.caught.name} on day {day:g}; continue with {self.restart_file}"
        writer: Any = next(iter(self.writers.values()), None)
        repeatable = len(self.writers) == 1 and not self.callbacks and getattr(writer, "repeatable", False)
        if repeatable and left:
            words = ["ogcm", "run", writer.toml_file, "--output", writer.path, "--restart", self.restart_file]
            words += ["--days", repr(left * self.model.numerics.dt / DAY)]
            text += f": {shlex.join(map(str, words))}"
        self._report(text)

    def _report(self, text: str) -> None:
        """Print a line to standard error, unless the run is quiet."""
        if self.progress:
            print(text, file=sys.stderr)
