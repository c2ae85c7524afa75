"""Steps of oceans that are divided into tiles, and their adjoints, against those of the whole ocean, to the bit.

For `mpiexec -n N`. Prints a line for each case with the number of values that differ, summed over all tiles.
"""

import sys
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np

import ogcm
from adjoint.commands import COARSE
from adjoint.state import Gradient
from adjoint.stepper import AdjointStepper
from ogcm import stability
from ogcm.decomposition import is_wide_enough
from ogcm.grid import add_halo, interior
from ogcm.halo import exchange
from ogcm.processes import communicator
from ogcm.stepper import Stepper
from tests.conftest import DATA

STEPS = 3
SIDES = {"closed": (False, False), "x": (False, True), "y": (True, False), "both": (True, True)}
OPTIONS = {
    "z*, upwind3, rk3": {},
    "linear surface, centred2, rk4": {"free_surface": "linear", "advection": "centred2", "integrator": "rk4"},
    "monotone, euler, enstrophy": {"advection": "monotone", "integrator": "euler", "vorticity": "enstrophy"},
    "al81, no slip, ab2": {"vorticity": "al81", "walls": "no_slip", "integrator": "ab2"},
    "smagorinsky, richardson, teos10": {
        "viscosity": "smagorinsky", "vertical_mixing": "richardson", "equation_of_state": "teos10",
        "friction": "biharmonic", "diffusion": "biharmonic", "freezing": True,
    },
    "leith, no tracers": {"viscosity": "leith", "equation_of_state": "none", "diffusion": "none"},
    "weno": {"advection": "weno5", "momentum_upwinding": "all"},
    "float32": {"precision": "float32"},
    "turbulence": {"vertical_mixing": "tke", "integrator": "ab2"},
    "eddies": {"isoneutral": "dm95", "eddy_diffusivity": "visbeck", "equation_of_state": "teos10"},
    "an atmosphere": {
        "forcing": ogcm.Forcing(
            atmosphere=ogcm.Atmosphere(
                u10=lambda x, y: 8 * np.sin(x / 4e4 + y / 3e4), v10=lambda x, y, t: 5 * np.cos(x / 3e4 + t / 1e4),
                t2=lambda x, y: 5 + 3 * np.sin(y / 2e4), d2=1.0, cloud=0.4, latitude=lambda x, y: 40 + y / 1e5,
            ),
        ),
        "integrator": "ab2",
    },
    "open sides": {
        "open_sides": ogcm.OpenSides(
            south=True, north=np.arange(16) > 5, eta=0.1, u=ogcm.Series(np.array([0.1, -0.1]), [0.0, 1e4]),
            v=lambda x, y, z, t: 0.1 * np.cos(x / 4e4 + t / 1e4), T=lambda x, y, z: 5 + z / 100 + np.sin(x / 3e4),
            zone=5e4,
        ),
        "tracers": {"dye": ogcm.Tracer(initial=lambda x, y, z: np.sin(x / 3e4), outside=0.5)},
    },
    "open sides, water carried out": {
        "open_sides": ogcm.OpenSides(
            south=True, north=True, v=0.1, flow="clamped", water="upstream", volume="constrained"
        ),
        "integrator": "ab2",
    },
    "further tracers": {
        "tracers": {
            "age": ogcm.Age(renewal=900.0),
            "dye": ogcm.Tracer(
                initial=lambda x, y, z: np.sin(x / 3e4) * np.cos(y / 5e4) + z / 500, advection="monotone",
                surface_flux=lambda x, y: 1e-3 * np.cos(x / 4e4 + y / 2e4), restoring=1.0, rate=1e-5, decay=1e-4,
            ),
        },
    },
}  # fmt: skip


def ocean(shape: tuple[int, int], sides: tuple[bool, bool], **options) -> ogcm.Model:
    """A rough ocean with islands and every kind of forcing, given as arrays of the whole ocean and as functions."""
    (ny, nx), rng = shape, np.random.default_rng(11)
    depth = rng.uniform(50.0, 400.0, shape) * (rng.uniform(size=shape) > 0.15)
    noise = rng.normal(size=(9, *shape))
    forcing = ogcm.Forcing(
        tau_x=0.1 * noise[0],
        tau_y=lambda x, y, t: 0.1 * np.sin(x / 2e4 + t / 1e4) * np.cos(y / 3e4),
        heat_flux=ogcm.Series(200 * noise[1:3], [0.0, 1e4]),
        fresh_water=1e-6 * noise[3],
        shortwave=lambda x, y: 100 + 50 * np.sin(x / 3e4),
        T_star=lambda x, y: 2 + y / 1e5, rate_T=1e-5, S_star=35.0, rate_S=1e-5 * np.abs(noise[4]),
    )  # fmt: skip
    T = 4.0 + np.array([3.0, 2.0, 1.0, 0.5])[:, None, None] + 0.2 * rng.normal(size=(4, *shape))
    moving = {name: 0.1 * rng.normal(size=(4, *shape)) for name in "uv"} | {"eta": 0.1 * noise[5]}
    parameters = {
        "nu_h": 100 + 20 * noise[6] ** 2, "kappa_h": 50.0, "nu_v": 1e-3 + 1e-4 * noise[7] ** 2, "kappa_v": 1e-4,
        "nu4_h": 1e10, "kappa4_h": 1e9, "drag_linear": 1e-4, "drag_quadratic": 1e-3, "T_freezing": 1.9,
    }  # fmt: skip
    along_y, along_x = sides
    horizontal = ogcm.cartesian(
        nx=nx, ny=ny, dx=2e4, dy=2e4, f0=1e-4, beta=2e-11, periodic_x=along_x, periodic_y=along_y
    )
    return ogcm.Model(
        horizontal, depth=depth, dz=[40.0, 80.0, 120.0, 160.0], T=T, S=lambda x, y, z: 35 + z / 1e4, **moving,
        parameters=parameters, **({"dt": 300.0, "forcing": forcing} | options),
    )  # fmt: skip


def setups() -> dict[str, Callable[..., ogcm.Model]]:
    """Coarse versions of the setups that can be divided, those with data of the real ocean where there are some."""
    found = {}
    for name in ("double_gyre", "channel", "baroclinic_wave", "lock_exchange", "geostrophic_adjustment"):
        words = COARSE[name]
        options = {words[0].removeprefix("--"): int(words[1])}
        found[name] = partial(ogcm.setups.SETUPS[name], **options)
    if (file := DATA / "global_4deg.nc").exists():
        found["global_4deg"] = partial(ogcm.setups.SETUPS["global_4deg"], data=str(file))
    if (DATA / "wc13").exists():
        found["california_current"] = partial(ogcm.setups.SETUPS["california_current"], data=str(DATA), layers=12)
    return found


def different_setups(make: Callable[..., ogcm.Model], layout: tuple[int, int]) -> int:
    """Number of values that differ after two steps of a setup; those that are too narrow for a layout count as 0."""
    whole = make(decomposition=(1, 1))
    if not is_wide_enough(whole.horizontal.shape, layout):
        return 0
    model = make(decomposition=layout)
    for each in (whole, model):
        stepper = Stepper(each)
        for _ in range(2):
            stepper.step()
    tile, states = model.grid.tile, (whole.state.arrays(), model.state.arrays())
    found = sum(int((tile.cut(interior(states[0][n])) != interior(a)).sum()) for n, a in states[1].items())
    return sum(communicator().allgather(found))


def layouts() -> list[tuple[int, int]]:
    """All divisions into as many tiles as there are processes, along both axes where that is possible."""
    size = communicator().size
    every = [(n, size // n) for n in range(1, size + 1) if size % n == 0]
    return [layout for layout in every if min(layout) > 1] or every


def differences(shape, sides, layout, **options) -> int:
    """Number of values that differ after some steps, in all tiles; the limits of the time step count as well."""
    whole, model = (ocean(shape, sides, decomposition=tiles, **options) for tiles in ((1, 1), layout))
    for each in (whole, model):
        stepper = Stepper(each)
        for _ in range(STEPS):
            stepper.step()
    tile, states = model.grid.tile, (whole.state.arrays(), model.state.arrays())
    found = sum(int((tile.cut(interior(states[0][n])) != interior(a)).sum()) for n, a in states[1].items())
    found += stability.courant_numbers(whole) != stability.courant_numbers(model)
    W = [stability.upward_transports(each) for each in (whole, model)]
    found += stability.fastest(whole, W[0]) != stability.fastest(model, W[1])
    for each in (whole, model):  # NaN in one cell, of one tile alone
        row, column = each.grid.tile.start
        ny, nx = interior(each.state.eta).shape
        if row <= 4 < row + ny and column <= 5 < column + nx:
            interior(each.state.v)[1, 4 - row, 5 - column] = np.nan
    bad = [stability.first_invalid(each.state, each) for each in (whole, model)]
    found += repr(bad[0]) != repr(bad[1]) or bad[0][:2] != ("v", (1, 4, 5))
    return sum(communicator().allgather(found))


def different_gradients(shape, sides, layout, **options) -> int:
    """Number of values that differ between the gradients of a random linear loss of a step, in all tiles."""
    gradients, models = [], []
    for tiles in ((1, 1), layout):
        model = ocean(shape, sides, decomposition=tiles, **options)
        tile, rng = model.grid.tile, np.random.default_rng(5)
        loss, gradient = model.state.like(), Gradient.zeros(model)
        for a in loss.arrays().values():
            interior(a)[...] = tile.cut(rng.normal(size=(*a.shape[:-2], *shape)))
        AdjointStepper(model).step(model.state.copy(), loss, gradient)
        gradients.append(gradient.state.arrays() | gradient.fluxes.arrays() | gradient.parameters)
        models.append(model)
    found = 0
    for name, a in gradients[1].items():
        whole = gradients[0][name]
        if name in model.forcing.rims:
            one, other = whole[..., own_points(*models, name)], a
        else:
            one, other = (whole, a) if a.ndim == 1 else (tile.cut(interior(whole)), interior(a))
        found += int((one != other).sum())
        wind = "u10" if model.forcing.computed else "tau_x"
        acts = name in ("u", "T", wind, "nu_h", "eos") and "equation_of_state" not in options
        found += acts and not (one != 0).any()
    return sum(communicator().allgather(found))


def own_points(whole, model, name) -> np.ndarray:
    """Where the points of a list of the whole ocean lie in the tile of a model, which has them in the same order."""
    rim, tile = whole.forcing.rims[name], model.grid.tile
    inside = [np.isin(n, np.arange(part.start, part.stop)) for n, part in ((rim.j, tile.rows), (rim.i, tile.columns))]
    return inside[0] & inside[1]


def wrong_halos(shape, sides, layout) -> int:
    """Number of points of a halo that are not those of the whole ocean after an exchange."""
    whole, model = (ocean(shape, sides, decomposition=tiles) for tiles in ((1, 1), layout))
    tile, numbers = model.grid.tile, np.arange(5.0 * shape[0] * shape[1]).reshape(5, *shape)
    expected = tile.cut_with_halo(add_halo(numbers, whole.grid.periodic))
    found = np.zeros_like(expected)
    interior(found)[...] = tile.cut(numbers)
    exchange(model.grid, found, found[0])
    return sum(communicator().allgather(int((found != expected).sum())))


def main() -> None:
    """Run all cases."""
    warnings.simplefilter("ignore")
    cases = {f"halo, {name}": (wrong_halos, (13, 17), sides, {}) for name, sides in SIDES.items()}
    cases |= {
        f"halo of the smallest tiles, {name}": (wrong_halos, (12, 12), sides, {}) for name, sides in SIDES.items()
    }
    cases |= {name: (differences, (12, 16), SIDES["x"], options) for name, options in OPTIONS.items()}
    cases |= {f"sides {name}": (differences, (13, 17), sides, {}) for name, sides in SIDES.items()}
    cases |= {
        f"gradient, {name}": (different_gradients, (12, 16), SIDES["x"], options) for name, options in OPTIONS.items()
    }
    cases |= {f"gradient, sides {name}": (different_gradients, (13, 17), sides, {}) for name, sides in SIDES.items()}
    around = {"open_sides": ogcm.OpenSides(west=True, east=True, south=True, north=True, eta=0.1, u=0.1, zone=5e4)}
    for kind, count in (("", differences), ("gradient, ", different_gradients)):
        cases[f"{kind}open on all sides"] = count, (13, 17), SIDES["closed"], around
    for name, make in setups().items():
        for layout in layouts():
            found = different_setups(make, layout)
            if communicator().rank == 0:
                print(f"setup {name}, {layout[0]} x {layout[1]} tiles: {found}", flush=True)
    for name, (count, shape, sides, options) in cases.items():
        for layout in layouts():
            found = count(shape, sides, layout, **options)
            if communicator().rank == 0:
                print(f"{name}, {layout[0]} x {layout[1]} tiles: {found}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
