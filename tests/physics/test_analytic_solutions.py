"""Circulation, balance, instability and mixing against theory; each solution is in the docstring of its case."""

import pytest

from benchmarks.physics import balance, circulation, mixing

SLOW = [mixing.lock_exchange]
CASES = [
    pytest.param(case, marks=pytest.mark.slow if case in SLOW else (), id=case.__name__)
    for case in (*circulation.CASES, *balance.CASES, *mixing.CASES)
]


@pytest.mark.parametrize("case", CASES)
def test_case(case):
    """Model and theory agree within the tolerance of every check (`benchmarks/physics`)."""
    assert case().failures() == []
