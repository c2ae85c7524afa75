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
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.regions import field_volume
from ogcm.state import State

Array = np.ndarray
CURRENT, ALL = "current", "all"  # u and v as a vector; every field, each divided by its scale


def checked_field(model: Model, state: State, field: str, what: str) -> Array:
    """A field in float64 as (layers, ny, nx), eta as one layer. Raises InputError for another shape than the model's.

    On land it holds anything.
    """
    a, own = getattr(state, field), getattr(model.state, field)
    if a.shape != own.shape:
        raise InputError(f"{what}: {field} has the shape {a.shape}, the model's is {own.shape} (with halo)")
    return interior(a).reshape(-1, *model.horizontal.shape).astype(float)


def layer_means(sums: Array, cells: Array) -> Array:
    """Means over the water of each layer, and last over all (..., layers + 1), from volume-weighted sums (..., layers).

    NaN in a layer without water.
    """
    volumes = cells.sum(axis=(1, 2))
    whole = sums.sum(axis=-1, keepdims=True) / volumes.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.concatenate([sums / volumes, whole], axis=-1)


class Climatology:
    """The mean of the data, and the volumes with which fields are averaged."""

    def __init__(self, model: Model, mean: Mapping[str, Array]) -> None:
        """`mean`: the fields that count, (nk, ny, nx), eta (ny, nx). Raises InputError for what does not fit."""
        shape, dtype = (-1, *model.horizontal.shape), model.grid.h_t.dtype
        self.model = model
        self.volumes = {name: field_volume(model, name) for name in mean}
        # In the model's precision: the anomalies of climatology as a forecast are 0, not round-off that correlates.
        self.mean = {name: MeanSquare(model, name, a).data.astype(dtype).reshape(shape) for name, a in mean.items()}

    def anomaly(self, state: State, field: str, what: str) -> Array:
        """A field less its mean (layers, ny, nx), 0 on land. Raises InputError for a shape that does not fit."""
        a = checked_field(self.model, state, field, what)
        return np.where(self.volumes[field] > 0, a - self.mean[field], 0.0)


class Scores:
    """Scores of a set of forecasts by field, lead and layer, from running sums.

    Fields are those of the climatology, "current" (the vector of u and v, where it has both) and "all" (the mean over
    the fields, each divided by its scale). A score has the shape (leads, layers + 1), the last over all layers; eta
    counts as one layer, "all" has none. A lead without forecasts is NaN; one with a forecast that is not finite is
    NaN or infinite.
    """

    def __init__(self, model: Model, climatology: Mapping[str, Array], leads: Sequence[float], scales: Scales) -> None:
        """`climatology`: the mean of the data, (nk, ny, nx), eta (ny, nx); `leads` [d]; `scales`: the standard
        deviation of the data, one number or (nk,), in the units of the field.

        Raises InputError for unknown fields, other shapes, and scales that are missing or not positive.
        """
        self.model, self.leads, self.climatology = model, tuple(map(float, leads)), Climatology(model, climatology)
        self.scales = {name: scale_of(model, name, scales)[:, 0, 0] for name in climatology}
        # Over the starts: error^2, forecast anomaly^2, that of the truth^2, their product; and the error.
        self.squares = {name: np.zeros((4, len(self.leads), len(a))) for name, a in self.scales.items()}
        self.errors = {name: np.zeros((len(self.leads), len(a))) for name, a in self.scales.items()}
        self.starts = np.zeros(len(self.leads), int)
        self.energy = EnergySpectrum(model)
        self.energies = np.zeros((2, len(self.leads), len(self.energy.wavelength)))

    @property
    def fields(self) -> tuple[str, ...]:
        """What has scores."""
        both = (CURRENT,) if {"u", "v"} <= set(self.squares) else ()
        return (*self.squares, *both, ALL)

    def add(self, lead: int, forecast: State, truth: State) -> None:
        """Count one forecast at the lead number `lead`.

        Raises InputError for a lead that does not exist, or states of another shape.
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
                    self.squares[name][n, lead] += (cells * square).sum(axis=(1, 2))
                self.errors[name][lead] += (cells * (f - t)).sum(axis=(1, 2))
            for n, state in enumerate((forecast, truth)):
                self.energies[n, lead] += self.energy(interior(state.u), interior(state.v))
        self.starts[lead] += 1

    def mean_squares(self, field: str) -> Array:
        """Means of the squares over starts and water (4, leads, layers + 1): those of the error, of the anomalies of
        the forecast and of the truth, and of their product, in the unit of the field squared.

        Raises InputError for an unknown field.
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
        """Means over starts and water of what was summed (..., leads, layers + 1)."""
        with np.errstate(invalid="ignore"):
            means = layer_means(sums, self.climatology.volumes[field])
            return means / np.where(self.starts, self.starts, np.nan)[:, None]

    def rmse(self, field: str = ALL) -> Array:
        """Root mean square error [unit of the field]; of "current" that of the vector, of "all" normalised."""
        return np.sqrt(self.mean_squares(field)[0])

    def acc(self, field: str = ALL) -> Array:
        """Anomaly correlation, not centred: sum f't'/sqrt(sum f'^2 sum t'^2), f' and t' from the climatology.

        NaN where it is undefined, as for climatology itself as a forecast.
        """
        _, f, t, product = self.mean_squares(field)
        with np.errstate(invalid="ignore", divide="ignore"):
            return product / np.sqrt(f * t)

    def variance_ratio(self, field: str = ALL) -> Array:
        """Mean square of the anomalies of the forecast over that of the truth: below 1 where forecasts are smooth."""
        _, f, t, _ = self.mean_squares(field)
        with np.errstate(invalid="ignore", divide="ignore"):
            return f / t

    def bias(self, field: str) -> Array:
        """Mean error [unit of the field]; NaN for "current" and "all", which have no sign."""
        if field in self.errors:
            return self.mean_over_starts(self.errors[field], field)
        return np.full_like(self.rmse(field), np.nan)

    def spectra(self) -> tuple[Array, Array]:
        """The kinetic energy of forecast and truth by wavenumber (leads, M) [m2 s-2], mean over the starts."""
        with np.errstate(invalid="ignore"):
            forecast, truth = self.energies / np.where(self.starts, self.starts, np.nan)[:, None]
        return forecast, truth

    def index_of(self, lead: float) -> int:
        """The number of a lead [d]. Raises InputError where it is not there."""
        found = np.flatnonzero(np.isclose(self.leads, lead))
        if not len(found):
            raise InputError(f"leads: {lead:g} d is not scored; choose from {', '.join(f'{a:g}' for a in self.leads)}")
        return int(found[0])
