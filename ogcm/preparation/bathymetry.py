"""The depth of the sea floor on the cells of a model, from a relief.

    mean        depth of the part of a cell that is sea, by area; a cell with more land than `land_share` is land
    smoothing   each wet cell takes half of the mean of its wet neighbours, as often as wanted
    straits     lines along which the sea is at least as deep as given (opened), or becomes land (closed)
    basins      bodies of water that are cut off from the largest one are removed, unless they are kept

They are applied in this order. Water is connected through the faces of cells, hence a line passes from cell to cell
through faces.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ogcm.errors import InputError
from ogcm.preparation.regridding import Places, Regridding
from ogcm.regions import shift_longitude
from ogcm.topography import bodies_of_water

Array = np.ndarray


class Strait(NamedTuple):
    """A line along which the sea is opened or closed.

    Attributes
    ----------
    name : str
        Name of the strait.
    line : sequence of (float, float)
        Longitude and latitude [degrees] of its points.
    depth : float
        Smallest depth along the line [m]; 0 closes it.
    """

    name: str
    line: Sequence[tuple[float, float]]
    depth: float


def mean_depth(
    elevation: Array, lat: Array, lon: Array, cells: Places, land_share: float = 0.5, smallest: float = 0.0
) -> Array:
    """Return the mean depth of the sea in each cell.

    Parameters
    ----------
    elevation : ndarray, shape (n, m)
        Height of the relief [m], negative below sea level; NaN counts as land.
    lat, lon : ndarray, shape (n,) and (m,), or both (n, m)
        Its points [degrees]; the values of a curvilinear relief are interpolated linearly.
    cells : Places
        Cells of the model.
    land_share : float
        Largest share of land in a cell of the sea, between 0 and 1.
    smallest : float
        Smallest depth of the sea [m].

    Returns
    -------
    ndarray, shape (ny, nx)
        Depth [m], 0 on land.

    Raises
    ------
    InputError
        For a share beyond 0 to 1, a negative depth, and cells that the relief does not cover.
    """
    if not 0 <= land_share <= 1:
        raise InputError(f"land_share: a share between 0 and 1, got {land_share:g}")
    if not smallest >= 0:
        raise InputError(f"smallest_depth: must not be negative, got {smallest:g} m")
    sea = elevation < 0
    regridding = Regridding(lat, lon, cells, "linear" if np.ndim(lat) == 2 else "conservative")
    covered = regridding.apply(np.ones(sea.shape))
    if not (covered > 0).all():
        j, i = np.argwhere(covered <= 0)[0]
        raise InputError(
            f"bathymetry: the relief does not reach the cell at {cells.lat[j]:g} N, {cells.lon[i]:g} E; "
            "choose a smaller region or another relief"
        )
    depth = np.nan_to_num(regridding(np.where(sea, -elevation, np.nan)))
    return np.where(1 - regridding.share(sea) <= land_share, np.maximum(depth, smallest), 0.0)


def cells_along(line: Sequence[tuple[float, float]], cells: Places, name: str = "line") -> list[tuple[int, int]]:
    """Return the cells (j, i) that a line passes, each of which shares a face with the one before.

    Parameters
    ----------
    line : sequence of (float, float)
        Longitude and latitude [degrees] of its points, at least one.
    cells : Places
        Cells of the model.
    name : str
        Name of the line, for messages.

    Returns
    -------
    list of tuple of int
        The indices.

    Raises
    ------
    InputError
        For a line that is not one of points, or leaves the region.
    """
    points = np.asarray(line, float)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InputError(
            f"{name}: needs a line of points [longitude, latitude] such as [[-6, 36], [-5, 36]], got {line}"
        )
    middle = 0.5 * (cells.lon_edges[0] + cells.lon_edges[-1])
    lon = np.asarray(shift_longitude(points[:, 0], middle))
    for x, y in zip(lon, points[:, 1], strict=True):
        if not (cells.lon_edges[0] <= x <= cells.lon_edges[-1] and cells.lat_edges[0] <= y <= cells.lat_edges[-1]):
            raise InputError(f"{name}: its point {x:g} E, {y:g} N lies outside of the region")
    # In numbers of cells from the south-west corner, in which each cell is a unit square.
    x = np.interp(lon, cells.lon_edges, np.arange(len(cells.lon_edges)))
    y = np.interp(points[:, 1], cells.lat_edges, np.arange(len(cells.lat_edges)))
    i, j = (np.minimum(a.astype(int), n - 1) for a, n in ((x, len(cells.lon)), (y, len(cells.lat))))
    found = [(int(j[0]), int(i[0]))]
    for n in range(len(x) - 1):
        steps = [(t, (0, step)) for t, step in crossings(x[n], x[n + 1], i[n], i[n + 1])]
        steps += [(t, (step, 0)) for t, step in crossings(y[n], y[n + 1], j[n], j[n + 1])]
        for _, (north, east) in sorted(steps):
            found.append((found[-1][0] + north, found[-1][1] + east))
    return found


def crossings(start: float, end: float, first: int, last: int) -> list[tuple[float, int]]:
    """Return where a line from `start` in the unit interval `first` to `end` in `last` passes to the next interval.

    Each crossing is a share of the way, and the step to the next interval, 1 or -1.
    """
    step = 1 if last > first else -1
    between = range(first + 1, last + 1) if last > first else range(first, last, -1)
    return [((n - start) / (end - start), step) for n in between]


def with_straits(depth: Array, straits: Sequence[Strait], cells: Places) -> Array:
    """Return a depth (ny, nx) [m] with straits that are opened or closed.

    Raises InputError for a negative depth of a strait, and for a line that leaves the region.
    """
    result = depth.copy()
    for strait in straits:
        if not strait.depth >= 0:
            raise InputError(f"{strait.name}: the depth of a strait must not be negative, got {strait.depth:g} m")
        for j, i in cells_along(strait.line, cells, strait.name):
            result[j, i] = max(result[j, i], strait.depth) if strait.depth else 0.0
    return result


def without_basins(
    depth: Array,
    cells: Places,
    *,
    keep: Sequence[tuple[float, float]] = (),
    remove: Sequence[tuple[float, float]] = (),
    others: str = "remove",
) -> Array:
    """Return a depth (ny, nx) [m] without the basins that are not wanted.

    Parameters
    ----------
    depth : ndarray, shape (ny, nx)
        Depth [m], 0 on land.
    cells : Places
        Cells of the model.
    keep, remove : sequence of (float, float)
        Longitude and latitude [degrees] of points in basins that are kept and removed.
    others : {"remove", "keep"}
        What becomes of all basins but the largest that have no such point.

    Returns
    -------
    ndarray, shape (ny, nx)
        The depth.

    Raises
    ------
    InputError
        For an unknown rule, and for a point that lies on land.
    """
    if others not in ("remove", "keep"):
        raise InputError(f"basins: {others!r} does not exist; choose from remove, keep")
    bodies = bodies_of_water(depth > 0, cells.closes, False)
    numbers, sizes = np.unique(bodies[bodies > 0], return_counts=True)
    if not len(numbers):
        raise InputError("bathymetry: there is no sea in the region; is the sea negative in the relief?")
    wanted = set(numbers.tolist()) if others == "keep" else {int(numbers[np.argmax(sizes)])}
    for points, change in ((keep, wanted.add), (remove, wanted.discard)):
        for point in points:
            ((j, i),) = cells_along([point], cells, "basins")
            if not bodies[j, i]:
                raise InputError(
                    f"basins: the point {point[0]:g} E, {point[1]:g} N lies on land; move it into the basin"
                )
            change(int(bodies[j, i]))
    return np.where(np.isin(bodies, list(wanted)), depth, 0.0)


def smoothed(depth: Array, passes: int, closes: bool) -> Array:
    """Return a depth (ny, nx) [m] after `passes` of the mean of each wet cell (half) and its wet neighbours (half)."""
    for _ in range(passes):
        total, count = np.zeros_like(depth), np.zeros_like(depth)
        for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
            other = np.roll(depth, shift, axis)
            if axis == 0 or not closes:
                other[(slice(None),) * axis + (0 if shift == 1 else -1,)] = 0
            total += other
            count += other > 0
        mean = np.where(count > 0, total / np.maximum(count, 1), depth)
        depth = np.where(depth > 0, 0.5 * (depth + mean), 0.0)
    return depth


def strait_of(entry: Mapping[str, Any], depth: float | None = None) -> Strait:
    """Return the strait of an entry of a configuration: name, line, and a depth unless all have the same.

    Raises InputError for entries that are missing or unknown.
    """
    known = ("name", "line", "depth")[: 3 if depth is None else 2]
    if set(entry) != set(known):
        raise InputError(f"bathymetry: a strait needs {', '.join(known)}, got {', '.join(entry) or 'nothing'}")
    return Strait(str(entry["name"]), entry["line"], entry["depth"] if depth is None else depth)
