"""Levels that follow the sea floor: their heights by the formulae of CF, and fields on them."""

import numpy as np
import pytest
import xarray as xr

from ogcm.data import SLevels, find_s_levels, on_heights, read_field, read_s_field
from ogcm.data.source import open_dataset
from ogcm.errors import FileError, InputError

NY, NX, LEVELS = 5, 6, 8


def stretching(s, theta_s=5.0, theta_b=0.4):
    """The stretching curve of Song and Haidvogel (1994)."""
    deep = (np.tanh(theta_s * (s + 0.5)) / np.tanh(theta_s / 2) - 1) / 2
    return (1 - theta_b) * np.sinh(theta_s * s) / np.sinh(theta_s) + theta_b * deep


def roms(form=2, *, cf=True, upward=True):
    """Two records of a small sea as ROMS writes it, whose temperature and velocity are linear in the height."""
    y, x = np.meshgrid(np.arange(NY), np.arange(NX), indexing="ij")
    h, zeta = 100.0 + 20 * x + 10 * y, np.stack([0.1 * x, -0.2 * y])
    s = (np.arange(LEVELS) - LEVELS + 0.5) / LEVELS
    s = s if upward else s[::-1]
    curve, hc = stretching(s), 10.0
    S, C = s[:, None, None], curve[:, None, None]
    if form == 1:
        z0 = hc * S + (h - hc) * C
        z = z0 + zeta[:, None] * (1 + z0 / h)
    else:
        z0 = (hc * S + h * C) / (hc + h)
        z = zeta[:, None] + (zeta[:, None] + h) * z0
    u = 0.5 * (z[..., 1:] + z[..., :-1]) / 1000
    rho, at_u = {"coordinates": "lon_rho lat_rho ocean_time"}, {"coordinates": "lon_u lat_u ocean_time"}
    where = {"units": "degree_north"}, {"units": "degree_east"}
    lat, lon = 36.0 + y + 0.1 * x, 5.0 + x - 0.1 * y
    times = ("ocean_time", [0.0, 1.0], {"units": "days since 2004-01-01", "calendar": "gregorian"})
    coordinates = {
        "lat_rho": (("eta_rho", "xi_rho"), lat, where[0]),
        "lon_rho": (("eta_rho", "xi_rho"), lon, where[1]),
        "lat_u": (("eta_u", "xi_u"), 0.5 * (lat[:, 1:] + lat[:, :-1]), where[0]),
        "lon_u": (("eta_u", "xi_u"), 0.5 * (lon[:, 1:] + lon[:, :-1]), where[1]),
        "ocean_time": times,
    }
    dims = ("ocean_time", "s_rho", "eta_rho", "xi_rho")
    data = {
        "h": (("eta_rho", "xi_rho"), h, {"units": "meter"} | rho),
        "zeta": (("ocean_time", "eta_rho", "xi_rho"), zeta, {"units": "meter"} | rho),
        "temp": (dims, 20 + z / 10, {"units": "Celsius"} | rho),
        "u": (("ocean_time", "s_rho", "eta_u", "xi_u"), u, {"units": "meter second-1"} | at_u),
        "Cs_r": ("s_rho", curve),
        "hc": ((), hc, {"units": "meter"}),
    }
    if cf:
        terms = "s: s_rho C: Cs_r eta: zeta depth: h depth_c: hc"
        data["s_rho"] = ("s_rho", s, {"standard_name": f"ocean_s_coordinate_g{form}", "formula_terms": terms})
    else:
        data |= {"sc_r": ("s_rho", s), "Vtransform": ((), form)}
    return xr.Dataset(data, coordinates), z


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize("cf", [False, True])
@pytest.mark.parametrize("upward", [False, True])
def test_fields_have_the_heights_of_their_levels(tmp_path, form, cf, upward):
    ds, z = roms(form, cf=cf, upward=upward)
    ds.to_netcdf(tmp_path / "roms.nc", engine="h5netcdf")
    down = slice(None, None, -1 if upward else 1)
    for source in (ds, tmp_path / "roms.nc"):
        field = read_s_field(source, "temp", "temperature")
        assert field.dims == ("time", "z", "y", "x")
        assert (np.diff(field.height, axis=1) < 0).all()
        np.testing.assert_allclose(field.height, z[:, down], rtol=1e-13)
        np.testing.assert_allclose(field, 20 + z[:, down] / 10, rtol=1e-13)
        u = read_s_field(source, "u", "velocity")
        np.testing.assert_allclose(1000 * u, u.height, rtol=1e-12)


def test_a_field_on_fixed_heights_is_linear_between_its_levels():
    ds, z = roms()
    wanted = np.array([0.0, -10.0, -50.0, -120.0, -1000.0])
    field = on_heights(read_s_field(ds, "temp", "temperature"), wanted)
    assert field.dims == ("time", "z", "y", "x")
    top, floor = z[:, -1:], z[:, :1]
    along = wanted[:, None, None]
    expected = np.where(along < floor, np.nan, 20 + np.minimum(along, top) / 10)
    np.testing.assert_allclose(field, expected, rtol=1e-13)
    np.testing.assert_array_equal(field.z, wanted)
    assert np.isnan(field[:, -1]).all()


def test_depth_from_another_file_and_a_level_of_zero():
    ds, _ = roms()
    flat = ds.drop_vars("zeta").assign(zeta=0 * ds.zeta)
    one = read_s_field(flat, "temp", "temperature")
    for options in ({"sea_level": None}, {"sea_level": "ssh"}):
        two = read_s_field(ds.drop_vars("h"), "temp", "temperature", grid=ds[["h"]], **options)
        np.testing.assert_allclose(two.height, one.height[0], rtol=1e-13)
    with pytest.raises(FileError, match="lacks h"):
        read_s_field(ds.drop_vars("h"), "temp", "temperature")
    small = ds[["h"]].isel(xi_rho=slice(3))
    with pytest.raises(InputError, match="centres of the cells of one grid"):
        read_s_field(ds, "temp", "temperature", grid=small)
    with pytest.raises(InputError, match="they must be of one grid"):
        read_s_field(ds, "temp", "temperature", grid=small, sea_level=None)
    with pytest.raises(InputError, match="has other times than zeta"):
        read_s_field(ds.assign(temp=ds.temp.isel(ocean_time=0)), "temp", "temperature")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ds: ds.drop_vars("hc"), "lack the variables hc"),
        (lambda ds: ds.drop_vars("Cs_r"), "lack the variables Cs_r"),
        (lambda ds: ds.assign(s_rho=ds.s_rho.assign_attrs(standard_name="depth")), "lack the formula; .* 'depth'"),
        (lambda ds: ds.drop_vars("s_rho"), "lack the variables sc_r"),
    ],
)
def test_levels_that_are_not_described_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        find_s_levels(change(roms()[0]), "s_rho")
    with pytest.raises(InputError, match="follow the sea floor"):
        read_field(roms()[0], "temp", "temperature", coordinates={"depth": "s_rho"})


def test_sigma_levels():
    s = xr.DataArray([-0.75, -0.25], dims="level", attrs={"standard_name": "ocean_sigma_coordinate"})
    levels = find_s_levels(xr.Dataset({"level": s}), "level")
    np.testing.assert_array_equal(levels.heights(np.array([100.0]), 4.0)[:, 0], [4 - 0.75 * 104, 4 - 0.25 * 104])


def test_levels_of_the_california_current(ocean_data):
    """The boundary file of ROMS' tutorial: floor and surface are interfaces, centres lie between their interfaces."""
    with open_dataset(ocean_data("wc13/wc13_ecco_bry.nc")) as ds:
        centres, interfaces = find_s_levels(ds, "s_rho"), find_s_levels(ds, "s_w")
        h, zeta = ds["h"].values[:, 0].astype(float), ds["zeta_west"].values.astype(float)
        assert (centres.form, centres.critical, len(centres.s)) == (1, 10.0, 30)
        np.testing.assert_allclose(centres.curve, stretching(centres.s), rtol=1e-12)
        z_w, z_r = interfaces.heights(h, zeta[:, None]), centres.heights(h, zeta[:, None])
    np.testing.assert_allclose(z_w[:, 0], -h[None] + 0 * zeta, rtol=1e-12)
    np.testing.assert_allclose(z_w[:, -1], zeta, atol=1e-10)
    assert z_r.shape == (2, 30, 55)
    assert ((z_w[:, :-1] < z_r) & (z_r < z_w[:, 1:])).all()


def test_the_levels_of_plain_numbers():
    levels = SLevels(np.array([-1.0, 0.0]), np.array([-1.0, 0.0]), 5.0, 2)
    np.testing.assert_allclose(levels.heights(np.array([[20.0]]), np.array([[1.0]]))[:, 0, 0], [-20.0, 1.0])
