"""Incremental 4D-Var: outer loops, each of which minimises the cost J linearised around the present controls.

    J(z + w) ~ J(z) + g^T w + 1/2 w^T (I + A) w,      (I + A) w = -g

(Courtier et al. 1994, doi 10.1002/qj.49712051912.) The inner loop solves this with conjugate gradients in Lanczos form
(`adjoint.lanczos`), each iteration of which takes a product with A (`adjoint.cost`): a tangent run and a run backwards.
Then the model runs with z + w, and the next outer loop is linearised around that run.

Logarithms and clipped maps are linearised as x(z) is at the present z. An element of z that lies on a bound and would
leave it downhill is held there during the inner loop; after it, z + w is clipped at the bounds. If the run with z + w
blows up or does not lower the cost, as may be where the model is far from linear, the increment is halved.
"""

import sys
from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from adjoint.assimilation_history import REMEDY, Evaluation, History, Iteration
from adjoint.cost import LinearisedCost
from adjoint.evaluations import Evaluations, Minimum, watched
from adjoint.lanczos import Lanczos
from ogcm.errors import FileError

Array = np.ndarray
SMALLEST = 1 / 32  # part of an increment that is tried


class OuterLoops(Evaluations):
    """The outer loops of a minimisation, and the evaluations between them.

    Parameters
    ----------
    cost : LinearisedCost
        The cost.
    history : History
        The history of the minimisation.

    Attributes
    ----------
    present : Evaluation
        The lowest evaluation so far, around which the cost is linearised.
    products : int
        Number of products so far, the saved ones included.
    notes : list of str
        What was unusual.
    """

    cost: LinearisedCost
    present: Evaluation

    def __init__(self, cost: LinearisedCost, history: History) -> None:
        super().__init__(cost, history)
        self.products, self.notes = 0, list[str]()
        self.accept(self.at(cost.start()))

    def accept(self, new: Evaluation) -> None:
        """Accept an evaluation as the present one."""
        self.present = new
        self.end_iteration(new, self.calls + self.products)

    def inner_loop(self, n: int, iterations: int, tolerance: float, after_iteration: Callable[[], None]) -> Lanczos:
        """Make inner loop n, from 1, at the present controls; continue it where a part of it was saved.

        Raises
        ------
        FileError
            For a history of another problem.
        """
        now, loops = self.present, self.history.loops
        held = ((now.z <= self.low) & (now.gradient > 0)) | ((now.z >= self.high) & (now.gradient < 0))
        self.cost.together("linearise", now.z)
        if len(loops) < n:
            loops.append(Lanczos(np.where(held, 0, -now.gradient)))
        loop, k, lowers = loops[n - 1], 0, True
        if not np.array_equal(loop.b, np.where(held, 0, -now.gradient)):
            raise FileError(f"{self.history.path}: inner loop {n} begins with another gradient; {REMEDY}")
        while lowers and k < iterations and not (loop.exhausted and k == loop.size):
            if k == loop.size:
                product = self.cost.product(loop.vectors[-1])
                loop.extend(np.where(held, 0, product))
                self.runs += 1
                self.history.write()
            k, self.products = k + 1, self.products + 1
            self.add_iteration(n, loop, k)
            after_iteration()
            lowers = loop.decrease(k) - loop.decrease(k - 1) >= tolerance * max(now.cost, 1.0)
        return loop

    def add_iteration(self, n: int, loop: Lanczos, k: int) -> None:
        """Append the linearised cost after k iterations of inner loop n."""
        cost, z = self.present.cost - loop.decrease(k), self.present.z + loop.solution(k)
        background = 0.5 * float(np.sum(np.where(self.cost.counts, z, 0) ** 2))
        runs = self.calls + self.products
        self.iterations.append(Iteration(cost, cost - background, background, loop.residual(k), runs, n))

    def step(self, n: int, increment: Array) -> bool:
        """Take the increment of outer loop n, or the largest part of it that lowers the cost; False if none does."""
        part = 1.0
        while part >= SMALLEST:
            new = self.at(np.clip(self.present.z + part * increment, self.low, self.high))
            if new.cost < self.present.cost:
                self.accept(new)
                return True
            why = "blew up" if np.isnan(new.observations) else f"raised the cost to {new.cost:.6g}"
            self.notes.append(f"outer loop {n}: {part:g} of the increment {why}")
            if self.cost.simulation.progress:
                tqdm.write(f"{self.notes[-1]}, which is halved", file=sys.stderr)
            part /= 2
        return False


def minimise(cost: LinearisedCost, history: History, outer: int, iterations: int, tolerance: float) -> Minimum:
    """Minimise a cost by incremental 4D-Var, with a progress bar.

    Parameters
    ----------
    cost : LinearisedCost
        The cost.
    history : History
        The history, from which the minimisation continues.
    outer : int
        Largest number of outer loops.
    iterations : int
        Largest number of iterations of each inner loop.
    tolerance : float
        An inner loop ends when an iteration lowers J by less than tolerance max(J, 1), and the outer loops when an
        inner loop does not lower it by more.

    Returns
    -------
    Minimum
        The minimum.
    """
    loops, end = OuterLoops(cost, history), f"{outer} outer loops of at most {iterations} iterations"
    with watched(loops, cost.simulation, outer * iterations) as after_iteration:
        for n in range(1, outer + 1):
            z, least = loops.present.z, tolerance * max(loops.present.cost, 1.0)
            loop = loops.inner_loop(n, iterations, tolerance, after_iteration)
            if loop.decrease() <= least:
                end = f"converged: outer loop {n} lowers the cost by less than the tolerance"
                break
            if not loops.step(n, loop.solution()):
                end = f"stopped: outer loop {n} finds no lower cost"
                break
    return Minimum(loops.present.z, "; ".join([*loops.notes, end]), loops, z, loop)
