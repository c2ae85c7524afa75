"""Signals that stop a run: the present step is finished and the state is saved before the program ends."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPPING = [getattr(signal, s) for s in ("SIGINT", "SIGTERM", "SIGHUP", "SIGXCPU") if hasattr(signal, s)]


class CaughtSignal:
    """The signal that arrived during a run: its `number`, or None."""

    number: int | None = None

    @property
    def name(self) -> str:
        """Name of the signal, such as SIGTERM."""
        return "" if self.number is None else signal.Signals(self.number).name

    def exit(self) -> None:
        """Raise KeyboardInterrupt for SIGINT, and SystemExit(128 + its number) for other signals."""
        raise KeyboardInterrupt if self.number == signal.SIGINT else SystemExit(128 + (self.number or 0))

    def catch(self, number: int, _frame: object) -> None:
        """Handle a signal: store its number."""
        self.number = number


@contextmanager
def catch_signals() -> Iterator[CaughtSignal]:
    """Catch the signals that stop a run. Python allows this only in the main thread; elsewhere nothing is caught.

    Signals that are ignored, as nohup ignores SIGHUP, stay ignored.
    """
    caught = CaughtSignal()
    main = threading.current_thread() is threading.main_thread()
    handlers = {s: signal.getsignal(s) for s in STOPPING} if main else {}
    handlers = {s: handler for s, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for s in handlers:
            signal.signal(s, caught.catch)
        yield caught
    finally:
        for s, handler in handlers.items():
            signal.signal(s, handler)
