"""Horizontal friction: symmetric, dissipative, without torque on solid rotation, of second order."""

import numpy as np
import pytest

from adjoint.random_ocean import DZ, random_field, random_grid
from ogcm.grid import HALO, build_grid, interior
from ogcm.halo import exchange
from ogcm.horizontal_grid import cartesian, spherical
from ogcm.operators.friction import stress_divergence
from tests.oceans import differences

BASINS = [{}, {"no_slip": True}, {"periodic_x": True}, {"periodic_x": True, "periodic_y": True, "no_slip": True}]
STEP = 1e-30


def friction(u, v, nu, grid):
    G = [np.zeros(grid.h_t.shape, np.result_type(u, v, nu)) for _ in range(2)]
    stress_divergence(u, v, nu, grid, *G)
    return G


def biharmonic(u, v, nu4, grid):
    L = friction(u, v, np.ones((1, *u.shape[1:])), grid)
    exchange(grid, *L)
    return friction(*L, -nu4, grid)


def inputs(grid, seed=0, layers=5):
    """u, v, and a viscosity that varies threefold."""
    rng = np.random.default_rng(seed)
    nu = rng.uniform(100.0, 300.0, (layers, *grid.depth_t.shape))
    exchange(grid, nu)
    return random_field(grid, "u", rng), random_field(grid, "v", rng), nu


def product(grid, a, b):
    """<a, b>, weighted with the volumes of the faces: (sum, sum of magnitudes)."""
    volumes = (grid.area_u * grid.h_u, grid.area_v * grid.h_v)
    terms = [interior(volume * x * y) for volume, x, y in zip(volumes, a, b, strict=True)]
    return sum(t.sum() for t in terms), sum(np.abs(t).sum() for t in terms)


@pytest.mark.parametrize("operator", [friction, biharmonic])
@pytest.mark.parametrize("basin", BASINS)
def test_symmetric_in_the_product_weighted_with_volume(operator, basin):
    """Laplacian. The biharmonic operator L nu4 L is not symmetric for a varying nu4, but is for a uniform one."""
    grid = random_grid(**basin)
    x, y = inputs(grid), inputs(grid, seed=1)
    nu = x[2] if operator is friction else np.full_like(x[2][:1], 1e10)
    one, size = product(grid, y[:2], operator(*x[:2], nu, grid))
    other, _ = product(grid, x[:2], operator(*y[:2], nu, grid))
    assert abs(one - other) < 1e-13 * size


@pytest.mark.parametrize("operator", [friction, biharmonic])
@pytest.mark.parametrize("basin", BASINS)
def test_energy_only_falls(operator, basin):
    grid = random_grid(**basin)
    for seed in range(5):
        u, v, nu = inputs(grid, seed)
        work, size = product(grid, (u, v), operator(u, v, nu if operator is friction else 1e10 + 0 * nu, grid))
        assert -1 <= work / size < -0.1


def test_work_is_the_sum_over_the_squared_strain():
    """The docstring's -sum nu h (area_t D_T^2 + area_f D_S^2), over one uniform layer without walls."""
    n, depth, nu, a = 8, 100.0, 300.0, 2e4
    grid = build_grid(cartesian(nx=n, ny=n, dx=a, dy=a, periodic_x=True, periodic_y=True), depth, [depth])
    u, v, _ = inputs(grid)
    work, _ = product(grid, (u, v), friction(u, v, np.full_like(u, nu), grid))
    tension = (u - np.roll(u, 1, -1)) / a - (v - np.roll(v, 1, -2)) / a
    shear = (np.roll(u, -1, -2) - u) / a + (np.roll(v, -1, -1) - v) / a
    assert work == pytest.approx(-nu * depth * a**2 * interior(tension**2 + shear**2).sum(), rel=1e-13)


def test_no_torque_on_solid_rotation():
    """On the plane u = -Omega y, v = Omega x; on the sphere u = Omega R cos(lat), any rotation about the axis."""
    flat = cartesian(nx=12, ny=10, dx=np.linspace(1e4, 2e4, 12), dy=np.linspace(2e4, 1e4, 10))
    globe = spherical(lon=np.linspace(0, 360, 13), lat=np.linspace(-60, 60, 11))
    inner = (slice(None), slice(HALO + 1, -HALO - 1), slice(HALO + 1, -HALO - 1))
    for horizontal in (flat, globe):
        grid = build_grid(horizontal, 500.0, DZ)
        u, v = np.zeros(grid.h_t.shape), np.zeros(grid.h_t.shape)
        if horizontal is flat:
            interior(u)[:], interior(v)[:] = -1e-5 * flat.y_t[:, None], 1e-5 * flat.x_t
        else:
            interior(u)[:] = 1e-6 * 6.371e6 * np.cos(np.radians(globe.y_t))[:, None]
        exchange(grid, u, v)
        sheared = friction(u, np.zeros_like(v), np.full_like(u, 1e3), grid)[0] if horizontal is flat else None
        for G in friction(u, v, np.full_like(u, 1e3), grid):
            assert np.abs(G[inner]).max() < 1e-12 * 1e3 * np.abs(u).max() / 1e8
        assert sheared is None or np.abs(sheared[inner]).max() < 1e-15  # u(y) alone is linear: no divergence either


@pytest.mark.parametrize("no_slip", [False, True])
def test_momentum_stays_without_walls(no_slip):
    """Periodic and flat: the stress is a flux of momentum. An island takes momentum only where the wall is no-slip."""
    n = 8
    horizontal = cartesian(nx=n, ny=n, dx=2e4, dy=2e4, periodic_x=True, periodic_y=True)
    depth = np.full((n, n), 100.0)
    for island in (False, True):
        if island:
            depth[3:5, 3:5] = 0.0
        grid = build_grid(horizontal, depth, [100.0], no_slip=no_slip)
        u, v = grid.mask_u * 1.0, grid.mask_v * 0.0
        G = friction(u, v, np.full_like(u, 100.0), grid)[0]
        total = interior(G * grid.area_u * grid.h_u).sum()
        if not island:
            assert total == 0
        else:
            assert total < 0  # the normal stress of a flow that ends at the wall, and more where it sticks to the sides


def test_no_slip_walls_stop_the_flow_beside_them_and_free_slip_do_not():
    """A uniform flow along the walls of a channel: nu du/dy at the wall is taken over half a cell, 2 u/dy."""
    ny, dy, nu = 6, 1e4, 100.0
    horizontal = cartesian(nx=4, ny=ny, dx=2e4, dy=dy, periodic_x=True)
    for no_slip, decay in ((False, 0.0), (True, -2 * nu / dy**2)):
        grid = build_grid(horizontal, 100.0, [100.0], no_slip=no_slip)
        u = np.where(grid.mask_u, 0.5, 0.0)
        G = interior(friction(u, 0 * u, np.full((1, *u.shape[1:]), nu), grid)[0])[0, :, 0]
        np.testing.assert_allclose(G, 0.5 * decay * np.array([1, 0, 0, 0, 0, 1]), atol=1e-20)


def test_friction_at_a_wall_has_the_viscosity_of_the_water():
    """The result does not depend on the viscosity on land, where a flow-dependent one is 0 or NaN."""
    grid = random_grid(no_slip=True)
    u, v, nu = inputs(grid)
    expected = friction(u, v, nu, grid)
    for value in (0.0, np.nan, 1e9):
        for one, other in zip(expected, friction(u, v, np.where(grid.mask_t, nu, value), grid), strict=True):
            wet = one != 0
            np.testing.assert_array_equal(one[wet], other[wet])


def test_one_layer_and_all_layers_of_a_coefficient_agree():
    grid = random_grid(no_slip=True)
    u, v, nu = inputs(grid, layers=1)
    for one, all_layers in zip(friction(u, v, nu, grid), friction(u, v, np.repeat(nu, 5, 0), grid), strict=True):
        np.testing.assert_array_equal(one, all_layers)


@pytest.mark.parametrize("uneven", [False, True])
def test_order_of_accuracy(uneven):
    """Non-divergent flow in a periodic square: the stress divergence is nu times the Laplacian."""
    errors = []
    for n in (16, 32, 64):
        width = 2 * np.pi / n * (1 + 0.2 * uneven * np.cos(2 * np.pi * (np.arange(n) + 0.5) / n))
        grid_h = cartesian(nx=n, ny=n, dx=width, dy=width, periodic_x=True, periodic_y=True)
        grid = build_grid(grid_h, 1.0, [1.0])
        u, v = np.zeros(grid.h_t.shape), np.zeros(grid.h_t.shape)
        interior(u)[:] = np.sin(grid_h.x_f) * np.cos(grid_h.y_t)[:, None]
        interior(v)[:] = -np.cos(grid_h.x_t) * np.sin(grid_h.y_f)[:, None]
        exchange(grid, u, v)
        G = friction(u, v, np.ones((1, *u.shape[1:])), grid)
        volume = interior(grid.area_u)
        errors.append(np.sqrt((volume * interior(G[0] + 2 * u) ** 2).sum()))
    order = np.log2(errors[0] / errors[1]), np.log2(errors[1] / errors[2])
    np.testing.assert_allclose(order, 2.0, atol=0.15)


@pytest.mark.parametrize("active", range(3))
def test_complex_step_agrees_with_differences(active):
    grid = random_grid(no_slip=True)
    x = inputs(grid)
    exact, finite = differences(lambda *a: np.stack(friction(*a, grid)), x, active)
    np.testing.assert_allclose(exact, finite, rtol=0, atol=1e-8 * np.abs(exact).max())
