"""Waves of the surface."""

import numpy as np

import ogcm
from benchmarks.physics.case import NO_MIXING, Result, advance, order
from ogcm.constants import GRAVITY
from ogcm.grid import interior


def inertia_gravity_error(n: int) -> float:
    """Error / amplitude of a plane wave over n cells after a tenth of a period, dt in proportion to dx."""
    f, H, L, a = 1e-4, 100.0, 1e6, 1e-4
    k = 2 * np.pi / L
    omega = np.sqrt(f**2 + GRAVITY * H * k**2)
    grid = ogcm.cartesian(nx=n, ny=3, dx=L / n, dy=L / n, f0=f, periodic_x=True, periodic_y=True)
    model = ogcm.Model(
        grid,
        depth=H,
        dz=[H],
        equation_of_state="none",
        friction="none",
        free_surface="linear",
        eta=lambda x, y: a * np.cos(k * x),
        u=lambda x, y, z: a * omega / (k * H) * np.cos(k * x),
        v=lambda x, y, z: a * f / (k * H) * np.sin(k * x),
        parameters=NO_MIXING,
        dt=0.4 * 2 * np.pi / omega / n,
        barotropic_steps=8,
    )
    steps = n // 4
    advance(model, steps)
    exact = a * np.cos(k * grid.x_t - omega * steps * model.numerics.dt)
    return float(np.abs(interior(model.state.eta)[1] - exact).max() / a)


def inertia_gravity_waves() -> Result:
    """omega^2 = f^2 + g H k^2: a plane wave of shallow water converges with second order in space and time together.

    Source: Gill (1982), sec. 8.2
    """
    cells = np.array([16, 32, 64, 128])
    errors = np.array([inertia_gravity_error(n) for n in cells])
    return Result(
        [order("order of convergence", 2.0, errors, 0.2)],
        {"error": (cells, errors[0] * (cells[0] / cells) ** 2.0, errors)},
    )


CASES = [inertia_gravity_waves]
