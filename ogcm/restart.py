"""Restart files: the whole state of a run as HDF5, from which it continues to the bit.

A restart gets its name when it is complete, and is sealed (`ogcm.files`). Beside the state it holds the ocean to which
the state belongs; a model of another ocean refuses it. It holds fields of the whole ocean, with halo, also if the ocean
is divided into tiles: then the first process writes them layer by layer, and each process reads its part.
"""

import json
import operator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ogcm import files, provenance
from ogcm.backend import HALO
from ogcm.errors import FileError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.state import State
from ogcm.tiles import Tile
from ogcm.variables import wet_points

RESTART = "ogcm restart 2"
OCEAN = {  # descriptions, by the name in a restart file
    "x": "the coordinate x",
    "y": "the coordinate y",
    "dx": "the width of the cells along x",
    "dy": "the width of the cells along y",
    "periodic": "its periodic sides (y, x)",
    "f": "the Coriolis parameter",
    "dz": "the thickness of the layers",
    "bottom": "the number of wet layers in a column",
    "depth": "the depth of the sea floor",
}


def restart_bytes(model: Model) -> int:
    """Return the size of a restart file of the model, of all tiles together [bytes]."""
    levels = 1 + (model.numerics.integrator == "ab2")
    ny, nx = model.grid.tile.shape
    cells, nk = (ny + 2 * HALO) * (nx + 2 * HALO), len(model.dz)
    layers = sum(nk if a.ndim == 3 else 1 for a in model.state)
    ocean = sum(ny * nx * a.itemsize if a.ndim == 2 else 8 * (ny + nx) for a in geometry(model).values())
    return ocean + levels * layers * cells * model.state.u.itemsize


def geometry(model: Model) -> dict[str, np.ndarray]:
    """Return the arrays that distinguish one ocean from another, those of the tile; `OCEAN` explains their names."""
    horizontal, grid = model.horizontal, model.grid
    maps = {"dx": grid.dx_t, "dy": grid.dy_t, "f": grid.f, "bottom": grid.bottom_t, "depth": grid.depth_t}
    found = {"x": horizontal.x_t, "y": horizontal.y_t, "dz": model.dz, "periodic": np.array(grid.tile.periodic)}
    return found | {name: interior(a) for name, a in maps.items()}


def in_whole(tile: Tile, name: str) -> tuple[tuple[slice, ...], tuple[int, ...]]:
    """Return where the part of a tile lies in an array of `geometry` of the whole ocean, and the shape of that array.

    Both are empty for an array that all tiles share.
    """
    ny, nx = tile.shape
    if name in ("x", "y"):
        return ((tile.columns,), (nx,)) if name == "x" else ((tile.rows,), (ny,))
    return ((), ()) if name in ("dz", "periodic") else ((tile.rows, tile.columns), (ny, nx))


def save_restart(path: str | Path, model: Model, state: State | None = None) -> None:
    """Write a restart file: the whole state, to the bit.

    For a model that is divided into tiles all processes must call it; the first one writes.

    Parameters
    ----------
    path : str or Path
        The file, which is replaced if it exists.
    model : Model
        The model.
    state : State, optional
        The state, which may be on a GPU; default that of the model.

    Raises
    ------
    FileError
        If the disk fails.
    """
    path, tile, state = Path(path), model.grid.tile, (state or model.state).to("cpu")
    attributes = {"format": RESTART, "name": model.name, "tracers": model.numerics.has_tracers}
    attributes |= {"config": json.dumps(provenance.config_in(path.parent, model), default=str)}
    attributes |= provenance.model_attributes(model)
    with files.write_together(path, "the restart", tile) as f:
        for group, s in (("state", state), ("previous", state.previous)):
            for name, a in {} if s is None else s.arrays().items():
                write_field(f, f"{group}/{name}", a, tile, halo=True)
            if f is not None and s is not None:
                f[group].attrs.update(time=s.time, step=s.step)
        for name, a in (geometry(model) | whole_coordinates(model)).items():
            if a.ndim == 2:
                write_field(f, f"ocean/{name}", a, tile)
            elif f is not None:
                f[f"ocean/{name}"] = a
        if f is not None:
            f.attrs.update(attributes)


def whole_coordinates(model: Model) -> dict[str, np.ndarray]:
    """Return the coordinates of the whole ocean, by their names in a restart file."""
    horizontal = model.horizontal.undivided
    return {"x": horizontal.x_t, "y": horizontal.y_t}


def write_field(f: h5py.File | None, name: str, part: np.ndarray, tile: Tile, halo: bool = False) -> None:
    """Write a field of the whole ocean, of which `part` is that in the tile, to the file in the first process."""
    edge = 2 * HALO * halo
    shape = part.shape if tile.is_whole else (*part.shape[:-2], tile.shape[0] + edge, tile.shape[1] + edge)
    written: Any = None if f is None else f.create_dataset(name, shape, part.dtype)
    tile.write(part, lambda index, values: operator.setitem(written, index, values), halo)


def load_restart(path: str | Path, model: Model) -> None:
    """Give a model the state of a restart file, to the bit, also for another division into tiles.

    Parameters
    ----------
    path : str or Path
        Restart file.
    model : Model
        A model of the same ocean; its wind, mixing, schemes and time step may differ.

    Raises
    ------
    FileError
        If the file is missing, damaged, of another kind, or of another ocean.
    """
    remedy, tile = "a run leaves its restart beside its output, as .restart.h5", model.grid.tile

    def read() -> State:
        with files.read_hdf5(path, RESTART, "a restart of ogcm", remedy, sealed=tile.is_first) as f:
            return read_state(f, path, model)

    model.state.assign(tile.together(read))


def read_state(f: h5py.File, path: str | Path, model: Model) -> State:
    """Return the state in an open restart file, or its part in the tile of the model, after all checks."""
    check_ocean(f, path, model)
    if f["state/u"].dtype != model.state.u.dtype:
        raise FileError(
            f"{path}: holds {f['state/u'].dtype}, this model runs in {model.state.u.dtype}; "
            f"continue with precision={str(f['state/u'].dtype)!r}"
        )
    check_fields(list(f["state"]), path, model)
    states = {}
    for group in ("state", "previous"):
        if group in f:
            g = f[group]
            fields: dict[str, Any] = {name: read_field(g[name], path, name, model) for name in model.state.names}
            states[group] = State(**fields, time=float(g.attrs["time"]), step=int(g.attrs["step"]))
            check_values(states[group], path, model)
    states["state"].previous = states.get("previous")
    return states["state"]


def check_fields(stored: list[str], path: str | Path, model: Model) -> None:
    """Raise FileError unless a restart file and the model have the same fields."""
    for name in stored:
        if name not in model.state.names:
            remedy = "use the vertical_mixing that it had" if name == "tke" else "add it (Model.add_tracer)"
            raise FileError(f"{path}: holds the field {name}, which this model lacks; {remedy}")
    for name in model.state.names:
        if name not in stored:
            raise FileError(
                f"{path}: lacks the field {name} of this model; load it into a model without the field and set that of "
                "this model from it (Model.set)"
            )


def read_field(stored: h5py.Dataset, path: str | Path, name: str, model: Model) -> np.ndarray:
    """Return the part of a field with halo that lies in the tile. Raises FileError for a field of another shape."""
    (ny, nx), wanted = model.grid.tile.shape, getattr(model.state, name).shape
    whole = (*wanted[:-2], ny + 2 * HALO, nx + 2 * HALO)
    if stored.shape != whole:
        raise FileError(f"{path}: {name} has the shape {stored.shape}, this model's is {whole}")
    return stored[(..., *model.grid.tile.cells_with_halo)]


def check_ocean(f: h5py.File, path: str | Path, model: Model) -> None:
    """Raise FileError if the ocean of an open restart file differs from that of the model by more than round-off."""
    tile = model.grid.tile
    for name, here in geometry(model).items():
        here, stored = np.asarray(here), f[f"ocean/{name}"]
        part, whole = in_whole(tile, name)
        if stored.shape != (whole or here.shape):
            raise FileError(
                f"{path}: is of another ocean: {OCEAN[name]} has the shape {stored.shape} there, {whole or here.shape} "
                "in this model; use the options of the first run"
            )
        there = stored[part]
        round_off = max(1e-9, 100 * np.finfo(here.dtype).eps) * np.abs(here).max() if here.dtype.kind == "f" else 0
        wrong = np.argwhere(~(np.abs(there.astype(float) - here) <= round_off))
        if len(wrong):
            place = tuple(wrong[0].tolist())
            there, here = there[place], here[place]
            place = tuple(n + cells.start for n, cells in zip(place, part, strict=True)) if part else place
            raise FileError(
                f"{path}: is of another ocean: {OCEAN[name]} is {there} there and {here} in this model, "
                f"at {place}; use the options of the first run"
            )
    if f.attrs["tracers"] != model.numerics.has_tracers:
        one, other = ("without", "with") if model.numerics.has_tracers else ("with", "without")
        raise FileError(
            f"{path}: is of an ocean {one} tracers, this model is {other}; use the equation of state it had"
        )


def check_values(state: State, path: str | Path, model: Model) -> None:
    """Raise FileError for a value over water that is not finite."""
    for name, a in state.arrays().items():
        wrong = np.argwhere(~np.isfinite(interior(a)) & wet_points(model, name))
        if len(wrong):
            value, place = interior(a)[tuple(wrong[0])], model.grid.tile.in_whole(tuple(wrong[0]))
            raise FileError(f"{path}: {name} is {value} at {place}; use an earlier restart")
