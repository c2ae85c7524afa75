"""Conservation: volume, heat, salt, a constant tracer, energy, and a fluid at rest."""

import numpy as np
import pytest

import ogcm
from ogcm import diagnostics
from ogcm.constants import DAY
from ogcm.grid import interior
from ogcm.numerics import CHOICES
from tests.oceans import rough_basin, run


def totals(model):
    """Volume, heat and salt content, in the moving cells."""
    g, s = model.grid, model.state
    stretch = 1 + float(g.nonlinear) * interior(s.eta) / interior(g.depth_t)
    volume = interior(g.h_t) * stretch * interior(g.area_t)
    return np.array([volume.sum(), (volume * interior(s.T)).sum(), (volume * interior(s.S)).sum()])


def test_volume_heat_and_salt_over_a_thousand_steps():
    model = rough_basin()
    before = totals(model)
    run(model, 1000)
    assert np.abs(interior(model.state.u)).max() > 0.01
    np.testing.assert_allclose(totals(model), before, rtol=1e-12)


@pytest.mark.parametrize("integrator", CHOICES["integrator"])
@pytest.mark.parametrize("advection", CHOICES["advection"])
def test_constant_tracer_stays_constant(integrator, advection):
    model = rough_basin(integrator=integrator, advection=advection, S=35.0, dt=300.0)
    run(model, 50)
    S = interior(model.state.S)[interior(model.grid.mask_t) == 1]
    assert np.abs(S - 35.0).max() < 1e-12 * 35.0 * 10


@pytest.mark.parametrize("integrator", CHOICES["integrator"])
def test_what_is_not_stepped_stays_as_it_was(integrator):
    """In a model without tracers T and S keep their values, also in the previous state."""
    model = rough_basin(equation_of_state="none", integrator=integrator, dt=300.0)
    T, S = model.state.T.copy(), model.state.S.copy()
    stepper = ogcm.Stepper(model)
    for _ in range(3):
        before = model.state.u.copy()
        stepper.step()
        assert np.abs(model.state.u - before).max() > 0
        for state in (model.state, model.state.previous or model.state, stepper.advance(model.state)):
            np.testing.assert_array_equal(state.T, T)
            np.testing.assert_array_equal(state.S, S)


@pytest.mark.parametrize(("rho0", "heat_capacity"), [(1026.0, 3991.86795711963), (1000.0, 4200.0)])
def test_fresh_water_and_heat_flux_close_the_budget(rho0, heat_capacity):
    rain, heat = 1e-7, 100.0
    forcing = ogcm.Forcing(fresh_water=rain, heat_flux=heat)
    model = rough_basin(forcing=forcing, T=10.0, rho0=rho0, heat_capacity=heat_capacity)
    area = (interior(model.grid.area_t) * interior(model.grid.mask_t)[0]).sum()
    before = totals(model)
    run(model, 100)
    after, seconds = totals(model), 100 * 600.0
    assert after[0] - before[0] == pytest.approx(rain * area * seconds, rel=1e-9)
    assert after[2] == pytest.approx(before[2], rel=1e-13)
    warmed = heat / (rho0 * heat_capacity) * area * seconds
    rained = rain * area * seconds * 10.0
    assert after[1] - before[1] == pytest.approx(warmed + rained, rel=1e-3)


# In float32, a step changes tracers by less than a number can show.


@pytest.mark.parametrize("thickness", [10.0, 100.0])
def test_a_column_in_float32_gains_the_heat_that_enters(thickness):
    """Ten layers under 5 W m-2 for ten days: less than a last digit of T in a step."""
    grid = ogcm.cartesian(nx=3, ny=3, dx=1e4, dy=1e4, f0=1e-4, periodic_x=True, periodic_y=True)
    model = ogcm.Model(
        grid, depth=10 * thickness, dz=[thickness] * 10, T=lambda x, y, z: 10 + 8 * np.exp(z / 40),
        forcing=ogcm.Forcing(heat_flux=5.0), precision="float32", dt=600.0,
    )  # fmt: skip
    before = diagnostics.heat_content(model)
    run(model, 1440)
    assert diagnostics.heat_content(model) - before == pytest.approx(5.0 * 9e8 * 10 * DAY, rel=5e-3)


def test_a_gyre_in_float32_gains_the_heat_that_enters():
    model = ogcm.setups.double_gyre(resolution=2.0, precision="float32")
    model.forcing.steady["rate_T"][...] = 0
    model.forcing.steady["heat_flux"][...] = 5.0 * model.grid.mask_t[0]
    before, steps = diagnostics.heat_content(model), round(30 * DAY / model.numerics.dt)
    run(model, steps)
    entered = 5.0 * diagnostics.wet_area(model).sum() * steps * model.numerics.dt
    assert diagnostics.heat_content(model) - before == pytest.approx(entered, rel=1e-3)


def test_a_basin_in_float32_keeps_its_salt_under_rain():
    """Heat is kept as well, except that of the rain; the bound is a tenth of what a year may lose."""
    rain = np.where(np.arange(16) % 2, 1e-7, -1e-7) * np.ones((12, 1))
    model = rough_basin(precision="float32", forcing=ogcm.Forcing(tau_x=0.1, fresh_water=rain))
    dry = rough_basin(precision="float32")
    before = [diagnostics.salt_content(model), diagnostics.heat_content(dry)]
    run(model, 500)
    run(dry, 500)
    after = [diagnostics.salt_content(model), diagnostics.heat_content(dry)]
    assert np.abs(interior(model.state.u)).max() > 0.01
    np.testing.assert_allclose(after, before, rtol=3e-8)


def test_an_ocean_at_rest_in_float32_stays_at_rest():
    """Uniform salinity keeps every bit under mixing, and water of uniform layers starts no flow."""
    grid = ogcm.cartesian(nx=4, ny=3, dx=2e4, dy=2e4, f0=1e-4, periodic_x=True)
    model = ogcm.Model(
        grid, depth=1000.0, dz=[50, 150, 300, 500], T=lambda x, y, z: 10 + 8 * np.exp(z / 200),
        precision="float32", dt=600.0,
    )  # fmt: skip
    before, T = diagnostics.heat_content(model), model.state.T.copy()
    run(model, 1000)
    assert (interior(model.state.S) == 35).all()
    assert (interior(model.state.u) == 0).all()
    assert np.abs(model.state.T - T).max() > 1e-4
    assert diagnostics.heat_content(model) == pytest.approx(before, rel=3e-8)


@pytest.mark.parametrize("vorticity", ["energy", "al81"])
def test_energy_of_inviscid_flow_to_the_time_stepping_error(vorticity):
    """Shallow water with islands, no forcing or friction: the drift falls with dt^2 or faster."""
    rng = np.random.default_rng(1)
    depth = np.full((12, 16), 100.0)
    depth[rng.uniform(size=depth.shape) < 0.1] = 0.0
    grid = ogcm.cartesian(nx=16, ny=12, dx=2e4, dy=2e4, f0=1e-4, periodic_x=True, periodic_y=True)
    X, Y = np.meshgrid(np.arange(16), np.arange(12))
    smooth = np.sin(2 * np.pi * X / 16) * np.cos(2 * np.pi * Y / 12)
    drifts = []
    for dt in (200.0, 100.0):
        model = ogcm.Model(
            grid,
            depth=depth,
            dz=[100.0],
            u=0.3 * smooth[None],
            v=0.3 * smooth[None, ::-1, ::-1],
            eta=0.5 * smooth,
            dt=dt,
            barotropic_steps=8,
            vorticity=vorticity,
            equation_of_state="none",
            friction="none",
            parameters={"nu_v": 0.0},
        )

        def energy(model=model):
            g, s = model.grid, model.state
            eta = s.eta
            east = 0.5 * (eta + np.roll(eta, -1, 1))
            north = 0.5 * (eta + np.roll(eta, -1, 0))
            kinetic = (100 + east) * s.u[0] ** 2 + (100 + north) * s.v[0] ** 2
            return 0.5 * interior(g.area_t * (kinetic + 9.81 * eta**2)).sum()

        before = energy()
        run(model, int(DAY / dt))
        drifts.append(abs(energy() / before - 1))
    assert drifts[1] < 1e-3
    assert drifts[1] < 0.2 * drifts[0]


def test_stratified_fluid_at_rest_over_a_seamount():
    """Linear stratification stays at rest to round-off; exponential stratification has a known spurious velocity."""
    n, depth0 = 24, 4000.0
    grid = ogcm.cartesian(nx=n, ny=n, dx=2e4, dy=2e4, f0=1e-4)
    X, Y = np.meshgrid(grid.x_t, grid.y_t)
    seamount = depth0 - 3500 * np.exp(-((X - 2.4e5) ** 2 + (Y - 2.4e5) ** 2) / (8e4) ** 2)
    still = {}
    for name, T in {
        "linear": lambda x, y, z: 15 + z / 400,
        "exponential": lambda x, y, z: 5 + 15 * np.exp(z / 1000),
    }.items():
        model = ogcm.Model(
            grid, depth=seamount, dz=np.full(20, 200.0), T=T, dt=600.0, diffusion="none", friction="none",
            parameters={"kappa_v": 0.0, "nu_v": 0.0, "kappa_convective": 0.0},
        )  # fmt: skip
        run(model, 144)
        still[name] = np.abs(model.state.u).max()
    print(f"spurious velocity over the seamount after a day: {still}")
    assert still["linear"] < 1e-12
    assert still["exponential"] < 0.02
