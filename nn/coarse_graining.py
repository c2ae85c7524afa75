"""Coarse-graining: the state of a coarse model that corresponds to the state of a fine one.

With b the fine cells in a coarse cell, f the fine faces on a coarse face and capitals for the coarse grid:

    eta_C = sum_b area eta / sum_b area            the mean over fine water
    T_C   = sum_b V T / sum_b V                    V = area h0 (1 + eta/H), the volume of the moving cells
    u_C   = sum_f dy h_u s_u u / (DY H_U S_U)      the transport, through the moving area of the coarse face

Where both grids have the same bottom, volume, heat and salt of a coarse column are therefore those of its fine cells,
and the divergence of the coarse transports is the sum of the fine ones. Where the bottoms differ, a coarse cell without
fine water takes the tracers of the cell above, and the transport of fine faces below the floor of a coarse face is
spread over its column, as by the barotropic mode; the divergence of a column is then also that of the fine one, unless
the whole coarse face is closed.
"""

import copy

import numpy as np

from ogcm import diagnostics
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.state import State
from ogcm.tiles import Tile

Array = np.ndarray


class CoarseGraining:
    """Map from states of a fine model to states on the grid of a coarse one.

    Parameters
    ----------
    fine, coarse : Model
        The models.

    Attributes
    ----------
    factor : tuple of int
        Number of fine cells in a coarse one, along y and along x.

    Raises
    ------
    InputError
        Where coarse cells are not blocks of fine cells, or the layers or sides of the models differ.
    """

    def __init__(self, fine: Model, coarse: Model) -> None:
        (ny, nx), (rows, columns) = fine.grid.tile.shape, coarse.grid.tile.shape
        if ny % rows or nx % columns:
            raise InputError(
                f"coarse: its (ny, nx) = {(rows, columns)} cells are not blocks of the fine model's {(ny, nx)}; "
                "choose a resolution whose cells hold a whole number of fine ones"
            )
        if fine.dz.shape != coarse.dz.shape or not np.allclose(fine.dz, coarse.dz):
            raise InputError(f"dz: the layers differ, {fine.dz.tolist()} and {coarse.dz.tolist()} m; use the same")
        if fine.grid.tile.periodic != coarse.grid.tile.periodic:
            raise InputError("periodic_x, periodic_y: the two models differ; use one setup at two resolutions")
        if fine.tracers != coarse.tracers:
            own, others = (", ".join(model.tracers) or "none" for model in (fine, coarse))
            raise InputError(f"tracers: the fine model has {own}, the coarse one {others}; give both the same")
        self.factor = (ny // rows, nx // columns)
        check_tiles(fine.grid.tile, coarse.grid.tile, self.factor)
        for size, across in (("area_t", 1), ("dy_t", self.factor[1])):
            theirs, ours = (interior(getattr(model.grid, size)) for model in (fine, coarse))
            if not np.allclose(self.blocks(theirs) / across, ours, rtol=0.01):  # exact but on a curvilinear grid
                raise InputError(
                    f"coarse: its cells are not as large as the {self.factor} (along y, x) fine cells that each would "
                    "hold; use one setup at two resolutions that fill the same region"
                )
        self.area = diagnostics.wet_area(fine)
        bare = (self.blocks(self.area) == 0) & (interior(coarse.grid.mask_t[0]) > 0)
        if bare.any():
            raise InputError(
                f"bathymetry: the coarse cell at (j, i) = {coarse.grid.tile.in_whole(tuple(np.argwhere(bare)[0]))} is "
                "water and all of its fine cells are land; make it land"
            )
        self.fine, self.coarse = copy.copy(fine), copy.copy(coarse)  # copies, whose states are replaced
        self.coarse.state = coarse.state.like(np.dtype(np.float64))
        self.coarse.state.u[...] = self.coarse.state.v[...] = 1.0  # so that transports are areas of faces

    def blocks(self, a: Array) -> Array:
        """Return sums over the fine cells in each coarse one.

        Parameters
        ----------
        a : ndarray, shape (..., ny, nx)
            Values on the fine grid.

        Returns
        -------
        ndarray, shape (..., ny/factor, nx/factor)
            The sums, in float64.
        """
        *layers, ny, nx = a.shape
        rows, columns = self.factor
        return a.reshape(*layers, ny // rows, rows, nx // columns, columns).sum(axis=(-3, -1), dtype=np.float64)

    def __call__(self, state: State) -> dict[str, Array]:
        """Return u, v, tracers (nk, ny, nx) and eta (ny, nx) of a fine state on the coarse interior, 0 on land.

        The halo of `state` must be filled, as after a step.
        """
        (rows, columns), coarse = self.factor, self.coarse
        self.fine.state = state
        wet = interior(coarse.grid.mask_t) > 0
        volume = diagnostics.cell_volume(self.fine)
        eta = wet[0] * mean(self.blocks(self.area * interior(state.eta)), self.blocks(self.area))
        fields = {"eta": eta}
        for name in self.fine.tracers:
            fields[name] = self.tracer(volume * interior(getattr(state, name)), volume) * wet
        interior(coarse.state.eta)[...] = eta
        exchange(coarse.grid, coarse.state.eta)
        U, V = diagnostics.transports(self.fine)
        through_x = U[..., columns - 1 :: columns].reshape(len(U), -1, rows, wet.shape[2]).sum(axis=2)
        through_y = V[:, rows - 1 :: rows].reshape(len(V), wet.shape[1], -1, columns).sum(axis=3)
        for name, transport, faces in zip("uv", (through_x, through_y), diagnostics.transports(coarse), strict=True):
            fields[name] = velocity(transport, faces)
        return {name: a.astype(coarse.grid.h_t.dtype) for name, a in fields.items()}

    def tracer(self, content: Array, volume: Array) -> Array:
        """Return the mean of a tracer over fine water; where a coarse cell has none, that of the cell above.

        Parameters
        ----------
        content : ndarray, shape (nk, ny, nx)
            Volume times tracer of the fine cells.
        volume : ndarray, shape (nk, ny, nx)
            Volume of the fine cells [m3].

        Returns
        -------
        ndarray
            The mean on the coarse grid.
        """
        volume = self.blocks(volume)
        T = mean(self.blocks(content), volume)
        for k in range(1, len(T)):
            T[k] = np.where(volume[k] > 0, T[k], T[k - 1])
        return T


def check_tiles(fine: Tile, coarse: Tile, factor: tuple[int, int]) -> None:
    """Raise InputError unless a tile of the coarse ocean holds the fine cells of the tile of the same process."""
    for axis, name in enumerate(("rows", "columns")):
        theirs, ours = fine.part(axis), coarse.part(axis)
        if (theirs.start, theirs.stop) != (factor[axis] * ours.start, factor[axis] * ours.stop):
            raise InputError(
                f"decomposition: a tile of the fine model has the {name} {theirs.start} to {theirs.stop - 1}, that of "
                f"the coarse one {ours.start} to {ours.stop - 1}, each of {factor[axis]} fine ones; divide both models "
                f"alike, and into a number of tiles of which the {coarse.shape[axis]} coarse {name} are a multiple"
            )


def mean(total: Array, weight: Array) -> Array:
    """Return total/weight, 0 where there is no weight."""
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)


def velocity(transport: Array, faces: Array) -> Array:
    """Return the velocity with a `transport` [m3 s-1] through open `faces` [m2]; that of closed faces is spread over
    the column."""
    left = (transport * (faces == 0)).sum(axis=0)
    return mean(transport, faces) + (faces > 0) * mean(left, faces.sum(axis=0))
