"""Reading real-ocean fields from any CF NetCDF4 file that has the named variables."""

from pathlib import Path

import h5py
import numpy as np
from scipy.ndimage import distance_transform_edt

from ogcm.errors import FileError, InputError

Array = np.ndarray


class OceanData:
    """The variables of a file, unpacked, with latitude from south to north and missing values as NaN.

    Raises FileError for a file that cannot be read or lacks variables: all of them in one message.
    """

    def __init__(self, path: str | Path, needed: tuple[str, ...]) -> None:
        try:
            self.file = h5py.File(path, "r")
        except OSError as error:
            raise FileError(f"{path}: missing or not a NetCDF4 file ({error})") from None
        self.path = path
        absent = [name for name in needed if name not in self.file]
        if absent:
            raise FileError(f"{path}: lacks {', '.join(absent)}; it must hold {', '.join(needed)}")
        self.flip = "lat" in self.file and np.diff(self.file["lat"][:2])[0] < 0

    def attribute(self, name: str, key: str) -> str:
        """A text attribute of a variable, empty where it is absent."""
        value = self.file[name].attrs.get(key, "")
        return value.decode() if isinstance(value, bytes) else str(value)

    def __getitem__(self, name: str) -> Array:
        """The values of a variable as float64."""
        v = self.file[name]
        values = v[()].astype(float)
        for key in ("_FillValue", "missing_value"):
            if key in v.attrs:
                fill = np.float64(np.ravel(v.attrs[key])[0])
                values = np.where(np.isclose(values, fill, rtol=1e-6), np.nan, values)
        values = values * np.ravel(v.attrs.get("scale_factor", 1.0))[0] + np.ravel(v.attrs.get("add_offset", 0.0))[0]
        if self.flip and values.ndim >= 2:
            values = values[..., ::-1, :]
        return values[::-1] if self.flip and name == "lat" else values

    def downward(self, name: str) -> Array:
        """A surface flux, positive into the sea, whatever the convention that its attributes state.

        Raises InputError where neither `positive`, standard_name nor long_name tell the direction.
        """
        said = " ".join(self.attribute(name, key).lower() for key in ("positive", "standard_name", "long_name"))
        up = any(word in said.split() or f"_{word}_" in said for word in ("up", "upward", "leaves"))
        down = any(word in said.split() or f"_{word}_" in said for word in ("down", "downward", "into"))
        if up == down:
            raise InputError(
                f"{self.path}: {name} does not say which way it is positive; "
                f'give it the attribute positive = "up" or "down" (into the sea)'
            )
        return -self[name] if up else self[name]


def fill_missing(values: Array, wet: Array) -> Array:
    """Give wet points without a value that of the nearest point of the same map with one; 0 on land.

    values (..., ny, nx), wet of the same last dimensions. Raises InputError for a map without any value.
    """
    filled = values.copy()
    maps = filled.reshape(-1, *values.shape[-2:])
    masks = np.broadcast_to(wet, values.shape).reshape(maps.shape)
    for layer, mask in zip(maps, masks, strict=True):
        missing = ~np.isfinite(layer)
        if (missing & mask).any():
            if missing.all():
                raise InputError("a map of the data has no value at all, but the sea needs some there")
            nearest = distance_transform_edt(missing, return_distances=False, return_indices=True)
            layer[...] = layer[tuple(nearest)]
        layer[~mask] = 0
    return filled
