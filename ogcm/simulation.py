"""A run: steps a model, writes its output, watches over it, and leaves a restart whatever happens."""

import contextlib
import copy
import os
import signal
import sys
import threading
import time as clock
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ogcm import config, io
from ogcm.device import Outbox, check, check_memory
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.fields import FIELDS
from ogcm.grid import interior
from ogcm.memory import run_bytes
from ogcm.model import Model
from ogcm.restart import load_restart, restart_bytes, save_restart
from ogcm.state import State
from ogcm.stepper import Stepper, courant_number

Array = np.ndarray
DAY = 86400.0
YEAR = 360 * DAY
CHECK = 20  # steps between two looks at whether all is well
LARGEST_CFL = 1.0
LARGEST_DAMPING = 2.0  # of the shortest wave in a step; mixing is one Euler step, which amplifies it beyond


class Simulation:
    """Runs `model` for `days` [d] and writes to `output` (a NetCDF file) every `every` days.

    `variables` are written as snapshots, or as `means` over the interval, in `output_precision`. `restart`
    continues from a restart file, and extends an output that exists; `overwrite` replaces it. A restart is
    written at the end, every `restart_every` days and whenever the run is stopped, beside the output or as
    `<name>.restart.h5`. Raises InputError or FileError before the first step for anything that would fail
    later: an existing output, a disk that is too small, a step beyond the CFL limit, a `device` ("cpu", "cuda", or
    "auto" for a GPU where there is one) that is absent or has too little memory. On a GPU the model stays on the host,
    and has the new state when the run ends.
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
        overwrite: bool = False,
        progress: bool = True,
        device: str = "cpu",
    ) -> None:
        if model.device != "cpu":
            raise InputError("model: is the mirror of one on a GPU; give the model itself, and device='cuda'")
        self.model, self.days, self.progress, self.device = model, days, progress, check(device)
        self.output = Path(output) if output is not None else None
        self.steps = self.steps_in("days", days)
        self.interval = self.steps_in("every", every) if every is not None else max(1, self.steps // 10)
        self.restart_interval = self.steps_in("restart_every", restart_every) if restart_every is not None else None
        if output_precision not in io.PRECISIONS:
            raise InputError(f"output_precision: {output_precision!r}; choose from {', '.join(io.PRECISIONS)}")
        self.variables = io.check_variables(model, tuple(variables))
        self.means, self.output_precision = means, output_precision
        stem = self.output.with_suffix("") if self.output else Path(model.name)
        self.restart_file = Path(f"{stem}.restart.h5")
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
        self.extend = restart is not None and not overwrite and self.output is not None and self.output.exists()
        self.configuration = self.toml() if self.output else ""
        self.check_disk(overwrite)
        self.check_step()
        self.running = model  # what is stepped: the model itself, in a run on a GPU its mirror there
        self.stepper = Stepper(model) if self.device == "cpu" else None
        self.signal: int | None = None
        self.writer: io.Output | None = None
        self.sent: State | None = None  # on its way from a GPU to the host, to be written

    def steps_in(self, name: str, days: float) -> int:
        """The steps nearest to `days`, at least one. Raises InputError for a length that is not positive."""
        if not (np.isfinite(days) and days > 0):
            raise InputError(f"{name}: must be a positive number of days, got {days}")
        return max(1, round(days * DAY / self.model.numerics.dt))

    def check_disk(self, overwrite: bool) -> None:
        """Complain now about what would fail at the end."""
        target = self.output or self.restart_file
        folder = target.resolve().parent
        if not folder.is_dir():
            raise FileError(f"{target}: its folder does not exist")
        if not os.access(folder, os.W_OK):
            raise FileError(f"{target}: its folder cannot be written to; choose another")
        need = restart_bytes(self.model)
        if self.output is not None:
            if self.output.is_dir():
                raise FileError(f"{self.output}: is a folder; give the name of a file")
            if self.output.exists() and not (overwrite or self.extend):
                raise FileError(f"{self.output}: exists; choose another name or pass overwrite (--overwrite)")
            toml = self.output.with_suffix(".toml")
            if not (overwrite or config.is_own(toml)):
                raise FileError(f"{toml}: would be replaced, and ogcm did not write it; choose another output")
            records = 1 + -(-self.steps // self.interval)
            need += records * io.record_bytes(self.model, self.variables, self.output_precision)
            need += self.output.stat().st_size if self.extend else 0
        io.check_room(target, need, "write less often")

    def check_step(self) -> None:
        """Raise InputError for a first state out of range, or a step too long for it or for the mixing along layers."""
        model, numerics = self.model, self.model.numerics
        if (bad := first_bad(model.state, model)) is not None:
            name, index, value = bad
            raise InputError(
                f"{name}: the run would start from {value:g} {FIELDS[name].units} at {tuple(map(int, index))}, "
                "not finite or below the sea floor; correct the initial field"
            )
        cfl, dt = courant_number(model), numerics.dt
        if not cfl <= LARGEST_CFL:
            raise InputError(f"dt: {dt:g} s gives the Courant number {cfl:.2g}; use at most {dt * 0.8 / cfl:.3g} s")
        for parameter, most in stable_mixing(model).items():
            value = interior(model.parameters[parameter])
            excess = float((value / most).max())
            if excess > 1:
                raise InputError(
                    f"{parameter}: {value.max():.3g} is unstable with dt = {dt:g} s on the narrowest cells; "
                    f"use at most {0.8 * value.max() / excess:.2g}, or dt = {0.8 * dt / excess:.2g} s"
                )

    def toml(self) -> str:
        """TOML from which this run can be repeated (where the model came from a setup)."""
        made = self.model.config
        setup = {"name": made["setup"], **made["options"]} if "setup" in made else {"name": self.model.name}
        setup["trained"] = made.get("trained")
        tables = {
            "setup": setup,
            "parameters": made.get("parameters", {}),
            "numerics": made.get("numerics", {}),
            "run": self.settings,
        }
        return config.text(tables)

    def run(self) -> None:
        """Step to the end.

        Raises BlowUpError after saving the last good state, and FileError when the disk fails. Ctrl-C and
        SIGTERM finish the step, save the state and end in KeyboardInterrupt and SystemExit(143).
        """
        own, self.writer, self.sent = None, None, None
        if self.device == "cuda":
            check_memory(run_bytes(self.model), f"a run of {self.model.name}")
            self.running = self.model.to("cuda")
            self.stepper = Stepper(self.running)
        if self.output is not None:
            config.write(self.output.with_suffix(".toml"), self.configuration)
            options = {"means": self.means, "precision": self.output_precision, "extend": self.extend}
            self.writer = own = io.Output(self.output, self.model, self.variables, self.configuration, **options)
        self.good, self.good_cfl = self.running.state.copy(), courant_number(self.running)
        handlers = {s: signal.signal(s, self.stop) for s in (signal.SIGINT, signal.SIGTERM)} if in_main_thread() else {}
        started, first = clock.perf_counter(), self.model.state.step
        try:
            self.loop(started)
        except FileError as error:
            raise FileError(f"{error}{self.rescue()}") from None
        finally:
            for s, handler in handlers.items():
                signal.signal(s, handler)
            self.come_home()
            if own is not None:
                own.close()
        state = self.model.state
        if self.signal is not None:
            self.say_how_to_continue(self.steps - (state.step - first))
            raise KeyboardInterrupt if self.signal == signal.SIGINT else SystemExit(128 + self.signal)
        wall = clock.perf_counter() - started
        speed = self.steps * self.model.numerics.dt / YEAR / wall * DAY
        self.say(
            f"{self.model.name}: day {state.time / DAY:g} after {wall:.1f} s, "
            f"{speed:.3g} simulated years per day; state {state.digest()}"
        )

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
        self.outbox = None if writer is None or self.running is self.model else Outbox(state.arrays())
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
        self.sent = State(**self.outbox.landed, time=state.time, step=state.step)
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
            cfl, bad = courant_number(self.running), first_bad(state, self.running)
        if bad is not None or not cfl < 2 * LARGEST_CFL:
            self.blow_up(bad or self.fastest(), cfl)
        if cfl <= LARGEST_CFL:  # so that the state kept is one that a run can start from
            self.good.assign(state)
            self.good_cfl = cfl
        speed = n * self.model.numerics.dt / YEAR / (clock.perf_counter() - started) * DAY
        bar.set_postfix_str(f"day {state.time / DAY:.4g}, {speed:.3g} years/day, CFL {cfl:.2g}", refresh=False)

    def fastest(self) -> tuple[str, tuple, float]:
        """(name, index, value) of the velocity where the Courant number is largest."""
        state, grid = self.running.state, self.running.grid
        along = {"u": interior(np.abs(state.u) / grid.dx_u), "v": interior(np.abs(state.v) / grid.dy_v)}
        name = max(along, key=lambda n: along[n].max())
        index = np.unravel_index(int(along[name].argmax()), along[name].shape)
        return name, index, float(interior(getattr(state, name))[index])

    def blow_up(self, bad: tuple[str, tuple, float], cfl: float) -> None:
        """Save the last good state and say where, when and what to try."""
        state, dt, horizontal = self.running.state, self.model.numerics.dt, self.model.horizontal
        saved = self.rescue()
        name, index, value = bad
        field, (y_name, x_name) = FIELDS[name], horizontal.names
        y = (horizontal.y_f if field.point == "V" else horizontal.y_t)[index[-2]]
        x = (horizontal.x_f if field.point == "U" else horizontal.x_t)[index[-1]]
        axes = "k, j, i" if len(index) == 3 else "j, i"
        raise BlowUpError(
            f"{name} is {value:g} {field.units} at ({axes}) = {tuple(int(m) for m in index)}, {y_name} {y:g}, "
            f"{x_name} {x:g} {horizontal.units}, on day {state.time / DAY:.4g} (step {state.step}, CFL {cfl:.2g})"
            f"{saved}, with CFL {self.good_cfl:.2g}. Try dt = {dt / 2:g} s, or more viscosity (nu_h, nu4_h)"
        )

    def rescue(self) -> str:
        """Save the last good state after a failure, where the disk takes it; says so."""
        with contextlib.suppress(FileError):
            save_restart(self.restart_file, self.model, self.good)
            return f"; the state of day {self.good.time / DAY:.4g} is in {self.restart_file}"
        return "; no restart could be written"

    def stop(self, number: int, _frame: object) -> None:
        """Handler of SIGINT and SIGTERM: let the step finish."""
        self.signal = number

    def say_how_to_continue(self, left: int) -> None:
        """After a signal: where the state is, and the command for the `left` steps."""
        name, day = signal.Signals(self.signal).name, self.model.state.time / DAY
        text = f"stopped by {name} on day {day:g}; continue with {self.restart_file}"
        if self.output is not None and "setup" in self.model.config and left:
            toml, days = self.output.with_suffix(".toml"), left * self.model.numerics.dt / DAY
            text += f": ogcm run {toml} --output {self.output} --restart {self.restart_file} --days {days:.6g}"
        self.say(text)

    def say(self, text: str) -> None:
        if self.progress:
            print(text, file=sys.stderr)


def stable_mixing(model: Model) -> dict[str, Array]:
    """The largest mixing along layers that is stable with this step: maps (ny, nx) by the name of the parameter in use.

    m2 s-1, of the biharmonic ones m4 s-1; infinite on land.
    """
    ny, nx = model.horizontal.shape
    dx, dy, wet = (interior(a) for a in (model.grid.dx_t, model.grid.dy_t, model.grid.mask_t[0]))
    shortest, most = 4.0 * (nx > 2) / dx**2 + 4.0 * (ny > 2) / dy**2, {}
    for mixing, name, higher in (("friction", "nu_h", "nu4_h"), ("diffusion", "kappa_h", "kappa4_h")):
        choice = getattr(model.numerics, mixing)
        for parameter, power in {"none": (), "laplacian": ((name, 1),)}.get(choice, ((name, 1), (higher, 2))):
            most[parameter] = np.full((ny, nx), np.inf)
            damping = wet * shortest**power * model.numerics.dt
            np.divide(LARGEST_DAMPING, damping, out=most[parameter], where=damping > 0)
    return most


def first_bad(state: State, model: Model) -> tuple[str, tuple, float] | None:
    """(name, index, value) of the first value that is not finite, or of a surface below the sea floor; or None.

    The layers of a linear free surface keep their thickness wherever it stands.
    """
    for name, a in state.arrays().items():
        inside = interior(a)
        if not np.isfinite(inside.sum()):
            wrong = ~np.isfinite(inside)
            index = np.unravel_index(int(wrong.argmax()), inside.shape)
            return name, index, float(inside[index])
    water = interior(state.eta + model.grid.depth_t)
    if model.grid.nonlinear and not water.min() > 0:
        index = np.unravel_index(int(water.argmin()), water.shape)
        return "eta", index, float(interior(state.eta)[index])
    return None


def in_main_thread() -> bool:
    """Signals can be caught in the main thread alone."""
    return threading.current_thread() is threading.main_thread()
