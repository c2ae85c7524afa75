"""Columns of water under a year's weather, by scheme of vertical mixing: MITgcm's case `vermix`, Ocean Station Papa.

    python -m benchmarks.columns vermix FILE [--picture FILE]
    python -m benchmarks.columns papa FILE [--picture FILE]

`vermix` prints the figures of MITgcm's monitor after 20 steps beside those of the model, and the depth of the mixed
layer through a year. `papa` prints the errors of the surface temperature of forecasts from every fifth day.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import ogcm
from benchmarks.observed import LITERATURE, rms, run_to
from ogcm.constants import DAY, YEAR
from ogcm.diagnostics import mixed_layer_depth
from ogcm.grid import interior
from ogcm.setups.papa import forecast, in_columns, observed, papa, read_record, set_windows

Array = np.ndarray
PACANOWSKI_PHILANDER = {"vertical_mixing": "richardson", "parameters": LITERATURE}
TURBULENCE = {"vertical_mixing": "tke", "parameters": {"kappa_convective": 0.0}}
GASPAR = {"tke_waves": 3.75, "tke_background": 1e-7}  # as in MITgcm: no breaking waves (Gaspar et al. 1990)
LEADS = (5, 10, 30, 120)  # [d]


class Vermix(NamedTuple):
    """Layers, initial profile and forcing of `vermix`, and what MITgcm's monitor printed after each of 20 steps."""

    dz: Array
    T: Array
    tau_x: ogcm.Series
    heat_flux: ogcm.Series
    monitor: Mapping[str, Array]


def read_vermix(data: str | Path, scheme: str = "ggl90") -> Vermix:
    """Read the case from a file with the group `vermix`; records lie in the middle of their five days."""
    with h5py.File(data) as f:
        case = f["vermix"]
        words = case.attrs["configuration"].decode().split("delZ=")[1].split("&")[0]
        monitor = {name: a[:] for name, a in case[scheme].items()}
        times = 5 * DAY * (np.arange(len(case["taux"])) + 0.5)
        tau_x, heat_flux = (ogcm.Series(a, times, YEAR) for a in (case["taux"][:], -case["Qnet"][:]))
        dz = np.array([float(word) for word in words.replace(",", " ").split()])
        return Vermix(dz, case["T"][:], tau_x, heat_flux, monitor)


def vermix(case: Vermix, parameters: Mapping[str, float], **options) -> ogcm.Model:
    """Make the column with the constants of MITgcm's configuration."""
    grid = ogcm.cartesian(nx=1, ny=1, dx=5e3, dy=5e3, f0=1.4e-4, periodic_x=True, periodic_y=True)
    settings = {"equation_of_state": "teos10", "friction": "none", "diffusion": "none", "dt": 1200.0}
    constants = {"rho0": 999.8, "heat_capacity": 3994.0}
    return ogcm.Model(
        grid,
        depth=case.dz.sum(),
        dz=case.dz,
        T=case.T,
        S=35.0,
        forcing=ogcm.Forcing(tau_x=case.tau_x, heat_flux=case.heat_flux),
        parameters={"nu_v": 1e-4, "kappa_v": 1e-5} | dict(parameters),
        **(settings | constants | options),
    )


def monitor(model: ogcm.Model) -> dict[str, float]:
    """Compute figures of MITgcm's monitor for a column."""
    T, u, v = (interior(a)[:, 0, 0] for a in (model.state.T, model.state.u, model.state.v))
    mean = np.average(T, weights=model.dz)
    figures = {"theta_max": T.max(), "theta_sd": np.sqrt(np.average((T - mean) ** 2, weights=model.dz))}
    return figures | {"uvel_max": u.max(), "uvel_min": u.min(), "vvel_min": v.min()}


def monitored(model: ogcm.Model, steps: int = 20) -> dict[str, Array]:
    """Step the model; return the figures of the monitor at the start and after each step."""
    stepper, lines = ogcm.Stepper(model), [monitor(model)]
    for _ in range(steps):
        stepper.step()
        lines.append(monitor(model))
    return {name: np.array([line[name] for line in lines]) for name in lines[0]}


SCHEMES = {
    "turbulence as MITgcm's": {"vertical_mixing": "tke", "parameters": TURBULENCE["parameters"] | GASPAR},
    "turbulence with breaking waves": TURBULENCE,
    "Pacanowski and Philander": {"vertical_mixing": "richardson", "parameters": {"nu_richardson": 1e-2}},
}


def year_of_depths(model: ogcm.Model) -> Array:
    """Run for a year; return the depth of the mixed layer at the end of each day [m]."""
    stepper, depths = ogcm.Stepper(model), []
    for day in range(1, 361):
        run_to(stepper, day)
        depths.append(mixed_layer_depth(model)[0, 0])
    return np.array(depths)


def vermix_table(data: str, picture: str | None) -> None:
    """Print the monitor after 20 steps and the mixed layer through the year, and draw the latter."""
    others = {f"MITgcm, {name}": read_vermix(data, name).monitor for name in ("ggl90", "pp81", "kpp", "my82")}
    case = read_vermix(data)
    figures = others | {name: monitored(vermix(case, **scheme)) for name, scheme in SCHEMES.items()}
    names = ("theta_max", "theta_sd", "uvel_max", "uvel_min", "vvel_min")
    print(f"{'after 20 steps of 1200 s':34}" + "".join(f"{name:>12}" for name in names))
    for scheme, values in figures.items():
        print(f"{scheme:34}" + "".join(f"{values[name][20]:12.5f}" for name in names))
    depths = {name: year_of_depths(vermix(case, **scheme)) for name, scheme in SCHEMES.items()}
    days = np.arange(30, 361, 30)
    print(f"\n{'mixed layer [m] on day':34}" + "".join(f"{day:7}" for day in days))
    for name, values in depths.items():
        print(f"{name:34}" + "".join(f"{value:7.0f}" for value in values[days - 1]))
    if picture:
        figure = Figure(figsize=(6.5, 3.5), layout="constrained")
        axes = figure.subplots()
        for name, values in depths.items():
            axes.plot(np.arange(1, 361), values, label=name)
        axes.set(xlabel="day", ylabel="depth of the mixed layer [m]", xlim=(0, 360), title="A year of vermix")
        axes.invert_yaxis()
        axes.legend(frameon=False)
        figure.savefig(picture, dpi=150)


def surface_errors(data: str, leads: tuple[int, ...], every: int = 120, **options) -> Array:
    """Errors of the surface temperature of `papa` [K], shape (leads, starts), from starts `every` so many hours."""
    record = read_record(data)
    starts = np.arange(0, record.hours - 24 * max(leads) - 1, every)
    model = papa(data=data, columns=len(starts), hours=24 * max(leads), **options)
    set_windows(model, record, starts)
    stepper, errors = ogcm.Stepper(model), []
    for lead in leads:
        run_to(stepper, lead)
        errors.append(forecast(model)[0][0] - observed(record, starts, 24 * lead)[0][0])
    return np.array(errors)


def persistence_errors(data: str, leads: tuple[int, ...], every: int = 120) -> Array:
    """Errors of the forecast that nothing changes, from the same starts as `surface_errors`."""
    T = read_record(data).T[:, 0]
    starts = np.arange(0, len(T) - 24 * max(leads) - 1, every)
    return np.array([T[starts] - T[starts + 24 * lead] for lead in leads])


FORECASTS = {
    "Pacanowski and Philander": PACANOWSKI_PHILANDER,
    "turbulence": {"vertical_mixing": "tke"},
    "papa (Pacanowski and Philander, fitted)": {},
}


def year_of_papa(data: str, options: Mapping) -> tuple[Array, Array]:
    """Run one column through the record; return surface temperature [degC] and mixed layer [m] once a day."""
    model = papa(data=data, **options)
    stepper, lines = ogcm.Stepper(model), []
    for day in range(1, (read_record(data).hours - 1) // 24 + 1):
        run_to(stepper, day)
        lines.append((forecast(model)[0][0, 0], in_columns(mixed_layer_depth(model))[0]))
    return tuple(np.array(lines).T)


def observed_layer(data: str) -> Array:
    """Observed depth of the mixed layer once a day [m], from the profiles on the layers of `papa`."""
    record, model = read_record(data), papa(data=data)
    depths = []
    for hour in range(24, record.hours, 24):
        model.set(T=record.T[hour], S=record.S[hour])
        depths.append(in_columns(mixed_layer_depth(model))[0])
    return np.array(depths)


def papa_table(data: str, picture: str | None) -> None:
    """Print root mean square and mean of the errors of the surface temperature, and draw them and a year's run."""
    errors = {"persistence": persistence_errors(data, LEADS)}
    errors |= {name: surface_errors(data, LEADS, **options) for name, options in FORECASTS.items()}
    title = f"surface temperature [K], {len(errors['persistence'][0])} starts"
    print(f"{title:44}" + heads("rms") + heads("mean"))
    for name, e in errors.items():
        print(f"{name:44}" + "".join(f"{rms(a):11.3f}" for a in e) + "".join(f"{a.mean():11.3f}" for a in e))
    if picture:
        figure = Figure(figsize=(11, 6), layout="constrained")
        axes = figure.subplot_mosaic([["T", "T"], ["h", "e"]])
        draw_year(axes["T"], axes["h"], data)
        for name, e in errors.items():
            axes["e"].plot(LEADS, [rms(a) for a in e], ".-", color=COLOURS.get(name), label=name)
        axes["e"].set(xscale="log", yscale="log", xlabel="lead [d]", ylabel="error of the surface temperature [K]")
        axes["e"].set_xticks(LEADS, LEADS)
        axes["e"].set_yticks([0.3, 1, 3], ["0.3", "1", "3"])
        axes["e"].minorticks_off()
        axes["e"].legend(frameon=False, fontsize=8)
        figure.savefig(picture, dpi=110)


def heads(what: str) -> str:
    """The heads of a column for each lead."""
    return "".join(f"{f'{what} {lead} d':>11}" for lead in LEADS)


COLOURS = {"observed": "k", "persistence": "0.6"} | dict(zip(FORECASTS, ("C1", "C0", "C2"), strict=True))


def draw_year(T_axes: Axes, h_axes: Axes, data: str) -> None:
    """Draw surface temperature and mixed layer of runs through the record beside the observations."""
    T = read_record(data).T[24::24, 0]
    runs = {"observed": (T, observed_layer(data))}
    runs |= {name: year_of_papa(data, options) for name, options in FORECASTS.items()}
    for name, (surface, depth) in runs.items():
        days = np.arange(1, len(surface) + 1)
        T_axes.plot(days, surface, color=COLOURS[name], label=name)
        h_axes.plot(days, depth, color=COLOURS[name], lw=0.8)
    T_axes.set(ylabel="surface temperature [degC]", xlabel="days after 20 March 2012", xlim=(0, 366))
    T_axes.legend(frameon=False)
    h_axes.set(ylabel="depth of the mixed layer [m]", xlabel="days after 20 March 2012", xlim=(0, 366), ylim=(150, 0))


def main() -> None:
    """Print the table and draw the picture that the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=("vermix", "papa"))
    parser.add_argument("data", metavar="FILE", help="mitgcm_cases.nc or papa_2012_2013_hourly.nc")
    parser.add_argument("--picture", metavar="FILE", help="also draw this picture")
    chosen = parser.parse_args()
    {"vermix": vermix_table, "papa": papa_table}[chosen.case](chosen.data, chosen.picture)


if __name__ == "__main__":
    main()
