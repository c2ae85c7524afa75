"""Coarse-graining of a fine ocean: what it conserves, bottoms that differ, grids that do not fit."""

import numpy as np
import pytest

import ogcm
from adjoint.random_ocean import random_field
from nn.coarse_graining import CoarseGraining
from nn.records import set_fields
from ogcm import diagnostics
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.operators.layers import stretch, transports
from ogcm.state import Stretching
from ogcm.variables import wet_points
from tests.oceans import rough_basin

ROWS, COLUMNS = 2, 3  # fine cells in a coarse one


def blocks(a):
    """Sums over the fine cells of each coarse one, cell by cell."""
    out = np.zeros((*a.shape[:-2], a.shape[-2] // ROWS, a.shape[-1] // COLUMNS))
    for j in range(a.shape[-2]):
        for i in range(a.shape[-1]):
            out[..., j // ROWS, i // COLUMNS] += a[..., j, i]
    return out


def pair(fine_depth=400.0, coarse_depth=400.0, **options):
    """One uneven ocean, periodic along x, on 8 x 12 and on 4 x 4 cells; the fine state is random."""
    rng = np.random.default_rng(2)
    dx, dy = rng.uniform(1e4, 2e4, 12), rng.uniform(1e4, 2e4, 8)
    models = []
    for depth, x, y in ((fine_depth, dx, dy), (coarse_depth, dx.reshape(-1, 3).sum(1), dy.reshape(-1, 2).sum(1))):
        grid = ogcm.cartesian(nx=len(x), ny=len(y), dx=x, dy=y, f0=1e-4, periodic_x=True)
        models.append(ogcm.Model(grid, depth=depth, dz=[50, 100, 100, 150], dt=600.0, **options))
    fine, coarse = models
    for name, kind, size in (
        ("u", "u3", 0.3),
        ("v", "v3", 0.3),
        ("eta", "t2", 1.0),
        ("T", "t3", 5.0),
        ("S", "t3", 1.0),
    ):
        getattr(fine.state, name)[...] += random_field(fine.grid, kind, rng, size)
    return fine, coarse


def grained(fine, coarse):
    """The coarse model with the state of the fine one; and the fields."""
    fields = CoarseGraining(fine, coarse)(fine.state)
    set_fields(coarse.state, coarse, fields)
    return fields


def divergence(model):
    """Outflow of each cell [m3 s-1] by the kernels of the stepper."""
    state, grid = model.state, model.grid
    s, U, V = Stretching.ones(grid, state.u.dtype), np.zeros_like(state.u), np.zeros_like(state.v)
    stretch(state.eta, grid, *s)
    transports(state.u, state.v, s.u, s.v, grid, U, V)
    exchange(grid, U, V)
    return interior(U - np.roll(U, 1, axis=2) + V - np.roll(V, 1, axis=1))


def close(a, b, tolerance=1e-13):
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max())


@pytest.mark.parametrize("surface", ["nonlinear", "linear"])
def test_volume_contents_and_divergence_are_conserved(surface):
    fine, coarse = pair(free_surface=surface)
    grained(fine, coarse)
    volumes = [diagnostics.cell_volume(model) for model in (fine, coarse)]
    close(volumes[1], blocks(volumes[0]))
    close(interior(coarse.state.eta * coarse.grid.area_t), blocks(interior(fine.state.eta * fine.grid.area_t)))
    for name in ("T", "S"):
        contents = [interior(getattr(m.state, name)) * v for m, v in zip((fine, coarse), volumes, strict=True)]
        close(contents[1], blocks(contents[0]))
    close(divergence(coarse), blocks(divergence(fine)))
    assert (volumes[1].std(axis=(1, 2)) > 0.01 * volumes[1].mean(axis=(1, 2))).all()  # the surface is rough


def test_constants_stay_and_linear_fields_are_those_of_the_coarse_points():
    fine, coarse = (ogcm.setups.channel(resolution=r, ridge=0.0) for r in (50.0, 100.0))

    def linear(x, y, z):
        return 1.0 + 2e-6 * x - 3e-6 * y + z / 3000

    for model in (fine, coarse):
        for name in ("u", "v", "T"):
            getattr(model.state, name)[...] = model.sample(name, linear)
        model.state.S[...] = model.sample("S", 34.5)
        model.state.eta[...] = 0.0
    fields = CoarseGraining(fine, coarse)(fine.state)
    for name in ("T", "S", "v"):
        close(fields[name], interior(getattr(coarse.state, name)))
    close(fields["u"][..., :-1], interior(coarse.state.u)[..., :-1])  # the last face lies where x starts again
    assert fields["S"].std() < 1e-13
    assert not fields["eta"].any()


def test_bottoms_that_differ():
    """No NaN, constants stay constant, land is 0, and columns diverge as their fine cells do."""
    rng = np.random.default_rng(5)
    depth = rng.uniform(150.0, 400.0, (8, 12))
    depth[2:4, 3:6] = 0.0  # a coarse cell of land
    depth[6, 7] = 0.0
    floor = blocks(depth) / (ROWS * COLUMNS)
    depth[:2, :3] = 200.0
    floor[0, 0] = 400.0
    fine, coarse = pair(depth, floor)
    fine.state.S[...] = 35.0
    fields = grained(fine, coarse)
    wet = interior(coarse.grid.mask_t) > 0
    held = blocks(interior(fine.grid.mask_t)) > 0
    assert (wet & ~held).any()
    assert (held & ~wet).any()
    np.testing.assert_allclose(fields["S"][wet], 35.0, rtol=1e-14)
    for name, values in fields.items():
        assert np.isfinite(values).all()
        assert (values[~wet_points(coarse, name)] == 0).all()
    k, j, i = np.argwhere(wet & ~held)[0]
    assert fields["T"][k, j, i] == fields["T"][k - 1, j, i]
    closed_x = interior(fine.grid.mask_u[0])[:, 2::3].reshape(4, 2, 4).any(1) & (interior(coarse.grid.mask_u[0]) == 0)
    closed_y = interior(fine.grid.mask_v[0])[1::2].reshape(4, 4, 3).any(2) & (interior(coarse.grid.mask_v[0]) == 0)
    assert not (closed_x | closed_y).any()
    close(divergence(coarse).sum(0), blocks(divergence(fine)).sum(0))
    deep = (interior(fine.grid.mask_u)[..., 2::3].reshape(4, 4, 2, 4).any(2)) & (interior(coarse.grid.mask_u) == 0)
    assert deep.any()  # what flowed below the coarse floor had to be spread


def test_single_precision_keeps_the_precision_of_the_coarse_model():
    fine, coarse = pair(precision="float32")
    assert {a.dtype for a in CoarseGraining(fine, coarse)(fine.state).values()} == {np.dtype(np.float32)}


def test_grids_that_do_not_fit_are_refused():
    gyre = ogcm.setups.double_gyre
    with pytest.raises(InputError, match=r"\(7, 7\) cells are not blocks of the fine model's \(15, 15\)"):
        CoarseGraining(gyre(resolution=2.0), gyre(resolution=30 / 7))
    with pytest.raises(InputError, match="dz"):
        CoarseGraining(ogcm.setups.channel(resolution=100.0), gyre(resolution=15.0))
    with pytest.raises(InputError, match="periodic"):
        CoarseGraining(rough_basin(), rough_basin_closed())
    with pytest.raises(InputError, match=r"not as large as the \(2, 1\)"):
        CoarseGraining(gyre(resolution=2.5), gyre(resolution=5.0, width=60.0, height=30.0))
    with pytest.raises(InputError, match="tracers"):
        CoarseGraining(gyre(resolution=2.5), gyre(resolution=5.0, equation_of_state="none"))
    depth = np.full((8, 12), 400.0)
    depth[4:6, 3:6] = 0.0
    with pytest.raises(InputError, match=r"coarse cell at \(j, i\) = \(2, 1\)"):
        CoarseGraining(*pair(fine_depth=depth))


def rough_basin_closed():
    grid = ogcm.cartesian(nx=16, ny=12, dx=2e4, dy=2e4)
    return ogcm.Model(grid, depth=500.0, dz=[50.0, 100.0, 100.0, 120.0, 130.0], dt=600.0)
