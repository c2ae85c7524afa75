"""The run backwards with a bounded memory: snapshots in RAM, then on disk, and the steps between them taken again.

The schedule is the binomial one of Griewank and Walther (2000, doi 10.1145/347837.347846), its snapshots shared out
between RAM and disk after Stumm and Walther (2009, doi 10.1137/080718036), from the library `checkpoint_schedules`.
A snapshot is the whole state to the bit, so the steps taken again are those of the run, and the gradient does not
depend on the budget. Where the memory holds all that every step computes, as in short windows, nothing is taken again.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import h5py
import numba

from ogcm.device import host
from ogcm.errors import InputError
from ogcm.io import check_room
from ogcm.state import PROGNOSTIC, State

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
    """How many states may be kept: `ram` snapshots in memory and `disk` in a temporary file of `folder`.

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


class Snapshots:
    """States by the step at which they stand, in memory or in an HDF5 file that vanishes in the end."""

    def __init__(self, budget: Budget) -> None:
        self.memory: dict[int, State] = {}
        self.on_disk: dict[int, str] = {}  # step: name of its group
        self.free = [str(n) for n in reversed(range(budget.disk))]
        self.folder = tempfile.TemporaryDirectory(dir=budget.folder, prefix="ogcm-") if budget.disk else None
        self.file = h5py.File(Path(self.folder.name) / "snapshots.h5", "w") if budget.disk else None

    def __enter__(self) -> "Snapshots":
        return self

    def __exit__(self, *_) -> None:
        if self.file is not None:
            self.file.close()
            self.folder.cleanup()

    def save(self, n: int, state: State, storage: StorageType) -> None:
        """Keep `state`, which stands at step `n` of the run."""
        if storage == StorageType.RAM:
            self.memory[n] = state.copy()
            return
        slot = self.on_disk[n] = self.free.pop()
        levels = {"state": state} | ({"previous": state.previous} if state.previous is not None else {})
        for level, s in levels.items():
            group = self.file.require_group(f"{slot}/{level}")
            for name, a in s.arrays().items():
                group.require_dataset(name, a.shape, a.dtype)[...] = host(a)
            group.attrs.update(time=s.time, step=s.step)

    def load(self, n: int, state: State, *, drop: bool) -> None:
        """Put the snapshot of step `n` into `state`; forget it with `drop`."""
        if n in self.memory:
            state.assign(self.memory.pop(n) if drop else self.memory[n])
            return
        group = self.file[self.on_disk[n]]
        if drop:
            self.free.append(self.on_disk.pop(n))
        levels = {}
        for level in group:
            g = group[level]
            fields = {name: g[name][()] for name in PROGNOSTIC}
            levels[level] = State(**fields, time=float(g.attrs["time"]), step=int(g.attrs["step"]))
        levels["state"].previous = levels.get("previous")
        state.assign(levels["state"])


class Run(Protocol):
    """What is run there and back; it holds the present state."""

    state: State

    def forward(self, n: int) -> None:
        """Take step n, counted from 0."""

    def keep(self, n: int) -> None:
        """Take step n and keep all that it computes."""

    def turn(self) -> None:
        """The run has ended."""

    def reverse(self, n: int) -> None:
        """Run step n, which was kept, backwards."""


def there_and_back(run: Run, steps: int, budget: Budget) -> None:
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
                run.turn()
            elif isinstance(action, Reverse):
                for n in action:
                    run.reverse(n)
