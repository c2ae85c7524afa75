"""The end of runs by signals, by Ctrl-C and on full disks, and files that other programs read meanwhile."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xarray

import ogcm
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.disk import Disk
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.output import OutputFile
from tests.ogcm.test_output import basin
from tests.ogcm.test_run_files import WRITE, python, run
from tests.ogcm.test_simulation import DAYS, QUIET, disturb, opened, small


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# Signals


def test_signals_that_are_ignored_stay_so():
    """Ignored signals, as under nohup, stay ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        simulation = ogcm.Simulation(small(), days=DAYS, **QUIET)
        disturb(simulation, 7, lambda _: os.kill(os.getpid(), signal.SIGHUP))
        simulation.run()
        assert simulation.model.state.step == 12
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_that_was_stopped_runs_again():
    simulation = ogcm.Simulation(small(), days=DAYS, output="a.nc", **WRITE)
    disturb(simulation, 7, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit):
        simulation.run()
    simulation.run()
    assert simulation.model.state.step == 7 + 12


INTERRUPTED = """
import signal, sys
from ogcm.__main__ import process

def install(*arguments, honest=signal.signal):  # says so, since before it Python has its own handler
    honest(*arguments)
    signal.signal = honest
    print("ready", flush=True)

signal.signal, sys.argv[1:] = install, {words}
process()
"""


@pytest.mark.usefixtures("signals_of_a_terminal")
@pytest.mark.parametrize(
    "words", [["run", "double_gyre", "--resolution", "3", "--days", "0.1", "--output", "a.nc"], ["setups"]]
)
@pytest.mark.parametrize("often", [0.01, 0.1])
def test_ctrl_c_at_any_time_prints_no_traceback(words, often):
    process = python(INTERRUPTED.format(words=words), wait=False)
    assert process.stdout.readline() == "ready\n"
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(often)
    error = process.communicate()[1]
    assert "Traceback" not in error
    assert process.returncode in (130, -signal.SIGINT, 0)


# Disks


@pytest.mark.parametrize("close", ["output.close()", ""])
def test_a_full_disk_during_a_run_ends_in_a_message(close):
    """A limit on the size of files stands for a full disk that nobody foresaw; HDF5 crashes Python at its end there."""
    code = f"""
import os, resource
from ogcm.output import OutputFile
from tests.ogcm.test_output import basin
model = basin()
outputs = [OutputFile(f"{{name}}.nc", model, ("u", "v", "T", "S")) for name in "abc"]
kept = outputs  # until the end of Python
for output in outputs:
    output.record(model)
most = os.path.getsize("a.nc.part") + 20_000
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
for output in outputs:
    try:
        while True:
            output.record(model)
    except OSError as error:
        print(error)
    {close}
"""
    code_of_exit, out, error = python(code)
    assert (code_of_exit, error) == (0, "")
    for line, name in zip(out.splitlines(), "abc", strict=True):
        assert f"{name}.nc: writing failed ([Errno 27] File too large); " in line
        with opened(f"{name}.nc.part") as d:
            assert d.sizes["time"] == int(line.split("; ")[1].split()[0]) > 3
            assert np.isfinite(d.T[:, 0, 0, 0]).all()


def test_a_run_whose_disk_fails_goes_on_from_what_was_written(monkeypatch):
    run(output="whole.nc", **WRITE)
    simulation, honest = ogcm.Simulation(small(), days=DAYS, output="a.nc", **WRITE), Disk.write

    def write(self, data):
        if simulation.model.state.step >= 7 and "restart" not in str(self.name):
            self.error = self.error or OSError(28, "No space left on device")
        return honest(self, data)

    said = r"failed .*No space left.*; 3 records are safe in a\.nc\.part.*; the state of day 0.375 is in a\.restart\.h5"
    with monkeypatch.context() as patch:
        patch.setattr(Disk, "write", write)
        with pytest.raises(FileError, match=said):
            simulation.run()
    assert not Path("a.nc").exists()
    run(days=3 / 24, output="a.nc", restart="a.restart.h5", **WRITE)
    with opened("whole.nc") as whole, opened("a.nc") as a:
        xarray.testing.assert_equal(whole, a)


@pytest.mark.parametrize("what", ["output", "configuration"])
def test_a_disk_that_is_full_at_the_beginning_leaves_nothing(monkeypatch, what):
    simulation = ogcm.Simulation(small(), days=DAYS, output="a.nc", **WRITE)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if what == "output":
            patch.setattr(
                Disk, "write", lambda self, data: setattr(self, "error", OSError(28, "No space")) or len(data)
            )
        else:
            patch.setattr(os, "fsync", full)
        with pytest.raises(FileError, match=r"a\.(nc: cannot|toml: the configuration could not) be written .*No space"):
            simulation.run()
    assert os.listdir() == []
    simulation.run()


def test_a_second_run_from_a_state_that_blew_up_is_refused():
    simulation = ogcm.Simulation(small(), days=DAYS, output="a.nc", **WRITE)
    disturb(simulation, 7, lambda state: state.T.__setitem__((2, 7, 8), np.nan))
    with pytest.raises(BlowUpError):
        simulation.run()
    before = Path("a.nc").read_bytes()
    with pytest.raises(InputError, match="the run would start from nan"):
        simulation.run()
    assert Path("a.nc").read_bytes() == before


def test_a_damaged_disk_at_the_end_is_reported(monkeypatch):
    output = OutputFile("a.nc", basin(), ("T",))
    output.record(basin())
    output.store.disk.error = OSError(5, "Input/output error")
    with pytest.raises(FileError, match=r"a\.nc: cannot be finished .*Input/output error"):
        output.close()
    assert os.listdir() == ["a.nc.part"]


# Reading with other programs

READ = """
import xarray
with xarray.open_dataset("{name}") as d:
    print(d.sizes["time"], float(d.T[-1, 0, 0, 0]) > 0, d.time.dt.calendar, str(d.time.values[-1]))
"""


def test_xarray_opens_what_is_being_written_and_what_is_finished(capsys):
    model = basin()
    model.state.time = 31 * DAY
    output = OutputFile("a.nc", model, ("T",))
    for records in (1, 2):
        output.record(model)
        code, out, error = python(READ.format(name="a.nc.part"))
        assert (code, out) == (0, f"{records} True 360_day 0001-02-02 00:00:00\n"), error
    for command in ("info", "plot"):
        assert main([command, "a.nc"]) == 2
        assert "a.nc: does not exist; a run is writing a.nc.part, or was killed" in capsys.readouterr().err
    assert main(["info", "a.nc.part"]) == 0
    assert "2 records" in capsys.readouterr().out
    output.close()
    with xarray.open_dataset("a.nc") as d:
        assert d.time.values[-1].timetuple()[:3] == (1, 2, 2)
