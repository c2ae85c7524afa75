"""The file of a prepared ocean: one CF NetCDF4 file with all that a model needs, and where it came from.

    lat_bnds, lon_bnds    edges of the cells                      dz       thickness of the layers [m]
    depth                 sea floor [m], 0 on land                T, S, eta    the start
    forcing               each entry of `ogcm.Forcing` and `ogcm.Atmosphere` by its name: a map, or records in time
    open_west, ...        1 where a side is open                  eta_outside  sea level outside
    M2_amplitude, M2_phase, ...    tide outside by constituents

Entries that are numbers are in the attribute `settings`, with numerical choices and parameters. Records of a
climatology have the dimension `month`; those of dates have a time of their own, in seconds since the start of the
model. The attribute `inputs` holds the files that were read, with their hashes, and `configuration` what was asked
for. No time of writing is recorded: the same inputs give the same file to the bit.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np

import ogcm
from ogcm.errors import FileError
from ogcm.fields import FIELDS
from ogcm.files import BROKEN, verify, write_hdf5
from ogcm.inputs import Points, fit_shape_of_tile
from ogcm.open_sides import SIDES
from ogcm.preparation.fluxes import AIR, ENTRIES
from ogcm.preparation.regridding import Places, places
from ogcm.series import Series
from ogcm.stream import Stream
from ogcm.tides import Tide

Array = np.ndarray
FORM = "ogcm ocean 1"
FACES = {"tau_x": ("lat", "lon_f"), "tau_y": ("lat_f", "lon")}


@dataclass
class Ocean:
    """A prepared ocean.

    Attributes
    ----------
    cells : Places
        Cells of the model.
    dz : ndarray, shape (nk,)
        Thickness of the layers [m].
    depth : ndarray, shape (ny, nx)
        Depth of the sea floor [m], 0 on land.
    T, S : ndarray, shape (nk, ny, nx)
        Temperature [degC] and salinity [g kg-1]: conservative and absolute with TEOS-10, else potential and practical.
    eta : float or ndarray, shape (ny, nx)
        Sea surface height at the start [m].
    forcing : dict of str to float, ndarray or Series
        Entries of `ogcm.Forcing`: numbers, maps (ny, nx) and series of maps; "slp" for a pressure of the air that is
        that of the atmosphere, and the constituents of an equilibrium tide.
    atmosphere : dict of str to float, bool, ndarray or Series
        Entries of `ogcm.Atmosphere`; empty for fluxes that are given.
    open_sides : dict of str to object
        Entries of `ogcm.OpenSides`; empty for an ocean without open sides.
    numerics, parameters : dict
        Numerical choices and parameters of the model.
    name : str
        Name of the ocean.
    configuration : str
        What was asked for, as TOML.
    inputs : dict of str to str
        Hashes of the files that were read, by their path from the folder of the configuration.
    start : str or None
        Date of the time 0 of the model.
    """

    cells: Places
    dz: Array
    depth: Array
    T: Array
    S: Array
    eta: float | Array = 0.0
    forcing: dict[str, Any] = field(default_factory=dict)
    atmosphere: dict[str, Any] = field(default_factory=dict)
    open_sides: dict[str, Any] = field(default_factory=dict)
    numerics: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    name: str = "ocean"
    configuration: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    start: str | None = None

    @property
    def equation_of_state(self) -> str:
        """The equation of state, which decides what kinds of temperature and salinity T and S are."""
        return self.numerics.get("equation_of_state", "teos10")


def write(ocean: Ocean, path: str | Path) -> None:
    """Write a prepared ocean in one piece. Raises FileError if the disk fails."""
    with write_hdf5(path, "the ocean", opener=h5netcdf.File) as f:
        f.attrs.update(
            Conventions="CF-1.11", title=ocean.name, source=f"ogcm {ogcm.__version__}", form=FORM,
            settings=json.dumps(settings_of(ocean), sort_keys=True),
            history=f"ogcm {ogcm.__version__} prepare",  # without a date: the same inputs give the same file
            configuration=ocean.configuration, inputs=json.dumps(ocean.inputs, sort_keys=True),
        )  # fmt: skip
        write_geometry(f, ocean)
        dims = ("z", "lat", "lon")
        if ocean.equation_of_state == "teos10":
            write_variable(f, "T", ocean.T, dims, "degC", "sea_water_conservative_temperature")
            write_variable(f, "S", ocean.S, dims, "g kg-1", "sea_water_absolute_salinity")
        else:
            write_variable(f, "T", ocean.T, dims, "degC", "sea_water_potential_temperature")
            write_variable(f, "S", ocean.S, dims, "1", "sea_water_practical_salinity")
        for name, entry in ({"eta": ocean.eta} | ocean.forcing | ocean.atmosphere).items():
            if isinstance(entry, Series | np.ndarray):
                write_entry(f, name, entry)
        write_open_sides(f, ocean.open_sides)


def settings_of(ocean: Ocean) -> dict[str, dict]:
    """Return all numbers of an ocean by their tables."""
    outside = dict(ocean.open_sides)
    if tide := outside.pop("tides", None):
        outside |= {"constituents": list(tide.eta), "friction": tide.friction}
    tables = {"numerics": ocean.numerics, "parameters": ocean.parameters, "forcing": ocean.forcing, "open": outside,
              "atmosphere": ocean.atmosphere, "ocean": {"start": ocean.start, "eta": ocean.eta}}  # fmt: skip
    return {name: {entry: value for entry, value in table.items() if not isinstance(value, Series | np.ndarray)}
            for name, table in tables.items()}  # fmt: skip


def write_geometry(f: Any, ocean: Ocean) -> None:
    """Write cells, layers and the depth of the sea floor."""
    lat, lon, lat_edges, lon_edges = ocean.cells
    interfaces = -np.concatenate([[0.0], np.cumsum(ocean.dz)])
    f.dimensions = {"lat": len(lat), "lon": len(lon), "lat_f": len(lat), "lon_f": len(lon),
                    "z": len(ocean.dz), "bounds": 2}  # fmt: skip
    for letter, name, centres, edges in (("Y", "lat", lat, lat_edges), ("X", "lon", lon, lon_edges)):
        units, standard = {"Y": ("degrees_north", "latitude"), "X": ("degrees_east", "longitude")}[letter]
        v = write_variable(f, name, centres, (name,), units, standard)
        v.attrs.update(axis=letter, bounds=f"{name}_bnds")
        f.create_variable(f"{name}_bnds", (name, "bounds"), data=np.stack([edges[:-1], edges[1:]], axis=1))
        write_variable(f, f"{name}_f", edges[1:], (f"{name}_f",), units, standard)
    middle = 0.5 * (interfaces[1:] + interfaces[:-1])
    v = write_variable(f, "z", middle, ("z",), "m", "height_above_mean_sea_level")
    v.attrs.update(axis="Z", positive="up", bounds="z_bnds")
    f.create_variable("z_bnds", ("z", "bounds"), data=np.stack([interfaces[:-1], interfaces[1:]], axis=1))
    write_variable(f, "dz", ocean.dz, ("z",), "m", "cell_thickness")
    write_variable(f, "depth", ocean.depth, ("lat", "lon"), "m", "sea_floor_depth_below_mean_sea_level")


def write_variable(f: Any, name: str, values: Any, dims: tuple[str, ...], units: str, standard_name: str) -> Any:
    """Write a variable and return it."""
    v = f.create_variable(name, dims, data=np.asarray(values, float))
    v.attrs.update({"units": units} | ({"standard_name": standard_name} if standard_name else {}))
    if units == "degC":
        v.attrs["units_metadata"] = "temperature: on_scale"
    return v


def write_entry(f: Any, name: str, entry: Any) -> None:
    """Write an entry of the forcing: a map or a series."""
    dims: tuple[str, ...] = FACES.get(name, ("lat", "lon"))
    values = entry.values if isinstance(entry, Series) else entry
    if isinstance(entry, Series):
        time = "month" if entry.period is not None else f"time_{name}"
        if time not in f.dimensions:
            f.dimensions[time] = len(entry.times)
            v = f.create_variable(time, (time,), data=np.arange(1, 13) if time == "month" else np.asarray(entry.times))
            v.attrs.update(
                {"units": "1", "long_name": "month of the year"}
                if time == "month"
                else {"units": "s", "long_name": "time since the start"}
            )
        dims = (time, *dims)
    write_variable(f, name, values, dims, FIELDS[name].units, FIELDS[name].standard_name)


def write_open_sides(f: Any, open_sides: Mapping[str, Any]) -> None:
    """Write where the sides of an ocean are open, and the sea level and tide outside."""
    for side in SIDES:
        if side in open_sides:
            v = f.create_variable(f"open_{side}", ("lat" if SIDES[side][1] else "lon",),
                                  data=open_sides[side].astype("i1"))  # fmt: skip
            v.attrs.update(flag_values=np.array([0, 1], "i1"), flag_meanings="closed open",
                           long_name=f"cells of the {side} side that are open")  # fmt: skip
    if isinstance(open_sides.get("eta"), Series | np.ndarray):
        write_entry(f, "eta_outside", open_sides["eta"])
    for name, pair in (open_sides["tides"].eta if "tides" in open_sides else {}).items():
        for kind, units, values in zip(("amplitude", "phase"), ("m", "degree"), pair, strict=True):
            v = write_variable(f, f"{name}_{kind}", values, ("lat", "lon"), units, "")
            v.attrs["long_name"] = f"{kind} of the tide {name} at Greenwich"


def read_open_sides(f: h5py.File, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of `ogcm.OpenSides` of a file and its settings, empty for an ocean without open sides."""
    found = dict(settings)
    constituents, friction = found.pop("constituents", ()), found.pop("friction", 0.0)
    found |= {side: f[f"open_{side}"][...] == 1 for side in SIDES if f"open_{side}" in f}
    if "eta_outside" in f:
        found["eta"] = read_entry(f, "eta_outside")
    if constituents:
        eta = {name: (f[f"{name}_amplitude"][...], f[f"{name}_phase"][...]) for name in constituents}
        found["tides"] = Tide(eta=eta, friction=friction)
    return found


def read(path: str | Path) -> Ocean:
    """Read a prepared ocean.

    Parameters
    ----------
    path : str or Path
        File that `ogcm prepare` wrote.

    Returns
    -------
    Ocean
        The ocean.

    Raises
    ------
    FileError
        For a file that is missing, damaged, or no prepared ocean.
    """
    if not Path(path).is_file():
        raise FileError(f"{path}: is no file; make it with `ogcm prepare CONFIG.toml`")
    verify(path, "an ocean that `ogcm prepare` wrote")
    try:
        with h5py.File(path, "r") as f:
            if f.attrs.get("form") != FORM:
                raise FileError(f"{path}: is no ocean that `ogcm prepare` wrote")
            settings = json.loads(f.attrs["settings"])
            lat, lon = f["lat_bnds"][...], f["lon_bnds"][...]
            cells = places(np.append(lat[:, 0], lat[-1, 1]), np.append(lon[:, 0], lon[-1, 1]))
            return Ocean(
                cells, f["dz"][...], f["depth"][...], f["T"][...], f["S"][...],
                f["eta"][...] if "eta" in f else settings["ocean"]["eta"],
                entries(f, ENTRIES) | settings["forcing"], entries(f, AIR) | settings["atmosphere"],
                read_open_sides(f, settings["open"]), settings["numerics"], settings["parameters"],
                str(f.attrs["title"]), str(f.attrs["configuration"]), json.loads(f.attrs["inputs"]),
                settings["ocean"]["start"],
            )  # fmt: skip
    except FileError:
        raise
    except BROKEN as error:
        raise FileError(f"{path}: damaged ({error}); make it again with `ogcm prepare`") from None


def entries(f: h5py.File, names: Iterable[str]) -> dict[str, Any]:
    """Return the maps and series of those entries of the forcing that a file has."""
    return {name: read_entry(f, name) for name in names if name in f}


def read_entry(f: h5py.File, name: str) -> Any:
    """Return an entry of the forcing: a map or a series."""
    v = f[name]
    if v.ndim < 3:
        return v[...]
    time = f[v.dims[0][0].name] if len(v.dims[0]) else None
    if time is None:
        raise FileError(f"{f.filename}: {name} has no times; make the file again with `ogcm prepare`")
    if time.name == "/month":
        return Series.monthly(v[...])
    return Stream(RecordsInFile(Path(f.filename), name, v.shape), time[...])


@dataclass(frozen=True)
class RecordsInFile:
    """The records of an entry in the file of an ocean, which lie at the points of the model.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        Its variable.
    shape : tuple of int
        Shape (nt, ny, nx) of the records.
    """

    path: Path
    name: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of records."""
        return self.shape[0]

    @property
    def label(self) -> str:
        """Names of the file and the variable, for messages."""
        return f"{self.path}: {self.name}"

    @property
    def mark(self) -> str:
        """A text that changes with the file."""
        return f"{self.label} {self.path.stat().st_size}"

    def __array__(self, *args: Any, **options: Any) -> Array:
        """Return all records."""
        with h5py.File(self.path, "r") as f:
            return f[self.name][...]

    def at(self, name: str, points: Points) -> "RecordsOfTile":
        """Return the records at the points of a model, or of its tile."""
        return RecordsOfTile(self, name, points)


@dataclass(frozen=True)
class RecordsOfTile:
    """The records of a file at the points of a tile."""

    records: RecordsInFile
    name: str
    points: Points

    def read(self, n: int) -> Array:
        """Return a record (ny, nx). Raises FileError where the file cannot be read."""
        path = self.records.path
        try:
            with h5py.File(path, "r") as f:
                return fit_shape_of_tile(self.name, f[self.records.name][n], self.points)
        except BROKEN as error:
            raise FileError(f"{path}: record {n} of {self.records.name} cannot be read ({error})") from None
