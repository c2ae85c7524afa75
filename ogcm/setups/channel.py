"""A re-entrant channel with eddies: wind over a ridge, temperature restored at the surface."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

import ogcm
from ogcm.constants import DAY, GRAVITY, RHO0
from ogcm.inputs import Values
from ogcm.operators.equation_of_state import LINEAR
from ogcm.setups.recipe import cells_in


@ogcm.recipe(days=300)
def channel(
    *,
    resolution: float = 10.0,
    length: float = 800.0,
    width: float = 600.0,
    ridge: float = 1000.0,
    wind: float = 0.15,
    seed: int = 0,
    parameters: Mapping[str, Values] | None = None,
    **numerics: Unpack[ogcm.SetupOptions],
) -> ogcm.Model:
    """Make a periodic channel as a piece of the Southern Ocean.

    It starts in thermal-wind balance above a bottom at rest. The pressure on the two sides of the ridge takes up the
    momentum that the wind supplies.

    Parameters
    ----------
    resolution : float
        Width of a cell [km].
    length, width : float
        Extent of the channel along x and y [km].
    ridge : float
        Height of the Gaussian ridge above the bottom at 3,000 m [m].
    wind : float
        Largest stress [N m-2].
    seed : int
        Seed of the perturbation from which the eddies grow.
    parameters : mapping of str to float, array_like or callable, optional
        Physical parameters that replace those of the setup.
    **numerics : SetupOptions
        Numerical choices that replace those of the setup, and its `decomposition` into tiles (see `Model`).

    Returns
    -------
    Model
        The model.

    References
    ----------
    Abernathey et al. (2011), doi 10.1175/JPO-D-11-023.1.
    """
    dx, f0 = resolution * 1e3, -1.1e-4
    nx, ny = cells_in(length, resolution), cells_in(width, resolution)
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=dx, dy=dx, f0=f0, beta=1.4e-11, periodic_x=True)
    L, W, depth, decay = nx * dx, ny * dx, 3000.0, 1000.0
    dz = [20, 30, 50, 80, 120, 170, 230, 300, 380, 460, 540, 620]
    X, _ = np.meshgrid(grid.x_t, grid.y_t)
    noise = 0.05 * np.random.default_rng(seed).normal(size=nx)  # [K]
    gravity = numerics.get("gravity", GRAVITY)
    alpha_g = gravity * LINEAR.a0 / numerics.get("rho0", RHO0)  # buoyancy of a kelvin [m s-2 K-1]
    above = decay * (1 - np.exp(-depth / decay))  # the integral of exp(z/decay) [m]

    def meander(x):
        return noise[np.searchsorted(grid.x_f, x)]

    def surface(x, y):
        return 2.0 + 8.0 * y / W

    chosen: dict[str, Values] = {"nu4_h": 0.01 * dx**3, "drag_linear": 1.1e-3, "kappa_v": 1e-5, "nu_v": 3e-4}
    settings: ogcm.NumericsOptions = {
        "dt": min(3600.0, 240.0 * resolution),
        "friction": "biharmonic",
        "diffusion": "none",
    }
    model = ogcm.Model(
        grid,
        depth=depth - ridge * np.exp(-(((X - L / 2) / 1e5) ** 2)),
        dz=dz,
        T=lambda x, y, z: (surface(x, y) + meander(x) * np.sin(np.pi * y / W)) * np.exp(z / decay),
        u=lambda x, y, z: -alpha_g / (f0 + 1.4e-11 * y) * 8.0 / W * (decay * np.exp(z / decay) - decay + above),
        eta=lambda x, y: alpha_g / gravity * above * 8.0 * (y / W - 0.5),
        forcing=ogcm.Forcing(
            tau_x=lambda x, y: wind * np.sin(np.pi * y / W),
            T_star=surface,
            rate_T=20.0 / (30 * DAY),
        ),
        parameters=chosen | dict(parameters or {}),
        **(settings | numerics),
    )
    model.places = {"transport": {"x": L}, "overturning": {"y": W / 2, "z": -1000.0}}
    return model
