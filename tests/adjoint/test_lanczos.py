"""Conjugate gradients in Lanczos form, against dense solutions, eigenvalues and inverses."""

import numpy as np
import pytest

from adjoint.lanczos import Lanczos, inner, solve

N = 60
RNG = np.random.default_rng(3)


def matrix(eigenvalues):
    """A random symmetric matrix with given eigenvalues, the others 0, and its eigenvectors as columns."""
    V = np.linalg.qr(RNG.normal(size=(N, N)))[0][:, : len(eigenvalues)]
    return (V * eigenvalues) @ V.T, V


def posterior(found):
    """(I + A)^-1 from the Ritz pairs."""
    values, Y, _ = found.ritz_pairs()
    return np.identity(N) - (Y.T * (values / (1 + values))) @ Y


@pytest.mark.parametrize("eigenvalues", [np.logspace(4, -4, N), np.linspace(0, 3, N), 10.0 ** np.arange(6, -10, -1)])
def test_solution_is_the_dense_one(eigenvalues):
    A, _ = matrix(eigenvalues)
    b = RNG.normal(size=N)
    found = solve(lambda v: A @ v, b, 2 * N, 1e-13)
    exact = np.linalg.solve(np.identity(N) + A, b)
    assert found.size <= N
    condition = 1 + eigenvalues.max()
    assert np.linalg.norm(found.solution() - exact) < 1e-13 * condition * np.linalg.norm(exact)
    Q = np.array(found.vectors)
    assert np.abs(Q @ Q.T - np.identity(len(Q))).max() < 1e-14


def test_iterations_are_those_of_conjugate_gradients():
    """Each lowers phi by the stated amount to its minimum in the Krylov space, with the stated residual."""
    A, _ = matrix(np.logspace(3, -1, N))
    b = RNG.normal(size=N)
    H = np.identity(N) + A
    found = solve(lambda v: A @ v, b, 12)
    krylov = [b / np.linalg.norm(b)]
    for k in range(1, 13):
        V = np.linalg.qr(np.array(krylov).T)[0]
        least = V @ np.linalg.solve(V.T @ H @ V, V.T @ b)
        v = found.solution(k)
        assert np.linalg.norm(v - least) < 1e-9 * np.linalg.norm(least)
        assert found.decrease(k) == pytest.approx(b @ v - 0.5 * v @ H @ v, rel=1e-12)
        assert found.residual(k) == pytest.approx(np.linalg.norm(b - H @ v), rel=1e-9)
        krylov.append(A @ V[:, -1])
    assert np.array_equal(found.solution(), found.solution(12))
    assert found.residual(0) == found.norm
    assert found.decrease(0) == 0


def test_few_eigenvalues_need_few_iterations():
    """Products of rank 5 exhaust the space after 5 or 6 iterations, where the inverse is exact."""
    A, V = matrix(np.array([100.0, 10.0, 3.0, 1.0, 0.1]))
    found = solve(lambda v: A @ v, V @ RNG.normal(size=5), 50)
    assert found.size == 5
    assert found.exhausted
    values, vectors, errors = found.ritz_pairs()
    assert np.allclose(values, [100, 10, 3, 1, 0.1], rtol=1e-12)
    assert np.allclose(np.abs(vectors @ V), np.identity(5), atol=1e-10)
    assert errors.max() < 1e-10
    assert np.abs(posterior(found) - np.linalg.inv(np.identity(N) + A)).max() < 1e-12


def test_ritz_values_approach_the_largest_eigenvalues():
    eigenvalues = np.logspace(4, -4, N)
    A, V = matrix(eigenvalues)
    found = solve(lambda v: A @ v, RNG.normal(size=N), 20)
    values, vectors, errors = found.ritz_pairs()
    assert np.allclose(values[:8], eigenvalues[:8], rtol=1e-10)
    assert np.allclose(np.abs(np.sum(vectors[:8] * V.T[:8], axis=1)), 1, atol=1e-10)
    distance = np.abs(values[:, None] - eigenvalues).min(axis=1)
    assert (distance <= errors + 1e-11 * values).all()
    real = np.linalg.norm(vectors @ A - values[:, None] * vectors, axis=1)
    assert np.allclose(errors, real, atol=1e-11 * values[0])
    # The variances are at least the exact ones, since directions not found count as without observations.
    exact, estimated = (np.diag(a) for a in (np.linalg.inv(np.identity(N) + A), posterior(found)))
    assert (estimated >= exact - 1e-12).all()


def test_a_saved_iteration_continues_to_the_bit():
    A, _ = matrix(np.logspace(3, -3, N))
    b = RNG.normal(size=N)
    whole, part = solve(lambda v: A @ v, b, 12), solve(lambda v: A @ v, b, 5)
    again = Lanczos(b, np.array(part.vectors), np.array(part.diagonal), np.array(part.side))
    while again.size < 12:
        again.extend(A @ again.vectors[-1])
    assert np.array_equal(again.solution(), whole.solution())
    assert np.array_equal(again.ritz_pairs().vectors, whole.ritz_pairs().vectors)


def test_special_right_hand_sides():
    nothing = solve(lambda v: v, np.zeros(N), 5)
    assert nothing.size == 0
    assert nothing.exhausted
    assert not nothing.solution().any()
    assert nothing.ritz_pairs().vectors.shape == (0, N)
    b = RNG.normal(size=N)
    unobserved = solve(lambda v: 0 * v, b, 5)
    assert unobserved.size == 1
    assert np.allclose(unobserved.solution(), b, rtol=1e-15)
    assert inner(b, b) == pytest.approx(b @ b, rel=1e-14)
