"""Pictures of a run: an overview, maps, sections, series and animations of an output file.

    ogcm.plot(simulation)      ogcm.plot("gyre.nc", "gyre.png", kind="map", variable="T", level=3)

A model is written to a temporary file and drawn from it. No window is opened: the figure is returned, is shown by a
notebook, and is saved if an `output` is given.
"""

import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cmocean
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ogcm.errors import FileError, InputError, suggestion
from ogcm.extensions import import_own
from ogcm.record import Record
from ogcm.regions import shift_longitude

if TYPE_CHECKING:
    from ogcm.model import Model
    from ogcm.simulation import Simulation

Array = np.ndarray
LAND = "0.75"
DEFAULT_MAP = "dense"
MAPS = {"T": "thermal", "S": "haline", "eta": "balance", "u": "balance", "v": "balance", "w": "balance",
        "zeta": "curl", "psi": "balance", "overturning": "balance", "h": "deep", "depth": "deep",
        "mixed_layer_depth": "deep"}  # fmt: skip
SIGNED = ("balance", "curl")
SMALLEST_MAP = 5  # rows; a channel with fewer is a slice, drawn as a section


class Picture(Figure):
    """A figure without a window, which a notebook shows.

    Parameters
    ----------
    width, height : float
        Size [inches].
    """

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height), layout="constrained")

    def _repr_png_(self) -> bytes:
        """Return the picture as PNG, for notebooks."""
        page = BytesIO()
        self.savefig(page, format="png", dpi=90)
        return page.getvalue()


def colour_scale(name: str, values: Array, default: str = DEFAULT_MAP) -> dict:
    """Return colour map and limits of a field, without the outermost 0.5 % of its values at each end.

    The limits are symmetrical about 0 for signed fields. `default` is the colour map of fields that have none of their
    own.
    """
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [0.5, 99.5]) if finite.size else (0.0, 1.0)
    chosen = MAPS.get(name, default)
    if chosen in SIGNED:
        high = max(abs(low), abs(high))
        low = -high
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    return {"cmap": getattr(cmocean.cm, chosen), "vmin": low, "vmax": high}


def draw_field(
    axes: Axes, record: Record, name: str, values: Array, dims: Sequence[str], where: str = "", contours: int = 0
) -> None:
    """Draw a field over two coordinates with its colour bar.

    Streamfunctions are drawn with `contours` levels, other fields as cells.
    """
    vertical, horizontal = dims
    default = record.kind.colour_map if record.kind and not record.is_static(name) else DEFAULT_MAP
    style = colour_scale(name, values, default)
    shown = np.ma.masked_invalid(values)
    if contours and min(values.shape) > 1:
        levels = MaxNLocator(contours, steps=[1, 2, 2.5, 5, 10]).tick_values(style["vmin"], style["vmax"])
        X, Y = record.coordinate(horizontal), record.coordinate(vertical)
        image: Any = axes.contourf(X, Y, shown, levels, cmap=style["cmap"], extend="both")
        axes.contour(X, Y, shown, levels, colors="k", linewidths=0.3, negative_linestyles="solid")
        bar: dict[str, Any] = {"format": "%.4g"}
    else:
        edges = record.edges(horizontal), record.edges(vertical)
        image = axes.pcolormesh(*edges, shown, shading="flat", rasterized=True, **style)
        inside = values[np.isfinite(values)]
        beyond = (bool((inside < style["vmin"]).any()), bool((inside > style["vmax"]).any()))
        names = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
        bar = {"extend": names[beyond]}
    axes.set(xlabel=record.axis(horizontal), ylabel=record.axis(vertical))
    axes.set_title(record.label(name, where), fontsize="medium", loc="left")
    axes.figure.colorbar(image, ax=axes, pad=0.02, aspect=25, **bar)
    axes.set_facecolor(LAND)


def horizontal_field(record: Record, name: str, level: int) -> tuple[Array, tuple[str, ...], str]:
    """Return a horizontal field, its dimensions, and words for its depth.

    Raises InputError for a variable that has no horizontal field.
    """
    dims = record.dims(name)
    if len(dims) == 3:
        layers = record.file.dimensions[dims[0]].size
        if not 0 <= level < layers:
            raise InputError(f"level: {name} has the layers 0 to {layers - 1}, got {level}")
        where = record.place(dims[0], level) if layers > 1 else ""
        return record.field(name, level), dims[1:], where
    if len(dims) != 2 or dims[0].startswith("z"):
        raise InputError(f"{name} is no horizontal field; try kind='section' or 'series'")
    values = record.field(name)
    if name == "psi":
        values = values - values[-1].mean()  # 0 on the northern coast, as atlases have it
    if not record.is_static(name) or name == "depth":
        values = np.where(land_mask(record), np.nan, values)
    return values, dims, ""


def land_mask(record: Record) -> Array:
    """Return True where the surface is land, shape (ny, nx)."""
    return record.values("mask", 0) == 0


def draw_map(axes: Axes, record: Record, name: str, level: int = 0) -> None:
    """Draw a map of a field, of its layer `level` if it has layers, with land in grey."""
    values, dims, where = horizontal_field(record, name, level)
    draw_field(axes, record, name, values, dims, where, contours=20 if name == "psi" else 0)


def draw_section(axes: Axes, record: Record, name: str, at: float | None = None) -> None:
    """Draw a meridional section at the coordinate `at` [degrees or km], by default in the middle.

    In a channel of fewer than SMALLEST_MAP rows the section is zonal. Raises InputError for a field without depth.
    """
    dims = record.dims(name)
    if not dims or not dims[0].startswith("z"):
        raise InputError(f"{name} has no depth; try kind='map' or 'series'")
    if len(dims) == 2:
        values, where = record.field(name), ""
        if name == "overturning":
            values = np.where(below_bottom(record), np.nan, values)
    else:
        cut = 2 if record.file.dimensions[dims[1]].size >= SMALLEST_MAP else 1
        along = record.coordinate(dims[cut])
        n = len(along) // 2 if at is None else nearest_point(record, dims[cut], at)
        values = record.field(name, slice(None), *((slice(None), n) if cut == 2 else (n,)))
        where, dims = record.place(dims[cut], n), (dims[0], dims[3 - cut])
    draw_field(axes, record, name, values, dims, where, contours=20 if name == "overturning" else 0)


def nearest_point(record: Record, dim: str, at: float) -> int:
    """Return the index along a horizontal dimension nearest to the coordinate `at` [degrees or km].

    Longitudes may differ by 360. Raises InputError if `at` lies outside the grid.
    """
    along, edges = record.coordinate(dim), record.edges(dim)
    if record.degrees and dim.startswith("lon"):
        at = float(shift_longitude(at, 0.5 * (edges[0] + edges[-1])))
    if not edges[0] <= at <= edges[-1]:
        raise InputError(f"at: {at:g} lies outside the grid, whose {dim} is from {edges[0]:g} to {edges[-1]:g}")
    return int(np.abs(along - at).argmin())


def below_bottom(record: Record) -> Array:
    """Return True for interfaces with no water above them in a row of the grid, shape (nk + 1, ny)."""
    wet = np.any(record.values("mask"), axis=2)
    return np.logical_not(np.concatenate([wet[:1], wet]))


def draw_series(axes: Axes, record: Record, name: str) -> None:
    """Draw a scalar against time."""
    scalars = [n for n, v in record.file.variables.items() if v.dimensions == ("time",) and n != "time"]
    if name not in scalars:
        raise InputError(f"{name!r} is no series: {suggestion(name, scalars)}")
    days, values = record.values("time"), record.values(name)
    axes.plot(days, values, lw=1.6, color="#1f5a96", marker="o" if len(days) < 40 else "", ms=3)
    axes.set(xlabel="time [days]")
    axes.set_title(record.label(name), fontsize="medium", loc="left", pad=14)
    axes.ticklabel_format(axis="y", scilimits=(-3, 4))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def draw_currents(axes: Axes, record: Record) -> None:
    """Draw arrows of the surface current at T points, one for every few cells.

    An arrow is at most twice as long as that of the key.
    """
    u, v = np.nan_to_num(record.field("u", 0)), np.nan_to_num(record.field("v", 0))
    u = 0.5 * (u + np.roll(u, 1, 1))  # a closed western wall is the dry eastern face of the last column
    v = 0.5 * (v + np.roll(v, 1, 0))
    speed = np.hypot(u, v)
    usual = float(np.percentile(speed[~land_mask(record)], 80))
    if usual == 0:
        return
    key = float(f"{usual:.1g}")
    shrink = np.minimum(1.0, 2 * key / np.maximum(speed, 1e-30))
    shown = np.where(land_mask(record) | (speed < 0.03 * usual), np.nan, shrink)
    rows, columns = max(1, round(u.shape[0] / 20)), max(1, round(u.shape[1] / 26))
    chosen = (slice(rows // 2, None, rows), slice(columns // 2, None, columns))
    X, Y = record.coordinate(record.x)[chosen[1]], record.coordinate(record.y)[chosen[0]]
    options: dict[str, Any] = {"width": 0.0022, "headwidth": 4, "headlength": 4.5, "color": "k", "alpha": 0.75}
    arrows = axes.quiver(
        X, Y, (u * shown)[chosen], (v * shown)[chosen], scale=22 * usual, scale_units="width", **options
    )
    axes.quiverkey(arrows, 0.9, 1.035, key, f"{key:g} m s⁻¹", labelpos="W", fontproperties={"size": "small"})


def equal_scales(axes: Axes) -> None:
    """Use equal scales along x and y, unless the picture would become too narrow."""
    if 1 / 3 < np.ptp(axes.get_xlim()) / np.ptp(axes.get_ylim()) < 3:
        axes.set_aspect("equal")


DRAWERS = {"map": draw_map, "section": draw_section, "series": draw_series}


def plot(
    source: "str | Path | Model | Simulation",
    output: str | Path | None = None,
    *,
    kind: str = "overview",
    variable: str | None = None,
    time: int = -1,
    level: int = 0,
    at: float | None = None,
) -> Figure:
    """Draw an output file, a simulation or a model.

    Parameters
    ----------
    source : str, Path, Simulation or Model
        What is drawn; of a simulation its output if it has one, else its model as it is now.
    output : str or Path, optional
        File for the picture; its ending chooses the format.
    kind : str, optional
        "overview" (the default), or "map", "section" or "series" of one variable.
    variable : str, optional
        The variable; default "T", in a series the kinetic energy.
    time : int, optional
        Index of the record; default the last.
    level : int, optional
        Layer of a map; default that of the surface.
    at : float, optional
        Longitude or x of a section [degrees or km]; default the middle.

    Returns
    -------
    Figure
        The figure, which a notebook shows. For an ocean that is divided into tiles all processes must call this; the
        first one draws, and the others return None.

    Raises
    ------
    InputError
        For a variable that does not exist, or does not have the shape that the kind needs.
    FileError
        For a file that cannot be read or written.
    """
    if kind != "overview" and kind not in DRAWERS:
        raise InputError(f"kind: {kind!r} does not exist; choose from overview, {', '.join(DRAWERS)}")
    options: dict[str, Any] = {"kind": kind, "variable": variable, "level": level, "at": at}
    if isinstance(source, str | Path):
        return plot_file(source, output, time, **options)
    model: Any = getattr(source, "model", source)
    path: Any = getattr(source, "output", None)
    tile, drawn = model.grid.tile, list[Figure]()
    with tempfile.TemporaryDirectory() as folder:
        if tile.on_first(lambda: path is None or not Path(path).exists()):
            path, time = Path(folder) / "now.nc", -1
            write_model(path, model)
        tile.on_first(lambda: drawn.append(plot_file(path, output, time, **options)))
    return drawn[0] if drawn else None  # type: ignore[return-value]


def plot_file(
    path: str | Path,
    output: str | Path | None,
    time: int,
    *,
    kind: str,
    variable: str | None,
    level: int,
    at: float | None,
) -> Figure:
    """Draw an output file; arguments and errors are those of `plot`, which has checked the kind."""
    with Record(path, time) as record:
        if kind == "overview":
            draw = overview if record.kind is None else import_own(record.kind.module).overview
            figure = draw(record)
        else:
            figure = Picture(9, 5)
            options: dict[str, dict[str, Any]] = {"map": {"level": level}, "section": {"at": at}, "series": {}}
            default = "kinetic_energy" if kind == "series" else "T" if record.has("T") else "u"
            axes = figure.subplots()
            DRAWERS[kind](axes, record, variable or default, **options[kind])
            if kind == "map":
                equal_scales(axes)
            figure.suptitle(record.title, fontweight="bold")
    if output is not None:
        save_figure(figure, output)
    return figure


def save_figure(figure: Figure, output: str | Path) -> None:
    """Write a picture. Raises FileError if the folder or the format does not exist."""
    try:
        figure.savefig(output, dpi=130)
    except (OSError, ValueError) as error:
        raise FileError(f"{output}: the picture cannot be written: {error}") from None


def write_model(path: Path, model: "Model") -> None:
    """Write everything that can be drawn of a model as it is now to an output file."""
    from ogcm.output import OutputFile
    from ogcm.variables import check_variables, derived_fields, variable_values

    now, variables = model.state.time, check_variables(model, (*model.state.names, *derived_fields(model)))
    writer = OutputFile(path, model, variables, "", means=False)
    writer.write({name: variable_values(model, name) for name in variables}, now, now)
    writer.close()


def overview(record: Record) -> Figure:
    """Draw an overview of a record, with up to six pictures: maps, the overturning, a section and a series.

    Parameters
    ----------
    record : Record
        A record of an output file.

    Returns
    -------
    Figure
        The figure.
    """
    layers = record.file.dimensions["z"].size
    deep, flat = layers > 1, record.file.dimensions[record.y].size >= SMALLEST_MAP
    panels = []
    if flat:
        first = "T" if record.has("T") else "zeta" if record.has("zeta") else "u"
        panels += [("map", name) for name in (first, "eta", "psi") if record.has(name)]
        panels += [("section", "overturning")] * deep
    panels += [("section", name) for name in (("T",) if flat else ("T", "u")) if deep and record.has(name)]
    panels += [("series", "kinetic_energy")] if record.records > 1 or not panels else []
    slender = flat and np.ptp(record.edges(record.x)) < 1.5 * np.ptp(record.edges(record.y))
    columns = 3 if slender else 2 if flat else 1
    rows = -(-len(panels) // columns)
    columns = min(columns, len(panels))
    figure = Picture(*{1: (10, 3.2 * rows), 2: (13, 3.9 * rows), 3: (15.5, 4.4 * rows)}[columns])
    layout: Any = figure.get_layout_engine()
    layout.set(w_pad=0.1, h_pad=0.1)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (kind, name) in zip(places, panels, strict=False):
        DRAWERS[kind](axes, record, name)
        if (kind, name) == ("map", "eta") and record.has("u", "v"):
            draw_currents(axes, record)
    for axes in places[len(panels) :]:
        axes.remove()
    figure.suptitle(record.title, fontsize="x-large", fontweight="bold")
    return figure


def animate(path: str | Path, variable: str, output: str | Path, *, level: int = 0, frames_per_second: int = 8) -> None:
    """Write an animation (GIF) of a horizontal field over all records, with one colour scale.

    Parameters
    ----------
    path : str or Path
        Output file.
    variable : str
        The field.
    output : str or Path
        File for the animation.
    level : int, optional
        Layer of a field with layers; default that of the surface.
    frames_per_second : int, optional
        Speed; default 8.

    Raises
    ------
    InputError
        For a variable that is not a horizontal field, and for a file without records.
    FileError
        For a file that cannot be read or written.
    """
    with Record(path, 0) as record:
        if not record.records:
            raise InputError(f"{path}: has no records to animate; draw maps of it")
        frames = []
        for n in range(record.records):
            record.time = n
            values, dims, where = horizontal_field(record, variable, level)
            frames.append(values)
        together = np.stack(frames)
        figure = Picture(8, 5)
        axes = figure.subplots()
        draw_field(axes, record, variable, together[-1], dims, where)
        image = axes.collections[0]
        limits = colour_scale(variable, together)
        image.set_clim(limits["vmin"], limits["vmax"])
        equal_scales(axes)

        def frame(n: int) -> list:
            record.time = n
            image.set_array(np.ma.masked_invalid(together[n]))
            figure.suptitle(record.title, fontweight="bold")
            return [image]

        try:
            FuncAnimation(figure, frame, len(frames)).save(output, PillowWriter(fps=frames_per_second), dpi=90)
        except (OSError, ValueError) as error:
            raise FileError(f"{output}: the animation cannot be written: {error}") from None
