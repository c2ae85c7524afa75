"""What a correlation of the background error costs: `python -m benchmarks.background [--quick]`.

Two seas of random islands and depth, of the sizes of the California Current at 1/3 degree (54 x 53 cells, 30 layers)
and of a Mediterranean (301 x 93 cells, 31 layers). The columns: number of different layers; seconds of a processor to
make C^(1/2) of T with variances of 1, to apply it, and its transpose; memory of the factors [MB]; largest error of the
variance at 20 points.
"""

import argparse
import time

import numpy as np
from scipy.ndimage import gaussian_filter

import ogcm
from adjoint.background.correlation import Correlation, Places

SEAS = {  # columns, rows, layers; width of a cell, length and depth of the correlation [m]
    "54 x 53 x 30": ((54, 53, 30), 30e3, 50e3, 30.0),
    "301 x 93 x 31": ((301, 93, 31), 12e3, 40e3, 50.0),
}
QUICK = {"20 x 15 x 6": ((20, 15, 6), 30e3, 50e3, 30.0)}


def sea(size: tuple[int, int, int], width: float) -> Places:
    """Return the points of T of a sea with islands, with layers of 10 m that grow by 15 % each."""
    nx, ny, nk = size
    grid = ogcm.cartesian(nx=nx, ny=ny, dx=width, dy=width)
    dz = 10 * 1.15 ** np.arange(nk)
    floor = gaussian_filter(np.random.default_rng(0).normal(size=(ny, nx)), 4)
    depth = dz.sum() * np.clip(0.7 + 0.5 * floor / floor.std(), 0, 1)
    wet = np.cumsum(dz)[:, None, None] <= depth + 0.5 * dz[:, None, None]
    h = np.repeat(dz[:, None], nx * ny, axis=1)
    return Places(wet.reshape(1, nk, -1), grid, "t", np.arange(nx * ny), h, 0.5 * (h[:-1] + h[1:]), None, None)


def row(name: str, size: tuple[int, int, int], width: float, length: float, depth: float) -> str:
    """Return the line of one sea."""
    places, rng = sea(size, width), np.random.default_rng(1)
    start = time.process_time()
    c = Correlation(places, {"length": length, "depth": depth, "days": 0.0})
    made = time.process_time() - start
    z, times = rng.normal(size=places.wet.shape), []
    for apply in (c.root, c.transpose):
        begin = time.process_time()
        for _ in range(3):
            apply(z)
        times.append((time.process_time() - begin) / 3)
    errors = []
    for n in rng.choice(np.flatnonzero(places.wet), 20, replace=False):
        unit = np.zeros(places.wet.size)
        unit[n] = 1
        errors.append(abs((c.transpose(unit.reshape(places.wet.shape)) ** 2).sum() - 1))
    size_of_factors = 12e-6 * sum(d.factors.nnz for _, d in c.parts)
    return (
        f"{name:15} {len(c.parts) - 1:6d} {made:8.1f} {times[0]:8.2f} {times[1]:9.2f} {size_of_factors:8.0f} "
        f"{max(errors):9.1e}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small sea")
    seas = QUICK if parser.parse_args().quick else SEAS
    print(f"{'cells':15} {'layers':>6} {'make s':>8} {'root s':>8} {'transp. s':>9} {'MB':>8} {'error':>9}")
    for name, options in seas.items():
        print(row(name, *options), flush=True)


if __name__ == "__main__":
    main()
