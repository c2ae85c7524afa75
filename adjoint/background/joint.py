"""All controls of an assimilation as functions of their scaled variables, with or without a balance between them.

    x = x_b + K D C^(1/2) z        T, S, eta, u and v, for a balance K
    x = x_b + D C^(1/2) z          all others (or the exponential form, `adjoint.estimates`)

With a balance, the errors of S, eta, u and v are those of their unbalanced parts: what temperature does not explain.
"""

from collections.abc import Mapping

import numpy as np

from adjoint.background.balance import BALANCED, Balance
from adjoint.estimates import ScaledControl
from ogcm.errors import InputError

Array = np.ndarray
PROBES = 300  # random vectors for the variance of balanced controls


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
    """

    def __init__(self, scaled: Mapping[str, ScaledControl], balance: Balance | None = None) -> None:
        self.scaled, self.balance = scaled, balance
        if balance is None:
            return
        if "T" not in scaled:
            raise InputError("balance: follows from the error of temperature; estimate T as well")
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
            Scaled variables and their changes by name.

        Returns
        -------
        dict of str to ndarray
            Changes of the controls by name.
        """
        changes, changes_tl = self.changes(z), self.changes(z_tl)
        return {name: s.changed_tangent(changes[name], changes_tl[name]) for name, s in self.scaled.items()}

    def deviations(self, z: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the standard deviations of the controls that their errors mean near z.

        Parameters
        ----------
        z : mapping of str to ndarray
            Scaled variables by name.

        Returns
        -------
        dict of str to ndarray
            Standard deviations by name; with a balance they are those of PROBES random vectors, to 4 %.
        """
        if self.balance is None:
            return {name: s.deviations(z[name]) for name, s in self.scaled.items()}
        rng, squares = np.random.default_rng(0), {name: np.zeros(np.shape(a)) for name, a in z.items()}
        for _ in range(PROBES):
            noise = {name: rng.choice([-1.0, 1.0], np.shape(a)) for name, a in z.items()}
            for name, change in self.tangent(z, noise).items():
                squares[name] += change**2 / PROBES
        return {name: np.sqrt(a) for name, a in squares.items()}

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
