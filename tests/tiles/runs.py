"""A run of a rough ocean, for any number of processes: `python -m tests.tiles.runs OUTPUT STEPS [OPTION=VALUE ...]`.

Options are those of `Simulation`, `integrator`, and `picture`, a file; `fail=KIND` lets something fail after half of
the steps.
"""

import os
import signal
import sys
import warnings
from functools import partial

import numpy as np

import ogcm
from ogcm.constants import DAY
from ogcm.diagnostics import DIAGNOSTICS, Diagnostic, section_transport
from ogcm.disk import Disk
from ogcm.grid import interior
from tests.tiles.steps import SIDES, ocean

DT = 300.0
VARIABLES = (
    "u",
    "T",
    "eta",
    "w",
    "zeta",
    "h",
    "rho",
    "N2",
    "nu_v",
    "tau_x",
    "heat_flux",
    "transport_z",
    "T_budget",
    "u_budget",
)
OWN = {
    "warmth": Diagnostic(lambda model: interior(model.state.T) + 273.15, "K", "absolute temperature", ("z", "y", "x")),
    "psi_of_interval": DIAGNOSTICS["psi"],
    "section": Diagnostic(partial(section_transport, i=5), "m3 s-1", "transport through a section"),
}


def fail(simulation: ogcm.Simulation, kind: str) -> None:
    """Let something fail, in one process alone unless the kind says `everywhere`."""
    tile, state = simulation.tile, simulation.model.state
    last = tile.place == tuple(n - 1 for n in tile.layout)
    if kind == "signal" and last:
        os.kill(os.getpid(), signal.SIGINT)
    elif kind == "stop" and last:
        simulation.stop("enough")
    elif (kind == "exception" and last) or kind == "exception everywhere":
        raise ValueError("no more")
    elif kind == "blow-up" and last:
        j, i = np.argwhere(interior(simulation.model.grid.mask_t)[1])[-1]
        interior(state.T)[1, j, i] = np.nan
    elif kind == "kill in a write" and tile.is_first:
        Disk.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "disk" and tile.is_first:
        honest = Disk.write

        def write(self, data):
            if "restart" not in str(self.name):
                self.error = self.error or OSError(28, "No space left on device")
            return honest(self, data)

        Disk.write = write


def main() -> None:
    """Run."""
    warnings.simplefilter("ignore")
    output, steps, *options = sys.argv[1:]
    given = dict(option.split("=") for option in options)
    kind, integrator = given.pop("fail", None), given.pop("integrator", "rk3")
    model = ocean((13, 17), SIDES["both"], integrator=integrator)
    half = int(steps) // 2 * DT / DAY
    calls = {"fail": ogcm.Callback(lambda simulation: fail(simulation, kind), every=half)} if kind else {}
    given["means"] = given.get("means") == "True"
    given["restart_every"] = float(given["restart_every"]) if "restart_every" in given else None
    picture = given.pop("picture", None)
    simulation = ogcm.Simulation(
        model, days=int(steps) * DT / DAY, every=4 * DT / DAY, output=output, callbacks=calls,
        variables=VARIABLES, diagnostics=OWN, **given,
    )  # fmt: skip
    simulation.run()
    if picture:
        ogcm.plot(model, picture)
        ogcm.plot(simulation, f"run.{picture}")


if __name__ == "__main__":
    main()
