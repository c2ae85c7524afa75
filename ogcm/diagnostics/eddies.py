"""The eddy-induced transports of a model with isoneutral diffusion (`ogcm.operators.isoneutral`).

The skew flux of kappa_gm moves tracers as the velocity u = -d(f kappa_gm t)/dz would do, along x and likewise along y,
with the slope t of the neutral surfaces. f kappa_gm t is its streamfunction; 0 at the surface and at the sea floor.
"""

import numpy as np
from numba import prange

from ogcm.backend import HALO, ONE, kernel, point
from ogcm.diagnostics.circulation import sums_of_layers
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.operators.expansion import EXPANSION
from ogcm.operators.isoneutral import gradient_x, gradient_y, stratification, triad
from ogcm.operators.stencils import layer_index, masked
from ogcm.slow_physics import growing_eddies

Array = np.ndarray


@point
def streamfunction(is_open, at_base, gradient, water, kappa_gm, slope_max, sharp):
    """Return f kappa_gm t [m2 s-1] of the triad of a cell at one of its faces and its base or its top.

    It is 0 at a closed face. `gradient` and `water` are those of `gradient_x` and `stratification`.
    """
    (m, sigma), (above, below, n_top, n_base) = gradient, water
    f, s = triad(below if at_base else above, m, n_base if at_base else n_top, sigma, slope_max, sharp)
    return masked(is_open, f * kappa_gm * (s + sigma))


@kernel
def eddy_streamfunctions(T, S, b_T, b_S, kappa_gm, slope_max, sharp, grid, psi_x, psi_y):
    """Compute the streamfunctions of the eddy-induced transports.

    Parameters
    ----------
    T, S : ndarray, shape (nk, nj, ni)
        Temperature [degC] and salinity [g kg-1].
    b_T, b_S : ndarray, shape (nk, nj, ni)
        Derivatives of the buoyancy by T [m s-2 K-1] and S [m s-2 (g/kg)-1].
    kappa_gm : ndarray, shape (1 or nk, nj, ni)
        Diffusivity of eddy-induced advection [m2 s-1].
    slope_max : ndarray, shape (1, nj, ni)
        Slope above which fluxes are reduced [1].
    sharp : bool
        True for the factor of `dm95`, False for that of `gerdes`.
    grid : Grid
        Metric terms and masks.
    psi_x, psi_y : ndarray, shape (nk + 1, nj, ni)
        Transport above the tops of the cells, eastward at U points and northward at V points [m3 s-1], written on the
        interior; 0 at the surface and at the sea floor.
    """
    nk, nj, ni = T.shape
    zero, quarter = psi_x.dtype.type(0), psi_x.dtype.type(0.25)
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, ni - HALO):
            i = np.uintp(ii)
            psi_x[0, j, i] = psi_y[0, j, i] = psi_x[nk, j, i] = psi_y[nk, j, i] = zero
        for k in range(1, nk):
            for ii in range(HALO, ni - HALO):
                i = np.uintp(ii)
                x, y = zero, zero
                for at_base in range(2):
                    layer = k - at_base
                    n = layer_index(kappa_gm, layer)
                    here, kappa = stratification(T, S, b_T, b_S, grid, layer, j, i), kappa_gm[n, j, i]
                    gradient, most = gradient_x(T, S, b_T, b_S, grid, layer, j, i, i), slope_max[0, j, i]
                    x += streamfunction(grid.mask_u[layer, j, i], at_base, gradient, here, kappa, most, sharp)
                    gradient = gradient_y(T, S, b_T, b_S, grid, layer, j, i, j)
                    y += streamfunction(grid.mask_v[layer, j, i], at_base, gradient, here, kappa, most, sharp)
                    east, kappa = stratification(T, S, b_T, b_S, grid, layer, j, i + ONE), kappa_gm[n, j, i + ONE]
                    gradient, most = gradient_x(T, S, b_T, b_S, grid, layer, j, i + ONE, i), slope_max[0, j, i + ONE]
                    x += streamfunction(grid.mask_u[layer, j, i], at_base, gradient, east, kappa, most, sharp)
                    north, kappa = stratification(T, S, b_T, b_S, grid, layer, j + 1, i), kappa_gm[n, j + 1, i]
                    gradient, most = gradient_y(T, S, b_T, b_S, grid, layer, j + 1, i, j), slope_max[0, j + 1, i]
                    y += streamfunction(grid.mask_v[layer, j, i], at_base, gradient, north, kappa, most, sharp)
                psi_x[k, j, i], psi_y[k, j, i] = quarter * grid.dy_u[j, i] * x, quarter * grid.dx_v[j, i] * y


def streamfunctions(model: Model) -> tuple[Array, Array]:
    """Compute the streamfunctions (nk + 1, ny, nx) of the eddy-induced transports of a model [m3 s-1]."""
    grid, p, numerics = model.grid, model.parameters, model.numerics
    nk, nj, ni = grid.h_t.shape
    psi_x, psi_y = (np.zeros((nk + 1, nj, ni), grid.h_t.dtype) for _ in range(2))
    if numerics.has_eddies:
        T, S = model.state.T.copy(), model.state.S.copy()
        exchange(grid, T, S)
        b_T, b_S = np.zeros_like(T), np.zeros_like(T)
        EXPANSION[numerics.equation_of_state](T, S, p["eos"], grid, b_T, b_S)
        kappa = p["kappa_gm"]
        if numerics.eddy_diffusivity == "visbeck":
            growing = np.zeros_like(T, shape=(1, nj, ni))
            growing_eddies(model, T, S, b_T, b_S, growing)
            kappa = kappa + growing
        eddy_streamfunctions(T, S, b_T, b_S, kappa, p["slope_max"], numerics.sharp_taper, grid, psi_x, psi_y)
    return interior(psi_x).astype(float), interior(psi_y).astype(float)


def eddy_transports(model: Model) -> tuple[Array, Array]:
    """Eddy-induced volume transports through the east and north faces of the cells; 0 without isoneutral diffusion.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    tuple of two ndarray, shape (nk, ny, nx)
        Eastward and northward transport [m3 s-1].
    """
    psi_x, psi_y = streamfunctions(model)
    return np.diff(psi_x, axis=0), np.diff(psi_y, axis=0)


def eddy_overturning(model: Model, where: Array | None = None) -> Array:
    """Streamfunction of the eddy-induced meridional overturning; 0 without isoneutral diffusion.

    It is to be added to that of the resolved flow (`overturning`): their sum advects the tracers.

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
    _, psi_y = streamfunctions(model)
    return sums_of_layers(model, psi_y if where is None else psi_y * where, axis=1)
