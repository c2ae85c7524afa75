"""The GPU twin of a CPU kernel, made from its source: threads take the place of the loops over a plane.

    for j in prange(a, b):              is launched:     j = thread_y;  if a <= j < b:
        for k in range(nk):             stays a loop         for k in range(nk):
            for ii in range(c, d):      becomes threads          ii = thread_x;  if c <= ii < d:

Each thread computes one column, k in order, and neighbouring threads of a warp compute neighbouring columns along i.
Where the layers are independent, k becomes a thread index as well (`thread_z`). Statements outside of the `prange`
loops run on the host. `ogcm.cuda_rules` refuses a kernel whose twin would compute something else than the CPU;
docs/twins.md shows a kernel and its twin. `on_plane` and `apart_on_plane` tell the compiler what it may know of the
arrays (`ogcm.cuda_arrays`). Three things are translated in another way:

    work arrays of a row     np.zeros((levels, ni), ...) in a `prange` loop is a column of one array for all rows
    `row_barrier()`          splits a loop into two launches, where work arrays are read at other points
    `replaced_on_gpu`        a helper of a row is replaced by a function for one point (the halo of a row)
"""

import ast
import functools
import importlib.util
import inspect
import math
import re
import sys
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import cuda

from ogcm.backend import GPU_REPLACEMENTS, REPORT, python_function, row_barrier
from ogcm.cuda_rules import check
from ogcm.errors import KernelError
from ogcm.kernel_source import (
    Node,
    compile_tree,
    full_name,
    is_along_i,
    is_loop,
    loop_bounds,
    names_read,
    names_set,
    namespace_of,
    parse_function,
    parse_statements,
)

numba.config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # a small ocean does not fill a GPU
THREADS = (32, 4, 1)  # threads of a block along i, j and k
THREAD_INDICES = "thread_x, thread_y, thread_z = cuda.grid(3)"
THREAD_ALONG = {"i": "thread_x", "j": "thread_y", "k": "thread_z"}
GENERATED_GLOBALS: dict[str, Any] = {"cuda": cuda, "gpu": sys.modules[__name__]}  # names known to all generated code
COMPILED = importlib.util.find_spec("numba_cuda") is not None and not numba.config.ENABLE_CUDASIM
# Functions are inlined by LLVM: Numba's own inlining drops what is written through a tuple of arrays.
INLINED = {"forceinline": True} if COMPILED else {}
if COMPILED:
    from ogcm.cuda_arrays import apart_on_plane, on_plane
else:

    def on_plane(_nj: int, _ni: int, *arguments: Any) -> tuple:
        """Return the arguments; the simulator needs to know nothing of its arrays."""
        return arguments

    apart_on_plane = on_plane
GENERATED_GLOBALS |= {"on_plane": on_plane, "apart_on_plane": apart_on_plane}


def within_bounds(loop: Node, thread: str, body: list[Node]) -> list[Node]:
    """Return the statements of one thread for a loop: its index, and the body if that lies within the bounds."""
    index, (start, stop) = ast.unparse(loop.target), loop_bounds(loop)
    first, condition = parse_statements(f"{index} = {thread}\nif {start} <= {index} < {stop}: pass")
    condition.body = body
    return [first, condition]


def helper_named(node: Node, namespace: dict) -> Callable | None:
    """Return the Python function of the helper that an expression names, or None."""
    return python_function(namespace.get(node.id)) if isinstance(node, ast.Name) else None


@functools.cache
def works_along_i(helper: Callable) -> bool:
    """Return True for a helper that loops along i, or calls one that does."""
    nodes, namespace = list(ast.walk(parse_function(helper))), namespace_of(helper)
    called = {inner for node in nodes if (inner := helper_named(node, namespace)) not in (None, helper)}
    return any(map(is_along_i, nodes)) or any(map(works_along_i, called))


class ThreadBody(ast.NodeTransformer):
    """Translates the body of a `prange` loop into the statements of one thread."""

    def __init__(self, namespace: dict) -> None:
        self.namespace = namespace

    def visit_For(self, node: Node) -> Node:
        """Replace a loop along i by its body at the point of the thread."""
        self.generic_visit(node)
        return within_bounds(node, THREAD_ALONG["i"], node.body) if is_along_i(node) else node

    def visit_Expr(self, node: Node) -> Node:
        """Replace a helper of a row by its function for one point (`replaced_on_gpu`)."""
        helper: Any = helper_named(getattr(node.value, "func", None), self.namespace)
        if helper in GPU_REPLACEMENTS:
            function: Any = GPU_REPLACEMENTS[helper]
            self.namespace[function.__name__] = function
            arguments = ", ".join(ast.unparse(a) for a in node.value.args[:-1])
            return parse_statements(f"{function.__name__}({arguments}, {THREAD_ALONG['i']})")[0]
        return self.generic_visit(node)

    def visit_Name(self, node: Node) -> Node:
        """Replace a helper that works along i, called or passed as an argument, by its translation."""
        helper = helper_named(node, self.namespace)
        if helper is None or not works_along_i(helper):
            return node
        self.namespace[f"device_{node.id}"] = device_function(helper)
        return ast.Name(f"device_{node.id}", node.ctx)


def thread_function(function: Callable) -> Callable:
    """Return what a thread computes of a helper that works along i, as a Python function."""
    namespace, tree = namespace_of(function) | GENERATED_GLOBALS, parse_function(function)
    ThreadBody(namespace).visit(tree)
    tree.body = [*parse_statements(THREAD_INDICES), *tree.body[ast.get_docstring(tree) is not None :]]
    return compile_tree(tree, namespace, full_name(function))


@functools.cache
def device_function(function: Callable) -> Callable:
    """Return the device function of a helper that works along i."""
    return cuda.jit(device=True, **INLINED)(thread_function(function))


class HostBody(ast.NodeTransformer):
    """Translates the body of a kernel into that of the host: each `prange` loop becomes launches of GPU kernels."""

    def __init__(self, function: Callable, tree: Node, apart: bool) -> None:
        self.namespace, self.apart = namespace_of(function) | GENERATED_GLOBALS, apart
        self.name, self.origin = tree.name, full_name(function)
        self.independent, self.gpu_kernels = check(function, tree), list[Callable]()
        self.last = tree.args.args[-1].arg
        inside = [n for loop in ast.walk(tree) if is_loop(loop, "prange") for n in ast.walk(loop)]
        stored = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        self.local = {a.arg for a in tree.args.args} | {n.id for n in stored if n not in inside}

    def visit_Expr(self, node: Node) -> Node:
        """Remove helpers of rows, since the threads have done their work."""
        helper = helper_named(getattr(node.value, "func", None), self.namespace)
        return None if helper in GPU_REPLACEMENTS else node

    def visit_For(self, node: Node) -> Node:
        """Replace a `prange` loop by its launches, one more for each `row_barrier()`."""
        if not is_loop(node, "prange"):
            return self.generic_visit(node)
        views, body, sizes = self.work_arrays(node.body)
        parts: list[list[Node]] = [[]]
        for statement in body:
            called = getattr(getattr(statement, "value", None), "func", None)
            if helper_named(called, self.namespace) is python_function(row_barrier):
                parts.append([])
            else:
                parts[-1].append(statement)
        return [self.launch(node, [*views, *part], sizes) for part in parts]

    def work_arrays(self, body: list[Node]) -> tuple[list[Node], list[Node], list[str]]:
        """Separate the work arrays of a row from the other statements of a `prange` loop.

        Returns the statements that make views of the arrays, the other statements, and the sizes as source.
        """
        views, others, zeroed, sizes = list[Node](), list[Node](), list[Node](), list[str]()
        for statement in body:
            value = getattr(statement, "value", None)
            calls: Any = value.elts if isinstance(value, ast.Tuple) else [value]
            if not all(isinstance(c, ast.Call) and ast.unparse(c.func) in ("np.zeros", "np.empty") for c in calls):
                others.append(statement)
                continue
            targets = statement.targets[0]
            for target, call in zip(getattr(targets, "elts", [targets]), calls, strict=True):
                size, name = call.args[0], f"thread_work_{len(sizes)}"
                row = isinstance(size, ast.Name)  # of shape (ni,)
                views += parse_statements(f"{target.id} = {name}[{'j' if row else ':, j'}]")
                sizes.append("None" if row else ast.unparse(size.elts[0]))
                if ast.unparse(call.func) == "np.zeros":
                    index = "thread_x" if row else "thread_level, thread_x"
                    loop = "" if row else f"for thread_level in range({target.id}.shape[0]): "
                    zeroed += parse_statements(f"if thread_x < ni:\n    {loop}{target.id}[{index}] = 0")
        return views, [*zeroed, *others], sizes

    def launch(self, loop: Node, body: list[Node], sizes: list[str]) -> Node:
        """Return the launch of the GPU kernel for (a part of) a `prange` loop, and compile that kernel."""
        name, (_, stop) = f"{self.name}_{len(self.gpu_kernels)}", loop_bounds(loop)
        thread_body = ThreadBody(self.namespace)
        levels = "1"
        layers: Any = next(iter(body), None)
        upwards = len(body) == 1 and layers in self.independent and len(layers.iter.args) < 3
        if upwards and not names_read(layers.iter) & names_set(loop):
            levels, body = loop_bounds(layers)[1], layers.body
        threads = [s for statement in body for s in as_list(thread_body.visit(statement))]
        if levels != "1":
            threads = within_bounds(layers, THREAD_ALONG["k"], threads)
        whole = within_bounds(loop, THREAD_ALONG["j"], threads)
        used = {"nj", "ni"}.union(*map(names_read, whole))
        works = {f"thread_work_{n}": (n, size) for n, size in enumerate(sizes) if f"thread_work_{n}" in used}
        arguments = [*sorted(self.local & used), *works]
        device = parse_statements(f"def {name}({', '.join(arguments)}): {THREAD_INDICES}")[0]
        arrays = ", ".join(name for name in arguments if name not in ("nk", "nj", "ni"))
        known = f"{arrays}, = {'apart_on_plane' if self.apart else 'on_plane'}(nj, ni, {arrays})"
        device.body += [*parse_statements(known), *whole]
        self.gpu_kernels.append(compile_tree(device, self.namespace, self.origin))
        self.namespace[name] = cuda.jit(self.gpu_kernels[-1])
        given = list(arguments)
        for place, (number, size) in enumerate(works.values(), len(arguments) - len(works)):
            given[place] = f"gpu.work_array({number}, {size}, {self.last})"
        return parse_statements(f"gpu.launch({name}, (ni, {stop}, {levels}), {', '.join(given)})")[0]


def as_list(node: Node | list | None) -> list:
    """Return the result of a visit of a syntax tree as a list of nodes."""
    return node if isinstance(node, list) else [] if node is None else [node]


WORK: dict[tuple, np.ndarray] = {}


def work_array(number: int, levels: int | None, like: np.ndarray) -> np.ndarray:
    """Return the array (levels, nj, ni) or (nj, ni) for work array `number` of all rows, which all kernels share."""
    shape = like.shape[-2:] if levels is None else (levels, *like.shape[-2:])
    key = number, shape, like.dtype
    if key not in WORK:
        WORK[key] = np.empty_like(like, shape=shape)
    return WORK[key]


def as_numba_array(a: Any) -> Any:
    """Return an array on a GPU as Numba's, without synchronisation, and anything else as it is."""
    if COMPILED and hasattr(a, "data") and hasattr(a, "__cuda_array_interface__"):
        return array_at(a.data.ptr, a.shape, a.strides, a.dtype)
    return cuda.as_cuda_array(a, sync=False) if hasattr(a, "__cuda_array_interface__") else a


@functools.lru_cache(maxsize=1 << 14)
def array_at(pointer: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype) -> object:
    """Return the array at an address of a GPU as one of Numba, which does not keep its memory.

    Numba needs 30 us to make an array, several times as long as a small kernel computes.
    """
    described = {"shape": shape, "strides": strides, "typestr": dtype.str, "data": (pointer, False), "version": 3}
    return cuda.from_cuda_array_interface(described, sync=False)


def current_stream() -> object:
    """Return the current stream of CuPy as one of Numba."""
    pointer = sys.modules["cupy"].cuda.get_current_stream().ptr if "cupy" in sys.modules else 0
    return external_stream(pointer) if pointer else 0


@functools.cache
def external_stream(pointer: int) -> object:
    """Return the stream at an address as one of Numba."""
    return cuda.external_stream(pointer)


def launch(kernel: Any, size: tuple[int, int, int], *arguments: Any) -> None:
    """Run a GPU kernel with one thread for each point of a box of `size` points along i, j and k.

    Raises KernelError if its fields have not the same nj and ni, as which `on_plane` takes them.
    """
    planes = {a.shape[-2:] for a in arguments if getattr(a, "ndim", 0) > 1}
    if len(planes) > 1:
        raise KernelError(
            f"{kernel.py_func.__name__}: all fields of a kernel must have the same (nj, ni), not {sorted(planes)}"
        )
    blocks = tuple(math.ceil(n / t) for n, t in zip(size, THREADS, strict=True))
    new = not getattr(kernel, "overloads", True)
    if new:
        REPORT.begin(kernel.py_func.__name__)
    kernel[blocks, THREADS, current_stream()](*map(as_numba_array, arguments))
    if new:
        REPORT.show("")


@functools.cache
def point_kernel(function: Callable) -> Callable:
    """Return the GPU kernel that calls a point function for all points of a plane.

    The function takes `(*arguments, p, k)` and the kernel `(size_p, size_k, *arguments)`: p runs from 0 to size_p - 1,
    k from 0 to size_k - 1.
    """
    original: Any = python_function(function)
    names = list(inspect.signature(original).parameters)[:-2]
    tree = parse_statements(f"def {function.__name__}_kernel(size_p, size_k, {', '.join(names)}): {THREAD_INDICES}")[0]
    call = f"if thread_x < size_p and thread_y < size_k: point({', '.join(names)}, thread_x, thread_y)"
    tree.body += parse_statements(call)
    return cuda.jit(compile_tree(tree, GENERATED_GLOBALS | {"point": function}, full_name(original)))


@functools.cache
def twin(function: Callable, apart: bool = True) -> Callable:
    """Return the GPU kernel for the Python function of a CPU kernel; it takes the same arguments.

    `apart` is as in `ogcm.backend.Kernel`.
    """
    tree = parse_function(function)
    host = HostBody(function, tree, apart)
    host.visit(tree)
    tree.body = tree.body[ast.get_docstring(tree) is not None :]
    whole: Any = compile_tree(tree, host.namespace, host.origin)
    whole.gpu_kernels = host.gpu_kernels
    return whole


def sources(function: Callable, apart: bool = True) -> list[str]:
    """Return the source of the twin of a kernel: of the host, of each GPU kernel that it launches and of their helpers.

    Raises KernelError for a kernel that a GPU cannot run.
    """
    whole: Any = twin(function, apart)
    parts, seen = [whole, *whole.gpu_kernels], set[str]()
    for part in parts:  # the list grows in the loop
        helpers = {name: part.__globals__[name] for name in re.findall(r"\bdevice_(\w+)", inspect.getsource(part))}
        originals: dict[str, Any] = {name: python_function(helper) for name, helper in helpers.items()}
        parts += [thread_function(original) for name, original in originals.items() if name not in seen]
        seen |= helpers.keys()
    return [inspect.getsource(part).rstrip("\n") for part in parts]
