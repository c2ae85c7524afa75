"""Pictures of the files of `ogcm sensitivity`; `ogcm.plot` draws them with `overview`."""

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adjoint.sensitivity import SENSITIVITY
from ogcm.plotting import Picture, draw_field, equal_scales
from ogcm.record import Record, pretty_units


def overview(record: Record) -> Figure:
    """Draw a map of the sensitivity to each control of a file of `ogcm sensitivity`, per area, with numbers below.

    The maps show sums over the records of a series (a change that lasts) and over the layers of a field (a change of
    the whole column).
    """
    found = [n for n in record.fields() if n.startswith(SENSITIVITY)]
    maps = [n for n in found if record.dims(n)[-1:] in ((record.x,), (f"{record.x}_f",))]
    columns = min(2, max(1, len(maps)))
    rows = max(1, -(-len(maps) // columns))
    shape = np.clip(np.ptp(record.edges(record.y)) / np.ptp(record.edges(record.x)), 1 / 3, 1.2)  # of equal_scales
    width = 5.6 if shape > 0.7 else 7.2
    figure = Picture(width * columns, ((width - 1.5) * shape + 0.9) * rows + 0.5)
    layout: Any = figure.get_layout_engine()
    layout.set(w_pad=0.1, h_pad=0.12)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(places, maps, strict=False):
        draw_sensitivity(axes, record, name)
    for axes in places[len(maps) :]:
        axes.remove()
    numbers = [f"{record.label(n)}: {record.field(n):.4g}" for n in found if not record.dims(n)]
    figure.supxlabel("\n".join(numbers), fontsize="medium")
    figure.suptitle(textwrap.fill(record.title, int(11 * width * columns)), fontweight="bold")
    return figure


def draw_sensitivity(axes: Axes, record: Record, name: str) -> None:
    """Draw a map of the sensitivity per area to one control, with the section or box of the quantity."""
    v, dims, values = record.file[name], record.dims(name)[-2:], record.field(name)
    summed = tuple(range(values.ndim - 2))
    dry = np.isnan(values).all(axis=summed) if summed else np.isnan(values)
    area = record.values(v.attrs["cell_measures"].removeprefix("area: "))
    unit, text = (1e12, "10⁶ km²") if area.sum() > 1e11 else (1e6, "km²")
    shown = np.where(dry, np.nan, np.nansum(values, axis=summed) * unit / area)
    draw_field(axes, record, name, shown, dims)
    over = {"z": ", whole column"}.get(record.dims(name)[0], ", all records") if summed else ""
    label = f"to {name.removeprefix(SENSITIVITY)}{over} [{pretty_units(v.attrs['units'])} per {text}]"
    axes.set_title(label, fontsize="medium", loc="left")
    if "quantity_x" in record.file.attrs:
        X, Y = (np.asarray(record.file.attrs[f"quantity_{axis}"]) for axis in "xy")
        X, Y = (X / 1e3, Y / 1e3) if record.in_km(record.x) else (X, Y)
        axes.plot(X[[0, 1, 1, 0, 0]], Y[[0, 0, 1, 1, 0]], color="limegreen", lw=2.5)
    axes.set(xlim=record.edges(record.x)[[0, -1]], ylim=record.edges(record.y)[[0, -1]])
    equal_scales(axes)
