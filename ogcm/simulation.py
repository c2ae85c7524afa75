"""A run: steps a model, writes its output, watches over it, and leaves a restart whatever happens."""

import contextlib
import copy
import itertools
import numbers
import os
import shlex
import signal
import sys
import threading
import time as clock
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ogcm import config, names, provenance, stability
from ogcm.constants import DAY, YEAR
from ogcm.device import HostCopies, check_device, check_memory, to_device
from ogcm.disk import check_room
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.fields import FIELDS
from ogcm.memory import run_bytes
from ogcm.model import Model
from ogcm.output import PRECISIONS, OutputFile, begun, opened, record_bytes, record_ends
from ogcm.restart import load_restart, restart_bytes, save_restart
from ogcm.slow_physics import viscosity
from ogcm.stability import LARGEST_CFL
from ogcm.state import State
from ogcm.stepper import Stepper
from ogcm.variables import check_variables

Array = np.ndarray
CHECK = 20  # steps between two looks at whether all is well
STOPPED_BY = [getattr(signal, s) for s in ("SIGINT", "SIGTERM", "SIGHUP", "SIGXCPU") if hasattr(signal, s)]


class Simulation:
    """Runs `model` for `days` [d] and writes to `output` (a NetCDF file) every `every` days.

    `variables` are written as snapshots, or as `means` over the interval, in `output_precision`. `restart`
    continues from a restart file; an output that exists is then extended, and so is what a killed run left of one
    (`.part`). A second `run` extends what the first wrote. `start` [d] refuses a state of another day.

    A restart is written at the end, every `restart_every` days and whenever the run is stopped: beside the output,
    or without one as `<name>.restart.h5`, or `<name>-2.restart.h5` where that exists. Nothing else is replaced
    unless `overwrite` says so, and then only files that ogcm wrote.

    Raises InputError or FileError before the first step for anything that would fail later: a name that is taken,
    by a file or by another run that is writing it, a disk that is too small, a step beyond the CFL limit, a `device`
    ("cpu", "cuda", or "auto" for a GPU where there is one) that is absent or has too little memory. On a GPU the model
    stays on the host, and has the new state when the run ends.
    """

    def __init__(
        self,
        model: Model,
        *,
        days: float,
        output: str | Path | None = None,
        every: float | None = None,
        variables: tuple[str, ...] = ("u", "v", "eta", "T", "S"),
        means: bool = False,
        output_precision: str = "float32",
        restart: str | Path | None = None,
        restart_every: float | None = None,
        start: float | None = None,
        overwrite: bool = False,
        progress: bool = True,
        device: str = "cpu",
    ) -> None:
        if model.device != "cpu":
            raise InputError("model: is the mirror of one on a GPU; give the model itself, and device='cuda'")
        self.model, self.days, self.progress, self.device = model, days, progress, check_device(device)
        self.output = names.output_path(output) if output is not None else None
        self.steps = self.steps_in("days", days)
        self.interval = self.steps_in("every", every) if every is not None else max(1, self.steps // 10)
        self.restart_interval = self.steps_in("restart_every", restart_every) if restart_every is not None else None
        if output_precision not in PRECISIONS:
            raise InputError(f"output_precision: {output_precision!r}; choose from {', '.join(PRECISIONS)}")
        self.variables = check_variables(model, (variables,) if isinstance(variables, str) else tuple(variables))
        self.means, self.output_precision = means, output_precision
        self.restart, self.overwrite, self.has_run = restart, overwrite, False
        self.restart_file = Path(f"{model.name}.restart.h5")
        if self.output is not None:
            self.restart_file = names.beside(self.output, ".restart.h5")
        self.settings = {
            "days": float(days),
            "every": self.interval * model.numerics.dt / DAY,
            "variables": list(self.variables),
            "means": means,
            "output_precision": output_precision,
            "restart": restart,
            "restart_every": restart_every,
            "device": None if self.device == "cpu" else self.device,
        }
        if restart is not None:
            load_restart(restart, model)
        model.state.settle(model.grid)
        self.begun = None if restart is None else provenance.state_mark(model)
        self.repeatable = False  # whether the TOML of the run can repeat it
        if start is not None and abs(model.state.time / DAY - start) * DAY > 0.5 * model.numerics.dt:
            raise InputError(
                f"start: the run is to begin on day {start:g}, {restart or 'the model'} stands on day "
                f"{model.state.time / DAY:g}; give the restart of that day (--restart)"
            )
        self.check_folder()
        self.check_files()
        self.check_room()
        self.check_step()
        self.running = model  # what is stepped: the model itself, in a run on a GPU its mirror there
        self.stepper = Stepper(model) if self.device == "cpu" else None
        self.signal: int | None = None
        self.writer: OutputFile | None = None
        self.sent: State | None = None  # on its way from a GPU to the host, to be written

    def steps_in(self, name: str, days: float) -> int:
        """The steps nearest to `days`, at least one. Raises InputError for a length that is not positive."""
        if isinstance(days, bool) or not isinstance(days, numbers.Real) or not (np.isfinite(days) and days > 0):
            raise InputError(f"{name}: must be a positive number of days, got {days!r}")
        return max(1, round(days * DAY / self.model.numerics.dt))

    @property
    def toml_file(self) -> Path | None:
        """Where the configuration goes."""
        return None if self.output is None else names.beside(self.output, ".toml")

    @property
    def extends(self) -> bool:
        """Whether the output goes on with what an earlier run wrote to it."""
        if self.output is None:
            return False
        goes_on = self.has_run or (self.restart is not None and not self.overwrite)
        return goes_on and begun(self.output).exists()

    def check_folder(self) -> None:
        """Raise FileError for a folder that cannot be written to, or a name that another run is writing."""
        folder = self.restart_file.resolve().parent
        if not folder.is_dir():
            raise FileError(f"{self.output or self.restart_file}: its folder does not exist")
        if not os.access(folder, os.W_OK):
            raise FileError(f"{self.output or self.restart_file}: its folder cannot be written to; choose another")
        if self.output is not None:
            self.claim().release()

    def check_files(self) -> None:
        """Raise FileError for files in the way: what this run would replace and may not."""
        if self.output is None:
            return
        part = Path(f"{self.output}.part")
        if self.toml_file is not None:
            config.check_own(self.toml_file)
        if self.extends:
            for path in (self.output, part, self.restart_file):
                names.check_regular(path)
            self.check_records()
            return
        if names.exists(part) and not self.overwrite:
            raise FileError(
                f"{part}: holds the records of a run that was killed or failed; continue that run (--restart "
                f"{self.restart_file}), rename the file to keep it, or pass overwrite (--overwrite)"
            )
        may = self.overwrite or self.has_run
        names.check_free(self.output, may)
        names.check_free(part, may)
        names.check_free(self.restart_file, may, "is the restart of another run")

    def check_records(self) -> None:
        """Raise FileError where extending the output would leave a gap in it, or drop what another run wrote."""
        file, dt, now = begun(self.output), self.model.numerics.dt, self.model.state.time
        with opened(file) as f:
            ends = record_ends(f) * DAY
            every = config.run_settings(f.attrs.get("configuration", "")).get("every", 0.0) * DAY
        kept = ends[ends <= now + 0.5 * dt]
        own = self.restart is not None and names.same_file(self.restart, self.restart_file)
        if len(kept) < len(ends) and not own:
            raise FileError(
                f"{file}: holds records up to day {ends[-1] / DAY:g}, and the run begins on day {now / DAY:g}; "
                f"it would drop those in between. Continue from {self.restart_file}, choose another output, "
                "or pass overwrite (--overwrite)"
            )
        last = kept[-1] if len(kept) else -np.inf
        if now - last > 0.5 * dt + (0.0 if self.means else max(every, self.interval * dt)):
            raise FileError(
                f"{file}: has no records between day {max(last, 0.0) / DAY:g} and day {now / DAY:g}, on which the run "
                "begins; continue from an earlier restart, choose another output, or pass overwrite (--overwrite)"
            )

    def check_room(self) -> None:
        """Raise FileError for a disk that would be full before the end."""
        need = restart_bytes(self.model)
        if self.output is not None:
            records = 1 + -(-self.steps // self.interval)
            need += records * record_bytes(self.model, self.variables, self.output_precision)
            need += begun(self.output).stat().st_size if self.extends else 0
        check_room(self.output or self.restart_file, need, "write less often")

    def claim(self) -> names.Claim:
        """Hold the names of this run. Without output it takes a name of which there is no restart."""
        if self.output is not None or self.overwrite or self.has_run:
            return names.Claim(names.beside(self.restart_file, ".lock"))
        for n in itertools.count(1):
            self.restart_file = Path(f"{self.model.name}{f'-{n}' if n > 1 else ''}.restart.h5")
            if not names.exists(self.restart_file):
                with contextlib.suppress(names.TakenError):
                    return names.Claim(names.beside(self.restart_file, ".lock"))

    def check_step(self) -> None:
        """Raise InputError for a first state out of range, or a step too long for it, for rotation or for mixing.

        Series of the forcing that do not cover the run are refused or warned of.
        """
        model = self.model
        model.forcing.check_cover(model.state.time, model.state.time + self.steps * model.numerics.dt)
        if (bad := stability.first_bad(model.state, model)) is not None:
            name, index, value = bad
            raise InputError(
                f"{name}: the run would start from {value:g} {FIELDS[name].units} at {tuple(map(int, index))}, "
                "not finite or below the sea floor; correct the initial field"
            )
        stability.check_flow(model)
        if self.device != "cpu":  # on the CPU the stepper does so
            stability.check_numerics(model)

    def toml(self, **run: object) -> str:
        """TOML from which this run can be repeated, with other settings `run`, or a record of it where it cannot."""
        settings = self.settings | {"start": self.model.state.time / DAY} | run
        return provenance.toml(self.model, settings, self.begun)

    def configuration(self) -> str:
        """What the output says of how it was made: the TOML of this run, or of all that made what it extends."""
        if not self.extends:
            return self.toml()
        with opened(begun(self.output)) as f:
            before = f.attrs.get("configuration", "")
        whole = config.one_run(before, self.toml())
        if whole is not None:
            return self.toml(**whole)
        return config.with_history(before, self.toml(), self.model.state.time / DAY)

    def run(self) -> None:
        """Step to the end.

        Raises BlowUpError after saving the last good state, and FileError when the disk fails or a file is in the way.
        Ctrl-C, SIGTERM, SIGHUP and SIGXCPU finish the step, save the state and end in KeyboardInterrupt or
        SystemExit(128 + the number of the signal).
        """
        self.signal, self.writer, self.sent = None, None, None
        with self.catch_signals(), self.claim():
            self.model.state.settle(self.model.grid)
            self.check_files()
            if self.has_run:  # the state is no longer that with which it was made
                self.check_step()
            if self.device == "cuda":
                check_memory(run_bytes(self.model), f"a run of {self.model.name}")
                self.running = self.model.to("cuda")
                self.stepper = Stepper(self.running)
            self.writer = own = self.open_output()
            self.has_run = True
            self.good, self.good_cfl = self.running.state.copy(), stability.advective_courant_number(self.running)
            self.viscosity = 0.0  # the last one that followed the flow, over what the cells bear
            self.bearable = None  # what the cells bear, where it follows the flow
            if self.model.numerics.viscosity != "constant" and self.model.numerics.friction != "none":
                self.bearable = to_device(stability.stable_mixing(self.model)["nu_h"], self.running.device)
                self.watch_viscosity(self.running.state)
            started, first, complete = clock.perf_counter(), self.model.state.step, False
            try:
                self.loop(started)
                complete = self.signal is None
            except FileError as error:
                raise FileError(f"{error}{self.rescue()}") from None
            finally:
                self.come_home()
                if own is not None:
                    own.close(complete)
            state, self.begun = self.model.state, provenance.state_mark(self.model)
            if self.signal is not None:
                self.say_how_to_continue(self.steps - (state.step - first))
                raise KeyboardInterrupt if self.signal == signal.SIGINT else SystemExit(128 + self.signal)
        wall = clock.perf_counter() - started
        speed = self.steps * self.model.numerics.dt / YEAR / wall * DAY
        self.say(
            f"{self.model.name}: day {state.time / DAY:g} after {wall:.1f} s, {speed:.3g} simulated years per day; "
            f"state {state.digest()} in {self.restart_file}"
        )

    def open_output(self) -> OutputFile | None:
        """The output, ready for its first record, with its TOML beside it; None for a run without."""
        if self.output is None:
            return None
        text, options = self.configuration(), {"means": self.means, "precision": self.output_precision}
        output = OutputFile(self.output, self.model, self.variables, text, extend=self.extends, **options)
        try:
            config.write(self.toml_file, text)
        except FileError:
            output.abandon()
            raise
        self.repeatable = text.startswith(config.HEADER)
        return output

    @contextlib.contextmanager
    def catch_signals(self) -> Iterator[None]:
        """Let signals finish the step, in the main thread, where alone they can be caught; nohup has them ignored."""
        handlers = {s: signal.getsignal(s) for s in STOPPED_BY} if in_main_thread() else {}
        caught = {s: handler for s, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
        try:
            for s in caught:
                signal.signal(s, self.stop)
            yield
        finally:
            for s, handler in caught.items():
                signal.signal(s, handler)

    def come_home(self) -> None:
        """From a GPU: what is still to be written, and the state; its memory is free again."""
        if self.running is self.model:
            return
        try:
            if self.writer is not None and not self.writer.broken:
                with contextlib.suppress(FileError):  # of a run that has ended already
                    self.deliver()
            self.model.state.assign(self.running.state)
        finally:
            self.running, self.stepper, self.outbox = self.model, None, None
            self.good = self.good.to("cpu")

    def loop(self, started: float) -> None:
        """All steps, with output, checks and the progress bar."""
        writer, state = self.writer, self.running.state
        self.outbox = None if writer is None or self.running is self.model else HostCopies(state.arrays())
        if writer is not None and not self.means and writer.last < state.time - 0.5 * self.model.numerics.dt:
            writer.record(self.model)
        quiet = None if self.progress else True
        with tqdm(total=self.steps, unit="step", disable=quiet, file=sys.stderr, dynamic_ncols=True) as bar:
            for n in range(1, self.steps + 1):
                self.stepper.step()
                if writer is not None:
                    writer.add(self.running)
                last = n == self.steps or self.signal is not None
                output = writer is not None and (n % self.interval == 0 or (last and self.means))
                save = self.restart_interval is not None and n % self.restart_interval == 0
                if last or output or save or n % CHECK == 0:
                    self.check(n, started, bar)
                bar.update()
                if output:
                    self.record()
                if last or save:
                    save_restart(self.restart_file, self.model, self.running.state)
                if last:
                    break
        self.deliver()

    def record(self) -> None:
        """Write the present state; of a GPU it is sent off, and written when the next one is."""
        if self.outbox is None:
            self.writer.record(self.model)
            return
        self.deliver()
        state = self.running.state
        self.outbox.send(state.arrays())
        self.sent = State(**self.outbox.received, time=state.time, step=state.step)
        if self.means:  # whose sums must not go on meanwhile
            self.deliver()

    def deliver(self) -> None:
        """Write what was sent off."""
        if self.sent is not None:
            self.outbox.receive()
            there = copy.copy(self.model)
            there.state, self.sent = self.sent, None
            self.writer.record(there)

    def check(self, n: int, started: float, bar: tqdm) -> None:
        """Stop a run that has left the finite; otherwise remember the state and report."""
        state = self.running.state
        with np.errstate(all="ignore"):
            vertical = stability.vertical_courant_number(self.running, self.stepper.works[-1].W)
            cfl = max(vertical, stability.advective_courant_number(self.running))
            bad = stability.first_bad(state, self.running)
        if bad is not None or not cfl < 2 * LARGEST_CFL:
            self.blow_up(bad or stability.fastest(self.running, self.stepper.works[-1].W), cfl)
        if cfl <= LARGEST_CFL:  # so that the state kept is one that a run can start from
            self.good.assign(state)
            self.good_cfl = cfl
        if self.bearable is not None:
            self.watch_viscosity(state)
        speed = n * self.model.numerics.dt / YEAR / (clock.perf_counter() - started) * DAY
        bar.set_postfix_str(f"day {state.time / DAY:.4g}, {speed:.3g} years/day, CFL {cfl:.2g}", refresh=False)

    def watch_viscosity(self, state: State) -> None:
        """Warn once in a run that a viscosity that follows the flow is stronger than the step bears."""
        numerics, before = self.model.numerics, self.viscosity
        nu = viscosity(self.running, state, self.stepper.slow.nu)
        self.viscosity = stability.viscosity_excess(nu, self.bearable)
        if self.viscosity > 1 >= before:
            warnings.warn(
                f"{numerics.viscosity}: on day {state.time / DAY:.4g} the viscosity is {self.viscosity:.2g} times what "
                f"dt = {numerics.dt:g} s bears; waves may grow. Use a shorter step or a smaller {numerics.viscosity}",
                stacklevel=2,
            )

    def blow_up(self, bad: tuple[str, tuple, float], cfl: float) -> None:
        """Save the last good state and say where, when and what to try."""
        state, horizontal, last = self.running.state, self.model.horizontal, copy.copy(self.model)
        last.state, saved = self.good.to("cpu"), self.rescue()
        name, index, value = bad
        field, (y_name, x_name) = FIELDS[name], horizontal.names
        y = (horizontal.y_f if field.point == "V" else horizontal.y_t)[index[-2]]
        x = (horizontal.x_f if field.point == "U" else horizontal.x_t)[index[-1]]
        axes = "k, j, i" if len(index) == 3 else "j, i"
        raise BlowUpError(
            f"{name} is {value:g} {field.units} at ({axes}) = {tuple(int(m) for m in index)}, {y_name} {y:g}, "
            f"{x_name} {x:g} {horizontal.units}, on day {state.time / DAY:.4g} (step {state.step}, CFL {cfl:.2g})"
            f"{saved}, with CFL {self.good_cfl:.2g}. {stability.advice(last, name, self.viscosity)}"
        )

    def rescue(self) -> str:
        """Save the last good state after a failure, where the disk takes it; says so."""
        with contextlib.suppress(FileError):
            save_restart(self.restart_file, self.model, self.good)
            return f"; the state of day {self.good.time / DAY:.4g} is in {self.restart_file}"
        return "; no restart could be written"

    def stop(self, number: int, _frame: object) -> None:
        """Handler of the signals: let the step finish."""
        self.signal = number

    def say_how_to_continue(self, left: int) -> None:
        """After a signal: where the state is, and the command for the `left` steps."""
        name, day = signal.Signals(self.signal).name, self.model.state.time / DAY
        text = f"stopped by {name} on day {day:g}; continue with {self.restart_file}"
        if self.output is not None and self.repeatable and left:
            words = ["ogcm", "run", self.toml_file, "--output", self.output, "--restart", self.restart_file]
            words += ["--days", repr(left * self.model.numerics.dt / DAY)]
            text += f": {shlex.join(map(str, words))}"
        self.say(text)

    def say(self, text: str) -> None:
        if self.progress:
            print(text, file=sys.stderr)


def in_main_thread() -> bool:
    """Signals can be caught in the main thread alone."""
    return threading.current_thread() is threading.main_thread()
