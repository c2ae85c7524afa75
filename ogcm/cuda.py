"""The GPU twin of a CPU kernel, made from its source: where the CPU has loops over a plane, the GPU has threads.

    for j in prange(a, b):              is launched:     j = thread_y;  if a <= j < b:
        for k in range(nk):             stays a loop         for k in range(nk):
            for ii in range(c, d):      is dealt out             ii = thread_x;  if c <= ii < d:

A thread so does all that belongs to one column, k in order, and neighbours of a warp lie beside each other along i.
Where no layer needs what another has left, k is dealt out as well (`thread_z`). What stands outside the `prange` loops
runs on the host. `ogcm.cuda_rules` refuses a kernel that would then do something else than on the CPU; docs/twins.md
shows a kernel and its twin. Three things differ from row to thread:

    work arrays of a row     np.zeros((levels, ni), ...) inside a loop is a column of one array for all rows
    `row_barrier()`             cuts a loop in two launches, where work arrays are read beside the own point
    `replaced_on_gpu`              a helper of a row that a thread does in a way of its own (the halo of a row)
"""

import ast
import functools
import inspect
import math
import re
import sys
from collections.abc import Callable

import numba
import numpy as np
from numba import cuda

from ogcm.backend import GPU_REPLACEMENTS, REPORT, python_function, row_barrier
from ogcm.cuda_rules import check
from ogcm.cuda_source import is_along_i, is_loop, made, named, names_read, names_set, namespace_of, parsed, statements

numba.config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # small oceans are allowed
THREADS = (32, 4, 1)  # of a block, along i, j and k
WHO = "thread_x, thread_y, thread_z = cuda.grid(3)"
DIMENSIONS = {"i": "thread_x", "j": "thread_y", "k": "thread_z"}
KNOWN = {"cuda": cuda, "gpu": sys.modules[__name__]}  # to all that is made


def bounds(loop: ast.For) -> tuple[str, str]:
    """First and one past the last of a range."""
    ends = [ast.unparse(a) for a in loop.iter.args]
    return ("0", ends[0]) if len(ends) == 1 else (ends[0], ends[1])


def guarded(loop: ast.For, thread: str, body: list[ast.stmt]) -> list[ast.stmt]:
    """What one thread does of a loop."""
    index, (start, stop) = ast.unparse(loop.target), bounds(loop)
    first, condition = statements(f"{index} = {thread}\nif {start} <= {index} < {stop}: pass")
    condition.body = body
    return [first, condition]


def resolved(node: ast.expr, namespace: dict) -> Callable | None:
    """The Python function of the helper that an expression names."""
    return python_function(namespace.get(node.id)) if isinstance(node, ast.Name) else None


class Dealt(ast.NodeTransformer):
    """The inside of a `prange` loop, for one thread."""

    def __init__(self, namespace: dict) -> None:
        self.namespace = namespace

    def visit_For(self, node: ast.For) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        return guarded(node, DIMENSIONS["i"], node.body) if is_along_i(node) else node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | None:
        helper = resolved(getattr(node.value, "func", None), self.namespace)
        if helper in GPU_REPLACEMENTS:
            function = GPU_REPLACEMENTS[helper]
            self.namespace[function.__name__] = function
            arguments = ", ".join(ast.unparse(a) for a in node.value.args[:-1])
            return statements(f"{function.__name__}({arguments}, {DIMENSIONS['i']})")[0]
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Helpers that loop along i are dealt out too, be they called or handed on."""
        helper = resolved(node, self.namespace)
        if helper is None or not any(map(is_along_i, ast.walk(parsed(helper)))):
            return node
        self.namespace[f"dealt_{node.id}"] = dealt(helper)
        return ast.Name(f"dealt_{node.id}", node.ctx)


def for_a_thread(function: Callable) -> Callable:
    """What a thread does of a helper that loops along i."""
    namespace, tree = namespace_of(function) | KNOWN, parsed(function)
    Dealt(namespace).visit(tree)
    tree.body = [*statements(WHO), *tree.body[ast.get_docstring(tree) is not None :]]
    return made(tree, namespace, named(function))


@functools.cache
def dealt(function: Callable) -> Callable:
    """The device function of a helper that loops along i."""
    return cuda.jit(device=True, inline="always")(for_a_thread(function))


class Launched(ast.NodeTransformer):
    """The body of a kernel for the host: each `prange` loop becomes the launch of GPU kernels."""

    def __init__(self, function: Callable, tree: ast.FunctionDef) -> None:
        self.namespace, self.name, self.origin = namespace_of(function) | KNOWN, tree.name, named(function)
        self.free, self.launched = check(function, tree), []
        self.last = tree.args.args[-1].arg
        inside = [n for loop in ast.walk(tree) if is_loop(loop, "prange") for n in ast.walk(loop)]
        stored = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        self.local = {a.arg for a in tree.args.args} | {n.id for n in stored if n not in inside}

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | None:
        """On the host stands what the threads do already."""
        helper = resolved(getattr(node.value, "func", None), self.namespace)
        return None if helper in GPU_REPLACEMENTS else node

    def visit_For(self, node: ast.For) -> ast.stmt | list[ast.stmt]:
        if not is_loop(node, "prange"):
            return self.generic_visit(node)
        views, body, sizes = self.work_arrays(node.body)
        parts = [[]]
        for statement in body:
            if resolved(getattr(getattr(statement, "value", None), "func", None), self.namespace) is python_function(
                row_barrier
            ):
                parts.append([])
            else:
                parts[-1].append(statement)
        return [self.launch(node, [*views, *part], sizes) for part in parts]

    def work_arrays(self, body: list[ast.stmt]) -> tuple[list[ast.stmt], list[ast.stmt], list[str]]:
        """The views of the work arrays of a row, the other statements, and the sizes of the arrays, as source."""
        views, others, zeroed, sizes = [], [], [], []
        for statement in body:
            value = getattr(statement, "value", None)
            calls = value.elts if isinstance(value, ast.Tuple) else [value]
            if not all(isinstance(c, ast.Call) and ast.unparse(c.func) in ("np.zeros", "np.empty") for c in calls):
                others.append(statement)
                continue
            targets = statement.targets[0]
            for target, call in zip(getattr(targets, "elts", [targets]), calls, strict=True):
                size, name = call.args[0], f"thread_work_{len(sizes)}"
                row = isinstance(size, ast.Name)  # of one level: (ni,)
                views += statements(f"{target.id} = {name}[{'j' if row else ':, j'}]")
                sizes.append("None" if row else ast.unparse(size.elts[0]))
                if ast.unparse(call.func) == "np.zeros":
                    index = "thread_x" if row else "thread_level, thread_x"
                    loop = "" if row else f"for thread_level in range({target.id}.shape[0]): "
                    zeroed += statements(f"if thread_x < ni:\n    {loop}{target.id}[{index}] = 0")
        return views, [*zeroed, *others], sizes

    def launch(self, loop: ast.For, body: list[ast.stmt], sizes: list[str]) -> ast.stmt:
        """The launch of the GPU kernel of (a part of) a `prange` loop."""
        name, deal, (_, stop) = f"{self.name}_{len(self.launched)}", Dealt(self.namespace), bounds(loop)
        levels, layers = "1", next(iter(body), None)
        upwards = len(body) == 1 and layers in self.free and len(layers.iter.args) < 3
        if upwards and not names_read(layers.iter) & names_set(loop):
            levels, body = bounds(layers)[1], layers.body
        threads = [s for statement in body for s in aslist(deal.visit(statement))]
        if levels != "1":
            threads = guarded(layers, DIMENSIONS["k"], threads)
        whole = guarded(loop, DIMENSIONS["j"], threads)
        used = set().union(*map(names_read, whole))
        works = {f"thread_work_{n}": (n, size) for n, size in enumerate(sizes) if f"thread_work_{n}" in used}
        arguments = [*sorted(self.local & used), *works]
        device = statements(f"def {name}({', '.join(arguments)}): {WHO}")[0]
        device.body += whole
        self.launched.append(made(device, self.namespace, self.origin))
        self.namespace[name] = cuda.jit(self.launched[-1])
        given = list(arguments)
        for place, (number, size) in enumerate(works.values(), len(arguments) - len(works)):
            given[place] = f"gpu.work_array({number}, {size}, {self.last})"
        return statements(f"gpu.launch({name}, (ni, {stop}, {levels}), {', '.join(given)})")[0]


def aslist(node: ast.AST | list | None) -> list:
    return node if isinstance(node, list) else [] if node is None else [node]


WORK: dict[tuple, np.ndarray] = {}


def work_array(number: int, levels: int | None, like: np.ndarray) -> np.ndarray:
    """What holds the work array `number` of all rows, shared by all kernels: (levels, nj, ni) or (nj, ni)."""
    shape = like.shape[-2:] if levels is None else (levels, *like.shape[-2:])
    key = number, shape, like.dtype
    if key not in WORK:
        WORK[key] = np.empty_like(like, shape=shape)
    return WORK[key]


def view(a: object) -> object:
    """An array of the GPU, whosever it is, as Numba's; anything else as it is. On one stream nothing waits."""
    return cuda.as_cuda_array(a, sync=False) if hasattr(a, "__cuda_array_interface__") else a


def stream() -> object:
    """CuPy's current stream as Numba's."""
    pointer = sys.modules["cupy"].cuda.get_current_stream().ptr if "cupy" in sys.modules else 0
    return external_stream(pointer) if pointer else 0


@functools.cache
def external_stream(pointer: int) -> object:
    return cuda.external_stream(pointer)


def launch(kernel: Callable, size: tuple[int, int, int], *arguments) -> None:
    """Run a GPU kernel with a thread for each point of a box of `size` (along i, j, k)."""
    blocks = tuple(math.ceil(n / t) for n, t in zip(size, THREADS, strict=True))
    new = not getattr(kernel, "overloads", True)
    if new:
        REPORT.begin(kernel.py_func.__name__)
    kernel[blocks, THREADS, stream()](*map(view, arguments))
    if new:
        REPORT.show("")


@functools.cache
def by_points(function: Callable) -> Callable:
    """The GPU kernel that calls a point function `function(*arguments, p, k)` for p and k below the ends of a size."""
    names = list(inspect.signature(python_function(function)).parameters)[:-2]
    tree = statements(f"def {function.__name__}_kernel(size_p, size_k, {', '.join(names)}): {WHO}")[0]
    call = f"if thread_x < size_p and thread_y < size_k: point({', '.join(names)}, thread_x, thread_y)"
    tree.body += statements(call)
    return cuda.jit(made(tree, KNOWN | {"point": function}, named(python_function(function))))


@functools.cache
def twin(function: Callable) -> Callable:
    """The GPU kernel of the Python function of a CPU kernel, called with the same arguments."""
    tree = parsed(function)
    launched = Launched(function, tree)
    launched.visit(tree)
    whole = made(tree, launched.namespace, launched.origin)
    whole.launched = launched.launched
    return whole


def sources(function: Callable) -> list[str]:
    """The source of the twin of a kernel: of what the host runs, of each GPU kernel that it launches, of their helpers.

    Raises KernelError for a kernel that a GPU cannot run.
    """
    parts, seen = [twin(function), *twin(function).launched], set()
    for part in parts:  # which grow
        helpers = {name: part.__globals__[name] for name in re.findall(r"\bdealt_(\w+)", inspect.getsource(part))}
        parts += [for_a_thread(python_function(helper)) for name, helper in helpers.items() if name not in seen]
        seen |= helpers.keys()
    return [inspect.getsource(part).rstrip("\n") for part in parts]
