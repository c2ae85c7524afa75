"""The code that README.md and the pages of docs show runs as it stands, only for fewer days.

A block of Python runs, a block without a language is a list of commands, and a block whose first line is a comment with
the name of a file is that file. Blocks of other languages (`sh`, `text`, directives) are shown and do not run: they
need a network, a GPU or a file of the reader's.
"""

import importlib.util
import os
import pydoc
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adjoint.registry import PAIRS
from nn.features import FEATURES
from nn.network import NETWORKS
from ogcm.cli import SETUP_COMMANDS, main
from ogcm.terms import TERMS

ROOT = Path(__file__).resolve().parents[2]
REGISTRIES = (PAIRS, TERMS, FEATURES, NETWORKS)
PAGES = [
    f"docs/{name}.md"
    for name in (
        "start",
        "models",
        "data",
        "streams",
        "background",
        "atmosphere",
        "runs",
        "gradients",
        "assimilation",
        "observations",
        "training",
        "networks",
        "operators",
    )
]
SLOW = (
    "docs/start.md",
    "docs/training.md",
    "docs/networks.md",
    "docs/runs.md",
    "docs/gradients.md",
    "docs/assimilation.md",
)


def blocks(page: str) -> list[tuple[str, str]]:
    """The language and the text of each block of a page that runs."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(language, block) for language, block in found if language in ("", "python", "toml")]


def shortened(text: str) -> str:
    """The code with 0.3 for all numbers of days, and 0.1 for what is done every so many; data sets keep theirs."""
    lines = [
        line
        if "make_data" in line
        else re.sub(r"(every[= ])\d+", r"\g<1>0.1", re.sub(r"(days[= ])\d+", r"\g<1>0.3", line))
        for line in text.splitlines()
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory in which a page is followed; its registrations and imports are removed afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = [dict(table) for table in REGISTRIES]
    yield tmp_path
    for table, entries in zip(REGISTRIES, before, strict=True):
        table.clear()
        table.update(entries)
    for file in tmp_path.glob("*.py"):
        sys.modules.pop(file.stem, None)


def run_command(command: str) -> None:
    """Run one command of a page."""
    program, *arguments = shlex.split(shortened(command))
    assert program == "ogcm", command
    if arguments[0] in SETUP_COMMANDS and arguments[0] != "evaluate":
        arguments.append("--quiet")
    assert main(arguments) == 0, command


def follow(page: str, *, torch: bool = False) -> int:
    """Do what a page shows, block by block. Returns how many blocks did so."""
    done = 0
    for language, block in blocks(page):
        named = re.match(r"# (\S+\.(?:py|toml))\n", block)
        if ("torch" in block) != torch:
            continue
        if named:
            Path(named[1]).write_text(block, encoding="utf-8")
        elif language == "python":
            exec(shortened(block), {"__name__": "__main__"})
        elif not block.startswith("python3 -m venv"):
            for command in block.splitlines():
                run_command(command)
        done += 1
    return done


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.slow) if page in SLOW else page for page in PAGES]
)
def test_the_page_can_be_followed(page):
    assert follow(page) >= 2


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("block", [block for language, block in blocks("README.md") if language == "python"])
def test_the_example_of_the_readme_runs(block):
    exec(shortened(block), {})


@pytest.mark.usefixtures("folder")
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_the_page_can_be_followed_with_another_framework():
    assert follow("docs/networks.md", torch=True) == 2


def test_troubleshooting_shows_the_messages_of_the_code():
    """Each entry begins with parts of a message that the code holds, with dots between them."""
    files = sorted(file for package in ("ogcm", "adjoint", "nn") for file in (ROOT / package).rglob("*.py"))
    code = re.sub(r'"\s+f?"', "", " ".join(file.read_text(encoding="utf-8") for file in files))
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^Message: `(.*)`$", page, re.MULTILINE)
    assert len(messages) > 25
    assert not [part for message in messages for part in message.split(" ... ") if part not in code]


@pytest.mark.slow
def test_the_page_on_debugging_finds_the_error_it_plants(folder):
    page = "docs/debugging.md"
    assert follow(page) >= 5
    for variable in ("NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"):
        assert f"{variable}=1 python wrong.py" in (ROOT / page).read_text(encoding="utf-8")
        environment = os.environ | {variable: "1", "PYTHONPATH": str(ROOT)}
        ran = subprocess.run([sys.executable, "wrong.py"], cwd=folder, env=environment, capture_output=True, text=True)
        assert ran.returncode != 0
        assert re.search(r"IndexError: index .*out of bounds", ran.stderr)


def apply(change: str, root: Path) -> None:
    """Apply a block `diff` of a page: its first line names the file; the lines it removes or keeps stand there once."""
    head, *lines = change.splitlines()
    file = root / head.removeprefix("--- ")
    before = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
    after = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{file.name} holds these lines {text.count(before)} times:\n{before}"
    file.write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.slow
def test_the_page_on_adding_an_operator_adds_two(tmp_path):
    """On a copy of the code: the tests of the page and of the choices pass, and a GPU can run the kernels."""
    for folder in ("ogcm", "adjoint", "nn", "benchmarks", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / "docs/adding_an_operator.md").read_text(encoding="utf-8")
    for language, block in re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        named = re.match(r"# (\S+\.py)\n", block)
        if language == "diff":
            apply(block, tmp_path)
        elif named:
            (tmp_path / named[1]).write_text(block, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    tests = "tests/physics/test_damping.py", "tests/project/test_choices.py", "tests/adjoint/test_stepper.py"
    check = "check-gradients --operators advect_tracer_upwind1 --advection upwind1 --controls T"
    for command in (
        ["pytest", "-q", "-k", "damping or choices", *tests],
        ["ogcm", "kernel", "rayleigh_damping_ad"],
        ["ogcm", *check.split()],
    ):
        command = [sys.executable, "-m", *command]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr


ALL_PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])


def anchors(page: Path) -> set[str]:
    """The names by which links find the headings of a page."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        if not re.match(r"\w+:|api/", file):  # other sites, and pages that a build of the site makes
            there = page.parent / file if file else page
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("page", [*ALL_PAGES, *sorted(ROOT.glob("notebooks/*.ipynb"))], ids=lambda page: page.name)
def test_names_of_the_packages_exist(page):
    """`ogcm.Model`, `adjoint.losses.BoxMean`, ...; the page on adding an operator names what it adds."""
    text = page.read_text(encoding="utf-8")
    for name in sorted(set(re.findall(r"(?<![\w./])(?:ogcm|adjoint|nn)(?:\.[A-Za-z]\w*)+", text))):
        if not re.search(r"\.(py|md|toml|nc|ipynb)$|\.damping|^nn\.(init|utils|Linear|Tanh|Sequential|Module)", name):
            assert pydoc.locate(name) is not None, name


def test_the_reference_can_be_written(tmp_path):
    """The pages that a build makes from the code, in a process of their own: kernels are plain functions there."""
    code = f"""
import numba; numba.config.DISABLE_JIT = True
import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "docs")!r}]
import api_pages, pathlib
api_pages.OUT = pathlib.Path({str(tmp_path)!r})
api_pages.write_pages(None)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "upwind3" in (tmp_path / "api/choices.md").read_text(encoding="utf-8")
    assert "kappa_v" in (tmp_path / "api/choices.md").read_text(encoding="utf-8")
    assert "ogcm.model.Model" in (tmp_path / "api/ogcm.md").read_text(encoding="utf-8")
    assert "check-gradients" in (tmp_path / "api/command_line.md").read_text(encoding="utf-8")
