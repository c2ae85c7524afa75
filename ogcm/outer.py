"""Values outside of an ocean that lie in files: what a reader is told of the rim, and what it returns."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from ogcm.grid import interior
from ogcm.series import Series

if TYPE_CHECKING:
    from ogcm.model import Model
    from ogcm.outside import Rim

Array = np.ndarray


@dataclass(frozen=True)
class RimPoints:
    """The points of a rim and its zone, for data from files.

    Attributes
    ----------
    name : str
        Name of the field, such as "u".
    x, y : ndarray, shape (N,)
        Places [m or degrees].
    z, h : ndarray, shape (nk, N)
        Heights of the centres and thicknesses of the resting layers [m], which are 0 below the sea floor.
    on_rim : ndarray of bool, shape (N,)
        Points of the rim; the others belong to the zone of nudging.
    units : str
        Units of the places, "m" or "degrees"; "1" on a grid whose places have no coordinates.
    sides : tuple of str
        Names of the open sides.
    start : cftime.datetime or None
        Date of the time 0 of the model.
    equation_of_state : str
        That of the model.
    """

    name: str
    x: Array
    y: Array
    z: Array
    h: Array
    on_rim: Array
    units: str
    sides: tuple[str, ...]
    start: Any
    equation_of_state: str

    @classmethod
    def of(cls, model: "Model", sides: tuple[str, ...], name: str, kind: str, rim: "Rim") -> "RimPoints":
        """Describe the points of a rim for the field `name` of a model, which lies at points `kind`."""
        grid, points = model.grid, model.horizontal.points(kind)
        h = np.where(rim.mask[:, 0], interior(getattr(grid, f"h_{kind}"))[:, rim.j, rim.i][: len(rim.mask)], 0.0)
        z = 0.5 * h - np.cumsum(h, axis=0)
        return cls(
            name, points.x[rim.i], points.y[rim.j], 0 * z if name == "eta" else z, h,
            rim.places.ravel()[rim.addresses] >= 0, model.horizontal.units,
            sides, model.start, model.numerics.equation_of_state,
        )  # fmt: skip

    def near(self, middle: float) -> tuple[Array, Array]:
        """Return x and y of the points, longitudes shifted by whole turns to within 180 degrees of `middle`."""
        from ogcm.regions import shift_longitude  # a module that needs the model, and with it this one

        x = np.asarray(shift_longitude(self.x, middle)) if self.units == "degrees" else self.x
        return x, self.y


class Outer(ABC):
    """Values outside of one field that lie in files (`ogcm.sections`, `ogcm.outside_of`, `ogcm.fields_outside`)."""

    @abstractmethod
    def series(self, points: RimPoints) -> Series:
        """Read the records at the points of a rim.

        Parameters
        ----------
        points : RimPoints
            The points.

        Returns
        -------
        Series
            Records (nt, nk, N), with times from the start of the model [s] or dates.

        Raises
        ------
        FileError, InputError
            For files that are missing or do not fit.
        """


class Entries(TypedDict):
    """The entries of `ogcm.OpenSides` that come from one file."""

    eta: Outer
    u: Outer
    v: Outer
    T: Outer
    S: Outer


def over_layers(a: Array) -> Array:
    """Return the sum (N,) of (nk, N) over the layers, from the surface down.

    That of NumPy has another order, and other bits, where a tile has a single point of the rim.
    """
    return np.cumsum(a, axis=0)[-1]


def with_depth_mean(values: Array, h: Array, mean: Array) -> Array:
    """Return a velocity (nk, N) shifted so that its mean over the layers `h` (nk, N) is the given one (N,)."""
    depth = over_layers(h)
    return values + np.where(depth > 0, mean - over_layers(values * h) / np.where(depth > 0, depth, 1.0), 0.0)
