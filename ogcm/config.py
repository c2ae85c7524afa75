"""The configuration of a run: a TOML file from which alone it can be repeated.

[setup]       name and the options of the setup
[parameters]  physical parameters that differ from the setup's
[numerics]    numerical choices that differ from the setup's
[run]         days, every, variables, ...
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ogcm.errors import FileError, InputError
from ogcm.parameters import nearest

TABLES = ("setup", "parameters", "numerics", "run")


def read(path: str | Path) -> dict[str, dict]:
    """The four tables of a configuration file; absent ones are empty.

    Raises FileError where it cannot be read as TOML, InputError for unknown tables or no setup.
    """
    try:
        tables = tomllib.loads(Path(path).read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileError(f"{path}: cannot be read as a TOML configuration: {error}") from None
    for name in tables:
        if name not in TABLES:
            raise InputError(f"{path}: unknown table [{name}]: {nearest(name, TABLES)}")
    if "name" not in tables.get("setup", {}):
        raise InputError(f"{path}: [setup] needs the name of a setup; `ogcm setups` lists them")
    return {name: tables.get(name, {}) for name in TABLES}


def text(tables: Mapping[str, Mapping]) -> str:
    """TOML of flat tables of numbers, strings, booleans and lists of them; None is left out."""
    lines = []
    for table, entries in tables.items():
        lines.append(f"[{table}]")
        lines += [f"{key} = {literal(key, value)}" for key, value in entries.items() if value is not None]
        lines.append("")
    return "\n".join(lines)


def literal(key: str, value: object) -> str:
    """One value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return repr(float(value))
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(key, item) for item in value) + "]"
    raise InputError(f"{key}: a {type(value).__name__} cannot be written to a TOML file; build the model in Python")
