"""The tangent linear model without tangent code: the forward kernels in complex128.

With the perturbation in the imaginary part, J dx = imag(F(x + i h dx))/h is exact to round-off for h = 1e-200, since
nothing is subtracted (Squire and Trapp 1998, doi 10.1137/S003614459631241X). The real part alone decides every branch
of the model, so that the tangent is that of the branch taken, as the adjoint is. Since h^2 underflows to 0, the real
parts are those of the ordinary run to the bit. With h = 1e-30 the product of two zeros could become 1e-60, and a branch
at exactly 0 could be taken the other way.
"""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from adjoint.controls import Controls
from adjoint.loss import Loss
from ogcm.model import Model
from ogcm.simulation import Simulation
from ogcm.state import State
from ogcm.stepper import Stepper
from ogcm.terms import require, weights_of

Array = np.ndarray
STEP = 1e-200


def working_copy(model: Model) -> Model:
    """Copy a model together with its state; grid, forcing and parameters are shared.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    Model
        The copy.
    """
    other = copy.copy(model)
    other.state = model.state.copy()
    return other


def full_copy(model: Model, dtype: np.dtype) -> Model:
    """Copy a model together with its state, forcing, parameters and weights, in another type; the grid is shared.

    Parameters
    ----------
    model : Model
        The model.
    dtype : dtype
        Type of the copies.

    Returns
    -------
    Model
        The copy. A term that has neither weights nor a method `astype` is shared.

    Raises
    ------
    InputError
        For a term with weights and without a method `astype`.
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
    """Copy a model in complex128 and perturb controls in the imaginary part.

    Parameters
    ----------
    model : Model
        The model.
    perturbation : mapping
        Changes by the names of controls (see `adjoint.controls`), in the shapes and units of the controls.

    Returns
    -------
    Model
        The copy, in which each control is changed by i STEP times its perturbation.

    Raises
    ------
    InputError
        For an unknown control or another shape.
    """
    return perturbed_model(model, perturbation, 1j * STEP)


def perturbed_model(model: Model, perturbation: Mapping[str, Array], size: complex) -> Model:
    """Copy a model and perturb controls.

    Parameters
    ----------
    model : Model
        The model.
    perturbation : mapping
        Changes by the names of controls (see `adjoint.controls`), in the shapes and units of the controls.
    size : float or complex
        Factor of the perturbation; its type is that of the copy.

    Returns
    -------
    Model
        The copy, in which each control is changed by `size` times its perturbation.

    Raises
    ------
    InputError
        For an unknown control or another shape.
    """
    controls, other = Controls(model, perturbation), full_copy(model, np.dtype(type(size)))
    for name, change in controls.check(perturbation).items():
        control = controls.controls[name]
        control.array(other)[...] += size * control.spread(change, model)
    return other


def state_as(state: State, dtype: np.dtype) -> State:
    """Copy a state in another type, the previous state included.

    Parameters
    ----------
    state : State
        The state.
    dtype : dtype
        Type of the copy.

    Returns
    -------
    State
        The copy.
    """
    fields = {name: a.astype(dtype) for name, a in state.arrays().items()}
    previous = state_as(state.previous, dtype) if state.previous is not None else None
    return State(**fields, time=state.time, step=state.step, previous=previous)


def tangent(simulation: Simulation, perturbation: Mapping[str, Array]) -> State:
    """Compute the change of the last state of a run for a change of its controls: J dx, exact to round-off.

    Parameters
    ----------
    simulation : Simulation
        The run, which stays as it is.
    perturbation : mapping
        Changes by the names of controls (see `adjoint.controls`), in the shapes and units of the controls.

    Returns
    -------
    State
        Change of the state, with halo.

    Raises
    ------
    InputError
        For an unknown control or another shape.
    """
    model = complex_model(simulation.model, perturbation)
    stepper = Stepper(model)
    for _ in range(simulation.steps):
        stepper.step()
    state = model.state
    fields: dict[str, Any] = {name: a.imag / STEP for name, a in state.arrays().items()}
    return State(**fields, time=state.time, step=state.step)


def directional_derivative(loss: Loss, simulation: Simulation, perturbation: Mapping[str, Array]) -> float:
    """Compute the derivative of a loss along a perturbation, exact to round-off. All gradients are checked against it.

    Parameters
    ----------
    loss : Loss
        The loss.
    simulation : Simulation
        The run, which stays as it is.
    perturbation : mapping
        Changes by the names of controls (see `adjoint.controls`), in the shapes and units of the controls.

    Returns
    -------
    float
        The derivative.
    """
    return float(np.imag(loss_of_run(loss, simulation, complex_model(simulation.model, perturbation)))) / STEP


def loss_of_run(loss: Loss, simulation: Simulation, model: Model) -> complex:
    """Compute the loss of a run of another model with the same grid.

    Parameters
    ----------
    loss : Loss
        The loss.
    simulation : Simulation
        The run, whose number of steps is used.
    model : Model
        The model that is stepped; it ends in its last state.

    Returns
    -------
    float or complex
        Value of the loss.
    """
    stepper, records, total = Stepper(model), loss.records_by_step(simulation), 0.0
    for n in range(simulation.steps + 1):
        if n > 0:
            stepper.step()
        for record in records.get(n, ()):
            total += loss.value(model.state.to("cpu"), record)
    return total
