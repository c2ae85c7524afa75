"""The uncertainty of an estimate and the impact of observations, against dense algebra and in twin experiments."""

import copy

import numpy as np
import pytest

import adjoint
import ogcm
from adjoint.assimilation import assimilate
from adjoint.cost import Cost
from adjoint.estimates import Estimate
from adjoint.loss import Sum
from adjoint.losses import BoxMean
from adjoint.misfits import desroziers
from adjoint.observation_loss import Equivalents
from adjoint.observations import misfit, synthetic
from ogcm.errors import InputError
from tests.adjoint.test_assimilation import ocean, rms, simulated, twin

ESTIMATES = [Estimate("eta", 0.05, length=3e4), Estimate("nu_h", 0.5, logarithm=True)]


def few_observations():
    """A problem with fewer observations than controls, which some 25 iterations solve completely."""
    return twin(ocean(), ocean({"nu_h": 300.0}), {"eta": 0.02, "u": 0.03}, days=(0.05, 0.1), every=6)


@pytest.fixture(scope="module")
def solved():
    """The result of one outer loop with all iterations, and its problem."""
    simulation, loss = few_observations()
    found = assimilate(loss, simulation, ESTIMATES, method="incremental", outer=1, iterations=100, tolerance=0)
    return found, loss, simulation


def dense(cost):
    """The derivative of all model equivalents with respect to z, divided by their errors (m, n), a run for each row."""
    rows = []
    for _, term in cost.terms:
        for unit in np.identity(len(term.values)):
            _, slopes = cost.gradient(Equivalents(term, unit / term.errors))
            rows.append(cost.transpose(cost.z, slopes))
    return np.array(rows)


# The posterior


@pytest.mark.slow
def test_posterior_is_the_dense_one(solved):
    found, _, _ = solved
    analysis = found.analysis
    cost, lanczos = analysis.cost, analysis.minimum.lanczos
    cost.linearise(analysis.minimum.linear_at)
    G = dense(cost)
    A = G.T @ G
    assert lanczos.exhausted
    assert lanczos.size <= len(G) + 1
    exact = np.linalg.solve(np.identity(len(A)) + A, lanczos.b)
    assert np.linalg.norm(lanczos.solution() - exact) < 1e-9 * np.linalg.norm(exact)
    assert np.allclose(analysis.ritz_pairs.values[:10], np.linalg.eigvalsh(A)[::-1][:10], rtol=1e-9)
    inverse = np.linalg.inv(np.identity(len(A)) + A)
    assert analysis.degrees_of_freedom == pytest.approx(np.trace(A @ inverse), rel=1e-9)
    U = np.array([np.concatenate([a.ravel() for a in cost.changes(e).values()]) for e in np.identity(len(A))]).T
    lowered = np.diag(U @ U.T - U @ inverse @ U.T)  # exact, while the stated error is that of the first guess
    start = 0
    for name, s, part in cost.parts(cost.z):
        expected = s.deviations(s.change(part)).ravel() ** 2 - lowered[start : start + part.size]
        deviations, start = analysis.deviations()[name], start + part.size
        assert np.allclose(deviations[s.wet] ** 2, expected.reshape(s.wet.shape)[s.wet], rtol=1e-8), name
        assert (deviations <= s.deviations(s.change(part)))[s.wet].all()


@pytest.mark.slow
def test_sampled_variances_are_the_exact_ones(solved):
    """The variances by random vectors, which are needed for a balance, where the exact ones are known as well."""
    analysis = solved[0].analysis
    exact, sampled = (f(analysis.ritz_pairs) for f in (analysis.variances, analysis.sampled_variances))
    for name, s in analysis.cost.scaled.items():
        ratio = sampled[name][s.wet] / exact[name][s.wet]
        assert np.mean(ratio) == pytest.approx(1, abs=0.05 if ratio.size > 1 else 0.4), name
        assert np.all(np.abs(ratio - 1) < 0.7), name


@pytest.mark.slow
def test_controls_without_background_have_their_own_posterior():
    """The inverse of D + A, with 0 in D for these controls, and degrees of freedom that count them."""
    simulation, loss = few_observations()
    estimates = [ESTIMATES[0], ESTIMATES[1]._replace(background=False)]
    found = assimilate(loss, simulation, estimates, method="incremental", outer=1, iterations=100, tolerance=0)
    analysis = found.analysis
    analysis.cost.linearise(analysis.minimum.linear_at)
    G = dense(analysis.cost)
    A, D = G.T @ G, np.diag(1.0 * analysis.cost.counts)
    inverse = np.linalg.inv(D + A)
    assert analysis.degrees_of_freedom == pytest.approx(np.trace(A @ inverse), rel=1e-8)
    error = float(found.first_guess["nu_h"] * 0.5)
    assert float(analysis.deviations()["nu_h"]) == pytest.approx(error * np.sqrt(inverse[-1, -1]), rel=1e-6)


def test_desroziers_finds_the_errors_of_random_numbers():
    """Scalars with errors 2 and 1 of first guess and observation: the estimate has sqrt(4/5)."""
    rng, n = np.random.default_rng(3), 200_000
    first, seen = 2 * rng.normal(size=n), rng.normal(size=n)
    found = desroziers(first - seen, first + 0.8 * (seen - first) - seen)
    assert found.observation == pytest.approx(1, rel=0.02)
    assert found.background == pytest.approx(2, rel=0.02)
    assert found.analysis == pytest.approx(np.sqrt(0.8), rel=0.02)
    assert np.isnan(desroziers(np.ones(3), -np.ones(3)).observation)


def gyre_twin(seed):
    """A double gyre with errors of sea level and wind that are drawn from their covariances: estimate and truth."""
    estimates = [Estimate("eta", 0.05, length=4e5), Estimate("tau_x", 0.1, length=2e5)]
    model, truth = (ogcm.setups.double_gyre(resolution=2.0) for _ in range(2))
    prior = Cost(BoxMean(truth, "T"), simulated(truth), estimates)
    true = prior.values(np.random.default_rng(seed).normal(size=prior.counts.size))
    prior.controls.set_values(true, truth)
    points = synthetic(simulated(truth), {"eta": 0.02}, days=(0.25, 1.0), every=2, seed=seed + 10)
    loss = misfit(points, model)
    return assimilate(loss, simulated(model), estimates, method="incremental", outer=1, iterations=60), true


@pytest.mark.slow
def test_errors_of_twins_are_as_large_as_the_posterior():
    """Three truths: rms of errors over standard deviations; chi-squared; errors of the observations by Desroziers."""
    twins = [gyre_twin(seed) for seed in range(3)]
    for name in ("eta", "tau_x"):
        wet = twins[0][0].analysis.cost.scaled[name].wet
        after, before = (
            [(found.values if n == 0 else found.first_guess)[name] - true[name] for found, true in twins]
            for n in (0, 1)
        )
        sizes = [
            rms([a[wet] / found.analysis.deviations()[name][wet] for a, (found, _) in zip(errors, twins, strict=True)])
            for errors in (after, before)
        ]
        print(name, "rms of normalised errors", sizes)
        assert 0.8 < sizes[0] < 1.3
        assert sizes[0] < sizes[1]
    chi_squared = np.mean([found.chi_squared for found, _ in twins])
    stated = np.mean([desroziers(m.before, m.after).observation for found, _ in twins for m in found.misfits])
    print("chi-squared", chi_squared, "errors of the observations", stated)
    assert chi_squared == pytest.approx(1, abs=0.2)
    assert stated == pytest.approx(0.02, rel=0.15)


# The impact of observations


def shifted(loss, number, n, change):
    """The loss with another value of observation n of one of its terms."""
    terms = [copy.copy(term) for _, term in loss.terms]
    terms[number].values = terms[number].values.copy()
    terms[number].values[n] += change
    return Sum([(1.0, term) for term in terms])


@pytest.mark.slow
def test_sensitivity_is_that_of_the_linear_analysis(solved):
    """Against differences of the increments, of a scalar that is linear in the initial state: the whole analysis."""
    found, loss, simulation = solved
    scalar = BoxMean(simulation.model, "eta", x=(0, 1.6e5), days=0.0)
    got = adjoint.impact(found, scalar, simulation)
    wanted = adjoint.gradient(scalar, simulation, "eta")["eta"]
    assert got.value == pytest.approx(float(np.sum(wanted * found["eta"])), rel=1e-9)
    for number, n in ((0, 1), (0, 4), (1, 3)):
        changes = []
        for change in (-0.01, 0.01):
            again = assimilate(
                shifted(loss, number, n, change), simulation, ESTIMATES,
                method="incremental", outer=1, iterations=100, tolerance=0,
            )  # fmt: skip
            changes.append(float(np.sum(wanted * again["eta"])) / change)
        assert got.sensitivities[number][n] == pytest.approx(0.5 * sum(changes), rel=1e-6)


@pytest.mark.slow
def test_impacts_add_up_to_the_change_of_a_linear_scalar():
    """Also where the inner loop ends long before it has converged."""
    simulation, loss = few_observations()
    found = assimilate(loss, simulation, ESTIMATES[:1], method="incremental", outer=1, iterations=3)
    scalar = BoxMean(simulation.model, "eta", x=(0, 1.6e5), days=0.0)
    got = adjoint.impact(found, scalar, simulation)
    before = adjoint.evaluate(scalar, simulation)
    assert sum(a.sum() for a in got.impacts) == pytest.approx(got.value - before, rel=1e-9)
    assert [a.shape for a in got.impacts] == [m.before.shape for m in found.misfits]
    longer = simulated(simulation.model, 0.3)
    forecast = adjoint.impact(found, BoxMean(simulation.model, "eta", x=(0, 1.6e5)), longer)
    assert forecast.value != got.value
    assert all(np.isfinite(a).all() for a in forecast.sensitivities)


def test_the_full_method_has_no_impact():
    simulation, loss = few_observations()
    found = assimilate(loss, simulation, ESTIMATES[1:], iterations=1)
    with pytest.raises(InputError, match="found: the full method keeps no Lanczos vectors"):
        adjoint.impact(found, loss, simulation)
