"""Runs of oceans that are divided between processes: their files, how they go on, and how they end."""

import re
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import pytest
import xarray

import ogcm
from ogcm.setups.own import write_setup
from tests.tiles.test_tiles import mpiexec, needs_mpi

pytestmark = [needs_mpi, pytest.mark.slow]
NOT_DIVIDED = "available_potential_energy"  # what an ocean on tiles has not


def run(processes: int, *options: str, code: int = 0) -> str:
    """Run `tests.tiles.runs`, and return what was said."""
    found = mpiexec(processes, "-m", "tests.tiles.runs", *options)
    assert found.returncode == code, found.stderr
    return found.stderr


SIGINT = 2  # exit code of a process that ends by this signal


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return tmp_path


def assert_same_output(one: str, other: str):
    """Assert that two outputs have the same values, to the bit, and the same attributes."""
    with h5netcdf.File(one) as a, h5netcdf.File(other) as b:
        assert set(a.variables) - {NOT_DIVIDED} == set(b.variables) - {NOT_DIVIDED}
        for name in set(a.variables) - {NOT_DIVIDED}:
            np.testing.assert_array_equal(a[name][...], b[name][...], err_msg=name)
            assert repr(sorted(a[name].attrs.items())) == repr(sorted(b[name].attrs.items()))
        names = set(a.attrs) - {"history"}
        assert {name: a.attrs[name] for name in names} == {name: b.attrs[name] for name in names}


@pytest.mark.parametrize("processes", [2, 4])
def test_the_files_of_a_run_are_those_of_one_process(processes):
    for n in (1, processes):
        said = run(n, f"{n}.nc", "12", f"picture={n}.png")
        assert said.count("simulated years per day; state") == 1  # one process tells
    assert_same_output("1.nc", f"{processes}.nc")
    for ending in (".restart.h5", ".toml"):
        one, other = (Path(f"{n}{ending}").read_bytes() for n in (1, processes))
        assert one == other
    for name in ("{}.png", "run.{}.png"):
        one, other = (Path(name.format(n)).read_bytes() for n in (1, processes))
        assert one == other


def test_a_zarr_store_is_that_of_one_process():
    pytest.importorskip("zarr", reason="zarr is not installed")
    for n in (1, 2):
        run(n, f"{n}.zarr", "12", "means=True")
    run(1, "3.nc", "12", "means=True")
    with xarray.open_zarr("1.zarr") as one, xarray.open_zarr("2.zarr") as two, xarray.open_dataset("3.nc") as file:
        for d in (one, two, file):
            d.attrs.clear()
        xarray.testing.assert_identical(one.load(), file.load())
        xarray.testing.assert_identical(one.drop_vars(NOT_DIVIDED), two.load())


def test_a_run_goes_on_with_another_number_of_processes():
    options = ("integrator=ab2", "means=True")
    run(1, "whole.nc", "24", *options)
    run(1, "a.nc", "8", *options)
    for n in (4, 2):
        run(n, "a.nc", "8", "restart=a.restart.h5", *options)
    with h5netcdf.File("whole.nc") as whole, h5netcdf.File("a.nc") as a:
        for name in ("u", "T", "eta", "w", "zeta", "h", "time_bounds", "psi", "overturning", "kinetic_energy"):
            np.testing.assert_array_equal(whole[name][...], a[name][...], err_msg=name)
    model = ogcm.Model(ogcm.cartesian(nx=17, ny=13, dx=2e4, dy=2e4, f0=1e-4), depth=9.0, dz=[9.0], dt=300.0)
    with pytest.raises(ogcm.FileError, match="is of another ocean"):
        ogcm.load_restart("a.restart.h5", model)


def test_the_command_runs_on_several_processes():
    for n in (1, 2):
        found = mpiexec(n, "-m", "ogcm", "run", "double_gyre", "--days", "1", "--output", f"{n}.nc")
        assert found.returncode == 0, found.stderr
        assert found.stderr.count("written; draw it with") == 1
    assert_same_output("1.nc", "2.nc")
    assert Path("1.restart.h5").read_bytes() == Path("2.restart.h5").read_bytes()
    again = mpiexec(2, "-m", "ogcm", "run", "double_gyre", "--days", "1", "--output", "2.nc")
    assert again.returncode == 2
    assert again.stderr.count("2.nc: exists; choose another name") == 1


def test_the_members_of_an_ensemble_are_those_of_one_process():
    for n in (1, 2):
        options = ("--days", "1", "--members", "2", "--perturb", "T=0.01,u=0.001", "--output", f"{n}.nc")
        found = mpiexec(n, "-m", "ogcm", "run", "double_gyre", *options)
        assert found.returncode == 0, found.stderr
    for member in ("001", "002"):
        assert_same_output(f"1_{member}.nc", f"2_{member}.nc")
    assert Path("1.toml").read_text().replace("1_0", "2_0") == Path("2.toml").read_text()


def test_setups_of_users_run_on_several_processes():
    write_setup("my_gyre.py", "double_gyre")
    for n in (1, 2):
        found = mpiexec(n, "-m", "ogcm", "run", "my_gyre.py", "--days", "1", "--output", f"{n}.nc")
        assert found.returncode == 0, found.stderr
    assert_same_output("1.nc", "2.nc")


def test_the_sensitivities_of_a_run_are_those_of_one_process():
    for n in (1, 2):
        options = ("--days", "1", "--of", "heat_content", "--to", "T,eta,tau_x,kappa_v,nu_h", "--output", f"{n}.nc")
        found = mpiexec(n, "-m", "ogcm", "sensitivity", "double_gyre", *options)
        assert found.returncode == 0, found.stderr
        assert found.stderr.count("written") == 1
        assert Path(f"{n}.png").exists()
    assert_same_output("1.nc", "2.nc")


def test_gradients_are_checked_on_tiles():
    options = ("--steps", "2", "--controls", "T,tau_x,nu_h", "--operators", "transports")
    found = mpiexec(2, "-m", "ogcm", "check-gradients", "double_gyre", *options)
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("  ok") == 4


def test_an_assimilation_goes_on_with_another_number_of_processes():
    """A twin experiment, whose history the second call continues; errors are told once."""
    options = ["double_gyre", "--resolution", "2", "--twin", "--controls", "nu_h,T=0.2,tau_x", "--days", "1"]
    for n, iterations in ((1, 4), (2, 2), (2, 4)):
        ends = ["--iterations", str(iterations), "--history", f"{n}.h5", "--output", f"{n}.nc", "--overwrite"]
        found = mpiexec(n, "-m", "ogcm", "assimilate", *options, *ends)
        assert found.returncode == 0, found.stderr
        assert found.stdout.count("observations") == 1
    assert " in 3 runs" in found.stdout  # the first and the last two
    assert_same_output("1.nc", "2.nc")
    assert Path("1.png").read_bytes() == Path("2.png").read_bytes()
    Path("2.h5").write_bytes(b"damaged")
    found = mpiexec(2, "-m", "ogcm", "assimilate", *options, *ends)
    assert found.returncode == 2
    assert found.stderr.count("2.h5: ") == 1


def assert_same_values(one: str, other: str, leave: str):
    """Assert that two HDF5 files have the same values, to the bit, but for one of them."""
    with h5py.File(one) as a, h5py.File(other) as b:
        names = list[str]()
        a.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        assert names
        for name in names:
            if name != leave:
                np.testing.assert_array_equal(a[name][()], b[name][()], err_msg=name)


def test_a_training_goes_on_with_another_number_of_processes():
    """The data set is made and the training begun by one process or by two; then one goes on."""
    for n, folder, word in ((1, "whole", ""), (2, "parts", "stop"), (1, "parts", "resume")):
        found = mpiexec(n, "-m", "tests.tiles.training", folder, f"{folder}.nc", *([word] if word else []))
        assert found.returncode == 0, found.stderr
    assert_same_values("whole.nc", "parts.nc", NOT_DIVIDED)
    for name in ("best.h5", "last.h5"):
        assert_same_values(f"whole/{name}", f"parts/{name}", "log")  # which holds the times
    for name in ("scores.csv", "spectra.csv"):
        assert Path(f"whole/{name}").read_bytes() == Path(f"parts/{name}").read_bytes()
    logs = [np.genfromtxt(f"{folder}/log.csv", delimiter=",", names=True) for folder in ("whole", "parts")]
    for name in ("loss", "gradient", "validation"):
        np.testing.assert_array_equal(logs[0][name], logs[1][name])
        assert len(logs[1]) == 8
    found = mpiexec(2, "-m", "tests.tiles.training", "parts", "parts.nc")
    assert found.returncode == 1
    assert found.stderr.count("parts: holds a training; resume it") == 1


GROWTH = """
import resource, sys, numpy as np, ogcm
def run(n):
    grid = ogcm.cartesian(nx=n, ny=n, dx=2e4, dy=2e4, f0=1e-4, periodic_x=True)
    T = lambda x, y, z: 20 + z / 200 + y / 1e7
    model = ogcm.Model(grid, depth=4000.0, dz=np.full(40, 100.0), T=T, parameters={"nu_h": 500.0}, dt=300.0)
    name = f"{n}-{sys.argv[1]}"
    ogcm.Simulation(model, days=600 / 86400, every=300 / 86400, output=f"{name}.nc", progress=False).run()
    ogcm.load_restart(f"{name}.restart.h5", model)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
small = run(16)
print(f"[{run(240) - small:.0f}]")
"""


def test_no_process_holds_the_whole_ocean():
    """The growth of the memory [MB] from a tiny run to a larger one, with output and restart, written and read."""
    said = [mpiexec(n, "-c", GROWTH, str(n)).stdout for n in (1, 4)]
    one, four = ([int(number) for number in re.findall(r"\[(\d+)\]", each)] for each in said)
    assert len(four) == 4
    assert max(four) < 0.4 * one[0]
    assert Path("240-1.restart.h5").read_bytes() == Path("240-4.restart.h5").read_bytes()


def test_a_signal_to_one_process_stops_all_and_saves_the_state():
    said = run(4, "a.nc", "24", "fail=signal", code=SIGINT)
    assert said.count("stopped by SIGINT on day 0.0416667; continue with a.restart.h5") == 1
    run(1, "a.nc", "12", "restart=a.restart.h5")
    run(1, "whole.nc", "24")
    assert Path("a.restart.h5").read_bytes() == Path("whole.restart.h5").read_bytes()


def test_a_callback_of_one_process_stops_all():
    said = run(2, "a.nc", "24", "fail=stop")
    assert said.count(", stopped: enough; state") == 1


def test_an_ocean_that_blows_up_in_one_tile_is_told_once():
    said = [run(n, f"{n}.nc", "24", "fail=blow-up", code=1) for n in (1, 4)]
    places = [re.findall(r"BlowUpError: . is .* at \(k, j, i\) = .*; the state of day", each) for each in said]
    assert places[0] == places[1]
    assert len(places[0]) == 1
    Path("4.restart.h5").rename("a.restart.h5")
    run(1, "b.nc", "1", "restart=a.restart.h5")


def test_a_full_disk_is_told_once_and_leaves_a_restart():
    said = run(4, "a.nc", "24", "fail=disk", code=1)
    assert said.count("No space left on device); 3 records are safe in a.nc.part") == 1
    run(2, "a.nc", "12", "restart=a.restart.h5")
    run(1, "whole.nc", "24")
    assert_same_output("whole.nc", "a.nc")


def test_a_process_that_is_killed_while_it_writes_leaves_the_restart_before():
    """Its first restart is complete; the second, and the output, are not."""
    options = "fail=kill in a write", f"restart_every={8 * 300 / 86400}"
    found = mpiexec(4, "-m", "tests.tiles.runs", "a.nc", "24", *options)
    assert "signal 9" in found.stdout + found.stderr  # in the words of MPICH
    assert not Path("a.nc").exists()
    run(2, "b.nc", "16", "restart=a.restart.h5")
    run(1, "whole.nc", "24")
    assert Path("b.restart.h5").read_bytes() == Path("whole.restart.h5").read_bytes()


def test_a_callback_that_fails_in_all_processes_leaves_a_restart():
    said = run(2, "a.nc", "24", "fail=exception everywhere", code=1)
    assert said.count("the callback 'fail' raised ValueError on day 0.0416667: no more") == 1
    run(1, "b.nc", "1", "restart=a.restart.h5")


def test_a_callback_that_fails_in_one_process_ends_all():
    said = run(2, "a.nc", "24", "fail=exception", code=1)
    assert "ValueError: no more" in said
    assert "process 1 of 2 failed alone and ended the others" in said
