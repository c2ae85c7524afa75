"""The table [open] of `ogcm prepare`: sides, sea level and tides in the file of an ocean, and what is refused."""

import numpy as np
import pytest
import xarray as xr

import ogcm
from ogcm.astronomy import tidal_arguments
from ogcm.constants import DAY
from ogcm.errors import FileError, OceanError
from ogcm.grid import interior
from ogcm.preparation import ocean_file
from tests.ogcm.test_prepare import CONFIGURATION, changed, write_sources

OPEN = """
[open]
west = true
north = [3.0, 9.0]
sea_level = {file = "outside.nc", variable = "mdt"}
inverse_barometer = true
flow = "clamped"
zone = 1.5e5
[open.tides]
file = "outside.nc"
constituents = ["M2", "K1"]
amplitude = "{}_a"
phase = "{}_g"
friction = 2e-6
missing = 0.0
"""


@pytest.fixture
def sea(tmp_path):
    """A sea that reaches to its western and northern side, with an atmosphere and with what is outside."""
    write_sources(tmp_path)
    lat, lon = np.arange(29.5, 42, 1.0), np.arange(-1.5, 24, 1.0)
    y, x = np.meshgrid(lat, lon, indexing="ij")
    axes = {"lat": ("lat", lat, {"units": "degrees_north"}), "lon": ("lon", lon, {"units": "degrees_east"})}
    with xr.open_dataset(tmp_path / "relief.nc", engine="h5netcdf") as f:
        relief = f.load()
    relief["z"] = relief.z.where((y < 31) | (y > 41) | (x > 9) | (relief.z < 0), -800.0)
    relief.z.attrs = {"units": "m", "standard_name": "height_above_geopotential_datum"}
    relief.to_netcdf(tmp_path / "relief.nc", engine="h5netcdf")
    land = x > 18.6  # where amplitude and phase are 0
    waves = {"M2": (0.5 + 0.01 * x, (340 + 8 * (y - 30)) % 360), "K1": (0.1 + 0 * x, 90 + 0 * x)}
    fields = {"mdt": (("lat", "lon"), 0.02 * x + 0.01 * (y - 35), {"units": "m"})}
    for name, (a, g) in waves.items():
        fields[f"{name}_a"] = (("lat", "lon"), np.where(land, 0.0, a), {"units": "m"})
        fields[f"{name}_g"] = (("lat", "lon"), np.where(land, 0.0, g), {"units": "degree"})
    xr.Dataset(fields, axes).to_netcdf(tmp_path / "outside.nc", engine="h5netcdf")
    hours = np.arange(0, 49, 6.0)
    times = axes | {"time": ("time", hours, {"units": "hours since 2021-01-01"})}
    pressure = 101325 + 500 * np.cos(hours / 24)[:, None, None] + 10 * x
    air = {"msl": (("time", "lat", "lon"), pressure, {"units": "Pa"})}
    xr.Dataset(air, times).to_netcdf(tmp_path / "air.nc", engine="h5netcdf")
    i, j = CONFIGURATION.index("[forcing]"), CONFIGURATION.index("[numerics]")
    text = "[ocean]\nstart = 2021-01-01\n" + CONFIGURATION[:i].replace(
        "[start]", '[start]\nsea_level = {file = "outside.nc", variable = "mdt"}'
    )
    text += '[forcing]\nsurface_pressure = "slp"\nequilibrium_tide = ["M2"]\n'
    text += '[atmosphere]\nu10 = 5.0\nv10 = 0.0\nt2 = 15.0\nd2 = 10.0\ncloud = 0.5\nslp = {file = "air.nc", '
    text += 'variable = "msl"}\n' + CONFIGURATION[j:] + OPEN
    (tmp_path / "sea.toml").write_text(text.replace("lat = [30.0, 40.0]", "lat = [31.0, 41.0]"))
    return tmp_path / "sea.toml"


def test_the_file_alone_makes_an_ocean_with_open_sides(sea):
    path = ogcm.prepare(sea)
    for name in ("outside.nc", "air.nc", "relief.nc"):
        (sea.parent / name).unlink()
    model = ogcm.setups.ocean(data=str(path))
    sides, lon, lat = model.open_sides, model.horizontal.x_t, model.horizontal.y_t
    assert set(sides.stretches((10, 20))) == {"west", "north"}
    np.testing.assert_array_equal(sides.north, (lon >= 3) & (lon <= 9))
    assert (sides.flow, sides.water, sides.zone, sides.inverse_barometer) == ("clamped", "radiation", 1.5e5, True)
    np.testing.assert_allclose(sides.eta, 0.02 * lon + 0.01 * (lat[:, None] - 35), atol=1e-12)
    assert sides.tides.friction == 2e-6
    sea_cells = interior(model.grid.mask_t)[0] > 0
    amplitude, phase = sides.tides.eta["M2"]
    np.testing.assert_allclose(amplitude[sea_cells], (0.5 + 0.01 * lon + 0 * lat[:, None])[sea_cells], rtol=1e-2)
    np.testing.assert_allclose(
        phase[sea_cells], ((340 + 8 * (lat[:, None] - 30) + 0 * lon) % 360)[sea_cells], atol=1e-6
    )
    np.testing.assert_allclose(interior(model.state.eta)[sea_cells], sides.eta[sea_cells], atol=1e-12)
    ogcm.Simulation(model, days=0.5, progress=False).run()
    assert np.isfinite(model.state.T).all()


def test_what_is_outside_is_mean_level_tide_and_pressure(sea):
    """At a point of the western rim, whose values are read in the first cell inside."""
    model = ogcm.setups.ocean(data=str(ogcm.prepare(sea, picture=False)))
    rim, time = model.forcing.rims["eta_outside"], 0.7 * DAY
    n = int(np.flatnonzero((rim.i == 1) & (rim.j == 5))[0])
    lon, lat = model.horizontal.x_t[1], model.horizontal.y_t[5]
    f, argument = tidal_arguments(["M2", "K1"], model.start, time)
    expected = 0.02 * lon + 0.01 * (lat - 35)
    for m, (a, g) in enumerate([(0.5 + 0.01 * lon, 340 + 8 * (lat - 30)), (0.1, 90.0)]):
        expected += f[m] * a * np.cos(argument[m] - np.radians(g))
    assert model.forcing.series["eta_outside"].at(time)[0, 0, n] == pytest.approx(expected, abs=2e-3)
    pressure = interior(model.forcing.at(time).surface_pressure)[5, 1]
    times, records = 6 * 3600.0 * np.arange(9), 101325 + 500 * np.cos(np.arange(9) / 4) + 10 * lon
    assert pressure == pytest.approx(np.interp(time, times, records), abs=0.01)
    assert model.forcing.at(time).equilibrium_tide is not None


def test_the_rim_is_as_deep_as_the_cells_inside(sea):
    ocean = ocean_file.read(ogcm.prepare(sea, picture=False))
    np.testing.assert_array_equal(ocean.depth[:-1, 0], ocean.depth[:-1, 1])
    opened = ocean.open_sides["north"]
    np.testing.assert_array_equal(ocean.depth[-1, opened], ocean.depth[-2, opened])


def test_a_sea_level_outside_may_be_a_number_or_vary_in_time(sea, tmp_path):
    with xr.open_dataset(tmp_path / "air.nc", engine="h5netcdf", decode_times=False) as f:
        level = (0.001 * (f.msl - 101325)).rename("ssh").assign_attrs(units="m").load()
    level.to_dataset().to_netcdf(tmp_path / "ssh.nc", engine="h5netcdf")
    changed(sea, '\nsea_level = {file = "outside.nc", variable = "mdt"}\ninv', "\nsea_level = 0.25\ninv")
    changed(sea, "[open.tides]", "[open.tides]  # none")
    assert ocean_file.read(ogcm.prepare(sea, picture=False)).open_sides["eta"] == 0.25
    changed(sea, "sea_level = 0.25", 'sea_level = {file = "ssh.nc", variable = "ssh"}')
    model = ogcm.setups.ocean(data=str(ogcm.prepare(sea, picture=False)))
    series, rim = model.forcing.series["eta_outside"], model.forcing.rims["eta_outside"]
    assert len(series.times) == 9
    expected = 0.5 * np.cos(0.5) + 0.01 * model.horizontal.x_t[rim.i]
    np.testing.assert_allclose(series.values[2][0, 0], np.where(rim.mask[0, 0], expected, 0), atol=1e-9)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("west = true", "west = [44.0, 35.0]", r"\[open\] west needs true, or a first and a last latitude, .*got \[44"),
        ("west = true", "west = 1", r"\[open\] west needs true, or a first and a last latitude"),
        ("north = [3.0, 9.0]", "north = [30.0, 31.0]", r"north = \[30.0, 31.0\]: no cell of this side .* 0.5 to 19.5"),
        ("north = [3.0, 9.0]", "north = [12.0, 18.0]", "north: no water where this side is open"),
        ("west = true\nnorth = [3.0, 9.0]", "", r"\[open\] needs a side that is open, such as west = true"),
        ("west = true", "wset = true", r"unknown 'wset' in \[open\]: .*west"),
        ('flow = "clamped"', 'flow = "free"', "flow: 'free' is no condition of open sides"),
        ("zone = 1.5e5", "zone = -1.0", "zone: the width of a zone .* is not negative"),
        ('"K1"]', '"K3"]', "K3"),
        ('"{}_a"', '"{}_amp"', "lacks M2_amp"),
        ("friction = 2e-6", "fricton = 2e-6", r"\[open.tides\] .*fricton.*it has file, constituents"),
        ('constituents = ["M2", "K1"]', "", r"\[open.tides\] needs file and constituents"),
        ("start = 2021-01-01\n", "", r"start = 2021-01-01"),
        ('surface_pressure = "slp"', "", r'inverse_barometer needs \[forcing\] surface_pressure = "slp"'),
        ('surface_pressure = "slp"', 'surface_pressure = "msl"', r'"slp" for that of \[atmosphere\], got \'msl\''),
        ('slp = {file = "air.nc", variable = "msl"}', "", r'surface_pressure = "slp" needs slp in \[atmosphere\]'),
        ('equilibrium_tide = ["M2"]', 'equilibrium_tide = "M2"', r"equilibrium_tide needs constituents such as"),
        ('equilibrium_tide = ["M2"]', 'equilibrium_tide = ["M4"]', "M4 arises in shallow water"),
        ("lon = [0.0, 20.0]", "lon = [0.0, 360.0]", r"\[open\] west: an ocean around the globe has no such side"),
    ],
)
def test_open_sides_that_cannot_be_are_refused(sea, before, after, message):
    with pytest.raises(OceanError, match=message):
        ogcm.prepare(changed(sea, before, after))
    assert not sea.with_suffix(".nc").exists()


def test_the_mediterranean_takes_steps(ocean_data, tmp_path):
    with pytest.raises(FileError, match="`ogcm prepare mediterranean --data FOLDER` makes"):
        ogcm.setups.mediterranean()
    folder = ocean_data("med202101").parent
    model = ogcm.setups.mediterranean(data=str(ogcm.prepare("mediterranean", tmp_path / "sea.nc", data=folder)))
    assert set(model.open_sides.stretches(model.horizontal.shape)) == {"west", "south", "north"}
    assert set(model.open_sides.tides.eta) == {"M2", "S2", "N2", "K2", "K1", "O1", "P1", "Q1"}
    ogcm.Simulation(model, days=0.05, progress=False).run()
    assert 0.1 < np.abs(interior(model.state.u)).max() < 5
