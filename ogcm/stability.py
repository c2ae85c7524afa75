"""The limits of the time step, all in one place: waves, flow and mixing."""

import numpy as np

from ogcm.grid import interior
from ogcm.model import Model

Array = np.ndarray
BAROTROPIC_COURANT = 0.85  # of a substep; forward-backward is stable up to 1
LARGEST_CFL = 1.0
LARGEST_DAMPING = 2.0  # of the shortest wave in a step; mixing is one Euler step, which amplifies it beyond


def barotropic_steps(model: Model) -> float:
    """Substeps of the barotropic mode in a step, as chosen or as long waves need."""
    grid, numerics = model.grid, model.numerics
    inverse = np.sqrt(1 / interior(grid.dx_t) ** 2 + 1 / interior(grid.dy_t) ** 2)
    rate = float((np.sqrt(numerics.gravity * interior(grid.depth_t)) * inverse * interior(grid.mask_t)[0]).max())
    return numerics.barotropic_steps or numerics.dt * rate / BAROTROPIC_COURANT


def courant_number(model: Model) -> float:
    """The largest advective Courant number |u| dt/dx + |v| dt/dy of a model's state."""
    state, grid = model.state, model.grid
    rate = np.abs(state.u) / grid.dx_u + np.abs(state.v) / grid.dy_v
    return float(interior(rate).max() * model.numerics.dt)


def stable_mixing(model: Model) -> dict[str, Array]:
    """The largest mixing along layers that is stable with this step: maps (ny, nx) by the name of the parameter in use.

    m2 s-1, of the biharmonic ones m4 s-1; infinite on land.
    """
    ny, nx = model.horizontal.shape
    dx, dy, wet = (interior(a) for a in (model.grid.dx_t, model.grid.dy_t, model.grid.mask_t[0]))
    shortest, most = 4.0 * (nx > 2) / dx**2 + 4.0 * (ny > 2) / dy**2, {}
    for mixing, name, higher in (("friction", "nu_h", "nu4_h"), ("diffusion", "kappa_h", "kappa4_h")):
        choice = getattr(model.numerics, mixing)
        for parameter, power in {"none": (), "laplacian": ((name, 1),)}.get(choice, ((name, 1), (higher, 2))):
            most[parameter] = np.full((ny, nx), np.inf)
            damping = wet * shortest**power * model.numerics.dt
            np.divide(LARGEST_DAMPING, damping, out=most[parameter], where=damping > 0)
    return most
