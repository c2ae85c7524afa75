"""What makes a function a setup: it remembers how it was called, so that a run can be repeated."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields

from ogcm.errors import InputError
from ogcm.model import Model, Numerics
from ogcm.parameters import nearest


def recipe(days: float) -> Callable:
    """Decorator: the model gets the function's name and options; `days` is the default length of a run."""

    def decorate(function: Callable[..., Model]) -> Callable[..., Model]:
        signature = inspect.signature(function)
        own = {n: p.default for n, p in signature.parameters.items() if p.kind == p.KEYWORD_ONLY and n != "parameters"}
        numerical = [f.name for f in fields(Numerics)]

        @functools.wraps(function)
        def setup(*, parameters=None, **options) -> Model:
            for name in options:
                if name not in own and name not in numerical:
                    raise InputError(
                        f"unknown option {name!r} of {function.__name__}: {nearest(name, [*own, *numerical])}"
                    )
            model = function(parameters=parameters, **options)
            model.name = function.__name__
            model.config = {
                "setup": function.__name__,
                "options": own | {n: v for n, v in options.items() if n in own},
                "parameters": dict(parameters or {}),
                "numerics": {n: v for n, v in options.items() if n in numerical},
            }
            return model

        setup.days = days
        return setup

    return decorate
