"""Misfits of observations before and after an assimilation, and what they tell about the errors that were assumed.

With innovations d_b = d - H x_b and residuals d_a = d - H x_a, d the observations, the errors should be (Desroziers et
al. 2005, doi 10.1256/qj.05.108), where x_a is the best linear estimate with the true covariances,

    sigma_o^2 = <d_a d_b>         of the observations,
    sigma_b^2 = <(d_b - d_a) d_b> of the first guess, at the observations,
    sigma_a^2 = <(d_b - d_a) d_a> of the estimate, at the observations,

and twice the lowest cost has the expectation of the number of observations (chi-squared).
"""

from typing import NamedTuple

import numpy as np

from adjoint.cost import observations_in
from adjoint.loss import Loss
from adjoint.observation_loss import Observations

Array = np.ndarray


class Misfit(NamedTuple):
    """The misfits of the observations of one field.

    Attributes
    ----------
    loss : Observations
        The observations, with their numbers `kept`, `values` and `errors`.
    before, after : ndarray, shape (m,)
        Model equivalents of the first guess and of the estimate less the observed values, without offsets.
    """

    loss: Observations
    before: Array
    after: Array


class ErrorsFound(NamedTuple):
    """Standard errors that the misfits of some observations suggest.

    Attributes
    ----------
    observation, background, analysis : float
        Standard errors of the observations, the first guess and the estimate; nan where the square is negative.
    """

    observation: float
    background: float
    analysis: float


def desroziers(before: Array, after: Array) -> ErrorsFound:
    """Estimate standard errors from misfits, as the module's docstring says.

    Parameters
    ----------
    before, after : ndarray, shape (m,)
        Misfits of observations of one kind, as in `Misfit`.

    Returns
    -------
    ErrorsFound
        The errors, in the units of the misfits; those of misfits in units of the assumed errors are factors of these.
    """
    squares = [np.mean(after * before), np.mean((before - after) * before), np.mean((before - after) * after)]
    return ErrorsFound(*(float(np.sqrt(a)) if a >= 0 else np.nan for a in squares))


def misfits_of(loss: Loss, before: Array, after: Array) -> list[Misfit]:
    """Divide the residuals of all observations of a loss by field.

    Parameters
    ----------
    loss : Loss
        The loss.
    before, after : ndarray, shape (m,)
        Residuals of the first guess and of the estimate, of all observations one field after another.

    Returns
    -------
    list of Misfit
        One for each `Observations`.
    """
    losses = observations_in(loss)
    ends = np.cumsum([len(term.values) for term in losses], dtype=int)
    divided = (np.split(residuals, ends)[:-1] for residuals in (before, after))
    return [Misfit(*found) for found in zip(losses, *divided, strict=True)]
