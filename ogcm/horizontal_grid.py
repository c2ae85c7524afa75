"""Horizontal grids: the geometry of one layer of cells, without halo, by `cartesian`, `spherical` or `curvilinear`.

F(j,i) -- north-east corner of the cell       .----V----F     indices [j, i]
V(j,i) -- middle of its north face            |         |     i contiguous, eastward
U(j,i) -- middle of its east face             |    T    U     j northward
T(j,i) -- centre                              |         |
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ogcm.constants import EARTH_RADIUS, EARTH_ROTATION
from ogcm.device import check_host_memory
from ogcm.errors import InputError
from ogcm.inputs import Points, count, flag, number, plain

MAPS = 14  # arrays of (ny, nx) that a horizontal grid holds or needs while it is made

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class HorizontalGrid:
    """Geometry of one layer, interior points only: (ny, nx) arrays, lengths in m, f in s-1.

    `x_t, y_t` are the coordinates of T points, `x_f, y_f` those of F points, 1-D, in `units`
    ("m", or "degrees" for longitude and latitude). `south_dx, south_f` (nx,) and `west_f` (ny,) belong
    to the F points on the outer edges of the first row and column, used where those sides are closed.
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

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.dx_t.shape

    @property
    def names(self) -> tuple[str, str]:
        """Names of the two coordinates, as a file calls them."""
        return ("lat", "lon") if self.units == "degrees" else ("y", "x")

    def points(self, place: str = "t", z: Array | None = None) -> Points:
        """The T, U or V points: of a map, or with heights z (nk, ny, nx) of a field."""
        x, y = self.x_f if place == "u" else self.x_t, self.y_f if place == "v" else self.y_t
        return Points(x, y, z, named=self.units != "1")


def cartesian(
    *,
    nx: int,
    ny: int,
    dx: float | Sequence[float],
    dy: float | Sequence[float],
    f0: float = 0.0,
    beta: float = 0.0,
    periodic_x: bool = False,
    periodic_y: bool = False,
) -> HorizontalGrid:
    """Plane grid with its south-west corner at (0, 0) and f = f0 + beta (y - mid-basin).

    dx, dy [m] may be numbers or the widths of the nx columns and ny rows; f0 [s-1],
    beta [m-1 s-1]. Raises InputError for widths that are not positive, and for more cells than memory holds.
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
    lon: Sequence[float],
    lat: Sequence[float],
    radius: float = EARTH_RADIUS,
    rotation: float = EARTH_ROTATION,
) -> HorizontalGrid:
    """Longitude-latitude grid from cell edges [degrees]: nx + 1 values of lon, ny + 1 of lat.

    Periodic in longitude when the edges span 360 degrees to the precision of float32. A grid that lacks less than 1.5
    cells of that is closed, with a warning. f = 2 rotation sin(lat).
    Raises InputError for edges that do not increase or that reach beyond a pole.
    """
    lon, lat, rotation = plain("lon", lon), plain("lat", lat), number("rotation", rotation)
    if not number("radius", radius) > 0:
        raise InputError(f"radius: must be a positive number of metres, got {radius}")
    for name, edges in (("lon", lon), ("lat", lat)):
        if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
            raise InputError(f"{name}: cell edges must be a list of increasing degrees, got {edges}")
    if lat[0] < -90 or lat[-1] > 90:
        raise InputError(f"lat: edges must lie within -90 and 90 degrees, got {lat[0]} to {lat[-1]}")
    periodic = _spans_the_circle(lon)
    check_host_memory(MAPS * 8 * len(lon) * len(lat), f"a grid of {len(lon) - 1} x {len(lat) - 1} cells")
    widths_x, widths_y = np.radians(np.diff(lon)), np.radians(np.diff(lat))
    phi_t, phi_f = np.radians(0.5 * (lat[1:] + lat[:-1])), np.radians(lat[1:])
    dlon_u = _between(widths_x, periodic)
    dlat_v = _between(widths_y, False)
    cos_t = np.cos(phi_t)[:, None]
    cos_f = np.maximum(np.cos(phi_f), 1e-6)[:, None]  # a pole is a wall: its length is never used
    along_y = np.ones((1, len(widths_x)))
    band = (np.sin(np.radians(lat[1:])) - np.sin(np.radians(lat[:-1])))[:, None]
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
        south_dx=radius * max(np.cos(np.radians(lat[0])), 1e-6) * dlon_u,
        south_f=2 * rotation * np.sin(np.radians(lat[0])) * along_y[0],
        west_f=2 * rotation * np.sin(phi_f),
        x_t=0.5 * (lon[1:] + lon[:-1]),
        y_t=0.5 * (lat[1:] + lat[:-1]),
        x_f=lon[1:],
        y_f=lat[1:],
        units="degrees",
        periodic_x=periodic,
    )


def curvilinear(
    *,
    dx: Array,
    dy: Array,
    f: Array | float = 0.0,
    periodic_x: bool = False,
    periodic_y: bool = False,
) -> HorizontalGrid:
    """Any orthogonal grid from the cell widths dx, dy [m] at T points and f [s-1] at F points.

    dx, dy: (ny, nx). The metrics of U, V and F points are means of the neighbours.
    Raises InputError for shapes that differ or widths that are not positive.
    """
    dx, dy = (plain(name, a, {"y": None, "x": None}) for name, a in (("dx", dx), ("dy", dy)))
    periodic_x, periodic_y = flag("periodic_x", periodic_x), flag("periodic_y", periodic_y)
    if dx.ndim != 2 or dx.shape != dy.shape:
        raise InputError(f"dx, dy: need two (ny, nx) arrays of one shape, got {dx.shape} and {dy.shape}")
    for name, width in (("dx", dx), ("dy", dy)):
        if not (width.size and np.isfinite(width).all() and (width > 0).all()):
            raise InputError(f"{name}: widths must be positive, the smallest is {np.min(width, initial=np.inf)} m")

    def east(a):
        return _between(a.T, periodic_x).T

    def north(a):
        return _between(a, periodic_y)

    f = plain("f", f, {"y": None, "x": None})
    if f.shape not in ((), dx.shape):
        raise InputError(f"f: need a number or one value [s-1] for each F point {dx.shape}, got shape {f.shape}")
    f = np.broadcast_to(f, dx.shape).copy()
    return HorizontalGrid(
        dx_t=dx,
        dy_t=dy,
        dx_u=east(dx),
        dy_u=east(dy),
        dx_v=north(dx),
        dy_v=north(dy),
        dx_f=east(north(dx)),
        dy_f=east(north(dy)),
        area_t=dx * dy,
        f=f,
        south_dx=east(dx)[0],
        south_f=_before(f, dy),
        west_f=_before(f.T, dx.T),
        x_t=np.arange(dx.shape[1]) + 0.5,
        y_t=np.arange(dx.shape[0]) + 0.5,
        x_f=np.arange(dx.shape[1]) + 1.0,
        y_f=np.arange(dx.shape[0]) + 1.0,
        units="1",
        periodic_x=periodic_x,
        periodic_y=periodic_y,
    )


def _widths(name: str, width: float | Sequence[float], n: int) -> Array:
    widths = plain(name, width)
    if widths.ndim not in (0, 1) or (widths.ndim == 1 and len(widths) != n):
        raise InputError(f"{name}: need one width or {n} of them, got shape {widths.shape}")
    if not (np.isfinite(widths).all() and (widths > 0).all()):
        raise InputError(f"{name}: widths must be positive [m], got {widths.min()}")
    return np.broadcast_to(widths, (n,)).copy()


def _spans_the_circle(lon: Array) -> bool:
    """Whether the edges `lon` (nx + 1,) [degrees] span 360 degrees, so that the grid is periodic.

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
    """f at the near face of the first cell, extrapolated from the far faces of the first two, along the first axis."""
    return f[0] - (f[1] - f[0]) * widths[0] / widths[1] if len(f) > 1 else f[0]


def _between(widths: Array, periodic: bool) -> Array:
    """Distance between neighbouring centres, along the first axis, at the far face of each cell."""
    following = np.roll(widths, -1, axis=0)
    if not periodic:
        following[-1] = widths[-1]
    return 0.5 * (widths + following)
