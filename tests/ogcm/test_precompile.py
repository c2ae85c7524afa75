"""Compilation in advance: each part calls what it is named after."""

import pytest

from ogcm import precompile
from ogcm.backend import Kernel


@pytest.mark.parametrize(("part", "kernel"), [("run", "barotropic_substeps"), ("gradient", "advance_tracer_ad")])
def test_a_part_calls_its_kernels(part, kernel, monkeypatch):
    called, call = set(), Kernel.__call__

    def noted(self, *arguments):
        called.add(self.py_func.__name__)
        call(self, *arguments)

    monkeypatch.setattr(Kernel, "__call__", noted)
    precompile.compile_part(part)
    assert kernel in called
