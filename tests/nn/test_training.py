"""Training through the stepper: gradients, skill, continuation, and messages for bad input."""

import json

import h5py
import numpy as np
import pytest

import ogcm
from adjoint.complex_step import STEP, complex_model
from adjoint.estimates import Estimate
from adjoint.gradient_check import check_controls
from nn import configuration, trained
from nn.corrector import Corrector
from nn.data import make_data
from nn.data_set import DataSet
from nn.evaluation import evaluate
from nn.optimizer import Adam
from nn.preparation import prepare
from nn.tendency_fit import TendencyFit
from nn.trainable import Trainable
from nn.training import Trainer, train
from nn.training_files import Iteration, resume_training, write_training
from nn.training_settings import TrainingSettings
from ogcm import files
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from ogcm.names import Claim
from tests.nn.test_corrector import corrected
from tests.ogcm.test_files import damages


def ocean(**options):
    """The coarse channel."""
    return ogcm.setups.channel(**({"resolution": 100.0, "dt": 7200.0} | options))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A data set of 120 days: the eddying channel at 25 km, on cells of 100 km."""
    path = tmp_path_factory.mktemp("data") / "channel.nc"
    fine = ogcm.setups.channel(resolution=25.0, dt=3600.0)
    make_data(fine, ocean(), path, days=120.0, every=1.0, spin_up=60.0, progress=False)
    return path


def trainable_of(path, *, estimates=(), seed=0, **options):
    """A channel with a corrector of a few features and outputs, and its data."""
    model = ocean()
    data = DataSet(path, model)
    chosen = {"features": ("velocity", "T", "eta", "place"), "outputs": ("stress", "T_flux", "T_flux_z")}
    model.corrector = Corrector(model, **(chosen | options), hidden=(24, 24), stencil="cross", seed=seed)
    prepare(model, data, data.split().train)
    return Trainable(model, estimates), data


QUICK = {"batch": 2, "rate": 3e-3, "warm_up": 3, "validate_every": 5, "validation_windows": 4}


@pytest.mark.parametrize("steps", [1, 10, pytest.param(100, marks=pytest.mark.slow)])
def test_gradient_through_many_steps_is_exact(steps):
    options = {"features": ("velocity", "T", "eta"), "outputs": ("stress", "T_flux"), "stencil": "cross"}
    model = corrected(ocean(advection="centred2", parameters={"kappa_convective": 1e-5}), **options)
    model.corrector.weights[...] *= 0.4  # with less, the remainder has a cubic part above round-off
    simulation = ogcm.Simulation(model, days=steps * model.numerics.dt / DAY, progress=False)
    assert simulation.steps == steps
    for name, check in check_controls(simulation, ["corrector", "nu4_h"]).items():
        assert check.influence, name
        assert check.error < (1e-12 if steps == 1 else 1e-10), name
        assert check.slope == pytest.approx(2.0, abs=0.1), name


@pytest.mark.slow
def test_corrector_beats_physics_on_held_out_days(path, tmp_path):
    trainable, data = trainable_of(path, estimates=[Estimate("nu4_h", 1.0, logarithm=True)])
    test, physics = data.split().test, ocean()
    settings = TrainingSettings(curriculum=((1, 20), (3, 40)), rates={"nu4_h": 10.0}, patience=0, **QUICK)
    trainer = train(trainable, data, settings, tmp_path, progress=False)
    errors = []
    for model in (physics, trainable.model):
        judge = Trainer(Trainable(model, [Estimate("nu4_h", 1.0)]), data, settings, tmp_path)
        judge.held_out = data.windows(test, 3)
        errors.append(judge.validation_loss())
    assert errors[1] < 0.95 * errors[0]
    assert trainer.best == min(line.validation for line in trainer.log if np.isfinite(line.validation))
    assert {p.name for p in tmp_path.iterdir()} == {"best.h5", "last.h5", "log.csv", "curves.png"}
    again = ocean()
    told = trained.load(tmp_path / "best.h5", again)
    assert json.loads(told["settings"])["batch"] == 2
    assert np.array_equal(again.corrector.weights, trainable.model.corrector.weights)
    assert again.parameters["nu4_h"][0, 5, 5] == trainable.model.parameters["nu4_h"][0, 5, 5]


@pytest.mark.slow
def test_a_single_window_is_fitted_closely(path, tmp_path):
    outputs = ("uv_tendency", "T_tendency")
    trainable, data = trainable_of(path, outputs=outputs, features=("velocity", "T"))
    options = {"batch": 1, "rate": 2e-2, "patience": 0, "weight_decay": 0.0, "fields": ("T",), "validate_every": 600}
    settings = TrainingSettings(curriculum=((1, 600),), **QUICK | options)
    trainer = Trainer(trainable, data, settings, tmp_path, train=range(0, 2), validation=range(90, 95))
    first = trainer.iterate().loss
    for _ in range(599):
        trainer.log.append(trainer.iterate())
        if trainer.log[-1].loss < 1e-3 * first:
            break
    assert trainer.log[-1].loss < 1e-3 * first


def test_a_fit_of_tendencies_learns_what_the_physics_lacks(path):
    outputs = ("uv_tendency", "T_flux", "T_flux_z")
    trainable, data = trainable_of(path, outputs=outputs, features=("velocity", "T"))
    model, part = trainable.model, data.split().train
    fit = TendencyFit(model, data, ("u", "v", "T"), {"T": 2.0}, data.statistics(part).tendency_deviation)
    first, g = fit(3)[0], fit(3)[1]["corrector"]
    d, weights = np.random.default_rng(0).normal(size=g.shape), model.corrector.weights
    weights += 0.1 * d
    loss, g = fit.loss(3), fit(3)[1]["corrector"]
    data.initialize(model, 3)
    tangent = complex_model(model, {"corrector": d})
    rates = fit.rates(tangent)
    exact = sum(loss.value(rates, record) for record in loss.all_records()).imag / STEP
    assert abs(exact - g @ d) < 1e-12 * np.abs(g * d).sum()
    weights -= 0.1 * d
    optimizer = Adam(5e-3)
    for _ in range(150):
        optimizer.step({"w": weights}, {"w": fit(3)[1]["corrector"]})
    assert fit(3)[0] < 0.1 * first


def test_without_dynamics_the_data_themselves_are_lacking(path):
    model = ocean(dynamics="none")
    data = DataSet(path, model)
    model.corrector = Corrector(model, features=("T",), outputs=("uv_tendency", "T_tendency", "eta_tendency"))
    part = data.split().train
    prepare(model, data, part)
    fit = TendencyFit(model, data, ("u", "v", "T", "eta"), {}, data.statistics(part).tendency_deviation)
    # The mean of the squares of what is scaled with its own standard deviation.
    assert np.mean([fit(n)[0] for n in data.windows(part, 1)]) == pytest.approx(1, abs=0.05)


def test_a_fit_that_fails_in_a_run_ends_no_stage(path, tmp_path):
    trainable, data = trainable_of(path)
    settings = TrainingSettings(curriculum=((0, 2), (1, 3)), **QUICK | {"patience": 1})
    trainer = Trainer(trainable, data, settings, tmp_path)
    for _ in range(2):
        trainer.log.append(trainer.iterate())
    first, trainer.best = trainer.optimizer, 0.0
    trainer.after_validation(np.inf)
    assert trainer.skipped == trainer.waited == 0
    assert trainer.optimizer is first
    trainer.log.append(trainer.iterate())
    assert trainer.log[-1].records == 1
    assert trainer.optimizer is not first
    assert trainer.optimizer.steps == 1


@pytest.mark.slow
def test_training_resumes_to_the_bit(path, tmp_path):
    options = {"noise": 0.02, "spectrum": 0.1, "conservation": 0.01, "validate_every": 2}
    settings = TrainingSettings(curriculum=((0, 2), (1, 3), (2, 3)), **QUICK | options)
    weights = []
    for name, stops in (("whole", [None]), ("parts", [5, None])):
        for n, stop in enumerate(stops):
            trainable, data = trainable_of(path, estimates=[Estimate("drag_linear", 1.0, logarithm=True)])
            trainer = Trainer(trainable, data, settings, tmp_path / name)
            trainer.folder.mkdir(exist_ok=True)
            if n:
                resume_training(trainer)
            if stop:
                stopped = trainer.iterate

                def iterate(trainer=trainer, stop=stop, stopped=stopped):
                    if len(trainer.log) == stop:
                        raise KeyboardInterrupt
                    return stopped()

                trainer.iterate = iterate
                with pytest.raises(KeyboardInterrupt):
                    trainer.run(progress=False)
            else:
                trainer.run(progress=False)
        weights.append([a.copy() for a in trainable.arrays.values()])
        assert len(trainer.log) == 8
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def test_parameters_alone_learn_within_their_bounds(path, tmp_path):
    model = ocean()
    data = DataSet(path, model)
    upper = 3 * float(model.parameters["nu4_h"][0, 5, 5])
    trainable = Trainable(model, [Estimate("nu4_h", 1.0, logarithm=True, upper=upper)])
    settings = TrainingSettings(curriculum=((1, 12),), **QUICK | {"rate": 0.5})
    trainer = train(trainable, data, settings, tmp_path, progress=False)
    z = trainable.arrays["nu4_h"]
    assert z != 0
    assert z <= np.log(3) + 1e-12
    assert trainer.best <= trainer.log[4].validation


def test_a_window_that_blows_up_is_named_and_the_best_weights_stay(path, tmp_path):
    trainable, data = trainable_of(path)
    trainable.model.corrector.set_scales({"T_flux": 1e9})
    settings = TrainingSettings(curriculum=((2, 50),), **QUICK | {"rate": 10.0, "warm_up": 0})
    with pytest.raises((ogcm.errors.BlowUpError, InputError), match=r"window of 2 records from record \d+ \(day"):
        train(trainable, data, settings, tmp_path, progress=False)
    model = ocean()
    trained.load(tmp_path / "best.h5", model)
    assert np.isfinite(model.corrector.weights).all()


def test_scales_are_those_of_the_data(path):
    data = DataSet(path, ocean())
    part = data.split().train
    scales, T = data.scales(part), np.stack([data.targets(n - 1, 1)["T"][0] for n in part if n])
    volume = data.volumes("T")[0]
    mean = (T[:, 0] * volume).sum((1, 2)).mean() / volume.sum()
    variance = ((T[:, 0] - mean) ** 2 * volume).sum((1, 2)).mean() / volume.sum()
    assert scales["T"][0] == pytest.approx(np.sqrt(variance), rel=0.02)


CONFIGURATION = """
[setup]
name = "channel"
resolution = 100.0
[numerics]
dt = 7200.0
[data]
file = "{path}"
[corrector]
features = ["velocity", "T"]
outputs = ["stress", "T_flux"]
hidden = [8]
stencil = "cross"
[learn]
nu4_h = 1.0
[training]
curriculum = [[1, 3]]
batch = 1
validate_every = 3
validation_windows = 2
"""


def test_commands_train_and_evaluate_a_file(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(CONFIGURATION.format(path=path))
    assert main(["train", "small.toml", "--quiet"]) == 0
    assert "after 3 iterations" in capsys.readouterr().out
    assert main(["train", "small.toml", "--quiet"]) == 2
    assert "small: holds a training; resume it" in capsys.readouterr().err
    assert main(["train", "small.toml", "--quiet", "--resume"]) == 0
    assert main(["evaluate", "small.toml", "--leads", "1,2", "--starts", "3"]) == 0
    printed = capsys.readouterr().out
    assert [name in printed for name in ("persistence", "climatology", "physics", "trained")] == [True] * 4
    assert {"scores.csv", "scores.png", "spectra.png"} <= {p.name for p in (tmp_path / "small").iterdir()}
    model = ocean()
    assert trained.load(tmp_path / "small" / "best.h5", model)["configuration"].startswith("\n[setup]")


def test_a_run_with_what_was_trained(path, tmp_path, monkeypatch):
    """`ogcm run --trained` steps the trained model, and the file that it leaves repeats the run."""
    monkeypatch.chdir(tmp_path)
    model = trainable_of(path)[0].model
    model.corrector.weights[...] += 0.01
    trained.save("best.h5", model)
    options = ["--resolution", "100", "--dt", "7200", "--days", "1", "--every", "1", "--quiet"]
    assert main(["run", "channel", "--trained", "best.h5", *options]) == 0
    assert main(["run", "channel.toml", "--output", "again.nc", "--quiet"]) == 0
    assert main(["run", "channel", *options, "--output", "plain.nc"]) == 0
    found = {}
    for name in ("channel", "again", "plain"):
        with h5py.File(f"{name}.nc") as f:
            found[name] = f["T"][-1]
    ogcm.Simulation(model, days=1, progress=False).run()
    expected = interior(model.state.T).astype(np.float32)
    np.testing.assert_array_equal(np.where(found["channel"] < 1e30, found["channel"], 0), expected)
    np.testing.assert_array_equal(found["again"], found["channel"])
    assert not np.array_equal(found["plain"], found["channel"])
    assert main(["run", "channel", "--trained", "other.h5", *options, "--overwrite"]) == 2


def test_persistence_and_climatology(path):
    model = ocean()
    data = DataSet(path, model)
    parts = data.split()
    results = evaluate({"physics": model}, data, parts, [1, 2], starts=2)
    starts = [parts.test.start, parts.test.stop - 3]
    volume = data.volumes("T")
    for lead in (1, 2):
        errors = [data.targets(n + lead - 1, 1)["T"][0] - data.targets(n - 1, 1)["T"][0] for n in starts]
        expected = np.sqrt(np.mean([(volume * e**2).sum() for e in errors]) / volume.sum())
        assert results["persistence"].rmse("T")[lead - 1, -1] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(results["climatology"].acc("T")[:, -1]).all()
    with pytest.raises(InputError, match="leads: give rising numbers"):
        evaluate({}, data, parts, [2, 1])


def prepared(file):
    """The model and the data of a training before its first run."""
    chosen = configuration.read(file)
    model = chosen.model()
    data, parts = chosen.data(model)
    return chosen.trainable(model, data, parts.train), chosen.settings()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"channel"', '"chanel"', r"wrong.toml: \[setup\] unknown setup 'chanel': did you mean 'channel'"),
        ("[learn]", "[lern]", r"unknown table \[lern\]: did you mean 'learn'"),
        ("batch = 1", "bach = 1", r"unknown 'bach' in \[training\]: did you mean 'batch'"),
        ("hidden = [8]", "hiden = [8]", r"unknown 'hiden' in \[corrector\]"),
        ('outputs = ["stress", "T_flux"]', "", "needs its outputs"),
        ("nu4_h = 1.0", "T = 1.0", "takes parameters and their errors"),
        ("file", "fil", r"unknown 'fil' in \[data\]"),
    ],
)
def test_mistakes_in_the_file_are_named(path, tmp_path, old, new, message):
    (tmp_path / "wrong.toml").write_text(CONFIGURATION.replace(old, new).replace("{path}", str(path)))
    with pytest.raises(InputError, match=message):
        prepared(tmp_path / "wrong.toml")


@pytest.mark.parametrize(
    ("table", "line", "words"),
    [
        ("setup", "name = []", r"\[setup\] needs the name of a setup, got name = \[\]"),
        ("setup", f"resolution = 1{'0' * 400}", r"\[setup\] resolution holds 1000"),
        ("data", "file = 3", r"file in \[data\] needs a value of type str, got 3"),
        ("data", "train = 'x'", r"train in \[data\] needs a value of type float, got 'x'"),
        ("corrector", "hidden = 'x'", r"hidden in \[corrector\] needs a value of type Sequence\[int\], got 'x'"),
        ("corrector", "hidden = [-1]", r"\[corrector\] sizes: give two or more positive integers"),
        ("corrector", "equivariant = 'yes'", r"equivariant in \[corrector\] needs a value of type bool"),
        ("corrector", "dtype = 'int'", "dtype: unknown 'int64': choose from float32, float64"),
        ("training", "batch = 2.5", r"batch in \[training\] needs a value of type int, got 2.5"),
        ("training", "curriculum = [[1.5, 2]]", r"curriculum in \[training\] needs a value of type tuple"),
        ("training", "weights = {T = 'x'}", r"weights in \[training\] needs a value of type Mapping\[str, float\]"),
        ("learn", f"nu4_h = 1{'0' * 400}", r"\[learn\] nu4_h holds 1000"),
    ],
)
def test_a_training_with_a_wrong_type_is_refused(path, tmp_path, table, line, words):
    tables = {
        "setup": {"name": "'channel'", "resolution": "100.0"}, "numerics": {"dt": "7200.0"},
        "data": {"file": f"'{path}'"},
        "corrector": {"features": "['velocity']", "outputs": "['stress']"}, "learn": {}, "training": {},
    }  # fmt: skip
    key, value = line.split(" = ", 1)
    tables[table][key] = value
    text = "".join(f"[{t}]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items()) for t, lines in tables.items())
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InputError, match=words):
        prepared(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": "x"}, "batch: needs a value of type int, got 'x'"),
        ({"curriculum": 3}, "curriculum: needs a value of type tuple"),
        ({"seed": -1}, "seed: must not be negative"),
        ({"optimizer": "rprop"}, "optimizer: 'rprop' does not exist; choose from sgd"),
        ({"curriculum": ()}, "curriculum: give stages"),
        ({"curriculum": ((0, 3),)}, "curriculum: give stages"),
        ({"curriculum": ((1, 3), (0, 3))}, "curriculum: give stages"),
        ({"curriculum": ((0,), (1, 3))}, "curriculum: needs a value of type tuple"),
        ({"curriculum": ((0, -1), (1, 3))}, "curriculum: give stages"),
        ({"batch": 0}, "batch: at least 1"),
        ({"rate": -1.0}, "rate: must be positive"),
        ({"noise": -1.0}, "noise: must not be negative"),
    ],
)
def test_bad_settings_are_named(options, message):
    with pytest.raises(InputError, match=message):
        TrainingSettings(**options)


def test_a_damaged_state_of_a_training_is_refused(path, tmp_path):
    trainable, data = trainable_of(path)
    trainer = Trainer(trainable, data, TrainingSettings(curriculum=((1, 1),), **QUICK), tmp_path)
    trainer.log.append(Iteration(1, 1, 0.5, 0.1, 1e-3, 0.4, 1.0))
    write_training(trainer)
    last = tmp_path / "last.h5"
    content, before = last.read_bytes(), trainable.model.corrector.weights.copy()
    resume_training(trainer)
    for damaged in damages(content, 60):
        last.write_bytes(damaged)
        with pytest.raises(FileError, match=r"last\.h5: (damaged|truncated)"):
            resume_training(trainer)
    last.write_bytes(content)
    with h5py.File(last, "r+") as f:
        f["learned/corrector"][3] = np.nan
    files.seal(last)
    with pytest.raises(FileError, match="learned/corrector holds numbers that are not finite"):
        resume_training(trainer)
    assert np.array_equal(trainable.model.corrector.weights, before)


def test_what_cannot_be_trained_is_refused(path, tmp_path):
    trainable, data = trainable_of(path)
    with pytest.raises(InputError, match="there is nothing to learn"):
        Trainable(ocean())
    with pytest.raises(InputError, match="train, validation: both hold"):
        Trainer(trainable, data, TrainingSettings(), tmp_path, train=range(0, 30), validation=range(25, 60))
    with pytest.raises(InputError, match="needs"):
        Trainer(trainable, data, TrainingSettings(curriculum=((110, 1),)), tmp_path)
    with pytest.raises(InputError, match="fields: w does not vary"):
        Trainer(trainable, data, TrainingSettings(fields=("w",)), tmp_path)
    (tmp_path / "last.h5").write_bytes(b"no")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "log.csv").write_text("my own")
    with pytest.raises(FileError, match=r"holds a training; .* \(log.csv would be replaced\)"):
        train(trainable, data, TrainingSettings(), tmp_path / "mine")
    with Claim(tmp_path / "training.lock"), pytest.raises(FileError, match=r"another run .* writes files of this name"):
        train(trainable, data, TrainingSettings(), tmp_path, overwrite=True)
    with pytest.raises(FileError, match="holds a training; resume it"):
        train(trainable, data, TrainingSettings(), tmp_path)
    with pytest.raises(FileError, match="truncated, or not the state of a training"):
        train(trainable, data, TrainingSettings(), tmp_path, resume=True)
