"""Type checkers see the public names: mypy finds wrong arguments in a script of a user, and nothing in a right one."""

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import adjoint
import nn
import ogcm

ROOT = Path(__file__).resolve().parents[2]
RIGHT = '''
import numpy as np

import adjoint
import nn
import ogcm
from ogcm.backend import kernel, point

grid = ogcm.cartesian(nx=8, ny=8, dx=1e4, dy=[1e4] * 8, f0=1e-4)
model = ogcm.Model(
    grid,
    depth=lambda x, y: 100.0 + 0 * x,
    dz=[50, 50],
    T=np.full((2, 8, 8), 10.0),
    forcing=ogcm.Forcing(tau_x=0.1, heat_flux=lambda x, y, t: 0.0 * x),
    parameters={"nu_h": 500.0},
    dt=600.0,
    advection="monotone",
)
gyre = ogcm.setups.double_gyre(resolution=1.0, parameters={"nu_h": 500.0}, integrator="rk4")
simulation = ogcm.Simulation(model, days=1, output="out.nc")
simulation.run()
ogcm.plot(simulation, "out.png")
ogcm.plot("out.nc", kind="map", variable="T")
loss = adjoint.HeatContent(model, y=(0, 1e5)) + 2.0 * adjoint.Enstrophy(model)
found = adjoint.gradient(loss, simulation, ["T", "tau_x"])
heat: np.ndarray = found["T"]
corrector = nn.Corrector(model, features=("T",), outputs=("T_flux",), hidden=(8, 8))
model.corrector = corrector


class Sponge(ogcm.Term):
    """A term."""

    def add(self, model, state, fluxes, D):
        ogcm.interior(D.T)[...] -= ogcm.interior(state.T)


@point
def doubled(a, k, j, i):
    return 2 * a[k, j, i]


@kernel
def double(a, grid, out):
    out[...] = a


model.terms["sponge"] = Sponge()
double(model.state.T, model.grid, model.state.T)
'''
WRONG = {  # a line, and words of what mypy says of it
    'ogcm.Model(grid, depth=10.0, dz="10", dt=1.0)': 'Argument "dz" to "Model"',
    "ogcm.Model(grid, depth=10.0, dz=[10.0], dt=1.0, advection='upwind')": 'Argument "advection" to "Model"',
    "ogcm.Model(grid, depth=10.0, dz=[10.0], dt=1.0, advektion='upwind3')": 'Unexpected keyword argument "advektion"',
    'ogcm.Simulation(model, days="3")': 'Argument "days" to "Simulation"',
    "adjoint.gradient(loss)": 'Missing positional arguments "simulation", "controls"',
    "adjoint.gradient(simulation, loss, 'T')": 'Argument 1 to "gradient"',
    "ogcm.setups.double_gyre(resolution='fine')": 'Argument "resolution"',
    'ogcm.cartesian(nx=8, ny=8, dx="1", dy=1.0)': 'Argument "dx" to "cartesian"',
    "ogcm.Modell(grid)": 'has no attribute "Modell"',
    "nn.train(model)": "Missing positional arguments",
    "found.gradient": 'has no attribute "gradient"',
}


@pytest.mark.slow
def test_mypy_finds_wrong_arguments_of_a_user(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    script = tmp_path / "script.py"
    script.write_text(RIGHT + "\n".join(WRONG) + "\n", encoding="utf-8")
    options = ["--config-file", ROOT / "pyproject.toml", "--follow-imports", "silent"]
    done = subprocess.run([sys.executable, "-m", "mypy", *options, script], cwd=ROOT, capture_output=True, text=True)
    first = RIGHT.count("\n") + 1
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert all(int(line.split(":")[1]) >= first for line in errors), done.stdout
    for n, (wrong, words) in enumerate(WRONG.items()):
        assert any(f":{first + n}: " in line and words in line for line in errors), f"{wrong}\n{done.stdout}"


def functions(thing: object) -> Iterator[Callable]:
    """A function, or the constructor, the public methods and properties of a class."""
    if inspect.isfunction(thing):
        yield thing
    for name, value in vars(thing).items() if inspect.isclass(thing) else ():
        value = getattr(value, "__func__", getattr(value, "fget", value))
        if (
            inspect.isfunction(value)
            and value.__module__ == thing.__module__
            and (name[0] != "_" or name == "__init__")
        ):
            yield value


@pytest.mark.parametrize("package", [ogcm, adjoint, nn])
def test_public_functions_have_complete_hints(package):
    for name in dir(package):
        for function in functions(getattr(package, name)):
            signature = inspect.signature(function)
            hints = [p.annotation for p in signature.parameters.values() if p.name not in ("self", "cls")]
            assert signature.empty not in [*hints, signature.return_annotation], f"{name}: {function.__qualname__}"
