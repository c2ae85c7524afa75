"""Smagorinsky and Leith: their scaling, their value at rest, their derivatives, their published form."""

import numpy as np
import pytest

from adjoint.random_ocean import random_field, random_grid
from ogcm.grid import build_grid, interior
from ogcm.halo import exchange
from ogcm.horizontal_grid import cartesian
from ogcm.operators.viscosity import EPS_SHEAR, leith, smagorinsky
from tests.oceans import differences

CLOSURES = {"smagorinsky": smagorinsky, "leith": leith}
POWERS = {"smagorinsky": 2, "leith": 3}  # nu grows with this power of C, and of dx where velocities grow with x, or x^2
NU_H = 100.0


def viscosity(closure, u, v, nu_h, C, grid):
    nu = np.full(grid.h_t.shape, np.nan, np.result_type(u, v, nu_h, C))
    CLOSURES[closure](u, v, nu_h, C, grid, nu)
    return interior(nu)


def inputs(grid, seed=0, layers=5):
    """u, v, nu_h and C."""
    rng = np.random.default_rng(seed)
    plane = grid.depth_t.shape
    nu_h, C = rng.uniform(100.0, 300.0, (layers, *plane)), rng.uniform(0.1, 0.3, (1, *plane))
    exchange(grid, nu_h, C)
    return random_field(grid, "u", rng, 0.1), random_field(grid, "v", rng, 0.1), nu_h, C


def periodic_square(n, a):
    return build_grid(cartesian(nx=n, ny=n, dx=a, dy=a, periodic_x=True, periodic_y=True), 100.0, [50.0, 50.0])


def wave(grid, n, size):
    """u = size sin(2 pi j/n), v = size sin(2 pi i/n), the same in cells whatever their width."""
    phase = size * np.sin(2 * np.pi * np.arange(n) / n)
    u, v = np.zeros(grid.h_t.shape), np.zeros(grid.h_t.shape)
    interior(u)[:], interior(v)[:] = phase[:, None], phase
    exchange(grid, u, v)
    return u, v


@pytest.mark.parametrize("no_slip", [False, True])
@pytest.mark.parametrize("closure", CLOSURES)
def test_at_rest_it_is_the_background_and_its_derivative_is_zero(closure, no_slip):
    grid = random_grid(no_slip=no_slip)
    u, v, nu_h, C = inputs(grid)
    still = viscosity(closure, 0 * u, 0 * v, nu_h, C, grid)
    np.testing.assert_array_equal(still, interior(nu_h * grid.mask_t))
    step = viscosity(closure, 1e-30j * u, 1e-30j * v, nu_h + 0j, C + 0j, grid)
    np.testing.assert_array_equal(step.real, still)
    assert (step.imag == 0).all()


@pytest.mark.parametrize("closure", CLOSURES)
def test_scaling_with_the_coefficient_and_the_grid(closure):
    """nu - nu_h ~ C^2 |D| dx^2 or C^3 |grad zeta| dx^3; given velocities in cells, both are ~ C^p dx."""
    n, p = 8, POWERS[closure]
    excess = {}
    for a, coefficient in ((1e4, 0.1), (1e4, 0.2), (2e4, 0.1)):
        grid = periodic_square(n, a)
        u, v = wave(grid, n, 0.1)
        C = np.full((1, *grid.depth_t.shape), coefficient)
        excess[a, coefficient] = viscosity(closure, u, v, NU_H + 0 * C, C, grid) - NU_H
    moving = excess[1e4, 0.1] > 1e-3
    assert moving.any()
    for other, factor in (((1e4, 0.2), 2.0**p), ((2e4, 0.1), 2.0)):
        np.testing.assert_allclose(excess[other][moving] / excess[1e4, 0.1][moving], factor, rtol=1e-4)


def square_at_rest(n, dx, C):
    """A closed square of n x n cells: its horizontal grid and its grid, a coefficient C, and velocities of zero."""
    horizontal = cartesian(nx=n, ny=n, dx=dx, dy=dx)
    grid = build_grid(horizontal, 100.0, [100.0])
    return horizontal, grid, np.full((1, *grid.depth_t.shape), C), np.zeros(grid.h_t.shape), np.zeros(grid.h_t.shape)


def test_smagorinsky_has_its_published_value():
    """Pure strain, u = a x, v = -a y: D_T = 2a, D_S = 0, nu = nu_h + (C dx)^2 2a, and a pure shear with D_S = a."""
    n, dx, a, C = 6, 1e4, 1e-5, 0.2
    horizontal, grid, coefficient, u, v = square_at_rest(n, dx, C)
    interior(u)[:], interior(v)[:] = a * horizontal.x_f, -a * horizontal.y_f[:, None]
    inner = (0, slice(1, -1), slice(1, -1))
    strained = viscosity("smagorinsky", u, v, NU_H + 0 * coefficient, coefficient, grid)[inner]
    np.testing.assert_allclose(strained, NU_H + (C * dx) ** 2 * (2 * a - EPS_SHEAR), rtol=1e-10)
    interior(u)[:], interior(v)[:] = a * horizontal.y_t[:, None], 0.0
    sheared = viscosity("smagorinsky", u, v, NU_H + 0 * coefficient, coefficient, grid)[inner]
    np.testing.assert_allclose(sheared, NU_H + (C * dx) ** 2 * (a - EPS_SHEAR), rtol=1e-9)


def test_leith_has_its_published_value_and_is_blind_to_solid_rotation():
    """u = -b y^2/2, zeta = b y: |grad zeta| = b, nu = nu_h + C^3 dx^3 b."""
    n, dx, b, C = 8, 1e4, 1e-10, 0.5
    horizontal, grid, coefficient, u, v = square_at_rest(n, dx, C)
    inner = (0, slice(2, -2), slice(2, -2))
    interior(u)[:] = -0.5 * b * horizontal.y_t[:, None] ** 2
    curved = viscosity("leith", u, v, NU_H + 0 * coefficient, coefficient, grid)[inner]
    np.testing.assert_allclose(curved, NU_H + (C * dx) ** 3 * b, rtol=1e-5)
    interior(u)[:], interior(v)[:] = -1e-5 * horizontal.y_t[:, None], 1e-5 * horizontal.x_t
    turning = viscosity("leith", u, v, NU_H + 0 * coefficient, coefficient, grid)[inner]
    np.testing.assert_allclose(turning, NU_H, rtol=1e-9)


@pytest.mark.parametrize("closure", CLOSURES)
def test_never_below_the_background_and_zero_on_land(closure):
    grid = random_grid(no_slip=True)
    u, v, nu_h, C = inputs(grid)
    nu, wet = viscosity(closure, u, v, nu_h, C, grid), interior(grid.mask_t) == 1
    assert (nu[wet] >= interior(nu_h)[wet]).all()  # equal in a cell without neighbours
    assert nu[wet].max() > 2 * interior(nu_h).max()
    assert (nu[~wet] == 0).all()


@pytest.mark.parametrize("closure", CLOSURES)
def test_one_layer_and_all_layers_of_the_background_agree(closure):
    grid = random_grid()
    u, v, nu_h, C = inputs(grid, layers=1)
    one, all_layers = (viscosity(closure, u, v, nu, C, grid) for nu in (nu_h, np.repeat(nu_h, 5, 0)))
    np.testing.assert_array_equal(one, all_layers)


@pytest.mark.parametrize("active", range(4))
@pytest.mark.parametrize("closure", CLOSURES)
def test_complex_step_agrees_with_differences(closure, active):
    grid = random_grid(no_slip=True)
    exact, finite = differences(lambda *a: viscosity(closure, *a, grid), inputs(grid), active)
    np.testing.assert_allclose(exact, finite, rtol=0, atol=1e-6 * np.abs(exact).max())
