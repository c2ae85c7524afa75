"""What a stage does at open sides, after the kernels that treat the cells outside like all others.

The rim of a field takes the values outside, those that a radiation makes of them, or for tracers those inside where the
flow leaves. The adjoint is in `adjoint/open_stage.py`.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.device import to_host, zeros
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.operators.barotropic import depth_mean
from ogcm.operators.flather import chapman, outer_waves
from ogcm.operators.open_boundary import carry_out, put_on_rim, radiate, set_rim
from ogcm.operators.surface_potential import inverse_barometer
from ogcm.operators.volume import add_flow, volume_gain
from ogcm.work import UniformInflow

if TYPE_CHECKING:
    from ogcm.grid import Grid
    from ogcm.model import Model
    from ogcm.stepper import Stage
    from ogcm.work import Substeps

Array = np.ndarray


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
    put_on_rim(fluxes.u_outside.ravel(), rims["u_outside"].places, work.u_star)
    put_on_rim(fluxes.v_outside.ravel(), rims["v_outside"].places, work.v_star)
    put_on_rim(fluxes.eta_outside.ravel(), rims["eta_outside"].places, work.eta_outside[None])
    if model.open_sides.inverse_barometer:
        inverse_barometer(fluxes.surface_pressure, grid, work.eta_outside)
    if not grid.tile.is_whole:
        exchange(grid, work.eta_outside)
    outer_waves(work.u_star, work.v_star, work.eta_outside, grid, work.outer_u, work.outer_v)
    if model.open_sides.flow == "radiation":
        radiate_to_rim(model, stage, "u", n.u, work.u_star, grid.inward_u, grid.mask_u)
        radiate_to_rim(model, stage, "v", n.v, work.v_star, grid.inward_v, grid.mask_v)
    exchange(grid, work.u_star, work.v_star)
    depth_mean(work.u_star, work.v_star, grid, *work.bar_star)


def radiate_to_rim(
    model: "Model", stage: "Stage", name: str, old: Array, new: Array, inward: Array, mask: Array
) -> None:
    """Set the rim of a field at the end of a stage to what the radiation gives.

    Parameters
    ----------
    model : Model
        The model.
    stage : Stage
        The stage.
    name : str
        Name of the field.
    old, new : ndarray, shape (nk, nj, ni)
        The field at the beginning and at the end of the stage, halo filled.
    inward : ndarray of int8, shape (2, nj, ni)
        Steps from the rim inwards.
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land.
    """
    entry, values = f"{name}_outside", stage.work.rim
    outside, places = getattr(stage.fluxes, entry).ravel(), model.forcing.rims[entry].places
    rates = model.parameters["nudging_in"], model.parameters["nudging_out"]
    radiate(old, new, outside, places, inward, mask, stage.dt, *rates, values)
    set_rim(values, places, new)


def uniform_inflow(model: "Model", substeps: "Substeps", dt: np.floating) -> UniformInflow:
    """Compute what a stage makes of an outer world that sends 1 m s-1 more through all open sides.

    Parameters
    ----------
    model : Model
        The model.
    substeps : Substeps
        The substeps of the stage, whose memory is used.
    dt : floating
        Length of the stage [s].

    Returns
    -------
    UniformInflow
        The flow, which is the same in all steps.
    """
    grid, dtype = model.grid, model.state.u.dtype
    outer_u, outer_v = (zeros(grid.h_t, grid.depth_t.shape, dtype) for _ in range(2))
    outer_u[...], outer_v[...] = grid.inward_u[1], grid.inward_v[0]
    nothing, flow = np.zeros_like(outer_u), zeros(grid.h_t, (5, *outer_u.shape), dtype)
    substeps.take((*[nothing] * 6, outer_u, outer_v), dt, grid._replace(nonlinear=0), tuple(flow))
    volume_gain(*flow[3:], nothing, nothing[None], grid, outer_u)
    gain = sum_of(grid, outer_u)
    return UniformInflow(flow, gain.real, zeros(grid.h_t, (1,), dtype))


def sum_of(grid: "Grid", a: Array) -> Any:
    """Return the sum of a map (nj, ni), real or complex, over the ocean, correctly rounded."""
    here = to_host(interior(a))
    parts = np.stack([here.real, here.imag]) if here.dtype.kind == "c" else here[None]
    real, *imaginary = grid.tile.totals(parts.astype(float))
    return complex(real, *imaginary) if imaginary else real


def hold_volume(model: "Model", stage: "Stage", inflow: UniformInflow) -> None:
    """Add a uniform inflow to the barotropic mode of a stage, after which the sea level rises as is given.

    Parameters
    ----------
    model : Model
        The model.
    stage : Stage
        The stage, with its barotropic mode computed on the interior.
    inflow : UniformInflow
        The uniform inflow of the stage.
    """
    grid, work, gain = model.grid, stage.work, stage.work.eta_inside
    rise = model.parameters["sea_level_rise"]
    volume_gain(work.U_mean, work.V_mean, stage.fluxes.fresh_water, rise, grid, gain)
    inflow.amount[...] = -sum_of(grid, gain) / inflow.gain
    add_flow(inflow.amount, inflow.flow, stage.s.eta, *work.bar, work.U_mean, work.V_mean)


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
        new, values, places = getattr(s, name), stage.work.rim, model.forcing.rims[f"{name}_outside"].places
        outside = getattr(stage.fluxes, f"{name}_outside").ravel()
        if model.open_sides.water == "radiation":
            radiate_to_rim(model, stage, name, getattr(n, name), new, grid.inward_t, grid.mask_t)
        elif model.open_sides.water == "upstream":
            carry_out(s.u, s.v, new, outside, places, grid, values)
            set_rim(values, places, new)
        else:
            put_on_rim(outside, places, new)
        exchange(grid, new)
