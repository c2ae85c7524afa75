"""Reading of real-ocean fields from any CF NetCDF4 file that has the named variables.

The attributes of the file are taken as true, and values converted accordingly (`ogcm.cf`). Where they are absent, an
error asks for them; nothing is guessed:

    dimensions  may have any order, latitude and depth either direction; they are returned as [other, depth downward,
                latitude northward, longitude eastward]
    months      twelve records are sorted from January to December by their time axis; a variable without records is
                the same in every month
    depth       the direction of the depth of the sea floor follows from `positive` or `standard_name`; without them
                it is positive downward, and a negative value is an error
    direction   that of a flux follows from `positive`, `standard_name` and `long_name`: an upward flux is converted to
                a downward one (into the sea); a contradiction, or no direction at all, is an error
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
    """The variables of a file, each as an array of float64 with NaN for missing values.

    Axes are in the order [other, depth downward, latitude northward, longitude eastward].

    Parameters
    ----------
    path : str or Path
        CF NetCDF4 file.
    needed : tuple of str
        Names of the variables that it must have.

    Raises
    ------
    FileError
        For a file that cannot be read or lacks variables, with all of them in one message.
    """

    def __init__(self, path: str | Path, needed: tuple[str, ...]) -> None:
        self.path = Path(path)
        self.file = cf.open_file(path, needed)

    def attribute(self, name: str, key: str) -> str:
        """Return an attribute of a variable as text.

        Parameters
        ----------
        name : str
            Variable.
        key : str
            Attribute.

        Returns
        -------
        str
            The text, empty where the attribute is absent.
        """
        return cf.attribute(self.file[name], key)

    def __getitem__(self, name: str) -> Array:
        """Return the values of a variable in the units of the file."""
        return cf.arranged(self.file[name])[0]

    def read(self, name: str, quantity: str, axes: str = "") -> Array:
        """Read a variable in the units of a quantity.

        Parameters
        ----------
        name : str
            Variable.
        quantity : str
            Name of the quantity in `QUANTITIES` of `ogcm.cf`, such as "temperature".
        axes : str
            Axes that the variable must have, such as "ZYX", after records along one other dimension or none.

        Returns
        -------
        ndarray
            The values.

        Raises
        ------
        InputError
            For units, values or axes that do not fit.
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
        """Sort the records of a variable from January to December.

        Parameters
        ----------
        name : str
            Variable.
        values : ndarray
            Its values, as returned by `read`.

        Returns
        -------
        ndarray, shape (12, ...)
            The values; those of a variable without records are the same in all months.

        Raises
        ------
        InputError
            For records that are not the twelve months.
        """
        v = self.file[name]
        records = [n for n in range(v.ndim) if cf.axis(v, n) == " "]
        if not records:
            return np.broadcast_to(values, (12, *values.shape))
        months = cf.months(v, records[0])
        if sorted(months) != list(range(1, 13)):
            found = ", ".join(map(str, months[:13])) + ", ..." * (len(months) > 13)
            raise InputError(
                f"{self.path}: {name} has records of the months {found}; it must have one of each, 1 to 12"
            )
        return values[np.argsort(months)]

    def direction(self, name: str, keys: tuple[str, ...], up: set[str], down: set[str]) -> str | None:
        """Find the positive direction of a variable in its attributes.

        Parameters
        ----------
        name : str
            Variable.
        keys : tuple of str
            Attributes.
        up, down : set of str
            Words that mean upward and downward.

        Returns
        -------
        str or None
            "up" or "down"; None where the attributes have none of the words.

        Raises
        ------
        InputError
            Where the attributes contradict each other.
        """
        votes = {}
        for key in keys:
            words = set(re.findall("[a-z]+", self.attribute(name, key).lower()))
            if bool(words & up) != bool(words & down):
                votes[key] = "up" if words & up else "down"
        if len(set(votes.values())) > 1:
            found = ", ".join(f"{key} {self.attribute(name, key)!r}" for key in votes)
            raise InputError(f"{self.path}: {name} has contradictory attributes for its positive direction: {found}")
        return next(iter(votes.values()), None)

    def downward(self, name: str, quantity: str, axes: str = "", default_direction: str | None = None) -> Array:
        """Read a surface flux as positive into the sea.

        Parameters
        ----------
        name : str
            Variable.
        quantity : str
            Name of the quantity in `QUANTITIES` of `ogcm.cf`, such as "heat flux".
        axes : str
            Axes that the variable must have, as for `read`.
        default_direction : {"up", "down"}, optional
            Positive direction where the attributes give none.

        Returns
        -------
        ndarray
            The flux, positive downward.

        Raises
        ------
        InputError
            As `read`; where `positive`, `standard_name` and `long_name` contradict each other; and where neither they
            nor `default_direction` give a direction.
        """
        direction = self.direction(name, ("positive", "standard_name", "long_name"), UP, DOWN) or default_direction
        if direction is None:
            raise InputError(
                f"{self.path}: {name} has no attribute for its positive direction; "
                f'give it the attribute positive = "up" or "down" (into the sea)'
            )
        values = self.read(name, quantity, axes)
        return -values if direction == "up" else values

    def depth(self, name: str) -> Array:
        """Read the depth of the sea floor.

        The variable may be an elevation, with "up" as `positive` or the standard_name of a height.

        Parameters
        ----------
        name : str
            Variable.

        Returns
        -------
        ndarray, shape (ny, nx)
            Depth [m], positive down, 0 on land and where it is missing.

        Raises
        ------
        InputError
            Where the attributes contradict each other, for negative values where there are none, and for more than
            one map.
        """
        direction = self.direction(name, ("positive", "standard_name"), HEIGHT, DEPTH)
        values = self.read(name, "depth", "YX")
        if values.ndim != 2:
            raise InputError(f"{self.path}: {name} has {len(values)} records; it must be one map")
        if direction is None and (values < 0).any():
            raise InputError(
                f"{self.path}: {name} has negative values, and no attribute tells whether they are land or sea; "
                'give it the attribute positive = "up" (an elevation) or "down" (a depth)'
            )
        return np.maximum(np.nan_to_num(-values if direction == "up" else values), 0.0)


def words(axes: str) -> str:
    """Return the names of axes, for messages."""
    return ", ".join({"X": "longitude", "Y": "latitude", "Z": "depth"}[letter] for letter in axes)


def fill_missing(name: str, values: Array, wet: Array, periodic_x: bool = False) -> Array:
    """Fill missing values over water with those of the nearest point of the same map.

    Parameters
    ----------
    name : str
        Name of the variable, for messages.
    values : ndarray, shape (..., ny, nx)
        Values, NaN where they are missing.
    wet : ndarray of bool
        Water, of the same last dimensions.
    periodic_x : bool
        True where the maps are periodic along x.

    Returns
    -------
    ndarray, shape (..., ny, nx)
        The filled values, 0 on land.

    Raises
    ------
    InputError
        For a map without any value, and for shapes that do not fit.
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
                raise InputError(f"{name}: a map of it has no value at all, but there is water")
            j, i = distance_transform_edt(missing, return_distances=False, return_indices=True)
            layer[...] = wide[j, i][:, turn : turn + layer.shape[1]]
        layer[~mask] = 0
    return filled
