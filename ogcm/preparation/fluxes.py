"""The forcing of a model from files: each entry on its own points, climatological or dated."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ogcm.errors import InputError
from ogcm.forcing import Series
from ogcm.inputs import number
from ogcm.preparation.filling import nearest
from ogcm.preparation.regridding import Places, Regridding, faces
from ogcm.preparation.sources import Source, read_around, source_of

Array = np.ndarray
ENTRIES = {  # the quantity of each entry, for its units; a number may stand in place of each field
    "tau_x": "stress", "tau_y": "stress", "wind_x": "wind", "wind_y": "wind", "heat_flux": "heat flux",
    "fresh_water": "fresh water", "shortwave": "heat flux", "T_star": "temperature", "S_star": "salinity",
    "rate_T": "", "rate_S": "",
}  # fmt: skip
DENSITY_OF_AIR = 1.22  # [kg m-3]


def stress(u: Array, v: Array) -> tuple[Array, Array]:
    """Return the stress of a wind at a height of 10 m, with the neutral drag of Large and Yeager (2009, eq. 11a).

        tau = rho_air C_d |U| U,    1000 C_d = 2.70/|U| + 0.142 + |U|/13.09 - 3.14807e-10 |U|^6

    Parameters
    ----------
    u, v : ndarray
        The wind [m s-1].

    Returns
    -------
    tau_x, tau_y : ndarray
        The stress [N m-2].
    """
    speed = np.hypot(u, v)
    strength = DENSITY_OF_AIR * 1e-3 * (2.70 + 0.142 * speed + speed**2 / 13.09 - 3.14807e-10 * speed**7)
    return strength * u, strength * v


def forcing_of(table: Mapping[str, Any], folder: Path, cells: Places) -> dict[str, Any]:
    """Return the entries of `ogcm.Forcing` from the table [forcing].

    Parameters
    ----------
    table : mapping
        Numbers, and fields as for `read_around`; `start` is the date of the start of the model, for dated fields.
    folder : Path
        Folder to which the names of files are relative.
    cells : Places
        Cells of the model.

    Returns
    -------
    dict of str to float, ndarray or Series
        The entries.

    Raises
    ------
    InputError, FileError
        For entries that are impossible, and for files that cannot be read.
    """
    given = {name: entry for name, entry in table.items() if name != "start"}
    found: dict[str, Any] = {}
    for name, entry in given.items():
        if not isinstance(entry, Mapping):
            found[name] = number(f"[forcing] {name}", entry)
        elif not ENTRIES[name]:
            raise InputError(f"[forcing] {name} needs a number, got {dict(entry)}")
        else:
            points = faces(cells, name[-1]) if name in ("tau_x", "tau_y") else cells
            source = source_of(read_around(entry, ENTRIES[name], folder, cells))
            found[name] = on_points(name, source, points, table.get("start"))
    wind = [found.pop(name, None) for name in ("wind_x", "wind_y")]
    if any(w is not None for w in wind):
        if any(w is None for w in wind) or "tau_x" in found or "tau_y" in found:
            raise InputError("[forcing] needs both wind_x and wind_y, or both tau_x and tau_y, and not all of them")
        found |= wind_stress(*wind)
    return found


def on_points(name: str, source: Source, points: Places, start: Any) -> Any:
    """Interpolate the records of a field to points: a map, twelve months, or a series of dates.

    Raises InputError for points that the file does not reach, and for dates without a `start`.
    """
    maps = source.values.reshape(-1, *source.values.shape[-2:]).copy()
    for record in maps:
        missing = ~np.isfinite(record)
        if missing.all():
            raise InputError(f"[forcing] {name}: a record of its file has no value in the region")
        if missing.any():
            record[...] = nearest(record, missing, source.closes)
    values = Regridding(source.lat, source.lon, points)(maps)
    if not np.isfinite(values).all():
        _, j, i = np.argwhere(~np.isfinite(values))[0]
        raise InputError(f"[forcing] {name}: its file does not reach {points.lat[j]:g} N, {points.lon[i]:g} E")
    if source.times is None:
        return values[0]
    if source.is_climatology:
        return Series.monthly(values[np.argsort(source.times)])
    return Series(values, seconds_since(name, source.times, start))


def seconds_since(name: str, times: Array, start: Any) -> Array:
    """Return dates as seconds since the start of the model. Raises InputError where that is no date."""
    if not isinstance(start, datetime.date):
        raise InputError(
            f"[forcing] {name} has dates; give that of the start of the model, such as start = 2021-01-01, got {start}"
        )
    if times.dtype.kind == "M":
        return (times - np.datetime64(start)) / np.timedelta64(1, "s")
    clock = start if isinstance(start, datetime.datetime) else datetime.datetime.combine(start, datetime.time())
    first = type(times[0])(clock.year, clock.month, clock.day, clock.hour, clock.minute, clock.second)
    return np.array([(t - first).total_seconds() for t in times])


def wind_stress(wind_x: Any, wind_y: Any) -> dict[str, Any]:
    """Return the stress on east and north faces of a wind at T points, the mean of the two cells beside a face.

    Raises InputError for components at different times.
    """
    series = [isinstance(w, Series) for w in (wind_x, wind_y)]
    if series[0] != series[1] or (all(series) and not np.array_equal(wind_x.times, wind_y.times)):
        raise InputError("[forcing] wind_x and wind_y must have the same times")
    u, v = (np.asarray(w.values if isinstance(w, Series) else w, float) for w in (wind_x, wind_y))
    tau_x, tau_y = stress(*np.broadcast_arrays(u, v))
    if tau_x.ndim:
        tau_x = 0.5 * (tau_x + np.concatenate([tau_x[..., 1:], tau_x[..., -1:]], axis=-1))
        tau_y = 0.5 * (tau_y + np.concatenate([tau_y[..., 1:, :], tau_y[..., -1:, :]], axis=-2))
    if all(series):
        return {
            "tau_x": Series(tau_x, wind_x.times, wind_x.period),
            "tau_y": Series(tau_y, wind_x.times, wind_x.period),
        }
    return {"tau_x": tau_x, "tau_y": tau_y}
