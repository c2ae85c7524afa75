"""The public names of the three packages."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import adjoint
import nn
import ogcm

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"ogcm": ogcm, "adjoint": adjoint, "nn": nn}
DOTTED = re.compile(r"(?<![\w./'-])(?<!pydoc )(?<!from )(?<!import )((?:ogcm|adjoint|nn)(?:\.[A-Za-z_]\w*)+)(?![\w/-])")
FILES = re.compile(r"\.(py|pyi|toml|md|nc|h5|yml|cfg|png)$")


def texts() -> dict[str, str]:
    """Docstrings of the packages, README, the pages of docs and the notebooks, by file."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            docstrings = re.findall(r'"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL)
            found[str(path.relative_to(ROOT))] = "\n".join(docstrings)
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    for path in (ROOT / "README.md", *sorted(pages)):
        found[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
    return found


def reachable(name: str) -> bool:
    """True where attributes lead to `name` after `import ogcm, adjoint, nn` and nothing else."""
    package, first, *others = name.split(".")
    if first != "__version__" and first not in dir(PACKAGES[package]):
        return False
    thing = getattr(PACKAGES[package], first)
    for attribute in others:
        if not hasattr(thing, attribute) and attribute not in getattr(thing, "__annotations__", {}):
            return False
        thing = getattr(thing, attribute, None)
    return True


def is_module(name: str) -> bool:
    """True for the dotted name of a file of ours, which a docstring may point to."""
    return ROOT.joinpath(*name.split(".")).with_suffix(".py").is_file()


def test_every_name_that_a_text_mentions_is_reachable():
    wrong = {
        (file, name)
        for file, text in texts().items()
        for name in DOTTED.findall(text)
        if not FILES.search(name) and not reachable(name) and not (file.endswith(".py") and is_module(name))
    }
    assert not wrong, "\n".join(f"{file}: {name}" for file, name in sorted(wrong))


@pytest.mark.parametrize("name", [*PACKAGES, "ogcm.operators", "adjoint.operators"])
def test_every_listed_name_exists(name):
    module = import_module(name)
    assert dir(module)
    assert all(hasattr(module, attribute) for attribute in dir(module))


def test_every_operator_is_listed():
    for package in (ogcm, adjoint):
        folder = ROOT / package.__name__ / "operators"
        assert set(dir(package.operators)) == {path.stem for path in folder.glob("[!_]*.py")}


def test_imports_do_not_wait_for_the_compiler():
    code = "import sys, ogcm, adjoint, nn, ogcm.cli; print(sorted({'numba', 'numpy', 'matplotlib'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def run_beside(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run Python in `folder`, where it looks for packages first."""
    path = f"{folder}{os.pathsep}{ROOT}"
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(("package", "command"), [("nn", "train"), ("adjoint", "check-gradients")])
def test_a_file_that_hides_a_package_is_named(tmp_path, package, command):
    hiding = tmp_path / f"{package}.py"
    hiding.write_text("")
    words = f"{package}: Python finds {hiding} instead of the package"
    done = run_beside(tmp_path, "-m", "ogcm", command, "x.toml")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"ogcm: {words}")
    assert "rename a file or folder of that name" in done.stderr
    done = run_beside(tmp_path, "-c", "import ogcm; print(ogcm.cartesian)")
    assert done.returncode == 0
    assert f"UserWarning: {words}" in done.stderr


def test_nn_refuses_a_foreign_adjoint(tmp_path):
    (tmp_path / "adjoint").mkdir()
    (tmp_path / "adjoint" / "__init__.py").write_text("")
    done = run_beside(tmp_path, "-W", "ignore", "-c", "import nn")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: adjoint: Python finds {tmp_path / 'adjoint'}")
