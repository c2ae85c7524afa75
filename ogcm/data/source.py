"""Opening of gridded data as xarray Datasets: NetCDF-3, NetCDF-4, lists and patterns of files, objects of xarray."""

import glob
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from ogcm.errors import FileError, InputError, suggestion
from ogcm.files import BROKEN, verify
from ogcm.names import is_zarr
from ogcm.zarr_store import import_zarr

if TYPE_CHECKING:
    import xarray as xr

CLASSIC = (b"CDF\x01", b"CDF\x02")  # NetCDF-3 and its variant with 64-bit offsets
OTHERS = {  # the first bytes of other formats, with the command that converts them
    b"CDF\x05": ("a NetCDF file with 64-bit data (CDF-5)", "nccopy -k nc4 {path} FILE.nc"),
    b"GRIB": ("a GRIB file", "cdo -f nc4 copy {path} FILE.nc"),
    b"\x0e\x03\x13\x01": ("an HDF4 file", "h4toh5 {path} FILE.nc"),
}


def datasets(source: Any) -> "Generator[tuple[str, xr.Dataset]]":
    """Open the data of a source one after another, without decoding them.

    Parameters
    ----------
    source : str, Path, Dataset, DataArray or sequence of str or Path
        A file, a pattern of files such as "wind_*.nc", a list of files, or an object of xarray.

    Yields
    ------
    tuple of str and Dataset
        The name of the file, or "Dataset" or "DataArray", and its data. A file is closed when the next
        one is asked for.

    Raises
    ------
    FileError
        For files that are missing, damaged or of another format.
    InputError
        For anything else.
    """
    import xarray as xr  # imported where it is needed, since it takes time

    if isinstance(source, xr.DataArray):
        yield "DataArray", source.to_dataset(name=source.name or "field")
    elif isinstance(source, xr.Dataset):
        yield str(source.encoding.get("source", "Dataset")), source
    else:
        for path in paths(source):
            with open_dataset(path) as ds:
                yield str(path), ds


def paths(source: Any) -> list[Path]:
    """Return the files of a path, a pattern or a list, in the order of their names where a pattern found them."""
    if isinstance(source, str | Path):
        if Path(source).exists() or not glob.has_magic(str(source)):
            return [Path(source)]
        found = sorted(glob.glob(str(source), recursive=True))
        if not found:
            raise FileError(f"{source}: no file has such a name")
        return [Path(path) for path in found]
    if isinstance(source, Sequence) and source and all(isinstance(path, str | Path) for path in source):
        return [one for path in source for one in paths(path)]
    raise InputError(f"source: needs a file, files, or a Dataset or DataArray of xarray, got {type(source).__name__}")


def open_dataset(path: Path, *, verified: bool = False) -> "xr.Dataset":
    """Open a NetCDF file or a Zarr store, numbers and times as they are stored. Raises FileError where it cannot be.

    The seal of a file of ogcm, a hash of all of its bytes, is not compared where the file has been `verified` before.
    """
    import xarray as xr

    if path.is_dir() and is_zarr(path):
        import_zarr()
        try:
            return xr.open_zarr(path, decode_cf=False, chunks=None)
        except BROKEN as error:
            raise FileError(f"{path}: damaged, or not a Zarr store ({error})") from None
    if not path.is_file():
        raise FileError(f"{path}: missing; it must be a NetCDF file")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        for start, (kind, command) in OTHERS.items():
            if magic == start:
                raise FileError(f"{path}: is {kind}; convert it with `{command.format(path=path)}`")
        if magic in CLASSIC:
            return xr.open_dataset(path, engine="scipy", decode_cf=False)
        if not verified:
            verify(path, required=False)
        h5py.File(path, "r").close()  # h5netcdf prints a traceback where this fails
        return xr.open_dataset(path, engine="h5netcdf", decode_cf=False, phony_dims="access")
    except FileError:
        raise
    except (*BROKEN, TypeError, IndexError) as error:
        raise FileError(f"{path}: damaged, not a NetCDF file, or not to be read ({error})") from None


def open_with(path: str | Path, names: Sequence[str]) -> "xr.Dataset":
    """Open a file that must have some variables.

    Parameters
    ----------
    path : str or Path
        NetCDF file.
    names : sequence of str
        The variables.

    Returns
    -------
    Dataset
        The data of the file, not decoded; a context manager that closes it.

    Raises
    ------
    FileError
        For a file that cannot be read or lacks variables, with all of them in one message.
    """
    ds = open_dataset(Path(path))
    absent = [name for name in names if name not in ds.variables]
    if not absent:
        return ds
    ds.close()
    groups = []
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            groups = [name for name in file if file.get(name, getclass=True) is h5py.Group]
    where = f"; the groups {', '.join(groups)} are not read; move the variables out of them" * bool(groups)
    raise FileError(f"{path}: lacks {', '.join(absent)}; it must hold {', '.join(names)}{where}")


def with_attributes(where: str, ds: "xr.Dataset", attributes: Mapping[str, Mapping[str, Any]]) -> "xr.Dataset":
    """Return a Dataset with attributes of its variables replaced. Raises InputError for an unknown variable."""
    ds = ds.copy()
    for name, changed in attributes.items():
        if name not in ds.variables:
            raise InputError(
                f"{where}: lacks {name!r}, of which attributes are given; {suggestion(name, map(str, ds.variables))}"
            )
        ds[name].attrs = {**ds[name].attrs, **changed}
    return ds
