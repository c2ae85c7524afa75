"""What makes a function a setup: it remembers how it was called, so that a run can be repeated."""

import functools
import inspect
import math
import numbers
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields

import numpy as np

from ogcm import provenance
from ogcm.errors import InputError, suggestion
from ogcm.inputs import flag
from ogcm.model import Model
from ogcm.numerics import Numerics
from ogcm.parameters import PARAMETERS, build_parameters

SIZES = ("resolution", "length", "width", "height", "cells", "layers")  # must be positive


def check_option(setup: str, name: str, value: object, default: object) -> None:
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
    """How many cells of width `resolution` a side of `length` has. Raises InputError for none."""
    n = round(length / resolution)
    if n < 1:
        raise InputError(f"resolution: {resolution:g} leaves no cell in a side of {length:g}")
    return n


def check_use(model: Model) -> None:
    """Raise InputError where the model lacks a parameter or a numerical choice that its setup was given."""
    setup, given = model.config["setup"], model.config["parameters"]
    with warnings.catch_warnings(action="ignore"):  # the model has warned already
        wanted, _ = build_parameters(given, model.horizontal, model.grid, model.options())
    for name in given:
        if not np.array_equal(wanted[name], model.parameters[name], equal_nan=True):
            raise InputError(
                f"{name}: {setup} was given it, but its model has {provenance.used(model, name)}; "
                "hand `parameters` on to ogcm.Model, or leave it out"
            )
    for name, value in model.config["numerics"].items():
        if model.options()[name] != value:
            raise InputError(
                f"{name}: {setup} was given {value!r}, but its model has {model.options()[name]!r}; "
                "hand further options on to ogcm.Model, or leave it out"
            )


def recipe(days: float) -> Callable:
    """Decorator: the model gets the function's name and options; `days` is the default length of a run."""

    def decorate(function: Callable[..., Model]) -> Callable[..., Model]:
        signature = inspect.signature(function)
        own = {n: p.default for n, p in signature.parameters.items() if p.kind == p.KEYWORD_ONLY and n != "parameters"}
        numerical = [f.name for f in fields(Numerics)]

        @functools.wraps(function)
        def setup(*, parameters=None, **options) -> Model:
            if not isinstance(parameters, Mapping | None):
                raise InputError(f"parameters: needs a dictionary such as {{'nu_h': 500.0}}, got {parameters!r}")
            for name in options:
                if name in PARAMETERS and name not in own:
                    raise InputError(
                        f"{name}: is a parameter of {function.__name__}; use parameters={{{name!r}: {options[name]!r}}}"
                    )
                if name not in own and name not in numerical:
                    raise InputError(
                        f"unknown option {name!r} of {function.__name__}: {suggestion(name, [*own, *numerical])}"
                    )
                if name in own:
                    check_option(function.__name__, name, options[name], own[name])
            model = function(parameters=parameters, **options)
            model.name = function.__name__
            model.config = {
                "setup": function.__name__,
                "options": own | {n: v for n, v in options.items() if n in own},
                "parameters": dict(parameters or {}),
                "numerics": {n: v for n, v in options.items() if n in numerical},
            }
            check_use(model)
            model.marks = provenance.marks(model)
            return model

        setup.days = days
        return setup

    return decorate
