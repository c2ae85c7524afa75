"""What a training leaves: the weights of a corrector and physical parameters, in one file, and back into a model.

trained.save("best.h5", model, parameters=["nu_h"], provenance={"data": "channel.nc"})
trained.load("best.h5", model)          # the model has the corrector and the parameters
"""

import io as streams
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from adjoint.controls import Controls
from nn.corrector import Corrector
from ogcm import files
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.parameters import PARAMETERS
from ogcm.provenance import note_training

FORMAT = "ogcm trained 1"


def save(
    path: str | Path, model: Model, parameters: Sequence[str] = (), provenance: Mapping[str, str] | None = None
) -> None:
    """Write the model's corrector, if it has one, and the values of the named parameters to an HDF5 file.

    `provenance`: texts that say how they were found. Raises FileError where the disk does not take it, InputError for
    an unknown parameter.
    """
    values = Controls(model, parameters).values() if parameters else {}
    whole = streams.BytesIO()
    with h5py.File(whole, "w") as f:
        f.attrs["format"] = FORMAT
        f.create_group("provenance").attrs.update(provenance or {})
        f.create_group("parameters")
        for name, value in values.items():
            f["parameters"][name] = value
        if model.corrector is not None:
            model.corrector.save(f.create_group("corrector"))
    files.put_sealed(path, whole, "what was trained")


def load(path: str | Path, model: Model) -> dict[str, str]:
    """Give `model` the corrector and the parameters of the file; returns its provenance.

    A parameter that was a map needs a model of the same grid; so does a number that the model has as a map. Raises
    FileError for a file that is missing, damaged or foreign, InputError for one that does not fit the model or holds
    what no model can run with: parameters outside their bounds, numbers that are not finite.
    """
    remedy = "`ogcm train` leaves such files"
    with files.reading(path, FORMAT, "a file of what was trained by ogcm", remedy) as f:
        try:
            f.visititems(check_finite)
            values = {name: value[()] for name, value in f["parameters"].items()}
            check_bounds(values)
            corrector = Corrector.load(f["corrector"], model) if "corrector" in f else None
            told = dict(f["provenance"].attrs)
            if values:
                Controls(model, list(values)).put(values)
        except InputError as error:
            text = str(error)
            raise InputError(text if str(path) in text else f"{path}: {text}") from None
    model.corrector = corrector or model.corrector
    note_training(model, str(path), values)
    return told


def check_finite(name: str, item: h5py.Dataset | h5py.Group) -> None:
    """Raise InputError for numbers of an open file that are not finite."""
    if isinstance(item, h5py.Dataset) and not np.isfinite(values := item[()]).all():
        bad = np.asarray(values)[~np.isfinite(values)]
        raise InputError(f"{name} holds {bad.size} numbers that are not finite, such as {bad[0]}; train anew")


def check_bounds(values: Mapping[str, np.ndarray]) -> None:
    """Raise InputError for a value outside the bounds of its parameter."""
    for name, value in values.items():
        if name not in PARAMETERS:
            continue
        lower, upper = PARAMETERS[name].lower, PARAMETERS[name].upper
        wrong = value[(value < lower) | (value > upper)]
        if wrong.size:
            raise InputError(f"{name}: {wrong.flat[0]:g} lies outside its bounds, {lower:g} to {upper:g}; train anew")
