"""Controls that are estimated from observations, as scaled variables of a minimisation.

    x = x_b + sigma C z    or    x = x_b exp(sigma C z)

The first guess x_b is the value of the model, sigma the standard error of the estimate, and z the vector that a
minimiser or a training changes: of the order of 1, whatever the units of x. C smooths a map by diffusion along its
layers over water (Weaver and Courtier 2001, doi 10.1002/qj.49712757518), so that the information of one observation
spreads over the correlation length. It is normalised with random vectors, as there, so that sigma is the standard
deviation of x - x_b.

For an ocean that is divided into tiles the first process scales and smooths the controls of the whole ocean.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from adjoint.controls import Control, Controls
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.stability import stable_mixing

Array = np.ndarray
SAFE = 0.2  # part of the largest mixing that is stable over a flat bottom: thin cells beside thick ones allow less
PROBES = 100  # random vectors for the variance of a smoothed map, which is then correct to about 7 % (sigma)


class Estimate(NamedTuple):
    """A control to be estimated, and its standard error.

    Parameters
    ----------
    name : str
        Name of the control (`adjoint.Controls`).
    error : float or ndarray
        Standard error sigma in the units of the control, a number or an array that fits its shape; with `logarithm`,
        that of the natural logarithm.
    background : bool, default True
        Whether the distance from the first guess counts in the cost.
    lower, upper : float, optional
        Bounds in the units of the control. The defaults are the bounds of `ogcm.parameters`, and for mixing along
        layers the largest value that is stable with the time step.
    logarithm : bool, default False
        Whether the logarithm is estimated, for a positive control.
    smooth : float, default 0
        Correlation length of a map [cells]; 0 does not smooth. A smoothed map is clipped at its bounds.
    """

    name: str
    error: float | Array
    background: bool = True
    lower: float | None = None
    upper: float | None = None
    logarithm: bool = False
    smooth: float = 0.0


class ScaledControl:
    """The control x of the whole ocean as a function of z for one estimate, and the transpose of its derivative.

    Parameters
    ----------
    estimate : Estimate
        The estimate.
    first_guess : ndarray
        The first guess x_b, in the shape of the control.
    wet : ndarray of bool
        Points at which the control has an effect (`wet_points`).
    allowed : tuple of float
        Bounds of the control as a parameter.
    stable : ndarray, shape (ny, nx), or None
        Largest stable values of the control; None where any value is stable.
    periodic : tuple of bool
        Whether the ocean is periodic along j, along i.

    Raises
    ------
    InputError
        For an error, bounds, a smoothing or a first guess that cannot be used.
    """

    def __init__(
        self, estimate: Estimate, first_guess: Array, wet: Array, allowed: tuple[float, float], stable: Array | None,
        periodic: tuple[bool, bool],
    ) -> None:  # fmt: skip
        self.estimate, self.first_guess, name, shape = estimate, first_guess, estimate.name, first_guess.shape
        self.wet = np.broadcast_to(wet, shape)
        try:
            self.error = np.broadcast_to(np.asarray(estimate.error, float), shape)
        except ValueError:
            raise InputError(f"error: shape {np.shape(estimate.error)} does not fit {name}'s {shape}") from None
        if not (np.isfinite(self.error) & (self.error > 0)).all():
            raise InputError(f"error: the error of {name} must be positive and finite, got {np.min(self.error):g}")
        if not (np.isfinite(estimate.smooth) and estimate.smooth >= 0):
            raise InputError(f"smooth: {estimate.smooth} of {name} is not a length in cells, or 0 for no smoothing")
        if estimate.smooth and len(shape) < 2:
            raise InputError(f"smooth: {name} has the shape {shape} and cannot be smoothed; leave smooth out")
        self.lower, self.upper = (np.broadcast_to(a, shape) for a in self.limits(allowed, stable))
        bad = self.wet & ~((self.first_guess >= self.lower) & (self.first_guess <= self.upper))
        if bad.any():
            low, high = float(self.lower[bad].flat[0]), float(self.upper[bad].flat[0])
            raise InputError(
                f"{name}: the model's {self.first_guess[bad].flat[0]:g} lies outside the bounds {low:g} to {high:g}; "
                "begin with a value between them, or widen them"
            )
        if estimate.logarithm and not (self.first_guess[self.wet] > 0).all():
            raise InputError(f"logarithm: {name} has values <= 0, which have none; give it logarithm=False")
        self.smoother, self.passes = smoothing(self.wet, estimate.smooth, periodic)
        self.scale = self.error / self.smoothed_deviation() if estimate.smooth else self.error

    def limits(self, allowed: tuple[float, float], stable: Array | None) -> tuple[Any, Any]:
        """Return the bounds of x: those of the parameter and of stability, unless the estimate has narrower ones."""
        estimate, name = self.estimate, self.estimate.name
        low, high = allowed
        if stable is not None:
            most = np.maximum(SAFE * stable, self.first_guess)
            high = np.minimum(high, most if self.first_guess.ndim >= 2 else most.min())
        for bound, value in (("lower", estimate.lower), ("upper", estimate.upper)):
            if value is not None and not low <= value <= np.max(high):
                raise InputError(
                    f"{bound}: {value:g} of {name} lies outside {low:g} to {np.max(high):g}; choose between"
                )
        lower = low if estimate.lower is None else estimate.lower
        return lower, high if estimate.upper is None else np.minimum(high, estimate.upper)

    def smoothed(self, z: Array) -> Array:
        """Return z after the passes of a diffusion over water, a symmetric operator."""
        a = np.where(self.wet, z, 0).ravel()
        for _ in range(self.passes):
            a = self.smoother @ a
        return a.reshape(np.shape(z))

    def smoothed_deviation(self) -> Array:
        """Return the standard deviation of `smoothed` random numbers of variance 1, estimated from PROBES vectors."""
        rng, squares = np.random.default_rng(0), np.zeros(self.wet.shape)
        for _ in range(PROBES):
            squares += self.smoothed(rng.choice([-1.0, 1.0], self.wet.shape)) ** 2
        return np.where(self.wet, np.sqrt(squares / PROBES), 1.0)

    def unclipped(self, z: Array) -> Array:
        """Return x of z, not clipped at the bounds."""
        change = self.scale * self.smoothed(z)
        return self.first_guess * np.exp(change) if self.estimate.logarithm else self.first_guess + change

    def values(self, z: Array) -> Array:
        """Return x of z, within its bounds over water."""
        x = self.unclipped(z)
        return np.where(self.wet, np.clip(x, self.lower, self.upper), x)

    def tangent(self, z: Array, change: Array) -> Array:
        """Return the change of x for a small change of z, the derivative of `values`.

        It is 0 where a smoothed control is clipped at a bound.
        """
        x, x_tl = self.unclipped(z), self.scale * self.smoothed(change)
        if self.estimate.smooth:
            x_tl = np.where((x >= self.lower) & (x <= self.upper), x_tl, 0)
        return x * x_tl if self.estimate.logarithm else x_tl

    def deviations(self, z: Array) -> Array:
        """Return the standard deviation of x that the error means near z, in the units of x."""
        return np.abs(self.unclipped(z)) * self.error if self.estimate.logarithm else self.error

    def transpose(self, z: Array, x_ad: Array) -> Array:
        """Return the gradient with respect to z from `x_ad`, that with respect to x.

        It is 0 where a smoothed control is clipped at a bound.
        """
        x = self.unclipped(z)
        if self.estimate.smooth:
            x_ad = np.where((x >= self.lower) & (x <= self.upper), x_ad, 0)
        return self.smoothed(self.scale * (x * x_ad if self.estimate.logarithm else x_ad))

    def bounds(self) -> Array:
        """Return the bounds of z (2, ...); a smoothed control, which is clipped instead, has none."""
        if self.estimate.smooth:
            return np.stack([np.full(self.first_guess.shape, b) for b in (-np.inf, np.inf)])
        x = np.stack([self.lower, self.upper])
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.log(x / self.first_guess) if self.estimate.logarithm else x - self.first_guess
        return np.where(self.wet, z / self.error, np.array([-np.inf, np.inf]).reshape(2, *([1] * self.wet.ndim)))


def scaled_controls(estimates: Sequence[Estimate], controls: Controls) -> dict[str, ScaledControl]:
    """Return the scaled controls of the whole ocean by name in the first process, none in the others.

    Parameters
    ----------
    estimates : sequence of Estimate
        The estimates, each of one of the controls.
    controls : Controls
        The controls of a model.

    Returns
    -------
    dict of str to ScaledControl
        The scaled controls.

    Raises
    ------
    InputError
        For estimates that cannot be used; in all processes.
    """
    model, tile, made = controls.model, controls.model.grid.tile, dict[str, ScaledControl]()
    stable = stable_mixing(model)
    for estimate in estimates:
        control = controls.controls[estimate.name]
        values, wet = control.values(model).astype(float), wet_points(control, model)
        largest = stable.get(estimate.name)
        known: tuple[Any, ...] = tuple(None if a is None else tile.gather(a) for a in (values, wet, largest))

        def make(estimate: Estimate = estimate, known: tuple[Any, ...] = known) -> None:
            first_guess, wet, largest = known
            parameter = model.known_parameters.get(estimate.name)
            allowed = (parameter.lower, parameter.upper) if parameter else (-np.inf, np.inf)
            made[estimate.name] = ScaledControl(estimate, first_guess, wet, allowed, largest, tile.periodic)

        tile.on_first(make)
    return made


def wet_points(control: Control, model: Model) -> Array:
    """Return the points at which a control has an effect: water, for a parameter that of its layers."""
    if len(control.shape) < 2:
        return np.ones(control.shape, bool)
    if control.kind != "parameter":
        return control.mask(model.grid)
    wet = interior(model.grid.mask_t) > 0
    return wet if control.shape == wet.shape else wet[0]


def smoothing(wet: Array, length: float, periodic: tuple[bool, bool]) -> tuple[sparse.csr_matrix, int]:
    """Return the matrix I + a L and the number of its applications that make a Gaussian of the width `length` [cells].

    L is the Laplacian between wet neighbours along layers; walls and islands reflect. An application adds 2 a to the
    variance [cells^2] along each axis, a <= 1/8.
    """
    number = np.arange(wet.size).reshape(wet.shape)
    links = sparse.csr_matrix((wet.size, wet.size))
    for axis, wraps in zip((-2, -1), periodic, strict=True):
        if not length or wet.shape[axis] == 1:
            continue
        linked = wet & np.roll(wet, -1, axis)
        if not wraps:
            linked[(..., -1, slice(None)) if axis == -2 else (..., -1)] = False
        pairs = number[linked], np.roll(number, -1, axis)[linked]
        ahead = sparse.csr_matrix((np.ones(len(pairs[0])), pairs), links.shape)
        links = links + ahead + ahead.T
    passes = int(np.ceil(4 * length**2))
    laplacian = links - sparse.diags(np.asarray(links.sum(1)).ravel())
    return (sparse.identity(wet.size) + length**2 / (2 * max(passes, 1)) * laplacian).tocsr(), passes
