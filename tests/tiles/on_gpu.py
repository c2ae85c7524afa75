"""Oceans that are divided into tiles on GPUs, in the simulator, against the same tiles on CPUs, to the bit.

For `NUMBA_ENABLE_CUDASIM=1 NUMBA_DISABLE_JIT=1 mpiexec -n N`. Prints a line for each case with the number of values
that differ, summed over all tiles.
"""

import os
import sys
import warnings

import numpy as np

import ogcm
from adjoint import gradient
from adjoint.losses import HeatContent
from ogcm.constants import DAY
from ogcm.device import to_host
from ogcm.grid import interior
from ogcm.processes import communicator
from ogcm.stepper import Stepper
from tests.gpu import fake_cupy
from tests.tiles.steps import SIDES, layouts, ocean

DT = 300.0
CONTROLS = ["u", "T", "eta", "tau_x", "nu_h", "kappa_v", "eos"]


def tiles(layout: tuple[int, int], sides: str = "x") -> ogcm.Model:
    """A tiny ocean of two substeps."""
    return ocean((6, 6), SIDES[sides], integrator="euler", barotropic_steps=2, decomposition=layout)


def different_steps(layout: tuple[int, int], sides: str) -> int:
    """Number of values that differ after steps that are done directly, recorded as graphs, and launched."""
    model = tiles(layout, sides)
    mirror = model.to("cuda")
    here, there = Stepper(model), Stepper(mirror)
    for _ in range(3):
        here.step()
        there.step()
    recorded = [parts for _, parts in there.graphs.known.values() if parts is not None]
    states = (interior(a) for state in (model.state, mirror.state) for a in state.to("cpu").arrays().values())
    one, other = np.split(np.concatenate([a.ravel() for a in states]), 2)
    found = int((one != other).sum()) + (not recorded) + (max(map(len, recorded)) < 5)
    return found + int((np.concatenate([to_host(a).ravel() for a in mirror.state.all_arrays()]) != 0).sum() == 0)


def different_gradients(layout: tuple[int, int], sides: str) -> int:
    """Number of values of the loss and its gradients that differ."""
    model = tiles(layout, sides)
    loss = HeatContent(model, days=[DT / DAY, 2 * DT / DAY])
    found = []
    for device in ("cpu", "cuda"):
        simulation = ogcm.Simulation(model, days=2 * DT / DAY, progress=False, device=device)
        found.append(gradient(loss, simulation, CONTROLS, snapshots=1))
    count = int(found[0].value != found[1].value)
    for name in CONTROLS:
        count += int((found[0][name] != found[1][name]).sum())
    return count + int(not found[0]["T"].any())


def main() -> None:
    """Run all cases."""
    warnings.simplefilter("ignore")
    fake_cupy.install()
    cases = {"steps": (different_steps, "both", "0"), "gradients": (different_gradients, "x", "1")}
    for (name, (count, sides, reads)), layout in zip(cases.items(), layouts(), strict=False):  # a layout for each
        os.environ["OGCM_GPU_MPI"] = reads  # whether MPI reads the memory of a GPU
        found = sum(communicator().allgather(count(layout, sides)))
        if communicator().rank == 0:
            print(f"{name}, {layout[0]} x {layout[1]} tiles: {found}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
