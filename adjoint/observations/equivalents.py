"""What a run has in the place of observations, and the residuals, model equivalent minus observation."""

from collections.abc import Sequence

import numpy as np

from adjoint.loss import Sum
from adjoint.observations.points import Points
from adjoint.run import evaluate
from ogcm.model import Model
from ogcm.simulation import Simulation

Array = np.ndarray


def model_equivalents(points: Sequence[Points], simulation: Simulation) -> list[Array]:
    """Run forward, and observe the run as an assimilation does.

    Parameters
    ----------
    points : sequence of Points
        The data set, in the run and in the water.
    simulation : Simulation
        The run, which stays as it is.

    Returns
    -------
    list of ndarray, shape (n,)
        What the run has in the place of each observation [units of each field].

    Raises
    ------
    InputError
        For observations outside the water or the run.
    """
    losses = [p.loss(simulation.model, out_of_water="refuse") for p in points]
    if losses:
        evaluate(Sum([(1.0, loss) for loss in losses]), simulation)
    return [loss.equivalents() for loss in losses]


def residuals_of(points: Sequence[Points], equivalents: Sequence[Array], model: Model) -> list[Array]:
    """Compute model equivalent minus observation, without the offsets of groups.

    Parameters
    ----------
    points : sequence of Points
        The data set, in the water.
    equivalents : sequence of ndarray, shape (n,)
        What a run has in their place (`model_equivalents`).
    model : Model
        The model.

    Returns
    -------
    list of ndarray, shape (n,)
        The residuals [units of each field].
    """
    losses = [p.loss(model, out_of_water="refuse") for p in points]
    return [loss.without_offsets(y - loss.values) for loss, y in zip(losses, equivalents, strict=True)]


def first_guess(points: Sequence[Points], simulation: Simulation) -> list[Array]:
    """Compute the residuals of a run without assimilation, model equivalent minus observation.

    Parameters
    ----------
    points : sequence of Points
        The data set, in the run and in the water.
    simulation : Simulation
        The run, which stays as it is.

    Returns
    -------
    list of ndarray, shape (n,)
        The residuals, without the offsets of groups [units of each field].

    Raises
    ------
    InputError
        For observations outside the water or the run.
    """
    return residuals_of(points, model_equivalents(points, simulation), simulation.model)
