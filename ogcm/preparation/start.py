"""The initial temperature and salinity on the cells of a model, from climatologies."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.errors import InputError
from ogcm.preparation.filling import at_heights, fill_water, layer_means
from ogcm.preparation.regridding import Places, Regridding, edges_between
from ogcm.preparation.sources import source_of

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
METHODS = ("linear", "conservative")
LEAST_SHARE = 0.5  # of the weights of an interpolation that must belong to points with values


def on_cells(name: str, source: Any, cells: Places, interfaces: Array, method: str, fill: str) -> Array:
    """Interpolate a field with layers to the cells of a model.

    Maps are interpolated where at least half of the weight belongs to points with values, so that land has no
    influence, and filled through the water of the model (`fill_water`); then profiles are interpolated.

    Parameters
    ----------
    name : str
        Name of the field, for messages.
    source : Source
        The field with z, y and x (`ogcm.preparation.sources`).
    cells : Places
        Cells of the model.
    interfaces : ndarray, shape (nk + 1, ny, nx)
        Heights of the interfaces of the layers [m], at the sea floor where they would lie below it, 0 on land.
    method : {"linear", "conservative"}
        Linear interpolation to the centres of the cells, or means over the cells.
    fill : {"harmonic", "nearest"}
        How missing values are filled.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        The field, without missing values.

    Raises
    ------
    InputError
        For an unknown method, and where the source does not reach the region.
    """
    if method not in METHODS:
        raise InputError(f"start: the method {method!r} does not exist; choose from {', '.join(METHODS)}")
    regridding = Regridding(source.lat, source.lon, cells, method if np.ndim(source.lat) == 1 else "linear")
    reached = np.isfinite(regridding(np.zeros(source.values.shape[1:])))
    if not reached.all():
        j, i = np.argwhere(~reached)[0]
        raise InputError(
            f"{name}: its file does not reach {cells.lat[j]:g} N, {cells.lon[i]:g} E; choose a smaller region"
        )
    near = np.stack([regridding.share(level) for level in np.isfinite(source.values)]) >= LEAST_SHARE
    floor = interfaces[-1]
    wet = np.concatenate([[floor < 0], source.z[1:, None, None] > floor])
    maps = fill_water(name, np.where(near, regridding(source.values), np.nan), wet, fill, cells.closes)
    if method == "conservative":
        return layer_means(maps, source.z, interfaces)
    return at_heights(maps, source.z, 0.5 * (interfaces[1:] + interfaces[:-1]))


def at_points_of(field: "xr.DataArray", other: "xr.DataArray") -> "xr.DataArray":
    """Return another field at the points of a field, linearly interpolated where they are not its own.

    Parameters
    ----------
    field : DataArray
        The field, with z, y and x.
    other : DataArray
        The other one, on longitudes and latitudes or at the same points.

    Returns
    -------
    DataArray
        The other field there, NaN where it has no value.
    """
    if all(np.array_equal(field[name].values, other[name].values) for name in ("lat", "lon", "z")):
        return other
    source, lat, lon = source_of(other), field["lat"].values, field["lon"].values
    if lat.ndim == 2:
        raise InputError(f"{field.name} and {other.name} must have the same points, since one grid is curvilinear")
    points = Places(lat, lon, edges_between(lat), edges_between(lon))
    maps = Regridding(source.lat, source.lon, points)(source.values)
    heights = np.broadcast_to(field["z"].values[:, None, None], (len(field["z"]), *maps.shape[1:]))
    return field.copy(data=at_heights(maps, other["z"].values, heights)).assign_attrs(other.attrs).rename(other.name)


def instability(T: Array, S: Array, interfaces: Array, wet: Array, lat: Array) -> Array:
    """Return by how much each layer is denser than the one below at their interface [kg m-3], 0 where it is not.

    Parameters
    ----------
    T, S : ndarray, shape (nk, ny, nx)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    interfaces : ndarray, shape (nk + 1, ny, nx)
        Heights of the interfaces [m].
    wet : ndarray of bool, shape (nk, ny, nx)
        Cells of the sea.
    lat : ndarray, shape (ny,)
        Latitude [degrees].

    Returns
    -------
    ndarray, shape (nk - 1, ny, nx)
        The differences of density.
    """
    import gsw

    pressure = gsw.p_from_z(interfaces[1:-1], lat[:, None])
    difference = gsw.rho(S[:-1], T[:-1], pressure) - gsw.rho(S[1:], T[1:], pressure)
    return np.where(wet[:-1] & wet[1:], np.maximum(difference, 0.0), 0.0)


def stabilised(T: Array, S: Array, interfaces: Array, wet: Array, lat: Array, sweeps: int = 200) -> tuple[Array, Array]:
    """Mix layers that are denser than those below with them until none is; heat and salt of a column are kept.

    Parameters
    ----------
    T, S : ndarray, shape (nk, ny, nx)
        Conservative temperature [degC] and absolute salinity [g kg-1].
    interfaces : ndarray, shape (nk + 1, ny, nx)
        Heights of the interfaces [m].
    wet : ndarray of bool, shape (nk, ny, nx)
        Cells of the sea.
    lat : ndarray, shape (ny,)
        Latitude [degrees].
    sweeps : int
        Largest number of passes from the surface down.

    Returns
    -------
    T, S : ndarray, shape (nk, ny, nx)
        The stable fields, to within 1e-6 kg m-3.
    """
    T, S, h = T.copy(), S.copy(), interfaces[:-1] - interfaces[1:]
    for _ in range(sweeps):
        unstable = instability(T, S, interfaces, wet, lat) > 1e-6
        if not unstable.any():
            break
        for k in np.flatnonzero(unstable.any(axis=(1, 2))):
            pair = slice(k, k + 2)
            mixed = instability(T[pair], S[pair], interfaces[k : k + 3], wet[pair], lat)[0] > 1e-6
            weight = h[k] / np.where(h[k] + h[k + 1] > 0, h[k] + h[k + 1], 1.0)
            for a in (T, S):
                mean = weight * a[k] + (1 - weight) * a[k + 1]
                a[pair] = np.where(mixed, mean, a[pair])
    return T, S
