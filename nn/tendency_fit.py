"""Fit of the tendencies that the physics lacks at single instants, as the first stage of a training.

    R = (x^{n+1} - x^n)/interval - [step(x^n) - x^n]/dt        x^n, x^{n+1} records, step that of the physics alone
    loss = mean over fields and space of [(D - R)/s]^2          D the tendency of the terms that are trained, at x^n
                                                                s the standard deviation of the tendencies of the data

One evaluation of the network replaces all steps of a window, forward and backward, so that hundreds of such iterations
cost as much as one with a window of a week. Most of R is the imbalance of a coarse-grained state, which would radiate
away as waves within a day. A network that is fitted in this way may drift or blow up in a run, since the fit ignores
feedbacks (an a-priori fit): it is the initial state of a training through the stepper, not its result.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from adjoint.controls import Controls
from adjoint.state import Gradient
from nn.losses import Forecast
from nn.records import Records
from nn.statistics import floored
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.state import State, Tendencies
from ogcm.stepper import Stepper
from ogcm.terms import weights_of

Array = np.ndarray


class TendencyFit:
    """The loss of single records and its gradient with respect to the weights of the terms of a model.

    Parameters
    ----------
    model : Model
        The model with its terms.
    data : Records
        The data.
    fields : sequence of str
        Fields that count in the loss.
    weights : mapping of str to float
        Weights of the fields in their mean (default 1).
    deviation : mapping of str to ndarray, shape (nk,)
        Standard deviation of the tendencies of each field by layer [units s-1].
    """

    def __init__(
        self,
        model: Model,
        data: Records,
        fields: Sequence[str],
        weights: Mapping[str, float],
        deviation: Mapping[str, Array],
    ) -> None:
        self.model, self.data, self.learning = model, data, list(weights_of(model.terms))
        self.controls = Controls(model, self.learning).controls
        self.stepper = Stepper(model, without=self.learning)
        # The surface follows the currents, but for a model without dynamics.
        self.fields = [name for name in fields if name != "eta" or model.numerics.dynamics == "none"]
        self.weights = {name: weights.get(name, 1.0) for name in self.fields}
        self.scales = {name: floored(deviation[name]) for name in self.fields}
        self.thickness = np.where(model.grid.h_t > 0, model.grid.h_t, 1)  # the tendencies of tracers are times it

    def __call__(self, start: int) -> tuple[float, dict[str, Array]]:
        """Return the loss at the record `start`, and its gradient with respect to the weights (n,) of each term."""
        model, loss = self.model, self.loss(start)
        rates, rates_ad = self.rates(model), model.state.like()
        for record in loss.all_records():
            loss.adjoint(rates, record, 1.0, rates_ad)
        for name in model.tracers:
            getattr(rates_ad, name)[...] /= self.thickness
        D_ad, gradient = Tendencies(**rates_ad.arrays()), Gradient.zeros(model)
        exchange(model.grid, *D_ad)
        fluxes = model.forcing.at(model.state.time)
        for name in self.learning:
            model.terms[name].add_ad(model, model.state, fluxes, D_ad, gradient.of(name))
        weights_ad = {name: c.collect(gradient.weights[name], model.grid) for name, c in self.controls.items()}
        return sum(loss.value(rates, record) for record in loss.all_records()), weights_ad

    def rates(self, model: Model) -> State:
        """Return the tendencies by the terms of a model.

        Parameters
        ----------
        model : Model
            A model like that of the data.

        Returns
        -------
        State
            The tendencies [units s-1] as the fields of a state.
        """
        rates = model.state.like()
        D = Tendencies(**rates.arrays())
        fluxes = model.forcing.at(model.state.time)
        for name in self.learning:
            model.terms[name].add(model, model.state, fluxes, D)
        for name in model.tracers:
            getattr(rates, name)[...] /= self.thickness
        return rates

    def loss(self, start: int) -> Forecast:
        """Return the loss of the tendencies at a record, to which the model is set.

        Parameters
        ----------
        start : int
            The record.

        Returns
        -------
        Forecast
            The loss as a function of the tendencies.
        """
        model, dt, interval = self.model, self.model.numerics.dt, self.data.interval
        self.data.initialize(model, start)
        n = end = model.state
        if model.numerics.dynamics != "none":  # else there is no physics
            n.prepare(model.grid)
            end = self.stepper.advance(n)
        truth, lacking = self.data.targets(start, 1), {}
        for name in self.fields:
            x, stepped = interior(getattr(n, name)), interior(getattr(end, name))
            lacking[name] = (truth[name][0] - x) / interval - (stepped - x) / dt
        return Forecast(model, lacking, days=0.0, scales=self.scales, weights=self.weights)
