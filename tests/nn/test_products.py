"""Products and sums of networks: independent of place, number and order of the samples, and as exact as they can be."""

from fractions import Fraction

import numpy as np
import pytest

from nn.activations import ACTIVATIONS, STEEPEST
from nn.mlp import MLP
from nn.products import ProductSum, multiply
from ogcm.tiles import WHOLE

TYPES = (np.float64, np.float32, np.complex128)


def random(*shape, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape).astype(dtype) + (1j * rng.normal(size=shape) if dtype == np.complex128 else dtype(0))


def product(W, b, x):
    y = np.empty((len(W), x.shape[1]), np.result_type(W, x))
    multiply(W, b, x, y)
    return y


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (4, 4), (7, 9), (32, 45), (81, 10)])
def test_a_product_is_that_of_numpy_up_to_round_off(shape, dtype):
    W, b = random(*shape, dtype=dtype), random(shape[0], dtype=dtype, seed=1)
    x = random(shape[1], 29, dtype=dtype, seed=2)
    size = np.abs(W) @ np.abs(x) + np.abs(b)[:, None]
    assert (np.abs(product(W, b, x) - (W @ x + b[:, None])) < 4 * shape[1] * np.finfo(dtype).eps * size).all()


@pytest.mark.parametrize("dtype", TYPES[:2])
@pytest.mark.parametrize("shape", [(3, 2), (6, 7), (32, 45)])
def test_a_product_depends_neither_on_the_place_nor_on_the_number_of_samples(shape, dtype):
    W, b = random(*shape, dtype=dtype), random(shape[0], dtype=dtype, seed=1)
    x = random(shape[1], 150, dtype=dtype, seed=2)
    y = product(W, b, x)
    for start, stop in [(0, 1), (7, 8), (149, 150), (3, 20), (1, 150), (40, 103)]:
        np.testing.assert_array_equal(product(W, b, np.ascontiguousarray(x[:, start:stop])), y[:, start:stop])


def test_elementwise_functions_depend_on_no_place():
    for dtype in TYPES[:2]:  # products of complex arrays do, in NumPy
        z = 3 * random(200, dtype=dtype)
        for name, activation in ACTIVATIONS.items():
            whole, slope = z[None].copy(), np.empty_like(z[None])
            activation(np, whole, slope)
            for start, stop in [(0, 1), (5, 6), (199, 200), (3, 30), (1, 200)]:
                part, part_slope = z[None, start:stop].copy(), np.empty_like(z[None, start:stop])
                activation(np, part, part_slope)
                np.testing.assert_array_equal(part, whole[:, start:stop], err_msg=name)
                np.testing.assert_array_equal(part_slope, slope[:, start:stop], err_msg=name)


def summed(z, x, parts, count=1000, largest=None):
    """The total of z x^T and of z, added in parts."""
    largest = np.abs(z).max(axis=1) * max(np.abs(x).max(), 1) if largest is None else largest
    sums = ProductSum(largest, len(x), count)
    for part in parts:
        sums.add(z[:, part], np.ascontiguousarray(x[:, part]))
    return sums.total(WHOLE)


@pytest.mark.parametrize("dtype", TYPES[:2])
def test_a_sum_of_products_has_no_order(dtype):
    rng = np.random.default_rng(3)
    z, x = random(5, 700, dtype=dtype) * 10.0 ** rng.integers(-6, 6, size=700), random(13, 700, dtype=dtype, seed=1)
    order = rng.permutation(700)
    whole, bias = summed(z, x, [slice(None)])
    for parts in ([order], [order[:1], order[1:3], order[3:33], order[33:]], [slice(699, None), slice(0, 699)]):
        found = summed(z, x, parts)
        np.testing.assert_array_equal(found[0], whole)
        np.testing.assert_array_equal(found[1], bias)
    assert np.abs(whole).min() > 0


def test_a_sum_of_products_is_the_exact_sum_of_the_rounded_products():
    z, x = random(3, 300) * 10.0 ** np.random.default_rng(1).integers(-8, 4, size=300), random(4, 300, seed=2)
    whole, bias = summed(z, x, [slice(None)])
    for o in range(3):
        assert bias[o] == float(sum(map(Fraction, z[o].tolist())))
        for i in range(4):
            assert whole[o, i] == pytest.approx(float(sum(map(Fraction, (z[o] * x[i]).tolist()))), rel=1e-16, abs=1e-17)


def test_bounds_that_are_far_too_large_cost_no_accuracy():
    z, x = random(3, 300), random(4, 300, seed=2)
    whole, _ = summed(z, x, [slice(None)])
    loose, _ = summed(z, x, [slice(None)], largest=np.full(3, 1e4))
    assert np.abs(loose - whole).max() < 1e-15 * np.abs(z @ x.T).max()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_so(value):
    z, x = random(3, 30), random(4, 30)
    z[1, 7] = value
    whole, bias = summed(z, x, [slice(None)], largest=np.full(3, 10.0))
    assert not np.isfinite(whole[1]).any()
    assert not np.isfinite(bias[1])
    assert np.isfinite(whole[[0, 2]]).all()


def test_zeros_and_tiny_numbers_are_summed():
    for size in (0.0, 1e-310, 1e-200, 1e200):
        z, x = np.full((2, 9), size), np.full((3, 9), 0.5)
        assert summed(z, x, [slice(None)])[0] == pytest.approx(4.5 * size, rel=1e-15 if size > 1e-300 else 1)


def test_no_activation_is_steeper_or_larger_than_the_bounds_assume():
    z = np.linspace(-40, 40, 100001)
    for activation in ACTIVATIONS.values():
        a, slope = z.copy(), np.empty_like(z)
        activation(np, a, slope)
        assert (np.abs(a) <= np.abs(z)).all()
        assert np.abs(slope).max() <= STEEPEST


@pytest.mark.parametrize("last", ["tanh", "gelu"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", TYPES[:2])
def test_the_exact_gradient_of_weights_depends_on_no_order_and_is_that_of_backward(activation, last, dtype):
    net = MLP((11, 9, 7, 5), activation=activation, zero_last=False, last=last, seed=3, dtype=dtype)
    x, y_ad = random(11, 1300, dtype=dtype), random(5, 1300, dtype=dtype, seed=1)
    counted = np.random.default_rng(2).uniform(size=1300) < 0.9
    found = []
    for order in (np.arange(1300), np.random.default_rng(4).permutation(1300)):
        sums = net.sums(np.abs(x).max(axis=1), np.abs(y_ad).max(axis=1), 5000)
        for part in np.split(order, [40, 1000]):
            x_ad = net.backward_exactly(x[:, part], y_ad[:, part], counted[part], sums)
        found.append(np.concatenate([a.ravel() for layer in sums for a in layer.total(WHOLE)]))
    np.testing.assert_array_equal(*found)
    expected = np.zeros_like(net.weights)
    np.testing.assert_array_equal(net.backward(x[:, part], y_ad[:, part], np.zeros_like(expected)), x_ad)
    net.backward(x[:, counted], y_ad[:, counted], expected)
    eps = np.finfo(dtype).eps
    assert np.abs(found[0] - expected).max() < 100 * eps * np.abs(expected).max()
