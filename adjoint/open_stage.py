"""The adjoint of `ogcm/open_stage.py`: what a stage does at open sides."""

from typing import TYPE_CHECKING

import numpy as np

from adjoint.clear import clear
from adjoint.operators.flather import chapman_ad, outer_waves_ad
from adjoint.operators.open_boundary import carry_out_ad, put_on_rim_ad, radiate_ad, set_rim_ad
from adjoint.operators.surface_potential import inverse_barometer_ad
from adjoint.operators.volume import add_flow_ad, volume_gain_ad
from ogcm.halo import exchange
from ogcm.open_stage import sum_of

if TYPE_CHECKING:
    from adjoint.work import BackwardStage
    from ogcm.model import Model
    from ogcm.outside import Rim
    from ogcm.work import StageWork, UniformInflow

Array = np.ndarray


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
    grid, rims, work = model.grid, model.forcing.rims, stage.work
    exchange(grid, s_ad.u, s_ad.v)
    if model.open_sides.flow == "radiation":
        radiate_to_rim_ad(model, backward, work_ad, "u", step.n.u, work.u_star, grid.inward_u, grid.mask_u)
        radiate_to_rim_ad(model, backward, work_ad, "v", step.n.v, work.v_star, grid.inward_v, grid.mask_v)
    exchange(grid, work_ad.outer_u, work_ad.outer_v)
    outer_waves_ad(grid, work_ad.outer_u, work_ad.outer_v, s_ad.u, s_ad.v, work_ad.eta_outside)
    if model.open_sides.inverse_barometer:
        inverse_barometer_ad(grid, work_ad.eta_outside, step.gradient.fluxes.surface_pressure)
    masks = {"u": grid.mask_u, "v": grid.mask_v, "eta": grid.mask_t[:1]}
    for name, field_ad in (("u", s_ad.u), ("v", s_ad.v), ("eta", work_ad.eta_outside[None])):
        rim, values_ad = rims[f"{name}_outside"], work_ad.rim[: len(field_ad)]
        set_rim_ad(rim.places, masks[name], field_ad, values_ad)
        add_to_list(rim, masks[name], values_ad, getattr(step.gradient.fluxes, f"{name}_outside"))


def add_to_list(rim: "Rim", mask: Array, at_points_ad: Array, outside_ad: Array) -> None:
    """Add adjoints at points of a field to those of the values of a list.

    Parameters
    ----------
    rim : Rim
        The list.
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land.
    at_points_ad : ndarray, shape (nk, nj, ni)
        Adjoint at the points of the list.
    outside_ad : ndarray, shape (nk, 1, N)
        Adjoint of the values, added to.
    """
    if outside_ad.size:
        put_on_rim_ad(rim.addresses, mask.ravel(), at_points_ad.ravel(), outside_ad)


def radiate_to_rim_ad(
    model: "Model",
    backward: "BackwardStage",
    work_ad: "StageWork",
    name: str,
    old: Array,
    new: Array,
    inward: Array,
    mask: Array,
) -> None:
    """Compute the adjoint of the radiation of a field, whose adjoint at the rim is then 0.

    Parameters
    ----------
    model : Model
        The model.
    backward : BackwardStage
        The stage.
    work_ad : StageWork
        Adjoints of the work arrays.
    name : str
        Name of the field.
    old, new : ndarray, shape (nk, nj, ni)
        The field at the beginning and at the end of the stage, the latter with the values of the rim; halo filled.
    inward : ndarray of int8, shape (2, nj, ni)
        Steps from the rim inwards.
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land.
    """
    step, stage, _, s_ad = backward
    entry, new_ad, values_ad, at_points_ad = f"{name}_outside", getattr(s_ad, name), work_ad.rim, step.scratch.layers[0]
    rim, g, outside = model.forcing.rims[entry], step.gradient, getattr(stage.fluxes, entry).ravel()
    rates, rates_ad = ([p[f"nudging_{way}"] for way in ("in", "out")] for p in (model.parameters, g.parameters))
    set_rim_ad(rim.places, mask, new_ad, values_ad)
    exchange(model.grid, values_ad)
    radiate_ad(
        old, new, outside, rim.places, rim.beside, inward, mask, stage.dt, *rates, values_ad,
        getattr(g.state, name), new_ad, *rates_ad, at_points_ad,
    )  # fmt: skip
    add_to_list(rim, mask, at_points_ad, getattr(g.fluxes, entry))


def hold_volume_ad(model: "Model", backward: "BackwardStage", work_ad: "StageWork", inflow: "UniformInflow") -> None:
    """Compute the adjoint of the uniform inflow that constrains the volume.

    Parameters
    ----------
    model : Model
        The model.
    backward : BackwardStage
        The stage; its `s_ad` holds the adjoint of eta.
    work_ad : StageWork
        Adjoints of the work arrays.
    inflow : UniformInflow
        The uniform inflow of the stage.
    """
    grid, g, by_place = model.grid, backward.step.gradient, work_ad.eta_inside
    mode_ad = backward.s_ad.eta, *work_ad.bar, work_ad.U_mean, work_ad.V_mean
    add_flow_ad(inflow.flow, grid, *mode_ad, by_place)
    by_place[...] = -sum_of(grid, by_place) / inflow.gain
    fresh_ad, rise_ad = g.fluxes.fresh_water, g.parameters["sea_level_rise"]
    volume_gain_ad(grid, by_place, work_ad.U_mean, work_ad.V_mean, fresh_ad, rise_ad)


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


def open_tracers_ad(model: "Model", backward: "BackwardStage", work_ad: "StageWork") -> None:
    """Compute the adjoint of the tracers of the cells outside.

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
    grid, s, values_ad, at_points_ad = model.grid, stage.s, work_ad.rim, step.scratch.layers[0]
    for name in model.tracers:
        new_ad, rim = getattr(s_ad, name), model.forcing.rims[f"{name}_outside"]
        if model.open_sides.water == "radiation":
            fields = getattr(step.n, name), getattr(s, name)
            radiate_to_rim_ad(model, backward, work_ad, name, *fields, grid.inward_t, grid.mask_t)
            continue
        set_rim_ad(rim.places, grid.mask_t, new_ad, values_ad)
        outer_ad = values_ad
        if model.open_sides.water == "upstream":
            exchange(grid, values_ad)
            carry_out_ad(s.u, s.v, rim.places, grid, values_ad, new_ad, at_points_ad)
            outer_ad = at_points_ad
        add_to_list(rim, grid.mask_t, outer_ad, getattr(step.gradient.fluxes, f"{name}_outside"))
