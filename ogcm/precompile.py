"""Compilation of the kernels of the default model in advance, in one process for each thread of Numba.

A *rehearsal* goes through a few steps in which kernels are noted instead of run (`ogcm.backend.noted_calls`), which
finds those that have no file yet (`ogcm.kernel_cache`). Copies of this process compile them and write their files, and
this process loads them when it calls a kernel. What a copy could not compile or save is compiled here.

A run or a gradient compiles its kernels itself: a copy of a process in which other threads run (a notebook, a parallel
test) may wait for ever for a lock that one of them held.
"""

import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numba
from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

from ogcm.backend import REPORT, noted_calls
from ogcm.extensions import import_own
from ogcm.kernel_cache import codes, functions_of
from ogcm.signals import STOPPING

MOST = 256  # kernels, whose numbers are single bytes
Missing = list[tuple[Any, tuple]]  # a compiled function of Numba, and the types of its arguments


def compile_missing(rehearse: Callable[[], object]) -> None:
    """Compile the kernels that a function calls and that have no file yet, if there are several and several threads.

    Parameters
    ----------
    rehearse : callable
        The function, which is called without running a kernel.
    """
    missing = missing_kernels(rehearse)
    workers = min(numba.get_num_threads(), len(missing))
    if workers > 1 and sys.platform == "linux":  # elsewhere a copy of a process is not safe
        compile_in_copies(missing, workers)


def missing_kernels(rehearse: Callable[[], object]) -> Missing:
    """Return what a function calls that is neither compiled nor has a file, the largest first."""
    with noted_calls() as calls:
        rehearse()
    found = {}
    for compiled, arguments in calls:
        signature = tuple(map(compiled.typeof_pyval, arguments))
        if (compiled, signature) not in found and signature not in compiled.overloads:
            found[compiled, signature] = compiled._cache.path(signature, compiled.targetctx.codegen())
    missing = [kernel for kernel, path in found.items() if not path.exists()]
    return sorted(missing, key=lambda kernel: -size(kernel[0].py_func))[:MOST]


def size(function: Callable) -> int:
    """Return the length of the byte code of a function and of all that it calls, which says how long they compile."""
    return sum(len(code.co_code) for part in functions_of(function) for code in codes(part.__code__))


def compile_in_copies(missing: Missing, workers: int) -> None:
    """Compile kernels in copies of this process, each of which takes the next one as soon as it is free."""
    tasks, give = os.pipe()
    begun, tell = os.pipe()
    os.write(give, bytes(range(len(missing))))
    os.close(give)
    parent, copies = os.getpid(), []
    try:
        with global_compiler_lock, warnings.catch_warnings():  # with the lock, no other thread is compiling
            warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, for copies while threads run
            for _ in range(workers):
                copy = os.fork()
                if not copy:
                    work(missing, parent, tasks, tell)
                copies.append(copy)
        os.close(tell)
        while number := os.read(begun, 1):  # ends when no copy runs
            REPORT.begin(missing[number[0]][0].py_func.__name__)
    finally:
        REPORT.show("")
        for copy in copies:
            os.kill(copy, signal.SIGKILL)
            os.waitpid(copy, 0)
        os.close(tasks)
        os.close(begun)


def work(missing: Missing, parent: int, tasks: int, tell: int) -> None:
    """Compile kernels whose numbers are read from `tasks`, tell each number, and end this copy of the process."""
    try:
        for number in STOPPING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        event.unregister("numba:compile", REPORT)
        while (number := os.read(tasks, 1)) and os.getppid() == parent:
            os.write(tell, number)
            compiled, signature = missing[number[0]]
            compiled.compile(signature)
    finally:  # without what Python does at its end, which belongs to the parent
        os._exit(0)


def compile_all() -> None:
    """Compile what a run, a gradient and a training of the default model call."""
    compile_missing(train_smallest)
    train_smallest()


def train_smallest() -> None:
    """Take a few steps of a tiny basin with the default choices, and their gradient, without and with a corrector."""
    from ogcm.horizontal_grid import cartesian
    from ogcm.model import Model
    from ogcm.simulation import Simulation

    run, losses, corrector = import_own("adjoint.run"), import_own("adjoint.losses"), import_own("nn.corrector")
    grid = cartesian(nx=6, ny=6, dx=1e4, dy=1e4, f0=1e-4)
    model = Model(grid, depth=100.0, dz=[50.0, 50.0], dt=60.0)
    simulation = Simulation(model, days=2 / 1440, progress=False)
    simulation.stepper.step()
    run.gradient(losses.BoxMean(model, "T"), simulation, ["T", "nu_h"])
    options = {"features": ("velocity", "T"), "outputs": ("stress", "T_flux"), "hidden": (4,)}
    model.corrector = corrector.Corrector(model, **options, scales={"stress": 1e-9, "T_flux": 1e-9})
    run.gradient(losses.BoxMean(model, "T"), simulation, ["corrector"])
