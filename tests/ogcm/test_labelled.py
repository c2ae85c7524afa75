"""Arrays and Datasets of xarray go into a model by the names of their dimensions and coordinates."""

import numpy as np
import pytest
import xarray as xr

import ogcm
from ogcm.data import read_field
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.series import Series

GLOBE = ogcm.spherical(lon=np.linspace(0, 360, 9), lat=np.linspace(-60, 60, 7))
ON_GLOBE = np.random.default_rng(2).uniform(100, 300, (6, 8))
LAT, LON = GLOBE.y_t, GLOBE.x_t


def relabelled(**names):
    """The map on the globe with dimensions and coordinates of other names."""
    a = xr.DataArray(ON_GLOBE, dims=("lat", "lon"), coords={"lat": LAT, "lon": LON})
    return a.rename(names)


@pytest.mark.parametrize(
    "labelled",
    [
        relabelled(),
        relabelled(lat="latitude", lon="longitude").transpose(),
        relabelled().isel(lat=slice(None, None, -1)),
        relabelled().roll(lon=3, roll_coords=True),
        relabelled().roll(lon=4, roll_coords=True).assign_coords(lon=(np.roll(LON, 4) + 180) % 360 - 180),
        relabelled().isel(lon=slice(None, None, -1)),
        xr.DataArray(ON_GLOBE.T, dims=("i", "j"), coords={"nav_lat": ("j", LAT), "nav_lon": ("i", LON)}),
        xr.DataArray(ON_GLOBE[::-1], dims=("a", "b"), coords={"lat": ("a", LAT[::-1]), "lon": ("b", LON)}),
        xr.DataArray(ON_GLOBE.T, dims=("xi_rho", "eta_rho")),
        relabelled().to_dataset(name="anything"),
        xr.Dataset({name: relabelled() for name in ("bathymetry", "heat_flux", "nu_h")} | {"other": 0 * relabelled()}),
        read_field(relabelled(), "field", "distance", units="m"),
    ],
)  # fmt: skip
def test_coordinates_tell_where_values_belong(labelled):
    options = {"parameters": {"nu_h": labelled}, "forcing": ogcm.Forcing(heat_flux=labelled), "dz": [400.0]}
    m = ogcm.Model(GLOBE, depth=labelled, T=10.0, S=35.0, dt=600.0, **options)
    np.testing.assert_allclose(interior(m.grid.depth_t), ON_GLOBE)
    np.testing.assert_array_equal(interior(m.parameters["nu_h"])[0], ON_GLOBE)
    np.testing.assert_array_equal(interior(m.forcing.at(0).heat_flux), ON_GLOBE)


def test_a_field_of_the_reader_goes_into_a_model():
    depth = np.array([50.0, 150.0, 250.0])
    values = np.random.default_rng(3).uniform(5, 15, (3, 6, 8))
    ds = xr.Dataset(
        {"t": (("lat", "depth", "lon"), values.transpose(1, 0, 2)[::-1, ::-1], {"units": "degC"})},
        {"lat": LAT[::-1], "lon": LON, "depth": ("depth", depth[::-1], {"units": "m"})},
    )
    field = read_field(ds, "t", "temperature")
    assert field["lon"].values[0] < 0
    m = ogcm.Model(GLOBE, depth=300.0, dz=[100.0] * 3, T=field, S=35.0, dt=600.0)
    np.testing.assert_array_equal(interior(m.state.T), values)


@pytest.mark.parametrize(
    "months",
    [
        np.append(np.arange(7, 13), np.arange(1, 7)),
        np.array([f"2001-{n:02d}-15" for n in (7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6)], "datetime64[ns]"),
    ],
)
@pytest.mark.parametrize("names", [("time", "time"), ("record", "month")])
def test_monthly_series_begin_in_january(months, names):
    maps = np.random.default_rng(4).normal(size=(12, 6, 8))
    dimension, name = names
    a = xr.DataArray(np.roll(maps, -6, 0), dims=(dimension, "lat", "lon"), coords={name: (dimension, months)})
    for labelled in (a, a.transpose("lon", dimension, "lat"), a.to_dataset(name="q")):
        series = Series.monthly(labelled)
        m = ogcm.Model(GLOBE, depth=300.0, dz=[300.0], T=10.0, S=35.0, dt=600.0, forcing=ogcm.Forcing(heat_flux=series))
        np.testing.assert_array_equal(interior(m.forcing.series["heat_flux"].values), maps)


def test_what_coordinates_cannot_tell_is_named():
    a = relabelled()
    with pytest.raises(InputError, match="bathymetry: a Dataset with the variables a, b; give one of them"):
        ogcm.Model(GLOBE, depth=xr.Dataset({"a": a, "b": a}), dz=[400.0], T=10.0, S=35.0, dt=600.0)
    with pytest.raises(InputError, match="bathymetry: its lon runs from"):
        ogcm.Model(GLOBE, depth=a.assign_coords(lon=LON / 2), dz=[400.0], T=10.0, S=35.0, dt=600.0)
    with pytest.raises(InputError, match=r"needs 12 maps of January to December; its month has 1, 1, "):
        Series.monthly(xr.DataArray(np.zeros((12, 2)), dims=("month", "lat"), coords={"month": np.ones(12, int)}))
