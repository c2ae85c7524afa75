"""Vertical viscosity and diffusivity at the tops of the cells.

    constant     nu_v = nu_b,                                kappa_v = kappa_b
    richardson   nu_v = nu_b + nu_0/(1 + alpha Ri)^2,        kappa_v = kappa_b + nu_v/(1 + alpha Ri)
                 Ri = max(N2, 0)/(shear^2 + EPS)             (Pacanowski and Philander 1981, eqs. 1-2, doi
                 10.1175/1520-0485(1981)011<1443:POVMIN>2.0.CO;2)

and kappa_convective is added to kappa_v where N2 < 0: convective adjustment as implicit mixing. It is not added to
nu_v: a column that convects would carry its Ekman drift in two layers and the next one in one, and the
convergence between them would switch convection on in every other row (docs/numerics.md). shear^2 is the mean over
the two U and the two V points beside the column, of which a wall counts as 0. EPS = 1e-12 s-2 keeps Ri and its
derivatives finite without shear. Where cell k is land both are 0, even if N2 is NaN there.

Adjoint. With m = 1/(1 + alpha Ri), dm = -m^2 (alpha dRi + Ri dalpha), and nu = nu_b + nu_0 m^2 before convection:

    n = nu_v_ad + m kappa_v_ad                                       all that depends on nu
    m_ad = 2 nu_0 m n + nu kappa_v_ad
    nu_b_ad += n,   kappa_b_ad += kappa_v_ad,   nu_0_ad += m^2 n,   alpha_ad -= m^2 Ri m_ad
    kappa_convective_ad += kappa_v_ad                                where N2 < 0
    Ri_ad = -alpha m^2 m_ad
    N2_ad += Ri_ad/(shear^2 + EPS)                                   where N2 > 0
    shear^2_ad = -Ri Ri_ad/(shear^2 + EPS)
    u_ad_{k-1}, u_ad_k += -+ shear^2_ad (u_k - u_{k-1})/dz^2         summed over the two columns beside u; v alike

Kinks, both at N2 = 0: the switch of convection, whose derivative is that of the branch taken (0 with respect to N2),
and max(N2, 0), with the derivative 0 at 0. With constant mixing n = nu_v_ad, and N2_ad = 0.
"""

from functools import partial

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, typed
from ogcm.operators.stencils import layer_index

EPS = 1e-12  # [s-2]


@point
def where_unstable(N2, kappa):
    """Return kappa where N2 < 0, and 0 elsewhere."""
    return kappa if N2.real < 0 else kappa - kappa


@point
def positive_part(N2):
    """Return max(N2, 0), with the derivative 0 at 0."""
    return N2 if N2.real > 0 else N2 - N2


@partial(kernel, apart=False)  # a step gives it N2 in the memory of kappa_v
def constant_mixing(N2, background_nu, background_kappa, convective, grid, nu_v, kappa_v):
    """Compute constant mixing coefficients, with convective adjustment.

    Parameters
    ----------
    N2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency at the tops of the cells [s-2].
    background_nu, background_kappa : ndarray, shape (1 or nk, nj, ni)
        Background viscosity and diffusivity at the tops of the cells [m2 s-1].
    convective : ndarray, shape (1, nj, ni)
        Diffusivity added where N2 < 0 [m2 s-1].
    grid : Grid
        Metric terms and masks.
    nu_v, kappa_v : ndarray, shape (nk + 1, nj, ni)
        Viscosity and diffusivity at the tops of the cells [m2 s-1], written on the interior; 0 at the surface, at the
        bottom and on land.
    """
    nk, nj, ni = grid.h_t.shape
    zero = nu_v.dtype.type(0)
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            nu_v[0, j, i] = nu_v[nk, j, i] = kappa_v[0, j, i] = kappa_v[nk, j, i] = zero
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water = grid.mask_t[k, j, i] == 1
                adjustment = where_unstable(N2[k, j, i], convective[0, j, i])
                nu_v[k, j, i] = background_nu[layer_index(background_nu, k), j, i] if water else zero
                kappa = background_kappa[layer_index(background_kappa, k), j, i] + adjustment
                kappa_v[k, j, i] = kappa if water else zero


@point
def shear_squared(u, v, grid, k, j, i):
    """Return |du/dz|^2 at the top of cell k [s-2]."""
    dz = grid.z_t[k - 1, j, i] - grid.z_t[k, j, i]
    east, west = u[k - 1, j, i] - u[k, j, i], u[k - 1, j, i - ONE] - u[k, j, i - ONE]
    north, south = v[k - 1, j, i] - v[k, j, i], v[k - 1, j - 1, i] - v[k, j - 1, i]
    return HALF * ((east * east + west * west) + (north * north + south * south)) / (dz * dz)


@partial(kernel, apart=False)  # a step gives it N2 in the memory of kappa_v
def richardson_mixing(
    u, v, N2, background_nu, background_kappa, convective, nu_0, alpha, grid, nu_v, kappa_v
):  # fmt: skip
    """Compute mixing coefficients that depend on the Richardson number, with convective adjustment.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    N2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency at the tops of the cells [s-2].
    background_nu, background_kappa : ndarray, shape (1 or nk, nj, ni)
        Background viscosity and diffusivity at the tops of the cells [m2 s-1].
    convective : ndarray, shape (1, nj, ni)
        Diffusivity added where N2 < 0 [m2 s-1].
    nu_0 : ndarray, shape (1, nj, ni)
        Largest viscosity by shear [m2 s-1].
    alpha : ndarray, shape (1, nj, ni)
        Dependence on the Richardson number [1].
    grid : Grid
        Metric terms and masks.
    nu_v, kappa_v : ndarray, shape (nk + 1, nj, ni)
        Viscosity and diffusivity at the tops of the cells [m2 s-1], written on the interior; 0 at the surface, at the
        bottom and on land.
    """
    nk, nj, ni = u.shape
    zero = nu_v.dtype.type(0)
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            nu_v[0, j, i] = nu_v[nk, j, i] = kappa_v[0, j, i] = kappa_v[nk, j, i] = zero
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                one = typed(1.0, grid.depth_t[j, i])
                shear = shear_squared(u, v, grid, k, j, i) + typed(EPS, grid.depth_t[j, i])
                m = one / (one + alpha[0, j, i] * positive_part(N2[k, j, i]) / shear)
                nu = background_nu[layer_index(background_nu, k), j, i] + nu_0[0, j, i] * m * m
                kappa = background_kappa[layer_index(background_kappa, k), j, i] + nu * m
                adjustment = where_unstable(N2[k, j, i], convective[0, j, i])
                water = grid.mask_t[k, j, i] == 1
                nu_v[k, j, i] = nu if water else zero
                kappa_v[k, j, i] = kappa + adjustment if water else zero
