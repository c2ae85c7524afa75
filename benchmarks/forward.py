"""Speed of the forward model: `python -m benchmarks.forward [--quick]`.

Each time is the median of several runs in one process. Kernels and the two sweeps of a stage: points per second, and
the bandwidth of the bytes that must move at least (each array with layers once), relative to a triad a = b + s c
measured in the same process on arrays larger than the cache.

Then the whole step at growing sizes, and with other advections of tracers: points times steps per second, also
for each GB/s of the triad; the bytes that a step moves at least (`step_bytes`), for each point, and the share of the
triad that it reaches with them; the work arrays in bytes of the state; the peak memory of the process.
"""

import argparse
import itertools
import resource
import statistics
import time
from collections.abc import Callable, Iterable

import numba
import numpy as np
from numba import prange

import ogcm
from ogcm.backend import grid_fields, kernel
from ogcm.grid import interior
from ogcm.integrators import integrate
from ogcm.memory import bytes_of
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.operators.momentum_advection import VORTICITY, potential_vorticity
from ogcm.operators.tracer_advection import ADVECTION
from ogcm.slow_physics import slow_physics
from ogcm.sweep import Sweep, fields_read
from ogcm.windows import Window


@kernel
def triad(a, b, c):
    """a = b + 3 c."""
    for n in prange(a.shape[0]):
        a[n] = b[n] + 3 * c[n]


def median(function: Callable, *arguments, repeats: int = 9) -> float:
    """Median time [s] of several runs, after one that compiles."""
    function(*arguments)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def bandwidth() -> float:
    """Bandwidth [bytes s-1] of a triad on 3 x 200 MB; each part is first written by the thread that uses it."""
    a, b, c = (np.zeros(25_000_000) for _ in range(3))
    triad(b, a, a)
    triad(c, a, a)
    return 3 * a.nbytes / median(triad, a, b, c)


def triads(threads: list[int]) -> dict[int, float]:
    """Measure and print the bandwidth [bytes s-1] of a triad with each number of threads."""
    rates = {}
    for n in threads:
        numba.set_num_threads(n)
        rates[n] = bandwidth()
    print("triad: " + ", ".join(f"{rate / 1e9:.1f} GB/s with {n} threads" for n, rate in rates.items()))
    return rates


def model(nx: int, ny: int, nk: int, precision: str, **choices: str) -> ogcm.Model:
    """A stratified channel with the physics of the yardsticks: T and S, Laplacian mixing, linear sea water."""
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=2e4, dy=2e4, f0=1e-4, beta=2e-11, periodic_x=True)
    rng = np.random.default_rng(0)
    return ogcm.Model(
        grid,
        depth=4000.0,
        dz=np.full(nk, 4000.0 / nk),
        T=lambda x, y, z: 5 + 15 * np.exp(z / 800) + 0.1 * rng.normal(size=z.shape),
        u=lambda x, y, z: 0.1 * rng.normal(size=z.shape),
        v=lambda x, y, z: 0.1 * rng.normal(size=z.shape),
        forcing=ogcm.Forcing(tau_x=lambda x, y: 0.1 * np.sin(np.pi * y / (ny * 2e4))),
        parameters={"nu_h": 500.0, "kappa_h": 200.0, "drag_linear": 1e-3},
        dt=1200.0,
        precision=precision,
        **choices,
    )


def kernels(stepper: ogcm.Stepper) -> dict[str, tuple]:
    """Kernels by name, each with its arguments and the number of 3-D arrays that it must read or write once.

    The stepper keeps its results (`kept=True`), since the work arrays of a run are windows of a few rows.
    """
    from ogcm.operators import friction, layers, pressure, tracer_diffusion, tracer_sources, vertical_diffusion

    s, w, m, g = stepper, stepper.works[0], stepper.model, stepper.model.grid
    n, new, y, dt = m.state, s.states.ends[0], w.s_y, np.asarray(600.0, g.h_t.dtype)[()]
    p = m.parameters
    carried = {f"advect_tracer_{name}": (f, (n.T, w.U, w.V, w.W, dt, g, w.G), 5) for name, f in ADVECTION.items()}
    return carried | {
        "diffuse_tracer": (tracer_diffusion.diffuse_tracer, (n.T, p["kappa_h"], g, w.G), 5),
        "tracer_source": (tracer_sources.tracer_source, (n.T, *[p["kappa_h"]] * 3, y.t, g, w.G), 4),
        "advance_tracer": (
            vertical_diffusion.advance_tracer, (n.T, y.t, w.G, s.slow.D.T, s.slow.kappa_v, y.t, dt, g, new.T), 6,
        ),
        "advect_momentum_energy": (
            VORTICITY["energy"], (n.u, n.v, w.U, w.V, w.W, w.q, y.u, y.v, g, w.G_u, w.G_v), 10,
        ),
        "potential_vorticity": (potential_vorticity, (n.u, n.v, y.f, g, w.q), 4),
        "stress_divergence": (friction.stress_divergence, (n.u, n.v, p["nu_h"], g, w.G_u, w.G_v), 10),
        "advance_u": (
            vertical_diffusion.advance_u, (n.u, w.G_u, s.slow.D.u, s.slow.nu_v, s.slow.drag_u, y.u, dt, g, new.u), 6,
        ),
        "transports": (layers.transports, (n.u, n.v, y.u, y.v, g, w.U, w.V), 6),
        "continuity": (layers.continuity, (w.U, w.V, np.zeros_like(y.t), g, w.W), 4),
        "buoyancy_seos": (EQUATIONS_OF_STATE["linear"].buoyancy, (n.T, n.S, p["eos"], g, w.b), 4),
        "hydrostatic_pressure": (pressure.hydrostatic_pressure, (w.b, n.eta, y.t, g, w.p), 3),
        "pressure_gradient": (pressure.pressure_gradient, (w.p, w.b, n.eta, y.t, g, w.G_u, w.G_v), 7),
    }  # fmt: skip


def layer_bytes(arrays: Iterable) -> int:
    """Bytes of the arrays with layers, without halos; each array once, windows and numbers not at all."""
    different = {id(a): a for a in arrays if getattr(a, "ndim", 0) == 3 and len(a) > 1}
    return sum(interior(a).nbytes for a in different.values())


def sweep_bytes(sweep: Sweep, grid: ogcm.Grid, arrays: dict) -> int:
    """Bytes that a sweep moves at least: each array with layers that its kernels name, fields of the grid included."""
    fields = fields_read(sweep.passes)
    return layer_bytes([*(arrays[name] for name in sweep.names), *(getattr(grid, name) for name in fields)])


def stage_arrays(stepper: ogcm.Stepper) -> list[dict]:
    """The arrays and numbers of each stage of a step by name."""
    n, tables = stepper.model.state, []
    fluxes = stepper.fluxes(n)

    def stage(m, y, s):
        tables.append(stepper.arrays(stepper.context(m, n, y, s, fluxes)))

    integrate(stepper.integrator, n, stepper.states, stage)
    return tables


def step_bytes(stepper: ogcm.Stepper) -> int:
    """Bytes that a step moves at least: its sweeps, and once what the slow physics reads and what it leaves to them.

    The barotropic substeps and all other maps are not counted.
    """
    grid, slow, state = stepper.model.grid, stepper.slow, stepper.model.state
    read = [*state.arrays().values(), *(getattr(grid, name) for name in grid_fields(slow_physics))]
    sweeps = itertools.product((stepper.momentum, stepper.flow), stage_arrays(stepper))
    return layer_bytes([*read, *slow.D, slow.nu_v, slow.kappa_v]) + sum(
        sweep_bytes(sweep, grid, arrays) for sweep, arrays in sweeps
    )


def work_ratio(stepper: ogcm.Stepper) -> float:
    """Bytes of the work arrays of a stepper, without the new state, relative to those of the state."""
    windows = [a.data for a in vars(stepper.works[0]).values() if isinstance(a, Window)]
    state = bytes_of(stepper.states.ends[-1])
    return (bytes_of(stepper, windows) - state) / state


def print_kernels(size: tuple[int, int, int], precision: str, rates: dict[int, float], repeats: int) -> None:
    """Print a line for each kernel, sweep and number of threads; `rates` is that of the triad by threads."""
    kept, run = (ogcm.Stepper(model(*size, precision), kept=kept) for kept in (True, False))
    kept.step()
    run.step()
    grid, arrays, points = run.model.grid, stage_arrays(run)[-1], np.prod(size)
    each = points * np.dtype(precision).itemsize
    rows = [(name, f, given, count * each) for name, (f, given, count) in kernels(kept).items()]
    for sweep in (run.momentum, run.flow):
        rows.append((f"sweep {sweep.name}", sweep, (grid, arrays), sweep_bytes(sweep, grid, arrays)))
    for name, function, arguments, moved in rows:
        for n, triad_rate in rates.items():
            numba.set_num_threads(n)
            seconds = median(function, *arguments, repeats=repeats)
            rate = moved / seconds
            print(
                f"{name:28} {precision:10} {n:<8} {seconds * 1e3:8.2f} {points / seconds / 1e6:10.1f} "
                f"{rate / 1e9:7.1f} {rate / triad_rate:6.0%}"
            )


def print_step(
    size: tuple[int, int, int], advection: str, precision: str, rates: dict[int, float], repeats: int
) -> None:
    """Print a line for the whole step with each number of threads; `rates` is that of the triad by threads."""
    stepper = ogcm.Stepper(model(*size, precision, advection=advection))
    points, moved, work = np.prod(size), step_bytes(stepper), work_ratio(stepper)
    for n, triad_rate in rates.items():
        numba.set_num_threads(n)
        seconds = median(stepper.step, repeats=repeats)
        speed = points / seconds
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(
            f"{' x '.join(map(str, size)):16} {advection:10} {precision:10} {n:<8} {seconds * 1e3:9.2f} {speed:15.3g} "
            f"{speed / (triad_rate / 1e9):9.3g} {moved / points:12.0f} {moved / seconds / triad_rate:6.0%} "
            f"{work:11.2f} {peak:8.0f}"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one small size and few repeats")
    quick = parser.parse_args().quick
    rates = triads([1] if quick else sorted({1, numba.config.NUMBA_NUM_THREADS}))
    precisions = ("float64",) if quick else ("float64", "float32")
    size = (64, 64, 16) if quick else (256, 256, 32)
    print(f"\nkernels at {size[0]} x {size[1]} x {size[2]} (medians; share of the triad's bandwidth)")
    print(f"{'kernel':28} {'precision':10} {'threads':8} {'ms':>8} {'Mpoints/s':>10} {'GB/s':>7} {'share':>6}")
    for precision in precisions:
        print_kernels(size, precision, rates, repeats=3 if quick else 9)
    print("\nwhole step (T and S, rk3: three stages; medians)")
    print(
        f"{'size':16} {'advection':10} {'precision':10} {'threads':8} {'ms/step':>9} {'points steps/s':>15} "
        f"{'per GB/s':>9} {'bytes/point':>12} {'share':>6} {'work/state':>11} {'peak MB':>8}"
    )
    small = (64, 64, 16), (62, 62, 15)
    sizes = small[:1] if quick else [*small, (128, 128, 16), (248, 248, 15), (256, 256, 32), (512, 512, 32)]
    cases = [(size, "upwind3") for size in sizes] + [(size, "monotone"), (size, "weno5")]
    for precision in precisions:
        for size, advection in cases:
            print_step(size, advection, precision, rates, repeats=5 if size[0] > 200 else 15)


if __name__ == "__main__":
    main()
