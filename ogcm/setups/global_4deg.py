"""The real ocean on a grid of 4 degrees, from observations."""

from collections.abc import Mapping
from pathlib import Path
from typing import Unpack

import numpy as np

import ogcm
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError
from ogcm.inputs import Values
from ogcm.ocean_data import OceanData, fill_missing

Array = np.ndarray
NEEDED = (
    *("lat_bnds", "lon_bnds", "dz", "bathymetry", "temp", "salt"),
    *("taux", "tauy", "sst", "sss", "qnet", "emp"),
)


@ogcm.recipe(days=365)
def global_4deg(
    *, data: str | None = None, parameters: Mapping[str, Values] | None = None, **numerics: Unpack[ogcm.SetupOptions]
) -> ogcm.Model:
    """Make the ocean from 80 S to 80 N on a grid of 4 degrees, from observations.

    The configuration follows tutorial_global_oce_latlon of MITgcm (data of Levitus, Trenberth and NCEP). Temperature
    and salinity of the surface are restored within 60 and 180 days. Eddies mix along neutral surfaces and flatten them
    (Gent and McWilliams 1990). The model has no ice: cooling stops at the freezing point.

    Parameters
    ----------
    data : str
        CF NetCDF4 file with bathymetry [m], dz [m], lat_bnds, lon_bnds [degrees] and maps, monthly or constant, of temp
        [degC], salt [g kg-1], taux, tauy [N m-2] on west and south faces, sst, sss, qnet [W m-2] and emp [m s-1].
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
        For variables that do not fit.
    """
    f = open_data(data)
    grid, depth, dz = geometry(f)
    wet = (np.cumsum(dz) - dz)[:, None, None] < depth
    chosen: dict[str, Values] = {
        "nu_h": 5e5 * np.cos(np.radians(grid.y_t[:, None])) ** 2 * np.ones(grid.shape),  # narrow cells need less
        "nu_v": 1e-3,
        "kappa_redi": 1e3,
        "kappa_gm": 1e3,
        "kappa_v": 3e-5,
        "kappa_convective": 1.0,
        "drag_linear": 1e-3,
    }
    settings: ogcm.NumericsOptions = {
        "dt": 7200.0,
        "equation_of_state": "teos10",
        "isoneutral": "gerdes",
        "diffusion": "none",
        "walls": "no_slip",
        "freezing": True,
        "smallest_cell": 0.05,
        "smallest_thickness": 50.0,
    }
    model = ogcm.Model(
        grid,
        depth=depth,
        dz=dz,
        T=np.maximum(filled(f, "temp", "temperature", wet, grid, "ZYX")[0], -1.9),
        S=filled(f, "salt", "salinity", wet, grid, "ZYX")[0],
        forcing=climatology(f, grid, wet[0], dz[0]),
        parameters=chosen | dict(parameters or {}),
        **(settings | numerics),
    )
    model.places = {
        "transport": {"x": 294.0, "y": (-70.0, -54.0)},  # Drake Passage
        "overturning": {"x": (-80.0, 0.0), "y": 26.0, "z": -1000.0},
        "heat_content": {"x": (-80.0, 0.0), "y": (0.0, 65.0)},  # the North Atlantic
    }
    return model


def open_data(data: str | None) -> OceanData:
    """The file of observations. Raises FileError where it is not given or does not exist."""
    if data is None or not Path(data).is_file():
        raise FileError(
            "global_4deg needs the data of the real ocean: a CF NetCDF4 file with the variables "
            f"{', '.join(NEEDED)}, given as `ogcm run global_4deg --data FILE`"
            + (f"; {data} is no file" if data is not None else "")
        )
    return OceanData(data, NEEDED)


def geometry(f: OceanData) -> tuple[ogcm.HorizontalGrid, Array, Array]:
    """The grid, the depth of the sea floor (ny, nx) [m] and the layers (nk,) [m] of a file.

    Raises InputError for bounds of cells that are not side by side, and for a bathymetry on another grid.
    """
    lat, lon, dz = np.sort(f["lat_bnds"]), np.sort(f["lon_bnds"]), f.read("dz", "depth")
    for name, bounds in (("lat_bnds", lat), ("lon_bnds", lon)):
        if bounds.shape[1:] != (2,) or not np.allclose(bounds[1:, 0], bounds[:-1, 1]):
            raise InputError(f"{f.path}: {name} must be (n, 2), the two edges of cells side by side [degrees]")
    grid = ogcm.spherical(lon=[*lon[:, 0], lon[-1, 1]], lat=[*lat[:, 0], lat[-1, 1]], radius=6.37e6)
    depth = f.depth("bathymetry")
    if depth.shape != grid.shape:
        raise InputError(f"{f.path}: bathymetry has the shape {depth.shape}, but lat_bnds and lon_bnds {grid.shape}")
    return grid, depth, dz


def filled(f: OceanData, name: str, quantity: str, wet: Array, grid: ogcm.HorizontalGrid, axes: str = "YX") -> Array:
    """Twelve months of a variable (12, ..., ny, nx), with values wherever there is water."""
    return fill_missing(name, f.monthly(name, f.read(name, quantity, axes)), wet, grid.periodic_x)


def climatology(f: OceanData, grid: ogcm.HorizontalGrid, surface: Array, top: float) -> ogcm.Forcing:
    """The monthly forcing over the water of the `surface` (ny, nx), restoring a layer of thickness `top` [m]."""

    def into_the_sea(name: str, quantity: str, wet: Array = surface, default_direction: str | None = None) -> Array:
        values = f.monthly(name, f.downward(name, quantity, "YX", default_direction))
        return fill_missing(name, values, wet, grid.periodic_x)

    # The stresses of the file are on west and south faces, those of the model on east and north faces.
    everywhere = np.ones_like(surface)
    taux = np.roll(into_the_sea("taux", "stress", everywhere, "down"), -1, axis=-1)
    tauy = np.roll(into_the_sea("tauy", "stress", everywhere, "down"), -1, axis=-2)
    tauy[:, -1] = 0
    monthly = ogcm.Series.monthly
    return ogcm.Forcing(
        tau_x=monthly(taux),
        tau_y=monthly(tauy),
        heat_flux=monthly(into_the_sea("qnet", "heat flux")),
        fresh_water=monthly(into_the_sea("emp", "fresh water")),
        T_star=monthly(np.maximum(filled(f, "sst", "temperature", surface, grid), -1.9)),
        S_star=monthly(filled(f, "sss", "salinity", surface, grid)),
        rate_T=top / (60 * DAY),
        rate_S=top / (180 * DAY),
    )
