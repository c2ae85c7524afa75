"""Normalisation of the features of a corrector: mean and standard deviation of each row over the wet cells."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Array = np.ndarray


class Normalisation(NamedTuple):
    """Mean (rows,) of each row of the features, and one over its standard deviation, 0 where it does not vary."""

    mean: Array
    r_deviation: Array


def normalisation(features: Sequence[Array], wet: Array) -> Normalisation:
    """Return the statistics of features (rows, ny, nx), one array for each state, over the `wet` cells of each row.

    A row that hardly varies, such as the Coriolis parameter on an f-plane, is always 0 after normalisation.
    """
    count = len(features) * np.maximum(wet.sum((1, 2)), 1)
    mean = sum((x * wet).sum((1, 2)) for x in features) / count
    deviation = np.sqrt(sum(((x - mean[:, None, None]) ** 2 * wet).sum((1, 2)) for x in features) / count)
    varies = deviation > 1e-6 * np.maximum(np.abs(mean), 1e-300)
    return Normalisation(mean, np.divide(1.0, deviation, out=np.zeros_like(deviation), where=varies))
