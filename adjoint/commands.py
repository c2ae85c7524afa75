"""The commands of `ogcm` that need the adjoint. Each is `NAME_command(target, rest)`; `ogcm.cli` calls it by name."""

import sys
from pathlib import Path

import numpy as np

from adjoint import assimilation_output, observations
from adjoint.assimilation import Cost, Estimate, assimilate
from adjoint.controls import Controls
from adjoint.losses import BoxMean
from ogcm.cli import setup_command
from ogcm.errors import FileError, InputError
from ogcm.model import Model
from ogcm.simulation import Simulation

# Assimilation

ASSIMILATE_OPTIONS = {
    "observations": (str, "NetCDF file of observations at points (`pydoc adjoint.observations` describes it)"),
    "twin": (bool, "observe a run whose truth is drawn from the errors around the setup, and print it beside"),
    "estimate": (str, "comma-separated controls, NAME or NAME=ERROR, such as nu_h,T=0.5; without an error 1 of the "
                      "logarithm of a positive parameter, and common ones of the state and the wind"),
    "smooth": (float, "correlation length of maps [cells] (default 2)"),
    "days": (float, "length of the window [days] (default: the setup's)"),
    "iterations": (int, "at most so many (default 30)"),
    "history": (str, "file of all evaluations; the same command goes on with what is in it"),
    "restart": (str, "restart file with the state to begin from"),
    "output": (str, "NetCDF file to write, with a picture beside it (default SETUP.estimate.nc)"),
    "overwrite": (bool, "replace an existing output"),
    "quiet": (bool, "no progress bar"),
}  # fmt: skip
ERRORS = {"u": 0.05, "v": 0.05, "eta": 0.05, "T": 0.5, "S": 0.1, "tau_x": 0.05, "tau_y": 0.05}
NOISE = {"u": 0.01, "v": 0.01, "eta": 0.01, "T": 0.05, "S": 0.01}  # of what a twin experiment observes


def assimilate_command(target: str, rest: list[str]) -> int:
    """`ogcm assimilate SETUP --observations FILE | --twin --estimate NAME,... [--option value ...]`."""
    made = setup_command("assimilate", target, rest, ASSIMILATE_OPTIONS)
    if made is None:
        return 0
    model, settings = made
    output = Path(settings.get("output", f"{model.name}.estimate.nc"))
    if output.exists() and not settings.get("overwrite"):
        raise FileError(f"{output}: exists; choose another name or pass --overwrite")
    if ("observations" in settings) == settings.get("twin", False):
        raise InputError("observations, twin: give --observations FILE or --twin")
    if "estimate" not in settings:
        raise InputError("estimate: name what is to be estimated, for example --estimate nu_h,T=0.5")
    progress = not settings.get("quiet", False)
    simulation = Simulation(model, days=settings["days"], restart=settings.get("restart"), progress=progress)
    estimates = [estimate(word, model, settings.get("smooth", 2.0)) for word in settings["estimate"].split(",")]
    truth = None
    if "observations" in settings:
        seen = observations.read(settings["observations"], model)
    else:
        truth, seen = twin(simulation, estimates)
    iterations, history = settings.get("iterations", 30), settings.get("history")
    loss = observations.misfit(seen, model)
    found = assimilate(loss, simulation, estimates, iterations=iterations, history=history)
    assimilation_output.save(output, found, truth)
    picture = output.with_suffix(".png")
    assimilation_output.draw(picture, found, truth)
    print(assimilation_output.table(found, truth))
    first, last = found.iterations[0], found.iterations[-1]
    number = sum(len(points.values) for points in seen)
    print(f"J from {first.cost:.6g} to {last.cost:.6g} in {found.runs} runs, of {number} observations")
    print(f"{output} and {picture} written", file=sys.stderr)
    return 0


def estimate(word: str, model: Model, smooth: float) -> Estimate:
    """NAME or NAME=ERROR of the command line; a positive parameter is estimated by its logarithm."""
    name, _, given = word.strip().partition("=")
    control = Controls(model, name).controls[name]
    logarithm = control.kind == "parameter" and name != "eos" and bool((control.values(model) > 0).all())
    default = 1.0 if logarithm else ERRORS.get(name)
    if not given and default is None:
        raise InputError(f"estimate: give the error of {name} in its units, for example {name}=0.1")
    try:
        error = float(given) if given else default
    except ValueError:
        raise InputError(f"estimate: {word!r} is not NAME=ERROR; give a number") from None
    return Estimate(name, error, logarithm=logarithm, smooth=smooth if len(control.shape) >= 2 else 0.0)


def twin(simulation: Simulation, estimates: list[Estimate]) -> tuple[dict[str, np.ndarray], list]:
    """A truth drawn from the errors around what the model holds, and what is seen of it four times in the run."""
    fields = list(NOISE)[: 5 if simulation.model.numerics.has_tracers else 3]
    cost = Cost(BoxMean(simulation.model, "eta"), simulation, estimates)
    truth = cost.values(np.random.default_rng(0).normal(size=cost.counts.size))
    cost.controls.put(truth)
    days = simulation.days * np.array([0.25, 0.5, 0.75, 1.0])
    return truth, observations.synthetic(cost.simulation, {name: NOISE[name] for name in fields}, days=days, every=2)
