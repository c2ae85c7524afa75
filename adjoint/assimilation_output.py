"""The result of an assimilation as a table, a NetCDF file (CF-1.11) and a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cmocean
import h5netcdf
import matplotlib.colors
import numpy as np
from matplotlib.ticker import MaxNLocator

import ogcm
from adjoint.assimilation import Assimilated, Iteration
from adjoint.controls import POINTS, Control, units
from adjoint.estimates import wet_points
from ogcm import files, provenance
from ogcm.metadata import history_line, horizontal_dimensions
from ogcm.model import Model
from ogcm.plotting import LAND, Picture

Array = np.ndarray


def table(found: Assimilated, truth: Mapping[str, Array] | None = None) -> str:
    """Return a line for each control: numbers, or for maps the root mean square of the change, and of the error.

    `truth` are the true controls of a twin experiment.
    """
    lines = [f"{'control':16} {'first guess':>14} {'estimate':>14}" + (f" {'truth':>14}" if truth else "")]
    for name, control in found.controls.controls.items():
        first, now = found.first_guess[name], found[name]
        if control.shape == ():
            true = f" {float(truth[name]):14.6g}" if truth else ""
            lines.append(f"{name:16} {float(first):14.6g} {float(now):14.6g}{true} {units(name)}")
            continue
        wet = np.broadcast_to(wet_points(control, found.controls.model), control.shape)
        text = f"{name:16} rms change {rms(now - first, wet):.4g} {units(name)}"
        if truth:
            before, after = rms(first - truth[name], wet), rms(now - truth[name], wet)
            text += f"; rms error {after:.4g}, that of the first guess {before:.4g}"
        lines.append(text)
    return "\n".join(lines)


def rms(a: Array, wet: Array) -> float:
    """Return the root mean square over water."""
    return float(np.sqrt(np.mean(a[wet] ** 2)))


def dimensions(control: Control, model: Model) -> tuple[str, ...]:
    """Return the names of the dimensions of a control in a file."""
    horizontal = horizontal_dimensions(model)[POINTS.get(control.name, "t").upper()]
    if len(control.shape) < 2:
        return ("z" if control.kind == "parameter" else "coefficient",)[: len(control.shape)]
    layers = "record" if control.kind == "forcing" else "z" if control.shape[0] == len(model.dz) else "one"
    return (layers, *horizontal)[-len(control.shape) :]


def save(path: str | Path, found: Assimilated, truth: Mapping[str, Array] | None = None) -> None:
    """Write estimates, first guesses (and the truth of a twin experiment), and J and its gradient by iteration.

    Raises FileError where the file cannot be written.
    """
    model = found.controls.model
    h, (y, x) = model.horizontal, model.horizontal.names
    axes = {x: h.x_t, f"{x}_f": h.x_f, y: h.y_t, f"{y}_f": h.y_f, "z": 0.5 * model.dz - np.cumsum(model.dz)}
    with files.write_hdf5(path, opener=h5netcdf.File) as f:
        f.attrs.update(Conventions="CF-1.11", title=f"controls of {model.name}, estimated by ogcm")
        f.attrs.update(source=f"ogcm {ogcm.__version__}", history=history_line("assimilate"), comment=found.message)
        f.attrs.update(provenance.model_attributes(model))
        f.dimensions = {"iteration": len(found.iterations)}
        for name, column in zip(Iteration._fields, zip(*found.iterations, strict=True), strict=True):
            f.create_variable(name, ("iteration",), data=np.array(column)).attrs["long_name"] = COLUMNS[name]
        for name, control in found.controls.controls.items():
            dims, wet = dimensions(control, model), wet_points(control, model)
            for dim, size in zip(dims, control.shape, strict=True):
                if dim not in f.dimensions:
                    f.dimensions[dim] = size
                    if dim in axes:
                        v = f.create_variable(dim, (dim,), data=np.asarray(axes[dim], float))
                        v.attrs["units"] = "m" if dim == "z" or h.units == "m" else h.units
            versions = {"": found[name], "_first_guess": found.first_guess[name]}
            for ending, values in (versions | ({"_truth": truth[name]} if truth else {})).items():
                v = f.create_variable(f"{name}{ending}", dims, "f8", fillvalue=np.nan)
                v[...] = np.where(wet, values, np.nan)
                v.attrs.update(units=units(name), long_name=f"{name}{ending}".replace("_", " "))


COLUMNS = {
    "cost": "J",
    "observations": "misfit of the observations",
    "background": "distance from the first guess",
    "gradient": "norm of the gradient by the scaled controls",
    "evaluations": "runs so far",
}


def draw(path: str | Path, found: Assimilated, truth: Mapping[str, Array] | None = None) -> Picture:
    """Draw J and its gradient against the iterations, estimates relative to the first guess, and changes of maps."""
    controls = found.controls.controls.values()
    maps = [c for c in controls if len(c.shape) >= 2]
    numbers = [c for c in controls if c.shape == ()]
    columns = 2 if truth or numbers or not maps else 1
    picture = Picture(5.5 * columns, 3.6 * (1 + len(maps)))
    axes = picture.subplots(1 + len(maps), columns, squeeze=False)
    for name, style in (("cost", "k-"), ("observations", "C0--"), ("background", "C1--"), ("gradient", "C3:")):
        axes[0, 0].semilogy([getattr(i, name) or np.nan for i in found.iterations], style, label=COLUMNS[name])
    axes[0, 0].set(xlabel="iteration")
    axes[0, 0].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0, 0].legend(fontsize="x-small")
    if columns == 2:
        draw_numbers(axes[0, 1], numbers, found, truth)
    for row, control in zip(axes[1:], maps, strict=True):
        versions = {"estimate": found[control.name]} | ({"truth": truth[control.name]} if truth else {})
        for ax in row[len(versions) :]:
            ax.set_visible(False)
        draw_maps(row, control, versions, found)
    picture.savefig(path, dpi=120)
    return picture


def draw_numbers(ax: Any, numbers: list[Control], found: Assimilated, truth: Mapping[str, Array] | None) -> None:
    """Draw estimates (and truths) of scalars as multiples of their first guess."""
    ax.set_visible(bool(numbers))
    for n, control in enumerate(numbers):
        first = float(found.first_guess[control.name]) or 1.0
        ax.plot(float(found[control.name]) / first, n, "C0o", label="estimate" if n == 0 else None)
        if truth:
            ax.plot(float(truth[control.name]) / first, n, "kx", label="truth" if n == 0 else None)
    ax.axvline(1.0, color="0.6", lw=1)
    ax.set(yticks=range(len(numbers)), yticklabels=[c.name for c in numbers], xlabel="multiple of the first guess")
    ax.margins(0.2)
    ax.legend(fontsize="x-small")


def draw_maps(row: Array, control: Control, versions: Mapping[str, Array], found: Assimilated) -> None:
    """Draw differences from the first guess, of the uppermost layer or first record, with one range of colours."""
    model, shape = found.controls.model, control.shape
    wet = np.broadcast_to(wet_points(control, model), shape)
    changes = {label: np.where(wet, a - found.first_guess[control.name], np.nan) for label, a in versions.items()}
    changes = {label: a.reshape(-1, *shape[-2:])[0] for label, a in changes.items()}
    size = max(float(np.nanmax(np.abs(a), initial=0.0)) for a in changes.values()) or 1.0
    h, point = model.horizontal, POINTS.get(control.name, "t")
    unit, scale = ("km", 1e3) if h.units == "m" else (h.units, 1.0)
    x, y = (h.x_f if point == "u" else h.x_t) / scale, (h.y_f if point == "v" else h.y_t) / scale
    for ax, (label, a) in zip(row, changes.items(), strict=False):
        colours = matplotlib.colors.Normalize(-size, size)
        drawn = ax.pcolormesh(x, y, a, cmap=cmocean.cm.balance, norm=colours, shading="nearest")
        ax.set(title=f"{control.name}: {label} - first guess", facecolor=LAND, xlabel=unit)
        ax.figure.colorbar(drawn, ax=ax, label=units(control.name))
