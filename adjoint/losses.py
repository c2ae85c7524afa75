"""Losses: scalars of a run, each with its own adjoint.

A loss looks at the state on some days of the run and adds up what it sees. Your own is ten lines:

    class SurfaceVariance(Loss):
        \"\"\"Mean square height of the sea surface [m2].\"\"\"

        def value(self, state, record):
            return (self.record_weight * interior(state.eta) ** 2).mean()

        def adjoint(self, state, record, value_ad, state_ad):
            eta = interior(state.eta)
            interior(state_ad.eta)[...] += value_ad * self.record_weight * 2 * eta / eta.size

`value` must take complex states as well (no `abs`, `max` or `float`), so that `adjoint.gradient_check.loss_error` can
check the pair. Losses add up and scale: `BoxMean(...) + 0.1 * Enstrophy(...)`.

Places are given in the coordinates of the grid (degrees or m; longitudes may differ by 360) and in height z [m],
negative below the surface. Layers are the moving ones.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.operators.layers import stretch_ad, transports_ad
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.operators.layers import stretch, transports
from ogcm.regions import Range, box_mask, field_point, nearest_face, resting_volume, zero_outside
from ogcm.simulation import Simulation
from ogcm.state import State

Array = np.ndarray


class Loss:
    """The sum of `value(state, record)` over the days; `record_weight` is 1/records, for means over them."""

    def __init__(self, model: Model, *, days: float | Sequence[float] | Array | None = None) -> None:
        """`days` [d] from the beginning of the run on which the loss looks at the state; None: at its end."""
        self.model = model
        self.days = None if days is None else tuple(np.atleast_1d(np.asarray(days, float)))
        self.record_weight = 1.0 if self.days is None else 1.0 / len(self.days)

    def value(self, state: State, record: Any) -> float:
        """What the state of the day number `record` adds to the loss."""
        raise NotImplementedError

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        """Add value_ad times the derivative of `value` by the state to the interior of `state_ad`."""
        raise NotImplementedError

    def records_by_step(self, simulation: Simulation) -> dict[int, list]:
        """Which records belong to which step of the run, the nearest.

        Raises InputError for a day outside the run, or another model's grid.
        """
        if simulation.model.grid is not self.model.grid:
            raise InputError(f"{type(self).__name__}: was made for another model than the simulation's")
        if self.days is None:
            return {simulation.steps: [0]}
        dt, found = simulation.model.numerics.dt, dict[int, list]()
        for record, day in enumerate(self.days):
            n = day * DAY / dt
            if not -0.5 <= n <= simulation.steps + 0.5:
                last = simulation.steps * dt / DAY
                raise InputError(f"days: {type(self).__name__} looks at day {day:g}, the run is from 0 to {last:g}")
            found.setdefault(round(n), []).append(record)
        return found

    def all_records(self) -> list:
        """All records, whatever the run."""
        return list(range(1 if self.days is None else len(self.days)))

    def __add__(self, other: "Loss") -> "Loss":
        return Sum([(1.0, self), (1.0, other)])

    def __rmul__(self, factor: float) -> "Loss":
        return Sum([(float(factor), self)])


class Sum(Loss):
    """Losses with factors."""

    def __init__(self, terms: Sequence[tuple[float, Loss]]) -> None:
        super().__init__(terms[0][1].model)
        self.terms = list(terms)

    def value(self, state: State, record: Any) -> float:
        m, inner = record
        return self.terms[m][0] * self.terms[m][1].value(state, inner)

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        m, inner = record
        self.terms[m][1].adjoint(state, inner, self.terms[m][0] * value_ad, state_ad)

    def records_by_step(self, simulation: Simulation) -> dict[int, list]:
        found: dict[int, list] = {}
        for m, (_, loss) in enumerate(self.terms):
            for n, inner in loss.records_by_step(simulation).items():
                found.setdefault(n, []).extend((m, record) for record in inner)
        return found

    def all_records(self) -> list:
        return [(m, record) for m, (_, loss) in enumerate(self.terms) for record in loss.all_records()]


class BoxMean(Loss):
    """Mean of a field over a box and the days, weighted with the volume of the resting cells (area for eta)."""

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
        """Raises InputError for an unknown field, or a box without water."""
        super().__init__(model, days=days)
        self.field = field
        weight = resting_volume(
            model, field, box_mask(model, field_point(model, field), x, y, None if field == "eta" else z)
        )
        self.weight = weight / weight.sum()

    def value(self, state: State, record: Any) -> float:
        seen = zero_outside(self.weight, interior(getattr(state, self.field)))
        return self.record_weight * (self.weight * seen).sum()

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        interior(getattr(state_ad, self.field))[...] += value_ad * self.record_weight * self.weight


class MeanSquare(Loss):
    """Mean over space and the days of (field - data)^2, weighted as in BoxMean."""

    def __init__(
        self,
        model: Model,
        field: str,
        data: Array,
        *,
        days: float | Sequence[float] | Array | None = None,
        **where: Range,
    ) -> None:
        """`data`: one record (nk, ny, nx), for eta (ny, nx), or one for each day; `where`: x, y, z as for BoxMean.

        The mean is over the points where the data are not masked. Raises InputError for data of another shape, and
        for those that are not finite over water or masked everywhere.
        """
        super().__init__(model, days=days)
        self.field = field
        point, ranges = field_point(model, field), {"x": None, "y": None, "z": None} | where
        self.weight = resting_volume(model, field, box_mask(model, point, **ranges))
        self.weight /= self.weight.sum()
        count, missing = 1 if self.days is None else len(self.days), np.ma.getmaskarray(np.ma.asarray(data))
        data = np.asarray(np.ma.getdata(data), float)
        if data.shape not in (self.weight.shape, (count, *self.weight.shape)):
            raise InputError(f"data: {field} has the shape {self.weight.shape}, {count} records; got {data.shape}")
        shape = (count, *self.weight.shape)
        self.data, self.seen = np.broadcast_to(data, shape), np.broadcast_to(~missing, shape)
        wrong = np.argwhere(~np.isfinite(self.data) & self.seen & (self.weight > 0))
        if len(wrong):
            raise InputError(
                f"data: {field} is not finite over water at {tuple(map(int, wrong[0]))}; mask it or fill it"
            )
        self.data = np.where(self.seen & (self.weight > 0), self.data, 0)
        if missing.any():
            covered = (self.weight * self.seen).sum() / count
            if not covered:
                raise InputError(f"data: {field} is masked at all points of the box; give data over water")
            self.weight /= covered

    def misfit(self, state: State, record: int) -> Array:
        field = zero_outside(self.weight, interior(getattr(state, self.field)))
        return self.seen[record] * (field - self.data[record])

    def value(self, state: State, record: int) -> float:
        return self.record_weight * (self.weight * self.misfit(state, record) ** 2).sum()

    def adjoint(self, state: State, record: int, value_ad: float, state_ad: State) -> None:
        slope = 2 * self.record_weight * self.weight * self.misfit(state, record)
        interior(getattr(state_ad, self.field))[...] += value_ad * slope


class HeatContent(Loss):
    """Heat in a box of the moving layers relative to 0 degC [J], mean over the days."""

    def __init__(
        self,
        model: Model,
        *,
        x: Range | None = None,
        y: Range | None = None,
        z: Range | None = None,
        days: float | Sequence[float] | Array | None = None,
    ) -> None:
        """Raises InputError for a box without water, or a model without tracers."""
        super().__init__(model, days=days)
        where, grid = box_mask(model, field_point(model, "T"), x, y, z), model.grid
        self.weight = model.numerics.heat_per_volume * where * interior(grid.area_t) * interior(grid.h_t)
        self.slope = float(grid.nonlinear) / interior(grid.depth_t)  # of the stretching by eta

    def value(self, state: State, record: Any) -> float:
        s = 1 + self.slope * interior(state.eta)
        return self.record_weight * (self.weight * s * zero_outside(self.weight, interior(state.T))).sum()

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        s, T = 1 + self.slope * interior(state.eta), zero_outside(self.weight, interior(state.T))
        interior(state_ad.T)[...] += value_ad * self.record_weight * self.weight * s
        interior(state_ad.eta)[...] += value_ad * self.record_weight * self.slope * (self.weight * T).sum(0)


class Transport(Loss):
    """Volume transport through a section [m3 s-1], mean over the days.

    One of x, y is a number, the other the range of the section: eastward for x = -66, y = (-70, -54), Drake Passage;
    northward for a number y. The nearest faces are taken; `z` picks layers.
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
        """Raises InputError unless one of x, y is a number and one is not, and for a section that holds no water."""
        super().__init__(model, days=days)
        numbers = [a is not None and np.ndim(a) == 0 for a in (x, y)]
        if sum(numbers) != 1:
            raise InputError("x, y: give one as a number and the other as a range (from, to), or leave the other out")
        h = model.horizontal
        at: Any = x if numbers[0] else y
        point, axis = ("u", "x") if numbers[0] else ("v", "y")
        line = nearest_face(h, axis, at)
        across = np.zeros(h.shape)
        across[(slice(None), line) if point == "u" else line] = 1
        ranges: dict[str, Any] = {"x": None, "y": y} if point == "u" else {"x": x, "y": None}
        weight = box_mask(model, point, **ranges, z=z) * across
        if not weight.any():
            raise InputError(f"x, y, z: the section x = {x}, y = {y}, z = {z} holds no water")
        self.weights = {p: np.zeros(model.grid.h_t.shape) for p in "uv"}
        interior(self.weights[point])[...] = weight

    def layers(self, state: State) -> list[Array]:
        """Thickness of the moving layers at T, U, V, F relative to the resting ones."""
        s = [np.ones_like(state.eta) for _ in range(4)]
        stretch(state.eta, self.model.grid, *s)
        return s

    def value(self, state: State, record: Any) -> float:
        grid, (_, s_u, s_v, _) = self.model.grid, self.layers(state)
        U, V = np.zeros_like(state.u), np.zeros_like(state.v)
        transports(state.u, state.v, s_u, s_v, grid, U, V)
        return self.record_weight * (interior(self.weights["u"] * U).sum() + interior(self.weights["v"] * V).sum())

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        grid, (_, s_u, s_v, _) = self.model.grid, self.layers(state)
        flow_ad = [(value_ad * self.record_weight * self.weights[p]).astype(state.u.dtype) for p in "uv"]
        s_ad = [np.zeros_like(state.eta) for _ in range(4)]
        transports_ad(state.u, state.v, s_u, s_v, grid, *flow_ad, state_ad.u, state_ad.v, s_ad[1], s_ad[2])
        exchange(grid, *s_ad)
        stretch_ad(state.eta, grid, *s_ad, state_ad.eta)


class Overturning(Transport):
    """Northward transport above the height `z` [m, negative] through the latitude `y` [m3 s-1], mean over the days.

    The meridional overturning streamfunction there; `x` limits it to a basin.
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
        """Raises InputError for a section without water."""
        super().__init__(model, x=x, y=y, z=(z, 0.0), days=days)


class Enstrophy(Loss):
    """Half the squared relative vorticity over the resting water [m3 s-2], mean over the days.

    zeta = [d_i(v dy) - d_j(u dx)]/area_f at F, 0 on free-slip walls, twice the shear on no-slip ones.
    """

    def __init__(self, model: Model, *, days: float | Sequence[float] | Array | None = None) -> None:
        super().__init__(model, days=days)
        g = model.grid
        self.turn = g.mask_f * g.r_area_f  # of the circulation to zeta
        self.weight = np.zeros(g.h_t.shape)
        interior(self.weight)[...] = interior(g.area_f * g.h_f)

    def vorticity(self, state: State) -> Array:
        u_dx, v_dy = state.u * self.model.grid.dx_u, state.v * self.model.grid.dy_v
        return self.turn * (np.roll(v_dy, -1, -1) - v_dy - np.roll(u_dx, -1, -2) + u_dx)

    def value(self, state: State, record: Any) -> float:
        return 0.5 * self.record_weight * (self.weight * self.vorticity(state) ** 2).sum()

    def adjoint(self, state: State, record: Any, value_ad: float, state_ad: State) -> None:
        g = self.model.grid
        turned = value_ad * self.record_weight * self.turn * self.weight * self.vorticity(state)
        exchange(g, turned)
        state_ad.v += g.dy_v * (np.roll(turned, 1, -1) - turned)
        state_ad.u += g.dx_u * (turned - np.roll(turned, 1, -2))
