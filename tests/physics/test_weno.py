"""WENO advection: no new extrema, the same for a tracer of any range, and first order beside walls."""

import numba
import numpy as np
import pytest

import ogcm
from adjoint.random_ocean import random_field, random_grid
from benchmarks.physics.case import PASSIVE, advance
from ogcm.grid import build_grid, interior
from ogcm.horizontal_grid import cartesian
from ogcm.operators.weno import advect_tracer_weno5, reconstruct


@numba.njit
def reconstructed(d1, d2, d3, d4):
    """`reconstruct`, which only compiled code calls."""
    return reconstruct(d1, d2, d3, d4)


def step_carried_around(courant, scale=1.0, precision="float64"):
    """A step of passive tracer of height `scale` in 100 cells of a current, once around: the extremes at any time."""
    grid = ogcm.cartesian(nx=100, ny=3, dx=1e4, dy=1e4, periodic_x=True, periodic_y=True)
    model = ogcm.Model(
        grid,
        depth=10.0,
        dz=[10.0],
        u=1.0,
        tracers={"dye": ogcm.Tracer(initial=lambda x, y, z: scale * (np.abs(x - 4e5) < 2e5), advection="weno5")},
        parameters=PASSIVE,
        friction="none",
        diffusion="none",
        precision=precision,
        dt=courant * 1e4,
    )
    extremes = advance(model, round(100 / courant), lambda s: (interior(s.dye).min(), interior(s.dye).max()))
    return extremes[:, 0].min() / scale, extremes[:, 1].max() / scale, interior(model.state.dye)[0, 1] / scale


@pytest.mark.parametrize("courant", [0.1, 0.3, 0.6])
def test_a_step_makes_no_new_extremum(courant):
    lowest, highest, _ = step_carried_around(courant)
    assert lowest > -1e-7
    assert highest < 1 + 1e-7


@pytest.mark.parametrize(("scale", "precision", "tolerance"), [(1e-12, "float64", 1e-7), (1e-6, "float32", 1e-4)])
def test_a_dye_of_any_range_is_carried_alike(scale, precision, tolerance):
    *_, unit = step_carried_around(0.3)
    lowest, highest, dye = step_carried_around(0.3, scale, precision)
    np.testing.assert_allclose(dye, unit, rtol=0, atol=tolerance)
    assert lowest > -2 * tolerance
    assert highest < 1 + 2 * tolerance


def tendency(T, grid, seed=0):
    """The tendency of a tracer in random transports."""
    rng, out = np.random.default_rng(seed), np.zeros(T.shape)
    U, V, W = (random_field(grid, kind, rng, 1e6) for kind in ("u", "v", "W"))
    advect_tracer_weno5(T, U, V, W, 100.0, grid, out)
    return interior(out)


def test_the_flux_is_proportional_to_the_tracer():
    grid = random_grid(periodic_x=True)
    T = random_field(grid, "t", np.random.default_rng(1))
    expected = tendency(T, grid)
    for factor in (1e-9, -1.0, 1e9):
        np.testing.assert_allclose(tendency(factor * T, grid) / factor, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ((1.0, 1.0, 1.0, 1.0), 1 / 2),  # a line
        ((-3.0, -1.0, 1.0, 3.0), 1 / 6),  # a parabola, x at its vertex: x^2/2 - ... at the face
        ((0.0, 0.0, 0.0, 7.0), 0.0),  # the parabolas over equal cells alone
        ((0.0, 0.0, 7.0, 0.0), 0.0),
        ((7.0, 0.0, 0.0, 0.0), 0.0),
        ((0.0, 0.0, 0.0, 0.0), 0.0),
    ],
)
def test_reconstruction(differences, expected):
    assert abs(reconstructed(*differences) - expected) < 1e-9


def test_hardly_any_difference_is_reconstructed_linearly():
    d = 1e-24 * np.array([1.0, -2.0, 0.5, 3.0])
    weights, values = (0.1, 0.6, 0.3), (5 * d[1] - 2 * d[0], d[1] + 2 * d[2], 4 * d[2] - d[3])
    linear = sum(w * q for w, q in zip(weights, values, strict=True)) / 6
    assert abs(reconstructed(*d) - linear) < 1e-4 * np.abs(d).max()


def test_flow_from_a_wall_carries_the_cell_and_flow_along_one_makes_no_extremum():
    """A step beside a wall: with one cell of water behind the face the flux is U x."""
    grid = build_grid(cartesian(nx=8, ny=1, dx=1.0, dy=1.0), 1.0, [1.0])
    T, out, still = np.full(grid.h_t.shape, np.nan), np.zeros(grid.h_t.shape), np.zeros(grid.h_t.shape)
    interior(T)[0, 0] = [3.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0]
    U = np.ones(grid.h_t.shape) * grid.mask_u
    advect_tracer_weno5(T, U, still, np.zeros((2, *grid.depth_t.shape)), 1.0, grid, out)
    np.testing.assert_allclose(interior(out)[0, 0], [-3.0, -7.0, 0, 0, 0, 0, 0, 10.0], rtol=0, atol=1e-4)
