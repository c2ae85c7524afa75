"""Oceans and helpers of the tests; random grids and fields are in `adjoint.random_ocean`."""

import inspect

import numpy as np

import ogcm
from adjoint.random_ocean import DZ
from ogcm.forcing import NAMES
from ogcm.setups import SETUPS

FACES = {"u": "u", "v": "v", "tau_x": "u", "tau_y": "v"}  # everything else lies at T points
WITHOUT_DATA = [name for name, setup in SETUPS.items() if "data" not in inspect.signature(setup).parameters]


def rough_basin(seed=0, nx=16, ny=12, **options):
    """Islands, partial cells, wind, stratification and every term switched on; periodic along x."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(150.0, 500.0, (ny, nx))
    depth[rng.uniform(size=depth.shape) < 0.12] = 0.0
    depth[:, 3] = 320.0
    depth[4, :] = 450.0
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=2e4, dy=2e4, f0=1e-4, beta=2e-11, periodic_x=True)
    forcing = ogcm.Forcing(tau_x=lambda x, y: 0.1 * np.sin(2 * np.pi * y / 2.4e5), tau_y=0.02)
    parameters = {"nu_h": 200.0, "kappa_h": 50.0, "drag_linear": 1e-4, "drag_quadratic": 1e-3}
    noise = rng.normal(size=(5, ny, nx))
    base = np.array([20.0, 16.0, 12.0, 9.0, 7.0])[:, None, None]
    settings = {
        "depth": depth,
        "dz": DZ,
        "T": base + 0.3 * noise,
        "S": 35 + 0.1 * noise[::-1],
        "forcing": forcing,
        "parameters": parameters,
        "dt": 600.0,
    }
    return ogcm.Model(grid, **(settings | options))


def run(model, steps):
    stepper = ogcm.Stepper(model)
    for _ in range(steps):
        stepper.step()
    return model


def dry(grid, name, a):
    """Where the array a of the field `name`, halo included, lies on land, on a closed face or beyond a closed side."""
    mask = getattr(grid, f"mask_{FACES.get(name, 't')}")
    return np.broadcast_to((mask if a.shape == mask.shape else mask[0]) != 1, a.shape)


def put_nan_on_land(model):
    """NaN in memory wherever land may hold anything: in tracers, in forcing but fresh water, in parameters.

    Not so u and v, whose 0 on a closed face says that no water passes, eta, whose 0 on land is the rest thickness of
    the faces and corners beside it, and fresh water, which would change eta: `Model` and `BoundForcing` put them to 0.
    """
    forcing = model.forcing.steady | {name: series.values for name, series in model.forcing.series.items()}
    arrays = model.state.arrays() | forcing | model.parameters
    for name in ("T", "S", *(set(NAMES) - {"fresh_water"}), *(set(model.parameters) - {"eos"})):
        arrays[name][dry(model.grid, name, arrays[name])] = np.nan
    for name in ("eta", "fresh_water"):
        assert (arrays[name][dry(model.grid, name, arrays[name])] == 0).all()
    return model


def differences(function, inputs, active: int, h: float = 1e-6) -> tuple[np.ndarray, np.ndarray]:
    """The derivative along a random change of one input, by the complex step and by central differences."""
    change = inputs[active] * np.random.default_rng(1).normal(size=inputs[active].shape)

    def at(e):  # all inputs of one type, so that one kernel is compiled
        return function(*(x + e * change * (n == active) for n, x in enumerate(inputs)))

    return at(1e-30j).imag / 1e-30, (at(h) - at(-h)) / (2 * h)
