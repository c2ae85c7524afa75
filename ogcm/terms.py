"""Further terms in the slow physics of a step: closures, forcings, learned corrections.

    class Sponge(ogcm.Term):
        def add(self, model, n, fluxes, D): ...                      # adds the tendencies of the term to D
        def add_ad(self, model, n, fluxes, D_ad, gradient): ...      # the adjoint of `add`, for gradients

    model = ogcm.Model(..., terms={"sponge": Sponge(rate=1e-6)})     # or model.terms["sponge"] = Sponge(...)
    adjoint.gradient(loss, simulation, ["sponge"])                   # with respect to the weights of the sponge

The stepper calls every term once a step, in the order in which the model holds them, after the slow physics of the
model and with the state at the beginning of the step. The name of a term in the model is also the name of its weights
as a control of gradients, in trainings and in files. The neural corrector (`nn.corrector`) is the term with the name
"corrector". docs/operators.md and docs/networks.md have complete examples.
"""

import copy
import reprlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from ogcm.atmosphere import AIR
from ogcm.device import copy_values, to_device, to_host
from ogcm.errors import InputError
from ogcm.extensions import Registry
from ogcm.forcing import NAMES, Fluxes
from ogcm.parameters import PARAMETERS
from ogcm.state import PROGNOSTIC, State, Tendencies

if TYPE_CHECKING:
    from ogcm.model import Model

Array = np.ndarray
RESERVED = {*PROGNOSTIC, *NAMES, *AIR, *PARAMETERS, "eos", "state", "forcing", "grid", "numerics"}  # not for terms


class Term:
    """A further term of the slow physics. Subclasses define `add`, for gradients `add_ad`, and `weights` if they learn.

    Attributes
    ----------
    weights : ndarray, shape (n,)
        All that the term learns [1]. Weights should be of the order of 1, since an optimizer changes all of them by
        steps of the same size; `add` computes physical quantities from them, for example rate * exp(weights[0]).
    adds_tiles : bool
        True if `add_ad` adds the sum over all tiles of an ocean that is divided to `gradient.weights`. Otherwise the
        gradients of the tiles are added afterwards, and the sum is that of one process up to round-off.
    decays : bool
        True if the weight decay of an optimizer pulls the weights towards 0, which suits a network but not a physical
        parameter.

    Notes
    -----
    `add_ad(model, n, fluxes, D_ad, gradient)` is given D_ad, the adjoint of D with its halo filled. It adds the adjoint
    of each input of `add` to `gradient.state`, `gradient.fluxes` and `gradient.parameters[name]`, and that of the
    weights (n,) of the term to `gradient.weights`, all in place (`+=`, or `[...] +=`). `add` must work with complex
    numbers, so that the gradient can be checked by the complex step.
    """

    add_ad: Callable[..., None]  # written by subclasses that take part in gradients
    weights: Array = np.zeros(0)
    adds_tiles: bool = False
    decays: bool = False

    def add(self, model: "Model", n: State, fluxes: Fluxes, D: Tendencies) -> None:
        """Add the tendencies of the term to D, on the interior (`ogcm.interior`).

        Parameters
        ----------
        model : Model
            Model to which the term belongs.
        n : State
            State at the beginning of the step, with its halo filled.
        fluxes : Fluxes
            Forcing in the middle of the step, with halo.
        D : Tendencies
            Tendencies with halo, to which the term adds: u and v [m s-2], T and S, in models with tracers, times the
            resting thickness [K m s-1, g kg-1 m s-1], and eta [m s-1], which is used without dynamics alone.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method add")

    def astype(self, dtype: np.dtype) -> "Term":
        """Copy the term, with weights for states of another type.

        Parameters
        ----------
        dtype : dtype
            Type of the fields of the state.

        Returns
        -------
        Term
            A copy with weights of its own.
        """
        other = copy.copy(self)
        other.weights = self.weights.astype(np.result_type(self.weights.dtype, dtype))
        return other

    def to(self, device: str, model: "Model", mirror: "Model") -> "Term":
        """Copy the term to a device, together with all of its attributes that are arrays.

        Parameters
        ----------
        device : str
            "cpu" or "cuda".
        model : Model
            Model to which the term belongs.
        mirror : Model
            Copy of the model on the device, to which the copy of the term will belong.

        Returns
        -------
        Term
            The copy.
        """
        other = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) or hasattr(value, "__cuda_array_interface__"):
                setattr(other, name, to_device(value, device))
        return other

    def copy(self) -> "Term":
        """Copy the term for a copy of its model, together with all of its attributes that are arrays.

        Returns
        -------
        Term
            The copy, which shares all other attributes; a term with others that change replaces this method.
        """
        other = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) or hasattr(value, "__cuda_array_interface__"):
                setattr(other, name, value.copy())
        return other

    def assign(self, other: "Term") -> None:
        """Take the values that change in a training from the term of which this is a copy.

        Parameters
        ----------
        other : Term
            The term, on another device.
        """
        copy_values(self.weights, other.weights)

    def save(self, group: h5py.Group) -> None:
        """Write the weights to a file.

        Parameters
        ----------
        group : h5py.Group
            Empty group of an HDF5 file.
        """
        group["weights"] = to_host(self.weights)

    def load(self, group: h5py.Group) -> None:
        """Read the weights that `save` wrote.

        Parameters
        ----------
        group : h5py.Group
            Group of an HDF5 file.

        Raises
        ------
        KeyError
            For a group without weights.
        ValueError
            For weights of another shape, or that are not finite.
        """
        weights = group["weights"][()]
        if weights.shape != self.weights.shape or not np.isfinite(weights).all():
            raise ValueError(f"its weights must be {self.weights.shape} finite numbers, got {weights.shape}")
        self.weights[...] = weights


# Terms by name, each a class or function that makes the term of a model: for the command line, and for files of
# trainings that are loaded into a model without the term.
TERMS = Registry("term")


def add_registered(model: "Model", names: str) -> None:
    """Add registered terms to a model.

    Parameters
    ----------
    model : Model
        Model to which the terms are added.
    names : str
        Names of terms in `TERMS`, such as "sponge,drag".

    Raises
    ------
    InputError
        For an unknown name.
    """
    for name, make in TERMS.named(names).items():
        model.terms[name] = make(model)
    check_terms(model.terms)


def check_terms(terms: Mapping[str, Any]) -> dict[str, Term]:
    """Check the terms of a model.

    Parameters
    ----------
    terms : mapping
        Terms by name.

    Returns
    -------
    dict
        The terms by name.

    Raises
    ------
    InputError
        For a name that belongs to something else, and for an object without a method `add`.
    """
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
    """Check that terms have certain methods or attributes.

    Parameters
    ----------
    terms : mapping
        Terms by name.
    methods : tuple of str
        Names of the methods and attributes.
    reason : str
        Why they are needed, for the message.

    Raises
    ------
    InputError
        For a term that lacks one of them.
    """
    for name, term in terms.items():
        for method in methods:
            if not hasattr(term, method):
                raise InputError(
                    f"{name}: {type(term).__name__} has no {method!r}, and {reason}; see `pydoc ogcm.terms` for what a "
                    "term needs, and inherit from ogcm.Term, which has most of it"
                )


def on_device(term: Term, device: str, model: "Model", mirror: "Model") -> Term:
    """Copy a term to a device.

    Parameters
    ----------
    term : Term
        Term of `model`.
    device : str
        "cpu" or "cuda".
    model : Model
        Model to which the term belongs.
    mirror : Model
        Copy of the model on the device.

    Returns
    -------
    Term
        The copy; the term itself if it has no method `to`.
    """
    return term.to(device, model, mirror) if hasattr(term, "to") else term


def weights_of(terms: Mapping[str, Any]) -> dict[str, Array]:
    """Return the weights of the terms that learn.

    Parameters
    ----------
    terms : mapping
        Terms by name.

    Returns
    -------
    dict of ndarray, shape (n,)
        The arrays themselves, by the names of the terms.
    """
    return {name: term.weights for name, term in terms.items() if np.size(getattr(term, "weights", ()))}
