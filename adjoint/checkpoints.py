"""The run backwards with a bounded memory: snapshots in RAM, then on disk, and the steps between them taken again.

The schedule is the binomial one of Griewank and Walther (2000, doi 10.1145/347837.347846), its snapshots shared out
between RAM and disk after Stumm and Walther (2009, doi 10.1137/080718036), from the library `checkpoint_schedules`.
With a snapshot for every step nothing is taken again: the mode of short windows. A snapshot is the whole state to
the bit, so the steps taken again are those of the run, and the gradient does not depend on the budget.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
from checkpoint_schedules import Copy, EndReverse, Forward, Move, MultistageCheckpointSchedule, Reverse, StorageType

from ogcm.errors import InputError
from ogcm.io import check_room
from ogcm.state import PROGNOSTIC, State


class Budget(NamedTuple):
    """How many states may be kept: `ram` snapshots in memory and `disk` in a temporary file of `folder`."""

    ram: int
    disk: int = 0
    folder: str | Path | None = None

    @classmethod
    def of(
        cls,
        state: State,
        steps: int,
        *,
        memory: float | None = None,
        snapshots: int | None = None,
        disk: int = 0,
        folder: str | Path | None = None,
    ) -> "Budget":
        """From `memory` [bytes] or the number of `snapshots` in memory; at most one for every step of the run.

        Raises InputError for a budget below one snapshot, and FileError for a disk that is too small.
        """
        if memory is not None and snapshots is not None:
            raise InputError("memory, snapshots: give one of them; both say how many states are kept in memory")
        size = snapshot_bytes(state)
        ram = snapshots if snapshots is not None else int((1e9 if memory is None else memory) // size)
        if ram < 0 or disk < 0 or ram + disk < 1:
            what = f"memory: {memory:g} bytes are" if memory is not None else f"snapshots: {ram} + disk: {disk} are"
            raise InputError(f"{what} less than one snapshot of {size} bytes; give at least one")
        ram = min(ram, steps)
        disk = min(disk, steps - ram)
        if disk:
            check_room(Path(folder or tempfile.gettempdir()) / "snapshots", disk * size, "give fewer disk snapshots")
        return cls(ram, disk, folder)

    def schedule(self, steps: int) -> Iterator:
        """The actions of the library, in order."""
        return iter(MultistageCheckpointSchedule(steps, self.ram, self.disk))

    def forward_steps(self, steps: int) -> int:
        """Steps that the schedule takes forward, those that the adjoint step takes again itself left out."""
        total = 1  # the last step, whose end the loss sees before it is taken again
        for action in self.schedule(steps):
            if isinstance(action, EndReverse):
                return total
            if isinstance(action, Forward) and not action.write_adj_deps:
                total += len(action)
        return total


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
                group.require_dataset(name, a.shape, a.dtype)[...] = a
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


def backwards(
    steps: int,
    state: State,
    forward: Callable[[int], None],
    turn: Callable,
    reverse: Callable[[int], None],
    budget: Budget,
) -> None:
    """Run `steps` steps forward and then backwards.

    `forward(n)` takes `state`, in place, from step n to n + 1; `turn()` is called once, with the last state in
    `state`; `reverse(n)` is called with step n in `state`, for n = steps - 1 down to 0.
    """
    before = state.copy()
    with Snapshots(budget) as snapshots:
        for action in budget.schedule(steps):
            if isinstance(action, Forward) and not action.write_adj_deps:
                if action.write_ics:
                    snapshots.save(action.n0, state, action.storage)
                for n in action:
                    forward(n)
            elif isinstance(action, Copy | Move):
                snapshots.load(action.n, state, drop=isinstance(action, Move))
            elif isinstance(action, Reverse):
                if action.n1 == steps:  # the run has just ended: see its last state, then step back
                    before.assign(state)
                    forward(steps - 1)
                    turn()
                    state.assign(before)
                reverse(action.n0)
            elif isinstance(action, EndReverse):
                return
