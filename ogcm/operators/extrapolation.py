"""Extrapolation of the state in time, for Adams-Bashforth 2.

    y = x_n + e (x_n - x_{n-1})

Adjoint: x_n_ad += (1 + e) y_ad, x_{n-1}_ad -= e y_ad.
"""

import numpy as np
from numba import prange

from ogcm.backend import kernel


@kernel
def extrapolate(x, x_before, e, y):
    """Extrapolate a field in time, halo included: y = x + e (x - x_before).

    Parameters
    ----------
    x : ndarray, shape (nk, nj, ni)
        Field at the step n, in any units.
    x_before : ndarray, shape (nk, nj, ni)
        Field at the step n - 1.
    e : float
        Distance in time over the step [1].
    y : ndarray, shape (nk, nj, ni)
        Extrapolated field, written everywhere.
    """
    nk, nj, ni = x.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                y[k, j, i] = x[k, j, i] + e * (x[k, j, i] - x_before[k, j, i])
