"""Files of observations of ROMS: one dimension `datum`, and along it type, value, variance, time and place.

obs_type        1 sea level, 4 and 5 velocity along x and y, 6 potential temperature, 7 practical salinity; 2 and 3,
                the velocity of the depth mean, are left out with a warning
obs_error       error VARIANCE
obs_time        days since a date
obs_lon, lat    [degrees]; or obs_Xgrid, obs_Ygrid, counted from the first rho point of the file `grid`
obs_depth       [m] where it is negative; a positive number is that of a level, from 1 at the floor, and needs the
                files `grid` and `levels`, but for the last one, the surface
obs_provenance  origin, which becomes the platform; named by its flag_meanings
"""

import warnings
from pathlib import Path

import numpy as np

from adjoint.observations.columns import File, complete
from adjoint.observations.points import Points
from adjoint.observations.water import in_kinds_of_model
from ogcm.data.reader import read_values
from ogcm.data.s_levels import find_s_levels
from ogcm.data.source import open_dataset
from ogcm.errors import FileError, InputError

Array = np.ndarray
FIELDS = {1: "eta", 4: "u", 5: "v", 6: "T", 7: "S"}


def read_roms(
    file: File, *, grid: str | Path | None = None, levels: str | Path | None = None, positive: str | None = None
) -> list[Points]:
    """Return the observations in a file of ROMS.

    Parameters
    ----------
    file : File
        The file.
    grid : str or Path, optional
        Grid file of ROMS, with lon_rho, lat_rho and h. With it, places are those of obs_Xgrid and obs_Ygrid.
    levels : str or Path, optional
        File that describes the levels of ROMS (Vtransform, hc, Cs_r, s_rho); by default the grid file.
    positive : {"up", "down"}, optional
        Direction of obs_depth, if its numbers are all in m.

    Returns
    -------
    list of Points
        The observations of each field; temperature and salinity in the kinds of the model.

    Raises
    ------
    FileError
        Where the file lacks a variable or holds no observation.
    InputError
        For values that cannot be used, and for levels without a description.
    """
    if positive not in (None, "up", "down"):
        raise InputError(f'positive: is "up" or "down", got {positive!r}')
    kind = file.numbers("obs_type").astype(int)
    value, variance = file.numbers("obs_value"), file.numbers("obs_error")
    if (variance[np.isin(kind, list(FIELDS))] <= 0).any():
        n = int(np.argmax((variance <= 0) & np.isin(kind, list(FIELDS))))
        raise InputError(f"{file.path}: obs_error {n} is {variance[n]:g}; an error variance is positive")
    if grid is None:
        x, y = file.places("obs_lon", "obs_lat")
    else:
        i, j = file.numbers("obs_Xgrid"), file.numbers("obs_Ygrid")
        x, y = (on_grid(read_values(grid, name), i, j) for name in ("lon_rho", "lat_rho"))
    z = file.numbers("obs_depth")
    if positive is None:
        depth = None if grid is None else on_grid(read_values(grid, "h", "depth"), i, j)
        z = heights(file, z, depth, levels or grid)
    else:
        z = -z if positive == "down" else z
    platform = file.names("obs_provenance") if "obs_provenance" in file.ds.variables else np.full(len(x), "")
    columns = {"x": x, "y": y, "days": file.days("obs_time"), "values": value, "errors": np.sqrt(variance)}
    columns |= {"z": z, "platform": platform}
    points = []
    for number, field in FIELDS.items():
        own = {name: a[kind == number] for name, a in columns.items()}
        if field == "eta":
            own["z"] = np.zeros(len(own["x"]))
        found = complete(file.path, Points(field, **own)) if field in file.model.stepped else None
        points += [found] if found else []
    left = len(kind) - sum(len(p.x) for p in points)
    if left:
        warnings.warn(f"{file.path}: {left} of {len(kind)} observations have a type other than those of "
                      f"{', '.join(FIELDS.values())}, or lack something; they are left out", stacklevel=3)  # fmt: skip
    if not points:
        raise FileError(f"{file.path}: holds no observation of {', '.join(FIELDS.values())}")
    return in_kinds_of_model(points, file.model, temperature="potential", salinity="practical")


def on_grid(a: Array, i: Array, j: Array) -> Array:
    """Interpolate a field (ny, nx) bilinearly to points i, j (n,), counted from 0 along its axes."""
    west, south = (np.clip(np.floor(n).astype(int), 0, size - 2) for n, size in zip((i, j), a.shape[::-1], strict=True))
    e, n = i - west, j - south
    return (1 - n) * ((1 - e) * a[south, west] + e * a[south, west + 1]) + n * (
        (1 - e) * a[south + 1, west] + e * a[south + 1, west + 1]
    )


def heights(file: File, depth: Array, floor: Array | None, levels: str | Path | None) -> Array:
    """Return heights [m] from obs_depth: negative numbers are heights, positive ones count levels from the floor.

    `floor` (n,) is the depth of the sea floor. Raises InputError for levels that no file describes.
    """
    on_level = depth > 0
    if levels is None or floor is None:
        size = np.ravel(file.ds.attrs.get("grid_Lm_Mm_N", [0]))[-1]
        between = on_level & (depth != size)
        if between.any():
            n = int(np.argmax(between))
            raise InputError(
                f"{file.path}: obs_depth {n} is {depth[n]:g}, which counts levels of ROMS; give the files grid=... and "
                'levels=... that describe them, or positive="down" if the numbers are depths in m'
            )
        return np.where(on_level, 0.0, depth)
    with open_dataset(Path(levels)) as ds:
        found = find_s_levels(ds, "s_rho", str(levels))
    z = found.heights(floor)
    below = np.clip(np.floor(depth).astype(int) - 1, 0, len(z) - 2)
    column, share = np.arange(len(depth)), np.clip(depth - 1 - below, 0, 1)
    at_levels = (1 - share) * z[below, column] + share * z[below + 1, column]
    return np.where(on_level, np.where(depth >= len(z), 0.0, at_levels), depth)
