"""Lock exchange: cold water slides under warm water in a vertical slice."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

import ogcm
from ogcm.inputs import Values
from ogcm.setups.recipe import cells_in


@ogcm.recipe(days=17 / 24)
def lock_exchange(
    *,
    resolution: float = 500.0,
    layers: int = 20,
    parameters: Mapping[str, Values] | None = None,
    **numerics: Unpack[ogcm.SetupOptions],
) -> ogcm.Model:
    """Make a lock exchange without rotation.

    A vertical slice of 64 km by 20 m has water of 5 degC on the left and of 30 degC on the right of the middle, which
    are 5 kg m-3 apart with 0.2 kg m-3 K-1. The fronts move with 0.5 sqrt(g' H) = 0.50 m s-1.

    Parameters
    ----------
    resolution : float
        Width of a cell [m].
    layers : int
        Number of layers.
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
    Ilicak et al. (2012), doi 10.1016/j.ocemod.2011.10.003.
    """
    n = cells_in(64e3, resolution)
    grid = ogcm.cartesian(nx=n, ny=1, dx=resolution, dy=resolution, periodic_y=True)
    chosen: dict[str, Values] = {
        "eos": [0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        "nu_h": 0.01 * resolution,
        "nu_v": 1e-4,
        "kappa_v": 0.0,
        "kappa_convective": 0.0,
    }
    settings: ogcm.NumericsOptions = {"dt": 0.1 * resolution, "advection": "monotone", "diffusion": "none"}
    return ogcm.Model(
        grid,
        depth=20.0,
        dz=np.full(layers, 20.0 / layers),
        T=lambda x, y, z: np.where(x < 32e3, 5.0, 30.0) + 0 * z,
        parameters=chosen | dict(parameters or {}),
        **(settings | numerics),
    )
