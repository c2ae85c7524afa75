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
def nudge_ad(C, outside, rate, places, ramp, thickness, mask, D_ad, C_ad, rate_ad):
    """Add the adjoint of the nudging with respect to the field and the rate.

    Parameters
    ----------
    C : ndarray, shape (nk, nj, ni)
        The field.
    outside : ndarray, shape (nk, 1, N)
        What is outside.
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
    """
    nk, nj, ni = C.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                n = places[j, i]
                if n >= 0:
                    wet, sent = mask[k, j, i], masked(mask[k, j, i], D_ad[k, j, i])
                    C_ad[k, j, i] -= nudging_rate(rate, ramp, thickness, mask, k, j, i) * sent
                    share = masked(wet, ramp[j, i] * thickness[layer_index(thickness, k), j, i])
                    rate_ad[0, j, i] += share * masked(wet, outside[k, 0, n] - C[k, j, i]) * sent


@kernel
def nudge_outside_ad(rate, ramp, thickness, mask, rows, columns, D_ad, outside_ad):
    """Add the adjoint of the nudging with respect to what is outside.

    Parameters
    ----------
    rate : ndarray, shape (1, nj, ni)
        Rate at the rim [s-1].
    ramp : ndarray, shape (nj, ni)
        Share of the rate [1], 0 outside the zone.
    thickness : ndarray, shape (1, nj, ni) or (nk, nj, ni)
        Factor that the tendency contains.
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land.
    rows, columns : ndarray of int32, shape (N,)
        Places of the points of the list.
    D_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency.
    outside_ad : ndarray, shape (nk, 1, N)
        Adjoint of what is outside, added to.
    """
    nk, lists, ni = outside_ad.shape
    for j in prange(lists):
        for k in range(nk):
            for i in range(ni):
                to_j, to_i = rows[i], columns[i]
                sent = masked(mask[k, to_j, to_i], D_ad[k, to_j, to_i])
                outside_ad[k, j, i] += nudging_rate(rate, ramp, thickness, mask, k, to_j, to_i) * sent
