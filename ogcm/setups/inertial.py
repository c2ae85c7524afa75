"""Three small cases for teaching: one layer without friction, each with an exact solution."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

import ogcm
from ogcm.constants import EARTH_ROTATION, GRAVITY
from ogcm.inputs import Values
from ogcm.setups.recipe import recipe

FRICTIONLESS: ogcm.NumericsOptions = {"equation_of_state": "none", "friction": "none"}


@recipe(days=1)
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
    return ogcm.Model(
        grid,
        depth=depth,
        dz=[depth],
        eta=lambda x, y: 0.1 * np.cos(k * x),
        u=lambda x, y, z: 0.1 * speed / depth * np.cos(k * x),
        parameters={"nu_v": 0.0} | dict(parameters or {}),
        **(FRICTIONLESS | {"dt": 400.0} | numerics),
    )


@recipe(days=4)
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
    return ogcm.Model(
        grid,
        depth=depth,
        dz=[depth],
        eta=lambda x, y: 0.1 * np.sign(x - length / 2),
        parameters={"nu_v": 0.0} | dict(parameters or {}),
        **(FRICTIONLESS | {"dt": 1200.0} | numerics),
    )


@recipe(days=2)
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
    return ogcm.Model(
        grid,
        depth=50.0,
        dz=[50.0],
        u=0.2,
        parameters={"nu_v": 0.0} | dict(parameters or {}),
        **(FRICTIONLESS | {"dt": 900.0} | numerics),
    )
