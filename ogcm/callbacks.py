"""Callbacks: functions that are called during a run, to report, to analyse or to stop it.

    def report(simulation):
        print(simulation.model.state.time, mean_kinetic_energy(simulation.model))

    def is_fast(simulation):
        return mean_kinetic_energy(simulation.model) > 100

    ogcm.Simulation(model, days=30, callbacks=[ogcm.every(hours=6, do=report)], stop_when=is_fast).run()

A callback reads `simulation.model`, which has the present state, also in a run on a GPU, and may end the run with
`simulation.stop(reason)`. It must not change the model.
"""

import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ogcm.errors import InputError

if TYPE_CHECKING:
    from ogcm.simulation import Simulation


@dataclass(frozen=True)
class Callback:
    """A function that is called during a run, every so many days or steps.

    Parameters
    ----------
    function : callable
        ``function(simulation)``, called after a step. Its return value is ignored.
    every : float, optional
        Time between two calls [days], rounded to whole steps.
    steps : int, optional
        Steps between two calls, in place of `every`. Without either, the function is called after each step.

    Raises
    ------
    InputError
        If `function` is not callable, if both `every` and `steps` are given, or if one of them is not positive.
    """

    function: Callable[["Simulation"], Any]
    every: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InputError(f"callback: needs a function of the simulation, got {self.function!r}")
        if self.every is not None and self.steps is not None:
            raise InputError("callback: give either every (days) or steps, not both")
        if self.steps is not None and not (isinstance(self.steps, int) and self.steps > 0):
            raise InputError(f"callback: steps must be a positive whole number, got {self.steps!r}")

    def interval(self, simulation: "Simulation") -> int:
        """Return the number of steps between two calls.

        Parameters
        ----------
        simulation : Simulation
            The run.

        Returns
        -------
        int
            Number of steps.
        """
        return simulation.steps_in("callback: every", self.every) if self.every is not None else self.steps or 1


def every(
    *,
    do: Callable[["Simulation"], Any],
    days: float | None = None,
    hours: float | None = None,
    steps: int | None = None,
) -> Callback:
    """Return the callback that calls a function every so many days, hours or steps.

    Parameters
    ----------
    do : callable
        ``do(simulation)``, called after a step.
    days, hours : float, optional
        Time between two calls [days or hours], rounded to whole steps.
    steps : int, optional
        Steps between two calls.

    Returns
    -------
    Callback
        The callback.

    Raises
    ------
    InputError
        Unless one of `days`, `hours` and `steps` is given, for one that is not positive, and if `do` is not callable.
    """
    given = {name: n for name, n in {"days": days, "hours": hours, "steps": steps}.items() if n is not None}
    if len(given) != 1:
        raise InputError(f"every: give one of days, hours and steps, got {', '.join(given) or 'none of them'}")
    if hours is not None:
        if isinstance(hours, bool) or not isinstance(hours, int | float):
            raise InputError(f"every: hours must be a positive number, got {hours!r}")
        days = hours / 24
    return Callback(do, every=days, steps=steps)


def name_callbacks(callbacks: Mapping[str, Callback] | Sequence[Callback] | None) -> dict[str, Callback]:
    """Return callbacks by name; those of a list have the names of their functions, numbered where these are the same.

    Raises InputError for anything that is not a callback.
    """
    if not isinstance(callbacks, Mapping | list | tuple | None):
        raise InputError(f"callbacks: needs a list or a dictionary of them, got {reprlib.repr(callbacks)}")
    named: dict[str, Callback] = dict(callbacks) if isinstance(callbacks, Mapping) else {}
    for callback in callbacks if isinstance(callbacks, list | tuple) else ():
        name = name_of(callback.function) if isinstance(callback, Callback) else "callback"
        number = sum(other.partition("-")[0] == name for other in named)
        named[f"{name}-{number + 1}" if number else name] = callback
    for callback in named.values():
        if not isinstance(callback, Callback):
            raise InputError(
                f"callbacks: needs callbacks such as ogcm.every(hours=6, do=report), got {reprlib.repr(callback)}"
            )
    return named


def name_of(function: Callable) -> str:
    """Return the name of a function, or that of the class of another object that can be called."""
    return getattr(function, "__name__", type(function).__name__)


def stopping(condition: Callable[["Simulation"], Any] | Callback) -> Callback:
    """Return the callback that stops a run when a condition holds.

    Parameters
    ----------
    condition : callable or Callback
        ``condition(simulation)``, evaluated after each step or, as a callback, at its interval. The run ends when it is
        true; a text is the reason that is reported.

    Returns
    -------
    Callback
        The callback.
    """
    callback = condition if isinstance(condition, Callback) else Callback(condition)

    def stop(simulation: "Simulation") -> None:
        met: Any = callback.function(simulation)
        if met:
            simulation.stop(met if isinstance(met, str) else f"{name_of(callback.function)} is true")

    return replace(callback, function=stop)
