"""The tiles of an ocean that runs on several processes (MPI ranks), of which each holds one.

    mpiexec -n 4 ogcm run ...       y |  2  3     ranks of two rows of two tiles, decomposition (2, 2)
                                      |  0  1
                                      '-------- x

A process has the rows and columns of its tile alone, with a halo. A halo towards another tile is a copy of the interior
of that tile (`exchange` in `ogcm.halo`), so that kernels know nothing of tiles. A process that was not started by
`mpiexec` has the whole ocean.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ogcm.backend import HALO
from ogcm.errors import InputError
from ogcm.processes import communicator

Array = np.ndarray
Result = TypeVar("Result")
SMALLEST = HALO  # rows and columns of a tile, since a halo is filled by the nearest tile alone


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
    def column_count(self) -> int:
        """Number of columns of the whole ocean, land included."""
        return self.shape[0] * self.shape[1]

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
        return self.part(0)

    @property
    def columns(self) -> slice:
        """Columns of the whole ocean that lie in the tile."""
        return self.part(1)

    def part(self, axis: int) -> slice:
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

    def whole_shape(self, part: Array) -> tuple[int, ...]:
        """Return the shape in the whole ocean of what has a part without halo in the tile; a profile has the same."""
        return part.shape if part.ndim < 2 or self.is_whole else (*part.shape[:-2], *self.shape)

    def cut_with_halo(self, whole: Array) -> Array:
        """Return the part of a field with halo, shape (..., ny + 2 HALO, nx + 2 HALO), that lies in the tile's."""
        return whole[..., *self.cells_with_halo]

    @property
    def cells_with_halo(self) -> tuple[slice, slice]:
        """Rows and columns of a field of the whole ocean with halo that lie in the tile or its halo."""
        rows, columns = self.rows, self.columns
        return slice(rows.start, rows.stop + 2 * HALO), slice(columns.start, columns.stop + 2 * HALO)

    def own_cells_with_halo(self) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Return those cells of a field with halo that lie in no other tile: as indices in the tile and in the whole.

        They are the interior of the tile, and the halo at the sides of the whole ocean.
        """
        here, there = [], []
        for axis, cells in enumerate((self.rows, self.columns)):
            first, last = self.place[axis] == 0, self.place[axis] == self.layout[axis] - 1
            begin, end = (0 if first else HALO), cells.stop - cells.start + (2 * HALO if last else HALO)
            here.append(slice(begin, end))
            there.append(slice(begin + cells.start, end + cells.start))
        return (here[0], here[1]), (there[0], there[1])

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
        return float(np.max(self.every(value)))

    def any(self, condition: bool) -> bool:
        """Return True if the condition is true in any tile."""
        return any(self.every(condition))

    def every(self, value: Any) -> list:
        """Return the values that the tiles give, in the order of their processes."""
        return [value] if self.is_whole else communicator().allgather(value)

    def first(self, found: tuple | None) -> Any:
        """Return the least of the tuples that the tiles give, None for none; all but None must be comparable."""
        return min((one for one in self.every(found) if one is not None), default=None)

    def check_same(self, values: dict[str, object]) -> None:
        """Raise InputError for a value that is not the same in all processes, with its name."""
        every = self.every({name: repr(value) for name, value in values.items()})
        for name, value in every[0].items():
            if other := next((o[name] for o in every if o[name] != value), None):
                raise InputError(
                    f"{name}: is {value} in the first process and {other} in another; start all of them with the same "
                    "installation, program and options"
                )

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
        return fsum([x for other in self.every(parts) for x in other])

    def add(self, part: Array) -> Array:
        """Return the sum of arrays of all tiles, in an order that is not fixed: its bits are so where it is exact.

        Parameters
        ----------
        part : ndarray
            Array of this tile, of the same shape in all.

        Returns
        -------
        ndarray
            The sum.
        """
        if self.is_whole:
            return part
        total = np.empty_like(part)
        communicator().Allreduce(np.ascontiguousarray(part), total)
        return total

    def on_first(self, work: Callable[[], Result]) -> Result:
        """Do some work in the first process alone, such as on files.

        Parameters
        ----------
        work : callable
            Function without arguments, which calls no collective operation.

        Returns
        -------
        object
            The result of the work, in all processes; an exception is raised in all of them as well.
        """
        if self.is_whole:
            return work()
        result, error = communicator().bcast(attempt(work) if self.is_first else None)
        if error is not None:
            raise error
        return result

    def together(self, work: Callable[[], Result]) -> Result:
        """Do some work in each process, which may fail in some of them.

        Parameters
        ----------
        work : callable
            Function without arguments, which calls no collective operation.

        Returns
        -------
        object
            The result of this process. The exception of the first process that failed is raised in all.
        """
        if self.is_whole:
            return work()
        result, error = attempt(work)
        if (first := next((e for e in self.every(error) if e is not None), None)) is not None:
            raise first
        return result

    def layers(self, part: Array, halo: bool = False) -> Iterator[tuple[tuple[int, ...], Array | None]]:
        """Put a field together layer by layer, so that no process holds all of it.

        Parameters
        ----------
        part : ndarray, shape (..., rows, columns)
            The field in the tile.
        halo : bool, optional
            True for a field with halo.

        Yields
        ------
        index : tuple of int
            Index of the layer.
        layer : ndarray, shape (ny, nx)
            The layer of the whole ocean in the first process, None in the others.
        """
        here, there = self.own_cells_with_halo() if halo else ((slice(None), slice(None)), (self.rows, self.columns))
        shape = tuple(n + 2 * HALO * halo for n in self.shape)
        for index in np.ndindex(part.shape[:-2]):
            every = communicator().gather((there, np.ascontiguousarray(part[index][here])))
            layer = None
            if every is not None:
                layer = np.empty(shape, part.dtype)
                for cells, values in every:
                    layer[cells] = values
            yield index, layer

    def write(self, part: Array, write: Callable[[tuple, Array], None], halo: bool = False) -> None:
        """Let the first process write a field of the whole ocean, layer by layer.

        Parameters
        ----------
        part : ndarray, shape (..., rows, columns)
            The field in the tile.
        write : callable
            `write(index, values)` writes the values at an index, which is `...` for a whole field. Its exception is
            raised in all processes.
        halo : bool, optional
            True for a field with halo.
        """
        if self.is_whole:
            write((...,), part)
            return
        error = None
        for index, layer in self.layers(part, halo):
            if layer is not None and error is None:
                error = attempt(partial(write, index, layer))[1]  # the others still send their layers
        if (error := communicator().bcast(error)) is not None:
            raise error

    def digest(self, fields: Iterable[Array]) -> str:
        """Compute a hash of fields of the whole ocean: the same for any division into tiles.

        Parameters
        ----------
        fields : iterable of ndarray, shape (..., rows, columns)
            The fields in the tile, without halo.

        Returns
        -------
        str
            Sixteen hexadecimal digits, in all processes.
        """
        whole = hashlib.sha256()
        for part in fields:
            for _, layer in [((), part)] if self.is_whole else self.layers(part):
                if layer is not None:
                    whole.update(np.ascontiguousarray(layer).tobytes())
        return self.on_first(lambda: whole.hexdigest()[:16])

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
        for place, other in self.every((self.place, np.ascontiguousarray(part))):
            tile = self._replace(place=place)
            whole[tile.rows, tile.columns] = other
        return whole


WHOLE = Tile((0, 0), (False, False))  # of what is not divided, of any shape


def attempt(work: Callable[[], Result]) -> tuple[Any, Exception | None]:
    """Return the result of some work and None, or None and its exception."""
    try:
        return work(), None
    except Exception as error:
        return None, error


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
