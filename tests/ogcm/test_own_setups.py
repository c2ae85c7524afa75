"""Setups in files of users: written, found, refused, and taken by every command like those of ogcm."""

import ast
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

import ogcm
from nn.commands import coarse_model
from ogcm import config
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError
from ogcm.restart import save_restart
from ogcm.setups import SETUPS
from ogcm.setups.own import find_setup, source_of_setup, write_setup
from tests.ogcm.test_setups import TINY

ROOT = Path(__file__).resolve().parents[2]
POND = """import ogcm


@ogcm.recipe(days=0.5)
def pond(*, resolution: float = 1e3, deep=False, heat: float = 0.0, parameters=None, **numerics):
    \"\"\"Make a pond.\"\"\"
    n = round(8e3 / resolution)
    grid = ogcm.cartesian(nx=n, ny=n, dx=resolution, dy=resolution, f0=1e-4)
    settings = {"dt": 60.0} | numerics
    return ogcm.Model(
        grid,
        depth=20.0 if deep else 10.0,
        dz=[5.0, 15.0],
        T=lambda x, y, z: 10 + 0.1 * z,
        forcing=ogcm.Forcing(tau_x=lambda x, y: 0.01 * y / 8e3, heat_flux=heat),
        parameters={"nu_h": 10.0, "kappa_h": 10.0} | dict(parameters or {}),
        **settings,
    )
"""
SMALL = ["--resolution", "2000", "--quiet"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """A working directory with a setup; modules that a test imports from it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    Path("my_pond.py").write_text(POND)
    yield
    forget_modules(tmp_path)


def forget_modules(folder):
    """Forget the modules that were imported from a folder, as a new process would."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(f"{folder}{os.sep}"):
            del sys.modules[name]


# A file to start from


@pytest.mark.parametrize("name", TINY)
def test_the_file_that_is_written_is_the_setup(name):
    write_setup("my_ocean.py", name)
    mine = find_setup("my_ocean.py")
    assert mine is find_setup(f"my_ocean.py:{name}")
    assert mine.days == SETUPS[name].days
    ours, own = SETUPS[name](**TINY[name]), mine(**TINY[name])
    assert own.state.digest() == ours.state.digest()
    assert own.marks == ours.marks
    assert own.config["setup"] == f"{Path('my_ocean.py').resolve()}:{name}"


@pytest.mark.parametrize("name", SETUPS)
def test_its_source_stands_alone(name):
    """It imports nothing relative, and its docstring says where it is from and how it is run."""
    tree = ast.parse(source_of_setup(name, "my_ocean.py"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    assert f"From the setup `{name}` of ogcm {ogcm.__version__}" in ast.get_docstring(tree)
    assert f"ogcm run my_ocean.py:{name}" in ast.get_docstring(tree)
    assert name in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def test_the_command_that_writes_one(capsys):
    assert main(["new", "my_gyre.py", "--from", "double_gyre"]) == 0
    assert "ogcm run my_gyre.py:double_gyre" in capsys.readouterr().out
    before = Path("my_gyre.py").read_text()
    for words, message in (
        (["my_gyre.py"], "my_gyre.py: exists; choose another name"),
        (["my-gyre.py"], "my-gyre.py: needs a name of letters, digits and underscores"),
        (["my_gyre"], "that ends in .py, such as my_ocean.py"),
        (["numpy.py"], "'numpy' is the name of another Python module"),
        (["nowhere/my_ocean.py"], "nowhere/my_ocean.py: its folder does not exist"),
        (["my_ocean.py", "--from", "double_gire"], "did you mean 'double_gyre'?"),
    ):
        assert main(["new", *words]) == 2
        assert message in capsys.readouterr().err
    assert Path("my_gyre.py").read_text() == before
    assert sorted(os.listdir()) == ["my_gyre.py", "my_pond.py"]


# Every command


def values(path, name="T"):
    with h5py.File(path) as f:
        return f[name][()]


def test_run_and_repeat(capsys):
    assert main(["run", "my_pond.py:pond", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(option in text for option in ("Make a pond.", "--resolution", "--deep", "--nu_h", "--dt", "--every"))
    options = ["--heat", "100", "--deep", "--nu_h", "20", "--dt", "120", "--days", "0.25", *SMALL]
    assert main(["run", "my_pond.py", *options]) == 0
    tables = config.read("pond.toml")
    assert tables["setup"]["name"] == "my_pond.py:pond"
    assert (tables["setup"]["heat"], tables["setup"]["deep"]) == (100.0, True)
    with warnings.catch_warnings(action="error"):
        assert main(["run", "pond.toml", "--output", "again.nc", "--quiet"]) == 0
    np.testing.assert_array_equal(values("again.nc"), values("pond.nc"))
    model = find_setup("my_pond.py")(heat=100.0, deep=True, resolution=2e3, parameters={"nu_h": 20.0}, dt=120.0)
    ogcm.Simulation(model, days=0.25, output="python.nc", progress=False).run()
    np.testing.assert_array_equal(values("python.nc"), values("pond.nc"))


def test_the_toml_finds_the_file_from_anywhere(tmp_path, monkeypatch):
    """The path of the setup is relative to the TOML file, whatever the working directory, and no file has another."""
    Path("runs").mkdir()
    assert main(["run", "my_pond.py", "--days", "0.1", "--output", "runs/a.nc", *SMALL]) == 0
    assert 'name = "../my_pond.py:pond"' in Path("runs/a.toml").read_text()
    with h5py.File("runs/a.restart.h5") as f:
        assert json.loads(f.attrs["config"])["setup"] == "../my_pond.py:pond"
    for name in ("a.nc", "a.toml", "a.restart.h5"):
        assert str(tmp_path).encode() not in Path("runs", name).read_bytes()
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert main(["run", "../runs/a.toml", "--output", "b.nc", "--quiet"]) == 0
    np.testing.assert_array_equal(values("b.nc"), values("../runs/a.nc"))


def test_a_changed_file_is_noticed(tmp_path):
    assert main(["run", "my_pond.py", "--days", "0.1", *SMALL]) == 0
    Path("my_pond.py").write_text(POND.replace("0.01 * y", "0.02 * y"))
    forget_modules(tmp_path)
    with pytest.warns(UserWarning, match=r"my_pond\.py has changed since the run that pond\.toml records"):
        assert main(["run", "pond.toml", "--output", "again.nc", "--quiet"]) == 0
    assert config.read("pond.toml")["setup"]["digest"] != config.read("again.toml")["setup"]["digest"]


def test_a_run_is_continued_and_extends_its_output():
    for more in ([], ["--restart", "pond.restart.h5"]):
        assert main(["run", "my_pond.py", "--days", "0.2", "--every", "0.1", *SMALL, *more]) == 0
    assert main(["run", "pond.toml", "--output", "whole.nc", "--quiet"]) == 0
    np.testing.assert_array_equal(values("whole.nc"), values("pond.nc"))
    assert len(values("pond.nc")) == 5


def test_a_script_that_runs_its_own_setup_leaves_a_toml_that_repeats_it():
    run = '\n\nif __name__ == "__main__":\n    ogcm.Simulation(pond(resolution=2e3), days=0.1, output="a.nc").run()\n'
    Path("script.py").write_text(POND + run)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "script.py"], check=True, env=environment, capture_output=True)
    assert config.read("a.toml")["setup"]["name"] == "script.py:pond"
    assert main(["run", "a.toml", "--output", "again.nc", "--quiet"]) == 0
    np.testing.assert_array_equal(values("again.nc"), values("a.nc"))


def test_a_setup_without_a_file_leaves_a_record():
    names = {"__name__": "notebook"}
    exec(POND, names)
    ogcm.Simulation(names["pond"](resolution=2e3), days=0.1, output="a.nc", progress=False).run()
    with pytest.raises(InputError, match="cannot be repeated from it, since the model was built in Python"):
        config.read("a.toml")
    with pytest.raises(InputError, match="pond: no setup that can be found again has made it"):
        coarse_model(names["pond"](), 2)


def test_gradients(capsys):
    checked = ["--steps", "2", "--controls", "T,tau_x", "--operators", "continuity"]
    assert main(["check-gradients", "my_pond.py", *checked, *SMALL]) == 0
    assert "of 2 steps of pond" in capsys.readouterr().out
    of = ["--of", "heat_content", "--to", "heat_flux", "--days", "0.1"]
    assert main(["sensitivity", "my_pond.py:pond", *of, *SMALL]) == 0
    with xarray.open_dataset("pond.sensitivity.nc", engine="h5netcdf", decode_times=False) as d:
        assert 'name = "my_pond.py:pond"' in d.attrs["configuration"]
        np.testing.assert_allclose(d.sensitivity_to_heat_flux.sum(), 0.1 * DAY * 8e3**2, rtol=1e-3)
    twin = ["--twin", "--controls", "kappa_v", "--days", "0.1", "--iterations", "2"]
    assert main(["assimilate", "my_pond.py", *twin, *SMALL]) == 0
    assert "kappa_v" in capsys.readouterr().out


CONFIGURATION = """
[setup]
name = "../my_pond.py:pond"
resolution = 2000.0
[data]
file = "pond.data.nc"
[learn]
nu_h = 1.0
[training]
curriculum = [[1, 2]]
batch = 1
validate_every = 2
validation_windows = 1
"""


def test_training(capsys):
    made = ["--resolution", "1000", "--factor", "2", "--days", "1.5", "--every", "0.1", "--quiet"]
    assert main(["make-data", "my_pond.py", *made]) == 0
    with h5py.File("pond.data.nc") as f:
        for name, resolution in (("fine_configuration", 1000.0), ("configuration", 2000.0)):
            assert 'name = "my_pond.py:pond"' in f.attrs[name]
            assert f"resolution = {resolution}" in f.attrs[name]
    Path("trainings").mkdir()
    Path("trainings/t.toml").write_text(CONFIGURATION)  # the setup is found from there, the data from here
    assert main(["train", "trainings/t.toml", "--quiet"]) == 0
    assert "after 2 iterations" in capsys.readouterr().out
    assert main(["evaluate", "trainings/t.toml", "--leads", "1", "--starts", "1"]) == 0
    assert "persistence" in capsys.readouterr().out
    assert main(["run", "my_pond.py", "--trained", "t/best.h5", "--days", "0.1", *SMALL]) == 0
    assert main(["run", "pond.toml", "--output", "again.nc", "--quiet"]) == 0
    np.testing.assert_array_equal(values("again.nc"), values("pond.nc"))


# What is refused

WRONG = {
    "empty.py": ("x = 1\n", "has no setup; put @ogcm.recipe(days=...) before the function"),
    "plain.py": ("def pond(): pass\n", "plain.py: has no setup"),
    "bare.py": ("import ogcm\n@ogcm.recipe\ndef pond(): pass\n", "needs the length of a run in days"),
    "fails.py": ("import ogcm\n\nx = 1 / 0\n", "fails.py fails in line 3 with ZeroDivisionError: division by zero"),
    "wrong.py": ("import ogcm\n\nx = = 1\n", "wrong.py fails in line 3 with SyntaxError"),
    "deep.py": ("import ogcm\n\nogcm.cartesian(\n)\n", "deep.py fails in line 3 with TypeError"),
    "two.py": (POND + POND.partition("\n\n\n")[2].replace("pond", "lake"), "has the setups pond, lake; name one"),
    "positional.py": (POND.replace("*, ", ""), "pond must take keyword options with defaults"),
    "needed.py": (POND.replace("heat: float = 0.0", "heat: float"), "pond must take keyword options with defaults"),
    "named.py": (POND.replace("heat", "nu_h"), "the option 'nu_h' of pond has a name that ogcm needs; rename it"),
    "taken.py": (POND.replace("heat:", "every:").replace("=heat", "=every"), "every: the option of taken.py has the"),
    "none.py": (POND.replace("return ", ""), "pond: a setup must return an ogcm.Model, got None"),
}


@pytest.mark.parametrize("file", WRONG)
def test_files_without_a_setup_that_can_be_used(file, capsys):
    content, message = WRONG[file]
    Path(file).write_text(content)
    assert main(["run", file, "--quiet"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent.py"], "setup: absent.py is not a Python file that exists"),
        (["my_pond.py:pound"], "my_pond.py: has no setup 'pound': did you mean 'pond'?"),
        (["my_pond.py:ogcm"], "'ogcm' is not a setup; put @ogcm.recipe"),
        (["my_pond"], "unknown setup 'my_pond': did you mean 'my_pond.py'?"),
        (["my_pond.py", "--het", "3"], "did you mean '--heat'?"),
        (["my_pond.py", "--heat", "warm"], "--heat: needs a value of type float, got 'warm'"),
        (["my_pond.py", "--deep", "3"], "unknown option '3'"),
    ],
)
def test_names_that_cannot_be_found(words, message, capsys):
    assert main(["run", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_a_toml_whose_setup_is_gone(tmp_path, capsys):
    assert main(["run", "my_pond.py", "--days", "0.1", *SMALL]) == 0
    Path("my_pond.py").unlink()
    forget_modules(tmp_path)
    assert main(["run", "pond.toml", "--output", "b.nc"]) == 2
    assert "my_pond.py is not a Python file that exists" in capsys.readouterr().err


def test_options_of_any_kind():
    """A path and one of several words are texts on the command line; a list is given in a TOML file."""
    options = "heat: Literal[0.0, 5.0] = 0.0, table: Path | None = None, levels: Sequence[float] = (1.0,)"
    imports = "from collections.abc import Sequence\nfrom pathlib import Path\nfrom typing import Literal\n"
    Path("rich.py").write_text(imports + POND.replace("heat: float = 0.0", options))
    assert main(["run", "rich.py", "--table", "a.csv", "--heat", "5", "--days", "0.1", *SMALL]) == 0
    tables = config.read("pond.toml")["setup"]
    assert (tables["table"], tables["heat"], tables["levels"]) == ("a.csv", 5.0, [1.0])
    assert main(["run", "pond.toml", "--output", "again.nc", "--quiet"]) == 0
    assert main(["run", "rich.py", "--levels", "1,2"]) == 2


def test_a_file_is_not_replaced():
    with pytest.raises(FileError, match=r"my_pond\.py: exists"):
        write_setup("my_pond.py", "channel")
    assert Path("my_pond.py").read_text() == POND


def test_a_restart_of_a_setup_of_ogcm_names_it():
    save_restart("r.h5", ogcm.setups.double_gyre(resolution=3.0))
    with h5py.File("r.h5") as f:
        assert json.loads(f.attrs["config"])["setup"] == "double_gyre"
