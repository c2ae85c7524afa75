"""Copies of a model, and ensembles: members differ, each can be repeated alone, and files record how."""

import os
from pathlib import Path

import numpy as np
import pytest

import nn
import ogcm
from ogcm import config, ensemble, provenance
from ogcm.backend import Kernel
from ogcm.cli import main
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from ogcm.perturbation import perturb_state
from tests.oceans import rough_basin
from tests.ogcm.test_simulation import QUIET, disturb, opened, small

SIZES = {"T": 0.01, "u": 1e-3}
RUN = {"days": 0.25, "every": 0.125, "output_precision": "float64"} | QUIET
GYRE = ["run", "double_gyre", "--resolution", "3", "--dt", "3600", "--every", "0.125", "--quiet"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# Copies


class Memory(ogcm.Term):
    """A term with an array that changes in each step."""

    def __init__(self, model):
        self.mean = model.state.T.copy()

    def add(self, model, n, fluxes, D):
        self.mean += 0.1 * (n.T - self.mean)
        interior(D.T)[...] += 1e-4 * interior(self.mean - n.T)


def loaded(**options):
    """A model with everything that a copy must copy: further tracers, terms, a corrector, a series, a function."""
    model = rough_basin(**options)
    model.add_tracer("age", ogcm.Age())
    model.terms["memory"] = Memory(model)
    model.corrector = nn.Corrector(model, features=("velocity", "T"), outputs=("stress", "T_flux"), hidden=(8,))
    model.corrector.weights[...] = 0.01 * np.random.default_rng(0).normal(size=model.corrector.weights.shape)
    return model


def arrays(thing, grid, path="", seen=None):
    """All arrays that can be reached from a model, with the attributes that lead to them, apart from its grid."""
    seen = {id(grid)} if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        yield path, thing
    elif isinstance(thing, dict):
        for name, part in thing.items():
            yield from arrays(part, grid, f"{path}.{name}", seen)
    elif isinstance(thing, list | tuple):
        for n, part in enumerate(thing):
            yield from arrays(part, grid, f"{path}[{n}]", seen)
    elif type(thing).__module__.startswith(("ogcm", "nn", "tests")) and not isinstance(thing, Kernel | type):
        yield from arrays(vars(thing), grid, path, seen)


CONSTANT = (".dz", ".horizontal", ".sampling", ".corrector.thickness", ".corrector.levels", ".forcing.horizontal")


@pytest.mark.parametrize("options", [{}, {"integrator": "ab2"}, {"vertical_mixing": "tke"}, {"precision": "float32"}])
def test_a_copy_runs_as_the_model_and_shares_nothing_that_changes(options):
    model = loaded(**options)
    stepper = ogcm.Stepper(model)
    for _ in range(3):
        stepper.step()
    other = model.copy()
    mine, its = dict(arrays(model, model.grid)), dict(arrays(other, model.grid))
    assert mine.keys() == its.keys()
    shared = [
        name for name, a in mine.items() if np.shares_memory(a, its[name]) and not any(c in name for c in CONSTANT)
    ]
    assert not shared
    assert {".state.T", ".state.age", ".parameters.nu_h", ".terms.memory.mean", ".forcing.steady.tau_x"} <= mine.keys()
    assert ".terms.corrector.network.weights" in mine
    assert other.grid is model.grid
    alone = ogcm.Stepper(other)
    for _ in range(4):
        alone.step()
    assert other.state.step == model.state.step + 4
    for _ in range(4):
        stepper.step()
    assert other.state.digest() == model.state.digest()
    assert other.state.time == model.state.time


def test_a_change_of_a_copy_leaves_the_model():
    model = ogcm.Model(
        ogcm.cartesian(nx=6, ny=5, dx=1e4, dy=1e4, f0=1e-4),
        depth=100.0,
        dz=[40.0, 60.0],
        forcing=ogcm.Forcing(tau_x=ogcm.Series.monthly(np.full((12, 5, 6), 0.1)), tau_y=lambda x, y, t: 0 * x),
        dt=600.0,
    )
    model.places["transport"] = {"y": 3e4}
    model.config, model.marks = {"options": {"wind": 0.1}}, {"state": "a"}
    before, config_before = provenance.marks(model), repr((model.config, model.places, model.marks))
    other = model.copy()
    other.state.T[...] += 1
    other.parameters["nu_h"][...] *= 2
    other.forcing.series["tau_x"].values[...] = 0
    other.forcing.steady["heat_flux"][...] = 3
    other.config["options"]["wind"], other.places["transport"]["y"], other.marks["state"] = 3.0, 0.0, ""
    other.add_tracer("age", ogcm.Age())
    other.terms["none"] = Memory(other)
    other.set(eta=1.0)
    assert provenance.marks(model) == before
    assert repr((model.config, model.places, model.marks)) == config_before
    assert (model.further_tracers, model.terms) == ({}, {})
    assert "age" not in model.parameter_shapes
    ogcm.Simulation(small().copy(), **RUN, output="a.nc").run()  # a copy of a setup can be repeated as well
    assert config.read("a.toml")["setup"]["name"] == "double_gyre"


# Perturbations


def test_noise_has_its_size_and_lies_in_water_alone():
    model = rough_basin()
    plain, mask = model.state.copy(), model.grid.mask_t
    perturb_state(model, {"T": 0.02, "v": 0.003, "eta": 0.1}, 3)
    for name, size, wet in (("T", 0.02, mask), ("v", 0.003, model.grid.mask_v), ("eta", 0.1, mask[0])):
        noise, wet = interior(getattr(model.state, name) - getattr(plain, name)), interior(wet) == 1
        assert not noise[~wet].any()
        n = wet.sum()
        assert noise[wet].std() == pytest.approx(size, rel=4 / np.sqrt(2 * n))
        assert abs(noise[wet].mean()) < 4 * size / np.sqrt(n)
        layers = noise.reshape(-1, *noise.shape[-2:])
        assert len(np.unique(noise[wet])) == n, "independent in each cell"
        assert np.isfinite(layers).all()
    for name in ("u", "S"):
        np.testing.assert_array_equal(getattr(model.state, name), getattr(plain, name))
    x = model.state.T  # periodic along x: the halo holds the noise as well
    np.testing.assert_array_equal(x[:, 3:-3, :3], x[:, 3:-3, -6:-3])


def test_noise_depends_on_the_member_and_the_field_alone():
    states = {}
    for member, sizes in ((1, {"T": 0.01}), (1, {"u": 0.1, "T": 0.01}), (2, {"T": 0.01}), (1, {"T": 0.02})):
        model = rough_basin()
        plain = model.state.T.copy()
        perturb_state(model, sizes, member)
        states[member, *sizes, sizes["T"]] = interior(model.state.T - plain)
    one, with_u, two, twice = states.values()
    np.testing.assert_array_equal(one, with_u)
    np.testing.assert_allclose(2 * one, twice, atol=1e-13)
    wet = interior(model.grid.mask_t) == 1
    assert abs(np.corrcoef(one[wet], two[wet])[0, 1]) < 0.2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"perturb": {"t": 0.1}}, "perturb: 't' cannot be perturbed: choose from u, v, eta, T, S"),
        ({"perturb": {"tau_x": 0.1}}, "'tau_x' cannot be perturbed"),
        ({"perturb": {"T": -0.1}}, "perturb: T needs a positive standard deviation in its units, got -0.1"),
        ({"perturb": {"T": "0.1"}}, "perturb: T: needs a number, got '0.1'"),
        ({"perturb": {"T": np.nan}}, "perturb: T: needs a number, got nan"),
        ({"perturb": {}}, r"perturb: needs fields and sizes such as \{'T': 0.01\}, got \{\}"),
        ({"perturb": ["T"]}, "perturb: needs fields and sizes"),
        ({"perturb": {"T": 0.1}, "member": 0}, "members are numbered from 1, got 0"),
        ({"perturb": {"T": 0.1}, "member": 1.5}, "member: needs a whole number, got 1.5"),
        ({"perturb": {"S": 500.0}}, "S: "),
    ],
)
def test_perturbations_that_cannot_be_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        ogcm.Simulation(small(), days=1, **options, **QUIET)
    assert not os.listdir()


# Ensembles


def last(path, name="T"):
    with opened(path) as d:
        return d[name][-1].values


def test_members_differ_and_each_can_be_repeated_alone():
    model = small()
    before = model.state.digest()
    written = ogcm.run_ensemble(model, members=3, perturb=SIZES, output="gyre.nc", **RUN)
    assert [str(path) for path in written] == ["gyre_001.nc", "gyre_002.nc", "gyre_003.nc"]
    assert model.state.digest() == before
    assert model.state.time == 0
    fields = [last(path) for path in written]
    assert all(np.nanmax(np.abs(a - b)) > 0.01 for n, a in enumerate(fields) for b in fields[:n])
    alone = small()
    ogcm.Simulation(alone, perturb=SIZES, member=2, **RUN).run()
    assert f"# gyre_002.nc: member 2, day 0.25, state {alone.state.digest()}\n" in Path("gyre.toml").read_text()
    ogcm.run_ensemble(small(), members=1, perturb=SIZES, output="first.nc", **RUN)  # fewer members are the same ones
    np.testing.assert_array_equal(last("first_001.nc"), fields[0])
    assert main(["run", "gyre_003.toml", "--output", "again.nc", "--quiet"]) == 0
    np.testing.assert_array_equal(last("again.nc"), fields[2])
    assert main(["run", "gyre.toml", "--output", "all.nc", "--quiet"]) == 0  # the record repeats the ensemble
    for n in (1, 2, 3):
        np.testing.assert_array_equal(last(f"all_00{n}.nc"), fields[n - 1])


def test_the_command():
    assert main([*GYRE, "--days", "0.25", "--members", "2", "--perturb", "T=0.01,u=1e-3"]) == 0
    assert sorted(Path().glob("double_gyre*.nc")) == [Path("double_gyre_001.nc"), Path("double_gyre_002.nc")]
    tables = config.read("double_gyre.toml")
    assert (tables["run"]["members"], tables["run"]["perturb"]) == (2, SIZES)
    assert "member" not in tables["run"]
    tables = config.read("double_gyre_002.toml")
    assert (tables["run"]["member"], tables["run"]["perturb"]) == (2, SIZES)
    assert "members" not in tables["run"]
    assert main([*GYRE, "--days", "0.25", "--member", "2", "--perturb", "T=0.01,u=1e-3", "--output", "two.nc"]) == 0
    np.testing.assert_array_equal(last("two.nc"), last("double_gyre_002.nc"))


def test_a_member_is_continued_without_new_noise():
    perturbed = [*GYRE, "--member", "2", "--perturb", "T=0.01"]
    assert main([*perturbed, "--days", "0.5", "--output", "whole.nc"]) == 0
    assert main([*perturbed, "--days", "0.25", "--output", "legs.nc"]) == 0
    assert main(["run", "legs.toml", "--output", "legs.nc", "--restart", "legs.restart.h5", "--quiet"]) == 0
    with opened("whole.nc") as whole, opened("legs.nc") as legs:
        np.testing.assert_array_equal(whole.T, legs.T)
    assert main(["run", "legs.toml", "--output", "again.nc", "--quiet"]) == 0  # that of the whole run
    np.testing.assert_array_equal(last("again.nc"), last("whole.nc"))
    simulation = ogcm.Simulation(small(), perturb={"T": 0.01}, member=2, output="twice.nc", **RUN)
    simulation.run()
    simulation.run()
    np.testing.assert_array_equal(last("twice.nc").astype("float32"), last("whole.nc"))
    assert main(["run", "twice.toml", "--output", "thrice.nc", "--quiet"]) == 0
    np.testing.assert_array_equal(last("thrice.nc"), last("twice.nc"))


def test_an_ensemble_from_a_restart():
    assert main([*GYRE, "--days", "0.25", "--output", "spin_up.nc"]) == 0
    forecast = [*GYRE, "--days", "0.25", "--restart", "spin_up.restart.h5", "--perturb", "T=0.01"]
    assert main([*forecast, "--members", "2", "--output", "f.nc"]) == 0
    with opened("f_001.nc") as d:
        np.testing.assert_allclose(d.time, [0.25, 0.375, 0.5])
    assert np.nanmax(np.abs(last("f_001.nc") - last("f_002.nc"))) > 0.01
    assert main(["run", "f_002.toml", "--output", "again.nc", "--quiet"]) == 0
    np.testing.assert_array_equal(last("again.nc"), last("f_002.nc"))


def test_a_model_without_a_setup_leaves_records():
    model = small()
    model.set(T=5.0)  # the setup has another temperature
    ogcm.run_ensemble(model, members=1, perturb=SIZES, output="a.nc", **RUN)
    for name in ("a.toml", "a_001.toml"):
        with pytest.raises(InputError, match="state of the model changed after the setup double_gyre had made it"):
            config.read(name)
    assert "# a_001.nc: member 1, day 0.25" in Path("a.toml").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--members", "0", "--perturb", "T=0.01"], "members: needs a positive number, got 0"),
        (["--members", "2"], "perturb: needs fields and sizes"),
        (["--members", "2", "--perturb", "T"], "--perturb: needs FIELD=SIZE, such as T=0.01,S=0.001, got 'T'"),
        (["--members", "2", "--perturb", "T=a"], "--perturb: needs FIELD=SIZE"),
        (["--members", "2", "--perturb", "Temp=1"], "perturb: 'Temp' cannot be perturbed"),
        (["--members", "2", "--member", "1", "--perturb", "T=1"], "member: cannot be given to an ensemble"),
        (["--members", "2", "--perturb", "T=0.1", "--variables", "vv"], "did you mean 'v'?"),
    ],
)
def test_ensembles_that_cannot_be_are_refused(options, words, capsys):
    assert main([*GYRE, *options, "--days", "0.25"]) == 2
    assert words in capsys.readouterr().err
    assert not os.listdir()


def test_no_member_runs_where_a_file_of_one_exists():
    Path("gyre_002.nc").write_text("mine")
    with pytest.raises(FileError, match=r"gyre_002\.nc: exists; choose another name or pass overwrite"):
        ogcm.run_ensemble(small(), members=2, perturb=SIZES, output="gyre.nc", **RUN)
    with pytest.raises(FileError, match=r"gyre_002\.nc: ogcm did not write it"):
        ogcm.run_ensemble(small(), members=2, perturb=SIZES, output="gyre.nc", overwrite=True, **RUN)
    assert os.listdir() == ["gyre_002.nc"]
    Path("gyre_002.nc").unlink()
    for overwrite in (False, True):
        ogcm.run_ensemble(small(), members=2, perturb=SIZES, output="gyre.nc", overwrite=overwrite, **RUN)
    with pytest.raises(InputError, match="writers: cannot be given to an ensemble"):
        ogcm.run_ensemble(small(), members=2, perturb=SIZES, writers={"a": ogcm.NetCDFWriter("a.nc")}, **RUN)


def test_the_members_beside_one_that_blows_up_are_complete(monkeypatch, capsys):
    honest, options = ensemble.Simulation, [*GYRE, "--days", "0.25", "--members", "3", "--perturb", "T=0.01"]

    def simulation(model, *, member, **options):
        made = honest(model, member=member, **options)
        if member == 2:
            disturb(made, 3, lambda state: state.T.__setitem__((2, 7, 8), np.nan))
        return made

    monkeypatch.setattr(ensemble, "Simulation", simulation)
    assert main([*options, "--output", "e.nc"]) == 1
    error = capsys.readouterr().err
    assert "1 of 3 members blew up (2), the others are complete; member 2: " in error
    record = Path("e.toml").read_text()
    assert "# e_002.nc: member 2, blew up" in record
    assert "# e_003.nc: member 3, day 0.25, state" in record
    assert Path("e_003.nc").exists()
