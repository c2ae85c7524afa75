"""A run: steps a model, writes its output, watches over it, and leaves a restart whatever happens."""

import shutil
import signal
import sys
import time as clock
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ogcm import config, io
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.state import State
from ogcm.stepper import Stepper

DAY = 86400.0
YEAR = 360 * DAY
CHECK = 20  # steps between two looks at whether all is well
LARGEST_CFL = 1.0


class Simulation:
    """Runs `model` for `days` [d] and writes to `output` (a NetCDF file) every `every` days.

    `variables` are written as snapshots, or as `means` over the interval. `restart` continues
    from a restart file; one is written at the end, beside the output or as `<name>.restart.h5`, and
    whenever the run is stopped. Raises InputError or FileError before the first step for anything
    that would fail later: an existing output, a disk that is too small, a step beyond the CFL limit.
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
        restart: str | Path | None = None,
        overwrite: bool = False,
        progress: bool = True,
    ) -> None:
        if not (np.isfinite(days) and days > 0):
            raise InputError(f"days: the length of the run must be positive, got {days}")
        self.model, self.days, self.progress = model, days, progress
        self.output = Path(output) if output is not None else None
        dt = model.numerics.dt
        self.steps = max(1, round(days * DAY / dt))
        self.interval = max(1, round((every if every is not None else days / 10) * DAY / dt))
        self.variables = io.check_variables(model, tuple(variables))
        self.means = means
        stem = self.output.with_suffix("") if self.output else Path(model.name)
        self.restart_file = Path(f"{stem}.restart.h5")
        if restart is not None:
            io.load_restart(restart, model)
        if self.output is not None:
            self.check_output(overwrite)
        self.settings = {
            "days": float(days),
            "every": self.interval * dt / DAY,
            "variables": list(self.variables),
            "means": means,
        }
        self.stepper = Stepper(model)
        self.check_courant()
        self.good = model.state.copy()
        self.signal: int | None = None

    def check_output(self, overwrite: bool) -> None:
        """Complain now about what would fail at the end."""
        if self.output.exists() and not overwrite:
            raise FileError(f"{self.output}: exists; choose another name or pass overwrite (--overwrite)")
        if not self.output.resolve().parent.is_dir():
            raise FileError(f"{self.output}: its folder does not exist")
        record = 4 * sum(interior(a).size for n, a in self.model.state.arrays().items() if n in self.variables)
        need = record * (1 + self.steps // self.interval)
        free = shutil.disk_usage(self.output.resolve().parent).free
        if need > free:
            raise FileError(
                f"{self.output}: needs about {need / 1e9:.2g} GB, {free / 1e9:.2g} GB are free; write less often"
            )

    def check_courant(self) -> None:
        """Raise InputError where the first state is already too fast for the step."""
        cfl, dt = self.stepper.cfl(), self.model.numerics.dt
        if cfl > LARGEST_CFL:
            raise InputError(f"dt: {dt:g} s gives the Courant number {cfl:.2g}; use at most {dt * 0.8 / cfl:.3g} s")

    def configuration(self) -> str:
        """TOML from which this run can be repeated (where the model came from a setup)."""
        made = self.model.config
        setup = {"name": made["setup"], **made["options"]} if "setup" in made else {"name": self.model.name}
        tables = {
            "setup": setup,
            "parameters": made.get("parameters", {}),
            "numerics": made.get("numerics", {}),
            "run": self.settings,
        }
        return config.text(tables)

    def run(self) -> None:
        """Step to the end. Ctrl-C and SIGTERM save the present state, a blow-up (BlowUpError) the last good one."""
        writer = None
        if self.output is not None:
            text = self.configuration()
            self.output.with_suffix(".toml").write_text(text)
            writer = io.Output(self.output, self.model, self.variables, text, self.means)
        before = {s: signal.signal(s, self.stop) for s in (signal.SIGINT, signal.SIGTERM)} if main_thread() else {}
        started = clock.perf_counter()
        try:
            self.loop(writer, started)
        finally:
            for s, handler in before.items():
                signal.signal(s, handler)
            if writer is not None:
                writer.close()
        if self.signal is not None:
            name = signal.Signals(self.signal).name
            self.say(f"stopped by {name} on day {self.model.state.time / DAY:g}; continue with {self.restart_file}")
            raise SystemExit(128 + self.signal)
        wall = clock.perf_counter() - started
        speed = self.steps * self.model.numerics.dt / YEAR / wall * DAY
        self.say(
            f"{self.model.name}: day {self.model.state.time / DAY:g} after {wall:.1f} s, "
            f"{speed:.3g} simulated years per day; state {self.model.state.digest()}"
        )

    def loop(self, writer: io.Output | None, started: float) -> None:
        """All steps, with output, checks and the progress bar."""
        state = self.model.state
        if writer is not None and not self.means:
            self.record(writer, state.time)
        mean, since = self.zero_mean(), state.time
        bar = tqdm(
            total=self.steps, unit="step", disable=None if self.progress else True, file=sys.stderr, dynamic_ncols=True
        )
        with bar:
            for n in range(1, self.steps + 1):
                self.stepper.step()
                for name, total in mean.items():
                    total += io.sample(self.model, name)
                if n % CHECK == 0 or n == self.steps:
                    self.check(n, started, bar)
                bar.update()
                if writer is not None and n % self.interval == 0:
                    if self.means:
                        fields = {name: total / self.interval for name, total in mean.items()}
                        writer.write(fields, since, state.time)
                        mean, since = self.zero_mean(), state.time
                    else:
                        self.record(writer, since)
                        since = state.time
                if self.signal is not None:
                    break
        io.save_restart(self.restart_file, self.model)

    def zero_mean(self) -> dict[str, np.ndarray]:
        """Accumulators of the means, none for snapshots."""
        if not (self.means and self.output):
            return {}
        return {name: np.zeros_like(io.sample(self.model, name), dtype=float) for name in self.variables}

    def record(self, writer: io.Output, since: float) -> None:
        """Write a snapshot."""
        writer.write({name: io.sample(self.model, name) for name in self.variables}, since, self.model.state.time)

    def check(self, n: int, started: float, bar: tqdm) -> None:
        """Stop a run that has left the finite; otherwise remember the state and report."""
        cfl = self.stepper.cfl()
        state = self.model.state
        bad = first_bad(state)
        if bad is not None or not cfl < 2 * LARGEST_CFL:
            self.blow_up(bad, cfl)
        self.good.assign(state)
        speed = n * self.model.numerics.dt / YEAR / (clock.perf_counter() - started) * DAY
        bar.set_postfix_str(f"day {state.time / DAY:.4g}, {speed:.3g} years/day, CFL {cfl:.2g}")

    def blow_up(self, bad: tuple | None, cfl: float) -> None:
        """Save the last good state and say where, when and what to try."""
        state, good, dt = self.model.state, self.good, self.model.numerics.dt
        io.save_restart(self.restart_file, self.model, good)
        if bad is None:
            speed = np.hypot(interior(state.u), interior(state.v))
            bad = ("speed", np.unravel_index(speed.argmax(), speed.shape), speed.max())
        name, index, value = bad
        horizontal = self.model.horizontal
        y, x = horizontal.y_t[index[-2]], horizontal.x_t[index[-1]]
        where = f"[{', '.join(str(int(m)) for m in index)}] ({horizontal.names[0]} {y:g}, {horizontal.names[1]} {x:g})"
        raise BlowUpError(
            f"{name} is {value:g} at {where} on day {state.time / DAY:.4g} (step {state.step}, CFL {cfl:.2g}). "
            f"The state of day {good.time / DAY:.4g} is in {self.restart_file}. "
            f"Try dt = {dt / 2:g} s, or more viscosity (nu_h, nu4_h)"
        )

    def stop(self, number: int, _frame: object) -> None:
        """Handler of SIGINT and SIGTERM: let the step finish."""
        self.signal = number

    def say(self, text: str) -> None:
        if self.progress:
            print(text, file=sys.stderr)


def first_bad(state: State) -> tuple | None:
    """(name, index, value) of the first value that is not finite, or None."""
    for name, a in state.arrays().items():
        inside = interior(a)
        if not np.isfinite(inside.sum()):
            wrong = ~np.isfinite(inside)
            index = np.unravel_index(wrong.argmax(), inside.shape)
            return name, index, inside[index]
    return None


def main_thread() -> bool:
    """Signals can be caught in the main thread alone."""
    import threading

    return threading.current_thread() is threading.main_thread()
