"""Random oceans, grids and fields for checks, with islands, partial cells, uneven spacing and both signs."""

from collections.abc import Mapping
from typing import Any

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
# Typical size of each quantity in nature, in its units, for perturbations of values that are 0.
SIZES = {
    "u": 0.05, "v": 0.05, "eta": 0.05, "T": 0.2, "S": 0.05, "tke": 1e-6,
    "tau_x": 0.1, "tau_y": 0.1, "heat_flux": 100.0, "shortwave": 100.0, "fresh_water": 1e-7,
    "u10": 5.0, "v10": 5.0, "t2": 2.0, "q2": 1e-3, "d2": 2.0, "slp": 1e3, "cloud": 0.2, "surface_pressure": 1e3,
    "shortwave_down": 100.0, "longwave_down": 30.0, "precipitation": 1e-7, "runoff": 1e-7,
    "T_star": 1.0, "S_star": 0.1, "rate_T": 1e-5, "rate_S": 1e-5,
    "nu_h": 100.0, "nu4_h": 1e8, "kappa_h": 10.0, "kappa4_h": 1e7, "drag_linear": 1e-4, "drag_quadratic": 1e-3,
    "nu_v": 1e-4, "kappa_v": 1e-5,
}  # fmt: skip


def size_of(name: str) -> float:
    """Return the typical size of a quantity.

    Parameters
    ----------
    name : str
        Name of a control.

    Returns
    -------
    float
        Size in the units of the quantity; 1 for one that is not in `SIZES`.
    """
    return SIZES.get(name, 1.0)


def random_grid(
    seed: int = 0,
    nx: int = 12,
    ny: int = 9,
    *,
    periodic_x: bool = False,
    periodic_y: bool = False,
    **options: Any,
) -> Grid:
    """Make the grid of a basin of 500 m with a rough bottom, of which about a sixth is land.

    Parameters
    ----------
    seed : int, optional
        Seed of the depth and the widths of the cells.
    nx, ny : int, optional
        Number of cells.
    periodic_x, periodic_y : bool, optional
        True where the basin is periodic along x, along y.
    **options : dict
        Further options of `build_grid` in ogcm/grid.py.

    Returns
    -------
    Grid
        The grid.
    """
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
    """Return where a field is not zero.

    Parameters
    ----------
    grid : Grid
        Grid of the field.
    kind : str
        Kind of the field (see `adjoint.registry`).

    Returns
    -------
    ndarray
        True, or 1, where the field is not zero, in the shape of the field.
    """
    kind = kind.rstrip("+")
    if kind[0] in "wW":
        tops = np.zeros((grid.mask_t.shape[0] + 1, *grid.mask_t.shape[1:]), np.int8)
        tops[1:-1] = grid.mask_t[1:]
        tops[0] = grid.mask_t[0] * (kind[0] == "W")
        return tops
    mask = getattr(grid, f"mask_{kind[0]}") > 0
    return {"2": mask[0], "1": mask[:1]}.get(kind[1:], mask)


def random_field(grid: Grid, kind: str, rng: np.random.Generator, size: float = 1.0) -> Array:
    """Make a random field.

    Parameters
    ----------
    grid : Grid
        Grid of the field.
    kind : str
        Kind of the field (see `adjoint.registry`).
    rng : Generator
        Random numbers.
    size : float, optional
        Typical size of the values.

    Returns
    -------
    ndarray
        Normal numbers over water, with filled halo; for kinds with + numbers near `size` everywhere.
    """
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
    """Make a random map of a forcing; piston velocities and pressure are positive.

    Parameters
    ----------
    name : str
        Name of the forcing.
    noise : ndarray, shape (ny, nx)
        Normal numbers.

    Returns
    -------
    ndarray, shape (ny, nx)
        The map, in the units of the forcing.
    """
    mean = 1e5 if name == "surface_pressure" else 0.0
    return mean + SIZES[name] * (np.abs(noise) if name.startswith("rate") else noise)


def random_fluxes(rng: np.random.Generator, shape: tuple[int, int]) -> ogcm.Forcing:
    """Make a forcing of random maps.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    shape : tuple of int
        Shape of the maps, (ny, nx).

    Returns
    -------
    Forcing
        The forcing, with all fluxes and restoring.
    """
    entries: dict[str, Any] = {name: random_forcing(name, rng.normal(size=shape)) for name in NAMES}
    return ogcm.Forcing(**entries)


def rough_depth(rng: np.random.Generator, ny: int, nx: int) -> Array:
    """Make a random depth with islands and partial cells, and with two channels, so that there are no lakes.

    Parameters
    ----------
    rng : Generator
        Random numbers.
    ny, nx : int
        Number of cells.

    Returns
    -------
    ndarray, shape (ny, nx)
        Depth [m], 0 on land.
    """
    depth = rng.uniform(150.0, 500.0, (ny, nx))
    depth[rng.uniform(size=depth.shape) < 0.12] = 0.0
    depth[:, 3], depth[4, :] = 320.0, 450.0
    return depth


def rough_model(depth: Array, **options: Any) -> ogcm.Model:
    """Make the model of a basin that is periodic along x.

    Parameters
    ----------
    depth : ndarray, shape (ny, nx)
        Depth [m], 0 on land.
    **options : dict
        Further options of `ogcm.Model`.

    Returns
    -------
    Model
        The model.
    """
    ny, nx = depth.shape
    horizontal = ogcm.cartesian(nx=nx, ny=ny, dx=2e4, dy=2e4, f0=1e-4, beta=2e-11, periodic_x=True)
    defaults: dict[str, Any] = {"horizontal": horizontal, "dz": DZ, "parameters": PARAMETERS, "dt": 600.0}
    return ogcm.Model(depth=depth, **(defaults | options))


@recipe(days=1)
def rough_basin(*, seed: int = 0, parameters: Mapping | None = None, **numerics: Any) -> ogcm.Model:
    """Make a small basin with islands, partial cells and every forcing, periodic along x; some water is unstable.

    Parameters
    ----------
    seed : int, optional
        Seed of the depth, the water and the forcing.
    parameters : mapping, optional
        Parameters of the model by name, as in `ogcm.Model`.
    **numerics : dict
        Numerical choices, as in `ogcm.Model`.

    Returns
    -------
    Model
        The model.
    """
    rng, shape = np.random.default_rng(seed), (12, 16)
    depth = rough_depth(rng, *shape)
    biharmonic = {"nu4_h": ("friction", 1e10), "kappa4_h": ("diffusion", 1e9)}
    chosen = {name: size for name, (by, size) in biharmonic.items() if numerics.get(by) == "biharmonic"}
    return rough_model(
        depth,
        T=PROFILE + 2.0 * rng.normal(size=(5, *shape)),
        S=35 + 0.1 * rng.normal(size=(5, *shape)),
        forcing=random_fluxes(rng, shape),
        parameters=PARAMETERS | chosen | dict(parameters or {}),
        **numerics,
    )
