"""A re-entrant channel: wind over a ridge, restored at the surface, eddying when fine enough."""

from collections.abc import Mapping

import numpy as np

import ogcm
from ogcm.setups.recipe import cells_in, recipe


@recipe(days=360)
def channel(
    *,
    resolution: float = 10.0,
    length: float = 1000.0,
    width: float = 1000.0,
    ridge: float = 1000.0,
    wind: float = 0.15,
    seed: int = 0,
    parameters: Mapping | None = None,
    **numerics,
) -> ogcm.Model:
    """A piece of the Southern Ocean after Abernathey et al. (2011, doi 10.1175/JPO-D-11-023.1).

    resolution, length, width [km]; ridge: height of the Gaussian ridge above 3,000 m [m]; wind: largest
    stress [N m-2]; seed: of the noise that starts the eddies.
    """
    dx = resolution * 1e3
    nx, ny = cells_in(length, resolution), cells_in(width, resolution)
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=dx, dy=dx, f0=-1.1e-4, beta=1.4e-11, periodic_x=True)
    L, W, depth = nx * dx, ny * dx, 3000.0
    dz = np.array([20, 30, 40, 60, 80, 110, 140, 180, 220, 260, 300, 340, 380, 410, 430], float)
    X, _ = np.meshgrid(grid.x_t, grid.y_t)
    noise = 0.02 * np.random.default_rng(seed).normal(size=nx)
    profile = np.exp(-(np.cumsum(dz) - dz / 2) / 1000)[:, None, None]
    surface = 8.0 * grid.y_t[:, None] / W
    chosen = {"nu4_h": 0.01 * dx**3, "drag_linear": 1.1e-3, "kappa_v": 1e-5, "nu_v": 3e-4}
    settings = {"dt": 180.0 * resolution, "friction": "biharmonic", "diffusion": "none"}
    return ogcm.Model(
        grid,
        depth=depth - ridge * np.exp(-(((X - L / 2) / 1e5) ** 2)),
        dz=dz,
        T=surface * profile + noise,
        forcing=ogcm.Forcing(
            tau_x=lambda x, y: wind * np.sin(np.pi * y / W),
            T_star=lambda x, y: 8.0 * y / W,
            rate_T=20.0 / (30 * 86400.0),
        ),
        parameters=chosen | dict(parameters or {}),
        **(settings | numerics),
    )
