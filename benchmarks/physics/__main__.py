"""The cases of theory as a table and a picture, see `benchmarks.physics`."""

import argparse
import inspect

import numpy as np
from matplotlib.figure import Figure

from benchmarks.physics import CASES
from benchmarks.physics.balance import eady_growth, eady_theory
from benchmarks.physics.case import Case, Result
from benchmarks.physics.circulation import ekman_spiral, munk_gyre, munk_gyre_no_slip, stommel_gyre
from benchmarks.physics.mixing import convective_deepening
from benchmarks.physics.waves import inertia_gravity_waves


def source(case: Case) -> str:
    """Where the solution of a case was published: the last paragraph of its docstring."""
    return " ".join(inspect.getdoc(case).split("Source: ")[1].split())


def print_table(results: dict[Case, Result]) -> None:
    """Every check of every case, with its source."""
    print(f"{'case':58}{'theory':>11}{'model':>11}{'error':>11}{'allowed':>10}  source")
    for case, result in results.items():
        for check in result.checks:
            name = f"{case.__name__}: {check.name}"
            numbers = f"{check.theory:11.5g}{check.model:11.5g}{check.error:11.2g}{check.tolerance:10.2g}"
            print(f"{name:58}{numbers}  {source(case)}")


def draw(results: dict[Case, Result], output: str) -> None:
    """Theory as lines and the model as dots, one panel a case."""
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    axes = dict(
        zip(("ekman", "munk", "stommel", "eady", "convection", "waves"), figure.subplots(2, 3).flat, strict=True)
    )

    def curves(name: str, *cases: Case, upright: bool = False, every: int = 1) -> None:
        drawn = [item for case in cases for item in results[case].curves.items()]
        for n, (label, (x, theory, model)) in enumerate(drawn):
            for values, style, step in ((theory, "-", 1), (model, "o", every)):
                pair = (values[::step], x[::step]) if upright else (x[::step], values[::step])
                axes[name].plot(*pair, style, color=f"C{n}", markersize=4, label=label if style == "o" else None)
        if len(drawn) > 1:
            axes[name].legend()

    curves("ekman", ekman_spiral, upright=True, every=2)
    axes["ekman"].set(title="Ekman spiral", xlabel="velocity [m/s]", ylabel="height / Ekman depth", ylim=(-6, 0.1))
    curves("munk", munk_gyre, munk_gyre_no_slip)
    axes["munk"].set(
        title="Munk gyre, mid-basin", xlabel="distance from the west [km]", ylabel="streamfunction / maximum"
    )
    curves("stommel", stommel_gyre)
    axes["stommel"].set(
        title="Stommel gyre, mid-basin", xlabel="distance from the west [km]", ylabel="streamfunction / maximum"
    )
    fine, tried = np.linspace(0.01, 3.4, 400), np.arange(0.4, 3.5, 0.2)
    axes["eady"].plot(fine, eady_theory(fine), "-", color="C0")
    axes["eady"].plot(tried, [eady_growth(mu) for mu in tried], "o", color="C0", markersize=4)
    axes["eady"].set(title="Eady growth rate, k = m", xlabel="wavenumber K N H/f", ylabel="growth rate N/(f Lambda)")
    curves("convection", convective_deepening, every=8)
    axes["convection"].set(title="Convective deepening", xlabel="time [days]", ylabel="depth of the mixed layer [m]")
    axes["convection"].invert_yaxis()
    curves("waves", inertia_gravity_waves)
    axes["waves"].set(
        title="Inertia-gravity wave, second order", xlabel="cells in a wavelength", ylabel="error / amplitude",
        xscale="log", yscale="log",
    )  # fmt: skip
    cells, _, _ = results[inertia_gravity_waves].curves["error"]
    axes["waves"].set_xticks(cells, labels=cells)
    axes["waves"].minorticks_off()
    figure.suptitle("Theory (lines) and model (dots)")
    figure.savefig(output, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description="The model against analytic solutions.")
    parser.add_argument("--picture", default="docs/pictures/physics.png", help="where to draw (default: %(default)s)")
    options = parser.parse_args()
    results = {case: case() for case in CASES}
    print_table(results)
    draw(results, options.picture)
    print(f"{options.picture}: drawn")


if __name__ == "__main__":
    main()
