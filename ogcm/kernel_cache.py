"""Compiled kernels on disk, shared between processes: one file for each kernel, argument types and processor.

The name of a file holds a hash of everything that determines its machine code: the byte code of the kernel and of every
function that it calls, the constants that they read, the types of the arguments, the compiler with its options, and the
processor. A changed constant or point function, in whichever module, therefore leads to another file, and equal sources
share their files wherever they are installed. (Numba's own cache only checks the file of the kernel itself, and would
run old code after a change of a point function in another module.)

A file begins with a hash of its contents. A file that is damaged or was written by another version is compiled again
and replaced. The files are pickles, which can run any code when they are read, so a directory that other users can
write to is not used.
"""

import contextlib
import hashlib
import inspect
import itertools
import os
import pickle
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import bytecode, compiler, serialize
from numba.core.caching import NullCache

DIGEST = hashlib.sha256().digest_size
LIBRARIES = {"numba", "numpy", "math", "llvmlite", "builtins"}  # their versions represent them in the hash
IMPLEMENTATIONS: dict[Callable, Callable] = {}  # what Numba compiles in place of a function
FORMAT = "functions numbered from a random number"  # of the files; another format has other files
# `ogcm.backend` says why
LLVM_OPTIONS = (
    "--hoist-runtime-checks=false",
    "--enable-pre=false",
    "--enable-load-in-loop-pre=false",
    "--instcombine-code-sinking=false",
)


def number_functions() -> None:
    """Let the functions that this process compiles have names that no other process gives.

    Numba tells functions of the same name apart by a number that each process counts from 1. Files of the cache come
    from many processes, and of two functions with the same name and number the one that is loaded first would run in
    place of the other. Hence counting begins at a random number, anew in each process.
    """
    bytecode.FunctionIdentity._unique_ids = itertools.count(secrets.randbits(62))


number_functions()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=number_functions)


# The hash of a kernel


def python_function(helper: object) -> Callable | None:
    """Return the Python function of a kernel, a point function or another helper; None for anything else."""
    function = getattr(helper, "py_func", helper)
    return function if inspect.isfunction(function) else None


def codes(code: CodeType) -> Iterator[CodeType]:
    """Iterate over a code object and all code objects within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def values_read(function: Callable) -> Iterator[tuple[str, object]]:
    """Iterate over the globals and closures that a function reads, with their names, and attributes of modules."""
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
            if isinstance(value, ModuleType) and top_package(value.__name__) not in LIBRARIES:
                yield from ((n, getattr(value, n)) for n in code.co_names if hasattr(value, n))


def functions_of(function: Callable) -> Iterator[Callable]:
    """Iterate over a function and all Python functions that it calls, without those of numerical libraries."""
    seen, waiting = {function}, [function]
    while waiting:
        function = waiting.pop()
        yield function
        for _, value in values_read(function):
            called = python_function(value)
            if called is not None and called not in seen and top_package(called.__module__) not in LIBRARIES:
                seen.add(called)
                waiting.append(called)


def top_package(module: str | None) -> str:
    """Return the name of the package at the top of a module's name."""
    return (module or "").split(".")[0]


def description(value: object) -> str:
    """Describe a value for the hash in the same way in every process."""
    if isinstance(value, CodeType):
        inside = [description(constant) for constant in value.co_consts]
        return repr((value.co_code, value.co_names, value.co_varnames, value.co_freevars, value.co_argcount, inside))
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(description, value))})"
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(description, value)))}}}"
    if isinstance(value, bool | int | float | complex | str | bytes | np.generic | None | type(...)):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, numba.types.Type):
        return str(value)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    return f"{type(value).__name__} {getattr(value, '__module__', '')} {name or ''}"


def code_without_docstring(function: Callable) -> CodeType:
    """Return the code object of a function without its docstring, which is its first constant."""
    code = function.__code__
    has_docstring = isinstance(function.__doc__, str) and code.co_consts[:1] == (function.__doc__,)
    return code.replace(co_consts=(None, *code.co_consts[1:])) if has_docstring else code


def fingerprint(function: Callable) -> str:
    """Return a hash of the byte code of a function, of all functions that it calls, and of the constants they read.

    Docstrings are left out, so that a kernel whose description changes is not compiled again.
    """
    whole = hashlib.sha256()
    for part in functions_of(function):
        whole.update(f"{part.__module__}.{part.__qualname__} {description(code_without_docstring(part))}".encode())
        for name, value in values_read(part):
            whole.update(f"{name} = {description(value)}\n".encode())
    return whole.hexdigest()


# The files


def directory() -> Path:
    """Return the directory of compiled kernels, which is created if it does not exist.

    It is `OGCM_CACHE_DIR`, or else `ogcm` in `NUMBA_CACHE_DIR`, `XDG_CACHE_HOME` or `~/.cache`. If it cannot be written
    to, or if other users can write to it, a private temporary directory is used, and a message says so.
    """
    return usable_directory(wanted_directory())


def wanted_directory() -> Path | None:
    """Return the directory that the environment asks for, or None if there is no home directory."""
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
def usable_directory(path: Path | None) -> Path:
    """Return `path` if it can be used, else a private temporary directory."""
    problem = "there is no home directory" if path is None else problem_of(path)
    if path is not None and not problem:
        return path
    private = Path(tempfile.gettempdir(), f"ogcm-{os.getuid() if hasattr(os, 'getuid') else 'user'}")
    if problem_of(private):
        private = Path(tempfile.mkdtemp(prefix="ogcm-"))
    print(
        f"ogcm: compiled kernels are kept in {private}, since {problem}; OGCM_CACHE_DIR names another directory",
        file=sys.stderr,
    )
    return private


def problem_of(path: Path) -> str:
    """Say why compiled kernels cannot be kept in `path`, which is created if need be; empty if they can."""
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
    """The compiled forms of one kernel, with the interface that Numba's dispatcher expects.

    Parameters
    ----------
    function : callable
        The Python function of the kernel.
    options : str
        The options with which Numba compiles it.
    """

    def __init__(self, function: Callable, options: str) -> None:
        self.function, self.options = function, options

    def path(self, signature: object, codegen: Any) -> Path:
        """Return the file of the kernel for arguments of the types in `signature`."""
        if not hasattr(self, "source_hash"):
            self.source_hash = fingerprint(self.function)
        settings = [f"{name}={getattr(numba.config, name)}" for name in ("BOUNDSCHECK", "OPT")]
        versions = (FORMAT, numba.__version__, llvmlite.__version__, np.__version__, sys.implementation.cache_tag)
        options = (self.options, *LLVM_OPTIONS, *settings)
        key = (self.source_hash, *options, str(signature), str(codegen.magic_tuple()), *versions)
        digest = hashlib.sha256("\n".join(key).encode()).hexdigest()
        return directory() / f"{self.function.__module__}.{self.function.__name__}-{digest[:24]}"

    def load_overload(self, sig, target_context):
        """Return the compiled kernel, or None if it must be compiled."""
        target_context.refresh()
        try:
            content = self.path(sig, target_context.codegen()).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
            return None
        try:
            return compiler.CompileResult._rebuild(target_context, *pickle.loads(content[DIGEST:]))
        except Exception:  # the pickle of another installation may raise anything: compile again
            return None

    def save_overload(self, sig, data):
        """Save a compiled kernel, if the disk allows it."""
        if data.library.has_dynamic_globals or any(not part.can_cache for part in data.lifted):
            return
        content, path = serialize.dumps(data._reduce()), self.path(sig, data.codegen)
        with (
            contextlib.suppress(OSError),
            tempfile.TemporaryDirectory(dir=path.parent) as folder,
        ):  # readable by its owner only
            whole = Path(folder, path.name)
            whole.write_bytes(hashlib.sha256(content).digest() + content)
            whole.chmod(0o600)
            os.replace(whole, path)
