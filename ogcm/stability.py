"""Limits of the time step: waves, flow and mixing; Courant numbers and the first invalid value of a state.

A time step acts on a small disturbance as a linear map. For a plane wave over a flat bottom, with u along the wave and
eta in units in which du/dt = -omega eta, omega = sqrt(g H) K, that map depends on two numbers,

    turn = omega dt,     damping = nu K^2 dt  (biharmonic: nu4 K^4 dt)

and on the weights of the barotropic substeps; `amplification` is its largest eigenvalue. Friction is constant during
the substeps. Therefore a wave that turns by pi within a step is subject to friction in the wrong phase: there, a
damping of 0.22 makes it grow, whereas 2 would be stable without gravity waves. A cell holds all waves from its
shortest, K^2 = 4/dx^2 + 4/dy^2, upwards; `largest_damping` is the damping of its shortest wave for which none of them
grows (docs/numerics.md).
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np

from ogcm import diagnostics
from ogcm.air_sea import fluxes_at
from ogcm.device import zeros
from ogcm.errors import InputError
from ogcm.grid import Grid, interior
from ogcm.halo import exchange
from ogcm.integrators import INTEGRATORS
from ogcm.model import Model
from ogcm.operators.barotropic import averaging_weights
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.operators.friction import stress_divergence
from ogcm.operators.layers import continuity, stretch, transports
from ogcm.state import State, Stretching

Array = np.ndarray
BAROTROPIC_COURANT = 0.85  # Courant number of an automatic substep; forward-backward is stable up to 1
FEWEST_SUBSTEPS = 4  # least automatic number: the energy of a flow drifts in proportion to dt/number
LARGEST_CFL = 1.0  # largest Courant number of the flow, along layers and across them
LARGEST_DAMPING = 1.8  # of the shortest wave in an Euler step: 2, reduced for internal waves
TURNS, DAMPINGS = np.linspace(0.05, 12.0, 240), np.linspace(0.0, 2.0, 101)  # axes of the table of `largest_damping`
SMALL_DAMPING = 0.04  # weaker mixing is stable over any bottom
ITERATIONS = 30  # steps of the power iteration for the largest eigenvalue of friction


def largest(model: Model, field: Array) -> float:
    """Return the largest value of a field with halo in the whole ocean; the model may be on a GPU."""
    return model.grid.tile.largest(float(interior(field).max()))


# Waves


def shortest_wavenumber_squared(model: Model) -> Array:
    """Return K^2 of the shortest wave in a cell, shape (nj, ni) [m-2]: 4/dx^2 + 4/dy^2.

    A direction along which the grid has one cell does not count.
    """
    (ny, nx), grid = model.horizontal.shape, model.grid
    return 4.0 * (nx > 1) / grid.dx_t.astype(float) ** 2 + 4.0 * (ny > 1) / grid.dy_t.astype(float) ** 2


def surface_wave_turn(model: Model, dt: float) -> Array:
    """Return omega dt of the shortest surface wave in a cell, shape (nj, ni) [1], 0 on land."""
    grid = model.grid
    return dt * np.sqrt(model.numerics.gravity * grid.depth_t * shortest_wavenumber_squared(model)) * grid.mask_t[0]


def barotropic_steps(model: Model, dt: float | None = None) -> float:
    """Return the number of barotropic substeps in a step of dt [s].

    It is the number that was chosen, or the one that the shortest surface wave requires.
    """
    turn = surface_wave_turn(model, dt or model.numerics.dt)
    needed = largest(model, turn) / 2 / BAROTROPIC_COURANT
    return model.numerics.barotropic_steps or (max(needed, FEWEST_SUBSTEPS) if needed else 1)


@lru_cache
def substep_weights(steps: float, fraction: float = 1.0) -> tuple[Array, Array]:
    """Return the averaging weights (a, b) [1] of the barotropic substeps in a stage (see `averaging_weights`).

    `steps` is the number of substeps in a whole step, `fraction` the length of the stage as a fraction of the step. All
    steppers share the arrays, which must not be changed.
    """
    return averaging_weights(max(1, math.ceil(fraction * steps)))


def amplification(steps: float, turn: Array, damping: Array) -> Array:
    """Return the amplitude of a wave after a step relative to that before it.

    Parameters
    ----------
    steps : float
        Number of barotropic substeps in a step.
    turn, damping : ndarray
        omega dt and nu K^2 dt of the wave [1], of shapes that can be broadcast.

    Returns
    -------
    ndarray
        Largest modulus of the eigenvalues of the step, of the broadcast shape.

    Notes
    -----
    The substeps are those of `ogcm.operators.barotropic`, with the friction F of the wave at the start held constant.
    """
    turn, damping = (a[..., None] for a in np.broadcast_arrays(turn, damping))
    a, b = substep_weights(steps)
    u, eta = (np.broadcast_to(column, (*turn.shape[:-1], 2)) for column in np.eye(2))
    F, half = -damping * u, 0.5 * b[0]
    surface, middle = eta, u + half * (F - turn * eta)
    u_new, U_mean = np.zeros_like(middle), np.zeros_like(middle)
    for a_m, b_m in zip(a, b, strict=True):
        surface = surface + b[0] * turn * middle
        U_mean = U_mean + b_m * middle
        kick = half * (F - turn * surface)
        u_new = u_new + a_m * (middle + kick)
        middle = middle + 2 * kick
    matrix = np.stack([u_new, eta + turn * U_mean], axis=-2)
    return np.abs(np.linalg.eigvals(matrix)).max(axis=-1)


# Mixing


@lru_cache
def damping_table(steps: float) -> Array:
    """Return, for each of TURNS, the largest damping with which a wave that turns so far in a step does not grow."""
    grows = amplification(steps, TURNS[:, None], DAMPINGS) > 1 + 1e-6
    first = np.where(grows.any(axis=1), grows.argmax(axis=1), len(DAMPINGS))
    return np.minimum(DAMPINGS[first - 1], LARGEST_DAMPING)


def largest_damping(model: Model, dt: float, power: int) -> Array:
    """Return the largest damping of the shortest wave in a cell for which no longer wave grows either.

    Parameters
    ----------
    model : Model
        The model.
    dt : float
        Time step [s].
    power : int
        1 for Laplacian friction, 2 for biharmonic, whose damping falls with the wavelength as turn^(2 power).

    Returns
    -------
    ndarray, shape (nj, ni)
        The damping [1].
    """
    table = damping_table(barotropic_steps(model, dt))
    ratio = np.minimum.accumulate(table / TURNS ** (2 * power))
    turns = np.clip(surface_wave_turn(model, dt), TURNS[0], None)
    return np.minimum(np.interp(turns, TURNS, ratio) * turns ** (2 * power), LARGEST_DAMPING)


def friction_excess(model: Model, name: str, dt: float) -> float:
    """Return the factor by which friction with one parameter is too strong for a time step, at the worst place.

    It is the largest eigenvalue of the friction operator of the model, with walls and thin cells, for the viscosity
    divided by the largest stable one of each cell. It is found by power iteration.

    Parameters
    ----------
    model : Model
        The model.
    name : str
        "nu_h" or "nu4_h".
    dt : float
        Time step [s].

    Returns
    -------
    float
        The factor; up to 1 the step is stable.
    """
    grid, power = model.grid, {"nu_h": 1, "nu4_h": 2}[name]
    nu = model.parameters[name] * dt
    damping = interior(nu * shortest_wavenumber_squared(model) ** power) * interior(grid.mask_t)
    if not grid.tile.largest(float(damping.max())) > SMALL_DAMPING:
        return 0.0
    nu = (nu / largest_damping(model, dt, power)).astype(grid.h_t.dtype)
    one = np.ones_like(nu[:1])
    k, j, i = np.indices(grid.h_t.shape)
    j, i = j + grid.tile.start[0], i + grid.tile.start[1]
    signs, noise = (-1.0) ** (k + j + i), np.sin(12.9 * k + 78.2 * j + 37.7 * i)  # the same in any division into tiles
    u, v = (((1 + 0.1 * noise) * signs * mask).astype(nu.dtype) for mask in (grid.mask_u, grid.mask_v))
    excess = 0.0
    for _ in range(ITERATIONS):
        for viscosity in (one, nu)[2 - power :]:
            exchange(grid, u, v)
            D_u, D_v = np.zeros_like(u), np.zeros_like(v)
            stress_divergence(u, v, viscosity, grid, D_u, D_v)
            u, v = D_u, D_v
        excess = volume_norm(u, v, grid)
        if not excess > 0:
            return 0.0
        u, v = (u / excess).astype(nu.dtype), (v / excess).astype(nu.dtype)
    return excess


def volume_norm(u: Array, v: Array, grid: Grid) -> float:
    """Return the norm in which friction is symmetric: the root of the volume integral of u^2 + v^2."""
    squares = interior(grid.area_u * grid.h_u * (u * u) + grid.area_v * grid.h_v * (v * v))
    return math.sqrt(grid.tile.total(squares.sum(axis=0, dtype=float)))


def diffusion_excess(model: Model, name: str, dt: float) -> float:
    """Return the factor by which diffusion with one parameter is too strong for a step of dt [s], at the worst place.

    `name` is "kappa_h", "kappa4_h" or "kappa_redi", of which only half is stable: along a slope s, waves with
    wavenumbers m = K/s across the layers are damped by K^2 + 2 s m K - (s m)^2 = 2 K^2, with the last part implicit.
    """
    power, most = {"kappa_h": (1, 1.0), "kappa4_h": (2, 1.0), "kappa_redi": (1, 0.5)}[name]
    damping = model.parameters[name] * shortest_wavenumber_squared(model) ** power * dt * model.grid.mask_t[0]
    return largest(model, damping) / (most * LARGEST_DAMPING)


def viscosity_excess(model: Model, nu: Array, most: Array) -> float:
    """Return the largest ratio of a flow-dependent viscosity `nu` to the stable ones, `most` (`stable_mixing`)."""
    return model.grid.tile.largest(float((interior(nu) / most).max()))


def stable_mixing(model: Model) -> dict[str, Array]:
    """Return the largest stable mixing along layers over a flat bottom.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    dict of str to ndarray, shape (ny, nx)
        Maps by the name of each parameter in use [m2 s-1; biharmonic ones m4 s-1], infinite on land.
    """
    dt, most = model.numerics.dt, {}
    for choice, names in (
        (model.numerics.friction, ("nu_h", "nu4_h")),
        (model.numerics.diffusion, ("kappa_h", "kappa4_h")),
    ):
        for power, name in enumerate(names[: {"none": 0, "laplacian": 1, "biharmonic": 2}[choice]], start=1):
            damping = largest_damping(model, dt, power) if name.startswith("nu") else LARGEST_DAMPING
            bearable = damping / (np.maximum(shortest_wavenumber_squared(model), 1e-30) ** power * dt)
            most[name] = interior(np.where(model.grid.mask_t[0] > 0, bearable, np.inf))
    return most


def excesses(model: Model, dt: float) -> dict[str, float]:
    """Return the factor by which mixing along layers is too strong for a step of dt [s], for each parameter in use."""
    numerics, found = model.numerics, dict[str, float]()
    for choice, names, excess in (
        (numerics.friction, ("nu_h", "nu4_h"), friction_excess),
        (numerics.diffusion, ("kappa_h", "kappa4_h"), diffusion_excess),
    ):
        used = names[: {"none": 0, "laplacian": 1, "biharmonic": 2}[choice]]
        each = {name: excess(model, name, dt) for name in used}
        found |= {name: sum(each.values()) if e == max(each.values()) else e for name, e in each.items()}
    if numerics.has_eddies:
        found["kappa_redi"] = diffusion_excess(model, "kappa_redi", dt)
    return found


# Checks


def check_numerics(model: Model) -> None:
    """Raise InputError if the step is too long for rotation or mixing, or has too few barotropic substeps."""
    numerics, dt = model.numerics, model.numerics.dt
    host = model.device == "cpu" and not np.iscomplexobj(
        model.state.u
    )  # a mirror or tangent belongs to a model that was checked
    if numerics.dynamics == "none" or not host:
        return
    needed = largest(model, surface_wave_turn(model, dt)) / 2
    if numerics.barotropic_steps and needed > numerics.barotropic_steps:
        raise InputError(
            f"barotropic_steps: {numerics.barotropic_steps} are too few for surface waves with dt = {dt:g} s; "
            f"use at least {math.ceil(needed / BAROTROPIC_COURANT)}, or 0 for as many as they need"
        )
    coriolis, limit = largest(model, np.abs(model.grid.f)) * dt, INTEGRATORS[numerics.integrator].inertial_limit
    if coriolis > limit:
        raise InputError(
            f"dt: {dt:g} s gives f dt = {coriolis:.2g}, and the limit of {numerics.integrator} is {limit}; "
            f"use at most {0.8 * dt * limit / coriolis:.3g} s"
        )
    for name, excess in excesses(model, dt).items():
        if excess > 1:
            value = largest(model, model.parameters[name])
            best = longest_stable_step(dt, partial(is_bearable, model, name))
            raise InputError(
                f"{name}: {value:.3g} is unstable with dt = {dt:g} s at the worst place; "
                f"use at most {0.9 * value / excess:.2g}, or dt = {best:.2g} s"
            )


def is_bearable(model: Model, name: str, dt: float) -> bool:
    """Return True where mixing by the parameter `name` is stable with steps of dt [s]."""
    return excesses(model, dt)[name] <= 1


def longest_stable_step(dt: float, fits: Callable[[float], bool]) -> float:
    """Return the longest of the steps 0.9 dt, 0.81 dt, ... for which `fits` is true."""
    return next((d for n in range(1, 100) if fits(d := dt * 0.9**n)), dt * 0.9**100)


def check_flow(model: Model) -> None:
    """Raise InputError if the step is too long for the flow or the stratification of the state of the model."""
    dt, numbers = model.numerics.dt, courant_numbers(model)
    for name, words in (("advection", "Courant number"), ("vertical", "vertical Courant number")):
        if not numbers[name] <= LARGEST_CFL:
            best = dt * 0.8 / numbers[name]
            raise InputError(f"dt: {dt:g} s gives the {words} {numbers[name]:.2g}; use at most {best:.3g} s")
    limit = INTEGRATORS[model.numerics.integrator].internal_limit
    if (internal := internal_wave_turn(model)) > limit:
        raise InputError(
            f"dt: {dt:g} s turns internal waves by {internal:.2g} in a step, and the limit of "
            f"{model.numerics.integrator} is {limit}; use at most {dt * 0.8 * limit / internal:.3g} s"
        )


# Courant numbers and values of a running model


def courant_numbers(model: Model) -> dict[str, float]:
    """Return the Courant numbers of the state of a model: distances in a time step, in cells, at the worst place.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    dict of str to float
        "advection" |u| dt/dx + |v| dt/dy, "vertical" |w| dt/h, "surface_wave" sqrt(g H) dt sqrt(1/dx2 + 1/dy2) (which
        the barotropic substeps divide), "friction" 4 nu_h dt (1/dx2 + 1/dy2).
    """
    g, s, dt = model.grid, model.state, model.numerics.dt
    wet, h = interior(g.mask_t) == 1, diagnostics.thickness(model)
    inverse = 1 / diagnostics.interior_float64(g.dx_t) ** 2 + 1 / diagnostics.interior_float64(g.dy_t) ** 2
    rates = {
        "advection": diagnostics.interior_float64(np.abs(s.u) / g.dx_u + np.abs(s.v) / g.dy_v),
        "vertical": np.abs(diagnostics.vertical_velocity(model)) / np.where(wet, h, 1),
        "surface_wave": np.sqrt(model.numerics.gravity * diagnostics.interior_float64(g.depth_t) * inverse) * wet[0],
        "friction": 4 * diagnostics.interior_float64(model.parameters["nu_h"]) * inverse * wet[0],
    }
    return {name: g.tile.largest(float(rate.max() * dt)) for name, rate in rates.items()}


def advective_courant_number(model: Model) -> float:
    """Return the largest |u| dt/dx + |v| dt/dy of the state of a model, which may be on a GPU."""
    state, grid = model.state, model.grid
    rate = np.abs(state.u) / grid.dx_u + np.abs(state.v) / grid.dy_v
    return largest(model, rate) * model.numerics.dt


def upward_transports(model: Model) -> Array:
    """Return the upward transports between the layers in the state of a model, which may be on a GPU.

    Returns W, shape (nk + 1, nj, ni) [m3 s-1], on the interior.
    """
    grid, state = model.grid, model.state
    s = Stretching.ones(grid, state.u.dtype)
    U, V, W = np.zeros_like(state.u), np.zeros_like(state.v), zeros(state.u, (len(grid.h_t) + 1, *grid.depth_t.shape))
    stretch(state.eta, grid, *s)
    transports(state.u, state.v, s.u, s.v, grid, U, V)
    continuity(U, V, fluxes_at(model, state, state.time).fresh_water, grid, W)
    return W


def vertical_courant_number(model: Model, W: Array) -> float:
    """Return the largest |w| dt/h of the cells of a model.

    W, shape (nk + 1, nj, ni) [m3 s-1], are the upward transports.
    """
    rate = np.abs(W[:-1]) * model.grid.r_area_t / thickness(model.grid)
    return largest(model, rate) * model.numerics.dt


def thickness(grid: Grid) -> Array:
    """Return the thickness of the resting cells, shape (nk, nj, ni) [m], 1 on land."""
    return np.where(grid.mask_t, grid.h_t, grid.h_t.dtype.type(1))


def fastest(model: Model, W: Array) -> tuple[str, tuple, float]:
    """Return name, index and value of the velocity with the largest Courant number.

    W, shape (nk + 1, nj, ni) [m3 s-1], are the upward transports.
    """
    state, grid = model.state, model.grid
    w = W[:-1] * grid.r_area_t
    along = {"u": (state.u, grid.dx_u), "v": (state.v, grid.dy_v), "w": (w, thickness(grid))}
    rates = {name: interior(np.abs(velocity) / width) for name, (velocity, width) in along.items()}
    found = []
    for n, (name, rate) in enumerate(rates.items()):
        index = np.unravel_index(int(rate.argmax()), rate.shape)
        value = float(interior(along[name][0])[index])
        found.append((-float(rate[index]), n, grid.tile.in_whole(index), name, value))
    _, _, index, name, value = grid.tile.first(min(found))
    return name, index, value


def first_invalid(state: State, model: Model) -> tuple[str, tuple, float] | None:
    """Return the first value of a state that is not finite, or of a surface below the sea floor.

    Parameters
    ----------
    state : State
        A state, which may be on a GPU.
    model : Model
        Its model.

    Returns
    -------
    tuple of (str, tuple of int, float) or None
        Name of the field, index without halo and value; None for a valid state. With a linear free surface the layers
        keep their thickness, so that any surface is valid.
    """
    tile = model.grid.tile
    for n, (name, a) in enumerate(state.arrays().items()):
        inside, found = interior(a), None
        if not np.isfinite(inside.sum()):
            wrong = ~np.isfinite(inside)
            index = np.unravel_index(int(wrong.argmax()), inside.shape)
            found = n, tile.in_whole(index), name, float(inside[index])
        if (found := tile.first(found)) is not None:
            return found[2], found[1], found[3]
    water, lowest = interior(state.eta + model.grid.depth_t), None
    if model.grid.nonlinear and not water.min() > 0:
        index = np.unravel_index(int(water.argmin()), water.shape)
        lowest = float(water[index]), tile.in_whole(index), float(interior(state.eta)[index])
    lowest = tile.first(lowest)
    return lowest and ("eta", lowest[1], lowest[2])


def internal_wave_turn(model: Model) -> float:
    """Return omega dt of the shortest internal wave of the first mode, at the worst place.

    The speed is c = N dz/(2 sin(pi/(2 n))) for n equal layers, with the mean of N over depth if they differ.
    """
    grid, numerics, state = model.grid, model.numerics, model.state
    if not numerics.has_tracers:
        return 0.0
    N2 = np.zeros_like(state.T, shape=(len(state.T) + 1, *state.T.shape[1:]))
    equation = EQUATIONS_OF_STATE[numerics.equation_of_state]
    equation.stratification(state.T, state.S, model.parameters["eos"], grid, N2)
    distance = (grid.z_t[:-1] - grid.z_t[1:]) * grid.mask_t[1:]
    speed = (np.sqrt(np.maximum(N2[1:-1], 0)) * distance).sum(axis=0)
    layers = np.maximum(grid.bottom_t, 2)
    speed /= 2 * (layers - 1) * np.sin(np.pi / (2 * layers))
    return largest(model, speed * np.sqrt(shortest_wavenumber_squared(model))) * numerics.dt


def advice(model: Model, name: str, viscosity: float = 0.0) -> str:
    """Return a remedy after a run blew up, by the likeliest cause.

    Parameters
    ----------
    model : Model
        The model with the last good state.
    name : str
        Name of the field that was invalid or too fast.
    viscosity : float, optional
        `viscosity_excess` of a flow-dependent viscosity.

    Returns
    -------
    str
        A sentence or two.
    """
    numerics, dt = model.numerics, model.numerics.dt
    less, numbers = f"Try dt = {dt / 2:g} s", courant_numbers(model)
    vertical = numbers["vertical"]
    if viscosity > 1:
        return f"The viscosity was {viscosity:.2g} times too strong for dt. {less}, or a smaller {numerics.viscosity}"
    if name == "w" or vertical > max(numbers["advection"], 0.5):
        return f"The vertical Courant number was {vertical:.2g}. {less}, or thicker cells (dz, smallest_cell)"
    if name == "eta":
        return f"The sea fell dry there. {less}, or deeper water (depth, dz)"
    bears_more = all(2 * excess <= 1 for excess in excesses(model, dt).values())
    return f"{less}, or more viscosity (nu_h, nu4_h)" if bears_more else less
