"""The impact of each observation on a scalar of a forecast: the adjoint of the assimilation.

    dg/dd = R^-1 H U (I + A)^-1 U^T dg/dx

is the derivative of a scalar g of a run that starts from the estimate with respect to the observed values d (Langland
and Baker 2004, doi 10.1111/j.1600-0870.2004.00056.x; Moore et al. 2011, doi 10.1016/j.pocean.2011.05.005). The
gradient dg/dx is that of a run backwards; (I + A)^-1 follows from the k Lanczos vectors Q and the tridiagonal matrix T
of the last inner loop, and H U is one tangent run more:

    (I + A)^-1 ~ Q (I + T)^-1 Q^T

With these vectors, the increments of the inner loop are w = Q (I + T)^-1 Q^T U^T H^T R^-1 d_b of the innovations d_b =
d - H x_b, so that the impacts, derivatives times innovations, add up to the change of g that the first inner loop makes
where g is linear. If the loop has converged, the derivatives are those of the assimilation as a whole.
"""

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from adjoint.complex_step import full_copy
from adjoint.loss import Loss
from adjoint.run import gradient
from ogcm.errors import InputError
from ogcm.simulation import Simulation

if TYPE_CHECKING:
    from adjoint.assimilation import Assimilated

Array = np.ndarray


class Impact(NamedTuple):
    """The dependence of a scalar on the observations.

    Attributes
    ----------
    value : float
        The scalar g.
    sensitivities : list of ndarray
        dg/dd for each `Observations` of the loss, in the order of its `values` [units of g per unit of the field].
    impacts : list of ndarray
        dg/dd times the innovation, the part of each observation in the change of g [units of g].
    """

    value: float
    sensitivities: list[Array]
    impacts: list[Array]


def impact(found: "Assimilated", loss: Loss, simulation: Simulation) -> Impact:
    """Compute how a scalar of a run from the estimate depends on each observation.

    Parameters
    ----------
    found : Assimilated
        The result of an assimilation by the incremental method or 3dvar.
    loss : Loss
        The scalar (see `adjoint.losses`), such as a transport on the last day of a forecast.
    simulation : Simulation
        The run, with the model of the assimilation before it: it begins when the window begins, and may be longer. It
        stays as it is.

    Returns
    -------
    Impact
        The sensitivities and impacts.

    Raises
    ------
    InputError
        For a result of the full method, which keeps no Lanczos vectors, or a loss that does not fit the run.
    """
    if found.analysis is None:
        raise InputError(
            "found: the full method keeps no Lanczos vectors; assimilate with method='incremental' or '3dvar'"
        )
    cost, minimum = found.analysis.cost, found.analysis.minimum
    run = copy.copy(simulation)
    run.model = full_copy(simulation.model, simulation.model.state.u.dtype)
    found.apply_to(run.model)
    gradient_of_g = gradient(loss, run, found.values, **cost.budget)
    slopes: dict[str, Any] = {name: cost.tile.gather(a) for name, a in gradient_of_g.gradients.items()}
    z = s = None
    if minimum is not None and minimum.lanczos is not None:
        z, s = minimum.linear_at, minimum.lanczos.applied_inverse(cost.transpose(minimum.z, slopes))
    cost.linearise(z)
    changes = cost.equivalents(s)
    pairs = zip(cost.terms, changes, strict=True)
    sensitivities = [factor * term.weights * change for (factor, term), change in pairs]
    impacts = [-a * misfit.before for a, misfit in zip(sensitivities, found.misfits, strict=True)]
    return Impact(gradient_of_g.value, sensitivities, impacts)
