"""Random oceans, grids and fields to check with: islands, partial cells, uneven spacing, both signs."""

from collections.abc import Mapping

import numpy as np

import ogcm
from ogcm.forcing import NAMES
from ogcm.grid import Grid, build_grid, interior
from ogcm.halo import exchange
from ogcm.horizontal_grid import cartesian
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.setups.recipe import recipe

Array = np.ndarray
DZ = [50.0, 100.0, 100.0, 120.0, 130.0]  # layers of the oceans below [m]
PROFILE = np.array([20.0, 16.0, 12.0, 9.0, 7.0])[:, None, None]  # temperature in them [degC]
PARAMETERS = {"nu_h": 200.0, "kappa_h": 50.0, "drag_linear": 1e-4, "drag_quadratic": 1e-3}
# A size of each quantity in nature, in its units: of perturbations where a model gives none.
SIZES = {
    "u": 0.05, "v": 0.05, "eta": 0.05, "T": 0.2, "S": 0.05,
    "tau_x": 0.1, "tau_y": 0.1, "heat_flux": 100.0, "fresh_water": 1e-7, "T_star": 1.0, "S_star": 0.1,
    "rate_T": 1e-5, "rate_S": 1e-5,
    "nu_h": 100.0, "nu4_h": 1e8, "kappa_h": 10.0, "kappa4_h": 1e7, "drag_linear": 1e-4, "drag_quadratic": 1e-3,
    "nu_v": 1e-4, "kappa_v": 1e-5,
}  # fmt: skip


def random_grid(
    seed: int = 0,
    nx: int = 12,
    ny: int = 9,
    *,
    periodic_x: bool = False,
    periodic_y: bool = False,
    **options,
) -> Grid:
    """A basin of 500 m with a rough bottom, about a sixth of it land."""
    rng = np.random.default_rng(seed)
    horizontal = cartesian(
        nx=nx,
        ny=ny,
        dx=rng.uniform(1e4, 2e4, nx),
        dy=rng.uniform(1e4, 2e4, ny),
        f0=1e-4,
        beta=1e-11,
        periodic_x=periodic_x,
        periodic_y=periodic_y,
    )
    depth = rng.uniform(20.0, 500.0, (ny, nx))
    depth[rng.uniform(size=depth.shape) < 0.15] = 0.0
    return build_grid(horizontal, depth, DZ, **options)


def mask_of(grid: Grid, kind: str) -> Array:
    """Where a field of this kind is not zero (see `adjoint.registry`)."""
    kind = kind.rstrip("+")
    if kind[0] in "wW":
        tops = np.zeros((grid.mask_t.shape[0] + 1, *grid.mask_t.shape[1:]), np.int8)
        tops[1:-1] = grid.mask_t[1:]
        tops[0] = grid.mask_t[0] * (kind[0] == "W")
        return tops
    mask = getattr(grid, f"mask_{kind[0]}") > 0
    return {"2": mask[0], "1": mask[:1]}.get(kind[1:], mask)


def random_field(grid: Grid, kind: str, rng: np.random.Generator, size: float = 1.0) -> Array:
    """Normal numbers where there is water, halo filled; of a kind with + numbers around `size` everywhere."""
    if kind in EQUATIONS_OF_STATE:
        c = EQUATIONS_OF_STATE[kind].coefficients
        return c * rng.uniform(0.9, 1.1, c.shape)
    mask = mask_of(grid, kind)
    if kind.endswith("+"):
        field = np.full(mask.shape, size)
        interior(field)[...] *= rng.uniform(0.8, 1.2, interior(field).shape)
    else:
        field = size * rng.normal(size=mask.shape) * mask
    exchange(grid, field)
    return field


def random_forcing(name: str, noise: Array) -> Array:
    """A map of a forcing from normal numbers; piston velocities have one sign."""
    return SIZES[name] * (np.abs(noise) if name.startswith("rate") else noise)


def rough_depth(rng: np.random.Generator, ny: int, nx: int) -> Array:
    """Depth (ny, nx) [m] with islands and partial cells, and two channels across, so that no lake is cut off."""
    depth = rng.uniform(150.0, 500.0, (ny, nx))
    depth[rng.uniform(size=depth.shape) < 0.12] = 0.0
    depth[:, 3], depth[4, :] = 320.0, 450.0
    return depth


def rough_model(depth: Array, **options) -> ogcm.Model:
    """A model of a basin of this depth (ny, nx) [m], periodic along x; `options` are further ones of `ogcm.Model`."""
    ny, nx = depth.shape
    horizontal = ogcm.cartesian(nx=nx, ny=ny, dx=2e4, dy=2e4, f0=1e-4, beta=2e-11, periodic_x=True)
    defaults = {"dz": DZ, "parameters": PARAMETERS, "dt": 600.0}
    return ogcm.Model(horizontal, depth=depth, **(defaults | options))


@recipe(days=1)
def rough_basin(*, seed: int = 0, parameters: Mapping | None = None, **numerics) -> ogcm.Model:
    """A small basin with islands, partial cells and every forcing, some of its water unstable, periodic along x.

    seed: of its bathymetry, waters and forcing.
    """
    rng, shape = np.random.default_rng(seed), (12, 16)
    depth = rough_depth(rng, *shape)
    biharmonic = {"nu4_h": ("friction", 1e10), "kappa4_h": ("diffusion", 1e9)}
    chosen = {name: size for name, (by, size) in biharmonic.items() if numerics.get(by) == "biharmonic"}
    return rough_model(
        depth,
        T=PROFILE + 2.0 * rng.normal(size=(5, *shape)),
        S=35 + 0.1 * rng.normal(size=(5, *shape)),
        forcing=ogcm.Forcing(**{name: random_forcing(name, rng.normal(size=shape)) for name in NAMES}),
        parameters=PARAMETERS | chosen | dict(parameters or {}),
        **numerics,
    )
