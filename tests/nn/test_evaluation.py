"""Scores of forecasts against plain loops, and their tables, files and pictures."""

import csv

import numpy as np
import pytest
from PIL import Image

import ogcm
from nn.drift import Drift
from nn.losses import EnergySpectrum, Forecast
from nn.pictures import draw_maps, draw_scores, draw_spectra
from nn.score_tables import COLUMNS, table, write_csv
from nn.scores import Scores
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from tests.oceans import rough_basin

FIELDS = ("u", "v", "eta", "T", "S")
LEADS = (1.0, 5.0, 20.0)
SCALES = {"u": 0.1, "v": np.linspace(0.1, 0.02, 5), "eta": 0.2, "T": np.linspace(2.0, 0.5, 5), "S": 0.3}


@pytest.fixture(scope="module")
def model():
    return rough_basin()


def stirred(model, seed, size=1.0):
    """The model's state with random changes, and large values on land in the tracers."""
    rng, state = np.random.default_rng(seed), model.state.copy()
    for name, a in state.arrays().items():
        point = {"u": "u", "v": "v"}.get(name, "t")
        wet = getattr(model.grid, f"mask_{point}")[: len(a) if name != "eta" else 1].reshape(a.shape) > 0
        a += size * np.max(SCALES[name]) * rng.normal(size=a.shape) * wet
        if name in ("T", "S"):
            a[~wet] = np.nan
    return state


def mean_of(model):
    return {name: interior(getattr(model.state, name)).copy() for name in FIELDS}


def layers_of(model, name, state):
    """Values, volumes and climatology of the wet points of each layer, by a plain loop."""
    g, p = model.grid, {"u": "u", "v": "v"}.get(name, "t")
    a = interior(getattr(state, name)).reshape(-1, 12, 16)
    mean = interior(getattr(model.state, name)).reshape(a.shape)
    for k in range(len(a)):
        found = []
        for j in range(12):
            for i in range(16):
                if interior(getattr(g, f"mask_{p}"))[k, j, i]:
                    cell = interior(getattr(g, f"area_{p}"))[j, i]
                    cell *= 1 if name == "eta" else interior(getattr(g, f"h_{p}"))[k, j, i]
                    found.append((a[k, j, i], cell, mean[k, j, i]))
        yield np.array(found).T


@pytest.fixture(scope="module")
def pairs(model):
    """Three forecasts and their truths."""
    return [(stirred(model, n, 0.5), stirred(model, 10 + n)) for n in range(3)]


@pytest.fixture(scope="module")
def scores(model, pairs):
    """Two starts at the first lead, one at the second, none at the last."""
    found = Scores(model, mean_of(model), LEADS, SCALES)
    for lead, (forecast, truth) in zip((0, 0, 1), pairs, strict=True):
        found.add(lead, forecast, truth)
    return found


def plain(model, name, pairs):
    """Sums over starts of weighted squares by layer, then over all layers: volume, error, f^2, t^2, f t, bias."""
    rows = []
    for n, (forecast, truth) in enumerate(pairs):
        both = zip(layers_of(model, name, forecast), layers_of(model, name, truth), strict=True)
        for k, ((f, w, c), (t, _, _)) in enumerate(both):
            if n == 0:
                rows.append(np.zeros(6))
            a, b = f - c, t - c
            rows[k] += [w.sum(), (w * (f - t) ** 2).sum(), (w * a**2).sum(), (w * b**2).sum(), (w * a * b).sum(),
                        (w * (f - t)).sum()]  # fmt: skip
    return np.array([*rows, sum(rows)]).T


@pytest.mark.parametrize("name", FIELDS)
def test_scores_by_layer_and_over_all(model, pairs, scores, name):
    for lead, chosen in ((0, pairs[:2]), (1, pairs[2:])):
        w, error, f, t, product, bias = plain(model, name, chosen)
        np.testing.assert_allclose(scores.rmse(name)[lead], np.sqrt(error / w), rtol=1e-12)
        np.testing.assert_allclose(scores.bias(name)[lead], bias / w, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(scores.acc(name)[lead], product / np.sqrt(f * t), rtol=1e-9)
        np.testing.assert_allclose(scores.variance_ratio(name)[lead], f / t, rtol=1e-12)
        assert 0.15 < scores.variance_ratio(name)[lead, -1] < 0.4  # forecasts of half the amplitude
    for score in (scores.rmse, scores.acc, scores.bias, scores.variance_ratio):
        assert np.isnan(score(name)[2]).all()
    assert list(scores.starts) == [2, 1, 0]


def test_currents_are_vectors(scores):
    vector = np.hypot(scores.rmse("u"), scores.rmse("v"))
    np.testing.assert_allclose(scores.rmse("current"), vector, rtol=1e-14)
    assert np.isnan(scores.bias("current")).all()
    assert scores.fields == (*FIELDS, "current", "all")


def test_the_normalised_error_is_the_loss_of_training(model, pairs, scores):
    forecast, truth = pairs[2]
    targets = {name: np.nan_to_num(interior(getattr(truth, name)))[None] for name in FIELDS}
    clean = forecast.copy()
    clean.T[...], clean.S[...] = np.nan_to_num(clean.T), np.nan_to_num(clean.S)
    loss = Forecast(model, targets, days=[0.0], scales=SCALES)
    value = sum(loss.value(clean, record) for record in loss.all_records())
    assert scores.rmse()[1, -1] ** 2 == pytest.approx(value, rel=1e-12)
    assert scores.rmse("all").shape == (3, 1)


def moved(model, forecast_of):
    """The scores of one forecast, which is a change of the truth."""
    found, truth = Scores(model, mean_of(model), LEADS[:1], SCALES), stirred(model, 3)
    found.add(0, forecast_of(truth), truth)
    return found


def test_the_perfect_forecast(model):
    found = moved(model, lambda truth: truth.copy())
    for name in found.fields:
        assert (found.rmse(name) == 0).all()
        np.testing.assert_allclose(found.acc(name), 1, rtol=1e-14)
        np.testing.assert_allclose(found.variance_ratio(name), 1, rtol=1e-14)


def test_climatology_as_a_forecast_has_no_anomaly_correlation(model):
    found = moved(model, lambda truth: model.state)
    for name in found.fields:
        assert np.isnan(found.acc(name)).all()
        assert (found.variance_ratio(name) == 0).all()
        np.testing.assert_allclose(found.rmse(name), np.sqrt(found.mean_squares(name)[2]), rtol=1e-14)
    assert table({"climatology": found}).splitlines()[-1].split()[-1] == "-"


def test_climatology_in_single_precision_is_no_noise():
    single, rng = rough_basin(precision="float32"), np.random.default_rng(0)
    found = Scores(single, {"T": 10 + rng.normal(size=(5, 12, 16))}, LEADS, {"T": 1.0})
    state = single.state.copy()
    interior(state.T)[...] = 10 + np.random.default_rng(0).normal(size=(5, 12, 16))
    found.add(0, state, single.state)
    assert np.isnan(found.acc("T")).all()


def test_the_opposite_of_the_truth(model):
    def mirrored(truth):
        state = truth.copy()
        for name, a in state.arrays().items():
            a *= -1
            a += 2 * getattr(model.state, name)
        return state

    found = moved(model, mirrored)
    for name in found.fields:
        np.testing.assert_allclose(found.acc(name), -1, rtol=1e-12)
        np.testing.assert_allclose(found.rmse(name), 2 * np.sqrt(found.mean_squares(name)[2]), rtol=1e-12)


def test_large_cells_count_more():
    """Weights of an error in the row with 9/10 of the area, and in the thin layer."""
    grid = ogcm.cartesian(nx=4, ny=2, dx=1e4, dy=[1e4, 9e4], periodic_x=True)
    model = ogcm.Model(grid, depth=100.0, dz=[20.0, 80.0], T=10.0, dt=600.0)
    found = Scores(model, {"T": np.full((2, 2, 4), 10.0)}, [1.0], {"T": 1.0})
    state = model.state.copy()
    interior(state.T)[0, 1] += 2.0
    found.add(0, state, model.state)
    np.testing.assert_allclose(found.rmse("T")[0], np.sqrt([4 * 0.9, 0, 4 * 0.9 * 0.2]), rtol=1e-14)
    np.testing.assert_allclose(found.bias("T")[0], [1.8, 0, 0.36], rtol=1e-14)
    assert found.fields == ("T", "all")


def test_a_forecast_that_has_blown_up_does_not_pass(model):
    found = moved(model, lambda truth: stirred(model, 1))
    for value in (np.nan, np.inf, 1e300):
        broken = stirred(model, 1)
        interior(broken.u)[0, 4, 3] = value
        found.add(0, broken, stirred(model, 3))
        assert not np.isfinite(found.rmse("u")[0, -1])
        assert not np.isfinite(found.rmse()[0, -1])
        assert np.isfinite(found.rmse("T")).all()


def test_spectra_are_means_over_the_starts(model, pairs, scores):
    forecast, truth = scores.spectra()
    energy = EnergySpectrum(model)
    for found, which in ((forecast, 0), (truth, 1)):
        each = [energy(interior(pair[which].u), interior(pair[which].v)) for pair in pairs]
        np.testing.assert_allclose(found[0], (each[0] + each[1]) / 2, rtol=1e-13)
        np.testing.assert_allclose(found[1], each[2], rtol=1e-13)
        assert np.isnan(found[2]).all()


# Long runs


def test_drift_of_contents(model):
    """The surface rises and every cell warms: the contents of the moving layers, computed by hand."""
    start, g = model.state, model.grid
    wet, cells = interior(g.mask_t) > 0, interior(g.h_t * g.area_t)
    drift = Drift(model, start, mean_of(model), mean_of(model))
    state = start.copy()
    drift.add(state)
    interior(state.eta)[...] += 0.2 * wet[0]
    interior(state.T)[...] += 0.01 * wet
    interior(state.v)[2, 5, 3] = -0.7
    state.time = 5 * DAY
    drift.add(state)
    assert drift.finite
    assert drift.days == [0, 5]
    assert all(series[0] == 0 for name, series in drift.series.items() if name != "speed")
    last = {name: series[-1] for name, series in drift.series.items()}
    stretching = 1 + interior(state.eta) / interior(g.depth_t)
    T, T0, S0 = interior(state.T), interior(start.T), interior(start.S)
    heat, salt = (cells * (stretching * T - T0)).sum(), (cells * (stretching - 1) * S0).sum()
    assert last["volume"] == pytest.approx(0.2 * interior(g.area_t)[wet[0]].sum() / cells.sum(), rel=1e-12)
    assert last["heat"] == pytest.approx(heat / (cells * abs(T0)).sum(), rel=1e-10)
    assert last["salt"] == pytest.approx(salt / (cells * S0).sum(), rel=1e-10)
    spread = {"heat": T0, "salt": S0}
    for name, change in (("heat", heat), ("salt", salt)):
        a = spread[name][wet]
        around = (cells[wet] * abs(a - np.average(a, weights=cells[wet]))).sum()
        assert last[f"{name}_variation"] == pytest.approx(change / around, rel=1e-10)
    assert last["speed"] == 0.7


def test_mean_and_deviation_of_a_long_run(model):
    """Comparison with NumPy over all states; the data have their climatology and 0.5 as the deviation."""
    mean = {name: mean_of(model)[name] for name in ("T", "eta")}
    deviation = {name: np.full_like(a, 0.5) for name, a in mean.items()}
    drift = Drift(model, model.state, mean, deviation)
    states = [stirred(model, n) for n in range(6)]
    for state in states:
        drift.add(state)
    for name, area in (("T", interior(model.grid.area_t * model.grid.h_t)), ("eta", interior(model.grid.area_t)[None])):
        wet = interior(model.grid.mask_t)[: len(area)] > 0
        all_states = np.array([interior(getattr(state, name)).reshape(area.shape) for state in states])
        mean_error, deviation_error = all_states.mean(0) - mean[name], all_states.std(0) - 0.5
        for error, found in ((mean_error, drift.mean_error(name)), (deviation_error, drift.deviation_error(name))):
            expected = [np.sqrt(np.average(e[w] ** 2, weights=a[w])) for e, a, w in zip(error, area, wet, strict=True)]
            whole = np.sqrt(np.average(error[wet] ** 2, weights=area[wet]))
            np.testing.assert_allclose(found, [*expected, whole], rtol=1e-9)


@pytest.mark.parametrize("name", ["u", "eta", "T"])
def test_a_run_that_does_not_stay_finite(model, name):
    drift = Drift(model, model.state, mean_of(model), mean_of(model))
    drift.add(model.state)
    broken = model.state.copy()
    j, i = np.argwhere(interior(model.grid.mask_u)[0])[0]
    interior(getattr(broken, name))[..., j, i] = np.nan
    drift.add(broken)
    drift.add(model.state)
    assert not drift.finite
    assert drift.days == [0]
    np.testing.assert_allclose(drift.mean_error(name), 0, atol=1e-15)


# Tables, files, pictures


@pytest.fixture(scope="module")
def results(model):
    """A better and a worse model and climatology, at all leads."""
    found = {
        name: Scores(model, mean_of(model), LEADS, SCALES) for name in ("coarse model", "corrected", "climatology")
    }
    for n, lead in enumerate(LEADS):
        for start in range(2):
            truth = stirred(model, 50 + start)
            for scores, rate in zip(found.values(), (0.08, 0.03, 0), strict=True):
                forecast = truth.copy()
                for field, a in forecast.arrays().items():
                    own, error = getattr(model.state, field), getattr(stirred(model, 90 + n), field)
                    share = np.exp(-rate * lead) if rate else 0.0
                    a[...] = own + share * (a - own) + (1 - share) * (error - own) * bool(rate)
                scores.add(n, forecast, truth)
    return found


def test_the_table(results):
    lines = table(results, leads=[1, 20]).splitlines()
    assert lines[0] == "all fields, normalised [1]"
    assert lines[1].split() == ["model", *["RMSE", "1", "d", "RMSE", "20", "d", "ACC", "1", "d", "ACC", "20", "d"]]
    assert len({len(line) for line in lines[1:]}) == 1
    row = lines[2].removeprefix("coarse model").split()
    scores = results["coarse model"]
    expected = [scores.rmse()[0, -1], scores.rmse()[2, -1], scores.acc()[0, -1], scores.acc()[2, -1]]
    np.testing.assert_allclose(np.array(row, float), expected, rtol=2e-3, atol=1e-3)
    assert lines[4].split()[-2:] == ["-", "-"]
    assert table(results, "current").startswith("current [m s-1]")
    assert table(results).count("RMSE") == 3  # first, middle and last


def test_the_csv_read_back(results, tmp_path):
    write_csv(tmp_path / "scores.csv", results)
    with open(tmp_path / "scores.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    assert tuple(rows[0]) == COLUMNS
    layers = 4 * 6 + 6 + 1 + 1  # u, v, T, S; current; eta; all
    assert len(rows) == 3 * layers * 3
    (row,) = (r for r in rows if (r["model"], r["field"], r["layer"], r["lead_days"]) == ("corrected", "T", "2", "5"))
    scores = results["corrected"]
    assert (row["units"], row["depth_m"], row["starts"]) == ("degC", "200", "2")
    for column, score in (("rmse", scores.rmse), ("bias", scores.bias), ("acc", scores.acc)):
        assert float(row[column]) == pytest.approx(score("T")[1, 2], rel=1e-8)
    assert float(row["variance_ratio"]) == pytest.approx(scores.variance_ratio("T")[1, 2], rel=1e-8)
    over_all = [r for r in rows if r["model"] == "climatology" and r["layer"] == "all"]
    assert {r["acc"] for r in over_all} == {"nan"}
    assert {r["field"] for r in over_all} == set(scores.fields)
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]


def drawn(path):
    """A picture as colours, and how many there are of them."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=np.int64) @ [1 << 16, 1 << 8, 1]
    return pixels, len(np.unique(pixels))


def test_the_picture_of_scores(results, tmp_path):
    picture = draw_scores(results, tmp_path / "scores.png")
    assert drawn(tmp_path / "scores.png")[1] > 200
    titles = [axes.get_title() for axes in picture.axes]
    assert titles[:3] == ["all fields, normalised", "sea surface height [m]", "conservative temperature [°C]"]
    assert "current [m s⁻¹]" in titles
    first = picture.axes[0].lines[0]
    np.testing.assert_array_equal(first.get_ydata(), results["coarse model"].rmse()[:, -1])
    labels = [text.get_text() for text in picture.legends[0].get_texts()]
    assert labels == ["coarse model", "corrected", "climatology", "climatology, or ACC 0.6"]


def test_the_picture_of_spectra(results, tmp_path):
    picture = draw_spectra(results, tmp_path / "spectra.png", leads=[1, 20])
    assert drawn(tmp_path / "spectra.png")[1] > 100
    assert [axes.get_title() for axes in picture.axes] == ["lead 1 days", "lead 20 days"]
    np.testing.assert_array_equal(picture.axes[1].lines[0].get_ydata(), results["corrected"].spectra()[1][2])


@pytest.mark.parametrize(("field", "level"), [("T", 3), ("eta", 0), ("u", 1)])
def test_maps_of_forecasts_and_errors(model, field, level, tmp_path):
    truth, forecasts = stirred(model, 1), {"coarse": stirred(model, 2), "corrected": stirred(model, 3)}
    picture = draw_maps(model, truth, forecasts, field, level, tmp_path / "maps.png")
    assert drawn(tmp_path / "maps.png")[1] > 200
    panels = {axes.get_title().split(",")[0]: axes for axes in picture.axes if axes.get_title()}
    assert list(panels) == ["truth", "coarse", "corrected", "coarse - truth", "corrected - truth"]
    limits = {name: axes.collections[0].get_clim() for name, axes in panels.items()}
    assert limits["truth"] == limits["coarse"] == limits["corrected"]
    low, high = limits["coarse - truth"]
    assert (low, high) == limits["corrected - truth"]
    assert low == -high
    wet = interior(getattr(model.grid, "mask_u" if field == "u" else "mask_t"))[level] > 0
    shown = np.ma.masked_invalid(panels["coarse - truth"].collections[0].get_array().reshape(12, 16))
    error = interior(getattr(forecasts["coarse"], field)) - interior(getattr(truth, field))
    np.testing.assert_array_equal(~np.ma.getmaskarray(shown), wet)
    np.testing.assert_allclose(shown[wet], error.reshape(-1, 12, 16)[level][wet], rtol=1e-14)


# Mistakes


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda m, r: Scores(m, {"temp": 0}, LEADS, SCALES), "unknown 'temp'"),
        (lambda m, r: Scores(m, {"T": np.zeros((2, 3))}, LEADS, SCALES), r"T has the shape \(5, 12, 16\)"),
        (lambda m, r: Scores(m, mean_of(m), LEADS, {"u": 1.0}), "scales: none is given for v"),
        (lambda m, r: Scores(m, mean_of(m), LEADS, SCALES | {"S": 0.0}), "scales: the scale of S is 0"),
        (lambda m, r: r["corrected"].rmse("temp"), "field: unknown 'temp'"),
        (lambda m, r: r["corrected"].add(3, m.state, m.state), "lead: number 3 does not exist"),
        (lambda m, r: r["corrected"].add(0, rough_basin(nx=15).state, m.state), "forecast: u has the shape"),
        (lambda m, r: r["corrected"].add(0, m.state, rough_basin(nx=15).state), "truth: u has the shape"),
        (lambda m, r: table(r, leads=[2]), "leads: 2 d is not scored; choose from 1, 5, 20"),
        (lambda m, r: table({}), "results: there are none"),
        (lambda m, r: table(r, "temp"), "unknown 'temp'"),
        (lambda m, r: draw_maps(m, m.state, {}, "T", 5, "no.png"), "layers 0 to 4, got 5"),
        (lambda m, r: draw_maps(m, m.state, {}, "w", 0, "no.png"), "unknown 'w'"),
        (lambda m, r: Drift(m, m.state, mean_of(m), mean_of(m)).mean_error("T"), "no finite state"),
        (lambda m, r: Drift(m, m.state, mean_of(m), mean_of(m)).mean_error("w"), "unknown 'w'"),
        (lambda m, r: Drift(m, m.state, mean_of(m), {"T": mean_of(m)["T"]}), "deviation: u is missing"),
    ],
)
def test_mistakes_are_named(model, results, make, words):
    before = results["corrected"].starts.copy()
    with pytest.raises(InputError, match=words):
        make(model, results)
    np.testing.assert_array_equal(results["corrected"].starts, before)


def test_files_that_cannot_be_written(model, results, tmp_path):
    for write in (write_csv, lambda path, r: draw_scores(r, path), lambda path, r: draw_spectra(r, path)):
        with pytest.raises(FileError, match="written"):
            write(tmp_path / "nowhere" / "a.png", results)
