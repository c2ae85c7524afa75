"""The model against analytic solutions: `python -m benchmarks.physics [--picture FILE]`.

Each case is a function that runs the model and returns its `Result`: numbers of theory and model with the error
allowed, and the curves of the picture. Its docstring holds the solution and ends with where it was published. The
tests in `tests/physics` run the same functions; this script prints them as one table and draws
docs/pictures/physics.png.

Where a solution is one of a limit (thin boundary layer, small Rossby number), the case says how far it is from it.
"""

import argparse
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import ogcm
from ogcm.constants import DAY, GRAVITY, HEAT_CAPACITY, RHO0
from ogcm.diagnostics import barotropic_streamfunction, cell_volume, potential_density, wet_area
from ogcm.grid import build_grid, interior
from ogcm.operators.equation_of_state import LINEAR
from ogcm.operators.pressure import hydrostatic_pressure
from ogcm.state import State

Array = np.ndarray
WARMTH = GRAVITY * LINEAR.a0 / RHO0  # buoyancy of a degree [m s-2 K-1], linear equation of state
T_REFERENCE = 10.0  # [degC] where b = 0
PASSIVE = {"eos": np.zeros(len(LINEAR))}  # a tracer that the flow does not feel
INVISCID = {"friction": "none", "diffusion": "none", "advection": "centred2"}
NO_MIXING = {"nu_v": 0.0, "kappa_v": 0.0, "kappa_convective": 0.0}


class Check(NamedTuple):
    """A number of theory and model; `error` is what must not exceed `tolerance`."""

    name: str
    theory: float
    model: float
    error: float
    tolerance: float


class Result(NamedTuple):
    """What a case found: its checks, and curves as name: (x, theory, model)."""

    checks: list[Check]
    curves: Mapping[str, tuple[Array, Array, Array]] = MappingProxyType({})

    def failures(self) -> list[Check]:
        """The checks beyond their tolerance; NaN is beyond any."""
        return [check for check in self.checks if not check.error <= check.tolerance]


def close(name: str, theory: float, model: float, tolerance: float, scale: float | None = None) -> Check:
    """`model` is `theory` within `tolerance` of `scale` (default: of itself)."""
    return Check(name, theory, model, abs(model - theory) / (scale or abs(theory)), tolerance)


def small(name: str, error: float, tolerance: float) -> Check:
    """An error that theory would have at 0."""
    return Check(name, 0.0, float(error), float(error), tolerance)


def order(name: str, expected: float, errors: list[float], shortfall: float) -> Check:
    """Errors at resolutions that double fall with at least the order `expected` - `shortfall`."""
    found = float(np.log2(np.array(errors[:-1]) / errors[1:]).min())
    return Check(name, expected, found, float(np.maximum(0, expected - found)), shortfall)  # NaN stays NaN


def advance(model: ogcm.Model, steps: int, watch: Callable[[State], object] | None = None) -> Array:
    """Run the model; what `watch` sees of the state after each step."""
    stepper, seen = ogcm.Stepper(model), []
    for _ in range(steps):
        stepper.step()
        if watch is not None:
            seen.append(watch(model.state))
    return np.array(seen)


# Steady circulation


def ekman_spiral() -> Result:
    """Wind tau over a homogeneous f-plane ocean of viscosity nu_v, far above the bottom.

        u + i v = (1 - i) tau D/(2 rho0 nu_v) exp((1 + i) z/D),   D = sqrt(2 nu_v/f),   transport = -i tau/(rho0 f)

    Started from rest: the shear modes decay within days; the inertial oscillation of the depth mean, which nothing
    damps, is removed by a mean over one inertial period. H = 8 D (the bottom is felt by exp(-8)), 10 layers in D.

    Source: Ekman (1905, Ark. Mat. Astr. Fys. 2, no. 11); Vallis (2017), sec. 5.7
    """
    f, nu, tau, per_period = 1e-4, 1e-2, 0.1, 24
    D = np.sqrt(2 * nu / f)
    dz = np.full(80, D / 10)
    grid = ogcm.cartesian(nx=3, ny=3, dx=1e4, dy=1e4, f0=f, periodic_x=True, periodic_y=True)
    model = ogcm.Model(
        grid,
        depth=dz.sum(),
        dz=dz,
        equation_of_state="none",
        friction="none",
        forcing=ogcm.Forcing(tau_x=tau),
        parameters={"nu_v": nu},
        dt=2 * np.pi / f / per_period,
    )
    columns = advance(model, 12 * per_period, lambda s: interior(s.u)[:, 1, 1] + 1j * interior(s.v)[:, 1, 1])
    flow = columns[-per_period:].mean(axis=0)
    z = interior(model.grid.z_t)[:, 1, 1]
    surface = (1 - 1j) * tau * D / (2 * RHO0 * nu)
    exact = surface * np.exp((1 + 1j) * z / D)
    transport, expected = (flow * dz).sum(), -1j * tau / (RHO0 * f)
    return Result(
        [
            close("Ekman transport [m2/s]", abs(expected), -transport.imag, 0.01),
            close("its angle to the wind [degrees]", -90.0, np.degrees(np.angle(transport)), 0.01),
            small("largest error / surface velocity", np.abs(flow - exact).max() / abs(surface), 0.01),
        ],
        {"u": (z / D, exact.real, flow.real), "v": (z / D, exact.imag, flow.imag)},
    )


WIDTH = HEIGHT = 2e6  # of the gyres' basin [m]
BETA, TAU = 2e-11, 1e-6  # [m-1 s-1], [N m-2]: a wind so weak that the flow is linear
GYRE_DEPTH = 100.0  # [m]; the steady transport does not know it, but surface waves are slow and steps long
SLOPE = np.pi * TAU / (RHO0 * BETA * HEIGHT)  # -dpsi/dx of the Sverdrup flow in mid-basin [m2 s-1]


def gyre(nx: int, ny: int, days: float, parameters: dict, **options) -> tuple[Array, Array, Array]:
    """x, y [m] of the F points and streamfunction psi [m3 s-1] of a homogeneous beta-plane basin under the wind
    tau_x = -tau cos(pi y/L), which grows during the first half of the run so that it excites few Rossby waves.
    Columns widen from west to east five-fold."""
    widths = np.geomspace(1, 5, nx)

    def tau_x(x: Array, y: Array, t: float) -> Array:
        return -TAU * np.cos(np.pi * y / HEIGHT) * np.sin(np.pi / 2 * min(2 * t / (days * DAY), 1)) ** 2

    grid = ogcm.cartesian(nx=nx, ny=ny, dx=widths * WIDTH / widths.sum(), dy=HEIGHT / ny, f0=4e-5, beta=BETA)
    model = ogcm.Model(
        grid,
        depth=GYRE_DEPTH,
        dz=[GYRE_DEPTH],
        equation_of_state="none",
        free_surface="linear",
        forcing=ogcm.Forcing(tau_x=tau_x),
        parameters=parameters,
        dt=DAY / 6,
        **options,
    )
    advance(model, 6 * days)
    return grid.x_f, grid.y_f, barotropic_streamfunction(model)


def strength(exact: Array, psi: Array, tolerance: float) -> list[Check]:
    """The strongest transport, and the largest error of the streamfunction."""
    largest, per_wind = exact.max(), 1e-6 * 0.1 / TAU
    return [
        close("strongest transport [Sv at 0.1 N/m2]", largest * per_wind, psi.max() * per_wind, tolerance),
        small("largest error of psi / its maximum", np.abs(psi - exact).max() / largest, tolerance),
    ]


def munk_profile(x: Array, delta: float) -> Array:
    """X of psi = X sin(m y) that solves dX/dx = delta^3 (d2/dx2 - m^2)^2 X - P, with X = d2X/dx2 = 0 at both walls."""
    m = np.pi / HEIGHT
    roots = np.roots([delta**3, 0, -2 * delta**3 * m**2, -1, delta**3 * m**4])
    wall = np.where(roots.real > 0, WIDTH, 0)  # where each exponential is 1, lest it overflow
    conditions = [roots**n * np.exp(roots * (edge - wall)) for edge in (0, WIDTH) for n in (0, 2)]
    far = SLOPE / (delta**3 * m**4)
    return (far + np.exp(roots * (x[:, None] - wall)) @ np.linalg.solve(conditions, [-far, 0, -far, 0])).real


def munk_gyre(walls: str = "free_slip") -> Result:
    """Sverdrup flow closed by a viscous boundary layer of width delta = (nu_h/beta)^(1/3).

        psi = P sin(pi y/L) { w - x + exp(-s/2) [ (2 e - w)/sqrt(3) sin(r s) - w cos(r s) ] + e exp((x - W)/delta) }

    with P = pi tau/(rho0 beta L), s = x/delta, r = sqrt(3)/2; along no-slip walls w = W - e, e = delta. Along free-slip
    walls, which ask for no curvature of psi, w = W, e = 0, and the coefficient of the sine is +W/sqrt(3). Munk's
    boundary-layer form: it leaves out friction along y, 2 (pi delta/L)^2 = 1.2 %, and the layers along no-slip
    walls in the north and south, so that psi is compared there in mid-basin. Along free-slip walls also against the
    exact linear solution.

    Source: Munk (1950, J. Meteorol. 7, 80); Vallis (2017), sec. 19.2
    """
    delta, r = 50e3, np.sqrt(3) / 2
    x, y, psi = gyre(64, 32, 160, {"nu_h": BETA * delta**3}, walls=walls)
    e = delta if walls == "no_slip" else 0.0
    w = WIDTH - e
    s = x / delta
    sine = (2 * e - w if walls == "no_slip" else w) / np.sqrt(3)
    layer = np.exp(-s / 2) * (sine * np.sin(r * s) - w * np.cos(r * s))
    exact = SLOPE * (w - x + layer + e * np.exp((x - WIDTH) / delta)) * np.sin(np.pi * y / HEIGHT)[:, None]
    middle = len(y) // 2 - 1
    rows = slice(middle, middle + 1) if walls == "no_slip" else slice(None)
    checks = strength(exact[rows], psi[rows], 0.03)
    if walls == "free_slip":
        linear = munk_profile(x, delta) * np.sin(np.pi * y / HEIGHT)[:, None]
        checks.append(small("with friction along y in theory", np.abs(psi - linear).max() / linear.max(), 0.01))
    curve = (x / 1e3, exact[middle] / exact.max(), psi[middle] / exact.max())
    return Result(checks, {walls.replace("_", " "): curve})


def munk_gyre_no_slip() -> Result:
    """`munk_gyre` along no-slip walls, in mid-basin.

    Source: Munk (1950, J. Meteorol. 7, 80); Vallis (2017), sec. 19.2
    """
    return munk_gyre("no_slip")


def stommel_gyre() -> Result:
    """Sverdrup flow closed by linear bottom drag r; without the neglect of friction along y this is exact.

        delta del^2 psi + dpsi/dx = -P sin(pi y/L),   delta = r/(H beta),   P = pi tau/(rho0 beta L)
        psi = P/(delta m^2) sin(m y) [ 1 - p exp(a x) - (1 - p) exp(b x) ],   m = pi/L

    with a, b the roots of delta (a^2 - m^2) + a = 0 and p = [1 - exp(b W)]/[exp(a W) - exp(b W)].

    Source: Stommel (1948, Trans. Am. Geophys. Union 29, 202); Vallis (2017), sec. 19.1
    """
    delta, m = 100e3, np.pi / HEIGHT
    x, y, psi = gyre(64, 32, 100, {"drag_linear": BETA * delta * GYRE_DEPTH}, friction="none")
    a, b = np.roots([delta, 1.0, -delta * m**2])[::-1]
    p = (1 - np.exp(b * WIDTH)) / (np.exp(a * WIDTH) - np.exp(b * WIDTH))
    profile = SLOPE / (delta * m**2) * (1 - p * np.exp(a * x) - (1 - p) * np.exp(b * x))
    exact = profile * np.sin(m * y)[:, None]
    middle = len(y) // 2 - 1
    curve = (x / 1e3, exact[middle] / exact.max(), psi[middle] / exact.max())
    return Result(strength(exact, psi, 0.02), {"psi": curve})


def williamson_2_error(cells: int, days: float) -> float:
    """The largest relative l2 norm of the error of the thickness within `days`, in a band of `cells` rows."""
    radius, omega, latitude = 6.37122e6, 7.292e-5, 80.0
    u0, h0 = 2 * np.pi * radius / (12 * DAY), 2.94e4 / GRAVITY
    fall = (radius * omega * u0 + u0**2 / 2) / GRAVITY
    depth = h0 - fall * np.sin(np.radians(latitude)) ** 2 / 3  # the mean of the thickness
    grid = ogcm.spherical(
        lon=np.linspace(0, 360, 2 * cells + 1),
        lat=np.linspace(-latitude, latitude, cells + 1),
        radius=radius,
        rotation=omega,
    )

    def thickness(lon: Array, lat: Array) -> Array:
        return h0 - fall * np.sin(np.radians(lat)) ** 2

    model = ogcm.Model(
        grid,
        depth=depth,
        dz=[depth],
        eta=lambda lon, lat: thickness(lon, lat) - depth,
        u=lambda lon, lat, z: u0 * np.cos(np.radians(lat)),
        equation_of_state="none",
        friction="none",
        parameters={"nu_v": 0.0},
        dt=38400.0 / cells,
    )
    exact = thickness(*np.meshgrid(grid.x_t, grid.y_t))
    norm = (grid.area_t * exact**2).sum()

    def l2(state: State) -> float:
        return np.sqrt((grid.area_t * (depth + interior(state.eta) - exact) ** 2).sum() / norm)

    return float(advance(model, round(days * DAY / model.numerics.dt), l2).max())


def williamson_2() -> Result:
    """Steady zonal flow in geostrophic balance on the sphere, one layer with the nonlinear free surface.

        u = u0 cos(lat),   g h = g h0 - (a Omega u0 + u0^2/2) sin^2(lat),   u0 = 2 pi a/(12 days),  g h0 = 2.94e4 m2 s-2

    In a channel from 80 S to 80 N on the latitude-longitude grid, flow along the parallels (alpha = 0): v = 0 there
    in the exact solution, so that the walls change nothing; flow over the poles is not representable here. g is the
    model's. Error norm: their eq. 83.

    Source: Williamson et al. (1992, J. Comput. Phys. 102, 211), test 2
    """
    errors = [williamson_2_error(cells, 5) for cells in (16, 32, 64)]
    return Result(
        [
            small("l2 error of h within 5 days, 2.5 degrees", errors[-1], 1e-3),
            order("order of convergence, 10 to 2.5 degrees", 2.0, errors, 0.2),
        ]
    )


# Stratified balance and instability


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
        dt=0.4 / (f * mu),  # internal waves turn by less than 2.45
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


# Mixing


def convective_deepening() -> Result:
    """A mixed layer under constant loss of buoyancy B0 deepens into stratification N without entrainment:

        N^2 h^2/2 = B0 t,   h = sqrt(2 B0 t)/N

    h is that of the mixed cells, within one cell at any time. The layer is well mixed: its flux falls linearly from
    B0 to 0, so that b changes by no more than B0 (h - dz)/(2 kappa_convective) from the first to the last cell.

    Source: Marshall and Schott (1999, doi 10.1029/98RG02739)
    """
    N2, loss, kappa, nk, dz, dt = 1e-5, 200.0, 10.0, 50, 5.0, 3600.0
    B0 = WARMTH * loss / (RHO0 * HEAT_CAPACITY)
    grid = ogcm.cartesian(nx=3, ny=3, dx=1e4, dy=1e4, f0=1e-4, periodic_x=True, periodic_y=True)
    model = ogcm.Model(
        grid,
        depth=nk * dz,
        dz=np.full(nk, dz),
        T=lambda x, y, z: 20 + N2 * z / WARMTH,
        forcing=ogcm.Forcing(heat_flux=-loss),
        parameters={"kappa_v": 0.0, "kappa_convective": kappa},
        dt=dt,
    )
    step = N2 * dz / WARMTH  # of temperature between two cells at the start
    columns = advance(model, round(20 * DAY / dt), lambda s: interior(s.T)[:, 1, 1].copy())
    t = dt * np.arange(1, len(columns) + 1)
    cells = (np.abs(columns - columns[:, :1]) < 0.05 * step).sum(axis=1)
    depth, exact = dz * cells, np.sqrt(2 * B0 * t / N2)
    last, spread = columns[-1, : cells[-1]], B0 * (depth[-1] - dz) / (2 * kappa * WARMTH)
    return Result(
        [
            close("depth after 20 days [m]", exact[-1], depth[-1], 1.0, dz),
            small("largest error of the depth / cell", np.abs(depth - exact).max() / dz, 1.0),
            close("spread of T in the layer [1e-6 K]", 1e6 * spread, 1e6 * np.ptp(last), 0.05),
        ],
        {"h": (t / DAY, exact, depth)},
    )


def vertical_decay(n: int) -> float:
    """Rate of decay of cos(pi z/H) in n layers, over that of theory; the step falls with the square of the layers'."""
    H, kappa = 100.0, 1e-3
    rate = kappa * (np.pi / H) ** 2
    steps = n * n // 4
    grid = ogcm.cartesian(nx=1, ny=1, dx=1e4, dy=1e4, periodic_x=True, periodic_y=True)
    mode = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    model = ogcm.Model(
        grid,
        depth=H,
        dz=np.full(n, H / n),
        T=T_REFERENCE + mode,
        parameters={"kappa_v": kappa},
        dt=1 / rate / steps,
    )
    advance(model, steps)
    left = mode @ (interior(model.state.T)[:, 0, 0] - T_REFERENCE) / (mode @ mode)
    return float(-np.log(left))


def vertical_diffusion() -> Result:
    """The first cosine mode decays as exp(-kappa (pi/H)^2 t); in time, the implicit solve is of first order.

    Source: Carslaw and Jaeger (1959), Conduction of Heat in Solids
    """
    rates = [vertical_decay(n) for n in (8, 16, 32)]
    return Result(
        [
            close("rate of decay over that of theory", 1.0, rates[-1], 0.01),
            order("order of convergence (dt as dz^2)", 2.0, [abs(r - 1) for r in rates], 0.1),
        ]
    )


def gaussian_error(n: int) -> float:
    """Error / maximum of a Gaussian of passive tracer on n x n doubly periodic cells, diffused to double its area."""
    L, radius, kappa = 1e6, 60e3, 1000.0
    seconds = radius**2 / (2 * kappa)
    steps = n * n // 64
    grid = ogcm.cartesian(nx=n, ny=n, dx=L / n, dy=L / n, periodic_x=True, periodic_y=True)

    def gaussian(x: Array, y: Array, t: float) -> Array:
        area = radius**2 + 2 * kappa * t
        return radius**2 / area * np.exp(-((x - L / 2) ** 2 + (y - L / 2) ** 2) / (2 * area))

    model = ogcm.Model(
        grid,
        depth=10.0,
        dz=[10.0],
        T=lambda x, y, z: gaussian(x, y, 0.0),
        parameters=PASSIVE | {"kappa_h": kappa},
        dt=seconds / steps,
    )
    advance(model, steps)
    exact = gaussian(*np.meshgrid(grid.x_t, grid.y_t), seconds)
    return float(np.abs(interior(model.state.T)[0] - exact).max() / exact.max())


def horizontal_diffusion() -> Result:
    """A Gaussian spreads: T = s0^2/s^2 exp(-r^2/(2 s^2)), s^2 = s0^2 + 2 kappa_h t.

    Source: Carslaw and Jaeger (1959), Conduction of Heat in Solids, ch. 10
    """
    errors = [gaussian_error(n) for n in (32, 64)]
    return Result(
        [
            small("largest error / maximum, 4 cells in s0", errors[-1], 0.01),
            order("order of convergence", 2.0, errors, 0.1),
        ]
    )


def translation_error(scheme: str, n: int, Courant: float = 0.25) -> float:
    """Mean error of a sine of passive tracer in n cells that a uniform current carries by a wavelength, away from the
    extrema (where a limiter must flatten)."""
    L = 1e6
    grid = ogcm.cartesian(nx=n, ny=3, dx=L / n, dy=L / n, periodic_x=True, periodic_y=True)
    model = ogcm.Model(
        grid,
        depth=10.0,
        dz=[10.0],
        T=lambda x, y, z: np.sin(2 * np.pi * x / L),
        u=1.0,
        parameters=PASSIVE,
        advection=scheme,
        friction="none",
        diffusion="none",
        dt=Courant * L / n,
    )
    before = interior(model.state.T)[0, 1].copy()
    advance(model, round(n / Courant))
    steep = np.abs(before) < 0.7
    return float(np.abs(interior(model.state.T)[0, 1] - before)[steep].mean())


def tracer_advection() -> Result:
    """A sine carried once around a periodic channel returns; each scheme converges with its order (rk3, Courant 1/4).

    Source: Durran (2010), Numerical Methods for Fluid Dynamics, ch. 5
    """
    expected = {"centred2": (2.0, 0.1), "upwind3": (3.0, 0.2), "monotone": (2.0, 0.2)}
    checks = []
    for scheme, (theory, shortfall) in expected.items():
        errors = [translation_error(scheme, n) for n in (24, 48, 96)]
        checks.append(order(f"order of convergence, {scheme}", theory, errors, shortfall))
    return Result(checks)


def reference_potential_energy(model: ogcm.Model) -> float:
    """g sum(rho z V) [J] of the water sorted by density over a flat bottom, z from there up (Winters et al. 1995)."""
    rho, volume = potential_density(model).ravel(), cell_volume(model).ravel()
    heavy_first = np.argsort(-rho, kind="stable")
    rho, volume = rho[heavy_first], volume[heavy_first]
    z = (np.cumsum(volume) - 0.5 * volume) / wet_area(model).sum()
    return float(GRAVITY * (rho * volume * z).sum())


def fronts(model: ogcm.Model, middle: float = 17.5) -> list[float]:
    """Where the temperature passes `middle` [degC] at the surface and at the bottom of a lock exchange, x [m]."""
    x, T = model.horizontal.x_t, interior(model.state.T)[:, 0]
    places = []
    for row in (T[0], T[-1]):
        n = int(np.argmax(row > middle))
        places.append(x[n - 1] + (middle - row[n - 1]) / (row[n] - row[n - 1]) * (x[n] - x[n - 1]))
    return places


def lock_exchange_run(scheme: str) -> tuple[float, float]:
    """Mean speed of the two fronts from hour 2 to 14 [m s-1], and the relative rise of the reference potential energy
    in 17 hours."""
    model = ogcm.setups.lock_exchange(advection=scheme, parameters={"nu_h": 0.01})
    before, hour, places = reference_potential_energy(model), round(3600 / model.numerics.dt), []
    for hours in (2, 12, 3):
        advance(model, hours * hour)
        places.append(fronts(model))
    speed = np.abs(np.subtract(places[1], places[0])).mean() / (12 * 3600)
    return float(speed), reference_potential_energy(model) / before - 1


def lock_exchange() -> Result:
    """Cold water (5 degC) slides under warm (30 degC) in a slice of 64 km by 20 m without rotation, 500 m by 1 m cells,
    nu_h = 0.01 m2 s-1: the fronts move at

        c = sqrt(g' H)/2,   g' = g (5 kg m-3)/rho0

    in a fluid without friction or mixing. What the advection of tracers mixes raises the reference potential energy
    (that of the water sorted by density): relative to its first value by 6.9e-5 in 17 hours in MITgcm.

    Source: Ilicak et al. (2012, doi 10.1016/j.ocemod.2011.10.003); Benjamin (1968, J. Fluid Mech. 31, 209)
    """
    theory, checks = 0.5 * np.sqrt(GRAVITY * 5 / RHO0 * 20), []
    for scheme, difference in (("upwind3", 0.5), ("monotone", 0.15)):
        speed, rise = lock_exchange_run(scheme)
        checks.append(close(f"speed of the fronts, {scheme} [m/s]", theory, speed, 0.1))
        checks.append(close(f"rise of energy, {scheme}; MITgcm [1e-5]", 6.9, 1e5 * rise, difference))
    return Result(checks)


# Waves


def inertia_gravity_error(n: int) -> float:
    """Error / amplitude of a plane wave over n cells after a tenth of a period, dt in proportion to dx."""
    f, H, L, a = 1e-4, 100.0, 1e6, 1e-4
    k = 2 * np.pi / L
    omega = np.sqrt(f**2 + GRAVITY * H * k**2)
    grid = ogcm.cartesian(nx=n, ny=3, dx=L / n, dy=L / n, f0=f, periodic_x=True, periodic_y=True)
    model = ogcm.Model(
        grid,
        depth=H,
        dz=[H],
        equation_of_state="none",
        friction="none",
        free_surface="linear",
        eta=lambda x, y: a * np.cos(k * x),
        u=lambda x, y, z: a * omega / (k * H) * np.cos(k * x),
        v=lambda x, y, z: a * f / (k * H) * np.sin(k * x),
        parameters=NO_MIXING,
        dt=0.4 * 2 * np.pi / omega / n,
        barotropic_steps=8,
    )
    steps = n // 4
    advance(model, steps)
    exact = a * np.cos(k * grid.x_t - omega * steps * model.numerics.dt)
    return float(np.abs(interior(model.state.eta)[1] - exact).max() / a)


def inertia_gravity_waves() -> Result:
    """omega^2 = f^2 + g H k^2: a plane wave of shallow water converges with second order in space and time together.

    Source: Gill (1982), sec. 8.2
    """
    cells = np.array([16, 32, 64, 128])
    errors = np.array([inertia_gravity_error(n) for n in cells])
    return Result(
        [order("order of convergence", 2.0, errors, 0.2)],
        {"error": (cells, errors[0] * (cells[0] / cells) ** 2.0, errors)},
    )


# Table and picture

Case = Callable[[], Result]
CIRCULATION: list[Case] = [
    ekman_spiral,
    munk_gyre,
    munk_gyre_no_slip,
    stommel_gyre,
    williamson_2,
    balanced_front,
    thermal_wind_adjustment,
    hydrostatic_balance,
]
INSTABILITY_AND_MIXING: list[Case] = [
    eady,
    convective_deepening,
    vertical_diffusion,
    horizontal_diffusion,
    tracer_advection,
    lock_exchange,
]
WAVES: list[Case] = [inertia_gravity_waves]


def source(case: Case) -> str:
    """Where the solution of a case was published: the last paragraph of its docstring."""
    return " ".join(inspect.getdoc(case).split("Source: ")[1].split())


def print_table(results: dict[Case, Result]) -> None:
    """Every check of every case, with its source."""
    print(f"{'case':58}{'theory':>11}{'model':>11}{'error':>11}{'allowed':>10}  source")
    for case, result in results.items():
        for check in result.checks:
            name = f"{case.__name__}: {check.name}"
            numbers = f"{check.theory:11.5g}{check.model:11.5g}{check.error:11.2g}{check.tolerance:10.2g}"
            print(f"{name:58}{numbers}  {source(case)}")


def draw(results: dict[Case, Result], output: str) -> None:
    """Theory as lines and the model as dots, one panel a case."""
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    axes = dict(
        zip(("ekman", "munk", "stommel", "eady", "convection", "waves"), figure.subplots(2, 3).flat, strict=True)
    )

    def curves(name: str, *cases: Case, upright: bool = False, every: int = 1) -> None:
        drawn = [item for case in cases for item in results[case].curves.items()]
        for n, (label, (x, theory, model)) in enumerate(drawn):
            for values, style, step in ((theory, "-", 1), (model, "o", every)):
                pair = (values[::step], x[::step]) if upright else (x[::step], values[::step])
                axes[name].plot(*pair, style, color=f"C{n}", markersize=4, label=label if style == "o" else None)
        if len(drawn) > 1:
            axes[name].legend()

    curves("ekman", ekman_spiral, upright=True, every=2)
    axes["ekman"].set(title="Ekman spiral", xlabel="velocity [m/s]", ylabel="height / Ekman depth", ylim=(-6, 0.1))
    curves("munk", munk_gyre, munk_gyre_no_slip)
    axes["munk"].set(
        title="Munk gyre, mid-basin", xlabel="distance from the west [km]", ylabel="streamfunction / maximum"
    )
    curves("stommel", stommel_gyre)
    axes["stommel"].set(
        title="Stommel gyre, mid-basin", xlabel="distance from the west [km]", ylabel="streamfunction / maximum"
    )
    fine, tried = np.linspace(0.01, 3.4, 400), np.arange(0.4, 3.5, 0.2)
    axes["eady"].plot(fine, eady_theory(fine), "-", color="C0")
    axes["eady"].plot(tried, [eady_growth(mu) for mu in tried], "o", color="C0", markersize=4)
    axes["eady"].set(title="Eady growth rate, k = m", xlabel="wavenumber K N H/f", ylabel="growth rate N/(f Lambda)")
    curves("convection", convective_deepening, every=8)
    axes["convection"].set(title="Convective deepening", xlabel="time [days]", ylabel="depth of the mixed layer [m]")
    axes["convection"].invert_yaxis()
    curves("waves", inertia_gravity_waves)
    axes["waves"].set(
        title="Inertia-gravity wave, second order", xlabel="cells in a wavelength", ylabel="error / amplitude",
        xscale="log", yscale="log",
    )  # fmt: skip
    cells, _, _ = results[inertia_gravity_waves].curves["error"]
    axes["waves"].set_xticks(cells, labels=cells)
    axes["waves"].minorticks_off()
    figure.suptitle("Theory (lines) and model (dots)")
    figure.savefig(output, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", default="docs/pictures/physics.png", help="where to draw (default: %(default)s)")
    options = parser.parse_args()
    results = {case: case() for case in CIRCULATION + INSTABILITY_AND_MIXING + WAVES}
    print_table(results)
    draw(results, options.picture)
    print(f"{options.picture}: drawn")


if __name__ == "__main__":
    main()
