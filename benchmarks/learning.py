"""Cost of the corrector: `python -m benchmarks.learning [--quick]`.

For each size and precision of the network: the time of a step of the physics and of a corrected step, of the corrector
and of its network, forwards and backwards; the rate of the matrix products of the network relative to that of a product
of square matrices of 512; and the share of the network in a training, which takes each step of a window forwards twice
(once to keep states, once with all intermediate results) and once backwards. One core; each time is the median of
several alternating runs. Peak memory is that of the process.
"""

import argparse

import numba
import numpy as np

from adjoint.state import Gradient
from adjoint.stepper import AdjointStepper
from benchmarks.adjoint import median_times
from benchmarks.adjoint_runs import peak
from benchmarks.forward import model
from nn.corrector import Corrector
from nn.mlp import BLAS
from ogcm.stepper import Stepper

FEATURES, OUTPUTS, HIDDEN = ("velocity", "T", "eta", "place"), ("stress", "T_flux", "T_flux_z"), (48, 48)


def product_rate(dtype: str, repeats: int) -> float:
    """Rate [GFLOP/s] of a product of square matrices on one core."""
    a, b = (np.random.default_rng(n).normal(size=(512, 512)).astype(dtype) for n in (0, 1))
    with BLAS.limit(limits=1, user_api="blas"):
        (seconds,) = median_times([lambda: a @ b], repeats)
    return 2 * 512**3 / seconds / 1e9


def line(size: tuple[int, int, int], dtype: str, rate: float, repeats: int) -> str:
    """The line of the table for one size and precision of the network."""
    plain, corrected = model(*size, "float64"), model(*size, "float64")
    corrector = corrected.corrector = Corrector(
        corrected, features=FEATURES, outputs=OUTPUTS, hidden=HIDDEN, dtype=dtype,
        scales={"stress": 1e-3, "T_flux": 1e-3, "T_flux_z": 1e-5},
    )  # fmt: skip
    corrector.set_normalisation(corrected, [corrected.state])
    rng = np.random.default_rng(0)
    corrector.weights[...] += 1e-3 * rng.normal(size=corrector.weights.shape)
    fluxes, steppers = corrected.forcing.at(0.0), [AdjointStepper(m) for m in (plain, corrected)]
    D, n, network = Stepper(corrected).slow.D, corrected.state, corrector.network.stages[0].network
    gradients = [Gradient.zeros(m) for m in (plain, corrected)]
    x = rng.normal(size=(network.sizes[0], len(corrector.network.stages[0].sampling.samples))).astype(dtype)
    y, counted = network.forward(x), np.ones(x.shape[1], bool)
    sums = network.sums(np.abs(x).max(axis=1), np.abs(y).max(axis=1), x.shape[1])
    times = median_times(
        [
            lambda: steppers[0].forward.advance(plain.state),
            lambda: steppers[1].forward.advance(n),
            lambda: steppers[0].reverse(steppers[0].forward, plain.state, plain.state, gradients[0]),
            lambda: steppers[1].reverse(steppers[1].forward, n, n, gradients[1]),
            lambda: corrector.add(corrected, n, fluxes, D),
            lambda: corrector.add_ad(corrected, n, fluxes, D, gradients[1].of("corrector")),
            lambda: network.forward(x),
            lambda: network.backward_exactly(x, y, counted, sums),
        ],
        repeats,
    )
    step, step_c, back, back_c, add, add_ad, forward, backward = 1e3 * times
    flops = network.flops(x.shape[1])
    training = 2 * step_c + back_c
    return (
        f"{' x '.join(map(str, size)):15} {dtype:8} {step:8.2f} {step_c:9.2f} {step_c / step:6.2f} {back:9.2f} "
        f"{back_c:9.2f} {back_c / back:6.2f} {add:8.2f} {add_ad:8.2f} {forward:8.2f} {backward:8.2f} "
        f"{flops / forward / 1e6:8.1f} {100 * flops / forward / 1e6 / rate:6.0f} "
        f"{100 * (2 * forward + backward) / training:8.0f} {100 * step_c / training:9.0f} {peak():8.0f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small size, few repetitions")
    quick = parser.parse_args().quick
    numba.set_num_threads(1)
    repeats, sizes = (3, [(12, 12, 4)]) if quick else (15, [(20, 15, 12), (64, 64, 16), (128, 128, 16)])
    rates = {dtype: product_rate(dtype, repeats) for dtype in ("float64", "float32")}
    print("matrix products on one core: " + ", ".join(f"{name} {r:.0f} GFLOP/s" for name, r in rates.items()))
    print(f"network with hidden layers {HIDDEN}, columns of {', '.join(FEATURES)} of 3 x 3 neighbours; times in ms")
    print(
        f"{'size':15} {'network':8} {'step':>8} {'corrected':>9} {'ratio':>6} {'back':>9} {'corrected':>9} "
        f"{'ratio':>6} {'add':>8} {'add_ad':>8} {'forward':>8} {'backward':>8} {'GFLOP/s':>8} {'% peak':>6} "
        f"{'% net':>8} {'% retaken':>9} {'peak MB':>8}"
    )
    for size in sizes:
        for dtype in rates:
            print(line(size, dtype, rates[dtype], repeats), flush=True)


if __name__ == "__main__":
    main()
