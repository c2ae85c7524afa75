"""Compilation before the first step: what a rehearsal finds, the copies of the process, and `ogcm compile`."""

import os
import signal
import threading

import numpy as np
import pytest

import adjoint
import ogcm
from nn.corrector import Corrector
from ogcm import precompile
from ogcm.backend import Kernel, noted_calls
from ogcm.constants import DAY
from ogcm.precompile import compile_in_copies, compile_missing, missing_kernels, train_smallest
from ogcm.simulation import Simulation
from ogcm.stability import upward_transports


def doubled(a, out):
    """Compute 2 a."""
    for i in range(len(a)):
        out[i] = 2 * a[i]


def squared(a, out):
    """Compute a squared."""
    for i in range(len(a)):
        out[i] = a[i] * a[i]


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """Two kernels with an empty directory of compiled kernels."""
    monkeypatch.setenv("OGCM_CACHE_DIR", str(tmp_path / "cache"))
    return [Kernel(function, parallel=False) for function in (doubled, squared)]


def call(kernels: list[Kernel]) -> list[np.ndarray]:
    """Call the kernels with 3, and return their results."""
    results = [np.zeros(1) for _ in kernels]
    for kernel, out in zip(kernels, results, strict=True):
        kernel(np.full(1, 3.0), out)
    return results


def compiled_here(kernels: list[Kernel]) -> int:
    """Return how many of the kernels this process has compiled instead of loading them."""
    return sum(sum(kernel.compiled.stats.cache_misses.values()) for kernel in kernels)


def test_a_rehearsal_runs_nothing_and_finds_each_kernel_once(kernels):
    results = []
    missing = missing_kernels(lambda: results.extend(call(kernels) + call(kernels)))
    assert len(missing) == 2
    assert {compiled.py_func for compiled, _ in missing} == {doubled, squared}
    assert not np.any(results)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_copies_fill_the_directory_and_this_process_compiles_nothing(kernels, tmp_path, workers):
    compile_in_copies(missing_kernels(lambda: call(kernels)), workers)
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert missing_kernels(lambda: call(kernels)) == []
    np.testing.assert_array_equal(call(kernels), [[6.0], [9.0]])
    assert compiled_here(kernels) == 0


def test_without_a_directory_that_can_be_written_to_the_kernels_are_compiled_here(kernels, monkeypatch):
    monkeypatch.setattr("ogcm.kernel_cache.os.replace", lambda *_: (_ for _ in ()).throw(OSError("the disk is full")))
    compile_in_copies(missing_kernels(lambda: call(kernels)), 2)
    np.testing.assert_array_equal(call(kernels), [[6.0], [9.0]])
    assert compiled_here(kernels) == 2


def test_an_interrupt_ends_the_copies(kernels, monkeypatch):
    begun = []
    monkeypatch.setattr(precompile.REPORT, "begin", lambda name: begun.append(name))
    monkeypatch.setattr(precompile, "work", lambda missing, parent, tasks, tell: signal.pause())
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        compile_in_copies(missing_kernels(lambda: call(kernels)), 2)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_no_copy_is_made_for_a_single_kernel_or_if_nothing_is_missing(kernels, monkeypatch):
    monkeypatch.setattr("ogcm.precompile.compile_in_copies", lambda *_: pytest.fail("a copy was made"))
    compile_missing(lambda: call(kernels[:1]))
    call(kernels)
    compile_missing(lambda: call(kernels))


def called(rehearse) -> set:
    """Return the names of the kernels that a function calls, with the types of their arguments."""
    with noted_calls() as calls:
        rehearse()
    return {(c.py_func.__name__, tuple(map(str, map(c.typeof_pyval, arguments)))) for c, arguments in calls}


def test_compile_leaves_nothing_for_a_run_a_gradient_and_a_training():
    model = ogcm.setups.double_gyre(resolution=3.0)
    simulation = Simulation(model, days=2 * model.numerics.dt / DAY, progress=False)

    def run() -> None:
        simulation.check()
        upward_transports(model)
        simulation.stepper.step()

    def gradient(*controls: str) -> None:
        adjoint.gradient(adjoint.losses.BoxMean(model, "eta"), simulation, controls)

    ready = called(train_smallest)
    assert "momentum" in {name for name, _ in called(run)}
    assert called(run) <= ready
    assert called(lambda: gradient("T", "nu_h", "tau_x")) <= ready
    scales = {"stress": 1e-9, "T_flux": 1e-9}
    model.corrector = Corrector(model, features=("velocity", "T"), outputs=("stress", "T_flux"), scales=scales)
    assert called(lambda: gradient("corrector")) <= ready
