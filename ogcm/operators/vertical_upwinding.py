"""Upwinding of the vertical advection of momentum by WENO.

`momentum_advection` has w du/dz with centred fluxes. To them this adds, as `momentum_upwinding` does along the layers,

    du/dt -= (Z_k - Z_{k+1})/(2 area_u h_u s_u),      Z_k = |W_i + W_{i+1}| D(u along z)    at the tops of U cells
    dv/dt -= (Z_k - Z_{k+1})/(2 area_v h_v s_v),      Z_k = |W_j + W_{j+1}| D(v along z)    at the tops of V cells

with D(u) = Q(d1, d2, d3, d4) - d3/2 of the differences of u upwind of the face (`ogcm/operators/weno.py`). The fluxes
only move momentum from one layer to the next. Differences are 0 on land. No momentum passes through the base of a U
cell that has land below it, also where one of its two columns goes on: there Z = W (u_{k-1} - u_k)/2 takes away the
centred flux, of which noise at steps of the sea floor grows.

The adjoint is in `adjoint/operators/vertical_upwinding.py`. A flow |c| has the derivative of c > 0 at c = 0.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point
from ogcm.operators.momentum_upwinding import excess
from ogcm.operators.stencils import masked
from ogcm.operators.weno import stencil_z


@point
def lifted_u(u, W, grid, k, j, i):
    """Return Z at the top of cell k of a U column [m4 s-2]."""
    _, _, e1, e2, e3, e4, e5 = stencil_z(u, grid.mask_u, k, j, i)
    flow, open_face = W[k, j, i] + W[k, j, i + ONE], grid.mask_u[min(k, u.shape[0] - 1), j, i]
    inside, floor = excess(flow, e1, e2, e3, e4, e5), HALF * flow * e3
    return inside if open_face else floor


@point
def lifted_v(v, W, grid, k, j, i):
    """Return Z at the top of cell k of a V column [m4 s-2]."""
    _, _, e1, e2, e3, e4, e5 = stencil_z(v, grid.mask_v, k, j, i)
    flow, open_face = W[k, j, i] + W[k, j + 1, i], grid.mask_v[min(k, v.shape[0] - 1), j, i]
    inside, floor = excess(flow, e1, e2, e3, e4, e5), HALF * flow * e3
    return inside if open_face else floor


@kernel
def upwind_vertical(u, v, W, s_u, s_v, grid, G_u, G_v):
    """Add the upwinding of the vertical advection of momentum.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    W : ndarray, shape (nk + 1, nj, ni)
        Upward transports through the tops of the cells [m3 s-1].
    s_u, s_v : ndarray, shape (nj, ni)
        Stretching of the layers at U and V points [1].
    grid : Grid
        Metric terms and masks.
    G_u, G_v : ndarray, shape (nk, nj, ni)
        Acceleration at U and V points [m s-2], to which it is added on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        top_u, top_v = np.zeros(ni, u.dtype), np.zeros(ni, u.dtype)  # at the surface there is no difference
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                volume_u = grid.area_u[j, i] * grid.h_u[k, j, i] * s_u[j, i]
                volume_v = grid.area_v[j, i] * grid.h_v[k, j, i] * s_v[j, i]
                base_u, base_v = lifted_u(u, W, grid, k + 1, j, i), lifted_v(v, W, grid, k + 1, j, i)
                G_u[k, j, i] -= masked(grid.mask_u[k, j, i], HALF * (top_u[i] - base_u) / volume_u)
                G_v[k, j, i] -= masked(grid.mask_v[k, j, i], HALF * (top_v[i] - base_v) / volume_v)
                top_u[i], top_v[i] = base_u, base_v
