"""The gradient of a step: the adjoint of everything that a step depends on."""

from typing import NamedTuple

import numpy as np

from ogcm.forcing import Fluxes
from ogcm.model import Model
from ogcm.state import State

Array = np.ndarray


class Gradient(NamedTuple):
    """What a step passed on: to the state at its beginning, the forcing in its middle, parameters and terms."""

    state: State
    fluxes: Fluxes
    parameters: dict[str, Array]
    weights: dict[str, Array]  # of the model's terms by name; what a term is handed has its own alone, (n,)

    @classmethod
    def zeros(cls, model: Model) -> "Gradient":
        """Of the shapes of the model's own arrays, with halo."""
        grid, dtype = model.grid, model.state.u.dtype
        return cls(
            State.zeros(grid, dtype),
            Fluxes(*(np.zeros_like(grid.depth_t, dtype) for _ in Fluxes._fields)),
            {name: np.zeros_like(p, dtype) for name, p in model.parameters.items()},
            {name: np.zeros_like(term.weights) for name, term in model.terms.items()},
        )

    def of(self, term: str) -> "Gradient":
        """The same for one term, with its own weights (n,)."""
        return self._replace(weights=self.weights[term])
