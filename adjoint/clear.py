"""Zeros in adjoint fields, before anything is added to them."""

import numpy as np
from numba import prange

from ogcm.backend import kernel


@kernel
def zero(a):
    """Set an array (n,) to 0.

    Parameters
    ----------
    a : ndarray, shape (n,)
        Array, which is overwritten.
    """
    for n in prange(a.size):
        a[n] = 0


def clear(*fields: np.ndarray) -> None:
    """Set fields to 0; fields in layers by all threads.

    Parameters
    ----------
    *fields : ndarray
        Fields, which are overwritten.
    """
    for a in fields:
        if a.ndim == 2 or not isinstance(a, np.ndarray):
            a.fill(0)
        else:
            zero(a.reshape(-1))
