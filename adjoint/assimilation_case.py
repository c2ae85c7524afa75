"""The table [assimilate] of a configuration: what is estimated, from which observations, and how.

    [assimilate]                            # the choices of `adjoint.assimilate`; memory in GB
    method = "incremental"
    outer = 1
    iterations = 15

    [assimilate.controls.T]                 # the entries of `adjoint.Estimate`, for each control
    error = 0.5                             # or {file = "wc13_std_i.nc", grid = "wc13_grd.nc", factor = 1.5}
    length = 50e3
    depth = 30.0
    error_depth = 500.0                     # of an error that is a number and decreases downwards as exp(z/error_depth)

    [[assimilate.observations]]             # a file, and the options of `adjoint.observations.read`
    file = "profiles.nc"
    errors = {T = 0.3, S = 0.05}
    x = [-5.5, 36.3]                        # only between these coordinates; y likewise
    sea_floor = 100.0                       # [m] only where the sea floor is that deep
    withheld = 5                            # every fifth platform, names of platforms, or true: for scores alone

    [assimilate.quality]                    # the options of `adjoint.observations.quality_control`
    limit = 4.0

`ogcm run` with the file of such a configuration makes the run without assimilation. Names of files are relative to the
folder of the configuration.
"""

from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from adjoint.background.deviations import deviations
from adjoint.controls import Controls
from adjoint.estimates import Estimate
from adjoint.observations import Points, in_box, of_platforms, over_deep_water, quality_control, read, select
from ogcm import config
from ogcm.errors import InputError, suggestion
from ogcm.model import Model

Array = np.ndarray
CHOICES = ("method", "outer", "iterations", "tolerance", "history", "memory", "balance")
NOT_READING = ("file", "withheld", "sea_floor", "x", "y")  # entries of observations that are no options of `read`
TABLES = ("controls", "observations", "quality")
COMMON = {"u": 0.05, "v": 0.05, "eta": 0.05, "T": 0.5, "S": 0.1, "tau_x": 0.05, "tau_y": 0.05}  # standard errors


class Case(NamedTuple):
    """The choices, controls and observations of an assimilation.

    Attributes
    ----------
    choices : dict
        Choices of `adjoint.assimilate`.
    controls : dict of str to dict
        Entries of `adjoint.Estimate` by the name of the control.
    observations : list of dict
        Files of observations and how they are read.
    quality : dict
        Options of `adjoint.observations.quality_control`.
    folder : Path
        Folder to which the names of files are relative.
    """

    choices: dict[str, Any]
    controls: dict[str, dict[str, Any]]
    observations: list[dict[str, Any]]
    quality: dict[str, Any]
    folder: Path

    @classmethod
    def of(cls, target: str) -> "Case":
        """Read the table [assimilate] of a configuration; empty for the name of a setup.

        Parameters
        ----------
        target : str
            Path of a TOML file, or the name of a setup.

        Returns
        -------
        Case
            The case.

        Raises
        ------
        FileError
            For a file that cannot be read.
        InputError
            For unknown entries, or values of another kind.
        """
        table = config.assimilation(target) if target.endswith(".toml") else {}
        check_names(f"{target}: [assimilate]", table, (*CHOICES, *TABLES))
        controls, files = table.get("controls", {}), table.get("observations", [])
        for name, kind, value in (("controls", Mapping, controls), ("observations", list, files)):
            inside = value.values() if isinstance(value, Mapping) else value
            if not isinstance(value, kind) or not all(isinstance(entry, Mapping) for entry in inside):
                form = "[assimilate.controls.T]" if kind is Mapping else "[[assimilate.observations]]"
                raise InputError(f"{target}: {name} of [assimilate] needs tables such as {form}")
        for name, entry in controls.items():
            check_names(f"{target}: [assimilate.controls.{name}]", entry, (*Estimate._fields[1:], "error_depth"))
        known = [n for n, p in signature(quality_control).parameters.items() if p.kind == p.KEYWORD_ONLY]
        check_names(f"{target}: [assimilate.quality]", table.get("quality", {}), known)
        for entry in files:
            if not isinstance(entry.get("file"), str):
                raise InputError(f"{target}: [[assimilate.observations]] needs the name of a file, got {dict(entry)}")
        choices = {name: table[name] for name in CHOICES if name in table}
        folder = Path(target).parent if target.endswith(".toml") else Path()
        return cls(choices, dict(controls), list(files), dict(table.get("quality", {})), folder)

    def estimates(self, model: Model) -> list[Estimate]:
        """Return the controls that are estimated.

        Parameters
        ----------
        model : Model
            The model.

        Returns
        -------
        list of Estimate
            The estimates. A positive parameter is estimated by its logarithm with the error 1, unless the entry says
            otherwise.

        Raises
        ------
        InputError
            For an unknown control, one without an error, or none at all.
        """
        if not self.controls:
            raise InputError(
                "controls: name what is to be estimated, in tables [assimilate.controls.NAME] of the configuration or "
                "by --controls nu_h,T=0.5"
            )
        return [self.estimate(name, dict(entry), model) for name, entry in self.controls.items()]

    def estimate(self, name: str, entry: dict[str, Any], model: Model) -> Estimate:
        """Return one estimate."""
        control = Controls(model, name).controls[name]
        entry.setdefault("logarithm", "error" not in entry and control.has_logarithm(model))
        error = entry.pop("error", 1.0 if entry["logarithm"] else COMMON.get(name))
        if error is None:
            raise InputError(f"controls: give the error of {name} in its units, for example {name}=0.1")
        if isinstance(error, Mapping):
            files = {key: self.folder / value for key, value in error.items() if key in ("file", "grid")}
            path = files.pop("file", None)
            if path is None:
                raise InputError(f"controls: the error of {name} needs a number or a file, got {dict(error)}")
            factor = float(error.get("factor", 1.0))
            options = {key: value for key, value in error.items() if key not in ("file", "grid", "factor")}
            error = factor * deviations(path, model, name, **files, **options)
        if len(control.shape) < 2:
            entry.pop("length", None)
        if "error_depth" in entry:
            if np.ndim(error) or control.shape[:1] != model.dz.shape or not entry["error_depth"] > 0:
                raise InputError(
                    f"controls: error_depth of {name} needs an error that is a number, layers, and a depth"
                )
            error = error * np.exp((0.5 * model.dz - np.cumsum(model.dz)) / entry.pop("error_depth"))
        return Estimate(name, error, **entry)

    def read(self, model: Model) -> tuple[list[Points], list[Points]]:
        """Read the observations.

        Parameters
        ----------
        model : Model
            The model.

        Returns
        -------
        used, withheld : list of Points
            The observations that may be used, and those that are kept for scores.
        """
        used, withheld = list[Points](), list[Points]()
        for entry in self.observations:
            points = self.points_of(self.folder / entry["file"], entry, model)
            if "withheld" in entry:
                aside = of_platforms(points, withheld_of(points, entry["withheld"]))
                withheld += [p for p in select(points, aside) if len(p.x)]
                points = [p for p in select(points, [~a for a in aside]) if len(p.x)]
            used += points
        return together(used), together(withheld)

    def reading(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options with which a file of observations is read."""
        options = {name: value for name, value in entry.items() if name not in NOT_READING}
        return options | {name: self.folder / options[name] for name in ("grid", "levels") if name in options}

    def read_likewise(self, path: str | Path, model: Model) -> list[Points]:
        """Read a file of observations that are not assimilated.

        Where the case names the file, it is read with the options there; else with those of the first file of the case
        that fit its format, or without options.

        Parameters
        ----------
        path : str or Path
            The file.
        model : Model
            The model.

        Returns
        -------
        list of Points
            The observations.

        Raises
        ------
        FileError, InputError
            As `adjoint.observations.read`.
        """
        own = [entry for entry in self.observations if (self.folder / entry["file"]).resolve() == Path(path).resolve()]
        refused = list[str]()
        for entry in own or [*self.observations, {}]:
            try:
                return self.points_of(path, entry, model)
            except InputError as error:
                given = ", ".join(f"{name}={value!r}" for name, value in self.reading(entry).items())
                refused.append(f"{error} (read with {given or 'no options'})")
        raise InputError("\n".join(refused))

    def points_of(self, path: str | Path, entry: Mapping[str, Any], model: Model) -> list[Points]:
        """Read a file of observations with the entries of one."""
        points = read(path, model, **self.reading(entry))
        points = select(points, in_box(points, model, entry.get("x"), entry.get("y")))
        return select(points, over_deep_water(points, model, entry["sea_floor"])) if "sea_floor" in entry else points

    def options(self) -> dict[str, Any]:
        """Return the choices of `adjoint.assimilate`, with the memory in bytes."""
        found = dict(self.choices)
        if "memory" in found:
            found["memory"] = 1e9 * found["memory"]
        if "history" in found:
            found["history"] = self.folder / found["history"]
        return found


def check_names(where: str, entries: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise InputError for an unknown name in a table."""
    for name in entries:
        if name not in known:
            raise InputError(f"{where}: unknown {name!r}: {suggestion(name, known)}")


def withheld_of(points: Sequence[Points], chosen: int | Sequence[str]) -> list[str]:
    """Return the platforms that are withheld: those that are named, every n-th in alphabetical order, or all (True)."""
    if not isinstance(chosen, int):
        return list(chosen)
    names = sorted({str(name) for p in points for name in np.unique(p.whole().platform)})
    if chosen is True:
        return names
    if chosen < 2:
        raise InputError(f"withheld: every n-th platform from 2 on, names of platforms, or true for all, got {chosen}")
    return names[chosen - 1 :: chosen]


def together(points: Sequence[Points]) -> list[Points]:
    """Return observations of several files as one data set with each field once; groups of offsets stay apart."""
    found: dict[str, list[Points]] = {}
    last = 0
    for p in points:
        p = p.whole()
        groups = np.where(p.offset >= 0, p.offset + last, -1)
        last = max(last, int(groups.max(initial=-1)) + 1)
        found.setdefault(p.field, []).append(p._replace(offset=groups))
    return [
        Points(field, *(np.concatenate(columns) for columns in zip(*(p[1:] for p in parts), strict=True)))
        for field, parts in found.items()
    ]
