"""The open sides of an ocean from files: which they are, and the sea level and tides outside."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ogcm.errors import InputError
from ogcm.horizontal_grid import spherical
from ogcm.inputs import number
from ogcm.open_sides import ROWS, SIDES, check_open_sides
from ogcm.outside import OpenSides
from ogcm.preparation.fluxes import on_points
from ogcm.preparation.regridding import Places
from ogcm.preparation.sources import paths_of, read_around, source_of
from ogcm.tides import Tide

Array = np.ndarray
CHOICES = ("flow", "water", "zone", "inverse_barometer")  # entries of `ogcm.OpenSides` that are taken as they are
ENTRIES_OF_OPEN = (*SIDES, "sea_level", *CHOICES, "tides")
ENTRIES_OF_TIDES = ("file", "constituents", "amplitude", "phase", "friction")  # and the options of a field


def stretches_of(table: Mapping[str, Any], cells: Places) -> dict[str, Array]:
    """Return where the sides of the table [open] are open, along each of them, by its name.

    A side is true, or the first and the last latitude or longitude [degrees] of its open stretch; a cell is open where
    its centre lies between them. Raises InputError for anything else, and for sides of an ocean around the globe.
    """
    found = {}
    for side in SIDES:
        given = table.get(side, False)
        across = bool(SIDES[side][1])
        points = cells.lat if across else cells.lon
        if isinstance(given, bool):
            stretch = np.full(len(points), given)
        else:
            ends = np.asarray(given, float) if isinstance(given, list | tuple) else np.zeros(0)
            if ends.shape != (2,) or not ends[0] < ends[1]:
                axis, example = ("latitude", "[35.0, 44.0]") if across else ("longitude", "[-12.0, -6.0]")
                raise InputError(f"[open] {side} needs true, or a first and a last {axis}, {example}, got {given}")
            stretch = (points >= ends[0]) & (points <= ends[1])
            if not stretch.any():
                raise InputError(
                    f"[open] {side} = {list(given)}: no cell of this side lies between these; it reaches from "
                    f"{points[0]:g} to {points[-1]:g}"
                )
        if stretch.any():
            if across and cells.closes:
                raise InputError(f"[open] {side}: an ocean around the globe has no such side; leave it out")
            found[side] = stretch
    if table and not found:
        raise InputError(f"[open] needs a side that is open, such as west = true; the sides are {', '.join(SIDES)}")
    return found


def with_rim(depth: Array, stretches: Mapping[str, Array]) -> Array:
    """Return a depth (ny, nx) whose outermost cells on open stretches are as deep as the cells inside.

    A wave then meets no step at the place where it leaves. Raises InputError for an open side without water.
    """
    result = depth.copy()
    for side, stretch in stretches.items():
        row, inwards = ROWS[side], SIDES[side]
        inside = np.roll(result, (-inwards[0], -inwards[1]), (0, 1))[row]
        result[row] = np.where(stretch, inside, result[row])
    check_open_sides(result > 0, stretches, (False, False))
    return result


def open_sides_of(
    table: Mapping[str, Any], stretches: Mapping[str, Array], folder: Path, cells: Places, start: Any
) -> dict[str, Any]:
    """Return the entries of `ogcm.OpenSides` from the table [open], empty without one.

    Parameters
    ----------
    table : mapping
        Sides, `sea_level` (a number or a field), `tides`, and the choices of `ogcm.OpenSides`.
    stretches : dict of str to ndarray of bool
        Where the sides are open.
    folder : Path
        Folder to which the names of files are relative.
    cells : Places
        Cells of the model.
    start : date, datetime or None
        Start of the model, which dated fields and tides need.

    Returns
    -------
    dict of str to object
        The entries; the sea level is a number, a map (ny, nx) or a series of maps.

    Raises
    ------
    InputError, FileError
        For entries that are impossible, and for files that cannot be read.
    """
    if not table:
        return {}
    found: dict[str, Any] = {name: table[name] for name in CHOICES if name in table}
    OpenSides(**found)  # refuses wrong choices before files are read
    found |= stretches
    found["eta"] = sea_level_of("[open] sea_level", table.get("sea_level", 0.0), folder, cells, start)
    if "tides" in table:
        if not isinstance(start, datetime.date):
            raise InputError("[open.tides] needs the date of the start, [ocean] start = 2021-01-01")
        found["tides"] = tide_of(table["tides"], folder, cells)
    return found


def sea_level_of(name: str, given: Any, folder: Path, cells: Places, start: Any = None) -> Any:
    """Return a sea level [m]: a number, or a field of a file on the cells. Raises InputError for anything else."""
    if not isinstance(given, Mapping):
        return number(name, given)
    return on_points(name, source_of(read_around(given, "sea level", folder, cells)), cells, start)


def tide_of(table: Any, folder: Path, cells: Places) -> Tide:
    """Return the tide of the table [open.tides] on the cells. Raises InputError for wrong entries."""
    if not isinstance(table, Mapping) or not isinstance(table.get("constituents"), list | tuple):
        raise InputError('[open.tides] needs file and constituents, such as file = "tides.nc", constituents = ["M2"]')
    options = dict(table)
    file, friction = paths_of(table, folder)[0], options.pop("friction", Tide.friction)
    names = [options.pop(name) for name in ("file", "constituents")][1]
    try:
        tide = Tide.read(file, names, **options)
    except TypeError as error:
        known = ", ".join(ENTRIES_OF_TIDES)
        raise InputError(f"[open.tides] {error}; it has {known}, and the options of a field (docs/data.md)") from None
    names, maps = tide.waves("eta", spherical(lon=cells.lon_edges, lat=cells.lat_edges).points())
    cosines, sines = maps[: len(names)], maps[len(names) :]
    waves = zip(names, cosines, sines, strict=True)
    eta = {name: (np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360) for name, a, b in waves}
    return Tide(eta=eta, friction=friction)
