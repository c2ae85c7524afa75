"""CUDA kernels without a GPU: run in Numba's simulator, compiled to PTX where numba-cuda is installed."""

import importlib.util
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from adjoint.random_ocean import random_grid

SIMULATION = """
import sys; sys.path[:0] = ["tests", "."]
import numpy as np
from adjoint.random_ocean import random_field, random_grid
from ogcm.backend import cuda_kernel
from ogcm.operators.tracer_advection import ADVECTION, POINTS
from ogcm.operators.tracer_diffusion import diffuse_tracer, diffusion
grid, rng = random_grid(nx=4, ny=3), np.random.default_rng(0)
T, U, V, W = (random_field(grid, kind, rng, size) for kind, size in (("t", 1), ("u", 1e6), ("v", 1e6), ("w", 1e6)))
for scheme, loop in ADVECTION.items():
    on_cpu, on_gpu = np.zeros(T.shape), np.zeros(T.shape)
    loop(T, U, V, W, 500.0, grid, on_cpu)
    cuda_kernel(POINTS[scheme])(T, U, V, W, 500.0, grid, on_gpu)
    assert on_cpu.any()
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-14, atol=0)
kappa = random_field(grid, "t1+", rng, 1e3)
on_cpu, on_gpu = np.zeros(T.shape), np.zeros(T.shape)
diffuse_tracer(T, kappa, grid, on_cpu)
cuda_kernel(diffusion)(T, kappa, grid, on_gpu)
assert on_cpu.any()
np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-14, atol=0)
print("agree")
"""


def test_tracers_in_the_simulator_agree_with_the_cpu():
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    run = subprocess.run(
        [sys.executable, "-c", SIMULATION], capture_output=True, text=True, env=environment, check=False
    )
    assert "agree" in run.stdout, run.stderr


@pytest.mark.skipif(not importlib.util.find_spec("numba_cuda"), reason="needs the extra `cuda` (no GPU or driver)")
def test_tracers_compile_to_ptx(monkeypatch):
    from numba import cuda, float32, float64, typeof
    from numba.cuda import dispatcher

    from ogcm.backend import cuda_loop
    from ogcm.operators.tracer_advection import POINTS
    from ogcm.operators.tracer_diffusion import diffusion

    # Without a driver Numba cannot ask the device for what it is when it compiles device functions.
    hopper = SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: hopper)
    for real, dtype in ((float64, "float64"), (float32, "float32")):
        grid = random_grid(dtype=dtype)
        field = typeof(grid.h_t)
        carried = (field, field, field, field, real, typeof(grid), field)
        bodies = {body: carried for body in POINTS.values()} | {diffusion: (field, field, typeof(grid), field)}
        for body, signature in bodies.items():
            ptx, _ = cuda.compile_ptx(cuda_loop(body), signature, cc=(9, 0))
            assert ".visible .entry" in ptx
            if dtype == "float32":
                assert ".f64" not in ptx, "a double constant slipped into the float32 kernel"
