"""Parameter estimation and 4D-Var: the controls with which a run fits observations.

    J(x) = loss(x) + 1/2 sum over controls |z|^2,       x = x_b + sigma C^(1/2) z   or   x_b exp(sigma C^(1/2) z)

    misfit = adjoint.Observations(model, "T", x=x, y=y, z=z, days=days, values=values, errors=0.1)
    estimates = [Estimate("T", 1.0, length=5e4), Estimate("nu_h", 0.5, logarithm=True)]
    found = adjoint.assimilate(misfit, simulation, estimates, history="nu_h.h5")
    found["nu_h"], found.apply_to(model)

`adjoint.estimates` defines x(z); the first guess x_b is the value of the model. The minimisation by L-BFGS-B (Byrd et
al. 1995, doi 10.1137/0916069, of scipy) changes z and starts from z = 0; the gradient is that of `adjoint.gradient`.

If the run of a trial blows up, the trial gets the cost and slope of the parabola through the last accepted point that
has its minimum at a quarter of the way, so that the line search continues there.

For an ocean that is divided into tiles, z is the vector of the whole ocean. The first process holds it, minimises and
writes the history; the others take part in the runs (`Cost.lead`).
"""

import contextlib
import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from scipy import optimize
from tqdm import tqdm

from adjoint.assimilation_history import REMEDY, Evaluation, History
from adjoint.complex_step import full_copy
from adjoint.controls import Controls
from adjoint.estimates import Estimate, ScaledControl, scaled_controls
from adjoint.loss import Loss
from adjoint.run import GradientOfRun, Workspace, gradient
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.provenance import digest
from ogcm.restart import geometry
from ogcm.simulation import Simulation

Array = np.ndarray
Result = TypeVar("Result")


class Cost:
    """The cost J and its gradient as functions of one vector z: all controls one after another, land included.

    Parameters
    ----------
    loss : Loss
        The misfit to the observations.
    simulation : Simulation
        The run; a copy of it is used.
    estimates : sequence of Estimate
        The controls.
    **budget
        memory, snapshots, disk, folder as for `adjoint.gradient`.

    Raises
    ------
    InputError
        For estimates that cannot be used, or a loss that does not fit the run.
    """

    def __init__(self, loss: Loss, simulation: Simulation, estimates: Sequence[Estimate], **budget: Any) -> None:
        names = [estimate.name for estimate in estimates]
        if len(set(names)) < len(names):
            raise InputError(f"estimates: each control once, got {', '.join(names)}")
        self.loss, self.simulation, self.budget = loss, copy.copy(simulation), budget
        self.simulation.model = full_copy(simulation.model, simulation.model.state.u.dtype)
        self.workspace = Workspace(self.simulation.model, simulation.device)
        self.controls, self.tile = Controls(self.simulation.model, names), simulation.model.grid.tile
        loss.records_by_step(simulation)
        self.scaled = scaled_controls(estimates, self.controls)
        # The elements of z that count in the background term.
        counts = [np.full(s.wet.size, s.estimate.background, bool) for s in self.scaled.values()]
        self.counts = np.concatenate([np.zeros(0, bool), *counts])

    def parts(self, z: Array) -> Iterator[tuple[str, ScaledControl, Array]]:
        """Yield name, control and its part of z in its shape."""
        start = 0
        for name, s in self.scaled.items():
            yield name, s, z[start : start + s.wet.size].reshape(s.wet.shape)
            start += s.wet.size

    def start(self) -> Array:
        """Return z of the first guess."""
        return np.zeros(self.counts.size)

    def bounds(self) -> Array:
        """Return the bounds of z (2, n)."""
        return np.concatenate([s.bounds().reshape(2, -1) for s in self.scaled.values()], axis=1)

    def values(self, z: Array | None) -> dict[str, Array]:
        """Return the controls of z by name, in their shapes and units; z is None in all processes but the first."""
        whole = {} if z is None else {name: s.values(part) for name, s, part in self.parts(z)}
        return {name: self.tile.scatter(whole.get(name)) for name in self.controls.controls}

    def __call__(self, z: Array) -> Evaluation:
        """Run forward and backward, in the work of `lead`. Raises BlowUpError where the run does not stay finite."""
        self.tile.tell("run")
        run, slopes = self.run(z)
        known = np.where(self.counts, z, 0)
        slope = np.concatenate([s.transpose(part, slopes[name]).ravel() for name, s, part in self.parts(z)])
        background = 0.5 * float(known @ known)
        return Evaluation(z.copy(), run.value + background, run.value, background, slope + known)

    def run(self, z: Array | None) -> tuple[GradientOfRun, dict[str, Any]]:
        """Run forward and backward; return the gradient, and that with respect to the controls of the whole ocean."""
        self.controls.set_values(self.values(z))
        run = gradient(self.loss, self.simulation, self.controls.controls, workspace=self.workspace, **self.budget)
        return run, {name: self.tile.gather(a) for name, a in run.gradients.items()}

    def lead(self, work: Callable[[], Result]) -> Result:
        """Do some work that calls this cost, in the first process; the others take part in the runs.

        Returns the result of the work in all processes, and raises its exception in all of them.
        """
        end: Any = None
        if self.tile.is_first:
            try:
                end = work(), None
            except BaseException as error:  # Ctrl-C as well
                end = None, error
            self.tile.tell(end)
        else:
            while (end := self.tile.tell()) == "run":
                with contextlib.suppress(BlowUpError, InputError):  # which the first process meets as well
                    self.run(None)
        result, failure = end
        if failure is not None:
            raise failure
        return result

    def identity(self) -> dict[str, str]:
        """Return what distinguishes this problem from others, except the values of the loss."""
        model, horizontal = self.simulation.model, self.simulation.model.horizontal.undivided
        texts = {"controls": ", ".join(self.controls.controls)}
        texts["steps"] = f"{self.simulation.steps} of {model.numerics.dt:g} s"
        texts |= {"numerics": digest(repr(model.options())), "loss": type(self.loss).__name__}
        maps = [a for a in geometry(model).values() if a.ndim == 2]
        maps += [interior(a) for a in (*model.state, *model.parameters.values()) if a.ndim > 1]
        rest = horizontal.x_t, horizontal.y_t, np.array(self.tile.periodic), model.dz, model.parameters["eos"]
        texts["model"] = digest(self.tile.digest(maps), *rest)
        for name, s in self.scaled.items():
            e = s.estimate
            texts[name] = digest(s.first_guess, s.error, s.lower, s.upper, repr((e.background, e.logarithm, e.lengths)))
        return texts


class Iteration(NamedTuple):
    """The minimisation after an iteration; the first entry is the first guess.

    Attributes
    ----------
    cost : float
        The cost J.
    observations, background : float
        Its two terms.
    gradient : float
        Norm of the gradient with respect to z, without components that push against a bound.
    evaluations : int
        Number of evaluations so far.
    """

    cost: float
    observations: float
    background: float
    gradient: float
    evaluations: int


@dataclass
class Assimilated:
    """The result of an assimilation.

    Attributes
    ----------
    values, first_guess : dict of str to ndarray
        Estimate and first guess by control, in their shapes and units (those of the tile for an ocean that is divided);
        `found[name]` is `found.values[name]`.
    iterations : list of Iteration
        The cost after each iteration.
    runs : int
        Number of runs forward and backward, without those that a history replaced.
    blown_up : int
        Number of trials whose run did not stay finite.
    message : str
        Why the minimisation ended.
    controls : Controls
        The controls.
    """

    values: dict[str, Array]
    first_guess: dict[str, Array]
    iterations: list[Iteration]
    runs: int
    blown_up: int
    message: str
    controls: Controls

    def __getitem__(self, name: str) -> Array:
        return self.values[name]

    def apply_to(self, model: Model) -> None:
        """Give a model the estimate.

        Parameters
        ----------
        model : Model
            Receives parameters and forcing, and the initial state where that was estimated.
        """
        self.controls.set_values(self.values, model)


class Search:
    """The function that the minimiser calls: its values come from the history, or from a run."""

    def __init__(self, cost: Cost, history: History) -> None:
        self.cost, self.history = cost, history
        self.saved, self.calls, self.runs = len(history.evaluations), 0, 0
        self.low, self.high = cost.bounds()
        self.accepted: Evaluation | None = None
        self.iterations: list[Iteration] = []

    def __call__(self, z: Array) -> tuple[float, Array]:
        """Return J and its gradient at z."""
        n, self.calls = self.calls, self.calls + 1
        if n == 0 and self.saved:
            self.history.check(self.run(z))
        if n >= self.saved:
            self.history.add(self.run(z))
        now = self.history.evaluations[n]
        if not np.array_equal(now.z, z):
            raise FileError(
                f"{self.history.path}: evaluation {n} has other controls (from another version of scipy?); {REMEDY}"
            )
        if n == 0:
            self.accept()
        return now.cost, now.gradient.copy()

    def run(self, z: Array) -> Evaluation:
        """Return an evaluation; for a run that blows up, the parabola of the module's docstring."""
        self.runs += 1
        try:
            return self.cost(z)
        except (BlowUpError, InputError):  # InputError: the loss or its gradient overflowed
            if self.accepted is None:
                raise
            last, way = self.accepted, z - self.accepted.z
            fall = abs(float(last.gradient @ way))
            return Evaluation(z.copy(), last.cost + fall, np.nan, np.nan, 3 * fall * way / (way @ way))

    def accept(self, *_: object) -> None:
        """Accept the last evaluation as the end of an iteration."""
        self.accepted = now = self.history.evaluations[self.calls - 1]
        downhill = np.clip(now.z - now.gradient, self.low, self.high) - now.z
        terms = now.cost, now.observations, now.background
        self.iterations.append(Iteration(*terms, float(np.linalg.norm(downhill)), self.calls))


def assimilate(
    loss: Loss,
    simulation: Simulation,
    estimates: Sequence[Estimate],
    *,
    iterations: int = 50,
    tolerance: float = 1e-9,
    history: str | Path | None = None,
    **budget: Any,
) -> Assimilated:
    """Minimise the cost J over some controls, from the values of the model.

    The model and the simulation stay as they are.

    Parameters
    ----------
    loss : Loss
        The misfit to the observations (`adjoint.Observations`, or any other loss).
    simulation : Simulation
        The run that is fitted.
    estimates : sequence of Estimate
        The controls to be estimated.
    iterations : int, default 50
        Largest number of iterations.
    tolerance : float, default 1e-9
        The minimisation ends when an iteration lowers J by less than tolerance max(J, 1).
    history : str or Path, optional
        HDF5 file of all evaluations. The same call continues an interrupted minimisation, also with more iterations.
    **budget
        memory, snapshots, disk, folder as for `adjoint.gradient`.

    Returns
    -------
    Assimilated
        The estimate and how it was found.

    Raises
    ------
    InputError, FileError
        Before the first run for arguments that cannot be used and a history of another problem (a history with another
        loss is found after one run).
    BlowUpError
        Where the run of the first guess blows up.
    """
    if not iterations >= 1:
        raise InputError(f"iterations: at least one, got {iterations}")
    if not tolerance >= 0:
        raise InputError(f"tolerance: must not be negative, got {tolerance}")
    cost = Cost(loss, simulation, estimates, **budget)
    identity = cost.identity()
    first_guess = {name: a.astype(float) for name, a in cost.controls.values().items()}
    z: Any = None  # of the estimate, in the first process

    def work() -> tuple:
        nonlocal z
        search = Search(cost, History(history, identity))
        z, message = minimise(search, simulation, iterations, tolerance)
        blown_up = sum(np.isnan(e.observations) for e in search.history.evaluations[: search.calls])
        return search.iterations, search.runs, blown_up, message

    lines, runs, blown_up, message = cost.lead(work)
    return Assimilated(cost.values(z), first_guess, lines, runs, blown_up, message, cost.controls)


def minimise(search: Search, simulation: Simulation, iterations: int, tolerance: float) -> tuple[Array, str]:
    """Minimise the cost of a search, with a progress bar; return z at the end, and why it ended there."""
    quiet = None if simulation.progress else True
    with (
        interrupts_explained(search, simulation),
        tqdm(total=iterations, unit="iteration", disable=quiet, file=sys.stderr, dynamic_ncols=True) as bar,
    ):

        def after_iteration(z: Array) -> None:
            search.accept()
            now = search.iterations[-1]
            bar.set_postfix_str(f"J {now.cost:.6g}, |g| {now.gradient:.3g}, {search.runs} runs", refresh=False)
            bar.update()

        end = optimize.minimize(
            search,
            search.cost.start(),
            jac=True,
            method="L-BFGS-B",
            bounds=optimize.Bounds(search.low, search.high),
            callback=after_iteration,
            options={"maxiter": iterations, "maxfun": 20 * iterations + 20, "ftol": tolerance, "gtol": 0.0},
        )
    return end.x, str(end.message)


@contextlib.contextmanager
def interrupts_explained(search: Search, simulation: Simulation) -> Iterator[None]:
    """Print how to continue when Ctrl-C is pressed."""
    try:
        yield
    except KeyboardInterrupt:
        path, done = search.history.path, len(search.history.evaluations)
        saved = f"the same call with history={str(path)!r} continues"
        if simulation.progress:
            how = saved if path and done else "there is no history to continue from"
            print(f"stopped after {done} evaluations; {how}", file=sys.stderr)
        raise
