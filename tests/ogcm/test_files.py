"""Sealed files: every change of their bytes is found before HDF5 opens them."""

import io as streams
import os

import h5py
import numpy as np
import pytest
import xarray

from adjoint import observations
from nn import trained
from nn.data import DataOutput
from nn.data_set import DataSet
from ogcm import files
from ogcm.constants import DAY
from ogcm.errors import FileError
from ogcm.info import info
from ogcm.output import OutputFile
from ogcm.record import Record
from ogcm.restart import load_restart, save_restart
from tests.oceans import rough_basin
from tests.ogcm.test_output import basin, write

SECTOR = 512


def damages(content: bytes, cases: int, seed: int = 0):
    """Copies of a file with flipped bits, cut short, with sectors zeroed, swapped or lost, and with bytes appended."""
    rng = np.random.default_rng(seed)
    sectors = len(content) // SECTOR
    for n in range(cases):
        damaged, kind = bytearray(content), n % 6
        at, other = (SECTOR * int(m) for m in rng.integers(0, sectors, 2))
        if kind < 2:
            damaged[int(rng.integers(0, len(content)))] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            del damaged[int(rng.integers(0, len(content))) :]
        elif kind == 3:
            at = at if n % 4 else len(content) - SECTOR
            damaged[at : at + SECTOR * int(rng.integers(1, 4))] = bytes(SECTOR)
        elif kind == 4:
            damaged[at : at + SECTOR], damaged[other : other + SECTOR] = (
                content[other : other + SECTOR], content[at : at + SECTOR],
            )  # fmt: skip
        else:
            damaged += rng.bytes(int(rng.integers(1, 100)))
        if bytes(damaged) != content:
            yield bytes(damaged)


def restart(path):
    save_restart(path, model := basin())
    return lambda: load_restart(path, model)


def weights(path):
    trained.save(path, model := rough_basin(), ["nu_h", "kappa_v"])
    return lambda: trained.load(path, model)


def data_set(path):
    model = basin()
    output = DataOutput(path, model)
    for n in range(3):
        model.state.time = DAY * n
        output.record(model)
    output.close()
    return lambda: DataSet(path, model)


MADE = {"restart": restart, "weights": weights, "data set": data_set}


@pytest.mark.parametrize("kind", MADE)
def test_no_damage_passes(tmp_path, kind):
    path = tmp_path / "f.h5"
    read = MADE[kind](path)
    content, refused = path.read_bytes(), 0
    for damaged in damages(content, 300):
        path.write_bytes(damaged)
        with pytest.raises(FileError, match=r"f\.h5: (damaged|truncated)"):
            read()
        refused += 1
    assert refused > 250
    path.write_bytes(content)
    read()


def values_of(path):
    with h5py.File(path) as f:
        return {name: a[()] for name, a in f.items()}


@pytest.mark.parametrize("read", [info, Record, files.verify])
def test_a_damaged_output_is_not_shown(tmp_path, read):
    path = tmp_path / "a.nc"
    write(path, basin(), ("T", "u"))
    content = path.read_bytes()
    expected = values_of(path)
    for damaged in damages(content, 120):
        path.write_bytes(damaged)
        try:
            read(path)
        except FileError:
            continue
        shown = values_of(path)  # bytes were lost or added behind all that HDF5 wrote
        assert all(np.array_equal(shown[name], a) for name, a in expected.items())


def test_a_damaged_output_is_not_extended(tmp_path):
    path, model = tmp_path / "a.nc", basin()
    write(path, model, ("T",))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileError, match="damaged"):
        OutputFile(path, model, ("T",), extend=True)
    assert os.listdir(tmp_path) == ["a.nc"]


def test_a_sealed_file_opens_as_any_other(tmp_path):
    path = tmp_path / "a.nc"
    write(path, basin(), ("T",))
    last = path.read_bytes()[-files.LENGTH :]
    assert last.startswith(b"\nogcm sha256 ")
    assert last.endswith(b"\n")
    for engine in (None, "h5netcdf"):
        with xarray.open_dataset(path, engine=engine, decode_times=False) as d:
            assert d.sizes["time"] == 2
    with h5py.File(path) as f:
        assert f["T"].shape[0] == 2


def test_an_extended_output_is_sealed_again(tmp_path):
    path, model = tmp_path / "a.nc", basin()
    write(path, model, ("T",))
    write(path, model, ("T",), extend=True)
    files.verify(path)
    assert path.read_bytes().count(files.SEAL) == 1


def test_what_was_changed_on_purpose_can_be_sealed_again(tmp_path):
    path = tmp_path / "r.h5"
    save_restart(path, basin())
    with h5py.File(path, "r+") as f:
        f["state/T"][...] += 1
    with pytest.raises(FileError, match=r"its last line is no hash of ogcm \(where you changed it on purpose, seal"):
        load_restart(path, basin())
    files.seal(path)
    sealed = path.read_bytes()
    files.seal(path)
    assert path.read_bytes() == sealed
    model = basin()
    load_restart(path, model)
    assert model.state.T.max() > basin().state.T.max() + 0.5
    with pytest.raises(FileError, match="cannot be changed"):
        files.seal(tmp_path / "none.h5")


@pytest.mark.parametrize("content", [b"", b"x", files.SEAL, files.seal_line("0" * 64)])
def test_short_files_are_refused(tmp_path, content):
    path = tmp_path / "short"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"short: (truncated|damaged)"):
        files.verify(path)


def test_a_file_without_a_seal_passes_where_none_is_required(tmp_path):
    path = tmp_path / "foreign.nc"
    with h5py.File(path, "w") as f:
        f["x"] = np.arange(3)
    files.verify(path, required=False)
    with pytest.raises(FileError, match="cannot be read"):
        files.verify(tmp_path / "none.nc", required=False)


def test_a_sealed_file_is_made_in_one_piece(tmp_path):
    whole = streams.BytesIO(b"content")
    files.write_sealed(tmp_path / "f", whole)
    assert (tmp_path / "f").read_bytes().startswith(b"content\nogcm sha256 ")
    assert os.listdir(tmp_path) == ["f"]
    files.verify(tmp_path / "f")
    with pytest.raises(FileError, match="make room"):
        files.write_sealed(tmp_path / "none" / "f", streams.BytesIO(b"content"))


def test_damaged_observations_are_refused(tmp_path):
    """Files of observations that other programs wrote have no seal; those of ogcm have one."""
    path, model = tmp_path / "seen.nc", rough_basin()
    points = observations.Points("T", *(np.full(40, n) for n in (1e5, 5e4, -50.0, 0.5, 10.0, 0.1)))
    observations.write(path, [points], model)
    content, refused = path.read_bytes(), 0
    for damaged in damages(content, 60):
        path.write_bytes(damaged)
        try:
            (found,) = observations.read(path, model)
        except FileError:
            refused += 1
        else:
            assert all(np.array_equal(a, b) for a, b in zip(found[1:], points.whole()[1:], strict=True))
    assert refused > 40
