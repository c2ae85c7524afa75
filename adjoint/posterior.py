"""The uncertainty of an estimate, from the Lanczos vectors of the last inner loop of incremental 4D-Var.

    P = U (I + A)^-1 U^T ~ U U^T - sum over Ritz pairs of theta/(1 + theta) (U y)(U y)^T

is the covariance of the errors of the controls after the assimilation, if observations and first guess have the errors
that were assumed and the model is linear (Fisher and Courtier 1995, ECMWF Technical Memorandum 220). Directions that
the inner loop has not found count as if they were not observed, so that the variances are upper bounds, which more
iterations lower. The degrees of freedom for signal, the number of directions that observations rather than the first
guess determine, are the trace of A (I + A)^-1 (Cardinali et al. 2004, doi 10.1256/qj.03.205), of which

    sum over Ritz pairs of theta/(1 + theta)

is a lower bound. With a multivariate balance the diagonal of U U^T is not known, and that of P is the mean square of
random vectors.
"""

import functools

import numpy as np

from adjoint.cost import LinearisedCost
from adjoint.evaluations import Minimum
from adjoint.lanczos import RitzPairs, inner

Array = np.ndarray
SAMPLES = 100  # random vectors for variances, whose square roots are then correct to 7 % (sigma)


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
            squares = self.sampled_variances(self.ritz_pairs) if self.cost.balanced else self.variances(self.ritz_pairs)
            whole = {name: np.where(s.wet, np.sqrt(squares[name]), np.nan) for name, s in self.cost.scaled.items()}
        return self.cost.scatter(whole)

    def variances(self, pairs: RitzPairs) -> dict[str, Array]:
        """Return the diagonal of P by control, where the diagonal of U U^T is known."""
        changes = self.cost.background.changes(self.cost.split(self.cost.z))
        known = {name: s.deviations(changes[name]) ** 2 for name, s in self.cost.scaled.items()}
        squares = dict(known)
        for value, y in zip(pairs.values, pairs.vectors, strict=True):
            for name, change in self.cost.changes(y).items():
                squares[name] = squares[name] - value / (1 + value) * change**2
        # An approximate normalisation of U U^T must not make a variance less than observations could.
        least = 1 / (1 + pairs.values.max(initial=0.0))
        return {name: np.maximum(a, least * known[name]) for name, a in squares.items()}

    def sampled_variances(self, pairs: RitzPairs) -> dict[str, Array]:
        """Return the diagonal of P by control, from random vectors with the covariance (I + A)^-1."""
        rng, squares = np.random.default_rng(0), {name: np.zeros(s.wet.shape) for name, s in self.cost.scaled.items()}
        lowered = 1 - 1 / np.sqrt(1 + pairs.values)
        for _ in range(SAMPLES):
            r = rng.normal(size=self.cost.counts.size)
            for part, y in zip(lowered, pairs.vectors, strict=True):
                r -= part * inner(y, r) * y  # the vectors are orthogonal
            for name, change in self.cost.changes(r).items():
                squares[name] += change**2 / SAMPLES
        return squares
