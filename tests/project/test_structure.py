"""The house: imports point one way, no differentiation framework, every field has its units."""

import ast
from pathlib import Path

import pytest

from ogcm.fields import FIELDS
from ogcm.parameters import PARAMETERS

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "ogcm": {"adjoint", "nn", "tests", "benchmarks"},
    "adjoint": {"nn", "tests", "benchmarks"},
    "nn": {"tests", "benchmarks"},
}
FRAMEWORKS = {"torch", "jax", "tensorflow", "autograd", "mxnet", "paddle"}


def imported(path: Path) -> set[str]:
    """Top-level names of the packages that a file imports at its top."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_point_one_way(package):
    for path in sorted((ROOT / package).rglob("*.py")):
        wrong = imported(path) & (FORBIDDEN[package] | FRAMEWORKS)
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_no_differentiation_framework_is_a_dependency():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert not [name for name in FRAMEWORKS if f'"{name}' in text]


def test_every_field_and_parameter_has_units_and_a_description():
    assert all(field.units and field.long_name for field in FIELDS.values())
    assert all(parameter.units and parameter.description for parameter in PARAMETERS.values())
    assert all(p.lower <= p.default <= p.upper for p in PARAMETERS.values())
