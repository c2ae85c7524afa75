"""Multivariate balance K: what errors of temperature and sea level mean for salinity, sea level and velocity.

    dx = K dx_u:     dT = dT_u                                            (u: the unbalanced part)
                     dS = gamma dS/dz (dT/dz)^-1 dT + dS_u                salinity along the profile of the background
                     db = b_T dT + b_S dS
                     deta = 1/g integral from -level to 0 of db dz + deta_u        no pressure at the level
                     dp = g deta - integral from z to 0 of db dz
                     dv = 1/f (dp/dx)_z + dv_u,     du = -1/f (dp/dy)_z + du_u     geostrophy

(Weaver, Deltel, Machu, Ricci and Daget 2005, doi 10.1256/qj.04.119.) Temperature thus gives what a vertical
displacement of the water of the background would give, and sea level and velocity follow. All is linear, with
derivatives of the equation of state and of the profiles at the background, so that K^T is exact.

The discrete forms are those of the model: the trapezoidal hydrostatic pressure and its gradient between cells whose
centres differ in height (`ogcm.operators.pressure`). The gradient at a V point is the mean of those at the up to four
wet U points around it. Three factors keep K finite:

    dS/dz (dT/dz)^-1   is   S_z T_z / (T_z^2 + T_0^2),  T_0 = 1e-3 K/m, between -1 and 1 g kg-1 K-1
    gamma              is   0 in the mixed layer, where T differs from that of the surface by less than 0.5 K; else 1
    1/f                is   (1 - exp(-(f/f_0)^2)) / f, with f_0 of 2.5 degrees: no geostrophic flow at the equator

A relation acts where its controls are estimated: without S, for example, dS is 0.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ogcm.constants import EARTH_ROTATION
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.model import Model
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE, Points

Array = np.ndarray
Fields = Mapping[str, Array]
BALANCED = ("T", "S", "eta", "u", "v")
LEVEL = 1500.0  # [m] level of no motion by default
WEAK = 1e-3  # T_0 [K m-1]
STEEPEST = 1.0  # largest salinity per temperature [g kg-1 K-1]
MIXED = 0.5  # [K] by which the water below a mixed layer differs from the surface
EQUATOR = 2 * EARTH_ROTATION * np.sin(np.radians(2.5))  # f_0 [s-1]


class Water(NamedTuple):
    """The background of the whole ocean.

    Attributes
    ----------
    T, S : ndarray, shape (nk, ny, nx)
        Temperature [degC] and salinity [g kg-1].
    b_T, b_S : ndarray, shape (nk, ny, nx)
        Derivatives of the buoyancy with respect to them [m s-2 K-1, m s-2 (g kg-1)-1].
    h, z : ndarray, shape (nk, ny, nx)
        Thickness of the cells [m], 0 on land, and height of their centres [m].
    wet_u, wet_v : ndarray of bool, shape (nk, ny, nx)
        Open faces.
    f_u, f_v : ndarray, shape (ny, nx)
        Coriolis parameter at U and V points [s-1].
    """

    T: Array
    S: Array
    b_T: Array
    b_S: Array
    h: Array
    z: Array
    wet_u: Array
    wet_v: Array
    f_u: Array
    f_v: Array


class Balance:
    """The balance K around a background, and its transpose.

    Parameters
    ----------
    water : Water
        The background.
    grid : HorizontalGrid
        Grid of the whole ocean.
    gravity : float
        Acceleration of gravity [m s-2].
    level : float
        Depth [m] at which the balanced pressure is 0; the sea floor where that is higher.

    Raises
    ------
    InputError
        For a level that is not below the surface.
    """

    def __init__(self, water: Water, grid: HorizontalGrid, gravity: float, level: float = LEVEL) -> None:
        if not level > 0:
            raise InputError(f"level: a depth [m] below the surface, got {level}")
        wet, h, self.gravity = water.h > 0, water.h, gravity
        self.S_T = salinity_by_temperature(water)
        self.b_T, self.b_S = np.where(wet, water.b_T, 0), np.where(wet, water.b_S, 0)
        bottoms = np.cumsum(h, axis=0)
        self.above_level = np.clip(level - (bottoms - h), 0, h) / gravity
        # p_k = g eta - sum over k' <= k of half_k' (b_(k'-1) + b_k'), with b_-1 = b_0 above the first centre
        self.half = 0.25 * (h + np.concatenate([0 * h[:1], h[:-1]])) * wet
        from_u, from_v = mean_around(water.wet_v, water.wet_u), mean_around(water.wet_u, water.wet_v, along_i=True)
        by_f = {p: np.broadcast_to(of_geostrophy(f), h.shape).ravel() for p, f in (("u", water.f_u), ("v", water.f_v))}
        self.of_p, self.of_b = {}, {}
        for name, other, sign, to, axis, distance in (
            ("v", water.wet_u, 1, from_u, 2, grid.dx_u), ("u", water.wet_v, -1, from_v, 1, grid.dy_v),
        ):  # fmt: skip
            difference, mean = between(other, axis)
            per_metre = sparse.diags(np.broadcast_to(1 / distance, h.shape).ravel())
            rise = sparse.diags((np.roll(water.z, -1, axis) - water.z).ravel())
            turned = sparse.diags(sign * by_f[name]) @ to @ per_metre
            self.of_p[name], self.of_b[name] = (turned @ difference).tocsr(), -(turned @ rise @ mean).tocsr()

    @classmethod
    def of(cls, model: Model, level: float = LEVEL) -> "Balance | None":
        """Make the balance around the state of a model.

        Parameters
        ----------
        model : Model
            The model, or a tile of it; all processes take part.
        level : float
            Depth [m] at which the balanced pressure is 0.

        Returns
        -------
        Balance or None
            The balance of the whole ocean in the first process, None in the others.

        Raises
        ------
        InputError
            For a model without an equation of state, or a level that cannot be used.
        """
        if model.numerics.equation_of_state == "none":
            raise InputError("balance: needs the density of sea water; give the model an equation_of_state")
        tile, grid, f = model.grid.tile, model.grid, model.grid.f.astype(float)
        parts = [interior(a) for a in (model.state.T, model.state.S, *buoyancy_derivatives(model), grid.h_t, grid.z_t)]
        parts += [interior(grid.mask_u) > 0, interior(grid.mask_v) > 0]
        parts += [interior(0.5 * (f + np.roll(f, 1, axis))) for axis in (0, 1)]
        whole = [tile.gather(np.asarray(a, bool if a.dtype == bool else float)) for a in parts]
        made: list[Balance] = []
        tile.on_first(
            lambda: made.append(cls(Water(*whole), model.horizontal.undivided, float(grid.gravity), level))  # type: ignore[arg-type]
        )
        return made[0] if made else None

    def pressure(self, eta: Array, b: Array) -> Array:
        """Return the pressure over rho0 (nk, ny, nx) [m2 s-2] of sea level [m] and buoyancy [m s-2]."""
        both = b.copy()
        both[1:] += b[:-1]
        both[0] *= 2
        return self.gravity * eta - np.cumsum(self.half * both, axis=0)

    def pressure_transpose(self, p_ad: Array) -> tuple[Array, Array]:
        """Return the gradients with respect to sea level and buoyancy from that with respect to pressure."""
        below = self.half * np.cumsum(p_ad[::-1], axis=0)[::-1]
        b_ad = -below
        b_ad[0] -= below[0]
        b_ad[:-1] -= below[1:]
        return self.gravity * p_ad.sum(axis=0), b_ad

    def apply(self, x: Fields) -> dict[str, Array]:
        """Compute K x.

        Parameters
        ----------
        x : mapping of str to ndarray
            Unbalanced changes by the names of controls in their shapes, real or complex, 0 on land; T, S, eta, u and v
            take part, others stay.

        Returns
        -------
        dict of str to ndarray
            The changes.
        """
        y = dict(x)
        zero = np.zeros(self.b_T.shape)
        T, S = x.get("T", zero), x.get("S")
        if S is not None:
            S = y["S"] = S + self.S_T * T
        b = self.b_T * T + (0 if S is None else self.b_S * S)
        eta = (self.above_level * b).sum(axis=0)
        if "eta" in x:
            eta = y["eta"] = x["eta"] + eta
        p = self.pressure(eta, b)
        for name in ("u", "v"):
            if name in x:
                flow = self.of_p[name] @ p.ravel() + self.of_b[name] @ b.ravel()
                y[name] = x[name] + flow.reshape(p.shape)
        return y

    def transpose(self, y_ad: Fields) -> dict[str, Array]:
        """Compute the transpose of `apply`.

        Parameters
        ----------
        y_ad : mapping of str to ndarray
            Gradients with respect to the changes, by the names of controls, 0 on land.

        Returns
        -------
        dict of str to ndarray
            Gradients with respect to the unbalanced changes.
        """
        x_ad = dict(y_ad)
        p_ad, b_ad = np.zeros(self.b_T.shape), np.zeros(self.b_T.shape)
        for name in ("u", "v"):
            if name in y_ad:
                p_ad += (self.of_p[name].T @ y_ad[name].ravel()).reshape(p_ad.shape)
                b_ad += (self.of_b[name].T @ y_ad[name].ravel()).reshape(p_ad.shape)
        eta_ad, of_p = self.pressure_transpose(p_ad)
        b_ad += of_p
        if "eta" in y_ad:
            eta_ad = x_ad["eta"] = y_ad["eta"] + eta_ad
        b_ad += self.above_level * eta_ad
        T_ad = self.b_T * b_ad
        if "S" in y_ad:
            x_ad["S"] = y_ad["S"] + self.b_S * b_ad
            T_ad = T_ad + self.S_T * x_ad["S"]
        if "T" in y_ad:
            x_ad["T"] = y_ad["T"] + T_ad
        return x_ad


def buoyancy_derivatives(model: Model) -> tuple[Array, Array]:
    """Return the derivatives of the buoyancy (nk, nj, ni) with respect to T and S, by the complex step."""
    eos, state, step = EQUATIONS_OF_STATE[model.numerics.equation_of_state], model.state, 1e-30
    z = np.asarray(model.grid.z_t, float)
    gravity, rho0 = np.float64(model.grid.gravity), np.float64(model.grid.rho0)
    points, found = Points(z, np.ones(z.shape, np.int8), gravity, rho0), []
    for d_T, d_S in ((step * 1j, 0.0), (0.0, step * 1j)):
        b = np.zeros(z.shape, complex)
        T, S = state.T.astype(complex) + d_T, state.S.astype(complex) + d_S
        eos.buoyancy(T, S, model.parameters["eos"].astype(float), points, b)
        found.append(b.imag / step)
    return found[0], found[1]


def salinity_by_temperature(water: Water) -> Array:
    """Return the change of salinity with temperature (nk, ny, nx) [g kg-1 K-1] along the profiles; 0 on land."""
    wet, slopes = water.h > 0, []
    linked = wet[:-1] & wet[1:]
    distance = np.where(linked, water.z[:-1] - water.z[1:], 1.0)
    for a in (water.T, water.S):
        with np.errstate(invalid="ignore"):
            slope = np.where(linked, (a[:-1] - a[1:]) / distance, 0)
        ends = np.pad(slope, ((1, 1), (0, 0), (0, 0)))
        count = np.pad(linked.astype(float), ((1, 1), (0, 0), (0, 0)))
        slopes.append((ends[:-1] + ends[1:]) / np.maximum(count[:-1] + count[1:], 1))
    T_z, S_z = slopes
    with np.errstate(invalid="ignore"):
        mixed = np.logical_and.accumulate(np.abs(water.T - water.T[0]) < MIXED)
    ratio = np.clip(S_z * T_z / (T_z**2 + WEAK**2), -STEEPEST, STEEPEST)
    return np.where(wet & ~mixed, ratio, 0)


def of_geostrophy(f: Array) -> Array:
    """Return 1/f [s] with a weight that falls to 0 at the equator."""
    return -np.expm1(-((f / EQUATOR) ** 2)) / np.where(f == 0, 1.0, f)


def between(wet: Array, axis: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Return the matrices of the difference and of the mean of the two cells beside each open face along an axis."""
    numbers = np.arange(wet.size).reshape(wet.shape)
    here, there, n = numbers[wet], np.roll(numbers, -1, axis)[wet], wet.size
    ones = np.ones(len(here))
    first, second = (sparse.csr_matrix((ones, (here, columns)), (n, n)) for columns in (here, there))
    return second - first, 0.5 * (first + second)


def mean_around(to: Array, source: Array, along_i: bool = False) -> sparse.csr_matrix:
    """Return the matrix of the mean over the wet ones of the four faces around each face of the other direction.

    From U points (j, i), (j, i-1), (j+1, i), (j+1, i-1) to the V point (j, i); `along_i` exchanges j and i.
    """
    numbers, n = np.arange(to.size).reshape(to.shape), to.size
    ahead, back = (2, 1) if along_i else (1, 2)
    rows, columns = [], []
    for forward in (0, 1):
        for behind in (0, 1):
            shifted = np.roll(np.roll(numbers, -forward, ahead), behind, back)
            used = to & source.ravel()[shifted]
            rows.append(numbers[used])
            columns.append(shifted[used])
    places = np.concatenate(rows), np.concatenate(columns)
    total = sparse.csr_matrix((np.ones(len(places[0])), places), (n, n))
    count = np.maximum(np.asarray(total.sum(axis=1)).ravel(), 1)
    return sparse.diags(1 / count) @ total
