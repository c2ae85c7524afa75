"""One record of an output file: its values, labels and coordinates, as pictures show them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ogcm.errors import FileError, InputError, suggestion
from ogcm.files import reading
from ogcm.names import check_exists
from ogcm.stores import store_of

Array = np.ndarray
SVERDRUP = 1e6  # [m3 s-1]
UNITS = {"degC": "°C", "m3 s-1": "Sv", "1": ""}


class Kind(NamedTuple):
    """A kind of file without records in time, such as that of sensitivities.

    `module` is the module whose `overview` draws the whole file, `colour_map` the colour map of its fields.
    """

    module: str
    colour_map: str


KINDS = {"quantity": Kind("adjoint.pictures", "balance")}  # by the attribute that marks the file


class Record:
    """One record of an output file, with its coordinates; a context manager that closes the file.

    Parameters
    ----------
    path : str or Path
        Output of a run (a NetCDF4 file or a Zarr store), data set, or file of `ogcm sensitivity`.
    time : int, optional
        Index of the record; default the last.

    Raises
    ------
    FileError
        For a file that is missing, damaged or not an output of ogcm.
    InputError
        For a record that does not exist.
    """

    def __init__(self, path: str | Path, time: int = -1) -> None:
        """Raises FileError for a file that is not an output, InputError for a record that does not exist."""
        check_exists(path)
        self.file = store_of(path).read(Path(path))
        self.path, self.degrees = path, "lat" in self.file.dimensions
        self.y, self.x = ("lat", "lon") if self.degrees else ("y", "x")
        with reading(path):
            self.kind = next((kind for name, kind in KINDS.items() if name in self.file.attrs), None)
            self.records = len(self.file["time"]) if "time" in self.file.variables else 0
            ours = {"z", self.y, self.x} <= set(self.file.dimensions) and self.has("mask")
            ours = ours and isinstance(self.file.attrs.get("title"), str)
        if not ours or not (self.records or self.kind):
            self.file.close()
            raise FileError(
                f"{path}: {'holds no record' if ours else 'is no output of ogcm, which alone can be drawn'}"
            )
        if self.kind is None and not -self.records <= time < self.records:
            self.file.close()
            raise InputError(f"time: record {time} does not exist, the file has {self.records}")
        self.time = time

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def values(self, name: str, *index: int | slice) -> Array:
        """Return the values of a variable as they are stored.

        Parameters
        ----------
        name : str
            Name of the variable.
        *index : int or slice
            Index along each dimension; without any, all values are returned.

        Returns
        -------
        ndarray
            The values.

        Raises
        ------
        FileError
            If the file is damaged.
        """
        with reading(self.path):
            return np.asarray(self.file[name][index or ...])

    @property
    def title(self) -> str:
        """Title of a picture: the name of the model and the day of the record."""
        if self.kind is not None:
            return self.file.attrs["title"]
        return f"{self.file.attrs['title'].split(',')[0]}, day {self.values('time', self.time):.4g}"

    def has(self, *names: str) -> bool:
        """Return True if the file has all variables of these names.

        Parameters
        ----------
        *names : str
            Names of variables.

        Returns
        -------
        bool
            True if all of them exist.
        """
        return all(name in self.file.variables for name in names)

    def fields(self) -> list[str]:
        """Return the names of the variables that can be drawn: all except coordinates, bounds and the topology.

        Returns
        -------
        list of str
            Names of variables.
        """
        others = {*self.file.dimensions, "grid"}
        return [n for n in self.file.variables if n not in others and not n.endswith("_bounds")]

    def is_static(self, name: str) -> bool:
        """Return True for a field of the geometry: areas, lengths, masks, thicknesses at rest, depth.

        Parameters
        ----------
        name : str
            Name of the variable.

        Returns
        -------
        bool
            True if it is the same at all times and has no missing values.
        """
        v = self.file[name]
        return "time" not in v.dimensions and "_FillValue" not in v.attrs

    def dims(self, name: str) -> tuple[str, ...]:
        """Return the dimensions of a variable, without time.

        Parameters
        ----------
        name : str
            Name of the variable.

        Returns
        -------
        tuple of str
            Names of dimensions.

        Raises
        ------
        InputError
            If there is no such variable.
        """
        if name not in self.fields():
            raise InputError(f"unknown variable {name!r}: {suggestion(name, self.fields())}")
        return tuple(d for d in self.file[name].dimensions if d != "time")

    def field(self, name: str, *index: int | slice) -> Array:
        """Return a variable of the record in the unit of its label (`label`), NaN on land.

        Parameters
        ----------
        name : str
            Name of the variable.
        *index : int or slice
            Index along each dimension except time; without any, all values are returned.

        Returns
        -------
        ndarray
            The values; transports in Sv, others in the units of the file.
        """
        self.dims(name)
        v = self.file[name]
        index = (self.time, *index) if "time" in v.dimensions else index
        values = self.values(name, *index).astype(float)
        values = np.where(np.abs(values) > 1e30, np.nan, values)
        return values / SVERDRUP if v.attrs.get("units", "").split(" (")[0] == "m3 s-1" else values

    def label(self, name: str, where: str = "") -> str:
        """Return the label of a variable: its description and its unit.

        Parameters
        ----------
        name : str
            Name of the variable.
        where : str, optional
            Words between description and unit, such as " at 100 m".

        Returns
        -------
        str
            The label.
        """
        v = self.file[name]
        units = pretty_units(v.attrs.get("units", ""))
        return f"{v.attrs.get('long_name', name)}{where}" + (f" [{units}]" if units else "")

    def coordinate(self, dim: str) -> Array:
        """Return the coordinate along a dimension.

        Parameters
        ----------
        dim : str
            Name of the dimension.

        Returns
        -------
        ndarray, shape (n,)
            Degrees, km along the ground, or m along the vertical.
        """
        values = self.values(dim).astype(float)
        return values / 1e3 if self.in_km(dim) else values

    def in_km(self, dim: str) -> bool:
        """Return True if the coordinate along a dimension is a length along the ground.

        Parameters
        ----------
        dim : str
            Name of the dimension.

        Returns
        -------
        bool
            True if `coordinate` is in km.
        """
        return not dim.startswith("z") and self.file[dim].attrs.get("units") == "m"

    def edges(self, dim: str) -> Array:
        """Return the edges of the cells along a dimension.

        Parameters
        ----------
        dim : str
            Name of the dimension, of n cells.

        Returns
        -------
        ndarray, shape (n + 1,)
            Edges, in the units of `coordinate`.
        """
        if dim == "z":
            return self.coordinate("z_w")
        centres = self.coordinate(dim)
        if len(centres) == 1:
            return centres + np.array([-0.5, 0.5])
        between = 0.5 * (centres[1:] + centres[:-1])
        return np.concatenate([[2 * centres[0] - between[0]], between, [2 * centres[-1] - between[-1]]])

    def axis(self, dim: str) -> str:
        """Return the label of the axis of a dimension.

        Parameters
        ----------
        dim : str
            Name of the dimension.

        Returns
        -------
        str
            Name and unit.
        """
        if dim.startswith("z"):
            return "height [m]"
        if self.degrees:
            return "latitude [°N]" if dim.startswith("lat") else "longitude [°E]"
        return f"{dim[0]} [km]" if self.in_km(dim) else f"{dim[0]} (cells)"

    def place(self, dim: str, index: int) -> str:
        """Return words for one point along a dimension, such as " at 30°N".

        Parameters
        ----------
        dim : str
            Name of the dimension.
        index : int
            Index of the point.

        Returns
        -------
        str
            The words, with a leading space.
        """
        value = self.coordinate(dim)[index]
        if dim.startswith("z"):
            return f" at {-value:.4g} m"
        if dim.startswith("day_of"):
            return f" on day {value:g}"
        if self.degrees:
            sides = "NS" if dim.startswith("lat") else "EW"
            return f" at {abs(value):.4g}°{sides[int(value < 0)]}"
        return f" at {dim[0]} = {value:.4g}" + (" km" if self.in_km(dim) else "")


def pretty_units(units: str) -> str:
    """Return units with superscripts; of the units "A (B)-1" of a sensitivity, those of A and B."""
    first, bracket, rest = units.partition(" (")
    for plain, shown in (("-1", "⁻¹"), ("-2", "⁻²"), ("-3", "⁻³"), ("m2", "m²"), ("m4", "m⁴")):
        rest = rest.replace(plain, shown)
        first = first if first in UNITS else first.replace(plain, shown)
    return UNITS.get(first, first) + bracket + rest
