"""The model that a run steps: the model itself on the host, or a copy of it, the mirror, on a GPU."""

import copy
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ogcm.device import HostCopies, check_memory
from ogcm.errors import FileError
from ogcm.memory import run_bytes
from ogcm.model import Model
from ogcm.state import State
from ogcm.writers import Writer


class Host:
    """A run on the host. `model` is the model that is stepped."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def record(self, writers: Sequence[Writer]) -> None:
        """Let the writers record the present state."""
        for writer in writers:
            writer.record(self.model)

    def deliver(self) -> None:
        """Finish the records that have been started; on the host there are none."""

    def show(self) -> None:
        """Update the model on the host to the present state; on the host it has that state."""

    def copy_back(self) -> None:
        """End the run: copy the last state to the model on the host, which has it."""


class Mirror(Host):
    """A run on a GPU. `model` is the mirror, which is stepped; `host` is the model on the host.

    A state that is to be recorded is copied to the host while the run continues, and is written before the next one is
    copied.
    """

    def __init__(self, model: Model, beside: int = 0) -> None:
        """`beside` is the memory [bytes] that the writers of the run need."""
        check_memory(run_bytes(model) + beside, f"a run of {model.name}")
        super().__init__(model.to("cuda"))
        self.host = model
        self.copies: HostCopies | None = None
        self.sent: tuple[float, int] | None = None  # time and step of the state that is on its way to the host
        self.waiting: Sequence[Writer] = ()  # writers of that state

    def record(self, writers: Sequence[Writer]) -> None:
        """Write the state that was copied before, then start to copy the present state for these writers."""
        self.deliver()
        state = self.model.state
        self.copies = self.copies or HostCopies(state.arrays())
        self.copies.send(state.arrays())
        self.sent, self.waiting = (state.time, state.step), writers
        if any(writer.record_last for writer in writers):  # its sums must not change before they are written
            self.deliver()

    def deliver(self) -> None:
        """Let the writers record the state that was copied last, unless they have done so."""
        if self.sent is not None and self.copies is not None:
            (time, step), self.sent = self.sent, None
            received: dict[str, Any] = self.copies.receive()
            model = copy.copy(self.host)
            model.state = State(**received, time=time, step=step)
            for writer in self.waiting:
                writer.record(model)

    def show(self) -> None:
        """Copy the present state to the model on the host."""
        self.host.state.assign(self.model.state)

    def copy_back(self) -> None:
        """End the run: write the record that is left, and copy the last state to the model on the host."""
        try:
            with suppress(FileError):  # of a run that has ended already
                self.deliver()
        finally:
            self.show()
