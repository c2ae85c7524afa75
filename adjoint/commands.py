"""The commands of `ogcm` that need the adjoint. Each is `NAME_command(target, rest)`; `ogcm.cli` calls it by name."""

import sys
from pathlib import Path
from typing import Any

from ogcm.cli import DEVICE, setup_command
from ogcm.constants import DAY
from ogcm.names import beside, check_folder, check_replaceable, output_path
from ogcm.simulation import Simulation

CHECK_OPTIONS = {
    "steps": (int, "steps of the run whose gradient is checked (default 5)"),
    "controls": (str, "comma-separated controls to check (default: all of the model, its terms included)"),
    "operators": (str, "comma-separated operators to check (default: all, those of a --module included)"),
    "output": (str, "picture of the Taylor remainders (default check.png)"),
    "quiet": (bool, "no progress bar"),
} | DEVICE
COARSE = {  # resolutions that suffice to check gradients
    "double_gyre": ["--resolution", "2"],
    "channel": ["--resolution", "40"],
    "baroclinic_wave": ["--resolution", "1"],
    "lock_exchange": ["--resolution", "2000"],
    "geostrophic_adjustment": ["--cells", "40"],
}


SENSITIVITY_OPTIONS = {
    "of": (str, "transport (default) | overturning | heat_content | mean | enstrophy"),
    "to": (str, "comma-separated controls (default wind_stress, which is tau_x,tau_y)"),
    "field": (str, "field of the mean (default T)"),
    "x": (str, "NUMBER or FROM:TO, position of the quantity [degrees or m] (default: the setup's, or all)"),
    "y": (str, "NUMBER or FROM:TO [degrees or m]"),
    "z": (str, "NUMBER or FROM:TO [m], negative below the surface"),
    "days": (float, "length of the run, at whose end the quantity is evaluated [days] (default: the setup's)"),
    "memory": (float, "memory for snapshots of the run [GB] (default 1)"),
    "output": (str, "file to write, with a picture beside it (default SETUP.sensitivity.nc)"),
    "overwrite": (bool, "replace an existing output"),
    "quiet": (bool, "no progress bar"),
} | DEVICE


def check_gradients_command(target: str, rest: list[str]) -> int:
    """Run `ogcm check-gradients [SETUP|FILE.toml] [--option value ...]`; without a setup, on a rough basin with
    islands.

    Returns 1 where a check fails.
    """
    from adjoint import gradient_check as check
    from adjoint.random_ocean import rough_basin

    if not target or (target.startswith("--") and target != "--help"):
        target, rest = "rough_basin", [target, *rest] if target else rest
    rest = [*COARSE.get(target, []), *rest]
    made = setup_command("check-gradients", target, rest, CHECK_OPTIONS, {"rough_basin": rough_basin})
    if made is None:
        return 0
    model, settings = made
    steps, names, device = settings.get("steps", 5), settings.get("controls"), settings.get("device", "cpu")
    progress, output = not settings.get("quiet", False), settings.get("output", "check.png")
    simulation = Simulation(model, days=steps * model.numerics.dt / DAY, progress=progress, device=device)
    controls = check.check_controls(simulation, names and names.split(","))
    chosen = settings.get("operators")
    operators = check.check_operators(chosen and chosen.split(","), progress=progress and simulation.tile.is_first)
    wrong = [f"operator {n}" for n, error in operators.items() if not error < check.OPERATOR_TOLERANCE]
    wrong += [f"control {n}" for n, c in controls.items() if not c.passed]
    if not simulation.tile.is_first:
        return int(bool(wrong))
    print(f"{'operator':34} {'error':>8}")
    for name, error in operators.items():
        print(f"{name:34} {error:8.1e}  {verdict(error < check.OPERATOR_TOLERANCE)}")
    print(f"\n{'control':18} {'derivative':>11} {'error':>8} {'slope':>7}   of {steps} steps of {model.name}")
    for name, c in controls.items():
        slope = "linear" if c.slope != c.slope else f"{c.slope:.2f}"
        numbers = f"{c.derivative:11.3e} {c.error:8.1e} {slope:>7}" if c.influence else f"{'no influence':>28}"
        print(f"{name:18} {numbers}  {verdict(c.passed)}")
    check.draw_remainders(controls, output, f"{model.name}: gradient of {steps} steps")
    print(f"\n{output}: the Taylor remainders")
    if wrong:
        print(f"ogcm: FAIL, {len(wrong)} in all, the first: {wrong[0]}", file=sys.stderr)
    return int(bool(wrong))


def verdict(right: bool) -> str:
    """Return "ok" or "FAIL"."""
    return "ok" if right else "FAIL"


def output_of(settings: dict, default: str) -> Path:
    """The file to write. Raises FileError now where writing would fail later, or for a file in the way."""
    path = output_path(settings.get("output", default))
    check_folder(path)
    check_replaceable(path, settings.get("overwrite", False))
    return path


def sensitivity_command(target: str, rest: list[str]) -> int:
    """Run `ogcm sensitivity SETUP|FILE.toml [--option value ...]`."""
    from adjoint.sensitivity import parse_place, sensitivity
    from ogcm.plotting import plot

    made = setup_command("sensitivity", target, rest, SENSITIVITY_OPTIONS)
    if made is None:
        return 0
    model, settings = made
    output = output_of(settings, f"{model.name}.sensitivity.nc")
    chosen = {"progress": not settings.get("quiet", False), "device": settings.get("device", "cpu")}
    simulation = Simulation(model, days=settings["days"], **chosen)
    choices: dict[str, Any] = {name: settings[name] for name in ("of", "field") if name in settings}
    choices |= {axis: parse_place(axis, settings[axis]) for axis in "xyz" if axis in settings}
    names = settings.get("to", "wind_stress").split(",")
    found = sensitivity(simulation, to=names, memory=1e9 * settings.get("memory", 1.0), **choices)
    found.write(output, simulation.toml(folder=output.parent))
    picture = beside(output, ".png")

    def show() -> None:
        plot(output, picture)
        print(f"{found.title}\n{output} and {picture} written", file=sys.stderr)

    simulation.tile.on_first(show)
    return 0
