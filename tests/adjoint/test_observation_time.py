"""Observations in time: between steps, means over a span, offsets of groups, and what a minimisation asks of them."""

import numpy as np
import pytest

import adjoint
import ogcm
from adjoint.complex_step import STEP, complex_model, directional_derivative, loss_of_run, working_copy
from adjoint.controls import Controls
from adjoint.gradient_check import check_controls, loss_error
from adjoint.interpolation import time_weights
from adjoint.losses import BoxMean
from adjoint.observation_loss import Equivalents, Observations
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from tests.oceans import rough_basin

DT, STEPS = 600.0, 8
LAST = STEPS * DT / DAY
FIELDS = {"u": 0.1, "v": 0.1, "eta": 0.05, "T": 0.5, "S": 0.1}
pytestmark = pytest.mark.filterwarnings("ignore:.*not in the water")


def moving_basin(**options):
    rng = np.random.default_rng(3)
    return rough_basin(**({p: 0.05 * rng.normal(size=(5, 12, 16)) for p in "uv"} | {"eta": 0.1} | options))


def simulation(model):
    return ogcm.Simulation(model, days=STEPS * DT / DAY, progress=False)


def observed(model, field, n=60, **changes):
    """Observations at random places and times, some of them means, of three groups with an offset and of none."""
    rng = np.random.default_rng(5)
    span = rng.choice([0.0, 0.3 * LAST], n)
    given = {
        "x": rng.uniform(0, 3.2e5, n), "y": rng.uniform(0, 2.4e5, n), "z": rng.uniform(-300, 0, n),
        "days": np.clip(rng.uniform(0, LAST, n), 0.5 * span, LAST - 0.5 * span), "span": span,
        "values": rng.normal(size=n), "errors": FIELDS[field] * rng.uniform(0.5, 1.5, n),
        "offset": rng.integers(-1, 3, n),
    }  # fmt: skip
    return Observations(model, field, **(given | changes))


def states_of(run):
    """The states of a run, from the initial one to the last."""
    model = working_copy(run.model)
    stepper, states = ogcm.Stepper(model), [model.state.copy()]
    for _ in range(run.steps):
        stepper.step()
        states.append(model.state.copy())
    return states


# Weights in time


def test_weights_are_linear_between_steps_and_trapezoidal_over_a_span():
    W, steps = time_weights(np.array([2.25, 5.0, 4.0]) * DT / DAY, np.array([0.0, 0.0, 4 * DT / DAY]), DT, 8)
    np.testing.assert_array_equal(steps, [2, 3, 4, 5, 6])
    expected = [[0.75, 0.25, 0, 0, 0], [0, 0, 0, 1, 0], [0.125, 0.25, 0.25, 0.25, 0.125]]
    np.testing.assert_allclose(W.toarray(), expected, atol=1e-14)


@pytest.mark.parametrize("span", [1e-9, 0.4, 1.0, 1.3, 4.7])
def test_a_span_between_steps_is_the_mean_of_the_linear_function(span):
    """Against the mean of many points in the span."""
    x, middle = np.random.default_rng(0).normal(size=9), 3.37
    W, steps = time_weights(np.array([middle * DT / DAY]), np.array([span * DT / DAY]), DT, 8)
    points = middle + span * (np.arange(200_000) + 0.5) / 200_000 - 0.5 * span
    assert (W @ x[steps])[0] == pytest.approx(np.interp(points, np.arange(9), x).mean(), rel=1e-8)
    assert W.sum() == pytest.approx(1, rel=1e-14)


def test_times_that_differ_by_round_off_are_those_of_a_step():
    W, steps = time_weights(np.array([3 * DT / DAY * (1 + 1e-12)]), np.zeros(1), DT, 8)
    assert (steps.tolist(), W.toarray().tolist()) == ([3], [[1.0]])


def test_half_a_step_beyond_the_run_is_its_end():
    model = moving_basin()
    loss = observed(model, "T", days=LAST + 0.4 * DT / DAY, span=0.0)
    assert loss.records_by_step(simulation(model)) == {STEPS: [0]}
    for changes in ({"days": LAST + 0.6 * DT / DAY, "span": 0.0}, {"days": 0.0, "span": 2 * DT / DAY}):
        with pytest.raises(InputError, match=r"of Observations is outside the run from 0 to 0\.05"):
            observed(model, "T", **changes).records_by_step(simulation(model))


# Model equivalents


@pytest.mark.parametrize("field", FIELDS)
def test_equivalents_are_those_of_the_states_around(field):
    """Each state, interpolated to all places, is weighted in time by hand."""
    model = moving_basin()
    run, loss = simulation(model), observed(model, field)
    seen = np.array([loss.observe(state) for state in states_of(run)])  # (steps + 1, m)
    value = adjoint.evaluate(loss, run)
    at = np.arange(STEPS + 1) * DT / DAY
    for m, (day, span) in enumerate(zip(loss.times, loss.span, strict=True)):
        times = day + span * (np.arange(20_000) + 0.5) / 20_000 - 0.5 * span
        assert loss.equivalents()[m] == pytest.approx(np.interp(times, at, seen[:, m]).mean(), rel=1e-6, abs=1e-9)
    assert value == pytest.approx(0.5 * (loss.weights * loss.residuals() ** 2).sum(), rel=1e-12)


def test_a_run_must_come_first():
    with pytest.raises(InputError, match=r"no run has been observed; use adjoint\.evaluate"):
        observed(moving_basin(), "T").equivalents()


def test_another_run_begins_anew():
    model = moving_basin()
    loss, run = observed(model, "T"), simulation(model)
    first = adjoint.evaluate(loss, run)
    other = complex_model(model, {"T": np.ones((5, 12, 16))})
    assert loss_of_run(loss, run, other).real == first
    assert np.iscomplexobj(loss.equivalents())
    assert adjoint.evaluate(loss, run) == first
    assert not np.iscomplexobj(loss.equivalents())


# Offsets


def test_an_offset_of_a_group_does_not_count():
    model = moving_basin()
    run, loss = simulation(model), observed(model, "eta")
    value = adjoint.evaluate(loss, run)
    shift = np.where(loss.groups.toarray()[1] > 0, 0.7, 0)
    loss.values = loss.values + shift
    assert adjoint.evaluate(loss, run) == pytest.approx(value, rel=1e-12)
    loss.values = loss.values + 0.7
    assert adjoint.evaluate(loss, run) != pytest.approx(value, rel=1e-3)


def test_the_offset_is_the_one_of_smallest_misfit():
    model = moving_basin()
    run, loss = simulation(model), observed(model, "eta", offset=0)
    value, found = adjoint.evaluate(loss, run), loss.offsets(loss.equivalents() - loss.values)
    plain = observed(model, "eta", offset=-1)
    given = plain.values
    cost = []
    for e in (0.0, -1e-3, 1e-3):
        plain.values = given + found + e
        cost.append(adjoint.evaluate(plain, run))
    assert cost[0] == pytest.approx(value, rel=1e-12)
    assert cost[0] < min(cost[1:])


# The gradient


@pytest.mark.parametrize("field", FIELDS)
def test_the_adjoint_of_each_record_is_the_complex_step(field):
    model = moving_basin()
    assert loss_error(observed(model, field), model.state) < 1e-12


def directions(model):
    rng, values = np.random.default_rng(0), Controls(model, ("u", "v", "eta", "T", "S", "tau_x")).values()
    return {n: rng.normal(size=np.shape(v)) * (np.abs(v) + 0.05) for n, v in values.items()}


@pytest.mark.parametrize("snapshots", [None, 2])
@pytest.mark.parametrize("field", [*FIELDS, "all"])
def test_the_gradient_of_a_run_is_the_complex_step(field, snapshots):
    model = moving_basin()
    run, d = simulation(model), directions(model)
    loss = 1.0 * observed(model, "T") if field == "all" else observed(model, field)
    for other in ("u", "v", "eta", "S") if field == "all" else ():
        loss = loss + observed(model, other)
    g = adjoint.gradient(loss, run, list(d), snapshots=snapshots)
    terms = np.concatenate([np.ravel(g[name] * d[name]) for name in d])
    assert abs(terms.sum() - directional_derivative(loss, run, d)) < 1e-12 * np.abs(terms).sum()
    assert g.value == adjoint.evaluate(loss, run)


def test_the_remainders_of_taylor_have_slope_two():
    model = moving_basin()
    loss = observed(model, "eta") + observed(model, "u")
    checks = check_controls(simulation(model), ("u", "eta", "tau_x"), loss)
    for name, check in checks.items():
        assert check.error < 1e-12, name
        np.testing.assert_allclose(np.diff(np.log10(check.remainders[1:4])), -2, atol=0.05, err_msg=name)


def test_the_gradient_of_equivalents_is_the_transpose_of_their_tangent():
    """<w, P y'> by one complex run equals <gradient, dx> by one adjoint run."""
    model = moving_basin()
    run, d = simulation(model), directions(model)
    loss = observed(model, "eta")
    w = np.random.default_rng(1).normal(size=len(loss.kept))
    loss_of_run(loss, run, complex_model(model, d))
    tangent = loss.without_offsets(loss.equivalents().imag / STEP)
    np.testing.assert_allclose(loss.residuals().imag / STEP, tangent, rtol=1e-12)
    g = adjoint.gradient(Equivalents(loss, w), run, list(d))
    terms = np.concatenate([np.ravel(g[name] * d[name]) for name in d])
    assert abs(terms.sum() - w @ tangent) < 1e-12 * np.abs(terms).sum()
    adjoint.evaluate(loss, run)
    assert g.value == pytest.approx(w @ loss.without_offsets(loss.equivalents()), rel=1e-12)
    assert loss_error(Equivalents(loss, w), model.state) < 1e-12


def test_a_mean_over_the_run_is_that_of_all_its_steps():
    """At the centre of a cell, against means of the cell over all steps and over the first and the last."""
    model = moving_basin()
    wet = np.argwhere(interior(model.grid.mask_t)[0] > 0)
    j, i = wet[len(wet) // 2]
    x, y = model.horizontal.x_t[i], model.horizontal.y_t[j]
    loss = Observations(model, "eta", x=x, y=y, days=0.5 * LAST, span=LAST, values=0.0, errors=1.0)
    run = simulation(model)
    adjoint.evaluate(loss, run)
    box = {"x": (x - 1, x + 1), "y": (y - 1, y + 1)}
    days = np.arange(STEPS + 1) * DT / DAY
    every, both = BoxMean(model, "eta", **box, days=days), BoxMean(model, "eta", **box, days=[0.0, LAST])
    trapezoidal = ((STEPS + 1) * adjoint.evaluate(every, run) - adjoint.evaluate(both, run)) / STEPS
    assert loss.equivalents()[0] == pytest.approx(trapezoidal, rel=1e-12)
