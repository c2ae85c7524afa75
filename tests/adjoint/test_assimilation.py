"""Assimilation: the gradient of J, twin experiments with a known truth, interruption and continuation, bad input."""

import h5py
import numpy as np
import pytest

import ogcm
from adjoint import assimilation_output as output
from adjoint import estimate_file
from adjoint.assimilation import assimilate
from adjoint.complex_step import directional_derivative
from adjoint.cost import Cost
from adjoint.estimates import Estimate
from adjoint.losses import BoxMean
from adjoint.observations import Points, misfit, read, synthetic, write
from ogcm.cli import main
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.grid import interior
from ogcm.stability import stable_mixing
from tests.oceans import rough_basin

X, Y = np.meshgrid(2e4 * (np.arange(16) + 0.5), 2e4 * (np.arange(12) + 0.5))
WAVE = np.sin(2 * np.pi * X / 3.2e5)
WIND = 0.1 * np.sin(2 * np.pi * Y / 2.4e5)
PARAMETERS = {"nu_h": 400.0, "kappa_h": 300.0, "drag_linear": 5e-4, "drag_quadratic": 0.0}


def ocean(parameters=(), **options):
    """A rough basin with small eddies, which friction and drag slow down within a day."""
    rng = np.random.default_rng(11)
    eddies = {p: 0.1 * rng.normal(size=(5, 12, 16)) for p in "uv"}
    return rough_basin(**(eddies | {"parameters": PARAMETERS | dict(parameters)} | options))


def simulated(model, days=1.0):
    return ogcm.Simulation(model, days=days, progress=False)


def twin(truth, guess, errors, days=(0.5, 1.0), **options):
    """The simulation of a wrong first guess, and the misfit to observations of the true run."""
    simulation = simulated(guess, max(days))
    return simulation, misfit(synthetic(simulated(truth, max(days)), errors, days=days, **options), guess)


def rms(a, where=...):
    return float(np.sqrt(np.mean(np.asarray(a)[where] ** 2)))


# The gradient

MIXED = [
    Estimate("T", 0.5, length=4e4),
    Estimate("eta", 0.05),
    Estimate("nu_h", 0.3, logarithm=True),
    Estimate("kappa_h", 0.4, logarithm=True, length=6e4),
    Estimate("drag_linear", 1e-4, background=False),
    Estimate("tau_x", 0.05, length=3e4),
]


def mixed_problem():
    """The observations, the run and the controls of a problem of several fields."""
    guess = ocean({"kappa_h": 300 + 100 * WAVE}, forcing=ogcm.Forcing(tau_x=WIND))
    simulation, loss = twin(ocean(), guess, {"T": 0.1, "u": 0.01}, days=(0.0, 0.1, 0.2), every=2)
    return loss, simulation, MIXED


def mixed_cost():
    return Cost(*mixed_problem())


@pytest.mark.parametrize("T", [MIXED[0], MIXED[0]._replace(wide_length=1e5, wide_share=0.4)])
def test_gradient_is_the_complex_step(T):
    loss, simulation, (_, *others) = mixed_problem()
    cost, rng = Cost(loss, simulation, [T, *others]), np.random.default_rng(1)
    z, way = 0.5 * rng.normal(size=(2, cost.counts.size))
    found = cost(z)
    for only in (*cost.scaled, None):
        dz = np.concatenate([part.ravel() * (only in (name, None)) for name, _, part in cost.parts(way)])
        changes = {name: x.imag / 1e-30 for name, x in cost.values(z + 1e-30j * dz).items()}
        exact = directional_derivative(cost.loss, cost.simulation, changes) + np.where(cost.counts, z, 0) @ dz
        scale = np.abs(found.gradient * dz).sum()
        assert abs(found.gradient @ dz - exact) < 1e-12 * scale, only
    assert found.cost == found.observations + found.background
    assert found.background == pytest.approx(0.5 * (z[cost.counts] ** 2).sum())


def test_taylor_remainder_is_quadratic():
    cost, rng = mixed_cost(), np.random.default_rng(2)
    z, way = 0.5 * rng.normal(size=(2, cost.counts.size))
    at = cost(z)
    remainders = [abs(cost(z + e * way).cost - at.cost - e * at.gradient @ way) for e in (1e-2, 1e-3, 1e-4)]
    slopes = np.diff(np.log10(remainders)) / -1
    assert np.all(np.abs(slopes - 2) < 0.05), slopes


def test_smoothing_has_the_given_error():
    model, rng = ocean(), np.random.default_rng(3)
    scaled = Cost(BoxMean(model, "T"), simulated(model), [Estimate("T", 0.5, length=6e4)]).scaled["T"]
    changes = np.array([scaled.values(rng.normal(size=scaled.wet.shape)) - scaled.first_guess for _ in range(300)])
    assert rms(changes[:, scaled.wet]) == pytest.approx(0.5, rel=0.03)
    assert not changes[:, ~scaled.wet].any()
    both = scaled.wet & np.roll(scaled.wet, -1, -1)  # periodic along x
    correlation = np.mean(changes * np.roll(changes, -1, -1), 0)[both].mean() / 0.25
    assert 0.8 < correlation < 0.98  # exp(-1/(4 length^2)) = 0.94 in the open ocean


# Twin experiments


@pytest.mark.slow
def test_scalars():
    """nu_h, kappa_h and drag_linear from every second point of u (0.01 m s-1) and T (0.02 degC), twice in a day."""
    guess = ocean({"nu_h": 150.0, "kappa_h": 900.0, "drag_linear": 1.5e-3})
    simulation, loss = twin(ocean(), guess, {"u": 0.01, "T": 0.02}, every=2)
    names = ("nu_h", "kappa_h", "drag_linear")
    found = assimilate(loss, simulation, [Estimate(name, 1.0, logarithm=True) for name in names], iterations=20)
    for name in names:
        print(name, float(found.first_guess[name]), float(found[name]), PARAMETERS[name])
        assert found[name] == pytest.approx(PARAMETERS[name], rel=0.04), name
    assert found.iterations[-1].observations == pytest.approx(0.5 * len(observed(loss)), rel=0.1)  # chi^2
    assert found.runs < 25
    assert guess.parameters["nu_h"][0, 5, 5] == 150.0  # the model stays as it is, until
    found.apply_to(guess)
    assert guess.parameters["nu_h"][0, 5, 5] == found["nu_h"]


def observed(loss):
    return np.concatenate([term.values for _, term in loss.terms])


@pytest.mark.slow
def test_map_of_diffusivity():
    """kappa_h = 300 exp(0.8 wave) from T (0.01 degC) everywhere, twice in a day; first guess 300."""
    true = 300 * np.exp(0.8 * WAVE)
    guess = ocean({"kappa_h": np.full((12, 16), 300.0)})
    simulation, loss = twin(ocean({"kappa_h": true}), guess, {"T": 0.01})
    found = assimilate(loss, simulation, [Estimate("kappa_h", 0.6, logarithm=True, length=6e4)], iterations=9)
    wet = interior(guess.grid.mask_t)[0] > 0
    before, after = (rms(np.log(a["kappa_h"] / true), wet) for a in (found.first_guess, found))
    print("rms error of ln kappa_h", before, after)
    assert before > 0.5
    assert after < 0.1


@pytest.mark.slow
def test_map_of_wind():
    """tau_x from u (0.01 m s-1) everywhere after a day; the first guess lacks a wave of 0.1 N m-2."""
    true = WIND + 0.1 * WAVE
    guess = ocean(forcing=ogcm.Forcing(tau_x=WIND))
    simulation, loss = twin(ocean(forcing=ogcm.Forcing(tau_x=true)), guess, {"u": 0.01}, days=(1.0,))
    found = assimilate(loss, simulation, [Estimate("tau_x", 0.1, length=6e4)], iterations=10)
    wet = interior(guess.grid.mask_u)[0] > 0
    before, after = (rms(a["tau_x"] - true, wet) for a in (found.first_guess, found))
    print("rms error of tau_x", before, after)
    assert after < before / 4


def initial_state(iterations, errors, every, names, days):
    """First guess, truth and estimate of an initial state whose errors have the assumed covariance."""
    guess, truth = ocean(), ocean()
    estimates = [Estimate(name, 0.5 if name == "T" else 0.1, length=6e4) for name in names]
    prior = Cost(BoxMean(truth, "T"), simulated(truth), estimates)
    true = prior.values(np.random.default_rng(5).normal(size=prior.counts.size))
    prior.controls.set_values(true, truth)
    simulation, loss = twin(truth, guess, errors, days=days, every=every)
    found, wet = assimilate(loss, simulation, estimates, iterations=iterations), prior.scaled
    J, I = np.indices((12, 16))  # noqa: E741
    unseen = (J % every > 0) | (I % every > 0)
    for name in names:
        for where in (wet[name].wet, wet[name].wet & unseen):
            before, after = (rms(a[name] - true[name], where) for a in (found.first_guess, found))
            yield name, before, after


def test_initial_temperature():
    """T of day 0 from profiles (0.05 degC) in every second row and column after a quarter and half of a day."""
    for name, before, after in initial_state(12, {"T": 0.05}, 2, ["T"], (0.25, 0.5)):
        print(name, before, after)
        assert after < before / 3


@pytest.mark.long
def test_initial_state():
    """The whole state, from every second row and column of T, eta, u, v on days 0.25 to 1."""
    errors = {"T": 0.05, "eta": 0.02, "u": 0.02, "v": 0.02}
    for name, before, after in initial_state(40, errors, 2, ["T", "eta", "u", "v"], (0.25, 0.5, 0.75, 1.0)):
        print(name, before, after)
        assert after < before / 3


# Interruption, blow-up, mistakes


def small(iterations=4, **options):
    guess = ocean({"nu_h": 150.0})
    simulation, loss = twin(ocean(), guess, {"u": 0.01}, days=(0.2,), every=2)
    names = [Estimate("nu_h", 1.0, logarithm=True), Estimate("T", 0.1, length=3e4)]
    return assimilate(loss, simulation, options.pop("estimates", names), iterations=iterations, **options)


def test_continuation_is_bit_identical(tmp_path, monkeypatch):
    whole, path = small(), tmp_path / "history.h5"
    plain, calls = Cost.__call__, []

    def interrupted(self, z):
        calls.append(z)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return plain(self, z)

    monkeypatch.setattr(Cost, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        small(history=path)
    with h5py.File(path) as f:
        assert f["cost"].shape == (2,)
    assert [p.name for p in tmp_path.iterdir()] == ["history.h5"]
    found = small(history=path)
    assert found.runs == whole.runs - 1  # two were saved, the first of them is taken again
    assert found.iterations == whole.iterations
    assert all(np.array_equal(found[name], whole[name]) for name in ("nu_h", "T"))
    more, at_once = small(iterations=6, history=path), small(iterations=6)
    assert np.array_equal(more["T"], at_once["T"])


def test_a_foreign_history_is_refused(tmp_path):
    path = tmp_path / "history.h5"
    small(iterations=1, history=path)
    with pytest.raises(FileError, match="another problem: nu_h was"):
        small(history=path, estimates=[Estimate("nu_h", 2.0, logarithm=True), Estimate("T", 0.1, length=3e4)])
    with pytest.raises(FileError, match="another problem: controls was nu_h, T, is T"):
        small(history=path, estimates=[Estimate("T", 0.1)])
    guess = ocean({"nu_h": 150.0})
    simulation, loss = twin(ocean(), guess, {"u": 0.02}, days=(0.2,), every=2)
    names = [Estimate("nu_h", 1.0, logarithm=True), Estimate("T", 0.1, length=3e4)]
    with pytest.raises(FileError, match="first guess cost"):
        assimilate(loss, simulation, names, history=path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"history\.h5: damaged"):
        small(history=path)
    path.write_bytes(content[:1000])
    with pytest.raises(FileError, match="truncated, or not a history"):
        small(history=path)


def test_a_trial_that_blows_up_is_stepped_back_from(monkeypatch):
    """Beyond 200 m2 s-1 every run is made to blow up: the first trials do, and the minimum below is still found."""
    plain = Cost.__call__

    def fragile(self, z):
        if self.values(z)["nu_h"] > 200:
            raise BlowUpError("too viscous")
        return plain(self, z)

    monkeypatch.setattr(Cost, "__call__", fragile)
    guess = ocean({"nu_h": 40.0})
    simulation, loss = twin(ocean({"nu_h": 100.0}), guess, {"u": 0.01}, days=(0.5,))
    found = assimilate(loss, simulation, [Estimate("nu_h", 2.0, logarithm=True)], iterations=8)
    assert found.blown_up
    assert found["nu_h"] == pytest.approx(100.0, rel=0.1)
    monkeypatch.setattr(Cost, "__call__", lambda self, z: (_ for _ in ()).throw(BlowUpError("at once")))
    with pytest.raises(BlowUpError, match="at once"):
        assimilate(loss, simulation, [Estimate("nu_h", 2.0)])


def test_a_bound_is_kept():
    """The true viscosity of 400 m2 s-1 lies above the bound: the estimate ends on it, and no downhill is left."""
    found = small(estimates=[Estimate("nu_h", 1.0, upper=300.0, logarithm=True)])
    assert found["nu_h"] == pytest.approx(300.0, rel=1e-12)
    assert found.iterations[-1].gradient < 1e-9 * found.iterations[0].gradient


def test_mixing_stays_stable_by_default():
    model = ocean({"kappa_h": np.full((12, 16), 300.0)})
    estimates = [Estimate("nu_h", 1.0), Estimate("kappa_h", 1.0, length=3e4)]
    cost = Cost(BoxMean(model, "T"), simulated(model), estimates)
    values = cost.values(np.full(cost.counts.size, 1e9))
    for name in ("nu_h", "kappa_h"):
        most = stable_mixing(model)[name]
        assert 300.0 < np.max(values[name][... if name == "nu_h" else cost.scaled[name].wet]) < 0.21 * most.min()


@pytest.mark.parametrize(
    ("estimate", "match"),
    [
        (Estimate("viscosity", 1.0), "unknown control 'viscosity'"),
        (Estimate("nu_h", 0.0), "error: the error of nu_h must be positive"),
        (Estimate("nu_h", np.nan), "error: the error of nu_h must be positive"),
        (Estimate("T", np.ones(4)), r"error: shape \(4,\) does not fit T's \(5, 12, 16\)"),
        (Estimate("nu_h", 1.0, lower=500.0), "nu_h: the model's 400 lies outside the bounds 500 to"),
        (Estimate("nu_h", 1.0, upper=1e9), "upper: 1e\\+09 of nu_h lies outside 0 to"),
        (Estimate("drag_linear", 1.0, lower=-1.0), "lower: -1 of drag_linear lies outside 0 to 1"),
        (Estimate("u", 1.0, logarithm=True), "logarithm: u has values <= 0"),
        (Estimate("drag_quadratic", 1.0, logarithm=True), "logarithm: drag_quadratic has values <= 0"),
        (Estimate("nu_h", 1.0, length=6e4), "length: nu_h of the shape"),
        (Estimate("T", 1.0, length=-1.0), "length: -1.0 of T is no length"),
    ],
)
def test_mistakes_are_reported_before_the_first_run(estimate, match, monkeypatch):
    model = ocean()
    monkeypatch.setattr(Cost, "__call__", None)
    with pytest.raises(InputError, match=match):
        assimilate(BoxMean(model, "T"), simulated(model), [estimate])


def test_other_mistakes(tmp_path):
    model = ocean()
    loss, simulation, nu = BoxMean(model, "T"), simulated(model), Estimate("nu_h", 1.0)
    with pytest.raises(InputError, match="each control once"):
        assimilate(loss, simulation, [nu, nu])
    with pytest.raises(InputError, match="iterations: at least one"):
        assimilate(loss, simulation, [nu], iterations=0)
    with pytest.raises(InputError, match="tolerance"):
        assimilate(loss, simulation, [nu], tolerance=-1.0)
    with pytest.raises(InputError, match="another model"):
        assimilate(BoxMean(ocean(), "T"), simulation, [nu])
    with pytest.raises(FileError, match="folder does not exist"):
        assimilate(loss, simulation, [nu], history=tmp_path / "no" / "history.h5")
    (tmp_path / "text.h5").write_text("no history")
    with pytest.raises(FileError, match="truncated, or not a history"):
        assimilate(loss, simulation, [nu], history=tmp_path / "text.h5")


# Files of observations


def test_observations_survive_a_file(tmp_path):
    model, path = ocean(), tmp_path / "seen.nc"
    points = synthetic(simulated(model), {"T": 0.1, "eta": 0.01}, days=(0.0, 0.1), every=3)
    write(path, points, model)
    again = {p.field: p for p in read(path, model)}
    for p in points:
        assert all(np.array_equal(a, b) for a, b in zip(p[1:], again[p.field][1:], strict=True))
    with pytest.raises(FileError, match="missing"):
        read(tmp_path / "none.nc", model)
    with h5py.File(path, "r+") as f:
        del f["T_error"]
    with pytest.raises(FileError, match="lacks the variable T_error"):
        read(path, model)
    with pytest.raises(InputError, match="days: 2 lies outside"):
        synthetic(simulated(model), {"T": 0.1}, days=(2.0,))


# The command


def test_the_command_and_its_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    setup = ["assimilate", "double_gyre", "--resolution", "5", "--days", "1", "--iterations", "3", "--quiet"]
    twin = [*setup, "--twin", "--controls", "nu_h,tau_x,T=0.3", "--output", "a.nc", "--history", "h.h5"]
    assert main(twin) == 0
    out = capsys.readouterr().out
    assert "truth" in out
    assert "rms error" in out
    with h5py.File("a.nc") as f:
        assert f["T"].shape == f["T_truth"].shape == (12, 6, 6)
        assert f["cost"].shape == (4,)
        assert np.all(np.diff(f["cost"][:]) < 0)
    assert (tmp_path / "a.png").exists()
    model = ogcm.setups.double_gyre(resolution=5.0)
    write("seen.nc", synthetic(simulated(model), {"T": 0.1}, days=(0.5, 1.0), every=2), model)
    assert main([*setup, "--observations", "seen.nc", "--controls", "kappa_v"]) == 0
    assert "kappa_v" in capsys.readouterr().out
    x = np.append(1e9, np.full(3, 1e6))  # one of four outside the grid
    write("seen.nc", [Points("T", x, *(np.full(4, a) for a in (1e6, -100.0, 1.0, 10.0, 0.5)))], model)
    assert main([*setup, "--observations", "seen.nc", "--controls", "kappa_v", "--overwrite"]) == 0
    out = capsys.readouterr().out
    assert "outside grid" in out
    assert "of 3 observations" in out
    assert main(twin) == 2
    assert "a.nc: exists" in capsys.readouterr().err
    for words, message in (
        (["--twin"], "controls: name what"),
        (["--controls", "nu_h"], "observations, twin: give --observations FILE"),
        (["--twin", "--controls", "nuh"], "did you mean 'nu_h'"),
        (["--twin", "--controls", "heat_flux"], "give the error of heat_flux"),
        (["--twin", "--controls", "T=warm"], "'T=warm' is not NAME=ERROR"),
        (["--observations", "none.nc", "--controls", "nu_h"], "none.nc: missing"),
    ):
        assert main([*setup, "--output", "b.nc", *words]) == 2
        assert message in capsys.readouterr().err


def test_scalars_of_the_wind_and_series_are_controls(tmp_path):
    """A number stays a number, a series a series; both reach a file and a picture."""
    series = ogcm.Series.monthly(np.full((12, 12, 16), 0.02) + 0.01 * WAVE)
    model = ocean(forcing=ogcm.Forcing(tau_x=0.1, tau_y=series))
    estimates = [Estimate("tau_x", 0.1), Estimate("tau_y", 0.1, length=3e4), Estimate("eos", 1e-3)]
    found = assimilate(BoxMean(model, "T"), simulated(model, 0.1), estimates, iterations=2)
    assert found["tau_x"].shape == ()
    assert found["tau_y"].shape == (12, 12, 16)
    estimate_file.save(tmp_path / "a.nc", found)
    output.draw(tmp_path / "a.png", found)
    assert "tau_x" in output.table(found)
