"""The evaluations that a minimiser asks for, its progress, and where it ends."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from adjoint.assimilation_history import REMEDY, Evaluation, History, Iteration
from adjoint.cost import Cost
from adjoint.lanczos import Lanczos
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.simulation import Simulation

Array = np.ndarray


class Minimum(NamedTuple):
    """The end of a minimisation.

    Attributes
    ----------
    z : ndarray, shape (n,)
        The controls with the lowest cost.
    message : str
        Why the minimisation ended.
    search : Evaluations
        The evaluations that led to it.
    linear_at : ndarray, shape (n,), or None
        Where the cost was linearised in the last inner loop of the incremental method.
    lanczos : Lanczos or None
        This inner loop.
    """

    z: Array
    message: str
    search: "Evaluations"
    linear_at: Array | None = None
    lanczos: Lanczos | None = None


class Evaluations:
    """The evaluations that a minimiser asks for: from the history as long as it has some, then by runs.

    Parameters
    ----------
    cost : Cost
        The cost.
    history : History
        The history, to which new ones are added.

    Attributes
    ----------
    calls : int
        Number of evaluations so far, the saved ones included.
    runs : int
        Number of runs forward and backward so far.
    iterations : list of Iteration
        The iterations so far.
    low, high : ndarray, shape (n,)
        Bounds of z.
    """

    def __init__(self, cost: Cost, history: History) -> None:
        self.cost, self.history = cost, history
        self.low, self.high = cost.bounds()
        self.saved, self.calls, self.runs = len(history.evaluations), 0, 0
        self.iterations: list[Iteration] = []

    def at(self, z: Array) -> Evaluation:
        """Return the next evaluation, which is that at z.

        Raises
        ------
        FileError
            For a history of another problem.
        """
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
        return now

    def run(self, z: Array) -> Evaluation:
        """Return an evaluation; where the first guess does not blow up and this run does, what `replacement` gives."""
        self.runs += 1
        try:
            return self.cost(z)
        except (BlowUpError, InputError):  # InputError: the loss or its gradient overflowed
            if self.calls == 1:
                raise
            return self.replacement(z)

    def end_iteration(self, now: Evaluation, runs: int) -> None:
        """Append the iteration that ends with an evaluation, after a number of runs.

        The norm of its gradient is without components that push against a bound.
        """
        downhill = np.clip(now.z - now.gradient, self.low, self.high) - now.z
        terms = now.cost, now.observations, now.background
        self.iterations.append(Iteration(*terms, float(np.linalg.norm(downhill)), runs))

    def replacement(self, z: Array) -> Evaluation:
        """Return the evaluation that takes the place of a run that blew up, with nan for the terms of its cost."""
        return Evaluation(z.copy(), np.inf, np.nan, np.nan, np.zeros_like(z), self.no_residuals())

    def no_residuals(self) -> Array:
        """Return the residuals of a run that blew up, nan."""
        return np.full_like(self.history.evaluations[0].residuals, np.nan)

    def residuals(self, z: Array) -> Array:
        """Return the residuals of the evaluation at z, which was made."""
        made = self.history.evaluations[: self.calls]
        return next(e.residuals for e in reversed(made) if np.array_equal(e.z, z))

    @property
    def blown_up(self) -> int:
        """Number of runs that blew up."""
        return sum(bool(np.isnan(e.observations)) for e in self.history.evaluations[: self.calls])


@contextlib.contextmanager
def watched(search: Evaluations, simulation: Simulation, total: int) -> Iterator[Callable[[], None]]:
    """Show the progress of a minimisation, and how to continue when Ctrl-C is pressed.

    Parameters
    ----------
    search : Evaluations
        The evaluations of the minimisation.
    simulation : Simulation
        The run, which tells whether progress is shown.
    total : int
        Largest number of iterations.

    Yields
    ------
    callable
        To be called after an iteration.
    """
    quiet = None if simulation.progress else True
    try:
        with tqdm(total=total, unit="iteration", disable=quiet, file=sys.stderr, dynamic_ncols=True) as bar:

            def after_iteration() -> None:
                now = search.iterations[-1]
                terms = f"J {now.cost:.6g} = {now.observations:.6g} observed + {now.background:.4g} background"
                bar.set_postfix_str(f"{terms}, |g| {now.gradient:.3g}, {search.runs} runs", refresh=False)
                bar.update()

            yield after_iteration
    except KeyboardInterrupt:
        path, done = search.history.path, len(search.history.evaluations)
        saved = f"the same call with history={str(path)!r} continues"
        if simulation.progress:
            how = saved if path and done else "there is no history to continue from"
            print(f"stopped after {search.runs} runs; {how}", file=sys.stderr)
        raise
