"""Correctors of oceans that are divided into tiles, and their gradients, against those of the whole ocean, to the bit.

For `mpiexec -n N`. Prints a line for each case with the number of values that differ, summed over all tiles.
"""

import sys
import warnings

import numpy as np

import ogcm
from adjoint import gradient
from adjoint.gradient_check import check_controls
from adjoint.losses import MeanSquare
from nn.corrector import Corrector
from nn.features import FEATURES
from nn.outputs import FORMS
from ogcm.constants import DAY
from ogcm.grid import interior
from ogcm.processes import communicator
from tests.tiles.steps import SIDES, layouts, ocean

SHAPE, STEPS, DT = (12, 16), 3, 300.0
CONTROLS = ["u", "v", "eta", "T", "S", "tau_x", "heat_flux", "rate_T", "nu_h", "kappa_v", "eos", "corrector"]
PHYSICAL = tuple(name for name in FORMS if name != "eta_tendency")
SCALES = {
    "T_flux": 1e-3, "S_flux": 1e-4, "T_flux_z": 1e-4, "S_flux_z": 1e-5, "stress": 1e-4, "stress_z": 1e-5,
    "T_tendency": 1e-6, "S_tendency": 1e-7, "uv_tendency": 1e-6, "eta_tendency": 1e-6,
}  # fmt: skip
COLUMNS = {"features": tuple(FEATURES), "outputs": PHYSICAL}
CELLS = COLUMNS | {"vertical": "local"}
ROUNDS = {"features": ("velocity", "T", "eta"), "outputs": ("uv_tendency", "T_flux"), "rounds": 2}
SCALARS = ("T", "S", "eta", "vorticity", "strain_squared", "N2", "surface", "place", "height")
EQUIVARIANT = {
    "features": SCALARS, "outputs": ("stress", "T_flux", "S_flux"), "stencil": "point", "equivariant": True,
}  # fmt: skip
PURE = {
    "features": ("velocity", "T", "S", "eta", "wind"),
    "outputs": ("uv_tendency", "T_tendency", "S_tendency", "eta_tendency"),
}
CASES = {  # sides, corrector, options of the model
    "columns, square": ("x", COLUMNS, {}),
    "columns, cross": ("both", COLUMNS | {"stencil": "cross", "activation": "silu"}, {"integrator": "ab2"}),
    "columns, point": ("closed", COLUMNS | {"stencil": "point", "activation": "relu"}, {"integrator": "rk4"}),
    "columns, float32 network": ("y", COLUMNS | {"dtype": "float32"}, {}),
    "cells, square": ("both", CELLS, {}),
    "cells, cross": ("x", CELLS | {"stencil": "cross", "activation": "tanh"}, {"integrator": "euler"}),
    "cells, float32": ("x", CELLS | {"dtype": "float32"}, {"precision": "float32"}),
    "columns, square, rounds": ("x", ROUNDS, {}),
    "cells, cross, rounds": ("both", ROUNDS | {"vertical": "local", "stencil": "cross", "dtype": "float32"}, {}),
    "equivariant columns": ("x", EQUIVARIANT, {"equation_of_state": "teos10"}),
    "equivariant cells": ("both", EQUIVARIANT | {"vertical": "local"}, {}),
    "no dynamics": ("x", PURE, {"dynamics": "none"}),
    "no dynamics, rounds": ("both", PURE | {"rounds": 2}, {"dynamics": "none"}),
}  # fmt: skip


def corrected(shape, sides, layout, corrector, options) -> ogcm.Model:
    """A rough ocean with a corrector of random weights, its statistics taken from the state."""
    model = ocean(shape, SIDES[sides], decomposition=layout, **options)
    scales = {name: SCALES[name] for name in corrector["outputs"]}
    model.corrector = Corrector(model, hidden=(9, 7), scales=scales, **corrector)
    model.corrector.set_normalisation(model, [model.state])
    model.corrector.weights[...] = 0.3 * np.random.default_rng(2).normal(size=model.corrector.weights.shape)
    return model


def differences(layout, sides, corrector, options, shape=SHAPE) -> int:
    """Number of values of statistics, state, loss and gradients that differ, and of gradients that are 0."""
    models = [corrected(shape, sides, tiles, corrector, options) for tiles in ((1, 1), layout)]
    found, count, tile = [], 0, models[1].grid.tile
    for model in models:
        simulation = ogcm.Simulation(model, days=STEPS * DT / DAY, progress=False)
        loss = MeanSquare(model, "T", np.zeros((4, *shape)))
        found.append(gradient(loss, simulation, CONTROLS))
        simulation.run()
    for one, other in zip(*(model.corrector.normalisation for model in models), strict=True):
        count += int((one != other).sum())
    for name, a in models[0].state.arrays().items():
        count += int((tile.cut(interior(a)) != interior(getattr(models[1].state, name))).sum())
    count += found[0].value != found[1].value
    for name in CONTROLS:
        count += int((tile.cut(found[0][name]) != found[1][name]).sum())
    count += not all(found[0][name].any() for name in ("T", "corrector"))
    return sum(communicator().allgather(count))


def failed_checks(layout) -> int:
    """Number of gradients on tiles that are not those of the complex step."""
    model = corrected(SHAPE, "x", layout, COLUMNS, {})
    simulation = ogcm.Simulation(model, days=STEPS * DT / DAY, progress=False)
    checks = check_controls(simulation, ["T", "u", "corrector"])
    return sum(not check.passed or not check.influence for check in checks.values())


def main() -> None:
    """Run all cases."""
    warnings.simplefilter("ignore")
    for layout in layouts():
        counts = {name: differences(layout, *case) for name, case in CASES.items()}
        smallest = tuple(3 * max(n, 2) for n in layout)
        counts["smallest tiles"] = differences(layout, "both", COLUMNS, {}, smallest)
        counts["complex step"] = failed_checks(layout)
        for name, found in counts.items():
            if communicator().rank == 0:
                print(f"{name}, {layout[0]} x {layout[1]} tiles: {found}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
