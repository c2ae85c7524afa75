"""Samples of a network: which rows of the features, at which neighbouring cells, are the inputs of each.

A sample is a wet column (`vertical="column"`: all layers go in, all come out) or a wet cell with the cells above and
below it (`vertical="local"`: one network for all depths), each with its neighbours in the horizontal stencil. Samples
are gathered in chunks, so that memory is bounded.
"""

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from nn.features import FEATURES
from ogcm.backend import HALO
from ogcm.device import is_on_host, to_device
from ogcm.grid import Grid, interior

Array = np.ndarray
CHUNK, CHUNK_ON_GPU = 8192, 1 << 18  # samples that are gathered at once
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


def feature_rows(features: Sequence[str], layers: int) -> list[Row]:
    """Return the rows of these features in their order, by component and layer."""
    return [
        Row(name, component, k)
        for name in features
        for component in FEATURES[name].components
        for k in (range(layers) if FEATURES[name].layered else (-1,))
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
        Flat indices of the wet columns in (nj, ni), or of the wet cells in (nk, nj, ni).
    reads : ndarray, shape (rows, levels)
        The rows that a sample of each level reads at one neighbour; a column has one level.
    inputs : int
        Number of inputs of a sample.
    """

    def __init__(self, grid: Grid, rows: list[Row], features: Sequence[str], vertical: str, stencil: str) -> None:
        self.vertical, self.offsets = vertical, STENCILS[stencil]
        self.reads = rows_read(rows, features, vertical, len(grid.h_t))
        self.cells = grid.depth_t.size  # of a layer
        wet = np.zeros(grid.mask_t.shape, bool)
        interior(wet)[...] = interior(grid.mask_t) > 0
        self.samples = np.flatnonzero(wet[0] if vertical == "column" else wet)
        # The number of the first sample of each level, and the number of all.
        self.starts = np.searchsorted(self.samples, np.arange(self.reads.shape[1] + 1) * self.cells)
        self.inputs = len(self.reads) * len(self.offsets)

    def to(self, device: str) -> "Sampling":
        """Return a copy with its indices on `device`."""
        other = copy.copy(self)
        other.reads, other.samples = to_device(self.reads, device), to_device(self.samples, device)
        return other

    def chunks(self) -> list[tuple[Array, list[int]]]:
        """Return the samples in chunks whose inputs fit the cache of a CPU or the memory of a GPU.

        With each chunk come the numbers in it at which its levels begin and the last one ends.
        """
        size = CHUNK if is_on_host(self.samples) else CHUNK_ON_GPU
        parts = [(n, self.samples[n : n + size]) for n in range(0, len(self.samples), size)]
        return [(chunk, np.clip(self.starts - n, 0, len(chunk)).tolist()) for n, chunk in parts]

    def gather(self, F: Array, chunk: Array, dtype: np.dtype) -> Array:
        """Return the inputs (inputs, n) of a chunk of n samples from the features F (rows + 1, nj, ni)."""
        level, place = np.divmod(chunk, self.cells)
        flat, reads, width = F.reshape(len(F), -1), self.reads, F.shape[-1]
        X = np.empty_like(F, dtype, shape=(self.inputs, len(chunk)))
        for n, (dj, di) in enumerate(self.offsets):
            rows = slice(n * len(reads), (n + 1) * len(reads))
            if reads.shape[1] == 1:
                X[rows] = np.take(flat[: len(reads)], place + (dj * width + di), axis=1)
            else:
                X[rows] = flat[reads[:, level], place + (dj * width + di)]
        return X

    def gather_ad(self, X_ad: Array, F_ad: Array, chunk: Array, ends: list[int]) -> None:
        """Add the transpose of `gather` to F_ad, level by level, since no two samples of one level share a place."""
        place = chunk % self.cells
        flat, reads, width = F_ad.reshape(len(F_ad), -1), self.reads, F_ad.shape[-1]
        for n, (dj, di) in enumerate(self.offsets):
            rows, there = X_ad[n * len(reads) : (n + 1) * len(reads)], place + (dj * width + di)
            for k, (start, end) in enumerate(pairwise(ends)):
                flat[reads[:, k][:, None], there[start:end]] += rows[:, start:end]

    def index(self, chunk: Array) -> tuple:
        """Return the index of a chunk's samples into outputs of the shape (components, levels, nj ni)."""
        if self.vertical == "column":
            return slice(None), slice(None), chunk
        return (slice(None), *np.divmod(chunk, self.cells))

    def scale_of(self, scale: Array, chunk: Array) -> Array:
        """Return the scales (components, levels) of a chunk's outputs, as `index` takes those."""
        return scale[:, :, None] if self.vertical == "column" else scale[:, chunk // self.cells]


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


def exchange_ad(grid: Grid, a: Array) -> None:
    """Apply the transpose of `ogcm.exchange` to a (rows, nj, ni): the halo is added to the cells that it copies."""
    for axis, periodic in zip((1, 2), grid.periodic, strict=True):
        rows = np.moveaxis(a, axis, 0)
        width = len(rows) - 2 * HALO
        for n in range(HALO * periodic):
            rows[HALO + (n - HALO) % width] += rows[n]
            rows[HALO + n % width] += rows[HALO + width + n]
