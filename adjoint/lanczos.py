"""Conjugate gradients in Lanczos form for (I + A) v = b, where A is symmetric and known by its products.

    A Q_k = Q_k T_k + beta_k q_(k+1) e_k^T,      q_1 = b/|b|,      v_k = Q_k (I + T_k)^-1 Q_k^T b

The vectors q are orthonormal, and T_k is tridiagonal with the diagonal alpha and the side diagonals beta. The v_k are
those of the method of conjugate gradients (Golub and Van Loan 2013, Matrix Computations, section 10.3; Fisher 1998,
ECMWF Seminar on data assimilation, for 4D-Var), each the minimum of

    phi(v) = 1/2 v^T (I + A) v - b^T v

in the space of the first k vectors. The Lanczos form keeps the vectors, which round-off would otherwise make lose
their orthogonality: each new one is orthogonalised twice against all of them (Giraud et al. 2005, doi
10.1007/s00211-005-0615-4). The eigenvalues theta and eigenvectors s of T_k give the Ritz pairs (theta, Q_k s), which
approximate eigenpairs of A, the largest ones first, and from which the inverse follows:

    (I + A)^-1 ~ I - sum over Ritz pairs of theta/(1 + theta) y y^T,      y = Q_k s
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import linalg

Array = np.ndarray
EXHAUSTED = 1e-12  # part of |A q| that remains of a product in the space of the vectors known: round-off


class RitzPairs(NamedTuple):
    """Approximate eigenpairs of A.

    Attributes
    ----------
    values : ndarray, shape (k,)
        Ritz values, in descending order.
    vectors : ndarray, shape (k, n)
        Ritz vectors, orthonormal rows.
    errors : ndarray, shape (k,)
        Norm of A y - theta y; an eigenvalue of A lies at most that far from each Ritz value.
    """

    values: Array
    vectors: Array
    errors: Array


class Lanczos:
    """The iteration: it is given products of A with its last vector, one after the other.

    A saved iteration, `Lanczos(b, vectors, diagonal, side)`, continues to the bit.

    Parameters
    ----------
    b : ndarray, shape (n,)
        The right-hand side.
    vectors : sequence of ndarray, optional
        The k + 1 vectors of a saved iteration, or k if it was exhausted.
    diagonal, side : sequence of float, optional
        alpha and beta of a saved iteration, k of each.

    Attributes
    ----------
    b : ndarray, shape (n,)
        The right-hand side.
    vectors : list of ndarray
        The orthonormal vectors q.
    diagonal, side : list of float
        alpha and beta.
    """

    def __init__(
        self, b: Array, vectors: Sequence[Array] = (), diagonal: Sequence[float] = (), side: Sequence[float] = ()
    ) -> None:
        self.b, self.norm = b, np.sqrt(inner(b, b))
        self.vectors, self.diagonal, self.side = list(vectors), list(diagonal), list(side)
        if not self.vectors and self.norm > 0:
            self.vectors = [b / self.norm]

    @property
    def size(self) -> int:
        """Number of iterations so far, k."""
        return len(self.diagonal)

    @property
    def exhausted(self) -> bool:
        """True where the solution is exact, since the products add no new direction."""
        return len(self.vectors) == self.size

    def extend(self, product: Array) -> None:
        """Make an iteration.

        Parameters
        ----------
        product : ndarray, shape (n,)
            A times the last of the vectors.
        """
        new, length = product.copy(), np.sqrt(inner(product, product))
        self.diagonal.append(inner(self.vectors[-1], product))
        for q in 2 * self.vectors:
            new -= inner(q, new) * q
        self.side.append(np.sqrt(inner(new, new)))
        if self.side[-1] > EXHAUSTED * length:
            self.vectors.append(new / self.side[-1])

    def tridiagonal(self, k: int | None = None) -> Array:
        """Return T of the first k iterations.

        Parameters
        ----------
        k : int, optional
            Number of iterations, by default all.

        Returns
        -------
        ndarray, shape (k, k)
            The matrix.
        """
        k = self.size if k is None else k
        side = self.side[: max(k - 1, 0)]
        return np.diag(self.diagonal[:k]) + np.diag(side, 1) + np.diag(side, -1)

    def coefficients(self, k: int | None = None) -> Array:
        """Return the solution after k iterations as coefficients of the vectors.

        Parameters
        ----------
        k : int, optional
            Number of iterations, by default all.

        Returns
        -------
        ndarray, shape (k,)
            (I + T)^-1 Q^T b.
        """
        T = self.tridiagonal(k)
        return linalg.solve(np.identity(len(T)) + T, self.norm * np.eye(1, len(T))[0], assume_a="sym")

    def combined(self, coefficients: Array) -> Array:
        """Return the sum of the first vectors with some coefficients.

        Parameters
        ----------
        coefficients : ndarray, shape (k,)
            The coefficients.

        Returns
        -------
        ndarray, shape (n,)
            The sum.
        """
        found = np.zeros_like(self.b)
        for c, q in zip(coefficients, self.vectors, strict=False):
            found += c * q
        return found

    def solution(self, k: int | None = None) -> Array:
        """Return the solution after k iterations.

        Parameters
        ----------
        k : int, optional
            Number of iterations, by default all.

        Returns
        -------
        ndarray, shape (n,)
            v, 0 after no iteration.
        """
        return self.combined(self.coefficients(k))

    def applied_inverse(self, c: Array) -> Array:
        """Return the approximation Q (I + T)^-1 Q^T c of (I + A)^-1 c.

        Parameters
        ----------
        c : ndarray, shape (n,)
            A vector.

        Returns
        -------
        ndarray, shape (n,)
            The part of the solution in the space of the vectors.
        """
        T = self.tridiagonal()
        projected = np.array([inner(q, c) for q in self.vectors[: self.size]])
        return self.combined(linalg.solve(np.identity(len(T)) + T, projected, assume_a="sym"))

    def decrease(self, k: int | None = None) -> float:
        """Return by how much the solution after k iterations lowers phi.

        Parameters
        ----------
        k : int, optional
            Number of iterations, by default all.

        Returns
        -------
        float
            -phi(v) = 1/2 b^T v, which is not negative.
        """
        return 0.5 * self.norm * float(self.coefficients(k)[:1].sum())

    def residual(self, k: int | None = None) -> float:
        """Return the norm of the residual after k iterations, without another product.

        Parameters
        ----------
        k : int, optional
            Number of iterations, by default all.

        Returns
        -------
        float
            |b - (I + A) v|.
        """
        k = self.size if k is None else k
        return self.side[k - 1] * abs(float(self.coefficients(k)[-1])) if k else float(self.norm)

    def ritz_pairs(self) -> RitzPairs:
        """Compute the Ritz pairs.

        Returns
        -------
        RitzPairs
            As many as iterations.
        """
        if not self.size:
            return RitzPairs(np.zeros(0), np.zeros((0, len(self.b))), np.zeros(0))
        values, s = linalg.eigh_tridiagonal(self.diagonal, self.side[:-1])
        values, s = values[::-1], s[:, ::-1]
        vectors = np.array([self.combined(column) for column in s.T])
        return RitzPairs(values, vectors, self.side[-1] * np.abs(s[-1]))


def solve(product: Callable[[Array], Array], b: Array, iterations: int, tolerance: float = 0.0) -> Lanczos:
    """Solve (I + A) v = b.

    Parameters
    ----------
    product : callable
        Returns A v for a vector v (n,).
    b : ndarray, shape (n,)
        The right-hand side.
    iterations : int
        Largest number of iterations.
    tolerance : float, default 0
        The iteration ends when the residual is at most tolerance |b|.

    Returns
    -------
    Lanczos
        The iteration, whose `solution()` is v.
    """
    found = Lanczos(b)
    while found.size < iterations and not found.exhausted and found.residual() > tolerance * found.norm:
        found.extend(product(found.vectors[-1]))
    return found


def inner(a: Array, b: Array) -> float:
    """Compute the scalar product of two vectors, the same to the bit for any number of threads.

    Parameters
    ----------
    a, b : ndarray, shape (n,)
        The vectors.

    Returns
    -------
    float
        Their scalar product.
    """
    return float(np.sum(a * b))
