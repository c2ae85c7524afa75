"""Terms of one's own in the slow physics of a step: closures, forcings, learned corrections.

    class Sponge(ogcm.Term):
        def add(self, model, n, fluxes, D): ...                      # adds its tendencies to D
        def add_ad(self, model, n, fluxes, D_ad, gradient): ...      # the adjoint of `add`, for gradients

    model = ogcm.Model(..., terms={"sponge": Sponge(rate=1e-6)})     # or model.terms["sponge"] = Sponge(...)
    adjoint.gradient(loss, simulation, ["sponge"])                   # with respect to the weights of the sponge

The stepper calls every term once a step, in their order, after the slow physics of the model and with the state at the
beginning of the step. The name under which a model holds a term is that of its weights as a control, in trainings and
in files. The neural corrector (`nn.corrector`) is a term, the one that is called "corrector".
docs/operators.md and docs/networks.md have complete examples.
"""

import copy
import reprlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import h5py
import numpy as np

from ogcm.device import copy_values, to_device, to_host
from ogcm.errors import InputError
from ogcm.extensions import Registry
from ogcm.forcing import NAMES, Fluxes
from ogcm.parameters import PARAMETERS
from ogcm.state import PROGNOSTIC, State, Tendencies

if TYPE_CHECKING:
    from ogcm.model import Model

Array = np.ndarray
RESERVED = {*PROGNOSTIC, *NAMES, *PARAMETERS, "eos", "state", "forcing", "grid", "numerics"}  # names of other things


class Term:
    """What a term is. A subclass writes `add`, for gradients `add_ad`, and sets `weights` where it learns something.

    `add_ad(model, n, fluxes, D_ad, gradient)` gets D_ad with its halo filled and adds the adjoint of each input of
    `add` to `gradient.state`, `gradient.fluxes`, `gradient.parameters[name]` and, of its own weights (n,), to
    `gradient.weights`, all in place (`+=`, or `[...] +=`). Everything in `add` must work with complex numbers, for the
    check of the gradient by the complex step.

    `weights` (n,) is all that the term learns, of the order of 1, since an optimizer moves all weights by steps of the
    same size; a physical quantity is made of them in `add`, for example rate * exp(weights[0]). With `decays` the
    weight decay of an optimizer pulls them towards 0, which suits a network and not a physical parameter.
    """

    weights: Array = np.zeros(0)
    decays: bool = False

    def add(self, model: "Model", n: State, fluxes: Fluxes, D: Tendencies) -> None:
        """Add tendencies of the state n to D, on the interior (`ogcm.interior`).

        D.u, D.v [m s-2]; D.T, D.S times the resting thickness [K m s-1], in models with tracers; D.eta [m s-1] counts
        without dynamics alone. All arrays have a halo, that of n is filled.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method add")

    def astype(self, dtype: np.dtype) -> "Term":
        """A copy with weights of its own for states of that type."""
        other = copy.copy(self)
        other.weights = self.weights.astype(np.result_type(self.weights.dtype, dtype))
        return other

    def to(self, device: str, model: "Model", mirror: "Model") -> "Term":
        """A copy for the `mirror` of `model` on `device`, with those of its attributes there that are arrays."""
        other = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) or hasattr(value, "__cuda_array_interface__"):
                setattr(other, name, to_device(value, device))
        return other

    def assign(self, other: "Term") -> None:
        """Take the values that change in a training from `other`, of which this is a copy on another device."""
        copy_values(self.weights, other.weights)

    def save(self, group: h5py.Group) -> None:
        """Write what it has learned into an empty group of an HDF5 file."""
        group["weights"] = to_host(self.weights)

    def load(self, group: h5py.Group) -> None:
        """Take what `save` wrote. Raises ValueError or KeyError for a group that does not fit."""
        weights = group["weights"][()]
        if weights.shape != self.weights.shape or not np.isfinite(weights).all():
            raise ValueError(f"its weights must be {self.weights.shape} finite numbers, got {weights.shape}")
        self.weights[...] = weights


# Terms by name, each a class or function of the model that makes it: for the command line, and for files of trainings
# that are loaded into a model without the term.
TERMS = Registry("term")


def add_registered(model: "Model", names: str) -> None:
    """Give `model` the terms of these names in TERMS ("sponge,drag"). Raises InputError for an unknown one."""
    for name in filter(None, (word.strip() for word in names.split(","))):
        model.terms[name] = TERMS.find(name)(model)
    check_terms(model.terms)


def check_terms(terms: Mapping[str, object]) -> dict[str, Term]:
    """The terms as a dictionary. Raises InputError for a name that something else has, and for what is no term."""
    if not isinstance(terms, Mapping):
        raise InputError(f"terms: give them by name, such as {{'sponge': Sponge()}}, got {reprlib.repr(terms)}")
    for name, term in terms.items():
        if not isinstance(name, str) or not name.isidentifier() or name in RESERVED:
            raise InputError(f"terms: {name!r} cannot be the name of a term; choose a word that nothing else has")
        if isinstance(term, type):
            raise InputError(f"{name}: {term.__name__} is a class; give the model an object, {term.__name__}(...)")
        if not callable(getattr(term, "add", None)):
            raise InputError(f"{name}: needs a method add(model, state, fluxes, D), got {reprlib.repr(term)}")
    return dict(terms)


def require(terms: Mapping[str, object], methods: tuple[str, ...], reason: str) -> None:
    """Raise InputError for a term that lacks one of the methods or attributes."""
    for name, term in terms.items():
        for method in methods:
            if not hasattr(term, method):
                raise InputError(
                    f"{name}: {type(term).__name__} has no {method!r}, and {reason}; `pydoc ogcm.terms` says what a "
                    "term needs, and the base class ogcm.Term has the most of it"
                )


def on_device(term: Term, device: str, model: "Model", mirror: "Model") -> Term:
    """The term for the `mirror` of `model`; itself where it has nothing to move."""
    return term.to(device, model, mirror) if hasattr(term, "to") else term


def weights_of(terms: Mapping[str, object]) -> dict[str, Array]:
    """The weights of the terms that learn, by name."""
    return {name: term.weights for name, term in terms.items() if np.size(getattr(term, "weights", ()))}
