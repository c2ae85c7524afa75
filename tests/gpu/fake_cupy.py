"""A stand-in for CuPy without a GPU: NumPy arrays in a wrapper that is as strict as CuPy's.

It is to `ogcm.device` what Numba's simulator is to kernels. What CuPy refuses is refused: conversion without a word,
NumPy's arrays among its own. What crosses between host and GPU is counted in `transfers`. What is done while a graph
is captured is recorded, and not done until it is launched.
"""

import contextlib
import sys
import time
from types import SimpleNamespace

import numpy as np

transfers = 0
captured = None  # a list of what a graph has recorded


def crossed():
    global transfers
    if captured is not None:
        raise RuntimeError("nothing can cross while a graph is captured")
    transfers += 1


def do(work):
    """Do some work, or record it."""
    if captured is None:
        return work()
    captured.append(work)
    return None


def bare(x):
    """Unwrap our arrays, in any nesting; refuse arrays of NumPy."""
    if isinstance(x, ndarray):
        return x.array
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(x, list | tuple):
        return type(x)(bare(y) for y in x)
    return x


def wrapped(x):
    if isinstance(x, np.ndarray | np.generic):
        return ndarray(x)
    return type(x)(wrapped(y) for y in x) if isinstance(x, list | tuple) else x


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    def __init__(self, array):
        self.array = np.asarray(array)

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    __cuda_array_interface__ = property(lambda self: self.array.__array_interface__)

    def __getattr__(self, name):
        if name.startswith("__") or name == "array":
            raise AttributeError(name)
        if captured is not None and name in ("sum", "max", "min", "mean", "any", "all", "argmax", "argmin", "dot"):
            raise NotImplementedError("CuPy records elementwise functions alone")
        value = getattr(self.array, name)
        if not callable(value):
            return wrapped(value) if isinstance(value, np.ndarray) else value
        return lambda *a, **k: made(value, a, k)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **more):
        if captured is not None and (ufunc is np.matmul or method != "__call__"):
            raise NotImplementedError("CuPy records elementwise functions alone")
        arrays = bare(inputs)
        if out is None:
            return made(getattr(ufunc, method), inputs, more)
        do(lambda: getattr(ufunc, method)(*arrays, out=bare(out), **more))
        return out[0]

    def __array_function__(self, function, _, args, more):
        return made(function, args, more)

    def __getitem__(self, index):
        view = self.array[bare(index)]
        if np.may_share_memory(view, self.array):
            return ndarray(view)
        return made(lambda a, at: a[at], (self, index), {})

    def __setitem__(self, index, value):
        if isinstance(value, list | tuple):
            raise TypeError(f"Unsupported type {type(value)}")
        index, value = bare(index), bare(value)
        do(lambda: self.array.__setitem__(index, value))

    def __len__(self):
        return len(self.array)

    def __iter__(self):
        return (self[n] for n in range(len(self)))

    def __number__(self, kind):
        crossed()
        return kind(self.array)

    def __float__(self):
        return self.__number__(float)

    def __int__(self):
        return self.__number__(int)

    def __bool__(self):
        return self.__number__(bool)

    def __deepcopy__(self, _):
        return self.copy()

    def fill(self, value):
        do(lambda: self.array.fill(value))

    def get(self, stream=None, out=None, blocking=True):
        crossed()
        if out is None:
            return self.array.copy()
        out[...] = self.array
        return out

    def set(self, array):
        crossed()
        self.array[...] = array


def made(function, args, more):
    """Wrap the result of a function of NumPy."""
    out = more.get("out")
    args, more = bare(args), {name: bare(x) for name, x in more.items()}
    if out is not None:
        do(lambda: function(*args, **more))
        return out
    result = function(*args, **more)  # a graph fills its memory again
    views = isinstance(result, np.ndarray) and any(np.may_share_memory(result, a) for a in args if is_array(a))
    if captured is not None and is_array(result) and not views:
        captured.append(lambda: result.__setitem__(..., function(*args, **more)))
    return wrapped(result)


def is_array(x):
    return isinstance(x, np.ndarray)


def asarray(a, dtype=None):
    if isinstance(a, ndarray):
        return a if dtype is None else a.astype(dtype, copy=False)
    crossed()
    return ndarray(np.array(a, dtype))


class Graph:
    def __init__(self, works):
        self.works = works

    def launch(self, _=None):
        for work in self.works:
            work()


class Stream:
    ptr = 0

    def __init__(self, **_):
        pass

    def __enter__(self):
        return self

    def begin_capture(self):
        global captured
        captured = []

    def end_capture(self):
        global captured
        works, captured = captured, None
        return Graph(works)

    def record(self):
        return self

    def wait_event(self, _):
        pass

    def synchronize(self):
        pass


class Event:
    def record(self):
        self.time = time.perf_counter()

    def synchronize(self):
        pass


current = Stream()
pool = SimpleNamespace(malloc=None, free_all_blocks=lambda: None)
cuda = SimpleNamespace(
    Stream=Stream,
    Device=lambda _: SimpleNamespace(use=lambda: None),
    Event=Event,
    get_elapsed_time=lambda start, end: 1e3 * (end.time - start.time),
    get_current_stream=lambda: current,
    alloc_pinned_memory=bytearray,
    using_allocator=lambda _: contextlib.nullcontext(),
    runtime=SimpleNamespace(
        deviceSynchronize=lambda: None,
        getDeviceCount=lambda: 1,
        getDevice=lambda: 0,
        getDeviceProperties=lambda _: {"name": b"no GPU", "major": 9, "minor": 0},
        memGetInfo=lambda: (10**9, 2 * 10**9),
    ),
)


def get_default_memory_pool():
    return pool


def __getattr__(name):
    function = getattr(np, name)
    return (lambda *a, **k: made(function, a, k)) if callable(function) and not isinstance(function, type) else function


def install():
    """Let `import cupy` find this module, and the simulator's kernels its arrays."""
    from ogcm import cuda as gpu
    from ogcm.backend import Kernel

    sys.modules["cupy"] = sys.modules[__name__]
    gpu.as_numba_array = lambda a: a.array if isinstance(a, ndarray) else a
    called = Kernel.__call__

    def call(kernel, *arguments):
        if isinstance(arguments[-1], np.ndarray) and any(isinstance(a, ndarray) for a in arguments):
            raise TypeError(f"{kernel.__name__}: an array of the host among those of the GPU")
        called(kernel, *arguments)

    Kernel.__call__ = call
    launch = gpu.launch
    gpu.launch = lambda *arguments: do(lambda: launch(*arguments))
