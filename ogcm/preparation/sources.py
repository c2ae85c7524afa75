"""Fields of files around a region: what regridding and filling work on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ogcm.errors import FileError, InputError
from ogcm.preparation.regridding import Places, near
from ogcm.regions import shift_longitude

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
MARGIN = 4  # points of the source beyond the region that are kept, for interpolation and filling


class Source(NamedTuple):
    """A field around a region, as plain arrays.

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
    """

    values: Array
    lat: Array
    lon: Array
    z: Array | None
    times: Array | None
    closes: bool

    @property
    def is_climatology(self) -> bool:
        """True where the records are the twelve months."""
        return self.times is not None and self.times.dtype.kind in "iu"


def paths_of(entry: Mapping[str, Any], folder: Path) -> list[Path]:
    """Return the files of an entry of a configuration, which are relative to a folder; names may have wildcards.

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
            f"{start}: no such file; a name in a configuration is relative to the folder of the configuration, "
            "or to the folder that is given as `data` (`ogcm prepare CONFIG --data FOLDER`)"
        )
    return found


def read_around(
    entry: Mapping[str, Any], quantity: str, folder: Path, cells: Places, axes: Sequence[str] = ("y", "x")
) -> "xr.DataArray":
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
    DataArray
        The field; a globe has its seam opposite to the region.

    Raises
    ------
    InputError, FileError
        For what cannot be read, and for other axes.
    """
    from ogcm.data import read_field

    options = {key: value for key, value in entry.items() if key not in ("file", "variable")}
    paths = paths_of(entry, folder)
    try:
        field = read_field(paths if len(paths) > 1 else paths[0], entry.get("variable"), quantity, **options)
    except TypeError as error:
        raise InputError(f"{dict(entry)}: {error}; docs/data.md lists the options of a field") from None
    found = [str(d) for d in field.dims if d != "time"]
    if found != list(axes):
        raise InputError(
            f"{paths[0]}: {field.name} has the axes {', '.join(map(str, field.dims))}; it must have {', '.join(axes)}"
        )
    return field if field["lon"].ndim == 2 else cropped(field, cells)


def source_of(field: "xr.DataArray") -> Source:
    """Return a field as plain arrays. Raises InputError for records without dates or months."""
    times, z = None, field["z"].values if "z" in field.dims else None
    if "time" in field.dims:
        axis = next((name for name in ("month", "time") if name in field.coords), None)
        if axis is None:
            raise InputError(
                f"{field.name}: its {field.sizes['time']} records have no dates or months; add a time axis"
            )
        times = field[axis].values
    closes = bool(field.attrs["periodic_x"])
    return Source(field.values, field["lat"].values, field["lon"].values, z, times, closes)


def cropped(field: "xr.DataArray", cells: Places) -> "xr.DataArray":
    """Return the part of a field on longitudes and latitudes around a region."""
    lon, edges, closes = field["lon"].values, cells.lon_edges, bool(field.attrs["periodic_x"])
    middle = 0.5 * (edges[0] + edges[-1])
    if closes and edges[-1] - edges[0] < 360 - 2 * (MARGIN + 1) * np.diff(lon).max():
        turned = np.asarray(shift_longitude(lon, middle))
        order = np.argsort(turned)
        field, closes = field.isel(x=order).assign_coords(lon=("x", turned[order])), False
    if not closes:
        lon = near(field["lon"].values, middle)
        field = field.assign_coords(lon=("x", lon)).isel(x=around(lon, edges))
    field = field.isel(y=around(field["lat"].values, cells.lat_edges))
    return field.assign_attrs(periodic_x=int(closes))


def around(points: Array, edges: Array) -> slice:
    """Return which points lie between the outermost edges, with a margin."""
    first, last = np.searchsorted(points, [edges[0], edges[-1]])
    return slice(max(first - MARGIN, 0), min(last + MARGIN, len(points)))
