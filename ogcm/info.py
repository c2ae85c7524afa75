"""The contents of a file of ogcm as text (`ogcm info FILE`)."""

from pathlib import Path

import h5netcdf
import h5py

from ogcm import files
from ogcm.constants import DAY
from ogcm.errors import FileError
from ogcm.files import BROKEN
from ogcm.names import check_exists, is_zarr
from ogcm.restart import RESTART
from ogcm.stores import OpenFile, store_of


def info(path: str | Path) -> str:
    """Return a description of a file written by ogcm. Raises FileError if it cannot be read."""
    check_exists(path)
    try:
        if is_zarr(path):
            with store_of(path).read(Path(path)) as store:
                return description(path, store)
        files.verify(path, required=False)
        with h5py.File(path, "r") as f:
            if f.attrs.get("format") == RESTART:
                s, (nk, ny, nx) = f["state"].attrs, (f["state/u"].shape[0], len(f["ocean/y"]), len(f["ocean/x"]))
                lines = [
                    f"{path}: restart of {f.attrs['name']}, step {s['step']}, day {s['time'] / DAY:g}",
                    f"  {nk} layers of {ny} x {nx} cells, {f['state/u'].dtype}",
                ]
                return "\n".join(lines)
        with h5netcdf.File(path, "r", phony_dims="sort") as f:
            return description(path, f)
    except FileError:
        raise
    except BROKEN as error:
        raise FileError(f"{path}: truncated or not a NetCDF4 file ({error})") from None


def description(path: str | Path, f: OpenFile) -> str:
    """Return the title of an output file and its contents."""
    return "\n".join([f"{path}: {f.attrs.get('title', 'no output of ogcm')}", *contents(f)])


def contents(f: OpenFile) -> list[str]:
    """Return a line for the records, one for the dimensions and one for each variable of an output file."""
    lines = []
    if "time" in f.variables and len(f["time"]):
        days = f["time"][:]
        lines.append(f"  {len(days)} records, day {days[0]:g} to {days[-1]:g}")
    lines.append("  " + ", ".join(f"{n}: {d.size}" for n, d in f.dimensions.items()))
    for name, v in f.variables.items():
        units, text = v.attrs.get("units", ""), v.attrs.get("long_name", v.attrs.get("standard_name", ""))
        lines.append(f"  {name:18} {units:12} {text} {tuple(v.dimensions)}")
    return lines
