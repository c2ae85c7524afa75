"""Where compiled kernels are kept between processes: one file for each kernel, argument types and processor.

The name of a file holds a hash of everything that its machine code is made of: the byte code of the kernel and of every
function that it calls, the constants that they read, the types of the arguments, the compiler with its options, and
the processor. An edited constant or point function, in whichever module, therefore asks for another file, and equal
sources share their files, wherever they are installed. (Numba's own cache looks at the file of the kernel alone, and
would run the old code of a point function that another module defines.)

A file begins with a hash of the rest. A file that is damaged, or that another version wrote, is compiled again and
replaced. The files hold pickles, which can run any code, so a directory that others can write to is not used.
"""

import contextlib
import hashlib
import inspect
import os
import pickle
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType

import llvmlite
import numba
import numpy as np
from numba.core import compiler, serialize
from numba.core.caching import NullCache

DIGEST = hashlib.sha256().digest_size
LIBRARIES = {"numba", "numpy", "math", "llvmlite", "builtins"}  # known by their versions alone
IMPLEMENTATIONS: dict[Callable, Callable] = {}  # by a function, what Numba compiles in its place


# What a kernel is made of


def python_function(helper: object) -> Callable | None:
    """The Python function of a kernel, a point function or another helper; None for anything else."""
    function = getattr(helper, "py_func", helper)
    return function if inspect.isfunction(function) else None


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and all those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def values_read(function: Callable) -> Iterator[tuple[str, object]]:
    """The global and enclosed values that a function reads, by name; of a module, those of its attributes."""
    if function in IMPLEMENTATIONS:
        yield "implementation", IMPLEMENTATIONS[function]
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    known = function.__globals__ | {name: cell.cell_contents for name, cell in cells}
    for code in codes(function.__code__):
        for name in (*code.co_names, *code.co_freevars):
            if name not in known:
                continue
            value = known[name]
            yield name, value
            if isinstance(value, ModuleType) and root(value.__name__) not in LIBRARIES:
                yield from ((n, getattr(value, n)) for n in code.co_names if hasattr(value, n))


def functions_of(function: Callable) -> Iterator[Callable]:
    """A function and all the Python functions that it calls, those of the numerical libraries apart."""
    seen, waiting = {function}, [function]
    while waiting:
        function = waiting.pop()
        yield function
        for _, value in values_read(function):
            called = python_function(value)
            if called is not None and called not in seen and root(called.__module__) not in LIBRARIES:
                seen.add(called)
                waiting.append(called)


def root(module: str | None) -> str:
    """The package of a module."""
    return (module or "").split(".")[0]


def described(value: object) -> str:
    """A description of a value that is the same in every process, for the hash."""
    if isinstance(value, CodeType):
        inside = [described(constant) for constant in value.co_consts]
        return repr((value.co_code, value.co_names, value.co_varnames, value.co_freevars, value.co_argcount, inside))
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(described, value))})"
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(described, value)))}}}"
    if isinstance(value, bool | int | float | complex | str | bytes | np.generic | None | type(...)):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, numba.types.Type):
        return str(value)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    return f"{type(value).__name__} {getattr(value, '__module__', '')} {name or ''}"


def undocumented(function: Callable) -> CodeType:
    """The code object of a function without its docstring, which is the first of its constants."""
    code = function.__code__
    has_docstring = isinstance(function.__doc__, str) and code.co_consts[:1] == (function.__doc__,)
    return code.replace(co_consts=(None, *code.co_consts[1:])) if has_docstring else code


def fingerprint(function: Callable) -> str:
    """A hash of the byte code of a function, of all that it calls, and of the constants that they read.

    Docstrings are left out, so that a kernel whose description changes is not compiled again.
    """
    whole = hashlib.sha256()
    for part in functions_of(function):
        whole.update(f"{part.__module__}.{part.__qualname__} {described(undocumented(part))}".encode())
        for name, value in values_read(part):
            whole.update(f"{name} = {described(value)}\n".encode())
    return whole.hexdigest()


# Where it is kept


def directory() -> Path:
    """The directory of compiled kernels, which is made where it is absent.

    `OGCM_CACHE_DIR`, else `ogcm` in `NUMBA_CACHE_DIR`, `XDG_CACHE_HOME` or `~/.cache`. Where that cannot be written to,
    or others can write to it, a private directory among the temporary files takes its place, and a sentence says so.
    """
    return usable(wanted())


def wanted() -> Path | None:
    """Where the user wants compiled kernels, or None where there is no home."""
    if "OGCM_CACHE_DIR" in os.environ:
        return Path(os.environ["OGCM_CACHE_DIR"]).absolute()
    for variable in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        if os.environ.get(variable):
            return Path(os.environ[variable]).absolute() / "ogcm"
    try:
        return Path.home() / ".cache" / "ogcm"
    except RuntimeError:
        return None


@cache
def usable(path: Path | None) -> Path:
    """`path` where it can be used, else a private directory among the temporary files."""
    problem = "there is no home directory" if path is None else trouble(path)
    if not problem:
        return path
    private = Path(tempfile.gettempdir(), f"ogcm-{os.getuid() if hasattr(os, 'getuid') else 'user'}")
    if trouble(private):
        private = Path(tempfile.mkdtemp(prefix="ogcm-"))
    print(
        f"ogcm: compiled kernels are kept in {private}, since {problem}; OGCM_CACHE_DIR names another directory",
        file=sys.stderr,
    )
    return private


def trouble(path: Path) -> str:
    """Why compiled kernels cannot be kept in `path`, which is made where it is absent; empty where they can."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
        about = path.stat()
    except OSError as error:
        return f"{path} cannot be written to ({error.strerror})"
    if hasattr(os, "getuid") and (
        about.st_uid not in (0, os.getuid()) or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        return f"others can write to {path}"
    return ""


class KernelCache(NullCache):
    """The compiled forms of one kernel, as Numba's dispatcher asks for them."""

    def __init__(self, function: Callable, options: str) -> None:
        """`options`: those with which Numba compiles `function`."""
        self.function, self.options = function, options

    def path(self, signature: object, codegen: object) -> Path:
        """The file of the kernel for arguments of the types in `signature`."""
        if not hasattr(self, "made_of"):
            self.made_of = fingerprint(self.function)
        settings = [f"{name}={getattr(numba.config, name)}" for name in ("BOUNDSCHECK", "OPT")]
        versions = (numba.__version__, llvmlite.__version__, np.__version__, sys.implementation.cache_tag)
        key = (self.made_of, self.options, str(signature), str(codegen.magic_tuple()), *settings, *versions)
        digest = hashlib.sha256("\n".join(key).encode()).hexdigest()
        return directory() / f"{self.function.__module__}.{self.function.__name__}-{digest[:24]}"

    def load_overload(self, sig, target_context):
        """The compiled kernel, or None where it must be compiled."""
        target_context.refresh()
        try:
            content = self.path(sig, target_context.codegen()).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
            return None
        try:
            return compiler.CompileResult._rebuild(target_context, *pickle.loads(content[DIGEST:]))
        except Exception:  # whatever a pickle of another installation raises: compile again
            return None

    def save_overload(self, sig, data):
        """Keep a compiled kernel where the disk takes it."""
        if data.library.has_dynamic_globals or any(not part.can_cache for part in data.lifted):
            return
        content, path = serialize.dumps(data._reduce()), self.path(sig, data.codegen)
        with (
            contextlib.suppress(OSError),
            tempfile.TemporaryDirectory(dir=path.parent) as folder,
        ):  # for its owner alone
            whole = Path(folder, path.name)
            whole.write_bytes(hashlib.sha256(content).digest() + content)
            whole.chmod(0o600)
            os.replace(whole, path)
