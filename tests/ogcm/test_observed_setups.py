"""The setups on real data: water columns at Papa, surface currents of the Agulhas region."""

import h5py
import numpy as np
import pytest

import ogcm
from adjoint.estimates import Estimate
from nn.observed_data import UNOBSERVED, AgulhasData, PapaData
from nn.trainable import Trainable
from nn.training import Trainer
from nn.training_settings import TrainingSettings
from ogcm.constants import GRAVITY
from ogcm.errors import FileError, InputError
from ogcm.grid import add_halo, interior
from ogcm.setups.agulhas import Starts, agulhas, read_currents
from ogcm.setups.papa import DZ, FLUXES, U_SCALE, forecast, observed, papa, read_record, set_windows
from tests.oceans import run

PAPA = "papa_2012_2013_hourly.nc"
AGULHAS = "globcurrent_agulhas_2002_daily.nc"
HOUR = 3600.0
CORIOLIS = 2 * 7.292e-5 * np.sin(np.radians(50.1))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


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


def column(record, start, hours, mixing, f=CORIOLIS):
    """The same water as one cell that is periodic both ways: a column without neighbours."""
    width = np.full((1, 1), 1e15)
    grid = ogcm.curvilinear(dx=width, dy=width, f=f, periodic_x=True, periodic_y=True)
    times = HOUR * np.arange(hours + 1)
    window = slice(start, start + hours + 1)
    series = {name: ogcm.Series(getattr(record, name)[window].reshape(-1, 1, 1), times) for name in FLUXES}
    options = {"dt": 1200.0, "friction": "none", "diffusion": "none", "equation_of_state": "teos10"}
    return ogcm.Model(
        grid,
        depth=sum(DZ),
        dz=DZ,
        T=record.T[start],
        S=record.S[start],
        forcing=ogcm.Forcing(**series),
        vertical_mixing=mixing,
        **options,
    )


@pytest.mark.parametrize("mixing", ["richardson", "tke"])
def test_windows_are_columns_that_do_not_feel_each_other(tmp_path, mixing):
    """Each of three columns equals a single column to the bit, currents included."""
    data = made_up_papa(tmp_path / "papa.nc")
    model = papa(data=data, columns=3, hours=12, vertical_mixing=mixing)
    record, starts = read_record(data), [40, 0, 7]
    set_windows(model, record, starts)
    run(model, 36)
    T, S = forecast(model)
    u, v = interior(model.state.u)[:, 0, ::2] / U_SCALE, interior(model.state.v)[:, 0, ::2]
    for c, start in enumerate(starts):
        alone = column(record, start, 12, mixing)
        for name, p in model.parameters.items():
            alone.parameters[name][...] = p.flat[0] if name != "eos" else p
        state = run(alone, 36).state
        for found, name in ((T, "T"), (S, "S"), (u, "u"), (v, "v")):
            expected = interior(getattr(state, name))[:, 0, 0]
            np.testing.assert_allclose(found[:, c], expected, atol=1e-10, err_msg=name)
    if mixing == "tke":
        assert interior(model.state.tke)[1:5].max() > 1e-4
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


@pytest.mark.parametrize("mixing", ["richardson", "tke"])
def test_windows_take_another_batch_without_a_new_stepper(tmp_path, mixing):
    data = made_up_papa(tmp_path / "papa.nc")
    record, model = read_record(data), papa(data=data, columns=2, hours=10, vertical_mixing=mixing)
    stepper = ogcm.Stepper(model)
    for _ in range(5):
        stepper.step()
    set_windows(model, record, [30, 11])
    other = papa(data=data, columns=2, hours=10, vertical_mixing=mixing)
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
        entered = np.trapezoid((record.heat_flux + record.shortwave)[start : start + 11], dx=HOUR)
        # forcing is taken at mid-step: the trapezoid on a piecewise linear series, exactly
        assert gained[c] == pytest.approx(entered, rel=1e-8)


def test_gaps_are_filled_and_missing_layers_have_no_weight(tmp_path):
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
        ({"heat": np.zeros((60, 2))}, InputError, r"heat has the shape \(60, 2\), time \(60,\)"),
        ({"depth_temp": np.array([200.0, 100.0, 40.0, 10.0, 1.0])}, InputError, "depth_temp increase downwards"),
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
    with pytest.raises(InputError, match="vertical_mixing: 'kpp' does not exist"):
        papa(data=data, vertical_mixing="kpp")
    model = papa(data=data, columns=2, hours=10)
    for starts, words in (([1, 50], "from 0 to 49.*got 50"), ([1], "2 columns, got 1"), ([0.5, 1.0], "whole hours")):
        with pytest.raises(InputError, match=words):
            set_windows(model, read_record(data), starts)


def test_papa_forecasts_beat_persistence(ocean_data):
    """Forecasts of ten days from every twentieth day of the year: temperature of the upper 150 m and of the surface."""
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


# Agulhas


def made_up_currents(path, days=4, **changes):
    """A Gaussian eddy that moves west, a mean flow along the parallels, an island, and noise."""
    lon, lat = 20 + 0.25 * np.arange(24), -38 + 0.25 * np.arange(20)
    x, y = 9e4 * (lon - 23), 1.11e5 * (lat[:, None] + 35.5)
    u, v = np.zeros((2, days, len(lat), len(lon)))
    for n in range(days):
        hill = np.exp(-((x + 5e3 * n) ** 2 + y**2) / (8e4) ** 2)
        u[n], v[n] = 0.2 + 0.6 * y / 8e4 * hill, -0.6 * (x + 5e3 * n) / 8e4 * hill
    u += 0.05 * np.random.default_rng(4).normal(size=u.shape)
    u[:, 15:17, 15:18] = v[:, 15:17, 15:18] = np.nan
    arrays = {"time": 10.0 + np.arange(days), "lat": lat, "lon": lon, "u": u, "v": v} | changes
    units = {"time": "days since 2002-01-01", "lat": "degrees_north", "lon": "degrees_east", "u": "m s-1", "v": "m s-1"}
    with h5py.File(path, "w") as f:
        f.attrs.update(source=np.bytes_(b"made up"), license="none")
        for name, values in arrays.items():
            f[name] = values
            f[name].attrs["units"] = units[name]
        for name in ("time", "lat", "lon"):
            f[name].make_scale(name)
        for name in ("u", "v"):
            for n, axis in enumerate(("time", "lat", "lon")):
                f[name].dims[n].attach_scale(f[axis])
    return str(path)


def test_the_start_has_no_divergence_and_is_near_the_currents(tmp_path):
    data = made_up_currents(tmp_path / "c.nc")
    model, currents = agulhas(data=data, start=2), read_currents(data)
    u, v = interior(model.state.u)[0], interior(model.state.v)[0]
    grid = model.grid
    U, V = u * interior(grid.dy_u), v * interior(grid.dx_v)
    gained = -U - V
    gained[:, 1:] += U[:, :-1]
    gained[1:] += V[:-1]
    gained[:, 0] += (currents.u[2] * interior(grid.dy_t))[:, 0]
    gained[:, -1] -= (currents.u[2] * interior(grid.dy_t))[:, -1]
    gained[0] += (currents.v[2] * interior(grid.dx_t))[0]
    gained[-1] -= (currents.v[2] * interior(grid.dx_t))[-1]
    sea = interior(grid.mask_t)[0] > 0
    # What all sides together bring cannot leave; it is spread over the cells.
    assert np.ptp(gained[sea]) < 1e-3 * np.abs(U).max()
    observed_u = 0.5 * (currents.u[2][:, 1:] + currents.u[2][:, :-1])
    assert np.nanstd(u[:, :-1] - observed_u) < 0.5 * np.nanstd(observed_u)


@pytest.mark.parametrize("gravity", [GRAVITY, 3.7])
def test_eta_is_geostrophic_for_a_weak_eddy(tmp_path, gravity):
    """With a thousandth of the currents only Coriolis force and slope remain, and the streamfunction is known."""
    lon, lat = 20 + 0.25 * np.arange(24), -38 + 0.25 * np.arange(20)
    dx, dy = 6.371e6 * np.cos(np.radians(lat))[:, None] * np.radians(0.25), 6.371e6 * np.radians(0.25)
    f = 2 * 7.292e-5 * np.sin(np.radians(lat))[:, None]
    hill = 1e-3 * np.exp(-((lon - 23) ** 2 + (lat[:, None] + 35.5) ** 2) / 1.2**2)
    u = (-gravity / f * np.gradient(hill, dy, axis=0))[None]
    v = gravity / f * np.gradient(hill, 1.0, axis=1)[None] / dx
    data = made_up_currents(tmp_path / "c.nc", u=np.repeat(u, 4, 0), v=np.repeat(v, 4, 0))
    eta = interior(agulhas(data=data, gravity=gravity).state.eta)
    np.testing.assert_allclose(eta - eta[0, 0], hill, atol=0.06 * hill.max())


def test_a_start_is_at_rest_while_its_forcing_lasts(tmp_path):
    """The forcing at the start cancels every tendency except that of the slope of the surface pressure."""
    model = agulhas(data=made_up_currents(tmp_path / "c.nc"), start=1, parameters={"nu_h": 0.0})
    before = model.state.copy()
    run(model, 1)
    change = max(np.abs(interior(getattr(model.state, n) - getattr(before, n))).max() for n in ("u", "v", "eta"))
    for name in ("tau_x", "tau_y"):
        model.forcing.series[name].values[...] = 0
    model.state.assign(before)
    run(model, 1)
    unheld = max(np.abs(interior(model.state.u - before.u)).max(), np.abs(interior(model.state.v - before.v)).max())
    assert change < 0.02 * unheld


def test_a_surface_may_stand_below_the_thin_layer(tmp_path):
    """D is 0.6 m, eta of the eddy larger; the layer keeps its thickness, so a run goes on."""
    model = agulhas(data=made_up_currents(tmp_path / "c.nc"), wave_speed=1.0)
    assert interior(model.state.eta).min() < -model.dz[0]
    ogcm.Simulation(model, days=0.5, progress=False).run()
    with pytest.raises(InputError, match="below the sea floor"):
        ogcm.Simulation(agulhas(data=str(tmp_path / "c.nc"), wave_speed=1.0, free_surface="nonlinear"), days=1)


def test_starts_follow_each_other_without_a_trace(tmp_path):
    data = made_up_currents(tmp_path / "c.nc")
    model, other = agulhas(data=data, start=3), agulhas(data=data, start=0)
    starts, stepper = Starts(other, read_currents(data)), ogcm.Stepper(other)
    stepper.step()
    starts.set(3)
    stepper.step()
    run(model, 1)
    for name in ("u", "v", "eta"):
        np.testing.assert_array_equal(getattr(model.state, name), getattr(other.state, name))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"time": 2.0 * np.arange(4)}, "time must count days"),
        ({"u": np.full((4, 20, 24), np.nan)}, "other missing|no cell"),
        ({"u": np.full((4, 20, 24), 99.0)}, "u holds 99 m s-1"),
        ({"lon": np.append(20 + 0.25 * np.arange(23), 30.0)}, "lon must hold the centres of .* equal width"),
        ({"time": 10.0 + np.arange(5)}, "other missing points in record 4"),
    ],
)
def test_bad_currents_are_named(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        agulhas(data=made_up_currents(tmp_path / "c.nc", **changes))


def test_land_that_moves_is_named(tmp_path):
    u = np.zeros((4, 20, 24))
    u[2, 0, 0] = np.nan
    with pytest.raises(InputError, match="other missing points in record 2"):
        agulhas(data=made_up_currents(tmp_path / "c.nc", u=u, v=np.zeros(u.shape)))


def test_bad_starts_are_named(tmp_path):
    data = made_up_currents(tmp_path / "c.nc")
    with pytest.raises(FileError, match="ogcm run agulhas --data FILE"):
        agulhas()
    with pytest.raises(InputError, match="start: record 4 does not exist"):
        agulhas(data=data, start=4)
    with pytest.raises(InputError, match="wave_speed must be positive"):
        agulhas(data=data, wave_speed=0.0)


def test_agulhas_forecasts_beat_persistence(ocean_data):
    """Forecasts of ten days from six starts in the year, away from the closed sides."""
    data = str(ocean_data(AGULHAS))
    model, currents = agulhas(data=data), read_currents(data)
    starts, stepper = Starts(model, currents), ogcm.Stepper(model)
    away = np.zeros(model.horizontal.shape, bool)
    away[3:-3, 3:-3] = True
    away, errors, changes = starts.vector(away, away), [], []
    for n in range(10, 350, 60):
        starts.set(n)
        for _ in range(240):
            stepper.step()
        later = starts.flow(currents.u[n + 10], currents.v[n + 10])
        errors.append((starts.vector(interior(model.state.u)[0], interior(model.state.v)[0]) - later)[away])
        changes.append((starts.flow(currents.u[n], currents.v[n]) - later)[away])
    assert np.std(errors) < 0.97 * np.std(changes)


# What models learn from and are held against


def test_papa_data_are_the_observations_of_each_column(tmp_path):
    salt = 32.5 + 0.1 * np.random.default_rng(1).normal(size=(120, 3))
    path = made_up_papa(tmp_path / "papa.nc", hours=120, salt=salt)
    model, record = papa(data=path, columns=3, hours=24), read_record(path)
    data = PapaData(path, model, every=6)
    part = range(1, 16)
    windows = data.windows(part, 4)
    assert windows == [(1, 4, 7), (2, 5, 8), (3, 6, 9)]  # together all 11 but the two that fill no group
    targets = data.targets((1, 4, 7), 4)
    assert targets["T"].shape == (4, len(DZ), 1, 6)
    for column, start in enumerate((1, 4, 7)):
        for n in range(4):
            hour = 6 * (start + n + 1)
            for i in (0, 1):
                np.testing.assert_array_equal(targets["T"][n, :, 0, 2 * column + i], record.T[hour])
                np.testing.assert_array_equal(targets["S"][n, :, 0, 2 * column + i], record.S[hour])
    truth = data.truth((1, 4, 7), 4)
    np.testing.assert_array_equal(interior(truth.S), targets["S"][3])
    np.testing.assert_array_equal(data.read(range(2, 4))["T"][1, :, 0, 3], record.T[18])
    other = papa(data=path, columns=3, hours=24)
    data.initialize(other, (1, 4, 7))
    np.testing.assert_array_equal(interior(other.state.T)[:, 0, 4], record.T[42])
    np.testing.assert_array_equal(interior(other.forcing.series["heat_flux"].values)[:, 0, 2], record.heat_flux[24:49])
    scales = data.scales(part)
    assert (scales["S"][record.S_seen == 0] == UNOBSERVED).all()
    variance = record.T[6:96:6].var(axis=0)[record.T_seen > 0]
    np.testing.assert_allclose(scales["T"][record.T_seen > 0], np.sqrt(variance.mean()))


def test_papa_data_refuse_what_does_not_fit(tmp_path):
    path = made_up_papa(tmp_path / "papa.nc", hours=120)
    model = papa(data=path, columns=3, hours=24)
    with pytest.raises(InputError, match="every"):
        PapaData(path, model, every=0)
    data = PapaData(path, model, every=6)
    with pytest.raises(InputError, match="30 hours, but the model is forced for 24"):
        data.windows(range(0, 16), 5)
    with pytest.raises(InputError, match="holds 2 windows of 4 records, the model has 3 columns"):
        data.windows(range(0, 6), 4)
    with pytest.raises(InputError, match="ends too late"):
        data.windows(range(14, 20), 1)


def test_agulhas_data_add_what_the_layer_does_not_carry(tmp_path):
    path = made_up_currents(tmp_path / "c.nc")
    model, other, currents = agulhas(data=path), agulhas(data=path), read_currents(path)
    data = AgulhasData(path, model)
    starts = Starts(other, currents)
    truth = starts.faces(currents.u[2], currents.v[2])
    found = data.truth(0, 2)
    np.testing.assert_array_equal(starts.vector(interior(found.u)[0], interior(found.v)[0]), truth)
    changed = agulhas(data=path)
    data.initialize(changed, 1)
    starts.set(1)
    for name in ("u", "v", "eta"):
        np.testing.assert_array_equal(getattr(changed.state, name), getattr(other.state, name))
    for name, series in other.forcing.series.items():
        np.testing.assert_array_equal(changed.forcing.series[name].values, series.values)
    # At once, state and rest together are what was observed; later the rest has faded in target and forecast alike.
    now = data.complete_forecast(changed.state.copy(), 1, 0)
    np.testing.assert_allclose(interior(now.u), interior(data.truth(1, 0).u), atol=1e-14)
    perfect = changed.state.copy()
    for name, values in data.targets(1, 2).items():
        interior(getattr(perfect, name))[...] = values[1]
    complete = data.complete_forecast(perfect, 1, 2)
    np.testing.assert_allclose(interior(complete.v), interior(data.truth(1, 2).v), atol=1e-14)
    assert np.abs(data.rest).max() > 1e-3


def test_training_on_observations(tmp_path):
    """Columns of a made-up record learn their diffusivity; the gradient is that of the differences."""
    path = made_up_papa(tmp_path / "papa.nc", hours=300)
    model = papa(data=path, columns=3, hours=48, dt=3600.0)
    data = PapaData(path, model, every=6)
    trainable = Trainable(model, [Estimate("kappa_v", 1.0, logarithm=True)])
    settings = TrainingSettings(curriculum=((4, 2),), validation_windows=1)
    trainer = Trainer(trainable, data, settings, tmp_path / "training")
    start = trainer.starts[4][0]
    g = trainable.gradients(trainer.window_gradient(start, 4))["kappa_v"]
    values, z = [], trainable.arrays["kappa_v"]
    for change in (1e-4, -1e-4):
        z[...] = change
        trainable.update_model()
        values.append(trainer.window_gradient(start, 4).value)
    np.testing.assert_allclose(g, (values[0] - values[1]) / 2e-4, rtol=1e-5)
    assert g != 0
