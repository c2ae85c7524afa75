"""The balance between temperature, salinity, sea level and velocity, and the background error of all controls."""

import numpy as np
import pytest

import ogcm
from adjoint.background.balance import Balance
from adjoint.background.joint import Background
from adjoint.controls import Controls
from adjoint.estimates import Estimate, scaled_controls
from ogcm.constants import EARTH_ROTATION, GRAVITY, RHO0
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.operators.equation_of_state import density
from tests.oceans import put_nan_on_land, rough_basin

NAMES = ("T", "S", "eta", "u", "v")


def masks(model):
    """Where the fields have water, in their shapes."""
    wet = {name: interior(getattr(model.grid, f"mask_{name if name in 'uv' else 't'}")) > 0 for name in NAMES}
    return wet | {"eta": wet["eta"][0]}


def basin(**options):
    return put_nan_on_land(rough_basin(equation_of_state="teos10", **options))


def deep(lat=(30.0, 40.0), n=40, nk=60, equation="linear"):
    """A flat sea of 3000 m between two latitudes, at rest, without salinity gradient."""
    grid = ogcm.spherical(lon=np.linspace(0, 10, n + 1), lat=np.linspace(*lat, n + 1))
    T = (5 + 10 * np.exp(-(np.arange(nk) + 0.5) / nk * 3))[:, None, None] * np.ones((nk, n, n))
    return ogcm.Model(
        grid, depth=3000.0, dz=np.full(nk, 3000.0 / nk), T=T, S=35.0, dt=600.0, equation_of_state=equation
    )


@pytest.mark.parametrize("names", [NAMES, ("T", "eta"), ("T", "u", "v"), ("T", "S", "v"), ("T", "tau_x")])
def test_transpose(names):
    """The dot product to 1e-12 on a rough basin with NaN on land, with any of the controls."""
    model, rng = basin(), np.random.default_rng(3)
    balance, wet = Balance.of(model), masks(model)
    wet["tau_x"] = wet["u"][0]
    x, y = ({name: np.where(wet[name], rng.normal(size=wet[name].shape), 0) for name in names} for _ in range(2))
    forward, back = balance.apply(x), balance.transpose(y)
    terms = np.concatenate([(forward[name] * y[name]).ravel() for name in names])
    assert abs(terms.sum() - sum((x[name] * back[name]).sum() for name in names)) < 1e-12 * np.abs(terms).sum()
    for name in names:
        assert np.isfinite(forward[name]).all()
        assert not forward[name][~wet[name]].any()
        assert not back[name][~wet[name]].any()
    changed = {name for name in names if not np.array_equal(forward[name], x[name])}
    assert changed == set(names) - {"T", "tau_x"}
    both = balance.apply({name: x[name] + 1e-30j * y[name] for name in names})
    np.testing.assert_allclose(both[names[-1]].imag / 1e-30, balance.apply(y)[names[-1]], rtol=1e-12, atol=1e-12)


def test_an_eddy_is_in_thermal_wind_balance():
    """A Gaussian of temperature: v = 1/f dp/dx with p = integral from -level to z of b; second order in the cells."""
    level, errors, A, R, H = 1500.0, [], 2.0, 1.2e5, 600.0
    for n in (20, 40, 80):
        model = deep(n=n, nk=3 * n // 2)
        grid, z = model.horizontal, interior(model.grid.z_t)[:, 0, 0]
        balance = Balance.of(model, level=level)
        b_T = balance.b_T[0, 0, 0]  # of the linear equation of state
        metre = ogcm.constants.EARTH_RADIUS * np.radians(1)

        def eddy(lon, lat, metre=metre):
            x, y = (lon - 5) * np.cos(np.radians(35)) * metre, (lat - 35) * metre
            return x, y, A * np.exp(-(x**2 + y**2) / (2 * R**2))

        _, _, at_t = eddy(*np.meshgrid(grid.x_t, grid.y_t))
        T = at_t * np.exp(z / H)[:, None, None]
        found = balance.apply({"T": T} | {name: np.zeros_like(T) for name in "uv"} | {"eta": np.zeros_like(T[0])})
        vertical = (np.exp(z / H) - np.exp(-level / H)) * H * b_T
        np.testing.assert_allclose(found["eta"], b_T * H * (1 - np.exp(-level / H)) / GRAVITY * at_t, rtol=5 / n**2)
        x, _, at_v = eddy(*np.meshgrid(grid.x_t, grid.y_f))
        f_v = 2 * EARTH_ROTATION * np.sin(np.radians(grid.y_f))[:, None]
        slope = np.cos(np.radians(35)) / np.cos(np.radians(grid.y_f))[:, None]  # of x along the circle of latitude
        exact = -x / R**2 * at_v * slope / f_v * vertical[:, None, None]
        inner = np.s_[:, 2:-2, 2:-2]
        errors.append(np.abs(found["v"] - exact)[inner].max() / np.abs(exact).max())
        _, y, at_u = eddy(*np.meshgrid(grid.x_f, grid.y_t))
        f_u = 2 * EARTH_ROTATION * np.sin(np.radians(grid.y_t))[:, None]
        exact = y / R**2 * at_u / f_u * vertical[:, None, None]
        assert np.abs(found["u"] - exact)[inner].max() < 1.5 * errors[-1] * np.abs(exact).max()
    print(errors)
    assert errors[-1] < 0.01
    assert errors[0] / errors[1] > 3
    assert errors[1] / errors[2] > 3


def test_sea_level_is_the_steric_height():
    """Of small changes of T and S in TEOS-10: minus the integral of rho'/rho0 above the level."""
    model = deep(equation="teos10", n=4, nk=30)
    balance, z = Balance.of(model, level=1000.0), interior(model.grid.z_t)
    dT, dS = 1e-3 * np.exp(z / 500), 1e-4 * np.exp(z / 300)
    balance.S_T = np.zeros_like(balance.S_T)
    found = balance.apply({"T": dT, "S": dS, "eta": np.zeros((4, 4))})["eta"]
    T, S = interior(model.state.T), interior(model.state.S)
    change = density(T + dT, S + dS, z) - density(T, S, z)
    np.testing.assert_allclose(found, -(change[:10] * 100.0).sum(axis=0) / RHO0, rtol=1e-4)
    deeper = Balance.of(model, level=1050.0).apply({"T": dT, "S": dS, "eta": np.zeros((4, 4))})["eta"]
    np.testing.assert_allclose(deeper - found, -change[10] * 50.0 / RHO0, rtol=1e-3)


def test_salinity_follows_the_profile():
    """A displaced profile: dS = S_z/T_z dT where T has a gradient, none in the mixed layer."""
    z = -50.0 * (np.arange(20) + 0.5)
    T, S = 10 + 0.01 * np.maximum(z, -800) - 0.01 * np.maximum(z, -100), 35 + 0.001 * z
    grid = ogcm.cartesian(nx=4, ny=4, dx=1e4, dy=1e4)
    fields = {name: a[:, None, None] * np.ones((20, 4, 4)) for name, a in (("T", T), ("S", S))}
    balance = Balance.of(ogcm.Model(grid, depth=1000.0, dz=np.full(20, 50.0), dt=60.0, **fields))
    S_T = balance.S_T[:, 2, 2]
    assert not S_T[:2].any()  # mixed
    np.testing.assert_allclose(S_T[4:14], 0.1 / (1 + 0.01), rtol=1e-6)
    assert np.abs(S_T[17:]).max() < 1e-6  # without a gradient of T


def test_the_equator_and_coasts_are_safe():
    """No flow at the equator, flows of the size of those beside it, also beside coasts and in a small sea."""
    model = deep(lat=(-10.0, 10.0))
    balance, rng = Balance.of(model), np.random.default_rng(0)
    x, y = np.meshgrid(model.horizontal.x_t, model.horizontal.y_t)
    T = np.exp(interior(model.grid.z_t) / 500) * np.cos(x) * np.cos(0.5 * y + 1)
    zero = {name: np.zeros_like(T) for name in "uv"}
    v = balance.apply({"T": T, **zero})["v"]
    latitude = np.abs(model.horizontal.y_f)
    at = np.abs(v).max(axis=(0, 2))
    assert at[latitude < 1e-9].max() < 1e-12
    assert at.max() < 2.5 * at[latitude > 5].max()
    rough = basin()
    wet = masks(rough)
    T = np.where(wet["T"], rng.normal(size=wet["T"].shape), 0)
    zero = {name: np.zeros_like(T) for name in "uv"}
    flow = Balance.of(rough).apply({"T": T, "eta": np.zeros_like(T[0]), **zero})
    assert max(np.abs(flow[name]).max() for name in "uv") < 1.0


def test_pressure_is_that_of_the_model():
    """A run from a balanced change keeps it: the velocity of an eddy changes little in half a day."""
    model = deep(n=40, nk=30)
    z = interior(model.grid.z_t)
    x, y = np.meshgrid(model.horizontal.x_t - 5, model.horizontal.y_t - 35)
    dT = np.exp(z / 600) * np.exp(-(x**2 + y**2) / 2)
    zero = {name: np.zeros_like(dT) for name in "uv"} | {"eta": np.zeros_like(dT[0])}
    changes = Balance.of(model).apply({"T": dT, **zero})
    energies = []
    for balanced in (True, False):
        other = deep(n=40, nk=30)
        start = {
            name: interior(getattr(other.state, name)) + a for name, a in changes.items() if balanced or name == "T"
        }
        other.set(**start)
        before = interior(other.state.v).copy()
        ogcm.Simulation(other, days=0.5, progress=False).run()
        energies.append(np.abs(interior(other.state.v) - before).max() / np.abs(changes["v"]).max())
    print(energies)
    assert energies[0] < 0.1 * energies[1]


# All controls together

ESTIMATES = [
    Estimate("T", 0.5, length=4e4, depth=100.0), Estimate("S", 0.05), Estimate("eta", 0.02, length=4e4),
    Estimate("u", 0.05), Estimate("v", 0.05), Estimate("nu_h", 0.3, logarithm=True),
]  # fmt: skip


def background(balanced=True, estimates=ESTIMATES):
    model = rough_basin(equation_of_state="teos10")
    scaled = scaled_controls(estimates, Controls(model, [e.name for e in estimates]))
    return Background(scaled, Balance.of(model) if balanced else None)


@pytest.mark.parametrize("balanced", [True, False])
def test_background_and_its_transpose(balanced):
    found, rng = background(balanced), np.random.default_rng(2)
    z, way, x_ad = ({n: rng.normal(size=s.wet.shape) for n, s in found.scaled.items()} for _ in range(3))
    values, z_ad = found.values(z), found.transpose(z, x_ad)
    exact = found.values({n: z[n] + 1e-30j * way[n] for n in z})
    terms = np.concatenate([(exact[n].imag / 1e-30 * x_ad[n]).ravel() for n in z])
    assert abs(sum((z_ad[n] * way[n]).sum() for n in z) - terms.sum()) < 1e-12 * np.abs(terms).sum()
    for n, s in found.scaled.items():
        assert np.array_equal(values[n], exact[n].real)
        assert np.array_equal(values[n], s.values(z[n])) == (not balanced or n in ("T", "nu_h")), n
        assert np.isinf(s.bounds()[:, s.wet]).all() or not balanced or n == "nu_h"


def test_balances_that_cannot_be_used():
    with pytest.raises(InputError, match="balance: follows from the error of temperature"):
        background(estimates=ESTIMATES[1:])
    with pytest.warns(UserWarning, match="balance: a change of temperature should also change eta, u;"):
        background(estimates=[e for e in ESTIMATES if e.name not in ("eta", "u")])
    with pytest.raises(InputError, match="balance: adds changes of T, which is no logarithm"):
        background(estimates=[Estimate("T", 0.1, logarithm=True)])
    with pytest.raises(InputError, match="level: a depth"):
        Balance.of(deep(n=4, nk=4), level=-5.0)
    none = ogcm.Model(
        ogcm.cartesian(nx=4, ny=4, dx=1e4, dy=1e4), depth=10.0, dz=[10.0], dt=60.0, equation_of_state="none"
    )
    with pytest.raises(InputError, match="balance: needs the density"):
        Balance.of(none)
