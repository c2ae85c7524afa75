"""Bulk formulae: the turbulent fluxes between atmosphere and ocean, from the air and the sea surface.

With the wind relative to the current, (dx, dy) = (u10 - f u, v10 - f v), of speed S = sqrt(dx^2 + dy^2 + S_0^2),

    stress = rho C_D S (dx, dy)                                                   [N m-2]
    evaporation = rho C_E S (q_s - q)                                             [kg m-2 s-1]
    heat = c_p rho C_H S (theta - T_s) - L_v evaporation                          [W m-2], into the sea
    q_s = 0.98 (640380/rho) exp(-5107.4/T_s),   rho = p/(R t (1 + 0.608 q))

(Large and Yeager 2004, doi 10.5065/D6KK98Q6, NCAR/TN-460, eqs. 4 and 5; 2009, doi 10.1007/s00382-008-0441-3). theta is
the potential temperature t + 0.0098 z_t of the air. The coefficients are those of neutral air at 10 m,

    C_DN = 1e-3 (2.70/U + 0.142 + U/13.09 - 3.14807e-10 U^6),  that of 33 m/s above it         (2009, eq. 11)
    C_EN = 34.6e-3 n,   C_HN = c_H n,   n = sqrt(C_DN),   c_H = 18.0e-3 in stable air, 32.7e-3 in unstable air

shifted to the height and the stability of the air (2004, eqs. 8 to 10). With k = 0.4, the inverse length of Obukhov b,
zeta = b z between -10 and 10, and a_m = (ln(z_u/10) - psi_m(zeta_u))/k, a_h likewise with psi_h,

    U = S/(1 + n a_m),   C_D = r^2,   r = n/(1 + n a_m),   C_H = r h,   h = c_H/(1 + c_H a_h),   C_E = r e,  likewise
    t_* = h (t - T_s),   q_* = e (q - q_s),   b = k g (t_*/t + 0.608 q_*)/((1 + 0.608 q) (r S)^2)
    t = theta - t_* c,   q = q_t - q_* c,   c = (ln(z_t/z_u) + psi_h(zeta_u) - psi_h(zeta_t))/k

of which the state (n, r, h, e, t, q) is iterated exactly five times from neutral air: the fluxes are those after
these five passes, and the adjoint is the derivative of them. Both psi are -5 zeta where zeta > 0, and elsewhere

    psi_m = ln((1 + 2X + X^2)(1 + X^2)/8) - 2 arctan(X) + pi/2,   psi_h = 2 ln((1 + X^2)/2),   X = (1 - 16 zeta)^(1/4)

Where this differs from the report: S is smooth and at least S_0 = 0.5 m/s, instead of max(|wind|, 0.5), so that calm
air has a derivative (0.1 % at 10 m/s). U is at least 0.5 m/s. c_H does not jump at zeta = 0 of each pass, where the
published passes alternate between stable and unstable air if the air is warmer than the sea, but dry: it depends on
the sign of the buoyancy flux in neutral air with the mean c_H of both, as a difference of temperature,

    d = theta - T_s + 0.608 theta c_EN/c_H (q - q_s),      c_EN/c_H = 34.6/25.35

and passes from 32.7e-3 to 18.0e-3 as a cubic over |d| < 0.1 K. Beyond, it is the published c_H where the published
passes converge.

The net fluxes into the sea add radiation and fresh water:

    heat_flux = heat + emissivity (longwave - sigma T_s^4),   fresh_water = precipitation + runoff - evaporation/1000,
    shortwave = (1 - albedo) shortwave_down

Adjoint: `adjoint.operators.bulk_fluxes`. Kinks: zeta = 0 (psi is continuous; the unstable branch takes
it), |zeta| = 10, U = 0.5 and 33 m/s; the derivative is that of the branch that the forward run takes.
"""

import numpy as np
from numba import prange

from ogcm.backend import (
    HALF,
    HALO,
    ONE,
    arctangent,
    exponential,
    kernel,
    larger,
    logarithm,
    point,
    root,
    smaller,
    typed,
)

KARMAN = 0.4  # constant k of von Karman [1]
GRAVITY = 9.80  # of the report [m s-2]
GAS_CONSTANT = 287.04  # R of dry air [J kg-1 K-1]
HEAT_CAPACITY = 1000.5  # c_p of air [J kg-1 K-1]
VAPORISATION = 2.5e6  # L_v, latent heat of vaporisation [J kg-1]
VAPOUR = 0.608  # ratio of the gas constants of vapour and dry air, less 1 [1]
FRESH_DENSITY = 1000.0  # of fresh water [kg m-3]
STEFAN_BOLTZMANN = 5.67e-8  # sigma [W m-2 K-4]
KELVIN = 273.15  # 0 degC [K]
ADIABATIC = 0.0098  # lapse rate of dry air [K m-1]
CALM = 0.5  # S_0, and the smallest U [m s-1]
STORM = 33.0  # wind beyond which C_DN stays [m s-1]
LIMIT = 10.0  # largest |zeta| [1]
PASSAGE = 0.1  # |d| within which c_H passes from unstable to stable air [K]
STABLE, UNSTABLE, DALTON = 18.0e-3, 32.7e-3, 34.6e-3  # c_H, c_H and C_EN/n [1]
MOISTURE = VAPOUR * DALTON / (0.5 * (STABLE + UNSTABLE))  # weight of humidity in d [1]


@point
def neutral_drag(U):
    """Return C_DN, the drag coefficient of neutral air, from the wind U at 10 m [m s-1]."""
    x = smaller(U, typed(STORM, U) + typed(0.0, U) * U)
    x6 = (x * x * x) * (x * x * x)
    sum_of_terms = typed(2.70, U) / x + typed(0.142, U) + x / typed(13.09, U) - typed(3.14807e-10, U) * x6
    return typed(1e-3, U) * sum_of_terms


@point
def passage(d):
    """Return the fraction x of the way from unstable air, 0, to stable air, 1, on which c_H passes."""
    zero, width = typed(0.0, d) * d, typed(PASSAGE, d)
    return smaller(larger((d + width) / (width + width), zero), zero + typed(1.0, d))


@point
def stanton(d):
    """Return c_H, the Stanton number of neutral air over n."""
    x = passage(d)
    return typed(UNSTABLE, d) + typed(STABLE - UNSTABLE, d) * (x * x * (typed(3.0, d) - x - x))


@point
def bounded(zeta):
    """Return zeta between -LIMIT and LIMIT."""
    limit = typed(LIMIT, zeta) + typed(0.0, zeta) * zeta
    return larger(smaller(zeta, limit), -limit)


@point
def unstable_root(zeta):
    """Return X^2 = sqrt(1 - 16 zeta), 1 in stable air."""
    one = typed(1.0, zeta) + typed(0.0, zeta) * zeta
    return root(larger(one - typed(16.0, zeta) * zeta, one))


@point
def psi_momentum(zeta):
    """Return psi_m."""
    X2, one = unstable_root(zeta), typed(1.0, zeta)
    X = root(X2)
    unstable = logarithm((one + X + X + X2) * (one + X2) / typed(8.0, zeta))
    unstable = unstable - typed(2.0, zeta) * arctangent(X) + typed(np.pi / 2, zeta)
    return typed(-5.0, zeta) * zeta if zeta.real > 0 else unstable


@point
def psi_heat(zeta):
    """Return psi_h."""
    unstable = typed(2.0, zeta) * logarithm(HALF * (typed(1.0, zeta) + unstable_root(zeta)))
    return typed(-5.0, zeta) * zeta if zeta.real > 0 else unstable


@point
def obukhov(r, h, e, t, q, S, T_s, q_s):
    """Return (t_*, q_*, b) with the inverse length of Obukhov b [m-1]."""
    star_t, star_q, vapour, w = h * (t - T_s), e * (q - q_s), typed(VAPOUR, S), r * S
    b = typed(KARMAN * GRAVITY, S) * (star_t / t + vapour * star_q) / ((typed(1.0, S) + vapour * q) * (w * w))
    return star_t, star_q, b


@point
def stability(b, z_u, z_t):
    """Return (zeta_u, a_m, a_h, c) of the air."""
    k, u, t = typed(KARMAN, b), typed(z_u, b), typed(z_t, b)
    zeta_u, zeta_t = bounded(b * u), bounded(b * t)
    heat, height = psi_heat(zeta_u), logarithm(u / typed(10.0, b))
    c = logarithm(t / u) + heat - psi_heat(zeta_t)
    return zeta_u, (height - psi_momentum(zeta_u)) / k, (height - heat) / k, c / k


@point
def neutral_wind(n, a_m, S):
    """Return U, the wind at 10 m that would blow in neutral air [m s-1]."""
    one = typed(1.0, S)
    return larger(S / (one + n * a_m), typed(CALM, S) + typed(0.0, S) * S)


@point
def buoyant_difference(theta, humidity, T_s, q_s):
    """Return d, the difference of temperature that makes the buoyancy flux in neutral air [K]."""
    return theta - T_s + typed(MOISTURE, theta) * theta * (humidity - q_s)


@point
def neutral_air(S, theta, humidity, T_s, q_s):
    """Return the state (n, r, h, e, t, q) with which the iteration begins; its h is c_H of all passes."""
    n, c_h = root(neutral_drag(S)), stanton(buoyant_difference(theta, humidity, T_s, q_s))
    return n, n, c_h, typed(DALTON, S) + typed(0.0, S) * S, theta, humidity


@point
def iterate(air, c_h, S, theta, humidity, T_s, q_s, z_u, z_t):
    """Return the next state (n, r, h, e, t, q) of the air."""
    n, r, h, e, t, q = air
    one, dalton = typed(1.0, S), typed(DALTON, S)
    star_t, star_q, b = obukhov(r, h, e, t, q, S, T_s, q_s)
    _, a_m, a_h, c = stability(b, z_u, z_t)
    n = root(neutral_drag(neutral_wind(n, a_m, S)))
    r, h, e = n / (one + n * a_m), c_h / (one + c_h * a_h), dalton / (one + dalton * a_h)
    return n, r, h, e, theta - star_t * c, humidity - star_q * c


@point
def states_of_air(S, theta, humidity, T_s, q_s, z_u, z_t):
    """Return the states of the air before each of the five passes, of which the h of the first is c_H."""
    first = neutral_air(S, theta, humidity, T_s, q_s)
    _, _, c_h, _, _, _ = first
    second = iterate(first, c_h, S, theta, humidity, T_s, q_s, z_u, z_t)
    third = iterate(second, c_h, S, theta, humidity, T_s, q_s, z_u, z_t)
    fourth = iterate(third, c_h, S, theta, humidity, T_s, q_s, z_u, z_t)
    return first, second, third, fourth, iterate(fourth, c_h, S, theta, humidity, T_s, q_s, z_u, z_t)


@point
def density_of_air(t, q, p):
    """Return the density of air [kg m-3] from temperature [K], specific humidity and pressure [Pa]."""
    return p / (typed(GAS_CONSTANT, t) * t * (typed(1.0, t) + typed(VAPOUR, t) * q))


@point
def saturation_humidity(T_s, rho):
    """Return q_s, the specific humidity of air that is saturated over sea water of T_s [K]."""
    return typed(0.98 * 640380.0, T_s) / rho * exponential(typed(-5107.4, T_s) / T_s)


@point
def air_and_sea(T, dx, dy, t2, q2, p, z_t):
    """Return (S, theta, T_s, rho, q_s)."""
    kelvin, calm = typed(KELVIN, T), typed(CALM, T)
    rho, T_s = density_of_air(t2 + kelvin, q2, p), T + kelvin
    theta = t2 + kelvin + typed(ADIABATIC, T) * typed(z_t, T)
    return root(dx * dx + dy * dy + calm * calm), theta, T_s, rho, saturation_humidity(T_s, rho)


@kernel
def current_at_cells(u, v, grid, x, y):
    """Compute the surface current at T points.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Masks.
    x, y : ndarray, shape (nj, ni)
        Mean of the two faces [m s-1], written on the interior; 0 on land.
    """
    _, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            x[j, i] = grid.mask_t[0, j, i] * (HALF * (u[0, j, i] + u[0, j, i - ONE]))
            y[j, i] = grid.mask_t[0, j, i] * (HALF * (v[0, j, i] + v[0, j - 1, i]))


@kernel
def turbulent_fluxes(
    T, x, y, u10, v10, t2, q2, slp, drag, stanton_factor, dalton_factor, feedback, z_u, z_t, grid,
    stress_x, stress_y, heat, evaporation,
):  # fmt: skip
    """Compute the turbulent fluxes at T points.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Temperature of the water [degC].
    x, y : ndarray, shape (nj, ni)
        Surface current at T points [m s-1].
    u10, v10 : ndarray, shape (nj, ni)
        Wind at the height z_u [m s-1].
    t2, q2 : ndarray, shape (nj, ni)
        Temperature [degC] and specific humidity [1] of the air at the height z_t.
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    drag, stanton_factor, dalton_factor : ndarray, shape (1, nj, ni)
        Factors of C_D, C_H and C_E [1].
    feedback : ndarray, shape (1, nj, ni)
        Fraction f of the current that is taken from the wind [1].
    z_u, z_t : float
        Heights of the wind and of the air's temperature and humidity [m].
    grid : Grid
        Masks.
    stress_x, stress_y : ndarray, shape (nj, ni)
        Stress of the wind on the water at T points [N m-2], written on the interior; 0 on land.
    heat : ndarray, shape (nj, ni)
        Sensible and latent heat into the sea [W m-2], likewise.
    evaporation : ndarray, shape (nj, ni)
        Evaporation [kg m-2 s-1], likewise.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            stress_x[j, i] = stress_y[j, i] = heat[j, i] = evaporation[j, i] = 0
            if grid.mask_t[0, j, i] == 1:
                dx, dy = u10[j, i] - feedback[0, j, i] * x[j, i], v10[j, i] - feedback[0, j, i] * y[j, i]
                S, theta, T_s, rho, q_s = air_and_sea(T[0, j, i], dx, dy, t2[j, i], q2[j, i], slp[j, i], z_t)
                first, _, _, _, fifth = states_of_air(S, theta, q2[j, i], T_s, q_s, z_u, z_t)
                _, _, c_h, _, _, _ = first
                _, r, h, e, t, q = iterate(fifth, c_h, S, theta, q2[j, i], T_s, q_s, z_u, z_t)
                flow = rho * r * S
                stress_x[j, i] = drag[0, j, i] * r * flow * dx
                stress_y[j, i] = drag[0, j, i] * r * flow * dy
                evaporated = dalton_factor[0, j, i] * e * flow * (q_s - q)
                sensible = typed(HEAT_CAPACITY, S) * stanton_factor[0, j, i] * h * flow * (t - T_s)
                heat[j, i] = sensible - typed(VAPORISATION, S) * evaporated
                evaporation[j, i] = evaporated


@kernel
def stress_at_faces(stress_x, stress_y, grid, tau_x, tau_y):
    """Compute the wind stress at U and V points.

    Parameters
    ----------
    stress_x, stress_y : ndarray, shape (nj, ni)
        Stress at T points [N m-2].
    grid : Grid
        Masks.
    tau_x, tau_y : ndarray, shape (nj, ni)
        Mean of the two cells [N m-2], written on the interior; 0 on closed faces.
    """
    nj, ni = stress_x.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            tau_x[j, i] = grid.mask_u[0, j, i] * (HALF * (stress_x[j, i] + stress_x[j, i + ONE]))
            tau_y[j, i] = grid.mask_v[0, j, i] * (HALF * (stress_y[j, i] + stress_y[j + 1, i]))


@kernel
def net_fluxes(
    T, heat, evaporation, longwave_down, shortwave_down, precipitation, runoff, emissivity, albedo, grid,
    heat_flux, fresh_water, shortwave,
):  # fmt: skip
    """Compute the net fluxes into the sea from turbulent fluxes, radiation and fresh water.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Temperature of the water [degC].
    heat : ndarray, shape (nj, ni)
        Sensible and latent heat into the sea [W m-2].
    evaporation : ndarray, shape (nj, ni)
        Evaporation [kg m-2 s-1].
    longwave_down, shortwave_down : ndarray, shape (nj, ni)
        Radiation from the sky [W m-2].
    precipitation, runoff : ndarray, shape (nj, ni)
        Rain and the water of rivers [m s-1].
    emissivity, albedo : ndarray, shape (1, nj, ni)
        Emissivity of the sea surface for longwave radiation, and its albedo for shortwave radiation [1].
    grid : Grid
        Masks.
    heat_flux : ndarray, shape (nj, ni)
        Heat flux into the sea without shortwave radiation [W m-2], written on the interior; 0 on land.
    fresh_water : ndarray, shape (nj, ni)
        Precipitation and runoff minus evaporation [m s-1], likewise.
    shortwave : ndarray, shape (nj, ni)
        Shortwave radiation that enters the sea [W m-2], likewise.
    """
    _, nj, ni = T.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            heat_flux[j, i] = fresh_water[j, i] = shortwave[j, i] = 0
            if grid.mask_t[0, j, i] == 1:
                T_s = T[0, j, i] + typed(KELVIN, T[0, j, i])
                radiated = typed(STEFAN_BOLTZMANN, T_s) * ((T_s * T_s) * (T_s * T_s))
                heat_flux[j, i] = heat[j, i] + emissivity[0, j, i] * (longwave_down[j, i] - radiated)
                supply = precipitation[j, i] + runoff[j, i]
                fresh_water[j, i] = supply - evaporation[j, i] / typed(FRESH_DENSITY, T_s)
                shortwave[j, i] = (typed(1.0, T_s) - albedo[0, j, i]) * shortwave_down[j, i]
