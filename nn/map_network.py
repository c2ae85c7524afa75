"""The network of a corrector at all samples of its tile, with rounds in which neighbours exchange hidden values.

    H_1 = a(W_1 x + b_1),    H_2 = a(W_2 [H_1 at the stencil] + b_2),    ...
    O = scale tanh(network([H_rounds at the stencil]))

Without rounds, O = scale tanh(network(x)), where x are the features at the stencil (`nn.sampling`). Each round is a
*stage*: a dense layer that reads one map at the neighbours of each sample and writes another map, whose halo is filled
before the next stage reads it: a convolution. H is 0 on land, where there are no samples.

Adjoint: the stages in reverse order. Each reads the adjoint of the map that it wrote, with its halo filled, computes
its hidden values again, and adds to the adjoint of the map that it read.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import h5py
import numpy as np

from nn.network import Network, backward_of_own
from nn.sampling import CHUNK_ON_GPU, Sampling
from ogcm.device import array_module, is_on_host, to_host
from ogcm.grid import Grid, interior
from ogcm.halo import exchange

Array = np.ndarray


@dataclass
class Stage:
    """A network that reads a map F at the neighbours of each sample and writes a map Y there, multiplied by a scale.

    Parameters
    ----------
    network : Network
        The network.
    sampling : Sampling
        The samples and the rows of F that they read.
    """

    network: Network
    sampling: Sampling

    def forward(self, F: Array, scale: Array, Y: Array) -> None:
        """Compute Y = scale network(F).

        Parameters
        ----------
        F : ndarray, shape (rows, nj, ni)
            The map that is read, its halo filled.
        scale : ndarray, shape (components, levels)
            Factors of the outputs.
        Y : ndarray, shape (components, levels, nj, ni)
            Receives the outputs at the samples.
        """
        sampling, dtype = self.sampling, self.input_dtype(F)
        for chunk in sampling.chunks():
            y = self.network.forward(sampling.gather(F, chunk, dtype))
            sampling.write(y, scale, chunk, Y)

    def backward(self, F: Array, scale: Array, Y_ad: Array, grid: Grid, F_ad: Array, weights_ad: Array) -> None:
        """Add the adjoint of `forward` to that of the map and of the weights.

        Parameters
        ----------
        F : ndarray, shape (rows, nj, ni)
            The map that was read, its halo filled.
        scale : ndarray, shape (components, levels)
            Factors of the outputs.
        Y_ad : ndarray, shape (components, levels, nj, ni)
            Adjoint of the outputs, whose halo is filled here.
        grid : Grid
            The grid.
        F_ad : ndarray, shape (rows, nj, ni)
            Receives the adjoint of the map on the interior.
        weights_ad : ndarray, shape (n,)
            Receives the adjoint of the weights, that of the whole ocean.
        """
        exchange(grid, *Y_ad)
        sampling, tile, dtype = self.sampling, grid.tile, self.input_dtype(F)
        network: Any = self.network
        sums = self.exact_sums(F, scale, Y_ad, grid)
        part = np.zeros_like(weights_ad)
        for chunk in sampling.chunks(near=True):
            y_ad, X = sampling.write_ad(Y_ad, scale, chunk, dtype), sampling.gather(F, chunk, dtype)
            own = sampling.own[chunk.part]
            if sums is None:
                X_ad = backward_of_own(network, X, y_ad, own, part)
            else:
                X_ad = network.backward_exactly(X, y_ad, own, sums)
            sampling.gather_ad(X_ad, F_ad, chunk)
        if sums is None:
            weights_ad += part if tile.is_whole else array_module(part).asarray(tile.add(to_host(part)))
        else:
            weights_ad += np.concatenate([a.ravel() for layer in sums for a in layer.total(tile)])

    def exact_sums(self, F: Array, scale: Array, Y_ad: Array, grid: Grid) -> Any:
        """Return the sums in which the network adds up the adjoint of its weights exactly.

        Parameters
        ----------
        F : ndarray, shape (rows, nj, ni)
            The map that was read.
        scale : ndarray, shape (components, levels)
            Factors of the outputs.
        Y_ad : ndarray, shape (components, levels, nj, ni)
            Adjoint of the outputs.
        grid : Grid
            The grid.

        Returns
        -------
        list or None
            What `sums` of the network returns; None for a network without it, and on a GPU.
        """
        network: Any = self.network
        if not (is_on_host(Y_ad) and hasattr(network, "sums")):
            return None
        wet = interior(grid.mask_t[: Y_ad.shape[1]]) > 0
        x = np.abs(interior(F)).max((1, 2))
        y_ad = scale * np.abs(interior(Y_ad)).max((2, 3), where=wet, initial=0)
        x, y_ad = map(grid.tile.largest_of_each, (x, y_ad))
        y_ad = y_ad.ravel() if self.sampling.vertical == "column" else y_ad.max(axis=1)
        return network.sums(self.sampling.largest_inputs(x), y_ad, self.sampling.count)

    def input_dtype(self, F: Array) -> np.dtype:
        """Return the type of the inputs: that of the weights, complex for a complex state.

        Parameters
        ----------
        F : ndarray
            The map that is read.

        Returns
        -------
        numpy.dtype
            The type.
        """
        return np.result_type(self.network.weights.dtype, F.dtype if F.dtype.kind == "c" else np.float32)


class MapNetwork:
    """The stages of a corrector with one vector of weights.

    Parameters
    ----------
    networks : sequence of Network
        The dense layer of each round, and the network that follows them, as `make_all` makes them.
    sampling : Sampling
        The samples, and what the first of these networks reads.
    grid : Grid
        The grid.

    Attributes
    ----------
    weights : ndarray, shape (n,)
        The weights of all stages, which a trainer changes in place.
    stages : list of Stage
        The stages, whose weights are views of `weights`.
    """

    def __init__(self, networks: Sequence[Any], sampling: Sampling, grid: Grid) -> None:
        self.grid, self.weights = grid, np.concatenate([network.weights for network in networks])
        readings = [sampling, *(sampling.of_hidden(network.sizes[-1]) for network in networks[:-1])]
        self.stages = [Stage(network, reading) for network, reading in zip(networks, readings, strict=True)]
        self.stages = self.with_weights(self.weights, np).stages

    def forward(self, F: Array, scale: Array, O: Array) -> None:  # noqa: E741
        """Compute O = scale network(F) at the samples.

        Parameters
        ----------
        F : ndarray, shape (rows + 1, nj, ni)
            Normalised features, their halo filled.
        scale : ndarray, shape (components, nk)
            Largest absolute values of the outputs.
        O : ndarray, shape (components, nk, nj, ni)
            Receives the outputs.
        """
        self.stages[-1].forward(self.maps(F, scale)[-1], scale, O)

    def backward(self, F: Array, scale: Array, O_ad: Array, F_ad: Array, weights_ad: Array) -> None:
        """Add the adjoint of `forward` to that of the features and of the weights.

        Parameters
        ----------
        F : ndarray, shape (rows + 1, nj, ni)
            Normalised features, their halo filled.
        scale : ndarray, shape (components, nk)
            Largest absolute values of the outputs.
        O_ad : ndarray, shape (components, nk, nj, ni)
            Adjoint of the outputs, whose halo is filled here.
        F_ad : ndarray, shape (rows + 1, nj, ni)
            Receives the adjoint of the features on the interior.
        weights_ad : ndarray, shape (n,)
            Receives the adjoint of the weights, that of the whole ocean.
        """
        maps, parts_ad = self.maps(F, scale), self.parts(weights_ad)
        for n in reversed(range(1, len(self.stages))):
            H_ad = np.zeros_like(maps[n])
            self.stages[n].backward(maps[n], scale, O_ad, self.grid, H_ad, parts_ad[n])
            O_ad = H_ad.reshape(-1, self.stages[n].sampling.levels, *F.shape[1:])
            scale = np.ones_like(scale, shape=O_ad.shape[:2])
        self.stages[0].backward(F, scale, O_ad, self.grid, F_ad, parts_ad[0])

    def maps(self, F: Array, scale: Array) -> list[Array]:
        """Return what each stage reads: the features, then the hidden values of each round.

        Parameters
        ----------
        F : ndarray, shape (rows + 1, nj, ni)
            Normalised features, their halo filled.
        scale : ndarray
            An array in the memory of the scales.

        Returns
        -------
        list of ndarray, shape (rows, nj, ni)
            The maps, their halos filled.
        """
        maps = [F]
        for stage, following in zip(self.stages[:-1], self.stages[1:], strict=True):
            reads = following.sampling.reads
            H = np.zeros_like(F, stage.input_dtype(F), shape=(*reads.shape, *F.shape[1:]))
            stage.forward(maps[-1], np.ones_like(scale, shape=reads.shape), H)
            maps.append(H.reshape(-1, *F.shape[1:]))
            exchange(self.grid, maps[-1])
        return maps

    def parts(self, weights: Array) -> list[Array]:
        """Return views of the weights of each stage.

        Parameters
        ----------
        weights : ndarray, shape (n,)
            All weights, or their adjoint.

        Returns
        -------
        list of ndarray
            The views.
        """
        return np.split(weights, np.cumsum([stage.network.weights.size for stage in self.stages])[:-1].tolist())

    @property
    def nbytes(self) -> int:
        """Memory on a GPU [bytes]: weights, hidden values, and the layers of the samples of a chunk."""
        sampling, itemsize = self.stages[0].sampling, self.weights.itemsize
        widest = max(sum(getattr(s.network, "sizes", (s.sampling.inputs,))) for s in self.stages)
        rows = sum(stage.sampling.reads.size for stage in self.stages[1:])
        chunk = min(len(sampling.samples), CHUNK_ON_GPU) * widest
        return self.weights.nbytes + (rows * sampling.cells + chunk) * itemsize

    # Copies

    def with_weights(self, weights: Array, xp: ModuleType) -> "MapNetwork":
        """Return the same network with other weights.

        Parameters
        ----------
        weights : ndarray, shape (n,)
            The weights, which are not copied.
        xp : module
            Their array module, numpy or cupy.

        Returns
        -------
        MapNetwork
            The network.
        """
        other, parts = copy.copy(self), self.parts(weights)
        other.weights = weights
        other.stages = [
            Stage(s.network.with_weights(part, xp), s.sampling) for s, part in zip(self.stages, parts, strict=True)
        ]
        return other

    def with_networks(self, networks: Sequence[Network]) -> "MapNetwork":
        """Return these networks, with a copy of their weights, in the place of those of the stages.

        Parameters
        ----------
        networks : sequence of Network
            One for each stage.

        Returns
        -------
        MapNetwork
            The network.
        """
        other = copy.copy(self)
        other.stages = [Stage(network, s.sampling) for network, s in zip(networks, self.stages, strict=True)]
        weights = np.concatenate([network.weights for network in networks])
        return other.with_weights(weights, array_module(weights))

    def astype(self, dtype: np.dtype) -> "MapNetwork":
        """Return the same network with a copy of the weights in another type.

        Parameters
        ----------
        dtype : dtype
            float32, float64 or complex128.

        Returns
        -------
        MapNetwork
            The network.
        """
        return self.with_networks([stage.network.astype(dtype) for stage in self.stages])

    def to(self, device: str, weights: Array, grid: Grid) -> "MapNetwork":
        """Return a copy on a device.

        Parameters
        ----------
        device : {"cpu", "cuda"}
            The device.
        weights : ndarray, shape (n,)
            The weights there.
        grid : Grid
            The grid there.

        Returns
        -------
        MapNetwork
            The copy.
        """
        other = self.with_weights(weights, array_module(weights))
        other.grid = grid
        other.stages = [Stage(stage.network, stage.sampling.to(device)) for stage in other.stages]
        return other

    # Files

    def save(self, group: h5py.Group) -> None:
        """Write the network of each stage into a group of its own.

        Parameters
        ----------
        group : h5py.Group
            An empty group of an HDF5 file.
        """
        for n, stage in enumerate(self.stages):
            stage.network.save(group.create_group(str(n)))

    def load(self, group: h5py.Group) -> "MapNetwork":
        """Return the same network with the weights that `save` wrote.

        Parameters
        ----------
        group : h5py.Group
            The group.

        Returns
        -------
        MapNetwork
            The network.

        Raises
        ------
        ValueError, KeyError
            For a damaged group, or one with weights of other sizes.
        """
        networks = [stage.network.load(group[str(n)]) for n, stage in enumerate(self.stages)]
        found, needed = ([s.weights.shape for s in these] for these in (networks, [s.network for s in self.stages]))
        if found != needed:
            raise ValueError(f"its network is of size {found}, its features and outputs need {needed}")
        return self.with_networks(networks)
