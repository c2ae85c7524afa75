"""The gradient of any scalar of a run with respect to anything in it.

    simulation = ogcm.Simulation(model, days=60)
    loss = adjoint.losses.Transport(model, x=-66, y=(-70, -54))
    g = adjoint.gradient(loss, simulation, ["T", "tau_x", "nu_h"])
    g.value, g["tau_x"]

The run goes forward with the plain stepper, keeping snapshots (`adjoint.checkpoints`), and then backwards: each step is
taken again with everything kept and run through its adjoint (`adjoint.stepper`). Short windows keep everything at once.
"""

import sys
import time as clock
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from adjoint.checkpoints import Budget, run_and_reverse
from adjoint.clear import clear
from adjoint.complex_step import loss_of_run, working_copy
from adjoint.controls import Collector, Controls
from adjoint.losses import Loss
from adjoint.state import Gradient
from adjoint.stepper import AdjointStepper
from ogcm.constants import DAY
from ogcm.device import check_memory, copy_values
from ogcm.errors import BlowUpError, InputError
from ogcm.grid import interior
from ogcm.memory import bytes_of, kernel_bytes, model_bytes, work_bytes
from ogcm.model import Model
from ogcm.simulation import Simulation
from ogcm.stability import first_invalid
from ogcm.state import State
from ogcm.stepper import Stepper
from ogcm.terms import on_device, require
from ogcm.watch import CHECK

Array = np.ndarray


@dataclass
class GradientOfRun:
    """A loss, its gradient by the name of the control, and what it cost."""

    value: float
    gradients: dict[str, Array]
    steps: int
    forward_steps: int  # taken in all, there and back
    budget: Budget
    seconds: float

    def __getitem__(self, name: str) -> Array:
        return self.gradients[name]

    @property
    def recomputation(self) -> float:
        """Steps taken forward for each step of the run: 1 where everything was kept, 2 where every state was."""
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
    workspace: "Workspace | None" = None,
) -> GradientOfRun:
    """The gradient of `loss` over `simulation` with respect to the named `controls` (see `adjoint.controls`).

    `memory` [bytes, default 1e9] or `snapshots` bound what is kept in memory; `disk` more snapshots may lie in a
    temporary file in `folder`; the result is the same to the bit. `workspace` is memory to be used again: give the
    same one to many gradients of one model. The simulation stays as it is.
    Raises InputError for an unknown control, a budget below one snapshot, a day of the loss outside the run, a
    loss without a finite value and derivative, or a term without adjoint; BlowUpError for a run that does not
    stay finite.
    """
    started = clock.perf_counter()
    require(simulation.model.terms, ("weights", "add_ad"), "without its adjoint the gradient would be wrong")
    records = loss.records_by_step(simulation)
    if workspace is None:
        if simulation.device == "cuda":
            check_memory(gradient_bytes(simulation.model), f"a gradient of {simulation.model.name}")
        workspace = Workspace(simulation.model, simulation.device)
    sweep = Sweep(loss, simulation, Controls(simulation.model, controls), records, workspace)
    steps, limits = simulation.steps, {"memory": memory, "snapshots": snapshots, "disk": disk, "folder": folder}
    budget = Budget.of(sweep.state, steps, bytes_of(sweep.adjoint.forward), **limits)
    sweep.add_loss()
    forward_steps, quiet = budget.forward_steps(steps), None if simulation.progress else True
    total = forward_steps + steps
    try:
        with tqdm(total=total, unit="step", disable=quiet, file=sys.stderr, leave=False, dynamic_ncols=True) as bar:
            sweep.bar = bar
            bar.set_postfix_str(f"{forward_steps / steps:.2f} steps forward for each of the run", refresh=False)
            run_and_reverse(sweep, steps, budget)
        gradients = sweep.collector.collect(sweep.state_ad)
        workspace.spare.append(sweep.state_ad)
        for name, g in gradients.items():
            if not np.isfinite(g).all():
                hint = "`ogcm check-gradients` tells where that comes from"
                raise InputError(f"{name}: its gradient is not finite; {hint}")
    except (BlowUpError, InputError):
        workspace.renew()
        raise
    return GradientOfRun(sweep.value, gradients, steps, forward_steps, budget, clock.perf_counter() - started)


def evaluate(loss: Loss, simulation: Simulation) -> float:
    """The loss of a run alone. The simulation stays as it is. A run that blows up has the loss NaN or infinity."""
    return float(loss_of_run(loss, simulation, working_copy(simulation.model).to(simulation.device)))


def gradient_bytes(model: Model) -> int:
    """Memory of a gradient on a GPU, its snapshots apart."""

    def everything(small: Model) -> list:
        backwards = AdjointStepper(small)
        adjoint = [value for name, value in vars(backwards).items() if name not in ("model", "forward")]
        return [Stepper(small), backwards.forward, adjoint, list(Gradient.zeros(small))]

    return (
        model_bytes(model) + work_bytes(model, everything) + kernel_bytes(model, "gradient") + 4 * bytes_of(model.state)
    )


class Workspace:
    """The memory of the gradients of one model; memory that is new costs a short window as much as its steps."""

    def __init__(self, model: Model, device: str = "cpu") -> None:
        """On a GPU it has a mirror of the model, which takes the values of the model at the beginning of each run."""
        self.grid, self.forcing, self.terms = model.grid, model.forcing, dict(model.terms)
        self.model = working_copy(model).to(device)
        self.renew()

    def renew(self) -> None:
        """Take new memory, where the old one may hold what is not finite."""
        self.plain = self.adjoint = self.free = self.gradient = self.spare = None  # so that the old is free before
        self.plain, self.adjoint = Stepper(self.model), AdjointStepper(self.model)
        self.free = [self.adjoint.forward]  # steppers that keep everything
        self.gradient = Gradient.zeros(self.model)  # what the steps pass on
        self.spare: list[State] = []  # adjoint states

    def begin(self, model: Model) -> Model:
        """Take the state, the forcing and the parameters of `model`. Raises InputError for one of another grid."""
        if model.grid is not self.grid or model.numerics != self.model.numerics:
            raise InputError("workspace: was made for a model of another grid or other numerics; make one for this")
        if self.model.device == "cpu":
            self.model.parameters, self.model.forcing, self.model.terms = model.parameters, model.forcing, model.terms
            self.gradient = Gradient.zeros(self.model)
        else:
            self.mirror(model)
        model.state.prepare(model.grid)
        self.model.state.assign(model.state)
        return self.model

    def mirror(self, model: Model) -> None:
        """Parameters, forcing and weights to the GPU, in place where they can be: graphs know where they are."""
        here = self.model
        known = len(model.terms) == len(self.terms) and all(self.terms.get(n) is t for n, t in model.terms.items())
        if model.forcing is not self.forcing or not known:
            self.forcing, self.terms = model.forcing, dict(model.terms)
            here.forcing = model.forcing.to(here.device)
            here.terms = {name: on_device(term, here.device, model, here) for name, term in model.terms.items()}
            self.renew()
        pairs = [(here.parameters[name], a) for name, a in model.parameters.items()]
        pairs += [(here.forcing.steady[name], a) for name, a in model.forcing.steady.items()]
        pairs += [(here.forcing.series[name].values, s.values) for name, s in model.forcing.series.items()]
        for name, series in model.forcing.series.items():
            here.forcing.series[name] = replace(series, values=here.forcing.series[name].values)
        for target, source in pairs:
            copy_values(target, source)
        for name, term in model.terms.items():
            if here.terms[name] is not term:
                here.terms[name].assign(term)


class Sweep:
    """A run there and back: the state, its adjoint, the value of the loss, the gradient so far."""

    def __init__(
        self,
        loss: Loss,
        simulation: Simulation,
        controls: Controls,
        records: dict[int, list],
        workspace: Workspace,
    ) -> None:
        self.loss, self.simulation, self.records = loss, simulation, records
        self.model = workspace.begin(simulation.model)
        self.state, self.first, self.reached = self.model.state, self.model.state.step, 0
        self.plain, self.adjoint, self.free = workspace.plain, workspace.adjoint, workspace.free
        self.kept: dict[int, tuple[State, Stepper]] = {}  # step: the state before it, and all that it computed
        self.last = self.state  # the state after the last step kept
        self.spare = workspace.spare
        self.collector = Collector(controls, self.model, workspace.gradient)
        self.value, self.state_ad = 0.0, self.blank()
        self.bar: tqdm | None = None

    def blank(self) -> State:
        """An adjoint state of zeros, in memory that was used before where there is some."""
        if not self.spare:
            return State.zeros(self.model.grid, self.state.u.dtype)
        state = self.spare.pop()
        state.previous = None
        clear(*state.arrays().values())
        return state

    def forward(self, n: int) -> None:
        """Step n, counted from 0."""
        self.plain.step()
        self.last = self.state
        self.finish_step(n)

    def keep(self, n: int) -> None:
        """Step n with all that it computes kept."""
        before = self.last if n - 1 in self.kept else self.state
        stepper = self.free.pop() if self.free else Stepper(self.model, kept=True)
        self.kept[n], self.last = (before, stepper), stepper.advance(before)
        self.finish_step(n)

    def finish_step(self, n: int) -> None:
        """Behind step n: the first time, the loss looks at its end."""
        self.bar.update()
        if n == self.reached:
            self.reached += 1
            if self.reached % CHECK == 0 or self.reached == self.simulation.steps:
                self.check_state()
            self.add_loss()

    def add_loss(self) -> None:
        """Add what the loss sees of the last state; raise InputError where it has no finite value or derivative."""
        records = self.records.get(self.reached, ())
        state = self.last.to("cpu") if records else self.last
        for record in records:
            value, slope = self.loss.value(state, record), State.zeros(self.simulation.model.grid, state.u.dtype)
            self.loss.adjoint(state, record, 1.0, slope)
            if not (np.isfinite(value) and all(np.isfinite(interior(a)).all() for a in slope.arrays().values())):
                name, day = type(self.loss).__name__, self.reached * self.model.numerics.dt / DAY
                raise InputError(
                    f"{name}: its value or derivative on day {day:g} is not finite ({value}); choose a loss "
                    "that is differentiable there, or another day"
                )
            self.value += float(value)

    def check_state(self) -> None:
        """Raise BlowUpError for a run that has left the finite."""
        if (bad := first_invalid(self.last, self.model)) is not None:
            name, index, value = bad
            day = self.last.time / DAY
            raise BlowUpError(
                f"{name} is {value:g} at {tuple(map(int, index))} on day {day:.4g}: no gradient beyond; "
                f"try dt = {self.model.numerics.dt / 2:g} s, or a shorter run"
            )

    def begin_adjoint(self) -> None:
        """At the end of the run: the loss begins the adjoint."""
        self.add_loss_adjoint(self.last, self.state_ad)

    def add_loss_adjoint(self, state: State, state_ad: State) -> None:
        """What the loss sees of a state, to its adjoint."""
        records = self.records.get(state.step - self.first, ())
        if not records:
            return
        here, here_ad = state.to("cpu"), state_ad.to("cpu")  # a loss reads and writes on the host
        for record in records:
            self.loss.adjoint(here, record, 1.0, here_ad)
        if here_ad is not state_ad:
            state_ad.assign(here_ad)

    def reverse(self, n: int) -> None:
        """From the adjoint of the state after step n, which was kept, to that of the state before it."""
        before, stepper = self.kept.pop(n)
        # A two-level step has passed on to the state before its own already (see AdjointStepper.reverse).
        before_ad = self.state_ad.previous or self.blank()
        before_ad.previous = self.blank() if before.previous is not None else None
        self.adjoint.reverse(stepper, before, self.state_ad, self.collector.gradient._replace(state=before_ad))
        self.free.append(stepper)
        self.collector.add(before.time + 0.5 * self.model.numerics.dt)
        self.state_ad.previous = None
        self.spare.append(self.state_ad)
        self.state_ad = before_ad
        self.add_loss_adjoint(before, before_ad)
        self.bar.update()
