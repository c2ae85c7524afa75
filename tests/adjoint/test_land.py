"""NaN on land and in closed halos changes no bit of a gradient over water.

As in the forward model (`test_invariances.py`) tracers, forcing other than fresh water, and parameters may hold
anything on land; u, v, eta and fresh water are 0 there, and so is what is made of them alone.
"""

import numpy as np
import pytest

from adjoint.gradient_check import SIDES
from adjoint.random_ocean import mask_of, random_field, random_grid
from adjoint.registry import PAIRS

AT_REST = {
    "u", "v", "u_n", "v_n", "eta", "fresh", "U", "V", "W", "q", "y", "s_t", "s_u", "s_v", "s_f", "s_n", "b", "p",
    "u_new", "v_new", "u_old", "v_old", "u_bar", "v_bar", "u_bar_old", "v_bar_old", "u_bar_new", "v_bar_new",
    "target_u", "target_v", "F_u", "F_v", "eta_new", "U_mean", "V_mean", "u_out", "v_out",
}  # fmt: skip
PARAMETERS = {
    "nu", "nu_h", "coefficient", "kappa", "background_nu", "background_kappa", "convective", "nu_0", "alpha",
    "r", "C_d", "T_freezing",
}  # fmt: skip


def dirty(grid, name, kind, a):
    """The field with NaN wherever there is no water, if land may hold anything in it."""
    return a if name in AT_REST or kind in ("quadratic", "teos10") else np.where(mask_of(grid, kind), a, np.nan)


@pytest.mark.parametrize("name", PAIRS)
def test_no_operator_uses_values_on_land(name):
    """NaN in inputs and in the adjoints of outputs; what a parameter is given on land is 0, since a number sums it."""
    pair = PAIRS[name]
    for x, y in SIDES:
        grid, rng = random_grid(periodic_x=x, periodic_y=y), np.random.default_rng(1)
        inputs = {n: random_field(grid, kind, rng, size) for n, (kind, size) in pair.inputs.items()}
        weights = {n: random_field(grid, kind, rng) for n, kind in pair.outputs.items()}
        clean, found = ([np.zeros_like(a) for a in inputs.values()] for _ in range(2))
        constants = pair.constants(grid, np.dtype(float))
        pair.adjoint(*inputs.values(), *constants, grid, *weights.values(), *clean)
        inputs = [dirty(grid, n, pair.inputs[n][0], a) for n, a in inputs.items()]
        weights = [dirty(grid, n, pair.outputs[n], a) for n, a in weights.items()]
        pair.adjoint(*inputs, *constants, grid, *weights, *found)
        for (n, (kind, _)), a, b in zip(pair.inputs.items(), clean, found, strict=True):
            wet = np.ones_like(a) if n in PARAMETERS or a.ndim == 1 else mask_of(grid, kind)
            assert np.isfinite(b).all(), n
            assert np.array_equal(np.where(wet, a, 0), np.where(wet, b, 0)), n
