"""Upwinding of the horizontal advection of momentum by WENO, which dissipates what the grid does not resolve.

`momentum_advection` has centred fluxes, which leave noise of two grid cells in the flow unless friction removes it. To
them this adds the difference between the WENO reconstruction of `ogcm/operators/weno.py` and the centred value;
`vertical_upwinding` does so for w du/dz:

    du/dt += |v| D(zeta along y) - (X_{i+1} - X_i)/(2 dx_u),      X_i = |u_i + u_{i-1}| D(u along x)     at T points
    dv/dt -= |u| D(zeta along x) + (Y_{j+1} - Y_j)/(2 dy_v),      Y_j = |v_j + v_{j-1}| D(v along y)

    D(x) = Q(d1, d2, d3, d4) - d3/2

Q - d3/2 is what the upwind value at a face has more than the mean of the two values beside, times the sign of the flow;
d1 ... d4 are the differences of x upwind of the face (`weno`): of zeta at the F points north and south of a U point, of
u at the U points east and west of a T point. v at a U point and u at a V point are means of four. The linear scheme, to
which WENO tends in smooth flow, replaces the error of second order by the dissipation -|u| dx^5 d6u/dx6/60.

Silvestri et al. (2024, doi 10.1029/2023MS004130) upwind the vorticity flux and w du/dz likewise; of the flow along
itself they upwind the divergence flux and the gradient of the kinetic energy. An upwind gradient of u^2/2 jumps where u
changes its sign, and so would its derivative. Here the flux of u along x is upwind, which is continuous, and only moves
momentum from one point to the next.

Differences are 0 on land (between F points: at a closed face). Flow that comes from a wall thus carries the velocity of
the point beside it.

The adjoint is in `adjoint/operators/momentum_upwinding.py`. A flow |c| has the derivative of c > 0 at c = 0.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, TWO, kernel, larger, point
from ogcm.operators.stencils import masked, u_at_v, upwind, v_at_u, vorticity
from ogcm.operators.weno import reconstruct


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
def step_u(u, grid, k, j, i):
    """Return u_i - u_{i-1} at a T point [m s-1]; 0 on land."""
    return masked(grid.mask_t[k, j, i], u[k, j, i] - u[k, j, i - ONE])


@point
def step_v(v, grid, k, j, i):
    """Return v_j - v_{j-1} at a T point [m s-1]; 0 on land."""
    return masked(grid.mask_t[k, j, i], v[k, j, i] - v[k, j - 1, i])


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
def steps_u(u, grid, k, j, i):
    """Return the five differences of u along x around a T point."""
    west_2, west = step_u(u, grid, k, j, i - TWO), step_u(u, grid, k, j, i - ONE)
    return west_2, west, step_u(u, grid, k, j, i), step_u(u, grid, k, j, i + ONE), step_u(u, grid, k, j, i + TWO)


@point
def steps_v(v, grid, k, j, i):
    """Return the five differences of v along y around a T point."""
    south_2, south = step_v(v, grid, k, j - 2, i), step_v(v, grid, k, j - 1, i)
    return south_2, south, step_v(v, grid, k, j, i), step_v(v, grid, k, j + 1, i), step_v(v, grid, k, j + 2, i)


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
def flux_u(u, grid, k, j, i):
    """Return X at a T point [m2 s-2]."""
    e1, e2, e3, e4, e5 = steps_u(u, grid, k, j, i)
    return excess(u[k, j, i] + u[k, j, i - ONE], e1, e2, e3, e4, e5)


@point
def flux_v(v, grid, k, j, i):
    """Return Y at a T point [m2 s-2]."""
    e1, e2, e3, e4, e5 = steps_v(v, grid, k, j, i)
    return excess(v[k, j, i] + v[k, j - 1, i], e1, e2, e3, e4, e5)


@point
def along_u(u, grid, k, j, i):
    """Return (X_{i+1} - X_i)/(2 dx_u) at a U point [m s-2]."""
    return HALF * (flux_u(u, grid, k, j, i + ONE) - flux_u(u, grid, k, j, i)) * grid.r_dx_u[j, i]


@point
def along_v(v, grid, k, j, i):
    """Return (Y_{j+1} - Y_j)/(2 dy_v) at a V point [m s-2]."""
    return HALF * (flux_v(v, grid, k, j + 1, i) - flux_v(v, grid, k, j, i)) * grid.r_dy_v[j, i]


@kernel
def upwind_horizontal(u, v, grid, G_u, G_v):
    """Add the upwinding of the vorticity flux and of the flux of u along x and of v along y.

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
