"""Baroclinic instability: waves grow on a front on the sphere and break into eddies."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Unpack

import numpy as np

import ogcm
from ogcm.constants import EARTH_RADIUS, EARTH_ROTATION, GRAVITY, RHO0
from ogcm.inputs import Values
from ogcm.operators.equation_of_state import LINEAR
from ogcm.setups.recipe import cells_in


@ogcm.recipe(days=40)
def baroclinic_wave(
    *,
    resolution: float = 0.2,
    length: float = 20.0,
    layers: int = 15,
    front: float = 6.0,
    seed: int = 0,
    parameters: Mapping[str, Values] | None = None,
    **numerics: Unpack[ogcm.SetupOptions],
) -> ogcm.Model:
    """Make a front in a zonal channel from 33 N to 47 N, in thermal-wind balance above a bottom at rest.

    N2 = 5e-6 s-2 over H = 2,000 m make the deformation radius N H/f = 48 km. The fastest wave of Eady's problem is 3.9
    radii = 190 km long and grows with 0.31 f/N du/dz = 0.25 a day in the middle of the front. Over its finite width the
    wave of the model grows with 0.16 a day and breaks in the fourth week.

    Parameters
    ----------
    resolution : float
        Width of a cell [degrees].
    length : float
        Extent of the periodic sector along x [degrees].
    layers : int
        Number of layers.
    front : float
        Temperature of the warm side less that of the cold side [K].
    seed : int
        Seed of the perturbation.
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
    Eady (1949), doi 10.3402/tellusa.v1i3.8507. Vallis (2017), Atmospheric and Oceanic Fluid Dynamics, section 9.5.
    """
    lon = np.linspace(0.0, length, cells_in(length, resolution) + 1)
    lat = np.linspace(33.0, 47.0, cells_in(14.0, resolution) + 1)
    grid = replace(ogcm.spherical(lon=lon, lat=lat), periodic_x=True)  # a sector that closes on itself
    depth, middle, width, N2 = 2000.0, 40.0, 2.0, 5e-6
    dz = np.full(layers, depth / layers)
    gravity = numerics.get("gravity", GRAVITY)
    alpha_g = gravity * LINEAR.a0 / numerics.get("rho0", RHO0)  # buoyancy of a kelvin [m s-2 K-1]
    noise = 0.05 * np.random.default_rng(seed).normal(size=grid.shape[1])  # [K], the same at all depths

    def temperature(x, y, z):
        distance, meander = (y - middle) / width, noise[np.searchsorted(grid.x_f, x)]
        return 14.0 + N2 / alpha_g * z - 0.5 * front * np.tanh(distance) + meander * np.exp(-(distance**2))

    # f du/dz = -(g alpha/R) dT/dphi, and a sea surface that leaves no pressure gradient at the bottom
    fine = np.linspace(32.0, 48.0, 3201)
    f = 2 * EARTH_ROTATION * np.sin(np.radians(fine))
    slope = -0.5 * front / np.radians(width) / np.cosh((fine - middle) / width) ** 2
    shear = -alpha_g / (f * EARTH_RADIUS) * slope
    eta = 0.5 * alpha_g * depth / gravity * -front * np.tanh((fine - middle) / width)

    dx = np.radians(resolution) * EARTH_RADIUS * np.cos(np.radians(lat[-1]))
    chosen: dict[str, Values] = {"nu4_h": 0.01 * dx**3, "nu_v": 1e-4, "kappa_v": 1e-5, "drag_linear": 2e-4}
    settings: ogcm.NumericsOptions = {
        "dt": min(3600.0, 14400.0 * resolution),
        "friction": "biharmonic",
        "diffusion": "none",
    }
    return ogcm.Model(
        grid,
        depth=depth,
        dz=dz,
        T=temperature,
        u=lambda x, y, z: np.interp(y, fine, shear) * (z + depth),
        eta=lambda x, y: np.interp(y, fine, eta),
        parameters=chosen | dict(parameters or {}),
        **(settings | numerics),
    )
