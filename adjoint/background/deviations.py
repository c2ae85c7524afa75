"""Standard deviations of the background from files, such as those of ROMS' 4D-Var, at the points of controls.

    error = deviations("wc13_std_i.nc", model, "T", grid="wc13_grd.nc")
    estimate = Estimate("T", error, length=50e3, depth=30.0)

Initial state and surface forcing are maps or fields on levels that follow the sea floor (`zeta`, `u`, `v`, `temp`,
`salt`; `sustr`, `svstr`, `shflux`, `ssflux`), interpolated linearly to the columns of the model and over depth. What
lies outside of open sides are sections (`zeta_obc`, ... of the dimensions boundary, level and place, the boundaries in
the order west, south, east, north), interpolated as the sections of the values (`ogcm.sections`).

Where a file has no value or 0, as on land, a map is continued from its neighbours. Below the sea floor of the file the
deepest value holds. A value below a fraction of the root mean square of its layer becomes that: a deviation near 0
would fix the control there.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.background.correlation import is_layered
from adjoint.controls import Control, Controls
from ogcm.columns import interpolation
from ogcm.data.reader import read_values
from ogcm.data.s_levels import at_points, find_s_levels
from ogcm.data.source import open_with
from ogcm.errors import InputError
from ogcm.inputs import Points
from ogcm.model import Model
from ogcm.outer import RimPoints
from ogcm.preparation.filling import fill_water
from ogcm.preparation.regridding import Places, Regridding, edges_between
from ogcm.sections import NAMES, Section

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
FLOOR = 0.1  # fraction of the root mean square of a layer
SALINITY = 35.0  # [g kg-1] by which a flux of salt of ROMS is divided: that of fresh water
VARIABLES = NAMES | {"tau_x": "sustr", "tau_y": "svstr", "heat_flux": "shflux", "fresh_water": "ssflux"}
SIDES = ("west", "south", "east", "north")  # in the order of ROMS' boundaries


def deviations(
    path: str | Path,
    model: Model,
    control: str,
    *,
    variable: str | None = None,
    grid: str | Path | None = None,
    floor: float = FLOOR,
) -> Array:
    """Read the standard deviations of a control.

    Parameters
    ----------
    path : str or Path
        NetCDF file with one record of standard deviations, and for fields the description of the levels (`Vtransform`,
        `hc`, `Cs_r`, `h`).
    model : Model
        The model, on longitudes and latitudes.
    control : str
        Name of the control: of the initial state, the surface forcing or what lies outside of open sides.
    variable : str, optional
        Variable of the file. Default: that of ROMS.
    grid : str or Path, optional
        File with `lon_rho`, `lat_rho`, ..., `mask_rho` and `h`. Default: the file itself.
    floor : float
        Smallest standard deviation, as a fraction of the root mean square of its layer.

    Returns
    -------
    ndarray
        Standard deviations in the units of the file (fresh water: m s-1) as the `error` of an `Estimate`: a map
        (ny, nx) or field (nk, ny, nx) of the whole ocean, or a list (nk, 1, N) outside of open sides; positive
        everywhere.

    Raises
    ------
    FileError
        For a file that cannot be read or lacks a variable.
    InputError
        For a control that the file cannot describe, several records, and values that are negative or 0 everywhere.
    """
    found = Controls(model, control).controls[control]
    name = found.entry.removesuffix("_outside")
    if variable is None and name not in VARIABLES:
        raise InputError(f"{control}: give the variable of {path} that has its standard deviation")
    if model.horizontal.units != "degrees":
        raise InputError(f"{path}: standard deviations have longitude and latitude; make the grid with ogcm.spherical")
    if not 0 < floor <= 1:
        raise InputError(f"floor: a fraction of the root mean square between 0 and 1, got {floor}")
    files = Path(path), Path(path if grid is None else grid)
    if found.rim is not None:
        values = on_rim(*files, variable or f"{NAMES[name]}_obc", found, model)
    else:
        values = on_cells(*files, variable or VARIABLES[name], found, model)
    return raised(values, floor) / (SALINITY if name == "fresh_water" and variable is None else 1.0)


def record(path: Path, name: str, maps: int) -> Array:
    """Return the values of the single record of a variable with this number of axes, NaN where they are missing or 0.

    Raises InputError for several records, negative values, and where all are 0.
    """
    values = read_values(path, name)
    if values.ndim == maps + 1:
        if len(values) != 1:
            raise InputError(f"{path}: {name} has {len(values)} records; write a file with the one that is wanted")
        values = values[0]
    if values.ndim != maps:
        raise InputError(f"{path}: {name} has {values.ndim} axes, {maps} or one more for the time are needed")
    if (values < 0).any() or not (values > 0).any():
        raise InputError(f"{path}: {name} is no standard deviation, its values lie within {np.nanmin(values):g} and "
                         f"{np.nanmax(values):g}; leave this control out")  # fmt: skip
    return np.where(values > 0, values, np.nan)


def on_cells(path: Path, grid: Path, name: str, control: Control, model: Model) -> Array:
    """Return a map (ny, nx) or field (nk, ny, nx) of the file at the points of the whole model."""
    kind, layered = control.point, is_layered(control)
    at = {"t": "rho"}.get(kind, kind)
    values = record(path, name, 3 if layered else 2)
    values = values if layered else values[None]
    lat, lon = read_values(grid, f"lat_{at}", "latitude"), read_values(grid, f"lon_{at}", "longitude")
    z = np.zeros((1, *lat.shape))
    if layered:
        with open_with(path, (name,)) as ds:
            values, z = from_the_surface(path, ds, name, values, read_values(grid, "h", "depth"))
    heights = 0.5 * model.dz - np.cumsum(model.dz) if layered else np.zeros(1)
    levels = at_levels(values, z, heights)
    target = points_of(model.horizontal.undivided.points(kind))
    if np.ptp(lat, axis=1).max() < 1e-6 and np.ptp(lon, axis=0).max() < 1e-6:
        lat, lon = lat[:, 0], lon[0]
    maps = Regridding(lat, lon, target)(levels)
    maps = fill_water(f"{path}: {name}", maps, np.ones(maps.shape, bool))
    return maps if layered else maps[0]


def from_the_surface(path: Path, ds: "xr.Dataset", name: str, values: Array, h: Array) -> tuple[Array, Array]:
    """Return values (nz, ny, nx) on s-levels from the surface down, and their heights [m] for a depth h (ny, nx)."""
    levels = find_s_levels(ds, "s_rho", str(path))
    order = np.argsort(-levels.s)
    z = levels.heights(h)[order]
    return values[order], at_points(f"{path}: {name}", z, ds[name])


def at_levels(values: Array, z: Array, heights: Array) -> Array:
    """Return columns (nz, ny, nx) with heights z at other heights (nk,), NaN below the deepest value of each."""
    found = np.full((len(heights), *values.shape[1:]), np.nan)
    for j, i in np.argwhere(np.isfinite(values).any(axis=0)):
        known = np.isfinite(values[:, j, i])
        column = np.interp(-heights, -z[known, j, i], values[known, j, i])
        below = heights < min(z[known, j, i][-1], heights[0])
        found[:, j, i] = np.where(below, np.nan, column)
    return found


def points_of(points: Points) -> Places:
    """Return points of a model as those of a grid of longitude and latitude."""
    return Places(points.y, points.x, edges_between(points.y), edges_between(points.x))


def on_rim(path: Path, grid: Path, name: str, control: Control, model: Model) -> Array:
    """Return the values of sections along open sides at the points of a rim (nk, 1, N)."""
    rim: Any = control.rim
    field, kind = control.entry.removesuffix("_outside"), control.point
    sides: Any = model.open_sides
    stretches = tuple(sides.stretches(model.horizontal.undivided.shape))
    points, section = RimPoints.of(model, stretches, field, kind, rim), Section(path, grid, field)
    values = record(path, name, 2 if field == "eta" else 3)
    values = values if field != "eta" else values[:, None]
    with open_with(path, (name,)) as ds, open_with(grid, ("h",)) as places:
        lines = [section.line(places, side) for side in stretches]
        heights = section.heights(ds, lines)
        if field != "eta":
            values = values[:, np.argsort(-find_s_levels(ds, "s_rho", str(path)).s)]
    parts = [values[SIDES.index(side), :, : len(line.x)] for side, line in zip(stretches, lines, strict=True)]
    together = np.concatenate(parts, axis=-1)
    known = np.isfinite(together).all(axis=0)
    offset, wet = 0, []
    for line in lines:
        wet.append(line._replace(wet=line.wet & known[offset : offset + len(line.x)]))
        offset += len(line.x)
    columns, shares = section.columns(wet, heights, points)
    weights = interpolation(shares, columns, points.z)
    return (weights @ np.where(known, together, 0).ravel()).reshape(rim.mask.shape)


def raised(values: Array, floor: float) -> Array:
    """Return values of which none is below a fraction of the root mean square of its layer (of the map, for a map)."""
    layers = values if values.ndim == 3 else values[None]
    found = np.maximum(layers, floor * np.sqrt(np.mean(layers**2, axis=(-2, -1), keepdims=True)))
    return found.reshape(values.shape)
