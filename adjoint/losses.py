"""Losses: means, contents, transports and enstrophy of a run, each with its own adjoint.

`adjoint.loss` defines the interface. Positions are given in the coordinates of the grid (degrees or m; longitudes may
differ by 360 degrees) and as the height z [m], negative below the surface. Thicknesses are those of the moving layers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.loss import Loss
from adjoint.operators.layers import stretch_ad, transports_ad
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.operators.layers import stretch, transports
from ogcm.regions import Range, box_mask, field_point, nearest_face, resting_volume, zero_outside
from ogcm.state import State

Array = np.ndarray


class BoxMean(Loss):
    """Mean of a field over a box and the days, weighted with the volume of the resting cells (area for eta).

    Parameters
    ----------
    model : Model
        The model of the run.
    field : {"u", "v", "eta", "T", "S"} or a further tracer
        The field.
    x, y : tuple of float, optional
        Ranges of the box in the coordinates of the grid [degrees or m]; by default the whole grid.
    z : tuple of float, optional
        Range of heights of the cell centres [m], negative below the surface; ignored for eta.
    days : float or sequence of float, optional
        Days from the beginning of the run; by default its end.

    Raises
    ------
    InputError
        For an unknown field, or a box without water.
    """

    def __init__(
        self,
        model: Model,
        field: str,
        *,
        x: Range | None = None,
        y: Range | None = None,
        z: Range | None = None,
        days: float | Sequence[float] | Array | None = None,
    ) -> None:
        super().__init__(model, days=days)
        self.field = field
        weight = resting_volume(
            model, field, box_mask(model, field_point(model, field), x, y, None if field == "eta" else z)
        )
        self.weight = weight / self.total(weight)

    def value(self, state: State, record: Any) -> float:
        values = zero_outside(self.weight, interior(getattr(state, self.field)))
        return self.record_weight * self.total(self.weight * values)

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        interior(getattr(state_ad, self.field))[...] += value_ad * self.record_weight * self.weight


class MeanSquare(Loss):
    """Mean over space and the days of (field - data)^2, weighted with the volume of the resting cells (area for eta).

    Parameters
    ----------
    model : Model
        The model of the run.
    field : {"u", "v", "eta", "T", "S"} or a further tracer
        The field.
    data : ndarray, shape (nk, ny, nx) or (days, nk, ny, nx)
        The data, without the first axis nk for eta; the mean excludes masked points. They are those of the whole ocean,
        or of the tile.
    days : float or sequence of float, optional
        Days from the beginning of the run; by default its end.
    **where : tuple of float
        Ranges x, y, z as for `BoxMean`.

    Raises
    ------
    InputError
        For data of another shape, data that are not finite over water, and data that are masked everywhere.
    """

    def __init__(
        self,
        model: Model,
        field: str,
        data: Array,
        *,
        days: float | Sequence[float] | Array | None = None,
        **where: Range,
    ) -> None:
        super().__init__(model, days=days)
        self.field = field
        point, ranges = field_point(model, field), {"x": None, "y": None, "z": None} | where
        self.weight = resting_volume(model, field, box_mask(model, point, **ranges))
        self.weight /= self.total(self.weight)
        count, tile = 1 if self.days is None else len(self.days), model.grid.tile
        self.data, self.present = data_over_water(model, field, data, self.weight > 0, count)
        if tile.any(not self.present.all()):
            covered = self.total((self.weight * self.present).sum(axis=0)) / count
            if not covered:
                raise InputError(f"data: {field} is masked at all points of the box; give data over water")
            self.weight /= covered

    def misfit(self, state: State, record: int) -> Array:
        """Return field - data of a record, 0 where the data are masked.

        Parameters
        ----------
        state : State
            The state.
        record : int
            Number of the day.

        Returns
        -------
        ndarray, shape (nk, ny, nx)
            The difference; for eta of shape (ny, nx).
        """
        field = zero_outside(self.weight, interior(getattr(state, self.field)))
        return self.present[record] * (field - self.data[record])

    def value(self, state: State, record: int) -> float:
        return self.record_weight * self.total(self.weight * self.misfit(state, record) ** 2)

    def adjoint(self, state: State, record: int, value_ad: float, state_ad: State) -> None:
        slope = 2 * self.record_weight * self.weight * self.misfit(state, record)
        interior(getattr(state_ad, self.field))[...] += value_ad * slope


class ClimatologyMisfit(Loss):
    """Mean over points of ((mean of a field over the days - climatology)/error)^2 [1].

    All points have the same weight. A value of the order of 1 means that the run agrees with the climatology within
    its errors. The states are added up while the run goes on: `value` is 0 on all days but the last.

    Parameters
    ----------
    model : Model
        The model of the run.
    field : {"u", "v", "eta", "T", "S"} or a further tracer
        The field.
    climatology : ndarray, shape (nk, ny, nx)
        The climatology, without the first axis for eta, of the whole ocean or of the tile; masked points do not count.
    errors : float or ndarray
        Standard errors of the difference in the units of the field, a number or an array that fits the climatology of
        the whole ocean.
    days : float or sequence of float, optional
        Days from the beginning of the run whose mean is taken; by default its end alone.
    **where : tuple of float
        Ranges x, y, z as for `BoxMean`.

    Raises
    ------
    InputError
        For data of another shape, data that are not finite over water, errors that are not positive there, and a box
        without data.
    """

    def __init__(
        self,
        model: Model,
        field: str,
        climatology: Array,
        errors: float | Array,
        *,
        days: float | Sequence[float] | Array | None = None,
        **where: Range,
    ) -> None:
        super().__init__(model, days=None if days is None else np.sort(np.atleast_1d(np.asarray(days, float))))
        self.field, tile = field, model.grid.tile
        point, ranges = field_point(model, field), {"x": None, "y": None, "z": None} | where
        wet = resting_volume(model, field, box_mask(model, point, **ranges)) > 0
        data, present = data_over_water(model, field, climatology, wet, 1)
        self.climatology, counted = data[0], wet & present[0]
        whole = (*wet.shape[:-2], *tile.shape)
        try:
            errors = np.where(counted, tile.cut(np.broadcast_to(np.asarray(errors, float), whole)), 1.0)
        except ValueError:
            raise InputError(f"errors: shape {np.shape(errors)} does not fit {field}'s {whole}") from None
        if tile.any(not (np.isfinite(errors) & (errors > 0)).all()):
            raise InputError(f"errors: those of {field} must be positive and finite over water; mask {field} elsewhere")
        number = self.total(counted.astype(float))
        if not number:
            raise InputError(f"climatology: {field} is masked at all points of the box; give data over water")
        self.weight, self.mean = counted / (number * errors**2), np.zeros(wet.shape)

    def value(self, state: State, record: int) -> float:
        values = self.record_weight * zero_outside(self.weight, interior(getattr(state, self.field)))
        self.mean = values if record == 0 else self.mean + values
        if record < self.all_records()[-1]:
            return 0.0
        return self.total(self.weight * (self.mean - self.climatology) ** 2)

    def adjoint(self, state: State, record: int, value_ad: float, state_ad: State) -> None:
        slope = 2 * self.record_weight * self.weight * (self.mean - self.climatology)
        interior(getattr(state_ad, self.field))[...] += value_ad * slope


def data_over_water(model: Model, field: str, data: Array, wet: Array, count: int) -> tuple[Array, Array]:
    """Check data of a field for some records.

    Parameters
    ----------
    model : Model
        The model.
    field : str
        The field.
    data : ndarray, shape (nk, ny, nx) or (count, nk, ny, nx)
        The data of the whole ocean or of the tile, perhaps masked; without nk for eta.
    wet : ndarray of bool, shape (nk, ny, nx)
        Where they are used, in the tile.
    count : int
        Number of records.

    Returns
    -------
    data, present : ndarray, shape (count, nk, ny, nx)
        The data in the tile, 0 where they are masked or not used, and where they are not masked.

    Raises
    ------
    InputError
        For data of another shape, and data that are not finite where they are used.
    """
    missing, tile = np.ma.getmaskarray(np.ma.asarray(data)), model.grid.tile
    data = np.asarray(np.ma.getdata(data), float)
    whole, shape = (*wet.shape[:-2], *tile.shape), (count, *wet.shape)
    if data.shape in (whole, (count, *whole)):
        data, missing = tile.cut(data), tile.cut(missing)
    elif data.shape not in (shape[1:], shape):
        raise InputError(f"data: {field} has the shape {whole}, {count} records; got {data.shape}")
    data, used = np.broadcast_to(data, shape), np.broadcast_to(~missing, shape) & wet
    wrong = np.argwhere(~np.isfinite(data) & used)
    if (place := tile.first(tile.in_whole(tuple(wrong[0])) if len(wrong) else None)) is not None:
        raise InputError(f"data: {field} is not finite over water at {place}; mask it or fill it")
    return np.where(used, data, 0), np.broadcast_to(~missing, shape)


class HeatContent(Loss):
    """Heat in a box of the moving layers relative to 0 degC [J], mean over the days.

    Parameters
    ----------
    model : Model
        The model of the run, which has tracers.
    x, y, z : tuple of float, optional
        Ranges of the box as for `BoxMean`.
    days : float or sequence of float, optional
        Days from the beginning of the run; by default its end.

    Raises
    ------
    InputError
        For a box without water, or a model without tracers.
    """

    def __init__(
        self,
        model: Model,
        *,
        x: Range | None = None,
        y: Range | None = None,
        z: Range | None = None,
        days: float | Sequence[float] | Array | None = None,
    ) -> None:
        super().__init__(model, days=days)
        where, grid = box_mask(model, field_point(model, "T"), x, y, z), model.grid
        self.weight = model.numerics.heat_per_volume * where * interior(grid.area_t) * interior(grid.h_t)
        self.slope = float(grid.nonlinear) / interior(grid.depth_t)  # of the stretching by eta

    def value(self, state: State, record: Any) -> float:
        s = 1 + self.slope * interior(state.eta)
        return self.record_weight * self.total(self.weight * s * zero_outside(self.weight, interior(state.T)))

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        s, T = 1 + self.slope * interior(state.eta), zero_outside(self.weight, interior(state.T))
        interior(state_ad.T)[...] += value_ad * self.record_weight * self.weight * s
        interior(state_ad.eta)[...] += value_ad * self.record_weight * self.slope * (self.weight * T).sum(0)


class Transport(Loss):
    """Volume transport through a section [m3 s-1], mean over the days.

    One of x and y is a number, the other is the range of the section: the eastward transport for x = -66, y = (-70,
    -54), Drake Passage; the northward transport for a number y. The section follows the nearest faces.

    Parameters
    ----------
    model : Model
        The model of the run.
    x, y : float or tuple of float, optional
        Position and range of the section in the coordinates of the grid [degrees or m].
    z : tuple of float, optional
        Range of heights of the cell centres [m], negative below the surface.
    days : float or sequence of float, optional
        Days from the beginning of the run; by default its end.

    Raises
    ------
    InputError
        Unless exactly one of x and y is a number, and for a section without water.
    """

    def __init__(
        self,
        model: Model,
        *,
        x: float | Range | None = None,
        y: float | Range | None = None,
        z: Range | None = None,
        days: float | Sequence[float] | Array | None = None,
    ) -> None:
        super().__init__(model, days=days)
        numbers = [a is not None and np.ndim(a) == 0 for a in (x, y)]
        if sum(numbers) != 1:
            raise InputError("x, y: give one as a number and the other as a range (from, to), or leave the other out")
        h, tile = model.horizontal.undivided, model.grid.tile
        at: Any = x if numbers[0] else y
        point, axis = ("u", "x") if numbers[0] else ("v", "y")
        line = nearest_face(h, axis, at)
        across = np.zeros(h.shape)
        across[(slice(None), line) if point == "u" else line] = 1
        ranges: dict[str, Any] = {"x": None, "y": y} if point == "u" else {"x": x, "y": None}
        weight = box_mask(model, point, **ranges, z=z) * tile.cut(across)
        if not tile.any(bool(weight.any())):
            raise InputError(f"x, y, z: the section x = {x}, y = {y}, z = {z} holds no water")
        self.weights = {p: np.zeros(model.grid.h_t.shape) for p in "uv"}
        interior(self.weights[point])[...] = weight

    def layers(self, state: State) -> list[Array]:
        """Return the thickness of the moving layers relative to the resting ones.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        list of ndarray, shape (nj, ni)
            The ratios at T, U, V and F points.
        """
        s = [np.ones_like(state.eta) for _ in range(4)]
        stretch(state.eta, self.model.grid, *s)
        return s

    def value(self, state: State, record: Any) -> float:
        grid, (_, s_u, s_v, _) = self.model.grid, self.layers(state)
        U, V = np.zeros_like(state.u), np.zeros_like(state.v)
        transports(state.u, state.v, s_u, s_v, grid, U, V)
        return self.record_weight * self.total(interior(self.weights["u"] * U + self.weights["v"] * V))

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        grid, (_, s_u, s_v, _) = self.model.grid, self.layers(state)
        flow_ad = [(value_ad * self.record_weight * self.weights[p]).astype(state.u.dtype) for p in "uv"]
        s_ad = [np.zeros_like(state.eta) for _ in range(4)]
        transports_ad(state.u, state.v, s_u, s_v, grid, *flow_ad, state_ad.u, state_ad.v, s_ad[1], s_ad[2])
        exchange(grid, *s_ad)
        stretch_ad(state.eta, grid, *s_ad, state_ad.eta)


class Overturning(Transport):
    """Northward transport above a height through a latitude [m3 s-1], mean over the days.

    It is the meridional overturning streamfunction at that point.

    Parameters
    ----------
    model : Model
        The model of the run.
    y : float
        Latitude or distance along y [degrees or m].
    z : float
        Height [m], negative below the surface.
    x : tuple of float, optional
        Range along x, for example that of a basin.
    days : float or sequence of float, optional
        Days from the beginning of the run; by default its end.

    Raises
    ------
    InputError
        For a section without water.
    """

    def __init__(
        self,
        model: Model,
        *,
        y: float,
        z: float,
        x: Range | None = None,
        days: float | Sequence[float] | Array | None = None,
    ) -> None:
        super().__init__(model, x=x, y=y, z=(z, 0.0), days=days)


class Enstrophy(Loss):
    """Half the squared relative vorticity over the resting water [m3 s-2], mean over the days.

    zeta = [d_i(v dy) - d_j(u dx)]/area_f at F points; it is 0 on free-slip walls and twice the shear on no-slip walls.

    Parameters
    ----------
    model : Model
        The model of the run.
    days : float or sequence of float, optional
        Days from the beginning of the run; by default its end.
    """

    def __init__(self, model: Model, *, days: float | Sequence[float] | Array | None = None) -> None:
        super().__init__(model, days=days)
        g = model.grid
        self.to_vorticity = g.mask_f * g.r_area_f  # factor from the circulation
        self.weight = np.zeros(g.h_t.shape)
        interior(self.weight)[...] = interior(g.area_f * g.h_f)

    def vorticity(self, state: State) -> Array:
        """Return the relative vorticity at F points.

        Parameters
        ----------
        state : State
            The state.

        Returns
        -------
        ndarray, shape (nk, nj, ni)
            The vorticity [s-1].
        """
        u_dx, v_dy = state.u * self.model.grid.dx_u, state.v * self.model.grid.dy_v
        return self.to_vorticity * (np.roll(v_dy, -1, -1) - v_dy - np.roll(u_dx, -1, -2) + u_dx)

    def value(self, state: State, record: Any) -> float:
        return 0.5 * self.record_weight * self.total(interior(self.weight * self.vorticity(state) ** 2))

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        g = self.model.grid
        vorticity_ad = value_ad * self.record_weight * self.to_vorticity * self.weight * self.vorticity(state)
        exchange(g, vorticity_ad)
        state_ad.v += g.dy_v * (np.roll(vorticity_ad, 1, -1) - vorticity_ad)
        state_ad.u += g.dx_u * (vorticity_ad - np.roll(vorticity_ad, 1, -2))
