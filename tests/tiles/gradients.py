"""Gradients of runs of oceans that are divided into tiles, against those of the whole ocean, to the bit.

For `mpiexec -n N`. Prints a line for each case with the number of values that differ, summed over all tiles.
"""

import sys
import warnings

import numpy as np

import ogcm
from adjoint import gradient
from adjoint.gradient_check import check_controls, loss_error
from adjoint.losses import BoxMean, Enstrophy, HeatContent, MeanSquare, Overturning, Transport
from ogcm.constants import DAY
from ogcm.processes import communicator
from tests.tiles.steps import SIDES, layouts, ocean

SHAPE, STEPS, DT = (12, 16), 4, 300.0
CONTROLS = ["u", "v", "eta", "T", "S", "tau_x", "heat_flux", "nu_h", "kappa_h", "nu_v", "kappa_v", "eos", "rate_T"]
DATA = np.random.default_rng(3).normal(size=(4, *SHAPE))
DATA = np.ma.masked_array(DATA, DATA > 1)
DAYS = [0.0, 2 * DT / DAY, STEPS * DT / DAY]
LOSSES = {
    "box": lambda m: BoxMean(m, "T", x=(0, 1e5), y=(1e5, 2e5), z=(-200, 0), days=DAYS),
    "data": lambda m: MeanSquare(m, "T", DATA, y=(0, 2e5)),
    "heat": lambda m: HeatContent(m, days=DAYS),
    "transport": lambda m: Transport(m, x=1e5, y=(0, 2e5)),
    "overturning": lambda m: Overturning(m, y=1.2e5, z=-100.0),
    "enstrophy and a transport": lambda m: Enstrophy(m) + 1e-6 * Transport(m, y=6e4),
}
OPTIONS = {
    "box": {"memory": 2e5}, "heat": {"snapshots": 1, "disk": 1}, "transport": {"snapshots": 2},
}  # fmt: skip


def run(layout: tuple[int, int], **options) -> ogcm.Simulation:
    """A short run."""
    model = ocean(SHAPE, SIDES["x"], decomposition=layout, **options)
    return ogcm.Simulation(model, days=STEPS * DT / DAY, progress=False)


def differences(name: str, layout: tuple[int, int], **options) -> int:
    """Number of values of the loss and its gradients that differ."""
    found = []
    for tiles in ((1, 1), layout):
        simulation = run(tiles, **options)
        found.append(gradient(LOSSES[name](simulation.model), simulation, CONTROLS, **OPTIONS.get(name, {})))
    count = int(found[0].value != found[1].value) + int(not found[0].value)
    for control in CONTROLS:
        one, other = simulation.tile.cut(found[0][control]), found[1][control]
        count += int((one != other).sum())
    count += not all(found[0][control].any() for control in ("T", "u"))
    return sum(communicator().allgather(count))


def main() -> None:
    """Run all cases."""
    warnings.simplefilter("ignore")
    for layout in layouts():
        counts = {name: differences(name, layout) for name in LOSSES}
        counts["ab2"] = differences("heat", layout, integrator="ab2")
        counts["float32"] = differences("box", layout, precision="float32")
        simulation = run(layout)
        counts["losses"] = sum(loss_error(loss(simulation.model)) > 1e-12 for loss in LOSSES.values())
        checks = check_controls(simulation, ["T", "eta", "tau_x", "nu_h", "kappa_v"])
        counts["complex step"] = sum(not check.passed or not check.influence for check in checks.values())
        for name, found in counts.items():
            if communicator().rank == 0:
                print(f"{name}, {layout[0]} x {layout[1]} tiles: {found}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
