"""The table of inputs in docs/inputs.md lists those of the code, with their units and points."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import ogcm
from ogcm.fields import FIELDS
from ogcm.preparation.fluxes import AIR, CHOICES_OF_AIR, ENTRIES

ROOT = Path(__file__).resolve().parents[2]
START = {"temperature": "T", "salinity": "S", "sea_level": "eta"}


def sections() -> dict[str, dict[str, list[str]]]:
    """The rows of the table by section and name: what, units, point, sign, entry of `ogcm prepare`."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in (ROOT / "docs" / "inputs.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| **"):
            found[cells[0].strip("*")] = {}
        elif line.startswith("| `"):
            list(found.values())[-1][cells[0].strip("`")] = cells[1:]
    return found


def test_the_table_lists_all_inputs():
    table = sections()
    assert set(table["fluxes"]) == {f.name for f in fields(ogcm.Forcing)} - {"atmosphere"}
    assert set(table["air"]) == {f.name for f in fields(ogcm.Atmosphere)}
    assert set(table["ocean"]) == {"depth", "dz"} | (set(inspect.signature(ogcm.Model).parameters) & set(FIELDS))
    assert set(table["preparation"]) == {*ENTRIES, *AIR} - {*table["fluxes"], *table["air"]}


def test_units_and_points_are_those_of_the_fields():
    for rows in sections().values():
        for name, (what, units, point, *_) in rows.items():
            assert what, name
            if name in FIELDS:
                assert (units, point) == (FIELDS[name].units, FIELDS[name].point), name


def test_entries_of_the_preparation_are_those_that_it_knows():
    table = {name: row[-1] for rows in sections().values() for name, row in rows.items()}
    for known, section in ((ENTRIES, "forcing"), (AIR, "atmosphere")):
        for name in known:
            assert f"[{section}] {name}" in table[name], name
    for entry, name in START.items():
        assert table[name] == f"`[start] {entry}`"
    for text in table.values():
        for section, entry in re.findall(r"\[(forcing|atmosphere)\] (\w+)", text):
            assert entry in (ENTRIES if section == "forcing" else (*AIR, *CHOICES_OF_AIR)), text
