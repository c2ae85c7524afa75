"""The gradient of a whole step equals that of the complex step, for every choice, state, flux and parameter."""

from dataclasses import replace

import numpy as np
import pytest

import ogcm
from adjoint.complex_step import STEP, complex_model
from adjoint.controls import Control, Controls
from adjoint.state import Gradient
from adjoint.stepper import AdjointStepper
from ogcm.backend import Kernel
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.state import State
from ogcm.stepper import Stepper
from tests.oceans import dry, put_nan_on_land, rough_basin

WAVES = np.random.default_rng(8).normal(size=(4, 12, 16))
TRACERS = {
    "dye": ogcm.Tracer(
        initial=lambda x, y, z: np.sin(x / 5e4) * np.cos(y / 3e4) + z / 500,
        surface_flux=1e-3 * WAVES[0],
        restoring=WAVES[1],
        rate=1e-5 * np.abs(WAVES[2]),
        source=1e-5 * WAVES[3],
        decay=np.linspace(1e-3, 3e-3, 5),
        advection="upwind3",
    ),
    "age": ogcm.Age(renewal=900.0),
}
WIND = {"u10": 8 * WAVES[0], "v10": 8 * WAVES[1], "t2": 2 + 3 * WAVES[2], "slp": 1e5 + 1e3 * WAVES[3]}
AIR = ogcm.Atmosphere(
    **WIND, q2=4e-3 * np.exp(0.3 * WAVES[0]), shortwave_down=200 + 50 * WAVES[3],
    longwave_down=300 + 20 * WAVES[1], precipitation=1e-7, runoff=1e-7 * np.abs(WAVES[2]),
)  # fmt: skip
CLOUDS = ogcm.Atmosphere(
    **WIND, d2=3 * WAVES[0], cloud=0.2 + 0.1 * np.abs(WAVES[1]), latitude=40.0, day_of_year=100.0, height_air=4.0
)
OPEN = ogcm.OpenSides(
    south=True, north=np.arange(16) > 5, eta=0.1 * WAVES[0], u=0.1 * WAVES[1], v=0.1 * WAVES[2],
    T=np.array([2.0, 1.9, 1.8, 1.0, 0.0]), S=35 + WAVES[3], zone=7e4,
)  # fmt: skip
AROUND = ogcm.OpenSides(
    west=True, east=True, south=True, north=True, eta=0.1, u=0.1, v=-0.1, flow="clamped", water="upstream"
)
BOX = ogcm.cartesian(nx=16, ny=12, dx=2e4, dy=1.5e4, f0=1e-4, beta=2e-11)
CHOICES = {
    "default": {},
    "ab2": {"integrator": "ab2", "dt": 300.0},
    "euler, monotone": {"integrator": "euler", "advection": "monotone", "dt": 300.0, "vorticity": "enstrophy"},
    "rk4, centred, al81": {"integrator": "rk4", "advection": "centred2", "vorticity": "al81", "walls": "no_slip"},
    "linear surface, other constants": {
        "free_surface": "linear",
        "equation_of_state": "quadratic",
        "gravity": 3.7,
        "rho0": 1000.0,
        "heat_capacity": 4200.0,
    },
    "upwinding": {"momentum_upwinding": "all", "friction": "none", "walls": "no_slip"},
    "vertical upwinding": {"momentum_upwinding": "vertical", "integrator": "euler", "dt": 300.0},
    "weno": {"advection": "weno5", "tracers": {"dye": TRACERS["dye"]}},
    "closures": {
        "viscosity": "smagorinsky",
        "vertical_mixing": "richardson",
        "equation_of_state": "teos10",
        "friction": "biharmonic",
        "diffusion": "biharmonic",
        "freezing": True,
    },
    "leith": {"viscosity": "leith", "diffusion": "none", "equation_of_state": "none"},
    "frictionless": {"friction": "none"},
    "turbulence": {"vertical_mixing": "tke", "integrator": "euler", "dt": 300.0},
    "turbulence without tracers": {"vertical_mixing": "tke", "equation_of_state": "none", "dt": 300.0},
    "eddies": {"isoneutral": "dm95", "equation_of_state": "teos10"},
    "eddies by their growth": {"isoneutral": "gerdes", "eddy_diffusivity": "visbeck", "equation_of_state": "quadratic"},
    "eddies, gerdes, linear": {"isoneutral": "gerdes", "vertical_mixing": "richardson", "diffusion": "none"},
    "eddies, turbulence, a dye": {"isoneutral": "dm95", "vertical_mixing": "tke", "tracers": TRACERS, "dt": 300.0},
    "further tracers": {"tracers": TRACERS, "advection": "monotone"},
    "an atmosphere": {"forcing": ogcm.Forcing(atmosphere=AIR), "vertical_mixing": "tke", "dt": 300.0},
    "an atmosphere of clouds": {
        "forcing": ogcm.Forcing(atmosphere=CLOUDS, T_star=3.0, rate_T=1e-5),
        "integrator": "ab2",
        "equation_of_state": "teos10",
        "dt": 300.0,
    },
    "an atmosphere by COARE": {"forcing": ogcm.Forcing(atmosphere=replace(AIR, algorithm="coare")), "dt": 300.0},
    "an atmosphere by COARE, clouds of Clark": {
        "forcing": ogcm.Forcing(atmosphere=replace(CLOUDS, algorithm="coare", longwave="clark", height_humidity=3.0)),
        "dt": 300.0,
    },
    "clouds of Berliand": {"forcing": ogcm.Forcing(atmosphere=replace(CLOUDS, longwave="berliand")), "dt": 300.0},
    "clouds of Josey": {"forcing": ogcm.Forcing(atmosphere=replace(CLOUDS, longwave="josey")), "dt": 300.0},
    "wind over shallow water": {"forcing": ogcm.Forcing(atmosphere=AIR), "equation_of_state": "none", "dt": 300.0},
    "open sides": {"open_sides": OPEN},
    "open on all sides": {"open_sides": AROUND, "horizontal": BOX, "walls": "no_slip", "advection": "centred2"},
    "radiation on all sides": {"open_sides": replace(AROUND, flow="radiation", water="radiation"), "horizontal": BOX},
    "constrained volume": {"open_sides": replace(AROUND, volume="constrained"), "horizontal": BOX},
    "constrained volume of shallow water": {
        "open_sides": replace(OPEN, volume="constrained"),
        "equation_of_state": "none",
        "integrator": "ab2",
        "dt": 300.0,
    },
    "tracers and open sides": {
        "open_sides": replace(OPEN, water="upstream"),
        "tracers": {"dye": replace(TRACERS["dye"], outside=lambda x, y, z: np.cos(x / 5e4)), "age": ogcm.Age()},
    },
    "pressure of the air": {
        "open_sides": replace(OPEN, inverse_barometer=True),
        "forcing": ogcm.Forcing(surface_pressure=1e5 + 1e3 * WAVES[3]),
    },
    "open sides of shallow water": {"open_sides": OPEN, "equation_of_state": "none", "integrator": "ab2", "dt": 300.0},
    "a dye alone": {"tracers": {"dye": TRACERS["dye"]}, "equation_of_state": "none", "dt": 300.0},
}
PARAMETERS = {
    "nu_h": np.linspace(100.0, 300.0, 960).reshape(5, 12, 16), "nu_v": np.linspace(1e-4, 2e-4, 192).reshape(12, 16),
    "nu4_h": 1e10, "kappa_h": 50.0, "kappa4_h": 1e9, "kappa_convective": 0.1, "T_freezing": 1.9,
    "drag_linear": 1e-4, "drag_quadratic": 1e-3, "red_fraction": 0.6, "red_depth": 20.0, "blue_depth": 70.0,
    "drag_factor": 1.1, "current_feedback": 0.7, "albedo": 0.1, "nudging_in": 1e-3, "nudging_out": 2e-4,
    "sea_level_rise": 1e-5,
}  # fmt: skip


class Rain(ogcm.Term):
    """A corrector without weights that adds to every tendency."""

    def add(self, model, n, fluxes, D) -> None:
        for tendency in D:
            tendency += 1e-7

    def add_ad(self, model, n, fluxes, D_ad, gradient) -> None:
        """The term does not depend on the state, and has nothing to add."""


def ocean(**options) -> Model:
    """Islands, partial cells, every forcing, waters near the (raised) freezing point, some of them unstable."""
    rng = np.random.default_rng(7)
    waves = rng.normal(size=(8, 12, 16))
    waves[5:] = np.abs(waves[5:])  # of salinity and the piston velocities
    names = ("tau_x", "tau_y", "heat_flux", "fresh_water", "T_star", "S_star", "rate_T", "rate_S")
    sizes = (0.1, 0.1, 200.0, 1e-6, 4.0, 1.0, 1e-5, 1e-5)
    given = {n: size * w for n, size, w in zip(names, sizes, waves, strict=True)}
    forcing = ogcm.Forcing(**given, shortwave=50 * np.abs(waves[1]))
    cold = np.array([2.0, 1.9, 1.8, 1.0, 0.0])[:, None, None] + 0.1 * rng.normal(size=(5, 12, 16))
    moving = {p: 0.1 * rng.normal(size=(5, 12, 16)) for p in "uv"} | {"eta": 0.1 * rng.normal(size=(12, 16))}
    return rough_basin(**({"T": cold, "forcing": forcing, "parameters": PARAMETERS} | moving | options))


def weights(model: Model) -> State:
    """A random linear loss of the final state."""
    rng, loss = np.random.default_rng(3), model.state.like()
    for name, a in loss.arrays().items():
        interior(a)[...] = rng.normal(size=interior(a).shape) * interior(getattr(model.state, name) != 0)
    return loss


def step_back(model: Model, loss: State) -> Gradient:
    """The gradient of a step, from the adjoint `loss` of the state at its end."""
    gradient = Gradient.zeros(model)
    AdjointStepper(model).step(model.state.copy(), loss, gradient)
    return gradient


def parts(gradient: Gradient) -> dict[str, np.ndarray]:
    """The arrays of a gradient by the names of the controls."""
    return gradient.state.arrays() | gradient.fluxes.arrays() | gradient.parameters


def value(loss: State, state: State) -> complex:
    return sum((interior(w) * interior(getattr(state, name))).sum() for name, w in loss.arrays().items())


def contributions(control: Control, array: np.ndarray, direction: np.ndarray, model: Model) -> np.ndarray:
    """What each point adds to the derivative along a direction: of a number these are many, which may cancel."""
    spread = control.spread(direction, model)
    return array * direction if control.kind == "vector" else control.without_halo(array * spread)


@pytest.mark.parametrize("choice", CHOICES)
def test_gradient_of_a_step_is_the_complex_step(choice):
    model = ocean(**CHOICES[choice])
    rng, loss = np.random.default_rng(5), weights(model)
    gradient = step_back(model, loss)
    names = (*model.stepped, *model.forcing.shapes, *model.parameters)
    controls = Controls(model, names)
    arrays = parts(gradient)
    found = {name: control.collect(arrays[name], model.grid) for name, control in controls.controls.items()}
    directions = {name: rng.normal(size=np.shape(a)) * np.abs(a) for name, a in controls.values().items()}
    for group in (*([name] for name in names), names):
        tangent = complex_model(model, {name: directions[name] for name in group})
        exact = value(loss, Stepper(tangent).advance(tangent.state)).imag / STEP
        error = abs(exact - sum((found[name] * directions[name]).sum() for name in group))
        sizes = [
            np.abs(contributions(controls.controls[name], arrays[name], directions[name], model)) for name in group
        ]
        assert error <= 1e-12 * sum(size.sum() for size in sizes), group


@pytest.mark.parametrize("choice", CHOICES)
def test_nan_on_land_changes_no_bit_of_a_gradient(choice):
    """NaN on land and in closed halos, of the model and of the adjoint at the end of the step."""
    clean, dirty = ocean(**CHOICES[choice]), put_nan_on_land(ocean(**CHOICES[choice]))
    loss = weights(clean)
    expected = step_back(clean, loss.copy())
    for name in set(loss.names) - {"u", "v", "eta"}:
        getattr(loss, name)[dry(clean.grid, name, getattr(loss, name))] = np.nan
    found = step_back(dirty, loss)
    for (name, a), b in zip(parts(expected).items(), parts(found).values(), strict=True):
        assert np.isfinite(b).all(), name
        where = ... if name in clean.parameters else ~dry(clean.grid, name, a)  # one number is summed over land, too
        np.testing.assert_array_equal(a[where], b[where], err_msg=name)


@pytest.mark.parametrize("choice", CHOICES)
def test_what_a_kernel_writes_is_none_of_its_other_arguments(choice, monkeypatch):
    """Kernels are compiled under this condition, but for those with `apart=False`."""
    call, shared = Kernel.__call__, set()

    def checked(self, *arguments):
        arrays = [a for a in arguments if isinstance(a, np.ndarray)]
        before = [a.copy() for a in arrays]
        call(self, *arguments)
        for n, (a, old) in enumerate(zip(arrays, before, strict=True)):
            if self.apart and not np.array_equal(a, old, equal_nan=True):
                others = arrays[:n] + arrays[n + 1 :]
                shared.update(self.__name__ for other in others if np.shares_memory(a, other))

    monkeypatch.setattr(Kernel, "__call__", checked)
    model = ocean(**CHOICES[choice])
    Stepper(model).advance(model.state)
    step_back(model, weights(model))
    assert not shared


@pytest.mark.parametrize("options", [{}, {"integrator": "ab2"}, {"dynamics": "none", "corrector": Rain()}])
def test_what_is_not_stepped_passes_through_a_step_and_its_adjoint(options):
    """In a model without tracers T and S do not change, and their gradients pass through the step unchanged."""
    model = ocean(equation_of_state="none", dt=300.0, **options)
    loss, old = weights(model), model.state.copy()
    gradient = step_back(model, loss)
    Stepper(model).step()
    assert np.abs(interior(model.state.u - old.u)).max() > 0
    for name in ("T", "S"):
        np.testing.assert_array_equal(getattr(model.state, name), getattr(old, name))
        passed, given = (np.where(model.grid.mask_t, getattr(x, name), 0) for x in (gradient.state, loss))
        np.testing.assert_array_equal(passed, given)
        assert np.abs(interior(getattr(loss, name))).max() > 1
