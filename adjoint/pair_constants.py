"""The arguments of operators that are not differentiated: functions `(grid, dtype)` for `adjoint.registry`."""

import numpy as np

from ogcm.grid import Grid
from ogcm.operators import barotropic, isoneutral


def time_step(_grid: Grid, _dtype: np.dtype) -> tuple:
    """Make the constants of kernels that need dt.

    Parameters
    ----------
    _grid : Grid
        Grid of the fields.
    _dtype : dtype
        Type of the fields.

    Returns
    -------
    tuple
        dt = 500 s.
    """
    return (500.0,)


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
    return 500.0, np.full(len(grid.h_t), 0.5)


def weight(_grid: Grid, _dtype: np.dtype) -> tuple:
    """Make the constant of kernels that take a weight or a factor.

    Parameters
    ----------
    _grid : Grid
        Grid of the fields.
    _dtype : dtype
        Type of the fields.

    Returns
    -------
    tuple
        A number that is not one half.
    """
    return (0.3,)


def sharp(_grid: Grid, _dtype: np.dtype) -> tuple:
    """Make the constants of isoneutral mixing with the tapering of `dm95`.

    Parameters
    ----------
    _grid : Grid
        Grid of the fields.
    _dtype : dtype
        Type of the fields.

    Returns
    -------
    tuple
        True.
    """
    return (True,)


def gentle(_grid: Grid, _dtype: np.dtype) -> tuple:
    """Make the constants of isoneutral mixing with the tapering of `gerdes`.

    Parameters
    ----------
    _grid : Grid
        Grid of the fields.
    _dtype : dtype
        Type of the fields.

    Returns
    -------
    tuple
        False.
    """
    return (False,)


def sharp_triads(grid: Grid, dtype: np.dtype) -> tuple:
    """Make the constants of isoneutral diffusion with the tapering of `dm95`.

    Parameters
    ----------
    grid : Grid
        Grid of the fields.
    dtype : dtype
        Type of the fields.

    Returns
    -------
    tuple
        True, and the fluxes of triads.
    """
    return True, isoneutral.TriadFluxes(*(np.zeros(grid.h_t.shape, dtype) for _ in isoneutral.TriadFluxes._fields))


def gentle_triads(grid: Grid, dtype: np.dtype) -> tuple:
    """Make the constants of isoneutral diffusion with the tapering of `gerdes`.

    Parameters
    ----------
    grid : Grid
        Grid of the fields.
    dtype : dtype
        Type of the fields.

    Returns
    -------
    tuple
        False, and the fluxes of triads.
    """
    return False, *sharp_triads(grid, dtype)[1:]


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
    return a, b, 500.0, -1, len(a), np.zeros((barotropic.WORK_FIELDS, *plane), dtype), history
