"""Horizontal grids: the geometry of one layer of cells, without halo, by `cartesian`, `spherical` or `curvilinear`.

F(j,i) -- north-east corner of the cell       .----V----F     indices [j, i]
V(j,i) -- middle of its north face            |         |     i contiguous, eastward
U(j,i) -- middle of its east face             |    T    U     j northward
T(j,i) -- centre                              |         |
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ogcm.constants import EARTH_RADIUS, EARTH_ROTATION
from ogcm.device import check_host_memory
from ogcm.errors import InputError
from ogcm.inputs import ArrayLike, Numbers, Points, as_array, count, flag, number
from ogcm.tiles import Tile

MAPS = 14  # number of (ny, nx) arrays that a horizontal grid holds or needs while it is made

Array = np.ndarray
Map = ArrayLike | Sequence[Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class HorizontalGrid:
    """Geometry of one layer of cells, without halo.

    Attributes
    ----------
    dx_t, dy_t : ndarray, shape (ny, nx)
        Extent of the cells along i and j, at T points [m].
    dx_u, dy_u : ndarray, shape (ny, nx)
        Extent along i and j of the cell around U points [m].
    dx_v, dy_v : ndarray, shape (ny, nx)
        Extent along i and j of the cell around V points [m].
    dx_f, dy_f : ndarray, shape (ny, nx)
        Extent along i and j of the cell around F points [m].
    area_t : ndarray, shape (ny, nx)
        Area of the cells [m2].
    f : ndarray, shape (ny, nx)
        Coriolis parameter at F points [s-1].
    south_dx, south_f : ndarray, shape (nx,)
        dx [m] and Coriolis parameter [s-1] at the F points south of the first row, used where that side is closed.
    west_f : ndarray, shape (ny,)
        Coriolis parameter [s-1] at the F points west of the first column, used where that side is closed.
    x_t, y_t : ndarray, shape (nx,) and (ny,)
        Coordinates of T points, in `units`.
    x_f, y_f : ndarray, shape (nx,) and (ny,)
        Coordinates of F points, in `units`.
    units : str
        Units of the coordinates: "m", "degrees" (of longitude and latitude), or "1" where they count cells.
    periodic_x, periodic_y : bool
        True where the grid is periodic along i, along j.
    tile : Tile, optional
        The part of an ocean whose grid this is; None for that of a whole ocean.
    whole : HorizontalGrid, optional
        Grid of the whole ocean, of a grid of a tile.
    """

    dx_t: Array
    dy_t: Array
    dx_u: Array
    dy_u: Array
    dx_v: Array
    dy_v: Array
    dx_f: Array
    dy_f: Array
    area_t: Array
    f: Array
    south_dx: Array
    south_f: Array
    west_f: Array
    x_t: Array
    y_t: Array
    x_f: Array
    y_f: Array
    units: str = "m"
    periodic_x: bool = False
    periodic_y: bool = False
    tile: Tile | None = None
    whole: "HorizontalGrid | None" = None

    @property
    def undivided(self) -> "HorizontalGrid":
        """Grid of the whole ocean, also where this one is that of a tile."""
        return self.whole or self

    @property
    def sides(self) -> tuple[bool, bool]:
        """(periodic_y, periodic_x), in the order of the axes."""
        return bool(self.periodic_y), bool(self.periodic_x)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns, (ny, nx)."""
        return self.dx_t.shape

    @property
    def names(self) -> tuple[str, str]:
        """Names of the coordinates y and x in files."""
        return ("lat", "lon") if self.units == "degrees" else ("y", "x")

    def points(self, place: str = "t", z: Array | None = None) -> Points:
        """Return the points of a map or field.

        Parameters
        ----------
        place : {"t", "u", "v"}
            Location on the grid.
        z : ndarray, shape (nk, ny, nx), optional
            Heights [m] of the points of a field.

        Returns
        -------
        Points
            The points.
        """
        x, y = self.x_f if place == "u" else self.x_t, self.y_f if place == "v" else self.y_t
        whole = None
        if self.whole is not None:
            profile = (
                None if z is None else np.broadcast_to(z.min(axis=(1, 2))[:, None, None], (len(z), *self.whole.shape))
            )
            whole = self.whole.points(place, profile)
        return Points(x, y, z, self.units != "1", self.tile, whole)

    def part(self, tile: Tile) -> "HorizontalGrid":
        """Return the grid of a tile of the ocean.

        Parameters
        ----------
        tile : Tile
            The tile.

        Returns
        -------
        HorizontalGrid
            Its grid; the grid itself if the tile is the whole ocean.
        """
        if tile.is_whole:
            return self
        cut = {f.name: getattr(self, f.name) for f in fields(self)}
        cut |= {name: tile.cut(a) for name, a in cut.items() if np.ndim(a) == 2}
        cut |= {name: a[tile.columns] for name, a in cut.items() if name in ("south_dx", "south_f", "x_t", "x_f")}
        cut |= {name: a[tile.rows] for name, a in cut.items() if name in ("west_f", "y_t", "y_f")}
        along_y, along_x = tile.wraps
        return HorizontalGrid(**cut | {"periodic_x": along_x, "periodic_y": along_y, "tile": tile, "whole": self})


def cartesian(
    *,
    nx: int,
    ny: int,
    dx: float | Numbers,
    dy: float | Numbers,
    f0: float = 0.0,
    beta: float = 0.0,
    periodic_x: bool = False,
    periodic_y: bool = False,
) -> HorizontalGrid:
    """Make a plane grid with its south-west corner at (0, 0) and f = f0 + beta (y - mid-basin).

    Parameters
    ----------
    nx, ny : int
        Number of columns and rows.
    dx : float or array_like, shape (nx,)
        Width of the columns [m].
    dy : float or array_like, shape (ny,)
        Width of the rows [m].
    f0 : float
        Coriolis parameter in the middle of the basin [s-1].
    beta : float
        Its derivative with respect to y [m-1 s-1].
    periodic_x, periodic_y : bool
        True for a grid that is periodic along x, along y.

    Returns
    -------
    HorizontalGrid
        The grid, with coordinates in m.

    Raises
    ------
    InputError
        For widths that are not positive, and for more cells than the memory holds.
    """
    nx, ny, f0, beta = count("nx", nx), count("ny", ny), number("f0", f0), number("beta", beta)
    periodic_x, periodic_y = flag("periodic_x", periodic_x), flag("periodic_y", periodic_y)
    check_host_memory(MAPS * 8 * nx * ny, f"a grid of {nx} x {ny} cells")
    widths_x, widths_y = _widths("dx", dx, nx), _widths("dy", dy, ny)
    x_f, y_f = np.cumsum(widths_x), np.cumsum(widths_y)
    dx_u = _between(widths_x, periodic_x)
    dy_v = _between(widths_y, periodic_y)
    south, f = (f0 + beta * (y - 0.5 * y_f[-1]) for y in (0.0, y_f))
    along_x, along_y = np.ones((ny, 1)), np.ones((1, nx))
    return HorizontalGrid(
        dx_t=widths_x * along_x,
        dy_t=widths_y[:, None] * along_y,
        dx_u=dx_u * along_x,
        dy_u=widths_y[:, None] * along_y,
        dx_v=widths_x * along_x,
        dy_v=dy_v[:, None] * along_y,
        dx_f=dx_u * along_x,
        dy_f=dy_v[:, None] * along_y,
        area_t=widths_x * widths_y[:, None],
        f=f[:, None] * along_y,
        south_dx=dx_u,
        south_f=np.full(nx, south),
        west_f=f,
        x_t=x_f - 0.5 * widths_x,
        y_t=y_f - 0.5 * widths_y,
        x_f=x_f,
        y_f=y_f,
        periodic_x=periodic_x,
        periodic_y=periodic_y,
    )


def spherical(
    *,
    lon: Numbers,
    lat: Numbers,
    radius: float = EARTH_RADIUS,
    rotation: float = EARTH_ROTATION,
) -> HorizontalGrid:
    """Make a longitude-latitude grid from the edges of its cells.

    It is periodic in longitude where the edges span 360 degrees to the precision of float32. A grid that lacks less
    than 1.5 cells of that is closed, with a warning. The Coriolis parameter is 2 rotation sin(lat).

    Parameters
    ----------
    lon : array_like, shape (nx + 1,)
        Longitudes of the edges [degrees], increasing.
    lat : array_like, shape (ny + 1,)
        Latitudes of the edges [degrees], increasing.
    radius : float
        Radius of the planet [m].
    rotation : float
        Angular velocity of the planet [s-1].

    Returns
    -------
    HorizontalGrid
        The grid, with coordinates in degrees.

    Raises
    ------
    InputError
        For edges that do not increase or that lie beyond a pole, and for more cells than the memory holds.
    """
    edges_x, edges_y, rotation = as_array("lon", lon), as_array("lat", lat), number("rotation", rotation)
    if not number("radius", radius) > 0:
        raise InputError(f"radius: must be a positive number of metres, got {radius}")
    for name, edges in (("lon", edges_x), ("lat", edges_y)):
        if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
            raise InputError(f"{name}: cell edges must be a list of increasing degrees, got {edges}")
    if edges_y[0] < -90 or edges_y[-1] > 90:
        raise InputError(f"lat: edges must lie within -90 and 90 degrees, got {edges_y[0]} to {edges_y[-1]}")
    periodic = _spans_the_circle(edges_x)
    check_host_memory(
        MAPS * 8 * len(edges_x) * len(edges_y), f"a grid of {len(edges_x) - 1} x {len(edges_y) - 1} cells"
    )
    widths_x, widths_y = np.radians(np.diff(edges_x)), np.radians(np.diff(edges_y))
    phi_t, phi_f = np.radians(0.5 * (edges_y[1:] + edges_y[:-1])), np.radians(edges_y[1:])
    dlon_u = _between(widths_x, periodic)
    dlat_v = _between(widths_y, False)
    cos_t = np.cos(phi_t)[:, None]
    cos_f = np.maximum(np.cos(phi_f), 1e-6)[:, None]  # a pole is a wall: its length is never used
    along_y = np.ones((1, len(widths_x)))
    band = (np.sin(np.radians(edges_y[1:])) - np.sin(np.radians(edges_y[:-1])))[:, None]
    return HorizontalGrid(
        dx_t=radius * cos_t * widths_x,
        dy_t=radius * widths_y[:, None] * along_y,
        dx_u=radius * cos_t * dlon_u,
        dy_u=radius * widths_y[:, None] * along_y,
        dx_v=radius * cos_f * widths_x,
        dy_v=radius * dlat_v[:, None] * along_y,
        dx_f=radius * cos_f * dlon_u,
        dy_f=radius * dlat_v[:, None] * along_y,
        area_t=radius**2 * band * widths_x,
        f=2 * rotation * np.sin(phi_f)[:, None] * along_y,
        south_dx=radius * max(np.cos(np.radians(edges_y[0])), 1e-6) * dlon_u,
        south_f=2 * rotation * np.sin(np.radians(edges_y[0])) * along_y[0],
        west_f=2 * rotation * np.sin(phi_f),
        x_t=0.5 * (edges_x[1:] + edges_x[:-1]),
        y_t=0.5 * (edges_y[1:] + edges_y[:-1]),
        x_f=edges_x[1:],
        y_f=edges_y[1:],
        units="degrees",
        periodic_x=periodic,
    )


def curvilinear(
    *,
    dx: Map,
    dy: Map,
    f: float | Map = 0.0,
    periodic_x: bool = False,
    periodic_y: bool = False,
) -> HorizontalGrid:
    """Make any orthogonal grid from the widths of its cells.

    The metrics of U, V and F points are means of those of the neighbouring T points.

    Parameters
    ----------
    dx, dy : array_like, shape (ny, nx)
        Widths of the cells at T points along i and j [m].
    f : float or array_like, shape (ny, nx)
        Coriolis parameter at F points [s-1].
    periodic_x, periodic_y : bool
        True for a grid that is periodic along i, along j.

    Returns
    -------
    HorizontalGrid
        The grid; its coordinates count cells.

    Raises
    ------
    InputError
        For shapes that differ, and for widths that are not positive.
    """
    given = {"dx": dx, "dy": dy, "f": f}
    dx_t, dy_t, f_f = (as_array(name, a, {"y": None, "x": None}) for name, a in given.items())
    periodic_x, periodic_y = flag("periodic_x", periodic_x), flag("periodic_y", periodic_y)
    if dx_t.ndim != 2 or dx_t.shape != dy_t.shape:
        raise InputError(f"dx, dy: need two (ny, nx) arrays of one shape, got {dx_t.shape} and {dy_t.shape}")
    for name, width in (("dx", dx_t), ("dy", dy_t)):
        if not (width.size and np.isfinite(width).all() and (width > 0).all()):
            raise InputError(f"{name}: widths must be positive, the smallest is {np.min(width, initial=np.inf)} m")

    def east(a):
        return _between(a.T, periodic_x).T

    def north(a):
        return _between(a, periodic_y)

    if f_f.shape not in ((), dx_t.shape):
        raise InputError(f"f: need a number or one value [s-1] for each F point {dx_t.shape}, got shape {f_f.shape}")
    f_f = np.broadcast_to(f_f, dx_t.shape).copy()
    return HorizontalGrid(
        dx_t=dx_t,
        dy_t=dy_t,
        dx_u=east(dx_t),
        dy_u=east(dy_t),
        dx_v=north(dx_t),
        dy_v=north(dy_t),
        dx_f=east(north(dx_t)),
        dy_f=east(north(dy_t)),
        area_t=dx_t * dy_t,
        f=f_f,
        south_dx=east(dx_t)[0],
        south_f=_before(f_f, dy_t),
        west_f=_before(f_f.T, dx_t.T),
        x_t=np.arange(dx_t.shape[1]) + 0.5,
        y_t=np.arange(dx_t.shape[0]) + 0.5,
        x_f=np.arange(dx_t.shape[1]) + 1.0,
        y_f=np.arange(dx_t.shape[0]) + 1.0,
        units="1",
        periodic_x=periodic_x,
        periodic_y=periodic_y,
    )


def _widths(name: str, width: float | Numbers, n: int) -> Array:
    """Return the widths (n,) [m] of columns or rows. Raises InputError for another number, or where not positive."""
    widths = as_array(name, width)
    if widths.ndim not in (0, 1) or (widths.ndim == 1 and len(widths) != n):
        raise InputError(f"{name}: need one width or {n} of them, got shape {widths.shape}")
    if not (np.isfinite(widths).all() and (widths > 0).all()):
        raise InputError(f"{name}: widths must be positive [m], got {widths.min()}")
    return np.broadcast_to(widths, (n,)).copy()


def _spans_the_circle(lon: Array) -> bool:
    """Return True where the edges `lon` (nx + 1,) [degrees] span 360 degrees, so that the grid is periodic.

    Differences below 6e-5 degrees, the rounding of two edges near 360 degrees in float32, or below 1e-5 of the widest
    cell do not count. Warns where less than 1.5 cells are missing, since a closed grid is then hardly intended. Raises
    InputError for edges that span more than 360 degrees.
    """
    span, widest = float(lon[-1] - lon[0]), float(np.diff(lon).max())
    tolerance = max(1e-5 * widest, 2 * float(np.spacing(np.float32(360))))
    if span - 360 > tolerance:
        raise InputError(f"lon: edges must span at most 360 degrees, got {span}")
    if tolerance < 360 - span < 1.5 * widest:
        warnings.warn(
            f"lon: the edges span {span:.10g} degrees, so that the ocean is closed at {lon[0]:g} and {lon[-1]:g}; "
            f"for one around the globe the last of the nx + 1 edges must be {lon[0] + 360:g}",
            stacklevel=3,
        )
    return span >= 360 - tolerance


def _before(f: Array, widths: Array) -> Array:
    """Return f at the near face of the first cell, extrapolated from the far faces of two, along the first axis."""
    return f[0] - (f[1] - f[0]) * widths[0] / widths[1] if len(f) > 1 else f[0]


def _between(widths: Array, periodic: bool) -> Array:
    """Return the distance between neighbouring centres at the far face of each cell, along the first axis."""
    following = np.roll(widths, -1, axis=0)
    if not periodic:
        following[-1] = widths[-1]
    return 0.5 * (widths + following)
