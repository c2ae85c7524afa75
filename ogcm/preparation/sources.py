"""Fields of files around a region, as plain arrays: what regridding and filling work on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ogcm.errors import FileError, InputError
from ogcm.preparation.regridding import Places, near

Array = np.ndarray
MARGIN = 4  # points of the source beyond the region that are kept, for interpolation and filling


class Source(NamedTuple):
    """A field of a file around a region.

    Attributes
    ----------
    values : ndarray, shape (..., ny, nx)
        Values in the units of the model, NaN where they are missing; before y and x come records and layers, where
        the field has them.
    lat, lon : ndarray, shape (ny,) and (nx,), or both (ny, nx)
        Points [degrees], from south to north and from west to east.
    z : ndarray, shape (nz,), or None
        Heights of layers [m], from the surface down.
    times : ndarray, shape (nt,), or None
        Dates of records, or the numbers 1 to 12 of months.
    closes : bool
        Whether the maps close around the globe.
    standard_name : str
        Standard name of the quantity in the file, which tells the kinds of temperature and salinity apart.
    """

    values: Array
    lat: Array
    lon: Array
    z: Array | None
    times: Array | None
    closes: bool
    standard_name: str

    @property
    def is_climatology(self) -> bool:
        """True where the records are the twelve months."""
        return self.times is not None and self.times.dtype.kind in "iu"


def paths_of(entry: Mapping[str, Any], folder: Path) -> list[Path]:
    """Return the files of an entry of a configuration, which are relative to its folder; names may have wildcards.

    Raises InputError for an entry without a file, FileError where there is none of the name.
    """
    name = entry.get("file")
    if not isinstance(name, str) or not name:
        raise InputError(f"a field needs the name of its file, such as file = 'levitus.nc'; got {dict(entry)}")
    pattern = Path(name).expanduser()
    start = pattern if pattern.is_absolute() else folder / pattern
    found = sorted(start.parent.glob(start.name))
    if not found:
        raise FileError(
            f"{start}: no such file; a name in a configuration is relative to the folder of the configuration"
        )
    return found


def read_source(
    entry: Mapping[str, Any], quantity: str, folder: Path, cells: Places, axes: Sequence[str] = ("y", "x")
) -> Source:
    """Read the field of an entry of a configuration around a region.

    Parameters
    ----------
    entry : mapping
        The file, the variable and options of `ogcm.data.read_field`.
    quantity : str
        What it is, which decides the units.
    folder : Path
        Folder to which the names of files are relative.
    cells : Places
        Cells of the region.
    axes : sequence of str
        Axes that it must have besides records.

    Returns
    -------
    Source
        The field.

    Raises
    ------
    InputError, FileError
        For what cannot be read, and for other axes.
    """
    from ogcm.data import read_field

    options = {key: value for key, value in entry.items() if key not in ("file", "variable")}
    paths = paths_of(entry, folder)
    field = read_field(paths if len(paths) > 1 else paths[0], entry.get("variable"), quantity, **options)
    where = f"{paths[0]}: {field.name}"
    rest = [d for d in field.dims if d != "time"]
    if rest != list(axes):
        found = ", ".join(map(str, field.dims))
        raise InputError(f"{where} has the dimensions {found}; it must have {', '.join(axes)}")
    values, lat, lon = field.values, field["lat"].values, field["lon"].values
    closes = bool(field.attrs["periodic_x"])
    if lon.ndim == 1:
        values, lat, lon, closes = cropped(values, lat, lon, cells, closes)
    z = field["z"].values if "z" in field.dims else None
    times = None
    if "time" in field.dims:
        axis = next((name for name in ("month", "time") if name in field.coords), None)
        if axis is None:
            raise InputError(f"{where} has {len(values)} records without dates or months; give them a time axis")
        times = field[axis].values
    return Source(values, lat, lon, z, times, closes, str(field.attrs.get("standard_name", "")))


def cropped(values: Array, lat: Array, lon: Array, cells: Places, closes: bool) -> tuple[Array, Array, Array, bool]:
    """Return the part of maps around a region, of a globe with its seam opposite to the region."""
    edges = cells.lon_edges
    if closes and edges[-1] - edges[0] < 360 - 2 * (MARGIN + 1) * np.diff(lon).max():
        turned = near_each(lon, 0.5 * (edges[0] + edges[-1]))
        order = np.argsort(turned)
        lon, values, closes = turned[order], values[..., order], False
    if not closes:
        lon = near(lon, 0.5 * (edges[0] + edges[-1]))
        part = around(lon, edges)
        lon, values = lon[part], values[..., part]
    part = around(lat, cells.lat_edges)
    return values[..., part, :], lat[part], lon, closes


def near_each(lon: Array, middle: float) -> Array:
    """Return longitudes, each shifted to within 180 degrees of another one."""
    return lon - 360.0 * np.floor((lon - middle + 180.0) / 360.0)


def around(points: Array, edges: Array) -> slice:
    """Return which points lie between the outermost edges, with a margin."""
    first, last = np.searchsorted(points, [edges[0], edges[-1]])
    return slice(max(first - MARGIN, 0), min(last + MARGIN, len(points)))
