"""Halos: that of a periodic side is a copy of the opposite interior, that towards another tile of its interior.

The halo of a closed side is land and stays as it is. The adjoint of a field is exchanged in the same way, since adjoint
kernels gather (see docs/design.md, section 5).
"""

import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ogcm.backend import HALO, kernel, point
from ogcm.device import array_module, between_graphs, cupy, is_on_host, page_locked
from ogcm.grid import Grid
from ogcm.processes import communicator
from ogcm.tiles import Tile

PATIENCE = 60  # seconds after which a process that waits for another says so


@partial(kernel, parallel=False)
def fill_halo(periodic, field):
    """Fill the halo of a field on the periodic sides of its grid.

    Parameters
    ----------
    periodic : tuple of bool
        True where the grid is periodic along j, along i.
    field : ndarray, shape (nk, nj, ni)
        Field whose halo is written.
    """
    nk, nj, ni = field.shape
    width_j, width_i = nj - 2 * HALO, ni - 2 * HALO
    for k in range(nk):
        if periodic[1]:
            for j in range(HALO, nj - HALO):
                for n in range(HALO):
                    field[k, j, n] = field[k, j, HALO + (n - HALO) % width_i]
                    field[k, j, ni - HALO + n] = field[k, j, HALO + n % width_i]
        if periodic[0]:
            for n in range(HALO):
                for i in range(ni):
                    field[k, n, i] = field[k, HALO + (n - HALO) % width_j, i]
                    field[k, nj - HALO + n, i] = field[k, HALO + n % width_j, i]


@point
def fill_point(periodic, field, p, k):
    """Fill one point of the halo of layer k, on a GPU.

    Parameters
    ----------
    periodic : tuple of bool
        True where the grid is periodic along j, along i.
    field : ndarray, shape (nk, nj, ni)
        Field whose halo is written.
    p : int
        Number of the point: the first 2 HALO nj lie in columns, the other 2 HALO (ni - 2 HALO) in rows.
    k : int
        Layer.
    """
    _, nj, ni = field.shape
    width_j, width_i = nj - 2 * HALO, ni - 2 * HALO
    if p < 2 * HALO * nj:
        j, n = p // (2 * HALO), p % (2 * HALO)
        i = n if n < HALO else width_i + n
    else:
        n, i = (p - 2 * HALO * nj) // width_i, HALO + (p - 2 * HALO * nj) % width_i
        j = n if n < HALO else width_j + n
    beside, beyond = i < HALO or i >= ni - HALO, j < HALO or j >= nj - HALO
    from_j = HALO + (j - HALO) % width_j if periodic[0] and beyond else j
    from_i = HALO + (i - HALO) % width_i if periodic[1] and beside else i
    if (periodic[0] or not beyond) and (from_j != j or from_i != i):
        field[k, j, i] = field[k, from_j, from_i]


def exchange(grid: Grid, *fields: np.ndarray) -> None:
    """Fill the halos of fields on the periodic sides of their grid, and towards other tiles.

    Along i first: the rows that are copied along j afterwards include the halo at their ends, which fills the corners.

    Parameters
    ----------
    grid : Grid
        Grid of the fields.
    *fields : ndarray, shape (nj, ni) or (nk, nj, ni)
        Maps and fields in layers whose halos are written; towards other tiles all of one type.
    """
    tile = grid.tile
    if tile.is_whole:
        fill_halos(fields, grid.periodic)
        return
    for axis in (1, 0):
        if tile.layout[axis] > 1:
            between_graphs(partial(exchange_between_tiles, tile, axis, fields))
        else:
            fill_halos(fields, (grid.periodic[0] and axis == 0, grid.periodic[1] and axis == 1))


def fill_halos(fields: Sequence[np.ndarray], periodic: tuple[bool, bool]) -> None:
    """Fill the halos of maps and fields on periodic sides (along j, along i), in the memory in which they are."""
    if not any(periodic):
        return
    for field in fields:
        layers = field if field.ndim == 3 else field[None]
        if isinstance(field, np.ndarray):
            fill_halo(periodic, layers)
        else:
            fill_halo_on_gpu(periodic, layers)


def exchange_between_tiles(tile: Tile, axis: int, fields: Sequence[np.ndarray]) -> None:
    """Fill the halos towards the two neighbours along an axis, with one message of all fields to each of them.

    Parameters
    ----------
    tile : Tile
        The tile of this process.
    axis : int
        0 along j, 1 along i.
    fields : sequence of ndarray, shape (..., nj, ni)
        Fields whose halos are written.
    """
    processes, received, messages, xp = communicator(), [], [], array_module(fields[0])
    for step in (-1, 1):
        neighbour = tile.neighbour(axis, step)
        if neighbour is None:
            continue
        own, halo = (
            (slice(HALO, 2 * HALO), slice(0, HALO)) if step < 0 else (slice(-2 * HALO, -HALO), slice(-HALO, None))
        )
        sent = for_messages(xp.concatenate([strip(field, axis, own).ravel() for field in fields]))
        taken = np.empty_like(sent)
        messages.append((processes.Irecv(taken, neighbour, tag=1 - step), f"a message of process {neighbour}"))
        messages.append((processes.Isend(sent, neighbour, tag=1 + step), f"process {neighbour} to take a message"))
        received.append((halo, taken))
    wait(processes.rank, messages)
    for halo, message in received:
        taken = xp.asarray(message)
        for field in fields:
            target = strip(field, axis, halo)
            values, taken = taken[: target.size], taken[target.size :]
            target[...] = values.reshape(target.shape)


def for_messages(strips: Any) -> np.ndarray:
    """Return strips in memory from which MPI sends them: page-locked memory of the host, if they are on a GPU.

    With OGCM_GPU_MPI=1 they stay on the GPU, for an MPI that reads its memory (CUDA-aware).
    """
    if is_on_host(strips):
        return strips
    if os.environ.get("OGCM_GPU_MPI") == "1":
        cupy().cuda.get_current_stream().synchronize()
        return strips
    return strips.get(out=page_locked(strips.shape, strips.dtype))


def wait(rank: int, messages: Sequence[tuple[Any, str]]) -> None:
    """Wait for messages, and say which one is missing if it takes longer than `PATIENCE`.

    Parameters
    ----------
    rank : int
        Number of this process.
    messages : sequence of tuple
        Requests of MPI, each with words for what is awaited.
    """
    start = time.perf_counter()
    for request, words in messages:
        while not request.Test():
            if time.perf_counter() - start > PATIENCE:
                print(
                    f"process {rank} has waited {PATIENCE} s for {words}. That process compiles its kernels or hangs; "
                    "stop the run if it uses no processor time",
                    file=sys.stderr, flush=True,
                )  # fmt: skip
                start = np.inf


def strip(field: np.ndarray, axis: int, where: slice) -> np.ndarray:
    """Return rows (axis 0) or columns (axis 1) of a field: all of a row, and a column without the halo at its ends."""
    return field[..., where, :] if axis == 0 else field[..., HALO:-HALO, where]


def fill_halo_on_gpu(periodic, field):
    """Fill the halo of a field on a GPU, by one thread for each point of the halo.

    Parameters
    ----------
    periodic : tuple of bool
        True where the grid is periodic along j, along i.
    field : ndarray, shape (nk, nj, ni)
        Field whose halo is written.
    """
    from ogcm.cuda import launch, point_kernel

    nk, nj, ni = field.shape
    points = 2 * HALO * (nj + ni - 2 * HALO)
    launch(point_kernel(fill_point), (points, nk, 1), points, nk, periodic, field)
