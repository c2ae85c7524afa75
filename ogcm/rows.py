"""How point functions and the rows of kernels are compiled.

A kernel `for j in prange(a, b): BODY` is compiled as the function BODY of one row and a loop over j that calls it, so
that Numba analyses the loop over j only for its threads. Point functions are compiled by themselves and inlined by
LLVM: Numba's own inliner copies their code wherever they are called, which takes longer than all the rest.
"""

import ast
import functools
from collections.abc import Callable
from typing import Any

import numba
from numba.core.compiler import Compiler

from ogcm.errors import KernelError
from ogcm.kernel_cache import fingerprint
from ogcm.kernel_source import compile_tree, full_name, is_loop, loop_bounds, namespace_of, parse_function

# Functions that only compiled code calls need no way in from Python, and raise nothing when they divide by 0.
INNER: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class PointCompiler(Compiler):
    """Compiles a function that allocates nothing, without reference counts, which would keep loops from vectors."""

    def __init__(self, typing_context, target_context, library, args, return_type, flags, local_types):
        flags.nrt = False
        super().__init__(typing_context, target_context, library, args, return_type, flags, local_types)


class ApartCompiler(Compiler):
    """Compiles a function, and tells LLVM that the arrays among its arguments do not share memory.

    LLVM then need not compare their addresses before each loop over i. The results are undefined where arrays that are
    read and written do share memory.
    """

    def __init__(self, typing_context, target_context, library, args, return_type, flags, local_types):
        flags.noalias = True
        super().__init__(typing_context, target_context, library, args, return_type, flags, local_types)


class ApartPointCompiler(ApartCompiler, PointCompiler):
    """Compiles such a function that allocates nothing."""


COMPILERS = {  # of the function of a row: whether its arrays are apart, whether it allocates
    (False, False): PointCompiler,
    (False, True): Compiler,
    (True, False): ApartPointCompiler,
    (True, True): ApartCompiler,
}
# For the names in the cache
OPTIONS = " ".join(fingerprint(each.__init__) for each in (PointCompiler, ApartCompiler))

point = numba.njit(**INNER, forceinline=True, pipeline_class=PointCompiler)


@functools.cache
def row_function(function: Callable, apart: bool) -> tuple[Any, str, str]:
    """Return the compiled function of one row of a kernel, and the bounds of the rows as source, in terms of nj.

    `apart` is true where the arrays among its arguments share no memory.

    Raises KernelError for a kernel that is not one `prange` loop over rows, or whose source is not known.
    """
    tree: Any = parse_function(function)
    statements = tree.body[ast.get_docstring(tree) is not None :]
    loops: list[Any] = [n for n in ast.walk(tree) if is_loop(n, "prange")]
    if loops != statements[-1:] or ast.unparse(loops[0].target) != "j":
        raise KernelError(f"{function.__name__}: a sweep needs a kernel that ends with its only loop `for j in prange`")
    tree.name, tree.body = f"{function.__name__}_row", [*statements[:-1], *loops[0].body]
    tree.args.args.append(ast.arg("j"))
    row = compile_tree(tree, namespace_of(function), full_name(function))
    allocates = any(name in ast.unparse(tree) for name in ("np.zeros", "np.empty"))
    return numba.njit(**INNER, pipeline_class=COMPILERS[apart, allocates])(row), *loop_bounds(loops[0])


def loop_over_rows(function: Callable, apart: bool) -> Callable:
    """Return the function of a kernel with a call of the function of its row as the body of its loop.

    Raises KernelError as `row_function` does.
    """
    row = row_function(function, apart)[0]
    tree: Any = parse_function(function)
    arguments = ", ".join(a.arg for a in tree.args.args)
    tree.body[-1].body = ast.parse(f"{row.__name__}({arguments}, np.uintp(j))").body
    return compile_tree(tree, namespace_of(function) | {row.__name__: row}, full_name(function))
