"""Optimizers: comparison with the formulas of the papers, with scipy, and with a continuation from a file."""

import math

import h5py
import numpy as np
import pytest
from scipy import optimize

from nn.optimizer import SGD, Adam, AdamW, clip, constant, cosine, warm_up

GRADIENTS = [0.5, -1.0, 0.25, 2.0, -0.125]


def moved(optimizer, start=1.0):
    """The values of one number after each of GRADIENTS."""
    p, path = {"p": np.array(start)}, []
    for g in GRADIENTS:
        optimizer.step(p, {"p": np.array(g)})
        path.append(float(p["p"]))
    return path


def test_momentum_is_that_of_the_paper():
    for nesterov in (False, True):
        p, m, path = 1.0, 0.0, []
        for g in GRADIENTS:
            m = 0.8 * m - 0.1 * (g + 0.02 * p)
            p += 0.8 * m - 0.1 * (g + 0.02 * p) if nesterov else m
            path.append(p)
        found = moved(SGD(0.1, momentum=0.8, nesterov=nesterov, weight_decay=0.02, decay=("p",)))
        assert found == pytest.approx(path, rel=1e-14)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_is_algorithm_1_and_adamw_algorithm_2(decay):
    p, m, v, path = 1.0, 0.0, 0.0, []
    for t, g in enumerate(GRADIENTS, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        p = p - 0.05 * decay * p - 0.05 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.99**t)) + 1e-6)
        path.append(p)
    kind, more = (AdamW, {"weight_decay": decay, "decay": ("p",)}) if decay else (Adam, {})
    assert moved(kind(0.05, beta2=0.99, eps=1e-6, **more)) == pytest.approx(path, rel=1e-14)


def test_decoupled_decay_is_not_the_gradient_of_a_penalty():
    decay = {"weight_decay": 0.1, "decay": ("p",)}
    assert moved(AdamW(0.05, **decay))[-1] != pytest.approx(moved(Adam(0.05))[-1], rel=1e-3)
    still = {"p": np.array(2.0)}
    AdamW(0.05, **decay).step(still, {"p": np.array(0.0)})
    assert still["p"] == pytest.approx(2.0 * (1 - 0.05 * 0.1))


MAKERS = {
    "sgd": lambda: SGD(0.05),
    "adam": lambda: Adam(cosine(0.3, 1500)),
    "adamw": lambda: AdamW(cosine(0.3, 1500), weight_decay=0.0),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_minimum_of_a_quadratic_is_that_of_scipy(make):
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(6, 6)), rng.normal(size=6)
    A = A @ A.T / 6 + np.eye(6)
    expected = optimize.minimize(lambda x: 0.5 * x @ A @ x - b @ x, np.zeros(6), jac=lambda x: A @ x - b).x
    p, optimizer = {"x": np.zeros(6)}, make()
    for _ in range(1500):
        optimizer.step(p, {"x": A @ p["x"] - b})
    assert np.allclose(p["x"], expected, atol=1e-5)


def test_schedules_at_their_corners():
    schedule = warm_up(cosine(1.0, 100, 0.1), 9)
    assert constant(0.3)(7) == 0.3
    assert [schedule(n) for n in (0, 8, 9)] == pytest.approx([0.1, 0.9, 1.0])
    assert schedule(59) == pytest.approx(0.55)
    assert schedule(109) == schedule(10**6) == pytest.approx(0.1)


def test_each_name_has_its_own_rate_and_decay():
    p = {"a": np.ones(3), "b": np.ones(())}
    AdamW(0.1, rates={"b": 10.0}, weight_decay=0.5, decay=("a",)).step(p, {"a": np.zeros(3), "b": np.array(1.0)})
    assert p["a"] == pytest.approx(np.full(3, 0.95))
    assert p["b"] == pytest.approx(0.0, abs=1e-7)


def test_clipping_keeps_the_direction_and_returns_the_norm():
    g = {"a": np.array([3.0, 0.0]), "b": np.array(4.0)}
    assert clip(g, 10.0) == 5.0
    assert g["b"] == 4.0
    assert clip(g, 1.0) == 5.0
    assert g["a"] == pytest.approx([0.6, 0.0])
    assert g["b"] == pytest.approx(0.8)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_training_goes_on_from_a_file_to_the_bit(kind, tmp_path):
    def steps(optimizer, p, first, last):
        for n in range(first, last):
            optimizer.step(p, {"w": np.sin(p["w"] * n + 1)})

    def made():
        return kind(warm_up(cosine(0.1, 20), 3), weight_decay=0.01, decay=("w",))

    whole, half, optimizer = {"w": np.linspace(-1, 1, 7)}, {"w": np.linspace(-1, 1, 7)}, made()
    steps(made(), whole, 0, 20)
    steps(optimizer, half, 0, 9)
    with h5py.File(tmp_path / "o.h5", "w") as f:
        optimizer.save(f.create_group("o"))
        again = made()
        again.load(f["o"], half)
        with pytest.raises(ValueError, match="w has the shape"):
            made().load(f["o"], {"w": np.zeros(3)})
        other = SGD(0.1) if kind is not SGD else Adam(0.1)
        with pytest.raises(ValueError, match=f"holds the state of {kind.__name__}"):
            other.load(f["o"], half)
    steps(again, half, 9, 20)
    assert np.array_equal(half["w"], whole["w"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SGD(-1.0), "learning_rate: must be finite and not negative"),
        (lambda: SGD(0.1, momentum=1.0), "momentum: must be at least 0 and below 1"),
        (lambda: Adam(0.1, beta1=-0.1), "beta1"),
        (lambda: AdamW(0.1), "decay: name the parameters"),
        (lambda: Adam(0.1).step({"p": np.zeros(2)}, {"q": np.zeros(2)}), "gradients: must have the names"),
        (lambda: Adam(0.1).step({"p": np.zeros(2)}, {"p": np.zeros(3)}), r"gradients: p has the shape \(3,\)"),
        (lambda: Adam(0.1, rates={"x": 1.0}).step({"p": np.zeros(2)}, {"p": np.zeros(2)}), "rates: unknown x"),
        (lambda: cosine(0.1, 0), "steps: a cosine has at least one"),
        (lambda: clip({"p": np.zeros(2)}, 0.0), "norm: must be positive"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
