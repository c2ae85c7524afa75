"""Means, standard deviations and scales of data, layer by layer."""

from typing import NamedTuple

import numpy as np

from ogcm.tiles import Tile

Array = np.ndarray
ROUND_OFF = 1e-10  # of its mean: a field that varies by less is constant
SMALLEST = 1e-3  # a layer that varies less than this part of the most variable one has that scale


class Statistics(NamedTuple):
    """Mean and standard deviation of each field and of its tendency, over water, weighted with volume.

    Attributes
    ----------
    mean, deviation : dict of str to ndarray, shape (nk,)
        By field and layer in the units of the field, eta (1,); 0 in a layer without water.
    tendency_mean, tendency_deviation : dict of str to ndarray, shape (nk,)
        The same of the difference of two records over their interval [units s-1].
    """

    mean: dict[str, Array]
    deviation: dict[str, Array]
    tendency_mean: dict[str, Array]
    tendency_deviation: dict[str, Array]


class Moments:
    """Mean and standard deviation of each layer over weighted cells and all added records, in one pass.

    Records are merged as in Chan, Golub and LeVeque (1983, doi 10.1080/00031305.1983.10483115), section 2. `weights`
    (nk, ny, nx) are 0 on land. They and the records are those of a tile, the results those of the whole ocean.
    """

    def __init__(self, weights: Array, tile: Tile) -> None:
        self.tile, total = tile, tile.totals(weights)
        self.weights = weights / np.where(total > 0, total, 1)[:, None, None]
        self.count, self.mean, self.squares = 0, np.zeros(len(weights)), np.zeros(len(weights))

    def add(self, values: Array) -> None:
        """Add a record with as many values as weights."""
        values = values.reshape(self.weights.shape)
        mean = self.tile.totals(self.weights * values)
        variance = self.tile.totals(self.weights * (values - mean[:, None, None]) ** 2)
        self.count += 1
        step = mean - self.mean
        self.mean = self.mean + step / self.count
        self.squares = self.squares + variance + step**2 * (self.count - 1) / self.count

    @property
    def deviation(self) -> Array:
        """Standard deviation of each layer (nk,)."""
        return np.sqrt(self.squares / self.count)


def floored(scale: Array) -> Array:
    """Return the scale of each layer, at least SMALLEST times that of the layer that varies most."""
    return np.maximum(scale, SMALLEST * scale.max())
