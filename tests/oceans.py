"""Random basins and fields for the tests: islands, partial cells, uneven spacing, both signs."""

import numpy as np

from ogcm.grid import Grid, build, cartesian
from ogcm.halo import exchange

DZ = [50.0, 100.0, 100.0, 120.0, 130.0]


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
    return build(horizontal, depth, DZ, **options)


def mask_of(grid: Grid, kind: str) -> np.ndarray:
    """Where a field of this kind is not zero (see `adjoint.registry`)."""
    if kind[0] == "w":
        tops = np.zeros((grid.mask_t.shape[0] + 1, *grid.mask_t.shape[1:]), np.int8)
        tops[1:-1] = grid.mask_t[1:]
        return tops
    mask = getattr(grid, f"mask_{kind[0]}") > 0
    return mask[0] if kind.endswith("2") else mask


def random_field(grid: Grid, kind: str, rng: np.random.Generator, size: float = 1.0) -> np.ndarray:
    """Normal numbers where there is water, halo filled."""
    mask = mask_of(grid, kind)
    field = size * rng.normal(size=mask.shape) * mask
    exchange(grid, field)
    return field
