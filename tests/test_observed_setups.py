"""The setups on real data: water columns at Papa, surface currents of the Agulhas region."""

import h5py
import numpy as np
import pytest
from oceans import run

import ogcm
from ogcm.errors import FileError, InputError
from ogcm.grid import add_halo, interior
from ogcm.setups.papa import DZ, U_SCALE, forecast, observed, papa, read_record, set_windows

PAPA = "papa_2012_2013_hourly.nc"
HOUR = 3600.0
CORIOLIS = 2 * 7.292e-5 * np.sin(np.radians(50.1))


def made_up_papa(path, hours=60, **changes):
    """A record with steady wind, a stratified column and a few gaps. `changes` replace variables."""
    depth = {"depth_temp": np.array([1.0, 10.0, 40.0, 100.0, 200.0]), "depth_salt": np.array([5.0, 50.0, 150.0])}
    rng = np.random.default_rng(3)
    arrays = {
        "time": 100.0 + np.arange(hours),
        **depth,
        "temp": 12 - 0.04 * depth["depth_temp"] + 0.1 * rng.normal(size=(hours, 1)),
        "salt": 32.5 + 0.01 * depth["depth_salt"] + np.zeros((hours, 1)),
        "taux": 0.1 * rng.normal(size=hours),
        "tauy": 0.1 * rng.normal(size=hours),
        "heat": 50 * rng.normal(size=hours),
        "swr": np.full(hours, 100.0),
        "pme": 1e-8 * rng.normal(size=hours),
    } | changes
    units = {"temp": "degree_Celsius", "salt": "g kg-1", "heat": "W m-2", "swr": "W m-2", "pme": "m s-1"}
    units |= {"time": "hours since 2012-01-01", "depth_temp": "m", "depth_salt": "m", "taux": "N m-2", "tauy": "N m-2"}
    with h5py.File(path, "w") as f:
        for name, values in arrays.items():
            f[name] = values
            f[name].attrs["units"] = units[name]
    return str(path)


# Papa


def column(record, start, hours, f=CORIOLIS):
    """The same water as one cell that is periodic both ways: a column without neighbours."""
    width = np.full((1, 1), 1e15)
    grid = ogcm.curvilinear(dx=width, dy=width, f=f, periodic_x=True, periodic_y=True)
    times = HOUR * np.arange(hours + 1)
    window = slice(start, start + hours + 1)
    series = {
        name: ogcm.Series(getattr(record, name)[window].reshape(-1, 1, 1), times)
        for name in ("tau_x", "tau_y", "heat_flux", "fresh_water")
    }
    model = papa_options()
    return ogcm.Model(
        grid, depth=sum(DZ), dz=DZ, T=record.T[start], S=record.S[start], forcing=ogcm.Forcing(**series), **model
    )


def papa_options():
    choices = {"equation_of_state": "teos10", "vertical_mixing": "richardson"}
    return {"dt": 1200.0, "friction": "none", "diffusion": "none", **choices}


def test_windows_are_columns_that_do_not_feel_each_other(tmp_path):
    """Each of three equals the column alone in the world, currents included."""
    data = made_up_papa(tmp_path / "papa.nc")
    model, record, starts = papa(data=data, columns=3, hours=12), read_record(data), [40, 0, 7]
    set_windows(model, record, starts)
    run(model, 36)
    T, S = forecast(model)
    u, v = interior(model.state.u)[:, 0, ::2] / U_SCALE, interior(model.state.v)[:, 0, ::2]
    for c, start in enumerate(starts):
        alone = column(record, start, 12)
        for name, p in model.parameters.items():
            alone.parameters[name][...] = p.flat[0] if name != "eos" else p
        state = run(alone, 36).state
        for found, name in ((T, "T"), (S, "S"), (u, "u"), (v, "v")):
            expected = interior(getattr(state, name))[:, 0, 0]
            np.testing.assert_allclose(found[:, c], expected, atol=1e-10, err_msg=name)
    assert np.abs(u[:, 0] - u[:, 1]).max() > 1e-2
    np.testing.assert_allclose(interior(model.state.u)[:, 0, 1::2], 0, atol=1e-11)  # the faces between columns


def test_the_inertial_circle_has_its_period(tmp_path):
    calm = {name: np.zeros(60) for name in ("taux", "tauy", "heat", "swr", "pme")}
    model = papa(
        data=made_up_papa(tmp_path / "papa.nc", **calm), columns=2, hours=20, parameters={"nu_v": 0.0}, dt=300.0
    )
    interior(model.state.u)[:, 0, 0] = 0.1 * U_SCALE
    model.state.u[...] = add_halo(interior(model.state.u), (True, True))
    steps = round(2 * np.pi / CORIOLIS / 4 / 300.0)
    run(model, steps)
    angle = CORIOLIS * steps * 300.0
    u, v = interior(model.state.u)[:, 0] / U_SCALE, interior(model.state.v)[:, 0]
    np.testing.assert_allclose(v[:, 0], -0.1 * np.sin(angle), rtol=1e-4)
    np.testing.assert_allclose(u[:, 0], 0.1 * np.cos(angle), atol=1e-4)
    assert np.abs(v[:, 2:]).max() < 1e-12  # the neighbour rests


def test_windows_take_another_batch_without_a_new_stepper(tmp_path):
    data = made_up_papa(tmp_path / "papa.nc")
    record, model = read_record(data), papa(data=data, columns=2, hours=10)
    stepper = ogcm.Stepper(model)
    for _ in range(5):
        stepper.step()
    set_windows(model, record, [30, 11])
    other = papa(data=data, columns=2, hours=10)
    set_windows(other, record, [30, 11])
    for _ in range(5):
        stepper.step()
    assert run(other, 5).state.digest() == model.state.digest()


def test_the_heat_of_the_column_is_what_entered(tmp_path):
    data = made_up_papa(tmp_path / "papa.nc", pme=np.zeros(60))
    record, model = read_record(data), papa(data=data, columns=2, hours=10)
    set_windows(model, record, [3, 20])
    run(model, 30)
    T, _ = forecast(model)
    gained = 1026.0 * 3991.86795711963 * np.array(DZ) @ (T - observed(record, [3, 20], 0)[0])
    for c, start in enumerate((3, 20)):
        entered = np.trapezoid(record.heat_flux[start : start + 11], dx=HOUR)
        # forcing is taken at mid-step: the trapezoid on a piecewise linear series, exactly
        assert gained[c] == pytest.approx(entered, rel=1e-8)


def test_gaps_are_filled_and_the_unseen_has_no_weight(tmp_path):
    taux = np.linspace(0.0, 0.6, 61)[:60]
    holes = taux.copy()
    holes[20:25] = np.nan
    temp = 12 - 0.04 * np.array([1.0, 10.0, 40.0, 100.0, 200.0]) + np.zeros((60, 1))
    temp[5, 2] = np.nan
    record = read_record(made_up_papa(tmp_path / "papa.nc", taux=holes, temp=temp))
    np.testing.assert_allclose(record.tau_x, taux, atol=1e-12)
    np.testing.assert_allclose(record.T[5], record.T[6], atol=1e-12)  # linear in depth
    z = np.cumsum(DZ) - 0.5 * np.array(DZ)
    np.testing.assert_array_equal(record.S_seen, (z >= 5) & (z <= 150))
    np.testing.assert_allclose(record.T[0][z > 200], 4.0)
    np.testing.assert_allclose(record.T[6][z < 200][1:], 12 - 0.04 * z[z < 200][1:])


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"time": 2.0 * np.arange(60)}, InputError, "time must count hours"),
        ({"temp": np.full((60, 5), np.nan)}, InputError, "temp has no value at all in record 0"),
        ({"heat": np.full(60, np.nan)}, InputError, "heat has no value at all"),
        ({"salt": np.full((60, 3), 99.0)}, InputError, "salt holds 99"),
    ],
)
def test_bad_records_are_named(tmp_path, changes, error, words):
    with pytest.raises(error, match=words):
        papa(data=made_up_papa(tmp_path / "papa.nc", **changes))


def test_bad_windows_are_named(tmp_path):
    data = made_up_papa(tmp_path / "papa.nc")
    with pytest.raises(FileError, match="ogcm run papa --data FILE"):
        papa()
    with pytest.raises(FileError, match="is no file"):
        papa(data="nowhere.nc")
    with pytest.raises(InputError, match="hours: 60"):
        papa(data=data, hours=60)
    with pytest.raises(InputError, match="columns: must be positive"):
        papa(data=data, columns=0)
    model = papa(data=data, columns=2, hours=10)
    for starts, words in (([1, 50], "from 0 to 49.*got 50"), ([1], "2 columns, got 1"), ([0.5, 1.0], "whole hours")):
        with pytest.raises(InputError, match=words):
            set_windows(model, read_record(data), starts)


def test_papa_forecasts_beat_persistence(ocean_data):
    """Ten days from every twentieth day of the year: temperature of the upper 150 m, and of the surface."""
    data = str(ocean_data(PAPA))
    record = read_record(data)
    starts = np.arange(0, record.hours - 241, 480)
    model = papa(data=data, columns=len(starts), hours=240, dt=3600.0)
    set_windows(model, record, starts)
    run(model, 240)
    (T, _), (before, _), (after, _) = forecast(model), observed(record, starts, 0), observed(record, starts, 240)
    upper = np.cumsum(DZ) < 150
    for layers in (upper, np.arange(len(DZ)) == 0):
        error, change = ((np.array(DZ) @ ((a - after) ** 2 * layers[:, None])).mean() ** 0.5 for a in (T, before))
        assert error < 0.8 * change
