"""The division of an ocean into tiles, one for each process."""

from typing import Any

from ogcm.backend import HALO
from ogcm.errors import InputError
from ogcm.processes import communicator
from ogcm.tiles import Tile

SMALLEST = HALO  # rows and columns of a tile, since a halo is filled by the nearest tile alone


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
