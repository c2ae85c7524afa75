"""The machine code of every kernel: its inner loops are vectorised, gather nothing and stay in their precision.

With a signed innermost index LLVM gathers, or gives up; with a bare 0.1 a float32 kernel computes in double. Both are
several times slower, and neither changes a result. The machine code is made from the optimised LLVM code that the cache
keeps of each kernel. By default, the kernels of a default model are checked in float64, which other tests compile as
well, the heavy ones in float32 too. (That no kernel of float32 computes in double is checked of all GPU twins, which
have the same source: `tests/gpu/test_cuda.py`.)
"""

import platform
import re

import numba
import numpy as np
import pytest
from numba import typeof

from adjoint.random_ocean import mask_of, random_field, random_grid
from adjoint.registry import PAIRS
from ogcm.backend import HALF, Kernel

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="the names of the instructions are those of x86-64"
)

# Heavy kernels, whose pairs are checked in both precisions, and in which at least a fifth of multiplications is packed
HEAVY = {
    *("advect_tracer_upwind3", "stress_divergence", "diffuse_tracer", "advect_momentum_energy", "pressure_gradient"),
    *("advect_tracer_upwind3_ad", "advance_tracer_ad", "potential_vorticity_ad"),
}
MULTIPLICATION = re.compile(r"\tv?mul(p|s)[sd]\t")
ARITHMETIC = re.compile(r"\tv?(?:add|sub|mul|div|sqrt|fn?m(?:add|sub)\d*)(p|s)[sd]\t")
CONVERSION = re.compile(r"\tv?cvt(?:ps2pd|pd2ps|ss2sd|sd2ss)\t")
GATHER = re.compile(r"\tvp?gather")

# Kernels that do not keep a rule, or not in one precision, with the reason
EXCEPTIONS = {
    ("advect_tracer_monotone_ad", "is scalar"): "limiters with branches",
    ("absorb_shortwave", "is scalar"): "an exponential for each cell, of which there are no vectors",
    ("decay_fraction", "is scalar", "float64"): "as absorb_shortwave",
    ("bottom_drag", "gathers"): "reads the last wet cell of each column",
    ("chapman", "is scalar"): "a cell outside reads the one inwards, which lies in any of eight directions",
    ("chapman_ad", "is scalar"): "as chapman",
    ("radiate", "is scalar"): "branches at the points of the rim alone",
    ("radiate_ad", "is scalar"): "as radiate",
    ("inverse_barometer", "is scalar"): "as chapman",
    ("inverse_barometer_ad", "is scalar"): "as chapman",
    ("carry_out", "is scalar"): "as chapman",
    ("carry_out_ad", "is scalar"): "as chapman",
    ("put_on_rim_ad", "gathers"): "reads the points of a list",
    ("nudge", "gathers"): "reads a list, where its points are",
    ("nudge_ad", "gathers"): "as nudge",
    ("bottom_drag_ad", "is scalar"): "adds only where the last wet cell of a column lies in this layer",
}

# Pairs that the default model does not need
OTHER_CHOICES = re.compile(
    r"enstrophy|al81|teos10|monotone|centred2|leith|smagorinsky|richardson|_of_layers|laplacian|freezing|extrapolate"
)


def assembly(kernel, signature):
    """Machine code of the compiled kernel or function for arguments of the types `signature`, as text."""
    compiled = getattr(kernel, "compiled", kernel)
    compiled.compile(signature)
    library = compiled.overloads[signature].library
    module = getattr(library, "_shared_module", None) or library._final_module  # the first one if it is from the cache
    return library._codegen._tm.emit_assembly(module)


def inner_loops(function):
    """Innermost loops of the assembly of a function: what lies between a label and the last jump back to it."""
    lines = function.splitlines()
    labels = {line[:-1]: n for n, line in enumerate(lines) if line.startswith(".L") and line.endswith(":")}
    ends = {}  # by beginning
    for n, line in enumerate(lines):
        jump = re.match(r"\tj\w+\t(\.L\w+)$", line)
        if jump and labels.get(jump[1], n) < n:
            ends[labels[jump[1]]] = n
    first_end = len(lines)
    for start in sorted(ends, reverse=True):
        if ends[start] < first_end:
            first_end = ends[start]
            yield "\n".join(lines[start : ends[start] + 1])


def faults(text):
    """Faults of the inner loops that compute with floats: a set of "gathers", "converts" and "is scalar"."""
    found = set()
    for function in re.split(r"\n(?=\w[\w.$]*:\n)", text):
        loops = [loop for loop in inner_loops(function) if ARITHMETIC.search(loop)]
        found |= {"gathers" for loop in loops if GATHER.search(loop)}
        found |= {"converts" for loop in loops if CONVERSION.search(loop)}
        found |= {"is scalar"} if loops and not any("p" in ARITHMETIC.findall(loop) for loop in loops) else set()
    return found


@pytest.fixture
def kernels_called(monkeypatch):
    """Kernels that a function would call, with the types of their arguments; they are recorded and not run."""
    called = {}

    def record(self, *arguments):
        taken = list(arguments)
        if self.grid_position is not None:
            taken[self.grid_position] = self.grid_for(taken[self.grid_position])
        called[self, tuple(map(typeof, taken))] = None

    def calls(function, *arguments):
        called.clear()
        monkeypatch.setattr(Kernel, "__call__", record)
        function(*arguments)
        monkeypatch.undo()
        return list(called)

    return calls


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        pytest.param(
            name, precision, marks=pytest.mark.slow if default or {name, f"{name}_ad"} & HEAVY else pytest.mark.long
        )
        for name in PAIRS
        for precision in ("float32", "float64")
        for default in [precision == "float64" and not OTHER_CHOICES.search(name)]
    ],
)
def test_inner_loops_are_vectorised_in_their_own_precision(name, precision, kernels_called):
    pair, dtype = PAIRS[name], np.dtype(precision)
    grid, rng = random_grid(dtype=dtype), np.random.default_rng(0)
    inputs = [random_field(grid, kind, rng, size).astype(dtype) for kind, size in pair.inputs.values()]
    outputs = [np.zeros(mask_of(grid, kind).shape, dtype) for kind in pair.outputs.values()]
    constants = [c if isinstance(c, int) else np.asarray(c, dtype)[()] for c in pair.constants(grid, dtype)]
    gradients = [np.zeros_like(x) for x in inputs]
    kernels = kernels_called(pair.forward, *inputs, *constants, grid, *outputs)
    kernels += kernels_called(pair.adjoint, *inputs, *constants, grid, *outputs, *gradients)
    for kernel, signature in kernels:
        own = [rule for rule in EXCEPTIONS if rule[0] == kernel.__name__]
        allowed = {fault for _, fault, *only in own if precision in (only or [precision])}
        text = assembly(kernel, signature)
        assert faults(text) == allowed, kernel.__name__
        if kernel.__name__ in HEAVY:  # the rest of a row is done one by one
            kinds = MULTIPLICATION.findall(text)
            assert kinds.count("p") > 0.25 * kinds.count("s"), kernel.__name__


def sound(x, y):
    for i in range(np.uintp(1), np.uintp(x.size)):
        y[i] = HALF * (x[i] - x[i - np.uintp(1)])


def promotes(x, y):
    for i in range(x.size):
        y[i] = 0.1 * x[i]


def gathers(x, y):
    for i in range(x.size):
        y[i] = HALF * x[7 * i]


def depends(x, y):
    for i in range(1, x.size):
        y[i] = x[i] * y[i - 1]


def from_the_layer_below(x, y):
    for k in range(x.shape[0] - 2, -1, -1):
        for i in range(np.uintp(x.shape[1])):
            y[k, i] += x[k, i] * y[k + 1, i]


def test_layers_computed_from_layers_run_in_vectors():
    """LLVM would choose between vectors and scalar code before the loop over k, by the sign of its stride."""
    array = typeof(np.ones((3, 3)))
    text = assembly(numba.njit(from_the_layer_below, error_model="numpy"), (array, array))
    assert "mulpd" in text
    assert not re.search(r"\t(?:sets|js)\t", text)


@pytest.mark.parametrize(
    ("function", "fault"), [(sound, set()), (promotes, {"converts"}), (gathers, {"gathers"}), (depends, {"is scalar"})]
)
def test_a_planted_fault_is_found(function, fault):
    array = typeof(np.ones(3, np.float32))
    assert faults(assembly(numba.njit(function), (array, array))) == fault
