"""Kinetic and potential energy."""

import numpy as np

from ogcm.diagnostics.cells import cell_volume, height, interior_float64, total, wet_area
from ogcm.diagnostics.stratification import potential_density
from ogcm.diagnostics.totals import volume
from ogcm.grid import interior
from ogcm.model import Model

Array = np.ndarray


def kinetic_energy(model: Model) -> float:
    """Kinetic energy of the horizontal flow.

    The energy of a cell is the mean of those of its faces, as in the momentum equation of the model.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Energy [J].
    """
    u2, v2 = model.state.u.astype(np.float64) ** 2, model.state.v.astype(np.float64) ** 2
    K = 0.25 * (u2 + np.roll(u2, 1, -1) + v2 + np.roll(v2, 1, -2))
    return model.numerics.rho0 * total(model, cell_volume(model) * interior(K))


def mean_kinetic_energy(model: Model) -> float:
    """Kinetic energy per volume of water.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Energy density [J m-3].
    """
    return kinetic_energy(model) / volume(model)


def surface_energy(model: Model) -> float:
    """Potential energy of the displaced sea surface.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Energy [J].
    """
    weight = 0.5 * model.numerics.rho0 * model.numerics.gravity
    return weight * total(model, wet_area(model) * interior_float64(model.state.eta) ** 2)


def potential_energy(model: Model) -> float:
    """Gravitational potential energy of the water and of its surface.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Energy [J]: the volume integral of g (potential density - rho0) z, and `surface_energy`.
    """
    anomaly = potential_density(model) - model.numerics.rho0
    energy = model.numerics.gravity * total(model, cell_volume(model) * anomaly * height(model))
    return energy + surface_energy(model)


def available_potential_energy(model: Model) -> float:
    """Gravitational energy above that of the same water sorted by density in the same basin.

    It uses potential density and the exact hypsometry of the resting basin. All cells are sorted, so that it is not
    available for an ocean that is divided into tiles, of which no process holds all cells.

    Parameters
    ----------
    model : Model
        The model with its present state.

    Returns
    -------
    float
        Energy [J], that of the surface included.

    Raises
    ------
    InputError
        For an ocean that is divided into tiles.

    References
    ----------
    Winters, Lombard, Riley and D'Asaro (1995), doi 10.1017/S002211209500125X.
    """
    model.grid.tile.check_whole("available potential energy")
    g = model.grid
    wet = interior(g.mask_t) == 1
    cells, anomaly = cell_volume(model)[wet], (potential_density(model) - model.numerics.rho0)[wet]
    area = np.broadcast_to(interior_float64(g.area_t), wet.shape)[wet]
    centre, half = interior_float64(g.z_t)[wet], 0.5 * interior_float64(g.h_t)[wet]
    # The basin as a vessel filled from below: area(z), then volume and first moment at each level z.
    z, where = np.unique(np.round(np.concatenate([centre - half, centre + half]), 6), return_inverse=True)
    widening = np.bincount(where, np.concatenate([area, -area]))
    across = np.cumsum(widening)[:-1]
    filled = np.concatenate([[0.0], np.cumsum(across * np.diff(z))])
    moment = np.concatenate([[0.0], np.cumsum(across * np.diff(z**2) / 2)])

    heavy_first = np.argsort(-anomaly, kind="stable")
    bounds = np.concatenate([[0.0], np.cumsum(cells[heavy_first])])
    bounds *= filled[-1] / bounds[-1]
    level = np.clip(np.searchsorted(filled, bounds, side="right") - 1, 0, len(across) - 1)
    rest = bounds - filled[level]
    moments = moment[level] + z[level] * rest + 0.5 * rest**2 / across[level]
    sorted_energy = model.numerics.gravity * (anomaly[heavy_first] * np.diff(moments)).sum()
    present = model.numerics.gravity * (cells * anomaly * height(model)[wet]).sum()
    return float(present - sorted_energy) + surface_energy(model)
