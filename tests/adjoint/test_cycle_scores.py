"""Scores of cycles of assimilation against observations that none of their windows used."""

import csv
import sys

import numpy as np
import pytest
import xarray as xr

import ogcm
from adjoint import evaluate
from adjoint.assimilation_case import Case
from adjoint.cycle_scores import forecast_scores, score_cycles, score_lines, window_scores
from adjoint.cycle_table import together as together_of_lines
from adjoint.cycles import cycles
from adjoint.estimates import Estimate
from adjoint.observations import Points, synthetic, write
from ogcm.cli import main
from ogcm.errors import InputError
from ogcm.stepper import Stepper
from tests.adjoint.test_assimilation_case import CONFIGURATION, SMALL, TRUTH

RUNS = ("free", "first guess", "analysis")


def of_truth(days: list[float], every: int = 2) -> list[Points]:
    """Sea level of two satellites with unknown means, and velocity, of a run with a stronger wind."""
    truth = ogcm.Simulation(ogcm.setups.double_gyre(**TRUTH), days=max(days), progress=False)
    eta, u = synthetic(truth, {"eta": 1e-3, "u": 1e-4}, days=days, every=every)
    number = np.arange(len(eta.x)) % 2
    values = eta.values + np.where(number, 0.3, -0.1)
    names = np.where(number, "Cryosat-2", "Jason-3")
    return [eta.whole()._replace(values=values, offset=number, platform=names), u._replace(platform="mooring").whole()]


@pytest.fixture(scope="module")
def made() -> tuple[ogcm.Simulation, list, list[Points]]:
    """The run of the first of two windows, the windows, and the observations that these withheld."""
    used, withheld = of_truth([0.25, 0.75, 1.25, 1.75]), of_truth([0.5, 1.5], every=3)
    simulation = ogcm.Simulation(ogcm.setups.double_gyre(**SMALL), days=1.0, progress=False)
    wind = [Estimate("tau_x", 0.05, length=1.5e6)]
    return simulation, list(cycles(used, simulation, wind, count=2, iterations=3, withheld=withheld)), withheld


def analyses(windows: list) -> list[ogcm.Model]:
    return [window.analysis.copy() for window in windows]


def test_scores_are_those_of_withheld_observations_to_the_bit(made):
    simulation, windows, withheld = made
    parts = list(score_cycles(withheld, simulation, analyses(windows), count=2))
    assert [(part.number, part.day) for part in parts] == [(1, 0.0), (2, 1.0)]
    for part, window in zip(parts, windows, strict=True):
        assert set(part.found.residuals) == set(RUNS)
        for run in RUNS:
            for a, b in zip(part.found.residuals[run], window.withheld.residuals[run], strict=True):
                np.testing.assert_array_equal(a, b)
    table = window_scores(parts)
    assert table.runs == RUNS
    assert forecast_scores(parts) is None
    for field in ("eta", "u"):
        n = [p.field for p in parts[0].found.points].index(field)
        for m, run in enumerate(RUNS):
            whole = np.concatenate([part.found.residuals[run][n] for part in parts])
            assert table.row(field).rms[m] == pytest.approx(np.sqrt(np.mean(whole**2)), rel=1e-12)
        assert table.row(field).rms[2] < 0.95 * table.row(field).rms[0]
    assert {row.part for row in table.rows if row.group == "platform"} == {"Cryosat-2", "Jason-3"}
    assert {row.part.strip() for row in table.rows if row.group == "day"} == {"0", "1"}


def test_the_forecast_continues_from_the_last_analysis(made):
    simulation, windows, _ = made
    later = of_truth([0.5, 2.5, 3.5])
    parts = list(score_cycles(later, simulation, analyses(windows), count=2))
    assert [part.number for part in parts] == [1, 2, 3, 4]
    assert [len(part.found.points) for part in parts] == [2, 0, 2, 2]
    assert "analysis" not in parts[2].found.residuals
    assert forecast_scores(parts).runs == ("free", "forecast")
    assert window_scores(parts).row("u").number == forecast_scores(parts).row("u").number / 2
    # the same from one run of three days from the second analysis, and from a free run
    for name, model, begin in (("first guess", windows[1].analysis, 1.0), ("free", simulation.model, 0.0)):
        losses = [p.select(p.days == 3.5)._replace(days=p.days[p.days == 3.5] - begin).loss(model) for p in later]
        evaluate(losses[0] + losses[1], ogcm.Simulation(model, days=3.5 - begin, progress=False))
        for loss, residuals in zip(losses, parts[3].found.residuals[name], strict=True):
            np.testing.assert_array_equal(loss.residuals(), residuals)
    lines = {(line.window, line.kind): line.rms for line in score_lines(parts)}
    assert np.isnan(lines[4, "eta scored"][2])
    assert lines[4, "u scored"][1] != lines[4, "u scored"][0]
    assert together_of_lines(score_lines(parts))["u scored"] == (
        len(later[1].x) / 3,
        pytest.approx(lines[1, "u scored"]),
    )
    # with a length of the runs, later observations do not count
    shorter = list(score_cycles(later, simulation, analyses(windows), count=2, days=3.0))
    assert len(shorter) == 3
    assert shorter[0].found.report.rejected["outside run"]["u", "mooring"] == len(later[1].x) / 3


def test_scores_take_the_free_run_and_two_windows_from_each_analysis(made, monkeypatch):
    simulation, windows, _ = made
    steps, step = [], Stepper.step
    monkeypatch.setattr(Stepper, "step", lambda stepper: (steps.append(1), step(stepper))[1])
    later = of_truth([2.5])
    before = len(steps)
    list(score_cycles(later, simulation, analyses(windows), count=2))
    assert len(steps) - before == (2.5 + 2 + 1.5) * simulation.steps


def test_each_observation_counts_once_and_gross_errors_for_no_run(made):
    simulation, windows, _ = made
    u = of_truth([0.0, 1.0, 2.0])[1]
    n = len(u.x) // 3
    mean = u.select(u.days == 1.0)._replace(span=np.full(n, 0.1))  # over parts of both windows
    wrong = u.select([0])._replace(values=np.array([9.0]), days=np.array([1.5]))
    land = u.select([0])._replace(x=np.array([-1e7]))
    points = [Points("u", *map(np.concatenate, zip(*(p[1:] for p in (u, mean, wrong, land)), strict=True)))]
    quality = {"background": {"u": 0.2, "T": 1.0}, "limit": 5.0, "errors": {"T": 0.3, "u": 0.01}, "average": 0.1}
    parts = list(score_cycles(points, simulation, analyses(windows), count=2, quality=quality))
    assert [len(part.found.points[0].x) for part in parts] == [2 * n, n]  # those of day 1 belong to the first window
    report = parts[-1].found.report
    key = "u", "mooring"
    assert report.given[key] == 4 * n + 2
    assert {name: column[key] for name, column in report.rejected.items()} == {
        "outside run": 0, "outside grid": 1, "not in water": 0, "in two windows": n, "background": 1
    }  # fmt: skip
    assert (parts[0].found.points[0].errors == 0.01).all()


def test_what_cannot_be_scored_is_refused(made):
    simulation, windows, withheld = made
    early = [p._replace(days=p.days - 9) for p in withheld]
    with pytest.raises(InputError, match=r"none lies in the windows or after them(.|\n)*outside run"):
        next(score_cycles(early, simulation, analyses(windows), count=2))
    swapped = score_cycles(withheld, simulation, analyses(windows)[::-1], count=2)
    with pytest.raises(InputError, match="window 1: begins on day 0, its analysis on day 1; choose the days"):
        next(swapped)


def test_the_command_scores_cycles_that_exist_as_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = ogcm.setups.double_gyre(**SMALL)
    write("seen.nc", [p._replace(platform=np.where(p.days < 1, "a", "b")) for p in of_truth([0.5, 1.25])], model)
    write("other.nc", of_truth([0.5, 1.5, 2.5], every=3), model)
    lines = [f"{day},{x},3e5,-100,u,0.001,0.01,ship" for day in (0.5, 1.5) for x in (3e5, 6e5)]
    (tmp_path / "ship.csv").write_text("\n".join(["time,x,y,z,field,value,error,platform", *lines]))
    text = CONFIGURATION.replace('withheld = ["b"]', "").replace("iterations = 8", "iterations = 1")
    (tmp_path / "case.toml").write_text(text + "background = {u = 0.5}\n")
    words = ["assimilate", "case.toml", "--quiet", "--days", "1", "--cycles", "2", "--output", "e.nc"]
    words += ["--score", "other.nc,ship.csv"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "free run and forecast after the last window" in out
    names = ["e.1.nc", "e.2.restart.h5", "e.scores.csv", "e.forecast.csv", "e.scores.windows.csv"]
    before = [(tmp_path / name).read_bytes() for name in names]
    with open("e.scores.csv", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert {row["part"] for row in rows if row["field"] == "u" and row["group"] == "platform"} == {"mooring", "ship"}
    with open("e.scores.windows.csv", encoding="utf-8") as f:
        assert [row["window"] for row in csv.DictReader(f) if row["kind"] == "eta scored"] == ["1", "2", "3"]
    assert (tmp_path / "e.scores.png").exists()

    def refuse(*given, **choices):
        raise AssertionError("assimilated again")

    monkeypatch.setattr(sys.modules["adjoint.cycles"], "assimilate", refuse)
    assert main(words) == 0
    assert [(tmp_path / name).read_bytes() for name in names] == before
    (tmp_path / "e.forecast.csv").unlink()
    assert main([*words, "--score_days", "2"]) == 0
    assert not (tmp_path / "e.forecast.csv").exists()
    # cycles of other windows, and a file that is wrong, are told before any run
    assert main([*words[:4], "0.5", *words[5:]]) == 2
    assert "window 2: begins on day 0.5, its analysis on day 1" in capsys.readouterr().err
    assert main([*words[:-1], "none.nc"]) == 2
    assert "none.nc" in capsys.readouterr().err


def test_another_altimeter_is_read_as_those_of_the_case(tmp_path):
    model = ogcm.Model(
        ogcm.spherical(lon=np.arange(0.0, 11.0), lat=np.arange(34.0, 42.0)), depth=500.0, dz=[100.0, 400.0], T=10.0,
        S=35.0, dt=1200.0, start="2021-01-01",
    )  # fmt: skip
    variables = {
        "time": ("obs", [0.1, 0.2], {"units": "days since 2021-01-01"}),
        "lon": ("obs", [2.5, 6.5], {"units": "degrees_east"}),
        "lat": ("obs", [36.0, 38.0], {"units": "degrees_north"}),
        "sat": ("obs", [1, 1]),
        "sla": ("obs", [5.0, -3.0], {"units": "cm"}),
        "mdt": ("obs", [0.01, 0.02], {"units": "m"}),
        "dac": ("obs", [0.1, 0.2], {"units": "m"}),
    }
    xr.Dataset(variables).to_netcdf(tmp_path / "other.nc")
    entry = {"file": "seen.nc", "errors": 0.04, "add": ["mdt", "dac"], "names": ["AltiKa", "Cryosat-2"]}
    profiles = {"file": "profiles.nc", "errors": {"T": 0.3}}
    case = Case({}, {}, [profiles, entry | {"withheld": ["AltiKa"]}], {}, tmp_path)
    (eta,) = case.read_likewise(tmp_path / "other.nc", model)
    np.testing.assert_allclose(eta.values, [0.16, 0.19])
    assert (eta.errors == 0.04).all()
    assert eta.platform.tolist() == ["Cryosat-2", "Cryosat-2"]
    assert eta.offset.tolist() == [0, 0]
    # a file that the case names has its own options, and what cannot be read tells why
    own = {"file": "other.nc", "sea_level": "dac", "add": [], "errors": 0.1, "offsets": "none", "withheld": True}
    (eta,) = case._replace(observations=[*case.observations, own]).read_likewise(tmp_path / "other.nc", model)
    np.testing.assert_allclose(eta.values, [0.1, 0.2])
    assert (eta.offset == -1).all()
    with pytest.raises(InputError, match=r"no option 'add'(.|\n)*read with errors=0.04(.|\n)*read with no options"):
        case._replace(observations=[entry]).read_likewise(profiles_file(tmp_path), model)


def profiles_file(folder):
    """A file of profiles without errors."""
    variables = {
        "time": ("profile", [0.1], {"units": "days since 2021-01-01"}),
        "lon": ("profile", [4.5], {"units": "degrees_east"}),
        "lat": ("profile", [38.0], {"units": "degrees_north"}),
        "row_size": ("profile", [2], {"sample_dimension": "obs"}),
        "depth": ("obs", [10.0, 100.0], {"units": "m", "positive": "down"}),
        "temperature": ("obs", [19.0, 17.5], {"units": "degree_Celsius"}),
    }
    xr.Dataset(variables).to_netcdf(folder / "profiles.nc")
    return folder / "profiles.nc"
