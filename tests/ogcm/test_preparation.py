"""Preparation of an ocean: regridding, bathymetry, layers and filling, each against what is known exactly."""

import itertools

import gsw
import numpy as np
import pytest
import xarray as xr

import ogcm
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError, OceanError
from ogcm.preparation import bathymetry, filling, fluxes, layers, ocean_file, start
from ogcm.preparation.regridding import Regridding, edges_between, faces, places


def cells(west=0.0, east=20.0, south=30.0, north=40.0, width=1.0):
    return places(np.arange(south, north + width / 2, width), np.arange(west, east + width / 2, width))


# Regridding


@pytest.mark.parametrize("method", ["linear", "conservative"])
def test_a_constant_stays_constant_and_land_has_no_weight(method):
    lat, lon = np.arange(25.2, 46, 0.5), np.arange(-4.8, 26, 0.5)
    values = np.full((len(lat), len(lon)), 3.0)
    values[np.random.default_rng(0).random(values.shape) < 0.3] = np.nan
    found = Regridding(lat, lon, cells(), method)(values)
    assert np.nanmax(abs(found - 3)) < 1e-12
    assert np.isfinite(found).mean() > 0.95


def test_linear_interpolation_is_exact_for_a_plane_on_both_kinds_of_grid():
    lat, lon, target = np.arange(28.0, 43), np.arange(-2.0, 23), cells(width=0.4)
    expected = 2 * target.lon + 3 * target.lat[:, None]
    found = Regridding(lat, lon, target)(2 * lon + 3 * lat[:, None])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    y, x = np.meshgrid(lat, lon, indexing="ij")
    turned = Regridding(y + 0.1 * np.sin(x), x + 0.1 * np.cos(y), target)
    values = 2 * (x + 0.1 * np.cos(y)) + 3 * (y + 0.1 * np.sin(x))
    np.testing.assert_allclose(turned(values), expected, rtol=1e-12)


def test_conservative_averaging_keeps_the_integral_over_the_sphere():
    lat, lon = np.arange(-89.0, 90, 2), np.arange(0.0, 360, 3)
    values = np.random.default_rng(0).normal(size=(len(lat), len(lon)))
    target = places(np.linspace(-90, 90, 31), np.linspace(-180, 180, 25))

    def integral(a, lat_edges, lon_edges):
        return (a * np.diff(np.sin(np.radians(lat_edges)))[:, None] * np.diff(lon_edges)).sum()

    found = Regridding(lat, lon, target, "conservative")(values)
    before = integral(values, np.clip(edges_between(lat), -90, 90), edges_between(lon))
    after = integral(found, target.lat_edges, target.lon_edges)
    assert abs(after - before) < 1e-12 * integral(abs(values), edges_between(lat).clip(-90, 90), edges_between(lon))


@pytest.mark.parametrize("start", [-180.0, 0.0, 20.0])
def test_a_map_of_the_globe_is_the_same_wherever_it_begins(start):
    lat = np.arange(-88.0, 90, 4)
    lon, seam = np.arange(0.0, 360, 4), np.arange(start, start + 360, 4)
    target = places(np.arange(-20.0, 21, 5), np.arange(-30.0, 31, 5))

    def wave(x):
        return np.cos(np.radians(x)) + np.sin(np.radians(2 * lat[:, None]))

    for method in ("linear", "conservative"):
        expected, found = (Regridding(lat, x, target, method)(wave(x)) for x in (lon, seam))
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_places_beyond_the_source_are_missing():
    found = Regridding(np.arange(30.0, 35), np.arange(0.0, 10), cells())(np.ones((5, 10)))
    assert np.isnan(found[-1]).all()
    assert np.isnan(found[:, -1]).all()
    assert np.isfinite(found[:4, :8]).all()


def test_faces_lie_on_the_edges_of_cells():
    c = cells()
    east, north = faces(c, "x"), faces(c, "y")
    np.testing.assert_array_equal(east.lon, c.lon_edges[1:])
    np.testing.assert_array_equal(north.lat, c.lat_edges[1:])
    assert len(east.lon_edges) == len(east.lon) + 1
    assert (np.diff(north.lat_edges) > 0).all()


# Bathymetry


def relief(width=0.25):
    """Sea of 1000 m, with an island whose west half of a cell is land."""
    lat, lon = np.arange(29.125, 41, width), np.arange(-0.875, 21, width)
    return np.full((len(lat), len(lon)), -1000.0), lat, lon


def test_depth_is_the_mean_over_the_sea_and_a_cell_with_more_land_is_land():
    elevation, lat, lon = relief()
    inside = (lat[:, None] > 35) & (lat[:, None] < 36)
    elevation[inside & (lon > 10) & (lon < 10.75)] = 50.0  # three quarters of the cell 10-11
    elevation[inside & (lon > 12) & (lon < 12.25)] = 50.0  # a quarter of the cell 12-13
    elevation[inside & (lon > 12.25) & (lon < 12.5)] = -400.0
    depth = bathymetry.mean_depth(elevation, lat, lon, cells())
    assert depth[5, 10] == 0
    assert depth[5, 12] == pytest.approx((400 + 2 * 1000) / 3, rel=1e-12)
    np.testing.assert_allclose(np.delete(depth[5], [10, 12]), 1000, rtol=1e-12)
    assert bathymetry.mean_depth(elevation, lat, lon, cells(), land_share=0.8)[5, 10] == pytest.approx(1000)
    assert bathymetry.mean_depth(elevation, lat, lon, cells(), smallest=900.0)[5, 12] == 900


def test_a_relief_must_cover_the_region():
    elevation, lat, lon = relief()
    with pytest.raises(InputError, match=r"does not reach the cell at .* choose a smaller region"):
        bathymetry.mean_depth(elevation, lat, lon, cells(east=30.0))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    "line", [[[2.5, 32.5], [8.5, 32.5]], [[2.5, 32.5], [8.2, 37.9]], [[2.0, 32.0], [8.0, 38.0]],
             [[3.3, 38.1], [3.3, 31.0], [9.9, 31.2], [9.9, 38.0]], [[0, 30], [20, 40]]],
)  # fmt: skip
def test_a_line_passes_through_faces(line, reverse):
    line = line[::-1] if reverse else line
    path = bathymetry.cells_along(line, cells())
    steps = np.abs(np.diff(path, axis=0)).sum(axis=1)
    assert (steps == 1).all()
    for point, cell in ((line[0], path[0]), (line[-1], path[-1])):
        expected = min(int(point[1] - 30), 9), min(int(point[0]), 19)
        assert cell == expected
    shortest = sum(abs(int(min(b[1] - 30, 9)) - int(min(a[1] - 30, 9))) + abs(int(min(b[0], 19)) - int(min(a[0], 19)))
                   for a, b in itertools.pairwise(line))  # fmt: skip
    assert len(path) == shortest + 1


def test_a_strait_is_opened_to_its_depth_and_another_one_closed():
    depth = np.full((10, 20), 500.0)
    depth[:, 10] = 0  # a wall
    straits = [bathymetry.Strait("gap", [[8.5, 35.5], [12.5, 35.5]], 80.0)]
    opened = bathymetry.with_straits(depth, straits, cells())
    assert opened[5, 10] == 80
    assert opened[5, 9] == 500
    assert (opened[[4, 6], 10] == 0).all()
    closed = bathymetry.with_straits(opened, [straits[0]._replace(depth=0.0)], cells())
    assert (closed[5, 8:13] == 0).all()
    with pytest.raises(InputError, match=r"gap: its point 99 E, 35 N lies outside of the region"):
        bathymetry.with_straits(depth, [straits[0]._replace(line=[[99, 35]])], cells())


def test_basins_are_removed_by_rule_and_by_point():
    depth = np.full((10, 20), 500.0)
    depth[:, 10] = depth[:, 15] = 0
    depth[5, 17] = 0

    def wet(**rules):
        found = bathymetry.without_basins(depth, cells(), closes=False, **rules) > 0
        return [bool(found[5, i]) for i in (5, 12, 18)]

    assert wet() == [True, False, False]
    assert wet(others="keep") == [True, True, True]
    assert wet(keep=[[12.5, 35.5]]) == [True, True, False]
    assert wet(others="keep", remove=[[18.5, 35.5]]) == [True, True, False]
    with pytest.raises(InputError, match=r"17.5 E, 35.5 N lies on land"):
        wet(keep=[[17.5, 35.5]])
    joined = bathymetry.without_basins(depth, cells(), closes=True)  # the first and the last basin are one
    assert joined[5, 18] > 0
    assert joined[5, 12] == 0


def test_smoothing_keeps_flat_floors_and_land():
    depth = np.full((6, 8), 300.0)
    depth[2, 3] = 0
    np.testing.assert_array_equal(bathymetry.smoothed(depth, 3, False), depth)
    depth[4, 4] = 700
    found = bathymetry.smoothed(depth, 1, False)
    assert found[2, 3] == 0
    assert found[4, 4] == 500
    assert found[4, 5] > 300


# Layers


def test_layers_add_up_to_the_depth_and_grow_downwards():
    dz = layers.stretched_layers(30, 5000.0, 5.0)
    assert dz.sum() == pytest.approx(5000, rel=1e-14)
    assert (np.diff(dz) > 0).all()
    assert 5 < dz[0] < 6.5
    np.testing.assert_allclose(layers.stretched_layers(10, 1000.0, 100.0), 100.0)
    with pytest.raises(InputError, match="top: 30 layers of 50 m and a depth of 1000 m do not fit"):
        layers.stretched_layers(30, 1000.0, 50.0)


# Filling


def test_a_harmonic_filling_has_the_mean_of_its_neighbours_and_no_new_extremes():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1, 12, 15))
    missing = rng.random(values.shape) < 0.5
    values[missing] = np.nan
    for closes in (False, True):
        filled = filling.fill_layers("T", values, "harmonic", closes)[0]
        assert np.array_equal(filled[~missing[0]], values[0][~missing[0]])
        assert np.nanmin(values) - 1e-12 <= filled.min()
        assert filled.max() <= np.nanmax(values) + 1e-12
        wide = np.pad(filled, ((0, 0), (1, 1)), mode="wrap" if closes else "edge")
        wide = np.pad(wide, ((1, 1), (0, 0)), mode="edge")
        laplacian = wide[1:-1, 2:] + wide[1:-1, :-2] + wide[2:, 1:-1] + wide[:-2, 1:-1] - 4 * filled
        assert abs(laplacian[missing[0]]).max() < 1e-12


def test_the_nearest_value_is_taken_across_the_seam():
    values = np.full((1, 1, 8), np.nan)
    values[0, 0, :3] = [1.0, 2.0, 3.0]
    assert filling.fill_layers("T", values, "nearest", True)[0, 0, -1] == 1
    assert filling.fill_layers("T", values, "nearest", False)[0, 0, -1] == 3


def test_a_deep_basin_takes_what_is_above_it():
    values = np.full((3, 1, 6), np.nan)
    values[0, 0] = [1, 1, np.nan, 4, 4, 4]  # land between two basins
    values[1:, 0, :2] = 0.5
    values[1, 0, 4] = 3
    filled = filling.fill_layers("T", values, "nearest")[:, 0]
    assert filled[2].tolist() == [0.5, 0.5, filled[2, 2], 4, 3, 4]
    assert filled[2, 2] in (0.5, 4)
    with pytest.raises(InputError, match="T: has no value at all in the region at the surface"):
        filling.fill_layers("T", np.full((2, 3, 4), np.nan))


def test_layer_means_keep_the_content_of_a_profile():
    z, rng = np.array([-5.0, -20, -60, -200, -1000]), np.random.default_rng(0)
    values = rng.normal(size=(5, 2, 3))
    fine, coarse = (-np.linspace(0, 1500, n)[:, None, None] * np.ones((1, 2, 3)) for n in (3001, 12))
    sums = [(filling.layer_means(values, z, w) * (w[:-1] - w[1:])).sum(axis=0) for w in (fine, coarse)]
    np.testing.assert_allclose(*sums, rtol=1e-12)
    middles = filling.at_heights(values, z, 0.5 * (fine[1:] + fine[:-1]))
    np.testing.assert_allclose((middles * 0.5).sum(axis=0), sums[0], atol=1e-3)
    np.testing.assert_allclose(filling.at_heights(values, z, z[:, None, None] * np.ones((1, 2, 3))), values, rtol=1e-14)
    empty = filling.layer_means(values, z, np.full((3, 2, 3), -60.0))
    np.testing.assert_allclose(empty, np.broadcast_to(values[2], empty.shape), rtol=1e-14)


# The whole job


def write_sources(folder):
    """A small sea at 1 degree and its climatology, in files of several conventions."""
    lat, lon = np.arange(29.5, 42, 1.0), np.arange(-1.5, 24, 1.0)
    y, x = np.meshgrid(lat, lon, indexing="ij")
    elevation = np.where((x > 1) & (x < 19) & (y > 31) & (y < 39), -1000.0 - 50 * x, 100.0)
    elevation[:, np.abs(lon - 10.5) < 0.1] = 200.0  # a wall, which a strait opens
    axes = {"lat": ("lat", lat, {"units": "degrees_north"}), "lon": ("lon", lon, {"units": "degrees_east"})}
    up = {"units": "m", "standard_name": "height_above_geopotential_datum"}
    xr.Dataset({"z": (("lat", "lon"), elevation, up)}, axes).to_netcdf(folder / "relief.nc", engine="h5netcdf")
    depth = np.array([0.0, 100, 500, 1500])
    T = 20 - depth[:, None, None] / 100 + 0.1 * (y - 35) * np.exp(-depth[:, None, None] / 500)
    T = np.where((elevation < 0) & (depth[:, None, None] < 1800), T, np.nan)
    levels = axes | {"depth": ("depth", depth, {"units": "m", "positive": "down"})}
    kinds = {"T": ("degC", "sea_water_potential_temperature"), "S": ("1", "sea_water_practical_salinity")}
    data = {n: (("depth", "lat", "lon"), T if n == "T" else 38 + 0 * T, {"units": u, "standard_name": s})
            for n, (u, s) in kinds.items()}  # fmt: skip
    xr.Dataset(data, levels).to_netcdf(folder / "climate.nc", engine="h5netcdf")
    months = axes | {"month": ("month", np.arange(1, 13), {"units": "1"})}
    wind = np.cos(2 * np.pi * np.arange(12) / 12)[:, None, None] + 0 * x
    heat = {"units": "W m-2", "positive": "up"}
    fields = {"u": (("month", "lat", "lon"), 5 * wind, {"units": "m s-1"}),
              "v": (("month", "lat", "lon"), 0 * wind, {"units": "m s-1"}),
              "q": (("month", "lat", "lon"), 100 * wind, heat)}  # fmt: skip
    xr.Dataset(fields, months).to_netcdf(folder / "climatology.nc", engine="h5netcdf")


CONFIGURATION = """
[grid]
lon = [0.0, 20.0]
lat = [30.0, 40.0]
resolution = 1.0
[layers]
number = 6
depth = 2000.0
top = 50.0
[bathymetry]
relief = {file = "relief.nc", variable = "z"}
open = [{name = "gap", line = [[9.5, 35.5], [11.5, 35.5]], depth = 300.0}]
[start]
temperature = {file = "climate.nc", variable = "T"}
salinity = {file = "climate.nc", variable = "S"}
[forcing]
wind_x = {file = "climatology.nc", variable = "u"}
wind_y = {file = "climatology.nc", variable = "v"}
heat_flux = {file = "climatology.nc", variable = "q"}
[numerics]
dt = 1800.0
[parameters]
nu_h = 2000.0
kappa_h = 200.0
"""


@pytest.fixture
def sea(tmp_path):
    write_sources(tmp_path)
    (tmp_path / "sea.toml").write_text(CONFIGURATION)
    return tmp_path / "sea.toml"


def changed(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    return path


def test_an_ocean_is_prepared_and_runs(sea):
    path = ogcm.prepare(sea)
    assert path == sea.with_suffix(".nc")
    assert path.with_suffix(".png").stat().st_size > 10_000
    ocean = ocean_file.read(path)
    assert ocean.depth[5, 5] == pytest.approx(1000 + 50 * 5.5)
    assert ocean.depth[5, 10] == 300
    assert (np.delete(ocean.depth[:, 10], 5) == 0).all()
    assert (ocean.depth[[0, -1]] == 0).all()
    interfaces = np.minimum(
        np.append(0.0, np.cumsum(ocean.dz)), ocean.depth[5, 5]
    )  # the last cell is a part of a layer
    middle, wet = 0.5 * (interfaces[1:] + interfaces[:-1]), interfaces[1:] > interfaces[:-1]
    p = gsw.p_from_z(-middle[wet], 35.5)
    SA = gsw.SA_from_SP(38.0, p, 5.5, 35.5)
    np.testing.assert_allclose(ocean.S[wet, 5, 5], SA, rtol=2e-5)
    potential = np.interp(middle[wet], [0, 100, 500, 1500], 20 - np.array([0, 100, 500, 1500]) / 100)
    assert abs(ocean.T[wet, 5, 5] - gsw.CT_from_pt(SA, potential)).max() < 0.06  # by 0.05 since y is 35.5
    tau, heat = ocean.forcing["tau_x"], ocean.forcing["heat_flux"]
    expected = fluxes.stress(5 * np.cos(2 * np.pi * np.arange(12) / 12), np.zeros(12))[0]
    np.testing.assert_allclose(tau.values[:, 5, 5], expected, atol=1e-12)
    np.testing.assert_allclose(heat.values[:, 5, 5], -100 * np.cos(2 * np.pi * np.arange(12) / 12), atol=1e-9)
    model = ogcm.setups.ocean(data=str(path))
    ogcm.Simulation(model, days=1, progress=False).run()
    assert np.isfinite(model.state.T).all()
    assert np.abs(model.state.u).max() > 1e-4


def test_the_same_inputs_give_the_same_file_to_the_bit(sea, tmp_path):
    one, other = (ogcm.prepare(sea, tmp_path / name, picture=False).read_bytes() for name in ("one.nc", "other.nc"))
    assert one == other
    ocean = ocean_file.read(tmp_path / "one.nc")
    assert set(ocean.inputs) == {"relief.nc", "climate.nc", "climatology.nc"}
    assert "wind_x" in ocean.configuration
    third = ogcm.prepare(changed(sea, "top = 50.0", "top = 60.0"), tmp_path / "third.nc", picture=False).read_bytes()
    assert third != one


def test_salinity_may_be_on_another_grid(sea, tmp_path):
    with xr.open_dataset(tmp_path / "climate.nc") as f:
        salinity = f[["S"]].isel(lat=slice(None, None, 2), lon=slice(1, None, 2), depth=[0, 2, 3]).load()
    salinity.to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    before = ocean_file.read(ogcm.prepare(sea, picture=False))
    changed(sea, 'salinity = {file = "climate.nc"', 'salinity = {file = "other.nc"')
    after = ocean_file.read(ogcm.prepare(sea, picture=False))
    np.testing.assert_allclose(after.S, before.S, atol=1e-3)
    np.testing.assert_allclose(after.T, before.T, atol=1e-3)


@pytest.mark.parametrize("method", ["linear", "conservative"])
def test_a_start_is_uniform_where_its_climatology_is(sea, method):
    changed(sea, "[forcing]", f'method = "{method}"\n[forcing]')
    ocean = ocean_file.read(ogcm.prepare(sea, picture=False))
    wet = (np.cumsum(ocean.dz) - ocean.dz)[:, None, None] < ocean.depth
    assert ((ocean.S > 0) == wet).all()
    assert np.ptp(ocean.S[wet]) < 2e-2


def test_a_start_is_made_stable(sea, tmp_path):
    with xr.open_dataset(tmp_path / "climate.nc") as f:
        upside_down = f.load().assign(
            T=f.T.copy(data=np.where(np.isfinite(f.T), 10 + f.depth.values[:, None, None] / 1e3, np.nan))
        )
    upside_down.to_netcdf(tmp_path / "climate.nc", engine="h5netcdf")
    before = ocean_file.read(ogcm.prepare(sea, picture=False))
    after = ocean_file.read(ogcm.prepare(changed(sea, "[forcing]", "stabilise = true\n[forcing]"), picture=False))
    interfaces = np.maximum(-np.concatenate([[0.0], np.cumsum(after.dz)])[:, None, None], -after.depth)
    wet = (np.cumsum(after.dz) - after.dz)[:, None, None] < after.depth
    assert start.instability(before.T, before.S, interfaces, wet, after.cells.lat).max() > 0.01
    assert start.instability(after.T, after.S, interfaces, wet, after.cells.lat).max() <= 1e-6
    h = interfaces[:-1] - interfaces[1:]
    np.testing.assert_allclose((h * after.T).sum(axis=0), (h * before.T).sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("resolution = 1.0", "resolution = 0.3", r"lat from 30 to 40 is not a whole number of cells of 0.3 degrees"),
        ("resolution", "resolutoin", r"unknown 'resolutoin' in \[grid\]: .*resolution"),
        ("lon = [0.0, 20.0]", "lon = [20.0, 0.0]", r"lon needs its first and last edge"),
        ("number = 6", "number = 6\ndz = [1.0]", r"\[layers\] needs either dz"),
        ("top = 50.0", "", r"\[layers\] with a number of layers also needs top"),
        ('file = "relief.nc"', 'file = "relif.nc"', r"relif.nc: no such file; a name in a configuration is relative"),
        ('variable = "z"}', 'variable = "zz"}', r"lacks zz"),
        (", depth = 300.0}", "}", r"a strait needs name, line, depth, got name, line"),
        ("dt = 1800.0", "", r"\[numerics\] needs dt"),
        ("nu_h = 2000.0", "nuh = 2000.0", r"unknown 'nuh' in \[parameters\]"),
        ('wind_y = {file = "climatology.nc", variable = "v"}', "", r"needs both wind_x and wind_y"),
        ("heat_flux = {", "rate_T = {", r"\[forcing\] rate_T needs a number"),
        ('variable = "S"}', 'variable = "S", salinity_kind = "salty"}', r"salty"),
        ("lon = [0.0, 20.0]", "lon = [0.0, 40.0]", r"the relief does not reach the cell"),
        ("[start]", '[start]\nfill = "linear"', r"fill: 'linear' does not exist; choose from harmonic, nearest"),
        ("[start]", "[start]\nmonth = 3", r"month = 3: neither temperature nor salinity has months"),
    ],
)
def test_a_configuration_that_cannot_be_followed_is_refused(sea, before, after, message):
    with pytest.raises(OceanError, match=message):
        ogcm.prepare(changed(sea, before, after))
    assert not sea.with_suffix(".nc").exists()


def test_another_file_is_no_ocean(sea, tmp_path):
    with pytest.raises(FileError, match="its last line is no hash of ogcm"):
        ogcm.setups.ocean(data=str(tmp_path / "relief.nc"))
    with pytest.raises(FileError, match="make it with `ogcm prepare"):
        ogcm.setups.ocean(data=str(tmp_path / "absent.nc"))


def test_the_command_prepares_and_runs(sea, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["prepare", "sea.toml", "--output", "mine.nc"]) == 0
    assert "run it with `ogcm run mine.nc`" in capsys.readouterr().err
    assert main(["run", "mine.nc", "--days", "0.1", "--quiet"]) == 0
    assert (tmp_path / "ocean.nc").exists()
    assert main(["run", "ocean.toml", "--output", "again.nc", "--quiet"]) == 0
    with xr.open_dataset("ocean.nc") as one, xr.open_dataset("again.nc") as other:
        xr.testing.assert_identical(one.T, other.T)


def test_fluxes_follow_from_an_atmosphere(sea):
    i = CONFIGURATION.index("[forcing]")
    j = CONFIGURATION.index("[numerics]")
    atmosphere = """[atmosphere]
u10 = {file = "climatology.nc", variable = "u"}
v10 = 0.0
t2 = 15.0
d2 = 10.0
cloud = 0.5
diurnal_cycle = true
"""
    sea.write_text("[ocean]\nstart = 2021-02-10\n" + CONFIGURATION[:i] + atmosphere + CONFIGURATION[j:])
    path = ogcm.prepare(sea)
    found = ocean_file.read(path).atmosphere
    assert (found["t2"], found["diurnal_cycle"]) == (15.0, True)
    np.testing.assert_allclose(found["u10"].values[:, 3, 4], 5 * np.cos(2 * np.pi * np.arange(12) / 12), atol=1e-12)
    model = ogcm.setups.ocean(data=str(path))
    assert model.start.isoformat().startswith("2021-02-10")
    before = model.state.T.copy()
    ogcm.Simulation(model, days=1, progress=False).run()
    assert 0.01 < (before - model.state.T)[0, 6, 6] < 1  # air of 15 degC cools water of 20


def test_dated_records_count_from_the_start_and_give_a_climatology(sea, tmp_path):
    with xr.open_dataset(tmp_path / "climatology.nc") as f:
        months = f.load()
    days = np.array([31 * n + 15 for n in range(24)])  # one in each month of two years, or nearly
    twice = xr.concat([months, months + 1], "month").rename(month="time").assign_coords(time=("time", days * 1.0))
    twice.time.attrs["units"] = "days since 2019-12-30"
    for name in "uvq":
        twice[name].attrs = months[name].attrs
    twice.to_netcdf(tmp_path / "dated.nc", engine="h5netcdf")
    text = CONFIGURATION.replace("climatology.nc", "dated.nc")
    sea.write_text(text)
    with pytest.raises(InputError, match=r"has dates; give that of the start of the model, \[ocean\] start"):
        ogcm.prepare(sea)
    sea.write_text("[ocean]\nstart = 2020-01-01\n" + text)
    heat = ocean_file.read(ogcm.prepare(sea, picture=False)).forcing["heat_flux"]
    np.testing.assert_allclose(heat.times / DAY, days - 2)
    assert heat.period is None
    assert heat.values.shape == (24, 10, 20)
    entry = 'heat_flux = {file = "dated.nc", variable = "q"'
    sea.write_text(text.replace(entry, entry + ", climatology = true").replace("dated.nc", "climatology.nc", 2))
    mean = ocean_file.read(ogcm.prepare(sea, picture=False)).forcing["heat_flux"]
    assert mean.period is not None
    assert mean.values[0, 5, 5] == pytest.approx(-100.5)


def test_the_surface_is_restored_to_a_level_of_a_climatology(sea):
    changed(sea, "[forcing]", """[forcing]
T_star = {file = "climate.nc", variable = "T", level = 0.0}
S_star = {file = "climate.nc", variable = "S", level = 0.0}
rate_T = 1e-5
rate_S = 1e-5""")  # fmt: skip
    forcing = ocean_file.read(ogcm.prepare(sea, picture=False)).forcing
    SA = gsw.SA_from_SP(38.0, 0.0, 5.5, 35.5)
    assert forcing["S_star"][5, 5] == pytest.approx(SA, rel=1e-5)
    assert forcing["T_star"][5, 5] == pytest.approx(gsw.CT_from_pt(SA, 20.05), rel=1e-3)
