"""The Mediterranean in January 2021 beside observations: `python -m benchmarks.mediterranean FOLDER [--days N]`.

FOLDER holds the files that ogcm/setups/mediterranean.toml names, and med202101/profiles.nc and sla_tracks.nc. The
ocean is prepared (`--ocean`, where the file does not exist) and run, forced by the atmosphere of every six hours and by
the tides outside; nothing is assimilated. The tables are

    exchange        through the Strait of Gibraltar, of the mean flow from day 10 on
    M2              amplitude and phase at ten points beside the constants of tides.nc, and the rms error over the sea
    sea level       along the tracks of altimeters from day 10 on, by satellite, without the mean of each. Observed is
                    anomaly + mean dynamic topography + tide + dynamic atmospheric correction, as the anomaly lacks the
                    last two; "mdt" is an ocean at rest, "mdt + tide + dac" one that knows what was corrected
    temperature     of profiles, by depth, beside the climatology from which the run starts

and the net heat flux of the month. `--picture FILE` draws the end of the run, the strait and the tide.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import cmocean
import h5py
import numpy as np
from matplotlib.axes import Axes

import ogcm
from ogcm.constants import DAY
from ogcm.diagnostics import harmonics
from ogcm.grid import interior
from ogcm.plotting import LAND, Picture

Array = np.ndarray
BANDS = [(0, 10), (10, 50), (50, 150), (150, 400), (400, 1000), (1000, 3000)]  # of depth [m]
STRAIT = -5.5, (35.4, 36.6)  # longitude, and between which latitudes
SETTLED = 10.0  # day from which means are taken
FITTED = ["M2", "S2", "N2", "K1", "O1"]  # constituents that a month separates
SATELLITES = ["AltiKa", "Cryosat-2", "HY-2B", "Jason-3", "Sentinel-3A", "Sentinel-3B"]
POINTS = {  # longitude and latitude
    "Gibraltar": (-5.4, 36.0), "Malaga": (-4.4, 36.6), "Oran": (-0.7, 35.9), "Barcelona": (2.4, 41.3),
    "Genoa": (8.9, 44.3), "Palermo": (13.4, 38.3), "Gulf of Gabes": (10.9, 34.3), "Trieste": (13.4, 45.5),
    "Heraklion": (25.1, 35.6), "Haifa": (34.8, 32.9),
}  # fmt: skip


class Levels:
    """The sea level of a run, every hour.

    Attributes
    ----------
    times : list of float
        Times [s].
    maps : list of ndarray, shape (ny, nx)
        The sea level [m], in single precision.
    """

    def __init__(self) -> None:
        self.times: list[float] = []
        self.maps: list[Array] = []

    def keep(self, simulation: ogcm.Simulation) -> None:
        """Keep the present sea level."""
        state = simulation.model.state
        self.times.append(state.time)
        self.maps.append(interior(state.eta).astype(np.float32))

    def at(self, days: Array, j: Array, i: Array) -> Array:
        """Return the sea level at points in time [days] and in cells, linear in time."""
        times = np.array(self.times) / DAY
        after = np.clip(np.searchsorted(times, days), 1, len(times) - 1)
        share = (days - times[after - 1]) / (times[after] - times[after - 1])
        maps = np.array(self.maps)
        return (1 - share) * maps[after - 1, j, i] + share * maps[after, j, i]


def cells_of(model: ogcm.Model, lon: Array, lat: Array) -> tuple[Array, Array, Array]:
    """Indices j, i of the cells in which points lie, and which of these cells are in the sea."""
    grid = model.horizontal
    j, i = (np.argmin(abs(a[:, None] - b), axis=0) for a, b in ((grid.y_t, lat), (grid.x_t, lon)))
    near = (abs(grid.y_t[j] - lat) < 0.2) & (abs(grid.x_t[i] - lon) < 0.2)
    return j, i, near & (interior(model.grid.mask_t)[0, j, i] > 0)


def nearest_cell(model: ogcm.Model, lon: float, lat: float) -> tuple[int, int]:
    """Indices j, i of the cell of the sea nearest to a point."""
    grid = model.horizontal
    distance = np.hypot(grid.y_t[:, None] - lat, np.cos(np.radians(lat)) * (grid.x_t - lon))
    j, i = np.unravel_index(np.argmin(np.where(interior(model.grid.mask_t)[0] > 0, distance, np.inf)), grid.shape)
    return int(j), int(i)


def inside(model: ogcm.Model) -> Array:
    """Cells of the Mediterranean (ny, nx)."""
    x, y = model.horizontal.x_t, model.horizontal.y_t[:, None]
    return (interior(model.grid.mask_t)[0] > 0) & (x > STRAIT[0]) & ~((y > 42.0) & (x < 0.0))


def mean_of(run: h5py.File, name: str) -> Array:
    """Mean of a field from day 10 on, or of all of a shorter run."""
    chosen = run["time_bounds"][:, 0] >= SETTLED
    values = run[name][...][chosen if chosen.any() else slice(None)].mean(axis=0, dtype=float)
    return np.where(abs(values) < 1e19, values, np.nan)


def section(model: ogcm.Model) -> tuple[int, slice, Array]:
    """Column and rows of the faces across the strait, and their areas (nk, n) [m2]."""
    grid = model.horizontal
    i, (south, north) = int(np.argmin(abs(grid.x_f - STRAIT[0]))), STRAIT[1]
    rows = slice(*np.searchsorted(grid.y_t, [south, north]))
    h, wet, dy = (interior(getattr(model.grid, name)) for name in ("h_u", "mask_u", "dy_u"))
    return i, rows, (h * wet)[:, rows, i] * dy[rows, i]


def exchange(model: ogcm.Model, run: h5py.File) -> None:
    """Print what flows through the strait."""
    i, rows, areas = section(model)
    flow = np.nan_to_num(mean_of(run, "u")[:, rows, i]) * areas / 1e6
    into, out = flow[flow > 0].sum(), -flow[flow < 0].sum()
    print(f"\nGibraltar [Sv]: inflow {into:.2f}, outflow {out:.2f}, net {into - out:.3f}")


def tide_errors(model: ogcm.Model, levels: Levels) -> tuple[Array, Array]:
    """Print the errors of the tide M2. Returns its amplitude [m] and phase [degrees] in the run (ny, nx)."""
    times, maps = np.array(levels.times), np.array(levels.maps)
    later = times > min(3 * DAY, times[-1] / 3)
    amplitude, phase = harmonics(times[later], maps[later], FITTED, model.start)["M2"]
    given, lag = model.open_sides.tides.eta["M2"]
    difference = abs(amplitude * np.exp(1j * np.radians(phase)) - given * np.exp(1j * np.radians(lag)))
    print(f"\n{'M2':16} {'run: amplitude':>15} {'phase':>6} {'tides.nc':>10} {'phase':>6} {'error [m]':>10}")
    for name, point in POINTS.items():
        at = nearest_cell(model, *point)
        print(
            f"{name:16} {amplitude[at]:15.3f} {phase[at]:6.0f} {given[at]:10.3f} {lag[at]:6.0f} {difference[at]:10.3f}"
        )
    sea, area = inside(model), interior(model.grid.area_t)
    rms, signal = (np.sqrt(np.average(a[sea] ** 2, weights=area[sea])) for a in (difference, given))
    print(f"rms over the Mediterranean: error {rms:.3f} m, amplitude {signal:.3f} m")
    return amplitude, phase


def sea_level_errors(model: ogcm.Model, levels: Levels, tracks: h5py.File, days: float) -> None:
    """Print the errors of the sea level by satellite."""
    names = ("time", "lon", "lat", "sla", "mdt", "dac", "ocean_tide", "sat")
    time, lon, lat, sla, mdt, dac, tide, satellite = (tracks[name][...].astype(float) for name in names)
    j, i, sea = cells_of(model, lon, lat)
    sea &= inside(model)[j, i] & (time < days) & (time > min(SETTLED, days / 3))
    sea &= (abs(np.stack([sla, mdt, dac, tide])) < 5).all(axis=0)
    j, i, time, sla, mdt, dac, tide, satellite = (a[sea] for a in (j, i, time, sla, mdt, dac, tide, satellite))
    rows = {"run": levels.at(time, j, i), "mdt + tide + dac": mdt + tide + dac, "mdt": mdt}
    observed = sla + mdt + dac + tide
    print(
        f"\n{'sea level, rms error [m]':24} {'values':>7}"
        + "".join(f"{name:>18}" for name in rows)
        + f"{'observed':>18}"
    )
    for n, name in [*enumerate(SATELLITES), (-1, "all")]:
        of = satellite == n if n >= 0 else np.ones(len(sla), bool)
        if of.any():
            errors = [np.std(values[of] - observed[of]) for values in rows.values()] + [np.std(observed[of])]
            print(f"{name:24} {of.sum():7}" + "".join(f"{error:18.3f}" for error in errors))


def profile_errors(model: ogcm.Model, run: h5py.File, profiles: h5py.File, days: float) -> None:
    """Print the errors of the temperature by depth."""
    import gsw

    rows = np.repeat(np.arange(len(profiles["row_size"])), profiles["row_size"][...])
    time, lon, lat = (profiles[name][...][rows].astype(float) for name in ("time", "lon", "lat"))
    depth, t, s = (profiles[name][...].astype(float) for name in ("depth", "temperature", "salinity"))
    p = gsw.p_from_z(-depth, lat)
    observed = gsw.CT_from_t(gsw.SA_from_SP(np.where(abs(s) < 50, s, 38.5), p, lon, lat), t, p)
    j, i, sea = cells_of(model, lon, lat)
    centres = -interior(model.grid.z_t)[:, j, i]
    sea &= inside(model)[j, i] & (abs(t) < 50) & (time < days) & (depth < interior(model.grid.depth_t)[j, i])
    record = np.clip(np.round(time - 0.5).astype(int), 0, len(run["time"]) - 1)
    later, first = (np.full(len(t), np.nan) for _ in range(2))
    T, T0 = run["T"], interior(model.state.T)
    for n in np.unique(record[sea]):
        whole = T[n]
        for m in np.flatnonzero(sea & (record == n)):
            wet = interior(model.grid.mask_t)[:, j[m], i[m]] > 0
            z = centres[wet, m]
            later[m] = np.interp(depth[m], z, whole[wet, j[m], i[m]])
            first[m] = np.interp(depth[m], z, T0[wet, j[m], i[m]])
    print(f"\n{'temperature [K]':18} {'values':>7} {'run: bias':>10} {'rms':>6} {'climatology: bias':>18} {'rms':>6}")
    for top, bottom in BANDS:
        found = sea & np.isfinite(later) & (depth >= top) & (depth < bottom)
        a, b = later[found] - observed[found], first[found] - observed[found]
        if found.any():
            print(f"{top:5} to {bottom:4} m    {found.sum():8} {a.mean():10.2f} {np.sqrt((a**2).mean()):6.2f} "
                  f"{b.mean():18.2f} {np.sqrt((b**2).mean()):6.2f}")  # fmt: skip


def draw_map(
    figure: Picture, axes: Axes, model: ogcm.Model, values: Array, title: str, colours: str, ends: tuple
) -> None:
    """Draw a map (ny, nx) with its colours between two ends."""
    grid, wet = model.horizontal, interior(model.grid.mask_t)[0] > 0
    scale = {"cmap": getattr(cmocean.cm, colours), "vmin": ends[0], "vmax": ends[1]}
    image = axes.pcolormesh(grid.x_t, grid.y_t, np.where(wet, values, np.nan), shading="nearest", **scale)
    figure.colorbar(image, ax=axes, shrink=0.6, extend="both")
    axes.set(title=title, facecolor=LAND, aspect=1 / np.cos(np.radians(38)))


def draw_phases(axes: Axes, model: ogcm.Model, phase: Array) -> None:
    """Draw a line for every 30 degrees of a phase (ny, nx) [degrees]."""
    grid, wet = model.horizontal, interior(model.grid.mask_t)[0] > 0
    for angle in range(0, 360, 30):
        turned = np.radians(phase - angle)
        near = np.where(wet & (np.cos(turned) > 0), np.sin(turned), np.nan)
        lines = axes.contour(grid.x_t, grid.y_t, near, [0.0], colors="black", linewidths=0.7)
        axes.clabel(lines, fmt=f"{angle}", fontsize=7)


def draw_strait(figure: Picture, axes: Axes, model: ogcm.Model, run: h5py.File) -> None:
    """Draw the mean flow and salinity along the strait."""
    _, rows, areas = section(model)
    j, grid = rows.start + int(np.argmax(areas.sum(axis=0))), model.horizontal
    columns = slice(*np.searchsorted(grid.x_t, [-8.0, -3.0]))
    fields = []
    for name, kind in (("u", "u"), ("S", "t")):
        wet = interior(getattr(model.grid, f"mask_{kind}"))[:, j, columns] > 0
        fields.append(np.where(wet, mean_of(run, name)[:, j, columns], np.nan))
    depth = np.cumsum(model.dz) - 0.5 * model.dz
    scale = {"cmap": cmocean.cm.balance, "vmin": -0.6, "vmax": 0.6, "shading": "nearest"}
    image = axes.pcolormesh(grid.x_f[columns], depth, fields[0], **scale)
    figure.colorbar(image, ax=axes, shrink=0.8, extend="both")
    lines = axes.contour(grid.x_t[columns], depth, fields[1], np.arange(36.4, 39, 0.4), colors="black", linewidths=0.7)
    axes.clabel(lines, fmt="%.1f", fontsize=7)
    axes.set(title=f"u [m s-1] and salinity along {grid.y_t[j]:g} N, mean", ylabel="depth [m]")
    axes.set(facecolor=LAND, ylim=(800, 0))


def draw(model: ogcm.Model, run: h5py.File, tide: tuple[Array, Array], picture: str) -> None:
    """Draw temperature of the surface and sea level of the last day, the tide M2, and the strait."""
    figure = Picture(15, 7)
    axes = figure.subplots(2, 2)
    surface, level = (run[name][-1].astype(float) for name in ("T", "eta"))
    level = level - level[inside(model)].mean()
    draw_map(figure, axes[0, 0], model, surface[0], "temperature of the surface, last day [degC]", "thermal", (8, 20))
    draw_map(figure, axes[0, 1], model, level, "sea level, last day, less its mean inside [m]", "balance", (-0.3, 0.3))
    draw_map(figure, axes[1, 0], model, tide[0], "M2: amplitude [m] and phase [degrees]", "amp", (0.0, 0.5))
    draw_phases(axes[1, 0], model, tide[1])
    draw_strait(figure, axes[1, 1], model, run)
    figure.savefig(picture, dpi=90)


def compare(model: ogcm.Model, run: h5py.File, levels: Levels, folder: Path, days: float, picture: str | None) -> None:
    """Print the tables, and draw the run."""
    area, sea = interior(model.grid.area_t), inside(model)
    heat = sum(run[name][...][:, sea].mean(axis=0, dtype=float) for name in ("heat_flux", "shortwave"))
    print(f"mean net heat flux into the Mediterranean: {np.average(heat, weights=area[sea]):.0f} W m-2")
    exchange(model, run)
    tide = tide_errors(model, levels)
    with h5py.File(folder / "med202101" / "sla_tracks.nc") as tracks:
        sea_level_errors(model, levels, tracks, days)
    with h5py.File(folder / "med202101" / "profiles.nc") as profiles:
        profile_errors(model, run, profiles, days)
    if picture:
        draw(model, run, tide, picture)


def main() -> None:
    """Prepare, run and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--ocean", type=Path, help="file of the ocean, made where it does not exist")
    parser.add_argument("--picture", help="picture of the run to write")
    chosen = parser.parse_args()
    if not (chosen.folder / "med202101").is_dir():
        sys.exit(f"{chosen.folder / 'med202101'} does not exist; docs/preparing.md says which files are needed")
    with tempfile.TemporaryDirectory() as place:
        file, output, levels = chosen.ocean or Path(place) / "mediterranean.nc", Path(place) / "run.nc", Levels()
        if not file.exists():
            ogcm.prepare("mediterranean", file, data=chosen.folder)
        model = ogcm.setups.mediterranean(data=str(file))
        start, variables = model.copy(), ("T", "S", "u", "eta", "heat_flux", "shortwave")
        hourly = ogcm.every(hours=1, do=levels.keep)
        options = {"every": 1.0, "means": True, "variables": variables, "output": output}
        ogcm.Simulation(model, days=chosen.days, callbacks=[hourly], **options).run()
        with h5py.File(output) as run:
            compare(start, run, levels, chosen.folder, chosen.days, chosen.picture)


if __name__ == "__main__":
    main()
