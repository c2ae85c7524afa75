"""The run backwards with a bounded memory: snapshots in RAM, then on disk, and the steps between them taken again.

The schedule is the binomial one of Griewank and Walther (2000, doi 10.1145/347837.347846), its snapshots shared out
between RAM and disk after Stumm and Walther (2009, doi 10.1137/080718036), from the library `checkpoint_schedules`.
A snapshot is the whole state to the bit, so the steps taken again are those of the run, and the gradient does not
depend on the budget. Where the memory holds all that every step computes, as in short windows, nothing is taken again.
"""

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numba
import numpy as np

from ogcm.device import to_host
from ogcm.disk import check_room
from ogcm.errors import FileError, InputError
from ogcm.state import State

disabled = numba.config.DISABLE_JIT
numba.config.DISABLE_JIT = True  # the library would be compiled in every process, for seconds; as Python it takes ms
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

MEMORY = 1e9  # [bytes] where no budget is given


class Budget(NamedTuple):
    """How many states may be kept: `ram` snapshots in memory and `disk` in temporary files of `folder`.

    With `everything`, all that each step computes is kept instead.
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
        """From `memory` [bytes] or the number of `snapshots` in memory; at most one for every step of the run.

        `step_bytes` is what a step takes of which everything is kept: with enough `memory` for all, all are.
        Raises InputError for a budget below one snapshot, and FileError for a disk that is too small.
        """
        if memory is not None and snapshots is not None:
            raise InputError("memory, snapshots: give one of them; both say how many states are kept in memory")
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
        """The actions of the library, in order, up to the end of the run backwards."""
        if self.everything:
            yield from (Forward(0, steps, False, True, StorageType.WORK), EndForward(), Reverse(steps, 0, True))
            return
        for action in MultistageCheckpointSchedule(steps, self.ram, self.disk):
            if isinstance(action, EndReverse):
                return
            yield action

    def forward_steps(self, steps: int) -> int:
        """Steps that the schedule takes forward in all, there and back."""
        return sum(len(action) for action in self.schedule(steps) if isinstance(action, Forward))


def snapshot_bytes(state: State) -> int:
    """Bytes of a snapshot of this state."""
    previous = snapshot_bytes(state.previous) if state.previous is not None else 0
    return sum(a.nbytes for a in state.arrays().values()) + previous


class OnDisk(NamedTuple):
    """A snapshot in a file: the CRC-32 of its bytes; time [s] and step of the state, and of the one before it (ab2).

    A CRC-32 costs less than a copy of the state, and finds what a disk does to a file.
    """

    path: Path
    sum_of_bytes: int
    times: list[tuple[float, int]]


class Snapshots:
    """States by the step at which they stand, in memory or in files of a folder that vanishes in the end."""

    def __init__(self, budget: Budget) -> None:
        self.memory: dict[int, State] = {}
        self.on_disk: dict[int, OnDisk] = {}
        self.folder = tempfile.TemporaryDirectory(dir=budget.folder, prefix="ogcm-") if budget.disk else None
        self.free = [Path(self.folder.name) / f"{n}.snapshot" for n in reversed(range(budget.disk))]

    def __enter__(self) -> "Snapshots":
        return self

    def __exit__(self, *_) -> None:
        if self.folder is not None:
            self.folder.cleanup()

    def save(self, n: int, state: State, storage: StorageType) -> None:
        """Keep `state`, which stands at step `n` of the run. Raises FileError where the disk does not take it."""
        if storage == StorageType.RAM:
            self.memory[n] = state.copy()
            return
        path, sum_of_bytes = self.free.pop(), 0
        try:
            with open(path, "wb") as f:
                for a in state.all_arrays():
                    values = np.ascontiguousarray(to_host(a))
                    sum_of_bytes = zlib.crc32(values, sum_of_bytes)
                    f.write(values)
        except OSError as error:
            raise FileError(f"{path}: a snapshot cannot be written ({error}); give fewer disk snapshots") from None
        levels = [s for s in (state, state.previous) if s is not None]
        self.on_disk[n] = OnDisk(path, sum_of_bytes, [(s.time, s.step) for s in levels])

    def load(self, n: int, state: State, *, drop: bool) -> None:
        """Put the snapshot of step `n` into `state`; forget it with `drop`. Raises FileError for a damaged one."""
        if n in self.memory:
            state.assign(self.memory.pop(n) if drop else self.memory[n])
            return
        path, sum_of_bytes, times = self.on_disk[n]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise FileError(f"{path}: a snapshot cannot be read ({error})") from None
        if zlib.crc32(content) != sum_of_bytes:
            raise FileError(f"{path}: a snapshot was damaged on the disk; take another folder, or memory")
        levels, start = [], 0
        for time, step in times:
            fields = {}
            for name, a in state.arrays().items():
                fields[name] = np.frombuffer(content, a.dtype, a.size, start).reshape(a.shape)
                start += a.nbytes
            levels.append(State(**fields, time=time, step=step))
        levels[0].previous = levels[1] if len(levels) > 1 else None
        state.assign(levels[0])
        if drop:
            self.free.append(self.on_disk.pop(n).path)


class Run(Protocol):
    """What is run there and back; it holds the present state."""

    state: State

    def forward(self, n: int) -> None:
        """Take step n, counted from 0."""

    def keep(self, n: int) -> None:
        """Take step n and keep all that it computes."""

    def begin_adjoint(self) -> None:
        """The run has ended."""

    def reverse(self, n: int) -> None:
        """Run step n, which was kept, backwards."""


def run_and_reverse(run: Run, steps: int, budget: Budget) -> None:
    """Run `steps` steps forward and then backwards, within the budget."""
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
