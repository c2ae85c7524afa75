"""What is outside of open sides, from fields of a larger region on levels of depth."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import ogcm
from ogcm.constants import DAY
from ogcm.data import read_field
from ogcm.errors import InputError
from ogcm.grid import interior
from tests.ogcm.test_outside_files import DEEP, linear, ocean, outer

DATA = Path(__file__).parents[3] / "shared" / "data"
NAMES = {
    "T": ("sea_water_potential_temperature", "degC"), "S": ("sea_water_practical_salinity", "1"),
    "u": ("eastward_sea_water_velocity", "m s-1"), "eta": ("sea_surface_height_above_geoid", "m"),
}  # fmt: skip
LEVELS = np.array([0.0, 40.0, 120.0, 300.0, 600.0, 980.0])  # [m], whose last layer ends at 1170 m


def field(name, times=(0.0, 10.0), lon=None, lat=None, deepest=6):
    """A field that is linear in the coordinates and in time [days], in a region beyond the ocean of 8 x 9 cells."""
    lon = np.arange(198.0, 207.0) if lon is None else lon
    lat = np.arange(28.0, 36.0, 0.8) if lat is None else lat
    t, z, y, x = np.meshgrid(times, -LEVELS, lat, lon, indexing="ij")
    values, dims = linear(x, y, z, t), ("time", "depth", "lat", "lon")
    values[:, deepest:] = np.nan
    if name == "eta":
        values, dims = values[:, 0], ("time", "lat", "lon")
    standard_name, units = NAMES[name]
    coordinates = {
        "time": ("time", np.array(times), {"units": "days since 2000-01-01"}),
        "depth": ("depth", LEVELS, {"units": "m", "positive": "down", "axis": "Z"}),
        "lat": ("lat", lat, {"units": "degrees_north"}),
        "lon": ("lon", lon, {"units": "degrees_east"}),
    }
    attributes = {"standard_name": standard_name, "units": units}
    return xr.DataArray(values, {d: coordinates[d] for d in dims}, dims, name.lower(), attributes)


@pytest.mark.parametrize("shift", [0.0, 360.0])
def test_linear_fields_are_exact(shift):
    fields = {name: field(name) for name in NAMES}
    fields = {name: a.assign_coords(lon=a["lon"] - shift) for name, a in fields.items()}
    model = ocean(ogcm.OpenSides(west=True, south=True, zone=1e5, **ogcm.fields_outside(**fields)))
    z = interior(model.grid.z_t)[:, 3, 3][:, None]
    for name in ("T", "S"):
        values, _, x, y = outer(model, name, 2 * DAY)
        np.testing.assert_allclose(values, linear(x, y, z, 4.0), rtol=0, atol=1e-11)
    eta, rim, _, _ = outer(model, "eta")
    expected = linear(model.horizontal.x_t[rim.i], model.horizontal.y_t[rim.j], 0.0, 2.0)
    np.testing.assert_allclose(eta[0, 1:], expected[1:], atol=1e-12)


def test_the_transport_of_a_field_is_kept():
    """On the rim the transport per width is that of the layers of the field; in the zone the velocity is its own."""
    model = ocean(ogcm.OpenSides(west=True, zone=1e5, **ogcm.fields_outside(u=field("u"))))
    values, rim, x, y = outer(model, "u")
    edges = np.array([0.0, 20.0, 80.0, 210.0, 450.0, 790.0, 1170.0])
    h = interior(model.grid.h_u)[:, rim.j, rim.i]
    expected = sum(thick * linear(x, y, -level, 2.0) for level, thick in zip(LEVELS, np.diff(edges), strict=True))
    on_rim = rim.places.ravel()[rim.addresses] >= 0
    assert 0 < on_rim.sum() < len(on_rim)
    np.testing.assert_allclose((values * h).sum(axis=0)[on_rim], expected[on_rim], rtol=1e-12)
    z = interior(model.grid.z_t)[:, 3, 3][:, None]
    np.testing.assert_allclose(values[:, ~on_rim], linear(x, y, z, 2.0)[:, ~on_rim], atol=1e-11)


def test_below_the_field_its_lowest_value_counts():
    model = ocean(ogcm.OpenSides(west=True, **ogcm.fields_outside(T=field("T", deepest=3))))
    values, _, x, y = outer(model, "T")
    z = np.maximum(interior(model.grid.z_t)[:, 3, 3][:, None], -LEVELS[2])
    np.testing.assert_allclose(values, linear(x, y, z, 2.0), atol=1e-11)


def test_a_climatology_repeats_each_year():
    months = field("T", times=np.arange(1.0, 13.0)).drop_vars("time")
    months = months.assign_coords(month=("time", np.arange(1, 13))).swap_dims(time="month")
    months["month"].attrs["units"] = "month"
    model = ocean(ogcm.OpenSides(west=True, **ogcm.fields_outside(T=read_field(months, quantity="temperature"))))
    series = model.forcing.series["T_outside"]
    assert 365 * DAY < series.period < 366 * DAY
    assert not np.array_equal(series.at(0.0), series.at(60 * DAY))
    np.testing.assert_allclose(series.at(60 * DAY + series.period), series.at(60 * DAY), rtol=1e-12)
    with pytest.raises(InputError, match="12, 365 or 366 records, got 2"):
        ocean(ogcm.OpenSides(west=True, **ogcm.fields_outside(T=read_field(
            months.isel(month=slice(2)), quantity="temperature"))))  # fmt: skip


def test_a_field_around_the_globe_has_no_seam():
    lon = np.arange(-180.0, 180.0, 2.0)
    around = field("T", lon=lon)
    around[...] = 5 + np.cos(np.radians(around["lon"] - 202)) + 0 * around
    grid = ogcm.spherical(lon=np.arange(-183.0, -177.0), lat=np.arange(30.0, 35.0))
    sides = ogcm.OpenSides(south=True, **ogcm.fields_outside(T=around))
    model = ogcm.Model(grid, depth=DEEP, dz=[DEEP], dt=600.0, open_sides=sides, start="2000-01-03")
    values, _, x, _ = outer(model, "T")
    assert x.min() < -180 < x.max()
    np.testing.assert_allclose(values[0], 5 + np.cos(np.radians(x - 202)), atol=1e-3)


def test_what_does_not_fit_is_reported():
    with pytest.raises(InputError, match="zeta: is no field outside"):
        ogcm.fields_outside(zeta=field("eta"))
    near = ogcm.fields_outside(T=field("T", lon=np.arange(203.0, 208.0)))
    with pytest.raises(InputError, match=r"T outside: is given for x from -157 to -153, but needed at -160"):
        ocean(ogcm.OpenSides(west=True, **near))
    with pytest.raises(InputError, match=r"T outside: needs the dimensions \['z', 'y', 'x'\]"):
        ocean(ogcm.OpenSides(west=True, **ogcm.fields_outside(T=field("T").isel(depth=0, drop=True))))
    flat = ogcm.cartesian(nx=9, ny=8, dx=1e4, dy=1e4)
    with pytest.raises(InputError, match="longitude and latitude"):
        ogcm.Model(flat, depth=DEEP, dz=[DEEP], dt=600.0, start="2000-01-03",
                   open_sides=ogcm.OpenSides(west=True, **ogcm.fields_outside(T=field("T"))))  # fmt: skip


def test_the_climatology_of_levitus_outside_the_gulf_of_alaska():
    """Temperature in situ and practical salinity become Conservative Temperature and Absolute Salinity."""
    file = DATA / "levitus_annual_1deg.nc"
    if not file.exists():
        pytest.skip("the climatology of Levitus is not there")
    fields = {"T": read_field(file, "temp", "temperature"), "S": read_field(file, "salt", "salinity")}
    fields["T"].attrs["standard_name"] = "sea_water_temperature"
    fields["S"].attrs["standard_name"] = "sea_water_practical_salinity"
    grid = ogcm.spherical(lon=np.arange(-150.0, -139.0), lat=np.arange(40.0, 51.0))
    sides = ogcm.OpenSides(west=True, south=True, **ogcm.fields_outside(**fields))
    model = ogcm.Model(grid, depth=4000.0, dz=[100, 400, 1500, 2000], open_sides=sides, start="2000-01-01", dt=600.0,
                       T=5.0, equation_of_state="teos10")  # fmt: skip
    T, S = (model.forcing.steady.get(f"{n}_outside", outer(model, n)[0]) for n in "TS")
    assert 5 < T[0].min() < T[0].max() < 14
    assert (np.diff(T.mean(axis=-1).ravel()) < 0).all()
    assert 1 < T[-1].min() < T[-1].max() < 2
    assert 32.5 < S[0].mean() < 34 < S[-1].mean() < 35
