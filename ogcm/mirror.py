"""Where a run is stepped: on the host with the model itself, or on a GPU with a copy of it, the mirror."""

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
        """Finish what `record` began; nothing is left to do on the host."""

    def show(self) -> None:
        """Give the model of the host the present state; it has it already."""

    def copy_back(self) -> None:
        """End the run: give the model of the host the last state; it has it already."""


class Mirror(Host):
    """A run on a GPU. `model` is the mirror there, which is stepped, `host` the model of the host.

    A state to be recorded is sent to the host while the run goes on, and written when the next one is sent.
    """

    def __init__(self, model: Model) -> None:
        check_memory(run_bytes(model), f"a run of {model.name}")
        super().__init__(model.to("cuda"))
        self.host = model
        self.copies: HostCopies | None = None
        self.sent: tuple[float, int] | None = None  # time and step of the state that is on its way to the host
        self.waiting: Sequence[Writer] = ()  # writers of that state

    def record(self, writers: Sequence[Writer]) -> None:
        """Send the present state to the host for the writers, once the state sent before is written."""
        self.deliver()
        state = self.model.state
        self.copies = self.copies or HostCopies(state.arrays())
        self.copies.send(state.arrays())
        self.sent, self.waiting = (state.time, state.step), writers
        if any(writer.record_last for writer in writers):  # whose sums must not go on meanwhile
            self.deliver()

    def deliver(self) -> None:
        """Let the writers record the state that was sent, if there is one."""
        if self.sent is not None and self.copies is not None:
            (time, step), self.sent = self.sent, None
            received: dict[str, Any] = self.copies.receive()
            model = copy.copy(self.host)
            model.state = State(**received, time=time, step=step)
            for writer in self.waiting:
                writer.record(model)

    def show(self) -> None:
        """Give the model of the host the present state."""
        self.host.state.assign(self.model.state)

    def copy_back(self) -> None:
        """End the run: write what was sent, and give the model of the host the last state."""
        try:
            with suppress(FileError):  # of a run that has ended already
                self.deliver()
        finally:
            self.show()
