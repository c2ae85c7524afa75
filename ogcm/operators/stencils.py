"""Stencils that several operators share: differences, means and masks at the points of the C-grid.

    .----- V(j,i) ----- F(j,i)
    |                     |
    |      T(j,i)       U(j,i)        F lies at the north-eastern corner of T
    |                     |
    '---------------------'

A point function takes the indices [k, j, i] of the point where its result lies. The adjoint of each is in
`adjoint/operators/stencils.py`, or in that of the operator which uses it.
"""

import numpy as np

from ogcm.backend import ONE, QUARTER, point, typed


@point
def masked(mask, value):
    """`value` where `mask` is not 0, else 0, even where the value is NaN (fields may hold anything on land)."""
    return value if mask else typed(0.0, value)


@point
def layer_index(coefficient, k):
    """Index of layer k in a coefficient that has one layer or all of them."""
    return k if coefficient.shape[0] > 1 else 0


@point
def wet_cells_f(grid, k, j, i):
    """Number of wet cells among the four around an F point, at least 1."""
    south = grid.mask_t[k, j, i] + grid.mask_t[k, j, i + ONE]
    return np.float32(max(south + grid.mask_t[k, j + 1, i] + grid.mask_t[k, j + 1, i + ONE], 1))


@point
def v_at_u(v, k, j, i):
    """Mean of the four v around a U point."""
    return QUARTER * ((v[k, j, i] + v[k, j - 1, i + ONE]) + (v[k, j, i + ONE] + v[k, j - 1, i]))


@point
def u_at_v(u, k, j, i):
    """Mean of the four u around a V point."""
    return QUARTER * ((u[k, j, i] + u[k, j + 1, i - ONE]) + (u[k, j + 1, i] + u[k, j, i - ONE]))


@point
def tension(u, v, grid, k, j, i):
    """D_T at a T point [s-1]."""
    along_x = u[k, j, i] * grid.r_dy_u[j, i] - u[k, j, i - ONE] * grid.r_dy_u[j, i - ONE]
    along_y = v[k, j, i] * grid.r_dx_v[j, i] - v[k, j - 1, i] * grid.r_dx_v[j - 1, i]
    return along_x * grid.dy_t[j, i] * grid.r_dx_t[j, i] - along_y * grid.dx_t[j, i] * grid.r_dy_t[j, i]


@point
def shear(u, v, grid, k, j, i):
    """D_S at an F point [s-1]: twice the half-cell value along a no-slip wall, 0 along a free-slip one."""
    along_y = u[k, j + 1, i] * grid.r_dx_u[j + 1, i] - u[k, j, i] * grid.r_dx_u[j, i]
    along_x = v[k, j, i + ONE] * grid.r_dy_v[j, i + ONE] - v[k, j, i] * grid.r_dy_v[j, i]
    both = along_y * grid.dx_f[j, i] * grid.r_dy_f[j, i] + along_x * grid.dy_f[j, i] * grid.r_dx_f[j, i]
    return grid.mask_f[k, j, i] * both


@point
def strain_squared(u, v, grid, k, j, i):
    """|D|^2 at a T point [s-2]."""
    D = tension(u, v, grid, k, j, i)
    ne, nw = shear(u, v, grid, k, j, i), shear(u, v, grid, k, j, i - ONE)
    se, sw = shear(u, v, grid, k, j - 1, i), shear(u, v, grid, k, j - 1, i - ONE)
    return D * D + QUARTER * ((ne * ne + sw * sw) + (nw * nw + se * se))


@point
def vorticity(u, v, grid, k, j, i):
    """zeta at an F point: twice the half-cell shear along a no-slip wall, 0 along a free-slip one."""
    along_x = v[k, j, i + ONE] * grid.dy_v[j, i + ONE] - v[k, j, i] * grid.dy_v[j, i]
    along_y = u[k, j + 1, i] * grid.dx_u[j + 1, i] - u[k, j, i] * grid.dx_u[j, i]
    return grid.mask_f[k, j, i] * (along_x - along_y) * grid.r_area_f[j, i]
