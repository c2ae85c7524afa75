"""The fast, depth-mean mode: split-explicit forward-backward substeps, averaged.

    deta/dt = -div(D u_bar) + fresh,    du_bar/dt = -g deta/dx + F_u,     D = H + eta

F is constant over the substeps and holds everything else that changes the depth mean (Coriolis, advection, friction,
stress).
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

Through open sides u^{m+1/2} = outer -+ sqrt(g/H) eta^m in place of this (`ogcm.operators.flather`). eta^m is half a
substep older than u^{m+1/2} and half a cell further inside: for a wave with a Courant number of 1 these two cancel. The
sea level of the cells outside stays what it is, and is set afterwards.

The adjoint is in `adjoint/operators/barotropic.py`. No kinks.
"""

from functools import partial

import numpy as np
from numba import prange
from scipy.optimize import brentq

from ogcm.backend import HALF, HALO, ONE, kernel, point, replaced_on_gpu
from ogcm.operators.flather import crosses_u, crosses_v, flather_u, flather_v


def averaging_weights(substeps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights with which the substeps are averaged.

    a follows A(x) = x^2 (1 - x^4) - r x, x = m/(substeps x0), cut where it turns negative again (Shchepetkin and
    McWilliams 2005, section 5). x0 puts the centroid at `substeps`; r, 0.2846 for many substeps, takes the second
    moment about it to 0, so that slow waves are not damped. One or two substeps are not averaged.

    Parameters
    ----------
    substeps : int
        Number of substeps in a step.

    Returns
    -------
    a : ndarray, shape (M,)
        Weights of the M >= substeps instants after 0, with sum 1.
    b : ndarray, shape (M,)
        Weights of the M intervals between them, with sum 1.
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
    """Compute the depth mean of the velocity, u_bar = sum_k h_u u / H_u, halo included.

    Parameters
    ----------
    u, v : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    grid : Grid
        Metric terms and masks.
    u_bar, v_bar : ndarray, shape (nj, ni)
        Depth-mean velocity at U and V points [m s-1], written everywhere.
    """
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
            u_bar[j, i] *= grid.r_depth_u[j, i]
            v_bar[j, i] *= grid.r_depth_v[j, i]


@point
def gravity_per_dx(grid, j, i):
    """Return g/dx_u at a U point whose velocity follows the momentum equations, 0 at any other [s-2]."""
    return grid.moves_u[j, i] * grid.gravity * grid.r_dx_u[j, i]


@point
def gravity_per_dy(grid, j, i):
    """Return g/dy_v at a V point whose velocity follows the momentum equations, 0 at any other [s-2]."""
    return grid.moves_v[j, i] * grid.gravity * grid.r_dy_v[j, i]


@kernel
def slow_forcing(u_new, v_new, u_old, v_old, eta, dt, grid, F_u, F_v):
    """Compute the forcing F of the substeps: the change of the depth mean less its surface gradient.

        F_u = (u_new - u_old)/dt + g (eta_{i+1} - eta_i)/dx_u, F_v alike

    Parameters
    ----------
    u_new, v_new : ndarray, shape (nj, ni)
        Depth-mean velocity after the slow terms have acted for dt [m s-1].
    u_old, v_old : ndarray, shape (nj, ni)
        Depth-mean velocity before [m s-1].
    eta : ndarray, shape (nj, ni)
        Sea surface height whose gradient the slow terms contain [m].
    dt : float
        Time step [s].
    grid : Grid
        Metric terms and masks.
    F_u, F_v : ndarray, shape (nj, ni)
        Forcing at U and V points [m s-2], written on the interior.
    """
    nj, ni = eta.shape
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            F_u[j, i] = (u_new[j, i] - u_old[j, i]) / dt + gravity_per_dx(grid, j, i) * (eta[j, i + ONE] - eta[j, i])
            F_v[j, i] = (v_new[j, i] - v_old[j, i]) / dt + gravity_per_dy(grid, j, i) * (eta[j + 1, i] - eta[j, i])


@point
def wrap_point(a, grid, j, i):
    """Copy a point (j, i) of the interior to its places in the halo; a GPU calls this in place of both below."""
    nj, ni = a.shape
    width_j, width_i = nj - 2 * HALO, ni - 2 * HALO
    near = j < 2 * HALO or j >= nj - 2 * HALO or i < 2 * HALO or i >= ni - 2 * HALO
    if near and HALO <= j < nj - HALO and HALO <= i < ni - HALO:
        reach_j, reach_i = HALO * grid.periodic_y, HALO * grid.periodic_x  # a side may be one cell wide
        for turn_j in range(-reach_j, reach_j + 1):
            for turn_i in range(-reach_i, reach_i + 1):
                to_j, to_i = j + turn_j * width_j, i + turn_i * width_i
                if 0 <= to_j < nj and 0 <= to_i < ni:
                    a[to_j, to_i] = a[j, i]


@replaced_on_gpu(wrap_point)
@point
def wrap_row(a, grid, j, ni):
    """Fill the halo of row j (ni,) if the domain is periodic along i."""
    if grid.periodic_x:
        width = ni - 2 * HALO
        for n in range(HALO):
            a[j, n] = a[j, HALO + (n - HALO) % width]
            a[j, ni - HALO + n] = a[j, HALO + n % width]


@replaced_on_gpu(None)  # wrap_point has done it
@point
def wrap_columns(a, grid, nj, ni):
    """Fill the halo of all rows (nj, ni) if the domain is periodic along j."""
    if grid.periodic_y:
        width = nj - 2 * HALO
        for n in range(HALO):
            for i in range(ni):
                a[n, i] = a[HALO + (n - HALO) % width, i]
                a[nj - HALO + n, i] = a[HALO + n % width, i]


@point
def transport_u(eta, u, area, rest, swell, j, i):
    """Return U = dy_u (H_u + eta_u) u [m3 s-1] for a velocity u [m s-1] at a U point."""
    return (rest[j, i] + swell[j, i] * (area[j, i] * eta[j, i] + area[j, i + ONE] * eta[j, i + ONE])) * u


@point
def transport_v(eta, v, area, rest, swell, j, i):
    """Return V = dx_v (H_v + eta_v) v [m3 s-1] for a velocity v [m s-1] at a V point."""
    return (rest[j, i] + swell[j, i] * (area[j, i] * eta[j, i] + area[j + 1, i] * eta[j + 1, i])) * v


def call_ranges(count: int, whole: bool) -> list[tuple[int, int]]:
    """Return the ranges of substeps for the calls of `barotropic_substeps`, or of halves for those of its adjoint.

    Parameters
    ----------
    count : int
        Number of substeps or of halves.
    whole : bool
        True for an ocean that is not divided into tiles, for which one call takes all of them.

    Returns
    -------
    list of tuple of int
        Arguments `first` and `last` of each call.
    """
    return [(-1, count)] if whole else [(n, n + 1) for n in range(-1, count)]


WORK_FIELDS = 8  # number of (nj, ni) fields in `work`
TRANSPORTS = slice(6, 8)  # U^{m+1/2} and V^{m+1/2} among them
# Number of points of a plane below which one thread is faster than starting several for each of the many loops
SMALL_PLANE = 8000


@partial(kernel, serial_below=SMALL_PLANE)
def barotropic_substeps(
    eta, u_bar, v_bar, F_u, F_v, fresh, outer_u, outer_v, a, b, dt, first, last, work, history, grid,
    eta_new, u_new, v_new, U_mean, V_mean,
):  # fmt: skip
    """Advance the depth-mean mode by dt with averaged substeps, or take some of these.

    Between tiles, U^{m+1/2} and V^{m+1/2} in `work` must be exchanged after each substep, so that each is a call
    (`call_ranges`).

    Parameters
    ----------
    eta : ndarray, shape (nj, ni)
        Sea surface height at the start [m], halo filled.
    u_bar, v_bar : ndarray, shape (nj, ni)
        Depth-mean velocity at the start [m s-1], halo filled.
    F_u, F_v : ndarray, shape (nj, ni)
        Forcing of the depth mean, constant over the substeps [m s-2].
    fresh : ndarray, shape (nj, ni)
        Volume gained through the surface [m s-1].
    outer_u, outer_v : ndarray, shape (nj, ni)
        What the outer world sends through open sides, u_outside +- sqrt(g/H) eta_outside [m s-1] (`outer_waves`); not
        read elsewhere.
    a, b : ndarray, shape (M,)
        Averaging weights (see `averaging_weights`).
    dt : float
        Time step [s].
    first, last : int
        The substeps first <= m < last are taken; -1 <= m < M are all, of which -1 computes U^{1/2} and V^{1/2}.
    work : ndarray, shape (WORK_FIELDS, nj, ni)
        Work array for the coefficients and for U^{m+1/2}, V^{m+1/2}; overwritten.
    history : ndarray, shape (3, depth, nj, ni)
        The last `depth` instants of eta^m, u^{m+1/2}, v^{m+1/2}: depth is 1 in a run and M + 1 for the adjoint;
        overwritten.
    grid : Grid
        Metric terms and masks.
    eta_new : ndarray, shape (nj, ni)
        Averaged sea surface height [m], written on the interior.
    u_new, v_new : ndarray, shape (nj, ni)
        Averaged velocity [m s-1], written on the interior.
    U_mean, V_mean : ndarray, shape (nj, ni)
        Mean transports that change eta to eta_new [m3 s-1], written on the interior.
    """
    nj, ni = eta.shape
    area, substeps, depth = grid.area_t, a.shape[0], history.shape[1]
    # delta is dt/substeps within the averaged interval: the centroid of a lies at dt.
    delta = b[0] * dt
    half = HALF * delta
    g_x, g_y, rest_u, rest_v, swell_u, swell_v = work[0], work[1], work[2], work[3], work[4], work[5]
    U, V = work[6], work[7]
    if first < 0:
        start, u, v = history[0, 0], history[1, 0], history[2, 0]
        for j in prange(nj):
            for ii in range(ni):
                i = np.uintp(ii)
                start[j, i] = eta[j, i]
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
        if grid.open_sides:
            for j in prange(HALO, nj - HALO):
                for ii in range(HALO, ni - HALO):
                    i = np.uintp(ii)
                    if crosses_u(grid, j, i):
                        u[j, i] = flather_u(eta, outer_u, grid, j, i)
                        U[j, i] = transport_u(eta, u[j, i], area, rest_u, swell_u, j, i)
                    if crosses_v(grid, j, i):
                        v[j, i] = flather_v(eta, outer_v, grid, j, i)
                        V[j, i] = transport_v(eta, v[j, i], area, rest_v, swell_v, j, i)
                wrap_row(U, grid, j, ni)
                wrap_row(V, grid, j, ni)
            wrap_columns(U, grid, nj, ni)
            wrap_columns(V, grid, nj, ni)
    for m in range(max(first, 0), last):
        a_m, b_m = a[m], b[m]
        now, then = m % depth, (m + 1) % depth
        before, surface = history[0, now], history[0, then]
        u, v, u_then, v_then = history[1, now], history[2, now], history[1, then], history[2, then]
        for j in prange(HALO - 1, nj - HALO + 1):
            for ii in range(HALO - 1, ni - HALO + 1):
                i = np.uintp(ii)
                outflow = U[j, i] - U[j, i - ONE] + V[j, i] - V[j - 1, i]
                surface[j, i] = before[j, i] - delta * (outflow * grid.r_area_eta[j, i] - fresh[j, i])
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
                U[j, i] = transport_u(surface, u_then[j, i], area, rest_u, swell_u, j, i)
                V[j, i] = transport_v(surface, v_then[j, i], area, rest_v, swell_v, j, i)
            wrap_row(U, grid, j, ni)
            wrap_row(V, grid, j, ni)
        wrap_columns(U, grid, nj, ni)
        wrap_columns(V, grid, nj, ni)
        if grid.open_sides:
            for j in prange(HALO, nj - HALO):
                for ii in range(HALO, ni - HALO):
                    i = np.uintp(ii)
                    if crosses_u(grid, j, i):
                        change = flather_u(surface, outer_u, grid, j, i) - u_then[j, i]
                        u_new[j, i] += a_m * (HALF * change)
                        u_then[j, i] += change
                        U[j, i] = transport_u(surface, u_then[j, i], area, rest_u, swell_u, j, i)
                    if crosses_v(grid, j, i):
                        change = flather_v(surface, outer_v, grid, j, i) - v_then[j, i]
                        v_new[j, i] += a_m * (HALF * change)
                        v_then[j, i] += change
                        V[j, i] = transport_v(surface, v_then[j, i], area, rest_v, swell_v, j, i)
                wrap_row(U, grid, j, ni)
                wrap_row(V, grid, j, ni)
            wrap_columns(U, grid, nj, ni)
            wrap_columns(V, grid, nj, ni)
    if last == substeps:
        for j in prange(HALO, nj - HALO):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                outflow = U_mean[j, i] - U_mean[j, i - ONE] + V_mean[j, i] - V_mean[j - 1, i]
                eta_new[j, i] = eta[j, i] - dt * (outflow * grid.r_area_eta[j, i] - fresh[j, i])


@kernel
def take_depth_mean(u_star, v_star, u_bar, v_bar, target_u, target_v, grid, u, v):
    """Replace the depth mean of the velocity: u = u_star + target_u - u_bar on open faces.

    Parameters
    ----------
    u_star, v_star : ndarray, shape (nk, nj, ni)
        Velocity at U and V points [m s-1].
    u_bar, v_bar : ndarray, shape (nj, ni)
        Depth mean of u_star and v_star [m s-1].
    target_u, target_v : ndarray, shape (nj, ni)
        Depth mean of u and v [m s-1].
    grid : Grid
        Metric terms and masks.
    u, v : ndarray, shape (nk, nj, ni)
        Velocity with the new depth mean [m s-1], written on the interior.
    """
    nk, nj, ni = u.shape
    for j in prange(HALO, nj - HALO):
        for k in range(nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                u[k, j, i] = u_star[k, j, i] + grid.mask_u[k, j, i] * (target_u[j, i] - u_bar[j, i])
            for ii in range(HALO, ni - HALO):  # two loops were measured to be faster than one
                i = np.uintp(ii)
                v[k, j, i] = v_star[k, j, i] + grid.mask_v[k, j, i] * (target_v[j, i] - v_bar[j, i])


@kernel
def tracer_transports(
    u_old, v_old, u_new, v_new, u_bar_old, v_bar_old, u_bar_new, v_bar_new, U_mean, V_mean, s_u, s_v, new_weight,
    grid, U, V,
):  # fmt: skip
    """Compute the transports of the tracers from the shear of two velocities and a given depth mean, halo included.

        U_k = mask h_u { dy_u s_u [(1 - new_weight) u'_old + new_weight u'_new] + U_mean/H_u }, u' = u - u_bar

    Parameters
    ----------
    u_old, v_old : ndarray, shape (nk, nj, ni)
        Velocity before the step [m s-1].
    u_new, v_new : ndarray, shape (nk, nj, ni)
        Velocity after the step [m s-1].
    u_bar_old, v_bar_old : ndarray, shape (nj, ni)
        Depth mean of u_old and v_old [m s-1].
    u_bar_new, v_bar_new : ndarray, shape (nj, ni)
        Depth mean of u_new and v_new [m s-1].
    U_mean, V_mean : ndarray, shape (nj, ni)
        Depth-integrated transports [m3 s-1].
    s_u, s_v : ndarray, shape (nj, ni)
        Stretching of the layers at U and V points [1].
    new_weight : float
        Weight of the new shear [1].
    grid : Grid
        Metric terms and masks.
    U, V : ndarray, shape (nk, nj, ni)
        Transports through U and V points [m3 s-1], written everywhere.
    """
    nk, nj, ni = u_old.shape
    for j in prange(nj):
        for k in range(nk):
            for ii in range(ni):
                i = np.uintp(ii)
                old_u, new_u = u_old[k, j, i] - u_bar_old[j, i], u_new[k, j, i] - u_bar_new[j, i]
                shear = (old_u + new_weight * (new_u - old_u)) * grid.dy_u[j, i] * s_u[j, i]
                mean = U_mean[j, i] * grid.r_depth_u[j, i]
                U[k, j, i] = grid.mask_u[k, j, i] * grid.h_u[k, j, i] * (shear + mean)
            for ii in range(ni):  # two loops were measured to be faster than one over all these arrays
                i = np.uintp(ii)
                old_v, new_v = v_old[k, j, i] - v_bar_old[j, i], v_new[k, j, i] - v_bar_new[j, i]
                shear = (old_v + new_weight * (new_v - old_v)) * grid.dx_v[j, i] * s_v[j, i]
                mean = V_mean[j, i] * grid.r_depth_v[j, i]
                V[k, j, i] = grid.mask_v[k, j, i] * grid.h_v[k, j, i] * (shear + mean)
