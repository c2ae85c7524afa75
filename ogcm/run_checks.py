"""Checks of a run before its first step."""

from typing import TYPE_CHECKING

from ogcm import stability
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.terms import check_terms

if TYPE_CHECKING:
    from ogcm.simulation import Simulation


def check_start_day(simulation: "Simulation", start: float | None) -> None:
    """Raise InputError if the run must begin on the day `start` and the state of the model is of another day."""
    state, dt = simulation.model.state, simulation.model.numerics.dt
    if start is not None and abs(state.time / DAY - start) * DAY > 0.5 * dt:
        raise InputError(
            f"start: the run must begin on day {start:g}, {simulation.restart or 'the model'} is of day "
            f"{state.time / DAY:g}; give the restart of that day (--restart)"
        )


def check_step(simulation: "Simulation") -> None:
    """Raise InputError for an invalid first state, or a time step that is too long for the flow, rotation or mixing.

    Series of the forcing that do not cover the run are refused, or a warning is given.
    """
    model = simulation.model
    model.forcing.check_cover(model.state.time, model.state.time + simulation.steps * model.numerics.dt)
    if (bad := stability.first_invalid(model.state, model)) is not None:
        name, index, value = bad
        raise InputError(
            f"{name}: the run would start from {value:g} {model.fields[name].units} at {tuple(map(int, index))}, "
            "not finite or below the sea floor; correct the initial field"
        )
    stability.check_flow(model)
    stability.check_numerics(model)
    check_terms(model.terms)
