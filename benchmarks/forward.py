"""Speed of the forward model: `python -m benchmarks.forward [--quick]`.

For each kernel the best of several runs in one process: points per second, and the bandwidth of the bytes that it must
move at least (each 3-D array read or written once), relative to a triad a = b + s c measured in the same process on
arrays larger than the cache. Then the whole step at growing sizes, with its peak memory.
"""

import argparse
import resource
import time
from collections.abc import Callable

import numba
import numpy as np
from numba import prange

import ogcm
from ogcm.backend import kernel
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.operators.momentum_advection import VORTICITY, potential_vorticity
from ogcm.operators.tracer_advection import ADVECTION


@kernel
def triad(a, b, c):
    """a = b + 3 c."""
    for n in prange(a.shape[0]):
        a[n] = b[n] + 3 * c[n]


def best(function: Callable, *arguments, repeats: int = 9) -> float:
    """Shortest time [s] of several runs, after one that compiles."""
    function(*arguments)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


def bandwidth() -> float:
    """Bandwidth [bytes s-1] of a triad on 3 x 200 MB; each part is first written by the thread that uses it."""
    a, b, c = (np.zeros(25_000_000) for _ in range(3))
    triad(b, a, a)
    triad(c, a, a)
    return 3 * a.nbytes / best(triad, a, b, c)


def model(nx: int, ny: int, nk: int, precision: str) -> ogcm.Model:
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
    )


def kernels(stepper: ogcm.Stepper) -> dict[str, tuple]:
    """Kernels by name, each with its arguments and the number of 3-D arrays that it must read or write once."""
    from ogcm.operators import friction, layers, pressure, tracer_diffusion, vertical_diffusion

    s, w, m, g = stepper, stepper.works[0], stepper.model, stepper.model.grid
    n, new, y, dt = m.state, s.states.ends[0], w.s_y, np.asarray(600.0, g.h_t.dtype)[()]
    p = m.parameters
    carried = {f"advect_tracer_{name}": (f, (n.T, w.U, w.V, w.W, dt, g, w.G_T), 5) for name, f in ADVECTION.items()}
    return carried | {
        "diffuse_tracer": (tracer_diffusion.diffuse_tracer, (n.T, p["kappa_h"], g, w.G_T), 5),
        "advance_tracer": (
            vertical_diffusion.advance_tracer, (n.T, y.t, w.G_T, s.slow.D.T, s.slow.kappa_v, y.t, dt, g, new.T), 6,
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


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one small size and few repeats")
    quick = parser.parse_args().quick
    threads = [1] if quick else sorted({1, numba.config.NUMBA_NUM_THREADS})
    triads = {}
    print(f"{'triad':28}", end="")
    for n in threads:
        numba.set_num_threads(n)
        triads[n] = bandwidth()
        print(f"  {n} threads: {triads[n] / 1e9:.1f} GB/s", end="")
    size = (64, 64, 16) if quick else (256, 256, 32)
    print(f"\n\nkernels at {size[0]} x {size[1]} x {size[2]} (best of several; share of the triad's bandwidth)")
    print(f"{'kernel':28} {'precision':10} {'threads':8} {'ms':>8} {'Mpoints/s':>10} {'GB/s':>7} {'share':>6}")
    for precision in ("float64",) if quick else ("float64", "float32"):
        stepper = ogcm.Stepper(model(*size, precision))
        stepper.step()
        points, bytes_each = np.prod(size), np.dtype(precision).itemsize
        for name, (function, arguments, arrays) in kernels(stepper).items():
            for n in threads:
                numba.set_num_threads(n)
                seconds = best(function, *arguments, repeats=3 if quick else 9)
                rate = arrays * points * bytes_each / seconds
                print(
                    f"{name:28} {precision:10} {n:<8} {seconds * 1e3:8.2f} {points / seconds / 1e6:10.1f} "
                    f"{rate / 1e9:7.1f} {rate / triads[n]:6.0%}"
                )
    print("\nwhole step (T and S, rk3: three stages)")
    print(f"{'size':16} {'precision':10} {'threads':8} {'ms/step':>9} {'points steps/s':>15} {'peak MB':>8}")
    sizes = [(64, 64, 16)] if quick else [(64, 64, 16), (128, 128, 16), (256, 256, 32), (512, 512, 32)]
    for precision in ("float64",) if quick else ("float64", "float32"):
        for size in sizes:
            stepper = ogcm.Stepper(model(*size, precision))
            for n in threads:
                numba.set_num_threads(n)
                seconds = best(stepper.step, repeats=3 if size[0] > 200 else 9)
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
                name = " x ".join(map(str, size))
                print(
                    f"{name:16} {precision:10} {n:<8} {seconds * 1e3:9.2f} {np.prod(size) / seconds:15.3g} {peak:8.0f}"
                )


if __name__ == "__main__":
    main()
