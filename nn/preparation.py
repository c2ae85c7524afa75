"""Preparation of a training: statistics of the features and scales of the outputs of a corrector, from data."""

import numpy as np

from nn.corrector import Corrector
from nn.records import Records, evenly_spaced
from nn.statistics import floored
from ogcm.errors import InputError
from ogcm.model import Model


def prepare(model: Model, data: Records, part: range, *, records: int = 20) -> None:
    """Set the statistics of the features and the scales of the outputs of a model's corrector from data.

    With standard deviations of the data in each layer, the largest tracer flux is that of a velocity and an anomaly of
    one standard deviation, the largest stress that of two velocities. A tendency is at most ten times the standard
    deviation of the tendencies of the data, an acceleration thirty times (it must cancel the imbalance of
    coarse-grained states), and a vertical flux is what changes its layer by as much. Scales that were given stay. Other
    terms are prepared by a method `prepare(model, data, part)` of their own, where they have one.

    Parameters
    ----------
    model : Model
        The model with its terms.
    data : Records
        The data.
    part : range
        Records of the training part.
    records : int, default 20
        Number of records from which the statistics of the features are taken.

    Raises
    ------
    InputError
        For an output that has no scale and for which the data do not suggest one.
    """
    for term in model.terms.values():
        if isinstance(term, Corrector):
            prepare_corrector(term, model, data, part, records)
        elif hasattr(term, "prepare"):
            term.prepare(model, data, part)


def prepare_corrector(corrector: Corrector, model: Model, data: Records, part: range, records: int) -> None:
    """Set statistics and scales of a corrector as `prepare` describes."""
    statistics = data.statistics(part)
    corrector.set_normalisation(model, [data.state(n) for n in evenly_spaced(part, records)])
    d, rate, h = statistics.deviation, statistics.tendency_deviation, model.dz
    speed = np.hypot(d["u"], d["v"]) if {"u", "v"} <= set(d) else np.full(len(h), 0.1)
    push = 30 * np.hypot(rate["u"], rate["v"]) if {"u", "v"} <= set(rate) else np.full(len(h), 1e-6)
    suggested = {"stress": speed**2, "stress_z": push * h, "uv_tendency": push}
    for name in model.tracers:
        if name in d:
            suggested |= {f"{name}_flux": speed * d[name], f"{name}_tendency": 10 * rate[name]}
            suggested[f"{name}_flux_z"] = 10 * rate[name] * h
    if "eta" in rate:
        suggested["eta_tendency"] = np.repeat(10 * rate["eta"], len(h))
    least = {name: floored(a) for name, a in suggested.items() if a.max() > 0}
    missing = [name for name in corrector.config["outputs"] if name not in least and name not in corrector.scaled]
    if missing:
        raise InputError(f"scales: none is given for {missing[0]}, and the data do not suggest one; give one")
    new = {n: a for n, a in least.items() if n in corrector.config["outputs"] and n not in corrector.scaled}
    corrector.set_scales(new)
