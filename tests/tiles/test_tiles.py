"""Tiles: where they lie, sums that do not depend on them, and the same bits as the whole ocean under `mpiexec`."""

import importlib.util
import math
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import xarray

import ogcm
from ogcm import device, labelled, processes
from ogcm.decomposition import best_layout, check_layout
from ogcm.errors import InputError
from ogcm.exact_sums import digits_of, rounded
from ogcm.inputs import sample
from ogcm.tiles import Tile
from tests.oceans import rough_basin
from tests.tiles.outside import write_files

ROOT = Path(__file__).resolve().parents[2]
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None, reason="no MPI: pip install 'ogcm[mpi]'"
)


def mpiexec(processes: int, *command: str) -> subprocess.CompletedProcess:
    """Run Python on several processes, each with one thread."""
    return subprocess.run(
        [MPIEXEC, "-n", str(processes), sys.executable, *command],
        env=os.environ | {"NUMBA_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=900,
    )  # fmt: skip


def compared(processes: int, module: str, *arguments: str) -> list[str]:
    """Run a module that compares tiles with the whole ocean, and return its lines, in none of which a value differs."""
    found = mpiexec(processes, "-m", module, *arguments)
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert [line for line in lines if not line.endswith(" tiles: 0")] == []
    return lines


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize(("processes", "layouts"), [(2, 2), (4, 1)])
def test_steps_of_tiles_and_their_adjoints_are_those_of_the_whole_ocean(processes, layouts):
    lines = compared(processes, "tests.tiles.steps")
    assert len(lines) in [n * layouts for n in (51, 52, 53)]  # with the data of global_4deg and of WC13 one more each


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize(("processes", "layouts"), [(2, 2), (4, 1)])
def test_tiles_take_what_is_outside_from_files_as_the_whole_ocean(processes, layouts, tmp_path):
    write_files(tmp_path)
    assert len(compared(processes, "tests.tiles.outside", str(tmp_path))) == 5 * layouts


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize(("processes", "layouts"), [(2, 2), (4, 1)])
def test_gradients_of_runs_on_tiles_are_those_of_the_whole_ocean(processes, layouts):
    assert len(compared(processes, "tests.tiles.gradients")) == 10 * layouts


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize(("processes", "layouts"), [(2, 2), (4, 1)])
def test_assimilation_on_tiles_is_that_of_the_whole_ocean(processes, layouts):
    assert len(compared(processes, "tests.tiles.assimilation")) == 8 * layouts


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize(("processes", "layouts"), [(2, 2), (4, 1)])
def test_correctors_on_tiles_and_their_gradients_are_those_of_the_whole_ocean(processes, layouts):
    assert len(compared(processes, "tests.tiles.correctors")) == 15 * layouts


@needs_mpi
@pytest.mark.cuda
@pytest.mark.slow
def test_steps_and_gradients_of_tiles_on_gpus_are_those_on_cpus(monkeypatch):
    """In the simulator; the halos go through the host in steps, and from GPU to GPU in gradients."""
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "1")
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert len(compared(2, "tests.tiles.on_gpu")) == 2


@needs_mpi
def test_what_is_not_written_yet_is_refused_under_mpiexec():
    code = "import ogcm; m = ogcm.setups.SETUPS['double_gyre'](); ogcm.diagnostics.available_potential_energy(m)"
    found = mpiexec(2, "-c", code)
    assert found.returncode != 0
    assert "decomposition=(1, 1)" in found.stderr


@needs_mpi
def test_an_exception_in_one_process_ends_all():
    """The other process waits for a message of the first, which never comes."""
    code = "from ogcm.processes import communicator as c; c().recv(source=1) if c().rank == 0 else 1 / 0"
    found = mpiexec(2, "-c", code)
    assert found.returncode != 0
    assert "ZeroDivisionError" in found.stderr


STEPPING = """
import os, signal, sys, time
import ogcm
from ogcm import halo
from ogcm.processes import communicator
from tests.oceans import rough_basin
halo.PATIENCE = 1
stepper = ogcm.Stepper(rough_basin())
stepper.step()
print("stepped", flush=True)
if communicator().rank == 1:
    {}
for _ in range(20):
    stepper.step()
"""


@needs_mpi
def test_a_killed_process_ends_all():
    found = mpiexec(4, "-c", STEPPING.format("os.kill(os.getpid(), signal.SIGKILL)"))
    assert found.returncode != 0
    assert found.stdout.count("stepped") == 4
    assert "signal 9" in found.stdout + found.stderr  # in the words of MPICH


@needs_mpi
def test_a_process_for_which_others_wait_is_named():
    found = mpiexec(2, "-c", STEPPING.format("time.sleep(4)"))
    assert found.returncode == 0
    assert "process 0 has waited 1 s for a message of process 1" in found.stderr
    assert found.stderr.count("has waited") == 1


@needs_mpi
def test_processes_with_different_oceans_are_refused():
    code = (
        "from ogcm.processes import communicator as c; from tests.oceans import rough_basin as b; b(nx=20 + c().rank)"
    )
    found = mpiexec(2, "-c", code)
    assert found.returncode != 0
    assert "the processes divide different oceans" in found.stderr


@needs_mpi
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("rough_basin(dt=100.0 + rank)", "dt: is 100.0 in the first process and 101.0 in another"),
        (
            "ogcm.Simulation(rough_basin(), days=1 + rank, progress=False)",
            "days: is 1 in the first process and 2 in another",
        ),
    ],
)
def test_processes_with_different_options_are_refused(code, words):
    begin = "import ogcm; from ogcm.processes import communicator; from tests.oceans import rough_basin; "
    found = mpiexec(2, "-c", begin + "rank = communicator().rank; " + code)
    assert found.returncode != 0
    assert found.stderr.count(words) == 1


def test_a_process_of_mpiexec_without_mpi4py_is_told_what_is_missing(monkeypatch):
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    processes.communicator.cache_clear()
    try:
        with pytest.raises(InputError, match=r"pip install 'ogcm\[mpi\]'"):
            rough_basin()
        monkeypatch.setenv("PMI_SIZE", "1")
        assert processes.communicator() is None
    finally:
        processes.communicator.cache_clear()


def every_tile(shape, periodic, layout):
    return [Tile(shape, periodic, layout, (j, i)) for j in range(layout[0]) for i in range(layout[1])]


@pytest.mark.parametrize("layout", [(1, 1), (3, 1), (2, 4), (1, 5)])
def test_tiles_cover_the_ocean_once(layout):
    covered = np.zeros((13, 23), int)
    for tile in every_tile((13, 23), (False, True), layout):
        tile.cut(covered)[...] += 1
        assert tile.cut(covered)[0, 0] == covered[tile.start]
        assert tile.in_whole((2, 0, 1)) == (2, tile.start[0], tile.start[1] + 1)
    assert (covered == 1).all()


@pytest.mark.parametrize("periodic", [(False, False), (True, False), (True, True)])
def test_neighbours_are_mutual(periodic):
    ranks = every_tile((12, 12), periodic, (3, 2))
    for rank, tile in enumerate(ranks):
        for axis in (0, 1):
            for step in (-1, 1):
                other = tile.neighbour(axis, step)
                at_a_side = tile.place[axis] == (0 if step < 0 else tile.layout[axis] - 1)
                assert (other is None) == (at_a_side and not periodic[axis])
                assert other is None or ranks[other].neighbour(axis, -step) == rank


def test_the_best_layout_has_the_smallest_halos():
    closed, along_x = (False, False), (False, True)
    assert best_layout((100, 100), closed, 4) == (2, 2)
    assert best_layout((40, 90), closed, 2) == (1, 2)
    assert best_layout((40, 70), along_x, 2) == (2, 1)  # a ring cut in two has two seams
    assert best_layout((100, 100), closed, 2) == (2, 1)  # of two alike the one with the longer rows
    assert best_layout((4, 100), closed, 6) == (1, 6)


@pytest.mark.parametrize(
    ("layout", "size", "words"),
    [
        ((2, 2), 2, "need mpiexec -n 4, and the number of processes is 2"),
        ((4, 1), 4, "narrower than the 3 cells"),
        ((0, 2), 2, "the numbers of tiles along j and i"),
        ("2x1", 2, "the numbers of tiles along j and i"),
        ((2.0, 1), 2, "the numbers of tiles along j and i"),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(layout, size, words):
    with pytest.raises(InputError, match=words):
        check_layout(layout, (8, 40), size)


def test_an_ocean_that_is_too_small_for_the_processes_is_refused():
    with pytest.raises(InputError, match="cannot be divided into 7 tiles"):
        best_layout((6, 6), (False, False), 7)


def test_one_process_has_the_whole_ocean():
    model = rough_basin()
    assert model.grid.tile.is_whole
    assert model.horizontal.tile is None
    with pytest.raises(InputError, match="need mpiexec -n 2"):
        rough_basin(decomposition=(2, 1))


def test_a_sum_is_correctly_rounded_however_it_is_divided():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 30)) * 10.0 ** rng.integers(-150, 150, size=(40, 30))
    exact = float(sum(map(Fraction, values.ravel().tolist())))
    for layout in ((1, 1), (4, 1), (3, 5)):
        parts = [digits_of(tile.cut(values)[None]) for tile in every_tile(values.shape, (False, False), layout)]
        assert rounded(np.sum(parts, axis=0)[0]) == exact
    assert rough_basin().grid.tile.totals(np.stack([values, -2 * values])).tolist() == [exact, -2 * exact]


@pytest.mark.parametrize(
    ("special", "total"),
    [
        ([np.inf, 1.0], np.inf), ([-np.inf, 1.0], -np.inf), ([np.inf, -np.inf], np.nan), ([np.nan, 1.0], np.nan),
        ([], 0.0), ([-0.0], 0.0), ([1.7e308, 1.7e308], np.inf), ([1.7e308, 1.7e308, -1.7e308], 1.7e308),
        ([5e-324, 5e-324, 5e-324], 1.5e-323), ([2.0**-1022, -5e-324], 2.225073858507201e-308),
        ([1.0, 2.0**-53], 1.0), ([1.0, 2.0**-53, 2.0**-1074], 1 + 2.0**-52),
    ],
)  # fmt: skip
def test_sums_of_special_values(special, total):
    found = rounded(digits_of(np.array([special]))[0])
    assert found == total or (math.isnan(found) and math.isnan(total))


def test_what_was_given_to_the_whole_ocean_is_cut():
    """The grid of a tile is that of the same cells of the whole ocean; no process but this one is needed."""
    whole = ogcm.spherical(lon=np.linspace(0, 360, 25), lat=np.linspace(-60, 60, 13))
    for tile in every_tile(whole.shape, whole.sides, (2, 3)):
        part = whole.part(tile)
        np.testing.assert_array_equal(part.dx_f, tile.cut(whole.dx_f))
        np.testing.assert_array_equal(part.x_t, whole.x_t[tile.columns])
        np.testing.assert_array_equal(part.y_f, whole.y_f[tile.rows])
        assert part.sides == (False, False)
        assert part.whole is whole


@pytest.mark.parametrize(("west", "east"), [(0.0, 360.0), (-180.0, 180.0), (170.0, 200.0)])
def test_a_stream_has_the_bits_of_the_whole_ocean_at_the_points_of_each_tile(west, east, tmp_path):
    """Around the globe and across the date line; the file has land, whose values are filled."""
    whole = ogcm.spherical(lon=np.linspace(west, east, 25), lat=np.linspace(-60, 60, 13))
    values = np.random.default_rng(0).normal(size=(2, 18, 36))
    values[:, :7, 14:20] = np.nan
    coordinates = {"time": [0.5, 1.5], "lat": np.arange(85.0, -90.0, -10.0), "lon": np.arange(5.0, 360.0, 10.0)}
    data = xarray.DataArray(values, coordinates, name="heat", attrs={"units": "W m-2", "positive": "down"})
    data["time"].attrs["units"] = "days since 2021-01-01"
    data.to_netcdf(tmp_path / "heat.nc", engine="h5netcdf")
    records = ogcm.stream_field(tmp_path / "heat.nc", "heat", "heat flux").values
    for point in "tu":
        expected = records.at("heat", whole.points(point)).read(1)
        assert np.isfinite(expected).all()
        for tile in every_tile(whole.shape, whole.sides, (2, 3)):
            found = records.at("heat", whole.part(tile).points(point)).read(1)
            np.testing.assert_array_equal(found, tile.cut(expected))


def test_of_a_file_each_tile_reads_its_part(tmp_path, monkeypatch):
    """A lazy array of xarray with latitude from north to south, and a series of maps; arrays of a tile are its own."""
    whole, nk = ogcm.spherical(lon=np.linspace(0, 360, 25), lat=np.linspace(-60, 60, 13), radius=6.37e6), 3
    values = np.random.default_rng(0).normal(size=(nk, *whole.shape))
    coordinates = {"depth": [5.0, 15.0, 25.0], "lat": whole.y_t[::-1], "lon": whole.x_t}
    xarray.DataArray(values[:, ::-1], coordinates, name="T").to_netcdf(tmp_path / "T.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "T.nc", engine="h5netcdf") as file:
        for tile in every_tile(whole.shape, whole.sides, (2, 3)):
            part, read = whole.part(tile), []
            heights = [np.broadcast_to(z, part.shape) for z in (-5.0, -15.0, -25.0)]
            points = part.points("t", np.array(heights))
            monkeypatch.setattr(labelled, "to_host", lambda a, read=read: read.append(np.shape(a)) or device.to_host(a))
            np.testing.assert_array_equal(sample("T", file["T"], points), tile.cut(values))
            series = ogcm.Series(file["T"].rename(depth="time"), [0.0, 1.0, 2.0]).bound("T", part.points())
            np.testing.assert_array_equal(series.values, tile.cut(values))
            assert tile.cut(values).shape in read
            assert values.shape not in read
            np.testing.assert_array_equal(sample("T", tile.cut(values), points), tile.cut(values))
            np.testing.assert_array_equal(sample("T", values, points), tile.cut(values))
            with pytest.raises(InputError, match=r"shape \(3, 11, 24\) does not fit"):
                sample("T", file["T"].isel(lat=slice(1, None)), points)
