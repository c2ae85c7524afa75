"""Oceans and helpers of the tests; random grids and fields are in `adjoint.random_ocean`."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import ogcm
from adjoint.random_ocean import PROFILE, rough_depth, rough_model
from ogcm.grid import at_tops
from ogcm.setups import SETUPS

FACES = {"u": "u", "v": "v", "tau_x": "u", "tau_y": "v"}  # everything else lies at T points
WITHOUT_DATA = [name for name, setup in SETUPS.items() if "data" not in inspect.signature(setup).parameters]


def rough_basin(seed=0, nx=16, ny=12, **options):
    """The rough basin of `adjoint.random_ocean` with stable water and wind alone; any option of a model may differ."""
    rng = np.random.default_rng(seed)
    depth, noise = rough_depth(rng, ny, nx), rng.normal(size=(5, ny, nx))
    wind = ogcm.Forcing(tau_x=lambda x, y: 0.1 * np.sin(2 * np.pi * y / 2.4e5), tau_y=0.02)
    defaults = {"depth": depth, "T": PROFILE + 0.3 * noise, "S": 35 + 0.1 * noise[::-1], "forcing": wind}
    return rough_model(**(defaults | options))


def run(model, steps):
    stepper = ogcm.Stepper(model)
    for _ in range(steps):
        stepper.step()
    return model


def printed_by_threads(code, *threads):
    """What a program prints in a process of its own with each of these numbers of threads, as text."""
    return [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"NUMBA_NUM_THREADS": n},
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n in threads
    ]


def dry(grid, name, a):
    """True where the array a of the field `name` with halo is on land, on a closed face or beyond a closed side."""
    mask = getattr(grid, f"mask_{FACES.get(name, 't')}")
    if name.endswith("_outside"):  # a list
        return np.zeros(a.shape, bool)
    if name == "tke":
        return ~at_tops(mask == 1)
    return np.broadcast_to((mask if a.shape == mask.shape else mask[0]) != 1, a.shape)


def put_nan_on_land(model):
    """NaN in memory wherever land may hold anything: in tracers, in forcing but fresh water, in parameters.

    Not so u and v, whose 0 on a closed face says that no water passes, eta, whose 0 on land is the rest thickness of
    the faces and corners beside it, and fresh water, which would change eta: `Model` and `BoundForcing` put them to 0.
    """
    forcing = model.forcing.steady | {name: series.values for name, series in model.forcing.series.items()}
    arrays = model.state.arrays() | forcing | model.parameters
    free = {*model.state.names, *model.forcing.shapes, *model.parameters} - {"u", "v", "eta", "fresh_water", "eos"}
    for name in free & set(arrays):
        arrays[name][dry(model.grid, name, arrays[name])] = np.nan
    for name in {"eta", "fresh_water"} & set(arrays):
        assert (arrays[name][dry(model.grid, name, arrays[name])] == 0).all()
    return model


def differences(function, inputs, active: int, h: float = 1e-6) -> tuple[np.ndarray, np.ndarray]:
    """The derivative along a random change of one input, by the complex step and by central differences."""
    change = inputs[active] * np.random.default_rng(1).normal(size=inputs[active].shape)

    def at(e):  # all inputs of one type, so that one kernel is compiled
        return function(*(x + e * change * (n == active) for n, x in enumerate(inputs)))

    return at(1e-30j).imag / 1e-30, (at(h) - at(-h)) / (2 * h)
