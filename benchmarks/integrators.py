"""Cost of the time integrators: `python -m benchmarks.integrators [--quick]`.

Cost at equal error of `euler`, `ab2`, `rk3` and `rk4` on the same spatial grid. Each case is spun up first, so that the
state is smooth in time; then every integrator runs the same days with time steps of growing length up to its limit, and
is compared at the end with rk4 at a step of REFERENCE seconds. The error is the root mean square of four relative ones:

    velocity: rms(u - u_ref)/rms(u_ref),  u and v each;    T, eta: rms(T - T_ref)/rms(T_ref - mean of its layer)

A step is stable where the error stays below LOST. Friction, mixing and drag are of first order in time by design (see
ogcm/stepper.py); the cases "weak" have a tenth of them, which shows the cost of the dynamics alone. Convective
adjustment is off: a switch that flips from step to step has no order (it left an error of 3 % in the velocity of the
gyre, with any integrator and any step). The cost of a given error is interpolated in log-log between the longest step
within it and the next step; where the longest stable step has a smaller error, it is the cost of that step (marked *).
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

import ogcm
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.state import State
from ogcm.stepper import INTEGRATORS

REFERENCE = 300.0  # [s]
SPIN_UP = 1200.0  # [s]
STEPS = (
    1200,
    1800,
    2400,
    3600,
    4800,
    5400,
    7200,
    8640,
    10800,
    14400,
    17280,
    21600,
    28800,
    43200,
)  # [s], parts of a day
ERRORS = (3e-2, 1e-2, 3e-3, 1e-3)
LOST = 0.1
NO_CONVECTION = {"kappa_convective": 0.0}


class Case(NamedTuple):
    """A setup, the length of its spin-up [days] and of the run that is compared [days]."""

    name: str
    make: Callable[..., ogcm.Model]
    spin_up: float
    days: float


class Run(NamedTuple):
    """A stable run: its time step [s], its relative error and its cost."""

    dt: float
    error: float
    cost: float  # wall milliseconds per simulated day


def cases(quick: bool) -> list[Case]:
    """A gyre of large scale with slow currents, and an eddying front; each also with a tenth of its dissipation."""
    coarse = 2.0 if quick else 1.0

    def gyre(weaker=1.0, **options):
        viscosity = 2e-11 * (2 * coarse * 111e3 / np.pi) ** 3 * 2  # the setup's own
        slow = {"nu_h": viscosity, "kappa_h": 100.0, "drag_linear": 4e-4, "nu_v": 1e-4, "kappa_v": 1e-5}
        parameters = {name: value / weaker for name, value in slow.items()} | NO_CONVECTION
        return ogcm.setups.double_gyre(resolution=coarse, parameters=parameters, **options)

    def front(weaker=1.0, **options):
        width = np.radians(0.5) * 6.371e6 * np.cos(np.radians(50))
        slow = {"nu4_h": 0.01 * width**3, "nu_v": 1e-4, "kappa_v": 1e-5}
        parameters = {name: value / weaker for name, value in slow.items()} | NO_CONVECTION
        return ogcm.setups.baroclinic_wave(resolution=0.5, parameters=parameters, **options)

    def weak(make):
        return lambda **options: make(weaker=10.0, **options)

    if quick:
        return [Case("double_gyre", gyre, spin_up=5, days=1)]
    return [
        Case("double_gyre", gyre, spin_up=90, days=5),
        Case("double_gyre, weak", weak(gyre), spin_up=90, days=5),
        Case("baroclinic_wave", front, spin_up=20, days=5),
        Case("baroclinic_wave, weak", weak(front), spin_up=20, days=5),
    ]


def advance(model: ogcm.Model, days: float) -> tuple[State, float]:
    """The state after `days`, or when it is no longer finite, and the shortest time of a step [s]."""
    stepper, seconds = ogcm.Stepper(model), []
    for _ in range(round(days * DAY / model.numerics.dt)):
        began = time.perf_counter()
        stepper.step()
        seconds.append(time.perf_counter() - began)
        if not np.isfinite(model.state.eta.sum()):
            break
    return model.state, min(seconds)


def error(state: State, reference: State) -> float:
    """Relative difference of two states, over velocity, temperature and surface height."""
    squares = []
    for name in ("u", "v", "T", "eta"):
        exact = interior(getattr(reference, name))
        difference = interior(getattr(state, name)) - exact
        size = exact if name in "uv" else exact - exact.mean(axis=(-2, -1), keepdims=True)
        squares.append((difference**2).mean() / (size**2).mean())
    return float(np.sqrt(np.mean(squares)))


def scan(case: Case, start: State, reference: State, integrator: str, steps: Sequence[float]) -> list[Run]:
    """Runs of one integrator with increasing time steps [s], as long as they are stable."""
    runs = []
    for dt in steps:
        model = case.make(integrator=integrator, dt=dt)
        model.state.assign(start)
        try:
            with np.errstate(all="ignore"):
                state, seconds = advance(model, case.days)
                wrong = error(state, reference)
        except InputError:  # a step that is refused
            break
        if not wrong < LOST:
            break
        runs.append(Run(dt, wrong, seconds * 1e3 * DAY / dt))
    return runs


def cost_of(target: float, runs: list[Run]) -> str:
    """Milliseconds per simulated day at an error, as text; `*` where the longest stable step has a smaller error."""
    within = [n for n, run in enumerate(runs) if run.error <= target]
    if not within:
        return "-"
    last = within[-1]
    if last == len(runs) - 1:
        return f"{runs[last].cost:.1f}*"
    between = runs[last : last + 2]
    errors, costs = ([np.log(getattr(run, name)) for run in between] for name in ("error", "cost"))
    return f"{np.exp(np.interp(np.log(target), errors, costs)):.1f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one small case, as a test")
    quick = parser.parse_args().quick
    print(f"{'case':22} {'integrator':10} {'dt s':>6} {'error':>9} {'ms/day':>8}")
    found, steps = {}, STEPS[::4] if quick else STEPS
    for case in cases(quick):
        start = advance(case.make(dt=SPIN_UP), case.spin_up)[0]
        model = case.make(integrator="rk4", dt=REFERENCE)
        model.state.assign(start)
        reference = advance(model, case.days)[0]
        for integrator in INTEGRATORS:
            runs = found[case.name, integrator] = scan(case, start, reference, integrator, steps)
            for run in runs:
                print(f"{case.name:22} {integrator:10} {run.dt:6.0f} {run.error:9.2e} {run.cost:8.1f}")
            sys.stdout.flush()
    print("\nmilliseconds per simulated day at an error of")
    print(f"{'case':22} {'integrator':10} {'longest step s':>14} " + " ".join(f"{target:>9.0e}" for target in ERRORS))
    for (name, integrator), runs in found.items():
        longest = f"{runs[-1].dt:.0f}" if runs else "-"
        print(f"{name:22} {integrator:10} {longest:>14} " + " ".join(f"{cost_of(t, runs):>9}" for t in ERRORS))


if __name__ == "__main__":
    main()
