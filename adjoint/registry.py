"""Which adjoint kernel belongs to which forward kernel, and what their arguments are.

A kind says where a field lives: the point (t, u, v, f; w for the tops of cells) and, with a 2, that
it is a map (nj, ni). The dot-product test walks this registry, and so does `ogcm check-gradients`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from adjoint.operators import barotropic as barotropic_ad
from adjoint.operators import tracer_advection as tracer_advection_ad
from ogcm.grid import Grid
from ogcm.operators import barotropic, tracer_advection

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


def a_step(_grid: Grid, _dtype: np.dtype) -> tuple:
    """dt = 500 s."""
    return (500.0,)


def a_share(_grid: Grid, _dtype: np.dtype) -> tuple:
    """A share of the new velocity that is not one half."""
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
    barotropic.take_depth_mean(u_out, v_out, u_bar, v_bar, target_u, target_v, grid)


def take_depth_mean_ad(
    u, v, u_bar, v_bar, target_u, target_v, grid, u_out_ad, v_out_ad,
    u_ad, v_ad, u_bar_ad, v_bar_ad, target_u_ad, target_v_ad,
):  # fmt: skip
    u_ad += u_out_ad
    v_ad += v_out_ad
    barotropic_ad.take_depth_mean_ad(grid, u_out_ad, v_out_ad, u_bar_ad, v_bar_ad, target_u_ad, target_v_ad)


def named(sizes: dict[str, float], kinds: str) -> Kinds:
    """Inputs from their sizes and, in the same order, their kinds."""
    return {name: (kind, size) for (name, size), kind in zip(sizes.items(), kinds.split(), strict=True)}


VELOCITY = named({"u": 1.0, "v": 1.0}, "u v")
TRANSPORT = named({"T": 10.0, "U": 1e6, "V": 1e6, "W": 1e6}, "t u v w")

PAIRS = {
    name: Pair(
        getattr(tracer_advection, name), getattr(tracer_advection_ad, f"{name}_ad"), TRANSPORT, {"out": "t"}, a_step
    )
    for name in ("advect_tracer_centred2", "advect_tracer_upwind3", "advect_tracer_monotone")
} | {
    "depth_mean": Pair(barotropic.depth_mean, barotropic_ad.depth_mean_ad, VELOCITY, {"u_bar": "u2", "v_bar": "v2"}),
    "slow_forcing": Pair(
        barotropic.slow_forcing,
        barotropic_ad.slow_forcing_ad,
        named({"u_new": 1.0, "v_new": 1.0, "u_old": 1.0, "v_old": 1.0, "eta": 1.0}, "u2 v2 u2 v2 t2"),
        {"F_u": "u2", "F_v": "v2"},
        a_step,
    ),
    "barotropic_substeps": Pair(
        barotropic.barotropic_substeps,
        barotropic_ad.barotropic_substeps_ad,
        named({"eta": 20.0, "u_bar": 3.0, "v_bar": 3.0, "F_u": 1e-3, "F_v": 1e-3, "fresh": 1e-3}, "t2 u2 v2 u2 v2 t2"),
        {"eta_new": "t2", "u_new": "u2", "v_new": "v2", "U_mean": "u2", "V_mean": "v2"},
        seven_substeps,
    ),
    "take_depth_mean": Pair(
        take_depth_mean,
        take_depth_mean_ad,
        VELOCITY | named({"u_bar": 1.0, "v_bar": 1.0, "target_u": 1.0, "target_v": 1.0}, "u2 v2 u2 v2"),
        {"u_out": "u", "v_out": "v"},
    ),
    "tracer_transports": Pair(
        barotropic.tracer_transports,
        barotropic_ad.tracer_transports_ad,
        named({"u_old": 1.0, "v_old": 1.0, "u_new": 1.0, "v_new": 1.0}, "u v u v")
        | named({"u_bar_old": 1.0, "v_bar_old": 1.0, "u_bar_new": 1.0, "v_bar_new": 1.0}, "u2 v2 u2 v2")
        | named({"U_mean": 1e7, "V_mean": 1e7, "s_u": 1.0, "s_v": 1.0}, "u2 v2 u2 v2"),
        {"U": "u", "V": "v"},
        a_share,
    ),
}
