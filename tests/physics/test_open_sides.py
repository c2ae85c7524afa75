"""Waves, currents and eddies pass through open sides."""

import numpy as np
import pytest
from scipy.special import erf

import ogcm
from ogcm.constants import DAY, GRAVITY
from ogcm.diagnostics.cells import inside
from ogcm.grid import interior

DEPTH, F = 1000.0, 1e-4
CLAMPED = {"flow": "clamped", "water": "clamped"}
AROUND = {"west": True, "east": True, "south": True, "north": True}
SHALLOW = {"depth": DEPTH, "dz": [500.0, 500.0], "equation_of_state": "none"}


def advance(model, days):
    stepper = ogcm.Stepper(model)
    for _ in range(round(days * DAY / model.numerics.dt)):
        stepper.step()
    return model


def energy(model, rest=None):
    """Energy of the surface and of the depth mean of the velocity inside [m3 s-2 per m2 of area]."""
    sea, state = inside(model), {name: interior(getattr(model.state, name)) for name in ("u", "v", "eta")}
    u, v = (state[name] - (0 if rest is None else rest[name]) for name in ("u", "v"))
    east, north = sea & np.roll(sea, -1, 1), sea & np.roll(sea, -1, 0)
    layers = model.dz[:, None, None]
    kinetic = (layers * u**2 * east).sum() + (layers * v**2 * north).sum()
    return 0.5 * (GRAVITY * (state["eta"] ** 2 * sea).sum() + kinetic)


@pytest.mark.parametrize("direction", ["west", "east", "south", "north"])
def test_a_packet_of_gravity_waves_leaves(direction):
    along_x, sign = direction in ("west", "east"), 1 if direction in ("east", "north") else -1
    n = (60, 4) if along_x else (4, 60)
    grid = ogcm.cartesian(nx=n[0], ny=n[1], dx=1e4, dy=1e4, periodic_x=not along_x, periodic_y=along_x)
    speed = np.sqrt(GRAVITY * DEPTH)

    def packet(x, y):
        s = (x if along_x else y) - 3e5
        return 0.1 * np.exp(-((s / 6e4) ** 2)) * np.cos(2 * np.pi * s / 1.2e5)

    def current(x, y, z):
        return sign * GRAVITY / speed * packet(x, y)

    waves = {"eta": packet, "u" if along_x else "v": current}
    opposite = {"west": "east", "east": "west", "south": "north", "north": "south"}[direction]
    sides = ogcm.OpenSides(**{direction: True, opposite: True}, **CLAMPED)
    model = ogcm.Model(grid, open_sides=sides, dt=300.0, free_surface="linear", **waves, **SHALLOW)
    start = energy(model)
    advance(model, 6e5 / speed / DAY)
    assert energy(model) < 0.01 * start


def test_a_kelvin_wave_leaves():
    """Along the southern coast eastwards; the wave is cut off where its amplitude is 1 % of that at the coast."""
    depth = 40.0
    speed = np.sqrt(GRAVITY * depth)
    radius = speed / F

    def wave(x, y):
        return 0.1 * np.exp(-y / radius) * np.exp(-(((x - 8e5) / 2e5) ** 2))

    grid = ogcm.cartesian(nx=90, ny=50, dx=2e4, dy=2e4, f0=F)
    sides = ogcm.OpenSides(west=True, east=True, north=True, **CLAMPED)
    model = ogcm.Model(
        grid, depth=depth, dz=[depth], eta=wave, u=lambda x, y, z: GRAVITY / speed * wave(x, y), open_sides=sides,
        dt=1200.0, equation_of_state="none", free_surface="linear",
    )  # fmt: skip
    start = energy(model)
    advance(model, 4e5 / speed / DAY)
    assert energy(model) > 0.9 * start  # on its way
    advance(model, 1.6e6 / speed / DAY)
    assert energy(model) < 0.01 * start


@pytest.mark.slow
@pytest.mark.parametrize("flow", ["clamped", "radiation"])
def test_a_geostrophic_jet_passes_unchanged_for_60_days(flow):
    width, middle = 5e4, 2e5

    def jet(x, y, z):
        return 0.5 * np.exp(-(((y - middle) / width) ** 2))

    def surface(x, y):
        return -F / GRAVITY * 0.25 * width * np.sqrt(np.pi) * erf((y - middle) / width)

    sides = ogcm.OpenSides(west=True, east=True, eta=surface, u=jet, flow=flow, water="clamped")
    grid = ogcm.cartesian(nx=40, ny=40, dx=1e4, dy=1e4, f0=F)
    model = ogcm.Model(grid, eta=surface, u=jet, open_sides=sides, dt=600.0, **SHALLOW)
    start = interior(model.state.u)[..., :-1].copy()
    advance(model, 60)
    change = interior(model.state.u)[..., :-1] - start
    assert np.sqrt((change**2).mean()) < 0.01 * np.sqrt((start**2).mean())


def eddy_in_a_current(amplitude):
    """A warm eddy in thermal wind balance, which a uniform current of 0.5 m/s carries to the west."""
    current, scale, radius, alpha = -0.5, 300.0, 4e4, 2e-4
    grid = ogcm.cartesian(nx=40, ny=40, dx=1e4, dy=1e4, f0=F)
    dz = np.array([100.0] * 4 + [200.0] * 3)

    def shape(x, y):
        return amplitude * np.exp(-((x - 2e5) ** 2 + (y - 2e5) ** 2) / radius**2)

    def pressure(x, y, z):
        return GRAVITY * alpha * scale * (np.exp(z / scale) - np.exp(-dz.sum() / scale)) * shape(x, y)

    def u(x, y, z):
        return current + 2 * (y - 2e5) / radius**2 * pressure(x, y, z) / F

    def v(x, y, z):
        return -2 * (x - 2e5) / radius**2 * pressure(x, y, z) / F

    def slope(x, y):
        return -F * current / GRAVITY * (y - 2e5)

    sides = ogcm.OpenSides(**AROUND, eta=slope, u=current, T=lambda x, y, z: 10 + 8 * np.exp(z / scale) + 0 * x)
    return ogcm.Model(
        grid, depth=dz.sum(), dz=dz, T=lambda x, y, z: 10 + np.exp(z / scale) * (8 + shape(x, y)), u=u, v=v,
        eta=lambda x, y: slope(x, y) + pressure(x, y, 0.0) / GRAVITY, open_sides=sides, dt=900.0,
        equation_of_state="linear", parameters={"nu_h": 50.0},
    )  # fmt: skip


def departure(model, other):
    """Kinetic and available potential energy of the difference of two oceans inside [m3 s-2 per m2 of area]."""
    sea, layers, gravity = inside(model), model.dz[:, None, None], GRAVITY * 2e-4
    u, v, T = (interior(getattr(model.state, n)) - interior(getattr(other.state, n)) for n in ("u", "v", "T"))
    east, north = sea & np.roll(sea, -1, 1), sea & np.roll(sea, -1, 0)
    gradient = 8 / 300 * np.exp(interior(model.grid.z_t) / 300)  # of the temperature at rest
    return 0.5 * (layers * (u**2 * east + v**2 * north + gravity / gradient * T**2 * sea)).sum()


@pytest.mark.slow
def test_an_eddy_leaves():
    model, without = eddy_in_a_current(1.5), eddy_in_a_current(0.0)
    start = departure(model, without)
    advance(model, 2), advance(without, 2)
    assert departure(model, without) > 0.7 * start  # on its way, 86 km to the west
    advance(model, 10), advance(without, 10)
    assert departure(model, without) < 0.05 * start
