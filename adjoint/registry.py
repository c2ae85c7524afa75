"""The registry of all pairs of a forward kernel and its adjoint kernel.

The dot-product test and `ogcm check-gradients` check every pair. `adjoint.pairs` explains the kinds of their arguments.
Further operators are registered in the same way (docs/operators.md):

    PAIRS.register("relax", Pair(relax, relax_ad, kinds("T t 5, rate t1+ 1e-6"), {"D": "t"}))
"""

from adjoint.open_pairs import OPERATORS_AT_OPEN_SIDES, opened
from adjoint.operators import barotropic as barotropic_ad
from adjoint.operators import bottom_drag as bottom_drag_ad
from adjoint.operators import bulk_fluxes as bulk_fluxes_ad
from adjoint.operators import equation_of_state as equation_of_state_ad
from adjoint.operators import expansion as expansion_ad
from adjoint.operators import extrapolation as extrapolation_ad
from adjoint.operators import friction as friction_ad
from adjoint.operators import isoneutral as isoneutral_ad
from adjoint.operators import layers as layers_ad
from adjoint.operators import longwave as longwave_ad
from adjoint.operators import momentum_advection as momentum_advection_ad
from adjoint.operators import momentum_upwinding as momentum_upwinding_ad
from adjoint.operators import pressure as pressure_ad
from adjoint.operators import radiation as radiation_ad
from adjoint.operators import shortwave as shortwave_ad
from adjoint.operators import surface as surface_ad
from adjoint.operators import surface_potential as surface_potential_ad
from adjoint.operators import tke as tke_ad
from adjoint.operators import tracer_advection as tracer_advection_ad
from adjoint.operators import tracer_diffusion as tracer_diffusion_ad
from adjoint.operators import tracer_sources as tracer_sources_ad
from adjoint.operators import vertical_diffusion as vertical_diffusion_ad
from adjoint.operators import vertical_mixing as vertical_mixing_ad
from adjoint.operators import vertical_upwinding as vertical_upwinding_ad
from adjoint.operators import visbeck as visbeck_ad
from adjoint.operators import viscosity as viscosity_ad
from adjoint.operators import weno as weno_ad
from adjoint.pair_constants import DT, heights_of_air, same, seven_substeps, time_step_and_dither, with_triads
from adjoint.pairs import pair
from ogcm.extensions import Registry
from ogcm.operators import (
    barotropic,
    bottom_drag,
    bulk_fluxes,
    equation_of_state,
    expansion,
    extrapolation,
    friction,
    isoneutral,
    layers,
    longwave,
    momentum_advection,
    momentum_upwinding,
    pressure,
    radiation,
    shortwave,
    surface,
    surface_potential,
    tke,
    tracer_advection,
    tracer_diffusion,
    tracer_sources,
    vertical_diffusion,
    vertical_mixing,
    vertical_upwinding,
    visbeck,
    viscosity,
    weno,
)


def barotropic_substeps_ad(
    a, b, dt, work, history, grid, eta_new_ad, u_new_ad, v_new_ad, U_mean_ad, V_mean_ad,
    eta_ad, u_bar_ad, v_bar_ad, F_u_ad, F_v_ad, fresh_ad, outer_u_ad, outer_v_ad, carried,
):  # fmt: skip
    """Take the adjoint kernel for all substeps.

    Parameters
    ----------
    a, b, dt, work, history, grid : object
        Weights, time step, what the forward kernel kept, and grid, as for the kernel.
    eta_new_ad, u_new_ad, v_new_ad, U_mean_ad, V_mean_ad : ndarray, shape (nj, ni)
        Adjoints of the results.
    eta_ad, u_bar_ad, v_bar_ad, F_u_ad, F_v_ad, fresh_ad, outer_u_ad, outer_v_ad : ndarray, shape (nj, ni)
        Adjoints of the inputs.
    carried : ndarray, shape (CARRIED_FIELDS, nj, ni)
        Work array.
    """
    barotropic_ad.barotropic_substeps_ad(
        a, b, dt, -1, 2 * len(a) + 2, work, history, grid,
        eta_new_ad, u_new_ad, v_new_ad, U_mean_ad, V_mean_ad,
        eta_ad, u_bar_ad, v_bar_ad, F_u_ad, F_v_ad, fresh_ad, outer_u_ad, outer_v_ad, carried,
    )  # fmt: skip


def take_depth_mean_ad(grid, u_ad, v_ad, u_star_ad, v_star_ad, u_bar_ad, v_bar_ad, target_u_ad, target_v_ad):
    """Take the adjoint kernel, which works in place, with adjoints of its own for the velocity before.

    Parameters
    ----------
    grid : Grid
        Masks.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoints of the results.
    u_star_ad, v_star_ad : ndarray, shape (nk, nj, ni)
        Adjoints of the velocity before, to which is added.
    u_bar_ad, v_bar_ad, target_u_ad, target_v_ad : ndarray, shape (nj, ni)
        Adjoints of the depth means, to which is added.
    """
    u_star_ad += u_ad
    v_star_ad += v_ad
    barotropic_ad.take_depth_mean_ad(grid, u_ad, v_ad, u_bar_ad, v_bar_ad, target_u_ad, target_v_ad)


def extrapolate(x, x_before, e, grid, y):
    """Take the kernel, with a further argument for the grid.

    Parameters
    ----------
    x, x_before : ndarray, shape (nk, nj, ni)
        Field and the field one step before.
    e : float
        Factor of the extrapolation [1].
    grid : Grid
        Not used.
    y : ndarray, shape (nk, nj, ni)
        Extrapolated field.
    """
    extrapolation.extrapolate(x, x_before, e, y)


MOMENTUM = "u u, v v, U u 1e6, V v 1e6, W W 1e6, q f+ 1e-6, s_u u2+, s_v v2+"
WATER = "T t 5, S t 1, b_T t+ 1.6e-3, b_S t -7e-3"
AIR = "u10 t2 8, v10 t2 8, t2 t2 5, q2 t2+ 8e-3, slp t2+ 1e5"
SKY = "t2 t2 5, q2 t2+ 8e-3, slp t2+ 1e5, cloud t2+ 0.5"
TURBULENCE = "e w+ 1e-4, N2 w 1e-5, S2 w+ 1e-5"
MIXING = "background_nu {0} 1e-4, background_kappa {0} 1e-5, convective t1+"
VELOCITY = "{0}_n {0}, G {0} 1e-4, D {0} 1e-4, nu_v w+ 1e-1, drag {0}2+ 1e-3, s_{0} {0}2+"
TRACER = "T_n t, s_n t2+, G t 1e-2, D t 1e-2, kappa_v w+ 1e-1, s_t t2+"

OPERATORS = {
    "stretch": pair(layers.stretch, layers_ad.stretch_ad, "eta t2", "s_t t2, s_u u2, s_v v2, s_f f2"),
    "transports": pair(layers.transports, layers_ad.transports_ad, "u u, v v, s_u u2+, s_v v2+", "U u, V v"),
    "continuity": pair(layers.continuity, layers_ad.continuity_ad, "U u 1e6, V v 1e6, fresh t2 1e-3", "W w"),
    "potential_vorticity": pair(
        momentum_advection.potential_vorticity,
        momentum_advection_ad.potential_vorticity_ad,
        "u u, v v, s_f f2+",
        "q f",
    ),
    **{
        f"advect_momentum_{form}": pair(
            getattr(momentum_advection, f"advect_momentum_{form}"),
            getattr(momentum_advection_ad, f"advect_momentum_{form}_ad"),
            MOMENTUM,
            "G_u u, G_v v",
            overwrites="U V W q",
        )
        for form in ("energy", "enstrophy", "al81")
    },
    "upwind_horizontal": pair(
        momentum_upwinding.upwind_horizontal,
        momentum_upwinding_ad.upwind_horizontal_ad,
        "u u, v v",
        "G_u u, G_v v",
        work="ttttttt",
    ),
    "upwind_vertical": pair(
        vertical_upwinding.upwind_vertical,
        vertical_upwinding_ad.upwind_vertical_ad,
        "u u, v v, W W 1e6, s_u u2+, s_v v2+",
        "G_u u, G_v v",
        work="tt",
    ),
    **{
        f"buoyancy_{family}": pair(
            getattr(equation_of_state, f"buoyancy_{family}"),
            getattr(equation_of_state_ad, f"buoyancy_{family}_ad"),
            f"T t 5, S t 5, coefficients {name}",
            "b t",
        )
        for family, name in (("seos", "quadratic"), ("teos10", "teos10"))
    },
    **{
        f"stratification_{family}": pair(
            getattr(equation_of_state, f"stratification_{family}"),
            getattr(equation_of_state_ad, f"stratification_{family}_ad"),
            f"T t 5, S t 5, coefficients {name}",
            "N2 w",
        )
        for family, name in (("seos", "quadratic"), ("teos10", "teos10"))
    },
    "hydrostatic_pressure": pair(
        pressure.hydrostatic_pressure, pressure_ad.hydrostatic_pressure_ad, "b t 1e-2, eta t2, s_t t2+", "p t"
    ),
    "pressure_gradient": pair(
        pressure.pressure_gradient,
        pressure_ad.pressure_gradient_ad,
        "p t, b t 1e-2, eta t2, s_t t2+",
        "G_u u, G_v v",
        overwrites="p b",
    ),
    "wind_stress": pair(
        surface.wind_stress, surface_ad.wind_stress_ad, "tau_x u2, tau_y v2, s_u u2+, s_v v2+", "G_u u, G_v v"
    ),
    "surface_potential": pair(
        surface_potential.surface_potential,
        surface_potential_ad.surface_potential_ad,
        "phi t2",
        "D_u u, D_v v",
        same(9.81),
    ),
    "hold_above_freezing": pair(
        surface.hold_above_freezing, surface_ad.hold_above_freezing_ad, "T t 0.1, flux t2, T_freezing t1 0.1", "held t2"
    ),
    "surface_flux": pair(
        surface.surface_flux,
        surface_ad.surface_flux_ad,
        "T t, flux t2, T_star t2, rate t2, fresh t2",
        "out t",
        same(0.3),
    ),
    **{
        f"stress_divergence{suffix}": pair(
            friction.stress_divergence,
            friction_ad.stress_divergence_ad,
            f"u u, v v, nu {kind} 1e3",
            "G_u u, G_v v",
            work="tt",
        )
        for suffix, kind in (("", "t1+"), ("_of_layers", "t+"))
    },
    **{
        name: pair(
            getattr(viscosity, name),
            getattr(viscosity_ad, f"{name}_ad"),
            f"u u, v v, nu_h {kind} 1e2, coefficient t1+",
            "nu t",
            work=work,
        )
        for name, kind, work in (("smagorinsky", "t1+", "t"), ("leith", "t+", "tt"))
    },
    **{
        f"diffuse_tracer{suffix}": pair(
            tracer_diffusion.diffuse_tracer, tracer_diffusion_ad.diffuse_tracer_ad, f"T t, kappa {kind} 1e3", "out t"
        )
        for suffix, kind in (("", "t1+"), ("_of_layers", "t+"))
    },
    **{
        f"expansion_{family}": pair(
            getattr(expansion, f"expansion_{family}"),
            getattr(expansion_ad, f"expansion_{family}_ad"),
            f"T t 5, S t 5, coefficients {name}",
            "b_T t, b_S t",
        )
        for family, name in (("seos", "quadratic"), ("teos10", "teos10"))
    },
    **{
        f"isoneutral_diffusion{suffix}": pair(
            isoneutral.isoneutral_diffusion,
            isoneutral_ad.isoneutral_diffusion_ad,
            f"C t, {WATER}, kappa_redi {kind} 1e3, kappa_gm {kind} 5e2, slope_max t1+ 4e-3",
            "out t",
            constants,
            work="t",
        )
        for suffix, kind, constants in (("", "t1+", with_triads(True)), ("_of_layers", "t+", with_triads(False)))
    },
    **{
        f"isoneutral_mixing{suffix}": pair(
            isoneutral.isoneutral_mixing,
            isoneutral_ad.isoneutral_mixing_ad,
            f"{WATER}, kappa_redi {kind} 1e3, slope_max t1+ 4e-3",
            "kappa_v w",
            constants,
            work="tttttt",
        )
        for suffix, kind, constants in (("", "t1+", same(True)), ("_of_layers", "t+", same(False)))
    },
    **{
        f"visbeck{suffix}": pair(
            visbeck.visbeck,
            visbeck_ad.visbeck_ad,
            f"{WATER}, alpha t1+ 0.015, length t1+ 2e5, slope_max t1+ 4e-3",
            "kappa t1",
            constants,
            work="tttttt",
        )
        for suffix, constants in (("", same(True)), ("_gentle", same(False)))
    },
    "tracer_laplacian": pair(tracer_diffusion.tracer_laplacian, tracer_diffusion_ad.tracer_laplacian_ad, "T t", "L t"),
    "absorb_shortwave": pair(
        shortwave.absorb_shortwave,
        shortwave_ad.absorb_shortwave_ad,
        "q t2, fraction t1+ 0.6, depth_1 t1+ 5, depth_2 t1+ 60",
        "out t",
    ),
    "current_at_cells": pair(
        bulk_fluxes.current_at_cells, bulk_fluxes_ad.current_at_cells_ad, "u u, v v", "x t2, y t2"
    ),
    **{
        f"turbulent_fluxes_{name}": pair(
            bulk_fluxes.TURBULENT_FLUXES[name],
            bulk_fluxes_ad.TURBULENT_FLUXES_AD[name],
            f"T t 5, x t2, y t2, {AIR}, drag t1+, stanton_factor t1+, dalton_factor t1+, feedback t1+ 0.5",
            "stress_x t2, stress_y t2, heat t2, evaporation t2",
            heights_of_air,
        )
        for name in ("ncar", "coare")
    },
    "stress_at_faces": pair(
        bulk_fluxes.stress_at_faces,
        bulk_fluxes_ad.stress_at_faces_ad,
        "stress_x t2, stress_y t2",
        "tau_x u2, tau_y v2",
    ),
    "net_fluxes": pair(
        bulk_fluxes.net_fluxes,
        bulk_fluxes_ad.net_fluxes_ad,
        "T t 5, heat t2 100, evaporation t2 1e-4, longwave_down t2+ 300, shortwave_down t2+ 200,"
        "precipitation t2 1e-7, runoff t2 1e-7, emissivity t1+ 0.8, albedo t1+ 0.1",
        "heat_flux t2, fresh_water t2, shortwave t2",
    ),
    "reed_shortwave": pair(
        radiation.reed_shortwave,
        radiation_ad.reed_shortwave_ad,
        "clear_sky t2+ 300, noon_altitude t2+ 50, cloud t2 0.5",
        "shortwave_down t2",
    ),
    **{
        f"{name}_longwave": pair(
            longwave.LONGWAVE[name],
            longwave_ad.LONGWAVE_AD[name],
            f"T t 5, {SKY}, cloud_weight t2+ 0.6" if name in longwave.WITH_SEA else SKY,
            "longwave_down t2",
        )
        for name in ("bignami", "josey", "clark", "berliand")
    },
    "dew_point_humidity": pair(
        radiation.dew_point_humidity, radiation_ad.dew_point_humidity_ad, "d2 t2 10, slp t2+ 1e5", "q2 t2"
    ),
    "decay_fraction": pair(
        tracer_sources.decay_fraction, tracer_sources_ad.decay_fraction_ad, "decay t1+ 2e-3", "phi t1", same(DT)
    ),
    **{
        f"tracer_source{suffix}": pair(
            tracer_sources.tracer_source,
            tracer_sources_ad.tracer_source_ad,
            f"C t, source {kind}, decay {kind}+ 1e-3, phi {kind}+, s_t t2+",
            "out t",
        )
        for suffix, kind in (("", "t1"), ("_of_layers", "t"))
    },
    "constant_mixing": pair(
        vertical_mixing.constant_mixing,
        vertical_mixing_ad.constant_mixing_ad,
        "N2 w 1e-5, " + MIXING.format("t1+"),
        "nu_v w, kappa_v w",
    ),
    "richardson_mixing": pair(
        vertical_mixing.richardson_mixing,
        vertical_mixing_ad.richardson_mixing_ad,
        f"u u, v v, N2 w 1e-5, {MIXING.format('t+')}, nu_0 t1+ 1e-2, alpha t1+ 5",
        "nu_v w, kappa_v w",
        work="w",
    ),
    "vertical_shear": pair(tke.vertical_shear, tke_ad.vertical_shear_ad, "u u, v v", "S2 w", work="w"),
    "shear_production": pair(
        tke.shear_production, tke_ad.shear_production_ad, "u u, v v, nu_v w 1e-3", "P w", work="w"
    ),
    "wave_energy": pair(
        tke.wave_energy, tke_ad.wave_energy_ad, "tau_x u2, tau_y v2, c_wave t1+ 60, background t1+ 1e-6", "e_s t2"
    ),
    "tke_mixing": pair(
        tke.tke_mixing,
        tke_ad.tke_mixing_ad,
        f"{TURBULENCE}, {MIXING.format('t1+')}, c_k t1+ 0.1, Ri_c t1+ 0.2",
        "nu_v w, kappa_v w",
    ),
    "advance_tke": pair(
        tke.advance_tke,
        tke_ad.advance_tke_ad,
        f"{TURBULENCE}, P w+ 1e-8, e_s t2+ 1e-3, background t1+ 1e-6, c_k t1+ 0.1, c_eps t1+ 0.7, Ri_c t1+ 0.2",
        "x W",
        same(DT),
        work="w",
    ),
    "bottom_drag": pair(
        bottom_drag.bottom_drag, bottom_drag_ad.bottom_drag_ad, "u u, v v, r t1+, C_d t1+", "drag_u u2, drag_v v2"
    ),
    "advance_tracer": pair(
        vertical_diffusion.advance_tracer,
        vertical_diffusion_ad.advance_tracer_ad,
        TRACER,
        "T t",
        same(DT),
        overwrites="G",
    ),
    "advance_tracer_single": pair(
        vertical_diffusion.advance_tracer_single,
        vertical_diffusion_ad.advance_tracer_ad,
        TRACER,
        "T t",
        time_step_and_dither,
        overwrites="G",
    ),
    **{
        f"advance_{x}": pair(
            getattr(vertical_diffusion, f"advance_{x}"),
            getattr(vertical_diffusion_ad, f"advance_{x}_ad"),
            VELOCITY.format(x),
            f"{x} {x}",
            same(DT),
            work="w",
            overwrites="G",
        )
        for x in ("u", "v")
    },
    "extrapolate": pair(extrapolate, extrapolation_ad.extrapolate_ad, "x t, x_before t", "y t", same(0.3)),
    "depth_mean": pair(barotropic.depth_mean, barotropic_ad.depth_mean_ad, "u u, v v", "u_bar u2, v_bar v2"),
    "slow_forcing": pair(
        barotropic.slow_forcing,
        barotropic_ad.slow_forcing_ad,
        "u_new u2, v_new v2, u_old u2, v_old v2, eta t2",
        "F_u u2, F_v v2",
        same(DT),
    ),
    **{
        f"barotropic_substeps{suffix}": pair(
            sides(barotropic.barotropic_substeps),
            sides(barotropic_substeps_ad),
            "eta t2 20, u_bar u2 3, v_bar v2 3, F_u u2 1e-3, F_v v2 1e-3, fresh t2 1e-3, outer_u u2 3, outer_v v2 3",
            "eta_new t2, u_new u2, v_new v2, U_mean u2, V_mean v2",
            seven_substeps,
            work="c",
            overwrites="F_u F_v",
        )
        for suffix, sides in (("", lambda kernel: kernel), ("_open", opened))
    },
    "take_depth_mean": pair(
        barotropic.take_depth_mean,
        take_depth_mean_ad,
        "u_star u, v_star v, u_bar u2, v_bar v2, target_u u2, target_v v2",
        "u u, v v",
    ),
    "tracer_transports": pair(
        barotropic.tracer_transports,
        barotropic_ad.tracer_transports_ad,
        "u_old u, v_old v, u_new u, v_new v, u_bar_old u2, v_bar_old v2, u_bar_new u2, v_bar_new v2,"
        "U_mean u2 1e7, V_mean v2 1e7, s_u u2+, s_v v2+",
        "U u, V v",
        same(0.3),
    ),
    **{
        f"advect_tracer_{scheme}": pair(
            getattr(tracer_advection, f"advect_tracer_{scheme}"),
            getattr(tracer_advection_ad, f"advect_tracer_{scheme}_ad"),
            "T t 10, U u 1e6, V v 1e6, W W 1e6",
            "out t",
            same(DT),
        )
        for scheme in ("centred2", "upwind3", "monotone")
    },
    "advect_tracer_weno5": pair(
        weno.advect_tracer_weno5,
        weno_ad.advect_tracer_weno5_ad,
        "T t 10, U u 1e6, V v 1e6, W W 1e6",
        "out t",
        same(DT),
        work="ttttt",
    ),
    **OPERATORS_AT_OPEN_SIDES,
}

PAIRS = Registry("operator", OPERATORS)
