"""What must not change: volume, heat, salt, a constant tracer, energy, a fluid at rest, and any bit of a rerun."""

import os
import subprocess
import sys

import numpy as np
import pytest

import ogcm
from ogcm.grid import interior
from ogcm.model import CHOICES


def rough_basin(seed=0, nx=16, ny=12, **options):
    """Islands, partial cells, wind, stratification and every term switched on; periodic along x."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(150.0, 500.0, (ny, nx))
    depth[rng.uniform(size=depth.shape) < 0.12] = 0.0
    depth[:, 3] = 320.0
    depth[4, :] = 450.0
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=2e4, dy=2e4, f0=1e-4, beta=2e-11, periodic_x=True)
    forcing = ogcm.Forcing(tau_x=lambda x, y: 0.1 * np.sin(2 * np.pi * y / 2.4e5), tau_y=0.02)
    parameters = {"nu_h": 200.0, "kappa_h": 50.0, "drag_linear": 1e-4, "drag_quadratic": 1e-3}
    noise = rng.normal(size=(5, ny, nx))
    base = np.array([20.0, 16.0, 12.0, 9.0, 7.0])[:, None, None]
    settings = {
        "depth": depth,
        "dz": [50.0, 100.0, 100.0, 120.0, 130.0],
        "T": base + 0.3 * noise,
        "S": 35 + 0.1 * noise[::-1],
        "forcing": forcing,
        "parameters": parameters,
        "dt": 600.0,
    }
    return ogcm.Model(grid, **(settings | options))


def totals(model):
    """Volume, heat and salt content, in the moving cells."""
    g, s = model.grid, model.state
    stretch = 1 + float(g.nonlinear[0]) * interior(s.eta) / interior(g.depth_t)
    volume = interior(g.h_t) * stretch * interior(g.area_t)
    return np.array([volume.sum(), (volume * interior(s.T)).sum(), (volume * interior(s.S)).sum()])


def run(model, steps):
    stepper = ogcm.Stepper(model)
    for _ in range(steps):
        stepper.step()
    return model


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


def test_fresh_water_and_heat_flux_close_the_budget():
    rain, heat = 1e-7, 100.0
    model = rough_basin(forcing=ogcm.Forcing(fresh_water=rain, heat_flux=heat), T=10.0)
    area = (interior(model.grid.area_t) * interior(model.grid.mask_t)[0]).sum()
    before = totals(model)
    run(model, 100)
    after, seconds = totals(model), 100 * 600.0
    assert after[0] - before[0] == pytest.approx(rain * area * seconds, rel=1e-9)
    assert after[2] == pytest.approx(before[2], rel=1e-13)
    warmed = heat / (1026.0 * 3991.86795711963) * area * seconds
    rained = rain * area * seconds * 10.0
    assert after[1] - before[1] == pytest.approx(warmed + rained, rel=1e-3)


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
        run(model, int(86400 / dt))
        drifts.append(abs(energy() / before - 1))
    assert drifts[1] < 1e-3
    assert drifts[1] < 0.2 * drifts[0]


def test_stratified_fluid_at_rest_over_a_seamount():
    """Linear stratification: rest to round-off. Exponential: the spurious velocity, as a figure."""
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


def state_bytes(model):
    return b"".join(interior(a).tobytes() for a in model.state.arrays().values())


def test_a_rerun_gives_every_bit():
    assert state_bytes(run(rough_basin(), 20)) == state_bytes(run(rough_basin(), 20))


@pytest.mark.parametrize("integrator", CHOICES["integrator"])
def test_a_copy_of_the_state_continues_every_bit(integrator):
    """The state is all that the next step needs: a fresh model continues from it."""
    whole = run(rough_basin(integrator=integrator, dt=300.0), 12)
    first = run(rough_basin(integrator=integrator, dt=300.0), 5)
    second = rough_basin(integrator=integrator, dt=300.0)
    second.state.assign(first.state)
    assert state_bytes(run(second, 7)) == state_bytes(whole)


def test_threads_change_no_bit():
    code = (
        "import sys; sys.path[:0] = ['tests', '.']\n"
        "import hashlib; from test_conservation import *\n"
        "print(hashlib.sha256(state_bytes(run(rough_basin(), 20))).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"NUMBA_NUM_THREADS": n},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n in ("1", "2")
    }
    assert len(digests) == 1


def test_nan_in_land_and_halo_changes_nothing():
    clean, dirty = rough_basin(), rough_basin()
    given = rough_basin()
    mask = interior(given.grid.mask_t)
    T = np.where(mask == 1, interior(given.state.T), np.nan)
    S = np.where(mask == 1, interior(given.state.S), np.nan)
    dirty = rough_basin(T=T, S=S)
    assert state_bytes(run(clean, 10)) == state_bytes(run(dirty, 10))


def turned(a):
    return np.ascontiguousarray(np.rot90(a, axes=(-2, -1)))


def test_rotation_by_a_quarter_changes_only_round_off():
    """A square doubly periodic basin on an f-plane, turned counter-clockwise: (x, y) -> (-y, x)."""
    n, rng = 10, np.random.default_rng(3)
    depth = rng.uniform(150.0, 500.0, (n, n))
    depth[rng.uniform(size=depth.shape) < 0.15] = 0.0
    T = np.array([20.0, 16.0, 12.0, 9.0, 7.0])[:, None, None] + 0.3 * rng.normal(size=(5, n, n))
    options = {
        "dz": [50.0, 100.0, 100.0, 120.0, 130.0],
        "dt": 600.0,
        "parameters": {"nu_h": 300.0, "kappa_h": 50.0, "drag_quadratic": 2e-3},
    }
    grid = ogcm.cartesian(nx=n, ny=n, dx=2e4, dy=2e4, f0=1e-4, periodic_x=True, periodic_y=True)
    tau = 0.1 * rng.normal(size=(n, n))
    model = run(ogcm.Model(grid, depth=depth, T=T, forcing=ogcm.Forcing(tau_x=tau), **options), 30)
    # np.rot90(a)[j, i] = a[i, n - 1 - j] with j northward turns clockwise: what pointed east points south.
    depth_r, T_r = turned(depth), turned(T)
    # tau_x acted on east faces; turned, it acts on the south faces of the cells: the V points one row down.
    tau_r = -np.roll(turned(tau), -1, axis=0)
    other = run(ogcm.Model(grid, depth=depth_r, T=T_r, forcing=ogcm.Forcing(tau_y=tau_r), **options), 30)
    np.testing.assert_allclose(interior(other.state.T), turned(interior(model.state.T)), rtol=0, atol=1e-10)
    np.testing.assert_allclose(interior(other.state.eta), turned(interior(model.state.eta)), rtol=0, atol=1e-12)


def test_translation_along_a_periodic_side_changes_nothing():
    """Moving everything by three cells moves the result by three cells, to the bit (f-plane)."""
    n, rng = 12, np.random.default_rng(4)
    grid = ogcm.cartesian(nx=n, ny=9, dx=2e4, dy=2e4, f0=1e-4, periodic_x=True)
    depth = rng.uniform(150.0, 500.0, (9, n))
    T = np.array([20.0, 16.0, 12.0, 9.0, 7.0])[:, None, None] + 0.3 * rng.normal(size=(5, 9, n))
    options = {"dz": [50.0, 100.0, 100.0, 120.0, 130.0], "dt": 600.0, "forcing": ogcm.Forcing(tau_x=0.1)}
    here = run(ogcm.Model(grid, depth=depth, T=T, **options), 20)
    there = run(ogcm.Model(grid, depth=np.roll(depth, 3, -1), T=np.roll(T, 3, -1), **options), 20)
    for name, a in here.state.arrays().items():
        moved = interior(there.state.arrays()[name])
        np.testing.assert_array_equal(moved, np.roll(interior(a), 3, -1), err_msg=name)
