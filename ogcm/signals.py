"""Signals that stop a run, caught so that the step under way is finished and the state is saved."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STOPPING = [getattr(signal, s) for s in ("SIGINT", "SIGTERM", "SIGHUP", "SIGXCPU") if hasattr(signal, s)]


class CaughtSignal:
    """The signal that was caught, if any: its `number`, None before one arrives."""

    number: int | None = None

    @property
    def name(self) -> str:
        """The name of the signal, such as SIGTERM."""
        return "" if self.number is None else signal.Signals(self.number).name

    def exit(self) -> None:
        """End the program as the signal asks: with KeyboardInterrupt, or SystemExit(128 + its number)."""
        raise KeyboardInterrupt if self.number == signal.SIGINT else SystemExit(128 + (self.number or 0))

    def catch(self, number: int, _frame: object) -> None:
        """Handle a signal: remember its number."""
        self.number = number


@contextmanager
def catch_signals() -> Iterator[CaughtSignal]:
    """Catch the signals that stop a run, in the main thread, where alone Python can catch them.

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
