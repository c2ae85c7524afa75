"""The kernels of a stage in their order, as two sweeps over the rows (`ogcm.sweep`).

    momentum   u_star, v_star = n + dt (G(y) + D + vertical friction), and their depth mean
    flow       u, v with the depth mean of the barotropic mode, and each tracer T, S, ...
               = n + dt (advection + D + vertical diffusion)

Between them the barotropic mode takes its substeps, which need the depth mean of the whole ocean. Fields
without a prefix (`u, v, eta, T, S`) are those of the state y; `n_` is the beginning of the step, `new_` the end of the
stage, and tracers at the state y have the prefix `y_`.
"""

from collections.abc import Mapping
from typing import Any

from ogcm.numerics import Numerics
from ogcm.operators.barotropic import depth_mean, take_depth_mean, tracer_transports
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.operators.layers import continuity, transports
from ogcm.operators.momentum_advection import VORTICITY, potential_vorticity
from ogcm.operators.momentum_upwinding import upwind_horizontal
from ogcm.operators.pressure import hydrostatic_pressure, pressure_gradient
from ogcm.operators.tracer_advection import ADVECTION
from ogcm.operators.vertical_diffusion import advance_tracer, advance_tracer_single, advance_u, advance_v
from ogcm.operators.vertical_upwinding import upwind_vertical
from ogcm.sweep import Pass, Sweep


def tendencies(numerics: Numerics) -> list[Pass]:
    """Return the passes that compute G_u and G_v: advection, Coriolis force and pressure gradient."""
    passes = [
        Pass(transports, "u v s_u s_v grid U V", south=1, north=1),
        Pass(continuity, "U V fresh grid W", north=1),
        Pass(potential_vorticity, "u v s_f grid q", south=1, north=int(numerics.vorticity == "al81")),
        Pass(VORTICITY[numerics.vorticity], "u v U V W q s_u s_v grid G_u G_v"),
    ]
    if numerics.momentum_upwinding == "all":
        passes.append(Pass(upwind_horizontal, "u v grid G_u G_v"))
    if numerics.momentum_upwinding != "none":
        passes.append(Pass(upwind_vertical, "u v W s_u s_v grid G_u G_v"))
    if numerics.has_tracers:
        buoyancy: Any = EQUATIONS_OF_STATE[numerics.equation_of_state].buoyancy
        passes.append(Pass(buoyancy, "T S eos grid b", north=1))
    return [
        *passes,
        Pass(hydrostatic_pressure, "b eta s_t grid p", north=1),
        Pass(pressure_gradient, "p b eta s_t grid G_u G_v"),
    ]


def momentum(numerics: Numerics) -> Sweep:
    """Return the sweep of the momentum equations."""
    return Sweep(
        "momentum",
        *tendencies(numerics),
        Pass(advance_u, "n_u G_u D_u nu_v drag_u s_u dt grid u_star"),
        Pass(advance_v, "n_v G_v D_v nu_v drag_v s_v dt grid v_star"),
        Pass(depth_mean, "u_star v_star grid u_bar_star v_bar_star"),
    )


def carrying() -> list[Pass]:
    """Return the passes that compute the transports that carry tracers."""
    shear = "n_u n_v u_star v_star n_u_bar n_v_bar u_bar_star v_bar_star"  # of u_star it is that of the new velocity
    return [
        Pass(tracer_transports, f"{shear} U_mean V_mean s_u s_v new_weight grid U_T V_T", south=1),
        Pass(continuity, "U_T V_T fresh grid W_T"),
    ]


def flow(numerics: Numerics, advection: Mapping[str, str]) -> Sweep:
    """Return the sweep of the velocity and of the tracers that it carries, each with its `advection`."""
    depth_means = Pass(take_depth_mean, "u_star v_star u_bar_star v_bar_star u_bar v_bar grid new_u new_v")
    if not advection:
        return Sweep("flow", depth_means)
    passes = [depth_means, *carrying()]
    for name, scheme in advection.items():
        carried = f"n_{name}" if scheme == "monotone" else f"y_{name}"
        advance = f"n_{name} n_s_t G D_{name} kappa_v new_s_t dt"
        passes.append(Pass(ADVECTION[scheme], f"{carried} U_T V_T W_T dt grid G"))
        if numerics.precision == "float32":
            passes.append(Pass(advance_tracer_single, f"{advance} dither grid new_{name}"))
        else:
            passes.append(Pass(advance_tracer, f"{advance} grid new_{name}"))
    return Sweep("flow", *passes)
