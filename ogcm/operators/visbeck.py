"""Diffusivity of eddies from the growth rate of baroclinic instability.

    kappa = alpha L^2 mean(sigma),     sigma^2 = f M^4/N^2 = f s^2 N^2

(Visbeck et al. 1997, doi 10.1175/1520-0485(1997)027<0381:SOEVIC>2.0.CO;2, with alpha = 0.015). sigma is the growth rate
of Eady (1949), f_0/sqrt(Ri) in thermal wind balance, L the width of the baroclinic zone, and the mean is that over the
upper DEEPEST m of a column at rest. M^2 is the gradient of the density along layers, as in
`ogcm.operators.isoneutral`: M^4 = (m_e^2 + m_w^2 + m_n^2 + m_s^2)/2 at the four faces of a cell, N^2 = n the mean of
those at its top and base, and f the factor for steep slopes there.

    sigma = sqrt(f M^4 r + EPS^2) - EPS,   r = 1/max(n, LEAST),   x = M^4 r^2/slope_max^2 + (STILL r)^2

Adjoint. See `adjoint.operators.visbeck`. Kink: at n = LEAST, where f < 1e-4.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, larger, point, root, typed
from ogcm.operators.isoneutral import LEAST, STILL, gradient_x, gradient_y, stratification, taper
from ogcm.operators.stencils import masked

DEEPEST = 2000.0  # lower end of the mean [m]
EPS = 1e-8  # growth rate below which sigma is a smooth function of M^4 [s-1]


@point
def mean_stratification(water):
    """Return n of a cell, the mean of its top and base, with what `stratification` returns; 0 without either."""
    above, below, n_top, n_base = water
    both = n_top + n_base
    return HALF * both if above and below else both


@point
def gradient_squared(T, S, b_T, b_S, grid, k, j, i):
    """Return M^4 of a cell [s-4]."""
    m_e, _ = gradient_x(T, S, b_T, b_S, grid, k, j, i, i)
    m_w, _ = gradient_x(T, S, b_T, b_S, grid, k, j, i, i - ONE)
    m_n, _ = gradient_y(T, S, b_T, b_S, grid, k, j, i, j)
    m_s, _ = gradient_y(T, S, b_T, b_S, grid, k, j, i, j - 1)
    return HALF * ((m_e * m_e + m_w * m_w) + (m_n * m_n + m_s * m_s))


@point
def growth(M4, n, slope_max, sharp):
    """Return (f, r, x, sigma + EPS) of a cell."""
    r, eps = typed(1.0, n) / larger(n, typed(LEAST, n)), typed(EPS, n)
    still = typed(STILL, n) * r
    x = M4 * (r / slope_max) * (r / slope_max) + still * still
    f = taper(x, sharp)
    return f, r, x, root(f * (M4 * r) + eps * eps)


@point
def is_upper(grid, k, j, i):
    """Return True for a wet cell whose centre lies above DEEPEST."""
    return grid.mask_t[k, j, i] == 1 and grid.z_t[k, j, i] > -typed(DEEPEST, grid.z_t[k, j, i])


@kernel
def visbeck(T, S, b_T, b_S, alpha, length, slope_max, sharp, grid, kappa):
    """Compute the diffusivity of eddies.

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
    kappa : ndarray, shape (1, nj, ni)
        Diffusivity [m2 s-1], written on the interior; 0 on land.
    """
    nk, nj, ni = T.shape
    zero = kappa.dtype.type(0)
    for j in prange(HALO, nj - HALO):
        depth = np.zeros(ni, grid.h_t.dtype)
        for ii in range(HALO, ni - HALO):
            kappa[0, j, np.uintp(ii)] = zero
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                n = mean_stratification(stratification(T, S, b_T, b_S, grid, k, j, i))
                M4 = gradient_squared(T, S, b_T, b_S, grid, k, j, i)
                _, _, _, sigma = growth(M4, n, slope_max[0, j, i], sharp)
                upper = is_upper(grid, k, j, i)
                kappa[0, j, i] += masked(upper, grid.h_t[k, j, i] * (sigma - typed(EPS, sigma)))
                depth[i] += masked(upper, grid.h_t[k, j, i])
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            water, L = depth[i] > 0, length[0, j, i]
            mean = kappa[0, j, i] / (depth[i] if water else typed(1.0, depth[i]))
            kappa[0, j, i] = masked(water, alpha[0, j, i] * (L * L) * mean)
