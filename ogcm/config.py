"""The configuration of a run: a TOML file that repeats it, if a setup made the model.

[setup]       name and the options of the setup; that of a user is FILE.py:NAME, relative to the folder of this file
[parameters]  physical parameters that differ from the setup's
[numerics]    numerical choices that differ from the setup's
[run]         days, every, variables, ...
[assimilate]  what `ogcm assimilate` estimates, and from what (`adjoint.assimilation_case`)

For any other run the file is a record: [record] gives the reason why it cannot be repeated from it; [numerics] and
[parameters] hold everything that was used.
"""

import io as streams
import json
import numbers
import reprlib
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ogcm.errors import FileError, InputError, suggestion
from ogcm.files import write_file
from ogcm.names import check_regular

TABLES = ("setup", "parameters", "numerics", "run")
# Entries of [run] in which two parts of one run may differ, and those of them that its beginning determines
WHEN = ("days", "start", "restart", "restart_every", "perturb", "member")
FIRST = ("restart", "perturb", "member")
LARGEST = 2**53  # whole numbers up to it are exact as float
OWN = "# Written by ogcm: "
HEADER = OWN + "`ogcm run` with the name of this file repeats the run."
RECORD = OWN + "a record of what was run, which `ogcm run` cannot repeat."


def read_tables(path: str | Path, known: Sequence[str]) -> dict[str, dict]:
    """Return the `known` tables of a TOML file; absent ones are empty.

    Raises FileError if it cannot be read as TOML, InputError for unknown tables.
    """
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # not UTF-8 or TOML, numbers of thousands of digits
        raise FileError(f"{path}: cannot be read as a TOML configuration: {error}") from None
    for name, entries in tables.items():
        if name not in known or not isinstance(entries, dict):
            prepared = "bathymetry" in tables and "bathymetry" not in known
            hint = f"make the file of its ocean with `ogcm prepare {path}`" if prepared else suggestion(name, known)
            raise InputError(f"{path}: unknown table [{name}]: {hint}")
        check_size(f"{path}: [{name}]", entries)
    return {name: tables.get(name, {}) for name in known}


def check_size(where: str, value: object) -> None:
    """Raise InputError for a whole number in a value of TOML that is larger than LARGEST."""
    if isinstance(value, int) and abs(value) > LARGEST:
        raise InputError(f"{where} holds {reprlib.repr(value)}; the largest whole number is {LARGEST}")
    if isinstance(value, dict | list):
        for item in value.items() if isinstance(value, dict) else enumerate(value):
            check_size(f"{where} {item[0]}", item[1])


def check_type(name: str, value: object, kind: object) -> None:
    """Raise InputError unless the value called `name` has the type of the annotation `kind`."""
    if not fits(value, kind):
        plain = kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind)
        plain = plain.replace("collections.abc.", "")
        raise InputError(f"{name} needs a value of type {plain}, got {reprlib.repr(value)}")


def fits(value: Any, kind: Any) -> bool:
    """Return True if a value has the type of an annotation; a list is accepted for a tuple, an int for a float."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return any(fits(value, part) for part in parts)
    if origin in (list, tuple, Sequence):
        each: Sequence[Any] = [*parts] * len(value) if isinstance(value, list | tuple) else []
        if origin is tuple and Ellipsis not in parts:
            each = parts
        elif origin is tuple:
            each = each[::2]
        return isinstance(value, list | tuple) and len(value) == len(each) and all(map(fits, value, each))
    if origin is Mapping:
        return isinstance(value, Mapping) and all(fits(item, parts[1]) for item in value.values())
    if isinstance(value, bool | np.bool_) or kind is bool:
        return kind is bool and isinstance(value, bool | np.bool_)
    kinds: dict[Any, Any] = {int: numbers.Integral, float: numbers.Real}
    return isinstance(value, kinds.get(kind, kind))


def read(path: str | Path) -> dict[str, dict]:
    """Return the four tables of the configuration of a run.

    Raises FileError if the file cannot be read as TOML, InputError for unknown tables, no setup, or a record.
    """
    tables = read_tables(path, (*TABLES, "assimilate", "record"))
    tables.pop("assimilate")  # of `ogcm assimilate`; the run is that without assimilation
    if record := tables.pop("record"):
        raise InputError(
            f"{path}: is the record of a run that cannot be repeated from it, since {record.get('reason')}; "
            "run the program that made the model"
        )
    name = tables["setup"].get("name")
    if not isinstance(name, str):
        given = "" if name is None else f", got name = {name!r}"
        raise InputError(f"{path}: [setup] needs the name of a setup{given}; `ogcm setups` lists them")
    return tables


def assimilation(path: str | Path) -> dict[str, Any]:
    """Return the table [assimilate] of the configuration of a run; empty where it has none.

    Raises FileError if the file cannot be read as TOML, InputError for unknown tables.
    """
    return read_tables(path, (*TABLES, "assimilate", "record"))["assimilate"]


def record_toml(reason: str, tables: Mapping[str, Mapping], terms: Mapping[str, Mapping]) -> str:
    """Return the TOML of a record of a run with these `terms`, which cannot be repeated for the given `reason`."""
    return to_toml({"record": {"reason": reason, "terms": terms or None}, **tables}, RECORD)


def to_toml(tables: Mapping[str, Mapping], header: str = HEADER) -> str:
    """Return the TOML of tables of numbers, strings, booleans, and lists and tables of them; None is omitted.

    Raises InputError for a value that TOML cannot hold, such as an array.
    """
    lines = [header]
    for table, entries in tables.items():
        lines += ["", f"[{table}]"]
        lines += [f"{key} = {toml_value(key, value)}" for key, value in entries.items() if value is not None]
    return "\n".join(lines) + "\n"


def toml_value(key: str, value: object) -> str:
    """Return one value as TOML writes it."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return repr(float(value))
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(key, item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {toml_value(name, item)}" for name, item in value.items()) + "}"
    raise InputError(f"{key}: TOML holds no {type(value).__name__}; give a number, a text or a list of them")


def write(path: Path, content: str) -> None:
    """Write the configuration of a run beside its output. Raises FileError if it cannot be written."""
    write_file(path, streams.BytesIO(content.encode()), "the configuration")


def check_toml_replaceable(path: Path) -> None:
    """Raise FileError for a configuration that no run wrote, which must not be replaced."""
    check_regular(path)
    if path.exists() and not path.read_bytes().startswith(OWN.encode()):
        raise FileError(f"{path}: would be replaced, and ogcm did not write it; choose another output")


def run_settings(content: str) -> dict[str, object]:
    """Return the table [run] of a configuration; empty for a text that is none."""
    try:
        return tomllib.loads(content).get("run", {})
    except tomllib.TOMLDecodeError:
        return {}


def joined_settings(before: str, now: str) -> dict[str, object] | None:
    """Return the days and the beginning of one run that replaces two, of which the second continues the first.

    `before` and `now` are their configurations. Returns None if they differ in anything else.
    """
    try:
        first, last = tomllib.loads(before), tomllib.loads(now)
        end = last["run"]["start"] + last["run"]["days"]
        whole = {"days": end - first["run"]["start"], "start": first["run"]["start"]}
    except (tomllib.TOMLDecodeError, KeyError):
        return None
    whole |= {name: first["run"].get(name) for name in FIRST}
    for tables in (first, last):
        tables["run"] = {name: value for name, value in tables["run"].items() if name not in WHEN}
    return whole if first == last else None


def toml_with_history(before: str, now: str, day: float) -> str:
    """Return the configuration of a run that continues with other choices on `day`, and the earlier one as comments."""
    lines = [f"# Before day {day:g} the output was written by a run with", *before.splitlines()]
    return now + "\n" + "".join(f"{line if line.startswith('#') else f'# {line}'.rstrip()}\n" for line in lines)
