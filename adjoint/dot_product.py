"""The dot-product test of an adjoint kernel: <J dx, y> = <dx, J* y> for all dx and y.

J dx is computed by the complex step with the forward kernel (`adjoint.complex_step`), and J* y by the adjoint kernel.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from adjoint.complex_step import STEP
from adjoint.pairs import Pair
from adjoint.random_ocean import mask_of, random_field
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
    overwrites: Collection[str] = (),
) -> float:
    """Compute the error of an adjoint kernel, |<J dx, y> - <dx, J* y>| over the sum of the magnitudes of all terms.

    Parameters
    ----------
    forward : callable
        Forward kernel, `forward(*inputs, *constants, grid, *outputs)`.
    adjoint : callable
        Adjoint kernel, `adjoint(*inputs, *constants, grid, *outputs_ad, *inputs_ad)`.
    inputs : dict of ndarray
        Inputs by name, with filled halos.
    constants : callable
        `constants(grid, dtype)` makes the arguments that are not differentiated.
    grid : Grid
        Grid of the fields.
    outputs : dict of tuple
        Shapes of the outputs by name.
    seed : int, optional
        Seed of the random perturbations and weights.
    active : sequence of str, optional
        Names of the inputs that are perturbed; by default all.
    increments : dict of ndarray, optional
        Perturbations by name. By default they are random and as large as the inputs, so that land and closed faces
        stay as they are; others are needed for inputs that are 0.
    overwrites : collection of str, optional
        Names of the inputs whose adjoints are overwritten; they begin as NaN on the interior.

    Returns
    -------
    float
        The error [1]; 0 if all terms are 0.
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
    for name, g in zip(inputs, gradients, strict=True):
        inner(g)[...] = np.nan if name in overwrites else 0
    adjoint(*inputs.values(), *constants(grid, np.dtype(float)), grid, *weights, *gradients)

    terms = [inner(r.imag / STEP) * inner(y) for r, y in zip(results, weights, strict=True)]
    terms += [-inner(increments[name]) * inner(g) for name, g in zip(inputs, gradients, strict=True)]
    magnitude = sum(abs(t).sum() for t in terms)
    return abs(sum(t.sum() for t in terms)) / magnitude if magnitude else 0.0


def pair_error(pair: Pair, grid: Grid, *, seed: int = 0, active: Sequence[str] | None = None) -> float:
    """Compute the error of an adjoint kernel on random fields, by `dot_product_error`.

    Parameters
    ----------
    pair : Pair
        The forward kernel and its adjoint.
    grid : Grid
        Grid of the fields.
    seed : int, optional
        Seed of the random numbers.
    active : sequence of str, optional
        Names of the inputs that are perturbed; by default all.

    Returns
    -------
    float
        The error [1].
    """
    rng = np.random.default_rng(seed)
    inputs = {x: random_field(grid, kind, rng, size) for x, (kind, size) in pair.inputs.items()}
    outputs = {y: mask_of(grid, kind).shape for y, kind in pair.outputs.items()}
    arguments = (pair.forward, pair.adjoint, inputs, pair.constants, grid, outputs)
    return dot_product_error(*arguments, seed=seed, active=active, overwrites=pair.overwrites)
