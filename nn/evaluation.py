"""Scores of forecasts, spectra and the drift of long runs, as tables, files and pictures.

    scores = Scores(model, climatology, leads=[1, 2, 5, 10], scales=scales)
    scores.add(2, forecast, truth)                                   # for every start and lead; nothing is stored
    print(table({"persistence": ..., "coarse": ..., "corrected": scores}))

Means over the water are weighted with the volume of the resting cells (area for eta), each field at its own points.
Definitions follow WMO (Manual on the Global Data-processing and Forecasting System, WMO-No. 485), Jolliffe and
Stephenson (2012, Forecast Verification, doi 10.1002/9781119960003) and WeatherBench (Rasp et al. 2020,
doi 10.1029/2020MS002203). Scores over many starts are those of the sums over all of them: the root of the mean of the
squares, where WeatherBench takes the mean of the roots.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from adjoint.losses import MeanSquare
from nn.losses import Conservation, EnergySpectrum, Scales, scale_of, volume
from ogcm import files
from ogcm.constants import DAY
from ogcm.errors import InputError, suggestion
from ogcm.fields import FIELDS
from ogcm.grid import interior
from ogcm.model import Model
from ogcm.plotting import LAND, Picture, colours, pretty, save, true_shape
from ogcm.state import State

Array = np.ndarray
CURRENT, ALL = "current", "all"  # u and v as a vector; every field, each divided by its scale
USEFUL = 0.6  # anomaly correlation below which a forecast is called useless


def checked(model: Model, state: State, field: str, what: str) -> Array:
    """A field in float64 as (layers, ny, nx), eta as one layer. Raises InputError for another shape than the model's.

    On land it holds anything.
    """
    a, own = getattr(state, field), getattr(model.state, field)
    if a.shape != own.shape:
        raise InputError(f"{what}: {field} has the shape {a.shape}, the model's is {own.shape} (with halo)")
    return interior(a).reshape(-1, *model.horizontal.shape).astype(float)


def by_layer(sums: Array, cells: Array) -> Array:
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
        self.cells = {name: volume(model, name) for name in mean}
        # In the model's precision: the anomalies of climatology as a forecast are 0, not round-off that correlates.
        self.mean = {name: MeanSquare(model, name, a).data.astype(dtype).reshape(shape) for name, a in mean.items()}

    def anomaly(self, state: State, field: str, what: str) -> Array:
        """A field less its mean (layers, ny, nx), 0 on land. Raises InputError for a shape that does not fit."""
        a = checked(self.model, state, field, what)
        return np.where(self.cells[field] > 0, a - self.mean[field], 0.0)


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
                cells = self.climatology.cells[name]
                for n, square in enumerate(((f - t) ** 2, f**2, t**2, f * t)):
                    self.squares[name][n, lead] += (cells * square).sum(axis=(1, 2))
                self.errors[name][lead] += (cells * (f - t)).sum(axis=(1, 2))
            for n, state in enumerate((forecast, truth)):
                self.energies[n, lead] += self.energy(interior(state.u), interior(state.v))
        self.starts[lead] += 1

    def means(self, field: str) -> Array:
        """Means of the squares over starts and water (4, leads, layers + 1): those of the error, of the anomalies of
        the forecast and of the truth, and of their product, in the unit of the field squared.

        Raises InputError for an unknown field.
        """
        if field == CURRENT and field in self.fields:
            return self.means("u") + self.means("v")
        if field == ALL:
            scaled = (self.over_starts(self.squares[name] / a**2, name) for name, a in self.scales.items())
            return sum(a[..., -1:] for a in scaled) / len(self.scales)
        if field not in self.squares:
            raise InputError(f"field: unknown {field!r}: {suggestion(field, self.fields)}")
        return self.over_starts(self.squares[field], field)

    def over_starts(self, sums: Array, field: str) -> Array:
        """Means over starts and water of what was summed (..., leads, layers + 1)."""
        with np.errstate(invalid="ignore"):
            return by_layer(sums, self.climatology.cells[field]) / np.where(self.starts, self.starts, np.nan)[:, None]

    def rmse(self, field: str = ALL) -> Array:
        """Root mean square error [unit of the field]; of "current" that of the vector, of "all" normalised."""
        return np.sqrt(self.means(field)[0])

    def acc(self, field: str = ALL) -> Array:
        """Anomaly correlation, not centred: sum f't'/sqrt(sum f'^2 sum t'^2), f' and t' from the climatology.

        NaN where it is undefined, as for climatology itself as a forecast.
        """
        _, f, t, product = self.means(field)
        with np.errstate(invalid="ignore", divide="ignore"):
            return product / np.sqrt(f * t)

    def variance_ratio(self, field: str = ALL) -> Array:
        """Mean square of the anomalies of the forecast over that of the truth: below 1 where forecasts are smooth."""
        _, f, t, _ = self.means(field)
        with np.errstate(invalid="ignore", divide="ignore"):
            return f / t

    def bias(self, field: str) -> Array:
        """Mean error [unit of the field]; NaN for "current" and "all", which have no sign."""
        if field in self.errors:
            return self.over_starts(self.errors[field], field)
        return np.full_like(self.rmse(field), np.nan)

    def spectra(self) -> tuple[Array, Array]:
        """The kinetic energy of forecast and truth by wavenumber (leads, M) [m2 s-2], mean over the starts."""
        with np.errstate(invalid="ignore"):
            forecast, truth = self.energies / np.where(self.starts, self.starts, np.nan)[:, None]
        return forecast, truth

    def number(self, lead: float) -> int:
        """The number of a lead [d]. Raises InputError where it is not there."""
        found = np.flatnonzero(np.isclose(self.leads, lead))
        if not len(found):
            raise InputError(f"leads: {lead:g} d is not scored; choose from {', '.join(f'{a:g}' for a in self.leads)}")
        return int(found[0])


class Drift:
    """What a long run does to contents, mean and variability, from running sums.

    `days` and `series` grow with each state: "volume", "heat" and "salt" are changes of the content since the start
    relative to the sum of its magnitudes; "heat_variation" and "salt_variation" the same changes relative to the sum of
    |T - mean T| and |S - mean S|, which is stricter and knows no arbitrary zero; "speed" [m s-1] is the largest of |u|
    and |v|. `finite` tells whether every state was; from the first that is not on, nothing counts any more.
    """

    def __init__(
        self, model: Model, initial: State, climatology: Mapping[str, Array], deviation: Mapping[str, Array]
    ) -> None:
        """`climatology` and `deviation`: mean and standard deviation in time of the data, (nk, ny, nx), eta (ny, nx).

        Raises InputError for unknown fields, other shapes, and a model without tracers.
        """
        self.model, self.climatology = model, Climatology(model, climatology)
        for name in climatology:
            if name not in deviation:
                raise InputError(f"deviation: {name} is missing; give the standard deviation in time at every point")
        self.deviation = Climatology(model, {name: deviation[name] for name in climatology}).mean
        self.contents = Conservation(model, initial, scales={"T": 1.0, "S": 1.0})
        cells = volume(model, "T")
        weight = cells / cells.sum()
        self.rise = volume(model, "eta") / cells.sum()  # of the volume, relative, by eta
        self.eta = checked(model, initial, "eta", "initial")
        self.sizes = {}
        for content, field in (("heat", "T"), ("salt", "S")):
            a = np.where(weight > 0, checked(model, initial, field, "initial"), 0.0)
            self.sizes[content] = (weight * np.abs(a)).sum()
            self.sizes[f"{content}_variation"] = (weight * np.abs(a - (weight * a).sum())).sum()
        self.finite, self.days, self.states = True, [], 0
        self.series = {name: [] for name in ("volume", *self.sizes, "speed")}
        self.sums = {name: np.zeros((2, *a.shape)) for name, a in self.climatology.mean.items()}

    def add(self, state: State) -> None:
        """Look at a state of the run, on the day that it carries. Raises InputError for one of another shape."""
        anomalies = {name: self.climatology.anomaly(state, name, "state") for name in self.sums}
        fields = {name: checked(self.model, state, name, "state") for name in ("u", "v", "eta")}
        self.finite &= all(np.isfinite(a).all() for a in (*anomalies.values(), *fields.values()))
        if not self.finite:
            return
        self.days.append(state.time / DAY)
        self.series["volume"].append((self.rise * (fields["eta"] - self.eta)).sum())
        changes = {content: self.contents.change(state, content) for content in ("T", "S")}
        for name, size in self.sizes.items():
            change = changes["T" if name.startswith("heat") else "S"]
            self.series[name].append(change / size if size else np.nan)
        self.series["speed"].append(max(np.abs(fields[name]).max() for name in ("u", "v")))
        for name, a in anomalies.items():
            self.sums[name] += a, a**2
        self.states += 1

    def mean_error(self, field: str) -> Array:
        """Root mean square over the water of (mean of the run - that of the data), by layer and over all (layers + 1,).

        In the unit of the field. Raises InputError for an unknown field, or before any state.
        """
        return self.rms(field, self.moments(field)[0])

    def deviation_error(self, field: str) -> Array:
        """The same of the standard deviation in time."""
        mean, square = self.moments(field)
        return self.rms(field, np.sqrt(np.maximum(square - mean**2, 0)) - self.deviation[field])

    def moments(self, field: str) -> Array:
        """Mean over time of the anomaly and of its square (2, layers, ny, nx)."""
        if field not in self.sums:
            raise InputError(f"field: unknown {field!r}: {suggestion(field, self.sums)}")
        if not self.states:
            raise InputError("no finite state of the run was added yet")
        return self.sums[field] / self.states

    def rms(self, field: str, error: Array) -> Array:
        cells = self.climatology.cells[field]
        return np.sqrt(by_layer((cells * error**2).sum(axis=(1, 2)), cells))


# Tables and files


def units(field: str) -> str:
    """Unit of the errors of a field."""
    return {CURRENT: "m s-1", ALL: "1"}.get(field) or FIELDS[field].units


def chosen_leads(results: Mapping[str, Scores], leads: Sequence[float] | None) -> list[float]:
    """`leads` [d], or the first, middle and last. Raises InputError without results."""
    if not results:
        raise InputError("results: there are none; give the scores of at least one model")
    known = next(iter(results.values())).leads
    return list(dict.fromkeys([known[0], known[len(known) // 2], known[-1]] if leads is None else leads))


def table(results: Mapping[str, Scores], field: str = ALL, leads: Sequence[float] | None = None) -> str:
    """RMSE and ACC of a field over all layers, a line for each model, at `leads` [d] (first, middle and last).

    A dash stands for what is undefined. Raises InputError for a field or lead that is not scored.
    """
    leads, width = chosen_leads(results, leads), max(map(len, (*results, "model")))
    heads = [f"{name} {lead:g} d" for name in ("RMSE", "ACC") for lead in leads]
    lines = [f"{'model':{width}}" + "".join(f"{head:>12}" for head in heads)]
    for model, scores in results.items():
        chosen = [scores.number(lead) for lead in leads]
        cells = [f"{a:12.4g}" for a in scores.rmse(field)[chosen, -1]]
        cells += [f"{a:12.3f}" for a in scores.acc(field)[chosen, -1]]
        lines.append(f"{model:{width}}" + "".join(f"{'-':>12}" if cell.strip() == "nan" else cell for cell in cells))
    return "\n".join([f"{name_of(field)} [{units(field)}]", *lines])


COLUMNS = (
    "model",
    "field",
    "layer",
    "depth_m",
    "lead_days",
    "starts",
    "units",
    "rmse",
    "bias",
    "acc",
    "variance_ratio",
)


def write_csv(path: str | Path, results: Mapping[str, Scores]) -> None:
    """A line for each model, field, layer and lead (COLUMNS); `units` are those of rmse and bias.

    `layer` counts from 0 at the surface, "all" is over the layers; `depth_m` is that of its centre. What is undefined
    is nan. Raises FileError where the disk does not take it.
    """
    lines = [COLUMNS]
    for model, scores in results.items():
        depth = np.cumsum(scores.model.dz) - 0.5 * scores.model.dz
        for field in scores.fields:
            found = np.stack([scores.rmse(field), scores.bias(field), scores.acc(field), scores.variance_ratio(field)])
            layers = found.shape[-1] - 1
            places = [(k, f"{depth[k]:g}", k) for k in range(layers)] if layers > 1 else []
            for layer, deep, k in [*places, ("all", "", layers)]:
                for n, lead in enumerate(scores.leads):
                    numbers = [f"{a:.9g}" for a in found[:, n, k]]
                    lines.append([model, field, layer, deep, f"{lead:g}", scores.starts[n], units(field), *numbers])
    files.put_table(path, lines)


# Pictures


def name_of(field: str) -> str:
    """A field in words."""
    return {CURRENT: "current", ALL: "all fields, normalised"}.get(field) or FIELDS[field].long_name


def style(n: int) -> dict:
    """How the line of the model number n looks."""
    return {"color": f"C{n % 10}", "lw": 1.8, "marker": "osD^v"[n % 5], "ms": 4, "ls": ("-", "--")[n // 10 % 2]}


def tidy(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def legend(picture: Picture, lines: Mapping[str, object]) -> None:
    """One for all panels, below them."""
    picture.legend(
        lines.values(),
        lines.keys(),
        loc="outside lower center",
        ncols=min(len(lines), int(picture.get_figwidth() / 2)),
        frameon=False,
    )


def draw_scores(results: Mapping[str, Scores], path: str | Path) -> Picture:
    """RMSE (above) and ACC (below) over all layers against lead, a column for each field, a line for each model.

    Dotted: the error of climatology and the ACC of 0.6 below which forecasts are called useless. What is worse than 2.5
    times climatology leaves the picture. Raises InputError without results, FileError where it cannot be written.
    """
    chosen_leads(results, None)
    first = next(iter(results.values()))
    fields = [f for f in (ALL, *first.fields[:-1]) if not (f in ("u", "v") and CURRENT in first.fields)]
    picture = Picture(1 + 3.1 * len(fields), 6.2)
    lines = {}
    for column, field in zip(picture.subplots(2, len(fields), squeeze=False, sharex=True).T, fields, strict=True):
        for n, (model, scores) in enumerate(results.items()):
            for axes, score in zip(column, (scores.rmse, scores.acc), strict=True):
                (lines[model],) = axes.plot(scores.leads, score(field)[:, -1], **style(n))
        usual = np.sqrt(first.means(field)[2, :, -1])
        lines["climatology, or ACC 0.6"] = column[0].plot(first.leads, usual, "k:", lw=1.2)[0]
        column[1].axhline(USEFUL, color="k", ls=":", lw=1.2)
        unit = "" if field == ALL else f" [{pretty(units(field))}]"
        column[0].set_title(f"{name_of(field)}{unit}", fontsize="medium")
        column[0].set_ylim(0, min(column[0].get_ylim()[1], 2.5 * np.nanmax(usual, initial=0)) or 1)
        low = np.nanmin([np.nanmin(scores.acc(field)[:, -1], initial=0.0) for scores in results.values()])
        column[1].set(xlabel="lead [days]", ylim=(1.05 * low, 1.03))
        for axes in column:
            tidy(axes)
            axes.set_xlim(left=0)
    picture.axes[0].set_ylabel("root mean square error")
    picture.axes[len(fields)].set_ylabel("anomaly correlation")
    legend(picture, lines)
    save(picture, path)
    return picture


def draw_spectra(results: Mapping[str, Scores], path: str | Path, leads: Sequence[float] | None = None) -> Picture:
    """Kinetic energy against wavelength along x, a panel for each of `leads` [d] (first, middle and last).

    Raises InputError for a lead that is not scored, FileError where the picture cannot be written.
    """
    leads = chosen_leads(results, leads)
    picture = Picture(1 + 4 * len(leads), 4.6)
    lines = {}
    panels = picture.subplots(1, len(leads), squeeze=False, sharex=True, sharey=True)[0]
    top = 0.0
    for axes, lead in zip(panels, leads, strict=True):
        for n, (model, scores) in enumerate(results.items()):
            forecast, truth = (E[scores.number(lead)] for E in scores.spectra())
            wavelength = scores.energy.wavelength / 1e3
            if n == 0:
                (lines["truth"],) = axes.loglog(wavelength, truth, "k", lw=2.5)
            (lines[model],) = axes.loglog(wavelength, forecast, **(style(n) | {"marker": "", "lw": 1.5}))
            top = np.nanmax(truth, initial=top)
        axes.set_title(f"lead {lead:g} days", fontsize="medium")
        axes.set_xlabel("wavelength along x [km]")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        tidy(axes)
    panels[0].invert_xaxis()
    panels[0].set_ylabel(f"kinetic energy in each wavenumber [{pretty('m2 s-2')}]")
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(max(low, 1e-10 * top), min(high, 5 * top) or high)
    legend(picture, lines)
    save(picture, path)
    return picture


def draw_maps(
    model: Model, truth: State, forecasts: Mapping[str, State], field: str, level: int, path: str | Path
) -> Picture:
    """The truth and the forecasts of `field` in the layer `level` (above), and the errors (below), land grey.

    The colours are the same for all of a row. Raises InputError for an unknown field, a level that does not exist or
    states of another shape, FileError where the picture cannot be written.
    """
    wet = volume(model, field) > 0
    if not 0 <= level < len(wet):
        raise InputError(f"level: {field} has the layers 0 to {len(wet) - 1}, got {level}")
    states = {"truth": truth} | dict(forecasts)
    shown = {name: np.where(wet, checked(model, a, field, name), np.nan)[level] for name, a in states.items()}
    errors = {name: a - shown["truth"] for name, a in shown.items() if name != "truth"}
    values = colours(field, np.stack(list(shown.values())))
    distances = colours("eta", np.stack(list(errors.values()))) if errors else {}
    h, point = model.horizontal, FIELDS[field].point
    size, unit = (1e3, "km") if h.units == "m" else (1.0, "°" if h.units == "degrees" else "cells")
    x, y = (h.x_f if point == "U" else h.x_t) / size, (h.y_f if point == "V" else h.y_t) / size
    shape = float(np.clip(np.ptp(y) / np.ptp(x), 1 / 3, 1.5))
    width = 4.4 if shape < 0.6 and len(shown) < 4 else 3.4
    picture = Picture(width * len(shown) + 1, 2 * (width * shape + 0.5) + 0.5)
    rows = picture.subplots(2, len(shown), squeeze=False, sharex=True, sharey=True)
    rows[1, 0].set_axis_off()
    for axes, name in zip(rows[0], shown, strict=True):
        above = axes.pcolormesh(x, y, shown[name], shading="nearest", rasterized=True, **values)
        axes.set_title(name, fontsize="medium")
    for axes, name in zip(rows[1, 1:], errors, strict=True):
        below = axes.pcolormesh(x, y, errors[name], shading="nearest", rasterized=True, **distances)
        axes.set_title(f"{name} - truth, rms {np.sqrt(np.nanmean(errors[name] ** 2)):.3g}", fontsize="medium")
    for axes in picture.axes:
        axes.set_facecolor(LAND)
        axes.set(xlabel=f"{h.names[1]} [{unit}]", ylabel=f"{h.names[0]} [{unit}]")
        true_shape(axes)
    for axes in rows.flat:
        axes.label_outer()
    for axes, side in ((rows[0, 0], "bottom"), (rows[1, min(1, len(errors))], "left")):  # no panel is outside of these
        axes.tick_params(**{f"label{side}": True})
    label = pretty(FIELDS[field].units)
    picture.colorbar(above, ax=list(rows[0]), label=label, extend="both", aspect=25)
    if errors:
        picture.colorbar(below, ax=list(rows[1]), label=f"error [{label}]", extend="both", aspect=25)
    depth = "" if field == "eta" else f" at {np.cumsum(model.dz)[level] - 0.5 * model.dz[level]:g} m"
    picture.suptitle(f"{FIELDS[field].long_name}{depth} [{label}]", fontweight="bold")
    save(picture, path)
    return picture
