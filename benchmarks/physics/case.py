"""The result of a case (checks and curves of theory and model), and the run of its model."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

import ogcm
from ogcm.constants import GRAVITY, RHO0
from ogcm.operators.equation_of_state import LINEAR
from ogcm.state import State

Array = np.ndarray
WARMTH = GRAVITY * LINEAR.a0 / RHO0  # buoyancy of a degree [m s-2 K-1], linear equation of state
T_REFERENCE = 10.0  # [degC] where b = 0
PASSIVE = {"eos": np.zeros(len(LINEAR))}  # a tracer that the flow does not feel
INVISCID = {"friction": "none", "diffusion": "none", "advection": "centred2"}
NO_MIXING = {"nu_v": 0.0, "kappa_v": 0.0, "kappa_convective": 0.0}


class Check(NamedTuple):
    """A number of theory and model; `error` must not exceed `tolerance`."""

    name: str
    theory: float
    model: float
    error: float
    tolerance: float


class Result(NamedTuple):
    """The checks of a case, and its curves as name: (x, theory, model)."""

    checks: list[Check]
    curves: Mapping[str, tuple[Array, Array, Array]] = MappingProxyType({})

    def failures(self) -> list[Check]:
        """The checks with an error beyond their tolerance, or NaN."""
        return [check for check in self.checks if not check.error <= check.tolerance]


Case = Callable[[], Result]


def close(name: str, theory: float, model: float, tolerance: float, scale: float | None = None) -> Check:
    """`model` is `theory` within `tolerance` of `scale` (default: of itself)."""
    return Check(name, theory, model, abs(model - theory) / (scale or abs(theory)), tolerance)


def small(name: str, error: float, tolerance: float) -> Check:
    """An error that theory would have at 0."""
    return Check(name, 0.0, float(error), float(error), tolerance)


def order(name: str, expected: float, errors: list[float], shortfall: float) -> Check:
    """Errors at resolutions that double fall with at least the order `expected` - `shortfall`."""
    found = float(np.log2(np.array(errors[:-1]) / errors[1:]).min())
    return Check(name, expected, found, float(np.maximum(0, expected - found)), shortfall)  # NaN stays NaN


def advance(model: ogcm.Model, steps: int, watch: Callable[[State], object] | None = None) -> Array:
    """Run the model; return the values of `watch` for the state after each step."""
    stepper, values = ogcm.Stepper(model), []
    for _ in range(steps):
        stepper.step()
        if watch is not None:
            values.append(watch(model.state))
    return np.array(values)
