"""Losses to train with: what a run forecasts, at which scales it moves, and what it must conserve.

    Forecast(model, targets, days=days, scales=scales) + 0.1 * Spectrum(model, targets, days=days)
        + 0.01 * Conservation(model, start, scales={"T": 0.1, "S": 0.01}, days=days)

Each is a `Loss` of `adjoint.losses`, with an adjoint of its own, and is a pure number.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from adjoint.loss import Loss, Sum
from adjoint.losses import HeatContent, MeanSquare
from ogcm.errors import InputError, suggestion
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.regions import field_volume
from ogcm.state import State

Array = np.ndarray
Scales = Mapping[str, float | Array]


def scale_of(model: Model, field: str, scales: Scales) -> Array:
    """The scale of `field` in its layers (layers, 1, 1), from one number or one for each layer.

    Raises InputError where it is missing, of another shape or not positive.
    """
    if field not in scales:
        raise InputError(f"scales: {field} has none; give its standard deviation, one number or one for each layer")
    layers, scale = 1 if field == "eta" else len(model.dz), np.asarray(scales[field], float)
    if scale.shape not in ((), (layers,)):
        raise InputError(f"scales: {field} needs one number or one for each of {layers} layers, got {scale.shape}")
    scale = np.broadcast_to(scale, (layers,))
    wrong = np.flatnonzero(~(np.isfinite(scale) & (scale > 0)))
    if len(wrong):
        raise InputError(
            f"scales: that of {field} is {scale[wrong[0]]:g} in layer {wrong[0]}; it must be positive, "
            "so leave out a field that does not vary"
        )
    return scale[:, None, None]


class Forecast(Sum):
    """The normalised mean square error: the mean over the days and fields of that of (field - target)/scale.

    Over space weighted with the volume of the resting cells (area for eta). With the standard deviation of the data as
    the scale, climatology has the loss 1, and a forecast as variable as the data that knows nothing 2.
    """

    def __init__(
        self,
        model: Model,
        targets: Mapping[str, Array],
        *,
        days: float | Sequence[float] | Array,
        scales: Scales,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """`targets`: for each field what it should be on the `days`, (days, nk, ny, nx), eta (days, ny, nx).

        `scales`: for each of them a number or (nk,), in its units; `weights` of the fields in their mean, default
        equal. Raises InputError for unknown fields, other shapes, targets that are not finite over water, scales that
        are not positive, and weights that miss a field, are negative or all 0.
        """
        weights = dict.fromkeys(targets, 1.0) if weights is None else weights
        for name in targets:
            if not weights.get(name, -1) >= 0:
                raise InputError(f"weights: {name} has {weights.get(name)}; give each field a number of at least 0")
        total = sum(weights[name] for name in targets)
        if not total > 0:
            raise InputError("targets, weights: at least one field needs a target and a weight above 0")
        terms = []
        for name, target in targets.items():
            term = MeanSquare(model, name, target, days=days)
            term.weight = (term.weight / scale_of(model, name, scales) ** 2).reshape(term.weight.shape)
            terms.append((weights[name] / total, term))
        super().__init__(terms)


def fourier_matrix(nx: int, periodic: bool) -> Array:
    """The real Fourier transform along x as a matrix (2 M, nx): cosines, then sines, of the wavenumbers 1 to M = nx//2.

    Scaled so that the squares of both sum over the wavenumbers to the variance along the row (Parseval). A row that is
    not periodic is first freed of its mean and tapered with a Hann window of mean square 1 (Harris 1978,
    doi 10.1109/PROC.1978.10837), which makes Parseval hold for the tapered row.
    """
    m, i = np.arange(1, nx // 2 + 1)[:, None], np.arange(nx)
    angle = 2 * np.pi * (m * i % nx) / nx
    size = np.where(2 * m == nx, 1.0, np.sqrt(2.0)) / nx
    matrix = np.concatenate([size * np.cos(angle), size * np.sin(angle)])
    if not periodic:
        taper = np.sin(np.pi * (i + 0.5) / nx) ** 2
        matrix *= taper / np.sqrt(np.mean(taper**2))
        matrix -= matrix.mean(axis=1, keepdims=True)  # of a row without its mean: A (u - mean u)
    return matrix


class EnergySpectrum:
    """Kinetic energy by wavenumber along x, mean over the water: E(m) [m2 s-2] for m = 1 to M = nx//2 waves in a row.

    E = 1/2 sum over layers and rows of (volume of the row/that of all) (|u_m|^2 + |v_m|^2), u and v at their own
    points; their land counts as water at rest. In a periodic ocean without land the sum of E is the mean kinetic
    energy [m2 s-2] of what differs from the mean of its row.
    """

    def __init__(self, model: Model) -> None:
        nx = model.horizontal.shape[1]
        self.matrix = fourier_matrix(nx, model.horizontal.periodic_x)
        self.rows = {name: field_volume(model, name).sum(axis=-1) for name in ("u", "v")}
        self.rows = {name: rows[..., None] / rows.sum() for name, rows in self.rows.items()}
        length = interior(model.grid.dx_t).sum(axis=1).mean()
        self.wavelength = length / np.arange(1, nx // 2 + 1)  # [m] in a row of mean length

    def __call__(self, u: Array, v: Array) -> Array:
        """E (M,) of the interiors u, v (nk, ny, nx) [m s-1], 0 on land."""
        squares = sum((self.rows[name] * (a @ self.matrix.T) ** 2).sum(axis=(0, 1)) for name, a in (("u", u), ("v", v)))
        return 0.5 * squares.reshape(2, -1).sum(axis=0)

    def adjoint(self, u: Array, v: Array, E_ad: Array, u_ad: Array, v_ad: Array) -> None:
        """Add E_ad (M,) times the derivative of E to `u_ad`, `v_ad`."""
        for name, a, a_ad in (("u", u, u_ad), ("v", v, v_ad)):
            a_ad += (self.rows[name] * np.tile(E_ad, 2) * (a @ self.matrix.T)) @ self.matrix


class Spectrum(Loss):
    """Mean over the days and wavenumbers of (ln E - ln E_target)^2, E the `EnergySpectrum`.

    The logarithm counts the small eddies, which hold little energy, as much as the large ones: what a mean square
    error smooths away shows here. Below `floor` times the energy of the target E counts little, so that the loss is
    finite: the logarithm is that of E + floor sum(E_target).
    """

    def __init__(
        self, model: Model, targets: Mapping[str, Array], *, days: float | Sequence[float] | Array, floor: float = 1e-6
    ) -> None:
        """`targets`: "u" and "v" on the `days` (days, nk, ny, nx) [m s-1]; other fields are not looked at.

        Raises InputError where u or v is missing, of another shape, not finite over water, or both are at rest, and
        for a floor that is not positive.
        """
        super().__init__(model, days=days)
        missing = [name for name in ("u", "v") if name not in targets]
        if missing:
            raise InputError(f"targets: {missing[0]} is missing; the spectrum of the kinetic energy needs u and v")
        if not floor > 0:
            raise InputError(f"floor: must be positive, got {floor}")
        u, v = (MeanSquare(model, name, targets[name], days=days).data for name in ("u", "v"))
        self.spectrum = EnergySpectrum(model)
        E = np.array([self.spectrum(*now) for now in zip(u, v, strict=True)])
        self.floor = floor * E.sum(axis=1, keepdims=True)
        if not (self.floor > 0).all():
            raise InputError(f"targets: u and v do not vary along x in record {int(self.floor.argmin())}")
        self.target = np.log(E + self.floor)

    def log_difference(self, state: State, record: int) -> tuple[Array, Array]:
        """E + floor, and how far its logarithm is from the target's (M,)."""
        E = self.spectrum(interior(state.u), interior(state.v)) + self.floor[record]
        return E, np.log(E) - self.target[record]

    def value(self, state: State, record: int) -> float:
        return self.record_weight * (self.log_difference(state, record)[1] ** 2).mean()

    def adjoint(self, state: State, record: int, value_ad: float, state_ad: State) -> None:
        E, distance = self.log_difference(state, record)
        E_ad = value_ad * self.record_weight * 2 * distance / (E * len(E))
        u_ad, v_ad = interior(state_ad.u), interior(state_ad.v)
        self.spectrum.adjoint(interior(state.u), interior(state.v), E_ad, u_ad, v_ad)


class Conservation(Loss):
    """Mean over the days of the sum over tracers of (change of content/scale)^2.

    Contents are those of the moving layers h = h0 (1 + eta/H), divided by the resting volume: changes are in degC and
    g kg-1. What the surface fluxes bring is a change as well.
    """

    def __init__(
        self,
        model: Model,
        initial: State,
        *,
        scales: Mapping[str, float],
        days: float | Sequence[float] | Array | None = None,
    ) -> None:
        """`initial`: the state whose contents should stay; `scales`: of "T" [degC], "S" [g kg-1] or both.

        Raises InputError for other fields, a model without tracers, and scales that are not positive.
        """
        super().__init__(model, days=days)
        heat = HeatContent(model)
        self.weight, self.slope = heat.weight / heat.weight.sum(), heat.slope
        for name, scale in scales.items():
            if name not in ("T", "S"):
                raise InputError(f"scales: {name!r} has no content: {suggestion(name, ('T', 'S'))}")
            if not scale > 0:
                raise InputError(f"scales: that of {name} is {scale}; it must be positive")
        self.scales = dict(scales)
        self.initial = {name: self.content(initial, name) for name in ("T", "S")}

    def content(self, state: State, field: str) -> Array:
        """What each cell holds, per resting volume of all."""
        return self.weight * (1 + self.slope * interior(state.eta)) * interior(getattr(state, field))

    def change(self, state: State, field: str) -> float:
        """Change of the content of "T" or "S" per resting volume [degC or g kg-1]."""
        return (self.content(state, field) - self.initial[field]).sum()  # cell by cell: less round-off

    def value(self, state: State, record: object) -> float:
        return self.record_weight * sum((self.change(state, name) / scale) ** 2 for name, scale in self.scales.items())

    def adjoint(self, state: State, record: object, value_ad: float, state_ad: State) -> None:
        stretching = 1 + self.slope * interior(state.eta)
        for name, scale in self.scales.items():
            field = interior(getattr(state, name))
            change_ad = value_ad * self.record_weight * 2 * self.change(state, name) / scale**2
            interior(getattr(state_ad, name))[...] += change_ad * self.weight * stretching
            interior(state_ad.eta)[...] += change_ad * self.slope * (self.weight * field).sum(axis=0)
