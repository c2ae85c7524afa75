"""Numerical choices agree with the tables of kernels, the branches in both steppers, and the tests of gradients."""

import ast
from pathlib import Path

import pytest

from adjoint.operators.equation_of_state import EQUATIONS_OF_STATE_AD
from adjoint.operators.momentum_advection import VORTICITY_AD
from adjoint.operators.tracer_advection import ADVECTION_AD
from adjoint.registry import PAIRS
from ogcm.integrators import INTEGRATORS
from ogcm.numerics import CHOICES, Numerics
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.operators.momentum_advection import VORTICITY
from ogcm.operators.tracer_advection import ADVECTION
from ogcm.parameters import PARAMETERS
from tests.adjoint.test_stepper import CHOICES as CHECKED

ROOT = Path(__file__).resolve().parents[2]
TABLES = {
    "advection": (ADVECTION, ADVECTION_AD),
    "vorticity": (VORTICITY, VORTICITY_AD),
    "equation_of_state": ({"none", *EQUATIONS_OF_STATE}, {"none", *EQUATIONS_OF_STATE_AD}),
    "integrator": (INTEGRATORS,),
}
BRANCHES = (
    "momentum_upwinding",
    "friction",
    "viscosity",
    "diffusion",
    "vertical_mixing",
)  # which both steppers tell apart by name
FORWARD = ("ogcm/stepper.py", "ogcm/stage_passes.py", "ogcm/slow_physics.py")
BACKWARD = ("adjoint/stepper.py", "adjoint/slow_physics.py")


@pytest.mark.parametrize("choice", TABLES)
def test_the_tables_of_kernels_hold_each_choice_forwards_and_backwards(choice):
    for table in TABLES[choice]:
        assert set(table) == set(CHOICES[choice])


def named(files) -> set[str]:
    """All texts in the code of files, without docstrings."""
    found = set()
    for file in files:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        found |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return found


@pytest.mark.parametrize("choice", BRANCHES)
@pytest.mark.parametrize("files", [FORWARD, BACKWARD], ids=["forward", "backward"])
def test_the_steppers_name_each_choice_but_the_one_that_is_left(choice, files):
    assert len(set(CHOICES[choice]) - named(files)) <= 1


def compared(tree: ast.AST):
    """(choice, value) of each comparison of an attribute that is called like a choice with a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute) and node.left.attr in CHOICES:
            for other in node.comparators:
                if isinstance(other, ast.Constant) and isinstance(other.value, str):
                    yield node.left.attr, other.value


def test_no_code_asks_for_a_choice_that_does_not_exist():
    found = 0
    for package in ("ogcm", "adjoint", "nn"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for choice, value in compared(ast.parse(file.read_text(encoding="utf-8"))):
                assert value in CHOICES[choice], f"{file.relative_to(ROOT)}: {choice} == {value!r}"
                found += 1
    assert found > 10


def test_the_gradient_of_a_step_is_checked_for_each_choice():
    defaults = {name: getattr(Numerics(dt=1.0), name) for name in CHOICES}
    checked = {name: {options.get(name, defaults[name]) for options in CHECKED.values()} for name in CHOICES}
    others = {"dynamics": {"none"}, "precision": {"float32"}}
    for name, values in CHOICES.items():
        assert set(values) - checked[name] <= others.get(name, set()), name


def test_parameters_need_choices_that_exist():
    for name, parameter in PARAMETERS.items():
        for choice, values in parameter.needs.items():
            assert set(values) <= set(CHOICES.get(choice, (True, False))), name


def test_each_kernel_of_a_table_is_in_the_registry():
    registered = {pair.forward for pair in PAIRS.values()}
    kernels = [*ADVECTION.values(), *VORTICITY.values()]
    kernels += [kernel for e in EQUATIONS_OF_STATE.values() for kernel in (e.buoyancy, e.stratification)]
    assert all(kernel in registered for kernel in kernels)
