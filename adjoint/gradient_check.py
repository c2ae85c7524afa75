"""Are the adjoints right? Three checks, for whoever has changed a kernel or written a loss.

    check_operators()            each adjoint kernel is the transpose of its forward kernel: <J dx, y> = <dx, J* y>
    check_controls(simulation)   the gradient of a run: its derivative along a random d is the complex step's, and
                                 |J(x + e d) - J(x) - e g.d| falls with e^2 (Taylor)
    loss_error(loss)             the adjoint of a loss against its value

The tangent linear comes from the forward kernels themselves, run in complex128 with the increment in
the imaginary part: J dx = imag(F(x + i h dx))/h, exact to round-off for h = 1e-200 (Squire and
Trapp 1998, doi 10.1137/S003614459631241X).
"""

import copy
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from adjoint.complex_step import STEP, complex_model, directional_derivative, loss_of_run, perturbed_model, working_copy
from adjoint.controls import Control, Controls
from adjoint.losses import Loss, MeanSquare, Sum
from adjoint.random_ocean import SIZES, mask_of, random_field, random_grid
from adjoint.registry import PAIRS, Pair
from adjoint.run import gradient
from ogcm.errors import InputError
from ogcm.grid import Grid, interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.plotting import Picture, save_figure
from ogcm.simulation import Simulation
from ogcm.state import State
from ogcm.terms import weights_of

Array = np.ndarray
OPERATOR_TOLERANCE = 1e-12
TOLERANCE = 1e-10  # of the gradient of a run
STEPS = 10.0 ** -np.arange(1, 10)  # e of the Taylor remainders; at the last two they are round-off
LOWEST_SLOPE = 1.8
SIDES = ((False, False), (True, False), (True, True))  # periodic in x, in y


def dot_product_error(
    forward: Callable,
    adjoint: Callable,
    inputs: dict[str, np.ndarray],
    constants: Callable[[Grid, np.dtype], tuple],
    grid: Grid,
    outputs: dict[str, tuple[int, ...]],
    *,
    seed: int = 0,
    active: Sequence[str] | None = None,
    increments: dict[str, np.ndarray] | None = None,
) -> float:
    """|<J dx, y> - <dx, J* y>| over the sum of the magnitudes of all terms (0 where nothing flows).

    `forward(*inputs, *constants, grid, *outputs)` and
    `adjoint(*inputs, *constants, grid, *outputs_ad, *inputs_ad)`, with `constants(grid, dtype)`; `inputs` are
    arrays with filled halos, `outputs` the shapes of what forward assigns; `active` names the inputs that are
    perturbed (default: all). Perturbations are as large as the input, so that land and closed faces stay as they
    are; `increments` gives others, for inputs of 0.
    """

    def inner(x):
        return interior(x) if x.ndim >= 2 else x

    rng = np.random.default_rng(seed)
    active = list(inputs) if active is None else active

    def random_like(x):
        dx = np.zeros(x.shape)
        inner(dx)[...] = rng.normal(size=inner(x).shape) * np.abs(inner(x))
        exchange(grid, *([dx] if dx.ndim >= 2 else []))
        return dx

    if increments is None:
        increments = {name: random_like(x) if name in active else np.zeros_like(x) for name, x in inputs.items()}
    perturbed = [x + 1j * STEP * increments[name] for name, x in inputs.items()]
    results = [np.zeros(shape, complex) for shape in outputs.values()]
    forward(*perturbed, *constants(grid, np.dtype(complex)), grid, *results)

    weights = []
    for result in results:
        y = np.zeros(result.shape)
        interior(y)[...] = rng.normal(size=interior(y).shape)
        exchange(grid, y)
        weights.append(y)
    gradients = [np.zeros(x.shape) for x in inputs.values()]
    adjoint(*inputs.values(), *constants(grid, np.dtype(float)), grid, *weights, *gradients)

    terms = [inner(r.imag / STEP) * inner(y) for r, y in zip(results, weights, strict=True)]
    terms += [-inner(increments[name]) * inner(g) for name, g in zip(inputs, gradients, strict=True)]
    magnitude = sum(abs(t).sum() for t in terms)
    return abs(sum(t.sum() for t in terms)) / magnitude if magnitude else 0.0


def pair_error(pair: Pair, grid: Grid, *, seed: int = 0, active: Sequence[str] | None = None) -> float:
    """The dot-product error of a forward kernel and its adjoint on random fields."""
    rng = np.random.default_rng(seed)
    inputs = {x: random_field(grid, kind, rng, size) for x, (kind, size) in pair.inputs.items()}
    outputs = {y: mask_of(grid, kind).shape for y, kind in pair.outputs.items()}
    return dot_product_error(
        pair.forward, pair.adjoint, inputs, pair.constants, grid, outputs, seed=seed, active=active
    )


def check_operators(names: Iterable[str] | None = None, *, seed: int = 0, progress: bool = True) -> dict[str, float]:
    """The largest dot-product error of the named pairs of `adjoint.registry` (default: all), right below
    OPERATOR_TOLERANCE.

    On random basins with islands, closed and periodic, for each input alone and all together; `seed` makes others.
    Raises InputError for an unknown name.
    """
    names = list(PAIRS if names is None else names)
    grids = [random_grid(seed, periodic_x=x, periodic_y=y) for x, y in SIDES]
    errors = {}
    for name, pair in tqdm({name: PAIRS.find(name) for name in names}.items(), unit="operator", **bar(progress)):
        groups = [*([x] for x in pair.inputs), None]
        errors[name] = max(pair_error(pair, grid, seed=seed, active=group) for grid in grids for group in groups)
    return errors


class ControlCheck(NamedTuple):
    """What was found for one control."""

    derivative: float  # g.d, of the adjoint
    exact: float  # of the complex step
    error: float  # of g.d relative to the sum of the magnitudes of its terms
    remainders: Array  # of Taylor's formula for STEPS; empty without influence
    slope: float  # with which they fall; nan where all are round-off: the loss is linear in the control

    @property
    def influence(self) -> bool:
        """Whether the control changes the loss at all."""
        return self.derivative != 0 or self.exact != 0

    @property
    def passed(self) -> bool:
        return self.error < TOLERANCE and not self.slope < LOWEST_SLOPE


def check_controls(
    simulation: Simulation,
    controls: str | Iterable[str] | None = None,
    loss: Loss | None = None,
    *,
    seed: int = 0,
) -> dict[str, ControlCheck]:
    """The gradient of `loss` over a (short) `simulation` with respect to each of `controls`, checked.

    Default: all controls of the model, and a loss that sees every field. The run starts from its initial state,
    perturbed at random, since at rest an upwind scheme stands at its kink. The simulation stays as it is.
    Raises InputError for an unknown control, or a model in float32, whose round-off would hide errors.
    """
    if simulation.model.numerics.precision != "float64":
        raise InputError("precision: gradients are checked in float64, whose round-off hides nothing; choose that")
    rng, simulation = np.random.default_rng(seed), copy.copy(simulation)
    model = simulation.model = with_perturbed_state(simulation.model, rng)
    loss = loss or every_field(model, rng)
    chosen = Controls(model, every_control(model) if controls is None else controls).controls
    directions = {name: direction(control, model, rng) for name, control in chosen.items()}
    found = gradient(loss, simulation, chosen)
    checks = {}
    for name, d in tqdm(directions.items(), unit="control", **bar(simulation.progress)):
        terms = found[name] * d
        derivative, exact = float(terms.sum()), directional_derivative(loss, simulation, {name: d})
        scale = max(float(np.abs(terms).sum()), abs(exact))
        error = abs(derivative - exact) / scale if scale else 0.0
        remainders = taylor(loss, simulation, {name: d}, found.value, derivative) if scale else np.array([])
        checks[name] = ControlCheck(derivative, exact, error, remainders, slope_of(remainders, found.value))
    return checks


def taylor(loss: Loss, simulation: Simulation, d: dict[str, Array], value: float, derivative: float) -> Array:
    """|J(x + e d) - J(x) - e g.d| for the e of STEPS."""
    moved = [loss_of_run(loss, simulation, perturbed_model(simulation.model, d, float(e))) for e in STEPS]
    return np.abs(np.array(moved) - value - STEPS * derivative)


def slope_of(remainders: Array, value: float) -> float:
    """The slope d log r/d log e for the smallest e above round-off; nan where fewer than two are.

    The larger one of the last two decades: a cell that changes its branch (convects, say) at some e makes a jump there,
    and fewer do the smaller e is; a wrong gradient has the slope 1 in both.
    """
    if not len(remainders):
        return np.nan
    above = remainders > 30 * max(*remainders[-2:], 1e-16 * abs(value))
    count = len(above) if above.all() else int(np.argmin(above))
    return float(np.max(-np.diff(np.log10(remainders[:count]))[-2:])) if count > 1 else np.nan


def every_control(model: Model) -> list[str]:
    """The names of all controls of the model; a forcing that is a function of time is none."""
    forcing = [name for name in model.forcing.shapes if name not in model.forcing.functions]
    parameters = [name for name in model.parameters if name != "eos" or model.numerics.has_tracers]
    return [*model.numerics.stepped, *forcing, *parameters, *weights_of(model.terms)]


def with_perturbed_state(model: Model, rng: np.random.Generator) -> Model:
    """A copy whose state is moved at random, by a tenth of SIZES."""
    other = working_copy(model)
    for name, control in Controls(other, other.numerics.stepped).controls.items():
        control.array(other)[...] += control.spread(0.1 * SIZES[name] * rng.normal(size=control.shape), other)
    return other


def every_field(model: Model, rng: np.random.Generator) -> Loss:
    """The mean square distance of every field from data near its initial state, in units of SIZES."""
    terms = []
    for name, control in Controls(model, model.numerics.stepped).controls.items():
        if control.mask(model.grid).any():
            data = control.values(model) + SIZES[name] * rng.normal(size=control.shape)
            terms.append((1 / SIZES[name] ** 2, MeanSquare(model, name, data)))
    return Sum(terms)


def direction(control: Control, model: Model, rng: np.random.Generator) -> Array:
    """A random change of a control, as large as its values (SIZES for the state, and where they are 0)."""
    size = np.full(control.shape, SIZES.get(control.name, 1.0))
    if control.name == "eos":  # where it is linear, the terms of second order have a derivative, too
        size = np.abs(EQUATIONS_OF_STATE["quadratic"].coefficients if len(size) == 7 else control.values(model))
    elif control.kind != "state":
        values = control.values(model)
        size = np.where(values != 0, np.abs(values), size)
    return size * rng.uniform(0.5, 1.5, control.shape) * rng.choice([-1.0, 1.0], control.shape)


def loss_error(loss: Loss, state: State | None = None, *, seed: int = 0) -> float:
    """The error of a loss's adjoint against the complex step of its value, relative to the sum of all magnitudes.

    The largest over its records and over random changes of each field of the state, near `state` (default: the
    model's). Below 1e-12 the adjoint is right. Raises InputError for a `value` that does not take complex states.
    """
    rng, model = np.random.default_rng(seed), working_copy(loss.model)
    if state is not None:
        model.state = state.copy()
    model, errors = with_perturbed_state(model, rng), [0.0]
    for name, control in Controls(model, model.numerics.stepped).controls.items():
        d = SIZES[name] * rng.normal(size=control.shape)
        tangent = complex_model(model, {name: d}).state
        for record in loss.all_records():
            state_ad = State.zeros(model.grid)
            loss.adjoint(model.state, record, 1.0, state_ad)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", np.exceptions.ComplexWarning)
                    exact = float(np.imag(loss.value(tangent, record))) / STEP
            except (TypeError, np.exceptions.ComplexWarning) as error:
                raise InputError(
                    f"{type(loss).__name__}: its value does not take complex states ({error}); "
                    "write it without float(), max() and comparisons of complex numbers"
                ) from None
            terms = control.collect(getattr(state_ad, name), model.grid) * d
            scale = max(float(np.abs(terms).sum()), abs(exact))
            errors.append(abs(terms.sum() - exact) / scale if scale else 0.0)
    return max(errors)


def draw_remainders(checks: dict[str, ControlCheck], output: str | Path, title: str) -> None:
    """Write a picture of the Taylor remainders against e, with a line of slope 2. Raises FileError where it cannot."""
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


def bar(progress: bool) -> dict:
    """Options of a progress bar."""
    return {"disable": None if progress else True, "file": sys.stderr, "leave": False, "dynamic_ncols": True}
