"""Stencils that several operators share: differences, means and masks at the points of the C-grid.

    .----- V(j,i) ----- F(j,i)
    |                     |
    |      T(j,i)       U(j,i)        F lies at the north-eastern corner of T
    |                     |
    '---------------------'

A point function takes the indices [k, j, i] of the point where its result lies. The rates of strain are

    D_T = dy/dx d(u/dy)/dx - dx/dy d(v/dx)/dy  at T points     (tension)
    D_S = dx/dy d(u/dx)/dy + dy/dx d(v/dy)/dx  at F points     (shear, times mask_f)

and the relative vorticity, at F points,

    zeta = [ (v dy_v)_{i+1} - (v dy_v)_i - (u dx_u)_{j+1} + (u dx_u)_j ] / area_f        (times mask_f)

where mask_f is 2 on a no-slip wall, 0 on a free-slip one. The adjoint of each stencil is in
`adjoint/operators/stencils.py`, or in the adjoint of the operator that uses it.
"""

import numpy as np

from ogcm.backend import ONE, QUARTER, point, typed


@point
def masked(mask, value):
    """Return `value` where `mask` is not 0, and 0 elsewhere, even if the value is NaN (land may hold anything)."""
    return value if mask else typed(0.0, value)


@point
def upwind(U, of_a, of_b):
    """Return the one of two values that belongs to the upwind cell of a face."""
    return of_a if U.real >= 0 else of_b


@point
def layer_index(coefficient, k):
    """Return the index of layer k in a coefficient (1 or nk, nj, ni) that has one layer or all of them."""
    return k if coefficient.shape[0] > 1 else 0


@point
def over_wet_cells_f(total, grid, k, j, i):
    """Return `total` over the number of wet cells among the four around an F point, at least 1."""
    t = grid.mask_t
    n = np.int8(t[k, j, i] + t[k, j, i + ONE] + t[k, j + 1, i] + t[k, j + 1, i + ONE])  # int64 would halve the vectors
    return total / typed(np.int8(max(n, 1)), total)


@point
def v_at_u(v, k, j, i):
    """Return the mean of the four v around a U point, in the units of v."""
    return QUARTER * ((v[k, j, i] + v[k, j - 1, i + ONE]) + (v[k, j, i + ONE] + v[k, j - 1, i]))


@point
def u_at_v(u, k, j, i):
    """Return the mean of the four u around a V point, in the units of u."""
    return QUARTER * ((u[k, j, i] + u[k, j + 1, i - ONE]) + (u[k, j + 1, i] + u[k, j, i - ONE]))


@point
def tension(u, v, grid, k, j, i):
    """Return the tension D_T at a T point [s-1]."""
    along_x = u[k, j, i] * grid.r_dy_u[j, i] - u[k, j, i - ONE] * grid.r_dy_u[j, i - ONE]
    along_y = v[k, j, i] * grid.r_dx_v[j, i] - v[k, j - 1, i] * grid.r_dx_v[j - 1, i]
    return along_x * grid.dy_t[j, i] * grid.r_dx_t[j, i] - along_y * grid.dx_t[j, i] * grid.r_dy_t[j, i]


@point
def shear(u, v, grid, k, j, i):
    """Return the shear D_S at an F point [s-1]: twice the half-cell value on a no-slip wall, 0 on a free-slip one."""
    along_y = u[k, j + 1, i] * grid.r_dx_u[j + 1, i] - u[k, j, i] * grid.r_dx_u[j, i]
    along_x = v[k, j, i + ONE] * grid.r_dy_v[j, i + ONE] - v[k, j, i] * grid.r_dy_v[j, i]
    both = along_y * grid.dx_f[j, i] * grid.r_dy_f[j, i] + along_x * grid.dy_f[j, i] * grid.r_dx_f[j, i]
    return grid.mask_f[k, j, i] * both


@point
def strain_squared(u, v, grid, k, j, i):
    """Return |D|^2 = D_T^2 + mean of D_S^2 over the four corners, at a T point [s-2]."""
    D = tension(u, v, grid, k, j, i)
    ne, nw = shear(u, v, grid, k, j, i), shear(u, v, grid, k, j, i - ONE)
    se, sw = shear(u, v, grid, k, j - 1, i), shear(u, v, grid, k, j - 1, i - ONE)
    return D * D + QUARTER * ((ne * ne + sw * sw) + (nw * nw + se * se))


@point
def vorticity(u, v, grid, k, j, i):
    """Return zeta at an F point [s-1]: twice the half-cell shear along a no-slip wall, 0 along a free-slip one."""
    along_x = v[k, j, i + ONE] * grid.dy_v[j, i + ONE] - v[k, j, i] * grid.dy_v[j, i]
    along_y = u[k, j + 1, i] * grid.dx_u[j + 1, i] - u[k, j, i] * grid.dx_u[j, i]
    return grid.mask_f[k, j, i] * (along_x - along_y) * grid.r_area_f[j, i]
