"""The result of an assimilation as a table and a picture; `adjoint.estimate_file` writes it to a file.

For an ocean that is divided into tiles all processes call these functions, and the first one puts the controls of the
whole ocean together.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cmocean
import matplotlib.colors
import numpy as np
from matplotlib.ticker import MaxNLocator

from adjoint.assimilation import Assimilated
from adjoint.controls import Control, units
from adjoint.estimates import wet_points
from adjoint.misfits import desroziers
from adjoint.observations import Points
from ogcm.model import Model
from ogcm.plotting import LAND, Picture

Array = np.ndarray
Result = TypeVar("Result")
COLUMNS = {
    "cost": "J",
    "observations": "misfit of the observations",
    "background": "distance from the first guess",
    "gradient": "norm of the gradient by the scaled controls",
    "evaluations": "runs so far",
    "loop": "inner loop of a linearised cost, 0 for the cost of a run",
}


class Change(NamedTuple):
    """A control of the whole ocean, before and after the assimilation.

    Attributes
    ----------
    control : Control
        The control.
    wet : ndarray of bool
        Where it has an effect, in the shape of the control.
    before, after : ndarray
        First guess and estimate.
    deviation : ndarray or None
        Standard deviation of the error of the estimate, where it is known.
    true : ndarray or None
        The truth of a twin experiment.
    """

    control: Control
    wet: Array
    before: Array
    after: Array
    deviation: Array | None
    true: Array | None


def with_changes(
    found: Assimilated,
    truth: Mapping[str, Array] | None,
    work: Callable[[list[Change]], Result],
    deviations: Mapping[str, Array] | None = None,
) -> Result | None:
    """Do some work on the changes of all controls in the first process, and return its result there, None elsewhere."""
    model, changes, made = found.controls.model, list[Change](), list[Result]()
    tile = model.grid.tile
    for name, control in found.controls.controls.items():
        wet = np.broadcast_to(wet_points(control, model), control.shape)
        parts = wet, found.first_guess[name], found[name], (deviations or {}).get(name), (truth or {}).get(name)
        whole: list[Any] = [None if a is None else tile.gather(np.asarray(a)) for a in parts]
        changes.append(Change(control, *whole))
    tile.on_first(lambda: made.append(work(changes)))
    return made[0] if made else None


def table(found: Assimilated, truth: Mapping[str, Array] | None = None) -> str:
    """Return a line for each control: numbers, or for maps the root mean square of the change, and of the error.

    `truth` are the true controls of a twin experiment.
    """

    def lines(changes: list[Change]) -> str:
        return "\n".join(
            [f"{'control':16} {'first guess':>14} {'estimate':>14}{head}", *(line(change, model) for change in changes)]
        )

    head, model = f" {'truth':>14}" if truth else "", found.controls.model
    return model.grid.tile.tell(with_changes(found, truth, lines))


def line(change: Change, model: Model) -> str:
    """Return the line of one control in the table."""
    control, wet, before, after, _, true = change
    if control.shape == ():
        last = "" if true is None else f" {float(true):14.6g}"
        return f"{control.name:16} {float(before):14.6g} {float(after):14.6g}{last} {units(control.name, model)}"
    text = f"{control.name:16} rms change {rms(after - before, wet):.4g} {units(control.name, model)}"
    if true is not None:
        text += f"; rms error {rms(after - true, wet):.4g}, that of the first guess {rms(before - true, wet):.4g}"
    return text


def rms(a: Array, wet: Array) -> float:
    """Return the root mean square over water."""
    return float(np.sqrt(np.mean(a[wet] ** 2)))


def misfit_table(found: Assimilated) -> str:
    """Return a line for each kind of observations: misfits before and after, and the errors that they suggest.

    The errors of Desroziers et al. (`adjoint.misfits`) are relative to those that were assumed.
    """
    heads = "".join(f"{head:>13}" for head in ("rms before", "after", "J before", "after", "error found"))
    lines = [f"{'misfit':8} {'number':>7} {heads}"]
    for loss, before, after in found.misfits:
        scaled = before / loss.errors, after / loss.errors
        errors = [np.sqrt(np.mean(a**2)) for a in (before, after)]
        costs = [0.5 * np.sum(a**2) for a in scaled]
        lines.append(
            f"{loss.field:8} {len(before):7} {errors[0]:13.4g}{errors[1]:13.4g}{costs[0]:13.5g}{costs[1]:13.5g}"
            f"{desroziers(*scaled).observation:13.2f}"
        )
    return "\n".join(lines)


def draw_misfits(path: str | Path, found: Assimilated, points: Sequence[Points]) -> None:
    """Draw the misfits before and after: histograms in units of the errors, and maps.

    Parameters
    ----------
    path : str or Path
        Picture to write.
    found : Assimilated
        The result.
    points : sequence of Points
        The observations of its loss, in their order.
    """
    picture = Picture(15, 3.4 * len(found.misfits))
    axes = picture.subplots(len(found.misfits), 3, squeeze=False, width_ratios=[1, 1.2, 1.2])
    for row, (loss, before, after), given in zip(axes, found.misfits, points, strict=True):
        seen, field = given.whole().select(loss.kept), found.controls.model.fields[loss.field]
        edges = np.linspace(-5, 5, 51)
        for values, label, style in ((before, "before", "C1"), (after, "after", "C0")):
            inside = np.clip(values / loss.errors, edges[0], edges[-1])
            row[0].hist(inside, edges, histtype="step", color=style, label=label)
        row[0].legend(fontsize="x-small")
        row[0].set(xlabel="(model - observation)/error", title=f"{loss.field}: {len(before)} observations")
        size = float(np.quantile(np.abs(before), 0.95)) or 1.0
        for ax, values, label in ((row[1], before, "before"), (row[2], after, "after")):
            order = np.argsort(np.abs(values))  # the largest last, which is seen
            place = seen.x[order], seen.y[order]
            drawn = ax.scatter(*place, 6, values[order], cmap=cmocean.cm.balance, vmin=-size, vmax=size, linewidths=0)
            ax.set(title=f"{loss.field}: model - observation, {label}", facecolor=LAND)
            picture.colorbar(drawn, ax=ax, label=field.units, extend="both")
    picture.savefig(path, dpi=100)


def draw(path: str | Path, found: Assimilated, truth: Mapping[str, Array] | None = None) -> Picture | None:
    """Draw J and its gradient against the iterations, estimates relative to the first guess, and changes of maps.

    Returns the picture in the first process, None in the others.
    """

    def drawing(changes: list[Change]) -> Picture:
        picture = draw_changes(changes, found)
        picture.savefig(path, dpi=120)
        return picture

    return with_changes(found, truth, drawing)


def draw_changes(changes: list[Change], found: Assimilated) -> Picture:
    """Return the picture of the iterations and of the changes of all controls."""
    maps = [c for c in changes if c.after.ndim >= 2]
    numbers = [c for c in changes if c.after.ndim == 0]
    twin = any(c.true is not None for c in maps)  # with the truth beside each map
    count = 1 + bool(numbers or twin) + len(maps) * (1 + twin)
    columns = 2 if twin else min(count, 3)
    picture = Picture(5.5 * columns, 3.6 * -(-count // columns))
    axes = list(picture.subplots(-(-count // columns), columns, squeeze=False).flat)
    first = axes.pop(0)
    for name, style in (("cost", "k-"), ("observations", "C0--"), ("background", "C1--"), ("gradient", "C3:")):
        first.semilogy([getattr(i, name) or np.nan for i in found.iterations], style, label=COLUMNS[name])
    first.set(xlabel="iteration")
    first.xaxis.set_major_locator(MaxNLocator(integer=True))
    first.legend(fontsize="x-small")
    if numbers or twin:
        draw_numbers(axes.pop(0), numbers)
    for change in maps:
        versions = {"estimate": change.after} | ({} if change.true is None else {"truth": change.true})
        cells = [axes.pop(0) for _ in range(1 + twin)]
        for ax in cells[len(versions) :]:
            ax.set_visible(False)
        draw_maps(cells, change, versions, found.controls.model)
    for ax in axes:
        ax.set_visible(False)
    return picture


def draw_numbers(ax: Any, changes: list[Change]) -> None:
    """Draw estimates (and truths) of scalars as multiples of their first guess."""
    ax.set_visible(bool(changes))
    for n, change in enumerate(changes):
        first = float(change.before) or 1.0
        ax.plot(float(change.after) / first, n, "C0o", label="estimate" if n == 0 else None)
        if change.true is not None:
            ax.plot(float(change.true) / first, n, "kx", label="truth" if n == 0 else None)
    ax.axvline(1.0, color="0.6", lw=1)
    names = [change.control.name for change in changes]
    ax.set(yticks=range(len(changes)), yticklabels=names, xlabel="multiple of the first guess")
    ax.margins(0.2)
    ax.legend(fontsize="x-small")


def draw_maps(row: Sequence[Any], change: Change, versions: Mapping[str, Array], model: Model) -> None:
    """Draw differences from the first guess with one range of colours: of the uppermost layer, of the record that
    changes most, or along open sides."""
    control, h = change.control, model.horizontal.undivided
    changes = {label: np.where(change.wet, a - change.before, np.nan) for label, a in versions.items()}
    if control.kind == "forcing" and change.after.ndim == (3 if control.rim is None else 4):
        sizes = np.nansum(changes["estimate"] ** 2, axis=tuple(range(1, change.after.ndim)))
        changes = {label: a[int(np.argmax(sizes))] for label, a in changes.items()}
    if control.rim is None:
        changes = {label: a.reshape(-1, *a.shape[-2:])[0] for label, a in changes.items()}
        unit, scale = ("km", 1e3) if h.units == "m" else (h.units, 1.0)
        x, y = (h.x_f if control.point == "u" else h.x_t) / scale, (h.y_f if control.point == "v" else h.y_t) / scale
    else:
        changes = {label: a[:, 0] for label, a in changes.items()}
        unit, x = "points along the open sides", np.arange(float(change.after.shape[-1]))
        y = (0.5 * model.dz - np.cumsum(model.dz))[: len(changes["estimate"])]
    size = max(float(np.nanmax(np.abs(a), initial=0.0)) for a in changes.values()) or 1.0
    for ax, (label, a) in zip(row, changes.items(), strict=False):
        ax.set(title=f"{control.name}: {label} - first guess", xlabel=unit)
        if len(a) == 1:
            ax.plot(x, a[0], ".")
            ax.set(ylabel=units(control.name, model))
            continue
        colours = matplotlib.colors.Normalize(-size, size)
        drawn = ax.pcolormesh(x, y, a, cmap=cmocean.cm.balance, norm=colours, shading="nearest")
        ax.set(facecolor=LAND)
        ax.figure.colorbar(drawn, ax=ax, label=units(control.name, model))
