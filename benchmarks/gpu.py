"""The model on a CUDA GPU: `python -m benchmarks.gpu [--quick] [--data FILE] [PART ...]`.

agreement   differences between GPU and CPU in float64 of each operator and its adjoint, and of a step; the error of a
            gradient relative to the complex step; whether two runs are identical to the bit
kernels     the time of each kernel, and the bandwidth of the bytes that it must move at least, relative to a copy
            within the memory of the device in the same process
launches    the time of each kernel of a step and of its adjoint, all launches of a step together, with the default
            numerics and with those of an eddying ocean
choices     the time of a step and of an adjoint step with each choice of numerics, relative to those of the default
steps       points steps/s at growing sizes, as one CUDA graph and kernel by kernel, and the time of an adjoint step
            relative to that of a forward step
gradients   the time of a gradient relative to that of its run
training    the time of a step forwards and backwards with a corrector, and with the physics alone
years       simulated years per day of global_4deg (with its data, --data) and of a grid of 1/4 degree

All parts run unless some are named. No network is needed. Times are those of CUDA events, the best of several after
runs that compile. `--quick` uses tiny sizes, which the simulator of a GPU can run as well.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from unittest import mock

import numpy as np

import ogcm
from adjoint import gradient
from adjoint.complex_step import directional_derivative
from adjoint.losses import MeanSquare
from adjoint.random_ocean import mask_of, random_field, random_grid
from adjoint.registry import PAIRS
from adjoint.run import Workspace, evaluate
from adjoint.state import Gradient
from adjoint.stepper import AdjointStepper
from benchmarks.forward import kernels, model
from nn.corrector import Corrector
from ogcm import cuda, device
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import Grid
from ogcm.memory import run_bytes
from ogcm.numerics import CHOICES, Numerics
from ogcm.setups import global_4deg

PARTS = ("agreement", "kernels", "launches", "choices", "steps", "gradients", "training", "years")
EDDYING = {
    "advection": "weno5", "momentum_upwinding": "all", "isoneutral": "gerdes", "diffusion": "none", "friction": "none",
    "vertical_mixing": "tke",
}  # fmt: skip
SIZES = [(128, 128, 16), (256, 256, 32), (512, 512, 32), (1024, 1024, 64)]


def best(
    function: Callable[[], object], repeats: int = 5, warm: int = 3, *, calls: int = 1, quick: bool = False
) -> float:
    """Shortest time [s] on the GPU of `repeats`, each the mean of `calls`, after `warm` calls that compile."""
    xp, (repeats, warm, calls) = device.cupy(), (1, 1, 1) if quick else (repeats, warm, calls)
    for _ in range(warm):
        function()
    times = []
    for _ in range(repeats):
        start, end = xp.cuda.Event(), xp.cuda.Event()
        start.record()
        for _ in range(calls):
            function()
        end.record()
        end.synchronize()
        times.append(xp.cuda.get_elapsed_time(start, end) / 1e3 / calls)
    return min(times)


def named(size: tuple[int, int, int]) -> str:
    """The size as text."""
    return " x ".join(map(str, size))


def ocean(size: tuple[int, int, int], precision: str, quick: bool, **choices: str) -> ogcm.Model:
    """The channel of benchmarks/forward.py; a quick one has a short step of one stage and one substep."""
    m = model(*size, precision, **choices)
    if quick:
        m.numerics = replace(m.numerics, dt=60.0, integrator="euler", barotropic_steps=1)
    return m


def fits(m: ogcm.Model) -> bool:
    """True where the memory of the GPU is large enough for a run."""
    return run_bytes(m) < device.free_memory()


# Agreement


def distance(found: list, expected: list) -> float:
    """Largest difference relative to the largest value, over pairs of arrays."""
    pairs = zip(found, expected, strict=True)
    return max(float(np.abs(device.to_host(a) - b).max() / (np.abs(b).max() or 1.0)) for a, b in pairs)


def operator(name: str, grid: Grid, where: str) -> list[list[np.ndarray]]:
    """Results of an operator and of its adjoint on a device, for random fields."""
    pair, rng, g = PAIRS[name], np.random.default_rng(0), grid.to(where)
    x = [random_field(grid, kind, rng, size) for kind, size in pair.inputs.values()]
    y = [np.zeros(mask_of(grid, kind).shape) for kind in pair.outputs.values()]
    y_ad, x_ad = [rng.normal(size=a.shape) for a in y], [np.zeros_like(a) for a in x]
    x, y, y_ad, x_ad = ([device.to_device(a, where) for a in arrays] for arrays in (x, y, y_ad, x_ad))
    host = 1 if name == "barotropic_substeps" else 0  # its weights, vectors, are read on the host
    constants = [device.to_device(a, where) if np.ndim(a) > host else a for a in pair.constants(grid, np.dtype(float))]
    pair.forward(*x, *constants, g, *y)
    pair.adjoint(*x, *constants, g, *y_ad, *x_ad)
    return [[device.to_host(a) for a in arrays] for arrays in (y, x_ad)]


def agreement(quick: bool) -> None:
    """Print the differences of operators, a step and a gradient."""
    print(f"{'operator':28} {'forward':>9} {'adjoint':>9}   relative difference to the CPU, float64")
    grid = random_grid(nx=12, ny=9, periodic_x=True)
    for name in list(PAIRS)[:3] if quick else PAIRS:
        here, there = (operator(name, grid, where) for where in device.DEVICES)
        print("{:28} {:9.1e} {:9.1e}".format(name, *map(distance, there, here)))
    size, steps = ((5, 4, 3), 1) if quick else ((64, 64, 16), 10)
    here = ocean(size, "float64", quick)
    there, worst = here.to("cuda"), 0.0
    one, other = ogcm.Stepper(here), ogcm.Stepper(there)
    for _ in range(steps):
        for a, b in zip(there.state.all_arrays(), here.state.all_arrays(), strict=True):
            device.copy_values(a, b)
        one.step()
        other.step()
        worst = max(worst, distance(there.state.all_arrays(), here.state.all_arrays()))
    print(f"a step of {named(size)}: {worst:.1e}")
    digests = set()
    for _ in range(2):
        m = ocean(size, "float64", quick).to("cuda")
        stepper = ogcm.Stepper(m)
        for _ in range(steps):
            stepper.step()
        digests.add(m.state.digest())
    print(f"two runs of {steps} steps are {'identical to the bit' if len(digests) == 1 else 'DIFFERENT'}")
    run = ogcm.Simulation(here, days=steps * here.numerics.dt / DAY, progress=False, device="cuda")
    loss = MeanSquare(here, "T", np.zeros(size[::-1]))
    change = {name: np.random.default_rng(0).normal(size=np.shape(v)) for name, v in (("T", loss.data[0]), ("nu_h", 0))}
    found = gradient(loss, run, list(change))
    terms = np.concatenate([(found[name] * change[name]).ravel() for name in change])
    error = abs(directional_derivative(loss, run, change) - terms.sum()) / np.abs(terms).sum()
    print(f"gradient of {steps} steps with respect to T and nu_h, error relative to the complex step: {error:.1e}")


# Speed


def copy_rate(quick: bool) -> float:
    """Bandwidth [bytes s-1] of a copy within the memory of the device, bytes read and written."""
    a = device.cupy().zeros(1000 if quick else 1 << 28, np.float32)
    b = device.cupy().zeros_like(a)

    def copy() -> None:
        b[...] = a

    return 2 * a.nbytes / best(copy, calls=20, quick=quick)


def kernel_table(quick: bool) -> None:
    """Print the time and the bandwidth of each kernel of a step."""
    rate, size = copy_rate(quick), (8, 6, 3) if quick else (1024, 1024, 64)
    print(f"a copy moves {rate / 1e9:.0f} GB/s; kernels at {named(size)}")
    print(f"{'kernel':28} {'precision':10} {'ms':>8} {'Gpoints/s':>10} {'GB/s':>7} {'of a copy':>9}")
    for precision in ("float32",) if quick else ("float32", "float64"):
        stepper = ogcm.Stepper(ocean(size, precision, quick).to("cuda"))
        stepper.step()
        points, itemsize = np.prod(size), np.dtype(precision).itemsize
        for name, (function, arguments, arrays) in kernels(stepper).items():
            seconds = best(lambda f=function, a=arguments: f(*a), calls=20, quick=quick)
            moved = arrays * points * itemsize / seconds
            print(
                f"{name:28} {precision:10} {seconds * 1e3:8.3f} {points / seconds / 1e9:10.2f} {moved / 1e9:7.0f} "
                f"{moved / rate:9.0%}"
            )


def launch_table(quick: bool) -> None:
    """Print the time of each kernel in a step and in its adjoint."""
    runs = [("default", precision, {}) for precision in (("float32",) if quick else ("float32", "float64"))]
    for numerics, precision, choices in runs if quick else [*runs, ("eddying", "float32", EDDYING)]:
        there = ocean((5, 4, 3) if quick else (512, 512, 32), precision, quick, **choices).to("cuda")
        forward, backward = ogcm.Stepper(there, graphs=False), AdjointStepper(there, graphs=False)
        backward.with_eos = False
        forward.step()
        backward.forward.advance(there.state)
        arguments = backward.forward, there.state, there.state.copy(), Gradient.zeros(there)
        for part, found in (
            ("step", launches(forward.step, quick)),
            ("adjoint of a step", launches(partial(backward.reverse, *arguments), quick)),
        ):
            total = sum(seconds for _, seconds in found.values()) * 1e3
            print(f"{part}, {numerics} numerics, {precision}: {total:.2f} ms in kernels")
            for name, (count, seconds) in sorted(found.items(), key=lambda item: -item[1][1]):
                print(f"{name:44} {count:4} {seconds * 1e3:9.3f} ms", flush=True)


def launches(work: Callable[[], None], quick: bool) -> dict[str, tuple[int, float]]:
    """Number of launches and seconds of each GPU kernel in some work, each launch timed as a graph of its own."""
    found, stream = dict[str, tuple[int, float]](), device.cupy().cuda.get_current_stream()

    def timed(kernel, *arguments, launch=cuda.launch):
        launch(kernel, *arguments)  # compiles
        stream.begin_capture()
        launch(kernel, *arguments)
        seconds, name = best(stream.end_capture().launch, 2, 1, calls=3, quick=quick), kernel.py_func.__name__
        count, before = found.get(name, (0, 0.0))
        found[name] = count + 1, before + seconds

    with mock.patch.object(cuda, "launch", timed):
        work()
    return found


def choice_table(quick: bool) -> None:
    """Print the time of a step and of its adjoint with each choice of numerics."""
    changes: dict[str, dict] = {"default": {}} | {
        f"{name}={choice}": {name: choice}
        for name in ("advection", "momentum_upwinding", "vertical_mixing", "equation_of_state", "friction", "diffusion")
        for choice in CHOICES[name]
        if choice not in ("none", getattr(Numerics(dt=1.0), name))
    }
    changes |= {f"isoneutral={name}": {"isoneutral": name, "diffusion": "none"} for name in CHOICES["isoneutral"][1:]}
    changes |= {"eddy_diffusivity=visbeck": {**changes["isoneutral=gerdes"], "eddy_diffusivity": "visbeck"}}
    changes |= {"eddying": EDDYING}
    size, first = (5, 4, 3) if quick else (256, 256, 32), None
    print(f"{named(size):34} {'ms/step':>9} {'adjoint ms':>11} {'ratio':>6} {'step':>6} {'adjoint':>8} of the default")
    for name, choices in (dict(list(changes.items())[:2]) if quick else changes).items():
        there = ocean(size, "float32", quick, **choices).to("cuda")
        step, back = best(ogcm.Stepper(there).step, 5, 5, quick=quick), backwards(there, quick)
        first = first or (step, back)
        print(
            f"{name:34} {step * 1e3:9.2f} {back * 1e3:11.2f} {back / step:6.2f} {step / first[0]:6.2f} "
            f"{back / first[1]:8.2f}",
            flush=True,
        )


def step_table(quick: bool) -> None:
    """Print the time of forward and adjoint steps at growing sizes."""
    print("whole step (T and S, rk3: three stages)")
    print(
        f"{'size':18} {'precision':10} {'ms/step':>9} {'points steps/s':>15} {'kernel by kernel':>17} "
        f"{'adjoint step':>13} {'ratio':>6} {'GB held':>8}"
    )
    for precision in ("float32",) if quick else ("float32", "float64"):
        for size in [(5, 4, 3)] if quick else SIZES:
            m = ocean(size, precision, quick)
            if not fits(m):
                print(f"{named(size):18} {precision:10} does not fit into {device.free_memory() / 1e9:.0f} GB")
                continue
            there = m.to("cuda")
            graph = best(ogcm.Stepper(there).step, 5, 5, quick=quick)
            single = best(ogcm.Stepper(there, graphs=False).step, 3, 2, quick=quick)
            held, back = (run_bytes(m) / 1e9, np.nan)
            if 5 * run_bytes(m) < device.free_memory():
                back = backwards(there, quick)
            print(
                f"{named(size):18} {precision:10} {graph * 1e3:9.2f} {np.prod(size) / graph:15.3g} "
                f"{single * 1e3:14.2f} ms {back * 1e3:10.2f} ms {back / graph:6.2f} {held:8.2f}",
                flush=True,
            )


def backwards(there: ogcm.Model, quick: bool) -> float:
    """Seconds of an adjoint step, including the forward step with which it begins."""
    stepper, gradients, new_ad = AdjointStepper(there), Gradient.zeros(there), there.state.copy()
    stepper.with_eos = False  # as in a gradient without control of the equation of state
    return best(lambda: stepper.step(there.state, new_ad, gradients), 3, 3, quick=quick)


def gradient_table(quick: bool) -> None:
    """Print the times of gradients and of their runs."""
    print(
        f"{'gradient':18} {'precision':10} {'steps':>6} {'snapshots':>10} {'run s':>7} {'gradient s':>11} {'ratio':>6}"
    )
    cases = [((5, 4, 3), 2, 2)] if quick else [((128, 128, 16), 200, 200), ((512, 512, 32), 50, 50)]
    for size, steps, snapshots in cases:
        m = ocean(size, "float32", quick)
        run = ogcm.Simulation(m, days=steps * m.numerics.dt / DAY, progress=False, device="cuda")
        loss, workspace = MeanSquare(m, "T", np.zeros(size[::-1])), Workspace(m, "cuda")
        seconds = []
        for _ in range(1 if quick else 2):  # the first one compiles and records
            started = time.perf_counter()
            evaluate(loss, run)
            middle = time.perf_counter()
            gradient(loss, run, ["T", "nu_h"], workspace=workspace, snapshots=snapshots)
            seconds = [middle - started, time.perf_counter() - middle]
        forward, whole = seconds
        ratio = whole / forward
        print(f"{named(size):18} {'float32':10} {steps:6} {snapshots:10} {forward:7.2f} {whole:11.2f} {ratio:6.2f}")


def training_table(quick: bool) -> None:
    """Print the time of a forward and of an adjoint step with and without a corrector."""
    size = (5, 4, 3) if quick else (256, 256, 32)
    plain, corrected = (ocean(size, "float32", quick) for _ in range(2))
    corrected.corrector = Corrector(
        corrected, features=("velocity", "T"), outputs=("stress", "T_flux"), hidden=(64, 64), dtype="float32",
        scales={"stress": 1e-3, "T_flux": 1e-3},
    )  # fmt: skip
    corrected.corrector.set_normalisation(corrected, [corrected.state])
    print(f"{'training ' + named(size):28} {'step ms':>9} {'forward, back ms':>18}")
    for name, m in (("physics", plain), ("with a network of 64, 64", corrected)):
        there = m.to("cuda")
        forward = best(ogcm.Stepper(there).step, 5, 5, quick=quick)
        print(f"{name:28} {forward * 1e3:9.2f} {backwards(there, quick) * 1e3:18.2f}")


def year_table(quick: bool, data: str | None) -> None:
    """Print simulated years per day."""
    print(f"{'ocean':34} {'size':18} {'dt s':>6} {'ms/step':>9} {'years/day':>10}")
    size, quarter = ((5, 4, 3), (6, 4, 3)) if quick else ((90, 40, 15), (1440, 680, 50))
    coarse = global_4deg(data=data, precision="float32") if data else ocean(size, "float32", quick)
    for name, m, dt in (
        ("global_4deg" if data else "of the size of global_4deg", coarse, coarse.numerics.dt if data else 43200.0),
        ("of the size of a globe of 1/4 degree", ocean(quarter, "float32", quick), 900.0),
    ):
        seconds = best(ogcm.Stepper(m.to("cuda")).step, 5, 5, quick=quick)
        shape = named((*m.horizontal.shape[::-1], len(m.dz)))
        print(f"{name:34} {shape:18} {dt:6.0f} {seconds * 1e3:9.2f} {dt / seconds / 360:10.1f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="tiny sizes")
    parser.add_argument("--data", help="file of observations for global_4deg")
    chosen = parser.parse_args()
    try:
        device.check_device("cuda")
    except InputError as error:
        parser.exit(2, f"benchmarks.gpu: {error}\n")
    print(device.describe_gpu())
    tables = {
        "agreement": agreement,
        "kernels": kernel_table,
        "launches": launch_table,
        "choices": choice_table,
        "steps": step_table,
        "gradients": gradient_table,
        "training": training_table,
        "years": lambda quick: year_table(quick, chosen.data),
    }
    for part in chosen.parts or PARTS:
        print(f"\n{part}")
        tables[part](chosen.quick)


if __name__ == "__main__":
    main()
