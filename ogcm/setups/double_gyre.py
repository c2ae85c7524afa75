"""The wind-driven, stratified double gyre on a beta-plane."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

import ogcm
from ogcm.inputs import Values
from ogcm.setups.recipe import cells_in


@ogcm.recipe(days=1080)
def double_gyre(
    *,
    resolution: float = 0.5,
    width: float = 30.0,
    height: float = 30.0,
    wind: float = 0.1,
    parameters: Mapping[str, Values] | None = None,
    **numerics: Unpack[ogcm.SetupOptions],
) -> ogcm.Model:
    """Make a closed basin under a wind that drives a subtropical and a subpolar gyre.

    The basin is 4,000 m deep and has 12 layers. The viscosity makes the Munk layer as wide as two cells. The stress is
    that of -wind cos(2 pi y/L), plus a constant without curl that brings it to 0 at the walls: an Ekman drift that a
    wall stops would leave stripes two cells wide (docs/numerics.md).

    Parameters
    ----------
    resolution : float
        Width of a cell [degrees of 111 km].
    width, height : float
        Extent of the basin along x and y [degrees of 111 km].
    wind : float
        Half the largest stress along x [N m-2].
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
    Vallis (2017), Atmospheric and Oceanic Fluid Dynamics, chapter 19.
    """
    degree, beta = 111e3, 2e-11
    nx, ny = cells_in(width, resolution), cells_in(height, resolution)
    dx = resolution * degree
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=dx, dy=dx, f0=7.3e-5, beta=beta)
    basin = ny * dx
    dz = [50, 70, 100, 140, 190, 250, 320, 400, 490, 580, 670, 740]
    chosen: dict[str, Values] = {"nu_h": beta * (2 * dx / np.pi) ** 3 * 2, "kappa_h": 100.0, "drag_linear": 4e-4}
    settings: ogcm.NumericsOptions = {"dt": min(7200.0, 10800.0 * resolution), "walls": "no_slip"}
    model = ogcm.Model(
        grid,
        depth=4000.0,
        dz=dz,
        T=lambda x, y, z: 2 + 20 * np.exp(z / 700) + 0 * x,
        forcing=ogcm.Forcing(tau_x=lambda x, y: wind * (1 - np.cos(2 * np.pi * y / basin))),
        parameters=chosen | dict(parameters or {}),
        **(settings | numerics),
    )
    model.places = {  # the western boundary current where the Sverdrup flow to it is strongest
        "transport": {"x": (0.0, nx * dx / 3), "y": basin / 4},
        "overturning": {"y": basin / 2, "z": -1000.0},
    }
    return model
