"""The forcing of the ocean: wind stress, heat, fresh water and restoring, constant or varying in time.

Every entry may be a number, a map (ny, nx), a function of the coordinates `f(x, y)` or of coordinates and time [s]
`f(x, y, t)`, a `Series` of maps interpolated in time, or a `Stream` of them that is read from files (`ogcm.stream`).
Times count from the start of the model.
Fluxes are positive INTO the sea: heat_flux warms, fresh_water (precipitation minus evaporation) freshens, tau is the
stress of the wind on the water.
"""

import copy
import reprlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np

from ogcm.astronomy import check_start
from ogcm.atmosphere import Atmosphere, bind_atmosphere, check_entry, check_limits, place_on_earth
from ogcm.device import to_device
from ogcm.errors import InputError
from ogcm.fields import Fields
from ogcm.grid import Grid, add_halo, interior
from ogcm.halo import exchange
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.inputs import (
    Function,
    Points,
    Values,
    as_array,
    check_sea_water,
    fit_shape,
    sample,
)
from ogcm.series import Series
from ogcm.stream import ReadAhead, Stream
from ogcm.tides import EquilibriumTide, TidalSeries

Array = np.ndarray
Entry = Values | Series


@dataclass(frozen=True, kw_only=True)
class Forcing:
    """The forcing of a model.

    Each entry is a number, a map (ny, nx), a function f(x, y) or f(x, y, t) of the coordinates and the time [s], or a
    `Series`. Fluxes are positive into the sea.

    Parameters
    ----------
    tau_x, tau_y : float, array_like, callable or Series
        Stress of the wind on the water at U and V points [N m-2].
    heat_flux : float, array_like, callable or Series
        Heat flux at T points [W m-2], which heats the first layer; without `shortwave` where that is given.
    fresh_water : float, array_like, callable or Series
        Precipitation minus evaporation at T points [m s-1].
    T_star, S_star : float, array_like, callable or Series, optional
        Temperature [degC] and salinity [g kg-1] to which the surface is restored.
    rate_T, rate_S : float, array_like, callable or Series
        Piston velocities of the restoring [m s-1], not negative.
    shortwave : float, array_like, callable or Series, optional
        Shortwave radiation that enters the sea at T points [W m-2], which heats the layers that it reaches
        (`ogcm.operators.shortwave`).
    surface_pressure : float, array_like, callable or Series, optional
        Pressure of the air at the sea surface at T points [Pa], whose gradient accelerates the water
        (`ogcm.operators.surface_potential`). That of an atmosphere does so only if it is given here as well.
    equilibrium_tide : EquilibriumTide, optional
        Equilibrium tide, whose potential accelerates the water likewise; the model needs a `start`.
    atmosphere : Atmosphere, optional
        Atmosphere from which stress, heat flux, fresh water and shortwave radiation are computed in each step, in place
        of those above; restoring is added to them.
    """

    tau_x: Entry = 0.0
    tau_y: Entry = 0.0
    heat_flux: Entry = 0.0
    fresh_water: Entry = 0.0
    T_star: Entry | None = None
    S_star: Entry | None = None
    rate_T: Entry = 0.0
    rate_S: Entry = 0.0
    shortwave: Entry | None = None
    surface_pressure: Entry | None = None
    equilibrium_tide: EquilibriumTide | None = None
    atmosphere: Atmosphere | None = None


NAMES = tuple(f.name for f in fields(Forcing) if f.name not in ("atmosphere", "equilibrium_tide"))
OPTIONAL = ("shortwave", "surface_pressure")  # absent where they are not given
TARGETS = {"T_star": "rate_T", "S_star": "rate_S"}


class Fluxes(Fields):
    """The forcing at one time, as kernels read it.

    Parameters
    ----------
    **arrays : ndarray, shape (nj, ni)
        The arrays below, and for a further tracer such as "dye" `flux_dye`, `dye_star` and `rate_dye`, with halo.

    Attributes
    ----------
    tau_x, tau_y : ndarray, shape (nj, ni)
        Stress of the wind on the water at U and V points [N m-2], with halo.
    heat_flux : ndarray, shape (nj, ni)
        Heat flux into the sea [W m-2], with halo.
    fresh_water : ndarray, shape (nj, ni)
        Precipitation minus evaporation [m s-1], with halo.
    T_star, S_star : ndarray, shape (nj, ni)
        Temperature [degC] and salinity [g kg-1] to which the surface is restored, with halo.
    rate_T, rate_S : ndarray, shape (nj, ni)
        Piston velocities of the restoring [m s-1], with halo.
    shortwave : ndarray, shape (nj, ni)
        Shortwave radiation into the sea [W m-2], with halo; absent where none is given.
    surface_pressure, equilibrium_tide : ndarray, shape (nj, ni)
        Pressure of the air [Pa] and elevation of the equilibrium tide [m], with halo; absent where they are not given.
    u10, v10, t2, q2, d2, slp, shortwave_down, longwave_down, cloud, precipitation, runoff : ndarray, shape (nj, ni)
        Entries of an atmosphere that are given, as in `Atmosphere`, with halo.
    clear_sky, noon_altitude : ndarray, shape (nj, ni)
        Radiation of a clear sky [W m-2] and altitude of the sun at noon [degrees], where radiation follows from clouds.
    cloud_weight : ndarray, shape (nj, ni)
        Weight of the clouds in some formulae of longwave radiation [1] (`ogcm.operators.longwave`).
    u_outside, v_outside, eta_outside, T_outside, S_outside : ndarray, shape (nk, 1, N)
        Velocity [m s-1], sea surface height [m], temperature [degC] and salinity [g kg-1] outside open sides, in lists
        of points (`ogcm.outside`); nk is 1 for eta.
    """

    tau_x: Array
    tau_y: Array
    heat_flux: Array
    fresh_water: Array
    T_star: Array
    S_star: Array
    rate_T: Array
    rate_S: Array
    shortwave: Array  # where it is given, as the next two
    surface_pressure: Array
    equilibrium_tide: Array
    u10: Array  # what follows, with an atmosphere
    v10: Array
    t2: Array
    q2: Array
    d2: Array
    slp: Array
    shortwave_down: Array
    longwave_down: Array
    cloud: Array
    precipitation: Array
    runoff: Array
    clear_sky: Array
    noon_altitude: Array
    cloud_weight: Array
    u_outside: Array  # with open sides
    v_outside: Array
    eta_outside: Array
    T_outside: Array
    S_outside: Array


class BoundForcing:
    """A forcing on its grid: checked and sampled, with halo.

    Parameters
    ----------
    forcing : Forcing
        The entries.
    horizontal : HorizontalGrid
        Horizontal grid.
    grid : Grid
        Grid with halo.
    equation_of_state : str
        Equation of state of the model.
    start : cftime.datetime, optional
        Start of the model.

    Attributes
    ----------
    steady : dict of str to ndarray, shape (nj, ni)
        Constant entries with halo, which a control may change.
    series : dict of str to Series
        Entries in time, their records (nt, nj, ni) with halo, which a control may change.
    functions : dict of str to callable
        Entries that are functions of the time [s].
    shapes : dict of str to tuple of int
        Shapes in which the entries were given; for a function that of its maps.
    rims : dict of str to Rim
        Points outside open sides, by the names of the entries of the forcing there, which are lists (nk, 1, N).
    computed : tuple of str
        Names of the fluxes that are computed from an atmosphere, and of what the position contributes; else empty.
    atmosphere : Atmosphere or None
        The atmosphere from which they are computed.

    Raises
    ------
    InputError
        For wrong shapes, for values that are not finite over water, and for times out of order.
    """

    def __init__(
        self, forcing: Forcing, horizontal: HorizontalGrid, grid: Grid, equation_of_state: str, start: Any = None
    ) -> None:
        self.steady: dict[str, Array] = {}
        self.series: dict[str, Series] = {}
        self.functions: dict[str, Callable[[float], Array]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.rims: dict[str, Any] = {}
        if not isinstance(forcing, Forcing):
            raise InputError(f"forcing: needs an ogcm.Forcing(tau_x=...), got {reprlib.repr(forcing)}")
        self.horizontal, self.grid, self.dtype = horizontal, grid, grid.h_t.dtype
        self.equation_of_state, self.start = equation_of_state, start
        self.computed: tuple[str, ...] = ()
        self.atmosphere = forcing.atmosphere
        if forcing.atmosphere is not None:
            bind_atmosphere(self, forcing, forcing.atmosphere)
        for name in NAMES:
            if name not in self.computed and (name not in OPTIONAL or getattr(forcing, name) is not None):
                self.bind(name, getattr(forcing, name))
        if forcing.surface_pressure is not None:
            check_entry(self, "surface_pressure")
        if forcing.equilibrium_tide is not None:
            self.bind_equilibrium_tide(forcing.equilibrium_tide)
        for target, rate in TARGETS.items():
            self.check_restoring(target, rate, getattr(forcing, target) is not None)
        for name in {"heat_flux", "shortwave", *TARGETS.values()} & set(self.shapes):
            if equation_of_state == "none" and (name not in self.steady or self.steady[name].any()):
                warnings.warn(f"{name}: has no effect in a model without tracers", stacklevel=3)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all fluxes of a step: those that are given and those that are computed."""
        return (*self.shapes, *self.computed)

    def bind(self, name: str, given: Entry | None) -> None:
        """Add an entry: sample it at its points.

        Parameters
        ----------
        name : str
            Name of the entry.
        given : float, array_like, callable or Series, optional
            Its values; those of a value to which is restored may be absent.

        Raises
        ------
        InputError
            For a wrong shape, for values that are not finite over water, and for times out of order.
        """
        entry: Any = 0.0 if given is None and name.endswith("_star") else given
        points = self.horizontal.points({"tau_x": "u", "tau_y": "v"}.get(name, "t"))
        if isinstance(entry, Stream):
            if self.horizontal.units != "degrees":
                raise InputError(
                    f"{name}: a stream needs a grid of longitude and latitude; give its records as an ogcm.Series"
                )
            series = entry.bound(name, points, self.start)
            records = ReadAhead(name, series.values, partial(self.checked_map, name), self.grid.h_t)
            self.series[name], self.shapes[name] = replace(series, values=records), (len(records), *points.shape)
            records[0]  # reports a mistake before the run
        elif isinstance(entry, Series):
            series = entry.bound(name, points, self.start)
            maps = np.stack([self.with_halo(name, record) for record in series.values])
            self.series[name], self.shapes[name] = replace(series, values=maps), (len(maps), *self.horizontal.shape)
        elif callable(entry) and (function := Function(name, entry, "xyt")).of_time:
            self.shapes[name] = self.horizontal.shape
            self.functions[name] = partial(self.map_at, name, function, points)
            self.functions[name](0.0)  # reports a mistake before the run
        else:
            values = sample(name, entry, points)
            self.steady[name], self.shapes[name] = self.with_halo(name, values), values.shape

    def bind_equilibrium_tide(self, tide: EquilibriumTide) -> None:
        """Add the equilibrium tide.

        Parameters
        ----------
        tide : EquilibriumTide
            Its constituents.

        Raises
        ------
        InputError
            Without a start of the model, and where latitude or longitude are needed and not known.
        """
        if not isinstance(tide, EquilibriumTide):
            raise InputError(f"equilibrium_tide: needs an ogcm.EquilibriumTide([...]), got {reprlib.repr(tide)}")
        start, name = check_start(self.start), "equilibrium_tide"
        latitude, longitude = (
            place_on_earth(self.horizontal, axis, getattr(tide, axis), name) for axis in ("latitude", "longitude")
        )
        maps = [self.with_halo(name, a) for a in tide.waves(latitude, longitude)]
        self.series[name] = TidalSeries(np.stack(maps), [], constituents=tuple(tide.constituents), start=start)
        self.shapes[name] = (len(maps), *self.horizontal.shape)

    def with_tracer(self, name: str, entries: Mapping[str, Entry | None]) -> "BoundForcing":
        """Return the forcing together with that of a further tracer.

        Parameters
        ----------
        name : str
            Name of the tracer.
        entries : mapping of str to float, array_like, callable or Series
            Its forcing (`Tracer.forcing`).

        Returns
        -------
        BoundForcing
            A copy with these entries; the arrays of the others are the same.

        Raises
        ------
        InputError
            As for `bind`, and for restoring without a target.
        """
        other = copy.copy(self)
        other.steady, other.series, other.functions = dict(self.steady), dict(self.series), dict(self.functions)
        other.shapes, other.rims = dict(self.shapes), dict(self.rims)
        for entry, values in entries.items():
            other.bind(entry, values)
        other.check_restoring(f"{name}_star", f"rate_{name}", entries[f"{name}_star"] is not None)
        return other

    def map_at(self, name: str, function: Function, points: Points, time: float) -> Array:
        """Return a function of time at one time [s], as a map with halo."""
        return self.with_halo(name, fit_shape(name, as_array(name, function(points, time), points.axes), points))

    def checked_map(self, name: str, values: Array) -> Array:
        """Return a record of a stream as a map with halo. Raises InputError for impossible values."""
        a, wet = self.with_halo(name, values), interior(self.grid.mask_t)[0] == 1
        check_limits(name, interior(a)[wet])
        if name in TARGETS and self.equation_of_state != "none":
            check_sea_water(name, interior(a)[wet], self.equation_of_state)
        return a

    def with_halo(self, name: str, values: Array) -> Array:
        """Return a map with halo from a number or a map; 0 on land. Raises InputError for impossible values."""
        mask = getattr(self.grid, {"tau_x": "mask_u", "tau_y": "mask_v"}.get(name, "mask_t"))[0]
        wet = interior(mask) == 1
        values = np.broadcast_to(values, wet.shape)
        wrong = np.argwhere(~np.isfinite(values) & wet)
        if len(wrong):
            raise InputError(f"{name}: not finite over water at (j, i) = {tuple(map(int, wrong[0]))}; fill it there")
        if name.startswith("rate_") and (values[wet] < 0).any():
            raise InputError(f"{name}: a piston velocity is not negative, got {values[wet].min():g} m s-1")
        a = np.where(mask == 1, add_halo(values, self.grid.periodic), 0).astype(self.grid.h_t.dtype)
        exchange(self.grid, a)
        return a

    def check_restoring(self, target: str, rate: str, given: bool) -> None:
        """Raise InputError for restoring without a target or to impossible values; warn of a target without effect."""
        restores, wet = rate not in self.steady or self.steady[rate].any(), interior(self.grid.mask_t)[0] == 1
        if restores and not given:
            raise InputError(f"{rate}: is given without {target}; give the value to which the surface is restored")
        if given and not restores:
            warnings.warn(f"{target}: has no effect without {rate}", stacklevel=4)
        elif given and target in TARGETS and self.equation_of_state != "none":
            if target in self.series and isinstance(self.series[target].values, ReadAhead):
                return  # each record is checked when it is read
            where = wet & (interior(self.steady[rate]) > 0) if rate in self.steady else wet
            at_first = self.series[target].values if target in self.series else getattr(self.at(0.0), target)
            check_sea_water(target, interior(at_first)[..., where], self.equation_of_state)

    def check_cover(self, start: float, end: float) -> None:
        """Check that all series cover a run from `start` to `end` [s]; see `Series.check_cover`."""
        for name, series in self.series.items():
            series.check_cover(name, start, end)

    def at(self, time: float) -> Fluxes:
        """Return all fluxes at `time` [s]."""
        now = {name: series.at(time) for name, series in self.series.items()}
        now |= {name: f(time) for name, f in self.functions.items()}
        return Fluxes(**(self.steady | {name: a.astype(self.dtype, copy=False) for name, a in now.items()}))

    def shape_of(self, name: str, grid: Grid) -> tuple[int, ...]:
        """Return the shape of a flux of a step: a map (nj, ni) of a grid, or a list (nk, 1, N) of points outside."""
        return self.rims[name].mask.shape if name in self.rims else grid.depth_t.shape

    def copy(self) -> "BoundForcing":
        """Return the forcing with arrays of its own; functions of time are shared."""
        other = copy.copy(self)
        other.steady = {name: a.copy() for name, a in self.steady.items()}
        other.series = {name: replace(series, values=series.values.copy()) for name, series in self.series.items()}
        other.functions, other.shapes = dict(self.functions), dict(self.shapes)
        return other

    def to(self, device: str) -> "BoundForcing":
        """Return the forcing with its maps in the memory of `device`; maps of functions of time are sent there."""
        other = copy.copy(self)
        other.steady = {name: to_device(a, device) for name, a in self.steady.items()}
        other.series = {name: replace(s, values=records_on(s.values, device)) for name, s in self.series.items()}
        other.functions = {name: partial(on_device, f, device) for name, f in self.functions.items()}
        other.rims = {name: rim.to(device) for name, rim in self.rims.items()}
        return other


def records_on(records: Any, device: str) -> Any:
    """Return the records of a series in the memory of `device`; those of a stream are sent there when they are read."""
    return records.to(device) if isinstance(records, ReadAhead) else to_device(records, device)


def on_device(function: Callable[[float], Array], device: str, time: float) -> Array:
    """Return the map of a function of time at one time [s], in the memory of `device`."""
    return to_device(function(time), device)
