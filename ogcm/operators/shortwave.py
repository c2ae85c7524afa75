"""Heating by the shortwave radiation of the sun, which penetrates into the water.

    d(hT)/dt_k += q (I_k - I_{k+1}),     q = shortwave/(rho0 c_p)
    I_k = R exp(-d_k/d_1) + (1 - R) exp(-d_k/d_2),     I = 1 at the surface, 0 at the sea floor

with the depth d_k of the top of cell k in the resting layers (Paulson and Simpson 1977, doi
10.1175/1520-0485(1977)007<0952:IMITUO>2.0.CO;2, eq. 1). R is the fraction of red and infrared light, which is
absorbed over d_1, within centimetres; d_2 belongs to blue and green light. Their table 2 has (R, d_1, d_2) by the water
types of Jerlov: I (0.58, 0.35 m, 23 m), IA (0.62, 0.60 m, 20 m), IB (0.67, 1.0 m, 17 m), II (0.77, 1.5 m, 14 m), III
(0.78, 1.4 m, 7.9 m). What reaches the sea floor heats the lowest cell, so that the water receives all of it. Below
40 d the light of a band is below the round-off of float64 and counts as 0.

Adjoint, with g = out_ad and the difference c_k = q (g_k - g_{k-1}) at the tops within the water:

    q_ad += sum_k (I_k - I_{k+1}) g_k,   R_ad += sum_k c_k (E1_k - E2_k),   d_1_ad += sum_k c_k R E1_k d_k/d_1^2,
    d_2_ad += sum_k c_k (1 - R) E2_k d_k/d_2^2,   E = exp(-d_k/d)
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, exponential, kernel, point, typed

OPAQUE = 40.0  # depth in units of d from which the light of a band counts as 0


@point
def transmitted(depth, scale):
    """Return exp(-depth/scale), 0 where it is below round-off."""
    x = depth / scale
    return exponential(-x) if x.real < OPAQUE else x - x


@point
def transmission(depth, fraction, depth_1, depth_2):
    """Return the fraction of the radiation that reaches a depth."""
    rest = typed(1.0, depth) - fraction
    return fraction * transmitted(depth, depth_1) + rest * transmitted(depth, depth_2)


@kernel
def absorb_shortwave(q, fraction, depth_1, depth_2, grid, out):
    """Add the heating by shortwave radiation to the tendency of temperature.

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
    out : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendency [K m s-1]; the result is added on the interior.
    """
    nk, nj, ni = out.shape
    for j in prange(HALO, nj - HALO):
        depth, above = np.zeros(ni, out.dtype), np.zeros(ni, out.dtype)
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            above[i] = typed(1.0, grid.depth_t[j, i])
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                if grid.mask_t[k, j, i] == 1:
                    depth[i] += grid.h_t[k, j, i]
                    below = transmission(depth[i], fraction[0, j, i], depth_1[0, j, i], depth_2[0, j, i])
                    below = below if k + 1 < grid.bottom_t[j, i] else below - below
                    out[k, j, i] += q[j, i] * (above[i] - below)
                    above[i] = below
