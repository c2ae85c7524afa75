"""Inertial oscillation of one layer without friction."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

import ogcm
from ogcm.constants import EARTH_ROTATION
from ogcm.inputs import Values


@ogcm.recipe(days=2)
def inertial_oscillation(
    *, latitude: float = 45.0, parameters: Mapping[str, Values] | None = None, **numerics: Unpack[ogcm.SetupOptions]
) -> ogcm.Model:
    """Make water in uniform motion, which turns in inertial circles.

    The velocity turns with the period 2 pi/f, clockwise in the northern hemisphere.

    Parameters
    ----------
    latitude : float
        Latitude [degrees].
    parameters : mapping of str to float, array_like or callable, optional
        Physical parameters that replace those of the setup.
    **numerics : SetupOptions
        Numerical choices that replace those of the setup, and its `decomposition` into tiles (see `Model`).

    Returns
    -------
    Model
        The model.
    """
    f = 2 * EARTH_ROTATION * np.sin(np.radians(latitude))
    grid = ogcm.cartesian(nx=8, ny=8, dx=1e4, dy=1e4, f0=f, periodic_x=True, periodic_y=True)
    settings: ogcm.NumericsOptions = {"equation_of_state": "none", "friction": "none", "dt": 900.0}
    return ogcm.Model(
        grid,
        depth=50.0,
        dz=[50.0],
        u=0.2,
        parameters={"nu_v": 0.0} | dict(parameters or {}),
        **(settings | numerics),
    )
