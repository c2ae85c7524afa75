"""The processes that `mpiexec` started together (MPI ranks), and how they end together.

An error that all processes meet, such as a full disk, ends each of them in order, and the first one says what it was.
An error of one process alone ends all of them after a few seconds (PATIENCE), since the others wait for its messages.
"""

import functools
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ogcm.errors import InputError

# Variables that mpiexec and srun set in each process: those of its rank, and those of the number of processes
RANKS, SIZES = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"), ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS")
LOCAL_RANKS = ("MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID")  # among the processes of a node
PATIENCE = 5.0  # time [s] within which the others must fail as well


@functools.cache
def communicator() -> Any:
    """Return the communicator of the processes that `mpiexec` started together; None for a single process.

    Raises InputError where mpi4py is missing.
    """
    sizes = [os.environ[name] for name in SIZES if name in os.environ]
    if not any(name in os.environ for name in RANKS) or (sizes and set(sizes) == {"1"}):
        return None
    try:
        from mpi4py import MPI
    except ImportError:
        raise InputError(
            "mpi4py: is needed by a process that mpiexec started, and is not installed: pip install 'ogcm[mpi]'"
        ) from None
    if MPI.COMM_WORLD.size == 1:
        return None
    failures()
    sys.excepthook = functools.partial(end, sys.excepthook)
    if MPI.COMM_WORLD.rank > 0:
        warnings.simplefilter("ignore", UserWarning)  # the first process gives those that all have
    return MPI.COMM_WORLD.Dup()


@functools.cache
def failures() -> Any:
    """Return the communicator of processes that have failed, apart from that of the others' messages."""
    from mpi4py import MPI

    return MPI.COMM_WORLD.Dup()


def joined() -> Any:
    """Return the communicator, or None where mpi4py is missing as well."""
    try:
        return communicator()
    except InputError:
        return None


def local_rank() -> int:
    """Return the number of this process among those of its node; 0 where mpiexec does not tell."""
    return next((int(os.environ[name]) for name in LOCAL_RANKS if name in os.environ), 0)


def is_first() -> bool:
    """Return True in the process that writes messages for all."""
    return joined() is None or joined().rank == 0


def failed_together() -> bool:
    """Return True if all processes call this within PATIENCE seconds, and in a single process."""
    if joined() is None:
        return True
    arrived, start = failures().Ibarrier(), time.monotonic()
    while not arrived.Test():
        if time.monotonic() - start > PATIENCE:
            return False
        time.sleep(0.01)
    return True


def end(hook: Any, kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    """End this process by an exception that nothing has caught, in place of `sys.excepthook`, which is `hook`."""
    report(functools.partial(hook, kind, error, traceback), 1)


def report(show: Callable[[], object], code: int) -> None:
    """Report an error that ends this process.

    If all processes meet it, the first one prints it. Otherwise this process prints it and ends the others. `show`
    prints the error, `code` is the exit code of the others.
    """
    together = failed_together()
    if not together or is_first():
        show()
    if not together:
        end_all(code)


def end_all(code: int) -> None:
    """End all processes at once with an exit code."""
    rank = communicator().rank
    print(f"process {rank} of {communicator().size} failed alone and ended the others", file=sys.stderr, flush=True)
    communicator().Abort(code)


@contextmanager
def ending_together() -> Iterator[None]:
    """Context in which an exception of one process alone ends all, before anything waits for the others."""
    try:
        yield
    except BaseException as error:
        if not failed_together():
            sys.__excepthook__(type(error), error, error.__traceback__)
            end_all(1)
        raise
