"""Losses: scalars of a run, each with its own adjoint.

A loss looks at the state on some days of the run and adds up what it sees. Your own is ten lines:

    class SurfaceVariance(Loss):
        \"\"\"Mean square height of the sea surface [m2].\"\"\"

        def value(self, state, record):
            return (self.share * interior(state.eta) ** 2).mean()

        def adjoint(self, state, record, value_ad, state_ad):
            eta = interior(state.eta)
            interior(state_ad.eta)[...] += value_ad * self.share * 2 * eta / eta.size

`value` must take complex states as well (no `abs`, `max` or `float`), so that `adjoint.gradient_check.loss_error` can
check the pair. Losses add up and scale: `BoxMean(...) + 0.1 * Enstrophy(...)`.

Places are given in the coordinates of the grid (degrees or m; longitudes may differ by 360) and in height z [m],
negative below the surface. Layers are the moving ones.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from adjoint.operators.layers import stretch_ad, transports_ad
from ogcm.constants import HEAT_CAPACITY, RHO0
from ogcm.errors import InputError
from ogcm.fields import FIELDS
from ogcm.grid import interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.operators.layers import stretch, transports
from ogcm.parameters import nearest
from ogcm.simulation import DAY, Simulation
from ogcm.state import PROGNOSTIC, State

Array = np.ndarray
Range = tuple[float, float]


class Loss:
    """The sum over the days on which it looks of `value(state, record)`; `share` is 1/records, for means over them."""

    def __init__(self, model: Model, *, days: float | Sequence[float] | None = None) -> None:
        """`days` [d] from the beginning of the run on which the loss looks at the state; None: at its end."""
        self.model = model
        self.days = None if days is None else tuple(np.atleast_1d(np.asarray(days, float)))
        self.share = 1.0 if days is None else 1.0 / len(self.days)

    def value(self, state: State, record: object) -> float:
        """What the state of the day number `record` adds to the loss."""
        raise NotImplementedError

    def adjoint(self, state: State, record: object, value_ad: float, state_ad: State) -> None:
        """Add value_ad times the derivative of `value` by the state to the interior of `state_ad`."""
        raise NotImplementedError

    def records(self, simulation: Simulation) -> dict[int, list]:
        """Which records belong to which step of the run, the nearest.

        Raises InputError for a day outside the run, or another model's grid.
        """
        if simulation.model.grid is not self.model.grid:
            raise InputError(f"{type(self).__name__}: was made for another model than the simulation's")
        if self.days is None:
            return {simulation.steps: [0]}
        dt, found = simulation.model.numerics.dt, {}
        for record, day in enumerate(self.days):
            n = day * DAY / dt
            if not -0.5 <= n <= simulation.steps + 0.5:
                last = simulation.steps * dt / DAY
                raise InputError(f"days: {type(self).__name__} looks at day {day:g}, the run is from 0 to {last:g}")
            found.setdefault(round(n), []).append(record)
        return found

    def every_record(self) -> list:
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

    def value(self, state: State, record: object) -> float:
        m, inner = record
        return self.terms[m][0] * self.terms[m][1].value(state, inner)

    def adjoint(self, state: State, record: object, value_ad: float, state_ad: State) -> None:
        m, inner = record
        self.terms[m][1].adjoint(state, inner, self.terms[m][0] * value_ad, state_ad)

    def records(self, simulation: Simulation) -> dict[int, list]:
        found = {}
        for m, (_, loss) in enumerate(self.terms):
            for n, inner in loss.records(simulation).items():
                found.setdefault(n, []).extend((m, record) for record in inner)
        return found

    def every_record(self) -> list:
        return [(m, record) for m, (_, loss) in enumerate(self.terms) for record in loss.every_record()]


# Places


def within(values: Array, wanted: Range | None, degrees: bool) -> Array:
    """Which coordinates lie in the range; of longitudes, after turns of 360 degrees."""
    if wanted is None:
        return np.ones(len(values), bool)
    middle, half = 0.5 * (wanted[0] + wanted[1]), 0.5 * abs(wanted[1] - wanted[0])
    distance = values - middle
    if degrees:
        distance = (distance + 180) % 360 - 180
    return np.abs(distance) <= half


def box(model: Model, point: str, x: Range | None, y: Range | None, z: Range | None) -> Array:
    """1.0 at the wet points (nk, ny, nx) of the kind `point` ("t", "u", "v", "f") in the ranges, else 0.

    Raises InputError where there is none.
    """
    h, degrees = model.horizontal, model.horizontal.units == "degrees"
    columns = within(h.x_f if point in "uf" else h.x_t, x, degrees)
    rows = within(h.y_f if point in "vf" else h.y_t, y, False)
    layers = within(np.asarray(0.5 * model.dz - np.cumsum(model.dz)), z, False)
    chosen = layers[:, None, None] & rows[:, None] & columns & (interior(getattr(model.grid, f"mask_{point}")) > 0)
    if not chosen.any():
        raise InputError(f"x, y, z: no water at x = {x}, y = {y}, z = {z}; give ranges that hold a wet cell")
    return chosen.astype(float)


def field_point(model: Model, field: str) -> str:
    """The kind of point of a prognostic field. Raises InputError for any other, or for a tracer where there is none."""
    known = PROGNOSTIC if model.numerics.has_tracers else PROGNOSTIC[:3]
    if field not in known:
        raise InputError(f"field: unknown {field!r}: {nearest(field, known)}")
    return FIELDS[field].point.lower()


def resting_volume(model: Model, field: str, where: Array) -> Array:
    """Volume of the resting cells [m3] (of the surface: area [m2]) around the chosen points of `field`."""
    grid, point = model.grid, field_point(model, field)
    area = interior(getattr(grid, f"area_{point}"))
    return where[0] * area if field == "eta" else where * area * interior(getattr(grid, f"h_{point}"))


# Losses


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
        days: float | Sequence[float] | None = None,
    ) -> None:
        """Raises InputError for an unknown field, or a box without water."""
        super().__init__(model, days=days)
        self.field = field
        weight = resting_volume(
            model, field, box(model, field_point(model, field), x, y, None if field == "eta" else z)
        )
        self.weight = weight / weight.sum()

    def value(self, state: State, record: object) -> float:
        return self.share * (self.weight * interior(getattr(state, self.field))).sum()

    def adjoint(self, state: State, record: object, value_ad: float, state_ad: State) -> None:
        interior(getattr(state_ad, self.field))[...] += value_ad * self.share * self.weight


class MeanSquare(Loss):
    """Mean over space and the days of (field - data)^2, weighted as in BoxMean."""

    def __init__(
        self, model: Model, field: str, data: Array, *, days: float | Sequence[float] | None = None, **where: Range
    ) -> None:
        """`data`: one record (nk, ny, nx), for eta (ny, nx), or one for each day; `where`: x, y, z as for BoxMean.

        Raises InputError for data of another shape or not finite over water.
        """
        super().__init__(model, days=days)
        self.field = field
        point, ranges = field_point(model, field), {"x": None, "y": None, "z": None} | where
        self.weight = resting_volume(model, field, box(model, point, **ranges))
        self.weight /= self.weight.sum()
        count, data = 1 if self.days is None else len(self.days), np.asarray(data, float)
        if data.shape not in (self.weight.shape, (count, *self.weight.shape)):
            raise InputError(f"data: {field} has the shape {self.weight.shape}, {count} records; got {data.shape}")
        self.data = np.broadcast_to(data, (count, *self.weight.shape))
        wrong = np.argwhere(~np.isfinite(self.data) & (self.weight > 0))
        if len(wrong):
            raise InputError(
                f"data: {field} is not finite over water at {tuple(map(int, wrong[0]))}; leave it out or fill it"
            )
        self.data = np.where(self.weight > 0, self.data, 0)

    def misfit(self, state: State, record: int) -> Array:
        return interior(getattr(state, self.field)) - self.data[record]

    def value(self, state: State, record: int) -> float:
        return self.share * (self.weight * self.misfit(state, record) ** 2).sum()

    def adjoint(self, state: State, record: int, value_ad: float, state_ad: State) -> None:
        slope = 2 * self.share * self.weight * self.misfit(state, record)
        interior(getattr(state_ad, self.field))[...] += value_ad * slope


class Observations(Loss):
    """Half the sum of ((H field - values)/errors)^2 over observations at points: the observation term of 4D-Var.

    H interpolates bilinearly between the four columns around, linearly in depth, from wet points alone.
    """

    def __init__(
        self, model: Model, field: str, *, x: Array, y: Array, days: Array, values: Array, errors: float | Array,
        z: float | Array = 0.0,
    ) -> None:  # fmt: skip
        """One x, y, z [m], day, value and standard error [units of the field] for each observation.

        Raises InputError for an observation on land, below the sea floor or outside the grid, values that are not
        finite and errors that are not positive; `records` for one outside the run.
        """
        x, y, z, day, values, errors = (
            np.atleast_1d(a).astype(float) for a in np.broadcast_arrays(x, y, z, days, values, errors)
        )
        for name, a, good in (("values", values, np.isfinite(values)), ("errors", errors, errors > 0)):
            if not good.all():
                n = int(np.argmin(good))
                raise InputError(f"{name}: that of observation {n} is {a[n]:g}; leave it out or correct it")
        self.when, which = np.unique(day, return_inverse=True)
        super().__init__(model, days=self.when)
        self.field, self.values, self.errors, self.which = field, values, errors, which
        self.H = interpolation(model, field, x, y, z)

    def misfit(self, state: State, record: int) -> tuple[Array, Array]:
        """(H field - value)/error of the record's observations, and the rows of H that are theirs."""
        rows = np.flatnonzero(self.which == record)
        seen = self.H[rows] @ interior(getattr(state, self.field)).ravel()
        return (seen - self.values[rows]) / self.errors[rows], rows

    def value(self, state: State, record: int) -> float:
        return 0.5 * (self.misfit(state, record)[0] ** 2).sum()

    def adjoint(self, state: State, record: int, value_ad: float, state_ad: State) -> None:
        misfit, rows = self.misfit(state, record)
        field_ad = interior(getattr(state_ad, self.field))
        field_ad += (self.H[rows].T @ (value_ad * misfit / self.errors[rows])).reshape(field_ad.shape)

    def observe(self, state: State) -> Array:
        """H field: what all observations would see in this state."""
        return self.H @ interior(getattr(state, self.field)).ravel()


def neighbours(coordinates: Array, at: float, period: float) -> list[tuple[int, float]]:
    """The two points around `at` and their weights; the last alone beyond the end of a closed side."""
    n = len(coordinates)
    if period:
        at = (at - coordinates[0]) % period + coordinates[0]
    after = int(np.searchsorted(coordinates, at, side="right"))
    before = after - 1
    if not period and not 0 < after < n:
        return [(min(max(before, 0), n - 1), 1.0)]
    end = coordinates[after] if after < n else coordinates[0] + period
    weight = (at - coordinates[before]) / (end - coordinates[before])
    return [(before, 1 - weight), (after % n, weight)]


def interpolation(model: Model, field: str, x: Array, y: Array, z: Array) -> sparse.csr_matrix:
    """H (observations, points of the interior): weights of the wet points around each place, which sum to one."""
    h, point = model.horizontal, field_point(model, field)
    wet = interior(getattr(model.grid, f"mask_{point}")) > 0
    wet = wet[:1] if field == "eta" else wet
    columns, rows = h.x_f if point == "u" else h.x_t, h.y_f if point == "v" else h.y_t
    periods = [360.0 if h.units == "degrees" and h.periodic_x else 0.0, 0.0]
    if h.units == "m":
        periods = [h.dx_t[0].sum() * h.periodic_x, h.dy_t[:, 0].sum() * h.periodic_y]
    ends = {
        "x": (2 * h.x_t[0] - h.x_f[0], h.x_f[-1], periods[0]),
        "y": (2 * h.y_t[0] - h.y_f[0], h.y_f[-1], periods[1]),
        "z": (-float(np.sum(model.dz)), 0.0, 0.0),
    }
    heights = 0.5 * model.dz - np.cumsum(model.dz)
    entries = []
    for n, place in enumerate(zip(x, y, z, strict=True)):
        for (name, (low, high, period)), at in zip(ends.items(), place, strict=True):
            if not period and not low <= at <= high:
                raise InputError(f"{name}: {at:g} of observation {n} lies outside the grid, {low:g} to {high:g}")
        x_n, y_n, z_n = place
        in_x, in_y = neighbours(columns, x_n, periods[0]), neighbours(rows, y_n, periods[1])
        in_z = [(0, 1.0)] if field == "eta" else neighbours(-heights, -z_n, 0.0)
        around = [(k, j, i, a * b * c) for k, a in in_z for j, b in in_y for i, c in in_x if wet[k, j, i]]
        total = sum(weight for *_, weight in around)
        if not total > 0.25:
            raise InputError(f"x, y, z: observation {n} at ({x_n:g}, {y_n:g}, {z_n:g}) lies on land; leave it out")
        entries += [(n, np.ravel_multi_index((k, j, i), wet.shape), weight / total) for k, j, i, weight in around]
    row, column, weight = zip(*entries, strict=True)
    return sparse.csr_matrix((weight, (row, column)), shape=(len(x), wet.size))


class HeatContent(Loss):
    """Heat in a box of the moving layers relative to 0 degC [J], mean over the days."""

    def __init__(
        self,
        model: Model,
        *,
        x: Range | None = None,
        y: Range | None = None,
        z: Range | None = None,
        days: float | Sequence[float] | None = None,
    ) -> None:
        """Raises InputError for a box without water, or a model without tracers."""
        super().__init__(model, days=days)
        where, grid = box(model, field_point(model, "T"), x, y, z), model.grid
        self.weight = RHO0 * HEAT_CAPACITY * where * interior(grid.area_t) * interior(grid.h_t)
        self.slope = float(grid.nonlinear) / interior(grid.depth_t)  # of the stretching by eta

    def value(self, state: State, record: object) -> float:
        s = 1 + self.slope * interior(state.eta)
        return self.share * (self.weight * s * interior(state.T)).sum()

    def adjoint(self, state: State, record: object, value_ad: float, state_ad: State) -> None:
        s = 1 + self.slope * interior(state.eta)
        interior(state_ad.T)[...] += value_ad * self.share * self.weight * s
        interior(state_ad.eta)[...] += value_ad * self.share * self.slope * (self.weight * interior(state.T)).sum(0)


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
        days: float | Sequence[float] | None = None,
    ) -> None:
        """Raises InputError unless exactly one of x, y is a number, and for a section without water."""
        super().__init__(model, days=days)
        numbers = [np.ndim(a) == 0 and a is not None for a in (x, y)]
        if sum(numbers) != 1:
            raise InputError("x, y: give one as a number and the other as a range (from, to), or leave the other out")
        h = model.horizontal
        point, faces, at = ("u", h.x_f, x) if numbers[0] else ("v", h.y_f, y)
        distance = faces - at
        if point == "u" and h.units == "degrees":
            distance = (distance + 180) % 360 - 180
        line = int(np.abs(distance).argmin())
        across = np.zeros(h.shape)
        across[(slice(None), line) if point == "u" else line] = 1
        ranges = {"x": None, "y": y} if point == "u" else {"x": x, "y": None}
        weight = box(model, point, **ranges, z=z) * across
        if not weight.any():
            raise InputError(f"x, y, z: the section x = {x}, y = {y}, z = {z} holds no water")
        self.weights = {p: np.zeros(model.grid.h_t.shape) for p in "uv"}
        interior(self.weights[point])[...] = weight

    def layers(self, state: State) -> list[Array]:
        """Thickness of the moving layers at T, U, V, F relative to the resting ones."""
        s = [np.ones_like(state.eta) for _ in range(4)]
        stretch(state.eta, self.model.grid, *s)
        return s

    def value(self, state: State, record: object) -> float:
        grid, (_, s_u, s_v, _) = self.model.grid, self.layers(state)
        U, V = np.zeros_like(state.u), np.zeros_like(state.v)
        transports(state.u, state.v, s_u, s_v, grid, U, V)
        return self.share * (interior(self.weights["u"] * U).sum() + interior(self.weights["v"] * V).sum())

    def adjoint(self, state: State, record: object, value_ad: float, state_ad: State) -> None:
        grid, (_, s_u, s_v, _) = self.model.grid, self.layers(state)
        flow_ad = [(value_ad * self.share * self.weights[p]).astype(state.u.dtype) for p in "uv"]
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
        days: float | Sequence[float] | None = None,
    ) -> None:
        """Raises InputError for a section without water."""
        super().__init__(model, x=x, y=y, z=(z, 0.0), days=days)


class Enstrophy(Loss):
    """Half the squared relative vorticity over the resting water [m3 s-2], mean over the days.

    zeta = [d_i(v dy) - d_j(u dx)]/area_f at F, 0 on free-slip walls, twice the shear on no-slip ones.
    """

    def __init__(self, model: Model, *, days: float | Sequence[float] | None = None) -> None:
        super().__init__(model, days=days)
        g = model.grid
        self.turn = g.mask_f * g.r_area_f  # of the circulation to zeta
        self.weight = np.zeros(g.h_t.shape)
        interior(self.weight)[...] = interior(g.area_f * g.h_f)

    def vorticity(self, state: State) -> Array:
        u_dx, v_dy = state.u * self.model.grid.dx_u, state.v * self.model.grid.dy_v
        return self.turn * (np.roll(v_dy, -1, -1) - v_dy - np.roll(u_dx, -1, -2) + u_dx)

    def value(self, state: State, record: object) -> float:
        return 0.5 * self.share * (self.weight * self.vorticity(state) ** 2).sum()

    def adjoint(self, state: State, record: object, value_ad: float, state_ad: State) -> None:
        g = self.model.grid
        turned = value_ad * self.share * self.turn * self.weight * self.vorticity(state)
        exchange(g, turned)
        state_ad.v += g.dy_v * (np.roll(turned, 1, -1) - turned)
        state_ad.u += g.dx_u * (turned - np.roll(turned, 1, -2))
