"""Reading real-ocean fields from any CF NetCDF4 file that has the named variables.

What the file's attributes say is believed and converted (`ogcm.cf`); what they do not say is asked for, never guessed:

    dimensions  in any order, latitude and depth in either direction; delivered as [other, depth down, lat north, lon
                east]
    months      twelve records are put in the order January to December by their time axis; a variable without
                records is the same in every month
    depth       of the sea floor from `positive` or `standard_name`; without them it is positive down, and an error
                where a value is negative
    direction   of a flux from `positive`, `standard_name` and `long_name`: upward is turned downward (into
                the sea); an error where two of them contradict each other or none says it
"""

import re
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from ogcm import cf
from ogcm.errors import InputError

Array = np.ndarray
UP = {"up", "upward", "upwards", "leaves", "out"}
DOWN = {"down", "downward", "downwards", "into", "enters"}
HEIGHT = {"up", "height", "altitude", "elevation"}
DEPTH = {"down", "depth"}


class OceanData:
    """The variables of a file, each as a float64 array [other, depth down, lat north, lon east] with NaN for missing.

    Raises FileError for a file that cannot be read or lacks variables: all of them in one message.
    """

    def __init__(self, path: str | Path, needed: tuple[str, ...]) -> None:
        self.path = Path(path)
        self.file = cf.open_file(path, needed)

    def attribute(self, name: str, key: str) -> str:
        """An attribute of a variable as text, empty where it is absent."""
        return cf.attribute(self.file[name], key)

    def __getitem__(self, name: str) -> Array:
        """The values of a variable in the file's own units."""
        return cf.arranged(self.file[name])[0]

    def read(self, name: str, quantity: str, axes: str = "") -> Array:
        """The values of a variable in the units of `quantity`, one of `cf.QUANTITIES`.

        `axes`, for example "ZYX", are those that it must have, after records along one other dimension or none.
        Raises InputError for units, values or axes that do not fit.
        """
        v = self.file[name]
        values, letters = cf.arranged(v)
        if axes and (letters.strip() != axes or len(letters) > len(axes) + 1):
            dimensions = [cf.coordinate(v, n) for n in range(v.ndim)]
            found = ", ".join(c.name.removeprefix("/") if c else f"one of {v.shape[n]} without coordinate"
                              for n, c in enumerate(dimensions))  # fmt: skip
            raise InputError(
                f"{self.path}: {name} has the dimensions {found}; it must have {words(axes)}, and records along one "
                "other dimension at most. Give latitude and longitude the units degrees_north and degrees_east, the "
                'depth the attribute positive = "up" or "down"'
            )
        return cf.in_units(v, values, quantity)

    def monthly(self, name: str, values: Array) -> Array:
        """Values of a variable, as `read` gives them, from January to December: (12, ...).

        A variable without records is the same in all months. Raises InputError for records that are not the twelve
        months.
        """
        v = self.file[name]
        records = [n for n in range(v.ndim) if cf.axis(v, n) == " "]
        if not records:
            return np.broadcast_to(values, (12, *values.shape))
        months = cf.months(v, records[0])
        if sorted(months) != list(range(1, 13)):
            said = ", ".join(map(str, months[:13])) + ", ..." * (len(months) > 13)
            raise InputError(f"{self.path}: {name} has records of the months {said}; it must have one of each, 1 to 12")
        return values[np.argsort(months)]

    def direction(self, name: str, keys: tuple[str, ...], up: set[str], down: set[str]) -> str | None:
        """ "up" or "down", whichever the words in the attributes `keys` say; None where they say neither.

        Raises InputError where they contradict each other.
        """
        votes = {}
        for key in keys:
            words = set(re.findall("[a-z]+", self.attribute(name, key).lower()))
            if bool(words & up) != bool(words & down):
                votes[key] = "up" if words & up else "down"
        if len(set(votes.values())) > 1:
            said = ", ".join(f"{key} {self.attribute(name, key)!r}" for key in votes)
            raise InputError(f"{self.path}: {name} contradicts itself about which way it is positive: {said}")
        return next(iter(votes.values()), None)

    def downward(self, name: str, quantity: str, axes: str = "", unless_said: str | None = None) -> Array:
        """A surface flux, positive into the sea, whatever the convention that its attributes state.

        Raises InputError as `read` does, where `positive`, standard_name and long_name contradict each other, and
        where none says the direction and `unless_said` ("up" or "down") does not either.
        """
        direction = self.direction(name, ("positive", "standard_name", "long_name"), UP, DOWN) or unless_said
        if direction is None:
            raise InputError(
                f"{self.path}: {name} does not say which way it is positive; "
                f'give it the attribute positive = "up" or "down" (into the sea)'
            )
        values = self.read(name, quantity, axes)
        return -values if direction == "up" else values

    def depth(self, name: str) -> Array:
        """The depth of the sea floor (ny, nx) [m], positive down, 0 on land and where it is missing.

        It may be given as an elevation, if `positive` is "up" or the standard_name that of a height. Raises InputError
        where these contradict each other, and for negative values where there is neither.
        """
        direction = self.direction(name, ("positive", "standard_name"), HEIGHT, DEPTH)
        values = self.read(name, "depth", "YX")
        if values.ndim != 2:
            raise InputError(f"{self.path}: {name} has {len(values)} records; it must be one map")
        if direction is None and (values < 0).any():
            raise InputError(
                f"{self.path}: {name} has negative values, and does not say whether they are land or sea; give it the "
                'attribute positive = "up" (an elevation) or "down" (a depth)'
            )
        return np.maximum(np.nan_to_num(-values if direction == "up" else values), 0.0)


def words(axes: str) -> str:
    """Axes as a message names them."""
    return ", ".join({"X": "longitude", "Y": "latitude", "Z": "depth"}[letter] for letter in axes)


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
