"""The network: gradients against the complex step, formulas, files, reproducibility."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from scipy import special

from nn.activations import ACTIVATIONS
from nn.mlp import INITIALISATIONS, MLP, count_weights

STEP = 1e-200
SIZES = [(5, 3), (5, 7, 3), (5, 7, 6, 4, 3)]


def network(sizes, activation="tanh", **options):
    return MLP(sizes, activation=activation, zero_last=False, seed=3, **options)


def samples(sizes, n=37, seed=1):
    return np.random.default_rng(seed).normal(size=(sizes[0], n))


@pytest.mark.parametrize("last", [None, *ACTIVATIONS])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradient_is_the_complex_step(sizes, activation, last):
    net, x, rng = network(sizes, activation, last=last), samples(sizes, 600), np.random.default_rng(2)
    net.weights[...] += 0.1 * rng.normal(size=net.weights.shape)
    y_ad, weights_ad = rng.normal(size=(sizes[-1], 600)), np.zeros_like(net.weights)
    x_ad = net.backward(x, y_ad, weights_ad)
    dx, dw = rng.normal(size=x.shape), rng.normal(size=net.weights.shape)
    for d_x, d_w in ((dx, 0 * dw), (0 * dx, dw), (dx, dw)):
        moved = net.astype(complex)
        moved.weights[...] += 1j * STEP * d_w
        exact = (moved.forward(x + 1j * STEP * d_x).imag / STEP * y_ad).sum()
        terms = [(x_ad * d_x).ravel(), weights_ad * d_w]
        assert abs(sum(t.sum() for t in terms) - exact) < 1e-12 * sum(np.abs(t).sum() for t in terms)


def test_backward_adds_to_the_gradient_of_the_weights():
    net, x = network(SIZES[1]), samples(SIZES[1])
    once, twice = np.zeros_like(net.weights), np.zeros_like(net.weights)
    y_ad = np.ones((3, 37))
    net.backward(x, y_ad, once)
    for _ in range(2):
        net.backward(x, y_ad, twice)
    assert np.allclose(twice, 2 * once, rtol=1e-15)


def test_forward_is_the_formula_written_as_loops():
    net, x = network((2, 3, 1), "tanh"), samples((2, 3, 1), 4)
    w = net.weights
    for n in range(4):
        hidden = [np.tanh(w[2 * m] * x[0, n] + w[2 * m + 1] * x[1, n] + w[6 + m]) for m in range(3)]
        assert net.forward(x)[0, n] == pytest.approx(sum(w[9 + m] * hidden[m] for m in range(3)) + w[12], rel=1e-14)
    assert count_weights((2, 3, 1)) == 13


def test_activations_are_their_formulas():
    z = np.linspace(-30, 30, 601)
    expected = {
        "tanh": np.tanh(z),
        "relu": np.maximum(z, 0),
        "silu": z * special.expit(z),
        "gelu": z * special.ndtr(z),
    }
    for name, value in expected.items():
        a = z.copy()
        ACTIVATIONS[name](np, a)
        assert np.abs(a - value).max() < (5e-4 if name == "gelu" else 1e-13), name


def test_an_untrained_network_has_no_output_and_a_bounded_one_little():
    assert not MLP((5, 8, 3)).forward(samples((5, 3))).any()
    net = network((5, 8, 3), last="tanh")
    net.weights *= 50
    assert np.abs(net.forward(samples((5, 3)))).max() == pytest.approx(1.0, abs=1e-9)


def test_weights_are_drawn_with_the_variance_of_the_papers():
    variance = {"glorot": 2 / (200 + 300), "he": 2 / 300}
    for name, draw in INITIALISATIONS.items():
        W = draw(np.random.default_rng(0), 200, 300)
        assert W.var() == pytest.approx(variance[name], rel=0.02)
        assert abs(W.mean()) < 4 * np.sqrt(variance[name] / W.size)
    assert np.array_equal(MLP((4, 5, 2), seed=1).weights, MLP((4, 5, 2), seed=1).weights)
    assert not np.array_equal(MLP((4, 5, 2), seed=1).weights, MLP((4, 5, 2), seed=2).weights)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_single_precision_stays_single(activation):
    net = network(SIZES[1], activation, dtype=np.float32)
    x, gradient = samples(SIZES[1]).astype(np.float32), np.zeros_like(net.weights)
    assert net.forward(x).dtype == np.float32
    assert net.backward(x, np.ones((3, 37), np.float32), gradient).dtype == np.float32
    exact = network(SIZES[1], activation).forward(samples(SIZES[1]))
    assert np.allclose(net.forward(x), exact, atol=1e-5)


class Recorder:
    """NumPy, with a record of the names that were used."""

    def __init__(self):
        self.asked = set()

    def __getattr__(self, name):
        self.asked.add(name)
        return getattr(np, name)


def test_arrays_are_made_by_the_array_module_that_was_given():
    xp = Recorder()
    net = network(SIZES[2], "gelu", xp=xp)
    net.backward(samples(SIZES[2]), net.forward(samples(SIZES[2])), np.zeros_like(net.weights))
    assert {"asarray", "empty", "empty_like", "tanh"} <= xp.asked


def test_network_comes_back_from_its_file_to_the_bit(tmp_path):
    net = network(SIZES[2], "silu", last="tanh", dtype=np.float32)
    with h5py.File(tmp_path / "net.h5", "w") as f:
        net.save(f.create_group("net"))
        again = MLP.load(f["net"])
        assert again.weights.dtype == np.float32
        assert np.array_equal(again.forward(samples(SIZES[2])), net.forward(samples(SIZES[2])))
        del f["net"].attrs["activation"]
        with pytest.raises(ValueError, match="lacks activation"):
            MLP.load(f["net"])
        net.save(f.create_group("cut"))
        del f["cut/weights"]
        f["cut/weights"] = np.zeros(4)
        with pytest.raises(ValueError, match="need floating-point weights of the shape"):
            MLP.load(f["cut"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MLP((4,)), "sizes: give two or more"),
        (lambda: MLP((4, 0, 2)), "sizes: give two or more positive"),
        (lambda: MLP((4, 2), activation="step"), "activation: unknown 'step'; choose one of tanh"),
        (lambda: MLP((4, 2), last="step"), "activation: unknown 'step'; choose one of tanh"),
        (lambda: MLP((4, 2), initialisation="ones"), "initialisation: unknown 'ones'"),
        (lambda: MLP((4, 2)).forward(np.zeros((3, 9))), r"x: expected the shape \(4, n\)"),
        (lambda: MLP((4, 2)).backward(np.zeros((4, 9)), np.zeros((2, 8)), np.zeros(10)), r"y_ad: .*\(2, 9\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


SCRIPT = """
import numpy as np
from nn.mlp import MLP
net = MLP((61, 48, 50, 7), zero_last=False)
x = np.random.default_rng(0).normal(size=(61, 1501))
gradient = np.zeros_like(net.weights)
x_ad = net.backward(x, net.forward(x), gradient)
print(net.forward(x).tobytes().hex()[-64:], gradient.sum().hex(), x_ad.sum().hex(), gradient.tobytes().hex()[:64])
"""


def test_bits_do_not_depend_on_the_threads_of_the_matrix_product():
    printed = []
    for threads in ("1", "2"):
        environment = os.environ | {"OPENBLAS_NUM_THREADS": threads}
        printed.append(subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=True))
    assert printed[0].stdout == printed[1].stdout
