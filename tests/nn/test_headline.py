"""A short version of the headline experiment, from data that it makes itself."""

import csv

import numpy as np
import pytest

import ogcm
from benchmarks import headline
from nn.data import make_data

MODELS = {
    "persistence",
    "climatology",
    "physics",
    "physics, learned 0",
    "pure network 0",
    "hybrid 0",
    "hybrid, learned 0",
}


def table(path):
    with open(path, encoding="utf-8") as f:
        return list(csv.DictReader(f))


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["headline", "channel", "--seeds", "1", *arguments])
    headline.main()


@pytest.mark.slow
def test_seven_models_are_trained_and_scored(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fine, coarse = ogcm.setups.channel(resolution=20.0), ogcm.setups.channel(resolution=40.0, dt=7200.0)
    make_data(fine, coarse, "channel.nc", days=110.0, every=1.0, spin_up=5.0, progress=False)
    run(monkeypatch, "--quick")
    told = capsys.readouterr().out
    for words in ("all fields, normalised", "a step: physics", "times faster"):
        assert words in told
    rows = table("headline/channel/scores-20.csv")
    assert {row["model"] for row in rows} == MODELS
    assert {row["lead_days"] for row in rows} == {"1", "5", "10", "20"}
    assert all(np.isfinite(float(row["rmse"])) for row in rows)
    for name in ("scores-20.png", "spectra-20.png", "hybrid-0/best.h5"):
        assert (tmp_path / "headline/channel" / name).exists()
    # What is there is not trained again, and a closed ocean keeps its heat and salt.
    last = tmp_path / "headline/channel/hybrid-0/last.h5"
    written = last.stat().st_mtime_ns
    headline.Headline("channel", tmp_path / "headline", 1, True).train(("hybrid",))
    assert last.stat().st_mtime_ns == written
    run(monkeypatch, "--years", "0.06", "--closed")
    rows = table("headline/channel/closed.csv")
    assert len(rows) == headline.STATES
    for row in rows:
        assert row["finite"] == "True"
        assert max(float(row["heat"]), float(row["salt"])) < 1e-14


@pytest.mark.parametrize("name", headline.SYSTEMS)
def test_variants_leave_what_belongs_to_them(name):
    chosen = headline.configuration.read(headline.HERE / f"{name}.toml")
    names = (headline.LEARNED, headline.PURE, headline.HYBRID, headline.BOTH)
    learned, pure, hybrid, both = (headline.variant(chosen, v, headline.SYSTEMS[name], 3).tables for v in names)
    assert learned["corrector"] == {}
    assert learned["learn"] == both["learn"] == chosen.tables["learn"]
    assert all(records for records, _ in learned["training"]["curriculum"])
    assert pure["numerics"]["dynamics"] == "none"
    assert hybrid["learn"] == hybrid["training"]["rates"] == {}
    assert both["corrector"]["seed"] == 3
