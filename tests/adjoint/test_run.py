"""The gradient of a whole run equals that of the complex step, for any budget, integrator and number of threads."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import adjoint
import ogcm
from adjoint.checkpoints import Budget, Snapshots, StorageType, snapshot_bytes
from adjoint.complex_step import directional_derivative, working_copy
from adjoint.controls import Controls
from adjoint.loss import Loss
from adjoint.losses import BoxMean, Enstrophy, MeanSquare, Transport
from adjoint.observation_loss import Observations
from adjoint.run import Workspace, evaluate
from ogcm.constants import DAY
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.grid import interior
from tests.oceans import put_nan_on_land, rough_basin

DT = 600.0
NAMES = (
    "u", "v", "eta", "T", "S", "tau_x", "tau_y", "heat_flux", "fresh_water", "T_star", "rate_T",
    "nu_h", "kappa_h", "nu_v", "kappa_v", "drag_linear", "drag_quadratic", "eos",
)  # fmt: skip


def ocean(kappa_convective=1.0, **options):
    """Islands, partial cells, stratified water, winds that change every hour, maps and numbers."""
    rng = np.random.default_rng(3)
    winds = 0.1 * rng.normal(size=(4, 12, 16))
    forcing = ogcm.Forcing(
        tau_x=ogcm.Series(winds, 3600.0 * np.arange(4), period=4 * 3600.0),
        tau_y=0.05,
        heat_flux=200 * rng.normal(size=(12, 16)),
        fresh_water=1e-7,
        T_star=lambda x, y: 20 + 2 * np.sin(y / 1e5),
        rate_T=1e-5,
    )
    parameters = {
        "nu_h": rng.uniform(500.0, 1000.0, (12, 16)),
        "kappa_h": rng.uniform(100.0, 200.0, (5, 12, 16)),
        "drag_linear": 1e-3,
        "drag_quadratic": 1e-3,
        "kappa_convective": kappa_convective,
    }
    moving = {p: 0.05 * rng.normal(size=(5, 12, 16)) for p in "uv"}
    return rough_basin(**({"forcing": forcing, "parameters": parameters, "dt": DT} | moving | options))


def simulation(steps, model=None, **options):
    model = model or ocean(**options)
    return ogcm.Simulation(model, days=steps * model.numerics.dt / DAY, progress=False)


def loss_of(model, days):
    """A loss that is nonlinear in every field of the state, at the end of the run and before."""
    middle = days[-1] / 2
    total = MeanSquare(model, "T", np.full((5, 12, 16), 10.0), days=days) + 0.1 * BoxMean(model, "S", days=middle)
    total += 1e4 * MeanSquare(model, "u", np.zeros((5, 12, 16)), days=days)
    total += 1e4 * MeanSquare(model, "eta", np.full((12, 16), 0.1), days=days)
    return total + 1e-6 * Transport(model, x=1e5, days=days) + Enstrophy(model)


def directions(model, names):
    rng, values = np.random.default_rng(0), Controls(model, names).values()
    return {n: rng.normal(size=np.shape(v)) * (np.abs(v) + (0.05 if n == "eta" else 0)) for n, v in values.items()}


def check(run, names=NAMES, tolerance=1e-10, **budget):
    """Compare the gradient along random directions with the complex step, for each control and for all together."""
    loss, d = loss_of(run.model, [0, run.steps * DT / DAY]), directions(run.model, names)
    g = adjoint.gradient(loss, run, names, **budget)
    for group in (*([name] for name in names), names):
        exact = directional_derivative(loss, run, {name: d[name] for name in group})
        parts = [g[name] * d[name] for name in group]
        magnitude = sum(np.abs(part).sum() for part in parts)
        assert magnitude > 0, group
        assert abs(exact - sum(part.sum() for part in parts)) <= tolerance * magnitude, group
    return g


@pytest.mark.parametrize("steps", [1, 10])
def test_gradient_is_the_complex_step(steps):
    assert check(simulation(steps)).recomputation == 1


@pytest.mark.parametrize("equation", ["quadratic", "teos10"])
def test_the_coefficients_of_the_equation_of_state_are_differentiated_only_where_they_are_asked_for(equation):
    run = simulation(3, equation_of_state=equation, vertical_mixing="richardson")
    loss, workspace = loss_of(run.model, [0, 3 * DT / DAY]), Workspace(run.model)
    names = ("T", "tau_x", "nu_h")
    without = adjoint.gradient(loss, run, names, workspace=workspace)
    assert not workspace.adjoint.eos_ad.any()
    with_eos = adjoint.gradient(loss, run, (*names, "eos"), workspace=workspace)
    assert workspace.adjoint.eos_ad.any()
    for name in names:
        np.testing.assert_array_equal(without[name], with_eos[name])
    check(run, ("eos",))


@pytest.mark.slow
def test_gradient_of_500_steps_with_checkpoints():
    g = check(simulation(500), ("u", "eta", "T", "tau_x", "nu_h", "kappa_v"), snapshots=12, disk=8)
    assert 2 < g.recomputation < 4


@pytest.mark.parametrize(
    "options",
    [
        {"integrator": "ab2", "dt": 300.0},
        {"integrator": "euler", "dt": 300.0, "advection": "monotone"},
        {"integrator": "rk4", "vorticity": "al81", "walls": "no_slip"},
        {"vertical_mixing": "richardson", "viscosity": "smagorinsky", "equation_of_state": "teos10"},
        {"free_surface": "linear", "friction": "biharmonic", "diffusion": "biharmonic"},
    ],
)
def test_gradient_of_every_integrator_and_closure(options):
    run = simulation(7, **options)
    loss = loss_of(run.model, [0, run.steps * run.model.numerics.dt / DAY])
    d = directions(run.model, NAMES)
    g = adjoint.gradient(loss, run, NAMES, snapshots=2)
    terms = [(g[name] * d[name]).ravel() for name in NAMES]
    terms = np.concatenate(terms)
    assert abs(directional_derivative(loss, run, d) - terms.sum()) <= 1e-10 * np.abs(terms).sum()


SMOOTH = {"advection": "centred2", "kappa_convective": 1e-5}  # no switches: upwind and convection turn a few cells


@pytest.mark.parametrize(
    ("steps", "smooth"), [(1, False), (10, False), pytest.param(500, True, marks=pytest.mark.slow)]
)
def test_taylor_remainder_falls_with_the_square(steps, smooth):
    run, names = simulation(steps, **(SMOOTH if smooth else {})), ("T", "u", "tau_x", "nu_h", "drag_quadratic")
    loss, d = loss_of(run.model, [run.steps * DT / DAY]), directions(run.model, names)
    g, controls = adjoint.gradient(loss, run, names, snapshots=20), Controls(run.model, names)
    start, slope = controls.values(), sum((g[name] * d[name]).sum() for name in names)
    sizes, remainders = 10.0 ** np.arange(-2, -5.5, -0.5), []
    for size in sizes:
        controls.set_values({name: start[name] + size * d[name] for name in names})
        remainders.append(abs(evaluate(loss, run) - g.value - size * slope))
    orders = np.diff(np.log(remainders)) / np.diff(np.log(sizes))
    assert orders == pytest.approx(2.0, abs=0.05), orders


def test_the_value_and_the_tangent_are_those_of_the_run():
    run = simulation(10)
    d, loss = directions(run.model, ["T", "nu_h"]), loss_of(run.model, [10 * DT / DAY])
    before, dx = run.model.state.digest(), adjoint.tangent(run, d)
    g = adjoint.gradient(loss, run, ["T"])
    assert run.model.state.digest() == before
    assert g.value == evaluate(loss, run)
    controls, ends = Controls(run.model, ["T", "nu_h"]), []
    start = controls.values()
    for size in (1e-5, -1e-5):
        controls.set_values({name: start[name] + size * d[name] for name in d})
        model = working_copy(run.model)
        stepper = ogcm.Stepper(model)
        for _ in range(run.steps):
            stepper.step()
        ends.append(model.state)
    for name, a in dx.arrays().items():
        slope = (getattr(ends[0], name) - getattr(ends[1], name)) / 2e-5
        np.testing.assert_allclose(a, slope, rtol=0, atol=1e-5 * np.abs(a).max())


BUDGETS = [
    {"snapshots": 13},
    {"snapshots": 1},
    {"snapshots": 3},
    {"snapshots": 2, "disk": 3},
    {"snapshots": 0, "disk": 4},
    {"memory": 1e6},
]


@pytest.mark.parametrize("integrator", ["rk3", "ab2"])
def test_the_budget_changes_no_bit(integrator, tmp_path):
    run = simulation(13, integrator=integrator, dt=300.0)
    loss = loss_of(run.model, [0, 0.02, 13 * 300 / DAY])
    everything = adjoint.gradient(loss, run, NAMES)
    assert everything.recomputation == 1
    for budget in BUDGETS:
        g = adjoint.gradient(loss, run, NAMES, folder=tmp_path, **budget)
        assert g.value == everything.value
        for name in NAMES:
            np.testing.assert_array_equal(g[name], everything[name], err_msg=f"{budget}: {name}")
    assert adjoint.gradient(loss, run, "T", snapshots=1).recomputation > 4
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("integrator", ["rk3", "ab2"])
def test_a_workspace_that_was_used_changes_no_bit(integrator):
    run = simulation(6, integrator=integrator, dt=300.0)
    loss = loss_of(run.model, [0, 6 * 300 / DAY])
    stepper = ogcm.Stepper(run.model)
    for _ in range(2):  # so that a state before it is known
        stepper.step()
    fresh, workspace = adjoint.gradient(loss, run, NAMES), Workspace(run.model)
    for limits in ({}, {"snapshots": 2}, {}):
        adjoint.gradient(BoxMean(run.model, "S"), run, ["u"], workspace=workspace, **limits)
        again = adjoint.gradient(loss, run, NAMES, workspace=workspace, **limits)
        for name in NAMES:
            np.testing.assert_array_equal(again[name], fresh[name], err_msg=name)
    other = simulation(1)
    with pytest.raises(InputError, match="another grid"):
        adjoint.gradient(BoxMean(other.model, "T"), other, "T", workspace=workspace)


def test_a_run_that_continues_has_the_gradient_of_its_own_beginning(tmp_path):
    model = ocean(integrator="ab2", dt=300.0)
    stepper = ogcm.Stepper(model)
    for _ in range(3):
        stepper.step()
    run, loss = simulation(5, model=model), BoxMean(model, "T", z=(-200, 0))
    d = directions(model, ["T", "u"])
    g = adjoint.gradient(loss, run, d)
    terms = np.concatenate([(g[name] * d[name]).ravel() for name in d])
    assert abs(directional_derivative(loss, run, d) - terms.sum()) <= 1e-12 * np.abs(terms).sum()


def test_nan_on_land_changes_no_bit():
    """NaN in tracers, forcing (also a series) and parameters, and a loss that depends on the initial state too."""
    clean, dirty = simulation(3), simulation(3)
    put_nan_on_land(dirty.model)
    one, other = (adjoint.gradient(loss_of(run.model, [0, 0.02]), run, NAMES, snapshots=1) for run in (clean, dirty))
    assert one.value == other.value
    for name in NAMES:
        np.testing.assert_array_equal(other[name], one[name], err_msg=name)
        assert one[name].any(), name


THREADS = """
import json, hashlib, numba, numpy as np, sys
numba.set_num_threads(int(sys.argv[1]))
from tests.adjoint.test_run import NAMES, adjoint, loss_of, simulation
run = simulation(5)
g = adjoint.gradient(loss_of(run.model, [0.02]), run, NAMES)
print(json.dumps([hashlib.sha256(g[name].tobytes()).hexdigest() for name in NAMES]))
"""


def test_the_number_of_threads_changes_no_bit():
    environment = os.environ | {"NUMBA_NUM_THREADS": "3", "PYTHONPATH": os.pathsep.join(sys.path)}
    found = []
    for threads in "13":
        command = [sys.executable, "-c", THREADS, threads]
        found.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(set(json.loads(found[0]))) == len(NAMES)
    assert found[0] == found[1]


@pytest.mark.long  # compiles every adjoint kernel once more
def test_single_precision_has_the_gradient_of_double():
    gradients = []
    for precision in ("float64", "float32"):
        run = simulation(10, precision=precision)
        gradients.append(adjoint.gradient(loss_of(run.model, [10 * DT / DAY]), run, ["T", "tau_x", "nu_h"]))
    assert gradients[1]["T"].dtype == np.float32
    for name in ("T", "tau_x", "nu_h"):
        exact = gradients[0][name]
        np.testing.assert_allclose(gradients[1][name], exact, rtol=0, atol=2e-3 * np.abs(exact).max())


# Bad input: all of it before the first step.


@pytest.fixture
def no_steps(monkeypatch):
    """A run that must not begin."""

    def step(self):
        raise AssertionError("the run began")

    monkeypatch.setattr(ogcm.Stepper, "step", step)


class Root(Loss):
    """sqrt(u^2), which has no derivative at rest."""

    def value(self, state, record):
        return np.sqrt((interior(state.u) ** 2).sum())

    def adjoint(self, state, record, value_ad, state_ad):
        with np.errstate(all="ignore"):
            interior(state_ad.u)[...] += value_ad * interior(state.u) / self.value(state, record)


def with_corrector(run):
    other = copy.copy(run)
    other.model = working_copy(run.model)
    other.model.corrector = object()
    return other


@pytest.mark.usefixtures("no_steps")
def test_bad_input_is_refused_before_the_run(tmp_path):
    model = ocean(u=0.0, v=0.0)
    run, end = simulation(5, model=model), BoxMean(model, "T")
    inside = {"x": 1e5, "y": 1e5, "days": 0.01, "values": 10.0, "errors": 1.0}
    dry = np.argwhere(interior(model.grid.mask_t)[0] == 0)
    dry = next((j, i) for j, i in dry if 0 < j < 11)
    on_land = {"x": (dry[1] + 0.5) * 2e4, "y": (dry[0] + 0.5) * 2e4}
    cases = [
        ("tau_z", lambda: adjoint.gradient(end, run, ["tau_z"])),
        ("at least one", lambda: adjoint.gradient(end, run, [])),
        ("less than one snapshot", lambda: adjoint.gradient(end, run, "T", memory=1000.0)),
        ("less than one snapshot", lambda: adjoint.gradient(end, run, "T", snapshots=0)),
        ("give one of them", lambda: adjoint.gradient(end, run, "T", snapshots=5, memory=1e9)),
        ("not finite", lambda: adjoint.gradient(Root(model, days=0), run, "T")),
        ("day 30 of BoxMean is outside", lambda: adjoint.gradient(BoxMean(model, "T", days=30), run, "T")),
        ("another model", lambda: adjoint.gradient(BoxMean(ocean(), "T"), run, "T")),
        ("lies on land", lambda: Observations(model, "T", **(inside | on_land))),
        ("outside the grid", lambda: Observations(model, "T", **(inside | {"y": -1e6}))),
        ("outside the grid", lambda: Transport(model, y=-1e6)),
        ("errors", lambda: Observations(model, "T", **(inside | {"errors": 0.0}))),
        ("values", lambda: Observations(model, "T", **(inside | {"values": np.nan}))),
        (
            "day 9 of Observations is outside",
            lambda: adjoint.gradient(Observations(model, "T", **(inside | {"days": 9.0})), run, "T"),
        ),
        ("no water", lambda: BoxMean(model, "T", x=(1e7, 2e7))),
        ("unknown 'temp'", lambda: BoxMean(model, "temp")),
        ("not finite over water", lambda: MeanSquare(model, "T", np.full((5, 12, 16), np.nan))),
        ("as a number", lambda: Transport(model, x=(0, 1e5), y=(0, 1e5))),
        ("shape", lambda: adjoint.tangent(run, {"T": np.zeros(3)})),
        ("function of time", lambda: Controls(ocean(forcing=ogcm.Forcing(tau_x=lambda x, y, t: 0 * x)), "tau_x")),
        ("corrector: object", lambda: adjoint.gradient(end, with_corrector(run), "T")),
        ("without tracers", lambda: Controls(ocean(equation_of_state="none"), "T")),
    ]
    for words, call in cases:
        with pytest.raises(InputError, match=words):
            call()


def test_a_disk_that_is_too_small_is_refused(monkeypatch):
    state = ocean().state
    free = type("Usage", (), {"free": 10 * snapshot_bytes(state)})
    monkeypatch.setattr("shutil.disk_usage", lambda _: free)
    with pytest.raises(FileError, match="disk snapshots"):
        Budget.of(state, 100, 10**9, snapshots=1, disk=50)


@pytest.mark.parametrize("integrator", ["rk3", "ab2"])
def test_a_snapshot_on_disk_returns_every_bit_or_is_refused(tmp_path, integrator):
    state, rng = ocean(integrator=integrator).state, np.random.default_rng(0)
    state.time, state.step = 600.0, 1
    if integrator == "ab2":
        state.previous = state.copy()
        state.previous.T += 1
        state.previous.time, state.previous.step = 0.0, 0
    with Snapshots(Budget(0, disk=2, folder=tmp_path)) as snapshots:
        snapshots.save(3, state, StorageType.DISK)
        (path,) = Path(snapshots.folder.name).iterdir()
        content, empty = path.read_bytes(), state.copy()
        for n in range(50):
            damaged = bytearray(content)
            if n % 2:
                damaged[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
            else:
                del damaged[int(rng.integers(len(content))) :]
            path.write_bytes(damaged)
            with pytest.raises(FileError, match="a snapshot was damaged on the disk"):
                snapshots.load(3, empty, drop=False)
        path.write_bytes(content)
        for a in empty.all_arrays():
            a[...] = 0
        snapshots.load(3, empty, drop=True)
        assert all(np.array_equal(a, b) for a, b in zip(empty.all_arrays(), state.all_arrays(), strict=True))
        assert (empty.time, empty.step) == (600.0, 1)
        path.unlink()
        snapshots.folder.cleanup()
        with pytest.raises(FileError, match="a snapshot cannot be written"):
            snapshots.save(4, state, StorageType.DISK)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_blows_up_has_no_gradient():
    model = ocean(forcing=ogcm.Forcing(tau_x=1e4))
    with np.errstate(all="ignore"), pytest.raises(BlowUpError, match="no gradient"):
        adjoint.gradient(BoxMean(model, "T"), simulation(100, model=model), "T")


class Nudging:
    """The term of the how-to guide: relax the column to 10 degC in 100 days. It has no weights and no `astype`."""

    rate = 1 / (100 * DAY)

    def add(self, model, state, fluxes, D):
        interior(D.T)[...] += interior(model.grid.h_t * (10 - state.T)) * self.rate


def test_the_tangent_of_a_corrector_without_weights():
    """In a resting ocean a uniform change of temperature decays by the nudging alone, as (1 - rate dt)^n."""
    grid = ogcm.cartesian(nx=4, ny=4, dx=1e5, dy=1e5, periodic_x=True, periodic_y=True)
    model = ogcm.Model(grid, depth=200.0, dz=[100.0, 100.0], T=12.0, dt=DT)
    model.corrector = Nudging()
    change = adjoint.tangent(ogcm.Simulation(model, days=5 * DT / DAY, progress=False), {"T": np.ones((2, 4, 4))})
    np.testing.assert_allclose(interior(change.T), (1 - Nudging.rate * DT) ** 5, rtol=1e-12)
    assert model.corrector.rate == Nudging.rate
