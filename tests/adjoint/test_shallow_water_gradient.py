"""The barotropic mode as a shallow-water model of its own, and its gradient: many calls, run backwards."""

import numpy as np
import pytest

from adjoint.complex_step import STEP
from adjoint.operators.barotropic import CARRIED_FIELDS, barotropic_substeps_ad
from adjoint.random_ocean import random_field, random_grid
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.operators.barotropic import WORK_FIELDS, averaging_weights, barotropic_substeps

DT, CALLS = 400.0, 12
WEIGHTS = averaging_weights(5)
ALL, ALL_BACK = (-1, len(WEIGHTS[0])), (-1, 2 * len(WEIGHTS[0]) + 2)  # substeps, and halves of their adjoint
INPUTS = ("eta", "u_bar", "v_bar", "F_u", "F_v", "fresh")


def work(grid, depth, dtype):
    plane = grid.depth_t.shape
    return np.zeros((WORK_FIELDS, *plane), dtype), np.zeros((3, depth, *plane), dtype)


def nothing_outside(grid, dtype):
    """What the outer world sends, and its adjoint, of a closed basin."""
    return np.zeros(grid.depth_t.shape, dtype), np.zeros(grid.depth_t.shape, dtype)


def forward(grid, x, depth=1):
    """All states (eta, u_bar, v_bar) of CALLS steps under constant F and fresh water."""
    dtype = np.result_type(*x.values())
    states = [tuple(x[name].astype(dtype) for name in INPUTS[:3])]
    for _ in range(CALLS):
        new = tuple(np.zeros(grid.depth_t.shape, dtype) for _ in range(5))
        steady = (x["F_u"].astype(dtype), x["F_v"].astype(dtype), x["fresh"].astype(dtype))
        outer = nothing_outside(grid, dtype)
        barotropic_substeps(*states[-1], *steady, *outer, *WEIGHTS, DT, *ALL, *work(grid, depth, dtype), grid, *new)
        exchange(grid, *new[:3])
        states.append(new[:3])
    return states


def loss(grid, state):
    """Energy of the last state, of fourth order in it so that its Hessian is not constant."""
    eta, u, v = (interior(a) for a in state)
    return (interior(grid.area_t) * (9.81 * eta**2 + 1e3 * (u**2 + v**2) + eta**4 + u**4)).sum() / 1e9


def loss_ad(grid, state):
    eta, u, v = state
    area = grid.area_t / 1e9
    gradient = [area * (2 * 9.81 * eta + 4 * eta**3), area * (2e3 * u + 4 * u**3), area * 2e3 * v]
    exchange(grid, *gradient)
    return gradient


def gradient(grid, x):
    """Gradient of the loss with respect to all inputs: the steps backwards, with exchange of each adjoint field."""
    states = forward(grid, x)
    state_ad = loss_ad(grid, states[-1])
    steady_ad = [np.zeros(grid.depth_t.shape) for _ in range(3)]
    nothing = [np.zeros(grid.depth_t.shape) for _ in range(2)]
    for state in states[-2::-1]:
        before_ad = [np.zeros(grid.depth_t.shape) for _ in range(3)]
        memory, new = work(grid, len(WEIGHTS[0]) + 1, float), np.zeros((5, *grid.depth_t.shape))
        steady, outer, outer_ad = (x["F_u"], x["F_v"], x["fresh"]), *(nothing_outside(grid, float) for _ in range(2))
        barotropic_substeps(*state, *steady, *outer, *WEIGHTS, DT, *ALL, *memory, grid, *new)
        forcing_ad, carried = np.zeros((2, *new[0].shape)), np.empty((CARRIED_FIELDS, *new[0].shape))
        barotropic_substeps_ad(
            *WEIGHTS, DT, *ALL_BACK, *memory, grid, *state_ad, *nothing, *before_ad, *forcing_ad, steady_ad[2],
            *outer_ad, carried,
        )  # fmt: skip
        steady_ad[0] += forcing_ad[0]
        steady_ad[1] += forcing_ad[1]
        exchange(grid, *before_ad)
        state_ad = before_ad
    return dict(zip(INPUTS, [*state_ad, *steady_ad], strict=True))


@pytest.fixture
def ocean():
    grid, rng = random_grid(periodic_x=True), np.random.default_rng(0)
    kinds = {"eta": ("t2", 2.0), "u_bar": ("u2", 0.5), "v_bar": ("v2", 0.5)}
    kinds |= {"F_u": ("u2", 1e-5), "F_v": ("v2", 1e-5), "fresh": ("t2", 1e-6)}
    x = {name: random_field(grid, kind, rng, size) for name, (kind, size) in kinds.items()}
    return grid, x, {name: random_field(grid, kind, rng, size) for name, (kind, size) in kinds.items()}


def test_gradient_is_the_complex_step(ocean):
    grid, x, dx = ocean
    exact = gradient(grid, x)
    for name in INPUTS:
        perturbed = x | {name: x[name] + 1j * STEP * dx[name]}
        tangent = loss(grid, forward(grid, perturbed)[-1]).imag / STEP
        terms = interior(exact[name] * dx[name])
        assert abs(tangent - terms.sum()) < 1e-12 * np.abs(terms).sum(), name


def test_taylor_remainder_falls_with_the_square(ocean):
    grid, x, dx = ocean
    slope = sum(interior(g * dx[name]).sum() for name, g in gradient(grid, x).items())
    start = loss(grid, forward(grid, x)[-1])
    sizes = 10.0 ** np.arange(-1.0, -4.5, -0.5)
    remainders = []
    for size in sizes:
        moved = {name: x[name] + size * dx[name] for name in INPUTS}
        remainders.append(abs(loss(grid, forward(grid, moved)[-1]) - start - size * slope))
    orders = np.diff(np.log(remainders)) / np.diff(np.log(sizes))
    assert orders[2:] == pytest.approx(2.0, abs=0.05)


def test_the_history_changes_no_bit(ocean):
    grid, x, _ = ocean
    for one, all_of_them in zip(forward(grid, x), forward(grid, x, len(WEIGHTS[0]) + 1), strict=True):
        for a, b in zip(one, all_of_them, strict=True):
            np.testing.assert_array_equal(a, b)
