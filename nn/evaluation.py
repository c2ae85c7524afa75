"""Forecasts of held-out records, and their scores beside those of persistence and climatology.

    results = evaluate({"physics": physics, "trained": model}, data, parts, leads=[1, 3, 5])
    print(table(results))

Every model starts from the same records of the test part; persistence keeps the initial state, climatology is the mean
of the training part. `nn.scores` defines the scores.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from nn.records import Records, Splits, evenly_spaced
from nn.scores import Scores
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.state import State
from ogcm.stepper import Stepper


def evaluate(
    models: Mapping[str, Model],
    data: Records,
    parts: Splits,
    leads: Sequence[int],
    *,
    starts: int = 10,
    fields: Sequence[str] | None = None,
) -> dict[str, Scores]:
    """Return scores of forecasts by persistence, climatology and some models.

    Parameters
    ----------
    models : mapping of str to Model
        The models by name.
    data : Records
        The data.
    parts : Splits
        Scales and climatology are those of the training part; forecasts start in the test part.
    leads : sequence of int
        Lead times [records], rising.
    starts : int, default 10
        Largest number of forecasts, evenly spaced in the test part.
    fields : sequence of str, optional
        Fields that are scored; by default all that vary.

    Returns
    -------
    dict of str to Scores
        Scores by the name of the model, and of "persistence" and "climatology".

    Raises
    ------
    InputError
        For leads that are not positive and rising or longer than the test part, and for fields without data.
    """
    if not leads or list(leads) != sorted(set(leads)) or leads[0] < 1:
        raise InputError(f"leads: give rising numbers of records, from 1, got {list(leads)}")
    chosen = evenly_spaced(data.windows(parts.test, max(leads)), starts)
    scales, mean = data.scales(parts.train), data.climatology(parts.train)
    fields = tuple(scales) if fields is None else fields
    if missing := [name for name in fields if name not in scales]:
        raise InputError(
            f"fields: {missing[0]} does not vary in {data.path}, or is not in it; choose from {', '.join(scales)}"
        )
    scales = {name: scales[name] for name in fields}
    climatology = {name: interior(getattr(mean, name)) for name in scales}
    days = [lead * data.interval / DAY for lead in leads]
    results = {name: Scores(data.model, climatology, days, scales) for name in ("persistence", "climatology", *models)}
    steppers = {name: Stepper(model) for name, model in models.items()}
    for start in chosen:
        truths = [data.truth(start, lead) for lead in leads]
        for name, scores in results.items():
            if name in models:
                forecasts = forecast_states(steppers[name], data, start, leads)
            else:
                forecasts = [mean if name == "climatology" else data.truth(start, 0)] * len(leads)
            for n, (forecast, truth) in enumerate(zip(forecasts, truths, strict=True)):
                scores.add(n, forecast, truth)
    return results


def forecast_states(stepper: Stepper, data: Records, start: int, leads: Sequence[int]) -> list[State]:
    """Return the states of a model at the leads after the record `start`; after a blow-up they are not finite."""
    model, states, steps = stepper.model, [], 0
    data.initialize(model, start)
    with np.errstate(all="ignore"):
        for lead in leads:
            while steps < round(lead * data.interval / model.numerics.dt):
                stepper.step()
                steps += 1
            states.append(data.complete_forecast(model.state.copy(), start, lead))
    return states
