"""Processes against threads: `python -m benchmarks.scaling [--processes N] [--quick]`.

The channel of `benchmarks.forward` in float64, stepped by N threads in one process, and by N processes of one thread
with a tile each (`mpiexec`), in turns; medians. *exchange* is the share of a step in which the processes fill their
halos, waiting for each other included; *messages* and *kB* are those that a tile sends in a step.

From the numbers and sizes of messages, and the time of a message of this machine, the last table predicts larger
machines. Its assumptions: a step of a point costs the same in every tile; messages go out one after another in a time
`latency + bytes / bandwidth` each; nothing is hidden behind computation; networks are not shared.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from ogcm import halo
from ogcm.backend import HALO
from ogcm.decomposition import best_layout
from ogcm.processes import communicator
from ogcm.tiles import Tile

SIZES = [(64, 64, 16), (256, 256, 32)]
TURNS = 3
MPIEXEC = str(Path(sys.executable).with_name("mpiexec"))
NETWORK = (2e-6, 10e9)  # latency [s] and bandwidth [bytes s-1] of a cluster's network, for the prediction
OCEANS = {"1/4 degree": (1440, 720, 50), "1/10 degree": (3600, 1800, 62)}


def measure(size: tuple[int, int, int], steps: int) -> dict:
    """Time steps of the channel in this process, or in all processes of `mpiexec`."""
    from benchmarks.forward import model
    from ogcm.stepper import Stepper

    stepper, processes = Stepper(model(*size, "float64")), communicator()
    tile, between, sent = (
        stepper.model.grid.tile,
        halo.exchange_between_tiles,
        {"bytes": 0, "seconds": 0.0, "messages": 0},
    )
    # The numbers of cells of those sides at which another tile lies
    sides = [size[axis] // tile.layout[1 - axis] for axis in (0, 1) for step in (-1, 1) if towards(tile, axis, step)]

    def timed(tile, axis, fields):
        neighbours = sum(towards(tile, axis, step) for step in (-1, 1))
        sent["messages"] += neighbours
        sent["bytes"] += neighbours * sum(halo.strip(field, axis, slice(0, HALO)).nbytes for field in fields)
        start = time.perf_counter()
        between(tile, axis, fields)
        sent["seconds"] += time.perf_counter() - start

    stepper.step()
    halo.exchange_between_tiles = timed
    times = []
    for _ in range(steps):
        if processes is not None:
            processes.Barrier()
        start = time.perf_counter()
        stepper.step()
        times.append(time.perf_counter() - start)
    halo.exchange_between_tiles = between
    each = {name: value / steps for name, value in sent.items()}
    if sides:
        each |= {"exchanges": each["messages"] / len(sides), "bytes_per_cell": each["bytes"] / (sum(sides) * size[2])}
    return {"ms": 1e3 * statistics.median(times), **each}


def towards(tile: Tile, axis: int, step: int) -> bool:
    """Return True if another tile lies at this side (`Tile.neighbour`)."""
    return tile.layout[axis] > 1 and tile.neighbour(axis, step) is not None


def worker(nx: int, ny: int, nk: int, steps: int) -> None:
    """Measure once, and let the first process print the result."""
    found = measure((nx, ny, nk), steps)
    if communicator() is None or communicator().rank == 0:
        print(json.dumps(found))


def run(size: tuple[int, int, int], steps: int, processes: int, threads: int) -> dict:
    """Measure in processes of their own."""
    launcher = [] if processes == 1 else [MPIEXEC, "-n", str(processes)]
    command = [
        *launcher,
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "benchmarks.scaling",
        "--worker",
        *map(str, (*size, steps)),
    ]
    environment = os.environ | {"NUMBA_NUM_THREADS": str(threads)}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def message_time() -> tuple[float, float]:
    """Latency [s] and bandwidth [bytes s-1] of messages between two processes of this machine."""
    code = """
import time, numpy as np
from mpi4py import MPI
c, found = MPI.COMM_WORLD, []
for n in (1, 2**17):
    a, times = np.zeros(n), []
    for _ in range(300):
        c.Barrier(); start = time.perf_counter()
        c.Sendrecv(a, 1 - c.rank, recvbuf=np.empty(n), source=1 - c.rank)
        times.append(time.perf_counter() - start)
    found.append(sorted(times)[150])
if c.rank == 0: print(found[0], 8 * 2**17 / (found[1] - found[0]))
"""
    command = [MPIEXEC, "-n", "2", sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    latency, bandwidth = map(float, said.split())
    return latency, bandwidth


def predictions(seconds_per_point: float, exchanges: float, bytes_per_cell: float) -> None:
    """Print the efficiency that the model of the exchange predicts for larger oceans and machines.

    Parameters
    ----------
    seconds_per_point : float
        Time of a step for each point [s].
    exchanges : float
        Number of exchanges in a step; each sends a message to every one of the four neighbours.
    bytes_per_cell : float
        Bytes that a tile sends in a step for each cell of its sides and each layer.
    """
    latency, bandwidth = NETWORK
    print(f"\npredicted with messages of {latency * 1e6:.0f} us + bytes / {bandwidth / 1e9:.0f} GB/s, one thread each")
    print(f"{'ocean':12} {'processes':>9} {'tile':>12} {'ms/step':>9} {'exchange':>9} {'efficiency':>10}")
    for name, (nx, ny, nk) in OCEANS.items():
        for processes in (4, 64, 1024, 10000):
            rows, columns = best_layout((ny, nx), (False, True), processes)
            height, width = ny / rows, nx / columns
            compute = height * width * nk * seconds_per_point
            exchange = 4 * exchanges * latency + 2 * (height + width) * nk * bytes_per_cell / bandwidth
            tile = f"{width:.0f} x {height:.0f}"
            print(
                f"{name:12} {processes:9} {tile:>12} {1e3 * (compute + exchange):9.2f} "
                f"{exchange / (compute + exchange):9.0%} {compute / (compute + exchange):10.0%}"
            )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2, help="number of processes, and of threads (default 2)")
    parser.add_argument("--quick", action="store_true", help="one small size and few turns")
    parser.add_argument("--worker", nargs=4, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(*arguments.worker)
        return
    n, turns = arguments.processes, 1 if arguments.quick else TURNS
    heads = (f"{n} threads", f"{n} processes", "exchange", "messages", "kB")
    print(f"{'size':16} {'1 thread':>9} {heads[0]:>10} {heads[1]:>12} {heads[2]:>9} {heads[3]:>9} {heads[4]:>7}")
    for size in SIZES[: 1 if arguments.quick else None]:
        steps = max(5, int(1e7 / np.prod(size)))
        kinds = {"one": (1, 1), "threads": (1, n), "processes": (n, 1)}
        found = {kind: [] for kind in kinds}
        for _ in range(turns):
            for kind, (processes, threads) in kinds.items():
                found[kind].append(run(size, steps, processes, threads))
        ms = {kind: statistics.median(each["ms"] for each in several) for kind, several in found.items()}
        last = found["processes"][-1]
        share = statistics.median(1e3 * each["seconds"] / each["ms"] for each in found["processes"])
        name = " x ".join(map(str, size))
        print(
            f"{name:16} {ms['one']:9.2f} {ms['threads']:10.2f} {ms['processes']:12.2f} {share:9.0%} "
            f"{last['messages']:9.0f} {last['bytes'] / 1e3:7.0f}"
        )
    latency, bandwidth = message_time()
    print(f"\na message between two processes here: {latency * 1e6:.1f} us + bytes / {bandwidth / 1e9:.1f} GB/s")
    predictions(1e-3 * ms["one"] / np.prod(size), last["exchanges"], last["bytes_per_cell"])


if __name__ == "__main__":
    main()
