"""The code that README.md and the pages of docs show runs as it stands, only for fewer days."""

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

from adjoint.registry import PAIRS
from nn.features import FEATURES
from nn.network import NETWORKS
from ogcm.cli import main
from ogcm.terms import TERMS

ROOT = Path(__file__).resolve().parents[2]
REGISTRIES = (PAIRS, TERMS, FEATURES, NETWORKS)
BLOCKS = [
    pytest.param(block, id=f"{name}-{n}")
    for name in ("README.md", "docs/howto.md")
    for n, block in enumerate(re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL))
]


def shortened(text: str) -> str:
    """The code with 0.3 for all numbers of days, and 0.1 for what is done every so many."""
    return re.sub(r"(every[= ])\d+", r"\g<1>0.1", re.sub(r"(days[= ])\d+", r"\g<1>0.3", text))


@pytest.mark.parametrize("block", BLOCKS)
def test_the_example_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(shortened(block), {})


def test_there_are_examples():
    assert len(BLOCKS) >= 7


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory of somebody who follows a page; what he registers and imports is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = [dict(table) for table in REGISTRIES]
    yield tmp_path
    for table, entries in zip(REGISTRIES, before, strict=True):
        table.clear()
        table.update(entries)
    for file in tmp_path.glob("*.py"):
        sys.modules.pop(file.stem, None)


def follow(page: str, *, torch: bool) -> int:
    """Do what a page shows, block by block: write a file, run Python, or commands. Returns how many blocks did so."""
    done = 0
    for language, block in re.findall(r"```(\w*)\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL):
        named = re.match(r"# (\S+\.(?:py|toml))\n", block)
        if ("torch" in block) != torch:
            continue
        if named:
            Path(named[1]).write_text(block, encoding="utf-8")
        elif language == "python":
            exec(shortened(block), {"__name__": "__main__"})
        else:
            for command in block.splitlines():
                program, *arguments = shlex.split(shortened(command))
                assert program == "ogcm"
                assert main([*arguments, "--quiet"] if "evaluate" not in command else arguments) == 0
        done += 1
    return done


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("page", ["docs/operators.md", pytest.param("docs/networks.md", marks=pytest.mark.slow)])
def test_the_page_can_be_followed(page):
    assert follow(page, torch=False) >= 5


@pytest.mark.usefixtures("folder")
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_the_page_can_be_followed_with_another_framework():
    assert follow("docs/networks.md", torch=True) == 2
