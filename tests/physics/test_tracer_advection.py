"""Tracer advection: order, bounds and conservation of its kernels."""

import os
import subprocess
import sys

import numpy as np
import pytest

from adjoint.random_ocean import random_field, random_grid
from ogcm.grid import add_halo, build_grid, interior
from ogcm.horizontal_grid import cartesian
from ogcm.operators.layers import continuity
from ogcm.operators.tracer_advection import ADVECTION


def flow(grid, rng):
    """Random transports that a basin of still layers can hold: W from continuity, the rest through W_0."""
    U, V = random_field(grid, "u", rng, 1e6), random_field(grid, "v", rng, 1e6)
    W = np.zeros((U.shape[0] + 1, *U.shape[1:]))
    continuity(U, V, np.zeros(U.shape[1:]), grid, W)
    return U, V, W


@pytest.mark.parametrize("scheme", ADVECTION)
def test_constant_tracer_feels_only_the_divergence(scheme):
    grid = random_grid(nonlinear=False, periodic_x=True)
    U, V, W = flow(grid, np.random.default_rng(0))
    out = np.zeros(U.shape)
    ADVECTION[scheme](7.0 * grid.mask_t, U, V, W, 100.0, grid, out)
    assert np.abs(interior(out)).max() < 1e-13 * 7.0 * np.abs(W / grid.area_t).max()


@pytest.mark.parametrize("scheme", ADVECTION)
def test_total_changes_only_through_the_surface(scheme):
    grid = random_grid(nonlinear=False)
    rng = np.random.default_rng(1)
    T, (U, V, W) = random_field(grid, "t", rng), flow(grid, rng)
    W[0] = 0
    out = np.zeros(U.shape)
    ADVECTION[scheme](T, U, V, W, 100.0, grid, out)
    content = interior(out * grid.area_t)
    assert abs(content.sum()) < 1e-13 * np.abs(content).sum()


@pytest.mark.parametrize(("scheme", "order"), [("centred2", 2), ("upwind3", 3), ("weno5", 5)])
def test_order_of_convergence(scheme, order):
    """d(sin x)/dx along each direction on a doubly periodic plane (means over cells, so the order shows)."""
    errors = []
    for n in (16, 32):
        dx = 2 * np.pi / n
        grid = build_grid(cartesian(nx=n, ny=n, dx=dx, dy=dx, periodic_x=True, periodic_y=True), 1.0, [1.0])
        edges = np.arange(n + 1) * dx
        mean = (np.cos(edges[:-1]) - np.cos(edges[1:])) / dx
        slope = (np.sin(edges[1:]) - np.sin(edges[:-1])) / dx
        worst = 0.0
        for axis, (u, v) in enumerate([(1.0, 0.0), (0.0, 1.0)]):
            field = mean[None, :] + np.zeros((n, 1)) if axis == 0 else mean[:, None] + np.zeros((1, n))
            exact = slope[None, :] if axis == 0 else slope[:, None]
            T = add_halo(field[None], (True, True))
            U, V = np.full(T.shape, u * dx), np.full(T.shape, v * dx)
            out = np.zeros(T.shape)
            ADVECTION[scheme](T, U, V, np.zeros((2, *T.shape[1:])), 0.1 * dx, grid, out)
            worst = max(worst, np.abs(interior(out)[0] + exact).max())
        errors.append(worst)
    assert np.log2(errors[0] / errors[1]) > order - 0.1


@pytest.mark.parametrize(("scheme", "order"), [("centred2", 2), ("upwind3", 3), ("weno5", 5)])
def test_order_of_convergence_along_the_vertical(scheme, order):
    """A sine in a column of uniform upward flow, away from the surface and the bottom, where the stencil is cut."""
    errors = []
    for n in (32, 64):
        grid = build_grid(cartesian(nx=1, ny=1, dx=1.0, dy=1.0), 1.0, np.full(n, 1 / n))
        phase = 2 * np.pi * np.linspace(0, -1, n + 1)
        mean = np.diff(-np.cos(phase)) / np.diff(phase)
        slope = 2 * np.pi * np.diff(np.sin(phase)) / np.diff(phase)
        U, W, out = np.zeros(grid.h_t.shape), np.ones((n + 1, *grid.depth_t.shape)), np.zeros(grid.h_t.shape)
        ADVECTION[scheme](mean[:, None, None] * grid.mask_t, U, U, W, 0.1 / n, grid, out)
        middle = slice(n // 4, -n // 4)
        errors.append(np.abs(interior(out)[:, 0, 0] * n + slope)[middle].max())
    assert np.log2(errors[0] / errors[1]) > order - 0.1


def test_monotone_makes_no_new_extremum():
    """One turn of Zalesak's slotted disk (1979, doi 10.1016/0021-9991(79)90051-2), CFL sum below 1/2."""
    n, steps = 100, 850
    grid = build_grid(cartesian(nx=n, ny=n, dx=1.0, dy=1.0), 1.0, [1.0])
    # The streamfunction of solid rotation, at the corners, levelled off before the walls.
    x = np.arange(-3, n + 4) + 0.0
    X, Y = np.meshgrid(x, x)
    psi = 0.5 * np.minimum((X - n / 2) ** 2 + (Y - n / 2) ** 2, (0.47 * n) ** 2) * (2 * np.pi / steps)
    U = -(psi[1:, 1:] - psi[:-1, 1:])[None] * grid.mask_u
    V = (psi[1:, 1:] - psi[1:, :-1])[None] * grid.mask_v
    centre = np.arange(n) + 0.5
    XC, YC = np.meshgrid(centre, centre)
    disk = (XC - n / 2) ** 2 + (YC - 0.72 * n) ** 2 < (0.15 * n) ** 2
    disk &= ~((np.abs(XC - n / 2) < 0.03 * n) & (0.78 * n > YC))
    T = add_halo(disk[None].astype(float), (False, False))
    W, out = np.zeros((2, *T.shape[1:])), np.zeros(T.shape)
    assert (np.abs(U) + np.abs(V)).max() < 0.5
    for _ in range(steps):
        ADVECTION["monotone"](T, U, V, W, 1.0, grid, out)
        T += out * grid.mask_t
    result = interior(T)[0]
    assert result.min() > -1e-12
    assert result.max() < 1 + 1e-12
    assert abs(result.sum() - disk.sum()) < 1e-12 * disk.sum()
    assert np.abs(result - disk).sum() < 0.5 * disk.sum()


@pytest.mark.parametrize("scheme", ADVECTION)
def test_nan_in_land_changes_nothing(scheme):
    grid, rng = random_grid(), np.random.default_rng(2)
    T, (U, V, W) = random_field(grid, "t", rng), flow(grid, rng)
    clean, dirty = np.zeros(T.shape), np.zeros(T.shape)
    ADVECTION[scheme](T, U, V, W, 100.0, grid, clean)
    ADVECTION[scheme](np.where(grid.mask_t, T, 1e30), U, V, W, 100.0, grid, dirty)
    np.testing.assert_array_equal(interior(clean * grid.mask_t), interior(dirty * grid.mask_t))


def test_bounds_are_kept():
    """The halo is wide enough for every stencil: the dot-product test with Numba's bounds check."""
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "from adjoint.random_ocean import random_grid, random_field, mask_of\n"
        "from adjoint.registry import PAIRS\n"
        "import numpy as np\n"
        "grid, rng = random_grid(nx=4, ny=3), np.random.default_rng(0)\n"
        "for pair in PAIRS.values():\n"
        "    x = [random_field(grid, k, rng, s) for k, s in pair.inputs.values()]\n"
        "    y = [random_field(grid, k, rng) for k in pair.outputs.values()]\n"
        "    c = pair.constants(grid, np.dtype(float))\n"
        "    pair.forward(*x, *c, grid, *[a.copy() for a in y])\n"
        "    pair.adjoint(*x, *c, grid, *y, *[0 * a for a in x])\n"
        "print('within bounds')\n"
    )
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert "within bounds" in run.stdout, run.stderr
