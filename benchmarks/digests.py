"""Digests of runs, gradients and trainings, to prove that a change of the code changes no bit of a result.

    python -m benchmarks.digests [--data FOLDER] > before.txt       before the change
    python -m benchmarks.digests [--data FOLDER] | diff before.txt -      after it

Each line has the name of a case, the digest of the state after a few steps, and that of the gradient of a loss with
respect to the initial state, the forcing and the parameters. The cases are all setups, the channel with each
alternative of each numerical choice (`ogcm.CHOICES`), a channel with a term of its own, an ocean with open sides under
each condition and with a tide, and a few iterations of the training of three correctors. FOLDER has the files of
observations in DATA; setups without their file are left out. Digests are comparable on one machine only, since
compilers and libraries round differently.
"""

import argparse
import hashlib
import inspect
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

import adjoint
import ogcm
from adjoint import losses
from adjoint.estimates import Estimate
from nn.corrector import Corrector
from nn.data import make_data
from nn.data_set import DataSet
from nn.preparation import prepare
from nn.trainable import Trainable
from nn.training import train
from nn.training_settings import TrainingSettings
from ogcm.constants import DAY
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.numerics import CHOICES
from ogcm.outside import CONDITIONS
from ogcm.setups import SETUPS

DATA = {
    "global_4deg": "global_4deg.nc",
    "papa": "papa_2012_2013_hourly.nc",
    "agulhas": "globcurrent_agulhas_2002_daily.nc",
    "california_current": ".",  # it reads files of several folders
}
SMALL = {
    "double_gyre": {"resolution": 2.0},
    "channel": {"resolution": 50.0},
    "baroclinic_wave": {"resolution": 1.0},
    "papa": {"columns": 3, "hours": 48},
    "agulhas": {"start": 3},
    "california_current": {"layers": 8},
}
STEPS = 8
PARAMETERS = {"nu_h": 500.0, "nu4_h": 1e12, "kappa_h": 100.0, "kappa4_h": 1e11, "drag_quadratic": 1e-3}
CONTROLS = ["u", "v", "eta", "nu_v", "drag_linear"]
CONTROLS_OF_TRACERS = ["T", "S", "kappa_v", "kappa_convective", "eos"]
CORRECTORS = {
    "column": {"features": ("velocity", "T", "eta"), "outputs": ("stress", "T_flux")},
    "local": {"features": ("velocity", "T"), "outputs": ("uv_tendency", "T_tendency"), "vertical": "local"},
    "equivariant": {"features": ("T", "eta"), "outputs": ("stress",), "equivariant": True, "stencil": "point"},
}


class Relaxation(ogcm.Term):
    """A term with one weight: temperature relaxes towards 5 degC at the rate exp(weight) per month."""

    def __init__(self) -> None:
        self.weights = np.zeros(1)

    def factor(self, model: Model) -> np.ndarray:
        """The rate times the resting thickness [m s-1]."""
        return np.exp(self.weights[0]) / (30 * DAY) * interior(model.grid.h_t)

    def add(self, model, n, fluxes, D) -> None:
        interior(D.T)[...] += self.factor(model) * (5.0 - interior(n.T))

    def add_ad(self, model, n, fluxes, D_ad, gradient) -> None:
        d, factor = interior(D_ad.T), self.factor(model)
        interior(gradient.state.T)[...] -= factor * d
        gradient.weights[...] += (factor * (5.0 - interior(n.T)) * d).sum()


def channel(**options) -> Model:
    """A coarse channel in which every process has a parameter that is not 0."""
    return ogcm.setups.channel(resolution=100.0, dt=1200.0, parameters=PARAMETERS, **options)


def with_term() -> Model:
    """The coarse channel with a term of its own."""
    model = channel()
    model.terms["relaxation"] = Relaxation()
    return model


def open_ocean(**conditions) -> Model:
    """A shelf, open on three sides, with a current and a front outside, a nudging zone and a tide."""
    grid = ogcm.cartesian(nx=14, ny=12, dx=2e4, dy=2e4, f0=1e-4)
    sides = ogcm.OpenSides(
        west=True, south=True, north=True, zone=6e4,
        u=lambda x, y, z: 0.1 * np.exp(z / 300), T=lambda x, y, z: 12 + z / 200 + x / 1e5 - y / 1e5,
        tides=ogcm.Tide(eta={"M2": (0.5, 30.0)}), **conditions,
    )  # fmt: skip
    return Model(
        grid,
        depth=lambda x, y: 1000 - 2e-3 * x,
        dz=[100.0, 300.0, 600.0],
        T=lambda x, y, z: 12 + z / 200 + np.sin(x / 5e4) * np.cos(y / 5e4),
        S=35.0,
        open_sides=sides,
        dt=600.0,
        start="2004-01-02",
        parameters={"nu_h": 100.0, "kappa_h": 20.0, "drag_quadratic": 1e-3},
    )


def cases(data: Path | None) -> Iterator[tuple[str, Callable[[], Model]]]:
    """Names and makers of the models whose runs and gradients have digests."""
    for name, setup in SETUPS.items():
        options = SMALL.get(name, {})
        if "data" in inspect.signature(setup).parameters:  # prepared oceans have no file of their own
            if data is None or name not in DATA or not (data / DATA[name]).exists():
                continue
            options = options | {"data": str(data / DATA[name])}
        yield name, partial(setup, **options)
    for choice, alternatives in CHOICES.items():
        for alternative in alternatives:
            yield f"channel {choice}={alternative}", partial(channel, **{choice: alternative})
    yield "channel freezing=True", partial(channel, freezing=True)
    yield "channel with a term", with_term
    for condition, alternatives in CONDITIONS.items():
        for alternative in alternatives:
            yield f"open sides {condition}={alternative}", partial(open_ocean, **{condition: alternative})


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """A hash of every bit of the arrays, in the order of their names."""
    whole = hashlib.sha256()
    for name in sorted(arrays):
        whole.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return whole.hexdigest()[:16]


def digests_of_run(make: Callable[[], Model]) -> tuple[str, str]:
    """Digests of the state after STEPS steps of the model, and of the gradient of a loss on it."""
    model = make()
    tracers = model.numerics.has_tracers
    controls = [*CONTROLS, *model.forcing.shapes, *model.terms, *(CONTROLS_OF_TRACERS if tracers else ())]
    loss = losses.Enstrophy(model) + losses.BoxMean(model, "T" if tracers else "eta")
    simulation = ogcm.Simulation(model, days=STEPS * model.numerics.dt / DAY, progress=False)
    result = adjoint.gradient(loss, simulation, controls)
    stepper = ogcm.Stepper(model)
    for _ in range(STEPS):
        stepper.step()
    return model.state.digest(), digest(result.gradients)


def digests_of_training(options: Mapping, folder: Path) -> tuple[str, str]:
    """Digests of the state of a corrected run after a short training, and of what the training learned."""
    path, model = folder / "data.nc", ogcm.setups.channel(resolution=100.0, dt=7200.0)
    if not path.exists():
        make_data(ogcm.setups.channel(resolution=50.0, dt=3600.0), model, path, days=40, every=1.0, progress=False)
    data = DataSet(path, model)
    model.corrector = Corrector(model, hidden=(8, 8), **options)
    prepare(model, data, data.split().train)
    trainable = Trainable(model, [Estimate("nu4_h", 1.0, logarithm=True)])
    stages = ((0, 2), (1, 2), (2, 2))
    settings = TrainingSettings(curriculum=stages, batch=2, validate_every=2, validation_windows=2, noise=0.1)
    train(trainable, data, settings, folder / "training", overwrite=True, progress=False)
    learned = digest(trainable.arrays)
    stepper = ogcm.Stepper(model)
    for _ in range(STEPS):
        stepper.step()
    return model.state.digest(), learned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the files of observations")
    data = parser.parse_args().data
    warnings.simplefilter("ignore")
    print(f"{'case':40} {'state':16} gradient or weights")
    for name, make in cases(data):
        print(f"{name:40}", *digests_of_run(make), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, options in CORRECTORS.items():
            print(f"{f'training, {name} corrector':40}", *digests_of_training(options, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
