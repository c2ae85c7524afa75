"""Zeros, for adjoint fields that are to be added to."""

import numpy as np
from numba import prange

from ogcm.backend import kernel


@kernel
def zero(a):
    for n in prange(a.size):
        a[n] = 0


def clear(*fields: np.ndarray) -> None:
    """0 everywhere: by all threads where it is worth their while."""
    for a in fields:
        if a.ndim == 2 or not isinstance(a, np.ndarray):
            a.fill(0)
        else:
            zero(a.reshape(-1))
