"""The command `ogcm run`, with its ensembles and further outputs. Each is `NAME_command(target, rest)`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ogcm.cli import RUN_OPTIONS, setup_command
from ogcm.config import check_type
from ogcm.ensemble import run_ensemble
from ogcm.errors import InputError, suggestion
from ogcm.model import Model
from ogcm.run_files import written_paths
from ogcm.simulation import Simulation
from ogcm.writers import NetCDFWriter, file_writer

OUTPUT_OPTIONS: dict[str, Any] = {
    "file": str,
    "every": float,
    "variables": list[str],
    "means": bool,
    "output_precision": str,
}


def run_command(target: str, rest: list[str]) -> int:
    """Run `ogcm run SETUP|FILE.toml [--option value ...]`."""
    made = setup_command("run", target, rest, RUN_OPTIONS)
    if made is None:
        return 0
    model, settings = made
    if isinstance(settings.get("variables"), str):
        settings["variables"] = settings["variables"].split(",")
    if isinstance(settings.get("perturb"), str):
        settings["perturb"] = read_sizes(settings["perturb"])
    settings.setdefault("output", default_output(model))
    settings["progress"] = not settings.pop("quiet", False)
    settings["writers"] = make_writers(target, settings.pop("outputs", {})) or None
    if "members" in settings:
        written = run_ensemble(model, perturb=settings.pop("perturb", {}), **settings)
    else:
        simulation = Simulation(model, **settings)
        simulation.run()
        written = written_paths(simulation)
    if model.grid.tile.is_first:
        files = ", ".join(map(str, written))
        print(f"{files} written; draw it with `ogcm plot {written[0]}`", file=sys.stderr)
    return 0


def default_output(model: Model) -> str:
    """Return the name of the model with .nc, or with .run.nc where the model was made from a file of that name."""
    name, data = f"{model.name}.nc", model.config.get("options", {}).get("data")
    return f"{model.name}.run.nc" if data is not None and Path(data).resolve() == Path(name).resolve() else name


def read_sizes(text: str) -> dict[str, float]:
    """Return the sizes in a text such as "T=0.01,S=0.001" by name."""
    words = [word.strip().partition("=") for word in text.split(",")]
    try:
        return {name: float(size) for name, _, size in words}
    except ValueError:
        raise InputError(f"--perturb: needs FIELD=SIZE, such as T=0.01,S=0.001, got {text!r}") from None


def make_writers(source: str, outputs: Mapping[str, Any]) -> dict[str, NetCDFWriter]:
    """Return the writers of the tables [run.outputs.NAME] of a configuration by name."""
    writers = {}
    for name, entries in outputs.items():
        where = f"[run.outputs.{name}]"
        if not isinstance(entries, dict) or "file" not in entries:
            raise InputError(f"{source}: {where} needs the name of a file, as in file = 'surface.nc'")
        for option, value in entries.items():
            if option not in OUTPUT_OPTIONS:
                raise InputError(f"{source}: unknown {option!r} in {where}: {suggestion(option, OUTPUT_OPTIONS)}")
            check_type(f"{source}: {option} in {where}", value, OUTPUT_OPTIONS[option])
        options = {"precision" if o == "output_precision" else o: v for o, v in entries.items() if o != "file"}
        writers[name] = file_writer(entries["file"], **options)
    return writers
