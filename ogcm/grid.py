"""The grid: an orthogonal curvilinear Arakawa C-grid in z* with partial bottom cells.

    F(j,i) -- north-east corner of the cell       .----V----F     indices [k, j, i]
    V(j,i) -- middle of its north face            |         |     k = 0 at the surface
    U(j,i) -- middle of its east face             |    T    U     i contiguous
    T(j,i) -- centre                              |         |

`HorizontalGrid` (`ogcm.horizontal_grid`) holds the geometry of one layer without halo. `Grid` adds the bottom: the
arrays that kernels read, each with `HALO` cells around the interior. Land is where a mask is 0; closed sides are land
in the halo.

Rest thicknesses follow Adcroft, Hill and Marshall (1997, doi 10.1175/1520-0493(1997)125
<2293:ROTBSC>2.0.CO;2): a bottom cell is cut where the sea floor is, a face is as thick as the
thinner of its two cells. The moving thickness is h (1 + eta/H) (z*; Adcroft and Campin 2004,
doi 10.1016/j.ocemod.2003.09.003).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import NamedTuple

import numpy as np

from ogcm.backend import HALO, KernelGrid
from ogcm.constants import GRAVITY, RHO0
from ogcm.device import to_device
from ogcm.errors import InputError
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.inputs import plain, sample

DEEPEST = 1e5  # [m] of all sea floors; what is deeper is a fill value
METRICS = [f.name for f in fields(HorizontalGrid) if f.name.startswith(("dx", "dy", "area"))]

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


class Grid(KernelGrid, Geometry):
    """What the kernels know of the geometry, and the constants that they read."""

    @property
    def periodic(self) -> tuple[bool, bool]:
        """Along j, along i."""
        return self.periodic_y, self.periodic_x

    def to(self, device: str) -> "Grid":
        """The grid with its arrays in the memory of `device`."""
        return Grid(*(to_device(a, device) if getattr(a, "ndim", 0) else a for a in self))


def build_grid(
    horizontal: HorizontalGrid,
    depth: Array | float | Callable,
    dz: Sequence[float],
    *,
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
    its layer (1: full cells only) or than `smallest_thickness` [m] is made that thick, or land when it is thinner than
    half of that (MITgcm's hFacMin and hFacMinDr). Raises InputError for wrong shapes, NaN or layers that are not
    positive.
    """
    for name in (*METRICS, "f"):
        if not np.isfinite(getattr(horizontal, name)).all():
            raise InputError(f"{name}: the horizontal grid is not finite; check its widths, f0 and beta")
    dz = plain("dz", dz)
    if dz.ndim != 1 or not (dz.size and np.isfinite(dz).all() and (dz > 0).all()):
        raise InputError(f"dz: need the positive thicknesses [m] of the layers from the surface down, got {dz}")
    depth = sea_floor(horizontal, depth, float(dz.sum()))
    if not 0 < smallest_cell <= 1:
        raise InputError(f"smallest_cell: a fraction of a layer between 0 and 1, got {smallest_cell}")

    dtype = np.dtype(dtype)
    periodic = (bool(horizontal.periodic_y), bool(horizontal.periodic_x))
    h_t = add_halo(cell_thickness(depth, dz, smallest_cell, smallest_thickness), periodic)
    masks, thicknesses = faces(h_t, dz, no_slip)
    floats = metrics(horizontal, periodic) | thicknesses
    return Grid(
        **{name: np.ascontiguousarray(a, dtype=dtype) for name, a in floats.items()},
        **masks,
        periodic_x=periodic[1],
        periodic_y=periodic[0],
        nonlinear=dtype.type(nonlinear),
        gravity=dtype.type(gravity),
        rho0=dtype.type(rho0),
    )


def cell_thickness(depth: Array, dz: Array, smallest_cell: float, smallest_thickness: float) -> Array:
    """Thickness (nk, ny, nx) [m] of the cells above a sea floor at `depth` (ny, nx) [m]; 0 on land."""
    layers = dz[:, None, None]
    fraction = np.clip((depth - tops(dz)) / layers, 0.0, 1.0)
    smallest = np.maximum(smallest_cell, np.minimum(smallest_thickness / layers, 1.0))
    fraction = np.where(fraction < 0.5 * smallest, 0.0, np.maximum(fraction, smallest))
    return fraction * layers


def faces(h_t: Array, dz: Array, no_slip: bool) -> tuple[dict[str, Array], dict[str, Array]]:
    """Masks and numbers of wet cells, and thicknesses, depths and heights [m], from the thickness h_t of the cells."""
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
    return masks, {
        "depth_t": column_depth(h_t),
        "depth_u": column_depth(h_u),
        "depth_v": column_depth(h_v),
        "depth_f": column_depth(h_f * (wet > 0)),
        "h_t": h_t,
        # A dry face carries no flow; a positive thickness there spares kernels a test before dividing.
        "h_u": np.where(mask_u, h_u, layers),
        "h_v": np.where(mask_v, h_v, layers),
        "h_f": h_f,
        "z_t": -(tops(dz) + 0.5 * np.where(h_t > 0, h_t, layers)),
    }


def metrics(horizontal: HorizontalGrid, periodic: tuple[bool, bool]) -> dict[str, Array]:
    """Lengths [m], areas [m2], their reciprocals and the Coriolis parameter [s-1], (nj, ni) with halo, by name."""

    def around(a):
        return add_halo(a, periodic, edge=True)

    def corner(a, south, west):
        """`a` at F points: those on closed southern and western sides lie in the halo, but walls need them."""
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


def tops(dz: Array) -> Array:
    """Depth (nk, 1, 1) [m] of the upper faces of the resting layers."""
    return np.concatenate([[0.0], np.cumsum(dz)[:-1]])[:, None, None]


def column_depth(h: Array) -> Array:
    """Sum (nj, ni) of the thicknesses h (nk, nj, ni) [m]; 1 where it is 0."""
    total = h.sum(axis=0)
    return np.where(total > 0, total, 1.0)


def shifted(a: Array, j: int, i: int) -> Array:
    """`a` (..., nj, ni) moved by (j, i) towards lower indices, with zeros beyond the end."""
    out = np.zeros_like(a)
    nj, ni = a.shape[-2:]
    out[..., : nj - j, : ni - i] = a[..., j:, i:]
    return out
