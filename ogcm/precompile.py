"""Compilation of the kernels of the default model in advance, one process for each core.

The two halves of a step need different kernels, so that two processes share the work. Kernels of other choices (another
scheme, another precision) are compiled when they are first used.
"""

import os
import subprocess
import sys

from ogcm.model import Model
from ogcm.slow_physics import friction, mixing_coefficients, tracer_sources
from ogcm.stepper import Stepper

HALVES = ("momentum", "tracers")


def compile_all() -> None:
    """Compile both halves in parallel. Raises CalledProcessError if a process fails."""
    command = [sys.executable, "-m", "ogcm.precompile"]
    environment = os.environ | {"NUMBA_NUM_THREADS": "1"}
    running = [subprocess.Popen([*command, half], env=environment) for half in HALVES]
    for process in running:
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, process.args)
    smallest().step()


def smallest() -> Stepper:
    """Return a stepper of a tiny basin with the default choices."""
    from ogcm.horizontal_grid import cartesian

    grid = cartesian(nx=4, ny=4, dx=1e4, dy=1e4, f0=1e-4, periodic_x=True)
    return Stepper(Model(grid, depth=100.0, dz=[50.0, 50.0], dt=60.0))


def compile_half(half: str) -> None:
    """Call every kernel of one half of a step once: "momentum" or "tracers"."""
    stepper = smallest()
    n = stepper.model.state
    fluxes = stepper.model.forcing.at(0.0)
    stage = stepper.context(0, n, n, stepper.states.ends[0], fluxes)
    if half == "momentum":
        stepper.momentum(stepper.model.grid, stepper.arrays(stage))
        friction(stepper.model, n, stepper.slow)
        mixing_coefficients(stepper.model, n, stepper.slow)
    else:
        stepper.barotropic_mode(stage)
        tracer_sources(stepper.model, n, fluxes, stepper.slow)
        stepper.flow(stepper.model.grid, stepper.arrays(stage))


if __name__ == "__main__":
    compile_half(sys.argv[1])
