"""The picture of a prepared ocean: sea floor and basins, the start at the surface and along a section, the forcing."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.fields import FIELDS
from ogcm.preparation.fluxes import mean_of
from ogcm.preparation.ocean_file import Ocean
from ogcm.topography import bodies_of_water

if TYPE_CHECKING:
    from ogcm.plotting import Picture

Array = np.ndarray
DRAWN = {  # entries of the forcing, with their colours
    "tau_x": "balance", "tau_y": "balance", "heat_flux": "balance", "shortwave": "balance", "fresh_water": "balance",
    "T_star": "thermal", "S_star": "haline", "u10": "balance", "v10": "balance", "t2": "thermal", "cloud": "rain",
}  # fmt: skip


def draw(ocean: Ocean) -> "Picture":
    """Draw a prepared ocean.

    Parameters
    ----------
    ocean : Ocean
        The ocean.

    Returns
    -------
    Picture
        The figure: depth with the outlines of basins, temperature and salinity of the surface, a section of the
        temperature along the longest row of the sea, and the time means of the forcing.
    """
    from ogcm.plotting import Picture

    means = {name: mean_of(entry) for name, entry in (ocean.forcing | ocean.atmosphere).items()}
    drawn = [name for name in DRAWN if name in means and means[name].ndim]
    panels = 4 + len(drawn)
    rows = -(-panels // 3)
    figure = Picture(15, 3.6 * rows)
    axes = list(np.ravel(figure.subplots(rows, 3)))
    wet = ocean.depth > 0
    draw_map(axes[0], ocean, np.where(wet, ocean.depth, np.nan), "depth [m]", "deep")
    bodies = bodies_of_water(wet, ocean.cells.closes, False)
    axes[0].contour(ocean.cells.lon, ocean.cells.lat, bodies > 0, [0.5], colors="black", linewidths=0.6)
    axes[0].set_title(f"depth [m], {len(np.unique(bodies[wet]))} basin(s)")
    draw_map(axes[1], ocean, np.where(wet, ocean.T[0], np.nan), "temperature of the surface [degC]", "thermal")
    draw_map(axes[2], ocean, np.where(wet, ocean.S[0], np.nan), "salinity of the surface [g kg-1]", "haline")
    draw_section(axes[3], ocean, wet)
    for panel, name in zip(axes[4:], drawn, strict=False):
        title = f"{name} [{FIELDS[name].units}], mean"
        draw_map(panel, ocean, np.where(wet, means[name], np.nan), title, DRAWN[name])
    for panel in axes[panels:]:
        panel.remove()
    return figure


def draw_map(axes: Any, ocean: Ocean, values: Array, title: str, colours: str) -> None:
    """Draw a map (ny, nx) on the cells."""
    import cmocean

    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [1, 99]) if finite.size else (0.0, 1.0)
    if colours == "balance":
        high = max(abs(low), abs(high))
        low = -high
    image = axes.pcolormesh(
        ocean.cells.lon_edges, ocean.cells.lat_edges, values, cmap=getattr(cmocean.cm, colours), vmin=low, vmax=high
    )
    axes.set_facecolor("0.75")
    axes.set_aspect(1 / np.cos(np.radians(np.mean(ocean.cells.lat))))
    axes.set_title(title)
    axes.figure.colorbar(image, ax=axes, shrink=0.8)


def draw_section(axes: Any, ocean: Ocean, wet: Array) -> None:
    """Draw the temperature along the row of the sea with most cells."""
    import cmocean

    j = int(np.argmax(wet.sum(axis=1)))
    interfaces = np.concatenate([[0.0], np.cumsum(ocean.dz)])
    there = interfaces[:-1, None] < ocean.depth[j]
    image = axes.pcolormesh(
        ocean.cells.lon_edges, interfaces, np.where(there, ocean.T[:, j], np.nan), cmap=cmocean.cm.thermal
    )
    axes.set_facecolor("0.75")
    axes.set_ylim(max(float(ocean.depth[j].max()), interfaces[1]), 0)
    axes.set_title(f"temperature along {ocean.cells.lat[j]:.4g} N [degC]")
    axes.set_ylabel("depth [m]")
    axes.figure.colorbar(image, ax=axes, shrink=0.8)
