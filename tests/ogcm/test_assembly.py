"""The heavy kernels are vectorised: with a signed innermost index LLVM gathers, or gives up, several times slower.

Each is compiled anew, since a kernel from the cache shows no assembly; in float32 no double may slip in.
"""

import platform

import numba
import numpy as np
import pytest

from adjoint.operators.momentum_advection import potential_vorticity_ad
from adjoint.operators.tracer_advection import ADVECTION_AD
from adjoint.operators.vertical_diffusion import advance_tracer_ad
from adjoint.random_ocean import random_grid
from ogcm.operators.friction import stress_divergence
from ogcm.operators.momentum_advection import advect_momentum_energy
from ogcm.operators.pressure import pressure_gradient
from ogcm.operators.tracer_advection import ADVECTION
from ogcm.operators.tracer_diffusion import diffuse_tracer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "arguments", "dtype"),
    [
        (ADVECTION["upwind3"], "a a a w dt grid a", np.float64),
        (ADVECTION["upwind3"], "a a a w dt grid a", np.float32),
        (stress_divergence, "a a map grid a a", np.float64),
        (diffuse_tracer, "a map grid a", np.float64),
        (advect_momentum_energy, "a a a a w a plane plane grid a a", np.float64),
        (pressure_gradient, "a a plane plane grid a a", np.float64),
        (ADVECTION_AD["upwind3"], "a a a w dt grid a a a a w", np.float64),
        (advance_tracer_ad, "a a plane w plane dt grid a a plane a a w plane", np.float64),
        (potential_vorticity_ad, "a plane grid a a a plane", np.float64),
    ],
)
def test_the_loop_gathers_nothing_and_is_packed(kernel, arguments, dtype):
    grid = random_grid(dtype=dtype)
    nk, nj, ni = grid.h_t.shape
    kinds = {"a": (nk, nj, ni), "w": (nk + 1, nj, ni), "map": (1, nj, ni), "plane": (nj, ni)}
    fresh = numba.njit(parallel=True, error_model="numpy")(kernel.py_func)
    given = {"grid": grid, "dt": dtype(1)} | {kind: np.ones(shape, dtype) for kind, shape in kinds.items()}
    fresh(*(given[kind].copy() if kind in kinds else given[kind] for kind in arguments.split()))
    assembly = fresh.inspect_asm(fresh.signatures[0])
    assert "gather" not in assembly
    if platform.machine() in ("x86_64", "AMD64"):
        packed, single = ("mulpd", "mulsd") if dtype is np.float64 else ("mulps", "mulss")
        assert assembly.count(packed) > 0.25 * assembly.count(single)  # the rest of a row is done one by one
        assert dtype is np.float64 or "cvtss2sd" not in assembly
