"""Every setup builds, agrees with its docstring and stays finite; bad data give one clear message."""

import warnings

import numpy as np
import pytest

import ogcm
from ogcm import diagnostics
from ogcm.constants import DAY, GRAVITY, RHO0
from ogcm.data import read_values
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.operators.equation_of_state import LINEAR
from ogcm.setups import SETUPS
from ogcm.setups.recipe import recipe
from ogcm.topography import isolated_basins
from tests.oceans import WITHOUT_DATA, run

TINY = {
    "double_gyre": {"resolution": 3.0},
    "channel": {"resolution": 100.0},
    "lock_exchange": {"resolution": 2000.0, "layers": 5},
    "baroclinic_wave": {"resolution": 1.0, "length": 8.0, "layers": 5},
    "gravity_wave": {"cells": 16},
    "geostrophic_adjustment": {"cells": 20},
    "inertial_oscillation": {},
}
GLOBAL = "global_4deg.nc"


def finite(state):
    return all(np.isfinite(interior(a)).all() for a in state.arrays().values())


# Every setup


def test_every_setup_is_tried():
    assert set(TINY) == set(WITHOUT_DATA)


@pytest.mark.parametrize("name", TINY)
def test_a_setup_can_be_repeated_from_its_config(name):
    given = {"dt": 30.0, "precision": "float32"}
    model = SETUPS[name](**TINY[name], parameters={"drag_linear": 1e-3}, **given)
    config = model.config
    assert model.name == config["setup"] == name
    assert SETUPS[name].days > 0
    assert TINY[name].items() <= config["options"].items()
    assert config["parameters"] == {"drag_linear": 1e-3}
    assert config["numerics"] == given
    again = SETUPS[name](**config["options"], parameters=config["parameters"], **config["numerics"])
    assert again.state.digest() == model.state.digest()
    assert again.options() == model.options()
    for parameter, value in model.parameters.items():
        np.testing.assert_array_equal(again.parameters[parameter], value)


@pytest.mark.parametrize("name", TINY)
def test_a_setup_stays_finite(name):
    model = SETUPS[name](**TINY[name])
    volume = diagnostics.volume(model)
    assert finite(run(model, 5).state)
    assert diagnostics.volume(model) == pytest.approx(volume, rel=1e-13)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resolutoin": 1.0}, "did you mean 'resolution'"),
        ({"advecton": "centred2"}, "did you mean 'advection'"),
        ({"parameters": {"nu_horizontal": 1.0}}, "unknown parameter 'nu_horizontal'"),
        ({"resolution": "a"}, "resolution: double_gyre needs a number"),
        ({"width": np.nan}, "width: double_gyre needs a number"),
        ({"wind": None}, "wind: double_gyre needs a number"),
        ({"resolution": 0.0}, "resolution: must be positive"),
        ({"nu_h": 500.0}, r"nu_h: is a parameter of double_gyre; use parameters=\{'nu_h': 500.0\}"),
        ({"parameters": [500.0]}, r"parameters: needs a dictionary such as \{'nu_h': 500.0\}, got \[500.0\]"),
        ({"resolution": 100.0}, "resolution: 100 leaves no cell"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(InputError, match=message):
        ogcm.setups.double_gyre(**options)


def test_a_count_is_whole():
    with pytest.raises(InputError, match="layers: lock_exchange needs a whole number"):
        ogcm.setups.lock_exchange(layers=2.5)
    assert ogcm.setups.lock_exchange(layers=np.int64(4)).dz.shape == (4,)


def test_a_switch_is_true_or_false():
    @recipe(days=1)
    def pond(*, deep: bool = False, parameters=None, **numerics):
        grid = ogcm.cartesian(nx=2, ny=2, dx=1e4, dy=1e4)
        return ogcm.Model(grid, depth=100.0 if deep else 10.0, dz=[100.0], dt=60.0, smallest_cell=0.1, **numerics)

    assert interior(pond(deep=True).grid.h_t).max() == 100.0
    assert pond(deep=True).config["options"] == {"deep": True}
    with pytest.raises(InputError, match="deep: is either True or False, got 'no'"):
        pond(deep="no")


# What their docstrings say


def test_double_gyre_takes_resolution_and_parameters():
    model = ogcm.setups.double_gyre(resolution=0.5, parameters={"nu_h": 500.0})
    assert model.horizontal.shape == (60, 60)
    np.testing.assert_allclose(interior(model.grid.dx_t), 55.5e3)
    assert (model.parameters["nu_h"] == 500.0).all()
    # its curl turns the south clockwise, the north against it, and no Ekman drift ends at a wall
    tau = interior(model.forcing.at(0.0).tau_x)[:, 0]
    assert tau[[0, -1]].max() < 0.001
    assert (np.diff(tau)[:29] > 0).all()
    assert (np.diff(tau)[30:] < 0).all()
    assert tau.max() == pytest.approx(0.2, rel=0.01)


@pytest.mark.parametrize("resolution", [0.25, 0.5, 1.0])
def test_double_gyre_resolves_the_munk_layer(resolution):
    model = ogcm.setups.double_gyre(resolution=resolution)
    width = np.pi * (model.parameters["nu_h"].max() / 2e-11) ** (1 / 3)
    assert width >= 2 * resolution * 111e3
    ogcm.Simulation(model, days=1, progress=False)  # refuses a step that is too long


def test_channel_is_a_piece_of_the_southern_ocean():
    model = ogcm.setups.channel(resolution=50.0)
    assert model.horizontal.periodic_x
    assert not model.horizontal.periodic_y
    assert (model.horizontal.f < 0).all()
    depth = interior(model.grid.depth_t)
    assert depth.max() == pytest.approx(3000.0, rel=0.01)
    assert depth.min() == pytest.approx(2000.0, rel=0.06)
    now = model.forcing.at(0.0)
    target = interior(now.T_star)[:, 0]
    assert (np.diff(target) > 0).all()  # warm in the north
    assert interior(now.tau_x).max() == pytest.approx(0.15, rel=0.01)


def test_lock_exchange_fronts_move_with_half_the_gravity_speed():
    model = ogcm.setups.lock_exchange()
    expected = 0.5 * np.sqrt(GRAVITY * 5.0 / RHO0 * 20.0)
    x = model.horizontal.x_t
    state, stepper = model.state, ogcm.Stepper(model)

    def fronts():
        T = interior(state.T)[:, 0]
        return x[T[-1] < 17.5].max(), x[T[0] > 17.5].min()

    seen = {}
    for hours in (4, 12):
        while state.time < hours * 3600:
            stepper.step()
        seen[hours] = fronts()
    for start, end, direction in zip(seen[4], seen[12], (1, -1), strict=True):
        assert direction * (end - start) / (8 * 3600) == pytest.approx(expected, rel=0.1)
    T = interior(state.T)
    assert T.min() >= 5 - 1e-9  # the monotone scheme makes no new extremes
    assert T.max() <= 30 + 1e-9


def test_baroclinic_wave_is_in_thermal_wind_and_geostrophic_balance():
    model = ogcm.setups.baroclinic_wave(resolution=0.5, length=2.0)
    h, g = model.horizontal, model.grid
    u = interior(model.state.u)[:, :, 0]
    T = interior(model.state.T).mean(axis=2)
    eta = interior(model.state.eta)[:, 0]
    y = np.radians(h.y_t) * 6.371e6
    f = 2 * 7.292e-5 * np.sin(np.radians(h.y_t))
    middle = slice(4, -4)
    surface = u[0] + 0.5 * (u[0] - u[1])  # half a layer up
    np.testing.assert_allclose((f * surface)[middle], (-GRAVITY * np.gradient(eta, y))[middle], atol=0.03 * 1e-4)
    z = interior(g.z_t)[:, 0, 0]
    shear = f * (u[:-1] - u[1:]) / (z[:-1] - z[1:])[:, None]
    slope = np.gradient(T, y, axis=1) * GRAVITY * LINEAR.a0 / RHO0
    wind = -0.5 * (slope[:-1] + slope[1:])
    assert np.abs(shear - wind)[:, middle].max() < 0.1 * np.abs(wind).max()
    assert np.abs(u[-1]).max() < 0.1 * np.abs(u).max()


def test_baroclinic_wave_grows_as_eady_has_it():
    """One wavelength on a coarse grid grows at more than half of the rate of Eady, whose front has no sides."""
    model = ogcm.setups.baroclinic_wave(resolution=0.4, length=2.4, layers=6)
    shear = interior(model.state.u)[0].max() / 2000.0 * 12 / 11  # the first layer lies at 11/12 of the height
    eady = 0.31 * 9.37e-5 / np.sqrt(5e-6) * shear * DAY  # [day-1]
    stepper, energy = ogcm.Stepper(model), []
    for day in (10, 18):
        while model.state.time < day * DAY:
            stepper.step()
        u, v = interior(model.state.u), interior(model.state.v)
        energy.append(((u - u.mean(axis=2, keepdims=True)) ** 2 + v**2).mean())
    growth = 0.5 * np.log(energy[1] / energy[0]) / 8
    assert energy[1] > np.e**2 * energy[0]
    assert 0.5 * eady < growth < 0.8 * eady


@pytest.mark.parametrize("gravity", [GRAVITY, 3.7])
def test_gravity_wave_returns_after_its_period(gravity):
    model = ogcm.setups.gravity_wave(dt=1e6 / np.sqrt(gravity * 100.0) / 100, gravity=gravity)
    before = interior(model.state.eta).copy()
    after = interior(run(model, 100).state.eta)
    assert np.abs(after - before).max() < 0.03 * 0.1


def test_inertial_oscillation_turns_clockwise_and_returns():
    f = 2 * 7.292e-5 * np.sin(np.radians(45.0))
    model = ogcm.setups.inertial_oscillation(dt=2 * np.pi / f / 80)
    run(model, 20)
    assert interior(model.state.v).max() == pytest.approx(-0.2, rel=0.01)
    state = run(model, 60).state
    assert interior(state.u).mean() == pytest.approx(0.2, rel=0.01)
    assert abs(interior(state.v).mean()) < 0.01 * 0.2


# The real ocean


@pytest.fixture
def ocean(ocean_data):
    return ogcm.setups.global_4deg(data=str(ocean_data(GLOBAL)))


def test_global_4deg_has_the_cells_of_mitgcm(ocean, ocean_data):
    """Comparison with volume and means in the log of MITgcm, whose partial cells are in the file."""
    data = {name: read_values(ocean_data(GLOBAL), name) for name in ("hfac", "wet_mask", "cell_area")}
    grid = ocean.grid
    np.testing.assert_allclose(interior(grid.area_t), data["cell_area"], rtol=1e-12)
    np.testing.assert_allclose(interior(grid.h_t), data["hfac"] * ocean.dz[:, None, None], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(interior(grid.mask_t), data["wet_mask"])
    assert interior(grid.mask_t).sum() == 29309
    assert diagnostics.volume(ocean) == pytest.approx(1.3226782436723e18, rel=1e-13)
    assert diagnostics.mean_T(ocean) == pytest.approx(3.6197074666131, rel=1e-12)
    assert diagnostics.mean_S(ocean) == pytest.approx(34.718006161477, rel=1e-12)
    assert interior(ocean.state.T).min() >= -1.9


def test_global_4deg_forcing_points_into_the_sea(ocean, ocean_data):
    data = {name: read_values(ocean_data(GLOBAL), name) for name in ("qnet", "emp")}
    now, wet = ocean.forcing.at(15 * DAY), interior(ocean.grid.mask_t)[0] == 1
    np.testing.assert_allclose(interior(now.heat_flux)[wet], -data["qnet"][0][wet], rtol=1e-12)
    np.testing.assert_allclose(interior(now.fresh_water)[wet], -data["emp"][0][wet], rtol=1e-12)
    assert interior(now.rate_T).max() == pytest.approx(ocean.dz[0] / 5184000.0)
    assert interior(now.rate_S).max() == pytest.approx(ocean.dz[0] / 15552000.0)
    south, y = interior(now.heat_flux)[:, :], ocean.horizontal.y_t
    assert np.mean(south[y < -30][wet[y < -30]]) > 0  # January warms the south
    assert np.mean(south[y > 30][wet[y > 30]]) < 0


def climate(ocean, days):
    """Check ranges of the real ocean, and return the transport through Drake Passage [Sv]."""
    wet = interior(ocean.grid.mask_t) == 1
    volume = diagnostics.volume(ocean)
    coldest = 0.0
    stepper = ogcm.Stepper(ocean)
    for step in range(days * 12):
        stepper.step()
        if step % 60 == 0:
            coldest = min(coldest, interior(ocean.state.T)[wet].min())
    T, S, eta = (interior(a) for a in (ocean.state.T, ocean.state.S, ocean.state.eta))
    assert finite(ocean.state)
    assert -2.2 < coldest < -1.5
    assert 29 < T[wet].max() < 32
    assert 28 < S[wet].min() < S[wet].max() < 41
    assert np.abs(eta[wet[0]]).max() < 2.5
    assert diagnostics.mean_T(ocean) == pytest.approx(3.62, abs=0.03)
    assert diagnostics.mean_S(ocean) == pytest.approx(34.718, abs=0.001)
    assert diagnostics.volume(ocean) == pytest.approx(volume, rel=1e-6)  # rain and evaporation balance
    assert 0.02 < diagnostics.largest_speed(ocean) < 1.0
    return diagnostics.strait_transport(ocean, x=-68, y=(-71, -53)) / 1e6


def test_global_4deg_for_ten_days(ocean):
    assert 100 < climate(ocean, 10) < 180


@pytest.mark.long
def test_global_4deg_for_a_year(ocean):
    """The transport of the ACC is as observed, 137 to 173 Sv, and 10 to 30 Sv sink north of 40 N."""
    assert 137 < climate(ocean, 360) < 173
    overturning = diagnostics.overturning(ocean)[:, (ocean.horizontal.y_f > 40) & (ocean.horizontal.y_f < 60)]
    assert 10 < overturning[6:].max() / 1e6 < 30


# Basins


def test_isolated_basins_are_found():
    wet = np.zeros((5, 8), bool)
    wet[0:2, :] = True  # the ocean
    wet[3, 3:5] = True  # a lake of two cells
    wet[4, 7] = True  # touches nothing but a corner
    assert isolated_basins(wet, False, False) == [(2, 3, 3), (1, 4, 7)]
    wet[4, 0] = True
    assert isolated_basins(wet, True, False) == [(2, 4, 0), (2, 3, 3)]
    assert isolated_basins(wet, False, True) == [(2, 3, 3)]  # both corners now touch the ocean
    assert isolated_basins(np.zeros((2, 2), bool), True, True) == []


def test_a_model_warns_of_a_lake_and_names_it():
    grid = ogcm.cartesian(nx=6, ny=6, dx=1e4, dy=1e4)
    depth = np.full((6, 6), 100.0)
    depth[3:, 3:] = 0.0
    depth[4, 4] = 100.0
    with pytest.warns(UserWarning, match=r"a basin of 1 cell at \(j, i\) = \(4, 4\)"):
        ogcm.Model(grid, depth=depth, dz=[100.0], dt=100.0)
    depth[4, 4] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ogcm.Model(grid, depth=depth, dz=[100.0], dt=100.0)
