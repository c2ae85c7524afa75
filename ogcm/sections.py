"""Sections along the sides of an ocean, such as ROMS' boundary files, as what is outside of open sides.

    outside = ogcm.sections("wc13_ecco_bry.nc", grid="wc13_grd.nc")
    sides = ogcm.OpenSides(west=True, south=True, **outside)

A point of the rim or of the zone of nudging takes the values at the nearest place of the sections of the open sides,
linear between two columns of a section and two of their levels. The depth mean of u and v becomes that of `ubar` and
`vbar`: on the rim so that the transport per width is that of the section, which may be deeper or shallower, in the zone
the velocity itself.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ogcm.columns import Columns, Shares, along_line, interpolation, plane, without_land
from ogcm.data.reader import read_values
from ogcm.data.s_levels import find_s_levels
from ogcm.data.source import open_with
from ogcm.data.times import time_axis
from ogcm.errors import FileError, InputError
from ogcm.open_sides import ROWS
from ogcm.outer import Entries, Outer, RimPoints, over_layers, with_depth_mean
from ogcm.series import Series

if TYPE_CHECKING:
    import xarray as xr

Array = np.ndarray
NAMES = {"eta": "zeta", "u": "u", "v": "v", "T": "temp", "S": "salt"}
MEANS = {"u": "ubar", "v": "vbar"}
QUANTITIES = {"eta": "sea level", "u": "velocity", "v": "velocity", "T": "temperature", "S": "salinity"}
TURNED = 0.01  # [rad] angle of a grid up to which its axes are taken as those to the east and north
PLACES = {"u": "u", "v": "v"}  # all others are at rho


class Line(NamedTuple):
    """The places of the columns of one section.

    Attributes
    ----------
    x, y : ndarray, shape (M,)
        Longitude and latitude [degrees].
    depth : ndarray, shape (M,)
        Depth of the sea floor [m].
    wet : ndarray of bool, shape (M,)
        Water.
    """

    x: Array
    y: Array
    depth: Array
    wet: Array


@dataclass(frozen=True)
class Section(Outer):
    """One field of a file of sections, see `sections`."""

    path: Path
    grid: Path
    field: str

    def series(self, points: RimPoints) -> Series:
        names = [f"{NAMES[self.field]}_{side}" for side in points.sides]
        if points.units != "degrees":
            raise InputError(f"{self.path}: sections have longitude and latitude, but the places of the model are in "
                             f"{points.units!r}; make its grid with ogcm.spherical")  # fmt: skip
        with open_with(self.path, names) as ds, open_with(self.grid, ("h",)) as grid:
            self.check_directions(grid)
            lines = [self.line(grid, side) for side in points.sides]
            times, heights = read_times(str(self.path), ds, names[0]), self.heights(ds, lines)
        columns, shares = self.columns(lines, heights, points)
        weights = interpolation(shares, columns, points.z)
        if self.field in ("T", "S") and points.equation_of_state == "teos10":
            records = conservative(self.field, self.read("T", points), self.read("S", points), columns)
        else:
            records = self.read(self.field, points)
        values = [(weights @ record.ravel()).reshape(points.z.shape) for record in records]
        if self.field in MEANS and self.has_means(points):
            means = self.read(MEANS[self.field], points)
            if len(means) != len(values):
                raise InputError(f"{self.path}: {MEANS[self.field]} has other records than {self.field}")
            values = self.reconciled(values, means, columns, shares, points)
        return Series(values, times)

    def check_directions(self, grid: "xr.Dataset") -> None:
        """Raise InputError for velocities along axes that are turned against east and north."""
        if self.field in MEANS and "angle" in grid.variables:
            angle = float(np.nanmax(np.abs(read_values(grid, "angle"))))
            if angle > TURNED:
                raise InputError(f"{self.grid}: its grid is turned by as much as {angle:.2f} rad, so that {self.field} "
                                 "of the sections is not that of a model in longitude and latitude; write sections "
                                 "with velocities to the east and north, and a grid file without angle")  # fmt: skip

    def line(self, grid: "xr.Dataset", side: str) -> Line:
        """Return the columns of the section of a side; depth and mask at faces are those of the two cells beside."""
        place, row = PLACES.get(self.field, "rho"), ROWS[side]
        x, y = (read_values(grid, f"{n}_{place}", q)[row] for n, q in (("lon", "longitude"), ("lat", "latitude")))
        h = read_values(grid, "h", "depth")
        wet = np.nan_to_num(read_values(grid, "mask_rho")) > 0 if "mask_rho" in grid.variables else h > 0
        axis = {"u": 1, "v": 0}.get(place)
        if axis is not None:
            low, high = (np.take(h, range(n, n + h.shape[axis] - 1), axis) for n in (0, 1))
            both = (np.take(wet, range(n, n + wet.shape[axis] - 1), axis) for n in (0, 1))
            h, wet = 0.5 * (low + high), np.logical_and(*both)
        return Line(x, y, h[row], wet[row])

    def heights(self, ds: "xr.Dataset", lines: list[Line]) -> Array:
        """Return the heights (nz, M) of the levels from the surface down, for a sea level of 0."""
        depth = np.concatenate([line.depth for line in lines])
        if self.field == "eta":
            return np.zeros((1, len(depth)))
        levels = find_s_levels(ds, "s_rho", str(self.path))
        return levels.heights(depth)[np.argsort(-levels.s)]

    def read(self, field: str, points: RimPoints) -> Array:
        """Read the records (nt, nz, M) or (nt, M) of all sections from the surface down."""
        found = []
        with open_with(self.path, [f"{NAMES.get(field, field)}_{side}" for side in points.sides]) as ds:
            for side in points.sides:
                name = f"{NAMES.get(field, field)}_{side}"
                found.append(read_values(ds, name, QUANTITIES.get(field, "velocity")))
                if "s_rho" in ds[name].dims:
                    found[-1] = found[-1][:, np.argsort(-find_s_levels(ds, "s_rho", str(self.path)).s)]
        return np.concatenate(found, axis=-1)

    def columns(self, lines: list[Line], heights: Array, points: RimPoints) -> tuple[Columns, Shares]:
        """Return the columns of the sections, and their shares in the points of a rim."""
        x, y, depth, wet = (np.concatenate(parts) for parts in zip(*lines, strict=True))
        middle, offset, best = float(y.mean()), 0, np.full(len(points.x), np.inf)
        places, there = plane(x, y, middle), plane(*points.near(0.5 * float(x.min() + x.max())), middle)
        columns, weights = np.zeros((2, len(best)), int), np.zeros((2, len(best)))
        for line in lines:
            part, distance = along_line(places[offset : offset + len(line.x)], there)
            nearer = distance < best
            columns[:, nearer], weights[:, nearer] = part.columns[:, nearer] + offset, part.weights[:, nearer]
            best, offset = np.minimum(best, distance), offset + len(line.x)
        found = Columns(x, y, heights, wet * len(heights), -depth)
        return found, without_land(str(self.path), Shares(columns, weights), found, there, places)

    def has_means(self, points: RimPoints) -> bool:
        """Return True where the file has the depth means of this velocity."""
        try:
            open_with(self.path, [f"{MEANS[self.field]}_{side}" for side in points.sides]).close()
        except FileError:
            return False
        return True

    def reconciled(
        self, values: list[Array], means: Array, columns: Columns, shares: Shares, points: RimPoints
    ) -> list[Array]:
        """Return velocities whose depth means are those of the sections."""

        def at_points(a: Array) -> Array:
            return (shares.weights * a[shares.columns]).sum(axis=0)

        depth, found = over_layers(points.h), []
        for value, mean in zip(values, means, strict=True):
            transport = at_points(-mean * columns.bottom) / np.where(depth > 0, depth, 1.0)
            found.append(with_depth_mean(value, points.h, np.where(points.on_rim, transport, at_points(mean))))
        return found


def sections(path: str | Path, *, grid: str | Path | None = None) -> Entries:
    """Make what is outside of open sides from sections along them.

    Parameters
    ----------
    path : str or Path
        NetCDF file as ROMS has it: `zeta_west` (time, point), `u_west`, `v_west`, `temp_west`, `salt_west` (time,
        level, point), optionally `ubar_west`, `vbar_west`, and the same for the other open sides, with the description
        of the levels (`Vtransform`, `hc`, `s_rho`, `Cs_r`).
    grid : str or Path, optional
        File with `h`, `lon_rho`, `lat_rho`, `lon_u`, ... and, where there is land, `mask_rho`, of the grid whose
        outermost points are those of the sections. Default: the file of the sections.

    Returns
    -------
    Entries
        The entries eta, u, v, T and S of `ogcm.OpenSides`. Velocities are taken along the axes of the grid. With the
        equation of state "teos10", potential temperature and practical salinity are converted.

    Raises
    ------
    FileError
        For a file that does not exist. Other mistakes are reported when the model is made.
    """
    files = Path(path), Path(path if grid is None else grid)
    for file in files:
        if not file.is_file():
            raise FileError(f"{file}: missing; sections need a NetCDF file")
    eta, u, v, T, S = (Section(*files, field) for field in NAMES)
    return Entries(eta=eta, u=u, v=v, T=T, S=S)


def read_times(where: str, ds: "xr.Dataset", name: str) -> Array:
    """Return the dates of the records of a variable."""
    axis = str(ds[name].attrs.get("time", ds[name].dims[0]))
    c = ds[axis] if axis in ds.variables else None
    kind, times = time_axis(f"{where}: {axis}", c, ds[name].shape[0])
    if kind != "time":
        raise InputError(f"{where}: {axis} has no dates; give it units such as 'days since 2000-01-01'")
    return times


def conservative(field: str, t: Array, s: Array, columns: Columns) -> Array:
    """Return Conservative Temperature or Absolute Salinity from potential temperature and practical salinity."""
    import gsw  # imported where it is needed, since it takes time

    pressure = gsw.p_from_z(np.minimum(columns.heights, 0), columns.y)
    absolute = gsw.SA_from_SP(s, pressure, columns.x, columns.y)
    return gsw.CT_from_pt(absolute, t) if field == "T" else absolute
