"""The map of the code in docs/design.md is that of the tree."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ogcm", "adjoint", "nn")


def files_of_the_map() -> set[str]:
    """The files and folders that the map names, relative to the root of the repository; folders end with a slash."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    section = re.search(r"^## 4\. .*?\n(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE)[1]
    found, folder = set(), ""
    for line in section.splitlines():
        if not (indented := re.match(r"( {4}| {6})(?=\S)", line)):
            continue
        names = re.findall(r"(?<![\w/])\w+(?:\.py|/)(?=[\s;,.]|$)", line)
        if len(indented[1]) == 4:
            folder = names[0]
            found |= {folder, *(folder + name for name in names[1:])}
        else:
            found |= {folder + name for name in names}
    return found


def test_every_file_of_the_map_exists():
    for name in sorted(files_of_the_map()):
        path = ROOT / name
        assert path.is_dir() if name.endswith("/") else path.is_file(), f"docs/design.md: {name} does not exist"


def test_every_module_and_folder_is_in_the_map():
    """A module is listed by its name, or by its folder, such as `ogcm/operators/`."""
    known = files_of_the_map()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            folder = name.rpartition("/")[0] + "/"
            listed = name in known or (folder in known and folder.count("/") > 1)
            assert listed or path.stem.startswith("__"), f"docs/design.md: {name} is not in the map"
    for room in sorted((ROOT / "tests").glob("*/")):
        if (room / "__init__.py").exists():
            assert f"tests/{room.name}/" in known, f"docs/design.md: tests/{room.name} is not in the map"
