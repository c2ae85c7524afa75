"""Upwinding of momentum, in the overflow and in a channel with eddies: `python -m benchmarks.upwinding [--quick]`.

Overflow (Ilicak et al. 2012, doi 10.1016/j.ocemod.2011.10.003): water of 10 degC, 2 kg m-3 denser than the 20 degC
around it, flows from a shelf of 500 m down to 2,000 m, in a slice of 200 km by 2,000 m without rotation (cells of 1 km
by 20 m, full cells). A line for each hour that is asked for: largest speed, front of the plume at the bottom, extremes
of the temperature, and the rise of the reference potential energy of the water (that of the water sorted by density in
the basin), for each square metre and second.

Channel (`ogcm.setups.channel`, 10 km): a year with biharmonic friction, and one with upwinding and without friction.
`--picture FILE` draws the kinetic energy by wavenumber and the vorticity at the surface of both.
"""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import ogcm
from ogcm.constants import DAY, GRAVITY
from ogcm.diagnostics import available_potential_energy, cell_volume, potential_energy, vorticity
from ogcm.grid import interior

Array = np.ndarray
OVERFLOWS: dict[str, dict[str, Any]] = {
    "nu_h = 1000": {"nu_h": 1000.0},
    "nu_h = 0.01": {"nu_h": 0.01},
    "nu_h = 0.01, vertical": {"nu_h": 0.01, "momentum_upwinding": "vertical"},
    "nu_h = 0.01, all": {"nu_h": 0.01, "momentum_upwinding": "all"},
    "nu_h = 0.01, all, weno5": {"nu_h": 0.01, "momentum_upwinding": "all", "advection": "weno5"},
}
CHANNELS: dict[str, dict[str, Any]] = {
    "biharmonic": {"advection": "weno5"},
    "upwinding": {"advection": "weno5", "momentum_upwinding": "all", "friction": "none"},
}


def overflow(nu_h: float, cells: int = 200, layers: int = 100, **numerics: Any) -> ogcm.Model:
    """The overflow with the horizontal viscosity `nu_h` [m2 s-1]; steps of 20 s."""
    width = 200e3 / cells
    return ogcm.Model(
        ogcm.cartesian(nx=cells, ny=1, dx=width, dy=width, periodic_y=True),
        depth=lambda x, y: 500 + 750 * (1 + np.tanh((x - 40e3) / 7e3)),
        dz=np.full(layers, 2000.0 / layers),
        T=lambda x, y, z: np.where(x < 20e3, 10.0, 20.0) + 0 * z,
        parameters={"eos": [0.2, 0, 0, 0, 0, 0, 0], "nu_h": nu_h, "kappa_v": 0.0, "kappa_convective": 0.0},
        **{"partial_cells": False, "diffusion": "none", "advection": "monotone", "dt": 20.0} | numerics,
    )


def reference_potential_energy(model: ogcm.Model) -> float:
    """g sum(rho z V) [J] of the water sorted by density in the basin (Winters et al. 1995)."""
    g = model.grid
    rest = float(GRAVITY * g.rho0 * interior(g.h_t * g.area_t * g.z_t).sum())  # of the density rho0
    return rest + potential_energy(model) - available_potential_energy(model)


def front(model: ogcm.Model) -> float:
    """Where the water at the bottom ceases to be colder than 19.5 degC, x [km]."""
    wet, T = interior(model.grid.mask_t)[:, 0] > 0, interior(model.state.T)[:, 0]
    last = wet.shape[0] - 1 - np.argmax(wet[::-1], axis=0)
    cold = T[last, np.arange(T.shape[1])] < 19.5
    return float(model.horizontal.x_t[cold].max() / 1e3)


def print_overflow(name: str, hours: int, shown: set[int], **options: Any) -> None:
    """Run the overflow, and print a line after the hours `shown` and a last one."""
    model = overflow(**options)
    stepper, energy, fastest = ogcm.Stepper(model), [reference_potential_energy(model)], 0.0
    area = float(interior(model.grid.area_t).sum())
    wet = interior(model.grid.mask_t) > 0
    for hour in range(1, hours + 1):
        for _ in range(round(3600 / model.numerics.dt)):
            stepper.step()
        T, speed = interior(model.state.T)[wet], float(np.abs(model.state.u).max())
        energy.append(reference_potential_energy(model))
        fastest = max(fastest, speed)
        if hour in shown:
            rate = (energy[-1] - energy[-2]) / 3600 / area
            print(f"{name:26} {hour:5} {speed:8.2f} {front(model):6.0f} {T.min():7.3f} {T.max():7.3f} {rate:8.2f}")
    rate = (energy[-1] - energy[min(13, hours - 1)]) / 3600 / area / max(hours - 13, 1)
    print(f"{name:26} {'all':>5} {fastest:8.2f} {front(model):6.0f} {'':15} {rate:8.2f}  (from hour 13 on)", flush=True)


def days_of(model: ogcm.Model, days: int) -> Iterator[int]:
    """Advance a model day by day."""
    stepper, steps = ogcm.Stepper(model), round(DAY / model.numerics.dt)
    for day in range(1, days + 1):
        for _ in range(steps):
            stepper.step()
        yield day


def spectrum(model: ogcm.Model) -> Array:
    """Kinetic energy at the surface by wavenumber along x [m2 s-2], the mean of the inner half of the rows."""
    ny, nx = model.horizontal.shape
    rows = slice(ny // 4, ny - ny // 4)
    waves = [np.fft.rfft(interior(a)[0, rows], axis=1) / nx for a in (model.state.u, model.state.v)]
    return sum((np.abs(wave) ** 2).mean(axis=0) for wave in waves)


def channel(options: Mapping[str, Any], days: int, **setup: Any) -> tuple[ogcm.Model, Array, float]:
    """The channel after some days, its spectrum and its kinetic energy [m2 s-2], means of the second half."""
    model = ogcm.setups.channel(**options, **setup)
    volume, found = cell_volume(model), []
    for day in days_of(model, days):
        if day > days // 2:
            squares = interior(model.state.u) ** 2 + interior(model.state.v) ** 2
            found.append((spectrum(model), 0.5 * float((squares * volume).sum() / volume.sum())))
    return model, np.mean([s for s, _ in found], axis=0), float(np.mean([e for _, e in found]))


def draw(file: str, runs: Mapping[str, tuple[ogcm.Model, Array, float]]) -> None:
    """Draw the spectra, and the vorticity at the surface over f, of the runs into a file."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 1 + len(runs), figsize=(5 + 4.5 * len(runs), 3.8), layout="constrained")
    for n, (name, (model, energy, _)) in enumerate(runs.items(), start=1):
        length = float(model.grid.dx_t[3, 3]) * model.horizontal.shape[1] / 1e3
        k = np.arange(1, len(energy))
        axes[0].loglog(length / k, energy[1:], label=name)
        zeta = vorticity(model)[0] / np.abs(model.grid.f).max()
        image = axes[n].pcolormesh(zeta, cmap="RdBu_r", vmin=-0.3, vmax=0.3)
        axes[n].set(title=name, xlabel="cell along x", ylabel="cell along y")
    figure.colorbar(image, ax=axes[-1], label="vorticity at the surface / f")
    k = np.array([8, 25])
    axes[0].loglog(length / k, 2 * energy[8] * (k / 8.0) ** -3, "k:", label="k$^{-3}$")
    axes[0].invert_xaxis()
    ticks = [size for size in (1000, 500, 200, 100, 50, 20, 10) if size <= length]
    axes[0].set_xticks(ticks, [str(size) for size in ticks])
    axes[0].minorticks_off()
    axes[0].set(xlabel="wavelength [km]", ylabel="kinetic energy at the surface [m$^2$ s$^{-2}$]")
    axes[0].legend()
    figure.savefig(file, dpi=110)


def main() -> None:
    """Print the tables and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few minutes of small models")
    parser.add_argument("--picture", metavar="FILE", help="draw the spectra of the channel")
    arguments = parser.parse_args()
    quick = arguments.quick
    hours, shown = (1, {1}) if quick else (37, {8, 24, 37})
    print(f"{'overflow':26} {'hour':>5} {'u [m/s]':>8} {'x [km]':>6} {'T from':>7} {'to':>7} {'W m-2':>8}")
    for name, options in OVERFLOWS.items():
        size: dict[str, Any] = {"cells": 50, "layers": 20} if quick else {}
        print_overflow(name, hours, shown, **options, **size)
    days, setup = (2, {"resolution": 40.0}) if quick else (365, {})
    print(f"\n{'channel, ' + str(days) + ' days':26} {'kinetic energy, second half [m2 s-2]':>36}")
    runs = {}
    for name, options in CHANNELS.items():
        runs[name] = channel(options, days, **setup)
        print(f"{name:26} {runs[name][2]:36.5f}", flush=True)
    if arguments.picture:
        draw(arguments.picture, runs)


if __name__ == "__main__":
    main()
