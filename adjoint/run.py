"""The gradient of any scalar of a run with respect to anything in it.

    simulation = ogcm.Simulation(model, days=60)
    loss = adjoint.losses.Transport(model, x=-66, y=(-70, -54))
    g = adjoint.gradient(loss, simulation, ["T", "tau_x", "nu_h"])
    g.value, g["tau_x"]

The run is computed forward by the ordinary stepper, with snapshots of its state (`adjoint.checkpoints`), and then
backwards: each step is computed again with all results kept, and then its adjoint (`adjoint.stepper`). In short runs
the results of all steps are kept at once.
"""

import functools
import sys
import time as clock
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from adjoint.checkpoints import Budget, run_and_reverse
from adjoint.clear import clear
from adjoint.complex_step import loss_of_run, working_copy
from adjoint.controls import Collector, Controls
from adjoint.loss import Loss
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
from ogcm.stream import ReadAhead
from ogcm.terms import on_device, require
from ogcm.watch import CHECK

Array = np.ndarray


@dataclass
class GradientOfRun:
    """A loss, its gradient, and what they cost.

    `g["T"]` is the gradient with respect to the control "T".

    Parameters
    ----------
    value : float
        Value of the loss.
    gradients : dict of ndarray
        Gradients by the names of the controls, in the shapes of the controls.
    steps : int
        Number of steps of the run.
    forward_steps : int
        Number of forward steps that were computed in all.
    budget : Budget
        What was kept in memory and on disk.
    seconds : float
        Elapsed time [s].
    """

    value: float
    gradients: dict[str, Array]
    steps: int
    forward_steps: int
    budget: Budget
    seconds: float

    def __getitem__(self, name: str) -> Array:
        return self.gradients[name]

    @property
    def recomputation(self) -> float:
        """Number of forward steps for each step of the run: 1 if all results were kept, 2 if all states were kept."""
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
    """Compute the gradient of a loss over a run.

    Parameters
    ----------
    loss : Loss
        The loss (see `adjoint.losses`).
    simulation : Simulation
        The run, which stays as it is.
    controls : str or iterable of str
        Names of the controls with respect to which the gradient is taken (see `adjoint.controls`).
    memory : float, optional
        Memory for what is kept of the run [bytes], 1e9 by default. The result is the same to the bit for any budget.
    snapshots : int, optional
        Number of states kept in memory, instead of `memory`.
    disk : int, optional
        Number of further states kept in temporary files.
    folder : str or Path, optional
        Folder of the temporary files; by default that of the operating system.
    workspace : Workspace, optional
        Memory to be used again, for many gradients of one model.

    Returns
    -------
    GradientOfRun
        Value and gradient of the loss.

    Raises
    ------
    InputError
        For an unknown control, a budget below one snapshot, a day of the loss outside the run, a loss without a finite
        value or derivative, or a term without adjoint.
    BlowUpError
        For a run that does not stay finite.
    """
    started = clock.perf_counter()
    require(simulation.model.terms, ("weights", "add_ad"), "without its adjoint the gradient would be wrong")
    records = loss.records_by_step(simulation)
    if workspace is None:
        if simulation.device == "cuda":
            check_memory(gradient_bytes(simulation.model), f"a gradient of {simulation.model.name}")
        workspace = Workspace(simulation.model, simulation.device)
    both = RunWithAdjoint(loss, simulation, Controls(simulation.model, controls), records, workspace)
    limits: dict[str, Any] = {"memory": memory, "snapshots": snapshots, "disk": disk, "folder": folder}
    steps = simulation.steps
    budgets = simulation.tile.every(Budget.of(both.state, steps, bytes_of(both.adjoint.forward), **limits))
    budget = min(budgets, key=lambda budget: (budget.everything, budget.ram))  # that of the largest tile serves for all
    both.add_loss()
    forward_steps = budget.forward_steps(steps)
    try:
        both.compute(steps, budget)
        both.adjoint.finish(both.collector.gradient)
        gradients = both.collector.collect(both.state_ad)
        workspace.free_states.append(both.state_ad)
        for name, g in gradients.items():
            if simulation.tile.any(not np.isfinite(g).all()):
                raise InputError(f"{name}: its gradient is not finite; find the cause with `ogcm check-gradients`")
    except (BlowUpError, InputError):
        workspace.renew()
        raise
    return GradientOfRun(both.value, gradients, steps, forward_steps, budget, clock.perf_counter() - started)


def evaluate(loss: Loss, simulation: Simulation) -> float:
    """Compute the loss of a run without its gradient.

    Parameters
    ----------
    loss : Loss
        The loss.
    simulation : Simulation
        The run, which stays as it is.

    Returns
    -------
    float
        Value of the loss, NaN or infinite for a run that blows up.
    """
    return float(loss_of_run(loss, simulation, working_copy(simulation.model).to(simulation.device)).real)


def gradient_bytes(model: Model) -> int:
    """Compute the memory that a gradient needs on a GPU, without its snapshots.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    int
        Memory [bytes].
    """

    def work_arrays(small: Model) -> list:
        backwards = AdjointStepper(small)
        adjoint = [value for name, value in vars(backwards).items() if name not in ("model", "forward")]
        return [Stepper(small), backwards.forward, adjoint, list(Gradient.zeros(small))]

    work = work_bytes(model, work_arrays) + kernel_bytes(model, "gradient")
    return model_bytes(model) + work + 4 * bytes_of(model.state)


class Workspace:
    """Memory for the gradients of one model. New memory would cost a short run as much time as its steps.

    Parameters
    ----------
    model : Model
        The model.
    device : str, optional
        "cpu" or "cuda". On a GPU the workspace has a copy of the model, which takes the values of the model at the
        beginning of each gradient.
    """

    adjoint: AdjointStepper
    free_steppers: list[Stepper]  # steppers that keep what they compute
    gradient: Gradient
    free_states: list[State]  # for adjoints

    def __init__(self, model: Model, device: str = "cpu") -> None:
        self.grid, self.forcing, self.terms = model.grid, model.forcing, dict(model.terms)
        self.model = working_copy(model).to(device)
        self.renew()

    def renew(self) -> None:
        """Allocate new memory, since the old one may hold numbers that are not finite."""
        vars(self).pop("stepper", None)  # frees the old memory first
        for name in ("adjoint", "free_steppers", "gradient", "free_states"):
            setattr(self, name, None)
        self.adjoint = AdjointStepper(self.model)
        self.free_steppers = [self.adjoint.forward]  # steppers that keep what they compute
        self.gradient = Gradient.zeros(self.model)
        self.free_states = []

    @functools.cached_property
    def stepper(self) -> Stepper:
        """The stepper of steps whose results are not kept, made when there is such a step."""
        return Stepper(self.model)

    def begin(self, model: Model) -> Model:
        """Begin a gradient: take the state, forcing, parameters and terms of a model.

        Parameters
        ----------
        model : Model
            A model with the grid and the numerics of that for which the workspace was made.

        Returns
        -------
        Model
            The model of the workspace, whose state is to be stepped.

        Raises
        ------
        InputError
            For a model with another grid or other numerics.
        """
        if model.grid is not self.grid or model.numerics != self.model.numerics:
            raise InputError("workspace: was made for another grid or other numerics; make a new one for this model")
        if self.model.device == "cpu":
            self.model.parameters, self.model.forcing, self.model.terms = model.parameters, model.forcing, model.terms
            self.gradient = Gradient.zeros(self.model)
        else:
            self.copy_to_device(model)
        model.state.prepare(model.grid)
        self.model.state.assign(model.state)
        return self.model

    def copy_to_device(self, model: Model) -> None:
        """Copy parameters, forcing and weights to the GPU, in place if possible, since graphs hold the addresses.

        Parameters
        ----------
        model : Model
            The model on the host.
        """
        here = self.model
        known = len(model.terms) == len(self.terms) and all(self.terms.get(n) is t for n, t in model.terms.items())
        if model.forcing is not self.forcing or not known:
            self.forcing, self.terms = model.forcing, dict(model.terms)
            here.forcing = model.forcing.to(here.device)
            here.terms = {name: on_device(term, here.device, model, here) for name, term in model.terms.items()}
            self.renew()
        pairs = [(here.parameters[name], a) for name, a in model.parameters.items()]
        pairs += [(here.forcing.steady[name], a) for name, a in model.forcing.steady.items()]
        for name, series in model.forcing.series.items():
            if isinstance(series.values, ReadAhead):
                here.forcing.series[name] = replace(series, values=series.values.to(here.device))
                continue
            pairs.append((here.forcing.series[name].values, series.values))
            here.forcing.series[name] = replace(series, values=here.forcing.series[name].values)
        for target, source in pairs:
            copy_values(target, source)
        for name, term in model.terms.items():
            if here.terms[name] is not term:
                here.terms[name].assign(term)


class RunWithAdjoint:
    """A run and its adjoint: the present state, its adjoint, the value of the loss and the gradient so far."""

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
        self.workspace, self.adjoint = workspace, workspace.adjoint
        self.adjoint.begin(with_eos="eos" in controls.controls)
        self.free_steppers, self.free_states = workspace.free_steppers, workspace.free_states
        self.kept: dict[int, tuple[State, Stepper]] = {}  # step: the state before it, and the stepper with its results
        self.last = self.state  # the state after the last step
        self.collector = Collector(controls, self.model, workspace.gradient)
        self.value, self.state_ad = 0.0, self.blank()
        self.bar: Any = None  # a progress bar

    def compute(self, steps: int, budget: Budget) -> None:
        """Compute the run and its adjoint within a budget, and show the progress."""
        forward_steps, quiet = budget.forward_steps(steps), None if self.simulation.progress else True
        total, place = forward_steps + steps, {"file": sys.stderr, "leave": False, "dynamic_ncols": True}
        with tqdm(total=total, unit="step", disable=quiet, **place) as self.bar:
            self.bar.set_postfix_str(f"{forward_steps / steps:.2f} forward steps for each of the run", refresh=False)
            run_and_reverse(self, steps, budget)

    def blank(self) -> State:
        """Make an adjoint state of zeros, in memory that was used before if there is some."""
        if not self.free_states:
            return self.state.like()
        state = self.free_states.pop()
        state.previous = None
        clear(*state)
        return state

    def forward(self, n: int) -> None:
        """Compute step n, counted from 0."""
        self.workspace.stepper.step()
        self.last = self.state
        self.finish_step(n)

    def keep(self, n: int) -> None:
        """Compute step n and keep all of its results."""
        before = self.last if n - 1 in self.kept else self.state
        stepper = self.free_steppers.pop() if self.free_steppers else Stepper(self.model, kept=True)
        self.kept[n], self.last = (before, stepper), stepper.advance(before)
        self.finish_step(n)

    def finish_step(self, n: int) -> None:
        """Check the end of step n and add its contribution to the loss, if the step was computed for the first time."""
        self.bar.update()
        if n == self.reached:
            self.reached += 1
            if self.reached % CHECK == 0 or self.reached == self.simulation.steps:
                self.check_state()
            self.add_loss()

    def add_loss(self) -> None:
        """Add the contribution of the last state to the loss; InputError unless value and derivative are finite."""
        records = self.records.get(self.reached, ())
        state = self.last.to("cpu") if records else self.last
        for record in records:
            value, slope = self.loss.value(state, record), state.like()
            self.loss.adjoint(state, record, 1.0, slope)
            values = self.simulation.tile.every(complex(value))
            if len(set(values)) > 1 and np.isfinite(values).all():
                raise InputError(
                    f"{type(self.loss).__name__}: its value is {values[0].real} in one process and {values[-1].real} "
                    "in another; add up over the whole ocean with `self.total`"
                )
            finite = np.isfinite(value) and all(np.isfinite(interior(a)).all() for a in slope)
            if self.simulation.tile.any(not finite):
                name, day = type(self.loss).__name__, self.reached * self.model.numerics.dt / DAY
                raise InputError(
                    f"{name}: its value or derivative on day {day:g} is not finite ({value}); choose a loss "
                    "that is differentiable there, or another day"
                )
            self.value += float(value)

    def check_state(self) -> None:
        """Raise BlowUpError for a state that is not finite."""
        if (bad := first_invalid(self.last, self.model)) is not None:
            name, index, value = bad
            day = self.last.time / DAY
            raise BlowUpError(
                f"{name} is {value:g} at {tuple(map(int, index))} on day {day:.4g}: no gradient beyond; "
                f"try dt = {self.model.numerics.dt / 2:g} s, or a shorter run"
            )

    def begin_adjoint(self) -> None:
        """Begin the adjoint at the end of the run, with the derivative of the loss."""
        self.add_loss_adjoint(self.last, self.state_ad)

    def add_loss_adjoint(self, state: State, state_ad: State) -> None:
        """Add the derivative of the loss with respect to a state to its adjoint."""
        records = self.records.get(state.step - self.first, ())
        if not records:
            return
        here, here_ad = state.to("cpu"), state_ad.to("cpu")  # a loss reads and writes on the host
        for record in records:
            self.loss.adjoint(here, record, 1.0, here_ad)
        if here_ad is not state_ad:
            state_ad.assign(here_ad)

    def reverse(self, n: int) -> None:
        """Compute the adjoint of step n, whose results were kept."""
        before, stepper = self.kept.pop(n)
        # With ab2, step n + 1 has added to the adjoint of the state before step n already (see AdjointStepper.reverse).
        before_ad = self.state_ad.previous or self.blank()
        before_ad.previous = self.blank() if before.previous is not None else None
        self.adjoint.reverse(stepper, before, self.state_ad, self.collector.gradient._replace(state=before_ad))
        self.free_steppers.append(stepper)
        self.collector.add(before.time + 0.5 * self.model.numerics.dt)
        self.state_ad.previous = None
        self.free_states.append(self.state_ad)
        self.state_ad = before_ad
        self.add_loss_adjoint(before, before_ad)
        self.bar.update()
