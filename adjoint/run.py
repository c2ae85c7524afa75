"""The gradient of any scalar of a run with respect to anything in it.

    simulation = ogcm.Simulation(model, days=60)
    loss = adjoint.losses.Transport(model, x=-66, y=(-70, -54))
    g = adjoint.gradient(loss, simulation, ["T", "tau_x", "nu_h"])
    g.value, g["tau_x"]

The run goes forward with the plain stepper, keeping snapshots (`adjoint.checkpoints`), and then backwards: each step is
taken again with everything kept and run through its adjoint (`adjoint.stepper`).
"""

import sys
import time as clock
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from adjoint.checkpoints import Budget, backwards
from adjoint.complex_step import value_of, working_copy
from adjoint.controls import Collector, Controls
from adjoint.losses import Loss
from adjoint.stepper import AdjointStepper
from ogcm.errors import BlowUpError, InputError
from ogcm.grid import interior
from ogcm.simulation import CHECK, DAY, Simulation, first_bad
from ogcm.state import State
from ogcm.stepper import Stepper

Array = np.ndarray


@dataclass
class GradientOfRun:
    """A loss, its gradient by the name of the control, and what it cost."""

    value: float
    gradients: dict[str, Array]
    steps: int
    forward_steps: int  # of the plain stepper: the run, and what the schedule took again
    budget: Budget
    seconds: float

    def __getitem__(self, name: str) -> Array:
        return self.gradients[name]

    @property
    def recomputation(self) -> float:
        """Steps of the plain stepper for each step of the run: 1 where every state was kept."""
        return self.forward_steps / self.steps


def gradient(
    loss: Loss,
    simulation: Simulation,
    controls: str | Iterable[str],
    *,
    memory: float | None = None,
    snapshots: int | None = None,
    disk: int = 0,
    folder: str | Path | None = None,
) -> GradientOfRun:
    """The gradient of `loss` over `simulation` with respect to the named `controls` (see `adjoint.controls`).

    `memory` [bytes, default 1e9] or `snapshots` bound the states kept in memory; `disk` more may lie in a temporary
    file in `folder`; the result is the same to the bit. The simulation stays as it is: it is neither run nor changed.
    Raises InputError for an unknown control, a budget below one snapshot, a day of the loss outside the run, or a
    loss without a finite value and derivative; BlowUpError for a run that does not stay finite.
    """
    started = clock.perf_counter()
    records = loss.records(simulation)
    sweep = Sweep(loss, simulation, Controls(simulation.model, controls), records)
    budget = Budget.of(sweep.state, simulation.steps, memory=memory, snapshots=snapshots, disk=disk, folder=folder)
    sweep.look()
    forward_steps = budget.forward_steps(simulation.steps)
    quiet, total = None if simulation.progress else True, forward_steps + simulation.steps
    with tqdm(total=total, unit="step", disable=quiet, file=sys.stderr, leave=False, dynamic_ncols=True) as bar:
        sweep.bar = bar
        backwards(simulation.steps, sweep.state, sweep.forward, sweep.turn, sweep.reverse, budget)
    gradients = sweep.collector.collect(sweep.state_ad)
    for name, g in gradients.items():
        if not np.isfinite(g).all():
            raise InputError(f"{name}: its gradient is not finite; `ogcm check-gradients` tells where that comes from")
    return GradientOfRun(
        sweep.value, gradients, simulation.steps, forward_steps, budget, clock.perf_counter() - started
    )


def evaluate(loss: Loss, simulation: Simulation) -> float:
    """The loss of a run alone. The simulation stays as it is. A run that blows up has the loss NaN or infinity."""
    return float(value_of(loss, simulation, working_copy(simulation.model)))


class Sweep:
    """What a run there and back carries: the state, its adjoint, the value of the loss, the gradient so far."""

    def __init__(self, loss: Loss, simulation: Simulation, controls: Controls, records: dict[int, list]) -> None:
        self.loss, self.simulation, self.records = loss, simulation, records
        self.model = working_copy(simulation.model)
        self.state, self.first, self.seen = self.model.state, self.model.state.step, 0
        self.plain, self.adjoint = Stepper(self.model), AdjointStepper(self.model)
        self.collector = Collector(controls)
        self.value, self.state_ad = 0.0, self.blank()
        self.bar: tqdm | None = None

    def blank(self) -> State:
        """An adjoint state of zeros."""
        return State.zeros(self.model.grid, self.state.u.dtype)

    def forward(self, n: int) -> None:
        """Step n, counted from 0; the first time, the loss looks at its end."""
        self.plain.step()
        self.bar.update()
        if n == self.seen:
            self.seen += 1
            if self.seen % CHECK == 0 or self.seen == self.simulation.steps:
                self.check_state()
            self.look()

    def look(self) -> None:
        """Add what the loss sees of the present state; raise InputError where it has no finite value or derivative."""
        for record in self.records.get(self.seen, ()):
            value, slope = self.loss.value(self.state, record), State.zeros(self.model.grid, self.state.u.dtype)
            self.loss.adjoint(self.state, record, 1.0, slope)
            if not (np.isfinite(value) and all(np.isfinite(interior(a)).all() for a in slope.arrays().values())):
                self.check_state()
                name, day = type(self.loss).__name__, self.seen * self.model.numerics.dt / DAY
                raise InputError(
                    f"{name}: its value or derivative on day {day:g} is not finite ({value}); choose a loss "
                    "that is differentiable there, or another day"
                )
            self.value += float(value)

    def check_state(self) -> None:
        """Raise BlowUpError for a run that has left the finite."""
        if (bad := first_bad(self.state, self.model)) is not None:
            name, index, value = bad
            day = self.state.time / DAY
            raise BlowUpError(
                f"{name} is {value:g} at {tuple(map(int, index))} on day {day:.4g}: no gradient beyond; "
                f"try dt = {self.model.numerics.dt / 2:g} s, or a shorter run"
            )

    def turn(self) -> None:
        """At the end of the run: the loss begins the adjoint."""
        self.bar.set_postfix_str("backwards", refresh=False)
        self.look_back(self.state_ad)

    def look_back(self, state_ad: State) -> None:
        """What the loss sees of the present state, to its adjoint."""
        for record in self.records.get(self.state.step - self.first, ()):
            self.loss.adjoint(self.state, record, 1.0, state_ad)

    def reverse(self, n: int) -> None:
        """From the adjoint of the state after step n to that of the state before it, which is the present one."""
        middle = self.state.time + 0.5 * self.model.numerics.dt
        # A two-level step has passed on to the state before its own already (see AdjointStepper.step).
        before_ad = self.state_ad.previous or self.blank()
        before_ad.previous = self.blank() if self.state.previous is not None else None
        self.collector.gradient = self.collector.gradient._replace(state=before_ad)
        self.adjoint.step(self.state, self.state_ad, self.collector.gradient)
        self.collector.add(middle)
        self.state_ad = before_ad
        self.look_back(before_ad)
        self.bar.update()
