"""A simulation refuses settings that cannot work, saves its state when it ends early, and continues."""

import os
import signal
import threading

import numpy as np
import pytest
import xarray

import ogcm
from ogcm import setups
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.restart import load_restart, save_restart
from ogcm.watch import CHECK
from tests.oceans import WITHOUT_DATA

DAYS = 0.5  # 12 steps of an hour
QUIET = {"progress": False}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def small(**options):
    return setups.double_gyre(resolution=3.0, **({"dt": 3600.0} | options))


def opened(path):
    return xarray.open_dataset(path, engine="h5netcdf", decode_times=False)


def disturb(simulation, step, change):
    """Apply `change(state)` after the given step of a run."""
    honest, state = simulation.stepper.step, simulation.model.state

    def step_and_change():
        honest()
        if state.step == step:
            change(state)

    simulation.stepper.step = step_and_change


@pytest.mark.parametrize("means", [False, True])
def test_a_run_in_two_legs_writes_the_file_of_one(means):
    options = {"every": DAYS / 4, "means": means, "output_precision": "float64"} | QUIET
    ogcm.Simulation(small(), days=2 * DAYS, output="whole.nc", **options).run()
    ogcm.Simulation(small(), days=DAYS, output="legs.nc", **options).run()
    ogcm.Simulation(small(), days=DAYS, output="legs.nc", restart="legs.restart.h5", **options).run()
    with opened("whole.nc") as whole, opened("legs.nc") as legs:
        xarray.testing.assert_equal(whole, legs)
        assert legs.sizes["time"] == 8 + (not means)


def test_the_last_mean_may_be_shorter():
    ogcm.Simulation(small(), days=DAYS, every=5 / 24, means=True, output="m.nc", **QUIET).run()
    with opened("m.nc") as d:
        np.testing.assert_allclose(d.time_bounds * 24, [[0, 5], [5, 10], [10, 12]])


def test_restarts_on_the_way(monkeypatch):
    saved = []
    honest = save_restart
    monkeypatch.setattr("ogcm.simulation.save_restart", lambda p, m, *s: (saved.append(m.state.step), honest(p, m, *s)))
    ogcm.Simulation(small(), days=DAYS, restart_every=5 / 24, **QUIET).run()
    assert saved == [5, 10, 12]
    assert os.listdir() == ["double_gyre.restart.h5"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.T.__setitem__((2, 7, 8), np.nan), r"T is nan degC at \(k, j, i\) = \(2, 4, 5\)"),
        (lambda s: s.eta.__setitem__((7, 8), -5000.0), r"eta is .* m at \(j, i\) = "),
        (lambda s: s.u.__setitem__((0, 7, 8), 1e3), r"CFL"),
    ],
)
def test_a_blow_up_names_the_place_and_leaves_a_state_to_go_on_from(change, words):
    simulation = ogcm.Simulation(small(), days=4, output="b.nc", every=1, **QUIET)
    disturb(simulation, 2 * CHECK, change)
    with pytest.raises(BlowUpError, match=words) as caught:
        simulation.run()
    text = str(caught.value)
    assert "Try dt = 1800 s" in text
    assert "b.restart.h5" in text
    with opened("b.nc") as d:
        assert d.sizes["time"] >= 2
        assert np.isfinite(d.T).all()
    again = small(dt=1800.0)
    ogcm.Simulation(again, days=DAYS, restart="b.restart.h5", **QUIET).run()
    assert CHECK <= again.state.step - round(DAYS * 48) < 2 * CHECK


@pytest.mark.usefixtures("signals_of_a_terminal")
@pytest.mark.parametrize(
    ("number", "error"),
    [
        (signal.SIGINT, KeyboardInterrupt),
        (signal.SIGTERM, SystemExit),
        (signal.SIGHUP, SystemExit),
        (signal.SIGXCPU, SystemExit),
    ],
)
def test_a_signal_finishes_the_step_and_the_run_continues_every_bit(number, error, capsys):
    whole = small()
    ogcm.Simulation(whole, days=DAYS, **QUIET).run()
    simulation = ogcm.Simulation(small(), days=DAYS, output="s.nc")
    disturb(simulation, 7, lambda _: os.kill(os.getpid(), number))
    handler = signal.getsignal(number)
    with pytest.raises(error):
        simulation.run()
    assert signal.getsignal(number) is handler
    said = capsys.readouterr().err
    assert "continue with s.restart.h5: ogcm run s.toml --output s.nc --restart s.restart.h5 --days 0.208333" in said
    rest = small()
    ogcm.Simulation(rest, days=5 / 24, output="s.nc", restart="s.restart.h5", **QUIET).run()
    assert rest.state.digest() == whole.state.digest()


def test_a_run_in_a_thread_catches_no_signals():
    thread = threading.Thread(target=ogcm.Simulation(small(), days=DAYS, **QUIET).run)
    thread.start()
    thread.join()
    assert os.path.exists("double_gyre.restart.h5")


def test_a_disk_that_fills_up_leaves_the_last_good_state(monkeypatch):
    simulation = ogcm.Simulation(small(), days=DAYS, every=DAYS / 4, output="f.nc", **QUIET)

    def full(*_):
        raise FileError("f.nc: needs 3 MB, 0 MB are free; make room")

    disturb(simulation, 5, lambda _: monkeypatch.setattr("ogcm.output.check_room", full))
    with pytest.raises(FileError, match=r"make room; the state of day 0.25 is in f\.restart\.h5"):
        simulation.run()
    with opened("f.nc") as d:
        assert d.sizes["time"] == 2
    again = small()
    load_restart("f.restart.h5", again)
    assert again.state.step == 6


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ({}, {"days": -1}, "days: must be a positive number"),
        ({}, {"every": 0.0}, "every: must be a positive number"),
        ({}, {"output_precision": "float16"}, "choose from float32, float64"),
        ({"parameters": {"nu_h": 1e9}}, {}, "nu_h: 1e.09 is unstable with dt = 3600 s"),
        ({"parameters": {"kappa_h": 1e9}}, {}, "kappa_h: 1e.09 is unstable"),
        ({"parameters": {"nu4_h": 1e21}, "friction": "biharmonic"}, {}, "nu4_h: 1e.21 is unstable"),
    ],
)
def test_what_cannot_work_is_refused_before_the_first_step(model, options, words):
    with pytest.raises(InputError, match=words):
        ogcm.Simulation(small(**model), **({"days": 1, "output": "a.nc", **QUIET} | options))
    assert os.listdir() == []


def test_files_in_the_way_are_refused():
    os.mkdir("folder.nc")
    with pytest.raises(FileError, match="is a folder"):
        ogcm.Simulation(small(), days=1, output="folder.nc", overwrite=True, **QUIET)
    with open("mine.toml", "w") as f:
        f.write("# my own words\n")
    with pytest.raises(FileError, match=r"mine\.toml: would be replaced"):
        ogcm.Simulation(small(), days=1, output="mine.nc", **QUIET)


@pytest.mark.parametrize("name", WITHOUT_DATA)
def test_no_setup_is_refused_as_it_comes(name):
    ogcm.Simulation(setups.SETUPS[name](), days=1, **QUIET)
