"""Instability, convection, diffusion and advection against theory; each is stated, with its source, in its case."""

import pytest

from benchmarks import physics


@pytest.mark.parametrize("case", physics.INSTABILITY_AND_MIXING, ids=lambda case: case.__name__)
def test_case(case):
    """Model and theory agree within the tolerance of every check (`benchmarks/physics.py`)."""
    assert case().failures() == []
