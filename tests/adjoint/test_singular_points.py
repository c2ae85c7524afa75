"""At the points where a derivative is singular or one-sided, forward, tangent and adjoint are finite and agree.

The table "Singular points and their regularisation" in docs/numerics.md says how.
"""

import numpy as np
import pytest

import adjoint
import ogcm
from adjoint.complex_step import complex_model, directional_derivative
from adjoint.controls import Controls
from adjoint.dot_product import dot_product_error
from adjoint.random_ocean import mask_of, random_field, random_grid
from adjoint.registry import PAIRS
from ogcm.constants import DAY
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.operators.longwave import LONGWAVE
from ogcm.operators.ncar import STORM
from ogcm.operators.surface import FADING
from ogcm.operators.surface_layer import ADIABATIC

FLOW = ("U", "V", "W")
FREEZING = -1.9
CALM = {"u10": 0, "v10": 0, "x": 0, "y": 0}
LEVEL = 10 - 2 * ADIABATIC  # air at 2 m whose potential temperature is 10 degC
SATURATED = 7.508e-3  # over sea water of 10 degC


POINTS = {  # operator: what its inputs are there, a number or a function of random fields
    "bottom_drag": {"at rest": {"u": 0, "v": 0}, "without drag": {"u": 0, "v": 0, "r": 0, "C_d": 0}},
    "smagorinsky": {"at rest": {"u": 0, "v": 0}, "coefficient 0": {"u": 0, "v": 0, "coefficient": 0}},
    "leith": {"at rest": {"u": 0, "v": 0}, "coefficient 0": {"u": 0, "v": 0, "coefficient": 0}},
    "richardson_mixing": {
        "no shear": {"u": 0, "v": 0},
        "neutral": {"N2": 0},
        "no shear, neutral": {"u": 0, "v": 0, "N2": 0},
        "coefficients 0": {"u": 0, "v": 0, "N2": 0, "nu_0": 0, "alpha": 0},
    },
    "constant_mixing": {"neutral": {"N2": 0}},
    "advect_tracer_upwind3": {"no flow": dict.fromkeys(FLOW, 0), "uniform": {"T": 10}},
    "advect_tracer_monotone": {
        "no flow": dict.fromkeys(FLOW, 0),
        "uniform": {"T": 10},
        "uniform, no flow": {"T": 10} | dict.fromkeys(FLOW, 0),
        "equal neighbours": {"T": lambda x: np.round(x / 10)},
        "equal neighbours, no flow": {"T": lambda x: np.round(x / 10)} | dict.fromkeys(FLOW, 0),
    },
    "advect_tracer_weno5": {
        "no flow": dict.fromkeys(FLOW, 0),
        "uniform": {"T": 10},
        "uniform, no flow": {"T": 10} | dict.fromkeys(FLOW, 0),
        "equal neighbours": {"T": lambda x: np.round(x / 10)},
        "equal neighbours, no flow": {"T": lambda x: np.round(x / 10)} | dict.fromkeys(FLOW, 0),
        "hardly a tracer": {"T": lambda x: 1e-20 * x},
    },
    "hold_above_freezing": {
        "freezing point": {"T": FREEZING, "T_freezing": FREEZING},
        "end of fading": {"T": FADING, "T_freezing": 0},
        "no flux": {"flux": 0},
        "freezing point, no flux": {"T": FREEZING, "T_freezing": FREEZING, "flux": 0},
    },
    "buoyancy_teos10": {"fresh water": {"S": 0}, "centre": {"T": 0, "S": 35}},
    "stratification_teos10": {"fresh water": {"S": 0}, "uniform": {"T": 10, "S": 35}},
    "buoyancy_seos": {"centre": {"T": 10, "S": 35}},
    "stratification_seos": {"uniform": {"T": 10, "S": 35}},
    "isoneutral_diffusion": {
        "uniform water": {"T": 10, "S": 35},
        "uniform": {"C": 1, "T": 10, "S": 35},
        "level": {"T": lambda x: x * 0 + np.arange(5.0)[::-1, None, None], "S": 35},
        "no diffusivity": {"kappa_redi": 0, "kappa_gm": 0},
    },
    "isoneutral_diffusion_of_layers": {"uniform water": {"T": 10, "S": 35}},
    "isoneutral_mixing": {"uniform water": {"T": 10, "S": 35}},
    "isoneutral_mixing_of_layers": {"uniform water": {"T": 10, "S": 35}},
    "visbeck": {
        "uniform water": {"T": 10, "S": 35},
        "level": {"T": lambda x: x * 0 + np.arange(5.0)[::-1, None, None], "S": 35},
    },
    "expansion_teos10": {"fresh water": {"S": 0}, "centre": {"T": 0, "S": 35}},
    "upwind_horizontal": {"at rest": {"u": 0, "v": 0}, "equal neighbours": {x: np.round for x in "uv"}},
    "upwind_vertical": {
        "at rest": {"u": 0, "v": 0, "W": 0},
        "no lifting": {"W": 0},
        "equal neighbours": {x: np.round for x in "uv"},
    },
    "turbulent_fluxes_ncar": {
        "calm": CALM,
        "equal temperatures": {"T": 10, "t2": LEVEL, "q2": 5e-3},
        "saturated air": {"T": 10, "t2": LEVEL, "q2": SATURATED},
        "calm, saturated air": CALM | {"T": 10, "t2": LEVEL, "q2": SATURATED},
        "calm, warm air": CALM | {"T": 10, "t2": 20, "q2": 5e-3},
        "storm": {"u10": STORM, "v10": 0, "x": 0, "y": 0},
        "no factors": {"drag": 0, "stanton_factor": 0, "dalton_factor": 0, "feedback": 0},
    },
    "reed_shortwave": {
        "edge of the clouds": {"cloud": 0, "noon_altitude": 0},
        "night": {"clear_sky": 0},
    },
    "turbulent_fluxes_coare": {
        "calm": CALM,
        "equal temperatures": {"T": 10, "t2": LEVEL, "q2": 5e-3},
        "saturated air": {"T": 10, "t2": LEVEL, "q2": SATURATED},
        "calm, warm air": CALM | {"T": 10, "t2": 20, "q2": 5e-3},
        "storm": {"u10": 40, "v10": 0, "x": 0, "y": 0},
        "no factors": {"drag": 0, "stanton_factor": 0, "dalton_factor": 0, "feedback": 0},
    },
    **{f"{name}_longwave": {"clear, dry": {"cloud": 0, "q2": 0}} for name in LONGWAVE},
    "advect_momentum_energy": {"at rest": {"u": 0, "v": 0, "U": 0, "V": 0, "W": 0}},
}
CASES = [pytest.param(op, at, id=f"{op}: {name}") for op, points in POINTS.items() for name, at in points.items()]


@pytest.mark.parametrize(("operator", "at"), CASES)
def test_the_dot_product_holds_at_the_singular_point(operator, at):
    grid, rng, pair = random_grid(periodic_x=True), np.random.default_rng(0), PAIRS[operator]
    inputs, increments = (
        {x: random_field(grid, kind, rng, size) for x, (kind, size) in pair.inputs.items()} for _ in range(2)
    )
    for dx in increments.values():
        if dx.ndim >= 2:
            inside = interior(dx).copy()
            dx.fill(0)
            interior(dx)[...] = inside
            exchange(grid, dx)
    for x, value in at.items():
        inputs[x] = value(inputs[x]) if callable(value) else np.full_like(inputs[x], value)
    outputs = {y: mask_of(grid, kind).shape for y, kind in pair.outputs.items()}
    results = [np.zeros(shape) for shape in outputs.values()]
    pair.forward(*inputs.values(), *pair.constants(grid, np.dtype(float)), grid, *results)
    assert all(np.isfinite(r).all() for r in results)
    arguments = (pair.forward, pair.adjoint, inputs, pair.constants, grid, outputs)
    assert dot_product_error(*arguments, increments=increments) < 1e-12
    for x in inputs:
        if operator.startswith("stratification") and x == "coefficients":
            continue  # in uniform water they change nothing, and their sums are round-off about 0
        alone = {name: dx * (name == x) for name, dx in increments.items()}
        assert dot_product_error(*arguments, increments=alone) < 1e-12, x


CLOSURES = {
    "smagorinsky, monotone, teos10": {
        "viscosity": "smagorinsky", "advection": "monotone", "equation_of_state": "teos10", "integrator": "euler",
    },
    "leith, upwind3, quadratic": {"viscosity": "leith", "advection": "upwind3", "equation_of_state": "quadratic"},
}  # fmt: skip


def resting(closures, T, S, **options):
    """Resting uniform water over a sill, with every closure and by default without forcing."""
    depth = np.full((6, 8), 240.0)
    depth[2, 3], depth[4, 5:7] = 0.0, 130.0
    return ogcm.Model(
        ogcm.cartesian(nx=8, ny=6, dx=2e4, dy=2e4, f0=1e-4, beta=2e-11, periodic_x=True),
        depth=depth, dz=[40.0, 80.0, 120.0], T=T, S=S, dt=300.0, walls="no_slip", freezing=True,
        friction="biharmonic", diffusion="biharmonic",
        parameters={"nu_h": 100.0, "nu4_h": 1e10, "kappa_h": 50.0, "kappa4_h": 1e9, "drag_quadratic": 1e-3},
        **(closures | options),
    )  # fmt: skip


@pytest.mark.parametrize("sea", [(10.0, 35.0), (FREEZING, 0.0)], ids=["centre of the equation", "freezing, fresh"])
@pytest.mark.parametrize("wind", [0.0, 0.1])
@pytest.mark.parametrize(("mixing", "tolerance"), [("constant", 1e-10), ("richardson", 1e-5)])
@pytest.mark.parametrize("closures", CLOSURES)
def test_gradient_of_a_run_from_rest(closures, mixing, tolerance, wind, sea):
    """Without shear the derivative by N2, alpha/EPS = 5e12 s2, enlarges the round-off of uniform T: hence 1e-5."""
    model = resting(CLOSURES[closures], *sea, forcing=ogcm.Forcing(tau_x=wind), vertical_mixing=mixing)
    simulation = ogcm.Simulation(model, days=900 / DAY, progress=False)
    losses = [adjoint.losses.BoxMean(model, f, y=(0, 6e4)) for f in ("u", "v", "eta", "T", "S")]
    loss = losses[0] + 0.3 * losses[1] + 0.1 * losses[2] + 0.2 * losses[3] + 0.7 * losses[4]
    names = ["u", "v", "eta", "T", "S", *model.forcing.shapes, *model.parameters]
    found, rng = adjoint.gradient(loss, simulation, names), np.random.default_rng(2)
    for name, values in Controls(model, names).values().items():
        change = rng.normal(size=np.shape(values))
        parts = found[name] * change
        assert np.isfinite(parts).all(), name
        error = abs(parts.sum() - directional_derivative(loss, simulation, {name: change}))
        assert error <= tolerance * np.abs(parts).sum() + 1e-15, name


@pytest.mark.parametrize("closures", CLOSURES)
def test_the_complex_run_takes_the_branches_of_the_plain_run(closures):
    """Its real part is the plain run to the bit, also where the branches hang on the last one."""
    model = resting(CLOSURES[closures], 10.0, 35.0, vertical_mixing="richardson")
    tangent = complex_model(model, {"T": np.random.default_rng(0).normal(size=(3, 6, 8)), "nu_v": np.asarray(1.0)})
    plain, moved = ogcm.Stepper(model), ogcm.Stepper(tangent)
    for _ in range(5):
        plain.step()
        moved.step()
    for name, a in model.state.arrays().items():
        np.testing.assert_array_equal(getattr(tangent.state, name).real, a, err_msg=name)
