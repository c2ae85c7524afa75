"""The interface of the networks of a corrector, and their table.

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
    """The interface of a network; a subclass defines `weights`, `forward` and `backward`.

    Attributes
    ----------
    weights : ndarray, shape (n,)
        All weights, which a trainer changes in place.
    """

    weights: Array

    def forward(self, x: Array) -> Array:
        """Return the outputs of some samples, between -1 and 1: the corrector multiplies them by its scales.

        Parameters
        ----------
        x : ndarray, shape (inputs, n)
            The samples. They and the weights are complex in the check by the complex step, and CuPy arrays on a GPU.

        Returns
        -------
        ndarray, shape (outputs, n)
            The outputs.
        """
        raise NotImplementedError

    def backward(self, x: Array, y_ad: Array, weights_ad: Array) -> Array:
        """Add the adjoint of the weights, and return that of the samples.

        Parameters
        ----------
        x : ndarray, shape (inputs, n)
            The samples.
        y_ad : ndarray, shape (outputs, n)
            Adjoint of the outputs.
        weights_ad : ndarray, shape (m,)
            Receives the adjoint of the weights.

        Returns
        -------
        ndarray, shape (inputs, n)
            Adjoint of the samples.
        """
        raise NotImplementedError

    def astype(self, dtype: np.dtype) -> "Network":
        """Return the same network with a copy of the weights in another type.

        Parameters
        ----------
        dtype : dtype
            float32, float64 or complex128.

        Returns
        -------
        Network
            The network.
        """
        return self.with_weights(self.weights.astype(dtype), np)

    def with_weights(self, weights: Array, xp: ModuleType) -> "Network":
        """Return the same network with other weights.

        Parameters
        ----------
        weights : ndarray, shape (n,)
            The weights, which are not copied.
        xp : module
            Their array module, numpy or cupy.

        Returns
        -------
        Network
            The network.
        """
        other = copy.copy(self)
        other.weights = weights
        return other

    def save(self, group: h5py.Group) -> None:
        """Write the weights.

        Parameters
        ----------
        group : h5py.Group
            An empty group of an HDF5 file.
        """
        group["weights"] = to_host(self.weights)

    def load(self, group: h5py.Group) -> "Network":
        """Return the same network with the weights that `save` wrote.

        Parameters
        ----------
        group : h5py.Group
            The group.

        Returns
        -------
        Network
            The network.

        Raises
        ------
        ValueError, KeyError
            For a damaged group.
        """
        weights = group["weights"][()]
        if weights.shape != self.weights.shape or not np.isfinite(weights).all():
            raise ValueError(f"its network needs {self.weights.shape} finite weights, got {weights.shape}")
        return self.with_weights(weights, np)


def multilayer(inputs: int, outputs: int, *, hidden: Sequence[int], activation: str, seed: int, dtype: np.dtype) -> MLP:
    """Return the network "mlp": an `nn.MLP` with bounded outputs."""
    return MLP((inputs, *hidden, outputs), activation=activation, last="tanh", seed=seed, dtype=dtype)


NETWORKS = Registry("network", {"mlp": multilayer})


def make(name: str, inputs: int, outputs: int, **options: Any) -> Network:
    """Return a network of the table. Raises InputError for an unknown name, and for a network with a faulty
    interface."""
    network = NETWORKS.find(name)(inputs, outputs, **options)
    for method in ("weights", "forward", "backward", "astype", "with_weights", "save", "load"):
        if not hasattr(network, method):
            raise InputError(f"network: {name} has no {method!r}; derive its class from nn.Network")
    if NETWORKS.foreign([name]):
        y = np.shape(network.forward(np.zeros((inputs, 2))))
        if y != (outputs, 2):
            raise InputError(
                f"network: {name} makes {y} of 2 samples of {inputs} inputs; these features and outputs need "
                f"({outputs}, 2)"
            )
    return network


def make_all(
    name: str, inputs: int, outputs: int, rounds: int, neighbours: int, hidden: Sequence[int], **options: Any
) -> list[Network]:
    """Return the networks of a corrector: a dense layer for each round, and the network that follows them.

    Parameters
    ----------
    name : str
        A name in NETWORKS.
    inputs, outputs : int
        Numbers of inputs and outputs of a sample.
    rounds : int
        Number of hidden layers whose values are read at the neighbours.
    neighbours : int
        Number of points of the stencil.
    hidden : sequence of int
        Sizes of the hidden layers; the first `rounds` are those of the rounds.
    **options
        The options `activation`, `seed` and `dtype`.

    Returns
    -------
    list of Network
        The networks.

    Raises
    ------
    InputError
        For an unknown name, and for a network with a faulty interface.
    """
    layers: list[Any] = []
    for n, size in enumerate(hidden[:rounds]):
        seeded = options | {"seed": (options["seed"], n + 1)}
        layers.append(MLP((inputs, size), last=options["activation"], zero_last=False, **seeded))
        inputs = neighbours * size
    return [*layers, make(name, inputs, outputs, hidden=tuple(hidden[rounds:]), **options)]


def backward_of_own(network: Network, X: Array, y_ad: Array, own: Array, weights_ad: Array) -> Array:
    """Add the adjoint of the weights by the samples of the tile alone, and return that of all samples.

    Parameters
    ----------
    network : Network
        The network.
    X : ndarray, shape (inputs, n)
        The samples.
    y_ad : ndarray, shape (outputs, n)
        Adjoint of the outputs.
    own : ndarray of bool, shape (n,)
        Which samples lie in the tile.
    weights_ad : ndarray, shape (m,)
        Receives the adjoint of the weights.

    Returns
    -------
    ndarray, shape (inputs, n)
        Adjoint of the samples.
    """
    if isinstance(network, MLP):
        return network.backward(X, y_ad, weights_ad, own)
    if own.all():
        return network.backward(X, y_ad, weights_ad)
    X_ad = np.empty_like(X)
    for part, part_ad in ((own, weights_ad), (~own, np.zeros_like(weights_ad))):
        if part.any():
            X_ad[:, part] = network.backward(X[:, part], y_ad[:, part], part_ad)
    return X_ad
