"""The grid: an orthogonal curvilinear Arakawa C-grid in z* with partial bottom cells.

    F(j,i) -- north-east corner of the cell       .----V----F     indices [k, j, i]
    V(j,i) -- middle of its north face            |         |     k = 0 at the surface
    U(j,i) -- middle of its east face             |    T    U     i contiguous
    T(j,i) -- centre                              |         |

`HorizontalGrid` (`ogcm.horizontal_grid`) holds the geometry of one layer without halo. `Grid` adds the bottom: the
arrays that kernels read, each with `HALO` cells around the interior. Land is where a mask is 0; closed sides are land
in the halo.

The thickness of resting layers follows Adcroft, Hill and Marshall (1997,
doi 10.1175/1520-0493(1997)125<2293:ROTBSC>2.0.CO;2): a bottom cell ends at the sea floor, and a face is as thick as
the thinner of its two cells. The thickness of moving layers is h (1 + eta/H) (z*; Adcroft and Campin 2004,
doi 10.1016/j.ocemod.2003.09.003).
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from ogcm.backend import HALO, KernelGrid
from ogcm.constants import GRAVITY, RHO0
from ogcm.device import to_device
from ogcm.errors import InputError
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.inputs import Numbers, Values, as_array, sample
from ogcm.open_sides import check_open_sides, inward_maps, land_beside
from ogcm.tiles import Tile

DEEPEST = 1e5  # [m]; a larger depth of the sea floor is taken for a fill value
METRICS = [f.name for f in fields(HorizontalGrid) if f.name.startswith(("dx", "dy", "area"))]

Array = np.ndarray


class Geometry(NamedTuple):
    """The arrays and numbers of a `Grid`, where they are described."""

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
    f: Array
    depth_t: Array
    depth_u: Array
    depth_v: Array
    depth_f: Array
    r_depth_t: Array
    r_depth_u: Array
    r_depth_v: Array
    r_depth_f: Array
    h_t: Array
    h_u: Array
    h_v: Array
    h_f: Array
    z_t: Array
    mask_t: Array
    mask_u: Array
    mask_v: Array
    mask_f: Array
    bottom_t: Array
    bottom_u: Array
    bottom_v: Array
    moves_u: Array
    moves_v: Array
    inward_t: Array
    inward_u: Array
    inward_v: Array
    r_area_eta: Array
    periodic_x: bool
    periodic_y: bool
    open_sides: bool
    nonlinear: np.floating
    gravity: np.floating
    rho0: np.floating


class Grid(KernelGrid, Geometry):
    """The geometry and the constants that kernels read. All arrays have a halo.

    Attributes
    ----------
    dx_t, dy_t, area_t : ndarray, shape (nj, ni)
        Extent along i and j [m] and area [m2] of the cell around T points.
    dx_u, dy_u, area_u : ndarray, shape (nj, ni)
        Extent along i and j [m] and area [m2] of the cell around U points.
    dx_v, dy_v, area_v : ndarray, shape (nj, ni)
        Extent along i and j [m] and area [m2] of the cell around V points.
    dx_f, dy_f, area_f : ndarray, shape (nj, ni)
        Extent along i and j [m] and area [m2] of the cell around F points.
    r_dx_t, r_dy_t, r_area_t : ndarray, shape (nj, ni)
        Their reciprocals, since a division costs as much as ten multiplications.
    r_dx_u, r_dy_u, r_area_u : ndarray, shape (nj, ni)
        Their reciprocals.
    r_dx_v, r_dy_v, r_area_v : ndarray, shape (nj, ni)
        Their reciprocals.
    r_dx_f, r_dy_f, r_area_f : ndarray, shape (nj, ni)
        Their reciprocals.
    f : ndarray, shape (nj, ni)
        Coriolis parameter at F points [s-1].
    depth_t, depth_u, depth_v, depth_f : ndarray, shape (nj, ni)
        Depth of the sea floor [m], the sum of the thicknesses; 1 on land.
    r_depth_t, r_depth_u, r_depth_v, r_depth_f : ndarray, shape (nj, ni)
        Their reciprocals.
    h_t, h_u, h_v, h_f : ndarray, shape (nk, nj, ni)
        Thickness of the resting layers [m]. h_t is 0 on land, h_u and h_v are the full layer on dry faces, h_f is the
        mean of the wet cells around the point.
    z_t : ndarray, shape (nk, nj, ni)
        Height of the centre of the resting cell [m], negative below the surface.
    mask_t, mask_u, mask_v, mask_f : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land; mask_f is 2 along a no-slip wall and 0 along a free-slip wall.
    bottom_t, bottom_u, bottom_v : ndarray of int32, shape (nj, ni)
        Number of wet cells in the column.
    moves_u, moves_v : ndarray of int8, shape (nj, ni)
        1 at wet faces whose velocity follows the momentum equations, 0 on land and at the rim of open sides.
    inward_t, inward_u, inward_v : ndarray of int8, shape (2, nj, ni)
        Step along j and along i from a point of the rim of an open side towards the inside (`ogcm.open_sides`); 0 at
        all other points.
    r_area_eta : ndarray, shape (nj, ni)
        1/area_t where the sea level follows continuity, 0 in the cells of the rim.
    periodic_x, periodic_y : bool
        True where the grid is its own neighbour along i, along j.
    open_sides : bool
        True for an ocean with open sides.
    nonlinear : floating
        1 where layers follow eta (z*), 0 where they keep their resting thickness.
    gravity : floating
        Acceleration of gravity [m s-2].
    rho0 : floating
        Reference density [kg m-3].
    """

    tile: Tile  # the part of the ocean whose grid this is; no item of the tuple, since Numba gives no type to it

    def __getstate__(self) -> dict[str, Any]:
        """Let copies have the tile, and leave out `kernel_grids`, which belongs to these arrays."""
        return {"tile": self.tile}

    def _replace(self, **changes: Any) -> "Grid":
        """Return a grid of the same tile with other arrays or numbers."""
        return self.with_members(super()._replace(**changes))

    def with_members(self, members: Iterable[Any]) -> "Grid":
        """Return a grid of the same tile.

        Parameters
        ----------
        members : iterable
            All its arrays and numbers in order.

        Returns
        -------
        Grid
            The grid.
        """
        grid = Grid._make(members)
        grid.tile = self.tile
        return grid

    @property
    def periodic(self) -> tuple[bool, bool]:
        """(periodic_y, periodic_x), the directions in the order of the axes."""
        return self.periodic_y, self.periodic_x

    def to(self, device: str) -> "Grid":
        """Copy the grid to a device.

        Parameters
        ----------
        device : {"cpu", "cuda"}
            Device in whose memory the arrays are wanted.

        Returns
        -------
        Grid
            The grid with its arrays there.
        """
        members: tuple = self
        return self.with_members(to_device(a, device) if getattr(a, "ndim", 0) else a for a in members)


def build_grid(
    horizontal: HorizontalGrid,
    depth: Values,
    dz: Numbers,
    *,
    smallest_cell: float = 0.2,
    smallest_thickness: float = 0.0,
    no_slip: bool = False,
    nonlinear: bool = True,
    gravity: float = GRAVITY,
    rho0: float = RHO0,
    open_sides: Mapping[str, Array] | None = None,
    dtype: DTypeLike = np.float64,
) -> Grid:
    """Build the grid of a tile from the horizontal grid of its ocean, depth and layers.

    A sea floor below the lowest layer is raised to it, with a warning.

    Parameters
    ----------
    horizontal : HorizontalGrid
        Horizontal grid of the tile, or of a whole ocean.
    depth : float, array_like, shape (ny, nx), or callable
        Depth of the sea floor [m], positive down; <= 0 or masked on land.
    dz : array_like, shape (nk,)
        Thickness of the resting layers [m] from the surface down.
    smallest_cell : float
        Smallest fraction of a layer that a bottom cell may have; 1 for full cells only. A thinner cell is made that
        thick, or land where it is thinner than half of that (MITgcm's hFacMin).
    smallest_thickness : float
        Smallest thickness of a bottom cell [m], likewise (MITgcm's hFacMinDr).
    no_slip : bool
        True for no-slip walls, False for free-slip walls.
    nonlinear : bool
        True where layers follow the sea surface (z*).
    gravity : float
        Acceleration of gravity [m s-2].
    rho0 : float
        Reference density [kg m-3].
    open_sides : mapping of str to ndarray of bool, optional
        Where the sides "west", "east", "south" and "north" of the whole ocean are open, along each of them.
    dtype : dtype
        Type of the arrays of floats.

    Returns
    -------
    Grid
        The grid, with a halo around each array.

    Raises
    ------
    InputError
        For wrong shapes, values that are not finite, layers that are not positive, and sides that cannot be open.
    """
    tile, whole = horizontal.tile or Tile(horizontal.shape, horizontal.sides), horizontal.undivided
    for name in (*METRICS, "f"):
        if not np.isfinite(getattr(whole, name)).all():
            raise InputError(f"{name}: the horizontal grid is not finite; check its widths, f0 and beta")
    layers = as_array("dz", dz)
    if layers.ndim != 1 or not (layers.size and np.isfinite(layers).all() and (layers > 0).all()):
        raise InputError(f"dz: need the positive thicknesses [m] of the layers from the surface down, got {layers}")
    floor = sea_floor(whole, depth, float(layers.sum()))
    if not 0 < smallest_cell <= 1:
        raise InputError(f"smallest_cell: a fraction of a layer between 0 and 1, got {smallest_cell}")

    scalar: Any = np.dtype(dtype).type
    open_sides = open_sides or {}
    floor = land_beside(floor, open_sides)
    wet = cell_thickness(floor, layers[:1], smallest_cell, smallest_thickness)[0] > 0
    check_open_sides(wet, open_sides, tile.periodic)
    rim = rim_maps(wet, open_sides, tile)
    floor = tile.cut_with_halo(add_halo(floor, tile.periodic))
    masks, thicknesses = faces(cell_thickness(floor, layers, smallest_cell, smallest_thickness), layers, no_slip)
    floats = {name: tile.cut_with_halo(a) for name, a in metrics(whole, tile.periodic).items()} | thicknesses
    floats["r_area_eta"] = np.where(rim["inward_t"].any(axis=0), 0, floats["r_area_t"])
    for p in "uv":
        rim[f"moves_{p}"] = (masks[f"mask_{p}"][0] * ~rim[f"inward_{p}"].any(axis=0)).astype(np.int8)
    grid = Grid(
        **{name: np.ascontiguousarray(a, dtype=dtype) for name, a in floats.items()},
        **masks,
        **rim,
        periodic_x=tile.wraps[1],
        periodic_y=tile.wraps[0],
        open_sides=bool(open_sides),
        nonlinear=scalar(nonlinear),
        gravity=scalar(gravity),
        rho0=scalar(rho0),
    )
    grid.tile = tile
    return grid


def rim_maps(wet: Array, open_sides: Mapping[str, Array], tile: Tile) -> dict[str, Array]:
    """Return the maps (2, nj, ni) of the steps inwards from the rim of open sides, by their names in `Geometry`."""
    maps = inward_maps(wet, open_sides)
    return {
        f"inward_{p}": np.ascontiguousarray(tile.cut_with_halo(add_halo(a, tile.periodic))) for p, a in maps.items()
    }


def cell_thickness(depth: Array, dz: Array, smallest_cell: float, smallest_thickness: float) -> Array:
    """Return the thickness (nk, ny, nx) [m] of the cells above a sea floor at `depth` (ny, nx) [m]; 0 on land."""
    layers = dz[:, None, None]
    fraction = np.clip((depth - tops(dz)) / layers, 0.0, 1.0)
    smallest = np.maximum(smallest_cell, np.minimum(smallest_thickness / layers, 1.0))
    fraction = np.where(fraction < 0.5 * smallest, 0.0, np.maximum(fraction, smallest))
    return fraction * layers


def faces(h_t: Array, dz: Array, no_slip: bool) -> tuple[dict[str, Array], dict[str, Array]]:
    """Derive the arrays of all points from the thickness of the cells.

    Parameters
    ----------
    h_t : ndarray, shape (nk, nj, ni)
        Thickness of the cells [m], 0 on land.
    dz : ndarray, shape (nk,)
        Thickness of the layers [m].
    no_slip : bool
        True for no-slip walls.

    Returns
    -------
    masks : dict of str to ndarray
        Masks and numbers of wet cells, by their names in `Geometry`.
    thicknesses : dict of str to ndarray
        Thicknesses, depths and heights [m], by their names in `Geometry`.
    """
    layers = dz[:, None, None]
    mask_t = (h_t > 0).astype(np.int8)
    h_u = np.minimum(h_t, shifted(h_t, 0, 1))
    h_v = np.minimum(h_t, shifted(h_t, 1, 0))
    around = [(0, 0), (0, 1), (1, 0), (1, 1)]
    wet = sum(shifted(mask_t, j, i) for j, i in around)
    h_f = sum(shifted(h_t, j, i) for j, i in around) / np.maximum(wet, 1)
    h_f = np.where(wet > 0, h_f, layers)
    mask_u, mask_v = (h_u > 0).astype(np.int8), (h_v > 0).astype(np.int8)
    # A wall is an F point some but not all of whose four faces are open.
    open_faces = mask_u + shifted(mask_u, 1, 0) + mask_v + shifted(mask_v, 0, 1)
    mask_f = np.where(open_faces == 4, 1, np.where((open_faces > 0) & no_slip, 2, 0)).astype(np.int8)
    masks = {"mask_t": mask_t, "mask_u": mask_u, "mask_v": mask_v, "mask_f": mask_f}
    masks |= {f"bottom_{p}": masks[f"mask_{p}"].sum(axis=0, dtype=np.int32) for p in "tuv"}
    depths = {f"depth_{p}": column_depth(h) for p, h in (("t", h_t), ("u", h_u), ("v", h_v), ("f", h_f * (wet > 0)))}
    return masks, {
        **depths,
        **{f"r_{name}": 1 / depth for name, depth in depths.items()},
        "h_t": h_t,
        # A dry face carries no flow; a positive thickness there spares kernels a test before dividing.
        "h_u": np.where(mask_u, h_u, layers),
        "h_v": np.where(mask_v, h_v, layers),
        "h_f": h_f,
        "z_t": -(tops(dz) + 0.5 * np.where(h_t > 0, h_t, layers)),
    }


def metrics(horizontal: HorizontalGrid, periodic: tuple[bool, bool]) -> dict[str, Array]:
    """Return lengths [m], areas [m2], their reciprocals and f [s-1] with halo (nj, ni), by name."""

    def around(a):
        return add_halo(a, periodic, edge=True)

    def corner(a, south, west):
        """Return `a` at F points; those on closed southern and western sides lie in the halo, but walls need them."""
        a = around(a)
        if not horizontal.periodic_y:
            a[:HALO] = around(south[None])[HALO]
        if not horizontal.periodic_x:
            a[:, :HALO] = around(west[:, None])[:, [HALO]]
        return a

    lengths = {name: around(getattr(horizontal, name)) for name in METRICS}
    lengths["dx_f"] = corner(horizontal.dx_f, horizontal.south_dx, horizontal.dx_v[:, 0])
    lengths["dy_f"] = corner(horizontal.dy_f, horizontal.dy_u[0], horizontal.dy_v[:, 0])
    for p in "uvf":
        lengths[f"area_{p}"] = lengths[f"dx_{p}"] * lengths[f"dy_{p}"]
    f = corner(horizontal.f, horizontal.south_f, horizontal.west_f)
    return lengths | {f"r_{name}": 1 / a for name, a in lengths.items()} | {"f": f}


def sea_floor(horizontal: HorizontalGrid, depth: Values, deepest: float) -> Array:
    """Return the depth (ny, nx) [m] of the sea floor, 0 where it is masked.

    Warns where it lies below the bottom of the lowest layer, `deepest` [m]. Raises InputError for values that cannot be
    a depth.
    """
    floor = np.broadcast_to(sample("bathymetry", depth, horizontal.points(), masked=0.0), horizontal.shape)
    wrong = np.argwhere(~np.isfinite(floor) | (floor > DEEPEST))
    if len(wrong):
        value, where = floor[tuple(wrong[0])], tuple(map(int, wrong[0]))
        text = "NaN" if np.isnan(value) else f"{value:g} m"
        raise InputError(f"bathymetry: {text} at (j, i) = {where}; write land as depth 0, or mask it")
    cut = floor > deepest * (1 + 1e-6)
    if cut.any():
        warnings.warn(
            f"bathymetry: {cut.sum()} of {(floor > 0).sum()} columns reach below the lowest layer and end there, at "
            f"{deepest:g} m; the deepest sea floor is at {floor.max():g} m",
            stacklevel=4,
        )
    return floor


def at_tops(wet: Array) -> Array:
    """Return True at the tops of wet cells and at the sea floor, shape (nk + 1, ny, nx)."""
    ends = ((0, 1), (0, 0), (0, 0)), ((1, 0), (0, 0), (0, 0))
    return np.pad(wet, ends[0]) | np.pad(wet, ends[1])


def add_halo(a: Array, periodic: tuple[bool, bool], edge: bool = False) -> Array:
    """Return `a` (..., ny, nx) with `HALO` cells around it.

    Parameters
    ----------
    a : ndarray, shape (..., ny, nx)
        Field without halo.
    periodic : tuple of bool
        (along j, along i); the halo is wrapped along periodic directions.
    edge : bool
        True to repeat the value at the edge along the other directions, False for 0.

    Returns
    -------
    ndarray, shape (..., nj, ni)
        Field with halo.
    """
    for axis, wraps in ((-2, periodic[0]), (-1, periodic[1])):
        width = [(0, 0)] * a.ndim
        width[axis] = (HALO, HALO)
        a = np.pad(a, width, mode="wrap" if wraps else "edge" if edge else "constant")
    return a


def interior(a: Array) -> Array:
    """Return a field without its halo.

    Parameters
    ----------
    a : ndarray, shape (..., nj, ni)
        Field with halo.

    Returns
    -------
    ndarray, shape (..., ny, nx)
        View of `a`: writing to it writes to the field.
    """
    return a[..., HALO:-HALO, HALO:-HALO]


def tops(dz: Array) -> Array:
    """Return the depth (nk, 1, 1) [m] of the upper faces of the resting layers."""
    return np.concatenate([[0.0], np.cumsum(dz)[:-1]])[:, None, None]


def column_depth(h: Array) -> Array:
    """Return the sum (nj, ni) of the thicknesses h (nk, nj, ni) [m]; 1 where it is 0."""
    total = h.sum(axis=0)
    return np.where(total > 0, total, 1.0)


def shifted(a: Array, j: int, i: int) -> Array:
    """Return `a` (..., nj, ni) shifted by (j, i) towards lower indices, with zeros beyond the end."""
    out = np.zeros_like(a)
    nj, ni = a.shape[-2:]
    out[..., : nj - j, : ni - i] = a[..., j:, i:]
    return out
