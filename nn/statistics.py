"""Means, standard deviations and scales of data, layer by layer."""

from typing import NamedTuple

import numpy as np

Array = np.ndarray
ROUND_OFF = 1e-10  # of its mean: a field that varies by less is constant
SMALLEST = 1e-3  # a layer that varies less than this part of the most variable one has that scale


class Statistics(NamedTuple):
    """Of each field: mean and standard deviation of its layers (nk,), of eta (1,), over water, weighted with volume.

    In the units of the field; those of the tendency, the difference of two records over the interval, in units s-1.
    A layer without water has 0.
    """

    mean: dict[str, Array]
    deviation: dict[str, Array]
    tendency_mean: dict[str, Array]
    tendency_deviation: dict[str, Array]


class Moments:
    """Mean and standard deviation of each layer over weighted cells and all the records added, in one pass.

    Records are merged as in Chan, Golub and LeVeque (1983, doi 10.1080/00031305.1983.10483115), section 2.
    """

    def __init__(self, weights: Array) -> None:
        """`weights` (nk, ny, nx): 0 on land."""
        total = weights.sum(axis=(1, 2), keepdims=True)
        self.weights = weights / np.where(total > 0, total, 1)
        self.count, self.mean, self.squares = 0, np.zeros(len(weights)), np.zeros(len(weights))

    def add(self, values: Array) -> None:
        """Count in one record, of as many values as there are weights."""
        values = values.reshape(self.weights.shape)
        mean = (self.weights * values).sum(axis=(1, 2))
        variance = (self.weights * (values - mean[:, None, None]) ** 2).sum(axis=(1, 2))
        self.count += 1
        step = mean - self.mean
        self.mean = self.mean + step / self.count
        self.squares = self.squares + variance + step**2 * (self.count - 1) / self.count

    @property
    def deviation(self) -> Array:
        return np.sqrt(self.squares / self.count)


def floored(scale: Array) -> Array:
    """A scale by layer, at least SMALLEST of that of the liveliest layer."""
    return np.maximum(scale, SMALLEST * scale.max())
