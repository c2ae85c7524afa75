"""The adjoint of `ogcm/open_stage.py`: what a stage does at open sides."""

from typing import TYPE_CHECKING

from adjoint.clear import clear
from adjoint.operators.flather import chapman_ad, outer_waves_ad
from adjoint.operators.open_boundary import carry_out_ad, radiate_ad, take_from_rim
from ogcm.halo import exchange

if TYPE_CHECKING:
    from adjoint.work import BackwardStage
    from ogcm.model import Model
    from ogcm.work import StageWork


def open_velocity_ad(model: "Model", backward: "BackwardStage", work_ad: "StageWork") -> None:
    """Compute the adjoint of the velocity at the rim, after that of its depth mean and of the barotropic mode.

    Parameters
    ----------
    model : Model
        The model.
    backward : BackwardStage
        The stage; its `s_ad` holds the adjoint of u_star and v_star.
    work_ad : StageWork
        Adjoints of the work arrays.
    """
    step, stage, _, s_ad = backward
    grid, rims, g = model.grid, model.forcing.rims, step.gradient
    exchange(grid, s_ad.u, s_ad.v)
    if model.open_sides.flow == "radiation":
        pass
    exchange(grid, work_ad.outer_u, work_ad.outer_v)
    outer_waves_ad(grid, work_ad.outer_u, work_ad.outer_v, s_ad.u, s_ad.v, work_ad.eta_outside)
    take_from_rim(s_ad.u, rims["u_outside"].places, g.fluxes.u_outside)
    take_from_rim(s_ad.v, rims["v_outside"].places, g.fluxes.v_outside)
    take_from_rim(work_ad.eta_outside[None], rims["eta_outside"].places, g.fluxes.eta_outside)


def open_sea_level_ad(model: "Model", backward: "BackwardStage", work_ad: "StageWork") -> None:
    """Compute the adjoint of the sea level of the cells outside.

    Parameters
    ----------
    model : Model
        The model.
    backward : BackwardStage
        The stage.
    work_ad : StageWork
        Adjoints of the work arrays.
    """
    step, stage, _, s_ad = backward
    clear(work_ad.eta_inside, work_ad.eta_outside, work_ad.outer_u, work_ad.outer_v)
    exchange(model.grid, s_ad.eta)
    chapman_ad(stage.dt, model.grid, s_ad.eta, step.gradient.state.eta, work_ad.eta_inside)
    s_ad.eta[...] = work_ad.eta_inside


def open_tracers_ad(model: "Model", backward: "BackwardStage") -> None:
    """Compute the adjoint of the tracers of the cells outside.

    Parameters
    ----------
    model : Model
        The model.
    backward : BackwardStage
        The stage.
    """
    step, stage, _, s_ad = backward
    grid = model.grid
    for name in model.tracers:
        new_ad, entry = getattr(s_ad, name), f"{name}_outside"
        exchange(grid, new_ad)
        take_from_rim(new_ad, model.forcing.rims[entry].places, getattr(step.gradient.fluxes, entry))
