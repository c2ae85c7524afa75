"""Where arrays live: in the memory of the host as NumPy arrays, or in that of a CUDA GPU as CuPy arrays.

    ogcm.Simulation(model, days=30, device="cuda").run()      # or `ogcm run ... --device cuda`
    there = model.to("cuda")                                  # state, grid, forcing, parameters, corrector
    ogcm.Stepper(there).step()
    there.state.T                                             # a CuPy array

A kernel runs where its arrays live (`ogcm.backend`), and functions of NumPy accept CuPy arrays (NEP 13 and 18). A model
on a GPU is therefore the same model with other arrays, and a step copies nothing between the two memories. Output,
diagnostics, losses and pictures, which read whole fields, use copies on the host.
"""

import contextlib
import functools
import importlib
import math
import platform
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np

from ogcm.errors import InputError
from ogcm.processes import joined, local_rank

Array = np.ndarray
DEVICES = ("cpu", "cuda")
INSTALL = 'pip install "ogcm[cuda]"'
THREAD = threading.local()  # the stream of each thread, and the parts of the work that it records


def cupy() -> ModuleType:
    """Return CuPy, with a stream on which all work of this thread is queued, that of Numba too (CUDA graphs need one).

    Raises InputError if CUDA cannot be used, with the reason.
    """
    module = import_cupy()
    if not hasattr(THREAD, "stream"):
        if joined() is not None:  # the processes of a node share its GPUs
            module.cuda.Device(local_rank() % module.cuda.runtime.getDeviceCount()).use()
        module.cuda.runtime.deviceSynchronize()  # wait for work on other streams
        THREAD.stream = module.cuda.Stream(non_blocking=True)
        THREAD.stream.__enter__()  # forever; `use` would end with the next stream that is used
    return module


@functools.cache
def import_cupy() -> ModuleType:
    """Import CuPy and check that it finds a GPU."""
    try:
        module = importlib.import_module("cupy")
        if not numba.config.ENABLE_CUDASIM:
            importlib.import_module("numba_cuda")
        count = module.cuda.runtime.getDeviceCount()
    except ImportError as error:
        raise InputError(f"device: 'cuda' needs CuPy and numba-cuda ({error}); {INSTALL}, or use 'cpu'") from None
    except Exception as error:  # any error of CUDA: no driver, no device
        raise InputError(f"device: 'cuda' finds no GPU that can be used ({error}); use 'cpu'") from None
    if count == 0:
        raise InputError("device: 'cuda' finds no GPU; use 'cpu'")
    return module


def check_device(device: str) -> str:
    """Return `device` if it can be used; "auto" becomes "cuda" if there is a GPU and "cpu" otherwise.

    Raises InputError for an unknown device, and for "cuda" if it cannot be used.
    """
    if device == "auto":
        return "cuda" if available() else "cpu"
    if device not in DEVICES:
        raise InputError(f"device: {device!r} does not exist; choose from {', '.join(DEVICES)}, auto")
    if device == "cuda":
        cupy()
    return device


def available() -> bool:
    """Return True if there is a GPU that can be used."""
    try:
        cupy()
    except InputError:
        return False
    return True


def describe_gpu() -> str:
    """Describe the GPU, or say why there is none."""
    try:
        xp = cupy()
    except InputError as error:
        return str(error).removeprefix("device: 'cuda' ").removesuffix("; use 'cpu'")
    properties = xp.cuda.runtime.getDeviceProperties(xp.cuda.runtime.getDevice())
    free, total = xp.cuda.runtime.memGetInfo()
    name, major, minor = properties["name"].decode(), properties["major"], properties["minor"]
    return f"{name}, compute capability {major}.{minor}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free"


def describe_machine() -> str:
    """Describe the versions, the processor and the GPU that ogcm runs with."""
    import ogcm

    return (
        f"ogcm  {ogcm.__version__} with Python {platform.python_version()}, Numba {numba.__version__}\n"
        f"cpu   {platform.machine()}, {numba.config.NUMBA_NUM_THREADS} threads\n"
        f"cuda  {describe_gpu()}"
    )


# Arrays


def is_on_host(a: Array) -> bool:
    """Return True for an array of NumPy."""
    return isinstance(a, np.ndarray | np.generic)


def to_host(a: Array) -> Array:
    """Return the array as one of NumPy: a copy if it lives on a GPU, else the array itself."""
    if hasattr(a, "__cuda_array_interface__"):
        return cupy().asarray(a).get()
    return np.asarray(a)


def to_device(a: Array, device: str) -> Array:
    """Return the array in the memory of `device`: a copy, or the array itself if it is there already."""
    return to_host(a) if device == "cpu" else cupy().asarray(a)


def copy_values(target: Any, source: Array) -> None:
    """Copy the values of `source` into `target`; each may live on the host or on the GPU."""
    if is_on_host(target):
        target[...] = to_host(source)
    elif is_on_host(source):
        target.set(np.ascontiguousarray(source, target.dtype))
    else:
        target[...] = source


def array_module(a: Array) -> ModuleType:
    """Return the module of an array: NumPy or CuPy."""
    return np if is_on_host(a) else cupy()


def zeros(like: Array, shape: tuple[int, ...], dtype: np.dtype | None = None) -> Array:
    """Return zeros in the memory where `like` lives, with its data type unless `dtype` is given."""
    return np.zeros_like(like, shape=shape, dtype=dtype)


# Memory


def free_memory() -> int:
    """Return the number of bytes that are free on the GPU, after CuPy has released its unused blocks."""
    xp = cupy()
    xp.get_default_memory_pool().free_all_blocks()
    return xp.cuda.runtime.memGetInfo()[0]


def check_memory(need: float, what: str) -> None:
    """Raise InputError if the GPU has less than `need` bytes free; the message says which grid would fit."""
    free = free_memory()
    if need > free:
        side = math.sqrt(free / need)
        raise InputError(
            f"device: {what} needs about {need / 1e9:.3g} GB, the GPU has {free / 1e9:.3g} GB; what fits is a grid "
            f"with {side:.0%} of the cells along each side, or precision 'float32' where it is 'float64'"
        )


def host_memory() -> float:
    """Return the bytes that are free on the host, or within the limit of its container; infinite if unknown."""
    limits = [math.inf]
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        limits.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]))
    with contextlib.suppress(OSError, ValueError):  # "max" without a limit
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(limits)


def check_host_memory(need: int, what: str) -> None:
    """Raise InputError if the host has less than `need` bytes free; the message says which grid would fit."""
    free = host_memory()
    if need > free:
        side = f"{100 * math.sqrt(free / need):.3g} % of the cells along each side"
        raise InputError(
            f"memory: {what} needs about {need / 1e9:.3g} GB, this machine has {free / 1e9:.3g} GB; what fits is {side}"
        )


class HostCopies:
    """Copies of named arrays on the host, made while the GPU computes: on a separate stream, into page-locked memory.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Arrays on the GPU; the names and shapes of those that will be copied.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        xp = cupy()
        self.stream = xp.cuda.Stream(non_blocking=True)
        self.staged = {name: xp.empty_like(a) for name, a in arrays.items()}
        self.received = {name: page_locked(a.shape, a.dtype) for name, a in arrays.items()}

    def send(self, arrays: Mapping[str, Array]) -> None:
        """Start to copy the present values of the arrays; the copies before must have been received."""
        for name, a in arrays.items():
            self.staged[name][...] = a
        self.stream.wait_event(cupy().cuda.get_current_stream().record())
        for name, a in self.staged.items():
            a.get(stream=self.stream, out=self.received[name], blocking=False)

    def receive(self) -> dict[str, Array]:
        """Wait for the copies and return them; they keep their values until the next `send`."""
        self.stream.synchronize()
        return self.received


def page_locked(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """Return a NumPy array in page-locked memory, to which a GPU copies while it computes."""
    count = math.prod(shape)
    memory = cupy().cuda.alloc_pinned_memory(count * dtype.itemsize)
    return np.frombuffer(memory, dtype, count).reshape(shape)


# Launches


class Graphs:
    """Work recorded as CUDA graphs, which launch a hundred short kernels at once.

    A graph holds the addresses of the arrays that it was recorded with, so `run` needs to know them: with new arrays
    the work is done directly, the second time it is recorded, and from then on the graph is launched. Memory that is
    allocated while a graph is recorded is kept for that graph. CuPy can record kernels and elementwise functions;
    matrix products (https://github.com/cupy/cupy/issues/6290) and sums stay outside. What the host does in between,
    such as messages to other processes, divides the work into several graphs (`between_graphs`).
    """

    MOST = 1024  # number of graphs that are kept

    def __init__(self) -> None:
        self.known: dict[Hashable, tuple] = {}  # the arrays, kept so that their addresses stay in use, and the parts

    def run(self, name: str, arrays: Iterable[Array], work: Callable[[], None]) -> None:
        """Do some work, directly or by its graphs.

        Parameters
        ----------
        name : str
            Name of the work.
        arrays : iterable of ndarray
            The arrays that the work reads and writes, apart from those that never change.
        work : callable
            Function without arguments that does the work.
        """
        arrays = tuple(arrays)
        key = name, *map(id, arrays)
        if key not in self.known:
            if len(self.known) == self.MOST:
                del self.known[next(iter(self.known))]
            self.known[key] = arrays, None
            work()
            return
        if self.known[key][1] is None:
            memory: list[object] = []
            self.known[key] = (*arrays, memory), self.record(work, memory)
        for part in self.known[key][1]:
            part()

    def record(self, work: Callable[[], None], memory: list[object]) -> list[Callable[[], None]]:
        """Return the parts of some work, in their order: launches of graphs, and what the host does between them.

        Memory that the work allocates is appended to `memory`.
        """
        xp = cupy()
        stream, pool = xp.cuda.get_current_stream(), xp.get_default_memory_pool()

        def allocate(size: int) -> object:
            memory.append(pool.malloc(size))
            return memory[-1]

        parts = THREAD.parts = list[Callable[[], None]]()
        with xp.cuda.using_allocator(allocate):
            stream.begin_capture()
            try:
                work()
            except BaseException:
                with contextlib.suppress(Exception):
                    stream.end_capture()
                raise
            finally:
                del THREAD.parts
            return [*parts, stream.end_capture().launch]


def between_graphs(work: Callable[[], None]) -> None:
    """Do some work of the host between the kernels of a GPU; while graphs are recorded, put it between two of them."""
    if not hasattr(THREAD, "parts"):
        work()
        return
    stream = cupy().cuda.get_current_stream()
    THREAD.parts += [stream.end_capture().launch, work]
    stream.begin_capture()
