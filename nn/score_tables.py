"""Tables of scores: printed, and as a file (CSV)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nn.scores import ALL, Scores
from ogcm import files
from ogcm.errors import InputError

COLUMNS = (
    "model",
    "field",
    "layer",
    "depth_m",
    "lead_days",
    "starts",
    "units",
    "rmse",
    "bias",
    "acc",
    "variance_ratio",
)


def chosen_leads(results: Mapping[str, Scores], leads: Sequence[float] | None) -> list[float]:
    """Return `leads` [days], or the first, middle and last. Raises InputError without results."""
    if not results:
        raise InputError("results: there are none; give the scores of at least one model")
    known = next(iter(results.values())).leads
    return list(dict.fromkeys([known[0], known[len(known) // 2], known[-1]] if leads is None else leads))


def table(results: Mapping[str, Scores], field: str = ALL, leads: Sequence[float] | None = None) -> str:
    """Return a table of RMSE and anomaly correlation over all layers, a line for each model.

    Parameters
    ----------
    results : mapping of str to Scores
        Scores by the name of the model.
    field : str, default "all"
        The field.
    leads : sequence of float, optional
        Lead times [days]; by default the first, middle and last.

    Returns
    -------
    str
        The table; a dash stands for undefined scores.

    Raises
    ------
    InputError
        For a field or lead that is not scored.
    """
    leads, width = chosen_leads(results, leads), max(map(len, (*results, "model")))
    heads = [f"{name} {lead:g} d" for name in ("RMSE", "ACC") for lead in leads]
    lines = [f"{'model':{width}}" + "".join(f"{head:>12}" for head in heads)]
    for model, scores in results.items():
        chosen = [scores.index_of(lead) for lead in leads]
        cells = [f"{a:12.4g}" for a in scores.rmse(field)[chosen, -1]]
        cells += [f"{a:12.3f}" for a in scores.acc(field)[chosen, -1]]
        lines.append(f"{model:{width}}" + "".join(f"{'-':>12}" if cell.strip() == "nan" else cell for cell in cells))
    description = next(iter(results.values())).description(field)
    return "\n".join([f"{description.long_name} [{description.units}]", *lines])


def write_csv(path: str | Path, results: Mapping[str, Scores]) -> None:
    """Write scores to a CSV file, a line for each model, field, layer and lead (`COLUMNS`).

    `units` are those of rmse and bias. `layer` counts from 0 at the surface, "all" is over all layers; `depth_m` is the
    depth of the centre of the layer. Undefined scores are nan.

    Parameters
    ----------
    path : str or Path
        The file.
    results : mapping of str to Scores
        Scores by the name of the model.

    Raises
    ------
    FileError
        Where the file cannot be written.
    """
    lines: list[Any] = [COLUMNS]
    for model, scores in results.items():
        depth = np.cumsum(scores.model.dz) - 0.5 * scores.model.dz
        for field in scores.fields:
            found = np.stack([scores.rmse(field), scores.bias(field), scores.acc(field), scores.variance_ratio(field)])
            layers, units = found.shape[-1] - 1, scores.description(field).units
            places = [(k, f"{depth[k]:g}", k) for k in range(layers)] if layers > 1 else []
            for layer, deep, k in [*places, ("all", "", layers)]:
                for n, lead in enumerate(scores.leads):
                    numbers = [f"{a:.9g}" for a in found[:, n, k]]
                    where = [model, field, layer, deep, f"{lead:g}", scores.starts[n], units]
                    lines.append([*where, *numbers])
    files.write_table(path, lines)
