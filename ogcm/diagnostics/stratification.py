"""Density and the depth of the mixed layer."""

import numpy as np

from ogcm.diagnostics.cells import interior_float64, thickness
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE, Points

Array = np.ndarray


def potential_density(model: Model) -> Array:
    """Density of the water brought to the surface, by the equation of state of the model.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        Potential density [kg m-3]; the reference density if the model has no equation of state.
    """
    return density_at(model, np.zeros_like(model.grid.z_t))


def density(model: Model) -> Array:
    """In-situ density, by the equation of state of the model at the depths of the resting cells.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        Density [kg m-3]; the reference density if the model has no equation of state.
    """
    z = model.grid.z_t
    equation = EQUATIONS_OF_STATE.get(model.numerics.equation_of_state)
    profile = 0.0 if equation is None else equation.profile(-1e-4 * interior_float64(z))  # which the buoyancy lacks
    return density_at(model, z) + profile


def density_at(model: Model, z: Array) -> Array:
    """Return the density [kg m-3] without the profile r0(z), of the water brought to the heights z (nk, nj, ni) [m]."""
    equation, s = model.numerics.equation_of_state, model.state
    b = np.zeros_like(s.T)
    if equation != "none":
        g = model.grid
        EQUATIONS_OF_STATE[equation].buoyancy(
            s.T, s.S, model.parameters["eos"], Points(z, g.mask_t, g.gravity, g.rho0), b
        )
    return model.numerics.rho0 * (1 - interior_float64(b) / model.numerics.gravity)


def squared_buoyancy_frequency(model: Model) -> Array:
    """Stratification N2 at the interfaces, as the vertical mixing uses it.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (nk + 1, ny, nx)
        N2 [s-2]; 0 at the surface, at the bottom, on land, and if the model has no equation of state.
    """
    equation, s, grid = model.numerics.equation_of_state, model.state, model.grid
    N2 = np.zeros_like(s.T, shape=(len(s.T) + 1, *s.T.shape[1:]))
    if equation != "none":
        EQUATIONS_OF_STATE[equation].stratification(s.T, s.S, model.parameters["eos"], grid, N2)
    return interior_float64(N2)


def mixed_layer_depth(model: Model, threshold: float = 0.03) -> Array:
    """Depth at which potential density exceeds that of the first layer by a threshold.

    Parameters
    ----------
    model : Model
        The model with its present state.
    threshold : float, optional
        Difference of density [kg m-3]; default 0.03.

    Returns
    -------
    ndarray, shape (ny, nx)
        Depth [m], interpolated linearly between cell centres; the whole column if no water is so dense, 0 on land.

    References
    ----------
    de Boyer Montegut et al. (2004), doi 10.1029/2004JC002378, who start from 10 m.
    """
    rho, h = potential_density(model), thickness(model)
    wet = interior(model.grid.mask_t) == 1
    depth = np.cumsum(h, axis=0) - 0.5 * h
    excess = rho - rho[:1] - threshold
    heavy = (excess >= 0) & wet
    k = np.maximum(heavy.argmax(axis=0), 1)[None] if len(h) > 1 else np.zeros((1, *h.shape[1:]), int)
    here, above = (np.take_along_axis(excess, n, 0)[0] for n in (k, np.maximum(k - 1, 0)))
    low, high = (np.take_along_axis(depth, n, 0)[0] for n in (k, np.maximum(k - 1, 0)))
    found = heavy.any(axis=0)
    fraction = np.where(found, here, 0) / np.where(found, here - above, 1)
    return np.where(found, low - fraction * (low - high), h.sum(axis=0))
