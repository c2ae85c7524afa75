"""Observations in a table of text (CSV) with a header line:

    time,lon,lat,depth,field,value,error,platform
    2021-01-03T06:30,15.2,38.1,10,T,16.21,0.1,6902876

Its columns, in any order: `time` (days from the beginning of the run, or dates of ISO 8601), `lon` and `lat` [degrees]
or `x` and `y` [m], `field` (T, S, u, v, eta or a further tracer), `value` and `error` in the units of the model;
optional are `depth` [m, positive down] or `z` [m, negative below the surface], `platform`, `span` [days] and `offset`.
The separator is a comma or a semicolon. Lines that begin with # are comments.
"""

import csv
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from adjoint.observations.columns import begin_of_run
from adjoint.observations.points import Points
from adjoint.observations.water import in_kinds_of_model
from ogcm.constants import DAY
from ogcm.dates import date_of
from ogcm.errors import FileError, InputError, suggestion
from ogcm.model import Model

OPTIONAL = ("depth", "z", "platform", "span", "offset")
COLUMN = {"value": "values", "error": "errors", "time": "days"}  # names of `Points` that differ


def read_table(
    path: str | Path, model: Model, *, temperature_kind: str | None = None, salinity_kind: str | None = None
) -> list[Points]:
    """Return the observations in a table of text.

    Parameters
    ----------
    path : str or Path
        The file.
    model : Model
        The model.
    temperature_kind : {"in situ", "potential", "conservative"}, optional
        Kind of the temperatures; by default that of the model.
    salinity_kind : {"practical", "absolute"}, optional
        Kind of the salinities; by default that of the model.

    Returns
    -------
    list of Points
        The observations of each field.

    Raises
    ------
    FileError
        Where the file is missing, is not text, lacks a column or has no line.
    InputError
        For an entry that cannot be used, with its line and column.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read as text ({error})") from None
    rows = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if len(rows) < 2:
        raise FileError(f"{path}: needs a header line and a line for each observation; it has {len(rows)} of both")
    separator = ";" if ";" in rows[0][1] else ","
    (_, header), *table = (
        (n, [entry.strip() for entry in next(csv.reader([line], delimiter=separator, skipinitialspace=True))])
        for n, line in rows
    )
    check_header(str(path), header, model)
    columns: dict[str, dict[str, list]] = {}
    for n, row in table:
        where = f"{path}, line {n}"
        if len(row) != len(header):
            raise InputError(f"{where}: has {len(row)} entries, the header {len(header)}")
        entries = parsed(where, dict(zip(header, row, strict=True)), model)
        own = columns.setdefault(entries.pop("field"), {})
        for name, entry in entries.items():
            own.setdefault(name, []).append(entry)
    points = [Points(field, **{name: np.array(a) for name, a in own.items()}).whole() for field, own in columns.items()]
    return in_kinds_of_model(points, model, temperature=temperature_kind, salinity=salinity_kind)


def check_header(path: str, header: list[str], model: Model) -> None:
    """Raise FileError for columns that are unknown, doubled or absent."""
    y, x = model.horizontal.names
    needed = ["time", x, y, "field", "value", "error"]
    for name in header:
        if name not in (*needed, *OPTIONAL):
            raise FileError(f"{path}: unknown column {name!r}; {suggestion(name, (*needed, *OPTIONAL))}")
        if header.count(name) > 1:
            raise FileError(f"{path}: has the column {name} twice")
    absent = [name for name in needed if name not in header]
    if absent:
        raise FileError(f"{path}: lacks the columns {', '.join(absent)}; the header needs {', '.join(needed)}")
    if "z" in header and "depth" in header:
        raise FileError(f"{path}: has both z and depth; leave one of them out")


def parsed(where: str, row: dict[str, str], model: Model) -> dict[str, Any]:
    """Return the entries of a line by the names of `Points`. Raises InputError for one that cannot be used."""
    y, x = model.horizontal.names
    field = row["field"]
    if field not in model.stepped:
        raise InputError(f"{where}, column field: {field!r} is none of the fields {', '.join(model.stepped)}")
    found: dict[str, Any] = {"field": field, "z": 0.0}
    for name, entry in row.items():
        label = f"{where}, column {name}"
        if name == "platform":
            found[name] = entry
        elif name == "time":
            found["days"] = days_of(label, entry, model)
        elif name == "depth":
            found["z"] = 0.0 - number(label, entry)
        elif name == "offset":
            found[name] = number(label, entry, int)
        elif name != "field":
            found[{x: "x", y: "y"}.get(name, COLUMN.get(name, name))] = number(label, entry)
    if not found["errors"] > 0:
        raise InputError(f"{where}, column error: {found['errors']:g} is no standard error; it must be positive")
    return found


def number(label: str, entry: str, kind: Callable[[str], Any] = float) -> Any:
    """Return an entry as a finite number. Raises InputError where it is none."""
    try:
        found = kind(entry)
    except ValueError:
        found = np.nan
    if not np.isfinite(found):
        raise InputError(f"{label}: {entry!r} is not a number; correct it, or take the line out")
    return found


def days_of(label: str, entry: str, model: Model) -> float:
    """Return a time in days from the beginning of the run. Raises InputError where it is none."""
    try:
        return float(number(label, entry))
    except InputError:
        pass
    try:
        date = datetime.datetime.fromisoformat(entry)
    except ValueError:
        raise InputError(
            f"{label}: {entry!r} is neither a number of days nor a date such as 2021-01-03T06:30"
        ) from None
    if date.tzinfo is not None:
        date = date.astimezone(datetime.UTC)
    begin = begin_of_run(f"{label}: is the date {entry!r}", model)
    return (date_of(date, begin.calendar) - begin).total_seconds() / DAY
