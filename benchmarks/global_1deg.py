"""A year of the real ocean at one degree beside observations: `python -m benchmarks.global_1deg FOLDER [--days N]`.

FOLDER holds the files that ogcm/setups/global_1deg.toml names. The ocean is prepared (`--ocean`) and run with monthly
means (`--run`), each where its file does not exist; a run that has not ended is read as `--run year.nc.part`. The
tables are

    circulation     transports and overturning, each month and in the mean, beside observed ones
    temperature     of the surface beside the climatology of the same month (to which it is restored with 16 W m-2 K-1),
                    and the mean of the whole ocean
    mixed layer     at the end of winter, by region

Transports, overturning and heat transport are those of the mean flow of a month, with the eddy-induced part where there
is one. `--picture FILE` draws the means over all months.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cmocean
import h5py
import numpy as np

import ogcm
from ogcm import diagnostics
from ogcm.constants import DAY
from ogcm.grid import interior
from ogcm.plotting import LAND, Picture
from ogcm.regions import within

Array = np.ndarray
MONTH = 365 / 12  # [days]
SVERDRUP, PETAWATT = 1e6, 1e15
# The Atlantic ends at lines from South America to the Indian Ocean, across Bering Strait and the Strait of Gibraltar
ATLANTIC = (-40.0, 20.0), [[(-70, -34.5), (25, -34.5)], [(-172, 65.5), (-166, 65.5)], [(-5.5, 34.5), (-5.5, 37.5)]]
DRAKE = {"x": -68.0, "y": (-70.0, -54.0)}
INDONESIA = {"x": 113.0, "y": (-26.0, -8.0)}  # from Java to Australia: what all straits to the east let through
OBSERVED = {  # what the table shows beside the run
    "Drake Passage [Sv]": "134 (Cunningham et al. 2003), 173 (Donohue et al. 2016)",
    "Indonesian throughflow [Sv]": "15 (Sprintall et al. 2009)",
    "Atlantic overturning at 26.5 N [Sv]": "17 (Smeed et al. 2018)",
    "largest from 20 to 60 N below 500 m [Sv]": "",
    "Atlantic heat transport at 26.5 N [PW]": "1.3 (Johns et al. 2011)",
    "largest northward heat transport [PW]": "1.7 to 2 (Trenberth and Caron 2001)",
    "largest southward heat transport [PW]": "",
}
WINTERS = {  # longitudes and latitudes of the regions, and the day of the year of their deepest mixed layers
    "Labrador and Irminger Seas": ((-60, -30), (52, 65), 75),
    "Nordic Seas": ((-15, 15), (65, 78), 75),
    "Kuroshio and North Pacific": ((140, 220), (25, 50), 75),
    "Mediterranean": ((0, 30), (33, 44), 75),
    "Southern Ocean": ((0, 360), (-65, -40), 255),
}


def states(model: ogcm.Model, run: h5py.File) -> Iterator[float]:
    """Set the model to the mean state of each record. Yields the day in its middle."""
    for n, day in enumerate(run["time_bounds"][...].mean(axis=1)):
        for name in ("u", "v", "eta", "T", "S"):
            values = run[name][n].astype(float)
            model.set(**{name: np.where(abs(values) < 1e30, values, 0.0)})
        yield float(day)


def circulation(model: ogcm.Model, atlantic: Array) -> tuple[list[float], dict[str, Array]]:
    """The numbers of OBSERVED, and the streamfunctions that are drawn [Sv]."""
    over = (diagnostics.overturning(model, atlantic) + diagnostics.eddy_overturning(model, atlantic)) / SVERDRUP
    psi = diagnostics.barotropic_streamfunction(model) / SVERDRUP
    heat, of_atlantic = (diagnostics.heat_transport(model, where) / PETAWATT for where in (None, atlantic))
    lat = model.horizontal.y_f
    there, deep = np.argmin(abs(lat - 26.5)), np.append(0.0, np.cumsum(model.dz)) > 500
    north = (lat >= 20) & (lat <= 60)
    numbers = [
        diagnostics.strait_transport(model, **DRAKE) / SVERDRUP,
        -diagnostics.strait_transport(model, **INDONESIA) / SVERDRUP,
        over[:, there].max(), over[np.ix_(deep, north)].max(), of_atlantic[there], heat.max(), heat.min(),
    ]  # fmt: skip
    return numbers, {"overturning": over, "psi": psi}


def bias(model: ogcm.Model, day: float) -> Array:
    """Temperature of the surface less that of the climatology (ny, nx) [K], NaN on land."""
    wet = interior(model.grid.mask_t)[0] > 0
    climate = interior(model.forcing.at(day * DAY).T_star)
    return np.where(wet, interior(model.state.T)[0] - climate, np.nan)


def print_rows(title: str, rows: dict[str, list[float]], beside: dict[str, str], form: str = "7.1f") -> None:
    """Print one row for each name with its values by month, their mean, and words beside them."""
    months = len(next(iter(rows.values())))
    print(f"\n{title:42}" + "".join(f"{n + 1:7}" for n in range(months)) + "     mean")
    for name, values in rows.items():
        numbers = "".join(f"{value:{form}}" for value in values)
        print(f"{name:42}{numbers}  {np.mean(values):{form}}   {beside.get(name, '')}")


def print_mixed_layers(model: ogcm.Model, run: h5py.File) -> None:
    """Print mean, 95th percentile and maximum of the depth of the mixed layer in winter by region."""
    grid, area = model.horizontal, diagnostics.wet_area(model)
    days = run["time_bounds"][...].mean(axis=1)
    print(f"\n{'mixed layer at the end of winter [m]':42}{'mean':>7}{'95 %':>7}{'largest':>9}")
    for name, (lon, lat, wanted) in WINTERS.items():
        n = int(np.argmin(abs(days - wanted)))
        if abs(days[n] - wanted) > MONTH:
            continue  # the run has not come so far
        rows, columns = (within(grid, axis, points, ends)
                         for axis, points, ends in (("y", grid.y_t, lat), ("x", grid.x_t, lon)))  # fmt: skip
        there = rows[:, None] & columns & (area > 0)
        depth = run["mixed_layer_depth"][n][there]
        mean = np.average(depth, weights=area[there])
        print(f"{name:42}{mean:7.0f}{np.percentile(depth, 95):7.0f}{depth.max():9.0f}")


def compare(model: ogcm.Model, run: h5py.File, picture: str | None) -> None:
    """Print the tables, and draw the means."""
    atlantic, area = diagnostics.basin(model, *ATLANTIC), diagnostics.wet_area(model)
    flows, drawn, biases, means = [], [], [], [diagnostics.mean_T(model)]
    for day in states(model, run):
        numbers, maps = circulation(model, atlantic)
        flows.append(numbers)
        drawn.append(maps)
        biases.append(bias(model, day))
        means.append(diagnostics.mean_T(model))
    wet = area > 0
    errors = np.array(biases)[:, wet]
    rms = np.sqrt(np.average(errors**2, axis=1, weights=area[wet]))
    print_rows("circulation", dict(zip(OBSERVED, np.transpose(flows).tolist(), strict=True)), OBSERVED)
    mean = np.average(errors, axis=1, weights=area[wet])
    surface = {"bias of the surface [K]": list(mean), "rms error [K]": list(rms)}
    print_rows("temperature", surface, {}, "7.2f")
    drift = {"mean of the ocean since the start [K]": list(np.array(means[1:]) - means[0])}
    print_rows("", drift, {}, "7.3f")
    of_year = np.array(biases).mean(axis=0)
    far = np.average(abs(of_year[wet]) > 2, weights=area[wet])
    print(f"\nof the mean bias, {100 * far:.0f} % of the area lies beyond 2 K")
    print_mixed_layers(model, run)
    if picture:
        draw(model, of_year, {name: np.mean([maps[name] for maps in drawn], axis=0) for name in drawn[0]}, picture)


def draw(model: ogcm.Model, bias: Array, maps: dict[str, Array], picture: str) -> None:
    """Draw the bias of the surface, the barotropic streamfunction and the overturning of the Atlantic."""
    grid, figure = model.horizontal, Picture(9, 12)
    axes = figure.subplots(3, 1, height_ratios=[1, 1, 0.8])
    wet = interior(model.grid.mask_t)[0] > 0
    image = axes[0].pcolormesh(grid.x_t, grid.y_t, bias, cmap=cmocean.cm.balance, vmin=-4, vmax=4, shading="nearest")
    figure.colorbar(image, ax=axes[0], extend="both")
    axes[0].set_title("temperature of the surface less that of the climatology [K]")
    psi = np.where(wet, maps["psi"], np.nan)
    levels = np.arange(-200, 201, 10)
    image = axes[1].contourf(grid.x_f, grid.y_f, psi - psi[np.argmin(abs(grid.y_f - 20)), grid.shape[1] // 2], levels,
                             cmap=cmocean.cm.balance, extend="both")  # fmt: skip
    figure.colorbar(image, ax=axes[1])
    axes[1].set_title("barotropic streamfunction [Sv], less that of the North Pacific at 20 N")
    depth = np.append(0.0, np.cumsum(model.dz))
    shown = np.ma.masked_where(np.broadcast_to(abs(maps["overturning"]).max(axis=0) == 0, maps["overturning"].shape),
                               maps["overturning"])  # fmt: skip
    image = axes[2].contourf(grid.y_f, depth, shown, np.arange(-30, 31, 2), cmap=cmocean.cm.balance, extend="both")
    axes[2].contour(grid.y_f, depth, shown, np.arange(-30, 31, 2), colors="black", linewidths=0.3)
    figure.colorbar(image, ax=axes[2])
    axes[2].set(xlim=(-34, 75), ylim=(5500, 0), ylabel="depth [m]", title="overturning of the Atlantic [Sv]")
    for panel in axes:
        panel.set_facecolor(LAND)
    figure.savefig(picture, dpi=110)


def main() -> None:
    """Prepare and run what does not exist, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=float, default=365.0)
    parser.add_argument("--ocean", type=Path, default=Path("global_1deg.nc"))
    parser.add_argument("--run", type=Path, default=Path("global_1deg.run.nc"))
    parser.add_argument("--picture", help="picture to write")
    chosen = parser.parse_args()
    if not chosen.ocean.exists():
        ogcm.prepare("global_1deg", chosen.ocean, data=chosen.folder)
    model = ogcm.setups.global_1deg(data=str(chosen.ocean))
    if not chosen.run.exists():
        ogcm.Simulation(model.copy(), days=chosen.days, every=MONTH, means=True, output=chosen.run).run()
    with h5py.File(chosen.run) as run:
        compare(model, run, chosen.picture)


if __name__ == "__main__":
    main()
