"""Compile the kernels of the default model ahead, one process for each core.

The two halves of a step need different kernels, so that two processes share the work; what
other choices need (another scheme, another precision) is compiled when it is first used.
"""

import os
import subprocess
import sys

import numpy as np

from ogcm.model import Model
from ogcm.stepper import Stepper

HALVES = ("momentum", "tracers")


def compile_all() -> None:
    """Compile both halves, in parallel. Raises CalledProcessError where a process fails."""
    command = [sys.executable, "-m", "ogcm.precompile"]
    environment = os.environ | {"NUMBA_NUM_THREADS": "1"}
    running = [subprocess.Popen([*command, half], env=environment) for half in HALVES]
    for process in running:
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, process.args)
    smallest().step()


def smallest() -> Stepper:
    """A stepper of a tiny basin with the default choices."""
    from ogcm.horizontal_grid import cartesian

    grid = cartesian(nx=4, ny=4, dx=1e4, dy=1e4, f0=1e-4, periodic_x=True)
    return Stepper(Model(grid, depth=100.0, dz=[50.0, 50.0], dt=60.0))


def compile_half(half: str) -> None:
    """Call every kernel of one half of a step once."""
    stepper = smallest()
    n, s, work, dt = stepper.model.state, stepper.states[0], stepper.works[0], np.float64(60.0)
    fluxes = stepper.model.forcing.at(0.0)
    if half == "momentum":
        stepper.momentum_tendencies(n, fluxes, work)
        stepper.friction(n)
        stepper.mixing_coefficients(n)
    else:
        stepper.barotropic_mode(n, n, s, dt, fluxes, stepper.weights[0], work)
        stepper.tracer_sources(n, fluxes)
        stepper.tracers(n, n, s, dt, fluxes, work)


if __name__ == "__main__":
    compile_half(sys.argv[1])
