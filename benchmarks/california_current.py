"""The California Current in January 2004 beside observations: `python -m benchmarks.california_current FOLDER`.

FOLDER holds `levitus_annual_1deg.nc` and the folder `wc13`. The run starts on 2 January without assimilation. The table
is the misfit to the observations of 3 to 7 January (`wc13_obs.nc`) and of 7 to 14 January (`forecast_obs.nc`),
by type, beside that of the start: what an assimilation must beat.

    bias, rms    of model minus observation
    J            sum of squares of the misfits over the error variances of the file; twice J_obs of the tutorial of ROMS

`--days 60` runs on with boundaries and atmosphere held, `--picture FILE` draws the last record, with the
observations of its last day as circles.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import ogcm
from ogcm.columns import Columns, Shares, interpolation, on_grid, plane, without_land
from ogcm.data import read_values
from ogcm.data.s_levels import find_s_levels
from ogcm.data.source import open_with
from ogcm.grid import interior

Array = np.ndarray
KINDS = {1: "sea level [m]", 6: "temperature [K]", 7: "salinity"}
FILES = {"3 to 7 January": "wc13_obs.nc", "7 to 14 January": "forecast_obs.nc"}
SHALLOW = 30.0  # [m] depth above which observations are drawn
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


def picture(path: str, model: ogcm.Model, run: Any, observed: Observed) -> None:
    """Draw the surface in the last record, with the observations of its last day as circles."""
    import matplotlib.pyplot as plt

    x, y = model.horizontal.x_t, model.horizontal.y_t
    figure, axes = plt.subplots(1, 3, figsize=(15, 5), layout="constrained")
    speed = np.hypot(record(run, "u", -1)[0], record(run, "v", -1)[0])
    fields = (
        ("T", record(run, "T", -1)[0], "viridis"),
        ("eta", record(run, "eta", -1), "RdBu_r"),
        ("speed", speed, "magma"),
    )
    end = run["time"][-1] - run["time"][0]
    near = (observed.day > end - 1) & (observed.z > -SHALLOW)
    for ax, (name, values, colours) in zip(axes, fields, strict=True):
        drawn = ax.pcolormesh(x, y, values, cmap=colours)
        at = near & (observed.kind == {"T": 6, "eta": 1}.get(name, 0))
        dots = {"cmap": colours, "norm": drawn.norm, "s": 14, "edgecolors": "k", "linewidths": 0.3}
        ax.scatter(observed.lon[at], observed.lat[at], c=observed.value[at], **dots)
        figure.colorbar(drawn, ax=ax, label={"T": "surface temperature [degC]", "eta": "sea level [m]"}.get(
            name, "speed at the surface [m s-1]"))  # fmt: skip
        ax.set(xlabel="longitude", ylabel="latitude", facecolor="0.8")
    figure.savefig(path, dpi=90)


def main() -> None:
    """Run and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=float, default=12.0)
    parser.add_argument("--picture", help="picture of the last record to write")
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
                picture(chosen.picture, model, run, observed)


if __name__ == "__main__":
    main()
