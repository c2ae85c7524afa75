"""Points: observations of one field, and the misfit to those of several."""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np

from adjoint.loss import Loss
from adjoint.observation_loss import Observations
from ogcm.model import Model

Array = np.ndarray


class Points(NamedTuple):
    """Observations of one field in the units of the model; masked elements are missing.

    Attributes
    ----------
    field : str
        The field.
    x, y : ndarray, shape (n,)
        Positions in the coordinates of the grid.
    z : ndarray, shape (n,)
        Heights [m], negative below the surface.
    days : ndarray, shape (n,)
        Times in days from the beginning of the run.
    values, errors : ndarray, shape (n,)
        Values and standard errors.
    span : float or ndarray, shape (n,)
        Time over which a value is a mean, centred on `days` [days]; 0 for a value at one time.
    platform : str or ndarray of str, shape (n,)
        What made the observation, such as a satellite or a float.
    offset : int or ndarray of int, shape (n,)
        Number of the group whose unknown mean offset is removed, -1 for none.
    """

    field: str
    x: Array
    y: Array
    z: Array
    days: Array
    values: Array
    errors: Array
    span: float | Array = 0.0
    platform: str | Array = ""
    offset: int | Array = -1

    def whole(self) -> "Points":
        """Return these observations with a number for each in all columns.

        Returns
        -------
        Points
            Columns of shape (n,).
        """
        columns = (np.broadcast_to(column, np.shape(self.x), subok=True) for column in self[1:])
        return Points(self.field, *columns)

    def select(self, good: Array) -> "Points":
        """Return some of these observations.

        Parameters
        ----------
        good : ndarray of bool or int, shape (n,) or (m,)
            Which ones, as a mask or as their numbers.

        Returns
        -------
        Points
            The selected observations.
        """
        return Points(self.field, *(np.asarray(column)[good] for column in self.whole()[1:]))

    def loss(self, model: Model, *, out_of_water: str = "drop") -> Observations:
        """Return the misfit to these observations.

        Parameters
        ----------
        model : Model
            The model.
        out_of_water : {"drop", "refuse"}, default "drop"
            Whether observations outside the water are dropped or raise an error.

        Returns
        -------
        Observations
            Half the sum of ((y - values - offset)/errors)^2.
        """
        columns = {name: a for name, a in self._asdict().items() if name != "platform"}
        return Observations(model, **columns, out_of_water=out_of_water)


def misfit(points: Sequence[Points], model: Model, *, out_of_water: str = "drop") -> Loss:
    """Return the misfit to observations of several fields.

    Parameters
    ----------
    points : sequence of Points
        The observations.
    model : Model
        The model.
    out_of_water : {"drop", "refuse"}, default "drop"
        Whether observations outside the water are dropped or raise an error.

    Returns
    -------
    Loss
        The sum of the misfits of the fields.
    """
    return reduce(add, [p.loss(model, out_of_water=out_of_water) for p in points])
