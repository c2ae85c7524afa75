"""Transports, streamfunctions, vorticity and vertical velocity."""

from typing import Any

import numpy as np

from ogcm.air_sea import fluxes_at
from ogcm.diagnostics.cells import interior_float64, total, transports, transports_with_halo, wet_area
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.regions import nearest_face, within

Array = np.ndarray


def barotropic_streamfunction(model: Model) -> Array:
    """Barotropic streamfunction psi at F points, with U = -dpsi/dy and psi = 0 along the southern boundary.

    The transport through a meridional section is psi at its southern end minus psi at its northern end. V = dpsi/dx as
    far as the surface is steady.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (ny, nx)
        Streamfunction [m3 s-1].
    """
    U, _ = transports(model)
    return -np.cumsum(model.grid.tile.whole_map(U.sum(axis=0)), axis=0)


def sums_of_layers(model: Model, a: Array, axis: int) -> Array:
    """Sum each layer of a field of the whole ocean along one horizontal axis, in all processes.

    Parameters
    ----------
    model : Model
        The model.
    a : ndarray, shape (nk, rows, columns)
        The field in the tile.
    axis : int
        0 for sums over the rows, 1 for sums over the columns.

    Returns
    -------
    ndarray, shape (nk, nx) or (nk, ny)
        The sums.
    """
    return np.stack([model.grid.tile.whole_map(layer).sum(axis=axis) for layer in a])


def overturning(model: Model, where: Array | None = None) -> Array:
    """Meridional overturning streamfunction at the interfaces of the layers and the north faces of the rows.

    It is positive where the upper ocean flows north. The value at the bottom is the net transport, which moves the
    surface.

    Parameters
    ----------
    model : Model
        The model with its present state.
    where : ndarray of bool, shape (ny, nx), optional
        Columns whose north faces count, such as those of a `basin`; default all.

    Returns
    -------
    ndarray, shape (nk + 1, ny)
        Northward transport above each interface [m3 s-1].
    """
    _, V = transports(model)
    rows = sums_of_layers(model, V if where is None else V * where, axis=1)
    return np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])


def zonal_transport(model: Model) -> Array:
    """Eastward transport through each meridional section, summed over depth and latitude.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (nx,)
        Transport [m3 s-1].
    """
    U, _ = transports(model)
    return model.grid.tile.whole_map(U.sum(axis=0)).sum(axis=0)


def section_transport(
    model: Model,
    *,
    i: int | None = None,
    j: int | None = None,
    rows: slice = slice(None),
    columns: slice = slice(None),
) -> float:
    """Transport through a section along the faces of one column or one row of cells.

    Parameters
    ----------
    model : Model
        The model with its present state.
    i : int, optional
        Column of a meridional section.
    j : int, optional
        Row of a zonal section.
    rows : slice, optional
        Rows of a meridional section; default all.
    columns : slice, optional
        Columns of a zonal section; default all.

    Returns
    -------
    float
        Eastward transport through the east faces of column `i`, or northward transport through the north faces of
        row `j` [m3 s-1].

    Raises
    ------
    InputError
        Unless exactly one of `i` and `j` is given.
    """
    if (i is None) == (j is None):
        raise InputError("section_transport: give either i (a meridional section) or j (a zonal one)")
    U, V = transports(model)
    whole = model.grid.tile.whole_map((U if j is None else V).sum(axis=0))
    return float(whole[rows, i].sum() if j is None else whole[j, columns].sum())


def strait_transport(
    model: Model,
    *,
    x: float | tuple[float, float],
    y: float | tuple[float, float],
) -> float:
    """Transport through a strait that is given by coordinates.

    For example, x = -66, y = (-70, -54) is Drake Passage. The nearest faces are taken; longitudes may differ by 360.

    Parameters
    ----------
    model : Model
        The model with its present state.
    x : float or (float, float)
        Coordinate of a meridional section, or range of a zonal one [degrees or m, as the grid has them].
    y : float or (float, float)
        Range of a meridional section, or coordinate of a zonal one.

    Returns
    -------
    float
        Eastward transport if `x` is a number, northward transport if `y` is a number [m3 s-1].

    Raises
    ------
    InputError
        For two numbers or two ranges, a section outside the grid, and a range of longitudes that does not go eastward.
    """
    if np.ndim(x) + np.ndim(y) != 1:
        raise InputError("strait_transport: give one of x, y as a number and the other as a range (from, to)")
    h = model.horizontal.undivided
    at: Any = x if np.ndim(x) == 0 else y
    along: Any = y if np.ndim(x) == 0 else x
    U, V = transports(model)
    whole = model.grid.tile.whole_map((U if np.ndim(x) == 0 else V).sum(axis=0))
    if np.ndim(x) == 0:
        return float(whole[within(h, "y", h.y_t, along), nearest_face(h, "x", at)].sum())
    return float(whole[nearest_face(h, "y", at), within(h, "x", h.x_t, along)].sum())


def vorticity(model: Model) -> Array:
    """Relative vorticity at F points.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        Vorticity [s-1]; along walls 0 (free slip) or twice the shear (no slip).
    """
    g, s = model.grid, model.state
    u_dx, v_dy = s.u.astype(np.float64) * g.dx_u, s.v.astype(np.float64) * g.dy_v
    curl = np.roll(v_dy, -1, -1) - v_dy - np.roll(u_dx, -1, -2) + u_dx
    return interior(g.mask_f * curl / g.area_f)


def enstrophy(model: Model) -> float:
    """Enstrophy: half the squared relative vorticity, integrated over the water.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Enstrophy [m3 s-2].
    """
    g = model.grid
    return 0.5 * total(model, interior_float64(g.area_f) * interior_float64(g.h_f) * vorticity(model) ** 2)


def vertical_velocity(model: Model) -> Array:
    """Upward velocity through the tops of the moving cells, as `ogcm.operators.layers.continuity` computes it.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    ndarray, shape (nk, ny, nx)
        Velocity [m s-1].
    """
    g = model.grid
    U, V = transports_with_halo(model)
    gain = -interior(U - np.roll(U, 1, -1) + V - np.roll(V, 1, -2))
    nonlinear, fresh = float(g.nonlinear), interior_float64(fluxes_at(model, model.state, model.state.time).fresh_water)
    swelling = nonlinear * (gain.sum(axis=0) + wet_area(model) * fresh) / interior_float64(g.depth_t)
    upward = np.cumsum((gain - interior_float64(g.h_t) * swelling)[::-1], axis=0)[::-1]
    upward[0] *= 1 - nonlinear  # the moving surface lets rain through, but no flow
    return upward / interior_float64(g.area_t)
