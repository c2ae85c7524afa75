"""What a network of a corrector is, and those that there are.

    class Mine(Network):
        def __init__(self, inputs, outputs, *, hidden, seed, **others): self.weights = ...
        def forward(self, x): ...
        def backward(self, x, y_ad, weights_ad): ...

    NETWORKS.register("mine", Mine)
    Corrector(model, features=..., outputs=..., network="mine", hidden=(16,))

An entry of NETWORKS is called with the numbers of inputs and outputs of a sample and with the options `hidden`,
`activation`, `seed` and `dtype` of the corrector. docs/networks.md has a complete example.
"""

import copy
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import h5py
import numpy as np

from nn.mlp import MLP
from ogcm.device import to_host
from ogcm.errors import InputError
from ogcm.extensions import Registry

Array = np.ndarray


class Network:
    """A network whose `weights` (n,) are all that a trainer moves, in place. A subclass writes the two directions."""

    weights: Array

    def forward(self, x: Array) -> Array:
        """y (outputs, n) of the samples x (inputs, n), between -1 and 1: the corrector multiplies it with its scales.

        For the check by the complex step it takes complex x and weights. On a GPU x and the weights are CuPy's arrays.
        """
        raise NotImplementedError

    def backward(self, x: Array, y_ad: Array, weights_ad: Array) -> Array:
        """The adjoint x_ad (inputs, n) of the samples; adds that of the weights to `weights_ad` (n,) in place."""
        raise NotImplementedError

    def astype(self, dtype: np.dtype) -> "Network":
        """The same network with a copy of the weights in float32, float64 or complex128."""
        return self.of(self.weights.astype(dtype), np)

    def of(self, weights: Array, xp: ModuleType) -> "Network":
        """The same network with `weights` (n,) of the array module `xp`, NumPy or CuPy."""
        other = copy.copy(self)
        other.weights = weights
        return other

    def save(self, group: h5py.Group) -> None:
        """Write the weights into an empty group of an HDF5 file."""
        group["weights"] = to_host(self.weights)

    def load(self, group: h5py.Group) -> "Network":
        """The same network with the weights that `save` wrote. Raises ValueError or KeyError for a damaged group."""
        weights = group["weights"][()]
        if weights.shape != self.weights.shape or not np.isfinite(weights).all():
            raise ValueError(f"its network needs {self.weights.shape} finite weights, got {weights.shape}")
        return self.of(weights, np)


def multilayer(inputs: int, outputs: int, *, hidden: Sequence[int], activation: str, seed: int, dtype: np.dtype) -> MLP:
    """The network of `nn.mlp`, its output bounded."""
    return MLP((inputs, *hidden, outputs), activation=activation, bounded=True, seed=seed, dtype=dtype)


NETWORKS = Registry("network", {"mlp": multilayer})


def make(name: str, inputs: int, outputs: int, **options: Any) -> Network:
    """The network of that name in NETWORKS. Raises InputError for an unknown one, or one that does not do its task."""
    network = NETWORKS.find(name)(inputs, outputs, **options)
    for method in ("weights", "forward", "backward", "astype", "of", "save", "load"):
        if not hasattr(network, method):
            raise InputError(f"network: {name} has no {method!r}; derive its class from nn.network.Network")
    if NETWORKS.foreign([name]):
        y = np.shape(network.forward(np.zeros((inputs, 2))))
        if y != (outputs, 2):
            raise InputError(
                f"network: {name} makes {y} of 2 samples of {inputs} inputs; these features and outputs need "
                f"({outputs}, 2)"
            )
    return network
