"""The Mediterranean in January 2021 beside observations: `python -m benchmarks.mediterranean FOLDER [--days N]`.

FOLDER holds the files that ogcm/setups/mediterranean.toml names, and med202101/profiles.nc and sla_tracks.nc. The ocean
is prepared and run, forced by its atmosphere every six hours, and nothing is assimilated. The tables are errors of

    temperature     of profiles, by depth, beside the climatology from which the run starts
    sea level       along the tracks of altimeters (anomaly and mean dynamic topography), with the mean of the month
                    removed, beside the mean dynamic topography alone

and the net heat flux of the month. `--picture FILE` draws the run.
"""

import argparse
import tempfile
from pathlib import Path

import h5py
import numpy as np

import ogcm
from ogcm.grid import interior

Array = np.ndarray
BANDS = [(0, 10), (10, 50), (50, 150), (150, 400), (400, 1000), (1000, 3000)]  # of depth [m]


def prepared(folder: Path, output: Path) -> ogcm.Model:
    """The model, prepared from the files in a folder."""
    return ogcm.setups.ocean(data=str(ogcm.prepare("mediterranean", output, data=folder)))


def cells_of(model: ogcm.Model, lon: Array, lat: Array) -> tuple[Array, Array, Array]:
    """Indices j, i of the cells in which points lie, and which of these cells are in the sea."""
    grid = model.horizontal
    j, i = (np.argmin(abs(a[:, None] - b), axis=0) for a, b in ((grid.y_t, lat), (grid.x_t, lon)))
    near = (abs(grid.y_t[j] - lat) < 0.2) & (abs(grid.x_t[i] - lon) < 0.2)
    return j, i, near & (interior(model.grid.mask_t)[0, j, i] > 0)


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
    sea &= (abs(t) < 50) & (time < days) & (depth < interior(model.grid.depth_t)[j, i])
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
    print(f"{'temperature [K]':18} {'values':>7} {'run: bias':>10} {'rms':>6} {'climatology: bias':>18} {'rms':>6}")
    for top, bottom in BANDS:
        found = sea & np.isfinite(later) & (depth >= top) & (depth < bottom)
        a, b = later[found] - observed[found], first[found] - observed[found]
        if found.any():
            print(f"{top:5} to {bottom:4} m    {found.sum():8} {a.mean():10.2f} {np.sqrt((a**2).mean()):6.2f} "
                  f"{b.mean():18.2f} {np.sqrt((b**2).mean()):6.2f}")  # fmt: skip


def sea_level_errors(model: ogcm.Model, run: h5py.File, tracks: h5py.File, days: float) -> None:
    """Print the errors of the sea level."""
    time, lon, lat, sla, mdt = (tracks[name][...].astype(float) for name in ("time", "lon", "lat", "sla", "mdt"))
    j, i, sea = cells_of(model, lon, lat)
    sea &= (time < days) & (time > days / 3) & (abs(sla) < 5) & (abs(mdt) < 5) & (lon > -5)
    record = np.clip(np.round(time[sea] - 0.5).astype(int), 0, len(run["time"]) - 1)
    eta = run["eta"][...][record, j[sea], i[sea]]
    observed = (sla + mdt)[sea]
    print(f"\n{'sea level [m], without its mean':34} {'values':>7} {'rms error':>10} {'correlation':>12}")
    for name, values in (("run", eta), ("mean dynamic topography alone", mdt[sea])):
        a, b = values - values.mean(), observed - observed.mean()
        correlation = (a * b).mean() / np.sqrt((a**2).mean() * (b**2).mean())
        print(f"{name:34} {len(a):7} {np.sqrt(((a - b) ** 2).mean()):10.3f} {correlation:12.2f}")


def main() -> None:
    """Prepare, run and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--picture", help="picture of the run to write")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        model, output = prepared(chosen.folder, Path(place) / "mediterranean.nc"), Path(place) / "run.nc"
        start = model.copy()
        variables = ("T", "S", "u", "v", "eta", "heat_flux", "shortwave")
        ogcm.Simulation(model, days=chosen.days, every=1.0, means=True, variables=variables, output=output).run()
        with h5py.File(output) as run:
            area, sea = interior(model.grid.area_t), interior(model.grid.mask_t)[0] > 0
            heat = sum(run[name][...][:, sea].mean(axis=0) for name in ("heat_flux", "shortwave"))
            print(f"mean net heat flux into the sea: {np.average(heat, weights=area[sea]):.0f} W m-2\n")
            for errors, file in ((profile_errors, "profiles.nc"), (sea_level_errors, "sla_tracks.nc")):
                with h5py.File(chosen.folder / "med202101" / file) as observed:
                    errors(start, run, observed, chosen.days)
        if chosen.picture:
            ogcm.plot(output, chosen.picture)


if __name__ == "__main__":
    main()
