"""The decorator of setups: the model records the options of its setup, so that a run can be repeated.

@ogcm.recipe(days=30)
def pond(*, depth: float = 10.0, parameters=None, **numerics):
    grid = ogcm.cartesian(nx=20, ny=20, dx=1e3, dy=1e3)
    return ogcm.Model(grid, depth=depth, dz=[depth], parameters=parameters, **({"dt": 60.0} | numerics))
"""

import functools
import inspect
import math
import numbers
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, ParamSpec, Protocol, cast, runtime_checkable

import numpy as np

from ogcm import provenance
from ogcm.errors import InputError, suggestion
from ogcm.extensions import PACKAGES
from ogcm.inputs import flag
from ogcm.model import Model
from ogcm.numerics import Numerics
from ogcm.parameters import PARAMETERS, build_parameters

Options = ParamSpec("Options")
NUMERICAL = [f.name for f in fields(Numerics)]
COMMON = [*NUMERICAL, "decomposition"]  # options that all setups have
RESERVED = ("name", "digest", "tracers", "terms", "trained", "estimate")  # further entries of the table [setup]
SIZES = ("resolution", "length", "width", "height", "cells", "layers")  # must be positive


def check_option(setup: str, name: str, value: Any, default: Any) -> None:
    """Raise InputError where an option is not a number like its default, or a size is not positive."""
    if isinstance(default, bool):
        flag(name, value)
    if isinstance(default, bool) or not isinstance(default, int | float):
        return
    kind = numbers.Integral if isinstance(default, int) else numbers.Real
    if isinstance(value, bool) or not isinstance(value, kind) or not math.isfinite(value):
        wanted = "a whole number" if isinstance(default, int) else "a number"
        raise InputError(f"{name}: {setup} needs {wanted}, got {value!r}")
    if name in SIZES and value <= 0:
        raise InputError(f"{name}: must be positive, got {value!r}")


def cells_in(length: float, resolution: float) -> int:
    """Return the number of cells of width `resolution` along a side of `length`, in the same units.

    Raises InputError where there is none.
    """
    n = round(length / resolution)
    if n < 1:
        raise InputError(f"resolution: {resolution:g} leaves no cell in a side of {length:g}")
    return n


def check_use(model: Model) -> None:
    """Raise InputError where a model does not use a parameter or numerical choice that its setup was given."""
    setup, given = model.name, model.config["parameters"]
    with warnings.catch_warnings(action="ignore"):  # the model has warned already
        wanted, _ = build_parameters(given, model.horizontal, model.grid, model.options())
    for name in given:
        if not np.array_equal(wanted[name], model.parameters[name], equal_nan=True):
            raise InputError(
                f"{name}: {setup} was given it, but its model has {provenance.parameter_summary(model, name)}; "
                "pass `parameters` to ogcm.Model, or omit it"
            )
    for name, value in model.config["numerics"].items():
        if model.options()[name] != value:
            raise InputError(
                f"{name}: {setup} was given {value!r}, but its model has {model.options()[name]!r}; "
                "pass further options to ogcm.Model, or omit it"
            )


def check_options(setup: str, options: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise InputError for options of a setup that are neither its `own` (with defaults) nor common to all setups."""
    for name, value in options.items():
        if name in own:
            check_option(setup, name, value, own[name])
        elif name in PARAMETERS:
            raise InputError(f"{name}: is a parameter of {setup}; use parameters={{{name!r}: {value!r}}}")
        elif name not in COMMON:
            raise InputError(f"unknown option {name!r} of {setup}: {suggestion(name, [*own, *COMMON])}")


def check_signature(function: Callable) -> None:
    """Raise InputError unless a function has the form `setup(*, option=default, ..., parameters=None, **numerics)`."""
    name, given = function.__name__, inspect.signature(function).parameters
    kinds = {p.kind for p in given.values()}
    wrong = not kinds <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}
    wrong |= inspect.Parameter.VAR_KEYWORD not in kinds or "parameters" not in given
    wrong |= any(p.kind == p.KEYWORD_ONLY and p.default is p.empty for p in given.values())
    if wrong:
        raise InputError(
            f"recipe: {name} must take keyword options with defaults, parameters and numerical choices, as in "
            f"def {name}(*, wind: float = 0.1, parameters=None, **numerics)"
        )
    for option in given:
        if option in (*COMMON, *RESERVED) or option in PARAMETERS:
            raise InputError(f"recipe: the option {option!r} of {name} has a name that ogcm needs; rename it")


def find_home(function: Callable) -> tuple[str, str]:
    """Return the name by which `find_setup` finds a setup again, and a digest of its file.

    The name of a setup of ogcm is that of its function, and it has no digest; that of a user is "FILE.py:NAME". Both
    are empty where there is no such file, as in a notebook, or where the function lies within another.
    """
    if function.__module__.partition(".")[0] in ("ogcm", *PACKAGES):
        return function.__name__, ""
    file = inspect.getsourcefile(function)
    if file is None or not file.endswith(".py") or "." in function.__qualname__ or not Path(file).is_file():
        return "", ""
    return f"{Path(file).resolve()}:{function.__name__}", provenance.digest(Path(file).read_text(encoding="utf-8"))


@runtime_checkable
class Setup(Protocol[Options]):
    """A function of keyword options that makes a model.

    Attributes
    ----------
    days : float
        Default length of a run [days].
    home : str
        Name by which `find_setup` (`ogcm.setups.own`) finds it again: NAME, FILE.py:NAME, or "" where it cannot.
    digest : str
        Digest of the file of a user that holds it, "" for a setup of ogcm.
    """

    __name__: str
    days: float
    home: str
    digest: str

    def __call__(self, *arguments: Options.args, **options: Options.kwargs) -> Model:
        """Make the model."""


def recipe(days: float) -> Callable[[Callable[Options, Model]], Setup[Options]]:
    """Make a decorator that turns a function into a setup.

    The model that the function returns gets its name, and its options as `model.config`, so that a run can be repeated.
    `ogcm run FILE.py:NAME` and the other commands run a setup in a file of a user, and `ogcm new FILE.py` writes such a
    file.

    Parameters
    ----------
    days : float
        Default length of a run [days].

    Returns
    -------
    callable
        The decorator, for a function `setup(*, option=default, ..., parameters=None, **numerics)` that returns a
        `Model` with these `parameters` and numerical choices.

    Raises
    ------
    InputError
        For `days` that are not positive, and by the decorator for a function of another form. A setup raises it for
        options that it does not know or does not use.
    """
    if isinstance(days, bool) or not isinstance(days, numbers.Real) or not 0 < days < math.inf:
        raise InputError(f"recipe: needs the length of a run in days, as in @ogcm.recipe(days=30), got {days!r}")

    def decorate(function: Callable[Options, Model]) -> Setup[Options]:
        check_signature(function)
        parameters_of = inspect.signature(function).parameters.values()
        own = {p.name: p.default for p in parameters_of if p.kind == p.KEYWORD_ONLY and p.name != "parameters"}
        home, digest = find_home(function)

        @functools.wraps(function)
        def make(*, parameters: Mapping[str, Any] | None = None, **options: Any) -> Model:
            if not isinstance(parameters, Mapping | None):
                raise InputError(f"parameters: needs a dictionary such as {{'nu_h': 500.0}}, got {parameters!r}")
            check_options(function.__name__, options, own)
            model = cast(Callable[..., Model], function)(parameters=parameters, **options)
            if not isinstance(model, Model):
                raise InputError(f"{function.__name__}: a setup must return an ogcm.Model, got {model!r}")
            model.name = function.__name__
            model.config = ({"setup": home} if home else {}) | ({"digest": digest} if digest else {})
            model.config |= {
                "options": own | {n: v for n, v in options.items() if n in own},
                "parameters": dict(parameters or {}),
                "numerics": {n: v for n, v in options.items() if n in NUMERICAL},
            }
            check_use(model)
            model.marks = provenance.marks(model)
            return model

        setup = cast(Setup[Options], make)
        setup.days, setup.home, setup.digest = days, home, digest
        return setup

    return decorate
