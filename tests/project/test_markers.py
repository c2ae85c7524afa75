"""The selection of tests by `-m`: long tests run only where their marker is named."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def collected(*options: str) -> str:
    """The names of the tests in the file of bounds checks, one of them long, that pytest would run."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/ogcm/test_bounds.py", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout


@pytest.mark.parametrize("expression", [(), ("-m", "not slow"), ("-m", "not cuda")])
def test_long_tests_run_only_on_request(expression):
    found = collected(*expression)
    assert "as_plain_python" in found
    assert "with_bounds_checks" not in found


def test_long_tests_run_where_they_are_named():
    found = collected("-m", "long")
    assert "as_plain_python" not in found
    assert "with_bounds_checks" in found
