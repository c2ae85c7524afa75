"""Every index of every kernel lies within its array, which compiled code does not check."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys; sys.path.insert(0, '.')
from tests.oceans import rough_basin, run
HIGHER = dict(friction='biharmonic', diffusion='biharmonic')
for options in (
    dict(advection='monotone', viscosity='leith', vorticity='al81', vertical_mixing='richardson', walls='no_slip',
         equation_of_state='teos10', integrator='ab2', **HIGHER),
    dict(advection='upwind3', viscosity='smagorinsky', vorticity='enstrophy', free_surface='linear'),
    dict(advection='centred2', integrator='euler'),
    dict(advection='weno5', momentum_upwinding='all', friction='none', diffusion='none'),
):
    run(rough_basin(nx=6, ny=6, **options), 1)
print('within bounds')
"""


def run_with(**environment):
    """Output and error messages of a process with these environment variables."""
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", CODE],
        env=os.environ | environment,
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ).stdout


def test_a_step_of_every_kernel_as_plain_python():
    """NumPy raises for an index beyond the end of an array, and for an unsigned one below its start."""
    assert "within bounds" in (said := run_with(NUMBA_DISABLE_JIT="1")), said


@pytest.mark.long
def test_a_step_of_every_kernel_compiled_with_bounds_checks(tmp_path):
    """Compiles all kernels anew, without touching the cache of others."""
    said = run_with(NUMBA_BOUNDSCHECK="1", OGCM_CACHE_DIR=str(tmp_path))
    assert "within bounds" in said, said
