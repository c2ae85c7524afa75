"""Controls: the quantities with respect to which gradients are taken, by name.

    u, v, eta, T, S          the initial state: (nk, ny, nx), eta (ny, nx)
    tau_x, heat_flux, ...    a forcing: a number, a map (ny, nx), or a series of maps (nt, ny, nx)
    heat_flux_mean, ...      the mean of the records of a series: a map, whose change is the same for all records
    nu_h, kappa_v, ...       a parameter: a number, a profile (nk,), a map, a field (nk, ny, nx); eos: coefficients
    corrector, ...           the weights of a term of the model (`ogcm.terms`), by its name: (n,)

Values and gradients have the shape in which the control was given to the model; for an ocean that is divided into
tiles, those of maps and fields are the part of the tile. The model itself holds an array with halo, which `spread`
computes from the values. `collect`, its transpose, computes the gradient from the adjoint of the array: that of a
single number is the sum over all points.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from adjoint.state import Gradient
from ogcm.device import to_host, zeros
from ogcm.errors import InputError, suggestion
from ogcm.grid import Grid, add_halo, at_tops, interior
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.outside import Rim
from ogcm.series import Series
from ogcm.state import State

Array = np.ndarray
POINTS = {"u": "u", "v": "v", "tau_x": "u", "tau_y": "v"}  # all others are at T
MEAN = "_mean"  # ends the name of the mean of a series


def units(name: str, model: Model) -> str:
    """Return the units of a control.

    Parameters
    ----------
    name : str
        Name of the control.
    model : Model
        The model.

    Returns
    -------
    str
        Units; "1" for weights of terms and for the coefficients of the equation of state, which have several.
    """
    described = model.fields | model.known_parameters
    name = name if name in described else name.removesuffix(MEAN)
    return described[name].units if name in described else "1"


class Control(NamedTuple):
    """One control of a model.

    Attributes
    ----------
    name : str
        Name of the control.
    kind : str
        "state", "forcing", "parameter", or "vector" for numbers that belong to no points of the grid.
    shape : tuple of int
        Shape in which the control was given to the model.
    whole : bool
        True for a vector whose gradient is the sum over all tiles already, False where they remain to be added.
    rim : Rim, optional
        Points of a forcing outside open sides, which is a list (nk, 1, N) and has no halo.
    departures : ndarray, optional
        For the mean of a series: the records minus their mean, with halo, which stay as they are.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    whole: bool = False
    rim: Rim | None = None
    departures: Array | None = None

    @property
    def entry(self) -> str:
        """Name of the field, forcing or parameter that the control changes."""
        return self.name if self.departures is None else self.name.removesuffix(MEAN)

    @property
    def point(self) -> str:
        """Points of the values: "t", "u" or "v"."""
        return POINTS.get(self.entry.removesuffix("_outside"), "t")

    def array(self, model: Model) -> Array:
        """Return the array in which a model holds the control.

        Parameters
        ----------
        model : Model
            The model.

        Returns
        -------
        ndarray
            The array itself, with halo; for the mean of a series that of its records.
        """
        if self.kind == "state":
            return getattr(model.state, self.name)
        if self.kind == "vector":
            return model.parameters["eos"] if self.name == "eos" else model.terms[self.name].weights
        if self.kind == "parameter":
            return model.parameters[self.name]
        series = model.forcing.series
        return series[self.entry].values if self.entry in series else model.forcing.steady[self.name]

    def without_halo(self, array: Array) -> Array:
        """Return the array of a control or of its gradient without the halo.

        Parameters
        ----------
        array : ndarray
            The array, with halo if the control has one.

        Returns
        -------
        ndarray
            View of the array.
        """
        return array if self.rim is not None else interior(array)

    def mask(self, grid: Grid) -> Array:
        """Return where the values of the control have an effect.

        Parameters
        ----------
        grid : Grid
            Grid of the model.

        Returns
        -------
        ndarray of bool, shape (nk, ny, nx), (ny, nx) or ()
            True over water, without halo; for parameters and vectors True everywhere.
        """
        if self.rim is not None:
            return self.rim.mask
        wet = interior(getattr(grid, f"mask_{self.point}")) > 0
        if self.name == "tke":
            return at_tops(wet)
        layers = self.kind == "state" and self.name != "eta"
        return np.ones((), bool) if self.kind in ("parameter", "vector") else wet if layers else wet[0]

    def spread(self, values: Array, model: Model) -> Array:
        """Compute the array that a model holds; for the mean of a series a map that is added to each of its records.

        Parameters
        ----------
        values : ndarray
            Values in the shape of the control.
        model : Model
            The model.

        Returns
        -------
        ndarray
            Values at all points, with halo, 0 on land.
        """
        if self.kind == "vector":
            return np.asarray(values)
        values = np.reshape(values, (-1, 1, 1)) if np.ndim(values) == 1 else values  # a profile
        held = self.array(model) if self.departures is None else self.departures[0]
        if self.rim is not None:
            return np.where(self.rim.mask, np.broadcast_to(values, held.shape), 0)
        size = model.horizontal.shape if self.kind == "forcing" else interior(held).shape
        full = np.broadcast_to(values, (*np.shape(values)[:-2], *size[-2:]) if np.ndim(values) else size)
        full = np.where(self.mask(model.grid), full.reshape(interior(held).shape), 0)
        spread = add_halo(full, model.grid.periodic, edge=self.kind == "parameter")
        if not model.grid.tile.is_whole:
            exchange(model.grid, spread)
        return spread

    def collect(self, gradient: Array, grid: Grid) -> Array:
        """Compute the gradient in the shape of the control, by the transpose of `spread`.

        Parameters
        ----------
        gradient : ndarray
            Adjoint of the array that the model holds, with halo.
        grid : Grid
            Grid of the model.

        Returns
        -------
        ndarray
            Gradient in the shape of the control.
        """
        tile = grid.tile
        if self.kind == "vector":
            return gradient.copy() if self.whole else np.sum(tile.every(gradient), axis=0)
        inside = np.where(self.mask(grid), self.without_halo(gradient), 0)
        if len(self.shape) < 2:  # a number or a profile
            layers = inside.reshape(-1, *inside.shape[-2:])
            if self.shape:
                return tile.totals(layers.astype(float)).astype(gradient.dtype)
            return np.array(tile.total(layers.sum(axis=0, dtype=float)), gradient.dtype)
        return inside.reshape(self.shape)

    def values(self, model: Model) -> Array:
        """Return the present values of the control.

        Parameters
        ----------
        model : Model
            The model.

        Returns
        -------
        ndarray
            A copy of the values, in the shape of the control.
        """
        if self.kind == "vector":
            return self.array(model).copy()
        inside = self.without_halo(self.array(model))
        if self.departures is not None:
            return inside.mean(axis=0)
        if self.shape == ():
            wet = np.broadcast_to(self.mask(model.grid), inside.shape)
            found = model.grid.tile.every(inside[wet][0] if wet.any() else None)  # a tile may have no water
            return np.asarray(next((value for value in found if value is not None), 0.0))
        if len(self.shape) == 1:
            return inside[:, 0, 0].copy()
        return inside.reshape(self.shape).copy()

    def has_logarithm(self, model: Model) -> bool:
        """Return whether the control is a parameter that is positive in the whole ocean.

        Parameters
        ----------
        model : Model
            The model.

        Returns
        -------
        bool
            True for such a parameter, whose logarithm can be estimated.
        """
        positive = not model.grid.tile.any(not (self.values(model) > 0).all())
        return self.kind == "parameter" and positive


class Controls:
    """Several controls of one model.

    Parameters
    ----------
    model : Model
        The model.
    names : str or iterable of str
        Names of the controls.

    Attributes
    ----------
    model : Model
        The model.
    controls : dict of Control
        The controls by name.

    Raises
    ------
    InputError
        For a name that does not exist or has no effect in this model.
    """

    def __init__(self, model: Model, names: str | Iterable[str]) -> None:
        self.model = model
        names = [names] if isinstance(names, str) else list(names)
        if not names:
            raise InputError("controls: name at least one, for example 'T', 'tau_x' or 'nu_h'")
        self.controls = {name: self.control(name) for name in names}

    def control(self, name: str) -> Control:
        """Find a control of the model.

        Parameters
        ----------
        name : str
            Name of the control.

        Returns
        -------
        Control
            The control.

        Raises
        ------
        InputError
            For a name that does not exist or has no effect in this model.
        """
        model, forcing = self.model, self.model.forcing
        if name in model.state.names:
            if name not in model.stepped:
                raise InputError(
                    f"controls: {name} has no effect in a model without tracers (equation_of_state 'none')"
                )
            return Control(name, "state", interior(getattr(model.state, name)).shape)
        if name in forcing.functions:
            raise InputError(f"controls: {name} is a function of time; give the model an ogcm.Series of maps instead")
        if name in forcing.shapes:
            return Control(name, "forcing", forcing.shapes[name], rim=forcing.rims.get(name))
        if name == "eos":
            return Control(name, "vector", model.parameters["eos"].shape, whole=True)
        if name in model.terms:
            weights = getattr(model.terms[name], "weights", np.zeros(0))
            if not len(weights):
                raise InputError(f"controls: the term {name} of this model has no weights; leave it out")
            return Control(name, "vector", weights.shape, whole=getattr(model.terms[name], "adds_tiles", False))
        if name == "corrector":
            raise InputError("controls: this model has no corrector; give it one, or leave corrector out")
        if name in model.parameters:
            return Control(name, "parameter", model.parameter_shapes[name])
        means = {f"{entry}{MEAN}": entry for entry, series in forcing.series.items() if has_mean(series)}
        if name in means:
            entry, records = means[name], forcing.series[means[name]].values
            departures = records - records.mean(axis=0)
            return Control(name, "forcing", forcing.shapes[entry][1:], False, forcing.rims.get(entry), departures)
        known = [*model.state.names, *forcing.shapes, *model.parameters, *model.terms, *means]
        raise InputError(f"controls: unknown control {name!r}: {suggestion(str(name), known)}")

    def values(self) -> dict[str, Array]:
        """Return the present values of all controls.

        Returns
        -------
        dict of ndarray
            Copies of the values by name, in the shapes of the controls.
        """
        return {name: control.values(self.model) for name, control in self.controls.items()}

    def set_values(self, values: Mapping[str, Array], model: Model | None = None) -> None:
        """Give the model new values.

        Parameters
        ----------
        values : mapping
            Values by the names of controls, in the shapes of the controls.
        model : Model, optional
            A copy of the model, which takes the values instead.

        Raises
        ------
        InputError
            For an unknown name or another shape.
        """
        model = model or self.model
        for name, value in self.check(values).items():
            control = self.controls[name]
            full = control.spread(value, model)
            control.array(model)[...] = full if control.departures is None else control.departures + full

    def check(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Check the names and shapes of values.

        Parameters
        ----------
        values : mapping
            Values by the names of controls.

        Returns
        -------
        dict of ndarray
            The values as arrays.

        Raises
        ------
        InputError
            For an unknown name or another shape.
        """
        arrays = {}
        for name, value in values.items():
            if name not in self.controls:
                raise InputError(f"{name}: is not one of the controls {', '.join(self.controls)}; choose one of these")
            arrays[name], shape = np.asarray(value), self.controls[name].shape
            if arrays[name].shape != shape:
                raise InputError(f"{name}: shape {arrays[name].shape} does not fit this control's {shape}")
        return arrays


class Collector:
    """The sum of the gradients of all steps of a run, for some controls.

    Parameters
    ----------
    controls : Controls
        The controls.
    model : Model
        Model that is stepped: that of the controls, or its copy on a GPU.
    gradient : Gradient
        Adjoints to which the steps add; all but that of the state are set to 0.
    """

    def __init__(self, controls: Controls, model: Model, gradient: Gradient) -> None:
        self.controls, self.grid = controls.controls, controls.model.grid
        self.gradient, self.forcing = gradient, model.forcing
        for a in (*gradient.fluxes, *gradient.parameters.values(), *gradient.weights.values()):
            a.fill(0)
        of_series = {n: c.array(model) for n, c in self.controls.items() if n in model.forcing.series}
        self.series = {n: zeros(model.grid.h_t, a.shape, a.dtype) for n, a in of_series.items()}

    def add(self, time: float) -> None:
        """Add the adjoint of a step to the records of each series of which its forcing was made.

        Parameters
        ----------
        time : float
            Time in the middle of the step [s].
        """
        for name, series_ad in self.series.items():
            flux_ad = getattr(self.gradient.fluxes, name)
            for n, weight in self.forcing.series[name].weights(time):
                series_ad[n] += weight * flux_ad
            flux_ad.fill(0)

    def collect(self, state_ad: State) -> dict[str, Array]:
        """Compute the gradient with respect to each control.

        Parameters
        ----------
        state_ad : State
            Adjoint of the initial state.

        Returns
        -------
        dict of ndarray
            Gradients by name, in the shapes of the controls.
        """
        parts = state_ad.arrays() | self.gradient.fluxes.arrays() | self.gradient.parameters | self.series
        parts |= self.gradient.weights
        found = {}
        for name, control in self.controls.items():
            part = to_host(parts[control.entry])
            # The weights of the records in a step add up to 1: the sum over the records is that over the steps.
            by_record = control.departures is not None and control.entry in self.series
            found[name] = control.collect(part.sum(axis=0) if by_record else part, self.grid)
        return found


def has_mean(series: Series) -> bool:
    """Return whether the mean of a series is a control: its records are in memory and no amplitudes of tides."""
    return type(series) is Series and isinstance(series.values, np.ndarray)
