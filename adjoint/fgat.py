"""3D-Var with the first guess at the time of each observation (FGAT): the tangent model leaves increments as they are.

    J(z + w) ~ J(z) + g^T w + 1/2 w^T (I + A) w,      A = U^T H^T R^-1 H U,      y(x + dx) ~ y(x) + H dx

as in incremental 4D-Var (`adjoint.cost`), but H now interpolates the increment dx of the initial fields in space alone:
during the window the increment neither moves nor decays (Fisher and Andersson 2001, ECMWF Technical Memorandum 347).
The residuals are those of runs of the model, so that each observation is compared at its own time. A product with A
takes no run, and an outer loop one, which makes this the method for long cycles: OceanVar and NEMOVAR work like this.
It needs windows in which the errors of the first guess change little, of one to a few days, and a multivariate balance,
since without a run nothing else relates the fields to each other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.cost import LinearisedCost
from adjoint.estimates import Estimate
from adjoint.loss import Loss
from adjoint.observation_loss import Equivalents
from adjoint.run import evaluate
from ogcm.errors import BlowUpError, InputError
from ogcm.simulation import Simulation

Array = np.ndarray


class FgatCost(LinearisedCost):
    """The cost J, and the products of its linearised form with vectors, of increments that stay as they are.

    Its gradient is that of the linearised form as well.

    Parameters
    ----------
    loss : Observations, or a sum of several
        The misfit to the observations.
    simulation : Simulation
        The run; a copy of it is used.
    estimates : sequence of Estimate
        The controls, all of which are initial fields.
    **options
        As for `LinearisedCost`.

    Raises
    ------
    InputError
        For a control that is no initial field, and as for `LinearisedCost`.
    """

    def __init__(self, loss: Loss, simulation: Simulation, estimates: Sequence[Estimate], **options: Any) -> None:
        super().__init__(loss, simulation, estimates, **options)
        for name, control in self.controls.controls.items():
            if control.kind != "state":
                raise InputError(
                    f"estimates: {name} is no initial field, and the increments of 3dvar are not carried through the "
                    f"run; leave it out, or choose method='incremental' or 'full'"
                )
        self.increment = self.simulation.model.state.like()

    def run(self, z: Array | None) -> tuple[float, dict[str, Any]]:
        """Run forward; return the loss, and its linearised gradient with respect to controls of the whole ocean."""
        self.controls.set_values(self.values(z))
        value = evaluate(self.loss, self.simulation)
        if not np.isfinite(value):
            raise BlowUpError(
                f"the run of the first guess or of a trial does not stay finite; try dt = "
                f"{self.simulation.model.numerics.dt / 2:g} s, or smaller errors of the controls"
            )
        return value, self.transposed(self.weighted([term.residuals() for _, term in self.terms]))

    def equivalents(self, v: Array | None) -> list[Array]:
        """Return H U v for the terms of the loss, in all processes."""
        for name, change in self.scatter({} if v is None else self.changes(v)).items():
            getattr(self.increment, name)[...] = self.controls.controls[name].spread(change, self.simulation.model)
        return [term.without_offsets(term.observe(self.increment)) for _, term in self.terms]

    def transposed(self, weighted: Sequence[tuple[float, Equivalents]]) -> dict[str, Any]:
        """Return the gradient of a sum of model equivalents with weights: H^T weights."""
        increment_ad = self.simulation.model.state.like()
        for factor, term in weighted:
            term.loss.observe_ad(factor * term.slopes, increment_ad)
        grid, controls = self.simulation.model.grid, self.controls.controls
        found = {name: c.collect(getattr(increment_ad, name), grid) for name, c in controls.items()}
        return {name: self.tile.gather(a) for name, a in found.items()}
