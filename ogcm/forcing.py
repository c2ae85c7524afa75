"""What drives the ocean: wind stress, heat, fresh water and restoring, constant or in time.

Every entry may be a number, a map (ny, nx), a function of the coordinates `f(x, y)` or of
coordinates and time `f(x, y, t)`, or a `Series` of maps interpolated linearly in time.
Fluxes are positive INTO the sea: heat_flux warms, fresh_water (precipitation minus evaporation)
freshens, tau is the stress of the wind on the water.
"""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from ogcm.device import host, put
from ogcm.errors import InputError
from ogcm.grid import Grid, HorizontalGrid, add_halo

Array = np.ndarray
YEAR = 360 * 86400.0  # [s] of twelve months of 30 days, the calendar of most climatologies


@dataclass(frozen=True)
class Series:
    """Maps `values` (nt, ny, nx) valid at `times` (nt,) [s], repeated with `period` [s] where given.

    Outside the times of a series without period the nearest record is held.
    """

    values: Array
    times: Array
    period: float | None = None

    @classmethod
    def monthly(cls, values: Array) -> "Series":
        """Twelve maps valid at mid-month of a year of 360 days, repeated each year."""
        if len(values) != 12:
            raise InputError(f"a monthly series needs 12 maps, got {len(values)}")
        return cls(np.asarray(values), (np.arange(12) + 0.5) * YEAR / 12, YEAR)

    def check(self, name: str) -> None:
        """Raise InputError, naming the forcing, for times that do not fit the maps, the clock or the period."""
        times = np.asarray(self.times, float)
        if times.ndim != 1 or not 0 < len(times) == len(self.values):
            raise InputError(f"{name}: {len(self.values)} maps need as many times [s], got shape {times.shape}")
        wrong = np.flatnonzero(~(np.diff(times, prepend=-np.inf) > 0))
        if len(wrong):
            n = wrong[0]
            raise InputError(f"{name}: times must increase, but record {n} is at {times[n]:g} s; sort the records")
        span = times[-1] - times[0]
        if self.period is not None and not self.period > span:
            raise InputError(f"{name}: its period, {self.period:g} s, must exceed the {span:g} s that its records span")

    def weights(self, time: float) -> tuple[int, int, float]:
        """The two records around `time` and the weight of the second."""
        times, n = np.asarray(self.times, float), len(self.times)
        if self.period is None:
            time = float(np.clip(time, times[0], times[-1]))
        else:
            time = (time - times[0]) % self.period + times[0]
        after = int(np.searchsorted(times, time, side="right"))
        before, gap = after - 1, (times[after] if after < n else times[0] + (self.period or 0.0)) - times[after - 1]
        return before, after % n, (time - times[before]) / gap if gap > 0 else 0.0

    def at(self, time: float) -> Array:
        """The map at `time`."""
        before, after, weight = self.weights(time)
        return (1 - weight) * self.values[before] + weight * self.values[after]


Entry = float | Array | Callable | Series


@dataclass(frozen=True, kw_only=True)
class Forcing:
    """The entries; see the module's docstring for what each may be.

    tau_x, tau_y [N m-2] at U and V points; heat_flux [W m-2], fresh_water [m s-1] at T points;
    T_star [degC], S_star [g kg-1] are restored to with the piston velocities rate_T, rate_S [m s-1].
    """

    tau_x: Entry = 0.0
    tau_y: Entry = 0.0
    heat_flux: Entry = 0.0
    fresh_water: Entry = 0.0
    T_star: Entry = 0.0
    S_star: Entry = 0.0
    rate_T: Entry = 0.0
    rate_S: Entry = 0.0


NAMES = tuple(f.name for f in fields(Forcing))


class Fluxes(NamedTuple):
    """The forcing at one time, as the kernels see it: (nj, ni) arrays with halo."""

    tau_x: Array
    tau_y: Array
    heat_flux: Array
    fresh_water: Array
    T_star: Array
    S_star: Array
    rate_T: Array
    rate_S: Array


class BoundForcing:
    """A forcing on its grid: checked, sampled, with halo, ready to be asked for any time."""

    def __init__(self, forcing: Forcing, horizontal: HorizontalGrid, grid: Grid) -> None:
        """Raises InputError for wrong shapes, for NaN over water and for times out of order.

        `steady` maps and `series` of maps are arrays with halo, which a control may change; `functions` of time are
        called. `shapes` are those in which the entries came; that of a function is the shape of its maps.
        """
        self.steady: dict[str, Array] = {}
        self.series: dict[str, Series] = {}
        self.functions: dict[str, Callable[[float], Array]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        periodic, dtype = grid.periodic, grid.h_t.dtype
        self.dtype = dtype
        for name in NAMES:
            entry = getattr(forcing, name)
            point = {"tau_x": "u", "tau_y": "v"}.get(name, "t")
            mask = getattr(grid, f"mask_{point}")[0]
            x = horizontal.x_f if point == "u" else horizontal.x_t
            y = horizontal.y_f if point == "v" else horizontal.y_t

            def prepare(values, name=name, mask=mask):
                values = host(values).astype(dtype)
                if values.shape not in ((), horizontal.shape):
                    raise InputError(f"{name}: shape {values.shape} does not fit (ny, nx) = {horizontal.shape}")
                a = add_halo(np.broadcast_to(values, horizontal.shape), periodic)
                wrong = np.argwhere(~np.isfinite(a) & (mask == 1))
                if len(wrong):
                    j, i = (int(n) - (a.shape[m] - horizontal.shape[m]) // 2 for m, n in enumerate(wrong[0]))
                    raise InputError(f"{name}: not finite over water at (j, i) = {(j, i)}; fill it there")
                return np.where(mask == 1, a, 0).astype(dtype)

            if isinstance(entry, Series):
                entry.check(name)
                records = [prepare(record) for record in entry.values]
                self.series[name] = Series(np.stack(records), entry.times, entry.period)
                self.shapes[name] = (len(records), *horizontal.shape)
            elif callable(entry):
                self.shapes[name] = horizontal.shape
                X, Y = np.meshgrid(x, y)
                if len(inspect.signature(entry).parameters) == 2:
                    self.steady[name] = prepare(entry(X, Y))
                else:
                    self.functions[name] = lambda t, f=entry, X=X, Y=Y, p=prepare: p(f(X, Y, t))
                    self.functions[name](0.0)  # so that a mistake is seen now
            else:
                self.shapes[name] = np.shape(entry)
                self.steady[name] = prepare(entry)

    def at(self, time: float) -> Fluxes:
        """All fluxes at `time` [s]."""
        now = {name: series.at(time) for name, series in self.series.items()}
        now |= {name: f(time) for name, f in self.functions.items()}
        return Fluxes(**(self.steady | {name: a.astype(self.dtype, copy=False) for name, a in now.items()}))

    def to(self, device: str) -> "BoundForcing":
        """The same forcing with its maps in the memory of `device`; those of functions of time are sent there."""
        other = copy.copy(self)
        other.steady = {name: put(a, device) for name, a in self.steady.items()}
        other.series = {name: replace(s, values=put(s.values, device)) for name, s in self.series.items()}
        other.functions = {name: lambda t, f=f: put(f(t), device) for name, f in self.functions.items()}
        return other
