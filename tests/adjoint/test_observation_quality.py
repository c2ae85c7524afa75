"""Selection of observations: checks, thinning, super-observations, errors, offsets, and the report of all of them."""

import numpy as np
import pytest

import adjoint
import ogcm
from adjoint.observations import (
    Points,
    Report,
    background_check,
    first_guess,
    in_box,
    in_run,
    in_water,
    misfit,
    of_platforms,
    over_deep_water,
    quality_control,
    resampled,
    select,
    super_observations,
    synthetic,
    thinned,
    with_errors,
    with_offsets,
)
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from tests.oceans import rough_basin

DT, STEPS = 600.0, 6
LAST = STEPS * DT / DAY


def simulation(model=None):
    return ogcm.Simulation(model or rough_basin(), days=LAST, progress=False)


def points(field="T", n=4, **changes):
    """Observations in one cell of the rough basin, whose cells are 20 km wide."""
    given = {"x": 5e4, "y": 5e4, "z": -10.0, "days": 0.0, "values": 10.0, "errors": 0.5} | changes
    columns = {name: np.broadcast_to(np.asarray(given.pop(name)), (n,)) for name in list(given)}
    return Points(field, **columns).whole()


# Checks


def test_observations_before_and_after_the_run_are_set_aside():
    step = DT / DAY
    days = [-0.6 * step, -0.4 * step, 0.0, LAST, LAST + 0.4 * step, LAST + 0.6 * step]
    (good,) = in_run([points(n=6, days=days)], simulation())
    assert good.tolist() == [False, True, True, True, True, False]
    (good,) = in_run([points(n=3, days=[0.2 * LAST, 0.5 * LAST, LAST], span=0.6 * LAST)], simulation())
    assert good.tolist() == [False, True, False]


def test_what_is_not_in_the_water_is_found():
    model = rough_basin()
    land = np.argwhere(interior(model.grid.mask_t)[0] == 0)[0]
    x = [model.horizontal.x_t[land[1]], 5e4, 5e4]
    y = [model.horizontal.y_t[land[0]], 5e4, -1e6]
    (inside,), (wet,) = in_water([points(n=3, x=x, y=y)], model)
    assert (inside.tolist(), wet.tolist()) == ([True, True, False], [False, True, False])


def test_the_background_check_follows_its_formula():
    p, r = points(n=5, errors=0.3), np.array([0.0, 1.4, -1.6, 2.0, np.nan])
    (good,) = background_check([p], [r], {"T": 0.4}, 3.0)  # 3 sqrt(0.3^2 + 0.4^2) = 1.5
    assert good.tolist() == [True, True, False, False, False]
    (good,) = background_check([p], [np.full(5, 9.0)], {"S": 0.4}, 3.0)
    assert good.all()
    for background, limit, words in (({"T": -1.0}, 3.0, "error of T is -1"), ({}, 0.0, "limit: needs a positive")):
        with pytest.raises(InputError, match=words):
            background_check([p], [r], background, limit)


def test_residuals_of_the_first_guess_are_those_of_the_loss():
    run = simulation()
    seen = synthetic(run, {"T": 0.1, "eta": 0.01}, days=[0.0, LAST], every=3)
    residuals = first_guess(seen, run)
    loss = misfit(seen, run.model)
    value = adjoint.evaluate(loss, run)
    assert value == pytest.approx(sum(0.5 * ((r / p.errors) ** 2).sum() for r, p in zip(residuals, seen, strict=True)))
    assert all(np.std(r / p.errors) == pytest.approx(1, abs=0.2) for r, p in zip(residuals, seen, strict=True))


# Selection


def test_platforms_are_withheld():
    p = points(n=4, platform=["a", "b", "a", "c"])
    good = of_platforms([p], ["a", "c"])
    assert good[0].tolist() == [True, False, True, True]
    assert select([p], [~g for g in good])[0].platform.tolist() == ["b"]
    assert select([p], [np.zeros(4, bool)]) == []
    with pytest.raises(InputError, match="d made no observation; there are a, b, c"):
        of_platforms([p], ["d"])


def test_thinning_keeps_every_nth_of_each_platform_in_time():
    p = points(n=7, days=[0.3, 0.1, 0.2, 0.4, 0.0, 0.1, 0.2], platform=["a"] * 4 + ["b"] * 3)
    (good,) = thinned([p], 2)
    assert p.days[good].tolist() == [0.3, 0.1, 0.0, 0.2]
    assert all(g.all() for g in thinned([p], 1))
    with pytest.raises(InputError, match="n: at least 1"):
        thinned([p], 0)


# Errors and offsets


def test_errors_by_field_and_platform_are_added_in_quadrature():
    p, q = points(n=3, platform=["a", "b", "a"]), points("S", n=2)
    T, S = with_errors([p, q], {"T/b": [0.3, 0.4], "T": 0.1})
    np.testing.assert_allclose(T.errors, [0.1, 0.5, 0.1])
    np.testing.assert_array_equal(S.errors, q.errors)
    np.testing.assert_array_equal(p.errors, 0.5)  # the data set that was given stays as it is
    for errors, words in (({"T": 0.0}, "T has 0"), ({"T": [1.0, -1.0]}, "positive"), ({"T/z": 1.0}, "no obs.* T/z")):
        with pytest.raises(InputError, match=words):
            with_errors([p, q], errors)


def test_each_platform_gets_an_offset():
    eta, T = with_offsets([points("eta", n=3, platform=["b", "a", "b"]), points(n=2)])
    assert (eta.offset.tolist(), T.offset.tolist()) == ([1, 0, 1], [-1, -1])


def test_each_pass_gets_an_offset():
    p = points("eta", n=6, platform=["b", "a", "b", "b", "a", "b"], days=[0.3, 0.0, 0.31, 0.1, 0.01, 0.5])
    (eta,) = with_offsets([p], gap=0.05)
    assert eta.offset.tolist() == [2, 0, 2, 1, 0, 3]


def test_observations_in_a_box():
    p = points(n=4, x=[1e4, 2e4, 3e4, 4e4], y=[1e4, 1e4, 2e4, 2e4])
    assert in_box([p], rough_basin())[0].all()
    assert in_box([p], rough_basin(), x=(2e4, 3e4))[0].tolist() == [False, True, True, False]
    assert in_box([p], rough_basin(), x=(2e4, 4e4), y=(1.5e4, 9e4))[0].tolist() == [False, False, True, True]
    with pytest.raises(InputError, match="y: needs two numbers"):
        in_box([p], rough_basin(), y=(2e4, 1e4))


def test_observations_over_deep_water():
    model = rough_basin()
    depth = interior(model.grid.depth_t)
    order = np.argsort(np.where(interior(model.grid.mask_t)[0] > 0, depth, -1), axis=None)
    (j, i), least = np.unravel_index(order[[0, len(order) // 2, -1]], depth.shape), np.sort(depth[depth > 0])[-2]
    p = points("eta", n=3, x=model.horizontal.x_t[i], y=model.horizontal.y_t[j])
    (good,) = over_deep_water([p], model, 0.5 * (least + depth.max()))
    assert good.tolist() == [False, False, True]
    with pytest.raises(InputError, match="sea_floor: needs a positive depth"):
        over_deep_water([p], model, 0.0)


# Super-observations


def test_a_super_observation_is_the_weighted_mean():
    model = rough_basin()
    p = points(n=3, x=[4.2e4, 5e4, 6.1e4], days=[0.1, 0.2, 0.3], values=[10.0, 11.0, 20.0], errors=[0.3, 0.4, 1.0])
    (found,) = super_observations([p], model, days=1.0)
    w = np.array([1 / 0.09, 1 / 0.16])
    assert len(found.x) == 2  # the third is in another cell
    np.testing.assert_allclose(found.values, [w @ [10, 11] / w.sum(), 20])
    np.testing.assert_allclose(found.x, [w @ [4.2e4, 5e4] / w.sum(), 6.1e4])
    np.testing.assert_allclose(found.days, [w @ [0.1, 0.2] / w.sum(), 0.3])
    np.testing.assert_allclose(found.errors, [w.sum() ** -0.5, 1.0])  # 0.24


@pytest.mark.parametrize("correlation", [0.0, 0.4, 1.0])
def test_the_error_of_a_mean_of_correlated_errors(correlation):
    """Against draws of errors that have a common part."""
    errors = np.array([0.3, 0.4, 0.2])
    (found,) = super_observations([points(n=3, errors=errors)], rough_basin(), correlation=correlation)
    own, common = np.random.default_rng(0).normal(size=(2, 200_000, 3))
    drawn = errors * (np.sqrt(1 - correlation) * own + np.sqrt(correlation) * common[:, :1])
    w = errors**-2 / (errors**-2).sum()
    assert found.errors[0] == pytest.approx(np.std(drawn @ w), rel=0.01)


@pytest.mark.parametrize(
    "apart",
    [
        {"z": [-10, -10, -90, -90]},
        {"days": [0.1, 0.2, 1.1, 1.2]},
        {"platform": ["a", "a", "b", "b"]},
        {"offset": [0, 0, 1, 1]},
        {"span": [0.0, 0.0, 0.5, 0.5]},
        {"y": [5e4, 5e4, 9e4, 9e4]},
    ],
)
def test_what_differs_stays_apart(apart):
    (found,) = super_observations([points(n=4, values=[1.0, 2.0, 3.0, 4.0], **apart)], rough_basin())
    np.testing.assert_allclose(found.values, [1.5, 3.5])


def test_single_observations_stay_as_they_are():
    rng = np.random.default_rng(0)
    p = points(
        n=5, x=2e4 * np.arange(1, 6) + rng.uniform(0, 1e4, 5), values=rng.normal(size=5), days=rng.uniform(0, 1, 5)
    )
    (found,) = super_observations([p], rough_basin())
    for a, b in zip(p[1:5], found[1:5], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(found.errors, p.errors, rtol=1e-15)


def test_longitudes_may_differ_by_a_turn():
    grid = ogcm.spherical(lon=np.arange(350.0, 371), lat=np.arange(20.0, 31))
    model = ogcm.Model(grid, depth=100.0, dz=[100.0], T=10.0, dt=600.0)
    (found,) = super_observations([points(n=3, x=[0.25, 360.75, 1.5], y=25.5)], model)
    np.testing.assert_allclose(found.x, [0.5, 1.5])


def test_options_of_super_observations():
    for options, words in (({"days": 0.0}, "days: an interval"), ({"correlation": 1.5}, "from 0 to 1, got 1.5")):
        with pytest.raises(InputError, match=words):
            super_observations([points()], rough_basin(), **options)


# Report


def test_the_report_counts_by_field_and_platform():
    given = [points(n=4, platform=["a", "a", "b", "b"]), points("S", n=2)]
    report = Report(given)
    kept = report.keep(given, [np.array([True, False, True, True]), np.ones(2, bool)], "outside run")
    kept = report.replace(kept, [kept[0].select([0, 2]), kept[1]], "averaged")
    assert report.used == {("T", "a"): 1, ("T", "b"): 1, ("S", ""): 2}
    assert str(report).splitlines() == [
        "field  platform  given  used  outside run  averaged",
        "S                    2     2            0         0",
        "T      a             2     1            1         0",
        "T      b             2     1            0         1",
        "all                  6     4            1         1",
    ]


def test_many_platforms_have_one_line():
    given = [points(n=20, platform=[f"{n:02}" for n in range(20)])]
    assert str(Report(given)).splitlines()[1].split() == ["T", "20", "platforms", "20", "20"]
    assert len(Report(given).table(platforms=20).splitlines()) == 22


# All of it


def test_quality_control_of_a_twin():
    """Faults are planted in the observations of a run; each is found under its reason, and the rest is used."""
    run = simulation()
    (T,) = synthetic(run, {"T": 0.1}, days=[0.0, LAST], every=2)
    days, x, y, values = T.days.copy(), T.x.copy(), T.y.copy(), T.values.copy()
    days[:3] = 5.0
    y[3:5] = -1e6
    row, column = np.argwhere(interior(run.model.grid.mask_t)[0] == 0)[0]
    x[5], y[5] = run.model.horizontal.x_t[column], run.model.horizontal.y_t[row]
    values[6:10] += 3.0
    planted = T._replace(x=x, y=y, days=days, values=values, platform=np.full(len(x), "float"))
    found, report = quality_control([planted], run, background={"T": 0.2}, limit=5.0)
    lost = {reason: sum(column.values()) for reason, column in report.rejected.items()}
    assert lost == {"outside run": 3, "outside grid": 2, "not in water": 1, "background": 4}
    assert sum(len(p.x) for p in found) == len(x) - sum(lost.values()) == sum(report.used.values())
    loss = misfit(found, run.model, out_of_water="refuse")
    assert adjoint.evaluate(loss, run) == pytest.approx(0.5 * len(found[0].x), rel=0.2)


def test_quality_control_sets_errors_thins_and_averages():
    run = simulation()
    seen = synthetic(run, {"T": 0.1, "eta": 0.01}, days=[0.0, LAST], every=1)
    found, report = quality_control(seen, run, errors={"T": [0.3, 0.4]}, thin=2, average=1.0, correlation=1.0)
    assert (found[0].field, found[1].field) == ("T", "eta")
    np.testing.assert_allclose(found[0].errors, 0.5, rtol=1e-12)
    np.testing.assert_allclose(found[1].errors, 0.01, rtol=1e-12)
    given = {p.field: len(p.x) for p in seen}
    assert report.rejected["thinned"]["T", ""] == given["T"] // 2
    assert report.rejected["averaged"]["T", ""] >= 0
    assert sum(len(p.x) for p in found) == sum(report.used.values())


def test_nothing_left_is_an_error_with_the_report():
    with pytest.raises(InputError, match=r"none is left:\nfield +platform +given +used +outside run"):
        quality_control([points(days=9.0)], simulation())


def test_observations_are_made_again_from_a_truth():
    truth = simulation()
    p = points("T", n=400, days=0.5 * LAST, errors=0.1)
    (found,) = resampled([p], truth, seed=1)
    (exact,) = first_guess([found], truth)
    assert np.array_equal(found.x, p.x)
    assert np.std(exact) == pytest.approx(0.1, rel=0.1)
    assert abs(np.mean(exact)) < 0.02
    assert not np.array_equal(found.values, resampled([p], truth, seed=2)[0].values)
