"""Balance of stratified water, and the instability of a balanced flow."""

from collections.abc import Callable

import numpy as np

import ogcm
from benchmarks.physics.case import (
    INVISCID,
    NO_MIXING,
    T_REFERENCE,
    WARMTH,
    Array,
    Result,
    advance,
    close,
    order,
    small,
)
from ogcm.constants import DAY, GRAVITY
from ogcm.grid import build_grid, interior
from ogcm.operators.pressure import hydrostatic_pressure
from ogcm.state import State


def stratified(grid: ogcm.HorizontalGrid, H: float, nk: int, b: Callable, dt: float, **fields) -> ogcm.Model:
    """An inviscid ocean of nk equal layers, linear in its surface and in its sea water, of buoyancy b(x, y, z)."""
    return ogcm.Model(
        grid,
        depth=H,
        dz=np.full(nk, H / nk),
        T=lambda x, y, z: T_REFERENCE + b(x, y, z) / WARMTH,
        parameters=NO_MIXING,
        free_surface="linear",
        dt=dt,
        **INVISCID,
        **fields,
    )


def balanced_front() -> Result:
    """A front in thermal wind balance is a steady solution of the full equations.

        b = N^2 z + (B/2) tanh(y'/d),   f du/dz = -db/dy,   u(-H) = 0,   g eta = H (b - N^2 z)

    Rossby number 0.06 (u up to 0.25 m/s, d = 40 km): steady to the truncation error of the grid, over 10 days.

    Source: Vallis (2017), sec. 2.8
    """
    f, H, N, B, d, W = 1e-4, 1000.0, 3e-3, 2e-3, 40e3, 400e3
    grid = ogcm.cartesian(nx=3, ny=80, dx=W / 80, dy=W / 80, f0=f, periodic_x=True)

    def step(y: Array) -> Array:
        return B / 2 * np.tanh((y - W / 2) / d)

    model = stratified(
        grid,
        H,
        20,
        lambda x, y, z: N**2 * z + step(y),
        dt=2400.0,
        u=lambda x, y, z: -B / (2 * d * f) / np.cosh((y - W / 2) / d) ** 2 * (z + H),
        eta=lambda x, y: step(y) * H / GRAVITY,
    )
    u, T = model.state.u.copy(), model.state.T.copy()
    advance(model, round(10 * DAY / 2400))
    drift_u, drift_b = np.abs(model.state.u - u).max(), WARMTH * np.abs(model.state.T - T).max()
    return Result(
        [
            small("change of u in 10 days / largest u", drift_u / np.abs(u).max(), 0.01),
            small("change of b in 10 days / contrast", drift_b / B, 0.01),
        ]
    )


def thermal_wind_adjustment() -> Result:
    """A front at rest, b' = -B sin(n z) cos(m y), n = pi/H, adjusts to thermal wind conserving potential vorticity:

        <b'> = b'(0)/(1 + (m N/(n f))^2),   f <du/dz> = -d<b>/dy

    about which it oscillates for ever (between the walls of this channel) with omega^2 = f^2 + (m N/n)^2, the one
    frequency of this one mode; < > is the mean over four periods. Of small amplitude: linear.

    Source: Gill (1982), sec. 7.2, with the speed N H/pi of the first internal mode
    """
    f, H, N, W, B, per_period = 1e-4, 1000.0, 3e-3, 30e3, 1e-7, 32
    m, n = np.pi / W, np.pi / H
    omega = np.hypot(f, m * N / n)
    grid = ogcm.cartesian(nx=3, ny=32, dx=W / 32, dy=W / 32, f0=f, periodic_x=True)
    model = stratified(
        grid,
        H,
        32,
        lambda x, y, z: N**2 * z - B * np.sin(n * z) * np.cos(m * y),
        dt=2 * np.pi / omega / per_period,
        eta=lambda x, y: B / (n * GRAVITY) * np.cos(m * y),  # no pressure gradient in the mean over depth
    )
    z = interior(model.grid.z_t)[:, :, 1]
    wave_b = -np.sin(n * z) * np.cos(m * grid.y_t)
    wave_u = np.cos(n * z) * np.sin(m * grid.y_t)

    def amplitudes(state: State) -> tuple[float, float]:
        b = WARMTH * (interior(state.T)[:, :, 1] - T_REFERENCE)
        return 4 * np.mean(wave_b * b), 4 * np.mean(wave_u * interior(state.u)[:, :, 1])

    b, u = advance(model, 4 * per_period, amplitudes).mean(axis=0)
    return Result(
        [
            close("share of b that remains", 1 / (1 + (m * N / (n * f)) ** 2), b / B, 0.01),
            close("u of the mean b [1e-6 m/s]", 1e6 * m * b / (n * f), 1e6 * u, 0.01),
        ]
    )


def pressure_error(n: int, profile: Callable, integral: Callable) -> float:
    """Largest error of p [m2 s-2] at the centres of n uneven layers of 1,000 m."""
    level = np.linspace(0, 1, n + 1)
    edges = 500.0 * (level + level**2)
    grid = build_grid(ogcm.cartesian(nx=1, ny=1, dx=1.0, dy=1.0), 1000.0, np.diff(edges))
    p, plane = np.zeros(grid.h_t.shape), np.zeros(grid.depth_t.shape)
    hydrostatic_pressure(profile(grid.z_t), plane, plane + 1, grid, p)
    return float(np.abs(interior(p - integral(grid.z_t))).max())


def hydrostatic_balance() -> Result:
    """p(z) = g eta - integral of b from z to 0, for b linear and quadratic in z, in layers of uneven thickness.

    Source: the integral itself
    """
    linear = [pressure_error(n, lambda z: 1e-5 * z, lambda z: 0.5e-5 * z**2) for n in (20, 40, 80)]
    quadratic = [pressure_error(n, lambda z: -1e-8 * z**2, lambda z: -1e-8 * z**3 / 3) for n in (20, 40, 80)]
    return Result(
        [
            order("order of convergence, b linear", 2.0, linear, 0.1),
            order("order of convergence, b quadratic", 2.0, quadratic, 0.1),
        ]
    )


EADY_FASTEST, EADY_CUTOFF = 1.6061, 2.3994  # mu of the fastest growth and of the shortest unstable wave


def eady_speed(mu: Array) -> Array:
    """Phase speed c of the growing (or the faster neutral) Eady wave in units of Lambda H, relative to mid-depth."""
    half = np.asarray(mu) / 2
    return np.sqrt(((half - 1 / np.tanh(half)) * (half - np.tanh(half))).astype(complex)) / (2 * half)


def eady_growth(mu: float, n: int = 32, nk: int = 24, richardson: float = 100.0) -> float:
    """Growth rate in units of f Lambda/N of the wave K = mu f/(N H), k = m, started as the analytic normal mode."""
    f, H, N = 1e-4, 1000.0, 5e-3
    shear = N / np.sqrt(richardson)
    K = mu * f / (N * H)
    k = m = K / np.sqrt(2)
    length, width, middle = 2 * np.pi / k, np.pi / m, H / 2
    grid = ogcm.cartesian(nx=n, ny=n // 2, dx=length / n, dy=2 * width / n, f0=f, periodic_x=True)
    # psi = Re[ phi(z) exp(ikx) ] sin(ly), phi = cosh(decay z') + B sinh(decay z'); B from the condition at the surface
    c, decay = complex(eady_speed(mu)) * shear * H, mu / H
    C, S = np.cosh(mu / 2), np.sinh(mu / 2)
    lag = shear * middle - c
    B = -(lag * decay * S - shear * C) / (lag * decay * C - shear * S)
    a = 1e-4 * shear * H / K  # amplitude of psi [m2 s-1]: waves of 1e-4 of the mean flow

    def wave(phi: Array, x: Array) -> Array:
        return a * (phi * np.exp(1j * k * x)).real

    def phi(z: Array) -> Array:
        return np.cosh(decay * (z + middle)) + B * np.sinh(decay * (z + middle))

    def phi_z(z: Array) -> Array:
        return decay * (np.sinh(decay * (z + middle)) + B * np.cosh(decay * (z + middle)))

    model = stratified(
        grid,
        H,
        nk,
        lambda x, y, z: N**2 * z - f * shear * (y - width / 2) + f * wave(phi_z(z), x) * np.sin(m * y),
        dt=0.4 / (f * mu),  # internal waves turn by less than 2.44
        u=lambda x, y, z: shear * (z + middle) - m * wave(phi(z), x) * np.cos(m * y),
        v=lambda x, y, z: wave(1j * k * phi(z), x) * np.sin(m * y),
        eta=lambda x, y: f / GRAVITY * (wave(phi(0.0), x) * np.sin(m * y) - shear * middle * (y - width / 2)),
    )
    basis = np.sin(m * grid.y_t)[:, None] * np.exp(-1j * k * grid.x_t)
    unit = f * shear / N
    steps = round(3 / unit / model.numerics.dt)
    amplitude = advance(model, steps, lambda s: np.linalg.norm((interior(s.T) * basis).sum(axis=(1, 2))))
    t = model.numerics.dt * np.arange(steps)
    return float(np.polyfit(t[steps // 3 :], np.log(amplitude[steps // 3 :]), 1)[0] / unit)


def eady_theory(mu: Array) -> Array:
    """Growth rate of the wave with k = l in units of f Lambda/N: mu c_i k/K."""
    return mu * eady_speed(mu).imag / np.sqrt(2)


def eady() -> Result:
    """Baroclinic instability of uniform shear Lambda and stratification N between rigid lids, on an f-plane.

        sigma = (k/K) (f Lambda/N) [ (coth(mu/2) - mu/2) (mu/2 - tanh(mu/2)) ]^(1/2),   mu = K N H/f

    0.3098 (k/K) f Lambda/N at mu = 1.6061, and no growth beyond mu = 2.3994. Along the walls of the channel psi = 0,
    so that its gravest wave is sin(m y) with m = pi/width, and K^2 = k^2 + m^2: here k = m, k/K = 1/sqrt(2). The theory
    is quasi-geostrophic: at Ri = N^2/Lambda^2 = 100 the true growth is less by (1 + 1/Ri)^(-1/2), 0.5 % (Stone 1966,
    J. Atmos. Sci. 23, 390); the free surface differs from a lid by N^2 H/g = 0.3 %.

    Source: Eady (1949, Tellus 1, 33); Vallis (2017), sec. 9.5
    """
    tried = np.array([EADY_FASTEST, 0.95 * EADY_CUTOFF, 1.05 * EADY_CUTOFF])
    found, theory = np.array([eady_growth(mu) for mu in tried]), eady_theory(tried)
    fastest = theory[0]
    return Result(
        [
            close("largest growth rate, times K/k N/(f Lambda)", 0.3098, np.sqrt(2) * found[0], 0.05),
            close("growth 5 % below the cutoff / largest", theory[1] / fastest, found[1] / fastest, 0.05, 1.0),
            small("growth 5 % beyond the cutoff / largest", abs(found[2]) / fastest, 0.05),
        ]
    )


CASES = [balanced_front, thermal_wind_adjustment, hydrostatic_balance, eady]
