"""What a training leaves: the weights of a corrector and physical parameters, in one file, and back into a model.

trained.save("best.h5", model, parameters=["nu_h"], provenance={"data": "channel.nc"})
trained.load("best.h5", model)          # the model has the corrector and the parameters
"""

import io as streams
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py

from adjoint.controls import Controls
from nn.corrector import Corrector
from ogcm import files
from ogcm.errors import FileError, InputError, OceanError
from ogcm.model import Model

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
    files.put(path, whole, "what was trained")


def load(path: str | Path, model: Model) -> dict[str, str]:
    """Give `model` the corrector and the parameters of the file; returns its provenance.

    A parameter that was a map needs a model of the same grid; so does a number that the model has as a map. Raises
    FileError for a file that is missing, damaged or foreign, InputError for one that does not fit the model.
    """
    if not Path(path).exists():
        raise FileError(f"{path}: does not exist; `ogcm train` leaves one")
    try:
        with h5py.File(path, "r") as f:
            if f.attrs.get("format") != FORMAT:
                raise FileError(f"{path}: was not written by a training of ogcm; `ogcm train` leaves such files")
            values = {name: value[()] for name, value in f["parameters"].items()}
            corrector = Corrector.load(f["corrector"], model) if "corrector" in f else None
            provenance = dict(f["provenance"].attrs)
        if values:
            Controls(model, list(values)).put(values)
    except InputError as error:
        text = str(error)
        raise InputError(text if str(path) in text else f"{path}: {text}") from None
    except OceanError:
        raise
    except files.BROKEN as error:
        raise FileError(f"{path}: truncated, damaged or not of a training ({error}); train anew") from None
    model.corrector = corrector or model.corrector
    return provenance
