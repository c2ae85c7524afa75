"""The California Current at 1/3 degree in January 2004, open to the west, south and north.

The data are those of the tutorial of 4D-Var of ROMS, WC13 (Moore et al. 2011, doi 10.1016/j.pocean.2011.05.003): grid
and relief, boundary sections on s-levels at 26 December and 25 January, and the daily atmosphere of COAMPS, held beyond
its first and last record. The start is the annual climatology of Levitus (1982) with the season of the World Ocean
Atlas, to which the difference between the sections and the climatology is added, continued into the region as the
solution of Laplace's equation along each layer. The sea level of the start is the steric height of the upper 2000 m,
brought to that of the sections in the same way, and its velocity is the thermal wind without a depth mean, which the
first hours of a run bring into balance:

    f u = -dp/dy,    f v = dp/dx,    p = (g/rho0) integral from z to 0 of rho' dz
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import numpy as np

import ogcm
from ogcm.constants import DAY, EARTH_ROTATION
from ogcm.data import read_field, read_values, sea_water
from ogcm.errors import FileError
from ogcm.grid import interior
from ogcm.inputs import Values
from ogcm.operators.equation_of_state import density
from ogcm.preparation import start
from ogcm.preparation.filling import harmonic
from ogcm.preparation.layers import stretched_layers
from ogcm.preparation.regridding import edges_between, places
from ogcm.preparation.sources import cropped, source_of

Array = np.ndarray
SPONGE = 2e5  # [m] width of the sponge along open sides
AIR = {  # of an entry of the atmosphere: file, variable, quantity
    "u10": ("wind", "Uwind", "wind"),
    "v10": ("wind", "Vwind", "wind"),
    "t2": ("Tair", "Tair", "air temperature"),
    "relative humidity": ("Qair", "Qair", "relative humidity"),
    "slp": ("Pair", "Pair", "air pressure"),
    "longwave_down": ("lwrad_down", "lwrad_down", "heat flux"),
    "shortwave_down": ("swrad", "swrad", "heat flux"),
    "precipitation": ("rain", "rain", "precipitation"),
}
MONTHS = {11: 0.47, 0: 0.53}  # shares of the monthly means of December and January on 2 January
MIXED = 0.5  # [K] colder than the surface is the base of the mixed layer of a climatology (Levitus 1982)
LEVEL = 2000.0  # [m] of no motion
ALBEDO = 0.066  # of the model; the shortwave radiation of the files is what enters the sea


@ogcm.recipe(days=12)
def california_current(
    *,
    data: str | None = None,
    layers: int = 30,
    parameters: Mapping[str, Values] | None = None,
    **numerics: Unpack[ogcm.SetupOptions],
) -> ogcm.Model:
    """Make the California Current from 2 January 2004 on.

    Parameters
    ----------
    data : str
        Folder with `levitus_annual_1deg.nc`, `woa_monthly_temp_2deg.nc` and the folder `wc13` of the files of WC13.
    layers : int
        Number of layers, of 10 m and more.
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
        Where the folder is not given or lacks files.
    """
    if data is None:
        raise FileError("california_current needs the folder of its data: `ogcm run california_current --data FOLDER`")
    folder = Path(data) / "wc13"
    file = folder / "wc13_grd.nc"
    lon, lat = read_values(file, "lon_rho", "longitude")[0], read_values(file, "lat_rho", "latitude")[:, 0]
    grid = ogcm.spherical(lon=edges_between(lon), lat=edges_between(lat))
    sea = read_values(file, "mask_rho") > 0
    sides: dict[str, Any] = {side: True for side in ("west", "south", "north")}
    ramp = ogcm.OpenSides(**sides).ramp(grid, SPONGE)
    chosen: dict[str, Values] = {
        "nu_h": 100.0 + 900.0 * ramp, "kappa_h": 20.0 + 280.0 * ramp, "drag_quadratic": 2.5e-3,
        "nudging_in": 1 / DAY, "nudging_out": 1 / (30 * DAY),
    }  # fmt: skip
    settings: ogcm.NumericsOptions = {
        "dt": 1800.0, "equation_of_state": "teos10", "vertical_mixing": "tke", "advection": "upwind3",
    }  # fmt: skip
    build = partial(
        ogcm.Model,
        grid,
        depth=np.where(sea, read_values(file, "h", "depth"), 0.0),
        dz=stretched_layers(layers, 5250.0, 10.0),
        forcing=ogcm.Forcing(atmosphere=atmosphere(folder)),
        open_sides=ogcm.OpenSides(**sides, **ogcm.sections(folder / "wc13_ecco_bry.nc", grid=file)),
        parameters=chosen | dict(parameters or {}),
        start="2004-01-02",
        **(settings | numerics),
    )
    model = build()
    whole = model if model.grid.tile.is_whole else build(decomposition=(1, 1))
    state = balanced_start(whole, Path(data))
    if whole is not model:
        model.set(**state)
    return model


def balanced_start(model: ogcm.Model, folder: Path) -> dict[str, Array]:
    """Set the state of the whole ocean, and return it: T, S, eta, u and v (see the top of this file)."""
    T, S = mixed(*(towards_sides(model, *named) for named in zip("TS", climatology(folder, model), strict=True)))
    model.set(T=T, S=S)
    steric, pressure = hydrostatics(model)
    u, v = thermal_wind(model, pressure)
    eta = towards_sides(model, "eta", steric[None])[0]
    model.set(eta=eta, u=u, v=v)
    return {"T": T, "S": S, "eta": eta, "u": u, "v": v}


def atmosphere(folder: Path) -> ogcm.Atmosphere:
    """Read the atmosphere of COAMPS; its humidity is relative, its shortwave radiation is what enters the sea."""
    found: dict[str, Any] = {}
    for entry, (name, variable, quantity) in AIR.items():
        options: Any = {"positive": "down"} if quantity in ("heat flux", "precipitation") else {}
        field = read_field(folder / f"coamps_wc13_{name}.nc", variable, quantity, **options)
        found[entry] = ogcm.Series(field.values, field["time"].values, held=True)
    t, p = found["t2"].values, found["slp"].values
    vapour = found.pop("relative humidity").values * 611.2 * np.exp(17.67 * t / (t + 243.5))  # Bolton (1980)
    found["q2"] = replace(found["t2"], values=0.622 * vapour / (p - 0.378 * vapour))
    for name, factor in (("shortwave_down", 1 / (1 - ALBEDO)), ("precipitation", 1.0)):
        found[name] = replace(found[name], values=np.maximum(found[name].values, 0.0) * factor)
    return ogcm.Atmosphere(**found, height_humidity=10.0)  # t2 at 2 m: as in the tutorial


def climatology(folder: Path, model: ogcm.Model) -> tuple[Array, Array]:
    """Return T and S (nk, ny, nx) of the climatology on the cells of a model at the date of its start."""
    file = folder / "levitus_annual_1deg.nc"
    t, s = read_field(file, "temp", "temperature"), read_field(file, "salt", "salinity")
    kinds: Any = {"temperature_kind": "in situ", "salinity_kind": "practical"}
    T, S = (on_cells(field, model) for field in sea_water(t, s, model.numerics.equation_of_state, **kinds))
    months = read_field(folder / "woa_monthly_temp_2deg.nc", "temp", "temperature")
    season = sum(share * months[month] for month, share in MONTHS.items()) - months.mean("time")
    season[-1] = season[-1] * 0.0  # and so below the deepest level
    return T + on_cells(season, model), S


def on_cells(field: Any, model: ogcm.Model) -> Array:
    """Return a field of a file on the cells of a model (nk, ny, nx)."""
    grid, wet = model.horizontal, interior(model.grid.mask_t) > 0
    cells = places(edges_between(grid.y_t), edges_between(grid.x_t))
    bottom = -np.cumsum(interior(model.grid.h_t) * wet, axis=0)
    interfaces = np.concatenate([np.zeros((1, *bottom.shape[1:])), bottom])
    return start.on_cells(field.name, source_of(cropped(field, cells)), cells, interfaces, "linear", "harmonic")


def towards_sides(model: ogcm.Model, name: str, values: Array) -> Array:
    """Add the difference of the values outside at the start to a field, continued into the region layer by layer."""
    rim, outside = model.forcing.rims[f"{name}_outside"], model.forcing.series[f"{name}_outside"].at(0.0)
    on_rim = interior(rim.places)[rim.j, rim.i] >= 0
    changed = values.copy()
    for k, layer in enumerate(changed):
        at = on_rim & rim.mask[k, 0]
        if at.any():
            difference = np.full(layer.shape, np.nan)
            difference[rim.j[at], rim.i[at]] = outside[k, 0, at] - layer[rim.j[at], rim.i[at]]
            layer += harmonic(difference, np.isnan(difference), False)
    return changed


def mixed(T: Array, S: Array) -> tuple[Array, Array]:
    """Return T and S (nk, ny, nx) with those of the surface down to where T is lower by MIXED.

    A mean over months and years blurs the base of the mixed layer, and the first wind would cool the surface by mixing
    what is left.
    """
    within = np.logical_and.accumulate(T[0] - T < MIXED)
    return np.where(within, T[0], T), np.where(within, S[0], S)


def hydrostatics(model: ogcm.Model) -> tuple[Array, Array]:
    """Return the steric height of the upper ocean (ny, nx) [m], and the pressure over rho0 (nk, ny, nx) without eta.

    Densities are continued onto land along layers, as the solution of Laplace's equation.
    """
    z = 0.5 * model.dz - np.cumsum(model.dz)
    wet, gravity, rho0 = interior(model.grid.mask_t) > 0, model.numerics.gravity, model.numerics.rho0
    T, S = interior(model.state.T), interior(model.state.S)
    rho = density(T, S, np.broadcast_to(z[:, None, None], T.shape), model.numerics.equation_of_state)
    for k, layer in enumerate(rho):
        layer -= layer[wet[k]].mean()
        layer[...] = harmonic(np.where(wet[k], layer, np.nan), ~wet[k], False)
    weight = rho * model.dz[:, None, None]
    pressure = gravity / rho0 * (np.cumsum(weight, axis=0) - 0.5 * weight)
    return -weight[z > -LEVEL].sum(axis=0) / rho0, pressure


def thermal_wind(model: ogcm.Model, p: Array) -> tuple[Array, Array]:
    """Return the velocity at U and V points in balance with p (nk, ny, nx) [m2 s-2], without its depth mean."""
    grid = model.horizontal
    f = 2 * EARTH_ROTATION * np.sin(np.radians(grid.y_t))[:, None]
    u = -np.gradient(p, axis=1) / (f * interior(model.grid.dy_t))
    v = np.gradient(p, axis=2) / (f * interior(model.grid.dx_t))
    u[:, :, :-1], v[:, :-1] = 0.5 * (u[:, :, :-1] + u[:, :, 1:]), 0.5 * (v[:, :-1] + v[:, 1:])
    for a, kind in ((u, "u"), (v, "v")):
        h = interior(getattr(model.grid, f"h_{kind}")) * interior(getattr(model.grid, f"mask_{kind}"))
        a -= (a * h).sum(axis=0) / np.maximum(h.sum(axis=0), 1.0)
    return u, v
