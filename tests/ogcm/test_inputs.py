"""Input of users becomes the right field: functions, masked and labelled arrays, durations, fields set later."""

import tracemalloc
from datetime import timedelta
from functools import partial

import numpy as np
import pytest
import xarray as xr

import adjoint
import ogcm
from adjoint.losses import HeatContent
from ogcm import device
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import HALO, interior
from ogcm.series import Series
from tests.oceans import run

NX, NY, DZ = 12, 10, [50.0, 100.0, 100.0, 150.0]
G = ogcm.cartesian(nx=NX, ny=NY, dx=2e4, dy=2e4, f0=1e-4, periodic_x=True)
X, Y = np.meshgrid(G.x_t, G.y_t)
Z = 0.5 * np.array(DZ) - np.cumsum(DZ)
RNG = np.random.default_rng(0)
FIELD = 10 + RNG.normal(size=(4, NY, NX))


def model(horizontal=G, **options):
    return ogcm.Model(horizontal, **({"depth": 400.0, "dz": DZ, "dt": 600.0} | options))


def temperature(T):
    return interior(model(T=T).state.T)


def column(values):
    return np.broadcast_to(np.reshape(values, (-1, 1, 1)), FIELD.shape)


# Functions of the coordinates


def by_keyword(x, *, z, scale=2.0):
    return 10 + scale * x / 1e5 + z / 100


def shifted(shift, x, y, z):
    return shift + z / 100


class Warm:
    def __call__(self, x, y, z):
        return 20 + z / 100


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x, y, dT=8: 10 + dT + 0 * x, column([18.0] * 4)),
        (lambda x, y, z, dT=8: dT + z / 100, column(8 + Z / 100)),
        (lambda a, b, c: c / 100, column(Z / 100)),
        (lambda z: 10 + z / 100, column(10 + Z / 100)),
        (lambda y: 10 + y / 1e5, 10 + np.broadcast_to(Y, FIELD.shape) / 1e5),
        (lambda lat, lon: 10 + lat / 1e5, 10 + np.broadcast_to(Y, FIELD.shape) / 1e5),
        (by_keyword, 10 + 2 * X / 1e5 + column(Z) / 100),
        (partial(by_keyword, scale=1.0), 10 + X / 1e5 + column(Z) / 100),
        (partial(shifted, 5.0), column(5 + Z / 100)),
        (partial(shifted, shift=5.0), column(5 + Z / 100)),
        (Warm(), column(20 + Z / 100)),
        (Warm().__call__, column(20 + Z / 100)),
        (np.vectorize(lambda x, y, z: 20 + z / 100), column(20 + Z / 100)),
        (lambda x, y: 12.5, column([12.5] * 4)),
        (lambda x, y, z, /: 12.5 + 0 * z, column([12.5] * 4)),
    ],
)
def test_parameters_without_a_default_are_coordinates(function, expected):
    np.testing.assert_allclose(temperature(function), expected, rtol=1e-15)


def test_a_function_may_change_what_it_is_given():
    def careless(x, y, z):
        z += 5
        x -= x.mean()
        return 10 + 0 * z

    m = model(T=careless, forcing=ogcm.Forcing(tau_x=lambda x, y, t: np.subtract(x, 1e5, out=x) * 1e-6))
    np.testing.assert_array_equal(interior(m.grid.z_t)[:, 0, 0], Z)
    np.testing.assert_array_equal(m.forcing.at(5.0).tau_x, m.forcing.at(5.0).tau_x)


def test_functions_of_forcing_take_the_time_where_they_ask_for_it():
    m = model(
        forcing=ogcm.Forcing(
            tau_x=lambda x, y, amp=0.05: amp * np.sin(y / 2e5),
            tau_y=lambda t: 0.1 * t,
            heat_flux=lambda x, y, t, amp=2.0: amp * t + 0 * x,
            fresh_water=lambda time, lat: 1e-12 * time * lat,
        )
    )
    fluxes = m.forcing.at(DAY)
    np.testing.assert_array_equal(interior(fluxes.tau_x), 0.05 * np.sin(Y / 2e5))
    np.testing.assert_array_equal(interior(fluxes.tau_y)[:-1], 8640.0)  # the northern face is a wall
    np.testing.assert_array_equal(interior(fluxes.heat_flux), 2 * DAY)
    np.testing.assert_array_equal(interior(fluxes.fresh_water), 1e-12 * DAY * Y)
    assert set(m.forcing.functions) == {"tau_y", "heat_flux", "fresh_water"}


def test_the_depth_may_be_a_function():
    m = model(depth=lambda x, y: np.where(x < 5e4, 0.0, 350.0))
    np.testing.assert_array_equal(interior(m.grid.h_t).sum(axis=0), np.where(X < 5e4, 0.0, 350.0))


# Parameters


def test_parameters_are_numbers_profiles_maps_fields_or_functions():
    tops = np.array([0.0, -50.0, -150.0, -250.0])
    profile, plane = np.array([0.0, 1e-3, 1e-4, 1e-5]), 1e-4 * (1 + X / 1e5)
    m = model(
        parameters={
            "kappa_v": profile,
            "nu_v": lambda x, y, z: 1e-4 * (1 - z / 100),
            "nu_h": lambda x, y, z: 100 - z,
            "kappa_h": lambda x, y, scale=10.0: scale * x / 1e5,
            "drag_linear": plane,
            "drag_quadratic": lambda y: 1e-3 + 0 * y,
        }
    )
    inside = {name: interior(a) for name, a in m.parameters.items() if name != "eos"}
    np.testing.assert_array_equal(inside["kappa_v"], column(profile))
    np.testing.assert_allclose(inside["nu_v"], column(1e-4 * (1 - tops / 100)))
    np.testing.assert_allclose(inside["nu_h"], column(100 - Z))
    np.testing.assert_allclose(inside["kappa_h"], 10 * X[None] / 1e5)
    np.testing.assert_array_equal(inside["drag_linear"], plane[None])
    np.testing.assert_array_equal(inside["drag_quadratic"], np.full((1, NY, NX), 1e-3))
    assert m.parameter_shapes["kappa_v"] == (4,)
    assert m.parameter_shapes["nu_v"] == (4, NY, NX)
    assert m.parameter_shapes["kappa_h"] == (NY, NX)


def test_the_gradient_of_a_profile_is_that_of_the_field_summed_over_its_layers():
    profile = np.array([0.0, 1e-3, 1e-4, 1e-4])
    gradients = []
    for kappa in (profile, column(profile)):
        m = model(T=lambda x, y, z: 15 + z / 50 + y / 1e5, parameters={"kappa_v": kappa})
        simulation = ogcm.Simulation(m, days=0.02, progress=False)
        gradients.append(adjoint.gradient(HeatContent(m, z=(-100, 0)), simulation, "kappa_v")["kappa_v"])
    np.testing.assert_allclose(gradients[0], gradients[1].sum(axis=(1, 2)), rtol=1e-12)
    assert abs(gradients[0][1]) > 0


@pytest.mark.parametrize(
    ("parameters", "choices", "words"),
    [
        ({"nu4_h": 1e10}, {}, "nu4_h: has no effect with friction = 'laplacian', only with 'biharmonic'"),
        ({"nu_h": 1.0}, {"friction": "none"}, "nu_h: has no effect with friction = 'none', only with 'laplacian' or"),
        ({"smagorinsky": 0.2}, {}, "smagorinsky: has no effect with viscosity = 'constant', only with 'smagorinsky'"),
        ({"leith": 0.2}, {"viscosity": "smagorinsky"}, "leith: has no effect with viscosity = 'smagorinsky'"),
        ({"kappa_h": 1.0}, {"diffusion": "none"}, "kappa_h: has no effect with diffusion = 'none'"),
        ({"kappa4_h": 1.0}, {}, "kappa4_h: has no effect with diffusion = 'laplacian', only with 'biharmonic'"),
        ({"kappa_v": 1e-3}, {"equation_of_state": "none"}, "kappa_v: has no effect with equation_of_state = 'none'"),
        ({"kappa_convective": 2.0}, {"equation_of_state": "none"}, "kappa_convective: has no effect"),
        ({"nu_richardson": 0.1}, {}, "nu_richardson: has no effect with vertical_mixing = 'constant'"),
        ({"alpha_richardson": 1.0}, {}, "alpha_richardson: has no effect with vertical_mixing = 'constant'"),
        ({"T_freezing": -1.8}, {}, "T_freezing: has no effect with freezing = False, only with True"),
    ],
)
def test_a_parameter_without_effect_is_warned_of(parameters, choices, words):
    with pytest.warns(UserWarning, match=words):
        model(parameters=parameters, **choices)


def test_forcing_without_effect_is_warned_of(recwarn):
    model(parameters={"nu4_h": 0.0, "nu_h": 5.0}, forcing=ogcm.Forcing(T_star=10.0, rate_T=1e-6))
    assert not recwarn
    with pytest.warns(UserWarning, match="T_star: has no effect without rate_T"):
        model(forcing=ogcm.Forcing(T_star=10.0))
    with pytest.warns(UserWarning, match="heat_flux: has no effect in a model without tracers"):
        model(equation_of_state="none", forcing=ogcm.Forcing(heat_flux=10.0))


# Masked arrays


def test_masked_means_missing():
    land = X < 5e4
    raw = np.where(land, 9.97e36, 350.0)
    depth = np.ma.masked_equal(raw, 9.97e36)
    filled = np.ma.array(np.where(land, 9.97e36, FIELD), mask=np.broadcast_to(land, FIELD.shape))
    m = model(
        depth=depth,
        T=filled,
        S=[np.ma.array(np.full((NY, NX), 35.0), mask=land)] * 4,
        eta=np.ma.array(np.where(land, 1e20, 0.1), mask=land),
        forcing=ogcm.Forcing(
            heat_flux=np.ma.array(raw, mask=land),
            fresh_water=Series([np.ma.array(raw * 1e-9, mask=land)] * 2, [0.0, 1e6]),
            tau_y=lambda x, y: np.ma.array(np.where(land, 1e20, 0.1), mask=land),
        ),
        parameters={"nu_h": np.ma.array(raw, mask=land), "drag_linear": np.where(land, np.nan, 1e-3)},
    )
    assert int(interior(m.grid.mask_t)[0].sum()) == 100 == (~land).sum()
    np.testing.assert_array_equal(interior(m.state.T), np.where(land, 0, FIELD) * interior(m.grid.mask_t))
    np.testing.assert_array_equal(interior(m.state.eta), np.where(land, 0, 0.1))
    fluxes = m.forcing.at(10.0)
    np.testing.assert_array_equal(interior(fluxes.heat_flux), np.where(land, 0, 350.0))
    np.testing.assert_allclose(interior(fluxes.fresh_water), np.where(land, 0, 350e-9))
    np.testing.assert_array_equal(interior(m.parameters["nu_h"])[0], np.where(land, 0, 350.0))  # the default on land
    np.testing.assert_array_equal(interior(m.parameters["drag_linear"])[0], np.where(land, 0, 1e-3))


@pytest.mark.parametrize("what", ["T", "heat_flux", "nu_h"])
def test_what_is_masked_over_water_is_refused(what):
    a = np.ma.masked_greater(np.where(X > 2e5, 1e20, 1.0), 1e10)
    options = {"T": {"T": a}, "heat_flux": {"forcing": ogcm.Forcing(heat_flux=a)}, "nu_h": {"parameters": {"nu_h": a}}}
    with pytest.raises(InputError, match=f"{what}: (not finite over water|nan m2 s-1 lies outside)"):
        model(**options[what])


# Labelled arrays


SQUARE = ogcm.cartesian(nx=6, ny=6, dx=2e4, dy=2e4)
AXES = {"X": ("p", SQUARE.x_t, {"axis": "X"}), "Y": ("q", SQUARE.y_t, {"axis": "Y"})}
VALUES = np.random.default_rng(1).uniform(100, 300, (6, 6))


@pytest.mark.parametrize(
    "labelled",
    [
        xr.DataArray(VALUES, dims=("y", "x")),
        xr.DataArray(VALUES.T, dims=("x", "y")),
        xr.DataArray(VALUES.T, dims=("lon", "lat")),
        xr.DataArray(VALUES[::-1], dims=("y", "x"), coords={"y": SQUARE.y_t[::-1]}),
        xr.DataArray(VALUES.T, dims=("p", "q"), coords={"p": AXES["X"], "q": AXES["Y"]}),
        xr.DataArray(VALUES.T[None], dims=("time", "x", "y")),
    ],
)  # fmt: skip
def test_a_labelled_array_is_put_right_by_its_names(labelled):
    options = {"parameters": {"nu_h": labelled}, "forcing": ogcm.Forcing(heat_flux=labelled), "dz": [400.0]}
    m = model(SQUARE, depth=labelled, **options)
    np.testing.assert_allclose(interior(m.grid.depth_t), VALUES)
    np.testing.assert_array_equal(interior(m.parameters["nu_h"])[0], VALUES)
    np.testing.assert_array_equal(interior(m.forcing.at(0).heat_flux), VALUES)


def test_labelled_fields_and_series_are_put_right_by_their_names():
    depth = 0.5 * np.array(DZ) - np.cumsum(DZ)
    T = xr.DataArray(FIELD[::-1].T, dims=("x", "y", "depth"), coords={"depth": -depth[::-1], "x": G.x_t})
    np.testing.assert_array_equal(temperature(T), FIELD)
    np.testing.assert_array_equal(temperature([xr.DataArray(a.T, dims=("lon", "lat")) for a in FIELD]), FIELD)
    np.testing.assert_allclose(temperature(T.isel(x=0, y=0)), column(FIELD[:, 0, 0]))
    np.testing.assert_allclose(temperature(T.isel(depth=0)), np.broadcast_to(FIELD[-1], FIELD.shape))
    maps = RNG.normal(size=(12, NY, NX))
    series = Series.monthly(xr.DataArray(maps.transpose(1, 2, 0), dims=("lat", "lon", "time")))
    m = model(forcing=ogcm.Forcing(heat_flux=series))
    np.testing.assert_array_equal(interior(m.forcing.series["heat_flux"].values), maps)


def test_an_output_of_our_own_goes_back_into_a_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    m = model(T=FIELD)
    ogcm.Simulation(m, days=0.02, output="a.nc", output_precision="float64", progress=False).run()
    with xr.open_dataset("a.nc", decode_times=False) as f:
        last = f.isel(time=-1)
        again = model(T=last.T.transpose("x", "y", "z"), u=last.u, v=last.v, eta=last.eta, S=last.S)
        where = {"depth": last.depth.transpose()}
        np.testing.assert_array_equal(model(**where).grid.h_t, m.grid.h_t)
    for name in ("u", "v", "eta", "T", "S"):
        np.testing.assert_array_equal(interior(getattr(again.state, name)), interior(getattr(m.state, name)))


def test_longitudes_of_another_turn_are_the_same():
    globe = ogcm.spherical(lon=np.arange(300.0, 307.0), lat=np.arange(10.0, 17.0))
    depth = xr.DataArray(VALUES, dims=("lat", "lon"), coords={"lat": globe.y_t, "lon": globe.x_t - 360})
    np.testing.assert_allclose(interior(model(globe, depth=depth, dz=[400.0]).grid.depth_t), VALUES)
    with pytest.raises(InputError, match=r"its lon runs from 120.5 to 125.5, that of the grid from 300.5 to 305.5"):
        model(globe, depth=depth.assign_coords(lon=globe.x_t - 180), dz=[400.0])


def test_layers_of_other_depths_are_refused():
    centres = np.cumsum(DZ) - 0.5 * np.array(DZ)
    T = xr.DataArray(FIELD, dims=("depth", "y", "x"), coords={"depth": centres + 20})
    np.testing.assert_array_equal(temperature(T), FIELD)
    np.testing.assert_array_equal(temperature(T.rename(depth="level").assign_coords(level=range(4))), FIELD)
    with pytest.raises(
        InputError, match="T: its depth runs from 0 to -3000, that of the grid from -25 to -325; interp"
    ):
        temperature(T.assign_coords(depth=[0.0, 500.0, 1000.0, 3000.0]))


@pytest.mark.parametrize(
    ("labelled", "words"),
    [
        (xr.DataArray(VALUES, dims=("a", "b")), "bathymetry: is its dimension 'a' one of y, x. Rename it to that"),
        (xr.DataArray([VALUES] * 2, dims=("time", "y", "x")), r"dimension 'time'; choose one .* isel\(time=0\)"),
        (xr.DataArray(VALUES, dims=("x", "lon")), "two of its dimensions x, lon are the same axis; rename one"),
        (
            xr.DataArray(VALUES, dims=("y", "x"), coords={"x": SQUARE.x_t / 1e3}),
            "its x runs from 10 to 110, that of the grid from 10000 to 110000; interpolate it to the grid",
        ),
    ],
)
def test_labels_that_do_not_fit_are_refused(labelled, words):
    with pytest.raises(InputError, match=words):
        model(SQUARE, depth=labelled)


# Layers and bottom


def test_a_profile_is_never_spread_along_x():
    square = ogcm.cartesian(nx=5, ny=5, dx=2e4, dy=2e4)
    with pytest.raises(InputError, match=r"T: shape \(5,\) does not fit"):
        model(square, T=np.arange(5.0))
    np.testing.assert_array_equal(interior(model(square, T=np.arange(4.0)).state.T)[:, 2, 2], np.arange(4.0))


def test_a_sea_floor_below_the_layers_is_warned_of(recwarn):
    model(depth=400.0 * (1 + 1e-9))
    assert not recwarn
    with pytest.warns(UserWarning, match="30 of 120 columns reach below the lowest layer .* 400 m; .* is at 900 m"):
        m = model(depth=np.where(X < 6e4, 900.0, 300.0))
    assert interior(m.grid.depth_t).max() == 400.0


def test_a_model_without_room_is_refused_before_it_is_built(monkeypatch):
    monkeypatch.setattr(device, "host_memory", lambda: 1e5)
    with pytest.raises(
        InputError, match=r"memory: a float64 model of 4 layers of 10 x 12 cells needs about .* fits is"
    ):
        model()


@pytest.mark.parametrize(("layers", "cells"), [(1, 200), (20, 60)])
def test_the_memory_that_is_reckoned_is_taken(layers, cells, monkeypatch):
    reckoned = []
    monkeypatch.setattr("ogcm.model.check_host_memory", lambda need, what: reckoned.append(need))
    grid = ogcm.cartesian(nx=cells, ny=cells, dx=2e4, dy=2e4)
    tracemalloc.start()
    m = model(grid, depth=50.0 * layers, dz=[50.0] * layers, T=lambda x, y, z: 10 + z / 1e4)
    stepper = ogcm.Stepper(m)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert stepper.model is m
    assert 0.7 < most / reckoned[0] < 1.3


# Longitudes


def test_a_globe_of_float32_longitudes_is_periodic():
    for cell in (0.1, 1 / 12, 0.25, 1.0):
        n = round(360 / cell)
        centres = (np.arange(n, dtype=np.float32) + np.float32(0.5)) * np.float32(cell)
        edges = np.append(centres - np.float32(cell / 2), centres[-1] + np.float32(cell / 2))
        assert edges.dtype == np.float32
        grid = ogcm.spherical(lon=edges, lat=[0, 1])
        assert grid.periodic_x
    assert ogcm.spherical(lon=np.linspace(0, 359.9999999963, 3601), lat=[0, 1]).periodic_x


def test_a_globe_that_nearly_closes_is_warned_of(recwarn):
    assert not ogcm.spherical(lon=np.linspace(0, 300, 301), lat=[0, 1]).periodic_x
    assert not recwarn
    with pytest.warns(
        UserWarning, match="lon: the edges span 359 degrees, so that the ocean is closed at 0 and 359; .* 360"
    ):
        grid = ogcm.spherical(lon=np.arange(360.0), lat=[0, 1])
    assert not grid.periodic_x
    with pytest.warns(UserWarning, match="closed"):
        ogcm.spherical(lon=np.linspace(0, 359.999, 361), lat=[0, 1])


# Times


def test_durations_are_seconds():
    maps = np.arange(3.0)
    days = np.array([0, 1, 2], "timedelta64[D]")
    for times, period in (
        (days, np.timedelta64(3, "D")),
        ([timedelta(days=n) for n in range(3)], timedelta(days=3)),
        (xr.DataArray(days), 3 * DAY),
        ([0, int(DAY), int(2 * DAY)], int(3 * DAY)),
    ):
        m = model(forcing=ogcm.Forcing(heat_flux=Series(maps, times, period)))
        series = m.forcing.series["heat_flux"]
        np.testing.assert_array_equal(series.times, DAY * np.arange(3))
        assert series.period == 3 * DAY
        assert interior(m.forcing.at(0.5 * DAY).heat_flux).max() == pytest.approx(0.5)


def test_a_series_must_cover_the_run(recwarn):

    def simulation(times, period=None, days=3.0):
        series = Series(np.arange(float(len(times))), np.array(times) * DAY, period)
        return ogcm.Simulation(model(forcing=ogcm.Forcing(heat_flux=series)), days=days, progress=False)

    simulation([0.5, 1.5, 2.5])  # the middles of three days
    simulation([0.0])
    simulation([18000.0, 18001.0], period=30 * DAY)
    assert not recwarn
    simulation([-1.0, 0.0, 1.0, 2.0, 3.0])  # instants up to the end
    simulation([0.5, 1.5], days=2.0)
    for times in ([0.0, 1.0], [0.6, 1.6, 2.6], [18000.0, 18001.0], [-10.0, -9.0]):
        first, last = times[0] - 0.5, times[-1] + 0.5
        words = f"heat_flux: its records cover days {first:g} to {last:g}, but the run goes from day 0 to 3; run within"
        with pytest.raises(InputError, match=words):
            simulation(times)


@pytest.mark.parametrize("interpolation", ["linear", "conservative"])
def test_the_first_and_last_record_of_a_series_can_be_held(interpolation):
    times = np.array(["2004-01-03", "2004-01-05"], "datetime64[ns]")
    series = Series([2.0, 4.0], times, interpolation=interpolation, held=True)
    m = model(forcing=ogcm.Forcing(heat_flux=series), start="2004-01-01")
    ogcm.Simulation(m, days=400.0, progress=False)
    found = [interior(m.forcing.at(day * DAY).heat_flux).max() for day in (-300.0, 0.0, 1.0, 3.0, 5.0, 9.0, 400.0)]
    assert found[:3] == found[:1] * 3
    assert found[4:] == found[-1:] * 3
    assert found[3] == pytest.approx(3.0)
    if interpolation == "linear":
        assert (found[0], found[-1]) == (2.0, 4.0)


# Fields set later


def test_fields_are_set_without_halo():
    m, other = model(), model(T=FIELD, u=lambda x, y, z: 0.1 * np.sin(y / 2e4) + 0 * z, eta=0.1 * np.sin(Y / 1e5))
    m.set(T=FIELD, u=lambda x, y, z: 0.1 * np.sin(y / 2e4) + 0 * z, eta=0.1 * np.sin(Y / 1e5))
    for name, a in m.state.arrays().items():
        np.testing.assert_array_equal(a, getattr(other.state, name))
    for fields, words in (
        ({"T": 288.0}, "kelvin"),
        ({"eta": np.ones(3)}, r"eta: shape \(3,\) does not fit"),
        ({"temp": 1.0}, "unknown field 'temp': choose from u, v, eta, T, S"),
        ({"S": 35.0, "T": "warm"}, "T: needs real numbers"),
    ):
        with pytest.raises(InputError, match=words):
            m.set(**fields)
    assert interior(m.state.S).min() == 35.0
    ab2 = run(model(integrator="ab2"), 2)
    ab2.set(T=FIELD)
    assert ab2.state.previous is None
    assert ab2.state.step == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda s: setattr(s, "T", np.full((4, NY, NX), 10.0)),
            r"T: the state needs .*\(4, 16, 18\).* has \(4, 10, 12\)",
        ),
        (lambda s: setattr(s, "T", np.full((4, NY + 6, NX + 6), 10)), "T: .* has .* of int64; give .* model.set"),
        (lambda s: setattr(s, "u", None), "u: the state needs an array .* and has NoneType"),
        (lambda s: setattr(s, "eta", 0.0), "eta: the state needs an array .* and has float"),
    ],
)
def test_a_state_of_the_wrong_shape_is_refused(change, words):
    m = model()
    simulation, stepper = ogcm.Simulation(m, days=0.01, progress=False), ogcm.Stepper(m)
    change(m.state)
    with pytest.raises(InputError, match=words):
        stepper.step()
    with pytest.raises(InputError, match=words):
        simulation.run()
    with pytest.raises(InputError, match=words):
        ogcm.Simulation(m, days=0.01)


def test_a_run_fills_the_halos_of_a_changed_state(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noise = 1e-2 * RNG.normal(size=FIELD.shape)
    ours, theirs, stepped = model(), model(), model()
    theirs.set(T=10 + noise, u=noise)
    for m in (ours, stepped):
        m.state.u[...] = 0.3  # on land and in the halo as well
        interior(m.state.T)[...] += noise
        interior(m.state.u)[...] = noise
    for m in (ours, theirs):
        ogcm.Simulation(m, days=600 / DAY, progress=False).run()
    run(stepped, 1)
    assert ours.state.digest() == theirs.state.digest() == stepped.state.digest()
    assert not ours.state.u[:, :, :HALO][:, 0].any()
