"""The real ocean on a grid of 4 degrees, from observations."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

import ogcm
from ogcm.constants import DAY
from ogcm.data import monthly, read_field, read_values
from ogcm.data.fill import fill_missing
from ogcm.data.source import open_with
from ogcm.errors import FileError, InputError
from ogcm.inputs import Values

if TYPE_CHECKING:
    import xarray as xr

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
    with open_data(data) as file:
        grid, depth, dz = geometry(file)
        wet = (np.cumsum(dz) - dz)[:, None, None] < depth
        T, S = (filled(file, *name, wet, grid)[0] for name in (("temp", "temperature"), ("salt", "salinity")))
        forcing = climatology(file, grid, wet[0], dz[0])
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
        T=np.maximum(T, -1.9),
        S=S,
        forcing=forcing,
        parameters=chosen | dict(parameters or {}),
        **(settings | numerics),
    )
    model.places = {
        "transport": {"x": 294.0, "y": (-70.0, -54.0)},  # Drake Passage
        "overturning": {"x": (-80.0, 0.0), "y": 26.0, "z": -1000.0},
        "heat_content": {"x": (-80.0, 0.0), "y": (0.0, 65.0)},  # the North Atlantic
    }
    return model


def open_data(data: str | None) -> "xr.Dataset":
    """Open the file of observations. Raises FileError where it is not given, does not exist or lacks variables."""
    if data is None or not Path(data).is_file():
        raise FileError(
            "global_4deg needs the data of the real ocean: a CF NetCDF4 file with the variables "
            f"{', '.join(NEEDED)}, given as `ogcm run global_4deg --data FILE`"
            + (f"; {data} is no file" if data is not None else "")
        )
    return open_with(data, NEEDED)


def geometry(file: "xr.Dataset") -> tuple[ogcm.HorizontalGrid, Array, Array]:
    """The grid, the depth of the sea floor (ny, nx) [m], 0 on land, and the layers (nk,) [m] of a file.

    Raises InputError for bounds of cells that are not side by side, and for a bathymetry on another grid.
    """
    edges, path = {}, file.encoding["source"]
    for name in ("lat_bnds", "lon_bnds"):
        bounds = np.sort(read_values(file, name))
        bounds = bounds[np.argsort(bounds[:, 0])]
        if bounds.shape[1:] != (2,) or not np.allclose(bounds[1:, 0], bounds[:-1, 1]):
            raise InputError(f"{path}: {name} must be (n, 2), the two edges of cells side by side [degrees]")
        edges[name[:3]] = np.append(bounds[:, 0], bounds[-1, 1])
    grid = ogcm.spherical(lon=edges["lon"], lat=edges["lat"], radius=6.37e6)
    depth = on_grid(file, "bathymetry", "depth", grid)
    if depth.ndim != 2:
        raise InputError(f"{path}: bathymetry has {len(depth)} records; it must be one map")
    return grid, np.maximum(np.nan_to_num(depth.values), 0.0), read_field(file, "dz", "distance").values


def on_grid(file: "xr.Dataset", name: str, quantity: str, grid: ogcm.HorizontalGrid) -> "xr.DataArray":
    """A variable from the first column of the grid on. Raises InputError for one that is not on the grid."""
    field = read_field(file, name, quantity, west=grid.x_t[0] - 0.75 * (grid.x_t[1] - grid.x_t[0]))
    if field.dims[-2:] != ("y", "x") or field.shape[-2:] != grid.shape:
        raise InputError(
            f"{field.attrs['source']}: {name} has {dict(field.sizes)}, but lat_bnds and lon_bnds {grid.shape}"
        )
    return field


def filled(file: "xr.Dataset", name: str, quantity: str, wet: Array, grid: ogcm.HorizontalGrid) -> Array:
    """Twelve months of a variable (12, ..., ny, nx), with values wherever there is water."""
    return fill_missing(name, monthly(on_grid(file, name, quantity, grid)).values, wet, grid.periodic_x)


def climatology(file: "xr.Dataset", grid: ogcm.HorizontalGrid, surface: Array, top: float) -> ogcm.Forcing:
    """The monthly forcing over the water of the `surface` (ny, nx), restoring a layer of thickness `top` [m]."""

    # The stresses of the file are on west and south faces, those of the model on east and north faces.
    everywhere = np.ones_like(surface)
    taux = np.roll(filled(file, "taux", "stress", everywhere, grid), -1, axis=-1)
    tauy = np.roll(filled(file, "tauy", "stress", everywhere, grid), -1, axis=-2)
    tauy[:, -1] = 0
    series = ogcm.Series.monthly
    return ogcm.Forcing(
        tau_x=series(taux),
        tau_y=series(tauy),
        heat_flux=series(filled(file, "qnet", "heat flux", surface, grid)),
        fresh_water=series(filled(file, "emp", "fresh water", surface, grid)),
        T_star=series(np.maximum(filled(file, "sst", "temperature", surface, grid), -1.9)),
        S_star=series(filled(file, "sss", "salinity", surface, grid)),
        rate_T=top / (60 * DAY),
        rate_S=top / (180 * DAY),
    )
