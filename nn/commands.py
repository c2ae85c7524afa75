"""The commands of `ogcm` that need a network. Each is `NAME_command(target, rest)`; `ogcm.cli` calls it by name."""

import inspect
import sys
from pathlib import Path
from typing import Any

from nn import configuration, trained
from nn.data import make_data
from nn.evaluation import evaluate
from nn.pictures import draw_scores, draw_spectra
from nn.score_tables import table, write_csv
from nn.training import train
from ogcm.cli import DEVICE, MODULE, read_options, setup_command
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.restart import load_restart
from ogcm.setups import SETUPS
from ogcm.setups.own import find_setup

MAKE_DATA_OPTIONS = {
    "factor": (int, "cells of the fine model along a side of one of the coarse model (default 4)"),
    "days": (float, "length of the data set [days] (default: the setup's)"),
    "every": (float, "time between two records [days] (default 1)"),
    "spin_up": (float, "time before the first record [days] (default 0)"),
    "restart": (str, "restart file of the fine model to begin from"),
    "output": (str, "data set to write, with a restart beside it (default SETUP.data.nc)"),
    "overwrite": (bool, "replace an existing output"),
    "quiet": (bool, "no progress bar"),
} | DEVICE

TRAIN_OPTIONS = {
    "folder": (str, "folder of the training (default: the name of the file without .toml)"),
    "resume": (bool, "continue the training in the folder"),
    "overwrite": (bool, "replace the training in the folder"),
    "quiet": (bool, "no progress bar"),
} | DEVICE
EVALUATE_OPTIONS = {
    "folder": (str, "folder of the training, which receives the scores (default: the name of the file without .toml)"),
    "leads": (str, "comma-separated lead times [records of the data] (default 1,3,5)"),
    "starts": (int, "largest number of forecasts, evenly spaced in the test records (default 10)"),
}


def make_data_command(target: str, rest: list[str]) -> int:
    """Run `ogcm make-data SETUP|FILE.toml [--option value ...]`; the options of the setup are those of the fine
    model."""
    made = setup_command("make-data", target, rest, MAKE_DATA_OPTIONS)
    if made is None:
        return 0
    fine, settings = made
    coarse = coarse_model(fine, settings.get("factor", 4))
    if "restart" in settings:
        load_restart(settings["restart"], fine)
    output = settings.get("output", f"{fine.name}.data.nc")
    make_data(
        fine,
        coarse,
        output,
        days=settings["days"],
        every=settings.get("every", 1.0),
        spin_up=settings.get("spin_up", 0.0),
        overwrite=settings.get("overwrite", False),
        progress=not settings.get("quiet", False),
        device=settings.get("device", "cpu"),
    )
    if fine.grid.tile.is_first:
        print(f"{output} written; look at it with `ogcm info {output}`", file=sys.stderr)
    return 0


def coarse_model(fine: Model, factor: int) -> Model:
    """Return the setup of `fine` at `factor` times its resolution, with its own numerics and parameters.

    Raises InputError for a setup without a resolution, and for a model that no setup made that can be found again.
    """
    if "setup" not in fine.config:
        raise InputError(f"{fine.name}: no setup that can be found again has made it; make the coarse model in Python")
    options = fine.config["options"]
    if "resolution" not in options:
        having = [name for name, setup in SETUPS.items() if "resolution" in inspect.signature(setup).parameters]
        raise InputError(f"{fine.name}: has no resolution to make coarser; choose from {', '.join(having)}")
    if factor < 1:
        raise InputError(f"factor: must be at least 1, got {factor}")
    return find_setup(fine.config["setup"])(**options | {"resolution": factor * options["resolution"]})


def train_command(target: str, rest: list[str]) -> int:
    """Run `ogcm train FILE.toml [--option value ...]`; `pydoc nn.configuration` describes the file."""
    options = file_options("train", target, rest, TRAIN_OPTIONS)
    if options is None:
        return 0
    chosen, folder = configuration.read(target), Path(options.get("folder", Path(target).name.removesuffix(".toml")))
    model = chosen.model()
    data, parts = chosen.data(model)
    trainer = train(
        chosen.trainable(model, data, parts.train),
        data,
        chosen.settings(),
        folder,
        resume=options.get("resume", False),
        overwrite=options.get("overwrite", False),
        progress=not options.get("quiet", False),
        train=parts.train,
        validation=parts.validation,
        provenance={"configuration": chosen.text},
        device=options.get("device", "cpu"),
    )
    if model.grid.tile.is_first:
        print(f"validation loss {trainer.best:.6g} after {len(trainer.log)} iterations")
        print(f"{folder / 'best.h5'} written; `ogcm evaluate {target}` scores it", file=sys.stderr)
    return 0


def evaluate_command(target: str, rest: list[str]) -> int:
    """Run `ogcm evaluate FILE.toml [--option value ...]`: scores on the test records as a table, a file and
    pictures."""
    options = file_options("evaluate", target, rest, EVALUATE_OPTIONS)
    if options is None:
        return 0
    chosen, folder = configuration.read(target), Path(options.get("folder", Path(target).name.removesuffix(".toml")))
    words = options.get("leads", "1,3,5").split(",")
    if not all(word.strip().isdigit() for word in words):
        raise InputError(f"--leads: give whole numbers of records, such as 1,3,5, got {options['leads']!r}")
    physics, model = chosen.model(), chosen.model()
    trained.load(folder / "best.h5", model)
    data, parts = chosen.data(physics)
    models = {"physics": physics, "trained": model}
    leads, fields = [int(word) for word in words], chosen.settings().fields
    results = evaluate(models, data, parts, leads, starts=options.get("starts", 10), fields=fields)

    def report() -> None:
        print(table(results))
        write_csv(folder / "scores.csv", results)
        draw_scores(results, folder / "scores.png")
        draw_spectra(results, folder / "spectra.png")
        print(f"{folder}/scores.csv, scores.png and spectra.png written", file=sys.stderr)

    model.grid.tile.on_first(report)
    return 0


def file_options(
    command: str, target: str, rest: list[str], known: dict[str, tuple[type, str]]
) -> dict[str, Any] | None:
    """Return the options of `ogcm COMMAND FILE.toml [--option value ...]`, or None after its help."""
    if target in ("--help", "-h") or {"--help", "-h"} & set(rest):
        print(f"usage: ogcm {command} FILE.toml [--OPTION VALUE ...]\n\n{configuration.__doc__}\noptions:")
        for name, (_, text) in known.items():
            print(f"  --{name:12} {text}")
        print(f"  --{'module':12} {MODULE}")
        return None
    if not target or target.startswith("--"):
        raise InputError(f"{command}: name a TOML file; `ogcm {command} --help` shows one")
    return read_options(rest, {name: kind for name, (kind, _) in known.items()})
