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
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ogcm.backend import HALO
from ogcm.errors import InputError
from ogcm.exact_sums import digits_of, rounded
from ogcm.processes import communicator

Array = np.ndarray
Result = TypeVar("Result")


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
        return float(self.largest_of_each(value))

    def largest_of_each(self, values: Array | float) -> Array:
        """Return the largest values of the arrays that the tiles give, element by element."""
        return np.max(self.every(values), axis=0)

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
        return float(self.totals(part[None])[0])

    def totals(self, parts: Array) -> Array:
        """Return the sum of each of some maps, correctly rounded: the same for any division into tiles.

        Parameters
        ----------
        parts : ndarray of float64, shape (n, ...)
            Maps of the tile, without halo.

        Returns
        -------
        ndarray, shape (n,)
            The sums over all tiles; NaN or infinite where a value is.
        """
        return np.array([rounded(each) for each in self.add(digits_of(parts))])

    def add(self, part: Array) -> Array:
        """Return the sum of the arrays of all tiles.

        MPI chooses the order of the additions, so that the last bits are reproducible only if no addition is rounded.

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
        result, error = self.tell(attempt(work) if self.is_first else None)
        if error is not None:
            raise error
        return result

    def tell(self, value: Any = None) -> Any:
        """Return, in all processes, the value that the first one gives."""
        return value if self.is_whole else communicator().bcast(value)

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
        if (error := self.tell(error)) is not None:
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

    def drawn(self, draw: Callable, shape: tuple[int, ...]) -> Array:
        """Draw random numbers for the whole ocean, layer by layer, and return those in the tile.

        Parameters
        ----------
        draw : callable
            `draw(size=shape)` draws them; its generator must be in the same state in all processes.
        shape : tuple of int
            Shape of the field in the tile (..., rows, columns), or of a number or a profile.

        Returns
        -------
        ndarray
            The numbers, in this shape.
        """
        if len(shape) < 2:
            return np.asarray(draw(size=shape))
        return np.reshape([self.cut(draw(size=self.shape)) for _ in range(math.prod(shape[:-2]))], shape)

    def gather(self, part: Array) -> Array | None:
        """Put a field of the whole ocean together in the first process.

        Parameters
        ----------
        part : ndarray
            The field in the tile (..., rows, columns); a number or a profile, which all processes have, stays as it is.

        Returns
        -------
        ndarray or None
            The field (..., ny, nx) in the first process, None in the others.
        """
        if self.is_whole or part.ndim < 2:
            return part if self.is_first else None
        whole = np.empty((*part.shape[:-2], *self.shape), part.dtype) if self.is_first else None
        for index, layer in self.layers(part):
            if whole is not None:
                whole[index] = layer
        return whole

    def scatter(self, whole: Array | None) -> Array:
        """Give each process its part of a field of the whole ocean.

        Parameters
        ----------
        whole : ndarray or None
            The field (..., ny, nx) in the first process, or a number or a profile; None in the others.

        Returns
        -------
        ndarray
            The part (..., rows, columns) of the tile; a number or a profile as it is.
        """
        shape = self.tell(None if whole is None else whole.shape)
        if self.is_whole or len(shape) < 2:
            return self.tell(whole)
        parts = []
        for index in np.ndindex(shape[:-2]):
            every = None if whole is None else [np.ascontiguousarray(tile.cut(whole[index])) for tile in self.tiles]
            parts.append(communicator().scatter(every))
        return np.reshape(parts, (*shape[:-2], *parts[0].shape))

    @property
    def tiles(self) -> list["Tile"]:
        """All tiles of the ocean, in the order of their processes."""
        return [self._replace(place=divmod(rank, self.layout[1])) for rank in range(math.prod(self.layout))]

    def whole_rows(self, part: Array) -> Array:
        """Return the whole rows of the ocean in which the tile lies.

        Parameters
        ----------
        part : ndarray, shape (..., rows, columns)
            Field in the tile, without halo.

        Returns
        -------
        ndarray, shape (..., rows, nx)
            The field in the tiles with the same rows.
        """
        if self.layout[1] == 1:
            return part
        return np.concatenate(row_of_tiles(self.layout, self.place[0]).allgather(np.ascontiguousarray(part)), axis=-1)

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
        for tile, other in zip(self.tiles, self.every(np.ascontiguousarray(part)), strict=True):
            whole[tile.rows, tile.columns] = other
        return whole


WHOLE = Tile((0, 0), (False, False))  # of what is not divided, of any shape


@cache
def row_of_tiles(layout: tuple[int, int], row: int) -> Any:
    """Return the communicator of the processes that hold the tiles of a row of a layout."""
    return communicator().Split(row, communicator().rank)


def attempt(work: Callable[[], Result]) -> tuple[Any, Exception | None]:
    """Return the result of some work and None, or None and its exception."""
    try:
        return work(), None
    except Exception as error:
        return None, error
