"""The minimisation of the cost J by L-BFGS-B (Byrd et al. 1995, doi 10.1137/0916069, of scipy), the full method.

If the run of a trial blows up, the trial gets the cost and slope of the parabola through the last accepted point that
has its minimum at a quarter of the way, so that the line search continues there.
"""

import numpy as np
from scipy import optimize

from adjoint.assimilation_history import Evaluation, History
from adjoint.cost import Cost
from adjoint.evaluations import Evaluations, Minimum, watched

Array = np.ndarray


class Search(Evaluations):
    """The function that the minimiser calls: its values come from the history, or from a run.

    Parameters
    ----------
    cost : Cost
        The cost.
    history : History
        The history of the minimisation.
    """

    accepted: Evaluation

    def __call__(self, z: Array) -> tuple[float, Array]:
        """Return J and its gradient at z."""
        now = self.at(z)
        if self.calls == 1:
            self.accept()
        return now.cost, now.gradient.copy()

    def replacement(self, z: Array) -> Evaluation:
        """Return the parabola of the module's docstring."""
        last, way = self.accepted, z - self.accepted.z
        fall = abs(float(last.gradient @ way))
        slope = 3 * fall * way / (way @ way)
        return Evaluation(z.copy(), last.cost + fall, np.nan, np.nan, slope, self.no_residuals())

    def accept(self) -> None:
        """Accept the last evaluation as the end of an iteration."""
        self.accepted = self.history.evaluations[self.calls - 1]
        self.end_iteration(self.accepted, self.calls)


def minimise(cost: Cost, history: History, iterations: int, tolerance: float) -> Minimum:
    """Minimise a cost, with a progress bar.

    Parameters
    ----------
    cost : Cost
        The cost.
    history : History
        The history, from which the minimisation continues.
    iterations : int
        Largest number of iterations.
    tolerance : float
        The minimisation ends when an iteration lowers J by less than tolerance max(J, 1).

    Returns
    -------
    Minimum
        The minimum.
    """
    search = Search(cost, history)
    with watched(search, cost.simulation, iterations) as after_iteration:

        def accept(_: Array) -> None:
            search.accept()
            after_iteration()

        end = optimize.minimize(
            search,
            cost.start(),
            jac=True,
            method="L-BFGS-B",
            bounds=optimize.Bounds(search.low, search.high),
            callback=accept,
            options={"maxiter": iterations, "maxfun": 20 * iterations + 20, "ftol": tolerance, "gtol": 0.0},
        )
    return Minimum(end.x, str(end.message), search)
