"""The record of a model in files: all numerical choices, parameters and terms, and how it can be made again.

A model that a setup made can be made again from the name and the options of the setup, unless its state, forcing,
parameters, grid or terms were changed afterwards. Therefore the setup stores digests of them, the `marks` of the model,
with which the model is compared when it runs.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ogcm import config
from ogcm.device import to_host
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.stream import ReadAhead
from ogcm.tides import TidalSeries

Array = np.ndarray
FEW = 16  # largest number of weights of a term that are recorded one by one
FILES = ("trained", "estimate")  # entries of [setup] that are files from which a model takes something
TIMES = (0.0, 12345.0)  # [s] at which forcing that is a function of time is compared


def digest(*items: Array | str) -> str:
    """Return a hash of arrays and texts."""
    whole = hashlib.sha256()
    for item in items:
        text = item if isinstance(item, str) else f"{np.shape(item)} {np.asarray(to_host(item)).dtype}"
        whole.update(text.encode() + (b"" if isinstance(item, str) else np.ascontiguousarray(to_host(item)).tobytes()))
    return whole.hexdigest()[:16]


# Values that were used


def parameter_summary(model: Model, name: str) -> float | list[float] | dict[str, object]:
    """Return the present value of a parameter: a number if it is uniform over water, `eos` as a list of numbers.

    A map or field is represented by its shape (layers, rows, columns), its minimum, mean and maximum over water, and a
    digest; they are those of the whole ocean, for which all processes must call this.
    """
    values = to_host(model.parameters[name])
    if name == "eos":
        return values.tolist()
    tile, values, mask = model.grid.tile, interior(values), interior(to_host(model.grid.mask_t)) > 0
    wet = mask if len(values) == len(mask) else mask.any(axis=0, keepdims=True)
    least = -tile.largest(float(np.max(-values, where=wet, initial=-np.inf)))
    most = tile.largest(float(np.max(values, where=wet, initial=-np.inf)))
    if least == most:
        return most
    water = np.where(wet, values, 0)
    points = tile.total(wet.sum(axis=0, dtype=float))
    return {
        "shape": [len(values), *tile.shape], "minimum": least,
        "mean": tile.total(water.sum(axis=0, dtype=float)) / points, "maximum": most, "digest": tile.digest([water]),
    }  # fmt: skip


def parameter_summaries(model: Model) -> dict[str, object]:
    """Return the present values of all parameters; see `parameter_summary`."""
    return {name: parameter_summary(model, name) for name in model.parameters}


def term_summaries(model: Model) -> dict[str, dict]:
    """Return the class and the weights of each term: at most FEW weights as a list, more as statistics and a digest."""
    found: dict[str, dict] = {}
    for name, term in model.terms.items():
        weights = np.ravel(to_host(getattr(term, "weights", np.zeros(0))))
        found[name] = {"class": f"{type(term).__module__}:{type(term).__qualname__}"}
        if len(weights) <= FEW:
            found[name]["weights"] = weights.tolist()
        else:
            found[name]["weights"] = {
                "number": len(weights), "minimum": float(weights.min()), "mean": float(weights.mean(dtype=float)),
                "maximum": float(weights.max()), "digest": digest(weights),
            }  # fmt: skip
    return found


def model_attributes(model: Model) -> dict[str, str]:
    """Return the attributes `numerics`, `parameters`, `tracer_advection` and `terms` of a file, as JSON."""
    return {
        "numerics": json.dumps(model.options()),
        "parameters": json.dumps(parameter_summaries(model)),
        "tracer_advection": json.dumps({name: model.advection(name) for name in model.tracers}),
        "terms": json.dumps(term_summaries(model)),
    }


# How to make it again


def state_mark(model: Model) -> str:
    """Return a digest of the state over the interior of the tile, with its time and step."""
    state = model.state
    return digest(*map(interior, state.all_arrays()), f"{state.time!r} {state.step}")


def forcing_mark(model: Model) -> str:
    """Return a digest of all forcing; functions of time are evaluated at two times."""
    forcing = model.forcing
    items: list[Any] = [*forcing.computed, *forcing.atmosphere.choices()] if forcing.atmosphere else []
    for name, a in sorted(forcing.steady.items()):
        items += [name, a]
    for name, series in sorted(forcing.series.items()):
        values = series.values.mark if isinstance(series.values, ReadAhead) else series.values
        items += [name, values, np.asarray(series.times, float), repr(series.period)]
        items += [*series.constituents] if isinstance(series, TidalSeries) else []
    for name, function in sorted(forcing.functions.items()):
        items += [name, *(function(t) for t in TIMES)]
    return digest(*items)


def marks(model: Model) -> dict[str, str]:
    """Return digests of everything that makes the model, in the tile of this process.

    They are those of state, forcing, grid and numerics, and of each parameter and term by its name.
    """
    found = {
        "state": state_mark(model),
        "forcing": forcing_mark(model),
        "grid": digest(*map(np.asarray, model.grid)),
        "numerics": digest(repr(model.options())),
    }
    for name, term in model.terms.items():
        found[name] = digest(type(term).__qualname__, getattr(term, "weights", ""))
    return found | {name: digest(a) for name, a in model.parameters.items()}


def note_tracers(model: Model, names: str) -> None:
    """Note that the model, as its setup made it, was given the registered tracers `names`."""
    model.config["tracers"] = names
    model.marks = marks(model)


def note_terms(model: Model, names: str) -> None:
    """Note that the model was given the registered terms `names`."""
    model.config["terms"], now = names, marks(model)
    model.marks |= {name: now[name] for name in model.terms}


def note_file(model: Model, entry: str, path: str, names: Iterable[str]) -> None:
    """Note that the model has `names` of its marks from the file `path`, an entry of [setup] such as "trained"."""
    if entry in model.config:
        return  # the model needs more than that one file, which its marks will show
    model.config[entry] = path
    now = marks(model)
    model.marks |= {name: now[name] for name in names} if model.marks else {}


def config_in(folder: str | Path, model: Model) -> dict:
    """Return `model.config` for a file in `folder`: the path of the file of a setup is relative to it."""
    file, _, name = model.config.get("setup", "").rpartition(":")
    if not file:
        return model.config
    relative = Path(os.path.relpath(file, Path(folder).resolve())).as_posix()
    return model.config | {"setup": f"{relative}:{name}"}


def toml(model: Model, run: Mapping[str, object], start: str | None = None, folder: str | Path = ".") -> str:
    """Return the TOML of a run: a configuration that repeats it, or a record that says why it cannot be repeated.

    Parameters
    ----------
    model : Model
        The model at the start of the run.
    run : mapping of str to object
        The table [run].
    start : str, optional
        The mark of the state (`state_mark`), if the run starts from a restart.
    folder : str or Path, optional
        Folder of the file, to which the path of the file of a setup is relative; default the working directory.

    Returns
    -------
    str
        The text of the file.
    """
    made = config_in(folder, model)
    if "setup" not in made:
        return config.record_toml("the model was built in Python", tables(model, run), term_summaries(model))
    now, before = marks(model), model.marks | ({"state": start} if start else {})
    changed = [name for name in before | now if model.grid.tile.any(before.get(name) != now.get(name))]
    new = {name: parameter_summary(model, name) for name in changed if name in model.parameters}
    lasting = [name for name in changed if isinstance(new.get(name, {}), dict) or any(entry in made for entry in FILES)]
    if lasting:
        reason = f"{', '.join(lasting)} of the model changed after the setup {model.name} had made it"
        return config.record_toml(reason, tables(model, run), term_summaries(model))
    setup = {"name": made["setup"], "digest": made.get("digest"), **made["options"]}
    setup |= {name: made.get(name) for name in ("tracers", "terms", *FILES)}
    own = [name for name, term in model.terms.items() if type(term).__module__ != "nn.corrector"]
    header = config.HEADER + (f"\n# --module must name what registers the terms {', '.join(own)}." if own else "")
    try:
        return config.to_toml(
            {"setup": setup, "parameters": made["parameters"] | new, "numerics": made["numerics"], "run": run}, header
        )
    except InputError as error:
        return config.record_toml(str(error), tables(model, run), term_summaries(model))


def tables(model: Model, run: Mapping[str, object]) -> dict[str, Mapping]:
    """Return the tables of a record: all numerical choices, all parameters, the settings of the run."""
    return {"numerics": model.options(), "parameters": parameter_summaries(model), "run": run}
