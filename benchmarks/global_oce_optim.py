"""MITgcm's tutorial of state estimation on `global_4deg`: `python -m benchmarks.global_oce_optim FOLDER`.

The heat flux is changed by a map that is the same in all months, so that the annual mean temperature of the first two
layers agrees with Levitus (verification/tutorial_global_oce_optim of MITgcm, and the chapter "Global Ocean State
Estimation" of its manual). FOLDER holds `global_4deg.nc` and `mitgcm_cases.nc`. The run starts in January from rest; it
has neither restoring of temperature nor fresh water, as there.

    J  = J1 + 2 J2
    J1   mean over the points of ((mean temperature of the run - Levitus)/error of the layer)^2
    J2   mean over the columns of (change of the heat flux/its error)^2

`adjoint.assimilate` minimises n/4 J, with n columns of water, in which each error has its usual meaning. An interrupted
minimisation continues from `--history FILE`, also with more `--iterations`. `--picture FILE` draws the misfits of the
surface before and after, and the change of the heat flux.

MITgcm steps its tracers by a day and its currents by half an hour (Bryan 1984), so that its currents after a year are
7.5 days old. `--accelerated` prints J1 of such a run of `global_4deg`, for a comparison with its first guess.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import cmocean
import h5py
import numpy as np

import adjoint
import ogcm
from adjoint.assimilation import Assimilated
from adjoint.controls import Controls
from adjoint.losses import ClimatologyMisfit
from adjoint.run import evaluate
from benchmarks.adjoint_runs import peak
from ogcm.constants import DAY
from ogcm.grid import interior
from ogcm.plotting import LAND, Picture

Array = np.ndarray
YEAR = 360  # days
STEPS: dict[str, Any] = {"dt": 14400.0, "integrator": "rk4"}  # a third cheaper than those of the setup
LAYERS, DEPTH = 2, 120.0  # number and depth [m] of the layers that are compared
THEIRS = {0: (6.1, 6.1, 0.0), 15: (2.7, 1.8, 0.42)}  # J, J1, J2 of MITgcm after an iteration, from its manual


class Problem:
    """The run, its loss and its control.

    Parameters
    ----------
    folder : Path
        Folder of the data.
    days : int
        Length of the run, whose mean temperature is compared.
    **numerics : float or str
        Numerical choices that replace `STEPS`.

    Attributes
    ----------
    simulation : Simulation
        The run.
    misfit : ClimatologyMisfit
        J1.
    estimate : Estimate
        The change of the heat flux.
    columns : int
        Number n of columns with water.
    """

    def __init__(self, folder: Path, days: int, **numerics: Any) -> None:
        model = ogcm.setups.SETUPS["global_4deg"](data=str(folder / "global_4deg.nc"), **(STEPS | numerics))
        forcing = Controls(model, ["rate_T", "fresh_water"])
        forcing.set_values({name: np.zeros_like(a) for name, a in forcing.values().items()})
        with h5py.File(folder / "mitgcm_cases.nc") as file:
            case = file["global_oce_optim"]
            self.levitus, errors, flux_error = (case[n][...] for n in ("T_levitus", "T_error", "heat_flux_error"))
        wet = interior(model.grid.mask_t)[0] > 0
        self.simulation = ogcm.Simulation(model, days=days)
        self.misfit = ClimatologyMisfit(
            model, "T", self.levitus, errors[:, None, None], days=np.arange(1, days + 1), z=(-DEPTH, 0)
        )
        self.estimate = adjoint.Estimate("heat_flux_mean", np.where(wet, flux_error, 1.0))
        self.columns = int(wet.sum())

    def minimise(self, iterations: int, history: str | None, memory: float) -> Assimilated:
        """Return the estimate after some iterations."""
        loss = self.columns / 4 * self.misfit
        return adjoint.assimilate(
            loss, self.simulation, [self.estimate], iterations=iterations, history=history, memory=memory
        )

    def terms(self, found: Assimilated) -> list[tuple[float, float, float]]:
        """Return J, J1 and J2 after each iteration."""
        n = self.columns
        return [(4 / n * i.cost, 4 / n * i.observations, 2 / n * i.background) for i in found.iterations]


def table(terms: list[tuple[float, float, float]], evaluations: list[int]) -> None:
    """Print J, J1 and J2 by iteration beside those of MITgcm."""
    print(f"{'iteration':>9} {'runs':>5} | {'J':>6} {'J1':>6} {'J2':>6} | MITgcm: {'J':>4} {'J1':>6} {'J2':>6}")
    for n, (ours, runs) in enumerate(zip(terms, evaluations, strict=True)):
        theirs = f" | {THEIRS[n][0]:12.1f} {THEIRS[n][1]:6.1f} {THEIRS[n][2]:6.2f}" if n in THEIRS else ""
        print(f"{n:9} {runs:5} | " + " ".join(f"{a:6.3f}" for a in ours) + theirs, flush=True)


def evaluated(problem: Problem, model: ogcm.Model) -> tuple[Array, float]:
    """Return the mean temperature of a run (nk, ny, nx) minus Levitus, 0 where it does not count, and its seconds."""
    simulation, started = ogcm.Simulation(model, days=problem.simulation.days), time.perf_counter()
    evaluate(problem.misfit, simulation)
    return problem.misfit.mean - problem.misfit.climatology, time.perf_counter() - started


def accelerated(folder: Path, days: int) -> float:
    """Return J1 of a run whose currents advance by half an hour a day, and are held while its tracers advance."""
    problem, slow = Problem(folder, days), Problem(folder, days, dt=1800.0).simulation.model
    fast, value = problem.simulation.model, 0.0
    tracers, currents = ogcm.Stepper(fast), ogcm.Stepper(slow)
    for day in range(days):
        copy_fields(fast, slow, "T", "S")
        slow.state.time = fast.state.time
        currents.step()
        for _ in range(round(DAY / fast.numerics.dt)):
            copy_fields(slow, fast, "u", "v", "eta")
            tracers.step()
        value = problem.misfit.value(fast.state, day)
    return value


def copy_fields(source: ogcm.Model, target: ogcm.Model, *names: str) -> None:
    """Copy fields of the state from one model to another."""
    for name in names:
        getattr(target.state, name)[...] = getattr(source.state, name)


def draw(path: str, problem: Problem, found: Assimilated, errors: tuple[Array, Array]) -> None:
    """Draw the heat flux and its change, and the errors of the surface temperature before and after."""
    model = problem.simulation.model
    h, wet = model.horizontal, interior(model.grid.mask_t)[0] > 0
    flux, change = found.first_guess["heat_flux_mean"], found["heat_flux_mean"] - found.first_guess["heat_flux_mean"]
    figure = Picture(12, 7)
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    heat, kelvin = "heat flux into the sea [W m-2]", "mean temperature of the first layer - Levitus [K]"
    for row, (label, size, maps) in zip(axes, ((heat, 150, (flux, change)), (kelvin, 5, errors)), strict=True):
        for ax, values, when in zip(row, maps, ("first guess", f"iteration {len(found.iterations) - 1}"), strict=True):
            surface = np.where(wet, values[0] if values.ndim == 3 else values, np.nan)
            style = {"cmap": cmocean.cm.balance, "vmin": -size, "vmax": size, "shading": "nearest"}
            image = ax.pcolormesh(h.x_t, h.y_t, surface, **style)
            ax.set(title=when, facecolor=LAND)
        figure.colorbar(image, ax=list(row), extend="both", label=label)
    axes[0, 1].set_title(f"change in {len(found.iterations) - 1} iterations")
    figure.savefig(path, dpi=100)


def main() -> None:
    """Minimise, print the table and the costs, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with global_4deg.nc and mitgcm_cases.nc")
    parser.add_argument("--days", type=int, default=YEAR, help="length of the run")
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--history", help="file with which an interrupted minimisation continues")
    parser.add_argument("--memory", type=float, default=2e9, help="memory for snapshots of the run [bytes]")
    parser.add_argument("--picture", help="file for the picture")
    parser.add_argument("--accelerated", action="store_true", help="print J1 with the currents of MITgcm, and end")
    chosen = parser.parse_args()
    if chosen.accelerated:
        print(f"J1 = {accelerated(chosen.folder, chosen.days):.3f} with currents that advance by half an hour a day")
        return
    problem, started = Problem(chosen.folder, chosen.days), time.perf_counter()
    found = problem.minimise(chosen.iterations, chosen.history, chosen.memory)
    seconds = (time.perf_counter() - started) / found.runs
    table(problem.terms(found), [i.evaluations for i in found.iterations])
    model = problem.simulation.model
    before, _ = evaluated(problem, model)
    found.apply_to(model)
    after, run = evaluated(problem, model)
    for name, error in (("first guess", before), ("estimate", after)):
        rms = [np.sqrt(np.mean(layer[layer != 0] ** 2)) for layer in error[:LAYERS]]
        print(f"{name}: rms errors of the layers " + ", ".join(f"{a:.2f} K" for a in rms))
    print(f"a run {run:.0f} s; with its gradient {seconds:.0f} s, {seconds / run:.1f} times as long; {peak():.0f} MB")
    if chosen.picture:
        draw(chosen.picture, problem, found, (before, after))


if __name__ == "__main__":
    main()
