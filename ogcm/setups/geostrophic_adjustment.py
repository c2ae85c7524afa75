"""Geostrophic adjustment of a step of the sea surface, in one layer without friction."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

import ogcm
from ogcm.constants import GRAVITY
from ogcm.inputs import Values


@ogcm.recipe(days=4)
def geostrophic_adjustment(
    *, cells: int = 200, parameters: Mapping[str, Values] | None = None, **numerics: Unpack[ogcm.SetupOptions]
) -> ogcm.Model:
    """Make a step of the sea surface on a rotating plane, which adjusts to geostrophic balance.

    A third of the potential energy that it releases stays as kinetic energy of the balanced flow.

    Parameters
    ----------
    cells : int
        Number of cells along x, over 40 deformation radii.
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
    Gill (1982), Atmosphere-Ocean Dynamics, section 7.2.
    """
    depth, f = 100.0, 1e-4
    radius = np.sqrt(numerics.get("gravity", GRAVITY) * depth) / f
    length = 40 * radius
    grid = ogcm.cartesian(nx=cells, ny=4, dx=length / cells, dy=length / cells, f0=f, periodic_y=True)
    settings: ogcm.NumericsOptions = {"equation_of_state": "none", "friction": "none", "dt": 1200.0}
    return ogcm.Model(
        grid,
        depth=depth,
        dz=[depth],
        eta=lambda x, y: 0.1 * np.sign(x - length / 2),
        parameters={"nu_v": 0.0} | dict(parameters or {}),
        **(settings | numerics),
    )
