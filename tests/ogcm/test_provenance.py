"""Files record what was run; a TOML file claims to repeat a run only where it can."""

import json
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest

import ogcm
from nn import trained
from ogcm import config, files, provenance
from ogcm.cli import main
from ogcm.errors import FileError, InputError
from ogcm.restart import load_restart, save_restart
from ogcm.setups.recipe import recipe
from tests.oceans import rough_basin

DAYS = 2 / 24


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def gyre(**options):
    return ogcm.setups.double_gyre(**({"resolution": 3.0, "dt": 3600.0} | options))


def ran(model, name="a", **options):
    """The TOML of a run of two steps, and its final state."""
    simulation = ogcm.Simulation(model, days=DAYS, output=f"{name}.nc", progress=False, overwrite=True, **options)
    simulation.run()
    return tomllib.loads(Path(f"{name}.toml").read_text()), model.state.digest()


def repeated(name="a"):
    """The final state of a repetition by the command line."""
    assert main(["run", f"{name}.toml", "--output", "again.nc", "--overwrite", "--quiet"]) == 0
    model = gyre()
    load_restart("again.restart.h5", model)
    return model.state.digest()


def set_everywhere(model):
    model.parameters["nu_h"][...] = 5000.0


def test_a_parameter_that_was_changed_is_in_the_file():
    model = gyre()
    set_everywhere(model)
    tables, state = ran(model)
    assert tables["parameters"] == {"nu_h": 5000.0}
    assert repeated() == state
    assert state != ran(gyre(), "b")[1]


def test_what_changes_between_simulation_and_run_is_in_the_file():
    model = gyre()
    simulation = ogcm.Simulation(model, days=DAYS, output="a.nc", progress=False)
    set_everywhere(model)
    simulation.run()
    assert tomllib.loads(Path("a.toml").read_text())["parameters"] == {"nu_h": 5000.0}
    assert repeated() == model.state.digest()


def test_coefficients_of_the_equation_of_state_can_be_repeated():
    model = gyre()
    model.parameters["eos"][0] *= 1.5
    tables, state = ran(model)
    assert tables["parameters"]["eos"] == model.parameters["eos"].tolist()
    assert repeated() == state


def raise_map(model):
    model.parameters["nu_h"][:, :4] *= 2


def raise_T(model):
    model.state.T += 0.1


def more_wind(model):
    model.forcing.steady["tau_x"] *= 2


def turn(model):
    model.grid = model.grid._replace(f=-model.grid.f)


@pytest.mark.parametrize(
    ("change", "what"), [(raise_map, "nu_h"), (raise_T, "state"), (more_wind, "forcing"), (turn, "grid")]
)
def test_what_a_setup_cannot_make_is_recorded_and_not_promised(capsys, change, what):
    model = gyre()
    change(model)
    tables, _ = ran(model)
    text = Path("a.toml").read_text()
    assert text.startswith("# Written by ogcm: a record of what was run, which `ogcm run` cannot repeat.")
    assert tables["record"]["reason"] == f"{what} of the model changed after the setup double_gyre had made it"
    assert tables["numerics"] == json.loads(json.dumps(model.options()))
    assert main(["run", "a.toml"]) == 2
    said = capsys.readouterr().err
    assert f"a.toml: is the record of a run that cannot be repeated from it, since {what} of the model" in said
    assert len(said.strip().splitlines()) == 1


def test_a_second_run_begins_where_no_setup_does():
    model = gyre()
    ran(model)
    assert "record" in ran(model, "b")[0]
    assert "record" not in ran(gyre(), "c", restart="a.restart.h5")[0]
    load_restart("a.restart.h5", other := gyre())  # by hand: the file of the run does not know of it
    assert "record" in ran(other, "d")[0]


def test_a_model_from_arrays_is_recorded(capsys):
    model = rough_basin(
        parameters={"nu_h": np.full((12, 16), 250.0), "kappa_h": np.linspace(0, 50, 192).reshape(12, 16)}
    )
    tables, _ = ran(model)
    assert tables["record"]["reason"] == "the model was built in Python"
    assert tables["numerics"] == json.loads(json.dumps(model.options()))
    assert set(tables["parameters"]) == set(model.parameters)
    assert tables["parameters"]["nu_h"] == 250.0
    kappa = tables["parameters"]["kappa_h"]
    assert kappa["shape"] == [1, 12, 16]
    assert 0 <= kappa["minimum"] < kappa["mean"] < kappa["maximum"] <= 50
    assert tables["run"]["days"] == DAYS
    config.check_toml_replaceable(Path("a.toml"))
    assert main(["run", "a.toml"]) == 2
    assert "since the model was built in Python; run the program that made the model" in capsys.readouterr().err


def test_every_file_carries_what_was_used():
    model = gyre()
    raise_map(model)
    ran(model)
    found = []
    for name in ("a.nc", "a.restart.h5"):
        with h5py.File(name) as f:
            found.append((json.loads(f.attrs["numerics"]), json.loads(f.attrs["parameters"])))
    assert found[0] == found[1]
    numerics, parameters = found[0]
    assert numerics == model.options()
    assert set(parameters) == set(model.parameters)
    assert parameters["nu_h"]["maximum"] == 2 * parameters["nu_h"]["minimum"] == model.parameters["nu_h"].max()
    assert parameters["nu_v"] == 1e-4 or isinstance(parameters["nu_v"], float)
    other = gyre()
    raise_map(other)
    other.parameters["nu_h"][0, 8, 8] += 1
    assert provenance.parameter_summary(other, "nu_h")["digest"] != parameters["nu_h"]["digest"]


def test_land_counts_in_no_statistic():
    model = rough_basin()
    dry = model.grid.mask_t.max(axis=0) == 0
    model.parameters["nu_h"][:, dry] = np.nan
    assert provenance.parameter_summary(model, "nu_h") == 200.0


def test_what_was_trained_is_part_of_the_promise():
    model = gyre()
    set_everywhere(model)
    trained.save("best.h5", model, ["nu_h"])
    fresh = gyre()
    trained.load("best.h5", fresh)
    tables, state = ran(fresh)
    assert tables["setup"]["trained"] == "best.h5"
    assert repeated() == state
    changed = gyre()
    trained.load("best.h5", changed)
    changed.parameters["nu_h"][...] = 4000.0
    assert "nu_h" in ran(changed, "b")[0]["record"]["reason"]
    twice = gyre()
    trained.load("best.h5", twice)
    raise_map(model)
    trained.save("other.h5", model, ["nu_h"])
    with pytest.raises(InputError, match="nu_h"):
        trained.load("other.h5", rough_basin(parameters={"nu_h": np.full((12, 16), 1.0)}))


def test_a_setup_that_ignores_an_option_is_refused():
    def made(parameters, **numerics):
        grid = ogcm.cartesian(nx=4, ny=4, dx=1e4, dy=1e4)
        return ogcm.Model(grid, depth=10.0, dz=[10.0], parameters=parameters, **({"dt": 60.0} | numerics))

    @recipe(days=1.0)
    def honest(*, parameters=None, **numerics):
        return made(parameters, **numerics)

    @recipe(days=1.0)
    def deaf(*, parameters=None, **numerics):
        return made({})

    assert honest(parameters={"nu_h": 10.0}, dt=30.0).config["parameters"] == {"nu_h": 10.0}
    assert deaf(parameters={"nu_h": 0.0}).config["parameters"] == {"nu_h": 0.0}
    with pytest.raises(InputError, match=r"nu_h: deaf was given it, but its model has 0\.0; pass `parameters` to"):
        deaf(parameters={"nu_h": 10.0})
    with pytest.raises(InputError, match=r"dt: deaf was given 30\.0, but its model has 60\.0; pass further options to"):
        deaf(dt=30.0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[setup]\nname = []\n", "[setup] needs the name of a setup, got name = []"),
        ("[setup]\nname = 3\n", "[setup] needs the name of a setup, got name = 3"),
        ("[setup]\nname = {a = 1}\n", "[setup] needs the name of a setup, got name = {'a': 1}"),
        (f"[setup]\nname = 'double_gyre'\n[numerics]\ndt = 1{'0' * 400}\n", "c.toml: [numerics] dt holds 1"),
        (f"[setup]\nname = 'double_gyre'\n[numerics]\ndt = 1{'0' * 5000}\n", "cannot be read as a TOML"),
        (
            f"[setup]\nname = 'double_gyre'\n[numerics]\nbarotropic_steps = 1{'0' * 30}\n",
            "[numerics] barotropic_steps holds 1000",
        ),
        ("[setup]\nname = 'double_gyre'\n[numerics]\nadvection = ['upwind3']\n", "advection in [numerics] needs"),
        ("[setup]\nname = 'double_gyre'\n[parameters]\nnu_h = [1.0]\n", "nu_h in [parameters] needs"),
        (
            "[setup]\nname = 'double_gyre'\n[parameters]\neos = ['a']\n",
            "eos in [parameters] needs a value of type list[float], got ['a']",
        ),
        (
            "[setup]\nname = 'double_gyre'\n[run]\nvariables = [1]\n",
            "variables in [run] needs a value of type list[str], got [1]",
        ),
        ("[setup]\nname = 'double_gyre'\n[run]\nrestart = ['a']\n", "restart in [run] needs"),
        ("x = " + "[" * 5000 + "]" * 5000, "cannot be read as a TOML"),
        ("[[setup]]\nname = 'double_gyre'\n", "unknown table [setup]"),
    ],
)
def test_a_wrong_table_gets_one_line(capsys, content, words):
    Path("c.toml").write_text(content)
    assert main(["run", "c.toml"]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1


def test_a_foreign_file_as_restart_or_trained(capsys):
    with h5py.File("groups.h5", "w") as f:
        f.create_group("state/u")
    files.seal("groups.h5")
    for option in ("--restart", "--trained"):
        assert main(["run", "double_gyre", "--resolution", "3", option, "groups.h5", "--days", "1"]) == 2
        assert "groups.h5: not a" in capsys.readouterr().err


def test_no_file_holds_the_path_of_the_folder(tmp_path):
    save_restart("r.h5", gyre())
    with pytest.raises(FileError):
        load_restart("none.h5", gyre())
    ran(gyre())
    for name in ("r.h5", "a.nc", "a.toml", "a.restart.h5"):
        assert str(tmp_path).encode() not in Path(name).read_bytes()
