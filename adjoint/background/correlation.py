"""Correlations of a control: along its layers or its rim, over its depth, and between the records of a series.

    C^(1/2) = V_h V_v V_t

Each factor is a diffusion (`diffusion`) that acts along some axes of the control: V_h on each layer with the land of
this layer, V_v on each column with the thickness of its cells, V_t on the records of each point. All have the variance
1 at each point, and so has their product: an element of one row of it is a product of one element of each factor.

Values outside open sides, which are a list of points, correlate along these points, as neighbours on the grid. A series
with a period is correlated across its end; the waves of a tide are not correlated with each other.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from adjoint.background.diffusion import APART, Diffusion, Links
from adjoint.controls import Control
from ogcm.constants import DAY
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.horizontal_grid import HorizontalGrid
from ogcm.model import Model

Array = np.ndarray


class Places(NamedTuple):
    """The points of a control of the whole ocean, which has nt records of nk layers of N points.

    Attributes
    ----------
    wet : ndarray of bool, shape (nt, nk, N)
        Where the control has an effect.
    grid : HorizontalGrid
        Grid of the whole ocean.
    kind : str
        "t", "u" or "v".
    columns : ndarray of int, shape (N,)
        Number of each point in a map of the grid, row by row.
    thickness, spacing : ndarray, shape (nk, N) and (nk - 1, N), or None
        Thickness of the layers, and distance between their centres [m]; None for what has no layers.
    times : ndarray or None
        Times of the records [s]; None for what is no series.
    period : float or None
        Time after which they repeat [s].
    """

    wet: Array
    grid: HorizontalGrid
    kind: str
    columns: Array
    thickness: Array | None
    spacing: Array | None
    times: Array | None
    period: float | None

    @classmethod
    def of(cls, control: Control, model: Model, wet: Array, h: Array | None) -> "Places":
        """Describe the points of a control with at least two axes.

        Parameters
        ----------
        control : Control
            The control.
        model : Model
            The model, or a tile of it.
        wet : ndarray of bool
            Where the control has an effect in the whole ocean, of the shape of the control.
        h : ndarray, shape (nk, ny, nx), or None
            Thickness of the layers in the whole ocean [m] (`layer_thickness`), for a correlation over depth.

        Returns
        -------
        Places
            The points.
        """
        grid, kind = model.horizontal.undivided, control.point
        series = model.forcing.series.get(control.name) if control.kind == "forcing" else None
        shape = (-1, *wet.shape[-3:-2], wet.shape[-2] * wet.shape[-1])
        layered = wet.reshape(shape if is_layered(control) else (-1, 1, shape[-1]))
        numbers = np.arange(grid.shape[0] * grid.shape[1]) if control.rim is None else rim_columns(control)
        thickness = spacing = None
        if h is not None:
            h = h.reshape(len(h), -1)[:, numbers]
            thickness, spacing = h, 0.5 * (h[:-1] + h[1:])
            if layered.shape[1] > len(h):  # at the tops of layers
                ends = np.pad(h, ((1, 1), (0, 0)))
                thickness, spacing = 0.5 * (ends[:-1] + ends[1:]), h
        times, period = (None, None) if series is None else (np.asarray(series.times, float), series.period)
        return cls(layered, grid, kind, numbers, thickness, spacing, times, period)


def is_layered(control: Control) -> bool:
    """Return whether a control has layers."""
    if control.rim is not None:
        return len(control.shape) > 1
    return control.kind != "forcing" and len(control.shape) == 3


def rim_columns(control: Control) -> Array:
    """Return the numbers of the points of a rim in a map of the grid, in their order."""
    rim: Any = control.rim
    places, zone = interior(rim.places), interior(rim.zone)
    return np.flatnonzero((places >= 0) | (zone >= 0))


def layer_thickness(control: Control, model: Model) -> Array | None:
    """Return the thickness of the layers (nk, ny, nx) [m] at the points of a control; None for what has no layers."""
    return interior(getattr(model.grid, f"h_{control.point}")) if is_layered(control) else None


class Correlation:
    """The square root of the correlation of a control.

    Parameters
    ----------
    places : Places
        The points of the control.
    lengths : dict of str to float
        Lengths L of the correlation: `length` along layers and `depth` [m], and `days`; 0 for none.
    made : dict, optional
        Diffusions of layers that were made before, for controls at the same points; receives those that are made.
    """

    def __init__(self, places: Places, lengths: dict[str, float], made: dict[Any, Diffusion] | None = None) -> None:
        length, depth, time = lengths["length"], lengths["depth"], lengths["days"] * DAY
        self.wet = places.wet
        numbers = np.arange(self.wet.size).reshape(self.wet.shape)
        # Each part: the numbers (n, m) of the m times n elements on which a diffusion of n points acts, and this.
        self.parts: list[tuple[Array, Diffusion]] = []
        if time and places.times is not None:
            of_water = numbers.reshape(len(numbers), -1)[:, self.wet[0].ravel()]
            self.parts.append((of_water, Diffusion(record_links(len(numbers), places.times, places.period), time)))
        if depth and places.thickness is not None and places.spacing is not None:
            columns = Diffusion(column_links(self.wet[0], places.thickness, places.spacing), depth)
            self.parts.append((numbers.reshape(len(numbers), -1)[:, self.wet[0].ravel()].T, columns))
        if length:
            made = {} if made is None else made
            self.parts += [(numbers[:, layers][..., wet].reshape(-1, wet.sum()).T, diffusion)
                           for layers, wet, diffusion in diffusions_of_layers(places, length, made)]  # fmt: skip

    def root(self, z: Array) -> Array:
        """Compute C^(1/2) z.

        Parameters
        ----------
        z : ndarray
            Values in the shape of the control, real or complex.

        Returns
        -------
        ndarray
            Correlated values in this shape, 0 on land.
        """
        a = np.where(self.wet, z.reshape(self.wet.shape), 0).ravel()
        for at, diffusion in self.parts:
            a[at] = diffusion.root(a[at])
        return a.reshape(z.shape)

    def transpose(self, x_ad: Array) -> Array:
        """Compute the transpose of `root`.

        Parameters
        ----------
        x_ad : ndarray
            Gradient with respect to correlated values, in the shape of the control; what is on land does not matter.

        Returns
        -------
        ndarray
            Gradient with respect to z in this shape, 0 on land.
        """
        a = np.where(self.wet, x_ad.reshape(self.wet.shape), 0).ravel()
        for at, diffusion in reversed(self.parts):
            a[at] = diffusion.transpose(a[at])
        return a.reshape(x_ad.shape)


class TwoScales:
    """The square root of the sum of two correlations with parts of the variance, C = (1 - s) C1 + s C2.

    It acts on two vectors at once: C^(1/2) z = (1 - s)^(1/2) C1^(1/2) z1 + s^(1/2) C2^(1/2) z2.

    Parameters
    ----------
    first, second : Correlation
        C1 and C2.
    share : float
        s, between 0 and 1.
    """

    def __init__(self, first: Correlation, second: Correlation, share: float) -> None:
        self.parts = (np.sqrt(1 - share), first), (np.sqrt(share), second)

    def root(self, z: Array) -> Array:
        """Compute C^(1/2) z.

        Parameters
        ----------
        z : ndarray, shape (2, ...)
            z1 and z2 in the shape of the control, real or complex.

        Returns
        -------
        ndarray
            Correlated values in the shape of the control, 0 on land.
        """
        (a, first), (b, second) = self.parts
        return a * first.root(z[0]) + b * second.root(z[1])

    def transpose(self, x_ad: Array) -> Array:
        """Compute the transpose of `root`.

        Parameters
        ----------
        x_ad : ndarray
            Gradient with respect to correlated values, in the shape of the control; what is on land does not matter.

        Returns
        -------
        ndarray, shape (2, ...)
            Gradient with respect to z1 and z2, 0 on land.
        """
        return np.stack([factor * part.transpose(x_ad) for factor, part in self.parts])


def diffusions_of_layers(
    places: Places, length: float, made: dict[Any, Diffusion]
) -> Iterator[tuple[Array, Array, Diffusion]]:
    """Yield the layers with the same water, this water (N,), and the diffusion along them, which may be in `made`."""
    masks, of_layer = np.unique(places.wet[0], axis=0, return_inverse=True)
    for m, wet in enumerate(masks):
        if not wet.any():
            continue
        at = np.zeros(places.grid.shape, bool)
        at.flat[places.columns[wet]] = True
        key = places.kind, length, at.tobytes()
        if key not in made:
            made[key] = Diffusion(layer_links(places.grid, places.kind, at, length), length)
        yield np.flatnonzero(of_layer.ravel() == m), wet, made[key]


def layer_links(grid: HorizontalGrid, kind: str, wet: Array, length: float) -> Links:
    """Link the wet neighbours of a layer.

    Parameters
    ----------
    grid : HorizontalGrid
        Grid of the whole ocean.
    kind : str
        "t", "u" or "v".
    wet : ndarray of bool, shape (ny, nx)
        Water.
    length : float
        Length of the correlation [m], for the colours.

    Returns
    -------
    Links
        The points, row by row, and their links; of one dimension where they are a line.
    """
    (dx, dy), along = cells(grid, kind)
    numbers, ends = np.full(wet.shape, -1), []
    numbers[wet] = np.arange(wet.sum())
    for axis, periodic in enumerate(grid.sides):
        linked = wet & np.roll(wet, -1, axis)
        if not periodic or wet.shape[axis] == 1:
            linked[(-1,) if axis == 0 else np.s_[:, -1]] = False
        width, distance = along[axis]
        ends.append((numbers[linked], np.roll(numbers, -1, axis)[linked], (width / distance)[linked]))
    first, second, conductance = (np.concatenate(parts) for parts in zip(*ends, strict=True))
    apart = [max(int(np.ceil(APART * length / d[wet].min())), 3) for d in (dy, dx)]
    rows, columns = (tiles_of_axis(n, width) for n, width in zip(wet.shape, apart, strict=True))
    both = rows[:, None] * wet.size + columns
    colours = np.unique(both[wet], return_inverse=True)[1]
    is_line = len(first) <= wet.sum()
    return Links((dx * dy)[wet], first, second, conductance, colours, 1 if is_line else 2)


def tiles_of_axis(n: int, width: int) -> Array:
    """Return the places 0, 1, ... of n points within parts of at least this width."""
    count = max(n // width, 1)
    starts = np.arange(count) * n // count
    return np.arange(n) - starts[np.searchsorted(starts, np.arange(n), side="right") - 1]


def cells(grid: HorizontalGrid, kind: str) -> tuple[tuple[Array, Array], tuple[tuple[Array, Array], ...]]:
    """Return the extents (dx, dy) of the cells at some points, and for j and i the width of the face to the next cell
    and the distance to its centre; all (ny, nx) [m].
    """
    if kind == "t":
        return (grid.dx_t, grid.dy_t), ((grid.dx_v, grid.dy_v), (grid.dy_u, grid.dx_u))
    if kind == "u":
        east = np.roll(grid.dy_t, -1, 1), np.roll(grid.dx_t, -1, 1)
        return (grid.dx_u, grid.dy_u), ((grid.dx_f, grid.dy_f), east)
    north = np.roll(grid.dx_t, -1, 0), np.roll(grid.dy_t, -1, 0)
    return (grid.dx_v, grid.dy_v), (north, (grid.dy_f, grid.dx_f))


def column_links(wet: Array, thickness: Array, spacing: Array) -> Links:
    """Link the wet neighbours of each column of (nk, N) points, which have this thickness and spacing [m]."""
    numbers = np.full(wet.shape, -1)
    numbers[wet] = np.arange(wet.sum())
    linked = wet[:-1] & wet[1:]
    level = np.broadcast_to(np.arange(len(wet))[:, None], wet.shape)[wet]
    return Links(thickness[wet], numbers[:-1][linked], numbers[1:][linked], 1 / spacing[linked], level, 1)


def record_links(count: int, times: Array, period: float | None) -> Links:
    """Link successive records at these times [s]; the further ones of `count`, of waves, are not linked."""
    linked, spacing = len(times), np.diff(times)
    first, ends = np.arange(linked - 1), spacing[[0, -1]] if linked > 1 else np.ones(2)
    if period is not None and linked > 1:
        first, ends = np.arange(linked), np.full(2, period - (times[-1] - times[0]))
    around = np.concatenate([ends[:1], spacing, ends[1:]])
    volume, spacing = np.ones(count), around[1 : len(first) + 1]
    volume[:linked] = 0.5 * (around[:-1] + around[1:])
    return Links(volume, first, (first + 1) % linked, 1 / spacing, np.arange(count), 1)


def check_lengths(control: Control, lengths: dict[str, float]) -> None:
    """Check the lengths of the correlation of a control.

    Parameters
    ----------
    control : Control
        The control.
    lengths : dict of str to float
        Its length and depth [m], and days; 0 for none.

    Raises
    ------
    InputError
        For a length that is negative or not finite, or that the control has no axis for.
    """
    fits = {"length": len(control.shape) >= 2, "depth": is_layered(control) and control.shape[-3] > 1}
    series = control.kind == "forcing" and len(control.shape) == (3 if control.rim is None else 4)
    units = {"length": "metres", "depth": "metres", "days": "days"}
    for name, has_axis in (fits | {"days": series}).items():
        if not (np.isfinite(lengths[name]) and lengths[name] >= 0):
            raise InputError(
                f"{name}: {lengths[name]} of {control.name} is no length in {units[name]}; 0 is no correlation"
            )
        if lengths[name] and not has_axis:
            what = {"length": "points", "depth": "layers", "days": "records"}[name]
            raise InputError(
                f"{name}: {control.name} of the shape {control.shape} has no {what} to correlate; leave {name} out"
            )
