"""Layers that are thin at the surface and thick in the deep ocean."""

import numpy as np

from ogcm.errors import InputError
from ogcm.inputs import count, number

Array = np.ndarray
STEEPNESS = 3.0  # of the change from thin to thick layers


def stretched_layers(layers: int, depth: float, top: float) -> Array:
    """Return the thicknesses of layers that grow smoothly from the surface to the deepest sea floor.

        dz_k = top + (bottom - top) s_k,    s_k = [1 + tanh(3 (2 (k + 1/2)/layers - 1))]/2

    with the thickness `bottom` of the lowest layers that makes their sum the depth. The form is that of Madec and
    Imbard (1996, doi 10.1007/BF00211684).

    Parameters
    ----------
    layers : int
        Number of layers.
    depth : float
        Their sum [m].
    top : float
        Thickness of the uppermost layers [m], to within s_0 = 0.003.

    Returns
    -------
    ndarray, shape (layers,)
        Thicknesses [m] from the surface down.

    Raises
    ------
    InputError
        For numbers that are not positive, and where even layers of the thickness `top` exceed the depth.
    """
    n, whole, first = count("layers", layers), number("depth", depth), number("top", top)
    if not 0 < n * first <= whole:
        raise InputError(
            f"top: {n} layers of {first:g} m and a depth of {whole:g} m do not fit; top must be positive, and at most "
            f"{whole / n:g} m"
        )
    s = 0.5 * (1 + np.tanh(STEEPNESS * (2 * (np.arange(n) + 0.5) / n - 1)))
    return first + (whole - n * first) * s / s.sum()
