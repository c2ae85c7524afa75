"""Losses of a training: comparison with plain formulas, and of each adjoint with the complex step."""

import numpy as np
import pytest

import ogcm
from adjoint.complex_step import directional_derivative
from adjoint.gradient_check import loss_error
from adjoint.run import evaluate, gradient
from nn.losses import Conservation, EnergySpectrum, Forecast, Spectrum, fourier, fourier_ad
from ogcm.errors import InputError
from ogcm.grid import interior
from tests.oceans import rough_basin

SHAPE = (5, 12, 16)
DAYS = [0.0, 0.01]
SCALES = {"u": 0.1, "v": np.linspace(0.1, 0.02, 5), "eta": 0.2, "T": np.linspace(2.0, 0.5, 5), "S": 0.3}


@pytest.fixture(scope="module")
def model():
    """A rough basin in motion."""
    rng = np.random.default_rng(5)
    return rough_basin(
        u=0.1 * rng.normal(size=SHAPE), v=0.1 * rng.normal(size=SHAPE), eta=0.3 * rng.normal(size=(12, 16))
    )


@pytest.fixture(scope="module")
def targets(model):
    """Two records with values near those of the model, and large values on land."""
    rng, found = np.random.default_rng(6), {}
    for name, scale in SCALES.items():
        now = interior(getattr(model.state, name))
        scale = np.reshape(scale, (-1, 1, 1)) if np.ndim(scale) else scale
        point = {"u": "u", "v": "v"}.get(name, "t")
        wet = (
            interior(getattr(model.grid, f"mask_{point}"))
            .reshape(SHAPE)[: 1 if name == "eta" else 5]
            .reshape(now.shape)
        )
        found[name] = np.where(wet, now + scale * rng.normal(size=(2, *now.shape)), np.nan)
    return found


def losses(model, targets):
    start = model.state.copy()
    interior(start.T)[...] += 0.3
    return {
        "forecast": Forecast(model, targets, days=DAYS, scales=SCALES, weights=dict(u=1, v=1, eta=2, T=3, S=0.5)),
        "spectrum": Spectrum(model, targets, days=DAYS),
        "conservation": Conservation(model, start, scales={"T": 0.1, "S": 0.01}, days=DAYS),
    }


@pytest.mark.parametrize("name", ["forecast", "spectrum", "conservation"])
def test_the_adjoint_is_that_of_the_value(model, targets, name):
    assert loss_error(losses(model, targets)[name]) < 1e-12


def test_the_adjoint_of_a_closed_basin_and_of_all_together():
    grid = ogcm.cartesian(nx=9, ny=6, dx=1e4, dy=np.linspace(1e4, 2e4, 6), f0=1e-4)
    closed = ogcm.Model(grid, depth=100.0, dz=[40.0, 60.0], T=[12.0, 8.0], dt=300.0)
    rng = np.random.default_rng(0)
    targets = {name: 0.1 * rng.normal(size=(1, 2, 6, 9)) for name in ("u", "v")}
    spectrum = Spectrum(closed, targets, days=[0.0])
    assert loss_error(spectrum) < 1e-12
    whole = (
        Forecast(closed, targets, days=[0.0], scales=SCALES | {"v": 0.1})
        + 0.1 * spectrum
        + 0.01 * Conservation(closed, closed.state, scales={"T": 0.1})
    )
    assert loss_error(whole) < 1e-12


def test_the_gradient_of_a_run(model, targets):
    parts = losses(model, targets)
    whole = parts["forecast"] + 0.1 * parts["spectrum"] + 0.01 * parts["conservation"]
    simulation = ogcm.Simulation(model, days=DAYS[-1], progress=False)
    values = [evaluate(parts[name], simulation) for name in ("forecast", "spectrum", "conservation")]
    found = gradient(whole, simulation, ["T", "u"])
    assert found.value == pytest.approx(np.dot(values, [1, 0.1, 0.01]), rel=1e-14)
    change = {name: np.random.default_rng(3).normal(size=SHAPE) for name in ("T", "u")}
    exact = directional_derivative(whole, simulation, change)
    assert sum((found[name] * change[name]).sum() for name in change) == pytest.approx(exact, rel=1e-10)


def test_forecast_is_the_normalised_mean_square_error(model, targets):
    """Comparison with a sum over cells, weighted by thickness and area."""
    weights = {"u": 1.0, "v": 1.0, "eta": 2.0, "T": 3.0, "S": 0.5}
    g, total = model.grid, 0.0
    for name, weight in weights.items():
        p = {"u": "u", "v": "v"}.get(name, "t")
        area, thick, wet = (interior(getattr(g, f"{a}_{p}")) for a in ("area", "h", "mask"))
        now = interior(getattr(model.state, name)).reshape(-1, 12, 16)
        target, scale = targets[name][1].reshape(now.shape), np.broadcast_to(SCALES[name], len(now))
        above = below = 0.0
        for k, j, i in np.argwhere(wet[: len(now)]):
            cell = area[j, i] * (1 if name == "eta" else thick[k, j, i])
            above += cell * ((now[k, j, i] - target[k, j, i]) / scale[k]) ** 2
            below += cell
        total += weight / 7.5 * above / below
    forecast = losses(model, targets)["forecast"]
    value = sum(forecast.value(model.state, (m, 1)) for m in range(5))
    assert value == pytest.approx(0.5 * total, rel=1e-12)  # half of the mean over two records


def test_climatology_has_the_loss_one(model):
    """With the standard deviation over many records as the scale and their mean as the forecast the loss is 1."""
    rng, records = np.random.default_rng(2), 40
    size = np.linspace(2.0, 0.5, 5)[:, None, None]
    data = 10 + size * rng.normal(size=(records, *SHAPE))
    forecast = Forecast(model, {"T": data}, days=np.arange(records), scales={"T": size.ravel()})
    state = model.state.copy()
    interior(state.T)[...] = 10.0
    assert sum(forecast.value(state, record) for record in forecast.all_records()) == pytest.approx(1, abs=0.02)


def test_equal_weights_unless_given(model, targets):
    two = {name: targets[name] for name in ("T", "S")}
    alone = [Forecast(model, {name: two[name]}, days=DAYS, scales=SCALES) for name in two]
    both = Forecast(model, two, days=DAYS, scales=SCALES)

    def value(loss):
        return sum(loss.value(model.state, record) for record in loss.all_records())

    assert value(both) == pytest.approx(0.5 * sum(map(value, alone)), rel=1e-14)
    first = Forecast(model, two, days=DAYS, scales=SCALES, weights={"T": 7, "S": 0})
    assert value(first) == pytest.approx(value(alone[0]), rel=1e-14)


@pytest.mark.parametrize("nx", [8, 9])
def test_the_waves_are_those_of_the_fourier_transform(nx):
    row = np.random.default_rng(nx).normal(size=nx)
    m, i = np.arange(1, nx // 2 + 1)[:, None], np.arange(nx)
    size = np.where(2 * m == nx, 1.0, np.sqrt(2.0)) / nx
    expected = [(size * wave(2 * np.pi * m * i / nx) * row).sum(axis=1) for wave in (np.cos, np.sin)]
    np.testing.assert_allclose(fourier(row, True), expected, atol=1e-15)
    assert (fourier(row, True) ** 2).sum() == pytest.approx(row.var(), rel=1e-12)  # Parseval
    taper = np.sin(np.pi * (np.arange(nx) + 0.5) / nx) ** 2
    tapered = taper / np.sqrt((taper**2).mean()) * (row - row.mean())
    np.testing.assert_allclose(fourier(row, False), fourier(tapered, True), atol=1e-14)
    np.testing.assert_allclose(fourier(row + 100, False), fourier(row, False), atol=1e-12)


@pytest.mark.parametrize("nx", [1, 2, 8, 9])
@pytest.mark.parametrize("periodic", [True, False])
def test_the_adjoint_of_the_waves_is_their_transpose(nx, periodic):
    rng = np.random.default_rng(nx)
    rows, waves_ad = rng.normal(size=(3, 5, nx)), rng.normal(size=(3, 5, 2, nx // 2))
    forward = (fourier(rows, periodic) * waves_ad).sum()
    assert (rows * fourier_ad(waves_ad, nx, periodic)).sum() == pytest.approx(forward, abs=1e-14)
    for a in (fourier, lambda a, p: fourier_ad(fourier(a, p), nx, p)):  # a row has the same bits among any others
        np.testing.assert_array_equal(a(rows, periodic)[1:, 2], a(rows[1:, 2].copy(), periodic))


def test_one_wave_is_one_line_of_the_spectrum():
    """u = a cos(3 x), b sin(x) in a layer of a quarter of the depth: energies a^2/4 and b^2/4 of it, and Parseval."""
    grid = ogcm.cartesian(nx=16, ny=4, dx=1e4, dy=[1e4, 1e4, 3e4, 5e4], periodic_x=True, periodic_y=True)
    flat = ogcm.Model(grid, depth=400.0, dz=[100.0, 300.0], dt=300.0)
    x, u, v = 2 * np.pi * np.arange(16) / 16, np.zeros((2, 4, 16)), np.zeros((2, 4, 16))
    u[0] = 0.4 * np.cos(3 * x) + 5.0  # the mean of the row does not count
    v[1, 3] = 0.8 * np.sin(x)
    spectrum = EnergySpectrum(flat)
    expected = np.zeros(8)
    expected[2], expected[0] = 0.25 * 0.4**2 / 4, 0.75 * 0.3 * 0.8**2 / 4  # 0.3 of the area around V
    np.testing.assert_allclose(spectrum(u, v), expected, atol=1e-16)
    np.testing.assert_allclose(spectrum.wavelength, 1.6e5 / np.arange(1, 9))
    u, v = np.random.default_rng(1).normal(size=(2, 2, 4, 16))
    layers, rows_u, rows_v = np.array([[0.25], [0.75]]), np.array([1, 1, 3, 5]) / 10, np.array([1, 2, 4, 3]) / 10
    energy = 0.5 * (layers * (rows_u * u.var(axis=-1) + rows_v * v.var(axis=-1))).sum()
    assert spectrum(u, v).sum() == pytest.approx(energy, rel=1e-12)


def test_the_spectral_loss_compares_logarithms(model, targets):
    """Twice the velocity has four times the energy at every wavenumber, whatever its phase; rest has the floor."""
    state = model.state.copy()
    now = {name: interior(getattr(state, name)).copy()[None] for name in ("u", "v")}
    loss = Spectrum(model, now, days=[0.0])
    assert loss.value(state, 0) == 0.0
    state.u *= 2
    state.v *= 2
    assert Spectrum(model, now, days=[0.0], floor=1e-14).value(state, 0) == pytest.approx(np.log(4) ** 2, rel=1e-9)
    state.u[...] = state.v[...] = 0
    E = loss.spectrum(now["u"][0], now["v"][0])
    assert loss.value(state, 0) == pytest.approx((np.log(E / (1e-6 * E.sum()) + 1) ** 2).mean(), rel=1e-12)


def test_conservation_counts_the_moving_layers(model):
    """A rise of the surface adds the heat of its water; a redistribution of water adds nothing."""
    loss = Conservation(model, model.state, scales={"T": 0.1, "S": 0.05})
    assert loss.value(model.state, 0) == 0.0
    cells = interior(model.grid.area_t * model.grid.h_t)
    (a, b), wet = np.argwhere(interior(model.grid.mask_t))[[3, 200]], interior(model.grid.mask_t) > 0
    state = model.state.copy()
    stretching = 1 + interior(state.eta) / interior(model.grid.depth_t)
    T = interior(state.T)
    T[tuple(a)] += 1.0
    T[tuple(b)] -= (cells * stretching)[tuple(a)] / (cells * stretching)[tuple(b)]
    assert loss.value(state, 0) < 1e-25
    state = model.state.copy()
    interior(state.eta)[...] += 0.1 * wet[0]
    columns = interior(model.grid.area_t) / interior(model.grid.depth_t) * wet[0]  # of dh = 0.1 h0/H
    gain = {name: 0.1 * (columns * interior(model.grid.h_t) * interior(getattr(state, name))).sum() for name in "TS"}
    expected = sum((gain[name] / cells.sum() / scale) ** 2 for name, scale in (("T", 0.1), ("S", 0.05)))
    assert loss.value(state, 0) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda m, t: Forecast(m, t, days=DAYS, scales={"u": 1.0}), "scales: none is given for v"),
        (lambda m, t: Forecast(m, t, days=DAYS, scales=SCALES | {"T": 0.0}), "scales: the scale of T is 0 in layer 0"),
        (lambda m, t: Forecast(m, t, days=DAYS, scales=SCALES | {"T": np.ones(3)}), "each of 5 layers"),
        (lambda m, t: Forecast(m, t, days=[0, 1, 2], scales=SCALES), "3 records"),
        (lambda m, t: Forecast(m, {"temp": t["T"]}, days=DAYS, scales=SCALES), "unknown 'temp'"),
        (lambda m, t: Forecast(m, {"T": np.nan * t["T"]}, days=DAYS, scales=SCALES), "not finite over water"),
        (lambda m, t: Forecast(m, t, days=DAYS, scales=SCALES, weights={"u": 1}), "weights: v has None"),
        (lambda m, t: Forecast(m, {}, days=DAYS, scales=SCALES), "at least one field"),
        (lambda m, t: Spectrum(m, {"u": t["u"]}, days=DAYS), "v is missing"),
        (lambda m, t: Spectrum(m, {"u": 0 * t["u"], "v": 0 * t["v"]}, days=DAYS), "do not vary along x in record 0"),
        (lambda m, t: Spectrum(m, t, days=DAYS, floor=0.0), "floor: must be positive"),
        (lambda m, t: Conservation(m, m.state, scales={"heat": 1.0}), "'heat' has no content"),
        (lambda m, t: Conservation(m, m.state, scales={"T": -1.0}), "the scale of T is -1.0"),
    ],
)
def test_mistakes_are_named(model, targets, make, words):
    with pytest.raises(InputError, match=words):
        make(model, targets)
