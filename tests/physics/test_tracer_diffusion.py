"""Horizontal diffusion: symmetric, conserving, variance falling, exact on parabolas, of second order."""

import numpy as np
import pytest

from adjoint.random_ocean import random_field, random_grid
from ogcm.grid import HALO, build_grid, interior
from ogcm.halo import exchange
from ogcm.horizontal_grid import cartesian
from ogcm.operators.tracer_diffusion import diffuse_tracer, tracer_laplacian
from tests.oceans import differences

BASINS = [{}, {"periodic_x": True}, {"periodic_x": True, "periodic_y": True}]
INNER = (slice(None), slice(HALO + 1, -HALO - 1), slice(HALO + 1, -HALO - 1))


def diffusion(T, kappa, grid):
    out = np.zeros(grid.h_t.shape, np.result_type(T, kappa))
    diffuse_tracer(T, kappa, grid, out)
    return out


def laplacian(T, grid):
    L = np.full(T.shape, np.nan, T.dtype)
    tracer_laplacian(T, grid, L)
    L = np.where(grid.mask_t, L, 0)
    exchange(grid, L)
    return L


def biharmonic(T, kappa4, grid):
    return diffusion(laplacian(T, grid), -kappa4, grid)


def inputs(grid, seed=0, layers=5):
    """T and a diffusivity that varies threefold."""
    rng = np.random.default_rng(seed)
    kappa = rng.uniform(100.0, 300.0, (layers, *grid.depth_t.shape))
    exchange(grid, kappa)
    return random_field(grid, "t", rng), kappa


def one_layer(n, function, widths=None, periodic=True):
    """A grid of n x n cells of one layer, and `function` of its T points."""
    widths = 1.0 if widths is None else widths
    horizontal = cartesian(nx=n, ny=n, dx=widths, dy=widths, periodic_x=periodic, periodic_y=periodic)
    grid = build_grid(horizontal, 1.0, [1.0])
    T = np.zeros(grid.h_t.shape)
    interior(T)[:] = function(horizontal.x_t, horizontal.y_t[:, None])
    exchange(grid, T)
    return grid, T


@pytest.mark.parametrize("operator", [diffusion, biharmonic])
@pytest.mark.parametrize("basin", BASINS)
def test_symmetric_in_the_product_weighted_with_area(operator, basin):
    """The biharmonic operator for a uniform kappa4."""
    grid = random_grid(**basin)
    (x, kappa), (y, _) = inputs(grid), inputs(grid, seed=1)
    kappa = kappa if operator is diffusion else np.full_like(kappa, 1e10)
    one = interior(grid.area_t * y * operator(x, kappa, grid))
    other = interior(grid.area_t * x * operator(y, kappa, grid))
    assert abs(one.sum() - other.sum()) < 1e-13 * np.abs(one).sum()


@pytest.mark.parametrize("operator", [diffusion, biharmonic])
@pytest.mark.parametrize("basin", BASINS)
def test_content_stays_and_variance_falls(operator, basin):
    grid = random_grid(**basin)
    for seed in range(5):
        T, kappa = inputs(grid, seed)
        gain = interior(grid.area_t * operator(T, kappa if operator is diffusion else 1e10 + 0 * kappa, grid))
        assert abs(gain.sum()) < 1e-14 * np.abs(gain).sum()
        assert (interior(T) * gain).sum() < -0.1 * np.abs(interior(T) * gain).sum()
        assert (gain[interior(grid.mask_t) == 0] == 0).all()


def test_a_constant_stays():
    grid = random_grid()
    constant = 7.0 * grid.mask_t
    assert (interior(diffusion(constant, inputs(grid)[1], grid)) == 0).all()
    assert (interior(laplacian(constant, grid)) == 0).all()


@pytest.mark.parametrize(
    ("function", "curvature"), [(lambda x, y: 3 * x - 2 * y + 1, 0), (lambda x, y: x * x + y * x, 2)]
)
def test_exact_on_low_polynomials(function, curvature):
    """Even spacing and a diffusivity of 5: linear functions and parabolas, away from the walls."""
    grid, T = one_layer(8, function, periodic=False)
    np.testing.assert_allclose(diffusion(T, np.full_like(T, 5.0), grid)[INNER], 5 * curvature, atol=1e-12)
    np.testing.assert_allclose(laplacian(T, grid)[INNER], curvature, atol=1e-12)


def test_a_linear_function_on_uneven_cells():
    """The fluxes of a linear function are exact wherever the faces are: its Laplacian is 0."""
    grid, T = one_layer(8, lambda x, y: 3 * x - 2 * y, widths=np.linspace(1, 2, 8), periodic=False)
    np.testing.assert_allclose(laplacian(T, grid)[INNER], 0, atol=1e-13)


@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("power", [1, 2])
def test_order_of_accuracy(uneven, power):
    """sin x cos y: -2 kappa T, and -4 kappa4 T. On smoothly stretched cells the mean error falls with dx^2 as well."""
    errors = []
    for n in (16, 32, 64):
        width = 2 * np.pi / n * (1 + 0.2 * uneven * np.cos(2 * np.pi * (np.arange(n) + 0.5) / n))
        grid, T = one_layer(n, lambda x, y: np.sin(x) * np.cos(y), widths=width)
        one = np.ones_like(T)
        tendency = diffusion(T, one, grid) if power == 1 else biharmonic(T, one, grid)
        errors.append(np.sqrt(interior(grid.area_t * (tendency + 2**power * T) ** 2).sum()))
    orders = np.log2(errors[0] / errors[1]), np.log2(errors[1] / errors[2])
    np.testing.assert_allclose(orders, 2.0, atol=0.15)


def test_one_layer_and_all_layers_of_a_coefficient_agree():
    grid = random_grid()
    T, kappa = inputs(grid, layers=1)
    np.testing.assert_array_equal(diffusion(T, kappa, grid), diffusion(T, np.repeat(kappa, 5, 0), grid))


def test_nothing_passes_through_land():
    """Two seas on the sides of a wall keep their contents; NaN on land has no effect."""
    horizontal = cartesian(nx=7, ny=5, dx=1e4, dy=1e4)
    depth = np.full((5, 7), 100.0)
    depth[:, 3] = 0.0
    grid = build_grid(horizontal, depth, [100.0])
    T, kappa = inputs(grid, layers=1)
    dry = grid.mask_t == 0
    clean = diffusion(T, kappa, grid)
    dirty = diffusion(np.where(dry, np.nan, T), np.where(dry, np.nan, kappa), grid)
    np.testing.assert_array_equal(clean[~dry], dirty[~dry])
    west = interior(clean)[:, :, :3]
    assert abs(west.sum()) < 1e-14 * np.abs(west).sum()


@pytest.mark.parametrize("active", range(2))
def test_complex_step_agrees_with_differences(active):
    grid = random_grid()
    exact, finite = differences(lambda *a: diffusion(*a, grid), inputs(grid), active)
    np.testing.assert_allclose(exact, finite, rtol=0, atol=1e-8 * np.abs(exact).max())
