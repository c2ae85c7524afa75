"""Basins, and the heat that their water carries northward."""

from collections.abc import Sequence

import numpy as np

from ogcm.diagnostics.cells import interior_float64, transports
from ogcm.diagnostics.circulation import sums_of_layers
from ogcm.diagnostics.eddies import eddy_transports
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.regions import extent
from ogcm.topography import bodies_of_water

Array = np.ndarray


def basin(model: Model, at: tuple[float, float], closed: Sequence[Sequence[tuple[float, float]]] = ()) -> Array:
    """Find the columns of a basin: those that water reaches from a point without crossing closed lines.

    A line closes the cells that it passes, which belong to no basin. For example, the Atlantic north of 34 S is
    ``basin(model, (-40, 20), [[(-70, -34.5), (25, -34.5)], [(-172, 66), (-166, 66)]])`` with a line from South America
    to Africa and one across Bering Strait.

    Parameters
    ----------
    model : Model
        The model, on a grid of longitude and latitude.
    at : (float, float)
        Longitude and latitude of a point in the basin [degrees].
    closed : sequence of sequences of (float, float)
        Longitude and latitude of the points of each line [degrees].

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True in the basin.

    Raises
    ------
    InputError
        For another grid, a point on land or on a line, and lines that leave the grid.
    """
    from ogcm.preparation.bathymetry import cells_along  # imported here, since the preparation imports much else
    from ogcm.preparation.regridding import places

    h, tile = model.horizontal.undivided, model.grid.tile
    if h.units != "degrees":
        raise InputError(f"basin: needs a grid of longitude and latitude, got one with coordinates in {h.units}")
    cells = places(np.append(extent(h, "y")[0], h.y_f), np.append(extent(h, "x")[0], h.x_f))
    water = tile.whole_map(interior_float64(model.grid.mask_t)[0]) > 0
    for line in closed:
        for j, i in cells_along(line, cells, "basin: a closed line"):
            water[j, i] = False
    ((j, i),) = cells_along([at], cells, "basin: at")
    if not water[j, i]:
        raise InputError(f"basin: the point {at[0]:g} E, {at[1]:g} N lies on land or on a closed line; move it")
    bodies = bodies_of_water(water, h.periodic_x, h.periodic_y)
    return tile.cut(bodies == bodies[j, i])


def heat_transport(model: Model, where: Array | None = None) -> Array:
    """Northward transport of heat by the resolved flow and the eddy-induced one, through each row of north faces.

        rho0 c_p sum(V T),   with T the mean of the two cells beside a face

    It is relative to 0 degC, and thus free of a choice only where no water passes the row in sum. Diffusion is not
    part of it; of a mean over time it is the transport by the mean flow.

    Parameters
    ----------
    model : Model
        The model with its present state.
    where : ndarray of bool, shape (ny, nx), optional
        Columns whose north faces count, such as those of a `basin`; default all.

    Returns
    -------
    ndarray, shape (ny,)
        Transport [W].
    """
    V = transports(model)[1] + eddy_transports(model)[1]
    T = model.state.T.astype(float)
    carried = V * interior(0.5 * (T + np.roll(T, -1, -2)))
    whole = sums_of_layers(model, carried if where is None else carried * where, axis=1)
    return model.numerics.rho0 * model.numerics.heat_capacity * whole.sum(axis=0)
