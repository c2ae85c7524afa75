"""Limits of the time step: comparison of the checks with eigenvalues of a step of the model, and with runs."""

import numpy as np
import pytest

import ogcm
from ogcm import diagnostics, setups, stability
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.watch import Watch

DX, DT, H = 1e4, 600.0, 100.0
SHALLOW = {"depth": H, "dz": [H], "equation_of_state": "none", "dt": DT}


def model(nx=8, ny=8, periodic=True, nu_h=0.0, nu4_h=0.0, f0=0.0, dx=DX, **options):
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=dx, dy=dx, f0=f0, periodic_x=periodic, periodic_y=periodic)
    parameters = {"nu_h": nu_h, "nu4_h": nu4_h, "nu_v": 0.0}
    return ogcm.Model(grid, parameters=parameters, **(SHALLOW | options))


def growth(model):
    """The largest eigenvalue of a step, as a matrix of all values of u, v and eta."""
    stepper, state, small = ogcm.Stepper(model), model.state, 1e-6
    places = [(name, n) for name in ("u", "v", "eta") for n in range(interior(state.eta).size)]
    columns = []
    for name, n in places:
        for field in ("u", "v", "eta"):
            getattr(state, field)[...] = 0
        interior(getattr(state, name)).flat[n] = small
        exchange(model.grid, state.u, state.v, state.eta)
        s = stepper.advance(state)
        columns.append(np.concatenate([interior(a).ravel() for a in (s.u, s.v, s.eta)]) / small)
    return np.abs(np.linalg.eigvals(np.array(columns).T)).max()


@pytest.fixture
def unchecked(monkeypatch):
    monkeypatch.setattr("ogcm.stepper.check_numerics", lambda _: None)


@pytest.mark.parametrize("depth", [1.0, 35.0, 100.0, 250.0, 4000.0])
@pytest.mark.parametrize("name", ["nu_h", "nu4_h"])
def test_no_wave_grows_with_the_viscosity_that_the_check_admits(depth, name):
    options = {"depth": depth, "dz": [depth], "free_surface": "linear"}
    options["friction"] = {"nu_h": "laplacian", "nu4_h": "biharmonic"}[name]
    value = 1.0 / stability.friction_excess(model(**options, **{name: 1e30}), name, DT) * 1e30
    assert growth(model(**options, **{name: 0.99 * value})) < 1 + 1e-6


@pytest.mark.parametrize("depth", [1.0, 35.0, 100.0, 250.0, 4000.0])
def test_waves_grow_with_thrice_the_viscosity_that_the_check_admits(depth, unchecked):
    options = {"depth": depth, "dz": [depth], "free_surface": "linear"}
    admitted = 1e30 / stability.friction_excess(model(**options, nu_h=1e30), "nu_h", DT)
    assert growth(model(**options, nu_h=3 * admitted)) > 1.001


@pytest.mark.parametrize(("turn", "damping"), [(0.5, 0.4), (2.0, 1.0), (3.1, 0.3), (4.2, 1.9), (6.0, 0.8)])
def test_amplification_is_that_of_a_step(turn, damping, unchecked):
    """Waves of one row, of which the shortest turns by `turn`."""
    K2 = 4 / DX**2
    depth = turn**2 / (9.81 * K2 * DT**2)
    here = model(ny=1, nu_h=damping / (K2 * DT), depth=depth, dz=[depth], free_surface="linear", barotropic_steps=8)
    shares = np.sin(np.pi * np.arange(5) / 8) ** 2  # of K2
    expected = stability.amplification(8, turn * np.sqrt(shares), damping * shares).max()
    assert growth(here) == pytest.approx(max(expected, np.abs(1 - damping * shares).max()), abs=1e-6)


def test_the_case_of_the_shallow_basin_is_refused(unchecked):
    """16 x 16 cells, 100 m, no slip: 0.95 of the limit of an Euler step without waves ended at eta = -152 m."""
    options = {"nx": 16, "ny": 16, "periodic": False, "walls": "no_slip"}
    noisy = model(nu_h=0.95 * 2.083e4, u=1e-6 * np.random.default_rng(0).normal(size=(1, 16, 16)), **options)
    with pytest.raises(InputError, match=r"nu_h: 1.98e\+04 is unstable with dt = 600 s .* use at most") as caught:
        stability.check_numerics(noisy)
    stepper = ogcm.Stepper(noisy)
    for _ in range(150):
        stepper.step()
    assert np.abs(noisy.state.u).max() > 1e-4
    admitted = float(str(caught.value).split("at most ")[1].split(",")[0])
    assert 4e3 < admitted < 1.2e4
    quiet = model(nu_h=admitted, u=1e-6 * np.random.default_rng(0).normal(size=(1, 16, 16)), **options)
    stability.check_numerics(quiet)
    stepper = ogcm.Stepper(quiet)
    for _ in range(600):
        stepper.step()
    assert np.abs(quiet.state.u).max() < 1e-7


def test_walls_and_thin_cells_count(unchecked):
    """A cell of 20 m among those of 100 m carries 2.7 times the friction; the estimate is the largest eigenvalue."""
    depth = np.full((8, 8), H)
    depth[3, 3] = 20.0
    nu = 1e30
    flat, thin = (stability.friction_excess(model(depth=d, nu_h=nu, periodic=False), "nu_h", DT) for d in (H, depth))
    assert thin > 2.5 * flat


def test_the_viscosity_of_the_four_degree_ocean_of_mitgcm_is_refused(ocean_data):
    ocean = setups.global_4deg(data=str(ocean_data("global_4deg.nc")), parameters={"nu_h": 5e5})
    with pytest.raises(InputError, match=r"nu_h: 5e\+05 is unstable with dt = 7200 s .* use at most"):
        ogcm.Stepper(ocean)


# A viscosity that follows the flow


def test_a_viscosity_that_becomes_too_strong_is_warned_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    u = np.random.default_rng(0).normal(size=(1, 8, 8))
    swirls = model(u=u, viscosity="smagorinsky")
    swirls.parameters["smagorinsky"][...] = 1.0
    simulation = ogcm.Simulation(swirls, days=DT / DAY, progress=False)
    words = r"smagorinsky: on day 0 the viscosity is .* times the largest stable one for dt = 600 s"
    with pytest.warns(UserWarning, match=words):
        simulation.run()
    with pytest.warns(UserWarning, match="smagorinsky: on day"):
        excess = Watch(simulation.stepper, swirls, simulation.restart_file).viscosity_excess
    assert excess > 1
    assert "a smaller smagorinsky" in stability.advice(swirls, "u", excess)


# Surface waves, rotation, internal waves


def test_chosen_substeps_must_be_enough():
    with pytest.raises(InputError, match=r"barotropic_steps: 2 are too few .* use at least 4, or 0"):
        ogcm.Stepper(model(barotropic_steps=2))
    ogcm.Stepper(model(barotropic_steps=4))


def soliton(**options):
    """Boyd's equatorial soliton (1980, doi 10.1175/1520-0485(1980)010<1699:ESWPIL>2.0.CO;2) without dimensions."""
    grid = ogcm.cartesian(nx=96, ny=32, dx=0.5, dy=0.5, beta=1.0, periodic_x=True)
    B = 0.395

    def shape(x, y):
        return 0.771 * B**2 / np.cosh(B * (x - 24)) ** 2 * np.exp(-((y - 8) ** 2) / 2)

    return ogcm.Model(
        grid,
        depth=1.0,
        dz=[1.0],
        eta=lambda x, y: shape(x, y) * (3 + 6 * (y - 8) ** 2) / 4,
        u=lambda x, y, z: shape(x, y) * (-9 + 6 * (y - 8) ** 2) / 4,
        v=lambda x, y, z: -4 * B * (y - 8) * np.tanh(B * (x - 24)) * shape(x, y),
        parameters={"nu_v": 0.0},
        **{"equation_of_state": "none", "friction": "none", "gravity": 1.0, "dt": 0.05} | options,
    )


def test_automatic_substeps_hold_the_energy_of_a_soliton():
    """With one substep, which is stable for the waves, the energy grows four times as fast as with four."""
    gains = []
    for options in ({"barotropic_steps": 1}, {}):
        wave = soliton(**options)
        before = diagnostics.kinetic_energy(wave) + diagnostics.surface_energy(wave)
        stepper = ogcm.Stepper(wave)
        for _ in range(100):
            stepper.step()
        gains.append((diagnostics.kinetic_energy(wave) + diagnostics.surface_energy(wave)) / before - 1)
    assert gains[0] > 1e-4
    assert abs(gains[1]) < 0.3 * gains[0]


@pytest.mark.parametrize("integrator", ["rk3", "rk4", "ab2"])
def test_rotation_is_borne_up_to_the_limit_and_refused_beyond(integrator):
    limit = ogcm.integrators.INTEGRATORS[integrator].inertial_limit
    circles = model(nx=1, ny=1, u=0.01, f0=0.99 * limit / DT, integrator=integrator)
    stepper = ogcm.Stepper(circles)
    for _ in range(200):
        stepper.step()
    assert np.abs(circles.state.u).max() < 0.0101
    with pytest.raises(
        InputError, match=rf"dt: 600 s gives f dt = 2.9, and the limit of {integrator} is {limit}; use at most"
    ):
        ogcm.Stepper(model(f0=2.9 / DT, integrator=integrator))


@pytest.mark.parametrize("layers", [2, 40])
def test_internal_waves_have_the_speed_of_the_first_mode(layers):
    """N H/pi in a smooth profile, half sqrt(g' H) of two layers."""
    N, depth = 5e-3, 1000.0
    alpha_g = 9.81 * 1.655e-1 / 1026.0
    ocean = {"depth": depth, "dz": np.full(layers, depth / layers), "equation_of_state": "linear"}
    still = model(ny=1, T=lambda x, y, z: 15 + N**2 / alpha_g * z, **ocean)
    speed = {2: 0.5 * np.sqrt(N**2 * depth / 2 * depth), 40: N * depth / np.pi}[layers]
    assert stability.internal_wave_turn(still) == pytest.approx(2 / DX * DT * speed, rel=0.01)
    with pytest.raises(InputError, match=r"dt: 24000 s turns internal waves by .* and the limit of rk3 is 2.44"):
        stability.check_flow(model(ny=1, T=still.state.T[:, 3:-3, 3:-3], **(ocean | {"dt": 24000.0})))


# The vertical, and what to do


def plunging(**options):
    """Water of two thick layers that meets through a thin one: horizontal Courant number 0.006, vertical 2.3."""
    k, layers = 2 * np.pi / (8 * DX), np.array([0.1, 0.0, -0.1])[:, None, None]
    return model(
        u=layers * np.sin(k * DX * np.arange(1, 9)) * np.ones((8, 1)),
        **{"depth": 1001.0, "dz": [500.0, 1.0, 500.0], "equation_of_state": "linear"} | options,
    )


def test_the_vertical_courant_number_is_watched():
    deep = plunging()
    with pytest.raises(InputError, match=r"dt: 600 s gives the vertical Courant number 2\.\d+; use at most 2\d\d s"):
        ogcm.Simulation(deep, days=1, progress=False)
    said = stability.advice(deep, "T")
    assert said.startswith("The vertical Courant number was 2.")
    assert "viscosity" not in said


def test_the_vertical_courant_number_of_a_run_is_that_of_the_diagnostics():
    deep = plunging(dt=60.0)
    W = stability.upward_transports(deep)
    assert stability.vertical_courant_number(deep, W) == pytest.approx(stability.courant_numbers(deep)["vertical"])


def test_advice_names_the_cause():
    assert "The sea fell dry" in stability.advice(model(), "eta")
    assert "more viscosity" in stability.advice(model(), "u")
    assert "viscosity" not in stability.advice(model(nu_h=1e4), "u")  # which would be too strong


def dye_on_a_slope(damping, steps):
    """The variance of a dye after `steps` of isoneutral diffusion alone, relative to that before.

    `damping` is kappa_redi K^2 dt of the shortest wave.
    """
    grid = ogcm.cartesian(nx=32, ny=1, dx=DX, dy=DX, periodic_x=True, periodic_y=True)
    waves = {"T": lambda x, y, z: 20 + z / 100 + 5 * np.sin(2 * np.pi * x / 3.2e5) + 0 * z}
    dye = ogcm.Tracer(initial=lambda x, y, z: np.sin(37 * x + 11 * z))
    ocean = ogcm.Model(
        grid,
        depth=1000.0,
        dz=np.full(20, 50.0),
        dt=DT,
        isoneutral="dm95",
        diffusion="none",
        parameters={"kappa_redi": damping * DX**2 / 4 / DT, "kappa_gm": 0.0, "slope_max": 0.05},
        tracers={"dye": dye},
        **waves,
    )
    stepper, before = ogcm.Stepper(ocean), (interior(ocean.state.dye) ** 2).sum()
    for _ in range(steps):
        stepper.step()
        ocean.set(u=0.0, v=0.0, eta=0.0, **waves)
    return (interior(ocean.state.dye) ** 2).sum() / before


def test_isoneutral_diffusion_is_refused_where_it_may_be_unstable(monkeypatch):
    with pytest.raises(InputError, match=r"kappa_redi: 4.5e\+04 is unstable"):
        dye_on_a_slope(1.08, 0)
    assert dye_on_a_slope(0.89, 200) < 0.01
    monkeypatch.setattr(stability, "LARGEST_DAMPING", 100.0)
    assert dye_on_a_slope(2.2, 200) > 1e6
