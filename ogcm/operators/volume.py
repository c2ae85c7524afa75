"""The volume of an ocean with open sides, whose growth is given.

What a stage brings into the ocean, through open sides and through the surface, should be a given rise of the mean sea
level. The difference is made up by a uniform flow through all open sides, as Flather's condition would let it in if the
world outside sent 1 m s-1 more everywhere (`uniform_inflow` in `ogcm/open_stage.py`). With the sea level eta', the
depth-mean velocity u', v' and the mean transports U', V' of this flow after one stage:

    gain = sum over faces of open sides of +-(U_mean, V_mean) + sum over cells inside of area (fresh - rise)
    r = -gain/gain',   gain' = sum over faces of +-(U', V')
    eta += r eta',   u_bar += r u',   U_mean += r U',   likewise v_bar and V_mean

The flow of 1 m s-1 is the same in all steps, because the substeps are linear but for the part of the transports that
eta contributes, which it leaves out. Its transports change eta to eta', so that the new eta, too, is that which the new
transports make.

Adjoint: in `adjoint/operators/volume.py`. All is linear. No kinks.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, point, typed
from ogcm.operators.flather import crosses_u, crosses_v, is_outside
from ogcm.operators.stencils import masked


@point
def area_inside(grid, j, i):
    """Return the area of a cell inside [m2]; 0 outside and on land."""
    return typed(0.0, grid.area_t[j, i]) if is_outside(grid, j, i) else grid.mask_t[0, j, i] * grid.area_t[j, i]


@kernel
def volume_gain(U, V, fresh, rise, grid, gain):
    """Compute what an ocean gains beyond a given rise of its sea level, by places; its sum is the total.

    Parameters
    ----------
    U, V : ndarray, shape (nj, ni)
        Depth-integrated transports [m3 s-1].
    fresh : ndarray, shape (nj, ni)
        Volume gained through the surface [m s-1].
    rise : ndarray, shape (1, nj, ni)
        Rise of the sea level that is given [m s-1].
    grid : Grid
        Metric terms, masks and open sides.
    gain : ndarray, shape (nj, ni)
        Volume gained [m3 s-1], at faces of open sides and in cells inside; written on the interior.
    """
    nj, ni = U.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            gain[j, i] = masked(grid.mask_t[0, j, i], area_inside(grid, j, i) * (fresh[j, i] - rise[0, j, i]))
            if crosses_u(grid, j, i):
                gain[j, i] += grid.inward_u[1, j, i] * U[j, i]
            if crosses_v(grid, j, i):
                gain[j, i] += grid.inward_v[0, j, i] * V[j, i]


@kernel
def add_flow(amount, flow, eta, u_bar, v_bar, U, V):
    """Add some of a flow to the barotropic mode.

    Parameters
    ----------
    amount : ndarray, shape (1,)
        How much of it [1].
    flow : ndarray, shape (5, nj, ni)
        Its sea level [m], depth-mean velocity [m s-1] along x and y, and transports [m3 s-1] along x and y.
    eta, u_bar, v_bar, U, V : ndarray, shape (nj, ni)
        The same of the barotropic mode, added to on the interior.
    """
    nj, ni = eta.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            eta[j, i] += amount[0] * flow[0, j, i]
            u_bar[j, i] += amount[0] * flow[1, j, i]
            v_bar[j, i] += amount[0] * flow[2, j, i]
            U[j, i] += amount[0] * flow[3, j, i]
            V[j, i] += amount[0] * flow[4, j, i]
