"""Metadata of the NetCDF files: attributes, dimensions, coordinates, and the geometry of the ocean.

The names and attributes follow CF-1.11. The variable `grid` describes the C-grid by the SGRID conventions 0.3
(https://sgrid.github.io/sgrid): T points are faces, U points `edge1`, V points `edge2`, F points nodes. Each cell has
one node at its upper end along x and y (padding low) and an interface at each end along z (padding none).
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import ogcm
from ogcm import provenance
from ogcm.grid import interior
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.model import Model
from ogcm.stores import OpenFile

FILL = np.float32(9.969209968386869e36)
CONVENTIONS = "CF-1.11, SGRID-0.3"
LOCATIONS = {"T": "face", "U": "edge1", "V": "edge2", "F": "node"}  # the points of the C-grid, as SGRID calls them
AREAS = {"T": "cell_area", "U": "cell_area_u", "V": "cell_area_v", "F": "cell_area_f"}


class Static(NamedTuple):
    """A field of the geometry of the ocean, which is the same at all times.

    Attributes
    ----------
    values : ndarray, shape (ny, nx) or (nk, ny, nx)
        The values in the tile, without halo.
    units : str
        Units, as CF writes them.
    standard_name : str
        Standard name of the CF conventions, if there is one.
    long_name : str
        Description.
    point : str
        Horizontal place: "T", "U", "V" or "F".
    """

    values: np.ndarray
    units: str
    standard_name: str
    long_name: str
    point: str = "T"


def horizontal_dimensions(model: Model) -> dict[str, tuple[str, str]]:
    """Return the names of the horizontal dimensions (y, x) of fields at T, U, V and F points."""
    y, x = model.horizontal.names
    return {"T": (y, x), "U": (y, f"{x}_f"), "V": (f"{y}_f", x), "F": (f"{y}_f", f"{x}_f")}


def describe_ocean(f: Any, model: Model, title: str, config: str, what: str) -> None:
    """Write the metadata that every file has: attributes, dimensions, coordinates and static fields.

    `title` is that of the file, `config` the configuration of the run, `what` the entry of the history. For a
    model that is divided into tiles all processes call this, with the file in the first one and None in the others.
    """
    tile, attributes = model.grid.tile, provenance.model_attributes(model)
    tile.on_first(lambda: describe_file(f, model, attributes | {"title": title, "configuration": config}, what))
    places = horizontal_dimensions(model)
    for name, field in geometry(model).items():
        dims = (*(("z",) if field.values.ndim == 3 else ()), *places[field.point])
        known = {"units": field.units, "standard_name": field.standard_name, "long_name": field.long_name}
        known = {key: text for key, text in known.items() if text} | place_attributes(field.point, name)
        tile.on_first(partial(describe_variable, f, name, dims, field.values.dtype, known))
        tile.write(field.values, partial(put, f, name, ()))


def geometry(model: Model) -> dict[str, Static]:
    """Return the fields of the geometry by name: depth, areas and lengths of cells, masks, thicknesses at rest, f."""
    grid = model.grid
    wet = {point: interior(getattr(grid, f"mask_{point.lower()}")) > 0 for point in AREAS}
    depth = np.where(wet["T"][0], interior(grid.depth_t), 0)
    found = {"depth": Static(depth, "m", "sea_floor_depth_below_geoid", "depth of the sea floor")}
    for point, area in AREAS.items():
        p, around = point.lower(), f"of the cells around {point} points"
        suffix = "" if point == "T" else f"_{p}"
        found[area] = Static(interior(getattr(grid, f"area_{p}")), "m2", "cell_area", f"area {around}", point)
        for axis in "xy":
            length = interior(getattr(grid, f"d{axis}_{p}"))
            found[f"d{axis}_{p}"] = Static(length, "m", "", f"length along {axis} {around}", point)
        mask = wet[point].astype(np.int8)
        found[f"mask{suffix}"] = Static(mask, "1", "sea_binary_mask", f"1 in water, 0 on land at {point} points", point)
        if point != "F":
            h = np.where(wet[point], interior(getattr(grid, f"h_{p}")), 0)
            text = f"thickness at rest {around}"
            found[f"cell_thickness{suffix}"] = Static(h, "m", "cell_thickness", text, point)
    found["f"] = Static(interior(grid.f), "s-1", "coriolis_parameter", "Coriolis parameter", "F")
    return found


def place_attributes(point: str, name: str = "") -> dict[str, str]:
    """Return the attributes that tell where a field lies, and the area of its cells unless `name` is that area."""
    measures = {} if name == AREAS[point] else {"cell_measures": f"area: {AREAS[point]}"}
    return measures | {"grid": "grid", "location": LOCATIONS[point]}


def describe_variable(f: OpenFile, name: str, dims: tuple[str, ...], dtype: np.dtype, known: dict) -> None:
    """Make a variable with the attributes that are `known`."""
    f.create_variable(name, dims, dtype).attrs.update(known)


def put(f: OpenFile, name: str, record: tuple[int, ...], index: tuple, values: np.ndarray | float) -> None:
    """Write values at an index of a record of a variable."""
    f[name][(*record, *index)] = values


def describe_file(f: OpenFile, model: Model, attributes: dict[str, str], what: str) -> None:
    """Write the attributes of a file, its dimensions and coordinates."""
    y, x = model.horizontal.names
    (ny, nx), nk = model.grid.tile.shape, len(model.dz)
    f.attrs["Conventions"] = CONVENTIONS
    f.attrs["source"] = f"ogcm {ogcm.__version__}"
    f.attrs["history"] = history_line(what)
    f.attrs.update(attributes)
    sizes = {"z": nk, "z_w": nk + 1, y: ny, x: nx, f"{y}_f": ny, f"{x}_f": nx, "bounds": 2}
    for name, size in sizes.items():
        f.dimensions[name] = size
    describe_topology(f, y, x)
    describe_coordinates(f, model)


def describe_topology(f: OpenFile, y: str, x: str) -> None:
    """Write the variable `grid`, which tells how the points of the C-grid lie (SGRID)."""
    grid = f.create_variable("grid", (), "i4", data=0)
    grid.attrs.update(
        cf_role="grid_topology",
        topology_dimension=2,
        node_dimensions=f"{x}_f {y}_f",
        face_dimensions=f"{x}: {x}_f (padding: low) {y}: {y}_f (padding: low)",
        vertical_dimensions="z: z_w (padding: none)",
        long_name="C-grid: T points are faces, U points edge1, V points edge2, F points nodes",
    )


def describe_coordinates(f: OpenFile, model: Model) -> None:
    """Write the coordinates of T points and of east and north faces, those of layers and interfaces, and their bounds.

    The bounds at a face are those of the cell around it, from one T point to the next.
    """
    horizontal = model.horizontal.undivided
    names, sides = dict(zip("yx", horizontal.names, strict=True)), {"y": "north", "x": "east"}
    for axis, name in names.items():
        bounds = cell_bounds(horizontal, axis)
        for place, side in (("t", ""), ("f", f" of {sides[axis]} faces")):
            full = name if place == "t" else f"{name}_f"
            v = f.create_variable(full, (full,), data=getattr(horizontal, f"{axis}_{place}").astype(float))
            v.attrs.update(axis_attributes(horizontal.units, axis), long_name=f"{name}{side}", bounds=f"{full}_bounds")
            f.create_variable(f"{full}_bounds", (full, "bounds"), data=bounds[place])
    depth = np.concatenate([[0.0], np.cumsum(model.dz)])
    for name, height in (("z", -0.5 * (depth[1:] + depth[:-1])), ("z_w", -depth)):
        v = f.create_variable(name, (name,), data=height)
        v.attrs.update(units="m", positive="up", axis="Z", standard_name="height_above_mean_sea_level")
        v.attrs["long_name"] = "height of resting layer centres" if name == "z" else "height of resting interfaces"
    f["z"].attrs["bounds"] = "z_bounds"
    f.create_variable("z_bounds", ("z", "bounds"), data=-np.stack([depth[:-1], depth[1:]], axis=1))


def axis_attributes(units: str, axis: str) -> dict[str, str]:
    """Return axis, units and standard name of a horizontal coordinate with these units (`HorizontalGrid.units`)."""
    known = {"axis": axis.upper(), "units": units}
    if units == "degrees":
        degrees = {"y": ("degrees_north", "latitude"), "x": ("degrees_east", "longitude")}[axis]
        known |= {"units": degrees[0], "standard_name": degrees[1]}
    elif units == "m":
        known["standard_name"] = f"projection_{axis}_coordinate"
    return known


def cell_bounds(horizontal: HorizontalGrid, axis: str) -> dict[str, np.ndarray]:
    """Return the two edges (n, 2) of the cells along an axis, around T points ("t") and around faces ("f")."""
    centres, faces = getattr(horizontal, f"{axis}_t"), getattr(horizontal, f"{axis}_f")
    first = 2 * centres[0] - faces[0]  # the edge of the grid, which is no face of the model
    half = centres[0] - first if getattr(horizontal, f"periodic_{axis}") else faces[-1] - centres[-1]
    edges, middles = np.array([first, *faces]), np.array([*centres, faces[-1] + half])
    return {"t": np.stack([edges[:-1], edges[1:]], axis=1), "f": np.stack([middles[:-1], middles[1:]], axis=1)}


def history_line(what: str) -> str:
    """Return a line for the attribute `history`, with the time and the version of ogcm."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} ogcm {ogcm.__version__} {what}"
