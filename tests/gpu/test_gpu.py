"""The model on a GPU beside the model on the CPU.

    python -m pytest -m gpu                                                               on a GPU
    NUMBA_ENABLE_CUDASIM=1 NUMBA_DISABLE_JIT=1 python -m pytest tests/gpu/test_gpu.py   without one

Without one the kernels run in Numba's simulator and `fake_cupy.py` takes CuPy's place, which `test_cuda.py` sets up.
There results are equal to the bit; a GPU contracts products and sums, so that the last bits differ.
"""

import ast

import h5netcdf
import numba
import numpy as np
import pytest
import xarray

import benchmarks.gpu
import ogcm
from adjoint import gradient
from adjoint.losses import BoxMean, Transport
from adjoint.operators.layers import continuity_ad
from adjoint.random_ocean import random_forcing, random_grid
from adjoint.registry import PAIRS
from adjoint.run import Workspace
from adjoint.stepper import AdjointStepper
from nn.corrector import Corrector
from nn.features import FEATURES
from nn.outputs import FORMS
from ogcm import cuda as gpu
from ogcm import device
from ogcm.constants import DAY
from ogcm.forcing import NAMES
from ogcm.halo import exchange
from tests.gpu import fake_cupy

SIMULATED = bool(numba.config.ENABLE_CUDASIM)
if SIMULATED:
    fake_cupy.install()
else:
    pytestmark = [
        pytest.mark.gpu,
        pytest.mark.skipif(not device.available(), reason="needs a CUDA device, and there is none here"),
    ]
ROUND_OFF = 0.0 if SIMULATED else 1e-12
simulated = pytest.mark.skipif(not SIMULATED, reason="needs the simulator")
BACKWARDS = "thread_x, thread_y, thread_z = [n - 1 - i for n, i in zip(cuda.gridsize(3), cuda.grid(3))]"
RICH = {
    "friction": "biharmonic", "diffusion": "biharmonic", "viscosity": "smagorinsky", "vertical_mixing": "richardson",
    "equation_of_state": "teos10", "freezing": True, "barotropic_steps": 3,
    "tracers": {
        "dye": ogcm.Tracer(initial=lambda x, y, z: x / 1e5 + z / 300, decay=1e-3, source=1e-4, advection="monotone")
    },
}  # fmt: skip
AIR = {
    "forcing": ogcm.Forcing(
        atmosphere=ogcm.Atmosphere(
            u10=ogcm.Series(8 * np.random.default_rng(1).normal(size=(2, 4, 5)), [0.0, 3600.0]), v10=5.0, t2=14.0,
            d2=9.0, cloud=0.4, shortwave_down=200.0,
        ),
    ),
    "vertical_mixing": "tke",
}  # fmt: skip
OPEN = {
    "open_sides": ogcm.OpenSides(
        south=True, eta=ogcm.Series(np.array([0.0, 0.2]), [0.0, 3600.0]), u=0.1, v=0.1,
        T=[18.0, 15.0, 12.0], zone=5e4,
    ),
}  # fmt: skip


@pytest.fixture(params=["forwards", "backwards"] if SIMULATED else ["forwards"])
def order(request, monkeypatch):
    """The order of the simulator's threads: a race shows in one of the two."""
    if request.param == "backwards":
        monkeypatch.setattr(gpu, "THREAD_INDICES", BACKWARDS)
    for made in (gpu.twin, gpu.device_function, gpu.point_kernel):
        made.cache_clear()


def tiny(**options):
    """Three layers of 4 x 5 cells with islands and every forcing, one of them a series, periodic along x."""
    rng, nk, ny, nx = np.random.default_rng(0), 3, 4, 5
    forcing = {name: random_forcing(name, rng.normal(size=(ny, nx))) for name in NAMES}
    forcing["tau_x"] = ogcm.Series(0.1 * rng.normal(size=(3, ny, nx)), [0.0, 900.0, 3600.0])
    return ogcm.Model(
        ogcm.cartesian(nx=nx, ny=ny, dx=2e4, dy=2e4, f0=1e-4, beta=2e-11, periodic_x=True),
        depth=np.where(rng.uniform(size=(ny, nx)) < 0.1, 0, rng.uniform(150, 300, (ny, nx))),
        dz=[50.0, 100.0, 150.0],
        T=np.array([20.0, 16.0, 12.0])[:, None, None] + rng.normal(size=(nk, ny, nx)),
        u=0.1 * rng.normal(size=(nk, ny, nx)),
        eta=0.1 * rng.normal(size=(ny, nx)),
        parameters={"nu_h": 200.0, "nu4_h": 1e10, "kappa_h": 50.0, "kappa4_h": 1e9, "drag_quadratic": 1e-3},
        **{"dt": 600.0, "barotropic_steps": 3, "forcing": ogcm.Forcing(**forcing)} | options,
    )


def close(found, expected, tolerance=ROUND_OFF):
    """Assert that two arrays are equal up to round-off, relative to the largest of their values."""
    np.testing.assert_allclose(device.to_host(found), expected, rtol=0, atol=tolerance * np.abs(expected).max())


def same(here, there):
    """Assert that a state on the GPU is that on the host."""
    assert not device.is_on_host(there.u)
    for name, a in here.arrays().items():
        close(getattr(there, name), a)


# Kernels


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("name", PAIRS)
def test_every_operator_and_its_adjoint_agree_with_the_cpu(name, periodic, order):
    grid = random_grid(nx=4, ny=3, periodic_x=periodic, periodic_y=periodic)
    here, there = (benchmarks.gpu.operator(name, grid, where) for where in device.DEVICES)
    assert all(a.any() for a in here[0])
    for a, b in zip([*here[0], *here[1]], [*there[0], *there[1]], strict=True):
        close(b, a, 1e-13 if SIMULATED else 1e-12)  # sums over many points may have another order


@pytest.mark.parametrize("sides", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_halo_is_filled_as_on_the_cpu(sides, width, order):
    grid = random_grid(nx=width, ny=4)._replace(periodic_x=sides[0], periodic_y=sides[1])
    a = np.random.default_rng(0).normal(size=grid.h_t.shape)
    b = device.to_device(a, "cuda")
    exchange(grid, a)
    exchange(grid.to("cuda"), b)
    assert np.array_equal(a, b.get())


@simulated
def test_a_race_is_found(monkeypatch):
    """Without its `row_barrier()` a kernel may read values before other threads have written them."""
    grid, results = random_grid(nx=4, ny=3), []
    W_ad = np.random.default_rng(0).normal(size=(6, *grid.h_t.shape[1:]))

    def careless(function, parse_function=gpu.parse_function):
        tree = parse_function(function)
        for loop in (n for n in tree.body if gpu.is_loop(n, "prange")):
            loop.body = [s for s in loop.body if "row_barrier" not in ast.unparse(s)]
        return tree

    monkeypatch.setattr(gpu, "parse_function", careless)
    monkeypatch.setattr(gpu, "check", lambda *_: set())  # it would refuse the kernel
    monkeypatch.setattr(gpu, "work_array", lambda _, n, like: np.zeros((n, *like.shape[-2:])))
    for indices in (gpu.THREAD_INDICES, BACKWARDS):
        monkeypatch.setattr(gpu, "THREAD_INDICES", indices)
        gpu.device_function.cache_clear()
        zeros = [np.zeros(grid.h_t.shape) for _ in range(4)] + [np.zeros(grid.depth_t.shape)]
        gpu.twin.__wrapped__(continuity_ad.py_func)(*zeros[:2], grid.depth_t, grid, W_ad, *zeros[2:])
        results.append(zeros[2])
    assert not np.allclose(*results)


# A model


@pytest.mark.parametrize(
    "options",
    [
        RICH,
        {"integrator": "ab2", "advection": "monotone", "vorticity": "al81"},
        {"equation_of_state": "none"},
        AIR,
        OPEN,
    ],
)
def test_steps_are_those_of_the_cpu_and_carry_nothing(options):
    model = tiny(**options)
    mirror = model.to("cuda")
    here, there = ogcm.Stepper(model), ogcm.Stepper(mirror)
    for _ in range(5):
        for a, b in zip(mirror.state.all_arrays(), model.state.all_arrays(), strict=True):
            device.copy_values(a, b)
        before = fake_cupy.transfers
        there.step()
        assert fake_cupy.transfers == before
        here.step()
        same(model.state, mirror.state)
    replayed = [graph for _, graph in there.graphs.known.values() if graph is not None]
    parts = 3 if model.forcing.computed else 2  # of a step, each of them once for each set of arrays
    assert len(replayed) == parts * (1 if options.get("integrator") == "ab2" else 2)


@pytest.mark.parametrize(
    ("options", "controls"),
    [
        (RICH, ["T", "u", "eta", "tau_x", "heat_flux", "nu_h", "kappa_v", "eos"]),
        (AIR, ["T", "u", "u10", "t2", "d2", "slp", "cloud", "dalton_factor", "emissivity"]),
        (OPEN, ["T", "u", "eta", "eta_outside", "u_outside", "T_outside", "nudging_in", "nudging_zone"]),
    ],
    ids=["rich", "an atmosphere", "an open side"],
)
def test_a_gradient_is_that_of_the_cpu_and_carries_nothing_in_a_step(options, controls, monkeypatch):
    model, crossed = tiny(**options, integrator="euler"), []
    loss = BoxMean(model, "T", days=[0.0, 0.02]) + 1e-6 * Transport(model, x=5e4, y=(0, 8e4))

    def counted(self, *arguments, reverse=AdjointStepper.reverse):
        before = fake_cupy.transfers
        reverse(self, *arguments)
        crossed.append(fake_cupy.transfers - before)

    monkeypatch.setattr(AdjointStepper, "reverse", counted)
    found = []
    for where in ("cpu", "cuda"):
        simulation = ogcm.Simulation(model, days=1800 / DAY, progress=False, device=where)
        found.append(gradient(loss, simulation, controls, snapshots=2))
    close(np.array(found[1].value), found[0].value)
    for name in controls:
        assert found[0][name].any()
        close(found[1][name], found[0][name], max(ROUND_OFF, 1e-13))
    assert crossed == [0] * 6


def test_a_run_is_the_same_to_the_bit_each_time_and_without_graphs():
    digests = []
    for graphs in (True, True, False):
        mirror = tiny(**RICH, integrator="euler").to("cuda")
        stepper = ogcm.Stepper(mirror, graphs=graphs)
        for _ in range(4):
            stepper.step()
        digests.append(mirror.state.digest())
    assert len(set(digests)) == 1


COLUMN = {"features": tuple(FEATURES), "outputs": tuple(n for n in FORMS if n != "eta_tendency")}
LOCAL = {"features": ("T", "N2", "eta", "place"), "outputs": ("T_flux", "stress"), "vertical": "local"}


ROUNDS = {"features": ("T", "eta"), "outputs": ("T_flux", "uv_tendency"), "rounds": 1, "stencil": "cross"}


@pytest.mark.parametrize(
    "choices",
    [
        COLUMN,
        LOCAL | {"stencil": "point", "equivariant": True},
        LOCAL | {"dtype": "float32"},
        ROUNDS,
        ROUNDS | {"vertical": "local"},
    ],
)
def test_a_corrector_and_its_gradient_are_those_of_the_cpu(choices):
    model, found = tiny(integrator="euler"), []
    model.corrector = Corrector(model, hidden=(5,), scales=dict.fromkeys(choices["outputs"], 1e-5), **choices)
    model.corrector.set_normalisation(model, [model.state])
    model.corrector.weights[...] = 0.3 * np.random.default_rng(0).normal(size=model.corrector.weights.shape)
    loss = BoxMean(model, "T", x=(0, 5e4))
    for where in ("cpu", "cuda"):
        simulation = ogcm.Simulation(model, days=1200 / DAY, progress=False, device=where)
        found.append(gradient(loss, simulation, ["T", "corrector"], snapshots=2))
    tolerance = 1e-4 if choices.get("dtype") == "float32" else max(ROUND_OFF, 1e-12)  # of products in another order
    close(np.array(found[1].value), found[0].value, tolerance)
    for name in ("T", "corrector"):
        close(found[1][name], found[0][name], tolerance)


class Pull(ogcm.Term):
    """T drawn to its first values plus weights[1], at the rate exp(weights[0]) in a day; it holds an array."""

    def __init__(self, model):
        self.weights, self.target = np.array([0.3, 0.5]), np.where(model.grid.mask_t > 0, model.state.T, 0) + 1.0

    def add(self, model, n, fluxes, D):
        D.T[...] += model.grid.h_t * (self.target + self.weights[1] - n.T) * np.exp(self.weights[:1]) / DAY

    def add_ad(self, model, n, fluxes, D_ad, gradient):
        pull_ad = model.grid.h_t * D_ad.T * np.exp(self.weights[:1]) / DAY
        inside = (slice(None), slice(3, -3), slice(3, -3))
        gradient.state.T[inside] -= pull_ad[inside]
        gradient.weights[0] += (pull_ad * (self.target + self.weights[1] - n.T))[inside].sum()
        gradient.weights[1] += pull_ad[inside].sum()


def test_a_term_of_a_user_and_its_gradient_are_those_of_the_cpu():
    model = tiny(integrator="euler")
    model.terms["pull"], loss = Pull(model), BoxMean(model, "T", x=(0, 5e4))
    runs = {w: ogcm.Simulation(model, days=1200 / DAY, progress=False, device=w) for w in device.DEVICES}
    workspace = Workspace(model, "cuda")
    for weights in ([0.3, 0.5], [1.0, -2.0]):  # the copy on the GPU receives changed weights
        model.terms["pull"].weights[...] = weights
        here = gradient(loss, runs["cpu"], ["T", "pull"], snapshots=2)
        there = gradient(loss, runs["cuda"], ["T", "pull"], snapshots=2, workspace=workspace)
        assert here["pull"].all()
        for name in ("T", "pull"):
            close(there[name], here[name], max(ROUND_OFF, 1e-12))


@pytest.mark.parametrize("means", [False, True])
def test_a_run_writes_what_it_writes_on_the_cpu(tmp_path, means):
    files = {}
    for where in ("cpu", "cuda"):
        model, path = tiny(integrator="euler"), tmp_path / f"{where}.nc"
        variables = (
            "u",
            "T",
            "eta",
            "w",
            "zeta",
            "N2",
            "sigma0",
            "transport_x",
            "T_advection",
            "T_mixing",
            "u_pressure",
        )
        days = {"days": 2400 / DAY, "every": 1200 / DAY}
        run = ogcm.Simulation(
            model, **days, output=path, variables=variables, means=means, progress=False, device=where
        )
        run.run()
        assert isinstance(model.state.u, np.ndarray)
        with h5netcdf.File(path) as f:
            files[where] = {name: f[name][...] for name in (*variables, "time", "kinetic_energy")}
        for name in variables:
            a = files[where][name]
            files[where][name] = np.where(np.abs(a) < 1e30, a, 0.0)  # the fill value
            assert files[where][name].any()
        files[where]["T of the end"] = model.state.T
    assert len(files["cpu"]["time"]) == (2 if means else 3)
    for name, a in files["cpu"].items():
        close(files["cuda"][name], a, 1e-6)  # of float32


class Digests(ogcm.Writer):
    """The digests of the states that are recorded, each with its step."""

    def __init__(self, every, record_last=False):
        self.every, self.record_last, self.digests = every, record_last, []

    def record(self, model):
        self.digests.append((model.state.step, model.state.digest()))


def test_the_records_of_a_stream_are_sent_when_they_are_used(tmp_path, monkeypatch):
    """A run and a gradient have the values of the CPU; five records at most are in the memory of the GPU."""
    monkeypatch.chdir(tmp_path)
    heat = 200 * np.random.default_rng(5).normal(size=(8, 4, 5))
    times = {"units": "minutes since 2021-01-01"}
    data = xarray.Dataset(
        {"heat": (("time", "lat", "lon"), heat, {"units": "W m-2", "positive": "down"})},
        {"time": ("time", 10.0 * np.arange(8), times), "lat": np.linspace(30, 34, 4), "lon": np.linspace(0, 4, 5)},
    )
    data.to_netcdf("heat.nc", engine="h5netcdf")
    stream = ogcm.stream_field("heat.nc", "heat", "heat flux")
    grid = ogcm.spherical(lon=[0.5, 1.5, 2.5, 3.5], lat=[30.5, 31.5, 32.5])
    options = {"depth": 50.0, "dz": [50.0], "dt": 600.0, "start": "2021-01-01", "barotropic_steps": 3}
    made = {where: ogcm.Model(grid, forcing=ogcm.Forcing(heat_flux=stream), **options) for where in device.DEVICES}
    found = {}
    for where, model in made.items():
        simulation = ogcm.Simulation(model, days=2 / 144, progress=False, device=where, overwrite=True)
        loss = BoxMean(model, "T") + BoxMean(model, "eta")
        found[where] = gradient(loss, simulation, "heat_flux")["heat_flux"]
        simulation.run()
    close(found["cuda"], found["cpu"])
    for name, a in made["cpu"].state.arrays().items():
        close(made["cuda"].state.arrays()[name], a)
    records = made["cuda"].forcing.to("cuda").series["heat_flux"].values
    for n in range(8):
        assert not device.is_on_host(records[n])
    assert len(records.kept) == 5


def test_callbacks_and_several_writers_see_each_state_on_the_host(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = {}
    for where in ("cpu", "cuda"):
        writers = {"two": Digests(1200 / DAY), "three": Digests(1800 / DAY), "last": Digests(1800 / DAY, True)}
        seen = []

        def look(simulation, seen=seen):
            assert isinstance(simulation.model.state.T, np.ndarray)
            seen.append((simulation.model.state.step, simulation.model.state.digest()))
            if simulation.model.state.step == 5:
                simulation.stop()

        callbacks = {"look": ogcm.Callback(look, steps=1)}
        model = tiny(integrator="euler")
        ogcm.Simulation(model, days=1, writers=writers, callbacks=callbacks, progress=False, device=where).run()
        found[where] = [seen, *(writer.digests for writer in writers.values()), model.state.digest()]
    seen, two, three, last, _ = found["cuda"]
    assert two == seen[1:4:2]
    assert three == seen[2:3]
    assert last == [seen[2], seen[4]]
    if SIMULATED:
        assert found["cuda"] == found["cpu"]


def test_a_condition_ends_a_run_at_the_same_step(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for condition, step in (
        (lambda simulation: simulation.model.state.step == 5 and isinstance(simulation.model.state.T, np.ndarray), 5),
        (ogcm.every(steps=4, do=lambda simulation: simulation.model.state.step > 4), 8),
    ):
        model = tiny(integrator="euler")
        ogcm.Simulation(model, days=1, stop_when=condition, progress=False, device="cuda").run()
        assert model.state.step == step


def test_a_copy_on_the_gpu_runs_as_the_model_there():
    model = tiny(integrator="euler")
    model.terms["pull"] = Pull(model)
    model.corrector = Corrector(model, hidden=(5,), **COLUMN)
    model.corrector.weights[...] = 0.3 * np.random.default_rng(0).normal(size=model.corrector.weights.shape)
    there = model.to("cuda")
    other = there.copy()
    assert other.device == "cuda"
    there.terms["pull"].weights[...] = 5.0  # a copy has weights of its own
    there.corrector.weights[...] = 0.0
    ogcm.Stepper(there).step()
    again = model.to("cuda")
    for one in (other, again):
        stepper = ogcm.Stepper(one)
        for _ in range(3):
            stepper.step()
    assert other.state.digest() == again.state.digest()
    assert other.state.digest() != there.state.digest()


def test_a_run_that_blows_up_is_stopped_and_saved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ogcm.watch.CHECK", 1)
    model = tiny(integrator="euler")
    simulation = ogcm.Simulation(model, days=1, progress=False, device="cuda")
    model.state.u[...] = 60.0 * model.grid.mask_u
    with pytest.raises(ogcm.BlowUpError, match=r"is in ocean\.restart\.h5"):
        simulation.run()
    assert (tmp_path / "ocean.restart.h5").exists()


@simulated
def test_the_benchmark_runs(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["gpu", "--quick"])
    benchmarks.gpu.main()
    said = capsys.readouterr().out
    assert all(f"\n{part}\n" in said for part in benchmarks.gpu.PARTS)
    assert "the same to the bit" in said
    assert float(said.split("complex step on the CPU: ")[1].split()[0]) < 1e-12


# Arrays and memory


def test_arrays_of_the_gpu_go_straight_in():
    T = device.to_device(np.full((4, 5), 7.0), "cuda")
    assert (ogcm.Model(tiny().horizontal, depth=T, dz=[9.0], dt=60.0).grid.depth_t[3:-3, 3:-3] == 7).all()
    mirror = tiny().to("cuda")
    mirror.state.eta[...] = 0.25 * mirror.grid.mask_t[0]
    ogcm.Stepper(mirror).step()
    assert not device.is_on_host(mirror.state.T)


@simulated
def test_a_model_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(fake_cupy.cuda.runtime, "memGetInfo", lambda: (10_000, 20_000))
    with pytest.raises(ogcm.InputError, match=r"a run of ocean needs about .* what fits is a grid with \d+%"):
        ogcm.Simulation(tiny(), days=1, device="cuda").run()


@simulated
def test_the_device_is_named():
    assert device.describe_gpu() == "no GPU, compute capability 9.0, 1.0 of 2.0 GB free"
    assert device.check_device("auto") == "cuda"
