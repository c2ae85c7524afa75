"""Assimilation in oceans that are divided into tiles, against that in the whole ocean, to the bit.

For `mpiexec -n N`. Prints a line for each case with the number of values that differ, summed over all tiles.
"""

import sys
import warnings

import numpy as np

import ogcm
from adjoint.assimilation import Assimilated, assimilate
from adjoint.estimates import Estimate
from adjoint.gradient_check import loss_error
from adjoint.losses import BoxMean
from adjoint.observation_impact import impact
from adjoint.observation_loss import Observations
from adjoint.observations import misfit, quality_control, synthetic
from ogcm.constants import DAY
from ogcm.grid import interior
from ogcm.processes import communicator
from tests.tiles.steps import SIDES, layouts, ocean

SHAPE, STEPS, DT = (12, 16), 4, 300.0
DAYS = [0.0, STEPS * DT / DAY]
FIELDS = {"u": 0.02, "v": 0.02, "eta": 0.01, "T": 0.1, "S": 0.1}
ESTIMATES = [
    Estimate("T", 0.2, length=4e4), Estimate("u", 0.05), Estimate("eta", 0.02, length=3e4),
    Estimate("tau_x", 0.05, length=6e4), Estimate("heat_flux", 50.0, background=False),
    Estimate("nu_h", 0.3, logarithm=True), Estimate("kappa_v", 1.0, logarithm=True),
]  # fmt: skip


def simulation(sides: str, layout: tuple[int, int]) -> ogcm.Simulation:
    """A short run."""
    model = ocean(SHAPE, SIDES[sides], decomposition=layout)
    return ogcm.Simulation(model, days=STEPS * DT / DAY, progress=False)


def seen(model: ogcm.Model, field: str) -> Observations:
    """Observations at random places, many of them at the edges of cells, on land or between tiles."""
    rng, n = np.random.default_rng(8), 300
    x, y = 2e4 * rng.uniform(0, SHAPE[1], n), 2e4 * rng.uniform(0, SHAPE[0], n)
    x[::3] = 1e4 * (x[::3] // 1e4)
    y[::4] = 1e4 * (y[::4] // 1e4)
    days, span = (DAYS[1] * rng.choice(parts, n) for parts in ([0.1, 0.5, 0.7], [0, 0.2]))
    columns = {"values": rng.normal(size=n), "errors": 0.3, "span": span, "offset": rng.integers(-1, 3, n)}
    return Observations(model, field, x=x, y=y, z=rng.uniform(-300, 0, n), days=days, **columns)


def different_observations(sides: str, layout: tuple[int, int]) -> int:
    """Number of values of the observations, of their misfits and of the slopes of these that differ."""
    found = 0
    models = [simulation(sides, tiles).model for tiles in ((1, 1), layout)]
    tile = models[1].grid.tile
    for field in FIELDS:
        losses = [seen(model, field) for model in models]
        found += int((losses[0].kept != losses[1].kept).sum())
        found += int((losses[0].observe(models[0].state) != losses[1].observe(models[1].state)).sum())
        records = losses[0].all_records()
        found += losses[1].all_records() != records
        values = [[loss.value(m.state, record) for record in records] for loss, m in zip(losses, models, strict=True)]
        found += int((losses[0].equivalents() != losses[1].equivalents()).sum())
        found += (values[0] != values[1]) + (not values[0][-1])
        for record in records:
            slopes = []
            for loss, model in zip(losses, models, strict=True):
                slope = model.state.copy()
                loss.adjoint(model.state, record, 1.0, slope)
                slopes.append(interior(getattr(slope, field)))
            found += int((tile.cut(slopes[0]) != slopes[1]).sum())
        found += loss_error(losses[1]) > 1e-12
    return found


def different_twins(sides: str, layout: tuple[int, int]) -> int:
    """Number of synthetic observations that differ."""
    found = [synthetic(simulation(sides, tiles), FIELDS, days=DAYS, every=2) for tiles in ((1, 1), layout)]
    return sum(
        int((a != b).sum()) if len(a) == len(b) else len(a)
        for one, other in zip(*found, strict=True)
        for a, b in zip(one[1:], other[1:], strict=True)
    )


def different_selections(sides: str, layout: tuple[int, int]) -> int:
    """Number of observations that differ after checks against a run, and of lines of the report."""
    found = []
    for tiles in ((1, 1), layout):
        run = simulation(sides, tiles)
        points = [p._replace(x=p.x + 1.6e4) for p in synthetic(run, FIELDS, days=DAYS, seed=2)]  # some of them on land
        found.append(quality_control(points, run, average=1.0, background=FIELDS, limit=2.0))
    (one, first), (other, second) = found
    count = int(str(first) != str(second))
    count += sum(not any(first.rejected[reason].values()) for reason in ("not in water", "averaged", "background"))
    for a, b in zip(one, other, strict=True):
        count += sum(int((c != d).sum()) if len(c) == len(d) else len(c) for c, d in zip(a[1:], b[1:], strict=True))
    return count


def different_estimates(method: str, layout: tuple[int, int]) -> int:
    """Number of estimated values that differ, of iterations, and of what the incremental method tells of them."""
    found, more = [], []
    for tiles in ((1, 1), layout):
        truth = simulation("x", tiles)
        points = synthetic(truth, FIELDS, days=DAYS, every=2, seed=1)
        fitted = simulation("x", tiles)
        loss = misfit(points, fitted.model)
        found.append(assimilate(loss, fitted, ESTIMATES, method=method, iterations=3))
        more.append(told(found[-1], fitted) if method == "incremental" else [])
    tile, (one, other) = fitted.tile, found
    count = sum(
        int((tile.cut(a) != b).sum()) if a.ndim > 1 else int((a != b).sum()) for a, b in zip(*more, strict=True)
    )
    count += int(one.iterations != other.iterations) + int(len(one.iterations) < 3)
    for control in one.values:
        a, b = tile.cut(one[control]), other[control]
        count += int((a != b).sum()) + int((tile.cut(one.first_guess[control]) != other.first_guess[control]).sum())
        count += not (a != tile.cut(one.first_guess[control])).any()
    return count


def told(found: Assimilated, run: ogcm.Simulation) -> list[np.ndarray]:
    """Standard deviations, misfits, degrees of freedom and impacts."""
    got = impact(found, BoxMean(run.model, "T"), run)
    misfits = [a for m in found.misfits for a in (m.before, m.after)]
    numbers = np.array([found.analysis.degrees_of_freedom, found.chi_squared, got.value])
    deviations = [np.nan_to_num(a) for a in found.analysis.deviations().values()]
    return [*deviations, *misfits, *got.sensitivities, *got.impacts, numbers]


def main() -> None:
    """Run all cases."""
    warnings.simplefilter("ignore")
    cases = {f"observations, sides {sides}": (different_observations, sides) for sides in SIDES}
    cases["twin"] = different_twins, "both"
    cases["quality control"] = different_selections, "both"
    cases |= {f"estimates, {method}": (different_estimates, method) for method in ("full", "incremental")}
    for name, (count, choice) in cases.items():
        for layout in layouts():
            found = sum(communicator().allgather(count(choice, layout)))
            if communicator().rank == 0:
                print(f"{name}, {layout[0]} x {layout[1]} tiles: {found}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
