"""The result of a training in a file: the terms of a model with their weights, and physical parameters.

    nn.save("best.h5", model, parameters=["nu_h"], provenance={"data": "channel.nc"})
    nn.load("best.h5", model)          # the model receives the terms, such as the corrector, and the parameters

A corrector is constructed from the file. Any other term takes its weights from the file: the model already has it, or
it is made by the entry of its name in `ogcm.TERMS`. The file names the module of the term, but no module is imported
because a file names it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from adjoint.controls import Controls
from nn.corrector import Corrector
from nn.features import FEATURES
from nn.network import NETWORKS
from ogcm import files
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.provenance import model_attributes, note_file
from ogcm.terms import TERMS, Term, require
from ogcm.tiles import Tile

FORMAT = "ogcm trained 3"


def save(
    path: str | Path, model: Model, parameters: Sequence[str] = (), provenance: Mapping[str, str] | None = None
) -> None:
    """Write the terms of a model and some of its parameters to an HDF5 file.

    For an ocean that is divided into tiles all processes must call it; the first one writes.

    Parameters
    ----------
    path : str or Path
        The file.
    model : Model
        The model.
    parameters : sequence of str, optional
        Names of the parameters.
    provenance : mapping of str to str, optional
        Texts that describe how they were found.

    Raises
    ------
    FileError
        Where the file cannot be written.
    InputError
        For an unknown parameter, or a term that cannot be saved.
    """
    require(model.terms, ("save", "load"), "it could not be read back from a file")
    tile, values = model.grid.tile, Controls(model, parameters).values() if parameters else {}
    whole: dict[str, Any] = {name: tile.gather(value) for name, value in values.items()}
    attributes = {"format": FORMAT} | model_attributes(model)

    def write() -> None:
        with files.write_hdf5(path, "what was trained") as f:
            f.attrs.update(attributes)
            f.create_group("provenance").attrs.update(provenance or {})
            f.create_group("parameters")
            for name, value in whole.items():
                f["parameters"][name] = value
            f.create_group("terms")
            for name, term in model.terms.items():
                group = f["terms"].create_group(name)
                group.attrs.update({"class": type(term).__qualname__, "module": type(term).__module__})
                term.save(group)

    tile.on_first(write)


def load(path: str | Path, model: Model) -> dict[str, str]:
    """Give a model the terms and parameters of a file.

    A parameter that was a map needs a model of the same grid, and so does a number that is a map in the model.

    Parameters
    ----------
    path : str or Path
        A file that `save` or a training wrote.
    model : Model
        The model.

    Returns
    -------
    dict of str to str
        The provenance of the file.

    Raises
    ------
    FileError
        Where the file is missing, damaged or of another kind.
    InputError
        Where it does not fit the model, or holds parameters outside their bounds or numbers that are not finite.
    """
    remedy, tile = "`ogcm train` leaves such files", model.grid.tile
    with files.read_together(path, FORMAT, "a file of what was trained by ogcm", remedy, tile) as f:
        try:
            f.visititems(check_finite)
            values = {name: part_in_tile(name, value, tile) for name, value in f["parameters"].items()}
            check_bounds(values, model)
            controls = Controls(model, list(values)) if values else None
            if controls:
                controls.check(values)
            terms = {name: term_of(name, group, model) for name, group in f["terms"].items()}
            provenance = dict(f["provenance"].attrs)
        except InputError as error:
            text = str(error)
            raise InputError(text if str(path) in text else f"{path}: {text}") from None
    if controls:
        controls.set_values(values)
    model.terms = model.terms | terms
    note_file(model, "trained", str(path), [*values, *terms])
    return provenance


def part_in_tile(name: str, stored: h5py.Dataset, tile: Tile) -> np.ndarray:
    """Return the part of a saved parameter in a tile. Raises InputError for a map of another ocean."""
    if stored.ndim >= 2 and stored.shape[-2:] != tile.shape:
        raise InputError(
            f"{name}: its shape {stored.shape} does not fit the {tile.shape} cells of this model; train anew"
        )
    return stored[(..., tile.rows, tile.columns)] if stored.ndim >= 2 else stored[()]


def check_finite(name: str, item: h5py.Dataset | h5py.Group) -> None:
    """Raise InputError for numbers of an open file that are not finite."""
    if isinstance(item, h5py.Dataset) and not np.isfinite(values := item[()]).all():
        bad = np.asarray(values)[~np.isfinite(values)]
        raise InputError(f"{name} holds {bad.size} numbers that are not finite, such as {bad[0]}; train anew")


def check_bounds(values: Mapping[str, np.ndarray], model: Model) -> None:
    """Raise InputError for a value outside the bounds of its parameter."""
    for name, value in values.items():
        if name not in model.known_parameters:
            continue
        lower, upper = model.known_parameters[name].lower, model.known_parameters[name].upper
        wrong = value[(value < lower) | (value > upper)]
        if wrong.size:
            raise InputError(f"{name}: {wrong.flat[0]:g} lies outside its bounds, {lower:g} to {upper:g}; train anew")


def term_of(name: str, group: h5py.Group, model: Model) -> Term:
    """Return the term that was saved into a group, for `model`. Raises InputError where there is none of that name."""
    made, module = group.attrs["class"], group.attrs["module"]
    if (made, module) == (Corrector.__qualname__, Corrector.__module__):
        return read_corrector(group, model)
    term: Any = model.terms.get(name)
    if term is None and name in TERMS:
        term = TERMS[name](model)
    if type(term).__qualname__ != made:
        here = "which this model lacks" if term is None else "and the model has another of that name"
        raise InputError(
            f"{group.file.filename}: holds the term {name!r}, a {made} of the module {module}, {here}; give it that "
            f"term (model.terms[{name!r}] = {made}(...)), or import a module that registers it in ogcm.TERMS "
            "(on the command line --module FILE.py)"
        )
    term.load(group)
    return term


def read_corrector(group: h5py.Group, model: Model) -> Corrector:
    """Return the corrector that was saved into a group, bound to `model`.

    Raises InputError for one that was made for other layers, needs what the model lacks, or has features or a network
    that are not registered, and ValueError or KeyError for a damaged group.
    """
    for name, module in json.loads(group.attrs["modules"]).items():
        if name not in FEATURES and name not in NETWORKS:
            raise InputError(
                f"{group.file.filename}: was trained with {name!r}, which the module {module} registers; import that "
                "first (on the command line --module FILE.py)"
            )
    corrector = Corrector(model, **json.loads(group.attrs["config"]))
    corrector.load(group)
    return corrector
