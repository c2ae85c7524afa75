"""Correlations by implicit diffusion: symmetry, the analytic function, the variance, land, rims, depth and time."""

import numpy as np
import pytest

import ogcm
from adjoint.background import diffusion
from adjoint.background.correlation import Correlation, Places, check_lengths, layer_thickness
from adjoint.background.diffusion import Diffusion, Links, M, matern
from adjoint.controls import Controls
from adjoint.estimates import Estimate, scaled_controls, wet_points
from ogcm.constants import DAY, EARTH_RADIUS
from ogcm.errors import InputError
from tests.oceans import rough_basin

DEGREE = np.radians(EARTH_RADIUS)  # of latitude [m]
NONE = {"length": 0.0, "depth": 0.0, "days": 0.0}


def places(model, name):
    control = Controls(model, name).controls[name]
    wet = np.broadcast_to(wet_points(control, model), control.shape)
    return control, Places.of(control, model, wet, layer_thickness(control, model))


def correlation(model, name, **lengths):
    """The correlation of a control, and where it has an effect."""
    control, points = places(model, name)
    check_lengths(control, NONE | lengths)
    return Correlation(points, NONE | lengths), points.wet.reshape(control.shape)


def open_sea(grid, kind="t", layers=1, times=None, period=None):
    """The points of a sea without land, whose layers have 10 m."""
    n = grid.shape[0] * grid.shape[1]
    wet = np.ones((1 if times is None else len(times), layers, n), bool)
    h = np.full((layers, n), 10.0)
    return Places(wet, grid, kind, np.arange(n), h, h[:-1], times, period)


def column(c, at):
    """The correlation of all points with one, C of a unit vector."""
    unit = np.zeros(c.wet.shape)
    unit[at] = 1
    return c.root(c.transpose(unit))


def variance(c, size):
    """The variance of each point, the squares of the rows of C^(1/2)."""
    rows = np.stack([c.transpose(unit) for unit in np.eye(size).reshape(size, *c.wet.shape)])
    return (rows.reshape(size, -1) ** 2).sum(axis=1)


def basin(**options):
    """A rough basin with land and partial cells, periodic along x."""
    monthly = ogcm.Series.monthly(np.random.default_rng(0).normal(size=(12, 12, 16)))
    return rough_basin(forcing=ogcm.Forcing(tau_x=monthly, heat_flux=np.zeros((12, 16))), **options)


def open_basin():
    rng = np.random.default_rng(2)
    depth = rng.uniform(50, 400, (12, 14)) * (rng.uniform(size=(12, 14)) > 0.1)
    depth[5:8, 0] = 0
    grid = ogcm.spherical(lon=np.linspace(0, 3.5, 15), lat=np.linspace(40, 43, 13))
    dated = ogcm.Series(rng.normal(size=(4, 12, 14)), [0.0, DAY, 3 * DAY, 4 * DAY])
    sides = ogcm.OpenSides(west=True, south=True, north=True, eta=dated, u=np.full((5, 12, 14), 0.1), zone=6e4)
    profile = (20 - 4 * np.arange(5))[:, None, None] * np.ones((5, 12, 14))
    return ogcm.Model(grid, depth=depth, dz=[20, 40, 60, 100, 200], T=profile, S=35.0, open_sides=sides, dt=600.0)


CASES = {  # of a closed and of an open basin: lengths of a control
    "T": {"length": 4e4, "depth": 150.0},
    "u": {"length": 5e4},
    "v": {"length": 5e4, "depth": 60.0},
    "S": {"depth": 100.0},
    "eta": {"length": 1e3},  # shorter than a cell
    "heat_flux": {"length": 8e4},
    "tau_x": {"length": 4e4, "days": 40.0},
    "kappa_v": {"length": 4e4, "depth": 100.0},
    "T_outside": {"length": 4e4, "depth": 100.0},
    "u_outside": {"length": 6e4},
    "eta_outside": {"length": 6e4, "days": 1.5},
}  # fmt: skip


def ocean_of(name):
    return open_basin() if name.endswith("_outside") else basin(parameters={"kappa_v": np.full((5, 12, 16), 1e-4)})


@pytest.mark.parametrize("name", CASES)
def test_root_and_its_transpose(name):
    """The dot product to 1e-12, and land that stays as it is."""
    (c, wet), rng = correlation(ocean_of(name), name, **CASES[name]), np.random.default_rng(1)
    z, a = rng.normal(size=(2, *wet.shape))
    land = np.where(wet, 0, np.nan)
    x, z_ad = c.root(z + land), c.transpose(a + land)
    assert abs((a * x).sum() - (z * z_ad).sum()) < 1e-12 * np.abs(a * x).sum()
    assert not x[~wet].any()
    assert not z_ad[~wet].any()
    both = c.root(np.where(wet, z + 1e-30j * a, 0))
    np.testing.assert_allclose(both.imag / 1e-30, c.root(a), rtol=0, atol=1e-12)
    assert np.array_equal(both.real, x)


@pytest.mark.parametrize("name", CASES)
def test_variance_is_one_everywhere(name):
    c, wet = correlation(ocean_of(name), name, **CASES[name])
    if wet.size > 1000:  # some of the points
        at = np.random.default_rng(0).choice(np.flatnonzero(wet), 300, replace=False)
        found = np.array([column(c, np.unravel_index(n, c.wet.shape)).flat[n] for n in at])
    else:
        found = variance(c, wet.size)[wet.ravel()]
    assert np.abs(found - 1).max() < 0.008
    assert len(found)


def test_many_colours_have_a_variance_of_random_vectors(monkeypatch):
    monkeypatch.setattr(diffusion, "COLOURS", 10)
    c, wet = correlation(basin(), "eta", length=6e4)
    assert not any(d.exact for _, d in c.parts)
    found = variance(c, wet.size)[wet.ravel()]
    assert np.sqrt(np.mean((found - 1) ** 2)) < 1.3 * np.sqrt(2 / diffusion.RANDOM)
    assert np.abs(found - 1).max() > 1e-3


def test_layers_have_the_matern_function():
    """On equal cells, longitudes and latitudes, and stretched cells, within 2 % of the variance."""
    widths = 1e4 * (1 + 0.3 * np.sin(np.linspace(0, 6, 60)))
    grids = {
        "equal": ogcm.cartesian(nx=60, ny=50, dx=1e4, dy=1e4),
        "periodic": ogcm.cartesian(nx=60, ny=50, dx=1e4, dy=1e4, periodic_x=True),
        "stretched": ogcm.cartesian(nx=60, ny=50, dx=widths, dy=widths[:50]),
        "sphere": ogcm.spherical(lon=np.linspace(0, 9, 61), lat=np.linspace(46, 51, 51)),
    }
    for name, grid in grids.items():
        j, i, L = 25, 0 if name == "periodic" else 30, 4e4
        for kind in "tuv":
            c = Correlation(open_sea(grid, kind), NONE | {"length": L})
            found = column(c, (0, 0, j * 60 + i)).reshape(50, 60)
            x, y = np.meshgrid(grid.x_f if kind == "u" else grid.x_t, grid.y_f if kind == "v" else grid.y_t)
            east, north = np.abs(x - x[j, i]), np.abs(y - y[j, i])
            if name == "periodic":
                east = np.minimum(east, 6e5 - east)
            if name == "sphere":
                east, north = (DEGREE * a for a in (east * np.cos(np.radians(0.5 * (y + y[j, i]))), north))
            r = np.hypot(east, north)
            away = (r < 3 * L) & (np.abs(np.arange(50) - j) < 20)[:, None]
            error = np.abs(found - matern(r, L, 2))[away].max()
            print(name, kind, error)
            assert error < 0.02, (name, kind)
        assert abs(matern(np.array(L), L, 2) - np.exp(-0.5)) < 0.03  # nearly a Gaussian


def test_columns_and_records_have_the_matern_function():
    grid = ogcm.cartesian(nx=2, ny=1, dx=1e4, dy=1e4)
    found = column(Correlation(open_sea(grid, layers=60), NONE | {"depth": 50.0}), (0, 30, 1))[0]
    assert np.abs(found[:, 1] - matern(10.0 * np.abs(np.arange(60) - 30), 50.0, 1)).max() < 0.02
    assert not found[:, 0].any()
    times = DAY * (np.arange(40) + 0.5)
    for period in (None, 40 * DAY):
        c = Correlation(open_sea(grid, times=times, period=period), NONE | {"days": 4.0})
        late = column(c, (39, 0, 1))[:, 0, 1]
        assert late[39] == pytest.approx(1, abs=1e-3)
        expected = matern(DAY * 1.0, 4 * DAY, 1) if period else 0
        assert abs(late[0] - expected) < 0.02
    waves = open_sea(grid, times=times)._replace(wet=np.ones((44, 1, 2), bool))  # of a tide: two constituents
    late = column(Correlation(waves, NONE | {"days": 4.0}), (43, 0, 1))
    assert late[43, 0, 1] == pytest.approx(1)
    assert np.count_nonzero(np.abs(late) > 1e-12) == 1


def test_walls_part_and_lengths_below_a_cell_do_nothing():
    grid = ogcm.cartesian(nx=20, ny=16, dx=1e4, dy=1e4)
    sea = open_sea(grid)
    wet = np.ones((16, 20), bool)
    wet[:, 10] = False
    divided = sea._replace(wet=wet.reshape(1, 1, -1))
    found = column(Correlation(divided, NONE | {"length": 3e4}), (0, 0, 8 * 20 + 9)).reshape(16, 20)
    assert found[8, 8] > 0.9
    assert not found[:, 10:].any()
    z = np.random.default_rng(0).normal(size=(1, 1, 320))
    np.testing.assert_allclose(Correlation(sea, NONE | {"length": 10.0}).root(z), z, rtol=0, atol=1e-4)


def test_a_wave_decays_as_of_the_equation():
    """V of a cosine on a line is the cosine over (1 + 4 l^2/dx^2 sin^2(k dx/2))^(M/2), up to the norm."""
    n, dx, L = 64, 2.0, 10.0
    ones, i = np.ones(n), np.arange(n)
    line = Links(dx * ones, i, (i + 1) % n, ones / dx, i, 1)
    wave = np.cos(2 * np.pi * 5 * i / n)[:, None]
    d = Diffusion(line, L)
    decay = (1 + 4 * diffusion.scale_of(L, 1) ** 2 / dx**2 * np.sin(np.pi * 5 / n) ** 2) ** (-M / 2)
    np.testing.assert_allclose(d.root(wave), d.scale * decay * wave, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "lengths", "match"),
    [
        ("T", {"length": -1.0}, "length: -1.0 of T is no length in metres"),
        ("T", {"depth": np.inf}, "depth: inf of T is no length"),
        ("eta", {"depth": 10.0}, "depth: eta of the shape .* has no layers to correlate; leave depth out"),
        ("T", {"days": 1.0}, "days: T of the shape .* has no records"),
        ("nu_h", {"length": 1e4}, "length: nu_h of the shape .* has no points"),
    ],
)
def test_lengths_that_cannot_be_used(name, lengths, match):
    control = Controls(basin(), name).controls[name]
    with pytest.raises(InputError, match=match):
        check_lengths(control, NONE | lengths)


# Two lengths


def test_two_lengths_share_the_variance():
    model = basin()
    narrow, wide = (Estimate("T", 0.5, length=a, depth=100.0) for a in (3e4, 1e5))
    both = narrow._replace(wide_length=1e5, wide_share=0.7)
    controls, rng = Controls(model, "T"), np.random.default_rng(3)
    one, other, found = (scaled_controls([e], controls)["T"] for e in (narrow, wide, both))
    z, x_ad = rng.normal(size=found.shape), rng.normal(size=found.wet.shape)
    assert found.shape == (2, *one.shape)
    np.testing.assert_allclose(
        found.change(z), np.sqrt(0.3) * one.change(z[0]) + np.sqrt(0.7) * other.change(z[1]), atol=1e-15
    )
    scale = np.abs(found.change(z) * x_ad).sum()
    assert abs((found.change(z) * x_ad).sum() - (z * found.change_transpose(x_ad)).sum()) < 1e-13 * scale
    at = tuple(np.argwhere(found.wet)[40])
    assert (found.change_transpose(np.eye(1, found.wet.size, np.ravel_multi_index(at, found.wet.shape))
                                   .reshape(found.wet.shape)) ** 2).sum() == pytest.approx(0.25, rel=0.01)  # fmt: skip


@pytest.mark.parametrize(
    ("length", "wide", "share"), [(0.0, 1e5, 0.5), (1e5, 5e4, 0.5), (5e4, 1e5, 1.0), (5e4, 1e5, 0.0)]
)
def test_second_lengths_that_cannot_be_used(length, wide, share):
    estimate = Estimate("T", 0.5, length=length, wide_length=wide, wide_share=share)
    with pytest.raises(InputError, match="wide_length, wide_share: need a length"):
        scaled_controls([estimate], Controls(basin(), "T"))
