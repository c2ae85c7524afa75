"""A long surface wave in one layer without friction, with an exact solution."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

import ogcm
from ogcm.constants import GRAVITY
from ogcm.inputs import Values


@ogcm.recipe(days=1)
def gravity_wave(
    *, cells: int = 64, parameters: Mapping[str, Values] | None = None, **numerics: Unpack[ogcm.SetupOptions]
) -> ogcm.Model:
    """Make a long surface wave.

    It is 1,000 km long in water of 100 m and travels with sqrt(g H) = 31.3 m s-1.

    Parameters
    ----------
    cells : int
        Number of cells in a wavelength.
    parameters : mapping of str to float, array_like or callable, optional
        Physical parameters that replace those of the setup.
    **numerics : SetupOptions
        Numerical choices that replace those of the setup, and its `decomposition` into tiles (see `Model`).

    Returns
    -------
    Model
        The model.
    """
    length, depth = 1e6, 100.0
    grid = ogcm.cartesian(nx=cells, ny=4, dx=length / cells, dy=length / cells, periodic_x=True, periodic_y=True)
    k, speed = 2 * np.pi / length, np.sqrt(numerics.get("gravity", GRAVITY) * depth)
    settings: ogcm.NumericsOptions = {"equation_of_state": "none", "friction": "none", "dt": 400.0}
    return ogcm.Model(
        grid,
        depth=depth,
        dz=[depth],
        eta=lambda x, y: 0.1 * np.cos(k * x),
        u=lambda x, y, z: 0.1 * speed / depth * np.cos(k * x),
        parameters={"nu_v": 0.0} | dict(parameters or {}),
        **(settings | numerics),
    )
