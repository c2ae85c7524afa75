"""A data set of coarse states and a training on it, for any number of processes.

    python -m tests.tiles.training FOLDER DATA [stop | resume]

writes DATA where it is missing, trains a corrector and parameters into FOLDER in eight iterations, or stops after six
of them, and scores forecasts.
"""

import sys
import warnings
from pathlib import Path

import numpy as np

import ogcm
from adjoint.estimates import Estimate
from nn.corrector import Corrector
from nn.data import make_data
from nn.data_set import DataSet
from nn.evaluation import evaluate
from nn.preparation import prepare
from nn.score_tables import write_csv
from nn.trainable import Trainable
from nn.training import Trainer, train
from nn.training_settings import TrainingSettings


def ocean(resolution: float, dt: float) -> ogcm.Model:
    """A channel with a map of viscosity."""
    model = ogcm.setups.channel(resolution=resolution, dt=dt)
    if resolution == 100:
        nu4_h = model.parameters["nu4_h"].max() * np.random.default_rng(3).uniform(0.5, 1, model.grid.tile.shape)
        model = ogcm.setups.channel(resolution=resolution, dt=dt, parameters={"nu4_h": nu4_h})
    return model


def main() -> None:
    """Make the data where they are missing, and train."""
    warnings.simplefilter("ignore")
    folder, path, *words = sys.argv[1:]
    coarse = ocean(100.0, 7200.0)
    if not coarse.grid.tile.tell(Path(path).exists()):
        make_data(ocean(50.0, 3600.0), coarse, path, days=10, every=1, spin_up=2, progress=False)
        coarse = ocean(100.0, 7200.0)
    data = DataSet(path, coarse)
    chosen = {"features": ("velocity", "T", "eta", "place"), "outputs": ("stress", "T_flux", "T_flux_z")}
    coarse.corrector = Corrector(coarse, **chosen, hidden=(8,), stencil="cross")
    prepare(coarse, data, range(0, 7), records=3)
    estimates = [
        Estimate("nu4_h", 0.5, logarithm=True, length=1.5e5), Estimate("kappa_v", 1.0, logarithm=True),
        Estimate("drag_linear", 1.0, logarithm=True),
    ]  # fmt: skip
    settings = TrainingSettings(
        curriculum=((0, 2), (1, 2), (2, 4)), batch=2, rate=0.1, warm_up=1, noise=0.1, prior=1e-3, conservation=0.1,
        spectrum=0.1, validate_every=2, validation_windows=2, clip=0.1,
    )  # fmt: skip
    options = {"resume": "resume" in words, "train": range(0, 7), "validation": range(7, 11)}
    if "stop" in words:
        iterate = Trainer.iterate
        Trainer.iterate = lambda trainer: iterate(trainer) if len(trainer.log) < 6 else sys.exit()
    train(Trainable(coarse, estimates), data, settings, folder, progress=False, **options)
    models, parts = {"trained": coarse, "physics": ocean(100.0, 7200.0)}, data.split(0.5, 0.2, 0.3)
    scores = evaluate(models, data, parts, [1, 2])
    if coarse.grid.tile.is_first:
        write_csv(f"{folder}/scores.csv", scores)
        np.savetxt(f"{folder}/spectra.csv", np.concatenate(scores["trained"].spectra()))


if __name__ == "__main__":
    main()
