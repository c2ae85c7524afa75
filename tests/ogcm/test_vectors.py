"""Vectors of grids that are turned or staggered: a flow to the east is read as one, however a file stores it."""

import numpy as np
import pytest
import xarray as xr

from ogcm.data import read_field, read_vector
from ogcm.data.source import open_dataset
from ogcm.data.vectors import computed_angle
from ogcm.errors import InputError

NY, NX = 7, 8
TURNS = [0.0, 0.3, 1.2, np.pi / 2, 2.8, -2.0]


def turned(alpha, *, angle="angle", faces="inner", missing=()):
    """A flow of 0.5 m/s to the east and 0.2 m/s to the north on a small grid near the equator, turned by alpha.

    `faces` are those of ROMS ("inner": one less than cells), of NEMO ("upper": as many) or of WRF ("all": one more);
    "none" are components at the centres.
    """
    i, j = np.arange(NX), np.arange(NY)

    def places(i, j):
        y, x = np.meshgrid(j, i, indexing="ij")
        lon, lat = 0.01 * (x * np.cos(alpha) - y * np.sin(alpha)), 0.01 * (x * np.sin(alpha) + y * np.cos(alpha))
        return 20.0 + lon, lat

    at_u = {"inner": i[:-1] + 0.5, "upper": i + 0.5, "all": np.append(-0.5, i + 0.5), "none": i}[faces]
    at_v = {"inner": j[:-1] + 0.5, "upper": j + 0.5, "all": np.append(-0.5, j + 0.5), "none": j}[faces]
    along = {"u": 0.5 * np.cos(alpha) + 0.2 * np.sin(alpha), "v": 0.2 * np.cos(alpha) - 0.5 * np.sin(alpha)}
    coordinates, data = {}, {}
    for point, (x, y) in {"rho": (i, j), "u": (at_u, j), "v": (i, at_v)}.items():
        dims = (f"eta_{point}", f"xi_{point}")
        lon, lat = places(x, y)
        coordinates |= {f"lon_{point}": (dims, lon, {"units": "degrees_east"})}
        coordinates |= {f"lat_{point}": (dims, lat, {"units": "degrees_north"})}
        where = {"coordinates": f"lon_{point} lat_{point}"}
        if point in along:
            values = np.full(lon.shape, along[point])
            for index in missing:
                values[index] = np.nan
            data[point] = (dims, values, {"units": "m s-1"} | where)
        else:
            data["h"] = (dims, np.full(lon.shape, 100.0), {"units": "m"} | where)
            if angle:
                data[angle] = (dims, np.full(lon.shape, alpha), {"units": "radians"} | where)
    return xr.Dataset(data, coordinates)


@pytest.mark.parametrize("alpha", TURNS)
@pytest.mark.parametrize("faces", ["inner", "upper", "all", "none"])
@pytest.mark.parametrize("options", [{"angle": "angle"}, {"centres": "h"}])
def test_components_are_turned_and_brought_to_the_centres(alpha, faces, options):
    east, north = read_vector(turned(alpha, faces=faces), ("u", "v"), "velocity", **options)
    centre = read_field(turned(alpha), "h", "depth", positive="down")
    for component, value in ((east, 0.5), (north, 0.2)):
        assert component.sizes == centre.sizes
        np.testing.assert_allclose(component, value, rtol=5e-6)  # the degrees of longitude are slightly shorter
        np.testing.assert_array_equal(component.lat, centre.lat)
        np.testing.assert_array_equal(component.lon, centre.lon)


def test_the_mean_is_that_of_the_two_faces_of_a_cell():
    for faces, low, high in (("inner", 3, 4), ("upper", 3, 4), ("all", 4, 5)):
        ds = turned(0.0, faces=faces)
        ds["u"] = ds.u.copy(data=np.random.default_rng(1).normal(size=ds.u.shape))
        east, _ = read_vector(ds, ("u", "v"), "velocity", angle="angle")
        np.testing.assert_allclose(east[:, 4], 0.5 * (ds.u[:, low] + ds.u[:, high]).values, rtol=1e-13)


def test_nothing_flows_through_a_face_on_land():
    east, _ = read_vector(turned(0.0, missing=[(2, 3)]), ("u", "v"), "velocity", angle="angle")
    np.testing.assert_allclose(east[2, 2:6], [0.5, 0.25, 0.25, 0.5])
    east, _ = read_vector(turned(0.0, missing=[(2, 3), (2, 4)]), ("u", "v"), "velocity", angle="angle")
    assert np.isnan(east[2, 4])


def test_components_to_the_east_and_on_plain_longitudes_are_not_turned():
    ds = turned(1.0, faces="none")
    for name, direction in (("u", "eastward"), ("v", "northward")):
        ds[name].attrs["standard_name"] = f"{direction}_sea_water_velocity"
    east, north = read_vector(ds, ("u", "v"))
    np.testing.assert_array_equal(np.sort(np.ravel(east)), np.sort(np.ravel(ds.u)))
    axes = {
        "lat": ("lat", [2.0, 1.0, 0.0], {"units": "degrees_north"}),
        "lon": ("lon", [3.0, 4.0], {"units": "degrees_east"}),
    }
    flat = xr.Dataset({n: (("lat", "lon"), np.arange(6.0).reshape(3, 2), {"units": "m/s"}) for n in "uv"}, axes)
    east, north = read_vector(flat, ("u", "v"), "velocity")
    np.testing.assert_array_equal(east, flat.u[::-1])
    np.testing.assert_array_equal(north, flat.v[::-1])


def test_records_and_layers_stay_and_another_file_has_the_angle():
    ds = turned(0.7)
    times = ("time", [0.0, 1.0], {"units": "days since 2004-01-01"})
    depth = ("depth", [1.0, 5.0, 9.0], {"units": "m", "positive": "down"})
    fields = ds[["u", "v"]].expand_dims(time=2, depth=3).assign_coords(time=times, depth=depth)
    east, north = read_vector(fields, ("u", "v"), "velocity", angle="angle", grid=ds)
    assert east.dims == north.dims == ("time", "z", "y", "x")
    np.testing.assert_array_equal(east.z, [-1.0, -5.0, -9.0])
    np.testing.assert_allclose(east, 0.5, rtol=5e-6)
    np.testing.assert_allclose(north, 0.2, rtol=5e-6)


def test_components_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r'u and v are at other points.*centres="h"'):
        read_vector(turned(0.3), ("u", "v"), "velocity")
    other = turned(0.3).isel(eta_rho=slice(4))
    with pytest.raises(InputError, match="u has 7 points along y, the cells 4; they must be of one grid"):
        read_vector(turned(0.3), ("u", "v"), "velocity", angle="angle", grid=other)


def test_the_grid_of_the_california_current(ocean_data):
    """ROMS' grid file has the direction of the great circle to the next point, which begins north of the parallel."""
    with open_dataset(ocean_data("wc13/wc13_grd.nc")) as ds:
        computed, stored, lat = computed_angle("wc13_grd.nc", ds, "h", {}), ds["angle"].values, ds["lat_rho"].values
        beginning = 0.5 * np.deg2rad(1 / 3) * np.sin(np.deg2rad(lat))
        np.testing.assert_allclose(np.deg2rad(computed.values) + beginning, stored, atol=1e-5)
