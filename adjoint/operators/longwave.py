"""The adjoint of the longwave radiation of the sky: `ogcm.operators.longwave`, with g the adjoint of the result.

bignami    L = B C K/eps,  B = sigma t^4,  C = 0.653 + 0.00535 e,  K = 1 + 0.1762 c^2
           t_ad += 4/t L g,  e_ad = 0.00535 B K/eps g,  c_ad += 0.3524 c B C/eps g
josey      L = 0.955 sigma X^4/eps,  X_ad = 4/X L g,  t_ad += 0.16 X_ad,  c_ad += (21.54 c + 2.34) X_ad,
           e_ad = 0.84 4157/(e l^2) X_ad,  l = ln(2.1718e8/e)
clark      L = sigma (T_s^4 (1 - D F) - 4 T_s^3 (T_s - t)),   t_ad += 4 sigma T_s^3 g
           T_s_ad -= sigma T_s^3 (4 D F + 12 (T_s - t)/T_s) g,   (D F)_ad = -sigma T_s^4 g
berliand   L = sigma (T_s^4 - t^4 D F - 4 t^3 (T_s - t)),   T_s_ad += 4 sigma (T_s^3 - t^3) g
           t_ad -= sigma t^3 (4 D F + 12 (T_s - t)/t - 4) g,   (D F)_ad = -sigma t^4 g
D F        e_ad = -0.025/sqrt(e) F (D F)_ad,  c_ad -= 2 lambda c D (D F)_ad,  lambda_ad -= c^2 D (D F)_ad
e = 0.01 q p/w,  w = 0.622 + 0.378 q      p_ad += e/p e_ad,  q_ad += 0.01 0.622 p/w^2 e_ad; 0 where e is DRIEST
"""

from collections.abc import Callable

import numpy as np
from numba import prange

from ogcm.backend import HALO, kernel, logarithm, point, root, typed
from ogcm.operators.longwave import DRIEST, EMISSIVITY, black, deficit, temperature_of_sky, vapour_pressure
from ogcm.operators.surface_layer import DRY, KELVIN, VAPOUR_PART


@point
def vapour_pressure_ad(q, p, e_ad):
    """Return (q_ad, p_ad); 0 where the vapour pressure is DRIEST."""
    dry, hundredth = typed(DRY, q), typed(0.01, q)
    moist = dry + typed(VAPOUR_PART, q) * q
    g = hundredth / moist * e_ad if hundredth * q * p / moist >= typed(DRIEST, q) else typed(0.0, q)
    return p * dry / moist * g, q * g


@point
def bignami_ad(t, e, c, g):
    """Return (t_ad, e_ad, c_ad)."""
    air = black(t) / typed(EMISSIVITY, t) * g
    clear, covered = typed(0.653, t) + typed(0.00535, t) * e, typed(1.0, t) + typed(0.1762, t) * (c * c)
    of_cloud = typed(2 * 0.1762, t) * c * air * clear
    return typed(4.0, t) / t * air * clear * covered, typed(0.00535, t) * air * covered, of_cloud


@point
def josey_ad(t, e, c, g):
    """Return (t_ad, e_ad, c_ad)."""
    X, of_dew_point = temperature_of_sky(t, e, c), typed(0.84, t)
    X_ad = typed(4 * 0.955 / EMISSIVITY, t) * black(X) / X * g
    logarithmic = logarithm(typed(2.1718e8, t) / e)
    e_ad = of_dew_point * typed(4157.0, t) / (e * logarithmic * logarithmic) * X_ad
    return (typed(1.0, t) - of_dew_point) * X_ad, e_ad, (typed(2 * 10.77, t) * c + typed(2.34, t)) * X_ad


@point
def deficit_ad(e, c, weight, g):
    """Return (e_ad, c_ad, weight_ad)."""
    square = root(e)
    dry, covered = typed(0.39, e) - typed(0.05, e) * square, typed(1.0, e) - weight * (c * c)
    return typed(-0.025, e) / square * covered * g, -(c + c) * weight * dry * g, -(c * c) * dry * g


@point
def clark_ad(T_s, t, e, c, weight, g):
    """Return (T_s_ad, t_ad, e_ad, c_ad, weight_ad)."""
    cube, four = black(T_s) / T_s * g, typed(4.0, t)
    T_s_ad = -cube * (four * deficit(e, c, weight) + typed(12.0, t) * (T_s - t) / T_s)
    e_ad, c_ad, weight_ad = deficit_ad(e, c, weight, -black(T_s) * g)
    return T_s_ad, four * cube, e_ad, c_ad, weight_ad


@point
def berliand_ad(T_s, t, e, c, weight, g):
    """Return (T_s_ad, t_ad, e_ad, c_ad, weight_ad)."""
    cube, four = black(t) / t * g, typed(4.0, t)
    t_ad = -cube * (four * deficit(e, c, weight) + typed(12.0, t) * (T_s - t) / t - four)
    e_ad, c_ad, weight_ad = deficit_ad(e, c, weight, -black(t) * g)
    return four * (black(T_s) / T_s * g - cube), t_ad, e_ad, c_ad, weight_ad


@point
def longwave_of_sky_ad(formula_ad, t2, q2, slp, cloud, grid, longwave_down_ad, t2_ad, q2_ad, slp_ad, cloud_ad, j, i):
    """Add the adjoint at a T point of a formula that knows the air alone."""
    if grid.mask_t[0, j, i] == 1:
        t, e = t2[j, i] + typed(KELVIN, t2[j, i]), vapour_pressure(q2[j, i], slp[j, i])
        of_t, e_ad, of_cloud = formula_ad(t, e, cloud[j, i], longwave_down_ad[j, i])
        of_q, of_p = vapour_pressure_ad(q2[j, i], slp[j, i], e_ad)
        t2_ad[j, i] += of_t
        q2_ad[j, i] += of_q
        slp_ad[j, i] += of_p
        cloud_ad[j, i] += of_cloud


@point
def longwave_of_net_ad(
    formula_ad, T, t2, q2, slp, cloud, cloud_weight, grid, longwave_down_ad,
    T_ad, t2_ad, q2_ad, slp_ad, cloud_ad, cloud_weight_ad, j, i,
):  # fmt: skip
    """Add the adjoint at a T point of a formula that knows the sea too."""
    if grid.mask_t[0, j, i] == 1:
        T_s, t = T[0, j, i] + typed(KELVIN, T[0, j, i]), t2[j, i] + typed(KELVIN, t2[j, i])
        e, g = vapour_pressure(q2[j, i], slp[j, i]), longwave_down_ad[j, i]
        of_T, of_t, e_ad, of_cloud, of_weight = formula_ad(T_s, t, e, cloud[j, i], cloud_weight[j, i], g)
        of_q, of_p = vapour_pressure_ad(q2[j, i], slp[j, i], e_ad)
        T_ad[0, j, i] += of_T
        t2_ad[j, i] += of_t
        q2_ad[j, i] += of_q
        slp_ad[j, i] += of_p
        cloud_ad[j, i] += of_cloud
        cloud_weight_ad[j, i] += of_weight


@kernel
def bignami_longwave_ad(t2, q2, slp, cloud, grid, longwave_down_ad, t2_ad, q2_ad, slp_ad, cloud_ad):
    """Add the adjoint of the longwave radiation by the formula of Bignami et al.

    Parameters
    ----------
    t2, q2 : ndarray, shape (nj, ni)
        Temperature [degC] and specific humidity [1] of the air.
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    cloud : ndarray, shape (nj, ni)
        Cloud cover [1].
    grid : Grid
        Masks.
    longwave_down_ad : ndarray, shape (nj, ni)
        Adjoint of the longwave radiation.
    t2_ad, q2_ad, slp_ad, cloud_ad : ndarray, shape (nj, ni)
        Adjoints of the inputs, added to.
    """
    nj, ni = t2.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            longwave_of_sky_ad(
                bignami_ad, t2, q2, slp, cloud, grid, longwave_down_ad, t2_ad, q2_ad, slp_ad, cloud_ad, j, np.uintp(ii)
            )


@kernel
def josey_longwave_ad(t2, q2, slp, cloud, grid, longwave_down_ad, t2_ad, q2_ad, slp_ad, cloud_ad):
    """Add the adjoint of the formula of Josey et al.

    Parameters
    ----------
    t2, q2 : ndarray, shape (nj, ni)
        Temperature [degC] and specific humidity [1] of the air.
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    cloud : ndarray, shape (nj, ni)
        Cloud cover [1].
    grid : Grid
        Masks.
    longwave_down_ad : ndarray, shape (nj, ni)
        Adjoint of the longwave radiation.
    t2_ad, q2_ad, slp_ad, cloud_ad : ndarray, shape (nj, ni)
        Adjoints of the inputs, added to.
    """
    nj, ni = t2.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            longwave_of_sky_ad(
                josey_ad, t2, q2, slp, cloud, grid, longwave_down_ad, t2_ad, q2_ad, slp_ad, cloud_ad, j, np.uintp(ii)
            )


@kernel
def clark_longwave_ad(
    T, t2, q2, slp, cloud, cloud_weight, grid, longwave_down_ad, T_ad, t2_ad, q2_ad, slp_ad, cloud_ad, cloud_weight_ad
):
    """Add the adjoint of the longwave radiation by the formula of Clark et al.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Temperature of the water [degC].
    t2, q2 : ndarray, shape (nj, ni)
        Temperature [degC] and specific humidity [1] of the air.
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    cloud : ndarray, shape (nj, ni)
        Cloud cover [1].
    cloud_weight : ndarray, shape (nj, ni)
        lambda [1].
    grid : Grid
        Masks.
    longwave_down_ad : ndarray, shape (nj, ni)
        Adjoint of the longwave radiation.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the temperature, added to in the first layer.
    t2_ad, q2_ad, slp_ad, cloud_ad, cloud_weight_ad : ndarray, shape (nj, ni)
        Adjoints of the other inputs, added to.
    """
    nj, ni = t2.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            longwave_of_net_ad(
                clark_ad, T, t2, q2, slp, cloud, cloud_weight, grid, longwave_down_ad,
                T_ad, t2_ad, q2_ad, slp_ad, cloud_ad, cloud_weight_ad, j, np.uintp(ii),
            )  # fmt: skip


@kernel
def berliand_longwave_ad(
    T, t2, q2, slp, cloud, cloud_weight, grid, longwave_down_ad, T_ad, t2_ad, q2_ad, slp_ad, cloud_ad, cloud_weight_ad
):
    """Add the adjoint of the formula of Berliand and Berliand.

    Parameters
    ----------
    T : ndarray, shape (nk, nj, ni)
        Temperature of the water [degC].
    t2, q2 : ndarray, shape (nj, ni)
        Temperature [degC] and specific humidity [1] of the air.
    slp : ndarray, shape (nj, ni)
        Air pressure at the surface [Pa].
    cloud : ndarray, shape (nj, ni)
        Cloud cover [1].
    cloud_weight : ndarray, shape (nj, ni)
        lambda [1].
    grid : Grid
        Masks.
    longwave_down_ad : ndarray, shape (nj, ni)
        Adjoint of the longwave radiation.
    T_ad : ndarray, shape (nk, nj, ni)
        Adjoint of the temperature, added to in the first layer.
    t2_ad, q2_ad, slp_ad, cloud_ad, cloud_weight_ad : ndarray, shape (nj, ni)
        Adjoints of the other inputs, added to.
    """
    nj, ni = t2.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            longwave_of_net_ad(
                berliand_ad, T, t2, q2, slp, cloud, cloud_weight, grid, longwave_down_ad,
                T_ad, t2_ad, q2_ad, slp_ad, cloud_ad, cloud_weight_ad, j, np.uintp(ii),
            )  # fmt: skip


LONGWAVE_AD: dict[str, Callable[..., None]] = {
    "bignami": bignami_longwave_ad,
    "josey": josey_longwave_ad,
    "clark": clark_longwave_ad,
    "berliand": berliand_longwave_ad,
}
