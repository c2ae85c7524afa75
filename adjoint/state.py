"""The gradient of a step: the adjoint of everything that a step depends on."""

from typing import Any, NamedTuple

import numpy as np

from ogcm.device import array_module, to_host
from ogcm.forcing import Fluxes
from ogcm.grid import Grid, interior
from ogcm.model import Model
from ogcm.state import State

Array = np.ndarray


class Gradient(NamedTuple):
    """The adjoint of everything that a step depends on.

    Attributes
    ----------
    state : State
        Adjoint of the state at the beginning of the step.
    fluxes : Fluxes
        Adjoint of the forcing in the middle of the step.
    parameters : dict of ndarray
        Adjoints of the parameters by name, with halo.
    weights : dict of ndarray, shape (n,)
        Adjoints of the weights of the terms by name. `Term.add_ad` is given the array of its own term instead.
    """

    state: State
    fluxes: Fluxes
    parameters: dict[str, Array]
    weights: dict[str, Array]

    @classmethod
    def zeros(cls, model: Model) -> "Gradient":
        """Make a gradient of zeros.

        Parameters
        ----------
        model : Model
            Model whose arrays the adjoints are of.

        Returns
        -------
        Gradient
            Zeros in the shapes of the arrays of the model, with halo.
        """
        dtype, grid, forcing = model.state.u.dtype, model.grid, model.forcing
        return cls(
            model.state.like(),
            Fluxes(**{n: np.zeros_like(grid.h_t, dtype, shape=forcing.shape_of(n, grid)) for n in forcing.names}),
            {name: np.zeros_like(p, dtype) for name, p in model.parameters.items()},
            {name: np.zeros_like(term.weights) for name, term in model.terms.items()},
        )

    def of(self, term: str) -> "Gradient":
        """Return the gradient that `Term.add_ad` is given.

        Parameters
        ----------
        term : str
            Name of the term.

        Returns
        -------
        Gradient
            The same adjoints, with those of the weights of this term alone (n,).
        """
        weights: Any = self.weights[term]
        return self._replace(weights=weights)


def sum_columns(sums_ad: Array, grid: Grid, coefficients_ad: Array) -> None:
    """Add the sums over all columns of the whole ocean, correctly rounded.

    Parameters
    ----------
    sums_ad : ndarray, shape (n, nj, ni)
        Adjoint of the coefficients of each column.
    grid : Grid
        Grid of the tile.
    coefficients_ad : ndarray, shape (n,)
        Adjoint of the coefficients, added to.
    """
    sums = grid.tile.totals(to_host(interior(sums_ad)).astype(float))
    coefficients_ad += array_module(coefficients_ad).asarray(sums)
