"""Adjoint of `ogcm/operators/volume.py`.

volume_gain   gain = +-U at faces of open sides, likewise V, + area (fresh - rise) in cells inside:

                  U_ad += +-gain_ad,   V_ad += +-gain_ad,   fresh_ad += area gain_ad,   rise_ad -= area gain_ad

add_flow      eta += r eta', likewise u_bar, v_bar, U, V: their adjoints stay as they are, and

                  r_ad += sum over the ocean of (eta' eta_ad + u' u_bar_ad + v' v_bar_ad + U' U_ad + V' V_ad)

              of which the kernel computes the summands.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel
from ogcm.operators.flather import crosses_u, crosses_v
from ogcm.operators.stencils import masked
from ogcm.operators.volume import area_inside


@kernel
def volume_gain_ad(grid, gain_ad, U_ad, V_ad, fresh_ad, rise_ad):
    """Add the adjoint of what an ocean gains.

    Parameters
    ----------
    grid : Grid
        Metric terms, masks and open sides.
    gain_ad : ndarray, shape (nj, ni)
        Adjoint of the volume gained, on the interior.
    U_ad, V_ad : ndarray, shape (nj, ni)
        Adjoints of the transports, added to.
    fresh_ad : ndarray, shape (nj, ni)
        Adjoint of the volume gained through the surface, added to.
    rise_ad : ndarray, shape (1, nj, ni)
        Adjoint of the rise of the sea level, added to.
    """
    nj, ni = gain_ad.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            of_area = masked(grid.mask_t[0, j, i], area_inside(grid, j, i) * gain_ad[j, i])
            fresh_ad[j, i] += of_area
            rise_ad[0, j, i] -= of_area
            if crosses_u(grid, j, i):
                U_ad[j, i] += grid.inward_u[1, j, i] * gain_ad[j, i]
            if crosses_v(grid, j, i):
                V_ad[j, i] += grid.inward_v[0, j, i] * gain_ad[j, i]


@kernel
def add_flow_ad(flow, grid, eta_ad, u_bar_ad, v_bar_ad, U_ad, V_ad, product):
    """Compute the product of a flow with the adjoints of what it is added to, by places.

    Parameters
    ----------
    flow : ndarray, shape (5, nj, ni)
        Sea level [m], depth-mean velocity [m s-1] and transports [m3 s-1] of the flow.
    grid : Grid
        Masks.
    eta_ad, u_bar_ad, v_bar_ad, U_ad, V_ad : ndarray, shape (nj, ni)
        Adjoints.
    product : ndarray, shape (nj, ni)
        The product, written on the interior; its sum is the adjoint of the amount.
    """
    nj, ni = eta_ad.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            at_u = masked(grid.mask_u[0, j, i], flow[1, j, i] * u_bar_ad[j, i] + flow[3, j, i] * U_ad[j, i])
            at_v = masked(grid.mask_v[0, j, i], flow[2, j, i] * v_bar_ad[j, i] + flow[4, j, i] * V_ad[j, i])
            product[j, i] = masked(grid.mask_t[0, j, i], flow[0, j, i] * eta_ad[j, i]) + at_u + at_v
