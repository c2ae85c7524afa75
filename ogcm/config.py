"""The configuration of a run: a TOML file from which alone it can be repeated.

[setup]       name and the options of the setup
[parameters]  physical parameters that differ from the setup's
[numerics]    numerical choices that differ from the setup's
[run]         days, every, variables, ...
"""

import io as streams
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ogcm.errors import FileError, InputError
from ogcm.files import put
from ogcm.names import check_regular
from ogcm.parameters import nearest

TABLES = ("setup", "parameters", "numerics", "run")
WHEN = ("days", "start", "restart", "restart_every")  # what two parts of one run may differ in
HEADER = "# Written by ogcm: `ogcm run` with the name of this file repeats the run."


def tables_of(path: str | Path, known: Sequence[str]) -> dict[str, dict]:
    """The `known` tables of a TOML file; absent ones are empty.

    Raises FileError where it cannot be read as TOML, InputError for unknown tables.
    """
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileError(f"{path}: cannot be read as a TOML configuration: {error}") from None
    for name, entries in tables.items():
        if name not in known or not isinstance(entries, dict):
            raise InputError(f"{path}: unknown table [{name}]: {nearest(name, known)}")
    return {name: tables.get(name, {}) for name in known}


def read(path: str | Path) -> dict[str, dict]:
    """The four tables of a run's configuration file.

    Raises FileError where it cannot be read as TOML, InputError for unknown tables or no setup.
    """
    tables = tables_of(path, TABLES)
    if "name" not in tables["setup"]:
        raise InputError(f"{path}: [setup] needs the name of a setup; `ogcm setups` lists them")
    return tables


def text(tables: Mapping[str, Mapping]) -> str:
    """TOML of flat tables of numbers, strings, booleans and lists of them; None is left out.

    Raises InputError for a value that TOML cannot hold, such as an array.
    """
    lines = [HEADER]
    for table, entries in tables.items():
        lines += ["", f"[{table}]"]
        lines += [f"{key} = {literal(key, value)}" for key, value in entries.items() if value is not None]
    return "\n".join(lines) + "\n"


def literal(key: str, value: object) -> str:
    """One value as TOML writes it."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return repr(float(value))
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(key, item) for item in value) + "]"
    raise InputError(
        f"{key}: a {type(value).__name__} cannot be written to the run's TOML file; "
        "give a number, or build the model with ogcm.Model"
    )


def write(path: Path, content: str) -> None:
    """Put the `text` of a run beside its output. Raises FileError where it cannot be written."""
    put(path, streams.BytesIO(content.encode()), "the configuration")


def check_own(path: Path) -> None:
    """Raise FileError for a file that may not be replaced: one that no run wrote (nobody's own words are lost)."""
    check_regular(path)
    if path.exists() and not path.read_bytes().startswith(HEADER.encode()):
        raise FileError(f"{path}: would be replaced, and ogcm did not write it; choose another output")


def run_settings(content: str) -> dict[str, object]:
    """The table [run] of a configuration; empty for what is none."""
    try:
        return tomllib.loads(content).get("run", {})
    except tomllib.TOMLDecodeError:
        return {}


def one_run(before: str, now: str) -> dict[str, object] | None:
    """The days, start and restart of one run in place of two, of which the second goes on from the first.

    `before` and `now` are their configurations; None where they differ in more than these.
    """
    try:
        first, last = tomllib.loads(before), tomllib.loads(now)
        end = last["run"]["start"] + last["run"]["days"]
        whole = {"days": end - first["run"]["start"], "start": first["run"]["start"]}
    except (tomllib.TOMLDecodeError, KeyError):
        return None
    whole["restart"] = first["run"].get("restart")
    for tables in (first, last):
        tables["run"] = {name: value for name, value in tables["run"].items() if name not in WHEN}
    return whole if first == last else None


def with_history(before: str, now: str, day: float) -> str:
    """The configuration of a run that goes on with other choices on `day`, and as comments what ran before."""
    lines = [f"# Before day {day:g} the output was written by a run with", *before.splitlines()]
    return now + "\n" + "".join(f"{line if line.startswith('#') else f'# {line}'.rstrip()}\n" for line in lines)
