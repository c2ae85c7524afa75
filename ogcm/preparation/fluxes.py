"""The forcing of a model from files: each entry on its own points, climatological or dated."""

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numba
import numpy as np

from ogcm.atmosphere import check_choices
from ogcm.data.fill import nearest
from ogcm.dates import date_of, seconds_after
from ogcm.errors import InputError
from ogcm.inputs import flag, number
from ogcm.operators.ncar import neutral_drag
from ogcm.preparation.regridding import Places, Regridding, faces
from ogcm.preparation.sources import Source, read_around, source_of
from ogcm.series import Series
from ogcm.tides import EquilibriumTide

Array = np.ndarray
ENTRIES = {  # the quantity of each entry, for its units; a number may stand in place of each field
    "tau_x": "stress", "tau_y": "stress", "wind_x": "wind", "wind_y": "wind", "heat_flux": "heat flux",
    "fresh_water": "fresh water", "shortwave": "heat flux", "T_star": "temperature", "S_star": "salinity",
    "rate_T": "", "rate_S": "", "gust": "", "surface_pressure": "air pressure", "equilibrium_tide": "",
}  # fmt: skip
AIR = {  # likewise of `ogcm.Atmosphere`
    "u10": "wind", "v10": "wind", "t2": "air temperature", "d2": "air temperature", "q2": "specific humidity",
    "slp": "air pressure", "shortwave_down": "heat flux", "longwave_down": "heat flux", "cloud": "cloud cover",
    "precipitation": "precipitation", "runoff": "runoff", "height_wind": "", "height_air": "",
    "height_humidity": "",
}  # fmt: skip
CHOICES_OF_AIR = ("algorithm", "longwave", "diurnal_cycle")  # entries of `ogcm.Atmosphere` that are no quantities
DENSITY_OF_AIR = 1.22  # [kg m-3]
SLOWEST = 1e-6  # [m s-1]; C_DN |U| is finite in a calm, but C_DN is not


def stress(u: Array, v: Array, gust: float = 0.0) -> tuple[Array, Array]:
    """Return the stress of a wind at a height of 10 m, with the drag of neutral air (`ogcm.operators.ncar`).

        tau = rho_air C_DN(|U|) |U| (u, v),    |U|^2 = u^2 + v^2 + gust^2

    Parameters
    ----------
    u, v : ndarray
        The wind [m s-1].
    gust : float
        Standard deviation of the wind within the time of a mean [m s-1]; 0 for winds of an instant.

    Returns
    -------
    tau_x, tau_y : ndarray
        The stress [N m-2].
    """
    speed = np.maximum(np.sqrt(u**2 + v**2 + gust**2), SLOWEST)
    strength = DENSITY_OF_AIR * numba.vectorize(neutral_drag.py_func)(speed) * speed
    return strength * u, strength * v


def forcing_of(
    table: Mapping[str, Any], folder: Path, cells: Places, start: Any, equation_of_state: str
) -> dict[str, Any]:
    """Return the entries of `ogcm.Forcing` from the table [forcing].

    Parameters
    ----------
    table : mapping
        Numbers, and fields as for `read_around`.
    folder : Path
        Folder to which the names of files are relative.
    cells : Places
        Cells of the model.
    start : date, datetime or None
        Start of the model, which dated fields need.
    equation_of_state : str
        Equation of state of the model, which decides what kinds of temperature and salinity are restored.

    Returns
    -------
    dict of str to float, ndarray or Series
        The entries.

    Raises
    ------
    InputError, FileError
        For entries that are impossible, and for files that cannot be read.
    """
    fields = dict(table)
    taken = {name: fields.pop(name) for name in ("equilibrium_tide",) if name in fields}
    if isinstance(fields.get("surface_pressure"), str):
        taken["surface_pressure"] = fields.pop("surface_pressure")
    found, kinds = entries_of("forcing", fields, ENTRIES, folder, cells, start)
    gust = found.pop("gust", 0.0)
    wind = [found.pop(name, None) for name in ("wind_x", "wind_y")]
    if any(w is not None for w in wind):
        if any(w is None for w in wind) or "tau_x" in found or "tau_y" in found:
            raise InputError("[forcing] needs both wind_x and wind_y, or both tau_x and tau_y, and not all of them")
        found |= wind_stress(wind[0], wind[1], gust)
    return found | taken | targets(found, kinds, cells, equation_of_state)


def check_body_forces(forcing: Mapping[str, Any], atmosphere: Mapping[str, Any], start: Any) -> None:
    """Raise InputError for a pressure of the air that does not exist, and for an equilibrium tide without a date."""
    if isinstance(forcing.get("surface_pressure"), str) and forcing["surface_pressure"] != "slp":
        raise InputError(
            '[forcing] surface_pressure needs a field [Pa], or "slp" for that of [atmosphere], got '
            f"{forcing['surface_pressure']!r}"
        )
    if forcing.get("surface_pressure") == "slp" and "slp" not in atmosphere:
        raise InputError('[forcing] surface_pressure = "slp" needs slp in [atmosphere]; give it there')
    if "equilibrium_tide" in forcing:
        if not isinstance(forcing["equilibrium_tide"], list | tuple):
            raise InputError(
                '[forcing] equilibrium_tide needs constituents such as ["M2", "K1"], got '
                f"{forcing['equilibrium_tide']!r}"
            )
        EquilibriumTide(forcing["equilibrium_tide"])
        if not isinstance(start, datetime.date):
            raise InputError("[forcing] equilibrium_tide needs the date of the start, [ocean] start = 2021-01-01")


def atmosphere_of(table: Mapping[str, Any], folder: Path, cells: Places, start: Any) -> dict[str, Any]:
    """Return the entries of `ogcm.Atmosphere` from the table [atmosphere], empty without one; see `forcing_of`."""
    entries = {name: entry for name, entry in table.items() if name not in CHOICES_OF_AIR}
    found, _ = entries_of("atmosphere", entries, AIR, folder, cells, start)
    if table:
        found |= {name: table[name] for name in CHOICES_OF_AIR if name in table}
        found["diurnal_cycle"] = flag("[atmosphere] diurnal_cycle", table.get("diurnal_cycle", False))
        check_choices(found)
    return found


def entries_of(
    table: str, given: Mapping[str, Any], known: Mapping[str, str], folder: Path, cells: Places, start: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the entries of a table on their points, and the kinds of temperatures and salinities among them."""
    found, kinds = dict[str, Any](), dict[str, str]()
    for name, entry in given.items():
        if not isinstance(entry, Mapping):
            found[name] = number(f"[{table}] {name}", entry)
        elif not known[name]:
            raise InputError(f"[{table}] {name} needs a number, got {dict(entry)}")
        else:
            field, kinds[name] = surface_field(name, entry, known[name], folder, cells)
            points = faces(cells, name[-1]) if name in ("tau_x", "tau_y") else cells
            found[name] = on_points(name, source_of(field), points, start)
    return found, kinds


def surface_field(name: str, entry: Mapping[str, Any], quantity: str, folder: Path, cells: Places) -> tuple[Any, str]:
    """Return the field of an entry as maps, and the kind of a temperature or salinity.

    `level` chooses the layer nearest to a depth [m], `climatology` makes the mean of each month.
    Raises InputError for options that do not fit the field.
    """
    from ogcm.data.sea_water import SALINITIES, TEMPERATURES, kind_of

    options = dict(entry)
    kinds, option = {"T_star": (TEMPERATURES, "temperature_kind"), "S_star": (SALINITIES, "salinity_kind")}.get(
        name, ({}, "")
    )
    level, climatology, kind = (options.pop(key, None) for key in ("level", "climatology", option))
    field = read_around(options, quantity, folder, cells, ("y", "x") if level is None else ("z", "y", "x"))
    if level is not None:
        field = field.isel(z=int(np.argmin(abs(field["z"].values + number(f"{name}: level", level)))))
    if climatology:
        if "time" not in field.coords:
            raise InputError(f"{name}: climatology needs dates, of which means of the months are made")
        periodic, field = field.attrs, field.groupby("time.month").mean("time", keep_attrs=True)
        months = field["month"].values
        field = (
            field.rename(month="time").drop_vars("time").assign_coords(month=("time", months)).assign_attrs(periodic)
        )
    return field, kind_of(field, kind, kinds, option) if kinds else ""


def targets(found: Mapping[str, Any], kinds: Mapping[str, str], cells: Places, equation_of_state: str) -> dict:
    """Return the temperature and salinity to which the surface is restored, of the kinds that the model uses.

    The conversion of the temperature needs the salinity, whose time mean serves, and 35 where none is given.
    """
    import gsw

    lon, lat = cells.lon % 360.0, cells.lat[:, None]
    changed = {}
    S = mean_of(found["S_star"]) if "S_star" in found else np.asarray(35.0)
    SA = S if kinds.get("S_star") == "absolute" else gsw.SA_from_SP(S, 0.0, lon, lat)
    if equation_of_state == "teos10":
        if kinds.get("S_star") == "practical":
            changed["S_star"] = applied(lambda S: gsw.SA_from_SP(S, 0.0, lon, lat), found["S_star"])
        if kinds.get("T_star", "conservative") != "conservative":
            changed["T_star"] = applied(lambda T: gsw.CT_from_pt(SA, T), found["T_star"])
    else:
        if kinds.get("S_star") == "absolute":
            changed["S_star"] = applied(lambda S: gsw.SP_from_SA(S, 0.0, lon, lat), found["S_star"])
        if kinds.get("T_star") == "conservative":
            changed["T_star"] = applied(lambda T: gsw.pt_from_CT(SA, T), found["T_star"])
    return changed


def mean_of(entry: Any) -> Array:
    """Return the time mean of an entry."""
    return np.mean(entry.values, axis=0) if isinstance(entry, Series) else np.asarray(entry)


def applied(function: Callable[[Array], Array], entry: Any) -> Any:
    """Return an entry whose values are those of a function."""
    if isinstance(entry, Series):
        return Series(function(entry.values), entry.times, entry.period)
    return function(np.asarray(entry))


def on_points(name: str, source: Source, points: Places, start: Any) -> Any:
    """Interpolate the records of a field to points: a map, twelve months, or a series of dates.

    Raises InputError for points that the file does not reach, and for dates without a `start`.
    """
    maps = source.values.reshape(-1, *source.values.shape[-2:]).copy()
    for record in maps:
        missing = ~np.isfinite(record)
        if missing.all():
            raise InputError(f"{name}: a record of its file has no value in the region")
        if missing.any():
            record[...] = nearest(record, missing, source.closes)
    values = Regridding(source.lat, source.lon, points)(maps)
    if not np.isfinite(values).all():
        _, j, i = np.argwhere(~np.isfinite(values))[0]
        raise InputError(f"{name}: its file does not reach {points.lat[j]:g} N, {points.lon[i]:g} E")
    if source.times is None:
        return values[0]
    if source.is_climatology:
        return Series.monthly(values[np.argsort(source.times)])
    return Series(values, seconds_since(name, source.times, start))


def seconds_since(name: str, times: Array, start: Any) -> Array:
    """Return dates as seconds since the start of the model, in their calendar. Raises InputError for no start."""
    if not isinstance(start, datetime.date):
        raise InputError(
            f"{name} has dates; give that of the start of the model, [ocean] start = 2021-01-01, got {start}"
        )
    calendar = "standard" if times.dtype.kind == "M" else times[0].calendar
    return seconds_after(date_of(start, calendar), times)


def wind_stress(wind_x: Any, wind_y: Any, gust: float) -> dict[str, Any]:
    """Return the stress on east and north faces of a wind at T points, the mean of the two cells beside a face.

    Raises InputError for components at different times.
    """
    series = [isinstance(w, Series) for w in (wind_x, wind_y)]
    if series[0] != series[1] or (all(series) and not np.array_equal(wind_x.times, wind_y.times)):
        raise InputError("[forcing] wind_x and wind_y must have the same times")
    u, v = (np.asarray(w.values if isinstance(w, Series) else w, float) for w in (wind_x, wind_y))
    u, v = np.broadcast_arrays(u, v)
    tau_x, tau_y = stress(u, v, gust)
    if tau_x.ndim:
        tau_x = 0.5 * (tau_x + np.concatenate([tau_x[..., 1:], tau_x[..., -1:]], axis=-1))
        tau_y = 0.5 * (tau_y + np.concatenate([tau_y[..., 1:, :], tau_y[..., -1:, :]], axis=-2))
    if all(series):
        return {
            "tau_x": Series(tau_x, wind_x.times, wind_x.period),
            "tau_y": Series(tau_y, wind_x.times, wind_x.period),
        }
    return {"tau_x": tau_x, "tau_y": tau_y}
