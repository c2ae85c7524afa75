"""Tests of the GPU that need none: in the simulator, by compilation, and messages where a GPU is missing.

`tests/gpu/test_gpu.py` holds the tests themselves, which also run on a GPU.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ogcm
from adjoint.run import gradient_bytes
from adjoint.state import Gradient
from adjoint.stepper import AdjointStepper
from ogcm import device
from ogcm.memory import bytes_of, model_bytes, run_bytes
from ogcm.model import Model

ROOT = Path(__file__).resolve().parents[2]
no_gpu = pytest.mark.skipif(device.available(), reason="there is a GPU")


KERNELS = "operator or halo or race or benchmark"
FEW = "(operator and forwards and True) or race", "(steps_are_those and options1) or (writes and False) or straight"


@pytest.mark.cuda
@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen",
    [FEW, pytest.param((KERNELS, f"not ({KERNELS})"), marks=pytest.mark.long)],
    ids=["short", "whole"],
)
def test_kernels_and_models_in_the_simulator(chosen):
    """Run two processes at a time: one for kernels, one for whole models."""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "ignore", "tests/gpu/test_gpu.py", "-k"]
    runs = [
        subprocess.Popen([*command, tests], stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
        for tests in chosen
    ]
    for said, run in [(run.communicate()[0], run) for run in runs]:
        assert run.returncode == 0, said
        assert "passed" in said.splitlines()[-1]
        assert "skipped" not in said.splitlines()[-1]


@pytest.mark.cuda
@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("numba_cuda"), reason="needs numba-cuda")
@pytest.mark.parametrize("precision", ["float32", pytest.param("float64", marks=pytest.mark.long)])
def test_every_kernel_compiles_for_hopper_without_spills(precision, monkeypatch):
    """Numba may remove what it takes for dead code, but nothing that writes: a tuple of arrays is no copy of them."""
    from numba.cuda.core import inline_closurecall, ir, ir_utils, typed_passes

    from benchmarks.gpu_code import compiled, every_kernel

    def writes(code):
        statements = (statement for block in code.blocks.values() for statement in block.body)
        return [s for s in statements if isinstance(s, ir.SetItem | ir.StaticSetItem)]

    def careful(code, *arguments, remove=ir_utils.dead_code_elimination, **options):
        before = writes(code)
        remove(code, *arguments, **options)
        assert writes(code) == before

    for module in (inline_closurecall, typed_passes):
        monkeypatch.setattr(module, "dead_code_elimination", careful)
    kernels = every_kernel(precision)
    assert len(kernels) > 100
    for (name, types), function in kernels.items():
        code = compiled(function, types)
        assert ".visible .entry" in code.ptx, name
        assert code.spilled == 0, f"{name} spills {code.spilled} bytes"
        if precision == "float32" and "float64" not in str(types):  # statistics of features are in float64
            assert ".f64" not in code.ptx, f"{name}: a double constant slipped into the float32 kernel"


# Where there is no GPU


def small(**options) -> Model:
    grid = ogcm.cartesian(nx=8, ny=8, dx=1e4, dy=1e4, f0=1e-4)
    return ogcm.Model(grid, depth=100.0, dz=[50.0, 50.0], dt=60.0, **options)


@no_gpu
def test_a_missing_gpu_is_reported_before_anything_is_done(tmp_path):
    for ask in (
        lambda: small().to("cuda"),
        lambda: ogcm.Simulation(small(), days=1, output=tmp_path / "a.nc", device="cuda"),
    ):
        with pytest.raises(ogcm.InputError, match=r"device: 'cuda' (needs CuPy|finds no GPU).*use 'cpu'"):
            ask()
    assert not list(tmp_path.iterdir())


@no_gpu
def test_auto_is_the_cpu_where_there_is_no_gpu():
    assert ogcm.Simulation(small(), days=1, device="auto").device == "cpu"


def test_an_unknown_device_is_named():
    with pytest.raises(ogcm.InputError, match="device: 'tpu' does not exist; choose from cpu, cuda, auto"):
        small().to("tpu")


@pytest.mark.parametrize("options", [{}, {"integrator": "ab2"}, {"precision": "float32"}])
def test_the_memory_of_a_run_and_of_a_gradient_is_known_before(options):
    model = small(**options)
    stepper, adjoint, held = ogcm.Stepper(model), AdjointStepper(model), model_bytes(model)
    backwards = [value for name, value in vars(adjoint).items() if name not in ("model", "forward")]
    gradient = bytes_of(stepper, adjoint.forward, backwards, list(Gradient.zeros(model)))
    column = 3 * 14 * 14 * np.dtype(model.numerics.precision).itemsize  # a work array of the kernels
    state = bytes_of(model.state)
    assert run_bytes(model) == pytest.approx(held + bytes_of(stepper) + 2 * column + 2 * state, rel=0.02)
    assert gradient_bytes(model) == pytest.approx(held + gradient + 11 * column + 4 * state, rel=0.02)
