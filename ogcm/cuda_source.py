"""Source of kernels, as syntax trees, and of the twins that are made from it."""

import ast
import functools
import inspect
import linecache
import textwrap
from collections.abc import Callable

from ogcm.errors import KernelError

ALONG_I = ("i", "ii")  # the names of the index of a loop along i


def parsed(function: Callable) -> ast.FunctionDef:
    """The definition of a function with the line numbers of its file, without what decorates it.

    Raises KernelError where there is no source, or another one than was imported.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, SyntaxError):
        raise KernelError(f"{function.__name__}: its source cannot be read; define it with `def` in a file") from None
    tree.decorator_list = []
    own = function.__code__
    modules = [name for name in own.co_names if inspect.ismodule(function.__globals__.get(name))]
    imports = [ast.Import([ast.alias(name)]) for name in modules]  # which change the code of what calls their functions
    whole = compile(ast.fix_missing_locations(ast.Module([*imports, tree], [])), own.co_filename, "exec")
    (code,) = filter(inspect.iscode, whole.co_consts)
    if not own.co_freevars and (code.co_code, code.co_names) != (own.co_code, own.co_names):
        raise KernelError(f"{own.co_filename}: was changed after {function.__name__} was imported; start again")
    return ast.increment_lineno(tree, own.co_firstlineno - 1)


definition = functools.cache(parsed)  # one that is only read


def namespace_of(function: Callable) -> dict[str, object]:
    """The global and enclosed names that a function can read."""
    return function.__globals__ | inspect.getclosurevars(function).nonlocals


def statements(source: str) -> list[ast.stmt]:
    return ast.parse(source).body


def names_read(node: ast.AST) -> set[str]:
    """The names that are read anywhere within."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def names_set(node: ast.AST) -> set[str]:
    """The names that get a value anywhere within."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def is_loop(node: ast.AST, over: str) -> bool:
    """Whether a statement is a loop over `range` or `prange`."""
    return isinstance(node, ast.For) and ast.unparse(node.iter).startswith(f"{over}(")


def is_along_i(node: ast.AST) -> bool:
    """Whether a statement is a loop that is dealt out to the threads along i."""
    return is_loop(node, "range") and ast.unparse(node.target) in ALONG_I


def made(tree: ast.FunctionDef, namespace: dict[str, object], origin: str) -> Callable:
    """The function of a tree that was made from `origin`.

    Its source is kept where tracebacks, debuggers and `inspect.getsource` look for it.
    """
    source, file = ast.unparse(ast.fix_missing_locations(tree)) + "\n", f"<{tree.name}: GPU twin of {origin}>"
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    exec(compile(source, file, "exec"), namespace)
    return namespace[tree.name]


def named(function: Callable) -> str:
    """The full name of a function."""
    return f"{function.__module__}.{function.__qualname__}"
