"""The decorator of setups: the model records the options of its setup, so that a run can be repeated."""

import functools
import inspect
import math
import numbers
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, ParamSpec, Protocol, cast

import numpy as np

from ogcm import provenance
from ogcm.errors import InputError, suggestion
from ogcm.inputs import flag
from ogcm.model import Model
from ogcm.numerics import Numerics
from ogcm.parameters import PARAMETERS, build_parameters

Options = ParamSpec("Options")
NUMERICAL = [f.name for f in fields(Numerics)]
COMMON = [*NUMERICAL, "decomposition"]  # options that all setups have
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
    setup, given = model.config["setup"], model.config["parameters"]
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


class Setup(Protocol[Options]):
    """A function of keyword options that makes a model; `days` is the default length of a run."""

    __name__: str
    days: float

    def __call__(self, *arguments: Options.args, **options: Options.kwargs) -> Model:
        """Make the model."""


def recipe(days: float) -> Callable[[Callable[Options, Model]], Setup[Options]]:
    """Make a decorator that turns a function into a setup.

    The model that the function returns gets its name, and its options as `model.config`, so that a run can be repeated.

    Parameters
    ----------
    days : float
        Default length of a run [days].

    Returns
    -------
    callable
        The decorator, for a function of keyword options that returns a `Model`.
    """

    def decorate(function: Callable[Options, Model]) -> Setup[Options]:
        parameters_of = inspect.signature(function).parameters.values()
        own = {p.name: p.default for p in parameters_of if p.kind == p.KEYWORD_ONLY and p.name != "parameters"}

        @functools.wraps(function)
        def make(*, parameters: Mapping[str, Any] | None = None, **options: Any) -> Model:
            if not isinstance(parameters, Mapping | None):
                raise InputError(f"parameters: needs a dictionary such as {{'nu_h': 500.0}}, got {parameters!r}")
            check_options(function.__name__, options, own)
            model = cast(Callable[..., Model], function)(parameters=parameters, **options)
            model.name = function.__name__
            model.config = {
                "setup": function.__name__,
                "options": own | {n: v for n, v in options.items() if n in own},
                "parameters": dict(parameters or {}),
                "numerics": {n: v for n, v in options.items() if n in NUMERICAL},
            }
            check_use(model)
            model.marks = provenance.marks(model)
            return model

        setup = cast(Setup[Options], make)
        setup.days = days
        return setup

    return decorate
