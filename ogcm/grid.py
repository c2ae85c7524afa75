"""The grid: an orthogonal curvilinear Arakawa C-grid in z* with partial bottom cells.

    F(j,i) -- north-east corner of the cell       .----V----F     indices [k, j, i]
    V(j,i) -- middle of its north face            |         |     k = 0 at the surface
    U(j,i) -- middle of its east face             |    T    U     i contiguous
    T(j,i) -- centre                              |         |

`HorizontalGrid` holds the geometry of one layer without halo and is made by `cartesian`,
`spherical` or `curvilinear`. `Grid` adds the bottom: the arrays that kernels read, each with
`HALO` cells around the interior. Land is where a mask is 0; closed sides are land in the halo.

Rest thicknesses follow Adcroft, Hill and Marshall (1997, doi 10.1175/1520-0493(1997)125
<2293:ROTBSC>2.0.CO;2): a bottom cell is cut where the sea floor is, a face is as thick as the
thinner of its two cells. The moving thickness is h (1 + eta/H) (z*; Adcroft and Campin 2004,
doi 10.1016/j.ocemod.2003.09.003).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from ogcm.backend import HALO, InParts
from ogcm.constants import GRAVITY, RHO0
from ogcm.device import check_host_memory, put
from ogcm.errors import InputError
from ogcm.inputs import Points, count, flag, number, plain, sample

EARTH_RADIUS = 6.371e6  # [m]
EARTH_ROTATION = 7.292e-5  # [s-1]
DEEPEST = 1e5  # [m] of all sea floors; what is deeper is a fill value
MAPS = 14  # arrays of (ny, nx) that a horizontal grid holds or needs while it is made

Array = np.ndarray


class Geometry(NamedTuple):
    """The arrays and numbers of a `Grid`; every array carries a halo."""

    # (nj, ni) metrics [m], [m2]: dx is the extent along i, dy along j, of the cell around the point
    dx_t: Array
    dy_t: Array
    area_t: Array
    dx_u: Array
    dy_u: Array
    area_u: Array
    dx_v: Array
    dy_v: Array
    area_v: Array
    dx_f: Array
    dy_f: Array
    area_f: Array
    # their reciprocals, since a division costs as much as ten multiplications
    r_dx_t: Array
    r_dy_t: Array
    r_area_t: Array
    r_dx_u: Array
    r_dy_u: Array
    r_area_u: Array
    r_dx_v: Array
    r_dy_v: Array
    r_area_v: Array
    r_dx_f: Array
    r_dy_f: Array
    r_area_f: Array
    f: Array  # (nj, ni) Coriolis parameter at F points [s-1]
    depth_t: Array  # (nj, ni) depth of the sea floor, the sum of h_t [m]; 1 on land
    depth_u: Array
    depth_v: Array
    depth_f: Array
    # (nk, nj, ni) thickness of the resting layers [m]; h_f is the mean of the wet cells around F
    h_t: Array  # 0 on land
    h_u: Array  # the full layer on dry faces
    h_v: Array
    h_f: Array
    z_t: Array  # (nk, nj, ni) height of the resting cell centre, negative below the surface [m]
    # (nk, nj, ni) int8: 1 water, 0 land; mask_f is 2 along a no-slip wall, 0 along a free-slip one
    mask_t: Array
    mask_u: Array
    mask_v: Array
    mask_f: Array
    bottom_t: Array  # (nj, ni) int32 number of wet cells in the column at T, U and V points
    bottom_u: Array
    bottom_v: Array
    periodic_x: bool  # along i
    periodic_y: bool  # along j
    nonlinear: np.floating  # 1: layers follow eta (z*); 0: layers keep their rest thickness
    gravity: np.floating  # [m s-2]
    rho0: np.floating  # reference density [kg m-3]


class Grid(InParts, Geometry):
    """What the kernels know of the geometry, and the constants that they read."""

    @property
    def periodic(self) -> tuple[bool, bool]:
        """Along j, along i."""
        return self.periodic_y, self.periodic_x

    def to(self, device: str) -> "Grid":
        """The grid with its arrays in the memory of `device`."""
        return Grid(*(put(a, device) if getattr(a, "ndim", 0) else a for a in self))


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


def build(
    horizontal: HorizontalGrid,
    depth: Array | float | Callable,
    dz: Sequence[float],
    *,
    partial_cells: bool = True,
    smallest_cell: float = 0.2,
    smallest_thickness: float = 0.0,
    no_slip: bool = False,
    nonlinear: bool = True,
    gravity: float = GRAVITY,
    rho0: float = RHO0,
    dtype: np.dtype = np.float64,
) -> Grid:
    """Grid of a basin: `depth` (ny, nx) [m, positive down, <= 0 or masked on land] cut into layers `dz` [m].

    A sea floor below the lowest layer is raised to it, with a warning. A bottom cell thinner than `smallest_cell` of
    its layer or than `smallest_thickness` [m] is made that thick, or land when it is thinner than half of that
    (MITgcm's hFacMin and hFacMinDr). Raises InputError for wrong shapes, NaN or layers that are not positive.
    """
    for name in (*_METRICS, "f"):
        if not np.isfinite(getattr(horizontal, name)).all():
            raise InputError(f"{name}: the horizontal grid is not finite; check its widths, f0 and beta")
    dz = plain("dz", dz)
    if dz.ndim != 1 or not (dz.size and np.isfinite(dz).all() and (dz > 0).all()):
        raise InputError(f"dz: need the positive thicknesses [m] of the layers from the surface down, got {dz}")
    depth = sea_floor(horizontal, depth, float(dz.sum()))
    if not 0 < smallest_cell <= 1:
        raise InputError(f"smallest_cell: a fraction of a layer between 0 and 1, got {smallest_cell}")

    top = np.concatenate([[0.0], np.cumsum(dz)[:-1]])[:, None, None]
    layers = dz[:, None, None]
    fraction = np.clip((depth - top) / layers, 0.0, 1.0)
    smallest = np.maximum(smallest_cell, np.minimum(smallest_thickness / layers, 1.0)) if partial_cells else 1.0
    fraction = np.where(fraction < 0.5 * smallest, 0.0, np.maximum(fraction, smallest))

    def column(h):
        total = h.sum(axis=0)
        return np.where(total > 0, total, 1.0)

    periodic = (bool(horizontal.periodic_y), bool(horizontal.periodic_x))
    h_t = add_halo(fraction * layers, periodic)
    mask_t = (h_t > 0).astype(np.int8)
    h_u = np.minimum(h_t, _shift(h_t, 0, 1))
    h_v = np.minimum(h_t, _shift(h_t, 1, 0))
    around = [(0, 0), (0, 1), (1, 0), (1, 1)]
    wet = sum(_shift(mask_t, j, i) for j, i in around)
    h_f = sum(_shift(h_t, j, i) for j, i in around) / np.maximum(wet, 1)
    h_f = np.where(wet > 0, h_f, layers)
    mask_u, mask_v = (h_u > 0).astype(np.int8), (h_v > 0).astype(np.int8)
    depth_u, depth_v = column(h_u), column(h_v)
    # A dry face carries no flow; a positive thickness there spares kernels a test before dividing.
    h_u, h_v = np.where(mask_u, h_u, layers), np.where(mask_v, h_v, layers)
    # A wall is an F point some but not all of whose four faces are open.
    faces = mask_u + _shift(mask_u, 1, 0) + mask_v + _shift(mask_v, 0, 1)
    mask_f = np.where(faces == 4, 1, np.where((faces > 0) & no_slip, 2, 0)).astype(np.int8)

    def metric(a):
        return add_halo(a, periodic, edge=True)

    def corner(a, south, west):
        """`a` at F points: those on closed southern and western sides lie in the halo, but walls need them."""
        a = metric(a)
        if not horizontal.periodic_y:
            a[:HALO] = metric(south[None])[HALO]
        if not horizontal.periodic_x:
            a[:, :HALO] = metric(west[:, None])[:, [HALO]]
        return a

    metrics = {name: metric(getattr(horizontal, name)) for name in _METRICS}
    metrics["dx_f"] = corner(horizontal.dx_f, horizontal.south_dx, horizontal.dx_v[:, 0])
    metrics["dy_f"] = corner(horizontal.dy_f, horizontal.dy_u[0], horizontal.dy_v[:, 0])
    for p in "uvf":
        metrics[f"area_{p}"] = metrics[f"dx_{p}"] * metrics[f"dy_{p}"]
    floats = metrics | {f"r_{name}": 1 / a for name, a in metrics.items()}
    floats |= {
        "f": corner(horizontal.f, horizontal.south_f, horizontal.west_f),
        "depth_t": column(h_t),
        "depth_u": depth_u,
        "depth_v": depth_v,
        "depth_f": column(h_f * (wet > 0)),
        "h_t": h_t,
        "h_u": h_u,
        "h_v": h_v,
        "h_f": h_f,
        "z_t": -(top + 0.5 * np.where(h_t > 0, h_t, layers)),
    }
    return Grid(
        **{name: np.ascontiguousarray(a, dtype=dtype) for name, a in floats.items()},
        mask_t=mask_t,
        mask_u=mask_u,
        mask_v=mask_v,
        mask_f=mask_f,
        bottom_t=mask_t.sum(axis=0, dtype=np.int32),
        bottom_u=mask_u.sum(axis=0, dtype=np.int32),
        bottom_v=mask_v.sum(axis=0, dtype=np.int32),
        periodic_x=periodic[1],
        periodic_y=periodic[0],
        nonlinear=np.dtype(dtype).type(nonlinear),
        gravity=np.dtype(dtype).type(gravity),
        rho0=np.dtype(dtype).type(rho0),
    )


def sea_floor(horizontal: HorizontalGrid, depth: Array | float | Callable, deepest: float) -> Array:
    """The depth (ny, nx) [m] of the sea floor, 0 where it is masked. Warns where layers that end at `deepest` cut it.

    Raises InputError for what cannot be a depth.
    """
    depth = np.broadcast_to(sample("bathymetry", depth, horizontal.points(), masked=0.0), horizontal.shape)
    wrong = np.argwhere(~np.isfinite(depth) | (depth > DEEPEST))
    if len(wrong):
        value, where = depth[tuple(wrong[0])], tuple(map(int, wrong[0]))
        value = "NaN" if np.isnan(value) else f"{value:g} m"
        raise InputError(f"bathymetry: {value} at (j, i) = {where}; write land as depth 0, or mask it")
    cut = depth > deepest * (1 + 1e-6)
    if cut.any():
        warnings.warn(
            f"bathymetry: {cut.sum()} of {(depth > 0).sum()} columns reach below the lowest layer and end there, at "
            f"{deepest:g} m; the deepest sea floor is at {depth.max():g} m",
            stacklevel=4,
        )
    return depth


_METRICS = [f.name for f in fields(HorizontalGrid) if f.name.startswith(("dx", "dy", "area"))]


def add_halo(a: Array, periodic: tuple[bool, bool], edge: bool = False) -> Array:
    """`a` (..., ny, nx) with HALO cells around it: wrapped where periodic, else 0 (or the edge value)."""
    for axis, wraps in ((-2, periodic[0]), (-1, periodic[1])):
        width = [(0, 0)] * a.ndim
        width[axis] = (HALO, HALO)
        a = np.pad(a, width, mode="wrap" if wraps else "edge" if edge else "constant")
    return a


def interior(a: Array) -> Array:
    """View of `a` (..., nj, ni) without its halo."""
    return a[..., HALO:-HALO, HALO:-HALO]


def _shift(a: Array, j: int, i: int) -> Array:
    """a[..., j + j', i + i'] with zeros beyond the end."""
    out = np.zeros_like(a)
    nj, ni = a.shape[-2:]
    out[..., : nj - j, : ni - i] = a[..., j:, i:]
    return out


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
