"""Random basins and fields for the tests: islands, partial cells, uneven spacing, both signs."""

import numpy as np

import ogcm
from ogcm.grid import Grid, build, cartesian, interior
from ogcm.halo import exchange
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE

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
    kind = kind.rstrip("+")
    if kind[0] in "wW":
        tops = np.zeros((grid.mask_t.shape[0] + 1, *grid.mask_t.shape[1:]), np.int8)
        tops[1:-1] = grid.mask_t[1:]
        tops[0] = grid.mask_t[0] * (kind[0] == "W")
        return tops
    mask = getattr(grid, f"mask_{kind[0]}") > 0
    return {"2": mask[0], "1": mask[:1]}.get(kind[1:], mask)


def random_field(grid: Grid, kind: str, rng: np.random.Generator, size: float = 1.0) -> np.ndarray:
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


def rough_basin(seed=0, nx=16, ny=12, **options):
    """Islands, partial cells, wind, stratification and every term switched on; periodic along x."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(150.0, 500.0, (ny, nx))
    depth[rng.uniform(size=depth.shape) < 0.12] = 0.0
    depth[:, 3] = 320.0
    depth[4, :] = 450.0
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=2e4, dy=2e4, f0=1e-4, beta=2e-11, periodic_x=True)
    forcing = ogcm.Forcing(tau_x=lambda x, y: 0.1 * np.sin(2 * np.pi * y / 2.4e5), tau_y=0.02)
    parameters = {"nu_h": 200.0, "kappa_h": 50.0, "drag_linear": 1e-4, "drag_quadratic": 1e-3}
    noise = rng.normal(size=(5, ny, nx))
    base = np.array([20.0, 16.0, 12.0, 9.0, 7.0])[:, None, None]
    settings = {
        "depth": depth,
        "dz": [50.0, 100.0, 100.0, 120.0, 130.0],
        "T": base + 0.3 * noise,
        "S": 35 + 0.1 * noise[::-1],
        "forcing": forcing,
        "parameters": parameters,
        "dt": 600.0,
    }
    return ogcm.Model(grid, **(settings | options))


def run(model, steps):
    stepper = ogcm.Stepper(model)
    for _ in range(steps):
        stepper.step()
    return model


def differences(function, inputs, active: int, h: float = 1e-6) -> tuple[np.ndarray, np.ndarray]:
    """The derivative along a random change of one input, by the complex step and by central differences."""
    change = inputs[active] * np.random.default_rng(1).normal(size=inputs[active].shape)

    def at(e):  # all inputs of one type, so that one kernel is compiled
        return function(*(x + e * change * (n == active) for n, x in enumerate(inputs)))

    return at(1e-30j).imag / 1e-30, (at(h) - at(-h)) / (2 * h)
