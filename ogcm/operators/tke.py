"""Vertical mixing by turbulence with a prognostic kinetic energy e at the tops of the cells [m2 s-2].

    de/dt = P - kappa N2 + d/dz(nu de/dz) - c_eps sqrt(e)/l (e - e_b)

    nu = c_k l sqrt(e),   kappa = nu/Pr,   Pr^4 = 1 + (Ri/Ri_c)^4,   Ri = max(N2, 0)/(S2 + EPS)
    1/l^4 = (max(N2, 0)/(2 e))^2 + 1/(d_s + z_0)^4 + 1/d_b^4

(Gaspar et al. 1990, doi 10.1029/JC095iC09p16179; Blanke and Delecluse 1993, doi
10.1175/1520-0485(1993)023<1363:VOTTAO>2.0.CO;2). The mixing length l is that of stratification, sqrt(2 e/N2), and no
longer than the distances d_s and d_b from the surface, with a roughness z_0 by waves, and from the sea floor. Where the
literature takes the smallest of the three, here the fourth powers of their inverses are added, and the Prandtl number
passes smoothly from 1 to Ri/Ri_c: both have derivatives everywhere, and are finite without stratification or shear. The
energy decays to the background e_b instead of being cut off there.

At the surface breaking waves give e_s = e_b + c_wave |tau|/rho0 (Mellor and Blumberg 2004, doi 10.1175/2517.1), |tau|^2
being the mean of the faces, of which a coast counts as 0; at the sea floor e = e_b. A step is implicit in the new
energy x,

    dz_k (1 + dt sink_k) x_k + c_{k-1} (x_k - x_{k-1}) + c_k (x_k - x_{k+1}) = dz_k (e_k + dt source_k)

    sink = kappa max(N2, 0)/e + c_eps sqrt(e)/l,     source = P - kappa min(N2, 0) + c_eps sqrt(e)/l e_b
    c_k = dt nu_{k+1/2}/h_k of cell k between the tops k and k + 1

so that no energy becomes negative for any dt. Coefficients are those of the old energy, layers at rest. The production
P is the energy that the currents lose by friction, computed at their faces with the viscosity there, and of each face
half goes to the two cells beside it:

    P = 1/2 sum of the four faces of nu_face (du/dz)^2,     nu_face = (nu_v_i + nu_v_{i+1})/2

With nu S2 of the cell itself, a column that mixes more than its neighbour would gain energy that the currents, which
both share, do not lose.

Adjoint. See `adjoint.operators.tke`. Kinks at N2 = 0: max(N2, 0) has the derivative 0 there, and min(N2, 0) too.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALF, HALO, ONE, kernel, point, root, typed
from ogcm.operators.stencils import layer_index, masked
from ogcm.operators.vertical_diffusion import eliminate, substitute_back
from ogcm.operators.vertical_mixing import EPS, positive_part, shear_squared, where_unstable

ROUGHNESS = 1.0  # of the surface by waves [m]
CALM = 1e-6  # wind stress below which waves do not break [N m-2]


@point
def fourth_power(x):
    """Return x^4."""
    return (x * x) * (x * x)


@point
def inverse_distances(grid, k, j, i):
    """Return 1/(d_s + z_0)^4 + 1/d_b^4 at the top of cell k [m-4]."""
    above = -(grid.z_t[k, j, i] + HALF * grid.h_t[k, j, i])
    one, below = typed(1.0, above), grid.depth_t[j, i] - above
    return one / fourth_power(above + typed(ROUGHNESS, above)) + one / fourth_power(below)


@point
def turbulence(e, N2, S2, c_k, Ri_c, rest):
    """Return (nu, kappa, sqrt(e), l) of the closure."""
    n, s, one = positive_part(N2), root(e), typed(1.0, rest)
    inverse = n / (e + e)
    length = one / root(root(inverse * inverse + rest))
    ratio = n / ((S2 + typed(EPS, rest)) * Ri_c)
    nu = c_k * length * s
    return nu, nu / root(root(one + fourth_power(ratio))), s, length


@kernel
def vertical_shear(u, v, grid, S2):
    """Compute the squared vertical shear.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms and masks.
    S2 : ndarray, shape (nk + 1, nj, ni)
        Squared shear at the tops of the cells [s-2], written on the interior; 0 at the surface, the bottom and on land.
    """
    nk, nj, ni = u.shape
    zero = S2.dtype.type(0)
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            S2[0, j, i] = S2[nk, j, i] = zero
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                S2[k, j, i] = shear_squared(u, v, grid, k, j, i) if grid.mask_t[k, j, i] == 1 else zero


@kernel
def wave_energy(tau_x, tau_y, c_wave, background, grid, e_s):
    """Compute the energy at the surface, that of breaking waves.

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
    e_s : ndarray, shape (nj, ni)
        Energy at the surface [m2 s-2], written on the interior; 0 on land.
    """
    nj, ni = tau_x.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            stress = wave_stress(tau_x, tau_y, grid, j, i)
            energy = background[0, j, i] + c_wave[0, j, i] * stress / grid.rho0
            e_s[j, i] = energy if grid.mask_t[0, j, i] == 1 else energy - energy


@point
def wave_stress(tau_x, tau_y, grid, j, i):
    """Return |tau| at a T point [N m-2], CALM in a calm; a face at the coast counts as 0."""
    x, x_west = masked(grid.mask_u[0, j, i], tau_x[j, i]), masked(grid.mask_u[0, j, i - ONE], tau_x[j, i - ONE])
    y, y_south = masked(grid.mask_v[0, j, i], tau_y[j, i]), masked(grid.mask_v[0, j - 1, i], tau_y[j - 1, i])
    calm = typed(CALM, x)
    return root(HALF * ((x * x + x_west * x_west) + (y * y + y_south * y_south)) + calm * calm)


@kernel
def tke_mixing(e, N2, S2, background_nu, background_kappa, convective, c_k, Ri_c, grid, nu_v, kappa_v):
    """Compute the mixing coefficients of the turbulence.

    Parameters
    ----------
    e : ndarray, shape (nk + 1, nj, ni)
        Turbulent kinetic energy at the tops of the cells [m2 s-2].
    N2, S2 : ndarray, shape (nk + 1, nj, ni)
        Squared buoyancy frequency and shear at the tops of the cells [s-2].
    background_nu, background_kappa : ndarray, shape (1 or nk, nj, ni)
        Background viscosity and diffusivity at the tops of the cells [m2 s-1].
    convective : ndarray, shape (1, nj, ni)
        Diffusivity added where N2 < 0 [m2 s-1].
    c_k : ndarray, shape (1, nj, ni)
        Coefficient of the viscosity [1].
    Ri_c : ndarray, shape (1, nj, ni)
        Richardson number beyond which the Prandtl number is Ri/Ri_c [1].
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
                if grid.mask_t[k, j, i] == 1:
                    rest = inverse_distances(grid, k, j, i)
                    convection = where_unstable(N2[k, j, i], convective[0, j, i])
                    nu, kappa, _, _ = turbulence(
                        e[k, j, i], N2[k, j, i], S2[k, j, i], c_k[0, j, i], Ri_c[0, j, i], rest
                    )
                    nu_v[k, j, i] = background_nu[layer_index(background_nu, k), j, i] + nu
                    kappa_v[k, j, i] = background_kappa[layer_index(background_kappa, k), j, i] + kappa + convection
                else:
                    nu_v[k, j, i] = kappa_v[k, j, i] = zero


@point
def face_production(u, mask, nu, nu_beside, k, j, i):
    """Return nu_face (u_{k-1} - u_k)^2 at the top of cell k of a face [m4 s-3]; 0 where the face is closed."""
    difference = u[k - 1, j, i] - u[k, j, i]
    return masked(mask[k, j, i], HALF * (nu + nu_beside) * (difference * difference))


@kernel
def shear_production(u, v, nu_v, grid, P):
    """Compute the production of turbulent kinetic energy by shear.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    nu_v : ndarray, shape (nk + 1, nj, ni)
        Vertical viscosity at the tops of the cells [m2 s-1], halo filled.
    grid : Grid
        Metric terms and masks.
    P : ndarray, shape (nk + 1, nj, ni)
        Production at the tops of the cells [m2 s-3], written on the interior; 0 at the surface, the bottom and on land.
    """
    nk, nj, ni = u.shape
    zero = P.dtype.type(0)
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            P[0, j, i] = P[nk, j, i] = zero
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                dz, nu = grid.z_t[k - 1, j, i] - grid.z_t[k, j, i], nu_v[k, j, i]
                east = face_production(u, grid.mask_u, nu, nu_v[k, j, i + ONE], k, j, i)
                west = face_production(u, grid.mask_u, nu, nu_v[k, j, i - ONE], k, j, i - ONE)
                north = face_production(v, grid.mask_v, nu, nu_v[k, j + 1, i], k, j, i)
                south = face_production(v, grid.mask_v, nu, nu_v[k, j - 1, i], k, j - 1, i)
                total = HALF * ((east + west) + (north + south)) / (dz * dz)
                P[k, j, i] = total if grid.mask_t[k, j, i] == 1 else zero


@point
def exchange_coefficient(nu, dt, grid, k, j, i):
    """Return c_k, by which the energies at the tops of cell k and of the cell below exchange energy [m].

    `nu` (nk + 1, ni) is the viscosity of the row, 0 where there is none: at the surface and at the sea floor.
    """
    both = k > 0 and k + 1 < grid.bottom_t[j, i]
    total = nu[k, i] + nu[k + 1, i]
    return dt * (HALF * total if both else total) / grid.h_t[k, j, i]


@point
def tke_row(e, N2, S2, c_k, c_eps, Ri_c, dt, grid, k, j, i):
    """Return (nu, kappa, c_eps sqrt(e)/l, dz_k (1 + dt sink_k)) of a row of M."""
    here, n = e[k, j, i], N2[k, j, i]
    nu, kappa, s, length = turbulence(
        here, n, S2[k, j, i], c_k[0, j, i], Ri_c[0, j, i], inverse_distances(grid, k, j, i)
    )
    decay, dz = c_eps[0, j, i] * s / length, grid.z_t[k - 1, j, i] - grid.z_t[k, j, i]
    sink = kappa * positive_part(n) / here + decay
    return nu, kappa, decay, dz * (typed(1.0, dz) + dt * sink)


@kernel
def advance_tke(e, N2, S2, P, e_s, background, c_k, c_eps, Ri_c, dt, grid, x):
    """Advance the turbulent kinetic energy by dt.

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
        Energy after the step [m2 s-2], written on the interior; 0 on land and from the sea floor down.
    """
    nk, nj, ni = grid.h_t.shape
    zero = x.dtype.type(0)
    for j in prange(HALO, nj - HALO):
        nu, diagonal = np.zeros((nk + 1, ni), x.dtype), np.zeros((nk + 1, ni), x.dtype)
        ratio, above = np.zeros((nk + 1, ni), x.dtype), np.zeros(ni, x.dtype)
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                if grid.mask_t[k, j, i] == 1:
                    nu[k, i], kappa, decay, diagonal[k, i] = tke_row(e, N2, S2, c_k, c_eps, Ri_c, dt, grid, k, j, i)
                    n, dz = N2[k, j, i], grid.z_t[k - 1, j, i] - grid.z_t[k, j, i]
                    source = P[k, j, i] - where_unstable(n, kappa * n) + decay * background[0, j, i]
                    x[k, j, i] = dz * (e[k, j, i] + dt * source)
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            x[0, j, i] = e_s[j, i] if grid.mask_t[0, j, i] == 1 else zero
            above[i] = exchange_coefficient(nu, dt, grid, 0, j, i) if grid.bottom_t[j, i] > 1 else zero
        for k in range(1, nk + 1):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                bottom = grid.bottom_t[j, i]
                if k < bottom:
                    below = exchange_coefficient(nu, dt, grid, k, j, i)
                    floor = below * background[0, j, i] if k + 1 == bottom else zero
                    ratio[k, i], x[k, j, i] = eliminate(
                        diagonal[k, i], above[i], below, x[k, j, i] + floor, ratio[k - 1, i], x[k - 1, j, i]
                    )
                    above[i] = below
                else:
                    x[k, j, i] = zero
        substitute_back(ratio, x, j)
