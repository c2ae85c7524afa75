"""Fields of a larger region on levels of depth, such as a climatology, as what is outside of open sides.

    T = read_field("levitus.nc", "temp", "temperature")
    S = read_field("levitus.nc", "salt", "salinity")
    sides = ogcm.OpenSides(west=True, **ogcm.fields_outside(T=T, S=S))

Fields are interpolated linearly between the four columns around a point, and between two levels of each. The depth mean
of u and v on the rim is shifted so that the transport per width is that of the field.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ogcm.columns import Columns, interpolation, mean_of_transport, on_grid, plane, without_land
from ogcm.constants import YEAR
from ogcm.data.reader import read_field
from ogcm.data.sea_water import sea_water
from ogcm.errors import InputError
from ogcm.outer import Outer, RimPoints, over_layers, with_depth_mean
from ogcm.series import CLIMATOLOGICAL, Series, middles

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
QUANTITIES = {"eta": "sea level", "u": "velocity", "v": "velocity", "T": "temperature", "S": "salinity"}


@dataclass(frozen=True)
class Gridded(Outer):
    """One field of a larger region, see `fields_outside`; temperature and salinity know each other."""

    name: str
    field: "xr.DataArray"
    partner: "xr.DataArray | None" = None

    def series(self, points: RimPoints) -> Series:
        label, field = f"{self.name} outside", self.converted(points.equation_of_state)
        if points.units != "degrees":
            raise InputError(f"{label}: has longitude and latitude, but the places of the model are in "
                             f"{points.units!r}; make its grid with ogcm.spherical")  # fmt: skip
        x, y, records = self.records(label, field)
        at = points.near(0.5 * (x[0] + x[-1]))
        middle, places = float(y.mean()), np.stack([a.ravel() for a in np.meshgrid(x, y)], axis=1)
        z = field["z"].values.astype(float) if self.name != "eta" else np.zeros(1)
        wet = np.isfinite(records).all(axis=0).cumprod(axis=0).sum(axis=0)
        edges = np.concatenate([[0.0], 0.5 * (z[1:] + z[:-1]), [1.5 * z[-1] - 0.5 * z[-2] if len(z) > 1 else z[-1]]])
        columns = Columns(places[:, 0], places[:, 1], np.repeat(z[:, None], wet.size, axis=1), wet, edges[wet])
        shares = on_grid(label, x, y, at)
        there = plane(*at, middle), plane(places[:, 0], places[:, 1], middle)
        weights = interpolation(without_land(label, shares, columns, *there), columns, points.z)
        values = [(weights @ record.ravel()).reshape(points.z.shape) for record in records]
        if self.name in ("u", "v"):
            h = np.where(np.arange(len(z))[:, None] < wet, -np.diff(edges)[:, None], 0.0)
            depth = over_layers(points.h)
            for n, record in enumerate(records):
                mean = mean_of_transport(shares, record, h, depth)
                values[n] = np.where(points.on_rim, with_depth_mean(values[n], points.h, mean), values[n])
        return Series(values, *times_of(label, field))

    def converted(self, equation_of_state: str) -> "xr.DataArray":
        """Return temperature or salinity in the kind of an equation of state, and any other field as it is."""
        if self.partner is None:
            return self.field
        if self.name == "T":
            return sea_water(self.field, self.partner, equation_of_state)[0]
        return sea_water(self.partner, self.field, equation_of_state)[1]

    def records(self, label: str, field: "xr.DataArray") -> tuple[Array, Array, Array]:
        """Return x (nx,), y (ny,) and the records (nt, nz, ny nx), the first column again at the end of a globe."""
        dims = [d for d in field.dims if d != "time"]
        wanted = ["y", "x"] if self.name == "eta" else ["z", "y", "x"]
        if dims != wanted or field["lon"].ndim != 1:
            raise InputError(f"{label}: needs the dimensions {wanted} with latitudes along y and longitudes along x, "
                             f"got {dims}; interpolate it to such a grid")  # fmt: skip
        x, y, a = field["lon"].values.astype(float), field["lat"].values.astype(float), field.values.astype(float)
        if field.attrs.get("periodic_x") == 1:
            x, a = np.append(x, x[0] + 360.0), np.concatenate([a, a[..., :1]], axis=-1)
        nz = 1 if self.name == "eta" else len(field["z"])
        return x, y, a.reshape(-1, nz, len(y) * len(x))


def times_of(label: str, field: "xr.DataArray") -> tuple[Any, float | None]:
    """Return the times of the records of a field, and the period of a climatological year."""
    if "time" not in field.dims:
        return [0.0], None
    if "time" in field.coords:
        return field["time"].values, None
    count = field.sizes["time"]
    if count not in CLIMATOLOGICAL:
        raise InputError(f"{label}: a climatological year has 12, 365 or 366 records, got {count}; give it dates")
    return middles(count), YEAR


def fields_outside(**fields: Any) -> dict[str, Outer]:
    """Make what is outside of open sides from fields of a larger region.

    Parameters
    ----------
    **fields : DataArray, str, Path or sequence of these
        Any of eta [m], u and v [m s-1], T [degC] and S [g kg-1], by these names: fields as `ogcm.data.read_field` and
        `ogcm.data.read_vector` return them, or what `read_field` understands without further options. They have
        latitudes and longitudes, all but eta have levels, and missing values on land. Their times are dates or those of
        a climatological year; fields without time are steady. T and S together are converted to the kinds that the
        equation of state of the model uses, by their standard_name; one alone is taken as it is.

    Returns
    -------
    dict of str to Outer
        The entries of `ogcm.OpenSides`, by the same names.

    Raises
    ------
    InputError
        For other names, and for what cannot be understood. What does not fit the ocean is reported when the model is
        made.
    """
    if unknown := [name for name in fields if name not in QUANTITIES]:
        raise InputError(f"{unknown[0]}: is no field outside of open sides; give any of {', '.join(QUANTITIES)}")
    read = {
        name: given if "quantity" in getattr(given, "attrs", {}) else read_field(given, quantity=QUANTITIES[name])
        for name, given in fields.items()
    }
    partners = {"T": read.get("S"), "S": read.get("T")}
    return {name: Gridded(name, field, partners.get(name)) for name, field in read.items()}
