"""The source of kernels as syntax trees, and Python functions made of syntax trees."""

import ast
import functools
import inspect
import linecache
import textwrap
from collections.abc import Callable
from typing import Any

from ogcm.errors import KernelError

ALONG_I = ("i", "ii")  # the names of the index of a loop along i

Node = Any  # a node of a syntax tree, of a class that the code which takes it knows


def parse_function(function: Callable) -> Node:
    """Parse the definition of a function, with the line numbers of its file and without its decorators.

    Raises KernelError if the source cannot be read, or differs from the code that was imported.
    """
    try:
        tree: Any = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, SyntaxError):
        raise KernelError(f"{function.__name__}: its source cannot be read; define it with `def` in a file") from None
    tree.decorator_list = []
    own = function.__code__
    modules = [name for name in own.co_names if inspect.ismodule(function.__globals__.get(name))]
    imports = [
        ast.Import([ast.alias(name)]) for name in modules
    ]  # byte code calls a function of a module in another way
    whole = compile(ast.fix_missing_locations(ast.Module([*imports, tree], [])), own.co_filename, "exec")
    (code,) = filter(inspect.iscode, whole.co_consts)
    if not own.co_freevars and (code.co_code, code.co_names) != (own.co_code, own.co_names):
        raise KernelError(f"{own.co_filename}: was changed after {function.__name__} was imported; start Python again")
    return ast.increment_lineno(tree, own.co_firstlineno - 1)


parse_cached = functools.cache(parse_function)  # for trees that are not changed


def namespace_of(function: Callable) -> dict[str, object]:
    """Return the global and enclosed names that a function can read, with their values."""
    return {**function.__globals__, **inspect.getclosurevars(function).nonlocals}


def parse_statements(source: str) -> list[Node]:
    """Parse source code into a list of statements."""
    return ast.parse(source).body


def names_read(node: Node) -> set[str]:
    """Return the names that are read anywhere in a syntax tree."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def names_set(node: Node) -> set[str]:
    """Return the names that are assigned to anywhere in a syntax tree."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def is_loop(node: Node, over: str) -> bool:
    """Return True for a loop over `over`, that is "range" or "prange"."""
    return isinstance(node, ast.For) and ast.unparse(node.iter).startswith(f"{over}(")


def loop_bounds(loop: Node) -> tuple[str, str]:
    """Return the first index of a range and the one after its last, as source."""
    ends = [ast.unparse(a) for a in loop.iter.args]
    return ("0", ends[0]) if len(ends) == 1 else (ends[0], ends[1])


def is_along_i(node: Node) -> bool:
    """Return True for a loop along i, of which each thread of a GPU computes one point."""
    return is_loop(node, "range") and ast.unparse(node.target) in ALONG_I


def compile_tree(tree: Node, namespace: dict[str, Any], origin: str) -> Callable:
    """Compile the syntax tree of a function that was made from the kernel `origin`, and return the function.

    Its source is kept in `linecache`, where tracebacks, debuggers and `inspect.getsource` find it.
    """
    source, file = ast.unparse(ast.fix_missing_locations(tree)) + "\n", f"<{tree.name}: made from {origin}>"
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    exec(compile(source, file, "exec"), namespace)
    return namespace[tree.name]


def full_name(function: Callable) -> str:
    """Return the name of a function with that of its module."""
    return f"{function.__module__}.{function.__qualname__}"
