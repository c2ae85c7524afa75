"""Waves and adjustment against linear theory (Gill 1982, Atmosphere-Ocean Dynamics; Vallis 2017)."""

import numpy as np
import pytest

import ogcm
from benchmarks.physics import waves
from ogcm.constants import DAY
from ogcm.grid import interior
from tests.oceans import run

G = 9.81


def shallow_water(grid, **options):
    """One layer, no friction, no tracers."""
    options = {"depth": 100.0, "dz": [100.0], "equation_of_state": "none", "friction": "none"} | options
    return ogcm.Model(grid, parameters={"nu_v": 0.0}, **options)


def test_inertial_period():
    """u + i v = U exp(-i f t): after one period the velocity is back, within 0.1 %."""
    f = 1e-4
    grid = ogcm.cartesian(nx=3, ny=3, dx=1e4, dy=1e4, f0=f, periodic_x=True, periodic_y=True)
    steps = 60
    model = shallow_water(grid, u=0.1, dt=2 * np.pi / f / steps)
    state = run(model, steps).state
    angle = np.angle(state.u[0, 5, 5] + 1j * state.v[0, 5, 5])
    assert abs(angle) < 0.001 * 2 * np.pi
    assert np.hypot(state.u[0, 5, 5], state.v[0, 5, 5]) == pytest.approx(0.1, rel=2e-3)


def phase_speed(eta_before, eta_after, k, dt):
    """From the angle that the wave of number k [m-1] (along i) turned by in dt."""
    n = eta_before.shape[-1]
    basis = np.exp(-2j * np.pi * np.arange(n) / n)
    turned = (eta_after @ basis).mean() / (eta_before @ basis).mean()
    return -np.angle(turned) / (k * dt), abs(turned)


def test_surface_gravity_wave():
    """c = sqrt(g H) within 1 % over a quarter of a period."""
    n, L, H = 64, 1e6, 100.0
    grid = ogcm.cartesian(nx=n, ny=3, dx=L / n, dy=L / n, periodic_x=True, periodic_y=True)
    k, c = 2 * np.pi / L, np.sqrt(G * H)
    dt = L / c / 80
    model = shallow_water(
        grid,
        eta=lambda x, y: 1e-3 * np.cos(k * x),
        u=lambda x, y, z: 1e-3 * c / H * np.cos(k * x),
        free_surface="linear",
        dt=dt,
    )
    before = interior(model.state.eta).copy()
    state = run(model, 20).state
    speed, amplitude = phase_speed(before, interior(state.eta), k, 20 * dt)
    assert speed == pytest.approx(c, rel=0.01)
    assert amplitude == pytest.approx(1, abs=0.01)


def test_kelvin_wave():
    """Trapped at the southern wall, moving east with sqrt(g H) within 1 %."""
    f, H, n = 1e-4, 100.0, 64
    c = np.sqrt(G * H)
    radius, L = c / f, 2e6
    ny = 40
    grid = ogcm.cartesian(nx=n, ny=ny, dx=L / n, dy=5 * radius / ny, f0=f, periodic_x=True)
    k = 2 * np.pi / L
    model = shallow_water(
        grid,
        eta=lambda x, y: 1e-3 * np.exp(-y / radius) * np.cos(k * x),
        u=lambda x, y, z: 1e-3 * c / H * np.exp(-y / radius) * np.cos(k * x),
        free_surface="linear",
        dt=L / c / 100,
    )
    before = interior(model.state.eta).copy()
    state = run(model, 25).state
    speed, amplitude = phase_speed(before, interior(state.eta), k, 25 * model.numerics.dt)
    assert speed == pytest.approx(c, rel=0.01)
    assert amplitude == pytest.approx(1, abs=0.02)
    assert np.abs(state.v).max() < 0.02 * np.abs(state.u).max()


def test_rossby_wave():
    """Westward at -beta/(k^2 + l^2 + f^2/gH) in a channel, within 2 %."""
    f, beta, H, L = 1e-4, 2e-11, 1000.0, 2e6
    n, ny = 64, 32
    k, m = 2 * np.pi / L, np.pi / 1e6
    grid = ogcm.cartesian(nx=n, ny=ny, dx=L / n, dy=1e6 / ny, f0=f, beta=beta, periodic_x=True)
    a = 1e-3
    model = shallow_water(
        grid,
        depth=H,
        dz=[H],
        eta=lambda x, y: a * np.cos(k * x) * np.sin(m * y),
        u=lambda x, y, z: -a * G / f * m * np.cos(k * x) * np.cos(m * y),
        v=lambda x, y, z: -a * G / f * k * np.sin(k * x) * np.sin(m * y),
        free_surface="linear",
        dt=1800.0,
    )
    days = 8
    before = interior(model.state.eta).copy()
    state = run(model, days * 48).state
    row = np.sin(m * (np.arange(ny) + 0.5) * 1e6 / ny)
    speed, _ = phase_speed(row @ before, row @ interior(state.eta), k, days * DAY)
    expected = -beta / (k**2 + m**2 + f**2 / (G * H))
    assert speed == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("case", waves.CASES, ids=lambda case: case.__name__)
def test_case_shared_with_the_benchmark(case):
    assert case().failures() == []


def test_geostrophic_adjustment():
    """A step of the surface keeps a third of the potential energy it releases as motion (Gill 1982, sec. 7.2)."""
    f, H = 1e-4, 100.0
    radius = np.sqrt(G * H) / f
    n = 400
    L = 40 * radius
    a = 0.01
    grid = ogcm.cartesian(nx=n, ny=3, dx=L / n, dy=L / n, f0=f, periodic_y=True)
    model = shallow_water(
        grid, eta=lambda x, y: a * np.sign(x - L / 2), free_surface="linear", dt=600.0, walls="free_slip"
    )
    # Waves leave the middle before they come back from the walls; averaging removes what oscillates.
    stepper, mean, count = ogcm.Stepper(model), None, 0
    x = grid.x_t
    middle = np.abs(x - L / 2) < 5 * radius
    steps = int(1.6 * (L / 2) / np.sqrt(G * H) / 600)
    for step in range(steps):
        stepper.step()
        if step > 0.4 * steps:
            fields = np.stack([interior(model.state.eta)[1], interior(model.state.v)[0, 1]])
            mean = fields if mean is None else mean + fields
            count += 1
    eta, v = mean / count
    kinetic = (0.5 * H * v[middle] ** 2).sum()
    released = (0.5 * G * (a**2 - eta[middle] ** 2)).sum()
    assert kinetic / released == pytest.approx(1 / 3, rel=0.03)
    expected = a * np.sign(x - L / 2) * (1 - np.exp(-np.abs(x - L / 2) / radius))
    assert np.abs(eta - expected)[middle].max() < 0.03 * a


def test_internal_gravity_wave():
    """First vertical mode: c = N H/pi within 1 %, at a step beyond the limit of plain rk3."""
    N, H, L, n, nk = 2e-3, 4000.0, 1e6, 64, 40
    alpha_g = 1.655e-1 / 1026.0 * G
    k, c = 2 * np.pi / L, N * H / np.pi
    grid = ogcm.cartesian(nx=n, ny=3, dx=L / n, dy=L / n, periodic_x=True, periodic_y=True)
    a = 1e-3
    dt = L / c / 40
    model = ogcm.Model(
        grid,
        depth=H,
        dz=np.full(nk, H / nk),
        T=lambda x, y, z: 10 + N**2 * z / alpha_g + a * np.sin(np.pi * z / H) * np.cos(k * x),
        u=lambda x, y, z: -a * alpha_g / (N * N) * c * np.pi / H * np.cos(np.pi * z / H) * np.cos(k * x) * 1.0,
        dt=dt,
        friction="none",
        diffusion="none",
        advection="centred2",
        parameters={"nu_v": 0.0, "kappa_v": 0.0, "kappa_convective": 0.0},
    )
    middle = nk // 2
    before = interior(model.state.T)[middle].copy()
    state = run(model, 20).state
    speed, amplitude = phase_speed(before - before.mean(), interior(state.T)[middle] - before.mean(), k, 20 * dt)
    assert abs(speed) == pytest.approx(c, rel=0.01)
    assert amplitude == pytest.approx(1, abs=0.02)
