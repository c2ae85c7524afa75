"""The uncertainty of an estimate, from the Lanczos vectors of the last inner loop of incremental 4D-Var.

    P = U (I + A)^-1 U^T ~ U U^T - sum over Ritz pairs of theta/(1 + theta) (U y)(U y)^T

is the covariance of the errors of the controls after the assimilation, if observations and first guess have the errors
that were assumed and the model is linear (Fisher and Courtier 1995, ECMWF Technical Memorandum 220). Directions that
the inner loop has not found count as if they were not observed, so that the variances are upper bounds, which more
iterations lower. The degrees of freedom for signal, the number of directions that observations rather than the first
guess determine, are the trace of A (I + A)^-1 (Cardinali et al. 2004, doi 10.1256/qj.03.205), of which

    sum over Ritz pairs of theta/(1 + theta)

is a lower bound.
"""

import functools

import numpy as np

from adjoint.cost import LinearisedCost
from adjoint.evaluations import Minimum
from adjoint.lanczos import RitzPairs

Array = np.ndarray


class LinearAnalysis:
    """The uncertainty of an estimate, as the last inner loop found it.

    For an ocean that is divided into tiles, all processes call the methods, and the first one holds the vectors.

    Parameters
    ----------
    cost : LinearisedCost
        The cost.
    minimum : Minimum or None
        The end of the minimisation, in the first process.
    """

    def __init__(self, cost: LinearisedCost, minimum: Minimum | None) -> None:
        self.cost, self.minimum = cost, minimum

    @functools.cached_property
    def ritz_pairs(self) -> RitzPairs | None:
        """The Ritz pairs of the last inner loop in the first process, None in the others."""
        loop = self.minimum and self.minimum.lanczos
        return loop.ritz_pairs() if loop else None

    @property
    def degrees_of_freedom(self) -> float:
        """Degrees of freedom for signal, a lower bound; controls without background term count as observed."""
        found = None
        if self.ritz_pairs is not None:
            values, vectors, _ = self.ritz_pairs
            known = np.sum(np.where(self.cost.counts, vectors, 0) ** 2, axis=1)
            found = float(np.sum(1 - known / (1 + values)))
        return self.cost.tile.tell(found)

    def deviations(self) -> dict[str, Array]:
        """Compute the standard deviations of the errors of the estimate.

        Returns
        -------
        dict of str to ndarray
            Standard deviations by control, in their shapes and units (those of the tile for an ocean that is divided);
            nan on land.
        """
        whole: dict[str, Array] = {}
        if self.minimum is not None and self.ritz_pairs is not None:
            self.cost.z = self.minimum.linear_at
            values, vectors, _ = self.ritz_pairs
            parts = self.cost.parts(self.cost.z)
            squares = {name: s.deviations(part) ** 2 for name, s, part in parts}
            least = {name: a / (1 + values.max(initial=0.0)) for name, a in squares.items()}
            for value, y in zip(values, vectors, strict=True):
                for name, change in self.cost.changes(y).items():
                    squares[name] = squares[name] - value / (1 + value) * change**2
            # An approximate normalisation of U U^T must not make a variance less than observations could.
            for name, s in self.cost.scaled.items():
                whole[name] = np.where(s.wet, np.sqrt(np.maximum(squares[name], least[name])), np.nan)
        return self.cost.scatter(whole)
