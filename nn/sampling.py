"""Samples of a network: which rows of the features, at which neighbouring cells, are the inputs of each.

A sample is a wet column (`vertical="column"`: all layers go in, all come out) or a wet cell with the cells above and
below it (`vertical="local"`: one network for all depths), each with its neighbours in the horizontal stencil. Samples
are gathered in chunks, so that memory is bounded.

Adjoint: a sample in the halo towards another tile, or of a periodic side, reads features in the tile. It is computed
again here, so that each tile adds up the adjoint of its own features from all samples that read them.
"""

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from nn.features import Feature
from nn.mlp import BLOCK
from ogcm.backend import HALO, kernel, point
from ogcm.device import is_on_host, to_device
from ogcm.grid import Grid, interior

Array = np.ndarray
CHUNK, CHUNK_ON_GPU = BLOCK, 1 << 18  # samples that are gathered at once: those that pass the layers together
STENCILS = {
    "point": [(0, 0)],
    "cross": [(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)],
    "square": [(j, i) for j in (-1, 0, 1) for i in (-1, 0, 1)],
}
VERTICAL = ("column", "local")


class Row(NamedTuple):
    """One row of the features: a component of a feature in one layer (or -1: of the column)."""

    feature: str
    component: str
    layer: int


class Chunk(NamedTuple):
    """Some samples that are gathered together."""

    cells: Array  # their flat indices (n,), as in `samples`
    ends: Array  # the numbers among them at which their levels begin, and at which the last one ends (levels + 1,)
    part: slice  # their place among all samples


def feature_rows(features: Mapping[str, Feature], layers: int) -> list[Row]:
    """Return the rows of these features in their order, by component and layer."""
    return [
        Row(name, component, k)
        for name, feature in features.items()
        for component in feature.components
        for k in (range(layers) if feature.layered else (-1,))
    ]


class Sampling:
    """The samples of a grid and how their inputs are gathered from the rows of features.

    Parameters
    ----------
    grid : Grid
        The grid of the model.
    rows : list of Row
        All rows of the array of features, which has one more row of zeros behind them.
    features : sequence of str
        The features that the network reads.
    vertical : {"column", "local"}
        Whether a sample is a column or a cell.
    stencil : {"point", "cross", "square"}
        The horizontal neighbours that a sample reads.

    Attributes
    ----------
    samples : ndarray, shape (n,)
        Flat indices of the wet columns in (nj, ni), or of the wet cells in (nk, nj, ni), of the tile.
    near : ndarray, shape (m,)
        The same with those in the halo that read features of the tile, which the adjoint of the features needs.
    own : ndarray of bool, shape (m,)
        Which of these lie in the tile.
    count : int
        Number of samples of the whole ocean.
    reads : ndarray, shape (rows, levels)
        The rows that a sample of each level reads at one neighbour.
    levels : int
        Number of levels with samples; columns have one.
    steps : ndarray, shape (neighbours,)
        Distance of each neighbour in a flat map.
    number : ndarray, shape (levels nj ni,)
        On a GPU: the place of each cell in `near`, or -1.
    readers : ndarray, shape (rows + 1, most)
        On a GPU: where each row of the features is found in `reads`, level by level, then -1.
    inputs : int
        Number of inputs of a sample.
    """

    number: Array
    readers: Array

    def __init__(self, grid: Grid, rows: list[Row], features: Sequence[str], vertical: str, stencil: str) -> None:
        self.vertical, self.offsets = vertical, STENCILS[stencil]
        self.reads = rows_read(rows, features, vertical, len(grid.h_t))
        self.levels = self.reads.shape[1]
        self.cells, self.width = grid.depth_t.size, grid.depth_t.shape[1]  # of a layer
        self.steps = np.array([dj * self.width + di for dj, di in self.offsets])
        self.inputs = len(self.reads) * len(self.offsets)
        wet = grid.mask_t[:1] > 0 if vertical == "column" else grid.mask_t > 0
        inside, near, reach = np.zeros_like(wet), np.zeros_like(wet), HALO - max(map(max, self.offsets))
        interior(inside)[...] = True
        near[:, reach:-reach, reach:-reach] = True
        self.samples, self.near = np.flatnonzero(wet & inside), np.flatnonzero(wet & near)
        self.own = inside.ravel()[self.near]
        self.count = sum(grid.tile.every(len(self.samples)))
        levels = np.arange(self.levels + 1) * self.cells
        # The number of the first sample of each level, and the number of all.
        self.starts, self.starts_near = (np.searchsorted(a, levels) for a in (self.samples, self.near))

    def of_hidden(self, size: int) -> "Sampling":
        """Return the same samples, which read `size` hidden values (size levels, nj, ni) of their own level."""
        other = copy.copy(self)
        other.reads = np.arange(size * self.levels).reshape(size, self.levels)
        other.inputs = size * len(self.offsets)
        return other

    def to(self, device: str) -> "Sampling":
        """Return a copy with its indices on `device`."""
        other = copy.copy(self)
        other.number = np.full(self.levels * self.cells, -1)
        other.number[self.near] = np.arange(len(self.near))
        places = [np.flatnonzero(row == self.reads.T) for row in range(self.reads.max() + 1)]
        other.readers = np.full((len(places), max(map(len, places))), -1)
        for readers, found in zip(other.readers, places, strict=True):
            readers[: len(found)] = found
        for name in ("reads", "samples", "near", "own", "steps", "number", "readers"):
            setattr(other, name, to_device(getattr(other, name), device))
        return other

    def chunks(self, near: bool = False) -> list[Chunk]:
        """Return the samples, or those with the ones in the halo, in chunks.

        The inputs of a chunk fit into the cache of a CPU, where the network reads them, or into the memory of a GPU.
        """
        samples, starts = (self.near, self.starts_near) if near else (self.samples, self.starts)
        size = CHUNK if is_on_host(samples) else CHUNK_ON_GPU
        parts = [slice(n, min(n + size, len(samples))) for n in range(0, len(samples), size)]
        return [Chunk(samples[p], np.clip(starts - p.start, 0, p.stop - p.start), p) for p in parts]

    def gather(self, F: Array, chunk: Chunk, dtype: np.dtype) -> Array:
        """Return the inputs (inputs, n) of the n samples of a chunk from the features F (rows + 1, nj, ni)."""
        X = np.empty_like(F, dtype, shape=(self.inputs, len(chunk.cells)))
        if is_on_host(F):
            gather_inputs(F.reshape(len(F), -1), self.reads, chunk.cells % self.cells, self.steps, chunk.ends, X)
        else:
            threads = X.shape[1], len(self.reads)
            sizes = self.cells, *threads
            for_all(threads, gather_input, F, self.reads, chunk.cells, self.steps, sizes, X)
        return X

    def gather_ad(self, X_ad: Array, F_ad: Array, chunk: Chunk) -> None:
        """Add the transpose of `gather` to F_ad."""
        if is_on_host(F_ad):
            flat = F_ad.reshape(len(F_ad), -1)
            gather_inputs_ad(X_ad, self.reads, chunk.cells % self.cells, self.steps, chunk.ends, flat)
        else:
            threads, most = (self.cells, len(self.readers)), self.readers.shape[1]
            sizes = self.cells, len(self.reads), most, X_ad.shape[1], chunk.part.start
            for_all(threads, gather_input_ad, X_ad, self.readers, self.number, self.steps, sizes, F_ad)

    def largest_inputs(self, largest: Array) -> Array:
        """Return upper bounds of the inputs of a sample (inputs,) from those of the rows of features (rows + 1,)."""
        return np.tile(largest[self.reads].max(axis=1), len(self.offsets))

    def write(self, y: Array, scale: Array, chunk: Chunk, Y: Array) -> None:
        """Write the outputs y (components, n), or (components levels, n) of columns, times their scale to maps Y."""
        maps, scale = Y.reshape(-1, self.levels, self.cells), scale.reshape(-1, self.levels)
        if is_on_host(Y):
            write_outputs(y, scale, chunk.cells % self.cells, chunk.ends, maps)
        else:
            level, place = np.divmod(chunk.cells, self.cells)
            maps[:, level, place] = scale[:, level] * y

    def write_ad(self, Y_ad: Array, scale: Array, chunk: Chunk, dtype: np.dtype) -> Array:
        """Return the transpose of `write` applied to Y_ad."""
        maps, scale = Y_ad.reshape(-1, self.levels, self.cells), scale.reshape(-1, self.levels)
        y_ad = np.empty_like(Y_ad, dtype, shape=(len(maps), len(chunk.cells)))
        if is_on_host(Y_ad):
            write_outputs_ad(maps, scale, chunk.cells % self.cells, chunk.ends, y_ad)
        else:
            level, place = np.divmod(chunk.cells, self.cells)
            y_ad[...] = scale[:, level] * maps[:, level, place]
        return y_ad


def rows_read(rows: list[Row], features: Sequence[str], vertical: str, layers: int) -> Array:
    """Return the rows that samples read (rows, levels): all, or those of their layer and the two beside it.

    The number len(rows) is that of the row of zeros: above the surface and below the lowest layer.
    """
    number = {row: n for n, row in enumerate(rows) if row.feature in features}
    if vertical == "column":
        return np.array(list(number.values()))[:, None]
    reads, zeros = [], len(rows)
    for k in range(layers):
        near = [row._replace(layer=k + d) for row in number if row.layer == 0 for d in (-1, 0, 1)]
        reads.append([number.get(row, zeros) if row.layer >= 0 else zeros for row in near])
        reads[-1] += [number[row] for row in number if row.layer == -1]
    return np.array(reads).T


@partial(kernel, parallel=False)
def gather_inputs(flat, reads, place, steps, ends, X):
    """Gather the inputs of samples from features.

    Parameters
    ----------
    flat : ndarray, shape (rows + 1, nj ni)
        The features.
    reads : ndarray, shape (rows, levels)
        The rows that a sample of each level reads.
    place : ndarray, shape (n,)
        Flat index of each sample in a map.
    steps : ndarray, shape (m,)
        Distances of its neighbours.
    ends : ndarray, shape (levels + 1,)
        Numbers of the samples at which the levels begin and end.
    X : ndarray, shape (m rows, n)
        Receives the inputs.
    """
    rows, levels = reads.shape
    for m in range(len(steps)):
        for k in range(levels):
            for r in range(rows):
                source, target = flat[reads[r, k]], X[m * rows + r]
                for s in range(ends[k], ends[k + 1]):
                    target[s] = source[place[s] + steps[m]]


@partial(kernel, parallel=False)
def gather_inputs_ad(X_ad, reads, place, steps, ends, flat_ad):
    """Add the transpose of `gather_inputs`.

    A point receives what belongs to the samples around it in the order of their levels and places: the samples of all
    tiles around a point, also those beside the tile, add up in the same order in each of them.

    Parameters
    ----------
    X_ad : ndarray, shape (m rows, n)
        Adjoint of the inputs.
    reads : ndarray, shape (rows, levels)
        The rows that a sample of each level reads.
    place : ndarray, shape (n,)
        Flat index of each sample in a map.
    steps : ndarray, shape (m,)
        Distances of its neighbours.
    ends : ndarray, shape (levels + 1,)
        Numbers of the samples at which the levels begin and end.
    flat_ad : ndarray, shape (rows + 1, nj ni)
        Receives the adjoint of the features.
    """
    rows, levels = reads.shape
    for k in range(levels):
        for r in range(rows):
            target = flat_ad[reads[r, k]]
            for s in range(ends[k], ends[k + 1]):
                for m in range(len(steps)):
                    target[place[s] + steps[m]] += X_ad[m * rows + r, s]


@partial(kernel, parallel=False)
def write_outputs(y, scale, place, ends, maps):
    """Write the outputs of samples, multiplied by their scale, to maps.

    Parameters
    ----------
    y : ndarray, shape (outputs, n)
        The outputs of the samples.
    scale : ndarray, shape (outputs, levels)
        Their factors.
    place : ndarray, shape (n,)
        Flat index of each sample in a map.
    ends : ndarray, shape (levels + 1,)
        Numbers of the samples at which the levels begin and end.
    maps : ndarray, shape (outputs, levels, nj ni)
        Receive the products.
    """
    for r in range(len(y)):
        for k in range(len(ends) - 1):
            for s in range(ends[k], ends[k + 1]):
                maps[r, k, place[s]] = scale[r, k] * y[r, s]


@partial(kernel, parallel=False)
def write_outputs_ad(maps_ad, scale, place, ends, y_ad):
    """Compute the transpose of `write_outputs`, y_ad = scale maps_ad at the samples.

    Parameters
    ----------
    maps_ad : ndarray, shape (outputs, levels, nj ni)
        Adjoint of the maps.
    scale : ndarray, shape (outputs, levels)
        Factors of the outputs.
    place : ndarray, shape (n,)
        Flat index of each sample in a map.
    ends : ndarray, shape (levels + 1,)
        Numbers of the samples at which the levels begin and end.
    y_ad : ndarray, shape (outputs, n)
        Receives the adjoint of the outputs.
    """
    for r in range(len(y_ad)):
        for k in range(len(ends) - 1):
            for s in range(ends[k], ends[k + 1]):
                y_ad[r, s] = scale[r, k] * maps_ad[r, k, place[s]]


# The same for one point, on a GPU; all arrays are flat.


def for_all(threads: tuple[int, int], function: Any, *arguments: Any) -> None:
    """Call a point function on a GPU for all points of a plane, with flat views of its arrays."""
    from ogcm.cuda import launch, point_kernel

    flat = (a.reshape(-1) if getattr(a, "ndim", 0) else a for a in arguments)
    launch(point_kernel(function), (*threads, 1), *threads, *flat)


@point
def gather_input(F, reads, samples, steps, sizes, X, s, r):
    """Gather what sample s reads of the features as its row r, at all neighbours."""
    cells, n, rows = sizes
    levels = len(reads) // rows
    row, place = reads[r * levels + samples[s] // cells], samples[s] % cells
    for m in range(len(steps)):
        X[(m * rows + r) * n + s] = F[row * cells + place + steps[m]]


@point
def gather_input_ad(X_ad, readers, number, steps, sizes, F_ad, p, row):
    """Add the adjoint of all inputs that are the feature `row` at place p, of n samples from number `first` on."""
    cells, rows, most, n, first = sizes
    total = F_ad[row * cells + p]
    for e in range(row * most, (row + 1) * most):
        if readers[e] >= 0:
            level, r = readers[e] // rows, readers[e] % rows
            for m in range(len(steps)):
                q = p - steps[m]
                if 0 <= q < cells:
                    s = number[level * cells + q] - first
                    if 0 <= s < n:
                        total += X_ad[(m * rows + r) * n + s]
    F_ad[row * cells + p] = total
