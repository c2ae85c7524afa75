"""Checks of adjoints, to be repeated whenever a kernel or a loss has been changed.

    check_operators()            each adjoint kernel is the transpose of its forward kernel: <J dx, y> = <dx, J* y>
    check_controls(simulation)   the gradient of a run: its derivative along a random d equals that by the complex
                                 step, and |J(x + e d) - J(x) - e g.d| decreases as e^2 (Taylor)
    loss_error(loss)             the adjoint of a loss against its value

The tangent linear model is the forward kernels themselves, in complex128 with the increment in the imaginary part:
J dx = imag(F(x + i h dx))/h, exact to round-off for h = 1e-200 (Squire and Trapp 1998, doi 10.1137/S003614459631241X).
"""

import copy
import sys
import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from adjoint.complex_step import STEP, complex_model, directional_derivative, loss_of_run, perturbed_model, working_copy
from adjoint.controls import Control, Controls
from adjoint.dot_product import pair_error
from adjoint.loss import Loss, Sum
from adjoint.losses import MeanSquare
from adjoint.random_ocean import random_grid, size_of
from adjoint.registry import PAIRS
from adjoint.run import gradient
from ogcm.diagnostics.cells import total
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.plotting import Picture, save_figure
from ogcm.simulation import Simulation
from ogcm.state import State
from ogcm.terms import weights_of

Array = np.ndarray
OPERATOR_TOLERANCE = 1e-12
TOLERANCE = 1e-10  # of the gradient of a run
STEPS = 10.0 ** -np.arange(1, 10)  # e of the Taylor remainders, of which the last two are round-off
LOWEST_SLOPE = 1.8
SIDES = ((False, False), (True, False), (True, True))  # periodic in x, in y


def check_operators(names: Iterable[str] | None = None, *, seed: int = 0, progress: bool = True) -> dict[str, float]:
    """Compute the errors of adjoint kernels on random basins with islands, closed and periodic.

    Parameters
    ----------
    names : iterable of str, optional
        Names of pairs in `adjoint.registry`; by default all.
    seed : int, optional
        Seed of the random basins and fields.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    dict of float
        The largest `dot_product_error` by name, of each input alone and of all inputs together. The adjoint is correct
        if it is below `OPERATOR_TOLERANCE`.

    Raises
    ------
    InputError
        For an unknown name.
    """
    names = list(PAIRS if names is None else names)
    grids = [random_grid(seed, periodic_x=x, periodic_y=y) for x, y in SIDES]
    errors = {}
    for name, pair in tqdm(
        {name: PAIRS.find(name) for name in names}.items(), unit="operator", **bar_options(progress)
    ):
        groups = [*([x] for x in pair.inputs), None]
        errors[name] = max(pair_error(pair, grid, seed=seed, active=group) for grid in grids for group in groups)
    return errors


class ControlCheck(NamedTuple):
    """The check of the gradient with respect to one control, along a random d.

    Parameters
    ----------
    derivative : float
        Derivative g.d by the adjoint.
    exact : float
        Derivative by the complex step.
    error : float
        Error of g.d relative to the sum of the magnitudes of its terms [1].
    remainders : ndarray, shape (n,)
        Remainders of Taylor's formula for the e in `STEPS`; empty for a control that does not change the loss.
    slope : float
        Exponent of e with which they decrease; nan if all are round-off, since the loss is linear in the control.
    """

    derivative: float
    exact: float
    error: float
    remainders: Array
    slope: float

    @property
    def influence(self) -> bool:
        """True if the control changes the loss."""
        return self.derivative != 0 or self.exact != 0

    @property
    def passed(self) -> bool:
        """True if the gradient is correct."""
        return self.error < TOLERANCE and not self.slope < LOWEST_SLOPE


def check_controls(
    simulation: Simulation,
    controls: str | Iterable[str] | None = None,
    loss: Loss | None = None,
    *,
    seed: int = 0,
) -> dict[str, ControlCheck]:
    """Check the gradient of a loss over a short run with respect to controls.

    Parameters
    ----------
    simulation : Simulation
        The run, which stays as it is. Its initial state is perturbed at random, since an upwind scheme is not smooth at
        rest.
    controls : str or iterable of str, optional
        Names of the controls; by default all of the model.
    loss : Loss, optional
        The loss; by default one that depends on every field.
    seed : int, optional
        Seed of the random numbers.

    Returns
    -------
    dict of ControlCheck
        The checks by the names of the controls.

    Raises
    ------
    InputError
        For an unknown control, or a model in float32, whose round-off would hide errors.
    """
    if simulation.model.numerics.precision != "float64":
        raise InputError("precision: gradients are checked in float64, whose round-off hides nothing; choose that")
    rng, simulation = np.random.default_rng(seed), copy.copy(simulation)
    model = simulation.model = with_perturbed_state(simulation.model, rng)
    loss = loss or loss_of_every_field(model, rng)
    chosen = Controls(model, every_control(model) if controls is None else controls).controls
    directions = {name: direction(control, model, rng) for name, control in chosen.items()}
    found = gradient(loss, simulation, chosen)
    checks = {}
    for name, d in tqdm(directions.items(), unit="control", **bar_options(simulation.progress)):
        terms = found[name] * d
        derivative, exact = whole_sum(terms, model), directional_derivative(loss, simulation, {name: d})
        scale = max(whole_sum(np.abs(terms), model), abs(exact))
        error = abs(derivative - exact) / scale if scale else 0.0
        remainders = taylor(loss, simulation, {name: d}, found.value, derivative) if scale else np.array([])
        checks[name] = ControlCheck(derivative, exact, error, remainders, slope_of(remainders, found.value))
    return checks


def taylor(loss: Loss, simulation: Simulation, d: dict[str, Array], value: float, derivative: float) -> Array:
    """Compute the remainders of Taylor's formula, |J(x + e d) - J(x) - e g.d|, for the e in `STEPS`.

    Parameters
    ----------
    loss : Loss
        The loss J.
    simulation : Simulation
        The run.
    d : dict of ndarray
        Direction, by the names of controls.
    value : float
        Value of the loss, J(x).
    derivative : float
        Derivative g.d.

    Returns
    -------
    ndarray, shape (n,)
        The remainders.
    """
    moved = [loss_of_run(loss, simulation, perturbed_model(simulation.model, d, float(e))) for e in STEPS]
    return np.abs(np.array(moved) - value - STEPS * derivative)


def slope_of(remainders: Array, value: float) -> float:
    """Compute the slope d log r/d log e for the smallest e at which the remainders r are above round-off.

    Parameters
    ----------
    remainders : ndarray, shape (n,)
        Remainders for the e in `STEPS`.
    value : float
        Value of the loss.

    Returns
    -------
    float
        The larger slope of the last two decades; nan if fewer than two remainders are above round-off. A cell that
        takes another branch at some e, for example convects, causes a jump there, and the smaller e is the fewer cells
        do. A wrong gradient has the slope 1 in both decades.
    """
    if not len(remainders):
        return np.nan
    above = remainders > 30 * max(*remainders[-2:], 1e-16 * abs(value))
    count = len(above) if above.all() else int(np.argmin(above))
    return float(np.max(-np.diff(np.log10(remainders[:count]))[-2:])) if count > 1 else np.nan


def every_control(model: Model) -> list[str]:
    """List the controls of a model. A forcing that is a function of time is not a control.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    list of str
        Their names.
    """
    forcing = [name for name in model.forcing.shapes if name not in model.forcing.functions]
    parameters = [name for name in model.parameters if name != "eos" or model.numerics.has_tracers]
    return [*model.stepped, *forcing, *parameters, *weights_of(model.terms)]


def with_perturbed_state(model: Model, rng: np.random.Generator) -> Model:
    """Copy a model and perturb its state at random, by a tenth of `size_of`.

    Parameters
    ----------
    model : Model
        The model.
    rng : Generator
        Random numbers.

    Returns
    -------
    Model
        The copy.
    """
    other = working_copy(model)
    for name, control in Controls(other, other.stepped).controls.items():
        control.array(other)[...] += control.spread(
            0.1 * size_of(name) * other.grid.tile.drawn(rng.normal, control.shape), other
        )
    return other


def loss_of_every_field(model: Model, rng: np.random.Generator) -> Loss:
    """Make a loss that depends on every field: the mean square distance from random data, in units of `size_of`.

    Parameters
    ----------
    model : Model
        The model.
    rng : Generator
        Random numbers.

    Returns
    -------
    Loss
        The loss.
    """
    terms = []
    layered = [name for name in model.stepped if model.fields[name].vertical != "interface"]
    for name, control in Controls(model, layered).controls.items():
        if model.grid.tile.any(bool(control.mask(model.grid).any())):
            data = control.values(model) + size_of(name) * model.grid.tile.drawn(rng.normal, control.shape)
            terms.append((1 / size_of(name) ** 2, MeanSquare(model, name, data)))
    return Sum(terms)


SIGNS = (-1.0, 1.0)


def direction(control: Control, model: Model, rng: np.random.Generator) -> Array:
    """Make a random change of a control.

    Parameters
    ----------
    control : Control
        The control.
    model : Model
        The model.
    rng : Generator
        Random numbers.

    Returns
    -------
    ndarray
        A change as large as the values of the control, for fields of the state and where values are 0 as `size_of`.
    """
    size = np.full(control.shape, size_of(control.name))
    if control.name == "eos":  # where it is linear, the terms of second order have a derivative, too
        size = np.abs(EQUATIONS_OF_STATE["quadratic"].coefficients if len(size) == 7 else control.values(model))
    elif control.kind != "state":
        values = control.values(model)
        size = np.where(values != 0, np.abs(values), size)
    rim = control.rim if len(control.shape) > 1 else None  # whose list has the points of a map
    shape = control.shape if rim is None else (*control.shape[:-2], *model.horizontal.shape)
    drawn = [
        model.grid.tile.drawn(draw, shape) for draw in (partial(rng.uniform, 0.5, 1.5), partial(rng.choice, SIGNS))
    ]
    magnitude, sign = drawn if rim is None else (a[..., rim.j, rim.i][..., None, :] for a in drawn)
    return size * magnitude * sign


def whole_sum(terms: Array, model: Model) -> float:
    """Sum the terms of a scalar product over the whole ocean.

    Parameters
    ----------
    terms : ndarray
        Terms in the shape of a control.
    model : Model
        The model.

    Returns
    -------
    float
        The sum.
    """
    return float(terms.sum()) if terms.ndim < 2 else total(model, terms)


def loss_error(loss: Loss, state: State | None = None, *, seed: int = 0) -> float:
    """Compute the error of the adjoint of a loss against the complex step of its value.

    Parameters
    ----------
    loss : Loss
        The loss.
    state : State, optional
        State near which the error is computed; by default that of the model.
    seed : int, optional
        Seed of the random numbers.

    Returns
    -------
    float
        The largest error over the records of the loss and over random changes of each field, relative to the sum of
        the magnitudes of all terms [1]. The adjoint is correct if it is below 1e-12.

    Raises
    ------
    InputError
        For a loss whose `value` does not accept complex states.
    """
    rng, model = np.random.default_rng(seed), working_copy(loss.model)
    if state is not None:
        model.state = state.copy()
    model, errors = with_perturbed_state(model, rng), [0.0]
    for name, control in Controls(model, model.stepped).controls.items():
        d = size_of(name) * model.grid.tile.drawn(rng.normal, control.shape)
        tangent = complex_model(model, {name: d}).state
        for record in loss.all_records():
            state_ad = model.state.like()
            value_of_run(loss, model.state, model.state, record)
            loss.adjoint(model.state, record, 1.0, state_ad)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", np.exceptions.ComplexWarning)
                    exact = float(np.imag(value_of_run(loss, model.state, tangent, record))) / STEP
            except (TypeError, np.exceptions.ComplexWarning) as error:
                raise InputError(
                    f"{type(loss).__name__}: its value does not take complex states ({error}); "
                    "write it without float(), max() and comparisons of complex numbers"
                ) from None
            terms = control.collect(getattr(state_ad, name), model.grid) * d
            scale = max(whole_sum(np.abs(terms), model), abs(exact))
            errors.append(abs(whole_sum(terms, model) - exact) / scale if scale else 0.0)
    return max(errors)


def value_of_run(loss: Loss, state: State, other: State, changed: Any) -> complex:
    """Compute the loss of a run that has one state in all records but one.

    Parameters
    ----------
    loss : Loss
        The loss.
    state : State
        The state in all other records.
    other : State
        The state in the record `changed`.
    changed : int
        The record.

    Returns
    -------
    float or complex
        Value of the loss.
    """
    return sum(loss.value(other if record == changed else state, record) for record in loss.all_records())


def draw_remainders(checks: dict[str, ControlCheck], output: str | Path, title: str) -> None:
    """Draw the remainders of Taylor's formula against e, with a line of slope 2.

    Parameters
    ----------
    checks : dict of ControlCheck
        Checks by the names of the controls.
    output : str or Path
        File of the picture.
    title : str
        Title of the picture.

    Raises
    ------
    FileError
        For a file that cannot be written.
    """
    figure = Picture(9, 6)
    axes = figure.subplots()
    shown = {name: check for name, check in checks.items() if len(check.remainders)}
    for n, (name, check) in enumerate(shown.items()):
        style = {"color": f"C{n % 10}", "marker": "os^vD"[n // 10 % 5], "ms": 4}
        scale = abs(check.derivative) or 1.0
        text = f"{name}: {'linear' if np.isnan(check.slope) else f'{check.slope:.2f}'}"
        axes.loglog(STEPS, np.maximum(check.remainders / scale, 1e-18), lw=1, label=text, **style)
    axes.loglog(STEPS, STEPS**2, "k--", lw=2, label="slope 2")
    axes.set(xlabel="e", ylabel="|J(x + e d) - J(x) - e g·d| / |g·d|")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", ncols=1 + len(shown) // 12, title="slope above round-off")
    figure.suptitle(title, fontweight="bold")
    save_figure(figure, output)


def bar_options(progress: bool) -> dict:
    """Return the options of a progress bar.

    Parameters
    ----------
    progress : bool
        Show the bar.

    Returns
    -------
    dict
        Options of `tqdm`.
    """
    return {"disable": None if progress else True, "file": sys.stderr, "leave": False, "dynamic_ncols": True}
