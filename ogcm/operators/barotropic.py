"""The fast, depth-mean mode: split-explicit forward-backward substeps, averaged.

    deta/dt = -div(D u_bar) + fresh,    du_bar/dt = -g deta/dx + F_u,     D = H + eta

F, held fixed, is everything else that acts on the depth mean (Coriolis, advection, friction, stress).
The velocity lives between the instants m of the surface (Stoermer-Verlet: forward-backward, but of second
order from the first substep on), with U^{m+1/2} = dy_u D_u(eta^m) u^{m+1/2} and substeps of length delta:

    kick^m    = delta [ F_u - g (eta^m_{i+1} - eta^m_i)/dx_u ]
    u^{1/2}   = u^0 + kick^0/2,    u^{m+1/2} = u^{m-1/2} + kick^m,    u^m = u^{m-1/2} + kick^m/2
    eta^{m+1} = eta^m - delta [ div(U^{m+1/2}, V^{m+1/2})/area_t - fresh ]

and the result is the average over the substeps (Shchepetkin and McWilliams 2005, doi
10.1016/j.ocemod.2004.08.002, eqs. 36-39 and section 5), with sum a_m = 1 and sum a_m m delta = dt:

    u_bar = sum_m a_m u^m,    U_mean = sum_m b_m U^{m+1/2},    b_m = (delta/dt) sum_{m' > m} a_m'
    eta   = eta^n - dt [ div(U_mean, V_mean)/area_t - fresh ]      (= sum_m a_m eta^m to round-off)

so that the transports that move the tracers are exactly those that move eta. Afterwards the 3-D
velocity takes the new depth mean, u += u_bar - sum_k h_u u / H_u; the transports of the tracers take
U_mean: U_k += (h_u/H_u) (U_mean - sum_k U_k).

The adjoint is in `adjoint/operators/barotropic.py`. No kinks.
"""

from functools import partial

import numpy as np
from numba import prange
from scipy.optimize import brentq

from ogcm.backend import HALF, HALO, ONE, kernel, point, replaced_on_gpu, scalar


def averaging_weights(substeps: int) -> tuple[np.ndarray, np.ndarray]:
    """(a, b): weights of the M >= substeps instants after 0 and of the M intervals between them.

    a follows A(x) = x^2 (1 - x^4) - r x, x = m/(substeps x0), cut where it turns negative again (Shchepetkin and
    McWilliams 2005, section 5). x0 puts the centroid at `substeps`; r, 0.2846 for many substeps, takes the second
    moment about it to 0, so that slow waves are not damped. One or two substeps are not averaged.
    """
    if substeps < 3:
        return np.eye(substeps)[-1], np.full(substeps, 1 / substeps)
    m = np.arange(1, 2 * substeps + 3)

    def shape(x0: float, r: float) -> np.ndarray:
        x = m / (substeps * x0)
        a = x**2 * (1 - x**4) - r * x
        a = a[: np.flatnonzero(a > 0)[-1] + 1]
        return a / a.sum()

    def moment(a: np.ndarray, power: int) -> float:
        return float((a * (m[: len(a)] / substeps - 1) ** power).sum())

    def centred(r: float) -> np.ndarray:
        return shape(brentq(lambda x0: moment(shape(x0, r), 1), 0.9, 1.9, xtol=1e-15), r)

    a = centred(brentq(lambda r: moment(centred(r), 2), 0.2, 0.35))
    b = np.cumsum(a[::-1])[::-1] / substeps
    return a, b


@kernel
def depth_mean(u, v, grid, u_bar, v_bar):
    """u_bar, v_bar (nj, ni) [m s-1], halo included."""
    nk, nj, ni = u.shape
    for j in prange(nj):
        for ii in range(ni):
            i = np.uintp(ii)
            u_bar[j, i] = 0
            v_bar[j, i] = 0
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                u_bar[j, i] += u[k, j, i] * grid.h_u[k, j, i]
                v_bar[j, i] += v[k, j, i] * grid.h_v[k, j, i]
        for ii in range(ni):
            i = np.uintp(ii)
            u_bar[j, i] /= grid.depth_u[j, i]
            v_bar[j, i] /= grid.depth_v[j, i]


@point
def gravity_per_dx(grid, j, i):
    """g/dx at an open U point, 0 at a closed one [s-2]."""
    return grid.mask_u[0, j, i] * grid.gravity * grid.r_dx_u[j, i]


@point
def gravity_per_dy(grid, j, i):
    return grid.mask_v[0, j, i] * grid.gravity * grid.r_dy_v[j, i]


@kernel
def slow_forcing(u_new, v_new, u_old, v_old, eta, dt, grid, F_u, F_v):
    """F [m s-2]: the change of the depth mean over dt, less the part of the surface gradient of `eta` in it."""
    nj, ni = eta.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            F_u[j, i] = (u_new[j, i] - u_old[j, i]) / dt + gravity_per_dx(grid, j, i) * (eta[j, i + ONE] - eta[j, i])
            F_v[j, i] = (v_new[j, i] - v_old[j, i]) / dt + gravity_per_dy(grid, j, i) * (eta[j + 1, i] - eta[j, i])


@scalar
def wrap_point(a, grid, j, i):
    """Copy a point (j, i) of the interior to wherever the halo shows it: what a thread of a GPU does of both below."""
    nj, ni = a.shape
    width_j, width_i = nj - 2 * HALO, ni - 2 * HALO
    near = j < 2 * HALO or j >= nj - 2 * HALO or i < 2 * HALO or i >= ni - 2 * HALO
    if near and HALO <= j < nj - HALO and HALO <= i < ni - HALO:
        reach_j, reach_i = HALO * grid.periodic_y, HALO * grid.periodic_x  # turns: a side may be one cell wide
        for turn_j in range(-reach_j, reach_j + 1):
            for turn_i in range(-reach_i, reach_i + 1):
                to_j, to_i = j + turn_j * width_j, i + turn_i * width_i
                if 0 <= to_j < nj and 0 <= to_i < ni:
                    a[to_j, to_i] = a[j, i]


@replaced_on_gpu(wrap_point)
@point
def wrap_row(a, grid, j, ni):
    """Fill the halo of row j where the sides along i are periodic."""
    if grid.periodic_x:
        width = ni - 2 * HALO
        for n in range(HALO):
            a[j, n] = a[j, HALO + (n - HALO) % width]
            a[j, ni - HALO + n] = a[j, HALO + n % width]


@replaced_on_gpu(None)  # wrap_point has done it
@point
def wrap_columns(a, grid, nj, ni):
    if grid.periodic_y:
        width = nj - 2 * HALO
        for n in range(HALO):
            for i in range(ni):
                a[n, i] = a[HALO + (n - HALO) % width, i]
                a[nj - HALO + n, i] = a[HALO + n % width, i]


@point
def transport_u(eta, u, area, rest, swell, j, i):
    """U = dy_u (H_u + eta_u) u; 0 on closed faces, where u is."""
    return (rest[j, i] + swell[j, i] * (area[j, i] * eta[j, i] + area[j, i + ONE] * eta[j, i + ONE])) * u


@point
def transport_v(eta, v, area, rest, swell, j, i):
    return (rest[j, i] + swell[j, i] * (area[j, i] * eta[j, i] + area[j + 1, i] * eta[j + 1, i])) * v


COEFFICIENTS = 6  # (nj, ni) fields in `work`
# Points of a plane: with fewer, waking other threads for each of many loops costs more than they save.
SMALL_PLANE = 8000


@partial(kernel, serial_below=SMALL_PLANE)
def barotropic_substeps(
    eta, u_bar, v_bar, F_u, F_v, fresh, a, b, dt, work, history, grid, eta_new, u_new, v_new, U_mean, V_mean
):
    """Advance by dt; all fields (nj, ni), a, b (M,), work (COEFFICIENTS, nj, ni).

    eta, u_bar, v_bar must have filled halos; eta_new, u_new, v_new and the transports U_mean, V_mean [m3 s-1] are
    given on the interior. history (5, depth, nj, ni) holds the last `depth` instants of eta^m,
    u^{m+1/2}, v^{m+1/2}, U^{m+1/2}, V^{m+1/2}: one for a run, M + 1 for the adjoint.
    """
    nj, ni = eta.shape
    area, substeps, depth = grid.area_t, a.shape[0], history.shape[1]
    # delta is dt/substeps within the averaged interval: the centroid of a lies at dt.
    delta = b[0] * dt
    half = HALF * delta
    g_x, g_y, rest_u, rest_v, swell_u, swell_v = work[0], work[1], work[2], work[3], work[4], work[5]
    first, u, v, U, V = history[0, 0], history[1, 0], history[2, 0], history[3, 0], history[4, 0]
    for j in prange(nj):
        for ii in range(ni):
            i = np.uintp(ii)
            first[j, i] = eta[j, i]
            u_new[j, i] = 0
            v_new[j, i] = 0
            U_mean[j, i] = 0
            V_mean[j, i] = 0
            g_x[j, i], g_y[j, i] = gravity_per_dx(grid, j, i), gravity_per_dy(grid, j, i)
            rest_u[j, i], rest_v[j, i] = grid.dy_u[j, i] * grid.depth_u[j, i], grid.dx_v[j, i] * grid.depth_v[j, i]
            swell_u[j, i] = grid.nonlinear * HALF * grid.dy_u[j, i] * grid.r_area_u[j, i]
            swell_v[j, i] = grid.nonlinear * HALF * grid.dx_v[j, i] * grid.r_area_v[j, i]
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            u[j, i] = u_bar[j, i] + half * (F_u[j, i] - g_x[j, i] * (eta[j, i + ONE] - eta[j, i]))
            v[j, i] = v_bar[j, i] + half * (F_v[j, i] - g_y[j, i] * (eta[j + 1, i] - eta[j, i]))
            U[j, i] = transport_u(eta, u[j, i], area, rest_u, swell_u, j, i)
            V[j, i] = transport_v(eta, v[j, i], area, rest_v, swell_v, j, i)
        wrap_row(U, grid, j, ni)
        wrap_row(V, grid, j, ni)
    wrap_columns(U, grid, nj, ni)
    wrap_columns(V, grid, nj, ni)
    for m in range(substeps):
        a_m, b_m = a[m], b[m]
        now, then = m % depth, (m + 1) % depth
        before, surface = history[0, now], history[0, then]
        u, v, u_then, v_then = history[1, now], history[2, now], history[1, then], history[2, then]
        U, V, U_then, V_then = history[3, now], history[4, now], history[3, then], history[4, then]
        for j in prange(HALO - 1, nj - HALO + 1):
            for ii in range(HALO - 1, ni - HALO + 1):
                i = np.uintp(ii)
                outflow = U[j, i] - U[j, i - ONE] + V[j, i] - V[j - 1, i]
                surface[j, i] = before[j, i] - delta * (outflow * grid.r_area_t[j, i] - fresh[j, i])
                U_mean[j, i] += b_m * U[j, i]
                V_mean[j, i] += b_m * V[j, i]
        for j in prange(HALO, nj - HALO):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                kick_u = half * (F_u[j, i] - g_x[j, i] * (surface[j, i + ONE] - surface[j, i]))
                kick_v = half * (F_v[j, i] - g_y[j, i] * (surface[j + 1, i] - surface[j, i]))
                u_new[j, i] += a_m * (u[j, i] + kick_u)
                v_new[j, i] += a_m * (v[j, i] + kick_v)
                u_then[j, i] = u[j, i] + (kick_u + kick_u)
                v_then[j, i] = v[j, i] + (kick_v + kick_v)
                U_then[j, i] = transport_u(surface, u_then[j, i], area, rest_u, swell_u, j, i)
                V_then[j, i] = transport_v(surface, v_then[j, i], area, rest_v, swell_v, j, i)
            wrap_row(U_then, grid, j, ni)
            wrap_row(V_then, grid, j, ni)
        wrap_columns(U_then, grid, nj, ni)
        wrap_columns(V_then, grid, nj, ni)
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            outflow = U_mean[j, i] - U_mean[j, i - ONE] + V_mean[j, i] - V_mean[j - 1, i]
            eta_new[j, i] = eta[j, i] - dt * (outflow * grid.r_area_t[j, i] - fresh[j, i])


@kernel
def take_depth_mean(u_bar, v_bar, target_u, target_v, grid, u, v):
    """u += target_u - u_bar, v += target_v - v_bar on open faces of the interior, in place [m s-1]."""
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                u[k, j, i] += grid.mask_u[k, j, i] * (target_u[j, i] - u_bar[j, i])
                v[k, j, i] += grid.mask_v[k, j, i] * (target_v[j, i] - v_bar[j, i])


@kernel
def tracer_transports(
    u_old, v_old, u_new, v_new, u_bar_old, v_bar_old, u_bar_new, v_bar_new, U_mean, V_mean, s_u, s_v, new_weight,
    grid, U, V,
):  # fmt: skip
    """Transports of the tracers: the shear of (1 - new_weight) old + new_weight new, the depth mean of U_mean, V_mean.

    Velocities [m s-1] with their depth means, s_u, s_v [1]; U, V [m3 s-1]; halo included.
    """
    nk, nj, ni = u_old.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                old_u, new_u = u_old[k, j, i] - u_bar_old[j, i], u_new[k, j, i] - u_bar_new[j, i]
                old_v, new_v = v_old[k, j, i] - v_bar_old[j, i], v_new[k, j, i] - v_bar_new[j, i]
                shear_u = (old_u + new_weight * (new_u - old_u)) * grid.dy_u[j, i] * s_u[j, i]
                shear_v = (old_v + new_weight * (new_v - old_v)) * grid.dx_v[j, i] * s_v[j, i]
                mean_u, mean_v = U_mean[j, i] / grid.depth_u[j, i], V_mean[j, i] / grid.depth_v[j, i]
                U[k, j, i] = grid.mask_u[k, j, i] * grid.h_u[k, j, i] * (shear_u + mean_u)
                V[k, j, i] = grid.mask_v[k, j, i] * grid.h_v[k, j, i] * (shear_v + mean_v)
