"""The program `ogcm`, or `python -m ogcm`."""

import signal
import sys


def interrupt(number: int, _frame: object) -> None:
    """Handle Ctrl-C: the first one ends the command in order, the next one ends the process at once."""
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


def process() -> None:
    """Run the command in `sys.argv`. Ctrl-C prints no traceback, whenever and however often it is pressed."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # by a shell, for jobs in the background
    at_end = signal.SIG_IGN if ignored else signal.SIG_DFL
    try:
        try:
            if not ignored:
                signal.signal(signal.SIGINT, interrupt)
            from ogcm.cli import main

            code = main()
        finally:
            signal.signal(signal.SIGINT, at_end)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    process()
