"""Adjoint of `ogcm/operators/extrapolation.py`.

y = x + e (x - x_before)          x_ad += (1 + e) y_ad,   x_before_ad -= e y_ad
"""

from functools import partial

import numpy as np
from numba import prange

from ogcm.backend import kernel


@partial(kernel, apart=False)  # in the first step x and x_before are one array, and so are their adjoints
def extrapolate_ad(x, x_before, e, y_ad, x_ad, x_before_ad):
    """Add the adjoint of the extrapolation, halo included.

    Parameters
    ----------
    x : ndarray, shape (nk, nj, ni)
        Field at the step n, in any units.
    x_before : ndarray, shape (nk, nj, ni)
        Field at the step n - 1.
    e : float
        Distance in time over the step [1].
    y_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the extrapolated field.
    x_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the field at the step n, added to.
    x_before_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the field at the step n - 1, added to.
    """
    nk, nj, ni = x.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                x_ad[k, j, i] += y_ad[k, j, i] + e * y_ad[k, j, i]
                x_before_ad[k, j, i] -= e * y_ad[k, j, i]
