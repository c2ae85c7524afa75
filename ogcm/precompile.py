"""Compilation of the kernels of the default model in advance, in two processes.

One process takes a step, the other a gradient and that of a corrector; most of the kernels that they need differ.
Kernels of other choices (another scheme, another precision) are compiled when they are first used.
"""

import os
import subprocess
import sys

from ogcm.extensions import import_own

PARTS = ("run", "gradient")


def compile_all() -> None:
    """Compile both parts at the same time. Raises CalledProcessError if a process fails."""
    command = [sys.executable, "-m", "ogcm.precompile"]
    environment = os.environ | {"NUMBA_NUM_THREADS": "1"}
    running = [subprocess.Popen([*command, part], env=environment) for part in PARTS]
    for process in running:
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, process.args)


def compile_part(part: str) -> None:
    """Call the kernels of a part once, with a tiny basin: "run", or "gradient" without and with a corrector."""
    from ogcm.horizontal_grid import cartesian
    from ogcm.model import Model
    from ogcm.simulation import Simulation

    grid = cartesian(nx=6, ny=6, dx=1e4, dy=1e4, f0=1e-4)
    model = Model(grid, depth=100.0, dz=[50.0, 50.0], dt=60.0)
    simulation = Simulation(model, days=1 / 1440, progress=False)
    if part == "run":
        simulation.run()
        return
    run, losses, corrector = import_own("adjoint.run"), import_own("adjoint.losses"), import_own("nn.corrector")
    run.gradient(losses.BoxMean(model, "T"), simulation, ["T", "nu_h"])
    options = {"features": ("velocity", "T"), "outputs": ("stress", "T_flux"), "hidden": (4,)}
    model.corrector = corrector.Corrector(model, **options, scales={"stress": 1e-9, "T_flux": 1e-9})
    run.gradient(losses.BoxMean(model, "T"), simulation, ["corrector"])


if __name__ == "__main__":
    compile_part(sys.argv[1])
