"""Every adjoint kernel is the transpose of its forward kernel, to round-off."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ogcm.operators
from adjoint.dot_product import pair_error
from adjoint.gradient_check import OPERATOR_TOLERANCE, check_operators
from adjoint.random_ocean import random_field, random_grid
from adjoint.registry import PAIRS
from ogcm.backend import Kernel

PARTS = dict.fromkeys(("triad_fluxes", "add_triad_fluxes"), "isoneutral_diffusion")  # kernel: its operator


@pytest.mark.parametrize("name", PAIRS)
def test_dot_product_for_each_input_and_all_together(name):
    assert check_operators([name], progress=False)[name] < OPERATOR_TOLERANCE


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9), st.booleans(), st.booleans())
def test_dot_product_for_any_shape_and_sides(seed, nx, ny, periodic_x, periodic_y):
    grid = random_grid(seed, nx, ny, periodic_x=periodic_x, periodic_y=periodic_y)
    for name in PAIRS:
        assert pair_error(PAIRS[name], grid, seed=seed) < OPERATOR_TOLERANCE, name


@pytest.mark.parametrize("name", PAIRS)
def test_a_planted_error_is_caught(name):
    def wrong(*arguments):
        inputs = len(PAIRS[name].inputs)
        PAIRS[name].adjoint(*arguments)
        parts = [np.abs(g * x) for g, x in zip(arguments[-inputs:], arguments[:inputs], strict=True)]
        largest = max(range(inputs), key=lambda n: parts[n].max())
        arguments[largest - inputs][np.unravel_index(parts[largest].argmax(), parts[largest].shape)] *= 1 + 1e-6

    assert pair_error(PAIRS[name]._replace(adjoint=wrong), random_grid()) > OPERATOR_TOLERANCE


@pytest.mark.parametrize("name", PAIRS)
def test_adjoint_accumulates_or_overwrites(name):
    grid, rng, pair = random_grid(), np.random.default_rng(1), PAIRS[name]
    inputs = [random_field(grid, kind, rng, size) for kind, size in pair.inputs.values()]
    weights = [random_field(grid, kind, rng) for kind in pair.outputs.values()]
    once, twice = ([np.zeros_like(x) for x in inputs] for _ in range(2))
    constants = pair.constants(grid, np.dtype(float))
    pair.adjoint(*inputs, *constants, grid, *weights, *once)
    pair.adjoint(*inputs, *constants, grid, *weights, *twice)
    pair.adjoint(*inputs, *constants, grid, *weights, *twice)
    for x, a, b in zip(pair.inputs, once, twice, strict=True):
        total = a if x in pair.overwrites else 2 * a
        np.testing.assert_allclose(b, total, rtol=0, atol=1e-13 * np.abs(a).max(), err_msg=x)


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
        kernel = getattr(pair.adjoint, "__wrapped__", None)  # it takes a result, or work arrays
        if kernel is not None:
            taken = [x for x in inspect.signature(kernel).parameters if x in backward]
            assert taken == sorted(taken, key=backward.index), name


def test_every_operator_has_its_adjoint_and_both_are_registered():
    """Each kernel of `ogcm/operators` has a pair, and its adjoint is in the file of the same name.

    A kernel of `PARTS` stands for the operator whose part it is.
    """
    in_pairs = {getattr(pair.forward, "__name__", "") for pair in PAIRS.values()}
    for module in pkgutil.iter_modules(ogcm.operators.__path__):
        forward = importlib.import_module(f"ogcm.operators.{module.name}")
        backward = importlib.import_module(f"adjoint.operators.{module.name}")
        own = [n for n, f in vars(forward).items() if isinstance(f, Kernel) and f.__module__ == forward.__name__]
        for name in own:
            if name in PARTS:
                assert name in getattr(forward, PARTS[name]).__code__.co_names
            name = PARTS.get(name, name)
            assert name in in_pairs, f"{name} has no line in adjoint/registry.py"
            assert hasattr(backward, f"{name}_ad"), f"adjoint/operators/{module.name}.py has no {name}_ad"
