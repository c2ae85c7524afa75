"""Normalisation of the features of a corrector: mean and standard deviation of each row over the wet cells."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ogcm.tiles import Tile

Array = np.ndarray


class Normalisation(NamedTuple):
    """Mean (rows,) of each row of the features, and one over its standard deviation, 0 where it does not vary."""

    mean: Array
    r_deviation: Array


def normalisation(features: Sequence[Array], wet: Array, tile: Tile) -> Normalisation:
    """Return the statistics of features (rows, ny, nx), one array for each state, over the `wet` cells of each row.

    A row that hardly varies, such as the Coriolis parameter on an f-plane, is always 0 after normalisation. The sums
    are exact and those of all tiles.
    """
    count = len(features) * tile.add(wet.sum((1, 2)))
    mean = tile.totals(np.stack([x * wet for x in features], axis=1)) / np.maximum(count, 1)
    squares = [((x - mean[:, None, None]) * wet) ** 2 for x in features]
    deviation = np.sqrt(tile.totals(np.stack(squares, axis=1)) / np.maximum(count, 1))
    varies = deviation > 1e-6 * np.maximum(np.abs(mean), 1e-300)
    return Normalisation(mean, np.divide(1.0, deviation, out=np.zeros_like(deviation), where=varies))
