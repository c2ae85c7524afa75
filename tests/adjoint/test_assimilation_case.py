"""Assimilation from a configuration, in cycles, and the scores of its runs."""

import csv
import sys

import numpy as np
import pytest

import ogcm
from adjoint import assimilate, estimate_file, evaluate
from adjoint.assimilation_case import Case, together, withheld_of
from adjoint.cycle_table import cycle_table, lines_of
from adjoint.cycle_table import together as together_of_lines
from adjoint.cycles import cycles
from adjoint.estimates import Estimate
from adjoint.losses import BoxMean
from adjoint.observations import Points, synthetic, write
from adjoint.scores import score
from ogcm.cli import main
from ogcm.errors import InputError
from ogcm.stepper import Stepper

SMALL = {"resolution": 5.0}
TRUTH = {"resolution": 5.0, "wind": 0.15}
CONFIGURATION = """
[setup]
name = "double_gyre"
resolution = 5.0
[run]
days = 2.0
[assimilate]
method = "full"
iterations = 8
[assimilate.controls.tau_x]
error = 0.05
length = 1500e3
[[assimilate.observations]]
file = "seen.nc"
withheld = ["b"]
[assimilate.quality]
limit = 5.0
"""


def seen_of_truth(days, every=2) -> list[Points]:
    """Velocities of a run with a stronger wind, of two platforms that see every other point."""
    truth = ogcm.Simulation(ogcm.setups.double_gyre(**TRUTH), days=max(days), progress=False)
    points = [p.whole() for p in synthetic(truth, {"u": 1e-4, "v": 1e-4}, days=days, every=every)]
    return [p._replace(platform=np.where(np.arange(len(p.x)) % 2, "b", "a")) for p in points]


def test_a_configuration_and_the_scores_of_its_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = ogcm.setups.double_gyre(**SMALL)
    write("seen.nc", seen_of_truth([1.0, 2.0]), model)
    write("later.nc", seen_of_truth([3.0]), model)
    (tmp_path / "case.toml").write_text(CONFIGURATION)
    assert main(["assimilate", "case.toml", "--quiet", "--score", "later.nc", "--output", "e.nc"]) == 0
    out = capsys.readouterr().out
    assert "chi-squared" in out
    for name in ("withheld", "scores"):
        with open(f"e.{name}.csv", encoding="utf-8") as f:
            rows = [row for row in csv.DictReader(f) if row["group"] == "all"]
        assert [row["field"] for row in rows] == ["u", "v"]
        for row in rows:
            assert float(row["rms with"]) < 0.8 * float(row["rms without"]), (name, row)
    # an estimate that exists is scored as it is
    before = (tmp_path / "e.nc").read_bytes()
    assert main(["assimilate", "case.toml", "--quiet", "--score", "later.nc", "--output", "e.nc"]) == 0
    assert (tmp_path / "e.nc").read_bytes() == before
    # the same configuration runs without assimilation
    assert main(["run", "case.toml", "--quiet", "--days", "0.2", "--output", "free.nc"]) == 0


def test_cycles_of_the_command_and_their_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write("seen.nc", seen_of_truth([0.5, 1.0, 1.5, 2.0]), ogcm.setups.double_gyre(**SMALL))
    (tmp_path / "case.toml").write_text(CONFIGURATION.replace("iterations = 8", "iterations = 2"))
    words = ["assimilate", "case.toml", "--quiet", "--days", "1", "--cycles", "2", "--output", "e.nc"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "window 2, from day 1" in out
    for name in ("e.1.nc", "e.2.nc", "e.1.restart.h5", "e.2.restart.h5", "e.cycles.png"):
        assert (tmp_path / name).exists(), name
    with open("e.cycles.csv", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert {row["kind"] for row in rows} >= {"u withheld", "v used"}
    assert main(words) == 2
    assert "e.1.nc: exists" in capsys.readouterr().err
    # the analysis of the second window begins a run
    begin = ["--restart", "e.2.restart.h5", "--estimate", "e.2.nc"]
    assert main(["run", "case.toml", "--quiet", "--days", "0.2", *begin, "--output", "later.nc"]) == 0


def test_the_impact_of_each_observation_adds_up_to_the_change_of_a_linear_scalar(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = ogcm.setups.double_gyre(**SMALL)
    write("seen.nc", seen_of_truth([1.0, 2.0]), model)
    (tmp_path / "case.toml").write_text(CONFIGURATION.replace('"full"', '"incremental"\nouter = 1'))
    scalar = ["--impact", "mean", "--field", "u", "--y", "0:1e6", "--z=-200:0"]
    assert main(["assimilate", "case.toml", "--quiet", "--output", "e.nc", *scalar]) == 0
    assert "impact on the mean" in capsys.readouterr().out
    with open("e.impact.csv", encoding="utf-8") as f:
        total = sum(float(row["impact"]) for row in csv.DictReader(f))
    means = []
    for name in (None, "e.nc"):
        run = ogcm.Simulation(ogcm.setups.double_gyre(**SMALL), days=2.0, progress=False)
        if name:
            estimate_file.load(name, run.model)
        means.append(evaluate(BoxMean(run.model, "u", y=(0, 1e6), z=(-200, 0)), run))
    assert total == pytest.approx(means[1] - means[0], rel=0.05)
    assert main(["assimilate", "case.toml", "--quiet", "--method", "full", "--output", "f.nc", *scalar]) == 2
    assert "choose --method incremental" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('method = "full"', 'methods = "full"', "unknown 'methods': did you mean 'method'"),
        ("error = 0.05", "sigma = 0.05", r"\[assimilate.controls.tau_x\]: unknown 'sigma'"),
        ("limit = 5.0", "limits = 5.0", "unknown 'limits': did you mean 'limit'"),
        ('file = "seen.nc"', 'files = "seen.nc"', "needs the name of a file"),
        ("[assimilate.controls.tau_x]\n", "[assimilate.controls]\n", "needs tables such as"),
    ],
)
def test_wrong_entries_are_named(tmp_path, old, new, message):
    path = tmp_path / "case.toml"
    path.write_text(CONFIGURATION.replace(old, new))
    with pytest.raises(InputError, match=message):
        Case.of(str(path))


def test_an_error_decreases_with_depth(tmp_path):
    path = tmp_path / "case.toml"
    path.write_text(CONFIGURATION + "[assimilate.controls.T]\nerror = 0.5\nerror_depth = 300.0\n")
    model, case = ogcm.setups.double_gyre(**SMALL), Case.of(str(path))
    found = {estimate.name: estimate for estimate in case.estimates(model)}
    z = 0.5 * model.dz - np.cumsum(model.dz)
    np.testing.assert_allclose(found["T"].error, 0.5 * np.exp(z / 300.0))
    assert found["tau_x"].error == 0.05
    path.write_text(CONFIGURATION.replace("error = 0.05", "error = 0.05\nerror_depth = 300.0"))
    with pytest.raises(InputError, match="error_depth of tau_x needs an error that is a number, layers, and"):
        Case.of(str(path)).estimates(model)


def test_platforms_are_withheld_by_name_or_by_number():
    points = [Points("T", *np.zeros((6, 6)), platform=np.array(list("abcdef")))]
    assert withheld_of(points, 3) == ["c", "f"]
    assert withheld_of(points, ["a"]) == ["a"]
    assert withheld_of(points, True) == list("abcdef")
    with pytest.raises(InputError, match="withheld: every n-th platform from 2 on"):
        withheld_of(points, 1)


def test_offsets_of_several_files_stay_apart():
    one = Points("eta", *np.zeros((6, 3)), offset=np.array([0, 1, -1]))
    (both,) = together([one, one])
    assert both.offset.tolist() == [0, 1, -1, 2, 3, -1]


def test_a_run_scores_zero_against_itself_and_its_days_are_told():
    model = ogcm.setups.double_gyre(**SMALL)
    points = synthetic(ogcm.Simulation(model, days=2, progress=False), {"T": 1.0}, days=[0.5, 1.5], every=3)
    exact = [p._replace(values=p.values - np.random.default_rng(0).normal(size=len(p.x)) * 0) for p in points]
    table = score(exact, {"one": model, "two": model.copy()}, days=2)
    row = table.row("T")
    assert row.number == sum(len(p.x) for p in points)
    assert row.rms[0] == row.rms[1] == pytest.approx(1.0, abs=0.2)  # the noise of the observations
    assert {r.part.strip() for r in table.rows if r.group == "day"} == {"0", "1"}
    assert sum(r.number for r in table.rows if r.group == "depth") == row.number


def two_windows() -> tuple[list[Points], list[Points], ogcm.Simulation, list[Estimate]]:
    """Observations to be used and withheld, the run through the first of two windows, and the control."""
    points = seen_of_truth([0.5, 1.0, 1.5, 2.0])
    used = [p.select(p.platform == "a") for p in points]
    withheld = [p.select(p.platform == "b") for p in points]
    simulation = ogcm.Simulation(ogcm.setups.double_gyre(**SMALL), days=1.0, progress=False)
    return used, withheld, simulation, [Estimate("tau_x", 0.05, length=1.5e6)]


def test_gross_errors_of_withheld_observations_count_for_no_run():
    used, withheld, simulation, estimates = two_windows()
    u = withheld[0]
    planted = np.argmin(np.abs(u.days - 0.5))
    wrong = np.where(np.arange(len(u.x)) == planted, 3.0, u.values)
    spoilt = [u._replace(values=wrong), *withheld[1:]]
    given: dict = {"count": 2, "iterations": 2, "quality": {"background": {"u": 0.2}, "limit": 5.0}}
    windows = list(cycles(used, simulation, estimates, withheld=spoilt, **given))
    right = [u.select(np.arange(len(u.x)) != planted), *withheld[1:]]
    others = list(cycles(used, simulation, estimates, withheld=right, **given))
    assert windows[0].withheld.report.rejected["background"] == {("u", "b"): 1, ("v", "b"): 0}
    assert sum(windows[1].withheld.report.rejected["background"].values()) == 0
    for one, other in zip(windows, others, strict=True):
        for run, residuals in other.withheld.residuals.items():
            for a, b in zip(one.withheld.residuals[run], residuals, strict=True):
                np.testing.assert_array_equal(a, b)
    # without a background error nothing is rejected
    (window,) = cycles(used, simulation, estimates, count=1, iterations=1, withheld=spoilt)
    assert max(np.abs(r).max() for r in window.withheld.residuals["free"]) > 2.5


def test_the_first_free_run_is_the_first_guess_and_skill_is_relative_to_it():
    used, withheld, simulation, estimates = two_windows()
    windows = list(cycles(used, simulation, estimates, count=2, iterations=4, withheld=withheld))
    for number, same in ((0, True), (1, False)):
        residuals = windows[number].withheld.residuals
        for a, b in zip(residuals["free"], residuals["first guess"], strict=True):
            assert np.array_equal(a, b) == same
    lines = [line for window in windows for line in lines_of(window)]
    table = {row[:32].strip(): row.split() for row in cycle_table(lines).splitlines()[2:]}
    _, (free, guess, analysis) = together_of_lines(lines)["u withheld"]
    assert table["u withheld"][-2:] == [f"{1 - guess / free:.0%}", f"{1 - analysis / free:.0%}"]
    assert float(table["u withheld"][-1][:-1]) > 10
    assert table["u used"][-3] == "nan"  # no skill without a free run


def test_a_window_takes_few_runs_beside_its_minimisation(monkeypatch):
    """One for the checks and the first guess, one to its end, and the free run only for withheld observations."""
    used, withheld, simulation, estimates = two_windows()
    steps, inside = [], []
    step, minimise = Stepper.step, assimilate

    def counted(*given, **choices):
        before = len(steps)
        found = minimise(*given, **choices)
        inside.append(len(steps) - before)
        return found

    monkeypatch.setattr(Stepper, "step", lambda stepper: (steps.append(1), step(stepper))[1])
    monkeypatch.setattr(sys.modules["adjoint.cycles"], "assimilate", counted)
    check = {"background": {"u": 1.0, "v": 1.0}}
    for aside, quality, runs in (((), {}, 1), ((), check, 3), (withheld, {}, 6), (withheld, check, 6)):
        steps.clear()
        inside.clear()
        given = {"count": 2, "iterations": 1, "withheld": aside, "quality": quality}
        assert len(list(cycles(used, simulation, estimates, **given))) == 2
        assert len(steps) - sum(inside) == runs * simulation.steps, (len(aside), quality)


def test_cycles_carry_the_analysis_on_and_beat_the_free_run(tmp_path):
    used, withheld, simulation, estimates = two_windows()
    model = simulation.model
    options = {"count": 2, "withheld": withheld, "iterations": 8, "histories": tmp_path / "h{number}.h5"}
    windows = list(cycles(used, simulation, estimates, **options))
    assert [window.day for window in windows] == [0.0, 1.0]
    assert model.state.step == 0  # the model stays as it is
    later = next(line for line in lines_of(windows[1]) if line.kind == "u withheld")
    free, first_guess, analysis = later.rms
    assert first_guess < 0.7 * free
    assert analysis < 1.1 * first_guess
    # the same call with the histories repeats the windows to the bit without their runs
    again = list(cycles(used, simulation, estimates, **options))
    for one, other in zip(windows, again, strict=True):
        assert all((one.found[name] == other.found[name]).all() for name in one.found.values)
        assert other.found.runs == 1  # that which checks the history
    with pytest.raises(InputError, match="cycles: at least one window"):
        next(cycles(used, simulation, estimates, count=0))
