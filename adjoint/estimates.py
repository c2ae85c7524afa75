"""Controls that are estimated from observations, as scaled variables of a minimisation.

    x = x_b + sigma C^(1/2) z    or    x = x_b exp(sigma C^(1/2) z)

The first guess x_b is the value of the model, sigma the standard error of the estimate, and z the vector that a
minimiser or a training changes: of the order of 1, whatever the units of x. C is the correlation of the error along
layers, over depth and in time (`adjoint.background.correlation`), so that the information of one observation spreads
over the length of the correlation. Its variance is 1, so that sigma is the standard deviation of x - x_b.

For an ocean that is divided into tiles the first process scales and correlates the controls of the whole ocean.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from adjoint.background.correlation import Correlation, Places, TwoScales, check_lengths, layer_thickness
from adjoint.background.diffusion import Diffusion
from adjoint.controls import Control, Controls
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.stability import stable_mixing

Array = np.ndarray
SAFE = 0.2  # part of the largest mixing that is stable over a flat bottom: thin cells beside thick ones allow less


class Estimate(NamedTuple):
    """A control to be estimated, and its standard error.

    Parameters
    ----------
    name : str
        Name of the control (`adjoint.Controls`).
    error : float or ndarray
        Standard error sigma in the units of the control: a number, a profile (nk,), a map (ny, nx) or a field of the
        whole ocean; with `logarithm`, that of the natural logarithm.
    background : bool, default True
        Whether the distance from the first guess counts in the cost.
    lower, upper : float, optional
        Bounds in the units of the control. The defaults are the bounds of `ogcm.parameters`, and for mixing along
        layers the largest value that is stable with the time step.
    logarithm : bool, default False
        Whether the logarithm is estimated, for a positive control.
    length : float, default 0
        Length [m] of the correlation of the error along layers, or along open sides: it is 1 - r^2/(2 length^2) near
        r = 0, and nearly a Gaussian. 0 for errors without correlation. A correlated control is clipped at its bounds.
    depth : float, default 0
        Length [m] of the correlation over depth, likewise.
    days : float, default 0
        Length [days] of the correlation between the records of a series, likewise.
    wide_length, wide_share : float, default 0
        A second length [m] along layers, such as that of the error of a climatology, which is the same in a whole
        basin, and the part of the variance that has it, between 0 and 1 (Mirouze et al. 2016, doi
        10.3402/tellusa.v68.29744). z then has an axis of two elements before those of the control.
    """

    name: str
    error: float | Array
    background: bool = True
    lower: float | None = None
    upper: float | None = None
    logarithm: bool = False
    length: float = 0.0
    depth: float = 0.0
    days: float = 0.0
    wide_length: float = 0.0
    wide_share: float = 0.0

    @property
    def lengths(self) -> dict[str, float]:
        """The lengths of the correlation by name."""
        return {"length": self.length, "depth": self.depth, "days": self.days}


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
    correlation : Correlation, TwoScales or None
        Correlation of the error; None for none.

    Attributes
    ----------
    shape : tuple of int
        Shape of z: that of the control, after an axis of two elements where there are two lengths.

    Raises
    ------
    InputError
        For an error, bounds or a first guess that cannot be used.
    """

    def __init__(
        self, estimate: Estimate, first_guess: Array, wet: Array, allowed: tuple[float, float], stable: Array | None,
        correlation: Correlation | TwoScales | None,
    ) -> None:  # fmt: skip
        self.estimate, self.first_guess, name, shape = estimate, first_guess, estimate.name, first_guess.shape
        self.wet = np.broadcast_to(wet, shape)
        self.shape = (2, *shape) if isinstance(correlation, TwoScales) else shape
        self.error, self.correlation = np.where(self.wet, fitted_error(estimate, shape), 1.0), correlation
        self.clipped = correlation is not None  # at its bounds, instead of bounds of z
        if not (np.isfinite(self.error) & (self.error > 0)).all():
            raise InputError(f"error: the error of {name} must be positive and finite, got {np.min(self.error):g}")
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

    def change(self, z: Array) -> Array:
        """Return sigma C^(1/2) z, which is 0 on land."""
        return self.error * (np.where(self.wet, z, 0) if self.correlation is None else self.correlation.root(z))

    def change_transpose(self, change_ad: Array) -> Array:
        """Return the gradient with respect to z from that with respect to `change`."""
        z_ad = self.error * change_ad
        return np.where(self.wet, z_ad, 0) if self.correlation is None else self.correlation.transpose(z_ad)

    def unclipped(self, change: Array) -> Array:
        """Return x of a change of x or of its logarithm, not clipped at the bounds."""
        return self.first_guess * np.exp(change) if self.estimate.logarithm else self.first_guess + change

    def changed(self, change: Array) -> Array:
        """Return x of a change of x or of its logarithm, within its bounds over water."""
        x = self.unclipped(change)
        return np.where(self.wet, np.clip(x, self.lower, self.upper), x)

    def changed_transpose(self, change: Array, x_ad: Array) -> Array:
        """Return the gradient with respect to the change from `x_ad`; 0 where x is clipped at a bound."""
        x = self.unclipped(change)
        if self.clipped:
            x_ad = np.where((x >= self.lower) & (x <= self.upper), x_ad, 0)
        return x * x_ad if self.estimate.logarithm else x_ad

    def changed_tangent(self, change: Array, change_tl: Array) -> Array:
        """Return the change of x for a small change `change_tl` of the change; 0 where x is clipped at a bound."""
        x = self.unclipped(change)
        if self.clipped:
            change_tl = np.where((x >= self.lower) & (x <= self.upper), change_tl, 0)
        return x * change_tl if self.estimate.logarithm else change_tl

    def deviations(self, change: Array) -> Array:
        """Return the standard deviation of x that the error means near x, in the units of x."""
        return self.unclipped(change) * self.error if self.estimate.logarithm else self.error

    def values(self, z: Array) -> Array:
        """Return x of z, within its bounds over water."""
        return self.changed(self.change(z))

    def transpose(self, z: Array, x_ad: Array) -> Array:
        """Return the gradient with respect to z from `x_ad`, that with respect to x."""
        return self.change_transpose(self.changed_transpose(self.change(z), x_ad))

    def bounds(self) -> Array:
        """Return the bounds of z (2, ...); a clipped control has none."""
        if self.clipped:
            return np.stack([np.full(self.shape, b) for b in (-np.inf, np.inf)])
        x = np.stack([self.lower, self.upper])
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.log(x / self.first_guess) if self.estimate.logarithm else x - self.first_guess
        return np.where(self.wet, z / self.error, np.array([-np.inf, np.inf]).reshape(2, *([1] * self.wet.ndim)))


def scaled_controls(
    estimates: Sequence[Estimate], controls: Controls, diffusions: dict[Any, Diffusion] | None = None
) -> dict[str, ScaledControl]:
    """Return the scaled controls of the whole ocean by name in the first process, none in the others.

    Parameters
    ----------
    estimates : sequence of Estimate
        The estimates, each of one of the controls.
    controls : Controls
        The controls of a model.
    diffusions : dict, optional
        Diffusions of layers that were made before for the same grid, which take longest to make; receives new ones.

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
    stable, diffusions = stable_mixing(model), {} if diffusions is None else diffusions
    for estimate in estimates:
        control = controls.controls[estimate.name]
        check_lengths(control, estimate.lengths)
        check_wide(estimate)
        if control.rim is not None and not tile.is_whole:
            raise InputError(f"{estimate.name}: what lies outside of open sides is estimated by one process only")
        values, wet, largest = control.values(model).astype(float), wet_points(control, model), stable.get(control.name)
        h = layer_thickness(control, model) if estimate.depth else None
        known: tuple[Any, ...] = tuple(None if a is None else tile.gather(a) for a in (values, wet, largest, h))

        def make(estimate: Estimate = estimate, control: Control = control, known: tuple[Any, ...] = known) -> None:
            first_guess, wet, largest, h = known
            parameter = model.known_parameters.get(estimate.name)
            allowed = (parameter.lower, parameter.upper) if parameter else (-np.inf, np.inf)
            correlation: Correlation | TwoScales | None = None
            if any(estimate.lengths.values()):
                places = Places.of(control, model, np.broadcast_to(wet, first_guess.shape), h)
                correlation = Correlation(places, estimate.lengths, diffusions)
                if estimate.wide_share:
                    wide = Correlation(places, estimate.lengths | {"length": estimate.wide_length}, diffusions)
                    correlation = TwoScales(correlation, wide, estimate.wide_share)
            made[estimate.name] = ScaledControl(estimate, first_guess, wet, allowed, largest, correlation)

        tile.on_first(make)
    return made


def check_wide(estimate: Estimate) -> None:
    """Raise InputError for a second length without a first, smaller one, or a share that is none of its variance."""
    length, share = estimate.wide_length, estimate.wide_share
    if (length, share) != (0, 0) and not (length > estimate.length > 0 and 0 < share < 1):
        raise InputError(
            f"wide_length, wide_share: need a length [m] above the {estimate.length:g} of {estimate.name}, which must "
            f"be positive, and a part of the variance between 0 and 1; got {length:g} and {share:g}"
        )


def fitted_error(estimate: Estimate, shape: tuple[int, ...]) -> Array:
    """Return the error of an estimate in the shape of its control. Raises InputError where it does not fit."""
    error = np.asarray(estimate.error, float)
    if error.ndim == 1 and len(shape) >= 3 and error.shape == shape[-3:-2]:  # a profile
        error = error[:, None, None]
    try:
        return np.broadcast_to(error, shape)
    except ValueError:
        raise InputError(f"error: shape {error.shape} does not fit {estimate.name}'s {shape}") from None


def wet_points(control: Control, model: Model) -> Array:
    """Return the points at which a control has an effect: water, for a parameter that of its layers."""
    if len(control.shape) < 2:
        return np.ones(control.shape, bool)
    if control.kind != "parameter":
        return control.mask(model.grid)
    wet = interior(model.grid.mask_t) > 0
    return wet if control.shape == wet.shape else wet[0]
