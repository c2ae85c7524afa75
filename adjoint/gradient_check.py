"""Is an adjoint the transpose of its forward kernel? The dot-product test.

The tangent linear comes from the forward kernel itself, run in complex128 with the increment in
the imaginary part: J dx = imag(F(x + i h dx))/h, exact to round-off for h = 1e-200 (Squire and
Trapp 1998, doi 10.1137/S003614459631241X). Then <J dx, y> must equal <dx, J* y>.
"""

from collections.abc import Callable, Sequence

import numpy as np

from adjoint.complex_step import STEP
from ogcm.grid import Grid, interior
from ogcm.halo import exchange


def dot_product_error(
    forward: Callable,
    adjoint: Callable,
    inputs: dict[str, np.ndarray],
    constants: Callable[[Grid, np.dtype], tuple],
    grid: Grid,
    outputs: dict[str, tuple[int, ...]],
    *,
    seed: int = 0,
    active: Sequence[str] | None = None,
    increments: dict[str, np.ndarray] | None = None,
) -> float:
    """|<J dx, y> - <dx, J* y>| over the sum of the magnitudes of all terms (0 where nothing flows).

    `forward(*inputs, *constants, grid, *outputs)` and
    `adjoint(*inputs, *constants, grid, *outputs_ad, *inputs_ad)`, with `constants(grid, dtype)`; `inputs` are
    arrays with filled halos, `outputs` the shapes of what forward assigns; `active` names the inputs that are
    perturbed (default: all). Perturbations are as large as the input, so that land and closed faces stay as they
    are; `increments` gives others, for inputs of 0.
    """

    def inner(x):
        return interior(x) if x.ndim >= 2 else x

    rng = np.random.default_rng(seed)
    active = list(inputs) if active is None else active

    def random_like(x):
        dx = np.zeros(x.shape)
        inner(dx)[...] = rng.normal(size=inner(x).shape) * np.abs(inner(x))
        exchange(grid, *([dx] if dx.ndim >= 2 else []))
        return dx

    if increments is None:
        increments = {name: random_like(x) if name in active else np.zeros_like(x) for name, x in inputs.items()}
    perturbed = [x + 1j * STEP * increments[name] for name, x in inputs.items()]
    results = [np.zeros(shape, complex) for shape in outputs.values()]
    forward(*perturbed, *constants(grid, np.dtype(complex)), grid, *results)

    weights = []
    for result in results:
        y = np.zeros(result.shape)
        interior(y)[...] = rng.normal(size=interior(y).shape)
        exchange(grid, y)
        weights.append(y)
    gradients = [np.zeros(x.shape) for x in inputs.values()]
    adjoint(*inputs.values(), *constants(grid, np.dtype(float)), grid, *weights, *gradients)

    terms = [inner(r.imag / STEP) * inner(y) for r, y in zip(results, weights, strict=True)]
    terms += [-inner(increments[name]) * inner(g) for name, g in zip(inputs, gradients, strict=True)]
    magnitude = sum(abs(t).sum() for t in terms)
    return abs(sum(t.sum() for t in terms)) / magnitude if magnitude else 0.0
