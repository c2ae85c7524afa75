"""The files of a training: last.h5, from which it continues bit for bit, log.csv and curves.png."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nn.pictures import draw_training
from ogcm import files
from ogcm.errors import FileError

if TYPE_CHECKING:
    from nn.training import Trainer

FORMAT = "ogcm training 1"
NAMES = ("last.h5", "best.h5", "log.csv", "curves.png")


class Iteration(NamedTuple):
    """A line of the log; the validation loss is nan where none was computed."""

    iteration: int
    records: int
    loss: float
    gradient: float
    rate: float
    validation: float
    seconds: float


def write_training(trainer: "Trainer") -> None:
    """Write last.h5, log.csv and curves.png of a training. Raises FileError where they cannot be written."""
    with files.write_hdf5(trainer.folder / "last.h5", "the state of the training") as f:
        f.attrs.update(format=FORMAT, settings=json.dumps(asdict(trainer.settings)), best=trainer.best)
        f.attrs.update(waited=trainer.waited, skipped=trainer.skipped)
        f.attrs["generator"] = json.dumps(trainer.rng.bit_generator.state)
        f["log"] = np.array(trainer.log, float)
        for name, a in trainer.trainable.arrays.items():
            f[f"learned/{name}"] = a
        trainer.optimizer.save(f.create_group("optimizer"))
    files.write_table(trainer.folder / "log.csv", [Iteration._fields, *trainer.log], "the log")
    draw_training(trainer.log, trainer.folder / "curves.png")


def resume_training(trainer: "Trainer") -> None:
    """Continue from last.h5, bit for bit. Raises FileError where it is missing, damaged or has other settings."""
    generator, trainer.best, trainer.waited, trainer.skipped, log = trainer.tile.on_first(
        lambda: read_training(trainer)
    )
    trainer.rng.bit_generator.state = generator
    trainer.log = [Iteration(int(n), int(m), *rest) for n, m, *rest in log]
    trainer.trainable.update_model()


def read_training(trainer: "Trainer") -> tuple[dict, float, int, int, list]:
    """Read weights, parameters and optimizer from last.h5, in the first process.

    Returns the state of the random generator, the best loss, the numbers of waited and skipped iterations, and the log.
    """
    path, arrays = trainer.folder / "last.h5", trainer.trainable.arrays
    remedy = "resume from a copy of it, or begin anew in another folder"
    with files.read_hdf5(path, FORMAT, "the state of a training of ogcm", remedy) as f:
        if f.attrs["settings"] != json.dumps(asdict(trainer.settings)):
            raise FileError(f"{path}: was made with other settings; use those, or begin in another folder")
        learned = {name: f[f"learned/{name}"][()] for name in arrays}
        for name, a in learned.items():
            if not np.isfinite(a).all():
                raise FileError(f"{path}: learned/{name} holds numbers that are not finite; {remedy}")
        log, generator = f["log"][()].tolist(), json.loads(f.attrs["generator"])
        best, waited, skipped = float(f.attrs["best"]), int(f.attrs["waited"]), int(f.attrs["skipped"])
        trainer.optimizer = trainer.new_optimizer(len(log))
        trainer.optimizer.load(f["optimizer"], arrays)
        for name, a in learned.items():
            arrays[name][...] = a
    return generator, best, waited, skipped, log
