"""How a kernel is compiled and called; `ogcm.cuda` makes the same for a GPU.

`point` marks a point function: plain scalar code that knows nothing of who calls it.
`kernel` makes a threaded CPU kernel of a loop over points, whose GPU twin runs where its arrays live on a GPU.

Compiled kernels are kept between processes by `ogcm.kernel_cache`.
"""

import ctypes
import functools
import hashlib
import inspect
import math
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from numba.core import event, types
from numba.extending import overload

from ogcm.kernel_cache import IMPLEMENTATIONS, KernelCache, codes, functions_of, python_function

ONE = np.uintp(1)
TWO = np.uintp(2)
HALF = np.float32(0.5)  # exact in every precision, so that float32 kernels stay in float32
QUARTER = np.float32(0.25)
HALO = 3  # cells around the interior, as wide as the widest stencil (the adjoint of upwind 3)


def preload_tbb() -> None:
    """Load the library of the tbb wheel, which a virtual environment hides from the linker."""
    for path in sorted(Path(sys.prefix, "lib").glob("libtbb.so.*")):
        try:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            return
        except OSError:
            continue


class CompilationReport(event.Listener):
    """Says on a terminal which kernel is being compiled, since that takes seconds."""

    def __init__(self) -> None:
        self.compiled = 0

    def on_start(self, compilation: event.Event) -> None:
        dispatcher = compilation.data["dispatcher"]
        if dispatcher.targetoptions.get("parallel"):
            self.begin(dispatcher.py_func.__name__)

    def on_end(self, compilation: event.Event) -> None:
        self.show("")

    def begin(self, name: str) -> None:
        self.compiled += 1
        self.show(f"compiling kernel {self.compiled}: {name}")

    def show(self, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


preload_tbb()
numba.config.THREADING_LAYER_PRIORITY = ["tbb", "omp", "workqueue"]
REPORT = CompilationReport()
event.register("numba:compile", REPORT)

point = numba.njit(inline="always")
# For branches on plain numbers: LLVM inlines them, Numba's inliner takes a minute. Division is NumPy's: a check for 0
# would keep LLVM from making vectors.
scalar = numba.njit(error_model="numpy")


def grid_fields(function: Callable) -> list[str]:
    """The names of the arrays of the grid that a kernel reads, itself or in the functions that it calls, sorted."""
    from ogcm.grid import Grid

    names = {name for part in functions_of(function) for code in codes(part.__code__) for name in code.co_names}
    return sorted(names & set(Grid._fields))


class KernelGrid:
    """A named tuple of arrays that kernels take as their grid: each kernel is handed only those that it reads."""

    @functools.cached_property
    def kernel_grids(self) -> dict["Kernel", tuple]:
        """By kernel, the arrays that it reads."""
        return {}

    def __getstate__(self) -> None:
        """A copy has no parts: its arrays are others."""


class Kernel:
    """A CPU kernel, threaded unless it has too little to do; any module may define one.

    Where its last argument is no NumPy array but one on a GPU, the twin runs there. Of its argument `grid` it is handed
    only the arrays that it reads: each array of an argument costs 0.15 us a call, the whole grid 7 us, which small
    models feel (and 4 KB, all that a GPU takes).
    """

    def __init__(self, function: Callable, parallel: bool = True, serial_below: int = 0) -> None:
        """`serial_below`: points of the last array below which one thread does all the loops of the kernel."""
        self.serial_below = serial_below
        self.py_func = function
        self.compiled = numba.njit(parallel=parallel, error_model="numpy")(function)
        self.compiled._cache = KernelCache(function, f"parallel={parallel}")
        parameters = list(inspect.signature(function).parameters)
        self.grid_position = parameters.index("grid") if "grid" in parameters else None
        functools.update_wrapper(self, function)

    def __call__(self, *arguments) -> None:
        if self.grid_position is not None:
            grid = arguments[self.grid_position]
            part = grid.kernel_grids.get(self) or self.grid_for(grid)
            arguments = (*arguments[: self.grid_position], part, *arguments[self.grid_position + 1 :])
        if not isinstance(arguments[-1], np.ndarray):
            if not hasattr(arguments[-1], "__cuda_array_interface__"):
                raise TypeError(f"{self.py_func.__name__}: its last argument must be an array that it writes")
            self.twin(*arguments)
            return
        if not self.serial_below or arguments[-1].size >= self.serial_below:
            self.compiled(*arguments)
            return
        threads = numba.get_num_threads()
        numba.set_num_threads(1)
        self.compiled(*arguments)
        numba.set_num_threads(threads)

    @property
    def twin(self) -> Callable:
        """The same kernel for arrays on a GPU."""
        from ogcm.cuda import twin

        return twin(self.py_func)

    @functools.cached_property
    def fields(self) -> list[str]:
        """The arrays of the grid that the kernel reads."""
        return grid_fields(self.py_func)

    def grid_for(self, grid: KernelGrid) -> tuple:
        """The arrays of `grid` that the kernel reads, kept by the grid, in a type that a file of the cache can name."""
        name = f"Grid_{hashlib.sha256(' '.join(self.fields).encode()).hexdigest()[:16]}"
        part = globals().setdefault(name, namedtuple(name, self.fields, module=__name__))
        arrays = [getattr(grid, field) for field in self.fields]
        if any(hasattr(a, "__cuda_array_interface__") for a in arrays):
            from ogcm.cuda import view

            arrays = map(view, arrays)
        return grid.kernel_grids.setdefault(self, part(*arrays))


kernel = Kernel


# What a GPU does in another way (`ogcm.cuda`)

GPU_REPLACEMENTS: dict[Callable, Callable | None] = {}


def replaced_on_gpu(function: Callable | None) -> Callable:
    """Decorator of a helper `(..., j, ni)` of a row: a thread of a GPU calls `function(..., j, i)` instead, or None."""

    def mark(helper):
        GPU_REPLACEMENTS[python_function(helper)] = function
        return helper

    return mark


@point
def row_barrier():
    """Behind it a row of work space is read beside the own point, which on a GPU another thread has written."""


# The complex step differentiates through these: every branch is chosen by the real part.


@point
def absolute(x):
    """|x|; its derivative at 0 is taken as that of +x."""
    return x if x.real >= 0 else -x


@point
def smaller(x, y):
    """min(x, y); the derivative of the smaller argument, of x at a tie."""
    return x if x.real <= y.real else y


@point
def larger(x, y):
    """max(x, y); the derivative of the larger argument, of x at a tie."""
    return x if x.real >= y.real else y


def typed(value, like):
    """The real number `value` in the precision of `like` (a bare 0.1 would promote float32)."""
    return np.float32(value) if isinstance(like, np.float32) else value


@overload(typed, inline="always")
def _typed(value, like):
    if like == types.float32:
        return lambda value, like: np.float32(value)
    return lambda value, like: np.float64(value)


def root(x):
    """The square root (a GPU's NumPy has none)."""
    return np.sqrt(x)


@overload(root, inline="always")
def _root(x):
    return (lambda x: np.sqrt(x)) if isinstance(x, types.Complex) else (lambda x: math.sqrt(x))


IMPLEMENTATIONS.update({typed: _typed, root: _root})
