"""A baroclinic wave: an unstable jet on the sphere, in thermal-wind balance."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

import ogcm
from ogcm.constants import GRAVITY, RHO0
from ogcm.grid import EARTH_RADIUS, EARTH_ROTATION
from ogcm.operators.equation_of_state import LINEAR
from ogcm.setups.recipe import cells_in, recipe


@recipe(days=60)
def baroclinic_wave(
    *,
    resolution: float = 0.25,
    length: float = 20.0,
    seed: int = 0,
    parameters: Mapping | None = None,
    **numerics,
) -> ogcm.Model:
    """A front of 4 K between 30 N and 50 N over 1,500 m, with a jet that thermal wind demands above rest.

    resolution, length of the periodic sector [degrees]; seed: of the noise of 0.01 K that starts the wave.
    f du/dz = -(g alpha/R) dT/dphi, u = 0 at the bottom; the sea surface balances the bottom pressure:
    g deta/dphi = -R f u at the surface less the pressure of the water below.
    """
    lon = np.linspace(0.0, length, cells_in(length, resolution) + 1)
    lat = np.linspace(30.0, 50.0, cells_in(20.0, resolution) + 1)
    grid = replace(ogcm.spherical(lon=lon, lat=lat), periodic_x=True)  # a sector that closes on itself
    layers, depth = 20, 1500.0
    dz = np.full(layers, depth / layers)
    alpha_g = LINEAR.a0 / RHO0 * GRAVITY
    radius = EARTH_RADIUS

    def front(lat):
        return -2.0 * np.tanh((lat - 40.0) / 2.0)

    def decay(z):
        return np.exp(z / 500.0)

    def temperature(x, y, z):
        return 10 + 8 * np.exp(z / 800.0) + front(y) * decay(z)

    fine = np.linspace(29.0, 51.0, 4401)
    slope = np.gradient(front(fine), np.radians(fine))
    f = 2 * EARTH_ROTATION * np.sin(np.radians(fine))
    bottom = 500.0 * np.exp(-depth / 500.0)
    jet = -alpha_g / (f * radius) * slope  # times the integral of decay(z) from the bottom
    surface = np.cumsum(-f * radius * jet * (500.0 - bottom)) * np.radians(fine[1] - fine[0]) / GRAVITY
    surface -= surface.mean()

    def velocity(x, y, z):
        return np.interp(y, fine, jet) * (500.0 * decay(z) - bottom)

    noise = 0.01 * np.random.default_rng(seed).normal(size=(layers, *grid.shape))
    Z = (-np.cumsum(dz) + dz / 2)[:, None, None]
    dx = np.radians(resolution) * radius * np.cos(np.radians(50))
    settings = {"dt": min(3600.0, 3600.0 * resolution / 0.25), "friction": "biharmonic", "diffusion": "none"}
    chosen = {"nu4_h": 0.01 * dx**3, "nu_v": 1e-4, "kappa_v": 1e-5}
    return ogcm.Model(
        grid,
        depth=depth,
        dz=dz,
        T=temperature(grid.x_t, grid.y_t[:, None], Z) + noise,
        u=velocity,
        eta=lambda x, y: np.interp(y, fine, surface),
        parameters=chosen | dict(parameters or {}),
        **(settings | numerics),
    )
