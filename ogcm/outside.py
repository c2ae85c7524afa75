"""Open sides of an ocean: what is given outside, and what a stage does there.

The outermost row or column of cells of an open side, its *rim*, lies outside (`ogcm.open_sides`). A stage computes it
like all others, then its values are replaced:

    velocity   the outer velocity is put on u_star and v_star of the rim, or radiated (`open_velocity`)
    sea level  by Flather in the barotropic substeps, then by Chapman (`open_sea_level`)
    tracers    the outer value is put on the rim, radiated, or carried out from inside (`open_tracers`)

The sea level outside is read in the first cells inside, where Flather's condition compares it with that of the model:
between a cell of the rim and one inside it would take a slope of the outer sea level for a wave.

What is given outside belongs to the forcing of the model, as entries `u_outside`, `eta_outside`, `T_outside`, ...:
lists (nk, 1, N) of the values at the N points of the rim and of the zone of nudging, in the order of the rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import binary_dilation

from ogcm.astronomy import check_start
from ogcm.backend import HALO
from ogcm.device import to_device
from ogcm.errors import InputError
from ogcm.forcing import BoundForcing, Entry
from ogcm.grid import Grid, add_halo, interior
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.inputs import Function, as_array, flag, number, sample
from ogcm.open_sides import SIDES
from ogcm.outer import Outer, RimPoints
from ogcm.series import Series
from ogcm.stream import Stream
from ogcm.tides import TidalSeries, Tide, velocity_of

if TYPE_CHECKING:
    from ogcm.model import Model

Array = np.ndarray
CONDITIONS = {
    "flow": ("radiation", "clamped"),
    "water": ("radiation", "upstream", "clamped"),
    "volume": ("free", "constrained"),
}


@dataclass(frozen=True, kw_only=True)
class OpenSides:
    """Open sides of an ocean, and the world outside.

    Parameters
    ----------
    west, east, south, north : bool or array_like of bool, shape (ny,) or (nx,)
        Sides that are open, or where along them. The outermost cells of an open side lie outside; those that are not
        open become land.
    eta, u, v : float, array_like, callable or Series
        Sea surface height [m] and velocity [m s-1] outside: a number, a profile (nk,), a field of the whole ocean of
        which the rim is taken, a function f(x, y, z) or f(x, y, z, t) of the coordinates and the time [s], or a
        `Series` of these; or from files, by `ogcm.sections`, `ogcm.outside_of` or `ogcm.fields_outside`. The depth mean
        of the velocity is that of the barotropic flow outside.
    T, S : float, array_like, callable or Series, optional
        Temperature [degC] and salinity [g kg-1] outside; by default those of the start.
    tides : Tide, optional
        Tide outside, which is added to `eta`, `u` and `v`; the model needs a `start`.
    inverse_barometer : bool
        True to lower the sea surface outside by (p - 101325 Pa)/(rho0 g), with the `surface_pressure` p of the forcing.
    flow : {"radiation", "clamped"}
        Condition of the velocity without its depth mean.
    water : {"radiation", "upstream", "clamped"}
        Condition of the tracers: radiated, carried out from inside where the flow leaves, or as outside.
    volume : {"free", "constrained"}
        "constrained" to let the mean sea level rise by the parameter `sea_level_rise` [m s-1], by default not at all: a
        uniform flow through all open sides makes up what these and the surface bring too much or too little.
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
    tides: Tide | None = None
    inverse_barometer: bool = False
    flow: str = "radiation"
    water: str = "radiation"
    volume: str = "free"
    zone: float = 0.0

    def __post_init__(self) -> None:
        for name, known in CONDITIONS.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name}: {getattr(self, name)!r} is no condition of open sides; choose from {known}")
        if number("zone", self.zone) < 0:
            raise InputError(f"zone: the width of a zone [m] is not negative, got {self.zone}")
        flag("inverse_barometer", self.inverse_barometer)
        if self.tides is not None and not isinstance(self.tides, Tide):
            raise InputError(f"tides: needs an ogcm.Tide(eta=...), got {type(self.tides).__name__}")

    def stretches(self, shape: tuple[int, int]) -> dict[str, Array]:
        """Return where the open sides are open.

        Parameters
        ----------
        shape : tuple of int
            Numbers of rows and columns of the whole ocean, (ny, nx).

        Returns
        -------
        dict of str to ndarray of bool, shape (ny,) or (nx,)
            Where each open side is open, along it, by its name.
        """
        found = {}
        for side, (_, across) in SIDES.items():
            n = shape[0] if across else shape[1]
            given = np.asarray(getattr(self, side))
            if given.dtype != bool or given.shape not in ((), (n,)):
                raise InputError(f"{side}: needs True, False or {n} of these along the side, got {given!r}")
            if given.any():
                found[side] = np.broadcast_to(given, (n,))
        return found

    def ramp(self, grid: HorizontalGrid, width: float) -> Array:
        """Return a ramp that falls linearly from 1 at the open sides to 0 inside, for a sponge.

        Parameters
        ----------
        grid : HorizontalGrid
            Horizontal grid of the whole ocean.
        width : float
            Distance from the rim [m] at which it is 0.

        Returns
        -------
        ndarray, shape (ny, nx)
            The ramp [1].
        """
        return ramp_of_zone(grid, self.stretches(grid.shape), width)


@dataclass(frozen=True)
class Rim:
    """The points of one kind whose values outside are known: the rim, and the zone of nudging.

    Attributes
    ----------
    j, i : ndarray of int32, shape (N,)
        Rows and columns at which the values are read, without halo: those of the points, for the sea level those of the
        first cells inside.
    places : ndarray of int32, shape (nj, ni)
        Number of the point at each place of the rim, -1 elsewhere.
    zone : ndarray of int32, shape (nj, ni)
        The same for the zone.
    beside : ndarray of int8, shape (nj, ni)
        1 at most two steps from the rim, 0 elsewhere.
    ramp : ndarray, shape (nj, ni)
        Share of the rate of nudging [1]: from 1 beside the rim to 0, which it is elsewhere.
    addresses : ndarray of int64, shape (N,)
        Number of each point in a layer with halo, j ni + i.
    mask : ndarray of bool, shape (nk, 1, N)
        Water.
    """

    j: Array
    i: Array
    places: Array
    zone: Array
    beside: Array
    ramp: Array
    addresses: Array
    mask: Array

    @classmethod
    def of(cls, grid: Grid, kind: str, layers: int, ramp: Array, *, first_inside: bool = False) -> "Rim":
        """Make the list of points "t", "u" or "v" of this number of layers, with the ramp (ny, nx) at these points.

        With `first_inside` the values of the rim are read in the first cells inside.
        """
        rim = interior(getattr(grid, f"inward_{kind}")).any(axis=0)
        wet = interior(getattr(grid, f"mask_{kind}"))[:layers] == 1
        ramp = np.where(rim | ~wet[0], 0.0, ramp)
        j, i = (a.astype(np.int32) for a in np.nonzero(rim | (ramp > 0)))
        numbers = np.full(rim.shape, -1, np.int32)
        numbers[j, i] = np.arange(len(j))
        places, zone = (add_halo(np.where(at, numbers + 1, 0), grid.periodic) - 1 for at in (rim, ramp > 0))
        rows, columns, water = j + HALO, i + HALO, wet[:, j, i][:, None]
        addresses = rows.astype(np.int64) * (rim.shape[1] + 2 * HALO) + columns
        if first_inside:
            step_j, step_i = grid.inward_t[:, rows, columns]
            j, i = j + step_j, i + step_i
            water = water & wet[:, j, i][:, None]
        share = add_halo(ramp, grid.periodic).astype(grid.h_t.dtype)
        places, zone = places.astype(np.int32), zone.astype(np.int32)
        beside = binary_dilation(getattr(grid, f"inward_{kind}").any(axis=0), np.ones((5, 5))).astype(np.int8)
        return cls(j, i, places, zone, beside, share, addresses, water)

    def to(self, device: str) -> "Rim":
        """Return the list with the arrays that kernels read in the memory of a device."""
        read = {
            name: to_device(getattr(self, name), device) for name in ("places", "zone", "beside", "ramp", "addresses")
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
    """Return a ramp (ny, nx) that falls from 1 at the rim of a whole ocean to 0 at `width` [m] from it."""
    ramp = np.zeros(horizontal.shape)
    for side, stretch in stretches.items():
        across, backwards = int(SIDES[side][1] != 0), sum(SIDES[side]) < 0
        d = horizontal.dx_t if across else horizontal.dy_t
        d = np.flip(d, across) if backwards else d
        distance = np.cumsum(d, axis=across) - 0.5 * d
        distance -= np.take(distance, [0], axis=across)
        share = np.clip(1 - distance / width, 0, 1) * (stretch[:, None] if across else stretch[None])
        ramp = np.maximum(ramp, np.flip(share, across) if backwards else share)
    return ramp


def bind_outside(model: "Model") -> None:
    """Add what is outside to the forcing of a model with open sides, whose state is known."""
    for name in ("u", "v", "eta", "T", "S"):
        bind_entry(model, model.forcing, name, getattr(model.open_sides, name))
        if model.open_sides.tides is not None and name in ("u", "v", "eta"):
            bind_tide(model, name, model.open_sides.tides)
    if model.open_sides.inverse_barometer and "surface_pressure" not in model.forcing.shapes:
        raise InputError("inverse_barometer: needs the pressure of the air; give Forcing(surface_pressure=...) [Pa]")


def ramp_at(model: "Model", name: str) -> Array:
    """Return the ramp of the zone of nudging at the points of a field, in the tile of the model; 0 for eta."""
    whole, sides = model.horizontal.undivided, model.open_sides
    ramp = np.zeros(whole.shape)
    if sides.zone and name != "eta":
        ramp = sides.ramp(whole, sides.zone)
    if name in ("u", "v"):
        ramp = 0.5 * (ramp + np.roll(ramp, -1, axis=1 if name == "u" else 0))
    return model.grid.tile.cut(ramp)


def bind_entry(model: "Model", forcing: BoundForcing, name: str, given: Entry | Outer | None) -> None:
    """Add what is outside of one field to the forcing of a model; by default its values at the start."""
    entry, kind = f"{name}_outside", name if name in ("u", "v") else "t"
    grid, dtype = model.grid, model.grid.h_t.dtype
    layers, ramp = 1 if name == "eta" else len(grid.h_t), ramp_at(model, name)
    rim = forcing.rims[entry] = Rim.of(grid, kind, layers, ramp, first_inside=name == "eta")
    points = model.horizontal.points(kind, None if name == "eta" else interior(grid.z_t))

    def listed(values: Array) -> Array:
        return np.ascontiguousarray(rim.values(entry, values), dtype)

    if given is None:
        forcing.steady[entry] = listed(interior(getattr(model.state, name)))
        forcing.shapes[entry] = forcing.steady[entry].shape
    elif isinstance(given, Outer):
        sides = tuple(model.open_sides.stretches(model.horizontal.undivided.shape))
        series = given.series(RimPoints.of(model, sides, name, kind, rim))
        values = np.stack([rim.checked(entry, record[:, None]) for record in series.values]).astype(dtype)
        timed = replace(series.timed(entry, len(values), model.start), held=True)
        forcing.series[entry], forcing.shapes[entry] = replace(timed, values=values), values.shape
    elif isinstance(given, Series):
        series = given.bound(entry, points, model.start)
        records = map(series.values.read, range(len(series.times))) if isinstance(given, Stream) else series.values
        values = np.stack([listed(record) for record in records])
        forcing.series[entry], forcing.shapes[entry] = replace(series, values=values), values.shape
    elif callable(given) and (function := Function(entry, given, "xyt" if name == "eta" else "xyzt")).of_time:
        forcing.functions[entry] = lambda time: listed(as_array(entry, function(points, time), points.axes))
        forcing.shapes[entry] = rim.mask.shape
        forcing.functions[entry](0.0)  # reports a mistake before the run
    else:
        values = sample(entry, given, points)
        forcing.steady[entry] = listed(values)
        forcing.shapes[entry] = values.shape if values.ndim < 2 else forcing.steady[entry].shape


def above_equilibrium(forcing: BoundForcing, names: Sequence[str], maps: Sequence[Array]) -> list[Array]:
    """Return the maps of a tidal elevation, A cos g and A sin g of each constituent, above the equilibrium tide.

    Water is accelerated by the slope of this difference. Maps of constituents without an equilibrium tide stay as they
    are.
    """
    series, result = forcing.series.get("equilibrium_tide"), list(maps)
    if not isinstance(series, TidalSeries):
        return result
    for m, name in enumerate(series.constituents):
        if name in names:
            n = list(names).index(name)
            for part in (0, 1):
                place = n + part * len(names)
                result[place] = result[place] - interior(series.values[m + part * len(series.constituents)])
    return result


def bind_tide(model: "Model", name: str, tide: Tide) -> None:
    """Add the tide to what is outside of one field: as further records of its series, or to a function of time."""
    forcing, entry, kind = model.forcing, f"{name}_outside", name if name in ("u", "v") else "t"
    r_depth = interior(getattr(model.grid, f"r_depth_{kind}"))
    constituents, maps = tide.waves(name, model.horizontal.points(kind), r_depth)
    if name != "eta" and not tide.has_flow:
        constituents, elevation = tide.waves("eta", model.horizontal.points())
        elevation = above_equilibrium(forcing, constituents, elevation)
        maps = velocity_of(constituents, elevation, model.grid, tide.friction)[name]
    if not constituents:
        return
    start, rim, dtype = check_start(model.start), forcing.rims[entry], model.grid.h_t.dtype
    waves = np.stack([rim.values(f"tides: {name}", a) for a in maps]).astype(dtype)
    if entry in forcing.functions:
        mean, waving = forcing.functions[entry], TidalSeries(waves, [], constituents=constituents, start=start)
        forcing.functions[entry] = lambda time: mean(time) + waving.at(time)
        return
    steady = forcing.steady.pop(entry, None)
    series = forcing.series[entry] if steady is None else Series(steady[None], [0.0])
    values = np.concatenate([series.values, waves])
    times: dict[str, Any] = {f.name: getattr(series, f.name) for f in fields(Series) if f.name != "values"}
    forcing.series[entry] = TidalSeries(values, **times, constituents=constituents, start=start)
    forcing.shapes[entry] = values.shape
