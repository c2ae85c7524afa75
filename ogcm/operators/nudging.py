"""Nudging towards what is outside, in a zone along open sides.

    D += rate ramp h (outside - C)          ramp falls from 1 at the rim to 0 at the end of the zone

with the resting thickness h of the layers for tracers and 1 for velocities, as all tendencies D contain.

Adjoint, in `adjoint/operators/nudging.py`:
    C_ad -= rate ramp h D_ad,   outside_ad += rate ramp h D_ad,   rate_ad += sum_k ramp h (outside - C) D_ad

No kinks.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, point
from ogcm.operators.stencils import layer_index, masked


@point
def nudging_rate(rate, ramp, thickness, mask, k, j, i):
    """Return rate ramp h at a point in water, 0 on land."""
    return masked(mask[k, j, i], rate[0, j, i] * ramp[j, i] * thickness[layer_index(thickness, k), j, i])


@kernel
def nudge(C, outside, rate, places, ramp, thickness, mask, D):
    """Add the nudging of a field to its tendency.

    Parameters
    ----------
    C : ndarray, shape (nk, nj, ni)
        The field.
    outside : ndarray, shape (nk N,)
        What is outside, at the N points of a list, layer after layer.
    rate : ndarray, shape (1, nj, ni)
        Rate at the rim [s-1].
    places : ndarray of int32, shape (nj, ni)
        Number of each point of the zone in the list, -1 elsewhere.
    ramp : ndarray, shape (nj, ni)
        Share of the rate [1].
    thickness : ndarray, shape (1, nj, ni) or (nk, nj, ni)
        Factor that the tendency contains: the resting thickness [m] or 1.
    mask : ndarray of int8, shape (nk, nj, ni)
        1 in water, 0 on land.
    D : ndarray, shape (nk, nj, ni)
        Tendency times `thickness`, added to on the interior.
    """
    nk, nj, ni = C.shape
    points = outside.shape[0] // nk
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                n = places[j, i]
                if n >= 0:
                    factor = nudging_rate(rate, ramp, thickness, mask, k, j, i)
                    D[k, j, i] += masked(mask[k, j, i], factor * (outside[k * points + n] - C[k, j, i]))
