"""Years of `global_4deg` with eddies along neutral surfaces, and with horizontal diffusion in their place.

    python -m benchmarks.eddies FILE [--years 10] [--picture FILE]

FILE has the observations of `global_4deg`. A line for each year: the change of the mean temperature since the start,
the errors of the temperature of some layers against the climatology of the month, the transport through Drake Passage,
and the strongest overturning below 400 m, between 60 and 36 S (the Deacon cell; also with the eddy-induced one, whose
sum with that of the flow advects tracers) and north of 30 N.
"""

import argparse
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import ogcm
from benchmarks.observed import run_to
from ogcm import diagnostics
from ogcm.grid import interior

Array = np.ndarray
DAYS = 360  # of a year of the forcing
CASES = {
    "horizontal": {"isoneutral": "none", "diffusion": "laplacian", "parameters": {"kappa_h": 1e3}},
    "eddies": {},
    "eddies, tke": {"vertical_mixing": "tke", "parameters": {"kappa_convective": 0.0}},
}
LAYERS = (0, 2, 4, 6, 8, 10)  # whose errors are printed


def drift(model: ogcm.Model, T: Array) -> tuple[float, Array, Array]:
    """Change of the mean temperature since the field T, that of each layer, and its root mean square in each [K]."""
    wet, volume = interior(model.grid.mask_t) == 1, interior(model.grid.h_t * model.grid.area_t)
    change, weight = np.where(wet, interior(model.state.T) - T, 0), np.where(wet, volume, 0)
    layer = weight.sum(axis=(1, 2))
    means = (change * weight).sum(axis=(1, 2)) / layer
    return (change * weight).sum() / weight.sum(), means, np.sqrt((change**2 * weight).sum(axis=(1, 2)) / layer)


def overturnings(model: ogcm.Model) -> tuple[Array, Array]:
    """Overturning of the resolved flow, and the eddy-induced one [Sv]."""
    return diagnostics.overturning(model) / 1e6, diagnostics.eddy_overturning(model) / 1e6


def figures(model: ogcm.Model, T: Array) -> list[float]:
    """The numbers of a line of the table."""
    mean, _, errors = drift(model, T)
    drake = diagnostics.strait_transport(model, **{name: model.places["transport"][name] for name in "xy"}) / 1e6
    resolved, eddies = overturnings(model)
    total, y, deep = resolved + eddies, model.horizontal.y_f, np.cumsum([0.0, *model.dz]) > 400
    south, north = (y > -60) & (y < -36), (y > 30) & (y < 66)
    return [
        mean, *errors[list(LAYERS)], drake, resolved[deep][:, south].max(), total[deep][:, south].max(),
        total[deep][:, north].max(),
    ]  # fmt: skip


def head() -> str:
    """The head of the table."""
    columns = ["mean T", *(f"T of {k + 1}" for k in LAYERS), "Drake", "Deacon", "with eddies", "north"]
    return f"{'':13}{'year':>4}" + "".join(f"{name:>12}" for name in columns)


def line(name: str, year: int, numbers: list[float]) -> str:
    """A line of the table."""
    kelvins, transports = numbers[: 1 + len(LAYERS)], numbers[1 + len(LAYERS) :]
    return f"{name:13}{year:4}" + "".join(f"{x:12.3f}" for x in kelvins) + "".join(f"{x:12.1f}" for x in transports)


def draw(models: Mapping[str, ogcm.Model], T: Array, picture: str) -> None:
    """Draw the overturnings, the error of the surface temperature and the drift of each layer."""
    figure = Figure(figsize=(11, 3.2 * len(models) + 3), layout="constrained")
    axes = figure.subplots(len(models) + 1, 3, squeeze=False)
    levels = np.arange(-42, 43, 4)
    for row, (name, model) in zip(axes, models.items(), strict=False):
        y, z = model.horizontal.y_f, -np.cumsum([0.0, *model.dz])
        resolved, eddies = overturnings(model)
        for each, values, words in zip(
            row, (resolved, eddies, resolved + eddies), ("overturning of the flow", "by eddies", "sum"), strict=True
        ):
            shades = each.contourf(y, z, values, levels, cmap="RdBu_r", extend="both")
            each.contour(y, z, values, levels[levels % 8 == 6], colors="k", linewidths=0.3)
            each.set(title=f"{name}: {words}", xlabel="latitude", ylabel="z [m]")
        figure.colorbar(shades, ax=row, label="Sv")
    for each, (name, model) in zip(axes[-1], list(models.items())[:2], strict=False):
        error = np.where(interior(model.grid.mask_t)[0] == 1, interior(model.state.T)[0] - T[0], np.nan)
        h = model.horizontal
        shades = each.pcolormesh(h.x_t, h.y_t, error, cmap="RdBu_r", vmin=-4, vmax=4)
        each.set(title=f"{name}: surface temperature")
    figure.colorbar(shades, ax=list(axes[-1, :2]), label="error [K]")
    for name, model in models.items():
        axes[-1, 2].plot(drift(model, T)[1], -(np.cumsum(model.dz) - model.dz / 2), label=name)
    axes[-1, 2].set(title="drift of each layer", xlabel="K", ylabel="z [m]")
    axes[-1, 2].legend(frameon=False)
    figure.savefig(picture, dpi=110)


def main() -> None:
    """Run the cases side by side and print a line for each year."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="file of observations for global_4deg")
    parser.add_argument("--years", type=int, default=10, help="number of years of 360 days")
    parser.add_argument("--picture", help="file for the picture")
    arguments = parser.parse_args()
    models = {
        name: ogcm.setups.SETUPS["global_4deg"](data=arguments.data, **options) for name, options in CASES.items()
    }
    T = interior(next(iter(models.values())).state.T).copy()
    steppers = {name: ogcm.Stepper(model) for name, model in models.items()}
    print(head())
    for year in range(1, arguments.years + 1):
        for name, stepper in steppers.items():
            run_to(stepper, DAYS * year)
            print(line(name, year, figures(models[name], T)), flush=True)
    if arguments.picture:
        draw(models, T, arguments.picture)


if __name__ == "__main__":
    main()
