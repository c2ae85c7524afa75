"""Restart files: the whole state of a run as HDF5, from which it continues to the bit.

A restart is made in memory and written in one piece, since HDF5 does not survive a full disk; it is sealed
(`ogcm.files`). Beside the state it holds the ocean to which the state belongs; a model of another ocean refuses it.
"""

import json
from pathlib import Path

import h5py
import numpy as np

from ogcm import files, provenance
from ogcm.errors import FileError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.state import PROGNOSTIC, State

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
    """Return the size of a restart file of the model [bytes]."""
    levels = 1 + (model.numerics.integrator == "ab2")
    ocean = sum(np.asarray(a).nbytes for a in geometry(model).values())
    return ocean + levels * sum(a.nbytes for a in model.state.arrays().values())


def geometry(model: Model) -> dict[str, np.ndarray]:
    """Return the arrays that distinguish one ocean from another, by name; `OCEAN` explains the names."""
    horizontal, grid = model.horizontal, model.grid
    maps = {"dx": grid.dx_t, "dy": grid.dy_t, "f": grid.f, "bottom": grid.bottom_t, "depth": grid.depth_t}
    found = {"x": horizontal.x_t, "y": horizontal.y_t, "dz": model.dz, "periodic": np.array(grid.periodic)}
    return found | {name: interior(a) for name, a in maps.items()}


def save_restart(path: str | Path, model: Model, state: State | None = None) -> None:
    """Write a restart file: the whole state, to the bit.

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
    model.grid.tile.check_whole("a restart")
    state = (state or model.state).to("cpu")
    with files.write_hdf5(path, "the restart") as f:
        for group, s in (("state", state), ("previous", state.previous)):
            if s is None:
                continue
            g = f.create_group(group)
            for name, a in s.arrays().items():
                g[name] = a
            g.attrs.update(time=s.time, step=s.step)
        for name, a in geometry(model).items():
            f[f"ocean/{name}"] = a
        f.attrs.update(format=RESTART, name=model.name, tracers=model.numerics.has_tracers)
        f.attrs["config"] = json.dumps(model.config, default=str)
        f.attrs.update(provenance.model_attributes(model))


def load_restart(path: str | Path, model: Model) -> None:
    """Give a model the state of a restart file, to the bit.

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
    model.grid.tile.check_whole("a restart")
    remedy = "a run leaves its restart beside its output, as .restart.h5"
    with files.read_hdf5(path, RESTART, "a restart of ogcm", remedy) as f:
        state = read_state(f, path, model)
    model.state.assign(state)


def read_state(f: h5py.File, path: str | Path, model: Model) -> State:
    """Return the state in an open restart file, after all checks."""
    check_ocean(f, path, model)
    if f["state/u"].dtype != model.state.u.dtype:
        raise FileError(
            f"{path}: holds {f['state/u'].dtype}, this model runs in {model.state.u.dtype}; "
            f"continue with precision={str(f['state/u'].dtype)!r}"
        )
    states = {}
    for group in ("state", "previous"):
        if group in f:
            g = f[group]
            fields = {name: g[name][()] for name in PROGNOSTIC}
            states[group] = State(**fields, time=float(g.attrs["time"]), step=int(g.attrs["step"]))
            check_values(states[group], path, model)
    states["state"].previous = states.get("previous")
    return states["state"]


def check_ocean(f: h5py.File, path: str | Path, model: Model) -> None:
    """Raise FileError if the ocean of an open restart file differs from that of the model by more than round-off."""
    for name, here in geometry(model).items():
        there, here = f[f"ocean/{name}"][()], np.asarray(here)
        if there.shape != here.shape:
            raise FileError(
                f"{path}: is of another ocean: {OCEAN[name]} has the shape {there.shape} there, {here.shape} in this "
                "model; use the options of the first run"
            )
        round_off = max(1e-9, 100 * np.finfo(here.dtype).eps) * np.abs(here).max() if here.dtype.kind == "f" else 0
        wrong = np.argwhere(~(np.abs(there.astype(float) - here) <= round_off))
        if len(wrong):
            place = tuple(wrong[0].tolist())
            raise FileError(
                f"{path}: is of another ocean: {OCEAN[name]} is {there[place]} there and {here[place]} in this model, "
                f"at {place}; use the options of the first run"
            )
    if f.attrs["tracers"] != model.numerics.has_tracers:
        one, other = ("without", "with") if model.numerics.has_tracers else ("with", "without")
        raise FileError(
            f"{path}: is of an ocean {one} tracers, this model is {other}; use the equation of state it had"
        )


def check_values(state: State, path: str | Path, model: Model) -> None:
    """Raise FileError for a field of another shape, or a value over water that is not finite."""
    for name, a in state.arrays().items():
        if a.shape != getattr(model.state, name).shape:
            raise FileError(
                f"{path}: {name} has the shape {a.shape}, this model's is {getattr(model.state, name).shape}"
            )
        mask = getattr(model.grid, f"mask_{name}" if name in ("u", "v") else "mask_t")
        wrong = np.argwhere(interior(~np.isfinite(a) & ((mask[0] if name == "eta" else mask) > 0)))
        if len(wrong):
            place = tuple(wrong[0].tolist())
            raise FileError(f"{path}: {name} is {interior(a)[place]} at {place}; use an earlier restart")
