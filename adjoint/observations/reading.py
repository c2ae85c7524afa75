"""Reading of observations: finds which format a file has."""

from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from adjoint.observations.columns import File
from adjoint.observations.maps import read_map
from adjoint.observations.point_file import read_points
from adjoint.observations.points import Points
from adjoint.observations.profiles import counting_variable, read_profiles
from adjoint.observations.roms import read_roms
from adjoint.observations.table import read_table
from adjoint.observations.tracks import read_tracks
from ogcm.data.reader import read_field
from ogcm.data.source import open_dataset
from ogcm.errors import InputError, suggestion
from ogcm.model import Model

TEXT = (".csv", ".txt")


def read(path: str | Path, model: Model, **options: Any) -> list[Points]:
    """Read observations from a file, in the units and kinds of the model; missing ones are left out.

    The format is found by what the file holds:

    - any file, where the option `variable` is given: gridded maps, `adjoint.observations.maps`
    - a table of text (`.csv`, `.txt`): `adjoint.observations.table`
    - NetCDF with `obs_type`: observations of ROMS, `adjoint.observations.roms`
    - with a variable that has the attribute `sample_dimension`: profiles, `adjoint.observations.profiles`
    - with `sla`, or the option `sea_level`: altimetry along tracks, `adjoint.observations.tracks`
    - else points, as `write` writes them: `adjoint.observations.point_file`

    A warning gives the number of those that have a value but no position, time or error.

    Parameters
    ----------
    path : str or Path
        The file.
    model : Model
        The model. Times are counted from its present state; dates in the file need a model with a `start`.
    **options
        Options of the format: those of `read_map`, `read_table`, `read_roms`, `read_profiles`, `read_tracks`.

    Returns
    -------
    list of Points
        The observations of each field.

    Raises
    ------
    FileError
        Where the file is missing, damaged, lacks a variable or holds no observation.
    InputError
        For units, values or options that cannot be used.
    """

    def points() -> list[Points]:
        if "variable" in options:
            check_options(path, read_map, options)
            return read_map(str(path), model, **options)
        if Path(path).suffix.lower() in TEXT:
            check_options(path, read_table, options)
            return read_table(path, model, **options)
        with open_dataset(Path(path)) as ds:
            file = File(str(path), ds, model)
            reader = reader_of(file, options)
            check_options(path, reader, options)
            return reader(file, **options)

    return model.grid.tile.on_first(points)


def reader_of(file: File, options: dict[str, Any]) -> Callable[..., list[Points]]:
    """Return the function that reads the format of a file."""
    if "obs_type" in file.ds.variables:
        return read_roms
    if counting_variable(file):
        return read_profiles
    if "sla" in file.ds.variables or "sea_level" in options:
        return read_tracks
    return read_points


def check_options(path: str | Path, reader: Callable, options: dict[str, Any]) -> None:
    """Raise InputError for an option that the format of a file does not have, or one that it needs."""
    parameters = signature(reader).parameters
    known = [name for name, p in parameters.items() if p.kind == p.KEYWORD_ONLY]
    absent = [name for name in known if parameters[name].default is Parameter.empty and name not in options]
    if absent:
        raise InputError(f"{path}: {reader.__name__} needs the options {', '.join(absent)}")
    if any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
        known += [name for name in signature(read_field).parameters if name not in ("source", "quantity")]
    for name in options:
        if name not in known:
            what = suggestion(name, known) if known else "it has none"
            raise InputError(f"{path}: {reader.__name__} has no option {name!r}; {what}")
