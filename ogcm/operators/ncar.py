"""The bulk algorithm of NCAR (Large and Yeager 2004, doi 10.5065/D6KK98Q6, NCAR/TN-460; 2009, doi
10.1007/s00382-008-0441-3).

With the wind W relative to the current, S = sqrt(W^2 + S_0^2), the temperature T_s of the sea, the potential
temperature theta = t + 0.0098 z_t of the air, and its humidity q_z (2004, eqs. 4 and 5),

    u_* = r S,   t_* = h (t - T_s),   q_* = e (q - q_s),   q_s = 0.98 (640380/rho) exp(-5107.4/T_s)

from which the fluxes follow (`ogcm.operators.surface_layer`). The coefficients are those of neutral air at 10 m,

    C_DN = 1e-3 (2.70/U + 0.142 + U/13.09 - 3.14807e-10 U^6),  that of 33 m/s above it         (2009, eq. 11)
    C_EN = 34.6e-3 n,   C_HN = c_H n,   n = sqrt(C_DN),   c_H = 18.0e-3 in stable air, 32.7e-3 in unstable air

shifted to the height and the stability of the air (2004, eqs. 8 to 10). With k = 0.4, the inverse length of Obukhov b,
zeta = b z between -10 and 10, and a_m = (ln(z_u/10) - psi_m(zeta_u))/k, a_h likewise with psi_h,

    U = S/(1 + n a_m),   C_D = r^2,   r = n/(1 + n a_m),   C_H = r h,   h = c_H/(1 + c_H a_h),   C_E = r e,  likewise
    b = k g (t_*/t + 0.608 q_*)/((1 + 0.608 q) (r S)^2)
    t = theta - t_* c_t,   q = q_z - q_* c_q,   c = (ln(z/z_u) + psi_h(zeta_u) - psi_h(zeta_z))/k,  z = z_t or z_q

of which the state (n, r, h, e, t, q) is iterated exactly five times from neutral air. Both psi are -5 zeta where
zeta > 0, and elsewhere those of Kansas with a steepness of 16.

Where this differs from the report: S is smooth and at least S_0 = 0.5 m/s, instead of max(W, 0.5), so that calm
air has a derivative (0.1 % at 10 m/s). U is at least 0.5 m/s. c_H does not jump at zeta = 0 of each pass, where the
published passes alternate between stable and unstable air if the air is warmer than the sea, but dry: it depends on
the sign of the buoyancy flux in neutral air with the mean c_H of both, as a difference of temperature,

    d = theta - T_s + 0.608 theta c_EN/c_H (q - q_s),      c_EN/c_H = 34.6/25.35

and passes from 32.7e-3 to 18.0e-3 as a cubic over |d| < 0.1 K. Beyond, it is the published c_H where the published
passes converge.

Adjoint: `adjoint.operators.ncar`. Kinks: zeta = 0 (psi is continuous; the unstable branch takes it), |zeta| = 10,
U = 0.5 and 33 m/s; the derivative is that of the branch that the forward run takes.
"""

from ogcm.backend import exponential, larger, logarithm, point, root, smaller, typed
from ogcm.operators.surface_layer import (
    ADIABATIC,
    GRAVITY,
    KARMAN,
    KELVIN,
    VAPOUR,
    bounded,
    density_of_air,
    five_passes,
    fluxes_of_scales,
    kansas_heat,
    kansas_momentum,
)

HEAT_CAPACITY = 1000.5  # c_p of air [J kg-1 K-1]
VAPORISATION = 2.5e6  # L_v, latent heat of vaporisation [J kg-1]
CALM = 0.5  # S_0, and the smallest U [m s-1]
STORM = 33.0  # wind beyond which C_DN stays [m s-1]
LIMIT = 10.0  # largest |zeta| [1]
STEEPNESS = 16.0  # of psi in unstable air [1]
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
def psi_momentum(zeta):
    """Return psi_m."""
    unstable = kansas_momentum(zeta, STEEPNESS)
    return typed(-5.0, zeta) * zeta if zeta.real > 0 else unstable


@point
def psi_heat(zeta):
    """Return psi_h."""
    unstable = kansas_heat(zeta, STEEPNESS)
    return typed(-5.0, zeta) * zeta if zeta.real > 0 else unstable


@point
def obukhov(r, h, e, t, q, S, T_s, q_s):
    """Return (t_*, q_*, b) with the inverse length of Obukhov b [m-1]."""
    star_t, star_q, vapour, w = h * (t - T_s), e * (q - q_s), typed(VAPOUR, S), r * S
    b = typed(KARMAN * GRAVITY, S) * (star_t / t + vapour * star_q) / ((typed(1.0, S) + vapour * q) * (w * w))
    return star_t, star_q, b


@point
def stability(b, z_u, z_t, z_q):
    """Return (zeta_u, a_m, a_h, c_t, c_q) of the air."""
    k, u, t, q = typed(KARMAN, b), typed(z_u, b), typed(z_t, b), typed(z_q, b)
    zeta_u = bounded(b * u, LIMIT)
    heat, height = psi_heat(zeta_u), logarithm(u / typed(10.0, b))
    c_t = logarithm(t / u) + heat - psi_heat(bounded(b * t, LIMIT))
    c_q = logarithm(q / u) + heat - psi_heat(bounded(b * q, LIMIT))
    return zeta_u, (height - psi_momentum(zeta_u)) / k, (height - heat) / k, c_t / k, c_q / k


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
def iterate(air, around):
    """Return the next state (n, r, h, e, t, q) of the air."""
    n, r, h, e, t, q = air
    c_h, S, theta, humidity, T_s, q_s, z_u, z_t, z_q = around
    one, dalton = typed(1.0, S), typed(DALTON, S)
    star_t, star_q, b = obukhov(r, h, e, t, q, S, T_s, q_s)
    _, a_m, a_h, c_t, c_q = stability(b, z_u, z_t, z_q)
    n = root(neutral_drag(neutral_wind(n, a_m, S)))
    r, h, e = n / (one + n * a_m), c_h / (one + c_h * a_h), dalton / (one + dalton * a_h)
    return n, r, h, e, theta - star_t * c_t, humidity - star_q * c_q


@point
def saturation_humidity(T_s, rho):
    """Return q_s, the specific humidity of air that is saturated over sea water of T_s [K]."""
    return typed(0.98 * 640380.0, T_s) / rho * exponential(typed(-5107.4, T_s) / T_s)


@point
def air_and_sea(W2, T, t2, q2, p, z_t):
    """Return (S, theta, T_s, rho, q_s)."""
    kelvin, calm = typed(KELVIN, T), typed(CALM, T)
    rho, T_s = density_of_air(t2 + kelvin, q2, p), T + kelvin
    theta = t2 + kelvin + typed(ADIABATIC, T) * typed(z_t, T)
    return root(W2 + calm * calm), theta, T_s, rho, saturation_humidity(T_s, rho)


@point
def passes(S, theta, humidity, T_s, q_s, z_u, z_t, z_q):
    """Return the states of the air of the five passes, and what surrounds them."""
    first = neutral_air(S, theta, humidity, T_s, q_s)
    _, _, c_h, _, _, _ = first
    around = (c_h, S, theta, humidity, T_s, q_s, z_u, z_t, z_q)
    return five_passes(iterate, first, around), around


@point
def ncar(W2, T, t2, q2, p, z_u, z_t, z_q):
    """Return (push, sensible, latent, evaporated), from the square W2 of the wind relative to the current."""
    S, theta, T_s, rho, q_s = air_and_sea(W2, T, t2, q2, p, z_t)
    states, _ = passes(S, theta, q2, T_s, q_s, z_u, z_t, z_q)
    _, _, _, _, _, (_, r, h, e, t, q) = states
    capacity, vaporisation = typed(HEAT_CAPACITY, S), typed(VAPORISATION, S)
    return fluxes_of_scales((rho, r * S, h * (t - T_s), e * (q - q_s), S, capacity, vaporisation))
