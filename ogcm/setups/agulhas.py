"""Surface currents of the Agulhas region: one layer of the equivalent depth of the first baroclinic mode.

A layer of the depth D = c^2/g has surface waves of the speed c of the internal waves, and its surface is as high as
that of the sea (reduced gravity; Gill 1982, sections 6.2 and 6.3). Since eta is not small against D, the free surface
is linear: the layer keeps its thickness.

A start (`Starts`) is computed from the observed currents of one day; u and v are means of the two cells beside a face:

    u -= grad phi       so that no cell gains water; the part removed is Ekman flow and noise, 0.08 m s-1
    eta                 its slope balances (f + zeta) k x u + grad K best (least squares over the faces, with areas)
    R                   the part that is not balanced: du/dt of the start

The forcing keeps the start as it is at first, and less so with time (`MEMORY`):

    du/dt = ... - (r/D) u + tau/(rho0 D),    tau = rho0 [ r u_p - e^(-t/MEMORY) D R ]
    u_p   = mean + e^(-t/MEMORY) (u - mean)

so that a forecast uses only its start and the mean of all records. The region is open, but the sides of the model are
closed: in a margin beside them the drag r restores the currents to u_p, and the transport of u_p through a side is
added to the cells beside it as fresh water.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Unpack

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

import ogcm
from ogcm.constants import DAY, GRAVITY
from ogcm.data import read_field
from ogcm.data.source import open_with
from ogcm.errors import FileError, InputError
from ogcm.grid import add_halo, interior
from ogcm.inputs import Values
from ogcm.operators.layers import stretch
from ogcm.preparation.regridding import edges_between
from ogcm.stage_passes import tendencies
from ogcm.sweep import Sweep

Array = np.ndarray
NEEDED = ("time", "lat", "lon", "u", "v")
MEMORY = 10 * DAY  # [s] in which the influence of the start on the forcing decays
MARGIN_TIME = 0.5 * DAY  # [s] within which the outermost cells are restored to u_p
LENGTH = 31  # number of daily records of forcing from a start on
CLOSED = (False, False)  # periodic along neither axis


class Currents(NamedTuple):
    """Daily observed currents.

    Attributes
    ----------
    lon : ndarray, shape (nx,)
        Longitudes of the centres of the cells [degrees].
    lat : ndarray, shape (ny,)
        Latitudes [degrees].
    u, v : ndarray, shape (nt, ny, nx)
        Eastward and northward velocity [m s-1], NaN on land.
    """

    lon: Array
    lat: Array
    u: Array
    v: Array


@lru_cache(maxsize=2)
def read_currents(data: str) -> Currents:
    """Read the currents in `data`, see `agulhas`. Raises FileError or InputError for a file that does not fit."""
    if not Path(data).is_file():
        raise FileError(f"agulhas needs a CF NetCDF4 file with {', '.join(NEEDED)}; {data} is no file")
    with open_with(data, NEEDED) as file:
        fields = [read_field(file, name, "velocity") for name in ("u", "v")]
    if not all(field.dims == ("time", "y", "x") for field in fields) or fields[0].shape != fields[1].shape:
        raise InputError(f"{data}: u, v must be (time, lat, lon); got {', '.join(str(f.sizes) for f in fields)}")
    time = fields[0]["time"].values if "time" in fields[0].coords else np.zeros(2, "datetime64[s]")
    if not (np.diff(time) == np.timedelta64(1, "D")).all():
        raise InputError(f"{data}: time must count days, 'days since ...', without a gap")
    lat, lon = (fields[0][name].values for name in ("lat", "lon"))
    for name, centres in (("lat", lat), ("lon", lon)):
        if centres.ndim != 1 or len(centres) < 2 or np.ptp(np.diff(centres)) > 1e-3 * abs(centres[1] - centres[0]):
            raise InputError(f"{data}: {name} must hold the centres of at least two cells of equal width")
    u, v = (field.values for field in fields)
    land = np.isnan(u) | np.isnan(v)
    changes = np.argwhere(land != land[0])
    if len(changes):
        raise InputError(f"{data}: u and v have other missing points in record {changes[0, 0]} than in the first")
    return Currents(lon, lat, u, v)


@ogcm.recipe(days=20)
def agulhas(
    *,
    data: str | None = None,
    start: int = 0,
    wave_speed: float = 2.5,
    margin: int = 4,
    parameters: Mapping[str, Values] | None = None,
    **numerics: Unpack[ogcm.SetupOptions],
) -> ogcm.Model:
    """Make the surface currents around South Africa as one layer of reduced gravity, from an observed day on.

    Parameters
    ----------
    data : str
        CF NetCDF4 file with daily u and v (time, lat, lon) [m s-1] on equal cells, missing on land.
    start : int
        Record from which the run starts; it is forced for 30 days.
    wave_speed : float
        Speed of the first baroclinic mode [m s-1].
    margin : int
        Number of cells beside a closed side in which currents are prescribed.
    parameters : mapping of str to float, array_like or callable, optional
        Physical parameters that replace those of the setup.
    **numerics : SetupOptions
        Numerical choices that replace those of the setup, and its `decomposition` into tiles (see `Model`).

    Returns
    -------
    Model
        The model.

    Raises
    ------
    FileError
        Where the file is not given, does not exist or lacks variables.
    InputError
        For variables or options that do not fit.
    """
    if data is None:
        raise FileError(
            f"agulhas needs surface currents: a CF NetCDF4 file with {', '.join(NEEDED)}, "
            "given as `ogcm run agulhas --data FILE`"
        )
    if not (wave_speed > 0 and margin >= 0):
        raise InputError(f"wave_speed must be positive and margin not negative, got {wave_speed} and {margin}")
    currents = read_currents(str(data))
    depth = wave_speed**2 / numerics.get("gravity", GRAVITY)
    grid = ogcm.spherical(lon=edges_between(currents.lon), lat=edges_between(currents.lat))
    ny, nx = grid.shape
    j, i = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in (ny, nx))
    inside = np.minimum(np.minimum(j[:, None], i) / max(margin, 1), 1)
    chosen: dict[str, Values] = {
        "nu_h": 1000.0,
        "drag_linear": depth / MARGIN_TIME * np.cos(0.5 * np.pi * inside) ** 2 * (margin > 0),
    }
    settings: ogcm.NumericsOptions = {
        "dt": 3600.0,
        "equation_of_state": "none",
        "free_surface": "linear",
        "walls": "no_slip",
    }
    empty = ogcm.Series(np.zeros((LENGTH, ny, nx)), DAY * np.arange(LENGTH))
    model = ogcm.Model(
        grid,
        depth=np.where(np.isnan(currents.u[0]), 0.0, depth),
        dz=[depth],
        forcing=ogcm.Forcing(tau_x=empty, tau_y=empty, fresh_water=empty),
        parameters=chosen | dict(parameters or {}),
        **(settings | numerics),
    )
    Starts(model, currents).set(start)
    return model


class Starts:
    """States and forcing of a model of `agulhas` for any day of the observed currents.

    Vectors have one element for each face between two cells of water, east faces first.

    Parameters
    ----------
    model : Model
        Model made by `agulhas`.
    currents : Currents
        Observed currents.
    """

    def __init__(self, model: ogcm.Model, currents: Currents) -> None:
        self.model, self.currents = model, currents
        self.stepper = ogcm.Stepper(model, kept=True)  # which keeps the tendencies
        self.tendencies = Sweep("tendencies", *tendencies(model.numerics))
        grid, (ny, nx) = model.grid, model.horizontal.shape
        self.depth = float(model.dz[0])
        self.dx, self.dy = interior(grid.dx_t), interior(grid.dy_t)
        self.east, self.north = interior(grid.mask_u)[0] > 0, interior(grid.mask_v)[0] > 0
        cell = np.arange(ny * nx).reshape(ny, nx)
        before = np.append(cell[self.east], cell[self.north])
        after = np.append(np.roll(cell, -1, 1)[self.east], np.roll(cell, -1, 0)[self.north])
        slope = 1 / self.vector(interior(grid.dx_u), interior(grid.dy_v))
        area = self.vector(interior(grid.area_u), interior(grid.area_v))
        face = np.arange(len(slope))
        shape = (len(face), cell.size)
        places = (np.append(face, face), np.append(before, after))
        self.gradient = sparse.csr_matrix((np.append(-slope, slope), places), shape)
        self.gain = (
            sparse.diags(area) @ self.gradient
        ).T.tocsr()  # transport through the faces into the cells [m2 s-1]
        laplacian = self.gain @ self.gradient
        # The gradient leaves a constant undetermined; the small diagonal sets it, and the values on land, to 0.
        self.solve = splu((laplacian + 1e-9 * sparse.identity(cell.size)).tocsc()).solve
        r = interior(model.parameters["drag_linear"])[0]
        self.rate = self.vector(0.5 * (r + np.roll(r, -1, 1)), 0.5 * (r + np.roll(r, -1, 0)))
        self.mean = self.flow(currents.u.mean(0), currents.v.mean(0))

    def vector(self, east: Array, north: Array) -> Array:
        """Return the values of two maps (ny, nx) at the faces between cells of water."""
        return np.append(east[self.east], north[self.north])

    def maps(self, vector: Array) -> tuple[Array, Array]:
        """Return the two maps (ny, nx) of a vector, 0 at all other faces."""
        east, north = np.zeros(self.dx.shape), np.zeros(self.dx.shape)
        east[self.east], north[self.north] = np.split(vector, [self.east.sum()])
        return east, north

    def through_sides(self, u: Array, v: Array) -> Array:
        """Return the transport (ny, nx) [m2 s-1] of currents at centres through the closed sides into each cell."""
        u, v, gain = np.nan_to_num(u), np.nan_to_num(v), np.zeros(u.shape)
        gain[:, 0] += (u * self.dy)[:, 0]
        gain[:, -1] -= (u * self.dy)[:, -1]
        gain[0] += (v * self.dx)[0]
        gain[-1] -= (v * self.dx)[-1]
        return gain

    def faces(self, u: Array, v: Array) -> Array:
        """Return the vector [m s-1] of the means of currents (ny, nx) at two neighbouring centres."""
        return self.vector(0.5 * (u + np.roll(u, -1, 1)), 0.5 * (v + np.roll(v, -1, 0)))

    def flow(self, u: Array, v: Array) -> Array:
        """Return the vector [m s-1] of the part of currents (ny, nx) at centres that fills no cell."""
        vector = self.faces(u, v)
        gained = self.gain @ vector + self.through_sides(u, v).ravel()
        return vector - self.gradient @ self.solve(gained)

    def set(self, n: int) -> None:
        """Set the state and the forcing of the model to the start from record `n`, at time 0, in place.

        Raises InputError for a record that does not exist.
        """
        u, v = self.currents.u, self.currents.v
        if not 0 <= n < len(u):
            raise InputError(f"start: record {n} does not exist; choose from 0 to {len(u) - 1}")
        model, state = self.model, self.model.state
        flow = self.flow(u[n], v[n])
        for a, values in zip((state.u, state.v), self.maps(flow), strict=True):
            a[0] = add_halo(values, CLOSED)
        state.time, state.step, state.previous = 0.0, 0, None
        state.eta[...] = 0
        tendency = self.tendency()
        gravity, rho0 = model.numerics.gravity, model.numerics.rho0
        eta = self.solve(self.gain @ tendency) / gravity
        sea = interior(model.grid.mask_t)[0] > 0
        state.eta[...] = add_halo(np.where(sea, eta.reshape(sea.shape) - eta.reshape(sea.shape)[sea].mean(), 0), CLOSED)
        unbalanced = tendency - gravity * (self.gradient @ eta)
        now, always = (self.through_sides(*w) for w in ((u[n], v[n]), (u.mean(0), v.mean(0))))
        series = model.forcing.series
        for k, weight in enumerate(np.exp(-np.arange(LENGTH) * DAY / MEMORY)):
            prescribed = self.mean + weight * (flow - self.mean)
            stress = rho0 * (self.rate * prescribed - weight * self.depth * unbalanced)
            gained = self.depth * (always + weight * (now - always)) / (self.dx * self.dy)
            for name, values in zip(("tau_x", "tau_y"), self.maps(stress), strict=True):
                series[name].values[k] = add_halo(values, CLOSED)
            series["fresh_water"].values[k] = add_halo(gained, CLOSED)

    def tendency(self) -> Array:
        """Return the vector [m s-2] of du/dt of the state by Coriolis force, advection and pressure."""
        state, work = self.model.state, self.stepper.works[0]
        stretch(state.eta, self.model.grid, *work.s_y)
        self.tendencies(self.model.grid, self.stepper.tendency_arrays(state, self.model.forcing.at(0.0), work))
        return self.vector(interior(work.G_u)[0], interior(work.G_v)[0])
