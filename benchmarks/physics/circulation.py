"""Steady, wind-driven or rotating circulation of homogeneous water."""

import numpy as np

import ogcm
from benchmarks.physics.case import Array, Check, Result, advance, close, order, small
from ogcm.constants import DAY, GRAVITY, RHO0
from ogcm.diagnostics import barotropic_streamfunction
from ogcm.grid import interior
from ogcm.state import State


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


CASES = [ekman_spiral, munk_gyre, munk_gyre_no_slip, stommel_gyre, williamson_2]
