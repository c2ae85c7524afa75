"""What a corrector takes from data before a training: statistics of its features, scales of its outputs."""

import numpy as np

from nn.corrector import Corrector
from nn.records import Records, evenly_spaced
from nn.statistics import floored
from ogcm.errors import InputError
from ogcm.model import Model


def prepare(model: Model, data: Records, part: range, *, records: int = 20) -> None:
    """Give the model's corrector the statistics of its features, from some records of `part`, and scales.

    The largest flux of a tracer is that of currents and anomalies as strong as their standard deviations in the layer,
    the largest stress that of the currents; a tendency is at most ten times the standard deviation of that of the data,
    an acceleration thirty times (it has the imbalance of coarse-grained states to cancel), a vertical flux what would
    change its layer by that. Scales that were given stay. Another term is prepared by a method of its own,
    `prepare(model, data, part)`, where it has one.
    """
    for term in model.terms.values():
        if isinstance(term, Corrector):
            prepare_corrector(term, model, data, part, records)
        elif hasattr(term, "prepare"):
            term.prepare(model, data, part)


def prepare_corrector(corrector: Corrector, model: Model, data: Records, part: range, records: int) -> None:
    """Statistics and scales, as `prepare` says. Raises InputError for an output whose scale the data do not suggest."""
    statistics = data.statistics(part)
    corrector.set_normalisation(model, [data.state(n) for n in evenly_spaced(part, records)])
    d, rate, h = statistics.deviation, statistics.tendency_deviation, model.dz
    speed = np.hypot(d["u"], d["v"]) if {"u", "v"} <= set(d) else np.full(len(h), 0.1)
    push = 30 * np.hypot(rate["u"], rate["v"]) if {"u", "v"} <= set(rate) else np.full(len(h), 1e-6)
    suggested = {"stress": speed**2, "stress_z": push * h, "uv_tendency": push}
    for name in ("T", "S"):
        if name in d:
            suggested |= {f"{name}_flux": speed * d[name], f"{name}_tendency": 10 * rate[name]}
            suggested[f"{name}_flux_z"] = 10 * rate[name] * h
    if "eta" in rate:
        suggested["eta_tendency"] = np.repeat(10 * rate["eta"], len(h))
    least = {name: floored(a) for name, a in suggested.items() if a.max() > 0}
    missing = [name for name in corrector.config["outputs"] if name not in least and name not in corrector.scaled]
    if missing:
        raise InputError(f"scales: {missing[0]} has none, and the data do not suggest one; give it one")
    new = {n: a for n, a in least.items() if n in corrector.config["outputs"] and n not in corrector.scaled}
    corrector.set_scales(new)
