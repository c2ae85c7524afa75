"""Adjoint of `ogcm/operators/nudging.py`.

    C_ad -= rate ramp h D_ad,   outside_ad += rate ramp h D_ad,   rate_ad += sum_k ramp h (outside - C) D_ad

No kinks.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel
from ogcm.operators.nudging import nudging_rate
from ogcm.operators.stencils import layer_index, masked


@kernel
def nudge_ad(C, outside, rate, places, ramp, thickness, mask, D_ad, C_ad, rate_ad, at_points_ad):
    """Add the adjoint of the nudging with respect to the field and the rate, and compute that of what is outside.

    Parameters
    ----------
    C : ndarray, shape (nk, nj, ni)
        The field.
    outside : ndarray, shape (nk N,)
        What is outside, at the N points of a list.
    rate : ndarray, shape (1, nj, ni)
        Rate at the rim [s-1].
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the zone in the list, -1 elsewhere.
    ramp : ndarray, shape (nj, ni)
        Share of the rate [1].
    thickness : ndarray, shape (1, nj, ni) or (nk, nj, ni)
        Factor that the tendency contains.
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land.
    D_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency.
    C_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the field, added to.
    rate_ad : ndarray, shape (1, nj, ni)
        Adjoint of the rate, added to.
    at_points_ad : ndarray, shape (nk, nj, ni)
        Adjoint of what is outside, at the points of the zone, written on the interior; 0 elsewhere.
    """
    nk, nj, ni = C.shape
    points = outside.shape[0] // nk
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                n = places[j, i]
                at_points_ad[k, j, i] = 0
                if n >= 0:
                    wet, sent = mask[k, j, i], masked(mask[k, j, i], D_ad[k, j, i])
                    at_points_ad[k, j, i] = nudging_rate(rate, ramp, thickness, mask, k, j, i) * sent
                    C_ad[k, j, i] -= at_points_ad[k, j, i]
                    share = masked(wet, ramp[j, i] * thickness[layer_index(thickness, k), j, i])
                    rate_ad[0, j, i] += share * masked(wet, outside[k * points + n] - C[k, j, i]) * sent
