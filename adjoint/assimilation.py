"""Parameter estimation and 4D-Var: the controls with which a run fits observations.

    J(x) = loss(x) + 1/2 sum over controls |z|^2,       x = x_b + sigma C^(1/2) z   or   x_b exp(sigma C^(1/2) z)

    misfit = adjoint.Observations(model, "T", x=x, y=y, z=z, days=days, values=values, errors=0.1)
    estimates = [Estimate("T", 1.0, length=5e4), Estimate("nu_h", 0.5, logarithm=True)]
    found = adjoint.assimilate(misfit, simulation, estimates, history="nu_h.h5")
    found["nu_h"], found.apply_to(model)

`adjoint.estimates` defines x(z); the first guess x_b is the value of the model. The minimisation changes z and starts
from z = 0, by one of three methods:

    full          L-BFGS-B on J as it is; an iteration takes a run and its gradient (`adjoint.quasi_newton`)
    incremental   outer loops of conjugate gradients on J linearised, which also give the uncertainty of the estimate
                  and the impact of each observation (`adjoint.incremental`, `adjoint.posterior`)
    3dvar         the same for initial fields whose increments stay as they are during the window, so that only an
                  outer loop takes a run (`adjoint.fgat`)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from adjoint import incremental, quasi_newton
from adjoint.assimilation_history import History, Iteration
from adjoint.controls import Controls
from adjoint.cost import Cost, LinearisedCost
from adjoint.estimates import Estimate
from adjoint.evaluations import Minimum
from adjoint.fgat import FgatCost
from adjoint.loss import Loss
from adjoint.misfits import Misfit, misfits_of
from adjoint.posterior import LinearAnalysis
from ogcm.errors import InputError, suggestion
from ogcm.model import Model
from ogcm.simulation import Simulation

Array = np.ndarray
METHODS = {"full": 50, "incremental": 15, "3dvar": 50}  # and their iterations by default
COSTS = {"full": Cost, "incremental": LinearisedCost, "3dvar": FgatCost}


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
    misfits : list of Misfit
        The residuals of the observations before and after, one for each `Observations` in the loss.
    analysis : LinearAnalysis or None
        The uncertainty of the estimate and the impact of observations, of the last inner loop; None for the full
        method.
    """

    values: dict[str, Array]
    first_guess: dict[str, Array]
    iterations: list[Iteration]
    runs: int
    blown_up: int
    message: str
    controls: Controls
    misfits: list[Misfit] = field(default_factory=list)
    analysis: LinearAnalysis | None = None

    def __getitem__(self, name: str) -> Array:
        return self.values[name]

    @property
    def chi_squared(self) -> float:
        """Twice the lowest cost over the number of observations, about 1 if all errors are as stated; nan for none."""
        count = sum(len(m.before) for m in self.misfits)
        return 2 * self.iterations[-1].cost / count if count else np.nan

    def apply_to(self, model: Model) -> None:
        """Give a model the estimate.

        Parameters
        ----------
        model : Model
            Receives parameters and forcing, and the initial state where that was estimated.
        """
        self.controls.set_values(self.values, model)


def assimilate(
    loss: Loss,
    simulation: Simulation,
    estimates: Sequence[Estimate],
    *,
    method: str = "full",
    outer: int = 2,
    iterations: int | None = None,
    balance: bool = False,
    tolerance: float = 1e-9,
    history: str | Path | None = None,
    **budget: Any,
) -> Assimilated:
    """Minimise the cost J over some controls, from the values of the model.

    The model and the simulation stay as they are.

    Parameters
    ----------
    loss : Loss
        The misfit to the observations: for the full method any loss, for the others `adjoint.Observations` or a sum of
        several.
    simulation : Simulation
        The run that is fitted.
    estimates : sequence of Estimate
        The controls to be estimated.
    method : {"full", "incremental", "3dvar"}, default "full"
        The method of minimisation.
    outer : int, default 2
        Largest number of outer loops of the methods that have some.
    iterations : int, optional
        Largest number of iterations, of each outer loop where there are some; 50 by default, 15 for the incremental
        method.
    balance : bool, default False
        Whether errors of temperature imply errors of salinity, sea level and velocity (`adjoint.background.balance`);
        the errors of these are then those of what temperature does not explain.
    tolerance : float, default 1e-9
        The minimisation, or an inner loop, ends when an iteration lowers J by less than tolerance max(J, 1).
    history : str or Path, optional
        HDF5 file of all evaluations. The same call continues an interrupted minimisation, also with more iterations of
        the full method, or more outer loops of the others.
    **budget
        memory, snapshots, disk, folder as for `adjoint.gradient`; diffusions, a dict of those of correlations that were
        made before for the same grid, which receives new ones.

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
    iterations = METHODS.get(method, 1) if iterations is None else iterations
    check_choices(method, {"iterations": iterations, "outer": outer}, tolerance)
    cost = COSTS[method](loss, simulation, estimates, balance=balance, **budget)
    loops = "" if method == "full" else f", {iterations} iterations, tolerance {tolerance:g}"
    identity = cost.identity() | {"method": f"{method}{loops}"}
    first_guess = {name: a.astype(float) for name, a in cost.controls.values().items()}
    minimum: Minimum | None = None  # in the first process

    def work() -> tuple:
        nonlocal minimum
        saved = History(history, identity)
        if isinstance(cost, LinearisedCost):
            minimum = incremental.minimise(cost, saved, outer, iterations, tolerance)
        else:
            minimum = quasi_newton.minimise(cost, saved, iterations, tolerance)
        search = minimum.search
        residuals = search.residuals(cost.start()), search.residuals(minimum.z)
        return residuals, (search.iterations, search.runs, search.blown_up, minimum.message)

    residuals, (made, runs, blown_up, message) = cost.lead(work)
    values, misfits = cost.values(minimum and minimum.z), misfits_of(loss, *residuals)
    analysis = LinearAnalysis(cost, minimum) if isinstance(cost, LinearisedCost) else None
    return Assimilated(values, first_guess, made, runs, blown_up, message, cost.controls, misfits, analysis)


def check_choices(method: str, numbers: Mapping[str, int], tolerance: float) -> None:
    """Raise InputError for an unknown method, numbers below 1, or a negative tolerance."""
    if method not in METHODS:
        raise InputError(f"method: unknown {method!r}: {suggestion(str(method), METHODS)}")
    for name, number in numbers.items():
        if not number >= 1:
            raise InputError(f"{name}: at least one, got {number}")
    if not tolerance >= 0:
        raise InputError(f"tolerance: must not be negative, got {tolerance}")
