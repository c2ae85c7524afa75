"""Every adjoint kernel is the transpose of its forward kernel, to round-off."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oceans import mask_of, random_field, random_grid

import ogcm.operators
from adjoint.gradient_check import dot_product_error
from adjoint.registry import PAIRS
from ogcm.backend import Kernel

SIDES = [(False, False), (True, False), (True, True)]


def check(name, grid, seed=0, active=None, adjoint_kernel=None):
    pair = PAIRS[name]
    rng = np.random.default_rng(seed)
    inputs = {x: random_field(grid, kind, rng, size) for x, (kind, size) in pair.inputs.items()}
    outputs = {y: mask_of(grid, kind).shape for y, kind in pair.outputs.items()}
    backward = adjoint_kernel or pair.adjoint
    return dot_product_error(pair.forward, backward, inputs, pair.constants, grid, outputs, seed=seed, active=active)


@pytest.mark.parametrize(("periodic_x", "periodic_y"), SIDES)
@pytest.mark.parametrize("name", PAIRS)
def test_dot_product_for_each_input_and_all_together(name, periodic_x, periodic_y):
    grid = random_grid(periodic_x=periodic_x, periodic_y=periodic_y)
    for active in [*([x] for x in PAIRS[name].inputs), None]:
        assert check(name, grid, active=active) < 1e-12, active


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9), st.booleans(), st.booleans())
def test_dot_product_for_any_shape_and_sides(seed, nx, ny, periodic_x, periodic_y):
    grid = random_grid(seed, nx, ny, periodic_x=periodic_x, periodic_y=periodic_y)
    for name in PAIRS:
        assert check(name, grid, seed) < 1e-12, name


@pytest.mark.parametrize("name", PAIRS)
def test_a_planted_error_is_caught(name):
    def wrong(*arguments):
        inputs = len(PAIRS[name].inputs)
        PAIRS[name].adjoint(*arguments)
        parts = [np.abs(g * x) for g, x in zip(arguments[-inputs:], arguments[:inputs], strict=True)]
        largest = max(range(inputs), key=lambda n: parts[n].max())
        arguments[largest - inputs][np.unravel_index(parts[largest].argmax(), parts[largest].shape)] *= 1 + 1e-6

    assert check(name, random_grid(), adjoint_kernel=wrong) > 1e-12


@pytest.mark.parametrize("name", PAIRS)
def test_adjoint_accumulates(name):
    grid, rng, pair = random_grid(), np.random.default_rng(1), PAIRS[name]
    inputs = [random_field(grid, kind, rng, size) for kind, size in pair.inputs.values()]
    weights = [random_field(grid, kind, rng) for kind in pair.outputs.values()]
    once, twice = ([np.zeros_like(x) for x in inputs] for _ in range(2))
    constants = pair.constants(grid, np.dtype(float))
    pair.adjoint(*inputs, *constants, grid, *weights, *once)
    pair.adjoint(*inputs, *constants, grid, *weights, *twice)
    pair.adjoint(*inputs, *constants, grid, *weights, *twice)
    for a, b in zip(once, twice, strict=True):
        np.testing.assert_allclose(b, 2 * a, rtol=0, atol=1e-13 * np.abs(a).max())


def test_argument_order_of_a_pair_agrees():
    for name, pair in PAIRS.items():
        forward, backward = (
            list(inspect.signature(getattr(f, "py_func", f)).parameters) for f in (pair.forward, pair.adjoint)
        )
        grid = forward.index("grid")
        assert forward[: len(pair.inputs)] == list(pair.inputs), name
        assert backward[: grid + 1] == forward[: grid + 1], name
        expected = [f"{x}_ad" for x in (*pair.outputs, *pair.inputs)]
        assert backward[grid + 1 :] == expected, name


def test_every_operator_has_its_adjoint_and_both_are_registered():
    """Each kernel of `ogcm/operators` has a pair, and its adjoint stands in the file of the same name."""
    in_pairs = {getattr(pair.forward, "__name__", "") for pair in PAIRS.values()}
    for module in pkgutil.iter_modules(ogcm.operators.__path__):
        forward = importlib.import_module(f"ogcm.operators.{module.name}")
        backward = importlib.import_module(f"adjoint.operators.{module.name}")
        own = [n for n, f in vars(forward).items() if isinstance(f, Kernel) and f.__module__ == forward.__name__]
        for name in own:
            assert name in in_pairs, f"{name} has no line in adjoint/registry.py"
            assert hasattr(backward, f"{name}_ad"), f"adjoint/operators/{module.name}.py has no {name}_ad"
