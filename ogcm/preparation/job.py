"""From public data to a model: a configuration names a region and files, and gets one file of an ocean.

    ogcm prepare CONFIG.toml          ogcm.prepare("CONFIG.toml")          ogcm run FILE.nc
    ogcm prepare global_1deg --data FOLDER            # a configuration of ogcm, with the files in a folder

    [grid]         lon, lat, resolution, or edges of one's own        [layers]      dz, or number, depth and top
    [bathymetry]   a relief and rules                                 [start]       temperature and salinity
    [forcing]      fluxes, or the [atmosphere] that makes them        [open]        open sides, and what is outside
    [numerics], [parameters]    those of the model

docs/preparing.md describes each entry.
"""

import datetime
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ogcm import config
from ogcm.errors import InputError, suggestion
from ogcm.files import hash_of
from ogcm.grid import tops
from ogcm.inputs import number
from ogcm.preparation import bathymetry, ocean_file, start
from ogcm.preparation.fluxes import AIR, CHOICES_OF_AIR, ENTRIES, atmosphere_of, check_body_forces, forcing_of
from ogcm.preparation.layers import stretched_layers
from ogcm.preparation.ocean_file import Ocean
from ogcm.preparation.outside import ENTRIES_OF_OPEN, open_sides_of, sea_level_of, stretches_of, with_rim
from ogcm.preparation.regridding import Places, places
from ogcm.preparation.sources import paths_of, read_around, source_of

Array = np.ndarray
TABLES: dict[str, tuple[str, ...]] = {  # entries of each table; those of the last two are checked with the model
    "ocean": ("name", "output", "start"),
    "grid": ("lon", "lat", "resolution", "lon_edges", "lat_edges"),
    "layers": ("dz", "number", "depth", "top"),
    "bathymetry": (
        "relief", "land_share", "smallest_depth", "open", "close", "basins", "keep", "remove", "smoothing",
    ),
    "start": ("temperature", "salinity", "method", "fill", "month", "stabilise", "sea_level"),
    "forcing": tuple(ENTRIES),
    "atmosphere": (*AIR, *CHOICES_OF_AIR),
    "open": ENTRIES_OF_OPEN,
    "numerics": (),
    "parameters": (),
}  # fmt: skip
SHIPPED = Path(__file__).parents[1] / "setups"  # folder of the configurations of ogcm
NEEDED = ("grid", "layers", "bathymetry", "start")  # tables without which there is no ocean


def prepare(
    configuration: str | Path | Mapping[str, Mapping],
    output: str | Path | None = None,
    *,
    data: str | Path | None = None,
    picture: bool = True,
    progress: bool = True,
) -> Path:
    """Make the file of an ocean, and its picture beside it.

    Parameters
    ----------
    configuration : str, Path or mapping
        TOML file, its tables, or the name of a configuration of ogcm, such as "global_1deg".
    output : str or Path, optional
        File to write; by default the one in [ocean], or that with the name of the configuration, beside the TOML file
        or in the present folder.
    data : str or Path, optional
        Folder to which the names of files are relative; by default that of the TOML file, or the present one.
    picture : bool
        Whether to draw bathymetry, start and forcing into a PNG with the name of the file.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError, FileError
        For entries that are unknown, missing or impossible, and for files that cannot be read.
    """
    from ogcm.preparation.picture import draw

    tables, folder, name = read_configuration(configuration)
    path = Path(output or folder / tables["ocean"].get("output", f"{name}.nc"))
    with tqdm(
        total=5 + picture, unit="part", disable=None if progress else True, file=sys.stderr, dynamic_ncols=True
    ) as bar:
        source = folder if data is None else Path(data)
        ocean = make(tables, source, tables["ocean"].get("name", name), partial(begin, bar))
        begin(bar, "file")
        ocean_file.write(ocean, path)
        if picture:
            begin(bar, "picture")
            draw(ocean).savefig(path.with_suffix(".png"), dpi=110)
    return path


def begin(bar: tqdm, part: str) -> None:
    """Show which part of the work begins, and its number."""
    bar.set_description(part)
    bar.update()


def read_configuration(configuration: str | Path | Mapping[str, Mapping]) -> tuple[dict[str, dict], Path, str]:
    """Return the tables of a configuration, its folder and its name. Raises InputError for entries that are unknown."""
    if isinstance(configuration, Mapping):
        tables, folder, name = {t: dict(configuration.get(t, {})) for t in TABLES}, Path(), "ocean"
        unknown = [t for t in configuration if t not in TABLES]
        if unknown:
            raise InputError(f"unknown table [{unknown[0]}]: {suggestion(unknown[0], TABLES)}")
    else:
        path = find_configuration(configuration)
        tables, folder, name = config.read_tables(path, tuple(TABLES)), path.parent, path.stem
        if path.parent == SHIPPED:
            folder = Path()
    for table, known in TABLES.items():
        if table in NEEDED and not tables[table]:
            raise InputError(f"the configuration needs the table [{table}] with {', '.join(known)}")
        for entry in tables[table]:
            if known and entry not in known:
                raise InputError(f"unknown {entry!r} in [{table}]: {suggestion(entry, known)}")
    check_settings(tables["numerics"], tables["parameters"])
    return tables, folder, name


def find_configuration(name: str | Path) -> Path:
    """Return a TOML file, or the one of ogcm with a name. Raises InputError for a name that does not exist."""
    path = Path(name)
    if path.suffix == ".toml":
        return path
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.toml"))}
    if str(name) not in shipped:
        raise InputError(f"prepare: unknown configuration {str(name)!r}: {suggestion(str(name), shipped)}")
    return shipped[str(name)]


def check_settings(numerics: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    """Raise InputError for names that are neither numerical choices nor parameters, and for a missing time step."""
    from ogcm.parameters import PARAMETERS
    from ogcm.setups.recipe import NUMERICAL  # imported here, since the setups import this package

    for table, given, known in (("numerics", numerics, NUMERICAL), ("parameters", parameters, list(PARAMETERS))):
        for name in given:
            if name not in known:
                raise InputError(f"unknown {name!r} in [{table}]: {suggestion(name, known)}")
    if "dt" not in numerics:
        raise InputError("[numerics] needs dt, the time step [s]; docs/choosing.md says how long it may be")


def make(tables: Mapping[str, Mapping[str, Any]], folder: Path, name: str, begin: Callable[[str], None]) -> Ocean:
    """Make an ocean from the tables of a configuration; `begin` is told each part. Raises what `prepare` raises."""
    cells, dz = region(tables["grid"]), thicknesses(tables["layers"])
    equation = tables["numerics"].get("equation_of_state", "teos10")
    first = tables["ocean"].get("start")
    if first is not None and not isinstance(first, datetime.date):
        raise InputError(f"[ocean] start needs a date without quotes, such as 2021-01-01, got {first!r}")
    check_body_forces(tables["forcing"], tables["atmosphere"], first)
    stretches = stretches_of(tables["open"], cells)
    open_sides = open_sides_of(tables["open"], stretches, folder, cells, first)
    if open_sides.get("inverse_barometer") and "surface_pressure" not in tables["forcing"]:
        raise InputError('[open] inverse_barometer needs [forcing] surface_pressure = "slp", or a field [Pa]')
    begin("bathymetry")
    depth = with_rim(sea_floor(tables["bathymetry"], folder, cells, float(dz.sum())), stretches)
    begin("start")
    T, S = initial_fields(tables["start"], folder, cells, dz, depth, equation)
    eta = sea_level_of("[start] sea_level", tables["start"].get("sea_level", 0.0), folder, cells)
    begin("forcing")
    forcing = forcing_of(tables["forcing"], folder, cells, first, equation)
    atmosphere = atmosphere_of(tables["atmosphere"], folder, cells, first)
    begin("hashes of files")
    given = {table: plain(entries) for table, entries in tables.items() if entries}
    return Ocean(
        cells, dz, depth, T, S, eta, forcing, atmosphere, open_sides, dict(tables["numerics"]),
        dict(tables["parameters"]), name,
        config.to_toml(given, "# What `ogcm prepare` was asked for"), hashes(tables, folder),
        None if first is None else first.isoformat(),
    )  # fmt: skip


def plain(value: Any) -> Any:
    """Return a value of TOML with dates as text."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return str(value) if isinstance(value, datetime.date | datetime.datetime) else value


def hashes(tables: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, str]:
    """Return the hash of each file that the tables name, by its path from the folder; another one by its whole path."""
    found: dict[str, str] = {}

    def visit(value: Any) -> None:
        if isinstance(value, Mapping):
            if "file" in value:
                for path in paths_of(value, folder):
                    name = path.relative_to(folder) if path.is_relative_to(folder) else path
                    with path.open("rb") as f:
                        found[name.as_posix()] = hash_of(f, path.stat().st_size)
            for item in value.values():
                visit(item)

    visit(tables)
    return found


# The parts of an ocean


def region(table: Mapping[str, Any]) -> Places:
    """Return the cells of the table [grid]. Raises InputError for entries that make no grid."""
    edges = {}
    for name in ("lat", "lon"):
        given, width = table.get(f"{name}_edges"), table.get("resolution")
        if (given is None) == (table.get(name) is None):
            raise InputError(f"[grid] needs either {name} = [first, last] with a resolution, or {name}_edges")
        if given is None:
            if width is None or not number("resolution", width) > 0:
                raise InputError(f"[grid] needs a positive resolution [degrees] for {name}, got {width}")
            first, last = bounds(name, table[name])
            cells = round((last - first) / width)
            if cells < 1 or abs((last - first) / width - cells) > 1e-6:
                raise InputError(
                    f"[grid] {name} from {first:g} to {last:g} is not a whole number of cells of {width:g} degrees; "
                    f"use {first:g} to {first + max(cells, 1) * width:g}"
                )
            given = np.linspace(first, last, cells + 1)
        edges[name] = np.asarray(given, float)
        if edges[name].ndim != 1 or len(edges[name]) < 2 or not (np.diff(edges[name]) > 0).all():
            raise InputError(f"[grid] {name}_edges must increase from each edge to the next, got {given}")
    return places(edges["lat"], edges["lon"])


def bounds(name: str, given: Any) -> tuple[float, float]:
    """Return the two ends of a range. Raises InputError for anything else."""
    ends = np.asarray(given, float) if isinstance(given, list | tuple) else np.zeros(0)
    if ends.shape != (2,) or not ends[0] < ends[1]:
        raise InputError(f"[grid] {name} needs its first and last edge [degrees], such as [-6, 36], got {given}")
    return float(ends[0]), float(ends[1])


def thicknesses(table: Mapping[str, Any]) -> Array:
    """Return the layers of the table [layers]. Raises InputError for entries that make none."""
    if ("dz" in table) == ("number" in table):
        raise InputError("[layers] needs either dz, the thickness of each layer [m], or number, depth and top")
    if "dz" in table:
        dz = np.asarray(table["dz"], float)
        if dz.ndim != 1 or not len(dz) or not (dz > 0).all():
            raise InputError(f"[layers] dz needs positive thicknesses [m] from the surface down, got {table['dz']}")
        return dz
    missing = [name for name in ("depth", "top") if name not in table]
    if missing:
        raise InputError(f"[layers] with a number of layers also needs {' and '.join(missing)} [m]")
    return stretched_layers(table["number"], table["depth"], table["top"])


def sea_floor(table: Mapping[str, Any], folder: Path, cells: Places, deepest: float) -> Array:
    """Return the depth of the table [bathymetry], at most that of the layers. Raises InputError for wrong entries."""
    if not isinstance(table.get("relief"), Mapping):
        raise InputError("[bathymetry] needs a relief, such as relief = {file = 'etopo.nc', variable = 'elevation'}")
    source = source_of(read_around(table["relief"], "depth", folder, cells))
    depth = bathymetry.mean_depth(
        -source.values, source.lat, source.lon, cells,
        number("land_share", table.get("land_share", 0.5)), number("smallest_depth", table.get("smallest_depth", 0.0)),
    )  # fmt: skip
    depth = bathymetry.smoothed(depth, int(number("smoothing", table.get("smoothing", 0), whole=True)), cells.closes)
    straits = [bathymetry.strait_of(entry) for entry in table.get("open", [])]
    straits += [bathymetry.strait_of(entry, depth=0.0) for entry in table.get("close", [])]
    depth = bathymetry.with_straits(depth, straits, cells)
    rules = {name: table[name] for name in ("keep", "remove") if name in table}
    depth = bathymetry.without_basins(depth, cells, others=table.get("basins", "remove"), **rules)
    return np.minimum(depth, deepest)


def initial_fields(
    table: Mapping[str, Any], folder: Path, cells: Places, dz: Array, depth: Array, equation_of_state: str
) -> tuple[Array, Array]:
    """Return temperature and salinity of the table [start], of the kinds that the equation of state needs.

    Raises InputError for wrong entries.
    """
    from ogcm.data.sea_water import sea_water

    fields, kinds, raw, fill = {}, {}, [], table.get("fill", "harmonic")
    for name in ("temperature", "salinity"):
        if not isinstance(table.get(name), Mapping):
            raise InputError(f"[start] needs {name}, such as {name} = {{file = 'levitus.nc', variable = '{name[:4]}'}}")
        entry = dict(table[name])
        kinds[f"{name}_kind"] = entry.pop(f"{name}_kind", None)
        raw.append(read_around(entry, name, folder, cells, ("z", "y", "x")))
        fields[name] = of_month(raw[-1], table.get("month"))
    if table.get("month") is not None and not any("month" in f.coords for f in raw):
        raise InputError(f"[start] month = {table['month']}: neither temperature nor salinity has months; leave it out")
    salinity = start.at_points_of(fields["temperature"], fields["salinity"])
    converted = sea_water(fields["temperature"], salinity, equation_of_state, **kinds)
    bottom = -np.cumsum(dz)[:, None, None]
    interfaces = np.maximum(np.concatenate([np.zeros((1, 1, 1)), bottom]), -np.maximum(depth, 0.0))
    method = table.get("method", "linear")
    T, S = (start.on_cells(str(f.name), source_of(f), cells, interfaces, method, fill) for f in converted)
    wet = tops(dz) < depth
    if table.get("stabilise", False):
        T, S = start.stabilised(T, S, interfaces, wet, cells.lat)
    return np.where(wet, T, 0.0), np.where(wet, S, 0.0)


def of_month(field: Any, month: int | None) -> Any:
    """Return a field in a month, or its mean over all records where no month is asked for.

    Raises InputError for a month of a field without months.
    """
    if "time" not in field.dims:
        return field
    if month is None:
        return field.mean("time", keep_attrs=True)
    if "month" not in field.coords or month not in field["month"].values:
        raise InputError(
            f"[start] month = {month}: {field.name} does not have this month; give one of 1 to 12, or none"
        )
    return field.isel(time=int(np.flatnonzero(field["month"].values == month)[0])).drop_vars("month")
