"""Three small cases to teach with: one layer, no friction, an exact solution each."""

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
    *, cells: int = 64, parameters: Mapping[str, Values] | None = None, **numerics: Unpack[ogcm.NumericsOptions]
) -> ogcm.Model:
    """A long surface wave, 1,000 km in water of 100 m: it travels with sqrt(g H) = 31.3 m s-1."""
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
    *, cells: int = 200, parameters: Mapping[str, Values] | None = None, **numerics: Unpack[ogcm.NumericsOptions]
) -> ogcm.Model:
    """A step of the sea surface on a rotating plane (Gill 1982, section 7.2): a third of what it releases stays."""
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
    *, latitude: float = 45.0, parameters: Mapping[str, Values] | None = None, **numerics: Unpack[ogcm.NumericsOptions]
) -> ogcm.Model:
    """Water set in motion turns clockwise (north of the equator) with the period 2 pi/f."""
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
