"""Isoneutral diffusion and eddy-induced advection of tracers, as one skew flux through triads of cells.

Eddies mix tracers along neutral surfaces (Redi 1982, doi 10.1175/1520-0485(1982)012<1154:OIMBCR>2.0.CO;2) and flatten
these surfaces (Gent and McWilliams 1990, doi 10.1175/1520-0485(1990)020<0150:IMIOCM>2.0.CO;2). With the slope s of a
neutral surface, both are one flux down a gradient (Griffies 1998, doi
10.1175/1520-0485(1998)028<0831:TGMSF>2.0.CO;2), here along x and z, likewise along y:

    d(hC)/dt = div( h f | kappa_redi                   (kappa_redi - kappa_gm) s | grad C )
                        | (kappa_redi + kappa_gm) s     kappa_redi s^2           |

It is discretised by triads (Griffies et al. 1998, doi 10.1175/1520-0485(1998)028<0805:IDIAZC>2.0.CO;2). A triad
consists of a cell, the cell beside one of its four faces, and the cell above or below it:

    .-------.           delta = (C_{i+1} - C_i)/dx        m = b_T delta_T + b_S delta_S     s = -m/n
    | k - 1 |           zeta  = (C_{k-1} - C_k)/dz        n = b_T zeta_T + b_S zeta_S
    |---^---|-------.
    |   k   > i + 1 |   b_T, b_S: expansion of the water of cell k, so that n is N2, and m the gradient of the density
    '-------'-------'   at the depth of that cell: s is the slope of a neutral surface, not of a potential density

    flux through the face       X = -sum over 4 triads of dy h/4   f [ kappa_redi (delta + s zeta) - kappa_gm t zeta ]
    upward through the top      Z = -sum over 8 triads of V/dz     f [ kappa_redi s + kappa_gm t ] delta

    K_33 = sum over 8 triads of V/(area dz)  f kappa_redi s^2,     V = dx dy h/4

Z lacks the flux -K_33 zeta, which is implicit: K_33 is added to the vertical diffusivity. Layers are those at rest.
Over partial cells the line between two centres has a slope sigma; s is relative to it, t = s + sigma to the horizontal.

Neutral diffusion of T and S makes no flux of density: b_T (delta_T + s zeta_T) + b_S (delta_S + s zeta_S) = 0 for each
triad. It lowers the variance of every tracer, and the skew flux of kappa_gm leaves it as it is.

Triads without a cell above or below do not exist. In their place, eddies mix horizontally in the upper half of the
first layer, where neutral surfaces meet the surface: X has the further term -dy h/2 kappa_redi delta, with f = 1. In
the last cell above the sea floor, where horizontal mixing would cross neutral surfaces along every slope of the sea
floor, the triads above count twice in the terms of kappa_redi. kappa_gm has neither: the eddy-induced transport along
both boundaries is that of the streamfunction f kappa_gm t at the next interface.

The fluxes of steep slopes, which the mixed layer has, are reduced by a factor f, in smooth forms of

    gerdes   f = 1/sqrt(1 + x^2)     (slope_max/t)^2 for steep slopes (Gerdes et al. 1991, doi 10.1007/BF00210006)
    dm95     f = 1/(1 + x^4)         a faster decay around slope_max (Danabasoglu and McWilliams 1995, doi
                                     10.1175/1520-0442(1995)008<2967:SOTGOC>2.0.CO;2, whose tanh of width slope_max/4
                                     it follows to 0.05)
    x = (t/slope_max)^2 + (STILL/n)^2

so that the fluxes vanish smoothly where N2 falls to 0 and in unstable water.

Adjoint. See `adjoint.operators.isoneutral`. Kink: at n = LEAST, below which s does not depend on n, and f < 1e-4.
"""

from typing import NamedTuple

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, QUARTER, kernel, larger, point, root, typed
from ogcm.operators.stencils import layer_index, masked

STILL = 1e-10  # N2 below which there are no eddies [s-2]
LEAST = 1e-12  # least N2 in a slope [s-2]


@point
def along_x(X, grid, k, j, i):
    """Return (X_{i+1} - X_i)/dx at the eastern face of a cell; 0 through land."""
    return masked(grid.mask_u[k, j, i], (X[k, j, i + ONE] - X[k, j, i]) * grid.r_dx_u[j, i])


@point
def along_y(X, grid, k, j, i):
    """Return (X_{j+1} - X_j)/dy at the northern face of a cell; 0 through land."""
    return masked(grid.mask_v[k, j, i], (X[k, j + 1, i] - X[k, j, i]) * grid.r_dy_v[j, i])


@point
def per_distance(value, grid, k, j, i):
    """Return `value` over the distance of cell k from that above it; 0 at the surface, the sea floor and on land."""
    above, here = max(k - 1, 0), min(k, grid.z_t.shape[0] - 1)
    inside, distance = grid.mask_t[here, j, i] == 1 and above < here, grid.z_t[above, j, i] - grid.z_t[here, j, i]
    return masked(inside, value / (distance if inside else typed(1.0, distance)))


@point
def along_z(X, grid, k, j, i):
    """Return (X_{k-1} - X_k)/dz at the top of cell k; 0 at the surface, the sea floor and on land."""
    above, here = max(k - 1, 0), min(k, X.shape[0] - 1)
    return per_distance(X[above, j, i] - X[here, j, i], grid, k, j, i)


@point
def steepness(t, inverse, slope_max):
    """Return x of a triad with the slope t and 1/n = `inverse`."""
    relative, still = t / slope_max, typed(STILL, t) * inverse
    return relative * relative + still * still


@point
def taper(x, sharp):
    """Return f: that of `dm95` where `sharp`, else that of `gerdes`."""
    one, square = typed(1.0, x), x * x
    return one / ((one + square * square) if sharp else root(one + square))


@point
def triad(exists, m, n, sigma, slope_max, sharp):
    """Return (f, s); f is 0 where the triad does not exist."""
    inverse = typed(1.0, n) / larger(n, typed(LEAST, n))
    s = -m * inverse
    return masked(exists, taper(steepness(s + sigma, inverse, slope_max), sharp)), s


@point
def stratification(T, S, b_T, b_S, grid, k, j, i):
    """Return (above, below, n of the top, n of the base) of a cell; `above`, `below`: water above, below it."""
    above, below = grid.mask_t[k, j, i] == 1 and k > 0, k + 1 < grid.bottom_t[j, i]
    n_top = b_T[k, j, i] * along_z(T, grid, k, j, i) + b_S[k, j, i] * along_z(S, grid, k, j, i)
    n_base = b_T[k, j, i] * along_z(T, grid, k + 1, j, i) + b_S[k, j, i] * along_z(S, grid, k + 1, j, i)
    return above, below, n_top, n_base


@point
def boundary_weights(k, above, below, like):
    """Return the weights (horizontal, neutral) of horizontal mixing, and of neutral mixing by the triads above a cell.

    `above` and `below` tell whether the cell has water there; the weights have the type of `like`.
    """
    one, zero = typed(1.0, like), typed(0.0, like)
    return one if k == 0 else zero, one + one if above and not below else one


@point
def gradient_x(T, S, b_T, b_S, grid, k, j, i, face):
    """Return (m, sigma) of the cell i at the U point `face`."""
    m = b_T[k, j, i] * along_x(T, grid, k, j, face) + b_S[k, j, i] * along_x(S, grid, k, j, face)
    return m, along_x(grid.z_t, grid, k, j, face)


@point
def gradient_y(T, S, b_T, b_S, grid, k, j, i, face):
    """Return (m, sigma) of the cell j at the V point `face`."""
    m = b_T[k, j, i] * along_y(T, grid, k, face, i) + b_S[k, j, i] * along_y(S, grid, k, face, i)
    return m, along_y(grid.z_t, grid, k, face, i)


@point
def area_x(grid, k, j, i):
    """Return dy h/4 at a U point [m2]; 0 on land."""
    return masked(grid.mask_u[k, j, i], QUARTER * grid.dy_u[j, i] * grid.h_u[k, j, i])


@point
def area_y(grid, k, j, i):
    """Return dx h/4 at a V point [m2]; 0 on land."""
    return masked(grid.mask_v[k, j, i], QUARTER * grid.dx_v[j, i] * grid.h_v[k, j, i])


@point
def volume_x(grid, k, j, i):
    """Return V = dx dy h/4 at a U point [m3]; 0 on land."""
    return area_x(grid, k, j, i) * grid.dx_u[j, i]


@point
def volume_y(grid, k, j, i):
    """Return V = dx dy h/4 at a V point [m3]; 0 on land."""
    return area_y(grid, k, j, i) * grid.dy_v[j, i]


@point
def side_fluxes(delta, zeta_top, zeta_base, m, sigma, cell):
    """Return the fluxes of the two triads of a cell at one of its faces: through the face, top and base.

    They lack their factors -dy h/4 and -V/dz. `cell` holds what all triads of a cell share.
    """
    above, below, n_top, n_base, kappa_r, kappa_g, horizontal, neutral, slope_max, sharp = cell
    f_top, s_top = triad(above, m, n_top, sigma, slope_max, sharp)
    f_base, s_base = triad(below, m, n_base, sigma, slope_max, sharp)
    r_top, g_top = neutral * kappa_r * f_top, kappa_g * f_top * (s_top + sigma)
    r_base, g_base = kappa_r * f_base, kappa_g * f_base * (s_base + sigma)
    through_top = r_top * (delta + s_top * zeta_top) - g_top * zeta_top
    through_base = r_base * (delta + s_base * zeta_base) - g_base * zeta_base
    through = (through_top + through_base) + horizontal * kappa_r * delta
    return through, (r_top * s_top + g_top) * delta, (r_base * s_base + g_base) * delta


@kernel
def triad_fluxes(
    C, T, S, b_T, b_S, kappa_redi, kappa_gm, slope_max, sharp, sign, grid, east, west, north, south, top, base
):  # fmt: skip
    """Compute the fluxes of the triads of each cell, without those by K_33.

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
    sign : float
        1, or -1 for the transposed fluxes.
    grid : Grid
        Metric terms and masks.
    east, west, north, south : ndarray, shape (nk, nj, ni)
        Fluxes of the triads of a cell through its faces, positive eastward and northward [units m3 s-1]. They and
        those below are written on the interior and one cell around it; 0 on land.
    top, base : ndarray, shape (nk, nj, ni)
        Upward fluxes of the triads of a cell through its top and base [units m3 s-1].
    """
    nk, nj, ni = C.shape
    for j in prange(HALO - 1, nj - HALO + 1):
        for k in range(nk):
            for ii in range(HALO - 1, ni - HALO + 1):
                i = np.uintp(ii)
                kappa_r = kappa_redi[layer_index(kappa_redi, k), j, i]
                kappa_g = kappa_gm[layer_index(kappa_gm, k), j, i] * sign
                above, below, n_top, n_base = stratification(T, S, b_T, b_S, grid, k, j, i)
                horizontal, neutral = boundary_weights(k, above, below, kappa_r)
                cell = (above, below, n_top, n_base, kappa_r, kappa_g, horizontal, neutral, slope_max[0, j, i], sharp)
                up, down, water = along_z(C, grid, k, j, i), along_z(C, grid, k + 1, j, i), grid.mask_t[k, j, i]
                m, sigma = gradient_x(T, S, b_T, b_S, grid, k, j, i, i)
                e, e_up, e_down = side_fluxes(along_x(C, grid, k, j, i), up, down, m, sigma, cell)
                m, sigma = gradient_x(T, S, b_T, b_S, grid, k, j, i, i - ONE)
                w, w_up, w_down = side_fluxes(along_x(C, grid, k, j, i - ONE), up, down, m, sigma, cell)
                m, sigma = gradient_y(T, S, b_T, b_S, grid, k, j, i, j)
                n, n_up, n_down = side_fluxes(along_y(C, grid, k, j, i), up, down, m, sigma, cell)
                m, sigma = gradient_y(T, S, b_T, b_S, grid, k, j, i, j - 1)
                s, s_up, s_down = side_fluxes(along_y(C, grid, k, j - 1, i), up, down, m, sigma, cell)
                v_e, v_w = volume_x(grid, k, j, i), volume_x(grid, k, j, i - ONE)
                v_n, v_s = volume_y(grid, k, j, i), volume_y(grid, k, j - 1, i)
                to_top = (v_e * e_up + v_w * w_up) + (v_n * n_up + v_s * s_up)
                to_base = (v_e * e_down + v_w * w_down) + (v_n * n_down + v_s * s_down)
                east[k, j, i] = masked(water, -area_x(grid, k, j, i) * e)
                west[k, j, i] = masked(water, -area_x(grid, k, j, i - ONE) * w)
                north[k, j, i] = masked(water, -area_y(grid, k, j, i) * n)
                south[k, j, i] = masked(water, -area_y(grid, k, j - 1, i) * s)
                top[k, j, i] = masked(water, -per_distance(to_top, grid, k, j, i))
                base[k, j, i] = masked(water, -per_distance(to_base, grid, k + 1, j, i))


@point
def triad_divergence(east, west, north, south, top, base, k, j, i):
    """Return the divergence of the fluxes of the triads of all cells around a cell [units m3 s-1]."""
    nk = top.shape[0]
    from_above = base[max(k - 1, 0), j, i] if k > 0 else typed(0.0, top[k, j, i])
    from_below = top[min(k + 1, nk - 1), j, i] if k + 1 < nk else typed(0.0, top[k, j, i])
    eastward = (east[k, j, i] + west[k, j, i + ONE]) - (east[k, j, i - ONE] + west[k, j, i])
    northward = (north[k, j, i] + south[k, j + 1, i]) - (north[k, j - 1, i] + south[k, j, i])
    return (eastward + northward) + ((top[k, j, i] + from_above) - (base[k, j, i] + from_below))


@kernel
def add_triad_fluxes(east, west, north, south, top, base, grid, out):
    """Add the convergence of the fluxes of triads to the tendency of a tracer.

    Parameters
    ----------
    east, west, north, south, top, base : ndarray, shape (nk, nj, ni)
        Fluxes as in `triad_fluxes`.
    grid : Grid
        Metric terms and masks.
    out : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendency [units m s-1]; the result is added on the interior.
    """
    nk, nj, ni = out.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                out[k, j, i] -= triad_divergence(east, west, north, south, top, base, k, j, i) * grid.r_area_t[j, i]


@point
def slope_square(volume, m, n, sigma, slope_max, sharp):
    """Return volume f s^2 of a triad."""
    f, s = triad(True, m, n, sigma, slope_max, sharp)
    return volume * f * (s * s)


@point
def slope_squares(n, T, S, b_T, b_S, slope_max, sharp, grid, k, j, i):
    """Return the sum of V f s^2 over the four triads of a cell that have the stratification n [m3]; all four exist."""
    west, most = i - ONE, slope_max[0, j, i]
    m_e, sigma_e = gradient_x(T, S, b_T, b_S, grid, k, j, i, i)
    m_w, sigma_w = gradient_x(T, S, b_T, b_S, grid, k, j, i, west)
    m_n, sigma_n = gradient_y(T, S, b_T, b_S, grid, k, j, i, j)
    m_s, sigma_s = gradient_y(T, S, b_T, b_S, grid, k, j, i, j - 1)
    return (
        slope_square(volume_x(grid, k, j, i), m_e, n, sigma_e, most, sharp)
        + slope_square(volume_x(grid, k, j, west), m_w, n, sigma_w, most, sharp)
    ) + (
        slope_square(volume_y(grid, k, j, i), m_n, n, sigma_n, most, sharp)
        + slope_square(volume_y(grid, k, j - 1, i), m_s, n, sigma_s, most, sharp)
    )


@kernel
def isoneutral_mixing(T, S, b_T, b_S, kappa_redi, slope_max, sharp, grid, kappa_v):
    """Add K_33 to the vertical diffusivity.

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
    kappa_v : ndarray, shape (nk + 1, nj, ni)
        Vertical diffusivity at the tops of the cells [m2 s-1]; the result is added on the interior.
    """
    nk, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                T_up, S_up = along_z(T, grid, k, j, i), along_z(S, grid, k, j, i)
                n_base = b_T[k - 1, j, i] * T_up + b_S[k - 1, j, i] * S_up
                n_top = b_T[k, j, i] * T_up + b_S[k, j, i] * S_up
                above = slope_squares(n_base, T, S, b_T, b_S, slope_max, sharp, grid, k - 1, j, i)
                below = slope_squares(n_top, T, S, b_T, b_S, slope_max, sharp, grid, k, j, i)
                kappa_above = kappa_redi[layer_index(kappa_redi, k - 1), j, i]
                kappa_below = kappa_redi[layer_index(kappa_redi, k), j, i]
                _, neutral = boundary_weights(k, True, k + 1 < grid.bottom_t[j, i], kappa_below)
                kappa_below = neutral * kappa_below
                total = per_distance(kappa_above * above + kappa_below * below, grid, k, j, i) * grid.r_area_t[j, i]
                kappa_v[k, j, i] += masked(grid.mask_t[k, j, i], total)


class TriadFluxes(NamedTuple):
    """Work arrays for the fluxes of the triads of each cell [units m3 s-1], as `triad_fluxes` computes them.

    Attributes
    ----------
    east, west, north, south : ndarray, shape (nk, nj, ni)
        Through its faces.
    top, base : ndarray, shape (nk, nj, ni)
        Upward through its top and base.
    """

    east: np.ndarray
    west: np.ndarray
    north: np.ndarray
    south: np.ndarray
    top: np.ndarray
    base: np.ndarray


def isoneutral_diffusion(C, T, S, b_T, b_S, kappa_redi, kappa_gm, slope_max, sharp, fluxes, grid, out):
    """Add isoneutral diffusion and eddy-induced advection of a tracer to its tendency, without K_33.

    Parameters
    ----------
    C, T, S, b_T, b_S, kappa_redi, kappa_gm, slope_max, sharp : object
        As in `triad_fluxes`.
    fluxes : TriadFluxes
        Work arrays, overwritten.
    grid : Grid
        Metric terms and masks.
    out : ndarray, shape (nk, nj, ni)
        Thickness-weighted tendency [units m s-1]; the result is added on the interior.
    """
    one = grid.h_t.dtype.type(1)
    triad_fluxes(C, T, S, b_T, b_S, kappa_redi, kappa_gm, slope_max, sharp, one, grid, *fluxes)
    add_triad_fluxes(*fluxes, grid, out)
