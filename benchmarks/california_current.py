"""The California Current in January 2004 beside observations: `python -m benchmarks.california_current FOLDER`.

FOLDER holds `levitus_annual_1deg.nc`, `woa_monthly_temp_2deg.nc` and the folder `wc13`. The run starts on 2 January
without assimilation. The table is the misfit to the observations of 3 to 7 January (`wc13_obs.nc`) and of 7 to 14
January (`forecast_obs.nc`), by type, beside that of the start: what an assimilation must beat.

    bias, rms    of model minus observation
    J            sum of squares of the misfits over the error variances of the file; twice J_obs of the tutorial of ROMS

`--days 60` runs on with boundaries and atmosphere held, `--picture FILE` draws the last survey, and the run
on its day and at the end.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import cmocean
import h5py
import numpy as np

import ogcm
from ogcm.columns import Columns, Shares, interpolation, on_grid, plane, without_land
from ogcm.data import read_values
from ogcm.data.s_levels import find_s_levels
from ogcm.data.source import open_with
from ogcm.grid import interior
from ogcm.plotting import LAND, Picture

Array = np.ndarray
KINDS = {1: "sea level [m]", 6: "temperature [K]", 7: "salinity"}
FILES = {"3 to 7 January": "wc13_obs.nc", "7 to 14 January": "forecast_obs.nc"}
FIRST = 13007.0  # day of the files on which the run starts


def record(run: Any, name: str, n: int) -> Array:
    """Return a record of an output file, NaN on land."""
    values = run[name][n].astype(float)
    return np.where(abs(values) < 1e19, values, np.nan)


class Observed:
    """Observations of a file, and what a model has in their place.

    Parameters
    ----------
    model : Model
        The model.
    folder : Path
        The folder `wc13`.
    name : str
        The file.
    """

    def __init__(self, model: ogcm.Model, folder: Path, name: str) -> None:
        names = ("type", "time", "value", "error", "Xgrid", "Ygrid", "depth")
        kind, day, self.value, self.variance, i, j, depth = (
            read_values(folder / name, f"obs_{n}").ravel() for n in names
        )
        self.kind, self.day, grid = kind.astype(int), day - FIRST, model.grid
        x, y = model.horizontal.x_t, model.horizontal.y_t
        self.lon, self.lat = np.interp(i, np.arange(len(x)), x), np.interp(j, np.arange(len(y)), y)
        shares = on_grid(name, x, y, (self.lon, self.lat))
        self.z = np.where(depth > 0, on_levels(folder, shares, depth), depth)
        places = np.stack([a.ravel() for a in np.meshgrid(x, y)], axis=1)
        h = interior(grid.h_t).reshape(len(model.dz), -1)
        columns = Columns(*places.T, 0.5 * h - np.cumsum(h, axis=0), (h > 0).sum(axis=0), -h.sum(axis=0))
        middle = float(y.mean())
        there, here = plane(self.lon, self.lat, middle), plane(*places.T, middle)
        self.shares = without_land(name, shares, columns, there, here)
        self.weights = interpolation(self.shares, columns, self.z[None])

    def of(self, T: Array, S: Array, eta: Array) -> Array:
        """Return what takes the place of each observation in one state of the model (nk, ny, nx)."""
        import gsw

        t, s = (self.weights @ np.nan_to_num(a).ravel().astype(float) for a in (T, S))
        level = (self.shares.weights * np.nan_to_num(eta).ravel()[self.shares.columns]).sum(axis=0)
        practical = gsw.SP_from_SA(s, gsw.p_from_z(np.minimum(self.z, 0), self.lat), self.lon, self.lat)
        return np.choose(np.searchsorted([1, 6, 7], self.kind), [level, gsw.pt_from_CT(s, t), practical])

    def of_run(self, run: Any) -> Array:
        """Return what takes the place of each observation in a run, linear between its records; NaN beyond them."""
        times, found = run["time"][...], np.zeros(len(self.day))
        times = times - times[0]
        for n, time in enumerate(times):
            step = times[1] - times[0]
            weight = np.maximum(1 - abs(self.day - time) / step, 0)
            if weight.any():
                found += weight * self.of(*(record(run, name, n) for name in ("T", "S", "eta")))
        return np.where(self.day <= times[-1] + 1e-6, found, np.nan)


def on_levels(folder: Path, shares: Shares, level: Array) -> Array:
    """Return the heights of levels of the ROMS grid, numbered from 1 at the floor and not whole."""
    h = read_values(folder / "wc13_grd.nc", "h", "depth").ravel()
    with open_with(folder / "wc13_ecco_bry.nc", ("s_rho",)) as ds:
        heights = find_s_levels(ds, "s_rho").heights((shares.weights * h[shares.columns]).sum(axis=0))
    below = np.clip(np.floor(level).astype(int) - 1, 0, len(heights) - 2)
    n, share = np.arange(len(level)), np.clip(level - 1 - below, 0, 1)
    return (1 - share) * heights[below, n] + share * heights[below + 1, n]


def table(title: str, observed: Observed, of_start: Array, of_run: Array) -> None:
    """Print the misfits by type."""
    head = f"{title:16} {'number':>7}"
    for name in ("run", "start"):
        head += f" | {name + ': bias':>12} {'rms':>7} {'J':>8}"
    print(head)
    for kind, name in KINDS.items():
        at = (observed.kind == kind) & np.isfinite(of_run)
        if not at.any():
            continue
        line = f"{name:16} {at.sum():7}"
        for values in (of_run, of_start):
            d = (values - observed.value)[at]
            line += f" | {d.mean():12.3f} {np.sqrt((d**2).mean()):7.3f} {(d**2 / observed.variance[at]).sum():8.0f}"
        print(line)


def last_survey(observed: Observed, kind: int) -> Array:
    """Return which observations at the surface are of this kind and of the last day that has many of them."""
    at = (observed.kind == kind) & (observed.z > -10)
    days, numbers = np.unique(observed.day[at], return_counts=True)
    return at & (observed.day == days[numbers > 0.5 * numbers.max()].max())


def picture(path: str, model: ogcm.Model, observed: Observed, run: Any) -> None:
    """Draw temperature and sea level of the last survey, and of the run on that day and at its end."""
    grid, times = model.horizontal, run["time"][...] - run["time"][0]
    wet = interior(model.grid.mask_t)[0] > 0
    figure = Picture(12, 8)
    axes = figure.subplots(2, 3, sharex=True, sharey=True)
    rows = ((6, "T", cmocean.cm.thermal, "surface temperature [degC]"), (1, "eta", cmocean.cm.balance, "sea level [m]"))
    for of_row, (kind, name, colours, label) in zip(axes, rows, strict=True):
        at = last_survey(observed, kind)
        day = observed.day[at][0]
        limits = np.quantile(observed.value[at], [0.0, 1.0])
        low, high = (-abs(limits).max(), abs(limits).max()) if name == "eta" else limits
        style: Any = {"cmap": colours, "vmin": low, "vmax": high}
        near = min(int(np.searchsorted(times, day - 1e-6)), len(times) - 1)
        image = of_row[0].scatter(observed.lon[at], observed.lat[at], c=observed.value[at], marker="s", s=30, **style)
        of_row[0].set_title(f"observed, day {day:.1f}")
        for ax, n in zip(of_row[1:], (near, len(times) - 1), strict=True):
            values = record(run, name, n)
            surface = np.where(wet, values[0] if name == "T" else values, np.nan)
            ax.pcolormesh(grid.x_t, grid.y_t, surface, shading="nearest", **style)
            ax.set_title(f"run, day {times[n]:.1f}")
        for ax in of_row:
            ax.set(
                facecolor=LAND,
                xticks=range(-130, -115, 5),
                xlim=(grid.x_f[0], grid.x_f[-1]),
                ylim=(grid.y_f[0], grid.y_f[-1]),
            )
        figure.colorbar(image, ax=list(of_row), extend="both", label=label)
    figure.savefig(path, dpi=100)


def main() -> None:
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=float, default=12.0)
    parser.add_argument("--picture", help="picture to write")
    chosen = parser.parse_args()
    model = ogcm.setups.california_current(data=str(chosen.folder))
    start = [interior(getattr(model.state, name)).copy() for name in ("T", "S", "eta")]
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "run.nc"
        ogcm.Simulation(model, days=chosen.days, every=0.25 if chosen.days <= 20 else 1.0, output=output).run()
        with h5py.File(output) as run:
            for title, name in FILES.items():
                observed = Observed(model, chosen.folder / "wc13", name)
                table(title, observed, observed.of(*start), observed.of_run(run))
            speed = [
                np.nanmax(abs(record(run, "u", n))) for n in range(0, len(run["time"]), max(1, len(run["time"]) // 12))
            ]
            print("largest |u| [m s-1] in time:", " ".join(f"{s:.2f}" for s in speed))
            if chosen.picture:
                picture(chosen.picture, model, observed, run)


if __name__ == "__main__":
    main()
