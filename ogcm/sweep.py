"""Several kernels in one sweep over the rows of the ocean.

Kernels that are called one after another read from memory what the one before has written there. A sweep runs them
together, row after row, so that a row is still in the cache of the core when the next kernel needs it:

    for j:    transports(..., j + 1);  continuity(..., j + 1);  potential_vorticity(..., j);  advection(..., j)

Intermediate results need only a few rows: they are *windows* (`ogcm.windows`), which never leave the cache. Each thread
sweeps a block of rows, with windows of its own, in which it also computes the rows beyond its block that its kernels
read. A row has the same bits in any block, so that results do not depend on the number of threads.

What is swept are the rows of the kernels (`ogcm.rows`). Without windows, as on a GPU and where a step is kept for its
adjoint, the same kernels are called one after another; both ways give the same bits.
"""

import ast
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import prange

from ogcm.backend import HALO, Kernel, grid_fields, grid_type, part_of_grid
from ogcm.kernel_cache import KernelCache, fingerprint
from ogcm.kernel_source import compile_tree
from ogcm.rows import INNER, OPTIONS, row_function
from ogcm.windows import Window, address, as_window

SMALLEST_BLOCK = 8  # rows; in smaller blocks the rows beyond a block would cost more than another thread gains


class Pass(NamedTuple):
    """One kernel of a sweep.

    Attributes
    ----------
    kernel : Kernel
        The kernel, which overwrites its results if `south` or `north` are not 0.
    arguments : str
        Names of its arguments in the table of arrays of the sweep. Those after `grid` are written; they share no memory
        with any other.
    south, north : int
        Number of rows of its results on either side of row j that the row j of later kernels reads.
    """

    kernel: Kernel
    arguments: str
    south: int = 0
    north: int = 0


class Sweep:
    """Kernels that run together.

    Parameters
    ----------
    name : str
        Name, for messages and tracebacks.
    *passes : Pass
        The kernels in their order.
    """

    def __init__(self, name: str, *passes: Pass) -> None:
        self.name, self.passes = name, passes
        arguments = (n for step in passes for n in step.arguments.split())
        self.names = [n for n in dict.fromkeys(arguments) if n != "grid"]
        self.compiled: dict[tuple[bool, ...], tuple[Any, tuple[str, ...]]] = {}

    def rows(self, name: str) -> int:
        """Return the number of rows that a window needs, a power of two; 0 for an array that no pass uses.

        Parameters
        ----------
        name : str
            Name of the array.

        Returns
        -------
        int
            Those that are read at the same time; the first pass that has the array computes it.
        """
        for step in self.passes:
            if name in step.arguments.split():
                return 1 << (step.south + step.north).bit_length()
        return 0

    def __call__(self, grid: Any, arrays: Mapping[str, Any], blocks: int | None = None) -> None:
        """Run the kernels.

        Parameters
        ----------
        grid : Grid
            The grid, the argument `grid` of the kernels.
        arrays : mapping
            The other arguments of the kernels by name: arrays, windows and numbers.
        blocks : int, optional
            Number of blocks of rows, at most that of the windows; by default one for each thread that has enough rows.
        """
        given = [arrays[name] for name in self.names]
        windows = tuple(type(a) is Window for a in given)
        if not any(windows):
            table = {**arrays, "grid": grid}
            for step in self.passes:
                step.kernel(*(table[name] for name in step.arguments.split()))
            return
        if windows not in self.compiled:
            names = tuple(name for name, is_window in zip(self.names, windows, strict=True) if is_window)
            self.compiled[windows] = compiled_sweep(self.name, self.passes, tuple(self.names), names)
        run, fields = self.compiled[windows]
        part = grid.kernel_grids.get(fields) or part_of_grid(grid, fields, fields)
        nj = grid.depth_t.shape[0]
        blocks = blocks or min(numba.get_num_threads(), max(1, (nj - 2 * HALO) // SMALLEST_BLOCK))
        run(blocks, nj, part, *(a.data if type(a) is Window else a for a in given))


def fields_read(passes: tuple[Pass, ...]) -> tuple[str, ...]:
    """Return the sorted names of the arrays of the grid that passes read."""
    return tuple(sorted({field for step in passes for field in grid_fields(step.kernel.py_func)}))


@functools.cache  # sweeps of the same passes, one in each stepper, are compiled once
def compiled_sweep(
    name: str, passes: tuple[Pass, ...], names: tuple[str, ...], windows: tuple[str, ...]
) -> tuple[Any, tuple[str, ...]]:
    """Return the compiled sweep, which takes the arrays `names` after the grid, and the names of the grid's arrays."""
    fields = fields_read(passes)
    namespace = {"as_window": as_window, "HALO": HALO, "np": np, "prange": prange, "__name__": __name__}
    block = numba.njit(**INNER)(block_function(name, passes, names, windows, namespace))
    arguments = ", ".join(names)
    source = f"""
def {name}(blocks, nj, grid, {arguments}):
    for number in prange(blocks):
        {name}_block(np.intp(number), blocks, nj, grid, {arguments})
"""
    function = compile_tree(ast.parse(source).body[0], namespace | {f"{name}_block": block}, f"{__name__}.{name}")
    run = numba.njit(parallel=True, error_model="numpy")(function)
    run._cache = KernelCache(function, f"parallel=True {OPTIONS} {fingerprint(address)}")
    return run, fields


def block_function(name: str, passes: tuple[Pass, ...], names: tuple, windows: tuple, namespace: dict) -> Any:
    """Return the Python function that sweeps one of several blocks of rows, and add the rows' functions to `namespace`.

    The first and the last block have the rows of the halo that the kernels write. As outside a sweep, each kernel
    receives only the arrays of the grid that it reads, so that the function of its row is compiled once for all sweeps.
    """
    head = [f"{w} = as_window({w}[number], nj)" for w in windows]
    head += ["first = HALO + (nj - 2 * HALO) * number // blocks"]
    head += ["last = HALO + (nj - 2 * HALO) * (number + 1) // blocks"]
    begins, ends, calls = [], [], []
    for n, (kernel, arguments, south, north) in enumerate(passes):
        row, start, stop = row_function(kernel.py_func, apart=True)
        namespace |= {row.py_func.__name__: row, f"Grid_{n}": grid_type(kernel.fields)}
        head += [f"begin_{n} = {start} if number == 0 else first - {south}"]
        head += [f"end_{n} = {stop} if number == blocks - 1 else last + {north}"]
        head += [f"grid_{n} = Grid_{n}({', '.join(f'grid.{field}' for field in kernel.fields)})"]
        begins.append(f"begin_{n} - {north}")
        ends.append(f"end_{n} - {north}")
        given = (f"grid_{n}" if name == "grid" else name for name in arguments.split())
        call = f"{row.py_func.__name__}({', '.join(given)}, np.uintp(j + {north}))"
        calls.append(f"if begin_{n} <= j + {north} < end_{n}: {call}")
    lines = [*head, f"for j in range(min({', '.join(begins)}), max({', '.join(ends)})):", *(f"    {c}" for c in calls)]
    body = "\n    ".join(lines)
    source = f"def {name}_block(number, blocks, nj, grid, {', '.join(names)}):\n    {body}\n"
    return compile_tree(ast.parse(source).body[0], namespace, f"{__name__}.{name}")
