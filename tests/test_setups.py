"""Every setup builds, is what its docstring says and stays finite; bad data ends in one clear sentence."""

import warnings

import h5netcdf
import numpy as np
import pytest
from oceans import WITHOUT_DATA

import ogcm
from ogcm import diagnostics
from ogcm.constants import GRAVITY, RHO0
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from ogcm.ocean_data import OceanData, fill_missing
from ogcm.operators.equation_of_state import LINEAR
from ogcm.setups import SETUPS
from ogcm.setups.global_4deg import NEEDED
from ogcm.topography import isolated_basins

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


def run(model, steps):
    stepper = ogcm.Stepper(model)
    for _ in range(steps):
        stepper.step()
    return model.state


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
    assert finite(run(model, 5))
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
    """One wavelength on a coarse grid: its growth is a good half of Eady's, whose front has no sides."""
    model = ogcm.setups.baroclinic_wave(resolution=0.4, length=2.4, layers=6)
    shear = interior(model.state.u)[0].max() / 2000.0 * 12 / 11  # the first layer lies at 11/12 of the height
    eady = 0.31 * 9.37e-5 / np.sqrt(5e-6) * shear * 86400.0  # [day-1]
    stepper, energy = ogcm.Stepper(model), []
    for day in (10, 18):
        while model.state.time < day * 86400.0:
            stepper.step()
        u, v = interior(model.state.u), interior(model.state.v)
        energy.append(((u - u.mean(axis=2, keepdims=True)) ** 2 + v**2).mean())
    growth = 0.5 * np.log(energy[1] / energy[0]) / 8
    assert energy[1] > np.e**2 * energy[0]
    assert 0.5 * eady < growth < 0.8 * eady


def test_gravity_wave_returns_after_its_period():
    model = ogcm.setups.gravity_wave(dt=1e6 / np.sqrt(GRAVITY * 100.0) / 100)
    before = interior(model.state.eta).copy()
    after = interior(run(model, 100).eta)
    assert np.abs(after - before).max() < 0.03 * 0.1


def test_inertial_oscillation_turns_clockwise_and_returns():
    f = 2 * 7.292e-5 * np.sin(np.radians(45.0))
    model = ogcm.setups.inertial_oscillation(dt=2 * np.pi / f / 80)
    run(model, 20)
    assert interior(model.state.v).max() == pytest.approx(-0.2, rel=0.01)
    state = run(model, 60)
    assert interior(state.u).mean() == pytest.approx(0.2, rel=0.01)
    assert abs(interior(state.v).mean()) < 0.01 * 0.2


# The real ocean


@pytest.fixture
def ocean(ocean_data):
    return ogcm.setups.global_4deg(data=str(ocean_data(GLOBAL)))


def test_global_4deg_has_the_cells_of_mitgcm(ocean, ocean_data):
    """Volume and means of MITgcm's log, whose own partial cells are in the file."""
    data = OceanData(ocean_data(GLOBAL), ("hfac", "wet_mask", "cell_area"))
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
    data = OceanData(ocean_data(GLOBAL), ("qnet", "emp"))
    now, wet = ocean.forcing.at(15 * 86400.0), interior(ocean.grid.mask_t)[0] == 1
    np.testing.assert_allclose(interior(now.heat_flux)[wet], -data["qnet"][0][wet], rtol=1e-12)
    np.testing.assert_allclose(interior(now.fresh_water)[wet], -data["emp"][0][wet], rtol=1e-12)
    assert interior(now.rate_T).max() == pytest.approx(ocean.dz[0] / 5184000.0)
    assert interior(now.rate_S).max() == pytest.approx(ocean.dz[0] / 15552000.0)
    south, y = interior(now.heat_flux)[:, :], ocean.horizontal.y_t
    assert np.mean(south[y < -30][wet[y < -30]]) > 0  # January warms the south
    assert np.mean(south[y > 30][wet[y > 30]]) < 0


def climate(ocean, days):
    """Ranges that the real ocean keeps; returns the transport through Drake Passage [Sv]."""
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


@pytest.mark.slow
def test_global_4deg_for_a_year(ocean):
    """An ACC as observed, 137 to 173 Sv, and 10 to 30 Sv that sink north of 40 N."""
    assert 137 < climate(ocean, 360) < 173
    overturning = diagnostics.overturning(ocean)[:, (ocean.horizontal.y_f > 40) & (ocean.horizontal.y_f < 60)]
    assert 10 < overturning[6:].max() / 1e6 < 30


# Data of other people: a small ocean of two layers, with a wall of land in the west


def small_ocean():
    """{name: [dimensions, values, attributes]} of a file as global_4deg wants it."""
    ny, nx = 6, 8
    lat, lon = np.linspace(-50.0, 50.0, ny), np.linspace(22.5, 337.5, nx)
    maps, rng = ("month", "lat", "lon"), np.random.default_rng(0)
    depth = np.full((ny, nx), 300.0)
    depth[:, 0] = 0.0
    depth[2, 3] = 150.0
    month = rng.uniform(-1, 1, (12, ny, nx))
    deep = rng.uniform(-1, 1, (12, 2, ny, nx))
    return {
        "lat": [("lat",), lat, {"units": "degrees_north"}],
        "lon": [("lon",), lon, {"units": "degrees_east"}],
        "depth": [("depth",), np.array([50.0, 200.0]), {"units": "m", "positive": "down", "axis": "Z"}],
        "lat_bnds": [("lat", "nv"), lat[:, None] + [-10.0, 10.0], {}],
        "lon_bnds": [("lon", "nv"), lon[:, None] + [-22.5, 22.5], {}],
        "dz": [("depth",), np.array([100.0, 200.0]), {"units": "m"}],
        "bathymetry": [("lat", "lon"), depth, {"units": "m", "positive": "down"}],
        "temp": [("month", "depth", "lat", "lon"), 10 + deep, {"units": "degC"}],
        "salt": [("month", "depth", "lat", "lon"), 35 + deep, {"units": "g kg-1"}],
        "sst": [maps, 10 + month, {"units": "degC"}],
        "sss": [maps, 35 + month, {"units": "g kg-1"}],
        "taux": [maps, 0.1 * month, {"units": "N m-2"}],
        "tauy": [maps, 0.1 * month[::-1], {"units": "N m-2"}],
        "qnet": [maps, 50 * month, {"units": "W m-2", "positive": "up"}],
        "emp": [maps, 1e-8 * month, {"units": "m s-1", "positive": "up"}],
    }


def built(path, ocean, **options):
    sizes = {"lat": 6, "lon": 8, "depth": 2, "month": 12, "nv": 2}
    with h5netcdf.File(path, "w") as file:
        file.dimensions = sizes
        for name, (dimensions, values, attributes) in ocean.items():
            attributes = dict(attributes)
            fill = attributes.pop("_FillValue", None)
            v = file.create_variable(name, dimensions, values.dtype, data=np.ascontiguousarray(values), fillvalue=fill)
            v.attrs.update(attributes)
    return ogcm.setups.global_4deg(data=str(path), **options)


def assert_same_ocean(one, other):
    for name in ("h_t", "area_t", "f"):
        np.testing.assert_allclose(getattr(one.grid, name), getattr(other.grid, name), rtol=1e-12)
    for name, a in one.state.arrays().items():
        np.testing.assert_allclose(a, getattr(other.state, name), rtol=1e-12, atol=1e-12)
    for name, a in one.forcing.at(1e6)._asdict().items():
        np.testing.assert_allclose(a, getattr(other.forcing.at(1e6), name), rtol=1e-9, atol=1e-18)


def upside_down(ocean):
    """Latitudes from north to south, depth from the bottom up."""
    for entry in ocean.values():
        for n, dimension in enumerate(entry[0]):
            if dimension in ("lat", "depth"):
                entry[1] = np.flip(entry[1], n)


def other_order(ocean):
    for entry in ocean.values():
        if "lat" in entry[0] and "lon" in entry[0]:
            entry[0], entry[1] = entry[0][::-1], entry[1].transpose()


def other_units(ocean):
    for name, units, factor, offset in (
        ("temp", "K", 1, 273.15),
        ("sst", "kelvin", 1, 273.15),
        ("salt", "kg kg-1", 1e-3, 0),
        ("taux", "dyn cm-2", 10, 0),
        ("emp", "kg m-2 s-1", 1e3, 0),
        ("bathymetry", "km", 1e-3, 0),
    ):
        ocean[name][1] = ocean[name][1] * factor + offset
        ocean[name][2]["units"] = units


def other_directions(ocean):
    ocean["qnet"][1:] = [-ocean["qnet"][1], {"units": "W m-2", "standard_name": "surface_downward_heat_flux_in_air"}]
    ocean["emp"][1:] = [-ocean["emp"][1], {"units": "m s-1", "long_name": "fresh water INTO the sea"}]
    ocean["taux"][1:] = [-ocean["taux"][1], {"units": "N m-2", "standard_name": "surface_upward_eastward_stress"}]
    ocean["bathymetry"][1:] = [-ocean["bathymetry"][1], {"units": "m", "standard_name": "height_above_geoid"}]


@pytest.mark.parametrize("change", [upside_down, other_order, other_units, other_directions])
def test_data_in_other_conventions_make_the_same_ocean(tmp_path, change):
    reference, changed = small_ocean(), small_ocean()
    change(changed)
    assert_same_ocean(built(tmp_path / "changed.nc", changed), built(tmp_path / "reference.nc", reference))


def test_packed_values_and_missing_ones_are_unpacked(tmp_path):
    ocean = small_ocean()
    packed = np.round((ocean["temp"][1] - 10) / 1e-4).astype(np.int16)
    packed[:, :, :, 0] = -32768  # on land
    ocean["temp"][1:] = [
        packed,
        {"units": "degC", "scale_factor": 1e-4, "add_offset": 10.0, "_FillValue": np.int16(-32768)},
    ]
    model = built(tmp_path / "packed.nc", ocean)
    expected = small_ocean()["temp"][1][0]
    np.testing.assert_allclose(interior(model.state.T)[0, :, 1:], expected[0, :, 1:], atol=1e-4)


def test_gaps_over_water_are_filled_from_the_nearest_point(tmp_path):
    ocean = small_ocean()
    ocean["sst"][1][0, 3, 5] = np.nan
    ocean["temp"][1][0, :, 3, 5] = 9.96921e36  # NetCDF's own, though no attribute says so
    ocean["temp"][1][0, :, 3, 4] = 12.0
    for j, i in ((2, 5), (4, 5), (3, 6)):
        ocean["temp"][1][0, :, j, i] = 12.0
    model = built(tmp_path / "gaps.nc", ocean)
    assert interior(model.state.T)[0, 3, 5] == 12.0


def remove(ocean, *names):
    for name in names:
        del ocean[name]


def relabel(ocean, name, **attributes):
    ocean[name][2].update(attributes)


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda o: remove(o, "qnet", "taux"), FileError, "lacks taux, qnet; it must hold lat_bnds"),
        (lambda o: relabel(o, "qnet", positive=""), InputError, "qnet does not say which way it is positive"),
        (
            lambda o: relabel(o, "qnet", standard_name="surface_downward_heat_flux_in_sea_water"),
            InputError,
            "qnet contradicts itself.*positive 'up', standard_name 'surface_downward",
        ),
        (lambda o: relabel(o, "bathymetry", standard_name="altitude"), InputError, "bathymetry is positive down but"),
        (lambda o: relabel(o, "taux", units="knots"), InputError, "taux has the units 'knots'"),
        (lambda o: relabel(o, "sst", units=""), InputError, "sst has the units ''; give it the attribute units"),
        (lambda o: o["temp"].__setitem__(1, o["temp"][1] + 273.15), InputError, "temp holds .* are its units really"),
        (lambda o: o["sss"][1].__setitem__(4, np.nan), InputError, "sss: a map of it has no value at all"),
        (lambda o: o["bathymetry"][1].fill(-300.0), InputError, "no cell holds water; depth is positive downwards"),
        (lambda o: o["bathymetry"][1].fill(np.nan), InputError, "no cell holds water"),
    ],
)
def test_bad_data_are_named(tmp_path, spoil, error, message):
    ocean = small_ocean()
    spoil(ocean)
    with pytest.raises(error, match=message):
        built(tmp_path / "bad.nc", ocean)


@pytest.mark.parametrize("content", [b"CDF\x01rest", b"not a file of ours"])
def test_foreign_files_are_refused(tmp_path, content):
    path = tmp_path / "foreign.nc"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"NetCDF3|not a NetCDF4"):
        ogcm.setups.global_4deg(data=str(path))


@pytest.mark.parametrize("data", [None, "nowhere.nc"])
def test_without_data_one_sentence_says_what_is_needed(data):
    with pytest.raises(FileError, match="ogcm run global_4deg --data FILE") as caught:
        ogcm.setups.global_4deg(data=data)
    assert all(name in str(caught.value) for name in NEEDED)
    assert str(data) in str(caught.value) or data is None


def test_fill_missing_looks_across_the_date_line():
    values = np.array([[np.nan, np.nan, np.nan, 1.0, 1.0, 1.0, 1.0, 7.0]])
    wet = np.ones((1, 8), bool)
    assert fill_missing("a", values, wet, periodic_x=True)[0, 0] == 7.0
    assert fill_missing("a", values, wet)[0, 0] == 1.0
    with pytest.raises(InputError, match="a: shape"):
        fill_missing("a", values, np.ones((2, 8), bool))


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
