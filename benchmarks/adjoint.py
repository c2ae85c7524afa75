"""Speed of the adjoint: `python -m benchmarks.adjoint [--quick]`.

Five tables, after the bandwidth of a triad (`benchmarks/forward.py`). For each pair of `adjoint/registry.py`: the time
of the adjoint kernel relative to that of its forward kernel, on random fields. For the whole step: a forward step, a
forward step that keeps its intermediate results, and an adjoint step, which contains one of the latter; the same with
further tracers and with each choice of vertical mixing. Each number is the median of several alternating runs: on one
core in thread time, which other processes disturb least, on several in wall-clock time. Then gradients of whole runs,
on all cores (`benchmarks/adjoint_runs.py`).
"""

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial

import numba
import numpy as np

import ogcm
from adjoint.random_ocean import random_field
from adjoint.registry import PAIRS
from adjoint.state import Gradient
from adjoint.stepper import AdjointStepper
from benchmarks.adjoint_runs import runs, windows
from benchmarks.forward import model, triads
from ogcm.numerics import CHOICES

VARIANTS = [  # operators that the default step does not call
    "advect_momentum_enstrophy", "advect_momentum_al81", "advect_tracer_centred2", "advect_tracer_monotone",
    "advect_tracer_weno5",
    "buoyancy_teos10", "stratification_teos10", "stress_divergence_of_layers", "diffuse_tracer_of_layers",
    "smagorinsky", "leith", "tracer_laplacian", "richardson_mixing", "hold_above_freezing", "extrapolate",
    "vertical_shear", "shear_production", "wave_energy", "tke_mixing", "advance_tke",
    "expansion_seos", "expansion_teos10", "isoneutral_diffusion", "isoneutral_diffusion_of_layers",
    "isoneutral_mixing", "isoneutral_mixing_of_layers", "visbeck", "visbeck_gentle",
    "absorb_shortwave", "decay_fraction", "tracer_source", "tracer_source_of_layers",
]  # fmt: skip


def median_times(functions: list[Callable], repeats: int, clock: Callable[[], float] = time.thread_time) -> np.ndarray:
    """Median time [s] of each function in several alternating runs, after one that compiles."""
    for function in functions:
        function()
    times = np.empty((repeats, len(functions)))
    for row in times:
        for n, function in enumerate(functions):
            start = clock()
            function()
            row[n] = clock() - start
    return np.median(times, axis=0)


def operators(shape: tuple[int, int, int], repeats: int) -> None:
    """Print a line for each pair of operators: those of the default step, then the others."""
    grid, rng = model(*shape, "float64").grid, np.random.default_rng(0)
    print("operators at {} x {} x {} (medians)".format(*shape))
    print(f"{'operator':28} {'forward ms':>11} {'adjoint ms':>11} {'ratio':>6}")
    ratios = {}
    for name in sorted(PAIRS, key=VARIANTS.__contains__):
        pair = PAIRS[name]
        x = [random_field(grid, kind, rng, size) for kind, size in pair.inputs.values()]
        x_ad = [np.zeros_like(a) for a in x]
        y, y_ad = ([random_field(grid, kind, rng) for kind in pair.outputs.values()] for _ in range(2))
        constants = pair.constants(grid, np.dtype(float))
        forward, backward = median_times(
            [
                lambda pair=pair, given=(*x, *constants, grid, *y): pair.forward(*given),
                lambda pair=pair, given=(*x, *constants, grid, *y_ad, *x_ad): pair.adjoint(*given),
            ],
            repeats,
        )
        backward -= forward if pair.recomputes else 0
        ratios[name] = backward / forward
        print(f"{name:28} {forward * 1e3:11.3f} {backward * 1e3:11.3f} {ratios[name]:6.2f}")
    of_step = np.mean([ratio for name, ratio in ratios.items() if name not in VARIANTS])
    print(f"mean ratio: {of_step:.2f} in the default step, {np.mean(list(ratios.values())):.2f} of all")


def steps(sizes: list[tuple[int, int, int]], threads: list[int], repeats: int) -> None:
    """Print a line for each size and number of threads: forward step, the one that keeps its results, adjoint step."""
    print("\nwhole step (T and S, rk3: three stages; medians)")
    print(f"{'size':16} {'threads':8} {'forward ms':>11} {'kept ms':>9} {'adjoint ms':>11} {'ratio':>6} {'peak MB':>8}")
    for size in sizes:
        m = model(*size, "float64")
        forward, backward, gradient = ogcm.Stepper(m), AdjointStepper(m), Gradient.zeros(m)
        new_ad, rng = m.state.copy(), np.random.default_rng(0)
        for a in new_ad.arrays().values():
            a[...] = rng.normal(size=a.shape)
        for n in threads:
            numba.set_num_threads(n)
            plain, kept, both = median_times(
                [
                    lambda f=forward, n=m.state: f.advance(n),
                    lambda f=backward.forward, n=m.state: f.advance(n),
                    lambda f=backward, n=m.state, y=new_ad, g=gradient: f.step(n, y, g),
                ],
                repeats if size[0] < 200 else 5,
                time.thread_time if n == 1 else time.perf_counter,
            )
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
            name = " x ".join(map(str, size))
            print(
                f"{name:16} {n:<8} {plain * 1e3:11.2f} {kept * 1e3:9.2f} {both * 1e3:11.2f} {both / plain:6.2f} "
                f"{peak:8.0f}"
            )


def tracers(size: tuple[int, int, int], counts: list[int], repeats: int) -> None:
    """Print a line for each number of further tracers with a source and a decay: forward step and adjoint step."""
    print("\nfurther tracers at {} x {} x {} (one thread; medians)".format(*size))
    print(f"{'tracers':8} {'forward ms':>11} {'adjoint ms':>11} {'ratio':>6} {'forward ms of each':>19}")
    tracer = ogcm.Tracer(initial=lambda x, y, z: np.sin(x / 1e5) + z / 4e3, source=1e-9, decay=1e-8)
    steps: list[Callable] = []
    for count in counts:
        m = model(*size, "float64")
        for n in range(count):
            m.add_tracer(f"c{n}", tracer)
        backward, gradient, new_ad = AdjointStepper(m), Gradient.zeros(m), m.state.like()
        for a in new_ad:
            a[...] = np.random.default_rng(0).normal(size=a.shape)
        steps += [partial(ogcm.Stepper(m).advance, m.state), partial(backward.step, m.state, new_ad, gradient)]
    for count, (plain, both) in zip(counts, np.reshape(times := median_times(steps, repeats), (-1, 2)), strict=True):
        each = f"{(plain - times[0]) / count * 1e3:19.2f}" if count else ""
        print(f"{count:<8} {plain * 1e3:11.2f} {both * 1e3:11.2f} {both / plain:6.2f} {each}")


def closures(size: tuple[int, int, int], repeats: int) -> None:
    """Print a line for each choice of vertical mixing and eddies, also relative to constant mixing without eddies."""
    print("\nclosures at {} x {} x {} (one thread; medians)".format(*size))
    print(
        f"{'closure':12} {'forward ms':>11} {'adjoint ms':>11} {'ratio':>6} {'forward':>8} {'adjoint':>8} of constant"
    )
    steps: list[Callable] = []
    choices: dict[str, dict] = {choice: {"vertical_mixing": choice} for choice in CHOICES["vertical_mixing"]}
    choices |= {choice: {"isoneutral": choice, "diffusion": "none"} for choice in CHOICES["isoneutral"][1:]}
    choices |= {"visbeck": {"isoneutral": "dm95", "diffusion": "none", "eddy_diffusivity": "visbeck"}}
    for options in choices.values():
        m = model(*size, "float64", **options)
        backward, gradient, new_ad = AdjointStepper(m), Gradient.zeros(m), m.state.like()
        for a in new_ad:
            a[...] = np.random.default_rng(0).normal(size=a.shape)
        steps += [partial(ogcm.Stepper(m).advance, m.state), partial(backward.step, m.state, new_ad, gradient)]
    times = np.reshape(median_times(steps, repeats), (-1, 2))
    for choice, (plain, both) in zip(choices, times, strict=True):
        more, more_both = (plain, both) / times[0]
        print(f"{choice:12} {plain * 1e3:11.2f} {both * 1e3:11.2f} {both / plain:6.2f} {more:8.2f} {more_both:8.2f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one small size and few repeats")
    quick = parser.parse_args().quick
    small, repeats = (64, 64, 16), 5 if quick else 15
    threads = [1] if quick else sorted({1, numba.config.NUMBA_NUM_THREADS})
    triads(threads)
    numba.set_num_threads(1)
    operators(small, repeats)
    steps([small] if quick else [small, (128, 128, 16), (256, 256, 32)], threads, repeats)
    numba.set_num_threads(1)
    tracers(small if quick else (128, 128, 16), [0, 1] if quick else [0, 1, 2, 4, 8], repeats)
    closures(small if quick else (128, 128, 16), repeats)
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    everything, large = {"memory": 8e9}, (256, 256, 32)
    cases = [
        (small, 20, "everything", everything),
        (small, 20, "every state", {"snapshots": 20}),
        (small, 500, "20 snapshots", {"snapshots": 20}),
        (large, 4, "everything", everything),
        (large, 20, "5 snapshots", {"snapshots": 5}),
    ]
    repeats = 1 if quick else 3
    runs(cases[:2] if quick else cases, repeats)
    windows([1, 10] if quick else [1, 4, 10, 40, 100, 400, 1000, 4000], repeats)


if __name__ == "__main__":
    main()
