"""Losses of a training: the error of a forecast, its spectrum, and the conservation of heat and salt.

    Forecast(model, targets, days=days, scales=scales) + 0.1 * Spectrum(model, targets, days=days)
        + 0.01 * Conservation(model, start, scales={"T": 0.1, "S": 0.01}, days=days)

Each is an `adjoint.Loss` with an adjoint of its own, and has no unit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adjoint.loss import Loss, Sum
from adjoint.losses import HeatContent, MeanSquare
from ogcm.errors import InputError, suggestion
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.regions import field_volume
from ogcm.state import State

__all__ = ["Conservation", "EnergySpectrum", "Forecast", "Spectrum"]
Array = np.ndarray
Scales = Mapping[str, float | Array]


def scale_of(model: Model, field: str, scales: Scales) -> Array:
    """Return the scale of `field` in its layers (layers, 1, 1), from one number or one for each layer.

    Raises InputError where it is missing, of another shape or not positive.
    """
    if field not in scales:
        raise InputError(f"scales: none is given for {field}; give its standard deviation, or one for each layer")
    layers, scale = 1 if field == "eta" else len(model.dz), np.asarray(scales[field], float)
    if scale.shape not in ((), (layers,)):
        raise InputError(f"scales: {field} needs one number or one for each of {layers} layers, got {scale.shape}")
    scale = np.broadcast_to(scale, (layers,))
    wrong = np.flatnonzero(~(np.isfinite(scale) & (scale > 0)))
    if len(wrong):
        raise InputError(
            f"scales: the scale of {field} is {scale[wrong[0]]:g} in layer {wrong[0]}; it must be positive, "
            "so leave out a field that does not vary"
        )
    return scale[:, None, None]


class Forecast(Sum):
    """Normalised mean square error: the mean over the days and fields of that of (field - target)/scale.

    The mean over space is weighted with the volume of the resting cells (area for eta). With the standard deviation of
    the data as the scale, climatology has the loss 1, and an unrelated forecast that is as variable as the data the
    loss 2.

    Parameters
    ----------
    model : Model
        The model of the run.
    targets : mapping of str to ndarray, shape (days, nk, ny, nx)
        The true fields on the days; eta (days, ny, nx).
    days : float or sequence of float
        Days from the beginning of the run.
    scales : mapping of str to float or ndarray, shape (nk,)
        The scale of each field in its units.
    weights : mapping of str to float, optional
        Weights of the fields in their mean; by default equal.

    Raises
    ------
    InputError
        For unknown fields, other shapes, targets that are not finite over water, scales that are not positive, and
        weights that lack a field, are negative or all 0.
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


def hann(nx: int) -> Array:
    """Return a Hann window (nx,) of mean square 1 (Harris 1978, doi 10.1109/PROC.1978.10837)."""
    taper = np.sin(np.pi * (np.arange(nx) + 0.5) / nx) ** 2
    return taper / np.sqrt(np.mean(taper**2))


def wave_sizes(nx: int) -> Array:
    """Return the factors (nx//2,) with which the squares of `fourier` add up to the variance of a row (Parseval)."""
    m = np.arange(1, nx // 2 + 1)
    return np.where(2 * m == nx, 1.0, np.sqrt(2.0)) / nx


def fourier(a: Array, periodic: bool) -> Array:
    """Return the real Fourier transform of rows: cosines and sines of the wavenumbers 1 to M = nx//2.

    Parameters
    ----------
    a : ndarray, shape (..., nx)
        The rows; real or complex.
    periodic : bool
        False for rows from which the mean is subtracted and which are then tapered with `hann`.

    Returns
    -------
    ndarray, shape (..., 2, M)
        The coefficients. The sum of their squares is the variance of the row, of the tapered one if it is not periodic.
    """
    if np.iscomplexobj(a):
        return fourier(a.real, periodic) + 1j * fourier(a.imag, periodic)
    nx, a = a.shape[-1], a.astype(float)
    if not periodic:
        a = hann(nx) * (a - a.mean(axis=-1, keepdims=True))
    waves = wave_sizes(nx) * np.fft.rfft(a)[..., 1:]
    return np.stack([waves.real, -waves.imag], axis=-2)


def fourier_ad(waves_ad: Array, nx: int, periodic: bool) -> Array:
    """Return the adjoint (..., nx) of the rows of `fourier` from that of its result (..., 2, M)."""
    m = np.arange(1, nx // 2 + 1)
    sizes = wave_sizes(nx) * np.where(2 * m == nx, nx, nx / 2)  # irfft counts each wave but the shortest twice
    waves = sizes * (waves_ad[..., 0, :] - 1j * waves_ad[..., 1, :])
    constant = np.zeros((*waves.shape[:-1], 1))
    a_ad = np.fft.irfft(np.concatenate([constant, waves], axis=-1), nx)
    if not periodic:
        a_ad = hann(nx) * a_ad
        a_ad = a_ad - a_ad.mean(axis=-1, keepdims=True)
    return a_ad


class EnergySpectrum:
    """Kinetic energy by wavenumber along x, mean over the water: E(m) [m2 s-2] for m = 1 to M = nx//2 waves in a row.

    E = 1/2 sum over layers and rows of (volume of the row/volume of all) (|u_m|^2 + |v_m|^2), with u and v at their own
    points; land counts as water at rest. In a periodic ocean without land the sum of E is the mean kinetic energy [m2
    s-2] of the deviations from the means of the rows.

    Parameters
    ----------
    model : Model
        The model. Of an ocean that is divided into tiles, each process transforms whole rows (`Tile.whole_rows`).

    Attributes
    ----------
    wavelength : ndarray, shape (M,)
        Wavelengths [m] in a row of mean length.
    """

    def __init__(self, model: Model) -> None:
        self.tile, self.periodic = model.grid.tile, model.horizontal.undivided.periodic_x
        self.counts = self.tile.place[1] == 0  # of the tiles with the same rows one adds them up
        rows = {n: self.tile.whole_rows(field_volume(model, n)).sum(axis=-1) for n in ("u", "v")}
        self.rows = {name: a[..., None] / self.sum(a[None])[0] for name, a in rows.items()}
        nx = self.tile.shape[1]
        lengths = self.tile.whole_rows(interior(model.grid.dx_t).astype(float)).sum(axis=1)
        length = self.sum(lengths[None])[0] / self.tile.shape[0]
        self.wavelength = length / np.arange(1, nx // 2 + 1)  # [m] in a row of mean length

    def sum(self, a: Array) -> Array:
        """Return the sums (n,) of values at the layers and rows of the whole ocean.

        Parameters
        ----------
        a : ndarray, shape (n, ...)
            Real or complex values at those of the tile.

        Returns
        -------
        ndarray, shape (n,)
            The sums.
        """
        if np.iscomplexobj(a):
            return self.sum(a.real) + 1j * self.sum(a.imag)
        return self.tile.totals(a if self.counts else a[:, :0])

    def waves(self, a: Array) -> Array:
        """Return the Fourier transform of the whole rows in which the tile lies.

        Parameters
        ----------
        a : ndarray, shape (nk, ny, nx)
            A component of the velocity in the tile [m s-1].

        Returns
        -------
        ndarray, shape (nk, ny, 2, M)
            The transform (`fourier`).
        """
        return fourier(self.tile.whole_rows(a), self.periodic)

    def __call__(self, u: Array, v: Array) -> Array:
        """Return E (M,) of the interiors u, v (nk, ny, nx) [m s-1], which are 0 on land."""
        squares: Any = sum(self.rows[name] * (self.waves(a) ** 2).sum(axis=-2) for name, a in (("u", u), ("v", v)))
        return 0.5 * self.sum(np.moveaxis(squares, -1, 0))

    def adjoint(self, u: Array, v: Array, E_ad: Array, u_ad: Array, v_ad: Array) -> None:
        """Add the adjoint of the spectrum.

        Parameters
        ----------
        u, v : ndarray, shape (nk, ny, nx)
            Velocity [m s-1], 0 on land.
        E_ad : ndarray, shape (M,)
            Adjoint of E.
        u_ad, v_ad : ndarray, shape (nk, ny, nx)
            Receive the adjoint of u and v.
        """
        for name, a, a_ad in (("u", u, u_ad), ("v", v, v_ad)):
            waves_ad = self.rows[name][..., None] * E_ad * self.waves(a)
            a_ad += fourier_ad(waves_ad, self.tile.shape[1], self.periodic)[..., self.tile.columns]


class Spectrum(Loss):
    """Mean over the days and wavenumbers of (ln E - ln E_target)^2, with E the `EnergySpectrum`.

    The logarithm gives small eddies, which have little energy, the same weight as large ones: it shows what a mean
    square error smooths away. E below `floor` times the energy of the target has little weight, since the logarithm is
    that of E + floor sum(E_target); the loss is therefore finite.

    Parameters
    ----------
    model : Model
        The model of the run.
    targets : mapping of str to ndarray, shape (days, nk, ny, nx)
        The true "u" and "v" on the days [m s-1]; other fields are ignored.
    days : float or sequence of float
        Days from the beginning of the run.
    floor : float, default 1e-6
        The floor.

    Raises
    ------
    InputError
        Where u or v is missing, of another shape, not finite over water, or both are at rest, and for a floor that is
        not positive.
    """

    def __init__(
        self, model: Model, targets: Mapping[str, Array], *, days: float | Sequence[float] | Array, floor: float = 1e-6
    ) -> None:
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
        """Return the spectrum and the difference of its logarithm from that of the target.

        Parameters
        ----------
        state : State
            The state.
        record : int
            Number of the day.

        Returns
        -------
        E : ndarray, shape (M,)
            E + floor.
        difference : ndarray, shape (M,)
            The difference of the logarithms.
        """
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
    g kg-1. Changes by surface fluxes count as well.

    Parameters
    ----------
    model : Model
        The model of the run, which has tracers.
    initial : State
        The state whose contents should be conserved.
    scales : mapping of str to float
        Scales of "T" [degC], "S" [g kg-1] or both.
    days : float or sequence of float, optional
        Days from the beginning of the run; by default its end.

    Raises
    ------
    InputError
        For other fields, a model without tracers, and scales that are not positive.
    """

    def __init__(
        self,
        model: Model,
        initial: State,
        *,
        scales: Mapping[str, float],
        days: float | Sequence[float] | Array | None = None,
    ) -> None:
        super().__init__(model, days=days)
        heat = HeatContent(model)
        self.weight, self.slope = heat.weight / self.total(heat.weight), heat.slope
        for name, scale in scales.items():
            if name not in model.tracers:
                raise InputError(f"scales: {name!r} has no content: {suggestion(name, model.tracers)}")
            if not scale > 0:
                raise InputError(f"scales: the scale of {name} is {scale}; it must be positive")
        self.scales = dict(scales)
        self.initial = {name: self.content(initial, name) for name in model.tracers}

    def content(self, state: State, field: str) -> Array:
        """Return the content of each cell per resting volume of the ocean.

        Parameters
        ----------
        state : State
            The state.
        field : str
            The tracer.

        Returns
        -------
        ndarray, shape (nk, ny, nx)
            The content.
        """
        return self.weight * (1 + self.slope * interior(state.eta)) * interior(getattr(state, field))

    def change(self, state: State, field: str) -> float:
        """Return the change of a content since the initial state.

        Parameters
        ----------
        state : State
            The state.
        field : str
            The tracer.

        Returns
        -------
        float
            The change per resting volume [units of the tracer].
        """
        return self.total(self.content(state, field) - self.initial[field])  # cell by cell: less round-off

    def value(self, state: State, record: object) -> float:
        return self.record_weight * sum((self.change(state, name) / scale) ** 2 for name, scale in self.scales.items())

    def adjoint(self, state: State, record: object, value_ad: float, state_ad: State) -> None:
        stretching = 1 + self.slope * interior(state.eta)
        for name, scale in self.scales.items():
            field = interior(getattr(state, name))
            change_ad = value_ad * self.record_weight * 2 * self.change(state, name) / scale**2
            interior(getattr(state_ad, name))[...] += change_ad * self.weight * stretching
            interior(state_ad.eta)[...] += change_ad * self.slope * (self.weight * field).sum(axis=0)
