"""A corrector in a group of an HDF5 file: its options, network, normalisation and scales."""

import json
from typing import TYPE_CHECKING

import h5py
import numpy as np

from nn.features import FEATURES
from nn.network import NETWORKS
from nn.normalisation import Normalisation
from ogcm.errors import InputError

if TYPE_CHECKING:
    from nn.corrector import Corrector

Array = np.ndarray


def write_corrector(corrector: "Corrector", group: h5py.Group) -> None:
    """Write a corrector into an empty group."""
    features = FEATURES.foreign(name for name in corrector.config["features"] if name in FEATURES)
    networks = NETWORKS.foreign([corrector.config["network"]])
    modules = {name: FEATURES[name].forward.__module__ for name in features}
    modules |= {name: type(corrector.network.stages[-1].network).__module__ for name in networks}
    group.attrs["config"], group.attrs["modules"] = json.dumps(corrector.config), json.dumps(modules)
    group["scale"], group["layers"] = corrector.scale, corrector.thickness
    group["mean"], group["r_deviation"] = corrector.normalisation
    corrector.network.save(group.create_group("network"))


def fill_corrector(corrector: "Corrector", group: h5py.Group) -> None:
    """Give a corrector the network, normalisation and scales of a group that `write_corrector` wrote.

    Raises InputError for one that was made for other layers, ValueError or KeyError for a damaged group.
    """
    layers, here = group["layers"][()], corrector.thickness
    if layers.shape != here.shape or not np.allclose(layers, here, rtol=1e-6):
        raise InputError(
            f"{group.file.filename}: was trained with layers of {np.round(layers, 2).tolist()} m, this model has "
            f"{np.round(here, 2).tolist()}; train another, or use the layers of the training"
        )
    network, scale = corrector.network.load(group["network"]), group["scale"][()]
    mean, r_deviation = group["mean"][()], group["r_deviation"][()]
    for what, found, needed in (
        ("scale", scale.shape, corrector.scale.shape),
        ("normalisation", (mean.shape, r_deviation.shape), ((len(corrector.rows),),) * 2),
    ):
        if found != needed:
            raise ValueError(f"its {what} is of size {found}, its features and outputs need {needed}")
    corrector.network, corrector.scale, corrector.scaled = network, scale, set(corrector.config["outputs"])
    corrector.normalisation = Normalisation(mean, r_deviation)
