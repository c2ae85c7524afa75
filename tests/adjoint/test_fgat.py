"""3D-Var with the first guess at the time of each observation: beside incremental 4D-Var, products, refusals."""

import numpy as np
import pytest

from adjoint.assimilation import assimilate
from adjoint.cost import LinearisedCost, observations_in
from adjoint.estimates import Estimate
from adjoint.fgat import FgatCost
from adjoint.losses import BoxMean
from adjoint.observation_impact import impact
from ogcm.errors import BlowUpError, InputError
from ogcm.grid import interior
from tests.adjoint.test_assimilation import WAVE, ocean, rms, simulated, twin

FIELDS = [Estimate("T", 0.3, length=4e4), Estimate("u", 0.05), Estimate("eta", 0.02, length=4e4)]


def problem(days):
    """A run of 0.1 days, and observations of another one whose temperature differs by some waves."""
    truth, guess = ocean(), ocean()
    interior(truth.state.T)[...] += 0.3 * WAVE
    _, loss = twin(truth, guess, {"T": 0.05, "u": 0.01, "eta": 0.01}, days=(*days, 0.1), every=2)
    return simulated(guess, 0.1), loss


@pytest.mark.parametrize("balance", [False, True])
def test_products_of_the_beginning_are_those_of_the_tangent(balance):
    """The beginning of the run is the increment itself, so that both methods have the same products and gradient."""
    simulation, loss = problem(())
    for term in observations_in(loss):
        term.times[:] = 0.0
    costs = [kind(loss, simulation, FIELDS, balance=balance) for kind in (LinearisedCost, FgatCost)]
    z, v = np.random.default_rng(1).normal(size=(2, costs[0].counts.size))
    exact, still = (cost(0.1 * z) for cost in costs)
    assert still.cost == exact.cost
    assert np.array_equal(still.residuals, exact.residuals)
    assert np.abs(still.gradient - exact.gradient).max() < 1e-12 * np.abs(exact.gradient).max()
    for cost in costs:
        cost.linearise(0.1 * z)
    exact, still = (cost.product(v) for cost in costs)
    assert np.abs(still - exact).max() < 1e-12 * np.abs(exact).max()


def test_products_are_symmetric_in_a_window_and_without_offsets():
    simulation, loss = problem((0.0, 0.05))
    number, eta = next((n, term) for n, term in enumerate(observations_in(loss)) if term.field == "eta")
    eta.groups = type(eta.groups)(np.ones((1, len(eta.values))))  # all of one satellite
    cost = FgatCost(loss, simulation, FIELDS)
    cost.linearise(cost.start())
    a, b = np.random.default_rng(2).normal(size=(2, cost.counts.size))
    assert abs(b @ cost.product(a) - a @ cost.product(b)) < 1e-12 * abs(a @ cost.product(a))
    assert abs((eta.weights * cost.equivalents(a)[number]).sum()) < 1e-12 * eta.weights.sum()


@pytest.mark.slow
def test_analysis_fits_and_one_run_makes_an_outer_loop():
    simulation, loss = problem((0.0, 0.05))
    found = assimilate(loss, simulation, FIELDS, method="3dvar", outer=1, iterations=30)
    assert found.runs == 2 + sum(i.loop > 0 for i in found.iterations)
    for m in found.misfits:
        print(m.loss.field, rms(m.before), rms(m.after))
    assert found.iterations[-1].observations < 0.3 * found.iterations[0].observations
    exact = assimilate(loss, simulation, FIELDS, method="incremental", outer=1, iterations=30)
    change, right = (f["T"] - f.first_guess["T"] for f in (found, exact))
    assert rms(change - right) < 0.3 * rms(right)
    assert found.analysis.degrees_of_freedom == pytest.approx(exact.analysis.degrees_of_freedom, rel=0.1)
    got = impact(found, BoxMean(simulation.model, "T"), simulation)
    assert all(np.isfinite(a).all() for a in got.impacts)


def test_refusals():
    simulation, loss = problem((0.0,))
    with pytest.raises(InputError, match=r"nu_h is no initial field.*method='incremental'"):
        assimilate(loss, simulation, [Estimate("nu_h", 1.0, logarithm=True)], method="3dvar")
    simulation.model.state.u[...] = 1e9
    with pytest.raises(BlowUpError, match="does not stay finite"):
        assimilate(loss, simulation, FIELDS, method="3dvar", iterations=1)
