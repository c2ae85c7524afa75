"""Zarr stores: the content of the NetCDF files of the same runs, with the same safety."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray

import ogcm
from ogcm import output
from ogcm.cli import main
from ogcm.data import read_field
from ogcm.errors import FileError, InputError
from ogcm.info import info
from ogcm.output import OutputFile
from ogcm.record import Record
from ogcm.zarr_store import limited
from tests.ogcm.test_output import basin, write
from tests.ogcm.test_run_files import python
from tests.ogcm.test_simulation import DAYS, QUIET, small

zarr = pytest.importorskip("zarr", reason="zarr is not installed")
EVERY = DAYS / 4
VARIABLES = ("u", "v", "eta", "T", "S", "w", "zeta", "h", "transport_x", "kappa_v")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(path, days=DAYS, **options):
    """A run of half a day that writes one output; returns its model."""
    model = small()
    ogcm.Simulation(model, **({"days": days, "output": path, "every": EVERY} | QUIET | options)).run()
    return model


def load(path, **options):
    """All values of an output, without what tells when and how it was written."""
    reader = xarray.open_zarr if ".zarr" in str(path) else xarray.open_dataset
    with reader(path, **options) as d:
        d = d.load()
    for name in ("history", "configuration"):
        d.attrs.pop(name)
    return d


@pytest.mark.parametrize("spherical", [False, True])
@pytest.mark.parametrize("means", [False, True])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_store_has_the_content_of_a_file(spherical, means, precision):
    model = basin(spherical=spherical)
    for name in ("a.nc", "a.zarr"):
        model.state.time = 12345.0
        write(Path(name), model, VARIABLES, means=means, precision=precision)
    for options in ({}, {"decode_cf": False}):
        a, b = load("a.nc", **options), load("a.zarr", **options)
        xarray.testing.assert_identical(a, b)
        assert {name: v.dtype for name, v in a.variables.items()} == {name: v.dtype for name, v in b.variables.items()}


def test_a_run_writes_the_same_to_both_formats():
    model = small()
    options = {"every": EVERY, "variables": VARIABLES, "means": True, "precision": "float64"}
    writers = {"file": ogcm.NetCDFWriter("a.nc", **options), "store": ogcm.ZarrWriter("b.zarr", **options)}
    ogcm.Simulation(model, days=DAYS, output="c.zarr", every=EVERY, writers=writers, **QUIET).run()
    xarray.testing.assert_identical(load("a.nc"), load("b.zarr"))
    assert load("c.zarr").sizes["time"] == 5
    assert Path("c.restart.h5").exists()
    assert Path("b.toml").exists()


def test_xgcm_and_cf_xarray_know_a_store_without_arguments():
    xgcm, model = pytest.importorskip("xgcm"), basin(spherical=True)
    write(Path("a.zarr"), model)
    d = load("a.zarr")
    assert set(xgcm.Grid(d).axes) == {"X", "Y", "Z"}
    pytest.importorskip("cf_xarray")
    assert d.cf["sea_water_x_velocity"].cf["area"].name == "cell_area_u"


def test_readers_see_whole_records_at_any_time(monkeypatch):
    """Everything of a record is written before any reader sees it, also where the program is killed in between."""
    model, seen = basin(), []
    store = OutputFile("a.zarr", model, ("T", "eta"), precision="float64")
    honest = output.put

    def look():
        with xarray.open_zarr("a.zarr.part", decode_times=False) as d:
            seen.append(d.load())

    def put(*arguments):
        honest(*arguments)
        look()

    monkeypatch.setattr(output, "put", put)
    for n in range(3):
        model.state.eta[...], model.state.time = n, float(n)
        store.record(model)
        look()
    assert len(seen) > 20
    assert [d.sizes["time"] for d in seen] == sorted(d.sizes["time"] for d in seen)
    for d in seen:
        np.testing.assert_array_equal(d.eta.max(["y", "x"]), np.arange(d.sizes["time"]))
        np.testing.assert_array_equal(d.mean_eta.round(9), np.arange(d.sizes["time"]))
        np.testing.assert_allclose(d.time * ogcm.constants.DAY, np.arange(d.sizes["time"]))


def test_a_run_that_was_killed_goes_on():
    """The program ends within a record, of which some variables are longer than others."""
    run("whole.zarr", output_precision="float64")
    code = f"""
import os
import ogcm
from ogcm import output
from tests.ogcm.test_simulation import DAYS, QUIET, small
honest = output.put
def put(f, name, record, *rest):
    honest(f, name, record, *rest)
    if name == "S" and record == (3,):
        os._exit(9)
output.put = put
ogcm.Simulation(small(), days=DAYS, output="a.zarr", every={EVERY}, output_precision="float64",
                restart_every=DAYS / 2, **QUIET).run()
"""
    assert python(code)[0] == 9
    assert sorted(p.name for p in Path().glob("a.*")) == ["a.restart.h5", "a.restart.lock", "a.toml", "a.zarr.part"]
    assert load("a.zarr.part").sizes["time"] == 3
    assert "3 records" in info("a.zarr.part")
    with pytest.raises(FileError, match=r"a\.zarr\.part: holds the records of a run that was killed"):
        run("a.zarr")
    run("a.zarr", DAYS / 2, restart="a.restart.h5", output_precision="float64")
    xarray.testing.assert_identical(load("whole.zarr"), load("a.zarr"))
    assert not Path("a.zarr.part").exists()
    xarray.testing.assert_identical(load("whole.zarr"), load("a.zarr", consolidated=False))


@pytest.mark.parametrize("means", [False, True])
def test_a_continued_run_extends_the_store(means):
    options = {"output_precision": "float64", "means": means}
    run("whole.zarr", **options)
    run("a.zarr", DAYS / 2, **options)
    with pytest.raises(FileError, match=r"a\.zarr: exists; choose another name or pass overwrite"):
        run("a.zarr", **options)
    run("a.zarr", DAYS / 2, restart="a.restart.h5", **options)
    xarray.testing.assert_identical(load("whole.zarr"), load("a.zarr"))
    run("a.zarr", overwrite=True, variables=("eta",))
    assert "T" not in load("a.zarr")
    assert sorted(p.name for p in Path().glob("a.*")) == ["a.restart.h5", "a.toml", "a.zarr"]


def test_a_store_drops_the_records_after_the_restart():
    model = basin()
    write("a.zarr", model, ("T",), records=4)
    model.state.time -= 2 * ogcm.constants.DAY
    model.state.T[...] = 1.0
    write("a.zarr", model, ("T",), records=1, extend=True)
    d = load("a.zarr", decode_times=False)
    assert d.sizes["time"] == 3
    assert (np.diff(d.time) > 0).all()
    assert float(d["T"][-1].max()) == 1.0
    with pytest.raises(FileError, match="another run or grid"):
        OutputFile("a.zarr", model, ("T", "S"), extend=True)
    assert os.listdir() == ["a.zarr"]


def test_what_ogcm_did_not_write_is_kept():
    zarr.open_group("a.zarr", mode="w", zarr_format=2)
    Path("b.zarr").write_text("a file")
    Path("c.zarr").mkdir()
    for name, words in (("a", "ogcm did not write it"), ("b", "a Zarr store is a folder"), ("c", "ogcm did not")):
        with pytest.raises(FileError, match=words):
            run(f"{name}.zarr", overwrite=True)
    with pytest.raises(FileError, match=r"give a name that ends in \.zarr"):
        ogcm.ZarrWriter("a.nc")
    with pytest.raises(FileError, match=r"give a name that ends in \.nc"):
        ogcm.NetCDFWriter("new.zarr")
    with pytest.raises(InputError, match=r"two of them write same\.toml, beside same\.zarr"):
        run("same.nc", writers={"too": ogcm.ZarrWriter("same.zarr")})
    for command in (["sensitivity", "double_gyre"], ["make-data", "double_gyre"]):
        assert main([*command, "--output", "d.zarr"]) == 2
    assert sorted(os.listdir()) == ["a.zarr", "b.zarr", "c.zarr"]


def test_without_zarr_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(InputError, match=r'zarr: is needed .* pip install "ogcm\[zarr\]"'):
        run("a.zarr")
    assert os.listdir() == []


def test_damage_is_found():
    write("a.zarr", basin(), ("T",))
    chunk = Path("a.zarr/T/1.0.0.0")
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    with Record("a.zarr") as record, pytest.raises(FileError, match=r"a\.zarr: damaged"):
        record.field("T")
    Path("a.zarr/.zmetadata").write_text("{")
    for read in (Record, info, lambda path: read_field(path, "T", "temperature")):
        with pytest.raises(FileError, match=r"a\.zarr: .*damaged"):
            read("a.zarr")


def test_the_reader_of_fields_reads_a_store():
    for name in ("a.nc", "a.zarr"):
        write(name, basin(spherical=True), ("T",), records=1)
    a, b = (read_field(path, "T", "temperature") for path in ("a.nc", "a.zarr"))
    xarray.testing.assert_equal(a, b)
    assert a.attrs | {"source": "a.zarr"} == b.attrs


def test_the_command_writes_and_draws_a_store(capsys):
    words = ["run", "double_gyre", "--resolution", "3", "--days", "1", "--every", "0.5"]
    assert main([*words, "--output", "a.zarr"]) == 0
    assert "draw it with `ogcm plot a.zarr`" in capsys.readouterr().err
    assert main([*words, "--output", "a2.nc"]) == 0
    for name in ("a.zarr", "a2.nc"):
        assert main(["plot", name, "--output", f"{name}.png"]) == 0
        assert main(["plot", name, "--kind", "map", "--variable", "T", "--output", f"{name}.T.png"]) == 0
    assert Path("a.zarr.T.png").read_bytes() == Path("a2.nc.T.png").read_bytes()
    assert main(["info", "a.zarr"]) == 0
    assert "3 records, day 0 to 1" in capsys.readouterr().out
    assert main(["run", "a.toml", "--output", "again.zarr"]) == 0
    xarray.testing.assert_identical(load("a.zarr"), load("again.zarr"))
    assert main([*words, "--members", "2", "--perturb", "T=0.01", "--output", "e.zarr"]) == 0
    assert load("e_002.zarr").sizes["time"] == 3


def test_a_full_disk_leaves_the_records_before():
    code = """
import resource
from ogcm.output import OutputFile
from tests.ogcm.test_output import basin
output = OutputFile("a.zarr", basin(), ("T", "S"))
output.record(basin())
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
try:
    output.record(basin())
except OSError as error:
    print(error)
output.close()
"""
    code_of_exit, out, error = python(code)
    assert code_of_exit == 0, error  # zarr may tell of another of its writes that failed
    assert "a.zarr: writing failed ([Errno 27] File too large" in out
    assert "1 records are safe in a.zarr.part" in out
    assert load("a.zarr.part").sizes["time"] == 1


def test_chunks_have_whole_layers():
    assert limited((1, 12, 15, 15), 4) == (1, 12, 15, 15)
    assert limited((1, 30, 1000, 1000), 4) == (1, 2, 1000, 1000)
    assert limited((1, 75, 3000, 4000), 8) == (1, 1, 3000, 4000)
    assert limited((512, 2), 8) == (512, 2)
    assert limited((1000, 4000), 8) == (1000, 4000)


def test_fields_of_several_chunks_are_whole(monkeypatch):
    monkeypatch.setattr("ogcm.zarr_store.CHUNK", 1)
    for name in ("a.nc", "a.zarr"):
        write(Path(name), basin())
    assert Path("a.zarr/T/0.1.0.0").exists()
    xarray.testing.assert_identical(load("a.nc"), load("a.zarr"))
