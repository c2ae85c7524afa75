"""Reading real-ocean fields from any CF NetCDF4 file that has the named variables.

What the file's attributes say is believed and converted; what they do not say is asked for, never guessed:

    dimensions  in any order, latitude and depth in either direction, known by `axis`, `units` or
                `standard_name` of their coordinates; delivered as [other, depth down, lat north, lon east]
    missing     _FillValue, missing_value and NetCDF's default fill become NaN; scale_factor, add_offset apply
    units       converted to those of `UNITS`; a variable without units, or far from any sea's values, is an error
    depth       positive down, unless `positive` or `standard_name` call it a height
    direction   of a flux from `positive`, `standard_name` and `long_name`: upward is turned downward (into
                the sea); an error where two of them contradict each other or none says it
"""

import re
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from scipy.ndimage import distance_transform_edt

from ogcm.errors import FileError, InputError

Array = np.ndarray
LARGEST = 9e36  # NetCDF's default fill value is 9.96921e36


class Unit(NamedTuple):
    """What a quantity may be given in, {name: (factor, offset)}, and the range of the sea's values."""

    names: dict[str, tuple[float, float]]
    lower: float
    upper: float


UNITS = {
    "m": Unit({"m": (1, 0), "meter": (1, 0), "meters": (1, 0), "metre": (1, 0), "km": (1e3, 0)}, -12e3, 12e3),
    "degC": Unit(
        {n: (1, 0) for n in ("degC", "degree_Celsius", "degrees_Celsius", "degree_C", "celsius", "Celsius")}
        | {n: (1, -273.15) for n in ("K", "kelvin", "Kelvin")},
        -10.0,
        50.0,
    ),
    "g kg-1": Unit(
        {n: (1, 0) for n in ("g kg-1", "g/kg", "1e-3", "0.001", "1", "psu", "PSU")} | {"kg kg-1": (1e3, 0)}, 0.0, 60.0
    ),
    "N m-2": Unit({"N m-2": (1, 0), "N/m2": (1, 0), "Pa": (1, 0), "dyn cm-2": (0.1, 0)}, -10.0, 10.0),
    "W m-2": Unit({"W m-2": (1, 0), "W/m2": (1, 0), "W m**-2": (1, 0)}, -3e3, 3e3),
    "m s-1": Unit(
        {"m s-1": (1, 0), "m/s": (1, 0), "kg m-2 s-1": (1e-3, 0), "mm day-1": (1e-3 / 86400, 0)}, -1e-5, 1e-5
    ),
}
UP = {"up", "upward", "upwards", "leaves", "out"}
DOWN = {"down", "downward", "downwards", "into", "enters"}


class OceanData:
    """The variables of a file, each as a float64 array [other, depth down, lat north, lon east] with NaN for missing.

    Raises FileError for a file that cannot be read or lacks variables: all of them in one message.
    """

    def __init__(self, path: str | Path, needed: tuple[str, ...]) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileError(f"{path}: no such file; it must be a CF NetCDF4 file with {', '.join(needed)}")
        with self.path.open("rb") as start:
            classic = start.read(3) == b"CDF"
        if classic:
            raise FileError(f"{path}: is a NetCDF3 file; convert it with `nccopy -k nc4 {path} FILE`")
        try:
            self.file = h5py.File(path, "r")
        except OSError as error:
            raise FileError(f"{path}: not a NetCDF4 file ({error})") from None
        absent = [name for name in needed if name not in self.file]
        if absent:
            raise FileError(f"{path}: lacks {', '.join(absent)}; it must hold {', '.join(needed)}")

    def attribute(self, name: str, key: str) -> str:
        """A text attribute of a variable, empty where it is absent."""
        value = self.file[name].attrs.get(key, "")
        return value.decode() if isinstance(value, bytes) else str(value)

    def __getitem__(self, name: str) -> Array:
        """The values of a variable in the file's own units."""
        v = self.file[name]
        values = v[()].astype(float)
        missing = np.abs(values) > LARGEST
        for key in ("_FillValue", "missing_value"):
            for fill in np.ravel(v.attrs.get(key, [])):
                missing |= np.isclose(values, float(fill), rtol=1e-6)
        scale, shift = (np.ravel(v.attrs.get(key, value))[0] for key, value in (("scale_factor", 1), ("add_offset", 0)))
        values = np.where(missing, np.nan, values) * scale + shift
        axes = [self.axis(name, n) for n in range(values.ndim)]
        for n, (letter, coordinate) in enumerate(axes):
            if letter in ("Y", "X", "Z") and coordinate.size > 1:
                start, end = coordinate[0], coordinate[-1]
                if (abs(start) > abs(end)) if letter == "Z" else start > end:
                    values = np.flip(values, n)
        letters = [letter for letter, _ in axes]
        if "Y" in letters and "X" in letters:
            values = values.transpose(sorted(range(values.ndim), key=lambda n: " ZYX".find(letters[n])))
        return np.ascontiguousarray(values)

    def axis(self, name: str, n: int) -> tuple[str, Array]:
        """Which axis (X, Y, Z, or blank) the n-th dimension of a variable is, and its coordinate."""
        v = self.file[name]
        if v.is_scale:
            coordinate = name
        elif v.dims[n].values():
            coordinate = v.dims[n][0].name.removeprefix("/")
        else:
            return " ", np.empty(0)
        units, standard = self.attribute(coordinate, "units"), self.attribute(coordinate, "standard_name")
        if units.startswith("degrees_north") or standard == "latitude":
            letter = "Y"
        elif units.startswith("degrees_east") or standard == "longitude":
            letter = "X"
        else:
            letter = self.attribute(coordinate, "axis")
        return letter if letter in ("X", "Y", "Z") else " ", self.file[coordinate][()]

    def read(self, name: str, units: str) -> Array:
        """The values of a variable in `units` (one of UNITS). Raises InputError where that cannot be."""
        said, unit = self.attribute(name, "units"), UNITS[units]
        if said not in unit.names:
            known = ", ".join(unit.names)
            raise InputError(f"{self.path}: {name} has the units {said!r}; give it the attribute units, one of {known}")
        factor, offset = unit.names[said]
        values = self[name] * factor + offset
        wrong = values[(values < unit.lower) | (values > unit.upper)]
        if wrong.size:
            raise InputError(
                f"{self.path}: {name} holds {wrong[0]:g} {units}, beyond {unit.lower:g} to {unit.upper:g}; "
                f"are its units really {said!r}, and its missing values marked by _FillValue?"
            )
        return values

    def downward(self, name: str, units: str, unless_said: str | None = None) -> Array:
        """A surface flux, positive into the sea, whatever the convention that its attributes state.

        Raises InputError where `positive`, standard_name and long_name contradict each other, or where
        none says the direction and `unless_said` ("up" or "down") does not either.
        """
        votes = {}
        for key in ("positive", "standard_name", "long_name"):
            words = set(re.findall("[a-z]+", self.attribute(name, key).lower()))
            if bool(words & UP) != bool(words & DOWN):
                votes[key] = "up" if words & UP else "down"
        if len(set(votes.values())) > 1:
            said = ", ".join(f"{key} {self.attribute(name, key)!r}" for key in votes)
            raise InputError(f"{self.path}: {name} contradicts itself about which way it is positive: {said}")
        direction = next(iter(votes.values()), unless_said)
        if direction is None:
            raise InputError(
                f"{self.path}: {name} does not say which way it is positive; "
                f'give it the attribute positive = "up" or "down" (into the sea)'
            )
        values = self.read(name, units)
        return -values if direction == "up" else values

    def depth(self, name: str) -> Array:
        """The depth of the sea floor [m], positive down, 0 on land and where it is missing.

        It may be given as an elevation, if `positive` is "up" or the standard_name that of a height.
        """
        standard = self.attribute(name, "standard_name")
        height = "altitude" in standard or "height" in standard
        up = self.attribute(name, "positive") == "up" if self.attribute(name, "positive") else height
        if up != height and standard:
            raise InputError(f"{self.path}: {name} is positive {'up' if up else 'down'} but called {standard}")
        values = np.nan_to_num(self.read(name, "m"))
        return np.maximum(-values if up else values, 0.0)


def fill_missing(name: str, values: Array, wet: Array, periodic_x: bool = False) -> Array:
    """Give wet points without a value that of the nearest point of the same map with one; 0 on land.

    values (..., ny, nx), wet of the same last dimensions. Raises InputError for a map without any value
    and for shapes that do not fit.
    """
    try:
        masks = np.broadcast_to(wet, values.shape).reshape(-1, *values.shape[-2:])
    except ValueError:
        raise InputError(f"{name}: shape {values.shape} does not fit the grid's {wet.shape}") from None
    filled = values.copy()
    turn = values.shape[-1] // 2 if periodic_x else 0
    for layer, mask in zip(filled.reshape(masks.shape), masks, strict=True):
        wide = np.pad(layer, ((0, 0), (turn, turn)), mode="wrap")
        missing = ~np.isfinite(wide)
        if (~np.isfinite(layer) & mask).any():
            if missing.all():
                raise InputError(f"{name}: a map of it has no value at all, but the sea needs some there")
            j, i = distance_transform_edt(missing, return_distances=False, return_indices=True)
            layer[...] = wide[j, i][:, turn : turn + layer.shape[1]]
        layer[~mask] = 0
    return filled
