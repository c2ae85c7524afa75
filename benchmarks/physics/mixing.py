"""Convection, diffusion and advection of tracers."""

import numpy as np

import ogcm
from benchmarks.physics.case import PASSIVE, T_REFERENCE, WARMTH, Array, Result, advance, close, order, small
from ogcm.constants import DAY, GRAVITY, HEAT_CAPACITY, RHO0
from ogcm.diagnostics import cell_volume, potential_density, wet_area
from ogcm.grid import interior


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
    """A sine carried once around a periodic channel returns; each scheme converges with its order (rk3, Courant number
    1/4; weno5 1/50, so that the error of third order in time does not show).

    Source: Durran (2010), Numerical Methods for Fluid Dynamics, ch. 5
    """
    expected = {"centred2": (2.0, 0.1), "upwind3": (3.0, 0.2), "monotone": (2.0, 0.2)}
    checks = []
    for scheme, (theory, shortfall) in expected.items():
        errors = [translation_error(scheme, n) for n in (24, 48, 96)]
        checks.append(order(f"order of convergence, {scheme}", theory, errors, shortfall))
    errors = [translation_error("weno5", n, 0.02) for n in (16, 32, 64)]
    checks.append(order("order of convergence, weno5", 5.0, errors, 0.2))
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


def lock_exchange_run(**numerics: str) -> tuple[float, float, float]:
    """Mean speed of the two fronts from hour 2 to 14 [m s-1], the relative rise of the reference potential energy in 17
    hours, and its largest fall within an hour, relative to its first value."""
    model = ogcm.setups.lock_exchange(parameters={"nu_h": 0.01}, **numerics)
    hour, places, energy = round(3600 / model.numerics.dt), [], [reference_potential_energy(model)]
    for _ in range(17):
        advance(model, hour)
        places.append(fronts(model))
        energy.append(reference_potential_energy(model))
    speed = np.abs(np.subtract(places[13], places[1])).mean() / (12 * 3600)
    return float(speed), energy[-1] / energy[0] - 1, max(0.0, float(-np.diff(energy).min()) / energy[0])


def lock_exchange() -> Result:
    """Cold water (5 degC) slides under warm (30 degC) in a slice of 64 km by 20 m without rotation, 500 m by 1 m cells,
    nu_h = 0.01 m2 s-1: the fronts move at

        c = sqrt(g' H)/2,   g' = g (5 kg m-3)/rho0

    in a fluid without friction or mixing. What the advection of tracers mixes raises the reference potential energy
    (that of the water sorted by density): relative to its first value by 6.9e-5 in 17 hours in MITgcm. With WENO for
    tracers and momentum it rises by less than half of that, and never falls.

    Source: Ilicak et al. (2012, doi 10.1016/j.ocemod.2011.10.003); Benjamin (1968, J. Fluid Mech. 31, 209)
    """
    theory, checks = 0.5 * np.sqrt(GRAVITY * 5 / RHO0 * 20), []
    for scheme, difference in (("upwind3", 0.5), ("monotone", 0.15)):
        speed, rise, _ = lock_exchange_run(advection=scheme)
        checks.append(close(f"speed of the fronts, {scheme} [m/s]", theory, speed, 0.1))
        checks.append(close(f"rise of energy, {scheme}; MITgcm [1e-5]", 6.9, 1e5 * rise, difference))
    speed, rise, fall = lock_exchange_run(advection="weno5", momentum_upwinding="all")
    checks.append(close("speed of the fronts, WENO [m/s]", theory, speed, 0.1))
    checks.append(small("rise of energy, WENO [1e-5]", 1e5 * rise, 4.5))
    checks.append(small("largest fall of energy, WENO [1e-5]", 1e5 * fall, 1e-6))
    return Result(checks)


CASES = [convective_deepening, vertical_diffusion, horizontal_diffusion, tracer_advection, lock_exchange]
