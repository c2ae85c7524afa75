"""Pictures of scores, spectra, forecasts and trainings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from nn.score_tables import chosen_leads
from nn.scores import ALL, CURRENT, Scores, checked_field
from ogcm.errors import InputError
from ogcm.model import Model
from ogcm.plotting import LAND, Picture, colour_scale, equal_scales, save_figure
from ogcm.record import pretty_units
from ogcm.regions import field_volume
from ogcm.state import State

if TYPE_CHECKING:
    from nn.training_files import Iteration

Array = np.ndarray
USEFUL = 0.6  # anomaly correlation below which a forecast is called useless


def line_style(n: int) -> dict:
    """Return the style of the line of model number n."""
    return {"color": f"C{n % 10}", "lw": 1.8, "marker": "osD^v"[n % 5], "ms": 4, "ls": ("-", "--")[n // 10 % 2]}


def clean_axes(axes: Axes) -> None:
    """Draw a grid and remove the upper and right sides."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def shared_legend(picture: Picture, lines: Mapping[str, Any]) -> None:
    """Draw one legend for all panels, below them."""
    picture.legend(
        list(lines.values()),
        list(lines),
        loc="outside lower center",
        ncols=min(len(lines), int(picture.get_figwidth() / 2)),
        frameon=False,
    )


def draw_scores(results: Mapping[str, Scores], path: str | Path) -> Picture:
    """Draw RMSE (above) and anomaly correlation (below) against lead, a column for each field, a line for each model.

    Dotted lines are the error of climatology, and the anomaly correlation of 0.6 below which forecasts are called
    useless. Errors above 2.5 times that of climatology are outside the picture.

    Parameters
    ----------
    results : mapping of str to Scores
        Scores by the name of the model.
    path : str or Path
        File of the picture.

    Returns
    -------
    Picture
        The picture.

    Raises
    ------
    InputError
        Without results.
    FileError
        Where the picture cannot be written.
    """
    chosen_leads(results, None)
    first = next(iter(results.values()))
    fields = [f for f in (ALL, *first.fields[:-1]) if not (f in ("u", "v") and CURRENT in first.fields)]
    picture = Picture(1 + 3.1 * len(fields), 6.2)
    lines = {}
    for column, field in zip(picture.subplots(2, len(fields), squeeze=False, sharex=True).T, fields, strict=True):
        for n, (model, scores) in enumerate(results.items()):
            for axes, score in zip(column, (scores.rmse, scores.acc), strict=True):
                (lines[model],) = axes.plot(scores.leads, score(field)[:, -1], **line_style(n))
        usual = np.sqrt(first.mean_squares(field)[2, :, -1])
        lines["climatology, or ACC 0.6"] = column[0].plot(first.leads, usual, "k:", lw=1.2)[0]
        column[1].axhline(USEFUL, color="k", ls=":", lw=1.2)
        units, name, *_ = first.description(field)
        unit = "" if field == ALL else f" [{pretty_units(units)}]"
        column[0].set_title(f"{name}{unit}", fontsize="medium")
        column[0].set_ylim(0, min(column[0].get_ylim()[1], 2.5 * np.nanmax(usual, initial=0)) or 1)
        low = np.nanmin([np.nanmin(scores.acc(field)[:, -1], initial=0.0) for scores in results.values()])
        column[1].set(xlabel="lead [days]", ylim=(1.05 * low, 1.03))
        for axes in column:
            clean_axes(axes)
            axes.set_xlim(left=0)
    picture.axes[0].set_ylabel("root mean square error")
    picture.axes[len(fields)].set_ylabel("anomaly correlation")
    shared_legend(picture, lines)
    save_figure(picture, path)
    return picture


def draw_spectra(results: Mapping[str, Scores], path: str | Path, leads: Sequence[float] | None = None) -> Picture:
    """Draw kinetic energy against wavelength along x, a panel for each lead.

    Parameters
    ----------
    results : mapping of str to Scores
        Scores by the name of the model.
    path : str or Path
        File of the picture.
    leads : sequence of float, optional
        Lead times [days]; by default the first, middle and last.

    Returns
    -------
    Picture
        The picture.

    Raises
    ------
    InputError
        For a lead that is not scored.
    FileError
        Where the picture cannot be written.
    """
    leads = chosen_leads(results, leads)
    picture = Picture(1 + 4 * len(leads), 4.6)
    lines = {}
    panels = picture.subplots(1, len(leads), squeeze=False, sharex=True, sharey=True)[0]
    top = 0.0
    for axes, lead in zip(panels, leads, strict=True):
        for n, (model, scores) in enumerate(results.items()):
            forecast, truth = (E[scores.index_of(lead)] for E in scores.spectra())
            wavelength = scores.energy.wavelength / 1e3
            if n == 0:
                (lines["truth"],) = axes.loglog(wavelength, truth, "k", lw=2.5)
            (lines[model],) = axes.loglog(wavelength, forecast, **(line_style(n) | {"marker": "", "lw": 1.5}))
            top = np.nanmax(truth, initial=top)
        axes.set_title(f"lead {lead:g} days", fontsize="medium")
        axes.set_xlabel("wavelength along x [km]")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        clean_axes(axes)
    panels[0].invert_xaxis()
    panels[0].set_ylabel(f"kinetic energy in each wavenumber [{pretty_units('m2 s-2')}]")
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(max(low, 1e-10 * top), min(high, 5 * top) or high)
    shared_legend(picture, lines)
    save_figure(picture, path)
    return picture


def draw_maps(
    model: Model, truth: State, forecasts: Mapping[str, State], field: str, level: int, path: str | Path
) -> Picture:
    """Draw maps of the truth and of forecasts (above), and of their errors (below), with one range of colours in a row.

    Parameters
    ----------
    model : Model
        The model of the states.
    truth : State
        The true state.
    forecasts : mapping of str to State
        Forecasts by name.
    field : str
        The field.
    level : int
        The layer, from 0 at the surface.
    path : str or Path
        File of the picture.

    Returns
    -------
    Picture
        The picture; land is grey.

    Raises
    ------
    InputError
        For an unknown field, a level that does not exist, and states of another shape.
    FileError
        Where the picture cannot be written.
    """
    wet = field_volume(model, field) > 0
    if not 0 <= level < len(wet):
        raise InputError(f"level: {field} has the layers 0 to {len(wet) - 1}, got {level}")
    states = {"truth": truth} | dict(forecasts)
    shown = {name: np.where(wet, checked_field(model, a, field, name), np.nan)[level] for name, a in states.items()}
    errors = {name: a - shown["truth"] for name, a in shown.items() if name != "truth"}
    values = colour_scale(field, np.stack(list(shown.values())))
    distances = colour_scale("eta", np.stack(list(errors.values()))) if errors else {}
    h, point = model.horizontal, model.fields[field].point
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
        equal_scales(axes)
    for axes in rows.flat:
        axes.label_outer()
    for axes, side in ((rows[0, 0], "bottom"), (rows[1, min(1, len(errors))], "left")):  # no panel is outside of these
        axes.tick_params(**{f"label{side}": True})
    label = pretty_units(model.fields[field].units)
    picture.colorbar(above, ax=list(rows[0]), label=label, extend="both", aspect=25)
    if errors:
        picture.colorbar(below, ax=list(rows[1]), label=f"error [{label}]", extend="both", aspect=25)
    depth = "" if field == "eta" else f" at {np.cumsum(model.dz)[level] - 0.5 * model.dz[level]:g} m"
    picture.suptitle(f"{model.fields[field].long_name}{depth} [{label}]", fontweight="bold")
    save_figure(picture, path)
    return picture


def draw_training(log: "Sequence[Iteration]", path: str | Path) -> None:
    """Draw loss, validation loss and norm of the gradient against the iteration; lines mark the stages."""
    figure = Picture(9, 6)
    above, below = figure.subplots(2, 1, sharex=True)
    number = [line.iteration for line in log]
    above.semilogy(number, [line.loss for line in log], lw=0.8, color="C0", label="batch")
    validated = [line for line in log if np.isfinite(line.validation)]
    at, losses = [line.iteration for line in validated], [line.validation for line in validated]
    above.semilogy(at, losses, "o-", color="C1", label="validation")
    below.semilogy(number, [line.gradient for line in log], lw=0.8, color="C2")
    for n, line in enumerate(log):
        if n == 0 or log[n - 1].records != line.records:
            for axes in (above, below):
                axes.axvline(line.iteration, color="0.6", lw=0.8)
            length = f"{line.records} records" if line.records else "instants"
            above.text(line.iteration, 1.01, length, transform=above.get_xaxis_transform(), size=8)
    above.set(ylabel="normalised mean square error")
    below.set(ylabel="norm of the gradient", xlabel="iteration")
    above.legend()
    for axes in (above, below):
        axes.grid(alpha=0.3)
    save_figure(figure, path)
