"""Scores of forecasts: errors, anomaly correlations, variances and spectra by field, lead and layer.

    scores = Scores(model, climatology, leads=[1, 2, 5, 10], scales=scales)
    scores.add(2, forecast, truth)                                   # for every start and lead; nothing is stored
    print(table({"persistence": ..., "coarse": ..., "corrected": scores}))

Means over the water are weighted with the volume of the resting cells (area for eta), each field at its own points.
Definitions follow WMO (Manual on the Global Data-processing and Forecasting System, WMO-No. 485), Jolliffe and
Stephenson (2012, Forecast Verification, doi 10.1002/9781119960003) and WeatherBench (Rasp et al. 2020,
doi 10.1029/2020MS002203). Scores over many starts are those of the sums over all of them: the root of the mean of the
squares, where WeatherBench takes the mean of the roots. `nn.score_tables` prints and writes them, `nn.pictures` draws
them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adjoint.losses import MeanSquare
from nn.losses import EnergySpectrum, Scales, scale_of
from ogcm.errors import InputError, suggestion
from ogcm.fields import Field
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.regions import field_volume
from ogcm.state import State

Array = np.ndarray
CURRENT, ALL = "current", "all"  # u and v as a vector; every field, each divided by its scale


def checked_field(model: Model, state: State, field: str, what: str) -> Array:
    """Return a field in float64 as (layers, ny, nx), eta as one layer; on land its values are arbitrary.

    Raises InputError where its shape is not that of the model.
    """
    a, own = getattr(state, field), getattr(model.state, field)
    if a.shape != own.shape:
        raise InputError(f"{what}: {field} has the shape {a.shape}, the model's is {own.shape} (with halo)")
    return interior(a).reshape(-1, *model.horizontal.shape).astype(float)


def layer_means(sums: Array, volumes: Array) -> Array:
    """Return means over the water of each layer, and last over all (..., layers + 1).

    They are those of volume-weighted sums (..., layers), with the `volumes` (layers,); NaN in a layer without water.
    """
    whole = sums.sum(axis=-1, keepdims=True) / volumes.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.concatenate([sums / volumes, whole], axis=-1)


class Climatology:
    """The mean of the data, and the volumes with which fields are averaged.

    Parameters
    ----------
    model : Model
        The model of the data.
    mean : mapping of str to ndarray
        Mean of each field that counts, shape (nk, ny, nx), eta (ny, nx).

    Raises
    ------
    InputError
        For an unknown field or another shape.
    """

    def __init__(self, model: Model, mean: Mapping[str, Array]) -> None:
        shape, dtype = (-1, *model.horizontal.shape), model.grid.h_t.dtype
        self.model = model
        self.volumes = {name: field_volume(model, name) for name in mean}
        self.layers = {name: model.grid.tile.totals(a) for name, a in self.volumes.items()}  # volumes of whole layers
        # In the model's precision: the anomalies of climatology as a forecast are 0, not round-off that correlates.
        self.mean = {name: MeanSquare(model, name, a).data.astype(dtype).reshape(shape) for name, a in mean.items()}

    def anomaly(self, state: State, field: str, what: str) -> Array:
        """Return a field minus its mean.

        Parameters
        ----------
        state : State
            The state.
        field : str
            The field.
        what : str
            Name of the state for messages.

        Returns
        -------
        ndarray, shape (layers, ny, nx)
            The anomaly, 0 on land.

        Raises
        ------
        InputError
            For a state of another shape.
        """
        a = checked_field(self.model, state, field, what)
        return np.where(self.volumes[field] > 0, a - self.mean[field], 0.0)


class Scores:
    """Scores of a set of forecasts by field, lead and layer, from running sums.

    Fields are those of the climatology, "current" (the vector of u and v, where both are there) and "all" (the mean
    over the fields, each divided by its scale). A score has the shape (leads, layers + 1); the last is over all layers.
    eta has one layer, "all" has none. The scores of a lead without forecasts are NaN, those of a lead with a forecast
    that is not finite are NaN or infinite.

    Parameters
    ----------
    model : Model
        The model of the data.
    climatology : mapping of str to ndarray
        Mean of each field of the data, shape (nk, ny, nx), eta (ny, nx).
    leads : sequence of float
        Lead times [days].
    scales : mapping of str to float or ndarray
        Standard deviation of each field of the data, one number or (nk,).

    Attributes
    ----------
    starts : ndarray, shape (leads,)
        Number of forecasts.

    Raises
    ------
    InputError
        For unknown fields, other shapes, and scales that are missing or not positive.
    """

    def __init__(self, model: Model, climatology: Mapping[str, Array], leads: Sequence[float], scales: Scales) -> None:
        self.model, self.leads, self.climatology = model, tuple(map(float, leads)), Climatology(model, climatology)
        self.scales = {name: scale_of(model, name, scales)[:, 0, 0] for name in climatology}
        # Over the starts: error^2, forecast anomaly^2, that of the truth^2, their product; and the error.
        self.squares = {name: np.zeros((4, len(self.leads), len(a))) for name, a in self.scales.items()}
        self.errors = {name: np.zeros((len(self.leads), len(a))) for name, a in self.scales.items()}
        self.starts = np.zeros(len(self.leads), int)
        self.energy, self.totals = EnergySpectrum(model), model.grid.tile.totals
        self.energies = np.zeros((2, len(self.leads), len(self.energy.wavelength)))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that have scores."""
        both = (CURRENT,) if {"u", "v"} <= set(self.squares) else ()
        return (*self.squares, *both, ALL)

    def description(self, field: str) -> Field:
        """Return units and name of a field.

        Parameters
        ----------
        field : str
            One of `fields`.

        Returns
        -------
        Field
            Its description.
        """
        others = {CURRENT: Field("m s-1", "current"), ALL: Field("1", "all fields, normalised")}
        return (others | self.model.fields)[field]

    def add(self, lead: int, forecast: State, truth: State) -> None:
        """Add one forecast.

        Parameters
        ----------
        lead : int
            Number of the lead, from 0.
        forecast, truth : State
            The forecast and the record that it should be.

        Raises
        ------
        InputError
            For a lead that does not exist, and for states of another shape.
        """
        if not 0 <= lead < len(self.leads):
            raise InputError(f"lead: number {lead} does not exist; there are {len(self.leads)}, from 0")
        pairs = {  # all checked before any is counted
            name: (self.climatology.anomaly(forecast, name, "forecast"), self.climatology.anomaly(truth, name, "truth"))
            for name in self.squares
        }
        with np.errstate(over="ignore", invalid="ignore"):  # a forecast that has blown up
            for name, (f, t) in pairs.items():
                cells = self.climatology.volumes[name]
                for n, square in enumerate(((f - t) ** 2, f**2, t**2, f * t)):
                    self.squares[name][n, lead] += self.totals(cells * square)
                self.errors[name][lead] += self.totals(cells * (f - t))
            for n, state in enumerate((forecast, truth)):
                self.energies[n, lead] += self.energy(interior(state.u), interior(state.v))
        self.starts[lead] += 1

    def mean_squares(self, field: str) -> Array:
        """Return means over starts and water of the squares of a field.

        Parameters
        ----------
        field : str
            The field.

        Returns
        -------
        ndarray, shape (4, leads, layers + 1)
            Those of the error, the anomaly of the forecast, the anomaly of the truth, and the product of the anomalies,
            in the unit of the field squared.

        Raises
        ------
        InputError
            For an unknown field.
        """
        if field == CURRENT and field in self.fields:
            return self.mean_squares("u") + self.mean_squares("v")
        if field == ALL:
            scaled = (self.mean_over_starts(self.squares[name] / a**2, name) for name, a in self.scales.items())
            total: Any = sum(a[..., -1:] for a in scaled)
            return total / len(self.scales)
        if field not in self.squares:
            raise InputError(f"field: unknown {field!r}: {suggestion(field, self.fields)}")
        return self.mean_over_starts(self.squares[field], field)

    def mean_over_starts(self, sums: Array, field: str) -> Array:
        """Return means over starts and water.

        Parameters
        ----------
        sums : ndarray, shape (..., leads, layers)
            Volume-weighted sums over the starts.
        field : str
            The field.

        Returns
        -------
        ndarray, shape (..., leads, layers + 1)
            The means.
        """
        with np.errstate(invalid="ignore"):
            means = layer_means(sums, self.climatology.layers[field])
            return means / np.where(self.starts, self.starts, np.nan)[:, None]

    def rmse(self, field: str = ALL) -> Array:
        """Return the root mean square error.

        Parameters
        ----------
        field : str, default "all"
            The field; "current" is the error of the vector, "all" is normalised.

        Returns
        -------
        ndarray, shape (leads, layers + 1)
            The error in the unit of the field.
        """
        return np.sqrt(self.mean_squares(field)[0])

    def acc(self, field: str = ALL) -> Array:
        """Return the anomaly correlation, not centred: sum f't'/sqrt(sum f'^2 sum t'^2).

        Parameters
        ----------
        field : str, default "all"
            The field.

        Returns
        -------
        ndarray, shape (leads, layers + 1)
            The correlation; NaN where it is undefined, as for climatology itself as a forecast.
        """
        _, f, t, product = self.mean_squares(field)
        with np.errstate(invalid="ignore", divide="ignore"):
            return product / np.sqrt(f * t)

    def variance_ratio(self, field: str = ALL) -> Array:
        """Return the mean square anomaly of the forecast over that of the truth, below 1 for smooth forecasts.

        Parameters
        ----------
        field : str, default "all"
            The field.

        Returns
        -------
        ndarray, shape (leads, layers + 1)
            The ratio.
        """
        _, f, t, _ = self.mean_squares(field)
        with np.errstate(invalid="ignore", divide="ignore"):
            return f / t

    def bias(self, field: str) -> Array:
        """Return the mean error.

        Parameters
        ----------
        field : str
            The field.

        Returns
        -------
        ndarray, shape (leads, layers + 1)
            The mean error in the unit of the field; NaN for "current" and "all", which have no sign.
        """
        if field in self.errors:
            return self.mean_over_starts(self.errors[field], field)
        return np.full_like(self.rmse(field), np.nan)

    def spectra(self) -> tuple[Array, Array]:
        """Return the kinetic energy by wavenumber, mean over the starts.

        Returns
        -------
        forecast, truth : ndarray, shape (leads, wavenumbers)
            The energy [m2 s-2].
        """
        with np.errstate(invalid="ignore"):
            forecast, truth = self.energies / np.where(self.starts, self.starts, np.nan)[:, None]
        return forecast, truth

    def index_of(self, lead: float) -> int:
        """Return the number of a lead.

        Parameters
        ----------
        lead : float
            The lead time [days].

        Returns
        -------
        int
            Its number.

        Raises
        ------
        InputError
            For a lead that is not scored.
        """
        found = np.flatnonzero(np.isclose(self.leads, lead))
        if not len(found):
            raise InputError(f"leads: {lead:g} d is not scored; choose from {', '.join(f'{a:g}' for a in self.leads)}")
        return int(found[0])
