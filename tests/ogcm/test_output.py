"""Output: files are read again to the bit; damaged, foreign and unfinished files are refused."""

import os
import shutil
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

import ogcm
from ogcm import config
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.disk import MARGIN
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from ogcm.info import info
from ogcm.memory import bytes_of
from ogcm.output import OutputFile, record_bytes
from ogcm.restart import load_restart, save_restart
from ogcm.step_variables import Step

NX, NY = 5, 4
DZ = [10.0, 20.0]


def basin(precision="float64", *, spherical=False, dx=1e4, config=None):
    """A small sea with an island, random water and no time stepper."""
    rng = np.random.default_rng(3)
    depth = np.full((NY, NX), 30.0)
    depth[1, 2] = 0.0
    depth[3, 3] = 10.0
    grid = ogcm.cartesian(nx=NX, ny=NY, dx=dx, dy=1e4)
    if spherical:
        grid = ogcm.spherical(lon=np.linspace(0, 10, NX + 1), lat=np.linspace(40, 48, NY + 1))
    model = ogcm.Model(
        grid,
        depth=depth,
        dz=DZ,
        u=0.1 * rng.normal(size=(2, NY, NX)),
        v=0.1 * rng.normal(size=(2, NY, NX)),
        eta=rng.normal(size=(NY, NX)),
        T=10 + rng.normal(size=(2, NY, NX)),
        dt=100.0,
        precision=precision,
    )
    model.config = config or {}
    model.state.time, model.state.step = 12345.0, 123
    return model


def same(a, b):
    return all(np.array_equal(x, b.arrays()[name], equal_nan=True) for name, x in a.arrays().items())


def write(path, model, variables=("u", "v", "eta", "T", "S", "w", "zeta", "h"), records=2, **options):
    output = OutputFile(path, model, variables, "[run]\n", **options)
    for _ in range(records):
        model.state.time += DAY
        output.add(model)
        output.record(model)
    output.close()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_xarray_reads_what_was_written(tmp_path, precision):
    model = basin()
    write(tmp_path / "a.nc", model, precision=precision)
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf", decode_times=False) as d:
        wet = interior(model.grid.mask_t) == 1
        written = interior(model.state.T).astype(precision)
        assert d.T.dtype == precision
        np.testing.assert_array_equal(d.T[-1].values[wet], written[wet])
        assert np.isnan(d.T[-1].values[~wet]).all()
        np.testing.assert_allclose(d.time, np.array([1, 2]) + 12345 / DAY)
        assert d.time.attrs["calendar"] == "360_day"
        assert d.u.dims == ("time", "z", "y", "x_f")
        assert d.v.dims == ("time", "z", "y_f", "x")
        assert d.zeta.dims == ("time", "z", "y_f", "x_f")
        assert d.w.dims == ("time", "z_w", "y", "x")
        assert (d.w[:, -1].fillna(0) == 0).all()
        np.testing.assert_array_equal(d.x_f, model.horizontal.x_f)
        np.testing.assert_array_equal(d.z, [-5.0, -20.0])
        np.testing.assert_array_equal(d.z_bounds, [[0, -10], [-10, -30]])
        assert d.depth[1, 2] == 0
        assert d.depth[3, 3] == 10
        assert d.attrs["configuration"] == "[run]\n"
        for name in ("u", "v", "eta", "T", "S", "w", "zeta", "h", "depth", "cell_area", "kinetic_energy"):
            assert d[name].attrs["units"], name
            assert d[name].attrs["long_name"], name


def test_coordinates_on_the_sphere(tmp_path):
    write(tmp_path / "a.nc", basin(spherical=True), ("T",))
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf", decode_times=False) as d:
        assert d.T.dims == ("time", "z", "lat", "lon")
        assert d.lat.attrs["units"] == "degrees_north"
        assert d.lon.attrs["standard_name"] == "longitude"


def test_a_mean_is_the_mean(tmp_path):
    model = basin()
    output = OutputFile(tmp_path / "m.nc", model, ("T",), means=True)
    first = interior(model.state.T).copy()
    output.add(model)
    model.state.T += 2.0
    model.state.time += DAY
    output.add(model)
    output.record(model)
    output.close()
    with xarray.open_dataset(tmp_path / "m.nc", engine="h5netcdf", decode_times=False) as d:
        wet = interior(model.grid.mask_t) == 1
        np.testing.assert_allclose(d.T[0].values[wet], first[wet] + 1, rtol=1e-6)
        np.testing.assert_allclose(d.time_bounds[0], np.array([12345, 12345 + DAY]) / DAY)
        np.testing.assert_allclose(d.time[0], d.time_bounds[0].mean())


def test_an_extended_file_drops_what_lies_after_the_restart(tmp_path):
    model, path = basin(), tmp_path / "a.nc"
    write(path, model, ("T",), records=4)
    model.state.time -= 2 * DAY
    model.state.T[...] = 1.0
    write(path, model, ("T",), records=1, extend=True)
    with xarray.open_dataset(path, engine="h5netcdf", decode_times=False) as d:
        assert d.sizes["time"] == 3
        assert (np.diff(d.time) > 0).all()
        assert float(d.T[-1].max()) == 1.0
        assert "continued on day" in d.attrs["history"]
    with pytest.raises(FileError, match="another run or grid"):
        OutputFile(path, model, ("T", "S"), extend=True)
    path.write_text("no file of ours")
    with pytest.raises(FileError, match=r"a\.nc: .*not a NetCDF4 file .*; it cannot be continued"):
        OutputFile(path, model, ("T",), extend=True)
    assert os.listdir(tmp_path) == ["a.nc"]


def test_nothing_half_written_has_the_name_of_the_file(tmp_path):
    model = basin()
    output = OutputFile(tmp_path / "a.nc", model, ("T",))
    output.record(model)
    assert not (tmp_path / "a.nc").exists()
    output.close()
    assert (tmp_path / "a.nc").exists()
    assert not (tmp_path / "a.nc.part").exists()


def test_what_a_killed_process_wrote_is_readable(tmp_path):
    code = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from ogcm.output import OutputFile
from tests.ogcm.test_output import basin
model = basin()
output = OutputFile("k.nc", model, ("T",))
for _ in range(3):
    output.record(model)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, str(Path(__file__).parents[2])], cwd=tmp_path)
    assert done.returncode == -9
    with xarray.open_dataset(tmp_path / "k.nc.part", engine="h5netcdf", decode_times=False) as d:
        assert d.sizes["time"] == 3
        assert np.isfinite(d.T[:, 0, 0, 0]).all()


def disk(free):
    return lambda _: types.SimpleNamespace(total=free, used=0, free=free)


def test_a_full_disk_leaves_the_records_before(tmp_path, monkeypatch):
    model = basin()
    output = OutputFile(tmp_path / "a.nc", model, ("T",))
    output.record(model)
    monkeypatch.setattr(shutil, "disk_usage", disk(1000))
    with pytest.raises(FileError, match=r"a\.nc: needs about .* MB are free; make room and continue; 1 records"):
        output.record(model)
    monkeypatch.undo()
    output.close()
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf", decode_times=False) as d:
        assert d.sizes["time"] == 1


@pytest.mark.parametrize("options", [{}, {"variables": "eta"}, {"variables": "T_budget", "means": True}])
def test_the_size_of_a_file_is_known_before(tmp_path, options):
    model = ogcm.setups.double_gyre(resolution=0.5)
    simulation = ogcm.Simulation(model, days=0.05, every=0.05, output=tmp_path / "a.nc", progress=False, **options)
    (writer,) = simulation.writers.values()
    needed = writer.needed_bytes(simulation)
    simulation.run()
    records = 1 if options.get("means") else 2
    one = needed - record_bytes(model, writer._fields(model)) * (2 - records)
    assert one <= (tmp_path / "a.nc").stat().st_size <= one + MARGIN


def test_the_memory_of_budgets_is_known_before():
    model = ogcm.setups.double_gyre(resolution=1.0)
    writers = {
        "state": ogcm.NetCDFWriter("a.nc"),
        "budget": ogcm.NetCDFWriter("b.nc", variables="T_budget", means=True),
    }
    simulation = ogcm.Simulation(model, days=1, writers=writers, progress=False)
    state, budget = (writer.memory_bytes(simulation) for writer in writers.values())
    sums = record_bytes(model, writers["budget"]._fields(model), "float64")
    assert state == 0
    assert budget == pytest.approx(bytes_of(Step(model).stepper, model.state) + sums, rel=0.05)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB; skips where the machine does not allow one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_really_fills_up(small_disk):
    model = basin()
    save_restart(small_disk / "r.h5", model)
    (small_disk / "ballast").write_bytes(bytes(100_000))
    output = OutputFile(small_disk / "a.nc", model, ("u", "v", "T", "S"))

    def write_for_ever():
        while True:
            output.record(model)

    with pytest.raises(FileError, match="make room"):
        write_for_ever()
    output.close()
    records = output.records
    assert records > 1
    with xarray.open_dataset(small_disk / "a.nc", engine="h5netcdf", decode_times=False) as d:
        assert d.sizes["time"] == records
    free = shutil.disk_usage(small_disk).free
    (small_disk / "more").write_bytes(bytes(free))
    model.state.T += 1
    with pytest.raises(FileError, match="restart could not be written"):
        save_restart(small_disk / "r.h5", model)
    assert sorted(os.listdir(small_disk)) == ["a.nc", "ballast", "more", "r.h5"]
    again = basin()
    again.state.T[...] = 0
    load_restart(small_disk / "r.h5", again)
    assert same(again.state, basin().state)


def test_info_of_each_kind_of_file(tmp_path):
    model = basin()
    save_restart(tmp_path / "r.h5", model)
    assert "step 123, day 0.142882" in info(tmp_path / "r.h5")
    write(tmp_path / "a.nc", model, ("T",), records=3)
    assert "3 records" in info(tmp_path / "a.nc")
    with h5py.File(tmp_path / "foreign.h5", "w") as f:
        f["x"] = np.arange(3)
    (tmp_path / "text.txt").write_text("no file of ours")
    assert "no output of ogcm" in info(tmp_path / "foreign.h5")
    for name in ("text.txt", "none.nc"):
        with pytest.raises(FileError, match=name):
            info(tmp_path / name)


def test_a_configuration_survives_being_written():
    run = {"days": 1e-5, "names": ["u", 'é\n"\\'], "means": np.bool_(True), "n": np.int64(3), "none": None}
    run["infinite"] = np.inf
    again = tomllib.loads(config.to_toml({"run": run}))["run"]
    assert again == {key: value for key, value in run.items() if value is not None}
    with pytest.raises(InputError, match="nu_h: TOML holds no ndarray"):
        config.to_toml({"parameters": {"nu_h": np.ones(3)}})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[setup]\nname = 'double_gyre'\n[run]\ndayz = 3\n", "did you mean 'days'"),
        ("[setup]\nname = 'double_gyre'\n[run]\ndays = 'x'\n", "days in [run] needs a value of type float"),
        ("[setup]\nname = 'double_gyre'\nwidth = true\n", "width in [setup] needs a value of type float"),
        ("[setup]\nname = 'double_gyre'\n[numerics]\ndtt = 3.0\n", "did you mean 'dt'"),
        ("[setup]\nname = 'double_gyre'\n[parameters]\nnu_h = 'x'\n", "nu_h in [parameters]"),
        ("[setup]\nname = 'double_gyre'\n[runn]\n", "did you mean 'run'"),
        ("[setup]\nwidth = 3.0\n", "needs the name of a setup"),
        ("run = 3\n", "unknown table"),
        ("[setup\n", "TOML"),
    ],
)
def test_a_wrong_configuration_gets_one_line(tmp_path, capsys, content, words):
    path = tmp_path / "c.toml"
    path.write_text(content)
    assert main(["run", str(path)]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1
