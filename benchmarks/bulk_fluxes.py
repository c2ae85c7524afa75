"""Fluxes of an atmosphere: at Ocean Station Papa beside published ones, and over the Mediterranean in January 2021.

    python -m benchmarks.bulk_fluxes papa FILE
    python -m benchmarks.bulk_fluxes mediterranean FILE [--picture FILE]

`papa` prints bias, root mean square and correlation of stress, sensible and latent heat of each algorithm from a year
of observed surface temperature and weather, beside the published fluxes, which are those of COARE 3.0. `mediterranean`
prints means over the sea and January 2021 of the radiation from clouds and of all other fluxes of NCAR, with a surface
temperature that falls from 18 degC in the south to 13 degC in the north.
"""

import argparse
import warnings
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure

import ogcm
from ogcm.air_sea import AirSea, air_sea_fluxes
from ogcm.grid import interior
from ogcm.operators.bulk_fluxes import TURBULENT_FLUXES
from ogcm.operators.surface_layer import KELVIN

Array = np.ndarray
MISSING = 1e30
OF_PAPA = {"u10": "u10", "v10": "v10", "t2": "airt", "q2": "hum", "slp": "airp"}
RECORDS, INTERVAL = 124, 21600.0  # of January 2021, and their interval [s]
FLUXES = ("shortwave", "longwave", "heat", "net")
TITLES = ("shortwave radiation", "net longwave radiation", "sensible and latent heat", "net heat flux")


def papa(file: str, algorithm: str) -> dict[str, tuple[Array, Array]]:
    """Compute the turbulent fluxes at Ocean Station Papa from observed water and weather.

    Parameters
    ----------
    file : str
        Hourly record of the mooring.
    algorithm : str
        Bulk formulae, as in `ogcm.Atmosphere`.

    Returns
    -------
    dict of tuple of ndarray, shape (nt,)
        By flux: that of the bulk formulae, and the published one; hours that lack one of them are left out.
    """
    with h5py.File(file) as h:
        record = {name: h[name][()] for name in (*OF_PAPA.values(), "sst", "taux", "tauy", "heat", "lwr")}
    known = np.all([np.abs(a) < MISSING for a in record.values()], axis=0)
    record = {name: a[known].astype(float) for name, a in record.items()}
    grid = ogcm.cartesian(nx=int(known.sum()), ny=1, dx=1e4, dy=1e4, periodic_x=True, periodic_y=True)
    air = {name: record[of][None] for name, of in OF_PAPA.items()}
    still = {"shortwave_down": 0.0, "longwave_down": 0.0}
    forcing = ogcm.Forcing(atmosphere=ogcm.Atmosphere(**air, **still, algorithm=algorithm))
    model = ogcm.Model(grid, depth=10.0, dz=[10.0], T=record["sst"][None, None], forcing=forcing, dt=1.0)
    work = AirSea.zeros(model)
    assert work is not None
    air_sea_fluxes(model, model.state, model.forcing.at(0.0), work)
    found = {"stress along x": work.stress_x, "stress along y": work.stress_y, "sensible and latent heat": work.heat}
    published = (record["taux"], record["tauy"], record["heat"] - record["lwr"])
    return {name: (interior(a)[0], b) for (name, a), b in zip(found.items(), published, strict=True)}


def print_papa(file: str) -> None:
    """Print the table of Ocean Station Papa."""
    print(f"{'[N m-2, W m-2]':<33}{'hours':>6}{'mean':>9}{'published':>11}{'bias':>9}{'rms':>8}{'correlation':>13}")
    for algorithm in TURBULENT_FLUXES:
        for name, (ours, theirs) in papa(file, algorithm).items():
            bias, rms = (ours - theirs).mean(), np.sqrt(((ours - theirs) ** 2).mean())
            row = f"{name:<25}{algorithm:<8}{len(ours):>6}{ours.mean():>9.4f}{theirs.mean():>11.4f}{bias:>9.4f}"
            print(f"{row}{rms:>8.4f}{np.corrcoef(ours, theirs)[0, 1]:>13.4f}")


def unpacked(group: h5py.File, name: str) -> Array:
    """Return the records of January of a packed variable, shape (nt, ny, nx)."""
    variable = group[name]
    return variable[:RECORDS] * variable.attrs["scale_factor"][0] + variable.attrs["add_offset"][0]


def mediterranean(file: str) -> tuple[dict[str, Array], Array, list[Array]]:
    """Compute the mean fluxes over the Mediterranean in January 2021.

    Parameters
    ----------
    file : str
        Atmosphere every six hours.

    Returns
    -------
    fluxes : dict of ndarray, shape (ny, nx)
        Mean fluxes into the sea [W m-2] by the names in `FLUXES`.
    water : ndarray of bool, shape (ny, nx)
        True over the Mediterranean.
    edges : list of ndarray, shapes (nx + 1,) and (ny + 1,)
        Longitude and latitude of the edges of the cells [degrees].
    """
    with h5py.File(file) as h:
        air = {name: unpacked(h, name) for name in ("u10", "v10", "t2", "d2", "msl", "clc")}
        lon, lat, water = h["lon"][()], h["lat"][()], h["land"][()] < 0.5
    x, y = np.meshgrid(lon, lat)
    water &= (x > -5.5) & ~((x > 27) & (y > 40.2)) & ~((x < 0) & (y > 42))  # without the Atlantic and the Black Sea
    water &= ~((x > 30) & (y > 37.2)) & ~((x > 35.2) & (y < 32.5)) & ~((x > 0) & (x < 8) & (y < 36.2))  # without lakes
    times = INTERVAL * np.arange(RECORDS)
    entries = {
        "u10": air["u10"], "v10": air["v10"], "t2": air["t2"] - KELVIN, "d2": air["d2"] - KELVIN, "slp": air["msl"],
        "cloud": np.clip(air["clc"] / 100, 0, 1),
    }  # fmt: skip
    series = {name: ogcm.Series(a, times) for name, a in entries.items()}
    edges = [np.append(a - 0.5 * (a[1] - a[0]), a[-1] + 0.5 * (a[1] - a[0])) for a in (lon, lat)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lakes and bays: fluxes need no straits
        model = ogcm.Model(
            ogcm.spherical(lon=edges[0], lat=edges[1]),
            depth=np.where(water, 10.0, 0.0),
            dz=[10.0],
            T=lambda lon, lat, z: np.interp(lat, [31.0, 44.0], [18.0, 13.0]),
            forcing=ogcm.Forcing(atmosphere=ogcm.Atmosphere(**series)),
            dt=1.0,
        )
    work, total = AirSea.zeros(model), {name: np.zeros(water.shape) for name in FLUXES}
    assert work is not None
    for time in times:
        air_sea_fluxes(model, model.state, model.forcing.at(time), work)
        heat, shortwave, heat_flux = (interior(a) for a in (work.heat, work.shortwave, work.heat_flux))
        for name, a in zip(FLUXES, (shortwave, heat_flux - heat, heat, heat_flux + shortwave), strict=True):
            total[name] += a / RECORDS
    return total, water, edges


def print_mediterranean(file: str, picture: str | None) -> None:
    """Print means over the Mediterranean, and save maps."""
    fluxes, water, edges = mediterranean(file)
    print(f"{'[W m-2] into the sea':<28}{'mean':>8}{'smallest':>10}{'largest':>9}")
    for title, a in zip(TITLES, fluxes.values(), strict=True):
        print(f"{title:<28}{a[water].mean():>8.1f}{a[water].min():>10.1f}{a[water].max():>9.1f}")
    if picture is not None:
        figure = Figure(figsize=(12, 6), layout="constrained")
        for axes, title, a in zip(figure.subplots(2, 2).flat, TITLES, fluxes.values(), strict=True):
            shown = axes.pcolormesh(*edges, np.where(water, a, np.nan))
            figure.colorbar(shown, ax=axes, label="W m-2", shrink=0.7)
            axes.set(
                title=title, xlim=(-6, 36.5), ylim=(30, 46), aspect=1.25, xlabel="degrees east", ylabel="degrees north"
            )
        figure.savefig(picture, dpi=70)


def main() -> None:
    """Parse the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=("papa", "mediterranean"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--picture", help="file for maps")
    arguments = parser.parse_args()
    if arguments.case == "papa":
        print_papa(str(arguments.file))
    else:
        print_mediterranean(str(arguments.file), arguments.picture)


if __name__ == "__main__":
    main()
