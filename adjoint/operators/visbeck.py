"""Adjoint of `ogcm/operators/visbeck.py`.

kappa = alpha L^2 sum(h sigma)/H,   sigma + EPS = sqrt(e + EPS^2),   e = f M^4 r.   For each cell above DEEPEST:

    sigma_ad = alpha L^2 h/H kappa_ad,   e_ad = sigma_ad/(2 (sigma + EPS)),   x_ad = f' M^4 r e_ad

    M^4_ad = f r e_ad + r^2/slope_max^2 x_ad,  m_ad = m M^4_ad at each face,  slope_max_ad = -2 M^4 r^2/slope_max^3 x_ad
    n_ad = -r^2 [ f M^4 e_ad + 2 r (M^4/slope_max^2 + STILL^2) x_ad ] where n > LEAST, else 0
    alpha_ad = L^2 mean(sigma) kappa_ad,   length_ad = 2 alpha L mean(sigma) kappa_ad

The adjoints of m and n end in those of T, S, b_T and b_S (`adjoint.operators.isoneutral.density_gradients_ad`).
"""

import numpy as np
from numba import prange

from adjoint.operators.isoneutral import density_gradients_ad, taper_ad
from ogcm.backend import HALF, HALO, ONE, kernel, point, typed
from ogcm.halo import exchange
from ogcm.operators.isoneutral import LEAST, STILL, gradient_x, gradient_y, stratification
from ogcm.operators.stencils import masked
from ogcm.operators.visbeck import EPS, gradient_squared, growth, is_upper, mean_stratification


@point
def growth_ad(sigma_ad, M4, n, slope_max, sharp):
    """Return the adjoints (M4_ad, n_ad, slope_max_ad) of the growth rate of a cell."""
    f, r, x, sigma = growth(M4, n, slope_max, sharp)
    two, relative = typed(2.0, n), r / slope_max
    e_ad = HALF * sigma_ad / sigma
    x_ad = taper_ad(x, f, sharp) * (M4 * r) * e_ad
    still = typed(STILL, n) * r
    M4_ad = f * r * e_ad + relative * relative * x_ad
    n_ad = -r * (f * (M4 * r) * e_ad + two * (M4 * relative * relative + still * still) * x_ad)
    slope_max_ad = -two * (M4 * relative * relative / slope_max) * x_ad
    return M4_ad, n_ad if n > typed(LEAST, n) else typed(0.0, n), slope_max_ad


@kernel
def growth_rates_ad(
    T, S, b_T, b_S, alpha, length, slope_max, sharp, grid, kappa_ad, alpha_ad, length_ad, slope_max_ad,
    m_e, m_w, m_n, m_s, n_top, n_base,
):  # fmt: skip
    """Compute the adjoint of the diffusivity of eddies, to the gradients of the density and the parameters.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Temperature [degC] and salinity [g kg-1].
    b_T, b_S : ndarray, shape (nk, nj, ni)
        Derivatives of the buoyancy by T [m s-2 K-1] and S [m s-2 (g/kg)-1].
    alpha, length : ndarray, shape (1, nj, ni)
        Efficiency of the eddies [1] and width of the baroclinic zone [m].
    slope_max : ndarray, shape (1, nj, ni)
        Slope above which the fluxes of eddies are reduced [1].
    sharp : bool
        True for the factor of `dm95`, False for that of `gerdes`.
    grid : Grid
        Metric terms and masks.
    kappa_ad : ndarray, shape (1, nj, ni)
        Adjoint of the diffusivity.
    alpha_ad, length_ad, slope_max_ad : ndarray, shape (1, nj, ni)
        Adjoint of the parameters, added to.
    m_e, m_w, m_n, m_s : ndarray, shape (nk, nj, ni)
        Adjoint of the gradients of the density at the faces of each cell, written on the interior; 0 on land.
    n_top, n_base : ndarray, shape (nk, nj, ni)
        Adjoint of the stratification at its top and base, written on the interior; 0 on land.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        depth, mean = np.zeros(ni, grid.h_t.dtype), np.zeros(ni, T.dtype)
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                depth[i] += masked(is_upper(grid, k, j, i), grid.h_t[k, j, i])
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                upper, most = is_upper(grid, k, j, i), slope_max[0, j, i]
                part = grid.h_t[k, j, i] / (depth[i] if depth[i] > 0 else typed(1.0, depth[i]))
                water = stratification(T, S, b_T, b_S, grid, k, j, i)
                n, M4 = mean_stratification(water), gradient_squared(T, S, b_T, b_S, grid, k, j, i)
                _, _, _, sigma = growth(M4, n, most, sharp)
                mean[i] += masked(upper, part * (sigma - typed(EPS, sigma)))
                sigma_ad = alpha[0, j, i] * (length[0, j, i] * length[0, j, i]) * part * kappa_ad[0, j, i]
                M4_ad, n_ad, most_ad = growth_ad(sigma_ad, M4, n, most, sharp)
                m, _ = gradient_x(T, S, b_T, b_S, grid, k, j, i, i)
                m_e[k, j, i] = masked(upper, m * M4_ad)
                m, _ = gradient_x(T, S, b_T, b_S, grid, k, j, i, i - ONE)
                m_w[k, j, i] = masked(upper, m * M4_ad)
                m, _ = gradient_y(T, S, b_T, b_S, grid, k, j, i, j)
                m_n[k, j, i] = masked(upper, m * M4_ad)
                m, _ = gradient_y(T, S, b_T, b_S, grid, k, j, i, j - 1)
                m_s[k, j, i] = masked(upper, m * M4_ad)
                above, below, _, _ = water
                n_ad = HALF * n_ad if above and below else n_ad
                n_top[k, j, i], n_base[k, j, i] = masked(upper and above, n_ad), masked(upper and below, n_ad)
                slope_max_ad[0, j, i] += masked(upper, most_ad)
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            water, rate = grid.mask_t[0, j, i], length[0, j, i] * mean[i] * kappa_ad[0, j, i]
            alpha_ad[0, j, i] += masked(water, length[0, j, i] * rate)
            length_ad[0, j, i] += masked(water, typed(2.0, rate) * alpha[0, j, i] * rate)


def visbeck_ad(
    T, S, b_T, b_S, alpha, length, slope_max, sharp, grid, kappa_ad,
    T_ad, S_ad, b_T_ad, b_S_ad, alpha_ad, length_ad, slope_max_ad, m_e, m_w, m_n, m_s, n_top, n_base,
):  # fmt: skip
    """Add the adjoint of the diffusivity of eddies.

    Parameters
    ----------
    T, S, b_T, b_S, alpha, length, slope_max, sharp : object
        As in `growth_rates_ad`.
    grid : Grid
        Metric terms and masks.
    kappa_ad : ndarray, shape (1, nj, ni)
        Adjoint of the diffusivity.
    T_ad, S_ad, b_T_ad, b_S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of temperature, salinity and expansions, added to.
    alpha_ad, length_ad, slope_max_ad : ndarray, shape (1, nj, ni)
        Adjoint of the parameters, added to.
    m_e, m_w, m_n, m_s, n_top, n_base : ndarray, shape (nk, nj, ni)
        Work arrays, overwritten.
    """
    water, parameters = (T, S, b_T, b_S), (alpha, length, slope_max, sharp)
    gradients = (m_e, m_w, m_n, m_s, n_top, n_base)
    growth_rates_ad(*water, *parameters, grid, kappa_ad, alpha_ad, length_ad, slope_max_ad, *gradients)
    exchange(grid, *gradients)
    density_gradients_ad(*water, *gradients, grid, T_ad, S_ad, b_T_ad, b_S_ad)
