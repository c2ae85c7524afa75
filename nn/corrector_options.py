"""Checks of the options of a corrector: that they exist, fit the model, and fit each other."""

from collections.abc import Sequence

import numpy as np

from nn.features import features_of
from nn.outputs import forms_of
from nn.sampling import STENCILS, VERTICAL
from ogcm.errors import InputError, suggestion
from ogcm.model import Model


def check_names(
    model: Model, features: Sequence[str], outputs: Sequence[str], stencil: str, vertical: str, dtype: str
) -> None:
    """Raise InputError for a name that does not exist in a model or that is given twice."""
    for what, chosen, known in (
        ("features", features, features_of(model)),
        ("outputs", outputs, forms_of(model)),
        ("stencil", (stencil,), STENCILS),
        ("vertical", (vertical,), VERTICAL),
        ("dtype", (np.dtype(dtype).name,), ("float32", "float64")),
    ):
        for name in chosen:
            if name not in known:
                hint = ". One of your own must be registered first" if what == "features" else ""
                raise InputError(f"{what}: unknown {name!r}: {suggestion(str(name), list(known))}{hint}")
        if not chosen or len(set(chosen)) < len(chosen):
            raise InputError(f"{what}: name each once, and at least one; got {', '.join(chosen) or 'none'}")


def check_model(features: Sequence[str], outputs: Sequence[str], model: Model) -> None:
    """Raise InputError where features or outputs need what the model lacks."""
    lacks = "needs tracers, and this model has none (equation_of_state 'none')"
    known, forms = features_of(model), forms_of(model)
    for name in features:
        if known[name].tracers and not model.numerics.has_tracers:
            raise InputError(f"features: {name} {lacks}")
    for name in outputs:
        if {"T", "S"} & set(forms[name].acts_on) and not model.numerics.has_tracers:
            raise InputError(f"outputs: {name} {lacks}")
        if "eta" in forms[name].acts_on and model.numerics.dynamics != "none":
            raise InputError(f"outputs: {name} would create water; it is for a model with dynamics 'none'")


def check_equivariance(model: Model, features: Sequence[str], outputs: Sequence[str], stencil: str) -> None:
    """Raise InputError for features, outputs or a stencil that an equivariant corrector cannot have."""
    forms = forms_of(model)
    for name in outputs:
        if not forms[name].basis:
            known = ", ".join(form for form, f in forms.items() if f.basis)
            raise InputError(f"equivariant: {name} is no vector that can be stretched and rotated; choose from {known}")
    scalars = [name for name, feature in features_of(model).items() if feature.scalar]
    if vectors := [name for name in features if name not in scalars]:
        raise InputError(f"equivariant: {vectors[0]} is not a scalar; choose features from {', '.join(scalars)}")
    if stencil != "point":
        raise InputError(f"equivariant: the stencil {stencil} has directions; choose point")


def check_rounds(rounds: int, hidden: Sequence[int], stencil: str) -> None:
    """Raise InputError for a number of rounds that the hidden layers or the stencil cannot have."""
    if isinstance(rounds, bool) or not isinstance(rounds, int) or not 0 <= rounds <= len(hidden):
        raise InputError(
            f"rounds: give a whole number from 0 to {len(hidden)}, the number of the hidden layers {tuple(hidden)}, "
            f"got {rounds!r}"
        )
    if rounds and len(STENCILS[stencil]) == 1:
        raise InputError(f"rounds: the stencil {stencil} has no neighbours to exchange with; choose cross or square")
