"""The wind-driven, stratified double gyre on a beta-plane."""

from collections.abc import Mapping

import numpy as np

import ogcm
from ogcm.setups.recipe import cells_in, recipe


@recipe(days=360)
def double_gyre(
    *,
    resolution: float = 0.5,
    width: float = 30.0,
    height: float = 30.0,
    wind: float = 0.1,
    parameters: Mapping | None = None,
    **numerics,
) -> ogcm.Model:
    """A closed basin under a wind that drives a subtropical and a subpolar gyre.

    resolution, width, height [degrees of 111 km]; wind: amplitude of tau_x [N m-2]. 4,000 m deep, 15
    layers; viscosity as wide as the Munk layer needs: two cells. Vallis (2017, chapter 19).
    """
    degree, beta = 111e3, 2e-11
    nx, ny = cells_in(width, resolution), cells_in(height, resolution)
    dx = resolution * degree
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=dx, dy=dx, f0=7.3e-5, beta=beta)
    basin = ny * dx
    dz = [50, 60, 70, 90, 120, 150, 190, 230, 280, 330, 390, 450, 500, 540, 550]
    chosen = {"nu_h": beta * (2 * dx / np.pi) ** 3 * 2, "kappa_h": 100.0, "drag_linear": 4e-4}
    settings = {"dt": min(3600.0, 7200.0 * resolution), "walls": "no_slip"}
    return ogcm.Model(
        grid,
        depth=4000.0,
        dz=dz,
        T=lambda x, y, z: 2 + 20 * np.exp(z / 700) + 0 * x,
        forcing=ogcm.Forcing(tau_x=lambda x, y: wind * (1 - np.cos(2 * np.pi * y / basin))),
        parameters=chosen | dict(parameters or {}),
        **(settings | numerics),
    )
