"""Which adjoint kernel belongs to which forward kernel, and what their arguments are.

A kind says where a field lives: the point (t, u, v, f; w for the tops of cells, W with the surface), with a 2 that it
is a map (nj, ni), with a 1 that it is a field of one layer (1, nj, ni), with a + that it is positive everywhere; or it
is the name of an equation of state, for its coefficients. The dot-product test and `ogcm check-gradients` walk
this registry. An operator of one's own joins it (docs/operators.md):

    PAIRS.register("relax", Pair(relax, relax_ad, kinds("T t 5, rate t1+ 1e-6"), {"D": "t"}))
"""

import inspect
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from adjoint.operators import barotropic as barotropic_ad
from adjoint.operators import bottom_drag as bottom_drag_ad
from adjoint.operators import equation_of_state as equation_of_state_ad
from adjoint.operators import extrapolation as extrapolation_ad
from adjoint.operators import friction as friction_ad
from adjoint.operators import layers as layers_ad
from adjoint.operators import momentum_advection as momentum_advection_ad
from adjoint.operators import pressure as pressure_ad
from adjoint.operators import surface as surface_ad
from adjoint.operators import tracer_advection as tracer_advection_ad
from adjoint.operators import tracer_diffusion as tracer_diffusion_ad
from adjoint.operators import vertical_diffusion as vertical_diffusion_ad
from adjoint.operators import vertical_mixing as vertical_mixing_ad
from adjoint.operators import viscosity as viscosity_ad
from ogcm.extensions import Registry
from ogcm.grid import Grid
from ogcm.operators import (
    barotropic,
    bottom_drag,
    equation_of_state,
    extrapolation,
    friction,
    layers,
    momentum_advection,
    pressure,
    surface,
    tracer_advection,
    tracer_diffusion,
    vertical_diffusion,
    vertical_mixing,
    viscosity,
)

Kinds = dict[str, tuple[str, float]]  # name: (kind, typical size)


def nothing(_grid: Grid, _dtype: np.dtype) -> tuple:
    """No constants."""
    return ()


class Pair(NamedTuple):
    """`forward(*inputs, *constants, grid, *outputs)` and
    `adjoint(*inputs, *constants, grid, *outputs_ad, *inputs_ad)`.

    `constants(grid, dtype)` makes what is not differentiated, work arrays included.
    """

    forward: Callable
    adjoint: Callable
    inputs: Kinds
    outputs: dict[str, str]  # name: kind
    constants: Callable[[Grid, np.dtype], tuple] = nothing
    recomputes: bool = False  # the adjoint first runs the forward kernel for a result that a step keeps


def a_step(_grid: Grid, _dtype: np.dtype) -> tuple:
    """dt = 500 s."""
    return (500.0,)


def a_step_without_dither(grid: Grid, dtype: np.dtype) -> tuple:
    """dt = 500 s, and the dither of each layer that leaves numbers of other precisions as they are."""
    return 500.0, np.full(len(grid.h_t), 0.5)


def a_share(_grid: Grid, _dtype: np.dtype) -> tuple:
    """A share of the new velocity, or of the rain, that is not one half."""
    return (0.3,)


def seven_substeps(grid: Grid, dtype: np.dtype) -> tuple:
    """Averaging weights, dt, coefficients and a history of all instants."""
    a, b = barotropic.averaging_weights(7)
    plane = grid.depth_t.shape
    history = np.zeros((5, len(a) + 1, *plane), dtype)
    return a, b, 500.0, np.zeros((barotropic.COEFFICIENTS, *plane), dtype), history


def take_depth_mean(u, v, u_bar, v_bar, target_u, target_v, grid, u_out, v_out):
    """The kernel, which works in place, with results of their own."""
    u_out[...], v_out[...] = u, v
    barotropic.take_depth_mean(u_bar, v_bar, target_u, target_v, grid, u_out, v_out)


def take_depth_mean_ad(
    u, v, u_bar, v_bar, target_u, target_v, grid, u_out_ad, v_out_ad,
    u_ad, v_ad, u_bar_ad, v_bar_ad, target_u_ad, target_v_ad,
):  # fmt: skip
    u_ad += u_out_ad
    v_ad += v_out_ad
    barotropic_ad.take_depth_mean_ad(grid, u_out_ad, v_out_ad, u_bar_ad, v_bar_ad, target_u_ad, target_v_ad)


def extrapolate(x, x_before, e, grid, y):
    """The kernel, which knows no grid."""
    extrapolation.extrapolate(x, x_before, e, y)


def extrapolate_ad(x, x_before, e, grid, y_ad, x_ad, x_before_ad):
    extrapolation_ad.extrapolate_ad(x, x_before, e, y_ad, x_ad, x_before_ad)


def potential_vorticity_ad(u, v, s_f, grid, q_ad, u_ad, v_ad, s_f_ad):
    q = np.empty_like(u)
    momentum_advection.potential_vorticity(u, v, s_f, grid, q)
    momentum_advection_ad.potential_vorticity_ad(q, s_f, grid, q_ad, u_ad, v_ad, s_f_ad)


def advance_tracer_ad(T_n, s_n, G, D, kappa_v, s_t, dt, grid, T_ad, T_n_ad, s_n_ad, G_ad, D_ad, kappa_v_ad, s_t_ad):
    T, given = np.empty_like(T_n), (kappa_v, s_t, dt, grid)
    vertical_diffusion.advance_tracer(T_n, s_n, G, D, *given, T)
    vertical_diffusion_ad.advance_tracer_ad(T, T_n, s_n, *given, T_ad, T_n_ad, s_n_ad, G_ad, D_ad, kappa_v_ad, s_t_ad)


def advance_tracer_single_ad(
    T_n, s_n, G, D, kappa_v, s_t, dt, dither, grid, T_ad, T_n_ad, s_n_ad, G_ad, D_ad, kappa_v_ad, s_t_ad
):
    inputs_ad = (T_n_ad, s_n_ad, G_ad, D_ad, kappa_v_ad, s_t_ad)
    advance_tracer_ad(T_n, s_n, G, D, kappa_v, s_t, dt, grid, T_ad, *inputs_ad)


def advance_u_ad(u_n, G, D, nu_v, drag, s_u, dt, grid, u_ad, u_n_ad, G_ad, D_ad, nu_v_ad, drag_ad, s_u_ad):
    u, face, given = np.empty_like(u_n), np.zeros_like(nu_v), (nu_v, drag, s_u, dt, grid)
    vertical_diffusion.advance_u(u_n, G, D, *given, u)
    vertical_diffusion_ad.advance_u_ad(u, *given, u_ad, u_n_ad, G_ad, D_ad, nu_v_ad, drag_ad, s_u_ad, face)


def advance_v_ad(v_n, G, D, nu_v, drag, s_v, dt, grid, v_ad, v_n_ad, G_ad, D_ad, nu_v_ad, drag_ad, s_v_ad):
    v, face, given = np.empty_like(v_n), np.zeros_like(nu_v), (nu_v, drag, s_v, dt, grid)
    vertical_diffusion.advance_v(v_n, G, D, *given, v)
    vertical_diffusion_ad.advance_v_ad(v, *given, v_ad, v_n_ad, G_ad, D_ad, nu_v_ad, drag_ad, s_v_ad, face)


def kinds(inputs: str) -> Kinds:
    """Of "name kind size, ..."; a size of 1 may be left out."""
    listed = [word.split() for word in inputs.split(",")]
    return {word[0]: (word[1], float(word[2]) if len(word) > 2 else 1.0) for word in listed}


def lent(adjoint: Callable, work: str) -> Callable:
    """`adjoint` without its last arguments, work arrays of the kinds "t" and "w" that a step would lend it."""
    parameters = list(inspect.signature(adjoint).parameters.values())
    place = [parameter.name for parameter in parameters].index("grid")

    def complete(*arguments):
        nk, nj, ni = arguments[place].h_t.shape
        adjoint(*arguments, *(np.zeros_like(arguments[0], shape=(nk + (kind == "w"), nj, ni)) for kind in work))

    complete.__signature__ = inspect.Signature(parameters[: -len(work)])
    return complete


def pair(home, home_ad, name: str, inputs: str, outputs: str, constants: Callable = nothing, work: str = "") -> Pair:
    """`name` of the module `home` and `name_ad` of its mirror; inputs as in `kinds`, outputs without size."""
    results, adjoint = dict(word.split() for word in outputs.split(",")), getattr(home_ad, f"{name}_ad")
    return Pair(getattr(home, name), lent(adjoint, work) if work else adjoint, kinds(inputs), results, constants)


MOMENTUM = "u u, v v, U u 1e6, V v 1e6, W W 1e6, q f+ 1e-6, s_u u2+, s_v v2+"
MIXING = "background_nu {0} 1e-4, background_kappa {0} 1e-5, convective t1+"
ADVANCE = "{0}_n {0}, G {0} 1e-4, D {0} 1e-4, nu_v w+ 1e-1, drag {0}2+ 1e-3, s_{0} {0}2+"

OWN = {
    "stretch": pair(layers, layers_ad, "stretch", "eta t2", "s_t t2, s_u u2, s_v v2, s_f f2"),
    "transports": pair(layers, layers_ad, "transports", "u u, v v, s_u u2+, s_v v2+", "U u, V v"),
    "continuity": pair(layers, layers_ad, "continuity", "U u 1e6, V v 1e6, fresh t2 1e-3", "W w"),
    "potential_vorticity": Pair(
        momentum_advection.potential_vorticity,
        potential_vorticity_ad,
        kinds("u u, v v, s_f f2+"),
        {"q": "f"},
        recomputes=True,
    ),
    **{
        f"advect_momentum_{form}": pair(
            momentum_advection, momentum_advection_ad, f"advect_momentum_{form}", MOMENTUM, "G_u u, G_v v"
        )
        for form in ("energy", "enstrophy", "al81")
    },
    **{
        f"buoyancy_{family}": pair(
            equation_of_state, equation_of_state_ad, f"buoyancy_{family}", f"T t 5, S t 5, coefficients {name}", "b t"
        )
        for family, name in (("seos", "quadratic"), ("teos10", "teos10"))
    },
    **{
        f"stratification_{family}": pair(
            equation_of_state,
            equation_of_state_ad,
            f"stratification_{family}",
            f"T t 5, S t 5, coefficients {name}",
            "N2 w",
        )
        for family, name in (("seos", "quadratic"), ("teos10", "teos10"))
    },
    "hydrostatic_pressure": pair(pressure, pressure_ad, "hydrostatic_pressure", "b t 1e-2, eta t2, s_t t2+", "p t"),
    "pressure_gradient": pair(
        pressure, pressure_ad, "pressure_gradient", "p t, b t 1e-2, eta t2, s_t t2+", "G_u u, G_v v"
    ),
    "wind_stress": pair(surface, surface_ad, "wind_stress", "tau_x u2, tau_y v2, s_u u2+, s_v v2+", "G_u u, G_v v"),
    "hold_above_freezing": pair(
        surface, surface_ad, "hold_above_freezing", "T t 0.1, flux t2, T_freezing t1 0.1", "held t2"
    ),
    "surface_flux": pair(
        surface, surface_ad, "surface_flux", "T t, flux t2, T_star t2, rate t2, fresh t2", "out t", a_share
    ),
    **{
        f"stress_divergence{suffix}": pair(
            friction, friction_ad, "stress_divergence", f"u u, v v, nu {kind} 1e3", "G_u u, G_v v", work="tt"
        )
        for suffix, kind in (("", "t1+"), ("_of_layers", "t+"))
    },
    **{
        name: pair(viscosity, viscosity_ad, name, f"u u, v v, nu_h {kind} 1e2, coefficient t1+", "nu t", work=work)
        for name, kind, work in (("smagorinsky", "t1+", "t"), ("leith", "t+", "tt"))
    },
    **{
        f"diffuse_tracer{suffix}": pair(
            tracer_diffusion, tracer_diffusion_ad, "diffuse_tracer", f"T t, kappa {kind} 1e3", "out t"
        )
        for suffix, kind in (("", "t1+"), ("_of_layers", "t+"))
    },
    "tracer_laplacian": pair(tracer_diffusion, tracer_diffusion_ad, "tracer_laplacian", "T t", "L t"),
    "constant_mixing": pair(
        vertical_mixing,
        vertical_mixing_ad,
        "constant_mixing",
        "N2 w 1e-5, " + MIXING.format("t1+"),
        "nu_v w, kappa_v w",
    ),
    "richardson_mixing": pair(
        vertical_mixing,
        vertical_mixing_ad,
        "richardson_mixing",
        f"u u, v v, N2 w 1e-5, {MIXING.format('t+')}, nu_0 t1+ 1e-2, alpha t1+ 5",
        "nu_v w, kappa_v w",
        work="w",
    ),
    "bottom_drag": pair(bottom_drag, bottom_drag_ad, "bottom_drag", "u u, v v, r t1+, C_d t1+", "drag_u u2, drag_v v2"),
    "advance_tracer": Pair(
        vertical_diffusion.advance_tracer,
        advance_tracer_ad,
        kinds("T_n t, s_n t2+, G t 1e-2, D t 1e-2, kappa_v w+ 1e-1, s_t t2+"),
        {"T": "t"},
        a_step,
        recomputes=True,
    ),
    "advance_tracer_single": Pair(
        vertical_diffusion.advance_tracer_single,
        advance_tracer_single_ad,
        kinds("T_n t, s_n t2+, G t 1e-2, D t 1e-2, kappa_v w+ 1e-1, s_t t2+"),
        {"T": "t"},
        a_step_without_dither,
        recomputes=True,
    ),
    "advance_u": Pair(
        vertical_diffusion.advance_u, advance_u_ad, kinds(ADVANCE.format("u")), {"u": "u"}, a_step, recomputes=True
    ),
    "advance_v": Pair(
        vertical_diffusion.advance_v, advance_v_ad, kinds(ADVANCE.format("v")), {"v": "v"}, a_step, recomputes=True
    ),
    "extrapolate": Pair(extrapolate, extrapolate_ad, {"x": ("t", 1.0), "x_before": ("t", 1.0)}, {"y": "t"}, a_share),
    "depth_mean": pair(barotropic, barotropic_ad, "depth_mean", "u u, v v", "u_bar u2, v_bar v2"),
    "slow_forcing": pair(
        barotropic,
        barotropic_ad,
        "slow_forcing",
        "u_new u2, v_new v2, u_old u2, v_old v2, eta t2",
        "F_u u2, F_v v2",
        a_step,
    ),
    "barotropic_substeps": pair(
        barotropic,
        barotropic_ad,
        "barotropic_substeps",
        "eta t2 20, u_bar u2 3, v_bar v2 3, F_u u2 1e-3, F_v v2 1e-3, fresh t2 1e-3",
        "eta_new t2, u_new u2, v_new v2, U_mean u2, V_mean v2",
        seven_substeps,
    ),
    "take_depth_mean": Pair(
        take_depth_mean,
        take_depth_mean_ad,
        kinds("u u, v v, u_bar u2, v_bar v2, target_u u2, target_v v2"),
        {"u_out": "u", "v_out": "v"},
    ),
    "tracer_transports": pair(
        barotropic,
        barotropic_ad,
        "tracer_transports",
        "u_old u, v_old v, u_new u, v_new v, u_bar_old u2, v_bar_old v2, u_bar_new u2, v_bar_new v2,"
        "U_mean u2 1e7, V_mean v2 1e7, s_u u2+, s_v v2+",
        "U u, V v",
        a_share,
    ),
    **{
        f"advect_tracer_{scheme}": pair(
            tracer_advection,
            tracer_advection_ad,
            f"advect_tracer_{scheme}",
            "T t 10, U u 1e6, V v 1e6, W W 1e6",
            "out t",
            a_step,
        )
        for scheme in ("centred2", "upwind3", "monotone")
    },
}

PAIRS = Registry("operator", OWN)
