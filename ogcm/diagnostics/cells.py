"""Geometry of the moving cells, and the volume transports between them."""

import numpy as np

from ogcm.grid import interior
from ogcm.model import Model

Array = np.ndarray


def interior_float64(a: Array) -> Array:
    """Return the interior of an array in float64.

    Parameters
    ----------
    a : ndarray, shape (..., nj, ni)
        An array with halo.

    Returns
    -------
    ndarray, shape (..., ny, nx)
        The array without its halo.
    """
    return interior(a).astype(np.float64)


def total(model: Model, a: Array) -> float:
    """Sum of a map or field over the whole ocean.

    Columns are added from the surface down, then their sums with correct rounding: the result is the same for any
    division of the ocean into tiles.

    Parameters
    ----------
    model : Model
        The model.
    a : ndarray, shape (ny, nx) or (nk, ny, nx)
        The values, without halo.

    Returns
    -------
    float
        The sum.
    """
    return model.grid.tile.total(np.asarray(a.sum(axis=0) if a.ndim == 3 else a, float))


def inside(model: Model) -> Array:
    """Cells of the ocean itself, without those outside its open sides.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True inside.
    """
    return np.logical_not(interior(model.grid.inward_t).any(axis=0))


def wet_area(model: Model) -> Array:
    """Area of the sea surface in each column.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (ny, nx)
        Area [m2], 0 on land and outside open sides.
    """
    return interior_float64(model.grid.area_t) * (interior(model.grid.mask_t)[0] * inside(model))


def stretching(model: Model) -> Array:
    """Thickness of the moving layers relative to the resting ones.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (ny, nx)
        1 + eta/H [1]; 1 with a linear free surface.
    """
    g = model.grid
    return 1 + float(g.nonlinear) * interior_float64(model.state.eta) / interior_float64(g.depth_t)


def thickness(model: Model) -> Array:
    """Thickness of the moving layers at T points.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        Thickness [m], 0 on land.
    """
    return interior_float64(model.grid.h_t) * stretching(model)


def height(model: Model) -> Array:
    """Height of the moving cell centres, as the pressure gradient uses it.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        Height [m], negative below the resting surface.
    """
    g = model.grid
    return interior_float64(g.z_t) * stretching(model) + float(g.nonlinear) * interior_float64(model.state.eta)


def cell_volume(model: Model) -> Array:
    """Volume of the moving cells.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        Volume [m3], 0 on land and outside open sides.
    """
    return thickness(model) * (interior_float64(model.grid.area_t) * inside(model))


def transports(model: Model) -> tuple[Array, Array]:
    """Volume transports through the east and north faces of the cells.

    They are those of `ogcm.operators.layers.transports`, in float64.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    tuple of two ndarray, shape (nk, ny, nx)
        Eastward and northward transport [m3 s-1].
    """
    U, V = transports_with_halo(model)
    return interior(U), interior(V)


def transports_with_halo(model: Model) -> tuple[Array, Array]:
    """Volume transports as `transports` returns them, with their halo; its outermost cells are not valid.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    tuple of two ndarray, shape (nk, nj, ni)
        Eastward and northward transport [m3 s-1].
    """
    g, s = model.grid, model.state
    nonlinear = float(g.nonlinear)
    weighted = s.eta.astype(np.float64) * g.area_t
    east = 0.5 * (weighted + np.roll(weighted, -1, 1)) / g.area_u
    north = 0.5 * (weighted + np.roll(weighted, -1, 0)) / g.area_v
    U = (1 + nonlinear * east / g.depth_u) * s.u * g.mask_u * g.dy_u * g.h_u
    V = (1 + nonlinear * north / g.depth_v) * s.v * g.mask_v * g.dx_v * g.h_v
    return U, V
