"""Standard deviations of the background from files of ROMS' form, made here, and from those of WC13."""

import numpy as np
import pytest
import xarray as xr

import ogcm
from adjoint.background.deviations import deviations
from adjoint.controls import Controls
from adjoint.estimates import Estimate, scaled_controls
from ogcm.errors import FileError, InputError
from ogcm.grid import interior

NY, NX, NZ = 13, 16, 20


def file_of(path, **changes):
    """A file of standard deviations that are linear in longitude, latitude and height; land in the south-east."""
    lon, lat = np.meshgrid(-130 + 0.5 * np.arange(NX), 35 + 0.5 * np.arange(NY))
    s = (np.arange(NZ) + 0.5) / NZ - 1
    ds = xr.Dataset({"Vtransform": 2, "hc": 0.0, "Cs_r": ("s_rho", s)}, coords={"s_rho": s})
    h = 1000 + 20 * (lat - 35)
    sea = ~((lon > -124) & (lat < 37))
    ds["h"], ds["mask_rho"] = (("eta_rho", "xi_rho"), h, {"units": "m"}), (("eta_rho", "xi_rho"), sea.astype(float))

    def to(a, kind):
        return 0.5 * (a[:, 1:] + a[:, :-1]) if kind == "u" else 0.5 * (a[1:] + a[:-1]) if kind == "v" else a

    for kind in ("rho", "u", "v"):
        dims = f"eta_{kind}", f"xi_{kind}"
        for axis, a in (("lon", lon), ("lat", lat)):
            ds[f"{axis}_{kind}"] = dims, to(a, kind), {"units": f"degrees_{'east' if axis == 'lon' else 'north'}"}
    for name, kind in (("temp", "rho"), ("u", "u"), ("v", "v")):
        x, y, z = to(lon, kind), to(lat, kind), s[:, None, None] * to(h, kind)
        known = to(sea.astype(float), kind) == 1
        ds[name] = ("ocean_time", "s_rho", f"eta_{kind}", f"xi_{kind}"), (known * profile(x, y, z))[None]
    ds["zeta"] = ("ocean_time", "eta_rho", "xi_rho"), (sea * profile(lon, lat, 0))[None]
    ds["ssflux"] = ("eta_rho", "xi_rho"), sea * 3.5e-6
    sections = np.zeros((4, NZ, NX))
    sections[0, :, :NY] = (profile(lon, lat, s[:, None, None] * h) * sea)[:, :, 0]
    sections[1] = (profile(lon, lat, s[:, None, None] * h) * sea)[:, 0]
    ds["temp_obc"] = ("ocean_time", "boundary", "s_rho", "IorJ"), sections[None]
    ds["zeta_obc"] = ("ocean_time", "boundary", "IorJ"), sections[None, :, -1]
    ds = ds.assign(changes)
    ds.to_netcdf(path)
    return path


def profile(lon, lat, z):
    return 1 + 0.02 * (lon + 130) + 0.01 * (lat - 35) + 4e-4 * z


def model_of():
    grid = ogcm.spherical(lon=np.linspace(-129.9, -124.1, 21), lat=np.linspace(35.1, 40.9, 21))
    T = np.linspace(15, 5, 8)[:, None, None] * np.ones((8, 20, 20))
    sides = ogcm.OpenSides(west=True, south=True)
    return ogcm.Model(
        grid, depth=900.0, dz=[20, 40, 60, 100, 150, 200, 200, 130], T=T, S=35.0, dt=600.0, open_sides=sides
    )


@pytest.mark.parametrize("name", ["T", "u", "v", "eta"])
def test_linear_deviations_are_interpolated_exactly(tmp_path, name):
    path, model = file_of(tmp_path / "std.nc"), model_of()
    found, grid = deviations(path, model, name), model.horizontal
    x, y = np.meshgrid(grid.x_f if name == "u" else grid.x_t, grid.y_f if name == "v" else grid.y_t)
    z = interior(model.grid.z_t) if name != "eta" else np.zeros((1, 20, 20))
    expected = profile(x, y, z) if name != "eta" else profile(x, y, 0)
    inner = np.s_[..., 6:-2, 1:-2]  # away from land in the south-east
    tolerance = 1e-9 if name == "eta" else 0.012  # within the first half level above the uppermost value
    np.testing.assert_allclose(found[inner], np.broadcast_to(expected, found.shape)[inner], atol=tolerance)
    assert (found > 0).all()
    scaled = scaled_controls([Estimate(name, found, length=1e5)], Controls(model, name))[name]
    assert np.array_equal(scaled.error[scaled.wet], found[scaled.wet])


def test_sections_reach_the_rim(tmp_path):
    path, model = file_of(tmp_path / "std.nc"), model_of()
    found = deviations(path, model, "T_outside")
    rim, grid = model.forcing.rims["T_outside"], model.horizontal
    assert found.shape == rim.mask.shape
    z = interior(model.grid.z_t)[:, rim.j, rim.i]
    west = (rim.i == 0) & (rim.j > 1)
    expected = profile(-130.0, grid.y_t[rim.j], z)
    np.testing.assert_allclose(found[:, 0, west], expected[:, west], atol=0.012)
    assert (found > 0).all()
    assert deviations(path, model, "eta_outside").shape == (1, 1, len(model.forcing.rims["eta_outside"].j))


def test_small_values_are_raised_and_land_is_continued(tmp_path):
    zeta = np.full((NY, NX), 0.02)
    zeta[4:7, 4:8] = 1e-6
    zeta[:4, 12:] = 0
    path = file_of(tmp_path / "std.nc", zeta=(("eta_rho", "xi_rho"), zeta))
    found = deviations(path, model_of(), "eta", floor=0.25)
    rms = np.sqrt(np.mean(found**2))
    assert 0.2 * rms < found.min() < 0.3 * rms
    np.testing.assert_allclose(found[0, -4:], 0.02)
    water = deviations(path, model_of(), "eta", variable="ssflux")
    np.testing.assert_allclose(water, 3.5e-6)


def test_mistakes(tmp_path):
    model = model_of()
    path = file_of(tmp_path / "std.nc", zeta=(("eta_rho", "xi_rho"), np.zeros((NY, NX))))
    with pytest.raises(InputError, match="zeta is no standard deviation, its values lie within 0 and 0"):
        deviations(path, model, "eta")
    with pytest.raises(FileError, match="lacks salt"):
        deviations(path, model, "S")
    with pytest.raises(InputError, match="kappa_v: give the variable"):
        deviations(path, model, "kappa_v")
    with pytest.raises(InputError, match="floor: a fraction"):
        deviations(path, model, "T", floor=0.0)
    months = file_of(tmp_path / "months.nc", zeta=(("time", "eta_rho", "xi_rho"), np.ones((12, NY, NX))))
    with pytest.raises(InputError, match="zeta has 12 records"):
        deviations(months, model, "eta")
    plane = ogcm.Model(ogcm.cartesian(nx=4, ny=4, dx=1e4, dy=1e4), depth=10.0, dz=[10.0], dt=60.0)
    with pytest.raises(InputError, match=r"ogcm\.spherical"):
        deviations(path, plane, "T")


@pytest.mark.slow
def test_deviations_of_the_california_current(ocean_data):
    """The files of WC13 at the points of the model: positive, within the range of the file, and estimates take them."""
    folder = ocean_data("wc13")
    ocean_data("woa_monthly_temp_2deg.nc")
    model = ogcm.setups.california_current(data=str(folder.parent), layers=12)
    grid = folder / "wc13_grd.nc"
    for name, (file, low, high) in {
        "T": ("i", 0.4, 1.5), "S": ("i", 0.05, 0.8), "u": ("i", 0.05, 0.3), "v": ("i", 0.05, 0.6),
        "eta": ("i", 0.01, 0.09), "T_outside": ("b", 0.3, 1.2), "u_outside": ("b", 0.001, 0.04),
        "eta_outside": ("b", 0.01, 0.035),
    }.items():  # fmt: skip
        found = deviations(folder / f"wc13_std_{file}.nc", model, name, grid=grid)
        surface = found[0] if found.ndim == 3 else found
        print(name, found.shape, surface.mean(), found.min(), found.max())
        assert low < surface.mean() < found.max() <= high, name
        assert found.min() > 0
        scaled = scaled_controls([Estimate(name, found)], Controls(model, name))[name]
        assert scaled.error.shape == scaled.first_guess.shape
