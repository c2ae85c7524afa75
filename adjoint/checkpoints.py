"""The adjoint of a run with bounded memory: snapshots in memory and on disk, between which steps are computed again.

The schedule is the binomial one of Griewank and Walther (2000, doi 10.1145/347837.347846), with snapshots in memory
and on disk after Stumm and Walther (2009, doi 10.1137/080718036), from the library `checkpoint_schedules`. A snapshot
is the whole state to the bit, so the steps that are computed again are those of the run, and the gradient does not
depend on the budget. If the results of all steps fit into memory, as in short runs, no step is computed again.
"""

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numba
import numpy as np

from ogcm.device import to_host
from ogcm.disk import check_room
from ogcm.errors import FileError, InputError
from ogcm.state import State

disabled = numba.config.DISABLE_JIT
numba.config.DISABLE_JIT = True  # to compile the library takes seconds in every process; as Python it takes ms
from checkpoint_schedules import (  # noqa: E402
    Copy,
    EndForward,
    EndReverse,
    Forward,
    Move,
    MultistageCheckpointSchedule,
    Reverse,
    StorageType,
)

numba.config.DISABLE_JIT = disabled

MEMORY = 1e9  # of what is kept, if no budget is given [bytes]


class Budget(NamedTuple):
    """The number of states that may be kept.

    Attributes
    ----------
    ram : int
        Number of snapshots in memory.
    disk : int
        Number of snapshots in temporary files.
    folder : str, Path or None
        Folder of these files; None: that of the operating system.
    everything : bool
        Keep all results of every step instead.
    """

    ram: int
    disk: int = 0
    folder: str | Path | None = None
    everything: bool = False

    @classmethod
    def of(
        cls,
        state: State,
        steps: int,
        step_bytes: int,
        *,
        memory: float | None = None,
        snapshots: int | None = None,
        disk: int = 0,
        folder: str | Path | None = None,
    ) -> "Budget":
        """Find the budget of a run: at most one snapshot for every step, or all results if they fit into memory.

        Parameters
        ----------
        state : State
            State at the beginning of the run.
        steps : int
            Number of steps of the run.
        step_bytes : int
            Memory of all results of one step [bytes].
        memory : float, optional
            Memory for what is kept [bytes], `MEMORY` by default.
        snapshots : int, optional
            Number of snapshots in memory, instead of `memory`.
        disk : int, optional
            Number of snapshots in temporary files.
        folder : str or Path, optional
            Folder of these files.

        Returns
        -------
        Budget
            The budget.

        Raises
        ------
        InputError
            For a budget below one snapshot, and for both `memory` and `snapshots`.
        FileError
            For a disk that is too small.
        """
        if memory is not None and snapshots is not None:
            raise InputError("memory, snapshots: give one of them; both determine how many states are kept in memory")
        size, memory_given = snapshot_bytes(state), MEMORY if memory is None else memory
        if snapshots is None and steps * step_bytes <= memory_given:
            return cls(0, everything=True)
        ram = snapshots if snapshots is not None else int(memory_given // size)
        if ram < 0 or disk < 0 or ram + disk < 1:
            what = f"memory: {memory:g} bytes are" if memory is not None else f"snapshots: {ram} + disk: {disk} are"
            raise InputError(f"{what} less than one snapshot of {size} bytes; give at least one")
        ram = min(ram, steps)
        disk = min(disk, steps - ram)
        if disk:
            check_room(Path(folder or tempfile.gettempdir()) / "snapshots", disk * size, "give fewer disk snapshots")
        return cls(ram, disk, folder)

    def schedule(self, steps: int) -> Iterator:
        """Iterate over the actions of a run and its adjoint.

        Parameters
        ----------
        steps : int
            Number of steps of the run.

        Yields
        ------
        object
            Actions of the library `checkpoint_schedules`, in order.
        """
        if self.everything:
            yield from (Forward(0, steps, False, True, StorageType.WORK), EndForward(), Reverse(steps, 0, True))
            return
        for action in MultistageCheckpointSchedule(steps, self.ram, self.disk):
            if isinstance(action, EndReverse):
                return
            yield action

    def forward_steps(self, steps: int) -> int:
        """Count the forward steps of the schedule.

        Parameters
        ----------
        steps : int
            Number of steps of the run.

        Returns
        -------
        int
            Number of forward steps, those that are computed again included.
        """
        return sum(len(action) for action in self.schedule(steps) if isinstance(action, Forward))


def snapshot_bytes(state: State) -> int:
    """Compute the size of a snapshot.

    Parameters
    ----------
    state : State
        A state of the run.

    Returns
    -------
    int
        Size [bytes].
    """
    previous = snapshot_bytes(state.previous) if state.previous is not None else 0
    return sum(a.nbytes for a in state) + previous


class OnDisk(NamedTuple):
    """A snapshot in a file.

    Attributes
    ----------
    path : Path
        The file.
    checksum : int
        CRC-32 of its bytes, which takes less time than a copy of the state and finds damage on the disk.
    times : list of tuple
        Time [s] and step of the state, and of the state before it (ab2).
    """

    path: Path
    checksum: int
    times: list[tuple[float, int]]


class Snapshots:
    """Snapshots by the number of their step, in memory or in files of a folder that is removed in the end.

    Parameters
    ----------
    budget : Budget
        The number of snapshots.
    """

    def __init__(self, budget: Budget) -> None:
        self.memory: dict[int, State] = {}
        self.on_disk: dict[int, OnDisk] = {}
        self.folder = tempfile.TemporaryDirectory(dir=budget.folder, prefix="ogcm-") if budget.disk else None
        files = [f"{n}.snapshot" for n in reversed(range(budget.disk))]
        self.free = [Path(self.folder.name) / file for file in files] if self.folder is not None else []

    def __enter__(self) -> "Snapshots":
        return self

    def __exit__(self, *_: object) -> None:
        if self.folder is not None:
            self.folder.cleanup()

    def save(self, n: int, state: State, storage: StorageType) -> None:
        """Save a snapshot.

        Parameters
        ----------
        n : int
            Step of the run.
        state : State
            State at this step.
        storage : StorageType
            Memory or disk.

        Raises
        ------
        FileError
            For a file that cannot be written.
        """
        if storage == StorageType.RAM:
            self.memory[n] = state.copy()
            return
        path, checksum = self.free.pop(), 0
        try:
            with open(path, "wb") as f:
                for a in state.all_arrays():
                    values: Any = np.ascontiguousarray(to_host(a))
                    checksum = zlib.crc32(values, checksum)
                    f.write(values)
        except OSError as error:
            raise FileError(f"{path}: a snapshot cannot be written ({error}); give fewer disk snapshots") from None
        levels = [s for s in (state, state.previous) if s is not None]
        self.on_disk[n] = OnDisk(path, checksum, [(s.time, s.step) for s in levels])

    def load(self, n: int, state: State, *, drop: bool) -> None:
        """Load a snapshot.

        Parameters
        ----------
        n : int
            Step of the run.
        state : State
            State that takes the values of the snapshot.
        drop : bool
            Remove the snapshot.

        Raises
        ------
        FileError
            For a file that cannot be read, or that is damaged.
        """
        if n in self.memory:
            state.assign(self.memory.pop(n) if drop else self.memory[n])
            return
        path, checksum, times = self.on_disk[n]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise FileError(f"{path}: a snapshot cannot be read ({error})") from None
        if zlib.crc32(content) != checksum:
            raise FileError(f"{path}: a snapshot was damaged on the disk; take another folder, or memory")
        levels, start = [], 0
        for time, step in times:
            fields: dict[str, Any] = {}
            for name, a in state.arrays().items():
                fields[name] = np.frombuffer(content, a.dtype, a.size, start).reshape(a.shape)
                start += a.nbytes
            levels.append(State(**fields, time=time, step=step))
        levels[0].previous = levels[1] if len(levels) > 1 else None
        state.assign(levels[0])
        if drop:
            self.free.append(self.on_disk.pop(n).path)


class Run(Protocol):
    """A run and its adjoint, as `run_and_reverse` needs it. `state` is the present state."""

    state: State

    def forward(self, n: int) -> None:
        """Compute step n, counted from 0."""

    def keep(self, n: int) -> None:
        """Compute step n and keep all of its results."""

    def begin_adjoint(self) -> None:
        """Begin the adjoint at the end of the run."""

    def reverse(self, n: int) -> None:
        """Compute the adjoint of step n, whose results were kept."""


def run_and_reverse(run: Run, steps: int, budget: Budget) -> None:
    """Compute a run and then its adjoint, within a budget.

    Parameters
    ----------
    run : Run
        The run.
    steps : int
        Number of steps.
    budget : Budget
        What may be kept.
    """
    with Snapshots(budget) as snapshots:
        for action in budget.schedule(steps):
            if isinstance(action, Forward):
                if action.write_ics:
                    snapshots.save(action.n0, run.state, action.storage)
                for n in action:
                    (run.keep if action.write_adj_deps else run.forward)(n)
            elif isinstance(action, Copy | Move):
                snapshots.load(action.n, run.state, drop=isinstance(action, Move))
            elif isinstance(action, EndForward):
                run.begin_adjoint()
            elif isinstance(action, Reverse):
                for n in action:
                    run.reverse(n)
