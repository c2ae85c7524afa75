"""Where arrays live: in the memory of the host, as NumPy's, or in that of a CUDA GPU, as CuPy's.

    ogcm.Simulation(model, days=30, device="cuda").run()      # or `ogcm run ... --device cuda`
    there = model.to("cuda")                                  # state, grid, forcing, parameters, corrector
    ogcm.Stepper(there).step()
    there.state.T                                             # a CuPy array

A kernel runs where its arrays live (`ogcm.backend`), and NumPy's functions, called with CuPy's arrays, work there too
(NEP 13 and 18). So a model on a GPU is the same model with other arrays; nothing is carried to and fro in a step.
What reads a model as a whole (output, diagnostics, losses, pictures) reads it on the host.
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

import numba
import numpy as np

from ogcm.errors import InputError

Array = np.ndarray
DEVICES = ("cpu", "cuda")
INSTALL = 'pip install "ogcm[cuda]"'
THREAD = threading.local()  # which has a stream


def cupy() -> ModuleType:
    """CuPy, with a stream on which all work of this thread is queued, Numba's too (graphs need one of their own).

    Raises InputError where CUDA cannot be used, saying why.
    """
    module = imported()
    if not hasattr(THREAD, "stream"):
        module.cuda.runtime.deviceSynchronize()  # what others have queued elsewhere is done
        THREAD.stream = module.cuda.Stream(non_blocking=True)
        THREAD.stream.__enter__()  # for good: `use` is forgotten when another stream has been used in between
    return module


@functools.cache
def imported() -> ModuleType:
    """CuPy, where it finds a GPU."""
    try:
        module = importlib.import_module("cupy")
        if not numba.config.ENABLE_CUDASIM:
            importlib.import_module("numba_cuda")
        count = module.cuda.runtime.getDeviceCount()
    except ImportError as error:
        raise InputError(f"device: 'cuda' needs CuPy and numba-cuda ({error}); {INSTALL}, or use 'cpu'") from None
    except Exception as error:  # of CUDA itself: no driver, no device
        raise InputError(f"device: 'cuda' finds no GPU that can be used ({error}); use 'cpu'") from None
    if count == 0:
        raise InputError("device: 'cuda' finds no GPU; use 'cpu'")
    return module


def check(device: str) -> str:
    """`device` where it can be used; "auto" is a GPU where there is one. Raises InputError otherwise."""
    if device == "auto":
        return "cuda" if available() else "cpu"
    if device not in DEVICES:
        raise InputError(f"device: {device!r} does not exist; choose from {', '.join(DEVICES)}, auto")
    if device == "cuda":
        cupy()
    return device


def available() -> bool:
    """Whether there is a GPU that can be used."""
    try:
        cupy()
    except InputError:
        return False
    return True


def describe() -> str:
    """The GPU in words, or why there is none."""
    try:
        xp = cupy()
    except InputError as error:
        return str(error).removeprefix("device: 'cuda' ").removesuffix("; use 'cpu'")
    properties = xp.cuda.runtime.getDeviceProperties(xp.cuda.runtime.getDevice())
    free, total = xp.cuda.runtime.memGetInfo()
    name, major, minor = properties["name"].decode(), properties["major"], properties["minor"]
    return f"{name}, compute capability {major}.{minor}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free"


def machine() -> str:
    """What ogcm runs on here, in words."""
    import ogcm

    return (
        f"ogcm  {ogcm.__version__} with Python {platform.python_version()}, Numba {numba.__version__}\n"
        f"cpu   {platform.machine()}, {numba.config.NUMBA_NUM_THREADS} threads\n"
        f"cuda  {describe()}"
    )


# Arrays


def is_on_host(a: Array) -> bool:
    """Whether an array is NumPy's."""
    return isinstance(a, np.ndarray | np.generic)


def to_host(a: Array) -> Array:
    """The array as NumPy's; a copy where it lives on a GPU."""
    if hasattr(a, "__cuda_array_interface__"):
        return cupy().asarray(a).get()
    return np.asarray(a)


def to_device(a: Array, device: str) -> Array:
    """The array in the memory of `device`: itself where it is there, else a copy."""
    return to_host(a) if device == "cpu" else cupy().asarray(a)


def copy_values(target: Array, source: Array) -> None:
    """target[...] = source, wherever the two live."""
    if is_on_host(target):
        target[...] = to_host(source)
    elif is_on_host(source):
        target.set(np.ascontiguousarray(source, target.dtype))
    else:
        target[...] = source


def array_module(a: Array) -> ModuleType:
    """The array module of an array: NumPy or CuPy."""
    return np if is_on_host(a) else cupy()


def zeros(like: Array, shape: tuple[int, ...], dtype: np.dtype | None = None) -> Array:
    """Zeros that live where `like` does, in its type unless another is given."""
    return np.zeros_like(like, shape=shape, dtype=dtype)


# Memory


def free_memory() -> int:
    """Bytes free on the GPU, what CuPy kept for itself given back."""
    xp = cupy()
    xp.get_default_memory_pool().free_all_blocks()
    return xp.cuda.runtime.memGetInfo()[0]


def check_memory(need: float, what: str) -> None:
    """Raise InputError where the GPU has less than `need` bytes free, saying what would fit."""
    free = free_memory()
    if need > free:
        side = math.sqrt(free / need)
        raise InputError(
            f"device: {what} needs about {need / 1e9:.3g} GB, the GPU has {free / 1e9:.3g} GB; what fits is a grid "
            f"with {side:.0%} of the cells along each side, or precision 'float32' where it is 'float64'"
        )


def host_memory() -> float:
    """Bytes that are free on the host, or that its container may have where that is less; infinite where unknown."""
    limits = [math.inf]
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        limits.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]))
    with contextlib.suppress(OSError, ValueError):  # "max" where it has no limit
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(limits)


def check_host_memory(need: int, what: str) -> None:
    """Raise InputError where the host has less than `need` bytes, saying what would fit."""
    free = host_memory()
    if need > free:
        side = f"{100 * math.sqrt(free / need):.3g} % of the cells along each side"
        raise InputError(
            f"memory: {what} needs about {need / 1e9:.3g} GB, this machine has {free / 1e9:.3g} GB; what fits is {side}"
        )


class HostCopies:
    """Carries arrays to the host while the GPU works on: on a stream of its own, into page-locked memory."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        """For arrays of these names and shapes."""
        xp = cupy()
        self.stream = xp.cuda.Stream(non_blocking=True)
        self.staged = {name: xp.empty_like(a) for name, a in arrays.items()}
        self.landed = {name: locked(a.shape, a.dtype) for name, a in arrays.items()}

    def send(self, arrays: Mapping[str, Array]) -> None:
        """Send the arrays off as they are now; what was sent before must have been received."""
        for name, a in arrays.items():
            self.staged[name][...] = a
        self.stream.wait_event(cupy().cuda.get_current_stream().record())
        for name, a in self.staged.items():
            a.get(stream=self.stream, out=self.landed[name], blocking=False)

    def receive(self) -> dict[str, Array]:
        """The arrays that were sent; they stay until the next are sent."""
        self.stream.synchronize()
        return self.landed


def locked(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """A NumPy array in page-locked memory, to which a GPU copies while it works."""
    count = math.prod(shape)
    memory = cupy().cuda.alloc_pinned_memory(count * dtype.itemsize)
    return np.frombuffer(memory, dtype, count).reshape(shape)


# Launches


class Graphs:
    """Work recorded as CUDA graphs, so that a hundred short kernels are launched as one.

    A graph holds the addresses of the arrays that it was recorded with. So `run` is told them: work on arrays that are
    new is done as it is, the second time it is recorded, and from then on replayed. What it allocates while it is
    recorded is kept for it alone. CuPy records kernels and elementwise functions; matrix products
    (https://github.com/cupy/cupy/issues/6290) and sums stay outside.
    """

    MOST = 1024  # sets of arrays that are remembered

    def __init__(self) -> None:
        self.known: dict[Hashable, tuple] = {}  # the arrays, kept so that no other takes their place, and the graph

    def run(self, name: str, arrays: Iterable[Array], work: Callable[[], None]) -> None:
        """Do the `work` of that name, which reads and writes these arrays, and others that are always the same."""
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
        self.known[key][1].launch()

    def record(self, work: Callable[[], None], memory: list[object]) -> object:
        """The graph of all that `work` launches; what it allocates is put into `memory`."""
        xp = cupy()
        stream, pool = xp.cuda.get_current_stream(), xp.get_default_memory_pool()

        def allocate(size: int) -> object:
            memory.append(pool.malloc(size))
            return memory[-1]

        with xp.cuda.using_allocator(allocate):
            stream.begin_capture()
            try:
                work()
            except BaseException:
                with contextlib.suppress(Exception):
                    stream.end_capture()
                raise
            return stream.end_capture()
