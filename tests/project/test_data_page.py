"""The table of quantities in docs/data.md is that of the code."""

from pathlib import Path

from ogcm.data import QUANTITIES
from ogcm.data.units import EXAMPLES

ROOT = Path(__file__).resolve().parents[2]


def rows() -> list[str]:
    """The rows of the table, one for each quantity."""
    found = []
    for name, q in QUANTITIES.items():
        units = ", ".join([EXAMPLES.get(q.units, q.units), *q.other])
        names = ", ".join(f"`{standard}`" for standard in q.standard_names)
        found.append(f"| {name} | {q.units} | {units} | {q.lower:g} | {q.upper:g} | {q.direction} | {names} |")
    return found


def test_the_page_lists_the_quantities_of_the_code():
    lines = (ROOT / "docs" / "data.md").read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("| quantity | units in the model")) + 2
    assert lines[start : start + len(QUANTITIES)] == rows()
