"""Whether an assimilation errs as much as it states: `python -m benchmarks.twin CASE.toml [--option value ...]`.

CASE.toml is a configuration of `ogcm assimilate`, such as benchmarks/california_current.toml. A truth is drawn from the
errors of the first guess, U z with random z, and observed where and when the real observations of the case are, with
their errors. The error of the estimate is then known. For each control the table has

    before, after   rms error of the first guess and of the estimate [units of the control]
    stated          rms of the standard deviations that the assimilation states for the estimate
    normalised      rms of error over standard deviation: 1 if these are right
    observed        the same where the stated variance is below 0.8 of that of the first guess
    share           part of the points where it is

Options are those of the setup, and --data, --folder, --method, --outer, --iterations, --days, --seed.
"""

import sys
from pathlib import Path

import numpy as np

from adjoint.assimilate_command import with_options
from adjoint.assimilation import assimilate
from adjoint.assimilation_case import Case
from adjoint.cost import Cost
from adjoint.lanczos import RitzPairs
from adjoint.losses import BoxMean
from adjoint.observations import misfit, quality_control, resampled
from ogcm.cli import setup_command
from ogcm.errors import InputError
from ogcm.simulation import Simulation

Array = np.ndarray
OPTIONS = {
    "days": (float, "length of the window [days]"),
    "folder": (str, "folder of the files that the configuration names"),
    "method": (str, "incremental | 3dvar"),
    "outer": (int, "largest number of outer loops"),
    "iterations": (int, "largest number of iterations in each of them"),
    "seed": (int, "seed of truth and noise (default 0)"),
}
REDUCED = 0.8  # part of the variance of the first guess below which a point counts as observed


def rms(a: Array) -> float:
    """Return the root mean square, nan of nothing."""
    return float(np.sqrt(np.mean(a**2))) if a.size else np.nan


def main(target: str, rest: list[str]) -> None:
    """Make the twin experiment and print the table."""
    made = setup_command("twin", target, rest, OPTIONS)
    if made is None:
        return
    model, settings = made
    case = with_options(Case.of(target), settings, model)
    case = case._replace(folder=Path(settings.get("folder", case.folder)))
    if case.choices["method"] == "full":
        raise InputError("method: the full method states no errors; give --method incremental or 3dvar")
    simulation, seed = Simulation(model, days=settings["days"]), settings.get("seed", 0)
    used, report = quality_control(case.read(model)[0], simulation, **(case.quality | {"background": None}))
    print(report)
    estimates, choices = case.estimates(model), case.options() | {"diffusions": {}}  # which both costs need
    choices.pop("history", None)
    alike = {name: choices[name] for name in ("balance", "diffusions") if name in choices}
    cost = Cost(BoxMean(model, "eta"), simulation, estimates, **alike)
    truth = cost.values(np.random.default_rng(seed).normal(size=cost.counts.size))
    cost.controls.set_values(truth)
    seen = resampled(used, cost.simulation, seed=seed)
    found = assimilate(misfit(seen, model), simulation, estimates, **choices)
    first, last = found.iterations[0], found.iterations[-1]
    print(f"J from {first.cost:.6g} to {last.cost:.6g} in {found.runs} runs")
    print(f"chi-squared {found.chi_squared:.3g}, degrees of freedom at least {found.analysis.degrees_of_freedom:.3g}")
    before = found.analysis.sampled_variances(RitzPairs(np.zeros(0), np.zeros((0, cost.counts.size)), np.zeros(0)))
    after = found.analysis.deviations()
    print(
        f"{'control':14} {'before':>10} {'after':>10} {'stated':>10} {'normalised':>10} {'observed':>10} {'share':>7}"
    )
    for name, s in cost.scaled.items():
        wet = s.wet & (before[name] > 0)
        errors = [(a[name] - truth[name])[wet] for a in (found.first_guess, found)]
        stated = after[name][wet]
        there = stated**2 < REDUCED * before[name][wet]
        numbers = rms(errors[0]), rms(errors[1]), rms(stated), rms(errors[1] / stated), rms((errors[1] / stated)[there])
        print(f"{name:14} " + " ".join(f"{x:10.3g}" for x in numbers) + f" {there.mean():7.1%}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
