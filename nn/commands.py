"""The commands of `ogcm` that need a network. Each is `NAME_command(target, rest)`; `ogcm.cli` calls it by name."""

import inspect
import sys

from nn.data import make_data
from ogcm import io
from ogcm.cli import setup_command
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.setups import SETUPS

MAKE_DATA_OPTIONS = {
    "factor": (int, "cells of the fine model along a side of one of the coarse model (default 4)"),
    "days": (float, "length of the data set [days] (default: the setup's)"),
    "every": (float, "time between two records [days] (default 1)"),
    "spin_up": (float, "time before the first record [days] (default 0)"),
    "restart": (str, "restart file of the fine model to begin from"),
    "output": (str, "data set to write, with a restart beside it (default SETUP.data.nc)"),
    "overwrite": (bool, "replace an existing output"),
    "quiet": (bool, "no progress bar"),
}


def make_data_command(target: str, rest: list[str]) -> int:
    """`ogcm make-data SETUP|FILE.toml [--option value ...]`; the options of the setup make the fine model."""
    made = setup_command("make-data", target, rest, MAKE_DATA_OPTIONS)
    if made is None:
        return 0
    fine, settings = made
    coarse = coarse_model(fine, settings.get("factor", 4))
    if "restart" in settings:
        io.load_restart(settings["restart"], fine)
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
    )
    print(f"{output} written; look at it with `ogcm info {output}`", file=sys.stderr)
    return 0


def coarse_model(fine: Model, factor: int) -> Model:
    """The setup of `fine` at `factor` times its resolution, with numerics and parameters of its own.

    Raises InputError for a setup without a resolution.
    """
    options = fine.config["options"]
    if "resolution" not in options:
        having = [name for name, setup in SETUPS.items() if "resolution" in inspect.signature(setup).parameters]
        raise InputError(f"{fine.name}: has no resolution to make coarser; choose from {', '.join(having)}")
    if factor < 1:
        raise InputError(f"factor: must be at least 1, got {factor}")
    return SETUPS[fine.name](**options | {"resolution": factor * options["resolution"]})
