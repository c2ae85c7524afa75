"""Open sides of an ocean: what is given outside, and what a stage does there.

The outermost row or column of cells of an open side, its *rim*, lies outside (`ogcm.open_sides`). A stage computes it
like all others, then its values are replaced:

    velocity   the outer velocity is put on u_star and v_star of the rim, or radiated (`open_velocity`)
    sea level  by Flather in the barotropic substeps, then by Chapman (`open_sea_level`)
    tracers    the outer value is put on the rim, radiated, or carried out from inside (`open_tracers`)

What is given outside belongs to the forcing of the model, as entries `u_outside`, `eta_outside`, `T_outside`, ...: lists
(nk, 1, N) of the values at the N points of the rim, in the order of the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import binary_dilation

from ogcm.backend import HALO
from ogcm.device import to_device
from ogcm.errors import InputError
from ogcm.forcing import Entry
from ogcm.grid import Grid, add_halo, interior
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.inputs import Function, as_array, number, sample
from ogcm.outer import Outer, RimPoints
from ogcm.series import Series, seconds

if TYPE_CHECKING:
    from ogcm.model import Model

Array = np.ndarray
CONDITIONS = {"flow": ("radiation", "clamped"), "water": ("radiation", "upstream", "clamped")}


@dataclass(frozen=True, kw_only=True)
class OpenSides:
    """Open sides of an ocean, and the world outside.

    Parameters
    ----------
    west, east, south, north : bool or array_like of bool, shape (ny,) or (nx,)
        Sides that are open, or where along them. The outermost cells of an open side lie outside; those that are not
        open become land.
    eta, u, v : float, array_like, callable or Series
        Sea surface height [m] and velocity [m s-1] outside: a number, a profile (nk,), a field of the whole ocean of which
        the rim is taken, a function f(x, y, z) or f(x, y, z, t) of the coordinates and the time [s], or a `Series` of
        these; or from files, by `ogcm.sections` or `ogcm.outside_of`. The depth mean of the velocity is that of the
        barotropic flow outside.
    T, S : float, array_like, callable or Series, optional
        Temperature [degC] and salinity [g kg-1] outside; by default those of the start.
    flow : {"radiation", "clamped"}
        Condition of the velocity without its depth mean.
    water : {"radiation", "upstream", "clamped"}
        Condition of the tracers: radiated, carried out from inside where the flow leaves, or as outside.
    zone : float, optional
        Width [m] of the zone along open sides in which velocity and tracers are nudged towards what is given outside,
        with the parameter `nudging_zone` [s-1] at the rim. The values outside are then read in this zone as well.
    """

    west: Any = False
    east: Any = False
    south: Any = False
    north: Any = False
    eta: "Entry | Outer" = 0.0
    u: "Entry | Outer" = 0.0
    v: "Entry | Outer" = 0.0
    T: "Entry | Outer | None" = None
    S: "Entry | Outer | None" = None
    flow: str = "radiation"
    water: str = "radiation"
    zone: float = 0.0

    def __post_init__(self) -> None:
        for name, known in CONDITIONS.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name}: {getattr(self, name)!r} is no condition of open sides; choose from {known}")
        if number("zone", self.zone) < 0:
            raise InputError(f"zone: the width of a zone [m] is not negative, got {self.zone}")

    def stretches(self, shape: tuple[int, int]) -> dict[str, Array]:
        """Return where each open side of an ocean of `shape` (ny, nx) is open, along it."""
        found = {}
        for side, n in (("west", shape[0]), ("east", shape[0]), ("south", shape[1]), ("north", shape[1])):
            given = np.asarray(getattr(self, side))
            if given.dtype != bool or given.shape not in ((), (n,)):
                raise InputError(f"{side}: needs True, False or {n} of these along the side, got {given!r}")
            if given.any():
                found[side] = np.broadcast_to(given, (n,))
        return found


@dataclass(frozen=True)
class Rim:
    """The points of one kind whose values outside are known: the rim, and the zone of nudging.

    Attributes
    ----------
    j, i : ndarray of int32, shape (N,)
        Rows and columns of the points, without halo.
    places : ndarray of int32, shape (nj, ni)
        Number of the point at each place of the rim, -1 elsewhere.
    zone : ndarray of int32, shape (nj, ni)
        The same for the zone.
    beside : ndarray of int8, shape (nj, ni)
        1 at most two steps from the rim, 0 elsewhere.
    ramp : ndarray, shape (nj, ni)
        Share of the rate of nudging [1]: from 1 beside the rim to 0, which it is elsewhere.
    rows, columns : ndarray of int32, shape (N,)
        Rows and columns with halo.
    mask : ndarray of bool, shape (nk, 1, N)
        Water.
    """

    j: Array
    i: Array
    places: Array
    zone: Array
    beside: Array
    ramp: Array
    rows: Array
    columns: Array
    mask: Array

    @classmethod
    def of(cls, grid: Grid, kind: str, layers: int, ramp: Array) -> "Rim":
        """Make the list of points "t", "u" or "v" of this number of layers, with a ramp (ny, nx) at T points."""
        rim = interior(getattr(grid, f"inward_{kind}")).any(axis=0)
        wet = interior(getattr(grid, f"mask_{kind}"))[:layers] == 1
        axis = {"u": 1, "v": 0}.get(kind)
        if axis is not None:
            ramp = 0.5 * (ramp + np.roll(ramp, -1, axis))
        ramp = np.where(rim | ~wet[0], 0.0, ramp)
        j, i = (a.astype(np.int32) for a in np.nonzero(rim | (ramp > 0)))
        numbers = np.full(rim.shape, -1, np.int32)
        numbers[j, i] = np.arange(len(j))
        places, zone = (add_halo(np.where(at, numbers + 1, 0), grid.periodic) - 1 for at in (rim, ramp > 0))
        share = add_halo(ramp, grid.periodic).astype(grid.h_t.dtype)
        places, zone, water = places.astype(np.int32), zone.astype(np.int32), wet[:, j, i][:, None]
        beside = binary_dilation(getattr(grid, f"inward_{kind}").any(axis=0), np.ones((5, 5))).astype(np.int8)
        return cls(j, i, places, zone, beside, share, j + HALO, i + HALO, water)

    def to(self, device: str) -> "Rim":
        """Return the list with the arrays that kernels read in the memory of a device."""
        read = {
            name: to_device(getattr(self, name), device)
            for name in ("places", "zone", "beside", "ramp", "rows", "columns")
        }
        return replace(self, **read)

    def values(self, name: str, given: Array) -> Array:
        """Return a list (nk, 1, N) of a number, a profile, a map or a field, 0 on land.

        Raises InputError for values that are not finite in water.
        """
        a = np.asarray(given, float)
        if a.ndim == 1:
            a = a[:, None, None]
        elif a.ndim >= 2:
            a = a[..., self.j, self.i][..., None, :]
        return self.checked(name, np.broadcast_to(a, self.mask.shape))

    def checked(self, name: str, a: Array) -> Array:
        """Return a list (nk, 1, N) with 0 on land. Raises InputError for values that are not finite in water."""
        wrong = np.argwhere(~np.isfinite(a) & self.mask)
        if len(wrong):
            k, _, n = (int(m) for m in wrong[0])
            raise InputError(f"{name}: not finite at (k, j, i) = {(k, int(self.j[n]), int(self.i[n]))}; fill it there")
        return np.where(self.mask, a, 0.0)


def ramp_of_zone(horizontal: HorizontalGrid, stretches: Mapping[str, Array], width: float) -> Array:
    """Return a ramp (ny, nx) of a whole ocean that falls from 1 at the rim of open sides to 0 at `width` [m] from it."""
    ramp = np.zeros(horizontal.shape)
    for side, stretch in stretches.items():
        across = 1 if side in ("west", "east") else 0
        d = horizontal.dx_t if across else horizontal.dy_t
        d = np.flip(d, across) if side in ("east", "north") else d
        distance = np.cumsum(d, axis=across) - 0.5 * d
        distance -= np.take(distance, [0], axis=across)
        share = np.clip(1 - distance / width, 0, 1) * (stretch[:, None] if across else stretch[None])
        ramp = np.maximum(ramp, np.flip(share, across) if side in ("east", "north") else share)
    return ramp


KINDS = {"u": "u", "v": "v"}  # all others are at T


def bind_outside(model: "Model", sides: OpenSides) -> None:
    """Add what is outside to the forcing of a model whose state is known."""
    whole = model.horizontal.undivided
    ramp = np.zeros(whole.shape)
    if sides.zone:
        ramp = ramp_of_zone(whole, sides.stretches(whole.shape), sides.zone)
    for name in ("u", "v", "eta", "T", "S"):
        bind_entry(model, sides, name, model.grid.tile.cut(ramp))


def bind_entry(model: "Model", sides: OpenSides, name: str, ramp: Array) -> None:
    """Add what is outside of one field to the forcing; by default its values at the start."""
    given = getattr(sides, name)
    forcing, entry, kind = model.forcing, f"{name}_outside", KINDS.get(name, "t")
    grid, dtype = model.grid, model.grid.h_t.dtype
    layers = 1 if name == "eta" else len(grid.h_t)
    rim = forcing.rims[entry] = Rim.of(grid, kind, layers, np.zeros_like(ramp) if name == "eta" else ramp)
    points = model.horizontal.points(kind, None if name == "eta" else interior(grid.z_t))

    def listed(values: Array) -> Array:
        return np.ascontiguousarray(rim.values(entry, values), dtype)

    if given is None:
        forcing.steady[entry] = listed(interior(getattr(model.state, name)))
        forcing.shapes[entry] = forcing.steady[entry].shape
    elif isinstance(given, Outer):
        series = given.series(
            RimPoints.of(model, tuple(sides.stretches(model.horizontal.undivided.shape)), name, kind, rim)
        )
        values = np.stack([rim.checked(entry, record[:, None]) for record in series.values]).astype(dtype)
        times = seconds(entry, "times", series.times, model.start)
        forcing.series[entry], forcing.shapes[entry] = Series(values, times), values.shape
    elif isinstance(given, Series):
        series = given.bound(entry, points, model.start)
        values = np.stack([listed(record) for record in series.values])
        forcing.series[entry], forcing.shapes[entry] = replace(series, values=values), values.shape
    elif callable(given) and (function := Function(entry, given, "xyt" if name == "eta" else "xyzt")).of_time:
        forcing.functions[entry] = lambda time: listed(as_array(entry, function(points, time), points.axes))
        forcing.shapes[entry] = rim.mask.shape
        forcing.functions[entry](0.0)  # reports a mistake before the run
    else:
        values = sample(entry, given, points)
        forcing.steady[entry] = listed(values)
        forcing.shapes[entry] = values.shape if values.ndim < 2 else forcing.steady[entry].shape
