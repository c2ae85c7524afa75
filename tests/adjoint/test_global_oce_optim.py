"""MITgcm's tutorial of state estimation, and what it needs: means of series as controls, misfits to climatologies."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import adjoint
import ogcm
from adjoint.assimilation import Assimilated, Cost
from adjoint.complex_step import directional_derivative
from adjoint.controls import Controls, units
from adjoint.losses import ClimatologyMisfit, MeanSquare
from adjoint.run import evaluate
from benchmarks.global_oce_optim import Problem, accelerated, draw, table
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from tests.oceans import rough_basin

DATA = Path(__file__).parents[3] / "shared" / "data"
SHAPE = (5, 12, 16)


def windy(interpolation="linear"):
    """A basin under winds of four records, which repeat after four hours."""
    winds = 0.1 * np.random.default_rng(3).normal(size=(4, 12, 16))
    series = ogcm.Series(winds, 3600.0 * np.arange(4), 4 * 3600.0, interpolation)
    return rough_basin(forcing=ogcm.Forcing(tau_x=series, heat_flux=50.0), dt=600.0)


def simulated(model, steps):
    return ogcm.Simulation(model, days=steps * model.numerics.dt / DAY, progress=False)


def test_the_mean_of_a_series_is_a_control():
    """A new mean moves all records by the same map; it can be set again and again without any rounding."""
    model = windy()
    before = interior(model.forcing.series["tau_x"].values).copy()
    controls = Controls(model, "tau_x_mean")
    mean, wet = controls.values()["tau_x_mean"], interior(model.grid.mask_u)[0] > 0
    np.testing.assert_array_equal(mean, before.mean(axis=0))
    assert (units("tau_x_mean", model), controls.controls["tau_x_mean"].point) == ("N m-2", "u")
    controls.set_values({"tau_x_mean": mean})
    once = interior(model.forcing.series["tau_x"].values).copy()
    for change in (0.1, 0.7, 0.0):
        controls.set_values({"tau_x_mean": mean + change})
        after = interior(model.forcing.series["tau_x"].values)
        np.testing.assert_allclose(after, before + change * wet, atol=1e-15)
    np.testing.assert_array_equal(after, once)
    with pytest.raises(InputError, match="unknown control 'heat_flux_mean'"):
        Controls(model, "heat_flux_mean")  # one number, itself a control


@pytest.mark.parametrize("names", [("tau_x_mean",), ("tau_x_mean", "tau_x")])
@pytest.mark.parametrize("interpolation", ["linear", "conservative"])
def test_the_gradient_with_respect_to_a_mean_is_the_complex_step(names, interpolation):
    model, rng = windy(interpolation), np.random.default_rng(1)
    run, loss = simulated(model, 9), 1e4 * MeanSquare(model, "u", np.zeros(SHAPE))
    g, way = adjoint.gradient(loss, run, names), rng.normal(size=(12, 16))
    terms = g["tau_x_mean"] * way
    exact = directional_derivative(loss, run, {"tau_x_mean": way})
    assert abs(terms.sum() - exact) < 1e-12 * np.abs(terms).sum()
    if "tau_x" in names:
        np.testing.assert_allclose(g["tau_x"].sum(axis=0), g["tau_x_mean"], rtol=1e-12, atol=1e-18)


def test_a_mean_has_correlated_errors_at_its_points():
    model, rng = windy(), np.random.default_rng(4)
    estimates = [adjoint.Estimate("tau_x_mean", 0.05, length=5e4)]
    cost = Cost(1e4 * MeanSquare(model, "u", np.zeros(SHAPE)), simulated(model, 3), estimates)
    z, way = rng.normal(size=(2, cost.start().size))
    change = cost.values(z)["tau_x_mean"] - cost.values(0 * z)["tau_x_mean"]
    wet = interior(model.grid.mask_u)[0] > 0
    assert np.abs(change[wet]).min() > 0
    assert not change[~wet].any()
    difference = (cost(z + 1e-4 * way).cost - cost(z - 1e-4 * way).cost) / 2e-4
    assert cost(z).gradient @ way == pytest.approx(difference, rel=1e-6)


def test_the_misfit_to_a_climatology_is_that_of_the_mean():
    model, rng = windy(), np.random.default_rng(2)
    run = simulated(model, 6)
    data, errors = 10 + rng.normal(size=SHAPE), np.linspace(1.0, 0.1, 5)[:, None, None]
    hidden = rng.random(SHAPE) < 0.3
    days = np.array([4, 1, 6]) * 600.0 / DAY
    loss = ClimatologyMisfit(model, "T", np.ma.masked_array(data, hidden), errors, days=days, z=(-250, 0))
    copied, states = model.copy(), []
    stepper = ogcm.Stepper(copied)
    for _ in range(6):
        stepper.step()
        states.append(interior(copied.state.T).copy())
    counts = (interior(model.grid.mask_t) > 0) & ~hidden
    counts[np.cumsum(model.dz) - model.dz / 2 > 250] = False
    mean = (states[0] + states[3] + states[5]) / 3
    expected = np.mean(((mean - data) / errors)[counts] ** 2)
    assert evaluate(loss, run) == pytest.approx(expected, rel=1e-13)
    way = rng.normal(size=SHAPE)
    terms = adjoint.gradient(loss, run, "T", snapshots=2)["T"] * way
    assert abs(terms.sum() - directional_derivative(loss, run, {"T": way})) < 1e-12 * np.abs(terms).sum()


@pytest.mark.parametrize(
    ("climatology", "errors", "words"),
    [
        (np.zeros((4, 12, 16)), 1.0, "has the shape"),
        (np.full(SHAPE, np.nan), 1.0, "not finite over water"),
        (np.ma.masked_all(SHAPE), 1.0, "masked at all points"),
        (np.zeros(SHAPE), np.ones(7), "errors: shape"),
        (np.zeros(SHAPE), 0.0, "must be positive"),
    ],
)
def test_climatologies_that_cannot_be_used(climatology, errors, words):
    with pytest.raises(InputError, match=words):
        ClimatologyMisfit(rough_basin(), "T", climatology, errors)


def problem(days):
    if not (DATA / "mitgcm_cases.nc").exists():
        pytest.skip("the shared data are absent")
    found = Problem(DATA, days)
    found.simulation.progress = False
    return found


def test_ten_days_agree_with_mitgcm():
    """J1, and its derivatives with respect to the outward flux at points that MITgcm prints (results/output_adm.txt).

    A part of the difference in J1 is that its currents advance by half an hour a day.
    """
    tutorial = problem(10)
    g = adjoint.gradient(tutorial.misfit, tutorial.simulation, "heat_flux_mean")
    assert g.value == pytest.approx(6.20, rel=0.04)
    ours = -np.append(g["heat_flux_mean"][26, 75:79], g["heat_flux_mean"][1, 42:45])
    theirs = [6.462e-6, 5.941e-6, 4.690e-6, 3.955e-6, -2.704e-6, -2.774e-6, -2.691e-6]
    np.testing.assert_allclose(ours, theirs, rtol=0.1)
    assert accelerated(DATA, 10) == pytest.approx(6.20, rel=0.025)


def test_the_gradient_of_the_cost():
    """Remainders of Taylor's formula fall with the square of the perturbation; the terms are those of the tutorial."""
    tutorial, rng = problem(1), np.random.default_rng(0)
    cost = Cost(tutorial.columns / 4 * tutorial.misfit, tutorial.simulation, [tutorial.estimate])
    wet = interior(tutorial.simulation.model.grid.mask_t)[0] > 0
    z, way = 0.3 * rng.normal(size=(2, *wet.shape)) * wet
    at = cost(z.ravel())
    slope = at.gradient @ way.ravel()
    remainders = [cost((z + e * way).ravel()).cost - at.cost - e * slope for e in (0.1, 0.05)]
    assert np.log2(remainders[0] / remainders[1]) == pytest.approx(2, abs=0.05)
    ((total, temperature, flux),) = tutorial.terms(SimpleNamespace(iterations=[at]))
    assert total == pytest.approx(temperature + 2 * flux)
    assert temperature == pytest.approx(5.0, rel=0.05)  # that of January
    assert flux == pytest.approx(np.mean(z[wet] ** 2))


def test_the_table(capsys):
    table([(6.1, 6.1, 0.0), (3.0, 2.6, 0.2)], [1, 3])
    first, second = capsys.readouterr().out.splitlines()[1:]
    assert first.split() == ["0", "1", "|", "6.100", "6.100", "0.000", "|", "6.1", "6.1", "0.00"]
    assert second.split() == ["1", "3", "|", "3.000", "2.600", "0.200"]


def test_the_picture(tmp_path):
    tutorial = problem(1)
    flux = Controls(tutorial.simulation.model, "heat_flux_mean").values()
    found = Assimilated({n: a + 10.0 for n, a in flux.items()}, flux, [()] * 16, 1, 0, "", None)
    draw(str(tmp_path / "p.png"), tutorial, found, (tutorial.misfit.climatology, tutorial.misfit.climatology))
    assert (tmp_path / "p.png").stat().st_size > 20_000
