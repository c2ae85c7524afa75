"""Metadata of the NetCDF files: CF-1.11 attributes, dimensions, coordinates and static fields of the ocean."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import h5netcdf
import numpy as np

import ogcm
from ogcm import provenance
from ogcm.grid import interior
from ogcm.model import Model

FILL = np.float32(9.969209968386869e36)


def horizontal_dimensions(model: Model) -> dict[str, tuple[str, str]]:
    """Return the names of the horizontal dimensions (y, x) of fields at T, U, V and F points."""
    y, x = model.horizontal.names
    return {"T": (y, x), "U": (y, f"{x}_f"), "V": (f"{y}_f", x), "F": (f"{y}_f", f"{x}_f")}


def describe_ocean(f: Any, model: Model, title: str, config: str, what: str) -> None:
    """Write the metadata that every file has: attributes, dimensions, coordinates and static fields.

    `title` is that of the file, `config` the configuration of the run, `what` the entry of the history. For a
    model that is divided into tiles all processes call this, with the file in the first one and None in the others.
    """
    y, x = model.horizontal.names
    tile, attributes = model.grid.tile, provenance.model_attributes(model)
    tile.on_first(lambda: describe_file(f, model, attributes | {"title": title, "configuration": config}, what))
    wet = interior(model.grid.mask_t)
    static = {
        "depth": (np.where(wet[0], interior(model.grid.depth_t), 0), "m", "sea_floor_depth_below_geoid", (y, x)),
        "cell_area": (interior(model.grid.area_t), "m2", "cell_area", (y, x)),
        "mask": (wet, "1", "sea_binary_mask", ("z", y, x)),
        "cell_thickness": (interior(model.grid.h_t), "m", "cell_thickness", ("z", y, x)),
    }
    for name, (values, units, standard_name, dims) in static.items():
        known = {"units": units, "standard_name": standard_name, "long_name": name.replace("_", " ")}
        tile.on_first(partial(describe_variable, f, name, dims, values.dtype, known))
        tile.write(values, partial(put, f, name, ()))


def describe_variable(f: h5netcdf.File, name: str, dims: tuple[str, ...], dtype: np.dtype, known: dict) -> None:
    """Make a variable with the attributes that are `known`."""
    f.create_variable(name, dims, dtype).attrs.update(known)


def put(f: h5netcdf.File, name: str, record: tuple[int, ...], index: tuple, values: np.ndarray | float) -> None:
    """Write values at an index of a record of a variable."""
    f[name][(*record, *index)] = values


def describe_file(f: h5netcdf.File, model: Model, attributes: dict[str, str], what: str) -> None:
    """Write the attributes of a file, its dimensions and coordinates."""
    y, x = model.horizontal.names
    (ny, nx), nk = model.grid.tile.shape, len(model.dz)
    f.attrs["Conventions"] = "CF-1.11"
    f.attrs["source"] = f"ogcm {ogcm.__version__}"
    f.attrs["history"] = history_line(what)
    f.attrs.update(attributes)
    sizes = {"z": nk, "z_w": nk + 1, y: ny, x: nx, f"{y}_f": ny, f"{x}_f": nx, "bounds": 2}
    for name, size in sizes.items():
        f.dimensions[name] = size
    describe_coordinates(f, model)


def describe_coordinates(f: h5netcdf.File, model: Model) -> None:
    """Write the horizontal coordinates of T points and of east and north faces, and the vertical ones."""
    horizontal = model.horizontal.undivided
    y, x = horizontal.names
    degrees = horizontal.units == "degrees"
    units = {"Y": "degrees_north", "X": "degrees_east"} if degrees else {}
    standard = {"Y": "latitude", "X": "longitude"} if degrees else {}
    if horizontal.units == "m":
        standard = {"Y": "projection_y_coordinate", "X": "projection_x_coordinate"}
    for axis, name, place in (("Y", y, "y_t"), ("X", x, "x_t"), ("Y", f"{y}_f", "y_f"), ("X", f"{x}_f", "x_f")):
        v = f.create_variable(name, (name,), data=getattr(horizontal, place).astype(float))
        side = "" if place.endswith("t") else " of north faces" if axis == "Y" else " of east faces"
        v.attrs.update(units=units.get(axis, horizontal.units), long_name=f"{name.removesuffix('_f')}{side}")
        if not side:
            v.attrs["axis"] = axis
        if standard:
            v.attrs["standard_name"] = standard[axis]
    depth = np.concatenate([[0.0], np.cumsum(model.dz)])
    for name, height in (("z", -0.5 * (depth[1:] + depth[:-1])), ("z_w", -depth)):
        v = f.create_variable(name, (name,), data=height)
        v.attrs.update(units="m", positive="up", standard_name="height_above_mean_sea_level")
        v.attrs["long_name"] = "height of resting layer centres" if name == "z" else "height of resting interfaces"
    f["z"].attrs.update(axis="Z", bounds="z_bounds")
    f.create_variable("z_bounds", ("z", "bounds"), data=-np.stack([depth[:-1], depth[1:]], axis=1))


def history_line(what: str) -> str:
    """Return a line for the attribute `history`, with the time and the version of ogcm."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} ogcm {ogcm.__version__} {what}"
