"""The command line: commands, files, messages."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray

import ogcm
from ogcm import config
from ogcm.cli import main
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.grid import interior
from ogcm.info import info
from ogcm.restart import load_restart, save_restart
from ogcm.setups import SETUPS
from tests.oceans import WITHOUT_DATA

SMALL = ["--resolution", "3", "--quiet"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def small(**options):
    return ogcm.setups.double_gyre(resolution=3.0, **options)


def test_run_info_plot_and_repeat(capsys):
    options = ["--every", "0.5", "--wind", "0.2", "--nu_h", "9000", "--gravity", "9.7"]
    assert main(["run", "double_gyre", "--days", "2", *options, *SMALL]) == 0
    with xarray.open_dataset("double_gyre.nc", engine="h5netcdf", decode_times=False) as d:
        assert d.sizes["time"] == 5
        assert d.T.attrs["units"] == "degC"
        assert d.attrs["Conventions"] == "CF-1.11, SGRID-0.3"
        assert np.isfinite(d.T).all()
        first = d.u[-1].values
    assert main(["info", "double_gyre.nc"]) == 0
    assert "5 records" in capsys.readouterr().out
    assert main(["plot", "double_gyre.nc"]) == 0
    assert os.path.getsize("double_gyre.png") > 20_000
    assert main(["plot", "double_gyre.nc", "--animate", "--variable", "T", "--output", "t.gif"]) == 0
    for kind in (["map", "--variable", "T", "--level", "3"], ["section"], ["series"]):
        assert main(["plot", "double_gyre.nc", "--output", "p.png", "--kind", *kind]) == 0
    tables = config.read("double_gyre.toml")
    assert tables["setup"]["wind"] == 0.2
    assert tables["parameters"]["nu_h"] == 9000.0
    assert tables["numerics"]["gravity"] == 9.7
    assert main(["run", "double_gyre.toml", "--output", "again.nc", "--quiet"]) == 0
    with xarray.open_dataset("again.nc", engine="h5netcdf", decode_times=False) as d:
        np.testing.assert_array_equal(d.u[-1].values, first)


def test_xarray_decodes_the_calendar_and_means():
    ogcm.Simulation(small(), days=2, every=1, output="m.nc", means=True, variables=("eta", "w"), progress=False).run()
    with xarray.open_dataset("m.nc", engine="h5netcdf", decode_times=False) as d:
        np.testing.assert_allclose(d.time, [0.5, 1.5])
        np.testing.assert_allclose(d.time_bounds, [[0, 1], [1, 2]])
        assert d.eta.attrs["cell_methods"] == "time: mean"


def test_setups_are_listed(capsys):
    assert main(["setups"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in SETUPS)
    assert main(["run", "channel", "--help"]) == 0
    assert "--nu_h" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "double_gire"], "did you mean 'double_gyre'"),
        (["run", "double_gyre", "--nuh", "3"], "did you mean '--nu_h'"),
        (["run", "double_gyre", "--days", "x"], "--days"),
        (["run", "double_gyre", "--advection", "upwind4"], "choose from centred2, upwind3, monotone"),
        (["run", "double_gyre", "--nu_h", "-3"], "outside 0"),
        (["run", "double_gyre", "--dt", "-3"], "positive"),
        (["run", "double_gyre", "--variables", "u,vv"], "did you mean 'v'"),
        (["run", "double_gyre", "--output", "no/such/folder.nc"], "folder does not exist"),
        (["run", "double_gyre", "--restart", "none.h5"], "none.h5"),
        (["run", "global_4deg"], "--data FILE"),
        (["run", "global_4deg", "--data", "none.nc"], "none.nc"),
        (["run", "none.toml"], "TOML"),
        (["info", "none.nc"], "none.nc"),
        (["plot", "none.nc"], "none.nc"),
    ],
)
def test_mistakes_get_one_line(arguments, words, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1


def test_an_existing_output_is_kept():
    ogcm.Simulation(small(), days=0.2, output="a.nc", progress=False).run()
    with pytest.raises(FileError, match="overwrite"):
        ogcm.Simulation(small(), days=0.2, output="a.nc", progress=False)
    ogcm.Simulation(small(), days=0.2, output="a.nc", overwrite=True, progress=False).run()


@pytest.mark.parametrize("integrator", ["rk3", "ab2"])
def test_restart_continues_every_bit(integrator):
    whole = small(integrator=integrator, dt=3600.0)
    ogcm.Simulation(whole, days=2, progress=False).run()
    first, second = small(integrator=integrator, dt=3600.0), small(integrator=integrator, dt=3600.0)
    ogcm.Simulation(first, days=1, output="first.nc", progress=False).run()
    ogcm.Simulation(second, days=1, restart="first.restart.h5", progress=False).run()
    assert second.state.digest() == whole.state.digest()
    assert second.state.time == whole.state.time


def test_bad_restarts_are_refused():
    save_restart("good.h5", small())
    content = Path("good.h5").read_bytes()
    Path("cut.h5").write_bytes(content[: len(content) // 2])
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 1
    Path("damaged.h5").write_bytes(damaged)
    Path("foreign.h5").write_text("no HDF5 at all")
    for name in ("cut.h5", "foreign.h5", "damaged.h5"):
        with pytest.raises(FileError, match=name):
            load_restart(name, small())
    with pytest.raises(FileError, match="use the options of the first run"):
        load_restart("good.h5", ogcm.setups.double_gyre(resolution=2.0))
    with pytest.raises(FileError, match="float32"):
        load_restart("good.h5", small(precision="float32"))


def test_a_blow_up_names_the_place_and_saves_the_last_good_state():
    model = small(dt=3600.0, wind=300.0)
    with pytest.raises(BlowUpError, match=r"Try dt = 1800 s") as caught:
        ogcm.Simulation(model, days=3000, output="b.nc", progress=False).run()
    assert "b.restart.h5" in str(caught.value)
    again = small()
    load_restart("b.restart.h5", again)
    assert all(np.isfinite(a).all() for a in again.state.arrays().values())
    blow = ["--dt", "3600", "--wind", "300", "--days", "3000"]
    assert main(["run", "double_gyre", *blow, *SMALL]) == 1


def test_a_step_beyond_the_courant_limit_is_refused():
    with pytest.raises(InputError, match="Courant number"):
        ogcm.Simulation(ogcm.setups.inertial_oscillation(dt=2e5), days=10, progress=False)


@pytest.mark.usefixtures("signals_of_a_terminal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_a_restart(number):
    command = [sys.executable, "-m", "ogcm", "run", "double_gyre", "--days", "100000", "--output", "long.nc"]
    # The same sources as this process, so that it finds the same compiled kernels.
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.Popen([*command, "--resolution", "3"], stderr=subprocess.PIPE, text=True, env=environment)
    part = "long.nc.part"
    deadline = time.time() + 120
    while not os.path.exists(part) and run.poll() is None and time.time() < deadline:
        time.sleep(0.2)
    time.sleep(2)
    run.send_signal(number)
    error = run.communicate(timeout=500)[1]
    assert run.returncode == 128 + number
    assert "continue with long.restart.h5" in error
    assert "restart of double_gyre" in info("long.restart.h5")
    assert "record" in info("long.nc")


def test_a_full_disk_is_reported_before_the_run(monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(FileError, match="write less often"):
        ogcm.Simulation(small(), days=1, output="a.nc", progress=False)


def test_bad_fields_are_named():
    grid = ogcm.cartesian(nx=4, ny=3, dx=1e4, dy=1e4)
    basics = {"depth": 100.0, "dz": [50.0, 50.0], "dt": 100.0}
    hole = np.full((3, 4), 100.0)
    hole[1, 2] = np.nan
    lake = np.full((3, 4), 100.0)
    lake[:, 1] = 0.0
    for options, words in (
        ({"depth": hole}, r"bathymetry: NaN at \(j, i\) = \(1, 2\)"),
        ({"depth": np.ones((4, 4))}, "does not fit"),
        ({"depth": -100.0}, "positive downwards"),
        ({"dz": [50.0, -1.0]}, "dz"),
        ({"T": hole}, "T: not finite"),
        ({"S": np.ones((2, 2))}, "S: shape"),
        ({"forcing": ogcm.Forcing(tau_x=hole)}, "tau_x: not finite over water"),
        ({"parameters": {"nuh": 1.0}}, "did you mean 'nu_h'"),
        ({"advecton": "upwind3"}, "did you mean 'advection'"),
    ):
        with pytest.raises(InputError, match=words):
            ogcm.Model(grid, **(basics | options))
    with pytest.warns(UserWarning, match="a basin of 3 cells"):
        ogcm.Model(grid, **(basics | {"depth": lake}))


def test_help_does_not_wait_for_the_compiler():
    code = "import sys, ogcm.cli; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", WITHOUT_DATA)
def test_every_setup_runs(name):
    coarse = {"double_gyre": 3.0, "channel": 100.0, "lock_exchange": 2000.0, "baroclinic_wave": 1.0}
    options = {"resolution": coarse[name]} if name in coarse else {}
    model = SETUPS[name](**options)
    stepper = ogcm.Stepper(model)
    for _ in range(10):
        stepper.step()
    assert all(np.isfinite(interior(a)).all() for a in model.state.arrays().values())
    assert np.abs(model.state.u).max() > 0
