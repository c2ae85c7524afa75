"""Upwinding of momentum: nothing for smooth flow, energy out of noise, momentum kept along the vertical."""

import numpy as np
import pytest

import ogcm
from adjoint.random_ocean import random_field
from ogcm.constants import DAY
from ogcm.grid import build_grid, interior
from ogcm.halo import exchange
from ogcm.horizontal_grid import cartesian
from ogcm.operators.momentum_upwinding import upwind_horizontal
from ogcm.operators.vertical_upwinding import upwind_vertical

DX = 1e4


def plane(n=24):
    """A doubly periodic plane of n x n cells in one layer."""
    return build_grid(cartesian(nx=n, ny=n, dx=DX, dy=DX, periodic_x=True, periodic_y=True), 100.0, [100.0])


def flow(grid, u, v):
    """A velocity, functions of the numbers of the cells, with filled halos."""
    nk, nj, ni = grid.h_t.shape
    j, i = np.meshgrid(np.arange(nj) - 3.0, np.arange(ni) - 3.0, indexing="ij")
    fields = [np.zeros((nk, nj, ni)) + u(j, i), np.zeros((nk, nj, ni)) + v(j, i)]
    exchange(grid, *fields)
    return fields


def horizontal(grid, u, v):
    """What the horizontal part adds to the acceleration."""
    G_u, G_v = np.zeros(u.shape), np.zeros(u.shape)
    upwind_horizontal(u, v, grid, G_u, G_v)
    return interior(G_u), interior(G_v)


@pytest.mark.parametrize(
    ("current", "du", "dv"),
    [
        ((0.5, 0.0), lambda j, i: (-1) ** i, lambda j, i: 0),  # divergence, along the current
        ((0.0, -0.5), lambda j, i: 0, lambda j, i: (-1) ** j),
        ((0.5, 0.0), lambda j, i: 0, lambda j, i: (-1) ** i),  # vorticity, along the current
        ((0.0, -0.5), lambda j, i: (-1) ** j, lambda j, i: 0),
    ],
)
def test_noise_of_two_cells_loses_energy(current, du, dv):
    """Noise of 1 cm/s in a current: it is damped as by upwind advection of first order, at a rate of 2 |u|/dx."""
    grid = plane()
    u, v = flow(grid, lambda j, i: current[0] + 0.01 * du(j, i), lambda j, i: current[1] + 0.01 * dv(j, i))
    G_u, G_v = horizontal(grid, u, v)
    work = ((interior(u) - current[0]) * G_u + (interior(v) - current[1]) * G_v).mean()
    assert -2 * 0.51 / DX * 1e-4 < work < -0.2 * 0.5 / DX * 1e-4


def test_noise_across_a_current_is_not_damped():
    grid = plane()
    for G in horizontal(grid, *flow(grid, lambda j, i: 0.5 + 0.01 * (-1) ** j, lambda j, i: 0)):
        assert np.abs(G).max() == 0


def test_of_smooth_flow_the_error_of_second_order_is_removed():
    """What is added to waves in a current falls as dx^2."""
    added = []
    for n in (24, 48):
        grid, K = plane(n), 2 * np.pi / n
        u, v = flow(grid, lambda j, i, K=K: 0.5 + 0.2 * np.sin(K * (j + i)), lambda j, i, K=K: 0.2 * np.cos(K * i))
        G_u, G_v = horizontal(grid, u, v)
        added.append(n * max(np.abs(G_u).max(), np.abs(G_v).max()))  # in a domain of fixed width
    assert 1.8 < np.log2(added[0] / added[1]) < 2.2


def test_uniform_flow_and_uniform_shear_are_left_alone():
    grid = build_grid(cartesian(nx=24, ny=24, dx=DX, dy=DX), 100.0, [100.0])
    u, v = flow(grid, lambda j, i: 0.3 + 0.01 * j, lambda j, i: -0.2 - 0.02 * i)
    for G in horizontal(grid, u, v):
        assert np.abs(G[:, 5:-5, 5:-5]).max() < 1e-18


def test_momentum_is_kept_along_the_vertical():
    """Over a flat bottom, without flow through the surface."""
    grid = build_grid(
        cartesian(nx=6, ny=5, dx=DX, dy=DX, periodic_x=True, periodic_y=True), 400.0, [50.0, 150.0, 200.0]
    )
    rng = np.random.default_rng(0)
    u, v, W = (random_field(grid, kind, rng) for kind in "uvw")
    G_u, G_v = np.zeros(u.shape), np.zeros(u.shape)
    s = np.ones(grid.depth_t.shape)
    upwind_vertical(u, v, W, s, s, grid, G_u, G_v)
    for G, area, h in ((G_u, grid.area_u, grid.h_u), (G_v, grid.area_v, grid.h_v)):
        content = interior(G * area * h)
        assert np.abs(content.sum(axis=0)).max() < 1e-14 * np.abs(content).max()


def test_no_flow_through_the_floor_of_a_face_changes_its_velocity():
    """Over a step, the flow through half of the base of a U cell takes away neither more nor less than its velocity."""
    grid = build_grid(cartesian(nx=4, ny=1, dx=DX, dy=DX), np.array([[100.0, 100.0, 50.0, 50.0]]), [50.0, 50.0])
    u, W = np.where(grid.mask_u, 0.3, 0.0), np.zeros((3, *grid.depth_t.shape))
    W[1, 3, 4] = 1e3  # upwards through the base of the second column, beside the step
    G_u, G_v, s = np.zeros(u.shape), np.zeros(u.shape), np.ones(grid.depth_t.shape)
    still = np.zeros(u.shape)
    upwind_vertical(u, still, W, s, s, grid, G_u, G_v)
    centred = -W[1, 3, 4] * (0.3 - 0.0) / (4 * grid.area_u[3, 4] * 50.0)  # of `momentum_advection`
    assert abs(interior(G_u)[0, 0, 1] + centred) < 1e-12 * abs(centred)


def test_a_rough_ocean_without_friction_stays_calm():
    """Noise of 1 m/s over islands and steps, 100 steps: its energy falls, and faster than without upwinding."""
    energy = {}
    for upwinding in ("none", "all"):
        rng = np.random.default_rng(5)
        model = ogcm.Model(
            ogcm.cartesian(nx=16, ny=12, dx=DX, dy=DX, f0=1e-4, periodic_x=True),
            depth=rng.uniform(100, 400, (12, 16)),
            dz=[50.0, 100.0, 100.0, 150.0],
            u=rng.normal(size=(4, 12, 16)),
            v=rng.normal(size=(4, 12, 16)),
            equation_of_state="none",
            friction="none",
            momentum_upwinding=upwinding,
            dt=100.0,
        )
        ogcm.Simulation(model, days=100 * 100 / DAY, progress=False).run()
        energy[upwinding] = ogcm.diagnostics.kinetic_energy(model)
    assert energy["all"] < 0.5 * energy["none"]
