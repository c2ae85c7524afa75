"""ogcm beside other models: `python -m benchmarks.peers [--quick] [--venv DIR] [--mitgcm PROGRAM ...]`.

**Veros** (Haefner et al. 2018, doi 10.5194/gmd-11-3299-2018; with JAX) is installed from PyPI into an environment of
its own (needs the network once) and runs the same ocean from the same file: a re-entrant channel on a beta-plane, flat,
4,000 m deep, cells of 20 km, with a meandering front of 6 K in thermal-wind balance (jet of 0.4 m s-1), wind stress,
linear drag, linear sea water, Laplacian friction and diffusion, constant vertical mixing with convective adjustment,
centred advection of second order for tracers, free surface, float64, no further closure. The numerics differ, since
each model runs with its own: Veros takes one Adams-Bashforth step (dt_mom = dt_tracer) with an implicit linear free
surface, ogcm three Runge-Kutta stages with barotropic substeps and z*. With steps of 100 s their kinetic energies
differ by 1 % after a day. The streamfunction of Veros instead of its free surface was not faster; its accounting of
energy (enable_conserve_energy), which has no effect without TKE, is switched off.

**The longest stable step** is found by the same rule for each model: in a smaller box of the same cells, layers,
physics and front, run for DAYS days with one step after the other from STEPS; a step is stable if the kinetic energy at
the end is finite and within a tenth of that of the model's own run with the shortest step; the longest is the last
before the first that is not. The full size is then timed with that step (median of its steps). Each run is a process of
its own, so that "start" holds imports, compilation and the first step; ogcm finds its compiled kernels in its cache,
and what a start takes with an empty one is printed besides.

**MITgcm** (Marshall et al. 1997, doi 10.1029/96JC02775) is run where it has been built; otherwise its row is a recorded
figure (gfortran -O3 -march=native, temperature alone, dt = 1,200 s, which is the step of that recording and not its
longest). The case is the baroclinic gyre of its tutorial on one core: 15 layers, cells of 1 and of 1/4 degree, a ring
of land, linear sea water, Laplacian mixing, surface temperature restored within 30 days; MITgcm with its
Adams-Bashforth step and implicit free surface, with temperature alone and with salinity, ogcm with salinity. Both start
from a state that ogcm has spun up for as many days as each run then takes, and find their longest stable steps by the
rule above, at either size. The table has both comparisons: step for step (points steps/s), and each model at its own
longest step (points times simulated seconds per second). To build MITgcm with gfortran, with its sources in $MITGCM:

    python -m benchmarks.peers --mitgcm-code gyre              # writes gyre/62 and gyre/248: SIZE.h, packages.conf
    cp $MITGCM/tools/build_options/linux_amd64_gfortran gyre/options
    echo "FOPTIM='-O3 -march=native'" >> gyre/options
    for n in 62 248; do
        mkdir gyre/build_$n && cd gyre/build_$n
        $MITGCM/tools/genmake2 -rootdir $MITGCM -mods ../$n -of ../options && make depend && make
        cd ../..
    done
    python -m benchmarks.peers --mitgcm gyre/build_62/mitgcmuv gyre/build_248/mitgcmuv
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

import ogcm
from benchmarks.mitgcm import RESTORING, run_mitgcm, write_code, write_input
from ogcm.constants import DAY, GRAVITY
from ogcm.errors import InputError
from ogcm.grid import interior

HERE = Path(__file__).resolve().parent
PINNED = ("veros[jax]==1.7.0", "jax==0.10.2")  # known to work together; Veros 1.7 needs the jax.ffi of jax >= 0.5
STEPS = (600, 900, 1200, 1500, 1800, 2100, 2400, 3000, 3600, 4200, 4800, 5400, 6000, 7200, 9000, 10800, 14400, 21600)
DAYS = 10
TOLERANCE = 0.1  # of the kinetic energy
RECORDED = {62: 1.0e7, 248: 7.5e6}  # points steps/s of MITgcm on one core, recorded elsewhere, by the cells of a side
RECORDED_STEP = 1200.0
GYRE_LAYERS = np.arange(50.0, 200.0, 10.0)  # thicknesses [m]
GYRE_DAYS = {62: 60.0, 248: 10.0}
TIMED = 20  # steps, of which the median is taken


def channel(nx: int, ny: int, nk: int) -> dict[str, NDArray]:
    """The ocean that both models read: arrays [k, j, i] from the surface down, and physical constants."""
    dx, dz = 2e4, np.full(nk, 4000.0 / nk)
    expansion, contraction = 1.67e-4, 0.78e-3  # those of Veros' linear sea water [K-1, kg g-1]
    x, y = (np.arange(nx) + 0.5) * dx, (np.arange(ny) + 0.5) * dx
    length, width = nx * dx, ny * dx
    z = -(np.cumsum(dz) - dz / 2)[:, None, None]
    f = 1e-4 + 2e-11 * (y - width / 2)
    meander = width / 2 + 5e4 * np.sin(2 * np.pi * 3 * x / length)
    T = 5 + (12 - 3 * np.tanh((y[:, None] - meander) / 1.2e5)) * np.exp(z / 800)
    buoyancy = GRAVITY * expansion * (T - T[:, :1, :1])
    pressure = np.cumsum((buoyancy * dz[:, None, None])[::-1], axis=0)[::-1]  # above rest at the bottom
    pressure -= buoyancy * dz[:, None, None] / 2
    eta = (buoyancy * dz[:, None, None]).sum(axis=0) / GRAVITY
    p = np.concatenate([pressure[..., -1:], pressure, pressure[..., :1]], axis=2)
    u, v = -np.gradient(pressure, dx, axis=1) / f[:, None], np.gradient(p, dx, axis=2)[..., 1:-1] / f[:, None]
    v_north = (v + np.roll(v, -1, axis=1)) / 2
    v_north[:, -1] = 0
    return {
        "dx": dx,
        "dz": dz,
        "f": f,
        "tau_x": 0.1 * np.sin(np.pi * y / width),
        "T": T,
        "S": np.full(T.shape, 35.0),
        "u": (u + np.roll(u, -1, axis=2)) / 2,
        "v": v_north,
        "eta": eta - eta.mean(),
        "nu_h": 1000.0,
        "kappa_h": 500.0,
        "nu_v": 1e-3,
        "kappa_v": 1e-5,
        "drag": 1e-3,
        "eos": np.array([expansion, contraction]),
    }


def install_veros(directory: Path) -> str:
    """The Python of an environment with Veros, which is made where it does not exist."""
    python = directory / "bin" / "python"
    if not list(directory.glob("lib/*/site-packages/veros")):
        print(f"installing {', '.join(PINNED)} into {directory}", file=sys.stderr)
        venv.create(directory, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINNED], check=True)
    return str(python)


def run(command: Sequence[str], case: Path, dt: float, steps: int, **environment: str) -> dict:
    """Run the process of a model and return its report."""
    arguments = [*command, str(case), str(dt), str(steps), str(time.time())]
    done = subprocess.run(
        arguments, cwd=HERE.parent, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def longest_step(energy: Callable[[float], float | None], steps: Sequence[float]) -> float:
    """The last of `steps` before the first whose energy differs from that of the shortest by more than TOLERANCE."""
    reference = energy(steps[0])
    if reference is None:
        raise SystemExit(f"not even a step of {steps[0]:g} s is stable")

    def stable(dt: float) -> bool:
        value = energy(dt)
        ok = value is not None and abs(value / reference - 1) < TOLERANCE
        print(f"  dt = {dt:5.0f} s: energy {value or np.nan:.5g} ({'stable' if ok else 'not'})", file=sys.stderr)
        return ok

    return [steps[0], *itertools.takewhile(stable, steps[1:])][-1]


def compare_with_veros(directory: Path, quick: bool) -> None:
    """Print the table of the channel in both models."""
    size, box = ((40, 40, 10), (40, 40, 10)) if quick else ((120, 168, 30), (40, 56, 30))
    models = {"Veros": [install_veros(directory), str(HERE / "veros_channel.py")]}
    models["ogcm"] = [sys.executable, "-m", "benchmarks.ogcm_channel"]
    points, rows = np.prod(size), {}
    candidates, days = (STEPS[1::2], 3) if quick else (STEPS, DAYS)
    with tempfile.TemporaryDirectory() as folder:
        small, full = Path(folder, "small.npz"), Path(folder, "full.npz")
        np.savez(small, **channel(*box))
        np.savez(full, **channel(*size))
        for name, command in models.items():
            print(f"{name}: longest stable step", file=sys.stderr)

            def energy(dt, command=command):
                return run(command, small, dt, round(days * DAY / dt))["energy"]

            dt = longest_step(energy, candidates)
            rows[name] = run(command, full, dt, 6 if quick else 30) | {"dt": dt}
        cold = run(models["ogcm"], full, rows["ogcm"]["dt"], 2, OGCM_CACHE_DIR=str(Path(folder, "cache")))["start"]
    cores = len(os.sched_getaffinity(0))
    print(f"channel of {' x '.join(map(str, size))}, float64, {cores} cores; ogcm starts uncached in {cold:.0f} s")
    print(
        f"{'model':14} {'start s':>8} {'ms/step':>8} {'points steps/s':>15} {'longest dt s':>12} {'days per hour':>14}"
    )
    for name, row in rows.items():
        label, row["days"] = f"{name} {row['version']}", row["dt"] / DAY / row["step"] * 3600
        print(
            f"{label:14} {row['start']:8.1f} {row['step'] * 1e3:8.1f} {points / row['step']:15.3g} {row['dt']:12.0f} "
            f"{row['days']:14.1f}"
        )
    ours, theirs = rows["ogcm"], rows["Veros"]
    print(
        f"{'ogcm / Veros':14} {ours['start'] / theirs['start']:8.2f} {'':8} {theirs['step'] / ours['step']:15.2f} "
        f"{ours['dt'] / theirs['dt']:12.2f} {ours['days'] / theirs['days']:14.1f}"
    )


def gyre_case(n: int, degrees: float = 62.0, south: float = 14.0) -> dict[str, NDArray]:
    """The ocean of MITgcm's tutorial with n x n cells, of which the outermost are land: arrays, and edges of cells."""
    lat = south + np.linspace(0.0, degrees, n + 1)
    y = np.broadcast_to((lat[:-1] + lat[1:])[:, None] / 2, (n, n))
    width = lat[-2] - lat[1]  # of the ocean
    depth = np.zeros((n, n))
    depth[1:-1, 1:-1] = GYRE_LAYERS.sum()
    northward = (y - lat[1]) / width
    z = -(np.cumsum(GYRE_LAYERS) - GYRE_LAYERS / 2)[:, None, None]
    return {
        "lon": lat - south,
        "lat": lat,
        "dz": GYRE_LAYERS,
        "depth": depth,
        "tau_x": -0.1 * np.cos(2 * np.pi * northward),
        "T_star": 30 * (1 - northward),
        "T": 2 + 28 * np.exp(z / 400) * (1 - 0.8 * northward),
    }


def gyre(case: dict[str, NDArray], dt: float) -> ogcm.Model:
    """The baroclinic gyre in ogcm."""
    return ogcm.Model(
        ogcm.spherical(lon=case["lon"], lat=case["lat"]),
        depth=case["depth"],
        dz=case["dz"],
        T=case["T"],
        forcing=ogcm.Forcing(tau_x=case["tau_x"], T_star=case["T_star"], rate_T=case["dz"][0] / RESTORING),
        parameters={"nu_h": 5e3, "nu_v": 1e-2, "kappa_h": 1e3, "kappa_v": 1e-5, "eos": [0.2, 0, 0, 0, 0, 0, 0]},
        walls="no_slip",
        advection="centred2",
        dt=dt,
    )


def run_gyre(case: dict[str, NDArray], start: ogcm.State | None, dt: float, steps: int) -> tuple[ogcm.State, float]:
    """The state of ogcm after some steps from a state, or from the beginning, and their median seconds."""
    stepper, seconds = ogcm.Stepper(gyre(case, dt)), []
    if start is not None:
        stepper.model.state.assign(start)
    for _ in range(steps):
        began = time.perf_counter()
        stepper.step()
        seconds.append(time.perf_counter() - began)
    return stepper.model.state, statistics.median(seconds)


def kinetic_energy(case: dict[str, NDArray], start: ogcm.State, dt: float, steps: int) -> float | None:
    """The mean of u2 + v2 [m2 s-2] in ogcm after some steps; None if it is not finite or the step is refused."""
    try:
        state = run_gyre(case, start, dt, steps)[0]
    except InputError:
        return None
    value = float((interior(state.u) ** 2 + interior(state.v) ** 2).mean())
    return value if np.isfinite(value) else None


def time_mitgcm(
    executable: Path, case: dict[str, NDArray], start: ogcm.State, days: float, candidates: Sequence[float]
) -> list[tuple[str, float, float]]:
    """The rows of MITgcm with temperature alone and with salinity: name, longest stable step [s], seconds of a step."""
    fields = {name: interior(a) for name, a in start.arrays().items()}

    def after(dt, steps, salt=False):
        with tempfile.TemporaryDirectory() as folder:
            write_input(Path(folder), case, fields, dt, steps, salt=salt)
            return run_mitgcm(executable, Path(folder), len(case["depth"]), steps)

    print("MITgcm: longest stable step", file=sys.stderr)
    dt = longest_step(lambda dt: after(dt, round(days * DAY / dt)).energy, candidates)
    return [
        (name, dt, statistics.median(after(dt, TIMED, salt=salt).step for _ in range(3)))
        for name, salt in (("MITgcm, temperature", False), ("MITgcm, with salinity", True))
    ]


def compare_gyres(
    n: int, days: float, spin_up_step: float, candidates: Sequence[float], executable: Path | None
) -> None:
    """Print the rows of the gyre of n x n cells on one core: MITgcm, run or as recorded, ogcm, and their ratios."""
    case, points = gyre_case(n), n * n * len(GYRE_LAYERS)
    start = run_gyre(case, None, spin_up_step, round(days * DAY / spin_up_step))[0]
    print("ogcm: longest stable step", file=sys.stderr)
    dt = longest_step(lambda dt: kinetic_energy(case, start, dt, round(days * DAY / dt)), candidates)
    ours = ("ogcm, with salinity", dt, run_gyre(case, start, dt, TIMED)[1])
    if executable:
        theirs = time_mitgcm(executable, case, start, days, candidates)
    else:
        theirs = [("MITgcm, recorded elsewhere", RECORDED_STEP, points / RECORDED[n])]
    for name, step, seconds in (*theirs, ours):
        speed = points / seconds
        print(
            f"{name:28} {f'{n} x {n} x {len(GYRE_LAYERS)}':>14} {seconds * 1e3:8.2f} {speed:15.3g} {step:7.0f} "
            f"{speed * step:11.3g}"
        )
    for name, step, seconds in theirs:
        ratio = seconds / ours[2]
        print(f"{'ogcm / ' + name:43} {'':8} {ratio:15.2f} {dt / step:7.1f} {ratio * dt / step:11.2f}")


def compare_with_mitgcm(executables: dict[int, Path], quick: bool) -> None:
    """Print the table of the gyre on one core; `executables` has MITgcm by the number of cells of a side."""
    numba.set_num_threads(1)
    print("\nbaroclinic gyre, 15 layers, float64, one core")
    print(f"{'model':28} {'size':>14} {'ms/step':>8} {'points steps/s':>15} {'step s':>7} {'points s/s':>11}")
    for n in list(GYRE_DAYS)[: 1 if quick else None]:
        days, candidates = (2.0, STEPS[STEPS.index(3600) :: 3]) if quick else (GYRE_DAYS[n], STEPS)
        compare_gyres(n, days, 3600.0 * 62 / n, candidates, executables.get(n))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes and few steps, as a test")
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser.add_argument("--venv", type=Path, default=home / "ogcm-veros", help="environment of Veros")
    parser.add_argument("--mitgcm", type=Path, nargs="+", default=[], help="programs built for 62 and 248 cells")
    parser.add_argument("--mitgcm-code", type=Path, metavar="FOLDER", help="only write there the code to build them")
    options = parser.parse_args()
    if options.mitgcm_code:
        for n in GYRE_DAYS:
            write_code(options.mitgcm_code / str(n), n, len(GYRE_LAYERS))
        return
    compare_with_veros(options.venv, options.quick)
    compare_with_mitgcm(dict(zip(GYRE_DAYS, options.mitgcm, strict=False)), options.quick)


if __name__ == "__main__":
    main()
