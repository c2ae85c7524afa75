"""How a kernel is compiled for a CPU and called; `ogcm.cuda` makes the same kernel for a GPU.

`point` compiles a point function: plain scalar code for one point of the grid, inlined where it is called.
`kernel` makes a threaded CPU kernel of a loop over points; its GPU twin runs if the arrays live on a GPU.
Compiled kernels are kept between processes by `ogcm.kernel_cache`.
"""

import contextlib
import ctypes
import functools
import hashlib
import inspect
import math
import sys
from collections import namedtuple
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from numba.core import event, types
from numba.extending import overload

from ogcm.errors import KernelError
from ogcm.kernel_cache import IMPLEMENTATIONS, LLVM_OPTIONS, KernelCache, codes, functions_of, python_function
from ogcm.rows import OPTIONS, loop_over_rows, point

ONE = np.uintp(1)
TWO = np.uintp(2)
HALF = np.float32(0.5)  # exact in every precision, so that float32 kernels stay in float32
QUARTER = np.float32(0.25)
HALO = 3  # cells around the interior, as wide as the widest stencil (the adjoint of upwind 3)


def preload_tbb() -> None:
    """Load the library of the tbb wheel, which the linker does not find in a virtual environment."""
    for path in sorted(Path(sys.prefix, "lib").glob("libtbb.so.*")):
        try:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            return
        except OSError:
            continue


class CompilationReport(event.Listener):
    """Shows on a terminal which kernel is being compiled, since that takes seconds."""

    def __init__(self) -> None:
        self.compiled = 0

    def on_start(self, compilation: event.Event) -> None:
        """Show the name of a parallel kernel when its compilation starts.

        Parameters
        ----------
        compilation : numba.core.event.Event
            The event of Numba that holds the dispatcher.
        """
        dispatcher = compilation.data["dispatcher"]
        if dispatcher.targetoptions.get("parallel"):
            self.begin(dispatcher.py_func.__name__)

    def on_end(self, compilation: event.Event) -> None:
        """Clear the line when the compilation ends.

        Parameters
        ----------
        compilation : numba.core.event.Event
            The event of Numba.
        """
        self.show("")

    def begin(self, name: str) -> None:
        """Show that a kernel is being compiled, with its number.

        Parameters
        ----------
        name : str
            Name of the kernel.
        """
        self.compiled += 1
        self.show(f"compiling kernel {self.compiled}: {name}")

    def show(self, text: str) -> None:
        """Replace the line on the terminal.

        Parameters
        ----------
        text : str
            The new line; empty to clear it.
        """
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def set_llvm_options() -> None:
    """Vectorise three kinds of loops over i that LLVM makes slow by default.

    A layer that is computed from the one above or below it, as x[k] from x[k - 1]: the vector code of a loop runs only
    if the row that is written overlaps no row that is read. LLVM tests this once before the loop over k, for all layers
    together. Then x[k] overlaps x[k - 1], and scalar code runs for every layer. With `hoist-runtime-checks` off, LLVM
    tests it for each k.

    A point that reads what its neighbour reads, as x[i] and x[i + 1]: LLVM would carry the value from one point to the
    next instead of reading it again, and each point would wait for the one before. With `enable-pre` and
    `enable-load-in-loop-pre` off, it reads it again.

    A point that is computed only where its cell is wet: LLVM would move all that it reads into the branch, coefficients
    of the whole model included, and gather them there. With `instcombine-code-sinking` off, they stay outside the loop.
    """
    if llvmlite.binding.llvm_version_info >= (17,):  # older versions lack the first, and test at every k
        for option in LLVM_OPTIONS:
            llvmlite.binding.set_option("ogcm", option)


preload_tbb()
set_llvm_options()
numba.config.THREADING_LAYER_PRIORITY = ["tbb", "omp", "workqueue"]
REPORT = CompilationReport()
event.register("numba:compile", REPORT)


def grid_fields(function: Callable) -> list[str]:
    """Return the names of the arrays of the grid that a kernel reads.

    Parameters
    ----------
    function : callable
        The Python function of the kernel.

    Returns
    -------
    list of str
        The sorted names, with those that the functions called by the kernel read.
    """
    from ogcm.grid import Grid

    names = {name for part in functions_of(function) for code in codes(part.__code__) for name in code.co_names}
    return sorted(names & set(Grid._fields))


class KernelGrid:
    """A named tuple of arrays that is the grid of kernels; each kernel receives only the arrays that it reads."""

    @functools.cached_property
    def kernel_grids(self) -> dict[object, tuple]:
        """The arrays that each kernel or sweep reads, by kernel or by their names."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave `kernel_grids` out of copies, which have other arrays."""
        return {}


def grid_type(fields: Sequence[str]) -> type:
    """Return the named tuple of some arrays of a grid, always the same for the same arrays.

    Parameters
    ----------
    fields : sequence of str
        Names of the arrays.

    Returns
    -------
    type
        The named tuple, which the cache can save.
    """
    name = f"Grid_{hashlib.sha256(' '.join(fields).encode()).hexdigest()[:16]}"
    return globals().setdefault(name, namedtuple(name, fields, module=__name__))


def part_of_grid(grid: KernelGrid, key: object, fields: Sequence[str]) -> tuple:
    """Return some arrays of a grid as a named tuple, of a type that the cache can save.

    Parameters
    ----------
    grid : Grid
        The whole grid, which keeps the result in `kernel_grids`.
    key : hashable
        Key of the result there.
    fields : sequence of str
        Names of the arrays.

    Returns
    -------
    tuple
        A named tuple of the arrays.
    """
    arrays = [getattr(grid, field) for field in fields]
    if any(hasattr(a, "__cuda_array_interface__") for a in arrays):
        from ogcm.cuda import as_numba_array

        arrays = [as_numba_array(a) for a in arrays]
    return grid.kernel_grids.setdefault(key, grid_type(fields)(*arrays))


class Kernel:
    """A CPU kernel, threaded unless it has little to compute; any module may define one with the decorator `kernel`.

    If its last argument is an array on a GPU, the GPU twin runs. In place of its argument `grid` the compiled kernel
    receives only those arrays of the grid that it reads: each array in an argument costs 0.15 us a call and the whole
    grid 7 us, which slows down small models (and takes 4 KB, the limit of a GPU).

    Parameters
    ----------
    function : callable
        Loops over points, with an array that is written as last argument.
    parallel : bool
        Compile `prange` loops for several threads. A kernel without them is one for arrays on the host alone.
    serial_below : int
        Number of points of the last array below which one thread runs all loops.
    apart : bool
        False for a kernel that may be given one array as two arguments. All others are compiled for arrays that share
        no memory if one of them is written, and their results are undefined if they do.
    contract : bool
        True to compute a + b * c with one rounding, where the processor has an instruction for it. The bits are still
        the same for each element if b * c is used once, and no other product is added in the same place.
    """

    def __init__(
        self,
        function: Callable,
        parallel: bool = True,
        serial_below: int = 0,
        apart: bool = True,
        contract: bool = False,
    ) -> None:
        self.parallel, self.serial_below, self.apart = parallel, serial_below, apart
        self.fastmath: set[str] = {"contract"} if contract else set()
        self.py_func = function
        parameters = list(inspect.signature(function).parameters)
        self.grid_position = parameters.index("grid") if "grid" in parameters else None
        functools.update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> None:
        if self.grid_position is not None:
            grid = arguments[self.grid_position]
            own = grid.kernel_grids.get(self) or self.grid_for(grid)
            arguments = (*arguments[: self.grid_position], own, *arguments[self.grid_position + 1 :])
        if not isinstance(arguments[-1], np.ndarray):
            if not hasattr(arguments[-1], "__cuda_array_interface__"):
                raise TypeError(f"{self.py_func.__name__}: the last argument must be an array that the kernel writes")
            self.twin(*arguments)
            return
        if not self.serial_below or arguments[-1].size >= self.serial_below:
            self.compiled(*arguments)
            return
        threads = numba.get_num_threads()
        numba.set_num_threads(1)
        self.compiled(*arguments)
        numba.set_num_threads(threads)

    @functools.cached_property
    def compiled(self) -> Any:
        """The CPU kernel: a loop over rows if it is one, else all its loops as they stand."""
        function = self.py_func
        if self.parallel:
            with contextlib.suppress(KernelError):
                function = loop_over_rows(self.py_func, self.apart)
        compiled = numba.njit(parallel=self.parallel, error_model="numpy", fastmath=self.fastmath)(function)
        options = " ".join([f"parallel={self.parallel} apart={self.apart}", *self.fastmath, OPTIONS])
        compiled._cache = KernelCache(self.py_func, options)
        return compiled

    @property
    def twin(self) -> Callable:
        """The same kernel for arrays on a GPU."""
        from ogcm.cuda import twin

        return twin(self.py_func, self.apart)

    @functools.cached_property
    def fields(self) -> list[str]:
        """The names of the arrays of the grid that the kernel reads."""
        return grid_fields(self.py_func)

    def grid_for(self, grid: KernelGrid) -> tuple:
        """Return the arrays of `grid` that the kernel reads, in a type that the cache can save.

        Parameters
        ----------
        grid : Grid
            The whole grid, which keeps the result.

        Returns
        -------
        tuple
            A named tuple of the arrays in `fields`.
        """
        return part_of_grid(grid, self, self.fields)


kernel = Kernel


# What is translated in another way for a GPU (`ogcm.cuda`)

GPU_REPLACEMENTS: dict[Callable, Callable | None] = {}


def replaced_on_gpu(function: Callable | None) -> Callable:
    """Decorate a helper of a row that a GPU replaces by a function of one point.

    Parameters
    ----------
    function : callable or None
        `function(..., j, i)` takes the place of the helper `(..., j, ni)`; with None the helper is left out, since
        another function has done its work.

    Returns
    -------
    callable
        The decorator, which returns the helper as it is.
    """

    def mark(helper):
        GPU_REPLACEMENTS[python_function(helper)] = function
        return helper

    return mark


@point
def row_barrier():
    """Separate two parts of a `prange` loop: after it, work arrays of a row may be read at other points of the row."""


# The complex step differentiates through these: every branch is chosen by the real part.


@point
def absolute(x):
    """Return the absolute value; its derivative at 0 is that of +x.

    Parameters
    ----------
    x : float or complex
        A number; the sign is that of its real part.

    Returns
    -------
    float or complex
        x or -x.
    """
    return x if x.real >= 0 else -x


@point
def smaller(x, y):
    """Return the smaller of two numbers by their real parts, with its derivative; x if they are equal.

    Parameters
    ----------
    x, y : float or complex
        Two numbers.

    Returns
    -------
    float or complex
        x or y.
    """
    return y if y.real < x.real else x


@point
def larger(x, y):
    """Return the larger of two numbers by their real parts, with its derivative; x if they are equal.

    Parameters
    ----------
    x, y : float or complex
        Two numbers.

    Returns
    -------
    float or complex
        x or y.
    """
    return y if y.real > x.real else x


def typed(value, like):
    """Return a real number in the precision of another one, since a bare 0.1 would promote float32 to float64.

    Parameters
    ----------
    value : float
        The number.
    like : float or complex
        A number of the wanted precision.

    Returns
    -------
    float
        `value` as float32 if `like` is float32, else as float64.
    """
    return np.float32(value) if isinstance(like, np.float32) else value


# Not `inline="always"`: where Numba inlines, it removes what is written through an array out of a tuple as dead code.
@overload(typed)
def _typed(value, like):
    """Compile `typed` for the type of `like`."""
    if like == types.float32:
        return lambda value, like: np.float32(value)
    return lambda value, like: np.float64(value)


def root(x):
    """Return the square root (`np.sqrt` does not exist in kernels of a GPU).

    Parameters
    ----------
    x : float or complex
        A number.

    Returns
    -------
    float or complex
        Its square root.
    """
    return np.sqrt(x)


@overload(root)
def _root(x):
    """Compile `root` for real or complex numbers."""
    return (lambda x: np.sqrt(x)) if isinstance(x, types.Complex) else (lambda x: math.sqrt(x))


def exponential(x):
    """Return exp(x) (`np.exp` does not exist in kernels of a GPU).

    Parameters
    ----------
    x : float or complex
        A number.

    Returns
    -------
    float or complex
        Its exponential.
    """
    return np.exp(x)


@overload(exponential)
def _exponential(x):
    """Compile `exponential` for real or complex numbers."""
    return (lambda x: np.exp(x)) if isinstance(x, types.Complex) else (lambda x: math.exp(x))


def logarithm(x):
    """Return the natural logarithm (`np.log` does not exist in kernels of a GPU).

    Parameters
    ----------
    x : float or complex
        A positive number.

    Returns
    -------
    float or complex
        Its logarithm.
    """
    return np.log(x)


@overload(logarithm)
def _logarithm(x):
    """Compile `logarithm` for real or complex numbers."""
    return (lambda x: np.log(x)) if isinstance(x, types.Complex) else (lambda x: math.log(x))


def arctangent(x):
    """Return arctan(x) (`np.arctan` does not exist in kernels of a GPU).

    Parameters
    ----------
    x : float or complex
        A number.

    Returns
    -------
    float or complex
        Its arctangent [radian].
    """
    return np.arctan(x)


@overload(arctangent)
def _arctangent(x):
    """Compile `arctangent` for real or complex numbers."""
    return (lambda x: np.arctan(x)) if isinstance(x, types.Complex) else (lambda x: math.atan(x))


IMPLEMENTATIONS.update({typed: _typed, root: _root, exponential: _exponential})
IMPLEMENTATIONS.update({logarithm: _logarithm, arctangent: _arctangent})
