"""Adjoint of `ogcm/operators/shortwave.py`.

Forward, with the depth d_k of the top of cell k:

    out_k += q (I_k - I_{k+1}),     I_k = R E1_k + (1 - R) E2_k,   E = exp(-d_k/d);   I_0 = 1, 0 at the sea floor

Adjoint, with g = out_ad and c_k = q (g_k - g_{k-1}) at the tops k >= 1 within the water:

    q_ad += sum_k (I_k - I_{k+1}) g_k
    R_ad += sum_k c_k (E1_k - E2_k)
    d_1_ad += sum_k c_k R E1_k d_k/d_1^2
    d_2_ad += sum_k c_k (1 - R) E2_k d_k/d_2^2
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, typed
from ogcm.operators.shortwave import transmitted


@kernel
def absorb_shortwave_ad(
    q, fraction, depth_1, depth_2, grid, out_ad, q_ad, fraction_ad, depth_1_ad, depth_2_ad
):  # fmt: skip
    """Add the adjoint of the heating by shortwave radiation.

    Parameters
    ----------
    q : ndarray, shape (nj, ni)
        Shortwave radiation that enters the water, as a flux of temperature [K m s-1].
    fraction : ndarray, shape (1, nj, ni)
        Fraction R of red and infrared light [1].
    depth_1, depth_2 : ndarray, shape (1, nj, ni)
        Depths over which red and blue light decays to 1/e [m].
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency.
    q_ad : ndarray, shape (nj, ni)
        Adjoint of the radiation, added to.
    fraction_ad, depth_1_ad, depth_2_ad : ndarray, shape (1, nj, ni)
        Adjoints of the parameters, added to.
    """
    nk, nj, ni = out_ad.shape
    for j in prange(HALO, nj - HALO):
        depth, g_above = np.zeros(ni, out_ad.dtype), np.zeros(ni, out_ad.dtype)
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                if grid.mask_t[k, j, i] == 1:
                    g, R, one = out_ad[k, j, i], fraction[0, j, i], typed(1.0, q[j, i])
                    if k == 0:
                        q_ad[j, i] += g
                    else:
                        d, d_1, d_2 = depth[i], depth_1[0, j, i], depth_2[0, j, i]
                        E1, E2, c = transmitted(d, d_1), transmitted(d, d_2), g - g_above[i]
                        q_ad[j, i] += (R * E1 + (one - R) * E2) * c
                        c = q[j, i] * c
                        fraction_ad[0, j, i] += c * (E1 - E2)
                        depth_1_ad[0, j, i] += c * R * E1 * d / (d_1 * d_1)
                        depth_2_ad[0, j, i] += c * (one - R) * E2 * d / (d_2 * d_2)
                    depth[i] += grid.h_t[k, j, i]
                    g_above[i] = g
