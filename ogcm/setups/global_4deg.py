"""The real ocean on a grid of 4 degrees, from a file of observations."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

import ogcm
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError
from ogcm.ocean_data import OceanData, fill_missing
from ogcm.setups.recipe import recipe

NEEDED = (
    *("lat_bnds", "lon_bnds", "dz", "bathymetry", "temp", "salt"),
    *("taux", "tauy", "sst", "sss", "qnet", "emp"),
)


@recipe(days=365)
def global_4deg(*, data: str | None = None, parameters: Mapping | None = None, **numerics) -> ogcm.Model:
    """The world from 80 S to 80 N after MITgcm's tutorial_global_oce_latlon (Levitus, Trenberth, NCEP).

    data: a CF NetCDF4 file with bathymetry [m], dz [m], lat_bnds, lon_bnds [degrees] and maps, monthly or one for the
    year, of temp [degC], salt [g kg-1], taux, tauy [N m-2] on west and south faces, sst, sss, qnet [W m-2] and emp
    [m s-1].
    Temperature and salinity of the surface are restored within 60 and 180 days; without ice, cooling fades out at
    the freezing point.
    """
    if data is None or not Path(data).is_file():
        raise FileError(
            "global_4deg needs the data of the real ocean: a CF NetCDF4 file with the variables "
            f"{', '.join(NEEDED)}, given as `ogcm run global_4deg --data FILE`"
            + (f"; {data} is no file" if data is not None else "")
        )
    f = OceanData(data, NEEDED)
    lat, lon, dz = np.sort(f["lat_bnds"]), np.sort(f["lon_bnds"]), f.read("dz", "depth")
    for name, bounds in (("lat_bnds", lat), ("lon_bnds", lon)):
        if bounds.shape[1:] != (2,) or not np.allclose(bounds[1:, 0], bounds[:-1, 1]):
            raise InputError(f"{data}: {name} must be (n, 2), the two edges of cells side by side [degrees]")
    grid = ogcm.spherical(lon=[*lon[:, 0], lon[-1, 1]], lat=[*lat[:, 0], lat[-1, 1]], radius=6.37e6)
    depth = f.depth("bathymetry")
    if depth.shape != grid.shape:
        raise InputError(f"{data}: bathymetry has the shape {depth.shape}, but lat_bnds and lon_bnds {grid.shape}")
    wet = (np.cumsum(dz) - dz)[:, None, None] < depth
    surface = wet[0]

    def filled(name, quantity, where=surface, axes="YX"):
        return fill_missing(name, f.monthly(name, f.read(name, quantity, axes)), where, grid.periodic_x)

    def into_the_sea(name, quantity, where=surface, unless_said=None):
        values = f.monthly(name, f.downward(name, quantity, "YX", unless_said))
        return fill_missing(name, values, where, grid.periodic_x)

    # The file's stresses stand on west and south faces; a face of ours is the east or north one.
    everywhere = np.ones_like(surface)
    taux = np.roll(into_the_sea("taux", "stress", everywhere, "down"), -1, axis=-1)
    tauy = np.roll(into_the_sea("tauy", "stress", everywhere, "down"), -1, axis=-2)
    tauy[:, -1] = 0
    chosen = {
        "nu_h": 5e5 * np.cos(np.radians(grid.y_t[:, None])) ** 2 * everywhere,  # narrow cells bear less
        "nu_v": 1e-3,
        "kappa_h": 1e3,
        "kappa_v": 3e-5,
        "kappa_convective": 1.0,
        "drag_linear": 1e-3,
    }
    settings = {
        "dt": 7200.0,
        "equation_of_state": "teos10",
        "walls": "no_slip",
        "freezing": True,
        "smallest_cell": 0.05,
        "smallest_thickness": 50.0,
    }
    model = ogcm.Model(
        grid,
        depth=depth,
        dz=dz,
        T=np.maximum(filled("temp", "temperature", wet, "ZYX")[0], -1.9),
        S=filled("salt", "salinity", wet, "ZYX")[0],
        forcing=ogcm.Forcing(
            tau_x=ogcm.Series.monthly(taux),
            tau_y=ogcm.Series.monthly(tauy),
            heat_flux=ogcm.Series.monthly(into_the_sea("qnet", "heat flux")),
            fresh_water=ogcm.Series.monthly(into_the_sea("emp", "fresh water")),
            T_star=ogcm.Series.monthly(np.maximum(filled("sst", "temperature"), -1.9)),
            S_star=ogcm.Series.monthly(filled("sss", "salinity")),
            rate_T=dz[0] / (60 * DAY),
            rate_S=dz[0] / (180 * DAY),
        ),
        parameters=chosen | dict(parameters or {}),
        **(settings | numerics),
    )
    model.places = {
        "transport": {"x": 294.0, "y": (-70.0, -54.0)},  # Drake Passage
        "overturning": {"x": (-80.0, 0.0), "y": 26.0, "z": -1000.0},
        "heat_content": {"x": (-80.0, 0.0), "y": (0.0, 65.0)},  # the North Atlantic
    }
    return model
