"""Vectors of grids whose axes do not point east and north, or whose components lie at the faces of cells.

    east, north = read_vector("roms_his.nc", ("u", "v"), "velocity", angle="angle")

A component at the faces between cells becomes the mean of the two faces of each cell. A face that is missing lies on
land and lets nothing through; it counts as 0 where the other one is water. Beyond the first and the last face of a
file, the nearest one is taken. Both components are then turned by the angle alpha from the east to the x axis of the
grid:

    east = u cos(alpha) - v sin(alpha)          north = u sin(alpha) + v cos(alpha)
"""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.data.axes import find_axes, wrapped
from ogcm.data.decoding import decoded, text
from ogcm.data.reader import read_field
from ogcm.data.source import datasets
from ogcm.data.units import convert
from ogcm.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
SAME = 0.25  # two points are the same if they are closer than this part of the distance between cells


def read_vector(
    source: Any,
    variables: tuple[str, str],
    quantity: str | None = None,
    *,
    angle: str | None = None,
    centres: str | None = None,
    grid: "str | Path | xr.Dataset | None" = None,
    **options: Any,
) -> "tuple[xr.DataArray, xr.DataArray]":
    """Read a pair of components along the axes of a grid, and return those to the east and to the north.

    Parameters
    ----------
    source : str, Path, Dataset or sequence of str or Path
        As for `read_field`.
    variables : tuple of str
        Names of the components along the x axis (ROMS xi, NEMO i, the last dimension of files) and the y axis.
    quantity : str, optional
        Name of the quantity, such as "velocity", "wind" or "stress".
    angle : str, optional
        Variable of the angle from the east to the x axis, at the centres of cells. Default: it is computed from
        latitudes and longitudes of two dimensions, unless the standard_name says "eastward"; where they have one
        dimension, the axes point east and north.
    centres : str, optional
        A variable at the centres of cells, such as "h", for components at their faces. Default: the angle, or the first
        component where both are at the same points.
    grid : str, Path or Dataset, optional
        File with `angle` and `centres`. Default: the source.
    **options : object
        Further options of `read_field`.

    Returns
    -------
    east, north : DataArray of float64
        The components as `read_field` returns them, at the centres of cells.

    Raises
    ------
    FileError
        As `read_field`.
    InputError
        As `read_field`, and for components whose places do not fit the centres.
    """
    u, v = (read_field(source, name, quantity, **options) for name in variables)
    if not centres and not angle and u.shape[-2:] != v.shape[-2:]:
        raise InputError(
            f"{variables[0]} and {variables[1]} are at other points, {u.shape[-2:]} and {v.shape[-2:]}; give a "
            'variable at the centres of the cells, such as centres="h", or the angle of the grid, angle="angle"'
        )
    place = angle or centres or variables[0]
    with closing(datasets(source if grid is None or place == variables[0] else grid)) as opened:
        where, ds = next(opened)
        turned = angle is not None or "eastward" not in u.attrs.get("standard_name", "")
        given = options.get("coordinates") or {}
        if angle is None:
            ds = ds.assign({"angle_of_grid": computed_angle(where, ds, place, given)})
        read = {key: value for key, value in options.items() if key in ("coordinates", "attributes", "west")}
        alpha = read_field(ds, angle or "angle_of_grid", "angle", **read)
    u, v = (at_centres(component, alpha) for component in (u, v))
    if not turned:
        return u, v
    sine, cosine = np.sin(np.deg2rad(alpha.values)), np.cos(np.deg2rad(alpha.values))
    return u.copy(data=u.values * cosine - v.values * sine), v.copy(data=u.values * sine + v.values * cosine)


def computed_angle(where: str, ds: "xr.Dataset", name: str, given: Any) -> "xr.DataArray":
    """Return the angle [degrees] from the east to the x axis at the points of a variable, in the order of the file.

    The x axis is the last dimension of the variable. The angle is 0 where latitude and longitude have one dimension.
    """
    import xarray as xr

    label, v = f"{where}: {name}", ds[name]
    axes = find_axes(label, ds, v, given)
    found = axes.coordinates
    if "latitude" not in found or "longitude" not in found:
        raise InputError(f"{label} has no latitude and longitude, from which the angle of the grid follows; give angle")
    dims = tuple(d for d in v.dims if d in (axes.dimensions["y"], axes.dimensions["x"]))
    lat, lon = (found[role] for role in ("latitude", "longitude"))
    attributes = {"units": "degrees", "coordinates": f"{lat.name} {lon.name}"}
    coordinates = {c.name: c for c in (lat, lon)}
    if lat.ndim < 2:
        return xr.DataArray(np.zeros([v.sizes[d] for d in dims]), coordinates, dims, attrs=attributes)
    points = [
        convert(f"{where}: {c.name}", decoded(f"{where}: {c.name}", c, c.attrs), text(c.attrs, "units"), role)
        for role, c in (("latitude", lat.transpose(*dims)), ("longitude", lon.transpose(*dims)))
    ]
    steps = wrapped(np.diff(points[1], axis=1)), np.diff(points[0], axis=1)
    east, north = (np.pad(step, ((0, 0), (1, 1)), "edge") for step in steps)
    east, north = (a[:, 1:] + a[:, :-1] for a in (east, north))
    values = np.rad2deg(np.arctan2(north, east * np.cos(np.deg2rad(points[0]))))
    return xr.DataArray(values, coordinates, dims, attrs=attributes)


def at_centres(component: "xr.DataArray", centre: "xr.DataArray") -> "xr.DataArray":
    """Return a component at the centres of cells, whose places are those of the field `centre`."""
    shift = shifts(component, centre) if component.shape[-2:] == centre.shape[-2:] else {}
    values, periodic = component.values, bool(centre.attrs.get("periodic_x"))
    for axis, name in ((-2, "y"), (-1, "x")):
        n, m = component.sizes[name], centre.sizes[name]
        if abs(n - m) > 1:
            raise InputError(f"{component.name} has {n} points along {name}, the cells {m}; they must be of one grid")
        if n == m and abs(shift.get(name, 0.0)) < SAME:
            continue
        ends = {-1: (1, 1), 0: (1, 0) if shift.get(name, 0.0) > 0 else (0, 1), 1: (0, 0)}[n - m]
        pad = [(0, 0)] * values.ndim
        pad[axis] = ends
        values = np.pad(values, pad, "wrap" if periodic and name == "x" else "edge")
        values = mean_of_faces(*(np.take(values, range(k, k + m), axis) for k in (0, 1)))
    import xarray as xr

    kept = {name: c for name, c in component.coords.items() if name not in ("lat", "lon")}
    places = {name: centre[name] for name in ("lat", "lon")}
    return xr.DataArray(values, kept | places, component.dims, component.name, component.attrs)


def mean_of_faces(low: Array, high: Array) -> Array:
    """Return the mean of the two faces of each cell, of which one may be missing on land; NaN where both are."""
    total = np.where(np.isnan(low), 0.0, low) + np.where(np.isnan(high), 0.0, high)
    return np.where(np.isnan(low) & np.isnan(high), np.nan, 0.5 * total)


def shifts(component: "xr.DataArray", centre: "xr.DataArray") -> dict[str, float]:
    """Return how far the points of a component lie from the centres along y and x, in distances of cells."""
    lat, lon = positions(centre)
    here, cosine, found = positions(component), np.cos(np.deg2rad(lat)), {}
    north, east = here[0] - lat, wrapped(here[1] - lon) * cosine
    for axis, name in enumerate("yx"):
        if lat.shape[axis] > 1:
            dy, dx = np.gradient(lat, axis=axis), np.gradient(lon, axis=axis) * cosine
            found[name] = float(np.median((north * dy + east * dx) / (dy**2 + dx**2)))
    return found


def positions(field: "xr.DataArray") -> tuple[Array, Array]:
    """Return latitude and longitude [degrees] of all points of a field, each of the shape (ny, nx)."""
    lat, lon = field["lat"].values, field["lon"].values
    if lat.ndim == 2:
        return lat, lon
    y, x = np.meshgrid(lat, lon, indexing="ij")
    return y, x
