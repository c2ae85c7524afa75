"""The formats in which an output is stored: NetCDF4 files and Zarr stores, by the ending of the name."""

from pathlib import Path
from typing import TypeAlias

import h5netcdf

from ogcm.names import is_zarr
from ogcm.netcdf_store import NetCDFStore
from ogcm.zarr_store import ZarrFile, ZarrStore

OpenFile: TypeAlias = h5netcdf.File | ZarrFile  # what is read and written, with one interface


def store_of(path: str | Path) -> type[NetCDFStore] | type[ZarrStore]:
    """Return the class that stores an output of this name, and reads it."""
    return ZarrStore if is_zarr(path) else NetCDFStore
