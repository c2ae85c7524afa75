"""The heavy kernels are vectorised: with a signed innermost index LLVM gathers, or gives up, several times slower.

Each is compiled anew, in float64, since a kernel from the cache shows no assembly.
"""

import platform

import numba
import numpy as np
import pytest
from oceans import random_grid

from ogcm.operators.friction import stress_divergence
from ogcm.operators.momentum_advection import advect_momentum_energy
from ogcm.operators.pressure import pressure_gradient
from ogcm.operators.tracer_diffusion import diffuse_tracer


@pytest.mark.parametrize(
    ("kernel", "arguments"),
    [
        (stress_divergence, "a a map grid a a"),
        (diffuse_tracer, "a map grid a"),
        (advect_momentum_energy, "a a a a w a plane plane grid a a"),
        (pressure_gradient, "a a plane plane grid a a"),
    ],
)
def test_the_loop_gathers_nothing_and_is_packed(kernel, arguments):
    grid = random_grid()
    nk, nj, ni = grid.h_t.shape
    kinds = {"a": (nk, nj, ni), "w": (nk + 1, nj, ni), "map": (1, nj, ni), "plane": (nj, ni)}
    fresh = numba.njit(parallel=True, error_model="numpy")(kernel.py_func)
    fresh(*(grid if kind == "grid" else np.ones(kinds[kind]) for kind in arguments.split()))
    assembly = fresh.inspect_asm(fresh.signatures[0])
    assert "gather" not in assembly
    if platform.machine() in ("x86_64", "AMD64"):
        assert assembly.count("mulpd") > 0.25 * assembly.count("mulsd")  # the rest of a row is done one by one
