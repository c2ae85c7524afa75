"""The files of runs: their names, protection against loss and replacement, and locks."""

import os
import shlex
import signal
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray

import ogcm
from ogcm import names
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError
from ogcm.restart import load_restart, save_restart
from tests.ogcm.test_simulation import DAYS, QUIET, disturb, opened, small

EVERY = DAYS / 4
WRITE = {"every": EVERY, "output_precision": "float64"} | QUIET
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(model=None, **options):
    """A run of half a day; returns it."""
    simulation = ogcm.Simulation(model or small(), **({"days": DAYS} | QUIET | options))
    simulation.run()
    return simulation


def python(code, *, wait=True):
    """Run `code` in a process that can import the modules of the tests."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
    process = subprocess.Popen([sys.executable, "-c", code], **pipes)
    if not wait:
        return process
    out, error = process.communicate(timeout=500)
    return process.returncode, out, error


def days_of(path):
    with opened(path) as d:
        return list(np.round(d.time.values, 6))


def run_table(path):
    return tomllib.loads(Path(path).read_text())["run"]


# Names


@pytest.mark.parametrize(
    ("output", "restart"),
    [
        ("gyre.nc", "gyre.restart.h5"),
        ("nu0.5.nc", "nu0.5.restart.h5"),
        ("nu0.5", "nu0.5.restart.h5"),
        ("a.b/nu0.25", "a.b/nu0.25.restart.h5"),
        ("gyre.sensitivity.nc", "gyre.sensitivity.restart.h5"),
        ("gyre.NC", "gyre.restart.h5"),
    ],
)
def test_what_belongs_to_an_output_keeps_its_whole_name(output, restart):
    assert names.beside(output, ".restart.h5") == Path(restart)


def test_outputs_with_a_dot_share_no_file():
    for nu in (0.5, 0.25):
        run(small(parameters={"nu_h": 9000 * nu}), output=f"nu{nu}")
    assert sorted(os.listdir()) == sorted(f"nu{nu}{end}" for nu in (0.25, 0.5) for end in ("", ".restart.h5", ".toml"))
    assert tomllib.loads(Path("nu0.5.toml").read_text())["parameters"]["nu_h"] == 4500


def test_pictures_are_named_after_the_whole_output():
    run(output="nu0.5")
    assert main(["plot", "nu0.5", "--kind", "series"]) == 0
    assert [name for name in os.listdir() if name.endswith("png")] == ["nu0.5.png"]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", "'' does not name a file"),
        (".", "does not name a file"),
        ("..", "does not name a file"),
        ("/", "does not name a file"),
        (3, "needs the name of a file, got 3"),
        ("a\0b", "needs the name of a file"),
        ("mm.grib", "give a name that ends in .nc, such as mm.nc"),
        ("mm.csv", ".csv is the ending of another format"),
        ("mm.toml", "another format"),
    ],
)
def test_names_of_no_output_are_refused(output, words):
    with pytest.raises(FileError, match=words.replace(".", r"\.")):
        ogcm.Simulation(small(), days=1, output=output, **QUIET)
    if isinstance(output, str) and "\0" not in output and output != "":
        for command in (["run", "double_gyre"], ["sensitivity", "double_gyre"]):
            assert main([*command, f"--output={output}", "--resolution", "3"]) == 2
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variables": ("T", "u", "T")}, "variables: 'T' is named twice"),
        ({"variables": ("T", 3)}, "unknown field 3"),
        ({"days": True}, "days: must be a positive number of days, got True"),
        ({"days": "2"}, "days: must be a positive number"),
        ({"every": None, "restart_every": "1"}, "restart_every: must be a positive number"),
        ({"start": 3.0}, "start: the run must begin on day 3, the model is of day 0"),
    ],
)
def test_arguments_of_a_run_that_cannot_be(options, words):
    with pytest.raises(InputError, match=words):
        ogcm.Simulation(small(), **({"days": 1.0, "output": "a.nc"} | QUIET | options))


# Restarts


def test_runs_from_one_restart_all_begin_on_its_day():
    run()
    first, begun = Path("double_gyre.restart.h5").read_bytes(), []
    for nu in (9000.0, 8000.0):
        model = small(parameters={"nu_h": nu})
        simulation = ogcm.Simulation(model, days=DAYS, restart="double_gyre.restart.h5", **QUIET)
        begun.append(model.state.time)
        simulation.run()
        assert model.state.time == 2 * DAYS * DAY
        again = small()
        load_restart(simulation.restart_file, again)
        assert again.state.digest() == model.state.digest()
    assert begun == [DAYS * DAY] * 2
    assert Path("double_gyre.restart.h5").read_bytes() == first
    assert sorted(os.listdir()) == [f"double_gyre{n}.restart.h5" for n in ("-2", "-3", "")]


def test_a_restart_of_another_run_is_replaced_only_with_overwrite():
    run()
    first = Path("double_gyre.restart.h5").read_bytes()
    for options in ({}, {"restart": "double_gyre.restart.h5"}):
        with pytest.raises(FileError, match=r"double_gyre\.restart\.h5: is the restart of another run; .*--overwrite"):
            ogcm.Simulation(small(), days=DAYS, output="double_gyre.nc", **QUIET, **options)
    assert main(["run", "double_gyre", "--resolution", "3", "--days", "0.5", "--quiet"]) == 2
    assert os.listdir() == ["double_gyre.restart.h5"]
    assert Path("double_gyre.restart.h5").read_bytes() == first
    run(output="double_gyre.nc", overwrite=True)
    run(overwrite=True)
    assert sorted(os.listdir()) == [f"double_gyre.{end}" for end in ("nc", "restart.h5", "toml")]


def test_what_came_up_since_the_run_was_made_is_not_replaced():
    late, other = (ogcm.Simulation(small(), days=DAYS, output="a.nc", **QUIET) for _ in range(2))
    other.run()
    before = Path("a.nc").read_bytes(), Path("a.restart.h5").read_bytes()
    with pytest.raises(FileError, match=r"a\.nc: exists"):
        late.run()
    assert before == (Path("a.nc").read_bytes(), Path("a.restart.h5").read_bytes())


def test_a_restart_that_would_drop_the_records_of_another_run_is_refused():
    run()
    run(output="a.nc", restart="double_gyre.restart.h5", every=EVERY)
    with pytest.raises(FileError, match=r"a\.nc: holds records up to day 1, and the run begins on day 0\.5"):
        ogcm.Simulation(small(), days=DAYS, output="a.nc", restart="double_gyre.restart.h5", **QUIET)


def test_a_gap_in_an_output_is_refused():
    run(output="a.nc", every=EVERY)
    run(days=2 * DAYS)
    with pytest.raises(FileError, match=r"a\.nc: has no records between day 0\.5 and day 1"):
        ogcm.Simulation(small(), days=DAYS, output="a.nc", restart="double_gyre.restart.h5", every=EVERY, **QUIET)


# Continued runs


@pytest.mark.parametrize("means", [False, True])
def test_a_second_run_extends_the_first(means):
    run(days=2 * DAYS, output="whole.nc", means=means, **WRITE)
    twice = run(output="twice.nc", means=means, **WRITE)
    twice.run()
    with opened("whole.nc") as whole, opened("twice.nc") as both:
        xarray.testing.assert_equal(whole, both)
        assert both.attrs["configuration"] == whole.attrs["configuration"]
    assert Path("twice.toml").read_text() == Path("whole.toml").read_text()


KILLED = """
import os, signal
from tests.ogcm.test_simulation import disturb, ogcm, small
simulation = ogcm.Simulation(small(), output="run.nc", {options})
disturb(simulation, {step}, lambda _: os.kill(os.getpid(), signal.SIGKILL))
simulation.run()
"""


@pytest.mark.parametrize("continued", [False, True])
def test_a_run_that_is_killed_continues_without_a_gap(continued):
    """A run of 24 steps, killed in step 17, with a restart at step 15 and a record every three steps."""
    run(days=2 * DAYS, output="whole.nc", **WRITE)
    options = WRITE | {"days": 2 * DAYS, "restart_every": 5 / 24}
    if continued:
        run(days=5 / 24, output="run.nc", **WRITE)
        options |= {"days": 19 / 24, "restart": "run.restart.h5"}
    told = ", ".join(f"{name}={value!r}" for name, value in options.items())
    assert python(KILLED.format(options=told, step=17))[0] == -signal.SIGKILL
    assert Path("run.nc").exists() == continued
    before = {path: Path(path).read_bytes() for path in ("run.nc.part", "run.restart.h5", "run.toml")}
    with pytest.raises(FileError, match=r"run\.nc(\.part: holds the records of a run that was killed|: exists)"):
        ogcm.Simulation(small(), days=DAYS, output="run.nc", **WRITE)
    assert before == {path: Path(path).read_bytes() for path in before}
    rest = ogcm.Simulation(small(), days=9 / 24, output="run.nc", restart="run.restart.h5", **WRITE)
    assert rest.model.state.step == 15
    rest.run()
    kept = [round(step / 24, 6) for step in ([0, 3, 5, 8, 11, 14, 15] if continued else [0, 3, 6, 9, 12, 15])]
    assert [day for day in days_of("run.nc") if day <= 15 / 24] == kept
    assert days_of("run.nc")[-3:] == days_of("whole.nc")[-3:]
    with opened("whole.nc") as whole, opened("run.nc") as whole_again:
        np.testing.assert_array_equal(whole.T[-3:], whole_again.T[-3:])
    assert run_table("run.toml")["days"] == pytest.approx(2 * DAYS)
    assert not Path("run.nc.part").exists()


def test_a_damaged_part_is_not_extended():
    run(output="a.nc", **WRITE)
    Path("a.nc.part").write_bytes(Path("a.nc").read_bytes()[:5000])
    with pytest.raises(FileError, match=r"a\.nc\.part: .*; it cannot be continued; delete it to continue the file"):
        ogcm.Simulation(small(), days=DAYS, output="a.nc", restart="a.restart.h5", **WRITE)
    Path("a.nc.part").unlink()
    run(output="a.nc", restart="a.restart.h5", **WRITE)
    assert len(days_of("a.nc")) == 9


def test_the_configuration_is_that_of_all_that_ran(capsys):
    run(output="a.nc", **WRITE)
    run(days=DAYS / 2, output="a.nc", restart="a.restart.h5", **WRITE)
    table = run_table("a.toml")
    assert (table["days"], table["start"], "restart" in table) == (0.75, 0.0, False)

    run(small(parameters={"nu_h": 9000.0}), output="a.nc", restart="a.restart.h5", **WRITE)
    with opened("a.nc") as d:
        text = d.attrs["configuration"]
    assert text == Path("a.toml").read_text()
    tables = tomllib.loads(text)
    assert tables["parameters"]["nu_h"] == 9000.0
    assert (tables["run"]["days"], tables["run"]["start"], tables["run"]["restart"]) == (0.5, 0.75, "a.restart.h5")
    before, comment = text.split("# Before day 0.75 the output was written by a run with\n")
    assert "nu_h" not in comment
    assert "# days = 0.75\n" in comment
    assert "nu_h" in before

    assert main(["run", "a.toml", "--output", "b.nc", "--quiet"]) == 2  # the restart has gone on to day 1.25
    said = capsys.readouterr().err
    assert "start: the run must begin on day 0.75, a.restart.h5 is of day 1.25" in said
    assert main(["run", "a.toml", "--output", "a.nc", "--restart", "a.restart.h5", "--days", "0.25", "--quiet"]) == 0
    assert days_of("a.nc")[-1] == 1.5


def test_the_printed_continuation_loses_no_step(capsys):
    simulation = ogcm.Simulation(small(), days=DAYS, output="a run.nc")
    simulation.caught.number, left = signal.SIGTERM, 296_282  # hours, 12,345.0833 days
    simulation.writers["output"].repeatable = True
    simulation._print_how_to_continue(left)
    words = shlex.split(capsys.readouterr().err.split(": ")[-1])
    assert words[:3] == ["ogcm", "run", "a run.toml"]
    assert simulation.steps_in("days", float(words[words.index("--days") + 1])) == left


# Two runs at a time


def while_running(simulation, action):
    """Run in a thread, and call `action()` in this one during the run."""
    inside, go_on = threading.Event(), threading.Event()
    disturb(simulation, 7, lambda _: (inside.set(), go_on.wait(60)))
    thread = threading.Thread(target=simulation.run)
    thread.start()
    assert inside.wait(60)
    try:
        action()
    finally:
        go_on.set()
        thread.join()


@pytest.mark.parametrize("name", ["a.nc", "a.nc4"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_second_run_of_the_same_name_harms_nothing(name, overwrite):
    def second():
        files_now = {path: Path(path).read_bytes() for path in os.listdir()}
        assert {"a.nc.part", "a.toml", "a.restart.lock"} <= set(files_now)
        for begin in (lambda **options: ogcm.Simulation(small(wind=0.2), **options), lambda **_: made.run()):
            with pytest.raises(FileError, match=rf"another run \(ogcm, process {os.getpid()} on .*\) writes"):
                begin(days=DAYS, output=name, overwrite=overwrite, **QUIET)
        assert files_now == {path: Path(path).read_bytes() for path in os.listdir()}

    made = ogcm.Simulation(small(wind=0.2), days=DAYS, output=name, overwrite=overwrite, **QUIET)
    run(output="alone.nc", **WRITE)
    while_running(ogcm.Simulation(small(), days=DAYS, output="a.nc", **WRITE), second)
    with opened("a.nc") as both, opened("alone.nc") as alone:
        xarray.testing.assert_identical(both.drop_attrs(), alone.drop_attrs())
    assert Path("a.toml").read_text() == Path("alone.toml").read_text()
    assert not Path("a.restart.lock").exists()


def test_runs_without_output_at_a_time_leave_a_restart_each():
    first = ogcm.Simulation(small(), days=DAYS, **QUIET)
    while_running(first, run)
    assert sorted(os.listdir()) == ["double_gyre-2.restart.h5", "double_gyre.restart.h5"]
    again = small()
    load_restart("double_gyre.restart.h5", again)
    assert again.state.digest() == first.model.state.digest()


def test_the_lock_of_a_killed_process_holds_nothing():
    code = "import os\nfrom ogcm.names import Claim\nclaim = Claim('a.lock')\nprint('held', flush=True)\ninput()"
    holder = python(code, wait=False)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(names.TakenError, match=f"process {holder.pid} on"):
        names.Claim("a.lock")
    holder.kill()
    holder.communicate()
    assert Path("a.lock").exists()
    with names.Claim("a.lock"):
        assert f"process {os.getpid()} on" in Path("a.lock").read_text()
    assert not Path("a.lock").exists()
    Path("a.lock").write_text("[package]\nname = 'mine'\n")
    with pytest.raises(FileError, match="not a lock of ogcm"):
        names.Claim("a.lock")
    assert "mine" in Path("a.lock").read_text()


# Overwriting


def test_overwrite_replaces_only_plain_files_of_ogcm(capsys):
    Path("text.nc").write_text("mine")
    Path("there.nc").symlink_to("text.nc")
    Path("nowhere.nc").symlink_to("absent")
    os.mkfifo("pipe.nc")
    Path("folder.nc").mkdir()
    save_restart("state.h5", small())
    xarray.Dataset({"a": 1.0}).to_netcdf("foreign.nc", engine="h5netcdf")
    Path("r.restart.h5").write_text("mine")
    Path("t.toml").write_text("# mine\n")
    before = {path: Path(path).read_bytes() for path in ("text.nc", "foreign.nc", "r.restart.h5", "t.toml")}
    for name, words in (
        ("text.nc", "ogcm did not write it"),
        ("foreign.nc", "ogcm did not write it"),
        ("there.nc", "is a link, a folder or a device"),
        ("nowhere.nc", "is a link, a folder or a device"),
        ("pipe.nc", "is a link, a folder or a device"),
        ("folder.nc", "is a folder"),
        ("r.nc", "r.restart.h5: ogcm did not write it"),
        ("t.nc", "t.toml: would be replaced, and ogcm did not write it"),
    ):
        with pytest.raises(FileError, match=words):
            ogcm.Simulation(small(), days=DAYS, output=name, overwrite=True, **QUIET)
        if name not in ("r.nc", "t.nc"):
            assert main(["sensitivity", "double_gyre", "--output", name, "--overwrite"]) == 2
            assert words in capsys.readouterr().err
    assert before == {path: Path(path).read_bytes() for path in before}
    assert Path("there.nc").is_symlink()


def test_a_file_cannot_ask_for_overwriting(capsys):
    run(output="a.nc")
    before = Path("a.nc").read_bytes()
    Path("a.toml").write_text(Path("a.toml").read_text() + 'output = "a.nc"\noverwrite = true\n')
    assert main(["run", "a.toml", "--quiet"]) == 2
    assert (
        "overwrite in [run] is not allowed, since it would replace files; delete it and give --overwrite"
        in capsys.readouterr().err
    )
    assert Path("a.nc").read_bytes() == before
