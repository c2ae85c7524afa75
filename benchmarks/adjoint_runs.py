"""Speed of gradients of whole runs: the second half of `python -m benchmarks.adjoint`.

`runs`: the time of a gradient relative to that of its run, with everything kept, with every state kept, and with few
snapshots. Each line is measured in a process of its own, so that its peak memory is its own; times are medians of
several runs and gradients in turns, after a first gradient that allocates the workspace. "inevitable" is the ratio if
adjoint kernels took twice the time of their forward kernels and the rest took none: the number of forward steps in the
schedule for each step of the run, plus two.

`windows`: the channel of benchmarks/peers.py with 30 x 42 x 15 cells. The loss is the mean square difference from the
initial temperature plus one degree. The table has the norm of its gradient with respect to the initial temperature for
windows of growing length, and the error of the derivative along a random direction relative to the complex step.
"""

import multiprocessing
import resource
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

import adjoint
import ogcm
from adjoint.complex_step import directional_derivative
from adjoint.losses import MeanSquare
from adjoint.run import Workspace, evaluate
from benchmarks import ogcm_channel
from benchmarks.forward import model
from benchmarks.peers import channel
from ogcm.constants import DAY


def peak() -> float:
    """Peak memory of this process so far [MB] (`ru_maxrss` of a child begins with that of its parent)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1e3


def simulation(m: ogcm.Model, steps: int) -> ogcm.Simulation:
    """A simulation of so many steps without a progress bar."""
    return ogcm.Simulation(m, days=steps * m.numerics.dt / DAY, progress=False)


def timed(loss, run: ogcm.Simulation, wanted: tuple[str, ...], workspace: Workspace, repeats: int, **limits):
    """Median seconds of a run and of its gradient, which alternate, and the last gradient."""
    forward, backward = [], []
    for _ in range(repeats):
        started = time.perf_counter()
        evaluate(loss, run)
        forward.append(time.perf_counter() - started)
        g = adjoint.gradient(loss, run, wanted, workspace=workspace, **limits)
        backward.append(g.seconds)
    return statistics.median(forward), statistics.median(backward), g


def one_run(
    size: tuple[int, int, int], steps: int, limits: dict, repeats: int
) -> tuple[float, float, float, float, float]:
    """Seconds of a run and of its gradient, forward steps for each step, MB of snapshots, MB of the gradient."""
    m = model(*size, "float64")
    loss, wanted = MeanSquare(m, "T", np.zeros(size[::-1])), ("T", "tau_x", "nu_h", "kappa_v")
    evaluate(loss, simulation(m, 1))
    before = peak()
    workspace = Workspace(m)
    adjoint.gradient(loss, simulation(m, steps), wanted, workspace=workspace, **limits)  # allocates the workspace
    run, seconds, g = timed(loss, simulation(m, steps), wanted, workspace, repeats, **limits)
    kept = g.budget.ram * sum(a.nbytes for a in m.state.arrays().values()) / 1e6
    return run, seconds, g.recomputation, kept, peak() - before


def runs(cases: list[tuple[tuple[int, int, int], int, str, dict]], repeats: int) -> None:
    """Print a line for each size, number of steps and budget (its name and its options of `adjoint.gradient`)."""
    print("\ngradients of whole runs")
    print(
        f"{'size':16} {'steps':>6} {'kept':16} {'run s':>7} {'gradient s':>11} {'ratio':>6} {'inevitable':>11} "
        f"{'steps/step':>11} {'snapshots MB':>13} {'added MB':>9}"
    )
    spawn = multiprocessing.get_context("spawn")
    for size, steps, name, limits in cases:
        with ProcessPoolExecutor(1, mp_context=spawn) as process:
            run, seconds, again, kept, added = process.submit(one_run, size, steps, limits, repeats).result()
        print(
            f"{' x '.join(map(str, size)):16} {steps:6} {name:16} {run:7.2f} {seconds:11.2f} {seconds / run:6.2f} "
            f"{again + 2:11.2f} {again:11.2f} {kept:13.0f} {added:9.0f}"
        )


def windows(lengths: list[int], repeats: int, dt: float = 1200.0) -> None:
    """Print a line for each length of the window [steps]."""
    case = channel(30, 42, 15)
    m = ogcm_channel.model(case, dt)
    direction = np.random.default_rng(0).normal(size=case["T"].shape)
    print(f"\nthe channel of 30 x 42 x 15 cells, dt = {dt:g} s")
    print(f"{'steps':>6} {'days':>7} {'run s':>7} {'gradient s':>11} {'norm [degC]':>12} {'complex step error':>19}")
    workspace = Workspace(m)
    adjoint.gradient(MeanSquare(m, "T", case["T"]), simulation(m, 1), ["T"], workspace=workspace)
    for steps in lengths:
        run, loss = simulation(m, steps), MeanSquare(m, "T", case["T"] + 1)
        forward, backward, g = timed(loss, run, ("T",), workspace, repeats)
        exact, terms = directional_derivative(loss, run, {"T": direction}), g["T"] * direction
        error = abs(exact - terms.sum()) / np.abs(terms).sum()
        norm = np.sqrt((g["T"] ** 2).sum())
        print(f"{steps:6} {steps * dt / DAY:7.2f} {forward:7.2f} {backward:11.2f} {norm:12.4e} {error:19.1e}")
