"""The integrators alone, on an oscillator instead of an ocean: their order, and the limits of their steps."""

import math

import numpy as np
import pytest

from ogcm.backend import HALO
from ogcm.integrators import INTEGRATORS, Integrator, StepStates, integrate
from ogcm.state import State

POINT = (0, HALO, HALO)  # the one interior point of a grid of one cell


def state(u: float, T: float) -> State:
    """A state of one cell with halo, with these values of u and T."""
    values = {"u": u, "v": 0.0, "T": T, "S": 0.0}
    layers = {name: np.full((1, 2 * HALO + 1, 2 * HALO + 1), value) for name, value in values.items()}
    return State(**layers, eta=np.zeros((2 * HALO + 1, 2 * HALO + 1)))


def one_step(integrator: Integrator, n: State, turn: float, rotation: float) -> State:
    """The state a step after n of du/dt = -turn T + rotation v, dv/dt = -rotation u, dT/dt = turn u (dt = 1)."""

    def stage(m: int, y: State, s: State) -> None:
        c, new_weight = integrator.fractions[m], integrator.new_weight
        u, v = n.u + c * (rotation * y.v - turn * y.T), n.v - c * rotation * y.u
        s.u[...], s.v[...], s.T[...] = u, v, n.T + c * turn * ((1 - new_weight) * n.u + new_weight * u)

    ends = [state(0.0, 0.0) for _ in integrator.fractions]
    between = state(0.0, 0.0) if integrator.extrapolation else None
    integrate(integrator, n, StepStates(between, ends), stage)
    return ends[-1]


def amplification(integrator: Integrator, turn: float, rotation: float) -> float:
    """The largest eigenvalue of a step, as a matrix of u, v and T now and one step before."""
    columns, names = [], ("u", "v", "T")
    for unit in np.eye(6):
        n = state(0.0, 0.0)
        n.previous = n.copy()
        for a, value in zip([getattr(s, x) for s in (n, n.previous) for x in names], unit, strict=True):
            a[...] = value
        new = one_step(integrator, n, turn, rotation)
        columns.append([getattr(s, x)[POINT] for s in (new, n) for x in names])
    return np.abs(np.linalg.eigvals(np.array(columns).T)).max()


def limit(grows) -> float:
    """The smallest number from which `grows` holds, by bisection between 0.1 and 4."""
    low, high = 0.1, 4.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (low, middle) if grows(middle) else (middle, high)
    return low


@pytest.mark.parametrize("name", INTEGRATORS)
def test_the_limit_of_internal_waves_is_that_of_the_amplification_rounded_down(name):
    integrator = INTEGRATORS[name]
    exact = limit(lambda turn: amplification(integrator, turn, 0.0) > 1 + 1e-6)
    assert integrator.internal_limit == pytest.approx(math.floor(100 * exact + 1e-4) / 100, abs=1e-12)
    if name == "rk3":
        assert exact == pytest.approx(math.sqrt(6), abs=1e-5)


@pytest.mark.parametrize(("name", "most"), [("rk3", 1.0), ("rk4", 1.0), ("ab2", 1.0), ("euler", 1.05)])
def test_the_limit_of_rotation_is_that_of_the_amplification_rounded_down(name, most):
    exact = limit(lambda rotation: amplification(INTEGRATORS[name], 0.0, rotation) > most + 1e-6)
    assert INTEGRATORS[name].inertial_limit == pytest.approx(math.floor(100 * exact + 1e-4) / 100, abs=1e-12)


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("ab2", 1), ("rk3", 2), ("rk4", 2)])
def test_order(name, order):
    """The error of an internal wave after the time 2 falls with this power of the step (ab2: e = 0.6, new_weight 1)."""
    errors = []
    for steps in (40, 80):
        n = state(1.0, 0.0)
        for _ in range(steps):
            new = one_step(INTEGRATORS[name], n, 2.0 / steps, 0.0)
            new.previous = State(**n.arrays())
            n = new
        errors.append(math.hypot(n.u[POINT] - math.cos(2.0), n.T[POINT] - math.sin(2.0)))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)
