"""Water columns at Ocean Station Papa (50 N, 145 W), from a file of hourly observations.

A column is one window of the record: it starts from the profile observed at its hour, under the wind, heat and rain of
the following hours. A model steps any number of windows at once, and `set_windows` gives it the next ones without
building anything anew. Columns must not influence each other, but neighbours on a C-grid share the face between them.
So a column is two equal cells (periodic along y) with the U face between them. The faces between columns remain at
rest: they have no wind, and f is 0 at their corners. Then one of the two faces of a cell along x moves, and its u
counts half: in the Coriolis force on v (the mean of the faces), in the kinetic energy and in the shear (of the
squares). With

    u' = sqrt(2) u,   tau_x' = sqrt(2) tau_x,   f' = sqrt(2) f      du'/dt = f' v,   dv/dt = -f' u'/2 = -f u

energy, shear and inertial circle of the cell are those of the water column. `U_SCALE` is that root. This holds
for vorticity = "energy", whose Coriolis force at a face is the sum over its corners. Cells are so wide (`WIDTH`) that
slopes, divergence and advection vanish.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np

import ogcm
from ogcm.constants import EARTH_ROTATION
from ogcm.data import read_values
from ogcm.data.decoding import text
from ogcm.data.source import open_with
from ogcm.errors import FileError, InputError
from ogcm.grid import add_halo, interior
from ogcm.inputs import Values

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
NEEDED = (
    *("time", "depth_temp", "depth_salt", "temp", "salt"),
    *("taux", "tauy", "heat", "swr", "pme"),
)
HOUR = 3600.0
LATITUDE = 50.1
DZ = (2.0,) * 10 + (3.0,) * 5 + (5.0,) * 5 + (10.0,) * 8 + (20.0,) * 8  # 300 m, fine at the base of the mixed layer
WIDTH = 1e15  # [m]
U_SCALE = np.sqrt(2.0)
WATER: dict[str, Values] = {"red_fraction": 0.67, "red_depth": 1.0, "blue_depth": 17.0}  # type IB of Jerlov
MIXING: dict[str, dict[str, Values]] = {
    "constant": {},
    "richardson": {"nu_richardson": 0.06, "alpha_richardson": 1.4, "kappa_v": 1.2e-5, "nu_v": 1.2e-3},
    "tke": {"kappa_convective": 0.0},  # turbulence convects by itself
}


class Record(NamedTuple):
    """Hourly observations on the layers of the model.

    Attributes
    ----------
    T, S : ndarray, shape (nt, nk)
        Temperature [degC] and salinity [g kg-1].
    T_seen, S_seen : ndarray, shape (nk,)
        1 in layers within the observed depths, 0 where the deepest or shallowest value is repeated.
    tau_x, tau_y : ndarray, shape (nt,)
        Stress of the wind [N m-2].
    heat_flux : ndarray, shape (nt,)
        Heat flux into the sea without shortwave radiation [W m-2].
    shortwave : ndarray, shape (nt,)
        Shortwave radiation into the sea [W m-2].
    fresh_water : ndarray, shape (nt,)
        Precipitation minus evaporation [m s-1].
    """

    T: Array
    S: Array
    T_seen: Array
    S_seen: Array
    tau_x: Array
    tau_y: Array
    heat_flux: Array
    shortwave: Array
    fresh_water: Array

    @property
    def hours(self) -> int:
        """Number of hourly records."""
        return len(self.T)


FLUXES = ("tau_x", "tau_y", "heat_flux", "shortwave", "fresh_water")


@lru_cache(maxsize=2)
def read_record(data: str) -> Record:
    """Read the observations in `data`, see `papa`. Gaps are interpolated: in profiles over depth, in fluxes over time.

    Raises FileError for a file that is absent or lacks a variable, and InputError for one without hourly records, with
    unknown units, or with a profile without any value.
    """
    if not Path(data).is_file():
        raise FileError(
            f"papa needs hourly observations: a CF NetCDF4 file with {', '.join(NEEDED)}; {data} is no file"
        )
    with open_with(data, NEEDED) as file:
        return record_in(data, file)


def record_in(data: str, file: "xr.Dataset") -> Record:
    """Return the observations in an open file, see `read_record`."""
    time, units = read_values(file, "time"), text(file["time"].attrs, "units")
    if not (units.startswith("hours since") and time.ndim == 1 and np.all(np.diff(time) == 1)):
        raise InputError(f"{data}: time must count hours, 'hours since ...', without a gap")
    bottoms = np.cumsum(DZ)
    centres = bottoms - 0.5 * np.array(DZ)

    def profiles(name: str, quantity: str, axis: str) -> tuple[Array, Array]:
        depth, values = read_values(file, axis, "distance"), read_values(file, name, quantity)
        if values.shape != (len(time), len(depth)) or not (np.diff(depth) > 0).all():
            raise InputError(f"{data}: {name} must be (time, {axis}), and {axis} increase downwards")
        known = np.isfinite(values)
        if not known.any(axis=1).all():
            raise InputError(f"{data}: {name} has no value at all in record {int(np.argmin(known.any(axis=1)))}")
        layers = np.stack([np.interp(centres, depth[k], v[k]) for v, k in zip(values, known, strict=True)])
        return layers, ((centres >= depth[0]) & (centres <= depth[-1])).astype(float)

    def flux(name: str, quantity: str, default_direction: str = "down") -> Array:
        values = read_values(file, name, quantity, default_direction)
        if values.shape != time.shape:
            raise InputError(f"{data}: {name} has the shape {values.shape}, time {time.shape}; give one value an hour")
        known = np.isfinite(values)
        if not known.any():
            raise InputError(f"{data}: {name} has no value at all")
        return np.interp(time, time[known], values[known])

    T, T_seen = profiles("temp", "temperature", "depth_temp")
    S, S_seen = profiles("salt", "salinity", "depth_salt")
    stress = flux("taux", "stress"), flux("tauy", "stress")
    heat = flux("heat", "heat flux"), flux("swr", "heat flux")
    return Record(T, S, T_seen, S_seen, *stress, *heat, flux("pme", "fresh water"))


@ogcm.recipe(days=30)
def papa(
    *,
    data: str | None = None,
    columns: int = 1,
    hours: int = 0,
    parameters: Mapping[str, Values] | None = None,
    **numerics: Unpack[ogcm.SetupOptions],
) -> ogcm.Model:
    """Make water columns at Ocean Station Papa under the observed weather, hour by hour.

    Windows start from rest and are evenly spread over the record; `set_windows` moves them. Temperature and salinity of
    the file are taken as conservative temperature and absolute salinity. Shortwave radiation penetrates as into
    Jerlov's water type IB. Mixing follows Pacanowski and Philander (1981), with the coefficients that fitted the
    forecasts from March to November 2012 best when all heat entered the first layer. They are an order of magnitude
    larger than those of the paper (nu_richardson = 5e-3, alpha_richardson = 5, nu_v = 1e-4, kappa_v = 1e-5), with which
    the surface is 0.7 K too warm after ten days in the mean. With vertical_mixing = "tke" all coefficients are those of
    the literature, and it is 0.4 K too warm.

    Parameters
    ----------
    data : str
        CF NetCDF4 file with hourly temp [degC] and salt [g kg-1] at depth_temp, depth_salt [m], and taux, tauy [N m-2],
        heat (without that of the sun) and swr [W m-2] and pme [m s-1].
    columns : int
        Number of columns, each with a window of its own.
    hours : int
        Length of a window; 0 for a window to the end of the record.
    parameters : mapping of str to float, array_like or callable, optional
        Physical parameters that replace those of the setup.
    **numerics : SetupOptions
        Numerical choices that replace those of the setup, and its `decomposition` into tiles (see `Model`).

    Returns
    -------
    Model
        The model.

    Raises
    ------
    FileError
        Where the file is not given, does not exist or lacks variables.
    InputError
        For variables or options that do not fit.
    """
    if data is None:
        raise FileError(
            f"papa needs hourly observations: a CF NetCDF4 file with {', '.join(NEEDED)}, "
            "given as `ogcm run papa --data FILE`"
        )
    if columns < 1:
        raise InputError(f"columns: must be positive, got {columns}")
    record = read_record(str(data))
    length = hours or record.hours - 1
    if not 0 < length < record.hours:
        raise InputError(f"hours: {hours}, but {data} holds {record.hours} records; give 1 to {record.hours - 1}")
    f = 2 * EARTH_ROTATION * np.sin(np.radians(LATITUDE))
    cells = np.full((1, 2 * columns), WIDTH)
    grid = ogcm.curvilinear(dx=cells, dy=cells, f=own_face(U_SCALE * f, columns), periodic_x=True, periodic_y=True)
    settings: ogcm.NumericsOptions = {
        "dt": 1200.0,
        "equation_of_state": "teos10",
        "vertical_mixing": "richardson",
        "friction": "none",
        "diffusion": "none",
    }
    chosen = settings | numerics
    empty = ogcm.Series(np.zeros((length + 1, 1, 2 * columns)), HOUR * np.arange(length + 1))
    fluxes: dict[str, Any] = dict.fromkeys(FLUXES, empty)
    model = ogcm.Model(
        grid,
        depth=float(np.sum(DZ)),
        dz=DZ,
        forcing=ogcm.Forcing(**fluxes),
        parameters=WATER | MIXING.get(str(chosen["vertical_mixing"]), {}) | dict(parameters or {}),
        **chosen,
    )
    last = record.hours - 1 - length
    set_windows(model, record, [round(c * last / max(columns - 1, 1)) for c in range(columns)])
    return model


def own_face(values: float | Array, columns: int) -> Array:
    """Return one value for each column (..., columns) at the faces inside the columns, (..., 1, 2 columns)."""
    values = np.broadcast_to(values, (*np.shape(values)[:-1], columns))
    return np.stack([values, np.zeros_like(values)], axis=-1).reshape(*values.shape[:-1], 1, 2 * columns)


def in_cells(values: Array) -> Array:
    """Return values (..., columns) in both cells of each column, (..., 1, 2 columns)."""
    return np.repeat(values, 2, axis=-1)[..., None, :]


def in_columns(a: Array) -> Array:
    """Return the first cell of each column (..., columns) of a field (..., 1, 2 columns) without halo."""
    return a[..., 0, ::2]


def check_starts(record: Record, starts: Sequence[int], hours: int) -> Array:
    """Return the starts as an array of whole hours. Raises InputError for a window beyond the record."""
    begin = np.asarray(starts)
    wrong = ~((begin >= 0) & (begin + hours < record.hours))
    if begin.ndim != 1 or begin.dtype.kind not in "iu" or wrong.any():
        raise InputError(
            f"starts: need whole hours from 0 to {record.hours - 1 - hours}, so that {hours} more are in the record; "
            f"got {begin[wrong][0] if wrong.any() else begin}"
        )
    return begin


def set_windows(model: ogcm.Model, record: Record, starts: Sequence[int]) -> None:
    """Set a model of `papa` to time 0, at rest, with the start of column c at hour `starts[c]` of the record.

    The arrays of the state and the forcing are changed in place, so that steppers stay valid. Raises InputError for
    another number of starts than of columns, and for windows beyond the record.
    """
    columns, length = model.horizontal.shape[1] // 2, len(model.forcing.series["heat_flux"].times)
    begin = check_starts(record, starts, length - 1)
    if len(begin) != columns:
        raise InputError(f"starts: the model has {columns} columns, got {len(begin)} starts")
    hours = np.arange(length)[:, None] + begin
    around = (True, True)
    for name in FLUXES:
        values = getattr(record, name)[hours]
        spread = own_face(U_SCALE * values, columns) if name == "tau_x" else in_cells(values)
        model.forcing.series[name].values[...] = add_halo(spread, around)
    state = model.state
    state.T[...], state.S[...] = (add_halo(in_cells(a[begin].T), around) for a in (record.T, record.S))
    for a in (state.u, state.v, state.eta):
        a.fill(0)
    if "tke" in state.names:
        state.tke[...] = model.background_turbulence()
    state.time, state.step, state.previous = 0.0, 0, None


def observed(record: Record, starts: Sequence[int], hour: int) -> tuple[Array, Array]:
    """Return T and S (nk, columns) as observed `hour` hours after each start, to compare forecasts with.

    Their weights are `record.T_seen` and `record.S_seen`. Raises InputError for hours beyond the record.
    """
    when = check_starts(record, starts, hour) + hour
    return record.T[when].T, record.S[when].T


def forecast(model: ogcm.Model) -> tuple[Array, Array]:
    """Return T and S (nk, columns) of the columns of the model, as `observed` does of the observations."""
    return in_columns(interior(model.state.T)), in_columns(interior(model.state.S))
