"""The cache of compiled kernels is named after all their sources: a changed one is never run as it was."""

import ast
import re
from pathlib import Path

import pytest

from ogcm import backend
from ogcm.backend import ROOT, source_hash, sources

PACKAGES = ("ogcm", "adjoint", "nn")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
KERNELS = [path for path in FILES if re.search(r"^@(partial\()?kernel", path.read_text(encoding="utf-8"), re.MULTILINE)]


def imported(path: Path) -> set[Path]:
    """The modules of this project named in any import statement of a file, indented ones included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    candidates = (ROOT / f"{name.replace('.', '/')}.py" for name in names if name.split(".")[0] in PACKAGES)
    return {path for path in candidates if path.exists()}


def test_there_are_kernels_to_look_at():
    assert ROOT / "ogcm" / "operators" / "friction.py" in KERNELS
    assert ROOT / "ogcm" / "halo.py" in KERNELS


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_import_of_a_module_with_kernels_is_among_its_sources(path):
    """`sources` reads lines `from package.module import name`; a kernel's module may import in no other form."""
    found, waiting = set(), [path]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += imported(module)
    assert found == sources(path)
    assert ROOT / "ogcm" / "grid.py" in found  # whose arrays they read


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of three modules: a imports b, b imports c; d stands alone."""
    folder = tmp_path / "ogcm"
    folder.mkdir()
    for name, text in {
        "a": "from ogcm.b import f\n",
        "b": "from ogcm.c import g\nimport numpy\n",
        "c": "from ogcm.a import h\n",  # a circle ends
        "d": "",
    }.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(backend, "ROOT", tmp_path)
    source_hash.cache_clear()
    yield folder
    source_hash.cache_clear()


def test_sources_follow_imports(project):
    assert {path.stem for path in sources(project / "a.py")} == {"a", "b", "c"}
    assert {path.stem for path in sources(project / "d.py")} == {"d"}


@pytest.mark.parametrize(("edited", "changes"), [("a", "abc"), ("c", "abc"), ("d", "d")])
def test_the_hash_of_a_module_is_that_of_all_it_is_made_of(project, edited, changes):
    def hashes():
        source_hash.cache_clear()
        return {name: source_hash(project / f"{name}.py") for name in "abcd"}

    before = hashes()
    with (project / f"{edited}.py").open("a") as file:
        file.write("# another word\n")
    after = hashes()
    assert {name for name in "abcd" if before[name] != after[name]} == set(changes)
    assert len({before["a"], before["d"]}) == 2
