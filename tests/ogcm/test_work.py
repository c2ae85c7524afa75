"""The work arrays of a step: sharing memory changes no bit, and where everything is kept nothing is shared."""

import numpy as np
import pytest

import ogcm
from ogcm.memory import bytes_of
from ogcm.stepper import Stepper
from ogcm.work import SHARED, SHARED_BY_SLOW_PHYSICS
from tests.adjoint.test_stepper import CHOICES, ocean


def arrays_of(stepper: Stepper) -> dict[str, np.ndarray]:
    """The work arrays of the first stage and of the slow physics by name."""
    found = {**vars(stepper.works[0]), **vars(stepper.slow), "D_T": stepper.slow.D.T}
    return {name: a for name, a in found.items() if isinstance(a, np.ndarray)}


def owner(name: str, declared) -> str:
    """The array in whose memory an array lies."""
    return owner(declared[name][0], declared) if name in declared else name


@pytest.mark.parametrize("choice", CHOICES)
def test_sharing_memory_changes_no_bit(choice, monkeypatch):
    monkeypatch.setattr("ogcm.stepper.windows_of", lambda *_: {})
    model = ocean(**CHOICES[choice])
    shared, kept = Stepper(model).advance(model.state), Stepper(model, kept=True).advance(model.state)
    for name, a in shared.arrays().items():
        np.testing.assert_array_equal(a, getattr(kept, name), err_msg=name)
    assert np.abs(shared.u - model.state.u).max() > 0


def test_memory_that_is_not_free_changes_bits(monkeypatch):
    """The pressure gradient needs the buoyancy, which the pressure must not overwrite."""
    model = ocean()
    monkeypatch.setattr("ogcm.stepper.windows_of", lambda *_: {})
    right = Stepper(model).advance(model.state)
    monkeypatch.setattr("ogcm.stepper.SHARED", SHARED | {"p": ("b", "wrong")})
    wrong = Stepper(model).advance(model.state)
    assert (right.u != wrong.u).any()


@pytest.mark.parametrize("choice", CHOICES)
def test_windows_change_no_bit(choice):
    """The kernels of a stage give the same bits in sweeps and one after another."""
    model = ocean(**CHOICES[choice])
    swept, kept = Stepper(model).advance(model.state), Stepper(model, kept=True).advance(model.state)
    for name, a in swept.arrays().items():
        np.testing.assert_array_equal(a, getattr(kept, name), err_msg=name)


def test_what_is_declared_is_shared_and_nothing_else(monkeypatch):
    monkeypatch.setattr("ogcm.stepper.windows_of", lambda *_: {})
    model = ocean()
    for kept, declared in ((False, SHARED | SHARED_BY_SLOW_PHYSICS), (True, {})):
        arrays = arrays_of(Stepper(model, kept=kept))
        for name, a in arrays.items():
            same = {other for other, b in arrays.items() if b is a}
            assert same == {other for other in arrays if owner(other, declared) == owner(name, declared)}, name
        assert all(reason for _, reason in declared.values())


def test_a_run_needs_a_third_of_the_memory_of_a_step_that_is_kept():
    model = ocean()
    run, kept = Stepper(model), Stepper(model, kept=True)
    assert bytes_of(run) < bytes_of(kept) / 3


def test_a_step_without_some_terms():
    """`without` names terms that a stepper leaves out, as if the model had none of that name."""

    class Rain(ogcm.Term):
        def add(self, model, n, fluxes, D):
            D.u[...] += 1e-6 * model.grid.mask_u

    model, plain = ocean(terms={"one": Rain(), "two": Rain()}), ocean(terms={"one": Rain()})
    ends = [Stepper(model, without=["two"]).advance(model.state), Stepper(plain).advance(plain.state)]
    both = Stepper(model).advance(model.state)
    np.testing.assert_array_equal(ends[0].u, ends[1].u)
    assert (both.u != ends[0].u).any()
