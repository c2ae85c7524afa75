"""All controls of an assimilation as functions of their scaled variables, with or without a balance between them.

    x = x_b + K D C^(1/2) z        T, S, eta, u and v, for a balance K
    x = x_b + D C^(1/2) z          all others (or the exponential form, `adjoint.estimates`)

With a balance, the errors of S, eta, u and v are those of their unbalanced parts: what temperature does not explain.
"""

import warnings
from collections.abc import Mapping

import numpy as np

from adjoint.background.balance import BALANCED, Balance
from adjoint.estimates import ScaledControl
from ogcm.errors import InputError

Array = np.ndarray


class Background:
    """The controls x of the whole ocean as functions of z, and the transpose of their derivative.

    Parameters
    ----------
    scaled : mapping of str to ScaledControl
        The scaled controls; those of the balance are clipped at their bounds from now on.
    balance : Balance, optional
        The balance between the controls of the initial state; none by default.

    Raises
    ------
    InputError
        For a balance without the control T, or with a logarithm of one of its controls.

    Warns
    -----
    UserWarning
        For a balance without some of its controls S, eta, u and v, which then stay as they are.
    """

    def __init__(self, scaled: Mapping[str, ScaledControl], balance: Balance | None = None) -> None:
        self.scaled, self.balance = scaled, balance
        if balance is None:
            return
        if "T" not in scaled:
            raise InputError("balance: follows from the error of temperature; estimate T as well")
        if absent := [name for name in BALANCED if name not in scaled]:
            warnings.warn(
                f"balance: a change of temperature should also change {', '.join(absent)}; estimate this as well, with "
                f"the small error of what temperature does not explain",
                stacklevel=2,
            )
        for name in scaled.keys() & set(BALANCED):
            if scaled[name].estimate.logarithm:
                raise InputError(f"balance: adds changes of {name}, which is no logarithm; give it logarithm=False")
            scaled[name].clipped = True

    def changes(self, z: Mapping[str, Array]) -> dict[str, Array]:
        """Return the changes D C^(1/2) z of all controls, balanced; of the logarithm where that is estimated."""
        changes = {name: s.change(z[name]) for name, s in self.scaled.items()}
        return changes if self.balance is None else self.balance.apply(changes)

    def values(self, z: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the controls, within their bounds.

        Parameters
        ----------
        z : mapping of str to ndarray
            Scaled variables by name, in the shapes of the controls, real or complex.

        Returns
        -------
        dict of str to ndarray
            The controls by name.
        """
        changes = self.changes(z)
        return {name: s.changed(changes[name]) for name, s in self.scaled.items()}

    def tangent(self, z: Mapping[str, Array], z_tl: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the changes of the controls for small changes of z, the derivative of `values`.

        Parameters
        ----------
        z, z_tl : mapping of str to ndarray
            Scaled variables by name, and their changes.

        Returns
        -------
        dict of str to ndarray
            Changes of the controls by name.
        """
        changes, changes_tl = self.changes(z), self.changes(z_tl)
        return {name: s.changed_tangent(changes[name], changes_tl[name]) for name, s in self.scaled.items()}

    def transpose(self, z: Mapping[str, Array], x_ad: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the gradient with respect to z.

        Parameters
        ----------
        z : mapping of str to ndarray
            Scaled variables by name.
        x_ad : mapping of str to ndarray
            Gradient with respect to the controls.

        Returns
        -------
        dict of str to ndarray
            Gradient with respect to z by name.
        """
        changes = self.changes(z)
        changes_ad = {name: s.changed_transpose(changes[name], x_ad[name]) for name, s in self.scaled.items()}
        if self.balance is not None:
            changes_ad = self.balance.transpose(changes_ad)
        return {name: s.change_transpose(changes_ad[name]) for name, s in self.scaled.items()}
