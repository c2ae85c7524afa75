"""The structure of the code: imports point one way, files and functions stay short, quantities have units."""

import ast
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from ogcm.constants import DAY
from ogcm.fields import FIELDS
from ogcm.parameters import PARAMETERS

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "ogcm": {"adjoint", "nn", "tests", "benchmarks"},
    "adjoint": {"nn", "tests", "benchmarks"},
    "nn": {"tests", "benchmarks"},
}
FRAMEWORKS = {"torch", "jax", "tensorflow", "autograd", "mxnet", "paddle"}
FILES = [path for folder in (*FORBIDDEN, "tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
KERNELS = ("ogcm/operators", "adjoint/operators", "nn/feature_kernels.py", "nn/output_kernels.py")  # arrays one by one
LINES, LINES_OF_A_FUNCTION, ARGUMENTS = 500, 60, 10
EXCEPTIONS = {  # what is longer, or takes more, and why
    "nn/corrector.py Corrector.__init__": "a public constructor of keyword-only options",
    "adjoint/observation_loss.py Observations.__init__": "a public constructor of keyword-only options",
    "ogcm/model.py Model.__init__": "a public constructor of keyword-only options",
    "ogcm/simulation.py Simulation.__init__": "a public constructor of keyword-only options",
    "ogcm/grid.py build_grid": "keyword-only options of a grid",
    "ogcm/operators/barotropic.py barotropic_substeps": "one kernel: what a substep does must stay in one loop",
    "adjoint/operators/barotropic.py barotropic_substeps_ad": "one kernel: a substep must stay in one loop",
    "adjoint/open_pairs.py radiation_pair.radiate_ad": "has the arguments of a pair",
    "adjoint/registry.py barotropic_substeps_ad": "has the arguments of that kernel",
}


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


def functions(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions and methods of a module, those within others included, each with its qualified name."""
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield within + node.name, node
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from functions(node.body, f"{within}{node.name}.")


def number_of_arguments(function: ast.FunctionDef) -> int:
    """How many arguments a function takes, `self` and `cls` apart."""
    a = function.args
    positional = [argument.arg for argument in (*a.posonlyargs, *a.args)]
    return len(positional) - (positional[:1] in (["self"], ["cls"])) + len(a.kwonlyargs)


def lines_of_code(function: ast.FunctionDef) -> int:
    """The lines of a function without those of its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    return function.end_lineno - function.lineno + 1 - documented * (first.end_lineno - first.lineno + 1)


def beyond_the_limits() -> Iterator[tuple[str, str]]:
    """The files and functions beyond a limit, each with what is wrong with it."""
    for path in FILES:
        file, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        if (lines := text.count("\n")) > LINES:
            yield file, f"has {lines} lines, more than {LINES}"
        for name, function in functions(ast.parse(text).body):
            if (lines := lines_of_code(function)) > LINES_OF_A_FUNCTION:
                yield f"{file} {name}", f"has {lines} lines, more than {LINES_OF_A_FUNCTION}"
            if (arguments := number_of_arguments(function)) > ARGUMENTS and not file.startswith(KERNELS):
                yield f"{file} {name}", f"takes {arguments} arguments, more than {ARGUMENTS}"


def test_files_and_functions_are_short():
    found = dict(beyond_the_limits())
    unlisted = [f"{where}: {what}" for where, what in found.items() if where not in EXCEPTIONS]
    assert not unlisted, "\n".join(["split these, or give the reason in EXCEPTIONS:", *unlisted])
    assert not EXCEPTIONS.keys() - found.keys(), "within the limits now: remove these from EXCEPTIONS"


def test_the_length_of_a_day_is_a_constant():
    """Seconds of a day are `ogcm.constants.DAY`, in tests and benchmarks as well."""
    for path in FILES:
        with path.open("rb") as file:
            numbers = [token for token in tokenize.tokenize(file.readline) if token.type == tokenize.NUMBER]
        lines = [number.start[0] for number in numbers if ast.literal_eval(number.string) == DAY]
        where = path.relative_to(ROOT).as_posix()
        assert not lines or where == "ogcm/constants.py", f"{where}:{lines[0]}: use DAY of ogcm/constants.py"
