"""Tides: arguments of moon and sun, the channel with an open end, and the equilibrium response of closed basins."""

import datetime

import cftime
import numpy as np
import pytest

import adjoint
import ogcm
from adjoint import losses
from ogcm.astronomy import CONSTITUENTS, frequency, tidal_arguments
from ogcm.constants import DAY
from ogcm.diagnostics import harmonics
from ogcm.errors import InputError
from tests.conftest import DATA

START = "2021-01-01"
G, RHO0 = 9.81, 1026.0
STILL = {"equation_of_state": "none", "friction": "none", "free_surface": "linear"}


def records(model, days, first, every=1):
    """Times [s] and sea levels of a row during the last days of a run."""
    times, levels = [], []

    def keep(simulation):
        if simulation.model.state.time >= first * DAY:
            times.append(simulation.model.state.time)
            levels.append(ogcm.interior(simulation.model.state.eta).copy())

    ogcm.Simulation(model, days=days, progress=False, callbacks=[ogcm.Callback(keep, steps=every)]).run()
    return np.array(times), np.array(levels)


def complex_of(amplitude, phase):
    return amplitude * np.exp(1j * np.radians(phase))


# Moon and sun


@pytest.mark.parametrize("date", [(2021, 1, 1), (2004, 7, 13, 5), (1987, 3, 2, 11, 30)])
def test_arguments_are_those_of_uptide(date):
    uptide = pytest.importorskip("uptide", reason="uptide is not installed")
    names = [name for name, c in CONSTITUENTS.items() if not c.parts]
    theirs = uptide.Tides([name.upper() for name in names])
    theirs.set_initial_time(datetime.datetime(*date))
    f, argument = tidal_arguments(names, cftime.datetime(*date), 0.0)
    np.testing.assert_allclose(f, theirs.f, atol=1e-6)
    np.testing.assert_allclose(np.exp(1j * argument), np.exp(1j * (theirs.phi + theirs.u)), atol=1e-6)
    np.testing.assert_allclose([frequency(name) for name in names], theirs.omega, rtol=5e-6)


def test_periods_are_those_of_the_tables():
    """Periods in hours of Pugh (1987), table 4.1."""
    periods = {"M2": 12.4206, "S2": 12.0, "N2": 12.6584, "K2": 11.9672, "K1": 23.9345, "O1": 25.8193, "P1": 24.0659}
    for name, period in (periods | {"Q1": 26.8684, "M4": 6.2103, "Mf": 327.86, "Mm": 661.31}).items():
        assert 2 * np.pi / frequency(name) / 3600 == pytest.approx(period, rel=1e-5)


def test_spring_tide_follows_full_moon():
    """M2 and S2 are in phase at full and new moon: on 28 January 2021, 19:16 UTC, and on 11 February, 19:06."""
    for day in (27.803, 41.796):
        _, (m2, s2) = tidal_arguments(["M2", "S2"], cftime.datetime(2021, 1, 1), day * DAY)
        assert abs((m2 - s2 + np.pi) % (2 * np.pi) - np.pi) < np.radians(15)  # the true moon is near the mean one


def test_compound_tides_have_the_corrections_of_their_parts():
    f, argument = tidal_arguments(["M2", "S2", "M4", "MS4"], cftime.datetime(2004, 7, 13), 3e5)
    np.testing.assert_allclose(f[2:], [f[0] ** 2, f[0] * f[1]])
    np.testing.assert_allclose(np.exp(1j * argument[2:]), np.exp(1j * np.array([2 * argument[0], argument[:2].sum()])))


def test_harmonics_find_what_a_tide_is_made_of():
    times, start = np.arange(0, 30 * DAY, 3600.0), cftime.datetime(2021, 1, 1)
    given = {"M2": (1.2, 40.0), "S2": (0.4, 200.0), "K1": (0.3, 350.0)}
    f, argument = tidal_arguments(given, start, times)
    values = 0.7 + sum(
        a * f_c * np.cos(v - np.radians(g)) for (a, g), f_c, v in zip(given.values(), f, argument, strict=True)
    )
    for name, (a, g) in harmonics(times, values[:, None], list(given), start).items():
        np.testing.assert_allclose((a[0], g[0]), given[name], rtol=1e-9)
    with pytest.raises(InputError, match="do not separate"):
        harmonics(times[:24], values[:24], ["M2", "S2"], start)


# Outside open sides


DX, DEPTH, WALL = 1e4, 40.0, 4e5
OMEGA = frequency("M2")
K = OMEGA / np.sqrt(G * DEPTH)


def standing(x):
    """Co-oscillation of a channel with a wall: 0.5 m at the open end."""
    return 0.5 * np.cos(K * (WALL - x)) / np.cos(K * (WALL - DX))


def flowing(x):
    return 0.5 * G * K / OMEGA * np.sin(K * (WALL - x)) / np.cos(K * (WALL - DX))


def wave(function, lag):
    """Amplitude and phase of a signed function of x."""
    return lambda x, y: np.abs(function(x)) + 0 * y, lambda x, y: np.where(function(x) < 0, 180.0, 0.0) + lag + 0 * y


def channel(**options):
    tide = ogcm.Tide(eta={"M2": wave(standing, 0.0)}, **options)
    return ogcm.Model(
        ogcm.cartesian(nx=40, ny=3, dx=DX, dy=DX, f0=0.0, periodic_y=True),
        depth=DEPTH, dz=[DEPTH], dt=300.0, start=START, parameters={"nu_v": 0.0},
        open_sides=ogcm.OpenSides(west=True, tides=tide, flow="clamped"), **STILL,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["u", "U", ""])
def test_a_channel_co_oscillates(name):
    """eta = A cos(k (L - x))/cos(k L) cos(omega t); the transient of a start from rest leaves through the open side.

    The velocity outside is given, or as a transport, or follows from the slope of the elevation.
    """
    amplitude, phase = wave(flowing, -90.0)
    if name == "U":
        velocity = amplitude
        amplitude = lambda x, y: DEPTH * velocity(x, y)  # noqa: E731
    times, levels = records(channel(**({name: {"M2": (amplitude, phase)}} if name else {})), days=3, first=2)
    found = complex_of(*harmonics(times, levels[:, 1], ["M2"], START)["M2"])
    expected = standing(DX * (np.arange(40) + 0.5))
    assert np.abs(found - expected)[1:].max() < 0.01 * np.abs(expected).max()


@pytest.mark.parametrize("f", [1e-4, -1e-4])
def test_a_kelvin_wave_crosses_a_rotating_channel(f):
    """Only its elevation is given: eta = A exp(-|f| d/c) cos(k x - omega t), d from the wall on its right (left)."""
    nx, ny, c = 16, 20, np.sqrt(G * 100.0)

    def from_wall(y):
        return y if f > 0 else 2e5 - y

    tide = ogcm.Tide(eta={"M2": (lambda x, y: np.exp(-abs(f) * from_wall(y) / c) + 0 * x,
                                 lambda x, y: np.degrees(OMEGA / c * x) + 0 * y)}, friction=0.0)  # fmt: skip
    model = ogcm.Model(
        ogcm.cartesian(nx=nx, ny=ny, dx=DX, dy=DX, f0=f), depth=100.0, dz=[100.0], dt=200.0, start=START,
        open_sides=ogcm.OpenSides(west=True, east=True, tides=tide, flow="clamped"), parameters={"nu_v": 0.0}, **STILL,
    )  # fmt: skip
    times, levels = records(model, days=2.5, first=1.5)
    found = complex_of(*harmonics(times, levels, ["M2"], START)["M2"])[:, 1:-1]
    x, y = np.meshgrid(model.horizontal.x_t[1:-1], model.horizontal.y_t)
    expected = complex_of(np.exp(-abs(f) * from_wall(y) / c), np.degrees(OMEGA / c * x))
    assert np.abs(found - expected).max() < 0.01


def test_a_tide_needs_a_date_and_known_names():
    with pytest.raises(InputError, match="start='2021-01-01'"):
        ogcm.Model(
            ogcm.cartesian(nx=5, ny=5, dx=DX, dy=DX, f0=0.0), depth=DEPTH, dz=[DEPTH], dt=300.0,
            open_sides=ogcm.OpenSides(west=True, tides=ogcm.Tide(eta={"M2": (1.0, 0.0)})),
        )  # fmt: skip
    with pytest.raises(InputError, match="unknown constituent 'm2'"):
        ogcm.Tide(eta={"m2": (1.0, 0.0)})
    with pytest.raises(InputError, match="either the velocity u or the transport U"):
        ogcm.Tide(u={"M2": (1.0, 0.0)}, U={"M2": (1.0, 0.0)})
    with pytest.raises(InputError, match="has no equilibrium"):
        ogcm.EquilibriumTide(["M4"])


def test_a_tide_is_interpolated_from_its_own_grid():
    """Phases around 360 degrees, and land in the data."""
    xr = pytest.importorskip("xarray")
    lat, lon = np.linspace(38, 44, 13), np.linspace(-10, -2, 17)
    phase = (355 + (lon + 10) + 0 * lat[:, None]) % 360
    maps = {"a": np.full((13, 17), 0.8), "g": phase}
    maps["a"][:, 12:] = np.nan
    a, g = (xr.DataArray(m, dims=("y", "x"), coords={"lat": ("y", lat), "lon": ("x", lon)}) for m in maps.values())
    grid = ogcm.spherical(lon=np.linspace(-10, -5, 11), lat=np.linspace(39, 43, 9))
    _, (cosine, sine) = ogcm.Tide(eta={"M2": (a, g)}).waves("eta", grid.points())
    found = np.degrees(np.angle(cosine + 1j * sine))
    np.testing.assert_allclose(found, np.broadcast_to(grid.x_t + 5, found.shape), atol=0.01)
    assert np.hypot(cosine, sine) == pytest.approx(0.8, rel=1e-4)


def test_tides_of_a_file():
    path = DATA / "med202101" / "tides.nc"
    if not path.exists():
        pytest.skip("the shared data are absent")
    tide = ogcm.Tide.read(path, ["M2", "K1"])
    grid = ogcm.spherical(lon=np.linspace(-12, -6, 25), lat=np.linspace(33, 40, 29))
    names, maps = tide.waves("eta", grid.points())
    assert names == ("M2", "K1")
    assert np.hypot(maps[0], maps[2])[14, 8] == pytest.approx(1.0, abs=0.15)  # M2 off Portugal


def test_gradients_with_respect_to_tides_and_pressure_are_right():
    waves = np.random.default_rng(2).normal(size=(4, 6, 8))
    tide = ogcm.Tide(eta={"M2": (np.abs(waves[0]), 90 * waves[1])}, u={"M2": (0.1, 30.0), "O1": (0.2, 0.0)})
    model = ogcm.Model(
        ogcm.cartesian(nx=8, ny=6, dx=2e4, dy=2e4, f0=1e-4), depth=100.0, dz=[40.0, 60.0], dt=400.0, start=START,
        open_sides=ogcm.OpenSides(west=True, north=True, eta=0.1, tides=tide, inverse_barometer=True),
        forcing=ogcm.Forcing(
            surface_pressure=1e5 + 1e3 * waves[3],
            equilibrium_tide=ogcm.EquilibriumTide(["M2", "K1"], latitude=40.0, longitude=lambda x, y: x / 1e5),
        ),
    )  # fmt: skip
    names, rng = ["eta_outside", "u_outside", "surface_pressure", "equilibrium_tide"], np.random.default_rng(3)
    simulation = ogcm.Simulation(model, days=3 * 400 / DAY, progress=False)
    box = {"x": (4e4, 1e5), "y": (4e4, 8e4)}
    found = adjoint.gradient(losses.BoxMean(model, "eta", **box), simulation, names)
    for name in names:
        change = rng.normal(size=found[name].shape)
        exact = ogcm.interior(adjoint.tangent(simulation, {name: change}).eta)[2:4, 2:5].mean()
        size = np.abs(found[name] * change).sum()
        assert size > 0, name
        assert abs((found[name] * change).sum() - exact) < 1e-12 * size, name


# Inside


def closed(forcing, depth=4000.0, **options):
    """A closed ocean of 2,000 km x 1,200 km around 30 N."""
    grid = ogcm.cartesian(nx=20, ny=12, dx=1e5, dy=1e5, f0=0.0)
    settings = STILL | {"dt": 3000.0, "parameters": {"nu_v": 0.0, "drag_linear": 1e-1}} | options
    return ogcm.Model(grid, depth=depth, dz=[depth], forcing=forcing, start=START, **settings)


def test_a_closed_basin_is_an_inverse_barometer():
    """A pressure that grows within ten days and then stays: eta = -(p - mean p)/(rho0 g) to 1 %."""

    def pressure(x, y, t):
        return 101325.0 + 3e3 * min(t / (10 * DAY), 1.0) * np.cos(np.pi * x / 2e6) * np.cos(np.pi * y / 1.2e6)

    model = closed(ogcm.Forcing(surface_pressure=pressure))
    ogcm.Simulation(model, days=15, progress=False).run()
    x, y = np.meshgrid(model.horizontal.x_t, model.horizontal.y_t)
    p = pressure(x, y, 15 * DAY)
    error = ogcm.interior(model.state.eta) + (p - p.mean()) / (RHO0 * G)
    assert np.abs(error).max() < 0.01 * np.abs(p - p.mean()).max() / (RHO0 * G)


def test_a_deep_closed_basin_follows_the_equilibrium_tide_of_long_period():
    """Mf and Mm without their mean over the basin, to 1 %: the gravest seiche has a period of six hours."""
    places = {"latitude": lambda x, y: 10 + y / 3e4, "longitude": lambda x, y: x / 1e5}
    names = ["Mf", "Mm"]
    model = closed(ogcm.Forcing(equilibrium_tide=ogcm.EquilibriumTide(names, **places)))
    times, levels = records(model, days=40, first=10, every=10)
    series = model.forcing.series["equilibrium_tide"]
    expected = np.array([ogcm.interior(series.at(t)) for t in times])
    expected -= expected.mean(axis=(1, 2), keepdims=True)
    assert np.sqrt(((levels - expected) ** 2).mean()) < 0.01 * expected.std()


def test_the_outer_sea_follows_the_pressure_of_the_air():
    """A uniform change of pressure between two sides that are open gives the inverse barometer without any flow."""
    pressure = 101325.0 + 1e3 * np.sin(np.pi * np.arange(20) / 19)[None] * np.ones((12, 1))
    eta = -(pressure - 101325.0) / (RHO0 * G)
    model = ogcm.Model(
        ogcm.cartesian(nx=20, ny=12, dx=1e5, dy=1e5, f0=0.0), depth=4000.0, dz=[4000.0], dt=600.0, eta=eta,
        open_sides=ogcm.OpenSides(west=True, east=True, inverse_barometer=True, flow="clamped"),
        forcing=ogcm.Forcing(surface_pressure=pressure), parameters={"nu_v": 0.0}, **STILL,
    )  # fmt: skip
    ogcm.Simulation(model, days=2, progress=False).run()
    assert np.abs(ogcm.interior(model.state.u)).max() < 1e-10


def test_the_equilibrium_tide_is_high_under_the_moon():
    """M2 is highest where the mean moon culminates, 0.168 m at the equator in the mean over the nodal cycle."""
    at = {"latitude": 0.0, "longitude": lambda x, y: x / 1e5}
    model = closed(ogcm.Forcing(equilibrium_tide=ogcm.EquilibriumTide(["M2"], **at)))
    f, (argument,) = tidal_arguments(["M2"], model.start, 5e5)
    found = ogcm.interior(model.forcing.at(5e5).equilibrium_tide)[0]
    expected = 0.693 * 0.242334 * f[0] * np.cos(argument + 2 * np.radians(model.horizontal.x_t / 1e5))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("name", ["M2", "K1"])
def test_an_equilibrium_tide_outside_makes_no_flow(name):
    """Its slope is that of the potential; without the potential it accelerates the water."""
    species, factor = CONSTITUENTS[name].numbers[0], CONSTITUENTS[name].equilibrium * CONSTITUENTS[name].yielding

    def amplitude(lon, lat):
        phi = np.radians(lat)
        return factor * (np.sin(2 * phi) if species == 1 else np.cos(phi) ** 2) + 0 * lon

    def phase(lon, lat):
        return -species * lon + 0 * lat

    grid = ogcm.spherical(lon=np.arange(-14, -5.9, 0.5), lat=np.arange(33, 42.1, 0.5))
    tide = ogcm.Tide(eta={name: (amplitude, phase)})
    flows = []
    for forcing in (ogcm.Forcing(equilibrium_tide=ogcm.EquilibriumTide(["S2", name])), ogcm.Forcing()):
        sides = ogcm.OpenSides(west=True, north=True, tides=tide)
        model = ogcm.Model(grid, depth=3000.0, dz=[1000, 2000], open_sides=sides, forcing=forcing, start="2021-01-01",
                           dt=600.0)  # fmt: skip
        flows.append([np.abs(model.forcing.series[f"{n}_outside"].values).max() for n in "uv"])
    assert max(flows[0]) < 1e-12
    assert min(flows[1]) > 1e-4
