"""The code that README.md and docs/howto.md show runs as it stands, only for fewer days."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = [
    pytest.param(block, id=f"{name}-{n}")
    for name in ("README.md", "docs/howto.md")
    for n, block in enumerate(re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_example_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(re.sub(r"days=\d+", "days=0.3", re.sub(r"every=\d+", "every=0.1", block)), {})


def test_there_are_examples():
    assert len(BLOCKS) >= 7
