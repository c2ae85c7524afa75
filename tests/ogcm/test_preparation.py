"""Preparation of an ocean: regridding, bathymetry, layers and filling, each against what is known exactly."""

import itertools

import numpy as np
import pytest

from ogcm.errors import InputError
from ogcm.preparation import bathymetry, filling, layers
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
    np.testing.assert_array_equal(east.lon[:-1], c.lon_edges[1:-1])
    np.testing.assert_array_equal(north.lat[:-1], c.lat_edges[1:-1])
    assert len(east.lon_edges) == len(east.lon) + 1
    assert (np.diff(north.lat_edges) > 0).all()


def test_faces_on_walls_lie_within_reach_of_a_file_without_them():
    """A file with stresses on inner faces only gives those of all faces; around the globe there are no walls."""
    sea = places(np.linspace(-4.0, 4.0, 5), np.linspace(0.0, 8.0, 5))
    np.testing.assert_allclose(faces(sea, "y").lat, [-2, 0, 2, 3])
    np.testing.assert_allclose(faces(sea, "x").lon, [2, 4, 6, 7])
    inner = Regridding(np.array([-2.0, 0.0, 2.0]), sea.lon, faces(sea, "y"))
    np.testing.assert_allclose(inner(np.array([[1.0], [2.0], [3.0]]) * np.ones(4))[:, 0], [1, 2, 3, 3])
    globe = places(np.linspace(-4.0, 4.0, 5), np.linspace(0.0, 360.0, 5))
    np.testing.assert_allclose(faces(globe, "x").lon, [90, 180, 270, 360])


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
        found = bathymetry.without_basins(depth, cells(), **rules) > 0
        return [bool(found[5, i]) for i in (5, 12, 18)]

    assert wet() == [True, False, False]
    assert wet(others="keep") == [True, True, True]
    assert wet(keep=[[12.5, 35.5]]) == [True, True, False]
    assert wet(others="keep", remove=[[18.5, 35.5]]) == [True, True, False]
    with pytest.raises(InputError, match=r"17.5 E, 35.5 N lies on land"):
        wet(keep=[[17.5, 35.5]])
    globe = places(np.linspace(30, 40, 11), np.linspace(0, 360, 21))
    joined = bathymetry.without_basins(depth, globe)  # the first and the last basin are one
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
        filled = filling.fill_water("T", values, np.ones(values.shape, bool), "harmonic", closes)[0]
        assert np.array_equal(filled[~missing[0]], values[0][~missing[0]])
        assert np.nanmin(values) - 1e-12 <= filled.min()
        assert filled.max() <= np.nanmax(values) + 1e-12
        wide = np.pad(filled, ((0, 0), (1, 1)), mode="wrap" if closes else "edge")
        wide = np.pad(wide, ((1, 1), (0, 0)), mode="edge")
        laplacian = wide[1:-1, 2:] + wide[1:-1, :-2] + wide[2:, 1:-1] + wide[:-2, 1:-1] - 4 * filled
        assert abs(laplacian[missing[0]]).max() < 1e-12


def test_the_nearest_value_is_taken_across_the_seam():
    values, wet = np.full((1, 1, 8), np.nan), np.ones((1, 1, 8), bool)
    values[0, 0, :3] = [1.0, 2.0, 3.0]
    assert filling.fill_water("T", values, wet, "nearest", True)[0, 0, -1] == 1
    assert filling.fill_water("T", values, wet, "nearest", False)[0, 0, -1] == 3


@pytest.mark.parametrize("method", ["harmonic", "nearest"])
def test_values_spread_through_the_water_of_their_depth(method):
    """A basin behind a sill takes what is above it, a slope what lies beside it at the same depth."""
    values = np.full((3, 1, 7), np.nan)
    values[0, 0] = [1, 1, 1, np.nan, 4, 4, 4]  # land between two basins
    values[1, 0, :2] = 0.5
    values[1, 0, 5] = 3
    values[2, 0, 0] = 0.1
    wet = np.ones(values.shape, bool)
    wet[:, 0, 3] = False
    wet[2, 0, 1] = False  # a sill
    filled = filling.fill_water("T", values, wet, method)[:, 0]
    assert filled[1].tolist() == [0.5, 0.5, 0.5, filled[0, 3], 3, 3, 3]
    assert filled[2].tolist() == [0.1, 0.5, 0.5, filled[0, 3], 3, 3, 3]
    assert 1 <= filled[0, 3] <= 4
    with pytest.raises(InputError, match="T: has no value at all in the region at the surface"):
        filling.fill_water("T", np.full((2, 3, 4), np.nan), np.ones((2, 3, 4), bool))


def test_a_basin_continues_across_the_seam():
    values, wet = np.full((2, 1, 6), np.nan), np.ones((2, 1, 6), bool)
    values[0], values[1, 0, 0] = 5.0, 2.0
    wet[1, 0, 2:4] = False
    for closes, beyond in ((True, 2.0), (False, 5.0)):
        filled = filling.fill_water("T", values, wet, "harmonic", closes)[1, 0]
        assert filled.tolist() == [2, 2, 5, 5, beyond, beyond]


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
