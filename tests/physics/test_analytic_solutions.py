"""Circulation, balance, instability and mixing against theory; each solution is in the docstring of its case."""

import pytest

from benchmarks.physics import balance, circulation, mixing


@pytest.mark.parametrize("case", [*circulation.CASES, *balance.CASES, *mixing.CASES], ids=lambda case: case.__name__)
def test_case(case):
    """Model and theory agree within the tolerance of every check (`benchmarks/physics`)."""
    assert case().failures() == []
