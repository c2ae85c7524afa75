"""The drift of a long run: changes of contents, mean and variability."""

from collections.abc import Mapping

import numpy as np

from nn.losses import Conservation
from nn.scores import Climatology, checked_field, layer_means
from ogcm.constants import DAY
from ogcm.diagnostics.cells import total
from ogcm.errors import InputError, suggestion
from ogcm.model import Model
from ogcm.regions import field_volume
from ogcm.state import State

Array = np.ndarray


class Drift:
    """The drift of a long run in contents, mean and variability, from running sums.

    "volume", "heat" and "salt" are changes of the contents since the initial state, relative to the sum of their
    magnitudes; "heat_variation" and "salt_variation" the same changes relative to the sum of |T - mean T| and
    |S - mean S|, which is stricter and independent of the zero of the scale; "speed" [m s-1] is the largest of |u| and
    |v|.

    Parameters
    ----------
    model : Model
        The model of the run.
    initial : State
        The initial state.
    climatology, deviation : mapping of str to ndarray
        Mean and standard deviation in time of the data, shape (nk, ny, nx), eta (ny, nx).

    Attributes
    ----------
    days : list of float
        Days of the states so far.
    series : dict of str to list of float
        The series above, one value for each state.
    finite : bool
        Whether every state was finite; from the first that is not, nothing is added.

    Raises
    ------
    InputError
        For unknown fields, other shapes, and a model without tracers.
    """

    def __init__(
        self, model: Model, initial: State, climatology: Mapping[str, Array], deviation: Mapping[str, Array]
    ) -> None:
        self.model, self.climatology = model, Climatology(model, climatology)
        for name in climatology:
            if name not in deviation:
                raise InputError(f"deviation: {name} is missing; give the standard deviation in time at every point")
        self.deviation = Climatology(model, {name: deviation[name] for name in climatology}).mean
        self.contents = Conservation(model, initial, scales={"T": 1.0, "S": 1.0})
        cells = field_volume(model, "T")
        weight = cells / total(model, cells)
        self.rise = field_volume(model, "eta") / total(model, cells)  # of the volume, relative, by eta
        self.eta = checked_field(model, initial, "eta", "initial")
        self.sizes = {}
        for content, field in (("heat", "T"), ("salt", "S")):
            a = np.where(weight > 0, checked_field(model, initial, field, "initial"), 0.0)
            self.sizes[content] = total(model, weight * np.abs(a))
            self.sizes[f"{content}_variation"] = total(model, weight * np.abs(a - total(model, weight * a)))
        self.finite, self.days, self.states = True, list[float](), 0
        self.series: dict[str, list[float]] = {name: [] for name in ("volume", *self.sizes, "speed")}
        self.sums = {name: np.zeros((2, *a.shape)) for name, a in self.climatology.mean.items()}

    def add(self, state: State) -> None:
        """Add a state of the run.

        Parameters
        ----------
        state : State
            The state, with its time.

        Raises
        ------
        InputError
            For a state of another shape.
        """
        anomalies = {name: self.climatology.anomaly(state, name, "state") for name in self.sums}
        fields = {name: checked_field(self.model, state, name, "state") for name in ("u", "v", "eta")}
        finite = all(np.isfinite(a).all() for a in (*anomalies.values(), *fields.values()))
        self.finite &= not self.model.grid.tile.any(not finite)
        if not self.finite:
            return
        self.days.append(state.time / DAY)
        self.series["volume"].append(total(self.model, self.rise * (fields["eta"] - self.eta)))
        changes = {content: self.contents.change(state, content) for content in ("T", "S")}
        for name, size in self.sizes.items():
            change = changes["T" if name.startswith("heat") else "S"]
            self.series[name].append(change / size if size else np.nan)
        fastest = max(np.abs(fields[name]).max() for name in ("u", "v"))
        self.series["speed"].append(self.model.grid.tile.largest(fastest))
        for name, a in anomalies.items():
            self.sums[name] += a, a**2
        self.states += 1

    def mean_error(self, field: str) -> Array:
        """Return the root mean square over the water of the difference between the means of the run and of the data.

        Parameters
        ----------
        field : str
            The field.

        Returns
        -------
        ndarray, shape (layers + 1,)
            The error by layer, and last over all, in the unit of the field.

        Raises
        ------
        InputError
            For an unknown field, or before any state.
        """
        return self.rms(field, self.moments(field)[0])

    def deviation_error(self, field: str) -> Array:
        """Return the root mean square over the water of the difference between the standard deviations in time.

        Parameters
        ----------
        field : str
            The field.

        Returns
        -------
        ndarray, shape (layers + 1,)
            The error by layer, and last over all, in the unit of the field.
        """
        mean, square = self.moments(field)
        return self.rms(field, np.sqrt(np.maximum(square - mean**2, 0)) - self.deviation[field])

    def moments(self, field: str) -> Array:
        """Return the means over time of the anomaly and of its square.

        Parameters
        ----------
        field : str
            The field.

        Returns
        -------
        ndarray, shape (2, layers, ny, nx)
            The means.
        """
        if field not in self.sums:
            raise InputError(f"field: unknown {field!r}: {suggestion(field, self.sums)}")
        if not self.states:
            raise InputError("no finite state of the run was added yet")
        return self.sums[field] / self.states

    def rms(self, field: str, error: Array) -> Array:
        """Return the root mean square of an error over the water.

        Parameters
        ----------
        field : str
            The field.
        error : ndarray, shape (layers, ny, nx)
            The error.

        Returns
        -------
        ndarray, shape (layers + 1,)
            The root mean square by layer, and last over all.
        """
        squares = self.model.grid.tile.totals(self.climatology.volumes[field] * error**2)
        return np.sqrt(layer_means(squares, self.climatology.layers[field]))
