"""What enters through open sides accounts for the change of volume, heat, salt and tracers inside."""

import numpy as np
import pytest

import ogcm
from adjoint.random_ocean import random_fluxes, rough_depth
from ogcm import diagnostics
from ogcm.diagnostics.cells import inside, total, wet_area
from ogcm.diagnostics.inflow import LATERAL, content
from ogcm.diagnostics.totals import tracer_content
from ogcm.grid import interior
from ogcm.step_variables import Step, tracer_terms

CASES = {
    "upwind3, radiation, a zone": {},
    "centred2, carried out": {"advection": "centred2", "water": "upstream"},
    "monotone, clamped": {"advection": "monotone", "water": "clamped", "flow": "clamped"},
    "weno5, eddies": {
        "advection": "weno5",
        "isoneutral": "dm95",
        "parameters": {"kappa_redi": 500.0, "kappa_gm": 300.0},
    },
    "biharmonic, ab2": {"diffusion": "biharmonic", "integrator": "ab2", "parameters": {"kappa4_h": 1e9}},
}


def ocean(water="radiation", flow="radiation", parameters=None, **options):
    """An ocean that is open on three sides, on one of them in part, with every forcing and a dye."""
    rng, shape = np.random.default_rng(2), (12, 14)
    sides = ogcm.OpenSides(
        west=True, south=True, north=np.arange(14) > 5, eta=0.1, u=0.2, v=0.1 * rng.normal(size=(3, *shape)),
        T=[18.0, 14.0, 9.0], S=35.2, zone=6e4, water=water, flow=flow,
    )  # fmt: skip
    return ogcm.Model(
        ogcm.cartesian(nx=14, ny=12, dx=2e4, dy=2e4, f0=1e-4, beta=2e-11),
        depth=rough_depth(rng, *shape), dz=[60.0, 120.0, 320.0], dt=300.0, open_sides=sides,
        T=np.array([17.0, 13.0, 8.0])[:, None, None] + rng.normal(size=(3, *shape)),
        S=35 + 0.1 * rng.normal(size=(3, *shape)),
        u=0.2 * rng.normal(size=(3, *shape)), v=0.2 * rng.normal(size=(3, *shape)), eta=0.2 * rng.normal(size=shape),
        forcing=random_fluxes(rng, shape), tracers={"dye": ogcm.Tracer(initial=1.0, outside=0.3, decay=1e-5)},
        parameters={"kappa_h": 100.0} | (parameters or {}), **options,
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_change_inside_is_what_enters(case):
    model = ocean(**CASES[case])
    stepper = ogcm.Stepper(model)
    stepper.step()
    found, dt = diagnostics.inflow(model), model.numerics.dt
    step = Step(model)
    step.take(model.state)
    before = {name: tracer_content(model, name) for name in model.tracers}
    volume, rain = diagnostics.volume(model), total(model, wet_area(model) * interior(step.fluxes.fresh_water))
    others = {}
    for name in model.tracers:
        terms = tracer_terms(model, name)
        kept = [n for n in terms if n.removeprefix(f"{name}_") not in (*LATERAL, "tendency", "nudging")]
        others[name] = content(model, [terms[n].function(step) for n in kept], inside(model))
    stepper.step()
    assert abs(diagnostics.volume(model) - volume - dt * (found.volume + rain)) < 1e-12 * volume
    assert abs(dt * found.volume) > 1e-9 * volume
    for name, content_before in before.items():
        gained = dt * (found.tracers[name] + found.nudging[name] + others[name])
        assert abs(tracer_content(model, name) - content_before - gained) < 1e-12 * abs(content_before), name
        assert found.nudging[name] != 0
        assert abs(dt * found.tracers[name]) > 1e-9 * abs(content_before)
    assert found.heat == model.numerics.heat_per_volume * found.tracers["T"]


def test_a_uniform_flow_enters_in_the_west_and_leaves_in_the_east():
    grid = ogcm.cartesian(nx=10, ny=5, dx=1e4, dy=1e4, f0=0.0)
    sides = ogcm.OpenSides(west=True, east=True, u=0.1, flow="clamped")
    found = diagnostics.inflow(ogcm.Model(grid, depth=100.0, dz=[50.0, 50.0], u=0.1, dt=60.0, open_sides=sides))
    assert np.allclose([found.sides["west"], found.sides["east"]], [5e5, -5e5])
    assert found.sides["south"] == found.sides["north"] == 0
    assert abs(found.volume) < 1e-6
    assert np.isclose(found.tracers["T"], 0.0, atol=1e-3)


def test_a_closed_ocean_has_no_inflow():
    grid = ogcm.cartesian(nx=4, ny=4, dx=1e4, dy=1e4, f0=1e-4)
    with pytest.raises(ogcm.InputError, match="inflow: the model has no open sides"):
        diagnostics.inflow(ogcm.Model(grid, depth=100.0, dz=[100.0], dt=60.0))
