"""The model against analytic solutions: `python -m benchmarks.physics [--picture FILE]`.

Each case is a function that runs the model and returns its `Result`: numbers of theory and model with the error
allowed, and the curves of the picture. Its docstring holds the solution and ends with where it was published. The
tests (`tests/test_circulation.py`, `tests/test_instability_and_mixing.py`, `tests/test_waves.py`) run the same
functions; this script prints them as one table and draws docs/pictures/physics.png.

Where a solution is one of a limit (thin boundary layer, small Rossby number), the case says how far it is from it.
"""

import argparse
import inspect
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import ogcm
from ogcm.constants import GRAVITY, HEAT_CAPACITY, RHO0
from ogcm.diagnostics import barotropic_streamfunction
from ogcm.grid import build, interior
from ogcm.operators.equation_of_state import LINEAR
from ogcm.operators.pressure import hydrostatic_pressure
from ogcm.state import State

Array = np.ndarray
DAY = 86400.0
WARMTH = GRAVITY * LINEAR.a0 / RHO0  # buoyancy of a degree [m s-2 K-1], linear equation of state
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
    curves: dict[str, tuple[Array, Array, Array]] = {}


def close(name: str, theory: float, model: float, tolerance: float, scale: float | None = None) -> Check:
    """`model` is `theory` within `tolerance` of `scale` (default: of itself)."""
    return Check(name, theory, model, abs(model - theory) / (scale or abs(theory)), tolerance)


def order(name: str, expected: float, errors: list[float], shortfall: float) -> Check:
    """Errors at resolutions that double fall with at least the order `expected` - `shortfall`."""
    found = float(np.log2(np.array(errors[:-1]) / errors[1:]).min())
    return Check(name, expected, found, max(0.0, expected - found), shortfall)


def advance(model: ogcm.Model, steps: int, watch: Callable[[State], object] | None = None) -> Array:
    """Run the model; what `watch` sees of the state after each step."""
    stepper, seen = ogcm.Stepper(model), []
    for _ in range(steps):
        stepper.step()
        if watch is not None:
            seen.append(watch(model.state))
    return np.array(seen)


def temperature(b: Array) -> Array:
    """T [degC] of the buoyancy b [m s-2] at 35 g/kg."""
    return LINEAR_T0 + b / WARMTH


LINEAR_T0 = 10.0  # [degC] where the linear equation of state has b = 0


# Steady circulation


def ekman_spiral() -> Result:
    """Wind tau over a homogeneous f-plane ocean of viscosity nu_v, far above the bottom.

        u + i v = (1 - i) tau D/(2 rho0 nu_v) exp((1 + i) z/D),   D = sqrt(2 nu_v/f),   transport = -i tau/(rho0 f)

    Started from rest: the shear modes decay within days; the inertial oscillation of the depth mean, which nothing
    damps, is removed by a mean over one inertial period. H = 8 D (the bottom is felt by exp(-8)), 10 layers in D.

    Source: Ekman (1905, Ark. Mat. Astr. Fys. 2, no. 11); Vallis (2017), sec. 5.7.
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
            close("spiral: largest error [m/s]", 0.0, np.abs(flow - exact).max(), 0.01, abs(surface)),
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


def gyre_result(x: Array, y: Array, psi: Array, profile: Array, tolerance: float) -> Result:
    """psi against profile(x) sin(pi y/L): the maximum, and the largest error in the whole basin."""
    exact = profile * np.sin(np.pi * y / HEIGHT)[:, None]
    largest, middle, per_wind = exact.max(), len(y) // 2 - 1, 1e-6 * 0.1 / TAU
    return Result(
        [
            close("strongest transport [Sv at 0.1 N/m2]", largest * per_wind, psi.max() * per_wind, tolerance),
            close("psi: largest error / maximum", 0.0, np.abs(psi - exact).max() / largest, tolerance, 1.0),
        ],
        {"psi": (x / 1e3, exact[middle] / largest, psi[middle] / largest)},
    )


def munk_gyre() -> Result:
    """Sverdrup flow closed by a viscous boundary layer of width delta = (nu_h/beta)^(1/3) along a free-slip wall.

        psi = P sin(pi y/L) { W - x + W exp(-s/2) [ sin(r s)/sqrt(3) - cos(r s) ] },   s = x/delta,  r = sqrt(3)/2

    with P = pi tau/(rho0 beta L): Munk's boundary-layer form, of which friction along y is left out, 2 (pi delta/L)^2 =
    1.2 %. A free-slip wall asks for psi = 0 and no curvature of psi, which P (W - x) fulfils in the east by itself.

    Source: Munk (1950, J. Meteorol. 7, 80), Vallis (2017, sec. 19.2), with walls without stress
    """
    delta = 50e3
    x, y, psi = gyre(64, 32, 160, {"nu_h": BETA * delta**3})
    s, r = x / delta, np.sqrt(3) / 2
    layer = np.exp(-s / 2) * (np.sin(r * s) / np.sqrt(3) - np.cos(r * s))
    return gyre_result(x, y, psi, SLOPE * (WIDTH - x + WIDTH * layer), 0.03)


def stommel_gyre() -> Result:
    """Sverdrup flow closed by linear bottom drag r; without the neglect of friction along y this is exact.

        delta del^2 psi + dpsi/dx = -P sin(pi y/L),   delta = r/(H beta),   P = pi tau/(rho0 beta L)
        psi = P/(delta l^2) sin(l y) [ 1 - p exp(a x) - (1 - p) exp(b x) ],   l = pi/L

    with a, b the roots of delta (a^2 - l^2) + a = 0 and p = [1 - exp(b W)]/[exp(a W) - exp(b W)].

    Source: Stommel (1948, Trans. Am. Geophys. Union 29, 202); Vallis (2017), sec. 19.1
    """
    delta, l = 100e3, np.pi / HEIGHT
    x, y, psi = gyre(64, 32, 100, {"drag_linear": BETA * delta * GYRE_DEPTH}, friction="none")
    a, b = np.roots([delta, 1.0, -delta * l**2])[::-1]
    p = (1 - np.exp(b * WIDTH)) / (np.exp(a * WIDTH) - np.exp(b * WIDTH))
    profile = SLOPE / (delta * l**2) * (1 - p * np.exp(a * x) - (1 - p) * np.exp(b * x))
    return gyre_result(x, y, psi, profile, 0.02)


def williamson_2_error(cells: int, days: float) -> float:
    """Relative l2 norm of the error of the thickness in a band of `cells` rows."""
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
    advance(model, round(days * DAY / model.numerics.dt))
    exact = thickness(*np.meshgrid(grid.x_t, grid.y_t))
    error = depth + interior(model.state.eta) - exact
    return float(np.sqrt((grid.area_t * error**2).sum() / (grid.area_t * exact**2).sum()))


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
            close("l2 error of h after 5 days, 2.5 degrees", 0.0, errors[-1], 1e-3, 1.0),
            order("order of convergence, 10 to 2.5 degrees", 2.0, errors, 0.2),
        ]
    )
