"""The interface of losses: scalars of a run, each with its own adjoint.

A loss evaluates the state on some days of the run and adds up the values. A loss of your own takes ten lines:

    class SurfaceVariance(Loss):
        \"\"\"Mean square height of the sea surface [m2].\"\"\"

        def value(self, state, record):
            return self.record_weight * self.total(interior(state.eta) ** 2) / self.model.grid.tile.column_count

        def adjoint(self, state, record, value_ad, state_ad):
            factor = value_ad * self.record_weight / self.model.grid.tile.column_count
            interior(state_ad.eta)[...] += factor * 2 * interior(state.eta)

`value` must accept complex states as well (no `abs`, `max` or `float`), so that `adjoint.gradient_check.loss_error` can
check the pair. Its sums are those of `total`, so that it is the same in each process of an ocean that is divided into
tiles. A run calls it once for each record, in the order of time, and `adjoint` for the gradient after the last one, so
that a loss may remember its records and return the value with the last one. Losses can be added and multiplied by
numbers: `BoxMean(...) + 0.1 * Enstrophy(...)`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ogcm.constants import DAY
from ogcm.diagnostics.cells import total
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.simulation import Simulation
from ogcm.state import State

Array = np.ndarray


class Loss:
    """A scalar of a run: the sum of `value(state, record)` over some days.

    A subclass defines `value` and `adjoint`.

    Parameters
    ----------
    model : Model
        The model of the run.
    days : float or sequence of float, optional
        Days from the beginning of the run on which the state is evaluated; by default the end of the run.

    Attributes
    ----------
    record_weight : float
        One over the number of days, for means over them.
    """

    def __init__(self, model: Model, *, days: float | Sequence[float] | Array | None = None) -> None:
        self.model = model
        self.days = None if days is None else tuple(np.atleast_1d(np.asarray(days, float)))
        self.record_weight = 1.0 if self.days is None else 1.0 / len(self.days)

    def value(self, state: State, record: Any) -> float:
        """Return the contribution of a state to the loss.

        Parameters
        ----------
        state : State
            The state on a day of the loss; real or complex.
        record : int
            Number of the day.

        Returns
        -------
        float
            The contribution.
        """
        raise NotImplementedError

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        """Add the derivative of `value` with respect to the state to `state_ad`.

        Parameters
        ----------
        state : State
            The state on a day of the loss.
        record : int
            Number of the day.
        value_ad : float
            Factor of the derivative.
        state_ad : State
            Receives the derivative, on its interior.
        """
        raise NotImplementedError

    def total(self, a: Array) -> float:
        """Sum a map or field over the whole ocean, the same to the bit for any division into tiles.

        Parameters
        ----------
        a : ndarray, shape (ny, nx) or (nk, ny, nx)
            Real or complex values in the tile, without halo.

        Returns
        -------
        float or complex
            The sum.
        """
        if np.iscomplexobj(a):
            return complex(total(self.model, a.real), total(self.model, a.imag))  # type: ignore[return-value]
        return total(self.model, a)

    def records_by_step(self, simulation: Simulation) -> dict[int, list]:
        """Return the records that belong to each step of a run.

        Parameters
        ----------
        simulation : Simulation
            The run.

        Returns
        -------
        dict of int to list
            Records by the number of the nearest step; 0 is the initial state.

        Raises
        ------
        InputError
            For a day outside the run, or a run of another model.
        """
        if simulation.model.grid is not self.model.grid:
            raise InputError(f"{type(self).__name__}: was made for another model than the simulation's")
        if self.days is None:
            return {simulation.steps: [0]}
        dt, found = simulation.model.numerics.dt, dict[int, list]()
        for record, day in enumerate(self.days):
            n = day * DAY / dt
            if not -0.5 <= n <= simulation.steps + 0.5:
                last = simulation.steps * dt / DAY
                raise InputError(f"days: day {day:g} of {type(self).__name__} is outside the run from 0 to {last:g}")
            found.setdefault(round(n), []).append(record)
        return found

    def all_records(self) -> list:
        """Return all records, independently of a run.

        Returns
        -------
        list
            The records.
        """
        return list(range(1 if self.days is None else len(self.days)))

    def __add__(self, other: "Loss") -> "Loss":
        return Sum([(1.0, self), (1.0, other)])

    def __rmul__(self, factor: float) -> "Loss":
        return Sum([(float(factor), self)])


class Sum(Loss):
    """Sum of losses with factors.

    Parameters
    ----------
    terms : sequence of tuple of float and Loss
        Factors and losses, all of one model.
    """

    def __init__(self, terms: Sequence[tuple[float, Loss]]) -> None:
        super().__init__(terms[0][1].model)
        self.terms = list(terms)

    def value(self, state: State, record: Any) -> float:
        m, inner = record
        return self.terms[m][0] * self.terms[m][1].value(state, inner)

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        m, inner = record
        self.terms[m][1].adjoint(state, inner, self.terms[m][0] * value_ad, state_ad)

    def records_by_step(self, simulation: Simulation) -> dict[int, list]:
        found: dict[int, list] = {}
        for m, (_, loss) in enumerate(self.terms):
            for n, inner in loss.records_by_step(simulation).items():
                found.setdefault(n, []).extend((m, record) for record in inner)
        return found

    def all_records(self) -> list:
        return [(m, record) for m, (_, loss) in enumerate(self.terms) for record in loss.all_records()]
