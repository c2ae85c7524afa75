"""The arguments of operators that are not differentiated: functions `(grid, dtype)` for `adjoint.registry`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ogcm.grid import Grid
from ogcm.operators import barotropic, isoneutral

Constants = Callable[[Grid, np.dtype], tuple]
DT = 500.0  # [s]


def same(*values: Any) -> Constants:
    """Return the function that makes the same constants for every grid.

    Parameters
    ----------
    *values : object
        The constants.

    Returns
    -------
    callable
        ``constants(grid, dtype)``.
    """
    return lambda _grid, _dtype: values


def with_triads(*values: Any) -> Constants:
    """Return the function that makes the same constants for every grid, and work arrays for the fluxes of triads.

    Parameters
    ----------
    *values : object
        The constants before the work arrays.

    Returns
    -------
    callable
        ``constants(grid, dtype)``.
    """

    def constants(grid: Grid, dtype: np.dtype) -> tuple:
        names = isoneutral.TriadFluxes._fields
        return *values, isoneutral.TriadFluxes(*(np.zeros(grid.h_t.shape, dtype) for _ in names))

    return constants


def heights_of_air(_grid: Grid, dtype: np.dtype) -> tuple:
    """Make the constants of the turbulent fluxes.

    Parameters
    ----------
    _grid : Grid
        Grid of the fields.
    dtype : dtype
        Type of the fields.

    Returns
    -------
    tuple
        Heights of the wind, 10 m, of temperature, 2 m, and of humidity, 3 m, in the precision of the fields.
    """
    number = np.zeros(0, dtype).real.dtype.type
    return number(10.0), number(2.0), number(3.0)


def time_step_and_dither(grid: Grid, dtype: np.dtype) -> tuple:
    """Make the constants of kernels that need dt and the dither of each layer.

    Parameters
    ----------
    grid : Grid
        Grid of the fields.
    dtype : dtype
        Type of the fields.

    Returns
    -------
    tuple
        dt = 500 s, and a dither without effect on numbers in float64.
    """
    return DT, np.full(len(grid.h_t), 0.5)


def seven_substeps(grid: Grid, dtype: np.dtype) -> tuple:
    """Make the constants of the barotropic substeps.

    Parameters
    ----------
    grid : Grid
        Grid of the fields.
    dtype : dtype
        Type of the fields.

    Returns
    -------
    tuple
        Averaging weights of seven substeps, dt, the range of all substeps, work array, and memory for all instants.
    """
    a, b = barotropic.averaging_weights(7)
    plane = grid.depth_t.shape
    history = np.zeros((3, len(a) + 1, *plane), dtype)
    return a, b, DT, -1, len(a), np.zeros((barotropic.WORK_FIELDS, *plane), dtype), history
