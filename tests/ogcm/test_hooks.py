"""Callbacks and writers of a run: when they are called, several at once, what they leave when something fails."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray

import ogcm
from ogcm.cli import main
from ogcm.constants import DAY
from ogcm.errors import CallbackError, FileError, InputError
from ogcm.restart import load_restart
from tests.ogcm.test_simulation import DAYS, QUIET, disturb, opened, small

HOUR = 1 / 24  # [d], one step


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Steps(ogcm.Writer):
    """A writer that needs nothing but `record`: the steps of the states that it is given."""

    def __init__(self, every):
        self.every, self.steps = every, []

    def record(self, model):
        self.steps.append(model.state.step)


def daily(path="means.nc"):
    return ogcm.NetCDFWriter(path, every=DAYS / 4, variables="eta", means=True, precision="float64")


def monthly(path="snapshots.nc"):
    return ogcm.NetCDFWriter(path, every=DAYS / 2, variables=("T", "w"))


# Callbacks


def test_callbacks_are_called_at_their_interval_with_the_present_state():
    seen = {"each": [], "days": [], "steps": []}

    def remember(name):
        return lambda simulation: seen[name].append((simulation.model.state.step, simulation.model.state.digest()))

    callbacks = {
        "each": ogcm.Callback(remember("each")),
        "days": ogcm.Callback(remember("days"), every=4 * HOUR),
        "steps": ogcm.Callback(remember("steps"), steps=5),
    }
    model = small()
    ogcm.Simulation(model, days=DAYS, callbacks=callbacks, **QUIET).run()
    assert [step for step, _ in seen["each"]] == list(range(1, 13))
    assert seen["days"] == [seen["each"][n - 1] for n in (4, 8, 12)]
    assert seen["steps"] == [seen["each"][n - 1] for n in (5, 10)]
    assert seen["each"][-1][1] == model.state.digest()
    plain = small()
    ogcm.Simulation(plain, days=DAYS, **QUIET).run()
    assert plain.state.digest() == model.state.digest()


def test_a_callback_ends_the_run_as_at_its_end(capsys):
    def enough(simulation):
        if simulation.model.state.step == 7:
            simulation.stop("steady")

    model = small()
    simulation = ogcm.Simulation(
        model, days=DAYS, writers={"means": daily()}, callbacks={"enough": ogcm.Callback(enough)}
    )
    simulation.run()
    assert model.state.step == 7
    assert ", stopped: steady; state" in capsys.readouterr().err
    with opened("means.nc") as d:  # the last mean is of one step
        np.testing.assert_allclose(d.time_bounds * 24, [[0, 3], [3, 6], [6, 7]])
    simulation.callbacks.clear()
    simulation.run()  # goes on
    assert model.state.step == 19


@pytest.mark.parametrize("error", [ValueError("no such file"), FileError("a.csv: no room")])
def test_a_callback_that_fails_is_named_and_leaves_a_restart(error):
    def table(simulation):
        if simulation.model.state.step == 6:
            raise error

    model = small()
    callbacks = {"table": ogcm.Callback(table, every=3 * HOUR)}
    simulation = ogcm.Simulation(model, days=DAYS, output="a.nc", every=DAYS / 4, callbacks=callbacks, **QUIET)
    words = rf"the callback 'table' raised {type(error).__name__} on day 0.25: {error}; .* is in a\.restart\.h5"
    with pytest.raises(CallbackError, match=words) as caught:
        simulation.run()
    assert caught.value.__cause__ is error
    again = small()
    load_restart("a.restart.h5", again)
    assert (again.state.step, again.state.digest()) == (6, model.state.digest())
    with opened("a.nc") as d:
        assert d.sizes["time"] == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"function": 3}, "callback: needs a function of the simulation, got 3"),
        ({"every": 1.0, "steps": 2}, "either every .days. or steps"),
        ({"steps": 0}, "steps must be a positive whole number, got 0"),
        ({"steps": 1.5}, "steps must be a positive whole number"),
        ({"every": -1.0}, "callback: every: must be a positive number of days"),
    ],
)
def test_callbacks_that_cannot_be_are_refused(options, words):
    def make():
        callback = ogcm.Callback(**({"function": print} | options))
        ogcm.Simulation(small(), days=1, callbacks={"c": callback}, **QUIET)

    with pytest.raises(InputError, match=words):
        make()


def test_callbacks_without_names_are_called_every_so_many_hours_days_or_steps():
    seen = []

    def report(simulation):
        seen.append(simulation.model.state.step)

    class Counter:
        calls = 0

        def __call__(self, simulation):
            self.calls += 1

    counter = Counter()
    callbacks = [
        ogcm.every(hours=4, do=report),
        ogcm.every(days=DAYS / 2, do=report),
        ogcm.every(steps=5, do=counter),
        ogcm.Callback(lambda simulation: None),
    ]
    simulation = ogcm.Simulation(small(), days=DAYS, callbacks=callbacks, **QUIET)
    assert list(simulation.callbacks) == ["report", "report-2", "Counter", "<lambda>"]
    simulation.run()
    assert seen == [4, 6, 8, 12, 12]
    assert counter.calls == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ogcm.every(do=print), "every: give one of days, hours and steps, got none of them"),
        (lambda: ogcm.every(do=print, days=1, hours=2), "every: give one of days, hours and steps, got days, hours"),
        (lambda: ogcm.every(do=print, hours="6"), "every: hours must be a positive number, got '6'"),
        (lambda: ogcm.every(do=3, hours=6), "callback: needs a function of the simulation, got 3"),
        (lambda: [ogcm.every(do=print, hours=-6)], "must be a positive number of days"),
        (lambda: [print], r"needs callbacks such as ogcm.every\(hours=6, do=report\), got <built-in function print>"),
        (lambda: {"report": print}, r"needs callbacks such as ogcm.every"),
        (lambda: ogcm.every(do=print, hours=6), "callbacks: needs a list or a dictionary of them, got Callback"),
        (lambda: {"stop_when": ogcm.every(do=print, hours=6)}, "'stop_when' is the name of the argument"),
    ],
)
def test_callbacks_that_cannot_be_called_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        ogcm.Simulation(small(), days=1, callbacks=make(), stop_when=lambda _: False, **QUIET)


# Conditions that end a run


def is_late(simulation):
    return simulation.model.state.step >= 7


@pytest.mark.parametrize(
    ("condition", "step", "reason"),
    [
        (is_late, 7, "is_late is true"),
        (lambda s: "late enough" if is_late(s) else "", 7, "late enough"),
        (lambda s: np.bool_(is_late(s)), 7, "<lambda> is true"),
        (ogcm.every(hours=3, do=is_late), 9, "is_late is true"),
    ],
)
def test_a_condition_ends_the_run_with_its_output_and_restart(condition, step, reason, capsys):
    model = small()
    simulation = ogcm.Simulation(model, days=DAYS, writers={"means": daily()}, stop_when=condition)
    simulation.run()
    assert model.state.step == step
    assert simulation.stop_reason == reason
    assert f", stopped: {reason}; state {model.state.digest()} in means.restart.h5" in capsys.readouterr().err
    with opened("means.nc") as d:
        assert d.time_bounds[-1, 1] * 24 == pytest.approx(step)
    again = small()
    load_restart("means.restart.h5", again)
    assert (again.state.step, again.state.digest()) == (step, model.state.digest())
    plain = small()
    ogcm.Simulation(plain, days=step * HOUR, **QUIET).run()
    assert plain.state.digest() == model.state.digest()


def test_a_condition_that_is_never_true_leaves_the_run_as_it_is(capsys):
    model, plain = small(), small()
    ogcm.Simulation(model, days=DAYS, stop_when=lambda simulation: False).run()
    ogcm.Simulation(plain, days=DAYS, **QUIET).run()
    assert model.state.digest() == plain.state.digest()
    assert "stopped" not in capsys.readouterr().err


def test_a_condition_that_fails_is_named():
    with pytest.raises(CallbackError, match=r"the callback 'stop_when' raised ZeroDivisionError on day 0\.0416667"):
        ogcm.Simulation(small(), days=DAYS, stop_when=lambda simulation: 1 / 0, **QUIET).run()
    with pytest.raises(InputError, match="callback: needs a function of the simulation, got True"):
        ogcm.Simulation(small(), days=DAYS, stop_when=True, **QUIET)


# Writers


def test_several_writers_write_their_own_fields_at_their_own_intervals():
    steps = Steps(every=5 * HOUR)
    writers = {"means": daily(), "snapshots": monthly(), "steps": steps}
    ogcm.Simulation(small(), days=DAYS, writers=writers, **QUIET).run()
    ogcm.Simulation(
        small(), days=DAYS, output="alone.nc", every=DAYS / 4, variables="eta", means=True,
        output_precision="float64", **QUIET,
    ).run()  # fmt: skip
    assert steps.steps == [5, 10]
    with opened("means.nc") as means, opened("alone.nc") as alone, opened("snapshots.nc") as snapshots:
        xarray.testing.assert_identical(means.drop_attrs(), alone.drop_attrs())
        assert means.attrs["configuration"] == alone.attrs["configuration"]
        assert {"T", "w"} <= set(snapshots)
        assert not {"u", "eta"} & set(snapshots)
        np.testing.assert_allclose(snapshots.time, [0.0, 0.25, 0.5])
    assert sorted(os.listdir()) == [
        "alone.nc", "alone.restart.h5", "alone.toml", "means.nc", "means.restart.h5", "means.toml", "snapshots.nc",
        "snapshots.toml",
    ]  # fmt: skip
    assert Path("means.toml").read_text() == Path("alone.toml").read_text()


def test_each_writer_is_extended_after_a_restart():
    def two():
        return {"means": daily(), "snapshots": monthly()}

    model = small()
    ogcm.Simulation(model, days=DAYS, writers=two(), **QUIET).run()
    again = small()
    ogcm.Simulation(again, days=DAYS, writers=two(), restart="means.restart.h5", **QUIET).run()
    for name, records in (("means", 8), ("snapshots", 5)):
        with opened(f"{name}.nc") as d:
            assert d.sizes["time"] == records
            assert (np.diff(d.time) > 0).all()
    whole = {"means": daily("whole.nc"), "snapshots": monthly("whole-snapshots.nc")}
    ogcm.Simulation(small(), days=2 * DAYS, writers=whole, **QUIET).run()
    for one, other in (("whole.nc", "means.nc"), ("whole-snapshots.nc", "snapshots.nc")):
        with opened(one) as a, opened(other) as b:
            xarray.testing.assert_equal(a, b)


def test_files_of_any_writer_in_the_way_are_refused():
    Path("snapshots.nc").write_text("mine")
    with pytest.raises(FileError, match=r"snapshots\.nc: exists"):
        ogcm.Simulation(small(), days=DAYS, writers={"means": daily(), "snapshots": monthly()}, **QUIET)
    with pytest.raises(InputError, match=r"two of them write means\.nc"):
        ogcm.Simulation(small(), days=DAYS, writers={"a": daily(), "b": daily()}, **QUIET)
    with pytest.raises(InputError, match="'output' is the name of the writer of `output`"):
        ogcm.Simulation(small(), days=DAYS, output="a.nc", writers={"output": daily()}, **QUIET)
    writer = ogcm.NetCDFWriter("x.nc", variables="oxygen")
    with pytest.raises(InputError, match="unknown field 'oxygen'"):
        ogcm.Simulation(small(), days=DAYS, writers={"x": writer}, **QUIET)
    assert os.listdir() == ["snapshots.nc"]


def test_a_file_that_another_run_writes_is_held():
    simulation = ogcm.Simulation(small(), days=DAYS, writers={"means": daily(), "snapshots": monthly()}, **QUIET)
    refused = []

    def second(_):
        with pytest.raises(FileError, match=r"snapshots\.restart\.lock: another run") as caught:
            ogcm.Simulation(small(), days=DAYS, writers={"snapshots": monthly()}, **QUIET)
        refused.append(caught)

    disturb(simulation, 3, second)
    simulation.run()
    assert len(refused) == 1
    assert not list(Path().glob("*.lock"))


def test_a_writer_that_cannot_open_leaves_nothing():
    class Broken(Steps):
        def open(self, simulation):
            raise FileError("tape: is not there")

    writers = {"means": daily(), "tape": Broken(DAYS)}
    with pytest.raises(FileError, match="tape: is not there"):
        ogcm.Simulation(small(), days=DAYS, writers=writers, **QUIET).run()
    assert not list(Path().glob("*.nc*"))


@pytest.mark.parametrize("error", [ZeroDivisionError(), InputError("depth: unknown")])
def test_a_writer_that_fails_leaves_a_restart_and_the_records_of_the_others(error):
    class Failing(Steps):
        def record(self, model):
            raise error

    writers = {"means": daily(), "failing": Failing(every=6 * HOUR)}
    with pytest.raises(type(error)) as caught:
        ogcm.Simulation(small(), days=DAYS, writers=writers, **QUIET).run()
    assert "the state of day 0.25 is in means.restart.h5" in caught.value.__notes__[0]
    with opened("means.nc") as d:
        assert d.sizes["time"] == 2
    again = small()
    load_restart("means.restart.h5", again)
    assert again.state.time == 0.25 * DAY


OUTPUTS = """
[setup]
name = "double_gyre"
resolution = 3.0
[numerics]
dt = 3600.0
[run]
days = 0.5
every = 0.25
output = "main.nc"
[run.outputs.surface]
file = "surface.nc"
every = 0.125
variables = ["eta", "zeta"]
means = true
output_precision = "float64"
[run.outputs.daily]
file = "daily.nc"
"""


def test_a_toml_file_holds_several_outputs(capsys):
    Path("run.toml").write_text(OUTPUTS)
    assert main(["run", "run.toml", "--quiet"]) == 0
    assert "main.nc, surface.nc, daily.nc written" in capsys.readouterr().err
    writers = {"surface": ogcm.NetCDFWriter("s.nc", every=0.125, variables=("eta", "zeta"), means=True,
                                            precision="float64")}  # fmt: skip
    ogcm.Simulation(small(), days=0.5, output="m.nc", every=0.25, writers=writers, **QUIET).run()
    for one, other in (("main.nc", "m.nc"), ("surface.nc", "s.nc")):
        with opened(one) as a, opened(other) as b:
            xarray.testing.assert_equal(a, b)
    with opened("daily.nc") as d:
        assert d.sizes["time"] == 13  # a tenth of the run is one step
    # the TOML of an output repeats the run with this output
    assert main(["run", "surface.toml", "--output", "again.nc", "--quiet"]) == 0
    with opened("again.nc") as a, opened("surface.nc") as b:
        xarray.testing.assert_equal(a, b)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('file = "daily.nc"', "", "[run.outputs.daily] needs the name of a file"),
        (
            'file = "daily.nc"',
            'file = "daily.nc"\nevry = 1',
            "unknown 'evry' in [run.outputs.daily]: did you mean 'every'",
        ),
        ("every = 0.125", "every = 'hour'", "every in [run.outputs.surface] needs a value of type float, got 'hour'"),
        ('"eta", "zeta"', '"eta", "zta"', "did you mean 'zeta'"),
        ('file = "daily.nc"', 'file = "main.nc"', "two of them write main.nc"),
        ("[run.outputs.daily]", "[run.outputs]\ndaily = 3\n[other]", "unknown table [other]"),
    ],
)
def test_outputs_of_a_toml_file_that_cannot_be(old, new, words, capsys):
    Path("run.toml").write_text(OUTPUTS.replace(old, new))
    assert main(["run", "run.toml", "--quiet"]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1
    assert os.listdir() == ["run.toml"]


def test_further_outputs_are_not_given_on_the_command_line(capsys):
    assert main(["run", "double_gyre", "--outputs", "surface"]) == 2
    assert "give it in a TOML file" in capsys.readouterr().err
