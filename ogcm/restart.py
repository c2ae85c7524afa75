"""Restarts: the whole state of a run as HDF5, read again to the bit.

A restart is made in memory and reaches the disk in one piece, since HDF5 does not survive a full disk.
"""

import hashlib
import io as streams
import json
from pathlib import Path

import h5py
import numpy as np

from ogcm.errors import FileError
from ogcm.files import BROKEN, put
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.state import PROGNOSTIC, State

RESTART = "ogcm restart 1"


def restart_bytes(model: Model) -> int:
    """Bytes of a restart file."""
    levels = 1 + (model.numerics.integrator == "ab2")
    return levels * sum(a.nbytes for a in model.state.arrays().values())


def geometry(model: Model) -> dict[str, np.ndarray]:
    """What tells one ocean from another: coordinates, layers, wet cells in each column."""
    horizontal = model.horizontal
    return {"x": horizontal.x_t, "y": horizontal.y_t, "dz": model.dz, "bottom": interior(model.grid.bottom_t)}


def checksum(file: h5py.Group) -> str:
    """Hash of the arrays, times and steps of a restart, in order of their names."""
    whole = hashlib.sha256()

    def add(name: str, item: h5py.Dataset | h5py.Group) -> None:
        whole.update(name.encode())
        if isinstance(item, h5py.Dataset):
            whole.update(str(item.dtype).encode() + item[()].tobytes())
        elif "time" in item.attrs:
            whole.update(np.array([item.attrs["time"], item.attrs["step"]], float).tobytes())

    file.visititems(add)
    return whole.hexdigest()


def save_restart(path: str | Path, model: Model, state: State | None = None) -> None:
    """Write the whole state (default: the model's) to the bit. Raises FileError where the disk does not take it."""
    state = (state or model.state).to("cpu")
    whole = streams.BytesIO()
    with h5py.File(whole, "w") as f:
        for group, s in (("state", state), ("previous", state.previous)):
            if s is None:
                continue
            g = f.create_group(group)
            for name, a in s.arrays().items():
                g[name] = a
            g.attrs.update(time=s.time, step=s.step)
        for name, a in geometry(model).items():
            f[f"grid/{name}"] = a
        f.attrs.update(format=RESTART, name=model.name, shape=model.grid.h_t.shape, checksum=checksum(f))
        f.attrs["config"] = json.dumps(model.config, default=str)
        f.attrs["numerics"] = json.dumps(model.options(), default=str)
    put(path, whole, "the restart")


def load_restart(path: str | Path, model: Model) -> None:
    """Take the state of a restart file into the model, to the bit.

    Raises FileError for a file that is missing, truncated, foreign, damaged or of another grid.
    """
    if not Path(path).exists():
        raise FileError(f"{path}: does not exist; a run leaves its restart beside its output, as .restart.h5")
    try:
        with h5py.File(path, "r") as f:
            state = read_state(f, path, model)
    except FileError:
        raise
    except BROKEN as error:
        raise FileError(f"{path}: truncated, damaged or not a restart of ogcm ({error})") from None
    model.state.assign(state)


def read_state(f: h5py.File, path: str | Path, model: Model) -> State:
    """The state in an open restart file, after all checks."""
    if f.attrs.get("format") != RESTART:
        raise FileError(f"{path}: not a restart of ogcm; restarts end in .restart.h5")
    if tuple(f.attrs["shape"]) != model.grid.h_t.shape:
        raise FileError(
            f"{path}: holds a grid of (layers, rows, columns with halo) {tuple(map(int, f.attrs['shape']))}, "
            f"this model has {model.grid.h_t.shape}; use the options of the first run"
        )
    if checksum(f) != f.attrs["checksum"]:
        raise FileError(f"{path}: damaged, its checksum does not fit; use an earlier restart")
    for name, a in geometry(model).items():
        if not np.allclose(f[f"grid/{name}"][()], a, rtol=1e-9, atol=0):
            raise FileError(f"{path}: its grid differs from this model's in {name}; use the options of the first run")
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
    states["state"].previous = states.get("previous")
    return states["state"]
