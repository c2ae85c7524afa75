"""Terms, operators, features and networks from outside the package: what is accepted, and right gradients."""

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import adjoint
import ogcm
from adjoint.gradient_check import check_controls, check_operators
from adjoint.losses import BoxMean
from adjoint.registry import PAIRS
from nn import trained
from nn.corrector import Corrector
from nn.features import FEATURES, Feature
from nn.network import NETWORKS, Network
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from ogcm.stepper import Stepper
from ogcm.terms import TERMS, add_registered
from tests.oceans import rough_basin


class Pull(ogcm.Term):
    """T drawn to 10 + weights[1] [degC], at the rate exp(weights[0]) in 10 days."""

    def __init__(self, model=None, first=0.0):
        self.weights = np.array([first, 0.0])
        self.other = np.arange(3.0)

    def rate(self):
        return np.exp(self.weights[0]) / 864e3

    def add(self, model, n, fluxes, D):
        wet = interior(model.grid.mask_t) > 0
        pull = interior(model.grid.h_t) * (10 + self.weights[1] - interior(n.T)) * self.rate()
        interior(D.T)[...] += np.where(wet, pull, 0)

    def add_ad(self, model, n, fluxes, D_ad, gradient):
        pull_ad = np.where(interior(model.grid.mask_t) > 0, interior(model.grid.h_t * D_ad.T), 0) * self.rate()
        interior(gradient.state.T)[...] -= pull_ad
        gradient.weights[0] += (pull_ad * (10 + self.weights[1] - interior(n.T))).sum()
        gradient.weights[1] += pull_ad.sum()


class Push:
    """A term that is no subclass of Term, with the least that a model needs."""

    def add(self, model, n, fluxes, D):
        interior(D.u)[...] += 1e-6 * interior(model.grid.mask_u)


class Tanh(Network):
    """y = tanh(A x)."""

    def __init__(self, inputs, outputs, **others):
        self.shape, self.weights = (outputs, inputs), np.zeros(inputs * outputs)

    def forward(self, x):
        return np.tanh(self.weights.reshape(self.shape) @ x)

    def backward(self, x, y_ad, weights_ad):
        A = self.weights.reshape(self.shape)
        z_ad = (1 - np.tanh(A @ x) ** 2) * y_ad
        weights_ad += (z_ad @ x.T).ravel()
        return A.T @ z_ad


def depth_of_surface(model, n, fluxes, out):
    out[0] = np.where(model.grid.mask_t[0], n.eta**2, 0)


def depth_of_surface_back(model, n, fluxes, out_ad, gradient):
    gradient.state.eta[...] += np.where(model.grid.mask_t[0], 2 * n.eta * out_ad[0], 0)


SQUARE = Feature({"square": "m2"}, False, depth_of_surface, depth_of_surface_back, scalar=True)


@pytest.fixture
def own():
    """Registries whose new entries are removed after the test."""
    tables = (PAIRS, TERMS, FEATURES, NETWORKS)
    before = [dict(table) for table in tables]
    FEATURES.register("square", SQUARE)
    NETWORKS.register("tanh", Tanh)
    TERMS.register("pull", Pull)
    yield
    for table, entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)


def run_of(model, steps=3):
    return ogcm.Simulation(model, days=steps * model.numerics.dt / DAY, progress=False)


def learned(model):
    """The model with a corrector of an own feature and network, and a term; all weights random."""
    options = {"features": ("T", "square"), "outputs": ("T_flux",), "network": "tanh", "scales": {"T_flux": 1e-4}}
    model.corrector = Corrector(model, stencil="cross", **options)
    model.corrector.set_normalisation(model, [model.state])
    model.terms["pull"] = Pull(first=0.3)
    model.corrector.weights[...] = 0.3 * np.random.default_rng(0).normal(size=model.corrector.weights.shape)
    return model


def test_terms_add_up_in_a_step():
    """Two terms act together as each does alone; they may be arguments of the model."""
    depth = interior(rough_basin().grid.depth_t)
    models = {}
    for name, terms in (("none", {}), ("one", {"pull": Pull()}), ("two", {"pull": Pull(), "push": Push()})):
        models[name] = rough_basin(terms=terms, depth=depth)
        Stepper(models[name]).step()
    none, one, two = (models[name].state for name in ("none", "one", "two"))
    wet = interior(models["none"].grid.mask_t) > 0
    T = interior(rough_basin().state.T)
    expected = 600.0 * (10 - T) / 864e3
    moved = interior(one.T - none.T)
    assert np.abs(moved - expected)[wet].max() < 0.02 * np.abs(expected[wet]).max()  # the rest of the step mixes it
    assert interior(two.u - one.u)[interior(models["none"].grid.mask_u) > 0].min() > 0
    assert np.array_equal(models["two"].terms["pull"].weights, [0, 0])


@pytest.mark.usefixtures("own")
def test_gradients_of_all_terms_are_those_of_the_complex_step():
    checks = check_controls(run_of(learned(rough_basin())), ["T", "eta", "kappa_v", "corrector", "pull"])
    assert all(check.passed and check.influence for check in checks.values()), checks


def test_a_term_without_its_name_in_the_controls_changes_no_gradient():
    """The gradient with respect to T is that of the whole step, asked alone or with others."""
    model = rough_basin(terms={"pull": Pull(first=2.0)})
    loss = BoxMean(model, "T", z=(-200, 0))
    alone, both = (adjoint.gradient(loss, run_of(model), names) for names in (["T"], ["T", "pull"]))
    assert np.array_equal(alone["T"], both["T"])
    assert both["pull"].shape == (2,)


def test_the_tangent_of_a_run_with_a_plain_term():
    model = rough_basin(terms={"pull": Pull()})
    change = adjoint.tangent(run_of(model), {"pull": np.array([0.0, 1.0])})
    wet = interior(model.grid.mask_t) > 0
    mean = (interior(change.T) * interior(model.grid.h_t))[wet].sum() / interior(model.grid.h_t)[wet].sum()
    assert mean == pytest.approx(1800 / 864e3, rel=0.02)  # three steps of 600 s towards 1 K more
    adjoint.tangent(run_of(rough_basin(terms={"push": Push()})), {"T": np.zeros((5, 12, 16))})  # it has no weights
    model.terms["push"] = Push()
    model.terms["push"].weights = np.zeros(1)
    with pytest.raises(InputError, match=r"push: Push has no 'astype'.*ogcm\.Term"):
        adjoint.tangent(run_of(model), {"T": np.zeros((5, 12, 16))})


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"a": object()}, r"a: needs a method add\(model, state, fluxes, D\), got <object"),
        ({"a": None}, r"a: needs a method add\(.*got None"),
        ({"a": Pull}, r"a: Pull is a class; give the model an object, Pull\(\.\.\.\)"),
        ({"nu_h": Push()}, "terms: 'nu_h' cannot be the name of a term"),
        ({"T": Push()}, "terms: 'T' cannot be"),
        ({"two words": Push()}, "terms: 'two words' cannot be"),
        ({1: Push()}, "terms: 1 cannot be"),
        ([Push()], "terms: give them by name"),
        (Push(), "terms: give them by name"),
    ],
)
def test_what_is_no_term_is_refused_when_the_model_is_made(terms, message):
    with pytest.raises(InputError, match=message):
        rough_basin(terms=terms)


def test_what_is_no_term_is_refused_before_a_run():
    model = rough_basin()
    model.terms["a"] = object()
    with pytest.raises(InputError, match=r"a: needs a method add\(model, state, fluxes, D\), got <object"):
        run_of(model)
    with pytest.raises(InputError, match=r"corrector: needs a method add\(.*got 3"):
        rough_basin(corrector=3)
    model = rough_basin(terms={"push": Push()})
    loss, run = BoxMean(model, "T"), run_of(model)
    with pytest.raises(InputError, match="push: Push has no 'weights', and without its adjoint"):
        adjoint.gradient(loss, run, "T")
    model.terms["push"].weights, model.terms["push"].add_ad = np.zeros(0), None
    with pytest.raises(InputError, match="the term push of this model has no weights"):
        adjoint.gradient(loss, run, "push")


def test_the_corrector_is_the_term_of_that_name():
    one, other = Pull(), Pull()
    model = rough_basin(terms={"pull": one}, corrector=other)
    assert model.corrector is other
    assert list(model.terms) == ["pull", "corrector"]
    model.corrector = None
    assert model.terms == {"pull": one}
    assert model.corrector is None


def test_ogcm_keeps_its_names(own):
    for table, name in ((PAIRS, "stretch"), (FEATURES, "T"), (NETWORKS, "mlp")):
        with pytest.raises(InputError, match=f"{name}' is reserved for an entry of ogcm"):
            table.register(name, None)
    with pytest.raises(InputError, match="'a b' is not a name"):
        TERMS.register("a b", Pull)
    TERMS.register("pull", Pull)  # once more, as in a notebook
    with pytest.raises(InputError, match="term: unknown 'pul': did you mean 'pull'"):
        add_registered(rough_basin(), "pul")
    with pytest.raises(InputError, match="operator: unknown 'strech': did you mean 'stretch'"):
        check_operators(["strech"])


@pytest.mark.usefixtures("own")
def test_a_network_of_another_size_is_refused():
    NETWORKS.register("wrong", lambda inputs, outputs, **others: Tanh(inputs, outputs + 1))
    NETWORKS.register("none", lambda inputs, outputs, **others: object())
    with pytest.raises(
        InputError, match=r"network: wrong makes \(\d+, 2\) of 2 samples of \d+ inputs; .* need \(\d+, 2\)"
    ):
        Corrector(rough_basin(), features=("T",), outputs=("T_flux",), network="wrong")
    with pytest.raises(InputError, match="network: none has no 'weights'"):
        Corrector(rough_basin(), features=("T",), outputs=("T_flux",), network="none")
    with pytest.raises(InputError, match="network: unknown 'mlpp': did you mean 'mlp'"):
        Corrector(rough_basin(), features=("T",), outputs=("T_flux",), network="mlpp")


def test_all_that_was_learned_comes_back_from_a_file(own, tmp_path):
    model = learned(rough_basin())
    trained.save(tmp_path / "t.h5", model)
    filled = rough_basin(terms={"pull": Pull(first=9.0)})
    for again in (rough_basin(), filled):  # made by the table, and filled where it is
        trained.load(tmp_path / "t.h5", again)
        assert set(again.terms) == {"corrector", "pull"}
        for name, term in model.terms.items():
            assert np.array_equal(again.terms[name].weights, term.weights), name
        states = []
        for m in (learned(rough_basin()), again):
            Stepper(m).step()
            states.append(m.state.digest())
        assert states[0] == states[1]


def test_a_file_names_what_is_not_registered_and_imports_nothing(own, tmp_path):
    path, module = tmp_path / "t.h5", __name__
    trained.save(path, learned(rough_basin()))
    del TERMS["pull"]
    with pytest.raises(
        InputError, match=f"holds the term 'pull', a Pull of the module {module}, which this model lacks"
    ):
        trained.load(path, rough_basin())
    model = rough_basin(terms={"pull": Corrector(rough_basin(), features=("T",), outputs=("T_flux",))})
    with pytest.raises(InputError, match="the model has another of that name"):
        trained.load(path, model)
    assert not np.any(model.terms["pull"].network.stages[-1].network.layers[-1][0])
    del FEATURES["square"]
    with pytest.raises(InputError, match=f"was trained with 'square', which the module {module} registers"):
        trained.load(path, rough_basin(terms={"pull": Pull()}))


def test_damaged_weights_of_a_term_are_refused(own, tmp_path):
    model = rough_basin(terms={"pull": Pull()})
    with h5py.File(tmp_path / "g.h5", "w") as f:
        for n, weights in enumerate(([np.nan, 0.0], [1.0, 2.0, 3.0])):
            f[f"{n}/weights"] = weights
            with pytest.raises(ValueError, match=r"must be \(2,\) finite numbers"):
                model.terms["pull"].load(f[str(n)])
    model.terms["push"] = Push()
    with pytest.raises(InputError, match="push: Push has no 'save'"):
        trained.save(tmp_path / "t.h5", model)


MODULE = """
import numpy as np
import ogcm
from ogcm.grid import interior
from ogcm.terms import TERMS

class Warm(ogcm.Term):
    def __init__(self, model):
        self.weights = np.zeros(1)

    def add(self, model, n, fluxes, D):
        interior(D.T)[...] += interior(model.grid.h_t) * 1e-6 * np.exp(self.weights)

    def add_ad(self, model, n, fluxes, D_ad, gradient):
        gradient.weights[...] += (interior(model.grid.h_t * D_ad.T) * 1e-6 * np.exp(self.weights)).sum()

TERMS.register("warm", Warm)
"""
WAVE = ["gravity_wave", "--cells", "8", "--equation_of_state", "linear", "--quiet"]


@pytest.fixture
def module(tmp_path, monkeypatch, own):
    """A file of a user in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("warming.py").write_text(MODULE)
    yield "warming.py"
    sys.modules.pop("warming", None)


def test_commands_take_a_module_and_its_terms(module, capsys):
    chosen = ["--steps", "2", "--controls", "warm,T", "--operators", "depth_mean"]
    assert main(["check-gradients", *WAVE, "--module", module, "--terms", "warm", *chosen]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("warm")).endswith("ok")
    assert main(["run", *WAVE, "--days", "0.01", f"--module={module}", "--terms", "warm"]) == 0
    assert 'terms = "warm"' in Path("gravity_wave.toml").read_text()
    TERMS.pop("warm")
    sys.modules.pop("warming")
    again = ["run", "gravity_wave.toml", "--output", "again.nc", "--quiet"]
    assert main(again) == 2  # the file alone imports nothing
    assert "term: unknown 'warm'" in (message := capsys.readouterr().err)
    assert "--module FILE.py" in message
    assert main([*again, "--module", module]) == 0
    with h5py.File("gravity_wave.nc") as one, h5py.File("again.nc") as other:
        assert np.array_equal(one["T"][()], other["T"][()])


def test_modules_that_cannot_be_are_refused(module, capsys):
    Path("nn.py").write_text("")
    Path("broken.py").write_text("1/0\n")
    for file, words in (
        ("none.py", "none.py is not a Python file that exists"),
        ("warming", "is not a Python file"),
        ("nn.py", "'nn', which is taken; rename it"),
        ("broken.py", "broken.py fails in line 1 with ZeroDivisionError: division by zero"),
        ("", "--module: needs the name of a Python file"),
    ):
        assert main(["run", *WAVE, "--module", *filter(None, [file])]) == 2
        assert words in capsys.readouterr().err
    assert "broken" not in sys.modules


def test_a_file_that_is_no_file_of_weights_is_refused(tmp_path):
    (tmp_path / "x.h5").write_bytes(b"no")
    with pytest.raises(FileError, match=r"x\.h5"):
        trained.load(tmp_path / "x.h5", rough_basin())
