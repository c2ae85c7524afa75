"""Upwinding of the advection of momentum by WENO, which dissipates what the grid does not resolve.

`momentum_advection` has centred fluxes, which leave noise of two grid cells in the flow unless friction removes it. To
them this adds the difference between the WENO reconstruction of `ogcm/operators/weno.py` and the centred value, for the
three parts of the vector-invariant form (f + zeta) x u + grad K + w du/dz:

    du/dt += |v| D(zeta along y) - |u| D(du along x)/dx_u - [ (|W| D(u along z))_k - (...)_{k+1} ]/(2 area_u h_u s_u)
    dv/dt -= |u| D(zeta along x) + |v| D(dv along y)/dy_v + [ (|W| D(v along z))_k - (...)_{k+1} ]/(2 area_v h_v s_v)

    D(x) = Q(d1, d2, d3, d4) - d3/2

Q - d3/2 is what the upwind value at a face has more than the mean of the two cells beside, times the sign of the flow;
d1 ... d4 are the differences of x upwind of the point (`weno`). u at a V point and v at a U point are means of four, W
is the sum of the two T columns, and

    zeta along y    the vorticity at the F points north and south of a U point
    du along x      u_i - u_{i-1} at the T points east and west of a U point
    u along z       u above and below the top of a cell

As in the scheme of Silvestri et al. (2024, doi 10.1029/2023MS004130), which reconstructs the vorticity flux, the
divergence flux, the gradient of the kinetic energy and w du/dz. Where it reconstructs the divergence flux and the
gradient of the energy, this reconstructs u du/dx: an upwind gradient of u^2/2 would jump where u changes its sign,
|u| D is continuous. The linear scheme, to which WENO tends in smooth flow, has the truncation error of fifth order
-|u| dx^5 d6u/dx6/60 and no error of the second order of the centred one.

Differences are 0 where the point between the two cells is closed, and D is then at most -d3/2: friction with
the viscosity |u| dx/2 beside walls, as that of upwind advection of first order. No momentum passes through the
surface and the bottom.

The adjoint is in `adjoint/operators/momentum_upwinding.py`. The flow |c| has the derivative of c > 0 at c = 0.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, TWO, kernel, larger, point
from ogcm.operators.stencils import masked, u_at_v, upwind, v_at_u, vorticity
from ogcm.operators.weno import reconstruct, stencil_z


@point
def excess(c, e1, e2, e3, e4, e5):
    """Return |c| (Q - e3/2), for a flow c from the first to the last of the differences e1 ... e5."""
    d1, d2, d4 = upwind(c, e1, e5), upwind(c, e2, e4), upwind(c, e4, e2)
    return larger(c, -c) * (reconstruct(d1, d2, e3, d4) - HALF * e3)


@point
def vorticity_step_y(u, v, grid, k, j, i):
    """Return zeta north minus zeta south of a U point [s-1]; 0 at a closed one."""
    step = vorticity(u, v, grid, k, j, i) - vorticity(u, v, grid, k, j - 1, i)
    return masked(grid.mask_u[k, j, i], step)


@point
def vorticity_step_x(u, v, grid, k, j, i):
    """Return zeta east minus zeta west of a V point [s-1]; 0 at a closed one."""
    step = vorticity(u, v, grid, k, j, i) - vorticity(u, v, grid, k, j, i - ONE)
    return masked(grid.mask_v[k, j, i], step)


@point
def bend_x(u, grid, k, j, i):
    """Return u_{i+1} - 2 u_i + u_{i-1} at a U point [m s-1]; 0 at a closed one."""
    bend = (u[k, j, i + ONE] - u[k, j, i]) - (u[k, j, i] - u[k, j, i - ONE])
    return masked(grid.mask_u[k, j, i], bend)


@point
def bend_y(v, grid, k, j, i):
    """Return v_{j+1} - 2 v_j + v_{j-1} at a V point [m s-1]; 0 at a closed one."""
    bend = (v[k, j + 1, i] - v[k, j, i]) - (v[k, j, i] - v[k, j - 1, i])
    return masked(grid.mask_v[k, j, i], bend)


@point
def vorticity_steps_y(u, v, grid, k, j, i):
    """Return the five differences of zeta along y around a U point."""
    south_2, south = vorticity_step_y(u, v, grid, k, j - 2, i), vorticity_step_y(u, v, grid, k, j - 1, i)
    north, north_2 = vorticity_step_y(u, v, grid, k, j + 1, i), vorticity_step_y(u, v, grid, k, j + 2, i)
    return south_2, south, vorticity_step_y(u, v, grid, k, j, i), north, north_2


@point
def vorticity_steps_x(u, v, grid, k, j, i):
    """Return the five differences of zeta along x around a V point."""
    west_2, west = vorticity_step_x(u, v, grid, k, j, i - TWO), vorticity_step_x(u, v, grid, k, j, i - ONE)
    east, east_2 = vorticity_step_x(u, v, grid, k, j, i + ONE), vorticity_step_x(u, v, grid, k, j, i + TWO)
    return west_2, west, vorticity_step_x(u, v, grid, k, j, i), east, east_2


@point
def bends_x(u, grid, k, j, i):
    """Return the five differences of du along x around a U point."""
    west_2, west = bend_x(u, grid, k, j, i - TWO), bend_x(u, grid, k, j, i - ONE)
    return west_2, west, bend_x(u, grid, k, j, i), bend_x(u, grid, k, j, i + ONE), bend_x(u, grid, k, j, i + TWO)


@point
def bends_y(v, grid, k, j, i):
    """Return the five differences of dv along y around a V point."""
    south_2, south = bend_y(v, grid, k, j - 2, i), bend_y(v, grid, k, j - 1, i)
    return south_2, south, bend_y(v, grid, k, j, i), bend_y(v, grid, k, j + 1, i), bend_y(v, grid, k, j + 2, i)


@point
def across_u(u, v, grid, k, j, i):
    """Return |v| D(zeta along y) at a U point [m s-2]."""
    e1, e2, e3, e4, e5 = vorticity_steps_y(u, v, grid, k, j, i)
    return excess(v_at_u(v, k, j, i), e1, e2, e3, e4, e5)


@point
def across_v(u, v, grid, k, j, i):
    """Return |u| D(zeta along x) at a V point [m s-2]."""
    e1, e2, e3, e4, e5 = vorticity_steps_x(u, v, grid, k, j, i)
    return excess(u_at_v(u, k, j, i), e1, e2, e3, e4, e5)


@point
def along_u(u, grid, k, j, i):
    """Return |u| D(du along x)/dx_u at a U point [m s-2]."""
    e1, e2, e3, e4, e5 = bends_x(u, grid, k, j, i)
    return excess(u[k, j, i], e1, e2, e3, e4, e5) * grid.r_dx_u[j, i]


@point
def along_v(v, grid, k, j, i):
    """Return |v| D(dv along y)/dy_v at a V point [m s-2]."""
    e1, e2, e3, e4, e5 = bends_y(v, grid, k, j, i)
    return excess(v[k, j, i], e1, e2, e3, e4, e5) * grid.r_dy_v[j, i]


@kernel
def upwind_horizontal(u, v, grid, G_u, G_v):
    """Add the upwinding of the vorticity flux and of the advection along the velocity itself.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms and masks.
    G_u, G_v : ndarray, shape (nk, nj, ni)
        Acceleration at U and V points [m s-2], to which it is added on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                added = across_u(u, v, grid, k, j, i) - along_u(u, grid, k, j, i)
                G_u[k, j, i] += masked(grid.mask_u[k, j, i], added)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                removed = across_v(u, v, grid, k, j, i) + along_v(v, grid, k, j, i)
                G_v[k, j, i] -= masked(grid.mask_v[k, j, i], removed)


@point
def lifted_u(u, W, grid, k, j, i):
    """Return |W| D(u along z) at the top of cell k of a U column [m4 s-2], with W twice its value there."""
    _, _, e1, e2, e3, e4, e5 = stencil_z(u, grid.mask_u, k, j, i)
    flow, open_face = W[k, j, i] + W[k, j, i + ONE], grid.mask_u[min(k, u.shape[0] - 1), j, i]
    inside, floor = excess(flow, e1, e2, e3, e4, e5), HALF * flow * e3
    return inside if open_face else floor


@point
def lifted_v(v, W, grid, k, j, i):
    """Return |W| D(v along z) at the top of cell k of a V column [m4 s-2], with W twice its value there."""
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
