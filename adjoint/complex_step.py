"""The tangent linear model, without a line of tangent code: the forward kernels in complex128.

With the perturbation in the imaginary part, J dx = imag(F(x + i h dx))/h is exact to round-off for h = 1e-200, since
nothing is subtracted (Squire and Trapp 1998, doi 10.1137/S003614459631241X). Every branch of the model is chosen by
the real part, so that the tangent is that of the branch taken, as the adjoint is. h^2 underflows to 0: the real parts
are those of the plain run to the bit, where an h of 1e-30 would make a flow of 1e-60 of the product of two zeros, and
a branch at exactly 0 could fall to the other side.
"""

import copy
import dataclasses
from collections.abc import Mapping

import numpy as np

from adjoint.controls import Controls
from adjoint.losses import Loss
from ogcm.model import Model
from ogcm.simulation import Simulation
from ogcm.state import State
from ogcm.stepper import Stepper
from ogcm.terms import require, weights_of

Array = np.ndarray
STEP = 1e-200


def working_copy(model: Model) -> Model:
    """The model with a state of its own; grid, forcing and parameters are shared."""
    other = copy.copy(model)
    other.state = model.state.copy()
    return other


def full_copy(model: Model, dtype: np.dtype) -> Model:
    """The model with a state, a forcing, parameters and weights of its own, in `dtype`; the grid is shared.

    So is a term that has neither weights nor a method `astype`. Raises InputError for one with weights without it.
    """
    other = copy.copy(model)
    other.state = state_as(model.state, dtype)
    other.parameters = {name: a.astype(dtype) for name, a in model.parameters.items()}
    learning = {name: model.terms[name] for name in weights_of(model.terms)}
    require(learning, ("astype",), "the complex step needs a copy with complex weights")
    other.terms = {name: t.astype(dtype) if hasattr(t, "astype") else t for name, t in model.terms.items()}
    other.forcing = copy.copy(model.forcing)
    other.forcing.dtype = dtype
    other.forcing.steady = {name: a.astype(dtype) for name, a in model.forcing.steady.items()}
    other.forcing.series = {
        name: dataclasses.replace(series, values=series.values.astype(dtype))
        for name, series in model.forcing.series.items()
    }
    return other


def complex_model(model: Model, perturbation: Mapping[str, Array]) -> Model:
    """The model in complex128, each named control moved by its perturbation times i STEP.

    Raises InputError for an unknown control or a shape that does not fit.
    """
    return perturbed_model(model, perturbation, 1j * STEP)


def perturbed_model(model: Model, perturbation: Mapping[str, Array], size: complex) -> Model:
    """The model, copied in the type of `size`, each named control moved by `size` times its perturbation.

    Raises InputError for an unknown control or a shape that does not fit.
    """
    controls, other = Controls(model, perturbation), full_copy(model, np.dtype(type(size)))
    for name, change in controls.check(perturbation).items():
        control = controls.controls[name]
        control.array(other)[...] += size * control.spread(change, model)
    return other


def state_as(state: State, dtype: np.dtype) -> State:
    """A copy of the state in `dtype`, the one before it included."""
    fields = {name: a.astype(dtype) for name, a in state.arrays().items()}
    previous = state_as(state.previous, dtype) if state.previous is not None else None
    return State(**fields, time=state.time, step=state.step, previous=previous)


def tangent(simulation: Simulation, perturbation: Mapping[str, Array]) -> State:
    """How the state at the end of `simulation` changes with its controls: J dx, exact to round-off.

    `perturbation` names controls (see `adjoint.controls`) and gives a change of each, in its shape and units; what is
    returned has the shapes and units of the state, with halo. The simulation stays as it is.
    Raises InputError for an unknown control or a shape that does not fit.
    """
    model = complex_model(simulation.model, perturbation)
    stepper = Stepper(model)
    for _ in range(simulation.steps):
        stepper.step()
    state = model.state
    return State(**{name: a.imag / STEP for name, a in state.arrays().items()}, time=state.time, step=state.step)


def directional_derivative(loss: Loss, simulation: Simulation, perturbation: Mapping[str, Array]) -> float:
    """The derivative of `loss` along `perturbation`, exact to round-off: what every gradient is checked against."""
    return float(np.imag(loss_of_run(loss, simulation, complex_model(simulation.model, perturbation)))) / STEP


def loss_of_run(loss: Loss, simulation: Simulation, model: Model) -> complex:
    """`loss` over the days of `simulation`, run with another `model` of its grid, which ends in its last state."""
    stepper, records, total = Stepper(model), loss.records_by_step(simulation), 0.0
    for n in range(simulation.steps + 1):
        if n > 0:
            stepper.step()
        for record in records.get(n, ()):
            total += loss.value(model.state.to("cpu"), record)
    return total
