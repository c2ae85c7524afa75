"""Incremental 4D-Var: the linearised cost, its minimum against dense algebra, continuation, bounds, blow-ups."""

import h5py
import numpy as np
import pytest

import ogcm
from adjoint.assimilation import assimilate
from adjoint.cost import Cost, LinearisedCost
from adjoint.estimates import Estimate
from adjoint.losses import BoxMean
from ogcm.constants import DAY
from ogcm.errors import BlowUpError, FileError, InputError
from ogcm.grid import interior
from tests.adjoint.test_assimilation import WAVE, WIND, mixed_problem, ocean, rms, simulated, twin

NAMES = [Estimate("nu_h", 1.0, logarithm=True), Estimate("T", 0.1)]


def linearised(**options):
    cost = LinearisedCost(*mixed_problem(), **options)
    z = 0.3 * np.random.default_rng(1).normal(size=cost.counts.size)
    cost.linearise(z)
    return cost, z


# Products


@pytest.mark.parametrize("balance", [False, True])
def test_products_are_symmetric_and_those_of_the_tangent(balance):
    cost, _ = linearised(balance=balance)
    a, b = np.random.default_rng(2).normal(size=(2, cost.counts.size))
    product = cost.product(a) + np.where(cost.counts, 0, a)
    assert abs(b @ product - a @ (cost.product(b) + np.where(cost.counts, 0, b))) < 1e-12 * abs(a @ product)
    squares = sum(np.sum(term.weights * y**2) for (_, term), y in zip(cost.terms, cost.equivalents(a), strict=True))
    assert a @ product == pytest.approx(squares, rel=1e-12)


def test_linearised_cost_is_that_of_small_increments():
    """|J(z + w) - quadratic| falls with the third power of w if the model is linear in w up to second order terms, of
    which the Gauss-Newton form lacks those of residual times curvature: with the second power times a small number."""
    cost, z = linearised(balance=True)
    w = np.random.default_rng(3).normal(size=z.size)
    at, product = cost(z), cost.product(w)
    for e in (1e-3, 1e-4):
        change = e * at.gradient @ w + 0.5 * e**2 * (w @ w + w @ product)
        assert cost(z + e * w).cost - at.cost == pytest.approx(change, rel=20 * e)


# The minimum


def small(iterations=6, **options):
    guess = ocean({"nu_h": 250.0})
    simulation, loss = twin(ocean(), guess, {"u": 0.01, "T": 0.05}, days=(0.0, 0.2), every=4)
    estimates, method = options.pop("estimates", NAMES), options.pop("method", "incremental")
    return assimilate(loss, simulation, estimates, method=method, iterations=iterations, **options)


@pytest.mark.slow
def test_both_methods_find_the_same_minimum():
    full, found = small(method="full", iterations=80), small(outer=4, iterations=60)
    assert found.iterations[-1].cost == pytest.approx(full.iterations[-1].cost, rel=1e-7)
    assert found["nu_h"] == pytest.approx(full["nu_h"], rel=1e-4)
    assert rms(found["T"] - full["T"]) < 1e-3 * rms(full["T"] - full.first_guess["T"])
    assert "converged" in found.message
    for before, after in zip(full.misfits, found.misfits, strict=True):
        assert np.array_equal(before.before, after.before)
        assert rms(before.after - after.after) < 1e-3 * rms(after.before)
    assert full.analysis is None
    assert found.chi_squared == pytest.approx(full.chi_squared, rel=1e-7)


@pytest.mark.slow
def test_iterations_of_an_inner_loop_lower_the_linearised_cost():
    found = small(outer=2, iterations=6)
    loops = [[i for i in found.iterations if i.loop == n] for n in range(3)]
    assert [len(loop) for loop in loops] == [3, 6, 6]
    for loop in loops[1:]:
        assert np.all(np.diff([i.cost for i in loop]) < 0)
    assert all(i.cost == pytest.approx(i.observations + i.background) for i in found.iterations)
    assert [i.evaluations for i in found.iterations] == [1, *range(2, 8), 8, *range(9, 15), 15]
    assert found.runs == 15
    # The linearised cost is that of the run that follows, the better the smaller the increment.
    first, last = (abs(loop[-1].cost / run.cost - 1) for loop, run in zip(loops[1:], loops[0][1:], strict=True))
    assert last < first < 0.1


@pytest.mark.slow
def test_continuation_is_bit_identical(tmp_path, monkeypatch):
    whole, path = small(outer=2, iterations=3), tmp_path / "history.h5"
    plain, calls = LinearisedCost.product, []

    def interrupted(self, v):
        calls.append(v)
        if len(calls) in (2, 5, 7):
            raise KeyboardInterrupt
        return plain(self, v)

    monkeypatch.setattr(LinearisedCost, "product", interrupted)
    for evaluations, vectors in ((1, [2]), (2, [4]), (2, [4, 2])):
        with pytest.raises(KeyboardInterrupt):
            small(outer=2, iterations=3, history=path)
        with h5py.File(path) as f:
            assert len(f["cost"]) == evaluations
            assert [len(f[f"loop {n + 1}/vectors"]) for n in range(f.attrs["loops"])] == vectors
    found = small(outer=2, iterations=3, history=path)
    assert found.iterations == whole.iterations
    assert found.runs == 4  # the first guess again, two products, the last run
    assert all(np.array_equal(found[name], whole[name]) for name in ("nu_h", "T"))
    deviations = [f.analysis.deviations()["T"] for f in (found, whole)]
    assert np.array_equal(*deviations, equal_nan=True)
    again = small(outer=2, iterations=3, history=path)
    assert again.runs == 1
    more, at_once = small(outer=3, iterations=3, history=path), small(outer=3, iterations=3)
    assert np.array_equal(more["T"], at_once["T"])
    with pytest.raises(FileError, match="another problem: method was incremental, 3 iterations"):
        small(outer=2, iterations=4, history=path)


@pytest.mark.slow
def test_increments_of_a_forcing_in_time():
    """A weak constraint: the wind lacks a wave that grows, turns and decays within a day, found at its five times."""
    days, size = np.linspace(0, 1, 5), np.array([0.0, 0.1, 0.05, -0.1, -0.05])
    true = WIND + size[:, None, None] * WAVE

    def with_wind(values):
        return ocean(forcing=ogcm.Forcing(tau_x=ogcm.Series(values, days * DAY)))

    guess = with_wind(np.broadcast_to(WIND, true.shape).copy())
    simulation, loss = twin(with_wind(true), guess, {"u": 0.002}, days=tuple(np.linspace(0.2, 1, 5)), every=2)
    wind = Estimate("tau_x", 0.1, length=6e4, days=0.25)
    found = assimilate(loss, simulation, [wind], method="incremental", outer=1, iterations=10)
    wet = interior(guess.grid.mask_u)[0] > 0
    for n in range(1, 5):
        before, after = (rms((a["tau_x"] - true)[n], wet) for a in (found.first_guess, found))
        print(f"day {days[n]:g}: rms error of tau_x {before:.3f}, {after:.3f}")
        assert after < 0.5 * before
    assert found.iterations[-1].observations < 0.5 * found.iterations[0].observations


# Bounds and blow-ups


@pytest.mark.slow
def test_a_bound_is_kept():
    """The true viscosity of 400 m2 s-1 lies above the bound, on which the estimate ends while T is still found."""
    estimates = [Estimate("nu_h", 1.0, upper=300.0, logarithm=True), NAMES[1]]
    found = small(estimates=estimates, outer=4, iterations=60)
    full = small(estimates=estimates, method="full", iterations=80)
    assert found["nu_h"] == pytest.approx(300.0, rel=1e-12)
    assert found.iterations[-1].cost == pytest.approx(full.iterations[-1].cost, rel=1e-7)


@pytest.mark.slow
def test_an_increment_that_blows_up_is_halved(monkeypatch):
    """Beyond 300 m2 s-1 every run is made to blow up, where the first whole increment leads."""
    plain = Cost.__call__

    def fragile(self, z):
        if self.values(z)["nu_h"] > 300:
            raise BlowUpError("too viscous")
        return plain(self, z)

    monkeypatch.setattr(Cost, "__call__", fragile)
    guess = ocean({"nu_h": 40.0})
    simulation, loss = twin(ocean({"nu_h": 150.0}), guess, {"u": 0.01}, days=(0.5,))
    found = assimilate(
        loss, simulation, [Estimate("nu_h", 3.0, logarithm=True)], method="incremental", outer=5, iterations=3
    )
    assert found.blown_up
    assert "outer loop 1: 1 of the increment blew up" in found.message
    assert found["nu_h"] == pytest.approx(150.0, rel=0.05)
    monkeypatch.setattr(Cost, "__call__", lambda self, z: (_ for _ in ()).throw(BlowUpError("at once")))
    with pytest.raises(BlowUpError, match="at once"):
        small()


def test_mistakes_are_reported_before_the_first_run():
    model = ocean()
    loss, simulation = BoxMean(model, "T"), simulated(model)
    with pytest.raises(InputError, match=r"needs a sum of adjoint.Observations, got 1 BoxMean; .* method='full'"):
        assimilate(loss, simulation, NAMES, method="incremental")
    for options, match in (
        ({"method": "increment"}, "method: unknown 'increment': did you mean 'incremental'"),
        ({"outer": 0}, "outer: at least one, got 0"),
    ):
        with pytest.raises(InputError, match=match):
            assimilate(loss, simulation, NAMES, **options)
