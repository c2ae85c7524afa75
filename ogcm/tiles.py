"""The tiles of an ocean that runs on several processes (MPI ranks), of which each holds one.

    mpiexec -n 4 ogcm run ...       y |  2  3     ranks of two rows of two tiles, decomposition (2, 2)
                                      |  0  1
                                      '-------- x

A process has the rows and columns of its tile alone, with a halo. A halo towards another tile is a copy of the interior
of that tile (`exchange` in `ogcm.halo`), so that kernels know nothing of tiles. A process that was not started by
`mpiexec` has the whole ocean.
"""

import functools
import math
import os
import sys
from typing import Any, NamedTuple

import numpy as np

from ogcm.backend import HALO
from ogcm.errors import InputError

Array = np.ndarray
SMALLEST = HALO  # rows and columns of a tile, since a halo is filled by the nearest tile alone
# Variables that mpiexec and srun set in each process: those of its rank, and those of the number of processes
RANKS, SIZES = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK"), ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS")


class Tile(NamedTuple):
    """The place of a tile in the whole ocean.

    Attributes
    ----------
    shape : tuple of int
        Numbers of rows and columns of the whole ocean, (ny, nx).
    periodic : tuple of bool
        True where the whole ocean is periodic along j, along i.
    layout : tuple of int
        Numbers of tiles along j and i.
    place : tuple of int
        Numbers of the tiles south and west of this one.
    """

    shape: tuple[int, int]
    periodic: tuple[bool, bool]
    layout: tuple[int, int] = (1, 1)
    place: tuple[int, int] = (0, 0)

    @property
    def is_whole(self) -> bool:
        """True for a tile that is the whole ocean."""
        return self.layout == (1, 1)

    @property
    def is_first(self) -> bool:
        """True for the tile whose process writes files and messages."""
        return self.place == (0, 0)

    @property
    def wraps(self) -> tuple[bool, bool]:
        """True where the tile is its own neighbour along j, along i."""
        (along_j, along_i), (rows, columns) = self.periodic, self.layout
        return along_j and rows == 1, along_i and columns == 1

    @property
    def start(self) -> tuple[int, int]:
        """Row and column of the whole ocean at which the tile begins."""
        return self.rows.start, self.columns.start

    @property
    def rows(self) -> slice:
        """Rows of the whole ocean that lie in the tile."""
        return self.cells(0)

    @property
    def columns(self) -> slice:
        """Columns of the whole ocean that lie in the tile."""
        return self.cells(1)

    def cells(self, axis: int) -> slice:
        """Return the rows (axis 0) or columns (axis 1) of the whole ocean that lie in the tile."""
        n, tiles, place = self.shape[axis], self.layout[axis], self.place[axis]
        return slice(n * place // tiles, n * (place + 1) // tiles)

    def neighbour(self, axis: int, step: int) -> int | None:
        """Return the rank of the neighbour of a tile, or None at a closed side.

        Parameters
        ----------
        axis : int
            0 along j, 1 along i.
        step : {-1, 1}
            -1 for the neighbour in the south or west, 1 for that in the north or east.

        Returns
        -------
        int or None
            Its rank.
        """
        place = list(self.place)
        place[axis] += step
        if not (self.periodic[axis] or 0 <= place[axis] < self.layout[axis]):
            return None
        return place[0] % self.layout[0] * self.layout[1] + place[1] % self.layout[1]

    def cut(self, whole: Array) -> Array:
        """Return the part of a field of the whole ocean that lies in the tile.

        Parameters
        ----------
        whole : ndarray, shape (..., ny, nx)
            A field without halo; a number or a profile stays as it is.

        Returns
        -------
        ndarray, shape (..., rows, columns)
            View of the part.
        """
        return whole if self.is_whole or whole.ndim < 2 else whole[..., self.rows, self.columns]

    def cut_with_halo(self, whole: Array) -> Array:
        """Return the part of a field with halo, shape (..., ny + 2 HALO, nx + 2 HALO), that lies in the tile's."""
        rows, columns = self.rows, self.columns
        return whole[..., rows.start : rows.stop + 2 * HALO, columns.start : columns.stop + 2 * HALO]

    def check_whole(self, what: str) -> None:
        """Raise InputError for something that is not possible yet for an ocean that is divided into tiles."""
        if not self.is_whole:
            raise InputError(
                f"{what}: is not yet possible for an ocean that is divided into tiles, here {self.layout[0]} x "
                f"{self.layout[1]}; start one process, or give decomposition=(1, 1) to the model"
            )

    # Collective operations: all processes must call them

    def largest(self, value: float) -> float:
        """Return the largest of the values that the tiles give; NaN if one of them is NaN."""
        return value if self.is_whole else float(np.max(communicator().allgather(value)))

    def any(self, condition: bool) -> bool:
        """Return True if the condition is true in any tile."""
        return condition if self.is_whole else any(communicator().allgather(condition))

    def first(self, found: tuple | None) -> Any:
        """Return the least of the tuples that the tiles give, None for none; all but None must be comparable."""
        every = [found] if self.is_whole else communicator().allgather(found)
        return min((one for one in every if one is not None), default=None)

    def in_whole(self, index: tuple) -> tuple[int, ...]:
        """Return an index (..., j, i) within the tile as an index in the whole ocean."""
        (*layer, j, i), (row, column) = index, self.start
        return (*map(int, layer), int(j) + row, int(i) + column)

    def total(self, part: Array) -> float:
        """Return the sum of a map, correctly rounded: the same for any division into tiles.

        Parameters
        ----------
        part : ndarray of float64, shape (rows, columns)
            Map of the tile, without halo.

        Returns
        -------
        float
            The sum over all tiles; NaN or infinite if a value is.
        """
        parts = expansion(part)
        return fsum(parts if self.is_whole else [x for other in communicator().allgather(parts) for x in other])

    def whole_map(self, part: Array) -> Array:
        """Return the map of the whole ocean, on each process.

        Parameters
        ----------
        part : ndarray, shape (rows, columns)
            Map of the tile, without halo.

        Returns
        -------
        ndarray, shape (ny, nx)
            The whole map.
        """
        if self.is_whole:
            return part
        whole = np.empty(self.shape, part.dtype)
        for place, other in communicator().allgather((self.place, np.ascontiguousarray(part))):
            tile = self._replace(place=place)
            whole[tile.rows, tile.columns] = other
        return whole


def expansion(values: Array) -> list[float]:
    """Return a few numbers whose exact sum is that of `values`."""
    rest, parts = values.ravel().tolist(), []
    while (part := fsum(rest)) != 0:
        parts.append(part)
        if not math.isfinite(part):
            break
        rest.append(-part)
    return parts


def fsum(values: list[float]) -> float:
    """Return the sum of numbers, correctly rounded (Shewchuk 1997, doi 10.1007/PL00009321, in Python's `math.fsum`)."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # a partial sum that is too large, or infinities of both signs
        return float(np.sum(values))


@functools.cache
def communicator() -> Any:
    """Return the communicator of the processes that `mpiexec` started together; None for a single process.

    Raises InputError where mpi4py is missing.
    """
    sizes = [os.environ[name] for name in SIZES if name in os.environ]
    if not any(name in os.environ for name in RANKS) or (sizes and set(sizes) == {"1"}):
        return None
    try:
        from mpi4py import MPI
    except ImportError:
        raise InputError(
            "mpi4py: is needed by a process that mpiexec started, and is not installed: pip install 'ogcm[mpi]'"
        ) from None
    if MPI.COMM_WORLD.size == 1:
        return None
    sys.excepthook = functools.partial(end_all, sys.excepthook)
    return MPI.COMM_WORLD.Dup()


def end_all(hook: Any, kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    """Show an exception that ends this process, and end all others, which would wait for its messages."""
    hook(kind, error, traceback)
    sys.stderr.flush()
    communicator().Abort(1)


def divide(shape: tuple[int, int], periodic: tuple[bool, bool], layout: tuple[int, int] | None) -> Tile:
    """Divide an ocean into one tile for each process.

    Parameters
    ----------
    shape : tuple of int
        Numbers of rows and columns of the ocean, (ny, nx).
    periodic : tuple of bool
        True where it is periodic along j, along i.
    layout : tuple of int, optional
        Numbers of tiles along j and i; by default those with the smallest halos. (1, 1) gives each process an ocean of
        its own.

    Returns
    -------
    Tile
        The tile of this process.

    Raises
    ------
    InputError
        For a layout that does not fit the number of processes, for tiles that are too narrow, and where the processes
        divide different oceans.
    """
    processes = communicator()
    size, rank = (1, 0) if processes is None else (processes.size, processes.rank)
    layout = best_layout(shape, periodic, size) if layout is None else check_layout(layout, shape, size)
    if layout == (1, 1):
        return Tile(shape, periodic)
    every = processes.allgather((shape, periodic, layout))
    if every.count(every[0]) < size:
        oceans = ", ".join(f"{ny} x {nx} cells" for (ny, nx), _, _ in every)
        raise InputError(
            f"decomposition: the processes divide different oceans ({oceans}); let all of them make the same model, or "
            "give each one of its own by decomposition=(1, 1)"
        )
    return Tile(shape, periodic, layout, divmod(rank, layout[1]))


def best_layout(shape: tuple[int, int], periodic: tuple[bool, bool], size: int) -> tuple[int, int]:
    """Return the numbers of tiles along j and i with the smallest halos, of two alike the one with the longer rows.

    Raises InputError if the ocean cannot be divided into so many tiles.
    """
    layouts = [(n, size // n) for n in range(size, 0, -1) if size % n == 0]
    fitting = [layout for layout in layouts if is_wide_enough(shape, layout)]
    if not fitting:
        raise InputError(
            f"decomposition: {shape[0]} x {shape[1]} cells cannot be divided into {size} tiles of at least "
            f"{SMALLEST} x {SMALLEST}; start fewer processes"
        )

    def halo(layout: tuple[int, int]) -> float:
        """Length of the sides of a tile in the middle that lie at other tiles [cells]."""
        along_j, along_i = (2 * (n > 1) if ring else min(n - 1, 2) for n, ring in zip(layout, periodic, strict=True))
        return along_j * shape[1] / layout[1] + along_i * shape[0] / layout[0]

    return min(fitting, key=halo)


def is_wide_enough(shape: tuple[int, int], layout: tuple[int, int]) -> bool:
    """Return True if no tile that has neighbours along an axis is narrower than a halo."""
    return all(tiles == 1 or n // tiles >= SMALLEST for n, tiles in zip(shape, layout, strict=True))


def check_layout(layout: Any, shape: tuple[int, int], size: int) -> tuple[int, int]:
    """Return a layout as two integers. Raises InputError where it does not fit the processes or the ocean."""
    if not (isinstance(layout, tuple | list) and len(layout) == 2 and all(type(n) is int and n > 0 for n in layout)):
        raise InputError(f"decomposition: needs the numbers of tiles along j and i, such as (2, 1), got {layout!r}")
    rows, columns = layout
    tiles = f"decomposition: {rows} x {columns} tiles"
    if rows * columns not in (1, size):
        raise InputError(f"{tiles} need mpiexec -n {rows * columns}, and the number of processes is {size}")
    if not is_wide_enough(shape, (rows, columns)):
        raise InputError(f"{tiles} of {shape[0]} x {shape[1]} cells are narrower than the {SMALLEST} cells of a halo")
    return rows, columns
