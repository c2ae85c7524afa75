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
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.device import to_device
from ogcm.errors import InputError
from ogcm.forcing import BoundForcing, Entry
from ogcm.grid import Grid, interior
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.inputs import Function, Points, as_array, sample
from ogcm.series import Series

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
        these. The depth mean of the velocity is that of the barotropic flow outside.
    T, S : float, array_like, callable or Series, optional
        Temperature [degC] and salinity [g kg-1] outside; by default those of the start.
    flow : {"radiation", "clamped"}
        Condition of the velocity without its depth mean.
    water : {"radiation", "upstream", "clamped"}
        Condition of the tracers: radiated, carried out from inside where the flow leaves, or as outside.
    """

    west: Any = False
    east: Any = False
    south: Any = False
    north: Any = False
    eta: Entry = 0.0
    u: Entry = 0.0
    v: Entry = 0.0
    T: Entry | None = None
    S: Entry | None = None
    flow: str = "radiation"
    water: str = "radiation"

    def __post_init__(self) -> None:
        for name, known in CONDITIONS.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name}: {getattr(self, name)!r} is no condition of open sides; choose from {known}")

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
    """The points of one kind on the rim.

    Attributes
    ----------
    j, i : ndarray of int, shape (N,)
        Rows and columns of the points, without halo.
    places : ndarray of int32, shape (nj, ni)
        Number of the point at each place of the grid, with halo; -1 elsewhere.
    mask : ndarray of bool, shape (nk, 1, N)
        Water.
    """

    j: Array
    i: Array
    places: Array
    mask: Array

    @classmethod
    def of(cls, grid: Grid, kind: str, layers: int) -> "Rim":
        """Make the rim of points "t", "u" or "v" of this number of layers."""
        there = interior(getattr(grid, f"inward_{kind}")).any(axis=0)
        j, i = np.nonzero(there)
        places = np.full(grid.depth_t.shape, -1, np.int32)
        interior(places)[j, i] = np.arange(len(j))
        mask = interior(getattr(grid, f"mask_{kind}"))[:layers, j, i] == 1
        return cls(j, i, places, mask[:, None])

    def to(self, device: str) -> "Rim":
        """Return the rim with its map in the memory of a device."""
        return replace(self, places=to_device(self.places, device))

    def values(self, name: str, given: Array) -> Array:
        """Return a list (nk, 1, N) of a number, a profile, a map or a field, 0 on land.

        Raises InputError for values that are not finite in water.
        """
        a = np.asarray(given, float)
        if a.ndim == 1:
            a = a[:, None, None]
        elif a.ndim >= 2:
            a = a[..., self.j, self.i][..., None, :]
        a = np.broadcast_to(a, self.mask.shape)
        if not np.isfinite(a[self.mask]).all():
            k, _, n = (int(m[0]) for m in np.nonzero(~np.isfinite(a) & self.mask))
            raise InputError(f"{name}: not finite at (k, j, i) = {(k, int(self.j[n]), int(self.i[n]))}; fill it there")
        return np.where(self.mask, a, 0.0)


KINDS = {"u": "u", "v": "v"}  # all others are at T


def bind_outside(model: "Model", sides: OpenSides) -> None:
    """Add what is outside to the forcing of a model whose state is known."""
    for name in ("u", "v", "eta", "T", "S"):
        bind_entry(model, name, getattr(sides, name))


def bind_entry(model: "Model", name: str, given: Entry | None) -> None:
    """Add what is outside of one field to the forcing; by default its values at the start."""
    forcing, entry, kind = model.forcing, f"{name}_outside", KINDS.get(name, "t")
    grid, dtype = model.grid, model.grid.h_t.dtype
    layers = 1 if name == "eta" else len(grid.h_t)
    rim = forcing.rims[entry] = Rim.of(grid, kind, layers)
    points = model.horizontal.points(kind, None if name == "eta" else interior(grid.z_t))

    def listed(values: Array) -> Array:
        return rim.values(entry, values).astype(dtype)

    if given is None:
        forcing.steady[entry] = listed(interior(getattr(model.state, name)))
        forcing.shapes[entry] = forcing.steady[entry].shape
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
