"""What a stage does at open sides, after the kernels that treat the cells outside like all others.

The values outside are put on the rim of a field; a radiation then replaces them by what arrives from inside. The adjoint,
in `adjoint/open_stage.py`, goes the opposite way: what remains at the rim is the adjoint of the values outside.
"""

from typing import TYPE_CHECKING

from ogcm.halo import exchange
from ogcm.operators.barotropic import depth_mean
from ogcm.operators.flather import chapman, outer_waves
from ogcm.operators.open_boundary import carry_out, put_on_rim, radiate

if TYPE_CHECKING:
    from ogcm.model import Model
    from ogcm.stepper import Stage


def open_velocity(model: "Model", stage: "Stage") -> None:
    """Set u_star and v_star at the rim and their depth mean, and compute what the outer world sends.

    Parameters
    ----------
    model : Model
        The model.
    stage : Stage
        The stage, with u_star and v_star of its work arrays computed, and their halo filled.
    """
    grid, fluxes, n, work, rims = model.grid, stage.fluxes, stage.n, stage.work, model.forcing.rims
    put_on_rim(fluxes.u_outside, rims["u_outside"].places, work.u_star)
    put_on_rim(fluxes.v_outside, rims["v_outside"].places, work.v_star)
    put_on_rim(fluxes.eta_outside, rims["eta_outside"].places, work.eta_outside[None])
    exchange(grid, work.eta_outside)
    outer_waves(work.u_star, work.v_star, work.eta_outside, grid, work.outer_u, work.outer_v)
    if model.open_sides.flow == "radiation":
        rates = model.parameters["nudging_in"], model.parameters["nudging_out"]
        radiate(n.u, grid.inward_u, grid.mask_u, stage.dt, *rates, work.u_star)
        radiate(n.v, grid.inward_v, grid.mask_v, stage.dt, *rates, work.v_star)
    if not grid.tile.is_whole:
        exchange(grid, work.u_star, work.v_star)
    depth_mean(work.u_star, work.v_star, grid, *work.bar_star)


def open_sea_level(model: "Model", stage: "Stage") -> None:
    """Set the sea level of the cells outside at the end of a stage.

    Parameters
    ----------
    model : Model
        The model.
    stage : Stage
        The stage, with its sea level computed inside, and the halo filled.
    """
    grid, work = model.grid, stage.work
    work.eta_inside[...] = stage.s.eta
    chapman(stage.n.eta, work.eta_inside, stage.dt, grid, stage.s.eta)
    exchange(grid, stage.s.eta)


def open_tracers(model: "Model", stage: "Stage") -> None:
    """Set the tracers of the cells outside at the end of a stage.

    Parameters
    ----------
    model : Model
        The model.
    stage : Stage
        The stage, with velocity and tracers computed, and their halo filled.
    """
    grid, n, s = model.grid, stage.n, stage.s
    for name in model.tracers:
        new, entry = getattr(s, name), f"{name}_outside"
        put_on_rim(getattr(stage.fluxes, entry), model.forcing.rims[entry].places, new)
        if model.open_sides.water == "radiation":
            rates = model.parameters["nudging_in"], model.parameters["nudging_out"]
            radiate(getattr(n, name), grid.inward_t, grid.mask_t, stage.dt, *rates, new)
        elif model.open_sides.water == "upstream":
            carry_out(s.u, s.v, grid, new)
        if not grid.tile.is_whole:
            exchange(grid, new)
