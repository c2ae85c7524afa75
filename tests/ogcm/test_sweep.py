"""Sweeps: the bits do not depend on the blocks, the margins of the passes are needed, and what a sweep refuses."""

import platform

import numpy as np
import pytest
from numba import prange

from benchmarks.forward import stage_arrays
from ogcm import stage_passes
from ogcm.backend import HALO, ONE, kernel
from ogcm.errors import KernelError
from ogcm.rows import row_function
from ogcm.stepper import Stepper
from ogcm.sweep import Sweep
from ogcm.windows import Window
from tests.adjoint.test_stepper import ocean
from tests.ogcm.test_assembly import assembly, faults

BLOCKS = (1, 2, 3, 6)


def results(sweep: Sweep, blocks: int) -> list[np.ndarray]:
    """What the sweep of the momentum equations of a rough basin computes in this number of blocks."""
    model = ocean()
    stepper = Stepper(model)
    n, end = model.state, stepper.states.ends[0]
    arrays = stepper.arrays(stepper.context(0, n, n, end, stepper.fluxes(n)))
    shapes = {
        name: (a.data.shape[1], 0, a.data.shape[3])
        for name, a in arrays.items()
        if isinstance(a, Window) and sweep.rows(name)
    }
    arrays |= {name: Window(shape, sweep.rows(name), blocks, float) for name, shape in shapes.items()}
    used = {name for step in sweep.passes for name in step.arguments.split()}
    sweep(model.grid, {name: a for name, a in arrays.items() if name in used}, blocks)
    return [arrays["u_star"], arrays["v_star"], arrays["u_bar_star"]]


@pytest.mark.parametrize("blocks", BLOCKS)
def test_blocks_change_no_bit(blocks):
    sweep = stage_passes.momentum(ocean().numerics)
    for one, several in zip(results(sweep, 1), results(sweep, blocks), strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_array_equal(one, several)


def test_margins_are_needed():
    """Without the rows beyond its block that the transports have, the second of two blocks gives something else."""
    sweep = stage_passes.momentum(ocean().numerics)
    narrow = Sweep("narrow", sweep.passes[0]._replace(south=0), *sweep.passes[1:])
    assert any((a != b).any() for a, b in zip(results(sweep, 2), results(narrow, 2), strict=True))


def test_what_a_pass_writes_is_none_of_its_other_arguments():
    """Functions of rows are compiled under this condition; without it their results would be undefined."""
    stepper = Stepper(ocean())
    for _ in range(2):  # tracers lie in two arrays in turns
        for arrays in stage_arrays(stepper):
            for step in (*stepper.momentum.passes, *stepper.flow.passes):
                read, written = (names.split() for names in step.arguments.split(" grid "))
                table = {name: getattr(arrays[name], "data", arrays[name]) for name in read + written}
                for name in written:
                    assert not any(np.shares_memory(table[name], a) for other, a in table.items() if other != name)
        stepper.step()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="instructions are those of x86-64")
def test_the_loops_of_a_sweep_are_vectors():
    """A value that LLVM carries from point to point, or reference counts, would make the loops of rows scalar."""
    stepper = Stepper(ocean())
    stepper.advance(stepper.model.state)
    for sweep in (stepper.momentum, stepper.flow):
        for run, _ in sweep.compiled.values():
            for signature in run.signatures:
                assert not faults(assembly(run, signature))


@kernel
def two_loops(a, out):
    """A kernel with two loops over the rows."""
    _, nj, ni = a.shape
    for j in prange(HALO, nj - HALO):
        for i in range(HALO, ni - HALO):
            out[0, j, i] = a[0, j, i]
    for j in prange(HALO, nj - HALO):
        for i in range(HALO, ni - HALO):
            out[0, j, i] += a[0, j, i + ONE]


def test_a_kernel_with_two_loops_is_refused():
    with pytest.raises(KernelError, match="two_loops: a sweep needs a kernel that ends with its only loop"):
        row_function(two_loops.py_func, apart=True)
