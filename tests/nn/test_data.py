"""Data sets, their statistics, and the command that makes them."""

import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

import ogcm
from nn.coarse_graining import CoarseGraining
from nn.commands import coarse_model
from nn.data import DataOutput, make_data
from nn.data_set import DataSet
from nn.records import check_disjoint, set_fields
from ogcm import files
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.grid import interior
from ogcm.metadata import FILL
from ogcm.restart import load_restart, save_restart
from ogcm.state import PROGNOSTIC
from ogcm.variables import wet_points
from tests.oceans import rough_basin, run


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# Making data


def channels(**options):
    return tuple(ogcm.setups.channel(resolution=r, **options) for r in (50.0, 100.0))


def test_records_are_the_fine_run_coarse_grained_and_the_run_goes_on():
    fine, coarse = channels()
    make_data(fine, coarse, "d.nc", days=0.5, every=0.25, spin_up=0.3, progress=False)
    data = DataSet("d.nc", coarse_model(fine, 2))
    np.testing.assert_allclose(data.times, [0.5 * DAY, 0.75 * DAY, DAY])  # spin_up is rounded up
    assert data.interval == pytest.approx(0.25 * DAY)
    again, other = channels()
    graining = CoarseGraining(again, other)
    run(again, 12)
    for n in range(3):
        state = data.state(n)
        set_fields(other.state, other, graining(again.state))
        for name in PROGNOSTIC:
            np.testing.assert_array_equal(getattr(state, name), getattr(other.state, name))
        assert (state.time, state.step) == (pytest.approx(again.state.time), round(again.state.time / 3600))
        run(again, 6)
    resumed, _ = channels()
    load_restart("d.restart.h5", resumed)
    assert run(resumed, 6).state.digest() == again.state.digest()
    make_data(resumed, coarse, "e.nc", days=0.25, every=0.25, progress=False)
    assert DataSet("e.nc", coarse).times[0] == pytest.approx(1.25 * DAY)
    assert not list(Path().glob("*.part"))


def test_the_file_records_how_it_was_made():
    fine, coarse = channels(wind=0.2)
    make_data(fine, coarse, "d.nc", days=0.25, every=0.125, progress=False)
    with xarray.open_dataset("d.nc", engine="h5netcdf", decode_times=False) as d:
        assert d.T.dims == ("time", "z", "y", "x")
        assert d.u.dims == ("time", "z", "y", "x_f")
        assert (d.S.attrs["units"], d.S.attrs["standard_name"]) == ("g kg-1", "sea_water_absolute_salinity")
        assert d.attrs["source"] == f"ogcm {ogcm.__version__}"
        assert list(d.attrs["factor"]) == [2, 2]
        assert "resolution = 100.0" in d.attrs["configuration"]
        assert "resolution = 50.0" in d.attrs["fine_configuration"]
        assert "wind = 0.2" in d.attrs["configuration"]
    attributes = DataSet("d.nc", coarse).attributes
    assert 0 < attributes["wall_seconds_per_day"] < 100


def test_what_would_fail_later_fails_before_the_first_step():
    fine, coarse = channels()
    first = fine.state.digest()
    Path("there.nc").write_text("mine")
    wrong = [
        (FileError, "there.nc: exists", "there.nc", {}),
        (FileError, "folder", "no/d.nc", {}),
        (FileError, "'.' does not name a file", ".", {"overwrite": True}),
        (InputError, "days", "d.nc", {"days": -1.0}),
        (InputError, "every: .* at most the 1 of", "d.nc", {"every": 2.0}),
        (InputError, "every", "d.nc", {"every": 0.0}),
        (InputError, "spin_up", "d.nc", {"spin_up": -1.0}),
    ]
    for kind, text, path, options in wrong:
        with pytest.raises(kind, match=text):
            make_data(fine, coarse, path, **({"days": 1.0, "every": 0.5, "progress": False} | options))
    assert fine.state.digest() == first
    assert [p.name for p in Path().iterdir()] == ["there.nc"]
    assert Path("there.nc").read_text() == "mine"


def test_a_run_that_dies_leaves_its_records_in_the_part_file(monkeypatch):
    fine, coarse = channels()
    step = ogcm.Stepper.step

    def dying(self):
        step(self)
        if self.model.state.step == 9:
            self.model.state.T[2, 5, 5] = np.nan

    with monkeypatch.context() as patch:
        patch.setattr(ogcm.Stepper, "step", dying)
        with pytest.raises(BlowUpError, match=r"d\.restart\.h5"):
            make_data(fine, coarse, "d.nc", days=1.0, every=0.125, progress=False)
    assert not Path("d.nc").exists()
    with h5py.File("d.nc.part") as f:
        assert len(f["time"]) == 3
    with pytest.raises(FileError, match=r"d\.nc\.part: holds the records of a run that was killed or failed"):
        make_data(*channels(), "d.nc", days=0.25, every=0.125, progress=False)
    make_data(*channels(), "d.nc", days=0.25, every=0.125, overwrite=True, progress=False)
    assert not Path("d.nc.part").exists()


# Reading data


def written(model, path="d.nc", fields=PROGNOSTIC, records=10, interval=0.5):
    """A data set of random fields around 1,000: (records, ...) by name."""
    rng = np.random.default_rng(3)
    made = {name: 1000 + rng.normal(size=(records, *wet_points(model, name).shape)) for name in fields}
    output = DataOutput(path, model, fields)
    for n in range(records):
        output.write({name: a[n] for name, a in made.items()}, n * interval * DAY, n * interval * DAY)
    output.close()
    return {name: np.where(wet_points(model, name), a, 0) for name, a in made.items()}


def change(path, name, index, value):
    with h5py.File(path, "r+") as f:
        f[name][index] = value
    files.seal(path)


def test_states_and_targets():
    model = rough_basin()
    made = written(model)
    data = DataSet("d.nc", model)
    state, targets = data.state(2), data.targets(2, 3)
    for name, a in made.items():
        np.testing.assert_array_equal(interior(getattr(state, name)), a[2])
        np.testing.assert_array_equal(targets[name], a[3:6])
    np.testing.assert_array_equal(state.T[:, :, :3], state.T[:, :, 16:19])  # the halo of a periodic side
    assert (state.time, state.step, data.interval) == (DAY, 144, 0.5 * DAY)
    small = rough_basin(precision="float32")
    assert DataSet("d.nc", small).state(0).u.dtype == np.float32
    for wrong in (
        lambda: data.state(10),
        lambda: data.state(-1),
        lambda: data.targets(8, 2),
        lambda: data.targets(3, 0),
    ):
        with pytest.raises(InputError, match="10 records"):
            wrong()


def test_a_data_set_of_currents_alone():
    model = rough_basin()
    made = written(model, fields=("u", "v"))
    data = DataSet("d.nc", model)
    state = data.state(1)
    assert data.fields == ("u", "v") == tuple(data.targets(0, 1))
    np.testing.assert_array_equal(interior(state.v), made["v"][1])
    np.testing.assert_array_equal(state.T, model.state.T)
    assert state.T is not model.state.T
    assert DataSet("d.nc", model, fields=["v"]).fields == ("v",)
    with pytest.raises(InputError, match="has no 'T'"):
        DataSet("d.nc", model, fields=["T"])


def test_only_requested_variables_are_read():
    model = rough_basin()
    written(model, records=60)
    change("d.nc", "T", 40, np.nan)
    record = sum(a.nbytes for a in model.state.arrays().values())
    tracemalloc.start()
    data = DataSet("d.nc", model)
    data.state(3)
    data.targets(3, 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * record
    with pytest.raises(FileError, match="record 40"):
        data.targets(38, 2)
    DataSet("d.nc", model, fields=["S"]).targets(38, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf, FILL])
def test_a_missing_value_over_water_is_named(value):
    model = rough_basin()
    written(model)
    k, j, i = np.argwhere(wet_points(model, "u"))[7]
    change("d.nc", "u", (4, k, j, i), value)
    with pytest.raises(
        FileError, match=rf"u is .* in record 4 \(day 2\) over water at \(k, j, i\) = \({k}, {j}, {i}\)"
    ):
        DataSet("d.nc", model).targets(2, 3)
    DataSet("d.nc", model).state(3)


def test_wrong_files_are_refused():
    model = rough_basin()
    written(model)
    with pytest.raises(FileError, match=r"n\.nc: does not exist"):
        DataSet("n.nc", model)
    Path("text.nc").write_text("no data")
    with pytest.raises(FileError, match="truncated"):
        DataSet("text.nc", model)
    save_restart("r.h5", model)
    with pytest.raises(FileError, match="not a data set"):
        DataSet("r.h5", model)
    with pytest.raises(FileError, match=r"u has the shape \(5, 12, 16\), this model's is \(12, 6, 8\)"):
        DataSet("d.nc", channels()[1])
    with pytest.raises(FileError, match="cell_thickness"):
        DataSet("d.nc", rough_basin(seed=1))
    with h5py.File("d.nc", "r+") as f:
        f["T"][0] += 1
    with pytest.raises(FileError, match=r"its last line is no hash of ogcm .*seal it again"):
        DataSet("d.nc", model)
    files.seal("d.nc")
    with h5py.File("groups.nc", "w") as f:
        f.attrs["format"] = "ogcm data set 1"
        f.create_group("u")
        f.create_group("time")
    files.seal("groups.nc")
    with pytest.raises(FileError, match=r"groups\.nc: not a data set of ogcm, or of another version"):
        DataSet("groups.nc", model)
    Path("cut.nc").write_bytes(Path("d.nc").read_bytes()[:20_000])
    with pytest.raises(FileError, match="truncated"):
        DataSet("cut.nc", model)
    data = DataSet("d.nc", model)
    change("d.nc", "x", 3, 5.0)
    with pytest.raises(FileError, match="was replaced or changed after it was checked"):
        data.state(0)
    with pytest.raises(FileError, match="differs from this model's in x"):
        DataSet("d.nc", model)


def test_times_must_be_uniform():
    model = rough_basin()
    for day, text in ((9.0, "record 6 is at day 9 and the one before at day 2.5"), (2.5, "record 6 is at day 2.5")):
        written(model)
        change("d.nc", "time", 6, day)
        with pytest.raises(InputError, match=text):
            DataSet("d.nc", model)
    written(model, records=1)
    with pytest.raises(InputError, match="at least 2"):
        DataSet("d.nc", model)


def test_parts_and_windows():
    model = rough_basin()
    written(model, fields=("eta",), records=20)
    data = DataSet("d.nc", model)
    parts = data.split()
    assert parts == (range(14), range(14, 17), range(17, 20))
    check_disjoint(*parts)
    assert data.split(0.5, 0.0, 0.25) == (range(10), range(10, 10), range(10, 15))
    starts = data.windows(parts.validation, 2)
    assert starts == [14]
    assert data.windows(parts.train, 3, stride=4) == [0, 4, 8]
    assert data.windows(parts.train, 1)[-1] + 1 == parts.train[-1]
    for part, length, stride in ((parts.test, 3, 1), (parts.train, 0, 1), (parts.train, 2, 0), (range(15, 25), 1, 1)):
        with pytest.raises(InputError, match=r"windows|records"):
            data.windows(part, length, stride)
    for fractions in ((0.7, 0.3, 0.1), (-0.1, 0.5, 0.5), (0.97, 0.01, 0.01)):
        with pytest.raises(InputError, match="split"):
            data.split(*fractions)


def test_parts_that_overlap_are_refused():
    with pytest.raises(InputError, match="train, validation: both hold 2 records, 8 to 9"):
        check_disjoint(range(10), range(8, 12), range(12, 15))
    with pytest.raises(InputError, match="train, test"):
        check_disjoint(range(10), range(10, 12), range(9, 10))
    with pytest.raises(InputError, match="validation, test"):
        check_disjoint(range(10), range(10, 12), range(11, 15))


def test_statistics_and_climatology():
    """Comparison with NumPy over all records at once; the mean is a thousand times the deviation."""
    model = rough_basin()
    made = written(model)
    data, part, grid = DataSet("d.nc", model), range(2, 8), model.grid
    statistics = data.statistics(part)
    volumes = {"u": grid.area_u * grid.h_u * grid.mask_u, "T": grid.area_t * grid.h_t * grid.mask_t}
    volumes["eta"] = grid.area_t * grid.mask_t[:1]
    for name, volume in volumes.items():
        layers = made[name].reshape(len(made[name]), -1, 12, 16)
        rates = np.diff(layers[2:8], axis=0) / (0.5 * DAY)
        for k, weights in enumerate(interior(volume)):
            for values, mean, deviation in (
                (layers[2:8, k], statistics.mean, statistics.deviation),
                (rates[:, k], statistics.tendency_mean, statistics.tendency_deviation),
            ):
                w = np.broadcast_to(weights, values.shape)
                expected = np.average(values, weights=w)
                spread = np.sqrt(np.average((values - expected) ** 2, weights=w))
                assert mean[name][k] == pytest.approx(expected, rel=1e-12, abs=1e-12 * spread)
                assert deviation[name][k] == pytest.approx(spread, rel=1e-10)
    climate = data.climatology(part)
    np.testing.assert_allclose(interior(climate.v), made["v"][2:8].mean(axis=0), rtol=1e-14)
    assert climate.time == 2.25 * DAY
    with pytest.raises(InputError, match="two records"):
        data.statistics(range(2, 3))


# The command


def test_the_command(capsys):
    options = "--days 0.25 --every 0.125 --dt 2700 --wind 0.2"
    words = ["make-data", *f"channel --resolution 50 --factor 2 {options} --quiet".split()]
    assert main([*words, "--spin_up", "0.125", "--output", "d.nc"]) == 0
    fine = ogcm.setups.channel(resolution=50.0, wind=0.2, dt=2700.0)
    coarse = coarse_model(fine, 2)
    assert coarse.numerics.dt == 3600.0
    assert coarse.config["options"]["wind"] == 0.2
    data = DataSet("d.nc", coarse)
    np.testing.assert_allclose(data.times / DAY, [0.125, 0.25, 0.375])
    assert "dt = 2700.0" in data.attributes["fine_configuration"]
    assert main([*words, "--restart", "d.restart.h5", "--output", "e.nc"]) == 0
    assert DataSet("e.nc", coarse).times[0] == pytest.approx(0.375 * DAY)
    assert main([*words, "--output", "e.nc"]) == 2
    assert "e.nc: exists" in capsys.readouterr().err
    assert main([*words, "--output", "e.nc", "--overwrite"]) == 0
    assert main(["info", "e.nc"]) == 0
    assert "3 records, day 0 to 0.25" in capsys.readouterr().out
    assert main(["plot", "e.nc"]) == 0


def test_what_the_command_refuses(capsys):
    for words, text in (
        ("gravity_wave", "gravity_wave: has no resolution to make coarser; choose from double_gyre"),
        ("channel --resolution 50 --factor 0", "factor: must be at least 1"),
        ("channel --resolution 50 --factor 7", "not as large"),
        ("channel --resolution 50 --factor two", "--factor: needs a value of type int"),
        ("channel --resolution 50 --factor 2 --restart none.h5", "none.h5: does not exist"),
    ):
        assert main(["make-data", *words.split(), "--quiet"]) == 2
        assert text in capsys.readouterr().err
    assert not list(Path().iterdir())
    assert main(["make-data", "channel", "--help"]) == 0
    assert "--spin_up" in capsys.readouterr().out
