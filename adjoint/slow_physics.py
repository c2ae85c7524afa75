"""The adjoint of the slow physics of a step: `ogcm.slow_physics` in the opposite order.

The stages have computed the adjoints of D, of the vertical mixing and of the bottom drag (`step.slow_ad`). The
functions here add the adjoints of the state n, the forcing and the parameters to `step.gradient`.
"""

from typing import Any

import numpy as np

from adjoint.clear import clear
from adjoint.open_stage import add_to_list
from adjoint.operators.barotropic import depth_mean_ad
from adjoint.operators.bottom_drag import bottom_drag_ad
from adjoint.operators.equation_of_state import EQUATIONS_OF_STATE_AD
from adjoint.operators.expansion import EXPANSION_AD
from adjoint.operators.friction import stress_divergence_ad
from adjoint.operators.isoneutral import isoneutral_diffusion_ad, isoneutral_mixing_ad
from adjoint.operators.layers import stretch_ad
from adjoint.operators.nudging import nudge_ad
from adjoint.operators.shortwave import absorb_shortwave_ad
from adjoint.operators.surface import hold_above_freezing_ad, surface_flux_ad, wind_stress_ad
from adjoint.operators.surface_potential import surface_potential_ad
from adjoint.operators.tke import (
    advance_tke_ad,
    shear_production_ad,
    tke_mixing_ad,
    vertical_shear_ad,
    wave_energy_ad,
)
from adjoint.operators.tracer_diffusion import diffuse_tracer_ad, tracer_laplacian_ad
from adjoint.operators.tracer_sources import decay_fraction_ad, tracer_source_ad
from adjoint.operators.vertical_mixing import constant_mixing_ad, richardson_mixing_ad
from adjoint.operators.visbeck import visbeck_ad
from adjoint.operators.viscosity import leith_ad, smagorinsky_ad
from adjoint.work import BackwardStep
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.operators.tracer_diffusion import tracer_laplacian
from ogcm.slow_physics import eddy_diffusivities, negative, nudged, potential_of_unit, potentials, rain_content

Array = np.ndarray


def slow_physics_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of the slow physics without the model's terms.

    Parameters
    ----------
    model : Model
        The model.
    step : BackwardStep
        The step.
    """
    grid, n, fluxes, s, s_ad = model.grid, step.n, step.fluxes, step.slow.s, step.slow_ad.s
    n_ad, fluxes_ad, D_ad = step.gradient.state, step.gradient.fluxes, step.slow_ad.D
    exchange(grid, D_ad.u, D_ad.v, step.slow_ad.drag_u, step.slow_ad.drag_v)
    eddies = model.numerics.has_eddies
    if eddies:
        clear(step.slow_ad.b_T, step.slow_ad.b_S)
        if model.numerics.eddy_diffusivity == "visbeck":
            clear(*eddy_diffusivities(model, step.slow_ad))
    if model.open_sides.zone:
        nudging_ad(model, step)
    if model.tracers:
        tracer_sources_ad(model, step)
    if eddies:
        along_slopes_ad(model, step)
    mixing_coefficients_ad(model, step)
    friction_ad(model, step)
    for name in potentials(model):
        surface_potential_ad(potential_of_unit(model, name), grid, D_ad.u, D_ad.v, getattr(fluxes_ad, name))
    stress, stress_ad = (fluxes.tau_x, fluxes.tau_y), (fluxes_ad.tau_x, fluxes_ad.tau_y)
    wind_stress_ad(*stress, s.u, s.v, grid, D_ad.u, D_ad.v, *stress_ad, s_ad.u, s_ad.v)
    depth_mean_ad(n.u, n.v, grid, *step.slow_ad.bar, n_ad.u, n_ad.v)
    exchange(grid, s_ad.u, s_ad.v)
    stretch_ad(n.eta, grid, *s_ad, n_ad.eta)


def nudging_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of the nudging in the zone along open sides, from D."""
    g, rate = step.gradient, model.parameters["nudging_zone"]
    for name in ("u", "v", *model.tracers):
        factor, mask = nudged(model, name, step.slow)
        rim, entry, D_ad = model.forcing.rims[f"{name}_outside"], f"{name}_outside", getattr(step.slow_ad.D, name)
        given = getattr(step.n, name), getattr(step.fluxes, entry).ravel(), rate, rim.zone, rim.ramp, factor, mask
        at_points_ad = step.scratch.layers[0]
        nudge_ad(*given, D_ad, getattr(g.state, name), g.parameters["nudging_zone"], at_points_ad)
        add_to_list(rim, mask, at_points_ad, getattr(g.fluxes, entry))


def friction_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of horizontal friction, from D.u and D.v."""
    grid, numerics, p, p_ad = model.grid, model.numerics, model.parameters, step.gradient.parameters
    n, n_ad, D_ad, scratch = step.n, step.gradient.state, step.slow_ad.D, step.scratch.layers
    if numerics.friction == "none":
        return
    if numerics.friction == "biharmonic":
        slow, L_ad, minus_ad = step.slow, (step.slow_ad.L_u, step.slow_ad.L_v), np.zeros_like(p["nu4_h"])
        clear(*L_ad)
        minus = negative(model, "nu4_h", slow)
        stress_divergence_ad(slow.L_u, slow.L_v, minus, grid, D_ad.u, D_ad.v, *L_ad, minus_ad, *scratch)
        p_ad["nu4_h"][...] -= minus_ad
        velocity_laplacian_ad(model, step)
    if numerics.viscosity == "constant":
        stress_divergence_ad(n.u, n.v, p["nu_h"], grid, D_ad.u, D_ad.v, n_ad.u, n_ad.v, p_ad["nu_h"], *scratch)
        return
    nu, nu_ad = step.slow.nu, step.slow_ad.nu
    clear(nu_ad)
    stress_divergence_ad(n.u, n.v, nu, grid, D_ad.u, D_ad.v, n_ad.u, n_ad.v, nu_ad, *scratch)
    viscosity_ad(model, step)


def viscosity_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of a viscosity that follows the flow, to the flow and its parameters."""
    grid, p, p_ad, name = model.grid, model.parameters, step.gradient.parameters, model.numerics.viscosity
    n, n_ad, nu_ad, scratch = step.n, step.gradient.state, step.slow_ad.nu, step.scratch.layers
    exchange(grid, nu_ad)
    clear(*scratch)
    adjoints: dict[str, tuple[Any, int]] = {"smagorinsky": (smagorinsky_ad, 1), "leith": (leith_ad, 2)}
    flow_dependent_ad, arrays = adjoints[name]
    inputs, inputs_ad = (n.u, n.v, p["nu_h"], p[name]), (n_ad.u, n_ad.v, p_ad["nu_h"], p_ad[name])
    flow_dependent_ad(*inputs, grid, nu_ad, *inputs_ad, *scratch[:arrays])


def velocity_laplacian_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of L_u and L_v, to the velocities."""
    n, n_ad, slow_ad = step.n, step.gradient.state, step.slow_ad
    L_ad = (slow_ad.L_u, slow_ad.L_v)
    exchange(model.grid, *L_ad)
    outputs_ad = (n_ad.u, n_ad.v, slow_ad.one)
    stress_divergence_ad(n.u, n.v, step.slow.one, model.grid, *L_ad, *outputs_ad, *step.scratch.layers)


def mixing_coefficients_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of bottom drag, nu_v and kappa_v, to the flow, the stratification and the parameters."""
    grid, numerics, p, p_ad = model.grid, model.numerics, model.parameters, step.gradient.parameters
    n, n_ad, slow, slow_ad = step.n, step.gradient.state, step.slow, step.slow_ad
    drag, drag_ad = ([a[f"drag_{kind}"] for kind in ("linear", "quadratic")] for a in (p, p_ad))
    bottom_drag_ad(n.u, n.v, *drag, grid, slow_ad.drag_u, slow_ad.drag_v, n_ad.u, n_ad.v, *drag_ad)
    background, background_ad = ([a[name] for name in ("nu_v", "kappa_v", "kappa_convective")] for a in (p, p_ad))
    out_ad = (slow_ad.nu_v, slow_ad.kappa_v)
    if numerics.vertical_mixing == "constant":  # which does not depend smoothly on N2
        constant_mixing_ad(slow.N2, *background, grid, *out_ad, slow_ad.N2, *background_ad)
        return
    if numerics.vertical_mixing == "tke":
        turbulent_mixing_ad(model, step)
        stratification_ad(model, step)
        return
    shear, shear_ad = ([a[name] for name in ("nu_richardson", "alpha_richardson")] for a in (p, p_ad))
    clear(slow_ad.N2, step.scratch.interfaces)
    arguments: tuple[Any, ...] = (n.u, n.v, slow.N2, *background, *shear, grid, *out_ad)
    arguments_ad: tuple[Any, ...] = (n_ad.u, n_ad.v, slow_ad.N2, *background_ad, *shear_ad)
    both = (*arguments, *arguments_ad, step.scratch.interfaces)
    richardson_mixing_ad(*both)
    stratification_ad(model, step)


def turbulent_mixing_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of the turbulent kinetic energy and of the mixing by it."""
    grid, p, p_ad, n, n_ad = model.grid, model.parameters, step.gradient.parameters, step.n, step.gradient.state
    slow, slow_ad, fluxes, fluxes_ad = step.slow, step.slow_ad, step.fluxes, step.gradient.fluxes
    of_mixing = ("nu_v", "kappa_v", "kappa_convective", "tke_viscosity", "tke_richardson")
    flow, flow_ad = (n.tke, slow.N2, slow.S2), (n_ad.tke, slow_ad.N2, slow_ad.S2)
    clear(slow_ad.N2, slow_ad.S2, slow_ad.production, slow_ad.tke_surface)
    of_energy = ("tke_background", "tke_viscosity", "tke_dissipation", "tke_richardson")
    energy, energy_ad = ([a[name] for name in of_energy] for a in (p, p_ad))
    dt = grid.h_t.dtype.type(model.numerics.dt)
    inputs = (*flow, slow.production, slow.tke_surface, *energy)
    inputs_ad = (*flow_ad, slow_ad.production, slow_ad.tke_surface, *energy_ad)
    both: tuple[Any, ...] = (*inputs, dt, grid, slow.tke, slow_ad.tke, *inputs_ad, step.scratch.interfaces)
    advance_tke_ad(*both)
    exchange(grid, slow_ad.tke_surface)
    waves, waves_ad = ([a["tke_waves"], a["tke_background"]] for a in (p, p_ad))
    stress, stress_ad = (fluxes.tau_x, fluxes.tau_y), (fluxes_ad.tau_x, fluxes_ad.tau_y)
    wave_energy_ad(*stress, *waves, grid, slow_ad.tke_surface, *stress_ad, *waves_ad)
    clear(step.scratch.interfaces)
    velocity, velocity_ad = (n.u, n.v), (n_ad.u, n_ad.v)
    shear_production_ad(
        *velocity, slow.nu_v, grid, slow_ad.production, *velocity_ad, slow_ad.nu_v, step.scratch.interfaces
    )
    mixing, mixing_ad = ([a[name] for name in of_mixing] for a in (p, p_ad))
    tke_mixing_ad(*flow, *mixing, grid, slow_ad.nu_v, slow_ad.kappa_v, *flow_ad, *mixing_ad)
    vertical_shear_ad(n.u, n.v, grid, slow_ad.S2, n_ad.u, n_ad.v, step.scratch.interfaces)


def stratification_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of the stratification, to T, S and the coefficients of the equation of state."""
    grid, numerics, p = model.grid, model.numerics, model.parameters
    n, n_ad, slow_ad = step.n, step.gradient.state, step.slow_ad
    if numerics.has_tracers:
        equation = EQUATIONS_OF_STATE_AD[numerics.equation_of_state]
        equation.stratification_tracers(n.T, n.S, p["eos"], grid, slow_ad.N2, n_ad.T, n_ad.S)
        if step.eos_ad is not None:
            equation.stratification_columns(n.T, n.S, p["eos"], grid, slow_ad.N2, step.eos_ad)


def along_slopes_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of the vertical part of isoneutral diffusion and of the expansion of the water."""
    grid, numerics, p, p_ad = model.grid, model.numerics, model.parameters, step.gradient.parameters
    n, n_ad, slow, slow_ad = step.n, step.gradient.state, step.slow, step.slow_ad
    water, water_ad = (n.T, n.S, slow.b_T, slow.b_S), (n_ad.T, n_ad.S, slow_ad.b_T, slow_ad.b_S)
    (kappa, _), (kappa_ad, _) = eddy_diffusivities(model, slow), eddy_diffusivities_ad(model, step)
    sharp = numerics.sharp_taper
    inputs, inputs_ad = (*water, kappa, p["slope_max"], sharp), (*water_ad, kappa_ad, p_ad["slope_max"])
    both: tuple[Any, ...] = (*inputs, grid, slow_ad.kappa_v, *inputs_ad, *slow_ad.triads)
    isoneutral_mixing_ad(*both)
    if numerics.eddy_diffusivity == "visbeck":
        clear(slow_ad.kappa_eddy)
        for name, a_ad in zip(("kappa_redi", "kappa_gm"), eddy_diffusivities_ad(model, step), strict=True):
            p_ad[name][...] += a_ad
            slow_ad.kappa_eddy[...] += a_ad.sum(axis=0, keepdims=True)
        names = ("visbeck", "visbeck_length", "slope_max")
        growth, growth_ad = ([a[name] for name in names] for a in (p, p_ad))
        both = (*water, *growth, sharp, grid, slow_ad.kappa_eddy, *water_ad, *growth_ad, *slow_ad.triads)
        visbeck_ad(*both)
    expansion, b_ad = EXPANSION_AD[numerics.equation_of_state], (slow_ad.b_T, slow_ad.b_S)
    expansion.tracers(n.T, n.S, p["eos"], grid, *b_ad, n_ad.T, n_ad.S)
    if step.eos_ad is not None:
        expansion.columns(n.T, n.S, p["eos"], grid, *b_ad, step.eos_ad)


def eddy_diffusivities_ad(model: Model, step: BackwardStep) -> tuple[Array, Array]:
    """Return the adjoints of the diffusivities of isoneutral diffusion and of eddy-induced advection."""
    if model.numerics.eddy_diffusivity == "constant":
        return step.gradient.parameters["kappa_redi"], step.gradient.parameters["kappa_gm"]
    return eddy_diffusivities(model, step.slow_ad)


def tracer_sources_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of the sources of tracers, from their D to tracers, surface fluxes and parameters."""
    grid, fluxes, fluxes_ad, slow_ad = model.grid, step.fluxes, step.gradient.fluxes, step.slow_ad
    exchange(grid, *(getattr(slow_ad.D, name) for name in model.tracers))
    if "T" in model.tracers and "shortwave" in model.forcing.names:
        shortwave_heating_ad(model, step)
    for name in model.tracers:
        tracer, tracer_ad = getattr(step.n, name), getattr(step.gradient.state, name)
        source_and_decay_ad(model, name, step)
        if model.numerics.has_eddies:
            eddies_ad(model, name, step)
        diffusion_ad(model, name, step)
        flux, flux_ad = tracer_flux_ad(model, name, step)
        restoring, restoring_ad = (
            [getattr(a, f"{name}_star"), getattr(a, f"rate_{name}")] for a in (fluxes, fluxes_ad)
        )
        surface_flux_ad(
            tracer, flux, *restoring, fluxes.fresh_water, rain_content(model, name), grid, getattr(slow_ad.D, name),
            tracer_ad, flux_ad, *restoring_ad, fluxes_ad.fresh_water,
        )  # fmt: skip
    if "T" in model.tracers:
        surface_heat_ad(model, step)


def eddies_ad(model: Model, name: str, step: BackwardStep) -> None:
    """Compute the adjoint of isoneutral diffusion and eddy-induced advection, from D of the tracer `name`."""
    n, n_ad, slow, slow_ad = step.n, step.gradient.state, step.slow, step.slow_ad
    water, water_ad = (n.T, n.S, slow.b_T, slow.b_S), (n_ad.T, n_ad.S, slow_ad.b_T, slow_ad.b_S)
    mixing = (*eddy_diffusivities(model, slow), model.parameters["slope_max"])
    mixing_ad = (*eddy_diffusivities_ad(model, step), step.gradient.parameters["slope_max"])
    constants = (model.numerics.sharp_taper, slow_ad.triads, model.grid)
    outputs_ad = (getattr(n_ad, name), *water_ad, *mixing_ad)
    inputs = (getattr(n, name), *water, *mixing)
    both: tuple[Any, ...] = (*inputs, *constants, getattr(slow_ad.D, name), *outputs_ad, step.scratch.layers[0])
    isoneutral_diffusion_ad(*both)


def shortwave_heating_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of the heating by shortwave radiation, from D.T to the radiation and its parameters."""
    names, q_ad = ("red_fraction", "red_depth", "blue_depth"), step.slow_ad.shortwave
    water, water_ad = ([a[name] for name in names] for a in (model.parameters, step.gradient.parameters))
    clear(q_ad)
    absorb_shortwave_ad(step.slow.shortwave, *water, model.grid, step.slow_ad.D.T, q_ad, *water_ad)
    step.gradient.fluxes.shortwave[...] += q_ad / model.grid.h_t.dtype.type(model.numerics.heat_per_volume)


def tracer_flux_ad(model: Model, name: str, step: BackwardStep) -> tuple[Array, Array]:
    """Return the flux of a tracer through the surface, and the array of its adjoint, to which is added."""
    if name not in ("T", "S"):
        return getattr(step.fluxes, f"flux_{name}"), getattr(step.gradient.fluxes, f"flux_{name}")
    kind = "no_flux" if name == "S" else "held" if model.numerics.freezing else "heat"
    clear(getattr(step.slow_ad, kind))
    return getattr(step.slow, kind), getattr(step.slow_ad, kind)


def source_and_decay_ad(model: Model, name: str, step: BackwardStep) -> None:
    """Compute the adjoint of source and decay, from D of the tracer `name`."""
    grid, p, p_ad, slow, slow_ad = model.grid, model.parameters, step.gradient.parameters, step.slow, step.slow_ad
    if f"decay_{name}" not in p:
        return
    source, decay = f"source_{name}", f"decay_{name}"
    C, C_ad, D_ad = getattr(step.n, name), getattr(step.gradient.state, name), getattr(slow_ad.D, name)
    phi, phi_ad = slow.like(decay, p[decay]), slow_ad.like(decay, p[decay])
    clear(phi_ad)
    tracer_source_ad(
        C, p[source], p[decay], phi, slow.s.t, grid, D_ad, C_ad, p_ad[source], p_ad[decay], phi_ad, slow_ad.s.t
    )
    decay_fraction_ad(p[decay], grid.h_t.dtype.type(model.numerics.dt), grid, phi_ad, p_ad[decay])


def surface_heat_ad(model: Model, step: BackwardStep) -> None:
    """Compute the adjoint of the flux of temperature, to the heat flux and the surface temperature."""
    grid, slow_ad, n_ad = model.grid, step.slow_ad, step.gradient.state
    if model.numerics.freezing:
        clear(slow_ad.heat)
        freezing, freezing_ad = (a["T_freezing"] for a in (model.parameters, step.gradient.parameters))
        outputs_ad = (n_ad.T, slow_ad.heat, freezing_ad)
        hold_above_freezing_ad(step.n.T, step.slow.heat, freezing, grid, slow_ad.held, *outputs_ad)
    step.gradient.fluxes.heat_flux[...] += slow_ad.heat / grid.h_t.dtype.type(model.numerics.heat_per_volume)


def diffusion_ad(model: Model, name: str, step: BackwardStep) -> None:
    """Compute the adjoint of horizontal diffusion, from D of the tracer `name`."""
    grid, numerics, p, p_ad = model.grid, model.numerics, model.parameters, step.gradient.parameters
    T, T_ad, D_ad = getattr(step.n, name), getattr(step.gradient.state, name), getattr(step.slow_ad.D, name)
    if numerics.diffusion == "none":
        return
    if numerics.diffusion == "biharmonic":
        L, L_ad, minus_ad = step.slow.L_T, step.slow_ad.L_T, np.zeros_like(p["kappa4_h"])
        clear(L_ad)
        tracer_laplacian(T, grid, L)
        exchange(grid, L)
        diffuse_tracer_ad(L, negative(model, "kappa4_h", step.slow), grid, D_ad, L_ad, minus_ad)
        p_ad["kappa4_h"][...] -= minus_ad
        exchange(grid, L_ad)
        tracer_laplacian_ad(T, grid, L_ad, T_ad)
    diffuse_tracer_ad(T, p["kappa_h"], grid, D_ad, T_ad, p_ad["kappa_h"])
