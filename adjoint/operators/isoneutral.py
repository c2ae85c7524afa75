"""Adjoint of `ogcm/operators/isoneutral.py`.

With g = out_ad/area, and delta, zeta as there, each triad has a share in J = sum area out g,

    J = -V f [ kappa_redi (A + s P) + kappa_gm t M ],     A = delta delta_g,   P = zeta delta_g + delta zeta_g
                                                          t = s + sigma,       M = delta zeta_g - zeta delta_g

It is the same for C and g in exchanged roles, but for the sign of kappa_gm: the adjoint of C is the operator itself,
with -kappa_gm, applied to g, times the area. And for a triad,

    kappa_redi_ad = -V f (A + s P),      f_ad = -V [ kappa_redi (A + s P) + kappa_gm t M ]
    kappa_gm_ad   = -V f t M,            s_ad = -V f ( kappa_redi P + kappa_gm M )

The horizontal mixing of the first layer adds -V kappa_redi A, and the weights of the last cell multiply kappa_redi.

K_33 = sum V/(area dz) f kappa_redi s^2 of the triads at a top, with q = kappa_v_ad/(area dz):

    kappa_redi_ad = q V f s^2,   f_ad = q V kappa_redi s^2,   s_ad = 2 q V f kappa_redi s

Both end at the gradients m and n of the density: with r = 1/max(n, LEAST), x = (t/slope_max)^2 + (STILL r)^2, s = -m r,

    x_ad = f' f_ad,   s_ad += 2 t/slope_max^2 x_ad,   slope_max_ad = -2 t^2/slope_max^3 x_ad
    m_ad = -r s_ad,   n_ad = r^2 (m s_ad - 2 STILL^2 r x_ad) where n > LEAST
    gerdes  f' = -x f^3,       dm95  f' = -4 x^3 f^2

which each cell keeps for its four faces, its top and its base (m_e, m_w, m_n, m_s, n_top, n_base); a cell then gathers
T_ad, S_ad, b_T_ad and b_S_ad from its own and those beside, above and below it.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, kernel, larger, point, typed
from ogcm.halo import exchange
from ogcm.operators.isoneutral import (
    LEAST,
    STILL,
    along_x,
    along_y,
    along_z,
    boundary_weights,
    gradient_x,
    gradient_y,
    per_distance,
    steepness,
    stratification,
    taper,
    triad,
    triad_divergence,
    triad_fluxes,
    volume_x,
    volume_y,
)
from ogcm.operators.stencils import layer_index, masked


@point
def taper_ad(x, f, sharp):
    """Return f', the derivative of the factor f by x."""
    # without x^3, which may overflow in float32
    return -(f * x * (f * x) * (typed(4.0, x) * x) if sharp else f * x * (f * f))


@point
def triad_ad(f_ad, s_ad, m, n, sigma, slope_max, sharp):
    """Return the adjoints (m_ad, n_ad, slope_max_ad) of a triad."""
    inverse, two = typed(1.0, n) / larger(n, typed(LEAST, n)), typed(2.0, n)
    t = sigma - m * inverse
    x = steepness(t, inverse, slope_max)
    x_ad = taper_ad(x, taper(x, sharp), sharp) * f_ad
    relative, still = t / slope_max, typed(STILL, n) * inverse
    s_ad += two * (relative / slope_max) * x_ad
    n_ad = inverse * (inverse * (m * s_ad) - two * (still * still) * x_ad)
    n_ad = n_ad if n > typed(LEAST, n) else typed(0.0, n)
    return -inverse * s_ad, n_ad, -two * (relative * relative / slope_max) * x_ad


@point
def triad_flux_ad(exists, volume, delta, delta_g, zeta, zeta_g, m, n, sigma, kappa_r, kappa_g, slope_max, sharp):
    """Return the adjoints (m_ad, n_ad, kappa_redi_ad, kappa_gm_ad, slope_max_ad) of a triad by its fluxes."""
    f, s = triad(True, m, n, sigma, slope_max, sharp)
    weight = masked(exists, -volume)
    A, P, M = delta * delta_g, zeta * delta_g + delta * zeta_g, delta * zeta_g - zeta * delta_g
    along, across = weight * (A + s * P), weight * ((s + sigma) * M)
    f_ad, s_ad = kappa_r * along + kappa_g * across, weight * f * (kappa_r * P + kappa_g * M)
    m_ad, n_ad, slope_max_ad = triad_ad(f_ad, s_ad, m, n, sigma, slope_max, sharp)
    return m_ad, n_ad, f * along, f * across, slope_max_ad


@point
def side_ad(volume, delta, delta_g, m, sigma, cell):
    """Return the adjoints (m_ad, n_top_ad, n_base_ad, kappa_redi_ad, kappa_gm_ad, slope_max_ad) at a face of a cell."""
    above, below, zeta, zeta_g, n, kappa_r, kappa_g, horizontal, neutral, slope_max, sharp = cell
    m_top, n_top, r_top, g_top, most_top = triad_flux_ad(
        above, volume, delta, delta_g, zeta[0], zeta_g[0], m, n[0], sigma, neutral * kappa_r, kappa_g, slope_max, sharp
    )
    m_base, n_base, r_base, g_base, most_base = triad_flux_ad(
        below, volume, delta, delta_g, zeta[1], zeta_g[1], m, n[1], sigma, kappa_r, kappa_g, slope_max, sharp
    )
    kappa_r_ad = (neutral * r_top + r_base) - volume * horizontal * (delta * delta_g)
    return m_top + m_base, n_top, n_base, kappa_r_ad, g_top + g_base, most_top + most_base


@kernel
def triad_fluxes_ad(
    C, T, S, b_T, b_S, kappa_redi, kappa_gm, slope_max, sharp, grid, g,
    kappa_redi_ad, kappa_gm_ad, slope_max_ad, m_e, m_w, m_n, m_s, n_top, n_base,
):  # fmt: skip
    """Compute the adjoint of the fluxes of triads, to the gradients of the density and the parameters.

    Parameters
    ----------
    C : ndarray, shape (nk, nj, ni)
        Tracer [units].
    T, S : ndarray, shape (nk, nj, ni)
        Temperature [degC] and salinity [g kg-1].
    b_T, b_S : ndarray, shape (nk, nj, ni)
        Derivatives of the buoyancy by T [m s-2 K-1] and S [m s-2 (g/kg)-1].
    kappa_redi, kappa_gm : ndarray, shape (1 or nk, nj, ni)
        Isoneutral diffusivity and eddy-induced diffusivity [m2 s-1].
    slope_max : ndarray, shape (1, nj, ni)
        Slope above which fluxes are reduced [1].
    sharp : bool
        True for the factor of `dm95`, False for that of `gerdes`.
    grid : Grid
        Metric terms and masks.
    g : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency over the area, halo filled.
    kappa_redi_ad, kappa_gm_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the diffusivities, added to.
    slope_max_ad : ndarray, shape (1, nj, ni)
        Adjoint of slope_max, added to.
    m_e, m_w, m_n, m_s : ndarray, shape (nk, nj, ni)
        Adjoint of the gradients of the density at the faces of each cell, written on the interior; 0 on land.
    n_top, n_base : ndarray, shape (nk, nj, ni)
        Adjoint of the stratification at its top and base, written on the interior; 0 on land.
    """
    nk, nj, ni = C.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            n_r, n_g = layer_index(kappa_redi, k), layer_index(kappa_gm, k)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                above, below, n_0, n_1 = stratification(T, S, b_T, b_S, grid, k, j, i)
                zeta = (along_z(C, grid, k, j, i), along_z(C, grid, k + 1, j, i))
                zeta_g = (along_z(g, grid, k, j, i), along_z(g, grid, k + 1, j, i))
                kappa_r, kappa_g, most = kappa_redi[n_r, j, i], kappa_gm[n_g, j, i], slope_max[0, j, i]
                horizontal, neutral = boundary_weights(k, above, below, kappa_r)
                cell = (above, below, zeta, zeta_g, (n_0, n_1), kappa_r, kappa_g, horizontal, neutral, most, sharp)
                m, sigma = gradient_x(T, S, b_T, b_S, grid, k, j, i, i)
                delta, delta_g = along_x(C, grid, k, j, i), along_x(g, grid, k, j, i)
                e, e_up, e_down, e_r, e_g, e_m = side_ad(volume_x(grid, k, j, i), delta, delta_g, m, sigma, cell)
                m, sigma = gradient_x(T, S, b_T, b_S, grid, k, j, i, i - ONE)
                delta, delta_g = along_x(C, grid, k, j, i - ONE), along_x(g, grid, k, j, i - ONE)
                w, w_up, w_down, w_r, w_g, w_m = side_ad(volume_x(grid, k, j, i - ONE), delta, delta_g, m, sigma, cell)
                m, sigma = gradient_y(T, S, b_T, b_S, grid, k, j, i, j)
                delta, delta_g = along_y(C, grid, k, j, i), along_y(g, grid, k, j, i)
                n, n_up, n_down, n_k, n_h, n_m = side_ad(volume_y(grid, k, j, i), delta, delta_g, m, sigma, cell)
                m, sigma = gradient_y(T, S, b_T, b_S, grid, k, j, i, j - 1)
                delta, delta_g = along_y(C, grid, k, j - 1, i), along_y(g, grid, k, j - 1, i)
                s, s_up, s_down, s_r, s_g, s_m = side_ad(volume_y(grid, k, j - 1, i), delta, delta_g, m, sigma, cell)
                water = grid.mask_t[k, j, i]
                m_e[k, j, i], m_w[k, j, i] = masked(water, e), masked(water, w)
                m_n[k, j, i], m_s[k, j, i] = masked(water, n), masked(water, s)
                n_top[k, j, i] = masked(water, (e_up + w_up) + (n_up + s_up))
                n_base[k, j, i] = masked(water, (e_down + w_down) + (n_down + s_down))
                kappa_redi_ad[n_r, j, i] += masked(water, (e_r + w_r) + (n_k + s_r))
                kappa_gm_ad[n_g, j, i] += masked(water, (e_g + w_g) + (n_h + s_g))
                slope_max_ad[0, j, i] += masked(water, (e_m + w_m) + (n_m + s_m))


@kernel
def subtract_triad_fluxes(east, west, north, south, top, base, grid, C_ad):
    """Add the adjoint of the tracer, the convergence of the transposed fluxes.

    Parameters
    ----------
    east, west, north, south, top, base : ndarray, shape (nk, nj, ni)
        Fluxes of g with -kappa_gm, as in `ogcm.operators.isoneutral.triad_fluxes`.
    grid : Grid
        Metric terms and masks.
    C_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tracer, added to.
    """
    nk, nj, ni = C_ad.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                divergence = triad_divergence(east, west, north, south, top, base, k, j, i)
                C_ad[k, j, i] -= masked(grid.mask_t[k, j, i], divergence)


@point
def slope_square_ad(q, kappa, volume, m, n, sigma, slope_max, sharp):
    """Return the adjoints (m_ad, n_ad, kappa_redi_ad, slope_max_ad) of a triad by K_33."""
    f, s = triad(True, m, n, sigma, slope_max, sharp)
    weight = q * volume
    square = weight * (s * s)
    m_ad, n_ad, slope_max_ad = triad_ad(
        kappa * square, typed(2.0, n) * (weight * f * kappa * s), m, n, sigma, slope_max, sharp
    )
    return m_ad, n_ad, f * square, slope_max_ad


@point
def side_mixing_ad(volume, m, sigma, cell):
    """Return the adjoints (m_ad, n_top_ad, n_base_ad, kappa_redi_ad, slope_max_ad) at a face of a cell, by K_33."""
    q_top, q_base, n, kappa, neutral, slope_max, sharp = cell
    m_top, n_top, r_top, most_top = slope_square_ad(q_top * neutral, kappa, volume, m, n[0], sigma, slope_max, sharp)
    m_base, n_base, r_base, most_base = slope_square_ad(q_base, kappa, volume, m, n[1], sigma, slope_max, sharp)
    return m_top + m_base, n_top, n_base, r_top + r_base, most_top + most_base


@kernel
def triad_mixing_ad(
    T, S, b_T, b_S, kappa_redi, slope_max, sharp, grid, kappa_v_ad, kappa_redi_ad, slope_max_ad,
    m_e, m_w, m_n, m_s, n_top, n_base,
):  # fmt: skip
    """Compute the adjoint of K_33, to the gradients of the density and the parameters.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Temperature [degC] and salinity [g kg-1].
    b_T, b_S : ndarray, shape (nk, nj, ni)
        Derivatives of the buoyancy by T [m s-2 K-1] and S [m s-2 (g/kg)-1].
    kappa_redi : ndarray, shape (1 or nk, nj, ni)
        Isoneutral diffusivity [m2 s-1].
    slope_max : ndarray, shape (1, nj, ni)
        Slope above which fluxes are reduced [1].
    sharp : bool
        True for the factor of `dm95`, False for that of `gerdes`.
    grid : Grid
        Metric terms and masks.
    kappa_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the vertical diffusivity.
    kappa_redi_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the diffusivity, added to.
    slope_max_ad : ndarray, shape (1, nj, ni)
        Adjoint of slope_max, added to.
    m_e, m_w, m_n, m_s : ndarray, shape (nk, nj, ni)
        Adjoint of the gradients of the density at the faces of each cell, written on the interior; 0 on land.
    n_top, n_base : ndarray, shape (nk, nj, ni)
        Adjoint of the stratification at its top and base, written on the interior; 0 on land.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            layer = layer_index(kappa_redi, k)
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                above, below, n_0, n_1 = stratification(T, S, b_T, b_S, grid, k, j, i)
                q_top = per_distance(kappa_v_ad[k, j, i], grid, k, j, i) * grid.r_area_t[j, i]
                q_base = per_distance(kappa_v_ad[k + 1, j, i], grid, k + 1, j, i) * grid.r_area_t[j, i]
                kappa, most = kappa_redi[layer, j, i], slope_max[0, j, i]
                _, neutral = boundary_weights(k, above, below, kappa)
                cell = (q_top, q_base, (n_0, n_1), kappa, neutral, most, sharp)
                m, sigma = gradient_x(T, S, b_T, b_S, grid, k, j, i, i)
                e, e_up, e_down, e_r, e_m = side_mixing_ad(volume_x(grid, k, j, i), m, sigma, cell)
                m, sigma = gradient_x(T, S, b_T, b_S, grid, k, j, i, i - ONE)
                w, w_up, w_down, w_r, w_m = side_mixing_ad(volume_x(grid, k, j, i - ONE), m, sigma, cell)
                m, sigma = gradient_y(T, S, b_T, b_S, grid, k, j, i, j)
                n, n_up, n_down, n_r, n_m = side_mixing_ad(volume_y(grid, k, j, i), m, sigma, cell)
                m, sigma = gradient_y(T, S, b_T, b_S, grid, k, j, i, j - 1)
                s, s_up, s_down, s_r, s_m = side_mixing_ad(volume_y(grid, k, j - 1, i), m, sigma, cell)
                water = grid.mask_t[k, j, i]
                m_e[k, j, i], m_w[k, j, i] = masked(water, e), masked(water, w)
                m_n[k, j, i], m_s[k, j, i] = masked(water, n), masked(water, s)
                n_top[k, j, i] = masked(water, (e_up + w_up) + (n_up + s_up))
                n_base[k, j, i] = masked(water, (e_down + w_down) + (n_down + s_down))
                kappa_redi_ad[layer, j, i] += masked(water, (e_r + w_r) + (n_r + s_r))
                slope_max_ad[0, j, i] += masked(water, (e_m + w_m) + (n_m + s_m))


@point
def gathered(b, m_e, m_w, m_n, m_s, n_top, n_base, grid, k, j, i):
    """Return the adjoint of T or S of a cell through the gradients of the density, with its expansion b."""
    nk, west, south = b.shape[0], i - ONE, j - 1
    east_face = b[k, j, i] * m_e[k, j, i] + b[k, j, i + ONE] * m_w[k, j, i + ONE]
    west_face = b[k, j, west] * m_e[k, j, west] + b[k, j, i] * m_w[k, j, i]
    north_face = b[k, j, i] * m_n[k, j, i] + b[k, j + 1, i] * m_s[k, j + 1, i]
    south_face = b[k, south, i] * m_n[k, south, i] + b[k, j, i] * m_s[k, j, i]
    above, below = max(k - 1, 0), min(k + 1, nk - 1)
    at_top = per_distance(b[k, j, i] * n_top[k, j, i] + b[above, j, i] * n_base[above, j, i], grid, k, j, i)
    at_base = per_distance(b[below, j, i] * n_top[below, j, i] + b[k, j, i] * n_base[k, j, i], grid, k + 1, j, i)
    west_face = masked(grid.mask_u[k, j, west], west_face * grid.r_dx_u[j, west])
    east_face = masked(grid.mask_u[k, j, i], east_face * grid.r_dx_u[j, i])
    south_face = masked(grid.mask_v[k, south, i], south_face * grid.r_dy_v[south, i])
    north_face = masked(grid.mask_v[k, j, i], north_face * grid.r_dy_v[j, i])
    return ((west_face - east_face) + (south_face - north_face)) + (at_base - at_top)


@point
def expansion_ad(X, m_e, m_w, m_n, m_s, n_top, n_base, grid, k, j, i):
    """Return the adjoint of the expansion b_X of a cell."""
    along = m_e[k, j, i] * along_x(X, grid, k, j, i) + m_w[k, j, i] * along_x(X, grid, k, j, i - ONE)
    across = m_n[k, j, i] * along_y(X, grid, k, j, i) + m_s[k, j, i] * along_y(X, grid, k, j - 1, i)
    up = n_top[k, j, i] * along_z(X, grid, k, j, i) + n_base[k, j, i] * along_z(X, grid, k + 1, j, i)
    return (along + across) + up


@kernel
def density_gradients_ad(
    T, S, b_T, b_S, m_e, m_w, m_n, m_s, n_top, n_base, grid, T_ad, S_ad, b_T_ad, b_S_ad
):  # fmt: skip
    """Add the adjoint of T, S and the expansions by the gradients of the density.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Temperature [degC] and salinity [g kg-1].
    b_T, b_S : ndarray, shape (nk, nj, ni)
        Derivatives of the buoyancy by T [m s-2 K-1] and S [m s-2 (g/kg)-1].
    m_e, m_w, m_n, m_s, n_top, n_base : ndarray, shape (nk, nj, ni)
        Adjoint of the gradients of the density of each cell, halo filled; 0 on land.
    grid : Grid
        Metric terms and masks.
    T_ad, S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of T and S, added to.
    b_T_ad, b_S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of b_T and b_S, added to.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                T_ad[k, j, i] += gathered(b_T, m_e, m_w, m_n, m_s, n_top, n_base, grid, k, j, i)
                S_ad[k, j, i] += gathered(b_S, m_e, m_w, m_n, m_s, n_top, n_base, grid, k, j, i)
                b_T_ad[k, j, i] += expansion_ad(T, m_e, m_w, m_n, m_s, n_top, n_base, grid, k, j, i)
                b_S_ad[k, j, i] += expansion_ad(S, m_e, m_w, m_n, m_s, n_top, n_base, grid, k, j, i)


def isoneutral_diffusion_ad(
    C, T, S, b_T, b_S, kappa_redi, kappa_gm, slope_max, sharp, fluxes, grid, out_ad,
    C_ad, T_ad, S_ad, b_T_ad, b_S_ad, kappa_redi_ad, kappa_gm_ad, slope_max_ad, g,
):  # fmt: skip
    """Add the adjoint of isoneutral diffusion and eddy-induced advection of a tracer, without K_33.

    Parameters
    ----------
    C, T, S, b_T, b_S, kappa_redi, kappa_gm, slope_max, sharp : object
        As in `triad_fluxes_ad`.
    fluxes : TriadFluxes
        Work arrays, overwritten.
    grid : Grid
        Metric terms and masks.
    out_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the tendency, halo filled.
    C_ad, T_ad, S_ad, b_T_ad, b_S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of tracer, temperature, salinity and expansions, added to.
    kappa_redi_ad, kappa_gm_ad, slope_max_ad : ndarray
        Adjoint of the parameters, added to.
    g : ndarray, shape (nk, nj, ni)
        Work array, overwritten.
    """
    np.multiply(out_ad, grid.r_area_t, out=g)
    minus_one = grid.h_t.dtype.type(-1)
    triad_fluxes(g, T, S, b_T, b_S, kappa_redi, kappa_gm, slope_max, sharp, minus_one, grid, *fluxes)
    subtract_triad_fluxes(*fluxes, grid, C_ad)
    water, parameters = (T, S, b_T, b_S), (kappa_redi, kappa_gm, slope_max, sharp)
    triad_fluxes_ad(C, *water, *parameters, grid, g, kappa_redi_ad, kappa_gm_ad, slope_max_ad, *fluxes)
    exchange(grid, *fluxes)
    density_gradients_ad(*water, *fluxes, grid, T_ad, S_ad, b_T_ad, b_S_ad)


def isoneutral_mixing_ad(
    T, S, b_T, b_S, kappa_redi, slope_max, sharp, grid, kappa_v_ad,
    T_ad, S_ad, b_T_ad, b_S_ad, kappa_redi_ad, slope_max_ad, m_e, m_w, m_n, m_s, n_top, n_base,
):  # fmt: skip
    """Add the adjoint of K_33.

    Parameters
    ----------
    T, S, b_T, b_S, kappa_redi, slope_max, sharp : object
        As in `triad_mixing_ad`.
    grid : Grid
        Metric terms and masks.
    kappa_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the vertical diffusivity.
    T_ad, S_ad, b_T_ad, b_S_ad : ndarray, shape (nk, nj, ni)
        Adjoint of temperature, salinity and expansions, added to.
    kappa_redi_ad, slope_max_ad : ndarray
        Adjoint of the parameters, added to.
    m_e, m_w, m_n, m_s, n_top, n_base : ndarray, shape (nk, nj, ni)
        Work arrays, overwritten.
    """
    water, parameters = (T, S, b_T, b_S), (kappa_redi, slope_max, sharp)
    gradients = (m_e, m_w, m_n, m_s, n_top, n_base)
    triad_mixing_ad(*water, *parameters, grid, kappa_v_ad, kappa_redi_ad, slope_max_ad, *gradients)
    exchange(grid, *gradients)
    density_gradients_ad(*water, *gradients, grid, T_ad, S_ad, b_T_ad, b_S_ad)
