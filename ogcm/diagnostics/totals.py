"""Totals, means and extremes over the whole ocean."""

import numpy as np

from ogcm.diagnostics.cells import cell_volume, total, wet_area
from ogcm.grid import interior
from ogcm.model import Model

Array = np.ndarray


def volume(model: Model) -> float:
    """Volume of the water.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Volume [m3].
    """
    return total(model, cell_volume(model))


def mean_T(model: Model) -> float:
    """Volume mean of the conservative temperature.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Temperature [degC].
    """
    cells = cell_volume(model)
    return total(model, cells * interior(model.state.T)) / total(model, cells)


def mean_S(model: Model) -> float:
    """Volume mean of the absolute salinity.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Salinity [g kg-1].
    """
    cells = cell_volume(model)
    return total(model, cells * interior(model.state.S)) / total(model, cells)


def heat_content(model: Model) -> float:
    """Heat content relative to 0 degC.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Heat content [J].
    """
    return model.numerics.heat_per_volume * total(model, cell_volume(model) * interior(model.state.T))


def salt_content(model: Model) -> float:
    """Salt content.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Mass of salt [kg].
    """
    return model.numerics.rho0 * 1e-3 * total(model, cell_volume(model) * interior(model.state.S))


def tracer_content(model: Model, name: str) -> float:
    """Content of a tracer.

    Parameters
    ----------
    model : Model
        The model with its present state.
    name : str
        Name of the tracer.

    Returns
    -------
    float
        Integral of the concentration over the volume [units m3].
    """
    return total(model, cell_volume(model) * interior(getattr(model.state, name)))


def mean_eta(model: Model) -> float:
    """Area mean of the sea surface height.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Height [m].
    """
    area = wet_area(model)
    return total(model, area * interior(model.state.eta)) / total(model, area)


def largest_speed(model: Model) -> float:
    """Largest component of the horizontal velocity.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Speed [m s-1].
    """
    return model.grid.tile.largest(float(max(np.abs(interior(a)).max() for a in (model.state.u, model.state.v))))
