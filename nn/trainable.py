"""The quantities that a training changes: the weights of the terms of a model, and physical parameters."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.controls import Controls
from adjoint.estimates import Estimate, scaled_controls
from adjoint.run import GradientOfRun
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.terms import require, weights_of

Array = np.ndarray


class Trainable:
    """The weights and parameters that a training changes, as arrays that an optimizer moves in place.

    Parameters
    ----------
    model : Model
        The model with its terms.
    estimates : sequence of Estimate, optional
        Parameters that are trained, with their standard errors.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Weights by the name of the term, and the scaled variables z of the parameters. For an ocean that is divided into
        tiles the first process has those of the whole ocean, the others the weights alone.

    Raises
    ------
    InputError
        Where there is nothing to train, and for estimates that cannot be used.
    """

    def __init__(self, model: Model, estimates: Sequence[Estimate] = ()) -> None:
        needs = "weights", "add_ad", "astype", "save", "load"
        require(model.terms, needs, "a training needs it")
        self.model, self.terms, self.tile = model, weights_of(model.terms), model.grid.tile
        self.arrays = dict(self.terms)
        self.parameters = [estimate.name for estimate in estimates]
        controls: Any = Controls(model, self.parameters) if estimates else None
        self.controls = controls
        self.scaled = scaled_controls(estimates, controls) if estimates else {}
        self.arrays |= {name: np.zeros(s.shape) for name, s in self.scaled.items()}
        if not (self.terms or self.parameters):
            raise InputError("learn: there is nothing to learn; give the model a corrector, or name parameters")

    def update_model(self) -> None:
        """Clip z at its bounds, set the parameters of the model from z, and give all processes the same weights."""
        for name, s in self.scaled.items():
            np.clip(self.arrays[name], *s.bounds(), out=self.arrays[name])
        whole = {name: s.values(self.arrays[name]) for name, s in self.scaled.items()}
        if self.parameters:
            self.controls.set_values({name: self.tile.scatter(whole.get(name)) for name in self.parameters})
        for weights in self.terms.values():
            weights[...] = self.tile.tell(weights)

    def gradients(self, run: GradientOfRun) -> dict[str, Array]:
        """Return the gradient with respect to the arrays.

        Parameters
        ----------
        run : GradientOfRun
            The gradient with respect to the weights and the parameters themselves.

        Returns
        -------
        dict of str to ndarray
            The gradient by name.
        """
        found = {name: run[name] for name in self.terms}
        whole: dict[str, Any] = {name: self.tile.gather(run[name]) for name in self.parameters}
        return found | {name: s.transpose(self.arrays[name], whole[name]) for name, s in self.scaled.items()}

    def add_prior(self, weight: float, gradients: dict[str, Array]) -> float:
        """Add the gradient of weight |z|^2/2, the distance of the parameters from their first guess.

        Parameters
        ----------
        weight : float
            The weight.
        gradients : dict of str to ndarray
            Receives the gradient.

        Returns
        -------
        float
            weight |z|^2/2 of the estimates with a background.
        """
        known = [name for name, s in self.scaled.items() if s.estimate.background]
        for name in known:
            gradients[name] = gradients[name] + weight * self.arrays[name]
        return 0.5 * weight * float(sum((self.arrays[name] ** 2).sum() for name in known))
