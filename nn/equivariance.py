"""Outputs of an equivariant network: a vector or tensor of the ocean, stretched and rotated.

    O = C1 e + C2 (e rotated by a right angle),    with complex numbers O = (C1 + i C2)(e1 + i e2)

C = scale tanh(network) are functions of scalars, and e is a gradient or the strain at T points (`Form.basis`): when the
ocean is rotated, O is rotated with it. Vectors are averaged to the faces where they act.

Adjoint: C1_ad = e1 O1_ad + e2 O2_ad, C2_ad = e1 O2_ad - e2 O1_ad, and e_ad likewise with C in place of e.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from nn.output_kernels import at_faces, at_faces_ad
from nn.outputs import Form
from ogcm.grid import Grid
from ogcm.halo import exchange

Array = np.ndarray
Output = tuple[Form, slice]


def stretch_and_rotate(C: Array, basis: Mapping[str, Array], outputs_at: Sequence[Output], grid: Grid) -> Array:
    """Return the outputs where they act, from the coefficients C (components, nk, nj, ni).

    `basis` holds e (2, nk, nj, ni) by the name of the feature, `outputs_at` form and slice of each output.
    """
    outputs = np.zeros_like(C)
    for form, p in outputs_at:
        (a, b), (x, y) = C[p], basis[form.basis]
        vector = np.stack([a * x - b * y, a * y + b * x])
        if form.at_faces:
            exchange(grid, *vector)
            at_faces(*vector, grid, *outputs[p])
        else:
            outputs[p] = vector
    return outputs


def stretch_and_rotate_ad(
    C: Array, basis: Mapping[str, Array], outputs_at: Sequence[Output], grid: Grid, O_ad: Array
) -> dict[str, Array]:
    """Turn O_ad into C_ad in place, and return the adjoint of each basis (2, nk, nj, ni) by name."""
    basis_ad = {name: np.zeros_like(e) for name, e in basis.items()}
    for form, p in outputs_at:
        (a, b), (x, y), (p_ad, q_ad) = C[p], basis[form.basis], vector_ad(form, O_ad[p], grid)
        basis_ad[form.basis][0] += a * p_ad + b * q_ad
        basis_ad[form.basis][1] += a * q_ad - b * p_ad
        O_ad[p] = np.stack([x * p_ad + y * q_ad, x * q_ad - y * p_ad])
    return basis_ad


def vector_ad(form: Form, O_ad: Array, grid: Grid) -> Array:
    """Return the adjoint (2, nk, nj, ni) at T points of an output, whose adjoint where it acts is O_ad."""
    if not form.at_faces:
        return O_ad.copy()
    at_centres_ad = np.zeros_like(O_ad)
    exchange(grid, *O_ad)
    at_faces_ad(*O_ad, grid, *O_ad, *at_centres_ad)
    return at_centres_ad
