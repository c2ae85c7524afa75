"""Adjoint of `ogcm/operators/vertical_mixing.py`, at interfaces with water on both sides.

constant      nu_b_ad += nu_v_ad,  kappa_b_ad += kappa_v_ad,  kappa_convective_ad += kappa_v_ad where N2 < 0

richardson    nu = nu_b + nu_0 m^2,  kappa = kappa_b + nu m,  m = 1/(1 + alpha Ri),  Ri = max(N2, 0)/x,
              x = shear^2 + EPS.  With n = nu_v_ad + m kappa_v_ad and m_ad = 2 nu_0 m n + nu kappa_v_ad:

    nu_b_ad += n,   kappa_b_ad += kappa_v_ad,   nu_0_ad += m^2 n,   alpha_ad -= m^2 Ri m_ad
    kappa_convective_ad += kappa_v_ad where N2 < 0
    Ri_ad = -alpha m^2 m_ad,   N2_ad += Ri_ad/x where N2 > 0,   x_ad = -Ri Ri_ad/x
    with s = x_ad/dz^2 of the two columns beside U:  u_ad_{k-1} += (u_{k-1} - u_k)(s_i + s_{i+1}),  u_ad_k -= the same

Kinks, both at N2 = 0: the switch of convection takes the branch of the forward run, max(N2, 0) the derivative 0.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, kernel, point, typed
from ogcm.halo import exchange
from ogcm.operators.stencils import layer_index, masked
from ogcm.operators.vertical_mixing import EPS, positive_part, shear_squared, where_unstable


@kernel
def constant_mixing_ad(
    N2, background_nu, background_kappa, convective, grid, nu_v_ad, kappa_v_ad,
    N2_ad, background_nu_ad, background_kappa_ad, convective_ad,
):  # fmt: skip
    """Add the adjoint of constant mixing.

    Parameters
    ----------
    N2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency at the tops of the cells [s-2].
    background_nu, background_kappa : ndarray, shape (1 or nk, nj, ni)
        Background viscosity and diffusivity [m2 s-1].
    convective : ndarray, shape (1, nj, ni)
        Diffusivity added where N2 < 0 [m2 s-1].
    grid : Grid
        Metric terms and masks.
    nu_v_ad, kappa_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the viscosity and diffusivity.
    N2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of N2; not changed, since the switch has no derivative.
    background_nu_ad, background_kappa_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the backgrounds, added to.
    convective_ad : ndarray, shape (1, nj, ni)
        Adjoint of the convective diffusivity, added to.
    """
    nk, nj, ni = grid.h_t.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                water = grid.mask_t[k, j, i]
                kappa_ad = masked(water, kappa_v_ad[k, j, i])
                background_nu_ad[layer_index(background_nu, k), j, i] += masked(water, nu_v_ad[k, j, i])
                background_kappa_ad[layer_index(background_kappa, k), j, i] += kappa_ad
                convective_ad[0, j, i] += where_unstable(N2[k, j, i], kappa_ad)


@kernel
def richardson_coefficients_ad(
    u, v, N2, background_nu, background_kappa, convective, nu_0, alpha, grid, nu_v_ad, kappa_v_ad,
    N2_ad, background_nu_ad, background_kappa_ad, convective_ad, nu_0_ad, alpha_ad, s,
):  # fmt: skip
    """Add the adjoint of the mixing by the Richardson number, apart from that of the velocity.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    N2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency at the tops of the cells [s-2].
    background_nu, background_kappa : ndarray, shape (1 or nk, nj, ni)
        Background viscosity and diffusivity [m2 s-1].
    convective : ndarray, shape (1, nj, ni)
        Diffusivity added where N2 < 0 [m2 s-1].
    nu_0 : ndarray, shape (1, nj, ni)
        Largest viscosity by shear [m2 s-1].
    alpha : ndarray, shape (1, nj, ni)
        Dependence on the Richardson number [1].
    grid : Grid
        Metric terms and masks.
    nu_v_ad, kappa_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the viscosity and diffusivity.
    N2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of N2, added to.
    background_nu_ad, background_kappa_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the backgrounds, added to.
    convective_ad : ndarray, shape (1, nj, ni)
        Adjoint of the convective diffusivity, added to.
    nu_0_ad, alpha_ad : ndarray, shape (1, nj, ni)
        Adjoint of nu_0 and alpha, added to.
    s : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the shear squared over dz^2, written on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                one, water = typed(1.0, grid.depth_t[j, i]), grid.mask_t[k, j, i]
                dz = grid.z_t[k - 1, j, i] - grid.z_t[k, j, i]
                x = shear_squared(u, v, grid, k, j, i) + typed(EPS, grid.depth_t[j, i])
                # Values on land, which may be NaN, count as 0.
                N2_here, steepness = masked(water, N2[k, j, i]), masked(water, alpha[0, j, i])
                sheared_nu = masked(water, nu_0[0, j, i])
                background = masked(water, background_nu[layer_index(background_nu, k), j, i])
                Ri = positive_part(N2_here) / x
                m = one / (one + steepness * Ri)
                nu = background + sheared_nu * m * m
                kappa_ad = masked(water, kappa_v_ad[k, j, i])
                n = masked(water, nu_v_ad[k, j, i]) + m * kappa_ad
                m_ad = (sheared_nu + sheared_nu) * m * n + nu * kappa_ad
                background_nu_ad[layer_index(background_nu, k), j, i] += n
                background_kappa_ad[layer_index(background_kappa, k), j, i] += kappa_ad
                nu_0_ad[0, j, i] += m * m * n
                alpha_ad[0, j, i] -= m * m * Ri * m_ad
                convective_ad[0, j, i] += where_unstable(N2_here, kappa_ad)
                Ri_ad = -steepness * m * m * m_ad
                N2_ad[k, j, i] += Ri_ad / x if N2_here > 0 else typed(0.0, x)
                s[k, j, i] = -Ri * Ri_ad / x / (dz * dz)


@point
def difference_ad(u, s_here, s_beside, k, j, i):
    """Return the adjoint of the difference of u over the top of cell k; 0 at the surface and below the last layer."""
    nk = u.shape[0]
    return (u[max(k - 1, 0), j, i] - u[min(k, nk - 1), j, i]) * (s_here + s_beside)


@kernel
def shear_squared_ad(u, v, s, u_ad, v_ad):
    """Add the adjoint of the shear squared to that of the velocity.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    s : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the shear squared over dz^2, halo filled.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                top, base = s[k, j, i], s[k + 1, j, i]
                u_ad[k, j, i] += difference_ad(u, base, s[k + 1, j, i + ONE], k + 1, j, i)
                u_ad[k, j, i] -= difference_ad(u, top, s[k, j, i + ONE], k, j, i)
                v_ad[k, j, i] += difference_ad(v, base, s[k + 1, j + 1, i], k + 1, j, i)
                v_ad[k, j, i] -= difference_ad(v, top, s[k, j + 1, i], k, j, i)


def richardson_mixing_ad(
    u, v, N2, background_nu, background_kappa, convective, nu_0, alpha, grid, nu_v_ad, kappa_v_ad,
    u_ad, v_ad, N2_ad, background_nu_ad, background_kappa_ad, convective_ad, nu_0_ad, alpha_ad, s,
):  # fmt: skip
    """Add the adjoint of the mixing by the Richardson number.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    N2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency at the tops of the cells [s-2].
    background_nu, background_kappa : ndarray, shape (1 or nk, nj, ni)
        Background viscosity and diffusivity [m2 s-1].
    convective : ndarray, shape (1, nj, ni)
        Diffusivity added where N2 < 0 [m2 s-1].
    nu_0 : ndarray, shape (1, nj, ni)
        Largest viscosity by shear [m2 s-1].
    alpha : ndarray, shape (1, nj, ni)
        Dependence on the Richardson number [1].
    grid : Grid
        Metric terms and masks.
    nu_v_ad, kappa_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the viscosity and diffusivity.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    N2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of N2, added to.
    background_nu_ad, background_kappa_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the backgrounds, added to.
    convective_ad : ndarray, shape (1, nj, ni)
        Adjoint of the convective diffusivity, added to.
    nu_0_ad, alpha_ad : ndarray, shape (1, nj, ni)
        Adjoint of nu_0 and alpha, added to.
    s : ndarray, shape (nk + 1, nj, ni)
        Work array, overwritten; 0 at the surface, at the bottom and on the land of closed sides.
    """
    richardson_coefficients_ad(
        u, v, N2, background_nu, background_kappa, convective, nu_0, alpha, grid, nu_v_ad, kappa_v_ad,
        N2_ad, background_nu_ad, background_kappa_ad, convective_ad, nu_0_ad, alpha_ad, s,
    )  # fmt: skip
    exchange(grid, s)
    shear_squared_ad(u, v, s, u_ad, v_ad)
