"""What is outside of open sides, from sections in files and from the output of another run."""

import numpy as np
import pytest
import xarray as xr

import ogcm
from ogcm.backend import HALO
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from ogcm.outer import with_depth_mean

LON, LAT, LEVELS, DEEP = 200 + 0.5 * np.arange(9), 30 + 0.5 * np.arange(8), 12, 1000.0
DZ = [50.0, 100.0, 150.0, 200.0, 250.0, 250.0]


def linear(x, y, z, t):
    """Linear in all coordinates; t in days."""
    return 10 + 0.1 * (x - 200) + 0.2 * (y - 30) + z / 500 + 0.3 * t


def sections_file(path, depth=DEEP, means=True, land=False):
    """Sections of a linear field on s-levels around an ocean of 8 x 9 cells, and its grid."""
    s = (np.arange(LEVELS) - LEVELS + 0.5) / LEVELS
    data = {"h": (("eta_rho", "xi_rho"), np.full((8, 9), depth), {"units": "meter", "positive": "down"})}
    mask = np.ones((8, 9))
    mask[:2, 0] = 0 if land else 1
    data["mask_rho"] = (("eta_rho", "xi_rho"), mask)
    half = {"rho": (LON, LAT), "u": (LON[:-1] + 0.25, LAT), "v": (LON, LAT[:-1] + 0.25)}
    for place, (lon, lat) in half.items():
        x, y = np.meshgrid(lon, lat)
        dims = (f"eta_{place}", f"xi_{place}")
        data[f"lon_{place}"] = (dims, x, {"units": "degree_east"})
        data[f"lat_{place}"] = (dims, y, {"units": "degree_north"})
    times = np.array([0.0, 10.0])
    data |= {
        "Vtransform": ((), 1),
        "hc": ((), 20.0, {"units": "meter"}),
        "s_rho": ("s_rho", s),
        "Cs_r": ("s_rho", s**3),
    }
    data["ocean_time"] = ("ocean_time", DAY * times, {"units": "seconds since 2000-01-01"})
    z = 20 * s + (depth - 20) * s**3
    rows = {"west": np.s_[:, 0], "south": np.s_[0]}
    fields = (
        ("temp", "rho", "Celsius", 0),
        ("salt", "rho", "1", 0),
        ("u", "u", "meter second-1", -10),
        ("v", "v", "meter second-1", -10),
    )
    for side, row in rows.items():
        for name, place, units, add in fields:
            x, y = (a[row] for a in np.meshgrid(*half[place]))
            values = linear(x[None, None], y[None, None], z[None, :, None], times[:, None, None]) + add
            data[f"{name}_{side}"] = (("ocean_time", "s_rho", f"n_{place}_{side}"), values, {"units": units})
            if means and place != "rho":
                mean = 0.01 * y + 0 * times[:, None]
                data[f"{name}bar_{side}"] = (("ocean_time", f"n_{place}_{side}"), mean, {"units": units})
        x, y = (a[row] for a in np.meshgrid(*half["rho"]))
        eta = 0.01 * (y + x - 230) + 0.1 * times[:, None]
        data[f"zeta_{side}"] = (("ocean_time", f"n_rho_{side}"), eta, {"units": "meter"})
    xr.Dataset(data).to_netcdf(path, engine="scipy")
    return path


def ocean(sides, depth=DEEP, **options):
    """An ocean of 8 x 9 cells."""
    edges = [np.append(a - 0.25, a[-1] + 0.25) for a in (LON, LAT)]
    return ogcm.Model(
        ogcm.spherical(lon=edges[0], lat=edges[1]),
        depth=depth,
        dz=DZ,
        dt=600.0,
        open_sides=sides,
        start="2000-01-03",
        **options,
    )


def outer(model, name, time=0.0):
    """Values outside (nk, N) at a time [s], with the rim and the places of its points."""
    entry, place = f"{name}_outside", name if name in "uv" else "t"
    rim, points = model.forcing.rims[entry], model.horizontal.points(place)
    return model.forcing.series[entry].at(time)[:, 0], rim, points.x[rim.i], points.y[rim.j]


@pytest.mark.parametrize("shift", [0.0, 360.0])
def test_sections_are_exact_for_linear_fields(tmp_path, shift):
    outside = ogcm.sections(sections_file(tmp_path / "bry.nc", means=False))
    if shift:
        edges = np.append(LON - 0.25, LON[-1] + 0.25) - shift
        grid = ogcm.spherical(lon=edges, lat=np.append(LAT - 0.25, LAT[-1] + 0.25))
        sides = ogcm.OpenSides(west=True, south=True, **outside)
        model = ogcm.Model(grid, depth=DEEP, dz=DZ, dt=600.0, open_sides=sides, start="2000-01-03")
    else:
        model = ocean(ogcm.OpenSides(west=True, south=True, **outside))
    for name, add in (("T", 0.0), ("S", 0.0), ("u", -10.0), ("v", -10.0)):
        values, _, x, y = outer(model, name, 2 * DAY)
        z = interior(model.grid.z_t)[:, 3, 3][:, None]
        inner = slice(1, 5)  # between the first and the last level of the section
        np.testing.assert_allclose(values[inner], (linear(x + shift, y, z, 4.0) + add)[inner], rtol=0, atol=1e-11)
    eta, rim, _, _ = outer(model, "eta")
    j, i = np.divmod(rim.addresses, model.grid.depth_t.shape[1])
    x, y = model.horizontal.x_t[i - HALO], model.horizontal.y_t[j - HALO]
    expected = 0.01 * (y + x + shift - 230) + 0.2
    np.testing.assert_allclose(eta[0, 1:], expected[1:], atol=1e-12)  # the corner is no neighbour of a cell inside


def test_the_zone_takes_the_nearest_place_of_the_sections(tmp_path):
    outside = ogcm.sections(sections_file(tmp_path / "bry.nc", means=False))
    model = ocean(ogcm.OpenSides(west=True, zone=2e5, **outside))
    values, rim, _, y = outer(model, "T")
    z = interior(model.grid.z_t)[:, 3, 3][:, None]
    assert (rim.i > 1).any()
    np.testing.assert_allclose(values[1:5], linear(LON[0], y, z, 2.0)[1:5], rtol=0, atol=1e-11)


@pytest.mark.parametrize("depth", [DEEP, 800.0])
def test_the_transport_of_sections_is_kept(tmp_path, depth):
    outside = ogcm.sections(sections_file(tmp_path / "bry.nc"))
    model = ocean(ogcm.OpenSides(west=True, south=True, **outside), depth=depth)
    for name in ("u", "v"):
        values, rim, _, y = outer(model, name)
        h = interior(getattr(model.grid, f"h_{name}"))[:, rim.j, rim.i] * rim.mask[:, 0]
        np.testing.assert_allclose((values * h).sum(axis=0), 0.01 * y * DEEP, rtol=1e-12)


def test_land_of_sections_takes_the_nearest_water(tmp_path):
    model = ocean(ogcm.OpenSides(west=True, **ogcm.sections(sections_file(tmp_path / "bry.nc", land=True))))
    values, _, x, y = outer(model, "T")
    z = interior(model.grid.z_t)[:, 3, 3][:, None]
    np.testing.assert_allclose(values[1:5], linear(x, np.maximum(y, LAT[2]), z, 2.0)[1:5], atol=1e-11)


def test_the_depth_mean_at_a_point_does_not_depend_on_the_others():
    """A tile may have a single point of the rim."""
    rng = np.random.default_rng(0)
    values, h, mean = rng.normal(size=(30, 100)), rng.uniform(1.0, 100.0, (30, 100)), rng.normal(size=100)
    together = with_depth_mean(values, h, mean)
    for n in range(100):
        one = slice(n, n + 1)
        np.testing.assert_array_equal(with_depth_mean(values[:, one].copy(), h[:, one].copy(), mean[one]),
                                      together[:, one])  # fmt: skip


def test_what_does_not_fit_is_reported(tmp_path):
    with pytest.raises(FileError, match=r"absent\.nc: missing"):
        ogcm.sections(tmp_path / "absent.nc")
    with pytest.raises(FileError, match=r"absent\.nc: missing"):
        ogcm.outside_of(tmp_path / "absent.nc")
    outside = ogcm.sections(sections_file(tmp_path / "bry.nc"))
    with pytest.raises(FileError, match="lacks u_east"):
        ocean(ogcm.OpenSides(east=True, **outside))
    turned = xr.load_dataset(tmp_path / "bry.nc", engine="scipy", decode_times=False)
    turned["angle"] = turned["h"].copy(data=np.full(turned["h"].shape, -0.3))
    turned["angle"].attrs = {"units": "radian"}
    turned.to_netcdf(tmp_path / "turned.nc", engine="scipy")
    with pytest.raises(InputError, match=r"turned by as much as 0\.30 rad"):
        ocean(ogcm.OpenSides(west=True, **ogcm.sections(tmp_path / "bry.nc", grid=tmp_path / "turned.nc")))
    flat = ogcm.cartesian(nx=9, ny=8, dx=1e4, dy=1e4)
    with pytest.raises(InputError, match="longitude and latitude"):
        ogcm.Model(
            flat, depth=DEEP, dz=DZ, dt=600.0, start="2000-01-03", open_sides=ogcm.OpenSides(west=True, **outside)
        )


HALF = 12  # cells of the nested half of the basin along x


def gyre(nx, sides=None, **start):
    """A double gyre of 24 cells along x, or its western part."""
    basin = 24 * 5e4
    grid = ogcm.cartesian(nx=nx, ny=24, dx=5e4, dy=5e4, f0=7.3e-5, beta=2e-11)
    start.setdefault("T", lambda x, y, z: 2 + 20 * np.exp(z / 700) + 0 * x)
    return ogcm.Model(
        grid,
        depth=3000.0,
        dz=[100.0, 200.0, 400.0, 800.0, 1500.0],
        forcing=ogcm.Forcing(tau_x=lambda x, y: 0.1 * (1 - np.cos(2 * np.pi * y / basin))),
        parameters={"nu_h": 1500.0, "kappa_h": 300.0, "drag_linear": 4e-4, "nudging_out": 1 / DAY},
        dt=3600.0,
        open_sides=sides,
        start="2000-01-01",
        **start,
    )


@pytest.fixture(scope="module")
def gyre_run(tmp_path_factory):
    """A double gyre after 100 days, its state then, and the output of the next 30 days."""
    path, model = tmp_path_factory.mktemp("gyre") / "parent.nc", gyre(24)
    ogcm.Simulation(model, days=100).run()
    first = {name: interior(getattr(model.state, name)).copy() for name in ("u", "v", "eta", "T", "S")}
    model = gyre(24, **first)
    ogcm.Simulation(model, days=30, every=0.25, output=path, variables=("u", "v", "eta", "T", "S")).run()
    return path, first


@pytest.mark.slow
@pytest.mark.parametrize(("flow", "bound"), [("clamped", 0.02), ("radiation", 0.03)])
def test_a_nested_half_follows_the_whole(gyre_run, flow, bound):
    path, first = gyre_run
    n = HALF + 1  # with the rim
    sides = ogcm.OpenSides(east=True, flow=flow, water=flow, **ogcm.outside_of(path))
    start = {name: a[..., :n].copy() for name, a in first.items()}
    model = gyre(n, sides, **start)
    ogcm.Simulation(model, days=30).run()
    with xr.open_dataset(path, engine="h5netcdf") as parent:
        last = {name: parent[name][-1].values[..., :HALF] for name in ("u", "v", "eta", "T")}
    for name, wanted in last.items():
        wanted = wanted[..., : HALF - 1]
        found = interior(getattr(model.state, name))[..., : HALF - 1]
        wet = np.isfinite(wanted)
        anomaly = wanted - (np.nanmean(wanted, axis=(-2, -1), keepdims=True) if name in "Teta" else 0)
        error = np.sqrt(np.mean((found - wanted)[wet] ** 2) / np.mean(anomaly[wet] ** 2))
        assert error < bound, (name, error)


@pytest.mark.slow
def test_the_california_current_takes_steps(ocean_data):
    folder = ocean_data("wc13").parent
    ocean_data("woa_monthly_temp_2deg.nc")
    model = ogcm.setups.california_current(data=str(folder), layers=12)
    assert model.open_sides is not None
    assert np.abs(interior(model.state.u)).max() < 0.1  # 0.2 m/s around one column whose water came from a shelf
    assert np.ptp(interior(model.state.eta)[interior(model.grid.mask_t)[0] > 0]) < 0.4
    first = interior(model.state.T).copy()
    ogcm.Simulation(model, days=0.125).run()
    wet = interior(model.grid.mask_t) > 0
    assert np.abs(interior(model.state.eta)).max() < 1
    assert np.abs(interior(model.state.T) - first)[wet].max() < 2
    assert model.forcing.series["T_outside"].times.tolist() == pytest.approx([-6.95 * DAY, 23.55 * DAY])
