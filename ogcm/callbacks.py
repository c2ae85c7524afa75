"""Callbacks: functions that are called during a run, to report, to analyse or to stop it.

    def report(simulation):
        print(simulation.model.state.time, mean_kinetic_energy(simulation.model))

    ogcm.Simulation(model, days=30, callbacks={"report": ogcm.Callback(report, every=5)}).run()

A callback reads `simulation.model`, which has the present state, also in a run on a GPU, and may end the run with
`simulation.stop(reason)`. It must not change the model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

    function: Callable[["Simulation"], None]
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
