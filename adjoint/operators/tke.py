"""Adjoint of `ogcm/operators/tke.py`, at tops with water on both sides.

The closure, with n = max(N2, 0), a = n/(2 e), q = a^2 + rest, r = n/((S2 + EPS) Ri_c):

    l = q^(-1/4),  s = sqrt(e),  nu = c_k l s,  P = (1 + r^4)^(1/4),  kappa = nu/P

from nu_ad, kappa_ad, and l_ad, s_ad of the dissipation (`turbulence_ad`):

    nu_ad += kappa_ad/P,   r_ad = -kappa r^3/P^4 kappa_ad
    n_ad += r_ad/((S2 + EPS) Ri_c),   S2_ad -= r_ad r/(S2 + EPS),   Ri_c_ad -= r_ad r/Ri_c
    c_k_ad += l s nu_ad,   l_ad += c_k s nu_ad,   s_ad += c_k l nu_ad
    a_ad = -a l^5/2 l_ad,   n_ad += a_ad/(2 e),   e_ad += s_ad/(2 s) - a_ad a/e,   N2_ad += n_ad where N2 > 0

tke_mixing     nu_v = nu_b + nu, kappa_v = kappa_b + kappa (+ convective where N2 < 0): each input gets its adjoint

advance_tke    M x = b with a symmetric M. With M y = x_ad at the tops within the water and y = 0 at the surface and at
               the sea floor, and d = c_eps s/l:

    b_k = dz (e + dt source):   e_ad += dz y,   source_ad = dt dz y
    M_k = dz (1 + dt sink):     sink_ad = -dt dz x y
    c_k:                        c_k_ad = -(y_k - y_{k+1}) (x_k - x_{k+1}),   nu_ad += dt/h_k c_k_ad, half where two meet
    source = P - kappa min(N2, 0) + d e_b:   P_ad += source_ad,
        kappa_ad -= min(N2, 0) source_ad,   N2_ad -= kappa source_ad where N2 < 0,   e_b_ad += d source_ad
    sink = kappa n/e + d:       kappa_ad += n/e sink_ad,   n_ad += kappa/e sink_ad,   e_ad -= kappa n/e^2 sink_ad
    d_ad = e_b source_ad + sink_ad:   c_eps_ad += s/l d_ad,   s_ad = c_eps/l d_ad,   l_ad = -d/l d_ad
    x_0 = e_s:                  e_s_ad += x_ad_0 + c_0 y_1;   at the sea floor, where x = e_b, e_b_ad += c_k y_k

shear_production   with s = P_ad/dz^2 at T, 0 on land, and the difference D = u_{k-1} - u_k of a face between i and i+1:
    u_ad_{k-1} += nu_face D (s_i + s_{i+1}),   u_ad_k -= the same,   nu_v_ad_i += 1/4 sum of the four faces of
    D^2 (s_i + s_beside)

wave_energy    e_s = e_b + c_wave t/rho0, t = |tau| at T:   e_b_ad += e_s_ad,  c_wave_ad += t/rho0 e_s_ad, and with
               g = c_wave e_s_ad/(rho0 t):   tau_x_ad_i += tau_x_i (g_i + g_{i+1})/2,  tau_y likewise

vertical_shear u_ad, v_ad as in `adjoint.operators.vertical_mixing`, from S2_ad/dz^2 of the columns beside them.

Kink: N2 = 0 has the derivative 0 of max(N2, 0) and of min(N2, 0).
"""

import numpy as np
from numba import prange

from adjoint.operators.vertical_mixing import difference_ad, shear_squared_ad
from ogcm.backend import HALF, HALO, ONE, kernel, point, typed
from ogcm.halo import exchange
from ogcm.operators.stencils import layer_index, masked
from ogcm.operators.tke import exchange_coefficient, fourth_power, inverse_distances, tke_row, turbulence, wave_stress
from ogcm.operators.vertical_diffusion import eliminate, substitute_back
from ogcm.operators.vertical_mixing import EPS, positive_part, where_unstable


@point
def turbulence_ad(e, N2, S2, c_k, Ri_c, rest, nu_ad, kappa_ad, s_ad, length_ad):
    """Return the adjoints (e_ad, n_ad, S2_ad, c_k_ad, Ri_c_ad) of the closure; n is max(N2, 0)."""
    nu, kappa, s, length = turbulence(e, N2, S2, c_k, Ri_c, rest)
    n, x = positive_part(N2), S2 + typed(EPS, rest)
    ratio, r_prandtl, a = n / (x * Ri_c), kappa / nu, n / (e + e)
    total = nu_ad + r_prandtl * kappa_ad
    ratio_ad = -kappa * fourth_power(r_prandtl) * ratio * ratio * ratio * kappa_ad
    length_ad = length_ad + c_k * s * total
    s_ad = s_ad + c_k * length * total
    a_ad = -HALF * a * length * fourth_power(length) * length_ad
    n_ad = ratio_ad / (x * Ri_c) + a_ad / (e + e)
    e_ad = s_ad / (s + s) - a_ad * a / e
    return e_ad, n_ad, -ratio_ad * ratio / x, length * s * total, -ratio_ad * ratio / Ri_c


@kernel
def shear_over_distance(S2_ad, grid, s):
    """Compute the adjoint of the squared shear over dz^2.

    Parameters
    ----------
    S2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the squared shear.
    grid : Grid
        Metric terms and masks.
    s : ndarray, shape (nk + 1, nj, ni)
        The quotient, written on the interior; 0 at the surface, at the bottom and on land.
    """
    nk, nj, ni = grid.h_t.shape
    zero = s.dtype.type(0)
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            s[0, j, i] = s[nk, j, i] = zero
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                dz = grid.z_t[k - 1, j, i] - grid.z_t[k, j, i]
                s[k, j, i] = masked(grid.mask_t[k, j, i], S2_ad[k, j, i] / (dz * dz))


def vertical_shear_ad(u, v, grid, S2_ad, u_ad, v_ad, s):
    """Add the adjoint of the squared vertical shear.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms and masks.
    S2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the squared shear.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    s : ndarray, shape (nk + 1, nj, ni)
        Work array, overwritten; 0 on the land of closed sides.
    """
    shear_over_distance(S2_ad, grid, s)
    exchange(grid, s)
    shear_squared_ad(u, v, s, u_ad, v_ad)


@point
def production_ad(u, mask, nu_v, s, k, j, i, beside_j, beside_i):
    """Return nu_face D (s + s_beside), the adjoint of the difference D over the top of cell k; 0 where it is closed."""
    nk = u.shape[0]
    inside = 0 < k < nk and mask[min(k, nk - 1), j, i]
    nu = HALF * (nu_v[k, j, i] + nu_v[k, beside_j, beside_i])
    return masked(inside, nu * difference_ad(u, s[k, j, i], s[k, beside_j, beside_i], k, j, i))


@point
def difference_squared(u, mask, k, j, i):
    """Return (u_{k-1} - u_k)^2 at the top of cell k of a face; 0 where the face is closed."""
    difference = u[k - 1, j, i] - u[k, j, i]
    return masked(mask[k, j, i], difference * difference)


@kernel
def production_of_flow_ad(u, v, nu_v, grid, s, u_ad, v_ad, nu_v_ad):
    """Add the adjoint of the production by shear, from that over dz^2.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    nu_v : ndarray, shape (nk + 1, nj, ni)
        Vertical viscosity at the tops of the cells [m2 s-1], halo filled; 0 at the surface, the bottom and on land.
    grid : Grid
        Metric terms and masks.
    s : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the production over dz^2, halo filled.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    nu_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the viscosity, added to.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                u_ad[k, j, i] += production_ad(u, grid.mask_u, nu_v, s, k + 1, j, i, j, i + ONE)
                u_ad[k, j, i] -= production_ad(u, grid.mask_u, nu_v, s, k, j, i, j, i + ONE)
                v_ad[k, j, i] += production_ad(v, grid.mask_v, nu_v, s, k + 1, j, i, j + 1, i)
                v_ad[k, j, i] -= production_ad(v, grid.mask_v, nu_v, s, k, j, i, j + 1, i)
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                east = difference_squared(u, grid.mask_u, k, j, i) * (s[k, j, i] + s[k, j, i + ONE])
                west = difference_squared(u, grid.mask_u, k, j, i - ONE) * (s[k, j, i] + s[k, j, i - ONE])
                north = difference_squared(v, grid.mask_v, k, j, i) * (s[k, j, i] + s[k, j + 1, i])
                south = difference_squared(v, grid.mask_v, k, j - 1, i) * (s[k, j, i] + s[k, j - 1, i])
                nu_v_ad[k, j, i] += HALF * HALF * masked(grid.mask_t[k, j, i], (east + west) + (north + south))


def shear_production_ad(u, v, nu_v, grid, P_ad, u_ad, v_ad, nu_v_ad, s):
    """Add the adjoint of the production by shear.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    nu_v : ndarray, shape (nk + 1, nj, ni)
        Vertical viscosity at the tops of the cells [m2 s-1], halo filled.
    grid : Grid
        Metric terms and masks.
    P_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the production.
    u_ad, v_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the velocity, added to.
    nu_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the viscosity, added to.
    s : ndarray, shape (nk + 1, nj, ni)
        Work array, overwritten; 0 on the land of closed sides.
    """
    shear_over_distance(P_ad, grid, s)
    exchange(grid, s)
    production_of_flow_ad(u, v, nu_v, grid, s, u_ad, v_ad, nu_v_ad)


@kernel
def wave_energy_ad(tau_x, tau_y, c_wave, background, grid, e_s_ad, tau_x_ad, tau_y_ad, c_wave_ad, background_ad):
    """Add the adjoint of the energy at the surface.

    Parameters
    ----------
    tau_x, tau_y : ndarray, shape (nj, ni)
        Wind stress at U and V points [N m-2].
    c_wave : ndarray, shape (1, nj, ni)
        Energy of the waves relative to |tau|/rho0 [1].
    background : ndarray, shape (1, nj, ni)
        Background energy [m2 s-2].
    grid : Grid
        Metric terms and masks.
    e_s_ad : ndarray, shape (nj, ni)
        Adjoint of the energy at the surface, halo filled.
    tau_x_ad, tau_y_ad : ndarray, shape (nj, ni)
        Adjoint of the wind stress, added to.
    c_wave_ad, background_ad : ndarray, shape (1, nj, ni)
        Adjoints of the parameters, added to.
    """
    nj, ni = tau_x.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            water, here = grid.mask_t[0, j, i], e_s_ad[j, i]
            background_ad[0, j, i] += masked(water, here)
            c_wave_ad[0, j, i] += masked(water, wave_stress(tau_x, tau_y, grid, j, i) / grid.rho0 * here)
            g = stress_weight(tau_x, tau_y, c_wave, grid, e_s_ad, j, i)
            east = stress_weight(tau_x, tau_y, c_wave, grid, e_s_ad, j, i + ONE)
            north = stress_weight(tau_x, tau_y, c_wave, grid, e_s_ad, j + 1, i)
            tau_x_ad[j, i] += masked(grid.mask_u[0, j, i], HALF * tau_x[j, i] * (g + east))
            tau_y_ad[j, i] += masked(grid.mask_v[0, j, i], HALF * tau_y[j, i] * (g + north))


@point
def stress_weight(tau_x, tau_y, c_wave, grid, e_s_ad, j, i):
    """Return c_wave e_s_ad/(rho0 |tau|) of a T point; 0 on land."""
    weight = c_wave[0, j, i] * e_s_ad[j, i] / (grid.rho0 * wave_stress(tau_x, tau_y, grid, j, i))
    return masked(grid.mask_t[0, j, i], weight)


@kernel
def tke_mixing_ad(
    e, N2, S2, background_nu, background_kappa, convective, c_k, Ri_c, grid, nu_v_ad, kappa_v_ad,
    e_ad, N2_ad, S2_ad, background_nu_ad, background_kappa_ad, convective_ad, c_k_ad, Ri_c_ad,
):  # fmt: skip
    """Add the adjoint of the mixing coefficients of the turbulence.

    Parameters
    ----------
    e : ndarray, shape (nk + 1, nj, ni)
        Turbulent kinetic energy at the tops of the cells [m2 s-2].
    N2, S2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency and shear at the tops of the cells [s-2].
    background_nu, background_kappa : ndarray, shape (1 or nk, nj, ni)
        Background viscosity and diffusivity [m2 s-1].
    convective : ndarray, shape (1, nj, ni)
        Diffusivity added where N2 < 0 [m2 s-1].
    c_k : ndarray, shape (1, nj, ni)
        Coefficient of the viscosity [1].
    Ri_c : ndarray, shape (1, nj, ni)
        Richardson number beyond which the Prandtl number is Ri/Ri_c [1].
    grid : Grid
        Metric terms and masks.
    nu_v_ad, kappa_v_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the viscosity and diffusivity.
    e_ad, N2_ad, S2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoints of energy, stratification and shear, added to.
    background_nu_ad, background_kappa_ad : ndarray, shape (1 or nk, nj, ni)
        Adjoint of the backgrounds, added to.
    convective_ad, c_k_ad, Ri_c_ad : ndarray, shape (1, nj, ni)
        Adjoints of the other parameters, added to.
    """
    nk, nj, ni = grid.h_t.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                if grid.mask_t[k, j, i] == 1:
                    nu_ad, kappa_ad, zero = nu_v_ad[k, j, i], kappa_v_ad[k, j, i], typed(0.0, nu_v_ad[k, j, i])
                    background_nu_ad[layer_index(background_nu, k), j, i] += nu_ad
                    background_kappa_ad[layer_index(background_kappa, k), j, i] += kappa_ad
                    convective_ad[0, j, i] += where_unstable(N2[k, j, i], kappa_ad)
                    of_e, of_n, of_S2, of_c_k, of_Ri_c = turbulence_ad(
                        e[k, j, i], N2[k, j, i], S2[k, j, i], c_k[0, j, i], Ri_c[0, j, i],
                        inverse_distances(grid, k, j, i), nu_ad, kappa_ad, zero, zero,
                    )  # fmt: skip
                    e_ad[k, j, i] += of_e
                    N2_ad[k, j, i] += of_n if N2[k, j, i] > 0 else zero
                    S2_ad[k, j, i] += of_S2
                    c_k_ad[0, j, i] += of_c_k
                    Ri_c_ad[0, j, i] += of_Ri_c


@kernel
def solve_tke_ad(e, N2, S2, c_k, c_eps, Ri_c, dt, grid, x_ad, e_s_ad, y):
    """Solve M y = x_ad, and add the adjoint of the energy at the surface.

    Parameters
    ----------
    e : ndarray, shape (nk + 1, nj, ni)
        Energy before the step at the tops of the cells [m2 s-2].
    N2, S2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency and shear at the tops of the cells [s-2].
    c_k, c_eps : ndarray, shape (1, nj, ni)
        Coefficients of viscosity and dissipation [1].
    Ri_c : ndarray, shape (1, nj, ni)
        Richardson number beyond which the Prandtl number is Ri/Ri_c [1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    x_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the energy after the step.
    e_s_ad : ndarray, shape (nj, ni)
        Adjoint of the energy at the surface, added to.
    y : ndarray, shape (nk + 1, nj, ni)
        The solution, written on the interior; 0 at the surface, at the sea floor and on land.
    """
    nk, nj, ni = grid.h_t.shape
    zero = y.dtype.type(0)
    for j in prange(HALO, nj - HALO):
        nu, ratio = np.zeros((nk + 1, ni), y.dtype), np.zeros((nk + 1, ni), y.dtype)
        diagonal, above = np.zeros((nk + 1, ni), y.dtype), np.zeros(ni, y.dtype)
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                if grid.mask_t[k, j, i] == 1:
                    nu[k, i], _, _, diagonal[k, i] = tke_row(e, N2, S2, c_k, c_eps, Ri_c, dt, grid, k, j, i)
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            y[0, j, i] = y[nk, j, i] = zero
            above[i] = exchange_coefficient(nu, dt, grid, 0, j, i) if grid.bottom_t[j, i] > 1 else zero
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                y[k, j, i] = zero
                if k < grid.bottom_t[j, i]:
                    below = exchange_coefficient(nu, dt, grid, k, j, i)
                    ratio[k, i], y[k, j, i] = eliminate(
                        diagonal[k, i], above[i], below, x_ad[k, j, i], ratio[k - 1, i], y[k - 1, j, i]
                    )
                    above[i] = below
        substitute_back(ratio, y, j)
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            if grid.mask_t[0, j, i] == 1:
                into = exchange_coefficient(nu, dt, grid, 0, j, i) * y[1, j, i] if grid.bottom_t[j, i] > 1 else zero
                e_s_ad[j, i] += x_ad[0, j, i] + into


@kernel
def tke_terms_ad(
    e, N2, S2, background, c_k, c_eps, Ri_c, dt, grid, x, y,
    e_ad, N2_ad, S2_ad, P_ad, background_ad, c_k_ad, c_eps_ad, Ri_c_ad,
):  # fmt: skip
    """Add the adjoint of the matrix and of the right-hand side, from the solution y of `solve_tke_ad`.

    Parameters
    ----------
    e : ndarray, shape (nk + 1, nj, ni)
        Energy before the step at the tops of the cells [m2 s-2].
    N2, S2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency and shear at the tops of the cells [s-2].
    background : ndarray, shape (1, nj, ni)
        Background energy [m2 s-2].
    c_k, c_eps : ndarray, shape (1, nj, ni)
        Coefficients of viscosity and dissipation [1].
    Ri_c : ndarray, shape (1, nj, ni)
        Richardson number beyond which the Prandtl number is Ri/Ri_c [1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    x : ndarray, shape (nk + 1, nj, ni)
        Energy after the step [m2 s-2].
    y : ndarray, shape (nk + 1, nj, ni)
        Solution of `solve_tke_ad`.
    e_ad, N2_ad, S2_ad, P_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoints of energy, stratification, shear and production, added to.
    background_ad, c_k_ad, c_eps_ad, Ri_c_ad : ndarray, shape (1, nj, ni)
        Adjoints of the parameters, added to.
    """
    nk, nj, ni = grid.h_t.shape
    for j in prange(HALO, nj - HALO):
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                if grid.mask_t[k, j, i] == 1:
                    here, N, S, rest = e[k, j, i], N2[k, j, i], S2[k, j, i], inverse_distances(grid, k, j, i)
                    dz, n = grid.z_t[k - 1, j, i] - grid.z_t[k, j, i], positive_part(N)
                    nu, kappa, s, length = turbulence(here, N, S, c_k[0, j, i], Ri_c[0, j, i], rest)
                    upper = -(y[k - 1, j, i] - y[k, j, i]) * (x[k - 1, j, i] - x[k, j, i]) / grid.h_t[k - 1, j, i]
                    floor, e_b, zero = k + 1 == grid.bottom_t[j, i], background[0, j, i], typed(0.0, dz)
                    x_below = e_b if floor else x[k + 1, j, i]
                    lower = -(y[k, j, i] - y[k + 1, j, i]) * (x[k, j, i] - x_below) / grid.h_t[k, j, i]
                    upper = HALF * upper if k > 1 else upper
                    lower = lower if floor else HALF * lower
                    background_ad[0, j, i] += dt * nu / grid.h_t[k, j, i] * y[k, j, i] if floor else zero
                    source_ad = dt * dz * y[k, j, i]
                    sink_ad = -source_ad * x[k, j, i]
                    decay_ad = e_b * source_ad + sink_ad
                    decay = c_eps[0, j, i] * s / length
                    nu_ad = dt * (upper + lower)
                    kappa_ad = n / here * sink_ad - where_unstable(N, N * source_ad)
                    of_e, of_n, of_S2, of_c_k, of_Ri_c = turbulence_ad(
                        here, N, S, c_k[0, j, i], Ri_c[0, j, i], rest, nu_ad, kappa_ad,
                        c_eps[0, j, i] / length * decay_ad, -decay / length * decay_ad,
                    )  # fmt: skip
                    e_ad[k, j, i] += dz * y[k, j, i] + of_e - kappa * n / (here * here) * sink_ad
                    of_n = of_n + kappa / here * sink_ad
                    N2_ad[k, j, i] += of_n if N > 0 else -where_unstable(N, kappa * source_ad)
                    S2_ad[k, j, i] += of_S2
                    P_ad[k, j, i] += source_ad
                    background_ad[0, j, i] += decay * source_ad
                    c_eps_ad[0, j, i] += s / length * decay_ad
                    c_k_ad[0, j, i] += of_c_k
                    Ri_c_ad[0, j, i] += of_Ri_c


def advance_tke_ad(
    e, N2, S2, P, e_s, background, c_k, c_eps, Ri_c, dt, grid, x, x_ad,
    e_ad, N2_ad, S2_ad, P_ad, e_s_ad, background_ad, c_k_ad, c_eps_ad, Ri_c_ad, y,
):  # fmt: skip
    """Add the adjoint of the advance of the turbulent kinetic energy.

    Parameters
    ----------
    e : ndarray, shape (nk + 1, nj, ni)
        Energy before the step at the tops of the cells [m2 s-2].
    N2, S2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency and shear at the tops of the cells [s-2].
    P : ndarray, shape (nk + 1, nj, ni)
        Production by shear at the tops of the cells [m2 s-3].
    e_s : ndarray, shape (nj, ni)
        Energy at the surface [m2 s-2].
    background : ndarray, shape (1, nj, ni)
        Background energy [m2 s-2].
    c_k, c_eps : ndarray, shape (1, nj, ni)
        Coefficients of viscosity and dissipation [1].
    Ri_c : ndarray, shape (1, nj, ni)
        Richardson number beyond which the Prandtl number is Ri/Ri_c [1].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    x : ndarray, shape (nk + 1, nj, ni)
        Energy after the step [m2 s-2].
    x_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the energy after the step.
    e_ad, N2_ad, S2_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoints of energy, stratification and shear, added to.
    P_ad : ndarray, shape (nk + 1, nj, ni)
        Adjoint of the production, added to.
    e_s_ad : ndarray, shape (nj, ni)
        Adjoint of the energy at the surface, added to.
    background_ad, c_k_ad, c_eps_ad, Ri_c_ad : ndarray, shape (1, nj, ni)
        Adjoints of the parameters, added to.
    y : ndarray, shape (nk + 1, nj, ni)
        Work array, overwritten.
    """
    water = (c_k, c_eps, Ri_c, dt, grid)
    solve_tke_ad(e, N2, S2, *water, x_ad, e_s_ad, y)
    parameters_ad = (background_ad, c_k_ad, c_eps_ad, Ri_c_ad)
    tke_terms_ad(e, N2, S2, background, *water, x, y, e_ad, N2_ad, S2_ad, P_ad, *parameters_ad)
